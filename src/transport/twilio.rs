//! Texts by Twilio: the second supplier of many a council.
//!
//! A send is a form, answered with the text's id; what became of it comes to our public address, for which the page's
//! reference rides along. Twilio signs what it calls back with, over the address as it was told, which is why the public
//! address in the settings must be the one that the world uses.
//!
//! Source of the forms: Twilio's documentation, "Messages resource" and "Validating signatures from Twilio".
//! Not here: reading what it calls back with ([`super::callbacks`]).

use super::config::{Secret, SetupProblem, check_timeout};
use super::https::{self, Answer};
use super::kannel::sender;
use super::redact::redact;
use super::{Address, Fault, Outgoing, SendOutcome};
use crate::config::TwilioConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use ring::hmac;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// Our path for what became of a text.
pub const RECEIPT_PATH: &str = "/twilio/receipt";
/// Our path for texts that come in.
pub const TEXT_PATH: &str = "/twilio/text";

/// The way to Twilio.
pub struct Twilio {
    client: reqwest::Client,
    url: Url,
    account: String,
    token: Secret,
    from: String,
    /// The beginning of our own public address.
    public_url: String,
    timeout: Duration,
}

/// Shows no token.
impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("url", &self.url.as_str())
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl Twilio {
    /// The way to Twilio of the settings, or everything that is wrong with them. Connects to nothing.
    ///
    /// * `public_url`: how the world reaches callout (`web.public_url`).
    pub fn new(config: &TwilioConfig, public_url: &str) -> Result<Self, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        let url = https::supplier("twilio.url", &config.url, &mut problems);
        check_timeout("twilio.timeout_s", config.timeout_s, &mut problems);
        let hex = config.account.strip_prefix("AC").unwrap_or_default();
        if hex.len() != 32 || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
            problems.push(SetupProblem::new(
                "twilio.account",
                "it is no account",
                "copy the Account SID from Twilio's console: AC and 32 hex digits",
            ));
        }
        if config.from.trim().is_empty() {
            problems.push(SetupProblem::new(
                "twilio.from",
                "no sender is given",
                "give your Twilio number, e.g. 07700 900999",
            ));
        }
        let token = match &config.token_file {
            Some(path) => Secret::read("twilio.token_file", path).map_err(|problem| problems.push(problem)).ok(),
            None => {
                let help = "name a file that holds the auth token, on one line";
                problems.push(SetupProblem::new("twilio.token_file", "no file is named", help));
                None
            }
        };
        let timeout = Duration::from_secs(config.timeout_s);
        match (url, token) {
            (Some(url), Some(token)) if problems.is_empty() => Ok(Self {
                client: https::to_supplier(timeout),
                url,
                account: config.account.clone(),
                token,
                from: sender(&config.from),
                public_url: public_url.trim_end_matches('/').to_owned(),
                timeout,
            }),
            _ => Err(problems),
        }
    }

    /// Sends one text, within the time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        let Address::Mobile(number) = &message.to else {
            return SendOutcome::Refused {
                why: "an email address was given where a mobile number belongs".into(),
                fault: Fault::Address,
            };
        };
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["2010-04-01", "Accounts", &self.account, "Messages.json"]);
        }
        let receipt = format!("{}{RECEIPT_PATH}?ref={}", self.public_url, message.reference);
        // Twilio asks for https or http that the world can reach; it refuses the whole text for one that is neither.
        let callback = self.public_url.starts_with("https://").then_some(("StatusCallback", receipt.as_str()));
        let form = [("To", number.as_str()), ("From", &self.from), ("Body", &message.text)].into_iter().chain(callback);
        let mut encoded = Url::parse("http://form.invalid/").expect("a fixed address");
        encoded.query_pairs_mut().extend_pairs(form);
        let request = self
            .client
            .post(url)
            .basic_auth(&self.account, Some(self.token.expose()))
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encoded.query().unwrap_or_default().to_owned());
        match https::ask(request, "Twilio", self.timeout).await {
            Ok(answer) => meaning(&answer),
            Err(outcome) => outcome,
        }
    }

    /// Whether Twilio signed this callback: the whole public address that it asked for, and the form that it sent.
    pub fn has_signed(&self, path_and_query: &str, form: &[(String, String)], signature: &str) -> bool {
        let address = format!("{}{path_and_query}", self.public_url);
        is_signature(self.token.expose(), &address, form, signature)
    }
}

/// Whether that is the signature of a callback: base 64 of an HMAC-SHA1, under the account's auth token, over the address
/// and each name and value of the form, sorted by name. Compares in constant time.
pub fn is_signature(token: &str, address: &str, form: &[(String, String)], signature: &str) -> bool {
    let Ok(given) = STANDARD.decode(signature) else { return false };
    let mut sorted: Vec<&(String, String)> = form.iter().collect();
    sorted.sort();
    // The same name and value twice counts once.
    sorted.dedup();
    let mut signed = address.to_owned();
    for (name, value) in sorted {
        signed += name;
        signed += value;
    }
    // SHA-1 is Twilio's choice; as the hash under an HMAC it is still sound.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &given).is_ok()
}

/// What Twilio's answer means. Source: Twilio's error dictionary: 21211, 21214, 21217, 21407, 21408, 21610, 21612 and 21614
/// are about the number that was given.
fn meaning(answer: &Answer) -> SendOutcome {
    const OF_NUMBER: [u32; 8] = [21211, 21214, 21217, 21407, 21408, 21610, 21612, 21614];
    #[derive(Deserialize)]
    struct Refusal {
        code: u32,
        message: String,
    }
    #[derive(Deserialize)]
    struct Taken {
        sid: String,
    }
    let refusal = serde_json::from_str::<Refusal>(&answer.body).ok();
    let said = refusal.as_ref().map_or_else(
        || answer.said(),
        |refusal| redact(&format!("{} {}: {}", answer.status, refusal.code, refusal.message)),
    );
    match answer.status {
        201 => {
            let sid = serde_json::from_str::<Taken>(&answer.body).map(|taken| taken.sid).unwrap_or_default();
            SendOutcome::Accepted { detail: redact(&format!("201 {sid}")) }
        }
        429 => SendOutcome::Retryable { why: said },
        400 if refusal.as_ref().is_some_and(|refusal| OF_NUMBER.contains(&refusal.code)) => {
            SendOutcome::Refused { why: said, fault: Fault::Address }
        }
        300..=499 => SendOutcome::Refused { why: said, fault: Fault::Service },
        503 => SendOutcome::Retryable { why: said },
        500..=599 if refusal.is_some() => SendOutcome::Retryable { why: said },
        _ => SendOutcome::Unknown { why: said },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_answer_means_what_twilio_says_of_it() {
        let answer = |status, body: &str| Answer { status, date: None, body: body.into() };
        for (answer, expected) in [
            (answer(201, r#"{"sid":"SM1","status":"queued"}"#), "Accepted { detail: \"201 SM1\" }"),
            (
                answer(400, r#"{"code":21211,"message":"Invalid 'To' Phone Number: +447700900123","status":400}"#),
                "Refused { why: \"400 21211: Invalid 'To' Phone Number: <number>\", fault: Address }",
            ),
            (
                answer(401, r#"{"code":20003,"message":"Authenticate","status":401}"#),
                "Refused { why: \"401 20003: Authenticate\", fault: Service }",
            ),
            (
                answer(429, r#"{"code":20429,"message":"Too Many Requests"}"#),
                "Retryable { why: \"429 20429: Too Many Requests\" }",
            ),
            (answer(503, "upstream"), "Retryable { why: \"503 upstream\" }"),
            (answer(500, "upstream"), "Unknown { why: \"500 upstream\" }"),
        ] {
            assert_eq!(format!("{:?}", meaning(&answer)), expected);
        }
    }

    #[test]
    fn settings_that_cannot_work_are_told_all_at_once() {
        let told =
            Twilio::new(&TwilioConfig { account: "AC12".into(), ..TwilioConfig::default() }, "https://a").unwrap_err();
        let keys: Vec<&str> = told.iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["twilio.account", "twilio.from", "twilio.token_file"]);
    }

    #[test]
    fn a_signature_holds_for_its_address_form_and_token_only() {
        let form = |body: &str| vec![("To".to_owned(), "+447700900999".to_owned()), ("Body".into(), body.into())];
        let address = "https://desk.example.gov.uk/twilio/text";
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"token");
        let signed = format!("{address}Body1To+447700900999");
        let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
        assert!(is_signature("token", address, &form("1"), &signature));
        assert!(!is_signature("token", address, &form("2"), &signature));
        assert!(!is_signature("other", address, &form("1"), &signature));
        assert!(!is_signature("token", "https://desk.example.gov.uk/twilio/text?x", &form("1"), &signature));
        assert!(!is_signature("token", address, &form("1"), "rubbish"));
    }
}
