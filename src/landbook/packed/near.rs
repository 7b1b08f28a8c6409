//! Distances: what is near a point, and how far its own boundary is.

use super::PackedIndex;
use super::edge::Edge;
use super::record::Group;
use super::word::{GRID_UNIT, Word};
use crate::landbook::geometry::{Corner, Extent};

/// A square that is not divided, met on a walk over a box.
enum Leaf<'a> {
    Full(u32),
    Groups(&'a [u32], [i64; 2]),
}

/// The nearest edge is first looked for within so many millimetres, then farther and farther.
const FIRST_REACH_MM: i32 = 2_000;

impl PackedIndex {
    /// Each feature with an edge within so many millimetres of a point, by number, and the distance of its nearest edge
    /// in millimetres. Features that the point is in are among them, by their edges.
    pub fn edges_within(&self, at: Corner, reach_mm: i32) -> Vec<(u32, f64)> {
        let reach2 = f64::from(reach_mm) * f64::from(reach_mm);
        let mut found: Vec<(u32, f64)> = Vec::new();
        self.each_leaf(Extent::reaching(at, reach_mm), &mut |leaf| {
            let Leaf::Groups(words, corner) = leaf else { return };
            each_edge(words, corner, |edge, bounded| {
                let away2 = edge.distance2(at);
                if away2 <= reach2 {
                    found.extend(bounded.features().map(|feature| (feature, away2)));
                }
            });
        });
        found.sort_unstable_by(|one, two| one.0.cmp(&two.0).then(one.1.total_cmp(&two.1)));
        found.dedup_by_key(|one| one.0);
        found.iter_mut().for_each(|one| one.1 = libm::sqrt(one.1));
        found
    }

    /// Millimetres from a point to the nearest edge of a feature; `None` when the feature has no edge, or when more than
    /// `squares_max` squares would have to be looked at.
    pub fn edge_of(&self, feature: u32, at: Corner, squares_max: usize) -> Option<f64> {
        let (mut reach_mm, mut left) = (FIRST_REACH_MM, squares_max);
        loop {
            let around = Extent::reaching(at, reach_mm);
            let mut nearest2 = f64::INFINITY;
            let mut seen = 0_usize;
            let whole = self.each_leaf_up_to(around, left, &mut seen, &mut |leaf| {
                let Leaf::Groups(words, corner) = leaf else { return };
                if !groups(words).any(|group| group.features().contains(&feature)) {
                    return;
                }
                each_edge(words, corner, |edge, bounded| {
                    if bounded.features().any(|one| one == feature) {
                        nearest2 = nearest2.min(edge.distance2(at));
                    }
                });
            });
            let nearest = libm::sqrt(nearest2);
            if !whole {
                return None;
            }
            // An edge outside the box is farther than the box reaches.
            if nearest <= f64::from(reach_mm) {
                return Some(nearest);
            }
            let all = (0..2)
                .all(|axis| around.low[axis] <= self.extent.low[axis] && self.extent.high[axis] <= around.high[axis]);
            if all || reach_mm == i32::MAX {
                return nearest.is_finite().then_some(nearest);
            }
            left -= seen.min(left);
            reach_mm = reach_mm.saturating_mul(2);
        }
    }

    /// The features in whose squares a box reaches, by number: all that touch it, and some near by.
    pub fn about(&self, extent: Extent) -> Vec<u32> {
        let mut found = Vec::new();
        self.each_leaf(extent, &mut |leaf| match leaf {
            Leaf::Full(feature) => found.push(feature),
            Leaf::Groups(words, _) => groups(words).for_each(|group| found.extend_from_slice(group.features())),
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    fn each_leaf<'a>(&'a self, extent: Extent, each: &mut impl FnMut(Leaf<'a>)) {
        self.each_leaf_up_to(extent, usize::MAX, &mut 0, each);
    }

    /// False when there were more squares than `max`; `seen` counts them.
    fn each_leaf_up_to<'a>(
        &'a self,
        extent: Extent,
        max: usize,
        seen: &mut usize,
        each: &mut impl FnMut(Leaf<'a>),
    ) -> bool {
        let square = |value: i32, axis: usize| (i64::from(value) - i64::from(self.origin[axis])) >> self.tile_shift;
        let last = [i64::from(self.cols) - 1, i64::from(self.rows) - 1];
        let first: [i64; 2] = std::array::from_fn(|axis| square(extent.low[axis], axis).max(0));
        let last: [i64; 2] = std::array::from_fn(|axis| square(extent.high[axis], axis).min(last[axis]));
        for row in first[1]..=last[1] {
            for col in first[0]..=last[0] {
                let corner = [col, row];
                let corner =
                    std::array::from_fn(|axis| i64::from(self.origin[axis]) + (corner[axis] << self.tile_shift));
                let word = self.tiles.get((row * i64::from(self.cols) + col) as usize).copied().unwrap_or_default();
                self.walk(word, corner, self.tile_shift, extent, seen, each);
                if *seen > max {
                    return false;
                }
            }
        }
        true
    }

    fn walk<'a>(
        &'a self,
        word: u32,
        corner: [i64; 2],
        shift: u32,
        extent: Extent,
        seen: &mut usize,
        each: &mut impl FnMut(Leaf<'a>),
    ) {
        *seen += 1;
        match Word::unpack(word) {
            Word::Empty => {}
            Word::Full(feature) => each(Leaf::Full(feature)),
            Word::Record(place) => {
                if let Some(words) = self.records.get(place as usize..) {
                    each(Leaf::Groups(words, corner));
                }
            }
            Word::Grid { shift: grid, at, common } => {
                if common && let Some(word) = at.checked_sub(GRID_UNIT).and_then(|place| self.cells.get(place)) {
                    self.walk(*word, corner, 0, extent, seen, each);
                }
                let Some(shift) = shift.checked_sub(grid) else { return };
                let side = 1_i64 << grid;
                let square = |value: i32, axis: usize| (i64::from(value) - corner[axis]) >> shift;
                for row in square(extent.low[1], 1).max(0)..=square(extent.high[1], 1).min(side - 1) {
                    for col in square(extent.low[0], 0).max(0)..=square(extent.high[0], 0).min(side - 1) {
                        let Some(word) = self.cells.get(at + (row * side + col) as usize) else { continue };
                        let inner = [corner[0] + (col << shift), corner[1] + (row << shift)];
                        self.walk(*word, inner, shift, extent, seen, each);
                    }
                }
            }
        }
    }
}

fn groups(words: &[u32]) -> impl Iterator<Item = Group<'_>> {
    let mut words = Some(words);
    std::iter::from_fn(move || {
        let (group, more) = Group::split(words?)?;
        words = more;
        Some(group)
    })
}

/// The features of a group that an edge bounds.
struct Bounded<'a> {
    features: &'a [u32],
    bits: u8,
}

impl Bounded<'_> {
    fn features(&self) -> impl Iterator<Item = u32> {
        let bounded = self.features.iter().enumerate().filter(|(at, _)| self.bits >> at & 1 == 1);
        bounded.map(|(_, feature)| *feature)
    }
}

fn each_edge(words: &[u32], corner: [i64; 2], mut each: impl FnMut(Edge, Bounded<'_>)) {
    for group in groups(words) {
        for (edge, bits) in group.edges(corner) {
            each(edge, Bounded { features: group.features(), bits });
        }
    }
}
