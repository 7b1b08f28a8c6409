//! The files under a log: a row of segments, each made whole before its first byte of use.
//!
//! A segment is a file of zeros of fixed length, so that adding to it changes no length and one `fdatasync` makes a
//! batch durable. When the next line does not fit, the segment is cut to what it holds (and is plain text from then
//! on) and the reserved one takes its place, named by its first record's number. Order matters and is fixed: the old
//! segment's bytes are durable, then it is cut, then the new one gets its name, then the new one is written.
//!
//! Journal and details store both stand on this; what the lines say is theirs.

use super::disk::{DiskFile, is_full};
use super::reserve::{Reserver, Room, Shortage};
use super::{LogError, OpenError, Options, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, Space};
use std::io;
use std::path::{Path, PathBuf};

/// The row of segments, the last of them being written.
#[derive(Debug)]
pub(super) struct Segments {
    dir: PathBuf,
    kind: &'static str,
    options: Options,
    /// The first numbers of all segments, rising.
    firsts: Vec<u64>,
    current: DiskFile,
    capacity: u64,
    used: u64,
    reserver: Reserver,
    poisoned: Option<String>,
}

/// Lines to be appended together. Kept and used again, since a batch comes many times a second.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, one after the other, line breaks included.
    pub(super) bytes: Vec<u8>,
    /// For each line its record's number and where it ends in `bytes`.
    pub(super) ends: Vec<(u64, usize)>,
}

/// A batch's memory is given back when one batch made it larger than this.
const BATCH_KEPT_BYTES: usize = 4 << 20;

impl Batch {
    /// Makes it empty.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(BATCH_KEPT_BYTES);
        self.ends.clear();
    }

    /// Marks what was added to `bytes` as the line of record `number`.
    pub(super) fn end_line(&mut self, number: u64) {
        self.ends.push((number, self.bytes.len()));
    }
}

/// Where a batch came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The segment of its first lines.
    pub(super) first: u64,
    /// Where in that segment they begin.
    pub(super) offset: u64,
    /// The index of the first line that went to the start of the next segment; the number of lines when none did.
    pub(super) here: usize,
}

/// The path of the segment whose first record has this number.
pub(super) fn path(dir: &Path, first: u64, kind: &str) -> PathBuf {
    dir.join(format!("{first:020}.{kind}"))
}

/// The first numbers of the segments in a directory, rising. Other files are passed over.
pub(super) fn list(dir: &Path, kind: &str) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let name = file?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(kind)?.strip_suffix('.'));
        if let Some(first) = number.filter(|digits| digits.len() == 20).and_then(|digits| digits.parse().ok()) {
            firsts.push(first);
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Wraps a failure of the disk as a reason not to open.
pub(super) fn not_opened<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> OpenError + 'a {
    move |source| OpenError::Disk { doing, path: path.to_owned(), source }
}

/// Makes the directory if need be, and removes what an interrupted start left half made.
pub(super) fn prepare(dir: &Path, options: &Options) -> Result<(), OpenError> {
    if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&options.segment_bytes) {
        return Err(OpenError::SegmentBytes { got: options.segment_bytes });
    }
    options.disk.make_dir(dir).map_err(not_opened("make the directory", dir))
}

/// Removes the half-made files of an interrupted run. Only with the directory's lock in hand.
pub(super) fn sweep(dir: &Path, options: &Options) -> Result<(), OpenError> {
    for file in std::fs::read_dir(dir).map_err(not_opened("list", dir))? {
        let path = file.map_err(not_opened("list", dir))?.path();
        if path.extension().is_some_and(|ending| ending == "new") {
            options.disk.remove(&path).map_err(not_opened("remove", &path))?;
        }
    }
    Ok(())
}

impl Segments {
    /// Takes up a row of segments that has been checked.
    ///
    /// * `firsts`: as [`list`] gave them; with none, the first segment is made, named `next`.
    /// * `used`: the bytes in use of the last one; what comes after them is zero.
    pub(super) fn start(
        dir: &Path,
        kind: &'static str,
        options: &Options,
        mut firsts: Vec<u64>,
        used: u64,
        next: u64,
    ) -> Result<Self, OpenError> {
        let last = firsts.last().copied().unwrap_or(next);
        let path = path(dir, last, kind);
        if firsts.is_empty() {
            options.disk.make(&path, &[], options.segment_bytes).map_err(not_opened("make", &path))?;
            firsts.push(next);
        }
        let current = options.disk.open(&path).map_err(not_opened("open", &path))?;
        let capacity = current.len().map_err(not_opened("measure", &path))?;
        let reserver = Reserver::start(dir, options).map_err(not_opened("start the thread that reserves in", dir))?;
        let (dir, options) = (dir.to_owned(), options.clone());
        Ok(Self { dir, kind, options, firsts, current, capacity, used, reserver, poisoned: None })
    }

    /// Whether a write or sync has failed, so that nobody knows what is on the disk.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.is_some()
    }

    pub(super) fn room(&self) -> Room {
        self.reserver.room()
    }

    pub(super) fn space(&self) -> Space {
        let disk_free_bytes = self.options.disk.free_bytes(&self.dir).ok();
        Space { room: self.room(), segment_free_bytes: self.free(), disk_free_bytes }
    }

    /// Bytes left in the segment being written.
    pub(super) fn free(&self) -> u64 {
        self.capacity - self.used
    }

    /// The first number of the segment being written, and the bytes of it in use.
    pub(super) fn end(&self) -> (u64, u64) {
        (*self.firsts.last().expect("there is always a segment being written"), self.used)
    }

    pub(super) fn firsts(&self) -> &[u64] {
        &self.firsts
    }

    pub(super) fn path(&self, first: u64) -> PathBuf {
        path(&self.dir, first, self.kind)
    }

    /// Adds the lines, whole and durable, or not at all; a line never stands in two segments.
    ///
    /// What does not fit here goes to the next segment, and since a batch is at most as large as one, it always
    /// fits there. The next segment is waited for (within bounds) before anything is written.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<Placed, LogError> {
        let (bytes, max) = (batch.bytes.len() as u64, self.options.segment_bytes);
        if self.poisoned.is_none() {
            self.poisoned = self.reserver.broken();
        }
        if let Some(cause) = &self.poisoned {
            return Err(LogError::Poisoned { cause: cause.clone() });
        }
        if bytes > max {
            return Err(LogError::BatchTooLarge { bytes, max });
        }
        if bytes > self.free() {
            match self.reserver.wait_ready(self.options.reserve_wait) {
                Ok(()) => {}
                Err(Shortage::Full) => return Err(LogError::NoRoom { bytes }),
                Err(Shortage::Broken(cause)) => return Err(LogError::Poisoned { cause }),
            }
        }
        self.write_lines(batch).map_err(|(doing, source)| {
            self.poisoned = Some(format!("could not {doing}: {source}"));
            LogError::Failed { doing, source }
        })
    }

    fn write_lines(&mut self, batch: &Batch) -> Result<Placed, (&'static str, io::Error)> {
        let free = self.free();
        let (first, offset) = self.end();
        let here = batch.ends.partition_point(|(_, end)| *end as u64 <= free);
        let split = here.checked_sub(1).map_or(0, |last| batch.ends[last].1);
        self.write(&batch.bytes[..split]).map_err(|error| ("write and sync a batch", error))?;
        if let Some((next, _)) = batch.ends.get(here) {
            self.roll(*next).map_err(|error| ("go on to the next segment", error))?;
            self.write(&batch.bytes[split..]).map_err(|error| ("write and sync a batch", error))?;
        }
        Ok(Placed { first, offset, here })
    }

    /// Writes at the end of the current segment, where the bytes must fit, and makes them durable.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(bytes.len() as u64 <= self.free(), "what is written fits into the segment");
        if !bytes.is_empty() {
            self.current.write_at(bytes, self.used)?;
            self.current.sync_data()?;
            self.used += bytes.len() as u64;
        }
        Ok(())
    }

    /// Closes the current segment, whose bytes are durable, and goes on in the reserved one, named `first`.
    fn roll(&mut self, first: u64) -> io::Result<()> {
        let path = self.path(first);
        if self.used == 0 {
            // Nothing in it (a segment cut short by hand): it makes way, and mostly for one of its own name.
            self.firsts.pop();
            if self.current.path() != path {
                self.options.disk.remove(self.current.path())?;
            }
        } else {
            self.current.cut(self.used)?;
        }
        self.reserver.take(&path)?;
        self.current = self.options.disk.open(&path)?;
        self.firsts.push(first);
        self.capacity = self.options.segment_bytes;
        self.used = 0;
        Ok(())
    }

    /// Puts a rewritten segment in the old one's place, durably, and overwrites the old bytes with zeros.
    ///
    /// * `bytes`: what the segment now holds. The one being written is filled with zeros to its old length.
    ///
    /// A failure leaves either the old file or the new one, both whole; it can be called again.
    pub(super) fn replace(&mut self, first: u64, bytes: &[u8]) -> Result<(), LogError> {
        if let Some(cause) = &self.poisoned {
            return Err(LogError::Poisoned { cause: cause.clone() });
        }
        let path = self.path(first);
        let is_current = self.end().0 == first;
        let length = if is_current { self.capacity } else { bytes.len() as u64 };
        let doing = "rewrite a segment";
        let disk = self.options.disk.clone();
        let old = disk.open(&path).map_err(|source| LogError::Failed { doing, source })?.nameless();
        let replaced = disk.make(&path, bytes, length).and_then(|()| {
            if is_current {
                self.current = disk.open(&path)?;
                self.used = bytes.len() as u64;
            }
            // The old file has no name any more, but its blocks on the disk still hold what was to go.
            let scrubbed = old.len().and_then(|length| old.zero(0, length)).and_then(|()| old.sync_data());
            // A file system that never writes in place may have no space for the zeros: then it is out of reach.
            scrubbed.or_else(|error| if is_full(&error) { Ok(()) } else { Err(error) })
        });
        replaced.map_err(|source| {
            // With no space for the new file, nothing has happened. Else it is unknown which file has the name.
            if !is_full(&source) {
                self.poisoned = Some(format!("could not rewrite {}: {source}", path.display()));
            }
            LogError::Failed { doing, source }
        })
    }
}

/// Cuts a segment to the bytes it holds, durably.
pub(super) fn cut(path: &Path, bytes: u64, options: &Options) -> Result<(), OpenError> {
    options.disk.open(path).and_then(|file| file.cut(bytes)).map_err(not_opened("cut", path))
}

/// Makes durable what can be read: after the process was killed, that may be in the system's memory only.
pub(super) fn settle(dir: &Path, last: &Path, options: &Options) -> Result<(), OpenError> {
    options.disk.open(last).and_then(|file| file.sync_all()).map_err(not_opened("sync", last))?;
    options.disk.sync_dir(dir).map_err(not_opened("sync", dir))
}

/// Fills part of a segment with zeros, durably.
pub(super) fn blank(path: &Path, from: u64, to: u64, options: &Options) -> Result<(), OpenError> {
    let blanked = options.disk.open(path).and_then(|file| {
        file.zero(from, to)?;
        file.sync_all()
    });
    blanked.map_err(not_opened("blank the torn end of", path))
}

/// The first line of a directory's FORMAT file must be `format`; a new directory gets one.
pub(super) fn check_format(
    dir: &Path,
    format: &'static str,
    explained: &str,
    options: &Options,
) -> Result<(), OpenError> {
    let path = dir.join("FORMAT");
    match std::fs::read(&path) {
        Ok(text) => {
            let found = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned();
            if found == format { Ok(()) } else { Err(OpenError::Format { file: path, found, wanted: format }) }
        }
        // Lost, or a new directory: the lines prove themselves, so it is written (again) rather than asked for.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("{format}\n\n{explained}");
            match options.disk.make(&path, text.as_bytes(), text.len() as u64) {
                // A full disk must not keep callout from starting; next time, then.
                Err(error) if is_full(&error) => Ok(()),
                made => made.map_err(not_opened("write", &path)),
            }
        }
        Err(source) => Err(OpenError::Disk { doing: "read", path, source }),
    }
}
