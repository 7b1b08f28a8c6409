//! `[email]` and `[sms]`: how pages leave, and the suppliers that they may name: `[notify]`, `[twilio]`, `[modem]`.
//! What they ask for is built and checked in `transport/providers.rs`.
//!
//! A secret is never a setting: a setting names the file that holds it, or `credential:NAME` for one that systemd hands
//! over (`LoadCredential=NAME:...` in the unit).

use serde::de::{IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

/// Seconds that one send may take over all, whatever the server does. Source: design.md, figures in force.
pub const SEND_TIMEOUT_S: u64 = 15;
/// Bounds of the send time limit in seconds.
pub const SEND_TIMEOUT_S_RANGE: std::ops::RangeInclusive<u64> = 1..=120;

/// The providers of one channel in the order in which they are tried: one name, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways<T>(pub Vec<T>);

impl<T> From<T> for Ways<T> {
    fn from(one: T) -> Self {
        Self(vec![one])
    }
}

impl<T: Serialize> Serialize for Ways<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ways<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Ways<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a provider's name, or a list of them in the order in which they are tried")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
                T::deserialize(name.into_deserializer()).map(Ways::from)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut ways = Vec::new();
                while let Some(way) = list.next_element()? {
                    ways.push(way);
                }
                Ok(Ways(ways))
            }
        }
        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

/// `[email]`: how emails leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfig {
    /// `smtp`: to the council's mail server. `notify`: by GOV.UK Notify, see `[notify]`. `outbox` (default): kept here for
    /// the /outbox page, nothing is sent. A list is tried in its order, e.g. `["smtp", "notify"]`: where one does not take
    /// an email, the next gets it at once, and one that fails three times running is left out for half a minute.
    pub via: Ways<EmailVia>,
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
    /// Further mail servers, tried in their order after the one above, each as `[[email.relay]]` with `host` and, where
    /// they differ from the defaults, `port`, `tls`, `allow_clear_text`, `ca_file`, `user`, `password_file`. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relay: Vec<Relay>,
}

/// `[[email.relay]]`: a further mail server. What is not here is as in `[email]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Its name.
    pub host: String,
    /// Its port. Default: 587, or 465 with `tls = "wrapper"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// As in `[email]`.
    #[serde(default = "Tls::required")]
    pub tls: Tls,
    /// As in `[email]`.
    #[serde(default)]
    pub allow_clear_text: bool,
    /// As in `[email]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// As in `[email]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As in `[email]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl EmailConfig {
    /// The settings of each mail server in turn: the first, then the relays.
    pub fn servers(&self) -> impl Iterator<Item = Self> {
        let own = Self { relay: Vec::new(), ..self.clone() };
        let relays: Vec<Self> = self
            .relay
            .iter()
            .cloned()
            .map(|Relay { host, port, tls, allow_clear_text, ca_file, user, password_file }| Self {
                host,
                port,
                tls,
                allow_clear_text,
                ca_file,
                user,
                password_file,
                ..own.clone()
            })
            .collect();
        std::iter::once(own).chain(relays)
    }
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            via: EmailVia::Outbox.into(),
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
            relay: Vec::new(),
        }
    }
}

/// The choices of `email.via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailVia {
    /// The council's mail server, then its further ones.
    Smtp,
    /// GOV.UK Notify.
    Notify,
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

impl Tls {
    fn required() -> Self {
        Self::Required
    }
}

/// `[sms]`: how text messages leave and come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmsConfig {
    /// `notify`: by GOV.UK Notify, see `[notify]`. `twilio`: see `[twilio]`. `kannel`: to a Kannel gateway, the keys
    /// below. `modem`: by a modem on this machine, see `[modem]`. `outbox` (default): kept here for the /outbox page,
    /// nothing is sent. A list is tried in its order, e.g. `["notify", "twilio", "modem"]`: where one does not take a
    /// text, the next gets it at once, and one that fails three times running is left out for half a minute.
    pub via: Ways<SmsVia>,
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
            via: SmsVia::Outbox.into(),
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
    /// GOV.UK Notify.
    Notify,
    /// Twilio.
    Twilio,
    /// A Kannel gateway.
    Kannel,
    /// A modem on this machine, through gammu.
    Modem,
    /// The capture outbox.
    Outbox,
}

/// `[notify]`: GOV.UK Notify. docs/providers.md has the templates to paste and each step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyConfig {
    /// A file that holds the API key and nothing else, readable by its owner only. The key is of the kind "live", and reads
    /// `name-service-secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// The id of the template for texts: its whole message is `((message))`. Needed for `sms.via = "notify"`.
    pub sms_template: String,
    /// The id of the template for emails: subject `((subject))`, message `((message))`. Needed for `email.via = "notify"`.
    pub email_template: String,
    /// The dedicated number that texts come from and replies go to, e.g. `07700 900999`. Notify gives one on request;
    /// without it nobody can answer by text, and the link in the text is the way to answer. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The id of the text message sender, where the service has several. Default: the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_sender: Option<String>,
    /// The id of the reply-to address, where the service has several. Default: the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// A file that holds the bearer token (20 characters or more) with which Notify calls back. Default: callbacks are
    /// refused, and Notify is asked every 30 s what became of each page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_token_file: Option<PathBuf>,
    /// Where Notify is. Another address only for a test.
    pub url: String,
    /// Seconds that one send may take over all. 1 to 120, default 15.
    pub timeout_s: u64,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            key_file: None,
            sms_template: String::new(),
            email_template: String::new(),
            number: None,
            sms_sender: None,
            reply_to: None,
            callback_token_file: None,
            url: "https://api.notifications.service.gov.uk".into(),
            timeout_s: SEND_TIMEOUT_S,
        }
    }
}

/// `[twilio]`: texts by Twilio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwilioConfig {
    /// The account, `AC` and 32 hex digits.
    pub account: String,
    /// A file that holds the account's auth token and nothing else, readable by its owner only. It signs in, and proves
    /// that a callback is Twilio's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The number that texts come from and replies go to, e.g. `07700 900999`. A name instead of a number cannot be
    /// replied to.
    pub from: String,
    /// Where Twilio is. Another address only for a test.
    pub url: String,
    /// Seconds that one send may take over all. 1 to 120, default 15.
    pub timeout_s: u64,
}

impl Default for TwilioConfig {
    fn default() -> Self {
        Self {
            account: String::new(),
            token_file: None,
            from: String::new(),
            url: "https://api.twilio.com".into(),
            timeout_s: SEND_TIMEOUT_S,
        }
    }
}

/// `[modem]`: texts by a modem on this machine, the last resort when the internet is gone. gammu-smsd runs beside callout
/// and owns the modem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModemConfig {
    /// The program that lays a text into the queue of gammu-smsd, by its whole path.
    pub command: PathBuf,
    /// The configuration of gammu-smsd.
    pub config: PathBuf,
    /// Seconds that it may take. 1 to 120, default 15.
    pub timeout_s: u64,
}

impl Default for ModemConfig {
    fn default() -> Self {
        Self {
            command: "/usr/bin/gammu-smsd-inject".into(),
            config: "/etc/gammu-smsdrc".into(),
            timeout_s: SEND_TIMEOUT_S,
        }
    }
}

/// `[voices]`: who else hears that an incident was opened, taken, stood down, or that nobody has it. Never instead of a
/// page; nothing waits for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoicesConfig {
    /// A receiver of webhooks (Standard Webhooks), by https. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// A file that holds its secret, `whsec_...`, readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_secret_file: Option<PathBuf>,
    /// A file that holds the address of a Teams workflow ("Post to a channel when a webhook request is received"). The address
    /// is a secret, so it stands in a file of its own. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams_url_file: Option<PathBuf>,
    /// Allows receivers in private networks, and plain http. Default false.
    pub allow_private: bool,
    /// Seconds that one attempt may take. 1 to 120, default 10.
    pub timeout_s: u64,
}

impl Default for VoicesConfig {
    fn default() -> Self {
        Self { webhook_url: None, webhook_secret_file: None, teams_url_file: None, allow_private: false, timeout_s: 10 }
    }
}
