//! `[email]` and `[sms]`: how pages leave. What they ask for is built and checked in `transport/config.rs`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Seconds that one send may take over all, whatever the server does. Source: design.md, figures in force.
pub const SEND_TIMEOUT_S: u64 = 15;
/// Bounds of the send time limit in seconds.
pub const SEND_TIMEOUT_S_RANGE: std::ops::RangeInclusive<u64> = 1..=120;

/// `[email]`: how emails leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfig {
    /// `smtp`: to the council's mail server. `outbox` (default): kept here for the /outbox page, nothing is sent.
    pub via: EmailVia,
    /// The mail server's name, e.g. `smtp.example.gov.uk`. With TLS its certificate must be for this name.
    pub host: String,
    /// Its port. Default: 587, or 465 with `tls = "wrapper"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `required` (default): STARTTLS or nothing. `wrapper`: TLS from the first byte (port 465). `none`: in clear,
    /// for a server on this machine only.
    pub tls: Tls,
    /// Allows `tls = "none"` to a server on another machine. Default false: names, incidents and links that
    /// acknowledge would cross the network readable by all.
    pub allow_clear_text: bool,
    /// Certificates (PEM) to trust besides the well-known authorities: the council's own authority. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The user to sign in as. Default: none, no sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file that holds that user's password and nothing else, readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The sender, e.g. `Wexmoor on-call <oncall@example.gov.uk>`. Bounces go there too.
    pub from: String,
    /// Where answers go. Default: to the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The domain at the end of each Message-ID; keep it stable. Default: the sender's domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id_domain: Option<String>,
    /// Seconds that one send may take over all. 1 to 120, default 15.
    pub timeout_s: u64,
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            via: EmailVia::Outbox,
            host: "localhost".into(),
            port: None,
            tls: Tls::Required,
            allow_clear_text: false,
            ca_file: None,
            user: None,
            password_file: None,
            from: "callout <callout@localhost.localdomain>".into(),
            reply_to: None,
            message_id_domain: None,
            timeout_s: SEND_TIMEOUT_S,
        }
    }
}

/// The choices of `email.via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailVia {
    /// The council's mail server.
    Smtp,
    /// The capture outbox.
    Outbox,
}

/// The choices of `email.tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// STARTTLS, and nothing is sent where the server does not offer it.
    Required,
    /// TLS from the first byte.
    Wrapper,
    /// None.
    None,
}

/// `[sms]`: how text messages leave and come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmsConfig {
    /// `kannel`: to a Kannel gateway. `outbox` (default): kept here for the /outbox page, nothing is sent.
    pub via: SmsVia,
    /// Kannel's sendsms address, e.g. `http://127.0.0.1:13013/cgi-bin/sendsms`. Plain http only, since that is what
    /// Kannel speaks; so on this machine or a private network only.
    pub url: String,
    /// Allows a gateway outside this machine and the private networks (10/8, 172.16/12, 192.168/16, fc00::/7).
    /// Default false: the password stands in the address and would cross the network readable by all.
    pub allow_clear_text: bool,
    /// The sendsms user of `kannel.conf`. Its group needs `max-messages = 2` or more and `concatenation = true`:
    /// else Kannel cuts the second half of a page off without a word.
    pub user: String,
    /// A file that holds that user's password and nothing else, readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The number that texts come from and replies go to, e.g. `07700 900999` or a short code. Default: Kannel's own
    /// (`global-sender`); without either it refuses every text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where Kannel reaches this daemon, e.g. `http://127.0.0.1:8080`, for delivery receipts. Default: none are
    /// asked for, so every text counts as not delivered once the receipt deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Seconds that one send may take over all. 1 to 120, default 15.
    pub timeout_s: u64,
}

impl Default for SmsConfig {
    fn default() -> Self {
        Self {
            via: SmsVia::Outbox,
            url: "http://127.0.0.1:13013/cgi-bin/sendsms".into(),
            allow_clear_text: false,
            user: "callout".into(),
            password_file: None,
            from: None,
            callback_url: None,
            timeout_s: SEND_TIMEOUT_S,
        }
    }
}

/// The choices of `sms.via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsVia {
    /// A Kannel gateway.
    Kannel,
    /// The capture outbox.
    Outbox,
}
