//! When a snapshot of the state is written, and what a start makes of the newest one.
//!
//! The loop gives the committer a copy of its slices (a few counters, nothing is copied) with a batch, now and then; when
//! that batch is durable, a thread of its own turns them into bytes and a file. Neither waits for it: a snapshot that is
//! not written means a longer start, nothing else. The last one is written at the end.
//!
//! Not here: what is in it (`domain/snapshot.rs`), the files (`log/snapshot.rs`).

use super::supervise;
use crate::domain::id::Seq;
use crate::domain::snapshot::{Slice, SnapshotError};
use crate::domain::state::State;
use crate::log::Hash;
use crate::log::disk::Disk;
use crate::log::snapshot::{self, Stands};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// A snapshot is due after so many records: what a start reads after it takes about a second at most.
pub const EVERY_RECORDS: u64 = 25_000;
/// Or after so long with anything new.
pub const EVERY: Duration = Duration::from_secs(15 * 60);

/// Whether a snapshot is due.
#[derive(Debug)]
pub struct Due {
    at: Seq,
    since: Instant,
}

impl Due {
    /// From now on, with the next record to come.
    pub fn from(next: Seq) -> Self {
        Self { at: next, since: Instant::now() }
    }

    /// Whether it is, with the next record to come; and then counts anew.
    pub fn is_now(&mut self, next: Seq) -> bool {
        let new = next.0.saturating_sub(self.at.0);
        let due = new >= EVERY_RECORDS || new > 0 && self.since.elapsed() >= EVERY;
        if due {
            *self = Self::from(next);
        }
        due
    }
}

/// A state to be written, with the digest of its last record's line.
pub type Taken = (Box<State>, Hash);

/// Starts the thread that writes; one may wait while one is written. It ends when the sender is gone.
pub fn start(dir: PathBuf, disk: Disk) -> (SyncSender<Taken>, JoinHandle<()>) {
    let (send, taken) = sync_channel::<Taken>(1);
    let run = move || {
        for (state, hash) in taken {
            write(&dir, &state, hash, &disk);
        }
    };
    (send, supervise::thread("snapshots", run))
}

/// Writes one; what cannot be written is told in the trace.
pub fn write(dir: &Path, state: &State, hash: Hash, disk: &Disk) {
    let (from, head) = (Instant::now(), Seq(state.next.0 - 1));
    if head.0 == 0 {
        return;
    }
    let slices = Slice::ALL.into_iter().map(|slice| Ok((slice.name(), slice.version(), state.slice(slice)?)));
    let slices: Vec<(&str, u32, Vec<u8>)> = match slices.collect::<Result<_, SnapshotError>>() {
        Ok(slices) => slices,
        Err(error) => {
            warn!(%error, "no snapshot was written ({error}); the next start reads more of the log");
            return;
        }
    };
    let stands = Stands { head, hash, at: state.last_at, program: env!("CARGO_PKG_VERSION").into() };
    match snapshot::write(dir, &stands, &slices, disk) {
        Ok(bytes) => info!(%head, bytes, ms = from.elapsed().as_millis() as u64, "snapshot at record {head} written"),
        Err(error) => warn!(%error, "no snapshot was written ({error}); the next start reads more of the log"),
    }
}

/// The newest snapshot that reads, as a state; those that do not are told in the trace and passed over.
pub fn newest(dir: &Path) -> Option<(Stands, State)> {
    snapshot::newest_first(dir).find_map(|(path, read)| {
        let state = read.and_then(|found| {
            let state = State::from_slices(found.stands.head, found.stands.at, |name| found.slice(name));
            state.map(|state| (found.stands.clone(), state)).map_err(|error| error.to_string())
        });
        state
            .inspect_err(|why| {
                warn!(why, "the snapshot {} is not used: {why}; more of the log is read instead", path.display());
            })
            .ok()
    })
}
