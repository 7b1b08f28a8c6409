//! Text messages through a Kannel gateway (its `sendsms` address).
//!
//! Kannel speaks plain HTTP and takes the password in the address, so the address is a secret: no error and no trace
//! of ours ever holds it, redirects are not followed, no proxy is asked, and the gateway must be on this machine or
//! a private network. Kannel gives no message id back: the page's reference rides in the address for receipts.
//!
//! Kannel's own settings matter: its `sendsms-user` group must have `max-messages = 2` or more and
//! `concatenation = true`, else the second segment of a page is cut off without a word.
//!
//! Source of the answers: Kannel 1.4.5 user guide, "Using the HTTP interface", and its smsbox.
//! Not here: receipts and replies coming in ([`super::inbound`]).

use super::config::{Secret, SetupProblem, SmsConfig, check_timeout, is_private};
use super::https::{self, cause};
use super::inbound::receipt_address;
use super::redact::redact;
use super::{Address, Fault, Outgoing, SendOutcome};
use crate::domain::phone::PhoneNumber;
use crate::domain::sms_text::{Coding, segments};
use reqwest::{StatusCode, Url};
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Most bytes of Kannel's answer that are read; its answers have under a hundred.
const ANSWER_BYTES_MAX: usize = 2_048;
/// What we want receipts of: 1 delivered, 2 failed, 4 queued, 8 accepted by the network, 16 rejected.
const RECEIPT_MASK: &str = "31";

/// The way to one gateway.
pub struct Kannel {
    client: reqwest::Client,
    url: Url,
    user: String,
    password: Secret,
    from: Option<String>,
    /// Our own address for receipts and its secret part.
    callback: Option<(String, String)>,
    timeout: Duration,
}

impl fmt::Debug for Kannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kannel").field("url", &self.url.as_str()).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Kannel {
    /// The way to the gateway of the settings, or everything that is wrong with them. Connects to nothing.
    ///
    /// * `inbound_secret`: the secret part of our address for receipts.
    pub fn new(config: &SmsConfig, inbound_secret: &str) -> Result<Self, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        let url = plain_http("sms.url", &config.url, &mut problems);
        if let Some(host) = url.as_ref().and_then(Url::host_str)
            && !config.allow_clear_text
            && !is_private(host)
        {
            problems.push(SetupProblem::new(
                "sms.url",
                format!("the password would travel in clear to {host}"),
                "use the gateway's private address; or set allow_clear_text = true if the way there is protected",
            ));
        }
        if let Some(callback) = &config.callback_url {
            plain_http("sms.callback_url", callback, &mut problems);
        }
        check_timeout("sms.timeout_s", config.timeout_s, &mut problems);
        let password = match &config.password_file {
            Some(path) => Secret::read("sms.password_file", path).map_err(|problem| problems.push(problem)).ok(),
            None => {
                problems.push(SetupProblem::new(
                    "sms.password_file",
                    "no file is named",
                    "name a file that holds the password of the sendsms user",
                ));
                None
            }
        };
        let timeout = Duration::from_secs(config.timeout_s);
        let client = https::builder()
            .no_proxy()
            // Each send its own connection.
            .pool_max_idle_per_host(0)
            .connect_timeout(timeout / 3)
            .build()
            .map_err(|error| problems.push(SetupProblem::new("sms.url", error.to_string(), "report this")));
        match (url, password, client) {
            (Some(url), Some(password), Ok(client)) if problems.is_empty() => Ok(Self {
                client,
                url,
                user: config.user.clone(),
                password,
                from: config.from.as_deref().map(sender),
                callback: config.callback_url.as_ref().map(|base| (base.clone(), inbound_secret.to_owned())),
                timeout,
            }),
            _ => Err(problems),
        }
    }

    /// Sends one text, within the time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        self.send_until(message, tokio::time::sleep(self.timeout)).await
    }

    /// Sends one text for as long as our `patience` lasts.
    async fn send_until(&self, message: &Outgoing, patience: impl Future<Output = ()>) -> SendOutcome {
        let Address::Mobile(number) = &message.to else {
            return SendOutcome::Refused {
                why: "an email address was given where a mobile number belongs".into(),
                fault: Fault::Address,
            };
        };
        let url = self.address(number, message);
        tokio::select! {
            biased;
            outcome = self.ask(url) => outcome,
            // Kannel may have read the request already.
            () = patience => SendOutcome::Unknown {
                why: format!("no answer from the gateway within {} s", self.timeout.as_secs()),
            },
        }
    }

    fn address(&self, number: &str, message: &Outgoing) -> Url {
        let mut url = self.url.clone();
        let coding = match segments(&message.text).coding {
            Coding::Gsm7 => "0",
            Coding::Ucs2 => "2",
        };
        let mut query = url.query_pairs_mut();
        query
            .append_pair("username", &self.user)
            .append_pair("password", self.password.expose())
            .append_pair("to", number)
            .append_pair("charset", "UTF-8")
            .append_pair("coding", coding)
            .append_pair("text", &message.text);
        if let Some(from) = &self.from {
            query.append_pair("from", from);
        }
        if let Some((base, secret)) = &self.callback {
            query
                .append_pair("dlr-mask", RECEIPT_MASK)
                .append_pair("dlr-url", &receipt_address(base, secret, &message.reference));
        }
        drop(query);
        url
    }

    async fn ask(&self, url: Url) -> SendOutcome {
        let mut response = match self.client.get(url).send().await {
            Ok(response) => response,
            // The error's own words would hold the address, and so the password.
            Err(error) if error.is_connect() => {
                return SendOutcome::Retryable { why: format!("no connection to the gateway: {}", cause(&error)) };
            }
            Err(error) => {
                return SendOutcome::Unknown { why: format!("the gateway gave no answer: {}", cause(&error)) };
            }
        };
        let mut answer = Vec::new();
        while answer.len() < ANSWER_BYTES_MAX {
            match response.chunk().await {
                Ok(Some(chunk)) => answer.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - answer.len())]),
                // The status says enough where the rest of the answer is lost.
                Ok(None) | Err(_) => break,
            }
        }
        meaning(response.status(), &String::from_utf8_lossy(&answer))
    }
}

/// What Kannel's answer means.
fn meaning(status: StatusCode, answer: &str) -> SendOutcome {
    let said = redact(&format!("{} {answer}", status.as_u16()));
    match status.as_u16() {
        // "0: Accepted for delivery", or "3: Queued for later delivery" while no network is connected: then the
        // missing receipt sends the page on by the next channel.
        202 => SendOutcome::Accepted { detail: said },
        503 => SendOutcome::Retryable { why: said },
        // A black or white list, an empty number.
        400..=499 if answer.contains("black-list") || answer.contains("receiver") => {
            SendOutcome::Refused { why: said, fault: Fault::Address }
        }
        // Sign-in refused, no route, a wrong address of ours.
        300..=499 => SendOutcome::Refused { why: said, fault: Fault::Service },
        // 200 is a page of something that is not Kannel; 5xx may stand between us and a Kannel that took it.
        _ => SendOutcome::Unknown { why: said },
    }
}

/// The sender as Kannel takes it: a UK number in E.164 form, a short code or name as it is.
pub(super) fn sender(given: &str) -> String {
    PhoneNumber::parse(given).map_or_else(|_| given.trim().to_owned(), |number| number.as_e164().to_owned())
}

fn plain_http(key: &'static str, given: &str, problems: &mut Vec<SetupProblem>) -> Option<Url> {
    let problem = match Url::parse(given) {
        Ok(url) if url.scheme() != "http" || url.host_str().is_none() => {
            SetupProblem::new(key, "it must begin with http://", "Kannel speaks plain http, to a private address")
        }
        // Never printed: a password may be what does not belong there.
        Ok(url) if url.query().is_some() || !url.username().is_empty() || url.password().is_some() => {
            SetupProblem::new(
                key,
                "it holds a user, a password or a query",
                "give the bare address; user and password_file are settings of their own",
            )
        }
        Ok(url) => return Some(url),
        Err(error) => SetupProblem::new(key, format!("it is no address: {error}"), "e.g. http://127.0.0.1:13013/…"),
    };
    problems.push(problem);
    None
}

#[cfg(test)]
#[path = "kannel_tests.rs"]
mod tests;
