//! The committer: makes each batch durable (details first, then the log), and only then answers the senders, hands
//! out the effects and publishes the snapshot.
//!
//! A failing write or sync stops the world: the klaxon is rung by whatever way is left and the process ends, non-zero,
//! for the service manager to start it afresh. A sync is never tried again. A full disk is different: the log has
//! kept room for pages, contacts are refused at the door, and it recovers alone.

use super::health::Observers;
use super::snapshots::Taken;
use crate::domain::effect::Effect;
use crate::domain::event::{Answer, Event, Sealed};
use crate::domain::id::Seq;
use crate::domain::record::Record;
use crate::domain::state::{State, View};
use crate::domain::time::Timestamp;
use crate::log::details::{Details, NewDetail};
use crate::log::{Entry, Log, LogError, Room};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

/// How long a batch of pages waits for room before the process gives up and starts afresh.
const NO_ROOM_PATIENCE: Duration = Duration::from_secs(120);
/// How often it is tried meanwhile.
const NO_ROOM_RETRY: Duration = Duration::from_millis(500);
/// A quiet committer looks at the room on the disk this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes that are appended in one go; far below the 16 MiB of a segment.
const PART_BYTES: usize = 4 << 20;
/// What a line has around its content, at most.
const AROUND_BYTES: usize = 640;

/// What one turn of the loop decided.
#[derive(Debug, Default)]
pub struct Batch {
    /// Records in order, with the details to store before them.
    pub lines: Vec<(Seq, Timestamp, Arc<Record>, Option<Sealed>)>,
    /// What to do when they are durable.
    pub effects: Vec<Effect>,
    /// Whom to answer then.
    pub replies: Vec<Reply>,
    /// What to publish then.
    pub view: Option<Arc<View>>,
    /// Holds more than contacts.
    pub notable: bool,
    /// The state after its last record, when a snapshot is due.
    pub snapshot: Option<Box<State>>,
}

impl Batch {
    /// Records in it.
    pub fn records(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.effects.is_empty() && self.replies.is_empty() && self.view.is_none()
    }
}

/// The answers of one submission.
#[derive(Debug)]
pub struct Reply {
    /// To whom.
    pub to: oneshot::Sender<Vec<Answer>>,
    /// One for each event.
    pub answers: Vec<Answer>,
}

/// Records handed to the index: position, instant, record.
pub type Indexed = Vec<(Seq, Timestamp, Arc<Record>)>;

/// What the outside may see of the committer.
#[derive(Debug, Default)]
pub struct CommitGauge {
    /// Records made durable since the start.
    pub records: AtomicU64,
    /// Batches made durable since the start.
    pub batches: AtomicU64,
    /// Microseconds that the last batch took on disk.
    pub last_us: AtomicU64,
    /// The longest so far.
    pub worst_us: AtomicU64,
    /// The disk is full.
    pub no_room: AtomicBool,
    /// Turns of the committer: the watch sees that it moves.
    pub looks: AtomicU64,
}

/// The committer's own things.
pub struct Committer {
    /// The log.
    pub log: Log,
    /// The details store.
    pub details: Details,
    /// Batches come in here.
    pub batches: Receiver<Batch>,
    /// Details that were erased before and are there again.
    pub erase_again: Receiver<BTreeSet<Seq>>,
    /// States to be written down.
    pub snapshots: SyncSender<Taken>,
    /// Effects go out here.
    pub effects: tokio::sync::mpsc::UnboundedSender<Effect>,
    /// Records for the index, once it is open and when there is room; it catches up from the log otherwise.
    pub index: Arc<OnceLock<SyncSender<Indexed>>>,
    /// Publishes snapshots.
    pub view: watch::Sender<Arc<View>>,
    /// Tells the door to refuse contacts.
    pub no_room: Arc<AtomicBool>,
    /// Events of the committer's own: the disk is full.
    pub alarm: Box<dyn Fn(Event) + Send>,
    /// The last way to be heard, when the log cannot be written: told why.
    pub klaxon: Box<dyn Fn(&str) + Send>,
    /// For monitors.
    pub gauge: Arc<CommitGauge>,
    /// Told how long each batch took.
    pub observers: Arc<Observers>,
}

impl Committer {
    /// Runs until the loop has ended, then returns the log, everything durable.
    pub fn run(mut self) -> Log {
        let mut json = Vec::new();
        let mut erasing = BTreeSet::new();
        loop {
            self.gauge.looks.fetch_add(1, Ordering::Relaxed);
            erasing.extend(self.erase_again.try_iter().flatten());
            // What is to be erased goes a segment at a time, and only while nothing waits to be made durable.
            let waited = match self.batches.try_recv() {
                Err(TryRecvError::Empty) if !erasing.is_empty() => {
                    self.erase_segment(&mut erasing);
                    continue;
                }
                Err(TryRecvError::Empty) => self.batches.recv_timeout(LOOK_EVERY),
                Ok(batch) => Ok(batch),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            };
            let batch = match waited {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => {
                    // With contacts refused there may be no batch for long, and room must be seen all the same.
                    self.look_at_room();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            for (_, _, record, _) in &batch.lines {
                if let Record::DetailsErased { seqs, .. } = record.as_ref() {
                    erasing.extend(seqs.iter());
                }
            }
            let from = Instant::now();
            self.persist(&batch, &mut json);
            if !batch.lines.is_empty() {
                self.observers.synced(from.elapsed());
            }
            let us = u64::try_from(from.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.gauge.last_us.store(us, Ordering::Relaxed);
            self.gauge.worst_us.fetch_max(us, Ordering::Relaxed);
            self.gauge.batches.fetch_add(1, Ordering::Relaxed);
            self.gauge.records.fetch_add(batch.lines.len() as u64, Ordering::Relaxed);
            self.release(batch);
            self.look_at_room();
        }
        // What is left is erased at the next start: the record says that it is to be.
        self.log
    }

    /// Erases what the records before said, in the first segment that has any of it.
    fn erase_segment(&mut self, erasing: &mut BTreeSet<Seq>) {
        let reader = self.details.reader();
        let Some(segment) = erasing.iter().find_map(|seq| reader.segment_of(*seq)) else {
            erasing.clear();
            return;
        };
        // Details stand in the order of their numbers, so those of one segment are neighbours.
        let others = |seq: &&Seq| reader.segment_of(**seq).is_some_and(|other| other != segment);
        let left = erasing.iter().find(others).copied().map_or_else(BTreeSet::new, |first| erasing.split_off(&first));
        let here = std::mem::replace(erasing, left);
        match self.details.erase(&here) {
            Ok(n) => info!(n, "{n} details erased"),
            Err(error) if matches!(error, LogError::NoRoom { .. }) => {
                warn!(%error, "details could not be erased for want of room; the next start does it");
                erasing.clear();
            }
            Err(error) => self.stop_the_world("details store", &error.to_string()),
        }
    }

    /// Details, then records; durable on return, or the process does not return.
    fn persist(&mut self, batch: &Batch, json: &mut Vec<u8>) {
        if batch.lines.is_empty() {
            return;
        }
        let sealed: Vec<(Seq, String, &Sealed)> = batch
            .lines
            .iter()
            .filter_map(|(seq, _, record, sealed)| Some((*seq, subject(*seq, record), sealed.as_ref()?)))
            .collect();
        let details: Vec<NewDetail<'_>> = sealed
            .iter()
            .map(|(seq, subject, sealed)| NewDetail {
                seq: *seq,
                salt: &sealed.salt,
                subject,
                class: sealed.class.as_str(),
                detail: &sealed.content,
            })
            .collect();
        for part in in_parts(&details, |detail| detail.detail.len()) {
            let from = Instant::now();
            while let Err(error) = self.details.append(part) {
                self.wait_or_stop("details store", error, from);
            }
        }
        json.clear();
        let mut ends = Vec::with_capacity(batch.lines.len());
        for (_, _, record, _) in &batch.lines {
            serde_json::to_writer(&mut *json, record.as_ref()).expect("records have only text keys, so they serialise");
            ends.push(json.len());
        }
        let mut start = 0;
        let mut entries = Vec::with_capacity(batch.lines.len());
        for ((seq, at, record, _), end) in batch.lines.iter().zip(ends) {
            let occurred_at = match record.as_ref() {
                Record::ContactTaken { contact, .. } => contact.occurred_at,
                Record::EntryWritten { occurred_at, .. } => *occurred_at,
                _ => None,
            };
            entries.push(Entry { seq: *seq, at: *at, occurred_at, record: &json[start..end] });
            start = end;
        }
        for part in in_parts(&entries, |entry| entry.record.len()) {
            let from = Instant::now();
            while let Err(error) = self.log.append(part) {
                self.wait_or_stop("log", error, from);
            }
        }
    }

    /// After a failed write: returns to try again when only room was wanting, else ends the process.
    fn wait_or_stop(&self, what: &str, error: LogError, since: Instant) {
        match error {
            LogError::NoRoom { .. } if since.elapsed() < NO_ROOM_PATIENCE => {
                self.no_room.store(true, Ordering::Release);
                std::thread::sleep(NO_ROOM_RETRY);
            }
            error => self.stop_the_world(what, &error.to_string()),
        }
    }

    fn stop_the_world(&self, what: &str, why: &str) -> ! {
        error!(what, why, "the {what} cannot be written: {why}; nothing is acknowledged any more, the process ends");
        eprintln!("callout: the {what} cannot be written: {why}; the process ends, to be started afresh");
        (self.klaxon)(why);
        std::process::exit(1)
    }

    fn release(&self, batch: Batch) {
        if let Some(state) = batch.snapshot.filter(|_| !self.gauge.no_room.load(Ordering::Relaxed)) {
            // One that cannot be taken on now is no loss.
            let _ = self.snapshots.try_send((state, self.log.head().1));
        }
        if let Some(view) = batch.view {
            self.view.send_replace(view);
        }
        for reply in batch.replies {
            // A sender that has gone away is answered by nobody; its records stand.
            let _ = reply.to.send(reply.answers);
        }
        for effect in batch.effects {
            let _ = self.effects.send(effect);
        }
        if let Some(index) = self.index.get() {
            let records = batch.lines.into_iter().map(|(seq, at, record, _)| (seq, at, record)).collect();
            // A full queue is no loss: the index sees the gap and catches up from the log.
            let _ = index.try_send(records);
        }
    }

    fn look_at_room(&self) {
        let full = self.log.has_room() != Room::Plenty || self.details.has_room() != Room::Plenty;
        if full != self.gauge.no_room.swap(full, Ordering::AcqRel) {
            self.no_room.store(full, Ordering::Release);
            if full {
                warn!("the disk is full: contacts are refused, what is left is kept for pages");
                (self.alarm)(Event::Alarm { cause: "the disk of callout is full: contacts are being refused".into() });
            } else {
                info!("there is room on the disk again: contacts are taken");
            }
        }
    }
}

/// The subject of the files of people and rota.
pub const ROSTER: &str = "the roster";
/// The subject of reasons given for exports, erasures and holds.
pub const KEEPING: &str = "the record";

/// Whose details a record names.
pub(super) fn subject(seq: Seq, record: &Record) -> String {
    match record {
        Record::ContactTaken { .. } => crate::domain::id::ContactId::from(seq).to_string(),
        Record::EntryWritten { incident, .. }
        | Record::StoodDown { incident, .. }
        | Record::PlaybookActivated { incident, .. } => incident.to_string(),
        Record::RosterApplied { .. } => ROSTER.to_owned(),
        Record::LogExported { .. }
        | Record::ErasureAsked { .. }
        | Record::DetailsErased { .. }
        | Record::HoldPlaced { .. }
        | Record::MapStatement { .. }
        | Record::HoldLifted { .. } => KEEPING.to_owned(),
        _ => crate::domain::id::IncidentId::from(seq).to_string(),
    }
}

/// Parts of a batch of at most [`PART_BYTES`] of content, so that each fits into a segment; a part holds one at least.
fn in_parts<T>(all: &[T], bytes_of: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let fits = |one: &&T| {
            bytes += bytes_of(one) + AROUND_BYTES;
            bytes <= PART_BYTES
        };
        let fit = rest.iter().take_while(fits).count();
        let (part, next) = rest.split_at(fit.max(1));
        rest = next;
        Some(part)
    })
}
