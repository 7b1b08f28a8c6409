//! HTTP clients that reach outside suppliers, with TLS by rustls and ring and the web's own roots, as email has them; and
//! one request to a supplier, with what may be said of how it failed.
//!
//! Not here: what is said to whom, and what an answer means.

use super::SendOutcome;
use super::config::{SetupProblem, is_loopback};
use super::redact::redact;
use crate::domain::time::Timestamp;
use reqwest::Url;
use std::time::Duration;

/// Most bytes of an answer that are read. The longest that is needed is a page of 250 texts that came in.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// The beginning of a client that follows no redirects.
///
/// # Panics
/// When TLS cannot be set up, which is a defect of the build: a test makes one.
pub fn builder() -> reqwest::ClientBuilder {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring knows the protocol versions that rustls was built with")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(reqwest::redirect::Policy::none())
}

/// A client that gives up after `within` over all.
///
/// # Panics
/// As [`builder`].
pub fn client(within: Duration) -> reqwest::Client {
    builder().timeout(within).build().expect("a client of constants can be made, as a test shows")
}

/// A client for one supplier: each request opens its own connection, and a proxy of the environment is used, since
/// councils often let nothing out otherwise.
///
/// # Panics
/// As [`builder`].
pub(super) fn to_supplier(timeout: Duration) -> reqwest::Client {
    builder()
        .pool_max_idle_per_host(0)
        .connect_timeout(timeout / 3)
        .build()
        .expect("a client of constants can be made, as a test shows")
}

/// The address of a supplier: https, or this machine for a test, without user and query.
pub(super) fn supplier(key: &'static str, given: &str, problems: &mut Vec<SetupProblem>) -> Option<Url> {
    let why = match Url::parse(given) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
            "it holds a user, a password or a query".to_owned()
        }
        Ok(url) => match (url.scheme(), url.host_str()) {
            ("https", Some(_)) => return Some(url),
            ("http", Some(host)) if is_loopback(host) => return Some(url),
            _ => "it must begin with https://".to_owned(),
        },
        Err(error) => format!("it is no address: {error}"),
    };
    problems.push(SetupProblem::new(key, why, "leave it out for the supplier's own address"));
    None
}

/// What came back of one request.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub status: u16,
    /// What the supplier's clock showed.
    pub date: Option<Timestamp>,
    /// The body, as far as it was read.
    pub body: String,
}

impl Answer {
    /// Status and body on one line, cleared of addresses and numbers.
    pub fn said(&self) -> String {
        redact(&format!("{} {}", self.status, self.body))
    }
}

/// Sends one request and reads its answer, within `timeout` over all. `who` is the supplier's name in what is told.
pub(super) async fn ask(request: reqwest::RequestBuilder, who: &str, timeout: Duration) -> Result<Answer, SendOutcome> {
    let asking = async {
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Err(SendOutcome::Retryable { why: format!("no connection to {who}: {}", cause(&error)) });
            }
            Err(error) => {
                return Err(SendOutcome::Unknown { why: format!("{who} gave no answer: {}", cause(&error)) });
            }
        };
        let date =
            response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while body.len() < ANSWER_BYTES_MAX {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())]),
                // The status says enough where the rest of the answer is lost.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(Answer { status, date, body: String::from_utf8_lossy(&body).into_owned() })
    };
    tokio::time::timeout(timeout, asking).await.unwrap_or_else(|_| {
        // It may have read the request already.
        Err(SendOutcome::Unknown { why: format!("no answer from {who} within {} s", timeout.as_secs()) })
    })
}

/// The `Date` of an answer, e.g. `Sun, 22 Nov 2026 02:00:00 GMT` (RFC 9110 part 5.6.7).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// The innermost reason of a failed request, without its address.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    // A request error without a source would print its address.
    if innermost.is::<reqwest::Error>() { "the request failed".into() } else { redact(&innermost.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_with_tls_can_be_made() {
        let second = Duration::from_secs(1);
        assert!(format!("{:?} {:?}", client(second), to_supplier(second)).contains("Client"));
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(http_date("Sun, 22 Nov 2026 02:00:07 GMT"), "2026-11-22T02:00:07Z".parse().ok());
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn a_supplier_is_reached_by_https_or_on_this_machine() {
        for (given, good) in [
            ("https://api.twilio.com", true),
            ("http://127.0.0.1:6011", true),
            ("http://api.twilio.com", false),
            ("https://user:secret@sms.example.gov.uk", false),
            ("api.twilio.com", false),
        ] {
            let mut problems = Vec::new();
            assert_eq!(supplier("twilio.url", given, &mut problems).is_some(), good, "{given}");
            assert!(problems.iter().all(|problem| !problem.to_string().contains("secret")), "{problems:?}");
        }
    }
}
