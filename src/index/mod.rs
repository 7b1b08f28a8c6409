//! The index: where to look in the log. Contacts by time, place, topic, channel and reference; incidents.
//!
//! Think of the card catalogue beside the shelves: handy, never the truth. It is derived from the log, applied in the
//! background, and built anew whenever it is missing, of another form, ahead of the log, or will not open. So nothing
//! on the paging path waits for it or reads it; a page of search results may be a second behind, and says how far.
//!
//! What it holds is ids, instants and places to 10 m; topics and references stand as digests, no word in clear.
//!
//! Not here: what a contact says (the log and the details know), who asks (`web`).

mod keys;
mod sled_store;
mod worker;

#[cfg(test)]
mod tests;

pub use worker::{Feed, QUEUE_BATCHES, Records, Worker};

use crate::domain::id::{ContactId, IncidentId, Seq, Tag};
use crate::domain::place::GridPoint;
use crate::domain::record::Record;
use crate::domain::time::Timestamp;
use sled_store::Store;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// The most answers of one query.
pub const ANSWERS_MAX: usize = 10_000;
/// The widest search by place, in metres.
pub const RADIUS_M_MAX: f64 = 10_000.0;

/// The index takes nothing of the disk's last bytes: a segment of the log with some to spare. 32 MiB.
const FREE_BYTES_MIN: u64 = 32 << 20;

/// Why the index could not be opened or used. The index is then built anew; callout goes on without it meanwhile.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file operation failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Disk {
        /// What was attempted, as a verb.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store refused, or is damaged.
    #[error("the index's store failed: {0}")]
    Store(String),
}

/// What opening came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// There was none.
    New,
    /// It goes on after this record.
    AsItWas(Seq),
    /// It was put aside and begins anew, because of this.
    Anew(String),
}

/// One contact found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundContact {
    /// When it was received.
    pub received_at: Timestamp,
    /// Which.
    pub id: ContactId,
}

/// One incident found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundIncident {
    /// Which.
    pub id: IncidentId,
    /// Since.
    pub opened_at: Timestamp,
    /// Until, if it is over.
    pub closed_at: Option<Timestamp>,
}

/// The index. Cheap to clone: all clones are the same index. One of them, the [`Worker`]'s, writes.
#[derive(Clone)]
pub struct Index {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    store: RwLock<Store>,
    applied: AtomicU64,
    head: AtomicU64,
    broken: AtomicBool,
    rebuilds: AtomicU64,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("dir", &self.shared.dir).field("applied", &self.applied()).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index in `dir`, or begins a new one.
    ///
    /// * `head`: the log's last record. An index that is ahead of it belongs to records that were lost: it begins anew.
    /// * One that is damaged or panics is first given the cures that helped in tests, then put aside as `DIR.broken`
    ///   (in place of the one before) and begun anew.
    ///
    /// # Errors
    /// When even a new one cannot be made: the disk is full, or the directory belongs to somebody else.
    pub fn open(dir: &Path, head: Seq) -> Result<(Self, Opening), IndexError> {
        let there = dir.join("db").exists();
        let (store, opening) = match Store::open(dir) {
            Ok(store) if store.applied() > head => {
                let why = format!("it had applied {} and the log ends at {head}", store.applied());
                drop(store);
                (sled_store::begin_anew(dir)?, Opening::Anew(why))
            }
            Ok(store) if there => {
                let applied = store.applied();
                (store, Opening::AsItWas(applied))
            }
            Ok(store) => (store, Opening::New),
            Err(error) => (sled_store::begin_anew(dir)?, Opening::Anew(error.to_string())),
        };
        let shared = Shared {
            dir: dir.to_owned(),
            applied: AtomicU64::new(store.applied().0),
            head: AtomicU64::new(head.0),
            broken: AtomicBool::new(false),
            rebuilds: AtomicU64::new(u64::from(matches!(opening, Opening::Anew(_)))),
            store: RwLock::new(store),
        };
        Ok((Self { shared: Arc::new(shared) }, opening))
    }

    /// Applies records that follow on from [`Index::applied`], whole or not at all; what was applied before is passed
    /// over.
    ///
    /// # Errors
    /// The store failed; [`Index::begin_anew`] is what is left.
    ///
    /// # Panics
    /// When records are missing between the index and the batch: the worker fetches them first.
    pub fn apply(&self, batch: &[(Seq, Timestamp, Arc<Record>)]) -> Result<(), IndexError> {
        let applied = self.applied();
        let new = &batch[batch.partition_point(|(seq, _, _)| *seq <= applied)..];
        let (Some((first, _, _)), Some((last, _, _))) = (new.first(), new.last()) else { return Ok(()) };
        assert!(first.0 == applied.0 + 1, "the index is fed in order: got {first} after {applied}");
        let store = self.shared.store.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        match sled_store::guarded(|| store.apply(new, *last)) {
            Ok(()) => {
                self.shared.applied.store(last.0, Ordering::Release);
                self.saw(*last);
                Ok(())
            }
            Err(error) => {
                self.shared.broken.store(true, Ordering::Release);
                Err(error)
            }
        }
    }

    /// Makes durable what was applied, so that a restart need not apply it again.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn flush(&self) -> Result<(), IndexError> {
        let store = self.shared.store.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        sled_store::guarded(|| store.flush())
    }

    /// Puts the index aside and begins an empty one.
    ///
    /// # Errors
    /// When a new one cannot be made.
    pub fn begin_anew(&self) -> Result<(), IndexError> {
        let mut store = self.shared.store.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        store.close();
        *store = sled_store::begin_anew(&self.shared.dir)?;
        self.shared.applied.store(0, Ordering::Release);
        self.shared.broken.store(false, Ordering::Release);
        self.shared.rebuilds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the disk has so little left that it belongs to the log: less than [`FREE_BYTES_MIN`].
    fn is_short_of_room(&self) -> bool {
        let disk = rustix::fs::statvfs(&self.shared.dir);
        disk.is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FREE_BYTES_MIN)
    }

    /// Notes that the log has come so far.
    pub fn saw(&self, head: Seq) {
        self.shared.head.fetch_max(head.0, Ordering::AcqRel);
    }

    /// The last record that queries see.
    pub fn applied(&self) -> Seq {
        Seq(self.shared.applied.load(Ordering::Acquire))
    }

    /// How many records the index is behind the log.
    pub fn lag(&self) -> u64 {
        self.shared.head.load(Ordering::Acquire).saturating_sub(self.shared.applied.load(Ordering::Acquire))
    }

    /// How often it was begun anew since the start.
    pub fn rebuilds(&self) -> u64 {
        self.shared.rebuilds.load(Ordering::Relaxed)
    }

    /// Whether it has failed and waits to be built anew; queries then find nothing.
    pub fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Contacts received in [`from`, `to`), newest first; at most `n`.
    pub fn contacts_between(&self, from: Timestamp, to: Timestamp, n: usize) -> Vec<FoundContact> {
        self.ask(|store| store.by_time(from, to, n.min(ANSWERS_MAX)))
    }

    /// Contacts of a topic received in [`from`, `to`), newest first; at most `n`.
    pub fn by_tag(&self, tag: &Tag, from: Timestamp, to: Timestamp, n: usize) -> Vec<FoundContact> {
        self.by_stream(&format!("tag/{tag}"), from, to, n)
    }

    /// Contacts of a stream (`channel/phone`, `tag/flooding`, `body/highways`, `source/crm`) received in
    /// [`from`, `to`), newest first; at most `n`.
    pub fn by_stream(&self, stream: &str, from: Timestamp, to: Timestamp, n: usize) -> Vec<FoundContact> {
        self.ask(|store| store.by_stream(stream, from, to, n.min(ANSWERS_MAX)))
    }

    /// Contacts received since `since` within `metres` of a place (places are kept to 10 m), newest first; at most `n`.
    /// More than [`RADIUS_M_MAX`] metres count as that.
    pub fn contacts_near(&self, place: GridPoint, metres: f64, since: Timestamp, n: usize) -> Vec<FoundContact> {
        self.ask(|store| store.near(place, metres.clamp(0.0, RADIUS_M_MAX), since, n.min(ANSWERS_MAX)))
    }

    /// The contact that came under this key (32 hex digits; the digest of its sender's reference), the newest if
    /// several.
    pub fn by_reference(&self, key: &str) -> Option<ContactId> {
        self.ask(|store| Ok(store.by_reference(key)?.into_iter().collect())).pop()
    }

    /// Contacts that counted towards an incident, newest first; at most `n`.
    pub fn contacts_of(&self, incident: IncidentId, n: usize) -> Vec<FoundContact> {
        self.ask(|store| store.contacts_of(incident, n.min(ANSWERS_MAX)))
    }

    /// Incidents, newest first; at most `n`.
    pub fn incidents(&self, n: usize) -> Vec<FoundIncident> {
        self.ask(|store| store.incidents(n.min(ANSWERS_MAX)))
    }

    fn ask<T>(&self, query: impl FnOnce(&Store) -> Result<Vec<T>, IndexError>) -> Vec<T> {
        if self.is_broken() {
            return Vec::new();
        }
        let store = self.shared.store.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        sled_store::guarded(|| query(&store)).unwrap_or_else(|error| {
            tracing::warn!(%error, "a question to the index failed: {error}; it is built anew");
            self.shared.broken.store(true, Ordering::Release);
            Vec::new()
        })
    }
}
