//! `callout page`: proves the way to one person, end to end, and answers for somebody who cannot.

use super::client::Client;
use super::{Exit, Global};
use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use std::io::Write;

/// Arguments of `callout page`.
#[derive(Debug, Clone, clap::Args)]
pub struct PageArgs {
    #[command(subcommand)]
    verb: PageVerb,
}

#[derive(Debug, Clone, Subcommand)]
enum PageVerb {
    /// Page one person by every channel they have; nothing but a test, and says so
    Test {
        /// The person's id in the people file, e.g. priya.nair
        person: String,
    },
    /// Say "I have got this" for somebody who cannot do it themselves
    Ack {
        /// The page's id, as the log shows it, e.g. P-512
        page: String,
    },
}

/// Does it, through the running daemon.
///
/// # Errors
/// When the daemon is not reachable (5) or refuses (1).
pub fn run(global: &Global, args: &PageArgs, out: &mut dyn Write) -> Result<Exit> {
    let client = Client::connect(global)?;
    match &args.verb {
        PageVerb::Test { person } => {
            let answer = client.post("/api/v1/pages/test", &json!({ "person": person }))?;
            let call_out = answer["call_out"].as_str().unwrap_or("?");
            writeln!(
                out,
                "test page {call_out} is on its way to {person}; the log shows what becomes of it: callout log tail"
            )?;
        }
        PageVerb::Ack { page } => {
            let answer = client.post(&format!("/api/v1/pages/{page}/acknowledge"), &json!({}))?;
            let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
            let words = match text("result").as_str() {
                "yours" => format!("acknowledged {}", text("incident")),
                "already_yours" => "it was acknowledged already, by the same person".to_owned(),
                "already_taken" => format!("{} has it already, since {}", text("by"), text("at")),
                "closed" => "the call-out is over; nothing to do".to_owned(),
                other => format!("the daemon says {other}"),
            };
            writeln!(out, "{}", words.trim_end())?;
        }
    }
    Ok(Exit::Well)
}
