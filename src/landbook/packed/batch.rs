//! Many points at once: sorted by tile, so that points side by side find the same words in the processor's cache.

use super::PackedIndex;
use super::query::Touch;
use crate::landbook::geometry::Corner;

/// Points are sorted and asked in runs of so many.
const RUN: usize = 1 << 16;

impl PackedIndex {
    /// Tells each feature that each point touches, as [`Self::each_touching`] does, in an order of its own.
    ///
    /// * `found`: the point's place in `points`, and a feature that it touches.
    pub fn each_touching_batch(&self, points: &[Corner], mut found: impl FnMut(usize, Touch)) {
        let mut order: Vec<(u32, u32)> = Vec::with_capacity(points.len().min(RUN));
        for (run, points) in points.chunks(RUN).enumerate() {
            order.clear();
            for (number, at) in points.iter().enumerate() {
                let from = |axis: usize| (at[axis] as u32).wrapping_sub(self.origin[axis] as u32) >> self.tile_shift;
                let (col, row) = (from(0), from(1));
                if col < self.cols && row < self.rows {
                    order.push((row * self.cols + col, number as u32));
                }
            }
            order.sort_unstable();
            for (_, number) in &order {
                let at = points[*number as usize];
                self.each_touching(at, |touch| found(run * RUN + *number as usize, touch));
            }
        }
    }
}
