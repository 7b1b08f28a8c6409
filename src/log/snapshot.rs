//! Snapshots on the disk: what the daemon knew after some record, so that the next start reads only what came after.
//!
//! Think of a bookmark with the story so far written on its back. It says at which record it stands and what that line's
//! digest is, so that it fits this log and no other; it carries a digest of its own, so that a torn or altered one is seen.
//! The log is the truth: a bookmark that does not fit is put aside and the book is read from its first page.
//!
//! A file is `callout snapshot 1`, a line of JSON (record, digest, instant, program, and each slice's name, form and
//! length), the slices' bytes one after the other, and the SHA-256 of all of that. The last two are kept. They hold
//! nothing personal, and no backup needs them.
//!
//! Not here: what is in a slice ([`crate::domain::snapshot`]).

use super::disk::Disk;
use super::{Hash, OpenError, segments};
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The first line of a snapshot.
const FORMAT: &str = "callout snapshot 1\n";
/// The ending of a snapshot's name, before which stands the number of its record.
const KIND: &str = "snapshot";
/// Files kept.
const KEPT: usize = 2;
/// The digest at the end, and its line break.
const DIGEST_BYTES: usize = 65;
/// The directory inside the data directory.
pub const SNAPSHOTS_DIR: &str = "snapshots";

/// Where a snapshot stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stands {
    /// The last record in it.
    pub head: Seq,
    /// The digest of that record's line.
    pub hash: Hash,
    /// When that record was made.
    pub at: Timestamp,
    /// The version of the program that wrote it.
    pub program: String,
}

/// A line of the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    #[serde(flatten)]
    stands: Stands,
    slices: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    name: String,
    form: u32,
    bytes: usize,
}

/// A snapshot that is whole.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it stands.
    pub stands: Stands,
    bytes: Vec<u8>,
    slices: Vec<(String, u32, Range<usize>)>,
}

impl Snapshot {
    /// A slice's form and bytes; `None` where there is none of that name.
    pub fn slice(&self, name: &str) -> Option<(u32, &[u8])> {
        let (_, form, range) = self.slices.iter().find(|(known, _, _)| known == name)?;
        Some((*form, &self.bytes[range.clone()]))
    }

    /// Reads one from its bytes.
    ///
    /// # Errors
    /// In words, when anything of it is not as it was written.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        let body = bytes.len().checked_sub(DIGEST_BYTES).ok_or("it is too short")?;
        let digest = bytes[body..].strip_suffix(b"\n").and_then(Hash::from_hex).ok_or("it has no digest at its end")?;
        if Hash::of(&bytes[..body]) != digest {
            return Err("its digest is not that of its bytes".into());
        }
        let rest = bytes[..body].strip_prefix(FORMAT.as_bytes()).ok_or("it is of another form")?;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or("its header has no end")?;
        let header: Header = serde_json::from_slice(&rest[..end]).map_err(|error| format!("its header: {error}"))?;
        let mut at = FORMAT.len() + end + 1;
        let mut slices = Vec::new();
        for Part { name, form, bytes: length } in header.slices {
            let to = at.checked_add(length).filter(|to| *to <= body).ok_or("a slice ends beyond its end")?;
            slices.push((name, form, at..to));
            at = to;
        }
        if at != body {
            return Err("there is more in it than its header says".into());
        }
        Ok(Self { stands: header.stands, bytes, slices })
    }
}

/// The bytes of a snapshot of these slices: name, form and bytes of each.
pub fn to_bytes(stands: &Stands, slices: &[(&str, u32, Vec<u8>)]) -> Vec<u8> {
    let parts =
        slices.iter().map(|(name, form, bytes)| Part { name: (*name).to_owned(), form: *form, bytes: bytes.len() });
    let header = Header { stands: stands.clone(), slices: parts.collect() };
    let mut bytes = FORMAT.as_bytes().to_vec();
    bytes.reserve(slices.iter().map(|(_, _, bytes)| bytes.len()).sum::<usize>() + 4_096);
    serde_json::to_writer(&mut bytes, &header).expect("texts and numbers always become JSON");
    bytes.push(b'\n');
    slices.iter().for_each(|(_, _, slice)| bytes.extend_from_slice(slice));
    let digest = Hash::of(&bytes);
    bytes.extend_from_slice(&digest.hex());
    bytes.push(b'\n');
    bytes
}

/// Writes a snapshot, whole and durable or not at all, and removes all but the last two.
///
/// # Errors
/// As the disk's; the ones before stay as they were.
pub fn write(dir: &Path, stands: &Stands, slices: &[(&str, u32, Vec<u8>)], disk: &Disk) -> io::Result<u64> {
    disk.make_dir(dir)?;
    let bytes = to_bytes(stands, slices);
    disk.make(&segments::path(dir, stands.head.0, KIND), &bytes, bytes.len() as u64)?;
    let mut there = segments::list(dir, KIND)?;
    // One that is ahead of this one is of a log that was put aside.
    for ahead in there.extract_if(.., |head| *head > stands.head.0) {
        disk.remove(&segments::path(dir, ahead, KIND))?;
    }
    there.truncate(there.len().saturating_sub(KEPT));
    for old in there {
        disk.remove(&segments::path(dir, old, KIND))?;
    }
    Ok(bytes.len() as u64)
}

/// The snapshots in a directory, newest first, each whole or with what is wrong with it; none where there is no directory.
/// Each is read when it is asked for.
pub fn newest_first(dir: &Path) -> impl Iterator<Item = (PathBuf, Result<Snapshot, String>)> {
    let dir = dir.to_owned();
    let heads = segments::list(&dir, KIND).unwrap_or_default();
    heads.into_iter().rev().map(move |head| {
        let path = segments::path(&dir, head, KIND);
        let read = std::fs::read(&path).map_err(|error| error.to_string()).and_then(Snapshot::from_bytes);
        (path, read)
    })
}

/// Removes what an interrupted run left half made.
///
/// # Errors
/// [`OpenError::Disk`].
pub fn sweep(dir: &Path, options: &super::Options) -> Result<(), OpenError> {
    if dir.is_dir() { segments::sweep(dir, options) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stands(head: u64) -> Stands {
        let at = "2026-11-22T02:00:00.250Z".parse().unwrap();
        Stands { head: Seq(head), hash: Hash::of(b"line"), at, program: "0.1.0".into() }
    }

    fn slices() -> Vec<(&'static str, u32, Vec<u8>)> {
        vec![("policy", 1, b"{\"a\":1}".to_vec()), ("keys", 2, vec![0, 10, 13, 255]), ("tally", 1, Vec::new())]
    }

    #[test]
    fn what_was_written_reads_as_it_was_and_the_last_two_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("snapshots");
        for head in [99, 5, 7, 9] {
            write(&dir, &stands(head), &slices(), &Disk::default()).unwrap();
        }
        let found: Vec<Snapshot> = newest_first(&dir).map(|(_, read)| read.unwrap()).collect();
        assert_eq!(found.iter().map(|snapshot| snapshot.stands.head.0).collect::<Vec<_>>(), [9, 7]);
        assert_eq!(found[0].stands, stands(9));
        for (name, form, bytes) in slices() {
            assert_eq!(found[0].slice(name), Some((form, bytes.as_slice())));
        }
        assert_eq!(found[0].slice("paging"), None);
        assert_eq!(newest_first(Path::new("/nowhere")).count(), 0);
    }

    #[test]
    fn one_that_is_cut_or_altered_at_any_byte_is_refused_and_never_panics() {
        let bytes = to_bytes(&stands(9), &slices());
        assert!(Snapshot::from_bytes(bytes.clone()).is_ok());
        for at in 0..bytes.len() {
            assert!(Snapshot::from_bytes(bytes[..at].to_vec()).is_err(), "cut at {at}");
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(Snapshot::from_bytes(altered).is_err(), "altered at {at}");
        }
    }
}
