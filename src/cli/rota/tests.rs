//! The verbs of `callout rota`, on the council's sample.
#![allow(clippy::unwrap_used)]

use super::super::check::{EXIT_FINDING, EXIT_WELL};
use super::*;
use std::path::PathBuf;

/// Runs `callout rota ...` on the sample, with a data directory that is not there.
fn rota(words: &str) -> (u8, String) {
    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        args: RotaArgs,
    }
    let only = <Only as clap::Parser>::parse_from(std::iter::once("rota").chain(words.split(' ')));
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
    let global = Global { config, data: Some(PathBuf::from("/nonexistent/callout")) };
    let mut out = Vec::new();
    let exit = run(&only.args, &global, &mut out).unwrap();
    (exit, String::from_utf8(out).unwrap())
}

fn now(at: &str, json: bool) -> (u8, String) {
    rota(&format!("now --at {at}{}", if json { " --json" } else { "" }))
}

#[test]
fn the_wall_says_who_is_on_call_until_when_and_who_is_next() {
    let (exit, out) = now("2026-11-20T20:00:00Z", false);
    assert_eq!(exit, EXIT_WELL, "{out}");
    assert!(out.starts_with("On call at Fri 20 Nov 20:00 (Europe/London), out of hours\n"), "{out}");
    let line = out.lines().find(|line| line.contains("Duty officer")).unwrap();
    assert!(line.ends_with("Priya Nair, until Mon 23 Nov 08:00, then Imran Shah"), "{line}");
    let line = out.lines().find(|line| line.contains("Emergency control")).unwrap();
    assert_eq!(line.matches(", ").count(), 5, "{line}");
}

#[test]
fn json_says_the_same_and_a_role_with_nobody_is_a_finding() {
    let (_, out) = now("2026-07-01T12:00:00Z", true);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let roles = answer["roles"].as_array().unwrap();
    let duty = roles.iter().find(|role| role["role"] == "duty_officer").unwrap();
    assert_eq!(duty["until"], "2026-07-06T07:00:00Z");
    assert_eq!(duty["on_call"].as_array().unwrap().len(), 1);
    // Before the rotations began.
    let (exit, out) = now("2025-12-31T12:00:00Z", false);
    assert_eq!(exit, EXIT_FINDING);
    assert!(out.contains("NOBODY"), "{out}");
}

#[test]
fn the_coming_shifts_of_one_person_are_listed() {
    let (exit, out) = rota("next --at 2026-11-20T20:00:00Z --person priya.nair --days 30");
    assert_eq!(exit, EXIT_WELL);
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.starts_with("Mon 16 Nov 08:00 to Mon 23 Nov 08:00  Duty officer  Priya Nair\n"), "{out}");
}

#[test]
fn the_fortnight_has_findings_with_owners_and_ends_with_four() {
    let (exit, out) = rota("gaps --at 2026-10-20T12:00:00Z");
    assert_eq!(exit, EXIT_FINDING);
    assert!(out.contains("R015  Helen Acheson  the clocks go back on Sun 25 Oct"), "{out}");
    assert!(out.contains("R014  Helen Acheson"), "{out}");
    assert!(out.trim_end().ends_with("Exit 4."), "{out}");
    let (exit, out) = rota("gaps --at 2026-10-20T12:00:00Z --json");
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, answer["findings"][0]["owner"].as_str()), (EXIT_FINDING, Some("helen.acheson")));
}

#[test]
fn calendars_and_spreadsheets_get_the_same_shifts() {
    let (exit, ics) = rota("export --format ics --at 2026-11-20T20:00:00Z --role duty_officer --days 30");
    assert_eq!(exit, EXIT_WELL);
    let (_, csv) = rota("export --format csv --at 2026-11-20T20:00:00Z --role duty_officer --days 30");
    assert_eq!(ics.matches("BEGIN:VEVENT").count(), csv.lines().count() - 1, "{csv}");
    assert!(ics.contains("SUMMARY:Duty officer: Imran Shah"), "{ics}");
}

#[test]
fn a_misspelt_role_is_a_slip_with_a_guess() {
    let global = Global { config: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml"), data: None };
    let loaded = config::load_at(&global.config, "2026-11-20T20:00:00Z".parse().unwrap()).unwrap();
    let told = known_role(&loaded, Some("duty_oficer")).unwrap_err().to_string();
    assert!(told.contains("did you mean duty_officer?"), "{told}");
}
