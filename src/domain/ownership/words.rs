//! The sentences of an answer: which feature, how far, what to ask, who finds out.

use super::super::id::BodyId;
use super::blot::Blot;
use super::rules::Ranked;
use super::{Bodies, Correction, Position, Promise};

/// Asked where nothing better can be.
const WHERE: &str = "Is it on the road or the pavement, in a garden, in a park, or on a building?";
/// What nobody's ground is called in a question.
const ELSEWHERE: &str = "somewhere else, such as a garden or a yard";
/// The most places that one question names.
const PLACES_MAX: usize = 3;

/// "adopted highway Mill Street (HW-1042), layer "Adopted highways" of 2026-04-01".
pub(super) fn described(bodies: &Bodies, one: &Ranked<'_>) -> String {
    let found = &one.found;
    let kind = bodies.kind(&found.hit.kind).map_or(found.hit.kind.as_str(), |kind| kind.name.as_str());
    let name = match &found.feature_name {
        Some(name) => format!("{name} ({})", found.hit.feature),
        None => found.hit.feature.clone(),
    };
    format!("{kind} {name}, layer \"{}\" of {}", found.layer_name, found.layer_date)
}

/// "Inside ..., 4.2 m from its edge."
pub(super) fn stands(bodies: &Bodies, one: &Ranked<'_>) -> String {
    let hit = &one.found.hit;
    match (hit.nearest_m, hit.position) {
        (Some(near_m), _) => format!("{} from {}.", metres(near_m), described(bodies, one)),
        (None, Position::Boundary) => format!("On the boundary of {}.", described(bodies, one)),
        (None, Position::Interior) => {
            let edge_m = hit.boundary_m.unwrap_or(0.0);
            format!("Inside {}, {} from its edge.", described(bodies, one), metres(edge_m))
        }
    }
}

/// "Corrected by sam.reed on 2026-11-20: the verge is the school's (record 812)."
pub(super) fn corrected(correction: &Correction) -> String {
    let day = correction.at.strftime("%Y-%m-%d");
    let why = correction.why.trim_end_matches('.');
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!(" Corrected by {} on {day}{why} (record {}).", correction.by.who, correction.record)
}

/// "The place is only known to within 71 m: 60 % Highways, 40 % not known."
pub(super) fn spread(bodies: &Bodies, reach_m: f64, blot: &Blot) -> String {
    let shares: Vec<String> = blot
        .shares
        .iter()
        .take(4)
        .map(|share| format!("{} % {}", libm::round(share.share * 100.0), name_of(bodies, share.body.as_ref())))
        .collect();
    format!(" The place is only known to within {}: {}.", metres(reach_m), shares.join(", "))
}

/// The question whose answer decides between the grounds under the blot.
pub(super) fn question(bodies: &Bodies, blot: &Blot) -> String {
    let known = blot.shares.iter().zip(&blot.kinds);
    let sides: Vec<(&BodyId, &str)> =
        known.filter_map(|(share, kind)| Some((share.body.as_ref()?, kind.as_deref()?))).collect();
    ask(bodies, &sides, blot.shares.iter().any(|share| share.body.is_none()))
}

/// The question where two features are as near as each other.
pub(super) fn between(bodies: &Bodies, near: &[&Ranked<'_>]) -> String {
    let sides: Vec<(&BodyId, &str)> =
        near.iter().filter_map(|one| Some((one.body_id()?, one.found.hit.kind.as_str()))).collect();
    ask(bodies, &sides, false)
}

/// "Is it on the road or the pavement, or in the park?": each side by its kind of ground, by the body's name where two
/// sides are of one kind.
fn ask(bodies: &Bodies, sides: &[(&BodyId, &str)], elsewhere: bool) -> String {
    let place = |kind: &str| bodies.kind(kind).and_then(|kind| kind.place.as_deref());
    let of_kind = |kind: &str| sides.iter().filter(|(_, other)| place(other) == place(kind)).count();
    let mut places: Vec<String> = sides
        .iter()
        .take(PLACES_MAX)
        .map(|(body, kind)| match place(kind) {
            Some(place) if of_kind(kind) == 1 => place.to_owned(),
            _ => format!("on the land of {}", name_of(bodies, Some(body))),
        })
        .collect();
    places.extend(elsewhere.then(|| ELSEWHERE.to_owned()));
    match places.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("Is it {}, or {last}?", rest.join(", ")),
        _ => WHERE.to_owned(),
    }
}

/// What is said and raised where somebody has to find out.
pub(super) fn find_out(bodies: &Bodies, question: Option<&str>) -> (String, String, Promise) {
    let unknown = &bodies.unknown;
    let tell_caller = match question {
        Some(question) => format!("{question} {}", unknown.tell_caller),
        None => unknown.tell_caller.clone(),
    };
    let raise =
        format!("{}. {} finds out within {}.", unknown.raise.trim_end_matches('.'), unknown.finder, unknown.within);
    (tell_caller, raise, Promise { finder: unknown.finder.clone(), within: unknown.within.clone() })
}

pub(super) fn name_of(bodies: &Bodies, id: Option<&BodyId>) -> String {
    match id {
        Some(id) => bodies.body(id).map_or_else(|| id.to_string(), |body| body.name.clone()),
        None => "not known".to_owned(),
    }
}

/// Metres as people say them: `0.4 m`, `12 m`.
pub(super) fn metres(value: f64) -> String {
    if value < 9.95 { format!("{value:.1} m") } else { format!("{value:.0} m") }
}
