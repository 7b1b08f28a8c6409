//! How long the record takes when it is long: a start, a backup, a copy for others, and the check of that copy.
//!
//! `cargo bench --bench record`; `BENCH_RECORDS=5000000` for another length than a million.

#![allow(clippy::unwrap_used, missing_docs)]

mod bed;

use bed::{contact, directory};
use callout::clock::Clock;
use callout::daemon::engine::{self, Storage};
use callout::domain::decide::decide;
use callout::domain::event::{Author, Event};
use callout::domain::id::Seq;
use callout::domain::state::State;
use callout::log::details::{Details, NewDetail};
use callout::log::export::{About, Profile, archive};
use callout::log::heads::HeadKey;
use callout::log::{Entry, Journal, Options};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn main() {
    if !bed::wanted() {
        println!("record: run it with cargo bench --bench record");
        return;
    }
    let records = std::env::var("BENCH_RECORDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let dir = directory("record");
    let data = dir.path().join("data");
    let timed = |what: &str, from: Instant| println!("{what:<44} {:8.2} s", from.elapsed().as_secs_f64());

    let from = Instant::now();
    fill(&data, records);
    timed(&format!("filled with {records} records"), from);
    for how in ["start, nothing but the log", "start again"] {
        let from = Instant::now();
        let opened = engine::open(&data, &Storage::default(), &Clock::System).unwrap();
        timed(how, from);
        assert!(opened.state.next.0 > records);
    }
    println!("{:<44} {:8} MB", "memory in use, at most so far", peak_mb());

    let out = dir.path().join("export.zip");
    let about = About {
        profile: Profile::Full,
        selection: "whole".into(),
        by: "bench".into(),
        at: Clock::System.now(),
        entry: None,
    };
    let from = Instant::now();
    let places = (&*data.join(engine::LOG_DIR), &*data.join(engine::DETAILS_DIR));
    let told = archive(places, None, Seq(records), &about, &HeadKey::from_seed(&[1; 32]), &out).unwrap();
    timed(&format!("exported, {} MB", std::fs::metadata(&out).unwrap().len() / 1_000_000), from);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/verify_log.py");
    let from = Instant::now();
    let output = Command::new("python3").arg(tool).arg(&out).output().unwrap();
    timed("checked by tools/verify_log.py", from);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.starts_with(&format!("OK {} entries, head {}", told.entries, told.head)), "{words}");
}

/// Contacts as the daemon would have taken them, with details, a thousand a batch.
fn fill(data: &Path, records: u64) {
    let now = Clock::System.now();
    let (mut journal, _) = Journal::open(&data.join(engine::LOG_DIR), &Options::default(), now).unwrap();
    let (mut details, _) =
        Details::open(&data.join(engine::DETAILS_DIR), &Options::for_details(), Seq(0), now).unwrap();
    let mut state = State::default();
    let mut batch = Vec::new();
    let policy = Event::PolicyLoaded { documents: bed::loaded().documents, by: Author::system() };
    let mut event = policy;
    let mut n = 0;
    while state.next.0 <= records {
        let decision = decide(&mut state, &event, now);
        let at = decision.at;
        batch.extend(
            decision
                .records
                .into_iter()
                .map(|(seq, record, sealed)| (seq, at, serde_json::to_vec(&record).unwrap(), sealed)),
        );
        if batch.len() >= 1_000 || state.next.0 > records {
            let subject = |seq: Seq| format!("C-{seq}");
            let names: Vec<String> = batch.iter().map(|(seq, ..)| subject(*seq)).collect();
            let new: Vec<NewDetail<'_>> = batch
                .iter()
                .zip(&names)
                .filter_map(|((seq, _, _, sealed), subject)| {
                    let sealed = sealed.as_ref()?;
                    let class = sealed.class.as_str();
                    Some(NewDetail { seq: *seq, salt: &sealed.salt, subject, class, detail: &sealed.content })
                })
                .collect();
            details.append(&new).unwrap();
            let entries: Vec<Entry<'_>> = batch
                .iter()
                .map(|(seq, at, record, _)| Entry { seq: *seq, at: *at, occurred_at: None, record })
                .collect();
            journal.append(&entries).unwrap();
            batch.clear();
        }
        n += 1;
        event = contact(n);
    }
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1_000
}
