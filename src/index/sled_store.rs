//! The index on sled 0.34.7, with the settings and cures that made it hold in kill and power-cut tests:
//!
//! * a half-written `snap.N.generating`, which a kill during `open` leaves and which would stop every later `open`, is
//!   removed first; if it will not open or panics all the same, the snapshots go and it scans its own log; else it is
//!   put aside;
//! * after the first open `conf`, `db`, the directory and its parent are synced, since sled does not sync `conf`;
//! * sled's `flush` is no sync (`sync_file_range`): ours syncs the file, and an error there is an error;
//! * several trees change only in one transaction, with `applied` in it;
//! * its threads may hold the file for a moment after it was dropped: before it is opened or put aside, its lock is
//!   waited for, since a store in use is no damaged one;
//! * values are a few bytes, so nothing goes to `blobs/`; default features; an explicit, small cache.
//!
//! The only file that knows sled.

use super::keys;
use super::{FoundContact, FoundIncident, IndexError};
use crate::domain::id::{ContactId, IncidentId, Seq};
use crate::domain::place::GridPoint;
use crate::domain::record::Record;
use crate::domain::time::Timestamp;
use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};
use sled::{Db, Transactional as _, Tree};
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// sled's page cache. It grows beyond this by a factor of two or three under load; still small.
const CACHE_BYTES: u64 = 32 << 20;
/// The form of the keys. Another form is built anew.
const FORM: u64 = 1;
const APPLIED: &[u8] = b"applied";
const FORM_KEY: &[u8] = b"form";
/// The longest wait for threads of a store that was just closed. Seen: some milliseconds.
const LET_GO_WITHIN: Duration = Duration::from_secs(10);
const LET_GO_ASKED_EVERY: Duration = Duration::from_millis(5);

/// The trees, all opened.
pub(super) struct Store {
    open: Option<Trees>,
    file: Option<File>,
}

struct Trees {
    db: Db,
    meta: Tree,
    time: Tree,
    place: Tree,
    stream: Tree,
    reference: Tree,
    incident: Tree,
    joined: Tree,
}

impl Store {
    /// Opens what is in `dir`, or makes a new one there; with all cures short of putting it aside.
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        wait_until_let_go(dir)?;
        remove_snapshots(dir, |name| name.ends_with(".generating"))?;
        let first = guarded(|| Self::open_once(dir));
        let Err(error) = first else { return first };
        tracing::warn!(%error, "the index did not open: {error}; trying without its snapshots");
        wait_until_let_go(dir)?;
        remove_snapshots(dir, |_| true)?;
        guarded(|| Self::open_once(dir))
    }

    fn open_once(dir: &Path) -> Result<Self, IndexError> {
        let fresh = !dir.join("db").exists();
        // Flushing is ours (`flush`): sled's own would only log a failing sync.
        let config = sled::Config::default()
            .path(dir)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let db = config.open().map_err(store_error)?;
        let tree = |name: &str| db.open_tree(name).map_err(store_error);
        let trees = Trees {
            meta: tree("meta")?,
            time: tree("time")?,
            place: tree("place")?,
            stream: tree("stream")?,
            reference: tree("reference")?,
            incident: tree("incident")?,
            joined: tree("joined")?,
            db,
        };
        match trees.number(FORM_KEY)? {
            Some(FORM) => {}
            Some(other) => return Err(IndexError::Store(format!("it has form {other}, this version reads {FORM}"))),
            None if trees.number(APPLIED)?.is_none() => {
                trees.meta.insert(FORM_KEY, &FORM.to_be_bytes()).map_err(store_error)?;
            }
            None => return Err(IndexError::Store("it does not say which form it has".into())),
        }
        let path = dir.join("db");
        let file = File::open(&path).map_err(disk("open", &path))?;
        let store = Self { open: Some(trees), file: Some(file) };
        if fresh {
            store.flush()?;
            for path in [&dir.join("conf"), &path, dir] {
                File::open(path).and_then(|file| file.sync_all()).map_err(disk("sync", path))?;
            }
            if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent).and_then(|file| file.sync_all()).map_err(disk("sync", parent))?;
            }
        }
        Ok(store)
    }

    fn trees(&self) -> Result<&Trees, IndexError> {
        self.open.as_ref().ok_or_else(|| IndexError::Store("it is closed".into()))
    }

    /// The last record applied; 0 for none.
    pub fn applied(&self) -> Seq {
        let applied = self.trees().and_then(|trees| trees.number(APPLIED));
        Seq(applied.ok().flatten().unwrap_or(0))
    }

    /// Lets go of the files.
    pub fn close(&mut self) {
        self.file = None;
        // Dropping a damaged store may panic.
        let open = self.open.take();
        let _ = catch_unwind(AssertUnwindSafe(move || drop(open)));
    }

    /// Applies records in one transaction with `applied = last`.
    pub fn apply(&self, batch: &[(Seq, Timestamp, Arc<Record>)], last: Seq) -> Result<(), IndexError> {
        let trees = self.trees()?;
        let all =
            (&trees.meta, &trees.time, &trees.place, &trees.stream, &trees.reference, &trees.incident, &trees.joined);
        let done = all.transaction(|(meta, time, place, stream, reference, incident, joined)| {
            let into = Into { time, place, stream, reference, incident, joined };
            for (seq, at, record) in batch {
                into.record(*seq, *at, record)?;
            }
            meta.insert(APPLIED, &last.0.to_be_bytes())?;
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        done.map_err(|error| match error {
            TransactionError::Storage(error) => store_error(error),
            TransactionError::Abort(()) => IndexError::Store("the transaction was given up".into()),
        })
    }

    /// Makes durable what was applied: sled's buffers to the file, then the file to the disk.
    pub fn flush(&self) -> Result<(), IndexError> {
        self.trees()?.db.flush().map_err(store_error)?;
        let file = self.file.as_ref().ok_or_else(|| IndexError::Store("it is closed".into()))?;
        file.sync_data().map_err(|error| IndexError::Store(format!("its file cannot be synced: {error}")))
    }

    /// Contacts in [`from`, `to`), newest first.
    pub fn by_time(&self, from: Timestamp, to: Timestamp, n: usize) -> Result<Vec<FoundContact>, IndexError> {
        newest(&self.trees()?.time, &[], from, to, n)
    }

    /// Contacts of a stream in [`from`, `to`), newest first.
    pub fn by_stream(
        &self,
        stream: &str,
        from: Timestamp,
        to: Timestamp,
        n: usize,
    ) -> Result<Vec<FoundContact>, IndexError> {
        newest(&self.trees()?.stream, &keys::digest(stream), from, to, n)
    }

    /// Contacts that counted towards an incident, newest first.
    pub fn contacts_of(&self, incident: IncidentId, n: usize) -> Result<Vec<FoundContact>, IndexError> {
        newest(&self.trees()?.joined, &incident.0.to_be_bytes(), Timestamp::MIN, Timestamp::MAX, n)
    }

    /// Contacts near a place, newest first.
    pub fn near(
        &self,
        point: GridPoint,
        metres: f64,
        since: Timestamp,
        n: usize,
    ) -> Result<Vec<FoundContact>, IndexError> {
        let reach = (metres * 1000.0) as i32;
        let columns =
            keys::cell(point.easting_mm.saturating_sub(reach))..=keys::cell(point.easting_mm.saturating_add(reach));
        let rows =
            keys::cell(point.northing_mm.saturating_sub(reach))..=keys::cell(point.northing_mm.saturating_add(reach));
        let mut found = Vec::new();
        for column in columns {
            for row in rows.clone() {
                let prefix = keys::cell_prefix(column, row);
                let from = [&prefix[..], &keys::instant(since)].concat();
                let mut end = prefix.to_vec();
                end.extend([0xff; 17]);
                let mut here = 0;
                for entry in self.trees()?.place.range(from..end).rev() {
                    let (key, value) = entry.map_err(store_error)?;
                    let near = keys::place_back(&value).is_some_and(|there| point.distance_m(there) <= metres);
                    if let (true, Some((received_at, id))) = (near, keys::contact_back(&key)) {
                        found.push(FoundContact { received_at, id });
                        here += 1;
                        if here == n {
                            break;
                        }
                    }
                }
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.truncate(n);
        Ok(found)
    }

    /// The contact under a key.
    pub fn by_reference(&self, key: &str) -> Result<Option<ContactId>, IndexError> {
        let Some(key) = keys::reference(key) else { return Ok(None) };
        let value = self.trees()?.reference.get(key).map_err(store_error)?;
        Ok(value.and_then(|value| number(&value)).map(ContactId))
    }

    /// Incidents, newest first.
    pub fn incidents(&self, n: usize) -> Result<Vec<FoundIncident>, IndexError> {
        let mut found = Vec::new();
        for entry in self.trees()?.incident.iter().rev().take(n) {
            let (key, value) = entry.map_err(store_error)?;
            let (Some(id), Some(opened)) = (number(&key), value.get(..8)) else { continue };
            let instant = |bytes: &[u8]| bytes.try_into().ok().map(keys::instant_back);
            let Some(opened_at) = instant(opened) else { continue };
            let closed_at = value.get(8..16).and_then(instant);
            found.push(FoundIncident { id: IncidentId(id), opened_at, closed_at });
        }
        Ok(found)
    }
}

impl Trees {
    fn number(&self, key: &[u8]) -> Result<Option<u64>, IndexError> {
        Ok(self.meta.get(key).map_err(store_error)?.and_then(|value| number(&value)))
    }
}

/// The trees inside a transaction.
struct Into<'a> {
    time: &'a TransactionalTree,
    place: &'a TransactionalTree,
    stream: &'a TransactionalTree,
    reference: &'a TransactionalTree,
    incident: &'a TransactionalTree,
    joined: &'a TransactionalTree,
}

type Done = Result<(), ConflictableTransactionError<()>>;

impl Into<'_> {
    fn record(&self, seq: Seq, at: Timestamp, record: &Record) -> Done {
        match record {
            Record::ContactTaken { contact, incident, .. } => {
                let (id, received_at) = (ContactId::from(seq), contact.received_at);
                let none: &[u8] = &[];
                self.time.insert(keys::contact(&[], received_at, id), none)?;
                let mut streams =
                    vec![format!("channel/{}", contact.channel.as_str()), format!("source/{}", contact.source)];
                streams.extend(contact.tags.iter().map(|tag| format!("tag/{tag}")));
                streams.extend(contact.body.iter().map(|body| format!("body/{body}")));
                for stream in streams {
                    self.stream.insert(keys::contact(&keys::digest(&stream), received_at, id), none)?;
                }
                if let Some(point) = contact.place {
                    let cell = keys::cell_prefix(keys::cell(point.easting_mm), keys::cell(point.northing_mm));
                    self.place.insert(keys::contact(&cell, received_at, id), &keys::place(point))?;
                }
                if let Some(key) = contact.key.as_deref().and_then(keys::reference) {
                    self.reference.insert(&key, &id.0.to_be_bytes())?;
                }
                if let Some(incident) = incident {
                    self.joined.insert(keys::contact(&incident.0.to_be_bytes(), received_at, id), none)?;
                }
            }
            Record::IncidentOpened { .. } => {
                self.incident.insert(&seq.0.to_be_bytes(), &keys::instant(at))?;
            }
            Record::StoodDown { incident, .. } => {
                let key = incident.0.to_be_bytes();
                let opened = self.incident.get(key)?.map_or_else(|| keys::instant(at).to_vec(), |value| value.to_vec());
                let both = [&opened[..opened.len().min(8)], &keys::instant(at)].concat();
                self.incident.insert(&key, both)?;
            }
            // What is not searched for: pages of an incident are in its timeline, the rest in the log.
            Record::Started { .. }
            | Record::DocumentRecorded { .. }
            | Record::PolicyInForce { .. }
            | Record::LayersInForce { .. }
            | Record::MapStatement { .. }
            | Record::ContactMarked { .. }
            | Record::WarningEntered { .. }
            | Record::WarningEnded { .. }
            | Record::SignalRaised { .. }
            | Record::QueueCounted { .. }
            | Record::WouldHaveRaised { .. }
            | Record::SignalCleared { .. }
            | Record::EvidenceJoined { .. }
            | Record::PlaybookHeld { .. }
            | Record::PlaybookActivated { .. }
            | Record::TaskOpened { .. }
            | Record::TaskMoved { .. }
            | Record::TaskLapsed { .. }
            | Record::StepCovered { .. }
            | Record::CallOutStarted { .. }
            | Record::LevelStarted { .. }
            | Record::PageIntended { .. }
            | Record::PageSent { .. }
            | Record::PageRouted { .. }
            | Record::PageReceipt { .. }
            | Record::CallOutWidened { .. }
            | Record::Acknowledged { .. }
            | Record::Declined { .. }
            | Record::TakenBack { .. }
            | Record::AcknowledgementExpired { .. }
            | Record::CallOutEnded { .. }
            | Record::RosterApplied { .. }
            | Record::NoticeIntended { .. }
            | Record::NoticeSent { .. }
            | Record::ReplyUnmatched { .. }
            | Record::HeadSigned { .. }
            | Record::HeadMailed { .. }
            | Record::LogExported { .. }
            | Record::ErasureAsked { .. }
            | Record::DetailsErased { .. }
            | Record::HoldPlaced { .. }
            | Record::HoldLifted { .. }
            | Record::EntryWritten { .. }
            | Record::EntryConfirmed { .. } => {}
        }
        Ok(())
    }
}

/// Contacts whose key begins with `prefix`, in [`from`, `to`), newest first.
fn newest(
    tree: &Tree,
    prefix: &[u8],
    from: Timestamp,
    to: Timestamp,
    n: usize,
) -> Result<Vec<FoundContact>, IndexError> {
    let key = |at: Timestamp| [prefix, &keys::instant(at)].concat();
    let mut found = Vec::new();
    for entry in tree.range(key(from)..key(to.max(from))).rev().take(n) {
        let (key, _) = entry.map_err(store_error)?;
        if let Some((received_at, id)) = keys::contact_back(&key) {
            found.push(FoundContact { received_at, id });
        }
    }
    Ok(found)
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Runs something on the store; a panic in it is an error, since sled panics on some damage.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| {
        let why = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
        Err(IndexError::Store(format!("it panicked: {}", why.unwrap_or("without a word"))))
    })
}

/// Puts `dir` aside as `DIR.broken`, in place of the one put aside before, and opens a new store.
pub(super) fn begin_anew(dir: &Path) -> Result<Store, IndexError> {
    if dir.exists() {
        if let Err(error) = wait_until_let_go(dir) {
            tracing::warn!(%error, "the index is put aside while it may be in use: {error}");
        }
        let mut name = dir.as_os_str().to_owned();
        name.push(".broken");
        let aside = Path::new(&name);
        if aside.exists() {
            fs::remove_dir_all(aside).map_err(disk("remove", aside))?;
        }
        fs::rename(dir, aside).map_err(disk("put aside", dir))?;
    }
    guarded(|| Store::open_once(dir))
}

/// Waits until nobody holds the store's lock, which sled takes on `db`.
fn wait_until_let_go(dir: &Path) -> Result<(), IndexError> {
    let path = dir.join("db");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(disk("open", &path)(error)),
    };
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            // Dropping the file lets it go again.
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if waited < LET_GO_WITHIN => {
                std::thread::sleep(LET_GO_ASKED_EVERY);
                waited += LET_GO_ASKED_EVERY;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(IndexError::Store(format!("{} is held by another process", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(disk("lock", &path)(error)),
        }
    }
}

fn remove_snapshots(dir: &Path, which: impl Fn(&str) -> bool) -> Result<(), IndexError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(disk("read", dir)(error)),
    };
    for entry in entries {
        let path = entry.map_err(disk("read", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name.starts_with("snap.") && which(name) {
            fs::remove_file(&path).map_err(disk("remove", &path))?;
        }
    }
    Ok(())
}

fn store_error(error: sled::Error) -> IndexError {
    IndexError::Store(error.to_string())
}

fn disk<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> IndexError + 'a {
    move |source| IndexError::Disk { doing, path: path.to_owned(), source }
}
