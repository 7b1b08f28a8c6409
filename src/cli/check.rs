//! `callout check`: settings, people, rota, calendar, keywords, bodies and playbooks, without starting anything. All
//! that is wrong is told at once.

use super::picture;
use crate::clock::Clock;
use crate::config::transports::{EmailVia, SmsVia};
use crate::config::{self, Config, Loaded};
use crate::daemon::engine::LOG_DIR;
use crate::domain::id::Seq;
use crate::domain::policy::DocumentKind;
use crate::domain::problem::{Code, Problem};
use crate::domain::reading::{locate, position};
use crate::domain::record::Record;
use crate::domain::time::Timestamp;
use crate::log::tail::Follow;
use crate::transport::voice::Voice;
use crate::transport::{Outbox, Providers, SetupProblem, providers};
use crate::web::tls::Certificate;
use anyhow::Result;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// It would start, and nothing needs a look.
pub const EXIT_WELL: u8 = 0;
/// It cannot start with this.
pub const EXIT_CONFIG_WRONG: u8 = 3;
/// It would start, but a finding stands.
pub const EXIT_FINDING: u8 = 4;

/// Lines of the log read at a time.
const LINES: usize = 1_000;

/// Arguments of `callout check`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CheckArgs {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Checks the configuration at `config` and everything that it names. Gives the exit code: 0, 3 or 4.
///
/// # Errors
/// Only if `out` cannot be written.
pub fn run(args: &CheckArgs, config: &Path, out: &mut dyn Write) -> Result<u8> {
    run_at(args, config, Clock::System.now(), out)
}

/// The same as of `now`.
///
/// # Errors
/// Only if `out` cannot be written.
pub fn run_at(args: &CheckArgs, config: &Path, now: Timestamp, out: &mut dyn Write) -> Result<u8> {
    let outcome = config::load_at(config, now);
    let (loaded, mut problems) = match outcome {
        Ok(loaded) => {
            let mut problems = transports(&loaded.config, config);
            problems.extend(loaded.warnings.clone());
            problems.extend(other_files(&loaded));
            (Some(loaded), problems)
        }
        Err(problems) => (None, problems),
    };
    problems.sort_by_key(|problem| !problem.is_error());
    let exit = match &problems[..] {
        [] => EXIT_WELL,
        problems if problems.iter().any(Problem::is_error) => EXIT_CONFIG_WRONG,
        _ => EXIT_FINDING,
    };
    if args.json {
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let findings = problems.len() - errors;
        let answer = serde_json::json!({ "exit": exit, "errors": errors, "findings": findings, "problems": problems });
        writeln!(out, "{answer:#}")?;
        return Ok(exit);
    }
    write!(out, "{}", picture::draw(&problems))?;
    if let Some(loaded) = &loaded {
        writeln!(out, "{}", summary(config, loaded))?;
    }
    let verdict = match exit {
        EXIT_WELL => "Ready to start.",
        EXIT_FINDING => "It would start. Exit 4.",
        _ => "Nothing was changed. Exit 3.",
    };
    writeln!(out, "{}. {verdict}", picture::count(&problems))?;
    Ok(exit)
}

fn summary(path: &Path, loaded: &Loaded) -> String {
    let policy = &loaded.policy;
    let mut line = format!(
        "{}: {}, {} people, {} roles, {} playbooks, {} topics ({} phrases, {} examples tried), {} bodies, {} bank holidays.",
        path.display(),
        loaded.config.deciding.council.name,
        policy.people.len(),
        policy.rota.roles.len(),
        policy.playbooks.len(),
        policy.keywords.topics.len(),
        policy.keywords.phrases_n(),
        policy.keywords.examples_n(),
        loaded.bodies.bodies().count(),
        policy.calendar.holidays.len(),
    );
    let config = &loaded.config;
    if config.email.via == EmailVia::Outbox.into() && config.sms.via == SmsVia::Outbox.into() {
        line += "\nEmails and texts go to the outbox page only: nothing leaves this machine (email.via, sms.via).";
        return line;
    }
    if providers::reply_number(config).is_none() && config.sms.via != SmsVia::Outbox.into() {
        line += "\nNobody can answer by text: no provider has a number of its own for replies (notify.number, twilio.from, \
                 sms.from). The link in each text works all the same; GOV.UK Notify gives a dedicated number on request.";
    }
    if config.sms.via.0.contains(&SmsVia::Notify) && config.notify.callback_token_file.is_none() {
        line += "\nGOV.UK Notify cannot call back (notify.callback_token_file): it is asked every 30 s what became of each page.";
    }
    line
}

/// What is wrong with the settings of the transports, at their place in the configuration. Connects to nothing.
fn transports(settings: &Config, config: &Path) -> Vec<Problem> {
    let clock = Arc::new(Clock::System);
    let outbox = Arc::new(Outbox::new(Arc::clone(&clock), 1));
    // The real secret part comes from the log's key; any will do to try the settings.
    let mut slips: Vec<SetupProblem> = Providers::build(settings, "check", &outbox, &clock).err().unwrap_or_default();
    slips.extend(Voice::all(&settings.voices, &settings.web.public_url).err().unwrap_or_default());
    let (web, public) = (&settings.web, &settings.public);
    let doors = [
        ("web.certificate", &web.certificate, &web.private_key),
        ("public.certificate", &public.certificate, &public.private_key),
    ];
    slips.extend(doors.into_iter().filter_map(|(key, chain, private)| {
        let error = Certificate::read(chain.as_ref()?, private.as_ref()?).err()?;
        let help = "give the whole chain and its key as PEM files that callout may read".to_owned();
        Some(SetupProblem { key, what: error.to_string(), help })
    }));
    let text = std::fs::read_to_string(config).unwrap_or_default();
    slips
        .into_iter()
        .map(|slip| {
            let mut problem =
                Problem::of_file(config.display().to_string(), Code::C004, format!("{}: {}", slip.key, slip.what));
            let path: Vec<&str> = slip.key.split('.').collect();
            (problem.line, problem.column, problem.width) = position(&text, &locate(&text, &path));
            problem.with_help(slip.help)
        })
        .collect()
}

/// The files of people and rota that are not what the log has in force; none where there is no log yet.
fn other_files(loaded: &Loaded) -> Vec<Problem> {
    let mut follow = Follow::from(&loaded.config.data().join(LOG_DIR), Seq(1));
    let (mut applied, mut in_force) = (false, Vec::new());
    while let Ok(lines) = follow.lines(LINES) {
        if lines.is_empty() {
            break;
        }
        for line in lines {
            // Most lines are neither, and need not be read.
            if line.record.contains("\"roster_applied\"") || line.record.contains("\"policy_in_force\"") {
                match serde_json::from_str::<Record>(&line.record) {
                    Ok(Record::RosterApplied { .. }) => applied = true,
                    Ok(Record::PolicyInForce { documents, .. }) => in_force = documents,
                    _ => {}
                }
            }
        }
    }
    let files = &loaded.config.files;
    [(DocumentKind::People, &files.people), (DocumentKind::Rota, &files.rota)]
        .into_iter()
        .filter(|(kind, _)| {
            let file = loaded.documents.iter().find(|document| document.kind == *kind);
            let same = |(in_force, _, sha256): &(DocumentKind, String, String)| {
                in_force == kind && file.is_some_and(|file| file.sha256 == *sha256)
            };
            applied && !in_force.iter().any(same)
        })
        .map(|(_, path)| {
            let message = "this file is not what is in force";
            let problem = Problem::of_file(path.display().to_string(), Code::R016, message);
            problem.with_help(
                "see what it would change: callout rota apply --dry-run; then apply it, or put the file back",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    /// A copy of the sample council in a directory of its own, with one file changed.
    fn council(file: &str, change: impl Fn(String) -> String) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        for part in ["config", "playbooks"] {
            std::fs::create_dir(directory.path().join(part)).unwrap();
            for entry in std::fs::read_dir(root.join(part)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    std::fs::copy(&path, directory.path().join(part).join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        let path = directory.path().join(file);
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
        let config = directory.path().join("config/callout.toml");
        (directory, config)
    }

    fn check(config: &Path, now: &str) -> (u8, String) {
        let mut out = Vec::new();
        let exit = run_at(&CheckArgs::default(), config, now.parse().unwrap(), &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_sample_council_is_ready_to_start() {
        let (_keep, config) = council("config/rota.toml", |text| text);
        let (exit, out) = check(&config, "2026-11-20T20:00:00Z");
        assert_eq!(exit, EXIT_WELL, "{out}");
        assert!(out.ends_with("no errors, no findings. Ready to start.\n"), "{out}");
        assert!(out.contains("Wexmoor Council"), "{out}");
    }

    #[test]
    fn a_plan_that_pages_a_role_nobody_has_is_shown_with_the_line_and_a_guess() {
        let (_keep, config) = council("playbooks/power-cut.toml", |text| {
            text.replace("page     = \"housing\"", "page     = \"huosing\"")
        });
        let (exit, out) = check(&config, "2026-11-20T20:00:00Z");
        assert_eq!(exit, EXIT_CONFIG_WRONG, "{out}");
        for part in [
            "error[P013]: the rota has no role \"huosing\"",
            "playbooks/power-cut.toml:",
            "│ page     = \"huosing\"",
            "help: did you mean \"housing\"?   callout explain P013",
            "1 error, no findings. Nothing was changed. Exit 3.",
        ] {
            assert!(out.contains(part), "{part} is missing in:\n{out}");
        }
    }

    #[test]
    fn a_stale_plan_and_the_end_of_the_bank_holidays_are_findings_and_do_not_stop_the_daemon() {
        let (_keep, config) = council("config/rota.toml", |text| text);
        let (exit, out) = check(&config, "2028-12-01T20:00:00Z");
        assert_eq!(exit, EXIT_FINDING, "{out}");
        let plans = std::fs::read_dir(config.parent().unwrap().parent().unwrap().join("playbooks")).unwrap();
        let plans = plans.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "toml"));
        assert_eq!(out.matches("warning[P015]").count(), plans.count(), "{out}");
        assert!(out.contains("warning[D002]: the bank holidays end on 2028-12-26"), "{out}");
        let numbers = include_str!("../../config/bodies.toml").matches("[[body.line]]").count();
        assert_eq!(out.matches("warning[B002]").count(), numbers, "every number is old by then: {out}");
        assert!(out.contains("warning[B002]: 0800 111 999 of Gas network was last checked on"), "{out}");
        assert!(out.ends_with("findings. It would start. Exit 4.\n"), "{out}");
    }

    #[test]
    fn a_gap_in_the_rota_is_a_finding_with_its_hours() {
        let (_keep, config) = council("config/rota.toml", |text| {
            text.replacen(
                "standing = [\"will.thorn\"]",
                "[[role.override]]\nperson = \"will.thorn\"\nfrom = 2026-11-20T08:00:00\nto = 2026-11-24T17:00:00",
                1,
            )
        });
        let (exit, out) = check(&config, "2026-11-20T20:00:00Z");
        assert_eq!(exit, EXIT_FINDING, "{out}");
        assert!(out.contains("nobody is on call as \"trees\" from Tue 24 Nov 17:00 to Fri 4 Dec 20:00"), "{out}");
    }

    #[test]
    fn a_transport_that_cannot_be_built_is_an_error_at_its_line() {
        let (_keep, config) = council("config/callout.toml", |text| {
            text.replace("[email]", "[email]\npassword_file = \"missing\"\nuser = \"callout\"").replacen(
                "via = \"outbox\"",
                "via = \"smtp\"",
                1,
            )
        });
        let (exit, out) = check(&config, "2026-11-20T20:00:00Z");
        assert_eq!(exit, EXIT_CONFIG_WRONG, "{out}");
        assert!(out.contains("error[C004]: email.password_file"), "{out}");
    }

    #[test]
    fn json_says_the_same() {
        let (_keep, config) = council("config/people.toml", |text| text.replacen("+447700900101", "07700 9001", 1));
        let mut out = Vec::new();
        let exit =
            run_at(&CheckArgs { json: true }, &config, "2026-11-20T20:00:00Z".parse().unwrap(), &mut out).unwrap();
        assert_eq!(exit, EXIT_CONFIG_WRONG);
        let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(answer["errors"], 1);
        assert_eq!(answer["problems"][0]["code"], "N002");
        assert_eq!(answer["problems"][0]["severity"], "error");
        assert!(answer["problems"][0]["line"].as_u64().unwrap() > 5);
    }
}
