//! Durable contacts a second through HTTP, singly and in batches of 100, at 1, 64 and 1,024 connections, against the core
//! in the same run. Client and daemon share this machine's processors.
//!
//! `cargo bench --bench http`; `BENCH_S=10` for longer cells. Only the ratios of one run mean anything.

#![allow(clippy::unwrap_used, missing_docs)]

mod bed;

use bed::http::{Connection, body};
use bed::{Cell, contact, directory, measure};
use std::sync::Arc;
use tokio::sync::Mutex;

const WRITERS: [usize; 3] = [1, 64, 1_024];
const BATCH: u64 = 100;

#[tokio::main]
async fn main() {
    if !bed::wanted() {
        println!("http: run it with cargo bench --bench http");
        return;
    }
    println!("durable contacts a second, {:.0} s a cell, one run on one disk", bed::seconds().as_secs_f64());
    for writers in WRITERS {
        println!("\n{writers} connections");
        let core = core(writers).await;
        println!("  core, without HTTP         {}", core.show());
        let singly = http(writers, 1).await;
        println!("  HTTP, singly               {}   {:.2} of core", singly.show(), singly.per_s / core.per_s);
        let batches = http(writers, BATCH).await;
        println!("  HTTP, batches of {BATCH}       {}   {:.2} of core", batches.show(), batches.per_s / core.per_s);
    }
}

async fn core(writers: usize) -> Cell {
    let dir = directory("http");
    let (running, _) = bed::daemon(&dir.path().join("data"), bed::loaded()).await;
    let door = running.app.engine.door.clone();
    let cell = measure(writers, 1, move |_, n| {
        let door = door.clone();
        async move {
            door.submit_one(contact(n)).await.unwrap();
        }
    })
    .await;
    running.stop().await;
    cell
}

async fn http(writers: usize, each: u64) -> Cell {
    let dir = directory("http");
    let (running, token) = bed::daemon(&dir.path().join("data"), bed::loaded()).await;
    let mut connections = Vec::new();
    for _ in 0..writers {
        connections.push(Arc::new(Mutex::new(Connection::open(running.address, &token).await)));
    }
    let cell = measure(writers, each, move |writer, n| {
        let connection = Arc::clone(&connections[writer]);
        async move {
            let text = match each {
                1 => body(n, "potholes"),
                _ => {
                    let all: Vec<String> = (n * each..(n + 1) * each).map(|n| body(n, "potholes")).collect();
                    format!("[{}]", all.join(","))
                }
            };
            loop {
                let (status, answer) = connection.lock().await.post(&text).await;
                match status {
                    201 => return,
                    // Overload is said so; a good client comes again.
                    503 => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                    other => panic!("{other}: {answer}"),
                }
            }
        }
    })
    .await;
    running.stop().await;
    cell
}
