//! After a start that took old segments on trust: looks at them in the background, at half speed, and tells what it finds.
//!
//! Two things: each line of the log before the snapshot (damage pages whoever looks after callout; the daemon goes on,
//! since all that it needs for paging is whole), and details that were erased before and are there again, from an old copy.

use super::supervise;
use crate::domain::event::Event;
use crate::domain::id::Seq;
use crate::domain::keeping::Spans;
use crate::door::Door;
use crate::log::details::Reader;
use crate::log::scrub;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

/// It rests as long as it worked, at most so long at a time.
const REST_MAX: Duration = Duration::from_secs(1);

/// What is to be looked at.
pub struct Scrub {
    /// The log's directory.
    pub log: PathBuf,
    /// The record up to which the log was taken on trust.
    pub trusted: Seq,
    /// The details.
    pub details: Reader,
    /// Records whose details were erased.
    pub erased: Spans,
    /// To the committer: erase these again.
    pub again: SyncSender<BTreeSet<Seq>>,
    /// The way to the core.
    pub door: Door,
    /// The first damage, for health pages.
    pub damage: Arc<OnceLock<String>>,
    /// Set when the engine ends.
    pub stopping: Arc<AtomicBool>,
}

impl Scrub {
    /// Works on a thread of its own until it is done.
    pub fn start(self) {
        supervise::thread("scrub", move || self.run());
    }

    fn run(self) {
        let mut worked = Instant::now();
        let mut go_on = || {
            std::thread::sleep(worked.elapsed().min(REST_MAX));
            worked = Instant::now();
            !self.stopping.load(Ordering::Acquire)
        };
        for segment in self.details.segments() {
            if !go_on() {
                return;
            }
            match self.details.look_at(segment) {
                Ok((seqs, damaged)) => {
                    for (file, offset) in damaged {
                        warn!(file = %file.display(), offset, "details in {} at byte {offset} cannot be read any more", file.display());
                    }
                    let left: BTreeSet<Seq> = seqs.into_iter().filter(|seq| self.erased.contains(*seq)).collect();
                    if !left.is_empty() {
                        warn!(
                            n = left.len(),
                            "{} details that were erased before were there again; they are erased again",
                            left.len()
                        );
                        // The committer is gone only when the process ends; the next start looks again.
                        let _ = self.again.send(left);
                    }
                }
                Err(error) => warn!(%error, segment, "details from record {segment} on cannot be looked at: {error}"),
            }
        }
        match scrub::sealed(&self.log, self.trusted, &mut go_on) {
            Ok((sound, None)) => {
                info!(records = %sound, "the sealed segments of the log are sound up to record {sound}")
            }
            Ok((_, Some(damage))) => self.tell(damage.to_string()),
            Err(error) => self.tell(format!("a sealed segment of the log cannot be read: {error}")),
        }
    }

    fn tell(&self, what: String) {
        error!(
            what,
            "{what}; paging goes on, since it stands on later records. Restore the last backup beside it and compare"
        );
        let cause = format!("an old part of callout's log is damaged ({what}); paging goes on");
        // Nobody waits for the answer.
        let _ = self.door.send(vec![Event::Alarm { cause }]);
        let _ = self.damage.set(what);
    }
}
