//! The one door to the system clock.
//!
//! The daemon's clock is steady: it counts elapsed time, and follows the machine's wall clock by and by, as a ship's
//! clock is set a few minutes a watch. So when somebody, or a time server, puts the wall clock right by half an hour in
//! the middle of a call-out, "five minutes" stay five minutes give or take thirty seconds, and no time is lived twice.

use crate::domain::time::{SignedDuration, Timestamp, after, elapsed, to_millis};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Where the shell gets its time from. The core never asks; it is told.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock, as it is: for commands that ask once.
    System,
    /// The machine's clock without its jumps: the daemon's.
    Steady(Mutex<Steady>),
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

/// A wall clock that differs from the steady one by more than this is told of.
const APART: SignedDuration = SignedDuration::from_secs(2);
/// A wall clock that is further ahead than this is followed at once: then the machine was asleep, or its clock was not
/// set when it started. Deadlines then come too early, which beats too late. One that is behind is never jumped to.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Of elapsed time, so much may be added or left out to come nearer to the wall clock: a tenth.
const CATCH_UP_PARTS: i32 = 10;

/// Elapsed time that follows the wall clock by and by.
#[derive(Debug)]
pub struct Steady {
    /// What it showed when it was last looked at.
    shown: Timestamp,
    /// Time since the machine's start, then.
    since_boot: Duration,
    /// The wall clock was told to be apart.
    told: bool,
}

impl Steady {
    /// It begins with what the wall clock shows.
    pub fn new(wall: Timestamp, since_boot: Duration) -> Self {
        Self { shown: wall, since_boot, told: false }
    }

    /// Goes on from `at` if it shows less.
    fn not_before(&mut self, at: Timestamp) {
        self.shown = self.shown.max(at);
    }

    /// What it shows now, given what the wall clock shows and how long the machine has been running.
    pub fn look(&mut self, wall: Timestamp, since_boot: Duration) -> Timestamp {
        let passed = since_boot.saturating_sub(self.since_boot);
        self.since_boot = since_boot.max(self.since_boot);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let straight = after(self.shown, passed);
        let apart = elapsed(straight, wall);
        let told = std::mem::replace(&mut self.told, apart.abs() > APART);
        if self.told && !told {
            tracing::warn!(
                apart_s = apart.as_secs(),
                "the machine's clock and elapsed time are {} s apart: somebody set it, or it runs wrong; deadlines stay",
                apart.as_secs()
            );
        }
        let step = passed / CATCH_UP_PARTS;
        self.shown = if apart > AHEAD_MAX { wall } else { after(straight, apart.clamp(-step, step)) };
        self.shown
    }
}

/// Time since the machine's start, sleep included.
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

impl Clock {
    /// The daemon's clock.
    pub fn steady() -> Self {
        Self::Steady(Mutex::new(Steady::new(Timestamp::now(), since_boot())))
    }

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
            Self::Steady(steady) => {
                let mut steady = steady.lock().expect("nothing panics while holding the clock");
                to_millis(steady.look(Timestamp::now(), since_boot()))
            }
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
            Self::System | Self::Steady(_) | Self::Hand(_) => wait,
            Self::Fast { times, .. } => wait / *times,
        }
    }

    /// The daemon's clock goes on from `at` if it shows less: the log's last record, after a start with a wall clock that
    /// was put back meanwhile. Time would stand still until then otherwise, and every deadline with it.
    pub fn not_before(&self, at: Timestamp) {
        if let Self::Steady(steady) = self {
            steady.lock().expect("nothing panics while holding the clock").not_before(at);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The elapsed seconds after which five minutes have passed on the clock, when the wall clock is set by `step_s`
    /// ten seconds after the beginning.
    fn five_minutes_take(step_s: i64) -> u64 {
        let begun: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let mut clock = Steady::new(begun, Duration::from_secs(1_000));
        let due = after(begun, SignedDuration::from_mins(5));
        let mut last = begun;
        for second in 1..100_000_u64 {
            let step = if second >= 10 { step_s } else { 0 };
            let wall = after(begun, SignedDuration::from_secs(second as i64 + step));
            let now = clock.look(wall, Duration::from_secs(1_000 + second));
            assert!(now > last, "no time is lived twice, and it never stands still");
            last = now;
            if now >= due {
                return second;
            }
        }
        panic!("five minutes never passed");
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_no_deadline_by_more_than_a_tenth() {
        assert_eq!(five_minutes_take(0), 300);
        for step in [-86_400, -3_600, -1_800, -60, -1, 1, 60, 1_800, 3_600] {
            let took = five_minutes_take(step);
            assert!((270..=334).contains(&took), "set by {step} s: five minutes took {took} s");
        }
    }

    #[test]
    fn a_machine_that_slept_or_had_no_time_is_followed_at_once() {
        assert_eq!(five_minutes_take(7_200), 10, "too early beats too late");
    }

    #[test]
    fn it_is_right_again_after_a_while() {
        let begun: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let mut clock = Steady::new(begun, Duration::ZERO);
        let wall = |second: i64| after(begun, SignedDuration::from_secs(second - 60));
        let last = (1..=700).map(|second| clock.look(wall(second), Duration::from_secs(second as u64))).last();
        assert_eq!(last.unwrap(), wall(700), "a minute is caught up within eleven");
    }

    #[test]
    fn after_a_start_with_a_clock_put_back_time_goes_on_from_the_last_record() {
        let put_back: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let last = after(put_back, SignedDuration::from_mins(10));
        let mut clock = Steady::new(put_back, Duration::ZERO);
        clock.not_before(last);
        let wall = |seconds: i64| after(put_back, SignedDuration::from_secs(seconds));
        let ten_s_on = clock.look(wall(10), Duration::from_secs(10));
        assert_eq!(ten_s_on, after(last, SignedDuration::from_secs(9)), "it goes on, a tenth slower");
        clock.not_before(put_back);
        assert!(clock.look(wall(11), Duration::from_secs(11)) > ten_s_on, "never back");
    }

    #[test]
    fn the_daemons_clock_shows_the_time() {
        let clock = Clock::steady();
        let apart = elapsed(clock.now(), Timestamp::now()).abs();
        assert!(apart < SignedDuration::from_secs(60), "{apart:?}");
    }
}
