//! Volume surge of one stream: is this many contacts unusual for this hour, and how unusual?
//!
//! [`Volume`] is told of one step of time after the other (a minute, as a rule) and of the contacts in it. It knows what
//! is usual for the quarter of the hour ([`baseline`]), compares the last 5 to 160 minutes with it ([`windows`]),
//! says how surprising they are ([`tail`]) as a return period in years, and draws the line where this stream would
//! cross it by chance as often as the council can bear ([`threshold`]).
//!
//! Pure arithmetic over its arguments; about 20 kB a stream. Nothing here is tuned to a stream or a set of data.
//! Not here: which streams there are, and what a surge leads to.

pub mod baseline;
pub mod tail;
pub mod threshold;
pub mod week;
pub mod windows;

use baseline::{Baseline, Lived, Usual};
use serde::{Deserialize, Serialize};
use threshold::Threshold;
use week::{SLOT_S, Slot, Week};
use windows::{Extra, Reading, Windows};

/// At or above this score a stream's quarters are not learnt: once a year is no ordinary quarter.
const FREEZE_AT: f64 = 0.0;
/// A surge is over when the score has been so far below for so long.
const FREEZE_BELOW: f64 = 6.0;
/// Minutes for which it has to be below.
const CALM_MIN: f64 = 60.0;
/// Minutes after which it is over whatever the score: a stream must never be locked.
const FREEZE_MAX_MIN: f64 = 7.0 * 1_440.0;
/// Minutes after its end in which nothing is learnt yet.
const THAW_MIN: f64 = 1_440.0;
/// A model of less than this many days freezes nothing.
const YOUNG_MIN: f64 = 14.0 * 1_440.0;
/// Of days in which less than this share was seen, the highest score is not remembered.
const DAY_SEEN: f64 = 0.5;
/// Relative variance added on a bank holiday, and on the first working day after one.
const HOLIDAY_PSI: f64 = 0.10;
const AFTER_HOLIDAY_PSI: f64 = 0.02;
/// Seconds of a day, in which highest scores are kept (UTC).
const DAY_S: i64 = 86_400;

/// What a detector is to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Aim {
    /// False alarms a year that this stream may give.
    pub false_alarms_per_year: f64,
    /// Seconds of a step; a minute, as a rule.
    pub step_s: i64,
    /// Unusually few count as well.
    pub two_sided: bool,
}

impl Default for Aim {
    fn default() -> Self {
        Self { false_alarms_per_year: 1.0, step_s: 60, two_sided: false }
    }
}

/// What the last step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The most unusual window.
    pub reading: Reading,
    /// The line of this stream.
    pub threshold: f64,
}

impl Verdict {
    /// How far the score stands above the stream's line: 0 and more is a surge.
    pub fn margin(&self) -> f64 {
        self.reading.score - self.threshold
    }
}

/// The freeze: while a surge is on, and a day after, quarters are not learnt.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Freeze {
    on: bool,
    on_min: f64,
    calm_min: f64,
    thaw_min: f64,
}

impl Freeze {
    fn step(&mut self, score: f64, step_min: f64, young: bool) {
        if self.on {
            self.on_min += step_min;
            self.calm_min = if score >= FREEZE_AT - FREEZE_BELOW { 0.0 } else { self.calm_min + step_min };
            if self.calm_min >= CALM_MIN || self.on_min > FREEZE_MAX_MIN {
                *self = Self { thaw_min: THAW_MIN, ..Self::default() };
            }
        } else if score >= FREEZE_AT && !young {
            *self = Self { on: true, ..Self::default() };
        }
        if !self.on {
            self.thaw_min = (self.thaw_min - step_min).max(0.0);
        }
    }

    fn holds(&self) -> bool {
        self.on || self.thaw_min > 0.0
    }
}

/// The quarter of an hour that is being lived through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Quarter {
    slot: Slot,
    usual: Usual,
    steps: u64,
    expected: f64,
    whole: bool,
    frozen: bool,
}

/// The detector of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    aim: Aim,
    step_min: f64,
    level_keep: f64,
    baseline: Baseline,
    windows: Windows,
    threshold: Threshold,
    freeze: Freeze,
    quarter: Option<Quarter>,
    /// The step under way began at this instant, unix seconds.
    at_s: i64,
    /// Whether it is seen: the feed is up.
    covered: bool,
    /// Minutes lived through, and those of them that were seen.
    lived_min: f64,
    seen_min: f64,
    /// Highest score of the day, and minutes of it that were seen.
    day_highest: f64,
    day_seen_min: f64,
}

impl Volume {
    /// A stream of which nothing is known.
    pub fn new(aim: Aim) -> Self {
        let aim = Aim { step_s: aim.step_s.clamp(1, DAY_S), ..aim };
        let step_min = aim.step_s as f64 / 60.0;
        Self {
            aim,
            step_min,
            level_keep: Baseline::level_keep(step_min),
            baseline: Baseline::default(),
            windows: Windows::new(step_min),
            threshold: Threshold::new(aim.false_alarms_per_year),
            freeze: Freeze::default(),
            quarter: None,
            at_s: i64::MIN,
            covered: true,
            lived_min: 0.0,
            seen_min: 0.0,
            day_highest: Reading::NOTHING,
            day_seen_min: 0.0,
        }
    }

    /// What it is to do.
    pub fn aim(&self) -> Aim {
        self.aim
    }

    /// So many false alarms a year, from the next day on.
    pub fn bear(&mut self, false_alarms_per_year: f64) {
        self.aim.false_alarms_per_year = false_alarms_per_year;
        self.threshold.bear(false_alarms_per_year);
    }

    /// Days of data that it has seen.
    pub fn seen_days(&self) -> f64 {
        self.seen_min / 1_440.0
    }

    /// The instant at which the step under way began, unix seconds; `i64::MIN` before the first.
    pub fn at_s(&self) -> i64 {
        self.at_s
    }

    /// Lives through one whole step that begins at `at_s`, with its contacts, and says what it came to.
    pub fn step(&mut self, week: &(impl Week + ?Sized), at_s: i64, count: u32, covered: bool) -> Verdict {
        self.begin(week, at_s, covered);
        self.add(count, 0);
        self.end()
    }

    /// Begins a step: `at_s` is its beginning in unix seconds; not covered means that the feed is down.
    pub fn begin(&mut self, week: &(impl Week + ?Sized), at_s: i64, covered: bool) {
        if at_s.div_euclid(DAY_S) != self.at_s.div_euclid(DAY_S) && self.at_s != i64::MIN {
            self.end_day();
        }
        let new_quarter = at_s.div_euclid(SLOT_S) != self.at_s.div_euclid(SLOT_S);
        self.at_s = at_s;
        self.covered = covered;
        if new_quarter || self.quarter.is_none() {
            self.end_quarter();
            let slot = week.slot(at_s);
            let usual = self.baseline.usual(slot);
            self.quarter = Some(Quarter { slot, usual, steps: 0, expected: 0.0, whole: true, frozen: false });
        }
        self.baseline.pass(self.level_keep);
        let Some(quarter) = &mut self.quarter else { return };
        quarter.steps += 1;
        quarter.whole &= covered;
        let rate = if covered { quarter.usual.rate } else { 0.0 };
        let expected = rate * self.step_min;
        quarter.expected += expected;
        // The rate errs the same way for the whole quarter, so its errors add up as one.
        self.windows.begin(expected, rate * expected * 15.0 * quarter.usual.variance);
    }

    /// Adds contacts to the step under way, or to one that began so many steps ago.
    pub fn add(&mut self, count: u32, steps_ago: u64) {
        if count > 0 && self.covered {
            self.windows.add(f64::from(count), steps_ago);
        }
    }

    /// What the step under way comes to so far.
    pub fn look(&self) -> Verdict {
        let slot = self.quarter.map(|quarter| quarter.slot).unwrap_or_default();
        let psi = match slot {
            Slot { holiday: true, .. } => HOLIDAY_PSI,
            Slot { after_holiday: true, .. } => AFTER_HOLIDAY_PSI,
            _ => 0.0,
        };
        let reading = self.windows.look(Extra { psi, drops: self.aim.two_sided });
        Verdict { reading, threshold: self.threshold.line() }
    }

    /// Ends the step under way: learns from it, and says what it came to.
    pub fn end(&mut self) -> Verdict {
        let verdict = self.look();
        let score = verdict.reading.score;
        if !self.freeze.holds() && self.covered {
            self.windows.learn();
        }
        self.freeze.step(score, self.step_min, self.lived_min <= YOUNG_MIN);
        if let Some(quarter) = &mut self.quarter {
            quarter.frozen |= self.freeze.holds();
        }
        self.lived_min += self.step_min;
        if self.covered {
            self.seen_min += self.step_min;
            self.day_seen_min += self.step_min;
        }
        self.day_highest = self.day_highest.max(score);
        verdict
    }

    fn end_quarter(&mut self) {
        let Some(quarter) = self.quarter.take() else { return };
        let minutes = quarter.steps as f64 * self.step_min;
        let lived = Lived {
            slot: quarter.slot,
            events: self.windows.count(quarter.steps),
            minutes,
            expected: quarter.expected,
            variance: quarter.usual.variance,
            whole: quarter.whole && minutes >= 15.0,
            frozen: quarter.frozen,
        };
        self.baseline.learn(&lived);
    }

    fn end_day(&mut self) {
        if self.day_seen_min >= DAY_SEEN * 1_440.0 {
            self.threshold.day(self.day_highest);
        }
        self.day_highest = Reading::NOTHING;
        self.day_seen_min = 0.0;
    }

    /// A person says "this is the new normal".
    pub fn forget(&mut self) {
        self.baseline.forget();
    }
}

#[cfg(test)]
mod tests;
