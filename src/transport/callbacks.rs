//! What Notify and Twilio call back with: receipts and texts that came in. Each proves first who it is: Notify by a bearer
//! token that we chose, Twilio by its signature; both are compared in constant time, and nothing of a body is read before.
//!
//! A receipt counts only with the keyed reference of its page, so that even the supplier can say nothing of a page that is
//! not ours; a text counts only from the number that was paged.
//!
//! Not here: Kannel, whose addresses hold a secret ([`super::inbound`]); doing it once ([`crate::web`]).

use super::config::{Secret, SetupProblem};
use super::inbound::KannelCallbacks;
use super::notify;
use super::twilio::Twilio;
use crate::config::NotifyConfig;
use crate::domain::event::Receipt;
use crate::domain::id::PageId;
use crate::domain::phone::PhoneNumber;
use crate::domain::reply_code::{self, Key};
use crate::incoming::{CalledBack, GatewayReader, News, NotHeard, Supplier, TextIn};
use reqwest::Url;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;

/// Fewest characters of the bearer token. Notify asks for 10; a guess is free, so we ask for more.
pub const TOKEN_CHARS_MIN: usize = 20;

/// The readers of all suppliers' callbacks.
pub struct Callbacks {
    kannel: KannelCallbacks,
    notify_token: Option<Secret>,
    twilio: Option<Arc<Twilio>>,
}

/// Shows no key.
impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callbacks(***)")
    }
}

/// Reads the token with which Notify calls back.
pub(super) fn notify_token(config: &NotifyConfig) -> Result<Option<Secret>, SetupProblem> {
    const SETTING: &str = "notify.callback_token_file";
    let Some(path) = &config.callback_token_file else { return Ok(None) };
    let token = Secret::read(SETTING, path)?;
    if token.expose().chars().count() < TOKEN_CHARS_MIN || token.expose().contains(char::is_whitespace) {
        let help = format!("write {TOKEN_CHARS_MIN} or more random letters and digits into it: openssl rand -hex 24");
        return Err(SetupProblem::new(SETTING, format!("{} holds no good token", path.display()), help));
    }
    Ok(Some(token))
}

impl Callbacks {
    /// Readers for the suppliers that are set up; the others' callbacks are strangers.
    pub fn new(key: Key, notify_token: Option<Secret>, twilio: Option<Arc<Twilio>>) -> Self {
        Self { kannel: KannelCallbacks { key }, notify_token, twilio }
    }

    fn page(&self, reference: &str) -> Option<PageId> {
        reply_code::check_reference(&self.kannel.key, reference)
    }

    fn notify(&self, called: &CalledBack<'_>) -> Result<News, NotHeard> {
        #[derive(Deserialize)]
        struct Delivery {
            reference: Option<String>,
            status: String,
        }
        #[derive(Deserialize)]
        struct Text {
            id: String,
            source_number: String,
            message: String,
        }
        let token = self.notify_token.as_ref().ok_or(NotHeard::Stranger)?;
        let given = called.authorization.and_then(|words| words.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        if !given.is_some_and(|given| crate::keys::same(given.as_bytes(), token.expose().as_bytes())) {
            return Err(NotHeard::Stranger);
        }
        // The error's own words would hold parts of the body.
        let misread = |error: serde_json::Error| {
            NotHeard::Misread(format!(
                "not the form that Notify documents, at line {} column {}",
                error.line(),
                error.column()
            ))
        };
        if called.text {
            let text: Text = serde_json::from_slice(called.body).map_err(misread)?;
            let from = notify::number(&text.source_number);
            return Ok(News::Text { id: format!("notify {}", text.id), text: TextIn { from, words: text.message } });
        }
        let delivery: Delivery = serde_json::from_slice(called.body).map_err(misread)?;
        let page = delivery.reference.as_deref().and_then(|reference| self.page(reference));
        Ok(match (page, notify::status(&delivery.status)) {
            (Some(page), Some(receipt)) => News::Receipt(page, receipt),
            _ => News::Nothing,
        })
    }

    fn twilio(&self, called: &CalledBack<'_>) -> Result<News, NotHeard> {
        let (twilio, signature) = self.twilio.as_ref().zip(called.signature).ok_or(NotHeard::Stranger)?;
        let form = pairs(&String::from_utf8_lossy(called.body));
        if !twilio.has_signed(called.path_and_query, &form, signature) {
            return Err(NotHeard::Stranger);
        }
        let value = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let wanted = |name| value(name).ok_or_else(|| NotHeard::Misread(format!("the form has no {name}")));
        if called.text {
            let (id, from, words) = (wanted("MessageSid")?, wanted("From")?, wanted("Body")?);
            let text = TextIn { from: PhoneNumber::parse(from).ok(), words: words.to_owned() };
            return Ok(News::Text { id: format!("twilio {id}"), text });
        }
        let status = wanted("MessageStatus")?;
        let query = called.path_and_query.split_once('?').map_or("", |(_, query)| query);
        let reference = pairs(query).into_iter().find(|(name, _)| name == "ref").map(|(_, reference)| reference);
        Ok(match (reference.and_then(|reference| self.page(&reference)), twilio_status(status)) {
            (Some(page), Some(receipt)) => News::Receipt(page, receipt),
            _ => News::Nothing,
        })
    }
}

/// What a status of Twilio's says.
fn twilio_status(word: &str) -> Option<Receipt> {
    match word {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => Some(Receipt::Underway),
        "delivered" | "read" => Some(Receipt::Delivered),
        "undelivered" | "failed" | "canceled" => Some(Receipt::Failed),
        _ => None,
    }
}

/// Names and values of a form or a query, decoded.
fn pairs(encoded: &str) -> Vec<(String, String)> {
    let mut url = Url::parse("http://form.invalid/").expect("a fixed address");
    url.set_query(Some(encoded));
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

impl GatewayReader for Callbacks {
    fn text(&self, query: &str) -> Result<TextIn, String> {
        self.kannel.text(query)
    }

    fn receipt(&self, query: &str) -> Result<Option<(PageId, Receipt)>, String> {
        self.kannel.receipt(query)
    }

    fn called_back(&self, called: &CalledBack<'_>) -> Result<News, NotHeard> {
        match called.supplier {
            Supplier::Notify => self.notify(called),
            Supplier::Twilio => self.twilio(called),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    const KEY: Key = [7; 32];
    const TOKEN: &str = "a-token-of-thirty-characters-or-so";

    fn callbacks() -> Callbacks {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, TOKEN).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = NotifyConfig { callback_token_file: Some(path), ..NotifyConfig::default() };
        Callbacks::new(KEY, notify_token(&config).unwrap(), None)
    }

    fn from_notify(text: bool, authorization: Option<&str>, body: &str) -> Result<News, NotHeard> {
        callbacks().called_back(&CalledBack {
            supplier: Supplier::Notify,
            text,
            path_and_query: "/notify/receipt",
            authorization,
            signature: None,
            body: body.as_bytes(),
        })
    }

    #[test]
    fn a_receipt_from_notify_counts_with_its_token_and_our_reference() {
        let body = |reference: &str, status: &str| {
            json!({
            "id": "740e5834-3a29-46b4-9a6f-16142fde533a", "reference": reference, "to": "07700900123", "status": status,
            "created_at": "2026-11-22T02:00:00.000000Z", "completed_at": null, "sent_at": null,
            "notification_type": "sms", "template_id": "f33517ff-2a88-4f6e-b855-c550268ce08a", "template_version": 1,
        })
        .to_string()
        };
        let bearer = format!("Bearer {TOKEN}");
        let ours = reply_code::reference(&KEY, PageId(512));
        for (status, expected) in [
            ("delivered", News::Receipt(PageId(512), Receipt::Delivered)),
            ("temporary-failure", News::Receipt(PageId(512), Receipt::Failed)),
            ("a status of tomorrow", News::Nothing),
        ] {
            assert_eq!(from_notify(false, Some(&bearer), &body(&ours, status)), Ok(expected));
        }
        assert_eq!(from_notify(false, Some(&bearer), &body("page-512-aaaaaaaaaaaa", "delivered")), Ok(News::Nothing));
        for stranger in [None, Some("Bearer guess"), Some(TOKEN), Some("Basic abc")] {
            assert_eq!(from_notify(false, stranger, &body(&ours, "delivered")), Err(NotHeard::Stranger));
        }
        assert!(matches!(from_notify(false, Some(&bearer), "{}"), Err(NotHeard::Misread(_))));
    }

    #[test]
    fn a_text_from_notify_has_its_number_made_one_and_shows_nothing() {
        let body = json!({
            "id": "b51f638b", "source_number": "447700900123", "destination_number": "07700900456",
            "message": "ACK 48213", "date_received": "2026-11-22T02:00:00.000000Z",
        });
        let news = from_notify(true, Some(&format!("bearer {TOKEN}")), &body.to_string()).unwrap();
        let from = PhoneNumber::parse("07700 900123").ok();
        assert_eq!(news, News::Text { id: "notify b51f638b".into(), text: TextIn { from, words: "ACK 48213".into() } });
        assert!(!format!("{news:?}").contains("48213"), "{news:?}");
    }

    #[test]
    fn a_short_token_is_refused_before_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "ten-letter").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = NotifyConfig { callback_token_file: Some(path), ..NotifyConfig::default() };
        let told = notify_token(&config).unwrap_err().to_string();
        assert!(told.contains("openssl rand") && !told.contains("ten-letter"), "{told}");
    }
}
