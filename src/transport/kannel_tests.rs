//! The Kannel transport against a one-answer HTTP server of our own on loopback.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::id::PageId;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn settings(directory: &tempfile::TempDir, port: u16) -> SmsConfig {
    let path: PathBuf = directory.path().join("password");
    std::fs::write(&path, "rigpass&%\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    SmsConfig {
        url: format!("http://127.0.0.1:{port}/cgi-bin/sendsms"),
        user: "rig".into(),
        password_file: Some(path),
        from: Some("07700 900999".into()),
        callback_url: Some("http://127.0.0.1:8080/".into()),
        ..SmsConfig::default()
    }
}

fn page(text: &str) -> Outgoing {
    Outgoing {
        page: PageId(512),
        reference: "page-512-mw3s7e7vdlv7".into(),
        to: Address::Mobile("+447700900123".into()),
        subject: String::new(),
        text: text.into(),
        html: None,
        exercise: false,
    }
}

/// Reads one request, answers with that (`None`: never), and gives the request's first line.
async fn exchange(text: &str, answer: Option<&'static str>) -> (SendOutcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (falls_silent, silent) = oneshot::channel();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            request.push(byte[0]);
        }
        match answer {
            Some(answer) => {
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            None => {
                let _ = falls_silent.send(());
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
        String::from_utf8(request).unwrap().lines().next().unwrap().to_owned()
    });
    let directory = tempfile::tempdir().unwrap();
    let kannel = Kannel::new(&settings(&directory, port), "s3cret").unwrap();
    let patience = async move {
        if silent.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let outcome = kannel.send_until(&page(text), patience).await;
    (outcome, server.await.unwrap())
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 25\r\n\r\n0: Accepted for delivery\n";

fn value<'a>(url: &'a Url, name: &str) -> Vec<std::borrow::Cow<'a, str>> {
    url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn a_text_goes_with_everything_that_kannel_needs_and_nothing_is_misread() {
    let (outcome, request) = exchange("Reply ACK 48213 & £5 + 10%", Some(ACCEPTED)).await;
    assert_eq!(outcome, SendOutcome::Accepted { detail: "202 0: Accepted for delivery".into() });
    let path = request.split(' ').nth(1).unwrap();
    assert!(path.contains("to=%2B447700900123"), "a bare + would arrive as a space: {path}");
    let url = Url::parse(&format!("http://127.0.0.1{path}")).unwrap();
    for (name, expected) in [
        ("username", "rig"),
        ("password", "rigpass&%"),
        ("to", "+447700900123"),
        ("from", "+447700900999"),
        ("text", "Reply ACK 48213 & £5 + 10%"),
        ("charset", "UTF-8"),
        ("coding", "0"),
        ("dlr-mask", "31"),
        ("dlr-url", "http://127.0.0.1:8080/kannel/s3cret/receipt?ref=page-512-mw3s7e7vdlv7&type=%d&words=%A"),
    ] {
        assert_eq!(value(&url, name), [expected], "{name}");
    }
    let (_, request) = exchange("dŵr", Some(ACCEPTED)).await;
    assert!(request.contains("coding=2"), "{request}");
}

#[tokio::test]
async fn each_answer_of_kannel_means_one_thing() {
    for (answer, expected) in [
        ("202 Accepted|3: Queued for later delivery", "Accepted { detail: \"202 3: Queued for later delivery\" }"),
        (
            "403 Forbidden|Authorization failed for sendsms",
            "Refused { why: \"403 Authorization failed for sendsms\", fault: Service }",
        ),
        (
            "403 Forbidden|Not routable. Do not try again.",
            "Refused { why: \"403 Not routable. Do not try again.\", fault: Service }",
        ),
        (
            "403 Forbidden|Number(s) has/have been denied by white- and/or black-lists.",
            "Refused { why: \"403 Number(s) has/have been denied by white- and/or black-lists.\", fault: Address }",
        ),
        ("404 Not Found|", "Refused { why: \"404\", fault: Service }"),
        (
            "503 Service Unavailable|Temporal failure, try again later.",
            "Retryable { why: \"503 Temporal failure, try again later.\" }",
        ),
        ("302 Found|elsewhere", "Refused { why: \"302 elsewhere\", fault: Service }"),
        ("504 Gateway Timeout|proxy", "Unknown { why: \"504 proxy\" }"),
        ("200 OK|<h1>It works</h1>", "Unknown { why: \"200 <h1>It works</h1>\" }"),
    ] {
        let (status, body) = answer.split_once('|').unwrap();
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let (outcome, _) = exchange("hello", Some(reply.leak())).await;
        assert_eq!(format!("{outcome:?}"), expected, "{answer}");
    }
}

#[tokio::test]
async fn silence_or_a_lost_answer_means_that_nobody_knows() {
    let (outcome, _) = exchange("hello", None).await;
    assert_eq!(outcome, SendOutcome::Unknown { why: "no answer from the gateway within 15 s".into() });
    let (outcome, _) = exchange("hello", Some("")).await;
    assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_gateway_that_is_down_can_be_tried_again_and_no_error_holds_the_password_or_the_number() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let kannel = Kannel::new(&settings(&directory, nobody), "s3cret").unwrap();
    let outcome = kannel.send(&page("hello")).await;
    assert!(matches!(&outcome, SendOutcome::Retryable { why } if why.contains("refused")), "{outcome:?}");
    let (lost, _) = exchange("hello", Some("")).await;
    let (garbage, _) = exchange("hello", Some("this is not HTTP\r\n\r\n")).await;
    let shown = format!("{outcome:?} {lost:?} {garbage:?} {kannel:?}");
    for secret in ["rigpass", "s3cret", "7700900123", "hello"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let reply = format!("HTTP/1.1 503 no\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let (outcome, _) = exchange("hello", Some(reply.leak())).await;
    let SendOutcome::Retryable { why } = outcome else { panic!("{outcome:?}") };
    assert!(why.len() < 300, "{why}");
}

#[test]
fn everything_wrong_with_the_settings_is_told_at_once() {
    let config = SmsConfig {
        url: "http://sms.example.gov.uk/cgi-bin/sendsms".into(),
        callback_url: Some("https://desk.example.gov.uk".into()),
        timeout_s: 121,
        ..SmsConfig::default()
    };
    let problems = Kannel::new(&config, "s3cret").unwrap_err();
    let keys: Vec<_> = problems.iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["sms.url", "sms.callback_url", "sms.timeout_s", "sms.password_file"]);
    let config = SmsConfig { url: "http://127.0.0.1/?password=oops".into(), ..SmsConfig::default() };
    let shown = format!("{:?}", Kannel::new(&config, "s3cret").unwrap_err());
    assert!(!shown.contains("oops"), "{shown}");
}
