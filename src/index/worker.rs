//! The index's own thread: takes what the log has made durable, and fetches from the log what it has missed.
//!
//! The live queue is short. When it is full the log does not wait: the batch is dropped, the worker sees the gap in
//! the numbers (or, when nothing more comes, looks once after five seconds) and reads the missing records from the log.

use super::{Index, IndexError};
use crate::domain::id::Seq;
use crate::domain::record::Record;
use crate::domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Records in order, with their positions and instants.
pub type Records = Vec<(Seq, Timestamp, Arc<Record>)>;
/// Reads at most so many records of the log that begin at a position; fewer, or none, at its end.
pub type Feed = Box<dyn Fn(Seq, usize) -> Result<Records, String> + Send>;

/// Batches that wait for the index at most; more are dropped and read from the log later.
pub const QUEUE_BATCHES: usize = 64;
/// Records applied in one transaction.
const BATCH_RECORDS: usize = 500;
/// What was applied is made durable this often, while there is something.
const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// After so long without a batch the log is looked at once: the last batches may have been dropped.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// How long a quiet worker sleeps.
const QUIET: Duration = Duration::from_millis(500);
/// How often the room on the disk is asked for.
const ASK_ROOM_EVERY: Duration = Duration::from_secs(1);
/// How long it waits before it tries again to begin anew or to read the log.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The worker.
pub struct Worker {
    index: Index,
    live: Receiver<Records>,
    feed: Feed,
    stop: Arc<AtomicBool>,
}

impl Worker {
    /// A worker for this index, and the sender of live batches (bounded by [`QUEUE_BATCHES`]; use `try_send`).
    ///
    /// `feed` reads the log. The worker ends soon after `stop` is set, or at once when all senders are gone.
    pub fn new(index: Index, feed: Feed, stop: Arc<AtomicBool>) -> (Self, SyncSender<Records>) {
        let (send, live) = sync_channel(QUEUE_BATCHES);
        (Self { index, live, feed, stop }, send)
    }

    /// Runs until it is stopped; then makes durable what was applied. Never panics for what the store does: a store
    /// that fails is put aside and built anew from the log.
    pub fn run(self) {
        let mut flushed = Instant::now();
        let mut durable = self.index.applied();
        // What is in the log already comes first.
        let mut behind = true;
        let (mut last_batch, mut looked) = (Instant::now(), true);
        let (mut asked, mut short) = (None::<Instant>, false);
        while !self.stop.load(Ordering::Acquire) {
            if asked.is_none_or(|asked| asked.elapsed() >= ASK_ROOM_EVERY) {
                asked = Some(Instant::now());
                let was = std::mem::replace(&mut short, self.index.is_short_of_room());
                if short && !was {
                    tracing::warn!("the disk is nearly full: the index waits, and leaves what there is to the log");
                }
            }
            if short {
                match self.live.recv_timeout(QUIET) {
                    Ok(batch) => batch.last().into_iter().for_each(|(last, _, _)| self.index.saw(*last)),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                behind = true;
                continue;
            }
            if behind {
                match self.catch_up() {
                    Ok(more) => behind = more,
                    Err(error) => self.recover(&error),
                }
            }
            match self.live.recv_timeout(if behind { Duration::ZERO } else { QUIET }) {
                Ok(batch) => {
                    behind |= self.take(&batch);
                    (last_batch, looked) = (Instant::now(), false);
                }
                Err(RecvTimeoutError::Timeout) => {
                    behind |= self.index.lag() > 0 || self.index.is_broken();
                    if !looked && last_batch.elapsed() >= LOOK_AFTER {
                        (behind, looked) = (true, true);
                    }
                }
                Err(RecvTimeoutError::Disconnected) if !behind => break,
                Err(RecvTimeoutError::Disconnected) => {}
            }
            if flushed.elapsed() >= FLUSH_EVERY && self.index.applied() > durable {
                flushed = Instant::now();
                match self.index.flush() {
                    Ok(()) => durable = self.index.applied(),
                    Err(error) => {
                        self.recover(&error);
                        behind = true;
                    }
                }
            }
            if self.index.applied() < durable {
                durable = Seq(0);
            }
        }
        if let Err(error) = self.index.flush() {
            tracing::warn!(%error, "the index was not made durable at the end: {error}; it will catch up");
        }
    }

    /// Applies a live batch; says whether records are missing before it.
    fn take(&self, batch: &Records) -> bool {
        let (Some((first, _, _)), Some((last, _, _))) = (batch.first(), batch.last()) else { return false };
        self.index.saw(*last);
        if first.0 > self.index.applied().0 + 1 {
            return true;
        }
        for part in batch.chunks(BATCH_RECORDS) {
            if let Err(error) = self.index.apply(part) {
                self.recover(&error);
                return true;
            }
        }
        false
    }

    /// Reads one piece of the log and applies it; says whether there is more.
    fn catch_up(&self) -> Result<bool, IndexError> {
        if self.index.is_broken() {
            return Err(IndexError::Store("it failed while it was asked".into()));
        }
        let from = Seq(self.index.applied().0 + 1);
        match (self.feed)(from, BATCH_RECORDS) {
            Ok(records) => {
                let more = records.len() == BATCH_RECORDS;
                self.index.apply(&records)?;
                Ok(more)
            }
            Err(why) => {
                tracing::warn!(why, "the index cannot read the log from record {from}: {why}; it tries again");
                self.pause();
                Ok(true)
            }
        }
    }

    fn recover(&self, error: &IndexError) {
        tracing::warn!(%error, "the index failed: {error}; it is put aside and built anew from the log");
        if let Err(error) = self.index.begin_anew() {
            tracing::warn!(%error, "a new index cannot be made: {error}; search finds nothing until it can");
            self.pause();
        }
    }

    /// Waits before the next try, but not beyond the end.
    fn pause(&self) {
        let from = Instant::now();
        while from.elapsed() < RETRY_AFTER && !self.stop.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
