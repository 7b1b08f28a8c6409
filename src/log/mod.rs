//! The record: the journal that every decision is in, and the details store beside it.
//!
//! Think of a bound ledger. Each line carries the digest of the line before, so that a page torn out or a figure
//! altered shows; nothing leaves the building before its line is on the disk. Names, numbers and people's words are
//! not in the ledger but in a drawer next to it ([`details`]), which can be emptied sheet by sheet without touching
//! the binding.
//!
//! The layer knows nothing of what a record says: it takes each as finished JSON and gives it back byte for byte.
//!
//! Files of a journal's directory: `00000000000000000001.log` and so on (lines of text, named by their first record's
//! number), `reserved` (the next one, zeros), `ballast` (zeros, given up when the disk is full), `FORMAT`, `LOCK`.
//!
//! Left out: what a record means (`domain`), when to append (`daemon`), when to sign a head (`daemon`).

pub mod backup;
pub mod details;
pub mod disk;
pub mod erasure;
pub mod export;
pub mod hash;
pub mod heads;
pub mod journal;
mod line;
mod lock;
mod memory;
mod reserve;
mod scan;
pub mod scrub;
mod segments;
pub mod snapshot;
pub mod tail;
pub mod verify;

pub use hash::Hash;
pub use journal::{Entries, Journal, Opened};
pub use line::Logged;
pub use lock::Lock;
pub use memory::MemoryLog;
pub use reserve::{Room, Space};

use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The largest record in bytes of JSON. Far above any real one: a contact's record is about 400 bytes, and the
/// largest are the full texts of playbooks and rotas.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// The smallest segment that may be asked for: room for a few lines, so that tests can roll often.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// The largest segment that may be asked for: one is read into memory whole when the log is opened.
pub const SEGMENT_BYTES_MAX: u64 = 256 << 20;

/// One record on its way into the log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its number: one more than that of the record before; 1 for the first.
    pub seq: Seq,
    /// When it was recorded. Written to the millisecond.
    pub at: Timestamp,
    /// When what it tells of happened, if that is known and another time.
    pub occurred_at: Option<Timestamp>,
    /// The record as one JSON object, as `serde_json::to_vec` writes it: UTF-8, no line break, at most
    /// [`RECORD_BYTES_MAX`] bytes.
    pub record: &'a [u8],
}

/// What an append came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The digest of the last line.
    pub head: Hash,
    /// The highest record number that is now on the disk.
    pub synced: Seq,
}

/// Where records are kept. Closed on purpose: who keeps the log decides what "durable" means.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one log in a process")]
pub enum Log {
    /// Files on this machine.
    Journal(Journal),
    /// Memory, for tests, `replay` and the simulator. Nothing outlives the process.
    Memory(MemoryLog),
}

impl Log {
    /// Adds the batch and returns when it is on the disk: whole, or not at all.
    ///
    /// # Errors
    /// [`LogError::NoRoom`], [`LogError::RecordTooLarge`], [`LogError::NotARecord`] and [`LogError::BatchTooLarge`]
    /// leave the log as it was. After [`LogError::Failed`] nobody knows what reached the disk: the log takes
    /// nothing more ([`LogError::Poisoned`]), and the process must end and open it again.
    ///
    /// # Panics
    /// When the numbers do not follow on from the head: that is a bug of the caller.
    pub fn append(&mut self, batch: &[Entry<'_>]) -> Result<Appended, LogError> {
        match self {
            Self::Journal(journal) => journal.append(batch),
            Self::Memory(memory) => memory.append(batch),
        }
    }

    /// The last record's number and its line's digest; 0 and zeros when there is none.
    pub fn head(&self) -> (Seq, Hash) {
        match self {
            Self::Journal(journal) => journal.head(),
            Self::Memory(memory) => memory.head(),
        }
    }

    /// Whether contacts may still be taken, or what is left is kept for paging.
    pub fn has_room(&self) -> Room {
        match self {
            Self::Journal(journal) => journal.has_room(),
            Self::Memory(_) => Room::Plenty,
        }
    }
}

/// How a journal or a details store keeps its files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of a segment in bytes, [`SEGMENT_BYTES_MIN`] to [`SEGMENT_BYTES_MAX`]; reserved whole. 16 MiB.
    pub segment_bytes: u64,
    /// Size of the ballast in bytes, given up when the disk is full so that paging goes on; 0 for none. 64 MiB.
    pub ballast_bytes: u64,
    /// How long an append waits for the next segment while it is being made, before it says there is no room. 10 s.
    pub reserve_wait: Duration,
    /// How often a full disk is looked at again. 5 s.
    pub retry_every: Duration,
    /// The door to the disk; tests put a recorder or a fault into it.
    pub disk: disk::Disk,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            ballast_bytes: 64 << 20,
            reserve_wait: Duration::from_secs(10),
            retry_every: Duration::from_secs(5),
            disk: disk::Disk::default(),
        }
    }
}

impl Options {
    /// The same, for a details store: it needs less ballast than the journal.
    pub fn for_details() -> Self {
        Self { ballast_bytes: 16 << 20, ..Self::default() }
    }
}

/// The unfinished end of a log, as an interrupted write leaves it. No record in it was ever acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tear {
    /// The file.
    pub file: PathBuf,
    /// Where the torn part begins, in bytes from the start of the file.
    pub offset: u64,
    /// Bytes from there to the last one that is not zero.
    pub bytes: u64,
    /// The number of the first record that is not whole.
    pub seq: Seq,
}

/// A place in the log that once was good and is no longer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("record {seq} is damaged, in {} at byte {offset}: {what}", file.display())]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where the bad line begins, in bytes from the start of the file.
    pub offset: u64,
    /// The number the record there should have.
    pub seq: Seq,
    /// What is wrong, in words.
    pub what: String,
}

/// Why a journal or details store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Disk {
        /// What was attempted, as a verb.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by another callout ({holder}). Stop that one first; two would ruin the log", dir.display())]
    Held {
        /// The directory.
        dir: PathBuf,
        /// What the other wrote about itself: process, host, since when.
        holder: String,
    },
    /// A later or foreign program wrote it.
    #[error(
        "{} says \"{found}\", and this callout reads \"{wanted}\" only. Start it with the version that wrote it",
        file.display()
    )]
    Format {
        /// The FORMAT file.
        file: PathBuf,
        /// Its first line.
        found: String,
        /// The line this version writes.
        wanted: &'static str,
    },
    /// Records that were durable are gone or altered.
    #[error(
        "the log is damaged: {0}. callout will not start on it, because acknowledged records would be lost in \
         silence. Keep the directory as it is for evidence, restore it from the last backup to a new place, and \
         check that with `callout log verify`"
    )]
    Damaged(#[from] Damage),
    /// The details store belongs to another log, or to a later state of this one.
    #[error(
        "{} has details of {records_n} records after record {head}, where the log ends: this is not the log that \
         they belong to, or it was restored from an older backup. They would be lost for good; move the directory \
         aside if that is meant",
        dir.display()
    )]
    DetailsAhead {
        /// The details' directory.
        dir: PathBuf,
        /// The log's last record.
        head: Seq,
        /// Records beyond it that have details.
        records_n: u64,
    },
    /// An option outside its range.
    #[error("segments of {got} bytes were asked for; the range is {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}")]
    SegmentBytes {
        /// What was asked for.
        got: u64,
    },
}

/// Why records were not appended.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A write or sync failed just now. What reached the disk is unknown until the log is opened again.
    #[error("the log could not {doing}: {source}; it takes nothing more until it is opened again")]
    Failed {
        /// What was attempted, as a verb.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write or sync failed.
    #[error("the log takes nothing more since an earlier failure ({cause}); the process must be restarted")]
    Poisoned {
        /// The earlier failure.
        cause: String,
    },
    /// The disk is full and the last segment too. Nothing was written; try again when space returns.
    #[error("the disk is full: no room in the log for {bytes} bytes more")]
    NoRoom {
        /// What the batch needs at most.
        bytes: u64,
    },
    /// A record is above the bound. Nothing was written.
    #[error("record {seq} has {bytes} bytes; at most {max} fit")]
    RecordTooLarge {
        /// Its number.
        seq: Seq,
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The batch would not fit into one segment. Nothing was written; append it in parts.
    #[error("the batch needs {bytes} bytes; at most {max} fit, append it in parts")]
    BatchTooLarge {
        /// What it needs at most.
        bytes: u64,
        /// The bound: one segment.
        max: u64,
    },
    /// A record is not one JSON object on one line. Nothing was written.
    #[error("record {seq} is not one JSON object without line breaks")]
    NotARecord {
        /// Its number.
        seq: Seq,
    },
}
