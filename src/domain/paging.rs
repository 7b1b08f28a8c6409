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

use super::decide::Decision;
use super::effect::{Effect, PageOrder};
use super::event::{Acknowledgement, Answer, Author, Receipt, SendResult, Via};
use super::id::{CallOutId, IncidentId, PageId, PersonId, PlaybookId, RoleId, Seq};
use super::incident;
use super::person::PageChannel;
use super::playbook::Severity;
use super::policy::Policy;
use super::record::{CallOutEnd, Record};
use super::state::State;
use super::time::{SignedDuration, Timestamp, after};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A level counts from its start when no send of it was accepted for this long; a transport answers within 15 s.
const FIRST_SEND_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// A test page that nobody answers ends after this.
const TEST_ENDS_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Ended call-outs kept in the state; all are in the log.
const ENDED_MAX: usize = 500;

/// Call-outs and their pages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Paging {
    /// Running ones, and the newest 500 that have ended.
    pub call_outs: BTreeMap<CallOutId, Arc<CallOut>>,
    /// Pages of those call-outs.
    pub pages: BTreeMap<PageId, Page>,
}

/// The paging of one step.
#[derive(Debug, Clone, PartialEq)]
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

/// Where a call-out stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// By what.
    pub via: Via,
}

/// How far the paging of one person is.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// One page: one attempt to reach one person by one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// What the figures in force say, or their defaults before a policy is loaded.
fn figures(state: &State) -> (super::policy::Figures, SignedDuration) {
    state.policy.in_force.as_ref().map_or_else(
        || (super::policy::Figures::default(), SignedDuration::from_mins(5)),
        |policy| (policy.figures.clone(), policy.rota.escalate_after),
    )
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

/// Starts the call-out of a step.
#[expect(clippy::too_many_arguments, reason = "the fields of one record")]
pub(super) fn start(
    state: &mut State,
    d: &mut Decision,
    incident: IncidentId,
    cause: String,
    step: (PlaybookId, u32),
    ladder: Vec<RoleId>,
    wanted: u32,
    severity: Severity,
) {
    let record = Record::CallOutStarted {
        incident: Some(incident),
        cause,
        step: Some(step),
        ladder,
        test: None,
        wanted: wanted.max(1),
        severity,
    };
    d.record(state, record);
}

/// Pages one person as a test.
pub(super) fn test(state: &mut State, d: &mut Decision, person: &PersonId, by: &Author) {
    let known = state.policy.in_force.as_ref().is_some_and(|policy| policy.people.contains_key(person));
    if !known {
        d.answer = Answer::Refused(format!("there is no person \"{person}\" in the people file"));
        return;
    }
    let record = Record::CallOutStarted {
        incident: None,
        cause: format!("test page asked for by {}", by.who),
        step: None,
        ladder: Vec::new(),
        test: Some(person.clone()),
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
        wanted: 1,
        severity: Severity::Wake,
    };
    d.answer = Answer::CallOut(d.record(state, record).into());
}

/// Somebody says "I have got this". It counts for every running call-out of the incident that called them.
pub(super) fn acknowledge(state: &mut State, d: &mut Decision, id: PageId, by: &Author) {
    let Some((page, call_out)) = of_page(state, id) else {
        d.answer = Answer::Acknowledgement(Acknowledgement::UnknownPage);
        return;
    };
    let person = page.person.clone();
    d.answer = Answer::Acknowledgement(match call_out.status {
        Status::Ended { .. } => Acknowledgement::Closed,
        _ => match call_out.acknowledged.iter().find(|have| have.person == person) {
            Some(have) => Acknowledgement::AlreadyYours { at: have.at },
            None => match (call_out.status, call_out.acknowledged.first()) {
                (Status::Acknowledged { at }, Some(have)) => {
                    Acknowledgement::AlreadyTaken { by: have.person.clone(), at }
                }
                _ => Acknowledgement::Yours { incident: call_out.incident },
            },
        },
    });
    let call_out_id = call_out.id;
    match &d.answer {
        Answer::Acknowledgement(Acknowledgement::Yours { .. }) => {}
        Answer::Acknowledgement(Acknowledgement::AlreadyTaken { .. }) if !call_out.late.contains(&person) => {
            let record =
                Record::Acknowledged { call_out: call_out_id, person, page: Some(id), via: by.via, late: true };
            d.record(state, record);
            return;
        }
        _ => return,
    }
    let also: Vec<CallOutId> = state
        .paging
        .call_outs
        .values()
        .filter(|c| {
            c.id == call_out.id
                || (c.incident.is_some()
                    && c.incident == call_out.incident
                    && c.status == Status::Paging
                    && c.called.contains_key(&person)
                    && !c.acknowledged.iter().any(|have| have.person == person))
        })
        .map(|c| c.id)
        .collect();
    for call_out in also {
        let page = (state.paging.pages.get(&id).map(|page| page.call_out) == Some(call_out)).then_some(id);
        d.record(state, Record::Acknowledged { call_out, person: person.clone(), page, via: by.via, late: false });
        let done = &state.paging.call_outs[&call_out];
        if matches!(done.status, Status::Acknowledged { .. }) {
            // A test page, or one about callout itself, asks for nothing further.
            let answered = done.incident.is_none();
            cancel_queued(state, d, call_out);
            if answered {
                d.record(state, Record::CallOutEnded { call_out, why: CallOutEnd::Answered });
            }
        }
    }
}

/// Somebody says "I can't", for all that the incident called them for: they are left alone, and the next is paged at
/// once when nobody else of the level is left. Who had it and gives it back sets the paging going again.
pub(super) fn decline(state: &mut State, d: &mut Decision, id: PageId, by: &Author) {
    let Some((page, call_out)) = of_page(state, id) else {
        d.answer = Answer::Acknowledgement(Acknowledgement::UnknownPage);
        return;
    };
    if matches!(call_out.status, Status::Ended { .. }) {
        d.answer = Answer::Acknowledgement(Acknowledgement::Closed);
        return;
    }
    let (person, this, incident) = (page.person.clone(), call_out.id, call_out.incident);
    let calls_them = |c: &&Arc<CallOut>| {
        (c.id == this || (incident.is_some() && c.incident == incident))
            && !matches!(c.status, Status::Ended { .. })
            && c.called.get(&person).is_some_and(|called| !called.declined)
    };
    let all: Vec<CallOutId> = state.paging.call_outs.values().filter(calls_them).map(|c| c.id).collect();
    for call_out in all {
        d.record(state, Record::Declined { call_out, person: person.clone(), via: by.via });
    }
    d.answer = Answer::Acknowledgement(Acknowledgement::Declined);
}

/// What became of a send. A second outcome for the same page changes nothing.
pub(super) fn outcome(state: &mut State, d: &mut Decision, id: PageId, outcome: &SendResult) {
    if state.paging.pages.get(&id).is_some_and(|page| page.outcome.is_none()) {
        d.record(state, Record::PageSent { page: id, outcome: outcome.clone() });
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
        let Some((page, call_out)) = of_page(state, id) else { continue };
        let (page, call_out) = (page.clone(), Arc::clone(call_out));
        let waits =
            call_out.test.is_some() || call_out.called.get(&page.person).is_some_and(|called| called.next_at.is_some());
        if call_out.status == Status::Paging && waits {
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
        cancel_queued(state, d, call_out);
        d.record(state, Record::CallOutEnded { call_out, why: CallOutEnd::StoodDown });
    }
}

fn of_page(state: &State, id: PageId) -> Option<(&Page, &Arc<CallOut>)> {
    let page = state.paging.pages.get(&id)?;
    Some((page, state.paging.call_outs.get(&page.call_out)?))
}

fn cancel_queued(state: &State, d: &mut Decision, call_out: CallOutId) {
    let queued: Vec<PageId> = state
        .paging
        .pages
        .iter()
        .filter(|(_, page)| page.call_out == call_out && page.outcome.is_none())
        .map(|(id, _)| *id)
        .collect();
    if !queued.is_empty() {
        // Pages of this very decision have not been handed out yet: they are not sent at all.
        d.effects.push(Effect::CancelPages(queued));
    }
}

/// Does all that is due: the most severe first, then the newest.
pub(super) fn step(state: &mut State, d: &mut Decision) {
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
    if call_out.test.is_some() && after(call_out.started_at, TEST_ENDS_AFTER) <= now {
        return Due::TestOver;
    }
    if level_deadline(state, call_out).is_some_and(|deadline| deadline <= now) {
        let next = call_out.level.map_or(0, |level| level + 1);
        let has = call_out.test.is_some() && next == 0 || (next as usize) < call_out.ladder.len();
        return if has { Due::Level(next) } else { Due::Widen };
    }
    let waiting = call_out.called.iter().filter(|(_, called)| called.next_at.is_some_and(|at| at <= now));
    Due::People(waiting.map(|(person, _)| person.clone()).collect())
}

/// When the next level (or everybody) is called in; `None` for a test page under way.
fn level_deadline(state: &State, call_out: &CallOut) -> Option<Timestamp> {
    let (figures, escalate_after) = figures(state);
    let Some(level) = call_out.level else { return Some(call_out.level_at) };
    if call_out.test.is_some() {
        return None;
    }
    let policy = state.policy.in_force.as_deref();
    let awake = |at: Timestamp| in_the_morning(policy, call_out.severity, at);
    if let Some(widened_at) = call_out.widened_at {
        return Some(awake(after(widened_at, figures.widen_every)));
    }
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
        Status::Acknowledged { at } => {
            let (figures, _) = figures(state);
            let incident = state.incidents.by_id.get(&call_out.incident?)?;
            let moved = incident.progress_at.is_some_and(|progress| progress >= at);
            (call_out.severity <= Severity::Wake && !moved).then(|| after(at, figures.acknowledgement_expires))
        }
        Status::Paging => {
            let people = call_out.called.values().filter_map(|called| called.next_at).min();
            let test = call_out.test.as_ref().map(|_| after(call_out.started_at, TEST_ENDS_AFTER));
            [level_deadline(state, call_out), people, test].into_iter().flatten().min()
        }
    }
}

/// The next instant at which a call-out must do something.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    state.paging.call_outs.values().filter_map(|call_out| deadline(state, call_out)).min()
}

fn start_level(state: &mut State, d: &mut Decision, policy: &Policy, call_out: &CallOut, level: u32) {
    let (people, passed) = match (&call_out.test, call_out.ladder.get(level as usize)) {
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
    d.record(state, Record::LevelStarted { call_out: call_out.id, level, people, passed });
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
fn all_at_once(call_out: &CallOut) -> bool {
    call_out.severity == Severity::DangerToLife || call_out.test.is_some()
}

/// When to do what would be done at `at`: severity 3 waits for the morning, that is for core hours to begin.
fn in_the_morning(policy: Option<&Policy>, severity: Severity, at: Timestamp) -> Timestamp {
    let night = |policy: &&Policy| severity == Severity::Morning && !policy.calendar.is_core(at);
    policy.filter(night).and_then(|policy| policy.calendar.next_change(at)).unwrap_or(at)
}

/// When a person who is called in at `at` is paged first: at once, but not by a text at night for severity 3.
fn first_at(policy: Option<&Policy>, person: &PersonId, severity: Severity, at: Timestamp) -> Timestamp {
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
        d.record(state, Record::Declined { call_out: call_out.id, person: person.clone(), via: Via::System });
        return;
    };
    if all_at_once(call_out) {
        for channel in channels {
            intend(state, d, call_out, person, channel, attempt, None);
        }
    } else if night && channels.contains(&PageChannel::Email) {
        intend(state, d, call_out, person, PageChannel::Email, attempt, None);
    } else {
        intend(state, d, call_out, person, channel, attempt, None);
    }
}

/// The number of the next attempt to reach a person; pages that go by all channels at once are one attempt.
fn next_attempt(call_out: &CallOut, person: &PersonId) -> u32 {
    call_out.called.get(person).map_or(0, |called| called.attempts) + 1
}

/// Announces a page and orders its send.
fn intend(
    state: &mut State,
    d: &mut Decision,
    call_out: &CallOut,
    person: &PersonId,
    channel: PageChannel,
    attempt: u32,
    repeats: Option<PageId>,
) {
    let record = Record::PageIntended { call_out: call_out.id, person: person.clone(), channel, attempt, repeats };
    let page = PageId::from(d.record(state, record));
    let now = Arc::clone(&state.paging.call_outs[&call_out.id]);
    let incident = call_out.incident.and_then(|id| state.incidents.by_id.get(&id));
    let playbook = call_out.step.as_ref().and_then(|(id, _)| {
        let version = &incident?.activations.get(id)?.version;
        state.policy.playbooks.get(&(id.clone(), version.clone()))
    });
    let title = match (&call_out.test, playbook, incident) {
        (Some(_), _, _) => "Test page".to_owned(),
        (None, Some(playbook), _) => playbook.title.clone(),
        (None, None, Some(incident)) => incident.topic.as_str().replace('_', " "),
        (None, None, None) => "callout itself".to_owned(),
    };
    let level = now.called.get(person).map_or(0, |called| called.level) as usize;
    let policy = state.policy.in_force.as_ref();
    let role = call_out
        .ladder
        .get(level)
        .and_then(|role| Some(policy?.rota.roles.get(role)?.title.clone()))
        .unwrap_or_else(|| "on the list of last resort".to_owned());
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
        next_level_at: level_deadline(state, &now).filter(|_| call_out.test.is_none()),
        exercise: incident.is_some_and(|incident| incident.exercise),
        test: call_out.test.is_some(),
    })));
}

/// Applies the records of call-outs and pages.
pub(super) fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    match record {
        Record::CallOutStarted { incident, cause, step, ladder, test, wanted, severity } => {
            let call_out = CallOut {
                id: seq.into(),
                incident: *incident,
                cause: cause.clone(),
                step: step.clone(),
                ladder: ladder.clone(),
                test: test.clone(),
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
        Record::LevelStarted { call_out, level, people, passed } => {
            let policy = state.policy.in_force.clone();
            change(state, *call_out, |call_out| {
                call_out.level = Some(*level);
                call_out.level_at = at;
                call_out.counted_from = passed.as_ref().map(|_| at);
                for person in people {
                    let called = call_out.called.entry(person.clone()).or_insert_with(Called::new);
                    called.level = *level;
                    called.next_at = Some(first_at(policy.as_deref(), person, call_out.severity, at));
                }
            });
        }
        Record::PageIntended { call_out, person, channel, attempt, repeats: _ } => {
            let page = Page {
                call_out: *call_out,
                person: person.clone(),
                channel: *channel,
                attempt: *attempt,
                at,
                outcome: None,
                receipt: None,
            };
            Arc::make_mut(&mut state.paging).pages.insert(seq.into(), page);
            let (figures, escalate_after) = figures(state);
            let policy = state.policy.in_force.clone();
            let used = channels(policy.as_deref(), person).iter().position(|c| c == channel).unwrap_or(0);
            change(state, *call_out, |call_out| {
                let lower = call_out.level.is_some_and(|level| level > 0);
                let widened = call_out.widened_at.is_some();
                let Some(called) = call_out.called.get_mut(person) else { return };
                called.attempts = *attempt;
                called.used.insert(*channel, at);
                called.next_channel = used + 1;
                let wait = match (widened, lower && Some(called.level) < call_out.level) {
                    (true, _) => figures.widen_every,
                    (false, true) => escalate_after,
                    (false, false) => figures.repeat_after.min(figures.receipt_deadline),
                };
                let next_at = in_the_morning(policy.as_deref(), call_out.severity, after(at, wait));
                called.next_at = call_out.test.is_none().then_some(next_at);
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
                    let policy = state.policy.in_force.clone();
                    let used = channels(policy.as_deref(), &page.person).iter().position(|c| *c == page.channel);
                    change(state, page.call_out, |call_out| {
                        if let Some(called) = call_out.called.get_mut(&page.person) {
                            called.next_channel = used.unwrap_or(0);
                        }
                    });
                }
                Receipt::Failed => failed(state, &page, at, true),
                Receipt::Underway => {}
            }
        }
        Record::CallOutWidened { call_out, people } => {
            let policy = state.policy.in_force.clone();
            let (figures, _) = figures(state);
            change(state, *call_out, |call_out| {
                call_out.widened_at = Some(at);
                let severity = call_out.severity;
                for person in people {
                    let called = call_out
                        .called
                        .entry(person.clone())
                        .or_insert_with(|| Called { level: u32::MAX, ..Called::new() });
                    called.declined = false;
                    let first = first_at(policy.as_deref(), person, severity, at);
                    // Whoever was paged by the same channel a moment ago need not be paged twice in a breath.
                    let theirs = channels(policy.as_deref(), person);
                    let next = theirs.get(called.next_channel % theirs.len().max(1));
                    let used = next.and_then(|next| called.used.get(next));
                    called.next_at = Some(used.map_or(first, |used| first.max(after(*used, figures.repeat_after))));
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
            call_out.acknowledged.retain(|have| have.person != *person);
            if let Some(called) = call_out.called.get_mut(person) {
                called.declined = true;
                called.next_at = None;
            }
            let wanting = call_out.acknowledged.len() < call_out.wanted as usize;
            if wanting && matches!(call_out.status, Status::Acknowledged { .. }) {
                // Given back: whoever had been called, and was told that it is taken, is called again.
                call_out.status = Status::Paging;
                call_out.late.clear();
                let has_it: BTreeSet<_> = call_out.acknowledged.iter().map(|have| have.person.clone()).collect();
                for (person, called) in &mut call_out.called {
                    if !called.declined && !has_it.contains(person) {
                        called.next_at = Some(at);
                    }
                }
            }
        }),
        Record::AcknowledgementExpired { call_out } => change(state, *call_out, |call_out| {
            call_out.status = Status::Paging;
            call_out.acknowledged.clear();
            call_out.late.clear();
            call_out.level = None;
            call_out.level_at = at;
            call_out.counted_from = None;
            call_out.widened_at = None;
            for called in call_out.called.values_mut() {
                called.next_at = None;
                called.declined = false;
                called.failed.clear();
            }
        }),
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

fn apply_outcome(state: &mut State, id: PageId, outcome: &SendResult, at: Timestamp) {
    let Some(page) = Arc::make_mut(&mut state.paging).pages.get_mut(&id) else { return };
    page.outcome = Some((outcome.clone(), at));
    let page = page.clone();
    match outcome {
        SendResult::Accepted => change(state, page.call_out, |call_out| {
            let level = call_out.level;
            let Some(called) = call_out.called.get_mut(&page.person) else { return };
            called.failed.remove(&page.channel);
            if Some(called.level) == level && call_out.counted_from.is_none() {
                call_out.counted_from = Some(at);
            }
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
    change(state, page.call_out, |call_out| {
        let (level, at_once) = (call_out.level, all_at_once(call_out));
        let severity = call_out.severity;
        let Some(called) = call_out.called.get_mut(&page.person) else { return };
        if surely {
            called.failed.insert(page.channel);
        }
        let newest = page.attempt == called.attempts;
        if let (Some(next_at), true, false) = (called.next_at, newest, at_once) {
            let theirs = channels(policy.as_deref(), &page.person);
            let next = theirs.get(called.next_channel % theirs.len().max(1));
            let free_at =
                next.and_then(|next| called.used.get(next)).map_or(at, |used| after(*used, figures.repeat_after));
            let sooner = in_the_morning(policy.as_deref(), severity, free_at.max(at));
            called.next_at = Some(next_at.min(sooner));
        }
        let out_of_reach =
            call_out.called.iter().filter(|(_, called)| Some(called.level) == level).all(|(person, called)| {
                let theirs = channels(policy.as_deref(), person);
                called.declined || theirs.iter().all(|channel| called.failed.contains(channel))
            });
        if surely && out_of_reach && call_out.counted_from.is_none() {
            // Nobody of the level can be reached by anything: the recorded outcomes are the reason to go on at once.
            let longest = SignedDuration::from_hours(24 * 365);
            call_out.counted_from = Some(after(at, -longest));
        }
    });
}

/// After a restart a level of which no send was accepted counts afresh: it has not been really called, however long
/// callout was down, so it is not passed.
pub(super) fn apply_started(state: &mut State, at: Timestamp) {
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
        }
    }
}

fn channels<'a>(policy: Option<&'a Policy>, person: &PersonId) -> &'a [PageChannel] {
    policy.and_then(|policy| policy.people.get(person)).map_or(&[], |person| person.channels.as_slice())
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
        paging.pages.retain(|_, page| page.call_out != *id);
    }
}
