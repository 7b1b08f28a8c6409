//! Handovers at a steady beat of the wall clock: every hour, day, week or month, or every n of them.
//!
//! Think of marks on the wall calendar: the first is the anchor, the others follow at equal steps of the clock on the
//! wall, in both directions without end. Each mark becomes an instant on its own, counted from the anchor and never from
//! the mark before, so that asking from now and walking there from the anchor give the same answer, and the night when
//! the clocks change moves one shift by an hour and none after it.
//!
//! A month that lacks the anchor's day uses its last one (31 January, 28 February, 31 March). Two marks of the skipped
//! hour fall on one instant: the turn between them has no time that night, and nobody else's turn moves because of it.

use super::span::Span;
use crate::domain::time::{Timestamp, resolve};
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The unit of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Every {
    /// Hours of the wall clock.
    Hour,
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
}

/// The most units of a beat; a rota that hands over more rarely than this is a standing list.
pub const STEP_MAX: u32 = 9_000;
/// Marks that may fall on one instant: every minute of a skipped day, and then some, would be a mistake.
const SAME_INSTANT_MAX: i64 = 48;

/// Why a beat was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a turn lasts from 1 to {STEP_MAX} units, not {n}")]
pub struct CadenceError {
    /// What was asked for.
    pub n: u32,
}

/// A steady beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    every: Every,
    n: u32,
    anchor: DateTime,
}

impl Cadence {
    /// Every `n` units from `anchor`, a wall-clock time (which may be one that the clocks skip).
    ///
    /// # Errors
    /// If `n` is not from 1 to [`STEP_MAX`]: a turn of no length would never end.
    pub fn new(every: Every, n: u32, anchor: DateTime) -> Result<Self, CadenceError> {
        if (1..=STEP_MAX).contains(&n) { Ok(Self { every, n, anchor }) } else { Err(CadenceError { n }) }
    }

    /// The handover at which turn `turn` begins; 0 is the anchor's, and there are turns before it. `None` beyond the
    /// years that calendars reach.
    pub fn handover(&self, turn: i64, zone: &TimeZone) -> Option<Timestamp> {
        let steps = turn.checked_mul(i64::from(self.n))?;
        let span = match self.every {
            Every::Hour => jiff::Span::new().try_hours(steps),
            Every::Day => jiff::Span::new().try_days(steps),
            Every::Week => jiff::Span::new().try_weeks(steps),
            Every::Month => jiff::Span::new().try_months(steps),
        };
        Some(resolve(self.anchor.checked_add(span.ok()?).ok()?, zone))
    }

    /// The turn that runs at `at`: the last whose handover has come.
    pub fn turn_at(&self, at: Timestamp, zone: &TimeZone) -> i64 {
        let local = zone.to_datetime(at);
        let n = i64::from(self.n);
        let apart = local.duration_since(self.anchor).as_secs();
        let units = match self.every {
            Every::Hour => apart.div_euclid(3_600),
            Every::Day => apart.div_euclid(86_400),
            Every::Week => apart.div_euclid(7 * 86_400),
            Every::Month => {
                let months = |date: DateTime| i64::from(date.year()) * 12 + i64::from(date.month());
                months(local) - months(self.anchor)
            }
        };
        // One or two too far at most, then back to the handover that has come.
        let guess = units.div_euclid(n);
        let not_yet = |turn: &i64| self.handover(*turn, zone).is_none_or(|begins| begins > at);
        (guess - SAME_INSTANT_MAX..=guess + 2).rev().find(|turn| !not_yet(turn)).unwrap_or(guess)
    }

    /// The shift that runs at `at`, [handover, next handover).
    pub fn shift_at(&self, at: Timestamp, zone: &TimeZone) -> Span {
        let turn = self.turn_at(at, zone);
        Span::new(self.handover(turn, zone).unwrap_or(Timestamp::MIN), self.after(turn, at, zone))
    }

    /// The first handover after `at`.
    pub fn next(&self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        self.after(self.turn_at(at, zone), at, zone)
    }

    fn after(&self, turn: i64, at: Timestamp, zone: &TimeZone) -> Timestamp {
        (1..=SAME_INSTANT_MAX)
            .map_while(|step| self.handover(turn + step, zone))
            .find(|begins| *begins > at)
            .unwrap_or(Timestamp::MAX)
    }

    /// The handovers around a window: the one that begins its first shift, those in it, and the one that ends its last.
    /// Each instant once; at most `max` of them.
    pub fn handovers(&self, window: &Span, max: usize, zone: &TimeZone) -> Vec<Timestamp> {
        let mut handovers = vec![self.shift_at(window.from, zone).from];
        while handovers.len() < max {
            let last = handovers[handovers.len() - 1];
            if last > window.to || last == Timestamp::MAX {
                break;
            }
            handovers.push(self.next(last, zone));
        }
        handovers
    }

    /// The unit.
    pub fn every(&self) -> Every {
        self.every
    }

    /// How many units a turn lasts.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The wall-clock time of the first handover.
    pub fn anchor(&self) -> DateTime {
        self.anchor
    }

    /// The weekly beat that the file's `from` and `handover` mean: the first such day at or after `from`.
    pub(super) fn weekly(
        n: u32,
        from: jiff::civil::Date,
        day: jiff::civil::Weekday,
        time: jiff::civil::Time,
    ) -> Option<Self> {
        let wait = i64::from(from.weekday().until(day));
        let first = from.checked_add(wait.days()).ok()?;
        Self::new(Every::Week, n, first.to_datetime(time)).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cadence(every: Every, n: u32, anchor: &str) -> Cadence {
        Cadence::new(every, n, anchor.parse().unwrap()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_thirty_first_is_the_last_day_of_shorter_months_and_itself_again_after_them() {
        let monthly = cadence(Every::Month, 1, "2025-01-31T00:00");
        let zone = TimeZone::UTC;
        let begins: Vec<String> = (0..4).map(|turn| monthly.handover(turn, &zone).unwrap().to_string()).collect();
        assert_eq!(
            begins,
            ["2025-01-31T00:00:00Z", "2025-02-28T00:00:00Z", "2025-03-31T00:00:00Z", "2025-04-30T00:00:00Z"]
        );
        assert_eq!(monthly.turn_at(at("2025-02-27T23:59:59Z"), &zone), 0);
        assert_eq!(monthly.turn_at(at("2025-02-28T00:00:00Z"), &zone), 1);
    }

    #[test]
    fn the_turn_of_the_skipped_hour_has_no_time_and_moves_nobody_elses() {
        let hourly = cadence(Every::Hour, 1, "2026-03-28T01:00");
        let zone = TimeZone::get("Europe/London").unwrap();
        // Turn 24 would be 01:00 to 02:00 on the 29th, which does not exist.
        assert_eq!(hourly.turn_at(at("2026-03-29T00:59:59Z"), &zone), 23);
        assert_eq!(hourly.turn_at(at("2026-03-29T01:00:00Z"), &zone), 25);
        assert_eq!(hourly.turn_at(at("2026-03-30T00:00:00Z"), &zone), 48);
    }

    #[test]
    fn turns_go_back_before_the_anchor_and_no_turn_is_empty() {
        let daily = cadence(Every::Day, 1, "2018-12-10T00:00");
        assert_eq!(daily.turn_at(at("2018-12-09T23:59:59Z"), &TimeZone::UTC), -1);
        assert_eq!(Cadence::new(Every::Day, 0, "2018-12-10T00:00".parse().unwrap()), Err(CadenceError { n: 0 }));
    }
}
