//! Durable contacts a second, side by side in one run: the core (decide, details and log on the disk, answer), the raw
//! journal with the same lines, and PostgreSQL with one insert a contact, at 1, 64 and 1,024 writers; then how far the
//! index is behind and how fast it catches up.
//!
//! `cargo bench --bench core`; `BENCH_S=10` for longer cells. Only the ratios of one run mean anything.

#![allow(clippy::unwrap_used, missing_docs)]

mod bed;

use bed::{Cell, contact, detail, directory, measure};
use callout::clock::Clock;
use callout::daemon::app::{App, Start};
use callout::daemon::engine::Storage;
use callout::daemon::indexing::INDEX_DIR;
use callout::domain::event::Event;
use callout::domain::id::Seq;
use callout::domain::record::Record;
use callout::index::{Index, Worker};
use callout::log::{Entry, Journal, Options, tail};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const WRITERS: [usize; 3] = [1, 64, 1_024];

#[tokio::main]
async fn main() {
    if !bed::wanted() {
        println!("core: run it with cargo bench --bench core");
        return;
    }
    println!("durable contacts a second, {:.0} s a cell, one run on one disk", bed::seconds().as_secs_f64());
    let postgres = directory("pg");
    let peer = bed::postgres::Postgres::start(postgres.path(), 1_024);
    match &peer {
        Ok(peer) => {
            println!("PostgreSQL {}, fsync on, one insert a contact, prepared, local socket", peer.version().await)
        }
        Err(why) => println!("skipped: PostgreSQL: {why}"),
    }
    for writers in WRITERS {
        println!("\n{writers} writers");
        let core = core(writers).await;
        println!("  core                       {}", core.show());
        let alone = core_without_details(writers).await;
        println!("  core, nothing personal     {}   {:.2} of core", alone.show(), alone.per_s / core.per_s);
        let journal = journal(writers).await;
        println!("  raw journal, same lines    {}   {:.2} of core", journal.show(), journal.per_s / core.per_s);
        if let Ok(peer) = &peer {
            let inserts = inserts(peer, writers).await;
            println!(
                "  PostgreSQL inserts         {}   core is {:.2} of it",
                inserts.show(),
                core.per_s / inserts.per_s
            );
        }
    }
    index().await;
}

async fn start(data: PathBuf) -> App {
    let clock = Arc::new(Clock::System);
    let start = Start { loaded: bed::loaded(), config_path: PathBuf::new(), data, clock, storage: Storage::default() };
    App::start(start).await.unwrap()
}

/// The daemon's own core, its index filling in the background as it always does.
async fn core(writers: usize) -> Cell {
    let dir = directory("core");
    let app = start(dir.path().join("data")).await;
    let door = app.engine.door.clone();
    let cell = measure(writers, 1, move |_, n| {
        let door = door.clone();
        async move {
            door.submit_one(contact(n)).await.unwrap();
        }
    })
    .await;
    app.stop(Duration::from_secs(5)).await;
    cell
}

async fn core_without_details(writers: usize) -> Cell {
    let dir = directory("core");
    let app = start(dir.path().join("data")).await;
    let door = app.engine.door.clone();
    let cell = measure(writers, 1, move |_, n| {
        let door = door.clone();
        async move {
            let Event::ContactReceived { contact, .. } = contact(n) else { return };
            door.submit_one(Event::ContactReceived { contact, sealed: None }).await.unwrap();
        }
    })
    .await;
    app.stop(Duration::from_secs(5)).await;
    cell
}

fn line(n: u64) -> Vec<u8> {
    let Event::ContactReceived { contact, sealed } = contact(n) else { unreachable!("it is a contact") };
    let record = Record::ContactTaken { contact, incident: None, digest: sealed.map(|sealed| sealed.digest) };
    serde_json::to_vec(&record).unwrap()
}

/// The journal alone: one thread that appends what has come in while the last append was on the disk.
async fn journal(writers: usize) -> Cell {
    let dir = directory("journal");
    let (mut journal, _) = Journal::open(&dir.path().join("log"), &Options::default(), Clock::System.now()).unwrap();
    let (send, taken) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>();
    let thread = std::thread::spawn(move || {
        let mut next = 1;
        while let Ok(first) = taken.recv() {
            let mut batch = vec![first];
            batch.extend(taken.try_iter().take(4_095));
            let at = Clock::System.now();
            let entries: Vec<Entry<'_>> = (next..)
                .zip(&batch)
                .map(|(seq, (record, _))| Entry { seq: Seq(seq), at, occurred_at: None, record })
                .collect();
            next += entries.len() as u64;
            journal.append(&entries).unwrap();
            for (_, done) in batch {
                let _ = done.send(());
            }
        }
    });
    let cell = measure(writers, 1, move |_, n| {
        let (done, told) = oneshot::channel();
        let sent = send.send((line(n), done));
        async move {
            sent.unwrap();
            told.await.unwrap();
        }
    })
    .await;
    thread.join().unwrap();
    cell
}

async fn inserts(peer: &bed::postgres::Postgres, writers: usize) -> Cell {
    let first = peer.connect().await;
    first
        .batch_execute(
            "drop table if exists contact; create table contact (id bigint generated always as identity primary key, \
             at timestamptz not null default now(), record text not null, detail text not null); checkpoint",
        )
        .await
        .unwrap();
    let mut connections = Vec::new();
    for _ in 0..writers {
        let client = peer.connect().await;
        let insert = client.prepare("insert into contact (record, detail) values ($1, $2) returning id").await.unwrap();
        connections.push(Arc::new((client, insert)));
    }
    measure(writers, 1, move |writer, n| {
        let connection = Arc::clone(&connections[writer]);
        async move {
            let record = String::from_utf8(line(n)).unwrap();
            let (client, insert) = &*connection;
            client.query_one(insert, &[&record, &detail(n)]).await.unwrap();
        }
    })
    .await
}

/// How far the index is behind at full load and when it has caught up; how long it takes to build anew.
async fn index() {
    println!("\nindex, 64 writers for {:.0} s", bed::seconds().as_secs_f64());
    let dir = directory("index");
    let data = dir.path().join("data");
    let app = start(data.clone()).await;
    let index = loop {
        match app.indexing.index.get() {
            Some(index) => break index.clone(),
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let (door, watched) = (app.engine.door.clone(), index.clone());
    let worst = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (stop, seen, view) = (Arc::new(AtomicBool::new(false)), Arc::clone(&worst), app.engine.door.clone());
    let stopped = Arc::clone(&stop);
    let watch = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            seen.fetch_max(view.view().head.0.saturating_sub(watched.applied().0), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let cell = measure(64, 1, move |_, n| {
        let door = door.clone();
        async move {
            door.submit_one(contact(n)).await.unwrap();
        }
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    watch.await.unwrap();
    let head = app.engine.door.view().head;
    let (behind, from) = (head.0 - index.applied().0, Instant::now());
    while index.applied() < head {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("  written                    {:>9.0}/s", cell.per_s);
    println!("  behind at worst            {:>9} records", worst.load(Ordering::Relaxed));
    println!("  behind at the end          {behind:>9} records, caught up in {:.2} s", from.elapsed().as_secs_f64());
    app.stop(Duration::from_secs(5)).await;
    drop(index);
    tokio::task::spawn_blocking(move || anew(&data, head)).await.unwrap();
}

/// The index missing, built from the log with nothing else going on.
fn anew(data: &std::path::Path, head: Seq) {
    let log = data.join("log");
    let (index, _) = Index::open(&data.join(format!("{INDEX_DIR}-anew")), head).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let feed = Box::new(move |from, n| {
        let lines = tail::from(&log, from, n).map_err(|error| error.to_string())?;
        Ok(lines
            .into_iter()
            .map(|line| (line.seq, line.at, Arc::new(serde_json::from_str(&line.record).unwrap())))
            .collect())
    });
    let (worker, live) = Worker::new(index.clone(), feed, Arc::clone(&stop));
    let from = Instant::now();
    let thread = std::thread::spawn(move || worker.run());
    while index.applied() < head {
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = from.elapsed().as_secs_f64();
    println!("  built anew                 {:>9.0} records/s ({} in {took:.2} s)", head.0 as f64 / took, head.0);
    stop.store(true, Ordering::Release);
    drop(live);
    thread.join().unwrap();
}
