//! The port for what comes in: who reads bodies of contacts and a gateway's callbacks, and the forms of the result.
//!
//! HTTP takes bytes and gives answers; reading them is the business of intake and of the transports. This port
//! stands between them: the types here are what both sides know.

use crate::domain::contact::{Contact, ContactDetail};
use crate::domain::event::{DetailClass, Event, Receipt, Sealed};
use crate::domain::id::PageId;
use crate::domain::phone::PhoneNumber;
use crate::domain::queue::QueueCounts;
use serde::Serialize;

/// Most faults told in one answer; beyond them the count alone is told.
pub const FAULTS_MAX: usize = 100;

/// How contacts are sent: what the reader must know besides the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// Who sends: the access token's name, `console`, or what the import was told. The default of `source`.
    pub sender: &'a str,
    /// The request's `Idempotency-Key`, as [`idempotency_key`] gives it.
    pub idempotency_key: Option<&'a str>,
    /// Loaded from the past: counted as history, never a reason to page.
    pub history: bool,
    /// The content type says that each line is a contact.
    pub lines: bool,
}

/// Reads bodies of contacts, and of queue counts.
pub trait ContactReader: Send + Sync {
    /// All contacts of a body in JSON, or everything that is wrong with it; nothing by halves.
    fn read(&self, body: &[u8], sending: &Sending<'_>) -> Result<(Shape, Vec<Parsed>), Refused>;

    /// All intervals of queue counts of a body in JSON, or everything that is wrong with it.
    fn read_queues(&self, body: &[u8], sending: &Sending<'_>) -> Result<(Shape, Vec<QueueCounts>), Refused>;
}

/// Reads what an SMS gateway calls back with. Its addresses lie behind a secret, which the web checks before.
pub trait GatewayReader: Send + Sync {
    /// A text that came in, from the query; or what is wrong with the query, without its content.
    fn text(&self, query: &str) -> Result<TextIn, String>;
    /// A delivery receipt with its page, from the query; `None` for a page that is none of ours.
    fn receipt(&self, query: &str) -> Result<Option<(PageId, Receipt)>, String>;
    /// What a supplier called back with, once it has proven who it is.
    ///
    /// # Errors
    /// [`NotHeard`]; nothing was read of a stranger's body.
    fn called_back(&self, called: &CalledBack<'_>) -> Result<News, NotHeard>;
}

/// Suppliers that call back at public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplier {
    /// GOV.UK Notify.
    Notify,
    /// Twilio.
    Twilio,
}

/// One callback, as it came.
#[derive(Clone, Copy)]
pub struct CalledBack<'a> {
    /// At whose address.
    pub supplier: Supplier,
    /// At the address for texts that come in; otherwise at that for receipts.
    pub text: bool,
    /// Path and query, as sent.
    pub path_and_query: &'a str,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `X-Twilio-Signature` header.
    pub signature: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a callback tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A text came in.
    Text {
        /// Which, by the supplier's name for it: it may be told twice.
        id: String,
        /// The text.
        text: TextIn,
    },
    /// What became of a page.
    Receipt(PageId, Receipt),
    /// Nothing that concerns us: a page that is none of ours, a status that we do not know.
    Nothing,
}

/// Why a callback is not heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotHeard {
    /// It did not prove that it comes from the supplier.
    Stranger,
    /// It makes no sense; without its content.
    Misread(String),
}

/// A text that came in.
#[derive(Clone, PartialEq, Eq)]
pub struct TextIn {
    /// Who sent it; `None` for a short code, a name, a foreign number, or nothing.
    pub from: Option<PhoneNumber>,
    /// Its words.
    pub words: String,
}

/// Shows neither number nor words.
impl std::fmt::Debug for TextIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TextIn(***)")
    }
}

/// How the contacts of a body were laid out, which is how the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One object alone.
    One,
    /// An array or lines.
    Many,
}

/// One contact, ready to become an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What the log may hold.
    pub contact: Contact,
    /// What is personal.
    pub detail: ContactDetail,
    /// What is odd about it; it is taken all the same.
    pub doubts: Vec<Fault>,
}

impl Parsed {
    /// The event that the core is told, with the personal half sealed under 16 fresh random bytes.
    pub fn into_event(self, salt: [u8; 16]) -> Event {
        let sealed = (self.detail != ContactDetail::default()).then(|| {
            let content = serde_json::to_vec(&self.detail).expect("texts and numbers always become JSON");
            Sealed::new(salt, DetailClass::Contact, content)
        });
        Event::ContactReceived { contact: self.contact, sealed }
    }
}

/// Where in the sent bytes something stands. `line` and `column` count from 1; 0 says "not known".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Offset in bytes from the start of the body or file.
    pub byte: usize,
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// One thing that is wrong: what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which contact of the batch, from 0.
    #[serde(skip)]
    pub index: usize,
    /// JSON pointer (RFC 6901) into what was sent, e.g. `/3/received_at`; empty for the whole of it.
    pub pointer: String,
    /// Where it stands in the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub remedy: String,
}

/// Why a body of contacts was refused. Nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not JSON at all (or not UTF-8): where reading stopped.
    NotJson(Vec<Fault>),
    /// It is JSON, but these things are wrong with it.
    Fields {
        /// The first [`FAULTS_MAX`] of them.
        faults: Vec<Fault>,
        /// How many there are.
        total: usize,
    },
}

/// Checks an `Idempotency-Key` header: 1 to 255 visible ASCII characters, with or without the quotes that RFC 8941
/// puts around a string.
pub fn idempotency_key(header: &str) -> Result<&str, String> {
    let key = header.trim();
    let key = key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(key);
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
        Ok(key)
    } else {
        Err("Idempotency-Key should be 1 to 255 visible ASCII characters, such as a UUID".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_visible_ascii_with_or_without_its_quotes() {
        assert_eq!(idempotency_key("8e03978e-40d5"), Ok("8e03978e-40d5"));
        assert_eq!(idempotency_key("\"8e03978e-40d5\""), Ok("8e03978e-40d5"));
        for bad in ["", "\"\"", "a b", "é", &"x".repeat(256)] {
            assert!(idempotency_key(bad).is_err(), "{bad}");
        }
    }
}
