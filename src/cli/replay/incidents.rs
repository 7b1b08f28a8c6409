//! The incidents that a council knows of: how many a replay would have found, how soon, and how often it would have
//! paged for nothing.
//!
//! A page inside an incident finds it; pages within two hours of each other are one; one that lies in no incident, nor in
//! the four hours after one, is false.

use crate::domain::time::{SignedDuration, Timestamp, after, resolve};
use anyhow::{Context as _, Result, bail};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Incidents of one file at most.
const INCIDENTS_MAX: usize = 10_000;
/// Pages so close together are one.
const ONE: SignedDuration = SignedDuration::from_hours(2);
/// So long after an incident a page still belongs to it.
const AFTER: SignedDuration = SignedDuration::from_hours(4);
/// A year, for rates.
const YEAR_S: f64 = 365.25 * 86_400.0;

/// One incident.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
    /// What it is called, if the file says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// An incident with when it was found.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    #[serde(flatten)]
    incident: Incident,
    /// Minutes from its beginning to the first page; `None` where there was none.
    delay_min: Option<f64>,
}

/// How a replay did.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Each incident within the time of the contacts.
    pub incidents: Vec<Found>,
    /// How many were found.
    pub found: usize,
    /// The middle of the delays of those found.
    pub delay_min_median: Option<f64>,
    /// Pages that belong to no incident, those close together as one.
    pub false_alarms: usize,
    /// The same a year.
    pub false_alarms_a_year: f64,
    /// Years of contacts.
    pub years: f64,
}

/// Reads a CSV with the columns `from` and `to`, and `name` if it likes; times with an offset, or of the zone. A date
/// alone is its first, or for `to` its last instant.
///
/// # Errors
/// It cannot be read; every line that is no incident, at once.
pub fn read(path: &Path, zone: &TimeZone) -> Result<Vec<Incident>> {
    let shown = path.display();
    let mut rows = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("cannot read {shown}"))?;
    let head = rows.headers().with_context(|| format!("{shown} has no header line"))?.clone();
    let column =
        |name: &str| head.iter().position(|cell| cell.trim_start_matches('\u{FEFF}').eq_ignore_ascii_case(name));
    let (Some(from), Some(to)) = (column("from"), column("to")) else {
        bail!("{shown} needs the columns from and to; it has {}", head.iter().collect::<Vec<_>>().join(", "));
    };
    let name = column("name");
    let (mut incidents, mut slips) = (Vec::new(), Vec::new());
    for row in rows.records().take(INCIDENTS_MAX) {
        let row = row.with_context(|| format!("cannot read {shown}"))?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |at: usize| row.get(at).unwrap_or_default();
        match (instant(cell(from), zone, false), instant(cell(to), zone, true)) {
            (Some(from), Some(to)) if from < to => {
                let name = name.map(cell).unwrap_or_default().to_owned();
                incidents.push(Incident { from, to, name });
            }
            (Some(_), Some(_)) => slips.push(format!("line {line}: it ends before it begins")),
            _ => slips.push(format!("line {line}: write times like 2026-11-22T02:10 or 2026-11-22")),
        }
    }
    if !slips.is_empty() {
        bail!("{shown}:\n{}", slips.join("\n"));
    }
    incidents.sort_by_key(|incident| incident.from);
    Ok(incidents)
}

fn instant(text: &str, zone: &TimeZone, end: bool) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10).ok_or(()) {
        let day = if end { day.tomorrow().ok()? } else { day };
        return Some(resolve(day.to_datetime(jiff::civil::Time::midnight()), zone));
    }
    Some(resolve(text.parse().ok()?, zone))
}

/// Holds pages (in the order of time) against incidents, over the time of the contacts.
pub fn measure(known: &[Incident], pages: Vec<Timestamp>, (first, last): (Timestamp, Timestamp)) -> Measured {
    let within = known.iter().filter(|incident| incident.to >= first && incident.from <= last);
    let incidents: Vec<Found> = within
        .map(|incident| {
            let page = pages.iter().find(|page| incident.from <= **page && **page <= incident.to);
            let delay_min = page.map(|page| page.duration_since(incident.from).as_secs_f64() / 60.0);
            Found { incident: incident.clone(), delay_min }
        })
        .collect();
    let mut delays: Vec<f64> = incidents.iter().filter_map(|found| found.delay_min).collect();
    delays.sort_by(f64::total_cmp);
    let (mut false_alarms, mut last_page) = (0, None::<Timestamp>);
    for page in pages {
        let begins = last_page.is_none_or(|last| after(last, ONE) < page);
        last_page = Some(page);
        let belongs = known.iter().any(|incident| incident.from <= page && page <= after(incident.to, AFTER));
        false_alarms += usize::from(begins && !belongs);
    }
    let years = (last.duration_since(first).as_secs_f64() / YEAR_S).max(1.0 / 365.25);
    Measured {
        found: delays.len(),
        delay_min_median: (!delays.is_empty()).then(|| delays[delays.len() / 2]),
        incidents,
        false_alarms,
        false_alarms_a_year: false_alarms as f64 / years,
        years,
    }
}

/// Writes it down; with another one beside it.
///
/// # Errors
/// When `out` takes nothing.
pub fn show(
    one: &Measured,
    other: Option<&Measured>,
    local: &dyn Fn(Timestamp) -> String,
    out: &mut dyn Write,
) -> Result<()> {
    let minutes = |delay: Option<f64>| delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.0} min"));
    let whole = |m: &Measured| {
        format!(
            "{} of {} found, median {}, {:.1} false alarms a year ({} in {:.1} years)",
            m.found,
            m.incidents.len(),
            minutes(m.delay_min_median),
            m.false_alarms_a_year,
            m.false_alarms,
            m.years
        )
    };
    match other {
        None => writeln!(out, "  {}", whole(one))?,
        Some(other) => writeln!(out, "  1: {}\n  2: {}", whole(one), whole(other))?,
    }
    for (at, found) in one.incidents.iter().enumerate() {
        let beside =
            other.and_then(|other| other.incidents.get(at)).map(|found| format!("  2: {}", minutes(found.delay_min)));
        let told = found.delay_min.map_or_else(|| "not found".to_owned(), |delay| format!("after {delay:.0} min"));
        let (from, name) = (local(found.incident.from), &found.incident.name);
        writeln!(out, "  {from}  {told:<14}{}  {name}", beside.unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_in_an_incident_finds_it_and_one_far_from_any_is_false() {
        let at = |hour: i64| after(Timestamp::UNIX_EPOCH, SignedDuration::from_hours(hour));
        let known = vec![
            Incident { from: at(100), to: at(105), name: String::new() },
            Incident { from: at(500), to: at(501), name: String::new() },
        ];
        let year = 8_766;
        // Two pages about the first, one in its afterglow, two close together for nothing.
        let measured = measure(&known, vec![at(102), at(103), at(108), at(2_000), at(2_001)], (at(0), at(year)));
        assert_eq!((measured.found, measured.false_alarms), (1, 1));
        assert_eq!((measured.delay_min_median, measured.incidents[1].delay_min), (Some(120.0), None));
        assert!((measured.false_alarms_a_year - 1.0).abs() < 1e-9);
    }
}
