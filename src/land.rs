//! The port to the land book: what intake and the web need to know about places.
//!
//! The land book itself ([`crate::landbook`]) holds layers, gazetteers and Ordnance Survey's shift table; whoever only
//! asks "where is this, and whose is it" asks through this door, so that tests can answer with a few lines.

use crate::domain::id::BodyId;
use crate::domain::ownership::{Asked, Bodies, OwnerAnswer};
use crate::domain::place::{GridPoint, LatLon, Located};
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
