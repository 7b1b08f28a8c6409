//! The settings of the transports: `[email]` and `[sms]` of the configuration, their checks, and the secret files.
//!
//! Every check is made before anything starts, and all findings are told at once. Passwords stand in files of their
//! own, readable by their owner only, and are never printed.

use super::{EmailTransport, Kannel, Outbox, SmsTransport, Smtp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Seconds that one send may take over all, whatever the server does. Source: design.md, figures in force.
pub const SEND_TIMEOUT_S: u64 = 15;
/// Bounds of the send time limit in seconds.
pub const SEND_TIMEOUT_S_RANGE: std::ops::RangeInclusive<u64> = 1..=120;
/// Most bytes of a secret or certificate file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

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
    /// Allows `tls = "none"` to a server on another machine. Default false: names, numbers of incidents and links
    /// that acknowledge would cross the network readable by all.
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
    /// The sendsms user of `kannel.conf`.
    pub user: String,
    /// A file that holds that user's password and nothing else, readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The number that texts come from and replies go to, e.g. `07700 900999` or a short code. Default: Kannel's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where Kannel reaches this daemon, e.g. `http://127.0.0.1:8080`, for delivery receipts. Default: none are
    /// asked for, and the second channel follows without waiting.
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

/// A setting that a transport cannot start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}; {help}")]
pub struct SetupProblem {
    /// The setting, e.g. `email.password_file`.
    pub key: &'static str,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub help: String,
}

impl SetupProblem {
    pub(super) fn new(key: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { key, what: what.into(), help: help.into() }
    }
}

impl EmailTransport {
    /// The transport that the settings ask for, or everything that is wrong with them. Reads the secret and
    /// certificate files; connects to nothing.
    pub fn build(config: &EmailConfig, outbox: &Arc<Outbox>) -> Result<Self, Vec<SetupProblem>> {
        match config.via {
            EmailVia::Smtp => Smtp::new(config).map(|smtp| Self::Smtp(Arc::new(smtp))),
            EmailVia::Outbox => Ok(Self::Outbox(outbox.clone())),
        }
    }
}

impl SmsTransport {
    /// The transport that the settings ask for, or everything that is wrong with them. Reads the secret file;
    /// connects to nothing.
    ///
    /// * `inbound_secret`: the secret part of this daemon's address for receipts,
    ///   [`path_secret`](crate::domain::reply_code::path_secret).
    pub fn build(config: &SmsConfig, inbound_secret: &str, outbox: &Arc<Outbox>) -> Result<Self, Vec<SetupProblem>> {
        match config.via {
            SmsVia::Kannel => Kannel::new(config, inbound_secret).map(|kannel| Self::Kannel(Arc::new(kannel))),
            SmsVia::Outbox => Ok(Self::Outbox(outbox.clone())),
        }
    }
}

/// A password. Prints as `***`, everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Reads the secret of a file: its text without the white space around it.
    ///
    /// Refused with the reason: a missing, empty or oversized file, one that is not UTF-8, and one that others than its
    /// owner may read.
    pub(super) fn read(key: &'static str, path: &Path) -> Result<Self, SetupProblem> {
        let text = read_bounded(key, path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777).unwrap_or(0);
            if mode & 0o077 != 0 {
                return Err(SetupProblem::new(
                    key,
                    format!("others than its owner may read {} (mode {mode:03o})", path.display()),
                    format!("run: chmod 600 {}", path.display()),
                ));
            }
        }
        let secret = text.trim();
        if secret.is_empty() || secret.contains(char::is_control) {
            return Err(SetupProblem::new(
                key,
                format!("{} is empty or holds more than one line", path.display()),
                "write the password into it, on one line",
            ));
        }
        Ok(Self(secret.to_owned()))
    }

    /// The secret itself, for the one place that needs it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The text of a small file, or why it cannot be had.
pub(super) fn read_bounded(key: &'static str, path: &Path) -> Result<String, SetupProblem> {
    let attempt = || -> std::io::Result<String> {
        let length = std::fs::metadata(path)?.len();
        if length > FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("it has {length} bytes, at most {FILE_BYTES_MAX} are taken")));
        }
        std::fs::read_to_string(path)
    };
    attempt().map_err(|error| {
        SetupProblem::new(key, format!("cannot read {}: {error}", path.display()), "name a file that callout may read")
    })
}

/// Finds a time limit outside its range.
pub(super) fn check_timeout(key: &'static str, seconds: u64, problems: &mut Vec<SetupProblem>) {
    if !SEND_TIMEOUT_S_RANGE.contains(&seconds) {
        problems.push(SetupProblem::new(
            key,
            format!("{seconds} s is out of range"),
            format!("use {} to {}", SEND_TIMEOUT_S_RANGE.start(), SEND_TIMEOUT_S_RANGE.end()),
        ));
    }
}

/// Whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a host is this machine or an address of a private network. A name other than `localhost` is not: it may
/// lead anywhere.
pub(super) fn is_private(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    is_loopback(host)
        || match bare.parse() {
            Ok(IpAddr::V4(ip)) => ip.is_private(),
            Ok(IpAddr::V6(ip)) => ip.is_unique_local(),
            Err(_) => false,
        }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_refused_and_none_is_ever_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "rigpass\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let problem = Secret::read("email.password_file", &path).unwrap_err();
            assert!(problem.to_string().contains("mode 644"), "{problem}");
            assert!(problem.help.starts_with("run: chmod 600 "), "{problem}");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let secret = Secret::read("email.password_file", &path).unwrap();
        assert_eq!(secret.expose(), "rigpass");
        assert_eq!(format!("{secret:?}"), "***");
        let missing = Secret::read("email.password_file", &directory.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("cannot read"), "{missing}");
    }

    #[test]
    fn an_address_that_may_lead_anywhere_is_not_private() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(host) && is_private(host), "{host}");
        }
        for host in ["10.1.2.3", "192.168.0.9", "[fd00::1]"] {
            assert!(!is_loopback(host) && is_private(host), "{host}");
        }
        for host in ["smtp.example.gov.uk", "localhost.example.gov.uk", "192.0.2.1", "[2001:db8::1]"] {
            assert!(!is_private(host), "{host}");
        }
    }
}
