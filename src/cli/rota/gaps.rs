//! `callout rota gaps`: the daily look ahead of 14 days. Whoever has answered a page by a channel has proven it; the log
//! knows, and is read beside a running daemon.

use super::super::check::{EXIT_FINDING, EXIT_WELL};
use super::{Global, name_of};
use crate::config::Loaded;
use crate::domain::event::Via;
use crate::domain::id::{PageId, PersonId, Seq};
use crate::domain::person::PageChannel;
use crate::domain::policy::ahead::{Finding, Proven};
use crate::domain::record::Record;
use crate::domain::time::Timestamp;
use crate::log::tail::Follow;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Lines of the log read at a time.
const LINES: usize = 1_000;

/// Arguments of `callout rota gaps`.
#[derive(Debug, Clone, clap::Args)]
pub struct GapsArgs {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    /// From another time, e.g. 2026-12-24T17:00:00Z
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
}

/// Tells what is amiss. Gives 0, or 4 if anything is.
pub(super) fn run(args: &GapsArgs, global: &Global, loaded: &Loaded, at: Timestamp, out: &mut dyn Write) -> Result<u8> {
    let proven = proven(&global.data_dir(&loaded.config).join(crate::daemon::engine::LOG_DIR));
    let findings = loaded.policy.ahead(at, &proven);
    let exit = if findings.is_empty() { EXIT_WELL } else { EXIT_FINDING };
    if args.json {
        writeln!(out, "{:#}", json!({ "at": at, "findings": findings }))?;
        return Ok(exit);
    }
    for finding in &findings {
        let owner = finding.owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| name_of(loaded, owner));
        writeln!(out, "{}  {owner}  {}", finding.code, with_name(loaded, finding))?;
        writeln!(out, "      {}", finding.help)?;
    }
    match findings.len() {
        0 => writeln!(out, "Nothing amiss in the next 14 days.")?,
        n => writeln!(out, "{n} findings in the next 14 days, each with who should see to it. Exit {EXIT_FINDING}.")?,
    }
    Ok(exit)
}

/// The message with the person's name for their id.
fn with_name(loaded: &Loaded, finding: &Finding) -> String {
    match &finding.person {
        Some(person) => finding.message.replacen(person.as_str(), &name_of(loaded, person), 1),
        None => finding.message.clone(),
    }
}

/// Who has answered by which channel, by the log in `dir`; nobody where there is none.
fn proven(dir: &Path) -> Proven {
    let (mut proven, mut channels): (Proven, BTreeMap<PageId, PageChannel>) = (Proven::new(), BTreeMap::new());
    let mut answered = |person: PersonId, channel: PageChannel| {
        proven.entry(person).or_default().insert(channel);
    };
    let mut follow = Follow::from(dir, Seq(1));
    while let Ok(lines) = follow.lines(LINES) {
        if lines.is_empty() {
            break;
        }
        for line in lines {
            match serde_json::from_str::<Record>(&line.record) {
                Ok(Record::PageIntended { channel, .. }) => {
                    channels.insert(line.seq.into(), channel);
                }
                Ok(Record::Acknowledged { person, page, via, .. }) => {
                    match (via, page.and_then(|page| channels.get(&page))) {
                        (Via::Sms, _) => answered(person, PageChannel::Sms),
                        (Via::Link, Some(channel)) => answered(person, *channel),
                        _ => {}
                    }
                }
                Ok(Record::Declined { person, via: Via::Sms, .. }) => answered(person, PageChannel::Sms),
                _ => {}
            }
        }
    }
    proven
}
