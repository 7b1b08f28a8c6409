//! Many points at once: sorted by tile, and asked a handful at a time, step by step together, so that the processor
//! fetches the words for all of them at once instead of waiting for each in turn.

use super::PackedIndex;
use super::query::{Step, Touch};
use super::word::Word;
use crate::landbook::geometry::Corner;

/// Points are sorted and asked in runs of so many: what they need is small, and runs are long enough to find
/// neighbours.
pub const RUN: usize = 1 << 16;
/// Points that go down together.
const TOGETHER: usize = 16;
/// Sorting uses at most so many drawers.
const DRAWERS_MAX: usize = 1 << 16;

/// Words in one line of the processor's cache.
const LINE_WORDS: usize = 16;

/// A point with its place among those asked.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    at: Corner,
    number: u32,
}

impl PackedIndex {
    /// Tells each feature that each point touches, as [`Self::each_touching`] does, in an order of its own.
    ///
    /// * `found`: the point's place in `points`, and a feature that it touches.
    /// * Memory: some megabytes, however many points there are.
    pub fn each_touching_batch(&self, points: &[Corner], mut found: impl FnMut(usize, Touch)) {
        let mut sorter = Sorter::new(self.tiles.len());
        for (run, points) in points.chunks(RUN).enumerate() {
            for together in sorter.sorted(self, points).chunks(TOGETHER) {
                self.together(together, &mut |number, touch| found(run * RUN + number as usize, touch));
            }
        }
    }

    fn together(&self, asked: &[Asked], found: &mut impl FnMut(u32, Touch)) {
        let mut steps = [Step { word: Word::Empty.pack(), shift: 0, within: [0; 2] }; TOGETHER];
        for (step, one) in steps.iter_mut().zip(asked) {
            if let Some(tile) = self.tile_of(one.at) {
                *step = tile;
            }
        }
        // A grid's square, and the square of a grid within it; deeper ones are rare.
        for _ in 0..2 {
            for step in &mut steps {
                if let Word::Grid { shift, at, common: false } = Word::unpack(step.word)
                    && let Some(inner) = self.inner(*step, shift, at)
                {
                    *step = inner;
                }
            }
        }
        // Reading a word of each line that a record begins with has them all fetched; what is read is of no account.
        let mut fetched = 0;
        for step in &steps {
            if let Word::Record(place) = Word::unpack(step.word) {
                let place = place as usize;
                for line in 0..2 {
                    fetched ^= self.records.get(place + line * LINE_WORDS).copied().unwrap_or_default();
                }
            }
        }
        std::hint::black_box(fetched);
        for (step, one) in steps.into_iter().zip(asked) {
            self.descend(step, one.at, &mut |touch| found(one.number, touch));
        }
    }
}

/// Puts points into the order of their tiles, by counting.
struct Sorter {
    /// Tiles per drawer, as a power of two.
    shift: u32,
    ends: Vec<u32>,
    drawers: Vec<u32>,
    sorted: Vec<Asked>,
}

impl Sorter {
    fn new(tiles: usize) -> Self {
        let mut shift = 0;
        while tiles >> shift >= DRAWERS_MAX {
            shift += 1;
        }
        Self { shift, ends: vec![0; (tiles >> shift) + 1], drawers: Vec::new(), sorted: Vec::new() }
    }

    /// Points off the map are left out: they touch nothing.
    fn sorted(&mut self, index: &PackedIndex, points: &[Corner]) -> &[Asked] {
        self.ends.fill(0);
        self.drawers.clear();
        for at in points {
            let tile = index.tile_number(*at);
            let drawer = tile.map_or(u32::MAX, |tile| (tile >> self.shift) as u32);
            if let Some(n) = self.ends.get_mut(drawer as usize) {
                *n += 1;
            }
            self.drawers.push(drawer);
        }
        let mut end = 0;
        for n in &mut self.ends {
            end += *n;
            *n = end;
        }
        self.sorted.clear();
        self.sorted.resize(end as usize, Asked::default());
        for (number, (at, drawer)) in points.iter().zip(&self.drawers).enumerate().rev() {
            if let Some(place) = self.ends.get_mut(*drawer as usize) {
                *place -= 1;
                self.sorted[*place as usize] = Asked { at: *at, number: number as u32 };
            }
        }
        &self.sorted
    }
}
