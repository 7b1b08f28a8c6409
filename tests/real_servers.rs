//! The transports against real servers: Postfix and Kannel, each in a private network made for the test.
//!
//! They say `skipped: ...` and pass where the machine cannot do that; `cargo xtask packages` installs what is missing.

#![allow(clippy::unwrap_used)]

mod rigs;

use callout::config::ModemConfig;
use callout::domain::id::PageId;
use callout::domain::message::Wording;
use callout::domain::reply::{self, Reply};
use callout::domain::reply_code::{self, Key};
use callout::domain::sms_text::{Coding, segments};
use callout::transport::inbound::{self, Delivery, Sender};
use callout::transport::{
    Address, EmailConfig, EmailTransport, EmailVia, Kannel, Modem, Outgoing, SendOutcome, SmsConfig, SmsTransport,
    SmsVia, Smtp, Tls,
};
use rigs::{Ear, KannelRig, PostfixRig, kannel, postfix};
use std::sync::Arc;
use std::time::Instant;

const KEY: Key = [7; 32];

fn wording(page: PageId) -> Wording {
    Wording {
        council: "WEXMOOR".into(),
        incident: "INC-42".into(),
        title: "flooding calls far above normal".into(),
        evidence: "6 in 60 min near SJ 494 253".into(),
        role: "duty_officer".into(),
        code: reply_code::code(&KEY, page),
        link: format!("https://desk.wexmoor.example.gov.uk/p/{}", reply_code::token(&KEY, page)),
        reply_number: Some("07700 900999".into()),
        next_after: Some("5 min".into()),
        ..Wording::default()
    }
}

fn email_to(user: &str, number: u64) -> Outgoing {
    let page = PageId(number);
    let texts = wording(page).texts();
    Outgoing {
        page,
        reference: reply_code::reference(&KEY, page),
        to: Address::Email { name: "Siân Prŵth".into(), address: format!("{user}@council.test") },
        subject: texts.subject,
        text: texts.text,
        html: Some(texts.html),
        exercise: false,
    }
}

fn text_to(number: &str, page: u64, text: String) -> Outgoing {
    let page = PageId(page);
    Outgoing {
        page,
        reference: reply_code::reference(&KEY, page),
        to: Address::Mobile(number.into()),
        subject: String::new(),
        text,
        html: None,
        exercise: false,
    }
}

fn smtp_settings(postfix: &PostfixRig) -> EmailConfig {
    EmailConfig {
        via: EmailVia::Smtp.into(),
        host: "localhost".into(),
        port: Some(postfix::PORT),
        ca_file: Some(postfix.ca_file()),
        from: "Wexmoor on-call <oncall@council.test>".into(),
        reply_to: Some("desk@council.test".into()),
        ..EmailConfig::default()
    }
}

fn run_async<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_real_mail_server_takes_a_page_and_its_refusals_are_understood() {
    if !rigs::in_private_network("a_real_mail_server_takes_a_page_and_its_refusals_are_understood", &[postfix::NEEDS]) {
        return;
    }
    let postfix = PostfixRig::start();
    let transport = EmailTransport::Smtp(Arc::new(Smtp::new(&smtp_settings(&postfix)).unwrap()));
    let send = |user: &str, number| run_async(transport.send(&email_to(user, number)));

    let started = Instant::now();
    let outcome = send("duty", 512);
    let accepted = started.elapsed();
    assert!(
        matches!(&outcome, SendOutcome::Accepted { detail } if detail.starts_with("250 2.0.0 Ok: queued as ")),
        "{outcome:?}\n{}",
        postfix.evidence()
    );
    let mail = postfix.wait_for_mail("duty", |_| true);
    println!("Postfix: accepted after {accepted:?}, in the mail directory after {:?}", started.elapsed());

    assert_eq!(mail.header("Subject"), "WEXMOOR INC-42: flooding calls far above normal");
    assert_eq!(mail.header("From"), "\"Wexmoor on-call\" <oncall@council.test>");
    assert_eq!(mail.header("Reply-To"), "desk@council.test");
    assert_eq!(mail.header("Message-ID"), format!("<{}@council.test>", reply_code::reference(&KEY, PageId(512))));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("X-Callout-Page"), "P-512");
    assert_eq!(mail.header("Return-Path"), "<oncall@council.test>");
    let received = mail.header("Received");
    assert!(received.contains("using TLSv1.3"), "the mail must come in by STARTTLS: {received}");
    let content_type = mail.header("Content-Type");
    assert!(content_type.starts_with("multipart/alternative"), "{content_type}");
    let body = mail.body.replace("=\n", "").replace("=3D", "=");
    let plain = body.find("text/plain").expect("a plain part");
    let html = body.find("text/html").expect("an HTML part");
    assert!(plain < html, "plain comes first: the last part is the one that readers prefer");
    let link = wording(PageId(512)).link;
    assert!(body[plain..html].contains(&link) && body[html..].contains(&link), "{body}");
    assert!(body[plain..html].contains(&format!("ACK {}", reply_code::code(&KEY, PageId(512)))), "{body}");

    for (user, expected) in [
        (
            "grey+duty",
            r#"Retryable { why: "450 4.7.1 <address> Recipient address rejected: Greylisted, try again later" }"#,
        ),
        ("full+duty", r#"Retryable { why: "452 4.2.2 <address> Recipient address rejected: Mailbox full" }"#),
        (
            "gone+duty",
            r#"Refused { why: "550 5.1.1 <address> Recipient address rejected: User unknown", fault: Address }"#,
        ),
    ] {
        assert_eq!(format!("{:?}", send(user, 513)), expected);
    }
    let elsewhere = Outgoing {
        to: Address::Email { name: String::new(), address: "duty@example.gov.uk".into() },
        ..email_to("x", 514)
    };
    let outcome = format!("{:?}", run_async(transport.send(&elsewhere)));
    assert!(outcome.contains("Relay access denied\", fault: Service"), "{outcome}");

    // A page twice beats a page never: the second has the same Message-ID, so readers see it is the same.
    assert!(matches!(send("duty", 512), SendOutcome::Accepted { .. }));
    let twice = rigs::wait_for(
        "the second mail",
        || postfix.evidence(),
        || Some(postfix.mailbox("duty")).filter(|mails| mails.len() == 2),
    );
    assert_eq!(twice[0].header("Message-ID"), twice[1].header("Message-ID"));
}

#[test]
fn a_real_mail_server_that_we_cannot_trust_gets_nothing() {
    if !rigs::in_private_network("a_real_mail_server_that_we_cannot_trust_gets_nothing", &[postfix::NEEDS]) {
        return;
    }
    let postfix = PostfixRig::start();
    // An authority that we do not know, and a server under another name than its certificate's.
    let unknown = EmailConfig { ca_file: None, ..smtp_settings(&postfix) };
    let other_name = EmailConfig { host: "127.0.0.2".into(), ..smtp_settings(&postfix) };
    for (config, expected) in [(unknown, "UnknownIssuer"), (other_name, "not valid for name")] {
        let smtp = Smtp::new(&config).unwrap();
        let outcome = format!("{:?}", run_async(smtp.send(&email_to("duty", 512))));
        assert!(outcome.starts_with("Refused") && outcome.ends_with("fault: Service }"), "{outcome}");
        assert!(outcome.contains(expected), "{outcome}");
    }
    // In clear to this machine itself is allowed, and arrives: the refusals above were about trust alone.
    let clear = Smtp::new(&EmailConfig { tls: Tls::None, ca_file: None, ..smtp_settings(&postfix) }).unwrap();
    assert!(matches!(run_async(clear.send(&email_to("clear", 513))), SendOutcome::Accepted { .. }));
    let mail = postfix.wait_for_mail("clear", |_| true);
    assert!(!mail.header("Received").contains("TLS"));
    assert!(postfix.mailbox("duty").is_empty());
}

#[test]
fn a_real_sms_gateway_carries_a_page_its_receipts_and_the_reply() {
    if !rigs::in_private_network("a_real_sms_gateway_carries_a_page_its_receipts_and_the_reply", &[kannel::NEEDS]) {
        return;
    }
    let ear = Ear::open();
    let base = format!("http://127.0.0.1:{}", ear.port);
    let secret = reply_code::path_secret(&KEY, "kannel");
    let kannel = KannelRig::start(&inbound::reply_address(&base, &secret));
    let settings = SmsConfig {
        via: SmsVia::Kannel.into(),
        url: kannel::SENDSMS.into(),
        user: kannel::USER.into(),
        password_file: Some(kannel.password_file()),
        from: Some("07700 900999".into()),
        callback_url: Some(base),
        ..SmsConfig::default()
    };
    let transport = SmsTransport::Kannel(Arc::new(Kannel::new(&settings, &secret).unwrap()));
    let send = |message: &Outgoing| run_async(transport.send(message));

    // The page: two segments, with code and link in the first.
    let page = PageId(512);
    let words = wording(page).sms();
    let started = Instant::now();
    let outcome = send(&text_to("+447700900001", page.0, words.clone()));
    assert_eq!(
        outcome,
        SendOutcome::Accepted { detail: "202 0: Accepted for delivery".into() },
        "{}",
        kannel.evidence()
    );
    let accepted = started.elapsed();
    let text = kannel.wait_for_text(|text| text.to == "+447700900001");
    println!("Kannel: accepted after {accepted:?}, on the phone after {:?}", started.elapsed());
    assert_eq!(text.text(), words);
    assert_eq!(text.from, "+447700900999");
    assert_eq!(text.segments.len(), 2, "we count as the gateway does");
    assert_eq!(segments(&words).count, 2);
    for wanted in [reply_code::code(&KEY, page), reply_code::token(&KEY, page)] {
        assert!(text.segments[0].contains(&wanted), "{wanted} must stand in the first segment: {text:#?}");
    }

    // The receipts: the network took it, and it is on the phone; in either order, as in life.
    let mut reports = Vec::new();
    while reports.len() < 2 {
        let query = ear.next(&inbound::receipt_path(&secret), || kannel.evidence());
        let report = inbound::read_receipt(&KEY, &query).unwrap();
        assert_eq!(report.page, page);
        println!("Kannel: receipt {:?} after {:?}", report.delivery, started.elapsed());
        reports.push(report.delivery);
    }
    for wanted in [Delivery::TakenByNetwork, Delivery::Delivered] {
        assert!(reports.contains(&wanted), "{reports:?}");
    }

    // The reply, as a person types it, from the number that was paged.
    for (typed, expected) in [
        (
            format!(" Ack{}! ", reply_code::code(&KEY, page)),
            Reply::Acknowledge { code: Some(reply_code::code(&KEY, page)) },
        ),
        ("NO 48213".into(), Reply::Decline { code: Some("48213".into()) }),
        ("STOP".into(), Reply::Stop),
        ("100% & what? +1".into(), Reply::Unclear),
    ] {
        kannel.reply("447700900001", "447700900999", &typed);
        let query = ear.next(&inbound::reply_path(&secret), || kannel.evidence());
        let heard = inbound::read_text(&query).unwrap();
        assert_eq!(heard.from, Sender::Number("07700 900001".parse().unwrap()));
        assert_eq!(heard.text.trim(), typed.trim());
        assert_eq!(reply::parse(&heard.text), expected);
    }

    // What is outside the networks' alphabet arrives whole, too; and signs of the extension table.
    for words in ["Llanŵr: dŵr yn y tŷ “3”", "£5 € [a] {b} ~ ^ \\ | @ é ñ _"] {
        let page = text_to("+447700900002", 600, words.into());
        assert!(matches!(send(&page), SendOutcome::Accepted { .. }));
        let text = kannel.wait_for_text(|text| text.text() == words);
        assert_eq!(text.segments.len(), 1);
    }
    assert_eq!(segments("Llanŵr").coding, Coding::Ucs2);

    // A wrong password is the service's fault.
    let wrong = Kannel::new(&SmsConfig { user: "nobody".into(), ..settings }, &secret).unwrap();
    let outcome = format!("{:?}", run_async(wrong.send(&text_to("+447700900001", 601, "hello".into()))));
    assert_eq!(outcome, r#"Refused { why: "403 Authorization failed for sendsms", fault: Service }"#);
}

#[test]
fn a_real_modem_keeper_takes_a_page_into_its_queue() {
    let inject = std::path::Path::new("/usr/bin/gammu-smsd-inject");
    if !inject.exists() {
        println!(
            "skipped: a_real_modem_keeper_takes_a_page: not installed: gammu-smsd (cargo xtask packages, as root)"
        );
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let at = root.path().display();
    for folder in
        ["inbox", "outbox", "sent", "error", "phone/sms/1", "phone/sms/2", "phone/sms/3", "phone/sms/4", "phone/sms/5"]
    {
        std::fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let settings = format!(
        "[gammu]\ndevice = {at}/phone\nconnection = none\nmodel = dummy\n[smsd]\nservice = files\ninboxpath = {at}/inbox/\n\
         outboxpath = {at}/outbox/\nsentsmspath = {at}/sent/\nerrorsmspath = {at}/error/\nlogfile = {at}/log\nchecksecurity = 0\n"
    );
    let path = root.path().join("smsdrc");
    std::fs::write(&path, settings).unwrap();
    let config = ModemConfig { command: inject.into(), config: path, timeout_s: 15 };
    let modem = SmsTransport::Modem(Arc::new(Modem::new(&config).unwrap()));
    let page = PageId(512);
    for (number, words) in [("+447700900123", wording(page).sms()), ("+447700900124", "Llanŵr: dŵr yn y tŷ".to_owned())]
    {
        let outcome = run_async(modem.send(&text_to(number, page.0, words.clone())));
        assert_eq!(outcome, SendOutcome::Accepted { detail: "in the queue of the modem".into() });
        let queued: Vec<_> =
            std::fs::read_dir(root.path().join("outbox")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let ours =
            queued.iter().find(|path| path.to_string_lossy().contains(number)).expect("it is queued under its number");
        // The words stand in the file's remarks, cut into lines.
        let kept = std::fs::read_to_string(ours).unwrap();
        let kept: String = kept.lines().filter_map(|line| line.strip_prefix("; ")).collect();
        let beginning: String = words.chars().take(40).collect();
        assert!(kept.contains(&beginning), "{kept}");
    }
}
