//! A map file becomes a layer: every fault told by its class, sound ground kept to the millimetre, and the old layer
//! in force until the new one has passed.
#![allow(clippy::unwrap_used)]

use callout::cli::import_layer::{self, ImportLayerArgs};
use callout::config::Layers;
use callout::domain::ownership::{Bodies, Confidence, Position};
use callout::domain::place::{GridPoint, Located};
use callout::landbook::check::{Class, Remedy};
use callout::landbook::import::{ImportError, ImportOptions, import};
use callout::landbook::layer::{Crs, Layer};
use callout::landbook::report::ImportReport;
use callout::landbook::source::SourceError;
use callout::landbook::{Land, LandBook, MapBox, store};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

fn options() -> ImportOptions {
    ImportOptions {
        id: "parks".to_owned(),
        name: "Parks".to_owned(),
        kind: "park".to_owned(),
        body: None,
        date: "2026-04-01".to_owned(),
        licence: "ours".to_owned(),
        accuracy_m: 1.0,
        crs: Some(Crs::Bng),
        id_field: Some("id".to_owned()),
        name_field: Some("name".to_owned()),
        ..ImportOptions::default()
    }
}

fn bodies() -> Bodies {
    Bodies::parse(include_str!("../config/bodies.toml")).unwrap()
}

fn collection(features: &[Value]) -> String {
    json!({ "type": "FeatureCollection", "features": features }).to_string()
}

/// A polygon at 349 km, 325 km; rings in metres from there, as given.
fn polygon(id: &str, rings: &[&[(f64, f64)]]) -> Value {
    json!({
        "type": "Feature",
        "properties": { "id": id, "name": format!("name of {id}") },
        "geometry": { "type": "Polygon", "coordinates": rings.iter().map(|ring| moved(ring)).collect::<Vec<_>>() },
    })
}

fn moved(ring: &[(f64, f64)]) -> Vec<[f64; 2]> {
    ring.iter().map(|(x, y)| [349_000.0 + x, 325_000.0 + y]).collect()
}

fn read(text: &str, options: &ImportOptions) -> (Layer, ImportReport) {
    import(text.as_bytes(), "test.geojson", options, Some(&bodies()), &mut |_, _| {}).unwrap()
}

/// A soundly drawn square with its sides in metres.
const SQUARE: &[(f64, f64)] = &[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)];

#[test]
fn every_class_of_fault_is_told_and_the_sound_feature_is_kept() {
    let square: Vec<(f64, f64)> = SQUARE.to_vec();
    let hole: &[(f64, f64)] = &[(2.0, 2.0), (4.0, 2.0), (4.0, 4.0), (2.0, 4.0), (2.0, 2.0)];
    let with =
        |name: &str, geometry: Value| json!({ "type": "Feature", "properties": { "id": name }, "geometry": geometry });
    let multi = |name: &str, polygons: &[&[(f64, f64)]]| {
        let coordinates: Vec<Value> = polygons.iter().map(|ring| json!([moved(ring)])).collect();
        with(name, json!({ "type": "MultiPolygon", "coordinates": coordinates }))
    };
    let features = [
        polygon("sound", &[&square]),
        polygon("not closed", &[&square[..4]]),
        polygon("repeated", &[&[(0.0, 0.0), (10.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 0.0)]]),
        polygon("hole turns", &[&square, hole]),
        polygon("sound", &[&square]),
        polygon("bow tie", &[&[(0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0), (0.0, 0.0)]]),
        polygon("touches", &[&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 0.0), (0.0, 10.0), (0.0, 0.0)]]),
        polygon("spike", &[&[(0.0, 0.0), (10.0, 0.0), (15.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 0.0)]]),
        polygon("rings cross", &[&square, &[(8.0, 8.0), (8.0, 12.0), (12.0, 12.0), (12.0, 8.0), (8.0, 8.0)]]),
        polygon("rings share", &[&square, &[(10.0, 2.0), (5.0, 2.0), (5.0, 8.0), (10.0, 8.0), (10.0, 2.0)]]),
        polygon("hole outside", &[&square, &[(20.0, 2.0), (20.0, 8.0), (25.0, 8.0), (20.0, 2.0)]]),
        polygon(
            "hole in hole",
            &[
                &square,
                &[(2.0, 2.0), (2.0, 8.0), (8.0, 8.0), (8.0, 2.0), (2.0, 2.0)],
                &[(3.0, 3.0), (3.0, 5.0), (5.0, 5.0), (3.0, 3.0)],
            ],
        ),
        polygon("flat hole", &[&square, &[(2.0, 2.0), (4.0, 2.0), (3.0, 2.0), (2.0, 2.0)]]),
        polygon("short hole", &[&square, &[(2.0, 2.0), (4.0, 2.0), (2.0, 2.0)]]),
        polygon("empty hole", &[&square, &[]]),
        multi("overlap", &[&square, &[(5.0, 5.0), (15.0, 5.0), (15.0, 15.0), (5.0, 5.0)]]),
        multi("share", &[&square, &[(10.0, 0.0), (20.0, 0.0), (20.0, 10.0), (10.0, 10.0), (10.0, 0.0)]]),
        with("empty part", json!({ "type": "MultiPolygon", "coordinates": [[], [moved(&square)]] })),
        with("nothing", json!({ "type": "Polygon", "coordinates": [] })),
        polygon("flat", &[&[(0.0, 0.0), (10.0, 0.0), (5.0, 0.0), (0.0, 0.0)]]),
        with("none", Value::Null),
        with("point", json!({ "type": "Point", "coordinates": [349_000.0, 325_000.0] })),
        with("far", json!({ "type": "Polygon", "coordinates": [[[1e9, 0.0], [2e9, 0.0], [2e9, 1e9], [1e9, 0.0]]] })),
        with("short position", json!({ "type": "Polygon", "coordinates": [[[1.0], [2.0], [3.0], [1.0]]] })),
        with("words", json!({ "type": "Polygon", "coordinates": "here" })),
    ];
    let (layer, report) = read(&collection(&features), &options());
    let expected = [
        (Class::NotClosed, "not closed"),
        (Class::RepeatedCorner, "repeated"),
        (Class::HoleTurnsAsShell, "hole turns"),
        (Class::IdTwice, "sound"),
        (Class::CrossesItself, "bow tie"),
        (Class::TouchesItself, "touches"),
        (Class::Spike, "spike"),
        (Class::RingsCross, "rings cross"),
        (Class::RingsShareALine, "rings share"),
        (Class::HoleOutside, "hole outside"),
        (Class::HoleInHole, "hole in hole"),
        (Class::ZeroArea, "flat hole"),
        (Class::TooFewCorners, "short hole"),
        (Class::EmptyRing, "empty hole"),
        (Class::EmptyRing, "empty part"),
        (Class::PartsOverlap, "overlap"),
        (Class::PartsShareALine, "share"),
        (Class::NothingLeft, "nothing"),
        (Class::NothingLeft, "flat"),
        (Class::NoGeometry, "none"),
        (Class::NotAnArea, "point"),
        (Class::OutsideGreatBritain, "far"),
        (Class::NotTwoNumbers, "short position"),
        (Class::Unreadable, "24"),
    ];
    for (class, id) in expected {
        let told = report.classes.get(&class).unwrap_or_else(|| panic!("{class:?} is missing: {report}"));
        assert!(told.examples.iter().any(|example| example.feature == id), "{class:?} {id}: {report}");
    }
    let kept: Vec<&str> = layer.features().iter().map(|feature| feature.id.as_str()).collect();
    assert_eq!((report.read, report.kept, report.refused), (25, 18, 7), "{kept:?}");
    assert_eq!(report.invalid, 20);
    assert_eq!(report.repaired, 13);
    for feature in layer.features() {
        let area = feature.area_m2;
        let expected = match feature.id.as_str() {
            "repeated" | "bow tie" | "spike" => 50.0,
            "touches" => 50.0,
            "hole turns" | "rings cross" => 96.0,
            "rings share" => 70.0,
            "hole in hole" => 64.0,
            "overlap" => 137.5,
            "share" => 200.0,
            _ => 100.0,
        };
        assert!((area - expected).abs() < 1e-6, "{}: {area}", feature.id);
    }
    // The words for the mapping team name the feature and the place.
    let said = report.to_string();
    assert!(said.contains("a ring crosses itself: bow tie (no. 5) at 349005,325005"), "{said}");
}

#[test]
fn a_number_that_json_cannot_hold_is_refused_with_its_line() {
    let error =
        import(b"{\"type\":\"FeatureCollection\",\n\"features\":[{\"x\":NaN}]}", "x", &options(), None, &mut |_, _| {});
    let Err(ImportError::Source(SourceError::NotGeoJson { line: 2, .. })) = error else { panic!("{error:?}") };
    let huge = collection(&[polygon("huge", &[SQUARE]), polygon("sound", &[SQUARE])]).replacen("349000.0", "1e999", 1);
    let (layer, report) = read(&huge, &options());
    assert!(report.classes.contains_key(&Class::Unreadable), "{report}");
    assert_eq!(layer.features()[0].id, "sound");
}

#[test]
fn coordinates_are_told_by_the_caller_the_file_or_their_range_and_said_so() {
    let guess = ImportOptions { crs: None, ..options() };
    let (_, report) = read(&collection(&[polygon("a", &[SQUARE])]), &guess);
    assert_eq!((report.crs, report.crs_from), (Crs::Bng, "guessed from their range"));
    let degrees = |ring: Value| {
        collection(&[
            json!({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}),
        ])
    };
    let text = degrees(json!([[-2.75, 52.82], [-2.74, 52.82], [-2.74, 52.83], [-2.75, 52.82]]));
    let (layer, report) = read(&text, &guess);
    assert_eq!((report.crs, report.crs_from), (Crs::Wgs84, "guessed from their range"));
    assert_eq!(layer.features()[0].id, "0", "without an id, the place in the file");
    let named = |name: &str| {
        let mut text: Value = serde_json::from_str(&collection(&[polygon("a", &[SQUARE])])).unwrap();
        text["crs"] = json!({"type": "name", "properties": {"name": name}});
        import(text.to_string().as_bytes(), "x", &guess, None, &mut |_, _| {})
    };
    let (_, report) = named("urn:ogc:def:crs:EPSG::27700").unwrap();
    assert_eq!(report.crs_from, "named in the file");
    assert!(matches!(named("EPSG:3857"), Err(ImportError::UnknownCrs(name)) if name == "EPSG:3857"));
    let swapped = degrees(json!([[52.82, -2.75], [52.82, -2.74], [52.83, -2.74], [52.82, -2.75]]));
    let error = import(swapped.as_bytes(), "x", &guess, None, &mut |_, _| {});
    assert!(matches!(error, Err(ImportError::Swapped(_))), "{error:?}");
    let paris = degrees(json!([[2.35, 48.85], [2.36, 48.85], [2.36, 48.86], [2.35, 48.85]]));
    assert!(matches!(import(paris.as_bytes(), "x", &guess, None, &mut |_, _| {}), Err(ImportError::NoCrsFits(_))));
}

#[test]
fn bodies_and_kinds_that_the_table_does_not_know_are_told_at_once() {
    let mut feature = polygon("a", &[SQUARE]);
    feature["properties"]["body"] = json!("nobody");
    feature["properties"]["kind"] = json!("moor");
    let named = ImportOptions { body_field: Some("body".to_owned()), kind_field: Some("kind".to_owned()), ..options() };
    let error = import(collection(&[feature]).as_bytes(), "x", &named, Some(&bodies()), &mut |_, _| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not in bodies.toml: body \"nobody\", kind \"moor\"; add them there, or mend the names in the layer or in the mapping"
    );
}

fn import_args(file: PathBuf) -> ImportLayerArgs {
    let said = |word: &str| Some(word.to_owned());
    ImportLayerArgs {
        file: Some(file),
        id: said("parks"),
        kind: said("park"),
        name: said("Parks"),
        date: Some("2026-04-01".parse().unwrap()),
        licence: said("ours"),
        crs: Some(Crs::Bng),
        id_field: said("id"),
        body_field: said("body"),
        ..ImportLayerArgs::default()
    }
}

fn bodies_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bodies.toml")
}

fn run_import(args: &ImportLayerArgs, data: &Path) -> Result<String, String> {
    let mut out = Vec::new();
    import_layer::run(args, data, &bodies_path(), &Layers::default(), &mut |_, _| {}, &mut out)
        .map(|_| String::from_utf8(out).unwrap())
        .map_err(|error| format!("{error:#}"))
}

#[test]
fn the_old_layer_stays_until_the_new_one_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("parks.geojson");
    let many: Vec<Value> = (0..10).map(|n| polygon(&format!("P{n}"), &[SQUARE])).collect();
    std::fs::write(&file, collection(&many)).unwrap();
    let args = import_args(file.clone());
    run_import(&args, dir.path()).unwrap();
    let path = store::path_of(&dir.path().join("layers"), "parks").unwrap();
    let old = std::fs::read(&path).unwrap();

    std::fs::write(&file, "{\"type\":\"FeatureColl").unwrap();
    assert!(run_import(&args, dir.path()).unwrap_err().contains("line 1"));
    std::fs::write(&file, collection(&many[..4])).unwrap();
    assert!(run_import(&args, dir.path()).unwrap_err().contains("the old one is kept"));
    let dry = ImportLayerArgs { dry_run: true, ..args.clone() };
    assert!(run_import(&dry, dir.path()).unwrap().contains("nothing written"));
    assert_eq!(std::fs::read(&path).unwrap(), old);

    let meant = ImportLayerArgs { accept_change: Some("six parks were sold".to_owned()), ..args.clone() };
    run_import(&meant, dir.path()).unwrap();
    let in_force = store::read(&path).unwrap().meta;
    assert_eq!((in_force.features, in_force.accepted.as_deref()), (4, Some("six parks were sold")));
    assert!(!path.with_extension("json.new").exists());
}

#[test]
fn a_damaged_layer_is_told_and_nothing_is_certain_while_it_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("parks.geojson");
    std::fs::write(
        &file,
        collection(&[polygon("P1", &[&[(0.0, 0.0), (90.0, 0.0), (90.0, 90.0), (0.0, 90.0), (0.0, 0.0)]])]),
    )
    .unwrap();
    run_import(&import_args(file.clone()), dir.path()).unwrap();
    let roads =
        ImportLayerArgs { id: Some("roads".to_owned()), kind: Some("adopted_highway".to_owned()), ..import_args(file) };
    run_import(&roads, dir.path()).unwrap();
    let layers = dir.path().join("layers");
    let place = Located::new(GridPoint::from_metres(349_045.0, 325_045.0), 1.0);

    let (book, problems) = LandBook::load(&layers, Arc::new(bodies()));
    assert!(problems.is_empty());
    let answer = book.answer(&place);
    assert_eq!((answer.body.unwrap().as_str(), answer.confidence), ("highways", Confidence::Confident));

    let path = layers.join("roads.json");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|six| six == b"349090").unwrap();
    bytes[at + 3] = b'1';
    std::fs::write(&path, &bytes).unwrap();
    let (book, problems) = LandBook::load(&layers, Arc::new(bodies()));
    assert!(problems[0].to_string().contains("its checksum does not fit"), "{}", problems[0]);
    let answer = book.answer(&place);
    assert_eq!((answer.body.unwrap().as_str(), answer.confidence), ("parks", Confidence::Probable));
    assert!(answer.why.contains("Could not be read, so not asked: roads.json"), "{}", answer.why);

    for length in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(store::read(&path).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn a_reload_is_seen_whole_and_has_a_new_epoch() {
    let place = Located::new(GridPoint::from_metres(349_005.0, 325_005.0), 0.5);
    let (parks, _) = read(&collection(&[polygon("P1", &[SQUARE])]), &options());
    let land = Land::new(LandBook::empty());
    assert_eq!(land.current().answer(&place).body, None);
    let held = land.current();
    assert_eq!(land.replace(LandBook::new(vec![Arc::new(parks)], Arc::new(bodies()))), 2);
    assert_eq!(held.answer(&place).epoch, 1, "whoever held the old edition ends with it");
    let answer = land.current().answer(&place);
    assert_eq!((answer.body.unwrap().as_str(), answer.confidence, answer.epoch), ("parks", Confidence::Confident, 2));
}

#[test]
fn the_body_of_a_feature_goes_before_the_layers_and_the_kinds() {
    let mut own = polygon("P1", &[SQUARE]);
    own["properties"]["body"] = json!("council_property");
    let other = polygon("P2", &[&[(20.0, 0.0), (30.0, 0.0), (30.0, 10.0), (20.0, 10.0), (20.0, 0.0)]]);
    let named = ImportOptions { body_field: Some("body".to_owned()), ..options() };
    let (layer, _) = read(&collection(&[own, other]), &named);
    let book = LandBook::new(vec![Arc::new(layer)], Arc::new(bodies()));
    let body_at = |east: f64| {
        let at = GridPoint::from_metres(349_000.0 + east, 325_005.0);
        book.answer(&Located::new(at, 0.5)).body.map(|body| body.to_string())
    };
    assert_eq!(body_at(5.0).as_deref(), Some("council_property"));
    assert_eq!(body_at(25.0).as_deref(), Some("parks"));
    assert_eq!(body_at(11.5).as_deref(), Some("council_property"), "1.5 m off is within reach");
    assert_eq!(body_at(15.0), None);
}

#[test]
fn outlines_are_small_and_bounded_for_the_map() {
    let circle: Vec<(f64, f64)> = (0..=720)
        .map(|step| f64::from(step % 720) * std::f64::consts::PI / 360.0)
        .map(|turn| (100.0 + 50.0 * turn.cos(), 100.0 + 50.0 * turn.sin()))
        .collect();
    let (layer, _) = read(&collection(&[polygon("pond", &[&circle]), polygon("far", &[SQUARE])]), &options());
    let book = LandBook::new(vec![Arc::new(layer)], Arc::new(bodies()));
    let map = MapBox { west_m: 349_050.0, south_m: 325_050.0, east_m: 349_150.0, north_m: 325_150.0 };
    let outlines = book.outlines("parks", map, 1.0).unwrap();
    let features = outlines["features"].as_array().unwrap();
    assert_eq!(features.len(), 1);
    let corners = features[0]["geometry"]["coordinates"][0][0].as_array().unwrap().len();
    assert!((8..60).contains(&corners), "{corners} corners of 721");
    assert_eq!(features[0]["id"], "pond");
    assert!(book.outlines("nowhere", map, 1.0).is_none());
}

#[test]
fn a_layer_of_a_hundred_thousand_features_loads_and_answers_at_once() {
    // Unoptimised code takes its fifth: the claim is the release's.
    let features_n: u32 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    // Plots of 10 m by 10 m in rows, each with 8 corners.
    let plot = |n: u32| {
        let (x, y) = (f64::from(n % 400) * 10.0, f64::from(n / 400) * 10.0);
        let ring = [(0., 0.), (5., 0.), (10., 0.), (10., 5.), (10., 10.), (5., 10.), (0., 10.), (0., 5.), (0., 0.)];
        let ring: Vec<(f64, f64)> = ring.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        polygon(&n.to_string(), &[&ring])
    };
    let text = collection(&(0..features_n).map(plot).collect::<Vec<_>>());
    let started = Instant::now();
    let mut told = 0_u32;
    let (layer, report) = import(text.as_bytes(), "x", &options(), None, &mut |_, _| told += 1).unwrap();
    println!("imported {features_n} features in {:?}, progress told {told} times", started.elapsed());
    assert_eq!((report.kept, report.invalid), (u64::from(features_n), 0));
    assert!(told > features_n / 1_100);
    // A corner of four plots touches all four.
    let touching = layer.touching([349_000_000 + 2_000_000, 325_000_000 + 200_000]);
    let ids: Vec<&str> = touching.iter().map(|(feature, _)| feature.id.as_str()).collect();
    assert_eq!(ids, ["7799", "7800", "8199", "8200"]);
    assert!(touching.iter().all(|(_, position)| *position == Position::Boundary));
    let book = LandBook::new(vec![Arc::new(layer)], Arc::new(bodies()));
    let started = Instant::now();
    for n in 0..1_000 {
        let at = GridPoint::from_metres(349_003.0 + f64::from(n), 325_003.0 + f64::from(n % 400));
        assert_eq!(book.answer(&Located::new(at, 1.0)).body.unwrap().as_str(), "parks");
    }
    println!("{:?} an answer", started.elapsed() / 1_000);
}

#[test]
fn the_layers_of_the_demo_are_sound_and_answer() {
    let own = ImportOptions { body_field: Some("body".to_owned()), kind_field: Some("kind".to_owned()), ..options() };
    let mut layers = Vec::new();
    for (meta, text) in callout::demo::town::layers().into_iter().filter(|(meta, _)| meta.kind != "building") {
        let own = ImportOptions { id: meta.id.to_owned(), kind: meta.kind.to_owned(), crs: None, ..own.clone() };
        let (layer, report) = read(&text, &own);
        assert_eq!((report.refused, report.crs), (0, Crs::Bng), "{}: {report}", meta.id);
        layers.push(Arc::new(layer));
    }
    let book = LandBook::new(layers.clone(), Arc::new(bodies()));
    // The middle of each answering layer's first feature is answered for by somebody, and at once.
    for layer in &layers {
        let feature = &layer.features()[0];
        let ring = feature.parts[0].rings()[0].corners();
        let corner = ring[0];
        let at = GridPoint { easting_mm: corner[0], northing_mm: corner[1] };
        let answer = book.answer(&Located::new(at, 1.0));
        assert!(answer.hits.iter().any(|hit| hit.layer == layer.meta.id && hit.position == Position::Boundary));
        assert_ne!(answer.confidence, Confidence::Confident, "a corner is never certain: {}", answer.why);
    }
}

#[test]
fn the_city_of_london_imports_with_every_invalid_feature_told() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gis/hmlr_inspire_city_of_london.geojson");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    let hmlr = ImportOptions {
        id: "hmlr".to_owned(),
        name: "HM Land Registry index".to_owned(),
        kind: "hmlr_index".to_owned(),
        crs: None,
        id_field: Some("area".to_owned()),
        ..options()
    };
    let started = Instant::now();
    let (layer, report) = import(&bytes, "hmlr", &hmlr, Some(&bodies()), &mut |_, _| {}).unwrap();
    println!("{report}imported in {:?}", started.elapsed());
    assert_eq!(report.read, 3_703);
    assert_eq!(report.kept + report.refused, report.read);
    let invalid_classes = report.classes.iter().filter(|(class, _)| class.remedy() != Remedy::Tidied);
    assert!(invalid_classes.map(|(_, told)| told.features).sum::<u64>() >= report.invalid);
    // GEOS 3.14 finds 86 invalid; the 87th is a spike that is exact in the file's decimals and
    // a sliver in binary fractions. Every one has its class.
    assert_eq!(report.invalid, 87);
    // A round trip through the file changes nothing.
    let dir = tempfile::tempdir().unwrap();
    let written = store::write(dir.path(), &layer).unwrap();
    let back = store::read(&written).unwrap();
    assert_eq!(back.features(), layer.features());
}
