//! The blot: everywhere that an uncertain place can be, tried at fixed points.
//!
//! Think of a drop of ink on the map. Nobody knows under which speck of it the caller stands, so the ground is looked at
//! under 64 specks, spread evenly and always the same ones: the same question has the same answer tomorrow, in a replay
//! and in a court.

use super::super::id::BodyId;
use super::super::place::{GridPoint, Located, Spread};
use super::rules::{Ground, decider};
use super::{Asked, Bodies, Share};
use std::collections::BTreeMap;

/// Points tried within the blot.
pub const SAMPLES: usize = 64;
/// Points tried on the blot's rim, before it is called all one body's.
const RIM: usize = 32;
/// The golden angle, pi (3 - sqrt 5): Vogel, "A better way to construct the sunflower head", 1979.
const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
/// The two-dimensional golden ratio's reciprocals: Roberts, "The unreasonable effectiveness of quasirandom sequences",
/// 2018. Their multiples fill a square evenly.
const PLASTIC: [f64; 2] = [0.754_877_666_246_692_7, 0.569_840_290_998_053_3];

/// The points of a place's blot, the same every time.
///
/// * `along`: the line of the street that is meant; then the points lie on it.
/// * `others_m`: one standard deviation of everything else (lines, coordinates), in metres.
/// * A measured place fills a disc of two standard deviations, a bounded one its disc, a grid reference its square.
pub fn sample_points(place: &Located, along: &[GridPoint], others_m: f64) -> Vec<GridPoint> {
    let at = place.point;
    let moved = |east: f64, north: f64| GridPoint::from_metres(at.easting() + east, at.northing() + north);
    if along.len() > 1 {
        return (0..SAMPLES).filter_map(|seed| on_line(along, (seed as f64 + 0.5) / SAMPLES as f64)).collect();
    }
    if place.spread == Spread::Square {
        let half_m = place.uncertainty_m * core::f64::consts::FRAC_1_SQRT_2 + 2.0 * others_m;
        let fraction = |value: f64| value - libm::floor(value);
        let across = |seed: usize, step: f64| (fraction(0.5 + (seed + 1) as f64 * step) * 2.0 - 1.0) * half_m;
        return (0..SAMPLES).map(|seed| moved(across(seed, PLASTIC[0]), across(seed, PLASTIC[1]))).collect();
    }
    let radius_m = 2.0 * libm::hypot(place.sigma_m(), others_m);
    let seed_at = |seed: usize| {
        let out = radius_m * libm::sqrt((seed as f64 + 0.5) / SAMPLES as f64);
        let turn = (seed as f64 + 0.5) * GOLDEN_ANGLE;
        moved(out * libm::cos(turn), out * libm::sin(turn))
    };
    (0..SAMPLES).map(seed_at).collect()
}

/// The point at a share of a line's length, 0 to 1.
fn on_line(line: &[GridPoint], share: f64) -> Option<GridPoint> {
    let whole: f64 = line.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum();
    let mut left = whole * share;
    for pair in line.windows(2) {
        let length = pair[0].distance_m(pair[1]);
        if left <= length && length > 0.0 {
            let part = left / length;
            let between = |from: f64, to: f64| from + (to - from) * part;
            return Some(GridPoint::from_metres(
                between(pair[0].easting(), pair[1].easting()),
                between(pair[0].northing(), pair[1].northing()),
            ));
        }
        left -= length;
    }
    line.last().copied()
}

/// Whose the ground under the blot is.
pub(super) struct Blot {
    /// Largest share first; of equal ones the body of the lower id, and nobody last.
    pub(super) shares: Vec<Share>,
    /// The kind of ground by which each has its share, in the same order; `None` for nobody's.
    pub(super) kinds: Vec<Option<String>>,
    /// A point where the first of them answers.
    pub(super) where_first: GridPoint,
    /// All of it is one body's, to its rim.
    pub(super) whole: bool,
}

/// Looks at the ground under all points of the blot.
pub(super) fn look(bodies: &Bodies, asked: &Asked, ground: &dyn Ground, others_m: f64) -> Blot {
    let points = sample_points(&asked.place, &asked.along, others_m);
    let mut counted: BTreeMap<Option<BodyId>, (usize, Option<String>, GridPoint)> = BTreeMap::new();
    for point in &points {
        let (body, kind) = match decider(bodies, asked, ground, *point) {
            Some((body, kind)) => (Some(body), Some(kind)),
            None => (None, None),
        };
        counted.entry(body).or_insert((0, kind, *point)).0 += 1;
    }
    let mut all: Vec<(Option<BodyId>, usize, Option<String>, GridPoint)> =
        counted.into_iter().map(|(body, (n, kind, at))| (body, n, kind, at)).collect();
    all.sort_by(|a, b| {
        let key = |one: &(Option<BodyId>, usize, Option<String>, GridPoint)| (one.0.is_none(), one.0.clone());
        b.1.cmp(&a.1).then_with(|| key(a).cmp(&key(b)))
    });
    let whole = match &all[..] {
        [(Some(body), _, _, _)] if asked.along.len() < 2 => rim(&asked.place, others_m)
            .all(|point| decider(bodies, asked, ground, point).is_some_and(|(found, _)| found == *body)),
        _ => false,
    };
    Blot {
        where_first: all.first().map_or(asked.place.point, |first| first.3),
        whole,
        shares: all
            .iter()
            .map(|(body, n, _, _)| Share { body: body.clone(), share: *n as f64 / points.len() as f64 })
            .collect(),
        kinds: all.into_iter().map(|(_, _, kind, _)| kind).collect(),
    }
}

/// Points on the circle that the place is within.
fn rim(place: &Located, others_m: f64) -> impl Iterator<Item = GridPoint> {
    let (at, radius_m) = (place.point, 2.0 * libm::hypot(place.sigma_m(), others_m));
    (0..RIM).map(move |step| {
        let turn = step as f64 / RIM as f64 * core::f64::consts::TAU;
        GridPoint::from_metres(at.easting() + radius_m * libm::cos(turn), at.northing() + radius_m * libm::sin(turn))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> GridPoint {
        GridPoint::from_metres(349_401.0, 325_322.0)
    }

    #[test]
    fn the_blot_is_even_and_always_the_same() {
        let place = Located::within(at(), 100.0);
        let points = sample_points(&place, &[], 0.0);
        assert_eq!(points, sample_points(&place, &[], 0.0));
        assert!(points.iter().all(|point| point.distance_m(at()) <= 100.0));
        let inner = points.iter().filter(|point| point.distance_m(at()) <= 50.0).count();
        assert_eq!(inner, SAMPLES / 4);
        let west = points.iter().filter(|point| point.easting_mm < at().easting_mm).count();
        assert!((28..=36).contains(&west), "{west}");
        let measured = sample_points(&Located::new(at(), 3.0), &[], 4.0);
        let farthest = measured.iter().map(|point| point.distance_m(at())).fold(0.0, libm::fmax);
        assert!((9.9..=10.0).contains(&farthest), "twice the square root of 3 x 3 + 4 x 4: {farthest}");
    }

    #[test]
    fn a_grid_references_blot_is_its_square() {
        let points = sample_points(&Located::square(at(), 100.0), &[], 0.0);
        let inside = |point: &GridPoint| {
            libm::fabs(point.easting() - at().easting()) <= 50.0
                && libm::fabs(point.northing() - at().northing()) <= 50.0
        };
        assert_eq!((points.len(), points.iter().filter(|point| inside(point)).count()), (64, 64));
        for (east, north) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let quarter = points.iter().filter(|point| {
                (point.easting() - at().easting()) * east > 0.0 && (point.northing() - at().northing()) * north > 0.0
            });
            let n = quarter.count();
            assert!((13..=19).contains(&n), "{n} in a quarter");
        }
        assert!(points.iter().any(|point| point.distance_m(at()) > 50.0), "its corners too");
    }

    #[test]
    fn a_streets_blot_is_its_line() {
        let line = [at(), GridPoint::from_metres(349_501.0, 325_322.0), GridPoint::from_metres(349_501.0, 325_422.0)];
        let points = sample_points(&Located::within(at(), 100.0), &line, 1.0);
        assert_eq!(points.len(), SAMPLES);
        let first = points.iter().filter(|point| point.northing_mm == at().northing_mm).count();
        assert_eq!(first, SAMPLES / 2);
        assert!(points.iter().all(|p| p.northing_mm == at().northing_mm || p.easting_mm == 349_501_000));
    }
}
