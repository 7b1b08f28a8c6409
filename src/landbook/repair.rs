//! Mends an invalid polygon, so that what a lookup says of it is what its owner would draw by hand.
//!
//! A shell that crosses itself is taken to enclose what an odd number of crossings encloses (the usual rule of
//! mapping programs); holes are taken out of it, so that a hole never adds land; polygons of one feature are joined.
//! Corners that were there stay to the millimetre; where lines cross a new corner comes, rounded to the millimetre.

use super::check::{Class, Findings, Wide, check, tidy, to_geo};
use geo::{BooleanOps, MultiPolygon, Polygon};

/// Rounding a new corner may make a line cross its neighbour again; it settles at once or not at all.
const ROUNDS_MAX: usize = 4;

/// Repairs polygons in millimetres. `None` when nothing is left, or when it stays invalid (`NotRepairable` is noted).
pub fn repair(polygons: Vec<Vec<Vec<Wide>>>, findings: &mut Findings) -> Option<Vec<Vec<Vec<Wide>>>> {
    let mut polygons = polygons;
    for _ in 0..ROUNDS_MAX {
        // What the repair itself leaves behind is not the source's fault: noted nowhere.
        let mut own = Findings::new();
        polygons = tidy(overlay(&polygons), &mut own);
        let mut faults = Findings::new();
        check(&polygons, &mut faults);
        if polygons.is_empty() {
            findings.entry(Class::NothingLeft).or_insert(None);
            return None;
        }
        if faults.is_empty() {
            return Some(polygons);
        }
    }
    findings.entry(Class::NotRepairable).or_insert(None);
    None
}

fn overlay(polygons: &[Vec<Vec<Wide>>]) -> Vec<Vec<Vec<Wide>>> {
    let nothing = MultiPolygon::<f64>(Vec::new());
    // The union of one ring with nothing encloses what an odd number of crossings encloses.
    let enclosed = |ring: &Vec<Wide>| to_geo(std::slice::from_ref(ring)).map(|ring| ring.union(&nothing));
    let mut whole = nothing.clone();
    for rings in polygons {
        let Some((shell, holes)) = rings.split_first() else { continue };
        let Some(shell) = enclosed(shell) else { continue };
        let holes = holes.iter().filter_map(enclosed).fold(nothing.clone(), |all, hole| all.union(&hole));
        whole = whole.union(&shell.difference(&holes));
    }
    whole.0.iter().map(from_geo).collect()
}

fn from_geo(polygon: &Polygon<f64>) -> Vec<Vec<Wide>> {
    std::iter::once(polygon.exterior())
        .chain(polygon.interiors())
        .map(|ring| ring.0.iter().map(|at| [at.x.round() as i64, at.y.round() as i64]).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::ownership::Position;
    use crate::landbook::geometry::{Part, Ring};

    fn parts(polygons: Vec<Vec<Vec<Wide>>>) -> Vec<Part> {
        let ring = |ring: Vec<Wide>| Ring::new(ring.iter().map(|at| at.map(|mm| mm as i32)).collect());
        polygons.into_iter().map(|rings| Part::new(rings.into_iter().map(ring).collect())).collect()
    }

    fn inside(parts: &[Part], at: [i32; 2]) -> bool {
        parts.iter().any(|part| part.position(at) == Some(Position::Interior))
    }

    /// A ring in metres, closed.
    fn ring(corners: &[(i64, i64)]) -> Vec<Wide> {
        let mut ring: Vec<Wide> = corners.iter().map(|(x, y)| [x * 1000, y * 1000]).collect();
        ring.push(ring[0]);
        ring
    }

    #[test]
    fn a_bow_tie_becomes_its_two_halves() {
        let mended = repair(vec![vec![ring(&[(0, 0), (10, 10), (10, 0), (0, 10)])]], &mut Findings::new()).unwrap();
        let parts = parts(mended);
        assert_eq!(parts.len(), 2);
        assert!(inside(&parts, [1_000, 5_000]) && inside(&parts, [9_000, 5_000]));
        assert!(!inside(&parts, [5_000, 1_000]) && !inside(&parts, [5_000, 9_000]));
        assert_eq!(parts.iter().map(Part::area_m2).sum::<f64>(), 50.0);
    }

    #[test]
    fn a_hole_outside_or_across_never_adds_land() {
        let shell = ring(&[(0, 0), (10, 0), (10, 10), (0, 10)]);
        let outside = ring(&[(20, 0), (30, 0), (30, 10), (20, 10)]);
        let across = ring(&[(8, 8), (12, 8), (12, 12), (8, 12)]);
        let mended = parts(repair(vec![vec![shell, outside, across]], &mut Findings::new()).unwrap());
        assert!(!inside(&mended, [25_000, 5_000]) && !inside(&mended, [11_000, 11_000]));
        assert!(!inside(&mended, [9_000, 9_000]) && inside(&mended, [5_000, 5_000]));
        assert_eq!(mended.iter().map(Part::area_m2).sum::<f64>(), 96.0);
    }

    #[test]
    fn a_polygon_given_twice_is_there_once() {
        let square = ring(&[(0, 0), (10, 0), (10, 10), (0, 10)]);
        let next = ring(&[(10, 0), (20, 0), (20, 10), (10, 10)]);
        let mended = repair(vec![vec![square.clone()], vec![square], vec![next]], &mut Findings::new()).unwrap();
        let parts = parts(mended);
        assert_eq!(parts.iter().map(Part::area_m2).sum::<f64>(), 200.0);
        assert!(inside(&parts, [10_000, 5_000]), "the shared edge is inside now");
    }

    #[test]
    fn corners_that_were_there_stay_to_the_millimetre() {
        let far = 650_000;
        let spike = ring(&[(far, far), (far + 10, far), (far + 15, far), (far + 10, far), (far + 10, far + 9)]);
        let mended = repair(vec![vec![spike]], &mut Findings::new()).unwrap();
        let mut corners: Vec<Wide> = mended[0][0][1..].to_vec();
        corners.sort_unstable();
        let metres = |x: i64, y: i64| [(far + x) * 1000, (far + y) * 1000];
        assert_eq!(corners, [metres(0, 0), metres(10, 0), metres(10, 9)]);
    }

    #[test]
    fn a_ring_that_runs_there_and_back_leaves_nothing() {
        let mut findings = Findings::new();
        let there_and_back = ring(&[(0, 0), (10, 0), (10, 5), (10, 0)]);
        assert_eq!(repair(vec![vec![there_and_back]], &mut findings), None);
        assert!(findings.contains_key(&Class::NothingLeft));
    }
}
