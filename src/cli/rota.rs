//! `callout rota`: who is on call now and next, what is amiss in the fortnight ahead, the rota for other programs, and a
//! new edition put into force. All but `apply` and `export` of the file work without a daemon.

mod apply;
mod export;
mod gaps;
mod now;
#[cfg(test)]
mod tests;

pub use now::NowArgs;

use super::check::EXIT_CONFIG_WRONG;
use super::picture;
use super::{Exit, Global};
use crate::clock::Clock;
use crate::config::{self, Loaded};
use crate::domain::id::{PersonId, RoleId};
use crate::domain::problem::did_you_mean;
use crate::domain::time::Timestamp;
use anyhow::Result;
use std::io::Write;

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
    /// The shifts of the coming days
    Next(export::NextArgs),
    /// What is amiss in the next 14 days: nobody on call, nobody reached, leave, clock changes; exit 4 if anything is
    Gaps(gaps::GapsArgs),
    /// The rota for a calendar (ics), a spreadsheet (csv), or the file as it is in force (toml)
    Export(export::ExportArgs),
    /// Puts a new edition of rota or people into force, after showing what it changes
    Apply(apply::ApplyArgs),
}

/// Does it. Gives the exit code.
///
/// # Errors
/// If `out` cannot be written, or the daemon does not answer where it is needed.
pub fn run(args: &RotaArgs, global: &Global, out: &mut dyn Write) -> Result<u8> {
    match &args.verb {
        RotaVerb::Now(args) => with_files(global, args.at, out, |loaded, at, out| now::run(args, loaded, at, out)),
        RotaVerb::Next(args) => with_files(global, args.at, out, |loaded, at, out| export::next(args, loaded, at, out)),
        RotaVerb::Gaps(args) => {
            let global_too = global.clone();
            with_files(global, args.at, out, |loaded, at, out| gaps::run(args, &global_too, loaded, at, out))
        }
        RotaVerb::Export(args) if args.format == export::Format::Toml => export::file(args, global, out),
        RotaVerb::Export(args) => {
            with_files(global, args.at, out, |loaded, at, out| export::feed(args, loaded, at, out))
        }
        RotaVerb::Apply(args) => apply::run(args, global, out),
    }
}

/// Reads the council's files and goes on with them; tells what is wrong if they cannot be used.
fn with_files(
    global: &Global,
    at: Option<Timestamp>,
    out: &mut dyn Write,
    go_on: impl FnOnce(&Loaded, Timestamp, &mut dyn Write) -> Result<u8>,
) -> Result<u8> {
    let at = at.unwrap_or_else(|| Clock::System.now());
    match config::load_at(&global.config, at) {
        Ok(loaded) => go_on(&loaded, at, out),
        Err(problems) => {
            writeln!(out, "{}{}. Exit 3.", picture::draw(&problems), picture::count(&problems))?;
            Ok(EXIT_CONFIG_WRONG)
        }
    }
}

/// A person's name; the id where there is none.
fn name_of(loaded: &Loaded, id: &PersonId) -> String {
    loaded.people.details.get(id).map_or_else(|| id.to_string(), |detail| detail.name.clone())
}

/// An instant as the wall shows it.
fn local(loaded: &Loaded, at: Timestamp) -> String {
    at.to_zoned(loaded.policy.rota.zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

/// The role that was asked for, if the rota has it.
fn known_role(loaded: &Loaded, asked: Option<&str>) -> Result<Option<RoleId>> {
    let Some(asked) = asked else { return Ok(None) };
    let roles = &loaded.policy.rota.roles;
    let role = RoleId::from(asked);
    if roles.contains_key(&role) {
        return Ok(Some(role));
    }
    let help = match did_you_mean(asked, roles.keys().map(RoleId::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "`callout rota now` lists them".to_owned(),
    };
    Err(super::Ended::new(Exit::Usage, format!("the rota has no role {asked}; {help}")).into())
}

/// The person who was asked for, if the people file has them.
fn known_person(loaded: &Loaded, asked: Option<&str>) -> Result<Option<PersonId>> {
    let Some(asked) = asked else { return Ok(None) };
    let people = &loaded.people.persons;
    let person = PersonId::from(asked);
    if people.contains_key(&person) {
        return Ok(Some(person));
    }
    let help = match did_you_mean(asked, people.keys().map(PersonId::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "give a short name of the people file, e.g. priya.nair".to_owned(),
    };
    Err(super::Ended::new(Exit::Usage, format!("there is no person {asked}; {help}")).into())
}
