//! From the outside to an event: what others send us becomes one [`Contact`] with its details, or a list of what is
//! wrong with it.
//!
//! Think of the post room: each letter is opened, read, stamped and put in the right tray, and a letter that cannot
//! be read goes back with a note saying exactly which line to mend. JSON from the API, rows of a CSV file and (later)
//! files in a folder all become the same list of named fields ([`draft`]), checked in one place ([`check`]), so a
//! rule holds however a contact comes in.
//!
//! Nothing is half-taken: a batch with one bad contact is refused whole, with every fault in it. Nothing is guessed:
//! a place that cannot be right is kept as it was given and said to be doubtful, never "mended".
//!
//! Not here: counting, tagging by keywords and everything decided (see [`crate::domain`]); HTTP (see [`crate::web`]).

pub mod check;
pub mod contact_json;
pub mod draft;
pub mod place;
pub mod text;

use crate::domain::contact::{Contact, ContactDetail};
use crate::domain::event::{DetailClass, Event, Sealed};
use crate::domain::id::Tag;
use crate::domain::time::Timestamp;
use crate::keys::{InstallationKey, Purpose};
use crate::land::Land;
use serde::Serialize;

/// Most contacts in one batch: what one turn of the core's loop can take without keeping a page waiting.
pub const BATCH_MAX: usize = 1_000;

/// Most faults told in one answer; beyond them the count alone is told.
pub const FAULTS_MAX: usize = 100;

/// What the reader of contacts needs to know besides the bytes.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Now; the default of `received_at`.
    pub now: Timestamp,
    /// Places and their owners.
    pub land: &'a dyn Land,
    /// The topics that a text is about, by the keyword rules in force.
    pub classify: &'a dyn Fn(&str) -> Vec<Tag>,
    /// For the digest of idempotency keys.
    pub keys: &'a InstallationKey,
    /// Who sends: the access token's name, `console`, or what the import was told. The default of `source`.
    pub sender: &'a str,
    /// The request's `Idempotency-Key`, checked by [`idempotency_key`].
    pub idempotency_key: Option<&'a str>,
    /// Loaded from the past: counted as history, never a reason to page.
    pub history: bool,
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

/// Where in the sent bytes something stands. `line` and `column` count from 1 (0 while [`place_all`] hasn't been here).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Offset in bytes from the start of the body or file.
    pub byte: usize,
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// Gives each fault that knows its byte its line and column as well, in one walk through the text.
pub fn place_all<'a>(faults: impl Iterator<Item = &'a mut Fault>, text: &str) {
    let mut faults: Vec<_> = faults.filter_map(|fault| fault.position.as_mut()).collect();
    faults.sort_by_key(|place| place.byte);
    let (mut at, mut line, mut column) = (0, 1, 1);
    for place in faults {
        let byte =
            (at..=place.byte.clamp(at, text.len())).rev().find(|&byte| text.is_char_boundary(byte)).unwrap_or(at);
        let passed = &text[at..byte];
        let lines = passed.bytes().filter(|&byte| byte == b'\n').count();
        let since_line = passed.rfind('\n').map_or(passed, |newline| &passed[newline + 1..]).chars().count();
        column = if lines == 0 { column + since_line } else { 1 + since_line };
        line += lines;
        at = byte;
        *place = Place { byte, line, column };
    }
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
    pub position: Option<Place>,
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

/// The digest by which a contact is known again: of (source, source_id) where the sender gave its own number, else
/// of the request's key with the contact's position in the batch. 32 hex digits, 128 bits.
///
/// The sender's number comes first because it names the contact, while the header names the sending: a contact that
/// is sent once alone and once in a batch is still one contact.
pub fn contact_key(reading: &Reading<'_>, index: usize, source: &str, source_id: Option<&str>) -> Option<String> {
    let index = index.to_string();
    let parts: [&[u8]; 4] = match (source_id, reading.idempotency_key) {
        (Some(id), _) => [b"source", source.as_bytes(), id.as_bytes(), b""],
        (None, Some(key)) => [b"request", reading.sender.as_bytes(), key.as_bytes(), index.as_bytes()],
        (None, None) => return None,
    };
    Some(reading.keys.digest_hex(Purpose::ContactKey, &parts, 16))
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
