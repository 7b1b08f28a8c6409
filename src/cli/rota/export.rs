//! `callout rota next` and `callout rota export`: shifts for people, calendars, spreadsheets; and the file in force.

use super::super::check::EXIT_WELL;
use super::super::client::Client;
use super::{Global, known_person, known_role, local, name_of};
use crate::config::Loaded;
use crate::domain::rota::feed::{Entry, csv, entries, icalendar};
use crate::domain::rota::span::Span;
use crate::domain::time::{SignedDuration, Timestamp, after};
use anyhow::Result;
use serde_json::json;
use std::io::Write;

/// The longest that a list of shifts may reach ahead, in days: two years.
const DAYS_MAX: u16 = 731;

/// Arguments of `callout rota next`.
#[derive(Debug, Clone, clap::Args)]
pub struct NextArgs {
    /// Of this role only
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Of this person only
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// How many days ahead
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=i64::from(DAYS_MAX)))]
    pub days: u16,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// From another time, e.g. 2026-12-24T17:00:00Z
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
}

/// What `callout rota export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The file as it is in force, comments and all; from the running daemon.
    Toml,
    /// iCalendar, for people's own calendars.
    Ics,
    /// A table, for spreadsheets.
    Csv,
}

/// Arguments of `callout rota export`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// toml (the file in force), ics or csv
    #[arg(long, value_enum, default_value_t = Format::Toml)]
    pub format: Format,
    /// With toml: the people file instead of the rota
    #[arg(long)]
    pub people: bool,
    /// Of this role only
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Of this person only
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// How many days ahead
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=i64::from(DAYS_MAX)))]
    pub days: u16,
    /// From another time, e.g. 2026-12-24T17:00:00Z
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
}

fn shifts(
    loaded: &Loaded,
    (role, person): (Option<&str>, Option<&str>),
    days: u16,
    at: Timestamp,
) -> Result<Vec<Entry>> {
    let (role, person) = (known_role(loaded, role)?, known_person(loaded, person)?);
    let window = Span::new(at, after(at, SignedDuration::from_hours(24 * i64::from(days))));
    Ok(entries(&loaded.policy.rota, &window, role.as_ref(), person.as_ref()))
}

/// Lists the coming shifts.
pub(super) fn next(args: &NextArgs, loaded: &Loaded, at: Timestamp, out: &mut dyn Write) -> Result<u8> {
    let entries = shifts(loaded, (args.role.as_deref(), args.person.as_deref()), args.days, at)?;
    if args.json {
        let row = |entry: &Entry| {
            json!({
                "role": entry.role, "title": entry.title, "person": entry.shift.person,
                "name": name_of(loaded, &entry.shift.person), "from": entry.shift.span.from, "to": entry.shift.span.to,
            })
        };
        writeln!(out, "{:#}", json!({ "at": at, "shifts": entries.iter().map(row).collect::<Vec<_>>() }))?;
        return Ok(EXIT_WELL);
    }
    for Entry { title, shift, .. } in &entries {
        let (from, to) = (local(loaded, shift.span.from), local(loaded, shift.span.to));
        writeln!(out, "{from} to {to}  {title}  {}", name_of(loaded, &shift.person))?;
    }
    if entries.is_empty() {
        writeln!(out, "No shifts. Those who always hold a role have none: `callout rota now` shows them.")?;
    }
    Ok(EXIT_WELL)
}

/// Writes a feed for other programs.
pub(super) fn feed(args: &ExportArgs, loaded: &Loaded, at: Timestamp, out: &mut dyn Write) -> Result<u8> {
    let entries = shifts(loaded, (args.role.as_deref(), args.person.as_deref()), args.days, at)?;
    let who = |id: &crate::domain::id::PersonId| name_of(loaded, id);
    let zone = &loaded.policy.rota.zone;
    let text = match args.format {
        Format::Csv => csv(&entries, zone, &who),
        Format::Ics | Format::Toml => {
            let url = &loaded.config.web.public_url;
            let host = url.split("//").last().and_then(|rest| rest.split(['/', ':']).next()).unwrap_or("callout");
            let name = format!("{} on call", loaded.config.deciding.council.short_name);
            icalendar(&entries, zone, &name, host, &who, at)
        }
    };
    write!(out, "{text}")?;
    Ok(EXIT_WELL)
}

/// Writes the file that is in force, as it was applied.
pub(super) fn file(args: &ExportArgs, global: &Global, out: &mut dyn Write) -> Result<u8> {
    let answer = Client::connect(global)?.get("/api/v1/rota/file")?;
    let text = answer[if args.people { "people" } else { "rota" }].as_str().unwrap_or_default();
    write!(out, "{text}")?;
    Ok(EXIT_WELL)
}
