//! Starts from a snapshot: the state is the same as from the whole log, bit for bit; whatever is wrong with the snapshot,
//! the whole log is read instead; and what was taken on trust is looked at afterwards.
#![allow(clippy::unwrap_used)]

mod council;

use callout::clock::Clock;
use callout::daemon::engine::{self, DETAILS_DIR, LOG_DIR, Opened, Storage};
use callout::domain::contact::{Channel, Contact};
use callout::domain::decide::decide;
use callout::domain::effect::Effect;
use callout::domain::event::{Author, DetailClass, Event, Sealed, SendResult, Via, Warning};
use callout::domain::id::{Seq, Tag};
use callout::domain::place::GridPoint;
use callout::domain::playbook::{Severity, WarningLevel};
use callout::domain::snapshot::Slice;
use callout::domain::state::State;
use callout::domain::time::{SignedDuration, Timestamp};
use callout::log::details::NewDetail;
use callout::log::disk::Disk;
use callout::log::snapshot::{self, SNAPSHOTS_DIR, Snapshot, Stands};
use callout::log::{Entry, Hash, Options, scrub};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ROTA: &str = "rota";
const PLAYBOOKS: [&str; 1] = ["flooding"];

fn storage() -> Storage {
    let small = Options { segment_bytes: 256 << 10, ballast_bytes: 0, ..Options::default() };
    Storage { log: small.clone(), details: Options { segment_bytes: 8 << 10, ..small } }
}

fn open(data: &Path) -> Opened {
    engine::open(data, &storage(), &Clock::System).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_300_000 + second).unwrap()
}

fn by(who: &str) -> Author {
    Author { who: who.into(), via: Via::Console }
}

fn sealed(n: u64) -> Sealed {
    Sealed::new([7; 16], DetailClass::Contact, format!("{{\"text\":\"words of contact {n}\"}}").into_bytes())
}

fn contact(n: u64) -> Event {
    let contact = Contact {
        key: Some(format!("{:032x}", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))),
        channel: if n.is_multiple_of(2) { Channel::Phone } else { Channel::WebForm },
        received_at: at(n as i64 * 7),
        tags: if n.is_multiple_of(3) { vec![Tag::from("flooding")] } else { vec![Tag::from("trees")] },
        place: Some(GridPoint::from_metres(380_000.0 + (n % 40) as f64 * 10.0, 410_000.0)),
        answered: Some(!n.is_multiple_of(5)),
        wait_s: Some(20),
        ..council_contact()
    };
    Event::ContactReceived { contact, sealed: Some(sealed(n)) }
}

fn council_contact() -> Contact {
    serde_json::from_str(
        "{\"source\":\"crm\",\"channel\":\"phone\",\"received_at\":\"2026-11-22T02:00:00Z\",\"tags\":[]}",
    )
    .unwrap()
}

/// Something of everything: contacts, a surge, pages with and without an outcome, an incident by hand, a warning, a hold.
fn day(n: u64) -> Vec<(Event, Timestamp)> {
    let documents = council::documents(ROTA, &PLAYBOOKS);
    let mut events = vec![
        (Event::Started { version: "0".into(), tz: "0".into() }, at(0)),
        (Event::PolicyLoaded { documents, by: Author::system() }, at(0)),
    ];
    let warning = Warning {
        source: "met_office".into(),
        kind: "rain".into(),
        level: WarningLevel::Yellow,
        from: at(0),
        to: at(900_000),
        area: "Wexmoor".into(),
    };
    events.push((Event::WarningEntered { warning, by: by("ann"), sealed: None }, at(1)));
    events.push((Event::HoldPlaced { on: "C-999999".into(), by: by("ann"), why: sealed(0) }, at(2)));
    let opened = Event::IncidentOpened {
        topic: Tag::from("trees"),
        severity: Severity::Wake,
        place: None,
        exercise: false,
        by: by("ann"),
        reason: sealed(0),
    };
    events.push((opened, at(3)));
    events.extend((1..=n).map(|n| (contact(n), at(n as i64 * 7))));
    events
}

/// Puts events into the log, as the committer would; every other page is sent.
fn fill(opened: &mut Opened, events: Vec<(Event, Timestamp)>) {
    let mut events: std::collections::VecDeque<_> = events.into();
    let mut sent: u32 = 0;
    while let Some((event, now)) = events.pop_front() {
        let decision = decide(&mut opened.state, &event, now);
        for effect in &decision.effects {
            if let Effect::SendPage(order) = effect {
                sent += 1;
                if sent.is_multiple_of(2) {
                    let told = Event::PageOutcome { page: order.page, outcome: SendResult::Accepted };
                    events.push_front((told, now + SignedDuration::from_secs(1)));
                }
            }
        }
        for (seq, record, sealed) in &decision.records {
            if let Some(sealed) = sealed {
                let class = sealed.class.as_str();
                let subject = &format!("C-{seq}");
                let new = NewDetail { seq: *seq, salt: &sealed.salt, subject, class, detail: &sealed.content };
                opened.details.append(&[new]).unwrap();
            }
            let record = serde_json::to_vec(record).unwrap();
            let entry = Entry { seq: *seq, at: decision.at, occurred_at: None, record: &record };
            opened.log.append(&[entry]).unwrap();
        }
    }
}

fn slices(state: &State) -> Vec<(&'static str, u32, Vec<u8>)> {
    Slice::ALL.iter().map(|slice| (slice.name(), slice.version(), state.slice(*slice).unwrap())).collect()
}

fn bookmark(opened: &Opened, data: &Path) -> PathBuf {
    let (head, hash) = opened.log.head();
    let stands = Stands { head, hash, at: opened.state.last_at, program: "test".into() };
    let dir = data.join(SNAPSHOTS_DIR);
    snapshot::write(&dir, &stands, &slices(&opened.state), &Disk::default()).unwrap();
    dir.join(format!("{:020}.snapshot", head.0))
}

/// A log of some sealed segments with a snapshot two thirds along it; the state at its end; the snapshot's file.
fn filled() -> (TempDir, State, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let mut opened = open(data);
    let mut events = day(1_200);
    let rest = events.split_off(800);
    fill(&mut opened, events);
    let path = bookmark(&opened, data);
    fill(&mut opened, rest);
    assert!(opened.state.paging.pages.len() > 1 && opened.state.incidents.by_id.len() > 1, "something of everything");
    (dir, opened.state, path)
}

fn segments(data: &Path, which: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(data.join(which)).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "log" || end == "details")).collect();
    files.sort();
    files
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_snapshot_and_the_records_after_it_give_the_state_of_the_whole_log_bit_for_bit() {
    let (dir, state, path) = filled();
    let data = dir.path();
    assert!(segments(data, LOG_DIR).len() > 2 && segments(data, DETAILS_DIR).len() > 4);
    let opened = open(data);
    assert!(opened.trusted > Seq(0) && opened.state == state, "from the snapshot");
    let reader = opened.details.reader();
    let seqs = reader.seqs().unwrap();
    assert_eq!(seqs.len() as u64, 1_202, "old segments of the details are read when they are asked for");
    let record = |seq: Seq| state.tally.recent.iter().find(|contact| contact.id.0 == seq.0).cloned();
    let first = seqs.iter().find_map(|seq| Some((*seq, record(*seq)?.digest.clone()?))).unwrap();
    let digest = Hash::from_hex(first.1.as_bytes()).unwrap();
    drop(opened);
    let opened = open(data);
    assert!(opened.details.reader().get(first.0, &digest).unwrap().is_some(), "one look-up reads its segment");
    drop(opened);
    fs::remove_file(path).unwrap();
    let opened = open(data);
    assert!(opened.trusted == Seq(0) && opened.state == state, "from the whole log");
}

#[test]
fn after_an_erasure_too_and_an_old_copy_brings_nothing_back() {
    let (dir, _, _) = filled();
    let data = dir.path();
    let old = fs::read(&segments(data, DETAILS_DIR)[0]).unwrap();
    let mut opened = open(data);
    let seq = opened.details.reader().seqs().unwrap()[4];
    let asked = Event::ErasureAsked {
        subject: format!("C-{seq}"),
        of: None,
        seqs: [seq].into_iter().collect(),
        incident_texts: false,
        by: by("ann"),
        why: sealed(0),
    };
    fill(&mut opened, vec![(asked, at(90_000))]);
    opened.details.erase(&[seq].into()).unwrap();
    let path = bookmark(&opened, data);
    let state = opened.state.clone();
    drop(opened);
    fs::write(&segments(data, DETAILS_DIR)[0], old).unwrap();
    let opened = open(data);
    assert!(opened.trusted > Seq(0) && opened.state == state);
    let digest = Hash::from_hex(sealed(0).digest.as_bytes()).unwrap();
    assert_eq!(opened.details.reader().get(seq, &digest).unwrap(), None);
    let json = |n: u64| sealed(n).digest;
    let shown = (1..40).filter_map(|n| opened.details.reader().get(seq, &Hash::from_hex(json(n).as_bytes())?).unwrap());
    assert_eq!(shown.count(), 0, "hidden until it is erased again");
    drop(opened);
    fs::remove_file(path).unwrap();
    for other in fs::read_dir(data.join(SNAPSHOTS_DIR)).unwrap() {
        fs::remove_file(other.unwrap().path()).unwrap();
    }
    let opened = open(data);
    assert!(opened.state == state && !opened.details.reader().seqs().unwrap().contains(&seq), "erased again");
}

#[test]
fn whatever_is_wrong_with_a_snapshot_the_whole_log_is_read_and_nothing_panics() {
    let (dir, state, path) = filled();
    let data = dir.path();
    let good = fs::read(&path).unwrap();
    let snapshot = Snapshot::from_bytes(good.clone()).unwrap();
    let parts = || -> Vec<(&'static str, u32, Vec<u8>)> {
        let part = |slice: &Slice| {
            let (form, bytes) = snapshot.slice(slice.name()).unwrap();
            (slice.name(), form, bytes.to_vec())
        };
        Slice::ALL.iter().map(part).collect()
    };
    let mut wrong: Vec<(String, Vec<u8>)> = Vec::new();
    let step = good.len() / 23;
    for at in (0..good.len()).step_by(step) {
        wrong.push((format!("cut at {at}"), good[..at].to_vec()));
        let mut altered = good.clone();
        altered[at] ^= 1;
        wrong.push((format!("altered at {at}"), altered));
    }
    // Whole in themselves, and wrong all the same.
    let elsewhere = Stands { hash: Hash::of(b"another line"), ..snapshot.stands.clone() };
    wrong.push(("of another log".into(), snapshot::to_bytes(&elsewhere, &parts())));
    let ahead = Stands { head: Seq(snapshot.stands.head.0 + 100_000), ..snapshot.stands.clone() };
    wrong.push(("ahead of the log".into(), snapshot::to_bytes(&ahead, &parts())));
    for n in 0..Slice::ALL.len() {
        let mut later = parts();
        later[n].1 += 1;
        wrong.push((format!("{} of a later form", later[n].0), snapshot::to_bytes(&snapshot.stands, &later)));
        let mut torn = parts();
        let half = torn[n].2.len() - 1;
        torn[n].2.truncate(half);
        wrong.push((format!("{} that do not read", torn[n].0), snapshot::to_bytes(&snapshot.stands, &torn)));
        let mut missing = parts();
        missing.remove(n);
        wrong.push(("a slice is missing".into(), snapshot::to_bytes(&snapshot.stands, &missing)));
    }
    for (n, (what, bytes)) in wrong.into_iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        // A whole start for some of them; for all, that it is refused as it should be.
        let refused = callout::log::snapshot::newest_first(&data.join(SNAPSHOTS_DIR)).all(|(_, read)| {
            read.and_then(|found| {
                let state = State::from_slices(found.stands.head, found.stands.at, |name| found.slice(name));
                state.map(|_| found.stands.clone()).map_err(|error| error.to_string())
            })
            .map_or(true, |stands| stands.head != snapshot.stands.head || stands.hash != snapshot.stands.hash)
        });
        assert!(refused, "{what}");
        if n.is_multiple_of(12) || what.contains("log") {
            let opened = open(data);
            assert!(opened.trusted == Seq(0) && opened.state == state, "{what}");
        }
    }
}

#[test]
fn damage_in_an_old_segment_does_not_keep_it_from_starting_and_is_found_and_named() {
    let (dir, state, path) = filled();
    let data = dir.path();
    let log = data.join(LOG_DIR);
    assert_eq!(scrub::sealed(&log, Seq(9_999), || true).unwrap().1, None);
    let old = segments(data, LOG_DIR)[0].clone();
    let good = fs::read(&old).unwrap();
    // In the middle of the oldest segment: the start takes it on trust, the round finds it.
    flip(&old, good.len() / 2);
    let opened = open(data);
    assert!(opened.trusted > Seq(0) && opened.state == state);
    let (_, damage) = scrub::sealed(&log, opened.trusted, || true).unwrap();
    assert!(damage.is_some_and(|damage| damage.file == old && damage.seq > Seq(1)), "named");
    drop(opened);
    // A segment that does not join on to the next is not taken on trust.
    fs::write(&old, &good[..good.len() - 200]).unwrap();
    assert!(engine::open(data, &storage(), &Clock::System).is_err(), "the whole log is read, and is damaged");
    fs::write(&old, &good).unwrap();
    // In the segment of the snapshot itself all is read.
    let head = Snapshot::from_bytes(fs::read(path).unwrap()).unwrap().stands.head;
    let first = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    let own = segments(data, LOG_DIR).into_iter().rfind(|path| first(path) <= head.0).unwrap();
    flip(&own, 80);
    assert!(engine::open(data, &storage(), &Clock::System).is_err());
}

/// The state of the committed snapshot, made anew; `UPDATE=1` writes it. A later version keeps the file, adds one of its
/// own form, and goes on reading this one.
#[test]
fn a_snapshot_of_each_released_form_is_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/snapshots");
    let form = dir.join("form-1.snapshot");
    if std::env::var_os("UPDATE").is_some() {
        let data = tempfile::tempdir().unwrap();
        let mut opened = open(data.path());
        fill(&mut opened, day(30));
        let path = bookmark(&opened, data.path());
        fs::create_dir_all(&dir).unwrap();
        fs::copy(path, &form).unwrap();
    }
    let snapshot = Snapshot::from_bytes(fs::read(&form).unwrap()).unwrap();
    let head = snapshot.stands.head;
    let mut state = State::from_slices(head, snapshot.stands.at, |name| snapshot.slice(name)).unwrap();
    assert_eq!((state.tally.contacts_n, state.keys.len()), (30, 30));
    assert!(state.incidents.by_id.len() > 1 && !state.paging.pages.is_empty() && !state.keeping.holds.is_empty());
    assert!(!state.signals.raised.is_empty() && state.policy.in_force.is_some());
    // And it goes on from there: the same contact again is known.
    let decision = decide(&mut state, &contact(30), at(1_000));
    assert!(!decision.records.iter().any(|(_, _, sealed)| sealed.is_some()), "the key is known");
}
