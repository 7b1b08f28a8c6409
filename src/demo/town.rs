//! Wexmoor: the ground of a made-up town, as map layers.
//!
//! Layers are drawn from the plan ([`super::plan`]) and imported like a council's own files.
//!
//! Not here: what to tell a caller about a body (`config/bodies.toml`), and names for the contact form
//! ([`super::gazetteer`]).

use super::chance::Chance;
use super::plan::*;
use super::shape::{self, Point};
use crate::domain::place::GridPoint;
use serde_json::{Map, Value, json};

/// What a layer says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerMeta {
    /// Short name, unique among the layers.
    pub id: &'static str,
    /// What its features are, in the words of the layer importer.
    pub kind: &'static str,
    /// As people say it.
    pub name: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Under what terms.
    pub licence: &'static str,
    /// The day for which it was true, `YYYY-MM-DD`.
    pub dated: &'static str,
}

fn meta(id: &'static str, kind: &'static str, name: &'static str) -> LayerMeta {
    LayerMeta { id, kind, name, source: "Wexmoor demo, made up", licence: "MIT OR Apache-2.0", dated: "2026-10-01" }
}

/// Every layer of the town with its GeoJSON text in EPSG:27700, the same bytes at each call.
///
/// Each feature is a polygon with the properties `id`, `name`, `kind` and, where somebody is responsible, `body`.
/// The last one, of kind `building`, is there for the look of the map only: its features have neither name nor body,
/// and it is not meant for the landbook.
pub fn layers() -> Vec<(LayerMeta, String)> {
    vec![
        (meta("highways", "adopted_highway", "Adopted highways"), {
            collection(STREETS.iter().enumerate().map(|(i, street)| {
                stroke(
                    format!("HW-{:03}", i + 1),
                    street.name,
                    "adopted_highway",
                    Some("highways"),
                    street.line,
                    street.half_m,
                )
            }))
        }),
        (meta("parks", "park", "Parks and open spaces"), lands("PK", "park", COUNCIL_LAND, "parks")),
        (meta("council_land", "council_land", "Council land"), {
            lands("CL", "council_land", COUNCIL_LAND, "council_property")
        }),
        (meta("main_river", "main_river", "Main rivers"), {
            collection([stroke(
                "MR-001".to_owned(),
                "River Wex",
                "main_river",
                Some("environment_agency"),
                RIVER,
                RIVER_HALF_M,
            )])
        }),
        (meta("watercourse", "watercourse", "Ordinary watercourses"), {
            collection([stroke("OW-001".to_owned(), "Gorse Brook", "watercourse", Some("land_drainage"), BROOK, 2.5)])
        }),
        (meta("council_housing", "council_housing", "Council housing"), {
            lands("CH", "council_housing", HOUSING, "council_housing")
        }),
        (meta("housing_association", "housing_association", "Housing association land"), {
            lands("HA", "housing_association", HOUSING, "housing_association")
        }),
        (meta("railway", "railway", "Railway"), {
            collection([stroke("RW-001".to_owned(), "Wexmoor line", "railway", Some("network_rail"), RAILWAY, 9.0)])
        }),
        (meta("trunk_road", "trunk_road", "Trunk roads"), {
            collection([stroke(
                "TR-001".to_owned(),
                "Wexmoor bypass",
                "trunk_road",
                Some("national_highways"),
                BYPASS,
                11.0,
            )])
        }),
        (meta("private_street", "private_street", "Private streets"), {
            collection(PRIVATE_STREETS.iter().enumerate().map(|(i, street)| {
                stroke(
                    format!("PS-{:03}", i + 1),
                    street.name,
                    "private_street",
                    Some("frontagers"),
                    street.line,
                    street.half_m,
                )
            }))
        }),
        (meta("private_land", "private_land", "Private land"), {
            lands("PL", "private_land", PRIVATE_LAND, "private_owner")
        }),
        (meta("wards", "ward", "Wards"), {
            collection(
                wards()
                    .iter()
                    .enumerate()
                    .map(|(i, (name, ring))| feature(format!("WD-{:03}", i + 1), Some(name), "ward", None, ring)),
            )
        }),
        (meta("buildings", "building", "Buildings"), {
            collection(
                buildings()
                    .iter()
                    .enumerate()
                    .map(|(i, ring)| feature(format!("BU-{:04}", i + 1), None, "building", None, ring)),
            )
        }),
    ]
}

/// A point of the plan on the National Grid.
pub fn on_grid(point: Point) -> GridPoint {
    GridPoint::from_metres(ORIGIN.0 + point.0, ORIGIN.1 + point.1)
}

/// The street of that name, adopted or private.
pub fn street_named(name: &str) -> Option<&'static Street> {
    STREETS.iter().chain(PRIVATE_STREETS).find(|street| street.name == name)
}

/// Every street, adopted first.
pub fn streets() -> impl Iterator<Item = &'static Street> {
    STREETS.iter().chain(PRIVATE_STREETS)
}

/// The four wards: they share their borders corner for corner (the river's middle and the line of High Street).
fn wards() -> Vec<(&'static str, Vec<Point>)> {
    let (west, south, east, north) = EDGES;
    let bridge = RIVER.iter().position(|point| *point == (474.0, 402.0)).expect("the river passes the bridge");
    let (upstream, downstream) = (&RIVER[..=bridge], &RIVER[bridge..]);
    let uphill: Vec<Point> =
        vec![(500.0, 520.0), (545.0, 640.0), (570.0, 760.0), (600.0, 1000.0), (620.0, 1300.0), (650.0, north)];
    let downhill: Vec<Point> =
        vec![(450.0, 300.0), (440.0, 120.0), (452.0, -80.0), (480.0, -300.0), (500.0, -560.0), (500.0, south)];
    let ring = |parts: &[&[Point]]| {
        let mut ring: Vec<Point> = parts.concat();
        ring.push(ring[0]);
        ring
    };
    let backwards = |line: &[Point]| line.iter().rev().copied().collect::<Vec<_>>();
    vec![
        ("Barn and Larkfield", ring(&[upstream, &uphill, &[(west, north)]])),
        ("Hill", ring(&[downstream, &[(east, north)], &backwards(&uphill)])),
        ("Riverside", ring(&[&backwards(upstream), &[(west, south)], &backwards(&downhill)])),
        ("Orchard", ring(&[&backwards(downstream), &downhill, &[(east, south)]])),
    ]
}

/// Houses on both sides of each adopted street, clear of streets, water, rails, open land and each other.
fn buildings() -> Vec<Vec<Point>> {
    let mut chance = Chance::new(1, "buildings");
    let mut houses: Vec<Vec<Point>> = Vec::new();
    for own in STREETS {
        for pair in own.line.windows(2) {
            let length = shape::gap(pair[0], pair[1]);
            let (dx, dy) = ((pair[1].0 - pair[0].0) / length, (pair[1].1 - pair[0].1) / length);
            let (nx, ny) = shape::normal(pair[0], pair[1]);
            let mut s = 12.0;
            while s < length - 8.0 {
                for side in [-1.0, 1.0] {
                    let front = chance.between(6.0, 10.0);
                    let (w, d) = (chance.between(4.5, 8.0), chance.between(4.0, 7.5));
                    let back = side * (own.half_m + front + d);
                    let corner = |along: f64, across: f64| {
                        let (along, across) = (s + along, back + across);
                        (pair[0].0 + dx * along + nx * across, pair[0].1 + dy * along + ny * across)
                    };
                    let house = vec![corner(-w, -d), corner(w, -d), corner(w, d), corner(-w, d), corner(-w, -d)];
                    let near = |other: &Vec<Point>| shape::gap(shape::middle(other), shape::middle(&house)) < 20.0;
                    if !chance.one_in(0.15) && house.iter().all(|point| may_build(*point)) && !houses.iter().any(near) {
                        houses.push(house);
                    }
                }
                s += chance.between(22.0, 34.0);
            }
        }
    }
    houses
}

/// Whether a house may have a corner here.
fn may_build(point: Point) -> bool {
    let clear = |line: &[Point], metres: f64| shape::distance(point, line) > metres;
    streets().all(|street| clear(street.line, street.half_m + 3.0))
        && clear(RIVER, RIVER_HALF_M + 10.0)
        && clear(BROOK, 8.0)
        && clear(RAILWAY, 18.0)
        && clear(BYPASS, 22.0)
        && COUNCIL_LAND
            .iter()
            .chain(PRIVATE_LAND)
            .all(|land| !shape::inside(point, land.corners) && shape::edge_distance(point, land.corners) > 3.0)
}

/// The pieces of `grounds` that `body` looks after.
fn lands(prefix: &str, kind: &str, grounds: &[Ground], body: &str) -> String {
    collection(grounds.iter().filter(|ground| ground.body == body).enumerate().map(|(i, ground)| {
        let mut ring = ground.corners.to_vec();
        ring.push(ring[0]);
        feature(format!("{prefix}-{:03}", i + 1), Some(ground.name), kind, Some(body), &ring)
    }))
}

fn stroke(id: String, name: &str, kind: &str, body: Option<&str>, line: &[Point], half: f64) -> Value {
    feature(id, Some(name), kind, body, &shape::ribbon(line, half))
}

/// One polygon on the grid, rounded to the centimetre.
fn feature(id: String, name: Option<&str>, kind: &str, body: Option<&str>, ring: &[Point]) -> Value {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!(id));
    properties.insert("kind".to_owned(), json!(kind));
    if let Some(name) = name {
        properties.insert("name".to_owned(), json!(name));
    }
    if let Some(body) = body {
        properties.insert("body".to_owned(), json!(body));
    }
    let centimetres = |metres: f64| (metres * 100.0).round() / 100.0;
    let ring: Vec<Value> =
        ring.iter().map(|(x, y)| json!([centimetres(ORIGIN.0 + x), centimetres(ORIGIN.1 + y)])).collect();
    json!({
        "type": "Feature",
        "id": id,
        "properties": properties,
        "geometry": { "type": "Polygon", "coordinates": [ring] },
    })
}

/// A GeoJSON text, one feature a line. The `crs` member is the one that GIS programs write for other than WGS 84.
fn collection(features: impl IntoIterator<Item = Value>) -> String {
    let lines: Vec<String> = features.into_iter().map(|feature| feature.to_string()).collect();
    format!(
        "{{\"type\":\"FeatureCollection\",\
         \"crs\":{{\"type\":\"name\",\"properties\":{{\"name\":\"urn:ogc:def:crs:EPSG::27700\"}}}},\
         \"features\":[\n{}\n]}}\n",
        lines.join(",\n")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use geo::{Area, BooleanOps, BoundingRect, Intersects, Polygon, Validation};
    use std::sync::LazyLock;

    /// Drawn once for all tests: the houses take a while.
    static LAYERS: LazyLock<Vec<(LayerMeta, String)>> = LazyLock::new(layers);

    fn polygons(id: &str) -> Vec<(String, Polygon)> {
        let (_, text) = LAYERS.iter().find(|(meta, _)| meta.id == id).unwrap();
        let layer: geojson::FeatureCollection = text.parse::<geojson::GeoJson>().unwrap().try_into().unwrap();
        layer
            .features
            .into_iter()
            .map(|feature| {
                let id = feature.property("id").unwrap().as_str().unwrap().to_owned();
                (id, feature.geometry.unwrap().try_into().unwrap())
            })
            .collect()
    }

    #[test]
    fn every_polygon_is_valid_and_inside_the_town() {
        let (west, south, east, north) = EDGES;
        for (meta, _) in LAYERS.iter() {
            for (id, polygon) in polygons(meta.id) {
                assert!(polygon.is_valid(), "{} {id}: {:?}", meta.id, polygon.validation_errors());
                assert!(polygon.unsigned_area() > 30.0, "{} {id} is a sliver", meta.id);
                let bounds = polygon.bounding_rect().unwrap();
                assert!(
                    bounds.min().x >= ORIGIN.0 + west - 25.0
                        && bounds.max().x <= ORIGIN.0 + east + 25.0
                        && bounds.min().y >= ORIGIN.1 + south - 25.0
                        && bounds.max().y <= ORIGIN.1 + north + 25.0,
                    "{} {id} lies outside: {bounds:?}",
                    meta.id
                );
            }
        }
    }

    #[test]
    fn the_layers_are_the_same_bytes_each_time_and_no_id_stands_twice() {
        assert_eq!(layers(), *LAYERS);
        let mut ids: Vec<String> = LAYERS.iter().flat_map(|(meta, _)| polygons(meta.id)).map(|(id, _)| id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
        let buildings = polygons("buildings").len();
        assert!((300..900).contains(&buildings), "{buildings} buildings");
    }

    #[test]
    fn the_wards_cover_the_town_once() {
        let wards = polygons("wards");
        let total: f64 = wards.iter().map(|(_, ward)| ward.unsigned_area()).sum();
        assert!((total - 9_000_000.0).abs() < 1.0, "{total}");
        for (i, (a, first)) in wards.iter().enumerate() {
            for (b, second) in &wards[i + 1..] {
                let shared = first.intersection(second).unsigned_area();
                assert!(shared < 0.01, "{a} and {b} share {shared} m2");
            }
        }
    }

    #[test]
    fn nobody_claims_the_ground_of_another() {
        // Where two owners' polygons meet, a lookup would have to ask. The bridges over the river and the brook and
        // under the railway are the places where ground is meant to be shared, and estates hold their streets.
        let meant = |a: &str, b: &str| {
            matches!(
                (a, b),
                ("highways", "main_river" | "watercourse" | "railway" | "council_housing" | "highways")
                    | ("main_river", "watercourse")
            )
        };
        let owning = [
            "highways",
            "parks",
            "council_land",
            "main_river",
            "watercourse",
            "council_housing",
            "housing_association",
            "railway",
            "trunk_road",
            "private_street",
            "private_land",
        ];
        let layers: Vec<_> = owning.iter().map(|id| (*id, polygons(id))).collect();
        for (i, (a, first)) in layers.iter().enumerate() {
            for (b, second) in &layers[i..] {
                for (x, one) in first {
                    for (y, other) in second {
                        if x != y && !meant(a, b) && one.intersects(other) {
                            panic!("{a} {x} and {b} {y} overlap by {} m2", one.intersection(other).unsigned_area());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_body_and_kind_stands_in_the_table_of_bodies() {
        let table = include_str!("../../config/bodies.toml");
        let table = crate::domain::ownership::Bodies::parse(table).unwrap();
        for (meta, text) in LAYERS.iter() {
            assert!(meta.kind == "building" || table.kind(meta.kind).is_some(), "no kind {}", meta.kind);
            let layer: serde_json::Value = serde_json::from_str(text).unwrap();
            for feature in layer["features"].as_array().unwrap() {
                if let Some(body) = feature["properties"]["body"].as_str() {
                    assert!(table.body(&body.into()).is_some(), "no body {body}");
                }
            }
        }
    }

    #[test]
    fn no_house_stands_in_the_road_or_in_the_river() {
        let buildings = polygons("buildings");
        for layer in ["highways", "main_river", "parks", "council_land", "railway", "trunk_road"] {
            for (id, polygon) in polygons(layer) {
                for (house, walls) in &buildings {
                    assert!(!walls.intersects(&polygon), "{house} stands in {id}");
                }
            }
        }
    }
}
