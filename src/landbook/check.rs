//! Finds what is wrong with a polygon, class by class, each with the place where it shows.
//!
//! Real layers are full of slips: rings that cross themselves, holes outside their land, spikes left by a tracing
//! hand. Each is named so that the council's mapping team can mend the source; the landbook uses the repaired shape
//! ([`super::repair`]) meanwhile. All tests are exact on whole numbers, whatever their unit.
//!
//! The validation of the crate `geo` is asked as well, as a second opinion, on features small enough for it: it
//! compares every edge with every other.

use geo::algorithm::Validation;
use geo::{Coord, LineString, Polygon};
use serde::Serialize;
use std::collections::BTreeMap;

/// A corner in whole units of the source (nanodegrees, or millimetres), |value| below 2^40.
pub type Wide = [i64; 2];

/// Above so many corners `geo`'s second opinion is not asked.
const SECOND_OPINION_CORNERS_MAX: usize = 1_500;

/// What can be wrong with a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The feature cannot be read.
    Unreadable,
    /// It has no geometry.
    NoGeometry,
    /// A point or a line, not an area.
    NotAnArea,
    /// A corner is not two finite numbers.
    NotTwoNumbers,
    /// A coordinate is outside Great Britain.
    OutsideGreatBritain,
    /// More corners than a feature may have.
    TooManyCorners,
    /// Nothing is left of it after repair.
    NothingLeft,
    /// It stayed invalid after repair.
    NotRepairable,

    /// A ring without corners.
    EmptyRing,
    /// A ring with fewer than three different corners.
    TooFewCorners,
    /// A ring that encloses nothing.
    ZeroArea,
    /// A ring crosses itself.
    CrossesItself,
    /// A ring touches itself at a point.
    TouchesItself,
    /// A ring runs back along itself: a spike, or a line there and back.
    Spike,
    /// A hole crosses its shell, or another hole.
    RingsCross,
    /// Two rings of a polygon run along each other.
    RingsShareALine,
    /// A hole lies outside its shell.
    HoleOutside,
    /// A hole lies within another hole.
    HoleInHole,
    /// Two polygons of one feature overlap.
    PartsOverlap,
    /// Two polygons of one feature share an edge.
    PartsShareALine,
    /// Sound as given, unsound once rounded to the millimetre.
    Rounding,
    /// Sound by the exact tests, but `geo`'s validation says otherwise.
    SecondOpinion,

    /// The same corner twice running.
    RepeatedCorner,
    /// The last corner of a ring is not its first.
    NotClosed,
    /// A hole turns the same way as its shell.
    HoleTurnsAsShell,
    /// The feature's id is another feature's too.
    IdTwice,
    /// A date cannot be read, or it ends before it begins; the feature holds as if none were given.
    BadDate,
}

/// What is done about a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Harmless: put in order without changing any land.
    Tidied,
    /// Invalid: repaired, the land it covers may have changed at the fault.
    Repaired,
    /// Refused: not in the layer.
    Refused,
}

impl Class {
    /// What is done about it.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::Unreadable
            | Self::NoGeometry
            | Self::NotAnArea
            | Self::NotTwoNumbers
            | Self::OutsideGreatBritain
            | Self::TooManyCorners
            | Self::NothingLeft
            | Self::NotRepairable => Remedy::Refused,
            Self::EmptyRing
            | Self::TooFewCorners
            | Self::ZeroArea
            | Self::CrossesItself
            | Self::TouchesItself
            | Self::Spike
            | Self::RingsCross
            | Self::RingsShareALine
            | Self::HoleOutside
            | Self::HoleInHole
            | Self::PartsOverlap
            | Self::PartsShareALine
            | Self::Rounding
            | Self::SecondOpinion => Remedy::Repaired,
            Self::RepeatedCorner | Self::NotClosed | Self::HoleTurnsAsShell | Self::IdTwice | Self::BadDate => {
                Remedy::Tidied
            }
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read",
            Self::NoGeometry => "has no geometry",
            Self::NotAnArea => "is a point or a line, not an area",
            Self::NotTwoNumbers => "a corner is not two finite numbers",
            Self::OutsideGreatBritain => "a coordinate is outside Great Britain",
            Self::TooManyCorners => "has too many corners",
            Self::NothingLeft => "nothing is left after repair",
            Self::NotRepairable => "stayed invalid after repair",
            Self::EmptyRing => "a ring without corners",
            Self::TooFewCorners => "a ring with fewer than three different corners",
            Self::ZeroArea => "a ring that encloses nothing",
            Self::CrossesItself => "a ring crosses itself",
            Self::TouchesItself => "a ring touches itself at a point",
            Self::Spike => "a ring runs back along itself (spike)",
            Self::RingsCross => "a hole crosses its shell or another hole",
            Self::RingsShareALine => "two rings of a polygon share a line",
            Self::HoleOutside => "a hole lies outside its shell",
            Self::HoleInHole => "a hole lies within another hole",
            Self::PartsOverlap => "two polygons of the feature overlap",
            Self::PartsShareALine => "two polygons of the feature share an edge",
            Self::Rounding => "unsound once rounded to the millimetre",
            Self::SecondOpinion => "unsound by the second opinion only",
            Self::RepeatedCorner => "the same corner twice running",
            Self::NotClosed => "a ring is not closed",
            Self::HoleTurnsAsShell => "a hole turns the same way as its shell",
            Self::IdTwice => "its id is another feature's too",
            Self::BadDate => "a date cannot be read and is left out",
        }
    }
}

/// The classes found in one feature, each with the first place where it shows (none for the feature as a whole).
pub type Findings = BTreeMap<Class, Option<Wide>>;

fn note(findings: &mut Findings, class: Class, at: Option<Wide>) {
    findings.entry(class).or_insert(at);
}

/// Puts the rings of a feature in order: closed, no corner twice running, no ring that encloses nothing. A polygon
/// whose shell goes takes its holes with it. What was found is noted; what is left may still be invalid.
pub fn tidy(polygons: Vec<Vec<Vec<Wide>>>, findings: &mut Findings) -> Vec<Vec<Vec<Wide>>> {
    let mut kept = Vec::new();
    for rings in polygons {
        if rings.is_empty() {
            note(findings, Class::EmptyRing, None);
        }
        let mut part = Vec::with_capacity(rings.len());
        for (at, ring) in rings.into_iter().enumerate() {
            match tidy_ring(ring, findings) {
                Some(ring) => part.push(ring),
                None if at == 0 => break,
                None => {}
            }
        }
        let Some(shell) = part.first() else { continue };
        let turn = area2(shell) > 0;
        for hole in &part[1..] {
            if (area2(hole) > 0) == turn {
                note(findings, Class::HoleTurnsAsShell, hole.first().copied());
            }
        }
        kept.push(part);
    }
    kept
}

fn tidy_ring(mut ring: Vec<Wide>, findings: &mut Findings) -> Option<Vec<Wide>> {
    let first = *ring.first().or_else(|| {
        note(findings, Class::EmptyRing, None);
        None
    })?;
    let given = ring.len();
    let closed = ring.last() == Some(&first);
    ring.dedup();
    if ring.len() < given {
        note(findings, Class::RepeatedCorner, Some(first));
    }
    if !closed {
        note(findings, Class::NotClosed, Some(first));
        ring.push(first);
    }
    if ring.len() < 4 {
        note(findings, Class::TooFewCorners, Some(first));
        return None;
    }
    let far = ring.iter().copied().find(|corner| *corner != first).unwrap_or(first);
    if ring.iter().all(|corner| side(first, far, *corner) == 0) {
        note(findings, Class::ZeroArea, Some(first));
        return None;
    }
    Some(ring)
}

/// Notes everything that makes these polygons, tidied already, invalid. Exact.
pub fn check(polygons: &[Vec<Vec<Wide>>], findings: &mut Findings) {
    let before = findings.len();
    edges_against_edges(polygons, findings);
    if findings.contains_key(&Class::Spike) {
        // The foot of a spike is a corner passed twice: one fault, told once.
        findings.remove(&Class::TouchesItself);
    }
    if findings.len() == before || !findings.contains_key(&Class::RingsCross) {
        rings_within_rings(polygons, findings);
    }
}

/// One edge with the ring it belongs to.
struct Edge {
    a: Wide,
    b: Wide,
    polygon: u32,
    ring: u32,
    /// Its place in the ring, and how many edges the ring has.
    at: u32,
    of: u32,
}

/// Compares each edge with those whose boxes meet it: edges sorted by their west ends, swept eastwards.
fn edges_against_edges(polygons: &[Vec<Vec<Wide>>], findings: &mut Findings) {
    let mut edges = Vec::new();
    for (polygon, rings) in polygons.iter().enumerate() {
        for (ring, corners) in rings.iter().enumerate() {
            let of = corners.len() as u32 - 1;
            for (at, pair) in corners.windows(2).enumerate() {
                edges.push(Edge {
                    a: pair[0],
                    b: pair[1],
                    polygon: polygon as u32,
                    ring: ring as u32,
                    at: at as u32,
                    of,
                });
            }
        }
    }
    edges.sort_by_key(|edge| edge.a[0].min(edge.b[0]));
    let mut open: Vec<usize> = Vec::new();
    for new in 0..edges.len() {
        let west = edges[new].a[0].min(edges[new].b[0]);
        let (south, north) = span(&edges[new]);
        open.retain(|old| edges[*old].a[0].max(edges[*old].b[0]) >= west);
        for old in &open {
            let (low, high) = span(&edges[*old]);
            if low <= north && south <= high {
                compare(&edges[*old], &edges[new], findings);
            }
        }
        open.push(new);
    }
}

fn span(edge: &Edge) -> (i64, i64) {
    (edge.a[1].min(edge.b[1]), edge.a[1].max(edge.b[1]))
}

fn compare(one: &Edge, two: &Edge, findings: &mut Findings) {
    let same_ring = (one.polygon, one.ring) == (two.polygon, two.ring);
    let same_polygon = one.polygon == two.polygon;
    let Some((meeting, at)) = meet(one, two) else { return };
    let class = match meeting {
        Meeting::Along if same_ring => Class::Spike,
        Meeting::Along if same_polygon => Class::RingsShareALine,
        Meeting::Along => Class::PartsShareALine,
        Meeting::Cross if same_ring => Class::CrossesItself,
        Meeting::Cross if same_polygon => Class::RingsCross,
        Meeting::Cross => Class::PartsOverlap,
        Meeting::Touch if same_ring => {
            let gap = one.at.abs_diff(two.at);
            if gap == 1 || gap == one.of - 1 {
                return;
            }
            Class::TouchesItself
        }
        // Rings may touch each other at points.
        Meeting::Touch => return,
    };
    note(findings, class, Some(at));
}

enum Meeting {
    /// They cross at a point within both.
    Cross,
    /// They share one point, an end of one of them.
    Touch,
    /// They share a line.
    Along,
}

fn meet(one: &Edge, two: &Edge) -> Option<(Meeting, Wide)> {
    let (a, b, c, d) = (one.a, one.b, two.a, two.b);
    let (to_c, to_d) = (side(a, b, c).signum(), side(a, b, d).signum());
    let (to_a, to_b) = (side(c, d, a).signum(), side(c, d, b).signum());
    if to_c == 0 && to_d == 0 {
        // On one line: compare along the longer axis.
        let axis = usize::from((a[0] - b[0]).abs() < (a[1] - b[1]).abs());
        let low = a[axis].min(b[axis]).max(c[axis].min(d[axis]));
        let high = a[axis].max(b[axis]).min(c[axis].max(d[axis]));
        let at = [a, b, c, d].into_iter().find(|end| end[axis] == low).unwrap_or(a);
        return match low.cmp(&high) {
            std::cmp::Ordering::Less => Some((Meeting::Along, at)),
            std::cmp::Ordering::Equal => Some((Meeting::Touch, at)),
            std::cmp::Ordering::Greater => None,
        };
    }
    if to_c * to_d < 0 && to_a * to_b < 0 {
        return Some((Meeting::Cross, crossing(a, b, c, d)));
    }
    let on = |from: Wide, to: Wide, end: Wide, side: i128| {
        side == 0
            && (from[0].min(to[0])..=from[0].max(to[0])).contains(&end[0])
            && (from[1].min(to[1])..=from[1].max(to[1])).contains(&end[1])
    };
    let touch = [(on(a, b, c, to_c), c), (on(a, b, d, to_d), d), (on(c, d, a, to_a), a), (on(c, d, b, to_b), b)];
    touch.into_iter().find(|(touches, _)| *touches).map(|(_, at)| (Meeting::Touch, at))
}

/// The crossing of two edges that cross, rounded: where to look, nothing more.
fn crossing(a: Wide, b: Wide, c: Wide, d: Wide) -> Wide {
    let (left, right) = (side(c, d, a) as f64, side(c, d, b) as f64);
    let t = left / (left - right);
    [0, 1].map(|axis| a[axis] + ((b[axis] - a[axis]) as f64 * t).round() as i64)
}

/// Holes against their shell and each other, and polygons against each other, where no edges cross.
fn rings_within_rings(polygons: &[Vec<Vec<Wide>>], findings: &mut Findings) {
    for rings in polygons {
        let Some((shell, holes)) = rings.split_first() else { continue };
        for (at, hole) in holes.iter().enumerate() {
            match ring_in_ring(hole, shell) {
                Within::Inside => {}
                Within::Outside(place) => note(findings, Class::HoleOutside, Some(place)),
                Within::Both(place) => note(findings, Class::RingsCross, Some(place)),
            }
            for other in &holes[at + 1..] {
                if boxes_meet(hole, other) {
                    overlap(hole, other, (Class::HoleInHole, Class::RingsCross), findings);
                }
            }
        }
    }
    for (at, one) in polygons.iter().enumerate() {
        for two in &polygons[at + 1..] {
            let (Some(first), Some(second)) = (one.first(), two.first()) else { continue };
            if !boxes_meet(first, second) {
                continue;
            }
            // A polygon in a hole of another is sound.
            let in_a_hole = |inner: &[Wide], holes: &[Vec<Wide>]| {
                holes.iter().any(|hole| matches!(ring_in_ring(inner, hole), Within::Inside))
            };
            if !in_a_hole(second, &one[1..]) && !in_a_hole(first, &two[1..]) {
                overlap(first, second, (Class::PartsOverlap, Class::PartsOverlap), findings);
            }
        }
    }
}

fn overlap(one: &[Wide], two: &[Wide], (nested, crossing): (Class, Class), findings: &mut Findings) {
    match (ring_in_ring(one, two), ring_in_ring(two, one)) {
        (Within::Inside, _) => note(findings, nested, one.first().copied()),
        (_, Within::Inside) => note(findings, nested, two.first().copied()),
        (Within::Both(place), _) | (_, Within::Both(place)) => note(findings, crossing, Some(place)),
        (Within::Outside(_), Within::Outside(_)) => {}
    }
}

enum Within {
    /// No part of it is outside.
    Inside,
    /// No part of it is inside.
    Outside(Wide),
    /// Some is, some is not.
    Both(Wide),
}

/// Where a ring lies to another: by its corners and the middles of its edges, in half units so that these are exact.
fn ring_in_ring(inner: &[Wide], outer: &[Wide]) -> Within {
    let (mut inside, mut outside) = (false, None);
    for pair in inner.windows(2) {
        let twice = pair[0].map(|value| value * 2);
        let middle = [pair[0][0] + pair[1][0], pair[0][1] + pair[1][1]];
        for at in [twice, middle] {
            match contains(outer, at) {
                Some(true) => inside = true,
                Some(false) => outside = outside.or(Some(pair[0])),
                None => {}
            }
        }
    }
    match (inside, outside) {
        (true, Some(place)) => Within::Both(place),
        (false, Some(place)) => Within::Outside(place),
        (_, None) => Within::Inside,
    }
}

/// Whether a point in half units is inside a ring; `None` on it.
fn contains(ring: &[Wide], at: Wide) -> Option<bool> {
    let mut inside = false;
    for pair in ring.windows(2) {
        let (a, b) = (pair[0].map(|value| value * 2), pair[1].map(|value| value * 2));
        if (a[1] > at[1]) != (b[1] > at[1]) {
            match side(a, b, at) {
                0 => return None,
                left => inside ^= (left > 0) == (b[1] > a[1]),
            }
        } else {
            let along = a[1] == at[1] && b[1] == at[1] && (a[0].min(b[0])..=a[0].max(b[0])).contains(&at[0]);
            if a == at || b == at || along {
                return None;
            }
        }
    }
    Some(inside)
}

fn boxes_meet(one: &[Wide], two: &[Wide]) -> bool {
    let limits = |ring: &[Wide], axis: usize| {
        ring.iter().fold((i64::MAX, i64::MIN), |(low, high), corner| (low.min(corner[axis]), high.max(corner[axis])))
    };
    (0..2).all(|axis| {
        let ((low, high), (from, to)) = (limits(one, axis), limits(two, axis));
        low <= to && from <= high
    })
}

/// Twice the signed area of a closed ring, exact.
fn area2(ring: &[Wide]) -> i128 {
    let Some(origin) = ring.first() else { return 0 };
    ring.windows(2).map(|pair| side(*origin, pair[0], pair[1])).sum()
}

fn side(a: Wide, b: Wide, at: Wide) -> i128 {
    let less = |to: i64, from: i64| i128::from(to) - i128::from(from);
    less(b[0], a[0]) * less(at[1], a[1]) - less(b[1], a[1]) * less(at[0], a[0])
}

/// What `geo`'s validation says of polygons in millimetres; `None` for sound, or too large to ask.
pub fn second_opinion(polygons: &[Vec<Vec<Wide>>]) -> Option<String> {
    if polygons.iter().flatten().map(Vec::len).sum::<usize>() > SECOND_OPINION_CORNERS_MAX {
        return None;
    }
    let polygons: Vec<Polygon<f64>> = polygons.iter().filter_map(|rings| to_geo(rings)).collect();
    geo::MultiPolygon(polygons).check_validation().err().map(|error| error.to_string())
}

/// A polygon of `geo`; whole numbers below 2^53 are exact there.
pub fn to_geo(rings: &[Vec<Wide>]) -> Option<Polygon<f64>> {
    let line =
        |ring: &Vec<Wide>| LineString::new(ring.iter().map(|[x, y]| Coord { x: *x as f64, y: *y as f64 }).collect());
    let (shell, holes) = rings.split_first()?;
    Some(Polygon::new(line(shell), holes.iter().map(line).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rings written as `x y, x y; x y` with `;` between rings and `|` between polygons.
    fn classes(text: &str) -> String {
        let polygons = text
            .split('|')
            .map(|polygon| {
                polygon
                    .split(';')
                    .map(|ring| {
                        let numbers = |corner: &str| {
                            let mut numbers = corner.split_whitespace().map(|n| n.parse::<i64>().expect("a number"));
                            [numbers.next().expect("x"), numbers.next().expect("y")]
                        };
                        ring.split(',').filter(|corner| !corner.trim().is_empty()).map(numbers).collect()
                    })
                    .collect()
            })
            .collect();
        let mut findings = Findings::new();
        let polygons = tidy(polygons, &mut findings);
        check(&polygons, &mut findings);
        let names: Vec<String> = findings.keys().map(|class| format!("{class:?}")).collect();
        names.join(" ")
    }

    #[test]
    fn each_class_is_told_from_the_others() {
        let square = "0 0, 10 0, 10 10, 0 10, 0 0";
        for (text, expected) in [
            (square, ""),
            ("0 0, 10 0, 10 10, 0 10", "NotClosed"),
            ("0 0, 10 0, 10 0, 10 10, 0 10, 0 0", "RepeatedCorner"),
            ("", "EmptyRing"),
            ("0 0, 10 0, 0 0", "TooFewCorners"),
            ("0 0, 10 0, 5 0, 0 0", "ZeroArea"),
            ("0 0, 10 10, 10 0, 0 10, 0 0", "CrossesItself"),
            ("0 0, 10 0, 10 10, 5 0, 0 10, 0 0", "TouchesItself"),
            ("0 0, 10 0, 15 0, 10 0, 10 10, 0 10, 0 0", "Spike"),
            ("0 0, 10 0, 10 10, 10 15, 10 10, 0 10, 0 0", "Spike"),
            ("0 0, 5 0, 5 5, 5 0, 10 0, 10 10, 0 10, 0 0", "Spike"),
            ("0 0, 10 0, 10 10, 0 10, 0 0; 2 2, 2 4, 4 4, 4 2, 2 2", ""),
            ("0 0, 10 0, 10 10, 0 10, 0 0; 2 2, 4 2, 4 4, 2 4, 2 2", "HoleTurnsAsShell"),
            ("0 0, 10 0, 10 10, 0 10, 0 0; 0 5, 5 8, 5 2, 0 5", ""),
            ("0 0, 10 0, 10 10, 0 10, 0 0; 8 8, 8 12, 12 12, 12 8, 8 8", "RingsCross"),
            ("0 0, 10 0, 10 10, 0 10, 0 0; 10 2, 5 2, 5 8, 10 8, 10 2", "RingsShareALine"),
            ("0 0, 10 0, 10 10, 0 10, 0 0; 20 2, 20 8, 25 8, 25 2, 20 2", "HoleOutside"),
            ("0 0, 20 0, 20 20, 0 20, 0 0; 2 2, 2 9, 9 9, 9 2, 2 2; 3 3, 3 5, 5 5, 5 3, 3 3", "HoleInHole"),
            ("0 0, 10 0, 10 10, 0 10, 0 0| 5 5, 15 5, 15 15, 5 15, 5 5", "PartsOverlap"),
            ("0 0, 10 0, 10 10, 0 10, 0 0| 2 2, 4 2, 4 4, 2 4, 2 2", "PartsOverlap"),
            ("0 0, 10 0, 10 10, 0 10, 0 0| 10 0, 20 0, 20 10, 10 10, 10 0", "PartsShareALine"),
            ("0 0, 10 0, 10 10, 0 10, 0 0| 10 10, 20 10, 20 20, 10 20, 10 10", ""),
            // A hole that leaves its shell through a corner.
            ("0 0, 10 0, 5 5, 10 10, 0 10, 0 0; 2 5, 5 5, 9 5, 3 6, 2 5", "RingsCross HoleTurnsAsShell"),
            // A polygon in the hole of another.
            ("0 0, 20 0, 20 20, 0 20, 0 0; 2 2, 2 18, 18 18, 18 2, 2 2| 5 5, 9 5, 9 9, 5 9, 5 5", ""),
        ] {
            assert_eq!(classes(text), expected, "{text}");
        }
    }

    #[test]
    fn the_second_opinion_agrees_on_the_plain_cases() {
        let square = vec![vec![[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]];
        assert_eq!(second_opinion(&[square]), None);
        let bow_tie = vec![vec![[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]];
        assert!(second_opinion(&[bow_tie]).is_some());
    }
}
