//! What the records of call-outs and pages change.

use super::super::event::{Receipt, SendResult};
use super::super::id::{CallOutId, PageId, PersonId, Seq};
use super::super::incident;
use super::super::person::PageChannel;
use super::super::playbook::Severity;
use super::super::record::Record;
use super::super::state::State;
use super::super::time::{SignedDuration, Timestamp, after};
use super::ladder::{all_at_once, first_at, in_the_morning};
use super::share::{free_at, is_exercise, is_limited};
use super::{Acknowledged, CallOut, Called, Page, Status, channels, figures, limit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ended call-outs kept in the state; all are in the log.
const ENDED_MAX: usize = 500;

/// Applies the records of call-outs and pages.
pub(in crate::domain) fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    match record {
        Record::CallOutStarted { incident, cause, step, ladder, test, to, wanted, severity } => {
            let call_out = CallOut {
                id: seq.into(),
                incident: *incident,
                cause: cause.clone(),
                step: step.clone(),
                ladder: ladder.clone(),
                test: test.clone(),
                to: to.clone(),
                wanted: *wanted,
                severity: *severity,
                started_at: at,
                status: Status::Paging,
                level: None,
                level_at: at,
                counted_from: None,
                widened_at: None,
                called: BTreeMap::new(),
                acknowledged: Vec::new(),
                late: BTreeSet::new(),
            };
            Arc::make_mut(&mut state.paging).call_outs.insert(seq.into(), Arc::new(call_out));
            if let (Some(incident), Some((playbook, step))) = (incident, step) {
                incident::start_step(state, *incident, playbook, *step);
            }
        }
        Record::LevelStarted { call_out, level, people, passed, held: _ } => {
            let policy = state.policy.in_force.clone();
            let free = free_for(state, *call_out, people, at);
            change(state, *call_out, |call_out| {
                call_out.level = Some(*level);
                call_out.level_at = at;
                call_out.counted_from = passed.as_ref().map(|_| at);
                for person in people {
                    let called = call_out.called.entry(person.clone()).or_insert_with(Called::new);
                    called.level = *level;
                    called.in_round = true;
                    let free = free.get(person).copied().unwrap_or(at);
                    called.next_at = Some(first_at(policy.as_deref(), person, call_out.severity, at).max(free));
                }
            });
        }
        Record::PageIntended { call_out, person, channel, attempt, repeats: _, also } => {
            let numbered = |id: &CallOutId| {
                let called = state.paging.call_outs.get(id)?.called.get(person)?;
                Some((*id, called.attempts + 1))
            };
            let page = Page {
                call_out: *call_out,
                person: person.clone(),
                channel: *channel,
                attempt: *attempt,
                at,
                outcome: None,
                receipt: None,
                also: also.iter().filter_map(numbered).collect(),
            };
            let all = page.attempts();
            remember(state, *call_out, person, *channel, at);
            Arc::make_mut(&mut state.paging).pages.insert(seq.into(), page);
            let (figures, escalate_after) = figures(state);
            let policy = state.policy.in_force.clone();
            let used = channels(policy.as_deref(), person).iter().position(|c| c == channel).unwrap_or(0);
            all.into_iter().for_each(|(id, attempt)| {
                change(state, id, |call_out| {
                    let lower = call_out.level.is_some_and(|level| level > 0);
                    let widened = call_out.widened_at.is_some();
                    let Some(called) = call_out.called.get_mut(person) else { return };
                    called.attempts = attempt;
                    called.used.insert(*channel, at);
                    called.next_channel = used + 1;
                    let wait = match (widened, lower && Some(called.level) < call_out.level) {
                        (true, _) => figures.widen_every,
                        (false, true) => escalate_after,
                        (false, false) => figures.repeat_after.min(figures.receipt_deadline),
                    };
                    let next_at = in_the_morning(policy.as_deref(), call_out.severity, after(at, wait));
                    called.next_at = call_out.test.is_none().then_some(next_at);
                })
            });
        }
        Record::PageSent { page, outcome } => apply_outcome(state, *page, outcome, at),
        Record::PageReceipt { page, receipt } => {
            let Some(found) = Arc::make_mut(&mut state.paging).pages.get_mut(page) else { return };
            found.receipt = Some((*receipt, at));
            let page = found.clone();
            match receipt {
                // It rings there: stay with it.
                Receipt::Delivered => {
                    let (figures, _) = figures(state);
                    let policy = state.policy.in_force.clone();
                    let used = channels(policy.as_deref(), &page.person).iter().position(|c| *c == page.channel);
                    page.call_outs().for_each(|id| {
                        change(state, id, |call_out| {
                            let Some(called) = call_out.called.get_mut(&page.person) else { return };
                            called.next_channel = used.unwrap_or(0);
                            called.failed.remove(&page.channel);
                            // It may have been called undelivered before, and the next page hurried up for that.
                            let last = called.used.get(&page.channel).map(|used| after(*used, figures.repeat_after));
                            called.next_at = called.next_at.map(|next| last.map_or(next, |last| next.max(last)));
                        })
                    });
                }
                Receipt::Failed => failed(state, &page, at, true),
                Receipt::Underway => {}
            }
        }
        Record::CallOutWidened { call_out, people } => {
            let policy = state.policy.in_force.clone();
            let (figures, _) = figures(state);
            let free = free_for(state, *call_out, people, at);
            change(state, *call_out, |call_out| {
                call_out.widened_at = Some(at);
                let severity = call_out.severity;
                for person in people {
                    let called = call_out
                        .called
                        .entry(person.clone())
                        .or_insert_with(|| Called { level: u32::MAX, ..Called::new() });
                    called.declined = false;
                    called.in_round = true;
                    let first = first_at(policy.as_deref(), person, severity, at);
                    // Whoever was paged by the same channel a moment ago need not be paged twice in a breath.
                    let theirs = channels(policy.as_deref(), person);
                    let next = theirs.get(called.next_channel % theirs.len().max(1));
                    let used = next.and_then(|next| called.used.get(next));
                    let free = free.get(person).copied().unwrap_or(at);
                    let first = used.map_or(first, |used| first.max(after(*used, figures.repeat_after)));
                    called.next_at = Some(first.max(free));
                }
            });
        }
        Record::Acknowledged { call_out, person, late: true, .. } => change(state, *call_out, |call_out| {
            call_out.late.insert(person.clone());
        }),
        Record::Acknowledged { call_out, person, via, .. } => change(state, *call_out, |call_out| {
            call_out.acknowledged.push(Acknowledged { person: person.clone(), at, via: *via });
            if let Some(called) = call_out.called.get_mut(person) {
                called.next_at = None;
            }
            if call_out.acknowledged.len() >= call_out.wanted as usize {
                call_out.status = Status::Acknowledged { at };
                call_out.called.values_mut().for_each(|called| called.next_at = None);
            }
        }),
        Record::Declined { call_out, person, .. } => change(state, *call_out, |call_out| {
            if let Some(called) = call_out.called.get_mut(person) {
                called.declined = true;
                called.next_at = None;
            }
            give_back(call_out, person, at);
        }),
        Record::TakenBack { call_out, person, .. } => {
            let (figures, _) = figures(state);
            change(state, *call_out, |call_out| {
                give_back(call_out, person, at);
                // They are awake and know of it.
                if let Some(called) = call_out.called.get_mut(person) {
                    called.next_at = Some(after(at, figures.repeat_after));
                }
            });
        }
        Record::AcknowledgementExpired { call_out } => begin_again(state, *call_out, at),
        Record::CallOutEnded { call_out, why } => {
            change(state, *call_out, |call_out| {
                call_out.status = Status::Ended { at, why: *why };
                call_out.called.values_mut().for_each(|called| called.next_at = None);
            });
            forget_old(state);
        }
        other => unreachable!("paging is given its own records only, not {other:?}"),
    }
}

/// The paging begins again. Whoever had it is awake, and asked first, by their first channel and within the limit; the
/// ladder begins when they do not answer, or at once where there is danger to life.
fn begin_again(state: &mut State, id: CallOutId, at: Timestamp) {
    let (_, escalate_after) = figures(state);
    let mut had_it: Vec<PersonId> = Vec::new();
    change(state, id, |call_out| {
        call_out.status = Status::Paging;
        had_it = std::mem::take(&mut call_out.acknowledged).into_iter().map(|have| have.person).collect();
        call_out.late.clear();
        call_out.level = None;
        let alone = call_out.severity != Severity::DangerToLife;
        call_out.level_at = after(at, if alone { escalate_after } else { SignedDuration::ZERO });
        call_out.counted_from = None;
        call_out.widened_at = None;
        for called in call_out.called.values_mut() {
            called.next_at = None;
            called.declined = false;
            called.next_channel = 0;
            called.failed.clear();
            called.in_round = false;
        }
    });
    let free = free_for(state, id, &had_it, at);
    change(state, id, |call_out| {
        for person in had_it {
            if let Some(called) = call_out.called.get_mut(&person) {
                called.next_at = Some(free.get(&person).copied().unwrap_or(at));
                called.in_round = true;
            }
        }
    });
}

/// Somebody does not have it any more: where too few are left, whoever had been called, and was told that it is taken, is
/// called again.
fn give_back(call_out: &mut CallOut, person: &PersonId, at: Timestamp) {
    call_out.acknowledged.retain(|have| have.person != *person);
    let wanting = call_out.acknowledged.len() < call_out.wanted as usize;
    if !wanting || !matches!(call_out.status, Status::Acknowledged { .. }) {
        return;
    }
    call_out.status = Status::Paging;
    call_out.late.clear();
    let has_it: BTreeSet<_> = call_out.acknowledged.iter().map(|have| have.person.clone()).collect();
    for (person, called) in &mut call_out.called {
        if called.in_round && !called.declined && !has_it.contains(person) {
            called.next_at = Some(at);
        }
    }
}

fn apply_outcome(state: &mut State, id: PageId, outcome: &SendResult, at: Timestamp) {
    let Some(page) = Arc::make_mut(&mut state.paging).pages.get_mut(&id) else { return };
    page.outcome = Some((outcome.clone(), at));
    let page = page.clone();
    match outcome {
        SendResult::Accepted => page.call_outs().for_each(|id| {
            change(state, id, |call_out| {
                let level = call_out.level;
                let Some(called) = call_out.called.get_mut(&page.person) else { return };
                called.failed.remove(&page.channel);
                if Some(called.level) == level && call_out.counted_from.is_none() {
                    call_out.counted_from = Some(at);
                }
            })
        }),
        SendResult::Cancelled => {}
        SendResult::Retryable { .. } | SendResult::Refused { .. } => failed(state, &page, at, true),
        // It may have gone, so it is no reason to pass the level.
        SendResult::Unknown { .. } => failed(state, &page, at, false),
    }
}

/// A page did not arrive, as far as is known: the person's next channel is used at once, unless that one was used
/// lately. So no channel of a person is used more often than the usual wait allows, whatever the transports say.
fn failed(state: &mut State, page: &Page, at: Timestamp, surely: bool) {
    let policy = state.policy.in_force.clone();
    let (figures, _) = figures(state);
    page.attempts().into_iter().for_each(|(id, attempt)| {
        let limit = free_for(state, id, std::slice::from_ref(&page.person), at).into_values().next();
        change(state, id, |call_out| {
            let (level, at_once) = (call_out.level, all_at_once(call_out));
            let severity = call_out.severity;
            let Some(called) = call_out.called.get_mut(&page.person) else { return };
            if surely {
                called.failed.insert(page.channel);
            }
            let newest = attempt == called.attempts;
            if let (Some(next_at), true, false) = (called.next_at, newest, at_once) {
                let theirs = channels(policy.as_deref(), &page.person);
                let next = theirs.get(called.next_channel % theirs.len().max(1));
                let free_at =
                    next.and_then(|next| called.used.get(next)).map_or(at, |used| after(*used, figures.repeat_after));
                let free_at = free_at.max(limit.unwrap_or(at));
                let sooner = in_the_morning(policy.as_deref(), severity, free_at.max(at));
                called.next_at = Some(next_at.min(sooner));
            }
            let out_of_reach =
                call_out.called.iter().filter(|(_, called)| Some(called.level) == level).all(|(person, called)| {
                    let theirs = channels(policy.as_deref(), person);
                    called.declined || theirs.iter().all(|channel| called.failed.contains(channel))
                });
            if surely && out_of_reach && level.is_some() && call_out.counted_from.is_none() {
                // Nobody of the level can be reached by anything: the recorded outcomes are the reason to go on at once.
                let longest = SignedDuration::from_hours(24 * 365);
                call_out.counted_from = Some(after(at, -longest));
            }
        })
    });
}

/// From when a first page about this call-out may go to each of these people: not on the heels of another message.
/// Danger to life, tests and callout's own trouble are never held.
fn free_for(state: &State, id: CallOutId, people: &[PersonId], at: Timestamp) -> BTreeMap<PersonId, Timestamp> {
    let Some(call_out) = state.paging.call_outs.get(&id).filter(|c| is_limited(c)) else { return BTreeMap::new() };
    let free = |person: &PersonId| (person.clone(), free_at(state, call_out, person, at));
    people.iter().map(free).collect()
}

/// Notes that something was sent to a person, for the limit.
fn remember(state: &mut State, id: CallOutId, person: &PersonId, channel: PageChannel, at: Timestamp) {
    let Some(call_out) = state.paging.call_outs.get(&id).filter(|c| c.incident.is_some()) else { return };
    let way = (person.clone(), channel, is_exercise(state, call_out));
    let sent = Arc::make_mut(&mut state.paging).sent.entry(way).or_default();
    sent.push(at);
    if sent.len() > limit::REMEMBERED {
        sent.remove(0);
    }
}

/// After a restart a level of which no send was accepted counts afresh: it has not been really called, however long
/// callout was down, so it is not passed.
pub(in crate::domain) fn apply_started(state: &mut State, at: Timestamp) {
    let waiting = |c: &&Arc<CallOut>| c.status == Status::Paging && c.level.is_some() && c.counted_from.is_none();
    let waiting: Vec<CallOutId> = state.paging.call_outs.values().filter(waiting).map(|c| c.id).collect();
    for id in waiting {
        change(state, id, |call_out| call_out.level_at = at);
    }
}

impl Called {
    fn new() -> Self {
        Self {
            level: 0,
            next_at: None,
            next_channel: 0,
            attempts: 0,
            used: BTreeMap::new(),
            failed: BTreeSet::new(),
            declined: false,
            in_round: false,
        }
    }
}

fn change(state: &mut State, id: CallOutId, with: impl FnOnce(&mut CallOut)) {
    if let Some(call_out) = Arc::make_mut(&mut state.paging).call_outs.get_mut(&id) {
        with(Arc::make_mut(call_out));
    }
}

fn forget_old(state: &mut State) {
    let paging = Arc::make_mut(&mut state.paging);
    let ended: Vec<CallOutId> =
        paging.call_outs.values().filter(|c| matches!(c.status, Status::Ended { .. })).map(|c| c.id).collect();
    for id in ended.iter().take(ended.len().saturating_sub(ENDED_MAX)) {
        paging.call_outs.remove(id);
    }
    if ended.len() > ENDED_MAX {
        let known = &paging.call_outs;
        paging.pages.retain(|_, page| page.call_outs().any(|id| known.contains_key(&id)));
    }
}
