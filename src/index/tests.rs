//! What the index finds, and how it comes back from every way of failing.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::contact::{Channel, Contact};
use crate::domain::event::Author;
use crate::domain::playbook::Severity;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::TrySendError;
use std::time::{Duration, Instant};

type Entry = (Seq, Timestamp, Arc<Record>);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// Record `seq`: a contact in that second, on a line of places 100 m apart; flooding when even.
fn contact(seq: u64) -> Entry {
    let tags: &[Tag] = if seq.is_multiple_of(2) { &[Tag::from("flooding")] } else { &[] };
    let contact = Contact {
        source: "crm".into(),
        key: Some(format!("{seq:032x}")),
        channel: if seq.is_multiple_of(3) { Channel::Email } else { Channel::Phone },
        received_at: at(seq as i64),
        occurred_at: None,
        service: None,
        tags: tags.to_vec(),
        place: Some(GridPoint::from_metres(530_000.0 + 100.0 * seq as f64, 180_000.0)),
        body: None,
        answered: None,
        wait_s: None,
        land: None,
        alike: None,
        history: false,
    };
    (Seq(seq), at(seq as i64), Arc::new(Record::ContactTaken { contact, incident: Some(IncidentId(1)), digest: None }))
}

fn opened(seq: u64) -> Entry {
    let record = Record::IncidentOpened {
        topic: Tag::from("flooding"),
        severity: Severity::Wake,
        place: None,
        exercise: false,
        by: Author::system(),
        digest: None,
    };
    (Seq(seq), at(seq as i64), Arc::new(record))
}

fn log(n: u64) -> Vec<Entry> {
    std::iter::once(opened(1)).chain((2..=n).map(contact)).collect()
}

fn ids(found: &[FoundContact]) -> Vec<u64> {
    found.iter().map(|contact| contact.id.0).collect()
}

/// What every healthy index of `log(n)` answers, n at least 20.
fn check(index: &Index, n: u64) {
    assert_eq!(index.applied(), Seq(n));
    assert_eq!(ids(&index.contacts_between(at(4), at(8), 10)), [7, 6, 5, 4]);
    assert_eq!(ids(&index.by_tag(&Tag::from("flooding"), at(0), at(9), 3)), [8, 6, 4]);
    assert_eq!(ids(&index.by_stream("channel/email", at(0), at(10), 9)), [9, 6, 3]);
    let middle = GridPoint::from_metres(531_000.0, 180_000.0);
    let mut near = ids(&index.contacts_near(middle, 250.0, at(0), 100));
    near.sort_unstable();
    assert_eq!(near, [8, 9, 10, 11, 12], "both sides of the cell's edge at 531 km");
    assert_eq!(ids(&index.contacts_near(middle, 250.0, at(11), 100)), [12, 11]);
    assert_eq!(index.by_reference(&format!("{:032x}", 7)), Some(ContactId(7)));
    assert_eq!(index.by_reference("not a key"), None);
    assert_eq!(index.contacts_of(IncidentId(1), 10_000).len() as u64, n - 1);
    let incidents = index.incidents(10);
    assert_eq!((incidents[0].id, incidents[0].opened_at, incidents[0].closed_at), (IncidentId(1), at(1), None));
}

fn fresh(dir: &Path, n: u64) -> Index {
    let (index, opening) = Index::open(dir, Seq(n)).unwrap();
    assert_eq!(opening, Opening::New);
    for part in log(n).chunks(7) {
        index.apply(part).unwrap();
    }
    index.flush().unwrap();
    index
}

/// A feed that reads from `log(n)`.
fn feed(n: u64) -> Feed {
    Box::new(move |from, most| Ok(log(n).into_iter().filter(|(seq, _, _)| *seq >= from).take(most).collect()))
}

/// Waits until `done`, at most 60 s.
fn until(what: &str, done: impl Fn() -> bool) {
    let from = Instant::now();
    while !done() {
        assert!(from.elapsed() < Duration::from_secs(60), "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_was_applied_is_found_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    check(&fresh(&path, 30), 30);
    let (index, opening) = Index::open(&path, Seq(30)).unwrap();
    assert_eq!(opening, Opening::AsItWas(Seq(30)));
    check(&index, 30);
}

#[test]
fn what_was_applied_before_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let index = fresh(&dir.path().join("index"), 20);
    index.apply(&log(30)).unwrap();
    index.apply(&log(30)).unwrap();
    check(&index, 30);
}

#[test]
fn a_closed_incident_says_since_when() {
    let dir = tempfile::tempdir().unwrap();
    let index = fresh(&dir.path().join("index"), 20);
    let stood_down = Record::StoodDown { incident: IncidentId(1), by: Author::system(), digest: String::new() };
    index.apply(&[(Seq(21), at(21), Arc::new(stood_down))]).unwrap();
    assert_eq!(index.incidents(1), [FoundIncident { id: IncidentId(1), opened_at: at(1), closed_at: Some(at(21)) }]);
}

#[test]
fn an_index_ahead_of_the_log_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    drop(fresh(&path, 30));
    let (index, opening) = Index::open(&path, Seq(25)).unwrap();
    assert_eq!(opening, Opening::Anew("it had applied 30 and the log ends at 25".into()));
    assert_eq!(index.applied(), Seq(0));
    assert!(path.with_extension("broken").join("db").exists(), "the old one is kept aside");
}

/// A kill while the store writes its snapshot leaves this file; sled alone would never open again.
#[test]
fn a_half_written_snapshot_of_a_killed_start_does_not_stop_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    drop(fresh(&path, 30));
    std::fs::write(path.join("snap.0000000000000FFF.generating"), b"half").unwrap();
    let (index, opening) = Index::open(&path, Seq(30)).unwrap();
    assert_eq!(opening, Opening::AsItWas(Seq(30)));
    check(&index, 30);
}

#[test]
fn a_damaged_snapshot_goes_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    drop(fresh(&path, 30));
    for entry in std::fs::read_dir(&path).unwrap() {
        let file = entry.unwrap().path();
        if file.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            std::fs::write(&file, b"not a snapshot").unwrap();
        }
    }
    let (index, opening) = Index::open(&path, Seq(30)).unwrap();
    assert!(matches!(opening, Opening::AsItWas(_)), "{opening:?}");
    check(&index, 30);
}

#[test]
fn a_store_that_is_still_being_let_go_of_is_waited_for_and_not_taken_for_a_broken_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    drop(fresh(&path, 30));
    let (taken, is_taken) = std::sync::mpsc::channel();
    let db = path.join("db");
    let holder = std::thread::spawn(move || {
        let file = std::fs::File::open(db).unwrap();
        file.lock().unwrap();
        taken.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    });
    is_taken.recv().unwrap();
    let (index, opening) = Index::open(&path, Seq(30)).unwrap();
    assert_eq!(opening, Opening::AsItWas(Seq(30)));
    check(&index, 30);
    holder.join().unwrap();
}

/// Each file overwritten, cut or emptied in turn: it opens, whatever it takes, and the worker makes it whole.
#[test]
fn whatever_is_damaged_it_opens_and_is_whole_again() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 4] = [
        ("emptied", |file| std::fs::write(file, b"").unwrap()),
        ("garbage", |file| std::fs::write(file, [0xa5; 40_000]).unwrap()),
        ("cut", |file| {
            let bytes = std::fs::read(file).unwrap();
            std::fs::write(file, &bytes[..bytes.len() / 3]).unwrap();
        }),
        ("a stripe", |file| {
            let mut bytes = std::fs::read(file).unwrap();
            let n = bytes.len();
            bytes[n / 4..n / 2].fill(0x5a);
            std::fs::write(file, bytes).unwrap();
        }),
    ];
    let mut anew = 0;
    for (what, damage) in damages {
        for name in ["db", "conf"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("index");
            drop(fresh(&path, 200));
            damage(&path.join(name));
            let (index, opening) = Index::open(&path, Seq(200)).unwrap();
            anew += usize::from(matches!(opening, Opening::Anew(_)));
            let stop = Arc::new(AtomicBool::new(false));
            let (worker, live) = Worker::new(index.clone(), feed(200), Arc::clone(&stop));
            let thread = std::thread::spawn(move || worker.run());
            until(&format!("{name} {what}: catching up"), || index.applied() == Seq(200));
            drop(live);
            thread.join().unwrap();
            check(&index, 200);
        }
    }
    assert!(anew > 0, "some damage must be beyond the cures, else this shows nothing");
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_and_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(Index::open(&file.join("index"), Seq(0)).is_err());
}

#[test]
fn a_worker_catches_up_from_the_log_and_then_follows() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(&dir.path().join("index"), Seq(1_200)).unwrap();
    assert_eq!(index.lag(), 1_200);
    let stop = Arc::new(AtomicBool::new(false));
    let (worker, live) = Worker::new(index.clone(), feed(1_200), Arc::clone(&stop));
    let thread = std::thread::spawn(move || worker.run());
    until("catching up", || index.lag() == 0);
    live.send(vec![contact(1_201), contact(1_202)]).unwrap();
    until("following", || index.applied() == Seq(1_202));
    drop(live);
    thread.join().unwrap();
    check(&index, 1_202);
}

/// The queue is full because the worker has not begun; what does not fit is dropped, and read from the log.
#[test]
fn a_full_queue_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(&dir.path().join("index"), Seq(0)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (worker, live) = Worker::new(index.clone(), feed(1_000), Arc::clone(&stop));
    let mut dropped = 0;
    for batch in log(900).chunks(10) {
        dropped += usize::from(matches!(live.try_send(batch.to_vec()), Err(TrySendError::Full(_))));
    }
    assert_eq!(dropped, 90 - QUEUE_BATCHES);
    let thread = std::thread::spawn(move || worker.run());
    until("catching up", || index.applied() >= Seq(640));
    live.send((991..=1_000).map(contact).collect()).unwrap();
    until("filling the gap", || index.applied() == Seq(1_000));
    stop.store(true, Ordering::Release);
    thread.join().unwrap();
    check(&index, 1_000);
}

/// The log cannot be read at first; the worker tries again and ends promptly when it is told to.
#[test]
fn a_worker_whose_log_fails_can_still_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(&dir.path().join("index"), Seq(5)).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::clone(&asked);
    let feed: Feed = Box::new(move |_, _| {
        count.fetch_add(1, Ordering::AcqRel);
        Err("the disk is gone".into())
    });
    let (worker, _live) = Worker::new(index, feed, Arc::clone(&stop));
    let thread = std::thread::spawn(move || worker.run());
    until("asking", || asked.load(Ordering::Acquire) > 0);
    stop.store(true, Ordering::Release);
    let from = Instant::now();
    thread.join().unwrap();
    assert!(from.elapsed() < Duration::from_secs(5));
}
