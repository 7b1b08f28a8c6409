//! One line of the log: `<SHA-256 of the JSON bytes> <JSON>`, written and read.
//!
//! The JSON's keys stand in one order and without spaces, so that there is one spelling for each line and reading it
//! is a walk past known words. `prev` is the digest at the start of the line before; `synced` is the highest record
//! number that was known to be on the disk when the line was written.

use super::{Entry, Hash};
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use std::io::Write as _;

/// What a line has around its record, at most: digest, keys, two 20-digit numbers, two times, a digest.
pub(super) const AROUND_BYTES_MAX: usize = 320;
/// Where the JSON begins: after 64 digits and a space.
pub(super) const JSON_AT: usize = 65;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// One record as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its number.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// When what it tells of happened, if that is known and another time.
    pub occurred_at: Option<Timestamp>,
    /// The highest number known to be durable when this was written.
    pub synced: Seq,
    /// The digest of this line.
    pub hash: Hash,
    /// The digest of the line before.
    pub prev: Hash,
    /// The record, as JSON.
    pub record: String,
}

impl Logged {
    /// The line's JSON, byte for byte as it stands in the log: its SHA-256 is [`Self::hash`].
    pub fn json(&self) -> String {
        let Self { seq, at, occurred_at, synced, prev, .. } = *self;
        let entry = Entry { seq, at, occurred_at, record: self.record.as_bytes() };
        let mut line = Vec::new();
        Writer::after(prev).line(&entry, synced, &mut line);
        let json = line[JSON_AT..line.len() - 1].to_vec();
        String::from_utf8(json).expect("made of texts")
    }
}

/// Writes lines one after the other, each holding the digest of the one before.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) prev: Hash,
    /// The last time printed: the records of a batch mostly share it.
    printed: (Timestamp, Vec<u8>),
}

impl Writer {
    pub(super) fn after(prev: Hash) -> Self {
        Self { prev, printed: (Timestamp::UNIX_EPOCH, b"1970-01-01T00:00:00.000Z".to_vec()) }
    }

    /// Adds the line of `entry` to `buffer`.
    pub(super) fn line(&mut self, entry: &Entry<'_>, synced: Seq, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        buffer.resize(start + JSON_AT, b' ');
        buffer.extend_from_slice(b"{\"seq\":");
        number(entry.seq, buffer);
        buffer.extend_from_slice(b",\"prev\":\"");
        buffer.extend_from_slice(&self.prev.hex());
        buffer.extend_from_slice(b"\",\"at\":\"");
        if self.printed.0 != entry.at {
            self.printed.1.clear();
            time(entry.at, &mut self.printed.1);
            self.printed.0 = entry.at;
        }
        buffer.extend_from_slice(&self.printed.1);
        if let Some(occurred_at) = entry.occurred_at {
            buffer.extend_from_slice(b"\",\"occurred_at\":\"");
            time(occurred_at, buffer);
        }
        buffer.extend_from_slice(b"\",\"synced\":");
        number(synced, buffer);
        buffer.extend_from_slice(b",\"record\":");
        buffer.extend_from_slice(entry.record);
        buffer.push(b'}');
        self.prev = Hash::of(&buffer[start + JSON_AT..]);
        buffer[start..start + 64].copy_from_slice(&self.prev.hex());
        buffer.push(b'\n');
    }
}

fn number(seq: Seq, buffer: &mut Vec<u8>) {
    write!(buffer, "{seq}").expect("writing to memory does not fail");
}

fn time(at: Timestamp, buffer: &mut Vec<u8>) {
    PRINTER.print_timestamp(&at, buffer).expect("writing to memory does not fail");
}

/// The digest that a line begins with, and its JSON; `None` when it is not of that form. The line is without its
/// line break.
pub(super) fn split(line: &[u8]) -> Option<(Hash, &str)> {
    let (hex, rest) = line.split_at_checked(64)?;
    let json = std::str::from_utf8(rest.strip_prefix(b" ")?).ok()?;
    Some((Hash::from_hex(hex)?, json))
}

/// A line's parts, without looking whether the digest is true.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) seq: Seq,
    pub(super) prev: Hash,
    pub(super) at: &'a str,
    pub(super) occurred_at: Option<&'a str>,
    pub(super) synced: Seq,
    pub(super) record: &'a str,
}

impl<'a> Parts<'a> {
    /// Walks past the known words; `None` at the first that is another.
    pub(super) fn of(json: &'a str) -> Option<Self> {
        let (seq, rest) = take_number(json.strip_prefix("{\"seq\":")?)?;
        let (prev, rest) = rest.strip_prefix(",\"prev\":\"")?.split_at_checked(64)?;
        let (at, rest) = rest.strip_prefix("\",\"at\":\"")?.split_once('"')?;
        let (occurred_at, rest) = match rest.strip_prefix(",\"occurred_at\":\"") {
            Some(rest) => rest.split_once('"').map(|(time, rest)| (Some(time), rest))?,
            None => (None, rest),
        };
        let (synced, rest) = take_number(rest.strip_prefix(",\"synced\":")?)?;
        let record = rest.strip_prefix(",\"record\":")?.strip_suffix('}')?;
        Some(Self { seq, prev: Hash::from_hex(prev.as_bytes())?, at, occurred_at, synced, record })
    }

    /// The record with its times read; `None` when a time is not one.
    pub(super) fn logged(&self, hash: Hash) -> Option<Logged> {
        Some(Logged {
            seq: self.seq,
            at: self.at.parse().ok()?,
            occurred_at: self.occurred_at.map(str::parse).transpose().ok()?,
            synced: self.synced,
            hash,
            prev: self.prev,
            record: self.record.to_owned(),
        })
    }
}

fn take_number(text: &str) -> Option<(Seq, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    Some((Seq(text[..end].parse().ok()?), &text[end..]))
}

/// Whether these bytes can be a record: one object, on one line.
pub(super) fn can_be_record(record: &[u8]) -> bool {
    record.starts_with(b"{") && record.ends_with(b"}") && !record.contains(&b'\n') && !record.contains(&0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_reads_as_the_format_says_and_comes_back_as_it_was() {
        let mut buffer = Vec::new();
        let mut writer = Writer::after(Hash::ZERO);
        let at: Timestamp = "2026-11-22T02:14:07.250Z".parse().unwrap();
        let first = Entry { seq: Seq(1), at, occurred_at: None, record: b"{\"type\":\"tick\"}" };
        writer.line(&first, Seq(0), &mut buffer);
        let first_hash = writer.prev;
        let second =
            Entry { seq: Seq(2), at, occurred_at: Some("2026-11-22T02:13:00Z".parse().unwrap()), record: b"{}" };
        writer.line(&second, Seq(1), &mut buffer);

        let zeros = "0".repeat(64);
        let json_1 = format!(
            "{{\"seq\":1,\"prev\":\"{zeros}\",\"at\":\"2026-11-22T02:14:07.250Z\",\"synced\":0,\
             \"record\":{{\"type\":\"tick\"}}}}"
        );
        let json_2 = format!(
            "{{\"seq\":2,\"prev\":\"{first_hash}\",\"at\":\"2026-11-22T02:14:07.250Z\",\
             \"occurred_at\":\"2026-11-22T02:13:00.000Z\",\"synced\":1,\"record\":{{}}}}"
        );
        assert_eq!(first_hash, Hash::of(json_1.as_bytes()));
        let second_hash = Hash::of(json_2.as_bytes());
        assert_eq!(String::from_utf8(buffer).unwrap(), format!("{first_hash} {json_1}\n{second_hash} {json_2}\n"));

        let line = format!("{second_hash} {json_2}");
        let (hash, json) = split(line.as_bytes()).unwrap();
        let read = Parts::of(json).unwrap().logged(hash).unwrap();
        assert_eq!((read.seq, read.at, read.occurred_at, read.synced), (Seq(2), at, second.occurred_at, Seq(1)));
        assert_eq!((read.hash, read.prev, read.record.as_str()), (second_hash, first_hash, "{}"));
        assert_eq!(read.json(), json_2);
    }

    #[test]
    fn the_room_around_a_record_is_never_more_than_its_bound() {
        let mut buffer = Vec::new();
        let (seq, at) = (Seq(u64::MAX), Timestamp::MIN);
        Writer::after(Hash::ZERO).line(&Entry { seq, at, occurred_at: Some(at), record: b"{}" }, seq, &mut buffer);
        assert!(buffer.len() - 2 <= AROUND_BYTES_MAX, "{}", buffer.len());
    }
}
