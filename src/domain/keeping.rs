//! The keeping of the record itself: signed heads, exports, erasures and legal holds, each of them a record too.
//!
//! Think of the clerk who keeps the minute book: signs under the last line each evening, notes who was given a copy,
//! and strikes names out only as the rules allow. What was struck out is remembered by number, so that it can be
//! struck out again in an old copy that is taken from the cupboard.
//!
//! These events move no incident and call nobody, so time does not pass in them: they may be decided by a command
//! while no daemon runs.
//!
//! Not here: signing (`log/heads.rs`), the details themselves (`log/details.rs`), what is due for erasure (`daemon`).

use super::decide::Decision;
use super::effect::Effect;
use super::event::{Answer, Author, Event, Sealed, SendResult};
use super::id::{IncidentId, Seq};
use super::record::Record;
use super::state::State;
use super::time::{SignedDuration, Timestamp, elapsed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long an erasure waits for the second person; after that it must be asked for again.
pub const SECOND_PERSON_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The subject of a hold that keeps everything.
pub const EVERYTHING: &str = "everything";

/// A head of the log, signed: "up to here, the log was this".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The last record that it covers.
    pub head: Seq,
    /// The digest of that record's line, hex.
    pub hash: String,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The public key, 64 hex digits.
    pub key: String,
    /// Ed25519 over [`SignedHead::message`], 128 hex digits.
    pub signature: String,
}

impl SignedHead {
    /// What is signed: one line of text, so that any tool can make it again.
    pub fn message(head: Seq, hash: &str, signed_at: Timestamp) -> String {
        format!("callout head 1 {head} {hash} {signed_at}\n")
    }
}

/// Record numbers as ranges from and to, both included; rising, apart from each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spans(Vec<(Seq, Seq)>);

impl Spans {
    /// Whether a number is in one of them.
    pub fn contains(&self, seq: Seq) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= seq);
        after.checked_sub(1).is_some_and(|at| self.0[at].1 >= seq)
    }

    /// Puts a number in.
    pub fn insert(&mut self, seq: Seq) {
        let at = self.0.partition_point(|(from, _)| *from <= seq);
        if at > 0 && self.0[at - 1].1 >= seq {
            return;
        }
        let joins_before = at > 0 && self.0[at - 1].1.0 + 1 == seq.0;
        let joins_after = self.0.get(at).is_some_and(|(from, _)| seq.0 + 1 == from.0);
        match (joins_before, joins_after) {
            (true, true) => {
                self.0[at - 1].1 = self.0[at].1;
                self.0.remove(at);
            }
            (true, false) => self.0[at - 1].1 = seq,
            (false, true) => self.0[at].0 = seq,
            (false, false) => self.0.insert(at, (seq, seq)),
        }
    }

    /// The ranges, rising.
    pub fn ranges(&self) -> &[(Seq, Seq)] {
        &self.0
    }

    /// Every number, rising.
    pub fn iter(&self) -> impl Iterator<Item = Seq> + '_ {
        self.0.iter().flat_map(|(from, to)| (from.0..=to.0).map(Seq))
    }

    /// How many numbers.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(from, to)| to.0 - from.0 + 1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Seq> for Spans {
    fn from_iter<I: IntoIterator<Item = Seq>>(seqs: I) -> Self {
        let mut spans = Self::default();
        seqs.into_iter().for_each(|seq| spans.insert(seq));
        spans
    }
}

/// Why details are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureCause {
    /// Somebody asked for it.
    Request,
    /// Their time was over.
    Retention,
}

/// An erasure that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Whose details.
    pub subject: String,
    /// Who asked.
    pub by: Author,
    /// When.
    pub at: Timestamp,
}

/// A legal hold: what it covers is not erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// A contact (`C-9`), an incident with all that was counted to it (`INC-5`), or [`EVERYTHING`].
    pub on: String,
    /// Who placed it.
    pub by: Author,
}

/// The sending of a head to the records address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// Which head.
    pub head: Seq,
    /// When it was to go.
    pub at: Timestamp,
    /// What became of it; `None` while nobody knows.
    pub outcome: Option<SendResult>,
}

/// What is known of the keeping of the record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Keeping {
    /// The newest signed head.
    pub head: Option<SignedHead>,
    /// The newest head that was to be mailed.
    pub mailed: Option<Mailed>,
    /// Records whose details were erased.
    pub erased: Spans,
    /// Erasures that wait for a second person, by the record that asked.
    pub asked: BTreeMap<Seq, Asked>,
    /// Legal holds, by the record that placed them.
    pub holds: BTreeMap<Seq, Hold>,
}

impl Keeping {
    /// The hold that keeps one of these subjects, if any.
    pub fn held(&self, subjects: &[&str]) -> Option<Seq> {
        let held = |hold: &Hold| hold.on == EVERYTHING || subjects.contains(&hold.on.as_str());
        self.holds.iter().find(|(_, hold)| held(hold)).map(|(seq, _)| *seq)
    }
}

/// What an erasure of a subject covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Covered {
    /// The records whose details are the subject's.
    pub seqs: Spans,
    /// Words of an incident are among them.
    pub incident_texts: bool,
    /// The incident that a contact counted towards.
    pub of: Option<IncidentId>,
}

/// Whose person an author is: the same one from two terminals is one person.
pub(super) fn person(by: &Author) -> &str {
    by.who.split(" at the command line").next().unwrap_or(&by.who)
}

/// Says what one of these events leads to.
pub(super) fn decide(state: &mut State, d: &mut Decision, event: &Event) {
    match event {
        Event::HeadSigned { head, mail } => {
            d.record(state, Record::HeadSigned { head: head.clone(), mail: *mail });
            if *mail {
                d.effects.push(Effect::MailHead(Box::new(head.clone())));
            }
        }
        Event::HeadMailed { head, outcome } => {
            d.record(state, Record::HeadMailed { head: *head, outcome: outcome.clone() });
        }
        Event::LogExported { profile, selection, by, why } => {
            let record = Record::LogExported {
                profile: profile.clone(),
                selection: selection.clone(),
                by: by.clone(),
                digest: why.digest.clone(),
            };
            d.answer = Answer::Entry(d.record_sealed(state, record, Some(why)));
        }
        Event::ErasureAsked { subject, of, seqs, incident_texts, by, why } => {
            erase(state, d, subject, *of, seqs, *incident_texts, by, why);
        }
        Event::DetailsExpired { seqs } => {
            let seqs: Spans = seqs.iter().filter(|seq| !state.keeping.erased.contains(*seq)).collect();
            if !seqs.is_empty() {
                let (cause, by) = (ErasureCause::Retention, Author::system());
                let record =
                    Record::DetailsErased { seqs, subject: None, cause, by, asked: None, asked_by: None, digest: None };
                d.answer = Answer::Entry(d.record(state, record));
            }
        }
        Event::HoldPlaced { on, by, why } => {
            let record = Record::HoldPlaced { on: on.clone(), by: by.clone(), digest: why.digest.clone() };
            d.answer = Answer::Entry(d.record_sealed(state, record, Some(why)));
        }
        Event::HoldLifted { hold, by, why } => {
            if !state.keeping.holds.contains_key(hold) {
                d.answer = Answer::Refused(format!("there is no hold {hold}; `callout log holds` lists them"));
                return;
            }
            let record = Record::HoldLifted { hold: *hold, by: by.clone(), digest: why.digest.clone() };
            d.answer = Answer::Entry(d.record_sealed(state, record, Some(why)));
        }
        other => unreachable!("the junction sends only the keeping's events here, not {other:?}"),
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one event")]
fn erase(
    state: &mut State,
    d: &mut Decision,
    subject: &str,
    of: Option<IncidentId>,
    seqs: &Spans,
    incident_texts: bool,
    by: &Author,
    why: &Sealed,
) {
    let incident = of.map(|incident| incident.to_string());
    let mut subjects = vec![subject];
    subjects.extend(incident.as_deref());
    if let Some(hold) = state.keeping.held(&subjects) {
        d.answer = Answer::Refused(format!("legal hold {hold} keeps the details of {subject}; nothing was erased"));
        return;
    }
    let left: Spans = seqs.iter().filter(|seq| !state.keeping.erased.contains(*seq)).collect();
    if left.is_empty() {
        d.answer = Answer::Refused(format!("there are no details of {subject} left to erase"));
        return;
    }
    let now = d.at;
    let waiting = state.keeping.asked.iter().rev().find(|(_, asked)| asked.subject == subject);
    let waiting = waiting.filter(|(_, asked)| elapsed(asked.at, now) <= SECOND_PERSON_WITHIN);
    let waiting = waiting.map(|(seq, asked)| (*seq, asked.by.clone()));
    let first = match waiting {
        _ if !incident_texts => None,
        Some((_, first)) if person(&first) == person(by) => {
            let who = person(by).to_owned();
            d.answer = Answer::Refused(format!(
                "{who} asked for this erasure already; words of an incident need a second person"
            ));
            return;
        }
        Some(first) => Some(first),
        None => {
            let record =
                Record::ErasureAsked { subject: subject.to_owned(), by: by.clone(), digest: why.digest.clone() };
            let seq = d.record_sealed(state, record, Some(why));
            d.answer = Answer::Erasure { entry: seq, erased_n: 0 };
            return;
        }
    };
    let erased_n = left.len();
    let record = Record::DetailsErased {
        seqs: left,
        subject: Some(subject.to_owned()),
        cause: ErasureCause::Request,
        by: by.clone(),
        asked: first.as_ref().map(|(seq, _)| *seq),
        asked_by: first.map(|(_, by)| by),
        digest: Some(why.digest.clone()),
    };
    let entry = d.record_sealed(state, record, Some(why));
    d.answer = Answer::Erasure { entry, erased_n };
}

/// After a start: a head whose mail has no outcome goes again.
pub(super) fn send_again(state: &State, d: &mut Decision) {
    let Some(head) = &state.keeping.head else { return };
    if state.keeping.mailed.as_ref().is_some_and(|mailed| mailed.head == head.head && mailed.outcome.is_none()) {
        d.effects.push(Effect::MailHead(Box::new(head.clone())));
    }
}

/// Applies one of the keeping's records.
pub(super) fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    let keeping = Arc::make_mut(&mut state.keeping);
    match record {
        Record::HeadSigned { head, mail } => {
            keeping.head = Some(head.clone());
            if *mail {
                keeping.mailed = Some(Mailed { head: head.head, at, outcome: None });
            }
        }
        Record::HeadMailed { head, outcome } => {
            if let Some(mailed) = keeping.mailed.as_mut().filter(|mailed| mailed.head == *head) {
                mailed.outcome = Some(outcome.clone());
            }
        }
        Record::ErasureAsked { subject, by, .. } => {
            keeping.asked.retain(|_, asked| asked.subject != *subject && elapsed(asked.at, at) <= SECOND_PERSON_WITHIN);
            keeping.asked.insert(seq, Asked { subject: subject.clone(), by: by.clone(), at });
        }
        Record::DetailsErased { seqs, subject, .. } => {
            seqs.iter().for_each(|seq| keeping.erased.insert(seq));
            keeping.asked.retain(|_, asked| Some(&asked.subject) != subject.as_ref());
        }
        Record::HoldPlaced { on, by, .. } => {
            keeping.holds.insert(seq, Hold { on: on.clone(), by: by.clone() });
        }
        Record::HoldLifted { hold, .. } => drop(keeping.holds.remove(hold)),
        other => unreachable!("the state sends only the keeping's records here, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decide::decide;
    use crate::domain::event::{DetailClass, Via};

    fn by(who: &str) -> Author {
        Author { who: who.to_owned(), via: Via::Command }
    }

    fn sealed() -> Sealed {
        Sealed::new([7; 16], DetailClass::Incident, b"{\"text\":\"asked for by letter\"}".to_vec())
    }

    fn ask(state: &mut State, subject: &str, incident_texts: bool, who: &str, day: i64) -> String {
        let event = Event::ErasureAsked {
            subject: subject.to_owned(),
            of: None,
            seqs: [Seq(3), Seq(4), Seq(9)].into_iter().collect(),
            incident_texts,
            by: by(who),
            why: sealed(),
        };
        let now = Timestamp::from_second(1_800_000_000 + day * 86_400).expect("in range");
        match decide(state, &event, now).answer {
            Answer::Erasure { entry, erased_n } => format!("{entry}: {erased_n}"),
            Answer::Refused(why) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn words_of_an_incident_go_only_when_a_second_person_asks_within_a_fortnight() {
        let state = &mut State::default();
        assert_eq!(ask(state, "INC-2", true, "ann at the command line (10)", 0), "1: 0");
        let again = ask(state, "INC-2", true, "ann at the command line (11)", 1);
        assert!(again.contains("need a second person"), "{again}");
        assert_eq!(ask(state, "INC-2", true, "ben", 20), "2: 0", "too late: it counts as asked for the first time");
        assert_eq!(ask(state, "INC-2", true, "ann", 21), "3: 3");
        assert!(state.keeping.erased.contains(Seq(4)) && !state.keeping.erased.contains(Seq(5)));
        assert!(ask(state, "INC-2", true, "ann", 22).contains("left to erase"));
    }

    #[test]
    fn a_contact_goes_at_once_and_not_while_a_hold_is_on_it() {
        let state = &mut State::default();
        let now = Timestamp::UNIX_EPOCH;
        decide(state, &Event::HoldPlaced { on: "C-3".into(), by: by("ann"), why: sealed() }, now);
        assert!(ask(state, "C-3", false, "ben", 0).contains("legal hold 1"));
        decide(state, &Event::HoldLifted { hold: Seq(1), by: by("ann"), why: sealed() }, now);
        assert_eq!(ask(state, "C-3", false, "ben", 0), "3: 3");
    }

    #[test]
    fn spans_join_what_touches_and_tell_what_is_in_them() {
        let spans: Spans = [5, 1, 2, 4, 9, 3, 9].into_iter().map(Seq).collect();
        assert_eq!(spans.ranges(), [(Seq(1), Seq(5)), (Seq(9), Seq(9))]);
        assert_eq!(spans.len(), 6);
        assert!(spans.contains(Seq(3)) && spans.contains(Seq(9)) && !spans.contains(Seq(8)) && !spans.contains(Seq(0)));
        assert_eq!(spans.iter().map(|seq| seq.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 9]);
    }
}
