//! What people write into an incident's log: information, decisions, actions, requests and the rest, as a trained loggist
//! would keep them.
//!
//! Nothing is rubbed out: a slip is put right by a new entry that points back to the wrong one. A decision says what, why,
//! what else was thought of, what was known, by what authority, and when it is to be looked at again. When a loggist
//! writes it for somebody else, it stands as *not yet confirmed* until that person has read and agreed.
//!
//! The words are details ([`EntryWords`]); the record has what can be said without them ([`Entry`]). Not here: who may
//! write (`web`), the incident itself ([`super::incident`]).

use super::decide::Decision;
use super::event::{Answer, Author, EntryKind, Sealed, Via};
use super::id::{IncidentId, PersonId, RoleId, Seq};
use super::incident::{Incident, Line, not_open};
use super::keeping::person;
use super::problem::did_you_mean;
use super::record::Record;
use super::state::State;
use super::time::{SignedDuration, Timestamp, after};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Entries that one decision may name as what it relies on.
pub const RELIES_MAX: usize = 50;
/// A clock may be so much ahead of ours before "when it happened" counts as not yet happened.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// How sure the author is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Seen by the author, or from two sources.
    Confirmed,
    /// From one source that is usually right.
    Likely,
    /// Hearsay.
    Unconfirmed,
}

impl Confidence {
    /// All of them with their words.
    pub const ALL: [(&'static str, Self); 3] =
        [("confirmed", Self::Confirmed), ("likely", Self::Likely), ("unconfirmed", Self::Unconfirmed)];
}

impl EntryKind {
    /// The kinds that people write, with their words. `system` is callout's own.
    pub const WRITTEN: [(&'static str, Self); 8] = [
        ("information", Self::Information),
        ("decision", Self::Decision),
        ("action", Self::Action),
        ("request", Self::Request),
        ("offer", Self::Offer),
        ("contact", Self::Contact),
        ("media", Self::Media),
        ("lesson", Self::Lesson),
    ];
}

/// An entry without its words: what the record holds of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What sort.
    pub kind: EntryKind,
    /// When it happened, where that is another time than when it was written.
    pub occurred_at: Option<Timestamp>,
    /// As what the author acts, e.g. `loggist`; taken from the rota where it is not given and there is one answer.
    pub role: Option<RoleId>,
    /// How sure.
    pub confidence: Option<Confidence>,
    /// The entry that this one corrects.
    pub corrects: Option<Seq>,
    /// A decision's: who decided, where somebody else writes it down.
    pub decided_by: Option<PersonId>,
    /// A decision's: the entries of the log that it relies on.
    pub relies_on: Vec<Seq>,
    /// A decision's: when it is to be looked at again.
    pub review_at: Option<Timestamp>,
}

impl Entry {
    /// An entry of this sort, of which nothing else is said.
    pub fn of(kind: EntryKind) -> Self {
        Self {
            kind,
            occurred_at: None,
            role: None,
            confidence: None,
            corrects: None,
            decided_by: None,
            relies_on: Vec::new(),
            review_at: None,
        }
    }
}

/// An entry's words: the content of its details, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntryWords {
    /// What.
    pub text: String,
    /// Where it is from: who said it, what document.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Why it was decided so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What else was thought of, and why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub options: String,
    /// What was known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub information: String,
    /// What may go wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub risks: String,
    /// The authority or power used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub authority: String,
    /// Legal or financial advice.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// Who did not agree, and why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dissent: String,
}

impl EntryWords {
    /// Words of a decision beside the text, with the names under which they are sent.
    pub const OF_DECISIONS: [&'static str; 7] =
        ["why", "options", "information", "risks", "authority", "advice", "dissent"];

    /// The words under one of those names, or of `source`.
    pub fn field(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "text" => &mut self.text,
            "source" => &mut self.source,
            "why" => &mut self.why,
            "options" => &mut self.options,
            "information" => &mut self.information,
            "risks" => &mut self.risks,
            "authority" => &mut self.authority,
            "advice" => &mut self.advice,
            "dissent" => &mut self.dissent,
            _ => return None,
        })
    }

    /// What there is beside the text, with its heading, in the order in which it is read.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("Why", &self.why),
            ("Options considered", &self.options),
            ("Information relied on", &self.information),
            ("Risks", &self.risks),
            ("Authority", &self.authority),
            ("Advice", &self.advice),
            ("Dissent", &self.dissent),
            ("Source", &self.source),
        ]
        .into_iter()
        .filter(|(_, words)| !words.is_empty())
        .map(|(heading, words)| (heading, words.as_str()))
    }
}

/// How a decision of an incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: Author,
    /// Who decided, where that is somebody else.
    pub decided_by: Option<PersonId>,
    /// When the one who decided said "read and agreed".
    pub confirmed_at: Option<Timestamp>,
    /// When it is to be looked at again.
    pub review_at: Option<Timestamp>,
    /// The later entry that corrects it.
    pub corrected_by: Option<Seq>,
    /// The later decision that relies on it or corrects it: it has been looked at again.
    pub reviewed_by: Option<Seq>,
}

impl Decided {
    /// Whether the one who decided has still to say "read and agreed".
    pub fn awaits_confirmation(&self) -> bool {
        self.decided_by.is_some() && self.confirmed_at.is_none() && self.corrected_by.is_none()
    }

    /// Whether its time to be looked at again has come and nobody has.
    pub fn is_due_for_review(&self, now: Timestamp) -> bool {
        self.reviewed_by.is_none() && self.review_at.is_some_and(|at| at <= now)
    }
}

/// A person writes into the log of an incident, open or closed.
pub(super) fn write(
    state: &mut State,
    d: &mut Decision,
    incident: IncidentId,
    entry: &Entry,
    by: &Author,
    text: &Sealed,
) {
    let Some(found) = state.incidents.by_id.get(&incident) else {
        d.answer = not_open(state, incident);
        return;
    };
    if let Some(why) = fault(state, found, entry, by, d.at) {
        d.answer = Answer::Refused(why);
        return;
    }
    let record = Record::EntryWritten {
        incident,
        kind: entry.kind,
        by: by.clone(),
        digest: text.digest.clone(),
        corrects: entry.corrects,
        occurred_at: entry.occurred_at.map(|at| at.min(d.at)),
        role: entry.role.clone().or_else(|| role_of(state, by, d.at)),
        confidence: entry.confidence,
        decided_by: entry.decided_by.clone().filter(|decided_by| decided_by.as_str() != person(by)),
        relies_on: entry.relies_on.clone(),
        review_at: entry.review_at,
    };
    d.answer = Answer::Entry(d.record_sealed(state, record, Some(text)));
}

/// The record of an entry of which nothing is said but its kind.
pub(super) fn plain(incident: IncidentId, kind: EntryKind, by: &Author, text: &Sealed) -> Record {
    Record::EntryWritten {
        incident,
        kind,
        by: by.clone(),
        digest: text.digest.clone(),
        corrects: None,
        occurred_at: None,
        role: None,
        confidence: None,
        decided_by: None,
        relies_on: Vec::new(),
        review_at: None,
    }
}

/// What is wrong with an entry, in words for its author.
fn fault(state: &State, incident: &Incident, entry: &Entry, by: &Author, now: Timestamp) -> Option<String> {
    let id = incident.id;
    if entry.kind == EntryKind::System && by.via != Via::System {
        return Some("entries of the kind \"system\" are callout's own; choose another kind".into());
    }
    if let Some(wrong) = entry.corrects {
        let is_entry = |line: &Line| line.seq == wrong && matches!(line.record.as_ref(), Record::EntryWritten { .. });
        if !incident.timeline.iter().any(is_entry) {
            return Some(format!("entry {wrong} is not in the log of {id}; a correction names an entry"));
        }
    }
    if entry.occurred_at.is_some_and(|at| at > after(now, AHEAD_MAX)) {
        return Some("it is said to have happened in the future; an entry tells of what has happened".into());
    }
    if entry.kind != EntryKind::Decision {
        let decides = entry.decided_by.is_some() || entry.review_at.is_some() || !entry.relies_on.is_empty();
        return decides.then(|| {
            "only a decision has somebody who decided, information relied on and a time of review; \
             write it as a decision, or leave them out"
                .into()
        });
    }
    if entry.review_at.is_some_and(|at| at <= now) {
        return Some("the time of review is over already; give a later one".into());
    }
    if entry.relies_on.len() > RELIES_MAX {
        return Some(format!("a decision may name {RELIES_MAX} entries that it relies on, and more are given"));
    }
    if let Some(missing) = entry.relies_on.iter().find(|seq| seq.0 == 0 || **seq >= state.next) {
        return Some(format!("there is no entry {missing} in the log to rely on"));
    }
    let people = state.policy.in_force.as_ref().map(|policy| &policy.people)?;
    let decided_by = entry.decided_by.as_ref().filter(|decided_by| !people.contains_key(decided_by))?;
    let meant = did_you_mean(decided_by.as_str(), people.keys().map(PersonId::as_str));
    let help = meant.map(|meant| format!("; did you mean \"{meant}\"?")).unwrap_or_default();
    Some(format!("there is no person \"{decided_by}\" who could have decided{help}"))
}

/// The one role in which the author is on call now; `None` where there is none, or more than one.
fn role_of(state: &State, by: &Author, now: Timestamp) -> Option<RoleId> {
    let rota = &state.policy.in_force.as_ref()?.rota;
    let author = PersonId::from(person(by));
    let mut roles = rota.roles.keys().filter(|role| rota.on_call(role, now).contains(&author));
    match (roles.next(), roles.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// The one who decided says "read and agreed".
pub(super) fn confirm(state: &mut State, d: &mut Decision, incident: IncidentId, entry: Seq, by: &Author) {
    let Some(found) = state.incidents.by_id.get(&incident) else {
        d.answer = not_open(state, incident);
        return;
    };
    d.answer = match found.decisions.get(&entry) {
        None => Answer::Refused(format!("entry {entry} is not a decision in the log of {incident}")),
        Some(Decided { decided_by: None, .. }) => {
            Answer::Refused(format!("whoever decided wrote entry {entry} down; there is nothing to confirm"))
        }
        Some(Decided { corrected_by: Some(later), .. }) => {
            Answer::Refused(format!("entry {entry} was corrected by entry {later}; confirm that one"))
        }
        Some(Decided { decided_by: Some(who), .. }) if who.as_str() != person(by) => Answer::Refused(format!(
            "{who} decided this, and only they can say \"read and agreed\"; write an entry of your own"
        )),
        // Said already: told again, not written again.
        Some(Decided { confirmed_at: Some(_), .. }) => Answer::Entry(entry),
        Some(_) => Answer::Entry(d.record(state, Record::EntryConfirmed { incident, entry, by: by.clone() })),
    };
}

/// Notes a written entry among the incident's decisions.
pub(super) fn apply_written(decisions: &mut BTreeMap<Seq, Decided>, seq: Seq, at: Timestamp, record: &Record) {
    let Record::EntryWritten { kind, by, corrects, decided_by, relies_on, review_at, .. } = record else { return };
    if let Some(wrong) = corrects.and_then(|wrong| decisions.get_mut(&wrong)) {
        wrong.corrected_by = Some(seq);
    }
    if *kind != EntryKind::Decision {
        return;
    }
    for looked_at in relies_on.iter().chain(corrects) {
        if let Some(earlier) = decisions.get_mut(looked_at) {
            earlier.reviewed_by = Some(seq);
        }
    }
    let decided = Decided {
        at,
        by: by.clone(),
        decided_by: decided_by.clone(),
        confirmed_at: None,
        review_at: *review_at,
        corrected_by: None,
        reviewed_by: None,
    };
    decisions.insert(seq, decided);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::decide::decide;
    use crate::domain::event::{DetailClass, Event};
    use crate::domain::id::Tag;
    use crate::domain::playbook::Severity;

    fn by(who: &str) -> Author {
        Author { who: who.to_owned(), via: Via::Console }
    }

    fn sealed() -> Sealed {
        Sealed::new([7; 16], DetailClass::Incident, b"{\"text\":\"x\"}".to_vec())
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    /// An open incident, and what writing into its log comes to.
    struct Room(State, IncidentId);

    impl Room {
        fn open() -> Self {
            let mut state = State::default();
            let event = Event::IncidentOpened {
                topic: Tag::from("flooding"),
                severity: Severity::Wake,
                place: None,
                exercise: false,
                by: by("ann"),
                reason: sealed(),
            };
            let Answer::Incident(id) = decide(&mut state, &event, at(0)).answer else { panic!("it opens") };
            Self(state, id)
        }

        fn write(&mut self, minute: i64, who: &str, entry: Entry) -> String {
            let event = Event::EntryWritten { incident: self.1, entry: Box::new(entry), by: by(who), text: sealed() };
            said(decide(&mut self.0, &event, at(minute)).answer)
        }

        fn confirm(&mut self, minute: i64, entry: u64, who: &str) -> String {
            let event = Event::EntryConfirmed { incident: self.1, entry: Seq(entry), by: by(who) };
            said(decide(&mut self.0, &event, at(minute)).answer)
        }

        fn decision(&self, entry: u64) -> &Decided {
            &self.0.incidents.by_id[&self.1].decisions[&Seq(entry)]
        }
    }

    fn said(answer: Answer) -> String {
        match answer {
            Answer::Entry(seq) => seq.to_string(),
            Answer::Refused(why) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_decision_written_for_somebody_waits_until_that_person_has_read_and_agreed() {
        let mut room = Room::open();
        let entry = Entry { decided_by: Some("ben".into()), ..Entry::of(EntryKind::Decision) };
        assert_eq!(room.write(1, "ann", entry), "2");
        assert!(room.decision(2).awaits_confirmation());
        assert!(room.confirm(2, 2, "ann").contains("ben decided this"));
        assert_eq!(room.confirm(3, 2, "ben"), "3");
        assert_eq!(room.decision(2).confirmed_at, Some(at(3)));
        assert!(!room.decision(2).awaits_confirmation());
        assert_eq!(room.confirm(4, 2, "ben"), "2", "said already");
        let own = Entry { decided_by: Some("ann".into()), ..Entry::of(EntryKind::Decision) };
        assert_eq!(room.write(5, "ann", own), "4");
        assert!(!room.decision(4).awaits_confirmation());
        assert!(room.confirm(6, 4, "ann").contains("nothing to confirm"));
        assert!(room.confirm(6, 1, "ann").contains("not a decision"));
    }

    #[test]
    fn a_decision_is_due_for_review_until_a_later_one_relies_on_it_or_corrects_it() {
        let mut room = Room::open();
        let review = |minute| Entry { review_at: Some(at(minute)), ..Entry::of(EntryKind::Decision) };
        assert_eq!(room.write(1, "ann", review(30)), "2");
        assert_eq!(room.write(1, "ann", review(30)), "3");
        assert!(!room.decision(2).is_due_for_review(at(29)) && room.decision(2).is_due_for_review(at(30)));
        let goes_on = Entry { relies_on: vec![Seq(2)], ..review(90) };
        assert_eq!(room.write(31, "ann", goes_on), "4");
        assert!(!room.decision(2).is_due_for_review(at(31)));
        let corrected = Entry { corrects: Some(Seq(3)), ..Entry::of(EntryKind::Decision) };
        assert_eq!(room.write(32, "ann", corrected), "5");
        assert_eq!((room.decision(3).corrected_by, room.decision(3).reviewed_by), (Some(Seq(5)), Some(Seq(5))));
        assert!(room.write(33, "ann", review(33)).contains("time of review is over"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let mut room = Room::open();
        let information = || Entry::of(EntryKind::Information);
        let future = Entry { occurred_at: Some(at(7)), ..information() };
        assert!(room.write(1, "ann", future).contains("in the future"));
        let fast_clock = Entry { occurred_at: Some(at(4)), ..information() };
        assert_eq!(room.write(1, "ann", fast_clock), "2");
        let Record::EntryWritten { occurred_at, .. } = &*room.0.incidents.by_id[&room.1].timeline[1].record else {
            panic!("an entry")
        };
        assert_eq!(*occurred_at, Some(at(1)), "not later than it was written");
        for (entry, words) in [
            (Entry { corrects: Some(Seq(1)), ..information() }, "a correction names an entry"),
            (Entry { review_at: Some(at(90)), ..information() }, "only a decision has"),
            (Entry { relies_on: vec![Seq(99)], ..Entry::of(EntryKind::Decision) }, "no entry 99"),
            (Entry { relies_on: vec![Seq(1); 51], ..Entry::of(EntryKind::Decision) }, "50 entries"),
            (Entry::of(EntryKind::System), "callout's own"),
        ] {
            let said = room.write(2, "ann", entry);
            assert!(said.contains(words), "{said}");
        }
    }
}
