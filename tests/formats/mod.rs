//! Small writers of map files, byte by byte after the formats' own descriptions: the tests read with one hand what
//! they wrote with another. Shared by the tests of forms and the fuzzing of parsers.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::Write;

/// A feature: its id and its polygons (rings of corners, closed).
pub type Feature = (String, Vec<Vec<Vec<[f64; 2]>>>);

/// Where the CRS is said, and how.
pub const BNG_WKT: &str = "PROJCS[\"British_National_Grid\",GEOGCS[\"GCS_OSGB_1936\"]]";
/// The same for degrees.
pub const WGS84_WKT: &str = "GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\"]]";

/// HM Land Registry's INSPIRE GML.
pub fn gml(features: &[Feature], srs: &str) -> Vec<u8> {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<wfs:FeatureCollection xmlns:wfs=\"http://www.opengis.net/wfs/2.0\" \
         xmlns:gml=\"http://www.opengis.net/gml/3.2\" xmlns:LR=\"www.landregistry.gov.uk\">\n",
    );
    for (id, polygons) in features {
        out.push_str(&format!("<wfs:member>\n<LR:PREDEFINED gml:id=\"PREDEFINED.{id}\">\n<LR:GEOMETRY>\n"));
        if polygons.len() != 1 {
            out.push_str(&format!("<gml:MultiSurface srsName=\"{srs}\">"));
        }
        for rings in polygons {
            if polygons.len() != 1 {
                out.push_str("<gml:surfaceMember>");
            }
            out.push_str(&format!("<gml:Polygon srsName=\"{srs}\" srsDimension=\"2\">"));
            for (at, ring) in rings.iter().enumerate() {
                let side = if at == 0 { "exterior" } else { "interior" };
                let numbers: Vec<String> = ring.iter().map(|[x, y]| format!("{x} {y}")).collect();
                out.push_str(&format!(
                    "<gml:{side}><gml:LinearRing><gml:posList>{}</gml:posList></gml:LinearRing></gml:{side}>",
                    numbers.join(" ")
                ));
            }
            out.push_str("</gml:Polygon>");
            if polygons.len() != 1 {
                out.push_str("</gml:surfaceMember>");
            }
        }
        if polygons.len() != 1 {
            out.push_str("</gml:MultiSurface>");
        }
        out.push_str(&format!(
            "\n</LR:GEOMETRY>\n<LR:INSPIREID>{id}</LR:INSPIREID>\n<LR:LABEL>a &amp; b</LR:LABEL>\n\
             <LR:VALIDFROM>2013-04-01T00:00:00.000Z</LR:VALIDFROM>\n</LR:PREDEFINED>\n</wfs:member>\n"
        ));
    }
    out.push_str("</wfs:FeatureCollection>\n");
    out.into_bytes()
}

/// GeoJSON with a `ref` for each.
pub fn geojson(features: &[Feature]) -> Vec<u8> {
    let features: Vec<_> = features
        .iter()
        .map(|(id, polygons)| {
            serde_json::json!({ "type": "Feature", "properties": { "ref": id },
                "geometry": { "type": "MultiPolygon", "coordinates": polygons } })
        })
        .collect();
    serde_json::to_vec(&serde_json::json!({ "type": "FeatureCollection", "features": features })).unwrap()
}

/// The `.shp` of polygons (kind 5) or lines (kind 3): every ring a part.
pub fn shp(features: &[Feature], kind: i32) -> Vec<u8> {
    let mut body = Vec::new();
    for (at, (_, polygons)) in features.iter().enumerate() {
        let rings: Vec<&Vec<[f64; 2]>> = polygons.iter().flatten().collect();
        let corners_n: usize = rings.iter().map(|ring| ring.len()).sum();
        let mut record = kind.to_le_bytes().to_vec();
        record.extend([0_u8; 32]);
        record.extend((rings.len() as i32).to_le_bytes());
        record.extend((corners_n as i32).to_le_bytes());
        let mut start = 0_i32;
        for ring in &rings {
            record.extend(start.to_le_bytes());
            start += ring.len() as i32;
        }
        for [x, y] in rings.into_iter().flatten() {
            record.extend(x.to_le_bytes());
            record.extend(y.to_le_bytes());
        }
        body.extend((at as i32 + 1).to_be_bytes());
        body.extend((record.len() as i32 / 2).to_be_bytes());
        body.extend(record);
    }
    let mut out = vec![0, 0, 0x27, 0x0A];
    out.extend([0_u8; 20]);
    out.extend(((100 + body.len()) as i32 / 2).to_be_bytes());
    out.extend(1_000_i32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend([0_u8; 64]);
    out.extend(body);
    out
}

/// The `.dbf` with one column of text for each name.
pub fn dbf(columns: &[(&str, usize)], rows: &[Vec<String>]) -> Vec<u8> {
    let width = 1 + columns.iter().map(|(_, width)| width).sum::<usize>();
    let mut out = vec![3, 126, 4, 1];
    out.extend((rows.len() as u32).to_le_bytes());
    out.extend((32 + 32 * columns.len() as u16 + 1).to_le_bytes());
    out.extend((width as u16).to_le_bytes());
    out.extend([0_u8; 20]);
    for (name, width) in columns {
        let mut field = [0_u8; 32];
        field[..name.len()].copy_from_slice(name.as_bytes());
        field[11] = b'C';
        field[16] = *width as u8;
        out.extend(field);
    }
    out.push(0x0D);
    for row in rows {
        out.push(b' ');
        for ((_, width), text) in columns.iter().zip(row) {
            let mut cell = text.clone().into_bytes();
            cell.resize(*width, b' ');
            out.extend(cell);
        }
    }
    out.push(0x1A);
    out
}

/// A zip archive, deflated.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zipped shapefile with its fields.
pub fn shapefile(features: &[Feature], kind: i32, prj: &str) -> Vec<u8> {
    let rows: Vec<Vec<String>> = features.iter().map(|(id, _)| vec![id.clone()]).collect();
    let (shapes, table) = (shp(features, kind), dbf(&[("REF", 60)], &rows));
    zip(&[("data/plots.shp", &shapes), ("data/plots.dbf", &table), ("data/plots.prj", prj.as_bytes())])
}

/// A geometry as a GeoPackage holds it, without an envelope.
pub fn gpkg_geometry(polygons: &[Vec<Vec<[f64; 2]>>]) -> Vec<u8> {
    let mut out = vec![b'G', b'P', 0, 1];
    out.extend(0_i32.to_le_bytes());
    out.push(1);
    out.extend(6_u32.to_le_bytes());
    out.extend((polygons.len() as u32).to_le_bytes());
    for rings in polygons {
        out.push(1);
        out.extend(3_u32.to_le_bytes());
        out.extend((rings.len() as u32).to_le_bytes());
        for ring in rings {
            out.extend((ring.len() as u32).to_le_bytes());
            for [x, y] in ring {
                out.extend(x.to_le_bytes());
                out.extend(y.to_le_bytes());
            }
        }
    }
    out
}

enum Cell {
    Whole(i64),
    Text(String),
    Blob(Vec<u8>),
    Null,
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = vec![(value & 0x7F) as u8];
    value >>= 7;
    while value > 0 {
        out.insert(0, (value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out
}

fn record(cells: &[Cell]) -> Vec<u8> {
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for cell in cells {
        match cell {
            Cell::Null => head.extend(varint(0)),
            Cell::Whole(number) => {
                head.extend(varint(6));
                body.extend(number.to_be_bytes());
            }
            Cell::Text(text) => {
                head.extend(varint(13 + 2 * text.len() as u64));
                body.extend(text.as_bytes());
            }
            Cell::Blob(bytes) => {
                head.extend(varint(12 + 2 * bytes.len() as u64));
                body.extend(bytes);
            }
        }
    }
    // The head counts its own length, which stays in one byte here.
    let mut out = varint(head.len() as u64 + 1);
    out.extend(head);
    out.extend(body);
    out
}

const PAGE: usize = 1024;

/// A database under construction: pages of 1,024 bytes, so that overflow and inner pages come early.
struct Pages(Vec<Vec<u8>>);

impl Pages {
    fn push(&mut self, page: Vec<u8>) -> u32 {
        assert_eq!(page.len(), PAGE);
        self.0.push(page);
        self.0.len() as u32
    }

    /// The cell of a row, its overflow written to pages of its own.
    fn cell(&mut self, row: i64, payload: &[u8]) -> Vec<u8> {
        let (most, least) = (PAGE - 35, (PAGE - 12) * 32 / 255 - 23);
        let mut out = varint(payload.len() as u64);
        out.extend(varint(row as u64));
        if payload.len() <= most {
            out.extend(payload);
            return out;
        }
        let fits = least + (payload.len() - least) % (PAGE - 4);
        let here = if fits <= most { fits } else { least };
        out.extend(&payload[..here]);
        let chunks: Vec<&[u8]> = payload[here..].chunks(PAGE - 4).collect();
        let mut next = 0_u32;
        for chunk in chunks.into_iter().rev() {
            let mut page = next.to_be_bytes().to_vec();
            page.extend(chunk);
            page.resize(PAGE, 0);
            next = self.push(page);
        }
        out.extend(next.to_be_bytes());
        out
    }

    /// A table's tree: leaves as full as they go, and inner pages above them; gives the root.
    fn tree(&mut self, rows: Vec<(i64, Vec<u8>)>) -> u32 {
        let mut leaves: Vec<(i64, u32)> = Vec::new();
        let mut cells: Vec<(i64, Vec<u8>)> = Vec::new();
        let mut used = 8;
        for (row, payload) in rows {
            let cell = self.cell(row, &payload);
            if used + cell.len() + 2 > PAGE && !cells.is_empty() {
                let last = cells.last().unwrap().0;
                let page = leaf(&std::mem::take(&mut cells), 0);
                leaves.push((last, self.push(page)));
                used = 8;
            }
            used += cell.len() + 2;
            cells.push((row, cell));
        }
        let last = cells.last().map_or(0, |(row, _)| *row);
        let page = leaf(&cells, 0);
        leaves.push((last, self.push(page)));
        while leaves.len() > 1 {
            leaves = leaves
                .chunks(60)
                .map(|children| {
                    let (last, right) = *children.last().unwrap();
                    let cells: Vec<(i64, Vec<u8>)> = children[..children.len() - 1]
                        .iter()
                        .map(|(row, page)| (*row, [page.to_be_bytes().to_vec(), varint(*row as u64)].concat()))
                        .collect();
                    let mut page = page_of(0x05, &cells, 0);
                    page[8..12].copy_from_slice(&right.to_be_bytes());
                    (last, self.push(page))
                })
                .collect();
        }
        leaves[0].1
    }
}

fn leaf(cells: &[(i64, Vec<u8>)], offset: usize) -> Vec<u8> {
    page_of(0x0D, cells, offset)
}

fn page_of(kind: u8, cells: &[(i64, Vec<u8>)], offset: usize) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    let mut end = PAGE;
    let pointers = offset + if kind == 0x05 { 12 } else { 8 };
    for (at, (_, cell)) in cells.iter().enumerate() {
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(cell);
        page[pointers + 2 * at..pointers + 2 * at + 2].copy_from_slice(&(end as u16).to_be_bytes());
    }
    assert!(pointers + 2 * cells.len() <= end, "too many cells for a page");
    page[offset] = kind;
    page[offset + 3..offset + 5].copy_from_slice(&(cells.len() as u16).to_be_bytes());
    page[offset + 5..offset + 7].copy_from_slice(&(end as u16).to_be_bytes());
    page
}

/// A GeoPackage with one layer, `plots(fid, geom, ref)`.
pub fn geopackage(features: &[Feature], epsg: i64) -> Vec<u8> {
    let mut pages = Pages(vec![vec![0; PAGE]]);
    let text = |text: &str| Cell::Text(text.to_owned());
    let plots = features
        .iter()
        .enumerate()
        .map(|(at, (id, polygons))| {
            let cells = [Cell::Null, Cell::Blob(gpkg_geometry(polygons)), text(id)];
            (at as i64 + 1, record(&cells))
        })
        .collect();
    let plots = pages.tree(plots);
    let columns =
        [text("plots"), text("geom"), text("MULTIPOLYGON"), Cell::Whole(epsg), Cell::Whole(0), Cell::Whole(0)];
    let columns = pages.tree(vec![(1, record(&columns))]);
    let systems = [text("x"), Cell::Whole(epsg), text("EPSG"), Cell::Whole(epsg), text("undefined"), Cell::Null];
    let systems = pages.tree(vec![(1, record(&systems))]);
    let tables = [
        ("plots", plots, "CREATE TABLE \"plots\" (fid INTEGER PRIMARY KEY NOT NULL, geom MULTIPOLYGON, ref TEXT)"),
        (
            "gpkg_geometry_columns",
            columns,
            "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, srs_id \
             INTEGER, z TINYINT, m TINYINT)",
        ),
        (
            "gpkg_spatial_ref_sys",
            systems,
            "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT, \
             organization_coordsys_id INTEGER, definition TEXT, description TEXT)",
        ),
    ];
    let schema: Vec<(i64, Vec<u8>)> = tables
        .iter()
        .enumerate()
        .map(|(at, (name, root, sql))| {
            let cells = [text("table"), text(name), text(name), Cell::Whole(i64::from(*root)), text(sql)];
            let row = at as i64 + 1;
            (row, pages.cell(row, &record(&cells)))
        })
        .collect();
    let mut first = leaf(&schema, 100);
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    first[18] = 1;
    first[19] = 1;
    first[21..24].copy_from_slice(&[64, 32, 32]);
    first[28..32].copy_from_slice(&(pages.0.len() as u32).to_be_bytes());
    first[44..48].copy_from_slice(&4_u32.to_be_bytes());
    first[56..60].copy_from_slice(&1_u32.to_be_bytes());
    first[68..72].copy_from_slice(b"GPKG");
    pages.0[0] = first;
    pages.0.concat()
}
