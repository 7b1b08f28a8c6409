//! Where an instant stands in the council's week: the quarter of an hour by the local clock, bank holidays, and the
//! first working day after one.
//!
//! On the day of 25 hours the repeated quarters are visited twice, on the day of 23 the missing ones not at all;
//! nothing else has to be known about them.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Quarters of an hour in a week.
pub const SLOTS: usize = 672;
/// Seconds of one.
pub const SLOT_S: i64 = 900;

/// A quarter of an hour by the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slot {
    /// 0 for Monday 00:00 to 671 for Sunday 23:45; on a bank holiday, that of Sunday.
    pub of_week: u16,
    /// A bank holiday.
    pub holiday: bool,
    /// The first working day after one.
    pub after_holiday: bool,
}

/// What a zone and its bank holidays say of an instant.
pub trait Week {
    /// The slot in which `unix_s` (seconds) lies. The same for all instants of one aligned quarter of an hour.
    fn slot(&self, unix_s: i64) -> Slot;
}

/// The council's week.
#[derive(Debug, Clone, Copy)]
pub struct CivilWeek<'a, F: Fn(Date) -> bool> {
    /// Its zone.
    pub zone: &'a TimeZone,
    /// Whether a day is a bank holiday.
    pub is_holiday: &'a F,
}

impl<F: Fn(Date) -> bool> Week for CivilWeek<'_, F> {
    fn slot(&self, unix_s: i64) -> Slot {
        let at = Timestamp::from_second(unix_s).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = self.zone.to_datetime(at);
        let (date, time) = (local.date(), local.time());
        let quarter = u16::from(time.hour().unsigned_abs()) * 4 + u16::from(time.minute().unsigned_abs()) / 15;
        let holiday = (self.is_holiday)(date);
        let day = if holiday { 6 } else { u16::from(date.weekday().to_monday_zero_offset().unsigned_abs()) };
        let after_holiday = !holiday && is_working(date) && {
            let mut before = date.yesterday().unwrap_or(date);
            while !is_working(before) && before > Date::MIN {
                before = before.yesterday().unwrap_or(Date::MIN);
            }
            (self.is_holiday)(before)
        };
        Slot { of_week: day * 96 + quarter, holiday, after_holiday }
    }
}

fn is_working(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn slot(at: &str) -> Slot {
        let zone = TimeZone::get("Europe/London").unwrap();
        let is_holiday = |date: Date| ["2026-04-03", "2026-04-06", "2027-01-01"].contains(&date.to_string().as_str());
        let week = CivilWeek { zone: &zone, is_holiday: &is_holiday };
        week.slot(at.parse::<Timestamp>().unwrap().as_second())
    }

    #[test]
    fn a_slot_is_a_quarter_of_the_local_week() {
        assert_eq!(slot("2026-01-05T00:00:00Z").of_week, 0);
        assert_eq!(slot("2026-06-01T00:00:00Z").of_week, 4, "summer time is an hour ahead");
        assert_eq!(slot("2026-01-11T23:59:59Z").of_week, 671);
    }

    #[test]
    fn a_bank_holiday_is_a_sunday_and_the_next_working_day_is_known() {
        assert_eq!(slot("2026-04-03T12:00:00Z"), Slot { of_week: 6 * 96 + 52, holiday: true, after_holiday: false });
        assert!(!slot("2026-04-04T12:00:00Z").after_holiday, "Easter Saturday");
        assert!(slot("2026-04-07T12:00:00Z").after_holiday, "Tuesday after Easter");
        assert!(!slot("2026-04-08T12:00:00Z").after_holiday);
        assert!(slot("2027-01-04T12:00:00Z").after_holiday, "the Monday after New Year's Friday");
    }

    #[test]
    fn clocks_going_back_visit_an_hour_twice_and_forward_not_at_all() {
        let visits = |from: &str, hours: i64| {
            let start = from.parse::<Timestamp>().unwrap().as_second();
            let zone = TimeZone::get("Europe/London").unwrap();
            let week = CivilWeek { zone: &zone, is_holiday: &|_| false };
            (0..hours * 4).filter(|q| week.slot(start + q * SLOT_S).of_week == 6 * 96 + 5).count()
        };
        assert_eq!(visits("2026-10-24T23:00:00Z", 25), 2);
        assert_eq!(visits("2026-03-29T00:00:00Z", 23), 0);
        assert_eq!(visits("2026-03-22T00:00:00Z", 24), 1);
    }
}
