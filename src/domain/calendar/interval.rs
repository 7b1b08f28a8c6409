//! Times named by what the clock and the calendar on the wall show: minutes of the day, weekdays, days of the month,
//! months, years. For quiet windows, which hold as long as the wall shows so: an hour that comes twice counts twice, an
//! hour that is skipped not at all.
//!
//! Cover is another matter: it has a beginning and an end that become instants (`rota/hours.rs`).

use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 1_440;

/// What must hold; an empty list asks nothing. Within a list any entry will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interval {
    /// Minutes of the day, [from, to), to at most [`DAY_MINUTES`].
    pub minutes: Vec<(u16, u16)>,
    /// Days of the week, Sunday 0 to Saturday 6, both included.
    pub weekdays: Vec<(i8, i8)>,
    /// Days of the month, both included: 1 is the first, -1 the last. Days that a month lacks are cut to its last.
    pub month_days: Vec<(i8, i8)>,
    /// Months, both included.
    pub months: Vec<(i8, i8)>,
    /// Years, both included.
    pub years: Vec<(i16, i16)>,
}

impl Interval {
    /// Whether the wall in `zone` shows such a time at `at`.
    pub fn contains(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let local = zone.to_datetime(at);
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        let days = local.date().days_in_month();
        let any = |list: &[(i8, i8)], value: i8| {
            list.is_empty() || list.iter().any(|(from, to)| (*from..=*to).contains(&value))
        };
        let day_of_month = |(from, to): &(i8, i8)| {
            let day = |day: i8| if day < 0 { days.saturating_add(day).saturating_add(1) } else { day };
            day(*from) <= days && (day(*from)..=day(*to).min(days)).contains(&local.day())
        };
        (self.minutes.is_empty() || self.minutes.iter().any(|(from, to)| (*from..*to).contains(&minute)))
            && any(&self.weekdays, local.weekday().to_sunday_zero_offset())
            && (self.month_days.is_empty() || self.month_days.iter().any(day_of_month))
            && any(&self.months, local.month())
            && (self.years.is_empty() || self.years.iter().any(|(from, to)| (*from..=*to).contains(&local.year())))
    }
}

/// Why a range of minutes was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not two times with a hyphen between them.
    #[error("write it as two times of the clock, e.g. \"09:00-17:00\"")]
    Unreadable,
    /// A time of the clock that there is not.
    #[error("a day goes from 00:00 to 24:00")]
    NoSuchTime,
    /// It ends at or before it begins.
    #[error("it ends before it begins; for a night write two: \"22:00-24:00\" and \"00:00-06:00\"")]
    Backwards,
}

/// Reads minutes of one day: `09:00-17:00`, up to `24:00`.
///
/// # Errors
/// Why it cannot be one.
pub fn minutes_of_day(words: &str) -> Result<(u16, u16), RangeError> {
    let (from, to) = words.trim().split_once('-').ok_or(RangeError::Unreadable)?;
    let (from, to) = (minute(from.trim())?, minute(to.trim())?);
    if from < to { Ok((from, to)) } else { Err(RangeError::Backwards) }
}

fn minute(words: &str) -> Result<u16, RangeError> {
    let (hour, minute) = words.split_once(':').ok_or(RangeError::Unreadable)?;
    let two = |digits: &str| {
        let good = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        good.then(|| digits.parse::<u16>().ok()).flatten().ok_or(RangeError::Unreadable)
    };
    match (two(hour)?, two(minute)?) {
        (24, 0) => Ok(DAY_MINUTES),
        (hour, minute) if hour < 24 && minute < 60 => Ok(hour * 60 + minute),
        _ => Err(RangeError::NoSuchTime),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn minutes_of_a_day_go_forwards_and_end_at_midnight() {
        assert_eq!(minutes_of_day("00:00-24:00"), Ok((0, DAY_MINUTES)));
        for (bad, why) in [
            ("09:30-07:41", RangeError::Backwards),
            ("12:30-24:01", RangeError::NoSuchTime),
            ("14:03-", RangeError::Unreadable),
            ("9-17", RangeError::Unreadable),
        ] {
            assert_eq!(minutes_of_day(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn the_wall_decides_and_the_last_day_is_the_months_own() {
        let london = TimeZone::get("Europe/London").unwrap();
        let last_day = Interval { month_days: vec![(-1, -1)], ..Interval::default() };
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        assert!(last_day.contains(at("2024-02-29T12:00:00Z"), &london));
        assert!(last_day.contains(at("2026-03-31T22:59:00Z"), &london));
        assert!(!last_day.contains(at("2026-03-31T23:00:00Z"), &london));
        let one_to_two = Interval { minutes: vec![(60, 120)], ..Interval::default() };
        assert!(one_to_two.contains(at("2026-10-25T00:30:00Z"), &london));
        assert!(one_to_two.contains(at("2026-10-25T01:30:00Z"), &london));
        assert!(!one_to_two.contains(at("2026-03-29T01:00:00Z"), &london));
    }
}
