//! A stand-in for GOV.UK Notify on 127.0.0.1: the part of its API that callout speaks, strict where Notify is strict.
//!
//! There is no test server of Notify's own. So the official client libraries are the judges of this one
//! (`tests/real_notify.rs`): what they accept, callout is then held against. Tokens are checked as Notify checks them,
//! with a clock that a test can move.
//!
//! Source of the forms: Notify's REST documentation and its published OpenAPI description (version 1.0.4).

#![allow(dead_code, clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callout::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub const SERVICE: &str = "26785a09-ab16-4eb0-8407-a37497a57506";
pub const SECRET: &str = "3d844edf-8d35-48ac-975b-e847b4f122b0";
pub const SMS_TEMPLATE: &str = "f33517ff-2a88-4f6e-b855-c550268ce08a";
pub const EMAIL_TEMPLATE: &str = "9d751e0e-f929-4891-82a1-a3e1c3c18ee3";
/// Seconds by which a token may be off.
const CLOCK_OFF_S_MAX: i64 = 30;

/// A whole API key of that service.
pub fn api_key() -> String {
    format!("rig-{SERVICE}-{SECRET}")
}

/// What was sent, and what is to happen.
#[derive(Default)]
struct Books {
    sent: Vec<Value>,
    received: Vec<Value>,
    /// Statuses with which the next sends are refused.
    refuse: Vec<u16>,
    /// Seconds that this clock is ahead.
    ahead_s: i64,
}

/// The stand-in; it ends with the test's process.
pub struct NotifyRig {
    pub port: u16,
    books: Arc<Mutex<Books>>,
}

impl NotifyRig {
    /// Listens at a free port, with its clock set by that one.
    pub fn open(clock: Arc<Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let books: Arc<Mutex<Books>> = Arc::default();
        let shared = Arc::clone(&books);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (books, clock) = (Arc::clone(&shared), Arc::clone(&clock));
                std::thread::spawn(move || converse(stream, &books, &clock));
            }
        });
        Self { port, books }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Refuses the next sends, one with each status.
    pub fn refuse(&self, statuses: &[u16]) {
        self.books.lock().unwrap().refuse = statuses.to_vec();
    }

    /// Sets its clock ahead.
    pub fn set_ahead(&self, seconds: i64) {
        self.books.lock().unwrap().ahead_s = seconds;
    }

    /// What was sent so far, as Notify tells of it.
    pub fn sent(&self) -> Vec<Value> {
        self.books.lock().unwrap().sent.clone()
    }

    /// Says what became of the message at that place.
    pub fn deliver(&self, at: usize, status: &str) {
        self.books.lock().unwrap().sent[at]["status"] = json!(status);
    }

    /// A text comes in; it waits to be asked for.
    pub fn text_in(&self, id: &str, created_at: &str, from: &str, words: &str) {
        self.books.lock().unwrap().received.push(json!({
            "id": id, "created_at": created_at, "service_id": SERVICE, "notify_number": "07700900999",
            "user_number": from, "content": words,
        }));
    }
}

/// The body with which Notify calls back about a message.
pub fn receipt_of(sent: &Value, status: &str) -> Value {
    json!({
        "id": sent["id"], "reference": sent["reference"], "to": "07700900101", "status": status,
        "created_at": sent["created_at"], "completed_at": sent["created_at"], "sent_at": sent["created_at"],
        "notification_type": sent["type"], "template_id": sent["template"]["id"], "template_version": 1,
    })
}

fn converse(stream: TcpStream, books: &Mutex<Books>, clock: &Clock) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if !reader.read_line(&mut line).is_ok_and(|length| length > 2) {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let Some((method, target)) =
        lines.first().and_then(|line| line.rsplit_once(' ')).and_then(|(line, _)| line.split_once(' '))
    else {
        return;
    };
    let header = |name: &str| {
        let found =
            lines.iter().filter_map(|line| line.split_once(':')).find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut books = books.lock().unwrap();
    let now_s = clock.now().as_second() + books.ahead_s;
    let token = header("authorization").unwrap_or_default();
    let (status, answer) = match check_token(token.strip_prefix("Bearer ").unwrap_or_default(), now_s) {
        Ok(()) => act(&mut books, method, target, &body, now_s),
        Err(why) => refusal(403, "AuthError", why),
    };
    let answer = answer.to_string();
    let date = jiff::Timestamp::from_second(now_s).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let head = format!(
        "HTTP/1.1 {status} -\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let _ = reader.get_mut().write_all(format!("{head}{answer}").as_bytes());
}

fn refusal(status: u16, error: &str, message: &str) -> (u16, Value) {
    (status, json!({ "status_code": status, "errors": [{ "error": error, "message": message }] }))
}

/// As Notify checks a token: HS256 under the service's secret, issued by the service, at a time near its own.
fn check_token(token: &str, now_s: i64) -> Result<(), &'static str> {
    let bad = "Invalid token: signature, api token not found";
    let (signed, signature) = token.rsplit_once('.').ok_or("Unauthorized: authentication token must be provided")?;
    let (head, claim) = signed.split_once('.').ok_or(bad)?;
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (head, claim) = (json(head).ok_or(bad)?, json(claim).ok_or(bad)?);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| bad)?;
    if head["alg"] != "HS256" || mac.verify_slice(&signature).is_err() {
        return Err(bad);
    }
    if claim["iss"] != SERVICE {
        return Err("Invalid token: service not found");
    }
    let issued_s = claim["iat"].as_i64().ok_or("Invalid token: iat field not provided")?;
    if (issued_s - now_s).abs() > CLOCK_OFF_S_MAX {
        return Err("Error: Your system clock must be accurate to within 30 seconds");
    }
    Ok(())
}

fn act(books: &mut Books, method: &str, target: &str, body: &[u8], now_s: i64) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let links = json!({ "current": target });
    match (method, path) {
        ("POST", "/v2/notifications/sms") => send(books, "sms", body, now_s),
        ("POST", "/v2/notifications/email") => send(books, "email", body, now_s),
        ("GET", "/v2/notifications") => {
            let reference = query.split('&').find_map(|pair| pair.strip_prefix("reference="));
            let fits = |sent: &&Value| reference.is_none_or(|reference| sent["reference"] == reference);
            let found: Vec<&Value> = books.sent.iter().rev().filter(fits).collect();
            (200, json!({ "notifications": found, "links": links }))
        }
        ("GET", "/v2/received-text-messages") => {
            let newest: Vec<&Value> = books.received.iter().rev().take(250).collect();
            (200, json!({ "received_text_messages": newest, "links": links }))
        }
        ("GET", path) => {
            let id = path.strip_prefix("/v2/notifications/").unwrap_or_default();
            match books.sent.iter().find(|sent| sent["id"] == id) {
                Some(sent) => (200, sent.clone()),
                None => refusal(404, "NoResultFound", "No result found"),
            }
        }
        _ => refusal(405, "MethodNotAllowed", "The method is not allowed for the requested URL."),
    }
}

fn send(books: &mut Books, kind: &str, body: &[u8], now_s: i64) -> (u16, Value) {
    if !books.refuse.is_empty() {
        return match books.refuse.remove(0) {
            429 => {
                refusal(429, "RateLimitError", "Exceeded rate limit for key type live of 3000 requests per 60 seconds")
            }
            status => refusal(status, "Exception", "Internal server error"),
        };
    }
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return refusal(400, "BadRequestError", "Invalid JSON supplied in POST data");
    };
    let (to_key, template, placeholders): (_, _, &[&str]) = match kind {
        "sms" => ("phone_number", SMS_TEMPLATE, &["message"]),
        _ => ("email_address", EMAIL_TEMPLATE, &["subject", "message"]),
    };
    let known: &[&str] = match kind {
        "sms" => &["phone_number", "template_id", "personalisation", "reference", "sms_sender_id"],
        _ => &[
            "email_address",
            "template_id",
            "personalisation",
            "reference",
            "email_reply_to_id",
            "one_click_unsubscribe_url",
        ],
    };
    if let Some(key) = asked.as_object().and_then(|asked| asked.keys().find(|key| !known.contains(&key.as_str()))) {
        let message = format!("Additional properties are not allowed ({key} was unexpected)");
        return refusal(400, "ValidationError", &message);
    }
    let to = asked[to_key].as_str().unwrap_or_default();
    let digits = to.chars().filter(char::is_ascii_digit).count();
    if (kind == "sms" && digits < 10) || (kind == "email" && !to.contains('@')) {
        let why = if kind == "sms" { "Not enough digits" } else { "Not a valid email address" };
        return refusal(400, "ValidationError", &format!("{to_key} {why}"));
    }
    if asked["template_id"] != template {
        return refusal(400, "BadRequestError", "Template not found");
    }
    if let Some(missing) = placeholders.iter().find(|name| asked["personalisation"][*name].as_str().is_none()) {
        return refusal(400, "BadRequestError", &format!("Missing personalisation: {missing}"));
    }
    let at = jiff::Timestamp::from_second(now_s).unwrap().strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
    let id = format!("740e5834-3a29-46b4-9a6f-{:012x}", books.sent.len() + 1);
    let uri = format!("http://127.0.0.1/v2/notifications/{id}");
    let template = json!({ "id": template, "version": 1, "uri": format!("http://127.0.0.1/v2/template/{template}") });
    let words = asked["personalisation"]["message"].clone();
    let content = match kind {
        "sms" => json!({ "body": words, "from_number": "07700900999" }),
        _ => {
            json!({ "body": words, "subject": asked["personalisation"]["subject"], "from_email": "wexmoor@example.gov.uk" })
        }
    };
    books.sent.push(json!({
        "id": id, "reference": asked["reference"], "type": kind, "status": "sending", "body": words,
        "phone_number": asked["phone_number"], "email_address": asked["email_address"],
        "subject": asked["personalisation"]["subject"], "template": template, "created_at": at,
        "created_by_name": null, "sent_at": null, "completed_at": null, "scheduled_for": null,
    }));
    (
        201,
        json!({ "id": id, "reference": asked["reference"], "content": content, "uri": uri, "template": template, "scheduled_for": null }),
    )
}
