//! What the benchmarks stand on: a directory on the disk, a daemon in this process, writers, and percentiles.

#![allow(dead_code, clippy::unwrap_used, missing_docs)]

pub mod http;
pub mod postgres;

use callout::clock::Clock;
use callout::config::{self, Loaded};
use callout::daemon::app::{App, Running, Show, Start};
use callout::daemon::engine::Storage;
use callout::domain::contact::{Channel, Contact};
use callout::domain::event::{DetailClass, Event, Sealed};
use callout::domain::id::{BodyId, Tag};
use callout::domain::place::GridPoint;
use callout::web::scope::Scope;
use callout::web::tokens::{NewToken, TokenFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seconds of each measurement: `BENCH_S`, else 3.
pub fn seconds() -> Duration {
    Duration::from_secs_f64(std::env::var("BENCH_S").ok().and_then(|s| s.parse().ok()).unwrap_or(3.0))
}

/// A fresh directory on the disk that the sources are on (a temporary file system would flatter everybody).
pub fn directory(name: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(name).tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The project's own configuration, nothing leaving the machine, on any free port, with room for many writers.
pub fn loaded() -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
    let mut loaded = config::load(&path).unwrap_or_else(|problems| panic!("{problems:?}"));
    loaded.config.email = Default::default();
    loaded.config.sms = Default::default();
    loaded.config.web.listen = "127.0.0.1:0".parse().unwrap();
    loaded.config.limits.connections_max = 4_000;
    loaded.config.limits.connections_per_address_max = 4_000;
    loaded
}

/// A daemon on `data`, with its web server, and a token that may send contacts.
pub async fn daemon(data: &Path, loaded: Loaded) -> (Running, String) {
    let clock = Arc::new(Clock::System);
    let start =
        Start { loaded, config_path: PathBuf::new(), data: data.to_owned(), clock, storage: Storage::default() };
    let app = App::start(start).await.unwrap();
    let token = TokenFile::of(data)
        .make(
            &app.key,
            NewToken {
                name: "bench".into(),
                scopes: vec![Scope::ContactsWrite],
                created: Clock::System.now(),
                expires: None,
                command: false,
            },
        )
        .unwrap();
    (app.listen(Show::default()).await.unwrap(), token)
}

const TOPICS: [&str; 8] = ["potholes", "lights", "bins", "noise", "parking", "benefits", "housing", "schools"];

/// Contact `n` as intake hands it over: the part for the log, and the personal part sealed. None of them is an emergency.
pub fn contact(n: u64) -> Event {
    let contact = Contact {
        source: "bench".into(),
        key: Some(format!("{n:032x}")),
        channel: Channel::Phone,
        received_at: Clock::System.now(),
        occurred_at: None,
        service: Some("highways".into()),
        tags: vec![Tag::from(TOPICS[(n % 8) as usize])],
        place: Some(GridPoint::from_metres(530_000.0 + (n % 9_000) as f64, 180_000.0).rounded_to_10_m()),
        body: Some(BodyId::from("highways")),
        land: None,
        answered: Some(true),
        wait_s: Some((n % 90) as u32),
        alike: None,
        history: false,
    };
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&n.to_be_bytes());
    let sealed = Sealed::new(salt, DetailClass::Contact, detail(n).into_bytes());
    Event::ContactReceived { contact, sealed: Some(sealed) }
}

/// The personal part of contact `n`, about as long as a real one.
pub fn detail(n: u64) -> String {
    format!(
        "{{\"source_id\":\"{n}\",\"text\":\"There is a deep pothole on the left going down towards the bridge, my car \
         hit it this morning\",\"caller\":{{\"name\":\"A N Other\",\"phone\":\"07700900123\"}}}}"
    )
}

/// What a measurement came to.
#[derive(Clone, Copy)]
pub struct Cell {
    pub per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Cell {
    pub fn show(&self) -> String {
        format!("{:>9.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms", self.per_s, self.p50_ms, self.p99_ms)
    }
}

/// Percentile `p` of sorted numbers.
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    sorted.get(((sorted.len() as f64 - 1.0) * p).round().max(0.0) as usize).copied().unwrap_or(f64::NAN)
}

/// Runs `writers` tasks, each of which does `write` again and again, for [`seconds`]; each write counts `each`.
pub async fn measure<W, F>(writers: usize, each: u64, write: W) -> Cell
where
    W: Fn(usize, u64) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let write = Arc::new(write);
    let (stop, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let from = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (write, stop, number) = (Arc::clone(&write), Arc::clone(&stop), Arc::clone(&number));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let n = number.fetch_add(1, Ordering::Relaxed);
                    let began = Instant::now();
                    write(writer, n).await;
                    took.push(began.elapsed().as_secs_f64() * 1_000.0);
                }
                took
            })
        })
        .collect();
    tokio::time::sleep(seconds()).await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    let elapsed = from.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    Cell {
        per_s: all.len() as f64 * each as f64 / elapsed,
        p50_ms: percentile(&all, 0.5),
        p99_ms: percentile(&all, 0.99),
    }
}

/// Whether this is a real run: `cargo test` builds and starts benchmarks too, and must not wait for them.
pub fn wanted() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}
