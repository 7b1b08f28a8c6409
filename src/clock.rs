//! The one door to the system clock.

use crate::domain::time::{Timestamp, to_millis};
use std::sync::Mutex;

/// Where the shell gets its time from. The core never asks; it is told.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that tests and the demo move by hand.
    Hand(Mutex<Timestamp>),
}

impl Clock {
    /// A hand-moved clock that starts at `at`.
    pub fn hand(at: Timestamp) -> Self {
        Self::Hand(Mutex::new(at))
    }

    /// Now, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => to_millis(Timestamp::now()),
            Self::Hand(at) => *at.lock().expect("nothing panics while holding the clock"),
        }
    }

    /// Moves a hand-moved clock forward to `at`; the system clock and a step backwards are left alone.
    pub fn move_to(&self, at: Timestamp) {
        if let Self::Hand(now) = self {
            let mut now = now.lock().expect("nothing panics while holding the clock");
            *now = at.max(*now);
        }
    }
}
