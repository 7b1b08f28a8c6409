//! One authority's engine: its log, details, state, loop, committer and post room, put together and taken apart
//! again. The daemon runs one; an import without a daemon and the tests run one too.

use super::commit::{CommitGauge, Committer, Indexed};
use super::core::{Core, Pulse};
use super::klaxon::Note;
use super::post::{self, Post};
use super::records::Files;
use super::scrub::Scrub;
use super::{snapshots, supervise};
use crate::clock::Clock;
use crate::domain::event::Event;
use crate::domain::id::Seq;
use crate::domain::record::Record;
use crate::domain::state::{State, apply};
use crate::domain::time::Timestamp;
use crate::door::{Door, door};
use crate::log::details::Details;
use crate::log::disk::Disk;
use crate::log::journal::{Entries, Journal};
use crate::log::snapshot::{self, SNAPSHOTS_DIR};
use crate::log::{Log, OpenError, Options, Tear};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// The log's directory inside the data directory.
pub const LOG_DIR: &str = "log";
/// The details' directory inside the data directory.
pub const DETAILS_DIR: &str = "details";

/// Records that are handed over together during a start.
const PARSED_TOGETHER: usize = 1_000;
/// Groups that may be read ahead of the state.
const PARSED_AHEAD: usize = 8;

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log or the details store would not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A record of the log is not in this program's vocabulary.
    #[error(
        "record {seq} of the log is not understood by this version of callout ({source}); start it with the version \
         that wrote it, or a later one"
    )]
    Foreign {
        /// Its position.
        seq: Seq,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The disk refused while the log was being read.
    #[error("the log cannot be read: {0}")]
    Read(String),
}

/// An engine whose log is open and whose state is rebuilt; nothing runs yet.
#[derive(Debug)]
pub struct Opened {
    /// The state after the last durable record.
    pub state: State,
    /// The log.
    pub log: Log,
    /// The details.
    pub details: Details,
    /// A torn end that was cut off.
    pub tear: Option<Tear>,
    /// Where the log's files are.
    pub dir: PathBuf,
    /// The record up to which a snapshot was taken on trust, and the log before it not read; 0 when all of it was.
    pub trusted: Seq,
    /// The door to the disk, for snapshots.
    pub disk: Disk,
}

/// How log and details keep their files.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The log.
    pub log: Options,
    /// The details.
    pub details: Options,
}

impl Default for Storage {
    fn default() -> Self {
        Self { log: Options::default(), details: Options::for_details() }
    }
}

/// Opens the data directory and rebuilds the state from its log.
///
/// # Errors
/// [`EngineError`]: held by another process, damaged, of another version, or unreadable. Nothing was changed but a
/// torn end cut off.
pub fn open(data: &Path, storage: &Storage, clock: &Clock) -> Result<Opened, EngineError> {
    let (dir, bookmarks) = (data.join(LOG_DIR), data.join(SNAPSHOTS_DIR));
    let newest = snapshots::newest(&bookmarks);
    let known = newest.as_ref().map(|(stands, _)| (stands.head, stands.hash));
    let (journal, opened) = Journal::open_after(&dir, &storage.log, clock.now(), known)?;
    // Now that the directory is ours.
    snapshot::sweep(&bookmarks, &storage.log)?;
    let start = match newest {
        Some((stands, state)) if opened.trusted == stands.head => state,
        Some((stands, _)) => {
            warn!(head = %stands.head, "the snapshot at record {} does not fit this log; all of the log is read", stands.head);
            State::default()
        }
        None => State::default(),
    };
    let (trusted, (head, _)) = (opened.trusted, journal.head());
    // Reading the records, applying them and looking through the details take about as long as each other.
    let (state, details) = std::thread::scope(|scope| {
        let all = trusted == Seq(0);
        let details =
            scope.spawn(move || Details::open_from(&data.join(DETAILS_DIR), &storage.details, head, clock.now(), all));
        let (parsed, records) = sync_channel(PARSED_AHEAD);
        let entries = opened.entries;
        scope.spawn(move || parse(entries, &parsed));
        (rebuild(start, records), details.join().expect("opening the details does not panic"))
    });
    let (state, (details, found)) = (state?, details?);
    for (file, offset) in &found.damaged {
        warn!(file = %file.display(), offset, "details in {} at byte {offset} cannot be read any more", file.display());
    }
    // What was erased is shown to nobody, even where an old copy of the details has it again.
    details.reader().hide(state.keeping.erased.clone());
    let disk = storage.log.disk.clone();
    let mut opened = Opened { state, log: Log::Journal(journal), details, tear: opened.tear, dir, trusted, disk };
    if trusted == Seq(0) {
        opened.erase_again()?;
    }
    Ok(opened)
}

impl Opened {
    /// Erases what was erased before and is there again: a crash came between record and erasure, or the details are from
    /// a backup. Looks at all details, so the daemon does it in the background ([`super::scrub`]) where it can.
    ///
    /// # Errors
    /// [`EngineError::Read`].
    pub fn erase_again(&mut self) -> Result<(), EngineError> {
        let erased = &self.state.keeping.erased;
        if erased.is_empty() {
            return Ok(());
        }
        let there = self.details.reader().seqs().map_err(|error| EngineError::Read(error.to_string()))?;
        let left: std::collections::BTreeSet<Seq> = there.into_iter().filter(|seq| erased.contains(*seq)).collect();
        if !left.is_empty() {
            let n = self.details.erase(&left).map_err(|error| EngineError::Read(error.to_string()))?;
            warn!(n, "{n} details that were erased before were there again, and are erased again");
        }
        Ok(())
    }
}

/// Records that are handed over together, or why there are no more.
type Group = Result<Vec<(Seq, Timestamp, Record)>, EngineError>;

/// Reads records in groups, until the end, the first that is bad, or nobody listens.
fn parse(entries: Entries, parsed: &SyncSender<Group>) {
    let mut group = Vec::with_capacity(PARSED_TOGETHER);
    for entry in entries {
        let record = entry.map_err(|error| EngineError::Read(error.to_string())).and_then(|entry| {
            let record = serde_json::from_str(&entry.record);
            let record = record.map_err(|source| EngineError::Foreign { seq: entry.seq, source })?;
            Ok((entry.seq, entry.at, record))
        });
        match record {
            Ok(record) => group.push(record),
            Err(error) => {
                let _ = parsed.send(Err(error));
                return;
            }
        }
        if group.len() == PARSED_TOGETHER
            && parsed.send(Ok(std::mem::replace(&mut group, Vec::with_capacity(PARSED_TOGETHER)))).is_err()
        {
            return;
        }
    }
    let _ = parsed.send(Ok(group));
}

/// The state after these records, which follow on from `state`.
fn rebuild(mut state: State, records: Receiver<Group>) -> Result<State, EngineError> {
    for group in records {
        for (seq, at, record) in group? {
            apply(&mut state, seq, at, &record);
        }
    }
    Ok(state)
}

/// A running engine.
pub struct Engine {
    /// The way in.
    pub door: Door,
    /// The loop's pulse.
    pub pulse: Arc<Pulse>,
    /// The committer's gauge.
    pub gauge: Arc<CommitGauge>,
    /// Damage in an old part of the log, found since the start.
    pub damage: Arc<OnceLock<String>>,
    bookmarks: (PathBuf, Disk, JoinHandle<()>),
    stopping: Arc<AtomicBool>,
    core: JoinHandle<State>,
    committer: JoinHandle<Log>,
    post: tokio::task::JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Engine {
    /// Starts the loop, the committer and the post room. Must be called inside the run time.
    ///
    /// The first event should be [`Event::Started`], after the policy: it sends again what was announced and has no
    /// outcome.
    pub fn start(
        opened: Opened,
        note: Note,
        clock: Arc<Clock>,
        post: Post,
        index: Arc<OnceLock<SyncSender<Indexed>>>,
    ) -> Self {
        let details_dir = opened.dir.with_file_name(DETAILS_DIR);
        let bookmarks_dir = opened.dir.with_file_name(SNAPSHOTS_DIR);
        let (snapshots, writer) = snapshots::start(bookmarks_dir.clone(), opened.disk.clone());
        let (again, erase_again) = sync_channel(1);
        let (damage, stopping): (Arc<OnceLock<String>>, Arc<AtomicBool>) = Default::default();
        let (log_dir, reader, erased) =
            (opened.dir.clone(), opened.details.reader(), opened.state.keeping.erased.clone());
        let records = Arc::new(Files { dir: opened.dir, details_dir, details: opened.details.reader() });
        let (door, inside) = door(opened.state.view(), records);
        let (batches, taken) = sync_channel(1);
        let (effects, performed) = mpsc::unbounded_channel();
        let (alarm_door, klaxon_post, klaxon_view) = (door.clone(), post.clone(), inside.view.subscribe());
        let gauge: Arc<CommitGauge> = Arc::default();
        let committer = Committer {
            log: opened.log,
            details: opened.details,
            batches: taken,
            erase_again,
            snapshots,
            effects,
            index,
            view: inside.view,
            no_room: inside.no_room,
            alarm: Box::new(move |event| {
                // Nobody waits for the answer.
                let _ = alarm_door.send(vec![event]);
            }),
            klaxon: Box::new(move |why| {
                let (now, view) = (klaxon_post.clock.now(), klaxon_view.borrow().clone());
                if !note.begin_to_ring(now, why) {
                    return;
                }
                if let Some(policy) = &view.policy.in_force {
                    let mut people = policy.rota.fallback.clone();
                    people.extend(policy.rota.managers.iter().filter(|id| !policy.rota.fallback.contains(id)).cloned());
                    klaxon_post.klaxon(&people, why);
                }
            }),
            gauge: Arc::clone(&gauge),
            observers: Arc::clone(&post.observers),
        };
        let pulse: Arc<Pulse> = Arc::default();
        let (stop, stopped) = oneshot::channel();
        let core =
            Core { state: opened.state, clock, inbox: inside.inbox, batches, pulse: Arc::clone(&pulse), stopped };
        let core = supervise::thread("core", move || core.run());
        let committer = supervise::thread("committer", move || committer.run());
        let post = post::start(post, performed, door.clone());
        if opened.trusted > Seq(0) {
            let (door, damage, stopping) = (door.clone(), Arc::clone(&damage), Arc::clone(&stopping));
            let trusted = opened.trusted;
            Scrub { log: log_dir, trusted, details: reader, erased, again, door, damage, stopping }.start();
        }
        let bookmarks = (bookmarks_dir, opened.disk, writer);
        Self { door, pulse, gauge, damage, bookmarks, stopping, core, committer, post, stop }
    }

    /// Hands over one event and waits until it is durable; for start-up, where nothing else runs yet.
    ///
    /// # Errors
    /// As [`Door::submit`].
    pub async fn tell(&self, event: Event) -> Result<crate::domain::event::Answer, crate::door::DoorError> {
        self.door.submit_one(event).await
    }

    /// Stops: lets sends under way end for at most `patience`, makes everything durable, and gives back state and
    /// log. What was announced and not sent goes again after the next start.
    pub async fn stop(self, patience: Duration) -> (State, Log) {
        let _ = self.stop.send(());
        self.stopping.store(true, Ordering::Release);
        let ended = tokio::task::spawn_blocking(move || {
            let state = self.core.join().expect("a panic in the core aborts the process");
            let log = self.committer.join().expect("a panic in the committer aborts the process");
            let (dir, disk, writer) = self.bookmarks;
            writer.join().expect("a panic in the writer aborts the process");
            snapshots::write(&dir, &state, log.head().1, &disk);
            (state, log)
        });
        let (state, log) = ended.await.expect("joining does not panic");
        // The committer is gone, so the post room's channel is closed: it ends when its sends have.
        let _ = tokio::time::timeout(patience, self.post).await;
        (state, log)
    }
}
