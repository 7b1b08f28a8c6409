//! `callout incident`: what an officer can do in the console, from a terminal.

use super::client::Client;
use super::{Exit, Global};
use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};
use std::io::Write;

/// Arguments of `callout incident`.
#[derive(Debug, Clone, clap::Args)]
pub struct IncidentArgs {
    #[command(subcommand)]
    verb: IncidentVerb,
    /// Print the daemon's answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Subcommand)]
enum IncidentVerb {
    /// Open ones, and the newest closed ones
    List,
    /// Open one by hand; an open one about the same topic is joined
    Open {
        /// What it is about, e.g. flooding
        topic: String,
        /// 1 danger to life, 2 wake somebody, 3 next morning
        #[arg(long, default_value_t = 2)]
        severity: u8,
        /// Why
        #[arg(long)]
        reason: String,
        /// Nothing about it is real
        #[arg(long)]
        exercise: bool,
    },
    /// Activate a playbook, on an open incident or on a new one
    Activate {
        /// The playbook's id: its file name without .toml
        playbook: String,
        /// The incident; left out, a new one is opened
        #[arg(long)]
        incident: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
        /// Nothing about it is real
        #[arg(long)]
        exercise: bool,
    },
    /// Write a note
    Note {
        /// E.g. INC-42
        incident: String,
        /// The words
        text: String,
    },
    /// Write a decision
    Decision {
        /// E.g. INC-42
        incident: String,
        /// What is decided
        text: String,
        /// Why
        #[arg(long)]
        why: Option<String>,
    },
    /// End it
    StandDown {
        /// E.g. INC-42
        incident: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Does it, through the running daemon.
///
/// # Errors
/// When the daemon is not reachable (5) or refuses (1).
pub fn run(global: &Global, args: &IncidentArgs, out: &mut dyn Write) -> Result<Exit> {
    let client = Client::connect(global)?;
    let answer = match &args.verb {
        IncidentVerb::List => client.get("/api/v1/incidents")?,
        IncidentVerb::Open { topic, severity, reason, exercise } => client.post(
            "/api/v1/incidents",
            &json!({ "topic": topic, "severity": severity, "reason": reason, "exercise": exercise }),
        )?,
        IncidentVerb::Activate { playbook, incident: Some(incident), reason, exercise: _ } => client.post(
            &format!("/api/v1/incidents/{incident}/activate"),
            &json!({ "playbook": playbook, "reason": reason }),
        )?,
        IncidentVerb::Activate { playbook, incident: None, reason, exercise } => client
            .post("/api/v1/incidents", &json!({ "playbook": playbook, "reason": reason, "exercise": exercise }))?,
        IncidentVerb::Note { incident, text } => {
            client.post(&format!("/api/v1/incidents/{incident}/notes"), &json!({ "text": text }))?
        }
        IncidentVerb::Decision { incident, text, why } => {
            let body = match why {
                Some(why) => json!({ "text": text, "why": why }),
                None => json!({ "text": text }),
            };
            client.post(&format!("/api/v1/incidents/{incident}/decisions"), &body)?
        }
        IncidentVerb::StandDown { incident, reason } => {
            client.post(&format!("/api/v1/incidents/{incident}/stand-down"), &json!({ "reason": reason }))?
        }
    };
    if args.json {
        writeln!(out, "{answer}")?;
    } else if let IncidentVerb::List = args.verb {
        list(&answer, out)?;
    } else {
        let said = ["incident", "id", "entry"].iter().find_map(|key| answer.get(*key));
        let words =
            said.map_or_else(|| answer.to_string(), |said| said.as_str().map_or(said.to_string(), str::to_owned));
        writeln!(out, "done: {words}")?;
    }
    Ok(Exit::Well)
}

fn list(answer: &Value, out: &mut dyn Write) -> Result<()> {
    let rows = answer["incidents"].as_array().cloned().unwrap_or_default();
    if rows.is_empty() {
        writeln!(out, "no incidents")?;
    }
    for row in rows {
        let text = |key: &str| row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned);
        writeln!(out, "{:10} {:12} {}  ({} contacts)", text("id"), text("state"), text("title"), text("contacts"))?;
    }
    Ok(())
}
