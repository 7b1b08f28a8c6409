//! From degrees to the National Grid and back by OSTN15, Ordnance Survey's own transformation, to the millimetre.
//!
//! Two surveys of the same island, made two centuries apart, do not lie flat on each other: OSTN15 is the table of
//! how far each square kilometre must be shifted. The seven-parameter shortcut (Helmert) is up to 5 m off, which is
//! the neighbour's land; it is not used, not even as a fallback.
//!
//! The table and its interpolation are `lonlat_bng`'s. The projection before it is written out here as Ordnance
//! Survey prints it, since their published results carry its truncation: an exact projection differs from them by a
//! millimetre at Scilly, and by more on the way back from St Kilda. The way back inverts that same projection, so a
//! point that goes there and back is the same millimetre.
//!
//! The table is Ordnance Survey's, (c) Crown copyright, Ordnance Survey and the Ministry of Defence 2016, under
//! BSD-2-Clause; it comes with the crate `lonlat_bng`.

use crate::domain::place::{Given, GridPoint, LatLon, Located, PlaceError, parse_place};

/// Why a place cannot be converted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConvertError {
    /// The place is not in Great Britain, or not a place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// In the box around Great Britain, but where OSTN15 has no table: open sea, or the strips at its edge.
    #[error(
        "{0} is outside the area that Ordnance Survey's OSTN15 covers (Great Britain and its coast); check the place"
    )]
    NotCovered(String),
}

/// Degrees to the National Grid, to the millimetre.
///
/// Takes WGS 84 as ETRS89 (they drift apart by 2.5 cm a year, under a metre in all).
pub fn to_grid(place: LatLon) -> Result<GridPoint, ConvertError> {
    let place = LatLon::in_great_britain(place.lat, place.lon)?;
    let (etrs_easting, etrs_northing) = project(place);
    let (easting, northing) = lonlat_bng::convert_etrs89_to_osgb36(etrs_easting, etrs_northing)
        .map_err(|_| ConvertError::NotCovered(format!("latitude {}, longitude {}", place.lat, place.lon)))?;
    Ok(GridPoint::on_grid(easting, northing)?)
}

/// National Grid to degrees; within a millimetre of Ordnance Survey's own.
pub fn to_degrees(point: GridPoint) -> Result<LatLon, ConvertError> {
    let point = GridPoint::on_grid(point.easting(), point.northing())?;
    let not_covered =
        |_| ConvertError::NotCovered(format!("easting {}, northing {}", point.easting(), point.northing()));
    let (easting, northing) =
        lonlat_bng::convert_osgb36_to_etrs89(point.easting(), point.northing()).map_err(not_covered)?;
    let (lon, lat) = lonlat_bng::convert_etrs89_to_ll(easting, northing).map_err(not_covered)?;
    Ok(refine(LatLon { lat, lon }, easting, northing))
}

/// A place as it was given, put on the National Grid.
pub fn locate(given: Given) -> Result<Located, ConvertError> {
    match given {
        Given::Grid(located) => Ok(located),
        Given::Degrees(place, uncertainty_m) => Ok(Located::new(to_grid(place)?, uncertainty_m).from_degrees()),
    }
}

/// Reads a typed place in any form and puts it on the National Grid.
pub fn locate_text(text: &str) -> Result<Located, ConvertError> {
    locate(parse_place(text)?)
}

/// Semi-axes of GRS80 in metres, the ellipsoid of ETRS89.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
const SEMI_MINOR_M: f64 = 6_356_752.314_1;
/// Scale on the central meridian, the true origin in degrees, and its false easting and northing in metres.
const SCALE: f64 = 0.999_601_271_7;
const ORIGIN: LatLon = LatLon { lat: 49.0, lon: -2.0 };
const FALSE_EASTING_M: f64 = 400_000.0;
const FALSE_NORTHING_M: f64 = -100_000.0;

/// ETRS89 degrees to ETRS89 easting and northing on the National Grid's projection, in metres.
///
/// Formulae and constants: Ordnance Survey, "A guide to coordinate systems in Great Britain", annexes A and C; the
/// names of the terms are theirs.
fn project(place: LatLon) -> (f64, f64) {
    let (phi, phi0) = (place.lat.to_radians(), ORIGIN.lat.to_radians());
    let (sin, cos) = phi.sin_cos();
    let tan2 = (sin / cos).powi(2);
    let e2 = 1.0 - (SEMI_MINOR_M / SEMI_MAJOR_M).powi(2);
    let n = (SEMI_MAJOR_M - SEMI_MINOR_M) / (SEMI_MAJOR_M + SEMI_MINOR_M);
    let nu = SEMI_MAJOR_M * SCALE / (1.0 - e2 * sin * sin).sqrt();
    let rho = SEMI_MAJOR_M * SCALE * (1.0 - e2) / (1.0 - e2 * sin * sin).powf(1.5);
    let eta2 = nu / rho - 1.0;
    let (less, more) = (phi - phi0, phi + phi0);
    let meridian = SEMI_MINOR_M
        * SCALE
        * ((1.0 + n + 1.25 * n.powi(2) + 1.25 * n.powi(3)) * less
            - (3.0 * n + 3.0 * n.powi(2) + 2.625 * n.powi(3)) * less.sin() * more.cos()
            + (1.875 * n.powi(2) + 1.875 * n.powi(3)) * (2.0 * less).sin() * (2.0 * more).cos()
            - 35.0 / 24.0 * n.powi(3) * (3.0 * less).sin() * (3.0 * more).cos());
    let i = meridian + FALSE_NORTHING_M;
    let ii = nu / 2.0 * sin * cos;
    let iii = nu / 24.0 * sin * cos.powi(3) * (5.0 - tan2 + 9.0 * eta2);
    let iiia = nu / 720.0 * sin * cos.powi(5) * (61.0 - 58.0 * tan2 + tan2 * tan2);
    let iv = nu * cos;
    let v = nu / 6.0 * cos.powi(3) * (nu / rho - tan2);
    let vi = nu / 120.0 * cos.powi(5) * (5.0 - 18.0 * tan2 + tan2 * tan2 + 14.0 * eta2 - 58.0 * tan2 * eta2);
    let east = (place.lon - ORIGIN.lon).to_radians();
    (
        FALSE_EASTING_M + iv * east + v * east.powi(3) + vi * east.powi(5),
        i + ii * east.powi(2) + iii * east.powi(4) + iiia * east.powi(6),
    )
}

/// Moves degrees that are right to millimetres until [`project`] gives this easting and northing: two steps of a
/// metre-per-degree correction leave less than a thousandth of a millimetre.
fn refine(mut place: LatLon, easting: f64, northing: f64) -> LatLon {
    /// Metres in a degree of latitude, near enough for a correction of millimetres.
    const DEGREE_M: f64 = 111_200.0;
    for _ in 0..2 {
        let (got_easting, got_northing) = project(place);
        place.lat += (northing - got_northing) / DEGREE_M;
        place.lon += (easting - got_easting) / (DEGREE_M * place.lat.to_radians().cos());
    }
    place
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_in_degrees_lands_on_the_grid_with_the_uncertainty_of_its_decimals() {
        let located = locate_text("52.658007833, 1.716073973").unwrap();
        assert_eq!(located.point, GridPoint::from_metres(651_409.804, 313_177.450));
        assert_eq!(located.uncertainty_m, 1.0);
        assert!(locate_text("52.66,1.72").unwrap().uncertainty_m > 500.0);
    }

    #[test]
    fn open_sea_and_ireland_are_refused_not_shifted_by_a_guess() {
        assert!(matches!(
            to_grid(LatLon { lat: 54.6, lon: -5.93 }),
            Err(ConvertError::Place(PlaceError::Ireland { .. }))
        ));
        assert!(matches!(to_grid(LatLon { lat: 49.85, lon: -8.6 }), Err(ConvertError::NotCovered(_))));
        assert!(matches!(to_degrees(GridPoint { easting_mm: -1, northing_mm: 5 }), Err(ConvertError::Place(_))));
    }
}
