//! The last hours: counts and what was expected, in windows of 5 to 160 minutes; and how much wider than a Poisson the
//! counts of each window scatter.
//!
//! The ring holds running totals, so that a window is a difference of two of them. Beside them run events and
//! expectation that fade with a half-life of two hours: how *today* runs. A window takes that level as it stood
//! before the window began, so that a long window cannot swallow its own surge, and it knows how uncertain the
//! level is: quiet just after opening time, sharp at noon.

use super::tail;
use serde::{Deserialize, Serialize};

/// Windows, minutes. More of them, longer or shorter ones, gain nothing (see README.md of the folder above).
pub const WINDOWS_MIN: [f64; 6] = [5.0, 10.0, 20.0, 40.0, 80.0, 160.0];
/// Half-life of today's level, minutes.
const TODAY_MIN: f64 = 120.0;
/// The level is taken so long before the window begins, minutes.
const GUARD_MIN: f64 = 10.0;
/// Events by which today's level leans on 1.
const TODAY_EVENTS: f64 = 60.0;
/// Range of today's level.
const TODAY: [f64; 2] = [0.76, 1.30];
/// Fewer contacts than this are never a surge.
const COUNT_LEAST: f64 = 3.0;
/// Nor are fewer than so many times the usual.
const RATIO_LEAST: f64 = 1.15;
/// Half-life of the scatter, days.
const SCATTER_DAYS: f64 = 28.0;
/// Scatter of small counts: the prior, its weight, its range.
const SMALL: (f64, f64, [f64; 2]) = (0.3, 30.0, [0.05, 3.0]);
/// Scatter of large counts: the prior, its weight, its range.
const LARGE: (f64, f64, [f64; 2]) = (0.03, 2_000.0, [0.004, 1.0]);
/// Below this expectation a window is one of small counts.
const SMALL_BELOW: f64 = 4.0;
/// Large counts scatter differently in quiet and in busy hours, so each size has a scatter of its own: from the small
/// ones to this, to this, and above.
const LARGE_BELOW: [f64; 2] = [20.0, 100.0];
/// Drops are looked for where so many were expected at least.
const DROP_LEAST: f64 = 20.0;
/// Minutes of a year.
const YEAR_MIN: f64 = 525_600.0;

/// Running totals after a step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Mark {
    count: f64,
    expected: f64,
    variance: f64,
    today_count: f32,
    today_expected: f32,
}

/// How counts of one window scatter: sums of squared errors beyond Poisson, and their weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Scatter {
    small: [f64; 2],
    /// By size of the expectation.
    large: [[f64; 2]; 3],
}

impl Scatter {
    fn new() -> Self {
        Self { small: [SMALL.0 * SMALL.1, SMALL.1], large: [[LARGE.0 * LARGE.1, LARGE.1]; 3] }
    }

    fn size(expected: f64) -> usize {
        LARGE_BELOW.iter().filter(|limit| expected >= **limit).count()
    }

    /// Variance is `L + small * L + large * L^2`, where L is expected.
    fn of(&self, expected: f64) -> (f64, f64) {
        let large = self.large[Self::size(expected)];
        (self.small[0] / self.small[1], large[0] / large[1])
    }

    fn learn(&mut self, sums: &Sums, keep: f64) {
        let Sums { count, expected, variance, .. } = *sums;
        let (small, large) = self.of(expected);
        let limit = 4.0 * libm::sqrt((expected + small * expected + large * expected * expected + 0.05).max(0.0)) + 1.0;
        let miss = (count - expected).clamp(-limit, limit);
        let beyond = miss * miss - expected - variance;
        if expected < SMALL_BELOW {
            self.small[0] = self.small[0] * keep + beyond + (1.0 - keep) * SMALL.0 * SMALL.1;
            self.small[1] = self.small[1] * keep + expected + (1.0 - keep) * SMALL.1;
        } else {
            let beyond = beyond - small.min(1.0) * expected;
            let large = &mut self.large[Self::size(expected)];
            large[0] = large[0] * keep + beyond + (1.0 - keep) * LARGE.0 * LARGE.1;
            large[1] = large[1] * keep + expected * expected + (1.0 - keep) * LARGE.1;
        }
    }
}

/// A window's counts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sums {
    count: f64,
    expected: f64,
    /// Variance of the expectation itself: of the baseline, and of today's level.
    variance: f64,
}

/// The most unusual window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// ln of the return period in years: 0 is a once-a-year window. -30 where nothing is unusual.
    pub score: f64,
    /// The window, minutes.
    pub window_min: f64,
    /// Contacts in it.
    pub count: f64,
    /// Contacts expected in it.
    pub expected: f64,
    /// Its relative variance beyond Poisson.
    pub psi: f64,
    /// It is unusually few.
    pub drop: bool,
}

impl Reading {
    /// The score of nothing unusual.
    pub const NOTHING: f64 = -30.0;

    fn nothing() -> Self {
        Self { score: Self::NOTHING, window_min: 0.0, count: 0.0, expected: 0.0, psi: 0.0, drop: false }
    }
}

/// One window of the set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Window {
    steps: u64,
    /// How far back today's level is taken.
    back: u64,
    minutes: f64,
    /// Price of looking so often: ln of the windows of this length in a year, and of the number of lengths.
    price: f64,
    /// What its scatter keeps from one window to the next.
    keep: f64,
    scatter: Scatter,
}

/// The ring of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    marks: Box<[Mark]>,
    /// Steps so far; the mark after step t is at t modulo the ring's length.
    steps: u64,
    windows: Vec<Window>,
    keep_today: f64,
}

/// What a step adds that is not its count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extra {
    /// Relative variance added on a holiday, and on the day after.
    pub psi: f64,
    /// Drops count as well.
    pub drops: bool,
}

impl Windows {
    /// A ring for steps of so many minutes.
    pub fn new(step_min: f64) -> Self {
        let steps_of = |minutes: f64| (libm::round(minutes / step_min) as u64).max(1);
        let mut lengths: Vec<u64> = WINDOWS_MIN.iter().map(|minutes| steps_of(*minutes)).collect();
        lengths.dedup();
        let n = lengths.len() as f64;
        let guard = steps_of(GUARD_MIN);
        let windows: Vec<Window> = lengths
            .into_iter()
            .map(|steps| {
                let minutes = steps as f64 * step_min;
                Window {
                    steps,
                    back: steps + guard,
                    minutes,
                    price: libm::log(n * YEAR_MIN / minutes),
                    keep: libm::exp2(-minutes / (SCATTER_DAYS * 1_440.0)),
                    scatter: Scatter::new(),
                }
            })
            .collect();
        let reach = windows.iter().map(|window| window.back).max().unwrap_or(1) + 1;
        Self {
            marks: vec![Mark::default(); usize::try_from(reach).unwrap_or(256).next_power_of_two()].into(),
            steps: 0,
            windows,
            keep_today: libm::exp2(-step_min / TODAY_MIN),
        }
    }

    fn mark(&self, step: u64) -> Mark {
        self.marks[step as usize & (self.marks.len() - 1)]
    }

    /// Begins a step in which so many are expected; its contacts follow by [`Windows::add`].
    pub fn begin(&mut self, expected: f64, variance: f64) {
        let mut last = self.mark(self.steps);
        if last.expected > 1e7 || last.count > 1e7 || last.variance > 1e9 {
            // Totals are only ever subtracted from each other: begin anew before they lose their small digits.
            let base = self.mark(self.steps.saturating_sub(self.marks.len() as u64 - 1));
            for mark in &mut self.marks {
                mark.count -= base.count;
                mark.expected -= base.expected;
                mark.variance -= base.variance;
            }
            last = self.mark(self.steps);
        }
        self.steps += 1;
        let mask = self.marks.len() - 1;
        self.marks[self.steps as usize & mask] = Mark {
            count: last.count,
            expected: last.expected + expected,
            variance: last.variance + variance,
            today_count: (f64::from(last.today_count) * self.keep_today) as f32,
            today_expected: (f64::from(last.today_expected) * self.keep_today + expected) as f32,
        };
    }

    /// Adds contacts to the step that began so many steps ago; older ones than the ring are left out.
    pub fn add(&mut self, count: f64, steps_ago: u64) {
        let mask = self.marks.len() - 1;
        if steps_ago >= self.marks.len() as u64 || steps_ago >= self.steps {
            return;
        }
        let mut share = count;
        for step in self.steps - steps_ago..=self.steps {
            let mark = &mut self.marks[step as usize & mask];
            mark.count += count;
            mark.today_count = (f64::from(mark.today_count) + share) as f32;
            share *= self.keep_today;
        }
    }

    /// Contacts of the last so many steps.
    pub fn count(&self, steps: u64) -> f64 {
        self.mark(self.steps).count - self.mark(self.steps.saturating_sub(steps)).count
    }

    fn sums(&self, window: &Window) -> Sums {
        let (now, then) = (self.mark(self.steps), self.mark(self.steps - window.steps));
        let before = self.mark(self.steps.saturating_sub(window.back));
        let (seen, base) = (f64::from(before.today_count), TODAY_EVENTS + f64::from(before.today_expected));
        let today = ((TODAY_EVENTS + seen) / base).clamp(TODAY[0], TODAY[1]);
        let expected = (now.expected - then.expected).max(0.0) * today;
        let variance = (now.variance - then.variance).max(0.0) * today * today + expected * expected / (today * base);
        Sums { count: now.count - then.count, expected, variance }
    }

    /// The most unusual window that ends with this step.
    pub fn look(&self, extra: Extra) -> Reading {
        let mut best = Reading::nothing();
        for window in &self.windows {
            if self.steps < window.steps {
                continue;
            }
            let sums = self.sums(window);
            let Sums { count, expected, variance } = sums;
            let up = count >= COUNT_LEAST && count > expected * RATIO_LEAST;
            let down = extra.drops && expected >= DROP_LEAST && count < expected / RATIO_LEAST;
            if !up && !down {
                continue;
            }
            let (small, large) = window.scatter.of(expected);
            let mean = expected.max(1e-6);
            let psi = large.clamp(LARGE.2[0], LARGE.2[1])
                + small.clamp(SMALL.2[0], SMALL.2[1]) / mean.max(0.25)
                + variance / (mean * mean)
                + extra.psi;
            // Two standard deviations are nothing; and they spare the tail nearly always.
            let miss = count - expected;
            if miss * miss < 4.0 * (mean + psi * mean * mean) {
                continue;
            }
            let surprise = if up { tail::upper(count, mean, psi) } else { tail::lower(count, mean, psi) };
            let score = surprise - window.price;
            if score > best.score {
                best = Reading { score, window_min: window.minutes, count, expected, psi, drop: down };
            }
        }
        best
    }

    /// Learns how the windows that end with this step scatter.
    pub fn learn(&mut self) {
        for at in 0..self.windows.len() {
            let window = self.windows[at];
            if self.steps.is_multiple_of(window.steps) {
                let sums = self.sums(&window);
                self.windows[at].scatter.learn(&sums, window.keep);
            }
        }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.marks) + size_of_val(&*self.windows)
    }
}
