//! When a rotation counts: days of the week and hours of the clock, core hours, and everything else.
//!
//! A line of the rota reads as the sheet on the wall does: `Mon-Fri 17:00-09:00`, `Sat-Sun and holidays 00:00-24:00`,
//! `Fri 17:00 - Mon 09:00`, `out of hours`. A window belongs to the day on which it begins, and ends on the next day
//! where its end is not later than its start; windows that touch are one.
//!
//! Cover overlaps rather than gaps: where a window begins in the repeated hour it begins the first time, where it ends
//! in it, it ends the last time. In the skipped hour both are the first instant after the gap.

use super::span::Span;
use crate::domain::calendar::{Calendar, clock, weekday, weekdays};
use crate::domain::time::{Timestamp, resolve, resolve_last};
use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};

/// How far back a window may have begun that still runs: a week and a day of change.
const REACH_DAYS: i64 = 8;
/// How far ahead the next window is searched for: a rule for bank holidays waits for one at most so long.
const AHEAD_DAYS: i64 = 400;
/// Windows that touch and are put together: a year of days.
const TOUCHING_MAX: usize = 400;

/// What a bank holiday is to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holidays {
    /// The day of the week that it falls on.
    AsAnyDay,
    /// Left out, whatever day it falls on.
    Out,
    /// A day of its own on which the rule holds, beside the days of the week that it names.
    In,
}

/// Certain days, from one time of the clock to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekRule {
    /// Monday first.
    pub days: [bool; 7],
    /// What a bank holiday is to it.
    pub holidays: Holidays,
    /// Begins.
    pub from: Time,
    /// Ends; on the next day where it is not later than `from`.
    pub to: Time,
}

/// One stretch of each week, e.g. Friday 17:00 to Monday 09:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekSpan {
    /// Day and time at which it begins.
    pub from: (Weekday, Time),
    /// Day and time at which it ends; the same as `from` is a whole week.
    pub to: (Weekday, Time),
}

/// When something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Certain days and hours.
    Rule(WeekRule),
    /// One stretch of each week.
    Week(WeekSpan),
    /// The council is at work.
    Core,
    /// It is not: whatever core hours leave.
    OutOfHours,
}

impl WeekRule {
    /// Every day from one time to another.
    pub fn daily(from: Time, to: Time) -> Self {
        Self { days: [true; 7], holidays: Holidays::AsAnyDay, from, to }
    }

    /// The window that begins on `date`, if one does.
    fn begins_on(&self, date: Date, calendar: &Calendar) -> Option<Span> {
        let named = self.days[date.weekday().to_monday_zero_offset() as usize];
        let holiday = calendar.holidays.contains_key(&date);
        let counts = match self.holidays {
            Holidays::AsAnyDay => named,
            Holidays::Out => named && !holiday,
            Holidays::In => named || holiday,
        };
        let ends = if self.to <= self.from { date.tomorrow().ok()? } else { date };
        counts.then(|| {
            let from = resolve(date.to_datetime(self.from), &calendar.zone);
            Span::new(from, resolve_last(ends.to_datetime(self.to), &calendar.zone))
        })
    }
}

impl WeekSpan {
    fn begins_on(&self, date: Date, calendar: &Calendar) -> Option<Span> {
        if date.weekday() != self.from.0 {
            return None;
        }
        let days = match i64::from(self.from.0.until(self.to.0)) {
            0 if self.to.1 <= self.from.1 => 7,
            days => days,
        };
        let ends = date.checked_add(days.days()).ok()?;
        let from = resolve(date.to_datetime(self.from.1), &calendar.zone);
        Some(Span::new(from, resolve_last(ends.to_datetime(self.to.1), &calendar.zone)))
    }
}

impl When {
    /// Reads it as people write it: days and hours, `Fri 17:00 - Mon 09:00`, `core hours` or `out of hours`.
    pub fn parse(words: &str) -> Option<Self> {
        let words = words.trim();
        match words.to_lowercase().as_str() {
            "core" | "core hours" => return Some(Self::Core),
            "out of hours" | "out_of_hours" => return Some(Self::OutOfHours),
            _ => {}
        }
        if let Some((from, to)) = words.split_once(" - ") {
            return Some(Self::Week(WeekSpan { from: day_and_time(from)?, to: day_and_time(to)? }));
        }
        let (days, hours) = words.rsplit_once(' ')?;
        let (from, to) = hours.split_once('-')?;
        let (days, holidays) = kinds_of_day(days)?;
        Some(Self::Rule(WeekRule { days, holidays, from: clock(from)?, to: clock(to)? }))
    }

    /// The window that begins on `date` by the rule; windows of core hours have no day of their own here.
    fn begins_on(&self, date: Date, calendar: &Calendar) -> Option<Span> {
        match self {
            Self::Rule(rule) => rule.begins_on(date, calendar),
            Self::Week(span) => span.begins_on(date, calendar),
            Self::Core | Self::OutOfHours => None,
        }
        .filter(|span| !span.is_empty())
    }

    /// Whether it holds at `at`.
    pub fn holds(&self, at: Timestamp, calendar: &Calendar) -> bool {
        match self {
            Self::Core => calendar.is_core(at),
            Self::OutOfHours => !calendar.is_core(at),
            Self::Rule(_) | Self::Week(_) => self.around(at, calendar).is_some(),
        }
    }

    /// The one window, as it begins on some day, that `at` is in; the one that ends last if there are several.
    fn around(&self, at: Timestamp, calendar: &Calendar) -> Option<Span> {
        let today = calendar.zone.to_datetime(at).date();
        let reach = if matches!(self, Self::Rule(_)) { 1 } else { REACH_DAYS };
        (0..=reach)
            .filter_map(|days| self.begins_on(today.checked_sub(days.days()).ok()?, calendar))
            .filter(|span| span.contains(at))
            .max_by_key(|span| span.to)
    }

    /// The window that `at` is in, else the next; windows that touch are one. A window that never ends goes to the end
    /// of time; `None` where none comes within 400 days.
    pub fn window(&self, at: Timestamp, calendar: &Calendar) -> Option<Span> {
        if matches!(self, Self::Core | Self::OutOfHours) {
            return self.window_of_hours(at, calendar);
        }
        let mut window = self.around(at, calendar).or_else(|| self.coming(at, calendar))?;
        let mut n = 0;
        while let Some(more) = self.around(window.to, calendar).filter(|more| more.to > window.to) {
            window.to = more.to;
            n += 1;
            if n > TOUCHING_MAX {
                window.to = Timestamp::MAX;
                break;
            }
        }
        n = 0;
        while let Some(more) = self.before(window.from, calendar).filter(|more| more.from < window.from) {
            window.from = more.from;
            n += 1;
            if n > TOUCHING_MAX {
                window.from = Timestamp::MIN;
                break;
            }
        }
        Some(window)
    }

    /// The first window that begins after `at`.
    fn coming(&self, at: Timestamp, calendar: &Calendar) -> Option<Span> {
        let today = calendar.zone.to_datetime(at).date();
        (0..AHEAD_DAYS)
            .filter_map(|days| self.begins_on(today.checked_add(days.days()).ok()?, calendar))
            .find(|span| span.from > at)
    }

    /// A window that ends at or after `at` and begins before it.
    fn before(&self, at: Timestamp, calendar: &Calendar) -> Option<Span> {
        let today = calendar.zone.to_datetime(at).date();
        (0..=REACH_DAYS)
            .filter_map(|days| self.begins_on(today.checked_sub(days.days()).ok()?, calendar))
            .filter(|span| span.from < at && span.to >= at)
            .min_by_key(|span| span.from)
    }

    fn window_of_hours(&self, at: Timestamp, calendar: &Calendar) -> Option<Span> {
        if self.holds(at, calendar) {
            // Core hours are asked from their last change; where there was none, they have always been so.
            let week_ago = at.checked_sub(jiff::SignedDuration::from_hours(24 * REACH_DAYS)).unwrap_or(Timestamp::MIN);
            let mut from = week_ago;
            while let Some(next) = calendar.next_change(from).filter(|next| *next <= at) {
                from = next;
            }
            return Some(Span::new(from, calendar.next_change(at).unwrap_or(Timestamp::MAX)));
        }
        let from = calendar.next_change(at)?;
        Some(Span::new(from, calendar.next_change(from).unwrap_or(Timestamp::MAX)))
    }

    /// The next instant after `at` at which it may begin or cease to hold.
    pub(super) fn next_edge(&self, at: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        match self {
            Self::Core | Self::OutOfHours => calendar.next_change(at),
            Self::Rule(_) | Self::Week(_) => {
                let ends = self.around(at, calendar).map(|span| span.to);
                let begins = self.coming(at, calendar).map(|span| span.from);
                ends.into_iter().chain(begins).min()
            }
        }
    }

    /// The window of this rule that begins on each of `n` days from `first`: one a day at most, however long the night.
    pub fn windows(&self, first: Date, n: u16, calendar: &Calendar) -> Vec<Span> {
        (0..i64::from(n)).filter_map(|days| self.begins_on(first.checked_add(days.days()).ok()?, calendar)).collect()
    }

    /// The instant from which it holds, asked at `at`: `None` if it holds already.
    pub fn opens(&self, at: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        if self.holds(at, calendar) { None } else { self.window(at, calendar).map(|window| window.from) }
    }
}

/// Whole days from `today` until the first day that is (`wanted`) or is not among `days` (Monday first): 0 for today;
/// `None` if no day of the week is so.
pub fn days_until(days: [bool; 7], today: Weekday, wanted: bool) -> Option<u8> {
    let first = today.to_monday_zero_offset() as usize;
    (0..7).find(|ahead| days[(first + ahead) % 7] == wanted).map(|ahead| ahead as u8)
}

/// `Mon 08:00`.
pub fn day_and_time(words: &str) -> Option<(Weekday, Time)> {
    let (day, time) = words.trim().split_once(' ')?;
    Some((weekday(day)?, clock(time)?))
}

/// `Mon-Fri`, `holidays`, `Sat-Sun and holidays`, `Mon-Fri not holidays`.
fn kinds_of_day(words: &str) -> Option<([bool; 7], Holidays)> {
    let lower = words.trim().to_lowercase();
    let is_holidays = |word: &str| matches!(word.trim(), "holiday" | "holidays" | "bank holidays" | "bank holiday");
    if is_holidays(&lower) {
        return Some(([false; 7], Holidays::In));
    }
    let (named, holidays) = match (lower.split_once(" and "), lower.split_once(" not ")) {
        (Some((named, rest)), None) if is_holidays(rest) => (named, Holidays::In),
        (None, Some((named, rest))) if is_holidays(rest) => (named, Holidays::Out),
        (None, None) => (lower.as_str(), Holidays::AsAnyDay),
        _ => return None,
    };
    let mut days = [false; 7];
    match named {
        "daily" | "every day" => days = [true; 7],
        named => weekdays(named)?.into_iter().for_each(|day| days[day.to_monday_zero_offset() as usize] = true),
    }
    Some((days, holidays))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::SignedDuration;
    use jiff::tz::TimeZone;

    fn calendar() -> Calendar {
        let core = "[[core]]\ndays = \"Mon-Fri\"\nhours = \"09:00-17:00\"";
        let holidays = "[[holiday]]\ndate = 2026-12-25\nname = \"Christmas Day\"";
        Calendar::parse(core, holidays, &TimeZone::get("Europe/London").unwrap()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_bank_holiday_is_a_kind_of_day_of_its_own() {
        let calendar = calendar();
        // Christmas Day 2026 is a Friday.
        for (rule, holds) in [
            ("Mon-Fri 09:00-17:00", true),
            ("Mon-Fri not holidays 09:00-17:00", false),
            ("Sat-Sun and holidays 00:00-24:00", true),
            ("holidays 09:00-17:00", true),
            ("Sat-Sun 00:00-24:00", false),
            ("core hours", false),
            ("out of hours", true),
        ] {
            assert_eq!(When::parse(rule).unwrap().holds(at("2026-12-25T12:00:00Z"), &calendar), holds, "{rule}");
        }
        assert!(!When::parse("holidays 09:00-17:00").unwrap().holds(at("2026-12-18T12:00:00Z"), &calendar));
    }

    #[test]
    fn a_weekend_window_has_63_hours_in_march_and_65_in_october() {
        let calendar = calendar();
        let weekend = When::parse("Fri 17:00 - Mon 09:00").unwrap();
        for (when, hours) in [("2026-03-28T12:00:00Z", 63), ("2026-10-24T12:00:00Z", 65), ("2026-06-06T12:00:00Z", 64)]
        {
            for rule in [weekend, When::OutOfHours] {
                let window = rule.window(at(when), &calendar).unwrap();
                assert_eq!(window.lasts(), SignedDuration::from_hours(hours), "{when} {rule:?}");
            }
        }
    }

    #[test]
    fn an_edge_is_where_the_answer_changes_on_every_quarter_hour_of_both_nights() {
        let calendar = calendar();
        for rule in
            ["Sat-Sun 22:30-01:30", "Sun 01:00-02:00", "Sat 20:00 - Sun 01:30", "out of hours", "daily 01:15-01:45"]
        {
            let rule = When::parse(rule).unwrap();
            for start in ["2026-03-28T00:00:00Z", "2026-10-24T00:00:00Z"] {
                let quarters: Vec<_> = (0..200).map(|n| at(start) + SignedDuration::from_mins(15 * n)).collect();
                for (n, quarter) in quarters.iter().enumerate() {
                    let now = rule.holds(*quarter, &calendar);
                    let walked = quarters[n..].iter().find(|later| rule.holds(**later, &calendar) != now);
                    if let (Some(walked), Some(edge)) = (walked, rule.next_edge(*quarter, &calendar)) {
                        assert!(edge <= *walked, "{rule:?} {quarter}: {edge} is after {walked}");
                        assert!(edge > *quarter);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for bad in ["", "Mon", "09:00-17:00", "Mon-Fri 9-5", "Mon-Fri and Sundays 09:00-17:00", "Fri 17:00 - Monday"] {
            assert_eq!(When::parse(bad), None, "{bad}");
        }
    }
}
