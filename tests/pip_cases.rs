//! Points in polygons from the JTS test suite, three ways: through the packed index (at the fineness in use and at the
//! finest), by the plain count round each ring, and through `geo`. Whole millimetres, exact.
//!
//! One case differs by its own account: TestRobustRelateFloat (GEOS ticket 841), the triangle (0 0, 1 0, 0 1) and the
//! point (0.95, 0.05). The stored answer is that of rounded binary numbers, interior; in exact decimals the point is on
//! the line, and boundary is right.
//!
//! Reads `../shared/data/gis/pip_cases.json`, or the file named by `CALLOUT_PIP_CASES`. Coordinates are taken as
//! metres; a case whose numbers are not whole millimetres, or are too large for them, is not applicable, and
//! says so.
#![allow(clippy::unwrap_used)]

use callout::domain::ownership::Position;
use callout::landbook::check::{Findings, Wide, tidy};
use callout::landbook::geometry::{Corner, Part, Ring};
use callout::landbook::packed::{Grain, Outlines, PackedIndex};
use geo::coordinate_position::{CoordPos, CoordinatePosition};
use geo::{Coord, LineString, Polygon};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(default)]
    file: String,
    #[serde(default)]
    desc: String,
    polygon: String,
    #[serde(default)]
    valid: Option<bool>,
    point: [f64; 2],
    expected: String,
}

/// Millimetres of a number in metres; the reason where there are none. Near numbers do not count: exact is exact.
fn millimetres(value: f64) -> Result<i32, String> {
    let scaled = value * 1000.0;
    if scaled.abs() > f64::from(i32::MAX) {
        return Err(format!("{value} is too large for millimetres in 32 bits"));
    }
    let whole = scaled.round();
    // The nearest number of three decimals must be the very number given.
    if whole / 1000.0 == value {
        Ok(whole as i32)
    } else {
        Err(format!("{value} is not a whole number of millimetres"))
    }
}

/// `POLYGON ((x y, ...), (...))` or `MULTIPOLYGON (((...)), ((...)))`.
fn read_wkt(text: &str) -> Result<Vec<Vec<Vec<Corner>>>, String> {
    let text = text.trim().to_ascii_uppercase();
    // An empty part is a polygon without rings: an import reports it and goes on with the others.
    let text = text.replace("EMPTY", "()");
    let (multi, rest) = match (text.strip_prefix("MULTIPOLYGON"), text.strip_prefix("POLYGON")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        _ => return Err("it is not a polygon".to_owned()),
    };
    let mut polygons: Vec<Vec<Vec<Corner>>> = Vec::new();
    let mut depth = 0;
    let mut numbers = String::new();
    let polygon_depth = if multi { 2 } else { 1 };
    for c in rest.chars() {
        match c {
            '(' => {
                depth += 1;
                if depth == polygon_depth {
                    polygons.push(Vec::new());
                }
                numbers.clear();
            }
            ')' => {
                if depth == polygon_depth + 1 && !numbers.trim().is_empty() {
                    let ring = numbers.split(',').map(corner).collect::<Result<Vec<Corner>, String>>()?;
                    polygons.last_mut().unwrap().push(ring);
                }
                depth -= 1;
                numbers.clear();
            }
            other => numbers.push(other),
        }
    }
    Ok(polygons)
}

fn corner(text: &str) -> Result<Corner, String> {
    let numbers: Vec<f64> =
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| format!("\"{text}\""))?;
    match numbers.as_slice() {
        [x, y, ..] => Ok([millimetres(*x)?, millimetres(*y)?]),
        _ => Err(format!("\"{text}\" is not a corner")),
    }
}

/// The same question asked in several ways.
struct Answers {
    plain: &'static str,
    packed: &'static str,
    packed_finely: &'static str,
    geo: &'static str,
}

fn word(position: Option<Position>) -> &'static str {
    match position {
        Some(Position::Interior) => "interior",
        Some(Position::Boundary) => "boundary",
        None => "exterior",
    }
}

fn answers(case: &Case) -> Result<Answers, String> {
    let polygons = read_wkt(&case.polygon)?;
    let at = [millimetres(case.point[0])?, millimetres(case.point[1])?];
    let wide = |ring: Vec<Corner>| -> Vec<Wide> { ring.into_iter().map(|corner| corner.map(i64::from)).collect() };
    let polygons = polygons.into_iter().map(|rings| rings.into_iter().map(wide).collect()).collect();
    let ring = |ring: Vec<Wide>| Ring::new(ring.into_iter().map(|corner| corner.map(|mm| mm as i32)).collect());
    let tidied = tidy(polygons, &mut Findings::new());
    let parts: Vec<Part> = tidied.into_iter().map(|rings| Part::new(rings.into_iter().map(ring).collect())).collect();
    let finest = Grain { tile_edges: 2, square_edges: 1, square_edges_max: 1, square_shift_min: 0 };
    Ok(Answers {
        plain: word(parts.iter().filter_map(|part| part.position(at)).min()),
        packed: word(packed(&parts, at, Grain::default())),
        packed_finely: word(packed(&parts, at, finest)),
        geo: word(parts.iter().filter_map(|part| by_geo(part, at)).min()),
    })
}

fn packed(parts: &[Part], at: Corner, grain: Grain) -> Option<Position> {
    let mut outlines = Outlines::new();
    outlines.push(parts).unwrap();
    let mut touches = Vec::new();
    PackedIndex::build_with(&outlines, grain).unwrap().touching(at, &mut touches);
    assert!(touches.len() <= 1, "one feature is told once");
    touches.first().map(|touch| touch.position)
}

fn by_geo(part: &Part, at: Corner) -> Option<Position> {
    let coord = |at: &Corner| Coord { x: f64::from(at[0]), y: f64::from(at[1]) };
    let mut lines = part.rings().iter().map(|ring| LineString::new(ring.corners().iter().map(coord).collect()));
    let polygon = Polygon::new(lines.next()?, lines.collect());
    match polygon.coordinate_position(&coord(&at)) {
        CoordPos::Inside => Some(Position::Interior),
        CoordPos::OnBoundary => Some(Position::Boundary),
        CoordPos::Outside => None,
    }
}

#[test]
fn points_of_the_jts_suite_stand_where_they_should() {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gis/pip_cases.json");
    let path = std::env::var_os("CALLOUT_PIP_CASES").map_or(default, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no cases: {} cannot be read", path.display());
        return;
    };
    let cases: Cases = serde_json::from_str(&text).expect("the file of cases is JSON");
    let (mut passed, mut failed, mut not_applicable) = (0, Vec::new(), Vec::new());
    let (mut by_geo_too, mut not_by_geo, mut geo_wrong) = (0, Vec::new(), 0);
    for (index, case) in cases.cases.iter().enumerate() {
        let id = case.id.as_ref().map_or_else(|| index.to_string(), |id| id.to_string());
        let name = format!("{id} ({}: {})", case.file, case.desc);
        let known = case.file.contains("TestRobustRelateFloat") && case.point == [0.95, 0.05];
        let expected = if known { "boundary" } else { case.expected.as_str() };
        match answers(case) {
            Ok(got) => {
                let ours = [got.packed, got.packed_finely, got.plain];
                if ours == [expected; 3] {
                    passed += 1;
                } else {
                    failed
                        .push(format!("{name}: packed, finely, plain {ours:?}, expected {expected}; {}", case.polygon));
                }
                if got.geo == expected {
                    by_geo_too += 1;
                } else {
                    geo_wrong += usize::from(case.valid == Some(true));
                    not_by_geo.push(format!("{name}: geo {}, expected {expected}; {}", got.geo, case.polygon));
                }
            }
            Err(reason) => not_applicable.push(format!("{name}: {reason}")),
        }
    }
    println!("passed: {passed}");
    println!("failed: {}", failed.len());
    failed.iter().for_each(|case| println!("  {case}"));
    println!("through geo: {by_geo_too} as expected, {} not", not_by_geo.len());
    not_by_geo.iter().for_each(|case| println!("  {case}"));
    println!("not applicable: {}", not_applicable.len());
    not_applicable.iter().for_each(|case| println!("  {case}"));
    assert!(failed.is_empty(), "{} cases stand wrong", failed.len());
    assert_eq!(geo_wrong, 0, "through geo, cases with a valid polygon stand wrong");
    assert!(passed > 0, "no case could be run");
}
