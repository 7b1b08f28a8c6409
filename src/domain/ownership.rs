//! Whose land a place is on, and what to tell the caller: the form of the answer, and the rules that turn raw hits
//! into one. Never a guess: where nothing is known the answer says so and names who finds out.

mod bodies;
mod rules;

pub use bodies::{BODIES_MAX, Bodies, Body, LayerKind, NEAREST_M_MAX, Role, Unknown};
pub use rules::{Found, SAMPLES, answer, body_touching, sample_points};

use super::id::BodyId;
use serde::{Deserialize, Serialize};

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Inside the boundary, farther from it than the place is uncertain.
    Certain,
    /// Near a boundary, on one, or by the nearest line: check with the caller.
    Likely,
    /// No layer knows the ground.
    Unknown,
}

/// Where the point stands to the feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Strictly inside.
    Interior,
    /// On the boundary: every feature that touches it is a hit.
    Boundary,
}

/// One feature that touches the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The layer's id.
    pub layer: String,
    /// The layer's kind, e.g. `adopted_highway`.
    pub kind: String,
    /// The feature's id in that layer.
    pub feature: String,
    /// Interior or boundary.
    pub position: Position,
    /// The body responsible by this feature; `None` where the layer names none (a registered title, say).
    pub body: Option<BodyId>,
    /// Metres to the feature's boundary, where measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boundary_m: Option<f64>,
    /// Metres to the feature when it was found by nearness and not by touch; `None` for a touch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nearest_m: Option<f64>,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnerAnswer {
    /// The responsible body; `None` is an explicit unknown.
    pub body: Option<BodyId>,
    /// How sure.
    pub confidence: Confidence,
    /// In words: which rule decided, which layer, how old, how far.
    pub why: String,
    /// What the advisor says to the caller; for an unknown, who finds out and by when.
    pub tell_caller: String,
    /// What to raise, and where.
    pub raise: String,
    /// Bodies to tell as well.
    pub also_notify: Vec<BodyId>,
    /// Every feature that touches the place, the deciding one first.
    pub hits: Vec<Hit>,
    /// The set of layers that answered; grows with each load.
    pub epoch: u64,
}
