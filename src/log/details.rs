//! What is personal: names, numbers, exact places and people's own words, beside the log and erasable.
//!
//! A record in the log names its details by its own number and by a digest under a salt; what the details say is
//! here, one line each, in files of the same kind as the journal's. Details are made durable *before* the record
//! that names them. So after a crash there can be details without a record, never a record without its details; the
//! ones without are removed on opening.
//!
//! Erasing rewrites the files without the lines in question and overwrites the old ones. The digest that stays in
//! the log tells nothing without the salt, and the salt goes with the line. The chain stays whole.
//!
//! Left out: who may see what, how long each class is kept, and the record of an erasure (`daemon`, `domain`).

mod scan;

pub use scan::{Scan, Stored};

use super::segments::{self, Batch, Segments};
use super::{Hash, Lock, LogError, OpenError, Options, RECORD_BYTES_MAX, Room, Space, line};
use crate::domain::id::Seq;
use crate::domain::keeping::Spans;
use crate::domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

const KIND: &str = "details";
const FORMAT: &str = "callout details 1";
const EXPLAINED: &str = "\
The personal details that belong to the record in the log, one JSON object a line: `seq` is the number of the record,
`detail` what belongs to it. The record holds a SHA-256 digest of `salt` (the digits as they stand) followed by the
bytes of `detail` as they stand, so that details can be shown to be the ones meant. Lines are erased when their time
is over or the person asks; the log stays whole without them.
";
/// What a line has around its detail, subject and class, at most.
const AROUND_BYTES_MAX: usize = 128;
/// The longest subject or class, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// Details on their way into the store.
#[derive(Debug, Clone, Copy)]
pub struct NewDetail<'a> {
    /// The number of the record that names them. Rising: one detail to a record.
    pub seq: Seq,
    /// 16 random bytes as 32 hexadecimal digits.
    pub salt: &'a str,
    /// Whose they are, e.g. `C-20418` or a person of the rota; at most [`NAME_BYTES_MAX`] bytes.
    pub subject: &'a str,
    /// How long they are kept, as the retention rules name it, e.g. `contact`; at most [`NAME_BYTES_MAX`] bytes.
    pub class: &'a str,
    /// One JSON object on one line, at most [`RECORD_BYTES_MAX`] bytes.
    pub detail: &'a [u8],
}

/// Details as they are in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Detail {
    /// The number of the record that names them.
    pub seq: Seq,
    /// Whose they are.
    pub subject: String,
    /// How long they are kept.
    pub class: String,
    /// The JSON object.
    pub detail: String,
}

/// Without the detail itself, so that the trace never holds a caller's words.
impl std::fmt::Debug for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detail").field("seq", &self.seq).field("class", &self.class).finish_non_exhaustive()
    }
}

/// The digest by which a record names its details: SHA-256 of the salt's digits followed by the JSON's bytes.
pub fn digest(salt: &str, detail: &[u8]) -> Hash {
    Hash::of_parts(&[salt.as_bytes(), detail])
}

/// What opening a details store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Details in the store.
    pub details: u64,
    /// Details removed because the log ends before the record that was to name them.
    pub dropped: u64,
    /// Lines that cannot be read any more: file and offset. To be told to the administrator; the log is not touched.
    pub damaged: Vec<(PathBuf, u64)>,
}

/// The details store. One process at a time; readers of the same process through [`Details::reader`].
#[derive(Debug)]
pub struct Details {
    segments: Segments,
    reader: Reader,
    batch: Batch,
    last: Seq,
    segment_bytes: u64,
    _lock: Lock,
}

/// What looking at one segment found: the numbers of its records, and lines that cannot be read, by file and offset.
pub type LookedAt = (Vec<Seq>, Vec<(PathBuf, u64)>);

/// Looks details up, from any thread.
#[derive(Debug, Clone)]
pub struct Reader {
    dir: PathBuf,
    index: Arc<RwLock<Vec<Part>>>,
    /// Records whose details were erased: never given out, even where an old copy of the files brought them back.
    erased: Arc<RwLock<Spans>>,
}

/// The lines of one segment.
#[derive(Debug, Clone)]
struct Part {
    /// The segment's name.
    segment: u64,
    /// `None` until it is asked for: a start does not read old segments.
    places: Option<Vec<Place>>,
}

/// Where a line stands: 24 bytes for each detail in the store, rising by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    seq: u64,
    segment: u64,
    offset: u32,
    length: u32,
}

/// A line as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    seq: u64,
    #[serde(borrow)]
    salt: std::borrow::Cow<'a, str>,
    subject: String,
    class: String,
    #[serde(borrow)]
    detail: &'a RawValue,
}

impl Details {
    /// Opens the store in a directory, which is made if it is not there.
    ///
    /// * `head`: the log's last record. Details of later ones are removed: nothing names them, and their numbers
    ///   will be given again.
    /// * `now`: for the LOCK file only.
    ///
    /// # Errors
    /// As a journal's; and [`OpenError::DetailsAhead`] when so much lies beyond `head` that this cannot be the log
    /// that it belongs to.
    pub fn open(dir: &Path, options: &Options, head: Seq, now: Timestamp) -> Result<(Self, Opened), OpenError> {
        Self::open_from(dir, options, head, now, true)
    }

    /// As [`Details::open`]; without `all`, only the newest segments are read now, and an old one when something of it is
    /// asked for.
    ///
    /// # Errors
    /// As [`Details::open`].
    pub fn open_from(
        dir: &Path,
        options: &Options,
        head: Seq,
        now: Timestamp,
        all: bool,
    ) -> Result<(Self, Opened), OpenError> {
        segments::prepare(dir, options)?;
        let lock = Lock::take(dir, now)?;
        segments::check_format(dir, FORMAT, EXPLAINED, options)?;
        segments::sweep(dir, options)?;
        let mut old = segments::list(dir, KIND).map_err(segments::not_opened("list", dir))?;
        // The last one with something to keep, and the one before it, which a crash may have left uncut.
        let newest = old.partition_point(|first| *first <= head.0).min(old.len().saturating_sub(1)).saturating_sub(1);
        let mut firsts = old.split_off(if all { 0 } else { newest.min(old.len().saturating_sub(2)) });
        let mut found = read_index(dir, &firsts, head)?;
        if found.end.is_none() && !old.is_empty() {
            // Nothing to keep in the newest ones: the end is further back.
            firsts.splice(0..0, old.drain(..));
            found = read_index(dir, &firsts, head)?;
        }
        if found.bytes_beyond > 2 * options.segment_bytes {
            let (dir, records_n) = (dir.to_owned(), found.opened.dropped);
            return Err(OpenError::DetailsAhead { dir, head, records_n });
        }
        let used = cut_back(dir, &mut firsts, &found, options)?;
        let last = Seq(found.index.last().map_or(0, |place| place.seq));
        let mut parts: Vec<Part> = old.iter().map(|segment| Part { segment: *segment, places: None }).collect();
        parts.extend(firsts.iter().map(|segment| {
            let places = found.index.iter().filter(|place| place.segment == *segment).copied();
            Part { segment: *segment, places: Some(places.collect()) }
        }));
        old.append(&mut firsts);
        let segments = Segments::start(dir, KIND, options, old, used, head.0 + 1)?;
        if parts.is_empty() {
            parts.push(Part { segment: segments.end().0, places: Some(Vec::new()) });
        }
        let reader = Reader { dir: dir.to_owned(), index: Arc::new(RwLock::new(parts)), erased: Arc::default() };
        let (batch, segment_bytes) = (Batch::default(), options.segment_bytes);
        Ok((Self { segments, reader, batch, last, segment_bytes, _lock: lock }, found.opened))
    }

    /// Adds the details and returns when they are on the disk. Call it before the records that name them are
    /// appended to the log.
    ///
    /// # Errors
    /// As [`super::Log::append`].
    ///
    /// # Panics
    /// When the numbers do not rise, or a name is too long or a salt not 32 digits: bugs of the caller.
    pub fn append(&mut self, details: &[NewDetail<'_>]) -> Result<(), LogError> {
        self.batch.clear();
        let mut last = self.last;
        let max = RECORD_BYTES_MAX.min(self.segment_bytes as usize / 2 - AROUND_BYTES_MAX);
        for new in details {
            assert!(new.seq > last, "details of record {} come after those of record {last}", new.seq);
            assert!(new.subject.len().max(new.class.len()) <= NAME_BYTES_MAX, "subjects and classes are short names");
            let hex = new.salt.len() == 32 && new.salt.bytes().all(|digit| digit.is_ascii_hexdigit());
            assert!(hex, "a salt is 32 hexadecimal digits");
            if new.detail.len() > max {
                return Err(LogError::RecordTooLarge { seq: new.seq, bytes: new.detail.len(), max });
            }
            if !line::can_be_record(new.detail) {
                return Err(LogError::NotARecord { seq: new.seq });
            }
            last = new.seq;
            write_line(new, &mut self.batch.bytes);
            self.batch.end_line(new.seq.0);
        }
        let placed = self.segments.append(&self.batch)?;
        let mut index = self.reader.index_mut();
        let (mut segment, mut offset, mut start) = (placed.first, placed.offset, 0);
        for (n, (seq, end)) in self.batch.ends.iter().enumerate() {
            if n == placed.here {
                (segment, offset) = (self.segments.end().0, 0);
            }
            let length = (end - start) as u32;
            let place = Place { seq: *seq, segment, offset: offset as u32, length };
            match index.last_mut() {
                Some(Part { segment: last, places: Some(places) }) if *last == segment => places.push(place),
                _ => index.push(Part { segment, places: Some(vec![place]) }),
            }
            offset += u64::from(length);
            start = *end;
        }
        self.last = last;
        Ok(())
    }

    /// A hand to look details up with, for other threads.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Removes the details of these records for good: from the files, and the old files' bytes with them. Records
    /// without details are passed over. Gives the number of details removed.
    ///
    /// It costs a rewrite of every segment that holds one of them, so give all at once. It may be called again after
    /// a failure, and after the restore of a backup.
    ///
    /// # Errors
    /// [`LogError::Failed`] when a file cannot be rewritten: what was rewritten before stays erased.
    pub fn erase(&mut self, seqs: &BTreeSet<Seq>) -> Result<u64, LogError> {
        let segments: Vec<u64> = self.reader.index().iter().map(|part| part.segment).collect();
        let mut erased = 0;
        for segment in segments {
            let failed = |source| LogError::Failed { doing: "read a segment to rewrite it", source };
            let places = self.reader.places(segment).map_err(failed)?;
            if !places.iter().any(|place| seqs.contains(&Seq(place.seq))) {
                continue;
            }
            let mut index = self.reader.index.write().expect("nothing panics while holding the index");
            let bytes = std::fs::read(self.segments.path(segment)).map_err(failed)?;
            let (kept, moved) = without(&bytes, &places, segment, seqs);
            self.segments.replace(segment, &kept)?;
            let left = places.iter().filter(|place| !seqs.contains(&Seq(place.seq)));
            let left: Vec<Place> = left.zip(moved).map(|(place, offset)| Place { offset, ..*place }).collect();
            erased += (places.len() - left.len()) as u64;
            if let Some(part) = index.iter_mut().find(|part| part.segment == segment) {
                part.places = Some(left);
            }
        }
        Ok(erased)
    }

    /// Whether contacts may still be taken, or what is left is kept for paging.
    pub fn has_room(&self) -> Room {
        self.segments.room()
    }

    /// How full disk and segment are, for health pages.
    pub fn space(&self) -> Space {
        self.segments.space()
    }
}

impl Reader {
    /// The details of record `seq`, if they are there and are the ones meant by `digest`; `None` when they were
    /// erased or damaged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, seq: Seq, digest: &Hash) -> io::Result<Option<Detail>> {
        let is_erased = self.erased.read().expect("nothing panics while holding it").contains(seq);
        let Some(place) = self.place(seq)?.filter(|_| !is_erased) else { return Ok(None) };
        let found = self.read_meant(place, digest)?;
        // An erasure may have moved the line between the two steps: then it stands elsewhere now.
        match self.place(seq)? {
            Some(moved) if found.is_none() && moved != place => self.read_meant(moved, digest),
            _ => Ok(found),
        }
    }

    fn read_meant(&self, place: Place, digest: &Hash) -> io::Result<Option<Detail>> {
        let bytes = self.line(place)?;
        let json = serde_json::from_slice::<Json<'_>>(&bytes).ok();
        let meant = json
            .filter(|json| json.seq == place.seq && self::digest(&json.salt, json.detail.get().as_bytes()) == *digest);
        Ok(meant.map(|json| Detail {
            seq: Seq(json.seq),
            subject: json.subject,
            class: json.class,
            detail: json.detail.get().to_owned(),
        }))
    }

    /// From now on the details of these records are given to nobody, whatever the files hold.
    pub fn hide(&self, erased: Spans) {
        *self.erased.write().expect("nothing panics while holding it") = erased;
    }

    /// The numbers of all records that have details, rising. Reads every segment that was not read yet.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn seqs(&self) -> io::Result<Vec<Seq>> {
        let mut seqs = Vec::new();
        for segment in self.segments() {
            seqs.extend(self.places(segment)?.iter().map(|place| Seq(place.seq)));
        }
        Ok(seqs)
    }

    /// The names of the segments, rising.
    pub fn segments(&self) -> Vec<u64> {
        self.index().iter().map(|part| part.segment).collect()
    }

    /// The numbers of one segment's records, rising, and lines that cannot be read: file and offset. A segment that was
    /// not read yet is read, and not kept in memory.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn look_at(&self, segment: u64) -> io::Result<LookedAt> {
        let known = self.index().iter().find(|part| part.segment == segment).and_then(|part| part.places.clone());
        let (places, damaged) = match known {
            Some(places) => (places, Vec::new()),
            None => {
                let found = self.read(segment)?;
                (found.index, found.opened.damaged)
            }
        };
        Ok((places.iter().map(|place| Seq(place.seq)).collect(), damaged))
    }

    fn read(&self, segment: u64) -> io::Result<Found> {
        read_index(&self.dir, &[segment], Seq(u64::MAX)).map_err(|error| io::Error::other(error.to_string()))
    }

    /// The segment in which a record's details stand; `None` where it has none, or the file cannot be read.
    pub fn segment_of(&self, seq: Seq) -> Option<u64> {
        self.place(seq).ok().flatten().map(|place| place.segment)
    }

    /// Where a record's details stand. Reads the segment, and remembers it, where it was not read yet.
    fn place(&self, seq: Seq) -> io::Result<Option<Place>> {
        let find =
            |places: &[Place]| places.binary_search_by_key(&seq.0, |place| place.seq).ok().map(|found| places[found]);
        let segment = {
            let index = self.index();
            let Some(at) = index.partition_point(|part| part.segment <= seq.0).checked_sub(1) else { return Ok(None) };
            match &index[at].places {
                Some(places) => return Ok(find(places)),
                None => index[at].segment,
            }
        };
        let places = self.places(segment)?;
        let found = find(&places);
        if let Some(part) = self.index_mut().iter_mut().find(|part| part.segment == segment) {
            // Somebody may have rewritten it meanwhile, and then knows better.
            part.places.get_or_insert(places);
        }
        Ok(found)
    }

    /// The lines of a segment: as remembered, else read from the file.
    fn places(&self, segment: u64) -> io::Result<Vec<Place>> {
        let index = self.index();
        let part = index.iter().find(|part| part.segment == segment);
        match part.and_then(|part| part.places.as_ref()) {
            Some(places) => Ok(places.clone()),
            None => Ok(self.read(segment)?.index),
        }
    }

    /// The numbers of all records whose details are of this subject. Reads the whole store.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of_subject(&self, subject: &str) -> io::Result<BTreeSet<Seq>> {
        let mut seqs = BTreeSet::new();
        for segment in self.segments() {
            for place in self.places(segment)? {
                let bytes = self.line(place)?;
                if serde_json::from_slice::<Json<'_>>(&bytes).is_ok_and(|json| json.subject == subject) {
                    seqs.insert(Seq(place.seq));
                }
            }
        }
        Ok(seqs)
    }

    fn line(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.length as usize];
        let file = File::open(segments::path(&self.dir, place.segment, KIND))?;
        file.read_exact_at(&mut bytes, u64::from(place.offset))?;
        Ok(bytes)
    }

    fn index(&self) -> RwLockReadGuard<'_, Vec<Part>> {
        self.index.read().expect("nothing panics while holding the index")
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Vec<Part>> {
        self.index.write().expect("nothing panics while holding the index")
    }
}

fn write_line(new: &NewDetail<'_>, buffer: &mut Vec<u8>) {
    let name = |name: &str, buffer: &mut Vec<u8>| {
        serde_json::to_writer(buffer, name).expect("writing a string to memory does not fail");
    };
    buffer.extend_from_slice(format!("{{\"seq\":{},\"salt\":\"{}\",\"subject\":", new.seq, new.salt).as_bytes());
    name(new.subject, buffer);
    buffer.extend_from_slice(b",\"class\":");
    name(new.class, buffer);
    buffer.extend_from_slice(b",\"detail\":");
    buffer.extend_from_slice(new.detail);
    buffer.extend_from_slice(b"}\n");
}

/// What reading the files found.
#[derive(Default)]
struct Found {
    index: Vec<Place>,
    opened: Opened,
    /// Bytes after the last line to keep.
    bytes_beyond: u64,
    /// The last segment with something to keep, and where that ends; `None` when there is nothing.
    end: Option<(u64, u64)>,
    /// For each segment the bytes up to the last that is not zero, and its length.
    written: Vec<(u64, u64)>,
}

/// Reads all files, and sorts their lines into those to keep, those beyond `head`, and bad ones.
fn read_index(dir: &Path, firsts: &[u64], head: Seq) -> Result<Found, OpenError> {
    let mut found = Found::default();
    // What is not a line to keep is damage only if such a line comes after it; at the end it is what a crash left.
    let mut doubtful: Vec<(PathBuf, u64)> = Vec::new();
    let mut bytes = Vec::new();
    for segment in firsts {
        let path = segments::path(dir, *segment, KIND);
        super::journal::read_whole(&path, &mut bytes).map_err(segments::not_opened("read", &path))?;
        let written = super::scan::written(&bytes);
        found.written.push((written as u64, bytes.len() as u64));
        let mut offset = 0;
        for line in bytes[..written].split_inclusive(|byte| *byte == b'\n') {
            let length = line.len() as u64;
            let seq = number(line);
            let last = found.index.last().map_or(0, |place| place.seq);
            match seq.filter(|seq| (last + 1..=head.0).contains(seq)) {
                Some(seq) => {
                    found.opened.damaged.append(&mut doubtful);
                    found.opened.dropped = 0;
                    found.bytes_beyond = 0;
                    found.index.push(Place { seq, segment: *segment, offset: offset as u32, length: length as u32 });
                    found.end = Some((*segment, offset + length));
                }
                None => {
                    found.opened.dropped += u64::from(seq.is_some());
                    found.bytes_beyond += length;
                    doubtful.push((path.clone(), offset));
                }
            }
            offset += length;
        }
    }
    found.opened.details = found.index.len() as u64;
    Ok(found)
}

/// The number that a line begins with, when it looks like one of ours from end to end.
fn number(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"seq\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    let whole = digits[end..].starts_with(b",\"salt\":\"") && line.ends_with(b"}}\n") && !line.contains(&0);
    if whole { std::str::from_utf8(&digits[..end]).ok()?.parse().ok() } else { None }
}

/// Removes what comes after the last line to keep: whole files, and the tail of one. Gives the bytes in use of that.
fn cut_back(dir: &Path, firsts: &mut Vec<u64>, found: &Found, options: &Options) -> Result<u64, OpenError> {
    let keep = found.end.map_or(0, |(segment, _)| firsts.partition_point(|first| *first <= segment));
    for first in firsts.drain(keep..).rev() {
        let path = segments::path(dir, first, KIND);
        options.disk.remove(&path).map_err(segments::not_opened("remove", &path))?;
    }
    options.disk.sync_dir(dir).map_err(segments::not_opened("sync", dir))?;
    let used = found.end.map_or(0, |(_, used)| used);
    for (n, (first, (written, length))) in firsts.iter().zip(&found.written).enumerate() {
        let path = segments::path(dir, *first, KIND);
        if n + 1 == keep && *written > used {
            segments::blank(&path, used, *written, options)?;
        } else if n + 1 < keep && written < length {
            // A crash came between leaving this segment and cutting it.
            segments::cut(&path, *written, options)?;
        }
    }
    Ok(used)
}

/// The bytes of a segment without the lines of these records, and where the lines that stay begin now.
fn without(bytes: &[u8], places: &[Place], segment: u64, seqs: &BTreeSet<Seq>) -> (Vec<u8>, Vec<u32>) {
    let end = super::scan::written(bytes);
    let mut kept = Vec::with_capacity(end);
    let mut moved = Vec::new();
    let mut at = 0;
    for place in places.iter().filter(|place| place.segment == segment) {
        let start = place.offset as usize;
        // What stands between lines that can be read is a damaged one: it stays, as evidence.
        kept.extend_from_slice(&bytes[at..start]);
        at = start + place.length as usize;
        if !seqs.contains(&Seq(place.seq)) {
            moved.push(kept.len() as u32);
            kept.extend_from_slice(&bytes[start..at]);
        }
    }
    kept.extend_from_slice(&bytes[at..end]);
    (kept, moved)
}
