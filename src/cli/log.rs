//! `callout log verify` and `callout log tail`: the record, checked and read.
//!
//! Both read the files beside a running daemon, without its lock. The lines are told generally (number, local time,
//! what it is, its fields), so that any version's records can be read.

use crate::log::Logged;
use crate::log::tail::{self, Follow};
use crate::log::verify::{Report, verify};
use anyhow::{Context as _, Result};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Exit code: all well.
pub const WELL: u8 = 0;
/// Exit code: the log is damaged.
pub const DAMAGED: u8 = 1;
/// Exit code: callout would start, but something is to be told.
pub const FINDING: u8 = 4;

/// A human line's fields are cut to this many characters.
const FIELDS_CHARS_MAX: usize = 160;
/// Lines read at a time while following.
const FOLLOW_LINES: usize = 1_000;

/// Reads every byte of the log again and checks digests, chain and order.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The log's directory; `log` in the data directory when not given. Any copy will do.
    pub dir: Option<PathBuf>,
    /// Answers in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Shows the last records of the log.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// The log's directory; `log` in the data directory when not given.
    pub dir: Option<PathBuf>,
    /// How many of the last records; at most 100000.
    #[arg(short = 'n', long = "lines", default_value_t = 20)]
    pub lines: usize,
    /// Goes on showing records as they come, until interrupted.
    #[arg(short, long)]
    pub follow: bool,
    /// The lines' JSON as it stands in the log, one a line.
    #[arg(long)]
    pub json: bool,
}

fn directory(given: Option<&PathBuf>, data: &Path) -> PathBuf {
    given.cloned().unwrap_or_else(|| data.join("log"))
}

/// Runs `log verify`; gives the exit code: [`WELL`], [`FINDING`] for an unfinished write at the end, [`DAMAGED`].
///
/// * `data`: the data directory.
///
/// # Errors
/// When the files cannot be read or the answer not written.
pub fn run_verify(args: &VerifyArgs, data: &Path, out: &mut dyn Write) -> Result<u8> {
    let dir = directory(args.dir.as_ref(), data);
    let report = verify(&dir).with_context(|| unread(&dir))?;
    if args.json {
        let mut json = serde_json::to_value(&report)?;
        json["sound"] = report.is_sound().into();
        writeln!(out, "{json}")?;
    } else {
        tell(&report, out)?;
    }
    Ok(match &report {
        Report { damage: Some(_), .. } => DAMAGED,
        Report { tear: Some(_), .. } => FINDING,
        _ => WELL,
    })
}

fn tell(report: &Report, out: &mut dyn Write) -> Result<()> {
    let megabytes = report.bytes as f64 / 1e6;
    writeln!(
        out,
        "{}: {} records in {} files, {megabytes:.1} MB",
        report.dir.display(),
        report.records,
        report.segments
    )?;
    if let (Some(first), Some(last)) = (&report.first_at, &report.last_at) {
        writeln!(out, "from {first} to {last}")?;
        writeln!(out, "head {} {}", report.records, report.head)?;
    }
    if let Some(damage) = &report.damage {
        writeln!(out, "DAMAGED: {damage}")?;
        if report.records > 0 {
            writeln!(out, "Records 1 to {} are sound.", report.records)?;
        }
        let remedy =
            "Keep these files as they are for evidence; restore the last backup to another place and verify it there.";
        writeln!(out, "{remedy}")?;
        return Ok(());
    }
    if let Some(tear) = &report.tear {
        writeln!(
            out,
            "An unfinished write of {} bytes stands at the end (record {}, {} at byte {}). That is usual while callout \
             is running or after a power cut; no record in it was acknowledged, and the next start cuts it off.",
            tear.bytes,
            tear.seq,
            tear.file.display(),
            tear.offset
        )?;
    }
    writeln!(out, "Every digest, the chain and the order are sound.")?;
    Ok(())
}

/// Runs `log tail`.
///
/// * `zone`: for the times of human lines.
/// * `wait`: called when nothing is new while following; waits a moment, and says whether to go on.
///
/// # Errors
/// When the files cannot be read or the lines not written.
pub fn run_tail(
    args: &TailArgs,
    data: &Path,
    zone: &TimeZone,
    out: &mut dyn Write,
    mut wait: impl FnMut() -> bool,
) -> Result<u8> {
    let dir = directory(args.dir.as_ref(), data);
    let unread = || unread(&dir);
    let mut show = |lines: &[Logged]| -> Result<()> {
        for logged in lines {
            if args.json {
                writeln!(out, "{}", logged.json())?;
            } else {
                writeln!(out, "{}", human(logged, zone))?;
            }
        }
        out.flush()?;
        Ok(())
    };
    let lines = tail::last(&dir, args.lines).with_context(unread)?;
    show(&lines)?;
    if !args.follow {
        return Ok(WELL);
    }
    // With `-n 0` there is no last line to follow on from, so it is looked up.
    let last = lines.last().cloned().or(tail::last(&dir, 1).with_context(unread)?.pop());
    let next = last.map_or(1, |last| last.seq.0 + 1);
    let mut follow = Follow::from(&dir, crate::domain::id::Seq(next));
    loop {
        let lines = follow.lines(FOLLOW_LINES).with_context(unread)?;
        show(&lines)?;
        if lines.is_empty() && !wait() {
            return Ok(WELL);
        }
    }
}

/// What is said of a log that cannot be read, and what to do when there is none.
fn unread(dir: &Path) -> String {
    let help = if dir.exists() { "" } else { " (has `callout serve` run here? --data names another data directory)" };
    format!("the log in {} cannot be read{help}", dir.display())
}

/// One record on one line: number, local time, what it is, its fields.
pub fn human(logged: &Logged, zone: &TimeZone) -> String {
    let at = logged.at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string();
    let (kind, fields) = kind_and_fields(&logged.record);
    format!("{:>8}  {at}  {kind:<22} {fields}", logged.seq.0).trim_end().to_owned()
}

/// A record's `type` and its other fields in short.
fn kind_and_fields(record: &str) -> (String, String) {
    let Ok(Value::Object(mut record)) = serde_json::from_str(record) else {
        return ("?".to_owned(), cut(record));
    };
    let kind = match record.remove("type") {
        Some(Value::String(kind)) => kind,
        _ => "?".to_owned(),
    };
    let fields: Vec<_> = record.iter().map(|(key, value)| format!("{key}={}", short(value))).collect();
    (kind, cut(&fields.join(" ")))
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains([' ', '=', '"']) => plain(text),
        Value::Object(map) => {
            let inner: Vec<_> = map.iter().map(|(key, value)| format!("{key}={}", short(value))).collect();
            format!("{{{}}}", inner.join(" "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(short).collect::<Vec<_>>().join(" ")),
        other => plain(&other.to_string()),
    }
}

/// Without characters that could steer a terminal.
fn plain(text: &str) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if steers(letter) { ' ' } else { letter }).collect()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(FIELDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::Seq;
    use crate::log::{Entry, Journal, Options};
    use tempfile::TempDir;

    fn log(dir: &Path, from: u64, n: u64) {
        let options = Options { segment_bytes: 4 << 10, ballast_bytes: 0, ..Options::default() };
        let (mut journal, _) = Journal::open(&dir.join("log"), &options, jiff::Timestamp::UNIX_EPOCH).unwrap();
        for seq in from..from + n {
            let record = format!(
                "{{\"type\":\"contact_taken\",\"contact\":{{\"channel\":\"phone\",\"tags\":[\"flooding\"]}},\"n\":{seq}}}"
            );
            let at = jiff::Timestamp::from_second(1_792_890_000 + seq as i64).unwrap();
            journal.append(&[Entry { seq: Seq(seq), at, occurred_at: None, record: record.as_bytes() }]).unwrap();
        }
    }

    fn tail(dir: &Path, lines: usize, follow: bool, json: bool, wait: impl FnMut() -> bool) -> String {
        let mut out = Vec::new();
        let zone = TimeZone::get("Europe/London").unwrap();
        run_tail(&TailArgs { dir: None, lines, follow, json }, dir, &zone, &mut out, wait).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tail_tells_each_record_on_a_line_in_local_time_and_which_of_two_in_the_repeated_hour() {
        let dir = TempDir::new().unwrap();
        log(dir.path(), 1, 30);
        assert_eq!(
            tail(dir.path(), 2, false, false, || false),
            "      29  Sun 2026-10-25 01:00:29 GMT  contact_taken          \
             contact={channel=phone tags=[flooding]} n=29\n      \
             30  Sun 2026-10-25 01:00:30 GMT  contact_taken          contact={channel=phone tags=[flooding]} n=30\n"
        );
        assert_eq!(tail(dir.path(), 100, false, false, || false).lines().count(), 30);
        let json = tail(dir.path(), 1, false, true, || false);
        assert!(json.starts_with("{\"seq\":30,\"prev\":\""), "{json}");
    }

    #[test]
    fn tail_follows_a_log_through_its_segments() {
        let dir = TempDir::new().unwrap();
        log(dir.path(), 1, 3);
        let mut rounds = 0;
        let text = tail(dir.path(), 1, true, false, || {
            rounds += 1;
            if rounds < 4 {
                log(dir.path(), 4 + (rounds - 1) * 20, 20);
            }
            rounds < 4
        });
        let numbers: Vec<u64> = text.lines().map(|line| line[..8].trim().parse().unwrap()).collect();
        assert_eq!(numbers, (3..64).collect::<Vec<_>>());
    }

    #[test]
    fn following_begins_with_an_empty_log_and_with_no_lines_asked_for() {
        let dir = TempDir::new().unwrap();
        log(dir.path(), 1, 0);
        let mut once = true;
        let text = tail(dir.path(), 0, true, false, || {
            let more = once;
            if more {
                log(dir.path(), 1, 2);
            }
            once = false;
            more
        });
        assert_eq!(text.lines().count(), 2);
        assert_eq!(tail(dir.path(), 0, true, false, || false), "");
    }

    #[test]
    fn verify_says_in_words_and_by_its_exit_code_what_it_found() {
        let dir = TempDir::new().unwrap();
        log(dir.path(), 1, 30);
        let run = |json| {
            let mut out = Vec::new();
            let code = run_verify(&VerifyArgs { dir: None, json }, dir.path(), &mut out).unwrap();
            (code, String::from_utf8(out).unwrap())
        };
        let (code, text) = run(false);
        assert!(code == WELL && text.contains(": 30 records in ") && text.contains("are sound."), "{text}");
        let (code, json) = run(true);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((code, &json["sound"], &json["records"]), (WELL, &true.into(), &30.into()));

        let first = dir.path().join("log/00000000000000000001.log");
        let good = std::fs::read(&first).unwrap();
        let mut bad = good.clone();
        bad[500] ^= 1;
        std::fs::write(&first, bad).unwrap();
        let (code, text) = run(false);
        assert!(code == DAMAGED && text.contains("DAMAGED: record 2 is damaged, in "), "{text}");
        assert!(text.contains("Records 1 to 1 are sound.") && text.contains("restore the last backup"), "{text}");
        std::fs::write(&first, good).unwrap();

        let mut files: Vec<_> = std::fs::read_dir(dir.path().join("log")).unwrap().map(|f| f.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "log"));
        files.sort();
        std::fs::remove_file(dir.path().join("log/HEAD")).unwrap();
        let mut torn = std::fs::read(files.last().unwrap()).unwrap();
        let end = torn.iter().rposition(|byte| *byte != 0).unwrap();
        torn[end - 3] = 0;
        std::fs::write(files.last().unwrap(), torn).unwrap();
        let (code, text) = run(false);
        assert!(code == FINDING && text.contains("An unfinished write of") && text.contains("record 30"), "{text}");
        assert!(run_verify(&VerifyArgs { dir: None, json: false }, &dir.path().join("no"), &mut Vec::new()).is_err());
    }

    #[test]
    fn nothing_in_a_record_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\u{202e}c"), "a [31mb c");
    }
}
