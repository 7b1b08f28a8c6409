//! The index beside the engine: opened and filled in the background, fed by the committer, read by whoever searches.
//! Nothing on the paging path waits for it or reads it.

use super::commit::Indexed;
use super::supervise;
use crate::domain::id::Seq;
use crate::domain::record::Record;
use crate::index::{Feed, Index, Worker};
use crate::log::tail;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use tracing::{info, warn};

/// The index's directory inside the data directory.
pub const INDEX_DIR: &str = "index";

/// The index of a daemon; empty until it is open.
#[derive(Clone, Default)]
pub struct Indexing {
    /// For searching.
    pub index: Arc<OnceLock<Index>>,
    /// For the committer.
    pub live: Arc<OnceLock<SyncSender<Indexed>>>,
    stop: Arc<AtomicBool>,
}

impl Indexing {
    /// Opens the index on a thread of its own and fills it from the log in `log`, whose head is `head`.
    pub fn start(&self, data: &Path, log: &Path, head: Seq) {
        let (dir, log, slots) = (data.join(INDEX_DIR), log.to_owned(), self.clone());
        supervise::thread("index", move || {
            let index = match Index::open(&dir, head) {
                Ok((index, how)) => {
                    info!(applied = %index.applied(), "index open: {how:?}");
                    index
                }
                Err(error) => {
                    // Searching is poorer; paging and the log are not.
                    warn!(%error, "the index cannot be opened, searches will find nothing: {error}");
                    return;
                }
            };
            let feed: Feed = Box::new(move |from, n| {
                let lines = tail::from(&log, from, n).map_err(|error| error.to_string())?;
                lines
                    .into_iter()
                    .map(|line| {
                        let record: Record = serde_json::from_str(&line.record).map_err(|error| error.to_string())?;
                        Ok((line.seq, line.at, Arc::new(record)))
                    })
                    .collect()
            });
            let (worker, live) = Worker::new(index.clone(), feed, Arc::clone(&slots.stop));
            // Set once: this thread is the only one that does.
            let _ = (slots.index.set(index), slots.live.set(live));
            worker.run();
        });
    }

    /// Asks the worker to end; it makes durable what it has.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
}
