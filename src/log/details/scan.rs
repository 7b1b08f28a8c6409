//! Reads all details in a directory beside a running daemon: for exports and looking through.

use super::super::segments;
use super::{Hash, Json, KIND, digest};
use crate::domain::id::Seq;
use std::io;
use std::path::{Path, PathBuf};

/// Details as they stand in the files, salt and all.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The number of the record that names them.
    pub seq: Seq,
    /// The salt's digits.
    pub salt: String,
    /// Whose they are.
    pub subject: String,
    /// How long they are kept.
    pub class: String,
    /// The JSON object, byte for byte.
    pub detail: String,
}

impl Stored {
    /// The digest by which the record names them.
    pub fn digest(&self) -> Hash {
        digest(&self.salt, self.detail.as_bytes())
    }
}

/// All details in a directory in the order of their records, without its lock: for exports and looking through, beside
/// a running daemon. Lines that are not whole are passed over.
pub struct Scan {
    dir: PathBuf,
    firsts: std::vec::IntoIter<u64>,
    bytes: Vec<u8>,
    at: usize,
}

impl Scan {
    /// Begins at the first. A directory that is not there has none.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn start(dir: &Path) -> io::Result<Self> {
        let firsts = match segments::list(dir, KIND) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed?,
        };
        Ok(Self { dir: dir.to_owned(), firsts: firsts.into_iter(), bytes: Vec::new(), at: 0 })
    }
}

impl Iterator for Scan {
    type Item = io::Result<Stored>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
                let path = segments::path(&self.dir, self.firsts.next()?, KIND);
                self.at = 0;
                if let Err(error) = super::super::journal::read_whole(&path, &mut self.bytes) {
                    return Some(Err(error));
                }
                continue;
            };
            let line = &rest[..length];
            self.at += length + 1;
            let start = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
            if let Ok(json) = serde_json::from_slice::<Json<'_>>(&line[start..]) {
                let Json { seq, salt, subject, class, detail } = json;
                let (salt, detail) = (salt.into_owned(), detail.get().to_owned());
                return Some(Ok(Stored { seq: Seq(seq), salt, subject, class, detail }));
            }
        }
    }
}
