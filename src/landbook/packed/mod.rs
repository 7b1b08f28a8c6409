//! A layer's polygons, packed so that "which of them touch this point?" costs a few reads, and is exact.
//!
//! Think of a street atlas. Its index leads to a page, the page has a grid, and each square of the grid shows only the
//! few boundary lines that cross it. To know on whose plot a pin stands nobody follows a boundary round the whole
//! estate: it is enough to know whose plot the square's corner is in, and to count the lines between corner and pin.
//!
//! * [`edge`]: boundary lines in whole millimetres; every test on them is exact, there is no tolerance anywhere.
//! * [`frame`]: a grid over the ground; which squares an edge passes, and to which corners it lies left.
//! * [`outlines`]: the polygons to pack. [`spread`]: one polygon's edges over the squares of a grid.
//! * [`build`]: tiles, grids within tiles, grids within crowded squares. [`record`]: what one square holds.
//! * [`query`]: one point. [`batch`]: many points at once. [`near`]: distances. [`parts`]: to a file and back, checked.
//!
//! Square corners stand half a millimetre south-west of whole millimetres, where no boundary corner can be, and a path
//! runs a hair above whole millimetres; so "left of the line or right of it" always has an answer, while a pin that is
//! on the line is seen as on the line.
//!
//! Left out: which body answers for a polygon, and anything with a name; features are numbers here.

pub mod batch;
pub mod build;
pub mod edge;
pub mod frame;
pub mod near;
pub mod outlines;
pub mod parts;
pub mod query;
pub mod record;
pub mod spread;
mod word;

pub use build::{BuildError, Grain};
pub use outlines::Outlines;
pub use query::Touch;

use super::geometry::Extent;

/// The packed polygons of one layer; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedIndex {
    /// South-west corner of the first tile, and the length of a tile's side as a power of two, in millimetres.
    pub(super) origin: [i32; 2],
    pub(super) tile_shift: u32,
    pub(super) cols: u32,
    pub(super) rows: u32,
    /// One word a tile, row by row from the south.
    pub(super) tiles: Vec<u32>,
    /// The words of all grids.
    pub(super) cells: Vec<u32>,
    /// The records of all squares that edges cross.
    pub(super) records: Vec<u32>,
    /// The box around all polygons.
    pub(super) extent: Extent,
    /// How many features it was built from; every feature number is below.
    pub(super) features: u32,
}

impl PackedIndex {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        4 * (self.tiles.len() + self.cells.len() + self.records.len()) + size_of::<Self>()
    }

    /// How many words tiles, grids and records have.
    pub fn sizes(&self) -> [usize; 3] {
        [self.tiles.len(), self.cells.len(), self.records.len()]
    }

    /// The box around all polygons.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// How many features it was built from.
    pub fn features(&self) -> u32 {
        self.features
    }
}
