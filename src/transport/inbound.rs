//! What Kannel tells us: replies by text, and receipts. Pure readers of the query of its GET requests.
//!
//! Anybody who knows the address may forge them, so the address holds a secret of the installation
//! ([`path_secret`](crate::domain::reply_code::path_secret)); the web adapter checks it before it comes here. Even so
//! a receipt must carry the keyed reference of its page, and a reply only counts from the number that was paged.
//!
//! Kannel does not repeat a request that failed for another reason than no answer, so the web adapter answers 200
//! to everything it understood, matched or not.

use crate::domain::event::Receipt;
use crate::domain::id::PageId;
use crate::domain::phone::PhoneNumber;
use crate::domain::reply_code::{self, Key};
use crate::incoming::{CalledBack, GatewayReader, News, NotHeard, TextIn};
use reqwest::Url;
use std::fmt;

/// Most bytes of such a query; a reply of several segments, percent-encoded, has under 8,000.
pub const QUERY_BYTES_MAX: usize = 16 * 1024;

/// The path at which receipts come in, after the base address: `/kannel/SECRET/receipt`.
pub fn receipt_path(secret: &str) -> String {
    format!("/kannel/{secret}/receipt")
}

/// The path at which replies come in, after the base address: `/kannel/SECRET/reply`.
pub fn reply_path(secret: &str) -> String {
    format!("/kannel/{secret}/reply")
}

/// Our address for the receipt of one page, with Kannel's own placeholders: `%d` the kind, `%A` the network's words.
pub fn receipt_address(base: &str, secret: &str, reference: &str) -> String {
    format!("{}{}?ref={reference}&type=%d&words=%A", base.trim_end_matches('/'), receipt_path(secret))
}

/// The `get-url` for the `sms-service` group of `kannel.conf`, as the administrator pastes it.
pub fn reply_address(base: &str, secret: &str) -> String {
    format!("{}{}?from=%p&to=%P&text=%a", base.trim_end_matches('/'), reply_path(secret))
}

/// A request that makes no sense. Holds none of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InboundError {
    /// Longer than [`QUERY_BYTES_MAX`].
    #[error("the query has {bytes} bytes, more than {QUERY_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A parameter is missing or empty.
    #[error("the parameter {name} is missing; see get-url and dlr-url")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// The receipt is of no page of this installation.
    #[error("the reference is not one of ours")]
    UnknownReference,
    /// The kind of a receipt is none of Kannel's.
    #[error("the kind of receipt is none of 1, 2, 4, 8, 16")]
    UnknownKind,
}

/// A text that came in. Its `Debug` shows neither words nor number.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundText {
    /// Who sent it.
    pub from: Sender,
    /// The words; see [`crate::domain::reply::parse`].
    pub text: String,
}

impl fmt::Debug for InboundText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundText").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Who sent a text.
#[derive(Clone, PartialEq, Eq)]
pub enum Sender {
    /// A UK number.
    Number(PhoneNumber),
    /// A short code, a name, a foreign number, or nothing: nobody of the rota.
    Other(String),
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Other(_) => f.write_str("Other(***)"),
        }
    }
}

/// What became of a text after Kannel took it, by the network's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// On the phone (1).
    Delivered,
    /// Given up: expired, or no such phone (2).
    Failed,
    /// Kept for later (4).
    Queued,
    /// The network has it (8).
    TakenByNetwork,
    /// The network did not want it (16).
    RejectedByNetwork,
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Of which page.
    pub page: PageId,
    /// What became of it.
    pub delivery: Delivery,
    /// The network's words, cut and cleared of numbers; may be empty.
    pub words: String,
}

/// Reads the query of a reply (see [`reply_address`]). A text may be empty; bytes that are not UTF-8 become `\u{fffd}`.
pub fn read_text(query: &str) -> Result<InboundText, InboundError> {
    let parameters = parameters(query)?;
    let from = parameter(&parameters, "from")?;
    let text = parameters.iter().find(|(name, _)| name == "text").map(|(_, text)| text.clone());
    let from = match PhoneNumber::parse(from) {
        Ok(number) => Sender::Number(number),
        Err(_) => Sender::Other(from.chars().take(40).collect()),
    };
    Ok(InboundText { from, text: text.ok_or(InboundError::Missing { name: "text" })? })
}

/// Reads the query of a receipt (see [`receipt_address`]) and finds its page.
pub fn read_receipt(key: &Key, query: &str) -> Result<DeliveryReport, InboundError> {
    let parameters = parameters(query)?;
    let reference = parameter(&parameters, "ref")?;
    let page = reply_code::check_reference(key, reference).ok_or(InboundError::UnknownReference)?;
    let delivery = match parameter(&parameters, "type")? {
        "1" => Delivery::Delivered,
        "2" => Delivery::Failed,
        "4" => Delivery::Queued,
        "8" => Delivery::TakenByNetwork,
        "16" => Delivery::RejectedByNetwork,
        _ => return Err(InboundError::UnknownKind),
    };
    let words = parameter(&parameters, "words").map(super::redact::redact).unwrap_or_default();
    Ok(DeliveryReport { page, delivery, words })
}

/// Kannel's callbacks, behind the port.
#[derive(Clone)]
pub struct KannelCallbacks {
    /// The installation's key, under which references are made.
    pub key: Key,
}

/// Shows no key.
impl fmt::Debug for KannelCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KannelCallbacks(***)")
    }
}

impl GatewayReader for KannelCallbacks {
    fn text(&self, query: &str) -> Result<TextIn, String> {
        let InboundText { from, text } = read_text(query).map_err(|error| error.to_string())?;
        let from = match from {
            Sender::Number(number) => Some(number),
            Sender::Other(_) => None,
        };
        Ok(TextIn { from, words: text })
    }

    fn receipt(&self, query: &str) -> Result<Option<(PageId, Receipt)>, String> {
        let report = match read_receipt(&self.key, query) {
            Ok(report) => report,
            Err(InboundError::UnknownReference) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let receipt = match report.delivery {
            Delivery::Delivered => Receipt::Delivered,
            Delivery::Failed | Delivery::RejectedByNetwork => Receipt::Failed,
            Delivery::Queued | Delivery::TakenByNetwork => Receipt::Underway,
        };
        Ok(Some((report.page, receipt)))
    }

    fn called_back(&self, _called: &CalledBack<'_>) -> Result<News, NotHeard> {
        Err(NotHeard::Stranger)
    }
}

fn parameters(query: &str) -> Result<Vec<(String, String)>, InboundError> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(InboundError::TooLong { bytes: query.len() });
    }
    let mut url = Url::parse("http://kannel.invalid/").expect("a fixed address");
    url.set_query(Some(query));
    Ok(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn parameter<'a>(parameters: &'a [(String, String)], name: &'static str) -> Result<&'a str, InboundError> {
    parameters
        .iter()
        .find(|(given, value)| given == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .ok_or(InboundError::Missing { name })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::reply::{self, Reply};
    use proptest::prelude::*;

    const KEY: Key = [7; 32];

    #[test]
    fn a_reply_is_read_with_its_number_made_one() {
        for from in ["447700900001", "%2B447700900001", "07700900001"] {
            let got = read_text(&format!("from={from}&to=60777&text=+Ack+48213%21+")).unwrap();
            assert_eq!(got.from, Sender::Number(PhoneNumber::parse("07700 900001").unwrap()));
            assert_eq!(reply::parse(&got.text), Reply::Acknowledge { code: Some("48213".into()) });
            assert_eq!(format!("{got:?}"), "InboundText { from: +44…001, .. }");
        }
        assert_eq!(read_text("from=60777&text=hi").unwrap().from, Sender::Other("60777".into()));
        assert_eq!(read_text("from=447700900001&text=").unwrap().text, "");
        assert_eq!(read_text("from=447700900001&text=%F0%9F%91%8D%ff").unwrap().text, "👍\u{fffd}");
        assert_eq!(read_text("text=ack"), Err(InboundError::Missing { name: "from" }));
        assert_eq!(read_text("from=447700900001"), Err(InboundError::Missing { name: "text" }));
        assert_eq!(read_text(&"a".repeat(20_000)), Err(InboundError::TooLong { bytes: 20_000 }));
    }

    #[test]
    fn a_receipt_names_its_page_and_what_became_of_it() {
        let reference = reply_code::reference(&KEY, PageId(512));
        for (kind, delivery) in [
            (1, Delivery::Delivered),
            (2, Delivery::Failed),
            (4, Delivery::Queued),
            (8, Delivery::TakenByNetwork),
            (16, Delivery::RejectedByNetwork),
        ] {
            let report = read_receipt(&KEY, &format!("ref={reference}&type={kind}&words=NACK%2F11%2F")).unwrap();
            assert_eq!(report, DeliveryReport { page: PageId(512), delivery, words: "NACK/11/".into() });
        }
        assert_eq!(
            read_receipt(&KEY, "ref=page-512-aaaaaaaaaaaa&type=1"),
            Err(InboundError::UnknownReference),
            "a receipt cannot be forged by somebody who knows only the page's number"
        );
        assert_eq!(read_receipt(&KEY, &format!("ref={reference}&type=3")), Err(InboundError::UnknownKind));
        assert_eq!(read_receipt(&KEY, &format!("ref={reference}")), Err(InboundError::Missing { name: "type" }));
    }

    proptest! {
        #[test]
        fn no_query_panics(query in ".{0,200}") {
            let _ = (read_text(&query), read_receipt(&KEY, &query));
        }
    }
}
