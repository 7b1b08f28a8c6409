//! One point: down from its tile to its square, and a count of the few edges there.

use super::PackedIndex;
use super::record::Group;
use super::word::{GRID_UNIT, Word};
use crate::domain::ownership::Position;
use crate::landbook::geometry::Corner;

/// A feature that a point touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// The feature's number.
    pub feature: u32,
    /// Inside it, or on its boundary.
    pub position: Position,
}

/// A place on the way down: the word there, and the point from that square's south-western millimetre.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub word: u32,
    pub shift: u32,
    pub within: [u32; 2],
}

impl PackedIndex {
    /// Tells each feature that a point is in or on; one with several polygons there is told once for each, and the
    /// same feature inside and on the boundary when polygons of one feature touch.
    #[inline]
    pub fn each_touching(&self, at: Corner, mut found: impl FnMut(Touch)) {
        let Some(step) = self.tile_of(at) else { return };
        self.descend(step, at, &mut found);
    }

    /// Every feature that a point is in or on, by number, each once; inside counts before boundary. `into` is emptied
    /// first.
    pub fn touching(&self, at: Corner, into: &mut Vec<Touch>) {
        into.clear();
        self.each_touching(at, |touch| into.push(touch));
        if into.len() > 1 {
            into.sort_unstable();
            into.dedup_by_key(|touch| touch.feature);
        }
    }

    /// The tile of a point; `None` off the map.
    #[inline(always)]
    pub(super) fn tile_of(&self, at: Corner) -> Option<Step> {
        let word = *self.tiles.get(self.tile_number(at)?)?;
        let mask = (1_u32 << self.tile_shift) - 1;
        Some(Step { word, shift: self.tile_shift, within: self.off(at).map(|value| value & mask) })
    }

    /// The number of a point's tile; `None` off the map.
    #[inline(always)]
    pub(super) fn tile_number(&self, at: Corner) -> Option<usize> {
        let [col, row] = self.off(at).map(|value| value >> self.tile_shift);
        (col < self.cols && row < self.rows).then(|| row as usize * self.cols as usize + col as usize)
    }

    /// A point from the first tile's south-western millimetre. West or south of it this wraps round to beyond the last
    /// tile, since tiles end at 2^31 at the farthest.
    #[inline(always)]
    fn off(&self, at: Corner) -> [u32; 2] {
        [0, 1].map(|axis| (at[axis] as u32).wrapping_sub(self.origin[axis] as u32))
    }

    /// The square of a grid in which the point is.
    #[inline(always)]
    pub(super) fn inner(&self, step: Step, shift: u32, at: usize) -> Option<Step> {
        let left = step.shift.checked_sub(shift)?;
        let [col, row] = step.within.map(|value| value >> left);
        let word = *self.cells.get(at + (row << shift | col) as usize)?;
        let mask = (1_u32 << left) - 1;
        Some(Step { word, shift: left, within: step.within.map(|value| value & mask) })
    }

    #[inline(always)]
    pub(super) fn descend(&self, mut step: Step, at: Corner, found: &mut impl FnMut(Touch)) {
        loop {
            match Word::unpack(step.word) {
                Word::Empty => return,
                Word::Full(feature) => return found(Touch { feature, position: Position::Interior }),
                Word::Record(place) => return self.record(place, step.within, at, found),
                Word::Grid { shift, at: cells, common } => {
                    if common {
                        self.common(cells, step.within, at, found);
                    }
                    let Some(inner) = self.inner(step, shift, cells) else { return };
                    step = inner;
                }
            }
        }
    }

    /// What covers every square of a grid.
    #[cold]
    fn common(&self, cells: usize, within: [u32; 2], at: Corner, found: &mut impl FnMut(Touch)) {
        let word = cells.checked_sub(GRID_UNIT).and_then(|place| self.cells.get(place));
        match word.map(|word| Word::unpack(*word)) {
            Some(Word::Full(feature)) => found(Touch { feature, position: Position::Interior }),
            Some(Word::Record(place)) => self.record(place, within, at, found),
            _ => {}
        }
    }

    #[inline(always)]
    pub(super) fn record(&self, place: u32, within: [u32; 2], at: Corner, found: &mut impl FnMut(Touch)) {
        let mut words = self.records.get(place as usize..);
        while let Some(here) = words {
            let Some((group, more)) = Group::split(here) else { return };
            let (mut touched, on) = group.touched(within, at);
            while touched != 0 {
                let bit = touched.trailing_zeros();
                touched &= touched - 1;
                let position = if on >> bit & 1 == 1 { Position::Boundary } else { Position::Interior };
                if let Some(feature) = group.features().get(bit as usize) {
                    found(Touch { feature: *feature, position });
                }
            }
            words = more;
        }
    }
}
