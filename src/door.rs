//! The way from the outside to the core and back: adapters hand events in and are answered when their records are
//! durable; readers take a snapshot. A port: it names no adapter, and the daemon stands behind it.
//!
//! Bounds: at most [`QUEUE_MAX`] events wait; beyond that a sender is told to come again ([`DoorError::Busy`]).

use crate::domain::event::{Answer, Event};
use crate::domain::id::Seq;
use crate::domain::state::View;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::{oneshot, watch};

/// Events that may wait for the core at one time.
pub const QUEUE_MAX: usize = 16_384;

/// Why an event was not taken. Nothing of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// The queue is full.
    #[error("callout is overloaded; send it again in {retry_after_s} s")]
    Busy {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// The disk is full: the room that is left is kept for pages.
    #[error("the disk is full, and what is left is kept for pages; free some space, then send it again")]
    NoRoom,
    /// The daemon is going down.
    #[error("callout is stopping; send it again in a few seconds")]
    Stopping,
}

/// What the core is handed.
#[derive(Debug)]
pub struct Submission {
    /// Decided in order, in one go.
    pub events: Vec<Event>,
    /// Told one answer for each event, when all are durable; dropped when the daemon goes down before that.
    pub reply: oneshot::Sender<Vec<Answer>>,
    slot: Slot,
}

impl Submission {
    /// How many events.
    pub fn len(&self) -> usize {
        self.slot.n
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slot.n == 0
    }
}

/// Holds a submission's place in the queue; gives it back when the submission is decided or dropped.
#[derive(Debug)]
struct Slot {
    n: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.n, Ordering::AcqRel);
    }
}

/// One line of the log, for pages that show it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Position.
    pub seq: Seq,
    /// SHA-256 of the JSON bytes, hex.
    pub hash: String,
    /// The JSON text, byte for byte.
    pub json: String,
}

/// What readers may ask of the log and the details store.
pub trait Records: Send + Sync {
    /// At most `n` lines that begin at `from`, in order. Reads files: call it off the async threads.
    fn lines(&self, from: Seq, n: usize) -> Vec<LogLine>;
    /// The content (JSON) of the details that a record names, unless erased. Reads files likewise.
    fn detail(&self, seq: Seq, digest: &str) -> Option<Vec<u8>>;
    /// What an erasure of this subject (`C-9`, `INC-5`) would cover. Reads the whole details store.
    ///
    /// # Errors
    /// In words, when the files cannot be read.
    fn covered(&self, subject: &str) -> Result<crate::domain::keeping::Covered, String>;
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    inbox: std::sync::mpsc::Sender<Submission>,
    waiting: Arc<AtomicUsize>,
    no_room: Arc<AtomicBool>,
    view: watch::Receiver<Arc<View>>,
    records: Arc<dyn Records>,
}

/// The daemon's side of a door.
pub struct Inside {
    /// Submissions, in order.
    pub inbox: std::sync::mpsc::Receiver<Submission>,
    /// Set while contacts must be refused for want of room.
    pub no_room: Arc<AtomicBool>,
    /// Publishes snapshots.
    pub view: watch::Sender<Arc<View>>,
}

/// Makes a door and its inside.
pub fn door(first: View, records: Arc<dyn Records>) -> (Door, Inside) {
    let (inbox, taken) = std::sync::mpsc::channel();
    let (publish, view) = watch::channel(Arc::new(first));
    let no_room = Arc::new(AtomicBool::new(false));
    let door = Door { inbox, waiting: Arc::default(), no_room: Arc::clone(&no_room), view, records };
    (door, Inside { inbox: taken, no_room, view: publish })
}

impl Door {
    /// Hands events in, to be decided in order and in one go; one answer for each, when all are durable.
    ///
    /// # Errors
    /// [`DoorError`], and then nothing was taken; but after `Stopping` an event may still have become durable, which
    /// the sender's idempotency key makes harmless.
    pub async fn submit(&self, events: Vec<Event>) -> Result<Vec<Answer>, DoorError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.send(events)?.await.map_err(|_| DoorError::Stopping)
    }

    /// As [`Door::submit`] for one event.
    pub async fn submit_one(&self, event: Event) -> Result<Answer, DoorError> {
        Ok(self.submit(vec![event]).await?.pop().unwrap_or(Answer::None))
    }

    /// Hands events in and gives the receiver of the answers, for callers on plain threads.
    ///
    /// # Errors
    /// As [`Door::submit`].
    pub fn send(&self, events: Vec<Event>) -> Result<oneshot::Receiver<Vec<Answer>>, DoorError> {
        let only_contacts = events.iter().all(|event| matches!(event, Event::ContactReceived { .. }));
        if only_contacts && self.no_room.load(Ordering::Acquire) {
            return Err(DoorError::NoRoom);
        }
        let n = events.len();
        let before = self.waiting.fetch_add(n, Ordering::AcqRel);
        let slot = Slot { n, waiting: Arc::clone(&self.waiting) };
        // Pages, acknowledgements and people's commands are few, and come in even when contacts fill the queue.
        if only_contacts && before + n > QUEUE_MAX {
            return Err(DoorError::Busy { retry_after_s: 2 });
        }
        let (reply, answers) = oneshot::channel();
        self.inbox.send(Submission { events, reply, slot }).map_err(|_| DoorError::Stopping)?;
        Ok(answers)
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// The newest durable snapshot.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Tells when there is a newer snapshot.
    pub fn changes(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// The log and the details, for reading.
    pub fn records(&self) -> Arc<dyn Records> {
        Arc::clone(&self.records)
    }
}
