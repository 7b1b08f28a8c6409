//! The keeping of the record as a records officer meets it, with the real binary: signed heads, copies, erasures, holds,
//! with the daemon running and without.

#![allow(clippy::unwrap_used)]

mod running;

use callout::domain::event::SendResult;
use callout::domain::id::Seq;
use callout::domain::record::Record;
use running::{Council, Daemon, Http, Watched, callout, token_for, wait_for};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Site {
    root: tempfile::TempDir,
    data: PathBuf,
    config: PathBuf,
    port: u16,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let limits = "[record]\nmail_to = \"records@council.test\"\n".to_owned();
        let config = Council { limits, ..Council::default() }.write(root.path());
        Self { root, data, config, port: 9 }
    }

    fn start(&mut self) -> Daemon {
        let daemon = Daemon::start(&self.config, &self.data, "127.0.0.1:0");
        self.port = daemon.port;
        daemon
    }

    /// Runs `callout log ...`; gives its exit code and its words.
    fn log(&self, args: &[&str]) -> (i32, String) {
        let mut command = callout();
        command.arg("--config").arg(&self.config).arg("--data").arg(&self.data).arg("log").args(args);
        command.env("CALLOUT_URL", format!("http://127.0.0.1:{}", self.port)).env("USER", "r.officer");
        let output = command.env_remove("SUDO_USER").output().unwrap();
        let words = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code().unwrap(), String::from_utf8(words).unwrap())
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let (code, words) = self.log(args);
        assert_eq!(code, 0, "{args:?}: {words}");
        words
    }

    #[track_caller]
    fn refused(&self, args: &[&str]) -> String {
        let (code, words) = self.log(args);
        assert_eq!(code, 1, "{args:?}: {words}");
        words
    }

    fn file(&self, name: &str) -> String {
        self.root.path().join(name).to_str().unwrap().to_owned()
    }

    /// Whether these words stand in any file of the data directory.
    fn holds(&self, words: &str) -> bool {
        fn any(dir: &Path, words: &str) -> bool {
            std::fs::read_dir(dir).unwrap().any(|file| {
                let path = file.unwrap().path();
                if path.is_dir() {
                    return any(&path, words);
                }
                // Zeros of fixed length, by which paging goes on when the disk is full.
                let spare = path.file_name().is_some_and(|name| name == "ballast" || name == "reserved");
                !spare && String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).contains(words)
            })
        }
        any(&self.data, words)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn verified(export: &str) -> bool {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/verify_log.py");
    match Command::new("python3").arg(tool).arg(export).output() {
        Ok(output) => output.status.success() && output.stdout.starts_with(b"OK "),
        Err(_) => {
            println!("skipped: no python3 on this machine");
            true
        }
    }
}

#[test]
fn a_records_officer_signs_copies_erases_and_holds_with_the_daemon_and_without() {
    let mut site = Site::new();
    let token = token_for(&site.data);
    let daemon = site.start();
    let mut log = Watched::of(&site.data);
    let mailed = |record: &Record| match record {
        Record::HeadMailed { head, outcome: SendResult::Accepted } => Some(*head),
        _ => None,
    };
    log.wait_for("the first signed head in the mail", Seq(0), || daemon.evidence(), mailed);

    let mut http = Http::connect(daemon.port, &token).unwrap();
    let mut contacts = Vec::new();
    for name in ["Oliver Sample", "Petra Sample", "Quentin Sample"] {
        let contact = json!({ "channel": "phone", "source": "crm", "source_id": name, "text": "a pothole", "caller": { "name": name } });
        let answer = http.post("/api/v1/contacts", None, &contact).unwrap();
        contacts.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let opened = json!({ "topic": "flooding", "severity": 2, "reason": "as Quentin said" });
    let incident =
        http.post("/api/v1/incidents", None, &opened).unwrap().json()["incident"].as_str().unwrap().to_owned();

    // A copy while the daemon runs: it is a record, and it can be checked.
    let whole = site.file("whole.zip");
    let words = site.done(&["export", "--out", &whole, "--why", "for the coroner"]);
    assert!(words.contains("head ") && verified(&whole), "{words}");
    let exported = |record: &Record| match record {
        Record::LogExported { selection, by, .. } => Some((selection.clone(), by.who.clone())),
        _ => None,
    };
    let (_, (selection, who)) = log.wait_for("the export", Seq(0), || daemon.evidence(), exported);
    assert!(selection == "whole" && who.starts_with("r.officer"), "{selection} {who}");
    let of_incident = site.file("incident.zip");
    site.done(&["export", "--out", &of_incident, "--incident", &incident, "--profile", "foi"]);
    assert!(verified(&of_incident));

    // One person's details go at once; words of an incident wait for a second person.
    let kept = site.root.path().join("kept-details");
    copy(&site.data.join("details"), &kept);
    assert!(site.holds("Oliver Sample"));
    let words = site.done(&["erase", &contacts[0], "--why", "they asked"]);
    assert!(words.contains("are erased"), "{words}");
    wait_for("the erasing", || daemon.evidence(), || (!site.holds("Oliver Sample")).then_some(()));
    let words = site.done(&["erase", &incident, "--why", "an error"]);
    assert!(words.contains("a second person"), "{words}");
    let words = site.refused(&["erase", &incident, "--why", "an error"]);
    assert!(words.contains("need a second person"), "{words}");
    assert!(site.holds("as Quentin said"));
    assert!(site.done(&["heads"]).contains("signed head"));
    let (status, _) = daemon.terminate();
    assert!(status.success());

    // Without the daemon, by the same rules.
    site.done(&["hold", "place", &contacts[1], "--why", "a claim"]);
    let hold = {
        log.read();
        log.lines.iter().find(|line| matches!(line.record, Record::HoldPlaced { .. })).unwrap().seq.to_string()
    };
    assert!(site.refused(&["erase", &contacts[1], "--why", "they asked"]).contains("legal hold"));
    site.done(&["hold", "lift", &hold, "--why", "the claim is settled"]);
    site.done(&["erase", &contacts[1], "--why", "they asked"]);
    assert!(!site.holds("Petra Sample") && site.holds("Quentin Sample"));

    // An old copy of the details brings them back, until the next start.
    std::fs::remove_dir_all(site.data.join("details")).unwrap();
    copy(&kept, &site.data.join("details"));
    assert!(site.holds("Petra Sample"));
    let table = site.file("table.csv");
    site.done(&["export", "--out", &table]);
    assert!(!site.holds("Petra Sample") && !site.holds("Oliver Sample") && site.holds("Quentin Sample"));
    let csv = std::fs::read_to_string(&table).unwrap();
    assert!(csv.starts_with("\u{feff}entry,recorded (UTC)") && csv.contains("Quentin Sample"));
    assert!(!csv.contains("Petra") && !csv.contains("Oliver"));
    let after = site.file("after.zip");
    site.done(&["export", "--out", &after]);
    assert!(verified(&after));
    let lines = site.file("lines.jsonl");
    site.done(&["export", "--out", &lines, "--contact", &contacts[2]]);
    assert_eq!(std::fs::read_to_string(&lines).unwrap().lines().count(), 1);
    assert!(site.done(&["verify"]).contains("are sound"));
    drop(site.start());
}

/// Runs a verb of `callout`; gives its exit code and its words.
fn run(args: &[&str]) -> (i32, String) {
    let output = callout().args(args).output().unwrap();
    let words = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code().unwrap(), String::from_utf8(words).unwrap())
}

#[test]
fn a_backup_made_while_it_runs_comes_back_whole_and_a_bad_one_is_refused() {
    let mut site = Site::new();
    let token = token_for(&site.data);
    let daemon = site.start();
    let data = site.data.to_str().unwrap().to_owned();
    let (kept, restored, again) = (site.file("kept"), site.file("restored"), site.file("again"));
    let mut http = Http::connect(daemon.port, &token).unwrap();
    let mut send = |from: u32, n: u32| {
        let mut ids = Vec::new();
        for n in from..from + n {
            let contact = json!({ "channel": "phone", "source": "crm", "source_id": n.to_string(), "text": format!("pothole number {n}") });
            ids.push(http.post("/api/v1/contacts", None, &contact).unwrap().json()["id"].as_str().unwrap().to_owned());
        }
        ids
    };
    let first = send(0, 30);
    let (code, words) = run(&["--data", &data, "backup", &kept]);
    assert_eq!(code, 0, "{words}");
    send(30, 30);
    site.done(&["erase", &first[3], "--why", "they asked"]);
    let told = || daemon.evidence();
    wait_for("the erasing", told, || (!site.holds("pothole number 3\"")).then_some(()));
    let (code, words) = run(&["--data", &data, "backup", &kept]);
    assert_eq!(code, 0, "{words}");
    let mut log = Watched::of(&site.data);
    log.read();
    let head = {
        let line = callout::log::tail::from(&site.data.join("log"), Seq(40), 1).unwrap().remove(0);
        format!("40:{}", line.hash)
    };
    daemon.kill_nine();

    // The way back.
    let (code, words) = run(&["restore", &kept, "--to", &restored, "--head", &head]);
    assert!(code == 0 && words.contains("has the head that was mailed"), "{words}");
    let list = site.file("erased.txt");
    running::write(Path::new(&list), &format!("{}\n", first[5]));
    let (code, words) = run(&["restore", &kept, "--to", &again, "--erased", &list]);
    assert!(code == 0 && words.contains("1 details erased"), "{words}");
    let (code, _) = run(&["restore", &kept, "--to", &again]);
    assert_eq!(code, 2, "a directory that is in use is not written over");
    for (dir, gone, there) in [(&restored, 3, 5), (&again, 5, 6)] {
        site.data = PathBuf::from(dir);
        assert!(!site.holds(&format!("pothole number {gone}\"")) && site.holds(&format!("pothole number {there}\"")));
    }
    let mut back = Watched::of(&site.data);
    back.read();
    let original: Vec<_> = log.lines.iter().map(|line| format!("{line:?}")).take(back.lines.len()).collect();
    let lines: Vec<_> = back.lines.iter().map(|line| format!("{line:?}")).take(original.len()).collect();
    assert!(lines.len() > 60 && lines == original);
    drop(site.start());

    // A backup that was cut short or altered is refused, and nothing is made.
    let last = Path::new(&kept).join("log/00000000000000000001.log");
    let good = std::fs::read(&last).unwrap();
    for bad in [good[..good.len() - 300].to_vec(), [&good[..900], b"X", &good[901..]].concat()] {
        std::fs::write(&last, bad).unwrap();
        let none = site.file("none");
        let (code, words) = run(&["restore", &kept, "--to", &none]);
        assert!(code == 1 && words.contains("not sound") && !Path::new(&none).exists(), "{words}");
    }
    std::fs::write(&last, good).unwrap();
    let (code, words) = run(&["restore", &kept, "--to", &site.file("none"), "--head", &format!("41:{}", &head[3..])]);
    assert!(code == 1 && words.contains("written anew"), "{words}");

    // Another log is never written over a backup.
    let other = Site::new();
    let daemon = Daemon::start(&other.config, &other.data, "127.0.0.1:0");
    let (code, words) = run(&["--data", other.data.to_str().unwrap(), "backup", &kept]);
    assert!(code == 1 && words.contains("not the same one"), "{words}");
    drop(daemon);
}
