//! `callout rota now`: who is on call, until when, and who is next; from the files, so that it works without a daemon.

use super::check::{EXIT_CONFIG_WRONG, EXIT_FINDING, EXIT_WELL};
use super::picture;
use crate::clock::Clock;
use crate::config::{self, Loaded};
use crate::domain::id::PersonId;
use crate::domain::rota::Role;
use crate::domain::time::Timestamp;
use anyhow::Result;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Arguments of `callout rota`.
#[derive(Debug, Clone, clap::Args)]
pub struct RotaArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: RotaVerb,
}

/// The verbs of `callout rota`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum RotaVerb {
    /// Who is on call, until when, and who is next
    Now(NowArgs),
}

/// Arguments of `callout rota now`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct NowArgs {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// At another time, e.g. 2026-12-24T17:00:00Z
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
}

/// One role, as shown.
#[derive(Debug, Serialize)]
struct Line {
    role: String,
    title: String,
    on_call: Vec<Holder>,
    /// When that changes, RFC 3339; absent where it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    then: Vec<Holder>,
}

#[derive(Debug, Serialize)]
struct Holder {
    id: String,
    name: String,
}

/// Does it, with the configuration at `config`. Gives the exit code: 0; 3 if the configuration is wrong; 4 if nobody is
/// on call for a role.
///
/// # Errors
/// Only if `out` cannot be written.
pub fn run(args: &RotaArgs, config: &Path, out: &mut dyn Write) -> Result<u8> {
    let RotaVerb::Now(args) = &args.verb;
    let at = args.at.unwrap_or_else(|| Clock::System.now());
    let loaded = match config::load_at(config, at) {
        Ok(loaded) => loaded,
        Err(problems) => {
            writeln!(out, "{}{}. Exit 3.", picture::draw(&problems), picture::count(&problems))?;
            return Ok(EXIT_CONFIG_WRONG);
        }
    };
    let lines: Vec<Line> = loaded.policy.rota.roles.values().map(|role| line(&loaded, role, at)).collect();
    if args.json {
        writeln!(out, "{:#}", serde_json::json!({ "at": at, "roles": lines }))?;
    } else {
        write!(out, "{}", table(&loaded, &lines, at))?;
    }
    Ok(if lines.iter().any(|line| line.on_call.is_empty()) { EXIT_FINDING } else { EXIT_WELL })
}

fn line(loaded: &Loaded, role: &Role, at: Timestamp) -> Line {
    let rota = &loaded.policy.rota;
    let holders = |ids: Vec<PersonId>| {
        let name = |id: &PersonId| loaded.people.details.get(id).map_or_else(|| id.to_string(), |d| d.name.clone());
        ids.iter().map(|id| Holder { id: id.to_string(), name: name(id) }).collect::<Vec<_>>()
    };
    let until = rota.next_change(&role.id, at);
    Line {
        role: role.id.to_string(),
        title: role.title.clone(),
        on_call: holders(rota.on_call(&role.id, at)),
        until,
        then: until.map_or_else(Vec::new, |until| holders(rota.on_call(&role.id, until))),
    }
}

fn table(loaded: &Loaded, lines: &[Line], at: Timestamp) -> String {
    let local = |at: Timestamp| at.to_zoned(loaded.policy.rota.zone.clone()).strftime("%a %-d %b %H:%M").to_string();
    let names = |holders: &[Holder]| match holders {
        [] => "NOBODY".to_owned(),
        holders => holders.iter().map(|holder| holder.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    let width = lines.iter().map(|line| line.title.chars().count()).max().unwrap_or(0);
    let hours = if loaded.policy.calendar.is_core(at) { "core hours" } else { "out of hours" };
    let mut shown = format!("On call at {} ({}), {hours}\n", local(at), loaded.config.deciding.council.zone);
    for line in lines {
        shown += &format!("  {:width$}  {}", line.title, names(&line.on_call));
        if let Some(until) = line.until {
            shown += &format!(", until {}, then {}", local(until), names(&line.then));
        }
        shown += "\n";
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    fn now(at: &str, json: bool) -> (u8, String) {
        let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
        let args = RotaArgs { verb: RotaVerb::Now(NowArgs { json, at: Some(at.parse().unwrap()) }) };
        let mut out = Vec::new();
        let exit = run(&args, &config, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_wall_says_who_is_on_call_until_when_and_who_is_next() {
        let (exit, out) = now("2026-11-20T20:00:00Z", false);
        assert_eq!(exit, EXIT_WELL, "{out}");
        assert!(out.starts_with("On call at Fri 20 Nov 20:00 (Europe/London), out of hours\n"), "{out}");
        let line = out.lines().find(|line| line.contains("Duty officer")).unwrap();
        assert!(line.ends_with("Priya Nair, until Mon 23 Nov 08:00, then Imran Shah"), "{line}");
        let line = out.lines().find(|line| line.contains("Emergency control")).unwrap();
        assert_eq!(line.matches(", ").count(), 5, "{line}");
    }

    #[test]
    fn json_says_the_same_and_a_role_with_nobody_is_a_finding() {
        let (_, out) = now("2026-07-01T12:00:00Z", true);
        let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
        let roles = answer["roles"].as_array().unwrap();
        let duty = roles.iter().find(|role| role["role"] == "duty_officer").unwrap();
        assert_eq!(duty["until"], "2026-07-06T07:00:00Z");
        assert_eq!(duty["on_call"].as_array().unwrap().len(), 1);
        // Before the rotations began.
        let (exit, out) = now("2025-12-31T12:00:00Z", false);
        assert_eq!(exit, EXIT_FINDING);
        assert!(out.contains("NOBODY"), "{out}");
    }
}
