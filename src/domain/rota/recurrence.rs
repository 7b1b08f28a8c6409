//! Shifts with time between them: every Friday night, each weekend day another person, every second Saturday.
//!
//! Two things that people call "every two weeks" are kept apart. A [`super::cadence::Cadence`] of two weeks gives each
//! person two weeks on end. Here, every second week means that only every second week has a shift at all. And every two
//! days, on named days of the week, gives each person two of the named days.
//!
//! Turns are counted from the first day, also where shifts begin to count later: putting off the start of a rota does
//! not reshuffle who comes when.

use super::cadence::{Every, STEP_MAX};
use super::span::Span;
use crate::domain::time::{SignedDuration, Timestamp, resolve, resolve_last};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

/// The longest shift: a month.
pub const SHIFT_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Days that the search for the next shift looks at.
const AHEAD_DAYS: i64 = 800;

/// Shifts of one length at certain times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// The wall-clock time of the first shift; the time of day of all of them, unless they recur by the hour.
    pub start: DateTime,
    /// How long a shift lasts on the wall clock; up to [`SHIFT_MAX`].
    pub length: SignedDuration,
    /// The unit.
    pub every: Every,
    /// How many units.
    pub n: u32,
    /// On these days of the week only (Monday first), if any are named.
    pub weekdays: Option<[bool; 7]>,
    /// On these days of the month only, if any are named. From 1; beyond a month's end it has none.
    pub monthdays: Vec<i8>,
}

impl Recurrence {
    /// The shift that runs at `at` and its turn, from 0; the one that began last, if several run.
    pub fn shift_at(&self, at: Timestamp, zone: &TimeZone) -> Option<(Span, i64)> {
        self.starts_before(at, zone)
            .into_iter()
            .map(|(start, turn)| (self.span(start, zone), turn))
            .filter(|(span, _)| span.contains(at))
            .max_by_key(|(span, _)| span.from)
    }

    /// The first shift that begins after `at`, and its turn.
    pub fn next_shift(&self, at: Timestamp, zone: &TimeZone) -> Option<(Span, i64)> {
        let local = zone.to_datetime(at);
        if self.every == Every::Hour {
            let beat = i64::from(self.n);
            let first = local.duration_since(self.start).as_hours().div_euclid(beat) - 2;
            return (first.max(0)..first.max(0) + AHEAD_DAYS)
                .filter_map(|turn| Some((self.hour(turn)?, turn)))
                .map(|(start, turn)| (self.span(start, zone), turn))
                .find(|(span, _)| span.from > at);
        }
        let today = local.date().max(self.start.date());
        (0..AHEAD_DAYS)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .filter_map(|date| Some((date.to_datetime(self.start.time()), self.turn_on(date)?)))
            .map(|(start, turn)| (self.span(start, zone), turn))
            .find(|(span, _)| span.from > at)
    }

    /// The turn of the shift that begins on `date`, if one does.
    pub fn turn_on(&self, date: Date) -> Option<i64> {
        let first = self.start.date();
        if date < first || !self.is_named(date) {
            return None;
        }
        let n = i64::from(self.n.clamp(1, STEP_MAX));
        let days = days_between(first, date);
        let by_step = |steps: i64| (steps % n == 0).then_some(steps / n);
        match self.every {
            Every::Hour => None,
            Every::Day if self.weekdays.is_some() || !self.monthdays.is_empty() => Some(self.named_before(date) / n),
            Every::Day => by_step(days),
            Every::Week if self.weekdays.is_some() => by_step(days_between(monday(first)?, monday(date)?) / 7),
            Every::Week => (days % 7 == 0).then_some(days / 7).and_then(by_step),
            Every::Month => {
                let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
                let apart = months(date) - months(first);
                let named = self.weekdays.is_some() || !self.monthdays.is_empty();
                let same_day = first.checked_add(apart.months()).ok() == Some(date);
                if named || same_day { by_step(apart) } else { None }
            }
        }
    }

    fn is_named(&self, date: Date) -> bool {
        let weekday = date.weekday().to_monday_zero_offset() as usize;
        self.weekdays.is_none_or(|days| days[weekday])
            && (self.monthdays.is_empty() || self.monthdays.contains(&date.day()))
    }

    /// How many named days lie from the first day up to, not including, `date`.
    fn named_before(&self, date: Date) -> i64 {
        let first = self.start.date();
        let days = days_between(first, date);
        if self.monthdays.is_empty()
            && let Some(named) = self.weekdays
        {
            let whole = days / 7;
            let a_week = named.iter().filter(|day| **day).count() as i64;
            let begins = first.weekday().to_monday_zero_offset() as i64;
            let rest = (0..days % 7).filter(|day| named[((begins + day) % 7) as usize]).count() as i64;
            return whole * a_week + rest;
        }
        (0..days).filter_map(|day| first.checked_add(day.days()).ok()).filter(|day| self.is_named(*day)).count() as i64
    }

    /// The wall-clock time of the `turn`th shift that recurs by the hour.
    fn hour(&self, turn: i64) -> Option<DateTime> {
        let hours = turn.checked_mul(i64::from(self.n))?;
        let start = self.start.checked_add(jiff::Span::new().try_hours(hours).ok()?).ok()?;
        self.is_named(start.date()).then_some(start)
    }

    /// The wall-clock times of shifts that may still run at `at`, with their turns.
    fn starts_before(&self, at: Timestamp, zone: &TimeZone) -> Vec<(DateTime, i64)> {
        let local = zone.to_datetime(at);
        if self.every == Every::Hour {
            let beat = i64::from(self.n.clamp(1, STEP_MAX));
            let newest = local.duration_since(self.start).as_hours().div_euclid(beat) + 2;
            let reach = self.length.as_hours().div_euclid(beat) + 4;
            return ((newest - reach).max(0)..=newest).filter_map(|turn| Some((self.hour(turn)?, turn))).collect();
        }
        let reach = self.length.as_hours().div_euclid(24) + 2;
        (-1..=reach)
            .filter_map(|days| local.date().checked_sub(days.days()).ok())
            .filter_map(|date| Some((date.to_datetime(self.start.time()), self.turn_on(date)?)))
            .collect()
    }

    fn span(&self, start: DateTime, zone: &TimeZone) -> Span {
        let length = self.length.min(SHIFT_MAX);
        Span::new(resolve(start, zone), resolve_last(start.saturating_add(length), zone))
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

fn monday(date: Date) -> Option<Date> {
    let back = i64::from(Weekday::Monday.until(date.weekday()));
    date.checked_sub(back.days()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Who comes on which day, `.` for nobody: three people, from Monday 3 August 2026.
    fn month(every: Every, n: u32, days: &str) -> String {
        let mut weekdays = [false; 7];
        let named = crate::domain::calendar::weekdays(days).unwrap();
        named.into_iter().for_each(|day| weekdays[day.to_monday_zero_offset() as usize] = true);
        let start: DateTime = "2026-08-03T00:00".parse().unwrap();
        let length = SignedDuration::from_hours(24);
        let recurrence = Recurrence { start, length, every, n, weekdays: Some(weekdays), monthdays: vec![] };
        let noon = |day: i64| resolve(start.saturating_add(SignedDuration::from_hours(24 * day + 12)), &TimeZone::UTC);
        (0..28)
            .map(|day| recurrence.shift_at(noon(day), &TimeZone::UTC))
            .map(|shift| shift.map_or('.', |(_, turn)| ['a', 'b', 'c'][turn as usize % 3]))
            .collect()
    }

    #[test]
    fn every_second_week_and_two_days_each_are_different_things() {
        assert_eq!(month(Every::Day, 1, "Sat-Sun"), ".....ab.....ca.....bc.....ab");
        assert_eq!(month(Every::Day, 2, "Sat-Sun"), ".....aa.....bb.....cc.....aa");
        assert_eq!(month(Every::Week, 1, "Sat-Sun"), ".....aa.....bb.....cc.....aa");
        assert_eq!(month(Every::Week, 2, "Sat-Sun"), ".....aa............bb.......");
    }
}
