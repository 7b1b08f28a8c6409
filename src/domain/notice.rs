//! Notices: messages that ask for no answer.
//!
//! Two things are worth a word to somebody who need do nothing about it. Whoever was paged hears that another has it, so
//! that they can go back to sleep. Whoever has an incident hears of new causes, as in a control room: at most one
//! message in ten minutes for all that they have, since an alarm that needs no response is no alarm. What joins while
//! people are still being paged is in their pages.
//!
//! A notice is announced before it is sent, as a page is, and goes another way when one fails, three times at most;
//! nothing climbs when it is lost. Not here: what must be answered ([`super::paging`]), the words
//! ([`super::message`]).

use super::decide::Decision;
use super::effect::{Effect, NoticeOrder, Waiting};
use super::event::{Receipt, SendResult};
use super::id::{CallOutId, IncidentId, NoticeId, PersonId, Seq};
use super::paging::news::{Told, worth_telling};
use super::paging::{CallOut, Status, title};
use super::person::PageChannel;
use super::playbook::Severity;
use super::record::{Cause, Record};
use super::state::State;
use super::time::{SignedDuration, Timestamp, after};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// News to one person at most so often (design.md, figures in force); danger to life is exempt.
pub const NEWS_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// A notice is tried so often.
const TRIES_MAX: u32 = 3;
/// Notices kept in the state once they have an outcome; all are in the log.
const KEPT_MAX: usize = 200;

/// Notices, and what each holder of an incident knows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Notices {
    /// Those without an outcome, and the newest 200 others.
    pub by_id: BTreeMap<NoticeId, Notice>,
    /// What whoever has an incident was last told of its causes.
    #[serde(with = "super::pairs")]
    pub told: BTreeMap<(PersonId, IncidentId), Told<Cause>>,
    /// When each person was last sent news.
    pub news_at: BTreeMap<PersonId, Timestamp>,
    /// Incidents of which there may be something to tell.
    pub moved: BTreeSet<IncidentId>,
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Whom.
    pub person: PersonId,
    /// By what.
    pub channel: PageChannel,
    /// What it says.
    pub about: About,
    /// 1 for the first try.
    pub tries: u32,
    /// What the transport said, and when.
    pub outcome: Option<(SendResult, Timestamp)>,
}

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// Somebody has it; nothing to do any more.
    Taken {
        /// Which incidents.
        incidents: Vec<IncidentId>,
        /// Who.
        by: PersonId,
    },
    /// More is known of incidents that they have.
    News {
        /// Of which, and what is new.
        of: Vec<Fresh>,
    },
}

impl About {
    /// The incidents that it is about.
    pub fn incidents(&self) -> Vec<IncidentId> {
        match self {
            Self::Taken { incidents, .. } => incidents.clone(),
            Self::News { of } => of.iter().map(|fresh| fresh.incident).collect(),
        }
    }
}

/// What is new about one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    /// Which.
    pub incident: IncidentId,
    /// Causes that joined since.
    pub causes: Vec<Cause>,
}

/// Somebody has taken these call-outs: whoever else was really reached for them is told, once.
pub(super) fn taken(state: &mut State, d: &mut Decision, call_outs: &[CallOutId], by: &PersonId) {
    let mut others: BTreeMap<PersonId, (PageChannel, Vec<IncidentId>)> = BTreeMap::new();
    for call_out in call_outs.iter().filter_map(|id| state.paging.call_outs.get(id)) {
        let (Some(incident), None) = (call_out.incident, call_out.only()) else { continue };
        let over = matches!(call_out.status, Status::Acknowledged { .. });
        if !over || call_out.severity == Severity::Morning {
            continue;
        }
        let mut reached: BTreeMap<PersonId, PageChannel> = BTreeMap::new();
        for page in state.paging.pages.values().filter(|page| page.call_outs().any(|id| id == call_out.id)) {
            let gone = matches!(page.outcome, Some((SendResult::Accepted, _)));
            if gone && page.receipt.is_none_or(|(receipt, _)| receipt != Receipt::Failed) {
                reached.insert(page.person.clone(), page.channel);
            }
        }
        let left_alone = |person: &PersonId| {
            let called = call_out.called.get(person);
            person == by
                || call_out.acknowledged.iter().any(|have| have.person == *person)
                || called.is_none_or(|called| called.declined || !called.in_round)
        };
        for (person, channel) in reached.into_iter().filter(|(person, _)| !left_alone(person)) {
            let (_, incidents) = others.entry(person).or_insert_with(|| (channel, Vec::new()));
            if !incidents.contains(&incident) {
                incidents.push(incident);
            }
        }
    }
    for (person, (channel, incidents)) in others {
        intend(state, d, person, channel, About::Taken { incidents, by: by.clone() }, 1, None);
    }
}

/// Who has an incident: who took it over last, else who answered its first call-out.
fn holders(state: &State) -> BTreeMap<IncidentId, PersonId> {
    let moved = &state.notices.moved;
    let mut held: BTreeMap<IncidentId, &CallOut> = BTreeMap::new();
    let mut paging: BTreeSet<IncidentId> = BTreeSet::new();
    for call_out in state.paging.call_outs.values() {
        let Some(incident) = call_out.incident.filter(|incident| moved.contains(incident)) else { continue };
        match call_out.status {
            // While people are paged for it, it is in their pages.
            Status::Paging if call_out.to.is_none() => {
                paging.insert(incident);
            }
            Status::Acknowledged { .. } if call_out.to.is_some() || !held.contains_key(&incident) => {
                held.insert(incident, call_out);
            }
            _ => {}
        }
    }
    let person = |call_out: &CallOut| call_out.acknowledged.first().map(|have| have.person.clone());
    let held = held.into_iter().filter(|(incident, _)| !paging.contains(incident));
    held.filter_map(|(incident, call_out)| Some((incident, person(call_out)?))).collect()
}

/// What there is to tell: whom, since when it may be told, and what. An exercise is told apart from what is live.
fn pending(state: &State) -> BTreeMap<(PersonId, bool), (Timestamp, Vec<Fresh>)> {
    let mut found: BTreeMap<(PersonId, bool), (Timestamp, Vec<Fresh>)> = BTreeMap::new();
    if state.notices.moved.is_empty() {
        return found;
    }
    for (id, person) in holders(state) {
        let Some(incident) = state.incidents.open_one(id).filter(|i| i.severity <= Severity::Wake) else { continue };
        let Some(told) = state.notices.told.get(&(person.clone(), id)) else { continue };
        let (none, never) = (BTreeSet::new(), SignedDuration::MAX);
        if !worth_telling(Some(told), &incident.causes, &none, never, false, state.last_at) {
            continue;
        }
        let causes: Vec<Cause> = incident.causes.difference(&told.holding).copied().collect();
        let limit = state.notices.news_at.get(&person).map_or(told.at, |news| told.at.max(*news));
        let at = if causes.iter().any(|cause| is_danger(state, *cause)) { told.at } else { after(limit, NEWS_EVERY) };
        let entry = found.entry((person, incident.exercise)).or_insert((at, Vec::new()));
        entry.0 = entry.0.min(at);
        entry.1.push(Fresh { incident: id, causes });
    }
    found
}

/// Whether a cause by itself is danger to life, by any plan in force.
fn is_danger(state: &State, cause: Cause) -> bool {
    let Some(policy) = state.policy.in_force.as_ref() else { return false };
    let Cause::Signal(id) = cause else { return false };
    let Some(signal) = state.signals.get(id) else { return false };
    let mut plans = policy.playbooks.values().filter(|plan| plan.severity == Severity::DangerToLife);
    plans.any(|plan| plan.when.iter().any(|when| when.asks_for(signal)))
}

/// Tells what has become due.
pub(super) fn step(state: &mut State, d: &mut Decision) {
    for ((person, _), (at, of)) in pending(state) {
        if at > d.at {
            continue;
        }
        let policy = state.policy.in_force.as_ref();
        let channel = policy.and_then(|policy| policy.people.get(&person)?.channels.first().copied());
        intend(state, d, person, channel.unwrap_or(PageChannel::Email), About::News { of }, 1, None);
    }
}

/// When there is something to tell next.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    pending(state).into_values().map(|(at, _)| at).min()
}

fn intend(
    state: &mut State,
    d: &mut Decision,
    person: PersonId,
    channel: PageChannel,
    about: About,
    tries: u32,
    repeats: Option<NoticeId>,
) {
    let of = about.incidents();
    let title_of = |id: IncidentId| {
        let call_out = state.paging.call_outs.values().find(|c| c.incident == Some(id) && c.only().is_none());
        let topic = || state.incidents.by_id.get(&id).map(|i| i.topic.as_str().replace('_', " "));
        let title = call_out.map(|c| title(state, c)).or_else(topic).unwrap_or_default();
        Waiting { incident: id, title }
    };
    let list: Vec<Waiting> = of.iter().map(|id| title_of(*id)).collect();
    let evidence = match &about {
        About::Taken { .. } => Vec::new(),
        About::News { of } => of.iter().map(|fresh| newest_in_words(state, fresh)).collect(),
    };
    let exercise = of.first().and_then(|id| state.incidents.by_id.get(id)).is_some_and(|incident| incident.exercise);
    let by = match &about {
        About::Taken { by, .. } => Some(by.clone()),
        About::News { .. } => None,
    };
    let record = Record::NoticeIntended { person: person.clone(), channel, about, tries, repeats };
    let notice = NoticeId::from(d.record(state, record));
    d.effects.push(Effect::SendNotice(Box::new(NoticeOrder { notice, person, channel, by, list, evidence, exercise })));
}

fn newest_in_words(state: &State, fresh: &Fresh) -> String {
    let newest = fresh.causes.iter().max();
    let evidence = match newest {
        Some(Cause::Signal(id)) => state.signals.get(*id).map(|signal| signal.evidence.clone()).unwrap_or_default(),
        Some(Cause::Warning(id)) => {
            let warning = state.incidents.warnings.get(id);
            warning.map(|w| format!("{} warning of {}, {}", w.level.as_str(), w.kind, w.area)).unwrap_or_default()
        }
        None => String::new(),
    };
    match fresh.causes.len() {
        1 => evidence,
        n => format!("{n} new signs, the newest: {evidence}"),
    }
}

/// What became of a notice. What did not go is tried another way, if there is one.
pub(super) fn outcome(state: &mut State, d: &mut Decision, id: NoticeId, outcome: &SendResult) {
    let open = state.notices.by_id.get(&id).filter(|notice| notice.outcome.is_none()).cloned();
    let Some(notice) = open else { return };
    d.record(state, Record::NoticeSent { notice: id, outcome: outcome.clone() });
    let failed = matches!(outcome, SendResult::Refused { .. } | SendResult::Retryable { .. });
    if failed && notice.tries < TRIES_MAX {
        let policy = state.policy.in_force.as_ref();
        let theirs = policy.and_then(|policy| policy.people.get(&notice.person)).map(|person| person.channels.clone());
        let other = theirs.into_iter().flatten().find(|channel| *channel != notice.channel);
        if let Some(channel) = other {
            intend(state, d, notice.person, channel, notice.about, notice.tries + 1, Some(id));
        }
    }
}

/// After a restart: what was announced and has no outcome goes again.
pub(super) fn send_again(state: &mut State, d: &mut Decision) {
    let open: Vec<NoticeId> =
        state.notices.by_id.iter().filter(|(_, notice)| notice.outcome.is_none()).map(|(id, _)| *id).collect();
    for id in open {
        let notice = state.notices.by_id[&id].clone();
        let why = "callout stopped before the outcome was known".to_owned();
        d.record(state, Record::NoticeSent { notice: id, outcome: SendResult::Unknown { why } });
        if notice.tries < TRIES_MAX {
            intend(state, d, notice.person, notice.channel, notice.about, notice.tries + 1, Some(id));
        }
    }
}

/// Applies the records of notices, and what others mean for them.
pub(super) fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    match record {
        Record::NoticeIntended { person, channel, about, tries, repeats: _ } => {
            let notices = Arc::make_mut(&mut state.notices);
            if let About::News { of } = about {
                notices.news_at.insert(person.clone(), at);
                for fresh in of {
                    if let Some(told) = notices.told.get_mut(&(person.clone(), fresh.incident)) {
                        told.at = at;
                        told.holding.extend(fresh.causes.iter().copied());
                    }
                    notices.moved.remove(&fresh.incident);
                }
            }
            let (person, about) = (person.clone(), about.clone());
            let notice = Notice { person, channel: *channel, about, tries: *tries, outcome: None };
            notices.by_id.insert(seq.into(), notice);
        }
        Record::NoticeSent { notice, outcome } => {
            let notices = Arc::make_mut(&mut state.notices);
            if let Some(notice) = notices.by_id.get_mut(notice) {
                notice.outcome = Some((outcome.clone(), at));
            }
            let over: Vec<NoticeId> =
                notices.by_id.iter().filter(|(_, notice)| notice.outcome.is_some()).map(|(id, _)| *id).collect();
            for id in over.iter().take(over.len().saturating_sub(KEPT_MAX)) {
                notices.by_id.remove(id);
            }
        }
        // Whoever says "I have got this" knows what was known then.
        Record::Acknowledged { call_out, person, late: false, .. } => {
            let Some(incident) = state.paging.call_outs.get(call_out).and_then(|c| c.incident) else { return };
            let Some(holding) = state.incidents.by_id.get(&incident).map(|i| i.causes.clone()) else { return };
            let told = Told { at, holding, ended: BTreeSet::new() };
            Arc::make_mut(&mut state.notices).told.insert((person.clone(), incident), told);
        }
        Record::EvidenceJoined { incident, .. } => {
            Arc::make_mut(&mut state.notices).moved.insert(*incident);
        }
        Record::StoodDown { incident, .. } => {
            let notices = Arc::make_mut(&mut state.notices);
            notices.moved.remove(incident);
            notices.told.retain(|(_, of), _| of != incident);
        }
        _ => {}
    }
}
