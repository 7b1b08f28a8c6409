//! The same land in every form that map files come in, what is refused and how it is said, the gates, the earlier
//! editions, and gazetteers.
#![allow(clippy::unwrap_used)]

#[path = "formats/mod.rs"]
mod formats;

use callout::cli::import_gazetteer::{self, ImportGazetteerArgs};
use callout::cli::import_layer::{self, ImportLayerArgs};
use callout::config::Layers;
use callout::domain::ownership::Position;
use callout::land::{Lookup, PlaceCode};
use callout::landbook::gazetteer::{Gazetteers, Kind};
use callout::landbook::import::{ImportOptions, import, import_file};
use callout::landbook::layer::{Crs, Layer};
use callout::landbook::report::ImportReport;
use callout::landbook::{mapping, store};
use formats::{BNG_WKT, Feature, WGS84_WKT};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn plain(id_field: &str) -> ImportOptions {
    let word = |word: &str| word.to_owned();
    ImportOptions {
        id: word("x"),
        name: word("X"),
        kind: word("park"),
        id_field: Some(word(id_field)),
        ..ImportOptions::default()
    }
}

fn read(bytes: &[u8], options: &ImportOptions) -> (Layer, ImportReport) {
    import(bytes, "test", options, None, &mut |_, _| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(bytes: &[u8]) -> String {
    match import(bytes, "test", &plain("ref"), None, &mut |_, _| {}) {
        Err(error) => error.to_string(),
        Ok((_, report)) => panic!("taken: {report}"),
    }
}

/// Plots of 20 m in a row at 349 km, 325 km; each third with a hole, shells clockwise as shapefiles want them.
fn plots(n: usize) -> Vec<Feature> {
    let square = |x: f64, y: f64, side: f64| vec![[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]];
    (0..n)
        .map(|at| {
            let x = 349_000.0 + 25.0 * at as f64;
            let mut rings = vec![square(x, 325_000.0, 20.0)];
            if at % 3 == 0 {
                rings.push(square(x + 5.0, 325_005.0, 5.0).into_iter().rev().collect());
            }
            let mut polygons = vec![rings];
            if at % 4 == 0 {
                polygons.push(vec![square(x, 325_100.0, 20.0)]);
            }
            (format!("P{at}"), polygons)
        })
        .collect()
}

#[test]
fn the_same_land_comes_out_of_every_form() {
    let plots = plots(40);
    let (expected, report) = read(&formats::geojson(&plots), &plain("ref"));
    assert_eq!((report.kept, report.invalid, report.crs), (40, 0, Crs::Bng));
    let srs = "urn:ogc:def:crs:EPSG::27700";
    for (name, bytes, field) in [
        ("gml", formats::gml(&plots, srs), "INSPIREID"),
        ("shapefile", formats::shapefile(&plots, 5, BNG_WKT), "REF"),
        ("geopackage", formats::geopackage(&plots, 27700), "ref"),
        (
            "zipped gml",
            formats::zip(&[("Land_Registry_Cadastral_Parcels.gml", &formats::gml(&plots, srs))]),
            "INSPIREID",
        ),
        (
            "zipped geopackage",
            formats::zip(&[("readme.txt", b"hello"), ("a/b.gpkg", &formats::geopackage(&plots, 27700))]),
            "ref",
        ),
        ("zipped geojson", formats::zip(&[("plots.geojson", &formats::geojson(&plots))]), "ref"),
    ] {
        let (layer, report) = read(&bytes, &plain(field));
        assert_eq!(report.crs, Crs::Bng, "{name}");
        assert_eq!(layer.features(), expected.features(), "{name}: {report}");
    }
    let dated = ImportOptions {
        from_field: Some("VALIDFROM".to_owned()),
        name_field: Some("LABEL".to_owned()),
        ..plain("INSPIREID")
    };
    let (layer, _) = read(&formats::gml(&plots, srs), &dated);
    let first = &layer.features()[0];
    assert_eq!(first.valid_from.map(|day| day.to_string()).as_deref(), Some("2013-04-01"));
    assert_eq!(first.name.as_deref(), Some("a & b"));
}

#[test]
fn a_table_gives_points_lines_and_areas_and_lines_want_a_width() {
    let table = "ref;wkt;width\nA;LINESTRING(349000 325000,349100 325000);8\nB;POINT(349000 325500);\n\
                 C;POLYGON((349000 326000,349010 326000,349010 326010,349000 326000));\nD;;\nE;POINT(x y);3\n";
    let options = ImportOptions { buffer_m: Some(10.0), width_field: Some("width".to_owned()), ..plain("ref") };
    let (layer, report) = read(table.as_bytes(), &options);
    assert_eq!((report.kept, report.drawn, report.refused), (3, 2, 2), "{report}");
    let touches = |x: i32, y: i32| {
        layer.touching([x, y]).into_iter().map(|(feature, _)| feature.id.clone()).collect::<Vec<_>>().join(",")
    };
    assert_eq!(touches(349_050_000, 325_003_900), "A");
    assert_eq!(touches(349_050_000, 325_004_100), "");
    assert_eq!(touches(349_009_000, 325_500_000), "B");
    let points = "ID,X_COORDINATE,Y_COORDINATE\n1,349000.00,325000.00\n2,\"349,020\",325000\n";
    let report = match import(points.as_bytes(), "t", &plain("ID"), None, &mut |_, _| {}) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("points are no land"),
    };
    assert!(report.contains("a point; say how wide it is with --buffer"), "{report}");
    let (layer, report) = read(points.as_bytes(), &ImportOptions { buffer_m: Some(2.0), ..plain("ID") });
    assert_eq!((layer.features().len(), report.crs_from), (2, "named in the file"));
    // Degrees are told by the columns, and converted.
    let degrees = "id,lat,lon\n1,52.658,1.716\n";
    let (layer, report) = read(degrees.as_bytes(), &ImportOptions { buffer_m: Some(5.0), ..plain("id") });
    assert_eq!(report.crs, Crs::Wgs84);
    let middle = layer.touching([651_404_800, 313_176_600]);
    assert_eq!(middle.first().map(|(_, position)| *position), Some(Position::Interior), "{:?}", layer.extent());
    // Adopted streets as a shapefile of lines.
    let streets = vec![("S1".to_owned(), vec![vec![vec![[349_000.0, 325_000.0], [349_080.0, 325_000.0]]]])];
    let lines = formats::shapefile(&streets, 3, BNG_WKT);
    let (layer, _) = read(&lines, &ImportOptions { buffer_m: Some(4.0), ..plain("REF") });
    assert!((layer.features()[0].area_m2 - 690.0).abs() < 5.0, "{}", layer.features()[0].area_m2);
}

#[test]
fn what_cannot_be_right_is_refused_with_what_where_and_how_to_mend_it() {
    let plots = plots(3);
    let srs = "urn:ogc:def:crs:EPSG::27700";
    let gml = String::from_utf8(formats::gml(&plots, srs)).unwrap();
    let doctype = gml.replacen("<wfs:Feat", "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<wfs:Feat", 1);
    let entity = gml.replacen("<LR:LABEL>a &amp; b", "<LR:LABEL>&b;", 1);
    let deep = "<a>".repeat(10_000);
    let package = formats::geopackage(&plots, 27700);
    let changed = |at: usize, byte: u8| {
        let mut package = package.clone();
        package[at] = byte;
        package
    };
    let bomb = formats::zip(&[("plots.geojson", &vec![b' '; 40 << 20])]);
    let shapes = formats::shp(&plots, 5);
    let short_table = formats::dbf(&[("REF", 20)], &[vec!["P0".to_owned()]]);
    let mercator = "PROJCS[\"WGS_1984_Web_Mercator_Auxiliary_Sphere\",GEOGCS[\"x\"]]";
    let nested = format!("{{\"type\":\"FeatureCollection\",\"features\":[{}", "[".repeat(100_000));
    for (bytes, said) in [
        (doctype.into_bytes(), "it has a document type (<!DOCTYPE>); a map file has no use for one"),
        (entity.into_bytes(), "it has the entity \"b\", which XML does not know"),
        (gml.as_bytes()[..gml.len() / 2].to_vec(), "cut short"),
        ([b"<x>", deep.as_bytes()].concat(), "tags stand more than 64 deep"),
        (gml.replace(srs, "urn:ogc:def:crs:EPSG::3857").into_bytes(), "the file says its coordinates are EPSG:3857"),
        (gml.replacen(srs, "EPSG:4326", 1).into_bytes(), "one coordinate system"),
        (gml.replace(srs, "EPSG:4326").into_bytes(), "named in the file, but the numbers"),
        (nested.into_bytes(), "brackets stand more than 64 deep"),
        (changed(18, 2), "it is in write-ahead mode"),
        (changed(59, 2), "its text is in UTF-16"),
        (package[..package.len() - 1024].to_vec(), "it is cut short"),
        (changed(16, 3), "its head is damaged"),
        (formats::geopackage(&plots, 3857), "the file says its coordinates are EPSG:3857"),
        (bomb, "would swell"),
        (formats::zip(&[("../../etc/plots.geojson", b"{}")]), "a path that leads out of it"),
        (formats::zip(&[("/plots.geojson", b"{}")]), "a path that leads out of it"),
        (formats::zip(&[("C:\\plots.geojson", b"{}")]), "a path that leads out of it"),
        (
            formats::zip(&[("a.geojson", b"{}"), ("b.geojson", b"{}")]),
            "the archive has several: \"a.geojson\", \"b.geojson\"",
        ),
        (formats::zip(&[("readme.md", b"hello")]), "the archive has no map file; it has \"readme.md\""),
        (
            formats::zip(&[("[Content_Types].xml", b"<x/>"), ("xl/a.xml", b"<x/>")]),
            "this looks like an Excel or Word file",
        ),
        (formats::zip(&[("a.gdb/a00000001.gdbtable", b"x")]), "this looks like an ESRI file geodatabase"),
        (
            formats::zip(&[("a.shp", &shapes), ("a.dbf", &short_table)]),
            "the table has fewer rows than there are shapes",
        ),
        (formats::zip(&[("a.shp", &shapes[..shapes.len() - 8])]), "the shapes are cut short"),
        (formats::shapefile(&plots, 5, mercator), "WGS_1984_Web_Mercator_Auxiliary_Sphere"),
        (formats::shapefile(&plots, 5, WGS84_WKT), "but the numbers (first: 349000,325000) look like EPSG:27700"),
        (b"%PDF-1.7 ...".to_vec(), "this looks like a PDF"),
        (b"<!DOCTYPE html><html><body>Sign in".to_vec(), "this looks like a web page"),
        (b"<?xml version=\"1.0\"?><kml>".to_vec(), "this looks like KML"),
        (b"\x1f\x8b\x08".to_vec(), "this looks like gzip data; unpack it first"),
        (b"".to_vec(), "the file is empty"),
        (b"\xff\xfea\0".to_vec(), "this looks like text in UTF-16"),
        (b"{\"type\":\"Topology\"}".to_vec(), "the file is a GeoJSON \"Topology\""),
        (b"name,colour\nx,red\n".to_vec(), "its first line names no columns for a place; it has \"name\", \"colour\""),
    ] {
        let words = refused(&bytes);
        assert!(words.contains(said), "wanted: {said}\ngot: {words}");
    }
}

fn layer_args(file: PathBuf) -> ImportLayerArgs {
    let said = |word: &str| Some(word.to_owned());
    ImportLayerArgs {
        file: Some(file),
        id: said("parks"),
        kind: said("park"),
        name: said("Parks"),
        date: Some("2026-04-01".parse().unwrap()),
        licence: said("ours"),
        id_field: said("ref"),
        ..ImportLayerArgs::default()
    }
}

fn run_layer(args: &ImportLayerArgs, data: &Path) -> Result<String, String> {
    let bodies = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bodies.toml");
    let mut out = Vec::new();
    import_layer::run(args, data, &bodies, &Layers::default(), &mut |_, _| {}, &mut out)
        .map(|_| String::from_utf8(out).unwrap())
        .map_err(|error| format!("{error:#}"))
}

#[test]
fn a_change_too_large_is_held_back_until_it_is_said_to_be_meant_and_can_be_undone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("parks.geojson");
    let write = |plots: &[Feature]| std::fs::write(&file, formats::geojson(plots)).unwrap();
    let args = layer_args(file.clone());
    let all = plots(60);
    write(&all);
    assert!(run_layer(&args, dir.path()).unwrap().contains("the first edition of this layer"));
    let in_force = || store::read(&dir.path().join("layers/parks.json")).unwrap().meta;
    let old = in_force();

    // A few more are taken as they are.
    write(&plots(63));
    let said = run_layer(&args, dir.path()).unwrap();
    assert!(said.contains("60 features before, 63 now (+5.0 %)"), "{said}");
    // Other gates, each by its own slip; nothing is replaced.
    let kept = in_force();
    let moved = |east: f64| -> Vec<Feature> {
        let at = |[x, y]: [f64; 2]| [x + east, y];
        let rings = |rings: &Vec<Vec<[f64; 2]>>| {
            rings.iter().map(|ring| ring.iter().map(|corner| at(*corner)).collect()).collect()
        };
        plots(63).iter().map(|(id, polygons)| (id.clone(), polygons.iter().map(rings).collect())).collect()
    };
    write(&plots(30));
    let said = run_layer(&args, dir.path()).unwrap_err();
    for gate in ["count: 63 features before, 30 now (-52.4 %); the limit is 20 %", "area:", "extent:", "points:"] {
        assert!(said.contains(gate), "{gate}: {said}");
    }
    write(&moved(12.0));
    let said = run_layer(&args, dir.path()).unwrap_err();
    assert!(said.contains("points:") && !said.contains("count:") && !said.contains("extent:"), "{said}");
    let dry = ImportLayerArgs { dry_run: true, ..args.clone() };
    assert!(run_layer(&dry, dir.path()).unwrap().contains("it would be held back:\n  points:"));
    assert_eq!(in_force(), kept);
    let meant = ImportLayerArgs { accept_change: Some("resurveyed".to_owned()), ..args.clone() };
    run_layer(&meant, dir.path()).unwrap();
    assert_eq!(in_force().accepted.as_deref(), Some("resurveyed"));

    let list = ImportLayerArgs { file: None, list: true, ..ImportLayerArgs::default() };
    let said = run_layer(&list, dir.path()).unwrap();
    assert_eq!(said.lines().filter(|line| line.starts_with("parks")).count(), 3, "{said}");
    assert!(said.contains("taken though it differed: resurveyed"), "{said}");
    let back = ImportLayerArgs { file: None, rollback: Some("parks".to_owned()), ..ImportLayerArgs::default() };
    assert!(run_layer(&back, dir.path()).unwrap().contains("is back"));
    assert_eq!(in_force(), kept);
    run_layer(&back, dir.path()).unwrap();
    assert_eq!(in_force().accepted.as_deref(), Some("resurveyed"), "a second rollback undoes the first");
    run_layer(&back, dir.path()).unwrap();
    // Only the last two stay.
    run_layer(&ImportLayerArgs { accept_change: Some("again".to_owned()), ..args.clone() }, dir.path()).unwrap();
    let said = run_layer(&list, dir.path()).unwrap();
    assert_eq!(said.lines().filter(|line| line.starts_with("parks")).count(), 3, "{said}");
    assert_ne!(old.sha256, in_force().sha256);
    let none = ImportLayerArgs { file: None, rollback: Some("roads".to_owned()), ..ImportLayerArgs::default() };
    assert!(run_layer(&none, dir.path()).unwrap_err().contains("there is no earlier edition of the layer \"roads\""));
    // A first edition far from everything else is another county, or has its axes swapped.
    let swapped: Vec<Feature> = plots(3)
        .iter()
        .map(|(id, polygons)| {
            let turn = |rings: &Vec<Vec<[f64; 2]>>| {
                rings.iter().map(|ring| ring.iter().map(|[x, y]| [*y, *x]).collect()).collect()
            };
            (id.clone(), polygons.iter().map(turn).collect())
        })
        .collect();
    write(&swapped);
    let other = ImportLayerArgs { id: Some("roads".to_owned()), ..args };
    assert!(run_layer(&other, dir.path()).unwrap_err().contains("easting and northing swapped?"));
}

#[test]
fn a_mapping_says_which_field_means_what() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("streets.csv");
    let table = "USRN,STREET,MAINTAINER,ADOPTED,ADOPTED_ON,wkt\n\
                 20500001,Mill Street,LHA,Y,01/04/1999,\"LINESTRING(349000 325000,349100 325000)\"\n\
                 20500002,Ring Road,NH,Yes,soon,\"LINESTRING(349000 325100,349100 325100)\"\n\
                 20500003,Back Lane,LHA,N,,\"LINESTRING(349000 325200,349100 325200)\"\n";
    std::fs::write(&file, table).unwrap();
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/adopted-streets.toml");
    let args = ImportLayerArgs {
        file: Some(file.clone()),
        mapping: Some(mapping.clone()),
        date: Some("2026-04-01".parse().unwrap()),
        ..ImportLayerArgs::default()
    };
    let said = run_layer(&args, dir.path()).unwrap();
    assert!(said.contains("1 features left out by the mapping"), "{said}");
    assert!(said.contains("a date cannot be read and is left out: 20500002 (no. 1): soon"), "{said}");
    let layer = store::read(&dir.path().join("layers/adopted-highways.json")).unwrap();
    let facts: Vec<String> = layer
        .features()
        .iter()
        .map(|one| format!("{} {} {:?} {:?}", one.id, one.body.as_ref().unwrap(), one.name, one.valid_from))
        .collect();
    assert_eq!(
        facts,
        [
            "20500001 highways Some(\"Mill Street\") Some(1999-04-01)",
            "20500002 national_highways Some(\"Ring Road\") None"
        ]
    );
    let options = mapping::parse("[layer]\nbuffer_m = 2\n[fields]\nid = \"USNR\"\n").unwrap();
    let (_, report) = import_file(&file, &options, None, &mut |_, _| {}).unwrap();
    assert!(
        report.notes[0].contains("no feature has the id field \"USNR\"; the file's fields are \"ADOPTED\""),
        "{report}"
    );
    let bare = ImportLayerArgs { file: Some(file), ..ImportLayerArgs::default() };
    let said = run_layer(&bare, dir.path()).unwrap_err();
    assert!(["--id", "--kind", "--name", "--date", "--licence"].iter().all(|flag| said.contains(flag)), "{said}");
}

#[test]
fn the_city_of_london_is_the_same_through_every_form() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gis/hmlr_inspire_city_of_london.geojson");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    let whole: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let features: Vec<Feature> = whole["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| {
            let geometry = &feature["geometry"];
            let coordinates = geometry["coordinates"].clone();
            let polygons = if geometry["type"] == "Polygon" {
                vec![serde_json::from_value(coordinates).unwrap()]
            } else {
                serde_json::from_value(coordinates).unwrap()
            };
            let id = &feature["properties"]["area"];
            (id.as_str().map_or_else(|| id.to_string(), str::to_owned), polygons)
        })
        .collect();
    let (expected, report) = read(&bytes, &ImportOptions { id_field: Some("area".to_owned()), ..plain("area") });
    let counts = |report: &ImportReport| {
        let all = report.classes.iter().map(|(class, told)| (*class, told.features));
        (report.read, report.kept, report.invalid, all.collect::<BTreeMap<_, _>>())
    };
    println!("{report}");
    for (name, bytes, field) in [
        ("gml", formats::gml(&features, "urn:ogc:def:crs:OGC:1.3:CRS84"), "INSPIREID"),
        ("geopackage", formats::geopackage(&features, 4326), "ref"),
    ] {
        let (layer, told) = read(&bytes, &plain(field));
        assert_eq!(counts(&told), counts(&report), "{name}");
        assert_eq!(layer.features(), expected.features(), "{name}");
    }
    // A shapefile says which ring is a hole by its turn alone: rings are turned as the format wants, as every writer
    // does, and the holes that were wound like their shell are told no more.
    let turned: Vec<Feature> = features
        .iter()
        .map(|(id, polygons)| {
            let turn = |(at, ring): (usize, &Vec<[f64; 2]>)| {
                let area2: f64 =
                    ring.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[1][1] + pair[0][1])).sum();
                let clockwise = area2 > 0.0;
                if clockwise == (at == 0) { ring.clone() } else { ring.iter().rev().copied().collect() }
            };
            (id.clone(), polygons.iter().map(|rings| rings.iter().enumerate().map(turn).collect()).collect())
        })
        .collect();
    let (layer, told) = read(&formats::shapefile(&turned, 5, WGS84_WKT), &plain("REF"));
    println!("{told}");
    assert_eq!(told.read, report.read);
    let land = |layer: &Layer| {
        layer
            .features()
            .iter()
            .map(|one| (one.id.clone(), (one.area_m2 * 100.0).round() as i64))
            .collect::<BTreeMap<_, _>>()
    };
    let (expected, got) = (land(&expected), land(&layer));
    let differing: Vec<&String> =
        expected.iter().filter(|(id, area)| got.get(*id) != Some(area)).map(|(id, _)| id).collect();
    let some: Vec<_> = differing.iter().take(10).collect();
    assert!(differing.len() <= 2, "{} differ: {some:?}", differing.len());
}

fn gazetteer(dir: &Path, kind: Kind, file: &str, bytes: &[u8]) -> Result<String, String> {
    let path = dir.join(file);
    std::fs::write(&path, bytes).unwrap();
    let args = ImportGazetteerArgs {
        file: Some(path),
        kind: Some(kind),
        name: Some("Sample".to_owned()),
        date: Some("2026-04-01".parse().unwrap()),
        licence: Some("ours".to_owned()),
        ..ImportGazetteerArgs::default()
    };
    let mut out = Vec::new();
    import_gazetteer::run(&args, dir, &mut |_, _| {}, &mut out)
        .map(|_| String::from_utf8(out).unwrap())
        .map_err(|error| format!("{error:#}"))
}

#[test]
fn gazetteers_are_read_as_they_are_published_and_find_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    // Code-Point Open: a zip of tables without a head, one for each area, and a document beside them.
    let one = "\"WX1 4AA\",10,349000,325000,\"E92000001\",\"\",\"\",\"\",\"\",\"\"\n\"WX1 4AB\",10,349200,325000,\"E\",\"\",\"\",\"\",\"\",\"\"\n\
               \"WX1 4AD\",90,0,0,\"E\",\"\",\"\",\"\",\"\",\"\"\n";
    let two = "\"WX2 4QD\",60,349100,324000,\"E\",\"\",\"\",\"\",\"\",\"\"\nrubbish,10,1,1\n";
    let files = formats::zip(&[
        ("Data/CSV/wx1.csv", one.as_bytes()),
        ("Data/CSV/wx2.csv", two.as_bytes()),
        ("Doc/metadata.csv", b"a,b\n1,2\n"),
    ]);
    let said = gazetteer(data, Kind::Postcode, "codepo.zip", &files).unwrap();
    assert!(said.starts_with("Code-Point Open: 5 rows read, 3 entries"), "{said}");
    assert!(said.contains("has no point: line 3: WX1 4AD") && said.contains("rubbish"), "{said}");
    // OS Open UPRN.
    let uprns = "\u{feff}UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\n1,349010.5,325010.00,52.8,-2.7\n2,,,,\n";
    gazetteer(data, Kind::Uprn, "uprn.csv", uprns.as_bytes()).unwrap();
    // OS Open USRN: a GeoPackage there; the same lines as a table here.
    let usrns = "usrn,wkt\n20500001,\"LINESTRING(349000 325000,349100 325000)\"\n20500001,\"LINESTRING(349100 325000,349200 325000)\"\n";
    gazetteer(data, Kind::Usrn, "usrn.geojson", usrn_geojson(usrns).as_bytes()).unwrap();
    let streets = "name,town,easting,northing\nMill Street,Wexmoor,349000,325000\nMill Street,Wexmoor,349100,325000\n\
                   Mill Street,Barnham,359000,325000\nHigh Street,Wexmoor,349000,326000\n";
    gazetteer(data, Kind::Street, "streets.csv", streets.as_bytes()).unwrap();

    let (all, problems) = Gazetteers::load_all(&data.join("gazetteers"));
    assert!(problems.is_empty());
    let found = |code: PlaceCode<'_>| match all.find(code) {
        Lookup::Found(place) => {
            let (at, reach_m) = (place.located.point, place.located.uncertainty_m);
            format!("{} {},{} {reach_m} m, {} corners", place.name, at.easting(), at.northing(), place.line.len())
        }
        Lookup::Several(places) => places.into_iter().map(|place| place.name).collect::<Vec<_>>().join(" | "),
        other => format!("{other:?}"),
    };
    assert_eq!(found(PlaceCode::Postcode("wx1 4aa")), "WX1 4AA 349000,325000 2000 m, 0 corners");
    assert_eq!(found(PlaceCode::Postcode("WX1 4AD")), "NotThere");
    assert_eq!(found(PlaceCode::Uprn("1")), "UPRN 1 349010.5,325010 5 m, 0 corners");
    assert_eq!(found(PlaceCode::Usrn("20500001")), "USRN 20500001 349100,325000 100 m, 3 corners");
    assert_eq!(found(PlaceCode::Street("mill st")), "Mill Street, Barnham | Mill Street, Wexmoor");
    assert_eq!(found(PlaceCode::Street("Mill Street, Barnham")), "Mill Street, Barnham 359000,325000 250 m, 0 corners");

    // The ONS directory has a head, ended codes and other grids.
    let ons = "pcd,pcds,dointr,doterm,oseast1m,osnrth1m,osgrdind\n\"WX1 4AA\",WX1 4AA,198001,,349000,325000,1\n\
               WX1 4AB,WX1 4AB,198001,199912,349200,325000,1\nBT1 1AA,BT1 1AA,198001,,146000,530000,1\n\
               WX1 4AE,WX1 4AE,198001,,349200,325000,9\nWX2 4QD,WX2 4QD,198001,,349300,325000,1\n";
    let said = gazetteer(data, Kind::Postcode, "ons.csv", ons.as_bytes()).unwrap();
    assert!(said.starts_with("ONS postcode directory: 5 rows read, 2 entries"), "{said}");
    for why in ["has ended", "is not in Great Britain", "has no point"] {
        assert!(said.contains(why), "{why}: {said}");
    }
    // Half of it gone is held back; a file with no such column is told what it has.
    let said = gazetteer(data, Kind::Street, "few.csv", b"name,easting,northing\nX Road,349000,325000\n").unwrap_err();
    assert!(said.contains("the old one is kept"), "{said}");
    let said = gazetteer(data, Kind::Uprn, "wrong.csv", b"name,easting,northing\nX Road,349000,325000\n").unwrap_err();
    assert!(said.contains("no column for the uprn; the file has \"name\", \"easting\", \"northing\""), "{said}");
}

/// `config/samples/`: gazetteers of the made-up town, to try the import with. `UPDATE=1` writes them anew.
#[test]
fn the_sample_gazetteers_are_the_made_up_towns_and_can_be_imported() {
    use callout::demo::gazetteer::{PlaceKind, gazetteer as places};
    use callout::demo::town::{on_grid, streets};
    let metres = |at: callout::domain::place::GridPoint| format!("{:.1},{:.1}", at.easting(), at.northing());
    let mut postcodes = "postcode,easting,northing\n".to_owned();
    let mut uprns = "uprn,easting,northing\n".to_owned();
    let mut usrns = "usrn,name,town,wkt\n".to_owned();
    for place in places() {
        match place.kind {
            PlaceKind::Postcode => postcodes.push_str(&format!("{},{}\n", place.name, metres(place.at))),
            // Numbers that nobody has given out.
            PlaceKind::Landmark => {
                let number = 999_900_000_000_u64 + uprns.lines().count() as u64;
                uprns.push_str(&format!("{number},{}\n", metres(place.at)));
            }
            PlaceKind::Street => {}
        }
    }
    for (at, street) in streets().enumerate() {
        let corners: Vec<String> = street.line.iter().map(|point| metres(on_grid(*point)).replace(',', " ")).collect();
        usrns.push_str(&format!(
            "{},{},Wexmoor,\"LINESTRING ({})\"\n",
            99_900_001 + at,
            street.name,
            corners.join(",")
        ));
    }
    let dir = tempfile::tempdir().unwrap();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/samples");
    for (file, text) in [("postcodes.csv", &postcodes), ("uprns.csv", &uprns), ("streets.csv", &usrns)] {
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(&home).unwrap();
            std::fs::write(home.join(file), text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(home.join(file)).unwrap(), **text, "{file}: UPDATE=1 writes it");
    }
    gazetteer(dir.path(), Kind::Postcode, "p.csv", postcodes.as_bytes()).unwrap();
    gazetteer(dir.path(), Kind::Uprn, "u.csv", uprns.as_bytes()).unwrap();
    gazetteer(dir.path(), Kind::Usrn, "s.csv", usrns.as_bytes()).unwrap();
    gazetteer(dir.path(), Kind::Street, "n.csv", usrns.as_bytes()).unwrap();
    let (all, _) = Gazetteers::load_all(&dir.path().join("gazetteers"));
    for code in [PlaceCode::Postcode("WX2 4QD"), PlaceCode::Usrn("99900001"), PlaceCode::Street("mill st")] {
        assert!(matches!(all.find(code), Lookup::Found(_)), "{code:?}: {:?}", all.find(code));
    }
    let Lookup::Found(street) = all.find(PlaceCode::Street("Mill Street")) else { panic!("no Mill Street") };
    assert!(street.line.len() > 1 && street.located.uncertainty_m > 50.0);
}

fn usrn_geojson(table: &str) -> String {
    let features: Vec<serde_json::Value> = table
        .lines()
        .skip(1)
        .map(|row| {
            let (usrn, line) = row.split_once(',').unwrap();
            let numbers: Vec<f64> =
                line.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter_map(|word| word.parse().ok()).collect();
            let corners: Vec<&[f64]> = numbers.chunks(2).collect();
            serde_json::json!({ "type": "Feature", "properties": { "usrn": usrn.parse::<u64>().unwrap() },
                "geometry": { "type": "LineString", "coordinates": corners } })
        })
        .collect();
    serde_json::json!({ "type": "FeatureCollection", "features": features }).to_string()
}
