//! One message for all that waits for the same person.
//!
//! Like a porter who brings all letters at once instead of ringing for each: whoever is asked about several incidents
//! gets one message that lists them, and one answer is for all of them. Nothing is hidden: a call-out that finds its
//! person busy goes with their next message, within two minutes, and its levels count from that real send.
//!
//! Danger to life is never shared and never held; neither are test pages and callout's own trouble. An exercise shares
//! with nothing live. Not here: when a call-out is due (`ladder`), how much is too much (`limit`).

use super::super::effect::Waiting;
use super::super::id::{CallOutId, PersonId};
use super::super::person::PageChannel;
use super::super::playbook::Severity;
use super::super::state::State;
use super::super::time::Timestamp;
use super::ladder::title;
use super::limit::{next_allowed, of_a_person};
use super::{CallOut, Status, channels, figures};
use std::sync::Arc;

/// Whether its pages may be held, and go with others.
pub(super) fn is_shared(call_out: &CallOut) -> bool {
    call_out.incident.is_some() && call_out.only().is_none() && call_out.severity != Severity::DangerToLife
}

/// Whether a first page of it may be held: not where there is danger to life, and a quiet email in the night needs no
/// holding.
pub(super) fn is_limited(call_out: &CallOut) -> bool {
    is_shared(call_out) && call_out.severity == Severity::Wake
}

/// Whether nothing about it is real.
pub(super) fn is_exercise(state: &State, call_out: &CallOut) -> bool {
    let incident = call_out.incident.and_then(|id| state.incidents.by_id.get(&id));
    incident.is_some_and(|incident| incident.exercise)
}

/// From when a first page may go to the person: `at`, or later where they had a message a moment ago.
pub(super) fn free_at(state: &State, call_out: &CallOut, person: &PersonId, at: Timestamp) -> Timestamp {
    let theirs = channels(state.policy.in_force.as_deref(), person);
    let next = call_out.called.get(person).map_or(0, |called| called.next_channel);
    let Some(channel) = theirs.get(next % theirs.len().max(1)) else { return at };
    let sent = state.paging.sent.get(&(person.clone(), *channel, is_exercise(state, call_out)));
    let (figures, _) = figures(state);
    sent.map_or(at, |sent| next_allowed(&of_a_person(figures.repeat_after), sent, at))
}

/// The other call-outs that wait for this person and may go with a page of this one.
fn waiting<'a>(
    state: &'a State,
    call_out: &'a CallOut,
    person: &'a PersonId,
) -> impl Iterator<Item = (&'a CallOut, Timestamp, usize)> {
    let exercise = is_exercise(state, call_out);
    state.paging.call_outs.values().map(Arc::as_ref).filter_map(move |other| {
        let shared = is_shared(call_out) && other.id != call_out.id && is_shared(other);
        let fits = shared && other.status == Status::Paging && is_exercise(state, other) == exercise;
        let called = other.called.get(person).filter(|_| fits)?;
        Some((other, called.next_at?, called.next_channel))
    })
}

/// Of all that is due to them now, the way that stands first in their order.
pub(super) fn loudest(
    state: &State,
    call_out: &CallOut,
    person: &PersonId,
    theirs: &[PageChannel],
    now: Timestamp,
) -> Option<PageChannel> {
    let own = call_out.called.get(person).map_or(0, |called| called.next_channel);
    let due = waiting(state, call_out, person)
        .filter(|(other, at, _)| *at <= now && other.severity <= call_out.severity)
        .map(|(_, _, next)| next);
    let first = due.chain([own]).map(|next| next % theirs.len().max(1)).min()?;
    theirs.get(first).copied()
}

/// What goes with a page by this channel: all that is due to the person, and what would come by the same channel soon.
pub(super) fn with_it(
    state: &State,
    call_out: &CallOut,
    person: &PersonId,
    channel: PageChannel,
    now: Timestamp,
) -> Vec<CallOutId> {
    let theirs = channels(state.policy.in_force.as_deref(), person);
    waiting(state, call_out, person)
        .filter(|(other, at, next)| {
            // What waits for the morning goes along when its time has come; what is urgent never goes by a quiet way.
            let due = *at <= now;
            let same = theirs.get(next % theirs.len().max(1)) == Some(&channel);
            match other.severity.cmp(&call_out.severity) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => due || same,
                std::cmp::Ordering::Greater => due,
            }
        })
        .map(|(other, _, _)| other.id)
        .collect()
}

/// The incidents that a page stands for, when they are several; most severe first, then the newest.
pub(super) fn list(state: &State, call_out: &CallOut, also: &[CallOutId]) -> Vec<Waiting> {
    let others = also.iter().filter_map(|id| state.paging.call_outs.get(id)).map(Arc::as_ref);
    let mut all: Vec<&CallOut> = others.chain([call_out]).collect();
    all.sort_by_key(|c| (c.severity, std::cmp::Reverse(c.incident), c.id));
    all.dedup_by_key(|c| c.incident);
    if all.len() < 2 {
        return Vec::new();
    }
    let of = |c: &CallOut| Some(Waiting { incident: c.incident?, title: title(state, c) });
    all.into_iter().filter_map(of).collect()
}
