//! `callout page test`: proves the way to one person, end to end.

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
}

/// Does it, through the running daemon.
///
/// # Errors
/// When the daemon is not reachable (5) or refuses (1).
pub fn run(global: &Global, args: &PageArgs, out: &mut dyn Write) -> Result<Exit> {
    let PageVerb::Test { person } = &args.verb;
    let client = Client::connect(global)?;
    let answer = client.post("/api/v1/pages/test", &json!({ "person": person }))?;
    let call_out = answer["call_out"].as_str().unwrap_or("?");
    writeln!(
        out,
        "test page {call_out} is on its way to {person}; the log shows what becomes of it: callout log tail"
    )?;
    Ok(Exit::Well)
}
