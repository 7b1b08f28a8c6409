//! The email transport against a small SMTP server of our own on loopback that fails in chosen ways. Where a test is
//! about silence, the server itself says when it has fallen silent, and our patience ends then: no test sleeps.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::id::PageId;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What the server does instead of a plain yes. Steps: `greeting`, `ehlo`, `auth`, `mail`, `rcpt`, `data`, `dot`.
#[derive(Clone, Copy)]
enum Does {
    /// Everything right.
    Nothing,
    /// Answers the step with this.
    Answer(&'static str, &'static str),
    /// Says nothing at the step, and keeps the connection.
    Hang(&'static str),
    /// Closes the connection at the step.
    Drop(&'static str),
}

struct Server {
    port: u16,
    /// Ends when the server has fallen silent.
    silent: oneshot::Receiver<()>,
    /// Everything it was told, when the connection ended.
    heard: tokio::task::JoinHandle<String>,
}

/// A server for one connection. `offers` are the lines of its EHLO answer.
async fn server(offers: &'static [&'static str], does: Does) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (falls_silent, silent) = oneshot::channel();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut heard = String::new();
        let mut falls_silent = Some(falls_silent);
        let mut step = "greeting";
        let mut in_message = false;
        loop {
            let ehlo;
            let usual = match step {
                "greeting" => "220 mx.council.test",
                "ehlo" => {
                    ehlo = offers.iter().map(|offer| format!("250-{offer}\r\n")).collect::<String>() + "250 HELP";
                    ehlo.as_str()
                }
                "auth" => "235 2.7.0 ok",
                "data" => "354 go on",
                "dot" => "250 2.0.0 Ok: queued as 4F5A1",
                "quit" => "221 bye",
                _ => "250 ok",
            };
            let answer = match does {
                Does::Answer(at, answer) if at == step => answer,
                Does::Drop(at) if at == step => return heard,
                Does::Hang(at) if at == step => {
                    let _ = falls_silent.take().unwrap().send(());
                    // Until the other side gives up.
                    let mut rest = String::new();
                    let _ = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut rest).await;
                    return heard;
                }
                _ => usual,
            };
            // The message's own lines get no answer.
            if step != "line" && stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                return heard;
            }
            in_message = (in_message || (step == "data" && answer.starts_with('3'))) && step != "dot";
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return heard;
            }
            heard += &line;
            let word = line.trim_end().split(' ').next().unwrap().to_ascii_lowercase();
            step = match word.as_str() {
                "." if in_message => "dot",
                _ if in_message => "line",
                "ehlo" => "ehlo",
                "auth" => "auth",
                "mail" => "mail",
                "rcpt" => "rcpt",
                "data" => "data",
                "quit" => "quit",
                "starttls" => "starttls",
                _ => "other",
            };
        }
    });
    Server { port, silent, heard }
}

fn settings(port: u16) -> EmailConfig {
    EmailConfig {
        host: "127.0.0.1".into(),
        port: Some(port),
        tls: Tls::None,
        from: "Wexmoor on-call <oncall@council.test>".into(),
        ..EmailConfig::default()
    }
}

fn page() -> Outgoing {
    Outgoing {
        page: PageId(512),
        reference: "page-512-mw3s7e7vdlv7".into(),
        to: Address::Email { name: "Siân Prŵth".into(), address: "duty@council.test".into() },
        subject: "WEXMOOR INC-42: flooding".into(),
        text: "WEXMOOR INC-42: flooding.\nRhybudd: dŵr.\n".into(),
        html: Some("<p>flooding</p>".into()),
        exercise: false,
    }
}

/// Sends one page to a server that does that; gives the outcome and what the server heard.
async fn send(
    offers: &'static [&'static str],
    does: Does,
    config: impl FnOnce(u16) -> EmailConfig,
) -> (String, String) {
    let server = server(offers, does).await;
    let smtp = Smtp::new(&config(server.port)).unwrap();
    let silent = server.silent;
    let patience = async move {
        if silent.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let outcome = smtp.send_until(&page(), patience).await;
    (format!("{outcome:?}"), server.heard.await.unwrap())
}

#[track_caller]
fn starts(outcome: &str, expected: &str) {
    assert!(outcome.starts_with(expected), "{outcome}\nshould begin\n{expected}");
}

#[tokio::test]
async fn an_accepted_email_carries_all_that_a_reader_and_a_mail_server_need() {
    let (outcome, heard) = send(&[], Does::Nothing, settings).await;
    assert_eq!(outcome, r#"Accepted { detail: "250 2.0.0 Ok: queued as 4F5A1" }"#);
    for wanted in [
        "MAIL FROM:<oncall@council.test>",
        "RCPT TO:<duty@council.test>",
        "Message-ID: <page-512-mw3s7e7vdlv7@council.test>",
        "Subject: WEXMOOR INC-42: flooding",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/alternative",
    ] {
        assert!(heard.contains(wanted), "{wanted} is missing in:\n{heard}");
    }
    assert!(heard.is_ascii(), "everything is encoded for the oldest server");
    let plain = heard.find("text/plain").unwrap();
    assert!(plain < heard.find("text/html").unwrap(), "the plain part stands first");
    assert!(!heard.contains("X-Callout-Exercise"));
}

#[tokio::test]
async fn r_f27_silence_before_the_message_is_handed_over_means_it_did_not_go() {
    for (at, words) in [
        ("greeting", "connecting"),
        ("ehlo", "connecting"),
        ("mail", "naming the sender"),
        ("rcpt", "naming the recipient"),
        ("data", "asking to hand over the message"),
    ] {
        let (outcome, _) = send(&[], Does::Hang(at), settings).await;
        assert_eq!(outcome, format!("Retryable {{ why: \"no answer within 15 s while {words}\" }}"), "hung at {at}");
    }
}

#[tokio::test]
async fn r_f28_silence_or_a_lost_connection_after_the_dot_means_that_nobody_knows() {
    let (outcome, heard) = send(&[], Does::Hang("dot"), settings).await;
    assert_eq!(outcome, r#"Unknown { why: "no answer within 15 s while handing over the message" }"#);
    assert!(heard.ends_with("\r\n.\r\n"), "the server had the whole message");
    let (outcome, heard) = send(&[], Does::Drop("dot"), settings).await;
    starts(&outcome, "Unknown { why: \"response error: incomplete response while handing over the message");
    assert!(heard.ends_with("\r\n.\r\n"));
}

#[tokio::test]
async fn a_connection_lost_earlier_can_be_tried_again() {
    for at in ["greeting", "mail", "rcpt", "data"] {
        let (outcome, _) = send(&[], Does::Drop(at), settings).await;
        starts(&outcome, "Retryable { why: ");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let outcome = Smtp::new(&settings(nobody)).unwrap().send(&page()).await;
    assert!(matches!(&outcome, SendOutcome::Retryable { why } if why.contains("refused")), "{outcome:?}");
}

#[tokio::test]
async fn r_f25_f26_the_servers_no_is_read_with_its_class_and_loses_the_address() {
    for (at, answer, expected) in [
        ("greeting", "421 4.3.2 shutting down", "Retryable { why: \"421 4.3.2 shutting down\" }"),
        ("greeting", "554 5.3.2 no service", "Refused { why: \"554 5.3.2 no service\", fault: Service }"),
        ("mail", "550 5.7.1 sender refused", "Refused { why: \"550 5.7.1 sender refused\", fault: Service }"),
        ("rcpt", "450 4.7.1 Greylisted", "Retryable { why: \"450 4.7.1 Greylisted\" }"),
        ("rcpt", "452 4.2.2 Mailbox full", "Retryable { why: \"452 4.2.2 Mailbox full\" }"),
        (
            "rcpt",
            "550 5.1.1 <duty@council.test>: User unknown",
            "Refused { why: \"550 5.1.1 <address> User unknown\", fault: Address }",
        ),
        ("rcpt", "554 5.7.1 Relay access denied", "Refused { why: \"554 5.7.1 Relay access denied\", fault: Service }"),
        ("data", "451 4.3.0 try later", "Retryable { why: \"451 4.3.0 try later\" }"),
        ("dot", "452 4.3.1 disk full", "Retryable { why: \"452 4.3.1 disk full\" }"),
        ("dot", "554 5.6.0 no such content", "Refused { why: \"554 5.6.0 no such content\", fault: Service }"),
        (
            "dot",
            "354 what",
            "Unknown { why: \"the server answered the message with 354, which means neither yes nor no\" }",
        ),
    ] {
        let (outcome, _) = send(&[], Does::Answer(at, answer), settings).await;
        assert_eq!(outcome, expected, "{at}");
    }
}

#[tokio::test]
async fn r_f29_without_starttls_nothing_is_sent_in_clear() {
    let (outcome, heard) =
        send(&["AUTH PLAIN"], Does::Nothing, |port| EmailConfig { tls: Tls::Required, ..settings(port) }).await;
    assert_eq!(
        outcome,
        "Refused { why: \"127.0.0.1 offers no encryption (STARTTLS); nothing was sent\", fault: Service }"
    );
    for secret in ["MAIL", "RCPT", "DATA", "AUTH", "council.test"] {
        assert!(!heard.contains(secret), "{heard}");
    }
}

#[tokio::test]
async fn a_sign_in_that_is_refused_is_the_services_fault_and_the_password_is_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "rigpass\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let with_user =
        |port| EmailConfig { user: Some("rig".into()), password_file: Some(path.clone()), ..settings(port) };
    let no = Does::Answer("auth", "535 5.7.8 authentication failed");
    let (outcome, heard) = send(&["AUTH PLAIN"], no, with_user).await;
    assert_eq!(outcome, "Refused { why: \"535 5.7.8 authentication failed\", fault: Service }");
    assert!(!heard.contains("MAIL"), "{heard}");
    let (outcome, heard) = send(&["AUTH PLAIN"], Does::Nothing, with_user).await;
    starts(&outcome, "Accepted");
    // base64 of "\0rig\0rigpass".
    assert!(heard.contains("AUTH PLAIN AHJpZwByaWdwYXNz"), "{heard}");
    let shown = format!("{:?} {:?}", with_user(25), Smtp::new(&with_user(25)).unwrap());
    assert!(!shown.contains("rigpass"), "{shown}");
}

#[tokio::test]
async fn the_configured_time_limit_holds_over_everything() {
    let server = server(&[], Does::Hang("greeting")).await;
    let smtp = Smtp::new(&EmailConfig { timeout_s: 1, ..settings(server.port) }).unwrap();
    let outcome = smtp.send(&page()).await;
    assert_eq!(format!("{outcome:?}"), r#"Retryable { why: "no answer within 1 s while connecting" }"#);
}

#[test]
fn a_name_forges_no_header() {
    let smtp = Smtp::new(&settings(25)).unwrap();
    let name = "Priya\r\nBcc: all@council.test".to_owned();
    let page = Outgoing {
        to: Address::Email { name, address: "duty@council.test".into() },
        subject: "flood\r\nBcc: all@council.test".into(),
        ..page()
    };
    let (_, bytes) = smtp.compose(&page).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("\nBcc:"), "{text}");
    let wrong = Outgoing { to: Address::Email { name: String::new(), address: "nobody".into() }, ..page };
    assert!(matches!(smtp.compose(&wrong), Err(SendOutcome::Refused { fault: Fault::Address, .. })));
}

#[test]
fn everything_wrong_with_the_settings_is_told_at_once() {
    let config = EmailConfig {
        host: "smtp.example.gov.uk".into(),
        tls: Tls::None,
        user: Some("rig".into()),
        from: "nobody".into(),
        reply_to: Some("@".into()),
        message_id_domain: Some("a b".into()),
        ca_file: Some("/nowhere/ca.pem".into()),
        timeout_s: 0,
        ..EmailConfig::default()
    };
    let keys = |config: &EmailConfig| -> Vec<&str> {
        Smtp::new(config).unwrap_err().iter().map(|problem| problem.key).collect()
    };
    let all = ["email.tls", "email.timeout_s", "email.user", "email.from", "email.reply_to", "email.message_id_domain"];
    assert_eq!(keys(&config), all);
    let missing = EmailConfig { ca_file: config.ca_file, tls: Tls::Required, ..settings(25) };
    assert_eq!(keys(&missing), ["email.ca_file"]);
}
