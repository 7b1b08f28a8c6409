//! `callout replay streams`: the volume detector over a set of count series.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const T0: i64 = 1_767_571_200;
const DAYS: i64 = 35;

fn run(set: &Path, more: &[&str]) -> (Output, PathBuf) {
    let alarms = set.join("alarms.csv");
    let run = Command::new(env!("CARGO_BIN_EXE_callout"))
        .args(["replay", "streams", "--false-alarms-per-year", "1", "--set"])
        .arg(set)
        .arg("--alarms")
        .arg(&alarms)
        .args(more)
        .output()
        .unwrap();
    (run, alarms)
}

/// Five weeks of one contact each quarter of an hour by day, and a crowd of 60 in the last night from 03:00.
fn set() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("streams")).unwrap();
    let end = T0 + DAYS * 86_400;
    let meta = format!("{{\"t0\": {T0}, \"t_end\": {end}, \"tz\": \"Europe/London\", \"kinds\": [\"calls\"]}}");
    fs::write(dir.path().join("meta.json"), meta).unwrap();
    fs::write(dir.path().join("holidays.csv"), "date\n2026-01-26\n").unwrap();
    fs::write(dir.path().join("gaps.csv"), format!("stream,gap_start,gap_end\na_calls,{},{}\n", T0 + 600, T0 + 1_200))
        .unwrap();
    let mut text = String::from("timestamp,count\n");
    for quarter in (0..DAYS * 96).filter(|quarter| (32..72).contains(&(quarter % 96))) {
        text += &format!("{},1\n", T0 + quarter * 900);
    }
    let crowd = T0 + (DAYS - 1) * 86_400 + 3 * 3_600;
    for minute in 0..30 {
        text += &format!("{},2\n", crowd + minute * 60);
    }
    fs::write(dir.path().join("streams/a_calls.csv"), &text).unwrap();
    let packed = fs::File::create(dir.path().join("streams/b_calls.csv.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
    dir
}

#[test]
fn a_crowd_in_a_quiet_night_alarms_from_its_first_minutes_packed_or_not() {
    let dir = set();
    let scores = dir.path().join("scores.csv");
    let (run, alarms) = run(dir.path(), &["--scores", scores.to_str().unwrap()]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let told = String::from_utf8(run.stdout).unwrap();
    assert!(told.starts_with("2 streams, 0.2 stream-years, 2 alarms"), "{told}");
    let alarms = fs::read_to_string(alarms).unwrap();
    let crowd = T0 + (DAYS - 1) * 86_400 + 3 * 3_600;
    for stream in ["a_calls", "b_calls"] {
        let first = alarms.lines().find(|line| line.starts_with(stream)).unwrap();
        let fields: Vec<&str> = first.split(',').collect();
        let at: i64 = fields[1].parse().unwrap();
        assert!((crowd + 60..=crowd + 300).contains(&at), "{first}");
        assert!(fields[2].parse::<f64>().unwrap() >= 0.0, "{first}");
    }
    assert_eq!(alarms.lines().next(), Some("stream,timestamp,score"));
    let scores = fs::read_to_string(scores).unwrap();
    assert!(scores.lines().count() >= alarms.lines().count());
}

#[test]
fn what_is_wrong_with_a_set_is_said_with_file_and_line() {
    let slips: [(&str, Option<&str>, &str); 9] = [
        ("meta.json", None, "meta.json"),
        ("meta.json", Some("{\"t0\": 1, \"tz\": \"UTC\"}"), "has no t_end"),
        ("meta.json", Some("{\"t0\": 9, \"t_end\": 5, \"tz\": \"UTC\"}"), "is not after t0"),
        ("meta.json", Some("{\"t0\": 1, \"t_end\": 5000, \"tz\": \"Mars/Base\"}"), "no time zone \"Mars/Base\""),
        ("streams/a_calls.csv", Some("time,count\n1,2\n"), "no column \"timestamp\""),
        ("streams/a_calls.csv", Some("timestamp,count\n1767571200,2\nsoon,1\n"), "line 3: \"soon\" is not a time"),
        ("streams/a_calls.csv", Some("timestamp,count\n1767571200,-2\n"), "line 2: \"-2\" is not a count"),
        ("holidays.csv", Some("date\n25/12/2026\n"), "line 2: \"25/12/2026\" is not a date"),
        (
            "gaps.csv",
            Some("stream,gap_start,gap_end\na_calls,20,10\n"),
            "line 2: the gap ends (10) before it begins (20)",
        ),
    ];
    for (file, text, said) in slips {
        let dir = set();
        match text {
            Some(text) => fs::write(dir.path().join(file), text).unwrap(),
            None => fs::remove_file(dir.path().join(file)).unwrap(),
        }
        let (run, _) = run(dir.path(), &[]);
        let told = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1), "{file}: {told}");
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn a_set_without_holidays_or_gaps_runs_and_says_so() {
    let dir = set();
    fs::remove_file(dir.path().join("holidays.csv")).unwrap();
    fs::remove_file(dir.path().join("gaps.csv")).unwrap();
    let (run, _) = run(dir.path(), &[]);
    assert!(run.status.success());
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(told.contains("no day is a bank holiday") && told.contains("every minute is taken as seen"), "{told}");
}

#[test]
fn a_budget_that_is_no_budget_is_refused() {
    let dir = set();
    let run = Command::new(env!("CARGO_BIN_EXE_callout"))
        .args(["replay", "streams", "--false-alarms-per-year", "0", "--alarms", "/dev/null", "--set"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(String::from_utf8(run.stderr).unwrap().contains("give a number from 0.01 to 365, such as 1"));
}

/// Half-hourly passengers of a city's taxis: not minutes, and what is unusual is mostly too few.
#[test]
fn other_steps_and_drops_are_read_too() {
    let dir = set();
    let (run, _) = run(dir.path(), &["--bin", "1800", "--two-sided"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let told = String::from_utf8(run.stdout).unwrap();
    assert!(told.starts_with("2 streams, 0.2 stream-years"), "{told}");
}
