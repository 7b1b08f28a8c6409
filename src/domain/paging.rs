//! Pages until somebody says "I have got this".
//!
//! A call-out climbs a ladder of roles. Each level pages whoever is on call there now; each person by their channels
//! in order, again every two minutes; five minutes after a level's first real send the next level joins in, and the
//! levels below go on being tried. A level with nobody on call, or nobody who can be reached, is passed at once and
//! says so. When the ladder is exhausted, everybody is paged, again and again, until a human acts.
//!
//! Invariant: a page's record is made before its send is ordered, and a running call-out always has a deadline, so no
//! page ends in silence. Retries and the next channel are decided here; transports only send.
//!
//! Not here: who is on call (see [`crate::domain::rota`]), the words of a page (see [`crate::domain::message`]).

mod answers;
mod apply;
mod ask;
mod ladder;
pub mod limit;
pub mod news;
mod share;

pub(super) use answers::{acknowledge, decline, take_back};
pub(super) use apply::{apply, apply_started};
pub(super) use ask::{escalate, hand_over};
use ladder::{intend, next_attempt};
pub(super) use ladder::{next_deadline, step, title};

use super::decide::Decision;
use super::effect::Effect;
use super::event::{Answer, Author, Receipt, SendResult, Via};
use super::id::{CallOutId, IncidentId, PageId, PersonId, PlaybookId, RoleId};
use super::person::PageChannel;
use super::playbook::Severity;
use super::policy::Policy;
use super::problem::did_you_mean;
use super::record::{CallOutEnd, Record};
use super::state::State;
use super::time::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Call-outs and their pages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Paging {
    /// Running ones, and the newest 500 that have ended.
    pub call_outs: BTreeMap<CallOutId, Arc<CallOut>>,
    /// Pages of those call-outs.
    pub pages: BTreeMap<PageId, Page>,
    /// When each person was last sent something by each channel, exercises apart: the newest [`limit::REMEMBERED`].
    #[serde(with = "super::pairs")]
    pub sent: BTreeMap<Way, Vec<Timestamp>>,
}

/// A person and a channel; an exercise never uses up what is live.
pub type Way = (PersonId, PageChannel, bool);

impl Paging {
    /// Whether somebody is still asked for what this page stands for.
    pub fn is_asking(&self, page: &Page) -> bool {
        page.call_outs().any(|id| self.call_outs.get(&id).is_some_and(|c| c.status == Status::Paging))
    }
}

/// The paging of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallOut {
    /// Its id.
    pub id: CallOutId,
    /// For which incident; `None` for a test page.
    pub incident: Option<IncidentId>,
    /// Why, in words.
    pub cause: String,
    /// Which playbook's step.
    pub step: Option<(PlaybookId, u32)>,
    /// Roles, one a level.
    pub ladder: Vec<RoleId>,
    /// For a test page: whom.
    pub test: Option<PersonId>,
    /// For a hand-over: who is asked to take the incident.
    pub to: Option<PersonId>,
    /// So many must say "I have got this".
    pub wanted: u32,
    /// How bad.
    pub severity: Severity,
    /// Since.
    pub started_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// The level being paged; `None` before the first.
    pub level: Option<u32>,
    /// When that level began.
    pub level_at: Timestamp,
    /// From when the time to the next level counts: the level's first accepted send, or a recorded reason.
    pub counted_from: Option<Timestamp>,
    /// When everybody was last called in, if so.
    pub widened_at: Option<Timestamp>,
    /// People called so far.
    pub called: BTreeMap<PersonId, Called>,
    /// Who has it.
    pub acknowledged: Vec<Acknowledged>,
    /// Who said so too when somebody had it already, and was told who.
    pub late: BTreeSet<PersonId>,
}

impl CallOut {
    /// The one person it is for, where it has no ladder and never calls everybody: a test, or a hand-over.
    pub fn only(&self) -> Option<&PersonId> {
        self.test.as_ref().or(self.to.as_ref())
    }
}

/// Where a call-out stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Paging.
    Paging,
    /// Enough people have it.
    Acknowledged {
        /// Since.
        at: Timestamp,
    },
    /// Over.
    Ended {
        /// Since.
        at: Timestamp,
        /// Why.
        why: CallOutEnd,
    },
}

/// One "I have got this".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// By what.
    pub via: Via,
}

/// How far the paging of one person is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The level that called them.
    pub level: u32,
    /// When they are paged next; `None` when they are not.
    pub next_at: Option<Timestamp>,
    /// Index of the channel to use next.
    pub next_channel: usize,
    /// Pages so far.
    pub attempts: u32,
    /// When each channel was last used for them.
    pub used: BTreeMap<PageChannel, Timestamp>,
    /// Channels that failed when they were last used.
    pub failed: BTreeSet<PageChannel>,
    /// They said "I can't".
    pub declined: bool,
    /// They were called since the paging began, or began again.
    pub in_round: bool,
}

/// One page: one attempt to reach one person by one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its call-out.
    pub call_out: CallOutId,
    /// Whom.
    pub person: PersonId,
    /// By what.
    pub channel: PageChannel,
    /// 1 for the first.
    pub attempt: u32,
    /// When it was announced.
    pub at: Timestamp,
    /// What the transport said, and when; `None` while it is waiting or being sent.
    pub outcome: Option<(SendResult, Timestamp)>,
    /// What the network said, and when.
    pub receipt: Option<(Receipt, Timestamp)>,
    /// The other call-outs that it stands for, with its number among the attempts of each.
    pub also: Vec<(CallOutId, u32)>,
}

impl Page {
    /// All call-outs that it stands for, its own first.
    pub fn call_outs(&self) -> impl Iterator<Item = CallOutId> + '_ {
        std::iter::once(self.call_out).chain(self.also.iter().map(|(id, _)| *id))
    }

    /// The same, with its number among the attempts of each.
    fn attempts(&self) -> Vec<(CallOutId, u32)> {
        std::iter::once((self.call_out, self.attempt)).chain(self.also.iter().copied()).collect()
    }
}

/// What the figures in force say, or their defaults before a policy is loaded.
fn figures(state: &State) -> (super::policy::Figures, SignedDuration) {
    state.policy.in_force.as_ref().map_or_else(
        || (super::policy::Figures::default(), SignedDuration::from_mins(5)),
        |policy| (policy.figures.clone(), policy.rota.escalate_after),
    )
}

/// The channels of a person in their order; none for somebody who is not in the people file.
fn channels<'a>(policy: Option<&'a Policy>, person: &PersonId) -> &'a [PageChannel] {
    policy.and_then(|policy| policy.people.get(person)).map_or(&[], |person| person.channels.as_slice())
}

/// The running or acknowledged call-out of this incident that has called the role in, if any: for as many people at
/// least, and as loudly. A role that stands higher up a ladder and has not been reached is not called in.
pub(super) fn covering(
    state: &State,
    incident: IncidentId,
    role: &RoleId,
    wanted: u32,
    severity: Severity,
) -> Option<CallOutId> {
    let covers = |c: &&Arc<CallOut>| {
        let reached = c.level.map_or(1, |level| level as usize + 1);
        c.incident == Some(incident)
            && !matches!(c.status, Status::Ended { .. })
            && c.ladder.iter().take(reached).any(|called| called == role)
            && c.wanted >= wanted
            && c.severity <= severity
    };
    state.paging.call_outs.values().find(covers).map(|c| c.id)
}

/// Starts the call-out of a step; without one, of a surge that no playbook is for.
#[expect(clippy::too_many_arguments, reason = "the fields of one record")]
pub(super) fn start(
    state: &mut State,
    d: &mut Decision,
    incident: IncidentId,
    cause: String,
    step: Option<(PlaybookId, u32)>,
    ladder: Vec<RoleId>,
    wanted: u32,
    severity: Severity,
) -> CallOutId {
    let record = Record::CallOutStarted {
        incident: Some(incident),
        cause,
        step,
        ladder,
        test: None,
        to: None,
        wanted: wanted.max(1),
        severity,
    };
    d.record(state, record).into()
}

/// Whether anybody is being paged for the incident; it has several call-outs, one a step.
fn is_paging_for(state: &State, incident: IncidentId) -> bool {
    state.paging.call_outs.values().any(|c| {
        // Whoever asks another to take over has it meanwhile.
        c.incident == Some(incident) && c.status == Status::Paging && c.to.is_none()
    })
}

/// Since when somebody has had all that the incident pages for: `None` while it still pages, `Some(None)` when it
/// never did.
pub(super) fn had_since(state: &State, incident: IncidentId) -> Option<Option<Timestamp>> {
    let since = |c: &Arc<CallOut>| match c.status {
        Status::Acknowledged { at } if c.incident == Some(incident) => Some(at),
        _ => None,
    };
    (!is_paging_for(state, incident)).then(|| state.paging.call_outs.values().filter_map(since).max())
}

/// What a call-out was about has been seen to by other means: it ends, if it still runs.
pub(super) fn answer(state: &mut State, d: &mut Decision, call_out: CallOutId) {
    let runs = state.paging.call_outs.get(&call_out).is_some_and(|c| !matches!(c.status, Status::Ended { .. }));
    if runs {
        d.record(state, Record::CallOutEnded { call_out, why: CallOutEnd::Answered });
        cancel_queued(state, d, call_out);
    }
}

/// Pages one person as a test.
pub(super) fn test(state: &mut State, d: &mut Decision, person: &PersonId, by: &Author) {
    let people = state.policy.in_force.as_ref().map(|policy| &policy.people);
    if !people.is_some_and(|people| people.contains_key(person)) {
        let ids = people.into_iter().flat_map(|people| people.keys()).map(PersonId::as_str);
        let help = match did_you_mean(person.as_str(), ids) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "give an id that stands there, e.g. priya.nair".to_owned(),
        };
        d.answer = Answer::Refused(format!("there is no person \"{person}\" in the people file; {help}"));
        return;
    }
    let record = Record::CallOutStarted {
        incident: None,
        cause: format!("test page asked for by {}", by.who),
        step: None,
        ladder: Vec::new(),
        test: Some(person.clone()),
        to: None,
        wanted: 1,
        severity: Severity::Wake,
    };
    d.answer = Answer::CallOut(d.record(state, record).into());
}

/// The role that is paged when callout itself is in trouble; without it, the list of last resort is.
const ADMINISTRATOR: &str = "administrator";

/// callout itself is in trouble. One call-out for the same trouble at a time.
pub(super) fn alarm(state: &mut State, d: &mut Decision, cause: &str) {
    let running = state.paging.call_outs.values().find(|c| {
        c.incident.is_none() && c.test.is_none() && c.cause == cause && !matches!(c.status, Status::Ended { .. })
    });
    if let Some(running) = running {
        d.answer = Answer::CallOut(running.id);
        return;
    }
    let role = RoleId::from(ADMINISTRATOR);
    let known = state.policy.in_force.as_ref().is_some_and(|policy| policy.rota.roles.contains_key(&role));
    let record = Record::CallOutStarted {
        incident: None,
        cause: cause.to_owned(),
        step: None,
        ladder: known.then_some(role).into_iter().collect(),
        test: None,
        to: None,
        wanted: 1,
        severity: Severity::Wake,
    };
    d.answer = Answer::CallOut(d.record(state, record).into());
}

/// What became of a send. A second outcome for the same page changes nothing.
pub(super) fn outcome(state: &mut State, d: &mut Decision, id: PageId, outcome: &SendResult) {
    if state.paging.pages.get(&id).is_some_and(|page| page.outcome.is_none()) {
        d.record(state, Record::PageSent { page: id, outcome: outcome.clone() });
    }
}

/// By which provider a page goes, where others were passed over: written down, and nothing follows from it.
pub(super) fn routed(state: &mut State, d: &mut Decision, id: PageId, by: &str, passed: &[(String, String)]) {
    if state.paging.pages.get(&id).is_some_and(|page| page.outcome.is_none()) {
        d.record(state, Record::PageRouted { page: id, by: by.to_owned(), passed: passed.to_vec() });
    }
}

/// What the network says later. Status never goes back, in whatever order receipts come.
pub(super) fn receipt(state: &mut State, d: &mut Decision, id: PageId, receipt: Receipt) {
    let news = state.paging.pages.get(&id).is_some_and(|page| page.receipt.is_none_or(|(known, _)| known < receipt));
    if news {
        d.record(state, Record::PageReceipt { page: id, receipt });
    }
}

/// After a restart: what was announced and has no outcome goes out again, marked as a repeat.
pub(super) fn send_again(state: &mut State, d: &mut Decision) {
    let open: Vec<PageId> =
        state.paging.pages.iter().filter(|(_, page)| page.outcome.is_none()).map(|(id, _)| *id).collect();
    for id in open {
        let why = "callout stopped before the outcome was known".to_owned();
        d.record(state, Record::PageSent { page: id, outcome: SendResult::Unknown { why } });
        let Some(page) = state.paging.pages.get(&id).cloned() else { continue };
        let waits = |c: &&Arc<CallOut>| {
            let called = c.called.get(&page.person);
            // Not when a page of this very moment stood for it already.
            let sent_now = called.and_then(|called| called.used.get(&page.channel)) == Some(&d.at);
            let waits = c.only().is_some() || called.is_some_and(|called| called.next_at.is_some());
            c.status == Status::Paging && waits && !(share::is_shared(c) && sent_now && !page.at.eq(&d.at))
        };
        let first = page.call_outs().filter_map(|id| state.paging.call_outs.get(&id)).find(waits).cloned();
        if let Some(call_out) = first {
            let attempt = next_attempt(&call_out, &page.person);
            intend(state, d, &call_out, &page.person, page.channel, attempt, Some(id));
        }
    }
}

/// The incident is over: so is its paging.
pub(super) fn end_for(state: &mut State, d: &mut Decision, incident: IncidentId) {
    let running: Vec<CallOutId> = state
        .paging
        .call_outs
        .values()
        .filter(|c| c.incident == Some(incident) && !matches!(c.status, Status::Ended { .. }))
        .map(|c| c.id)
        .collect();
    for call_out in running {
        d.record(state, Record::CallOutEnded { call_out, why: CallOutEnd::StoodDown });
        cancel_queued(state, d, call_out);
    }
}

/// Stops what still waits to be sent and that nobody is asked for any more.
fn cancel_queued(state: &State, d: &mut Decision, call_out: CallOutId) {
    let queued: Vec<PageId> = state
        .paging
        .pages
        .iter()
        .filter(|(_, page)| page.outcome.is_none() && page.call_outs().any(|id| id == call_out))
        .filter(|(_, page)| !state.paging.is_asking(page))
        .map(|(id, _)| *id)
        .collect();
    if !queued.is_empty() {
        // Pages of this very decision have not been handed out yet: they are not sent at all.
        d.effects.push(Effect::CancelPages(queued));
    }
}
