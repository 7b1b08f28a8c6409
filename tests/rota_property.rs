//! For every instant a role has exactly its holders or a gap that is told, on the nights when the clocks change too.
//!
//! Rotas are made from a seed and written as a planner would write them. A second mind (`rota/oracle.rs`), which knows
//! Europe/London from nothing but "the last Sundays of March and October, at 01:00 UTC", expands each from its anchor,
//! handover by handover. Then callout is asked from now, minute by minute, and must say the same; and so must the
//! shifts and gaps that it expands itself.
//!
//! In a release build, or with `CALLOUT_ROTA_FULL=1`: 256 rotas on every day of 2024 to 2040 on which the clocks change,
//! and three rotas at each minute of the 17 years. In a debug build: 3 rotas on those days, and each minute of some weeks.
#![allow(clippy::unwrap_used)]

#[path = "rota/oracle.rs"]
mod oracle;

use callout::domain::calendar::Calendar;
use callout::domain::id::{PersonId, RoleId};
use callout::domain::rota::Rota;
use callout::domain::rota::span::Span;
use callout::domain::time::Timestamp;
use jiff::tz::TimeZone;
use oracle::{Expanded, Sheet, changes, day_of};

const YEARS: std::ops::RangeInclusive<i64> = 2024..=2040;

fn full() -> bool {
    !cfg!(debug_assertions) || std::env::var_os("CALLOUT_ROTA_FULL").is_some()
}

struct Asked {
    rota: Rota,
    role: RoleId,
}

impl Asked {
    fn new(sheet: &Sheet) -> Self {
        let zone = TimeZone::get("Europe/London").unwrap();
        let text = sheet.toml();
        let mut rota = Rota::parse(&text, &zone).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        rota.calendar = Calendar::parse("[[core]]\ndays = \"Mon-Fri\"\nhours = \"08:45-17:00\"", "", &zone).unwrap();
        Self { rota, role: RoleId::from("duty") }
    }

    fn now(&self, second: i64) -> Vec<String> {
        let holders = self.rota.on_call(&self.role, at(second));
        let mut names: Vec<String> = holders.iter().map(PersonId::to_string).collect();
        names.sort();
        names
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Compares one rota with its expansion at each of `seconds`; the shifts and gaps that callout expands from the first to
/// the last of them must say the same.
fn compare(sheet: &Sheet, asked: &Asked, expanded: &mut Expanded, seconds: &[i64]) {
    let window = Span::new(at(seconds[0]), at(seconds[seconds.len() - 1] + 1));
    let shifts = asked.rota.shifts(&asked.role, &window);
    let gaps = asked.rota.gaps(&asked.role, &window);
    for second in seconds {
        let (got, expected) = (asked.now(*second), expanded.holders(*second));
        let instant = at(*second);
        assert_eq!(got, expected, "at {instant} of\n{}", sheet.toml());
        let mut of_shifts: Vec<String> =
            shifts.iter().filter(|shift| shift.span.contains(instant)).map(|shift| shift.person.to_string()).collect();
        of_shifts.sort();
        assert_eq!(got, of_shifts, "shifts at {instant} of\n{}", sheet.toml());
        let told = gaps.iter().any(|gap| gap.contains(instant));
        assert_eq!(got.is_empty(), told, "the gap at {instant} of\n{}", sheet.toml());
    }
}

#[test]
fn generated_rotas_have_their_holders_or_a_gap_on_every_day_on_which_the_clocks_change() {
    let rotas = if full() { 256 } else { 3 };
    let mut asked_n = 0_u64;
    for seed in 0..rotas {
        let sheet = Sheet::generate(seed);
        let (asked, mut expanded) = (Asked::new(&sheet), sheet.expand(*YEARS.start(), *YEARS.end()));
        for change in YEARS.flat_map(changes) {
            let midnight = day_of(change);
            // Every minute of the day (of 23 or 25 hours), and a second either side of the change itself.
            let mut seconds: Vec<i64> = (0..25 * 60).map(|minute| midnight + 60 * minute).collect();
            seconds.extend([change - 1, change + 1]);
            seconds.sort_unstable();
            asked_n += seconds.len() as u64;
            compare(&sheet, &asked, &mut expanded, &seconds);
        }
    }
    println!("{rotas} rotas, {asked_n} instants");
}

#[test]
fn three_rotas_agree_at_every_minute() {
    let (first, last) = (*YEARS.start(), *YEARS.end());
    let mut asked_n = 0_u64;
    for sheet in Sheet::three() {
        let (asked, mut expanded) = (Asked::new(&sheet), sheet.expand(first, last));
        let (begin, end) = (oracle::midnight(first, 1, 1), oracle::midnight(last + 1, 1, 1));
        let fortnight = 14 * 86_400;
        for (n, start) in (begin..end).step_by(fortnight as usize).enumerate() {
            // In a debug build one fortnight in sixty.
            if !full() && n % 60 != 6 {
                continue;
            }
            let seconds: Vec<i64> = (start..(start + fortnight).min(end)).step_by(60).collect();
            asked_n += seconds.len() as u64;
            compare(&sheet, &asked, &mut expanded, &seconds);
        }
    }
    println!("{asked_n} instants");
}
