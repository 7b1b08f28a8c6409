//! A grid of squares over the ground, and where an edge meets it: exact in whole numbers.

use super::edge::Edge;

/// Squares of 2^`shift` millimetres, row by row from the south-west.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Western side, in millimetres.
    pub west: i64,
    /// Southern side.
    pub south: i64,
    /// The length of a square's side as a power of two.
    pub shift: u32,
    /// Squares from west to east.
    pub cols: i64,
    /// Squares from south to north.
    pub rows: i64,
}

/// Where an edge crosses the line between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// The column in which it crosses; may be outside the frame.
    pub col: i64,
    /// The first column whose south-western corner lies east of the crossing.
    pub east_from: i64,
}

impl Frame {
    /// The column of a whole millimetre; may be outside the frame.
    pub fn col(&self, x: i32) -> i64 {
        (i64::from(x) - self.west) >> self.shift
    }

    /// The row of a whole millimetre.
    pub fn row(&self, y: i32) -> i64 {
        (i64::from(y) - self.south) >> self.shift
    }

    /// Where an edge crosses the line along the southern side of `row` (which runs half a millimetre south of whole
    /// millimetres, and a hair north of that). The edge must reach from below the line to above it.
    pub fn crossing(&self, edge: &Edge, row: i64) -> Crossing {
        let from = |value: i32, to: i64| i128::from(value) - i128::from(to);
        let line = self.south + (row << self.shift);
        let (dx, dy) = (from(edge.high[0], edge.low[0].into()), from(edge.high[1], edge.low[1].into()));
        // In half millimetres from the western side: ((2x + 1) dy + dx (2 line - 1 - 2y)) / dy, in squares / 2^(shift+1).
        let up = dx * (-2 * from(edge.low[1], line) - 1) + (2 * from(edge.low[0], self.west) + 1) * dy;
        let (col, exact) = div_floor(up, (2 * dy) << self.shift);
        // Exactly at a corner, the hair north decides.
        let east_from = if exact && dx < 0 { col } else { col + 1 };
        Crossing { col, east_from }
    }
}

/// The quotient rounded down, and whether it is exact; the divisor is positive. A column fits 64 bits, since it lies
/// between the columns of two corners.
fn div_floor(value: i128, by: i128) -> (i64, bool) {
    if let (Ok(value), Ok(by)) = (i64::try_from(value), i64::try_from(by)) {
        (value.div_euclid(by), value % by == 0)
    } else {
        (value.div_euclid(by) as i64, value % by == 0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_crossing_is_in_the_column_where_the_line_is_half_a_millimetre_below_the_row() {
        let frame = Frame { west: 0, south: 0, shift: 2, cols: 8, rows: 8 };
        let crossing = |a, b, row| frame.crossing(&Edge::between(a, b).unwrap(), row);
        // Straight up at x = 3 and x = 4: columns 0 and 1; corners stand at -0.5, 3.5, 7.5.
        assert_eq!(crossing([3, 0], [3, 9], 1), Crossing { col: 0, east_from: 1 });
        assert_eq!(crossing([4, 0], [4, 9], 1), Crossing { col: 1, east_from: 2 });
        // Through the very corner (3.5, 3.5): rising it passes a hair east of it, falling a hair west.
        assert_eq!(crossing([0, 0], [8, 8], 1), Crossing { col: 1, east_from: 2 });
        assert_eq!(crossing([7, 0], [0, 7], 1), Crossing { col: 1, east_from: 1 });
        // West of the frame.
        assert_eq!(crossing([-9, 0], [-9, 9], 1), Crossing { col: -3, east_from: -2 });
        // Across all that 32 bits hold.
        let wide = Edge::between([i32::MIN, i32::MIN], [i32::MAX, i32::MAX]).unwrap();
        assert_eq!(frame.crossing(&wide, 1).col, 1);
    }
}
