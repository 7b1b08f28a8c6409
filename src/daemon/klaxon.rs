//! The note that the klaxon was rung.
//!
//! When the log cannot be written, the last resort is called without a record: nothing else would be heard. Like a
//! slip of paper beside the broken ledger, the note says when and why, so that the record can tell of it once it can be
//! written again, and so that a daemon that is started again and again on a dead disk does not ring every few seconds.
//!
//! The slip is laid where there is a place left: in the data directory, and in the service's run-time directory, which
//! is in memory. Not here: whom the klaxon calls and how (`post.rs`).

use crate::domain::time::{SignedDuration, Timestamp, elapsed};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::warn;

/// The klaxon is not rung again within this time, as everybody is called again at most every 10 min.
pub const RING_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How long a disk may take to say whether it was rung.
const DISK_WAIT: Duration = Duration::from_secs(1);
/// The slip's name.
const NAME: &str = "klaxon.json";

/// One ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// When.
    pub at: Timestamp,
    /// Why: what could not be written.
    pub why: String,
    /// The log tells of it.
    pub recorded: bool,
}

/// Where the slip may lie.
#[derive(Debug, Clone)]
pub struct Note {
    places: Vec<PathBuf>,
}

impl Note {
    /// In the data directory, and in the run-time directory that the service manager gives (`RUNTIME_DIRECTORY`).
    pub fn of(data: &Path) -> Self {
        let run_time = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
        Self { places: [Some(data.to_owned()), run_time].into_iter().flatten().map(|dir| dir.join(NAME)).collect() }
    }

    /// The last ring that is known of.
    pub fn last(&self) -> Option<Rung> {
        let read = |place: &PathBuf| serde_json::from_slice::<Rung>(&std::fs::read(place).ok()?).ok();
        self.places.iter().filter_map(read).max_by_key(|rung| rung.at)
    }

    /// Whether the klaxon may be rung now; notes it, if so. A disk that hangs holds up neither: what it does not say
    /// within [`DISK_WAIT`] is taken as a yes.
    pub fn begin_to_ring(&self, now: Timestamp, why: &str) -> bool {
        let (tell, told) = std::sync::mpsc::channel();
        let (note, rung) = (self.clone(), Rung { at: now, why: why.to_owned(), recorded: false });
        // Not waited for: it may hang for ever, and ends with the process.
        let asked = std::thread::Builder::new().name("klaxon-note".into()).spawn(move || {
            let may = note.may_ring(now);
            // Before it rings: whoever is woken may start callout again at once.
            if may {
                note.write(&rung);
            }
            // Nobody listens any more when it took too long.
            let _ = tell.send(may);
        });
        asked.is_err() || told.recv_timeout(DISK_WAIT).unwrap_or(true)
    }

    /// Whether it was not rung lately. A note from the future is a wrong clock's.
    fn may_ring(&self, now: Timestamp) -> bool {
        self.last().is_none_or(|rung| rung.at > now || elapsed(rung.at, now) >= RING_EVERY)
    }

    /// Lays the slip wherever it can be laid; nothing can be done where it cannot.
    pub fn write(&self, rung: &Rung) {
        let json = serde_json::to_vec(rung).expect("texts and times always become JSON");
        for place in &self.places {
            if let Err(error) = crate::keys::replace_private(place, &json) {
                warn!(%error, place = %place.display(), "the klaxon's note cannot be written to {}: {error}", place.display());
            }
        }
    }
}

impl Rung {
    /// What the record says of it.
    pub fn cause(&self) -> String {
        let at = self.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        format!("callout had stopped at {at} and called the last resort without a record: {}", self.why)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_klaxon_is_not_rung_twice_in_ten_minutes() {
        let data = tempfile::tempdir().unwrap();
        let note = Note { places: vec![data.path().join("no such directory").join(NAME), data.path().join(NAME)] };
        let at: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let after = |minutes| at + SignedDuration::from_mins(minutes);
        assert!(note.may_ring(at));
        let rung = Rung { at, why: "a sync failed".into(), recorded: false };
        note.write(&rung);
        assert_eq!(note.last(), Some(rung), "the place that cannot be written does not keep the other from it");
        assert!(!note.may_ring(after(9)) && note.may_ring(after(10)));
        assert!(note.may_ring(after(-60)), "a clock that was ahead silences nothing");
    }
}
