//! What is usual: how many contacts a minute this stream has at this quarter of this day of the week.
//!
//! A quarter of an hour seen twelve times knows little by itself, so it leans on the same quarter of all weekdays,
//! that on its hour, that on the stream's mean (Gamma-Poisson shrinkage): each leans by at least so many minutes and at
//! least so many *events*, since three reports are no news where the quarter before had none for years. All of it is
//! multiplied by a level that follows the stream over weeks. Old weeks fade with a half-life of eight.
//!
//! Not here: how today runs (the level of the last hours is in [`super::windows`]) and what is unusual.

use super::week::{SLOTS, Slot};
use serde::{Deserialize, Serialize};

/// Minutes by which a quarter leans on its pool, a pool on its hour, an hour on the mean.
const LEAN_MINUTES: [f64; 3] = [60.0, 30.0, 60.0];
/// Events by which they lean at least.
const LEAN_EVENTS: [f64; 3] = [1.0, 2.0, 2.0];
/// A stream never seen is taken to have one contact in so many minutes.
const NEW_RATE: f64 = 0.001;
/// Minutes for which that counts.
const NEW_MINUTES: f64 = 1_440.0;
/// Rates a minute stay in this range.
const RATE: [f64; 2] = [1e-8, 1e6];
/// Half-life of the level, days.
const LEVEL_DAYS: f64 = 7.0;
/// Events by which the level leans on 1.
const LEVEL_EVENTS: f64 = 50.0;
/// Range of the level.
const LEVEL: [f64; 2] = [0.4, 2.5];
/// A count is learnt as at most the usual one and so many standard deviations.
const WINSOR_SD: f64 = 3.0;
/// Visits after which a frozen quarter is learnt all the same: weekdays; Saturdays and Sundays.
const RELEASE_VISITS: [u8; 3] = [7, 3, 3];
/// The first working day after a holiday is so much busier.
const AFTER_HOLIDAY: f64 = 1.15;
/// Of a working day's contacts this share comes on a bank holiday, where a Sunday's is not more.
const HOLIDAY_SHARE: f64 = 0.08;

/// Events seen, and the minutes (times level) in which they were.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "(f32, f32)", into = "(f32, f32)")]
struct Seen {
    events: f32,
    minutes: f32,
}

/// In a snapshot there are thousands of them.
impl From<Seen> for (f32, f32) {
    fn from(seen: Seen) -> Self {
        (seen.events, seen.minutes)
    }
}

impl From<(f32, f32)> for Seen {
    fn from((events, minutes): (f32, f32)) -> Self {
        Self { events, minutes }
    }
}

impl Seen {
    fn add(&mut self, keep: f64, events: f64, minutes: f64) {
        self.events = (f64::from(self.events) * keep + events) as f32;
        self.minutes = (f64::from(self.minutes) * keep + minutes) as f32;
    }

    /// The rate, leaning on `rate` by `minutes`.
    fn rate(self, rate: f64, minutes: f64) -> f64 {
        in_range((f64::from(self.events) + minutes * rate) / (f64::from(self.minutes) + minutes), RATE)
    }
}

/// What is usual in a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// Contacts a minute.
    pub rate: f64,
    /// Relative variance of that rate: how little is known of it.
    pub variance: f64,
}

/// A quarter of an hour that has been lived through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lived {
    /// Which.
    pub slot: Slot,
    /// Contacts in it.
    pub events: f64,
    /// Minutes of it.
    pub minutes: f64,
    /// Contacts that had been expected.
    pub expected: f64,
    /// The relative variance they were expected with.
    pub variance: f64,
    /// No minute was missing.
    pub whole: bool,
    /// A surge was on, or had been lately.
    pub frozen: bool,
}

/// What one stream has learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Quarters of the week.
    own: Box<[Seen]>,
    /// Quarters of the day, of weekdays, Saturdays and Sundays.
    pool: Box<[Seen]>,
    /// Hours of the day, of the same.
    hour: Box<[Seen]>,
    /// All of it.
    mean: Seen,
    /// Visits in a row at which a quarter of the pool was frozen.
    frozen_visits: Box<[u8]>,
    /// Events of the level, and those expected without it.
    level_seen: [f64; 2],
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            own: vec![Seen::default(); SLOTS].into(),
            pool: vec![Seen::default(); 288].into(),
            hour: vec![Seen::default(); 72].into(),
            mean: Seen::default(),
            frozen_visits: vec![0; 288].into(),
            level_seen: [0.0; 2],
        }
    }
}

/// The places of a slot in pool and hour, and its kind of day: 0 weekday, 1 Saturday, 2 Sunday.
fn places(slot: Slot) -> (usize, usize, usize, usize) {
    let own = usize::from(slot.of_week).min(SLOTS - 1);
    let (day, quarter) = (own / 96, own % 96);
    let kind = day.saturating_sub(4);
    (own, kind * 96 + quarter, kind * 24 + quarter / 4, kind)
}

fn in_range(x: f64, range: [f64; 2]) -> f64 {
    if x.is_nan() { range[0] } else { x.clamp(range[0], range[1]) }
}

impl Baseline {
    /// The slow level: how this month runs beside what the quarters remember.
    fn level(&self) -> f64 {
        in_range((self.level_seen[0] + LEVEL_EVENTS) / (self.level_seen[1] + LEVEL_EVENTS), LEVEL)
    }

    /// The level fades with time, seen or not.
    pub fn pass(&mut self, keep: f64) {
        self.level_seen[0] *= keep;
        self.level_seen[1] *= keep;
    }

    /// What the level keeps over so many minutes.
    pub fn level_keep(minutes: f64) -> f64 {
        libm::exp2(-minutes / (LEVEL_DAYS * 1_440.0))
    }

    /// Whether this quarter of the day has been seen at all, on a day of its kind.
    pub fn knows(&self, slot: Slot) -> bool {
        self.pool[places(slot).1].minutes > 0.0
    }

    /// What is usual in a quarter of an hour.
    pub fn usual(&self, slot: Slot) -> Usual {
        let (own, pool, hour, _) = places(slot);
        let lean = |k: usize, rate: f64| LEAN_MINUTES[k].max(LEAN_EVENTS[k] / rate);
        let mean = self.mean.rate(NEW_RATE, NEW_MINUTES);
        let of_hour = self.hour[hour].rate(mean, lean(2, mean));
        let pool_lean = lean(1, of_hour);
        let of_pool = self.pool[pool].rate(of_hour, pool_lean);
        let own_lean = lean(0, of_pool);
        let of_own = self.own[own].rate(of_pool, own_lean);
        let known = f64::from(self.own[own].events)
            + (own_lean * of_pool).min(f64::from(self.pool[pool].events) + pool_lean * of_hour);
        let level = self.level();
        let mut rate = of_own * level;
        let mut variance = 1.0 / known.max(0.5);
        if slot.after_holiday {
            rate *= AFTER_HOLIDAY;
        }
        if slot.holiday {
            let weekday = usize::from(slot.of_week) % 96;
            rate = rate.max(self.pool[weekday].rate(of_hour, pool_lean) * HOLIDAY_SHARE * level);
            variance += 0.5;
        }
        Usual { rate: in_range(rate, RATE), variance }
    }

    /// Learns a quarter of an hour, unless it was a holiday, had a gap, or was frozen.
    pub fn learn(&mut self, lived: &Lived) {
        let (own, pool, hour, kind) = places(lived.slot);
        if !lived.whole {
            return;
        }
        if lived.frozen {
            self.frozen_visits[pool] = self.frozen_visits[pool].saturating_add(1);
        }
        if lived.slot.holiday || (lived.frozen && self.frozen_visits[pool] <= RELEASE_VISITS[kind]) {
            return;
        }
        if !lived.frozen {
            self.frozen_visits[pool] = 0;
        }
        // From the second visit on, what is far above the usual is learnt as less.
        let seen_before = self.pool[pool].minutes > 20.0;
        let mut events = in_range(lived.events, [0.0, 1e9]);
        let expected = in_range(lived.expected, [0.0, 1e9]);
        if seen_before {
            let variance = expected + (0.03 + lived.variance) * expected * expected;
            events = events.min(expected + WINSOR_SD * libm::sqrt(variance + 0.25) + 1.0);
        }
        let level = self.level();
        let minutes = lived.minutes * level;
        // A half-life of eight visits of the quarter itself; of its pool, hour and mean, eight weeks likewise.
        let keep = |visits: f64| libm::exp2(-1.0 / (8.0 * visits));
        let days = if kind == 0 { 5.0 } else { 1.0 };
        self.own[own].add(keep(1.0), events, minutes);
        self.pool[pool].add(keep(days), events, minutes);
        self.hour[hour].add(keep(4.0 * days), events, minutes);
        self.mean.add(keep(SLOTS as f64), events, minutes);
        if self.pool[pool].minutes > 20.0 {
            self.level_seen[0] += events;
            self.level_seen[1] += expected / level;
        }
    }

    /// A person says "this is the new normal": what was learnt counts a quarter from now on.
    pub fn forget(&mut self) {
        let fade = |seen: &mut Seen| {
            seen.events *= 0.25;
            seen.minutes *= 0.25;
        };
        self.own.iter_mut().chain(self.pool.iter_mut()).chain(self.hour.iter_mut()).for_each(fade);
        fade(&mut self.mean);
        self.frozen_visits.fill(0);
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.own) + size_of_val(&*self.pool) + size_of_val(&*self.hour) + self.frozen_visits.len()
    }
}
