//! Copies log and details to another directory while they are being written, and only what is new since the last time.
//!
//! The log goes first and the details after it: details are on the disk before the record that names them, so every
//! record in the copy has its details, and what the copy has too many of is dropped when it is opened. A sealed segment
//! of the log never changes; one of the details only shrinks, by erasure, and is then copied anew, so that what was
//! erased here goes from the copy too.
//!
//! Not here: keys, tokens, layers, and the way back (`cli/backup.rs`).

use super::journal::{HEAD, KIND, read_whole};
use super::line::{Parts, split};
use super::{Hash, scan, segments};
use crate::domain::id::Seq;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// What a copy came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    /// The last record in the copy.
    pub head: Seq,
    /// Its line's digest.
    pub hash: Hash,
    /// Files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The directory has a copy of another log.
    #[error("{what}: the log here and the copy there are not the same one; give another directory, and keep that one")]
    Another {
        /// What differs.
        what: String,
    },
    /// There is nothing to copy.
    #[error("there is no record in this log yet")]
    Empty,
}

/// Copies what is new.
///
/// * `log`, `details`: where they are; `to_log`, `to_details`: where the copy is kept.
///
/// # Errors
/// [`BackupError`]; the copy is then as it was, or a whole earlier state.
pub fn copy((log, details): (&Path, &Path), (to_log, to_details): (&Path, &Path)) -> Result<Copied, BackupError> {
    for dir in [to_log, to_details] {
        fs::create_dir_all(dir)?;
        private(dir)?;
    }
    let firsts = segments::list(log, KIND)?;
    let there = segments::list(to_log, KIND)?;
    if let Some(extra) = there.iter().find(|first| !firsts.contains(first)) {
        return Err(BackupError::Another { what: format!("the copy has a segment from record {extra} on") });
    }
    let mut copied = Copied { head: Seq(0), hash: Hash::ZERO, files: 0, bytes: 0 };
    let mut bytes = Vec::new();
    for first in &firsts {
        let (from, to) = (segments::path(log, *first, KIND), segments::path(to_log, *first, KIND));
        let sealed_there = there.last().is_some_and(|last| first < last);
        let is_last = Some(first) == firsts.last();
        if sealed_there && !is_last && fs::metadata(&from)?.len() == fs::metadata(&to)?.len() {
            continue;
        }
        read_whole(&from, &mut bytes)?;
        let whole = whole_lines(&bytes, &mut copied);
        let mut before = Vec::new();
        if to.exists() {
            read_whole(&to, &mut before)?;
            if !bytes[..whole].starts_with(&before) {
                return Err(BackupError::Another { what: format!("the segment from record {first} on differs") });
            }
        }
        put(&to, &bytes[..whole], &mut copied)?;
    }
    if copied.head == Seq(0) {
        return Err(BackupError::Empty);
    }
    // It vouches for the last batch, so that a copy cut short is refused.
    put(&to_log.join(HEAD), format!("{} {}\n", copied.head, copied.hash).as_bytes(), &mut copied)?;
    format(log, to_log, &mut copied)?;
    copy_details(details, to_details, &mut copied)?;
    for dir in [to_log, to_details] {
        File::open(dir)?.sync_all()?;
    }
    Ok(copied)
}

fn copy_details(from: &Path, to: &Path, copied: &mut Copied) -> Result<(), BackupError> {
    const DETAILS: &str = "details";
    let firsts = segments::list(from, DETAILS)?;
    for gone in segments::list(to, DETAILS)?.into_iter().filter(|first| !firsts.contains(first)) {
        fs::remove_file(segments::path(to, gone, DETAILS))?;
    }
    let mut bytes = Vec::new();
    for first in firsts {
        let (from, to) = (segments::path(from, first, DETAILS), segments::path(to, first, DETAILS));
        read_whole(&from, &mut bytes)?;
        let end = bytes[..scan::written(&bytes)].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let same = match fs::read(&to) {
            Ok(there) => there == bytes[..end],
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error.into()),
        };
        if !same {
            put(&to, &bytes[..end], copied)?;
        }
    }
    format(from, to, copied)
}

/// The FORMAT file goes along: it says how to read the rest.
fn format(from: &Path, to: &Path, copied: &mut Copied) -> Result<(), BackupError> {
    let name = "FORMAT";
    put(&to.join(name), &fs::read(from.join(name))?, copied)
}

/// Bytes of the lines at the start that are whole; notes the last of them.
fn whole_lines(bytes: &[u8], copied: &mut Copied) -> usize {
    let mut end = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some((hash, json)) = line.strip_suffix(b"\n").and_then(split) else { break };
        let Some(parts) = Parts::of(json).filter(|_| Hash::of(json.as_bytes()) == hash) else { break };
        copied.head = parts.seq;
        copied.hash = hash;
        end += line.len();
    }
    end
}

/// Writes a file whole or not at all, readable by its owner only.
fn put(path: &Path, bytes: &[u8], copied: &mut Copied) -> Result<(), BackupError> {
    let draft = path.with_extension("new");
    let mut file = crate::keys::private_file(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    copied.files += 1;
    copied.bytes += bytes.len() as u64;
    Ok(())
}

/// Makes a directory its owner's only: the copy is as personal as the original.
pub fn private(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}
