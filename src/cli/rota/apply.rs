//! `callout rota apply`: shows what a new edition of rota or people would change, then has the running daemon record it.

use super::super::check::{EXIT_CONFIG_WRONG, EXIT_WELL};
use super::super::client::Client;
use super::Global;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `callout rota apply`.
#[derive(Debug, Clone, clap::Args)]
pub struct ApplyArgs {
    /// The new rota; without one the rota stays as it is
    pub file: Option<PathBuf>,
    /// The new people file; without one the people stay as they are
    #[arg(long, value_name = "FILE")]
    pub people: Option<PathBuf>,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}

/// Does it.
pub(super) fn run(args: &ApplyArgs, global: &Global, out: &mut dyn Write) -> Result<u8> {
    let read = |path: &Option<PathBuf>| -> Result<Option<String>> {
        let Some(path) = path else { return Ok(None) };
        std::fs::read_to_string(path).map(Some).with_context(|| format!("{} cannot be read", path.display()))
    };
    let (rota, people) = (read(&args.file)?, read(&args.people)?);
    if rota.is_none() && people.is_none() {
        let words = "name a rota file, or a people file with --people";
        return Err(super::super::Ended::new(super::Exit::Usage, words.to_owned()).into());
    }
    let body = json!({ "rota": rota, "people": people, "dry_run": args.dry_run });
    let answer = Client::connect(global)?.post("/api/v1/rota", &body)?;
    let lines = |key: &str| -> Vec<String> {
        let list = answer[key].as_array().into_iter().flatten();
        list.filter_map(|line| line.as_str().map(str::to_owned)).collect()
    };
    for line in lines("errors").iter().chain(&lines("warnings")).chain(&lines("differences")) {
        writeln!(out, "{line}")?;
    }
    match answer["result"].as_str().unwrap_or_default() {
        "wrong" => {
            writeln!(out, "Nothing was changed. Exit {EXIT_CONFIG_WRONG}.")?;
            return Ok(EXIT_CONFIG_WRONG);
        }
        "same" => writeln!(out, "It is in force already; nothing to do.")?,
        "shown" => writeln!(out, "Nothing was changed: only shown.")?,
        _ => writeln!(out, "In force now, and recorded (record {}).", answer["seq"])?,
    }
    Ok(EXIT_WELL)
}
