//! What leaves the building. Each effect follows from a record and is performed only when that record is durable;
//! its outcome comes back as an event.

use super::id::{CallOutId, IncidentId, NoticeId, PageId, PersonId};
use super::keeping::SignedHead;
use super::person::PageChannel;
use super::playbook::Severity;
use super::time::Timestamp;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a page.
    SendPage(Box<PageOrder>),
    /// Stop these pages if they are still waiting to be sent.
    CancelPages(Vec<PageId>),
    /// Send a message that asks for no answer.
    SendNotice(Box<NoticeOrder>),
    /// Mail a signed head of the log to the records address.
    MailHead(Box<SignedHead>),
}

/// All that a page says, but for names and numbers, which only the shell knows.
#[derive(Debug, Clone, PartialEq)]
pub struct PageOrder {
    /// The page.
    pub page: PageId,
    /// Its call-out.
    pub call_out: CallOutId,
    /// Whom.
    pub person: PersonId,
    /// By what.
    pub channel: PageChannel,
    /// The incident; `None` for a test page.
    pub incident: Option<IncidentId>,
    /// What it is about, e.g. `Surface-water flooding`.
    pub title: String,
    /// Why, in words.
    pub cause: String,
    /// The role in which the person is paged, as people say it.
    pub role: String,
    /// How bad.
    pub severity: Severity,
    /// 1 for the first page to this person, then counting.
    pub attempt: u32,
    /// When the next level is tried, if it will be.
    pub next_level_at: Option<Timestamp>,
    /// Nothing about it is real.
    pub exercise: bool,
    /// It only proves the way.
    pub test: bool,
    /// Everything that this one message stands for, when it is more than one incident; else empty.
    pub list: Vec<Waiting>,
}

/// One of several incidents that wait for the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The incident.
    pub incident: IncidentId,
    /// What it is about, e.g. `Surface-water flooding`.
    pub title: String,
}

/// All that a notice says, but for names and numbers, which only the shell knows.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeOrder {
    /// The notice.
    pub notice: NoticeId,
    /// Whom.
    pub person: PersonId,
    /// By what.
    pub channel: PageChannel,
    /// Who has it, where it says that somebody has.
    pub by: Option<PersonId>,
    /// The incidents that it is about.
    pub list: Vec<Waiting>,
    /// What is new about each of them, in words, where it brings news.
    pub evidence: Vec<String>,
    /// Nothing about it is real.
    pub exercise: bool,
}
