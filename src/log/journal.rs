//! The journal: records on this machine's disk, chained, durable before anything else happens.
//!
//! A batch is put together in memory, written with one write and made durable with one `fdatasync`; only then does
//! [`Journal::append`] return. If either fails, nobody can know what reached the disk (a second sync may well say
//! "fine" about bytes that are gone), so the journal takes nothing more and the process must end: opening the log
//! again finds out what is there.
//!
//! Opening reads every line and checks the whole chain ([`super::scan`] says what is a tear and what is damage).
//!
//! Not here: the files and their making ([`super::segments`]), an independent check ([`super::verify`]).

use super::disk::Disk;
use super::line::{self, Writer};
use super::scan::{self, Chain, End};
use super::segments::{self, Batch, Segments};
use super::{
    Appended, Damage, Entry, Hash, Lock, LogError, Logged, OpenError, Options, RECORD_BYTES_MAX, Room, Space, Tear,
};
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The ending of a journal segment's name.
pub(super) const KIND: &str = "log";
/// The first line of a journal's FORMAT file.
pub(super) const FORMAT: &str = "callout log 1";
/// The file that names the head of a log closed in order.
pub(super) const HEAD: &str = "HEAD";
const EXPLAINED: &str = "\
The record of callout is in the files *.log beside this one, in the order of their names. Each is named by the number
of its first record. Each line is a SHA-256 digest, one space, and a JSON object; the digest is that of the object's
bytes, without the line break. In the object:

  seq          the record's number: 1, 2, 3 and so on, without a gap
  prev         the digest of the line before; 64 zeros in the first line
  at           when it was recorded (UTC)
  occurred_at  when it happened, where that is known and another time
  synced       up to this record all was safely on the disk when this line was written
  record       what happened

To check line 7 of a file by hand:    sed -n 7p FILE | cut -c 66- | tr -d '\\n' | sha256sum
To check all of it:                   callout log verify DIRECTORY
The file being written ends in zero bytes; `reserved` and `ballast` hold no records. HEAD has the number and digest of
the last record when the log was last closed in order.
";

/// The log on this machine's disk. One process at a time.
#[derive(Debug)]
pub struct Journal {
    segments: Segments,
    head: Seq,
    hash: Hash,
    batch: Batch,
    dir: PathBuf,
    segment_bytes: u64,
    disk: Disk,
    _lock: Lock,
}

/// What opening a journal gives beside the journal.
#[derive(Debug)]
pub struct Opened {
    /// All records from the first on, read as they are asked for.
    pub entries: Entries,
    /// The torn end that was cut off, if there was one: to be told to the administrator.
    pub tear: Option<Tear>,
    /// The record up to which the lines were taken on trust, because a line that is known of old stands where it stood:
    /// [`Opened::entries`] begin after it, and [`super::scrub`] looks at what is before. 0 when all was checked.
    pub trusted: Seq,
}

impl Journal {
    /// Opens the journal in a directory, which is made if it is not there, checks the whole chain, and cuts off what
    /// an interrupted write left.
    ///
    /// * `now`: for the LOCK file only.
    ///
    /// # Errors
    /// [`OpenError::Held`] when another process has it, [`OpenError::Damaged`] when a record that was durable is
    /// gone or altered, [`OpenError::Format`] when another version wrote it, [`OpenError::Disk`] for the rest.
    pub fn open(dir: &Path, options: &Options, now: Timestamp) -> Result<(Self, Opened), OpenError> {
        Self::open_after(dir, options, now, None)
    }

    /// As [`Journal::open`]; but when the line of record `known` has this digest, only the segment in which it stands and
    /// those after it are read, and of the sealed ones before it only that each ends where the next begins.
    ///
    /// Where that line is another, or a segment before it does not join on, the whole chain is checked.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_after(
        dir: &Path,
        options: &Options,
        now: Timestamp,
        known: Option<(Seq, Hash)>,
    ) -> Result<(Self, Opened), OpenError> {
        segments::prepare(dir, options)?;
        let lock = Lock::take(dir, now)?;
        segments::check_format(dir, FORMAT, EXPLAINED, options)?;
        segments::sweep(dir, options)?;
        let firsts = segments::list(dir, KIND).map_err(segments::not_opened("list", dir))?;
        let start = known.and_then(|known| joins_on(dir, &firsts, known));
        let trusted = if start.is_some() { known.map_or(Seq(0), |(seq, _)| seq) } else { Seq(0) };
        let (at, chain) = start.unwrap_or((0, Chain::START));
        let (chain, used, tear) = check(dir, &firsts, at, chain, trusted, options)?;
        let segments = Segments::start(dir, KIND, options, firsts, used, chain.seq.0 + 1)?;
        let journal = Self {
            segments,
            head: chain.seq,
            hash: chain.hash,
            batch: Batch::default(),
            dir: dir.to_owned(),
            segment_bytes: options.segment_bytes,
            disk: options.disk.clone(),
            _lock: lock,
        };
        let entries = journal.entries(Seq(trusted.0 + 1));
        Ok((journal, Opened { entries, tear, trusted }))
    }

    /// Adds the batch; see [`super::Log::append`]. At most one segment's bytes at a time.
    ///
    /// # Errors
    /// As [`super::Log::append`].
    ///
    /// # Panics
    /// When the numbers do not follow on from the head: that is a bug of the caller.
    pub fn append(&mut self, batch: &[Entry<'_>]) -> Result<Appended, LogError> {
        check_batch(batch, self.head, self.segment_bytes)?;
        self.batch.clear();
        let mut writer = Writer::after(self.hash);
        for entry in batch {
            writer.line(entry, self.head, &mut self.batch.bytes);
            self.batch.end_line(entry.seq.0);
        }
        self.segments.append(&self.batch)?;
        self.head = batch.last().map_or(self.head, |last| last.seq);
        self.hash = writer.prev;
        Ok(Appended { head: self.hash, synced: self.head })
    }

    /// The last record's number and its line's digest; 0 and zeros when there is none.
    pub fn head(&self) -> (Seq, Hash) {
        (self.head, self.hash)
    }

    /// Whether contacts may still be taken, or what is left is kept for paging.
    pub fn has_room(&self) -> Room {
        self.segments.room()
    }

    /// How full disk and segment are, for health pages.
    pub fn space(&self) -> Space {
        self.segments.space()
    }

    /// Records from number `from` up to the present head, read as they are asked for. It may be sent to another
    /// thread; records appended meanwhile are not in it.
    pub fn entries(&self, from: Seq) -> Entries {
        let firsts = self.segments.firsts();
        // The segment that holds `from` is the last one whose first record is not after it.
        let start = firsts.partition_point(|first| *first <= from.0).saturating_sub(1);
        Entries::new(self.dir.clone(), firsts[start..].to_vec(), from.max(Seq(1)), self.head)
    }
}

/// Notes the head of a log closed in order.
impl Drop for Journal {
    fn drop(&mut self) {
        if !self.segments.is_poisoned() {
            let text = format!("{} {}\n", self.head, self.hash);
            // Without it (a full disk) the last batch is guarded as after a crash: by its digests only.
            let _ = self.disk.make(&self.dir.join(HEAD), text.as_bytes(), text.len() as u64);
        }
    }
}

/// Checks the records of a batch before anything is done with them.
pub(super) fn check_batch(batch: &[Entry<'_>], head: Seq, segment_bytes: u64) -> Result<(), LogError> {
    let max = RECORD_BYTES_MAX.min(segment_bytes as usize - line::AROUND_BYTES_MAX);
    for (entry, expected) in batch.iter().zip(head.0 + 1..) {
        assert!(entry.seq.0 == expected, "record {expected} comes next in the log, and {} was given", entry.seq);
        if entry.record.len() > max {
            return Err(LogError::RecordTooLarge { seq: entry.seq, bytes: entry.record.len(), max });
        }
        if !line::can_be_record(entry.record) {
            return Err(LogError::NotARecord { seq: entry.seq });
        }
    }
    Ok(())
}

/// The head that the log had when it was last closed in order, 0 when it never was: up to there all was safe.
///
/// It vouches for the last batch, which no later line does.
fn closed_at(dir: &Path) -> Result<Seq, OpenError> {
    let path = dir.join(HEAD);
    match std::fs::read_to_string(&path) {
        // Written whole or not at all, so anything else than a number there is no better than nothing.
        Ok(text) => Ok(Seq(text.split(' ').next().and_then(|seq| seq.parse().ok()).unwrap_or(0))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(Seq(0)),
        Err(source) => Err(OpenError::Disk { doing: "read", path, source }),
    }
}

/// The segment in which a known line stands, and where the chain stands before that segment's first line. `None` when the
/// line is not there, is another, or a segment before it does not end where the next begins: then nothing is known.
fn joins_on(dir: &Path, firsts: &[u64], (seq, hash): (Seq, Hash)) -> Option<(usize, Chain)> {
    let at = firsts.partition_point(|first| *first <= seq.0).checked_sub(1)?;
    let mut bytes = Vec::new();
    read_whole(&segments::path(dir, firsts[at], KIND), &mut bytes).ok()?;
    let back = usize::try_from(seq.0 - firsts[at]).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').nth(back)?;
    let (found, _) = scan::whole(line)?;
    let mut next = first_line(&bytes)?;
    if found != hash || next.seq.0 != firsts[at] || firsts[0] != 1 {
        return None;
    }
    let before = Chain { seq: Seq(next.seq.0 - 1), hash: next.prev, synced: Seq(0) };
    for first in firsts[..at].iter().rev() {
        let (last, own) = ends(&segments::path(dir, *first, KIND)).ok()??;
        if last.0 != Seq(next.seq.0 - 1) || last.1 != next.prev || own.seq.0 != *first {
            return None;
        }
        next = own;
    }
    Some((at, before))
}

/// What a segment's first line says of itself.
#[derive(Debug, Clone, Copy)]
struct FirstLine {
    seq: Seq,
    prev: Hash,
}

fn first_line(bytes: &[u8]) -> Option<FirstLine> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let parts = line::Parts::of(scan::whole(&bytes[..end])?.1)?;
    Some(FirstLine { seq: parts.seq, prev: parts.prev })
}

/// Number and digest of a sealed segment's last line, and its first line; `None` when they are not whole lines. Reads
/// the two ends of the file only.
fn ends(path: &Path) -> io::Result<Option<((Seq, Hash), FirstLine)>> {
    use std::os::unix::fs::FileExt as _;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut piece = 8 << 10;
    loop {
        let size = length.min(piece);
        let mut front = vec![0; size as usize];
        let mut back = vec![0; size as usize];
        file.read_exact_at(&mut front, 0)?;
        file.read_exact_at(&mut back, length - size)?;
        let first = first_line(&front);
        let last = back.strip_suffix(b"\n").and_then(|rest| {
            let start = rest
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or((size == length).then_some(0), |at| Some(at + 1))?;
            let (hash, json) = scan::whole(&rest[start..])?;
            Some((line::Parts::of(json)?.seq, hash))
        });
        match (first, last) {
            (Some(first), Some(last)) => return Ok(Some((last, first))),
            _ if size == length || piece > 4 * RECORD_BYTES_MAX as u64 => return Ok(None),
            // A longer line than the piece.
            _ => piece *= 8,
        }
    }
}

/// Walks the chain from the segment `at` on, before which it stands at `chain`. Cuts a sealed segment that a crash left
/// uncut, and blanks a torn end.
///
/// * `safe`: a record that is known to have been safe, as all before it.
fn check(
    dir: &Path,
    firsts: &[u64],
    at: usize,
    mut chain: Chain,
    safe: Seq,
    options: &Options,
) -> Result<(Chain, u64, Option<Tear>), OpenError> {
    let mut bytes = Vec::new();
    let mut tear = None;
    let mut used = 0;
    let closed_at = closed_at(dir)?.max(safe);
    for (index, first) in firsts.iter().enumerate().skip(at) {
        let path = segments::path(dir, *first, KIND);
        let is_last = index + 1 == firsts.len();
        if *first != chain.seq.0 + 1 {
            let (seq, offset) = (Seq(chain.seq.0 + 1), 0);
            let what = format!("it and all up to record {first} are missing: a file is gone, or was cut short");
            return Err(Damage { file: path, offset, seq, what }.into());
        }
        read_whole(&path, &mut bytes).map_err(segments::not_opened("read", &path))?;
        let (whole, end) = scan::segment(&mut chain, &path, &bytes, is_last);
        used = whole as u64;
        if is_last && chain.seq < closed_at {
            return Err(ends_early(path, used, chain, closed_at).into());
        }
        match end {
            End::Clean if !is_last && whole < bytes.len() => segments::cut(&path, used, options)?,
            End::Clean => {}
            End::Torn(torn) => {
                segments::blank(&path, torn.offset, torn.offset + torn.bytes, options)?;
                tear = Some(torn);
            }
            End::Damaged(damage) => return Err(damage.into()),
        }
        if is_last {
            // The next line will vouch for these ones, so they must be as safe as it will say.
            segments::settle(dir, &path, options)?;
        }
    }
    if chain.seq < closed_at {
        return Err(ends_early(dir.to_owned(), 0, chain, closed_at).into());
    }
    Ok((chain, used, tear))
}

fn ends_early(file: PathBuf, offset: u64, chain: Chain, closed_at: Seq) -> Damage {
    let what = format!("it is not there as it was written: the log was closed after record {closed_at}");
    Damage { file, offset, seq: Seq(chain.seq.0 + 1), what }
}

pub(super) fn read_whole(path: &Path, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    File::open(path)?.read_to_end(bytes).map(drop)
}

/// The records of a log in order, one segment in memory at a time.
///
/// The chain was checked when the log was opened; this only reads. An item is an error when a file is gone or was
/// altered since then; nothing comes after it.
#[derive(Debug)]
pub struct Entries {
    dir: PathBuf,
    firsts: std::vec::IntoIter<u64>,
    next: Seq,
    until: Seq,
    path: PathBuf,
    bytes: Vec<u8>,
    at: usize,
}

impl Entries {
    fn new(dir: PathBuf, firsts: Vec<u64>, next: Seq, until: Seq) -> Self {
        Self { path: dir.clone(), dir, firsts: firsts.into_iter(), next, until, bytes: Vec::new(), at: 0 }
    }

    fn read(&mut self) -> Result<Option<Logged>, OpenError> {
        loop {
            if self.next > self.until {
                self.bytes = Vec::new();
                return Ok(None);
            }
            let rest = &self.bytes[self.at..];
            if rest.first().is_none_or(|byte| *byte == 0) {
                let Some(first) = self.firsts.next() else { return Err(self.gone("it is not there any more")) };
                self.path = segments::path(&self.dir, first, KIND);
                self.at = 0;
                read_whole(&self.path, &mut self.bytes).map_err(segments::not_opened("read", &self.path))?;
                continue;
            }
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = line::split(&rest[..length]);
            let logged = line.and_then(|(hash, json)| line::Parts::of(json)?.logged(hash));
            let Some(logged) = logged.filter(|logged| logged.seq <= self.next) else {
                return Err(self.gone("it changed after the log was opened"));
            };
            self.at += length + 1;
            if logged.seq == self.next {
                self.next.0 += 1;
                return Ok(Some(logged));
            }
        }
    }

    fn gone(&self, what: &str) -> OpenError {
        Damage { file: self.path.clone(), offset: self.at as u64, seq: self.next, what: what.to_owned() }.into()
    }
}

impl Iterator for Entries {
    type Item = Result<Logged, OpenError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.until = Seq(0);
        }
        read.transpose()
    }
}
