//! A map layer: features with their polygons in whole millimetres of the National Grid, and a tree of their boxes.
//!
//! How a layer comes from a GeoJSON file is in [`super::import`]; how it is kept on disk in [`super::store`].

use super::geometry::{Corner, Extent, Part};
use crate::domain::id::BodyId;
use crate::domain::ownership::Position;
use jiff::civil::Date;
use rstar::{AABB, RTree, RTreeObject};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The coordinates of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Crs {
    /// Longitude and latitude in degrees (GeoJSON's own; EPSG:4326, CRS84).
    #[serde(rename = "wgs84")]
    Wgs84,
    /// Easting and northing in metres (EPSG:27700).
    #[serde(rename = "bng")]
    Bng,
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wgs84 => "WGS84",
            Self::Bng => "EPSG:27700",
        })
    }
}

/// What is known of a layer as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerMeta {
    /// Its id, and its file's name: small letters, digits, `_` and `-`.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// What its features are, one of the kinds of `config/bodies.toml`.
    pub kind: String,
    /// The body responsible by its features, where they do not name their own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<BodyId>,
    /// The day for which it is true, `YYYY-MM-DD`.
    pub date: String,
    /// The terms of use, to be shown.
    pub licence: String,
    /// How far off its lines may be, in metres.
    pub accuracy_m: f64,
    /// The source file's name.
    pub source: String,
    /// SHA-256 of the source file, 64 hex digits.
    pub sha256: String,
    /// The coordinates of the source.
    pub crs: Crs,
    /// How many features it has.
    pub features: u64,
    /// Of them, repaired.
    pub repaired: u64,
    /// Why it was taken though a gate stood against it, as whoever imported it said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<String>,
}

/// One feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its id in the source.
    pub id: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The body that it names.
    pub body: Option<BodyId>,
    /// Its own kind, where it differs from the layer's.
    pub kind: Option<String>,
    /// Whether its geometry was repaired.
    pub repaired: bool,
    /// The first day on which it holds, where the source says.
    pub valid_from: Option<Date>,
    /// The last day on which it holds, where the source says.
    pub valid_until: Option<Date>,
    /// Its polygons.
    pub parts: Vec<Part>,
    /// Its area in square metres.
    pub area_m2: f64,
}

/// A polygon's box in the tree. Boxes are `f64` there (whole millimetres are exact), since the tree adds corners up
/// and 32 bits would overflow.
#[derive(Debug, Clone, Copy)]
struct Boxed {
    extent: Extent,
    feature: u32,
    part: u32,
}

impl RTreeObject for Boxed {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        envelope(self.extent)
    }
}

fn envelope(extent: Extent) -> AABB<[f64; 2]> {
    AABB::from_corners(extent.low.map(f64::from), extent.high.map(f64::from))
}

/// A layer in memory, ready to be asked.
#[derive(Debug)]
pub struct Layer {
    /// What is known of it.
    pub meta: LayerMeta,
    features: Vec<Feature>,
    tree: RTree<Boxed>,
    extent: Extent,
    own_kinds: bool,
}

impl Layer {
    /// Builds the tree over checked features.
    pub fn new(meta: LayerMeta, features: Vec<Feature>) -> Self {
        let mut boxes = Vec::new();
        for (feature, one) in features.iter().enumerate() {
            for (part, polygon) in one.parts.iter().enumerate() {
                boxes.push(Boxed { extent: polygon.extent(), feature: feature as u32, part: part as u32 });
            }
        }
        let extent = boxes.iter().fold(Extent::EMPTY, |all, one| all.joined(one.extent));
        let own_kinds = features.iter().any(|feature| feature.kind.is_some());
        Self { meta, features, tree: RTree::bulk_load(boxes), extent, own_kinds }
    }

    /// All features, in the source's order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Whether a feature has a kind of its own.
    pub fn has_own_kinds(&self) -> bool {
        self.own_kinds
    }

    /// The box around all of it.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Every feature that touches a point, in the source's order, and whether the point is inside it or on its
    /// boundary. Exact. A feature whose polygons touch only at that corner counts as boundary.
    pub fn touching(&self, at: Corner) -> Vec<(&Feature, Position)> {
        let mut found: Vec<(u32, Position)> = Vec::new();
        let point = envelope(Extent { low: at, high: at });
        for one in self.tree.locate_in_envelope_intersecting(&point) {
            let Some(position) = self.features[one.feature as usize].parts[one.part as usize].position(at) else {
                continue;
            };
            match found.iter_mut().find(|(feature, _)| *feature == one.feature) {
                Some((_, known)) => *known = position.min(*known),
                None => found.push((one.feature, position)),
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(feature, position)| (&self.features[feature as usize], position)).collect()
    }

    /// Every feature within so many millimetres of a point that does not touch it, with its distance in metres, in
    /// the source's order.
    pub fn near(&self, at: Corner, reach_mm: i32) -> Vec<(&Feature, f64)> {
        let mut found: Vec<(u32, f64)> = Vec::new();
        let around = envelope(Extent::reaching(at, reach_mm));
        for one in self.tree.locate_in_envelope_intersecting(&around) {
            let part = &self.features[one.feature as usize].parts[one.part as usize];
            let away_m = if part.position(at).is_some() { 0.0 } else { part.edge_m(at) };
            match found.iter_mut().find(|(feature, _)| *feature == one.feature) {
                Some((_, known)) => *known = away_m.min(*known),
                None => found.push((one.feature, away_m)),
            }
        }
        found.retain(|(_, away_m)| *away_m > 0.0 && *away_m * 1000.0 <= f64::from(reach_mm));
        found.sort_unstable_by_key(|(feature, _)| *feature);
        found.into_iter().map(|(feature, away_m)| (&self.features[feature as usize], away_m)).collect()
    }

    /// The features whose boxes meet a box, in the source's order.
    pub fn within(&self, extent: Extent) -> Vec<&Feature> {
        let mut found: Vec<u32> =
            self.tree.locate_in_envelope_intersecting(&envelope(extent)).map(|one| one.feature).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|feature| &self.features[feature as usize]).collect()
    }
}

impl Feature {
    /// Metres from a point inside to the feature's nearest edge.
    pub fn edge_m(&self, at: Corner) -> f64 {
        self.parts.iter().map(|part| part.edge_m(at)).fold(f64::INFINITY, f64::min)
    }
}
