//! What can happen: everything that the core is ever told. Reading this list tells what callout reacts to.
//!
//! Personal words travel *sealed*: the core sees a digest to put in the record, never the content.

use super::contact::Contact;
use super::entry::Entry;
use super::id::{
    CallOutId, ContactId, IncidentId, NoticeId, PageId, PersonId, PlaybookId, RoleId, Seq, Tag, TaskId, WarningId,
};
use super::keeping::{SignedHead, Spans};
use super::place::GridPoint;
use super::playbook::{Severity, WarningLevel};
use super::policy::Document;
use super::queue::QueueCounts;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The daemon is up; what was announced and has no outcome goes out again.
    Started {
        /// Program version.
        version: String,
        /// Version of the zone data.
        tz: String,
    },
    /// A checked set of documents comes into force.
    PolicyLoaded {
        /// All of them, not only the changed ones.
        documents: Vec<Document>,
        /// Who asked.
        by: Author,
    },
    /// People and rota as a planner has applied them, or as the files have them at the first start.
    RosterApplied {
        /// The parts that the log may hold: people and rota.
        documents: Vec<Document>,
        /// Who asked.
        by: Author,
        /// Both files, word for word.
        sealed: Sealed,
    },
    /// A set of map layers comes into force.
    LayersLoaded {
        /// Which set.
        epoch: u64,
        /// Id and SHA-256 of each layer.
        layers: Vec<(String, String)>,
    },
    /// Somebody says that the maps are wrong, or what is right.
    MapStatement {
        /// What.
        statement: super::correction::Statement,
        /// Who.
        by: Author,
        /// Why, and the exact place.
        why: Sealed,
    },
    /// A contact came in, located and classified.
    ContactReceived {
        /// The part that the log may hold.
        contact: Contact,
        /// The personal part.
        sealed: Option<Sealed>,
    },
    /// Somebody says something of a contact that was taken before.
    ContactMarked {
        /// Which contact.
        contact: ContactId,
        /// What.
        mark: Mark,
        /// Who.
        by: Author,
    },
    /// A telephony system has counted the calls of an interval.
    QueueCounted {
        /// The counts.
        counts: QueueCounts,
    },
    /// A person enters a warning.
    WarningEntered {
        /// The warning.
        warning: Warning,
        /// Who.
        by: Author,
        /// Remarks.
        sealed: Option<Sealed>,
    },
    /// A person ends a warning before its time.
    WarningCancelled {
        /// Which.
        warning: WarningId,
        /// Who.
        by: Author,
    },
    /// A person opens an incident.
    IncidentOpened {
        /// What it is about.
        topic: Tag,
        /// How bad.
        severity: Severity,
        /// Where, if known.
        place: Option<GridPoint>,
        /// Nothing about it is real.
        exercise: bool,
        /// Who.
        by: Author,
        /// Why.
        reason: Sealed,
    },
    /// A person activates a playbook, on an open incident or on a new one.
    PlaybookActivated {
        /// The incident; `None` opens one.
        incident: Option<IncidentId>,
        /// Which playbook.
        playbook: PlaybookId,
        /// Who.
        by: Author,
        /// Why.
        reason: Sealed,
        /// For a new incident: nothing about it is real.
        exercise: bool,
    },
    /// A person writes into an incident's log.
    EntryWritten {
        /// The incident.
        incident: IncidentId,
        /// What can be said of it without its words.
        entry: Box<Entry>,
        /// Who.
        by: Author,
        /// The words ([`super::entry::EntryWords`]).
        text: Sealed,
    },
    /// The one who decided has read what a loggist wrote down, and agrees.
    EntryConfirmed {
        /// The incident.
        incident: IncidentId,
        /// The decision.
        entry: Seq,
        /// Who.
        by: Author,
    },
    /// A person accepts or finishes a task.
    TaskMoved {
        /// Which.
        task: TaskId,
        /// To which state.
        to: TaskState,
        /// Who.
        by: Author,
    },
    /// A person stands an incident down.
    StoodDown {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: Author,
        /// Why.
        reason: Sealed,
    },
    /// A person calls a higher level in, now and whatever the ladder says.
    Escalated {
        /// The incident.
        incident: IncidentId,
        /// Which role.
        role: RoleId,
        /// Who.
        by: Author,
        /// Why.
        reason: Sealed,
    },
    /// A person asks another to take the incident over; it stays where it is until the other has said "I have got this".
    HandOverAsked {
        /// The incident.
        incident: IncidentId,
        /// Whom.
        to: PersonId,
        /// Who.
        by: Author,
        /// How it stands, for the log.
        reason: Sealed,
    },
    /// Somebody says "I have got this".
    Acknowledged {
        /// The page that they answer.
        page: PageId,
        /// Who and by what.
        by: Author,
    },
    /// Somebody says "I can't".
    Declined {
        /// The page that they answer.
        page: PageId,
        /// Who and by what.
        by: Author,
    },
    /// Somebody who said "I have got this" a moment ago says that it was a mistake.
    TakenBack {
        /// The page that they had answered.
        page: PageId,
        /// Who and by what.
        by: Author,
    },
    /// A reply that fits no open page.
    ReplyUnmatched {
        /// Whose number it came from, if anybody's.
        person: Option<PersonId>,
        /// What was wrong with it, without its words.
        why: String,
    },
    /// What became of a send.
    PageOutcome {
        /// Which page.
        page: PageId,
        /// What.
        outcome: SendResult,
    },
    /// By which provider a page went in the end, where others were passed over. Comes before its outcome.
    PageRouted {
        /// Which page.
        page: PageId,
        /// The provider whose answer counts.
        by: String,
        /// Those before it, each with the reason, without personal data.
        passed: Vec<(String, String)>,
    },
    /// What became of a notice.
    NoticeOutcome {
        /// Which notice.
        notice: NoticeId,
        /// What.
        outcome: SendResult,
    },
    /// What the network says later.
    PageReceipt {
        /// Which page.
        page: PageId,
        /// What.
        receipt: Receipt,
    },
    /// Page one person as a test.
    TestPage {
        /// Whom.
        person: PersonId,
        /// Who asked.
        by: Author,
    },
    /// callout itself is in trouble: its administrators are paged, else everybody of last resort.
    Alarm {
        /// What the trouble is, in words for the page.
        cause: String,
    },
    /// The head of the log was signed.
    HeadSigned {
        /// The head.
        head: SignedHead,
        /// It is to be mailed to the records address.
        mail: bool,
    },
    /// What became of the mail with a signed head.
    HeadMailed {
        /// Which head.
        head: Seq,
        /// What.
        outcome: SendResult,
    },
    /// Somebody takes a copy of the log, or of a part of it.
    LogExported {
        /// What is left out of it, by the profile's name.
        profile: String,
        /// Which part, in words: `whole`, `INC-42`, `2026-11-01 to 2026-11-30`.
        selection: String,
        /// Who.
        by: Author,
        /// Why.
        why: Sealed,
    },
    /// Somebody asks for details to be erased.
    ErasureAsked {
        /// Whose: `C-9`, or `INC-5` for the words of an incident.
        subject: String,
        /// The incident that the contact counted towards.
        of: Option<IncidentId>,
        /// The records whose details are the subject's.
        seqs: Spans,
        /// Words of an incident are among them: two people are needed.
        incident_texts: bool,
        /// Who.
        by: Author,
        /// Why.
        why: Sealed,
    },
    /// The time of details is over.
    DetailsExpired {
        /// The records that name them.
        seqs: Spans,
    },
    /// Somebody places a legal hold: what it covers is not erased.
    HoldPlaced {
        /// A contact, an incident, or `everything`.
        on: String,
        /// Who.
        by: Author,
        /// Why.
        why: Sealed,
    },
    /// Somebody lifts a legal hold.
    HoldLifted {
        /// The record that placed it.
        hold: Seq,
        /// Who.
        by: Author,
        /// Why.
        why: Sealed,
    },
    /// Time passed a deadline.
    Tick,
}

/// Who did something, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// A person's or user's short name, e.g. `priya.nair`; `callout` for the system itself.
    pub who: String,
    /// By what.
    pub via: Via,
}

impl Author {
    /// The system itself.
    pub fn system() -> Self {
        Self { who: "callout".into(), via: Via::System }
    }
}

/// The ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Nobody: a rule or a timer.
    System,
    /// A page of the console.
    Console,
    /// The API.
    Api,
    /// The command line.
    Command,
    /// The signed link of a page.
    Link,
    /// A text message.
    Sms,
    /// The simulated people of the demo.
    Demo,
}

impl Via {
    /// As it stands in a sentence: "acknowledged by priya.nair, by text".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::System => "callout itself",
            Self::Console => "console",
            Self::Api => "API",
            Self::Command => "command line",
            Self::Link => "phone page",
            Self::Sms => "text",
            Self::Demo => "demo",
        }
    }
}

/// Personal words on their way to the details store.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// 16 random bytes, hex.
    pub salt: String,
    /// SHA-256 over the salt's hex digits and the content, hex: what the record holds.
    pub digest: String,
    /// How long it is kept.
    pub class: DetailClass,
    /// The content, JSON.
    pub content: Vec<u8>,
}

impl Sealed {
    /// Seals `content` (JSON bytes) with a salt of 16 random bytes.
    pub fn new(salt: [u8; 16], class: DetailClass, content: Vec<u8>) -> Self {
        let salt = hex(&salt);
        let digest = Self::digest_of(&salt, &content);
        Self { salt, digest, class, content }
    }

    /// The digest that a record holds for `content` under `salt` (its hex digits).
    pub fn digest_of(salt: &str, content: &[u8]) -> String {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        hasher.update(salt.as_bytes());
        hasher.update(content);
        hex(&hasher.finalize())
    }
}

/// Shows nothing of the content, so that the trace cannot.
impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({:?}, ***)", self.class)
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

/// How long a detail is kept (design.md, figures in force).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetailClass {
    /// A routine contact: 1 year.
    Contact,
    /// Words of an incident: 21 years.
    Incident,
    /// A person of the rota: while in post.
    Person,
}

/// What may be said of a contact after it was taken. The contact's own record stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is about the same thing as this earlier contact.
    SameAs(ContactId),
    /// The caller was promised to hear by then.
    Promised(Timestamp),
    /// It was logged by mistake: it counts no more.
    Withdrawn,
}

/// A warning as entered or received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// E.g. `met_office`.
    pub source: String,
    /// E.g. `rain`.
    pub kind: String,
    /// Level.
    pub level: WarningLevel,
    /// In force from.
    pub from: Timestamp,
    /// In force until.
    pub to: Timestamp,
    /// Area by name, e.g. `Wexmoor and the Wex valley`.
    pub area: String,
}

/// Types of log entries (civil.md part 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Information.
    Information,
    /// A decision.
    Decision,
    /// Something done.
    Action,
    /// A request made.
    Request,
    /// An offer received.
    Offer,
    /// A contact worth noting.
    Contact,
    /// Press and public messages.
    Media,
    /// A lesson to keep.
    Lesson,
    /// callout's own.
    System,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nobody has taken it.
    Open,
    /// Somebody has taken it.
    Accepted,
    /// It is done.
    Done,
    /// It will not be done.
    NotDone,
}

impl DetailClass {
    /// The word in the details store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Incident => "incident",
            Self::Person => "person",
        }
    }
}

/// What a transport says of one send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum SendResult {
    /// The next server has it.
    Accepted,
    /// It may work later.
    Retryable {
        /// The server's words, without personal data.
        why: String,
    },
    /// It will not work.
    Refused {
        /// The server's words, without personal data.
        why: String,
    },
    /// It may or may not have gone.
    Unknown {
        /// What is known.
        why: String,
    },
    /// It was stopped before it was sent.
    Cancelled,
}

/// What the network says of a page after it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// On its way (queued or accepted by the network).
    Underway,
    /// Not delivered.
    Failed,
    /// On the phone.
    Delivered,
}

/// What an event led to, for the one who sent it. Given only when its records are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing to say.
    None,
    /// A contact was taken (or had been, when `replay`).
    Contact {
        /// What became of it.
        receipt: super::contact::Receipt,
        /// The key was known already.
        replay: bool,
    },
    /// The counts of an interval were taken (or had been, when `replay`).
    Queue {
        /// The very same counts were known already.
        replay: bool,
    },
    /// A warning was entered.
    Warning(WarningId),
    /// An incident was opened, changed or joined.
    Incident(IncidentId),
    /// An entry was written at this position.
    Entry(Seq),
    /// An erasure was done, or asked for and waits for a second person.
    Erasure {
        /// The record that says so.
        entry: Seq,
        /// Details erased; 0 while it waits.
        erased_n: u64,
    },
    /// A test page is on its way.
    CallOut(CallOutId),
    /// The reply to "I have got this" or "I can't".
    Acknowledgement(Acknowledgement),
    /// It cannot be done, with the reason and the remedy.
    Refused(String),
}

/// What somebody who answers a page is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Acknowledgement {
    /// They have it now.
    Yours {
        /// The incident; `None` for a test page.
        incident: Option<IncidentId>,
        /// The others that the same message stood for.
        also: Vec<IncidentId>,
    },
    /// They had it already.
    AlreadyYours {
        /// Since.
        at: Timestamp,
    },
    /// Somebody else has it.
    AlreadyTaken {
        /// Who.
        by: PersonId,
        /// Since.
        at: Timestamp,
    },
    /// They can't; the next is being paged.
    Declined,
    /// It was a mistake; the paging goes on.
    TakenBack,
    /// The incident is closed.
    Closed,
    /// No such page.
    UnknownPage,
}
