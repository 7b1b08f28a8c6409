//! The rules that turn what the layers hold around a place into one answer.
//!
//! Think of the planner with tracing paper: sheets lie on each other, the sheet of the trunk roads on top, the
//! register of titles at the bottom. The top sheet that covers the place answers. But a place told by telephone is a
//! blot, not a pin: where the blot spills over an edge the ground under all of it is looked at ([`super::blot`]), and
//! where it is not mostly one body's the honest answer is a question to the caller.
//!
//! Never a guess: two bodies of equal rank, a title without an owner, a blot that spreads too far and bare ground
//! all end in a question or in the explicit unknown, with who finds out and by when. In whatever order the layers are
//! given, the answer is the same.

use super::super::id::BodyId;
use super::super::place::GridPoint;
use super::blot::{self, Blot};
use super::bodies::{Bodies, Body, Matter, Says};
use super::words;
use super::{Also, Asked, Basis, Confidence, Correction, Hit, OwnerAnswer, Position, Role, Share};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The part of the blot that must be one body's for the answer to be "probable".
const SHARE_MIN: f64 = 0.8;
/// The nearest feature is no answer for a place less known than this, in metres of standard deviation.
const NEAREST_SIGMA_M_MAX: f64 = 10.0;
/// Features of others within the blot of a place are looked for this far at most, in metres; what lies farther is
/// found by sampling.
const NEAR_M_MAX: f64 = 25.0;
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
    /// The layer's terms of use.
    pub licence: String,
    /// How far off the layer's lines may be, in metres.
    pub accuracy_m: f64,
    /// How far off they may be by having been turned into the National Grid's, in metres.
    pub crs_accuracy_m: f64,
    /// The feature's area in square metres: of two of one rank and body, the smaller says more.
    pub area_m2: f64,
    /// Staff have said that this feature is wrong here: their word goes before every rank.
    pub corrected: Option<Arc<Correction>>,
}

/// One feature that touches a point of the blot, as briefly as can be.
#[derive(Debug, Clone, Copy)]
pub struct Touch<'g> {
    /// Its kind.
    pub kind: &'g str,
    /// The body that feature, layer or correction names.
    pub body: Option<&'g BodyId>,
    /// Staff have corrected it.
    pub corrected: bool,
}

/// What the maps hold, as the rules ask for it.
pub trait Ground {
    /// Every feature that touches a point, with its distance to the boundary; and those within `reach_m` metres of it,
    /// or as far as the layer's own accuracy reaches.
    fn around(&self, at: GridPoint, reach_m: f64) -> Vec<Found>;
    /// Tells `each` of every feature that touches a point.
    fn touching(&self, at: GridPoint, each: &mut dyn FnMut(Touch<'_>));
}

/// A found feature with its rank and role looked up.
pub(super) struct Ranked<'b> {
    pub(super) found: Found,
    rank: u16,
    says: Says,
    body: Option<&'b Body>,
}

impl Ranked<'_> {
    pub(super) fn body_id(&self) -> Option<&BodyId> {
        self.body.map(|body| &body.id)
    }

    fn touches(&self) -> bool {
        self.found.hit.nearest_m.is_none()
    }

    fn role(&self) -> Option<Role> {
        match self.says {
            Says::Role(role) => Some(role),
            Says::Title => None,
        }
    }

    fn answers(&self, asked: Option<Role>) -> bool {
        self.body.is_some() && self.role().is_some_and(|role| role.decides(asked))
    }
}

/// The answer for a place.
///
/// * `ground`: what the layers in force on the day hold.
/// * `epoch`: the set of layers that answered.
pub fn answer(bodies: &Bodies, asked: &Asked, ground: &dyn Ground, epoch: u64) -> OwnerAnswer {
    // A layer's own accuracy is added by the ground, which knows it.
    let blot_m = libm::fmin(2.0 * libm::hypot(asked.place.sigma_m(), asked.place.crs_accuracy_m), NEAR_M_MAX);
    let reach_m = libm::fmax(bodies.nearest_m_max(), blot_m);
    let mut ranked: Vec<Ranked<'_>> =
        ground.around(asked.place.point, reach_m).into_iter().map(|found| rank(bodies, asked, found)).collect();
    ranked.sort_by(order);
    let verdict = verdict(bodies, asked, ground, &ranked);
    let answer = put_together(bodies, asked, ranked, verdict, epoch);
    match asked.about.as_deref().and_then(|about| bodies.matter(about)).filter(|_| asked.role.is_none()) {
        Some(matter) => about(bodies, asked, matter, answer),
        None => answer,
    }
}

/// The body that decides at a point, with the kind of ground by which it does; `None` where nobody answers, or two of
/// one rank do.
pub(super) fn decider(bodies: &Bodies, asked: &Asked, ground: &dyn Ground, at: GridPoint) -> Option<(BodyId, String)> {
    let mut best: Option<(u16, BodyId, String)> = None;
    let mut disputed = false;
    ground.touching(at, &mut |touch| {
        let kind = bodies.kind(touch.kind);
        let role = kind.map_or(touch.corrected.then_some(Role::Maintains), |kind| kind.role());
        let decides = touch.corrected || role.is_some_and(|role| role.decides(asked.role));
        let Some(body) = resolve(bodies, asked, touch.kind, touch.body).filter(|_| decides) else { return };
        let rank = if touch.corrected { 0 } else { kind.map_or(u16::MAX, |kind| kind.rank) };
        match &best {
            Some((known, _, _)) if *known < rank => {}
            Some((known, id, _)) if *known == rank => disputed |= *id != body.id,
            _ => {
                best = Some((rank, body.id.clone(), touch.kind.to_owned()));
                disputed = false;
            }
        }
    });
    best.filter(|_| !disputed).map(|(_, body, kind)| (body, kind))
}

/// What was decided, before it is put into words for the caller.
struct Verdict<'b> {
    body: Option<&'b Body>,
    confidence: Confidence,
    why: String,
    /// The index of the deciding feature among the ranked.
    first: Option<usize>,
    /// The deciding feature where it is not among the ranked: it lies elsewhere under the blot.
    elsewhere: Option<Ranked<'b>>,
    /// Bodies between which the maps contradict each other.
    disputed: Vec<BodyId>,
    question: Option<String>,
    shares: Vec<Share>,
    sigma_m: f64,
    crs_accuracy_m: f64,
}

fn verdict<'b>(bodies: &'b Bodies, asked: &Asked, ground: &dyn Ground, ranked: &[Ranked<'b>]) -> Verdict<'b> {
    let place = &asked.place;
    let answering = |one: &&Ranked<'b>| one.answers(asked.role) && one.touches();
    let first = ranked.iter().position(|one| answering(&one));
    // Without a deciding feature the nearest one's lines are those that count.
    let by = first.or_else(|| ranked.iter().position(|one| one.answers(asked.role))).map(|at| &ranked[at].found);
    let crs_accuracy_m = libm::hypot(place.crs_accuracy_m, by.map_or(0.0, |found| found.crs_accuracy_m));
    let others_m = libm::hypot(by.map_or(0.0, |found| found.accuracy_m), crs_accuracy_m);
    let sigma_m = libm::hypot(place.sigma_m(), others_m);
    let plain = |confidence, why, first| Verdict {
        body: None,
        confidence,
        why,
        first,
        elsewhere: None,
        disputed: Vec::new(),
        question: None,
        shares: Vec::new(),
        sigma_m,
        crs_accuracy_m,
    };
    let Some(first) = first else {
        if let Some(near) = nearest(bodies, asked, ranked, sigma_m, &plain) {
            return near;
        }
        let title = ranked.iter().position(|one| one.touches() && one.says == Says::Title);
        let mut why = match title {
            Some(at) => {
                format!("Inside {}, which does not say whose it is.", words::described(bodies, &ranked[at]))
            }
            None => match asked.role {
                Some(role) => format!("No layer says who {} this ground.", role.as_str()),
                None => "No layer knows this ground.".to_owned(),
            },
        };
        let blot = blot::look(bodies, asked, ground, others_m);
        if blot.shares.first().is_none_or(|top| top.body.is_none() && top.share >= SHARE_MIN) {
            if let Some(near) = ranked.iter().find(|one| one.answers(asked.role)) {
                why.push_str(&format!(" The nearest: {}", words::stands(bodies, near)));
            }
            return plain(Confidence::Unknown, why, title);
        }
        return by_blot(bodies, asked, ground, ranked, &blot, plain(Confidence::Ask, why, title));
    };
    let winner = &ranked[first];
    let mut why = words::stands(bodies, winner);
    if let Some(correction) = &winner.found.corrected {
        why.push_str(&words::corrected(correction));
    }
    for other in ranked.iter().filter(answering).filter(|one| one.body_id() != winner.body_id()).take(2) {
        if other.rank > winner.rank {
            why.push_str(&format!(" It decides before {}.", words::described(bodies, other)));
        }
    }
    let well_inside = |one: &Ranked<'_>| {
        one.found.hit.position == Position::Interior && one.found.hit.boundary_m >= Some(2.0 * sigma_m)
    };
    let equal = |one: &&Ranked<'b>| one.answers(asked.role) && one.touches() && one.rank == winner.rank;
    let rivals: BTreeSet<&BodyId> = ranked.iter().filter(equal).filter_map(Ranked::body_id).collect();
    let claims: BTreeSet<&BodyId> = ranked
        .iter()
        .filter(equal)
        .filter(|one| one.found.hit.position == Position::Interior)
        .filter_map(Ranked::body_id)
        .collect();
    let disputed: Vec<BodyId> = if claims.len() > 1 { claims.into_iter().cloned().collect() } else { Vec::new() };
    if disputed.len() > 1 && ranked.iter().filter(equal).all(well_inside) && asked.along.is_empty() {
        let names: Vec<String> = disputed.iter().map(|id| words::name_of(bodies, Some(id))).collect();
        let why = format!(
            "The maps contradict each other: by equal rank this is the land of {}. {why}",
            names.join(" and of ")
        );
        return Verdict { disputed, ..plain(Confidence::Unknown, why, Some(first)) };
    }
    let near = ranked.iter().find(|one| {
        one.answers(asked.role)
            && one.body_id() != winner.body_id()
            && one.rank <= winner.rank
            && one.found.hit.nearest_m.is_some_and(|near_m| near_m < 2.0 * sigma_m)
    });
    if well_inside(winner) && near.is_none() && rivals.len() == 1 && asked.along.len() < 2 {
        return Verdict { body: winner.body, ..plain(Confidence::Confident, why, Some(first)) };
    }
    if let Some(near) = near {
        why.push_str(&format!(" But {}", words::stands(bodies, near)));
    }
    let blot = blot::look(bodies, asked, ground, others_m);
    // All of the blot is that body's, though a line between two of its features may run through it.
    if blot.whole && rivals.len() == 1 && blot.shares[0].body.as_ref() == Some(&hit_body(winner)) {
        why.push_str(" All around is theirs too.");
        return Verdict { body: winner.body, ..plain(Confidence::Confident, why, Some(first)) };
    }
    by_blot(bodies, asked, ground, ranked, &blot, Verdict { disputed, ..plain(Confidence::Ask, why, Some(first)) })
}

fn hit_body(one: &Ranked<'_>) -> BodyId {
    one.body_id().cloned().expect("an answering feature has a body")
}

/// What the ground under the blot says.
fn by_blot<'b>(
    bodies: &'b Bodies,
    asked: &Asked,
    ground: &dyn Ground,
    ranked: &[Ranked<'b>],
    blot: &Blot,
    mut verdict: Verdict<'b>,
) -> Verdict<'b> {
    verdict.why.push_str(&words::spread(bodies, 2.0 * verdict.sigma_m, blot));
    verdict.shares = blot.shares.clone();
    let top = blot.shares.first().filter(|top| top.share >= SHARE_MIN);
    let Some(top) = top else {
        verdict.confidence = Confidence::Ask;
        verdict.question = Some(words::question(bodies, blot));
        return verdict;
    };
    let Some(body) = top.body.as_ref().and_then(|id| bodies.body(id)) else {
        verdict.confidence = Confidence::Unknown;
        return verdict;
    };
    verdict.body = Some(body);
    verdict.confidence = Confidence::Probable;
    verdict.question = (blot.shares.len() > 1).then(|| words::question(bodies, blot));
    let theirs = |one: &Ranked<'_>| one.answers(asked.role) && one.body_id() == Some(&body.id);
    if !verdict.first.is_some_and(|first| theirs(&ranked[first])) {
        verdict.first = ranked.iter().position(theirs);
        if verdict.first.is_none() {
            let mut there: Vec<Ranked<'_>> =
                ground.around(blot.where_first, 0.0).into_iter().map(|found| rank(bodies, asked, found)).collect();
            there.sort_by(order);
            verdict.elsewhere = there.into_iter().find(|one| theirs(one) && one.touches());
        }
    }
    verdict
}

/// The nearest feature within its reach, where the place is known well enough and no title covers it; a question where
/// two are about as near.
fn nearest<'b>(
    bodies: &'b Bodies,
    asked: &Asked,
    ranked: &[Ranked<'b>],
    sigma_m: f64,
    plain: &dyn Fn(Confidence, String, Option<usize>) -> Verdict<'b>,
) -> Option<Verdict<'b>> {
    let titled = ranked.iter().any(|one| one.touches() && one.says == Says::Title);
    if titled || asked.place.sigma_m() > NEAREST_SIGMA_M_MAX || asked.along.len() > 1 {
        return None;
    }
    let within = |one: &Ranked<'_>| {
        let reach_m = bodies.kind(&one.found.hit.kind).map_or(0.0, |kind| kind.nearest_m);
        one.answers(asked.role) && one.found.hit.nearest_m.is_some_and(|near_m| near_m <= reach_m)
    };
    let mut near: Vec<(usize, &Ranked<'b>)> = ranked.iter().enumerate().filter(|(_, one)| within(one)).collect();
    near.sort_by(|(_, a), (_, b)| near_m(a).total_cmp(&near_m(b)).then_with(|| order(a, b)));
    let (first, one) = *near.first()?;
    let mut why = format!(
        "No layer covers the place; the nearest, {} away, is {}.",
        words::metres(near_m(one)),
        words::described(bodies, one)
    );
    let mut seen = BTreeSet::from([one.body_id()]);
    let mut others = vec![one];
    for (_, other) in &near {
        if near_m(other) - near_m(one) < 2.0 * sigma_m && seen.insert(other.body_id()) {
            others.push(other);
            why.push_str(&format!(" About as near: {}", words::stands(bodies, other)));
        }
    }
    if others.len() > 1 {
        let question = words::between(bodies, &others);
        return Some(Verdict { question: Some(question), ..plain(Confidence::Ask, why, Some(first)) });
    }
    Some(Verdict { body: one.body, ..plain(Confidence::Probable, why, Some(first)) })
}

fn near_m(one: &Ranked<'_>) -> f64 {
    one.found.hit.nearest_m.unwrap_or(f64::INFINITY)
}

/// The answer in its form and words.
fn put_together(
    bodies: &Bodies,
    asked: &Asked,
    ranked: Vec<Ranked<'_>>,
    verdict: Verdict<'_>,
    epoch: u64,
) -> OwnerAnswer {
    let body = verdict.body;
    let decided = verdict.elsewhere.as_ref().or_else(|| verdict.first.map(|first| &ranked[first]));
    let role = decided.and_then(Ranked::role).filter(|_| body.is_some());
    let mut also: Vec<Also> = Vec::new();
    let mut also_notify: Vec<BodyId> = Vec::new();
    let mut tell = |id: &BodyId| {
        if body.map(|body| &body.id) != Some(id) && !also_notify.contains(id) {
            also_notify.push(id.clone());
        }
    };
    body.iter().flat_map(|body| &body.also_notify).for_each(&mut tell);
    verdict.disputed.iter().for_each(&mut tell);
    for one in ranked.iter().filter(|one| one.touches()) {
        let (Some(there), Some(role)) = (one.body, one.role()) else { continue };
        if role == Role::Informs {
            tell(&there.id);
        }
        let known = |other: &Also| other.body == there.id && other.role == role;
        if body.map(|body| &body.id) != Some(&there.id) && !also.iter().any(known) && also.len() < HITS_MAX {
            also.push(Also {
                body: there.id.clone(),
                name: there.name.clone(),
                role,
                kind: one.found.hit.kind.clone(),
                layer: one.found.hit.layer.clone(),
                feature: one.found.hit.feature.clone(),
            });
        }
    }
    let basis = decided.map(|one| basis(&one.found));
    let corrected = decided.and_then(|one| one.found.corrected.clone()).filter(|_| body.is_some());
    let (tell_caller, raise, promise) = match body {
        Some(body) => (body.tell_caller.clone(), body.raise.clone(), None),
        None => {
            let (tell_caller, raise, promise) = words::find_out(bodies, verdict.question.as_deref());
            (tell_caller, raise, Some(promise))
        }
    };
    let mut hits: Vec<Hit> = ranked.into_iter().map(|one| one.found.hit).collect();
    if let Some(first) = verdict.first {
        hits[..=first].rotate_right(1);
    }
    hits.truncate(HITS_MAX);
    OwnerAnswer {
        body: body.map(|body| body.id.clone()),
        body_name: body.map_or_else(String::new, |body| body.name.clone()),
        ours: body.is_some_and(|body| body.ours),
        role,
        confidence: verdict.confidence,
        basis,
        why: verdict.why,
        question: verdict.question,
        promise,
        tell_caller,
        raise,
        lines: body.map_or_else(Vec::new, |body| body.lines.clone()),
        also_notify,
        also,
        disputed: verdict.disputed,
        shares: verdict.shares,
        corrected,
        hits,
        sigma_m: verdict.sigma_m,
        crs_accuracy_m: verdict.crs_accuracy_m,
        on: asked.on,
        about: None,
        epoch,
    }
}

fn basis(found: &Found) -> Basis {
    let hit = &found.hit;
    Basis {
        layer: hit.layer.clone(),
        layer_name: found.layer_name.clone(),
        kind: hit.kind.clone(),
        feature: hit.feature.clone(),
        feature_name: found.feature_name.clone(),
        date: found.layer_date.clone(),
        licence: found.licence.clone(),
        position: hit.position,
        boundary_m: hit.boundary_m,
        nearest_m: hit.nearest_m,
        accuracy_m: found.accuracy_m,
    }
}

/// What a matter makes of the ground's answer: its body is responsible wherever it is, and the ground's is told.
fn about(bodies: &Bodies, asked: &Asked, matter: &Matter, mut answer: OwnerAnswer) -> OwnerAnswer {
    answer.about = Some(matter.id.clone());
    let kept = answer.body.as_ref().is_some_and(|body| matter.keeps.contains(body));
    let Some(body) = bodies.body_on(&matter.body, asked.on).filter(|_| !kept) else { return answer };
    let ground = answer.body.take().filter(|id| *id != body.id);
    if let (Some(id), Some(role), Some(basis)) = (&ground, answer.role, &answer.basis) {
        let theirs = Also {
            body: id.clone(),
            name: std::mem::take(&mut answer.body_name),
            role,
            kind: basis.kind.clone(),
            layer: basis.layer.clone(),
            feature: basis.feature.clone(),
        };
        answer.also.insert(0, theirs);
    }
    answer.also.retain(|one| one.body != body.id);
    let mut notify = body.also_notify.clone();
    for id in ground.iter().chain(&answer.also_notify) {
        if *id != body.id && !notify.contains(id) {
            notify.push(id.clone());
        }
    }
    answer.also_notify = notify;
    answer.why = format!("{}: {}, whosever the ground is. The ground: {}", matter.name, body.name, answer.why);
    answer.body = Some(body.id.clone());
    answer.body_name = body.name.clone();
    answer.ours = body.ours;
    answer.role = Some(matter.role);
    answer.confidence = Confidence::Confident;
    (answer.question, answer.promise, answer.corrected) = (None, None, None);
    answer.tell_caller = bodies.told_about(matter).to_owned();
    answer.raise = matter.raise.clone().unwrap_or_else(|| body.raise.clone());
    answer.lines = body.lines.clone();
    answer
}

fn resolve<'b>(bodies: &'b Bodies, asked: &Asked, kind: &str, named: Option<&BodyId>) -> Option<&'b Body> {
    match named {
        Some(id) => bodies.body_on(id, asked.on),
        None => bodies.answering_for(kind).and_then(|body| bodies.body_on(&body.id, asked.on)),
    }
}

fn rank<'b>(bodies: &'b Bodies, asked: &Asked, mut found: Found) -> Ranked<'b> {
    let kind = bodies.kind(&found.hit.kind);
    let body = match &found.corrected {
        Some(correction) => bodies.body_on(&correction.body, asked.on),
        None => resolve(bodies, asked, &found.hit.kind, found.hit.body.as_ref()),
    };
    if let Some(body) = body {
        found.hit.body = Some(body.id.clone());
    }
    if found.corrected.is_some() {
        // Whatever sort of ground it was said to be: somebody has to act there.
        let role = kind.and_then(super::LayerKind::role).filter(|role| role.decides(asked.role));
        return Ranked { found, rank: 0, says: Says::Role(role.unwrap_or(Role::Maintains)), body };
    }
    // A kind that the table does not know cannot decide.
    let (rank, says) = kind.map_or((u16::MAX, Says::Role(Role::Informs)), |kind| (kind.rank, kind.says));
    Ranked { found, rank, says, body }
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

#[cfg(test)]
mod tests;
