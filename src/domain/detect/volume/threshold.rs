//! How rare is rare enough: the line of one stream, drawn from the highest score of each of its own last 240 days.
//!
//! A score says "once in so many years" if the stream were what the model takes it for. Streams are not, each in its
//! own way, so the line is moved to where *this* stream's daily maxima say that it would be crossed as often as the
//! council can bear. Only days that stood far above their own line are left out: they were incidents.

use serde::{Deserialize, Serialize};

/// Days remembered: fewer are too few to read a tail from, more no better.
const DAYS: usize = 240;
/// Days before the line moves from its beginning.
const DAYS_LEAST: usize = 28;
/// A day that exceeds its own line by so much (2.7 times as rare) was an incident...
const INCIDENT: f64 = 1.0;
/// ...but no more than this share of days are.
const INCIDENTS_MAX: f64 = 0.1;
/// The tail is read above this quantile of the days...
const QUANTILE: f64 = 0.8;
/// ...which is taken as at least this.
const FLOOR: f64 = -5.0;
/// One day's excess counts at most this.
const EXCESS_MAX: f64 = 8.0;
/// Days of a slope of 1 that the slope leans on.
const SLOPE_DAYS: f64 = 6.0;
/// Range of the slope.
const SLOPE: [f64; 2] = [1.0, 3.0];
/// For one false alarm a year: the line of a young stream, and the days over which it is given up.
const YOUNG: (f64, f64) = (1.0, 30.0);
/// For one false alarm a year: the range of the line.
const LINE: [f64; 2] = [-1.5, 6.0];

/// The line of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    per_year: f64,
    /// Highest score of a day, and the line on that day; oldest first.
    days: Vec<(f32, f32)>,
    line: f64,
}

impl Threshold {
    /// For so many false alarms a year.
    pub fn new(per_year: f64) -> Self {
        let mut threshold = Self { per_year: 1.0, days: Vec::new(), line: YOUNG.0 };
        threshold.bear(per_year);
        threshold.line -= libm::log(threshold.per_year);
        threshold
    }

    /// For so many false alarms a year, from the next day on.
    pub fn bear(&mut self, per_year: f64) {
        self.per_year = if per_year.is_nan() { 1.0 } else { per_year.clamp(1e-3, 1e3) };
    }

    /// The line now.
    pub fn line(&self) -> f64 {
        self.line
    }

    /// A day has ended with this highest score.
    pub fn day(&mut self, highest: f64) {
        if self.days.len() == DAYS {
            self.days.remove(0);
        }
        let highest = if highest.is_nan() { -30.0 } else { highest.clamp(-30.0, 1e6) };
        self.days.push((highest as f32, self.line as f32));
        if self.days.len() >= DAYS_LEAST {
            self.line = self.draw();
        }
    }

    fn draw(&self) -> f64 {
        let days = self.days.len();
        let excess = |day: &(f32, f32)| f64::from(day.0) - f64::from(day.1);
        let mut plain: Vec<(f32, f32)> = self.days.clone();
        plain.sort_by(|a, b| excess(a).total_cmp(&excess(b)));
        let incidents = plain.iter().filter(|day| excess(day) >= INCIDENT).count();
        plain.truncate(days - incidents.min((INCIDENTS_MAX * days as f64) as usize));
        let mut scores: Vec<f64> = plain.iter().map(|day| f64::from(day.0)).collect();
        scores.sort_by(f64::total_cmp);
        let at = QUANTILE * (scores.len() - 1) as f64;
        let (low, part) = (at as usize, at - (at as usize) as f64);
        let high = (low + 1).min(scores.len() - 1);
        let from = (scores[low] * (1.0 - part) + scores[high] * part).max(FLOOR);
        let above: Vec<f64> = scores.iter().filter(|s| **s > from).map(|s| (s - from).min(EXCESS_MAX)).collect();
        let share = (above.len() as f64).max(0.5) / scores.len() as f64;
        let slope = (above.iter().sum::<f64>() + SLOPE_DAYS) / (above.len() as f64 + SLOPE_DAYS);
        let slope = slope.clamp(SLOPE[0], SLOPE[1]);
        let own = from + slope * libm::log(365.25 * share / self.per_year);
        let weight = days as f64 / (days as f64 + YOUNG.1);
        // Twice as many false alarms are half as rare.
        let easier = libm::log(self.per_year);
        (weight * own + (1.0 - weight) * (YOUNG.0 - easier)).clamp(LINE[0] - easier, LINE[1] - easier)
    }
}
