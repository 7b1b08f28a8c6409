//! Where something is: WGS 84 degrees as phones say it, National Grid millimetres as land is held, and grid
//! references as people say it. Conversion between the first two needs Ordnance Survey's OSTN15 and stands in
//! [`crate::landbook`]; here is only arithmetic.

use serde::{Deserialize, Serialize};

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
