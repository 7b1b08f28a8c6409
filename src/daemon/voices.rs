//! Lets an extra voice speak, each in a task of its own: reads the record after the fact and says what happened to whoever the settings name.
//!
//! It stands beside everything else: it reads the log as anybody may, the post room does not know of it, and nothing waits
//! for it. Each thing is tried as often as the core's rule says, then given up and told in the trace. How far it has come
//! is kept in a file, so that a restart goes on from there; what is older than an hour by then is not news.

use crate::clock::Clock;
use crate::domain::id::Seq;
use crate::domain::record::Record;
use crate::domain::time::elapsed;
use crate::domain::voice::{Announcement, NEWS_FOR, WAITS, announcement};
use crate::door::Door;
use crate::log::tail;
use crate::transport::SendOutcome;
use crate::transport::voice::Voice;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// Records read at a time.
const LINES: usize = 256;

/// What one voice works with.
pub struct Speaker {
    /// The voice.
    pub voice: Voice,
    /// What is durable.
    pub door: Door,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// The log's directory.
    pub log: PathBuf,
    /// The file that says how far it has come.
    pub place: PathBuf,
}

/// The name of the file that says how far a voice has come.
pub fn place(voice: &Voice) -> String {
    format!("voice.{}.place", voice.name())
}

impl Speaker {
    /// Speaks until `stop` says true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.door.changes();
        let kept = std::fs::read_to_string(&self.place).ok().and_then(|text| text.trim().parse().ok());
        let mut next = kept.map_or(Seq(self.door.view().head.0 + 1), Seq);
        loop {
            let spoken = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                spoken = self.speak_from(next) => spoken,
            };
            match spoken {
                Ok(after) if after > next => {
                    next = after;
                    if let Err(error) = crate::keys::replace_private(&self.place, next.0.to_string().as_bytes()) {
                        info!(%error, "how far a voice has come cannot be kept");
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => warn!(%error, "the log cannot be read for a voice: {error}"),
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                changed = changes.wait_for(|view| view.head >= next) => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Says what is to be said about the next records; the number of the one after them.
    async fn speak_from(&self, next: Seq) -> std::io::Result<Seq> {
        let log = self.log.clone();
        let reading = tokio::task::spawn_blocking(move || tail::from(&log, next, LINES));
        let lines = reading.await.map_err(std::io::Error::other)??;
        // Only what is durable is said; the view is of a moment at or after it.
        let view = self.door.view();
        let mut after = next;
        for line in lines.into_iter().filter(|line| line.seq <= view.head) {
            after = Seq(line.seq.0 + 1);
            let Ok(record) = serde_json::from_str::<Record>(&line.record) else { continue };
            let Some(what) = announcement(&view, line.seq, line.at, &record) else { continue };
            if elapsed(what.at, self.clock.now()) > NEWS_FOR {
                continue;
            }
            self.say(&what).await;
        }
        Ok(after)
    }

    /// Says one thing, as often as the rule says.
    async fn say(&self, what: &Announcement) {
        let mut last = String::new();
        for wait in WAITS {
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
            match self.voice.say(what, self.clock.now()).await {
                SendOutcome::Accepted { .. } => return,
                SendOutcome::Refused { why, .. } => {
                    last = why;
                    break;
                }
                SendOutcome::Retryable { why } | SendOutcome::Unknown { why } => last = why,
            }
        }
        let (name, incident) = (self.voice.name(), what.incident);
        warn!(voice = name, %incident, why = last, "{name} did not hear about {incident}: {last}");
    }
}
