//! Wexmoor: the ground of a made-up town, as map layers.
//!
//! A market town of some 3 km across on both banks of the River Wex, at about SJ 494 253. Its plan stands here as
//! lines and corners that a person can read next to the map; layers are drawn from it and imported like a council's
//! own files. Names, owners and lines are invented; nothing here says anything about the real ground at these
//! coordinates.
//!
//! Not here: what to tell a caller about a body (`config/bodies.toml`), and names for the contact form
//! ([`super::gazetteer`]).

use super::chance::Chance;
use super::shape::{self, Point};
use crate::domain::place::GridPoint;
use serde_json::{Map, Value, json};

/// Where the plan's (0, 0) stands: easting and northing in metres.
pub const ORIGIN: Point = (349_000.0, 325_000.0);

/// The plan's edges: west, south, east, north, in metres from [`ORIGIN`].
pub const EDGES: (f64, f64, f64, f64) = (-1_100.0, -1_200.0, 1_900.0, 1_800.0);

/// A street: a name, half its width in metres (from wall to wall of the public way), and its line.
#[derive(Debug, Clone, Copy)]
pub struct Street {
    /// As on its sign.
    pub name: &'static str,
    /// Half the width of the public way, metres.
    pub half_m: f64,
    /// Its middle line, metres from [`ORIGIN`].
    pub line: &'static [Point],
}

const fn street(name: &'static str, half_m: f64, line: &'static [Point]) -> Street {
    Street { name, half_m, line }
}

/// The adopted streets: public highway, the council's.
pub const STREETS: &[Street] = &[
    street(
        "Mill Street",
        9.0,
        &[
            (-60.0, 500.0),
            (80.0, 474.0),
            (200.0, 430.0),
            (320.0, 356.0),
            (450.0, 300.0),
            (600.0, 262.0),
            (760.0, 205.0),
            (900.0, 120.0),
            (1060.0, 40.0),
        ],
    ),
    street(
        "High Street",
        10.0,
        &[
            (452.0, -80.0),
            (440.0, 120.0),
            (450.0, 300.0),
            (472.0, 410.0),
            (500.0, 520.0),
            (545.0, 640.0),
            (570.0, 760.0),
        ],
    ),
    street(
        "Wharf Road",
        9.0,
        &[
            (-60.0, 770.0),
            (120.0, 712.0),
            (300.0, 622.0),
            (500.0, 520.0),
            (700.0, 470.0),
            (900.0, 392.0),
            (1100.0, 322.0),
        ],
    ),
    street("Tanners Row", 5.0, &[(320.0, 356.0), (318.0, 250.0), (322.0, 156.0)]),
    street("Castle Lane", 6.0, &[(200.0, 430.0), (206.0, 300.0), (200.0, 192.0), (186.0, -40.0)]),
    street("Station Road", 8.0, &[(-80.0, 205.0), (200.0, 192.0), (440.0, 120.0), (620.0, 95.0), (860.0, -20.0)]),
    street("Orchard Close", 6.0, &[(600.0, 262.0), (618.0, 170.0), (620.0, 95.0), (596.0, -60.0)]),
    street("Foundry Lane", 5.0, &[(760.0, 205.0), (742.0, 120.0), (740.0, 36.0)]),
    street("Riverside Way", 6.0, &[(700.0, 470.0), (738.0, 560.0), (760.0, 700.0)]),
    street("Bridge View", 5.0, &[(300.0, 622.0), (330.0, 700.0), (352.0, 780.0)]),
    street("Weir Lane", 6.0, &[(-1000.0, 640.0), (-600.0, 600.0), (-300.0, 545.0), (-60.0, 500.0)]),
    street("Barn Road", 8.0, &[(-1050.0, 1180.0), (-700.0, 1060.0), (-350.0, 890.0), (-60.0, 770.0)]),
    street("Chapel Street", 7.0, &[(-1050.0, 330.0), (-600.0, 270.0), (-300.0, 235.0), (-80.0, 205.0)]),
    street("Hill Road", 8.0, &[(570.0, 760.0), (600.0, 1000.0), (620.0, 1300.0), (650.0, 1600.0)]),
    street("Gorse Lane", 7.0, &[(1100.0, 322.0), (1350.0, 420.0), (1600.0, 500.0), (1850.0, 560.0)]),
    street("Low Road", 8.0, &[(1060.0, 40.0), (1300.0, -120.0), (1600.0, -260.0), (1850.0, -330.0)]),
    street("Priory Road", 8.0, &[(186.0, -40.0), (170.0, -300.0), (150.0, -590.0), (125.0, -850.0), (113.0, -980.0)]),
    street("Station Approach", 7.0, &[(452.0, -80.0), (480.0, -300.0), (500.0, -560.0)]),
    street("Abbot's Walk", 5.0, &[(172.0, -260.0), (0.0, -250.0), (-180.0, -255.0), (-340.0, -230.0)]),
    street("Quarry Rise", 5.0, &[(600.0, 1000.0), (800.0, 1060.0), (1000.0, 1180.0)]),
    street("Larkfield Road", 6.0, &[(620.0, 1300.0), (400.0, 1340.0), (150.0, 1330.0), (-100.0, 1380.0)]),
];

/// The River Wex, a main river: its middle line; it is 38 m wide.
pub const RIVER: &[Point] = &[
    (-1100.0, 980.0),
    (-800.0, 930.0),
    (-450.0, 800.0),
    (-80.0, 650.0),
    (120.0, 600.0),
    (260.0, 520.0),
    (380.0, 440.0),
    (474.0, 402.0),
    (560.0, 372.0),
    (690.0, 345.0),
    (820.0, 280.0),
    (980.0, 180.0),
    (1120.0, 100.0),
    (1400.0, 40.0),
    (1650.0, -60.0),
    (1900.0, -100.0),
];
/// Half the width of the River Wex, metres.
pub const RIVER_HALF_M: f64 = 19.0;
/// Gorse Brook, an ordinary watercourse: from the hill to the river, in a culvert under Wharf Road.
const BROOK: &[Point] =
    &[(1500.0, 1700.0), (1360.0, 1250.0), (1230.0, 900.0), (1140.0, 600.0), (1062.0, 340.0), (1040.0, 168.0)];
/// The railway, on a bank: Priory Road passes under it.
const RAILWAY: &[Point] = &[(-1100.0, -600.0), (-400.0, -610.0), (400.0, -640.0), (1100.0, -700.0), (1900.0, -800.0)];
/// Wexmoor bypass, a trunk road; Priory Road ends at it.
const BYPASS: &[Point] = &[(-1100.0, -900.0), (-400.0, -965.0), (300.0, -1010.0), (1000.0, -1060.0), (1900.0, -1120.0)];
/// Weavers Court: never adopted.
const PRIVATE_STREETS: &[Street] = &[
    street("Weavers Court", 3.5, &[(124.0, 722.0), (136.0, 790.0), (140.0, 870.0)]),
    street("Kiln Mews", 3.5, &[(905.0, 106.0), (890.0, 60.0), (884.0, -10.0)]),
];

/// A piece of land with a name, a body of `config/bodies.toml` and its corners.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// As people call it.
    pub name: &'static str,
    /// Who looks after it.
    pub body: &'static str,
    /// Its corners, metres from [`ORIGIN`], not closed.
    pub corners: &'static [Point],
}

const fn ground(name: &'static str, body: &'static str, corners: &'static [Point]) -> Ground {
    Ground { name, body, corners }
}

/// The council's land that is neither street nor housing.
pub const COUNCIL_LAND: &[Ground] = &[
    ground(
        "Riverside Meadow",
        "parks",
        &[
            (90.0, 560.0),
            (240.0, 490.0),
            (360.0, 412.0),
            (430.0, 380.0),
            (440.0, 330.0),
            (330.0, 385.0),
            (205.0, 455.0),
            (85.0, 500.0),
        ],
    ),
    ground("Corn Hall", "facilities", &[(372.0, -12.0), (426.0, -6.0), (421.0, 62.0), (368.0, 56.0)]),
    ground("Castle Gardens", "parks", &[(30.0, 380.0), (186.0, 345.0), (188.0, 225.0), (30.0, 235.0)]),
    ground("Chapel Hill Cemetery", "parks", &[(-800.0, 350.0), (-620.0, 330.0), (-610.0, 450.0), (-790.0, 470.0)]),
    ground("Tanners Row car park", "parking", &[(335.0, 300.0), (420.0, 262.0), (416.0, 190.0), (334.0, 215.0)]),
    ground(
        "Hill Road recreation ground",
        "parks",
        &[(300.0, 1000.0), (560.0, 980.0), (570.0, 1200.0), (320.0, 1230.0)],
    ),
];

/// Estates: the council's, let through its housing company, and a housing association's.
pub const HOUSING: &[Ground] = &[
    ground("Priory estate", "housing", &[(-350.0, -110.0), (140.0, -90.0), (130.0, -420.0), (-330.0, -400.0)]),
    ground(
        "Orchard estate",
        "housing_association",
        &[(632.0, 236.0), (740.0, 194.0), (730.0, 118.0), (728.0, 58.0), (636.0, 104.0)],
    ),
];

/// Private land big enough to be asked about.
const PRIVATE_LAND: &[Ground] = &[ground(
    "Wharf Retail Park",
    "private_owner",
    &[(548.0, 610.0), (640.0, 560.0), (716.0, 545.0), (742.0, 690.0), (590.0, 700.0)],
)];

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
/// Buildings are there for the look of the map: they have neither name nor body.
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
        (meta("council_land", "council_land", "Council land"), lands("CL", "council_land", COUNCIL_LAND)),
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
        (meta("watercourse", "ordinary_watercourse", "Ordinary watercourses"), {
            collection([stroke(
                "OW-001".to_owned(),
                "Gorse Brook",
                "ordinary_watercourse",
                Some("drainage"),
                BROOK,
                2.5,
            )])
        }),
        (meta("housing", "housing", "Council and association housing"), lands("HO", "housing", HOUSING)),
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
                    Some("private_owner"),
                    street.line,
                    street.half_m,
                )
            }))
        }),
        (meta("private_land", "private_land", "Private land"), lands("PL", "private_land", PRIVATE_LAND)),
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

fn lands(prefix: &str, kind: &str, grounds: &[Ground]) -> String {
    collection(grounds.iter().enumerate().map(|(i, ground)| {
        let mut ring = ground.corners.to_vec();
        ring.push(ring[0]);
        feature(format!("{prefix}-{:03}", i + 1), Some(ground.name), kind, Some(ground.body), &ring)
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

    fn polygons(id: &str) -> Vec<(String, Polygon)> {
        let (_, text) = layers().into_iter().find(|(meta, _)| meta.id == id).unwrap();
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
        for (meta, _) in layers() {
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
        assert_eq!(layers(), layers());
        let mut ids: Vec<String> = layers().iter().flat_map(|(meta, _)| polygons(meta.id)).map(|(id, _)| id).collect();
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
                ("highways", "main_river" | "watercourse" | "railway" | "housing" | "highways")
                    | ("main_river", "watercourse")
            )
        };
        let owning = [
            "highways",
            "council_land",
            "main_river",
            "watercourse",
            "housing",
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
    fn no_house_stands_in_the_road_or_in_the_river() {
        let buildings = polygons("buildings");
        for layer in ["highways", "main_river", "council_land", "railway", "trunk_road"] {
            for (id, polygon) in polygons(layer) {
                for (house, walls) in &buildings {
                    assert!(!walls.intersects(&polygon), "{house} stands in {id}");
                }
            }
        }
    }
}
