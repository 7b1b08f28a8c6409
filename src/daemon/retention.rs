//! Erases details whose time is over: each night, at the time that the settings name. That it was done is a record,
//! and the record comes first.
//!
//! Not here: what is due ([`crate::log::erasure`]), holds (`domain/keeping.rs`), the erasing (`daemon/commit.rs`).

use super::supervise;
use crate::clock::Clock;
use crate::domain::event::{Answer, Event};
use crate::domain::schedule::Schedule;
use crate::domain::time::{SignedDuration, Timestamp, after};
use crate::door::Door;
use crate::log::erasure;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::{info, warn};

/// How often it is looked whether the time has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Erases what is due, beside the engine.
pub struct Retention {
    /// The way to the core.
    pub door: Door,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// The council's.
    pub zone: TimeZone,
    /// When it works.
    pub schedule: Schedule,
    /// The log's directory.
    pub log: PathBuf,
    /// The details' directory.
    pub details: PathBuf,
    /// How long a contact's details are kept, in days.
    pub contact_days: u32,
    /// How long the words of incidents are kept, in years.
    pub incident_years: u32,
}

impl Retention {
    /// Works on a thread of its own until `stopping`.
    pub fn start(self, stopping: Arc<AtomicBool>) {
        supervise::thread("retention", move || {
            let mut next = self.schedule.next(self.clock.now(), &self.zone);
            while !stopping.load(Ordering::Acquire) {
                let now = self.clock.now();
                if next.is_some_and(|next| next <= now) {
                    // One erasure has a bound, so as many as it takes; each pass leaves fewer.
                    while self.erase(now) > 0 && !stopping.load(Ordering::Acquire) {}
                    next = self.schedule.next(now, &self.zone);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
    }

    /// Erases what is due at `now`; gives how many details. Waits until the record is durable.
    pub fn erase(&self, now: Timestamp) -> u64 {
        let contacts_before = after(now, SignedDuration::from_hours(-24 * i64::from(self.contact_days)));
        let years = jiff::Span::new().years(i64::from(self.incident_years));
        let words_before =
            now.to_zoned(self.zone.clone()).checked_sub(years).map_or(Timestamp::MIN, |at| at.timestamp());
        let view = self.door.view();
        let places = (&*self.log, &*self.details);
        let seqs = match erasure::expired(places, view.head, contacts_before, words_before, &view.keeping) {
            Ok(seqs) => seqs,
            Err(error) => {
                warn!(%error, "details whose time is over could not be looked for: {error}; the next night tries again");
                return 0;
            }
        };
        let n = seqs.len();
        if n == 0 {
            return 0;
        }
        let answer =
            self.door.send(vec![Event::DetailsExpired { seqs }]).map(tokio::sync::oneshot::Receiver::blocking_recv);
        match answer {
            Ok(Ok(answers)) if matches!(answers.first(), Some(Answer::Entry(_))) => {
                info!(n, "the time of {n} details is over: they are erased");
                n
            }
            _ => 0,
        }
    }
}
