//! Texts and emails by GOV.UK Notify, which most councils have a contract with and no charge for email.
//!
//! Notify sends only what a template of the council's service allows, so ours are the smallest that there are: one
//! placeholder, into which the whole page goes. Each request is signed afresh with a token that is good for 30 seconds,
//! which makes the clock of this machine part of the conversation: Notify's own time stands in each answer, so a refusal
//! for a wrong clock says by how much, and the next token is made by Notify's time.
//!
//! What an answer means is read from its status and the error's name, never from its words, which may change.
//!
//! Source of the forms: Notify's REST documentation and its published OpenAPI description (version 1.0.4).
//! Not here: what Notify calls back with ([`super::callbacks`]); when it is asked what became of a page (`daemon/`).

use super::config::{Secret, SetupProblem, check_timeout};
use super::https::{self, Answer};
use super::redact::redact;
use super::{Address, Fault, Outgoing, SendOutcome};
use crate::clock::Clock;
use crate::config::NotifyConfig;
use crate::domain::event::Receipt;
use crate::domain::phone::PhoneNumber;
use crate::domain::time::{Timestamp, elapsed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Seconds by which our clock may be off before Notify refuses a token. Source: Notify's documentation.
pub const CLOCK_OFF_S_MAX: i64 = 30;
/// Characters of a UUID.
const UUID_CHARS: usize = 36;
/// Texts that came in and are read at a time. Source: Notify gives 250 a page.
const TEXTS_MAX: usize = 250;

/// An API key, taken apart: `name-service-secret`.
#[derive(Clone)]
pub struct ApiKey {
    service: String,
    secret: String,
}

impl ApiKey {
    /// Takes a key apart; `None` where it is not of that form.
    pub fn parse(key: &str) -> Option<Self> {
        let (rest, secret) = last_uuid(key)?;
        let (_name, service) = last_uuid(rest)?;
        Some(Self { service: service.to_owned(), secret: secret.to_owned() })
    }

    /// A token (JSON Web Token, HS256) that says who asks and when.
    pub fn token(&self, now: Timestamp) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "typ": "JWT", "alg": "HS256" }));
        let claim = part(json!({ "iss": self.service, "iat": now.as_second() }));
        let signed = format!("{head}.{claim}");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

/// What stands before the last UUID of a text and its hyphen, and that UUID.
fn last_uuid(text: &str) -> Option<(&str, &str)> {
    let at = text.len().checked_sub(UUID_CHARS)?;
    let (before, uuid) = (text.get(..at)?, text.get(at..)?);
    is_uuid(uuid).then(|| (before.strip_suffix('-').unwrap_or(before), uuid))
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID_CHARS
        && text
            .char_indices()
            .all(|(at, c)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { c.is_ascii_hexdigit() })
}

/// The way to Notify.
pub struct Notify {
    client: reqwest::Client,
    url: Url,
    key: ApiKey,
    sms_template: String,
    email_template: String,
    sms_sender: Option<String>,
    reply_to: Option<String>,
    timeout: Duration,
    clock: Arc<Clock>,
    /// Seconds that Notify's clock is ahead of ours, as its last answer told.
    ahead_s: AtomicI64,
}

/// Shows no key.
impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// A text that came in, as Notify keeps it. Its `Debug` shows neither words nor number.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedText {
    /// Notify's id of it.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// From which number; `None` for a short code, a name or a foreign number.
    pub from: Option<PhoneNumber>,
    /// Its words.
    pub words: String,
}

impl fmt::Debug for ReceivedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedText").field("id", &self.id).field("at", &self.at).finish_non_exhaustive()
    }
}

impl Notify {
    /// The way to Notify of the settings, or everything that is wrong with them. Connects to nothing.
    ///
    /// * `texts`, `emails`: which of the two it is to carry; each needs its template.
    pub fn new(config: &NotifyConfig, texts: bool, emails: bool, clock: Arc<Clock>) -> Result<Self, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        let url = https::supplier("notify.url", &config.url, &mut problems);
        check_timeout("notify.timeout_s", config.timeout_s, &mut problems);
        let key = key(config).map_err(|problem| problems.push(problem)).ok();
        let id = |key, what: &str, id: &str, needed: bool| {
            let why = match id {
                "" if !needed => return None,
                "" => "no id is given".to_owned(),
                id if is_uuid(id) => return None,
                _ => "it is no id: 8-4-4-4-12 hex digits".to_owned(),
            };
            Some(SetupProblem::new(
                key,
                why,
                format!("copy the id of {what} from Notify; docs/providers.md says where"),
            ))
        };
        problems.extend(id("notify.sms_template", "the template for texts", &config.sms_template, texts));
        problems.extend(id("notify.email_template", "the template for emails", &config.email_template, emails));
        let (sender, reply_to) = (config.sms_sender.as_deref(), config.reply_to.as_deref());
        problems.extend(id("notify.sms_sender", "the text message sender", sender.unwrap_or_default(), false));
        problems.extend(id("notify.reply_to", "the reply-to address", reply_to.unwrap_or_default(), false));
        if let Some(number) = &config.number
            && PhoneNumber::parse(number).is_err()
        {
            problems.push(SetupProblem::new(
                "notify.number",
                "it is no UK number",
                "give the dedicated number that Notify gave you, e.g. 07700 900999; leave it out where there is none",
            ));
        }
        let timeout = Duration::from_secs(config.timeout_s);
        match (url, key) {
            (Some(url), Some(key)) if problems.is_empty() => Ok(Self {
                client: https::to_supplier(timeout),
                url,
                key,
                sms_template: config.sms_template.clone(),
                email_template: config.email_template.clone(),
                sms_sender: config.sms_sender.clone(),
                reply_to: config.reply_to.clone(),
                timeout,
                clock,
                ahead_s: AtomicI64::new(0),
            }),
            _ => Err(problems),
        }
    }

    /// Sends one text or email, within the time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        let (kind, body) = self.request(message);
        let request = self.client.post(self.address(&["v2", "notifications", kind]));
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string());
        match self.ask(request).await {
            Ok(answer) => self.meaning(&answer),
            Err(outcome) => outcome,
        }
    }

    /// What became of a page of ours, by its reference; `None` where Notify does not know of it, or does not know yet.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn status(&self, reference: &str) -> Result<Option<Receipt>, String> {
        #[derive(Deserialize)]
        struct Page {
            notifications: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            status: String,
        }
        let mut url = self.address(&["v2", "notifications"]);
        url.query_pairs_mut().append_pair("reference", reference);
        let page: Page = self.read(url).await?;
        // Sent twice, it arrived if either did.
        Ok(page.notifications.iter().filter_map(|one| status(&one.status)).max())
    }

    /// The texts that came in lately, the oldest first.
    ///
    /// # Errors
    /// Why they could not be asked for.
    pub async fn received(&self) -> Result<Vec<ReceivedText>, String> {
        #[derive(Deserialize)]
        struct Page {
            received_text_messages: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            id: String,
            created_at: String,
            user_number: String,
            content: String,
        }
        let page: Page = self.read(self.address(&["v2", "received-text-messages"])).await?;
        let mut texts: Vec<ReceivedText> = page
            .received_text_messages
            .into_iter()
            .take(TEXTS_MAX)
            .filter_map(|One { id, created_at, user_number, content }| {
                Some(ReceivedText { id, at: instant(&created_at)?, from: number(&user_number), words: content })
            })
            .collect();
        texts.sort_by_key(|text| text.at);
        Ok(texts)
    }

    async fn read<T: for<'de> Deserialize<'de>>(&self, url: Url) -> Result<T, String> {
        let words = |outcome| match outcome {
            SendOutcome::Accepted { detail: why }
            | SendOutcome::Retryable { why }
            | SendOutcome::Refused { why, .. }
            | SendOutcome::Unknown { why } => why,
        };
        let answer = self.ask(self.client.get(url)).await.map_err(words)?;
        if answer.status != 200 {
            return Err(words(self.meaning(&answer)));
        }
        serde_json::from_str(&answer.body).map_err(|error| {
            format!("Notify's answer is not what its documentation says (line {} of it)", error.line())
        })
    }

    /// Signs and sends a request; remembers what Notify's clock shows.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer, SendOutcome> {
        let now = self.clock.now();
        let by_notify = now + crate::domain::time::SignedDuration::from_secs(self.ahead_s.load(Ordering::Relaxed));
        let answer = https::ask(request.bearer_auth(self.key.token(by_notify)), "Notify", self.timeout).await?;
        if let Some(date) = answer.date {
            let ahead_s = elapsed(self.clock.now(), date).as_secs();
            // A second or two are the way and the rounding.
            let ahead_s = if ahead_s.abs() > CLOCK_OFF_S_MAX / 6 { ahead_s } else { 0 };
            self.ahead_s.store(ahead_s, Ordering::Relaxed);
        }
        Ok(answer)
    }

    fn address(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The last part of the address, and the body.
    fn request(&self, message: &Outgoing) -> (&'static str, Value) {
        let (kind, mut body) = match &message.to {
            Address::Mobile(number) => (
                "sms",
                json!({
                    "phone_number": number,
                    "template_id": self.sms_template,
                    "personalisation": { "message": message.text },
                    "reference": message.reference,
                }),
            ),
            Address::Email { address, .. } => (
                "email",
                json!({
                    "email_address": address,
                    "template_id": self.email_template,
                    "personalisation": { "subject": message.subject, "message": message.text },
                    "reference": message.reference,
                }),
            ),
        };
        let (key, id) = match kind {
            "sms" => ("sms_sender_id", &self.sms_sender),
            _ => ("email_reply_to_id", &self.reply_to),
        };
        if let Some(id) = id {
            body[key] = json!(id);
        }
        (kind, body)
    }

    /// What Notify's answer to a send means.
    fn meaning(&self, answer: &Answer) -> SendOutcome {
        #[derive(Deserialize)]
        struct Refusal {
            errors: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            error: String,
            message: String,
        }
        #[derive(Deserialize)]
        struct Taken {
            id: String,
        }
        let refusal = serde_json::from_str::<Refusal>(&answer.body).ok().filter(|refusal| !refusal.errors.is_empty());
        let said = refusal.as_ref().map_or_else(
            || answer.said(),
            |refusal| {
                let all = refusal.errors.iter().map(|one| format!("{}: {}", one.error, one.message));
                redact(&format!("{} {}", answer.status, all.collect::<Vec<_>>().join("; ")))
            },
        );
        match answer.status {
            201 => {
                let id = serde_json::from_str::<Taken>(&answer.body).map(|taken| taken.id).unwrap_or_default();
                SendOutcome::Accepted { detail: redact(&format!("201 {id}")) }
            }
            403 if self.clock_is_off() => SendOutcome::Retryable { why: self.clock_in_words(&said) },
            429 => SendOutcome::Retryable { why: said },
            400 => {
                // A field's name stands first in what is said of it; anything else is about the template or the key.
                let of_address = |one: &One| {
                    one.error == "ValidationError"
                        && ["phone_number", "email_address"].iter().any(|field| one.message.starts_with(field))
                };
                let fault = match &refusal {
                    Some(refusal) if refusal.errors.iter().all(of_address) => Fault::Address,
                    _ => Fault::Service,
                };
                SendOutcome::Refused { why: said, fault }
            }
            300..=499 => SendOutcome::Refused { why: said, fault: Fault::Service },
            // Notify itself says that it did not take it; or nobody stood behind the door.
            500..=599 if refusal.is_some() || answer.status == 503 => SendOutcome::Retryable { why: said },
            _ => SendOutcome::Unknown { why: said },
        }
    }

    fn clock_is_off(&self) -> bool {
        self.ahead_s.load(Ordering::Relaxed).abs() >= CLOCK_OFF_S_MAX
    }

    fn clock_in_words(&self, said: &str) -> String {
        let ahead_s = self.ahead_s.load(Ordering::Relaxed);
        let which = if ahead_s > 0 { "behind" } else { "ahead of" };
        format!("the clock of this machine is {} s {which} Notify's: set it (timedatectl); {said}", ahead_s.abs())
    }
}

fn key(config: &NotifyConfig) -> Result<ApiKey, SetupProblem> {
    const SETTING: &str = "notify.key_file";
    let path = config.key_file.as_ref().ok_or_else(|| {
        SetupProblem::new(SETTING, "no file is named", "name a file that holds the API key, on one line")
    })?;
    let secret = Secret::read(SETTING, path)?;
    ApiKey::parse(secret.expose()).ok_or_else(|| {
        SetupProblem::new(
            SETTING,
            format!("what {} holds is no API key", path.display()),
            "it reads name-service-secret, and ends with two ids of 36 characters; copy the whole of it",
        )
    })
}

/// What a status of Notify's says. Source: Notify's documentation, "Delivery receipts" and "Status - text and email".
pub(super) fn status(word: &str) -> Option<Receipt> {
    match word {
        "created" | "sending" | "pending" | "sent" => Some(Receipt::Underway),
        "delivered" => Some(Receipt::Delivered),
        "permanent-failure" | "temporary-failure" | "technical-failure" => Some(Receipt::Failed),
        _ => None,
    }
}

/// A number as Notify gives it: `447700900123`, without a plus.
pub(super) fn number(given: &str) -> Option<PhoneNumber> {
    let digits = given.trim().trim_start_matches('+');
    let international = digits.starts_with("44").then(|| format!("+{digits}"));
    PhoneNumber::parse(international.as_deref().unwrap_or(given)).ok()
}

/// An instant as Notify writes it: `2026-11-22T02:00:00.000000Z`, or with a space and no zone, which is UTC.
fn instant(given: &str) -> Option<Timestamp> {
    given.parse().ok().or_else(|| {
        let civil: jiff::civil::DateTime = given.replacen(' ', "T", 1).parse().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
    })
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
