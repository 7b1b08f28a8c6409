//! Records and answers in words, with short names: I1 for the first incident, P3 for the third page.

use callout::domain::event::{Acknowledgement, Answer, Mark, Receipt, SendResult};
use callout::domain::id::Seq;
use callout::domain::notice::About;
use callout::domain::record::{CallOutEnd, Cause, Held, Record};
use callout::domain::state::State;
use callout::domain::time::Timestamp;
use std::collections::BTreeMap;

/// The names given so far.
#[derive(Default)]
pub struct Names {
    by_seq: BTreeMap<u64, String>,
    counts: BTreeMap<&'static str, u32>,
}

impl Names {
    /// Gives a new thing its name.
    pub fn learn(&mut self, seq: Seq, record: &Record) {
        let prefix = match record {
            Record::ContactTaken { .. } => "C",
            Record::WarningEntered { .. } => "W",
            Record::SignalRaised { .. } | Record::WouldHaveRaised { .. } => "S",
            Record::IncidentOpened { .. } => "I",
            Record::TaskOpened { .. } => "T",
            Record::CallOutStarted { .. } => "CO",
            Record::PageIntended { .. } => "P",
            Record::NoticeIntended { .. } => "N",
            _ => return,
        };
        let n = self.counts.entry(prefix).or_default();
        *n += 1;
        self.by_seq.insert(seq.0, format!("{prefix}{n}"));
    }

    /// The name of the thing that this record began.
    pub fn name(&self, seq: Seq) -> String {
        self.by_seq.get(&seq.0).cloned().unwrap_or_else(|| format!("record {seq}"))
    }

    /// The record that began the thing of this name.
    pub fn find(&self, name: &str) -> Result<u64, String> {
        let found = self.by_seq.iter().find(|(_, known)| *known == name).map(|(seq, _)| *seq);
        found.ok_or_else(|| format!("there is no {name}"))
    }

    /// One line for a record; `None` for those that are the story's own beginning.
    pub fn record(&self, state: &State, seq: Seq, record: &Record, clock: &str) -> Option<String> {
        let me = self.name(seq);
        let of = |id: u64| self.name(Seq(id));
        let call_out = |id: u64| {
            if state.paging.call_outs.len() > 1 { format!("{}: ", of(id)) } else { String::new() }
        };
        Some(match record {
            Record::DocumentRecorded { .. } => return None,
            Record::Started { .. } => "callout is up".into(),
            Record::PolicyInForce { documents, .. } => {
                let playbooks: Vec<&str> = documents
                    .iter()
                    .filter(|(kind, _, _)| *kind == callout::domain::policy::DocumentKind::Playbook)
                    .map(|(_, name, _)| name.as_str())
                    .collect();
                format!("in force: playbooks {}", playbooks.join(", "))
            }
            Record::LayersInForce { epoch, .. } => format!("layers of epoch {epoch} in force"),
            Record::ContactTaken { contact, incident, .. } => {
                let history = if contact.history { " as history" } else { "" };
                match incident {
                    Some(incident) => format!("contact taken{history}, counts towards {}", of(incident.0)),
                    None => format!("contact taken{history}"),
                }
            }
            Record::ContactMarked { contact, mark, by } => {
                let mark = match mark {
                    Mark::SameAs(other) => format!("is about the same as {}", of(other.0)),
                    Mark::Promised(by_then) => format!("was promised to hear by {by_then}"),
                    Mark::Withdrawn => "is withdrawn".into(),
                };
                format!("{} {mark}, by {}", of(contact.0), by.who)
            }
            Record::QueueCounted { counts } => format!(
                "{}: {} offered, {} answered, {} s mean wait",
                counts.name(),
                counts.offered,
                counts.answered,
                counts.wait_s
            ),
            Record::WarningEntered { warning, .. } => {
                format!("{me}: {} {} {} in force from {clock}", warning.source, warning.kind, warning.level.as_str())
            }
            Record::WarningEnded { warning, .. } => format!("{} is over", of(warning.0)),
            Record::SignalRaised { signal } => format!("{me}: {}", signal.evidence),
            Record::WouldHaveRaised { signal } => format!("{me} on trial, would have paged: {}", signal.evidence),
            Record::SignalCleared { signal } => format!("{} is quiet again", of(signal.0)),
            Record::IncidentOpened { topic, severity, exercise, by, .. } => {
                let exercise = if *exercise { ", EXERCISE" } else { "" };
                format!("incident {me} opened: {topic}, severity {}{exercise}, by {}", u8::from(*severity), by.who)
            }
            Record::EvidenceJoined { incident, cause } => {
                let cause = match cause {
                    Cause::Signal(id) => of(id.0),
                    Cause::Warning(id) => of(id.0),
                };
                format!("{cause} is evidence for {}", of(incident.0))
            }
            Record::PlaybookHeld { incident, playbook, why, .. } => {
                let why = match why {
                    Held::Proposed => "proposed: a person decides",
                    Held::CoreHours => "held: it is core hours",
                    Held::OutOfHours => "held: it is out of hours",
                };
                format!("playbook {playbook} for {} {why}", of(incident.0))
            }
            Record::PlaybookActivated { incident, playbook, by, .. } => {
                format!("playbook {playbook} activated for {} by {}", of(incident.0), by.who)
            }
            Record::TaskOpened { title, owner, due, .. } => match due {
                Some(_) => format!("task {me} for {owner}: {title}, by {clock}"),
                None => format!("task {me} for {owner}: {title}"),
            },
            Record::TaskLapsed { task, call_out: id } => {
                format!("nobody has taken task {} in time: {} pages for it", of(task.0), of(id.0))
            }
            Record::TaskMoved { task, to, by } => {
                format!("task {} {} by {}", of(task.0), format!("{to:?}").to_lowercase(), by.who)
            }
            Record::StepCovered { playbook, step, by, .. } => {
                format!("step {} of {playbook} is covered by {}", step + 1, of(by.0))
            }
            Record::CallOutStarted { ladder, test, to, wanted, cause, .. } => {
                let ladder: Vec<&str> = ladder.iter().map(|role| role.as_str()).collect();
                let wanted = if *wanted > 1 { format!(", {wanted} wanted") } else { String::new() };
                match (test, to) {
                    (Some(person), _) => format!("call-out {me}: test of {person}"),
                    (None, Some(person)) => format!("call-out {me}: {person} is asked to take over ({cause})"),
                    (None, None) if ladder.is_empty() => format!("call-out {me}: everybody{wanted} ({cause})"),
                    (None, None) => format!("call-out {me}: {}{wanted} ({cause})", ladder.join(", then ")),
                }
            }
            Record::LevelStarted { call_out: id, level, people, passed, held } => {
                let people: Vec<&str> = people.iter().map(|person| person.as_str()).collect();
                let held: Vec<&str> = held.iter().map(|person| person.as_str()).collect();
                let held = if held.is_empty() { String::new() } else { format!("; held: {}", held.join(", ")) };
                match passed {
                    Some(why) => format!("{}level {}: {why}; passed", call_out(id.0), level + 1),
                    None => format!("{}level {}: {}{held}", call_out(id.0), level + 1, people.join(", ")),
                }
            }
            Record::PageIntended { call_out: id, person, channel, attempt, repeats, also } => {
                let repeats = repeats.map(|page| format!(", repeats {}", of(page.0))).unwrap_or_default();
                let also: Vec<String> = also.iter().map(|id| of(id.0)).collect();
                let also = if also.is_empty() { String::new() } else { format!(", for {} too", also.join(" and ")) };
                format!("{}page {me} to {person} by {channel}, attempt {attempt}{repeats}{also}", call_out(id.0))
            }
            Record::PageSent { page, outcome } => {
                let how = match outcome {
                    SendResult::Accepted => "accepted".into(),
                    SendResult::Retryable { why } => format!("not accepted for now: {why}"),
                    SendResult::Refused { why } => format!("refused: {why}"),
                    SendResult::Unknown { why } => format!("unknown: {why}"),
                    SendResult::Cancelled => "stopped before it was sent".into(),
                };
                format!("{} {how}", of(page.0))
            }
            Record::PageRouted { page, by, .. } => format!("{} went on to {by}", of(page.0)),
            Record::PageReceipt { page, receipt } => {
                let how = match receipt {
                    Receipt::Underway => "under way",
                    Receipt::Failed => "not delivered",
                    Receipt::Delivered => "on the phone",
                };
                format!("{} {how}", of(page.0))
            }
            Record::CallOutWidened { call_out: id, people } => {
                let people: Vec<&str> = people.iter().map(|person| person.as_str()).collect();
                format!("{}everybody: {}", call_out(id.0), people.join(", "))
            }
            Record::Acknowledged { call_out: id, person, via, late, .. } => {
                let late = if *late { " too, late" } else { "" };
                format!("{}{person} has got this{late}, by {}", call_out(id.0), via.in_words())
            }
            Record::Declined { call_out: id, person, via, said_by: _ } => {
                format!("{}{person} can't, by {}", call_out(id.0), via.in_words())
            }
            Record::TakenBack { call_out: id, person, via, said_by: _ } => {
                format!("{}{person} takes it back, by {}", call_out(id.0), via.in_words())
            }
            Record::AcknowledgementExpired { call_out: id } => {
                format!("{}acknowledged, but nothing has moved since: paged again", call_out(id.0))
            }
            Record::CallOutEnded { call_out: id, why } => {
                let why = match why {
                    CallOutEnd::StoodDown => "stood down",
                    CallOutEnd::Answered => "it was answered",
                    CallOutEnd::Unanswered => "nobody answered",
                };
                format!("call-out {} ends: {why}", of(id.0))
            }
            Record::NoticeIntended { person, channel, about, .. } => {
                let all: Vec<String> = about.incidents().into_iter().map(|id| of(id.0)).collect();
                match about {
                    About::Taken { by, .. } => {
                        format!("notice {me} to {person} by {channel}: {by} has {}", all.join(", "))
                    }
                    About::News { of } => {
                        let n: usize = of.iter().map(|fresh| fresh.causes.len()).sum();
                        format!("notice {me} to {person} by {channel}: {n} new about {}", all.join(", "))
                    }
                }
            }
            Record::NoticeSent { notice, outcome } => match outcome {
                SendResult::Accepted => format!("{} accepted", of(notice.0)),
                _ => format!("{} did not go", of(notice.0)),
            },
            Record::ReplyUnmatched { why, .. } => format!("a reply fits no page: {why}"),
            Record::RosterApplied { by, .. } => format!("{} applies people and rota", by.who),
            Record::HeadSigned { head, .. } => format!("the log is signed up to record {}", head.head),
            Record::HeadMailed { head, .. } => format!("the signed head of record {head} was mailed"),
            Record::LogExported { selection, by, .. } => format!("{} took a copy of the log: {selection}", by.who),
            Record::ErasureAsked { subject, by, .. } => {
                format!("{} asks for the details of {subject} to be erased", by.who)
            }
            Record::DetailsErased { seqs, .. } => format!("details of {} records erased", seqs.len()),
            Record::MapStatement { by, .. } => format!("{} says something about the maps", by.who),
            Record::HoldPlaced { on, by, .. } => format!("{} places a hold on {on}", by.who),
            Record::HoldLifted { hold, by, .. } => format!("{} lifts hold {hold}", by.who),
            Record::EntryWritten { incident, by, .. } => {
                format!("{} writes into the log of {}", by.who, of(incident.0))
            }
            Record::EntryConfirmed { incident, by, .. } => {
                format!("{} has read and agrees to an entry of {}", by.who, of(incident.0))
            }
            Record::StoodDown { incident, by, .. } => format!("{} stood down by {}", of(incident.0), by.who),
        })
    }

    /// What the sender of an event is told; `None` for what needs no line.
    pub fn answer(&self, answer: &Answer, clock: &dyn Fn(Timestamp) -> String) -> Option<String> {
        let of = |id: u64| self.name(Seq(id));
        Some(match answer {
            Answer::Contact { receipt, replay: true } => {
                let counted: Vec<&str> = receipt.counted.iter().map(|stream| stream.as_str()).collect();
                format!("the same answer as before: {}, counted in {}", of(receipt.id.0), counted.join(" "))
            }
            Answer::Queue { replay: true } => "known already".to_owned(),
            Answer::None
            | Answer::Contact { .. }
            | Answer::Queue { replay: false }
            | Answer::Warning(_)
            | Answer::Incident(_)
            | Answer::Entry(_)
            | Answer::Erasure { .. }
            | Answer::CallOut(_) => return None,
            Answer::Refused(why) => format!("refused: {why}"),
            Answer::Acknowledgement(told) => match told {
                Acknowledgement::Yours { incident: Some(incident), also } => {
                    let all: Vec<String> = [incident].into_iter().chain(also).map(|id| of(id.0)).collect();
                    format!("yours: {}", all.join(", "))
                }
                Acknowledgement::Yours { incident: None, .. } => "yours".into(),
                Acknowledgement::TakenBack => "noted; the paging goes on".into(),
                Acknowledgement::AlreadyYours { at } => format!("yours already, since {}", clock(*at)),
                Acknowledgement::AlreadyTaken { by, at } => format!("{by} has it since {}", clock(*at)),
                Acknowledgement::Declined => "noted; the next is paged".into(),
                Acknowledgement::Closed => "it is over".into(),
                Acknowledgement::UnknownPage => "no such page".into(),
            },
        })
    }
}
