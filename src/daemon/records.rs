//! Reading the log and the details while the committer writes them: for pages and the API.

use crate::domain::id::Seq;
use crate::domain::keeping::Covered;
use crate::door::{LogLine, Records};
use crate::log::Hash;
use crate::log::details::Reader;
use crate::log::erasure;
use crate::log::tail;
use std::path::PathBuf;
use tracing::warn;

/// The files of one engine.
pub struct Files {
    /// The log's directory.
    pub dir: PathBuf,
    /// The details' directory.
    pub details_dir: PathBuf,
    /// Looks details up.
    pub details: Reader,
}

impl Records for Files {
    fn lines(&self, from: Seq, n: usize) -> Vec<LogLine> {
        match tail::from(&self.dir, from, n) {
            Ok(lines) => lines
                .into_iter()
                .map(|line| LogLine { seq: line.seq, hash: line.hash.to_string(), json: line.json() })
                .collect(),
            Err(error) => {
                warn!(%from, %error, "the log could not be read from record {from} on: {error}");
                Vec::new()
            }
        }
    }

    fn covered(&self, subject: &str) -> Result<Covered, String> {
        erasure::covered(&self.dir, &self.details_dir, subject).map_err(|error| error.to_string())
    }

    fn detail(&self, seq: Seq, digest: &str) -> Option<Vec<u8>> {
        match self.details.get(seq, &Hash::from_hex(digest.as_bytes())?) {
            Ok(found) => found.map(|detail| detail.detail.into_bytes()),
            Err(error) => {
                warn!(%seq, %error, "the details of record {seq} could not be read: {error}");
                None
            }
        }
    }
}
