//! Core hours, bank holidays, and so in and out of hours.

use super::time::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// When the council is at work. "Out of hours" is everything else.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The council's zone, e.g. Europe/London.
    pub zone: TimeZone,
    /// Windows of core hours, [start, end) in wall-clock time, per weekday.
    pub core: Vec<(Weekday, Time, Time)>,
    /// Bank holidays: no core hours on these days.
    pub holidays: BTreeMap<Date, String>,
}

impl Calendar {
    /// Whether `at` lies in core hours.
    pub fn is_core(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone());
        !self.holidays.contains_key(&local.date())
            && self
                .core
                .iter()
                .any(|(day, from, to)| *day == local.weekday() && *from <= local.time() && local.time() < *to)
    }
}
