//! The rules that turn what the layers hold around a place into one answer.
//!
//! Think of the planner with tracing paper: sheets lie on each other, the sheet of the trunk roads on top, the
//! register of titles at the bottom. The top sheet that covers the place answers. But a place told by telephone is a
//! blot, not a pin: where the blot spills over an edge the answer is "likely", and where it covers more of others'
//! land than of anyone's, the honest answer is a question to the caller.
//!
//! Never a guess: two bodies of equal rank, a title without an owner, a blot that spreads too far and bare ground
//! all end in the explicit unknown, with who finds out and by when.

use super::super::id::BodyId;
use super::super::place::{GridPoint, Located};
use super::bodies::{Bodies, Body, Role};
use super::{Confidence, Hit, OwnerAnswer, Position};
use std::collections::{BTreeMap, BTreeSet};

/// Points tried within the blot of an uncertain place.
pub const SAMPLES: usize = 64;
/// A place known more closely than this, in metres, is judged by its point alone: no caller can say it better.
const SAMPLE_ABOVE_M: f64 = 2.0;
/// The part of the blot that must be one body's for it to be "likely"; under half, others are likelier together.
const SHARE_MIN: f64 = 0.5;
/// The nearest feature is no answer for a place less known than this, in metres.
const NEAREST_UNCERTAINTY_M_MAX: f64 = 10.0;
/// The most hits that an answer lists.
const HITS_MAX: usize = 20;

/// One feature that touches the place or lies near it, with what the rules need beside the hit itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// As the answer lists it. `body` is what layer or feature names; the rules fill it from the kind where empty.
    pub hit: Hit,
    /// The feature's name, where it has one.
    pub feature_name: Option<String>,
    /// The layer's name.
    pub layer_name: String,
    /// The layer's date, `YYYY-MM-DD`.
    pub layer_date: String,
    /// How far off the layer's lines may be, in metres.
    pub accuracy_m: f64,
    /// The feature's area in square metres: of two of one rank and body, the smaller says more.
    pub area_m2: f64,
}

/// A found feature with its rank and role looked up.
struct Ranked<'b> {
    found: Found,
    rank: u16,
    role: Role,
    body: Option<&'b Body>,
}

impl Ranked<'_> {
    fn body_id(&self) -> Option<&BodyId> {
        self.body.map(|body| &body.id)
    }

    fn touches(&self) -> bool {
        self.found.hit.nearest_m.is_none()
    }

    fn answers(&self) -> bool {
        self.role == Role::Answers && self.body.is_some()
    }

    /// "Inside adopted highway HW-1042 (Adopted highways, 2026-04-01)".
    fn described(&self, bodies: &Bodies) -> String {
        let Found { hit, feature_name, layer_name, layer_date, .. } = &self.found;
        let kind = bodies.kind(&hit.kind).map_or(hit.kind.as_str(), |kind| kind.name.as_str());
        let name =
            feature_name.as_ref().map_or_else(|| hit.feature.clone(), |name| format!("{name} ({})", hit.feature));
        format!("{kind} {name}, layer \"{layer_name}\" of {layer_date}")
    }
}

/// The answer for a place.
///
/// * `found`: every feature that touches the point (`nearest_m` empty, `boundary_m` measured), and those near it.
/// * `sample`: the body that decides at another point (see [`body_touching`]); asked at [`sample_points`] only where
///   the place is uncertain and an edge is near.
/// * `epoch`: the set of layers that answered.
pub fn answer(
    bodies: &Bodies,
    place: &Located,
    found: Vec<Found>,
    sample: &dyn Fn(GridPoint) -> Option<BodyId>,
    epoch: u64,
) -> OwnerAnswer {
    let mut ranked: Vec<Ranked<'_>> = found.into_iter().map(|found| rank(bodies, found)).collect();
    ranked.sort_by(order);
    let verdict = verdict(bodies, place, &ranked, sample);
    let mut also: Vec<BodyId> = Vec::new();
    let mut tell = |id: &BodyId| {
        if verdict.body.map(|body| &body.id) != Some(id) && !also.contains(id) {
            also.push(id.clone());
        }
    };
    verdict.body.iter().flat_map(|body| &body.also_notify).for_each(&mut tell);
    verdict.disputed.iter().for_each(&mut tell);
    for one in ranked.iter().filter(|one| one.role == Role::Informs && one.touches()) {
        one.body_id().into_iter().for_each(&mut tell);
    }
    let mut hits: Vec<Hit> = ranked.into_iter().map(|one| one.found.hit).collect();
    if let Some(first) = verdict.first {
        hits[..=first].rotate_right(1);
    }
    hits.truncate(HITS_MAX);
    let (tell_caller, raise) = match verdict.body {
        Some(body) => (body.tell_caller.clone(), body.raise.clone()),
        None => unknown_words(bodies, verdict.ask),
    };
    OwnerAnswer {
        body: verdict.body.map(|body| body.id.clone()),
        confidence: verdict.confidence,
        why: verdict.why,
        tell_caller,
        raise,
        also_notify: also,
        hits,
        epoch,
    }
}

/// The body that decides at a point where these features touch: (kind, body named by layer or feature). `None` where
/// nobody answers, or two of one rank do.
pub fn body_touching<'a>(
    bodies: &Bodies,
    touching: impl Iterator<Item = (&'a str, Option<&'a BodyId>)>,
) -> Option<BodyId> {
    let mut best: Option<(u16, &BodyId)> = None;
    let mut disputed = false;
    for (kind, named) in touching {
        let Some(kind) = bodies.kind(kind).filter(|kind| kind.role == Role::Answers) else { continue };
        let Some(body) = resolve(bodies, &kind.id, named) else { continue };
        match best {
            Some((rank, _)) if rank < kind.rank => {}
            Some((rank, id)) if rank == kind.rank => disputed |= *id != body.id,
            _ => {
                best = Some((kind.rank, &body.id));
                disputed = false;
            }
        }
    }
    best.filter(|_| !disputed).map(|(_, id)| id.clone())
}

/// The points of a blot of `radius_m` around a place: a sunflower's seeds, evenly spread, the same every time.
pub fn sample_points(at: GridPoint, radius_m: f64) -> impl Iterator<Item = GridPoint> {
    // The golden angle, pi (3 - sqrt 5): Vogel, "A better way to construct the sunflower head", 1979.
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    (0..SAMPLES).map(move |seed| {
        let seed = seed as f64 + 0.5;
        let out = radius_m * libm::sqrt(seed / SAMPLES as f64);
        let turn = seed * GOLDEN_ANGLE;
        GridPoint::from_metres(at.easting() + out * libm::cos(turn), at.northing() + out * libm::sin(turn))
    })
}

/// What was decided, before it is put into words for the caller.
struct Verdict<'b> {
    body: Option<&'b Body>,
    confidence: Confidence,
    why: String,
    /// The index of the deciding feature among the ranked.
    first: Option<usize>,
    /// Bodies between which it could not be decided: told as well.
    disputed: Vec<BodyId>,
    /// The caller can decide it: on the road, or in the garden?
    ask: bool,
}

fn verdict<'b>(
    bodies: &'b Bodies,
    place: &Located,
    ranked: &[Ranked<'b>],
    sample: &dyn Fn(GridPoint) -> Option<BodyId>,
) -> Verdict<'b> {
    let answering = |one: &&Ranked<'b>| one.answers() && one.touches();
    let Some(first) = ranked.iter().position(|one| answering(&one)) else {
        return nobody_touches(bodies, place, ranked);
    };
    let winner = &ranked[first];
    let body = winner.body.expect("an answering feature has a body");
    let rivals: BTreeSet<&BodyId> =
        ranked.iter().filter(answering).filter(|one| one.rank == winner.rank).filter_map(Ranked::body_id).collect();
    if rivals.len() > 1 {
        let names: Vec<&str> = rivals.iter().filter_map(|id| bodies.body(id)).map(|body| body.name.as_str()).collect();
        return Verdict {
            body: None,
            confidence: Confidence::Unknown,
            why: format!("Touches land of equal rank of {}: first {}.", names.join(" and "), winner.described(bodies)),
            first: Some(first),
            disputed: rivals.into_iter().cloned().collect(),
            ask: true,
        };
    }
    let where_it_is = match winner.found.hit.position {
        Position::Interior => "Inside",
        Position::Boundary => "On the boundary of",
    };
    let mut why = format!("{where_it_is} {}", winner.described(bodies));
    let edge_m = winner.found.hit.boundary_m.unwrap_or(0.0);
    if winner.found.hit.position == Position::Interior {
        why.push_str(&format!(", {} from its edge", metres(edge_m)));
    }
    why.push('.');
    for other in ranked.iter().filter(answering).filter(|one| one.body_id() != Some(&body.id)).take(2) {
        why.push_str(&format!(" It decides before {}.", other.described(bodies)));
    }
    let blot_m = libm::hypot(place.uncertainty_m, winner.found.accuracy_m);
    let near = ranked.iter().find(|one| {
        one.answers()
            && one.body_id() != Some(&body.id)
            && one.rank <= winner.rank
            && one.found.hit.nearest_m.is_some_and(|near_m| near_m < blot_m)
    });
    let inside = winner.found.hit.position == Position::Interior;
    let mut verdict = Verdict {
        body: Some(body),
        confidence: Confidence::Certain,
        why,
        first: Some(first),
        disputed: vec![],
        ask: false,
    };
    if inside && edge_m >= blot_m && near.is_none() {
        return verdict;
    }
    verdict.confidence = Confidence::Likely;
    if let Some(near) = near {
        let near_m = near.found.hit.nearest_m.unwrap_or(0.0);
        verdict.why.push_str(&format!(" But {} away: {}.", metres(near_m), near.described(bodies)));
    }
    if place.uncertainty_m > SAMPLE_ABOVE_M {
        let shares = shares(place, sample);
        let share = shares.get(&Some(body.id.clone())).copied().unwrap_or(0.0);
        let mut words: Vec<(f64, String)> =
            shares.iter().map(|(id, share)| (*share, name_of(bodies, id.as_ref()))).collect();
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let words: Vec<String> =
            words.iter().take(4).map(|(share, name)| format!("{} % {name}", libm::round(share * 100.0))).collect();
        verdict.why.push_str(&format!(
            " The place is only known to within {}: {}.",
            metres(place.uncertainty_m),
            words.join(", ")
        ));
        if share < SHARE_MIN {
            verdict.body = None;
            verdict.confidence = Confidence::Unknown;
            verdict.ask = true;
        }
    }
    verdict
}

/// No feature that names a body touches the point: a title without an owner, the nearest within reach, or unknown.
fn nobody_touches<'b>(bodies: &'b Bodies, place: &Located, ranked: &[Ranked<'b>]) -> Verdict<'b> {
    let unknown = |why: String, first| Verdict {
        body: None,
        confidence: Confidence::Unknown,
        why,
        first,
        disputed: vec![],
        ask: false,
    };
    let titled = |one: &Ranked<'_>| one.touches() && one.role != Role::Informs;
    if let Some(first) = ranked.iter().position(titled) {
        let title = &ranked[first];
        let why = format!("Inside {}, which does not say whose it is.", title.described(bodies));
        return unknown(why, Some(first));
    }
    let near_enough = |one: &Ranked<'_>| {
        let reach_m = bodies.kind(&one.found.hit.kind).map_or(0.0, |kind| kind.nearest_m);
        one.answers() && one.found.hit.nearest_m.is_some_and(|near_m| near_m <= reach_m)
    };
    let near = ranked
        .iter()
        .enumerate()
        .filter(|(_, one)| near_enough(one))
        .min_by(|(_, a), (_, b)| near_m(a).total_cmp(&near_m(b)).then_with(|| order(a, b)));
    match near {
        Some((first, one)) if place.uncertainty_m <= NEAREST_UNCERTAINTY_M_MAX => {
            let away = metres(near_m(one));
            Verdict {
                body: one.body,
                confidence: Confidence::Likely,
                why: format!("No layer covers the place; the nearest, {away} away, is {}.", one.described(bodies)),
                first: Some(first),
                disputed: vec![],
                ask: false,
            }
        }
        Some((first, one)) => unknown(
            format!(
                "No layer covers the place, and it is only known to within {}; {} is {} away.",
                metres(place.uncertainty_m),
                one.described(bodies),
                metres(near_m(one))
            ),
            Some(first),
        ),
        None => unknown("No layer knows this ground.".to_owned(), None),
    }
}

fn near_m(one: &Ranked<'_>) -> f64 {
    one.found.hit.nearest_m.unwrap_or(f64::INFINITY)
}

fn unknown_words(bodies: &Bodies, ask: bool) -> (String, String) {
    let unknown = &bodies.unknown;
    let question =
        if ask { "Is it on the road or the pavement, in a garden, in a park, or on a building? " } else { "" };
    (
        format!("{question}{}", unknown.tell_caller),
        format!("{}. {} finds out within {}.", unknown.raise.trim_end_matches('.'), unknown.finder, unknown.within),
    )
}

fn shares(place: &Located, sample: &dyn Fn(GridPoint) -> Option<BodyId>) -> BTreeMap<Option<BodyId>, f64> {
    let mut shares = BTreeMap::new();
    for point in sample_points(place.point, place.uncertainty_m) {
        *shares.entry(sample(point)).or_insert(0.0) += 1.0 / SAMPLES as f64;
    }
    shares
}

fn name_of(bodies: &Bodies, id: Option<&BodyId>) -> String {
    match id {
        Some(id) => bodies.body(id).map_or_else(|| id.to_string(), |body| body.name.clone()),
        None => "not known".to_owned(),
    }
}

fn resolve<'b>(bodies: &'b Bodies, kind: &str, named: Option<&BodyId>) -> Option<&'b Body> {
    match named {
        Some(id) => bodies.body(id),
        None => bodies.answering_for(kind),
    }
}

fn rank(bodies: &Bodies, mut found: Found) -> Ranked<'_> {
    let kind = bodies.kind(&found.hit.kind);
    let body = resolve(bodies, &found.hit.kind, found.hit.body.as_ref());
    if let Some(body) = body {
        found.hit.body = Some(body.id.clone());
    }
    // A kind that the table does not know cannot decide.
    let (rank, role) = kind.map_or((u16::MAX, Role::Informs), |kind| (kind.rank, kind.role));
    Ranked { found, rank, role, body }
}

/// Touching first, then by rank, distance, smaller area, newer layer, and at last the ids, so that the order is
/// always the same.
fn order(a: &Ranked<'_>, b: &Ranked<'_>) -> std::cmp::Ordering {
    let near = |one: &Ranked<'_>| one.found.hit.nearest_m.unwrap_or(-1.0);
    (!a.touches())
        .cmp(&!b.touches())
        .then_with(|| a.rank.cmp(&b.rank))
        .then_with(|| near(a).total_cmp(&near(b)))
        .then_with(|| a.found.area_m2.total_cmp(&b.found.area_m2))
        .then_with(|| b.found.layer_date.cmp(&a.found.layer_date))
        .then_with(|| a.found.hit.layer.cmp(&b.found.hit.layer))
        .then_with(|| a.found.hit.feature.cmp(&b.found.hit.feature))
}

/// Metres as people say them: `0.4 m`, `12 m`.
fn metres(value: f64) -> String {
    if value < 9.95 { format!("{value:.1} m") } else { format!("{value:.0} m") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A feature in one line: `kind id touch|boundary|near metres`.
    fn found(line: &str) -> Found {
        let words: Vec<&str> = line.split(' ').collect();
        let distance: f64 = words[3].parse().unwrap();
        let near = words[2] == "near";
        let position = if words[2] == "boundary" { Position::Boundary } else { Position::Interior };
        Found {
            hit: Hit {
                layer: words[0].to_owned(),
                kind: words[0].to_owned(),
                feature: words[1].to_owned(),
                position,
                body: words.get(4).map(|body| BodyId::from(*body)),
                boundary_m: (!near).then_some(distance),
                nearest_m: near.then_some(distance),
            },
            feature_name: None,
            layer_name: words[0].to_owned(),
            layer_date: "2026-04-01".to_owned(),
            accuracy_m: 1.0,
            area_m2: 100.0,
        }
    }

    fn ask(uncertainty_m: f64, lines: &[&str], share: &[&str]) -> OwnerAnswer {
        let bodies = Bodies::parse(include_str!("../../../config/bodies.toml")).unwrap();
        let place = Located::new(GridPoint::from_metres(349_401.0, 325_322.0), uncertainty_m);
        let points: Vec<GridPoint> = sample_points(place.point, uncertainty_m).collect();
        let sample = |point: GridPoint| {
            let seed = points.iter().position(|one| *one == point).unwrap();
            share.get(seed * share.len() / SAMPLES).filter(|id| **id != "-").map(|id| BodyId::from(*id))
        };
        answer(&bodies, &place, lines.iter().map(|line| found(line)).collect(), &sample, 7)
    }

    /// `body confidence first-hit also`, for a place known to within `uncertainty_m`.
    fn check(uncertainty_m: f64, lines: &[&str], share: &[&str], expected: &str) {
        let got = ask(uncertainty_m, lines, share);
        let also: Vec<&str> = got.also_notify.iter().map(BodyId::as_str).collect();
        let body = got.body.as_ref().map_or("unknown", BodyId::as_str);
        let first = got.hits.first().map_or("-", |hit| hit.feature.as_str());
        let said = format!("{body} {:?} {first} [{}]", got.confidence, also.join(" "));
        assert_eq!(said, expected, "{}", got.why);
        assert!(!got.tell_caller.is_empty() && !got.raise.is_empty() && !got.why.is_empty());
    }

    #[test]
    fn well_inside_one_feature_is_certain() {
        check(1.0, &["park P1 touch 40"], &[], "parks Certain P1 []");
        check(1.0, &["trunk_road A1 touch 4"], &[], "national_highways Certain A1 [highways]");
    }

    #[test]
    fn the_layer_of_higher_rank_decides_and_every_hit_is_listed() {
        let lines = ["hmlr_index T9 touch 3", "park P1 touch 40", "adopted_highway H1 touch 5"];
        check(1.0, &lines, &[], "highways Certain H1 []");
        assert_eq!(ask(1.0, &lines, &[]).hits.len(), 3);
    }

    #[test]
    fn a_point_on_a_shared_boundary_goes_by_rank_and_only_likely() {
        let lines = ["park P1 boundary 0", "adopted_highway H1 boundary 0"];
        check(1.0, &lines, &[], "highways Likely H1 []");
        assert!(ask(1.0, &lines, &[]).why.starts_with("On the boundary of adopted highway H1"));
    }

    #[test]
    fn two_bodies_of_equal_rank_are_never_guessed_between() {
        let lines = ["park P1 boundary 0 parks", "park P2 boundary 0 council_property"];
        check(1.0, &lines, &[], "unknown Unknown P1 [council_property parks]");
        check(1.0, &["park P1 touch 9 parks", "park P2 touch 9 parks"], &[], "parks Certain P1 []");
    }

    #[test]
    fn near_an_edge_or_a_higher_rank_the_answer_is_only_likely() {
        check(1.0, &["park P1 touch 0.5"], &[], "parks Likely P1 []");
        check(1.0, &["park P1 touch 40", "adopted_highway H1 near 1.2"], &[], "parks Likely P1 []");
        check(1.0, &["adopted_highway H1 touch 3", "park P1 near 3"], &[], "highways Certain H1 []");
    }

    #[test]
    fn a_blot_that_covers_more_of_others_land_is_a_question_to_the_caller() {
        let lines = ["adopted_highway H1 touch 3"];
        check(70.7, &lines, &["highways", "highways", "parks"], "highways Likely H1 []");
        check(70.7, &lines, &["highways", "parks", "-"], "unknown Unknown H1 []");
        let answer = ask(70.7, &lines, &["highways", "parks", "-"]);
        assert!(answer.tell_caller.starts_with("Is it on the road"), "{}", answer.tell_caller);
        assert!(answer.why.contains("only known to within 71 m"), "{}", answer.why);
    }

    #[test]
    fn a_registered_title_names_no_owner() {
        check(1.0, &["hmlr_index T9 touch 9", "adopted_highway H1 near 1.0"], &[], "unknown Unknown T9 []");
        let answer = ask(1.0, &["hmlr_index T9 touch 9"], &[]);
        assert!(answer.raise.contains("contact centre team leader finds out within 2 hours"), "{}", answer.raise);
    }

    #[test]
    fn the_nearest_counts_within_its_reach_only() {
        check(1.0, &["adopted_highway H1 near 1.9", "park P1 near 1.0"], &[], "parks Likely P1 []");
        check(1.0, &["adopted_highway H1 near 2.1"], &[], "unknown Unknown H1 []");
        check(50.0, &["adopted_highway H1 near 1.0"], &[], "unknown Unknown H1 []");
        check(1.0, &[], &[], "unknown Unknown - []");
    }

    #[test]
    fn a_warning_area_informs_and_never_decides() {
        check(1.0, &["flood_area F1 touch 90 environment_agency"], &[], "unknown Unknown F1 [environment_agency]");
        check(
            1.0,
            &["flood_area F1 touch 90 environment_agency", "park P1 touch 40"],
            &[],
            "parks Certain P1 [environment_agency]",
        );
    }

    #[test]
    fn the_blot_is_even_and_always_the_same() {
        let at = GridPoint::from_metres(349_401.0, 325_322.0);
        let points: Vec<GridPoint> = sample_points(at, 100.0).collect();
        assert_eq!(points, sample_points(at, 100.0).collect::<Vec<_>>());
        assert!(points.iter().all(|point| point.distance_m(at) <= 100.0));
        let inner = points.iter().filter(|point| point.distance_m(at) <= 50.0).count();
        assert_eq!(inner, SAMPLES / 4);
        let west = points.iter().filter(|point| point.easting_mm < at.easting_mm).count();
        assert!((28..=36).contains(&west), "{west}");
    }

    #[test]
    fn a_dispute_is_settled_by_a_higher_rank() {
        let bodies = Bodies::parse(include_str!("../../../config/bodies.toml")).unwrap();
        let (parks, property) = (BodyId::from("parks"), BodyId::from("council_property"));
        let touching = |list: &[(&str, Option<&BodyId>)]| body_touching(&bodies, list.iter().copied());
        assert_eq!(touching(&[("park", Some(&parks)), ("park", Some(&property))]), None);
        let three = [("park", Some(&parks)), ("park", Some(&property)), ("adopted_highway", None)];
        assert_eq!(touching(&three), Some(BodyId::from("highways")));
        assert_eq!(touching(&[("park", Some(&property)), ("park", Some(&property))]), Some(property.clone()));
        assert_eq!(touching(&[("ward", None), ("hmlr_index", None)]), None);
        assert_eq!(touching(&[("park", Some(&parks)), ("park", Some(&property)), ("park", Some(&parks))]), None);
    }
}
