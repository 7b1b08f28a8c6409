//! `callout incident`: what an officer can do in the console, from a terminal.

use super::client::Client;
use super::{Exit, Global};
use crate::clock::Clock;
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
    /// Write into its log
    Note(NoteArgs),
    /// Write a decision; the same as `note --type decision`
    Decision(NoteArgs),
    /// Say that you have read a decision that was written down for you, and agree
    Confirm {
        /// E.g. INC-42
        incident: String,
        /// The decision's number in the log
        entry: u64,
    },
    /// Enter a warning: playbooks that ask for it are activated or proposed
    Warning {
        /// Who gave it, e.g. met_office
        source: String,
        /// Of what, e.g. rain
        kind: String,
        /// yellow, amber or red
        level: String,
        /// Where, by name
        #[arg(long)]
        area: String,
        /// Until when, e.g. 2026-11-23T06:00:00Z
        #[arg(long)]
        to: String,
        /// From when; now where it is left out
        #[arg(long)]
        from: Option<String>,
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

/// An entry of an incident's log.
#[derive(Debug, Clone, clap::Args)]
struct NoteArgs {
    /// E.g. INC-42
    incident: String,
    /// The words
    text: String,
    /// information, decision, action, request, offer, contact, media or lesson
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// When it happened, where that is another time than now, e.g. 2026-11-22T02:10:00Z
    #[arg(long = "at", value_name = "TIME")]
    occurred_at: Option<String>,
    /// As what you act, e.g. loggist; taken from the rota where it is left out
    #[arg(long)]
    role: Option<String>,
    /// Where it is from
    #[arg(long)]
    source: Option<String>,
    /// confirmed, likely or unconfirmed
    #[arg(long)]
    confidence: Option<String>,
    /// The number of the entry that this one corrects
    #[arg(long, value_name = "ENTRY")]
    corrects: Option<u64>,
    /// A decision's: who decided, where you write it down for them; they confirm it
    #[arg(long, value_name = "PERSON")]
    decided_by: Option<String>,
    /// A decision's: why
    #[arg(long)]
    why: Option<String>,
    /// A decision's: what else was thought of
    #[arg(long)]
    options: Option<String>,
    /// A decision's: what was known
    #[arg(long)]
    information: Option<String>,
    /// A decision's: the entry that it relies on; may be given again
    #[arg(long, value_name = "ENTRY")]
    relies_on: Vec<u64>,
    /// A decision's: what may go wrong
    #[arg(long)]
    risks: Option<String>,
    /// A decision's: the authority or power used
    #[arg(long)]
    authority: Option<String>,
    /// A decision's: legal or financial advice
    #[arg(long)]
    advice: Option<String>,
    /// A decision's: who did not agree, and why
    #[arg(long)]
    dissent: Option<String>,
    /// A decision's: when it is to be looked at again, e.g. 2026-11-22T06:00:00Z
    #[arg(long = "review", value_name = "TIME")]
    review_at: Option<String>,
}

impl NoteArgs {
    /// The body of the request: what was given, nothing else.
    fn body(&self) -> Value {
        let mut body = json!({ "text": self.text });
        let fields = [
            ("kind", &self.kind),
            ("occurred_at", &self.occurred_at),
            ("role", &self.role),
            ("source", &self.source),
            ("confidence", &self.confidence),
            ("decided_by", &self.decided_by),
            ("why", &self.why),
            ("options", &self.options),
            ("information", &self.information),
            ("risks", &self.risks),
            ("authority", &self.authority),
            ("advice", &self.advice),
            ("dissent", &self.dissent),
            ("review_at", &self.review_at),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        if let Some(corrects) = self.corrects {
            body["corrects"] = json!(corrects);
        }
        if !self.relies_on.is_empty() {
            body["relies_on"] = json!(self.relies_on);
        }
        body
    }
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
        IncidentVerb::Note(note) => client.post(&format!("/api/v1/incidents/{}/notes", note.incident), &note.body())?,
        IncidentVerb::Decision(note) => {
            let mut body = note.body();
            body["kind"] = json!("decision");
            client.post(&format!("/api/v1/incidents/{}/notes", note.incident), &body)?
        }
        IncidentVerb::Confirm { incident, entry } => {
            client.post(&format!("/api/v1/incidents/{incident}/entries/{entry}/confirm"), &json!({}))?
        }
        IncidentVerb::Warning { source, kind, level, area, to, from } => {
            let from = from.clone().unwrap_or_else(|| Clock::System.now().to_string());
            let body = json!({ "source": source, "kind": kind, "level": level, "area": area, "from": from, "to": to });
            client.post("/api/v1/warnings", &body)?
        }
        IncidentVerb::StandDown { incident, reason } => {
            client.post(&format!("/api/v1/incidents/{incident}/stand-down"), &json!({ "reason": reason }))?
        }
    };
    if args.json {
        writeln!(out, "{answer}")?;
        return Ok(Exit::Well);
    }
    let id = |key: &str| answer[key].as_str().unwrap_or("?").to_owned();
    match &args.verb {
        IncidentVerb::List => list(&answer, out)?,
        IncidentVerb::Open { .. } => {
            let incident = id("incident");
            let found = client.get(&format!("/api/v1/incidents/{incident}"))?;
            writeln!(out, "{}", line(&found))?;
            if found["paging"] == "nobody_paged" {
                writeln!(
                    out,
                    "nobody is paged by this; to page: callout incident activate PLAYBOOK --incident {incident} --reason WHY"
                )?;
            }
        }
        IncidentVerb::Activate { .. } => {
            let found = client.get(&format!("/api/v1/incidents/{}", id("incident")))?;
            writeln!(out, "{}", line(&found))?;
        }
        IncidentVerb::Warning { .. } => writeln!(out, "{} is in force", id("warning"))?,
        IncidentVerb::Note(note) | IncidentVerb::Decision(note) => {
            writeln!(out, "{}: entry {} is in the log", note.incident, answer["entry"])?;
            if let Some(who) = &note.decided_by {
                writeln!(out, "{who} confirms it: callout incident confirm {} {}", note.incident, answer["entry"])?;
            }
        }
        IncidentVerb::Confirm { incident, entry } => writeln!(out, "{incident}: entry {entry} is confirmed")?,
        IncidentVerb::StandDown { incident, .. } => writeln!(out, "{incident} is stood down")?,
    }
    Ok(Exit::Well)
}

fn list(answer: &Value, out: &mut dyn Write) -> Result<()> {
    let rows = answer["incidents"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        writeln!(out, "no incidents")?;
    }
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))?;
    Ok(())
}

/// One incident on one line: id, what it is about, how it stands.
fn line(incident: &Value) -> String {
    let text = |key: &str| incident[key].as_str().map_or_else(|| incident[key].to_string(), str::to_owned);
    let names =
        |key: &str| -> Vec<&str> { incident[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
    let mut parts = vec![format!("severity {}", text("severity"))];
    if incident["exercise"] == true {
        parts.push("EXERCISE".to_owned());
    }
    parts.push(match incident["contacts_n"].as_u64() {
        Some(1) => "1 contact".to_owned(),
        n => format!("{} contacts", n.unwrap_or(0)),
    });
    let (playbooks, proposed) = (names("playbooks"), names("proposed"));
    if !playbooks.is_empty() {
        parts.push(format!("playbook {}", playbooks.join(", ")));
    }
    if !proposed.is_empty() {
        parts.push(format!("proposed: {}", proposed.join(", ")));
    }
    parts.push(match (incident["closed_at"].as_str(), incident["paging"].as_str()) {
        (Some(at), _) => format!("stood down {at}"),
        (None, Some("nobody_yet")) => "paging, nobody has it yet".to_owned(),
        (None, Some("acknowledged")) => "somebody has it".to_owned(),
        (None, _) => "nobody is paged".to_owned(),
    });
    format!("{:10} {:14} {}", text("id"), text("topic"), parts.join("; "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_incident_reads_as_one_line() {
        let open = json!({ "id": "INC-27", "topic": "flooding", "severity": 2, "contacts_n": 1, "closed_at": null,
            "exercise": false, "playbooks": ["surface-water-flooding"], "proposed": [], "paging": "nobody_yet" });
        let closed = json!({ "id": "INC-9", "topic": "storm", "severity": 1, "contacts_n": 4, "exercise": true,
            "closed_at": "2026-11-22T04:06:18Z", "playbooks": [], "proposed": ["storm-and-trees"], "paging": "nobody_paged" });
        let mut out = Vec::new();
        list(&json!({ "incidents": [open, closed] }), &mut out).unwrap();
        list(&json!({ "incidents": [] }), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "INC-27     flooding       severity 2; 1 contact; playbook surface-water-flooding; paging, nobody has it yet\n\
             INC-9      storm          severity 1; EXERCISE; 4 contacts; proposed: storm-and-trees; stood down 2026-11-22T04:06:18Z\n\
             no incidents\n"
        );
    }
}
