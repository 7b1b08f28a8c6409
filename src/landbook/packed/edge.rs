//! A boundary line between two corners, and on which side of it a point is: exact in whole numbers.

use crate::landbook::geometry::Corner;

/// An edge without direction: the lower end first, the western one of two at the same height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The lower end.
    pub low: Corner,
    /// The upper end.
    pub high: Corner,
}

impl Edge {
    /// `None` between a corner and itself.
    pub fn between(a: Corner, b: Corner) -> Option<Self> {
        let key = |corner: Corner| (corner[1], corner[0]);
        match key(a).cmp(&key(b)) {
            std::cmp::Ordering::Less => Some(Self { low: a, high: b }),
            std::cmp::Ordering::Greater => Some(Self { low: b, high: a }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// The height of its western end.
    pub fn western_y(&self) -> i32 {
        if self.low[0] <= self.high[0] { self.low[1] } else { self.high[1] }
    }

    /// Whether a line due north through half a millimetre west of `x` cuts it.
    pub fn cuts_west_of(&self, x: i64) -> bool {
        (i64::from(self.low[0]) < x) != (i64::from(self.high[0]) < x)
    }

    /// Millimetres from a point to its nearest place, squared.
    pub fn distance2(&self, at: Corner) -> f64 {
        // Differences of 32-bit numbers are exact in f64.
        let from = |corner: Corner| [f64::from(corner[0]) - f64::from(at[0]), f64::from(corner[1]) - f64::from(at[1])];
        let (a, b) = (from(self.low), from(self.high));
        let along = [b[0] - a[0], b[1] - a[1]];
        let t = (-(a[0] * along[0] + a[1] * along[1]) / (along[0] * along[0] + along[1] * along[1])).clamp(0.0, 1.0);
        let near = [a[0] + t * along[0], a[1] + t * along[1]];
        near[0] * near[0] + near[1] * near[1]
    }
}

/// What counting one edge says of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The point has this edge between itself and the square's corner.
    pub crossed: bool,
    /// The point is on it.
    pub on: bool,
}

/// Counts one edge between a point and the south-west corner of its square, all relative to that corner's whole
/// millimetres (x of the square's western side is 0).
///
/// The path from the point runs due west to the square's western side and then along that side to the corner. An edge
/// that cuts the side is counted as if it went straight north from its western end, which changes the count of every
/// point of the square alike, or not at all; the record's first bits, made with this same count, make up for it.
///
/// `N` must hold products of two differences: `i64` for near corners, `i128` for any.
#[inline(always)]
pub fn count<N>(low: [i64; 2], high: [i64; 2], at: [i64; 2]) -> Counted
where
    N: From<i64> + Copy + std::ops::Mul<Output = N> + std::ops::Sub<Output = N> + PartialOrd,
{
    let along = [N::from(high[0] - low[0]), N::from(high[1] - low[1])];
    let to = [N::from(at[0] - low[0]), N::from(at[1] - low[1])];
    let side = along[0] * to[1] - along[1] * to[0];
    let zero = N::from(0);
    let beside = (low[1] <= at[1]) & (at[1] < high[1]);
    let east_of_it = side < zero;
    let cuts_side = (low[0] < 0) != (high[0] < 0);
    let western_y = if low[0] < 0 { low[1] } else { high[1] };
    let crossed = (beside & east_of_it) ^ (cuts_side & (at[1] >= western_y));
    let (west, east) = if low[0] < high[0] { (low[0], high[0]) } else { (high[0], low[0]) };
    let on = (side == zero) & (low[1] <= at[1]) & (at[1] <= high[1]) & (west <= at[0]) & (at[0] <= east);
    Counted { crossed, on }
}

/// The same count for the corner of a square itself, which stands half a millimetre west and south of `corner`, and a
/// hair north of that.
pub fn counted_at_corner(edge: &Edge, corner: [i64; 2]) -> bool {
    let from = |end: Corner| [i128::from(end[0]) - i128::from(corner[0]), i128::from(end[1]) - i128::from(corner[1])];
    let (low, high) = (from(edge.low), from(edge.high));
    // The corner is at (-1/2, -1/2 and a hair).
    let beside = low[1] < 0 && high[1] >= 0;
    let along = [high[0] - low[0], high[1] - low[1]];
    let twice_side = along[0] * (-1 - 2 * low[1]) - along[1] * (-1 - 2 * low[0]);
    // On the line, the hair north decides: that is left of a line that goes east, right of one that goes west.
    let east_of_it = if twice_side == 0 { along[0] < 0 } else { twice_side < 0 };
    let cuts_side = (low[0] < 0) != (high[0] < 0);
    let western_y = if low[0] < 0 { low[1] } else { high[1] };
    (beside && east_of_it) ^ (cuts_side && western_y < 0)
}
