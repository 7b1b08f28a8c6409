//! Where something is: WGS 84 degrees as phones say it, National Grid millimetres as land is held, and grid
//! references as people say it. Conversion between the first two needs Ordnance Survey's OSTN15 and stands in
//! [`crate::landbook`]; here is only arithmetic.
//!
//! A place is never a bare point: it comes with how far off it may be ([`Located`]). A grid reference of six figures
//! is a square of 100 m, and an answer about "whose land" must not pretend otherwise.

mod degrees;
mod postcode;
mod refusal;
mod text;
mod typed;

pub use postcode::Postcode;
pub use refusal::PlaceError;
pub use text::{Given, GridReference, format_grid_reference, parse_place};
pub use typed::{Typed, UPRN_DIGITS_MAX, USRN_DIGITS_MAX, reference_number};

use serde::{Deserialize, Serialize};

/// The National Grid's extent east, in metres: 0..=700 km.
pub const EASTING_M_MAX: f64 = 700_000.0;
/// The National Grid's extent north, in metres: 0..=1,300 km.
pub const NORTHING_M_MAX: f64 = 1_300_000.0;

/// How far off a typed easting and northing may be, in metres: people type whole metres.
pub const TYPED_GRID_UNCERTAINTY_M: f64 = 1.0;
/// How far off a position sent by a phone or a pin on a map may be where the sender gave no accuracy, in metres
/// (a phone under open sky is within about 5 m).
pub const DEVICE_UNCERTAINTY_M: f64 = 5.0;

/// A point of the British National Grid (EPSG:27700) in whole millimetres.
///
/// Easting 0..=700 km and northing 0..=1,300 km cover Great Britain; parsing checks that, arithmetic does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GridPoint {
    /// Millimetres east of the grid's origin.
    pub easting_mm: i32,
    /// Millimetres north of the grid's origin.
    pub northing_mm: i32,
}

impl GridPoint {
    /// From metres, rounded to the millimetre. Saturates far outside Great Britain.
    pub fn from_metres(easting: f64, northing: f64) -> Self {
        Self { easting_mm: libm::round(easting * 1000.0) as i32, northing_mm: libm::round(northing * 1000.0) as i32 }
    }

    /// From metres, refused outside the National Grid, at 0,0 and where a number is not finite.
    pub fn on_grid(easting: f64, northing: f64) -> Result<Self, PlaceError> {
        text::check_grid(easting, northing)?;
        Ok(Self::from_metres(easting, northing))
    }

    /// Easting in metres.
    pub fn easting(self) -> f64 {
        f64::from(self.easting_mm) / 1000.0
    }

    /// Northing in metres.
    pub fn northing(self) -> f64 {
        f64::from(self.northing_mm) / 1000.0
    }

    /// Straight-line distance on the grid, in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        libm::hypot(self.easting() - other.easting(), self.northing() - other.northing())
    }

    /// The same point rounded to 10 m: the precision that the log may hold (design decision 4).
    pub fn rounded_to_10_m(self) -> Self {
        let round = |mm: i32| (mm.saturating_add(if mm < 0 { -5_000 } else { 5_000 })) / 10_000 * 10_000;
        Self { easting_mm: round(self.easting_mm), northing_mm: round(self.northing_mm) }
    }
}

/// Degrees of WGS 84 (taken as ETRS89; they differ by under a metre).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatLon {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east (negative in most of Great Britain).
    pub lon: f64,
}

impl LatLon {
    /// Degrees checked to be a place in Great Britain: finite, not 0,0, not the wrong way round, not in Ireland.
    pub fn in_great_britain(lat: f64, lon: f64) -> Result<Self, PlaceError> {
        text::check_degrees(lat, lon)?;
        Ok(Self { lat, lon })
    }
}

/// How far the shift from a phone's WGS 84 to the National Grid may be off, in metres, one standard deviation.
///
/// OSTN15 takes ETRS89, which is fixed to Europe and parts from WGS 84 by 2.5 cm a year since 1989: 0.9 m by 2026.
/// OSTN15 itself is good to 0.1 m (Ordnance Survey, "Transformations and OSGM15 user guide").
pub const DEGREES_CRS_ACCURACY_M: f64 = 0.9;

/// How a place may lie about its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Measured: the uncertainty is one standard deviation, and twice as far off is rare.
    Measured,
    /// Anywhere within the uncertainty, and not beyond: the addresses of a postcode.
    Within,
    /// Anywhere in a square whose corner is so far off: a grid reference.
    Square,
}

/// A place with how far off it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Located {
    /// The point.
    pub point: GridPoint,
    /// How far the true place may be from the point, in metres, as [`Located::spread`] says: one standard deviation, a
    /// radius, or half the diagonal of a square. Never negative.
    pub uncertainty_m: f64,
    /// How the place may lie about its point.
    pub spread: Spread,
    /// How far the turning of its coordinates into the National Grid's may be off, in metres.
    pub crs_accuracy_m: f64,
}

impl Located {
    /// A measured point and its standard deviation in metres; a negative or absent-minded (not a number) one counts as 0.
    pub fn new(point: GridPoint, uncertainty_m: f64) -> Self {
        let uncertainty_m = if uncertainty_m > 0.0 { uncertainty_m } else { 0.0 };
        Self { point, uncertainty_m, spread: Spread::Measured, crs_accuracy_m: 0.0 }
    }

    /// Somewhere within so many metres of a point.
    pub fn within(point: GridPoint, radius_m: f64) -> Self {
        Self { spread: Spread::Within, ..Self::new(point, radius_m) }
    }

    /// Somewhere in the square about a point, of this side in metres.
    pub fn square(middle: GridPoint, side_m: f64) -> Self {
        Self { spread: Spread::Square, ..Self::new(middle, side_m * core::f64::consts::FRAC_1_SQRT_2) }
    }

    /// The same, said to come from degrees.
    #[must_use]
    pub fn from_degrees(self) -> Self {
        Self { crs_accuracy_m: DEGREES_CRS_ACCURACY_M, ..self }
    }

    /// One standard deviation in metres, so that the place is within twice of it: for a bound, half of it.
    pub fn sigma_m(&self) -> f64 {
        match self.spread {
            Spread::Measured => self.uncertainty_m,
            Spread::Within | Spread::Square => self.uncertainty_m / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_keeps_its_millimetres_and_the_log_gets_ten_metres() {
        let point = GridPoint::from_metres(349_401.123, 325_322.456);
        assert_eq!((point.easting_mm, point.northing_mm), (349_401_123, 325_322_456));
        assert_eq!(point.rounded_to_10_m(), GridPoint::from_metres(349_400.0, 325_320.0));
    }

    #[test]
    fn an_uncertainty_is_never_negative() {
        let point = GridPoint::from_metres(1.0, 1.0);
        assert_eq!(Located::new(point, -3.0).uncertainty_m, 0.0);
        assert_eq!(Located::new(point, f64::NAN).uncertainty_m, 0.0);
    }
}
