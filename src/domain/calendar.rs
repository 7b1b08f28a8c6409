//! Core hours, bank holidays, and so in and out of hours.
//!
//! A window of core hours belongs to the day on which it begins, and is [start, end) in wall-clock time; its two ends
//! become instants by the one rule of [`super::time::resolve`], so that every instant has one answer on the nights when
//! the clocks change too. A bank holiday takes away the windows that begin on it.

pub mod interval;

use super::problem::{Code, Problem};
use super::reading::Reader;
use super::time::{Timestamp, resolve};
use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How far ahead [`Calendar::next_change`] looks: no council shuts for longer.
const LOOK_AHEAD_DAYS: i64 = 400;

/// When the council is at work. "Out of hours" is everything else.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The council's zone, e.g. Europe/London.
    pub zone: TimeZone,
    /// Windows of core hours, [start, end) in wall-clock time, per weekday; an end at or before the start is on the next
    /// day (00:00 is midnight).
    pub core: Vec<(Weekday, Time, Time)>,
    /// Bank holidays: no core hours on these days.
    pub holidays: BTreeMap<Date, String>,
}

impl Calendar {
    /// A calendar without core hours: it is always out of hours.
    pub fn empty(zone: TimeZone) -> Self {
        Self { zone, core: Vec::new(), holidays: BTreeMap::new() }
    }

    /// Reads core hours (`config/calendar.toml`) and bank holidays (`config/holidays.toml`).
    ///
    /// # Errors
    /// All slips of both files, with their places.
    pub fn parse(core: &str, holidays: &str, zone: &TimeZone) -> Result<Self, Vec<Problem>> {
        let core = Self::read_core(Reader::new("calendar.toml", core));
        let holidays = Self::read_holidays(Reader::new("holidays.toml", holidays));
        match (core, holidays) {
            (Ok(core), Ok(holidays)) => Ok(Self { zone: zone.clone(), core, holidays }),
            (core, holidays) => Err(core.err().into_iter().chain(holidays.err()).flatten().collect()),
        }
    }

    pub(super) fn read_core(reader: Reader<'_>) -> Result<Vec<(Weekday, Time, Time)>, Vec<Problem>> {
        let mut root = reader.root();
        let mut core = Vec::new();
        for mut table in root.tables("core") {
            let days = table.need_text("days");
            let hours = table.need_text("hours");
            table.done();
            let days = days.and_then(|item| {
                let days = weekdays(&item.value);
                if days.is_none() {
                    let help = Some("e.g. \"Mon-Fri\", \"Sat\" or \"Mon, Wed, Fri\"");
                    reader.problem_with(Code::D001, item.span, "`days` are not days of the week", help);
                }
                days
            });
            let hours = hours.and_then(|item| {
                let hours = item.value.split_once('-').and_then(|(from, to)| Some((clock(from)?, clock(to)?)));
                if hours.is_none() {
                    let help = Some("e.g. \"08:45-17:00\"; \"24:00\" is midnight at the end of the day");
                    reader.problem_with(Code::D001, item.span, "`hours` are not hours of a day", help);
                }
                hours
            });
            if let (Some(days), Some((from, to))) = (days, hours) {
                core.extend(days.into_iter().map(|day| (day, from, to)));
            }
        }
        root.done();
        reader.finish(Some(core))
    }

    pub(super) fn read_holidays(reader: Reader<'_>) -> Result<BTreeMap<Date, String>, Vec<Problem>> {
        let mut root = reader.root();
        let mut holidays = BTreeMap::new();
        root.text("source");
        for mut table in root.tables("holiday") {
            let date = table.need_date("date");
            let name = table.need_text("name");
            table.done();
            let (Some(date), Some(name)) = (date, name) else { continue };
            if holidays.insert(date.value, name.value).is_some() {
                reader.problem(Code::T010, date.span, format!("{} is there twice", date.value));
            }
        }
        root.done();
        reader.finish(Some(holidays))
    }

    /// Whether `at` lies in core hours.
    pub fn is_core(&self, at: Timestamp) -> bool {
        let today = self.zone.to_datetime(at).date();
        let yesterday = today.yesterday().unwrap_or(today);
        self.windows(yesterday).chain(self.windows(today)).any(|(from, to)| from <= at && at < to)
    }

    /// The next instant after `after` at which core hours begin or end; `None` if none does within 400 days.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let now = self.is_core(after);
        let first = self.zone.to_datetime(after).date().yesterday().ok()?;
        let mut ends: Vec<Timestamp> = Vec::new();
        // Day by day, since the answer is nearly always near and this is asked often.
        for days in 0..LOOK_AHEAD_DAYS {
            let date = first.checked_add(days.days()).ok()?;
            ends.extend(self.windows(date).flat_map(|(from, to)| [from, to]).filter(|at| *at > after));
            ends.sort_unstable();
            // What lies beyond this day may be preceded by a window of the next one.
            let day_ends = resolve(date.tomorrow().ok()?.to_datetime(Time::midnight()), &self.zone);
            if let Some(change) = ends.iter().take_while(|at| **at < day_ends).find(|at| self.is_core(**at) != now) {
                return Some(*change);
            }
            ends.retain(|at| *at >= day_ends);
        }
        None
    }

    /// The bank holiday on the day of `at`, if it is one.
    pub fn holiday(&self, at: Timestamp) -> Option<&str> {
        self.holidays.get(&self.zone.to_datetime(at).date()).map(String::as_str)
    }

    /// The windows that begin on `date`, as instants.
    fn windows(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let holiday = self.holidays.contains_key(&date);
        self.core.iter().filter(move |(day, _, _)| !holiday && *day == date.weekday()).map(move |(_, from, to)| {
            let end = if to <= from { date.tomorrow().unwrap_or(date) } else { date };
            (resolve(date.to_datetime(*from), &self.zone), resolve(end.to_datetime(*to), &self.zone))
        })
    }
}

/// A day of the week by name, in full or by its first three letters.
pub fn weekday(word: &str) -> Option<Weekday> {
    const DAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let word = word.trim().to_lowercase();
    DAYS.into_iter().find(|(name, _)| *name == word || name[..3] == word).map(|(_, day)| day)
}

/// Days of the week: `Mon-Fri`, `Sat`, `Mon, Wed`; a range may run over the week's end (`Fri-Mon`).
pub fn weekdays(words: &str) -> Option<Vec<Weekday>> {
    let mut days = Vec::new();
    for part in words.split(',') {
        match part.split_once('-') {
            None => days.push(weekday(part)?),
            Some((from, to)) => {
                let (from, to) = (weekday(from)?, weekday(to)?);
                days.extend(from.cycle_forward().take(from.until(to) as usize + 1));
            }
        }
    }
    days.sort_by_key(|day| day.to_monday_zero_offset());
    days.dedup();
    Some(days)
}

/// A wall-clock time to the minute: `08:45`; `24:00` is `00:00`.
pub fn clock(word: &str) -> Option<Time> {
    let (hour, minute) = word.trim().split_once(':')?;
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    if (hour, minute) == (24, 0) { Some(Time::midnight()) } else { Time::new(hour, minute, 0, 0).ok() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::time::SignedDuration;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    fn sample() -> Calendar {
        let core = include_str!("../../config/calendar.toml");
        let holidays = include_str!("../../config/holidays.toml");
        Calendar::parse(core, holidays, &london()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn core_hours_end_when_the_doors_close_and_begin_when_they_open() {
        let calendar = sample();
        for (when, core) in [
            ("2026-11-20T08:44:59Z", false),
            ("2026-11-20T08:45:00Z", true),
            ("2026-11-20T16:59:59Z", true),
            ("2026-11-20T17:00:00Z", false),
            ("2026-11-21T12:00:00Z", false),
            ("2026-12-25T12:00:00Z", false),
            ("2026-12-28T12:00:00Z", false),
            ("2026-06-15T07:45:00Z", true),
        ] {
            assert_eq!(calendar.is_core(at(when)), core, "{when}");
        }
        assert_eq!(calendar.next_change(at("2026-12-24T17:00:00Z")), Some(at("2026-12-29T08:45:00Z")));
        assert_eq!(calendar.holiday(at("2026-12-28T00:00:00Z")), Some("Boxing Day (substitute day)"));
        assert_eq!(Calendar::empty(london()).next_change(at("2026-12-24T17:00:00Z")), None);
    }

    #[test]
    fn a_councils_weekend_has_63_hours_in_march_and_65_in_october() {
        let calendar = Calendar::parse("[[core]]\ndays = \"Mon-Fri\"\nhours = \"09:00-17:00\"", "", &london()).unwrap();
        for (friday, hours) in [("2026-03-27T17:00:00Z", 63), ("2026-10-23T16:00:00Z", 65)] {
            let closed = at(friday);
            let opens = calendar.next_change(closed).unwrap();
            assert_eq!(opens.duration_since(closed), SignedDuration::from_hours(hours));
            let half_hours = (0..150)
                .map(|n| closed + SignedDuration::from_mins(30 * n))
                .take_while(|half| !calendar.is_core(*half))
                .count();
            assert_eq!(half_hours as i64, 2 * hours);
        }
    }

    #[test]
    fn next_change_is_where_is_core_changes_on_every_half_hour_of_both_nights() {
        let night =
            "[[core]]\ndays = \"Sat-Sun\"\nhours = \"22:30-01:30\"\n[[core]]\ndays = \"Sun\"\nhours = \"01:00-24:00\"";
        let calendar = Calendar::parse(night, "", &london()).unwrap();
        for friday in ["2026-03-27T17:00:00Z", "2026-10-23T16:00:00Z"] {
            let start = at(friday);
            let halves: Vec<Timestamp> = (0..150).map(|n| start + SignedDuration::from_mins(30 * n)).collect();
            for (n, half) in halves.iter().enumerate() {
                let next = calendar.next_change(*half).unwrap();
                let walked = halves[n..].iter().find(|later| calendar.is_core(**later) != calendar.is_core(*half));
                if let Some(walked) = walked {
                    assert_eq!(next, *walked, "from {half}");
                }
            }
        }
    }

    #[test]
    fn days_and_hours_read_as_people_write_them() {
        assert_eq!(weekdays("Fri-Mon").unwrap().len(), 4);
        assert_eq!(weekdays("mon, Wednesday").unwrap(), [Weekday::Monday, Weekday::Wednesday]);
        assert_eq!(weekdays("Mon-Funday"), None);
        assert_eq!(clock("24:00"), Some(Time::midnight()));
        for bad in ["25:00", "8", "08:5", "08:60", "a:bc"] {
            assert_eq!(clock(bad), None, "{bad}");
        }
        let told =
            Calendar::parse("[[core]]\ndays = \"Mo-Fr\"\nhours = \"9 to 5\"", "[[holiday]]\nname = \"x\"", &london())
                .unwrap_err();
        let told: Vec<String> =
            told.iter().map(|problem| format!("{}:{} {}", problem.file, problem.line, problem.code)).collect();
        assert_eq!(told, ["calendar.toml:2 D001", "calendar.toml:3 D001", "holidays.toml:1 T003"]);
    }
}
