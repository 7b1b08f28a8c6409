//! Sends; never retries, never chooses.
//!
//! A transport is a postman with one letter: it says what became of that letter, and nothing else. Whether to try
//! again, whom to try next and by which channel is decided in `domain/paging.rs`, where tests can see it. What only
//! a transport can know is how a send ended, so the four endings of [`SendOutcome`] are the whole of its answer.
//!
//! Each send is bounded by its own time limit over everything (name look-up, connection, TLS, the conversation), since the
//! limits of the libraries beneath do not hold against a server that accepts and then says nothing. Each send
//! opens its own connection: nothing stale is ever reused.
//!
//! Not here: when to send ([`crate::domain`]); what a page says ([`crate::domain::message`]).

pub mod callbacks;
pub mod config;
pub mod email;
pub mod https;
pub mod inbound;
pub mod kannel;
pub mod modem;
pub mod notify;
pub mod outbox;
pub mod providers;
mod redact;
pub mod twilio;
pub mod voice;

use crate::domain::id::PageId;
use std::fmt;
use std::sync::Arc;

pub use config::{EmailConfig, EmailVia, SetupProblem, SmsConfig, SmsVia, Tls};
pub use email::Smtp;
pub use kannel::Kannel;
pub use modem::Modem;
pub use notify::Notify;
pub use outbox::{Captured, Outbox};
pub use providers::{Provider, Providers};
pub use twilio::Twilio;

/// One page on its way out. Holds a person's address: its `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The page, which is one attempt to reach one person by one channel.
    pub page: PageId,
    /// How the page is named to mail servers and gateways
    /// ([`reply_code::reference`](crate::domain::reply_code::reference)): the same each time this page is sent.
    pub reference: String,
    /// Where to.
    pub to: Address,
    /// Email only: the subject, one line.
    pub subject: String,
    /// The text message, or the email's plain part.
    pub text: String,
    /// Email only: the HTML part.
    pub html: Option<String>,
    /// Nothing about it is real. The words say so already; an email gets a header too.
    pub exercise: bool,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("page", &self.page).field("to", &self.to).finish_non_exhaustive()
    }
}

/// Where a page goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A mobile number in E.164 form, e.g. `+447700900123`.
    Mobile(String),
    /// A mailbox.
    Email {
        /// The person's name as it stands before the address; may be empty.
        name: String,
        /// The address, e.g. `priya.nair@example.gov.uk`.
        address: String,
    },
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mobile(_) => "Mobile(***)",
            Self::Email { .. } => "Email(***)",
        })
    }
}

/// How a send ended. The words are the server's, cut to 200 characters and cleared of addresses and numbers, so they
/// may stand in the log and the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The next server has it. That is no proof of delivery.
    Accepted {
        /// What it said, e.g. `250 2.0.0 Ok: queued as 4F5A1`.
        detail: String,
    },
    /// It did not go, and may later: a busy server, no connection.
    Retryable {
        /// What it said, or where the way ended.
        why: String,
    },
    /// It did not go, and will not go this way.
    Refused {
        /// What it said.
        why: String,
        /// Whose fault that is.
        fault: Fault,
    },
    /// It may or may not have gone: the connection or our patience ended after the message was handed over and
    /// before an answer came.
    Unknown {
        /// Where the way ended.
        why: String,
    },
}

/// Why a page was refused for good: tells the core whether to mend the person's address or to wake the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This address or number.
    Address,
    /// The service between us and everybody: sign-in refused, no encryption, our own settings.
    Service,
}

/// The ways to send an email.
#[derive(Debug, Clone)]
pub enum EmailTransport {
    /// To the council's mail server.
    Smtp(Arc<Smtp>),
    /// By GOV.UK Notify.
    Notify(Arc<Notify>),
    /// Into the outbox: nothing leaves the machine.
    Outbox(Arc<Outbox>),
}

impl EmailTransport {
    /// Sends one email and says how that ended, within the configured time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await,
            Self::Notify(notify) => notify.send(message).await,
            Self::Outbox(outbox) => outbox.take(message).await,
        }
    }
}

/// The ways to send a text message.
#[derive(Debug, Clone)]
pub enum SmsTransport {
    /// By GOV.UK Notify.
    Notify(Arc<Notify>),
    /// By Twilio.
    Twilio(Arc<Twilio>),
    /// To a Kannel gateway.
    Kannel(Arc<Kannel>),
    /// By a modem on this machine.
    Modem(Arc<Modem>),
    /// Into the outbox: nothing leaves the machine.
    Outbox(Arc<Outbox>),
}

impl SmsTransport {
    /// Sends one text and says how that ended, within the configured time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        match self {
            Self::Notify(notify) => notify.send(message).await,
            Self::Twilio(twilio) => twilio.send(message).await,
            Self::Kannel(kannel) => kannel.send(message).await,
            Self::Modem(modem) => modem.send(message).await,
            Self::Outbox(outbox) => outbox.take(message).await,
        }
    }
}
