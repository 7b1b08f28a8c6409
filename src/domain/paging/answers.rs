//! What people say to a page: "I have got this", "I can't", and "that was a mistake".
//!
//! An answer is for all that its page stood for, and for all that the incident called the person for besides. The first
//! one counts; whoever comes later is recorded and told who has it. What is over stays over.
//!
//! Not here: how an answer is read from a text or a link (see [`crate::domain::reply`], [`crate::domain::reply_code`]).

use super::super::decide::Decision;
use super::super::event::{Acknowledgement, Answer, Author};
use super::super::id::{CallOutId, IncidentId, PageId, PersonId};
use super::super::notice;
use super::super::record::{CallOutEnd, Record};
use super::super::state::State;
use super::super::task;
use super::super::time::{SignedDuration, after};
use super::{CallOut, Page, Status, cancel_queued};
use std::sync::Arc;

/// "That was a mistake" counts for so long after "I have got this"; later it is "I can't".
pub const UNDO_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// The page, and those of its call-outs that are still known; at least one.
fn of_page(state: &State, id: PageId) -> Option<(Page, Vec<Arc<CallOut>>)> {
    let page = state.paging.pages.get(&id)?;
    let call_outs: Vec<_> = page.call_outs().filter_map(|id| state.paging.call_outs.get(&id).cloned()).collect();
    (!call_outs.is_empty()).then(|| (page.clone(), call_outs))
}

/// Who answered a page that was not theirs. A link or a reply comes from the person who was paged.
fn for_somebody_else(by: &Author, person: &PersonId) -> Option<String> {
    (by.who != person.as_str()).then(|| by.who.clone())
}

fn has(call_out: &CallOut, person: &PersonId) -> bool {
    call_out.acknowledged.iter().any(|have| have.person == *person)
}

/// Somebody says "I have got this". It counts for all that the page stands for, and for every running call-out of those
/// incidents that called them.
pub(in crate::domain) fn acknowledge(state: &mut State, d: &mut Decision, id: PageId, by: &Author) {
    let Some((page, of)) = of_page(state, id) else {
        d.answer = Answer::Acknowledgement(Acknowledgement::UnknownPage);
        return;
    };
    let person = page.person.clone();
    let (via, said_by) = (by.via, for_somebody_else(by, &person));
    let asking = |c: &&Arc<CallOut>| c.status == Status::Paging && !has(c, &person);
    if !of.iter().any(|c| asking(&c)) {
        let running = || of.iter().filter(|c| !matches!(c.status, Status::Ended { .. }));
        let mine = running().flat_map(|c| &c.acknowledged).find(|have| have.person == person);
        let taken = running().find_map(|c| match (c.status, c.acknowledged.first()) {
            (Status::Acknowledged { at }, Some(have)) => Some((have.person.clone(), at)),
            _ => None,
        });
        d.answer = Answer::Acknowledgement(match (mine, taken) {
            (Some(have), _) => Acknowledgement::AlreadyYours { at: have.at },
            (None, Some((by, at))) => Acknowledgement::AlreadyTaken { by, at },
            (None, None) => Acknowledgement::Closed,
        });
        let late = |c: &&Arc<CallOut>| {
            matches!(c.status, Status::Acknowledged { .. }) && !has(c, &person) && !c.late.contains(&person)
        };
        for call_out in of.iter().filter(late).map(|c| c.id) {
            let (person, said_by) = (person.clone(), said_by.clone());
            d.record(state, Record::Acknowledged { call_out, person, page: Some(id), via, said_by, late: true });
        }
        return;
    }
    let mut incidents: Vec<IncidentId> = Vec::new();
    for incident in of.iter().filter(asking).filter_map(|c| c.incident) {
        if !incidents.contains(&incident) {
            incidents.push(incident);
        }
    }
    let also = incidents.iter().skip(1).copied().collect();
    d.answer = Answer::Acknowledgement(Acknowledgement::Yours { incident: incidents.first().copied(), also });
    let all: Vec<CallOutId> = state
        .paging
        .call_outs
        .values()
        .filter(|c| c.status == Status::Paging && !has(c, &person))
        .filter(|c| {
            let same = c.incident.is_some_and(|incident| incidents.contains(&incident));
            page.call_outs().any(|id| id == c.id) || (same && c.called.contains_key(&person))
        })
        .map(|c| c.id)
        .collect();
    for call_out in all.iter().copied() {
        let page = page.call_outs().any(|of| of == call_out).then_some(id);
        let (person, said_by, by_whom) = (person.clone(), said_by.clone(), person.clone());
        d.record(state, Record::Acknowledged { call_out, person, page, via, said_by, late: false });
        task::taken(state, d, call_out, &by_whom, via);
        let done = &state.paging.call_outs[&call_out];
        if matches!(done.status, Status::Acknowledged { .. }) {
            // A test page, or one about callout itself, asks for nothing further.
            if done.incident.is_none() {
                d.record(state, Record::CallOutEnded { call_out, why: CallOutEnd::Answered });
            }
            cancel_queued(state, d, call_out);
        }
    }
    notice::taken(state, d, &all, &person);
}

/// Somebody says "I can't", for all that the page stands for and for all that those incidents called them for: they are
/// left alone, and the next is paged at once when nobody else of the level is left. Who had it and gives it back sets
/// the paging going again.
pub(in crate::domain) fn decline(state: &mut State, d: &mut Decision, id: PageId, by: &Author) {
    let Some((page, of)) = of_page(state, id) else {
        d.answer = Answer::Acknowledgement(Acknowledgement::UnknownPage);
        return;
    };
    if of.iter().all(|c| matches!(c.status, Status::Ended { .. })) {
        d.answer = Answer::Acknowledgement(Acknowledgement::Closed);
        return;
    }
    let person = page.person.clone();
    let calls_them = |c: &&Arc<CallOut>| {
        let same = c.incident.is_some_and(|incident| of.iter().any(|o| o.incident == Some(incident)));
        (of.iter().any(|o| o.id == c.id) || same)
            && !matches!(c.status, Status::Ended { .. })
            && c.called.get(&person).is_some_and(|called| !called.declined)
    };
    let all: Vec<CallOutId> = state.paging.call_outs.values().filter(calls_them).map(|c| c.id).collect();
    for call_out in all {
        let said_by = for_somebody_else(by, &person);
        d.record(state, Record::Declined { call_out, person: person.clone(), via: by.via, said_by });
    }
    d.answer = Answer::Acknowledgement(Acknowledgement::Declined);
}

/// Somebody who said "I have got this" a moment ago says that it was a mistake: the paging goes on at once, with them
/// still on the list.
pub(in crate::domain) fn take_back(state: &mut State, d: &mut Decision, id: PageId, by: &Author) {
    let Some((page, of)) = of_page(state, id) else {
        d.answer = Answer::Acknowledgement(Acknowledgement::UnknownPage);
        return;
    };
    let person = page.person.clone();
    let mine = |c: &&Arc<CallOut>| {
        let same = c.incident.is_some_and(|incident| of.iter().any(|o| o.incident == Some(incident)));
        (of.iter().any(|o| o.id == c.id) || same)
            && !matches!(c.status, Status::Ended { .. })
            && c.acknowledged.iter().any(|have| have.person == person && after(have.at, UNDO_WITHIN) >= d.at)
    };
    let all: Vec<CallOutId> = state.paging.call_outs.values().filter(mine).map(|c| c.id).collect();
    if all.is_empty() {
        let over = of.iter().all(|c| matches!(c.status, Status::Ended { .. }));
        d.answer = if over {
            Answer::Acknowledgement(Acknowledgement::Closed)
        } else {
            Answer::Refused(
                "there is nothing of the last two minutes to take back; say \"I can't\" instead, and the next is paged"
                    .to_owned(),
            )
        };
        return;
    }
    for call_out in all {
        let said_by = for_somebody_else(by, &person);
        d.record(state, Record::TakenBack { call_out, person: person.clone(), via: by.via, said_by });
    }
    d.answer = Answer::Acknowledgement(Acknowledgement::TakenBack);
}
