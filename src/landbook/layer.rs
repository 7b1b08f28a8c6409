//! A map layer: features with their polygons in whole millimetres of the National Grid, and the index that
//! finds them.
//!
//! How a layer comes from a GeoJSON file is in [`super::import`]; how it is kept on disk in [`super::store`].

use super::geometry::{Corner, Extent, Part};
use super::packed::{Outlines, PackedIndex};
use crate::domain::id::BodyId;
use crate::domain::ownership::Position;
use jiff::civil::Date;
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
    /// The first day on which all of it holds, where it says; earlier days are answered without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_from: Option<Date>,
    /// The last day on which all of it holds, where it has been followed by another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_until: Option<Date>,
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

/// The nearest edge of a large feature is looked for in so many squares before all its edges are asked.
const SQUARES_MAX: usize = 4_096;

/// A layer in memory, ready to be asked.
#[derive(Debug)]
pub struct Layer {
    /// What is known of it.
    pub meta: LayerMeta,
    features: Vec<Feature>,
    index: PackedIndex,
    own_kinds: bool,
}

impl Layer {
    /// Packs checked features.
    ///
    /// # Panics
    /// Above the limits of [`super::packed::BuildError`], which an import keeps well below.
    pub fn new(meta: LayerMeta, features: Vec<Feature>) -> Self {
        let mut outlines = Outlines::new();
        let pushed = features.iter().try_for_each(|feature| outlines.push(&feature.parts));
        let index = pushed.and_then(|()| PackedIndex::build(&outlines)).expect("an import is well below the limits");
        Self::of(meta, features, index)
    }

    /// Features with the index that was made of them.
    pub(super) fn of(meta: LayerMeta, features: Vec<Feature>, index: PackedIndex) -> Self {
        let own_kinds = features.iter().any(|feature| feature.kind.is_some());
        Self { meta, features, index, own_kinds }
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
        self.index.extent()
    }

    /// The packed polygons; their numbers are places in [`Self::features`].
    pub fn index(&self) -> &PackedIndex {
        &self.index
    }

    /// Every feature that touches a point, in the source's order, and whether the point is inside it or on its
    /// boundary. Exact. A feature whose polygons touch only at that corner counts as boundary.
    pub fn touching(&self, at: Corner) -> Vec<(&Feature, Position)> {
        let mut touches = Vec::new();
        self.index.touching(at, &mut touches);
        touches.iter().map(|touch| (&self.features[touch.feature as usize], touch.position)).collect()
    }

    /// Every feature within so many millimetres of a point that does not touch it, with its distance in metres, in
    /// the source's order.
    pub fn near(&self, at: Corner, reach_mm: i32) -> Vec<(&Feature, f64)> {
        let mut touches = Vec::new();
        self.index.touching(at, &mut touches);
        let mut near = self.index.edges_within(at, reach_mm);
        near.retain(|(feature, _)| touches.iter().all(|touch| touch.feature != *feature));
        near.into_iter().map(|(feature, away_mm)| (&self.features[feature as usize], away_mm / 1000.0)).collect()
    }

    /// Metres from a point to the nearest edge of one of this layer's features.
    pub fn edge_m(&self, feature: &Feature, at: Corner) -> f64 {
        // A large feature's edges are looked for in the squares round the point; where these are many, one by one.
        let off = std::ptr::from_ref(feature).addr().wrapping_sub(self.features.as_ptr().addr());
        let number = off / size_of::<Feature>();
        let own = self.features.get(number).is_some_and(|one| std::ptr::eq(one, feature));
        let nearest = if own { self.index.edge_of(number as u32, at, SQUARES_MAX) } else { None };
        nearest.map_or_else(|| feature.edge_m(at), |mm| mm / 1000.0)
    }

    /// The features near a box, all that touch it among them, in the source's order.
    pub fn within(&self, extent: Extent) -> Vec<&Feature> {
        self.index.about(extent).into_iter().map(|feature| &self.features[feature as usize]).collect()
    }
}

impl Feature {
    /// Metres from a point inside to the feature's nearest edge.
    pub fn edge_m(&self, at: Corner) -> f64 {
        self.parts.iter().map(|part| part.edge_m(at)).fold(f64::INFINITY, f64::min)
    }
}
