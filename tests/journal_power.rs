//! The journal and the details store through power cuts.
//!
//! A run is recorded at the door to the disk: each write, sync and rename in order, and each acknowledgement. Then
//! the power fails at any point of the recording, and what a disk may show afterwards is built anew, by three models:
//!
//! * `Prefix`: all that was done until then is there, the last write in part (a disk that keeps order);
//! * `Synced`: only what was synced is there (a disk that writes nothing until told);
//! * `Random`: each unsynced piece of 512 bytes is there or not, by chance, each unsynced length and name too.
//!
//! Whatever is left must open, hold every acknowledged record with its details, and take new ones.
#![allow(clippy::unwrap_used)]

use callout::domain::id::Seq;
use callout::domain::time::Timestamp;
use callout::log::details::{Details, NewDetail, digest};
use callout::log::disk::{Disk, Op};
use callout::log::{Entry, Journal, LogError, Options, verify};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const AT: Timestamp = Timestamp::UNIX_EPOCH;
const SALT: &str = "000102030405060708090a0b0c0d0e0f";
/// A disk's sector: written whole or not at all.
const SECTOR: usize = 512;

fn temp() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

fn options(disk: Disk) -> Options {
    Options { segment_bytes: 4 << 10, ballast_bytes: 4 << 10, disk, ..Options::default() }
}

fn record(seq: u64) -> Vec<u8> {
    format!("{{\"type\":\"note\",\"n\":{seq},\"fill\":\"{}\"}}", "p".repeat((seq * 67 % 400) as usize)).into_bytes()
}

fn detail(seq: u64) -> Vec<u8> {
    format!("{{\"text\":\"{}\",\"n\":{seq}}}", "q".repeat((seq * 31 % 250) as usize)).into_bytes()
}

/// Whether the file is a segment of the journal.
fn is_of_records(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "log")
}

/// One thing of a recording.
#[derive(Debug, Clone)]
enum Step {
    Create(PathBuf),
    Write(PathBuf, usize, Vec<u8>),
    Cut(PathBuf, usize),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncDir,
    Acknowledged(u64),
}

/// What happens at a batch of the recorded day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// So many records are written and acknowledged.
    Good(u64),
    /// The process is killed after the write of so many records and before their sync; then started again.
    KilledBeforeSync(u64),
    /// The process is killed after the details of so many records and before the records; then started again.
    KilledAfterDetails(u64),
}
use Batch::{Good, KilledAfterDetails, KilledBeforeSync};

/// Runs a small daemon's day on a recorded disk: batches of details, then records.
fn record_a_run(batches: &[Batch]) -> Vec<Step> {
    let dir = temp();
    let steps: Arc<Mutex<Vec<Step>>> = Arc::default();
    let killed = Arc::new(AtomicBool::new(false));
    let (seen, root, dying) = (Arc::clone(&steps), dir.path().to_owned(), Arc::clone(&killed));
    let disk = Disk::watched(Arc::new(move |op: &Op<'_>| {
        let own = |path: &Path| path.strip_prefix(&root).unwrap().to_owned();
        let step = match op {
            Op::Create(path) => Step::Create(own(path)),
            Op::Write(path, at, bytes) => Step::Write(own(path), *at as usize, bytes.to_vec()),
            Op::Reserve(path, length) => Step::Write(own(path), *length as usize, Vec::new()),
            Op::Cut(path, length) => Step::Cut(own(path), *length as usize),
            Op::Sync(path) => Step::Sync(own(path)),
            Op::Rename(from, to) => Step::Rename(own(from), own(to)),
            Op::Remove(path) => Step::Remove(own(path)),
            Op::SyncDir(_) => Step::SyncDir,
        };
        if matches!(&step, Step::Sync(path) if is_of_records(path)) && dying.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("killed"));
        }
        seen.lock().unwrap().push(step);
        Ok(())
    }));
    let start = || {
        let (journal, _) = Journal::open(&dir.path().join("log"), &options(disk.clone()), AT).unwrap();
        let head = journal.head().0;
        (journal, Details::open(&dir.path().join("details"), &options(disk.clone()), head, AT).unwrap().0)
    };
    let (mut journal, mut details) = start();
    for batch in batches {
        match *batch {
            Good(n) => {
                append(&mut journal, &mut details, n).unwrap();
                steps.lock().unwrap().push(Step::Acknowledged(journal.head().0.0));
                continue;
            }
            KilledBeforeSync(n) => {
                killed.store(true, Ordering::SeqCst);
                append(&mut journal, &mut details, n).unwrap_err();
            }
            KilledAfterDetails(n) => append_details(&journal, &mut details, n),
        }
        drop((journal, details));
        killed.store(false, Ordering::SeqCst);
        (journal, details) = start();
    }
    drop((journal, details));
    let steps = steps.lock().unwrap();
    steps.clone()
}

fn append(journal: &mut Journal, details: &mut Details, n: u64) -> Result<(), LogError> {
    append_details(journal, details, n);
    let from = journal.head().0.0 + 1;
    let records: Vec<_> = (from..from + n).map(record).collect();
    let batch = (from..).zip(&records).map(|(seq, record)| Entry { seq: Seq(seq), at: AT, occurred_at: None, record });
    journal.append(&batch.collect::<Vec<_>>()).map(drop)
}

fn append_details(journal: &Journal, details: &mut Details, n: u64) {
    let from = journal.head().0.0 + 1;
    let texts: Vec<_> = (from..from + n).map(detail).collect();
    let new = |(seq, detail)| NewDetail { seq: Seq(seq), salt: SALT, subject: "C-1", class: "contact", detail };
    details.append(&(from..).zip(texts.iter().map(Vec::as_slice)).map(new).collect::<Vec<_>>()).unwrap();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Prefix,
    Synced,
    Random,
}

/// Chance from a seed, so that a failure can be played again (the mixer of SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn coin(&mut self) -> bool {
        self.next() & 1 == 0
    }
}

/// A file as programs see it, and as the disk surely has it.
#[derive(Debug, Clone, Default)]
struct File {
    seen: Vec<u8>,
    sure: Vec<u8>,
}

type Names = BTreeMap<PathBuf, usize>;

/// A change of names, waiting for its directory to be synced.
enum Naming {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

fn name(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Create(path, file) => drop(names.insert(path.clone(), *file)),
        Naming::Remove(path) => drop(names.remove(path)),
        Naming::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

/// What the disk holds after the power failed when the first `steps` had been done; and the last acknowledged record.
fn after_power_cut(steps: &[Step], model: Model, chance: &mut Chance) -> (BTreeMap<PathBuf, Vec<u8>>, u64) {
    let mut files: Vec<File> = Vec::new();
    let (mut seen, mut sure) = (Names::new(), Names::new());
    let mut waiting: Vec<Naming> = Vec::new();
    let mut acknowledged = 0;
    for (n, step) in steps.iter().enumerate() {
        let naming = match step {
            Step::Create(path) => {
                files.push(File::default());
                Some(Naming::Create(path.clone(), files.len() - 1))
            }
            Step::Rename(from, to) => Some(Naming::Rename(from.clone(), to.clone())),
            Step::Remove(path) => Some(Naming::Remove(path.clone())),
            Step::Write(path, at, bytes) => {
                let file = &mut files[seen[path]].seen;
                // The very last write may have got through in part.
                let done = if n + 1 == steps.len() { chance.next() as usize % (bytes.len() + 1) } else { bytes.len() };
                file.resize(file.len().max(at + done), 0);
                file[*at..at + done].copy_from_slice(&bytes[..done]);
                None
            }
            Step::Cut(path, length) => {
                files[seen[path]].seen.truncate(*length);
                None
            }
            // The last sync was begun; whether it was done nobody knows, so it was not.
            Step::Sync(path) => {
                if n + 1 < steps.len() {
                    let file = &mut files[seen[path]];
                    file.sure.clone_from(&file.seen);
                }
                None
            }
            Step::SyncDir => {
                if n + 1 < steps.len() {
                    waiting.drain(..).for_each(|naming| name(&mut sure, &naming));
                }
                None
            }
            Step::Acknowledged(seq) => {
                acknowledged = *seq;
                None
            }
        };
        if let Some(naming) = naming {
            name(&mut seen, &naming);
            waiting.push(naming);
        }
    }
    let kept = match model {
        Model::Prefix => waiting.len(),
        Model::Synced => 0,
        // Names change in order (a file system's journal), but how far nobody knows.
        Model::Random => chance.next() as usize % (waiting.len() + 1),
    };
    waiting.iter().take(kept).for_each(|naming| name(&mut sure, naming));
    let contents = |file: &File, chance: &mut Chance| match model {
        Model::Prefix => file.seen.clone(),
        Model::Synced => file.sure.clone(),
        Model::Random => {
            let longer = if chance.coin() { file.seen.len() } else { file.sure.len() };
            let mut bytes = file.sure.clone();
            bytes.resize(longer, 0);
            for (n, sector) in bytes.chunks_mut(SECTOR).enumerate() {
                let new = file.seen.get(n * SECTOR..).unwrap_or_default();
                let length = sector.len().min(new.len());
                if chance.coin() {
                    sector[..length].copy_from_slice(&new[..length]);
                }
            }
            bytes
        }
    };
    (sure.into_iter().map(|(path, file)| (path, contents(&files[file], chance))).collect(), acknowledged)
}

/// Opens what is left, and holds it against what was acknowledged.
fn check(left: &BTreeMap<PathBuf, Vec<u8>>, acknowledged: u64) -> bool {
    let dir = temp();
    for kind in ["log", "details"] {
        fs::create_dir(dir.path().join(kind)).unwrap();
    }
    for (path, bytes) in left {
        fs::write(dir.path().join(path), bytes).unwrap();
    }
    let log = dir.path().join("log");
    let options = options(Disk::default());
    let (mut journal, opened) = Journal::open(&log, &options, AT).unwrap();
    let torn = opened.tear.is_some();
    let mut n = 0;
    for logged in opened.entries {
        n += 1;
        assert_eq!(logged.unwrap().record.as_bytes(), record(n));
    }
    assert!(n >= acknowledged, "{acknowledged} records were acknowledged, {n} are there");
    let (mut details, found) = Details::open(&dir.path().join("details"), &options, Seq(n), AT).unwrap();
    assert_eq!(found.damaged, []);
    let has_detail = |details: &Details, seq| {
        let got = details.reader().get(Seq(seq), &digest(SALT, &detail(seq))).unwrap();
        got.is_some_and(|got| got.detail.as_bytes() == detail(seq))
    };
    // Not only of the acknowledged records: whatever is in the log has its details.
    (1..=n).for_each(|seq| assert!(has_detail(&details, seq), "details of record {seq} of {n}"));
    for _ in 0..3 {
        append(&mut journal, &mut details, 3).unwrap();
    }
    assert!((n + 1..=n + 9).all(|seq| has_detail(&details, seq)));
    drop(journal);
    let report = verify::verify(&log).unwrap();
    assert!(report.is_sound() && report.tear.is_none() && report.records == n + 9, "{report:?}");
    torn
}

#[test]
fn no_power_cut_loses_an_acknowledged_record_or_its_details_or_keeps_the_log_from_opening() {
    let morning = [Good(1), Good(2), Good(3), KilledBeforeSync(2), Good(1), Good(5), KilledAfterDetails(3), Good(2)];
    let evening = [Good(4), KilledBeforeSync(4), Good(1), Good(6), Good(2), KilledAfterDetails(1), Good(5), Good(1)];
    let steps = record_a_run(&[morning, evening].concat());
    assert!(steps.len() > 100 && steps.iter().filter(|step| matches!(step, Step::Cut(..))).count() > 3);
    let (mut states, mut torn) = (0, 0);
    for (model, rounds) in [(Model::Prefix, 2), (Model::Synced, 1), (Model::Random, 4)] {
        for cut in 0..=steps.len() {
            // Most can go wrong when records are written and not yet synced.
            let unsynced = matches!(steps[..cut].last(), Some(Step::Sync(path)) if is_of_records(path));
            for round in 0..if unsynced && model == Model::Random { 32 } else { rounds } {
                let seed = (cut * 32 + round) as u64;
                let (left, acknowledged) = after_power_cut(&steps[..cut], model, &mut Chance(seed));
                let checked = std::panic::catch_unwind(|| check(&left, acknowledged));
                states += 1;
                match checked {
                    Ok(was_torn) => torn += u32::from(was_torn),
                    Err(_) => panic!("{model:?}, power cut at step {cut} of {}, seed {seed}", steps.len()),
                }
            }
        }
    }
    println!("{states} power cuts, {torn} left a torn end");
    assert!(torn > 10, "the cuts reach the middle of writes: {torn} of {states}");
}

#[test]
fn the_power_cut_itself_is_not_toothless() {
    // A log that acknowledged before its sync would be caught: take the syncs of records out of the recording.
    let mut steps = record_a_run(&[1, 2, 3, 1, 5].map(Good));
    steps.retain(|step| !matches!(step, Step::Sync(path) if is_of_records(path)));
    let (left, acknowledged) = after_power_cut(&steps, Model::Synced, &mut Chance(1));
    assert!(std::panic::catch_unwind(|| check(&left, acknowledged)).is_err());
}
