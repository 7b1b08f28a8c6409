//! The one door to the system clock.

use crate::domain::time::{SignedDuration, Timestamp, after, to_millis};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Where the shell gets its time from. The core never asks; it is told.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that tests move by hand.
    Hand(Mutex<Timestamp>),
    /// A clock that begins at an instant of its own and runs several times as fast: the demo's.
    Fast {
        /// Its first instant.
        from: Timestamp,
        /// When that was.
        since: Instant,
        /// How many times as fast, 1 or more.
        times: u32,
    },
}

impl Clock {
    /// A hand-moved clock that starts at `at`.
    pub fn hand(at: Timestamp) -> Self {
        Self::Hand(Mutex::new(at))
    }

    /// A clock that starts at `from` now and runs `times` as fast.
    pub fn fast(from: Timestamp, times: u32) -> Self {
        Self::Fast { from, since: Instant::now(), times: times.max(1) }
    }

    /// Now, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => to_millis(Timestamp::now()),
            Self::Hand(at) => *at.lock().expect("nothing panics while holding the clock"),
            Self::Fast { from, since, times } => {
                let passed = since.elapsed().saturating_mul(*times);
                let passed = SignedDuration::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
                to_millis(after(*from, passed))
            }
        }
    }

    /// How long to wait, in real time, until this clock shows `at`; zero when it is past. A hand-moved clock gives
    /// its own time, since nobody knows when it will be moved.
    pub fn wait_until(&self, at: Timestamp) -> Duration {
        let ms = at.as_millisecond().saturating_sub(self.now().as_millisecond());
        let wait = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        match self {
            Self::System | Self::Hand(_) => wait,
            Self::Fast { times, .. } => wait / *times,
        }
    }

    /// Moves a hand-moved clock forward to `at`; other clocks and a step backwards are left alone.
    pub fn move_to(&self, at: Timestamp) {
        if let Self::Hand(now) = self {
            let mut now = now.lock().expect("nothing panics while holding the clock");
            *now = at.max(*now);
        }
    }
}
