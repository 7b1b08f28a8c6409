//! kill -9 under load, round after round, on one data directory: nothing acknowledged is lost, nothing is taken twice,
//! and the daemon starts again each time.
//!
//! 20 rounds; `CALLOUT_KILL_ROUNDS=200` for the long run, `CALLOUT_KILL_SEED` for other moments. A killed process loses
//! its memory and not the machine's: what a power cut loses is played in `journal_power`.

#![allow(clippy::unwrap_used)]

mod running;

use callout::domain::id::{ContactId, Seq};
use callout::domain::record::Record;
use callout::log::verify::verify;
use running::{Council, Daemon, Http, Watched, token_for};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Connections that write at the same time.
const WRITERS: u64 = 6;
/// Contacts of the largest batch.
const BATCH_MAX: u64 = 20;
/// The load lasts at most so long before the kill.
const LOAD_MS_MAX: u64 = 250;
/// A round in so many kills a second time, while the daemon starts.
const START_KILL_EVERY: u64 = 10;
/// The longest start that a kill may hit.
const START_MS_MAX: u64 = 500;

/// Numbers from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One request, and what was answered, if that came whole.
#[derive(Clone)]
struct Sent {
    key: Option<String>,
    body: Value,
    answer: Option<Value>,
}

impl Sent {
    /// A single contact under an Idempotency-Key, or a batch in which each has its sender's own number.
    fn of(name: &str, chance: &mut Chance) -> Self {
        let words = |chance: &mut Chance| match chance.below(40) {
            0 => "the road is flooded",
            1 => "a tree is down across the road",
            _ => "the bin was not collected",
        };
        let contact = |chance: &mut Chance| {
            json!({
                "channel": "phone", "text": words(chance),
                "easting": 380_000 + chance.below(5_000), "northing": 410_000 + chance.below(5_000),
            })
        };
        if chance.below(2) == 0 {
            return Self { key: Some(name.to_owned()), body: contact(chance), answer: None };
        }
        let batch = 1 + chance.below(BATCH_MAX);
        let one = |n: u64| {
            let mut contact = contact(chance);
            contact["source"] = "crm".into();
            contact["source_id"] = format!("{name}-{n}").into();
            contact
        };
        Self { key: None, body: (0..batch).map(one).collect(), answer: None }
    }

    /// Sends it; the answer if it came whole.
    fn send(&self, http: &mut Http) -> std::io::Result<running::http::Answer> {
        http.post("/api/v1/contacts", self.key.as_deref(), &self.body)
    }

    /// The ids of the contacts in the answer.
    fn ids(&self) -> Vec<ContactId> {
        let id = |contact: &Value| contact["id"].as_str().unwrap().parse().unwrap();
        match &self.answer {
            None => Vec::new(),
            Some(answer) => match answer["contacts"].as_array() {
                Some(many) => many.iter().map(id).collect(),
                None => vec![id(answer)],
            },
        }
    }
}

/// Writes until the daemon is gone.
fn write_until_killed(round: u64, writer: u64, seed: u64, port: u16, token: &str, sent: &Mutex<Vec<Sent>>) {
    let mut chance = Chance(seed ^ (round << 20) ^ writer);
    let Ok(mut http) = Http::connect(port, token) else { return };
    for n in 0.. {
        let mut one = Sent::of(&format!("r{round}-w{writer}-{n}"), &mut chance);
        let answer = one.send(&mut http);
        let gone = answer.is_err();
        if let Ok(answer) = answer {
            assert_eq!(answer.status, 201, "{answer:#?}");
            one.answer = Some(answer.json());
        }
        sent.lock().unwrap().push(one);
        if gone {
            return;
        }
    }
}

/// Load, then a kill at a moment chosen by chance; gives what was sent.
fn load_and_kill(round: u64, seed: u64, daemon: Daemon, token: &str, after: Duration) -> Vec<Sent> {
    let sent = Mutex::new(Vec::new());
    let port = daemon.port;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let sent = &sent;
            scope.spawn(move || write_until_killed(round, writer, seed, port, token, sent));
        }
        // The moment is the point of the exercise, so this waits by the clock.
        std::thread::sleep(after);
        daemon.kill_nine();
    });
    sent.into_inner().unwrap()
}

/// Sends everything again over several connections: what was answered before must be answered the same, as a replay;
/// the rest is taken now.
fn replay(sent: &mut [Sent], port: u16, token: &str) -> u64 {
    let answered = AtomicU64::new(0);
    let per_writer = sent.len().div_ceil(WRITERS as usize).max(1);
    std::thread::scope(|scope| {
        for part in sent.chunks_mut(per_writer) {
            let answered = &answered;
            scope.spawn(move || {
                let mut http = Http::connect(port, token).unwrap();
                for one in part {
                    let answer = one.send(&mut http).unwrap();
                    assert_eq!(answer.status, 201, "{answer:#?}");
                    match &one.answer {
                        Some(before) => {
                            assert!(
                                answer.is_replay(),
                                "lost: {before} was answered, and is taken as new: {answer:#?}"
                            );
                            assert_eq!(answer.json(), *before);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        None => one.answer = Some(answer.json()),
                    }
                }
            });
        }
    });
    answered.into_inner()
}

/// What the log holds, read as it grows.
#[derive(Default)]
struct Taken {
    ids: BTreeSet<ContactId>,
    by_key: BTreeMap<String, Seq>,
}

impl Taken {
    fn read(&mut self, log: &mut Watched) {
        log.read();
        for line in log.lines.drain(..) {
            if let Record::ContactTaken { contact, .. } = line.record {
                self.ids.insert(ContactId::from(line.seq));
                let key = contact.key.expect("each was sent under a key");
                if let Some(before) = self.by_key.insert(key, line.seq) {
                    panic!("taken twice: records {before} and {}", line.seq);
                }
            }
        }
    }

    fn holds_all_of(&self, sent: &[Sent]) {
        for id in sent.iter().flat_map(Sent::ids) {
            assert!(self.ids.contains(&id), "{id} was acknowledged and is not in the log");
        }
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} should be a number")))
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_nine_under_load() {
    let rounds = from_environment("CALLOUT_KILL_ROUNDS", 20);
    let seed = from_environment("CALLOUT_KILL_SEED", 2_026);
    println!("{rounds} rounds, seed {seed}");
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let config = Council::default().write(root.path());
    let token = token_for(&data);
    let mut chance = Chance(seed);
    let (mut log, mut taken, mut all) = (Watched::of(&data), Taken::default(), Vec::new());
    let (mut kills_in_start, mut tears, mut cut_off, mut slowest) = (0_u64, 0_u64, 0, Duration::ZERO);
    let (mut starting, mut checking, mut sending_again) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let began = Instant::now();
    let mut start = || {
        let from = Instant::now();
        let daemon = Daemon::start(&config, &data, "127.0.0.1:0");
        slowest = slowest.max(from.elapsed());
        starting += from.elapsed();
        daemon
    };
    let mut daemon = start();
    for round in 0..rounds {
        let after = Duration::from_millis(chance.below(LOAD_MS_MAX));
        let mut sent = load_and_kill(round, seed, daemon, &token, after);
        if round % START_KILL_EVERY == START_KILL_EVERY - 1 {
            let again = Daemon::spawn(&config, &data, "127.0.0.1:0");
            std::thread::sleep(Duration::from_millis(chance.below(START_MS_MAX)));
            again.kill_nine();
            kills_in_start += 1;
        }
        tears += u64::from(timed(&mut checking, || verified(&data)));
        daemon = start();
        assert!(!timed(&mut checking, || verified(&data)), "a start cuts a torn end off");
        taken.read(&mut log);
        taken.holds_all_of(&sent);
        cut_off += sent.iter().filter(|one| one.answer.is_none()).count();
        timed(&mut sending_again, || replay(&mut sent, daemon.port, &token));
        taken.read(&mut log);
        taken.holds_all_of(&sent);
        all.append(&mut sent);
    }
    let replayed = timed(&mut sending_again, || replay(&mut all, daemon.port, &token));
    assert_eq!(replayed, all.len() as u64);
    taken.read(&mut log);
    let contacts: BTreeSet<ContactId> = all.iter().flat_map(Sent::ids).collect();
    assert_eq!(contacts, taken.ids, "the log holds what was sent, and nothing else");
    let (status, _) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(!verified(&data));
    println!(
        "{rounds} kills under load and {kills_in_start} during the start, {tears} torn ends; {} requests with {} \
         contacts, {cut_off} requests cut off\n\
         0 acknowledged contacts lost, 0 taken twice, 0 refusals to start, 0 chain errors\n\
         {:?} over all: starts {starting:?} (the slowest {slowest:?}), checks {checking:?}, sending all again \
         {sending_again:?}",
        all.len(),
        contacts.len(),
        began.elapsed()
    );
    assert!(all.len() as u64 > rounds, "there was load");
}

fn timed<T>(sum: &mut Duration, run: impl FnOnce() -> T) -> T {
    let from = Instant::now();
    let done = run();
    *sum += from.elapsed();
    done
}

/// The log is whole; whether its end is torn.
fn verified(data: &Path) -> bool {
    let report = verify(&data.join("log")).unwrap();
    assert!(report.is_sound(), "{report:#?}");
    report.tear.is_some()
}
