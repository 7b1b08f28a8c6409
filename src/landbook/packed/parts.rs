//! An index taken apart for a file, and put together again: everything that the lookup will ever follow is checked
//! once, in one pass, so that no file, however altered, can lead it astray later.

use super::PackedIndex;
use super::record::{GROUP_MAX, Group};
use super::word::{CELLS_MAX, FEATURES_MAX, GRID_SHIFT_MAX, GRID_UNIT, RECORDS_MAX, Word};
use crate::landbook::geometry::Extent;

/// Words of the head: origin, side of a tile, columns, rows, extent, features.
pub const HEAD_WORDS: usize = 10;

/// What an index is made of, as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexParts {
    /// Sizes and places.
    pub head: [u32; HEAD_WORDS],
    /// One word a tile.
    pub tiles: Vec<u32>,
    /// The words of all grids.
    pub cells: Vec<u32>,
    /// All records.
    pub records: Vec<u32>,
}

impl PackedIndex {
    /// The head of [`IndexParts`]; the other parts are [`Self::words`].
    pub fn head(&self) -> [u32; HEAD_WORDS] {
        let ([west, south], Extent { low, high }) = (self.origin, self.extent);
        let word = |value: i32| value as u32;
        let [a, b, c, d] = [low[0], low[1], high[0], high[1]].map(word);
        [word(west), word(south), self.tile_shift, self.cols, self.rows, a, b, c, d, self.features]
    }

    /// Tiles, cells and records.
    pub fn words(&self) -> [&[u32]; 3] {
        [&self.tiles, &self.cells, &self.records]
    }

    /// Puts an index together from parts that may be anything.
    ///
    /// # Errors
    /// In words, what does not fit.
    pub fn from_parts(parts: IndexParts) -> Result<Self, &'static str> {
        let [west, south, tile_shift, cols, rows, a, b, c, d, features] = parts.head;
        let index = Self {
            origin: [west as i32, south as i32],
            tile_shift,
            cols,
            rows,
            tiles: parts.tiles,
            cells: parts.cells,
            records: parts.records,
            extent: Extent { low: [a as i32, b as i32], high: [c as i32, d as i32] },
            features,
        };
        index.check()?;
        Ok(index)
    }

    /// Whether every word leads somewhere.
    fn check(&self) -> Result<(), &'static str> {
        let fits = self.tile_shift < 32
            && u64::from(self.cols) * u64::from(self.rows) == self.tiles.len() as u64
            && self.cells.len() <= CELLS_MAX
            && self.records.len() <= RECORDS_MAX
            && self.features as usize <= FEATURES_MAX;
        // Tiles end at 2^31 at the farthest: a point west of them is told by that.
        let ends = |axis: usize, n: u32| i64::from(self.origin[axis]) + (i64::from(n) << self.tile_shift) <= 1 << 31;
        if !fits || !ends(0, self.cols) || !ends(1, self.rows) {
            return Err("its sizes contradict each other");
        }
        let mut seen = Seen { grids: vec![false; self.cells.len() / GRID_UNIT + 1], records: Vec::new() };
        seen.records.resize(self.records.len(), false);
        for word in &self.tiles {
            self.check_word(*word, None, &mut seen)?;
        }
        for (at, word) in self.cells.iter().enumerate() {
            self.check_word(*word, Some(at), &mut seen)?;
        }
        Ok(())
    }

    /// * `from`: the word's own place among the cells; `None` for a tile.
    fn check_word(&self, word: u32, from: Option<usize>, seen: &mut Seen) -> Result<(), &'static str> {
        match Word::unpack(word) {
            Word::Empty if word == 0 => Ok(()),
            Word::Empty => Err("a square is of no known kind"),
            Word::Full(feature) if feature < self.features => Ok(()),
            Word::Full(_) => Err("a square names a feature that is not there"),
            Word::Record(place) => match seen.records.get_mut(place as usize) {
                Some(true) => Ok(()),
                Some(unseen) => {
                    *unseen = true;
                    self.check_record(place as usize)
                }
                None => Err("a square's record is not there"),
            },
            Word::Grid { shift, at, common } => {
                let begins = if common { at.checked_sub(GRID_UNIT) } else { Some(at) };
                let ends = at + (1 << (2 * shift));
                let forward = begins.is_some_and(|begins| from.is_none_or(|from| from < begins));
                if shift == 0 || shift > GRID_SHIFT_MAX || ends > self.cells.len() || !forward {
                    return Err("a square's grid is not there");
                }
                // Each grid belongs to one square, so that a walk over all of them ends.
                for unit in &mut seen.grids[at / GRID_UNIT..ends.div_ceil(GRID_UNIT)] {
                    if std::mem::replace(unit, true) {
                        return Err("two squares have the same grid");
                    }
                }
                let plain = |word: &u32| !matches!(Word::unpack(*word), Word::Grid { .. });
                if common && !self.cells.get(at - GRID_UNIT).is_some_and(plain) {
                    return Err("what covers a grid is a grid");
                }
                Ok(())
            }
        }
    }

    fn check_record(&self, place: usize) -> Result<(), &'static str> {
        let mut words = self.records.get(place..);
        while let Some(here) = words {
            let (group, more) = Group::split(here).ok_or("a record is cut short")?;
            let features = group.features();
            if features.len() > GROUP_MAX || features.iter().any(|feature| *feature >= self.features) {
                return Err("a record names a feature that is not there");
            }
            words = more;
        }
        Ok(())
    }
}

struct Seen {
    /// Parts of the cells that belong to a grid.
    grids: Vec<bool>,
    /// Records that have been checked, by place.
    records: Vec<bool>,
}
