//! Land drawn around lines and points: a street given by its centre line, an asset by its point.
//!
//! Whatever lies within the reach of a line belongs to it, round at ends and bends; pieces that meet become one. The
//! curve is drawn with short straight lines, never more than a fiftieth of the reach inside the true one.

use super::check::Wide;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineCap, LineJoin};
use geo::{BooleanOps, Coord, LineString, MultiLineString, MultiPolygon, Polygon};

/// How far a line may reach to each side, in metres; a motorway with its verges is some 60.
pub const REACH_M_MAX: f64 = 500.0;
/// The angle of one straight piece of a round end, in radians: its middle is 0.5 % of the reach inside the curve.
const STEP: f64 = 0.2;
/// Corners of the ring drawn around a point.
const CIRCLE_CORNERS: usize = 32;

/// The polygons within so many metres of lines in millimetres; a line of one corner is a point. They may touch one
/// another, and want the same checks as any.
pub fn buffered(lines: &[Vec<Wide>], reach_m: f64) -> Vec<Vec<Vec<Wide>>> {
    let reach = reach_m * 1_000.0;
    // Near the origin the numbers of the overlay are at their finest.
    let Some(origin) = lines.iter().flatten().next().copied() else { return Vec::new() };
    let near = |at: &Wide| Coord { x: (at[0] - origin[0]) as f64, y: (at[1] - origin[1]) as f64 };
    let long: Vec<LineString<f64>> =
        lines.iter().filter(|line| line.len() > 1).map(|line| line.iter().map(near).collect()).collect();
    let style = BufferStyle::new(reach).line_cap(LineCap::Round(STEP)).line_join(LineJoin::Round(STEP));
    let mut all = if long.is_empty() {
        MultiPolygon::new(Vec::new())
    } else {
        MultiLineString::new(long).buffer_with_style(style)
    };
    for point in lines.iter().filter(|line| line.len() == 1).filter_map(|line| line.first()) {
        all = all.union(&circle(near(point), reach));
    }
    let wide = |at: &Coord<f64>| [at.x.round() as i64 + origin[0], at.y.round() as i64 + origin[1]];
    let ring = |ring: &LineString<f64>| ring.0.iter().map(wide).collect();
    all.0
        .iter()
        .map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect())
        .collect()
}

fn circle(middle: Coord<f64>, reach: f64) -> Polygon<f64> {
    let corner = |at: usize| {
        let turn = at as f64 / CIRCLE_CORNERS as f64 * std::f64::consts::TAU;
        Coord { x: middle.x + reach * turn.cos(), y: middle.y + reach * turn.sin() }
    };
    Polygon::new((0..CIRCLE_CORNERS).map(corner).collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::landbook::check::{Findings, check, tidy};
    use crate::landbook::geometry::{Part, Ring};

    fn drawn(lines: &[Vec<Wide>], reach_m: f64) -> Vec<Part> {
        let polygons = tidy(buffered(lines, reach_m), &mut Findings::new());
        let mut faults = Findings::new();
        check(&polygons, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let ring = |ring: Vec<Wide>| Ring::new(ring.iter().map(|at| at.map(|mm| mm as i32)).collect());
        polygons.into_iter().map(|rings| Part::new(rings.into_iter().map(ring).collect())).collect()
    }

    #[test]
    fn a_street_is_as_wide_as_it_was_said_and_its_crossing_is_one_piece() {
        let (e, n) = (349_000_000, 325_000_000);
        let along = vec![[e, n], [e + 100_000, n], [e + 100_000, n + 50_000]];
        let across = vec![[e + 50_000, n - 30_000], [e + 50_000, n + 30_000]];
        let parts = drawn(&[along, across], 4.0);
        assert_eq!(parts.len(), 1);
        let inside =
            |x: i64, y: i64| parts.iter().any(|part| part.position([(e + x) as i32, (n + y) as i32]).is_some());
        assert!(inside(30_000, 3_990) && inside(30_000, -3_990) && !inside(30_000, 4_010));
        assert!(inside(-3_900, 0) && !inside(-4_100, 0), "the end is round");
        assert!(inside(50_000, 29_000) && !inside(55_000, 29_000));
        // 100 m and 50 m and 60 m of 8 m, less what they share, and two round ends of three.
        let area = parts.iter().map(Part::area_m2).sum::<f64>();
        assert!((area - 1_700.0).abs() < 60.0, "{area}");
    }

    #[test]
    fn a_point_becomes_a_circle_and_a_loop_keeps_its_hole() {
        let point = drawn(&[vec![[0, 0]]], 10.0);
        assert!((point[0].area_m2() - 312.0).abs() < 1.0, "{}", point[0].area_m2());
        let square = vec![[0, 0], [50_000, 0], [50_000, 50_000], [0, 50_000], [0, 0]];
        let ring = drawn(&[square], 2.0);
        assert_eq!((ring.len(), ring[0].rings().len()), (1, 2));
        assert!(buffered(&[], 5.0).is_empty());
    }
}
