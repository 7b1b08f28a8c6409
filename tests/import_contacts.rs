//! `callout import contacts` as an administrator runs it: into a directory at rest, again, and beside a daemon.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const MAPPING: &str = "source = \"old_crm\"\n[columns]\nreceived_at = \"When\"\nchannel = \"How\"\ntext = \"Words\"\n\
    [time]\nzone = \"Europe/London\"\nformat = \"%d/%m/%Y %H:%M\"\n[values.channel]\n\"Call\" = \"phone\"\n";
const TABLE: &str = "When,How,Words\n21/11/2025 10:00,Call,road flooded\n21/11/2025 10:00,Call,road flooded\n\
    21/11/2025 25:00,Call,late\n21/11/2025 10:05,Pigeon,x\n22/11/2025 10:00,email,tree down\n";

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("old.csv"), TABLE).unwrap();
        std::fs::write(dir.path().join("old.toml"), MAPPING).unwrap();
        Self { dir }
    }

    fn callout(&self) -> Command {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
        command.arg("--config").arg(config).arg("--data").arg(self.dir.path().join("data"));
        command.env_remove("CALLOUT_TOKEN").env_remove("CALLOUT_URL").env("RUST_LOG", "warn");
        command
    }

    /// Imports with these further arguments; the exit code and the report.
    fn import(&self, more: &[&str], url: Option<&str>) -> (Option<i32>, Value) {
        let mut command = self.callout();
        command.args(["import", "contacts", "--json"]).arg(self.dir.path().join("old.csv"));
        command.arg("--mapping").arg(self.dir.path().join("old.toml")).args(more);
        if let Some(url) = url {
            command.env("CALLOUT_URL", url);
        }
        let output = command.output().unwrap();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), report)
    }
}

/// A daemon that ends with the test.
struct Daemon {
    child: Child,
    url: String,
}

impl Daemon {
    fn start(place: &Place) -> Self {
        let mut command = place.callout();
        let mut child = command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, url }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn history_is_taken_once_and_its_bad_rows_are_given_back() {
    let place = Place::new();
    let count = |report: &Value, what: &str| report[what].as_u64().unwrap();

    let (exit, report) = place.import(&["--dry-run"], None);
    assert_eq!((exit, count(&report, "taken"), count(&report, "refused")), (Some(4), 0, 2), "{report}");
    assert!(!place.dir.path().join("data/log").exists(), "a dry run leaves no log");

    let (exit, report) = place.import(&[], None);
    assert_eq!((exit, count(&report, "rows"), count(&report, "taken")), (Some(4), 5, 3), "{report}");
    let refused = std::fs::read_to_string(place.dir.path().join("old.csv.refused.csv")).unwrap();
    assert!(refused.starts_with("refused_line,refused_because,When,How,Words\n4,"), "{refused}");
    assert!(refused.contains("Pigeon"), "{refused}");

    // Once more beside a running daemon: nothing of it counts twice.
    let daemon = Daemon::start(&place);
    let (_, report) = place.import(&[], Some(&daemon.url));
    assert_eq!((count(&report, "taken"), count(&report, "known_already")), (0, 3), "{report}");
    let mut table = std::fs::OpenOptions::new().append(true).open(place.dir.path().join("old.csv")).unwrap();
    table.write_all(b"23/11/2025 09:00,Call,water in the house\n").unwrap();
    let (_, report) = place.import(&[], Some(&daemon.url));
    assert_eq!((count(&report, "taken"), count(&report, "known_already")), (1, 3), "{report}");

    // History pages nobody, and opens nothing.
    let list = place.callout().args(["incident", "list", "--json"]).env("CALLOUT_URL", &daemon.url).output().unwrap();
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["incidents"].as_array().unwrap().len(), 0, "{list}");
}

#[test]
fn an_import_without_the_daemon_waits_while_an_incident_is_open() {
    let place = Place::new();
    let daemon = Daemon::start(&place);
    let mut open = place.callout();
    let opened =
        open.args(["incident", "open", "flooding", "--reason", "seen"]).env("CALLOUT_URL", &daemon.url).output();
    assert!(opened.unwrap().status.success());
    drop(daemon);
    let mut import = place.callout();
    let output = import
        .args(["import", "contacts"])
        .arg(place.dir.path().join("old.csv"))
        .arg("--mapping")
        .arg(place.dir.path().join("old.toml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("only the daemon pages for it"), "{said}");
}
