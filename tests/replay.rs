//! `callout replay` over contacts of the past.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn replay(file: &Path, more: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_callout")).arg("replay").arg(file).args(more).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("past.csv");
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

#[test]
fn a_rule_fires_when_its_count_is_reached_and_not_before() {
    let mut text = String::from("received_at,type\n");
    for minute in [0, 10, 20, 30, 40, 200] {
        text += &format!("2026-01-05 {:02}:{:02}:00,Blocked Gully\n", 2 + minute / 60, minute % 60);
    }
    let (_dir, file) = written(&text);
    let json = replay(&file, &["--topic-from", "type", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fired = report["fired"].as_array().unwrap();
    assert_eq!(fired.len(), 1, "{json}");
    assert_eq!(fired[0]["at"], "2026-01-05T02:40:00Z");
    assert_eq!(fired[0]["topic"], "blocked_gully");
    assert_eq!(report["fired_by_month"]["2026-01"], 1);
}

#[test]
fn the_councils_own_playbooks_say_whom_they_would_have_paged() {
    let mut text = String::from("received_at,text\n");
    for minute in 0..6 {
        text += &format!("2026-01-05 02:{minute:02}:00,\"water coming into the house, street is flooded\"\n");
    }
    let (_dir, file) = written(&text);
    let told = replay(&file, &[]);
    assert!(told.contains("surface-water-flooding activated"), "{told}");
    assert!(told.contains("paged: "), "{told}");
}

#[test]
fn rows_that_cannot_be_read_are_counted_and_the_first_is_named() {
    let (_dir, file) = written("received_at,type\nyesterday,A\n2026-01-05 02:00:00,A\n");
    let told = replay(&file, &["--topic-from", "type"]);
    assert!(told.contains("1 rows were not read; the first is line 2: \"yesterday\" is not a time"), "{told}");
}

/// Boston, 4 August 2015: a thunderstorm with hail and wind. 87 tree emergencies in a day; the usual day has one or two.
#[test]
fn the_august_storm_of_boston_is_seen() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/surge/public/real/boston_311_2015.csv.gz");
    if !file.exists() {
        println!("skipped: no ../shared/data/surge/public/real/boston_311_2015.csv.gz");
        return;
    }
    let more = ["--topic-from", "type", "--zone", "America/New_York", "--only", "Tree Emergencies", "--json"];
    let report: serde_json::Value = serde_json::from_str(&replay(&file, &more)).unwrap();
    let highest = &report["busiest_days"][0];
    assert_eq!((highest["day"].as_str(), highest["contacts"].as_u64()), (Some("2015-08-04"), Some(87)));
    assert!(highest["first_fired"].as_str().is_some_and(|at| at.starts_with("2015-08-04")), "{highest}");
    // The same through the mapping that `import contacts` takes.
    let mapping = concat!(env!("CARGO_MANIFEST_DIR"), "/config/mappings/boston-311.toml");
    let more = ["--mapping", mapping, "--topic-from", "tags", "--only", "tree_emergencies", "--json"];
    let mapped: serde_json::Value = serde_json::from_str(&replay(&file, &more)).unwrap();
    assert_eq!(mapped["busiest_days"][0]["first_fired"], highest["first_fired"]);
    assert_eq!(mapped["contacts"], report["contacts"]);
}

#[test]
fn two_settings_stand_side_by_side_against_the_incidents_that_are_known() {
    let mut text = String::from("received_at,channel,text\n");
    for minute in 0..6 {
        text += &format!("2026-01-05 02:{minute:02}:00,phone,\"water coming into the house, street is flooded\"\n");
    }
    for day in 6..28 {
        text += &format!("2026-01-{day:02} 11:00:00,email,\"when is my bin emptied\"\n");
    }
    let (dir, file) = written(&text);
    let incidents = dir.path().join("incidents.csv");
    std::fs::write(
        &incidents,
        "from,to,name\n2026-01-05T01:50,2026-01-05T06:00,Mill Street\n2026-01-20,2026-01-20,none\n",
    )
    .unwrap();
    // The same council, with a floor of 50.
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let other = dir.path().join("config/callout.toml");
    std::fs::create_dir_all(dir.path().join("config")).unwrap();
    for name in ["people", "rota", "calendar", "holidays", "keywords", "bodies"] {
        std::fs::copy(project.join(format!("config/{name}.toml")), dir.path().join(format!("config/{name}.toml")))
            .unwrap();
    }
    let playbooks = project.join("playbooks");
    std::fs::write(&other, format!("[files]\nplaybooks = \"{}\"\n[detect]\nsurge_reports = 50\n", playbooks.display()))
        .unwrap();
    let more = ["--incidents", incidents.to_str().unwrap(), "--against", other.to_str().unwrap()];
    let told = replay(&file, &more);
    assert!(told.contains("  1: 1 of 2 found, median 1"), "{told}");
    assert!(told.contains("  2: 0 of 2 found"), "{told}");
    assert!(told.contains("1 only  2026-01-05"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&replay(&file, &[&more[..], &["--json"]].concat())).unwrap();
    assert_eq!(json["against"]["measured"]["found"], 0);
    assert_eq!(json["measured"]["incidents"][0]["name"], "Mill Street");
}
