//! What a telephony system counts: calls offered, answered and abandoned in one queue over one interval.
//!
//! No caller is in it, so all of it stands in the record. Not here: whether the service is good enough
//! (see [`crate::domain::detect::service`]).

use super::time::{SignedDuration, Timestamp, after};
use serde::{Deserialize, Serialize};

/// Longest interval that is believed: a day.
pub const INTERVAL_S_MAX: u32 = 86_400;
/// Most calls of one interval that are believed.
pub const CALLS_MAX: u32 = 1_000_000;
/// Longest mean wait that is believed: a day.
pub const WAIT_S_MAX: u32 = 86_400;

/// The counts of one queue over one interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCounts {
    /// Which system counted, e.g. `telephony`.
    pub source: String,
    /// Which queue, e.g. `main`.
    pub queue: String,
    /// When the interval began.
    pub from: Timestamp,
    /// How long it was, in seconds: 1 to [`INTERVAL_S_MAX`].
    pub interval_s: u32,
    /// Calls that came, 0 to [`CALLS_MAX`].
    pub offered: u32,
    /// Calls that were answered. May be more than came: some waited from before.
    pub answered: u32,
    /// Callers who gave up.
    pub abandoned: u32,
    /// The mean wait of those that were answered, in seconds.
    pub wait_s: u32,
}

impl QueueCounts {
    /// When the interval was over.
    pub fn to(&self) -> Timestamp {
        after(self.from, SignedDuration::from_secs(i64::from(self.interval_s)))
    }

    /// By what a queue is known: `telephony/main`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.source, self.queue)
    }
}
