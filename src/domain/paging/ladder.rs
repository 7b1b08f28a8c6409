//! When a call-out does what: levels, repeats, everybody; and the pages that follow.
//!
//! Think of somebody who works down a telephone list with a clock beside it. What is due is a plain function of the
//! state and the time; each turn makes a record that moves a deadline on, so it ends.

use super::super::decide::Decision;
use super::super::effect::{Effect, PageOrder};
use super::super::event::Via;
use super::super::id::{CallOutId, PageId, PersonId};
use super::super::person::PageChannel;
use super::super::playbook::Severity;
use super::super::policy::Policy;
use super::super::record::{CallOutEnd, Record};
use super::super::state::State;
use super::super::time::{SignedDuration, Timestamp, after};
use super::share::{free_at, is_limited, list, with_it};
use super::{CallOut, Status, channels, figures, is_paging_for};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A level counts from its start when no send of it was accepted for this long; a transport answers within 15 s.
const FIRST_SEND_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// A test page, or a request to take over, that nobody answers ends after this.
const TEST_ENDS_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Does all that is due: the most severe first, then the newest.
pub(in crate::domain) fn step(state: &mut State, d: &mut Decision) {
    if next_deadline(state).is_none_or(|deadline| deadline > d.at) {
        return;
    }
    let Some(policy) = state.policy.in_force.clone() else { return };
    let mut due: Vec<(Severity, std::cmp::Reverse<CallOutId>)> = state
        .paging
        .call_outs
        .values()
        .filter(|c| !matches!(c.status, Status::Ended { .. }))
        .map(|c| (c.severity, std::cmp::Reverse(c.id)))
        .collect();
    due.sort();
    for (_, std::cmp::Reverse(id)) in due {
        advance(state, d, &policy, id);
    }
}

/// Advances one call-out until nothing of it is due. Bounded: each turn makes a record that moves a deadline on.
fn advance(state: &mut State, d: &mut Decision, policy: &Policy, id: CallOutId) {
    loop {
        let call_out = Arc::clone(&state.paging.call_outs[&id]);
        if deadline(state, &call_out).is_none_or(|deadline| deadline > d.at) {
            return;
        }
        match call_out.status {
            Status::Ended { .. } => return,
            Status::Acknowledged { .. } => {
                d.record(state, Record::AcknowledgementExpired { call_out: id });
            }
            Status::Paging => match due(state, &call_out, d.at) {
                Due::Level(level) => start_level(state, d, policy, &call_out, level),
                Due::Widen => {
                    let people = everybody(policy, &call_out, d.at);
                    d.record(state, Record::CallOutWidened { call_out: id, people });
                }
                Due::People(people) => {
                    for person in people {
                        page(state, d, policy, &call_out, &person);
                    }
                }
                Due::TestOver => {
                    d.record(state, Record::CallOutEnded { call_out: id, why: CallOutEnd::Unanswered });
                }
            },
        }
    }
}

/// What a paging call-out does next.
enum Due {
    /// Begin this level.
    Level(u32),
    /// Call everybody in.
    Widen,
    /// Page these people again.
    People(Vec<PersonId>),
    /// A test page was not answered.
    TestOver,
}

fn due(state: &State, call_out: &CallOut, now: Timestamp) -> Due {
    if call_out.only().is_some() && after(call_out.started_at, TEST_ENDS_AFTER) <= now {
        return Due::TestOver;
    }
    if level_deadline(state, call_out).is_some_and(|deadline| deadline <= now) {
        let next = call_out.level.map_or(0, |level| level + 1);
        let has = call_out.only().is_some() && next == 0 || (next as usize) < call_out.ladder.len();
        return if has { Due::Level(next) } else { Due::Widen };
    }
    let waiting = call_out.called.iter().filter(|(_, called)| called.next_at.is_some_and(|at| at <= now));
    Due::People(waiting.map(|(person, _)| person.clone()).collect())
}

/// When the next level (or everybody) is called in; `None` for a test page under way.
fn level_deadline(state: &State, call_out: &CallOut) -> Option<Timestamp> {
    let (figures, escalate_after) = figures(state);
    if call_out.only().is_some() && call_out.level.is_some() {
        return None;
    }
    let policy = state.policy.in_force.as_deref();
    let awake = |at: Timestamp| in_the_morning(policy, call_out.severity, at);
    if let Some(widened_at) = call_out.widened_at {
        return Some(awake(after(widened_at, figures.widen_every)));
    }
    // A call-out whose ladder is empty is widened before it has had a level.
    let Some(level) = call_out.level else {
        // Again after an acknowledgement that expired: whoever had it is asked first, while they can be reached.
        let asked = call_out.called.iter().any(|(person, called)| {
            let theirs = channels(policy, person);
            called.next_at.is_some() && !theirs.iter().all(|channel| called.failed.contains(channel))
        });
        return Some(if asked { call_out.level_at } else { call_out.started_at.min(call_out.level_at) });
    };
    if !call_out.called.values().any(|called| called.level == level && called.next_at.is_some()) {
        // Passed with a recorded reason, or everybody there has answered and more are wanted.
        return Some(call_out.level_at);
    }
    Some(awake(match call_out.counted_from {
        Some(from) => after(from, escalate_after),
        None => after(after(call_out.level_at, FIRST_SEND_WITHIN), escalate_after),
    }))
}

fn deadline(state: &State, call_out: &CallOut) -> Option<Timestamp> {
    match call_out.status {
        Status::Ended { .. } => None,
        // What was handed over is watched by the call-out that it was handed over from.
        Status::Acknowledged { .. } if call_out.to.is_some() => None,
        Status::Acknowledged { at } => {
            let (figures, _) = figures(state);
            let incident = state.incidents.by_id.get(&call_out.incident?)?;
            let moved = incident.progress_at.is_some_and(|progress| progress >= at);
            // While people are paged for a task of the incident, they need not be paged for the incident too.
            let paging = is_paging_for(state, incident.id);
            (call_out.severity <= Severity::Wake && !moved && !paging)
                .then(|| after(at, figures.acknowledgement_expires))
        }
        Status::Paging => {
            let people = call_out.called.values().filter_map(|called| called.next_at).min();
            let test = call_out.only().map(|_| after(call_out.started_at, TEST_ENDS_AFTER));
            [level_deadline(state, call_out), people, test].into_iter().flatten().min()
        }
    }
}

/// The next instant at which a call-out must do something.
pub(in crate::domain) fn next_deadline(state: &State) -> Option<Timestamp> {
    state.paging.call_outs.values().filter_map(|call_out| deadline(state, call_out)).min()
}

fn start_level(state: &mut State, d: &mut Decision, policy: &Policy, call_out: &CallOut, level: u32) {
    let (people, passed) = match (call_out.only(), call_out.ladder.get(level as usize)) {
        (Some(person), _) => (vec![person.clone()], None),
        (None, Some(role)) => {
            let title = policy.rota.roles.get(role).map_or_else(|| role.to_string(), |role| role.title.clone());
            let on_call: Vec<PersonId> = policy.rota.on_call(role, d.at);
            let reachable: Vec<PersonId> =
                on_call.iter().filter(|person| policy.people.contains_key(person)).cloned().collect();
            let fresh: Vec<PersonId> = reachable
                .iter()
                .filter(|person| {
                    let has_it = call_out.acknowledged.iter().any(|have| have.person == **person);
                    let called = call_out.called.get(person);
                    !has_it && called.is_none_or(|called| called.next_at.is_none() && !called.declined)
                })
                .cloned()
                .collect();
            let passed = match (on_call.is_empty(), reachable.is_empty(), fresh.is_empty()) {
                (true, _, _) => Some(format!("nobody is on call as {title}")),
                (_, true, _) => Some(format!("nobody on call as {title} can be reached: not in the people file")),
                (_, _, true) => Some(format!("whoever is on call as {title} is being paged already, or has declined")),
                _ => None,
            };
            (fresh, passed)
        }
        (None, None) => (Vec::new(), Some("the ladder has no such level".to_owned())),
    };
    let held = |person: &&PersonId| is_limited(call_out) && free_at(state, call_out, person, d.at) > d.at;
    let held = people.iter().filter(held).cloned().collect();
    d.record(state, Record::LevelStarted { call_out: call_out.id, level, people, passed, held });
}

/// Everybody of the ladder's roles, the managers, and the fallback list.
fn everybody(policy: &Policy, call_out: &CallOut, now: Timestamp) -> Vec<PersonId> {
    let mut people: BTreeSet<PersonId> = call_out.called.keys().cloned().collect();
    people.extend(call_out.ladder.iter().flat_map(|role| policy.rota.on_call(role, now)));
    people.extend(policy.rota.managers.iter().cloned());
    people.extend(policy.rota.fallback.iter().cloned());
    let has_it = |person: &PersonId| call_out.acknowledged.iter().any(|have| have.person == *person);
    people.into_iter().filter(|person| policy.people.contains_key(person) && !has_it(person)).collect()
}

/// Whether a person is paged by all their channels at once.
pub(super) fn all_at_once(call_out: &CallOut) -> bool {
    call_out.severity == Severity::DangerToLife || call_out.only().is_some()
}

/// When to do what would be done at `at`: severity 3 waits for the morning, that is for core hours to begin.
pub(super) fn in_the_morning(policy: Option<&Policy>, severity: Severity, at: Timestamp) -> Timestamp {
    let night = |policy: &&Policy| severity == Severity::Morning && !policy.calendar.is_core(at);
    policy.filter(night).and_then(|policy| policy.calendar.next_change(at)).unwrap_or(at)
}

/// When a person who is called in at `at` is paged first: at once, but not by a text at night for severity 3.
pub(super) fn first_at(policy: Option<&Policy>, person: &PersonId, severity: Severity, at: Timestamp) -> Timestamp {
    let by_email = channels(policy, person).contains(&PageChannel::Email);
    if by_email { at } else { in_the_morning(policy, severity, at) }
}

/// Pages one person: by the next channel, or by all of them when there is danger to life. Severity 3 at night is an
/// email that waits for the morning, never a text.
fn page(state: &mut State, d: &mut Decision, policy: &Policy, call_out: &CallOut, person: &PersonId) {
    let channels = policy.people.get(person).map(|person| person.channels.clone()).unwrap_or_default();
    let next = call_out.called.get(person).map_or(0, |called| called.next_channel);
    let attempt = next_attempt(call_out, person);
    let night = call_out.severity == Severity::Morning && !policy.calendar.is_core(d.at);
    let Some(channel) = channels.get(next % channels.len().max(1)).copied() else {
        // A person who has gone from the policy since they were called.
        d.record(
            state,
            Record::Declined { call_out: call_out.id, person: person.clone(), via: Via::System, said_by: None },
        );
        return;
    };
    if all_at_once(call_out) {
        // But not by one that was used a moment ago (to repeat a page after a restart, say), if there is another.
        let ((figures, _), now) = (figures(state), d.at);
        let lately = |channel: &PageChannel| {
            let used = call_out.called.get(person).and_then(|called| called.used.get(channel));
            used.is_some_and(|used| after(*used, figures.repeat_after) > now)
        };
        let all_lately = channels.iter().all(lately);
        for channel in channels.into_iter().filter(|channel| all_lately || !lately(channel)) {
            intend(state, d, call_out, person, channel, attempt, None);
        }
    } else if night && channels.contains(&PageChannel::Email) {
        intend(state, d, call_out, person, PageChannel::Email, attempt, None);
    } else {
        // Of all that is due to them, what wants the loudest way decides: a first text is no second email.
        let loudest = super::share::loudest(state, call_out, person, &channels, d.at).unwrap_or(channel);
        intend(state, d, call_out, person, loudest, attempt, None);
    }
}

/// The number of the next attempt to reach a person; pages that go by all channels at once are one attempt.
pub(super) fn next_attempt(call_out: &CallOut, person: &PersonId) -> u32 {
    call_out.called.get(person).map_or(0, |called| called.attempts) + 1
}

/// Announces a page and orders its send.
pub(super) fn intend(
    state: &mut State,
    d: &mut Decision,
    call_out: &CallOut,
    person: &PersonId,
    channel: PageChannel,
    attempt: u32,
    repeats: Option<PageId>,
) {
    let also = with_it(state, call_out, person, channel, d.at);
    let list = list(state, call_out, &also);
    let record =
        Record::PageIntended { call_out: call_out.id, person: person.clone(), channel, attempt, repeats, also };
    let page = PageId::from(d.record(state, record));
    let now = Arc::clone(&state.paging.call_outs[&call_out.id]);
    let incident = call_out.incident.and_then(|id| state.incidents.by_id.get(&id));
    let title = title(state, call_out);
    let level = now.called.get(person).map_or(0, |called| called.level) as usize;
    let policy = state.policy.in_force.as_ref();
    let role =
        call_out.ladder.get(level).and_then(|role| Some(policy?.rota.roles.get(role)?.title.clone())).unwrap_or_else(
            || match call_out.to {
                Some(_) => "asked to take over".to_owned(),
                None => "on the list of last resort".to_owned(),
            },
        );
    d.effects.push(Effect::SendPage(Box::new(PageOrder {
        page,
        call_out: call_out.id,
        person: person.clone(),
        channel,
        incident: call_out.incident,
        title,
        cause: call_out.cause.clone(),
        role,
        severity: call_out.severity,
        attempt,
        next_level_at: level_deadline(state, &now).filter(|_| call_out.only().is_none()),
        exercise: incident.is_some_and(|incident| incident.exercise),
        test: call_out.test.is_some(),
        list,
    })));
}

/// What a call-out is about, as people say it.
pub(in crate::domain) fn title(state: &State, call_out: &CallOut) -> String {
    let incident = call_out.incident.and_then(|id| state.incidents.by_id.get(&id));
    let playbook = call_out.step.as_ref().and_then(|(id, _)| {
        let version = &incident?.activations.get(id)?.version;
        state.policy.playbooks.get(&(id.clone(), version.clone()))
    });
    match (&call_out.test, playbook, incident) {
        (Some(_), _, _) => "Test page".to_owned(),
        (None, Some(playbook), _) => playbook.title.clone(),
        (None, None, Some(incident)) => incident.topic.as_str().replace('_', " "),
        (None, None, None) => "callout itself".to_owned(),
    }
}
