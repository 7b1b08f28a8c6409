//! The log in memory: the same lines and the same chain, for tests, `replay` and the simulator.

use super::journal::check_batch;
use super::line::{Parts, Writer, split};
use super::{Appended, Entry, Hash, LogError, Logged, SEGMENT_BYTES_MAX};
use crate::domain::id::Seq;

/// Lines in memory. Grows without a bound of its own; what feeds it has one.
#[derive(Debug)]
pub struct MemoryLog {
    lines: Vec<u8>,
    writer: Writer,
    head: Seq,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self { lines: Vec::new(), writer: Writer::after(Hash::ZERO), head: Seq(0) }
    }

    /// Adds the batch; see [`super::Log::append`].
    ///
    /// # Errors
    /// A record or batch that a journal would refuse too.
    ///
    /// # Panics
    /// When the numbers do not follow on from the head.
    pub fn append(&mut self, batch: &[Entry<'_>]) -> Result<Appended, LogError> {
        check_batch(batch, self.head, SEGMENT_BYTES_MAX)?;
        let synced = self.head;
        for entry in batch {
            self.writer.line(entry, synced, &mut self.lines);
            self.head = entry.seq;
        }
        Ok(Appended { head: self.writer.prev, synced: self.head })
    }

    /// The last record's number and its line's digest.
    pub fn head(&self) -> (Seq, Hash) {
        (self.head, self.writer.prev)
    }

    /// All records from the first on.
    pub fn entries(&self) -> impl Iterator<Item = Logged> + '_ {
        self.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
            let (hash, json) = split(line).expect("the lines are of our own writing");
            Parts::of(json).and_then(|parts| parts.logged(hash)).expect("the lines are of our own writing")
        })
    }

    /// The log as the files would have it: lines of text.
    pub fn text(&self) -> &[u8] {
        &self.lines
    }
}
