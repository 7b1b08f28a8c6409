//! Whose land a place is on, and what to tell the caller: the question, the form of the answer, and the rules that turn
//! raw hits into one. Never a guess: where nothing is known the answer says so and names who finds out, by when.

mod blot;
mod bodies;
mod rules;
mod table;
mod words;

pub use blot::{SAMPLES, sample_points};
pub use bodies::{BODIES_MAX, Bodies, Body, LayerKind, Line, Matter, NEAREST_M_MAX, Says, Unknown};
pub use rules::{Found, Ground, Touch, answer};

use super::event::Author;
use super::id::{BodyId, Seq};
use super::place::{GridPoint, Located};
use super::time::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How sure the answer is.
///
/// The words of the first version of the log (`certain`, `likely`) are still read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Farther inside the body's ground than the place can be off.
    #[serde(alias = "certain")]
    Confident,
    /// Most of where the place can be is the body's, or it is the nearest within reach: check with the caller.
    #[serde(alias = "likely")]
    Probable,
    /// The caller can decide it: the question is in the answer.
    Ask,
    /// Nobody knows yet; the answer says who finds out and by when.
    Unknown,
}

impl Confidence {
    /// The word used in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confident => "confident",
            Self::Probable => "probable",
            Self::Ask => "ask",
            Self::Unknown => "unknown",
        }
    }
}

/// What a body has to do with a piece of ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns it.
    Owns,
    /// Has adopted it: maintains it at public expense.
    Adopts,
    /// Maintains it, whoever owns it.
    Maintains,
    /// Has powers over it; whoever owns it maintains it.
    Regulates,
    /// Is only told.
    Informs,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Owns, Self::Adopts, Self::Maintains, Self::Regulates, Self::Informs];

    /// The word used in files, JSON and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owns => "owns",
            Self::Adopts => "adopts",
            Self::Maintains => "maintains",
            Self::Regulates => "regulates",
            Self::Informs => "informs",
        }
    }

    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether a feature with this role decides when `asked` is asked for: without it everything but what only informs.
    /// Who adopts a street also maintains it.
    pub fn decides(self, asked: Option<Self>) -> bool {
        match asked {
            None => self != Self::Informs,
            Some(asked) => self == asked || (asked == Self::Maintains && self == Self::Adopts),
        }
    }
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

/// A question about a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Where.
    pub place: Located,
    /// The line of the street that is meant, where the place is a street: the place may be anywhere on it.
    pub along: Vec<GridPoint>,
    /// The day that the answer is for; `None` is the newest that the maps know.
    pub on: Option<Date>,
    /// The role that is asked for; `None` is whoever is to act.
    pub role: Option<Role>,
    /// What it is about, by the id of a `[[matter]]`: `gas`, `sewer`.
    pub about: Option<String>,
}

impl Asked {
    /// Who is to act at a place, by the newest maps.
    pub fn at(place: Located) -> Self {
        Self { place, along: Vec::new(), on: None, role: None, about: None }
    }
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

/// What the answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// The layer's id.
    pub layer: String,
    /// Its name.
    pub layer_name: String,
    /// The kind, e.g. `adopted_highway`.
    pub kind: String,
    /// The feature's id.
    pub feature: String,
    /// The feature's name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub feature_name: Option<String>,
    /// The day for which the layer is true, `YYYY-MM-DD`.
    pub date: String,
    /// The layer's terms of use.
    pub licence: String,
    /// Inside it or on its boundary; for the nearest, its boundary.
    pub position: Position,
    /// Metres from the place to the feature's boundary.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boundary_m: Option<f64>,
    /// Metres to the feature, where the place does not touch it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nearest_m: Option<f64>,
    /// How far off the layer's lines may be, in metres.
    pub accuracy_m: f64,
}

/// Another body that has to do with the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Also {
    /// Which.
    pub body: BodyId,
    /// As people say it.
    pub name: String,
    /// What it has to do with it.
    pub role: Role,
    /// By which kind of ground: `park`.
    pub kind: String,
    /// By which layer.
    pub layer: String,
    /// By which of its features.
    pub feature: String,
}

/// The part of where the place can be that is one body's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Whose; `None` where no layer says.
    pub body: Option<BodyId>,
    /// 0 to 1.
    pub share: f64,
}

/// Who finds out, and by when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Who.
    pub finder: String,
    /// By when, in words: `2 hours`.
    pub within: String,
}

/// Staff have said that the map is wrong here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The record that says so.
    pub record: Seq,
    /// Who said so.
    pub by: Author,
    /// When.
    pub at: Timestamp,
    /// Why, in their words; empty where those were erased.
    pub why: String,
    /// Who is responsible.
    pub body: BodyId,
    /// Within so many metres of this place; `None` is the whole feature.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub around: Option<(GridPoint, f64)>,
    /// The layer and feature that are wrong; `None` where no layer knew the ground.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub feature: Option<(String, String)>,
}

impl Correction {
    /// Whether it is about this point, which touches `features` (layer, feature).
    pub fn covers<'f>(&self, at: GridPoint, mut features: impl Iterator<Item = (&'f str, &'f str)>) -> bool {
        self.around.is_none_or(|(middle, radius_m)| middle.distance_m(at) <= radius_m)
            && self.feature.as_ref().is_none_or(|(layer, feature)| features.any(|one| one == (layer, feature)))
            && (self.around.is_some() || self.feature.is_some())
    }
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnerAnswer {
    /// The responsible body; `None` while that must be asked or found out.
    pub body: Option<BodyId>,
    /// As people say it; empty without one.
    #[serde(default)]
    pub body_name: String,
    /// Whether it is a service of this council.
    #[serde(default)]
    pub ours: bool,
    /// What the body has to do with the ground.
    #[serde(default)]
    pub role: Option<Role>,
    /// How sure.
    pub confidence: Confidence,
    /// What the answer rests on; `None` where it is nowhere on the maps, or decided by what it is about.
    #[serde(default)]
    pub basis: Option<Basis>,
    /// In words: which rule decided, which layer, how old, how far.
    pub why: String,
    /// What to ask the caller: it decides where `confidence` is `ask`, and makes sure where it is `probable`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub question: Option<String>,
    /// Who finds out and by when, where there is no body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub promise: Option<Promise>,
    /// What the advisor says to the caller; for an unknown, who finds out and by when.
    pub tell_caller: String,
    /// What to raise, and where.
    pub raise: String,
    /// The body's lines, the one to ring first in front.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Bodies to tell as well.
    pub also_notify: Vec<BodyId>,
    /// Other bodies that have to do with the place.
    #[serde(default)]
    pub also: Vec<Also>,
    /// Bodies between which the maps contradict each other: for the staff's queue.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub disputed: Vec<BodyId>,
    /// Whose the ground is where the place can be, largest first; empty where one point was enough.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub shares: Vec<Share>,
    /// Staff have corrected the map here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub corrected: Option<Arc<Correction>>,
    /// Every feature that touches the place, the deciding one first.
    pub hits: Vec<Hit>,
    /// One standard deviation of the place with the deciding layer's lines and coordinates, in metres.
    #[serde(default)]
    pub sigma_m: f64,
    /// The part of it that comes from turning coordinates into those of the maps, in metres.
    #[serde(default)]
    pub crs_accuracy_m: f64,
    /// The day that the answer is for; `None` is the newest that the maps know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on: Option<Date>,
    /// What it is about, where that was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
    /// The set of layers that answered; grows with each load.
    pub epoch: u64,
}

impl OwnerAnswer {
    /// An explicit unknown with nothing else to say: for doubles of the land book, and where there is none.
    pub fn unknown(why: impl Into<String>, tell_caller: impl Into<String>, raise: impl Into<String>) -> Self {
        Self {
            body: None,
            body_name: String::new(),
            ours: false,
            role: None,
            confidence: Confidence::Unknown,
            basis: None,
            why: why.into(),
            question: None,
            promise: None,
            tell_caller: tell_caller.into(),
            raise: raise.into(),
            lines: Vec::new(),
            also_notify: Vec::new(),
            also: Vec::new(),
            disputed: Vec::new(),
            shares: Vec::new(),
            corrected: None,
            hits: Vec::new(),
            sigma_m: 0.0,
            crs_accuracy_m: 0.0,
            on: None,
            about: None,
            epoch: 0,
        }
    }
}
