//! One process at a time: the LOCK file, which also says who has it.
//!
//! The lock itself is the operating system's (`flock`), so it goes with the process, whatever ends it; what the file
//! says is for the person who is refused.

use super::OpenError;
use crate::domain::time::Timestamp;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Held while a directory is in use; dropping it gives the directory free.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Length of what the LOCK file says, padded with spaces: writing over it in place needs no new space on a full disk.
const WORDS_BYTES: usize = 256;

impl Lock {
    /// Takes the directory's lock, at once or not at all.
    ///
    /// * `now`: written into the file as the time it was taken.
    ///
    /// # Errors
    /// [`OpenError::Held`] with the holder's own words, [`OpenError::Disk`] when the file cannot be made.
    pub fn take(dir: &Path, now: Timestamp) -> Result<Self, OpenError> {
        let path = dir.join("LOCK");
        let failed = |doing, source| OpenError::Disk { doing, path: path.clone(), source };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|source| failed("open", source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Held { dir: dir.to_owned(), holder: holder(&file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", source)),
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut words = format!("process {} on {host}, since {now:.0}", std::process::id()).into_bytes();
        words.resize(WORDS_BYTES - 1, b' ');
        words.push(b'\n');
        match file.write_all_at(&words, 0) {
            // A full disk must not keep callout from starting; the next one is then told "nobody knows who".
            Err(error) if super::disk::is_full(&error) => {}
            other => other.map_err(|source| failed("write", source))?,
        }
        Ok(Self { _file: file })
    }
}

fn holder(file: &File) -> String {
    let mut words = [0; WORDS_BYTES];
    let read: io::Result<usize> = file.read_at(&mut words, 0);
    let words = String::from_utf8_lossy(&words[..read.unwrap_or(0)]).trim().to_owned();
    if words.is_empty() { "it has not said who it is".to_owned() } else { words }
}
