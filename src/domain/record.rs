//! What the log can hold: the only vocabulary in which callout remembers. No person, no words: those are details,
//! named here by their digest.

use super::contact::Contact;
use super::entry::Confidence;
use super::event::{Author, EntryKind, Mark, Receipt, SendResult, TaskState, Via, Warning};
use super::id::{
    CallOutId, ContactId, IncidentId, NoticeId, PageId, PersonId, PlaybookId, RoleId, Seq, SignalId, StreamId, Tag,
    TaskId, WarningId,
};
use super::keeping::{ErasureCause, SignedHead, Spans};
use super::notice::About;
use super::person::PageChannel;
use super::place::GridPoint;
use super::playbook::{Evidence, Severity};
use super::policy::{Document, DocumentKind};
use super::queue::QueueCounts;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One record. Ids of new things are the record's own position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The daemon started.
    Started {
        /// Program version.
        version: String,
        /// Version of the zone data.
        tz: String,
    },
    /// The full text of a document, at its first use.
    DocumentRecorded {
        /// The document.
        document: Document,
    },
    /// From here on these documents are in force, all at once.
    PolicyInForce {
        /// Kind, name and SHA-256 of each.
        documents: Vec<(DocumentKind, String, String)>,
        /// Who asked.
        by: Author,
    },
    /// People and rota were applied; the documents in force hold what decides.
    RosterApplied {
        /// Who asked.
        by: Author,
        /// Both files, word for word.
        digest: String,
    },
    /// From here on these map layers answer.
    LayersInForce {
        /// Which set.
        epoch: u64,
        /// Id and SHA-256 of each.
        layers: Vec<(String, String)>,
    },
    /// Somebody said that the maps are wrong, or what is right.
    MapStatement {
        /// What.
        #[serde(flatten)]
        statement: super::correction::Statement,
        /// Who.
        by: Author,
        /// Why, and the exact place.
        digest: String,
    },
    /// A contact was taken.
    ContactTaken {
        /// What may be said of it.
        contact: Contact,
        /// The open incident it counts towards.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        incident: Option<IncidentId>,
        /// Its details.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        digest: Option<String>,
    },
    /// Something was said of a contact that was taken before.
    ContactMarked {
        /// Which contact.
        contact: ContactId,
        /// What.
        mark: Mark,
        /// Who.
        by: Author,
    },
    /// The calls of an interval were counted; of two for the same queue and beginning the later counts.
    QueueCounted {
        /// The counts.
        counts: QueueCounts,
    },
    /// A warning was entered.
    WarningEntered {
        /// The warning.
        warning: Warning,
        /// Who.
        by: Author,
        /// Remarks.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        digest: Option<String>,
    },
    /// A warning ended, by its time or by a person.
    WarningEnded {
        /// Which.
        warning: WarningId,
        /// Who.
        by: Author,
    },
    /// A detector says that something is unusual.
    SignalRaised {
        /// What and why.
        signal: Signal,
    },
    /// A learnt detector on trial would have raised this; nothing follows from it.
    WouldHaveRaised {
        /// What and why.
        signal: Signal,
    },
    /// It is usual again.
    SignalCleared {
        /// Which.
        signal: SignalId,
    },
    /// An incident was opened.
    IncidentOpened {
        /// What it is about.
        topic: Tag,
        /// How bad.
        severity: Severity,
        /// Where.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        place: Option<GridPoint>,
        /// Nothing about it is real.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        exercise: bool,
        /// Who.
        by: Author,
        /// A person's reason.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        digest: Option<String>,
    },
    /// A signal or warning counts towards an incident.
    EvidenceJoined {
        /// Which incident.
        incident: IncidentId,
        /// What joined.
        cause: Cause,
    },
    /// A playbook's conditions hold but it does not start by itself.
    PlaybookHeld {
        /// Which incident.
        incident: IncidentId,
        /// Which playbook.
        playbook: PlaybookId,
        /// Its version (SHA-256 of its text).
        version: String,
        /// Why not.
        why: Held,
    },
    /// A playbook is in force for an incident.
    PlaybookActivated {
        /// Which incident.
        incident: IncidentId,
        /// Which playbook.
        playbook: PlaybookId,
        /// Its version (SHA-256 of its text).
        version: String,
        /// Who.
        by: Author,
        /// A person's reason.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        digest: Option<String>,
    },
    /// A task was given.
    TaskOpened {
        /// Which incident.
        incident: IncidentId,
        /// Which playbook's.
        playbook: PlaybookId,
        /// Which of its steps, 0 for the first.
        step: u32,
        /// What is to be done (the playbook's words).
        title: String,
        /// By whom.
        owner: RoleId,
        /// To be accepted by then.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        due: Option<Timestamp>,
    },
    /// A task went on.
    TaskMoved {
        /// Which.
        task: TaskId,
        /// To which state.
        to: TaskState,
        /// Who.
        by: Author,
    },
    /// A task was not taken in time: the next is paged.
    TaskLapsed {
        /// Which.
        task: TaskId,
        /// The paging for it.
        call_out: CallOutId,
    },
    /// A step need not page: the same people are being paged, or have it, for another cause of the incident.
    StepCovered {
        /// Which incident.
        incident: IncidentId,
        /// Which playbook's.
        playbook: PlaybookId,
        /// Which of its steps.
        step: u32,
        /// By which call-out.
        by: CallOutId,
    },
    /// The paging of one step began.
    CallOutStarted {
        /// For which incident; `None` for a test page.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        incident: Option<IncidentId>,
        /// Why, in words for the page.
        cause: String,
        /// Which playbook's step; `None` for a test page.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        step: Option<(PlaybookId, u32)>,
        /// Roles, one a level.
        ladder: Vec<RoleId>,
        /// For a test page: whom.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        test: Option<PersonId>,
        /// For a hand-over: who is asked to take the incident.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        to: Option<PersonId>,
        /// So many must say "I have got this".
        wanted: u32,
        /// How bad.
        severity: Severity,
    },
    /// A level of the ladder is being paged.
    LevelStarted {
        /// Which call-out.
        call_out: CallOutId,
        /// 0 for the first.
        level: u32,
        /// Who is on call there; empty where nobody is.
        people: Vec<PersonId>,
        /// Why this level is passed at once, when it is.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        passed: Option<String>,
        /// Who of them had a message a moment ago: this one goes with their next, within the limit of messages.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        held: Vec<PersonId>,
    },
    /// A page is to be sent. Durable before the send.
    PageIntended {
        /// Which call-out.
        call_out: CallOutId,
        /// Whom.
        person: PersonId,
        /// By what.
        channel: PageChannel,
        /// 1 for the first page to this person in this call-out.
        attempt: u32,
        /// The page whose outcome is unknown and which this one repeats.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        repeats: Option<PageId>,
        /// Other call-outs that wait for the same person: this one message stands for them too.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        also: Vec<CallOutId>,
    },
    /// What the transport said.
    PageSent {
        /// Which page.
        page: PageId,
        /// What.
        outcome: SendResult,
    },
    /// Providers were passed over before one took a page, or refused it for good.
    PageRouted {
        /// Which page.
        page: PageId,
        /// The provider whose answer counts.
        by: String,
        /// Those before it, each with the reason.
        passed: Vec<(String, String)>,
    },
    /// What the network said later.
    PageReceipt {
        /// Which page.
        page: PageId,
        /// What.
        receipt: Receipt,
    },
    /// The ladder is exhausted: everybody is paged, until a human acts.
    CallOutWidened {
        /// Which call-out.
        call_out: CallOutId,
        /// Everybody.
        people: Vec<PersonId>,
    },
    /// Somebody has it.
    Acknowledged {
        /// Which call-out.
        call_out: CallOutId,
        /// Who.
        person: PersonId,
        /// In answer to which page, if to one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        page: Option<PageId>,
        /// By what.
        via: Via,
        /// Who said it for them, where it was somebody else: a manager, or another system by its token's name.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        said_by: Option<String>,
        /// Somebody else had it already, and they were told who.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        late: bool,
    },
    /// Somebody can't.
    Declined {
        /// Which call-out.
        call_out: CallOutId,
        /// Who.
        person: PersonId,
        /// By what.
        via: Via,
        /// Who said it for them, where it was somebody else.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        said_by: Option<String>,
    },
    /// Somebody had said that they have it, by mistake: the paging goes on.
    TakenBack {
        /// Which call-out.
        call_out: CallOutId,
        /// Who.
        person: PersonId,
        /// By what.
        via: Via,
        /// Who said it for them, where it was somebody else.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        said_by: Option<String>,
    },
    /// Somebody had it, but nothing has moved since.
    AcknowledgementExpired {
        /// Which call-out.
        call_out: CallOutId,
    },
    /// The paging of a step is over.
    CallOutEnded {
        /// Which call-out.
        call_out: CallOutId,
        /// Why.
        why: CallOutEnd,
    },
    /// A message that asks for no answer is to be sent. Durable before the send.
    NoticeIntended {
        /// Whom.
        person: PersonId,
        /// By what.
        channel: PageChannel,
        /// What it says.
        about: About,
        /// 1 for the first try.
        tries: u32,
        /// The notice that did not go, or of which nobody knows, and that this one repeats.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        repeats: Option<NoticeId>,
    },
    /// What the transport said of a notice.
    NoticeSent {
        /// Which.
        notice: NoticeId,
        /// What.
        outcome: SendResult,
    },
    /// A reply that fits no open page.
    ReplyUnmatched {
        /// Whose number it came from, if anybody's.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        person: Option<PersonId>,
        /// What was wrong with it.
        why: String,
    },
    /// A person wrote into an incident's log.
    EntryWritten {
        /// Which incident.
        incident: IncidentId,
        /// What sort.
        kind: EntryKind,
        /// Who.
        by: Author,
        /// The words.
        digest: String,
        /// The entry that this one corrects.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        corrects: Option<Seq>,
        /// When it happened, where that is known and another time.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        occurred_at: Option<Timestamp>,
        /// As what the author acted.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        role: Option<RoleId>,
        /// How sure they were.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        confidence: Option<Confidence>,
        /// Who decided, where somebody else wrote it down.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        decided_by: Option<PersonId>,
        /// The entries that the decision relies on.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        relies_on: Vec<Seq>,
        /// When the decision is to be looked at again.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        review_at: Option<Timestamp>,
    },
    /// Whoever decided has read what was written down for them, and agreed.
    EntryConfirmed {
        /// Which incident.
        incident: IncidentId,
        /// The decision.
        entry: Seq,
        /// Who.
        by: Author,
    },
    /// An incident is over.
    StoodDown {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: Author,
        /// Why.
        digest: String,
    },
    /// The head of the log was signed.
    HeadSigned {
        /// The head: always of an earlier record.
        #[serde(flatten)]
        head: SignedHead,
        /// It is to be mailed to the records address. Durable before the send.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        mail: bool,
    },
    /// What the mail server said of a signed head.
    HeadMailed {
        /// Which head.
        head: Seq,
        /// What.
        outcome: SendResult,
    },
    /// Somebody took a copy of the log, or of a part of it.
    LogExported {
        /// What was left out, by the profile's name.
        profile: String,
        /// Which part, in words.
        selection: String,
        /// Who.
        by: Author,
        /// Why.
        digest: String,
    },
    /// Somebody asked for words of an incident to be erased; a second person must ask too.
    ErasureAsked {
        /// Whose.
        subject: String,
        /// Who.
        by: Author,
        /// Why.
        digest: String,
    },
    /// Details were erased. Durable before they are; done again after a restore.
    DetailsErased {
        /// Of which records.
        seqs: Spans,
        /// Whose, when somebody asked.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        subject: Option<String>,
        /// Why.
        cause: ErasureCause,
        /// Who.
        by: Author,
        /// The record by which the first of two people asked.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        asked: Option<Seq>,
        /// Who that was.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        asked_by: Option<Author>,
        /// The reason.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        digest: Option<String>,
    },
    /// A legal hold was placed.
    HoldPlaced {
        /// On what: a contact, an incident, or `everything`.
        on: String,
        /// Who.
        by: Author,
        /// Why.
        digest: String,
    },
    /// A legal hold was lifted.
    HoldLifted {
        /// The record that placed it.
        hold: Seq,
        /// Who.
        by: Author,
        /// Why.
        digest: String,
    },
}

impl Record {
    /// The details that this record names.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::ContactTaken { digest, .. }
            | Self::WarningEntered { digest, .. }
            | Self::IncidentOpened { digest, .. }
            | Self::PlaybookActivated { digest, .. }
            | Self::DetailsErased { digest, .. } => digest.as_deref(),
            Self::EntryWritten { digest, .. }
            | Self::StoodDown { digest, .. }
            | Self::LogExported { digest, .. }
            | Self::ErasureAsked { digest, .. }
            | Self::RosterApplied { digest, .. }
            | Self::MapStatement { digest, .. }
            | Self::HoldPlaced { digest, .. }
            | Self::HoldLifted { digest, .. } => Some(digest),
            Self::Started { .. }
            | Self::DocumentRecorded { .. }
            | Self::PolicyInForce { .. }
            | Self::LayersInForce { .. }
            | Self::ContactMarked { .. }
            | Self::QueueCounted { .. }
            | Self::WarningEnded { .. }
            | Self::EntryConfirmed { .. }
            | Self::SignalRaised { .. }
            | Self::WouldHaveRaised { .. }
            | Self::SignalCleared { .. }
            | Self::EvidenceJoined { .. }
            | Self::PlaybookHeld { .. }
            | Self::TaskOpened { .. }
            | Self::TaskMoved { .. }
            | Self::TaskLapsed { .. }
            | Self::StepCovered { .. }
            | Self::CallOutStarted { .. }
            | Self::LevelStarted { .. }
            | Self::PageIntended { .. }
            | Self::PageSent { .. }
            | Self::PageRouted { .. }
            | Self::PageReceipt { .. }
            | Self::CallOutWidened { .. }
            | Self::Acknowledged { .. }
            | Self::Declined { .. }
            | Self::TakenBack { .. }
            | Self::AcknowledgementExpired { .. }
            | Self::CallOutEnded { .. }
            | Self::NoticeIntended { .. }
            | Self::NoticeSent { .. }
            | Self::ReplyUnmatched { .. }
            | Self::HeadSigned { .. }
            | Self::HeadMailed { .. } => None,
        }
    }
}

/// What a detector found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The rule that fired.
    pub rule: Rule,
    /// The topic.
    pub topic: Tag,
    /// Where, for a cluster: the middle of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<GridPoint>,
    /// How many contacts.
    pub count: u32,
    /// Why it fired, in words: "6 in 60 min, the rule says 5".
    pub evidence: String,
}

/// A rule of detection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// So many contacts of the topic in so long.
    Surge {
        /// How many.
        reports: u32,
        /// Seconds.
        within_s: u32,
    },
    /// So many near each other.
    Cluster {
        /// How many.
        reports: u32,
        /// Metres from the newest one.
        metres: u32,
        /// Seconds.
        within_s: u32,
    },
    /// More close together than that ground has at this hour, by what was learnt.
    Unusual {
        /// Radius of the circle.
        metres: u32,
        /// Seconds.
        within_s: u32,
        /// So many are usual there in such a time, in thousandths.
        usual_thousandths: u32,
        /// Such a cluster comes once in so many days; at most a million years.
        once_in_days: u32,
    },
    /// More of a stream than it has at this hour, by what it has learnt.
    Volume {
        /// Which.
        stream: StreamId,
        /// The window, seconds.
        within_s: u32,
        /// Nine of ten such windows have this many at least...
        usual_low: u32,
        /// ...and this many at most.
        usual_high: u32,
        /// So many come once in so many days; at most 1,200,000 years.
        once_in_days: u32,
    },
    /// A single contact of the topic.
    Report,
    /// Callers of a queue wait too long, or give up.
    ServiceLevel {
        /// Which, as `source/queue`.
        queue: String,
        /// Of a hundred offered calls, so many were answered.
        connected_percent: u32,
        /// Mean wait, seconds.
        wait_s: u32,
        /// Over so long, seconds.
        within_s: u32,
    },
    /// No call at all was offered to a queue in core hours.
    NoCalls {
        /// Which, as `source/queue`.
        queue: String,
        /// For so long, seconds.
        within_s: u32,
        /// So many would have been usual; 0 where that is not known.
        usual: u32,
    },
    /// Nothing has come from a feed past its heartbeat.
    Silent {
        /// Which.
        feed: String,
        /// Its heartbeat, seconds.
        heartbeat_s: u32,
    },
}

impl Rule {
    /// The kind of evidence that a signal of this rule is.
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Surge { .. } | Self::Volume { .. } => Evidence::Surge,
            Self::Cluster { .. } | Self::Unusual { .. } => Evidence::Cluster,
            Self::Report => Evidence::Keyword,
            Self::ServiceLevel { .. } => Evidence::Service,
            Self::NoCalls { .. } | Self::Silent { .. } => Evidence::Silence,
        }
    }
}

/// What joined an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A signal.
    Signal(SignalId),
    /// A warning.
    Warning(WarningId),
}

/// Why a playbook whose conditions hold does not start by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// It says `activate = "proposed"`: the duty officer decides, and is paged for it.
    Proposed,
    /// It is for out of hours, and it is core hours.
    CoreHours,
    /// It is for core hours, and it is out of hours.
    OutOfHours,
}

/// Why a call-out is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutEnd {
    /// The incident was stood down.
    StoodDown,
    /// A test page, or a page about callout itself, was answered; or the task that it was about was taken.
    Answered,
    /// A test page, or a request to take over, was not answered in time.
    Unanswered,
}
