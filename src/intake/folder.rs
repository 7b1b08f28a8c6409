//! A watched folder: which files in it are whole, what is in them, and where they go afterwards.
//!
//! Think of a letter box that is emptied every half a minute: a letter that is still being pushed through the slot stays
//! until the next time. A file is whole when it is as long and as old as at the last look, or appeared under its name at
//! once (a writer that renames) and has stayed so for one look. Taken, it moves to `done`; rows that could not be used
//! lie beside it there, with their line and what is wrong.
//!
//! Each row has a key (its own number, else the digest of the row), so a file that is read again after a power cut, or
//! that repeats the rows of the one before, counts nothing twice.
//!
//! Bounds: plain files only, no links, nothing in folders below; so many files a look; so many bytes a file.
//!
//! Not here: handing what was read to the core (see [`crate::daemon::folders`]).

use super::columns::Mapping;
use super::import::{ImportError, Row, Rows, open};
use super::queue_csv;
use super::{BATCH_MAX, Reading};
use crate::config::folders::Holds;
use crate::keys::private_file;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Longest file that is taken, in bytes as it lies there.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files of one look; the next look takes more.
const FILES_MAX: usize = 100;
/// Entries of the folder that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// Where files go that were taken.
pub const DONE: &str = "done";
/// Endings of files that are taken, also with `.gz`.
const ENDINGS: [&str; 3] = ["csv", "ndjson", "jsonl"];

/// A folder as it was at the last look.
#[derive(Debug, Default)]
pub struct Watched {
    seen: BTreeMap<String, (u64, SystemTime)>,
}

/// What a file came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Rows handed on.
    pub rows: u64,
    /// Rows that could not be used.
    pub refused: u64,
    /// The first of them, or why the file could not be read, in words; no words of a caller.
    pub first: Option<String>,
}

/// Why a file was left where it is.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system says so.
    #[error("{what} {path}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The core does not take it now.
    #[error("{0}")]
    NotTaken(String),
}

fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::System { what, path, source }
}

/// Whether a name is one that is taken: a plain name with a known ending, not hidden, not of ours.
fn is_wanted(name: &str) -> bool {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let ending = plain.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
        && !plain.ends_with(".refused.csv")
        && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

impl Watched {
    /// The files that are whole, by name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn look(&mut self, folder: &Path) -> Result<Vec<String>, FolderError> {
        let entries = std::fs::read_dir(folder).map_err(system("cannot read the folder", folder))?;
        let mut now: BTreeMap<String, (u64, SystemTime)> = BTreeMap::new();
        for entry in entries.take(ENTRIES_MAX) {
            let entry = entry.map_err(system("cannot read the folder", folder))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Of the entry itself, so that a link is a link.
            let Ok(meta) = std::fs::symlink_metadata(entry.path()) else { continue };
            if is_wanted(&name) && meta.is_file() {
                now.insert(name, (meta.len(), meta.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
            }
        }
        let whole = now.iter().filter(|(name, was)| self.seen.get(*name) == Some(was));
        let whole = whole.map(|(name, _)| name.clone()).take(FILES_MAX).collect();
        self.seen = now;
        Ok(whole)
    }
}

/// Opens a file of the folder, if it is still the plain file that it was.
fn open_plain(path: &Path) -> Result<(File, Metadata), FolderError> {
    let failed = |source| FolderError::System { what: "cannot read", path: path.to_owned(), source };
    let named = std::fs::symlink_metadata(path).map_err(failed)?;
    let file = File::open(path).map_err(failed)?;
    let opened = file.metadata().map_err(failed)?;
    if !named.is_file() || !same(&named, &opened) {
        return Err(failed(io::Error::other("it is no plain file any more")));
    }
    Ok((file, opened))
}

#[cfg(unix)]
fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Takes one whole file: hands its rows on in batches, writes down those that cannot be used, moves it to `done`.
///
/// * `hand_on`: takes a batch of at most [`BATCH_MAX`] objects; when it fails the file stays and is read again.
///
/// # Errors
/// When the file cannot be moved, or what was read is not taken. What is wrong with the file itself is in the answer.
pub fn take(
    folder: &Path,
    name: &str,
    holds: Holds,
    mapping: &Mapping,
    reading: &Reading<'_>,
    hand_on: &mut dyn FnMut(Vec<Value>) -> Result<(), String>,
) -> Result<Taken, FolderError> {
    let path = folder.join(name);
    let (file, meta) = open_plain(&path)?;
    let done = done_dir(folder)?;
    let target = free_name(&done, name)?;
    let mut refused = Refused { path: done.join(format!("{target}.refused.csv")), writer: None };
    let mut taken = Taken::default();
    let whole = if meta.len() > FILE_BYTES_MAX {
        Err(format!("it is longer than {} MiB; split it", FILE_BYTES_MAX / 1024 / 1024))
    } else {
        let rows = Reader::begin(file, holds, mapping).map_err(|error| error.to_string());
        rows.and_then(|mut rows| pour(&mut rows, reading, &mut refused, &mut taken, hand_on).map_err(Stopped::words)?)
    };
    match whole {
        Ok(()) => {}
        Err(why) if why.starts_with(NOT_TAKEN) => {
            refused.drop_file();
            return Err(FolderError::NotTaken(why[NOT_TAKEN.len()..].to_owned()));
        }
        Err(why) => {
            refused.add(&[], 0, &why, &[]).map_err(system("cannot write", &refused.path))?;
            taken.first.get_or_insert(why);
        }
    }
    refused.end().map_err(system("cannot write into", &done))?;
    std::fs::rename(&path, done.join(&target)).map_err(system("cannot move to done", &path))?;
    Ok(taken)
}

/// Marks words that are the core's, not the file's.
const NOT_TAKEN: &str = "\u{1}";

/// What ended the reading of a file.
enum Stopped {
    File(String),
    Core(String),
}

impl Stopped {
    fn words(self) -> String {
        match self {
            Self::File(why) => why,
            Self::Core(why) => format!("{NOT_TAKEN}{why}"),
        }
    }
}

fn pour(
    rows: &mut Reader,
    reading: &Reading<'_>,
    refused: &mut Refused,
    taken: &mut Taken,
    hand_on: &mut dyn FnMut(Vec<Value>) -> Result<(), String>,
) -> Result<Result<(), String>, Stopped> {
    let mut batch = Vec::new();
    loop {
        let row = match rows.next(reading) {
            Ok(Some(row)) => row,
            Ok(None) => break,
            // What came before it was good, and is handed on.
            Err(error) => {
                hand_on(batch).map_err(Stopped::Core)?;
                return Err(Stopped::File(error.to_string()));
            }
        };
        match row.contact {
            Ok((object, _)) => {
                taken.rows += 1;
                batch.push(object);
            }
            Err(problems) => {
                taken.refused += 1;
                let because = problems.join("; ");
                taken.first.get_or_insert_with(|| format!("line {}: a row that cannot be used", row.line));
                let added = refused.add(rows.head(), row.line, &because, &row.cells);
                added.map_err(|error| Stopped::File(format!("refused rows cannot be written: {error}")))?;
            }
        }
        if batch.len() == BATCH_MAX {
            hand_on(std::mem::take(&mut batch)).map_err(Stopped::Core)?;
        }
    }
    hand_on(batch).map_err(Stopped::Core)?;
    Ok(Ok(()))
}

/// The rows of a file, of either kind.
enum Reader {
    Contacts(Box<Rows>),
    Counts(Box<queue_csv::Rows>),
}

impl Reader {
    fn begin(file: File, holds: Holds, mapping: &Mapping) -> Result<Self, ImportError> {
        let (file, layout) = open(file).map_err(|source| ImportError::Read { line: 0, source })?;
        Ok(match holds {
            Holds::Contacts => Self::Contacts(Box::new(Rows::begin(file, layout, mapping.clone())?)),
            Holds::QueueCounts => Self::Counts(Box::new(queue_csv::Rows::begin(file, layout, mapping.clone())?)),
        })
    }

    fn next(&mut self, reading: &Reading<'_>) -> Result<Option<Row>, ImportError> {
        match self {
            Self::Contacts(rows) => rows.next(reading),
            Self::Counts(rows) => rows.next(reading),
        }
    }

    fn head(&self) -> &[String] {
        match self {
            Self::Contacts(rows) => &rows.head,
            Self::Counts(rows) => &rows.head,
        }
    }
}

/// `done`, made if it is not there; a real directory.
fn done_dir(folder: &Path) -> Result<PathBuf, FolderError> {
    let done = folder.join(DONE);
    match std::fs::symlink_metadata(&done) {
        Ok(meta) if meta.is_dir() => Ok(done),
        Ok(_) => Err(system("cannot use", &done)(io::Error::other("it is no directory"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir(&done).map_err(system("cannot make", &done))?;
            Ok(done)
        }
        Err(error) => Err(system("cannot look at", &done)(error)),
    }
}

/// A name that is free in `done`: the file's own, else with a number before it.
fn free_name(done: &Path, name: &str) -> Result<String, FolderError> {
    let free = |name: &String| std::fs::symlink_metadata(done.join(name)).is_err();
    let names = std::iter::once(name.to_owned()).chain((2..100_000).map(|n| format!("{n}-{name}")));
    let mut names = names.filter(free);
    names.next().ok_or_else(|| system("no name is free in", done)(io::Error::other("empty it")))
}

/// The file of refused rows, made at the first one.
struct Refused {
    path: PathBuf,
    writer: Option<csv::Writer<File>>,
}

impl Refused {
    fn add(&mut self, head: &[String], line: u64, because: &str, cells: &[String]) -> io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                // What is refused is as personal as what is taken: for its owner only.
                let file = private_file(&self.path)?;
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(file);
                let names = ["refused_line", "refused_because"].into_iter().chain(head.iter().map(String::as_str));
                writer.write_record(names)?;
                self.writer.insert(writer)
            }
        };
        let line = line.to_string();
        let cells = [line.as_str(), because].into_iter().chain(cells.iter().map(String::as_str));
        writer.write_record(cells).map_err(io::Error::other)
    }

    fn drop_file(self) {
        if self.writer.is_some() {
            // It will be written again with the next reading.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.take().map_or(Ok(()), |mut writer| writer.flush())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_whole_when_it_has_not_changed_and_no_link_or_stranger_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, mut watched) = (dir.path(), Watched::default());
        std::fs::write(folder.join("a.csv"), "channel\n").unwrap();
        std::fs::write(folder.join(".hidden.csv"), "x").unwrap();
        std::fs::write(folder.join("a.csv.part"), "x").unwrap();
        std::fs::write(folder.join("old.refused.csv"), "x").unwrap();
        std::fs::create_dir(folder.join("dir.csv")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link.csv")).unwrap();
        assert_eq!(watched.look(folder).unwrap(), Vec::<String>::new(), "it may still be growing");
        std::fs::write(folder.join("a.csv"), "channel\nphone\n").unwrap();
        assert_eq!(watched.look(folder).unwrap(), Vec::<String>::new(), "it has grown");
        assert_eq!(watched.look(folder).unwrap(), ["a.csv"]);
        assert!(open_plain(&folder.join("link.csv")).is_err());
        assert!(Watched::default().look(&folder.join("none")).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn names_that_lead_elsewhere_are_not_taken() {
        for name in ["../a.csv", "a/b.csv", "a.txt", "csv", ".csv", "a.csv.tmp"] {
            assert!(!is_wanted(name), "{name}");
        }
        for name in ["a.csv", "A.CSV", "b.ndjson.gz", "c.jsonl"] {
            assert!(is_wanted(name), "{name}");
        }
    }
}
