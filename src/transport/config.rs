//! What the checks of the transports' settings ([`crate::config::transports`]) share, and the secret files that they name.
//!
//! Every check is made before anything starts, and all findings are told at once. Passwords stand in files of their
//! own, readable by their owner only, and are never printed.

pub use crate::config::transports::{
    EmailConfig, EmailVia, SEND_TIMEOUT_S, SEND_TIMEOUT_S_RANGE, SmsConfig, SmsVia, Tls,
};
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

/// Most bytes of a secret or certificate file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

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
