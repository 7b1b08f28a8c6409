//! The port to the land book: what intake and the web need to know about places.
//!
//! The land book itself ([`crate::landbook`]) holds layers and Ordnance Survey's shift table; whoever only asks
//! "where is this, and whose is it" asks through this door, so that tests can answer with a few lines.

use crate::domain::id::BodyId;
use crate::domain::ownership::OwnerAnswer;
use crate::domain::place::{GridPoint, LatLon, Located};

/// Places and their owners. Answers at once and from memory; never a guess.
pub trait Land: Send + Sync {
    /// WGS 84 to the National Grid by OSTN15; `None` outside the area that it covers.
    fn to_grid(&self, place: LatLon) -> Option<GridPoint>;

    /// The National Grid to WGS 84; `None` outside the area that OSTN15 covers.
    fn to_lat_lon(&self, place: GridPoint) -> Option<LatLon>;

    /// Whose land it is, and what to tell the caller.
    fn owner(&self, place: Located) -> OwnerAnswer;

    /// The responsible body alone; `None` is an explicit unknown.
    fn body(&self, place: Located) -> Option<BodyId> {
        self.owner(place).body
    }
}
