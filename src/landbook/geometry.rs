//! Polygons in whole millimetres, and the one question asked of them: inside, on the boundary, or outside?
//!
//! Whole numbers make the answer exact: a corner is on the line or it is not, with no tolerance to tune. A point is
//! inside when a line drawn from it to the right crosses the rings an odd number of times, holes included.

use crate::domain::ownership::Position;
use crate::domain::place::GridPoint;

/// A corner: easting and northing in millimetres.
pub type Corner = [i32; 2];

/// A box: west, south, east, north, all within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// South-west corner.
    pub low: Corner,
    /// North-east corner.
    pub high: Corner,
}

impl Extent {
    /// Holds nothing yet.
    pub const EMPTY: Self = Self { low: [i32::MAX; 2], high: [i32::MIN; 2] };

    /// The box around corners.
    pub fn around(corners: &[Corner]) -> Self {
        corners.iter().fold(Self::EMPTY, |extent, corner| extent.with(*corner))
    }

    /// Grown to hold a corner.
    #[must_use]
    pub fn with(self, corner: Corner) -> Self {
        Self {
            low: [self.low[0].min(corner[0]), self.low[1].min(corner[1])],
            high: [self.high[0].max(corner[0]), self.high[1].max(corner[1])],
        }
    }

    /// Grown to hold another box.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        self.with(other.low).with(other.high)
    }

    /// The box of so many millimetres around a point, cut at the limits of the numbers.
    pub fn reaching(at: Corner, reach_mm: i32) -> Self {
        let low = |mm: i32| mm.saturating_sub(reach_mm);
        let high = |mm: i32| mm.saturating_add(reach_mm);
        Self { low: [low(at[0]), low(at[1])], high: [high(at[0]), high(at[1])] }
    }

    /// Whether a corner is in it or on its edge.
    pub fn holds(&self, at: Corner) -> bool {
        (self.low[0]..=self.high[0]).contains(&at[0]) && (self.low[1]..=self.high[1]).contains(&at[1])
    }

    /// Whether two boxes share a point.
    pub fn meets(&self, other: &Self) -> bool {
        self.low[0] <= other.high[0]
            && other.low[0] <= self.high[0]
            && self.low[1] <= other.high[1]
            && other.low[1] <= self.high[1]
    }
}

/// A closed ring: the first corner again at the end, at least four in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    corners: Vec<Corner>,
    extent: Extent,
}

impl Ring {
    /// Takes corners that are closed already.
    pub fn new(corners: Vec<Corner>) -> Self {
        let extent = Extent::around(&corners);
        Self { corners, extent }
    }

    /// The corners, closed.
    pub fn corners(&self) -> &[Corner] {
        &self.corners
    }

    /// The box around it.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Twice the signed area in square millimetres; positive anticlockwise.
    pub fn area2(&self) -> i128 {
        let origin = self.corners.first().copied().unwrap_or([0, 0]);
        let from = |corner: Corner| {
            [i128::from(corner[0]) - i128::from(origin[0]), i128::from(corner[1]) - i128::from(origin[1])]
        };
        self.corners
            .windows(2)
            .map(|edge| {
                let (a, b) = (from(edge[0]), from(edge[1]));
                a[0] * b[1] - b[0] * a[1]
            })
            .sum()
    }

    /// The same ring the other way round.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.corners.reverse();
        self
    }

    /// Crosses `odd` once for each edge to the right of the point; true when the point is on the ring.
    fn crossed(&self, at: Corner, odd: &mut bool) -> bool {
        if !self.extent.holds(at) {
            // Outside its box a ring is crossed an even number of times, or not met at all.
            return false;
        }
        let [x, y] = at;
        let mut inside = false;
        for edge in self.corners.windows(2) {
            let (a, b) = (edge[0], edge[1]);
            if (a[1] > y) != (b[1] > y) {
                match side(a, b, at) {
                    0 => return true,
                    left => inside ^= (left > 0) == (b[1] > a[1]),
                }
            } else if a[1] == y && b[1] == y {
                if a[0].min(b[0]) <= x && x <= a[0].max(b[0]) {
                    return true;
                }
            } else if a == at || b == at {
                return true;
            }
        }
        *odd ^= inside;
        false
    }

    /// The square of the distance from a point to the ring, in square millimetres.
    fn distance2(&self, at: Corner) -> f64 {
        self.corners.windows(2).map(|edge| segment_distance2(edge[0], edge[1], at)).fold(f64::INFINITY, f64::min)
    }
}

/// Which side of a→b a point is on: positive left, negative right, 0 on the line. Exact.
fn side(a: Corner, b: Corner, at: Corner) -> i128 {
    let wide = |to: i32, from: i32| i128::from(i64::from(to) - i64::from(from));
    wide(b[0], a[0]) * wide(at[1], a[1]) - wide(b[1], a[1]) * wide(at[0], a[0])
}

fn segment_distance2(a: Corner, b: Corner, at: Corner) -> f64 {
    // Differences of i32 are exact in f64.
    let from = |corner: Corner| [f64::from(corner[0]) - f64::from(at[0]), f64::from(corner[1]) - f64::from(at[1])];
    let (a, b) = (from(a), from(b));
    let along = [b[0] - a[0], b[1] - a[1]];
    let length2 = along[0] * along[0] + along[1] * along[1];
    let t = if length2 > 0.0 { (-(a[0] * along[0] + a[1] * along[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let near = [a[0] + t * along[0], a[1] + t * along[1]];
    near[0] * near[0] + near[1] * near[1]
}

/// One polygon: its shell anticlockwise, then its holes clockwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    rings: Vec<Ring>,
}

impl Part {
    /// From rings, the shell first; they are turned the right way round. Empty rings must have been dropped.
    pub fn new(rings: Vec<Ring>) -> Self {
        let turned = rings.into_iter().enumerate().map(|(at, ring)| {
            let anticlockwise = ring.area2() > 0;
            if anticlockwise == (at == 0) { ring } else { ring.reversed() }
        });
        Self { rings: turned.collect() }
    }

    /// The rings, the shell first.
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// The box around its shell.
    pub fn extent(&self) -> Extent {
        self.rings.first().map_or(Extent::EMPTY, Ring::extent)
    }

    /// How many corners, closing ones included.
    pub fn corners_n(&self) -> usize {
        self.rings.iter().map(|ring| ring.corners.len()).sum()
    }

    /// The area in square metres, holes taken out.
    pub fn area_m2(&self) -> f64 {
        self.rings.iter().map(Ring::area2).sum::<i128>() as f64 / 2e6
    }

    /// Inside, on the boundary, or `None` for outside. Exact for every point.
    pub fn position(&self, at: Corner) -> Option<Position> {
        if !self.extent().holds(at) {
            return None;
        }
        let mut odd = false;
        for ring in &self.rings {
            if ring.crossed(at, &mut odd) {
                return Some(Position::Boundary);
            }
        }
        odd.then_some(Position::Interior)
    }

    /// Metres from a point to the nearest edge, from inside or outside.
    pub fn edge_m(&self, at: Corner) -> f64 {
        self.rings.iter().map(|ring| ring.distance2(at)).fold(f64::INFINITY, f64::min).sqrt() / 1000.0
    }
}

/// A point of the grid as a corner.
pub fn corner(point: GridPoint) -> Corner {
    [point.easting_mm, point.northing_mm]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(corners: &[Corner]) -> Ring {
        let mut corners = corners.to_vec();
        corners.push(corners[0]);
        Ring::new(corners)
    }

    fn square_with_a_hole() -> Part {
        Part::new(vec![
            ring(&[[0, 0], [0, 100], [100, 100], [100, 0]]),
            ring(&[[40, 40], [60, 40], [60, 60], [40, 60]]),
        ])
    }

    #[test]
    fn inside_boundary_and_hole_are_exact() {
        let part = square_with_a_hole();
        let cases = [
            ([10, 10], Some(Position::Interior)),
            ([0, 0], Some(Position::Boundary)),
            ([0, 50], Some(Position::Boundary)),
            ([100, 100], Some(Position::Boundary)),
            ([50, 50], None),
            ([40, 50], Some(Position::Boundary)),
            ([60, 60], Some(Position::Boundary)),
            ([39, 40], Some(Position::Interior)),
            ([30, 40], Some(Position::Interior)),
            ([61, 60], Some(Position::Interior)),
            ([101, 50], None),
            ([-1, 0], None),
        ];
        for (at, expected) in cases {
            assert_eq!(part.position(at), expected, "{at:?}");
        }
        assert_eq!(part.area_m2(), (10_000.0 - 400.0) / 1e6);
        assert_eq!(part.edge_m([10, 50]), 0.010);
        assert_eq!(part.edge_m([50, 50]), 0.010);
    }

    #[test]
    fn a_point_a_millimetre_off_a_line_across_the_country_is_off_it() {
        let part = Part::new(vec![ring(&[[0, 0], [700_000_000, 1_299_999_999], [0, 1_299_999_999]])]);
        assert_eq!(part.position([350_000_000, 649_999_999]), None);
        assert_eq!(part.position([350_000_000, 650_000_000]), Some(Position::Interior));
        let extreme = Part::new(vec![ring(&[[i32::MIN, i32::MIN], [i32::MAX, i32::MIN], [i32::MAX, i32::MAX]])]);
        assert_eq!(extreme.position([0, 0]), Some(Position::Boundary));
        assert_eq!(extreme.position([0, -1]), Some(Position::Interior));
    }

    #[test]
    fn the_answer_does_not_depend_on_turn_or_start() {
        let corners = [[0, 0], [9, 3], [4, 4], [9, 9], [1, 8], [3, 5]];
        let whole = Part::new(vec![ring(&corners)]);
        for start in 0..corners.len() {
            let mut turned = corners.to_vec();
            turned.rotate_left(start);
            turned.reverse();
            let turned = Part::new(vec![ring(&turned)]);
            for x in -1..=10 {
                for y in -1..=10 {
                    assert_eq!(whole.position([x, y]), turned.position([x, y]), "{x},{y}");
                }
            }
        }
    }
}
