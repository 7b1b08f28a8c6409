//! Signs the head of the log: at the first chance of each day, and whenever enough records have come since the last
//! time. What is signed is durable already; that it was signed is a record too, and the day's head is mailed.
//!
//! Not here: the key and the signature ([`crate::log::heads`]).

use super::supervise;
use crate::clock::Clock;
use crate::domain::event::{Event, SendResult};
use crate::domain::id::Seq;
use crate::domain::keeping::Keeping;
use crate::domain::time::{SignedDuration, Timestamp, elapsed};
use crate::door::Door;
use crate::log::heads::HeadKey;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::{info, warn};

/// How often it is looked whether a head is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A head that could not be mailed is followed by a new one after this.
const MAIL_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Signs heads beside the engine.
pub struct Signer {
    /// The key.
    pub key: HeadKey,
    /// The way to the core.
    pub door: Door,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// The council's: a day begins by its clocks.
    pub zone: TimeZone,
    /// Records after which a head is signed within the day.
    pub every: u64,
    /// A records address is set.
    pub mail: bool,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    Sign { mail: bool },
}

fn due(keeping: &Keeping, head: Seq, now: Timestamp, zone: &TimeZone, every: u64, mail: bool) -> Due {
    if head.0 == 0 {
        return Due::Nothing;
    }
    let Some(last) = &keeping.head else { return Due::Sign { mail } };
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let new_day = day(now) > day(last.signed_at);
    let unsent = match &keeping.mailed {
        None => true,
        Some(mailed) => {
            let failed = matches!(
                mailed.outcome,
                Some(SendResult::Retryable { .. } | SendResult::Refused { .. } | SendResult::Unknown { .. })
            );
            failed && elapsed(mailed.at, now) >= MAIL_AGAIN_AFTER
        }
    };
    if new_day || mail && unsent {
        Due::Sign { mail }
    } else if head.0 >= last.head.0 + every {
        Due::Sign { mail: false }
    } else {
        Due::Nothing
    }
}

impl Signer {
    /// Works on a thread of its own until `stopping`.
    pub fn start(self, stopping: Arc<AtomicBool>) {
        supervise::thread("heads", move || {
            while !stopping.load(Ordering::Acquire) {
                if !self.look() {
                    return;
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
    }

    /// Signs if it is time; false when the daemon is going down.
    fn look(&self) -> bool {
        let view = self.door.view();
        let now = self.clock.now();
        let Due::Sign { mail } = due(&view.keeping, view.head, now, &self.zone, self.every, self.mail) else {
            return true;
        };
        // The view is published when its records are durable, so the line is on the disk.
        let Some(line) = self.door.records().lines(view.head, 1).pop() else {
            warn!(head = %view.head, "the log's head could not be read to sign it; it is tried again");
            return true;
        };
        let head = self.key.sign(line.seq, line.hash, now);
        info!(head = %head.head, hash = head.hash, "log signed up to record {}", head.head);
        match self.door.send(vec![Event::HeadSigned { head, mail }]) {
            // Waited for, so that the next look sees it.
            Ok(answer) => answer.blocking_recv().is_ok(),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::keeping::Mailed;

    #[test]
    fn a_head_is_due_at_the_first_record_each_local_day_and_after_enough_records() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let mut keeping = Keeping::default();
        let look = |keeping: &Keeping, head, now, mail| due(keeping, Seq(head), at(now), &zone, 100, mail);
        assert_eq!(look(&keeping, 0, "2026-06-01T10:00:00Z", true), Due::Nothing);
        assert_eq!(look(&keeping, 1, "2026-06-01T10:00:00Z", false), Due::Sign { mail: false });

        keeping.head = Some(HeadKey::from_seed(&[1; 32]).sign(Seq(1), "0".repeat(64), at("2026-06-01T10:00:00Z")));
        assert_eq!(look(&keeping, 100, "2026-06-01T22:59:59Z", false), Due::Nothing);
        assert_eq!(look(&keeping, 101, "2026-06-01T22:59:59Z", false), Due::Sign { mail: false });
        // Midnight of British summer time.
        assert_eq!(look(&keeping, 2, "2026-06-01T23:00:00Z", false), Due::Sign { mail: false });
        // Nothing was ever mailed, and now there is an address.
        assert_eq!(look(&keeping, 2, "2026-06-01T10:00:05Z", true), Due::Sign { mail: true });

        let mailed = |outcome| Some(Mailed { head: Seq(1), at: at("2026-06-01T10:00:00Z"), outcome });
        keeping.mailed = mailed(None);
        assert_eq!(look(&keeping, 101, "2026-06-01T11:00:00Z", true), Due::Sign { mail: false });
        keeping.mailed = mailed(Some(SendResult::Retryable { why: String::new() }));
        assert_eq!(look(&keeping, 2, "2026-06-01T10:59:00Z", true), Due::Nothing);
        assert_eq!(look(&keeping, 2, "2026-06-01T11:00:00Z", true), Due::Sign { mail: true });
    }
}
