//! From the outside to an event: what others send us becomes one contact with its details, or a list of what is wrong
//! with it.
//!
//! Think of the post room: each letter is opened, read, stamped and put in the right tray, and a letter that cannot
//! be read goes back with a note saying exactly which line to mend. JSON from the API, rows of a CSV file and (later)
//! files in a folder all become the same list of named fields ([`draft`]), checked in one place ([`check`]), so a
//! rule holds however a contact comes in.
//!
//! Nothing is half-taken: a batch with one bad contact is refused whole, with every fault in it. Nothing is guessed:
//! a place that cannot be right is kept as it was given and said to be doubtful, never "mended".
//!
//! Not here: counting and everything decided (see [`crate::domain`]); HTTP (see [`crate::web`]).

pub mod check;
pub mod columns;
pub mod contact_csv;
pub mod contact_json;
pub mod draft;
pub mod folder;
pub mod import;
pub mod place;
pub mod queue_csv;
pub mod queue_json;

use crate::clock::Clock;
use crate::domain::id::Tag;
use crate::domain::queue::QueueCounts;
use crate::domain::state::View;
use crate::domain::time::Timestamp;
use crate::door::Door;
use crate::incoming::{ContactReader, Fault, Parsed, Position, Refused, Sending, Shape};
use crate::keys::{InstallationKey, Purpose};
use crate::land::Land;
use std::sync::Arc;

/// Most contacts in one batch: what one turn of the core's loop can take without keeping a page waiting.
pub const BATCH_MAX: usize = 1_000;

/// Reads contacts with the keyword rules, the map layers and the clock of a running engine.
pub struct Intake {
    /// For the keyword rules in force.
    pub door: Door,
    /// Places and their owners.
    pub land: Arc<dyn Land>,
    /// For the digest of idempotency keys.
    pub keys: InstallationKey,
    /// Where time comes from.
    pub clock: Arc<Clock>,
}

impl Intake {
    /// Lets `read` read with what is in force now.
    pub fn reading<T>(&self, sending: &Sending<'_>, read: impl FnOnce(&Reading<'_>) -> T) -> T {
        let view = self.door.view();
        read(&Reading {
            now: self.clock.now(),
            land: self.land.as_ref(),
            classify: &|text| classify(&view, text),
            keys: &self.keys,
            sending,
        })
    }
}

impl ContactReader for Intake {
    fn read(&self, body: &[u8], sending: &Sending<'_>) -> Result<(Shape, Vec<Parsed>), Refused> {
        self.reading(sending, |reading| contact_json::read(body, reading))
    }

    fn read_queues(&self, body: &[u8], sending: &Sending<'_>) -> Result<(Shape, Vec<QueueCounts>), Refused> {
        self.reading(sending, |reading| queue_json::read(body, reading))
    }
}

/// The topics that a text is about, by the keyword rules in force.
fn classify(view: &View, text: &str) -> Vec<Tag> {
    let Some(policy) = &view.policy.in_force else { return Vec::new() };
    policy.keywords.classify(text).into_iter().map(|found| found.tag).collect()
}

/// What the reader of contacts needs to know besides the bytes.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Now; the default of `received_at`.
    pub now: Timestamp,
    /// Places and their owners.
    pub land: &'a dyn Land,
    /// The topics that a text is about.
    pub classify: &'a dyn Fn(&str) -> Vec<Tag>,
    /// For the digest of idempotency keys.
    pub keys: &'a InstallationKey,
    /// How they are sent.
    pub sending: &'a Sending<'a>,
}

/// Gives each fault that knows its byte its line and column as well, in one walk through the text.
pub fn place_all<'a>(faults: impl Iterator<Item = &'a mut Fault>, text: &str) {
    let mut positions: Vec<_> = faults.filter_map(|fault| fault.position.as_mut()).collect();
    positions.sort_by_key(|position| position.byte);
    let (mut at, mut line, mut column) = (0, 1, 1);
    for position in positions {
        let wanted = position.byte.clamp(at, text.len());
        let byte = (at..=wanted).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(at);
        let passed = &text[at..byte];
        let lines = passed.bytes().filter(|&byte| byte == b'\n').count();
        let since_line = passed.rfind('\n').map_or(passed, |newline| &passed[newline + 1..]).chars().count();
        column = if lines == 0 { column + since_line } else { 1 + since_line };
        line += lines;
        at = byte;
        *position = Position { byte, line, column };
    }
}

/// The digest by which a contact is known again: of (source, source_id) where the sender gave its own number, else
/// of the request's key with the contact's position in the batch. 32 hex digits, 128 bits.
///
/// The sender's number comes first because it names the contact, while the header names the sending: a contact that
/// is sent once alone and once in a batch is still one contact.
pub fn contact_key(reading: &Reading<'_>, index: usize, source: &str, source_id: Option<&str>) -> Option<String> {
    let index = index.to_string();
    let sending = reading.sending;
    let parts: [&[u8]; 4] = match (source_id, sending.idempotency_key) {
        (Some(id), _) => [b"source", source.as_bytes(), id.as_bytes(), b""],
        (None, Some(key)) => [b"request", sending.sender.as_bytes(), key.as_bytes(), index.as_bytes()],
        (None, None) => return None,
    };
    Some(reading.keys.digest_hex(Purpose::ContactKey, &parts, 16))
}
