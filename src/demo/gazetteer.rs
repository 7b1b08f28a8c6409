//! The names of Wexmoor: streets, places and postcodes with their points, for the contact form's type-ahead and for
//! words such as "Mill Street".
//!
//! Postcodes begin with WX, which no post office uses. Not here: real gazetteers; a council's own comes by import.

use super::plan::{COUNCIL_LAND, HOUSING, PRIVATE_LAND, STREETS};
use super::shape;
use super::town::{on_grid, streets};
use crate::domain::place::GridPoint;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// A street, at its middle.
    Street,
    /// A park, a hall, an estate.
    Landmark,
    /// A postcode: some 250 m of a street.
    Postcode,
}

/// One name.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// As people say it: `Mill Street`, `Corn Hall`; for a postcode the postcode itself.
    pub name: String,
    /// What it is.
    pub kind: PlaceKind,
    /// The street that a postcode is on; for others the name again.
    pub street: &'static str,
    /// The postcode at its point.
    pub postcode: String,
    /// Its point.
    pub at: GridPoint,
    /// How far from the point the thing may be, in metres.
    pub within_m: f64,
}

/// The metres of street that share a postcode.
const POSTCODE_M: f64 = 250.0;

/// Every name of the town: streets, then landmarks, then postcodes; the same at each call. No two share a name.
pub fn gazetteer() -> Vec<Place> {
    let postcodes = postcodes();
    let nearest = |at: GridPoint| {
        let near = postcodes.iter().min_by(|a, b| a.at.distance_m(at).total_cmp(&b.at.distance_m(at)));
        near.expect("the town has postcodes").name.clone()
    };
    let mut places = Vec::new();
    for street in streets() {
        let at = on_grid(shape::along(street.line, 0.5).0);
        places.push(Place {
            name: street.name.to_owned(),
            kind: PlaceKind::Street,
            street: street.name,
            postcode: nearest(at),
            at,
            within_m: (shape::length(street.line) / 2.0).round(),
        });
    }
    for land in COUNCIL_LAND.iter().chain(HOUSING).chain(PRIVATE_LAND) {
        let middle = shape::middle(land.corners);
        let reach = land.corners.iter().map(|corner| shape::gap(middle, *corner)).fold(0.0, f64::max);
        let at = on_grid(middle);
        places.push(Place {
            name: land.name.to_owned(),
            kind: PlaceKind::Landmark,
            street: land.name,
            postcode: nearest(at),
            at,
            within_m: reach.round(),
        });
    }
    places.extend(postcodes);
    places
}

/// The first place whose name is `name`, whatever the case and the spaces at its ends.
pub fn find<'a>(places: &'a [Place], name: &str) -> Option<&'a Place> {
    let name = name.trim();
    places.iter().find(|place| place.name.eq_ignore_ascii_case(name))
}

fn postcodes() -> Vec<Place> {
    let mut postcodes = Vec::new();
    for (number, street) in STREETS.iter().enumerate() {
        let length = shape::length(street.line);
        let pieces = (length / POSTCODE_M).ceil().max(1.0);
        for piece in 0..pieces as usize {
            let (point, _) = shape::along(street.line, (piece as f64 + 0.5) / pieces);
            let name = postcode(number, piece, point);
            postcodes.push(Place {
                name: name.clone(),
                kind: PlaceKind::Postcode,
                street: street.name,
                postcode: name,
                at: on_grid(point),
                within_m: (length / pieces / 2.0).round(),
            });
        }
    }
    postcodes
}

/// WX1 north of the river, WX2 south of it; the letters count streets (first) and pieces of them (second), in the
/// letters that units of postcodes use.
fn postcode(street: usize, piece: usize, point: shape::Point) -> String {
    const LETTERS: &[u8] = b"QABDEFGHJLNPRSTUWXYZ";
    const PIECES: &[u8] = b"ABDEFGHJ";
    let river = super::plan::RIVER;
    let north = river.windows(2).any(|pair| {
        let t = (point.0 - pair[0].0) / (pair[1].0 - pair[0].0);
        (0.0..=1.0).contains(&t) && point.1 > pair[0].1 + t * (pair[1].1 - pair[0].1)
    });
    let sector = if street < LETTERS.len() { 4 } else { 7 };
    format!(
        "WX{} {sector}{}{}",
        if north { 1 } else { 2 },
        char::from(LETTERS[street % LETTERS.len()]),
        char::from(PIECES[piece % PIECES.len()])
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn mill_street_is_found_as_people_type_it_and_has_a_postcode_of_its_own() {
        let places = gazetteer();
        let street = find(&places, " mill street ").unwrap();
        assert_eq!(street.kind, PlaceKind::Street);
        let line = super::super::town::street_named("Mill Street").unwrap().line;
        let middle = on_grid(shape::along(line, 0.5).0);
        assert_eq!(street.at, middle);
        assert_eq!(street.postcode, "WX2 4QD");
        let code = find(&places, "wx2 4qd").unwrap();
        assert_eq!((code.kind, code.street), (PlaceKind::Postcode, "Mill Street"));
        assert!(find(&places, "Nowhere Street").is_none());
    }

    #[test]
    fn no_name_stands_twice_and_postcodes_know_their_bank() {
        let places = gazetteer();
        let names: BTreeSet<_> = places.iter().map(|place| &place.name).collect();
        assert_eq!(names.len(), places.len());
        assert!(find(&places, "Wharf Road").unwrap().postcode.starts_with("WX1"));
        assert!(find(&places, "Station Road").unwrap().postcode.starts_with("WX2"));
        assert!(find(&places, "Corn Hall").unwrap().postcode.starts_with("WX2"));
    }
}
