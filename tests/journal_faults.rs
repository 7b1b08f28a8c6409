//! The journal on a disk that fails or is full: nothing acknowledged is lost, nothing is pretended.
#![allow(clippy::unwrap_used)]

use callout::domain::id::Seq;
use callout::domain::time::Timestamp;
use callout::log::disk::{Disk, Op};
use callout::log::{Entry, Journal, LogError, Options, Room, verify};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One test at a time: starting `mount` briefly doubles every open file of the process, and so would hold a LOCK that
/// another test has just given back.
static ALONE: Mutex<()> = Mutex::new(());
const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn temp() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

fn record(seq: u64) -> Vec<u8> {
    format!("{{\"type\":\"note\",\"n\":{seq},\"fill\":\"{}\"}}", "z".repeat((seq * 41 % 300) as usize)).into_bytes()
}

/// Appends one batch of `n` records at the head.
fn append(journal: &mut Journal, n: u64) -> Result<(), LogError> {
    let from = journal.head().0.0 + 1;
    let records: Vec<_> = (from..from + n).map(record).collect();
    let entry = |(seq, record)| Entry { seq: Seq(seq), at: AT, occurred_at: None, record };
    let batch: Vec<_> = (from..).zip(records.iter().map(Vec::as_slice)).map(entry).collect();
    journal.append(&batch).map(drop)
}

/// Opens the log without faults and gives the number of records in it, all as they were written.
fn count(dir: &Path, options: &Options) -> u64 {
    let (_journal, opened) = Journal::open(dir, options, AT).unwrap();
    let mut n = 0;
    for logged in opened.entries {
        n += 1;
        let logged = logged.unwrap();
        assert_eq!((logged.seq, logged.record.as_bytes()), (Seq(n), record(n).as_slice()));
    }
    n
}

/// What the watcher saw after its fault, as `write name` or `sync name`.
type Seen = Arc<Mutex<Vec<String>>>;

/// A disk whose change number `n` fails with an input/output error, and what was tried on it from then on.
fn failing_at(n: usize) -> (Disk, Seen) {
    let seen = Seen::default();
    let (count, after) = (AtomicUsize::new(0), Arc::clone(&seen));
    let disk = Disk::watched(Arc::new(move |op: &Op<'_>| {
        let now = count.fetch_add(1, Ordering::SeqCst);
        if now >= n {
            let (verb, path) = match op {
                Op::Write(path, ..) | Op::Reserve(path, _) => ("write", path),
                Op::Sync(path) | Op::Cut(path, _) => ("sync", path),
                Op::Create(path) | Op::Rename(_, path) | Op::Remove(path) | Op::SyncDir(path) => ("name", path),
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            after.lock().unwrap().push(format!("{verb} {name}"));
        }
        if now == n { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }));
    (disk, seen)
}

#[test]
fn whichever_change_of_the_disk_fails_the_log_stops_at_once_and_nothing_acknowledged_is_lost() {
    let _alone = ALONE.lock();
    let good = Options { segment_bytes: 4 << 10, ballast_bytes: 4 << 10, ..Options::default() };
    let mut stopped = 0;
    for n in 0.. {
        let dir = temp();
        let (disk, seen) = failing_at(n);
        let options = Options { disk, ..good.clone() };
        let mut acknowledged = 0;
        let mut refused = None;
        if let Ok((mut journal, _)) = Journal::open(dir.path(), &options, AT) {
            for batch in [1, 3, 2, 4, 1, 5, 3, 4, 2, 4] {
                match append(&mut journal, batch) {
                    Ok(()) => acknowledged += batch,
                    Err(error) => {
                        let again = append(&mut journal, 1).unwrap_err();
                        assert!(matches!(again, LogError::Poisoned { .. }), "fault {n}: {error}, then {again}");
                        refused = Some(error);
                        break;
                    }
                }
            }
        }
        let seen = seen.lock().unwrap();
        if let Some(error) = refused {
            stopped += 1;
            assert!(matches!(error, LogError::Failed { .. } | LogError::Poisoned { .. }), "fault {n}: {error}");
            if matches!(error, LogError::Failed { .. }) {
                let of_records = |what: &&String| what.ends_with(".log");
                assert!(!seen.iter().skip(1).any(|what| of_records(&what)), "fault {n}: tried again: {seen:?}");
            }
        }
        let there = count(dir.path(), &good);
        assert!(there >= acknowledged, "fault {n}: {acknowledged} acknowledged, {there} there");
        if seen.is_empty() {
            assert!(n > 40 && stopped > 30, "{n} changes, of which {stopped} stopped the log");
            return;
        }
    }
}

/// A small file system of its own, gone at the end.
struct SmallDisk(PathBuf, #[expect(dead_code, reason = "held so that the mount point lives as long")] TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let above = TempDir::new().unwrap();
        let at = above.path().join("disk");
        fs::create_dir(&at).unwrap();
        let size = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&at).output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        mounted.then_some(Self(at, above))
    }

    /// Fills what is free with a file; removing it gives the space back.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        while io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Waits for something that another thread brings about, 20 s at most.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn on_a_full_disk_contacts_are_refused_paging_goes_on_and_all_recovers_when_space_returns() {
    let _alone = ALONE.lock();
    let Some(disk) = SmallDisk::mount("8m") else {
        println!("skipped: mounting a small disk is not permitted here");
        return;
    };
    let dir = disk.0.join("log");
    let options = Options {
        segment_bytes: 256 << 10,
        ballast_bytes: 1 << 20,
        retry_every: Duration::from_millis(20),
        ..Options::default()
    };
    let (mut journal, _) = Journal::open(&dir, &options, AT).unwrap();
    append(&mut journal, 100).unwrap();
    let ballast = dir.join("ballast");
    until("the ballast", || fs::metadata(&ballast).is_ok_and(|file| file.len() == 1 << 20));
    until("the reserve", || dir.join("reserved").exists());
    let filler = disk.fill();

    // Contacts, until the log says that what is left is for paging. Not one append fails on the way.
    while journal.has_room() == Room::Plenty {
        append(&mut journal, 50).unwrap();
        assert!(journal.head().0.0 < 20_000, "a full disk must be noticed");
    }
    until("the ballast given up", || !ballast.exists());
    let contacts = journal.head().0.0;
    // From here on paging records only: the ballast's space is theirs, and it is worth several segments.
    let start = Instant::now();
    let refused = loop {
        match append(&mut journal, 50) {
            Ok(()) => assert_eq!(journal.has_room(), Room::LastSegment),
            Err(error) => break error,
        }
    };
    let paging = journal.head().0.0 - contacts;
    println!("{contacts} records before the disk was full, {paging} after");
    assert!(matches!(refused, LogError::NoRoom { .. }), "{refused}");
    assert!(start.elapsed() < options.reserve_wait, "a full disk is told at once, not after a long wait");
    assert!(paging > 2_000, "only {paging} paging records found room");
    let head = journal.head();
    let single = append(&mut journal, 1);
    assert!(single.is_ok() || journal.head() == head, "a refusal leaves the log as it was");
    assert!(journal.space().disk_free_bytes.unwrap() < 256 << 10);

    // A restart on the full disk: everything is readable, and contacts stay refused.
    let head = journal.head();
    drop(journal);
    let (mut journal, opened) = Journal::open(&dir, &options, AT).unwrap();
    assert_eq!(opened.entries.map(Result::unwrap).count() as u64, head.0.0);
    until("the shortage noticed", || journal.has_room() == Room::LastSegment);

    // Somebody makes space: it recovers alone, ballast and all.
    fs::remove_file(filler).unwrap();
    until("room again", || journal.has_room() == Room::Plenty);
    until("the ballast again", || fs::metadata(&ballast).is_ok_and(|file| file.len() == 1 << 20));
    append(&mut journal, 200).unwrap();
    let head = journal.head().0.0;
    drop(journal);
    assert_eq!(count(&dir, &options), head);
    assert!(verify::verify(&dir).unwrap().is_sound());
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_with_the_cause() {
    let above = temp();
    let file = above.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Journal::open(&file.join("log"), &Options::default(), AT).unwrap_err().to_string();
    assert!(error.starts_with("cannot make the directory") && error.contains("Not a directory"), "{error}");
}
