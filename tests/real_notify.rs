//! GOV.UK Notify: the official client libraries judge our stand-in for it, and then callout is held against the stand-in:
//! pages, receipts, texts that come in, a wrong clock, and the next provider when Notify fails.

#![allow(clippy::unwrap_used)]

#[path = "rigs/notify.rs"]
mod notify;
#[path = "rigs/peers.rs"]
mod peers;

use callout::clock::Clock;
use callout::config::transports::{EmailVia, SmsVia, Ways};
use callout::daemon::app::{App, Running, Show, Start};
use callout::daemon::engine::Storage;
use callout::domain::event::{Author, Event, Receipt, SendResult, Via};
use callout::domain::id::{PageId, PersonId, Seq};
use callout::domain::paging::Page;
use callout::domain::record::Record;
use callout::domain::reply_code;
use callout::domain::state::View;
use callout::domain::time::{SignedDuration, Timestamp};
use callout::log::tail::Follow;
use callout::transport::https;
use notify::NotifyRig;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Nothing here waits longer, whatever goes wrong.
const SAFETY: Duration = Duration::from_secs(60);
const TOKEN: &str = "a-token-of-thirty-characters-or-so";

fn evening() -> Timestamp {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

const PYTHON: &str = r#"
import sys
from notifications_python_client.notifications import NotificationsAPIClient
from notifications_python_client.errors import HTTPError
url, key, sms, email = sys.argv[1:]
client = NotificationsAPIClient(key, base_url=url)
text = client.send_sms_notification("07700900101", sms, personalisation={"message": "water"}, reference="page-1-a")
print("sms", text["reference"], text["content"]["body"], client.get_notification_by_id(text["id"])["status"])
mail = client.send_email_notification("a@example.gov.uk", email, personalisation={"subject": "s", "message": "m"}, reference="page-2-a")
print("email", mail["content"]["subject"])
print("by reference", [n["id"] == text["id"] for n in client.get_all_notifications(reference="page-1-a")["notifications"]])
print("received", [m["content"] for m in client.get_received_texts()["received_text_messages"]])
for bad in (lambda: NotificationsAPIClient(key[:-1] + "9", base_url=url).send_sms_notification("07700900101", sms),
            lambda: client.send_sms_notification("12", sms, personalisation={"message": "x"}),
            lambda: client.send_sms_notification("07700900101", sms)):
    try:
        bad()
        print("taken")
    except HTTPError as error:
        print(error.status_code, error.message[0]["error"], error.message[0]["message"])
"#;

const NODE: &str = r#"
const { NotifyClient } = require('notifications-node-client');
const [url, key, sms] = process.argv.slice(-3);
const client = new NotifyClient(url, key);
(async () => {
  const sent = await client.sendSms(sms, '07700900101', { personalisation: { message: 'water' }, reference: 'page-3-a' });
  const found = await client.getNotificationById(sent.data.id);
  console.log('sms', sent.status, sent.data.reference, found.data.status);
  const all = await client.getNotifications(null, null, 'page-3-a');
  console.log('by reference', all.data.notifications.map(one => one.id === sent.data.id));
  console.log('received', (await client.getReceivedTexts()).data.received_text_messages.map(one => one.content));
  try {
    await new NotifyClient(url, key.slice(0, -1) + '9').sendSms(sms, '07700900101');
    console.log('taken');
  } catch (error) {
    console.log(error.response.status, error.response.data.errors[0].error);
  }
})();
"#;

#[test]
fn both_official_client_libraries_accept_the_stand_in() {
    let name = "both_official_client_libraries_accept_the_stand_in";
    let rig = NotifyRig::open(Arc::new(Clock::System));
    rig.text_in("b51f638b", "2026-11-22 02:00:00.000000", "447700900101", "ACK 48213");
    let (url, key) = (rig.url(), notify::api_key());
    let arguments = [url.as_str(), &key, notify::SMS_TEMPLATE, notify::EMAIL_TEMPLATE];
    if let Some(said) = peers::python(name, "notifications_python_client", PYTHON, &arguments) {
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            [
                "sms page-1-a water sending",
                "email s",
                "by reference [True]",
                "received ['ACK 48213']",
                "403 AuthError Invalid token: signature, api token not found",
                "400 ValidationError phone_number Not enough digits",
                "400 BadRequestError Missing personalisation: message",
            ]
        );
    }
    if let Some(said) = peers::node(name, "notifications-node-client", NODE, &arguments[..3]) {
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            ["sms 201 page-3-a sending", "by reference [ true ]", "received [ 'ACK 48213' ]", "403 AuthError"]
        );
    }
}

/// callout with Notify as its first provider, listening.
struct Site {
    running: Running,
    rig: NotifyRig,
    clock: Arc<Clock>,
    client: reqwest::Client,
    root: tempfile::TempDir,
}

fn secret(root: &Path, name: &str, words: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::write(&path, words).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

impl Site {
    async fn open(sms: Vec<SmsVia>, change: impl Fn(&mut callout::config::Config, &Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let clock = Arc::new(Clock::hand(evening()));
        let rig = NotifyRig::open(Arc::clone(&clock));
        let config_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
        let mut loaded = callout::config::load_at(&config_path, evening()).unwrap();
        let config = &mut loaded.config;
        config.web.listen = "127.0.0.1:0".parse().unwrap();
        config.sms.via = Ways(sms);
        config.email.via = EmailVia::Notify.into();
        config.notify.key_file = Some(secret(root.path(), "key", &notify::api_key()));
        config.notify.callback_token_file = Some(secret(root.path(), "token", TOKEN));
        config.notify.sms_template = notify::SMS_TEMPLATE.into();
        config.notify.email_template = notify::EMAIL_TEMPLATE.into();
        config.notify.number = Some("07700 900999".into());
        config.notify.url = rig.url();
        change(config, root.path());
        let data = root.path().join("data");
        let start = Start { loaded, config_path, data, clock: Arc::clone(&clock), storage: Storage::default() };
        let running = App::start(start).await.unwrap().listen(Show::default()).await.unwrap();
        Self { running, rig, clock, client: https::client(SAFETY), root }
    }

    async fn page(&self, person: &str) {
        let by = Author { who: "helen.acheson".into(), via: Via::Console };
        self.running.app.engine.tell(Event::TestPage { person: PersonId::from(person), by }).await.unwrap();
    }

    /// Waits until the view is as wanted.
    async fn wait(&self, wanted: impl Fn(&View) -> bool) -> Arc<View> {
        let mut changes = self.running.app.engine.door.changes();
        let waiting = changes.wait_for(|view| wanted(view));
        tokio::time::timeout(SAFETY, waiting).await.expect("what is waited for happens").unwrap().clone()
    }

    /// Waits until the page that was announced as number `at` (from 0) is as wanted; gives its id.
    async fn wait_for_page(&self, at: usize, wanted: impl Fn(&Page) -> bool) -> (PageId, Page) {
        let view = self.wait(|view| view.paging.pages.values().nth(at).is_some_and(&wanted)).await;
        let (id, page) = view.paging.pages.iter().nth(at).unwrap();
        (*id, page.clone())
    }

    /// Waits until each page that was announced has an outcome.
    async fn settled(&self) -> Arc<View> {
        self.wait(|view| !view.paging.pages.is_empty() && view.paging.pages.values().all(|page| page.outcome.is_some()))
            .await
    }

    /// The text that went by Notify, and its place among all that went.
    fn text(&self) -> (usize, Value) {
        let sent = self.rig.sent();
        let (at, text) = sent.iter().enumerate().find(|(_, sent)| sent["type"] == "sms").expect("a text went");
        (at, text.clone())
    }

    async fn call_back(&self, path: &str, token: &str, body: &Value) -> u16 {
        let url = format!("http://{}{path}", self.running.address);
        self.client.post(url).bearer_auth(token).json(body).send().await.unwrap().status().as_u16()
    }

    fn records(&self) -> Vec<Record> {
        let mut follow = Follow::from(&self.root.path().join("data/log"), Seq(1));
        let lines = follow.lines(10_000).unwrap();
        lines.iter().filter_map(|line| serde_json::from_str(&line.record).ok()).collect()
    }
}

fn accepted(page: &Page) -> bool {
    matches!(page.outcome, Some((SendResult::Accepted, _)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_by_notify_its_receipt_counts_once_and_the_reply_acknowledges() {
    let site = Site::open(vec![SmsVia::Notify], |_, _| {}).await;
    site.page("priya.nair").await;
    site.settled().await;
    let (page, _) = site.wait_for_page(0, accepted).await;
    let key = *site.running.app.key.bytes();
    let (_, sent) = site.text();
    assert_eq!(sent["phone_number"], "+447700900101");
    assert_eq!(sent["reference"], reply_code::reference(&key, page));
    let words = sent["body"].as_str().unwrap();
    assert!(words.contains(&reply_code::code(&key, page)) && words.contains("/p/"), "{words}");

    let receipt = notify::receipt_of(&sent, "delivered");
    assert_eq!(site.call_back("/notify/receipt", "a-token-that-somebody-guessed", &receipt).await, 403);
    assert_eq!(site.call_back("/notify/receipt", TOKEN, &receipt).await, 200);
    site.wait_for_page(0, |page| matches!(page.receipt, Some((Receipt::Delivered, _)))).await;
    assert_eq!(site.call_back("/notify/receipt", TOKEN, &receipt).await, 200);
    let late = notify::receipt_of(&sent, "sending");
    assert_eq!(site.call_back("/notify/receipt", TOKEN, &late).await, 200);
    let forged = json!({ "id": "x", "reference": "page-1-aaaaaaaaaaaa", "status": "delivered" });
    assert_eq!(site.call_back("/notify/receipt", TOKEN, &forged).await, 200);
    assert_eq!(site.call_back("/notify/receipt", TOKEN, &json!({ "status": 7 })).await, 400);

    let code = reply_code::code(&key, page);
    let text = |id: &str, from: &str, words: &str| {
        json!({
            "id": id, "source_number": from, "destination_number": "07700900999", "message": words,
            "date_received": "2026-11-22T02:00:00.000000Z",
        })
    };
    let nonsense = text("t0", "447700900101", "what is this");
    for _ in 0..2 {
        assert_eq!(site.call_back("/notify/text", TOKEN, &nonsense).await, 200);
    }
    assert_eq!(site.call_back("/notify/text", TOKEN, &text("t1", "447700900101", &format!("ack {code}"))).await, 200);
    site.wait(|view| view.paging.call_outs.values().any(|c| !c.acknowledged.is_empty())).await;
    assert_eq!(site.call_back("/notify/text", TOKEN, &text("t2", "60777", "win a prize")).await, 200);

    let count = |fits: fn(&Record) -> bool| site.records().iter().filter(|record| fits(record)).count();
    assert_eq!(count(|record| matches!(record, Record::PageReceipt { .. })), 1, "told three times, known once");
    assert_eq!(count(|record| matches!(record, Record::Acknowledged { via: Via::Sms, .. })), 1);
    assert_eq!(
        count(|record| matches!(record, Record::ReplyUnmatched { person: Some(_), .. })),
        1,
        "told twice, taken once"
    );
    assert_eq!(count(|record| matches!(record, Record::ReplyUnmatched { person: None, .. })), 1);
    // The answers go back by text: how to reply, and the thanks. They are not waited for, so they may still be on their way.
    let texts = || site.rig.sent().iter().filter(|sent| sent["phone_number"] == "+447700900101").count();
    let started = std::time::Instant::now();
    while texts() < 3 {
        assert!(started.elapsed() < SAFETY, "{:?}", site.rig.sent());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    site.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told_in_seconds_and_the_next_page_goes_by_notifys_time() {
    let site = Site::open(vec![SmsVia::Notify], |config, _| config.email.via = EmailVia::Outbox.into()).await;
    site.rig.set_ahead(47);
    site.page("priya.nair").await;
    site.settled().await;
    let (_, page) = site.wait_for_page(0, |page| page.outcome.is_some()).await;
    let Some((SendResult::Retryable { why }, _)) = page.outcome else { panic!("{page:?}") };
    assert!(why.starts_with("the clock of this machine is 47 s behind Notify's"), "{why}");
    // The clock is as wrong as before, and the next token is made by Notify's time.
    site.page("imran.shah").await;
    let imrans =
        |view: &View| view.paging.pages.values().filter(|page| page.person.as_str() == "imran.shah").any(accepted);
    site.wait(imrans).await;
    site.settled().await;
    assert_eq!(site.text().1["phone_number"], "+447700900102");
    site.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_callback_notify_is_asked_what_became_of_a_page_and_for_texts() {
    let site = Site::open(vec![SmsVia::Notify], |_, _| {}).await;
    site.page("priya.nair").await;
    site.settled().await;
    let (page, _) = site.wait_for_page(0, accepted).await;
    let app = &site.running.app;
    let asking = app.asking(&site.running.site).expect("Notify is a provider");
    site.rig.deliver(site.text().0, "delivered");
    asking.round().await.unwrap();
    assert!(
        site.wait_for_page(0, |_| true).await.1.receipt.is_none(),
        "it is not asked before half a minute has passed"
    );
    site.clock.move_to(evening() + SignedDuration::from_secs(40));
    let code = reply_code::code(app.key.bytes(), page);
    site.rig.text_in("old", "2026-11-21 20:00:00.000000", "447700900101", &format!("NO {code}"));
    site.rig.text_in("new", "2026-11-22 02:00:30.000000", "447700900101", &format!("ACK {code}"));
    for _ in 0..2 {
        asking.round().await.unwrap();
    }
    let (_, told) = site.wait_for_page(0, |page| page.receipt.is_some()).await;
    assert!(matches!(told.receipt, Some((Receipt::Delivered, _))), "{told:?}");
    let records = site.records();
    assert!(records.iter().any(|record| matches!(record, Record::Acknowledged { via: Via::Sms, .. })));
    assert!(!records.iter().any(|record| matches!(record, Record::Declined { .. })), "from before callout: history");
    site.running.stop().await;
}

/// A stand-in for Twilio that takes every text; gives its port and what was asked.
fn twilio() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            // The whole form comes in the one or two reads that hold its last field.
            while !String::from_utf8_lossy(&request).contains("StatusCallback=") {
                match stream.read(&mut piece) {
                    Ok(length) if length > 0 => request.extend_from_slice(&piece[..length]),
                    _ => break,
                }
            }
            let body = r#"{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}"#;
            let head = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            let _ = tell.send(String::from_utf8_lossy(&request).into_owned());
        }
    });
    (port, told)
}

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn when_notify_fails_the_same_page_goes_by_twilio_at_once_and_the_record_says_so() {
    let (port, asked) = twilio();
    let site = Site::open(vec![SmsVia::Notify, SmsVia::Twilio], |config, root| {
        config.web.public_url = "https://desk.example.gov.uk".into();
        config.email.via = EmailVia::Outbox.into();
        config.twilio.account = ACCOUNT.into();
        config.twilio.token_file = Some(secret(root, "twilio", AUTH_TOKEN));
        config.twilio.from = "07700 900998".into();
        config.twilio.url = format!("http://127.0.0.1:{port}");
    })
    .await;
    site.rig.refuse(&[500, 429, 500]);
    for person in ["priya.nair", "imran.shah", "morag.bell", "dafydd.price"] {
        site.page(person).await;
        // One after the other, so that the failures are in a row.
        site.wait(|view| view.paging.pages.values().any(|page| page.person.as_str() == person)).await;
        site.settled().await;
    }
    let mut requests: Vec<String> = Vec::new();
    for _ in 0..4 {
        requests.push(asked.recv_timeout(SAFETY).unwrap());
    }
    assert!(
        requests[0].starts_with(&format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1")),
        "{}",
        requests[0]
    );
    for part in [
        "To=%2B447700900101",
        "From=%2B447700900998",
        "StatusCallback=https%3A%2F%2Fdesk.example.gov.uk%2Ftwilio%2Freceipt%3Fref%3Dpage-",
    ] {
        assert!(requests[0].contains(part), "{part}: {}", requests[0]);
    }
    let routed: Vec<(String, Vec<(String, String)>)> = site
        .records()
        .into_iter()
        .filter_map(|record| match record {
            Record::PageRouted { by, passed, .. } => Some((by, passed)),
            _ => None,
        })
        .collect();
    assert_eq!(routed[0], ("twilio".into(), vec![("notify".into(), "500 Exception: Internal server error".into())]));
    assert!(routed[1].1[0].1.starts_with("429 RateLimitError"), "{routed:?}");
    assert_eq!(routed[3].1[0].1, "left out until 02:00:30 UTC: it failed again and again");
    assert_eq!(site.rig.sent(), [] as [Value; 0], "nothing went by Notify");
    // The administrator hears of it, once, and /readyz says it.
    let alarms = |records: &[Record]| {
        let about = |record: &&Record| matches!(record, Record::CallOutStarted { cause, .. } if cause.contains("do not go by notify"));
        records.iter().filter(about).count()
    };
    site.wait(|view| view.paging.call_outs.values().any(|c| c.cause.contains("do not go by notify"))).await;
    assert_eq!(alarms(&site.records()), 1);
    let ready = site.client.get(format!("http://{}/readyz", site.running.address)).send().await.unwrap();
    let ready = ready.text().await.unwrap();
    assert!(ready.contains("texts do not go by notify"), "{ready}");
    site.running.stop().await;
}

const VALIDATOR: &str = r#"
import json, sys
from twilio.request_validator import RequestValidator
token, cases = sys.argv[1], json.loads(sys.argv[2])
class Form(dict):
    def getlist(self, name):
        return self[name]
judge = RequestValidator(token)
out = []
for case in cases:
    params = {}
    for name, value in case["form"]:
        params.setdefault(name, []).append(value)
    signed = dict(params, Body=["2"]) if case["tampered"] else params
    signature = judge.compute_signature(case["signed"], Form(signed))
    out.append({"signature": signature, "valid": bool(judge.validate(case["url"], Form(params), signature))})
print(json.dumps(out))
"#;

#[test]
fn twilios_own_validator_and_our_check_of_its_signature_agree() {
    let url = "https://desk.example.gov.uk/twilio/text";
    let form =
        |body: &str| json!([["To", "+447700900998"], ["From", "+447700900101"], ["Body", body], ["MessageSid", "SM1"]]);
    let case = |url: &str, signed: &str, form: Value, tampered: bool| json!({ "url": url, "signed": signed, "form": form, "tampered": tampered });
    let query = format!("{url}?ref=page-512-mw3s7e7vdlv7");
    let cases = json!([
        case(url, url, form("ACK 48213"), false),
        case(&query, &query, form("Dŵr & 50% + £5 €"), false),
        case(url, url, json!([["b", "2"], ["a", "1"], ["a", "0"], ["a", "1"], ["B", ""]]), false),
        case(url, url, form(""), false),
        case(url, url, form("ACK 48213"), true),
        case(url, &query, form("ACK 48213"), false),
        case(url, "https://other.example.gov.uk/twilio/text", form("ACK 48213"), false),
    ]);
    let name = "twilios_own_validator_and_our_check_of_its_signature_agree";
    let Some(said) = peers::python(name, "twilio", VALIDATOR, &[AUTH_TOKEN, &cases.to_string()]) else { return };
    let verdicts: Vec<Value> = serde_json::from_str(&said).unwrap();
    let mut valid = 0;
    for (case, verdict) in cases.as_array().unwrap().iter().zip(&verdicts) {
        let pair = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
        let form: Vec<(String, String)> = case["form"].as_array().unwrap().iter().map(pair).collect();
        let (url, signature) = (case["url"].as_str().unwrap(), verdict["signature"].as_str().unwrap());
        let ours = callout::transport::twilio::is_signature(AUTH_TOKEN, url, &form, signature);
        assert_eq!(json!(ours), verdict["valid"], "{case}");
        valid += usize::from(ours);
        assert!(!callout::transport::twilio::is_signature("another token", url, &form, signature));
    }
    assert_eq!((valid, verdicts.len()), (4, 7), "the judge says yes to some and no to others");
}
