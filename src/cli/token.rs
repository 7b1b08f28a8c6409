//! `callout token`: access tokens of other systems, and the people who sign in to the console.

use super::{Ended, Exit, Global};
use crate::clock::Clock;
use crate::domain::text::clean_line;
use crate::domain::time::{SignedDuration, Timestamp, after};
use crate::keys::InstallationKey;
use crate::web::scope::{Role, Scope};
use crate::web::tokens::{NewToken, TokenFile};
use crate::web::users::{PASSWORD_MIN, Users};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Longest life of a token in days, where one is given.
const DAYS_MAX: i64 = 3_660;

/// Arguments of `callout token`.
#[derive(Debug, Clone, clap::Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, Clone, Subcommand)]
enum TokenVerb {
    /// Make a token; it is shown this once
    New {
        /// Which system will hold it, e.g. crm
        #[arg(long)]
        name: String,
        /// What it may do: contacts:write, incidents:write, read, admin; may be given several times
        #[arg(long = "scope", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// When it ends: a date (its first moment, UTC), an instant, or days from now such as 90d; without it, never
        #[arg(long)]
        expires: Option<String>,
    },
    /// Show the tokens, without their secrets
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token at once
    Revoke {
        /// Its name
        name: String,
    },
    /// Add somebody who signs in to the console, or give them a new password; asks for it, or reads a line
    UserAdd {
        /// The name to sign in with: the id in the people file, where they are on the rota
        name: String,
        /// What they are: advisor, officer, manager or admin
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Take somebody out; their sessions end at once
    UserRemove {
        /// Their name
        name: String,
    },
    /// Show who may sign in
    UserList {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::parse(word).ok_or_else(|| format!("use one of {}", Scope::ALL.map(Scope::as_str).join(", ")))
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| format!("use one of {}", Role::ALL.map(Role::as_str).join(", ")))
}

/// Does it, on the data directory; a running daemon sees the change by itself.
///
/// # Errors
/// When the files cannot be read or written, or the name is taken or unknown (1); when the time is none (2).
pub fn run(global: &Global, args: &TokenArgs, out: &mut dyn Write) -> Result<Exit> {
    run_at(&data_dir(global)?, args, Clock::System.now(), &mut ask_password, out)
}

/// The data directory; with `--data` no configuration is needed.
fn data_dir(global: &Global) -> Result<PathBuf> {
    match &global.data {
        Some(data) => Ok(data.clone()),
        None => Ok(global.data_dir(&global.load()?.config)),
    }
}

fn run_at(
    data: &std::path::Path,
    args: &TokenArgs,
    now: Timestamp,
    password: &mut dyn FnMut() -> Result<String>,
    out: &mut dyn Write,
) -> Result<Exit> {
    let (tokens, users) = (TokenFile::of(data), Users::of(data));
    match &args.verb {
        TokenVerb::New { name, scopes, expires } => {
            let name = clean_line(name).into_owned();
            if name.is_empty() || name.chars().count() > 64 {
                return Err(Ended::new(Exit::Usage, "a token's name has 1 to 64 characters, e.g. crm").into());
            }
            let expires = expires.as_deref().map(|text| ending(text, now)).transpose()?;
            let key = InstallationKey::open_or_create(data).context("tokens are kept under the installation's key")?;
            let wanted = NewToken { name: name.clone(), scopes: scopes.clone(), created: now, expires, command: false };
            let token = tokens.make(&key, wanted)?;
            writeln!(out, "{token}")?;
            // Beside the token, so that `callout token new ... > file` holds the token alone.
            let ends = expires.map_or_else(|| "it does not end by itself".to_owned(), |at| format!("it ends at {at}"));
            eprintln!(
                "This is the token \"{name}\". It is shown this once; {ends}. Send it as: Authorization: Bearer ..."
            );
        }
        TokenVerb::List { json } => {
            let all = tokens.list()?;
            if *json {
                let shown: Vec<_> = all
                    .iter()
                    .map(|token| {
                        json!({ "name": token.name, "scopes": token.scopes, "created": token.created, "expires": token.expires })
                    })
                    .collect();
                writeln!(out, "{}", json!({ "tokens": shown }))?;
            } else {
                for token in all.iter().filter(|token| !token.command) {
                    let scopes = token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
                    let ends = match token.expires {
                        Some(at) if at <= now => format!("ended {at}"),
                        Some(at) => format!("ends {at}"),
                        None => "does not end".to_owned(),
                    };
                    writeln!(out, "{:<24} {scopes:<32} made {}, {ends}", token.name, token.created)?;
                }
            }
        }
        TokenVerb::Revoke { name } => {
            tokens.revoke(name)?;
            writeln!(out, "token \"{name}\" is worth nothing from now on")?;
        }
        TokenVerb::UserAdd { name, role } => {
            users.put(name, *role, &password()?)?;
            writeln!(out, "{name} may sign in as {}", role.as_str())?;
        }
        TokenVerb::UserRemove { name } => {
            if !users.remove(name)? {
                return Err(Ended::new(Exit::Failed, format!("there is no user \"{name}\"")).into());
            }
            writeln!(out, "{name} may not sign in any more")?;
        }
        TokenVerb::UserList { json } => {
            let all = users.list()?;
            if *json {
                let shown: Vec<_> = all.iter().map(|user| json!({ "name": user.name, "role": user.role })).collect();
                writeln!(out, "{}", json!({ "users": shown }))?;
            } else {
                for user in &all {
                    writeln!(out, "{:<24} {}", user.name, user.role.as_str())?;
                }
            }
        }
    }
    Ok(Exit::Well)
}

/// When a token ends: `90d`, `2027-03-31` or an instant; always later than now.
fn ending(text: &str, now: Timestamp) -> Result<Timestamp, Ended> {
    let days =
        text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()).filter(|days| (1..=DAYS_MAX).contains(days));
    let date =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let at = match days {
        Some(days) => Some(after(now, SignedDuration::from_hours(24 * days))),
        None => text.parse().ok().or_else(date),
    };
    at.filter(|at| *at > now).ok_or_else(|| {
        let message = format!("--expires {text}: give days (90d), a date (2027-03-31) or an instant, later than now");
        Ended::new(Exit::Usage, message)
    })
}

/// Asks for a password without showing it, twice; from a pipe, reads one line.
fn ask_password() -> Result<String> {
    let stdin = std::io::stdin();
    let read = || -> Result<String> {
        let mut line = String::new();
        stdin.lock().read_line(&mut line).context("reading the password")?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    if !stdin.is_terminal() {
        return read();
    }
    eprint!("Password ({PASSWORD_MIN} characters or more; it is not shown): ");
    let _hidden = Hidden::begin();
    let first = read()?;
    eprint!("\nThe same again: ");
    let second = read()?;
    eprintln!();
    if first != second {
        return Err(Ended::new(Exit::Failed, "the two were not the same; nothing was changed").into());
    }
    Ok(first)
}

/// What is typed is not shown while this lives. By `stty`, which every terminal has; without it the words show.
struct Hidden;

impl Hidden {
    fn begin() -> Self {
        let _ = std::process::Command::new("stty").arg("-echo").status();
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = std::process::Command::new("stty").arg("echo").status();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::web::tokens::Tokens;

    fn now() -> Timestamp {
        "2026-11-22T02:00:00Z".parse().unwrap()
    }

    fn said(data: &std::path::Path, verb: TokenVerb) -> Result<String> {
        let mut out = Vec::new();
        run_at(data, &TokenArgs { verb }, now(), &mut || Ok("gulley pump lantern".to_owned()), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_token_is_made_shown_once_listed_without_its_secret_and_revoked() {
        let data = tempfile::tempdir().unwrap();
        let new = |expires: Option<&str>| TokenVerb::New {
            name: "crm".to_owned(),
            scopes: vec![Scope::ContactsWrite],
            expires: expires.map(str::to_owned),
        };
        let token = said(data.path(), new(Some("90d"))).unwrap();
        let tokens = Tokens::of(data.path(), InstallationKey::open_or_create(data.path()).unwrap());
        assert!(tokens.check(token.trim(), now()).is_some());
        let list = said(data.path(), TokenVerb::List { json: false }).unwrap();
        assert!(list.contains("crm") && list.contains("contacts:write") && list.contains("ends 2027-02-20"), "{list}");
        assert!(!list.contains(token.trim()));
        said(data.path(), TokenVerb::Revoke { name: "crm".to_owned() }).unwrap();
        assert_eq!(tokens.check(token.trim(), now()), None);
        assert!(said(data.path(), new(Some("yesterday"))).unwrap_err().to_string().contains("--expires yesterday"));
    }

    #[test]
    fn a_user_is_added_listed_and_taken_out() {
        let data = tempfile::tempdir().unwrap();
        let name = "priya.nair".to_owned();
        said(data.path(), TokenVerb::UserAdd { name: name.clone(), role: Role::Officer }).unwrap();
        assert!(Users::of(data.path()).check(&name, "gulley pump lantern").unwrap().is_some());
        assert!(said(data.path(), TokenVerb::UserList { json: false }).unwrap().contains("officer"));
        said(data.path(), TokenVerb::UserRemove { name: name.clone() }).unwrap();
        assert!(said(data.path(), TokenVerb::UserRemove { name }).is_err());
    }
}
