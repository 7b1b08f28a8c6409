//! `callout rota now`: who is on call, until when, and who is next; from the files, so that it works without a daemon.

use super::super::check::{EXIT_FINDING, EXIT_WELL};
use super::{local, name_of};
use crate::config::Loaded;
use crate::domain::id::PersonId;
use crate::domain::rota::Role;
use crate::domain::time::Timestamp;
use anyhow::Result;
use serde::Serialize;
use std::io::Write;

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

/// Says who is on call. Gives 0, or 4 if nobody is for a role.
pub(super) fn run(args: &NowArgs, loaded: &Loaded, at: Timestamp, out: &mut dyn Write) -> Result<u8> {
    let lines: Vec<Line> = loaded.policy.rota.roles.values().map(|role| line(loaded, role, at)).collect();
    if args.json {
        writeln!(out, "{:#}", serde_json::json!({ "at": at, "roles": lines }))?;
    } else {
        write!(out, "{}", table(loaded, &lines, at))?;
    }
    Ok(if lines.iter().any(|line| line.on_call.is_empty()) { EXIT_FINDING } else { EXIT_WELL })
}

fn line(loaded: &Loaded, role: &Role, at: Timestamp) -> Line {
    let rota = &loaded.policy.rota;
    let holders = |ids: Vec<PersonId>| {
        ids.iter().map(|id| Holder { id: id.to_string(), name: name_of(loaded, id) }).collect::<Vec<_>>()
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
    let names = |holders: &[Holder]| match holders {
        [] => "NOBODY".to_owned(),
        holders => holders.iter().map(|holder| holder.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    let width = lines.iter().map(|line| line.title.chars().count()).max().unwrap_or(0);
    let hours = if loaded.policy.calendar.is_core(at) { "core hours" } else { "out of hours" };
    let mut shown = format!("On call at {} ({}), {hours}\n", local(loaded, at), loaded.config.deciding.council.zone);
    for line in lines {
        shown += &format!("  {:width$}  {}", line.title, names(&line.on_call));
        if let Some(until) = line.until {
            shown += &format!(", until {}, then {}", local(loaded, until), names(&line.then));
        }
        shown += "\n";
    }
    shown
}
