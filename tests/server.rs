//! The accept loop over real sockets: deadlines, limits, panics, the end.
#![allow(clippy::unwrap_used)]

#[path = "rigs/desk.rs"]
mod desk;

use callout::transport::https;
use callout::web::limits::{Limits, Patient};
use callout::web::serve::Routes;
use desk::{SAFETY, Site, rest};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use warp::Filter;

/// Small routes for the accept loop's own tests.
fn plain() -> Routes {
    let hello = warp::path("hello").map(|| warp::reply::Response::new("hello".into()));
    let boom = warp::path("boom").map(|| -> warp::reply::Response { panic!("a defect planted by the test") });
    hello.or(boom).unify().boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_closed_after_its_time_and_so_is_an_idle_connection() {
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let site = Site::open(plain(), limits, watch::Sender::new(false)).await;
    let (mut half, mut idle) = (site.connect().await, site.connect().await);
    let begun = Instant::now();
    half.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (half, idle) = tokio::join!(rest(&mut half), rest(&mut idle));
    assert!(!half.starts_with("HTTP/1.1 2"), "{half}");
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(20), "closed after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_handler_is_an_answer_500_and_the_next_request_is_served() {
    let site = Site::open(plain(), Limits::default(), watch::Sender::new(false)).await;
    let url = format!("http://{}", site.address);
    let client = https::client(SAFETY);
    let answer = client.get(format!("{url}/boom")).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!((problem["type"].as_str(), problem["status"].as_u64()), (Some("urn:callout:problem:defect"), Some(500)));
    assert_eq!(client.get(format!("{url}/hello")).send().await.unwrap().text().await.unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_bears_the_security_headers() {
    let site = Site::open(plain(), Limits::default(), watch::Sender::new(false)).await;
    for path in ["hello", "boom"] {
        let answer = https::client(SAFETY).get(format!("http://{}/{path}", site.address)).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        assert!(!answer.headers().contains_key("strict-transport-security"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_when_all_connections_are_taken_is_told_to_come_again() {
    let limits = Limits { connections_max: 3, per_address_max: 2, ..Limits::default() };
    let site = Site::open(plain(), limits, watch::Sender::new(false)).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = site.connect().await;
        stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(stream);
    }
    let refused = rest(&mut site.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("Retry-After: 2"), "{refused}");
    drop(held);
    // The place is free as soon as the server has seen the others go.
    let begun = Instant::now();
    loop {
        if https::client(SAFETY)
            .get(format!("http://{}/hello", site.address))
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
        {
            break;
        }
        assert!(begun.elapsed() < SAFETY, "places are given back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_answers_under_way_and_not_for_whoever_just_listens() {
    let (asked, mut was_asked) = watch::channel(false);
    let (go_on, going_on) = watch::channel(false);
    let slow = warp::path("slow").then(move || {
        let (asked, mut going_on) = (asked.clone(), going_on.clone());
        async move {
            asked.send_replace(true);
            going_on.wait_for(|go_on| *go_on).await.unwrap();
            warp::reply::Response::new("done".into())
        }
    });
    let stop = watch::Sender::new(false);
    let site = Site::open(slow.or(plain()).unify().boxed(), Limits::default(), stop).await;
    let (mut slow, mut idle) = (site.connect().await, site.connect().await);
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answered = Vec::new();
    while !answered.ends_with(b"hello") {
        let read = tokio::time::timeout(SAFETY, idle.read_buf(&mut answered)).await.unwrap().unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answered));
    }
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    was_asked.wait_for(|asked| *asked).await.unwrap();
    let begun = Instant::now();
    site.stop.send_replace(true);
    assert_eq!(rest(&mut idle).await, "", "whoever just listens is let go first");
    go_on.send_replace(true);
    let slow = rest(&mut slow).await;
    assert!(slow.ends_with("done"), "{slow}");
    tokio::time::timeout(SAFETY, site.serving).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "it did not wait for the keep-alive: {:?}", begun.elapsed());
    assert!(TcpStream::connect(site.address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_long_is_refused() {
    let site = Site::open(plain(), Limits::default(), watch::Sender::new(false)).await;
    let mut long = site.connect().await;
    let head = format!("GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(64 * 1024));
    let _ = long.write_all(head.as_bytes()).await;
    let answer = rest(&mut long).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_let_go() {
    let (ours, mut theirs) = tokio::io::duplex(16);
    let mut patient = Patient::new(ours, Duration::from_millis(50));
    patient.write_all(&[b'x'; 16]).await.unwrap();
    let stalled = tokio::time::timeout(SAFETY, patient.write_all(b"more")).await.unwrap();
    assert_eq!(stalled.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    let mut some = [0; 8];
    theirs.read_exact(&mut some).await.unwrap();
    patient.write_all(b"more").await.unwrap();
}
