//! From the contact that crosses the line to the mail server's "250 accepted": a daemon in this process, the contact over
//! HTTP, the email over SMTP to a server in this process that says yes at once. 100 times in quiet, and 100 times while 64
//! writers load the core.
//!
//! `cargo bench --bench crossing`. The aim is a 99th percentile under 1 s.

#![allow(clippy::unwrap_used, missing_docs)]

mod bed;

use bed::http::{Connection, body};
use bed::{contact, directory, percentile};
use callout::config::Config;
use callout::domain::policy::{Document, DocumentKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const TRIALS: usize = 100;

#[tokio::main]
async fn main() {
    if !bed::wanted() {
        println!("crossing: run it with cargo bench --bench crossing");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (accepted, mut taken) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(mail_server(stream, accepted.clone()));
        }
    });
    let mut loaded = bed::loaded();
    let email = format!(
        "[email]\nvia = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"callout <oncall@council.test>\"\n"
    );
    loaded.config.email = Config::parse("bench", &email).unwrap().email;
    for trial in 0..2 * TRIALS {
        let text = format!(
            "title = \"Trial {trial}\"\nowner = \"Nobody\"\nreviewed = 2026-09-01\nhours = \"always\"\nactivate = \"automatic\"\n\
             severity = 1\n[[when]]\nsurge = \"t{trial}\"\nreports = 2\nwithin = \"10m\"\n[[step]]\npage = \"duty_officer\"\n"
        );
        loaded.documents.push(Document::new(DocumentKind::Playbook, format!("trial-{trial}"), text));
    }
    let dir = directory("crossing");
    let (running, token) = bed::daemon(&dir.path().join("data"), loaded).await;
    let mut connection = Connection::open(running.address, &token).await;
    println!("from the POST of the contact that crosses the line to the mail server's acceptance, {TRIALS} times");
    let quiet = trials(&mut connection, 0, &mut taken).await;
    show("quiet", quiet);
    let (stop, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..64)
        .map(|_| {
            let (door, stop, number) = (running.app.engine.door.clone(), Arc::clone(&stop), Arc::clone(&number));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let _ = door.submit_one(contact(number.fetch_add(1, Ordering::Relaxed))).await;
                }
            })
        })
        .collect();
    let from = Instant::now();
    let busy = trials(&mut connection, TRIALS, &mut taken).await;
    let rate = number.load(Ordering::Relaxed) as f64 / from.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    show(&format!("with {rate:.0} other contacts/s"), busy);
    running.stop().await;
}

fn show(when: &str, mut took: Vec<f64>) {
    took.sort_by(f64::total_cmp);
    println!(
        "  {when:<34} p50 {:>7.1} ms  p99 {:>7.1} ms  worst {:>7.1} ms",
        percentile(&took, 0.5),
        percentile(&took, 0.99),
        percentile(&took, 1.0)
    );
}

async fn trials(
    connection: &mut Connection,
    from: usize,
    taken: &mut mpsc::UnboundedReceiver<(String, Instant)>,
) -> Vec<f64> {
    let mut took = Vec::new();
    for trial in from..from + TRIALS {
        let (topic, wanted) = (format!("t{trial}"), format!("Trial {trial}"));
        assert_eq!(connection.post(&body(1, &topic)).await.0, 201);
        let began = Instant::now();
        let (status, answer) = connection.post(&body(2, &topic)).await;
        assert_eq!(status, 201, "{answer}");
        let at = loop {
            let (subject, at) = tokio::time::timeout(Duration::from_secs(60), taken.recv()).await.unwrap().unwrap();
            // Pages of earlier trials are repeated after two minutes.
            if subject.ends_with(&wanted)
                || subject.contains(&format!("{wanted} "))
                || subject.contains(&format!("{wanted}:"))
            {
                break at;
            }
        };
        took.push(at.duration_since(began).as_secs_f64() * 1_000.0);
    }
    took
}

/// A mail server that says yes: tells the subject of each message and the instant of its acceptance.
async fn mail_server(stream: TcpStream, accepted: mpsc::UnboundedSender<(String, Instant)>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 council.test\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or("").to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => write.write_all(b"250-council.test\r\n250 8BITMIME\r\n").await?,
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut subject = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    if let Some(rest) = line.strip_prefix("Subject: ") {
                        subject = rest.to_owned();
                    }
                }
                write.write_all(b"250 accepted\r\n").await?;
                let _ = accepted.send((subject, Instant::now()));
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => write.write_all(b"250 ok\r\n").await?,
        }
    }
    Ok(())
}
