//! Wall-clock jobs: the sitrep at eight, the test page on the first Monday of the month.
//!
//! A job is a `cron` expression over the council's wall clock. The crate behind it skips and doubles in a zone whose
//! clocks change, so it is asked as if civil time were UTC, the answer is stripped of its zone, and becomes an instant by
//! the one rule of [`super::time::resolve`]: a job in the skipped hour runs once, at the change; one in the repeated hour
//! runs once, the first time. Jobs that fall on the same instant that way run together, once.
//!
//! Intervals ("every 5 min") are durations, never cron. Not here: what the jobs do.

use super::time::{SignedDuration, Timestamp, resolve};
use chrono::{DateTime, Utc};
use jiff::ToSpan;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::str::FromStr;

/// How far clocks may be set back at once: the search begins so much earlier.
const SET_BACK_MAX: SignedDuration = SignedDuration::from_hours(3);
/// Wall-clock times that are looked at in one search: every second of [`SET_BACK_MAX`], and then some.
const TIMES_MAX: usize = 12_000;

/// A job's times, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    cron: cron::Schedule,
}

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five fields nor six.
    #[error("{fields} fields; write five: minute, hour, day of month, month, day of week, e.g. \"0 8 * * Mon-Fri\"")]
    Fields {
        /// How many there were.
        fields: usize,
    },
    /// A weekday as a number, which programs count from different days.
    #[error("weekdays go by name (Mon, Tue ...), since programs number them differently")]
    NumberedWeekday,
    /// Something else.
    #[error("not a schedule: {why}")]
    Unreadable {
        /// The parser's words.
        why: String,
    },
}

impl Schedule {
    /// Reads an expression of five fields (minute, hour, day of month, month, day of week), or six with seconds first.
    ///
    /// # Errors
    /// What is wrong with it, and how to write it.
    pub fn parse(expression: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let full = match fields.len() {
            5 => format!("0 {}", fields.join(" ")),
            6 => fields.join(" "),
            fields => return Err(ScheduleError::Fields { fields }),
        };
        // A step ("*/2") would be a numbered weekday too.
        if fields.last().is_some_and(|weekdays| weekdays.contains(|c: char| c.is_ascii_digit())) {
            return Err(ScheduleError::NumberedWeekday);
        }
        let unreadable = |error: cron::error::Error| ScheduleError::Unreadable { why: error.to_string() };
        Ok(Self { cron: cron::Schedule::from_str(&full).map_err(unreadable)? })
    }

    /// The first instant after `after` at which the job runs; `None` if it never does again (up to the year 2100).
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(after.checked_sub(SET_BACK_MAX).ok()?);
        let as_if_utc = resolve(local, &TimeZone::UTC);
        let start = DateTime::<Utc>::from_timestamp(as_if_utc.as_second(), 0)?;
        self.cron
            .after(&start)
            .take(TIMES_MAX)
            .filter_map(|time| Timestamp::from_second(time.timestamp()).ok())
            .map(|as_if_utc| resolve(TimeZone::UTC.to_datetime(as_if_utc), zone))
            .find(|at| *at > after)
    }
}

/// The next instant after `after` at which the wall shows `time` on one of `days` (Monday first): once a day, the first
/// time in the hour that comes twice, at the change in the hour that is skipped. `None` if no day is named.
pub fn next_at(time: Time, days: [bool; 7], after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let today = zone.to_datetime(after).date();
    (-1..=8)
        .filter_map(|ahead: i64| today.checked_add(ahead.days()).ok())
        .filter(|date| days[date.weekday().to_monday_zero_offset() as usize])
        .map(|date| resolve(date.to_datetime(time), zone))
        .find(|at| *at > after)
}

/// Of what fell due after `last` (or ever, before the first look) up to `now`, each recipient once: whoever slept over
/// several times is sent one message, not one for each.
pub fn due_once<T: Clone + PartialEq>(due: &[(T, Timestamp)], last: Option<Timestamp>, now: Timestamp) -> Vec<T> {
    let mut once: Vec<T> = Vec::new();
    for (recipient, at) in due {
        if *at <= now && last.is_none_or(|last| *at > last) && !once.contains(recipient) {
            once.push(recipient.clone());
        }
    }
    once
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    /// The runs of a job from one instant up to another.
    fn runs(expression: &str, from: &str, to: &str) -> Vec<String> {
        let schedule = Schedule::parse(expression).unwrap();
        let (mut at, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
        let mut runs = Vec::new();
        while let Some(next) = schedule.next(at, &london()).filter(|next| *next < to) {
            runs.push(next.to_string());
            at = next;
        }
        runs
    }

    #[test]
    fn eight_in_the_morning_is_eight_in_summer_and_winter() {
        assert_eq!(
            runs("0 8 * * *", "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z"),
            ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"]
        );
        assert_eq!(
            runs("0 8 * * *", "2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z"),
            ["2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z", "2026-10-26T08:00:00Z"]
        );
    }

    #[test]
    fn a_job_in_the_skipped_hour_runs_once_at_the_change() {
        assert_eq!(
            runs("30 1 * * *", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
    }

    #[test]
    fn a_job_in_the_repeated_hour_runs_once_the_first_time() {
        assert_eq!(
            runs("30 1 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn a_half_hourly_job_runs_once_for_each_wall_clock_time_on_either_night() {
        let spring = runs("*/30 * * * *", "2026-03-28T23:59:00Z", "2026-03-29T03:00:00Z");
        assert_eq!(
            spring,
            [
                "2026-03-29T00:00:00Z",
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:30:00Z",
                "2026-03-29T02:00:00Z",
                "2026-03-29T02:30:00Z"
            ]
        );
        // The repeated hour is one hour of the wall clock: its second passing has no jobs of its own.
        let autumn = runs("*/30 * * * *", "2026-10-24T23:59:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(
            autumn,
            ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"]
        );
    }

    #[test]
    fn weekdays_go_by_name_and_five_fields_are_enough() {
        assert_eq!(runs("0 9 * * Mon", "2026-11-20T00:00:00Z", "2026-11-25T00:00:00Z"), ["2026-11-23T09:00:00Z"]);
        assert_eq!(Schedule::parse("0 9 * * 1"), Err(ScheduleError::NumberedWeekday));
        assert_eq!(Schedule::parse("0 9 * *"), Err(ScheduleError::Fields { fields: 4 }));
        assert!(matches!(Schedule::parse("0 25 * * Mon"), Err(ScheduleError::Unreadable { .. })));
        assert_eq!(Schedule::parse("15 0 9 * * Mon").unwrap(), Schedule::parse("15 0 9 * * Mon").unwrap());
    }
}
