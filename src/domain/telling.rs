//! Tells a record in the words of a log keeper: a short title and a sentence. For the timeline, the log page, the
//! command line and the demo, so that the same thing is called the same everywhere.
//!
//! Pure, and without personal words: those are details, which the reader adds where it may.

use super::event::{Author, EntryKind, Mark, Receipt, SendResult, TaskState, Via};
use super::keeping::ErasureCause;
use super::notice::About;
use super::playbook::Severity;
use super::record::{CallOutEnd, Cause, Held, Record};
use super::time::Timestamp;
use jiff::tz::TimeZone;

/// A record in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// A few words, e.g. `Paged Priya Nair by sms`.
    pub title: String,
    /// More, or empty.
    pub text: String,
    /// Who did it; empty for callout itself.
    pub who: String,
}

/// What sort of line it is; chooses its mark on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Evidence: signals, warnings.
    Signal,
    /// A decision.
    Decision,
    /// A note of a person.
    Note,
    /// Something done.
    Action,
    /// callout's own doing.
    System,
}

/// How names and times are written.
pub struct Teller<'a> {
    /// A person's or user's name for their short one.
    pub name: &'a dyn Fn(&str) -> String,
    /// The zone of the reader.
    pub zone: &'a TimeZone,
}

/// The severity in words, e.g. `Severity 2, wake somebody`.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::DangerToLife => "Severity 1, danger to life",
        Severity::Wake => "Severity 2, wake somebody",
        Severity::Morning => "Severity 3, next morning",
    }
}

/// A topic, playbook or role id as people read it: `surface-water_flooding` becomes `Surface water flooding`.
pub fn readable(id: &str) -> String {
    let words = id.replace(['_', '-'], " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

impl Record {
    /// What sort of line it is.
    pub fn sort(&self) -> Sort {
        match self {
            Self::SignalRaised { .. }
            | Self::WouldHaveRaised { .. }
            | Self::SignalCleared { .. }
            | Self::WarningEntered { .. }
            | Self::WarningEnded { .. }
            | Self::EvidenceJoined { .. } => Sort::Signal,
            Self::EntryWritten { kind: EntryKind::Decision, .. }
            | Self::EntryConfirmed { .. }
            | Self::StoodDown { .. } => Sort::Decision,
            Self::EntryWritten { kind: EntryKind::Action, .. }
            | Self::Acknowledged { .. }
            | Self::Declined { .. }
            | Self::TakenBack { .. }
            | Self::TaskMoved { .. } => Sort::Action,
            Self::EntryWritten { kind: EntryKind::System, .. } => Sort::System,
            Self::EntryWritten { .. } => Sort::Note,
            Self::Started { .. }
            | Self::DocumentRecorded { .. }
            | Self::PolicyInForce { .. }
            | Self::LayersInForce { .. }
            | Self::MapStatement { .. }
            | Self::ContactTaken { .. }
            | Self::QueueCounted { .. }
            | Self::ContactMarked { .. }
            | Self::IncidentOpened { .. }
            | Self::PlaybookHeld { .. }
            | Self::PlaybookActivated { .. }
            | Self::TaskOpened { .. }
            | Self::TaskLapsed { .. }
            | Self::StepCovered { .. }
            | Self::CallOutStarted { .. }
            | Self::LevelStarted { .. }
            | Self::PageIntended { .. }
            | Self::PageSent { .. }
            | Self::PageRouted { .. }
            | Self::PageReceipt { .. }
            | Self::CallOutWidened { .. }
            | Self::AcknowledgementExpired { .. }
            | Self::CallOutEnded { .. }
            | Self::RosterApplied { .. }
            | Self::NoticeIntended { .. }
            | Self::NoticeSent { .. }
            | Self::ReplyUnmatched { .. }
            | Self::HeadSigned { .. }
            | Self::HeadMailed { .. }
            | Self::LogExported { .. }
            | Self::ErasureAsked { .. }
            | Self::DetailsErased { .. }
            | Self::HoldPlaced { .. }
            | Self::HoldLifted { .. } => Sort::System,
        }
    }
}

impl Teller<'_> {
    fn author(&self, by: &Author) -> String {
        match by.via {
            Via::System => String::new(),
            via => format!("{}, by {}", (self.name)(&by.who), via.in_words()),
        }
    }

    /// By what, and by whom where somebody said it for the one who was paged.
    fn by(&self, said_by: Option<&str>, via: Via) -> String {
        match said_by {
            Some(other) => format!("said by {}, by {}", (self.name)(other), via.in_words()),
            None => format!("by {}", via.in_words()),
        }
    }

    fn names<'p>(&self, people: impl IntoIterator<Item = &'p super::id::PersonId>) -> String {
        people.into_iter().map(|person| (self.name)(person.as_str())).collect::<Vec<_>>().join(", ")
    }

    fn clock(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %-d %b %H:%M").to_string()
    }

    /// The record in words.
    pub fn tell(&self, record: &Record) -> Told {
        let plain = |title: String, text: String| Told { title, text, who: String::new() };
        match record {
            Record::Started { version, tz } => plain(format!("callout {version} started"), format!("zone data {tz}")),
            Record::DocumentRecorded { document } => {
                plain(format!("Text of {} recorded", document.name), format!("version {}", short(&document.sha256)))
            }
            Record::PolicyInForce { documents, by } => Told {
                title: "Plans and settings in force".into(),
                text: format!("{} documents", documents.len()),
                who: self.author(by),
            },
            Record::LayersInForce { epoch, layers } => {
                plain("Map layers in force".into(), format!("set {epoch}, {} layers", layers.len()))
            }
            Record::ContactTaken { contact, incident, .. } => {
                let topics: Vec<_> = contact.tags.iter().map(|tag| readable(tag.as_str())).collect();
                let about = if topics.is_empty() { "no topic".to_owned() } else { topics.join(", ") };
                let body = contact.body.as_ref().map_or("responsible body not known".into(), |b| readable(b.as_str()));
                let counts = incident.map(|incident| format!("; counts towards {incident}")).unwrap_or_default();
                plain(
                    format!("Contact by {}", readable(contact.channel.as_str()).to_lowercase()),
                    format!("{about}; {body}{counts}"),
                )
            }
            Record::ContactMarked { contact, mark, by } => Told {
                title: match mark {
                    Mark::SameAs(other) => format!("{contact} is about the same as {other}"),
                    Mark::Promised(by_then) => {
                        format!("{contact}: the caller was promised to hear by {}", self.clock(*by_then))
                    }
                    Mark::Withdrawn => format!("{contact} withdrawn: logged by mistake, it counts no more"),
                },
                text: String::new(),
                who: self.author(by),
            },
            Record::QueueCounted { counts } => plain(
                format!("Queue {} counted", counts.name()),
                format!(
                    "{} offered, {} answered, {} abandoned, {} s mean wait, from {} to {}",
                    counts.offered,
                    counts.answered,
                    counts.abandoned,
                    counts.wait_s,
                    self.clock(counts.from),
                    self.clock(counts.to())
                ),
            ),
            Record::WarningEntered { warning, by, .. } => Told {
                title: format!("{:?} warning: {}", warning.level, readable(&warning.kind).to_lowercase()),
                text: format!(
                    "{}, {} from {} to {}",
                    readable(&warning.source),
                    warning.area,
                    self.clock(warning.from),
                    self.clock(warning.to)
                ),
                who: self.author(by),
            },
            Record::WarningEnded { warning, by } => {
                Told { title: format!("Warning {warning} ended"), text: String::new(), who: self.author(by) }
            }
            Record::SignalRaised { signal } => {
                plain(format!("Signal: {}", readable(signal.topic.as_str()).to_lowercase()), signal.evidence.clone())
            }
            Record::WouldHaveRaised { signal } => plain(
                format!("On trial, would have paged: {}", readable(signal.topic.as_str()).to_lowercase()),
                signal.evidence.clone(),
            ),
            Record::SignalCleared { signal } => plain(format!("Signal {signal} cleared"), String::new()),
            Record::IncidentOpened { topic, severity: how_bad, exercise, by, .. } => Told {
                title: format!(
                    "{}Incident opened: {}",
                    if *exercise { "EXERCISE. " } else { "" },
                    readable(topic.as_str()).to_lowercase()
                ),
                text: severity(*how_bad).into(),
                who: self.author(by),
            },
            Record::EvidenceJoined { cause, .. } => plain(
                match cause {
                    Cause::Signal(signal) => format!("Signal {signal} counts towards it"),
                    Cause::Warning(warning) => format!("Warning {warning} counts towards it"),
                },
                String::new(),
            ),
            Record::PlaybookHeld { playbook, why, .. } => plain(
                format!("Playbook {} not started by itself", readable(playbook.as_str()).to_lowercase()),
                match why {
                    Held::Proposed => "it is proposed: the duty officer decides",
                    Held::CoreHours => "it is for out of hours, and it is core hours",
                    Held::OutOfHours => "it is for core hours, and it is out of hours",
                }
                .into(),
            ),
            Record::PlaybookActivated { playbook, version, by, .. } => Told {
                title: format!("Playbook started: {}", readable(playbook.as_str()).to_lowercase()),
                text: format!("version {}", short(version)),
                who: self.author(by),
            },
            Record::TaskOpened { title, owner, due, .. } => plain(
                format!("Task: {title}"),
                match due {
                    Some(due) => format!("{}, to be taken by {}", readable(owner.as_str()), self.clock(*due)),
                    None => readable(owner.as_str()),
                },
            ),
            Record::TaskLapsed { task, .. } => {
                plain(format!("Nobody has taken {task} in time: the next are paged"), String::new())
            }
            Record::TaskMoved { task, to, by } => Told {
                title: match to {
                    TaskState::Open => format!("Task {task} open again"),
                    TaskState::Accepted => format!("Task {task} taken"),
                    TaskState::Done => format!("Task {task} done"),
                    TaskState::NotDone => format!("Task {task} will not be done"),
                },
                text: String::new(),
                who: self.author(by),
            },
            Record::StepCovered { by, .. } => {
                plain("No new page".into(), format!("the same people are being paged already, or have it ({by})"))
            }
            Record::CallOutStarted { cause, ladder, test, to, .. } => match test.as_ref().or(to.as_ref()) {
                Some(person) if test.is_none() => {
                    plain(format!("{} is asked to take over", (self.name)(person.as_str())), cause.clone())
                }
                Some(person) => plain(format!("Test page to {}", (self.name)(person.as_str())), cause.clone()),
                None => plain(
                    "Call-out started".into(),
                    format!(
                        "{cause}. First {}",
                        ladder
                            .iter()
                            .map(|role| readable(role.as_str()).to_lowercase())
                            .collect::<Vec<_>>()
                            .join(", then ")
                    ),
                ),
            },
            Record::LevelStarted { level, people, passed, held, .. } => match passed {
                Some(why) => plain(format!("Level {} passed at once", level + 1), why.clone()),
                None => plain(
                    format!("Level {} is being paged", level + 1),
                    match held.is_empty() {
                        true => self.names(people),
                        false => format!(
                            "{}; had a message a moment ago, so with their next: {}",
                            self.names(people),
                            self.names(held)
                        ),
                    },
                ),
            },
            Record::PageIntended { person, channel, attempt, repeats, also, .. } => {
                let number = match (repeats, attempt) {
                    (Some(page), _) => format!("again: the outcome of {page} is not known"),
                    (None, 1) => String::new(),
                    (None, attempt) => format!("page {attempt} to this person"),
                };
                let shared = match also.len() {
                    0 => String::new(),
                    n => format!("one message for {} call-outs", n + 1),
                };
                let both = [number, shared].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>();
                plain(format!("Paging {} by {channel}", (self.name)(person.as_str())), both.join("; "))
            }
            Record::PageSent { page, outcome } => match outcome {
                SendResult::Accepted => plain(format!("{page} sent"), String::new()),
                SendResult::Retryable { why } => plain(format!("{page} did not go"), why.clone()),
                SendResult::Refused { why } => plain(format!("{page} was refused"), why.clone()),
                SendResult::Unknown { why } => plain(format!("{page}: not known whether it went"), why.clone()),
                SendResult::Cancelled => plain(format!("{page} stopped before it was sent"), String::new()),
            },
            Record::PageRouted { page, by, passed } => plain(
                format!("{page} went on to {by}"),
                passed.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>().join("; "),
            ),
            Record::PageReceipt { page, receipt } => plain(
                match receipt {
                    Receipt::Underway => format!("{page} is on its way"),
                    Receipt::Failed => format!("{page} was not delivered"),
                    Receipt::Delivered => format!("{page} delivered"),
                },
                String::new(),
            ),
            Record::CallOutWidened { people, .. } => {
                plain("Nobody has it: everybody is paged".into(), self.names(people))
            }
            Record::Acknowledged { person, via, said_by, late: true, .. } => Told {
                title: format!("{} has it too; somebody had it already", (self.name)(person.as_str())),
                text: String::new(),
                who: self.by(said_by.as_deref(), *via),
            },
            Record::Acknowledged { person, via, said_by, .. } => Told {
                title: format!("{} has it", (self.name)(person.as_str())),
                text: String::new(),
                who: self.by(said_by.as_deref(), *via),
            },
            Record::Declined { person, via, said_by, .. } => Told {
                title: format!("{} can't", (self.name)(person.as_str())),
                text: String::new(),
                who: self.by(said_by.as_deref(), *via),
            },
            Record::TakenBack { person, via, said_by, .. } => Told {
                title: format!("{} does not have it after all", (self.name)(person.as_str())),
                text: "it was a mistake; the paging goes on".into(),
                who: self.by(said_by.as_deref(), *via),
            },
            Record::AcknowledgementExpired { .. } => {
                plain("Nothing has moved: paging starts again".into(), String::new())
            }
            Record::CallOutEnded { why, .. } => plain(
                "Call-out ended".into(),
                match why {
                    CallOutEnd::StoodDown => "the incident was stood down",
                    CallOutEnd::Answered => "it was answered",
                    CallOutEnd::Unanswered => "it was not answered",
                }
                .into(),
            ),
            Record::NoticeIntended { person, channel, about, .. } => plain(
                format!("Telling {} by {channel}, no answer asked", (self.name)(person.as_str())),
                match about {
                    About::Taken { by, .. } => format!("{} has it", (self.name)(by.as_str())),
                    About::News { of } => {
                        let n: usize = of.iter().map(|fresh| fresh.causes.len()).sum();
                        format!("{n} new {}", if n == 1 { "sign" } else { "signs" })
                    }
                },
            ),
            Record::NoticeSent { notice, outcome } => match outcome {
                SendResult::Accepted => plain(format!("{notice} sent"), String::new()),
                SendResult::Retryable { why } | SendResult::Refused { why } | SendResult::Unknown { why } => {
                    plain(format!("{notice}: not known to have gone"), why.clone())
                }
                SendResult::Cancelled => plain(format!("{notice} was not sent"), String::new()),
            },
            Record::ReplyUnmatched { person, why } => plain(
                "A reply fits no page".into(),
                match person {
                    Some(person) => format!("from {}: {why}", (self.name)(person.as_str())),
                    None => format!("from a number of nobody on the rota: {why}"),
                },
            ),
            Record::RosterApplied { by, .. } => Told {
                title: "People and rota applied".into(),
                text: "the files stand beside the log, word for word".into(),
                who: self.author(by),
            },
            Record::HeadSigned { head, .. } => {
                plain(format!("Log signed up to entry {}", head.head), format!("head {}", short(&head.hash)))
            }
            Record::HeadMailed { head, outcome } => match outcome {
                SendResult::Accepted => {
                    plain(format!("Signed head of entry {head} mailed to the records address"), String::new())
                }
                SendResult::Retryable { why } | SendResult::Refused { why } | SendResult::Unknown { why } => {
                    plain(format!("Signed head of entry {head} could not be mailed"), why.clone())
                }
                SendResult::Cancelled => plain(format!("Signed head of entry {head} was not mailed"), String::new()),
            },
            Record::LogExported { profile, selection, by, .. } => Told {
                title: "Copy of the log taken".into(),
                text: format!("{selection}, for: {profile}"),
                who: self.author(by),
            },
            Record::ErasureAsked { subject, by, .. } => Told {
                title: format!("Erasure of {subject} asked for"),
                text: "a second person must ask too".into(),
                who: self.author(by),
            },
            Record::DetailsErased { seqs, subject, cause, by, .. } => Told {
                title: match subject {
                    Some(subject) => format!("Details of {subject} erased"),
                    None => "Details erased".into(),
                },
                text: match cause {
                    ErasureCause::Request => format!("of {} entries, on request", seqs.len()),
                    ErasureCause::Retention => format!("of {} entries, their time was over", seqs.len()),
                },
                who: self.author(by),
            },
            Record::MapStatement { statement, by, .. } => {
                use super::correction::Statement;
                let title = match statement {
                    Statement::Wrong { .. } => "An answer about the land is said to be wrong".to_owned(),
                    Statement::Corrected { body, .. } => format!("The map is corrected: {}", readable(body.as_str())),
                    Statement::Settled { note } => format!("The map is right after all: note {note}"),
                    Statement::Withdrawn { correction } => format!("Correction {correction} of the map is withdrawn"),
                };
                Told { title, text: String::new(), who: self.author(by) }
            }
            Record::HoldPlaced { on, by, .. } => {
                Told { title: format!("Legal hold on {on}"), text: String::new(), who: self.author(by) }
            }
            Record::HoldLifted { hold, by, .. } => {
                Told { title: format!("Legal hold {hold} lifted"), text: String::new(), who: self.author(by) }
            }
            Record::EntryWritten {
                kind,
                by,
                corrects,
                occurred_at,
                role,
                confidence,
                decided_by,
                relies_on,
                review_at,
                ..
            } => {
                let moment = |at: &Timestamp| self.zone.to_datetime(*at).strftime("%d %b %H:%M").to_string();
                let decided = decided_by.as_ref().map(|who| format!("decided by {}", (self.name)(who.as_str())));
                let entries: Vec<String> = relies_on.iter().map(ToString::to_string).collect();
                let parts = [
                    occurred_at.as_ref().map(|at| format!("happened {}", moment(at))),
                    confidence.map(|sure| format!("{sure:?}").to_lowercase()),
                    decided,
                    (!entries.is_empty()).then(|| format!("relies on {}", entries.join(", "))),
                    review_at.as_ref().map(|at| format!("to be reviewed {}", moment(at))),
                ];
                let who = match role {
                    Some(role) => format!("{} ({})", self.author(by), readable(role.as_str())),
                    None => self.author(by),
                };
                Told {
                    title: match corrects {
                        Some(wrong) => format!("Correction of entry {wrong}"),
                        None => format!("{kind:?}"),
                    },
                    text: parts.into_iter().flatten().collect::<Vec<_>>().join("; "),
                    who,
                }
            }
            Record::EntryConfirmed { entry, by, .. } => {
                Told { title: format!("Entry {entry} read and agreed"), text: String::new(), who: self.author(by) }
            }
            Record::StoodDown { by, .. } => {
                Told { title: "Stood down".into(), text: String::new(), who: self.author(by) }
            }
        }
    }
}

/// The first eight digits of a digest, as people compare them.
pub fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}
