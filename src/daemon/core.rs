//! The loop: the one place that owns the state and reads the clock. It drains the door, decides, and hands batches to
//! the committer; while one batch is being made durable it goes on deciding the next. That is the group commit.
//!
//! Nothing leaves this thread but batches, so nobody can be answered and nothing sent before the batch is durable.

use super::commit::{Batch, Reply};
use super::snapshots::Due;
use crate::clock::Clock;
use crate::domain::decide::{Decision, decide, next_deadline};
use crate::domain::event::Event;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::door::Submission;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Records of one batch at most; then the loop waits for the committer.
pub const BATCH_RECORDS_MAX: usize = 4_096;
/// How long the loop sleeps at most, so that a hand-moved clock is noticed and the pulse goes on.
const SLEEP_MAX: Duration = Duration::from_millis(250);
/// The least time between two looks at a deadline that did not move.
const TICK_GAP: Duration = Duration::from_millis(20);
/// A batch of no more contacts than this is published at once, so that whoever logged one sees it on the next page.
const CALM_RECORDS: usize = 4;
/// While contacts come in crowds, a new snapshot is published this often.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// What the outside may see of the loop's health.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Turns of the loop: a monitor sees that it moves.
    pub turns: AtomicU64,
    /// The next deadline in unix milliseconds; `i64::MAX` for none.
    pub deadline_ms: AtomicI64,
}

/// The loop's own things.
pub struct Core {
    /// The working state.
    pub state: State,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// Events come in here.
    pub inbox: Receiver<Submission>,
    /// Batches go out here. Its capacity is 1: one batch under way, one being decided.
    pub batches: SyncSender<Batch>,
    /// For monitors.
    pub pulse: Arc<Pulse>,
    /// Told, or dropped, when the loop is to end.
    pub stopped: oneshot::Receiver<()>,
}

impl Core {
    /// Runs until it is told to stop; then hands over the last batch and returns the state.
    pub fn run(mut self) -> State {
        let mut batch = Batch::default();
        let mut published = Instant::now();
        let mut ticked = Instant::now();
        let mut unpublished = false;
        let mut due = Due::from(self.state.next);
        loop {
            self.pulse.turns.fetch_add(1, Ordering::Relaxed);
            match self.inbox.recv_timeout(self.patience(&batch, unpublished)) {
                Ok(submission) => {
                    self.take(submission, &mut batch);
                    while batch.records() < BATCH_RECORDS_MAX {
                        let Ok(submission) = self.inbox.try_recv() else { break };
                        self.take(submission, &mut batch);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // A closed inbox would end every recv at once; the end comes by `stopped`.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK_GAP),
            }
            if !matches!(self.stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                // What waits is not decided any more; its senders see the door close and send again.
                self.publish(&mut batch);
                let _ = self.batches.send(batch);
                return self.state;
            }
            let now = self.clock.now();
            let deadline = next_deadline(&self.state);
            self.pulse.deadline_ms.store(deadline.map_or(i64::MAX, Timestamp::as_millisecond), Ordering::Relaxed);
            if deadline.is_some_and(|deadline| deadline <= now) && ticked.elapsed() >= TICK_GAP {
                ticked = Instant::now();
                let decision = decide(&mut self.state, &Event::Tick, now);
                batch.push(decision);
            }
            unpublished |= !batch.is_empty();
            let calm = !batch.is_empty() && batch.records() <= CALM_RECORDS;
            if unpublished && (batch.notable || calm || published.elapsed() >= PUBLISH_EVERY) {
                self.publish(&mut batch);
                published = Instant::now();
                unpublished = false;
            }
            if batch.is_empty() {
                continue;
            }
            if !batch.lines.is_empty() && due.is_now(self.state.next) {
                batch.snapshot = Some(Box::new(self.state.clone()));
            }
            batch = match self.batches.try_send(batch) {
                Ok(()) => Batch::default(),
                // More will come into it, and the copy would not be of its end; the next one is.
                Err(TrySendError::Full(batch)) if batch.records() < BATCH_RECORDS_MAX => {
                    Batch { snapshot: None, ..batch }
                }
                Err(TrySendError::Full(batch)) => {
                    // The committer ends the process when it fails, so this waits for a disk, not for ever.
                    if self.batches.send(batch).is_err() {
                        return self.state;
                    }
                    Batch::default()
                }
                Err(TrySendError::Disconnected(_)) => return self.state,
            };
        }
    }

    fn take(&mut self, submission: Submission, batch: &mut Batch) {
        let now = self.clock.now();
        let Submission { events, reply, .. } = submission;
        let mut answers = Vec::with_capacity(events.len());
        for event in &events {
            let mut decision = decide(&mut self.state, event, now);
            answers.push(std::mem::replace(&mut decision.answer, crate::domain::event::Answer::None));
            batch.push(decision);
        }
        batch.replies.push(Reply { to: reply, answers });
    }

    fn publish(&self, batch: &mut Batch) {
        batch.view = Some(Arc::new(self.state.view()));
    }

    /// How long to wait for the next event.
    fn patience(&self, batch: &Batch, unpublished: bool) -> Duration {
        if !batch.is_empty() {
            // The committer is busy with the batch before; look again soon, and collect meanwhile.
            return Duration::from_micros(100);
        }
        let longest = if unpublished { PUBLISH_EVERY } else { SLEEP_MAX };
        let Some(deadline) = next_deadline(&self.state) else { return longest };
        self.clock.wait_until(deadline).clamp(TICK_GAP, longest)
    }
}

impl Batch {
    /// Adds what one event led to.
    pub fn push(&mut self, decision: Decision) {
        self.notable |= decision.records.len() > 1 || !decision.effects.is_empty();
        for (seq, record, sealed) in decision.records {
            self.notable |= !matches!(record, crate::domain::record::Record::ContactTaken { .. });
            self.lines.push((seq, decision.at, Arc::new(record), sealed));
        }
        self.effects.extend(decision.effects);
    }
}
