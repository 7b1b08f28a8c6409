//! The port to the land book: what intake and the web need to know about places.
//!
//! The land book itself ([`crate::landbook`]) holds layers, gazetteers and Ordnance Survey's shift table; whoever only
//! asks "where is this, and whose is it" asks through this door, so that tests can answer with a few lines.

use crate::domain::correction::Statement;
use crate::domain::id::{BodyId, Seq};
use crate::domain::ownership::{Asked, Bodies, Correction, OwnerAnswer, Position, Role};
use crate::domain::place::{DEVICE_UNCERTAINTY_M, GridPoint, LatLon, Located, PlaceError, Typed};
use serde::Serialize;
use std::sync::Arc;

/// A code or a name that stands for a place, as it was typed; the gazetteer puts it into its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceCode<'a> {
    /// `WX2 4QD`, in any case, with or without the space.
    Postcode(&'a str),
    /// A unique property reference number: 1 to 12 digits.
    Uprn(&'a str),
    /// A unique street reference number: 1 to 8 digits.
    Usrn(&'a str),
    /// A street's name: `Mill Street`, `mill st`.
    Street(&'a str),
}

impl<'a> PlaceCode<'a> {
    /// What a typed text that is no grid reference and no pair of numbers may be: `UPRN 1234`, `usrn 20500017`,
    /// `WX2 4QD`; else the name of a street. `None` for what has no letter.
    pub fn told(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let after = |word: &str| {
            let (first, rest) = text.split_at_checked(word.len())?;
            let rest = rest.trim_start_matches([' ', ':', '=']);
            (first.eq_ignore_ascii_case(word) && rest.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
        };
        if let Some(digits) = after("uprn") {
            return Some(Self::Uprn(digits));
        }
        if let Some(digits) = after("usrn") {
            return Some(Self::Usrn(digits));
        }
        let letters: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let inward = letters.len().checked_sub(3).and_then(|at| letters.get(at..));
        let postcode = (5..=7).contains(&letters.len())
            && letters.iter().all(u8::is_ascii_alphanumeric)
            && letters[0].is_ascii_alphabetic()
            && inward
                .is_some_and(|inward| inward[0].is_ascii_digit() && inward[1..].iter().all(u8::is_ascii_alphabetic));
        if postcode {
            return Some(Self::Postcode(text));
        }
        text.chars().any(char::is_alphabetic).then_some(Self::Street(text))
    }
}

/// A place that a gazetteer knows.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownPlace {
    /// As people say it: `WX2 4QD`, `Mill Street, Wexmoor`, `USRN 20500017`.
    pub name: String,
    /// Its point, and how far from it the thing may be: a few metres for a property, the reach of a postcode's
    /// addresses, half a street.
    pub located: Located,
    /// The street's line where it is known; else empty.
    pub line: Vec<GridPoint>,
    /// Whence it is known, with the day: `OS Open UPRN, 2026-04-01`.
    pub source: String,
}

/// What the gazetteers say of a code.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// One place.
    Found(KnownPlace),
    /// Several of that name, at most [`SEVERAL_MAX`]: the caller must say which.
    Several(Vec<KnownPlace>),
    /// There is a gazetteer, and this is not in it.
    NotThere,
    /// No gazetteer of this kind was imported.
    NoGazetteer,
}

/// The most places of one name that are told.
pub const SEVERAL_MAX: usize = 8;

/// A piece of ground on one of the maps, as a map system lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Area {
    /// The layer's id.
    pub layer: String,
    /// Its name.
    pub layer_name: String,
    /// The kind, e.g. `ward`.
    pub kind: String,
    /// The feature's id.
    pub feature: String,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The body that layer or feature names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyId>,
    /// What that body has to do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Where the point stands to it; `None` where it does not touch it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Metres from the point; 0 where it touches it.
    pub distance_m: f64,
    /// The day for which the layer is true.
    pub date: String,
    /// The layer's terms of use.
    pub licence: String,
}

/// A place that was read and found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Where.
    pub place: Located,
    /// The street's line, where it is a street.
    pub along: Vec<GridPoint>,
    /// What it was taken for: `grid reference`.
    pub read_as: &'static str,
    /// Its name, where a gazetteer knows it.
    pub name: String,
    /// The gazetteer.
    pub source: String,
}

/// Why a place could not be found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unresolved {
    /// It is no place, or not in Great Britain.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// No gazetteer has it.
    #[error("the {what} \"{given}\" is in no gazetteer here; check it with the caller, or ask for the street")]
    NotThere {
        /// `postcode`.
        what: &'static str,
        /// As given.
        given: String,
    },
    /// There is no gazetteer of that kind.
    #[error(
        "there is no gazetteer of {what}s here yet (callout import gazetteer); give a grid reference or easting and northing"
    )]
    NoGazetteer {
        /// `postcode`.
        what: &'static str,
    },
    /// Several of one name.
    #[error("there are several: {}; say which", .0.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join("; "))]
    Several(Vec<KnownPlace>),
}

/// Finds a typed place: on the grid at once, a code or a street by the gazetteers.
///
/// # Errors
/// [`Unresolved`], with what to do.
pub fn resolve(land: &(impl Land + ?Sized), typed: &Typed) -> Result<Resolved, Unresolved> {
    let plain = |place| Resolved {
        place,
        along: Vec::new(),
        read_as: typed.read_as(),
        name: String::new(),
        source: String::new(),
    };
    let (code, given) = match typed {
        Typed::Grid(located) => return Ok(plain(*located)),
        Typed::Degrees(degrees, uncertainty_m) => {
            let outside = PlaceError::OutsideDegrees { lat: degrees.lat, lon: degrees.lon };
            let point = land.to_grid(*degrees).ok_or(outside)?;
            return Ok(plain(Located::new(point, *uncertainty_m).from_degrees()));
        }
        Typed::Uprn(digits) => (PlaceCode::Uprn(digits), digits.clone()),
        Typed::Usrn(digits) => (PlaceCode::Usrn(digits), digits.clone()),
        Typed::Postcode(postcode) => (PlaceCode::Postcode(postcode.as_str()), postcode.to_string()),
        Typed::Words(words) => (PlaceCode::Street(words), words.clone()),
    };
    match land.find(code) {
        Lookup::Found(known) => {
            let place = match code {
                PlaceCode::Uprn(_) => known.located,
                // Nobody lives beyond the reach of their postcode or street.
                _ => Located::within(known.located.point, known.located.uncertainty_m),
            };
            Ok(Resolved { along: known.line, name: known.name, source: known.source, ..plain(place) })
        }
        Lookup::Several(known) => Err(Unresolved::Several(known)),
        Lookup::NotThere => Err(Unresolved::NotThere { what: typed.read_as(), given }),
        // Words without a gazetteer are a slip of the typed form first.
        Lookup::NoGazetteer => Err(match typed {
            Typed::Words(words) => PlaceError::NotUnderstood(words.chars().take(40).collect()).into(),
            _ => Unresolved::NoGazetteer { what: typed.read_as() },
        }),
    }
}

/// What staff have corrected, with the words and exact places of the details; where those were erased, without words
/// and by the place to 10 m. `detail` reads the details store: call it off the async threads.
pub fn corrections(
    in_force: &crate::domain::correction::Corrections,
    detail: impl Fn(Seq, &str) -> Option<Vec<u8>>,
) -> Vec<Correction> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Kept {
        text: String,
        place: Option<GridPoint>,
    }
    let made = in_force.in_force.iter().filter_map(|(seq, stated)| {
        let Statement::Corrected { place, radius_m, feature, body, .. } = &stated.statement else { return None };
        let kept = detail(*seq, &stated.digest).and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let kept = kept.unwrap_or_default();
        let middle = kept.place.unwrap_or(*place);
        Some(Correction {
            record: *seq,
            by: stated.by.clone(),
            at: stated.at,
            why: kept.text,
            body: body.clone(),
            around: radius_m.map(|radius_m| (middle, f64::from(radius_m))),
            feature: feature.clone(),
        })
    });
    made.collect()
}

/// Degrees as a phone or a pin sends them, on the grid.
///
/// # Errors
/// [`PlaceError`] where they are not in Great Britain.
pub fn from_device(
    land: &(impl Land + ?Sized),
    lat: f64,
    lon: f64,
    accuracy_m: Option<f64>,
) -> Result<Located, PlaceError> {
    let degrees = LatLon::in_great_britain(lat, lon)?;
    let point = land.to_grid(degrees).ok_or(PlaceError::OutsideDegrees { lat, lon })?;
    Ok(Located::new(point, accuracy_m.unwrap_or(DEVICE_UNCERTAINTY_M)).from_degrees())
}

/// Places and their owners. Answers at once and from memory; never a guess.
pub trait Land: Send + Sync {
    /// WGS 84 to the National Grid by OSTN15; `None` outside the area that it covers.
    fn to_grid(&self, place: LatLon) -> Option<GridPoint>;

    /// The National Grid to WGS 84; `None` outside the area that OSTN15 covers.
    fn to_lat_lon(&self, place: GridPoint) -> Option<LatLon>;

    /// Whose land it is by the newest maps, and what to tell the caller.
    fn owner(&self, place: Located) -> OwnerAnswer;

    /// The same for a day, a role, a street, a matter.
    fn ask(&self, asked: &Asked) -> OwnerAnswer {
        self.owner(asked.place)
    }

    /// The same for many, all by one edition of the maps, in their order.
    fn ask_all(&self, asked: &[Asked]) -> Vec<OwnerAnswer> {
        asked.iter().map(|one| self.ask(one)).collect()
    }

    /// Every feature of every layer that covers a point on a day, by layer.
    fn covering(&self, _at: GridPoint, _on: Option<jiff::civil::Date>) -> Vec<Area> {
        Vec::new()
    }

    /// The features nearest to a point, nearest first, at most `max` of them and none beyond `reach_m` metres; of one
    /// layer, or of all.
    fn nearest(&self, _at: GridPoint, _reach_m: f64, _max: usize, _layer: Option<&str>) -> Vec<Area> {
        Vec::new()
    }

    /// A layer's features in a box of the National Grid (west, south, east, north, in metres) as GeoJSON, at most `max`;
    /// `None` for an unknown layer.
    fn features(&self, _layer: &str, _sides_m: [f64; 4], _max: usize) -> Option<serde_json::Value> {
        None
    }

    /// The ids of the layers in force.
    fn layer_ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Puts what staff have corrected into force; the maps have a new epoch then.
    fn correct(&self, _corrections: Vec<Correction>) {}

    /// The table of bodies in force.
    fn bodies(&self) -> Arc<Bodies> {
        Arc::new(Bodies::empty())
    }

    /// Where a postcode, a property, a street is, by the council's gazetteers.
    fn find(&self, _code: PlaceCode<'_>) -> Lookup {
        Lookup::NoGazetteer
    }

    /// The responsible body alone; `None` is an explicit unknown.
    fn body(&self, place: Located) -> Option<BodyId> {
        self.owner(place).body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_is_told_from_a_streets_name() {
        assert_eq!(PlaceCode::told(" wx2 4qd "), Some(PlaceCode::Postcode("wx2 4qd")));
        assert_eq!(PlaceCode::told("UPRN 100012"), Some(PlaceCode::Uprn("100012")));
        assert_eq!(PlaceCode::told("usrn:20500001"), Some(PlaceCode::Usrn("20500001")));
        assert_eq!(PlaceCode::told("Mill Street"), Some(PlaceCode::Street("Mill Street")));
        assert_eq!(PlaceCode::told("Usrnby Road"), Some(PlaceCode::Street("Usrnby Road")));
        assert_eq!(PlaceCode::told("12 34"), None);
        assert_eq!(PlaceCode::told(""), None);
    }
}
