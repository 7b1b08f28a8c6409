//! Access tokens of other systems: made once, shown once, kept as a keyed digest.
//!
//! A token is 256 random bits, so a fast digest is enough to keep it safe: nobody can try that many. The digest is
//! under the installation's key, so a copied token file is worth nothing elsewhere. The command line writes the file
//! (`callout token`), the daemon reads it again as soon as it has changed: a revoked token ends at once.

use super::scope::{By, Scope, Who};
use crate::domain::event::hex;
use crate::domain::time::Timestamp;
use crate::keys::{InstallationKey, KeyError, Purpose, random_bytes, replace_private, same};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// The file inside the data directory.
pub const TOKENS_FILE: &str = "tokens.json";
/// What every token begins with, so that a leaked one can be recognised by scanners and people.
pub const TOKEN_PREFIX: &str = "callout_";
/// Most tokens of one installation.
pub const TOKENS_MAX: usize = 1_000;

/// One token, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name: which system holds it.
    pub name: String,
    /// HMAC-SHA256 of the token under the installation's key, hex.
    pub digest: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is worth nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<Timestamp>,
    /// Made by this machine's command line for itself.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub command: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    tokens: Vec<Token>,
}

/// Why a token could not be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token file cannot be read or written.
    #[error("the token file {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The token file is not what it should be.
    #[error("the token file {path} cannot be understood ({source}); restore it, or delete it and make new tokens")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The name is taken.
    #[error("there is a token \"{0}\" already; choose another name, or revoke it first")]
    NameTaken(String),
    /// No such name.
    #[error("there is no token \"{0}\"; `callout token list` shows them")]
    NoSuchName(String),
    /// Too many.
    #[error("there are {TOKENS_MAX} tokens; revoke some first")]
    TooMany,
    /// No random bytes.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The token file, for the command line.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// The token file of a data directory; it need not exist yet.
    pub fn of(data: &Path) -> Self {
        Self { path: data.join(TOKENS_FILE) }
    }

    /// Makes a token; the text is shown this once and never again.
    pub fn make(&self, key: &InstallationKey, wanted: NewToken) -> Result<String, TokenError> {
        let text = format!("{TOKEN_PREFIX}{}", hex(&random_bytes::<32>()?));
        let NewToken { name, scopes, created, expires, command } = wanted;
        let token = Token { name, digest: digest(key, &text), scopes, created, expires, command };
        self.change(|tokens| {
            // What is over makes room: names of ephemeral tokens would fill the file otherwise.
            tokens.retain(|known| known.expires.is_none_or(|expires| expires > created) || !known.command);
            if tokens.iter().any(|known| known.name == token.name) {
                return Err(TokenError::NameTaken(token.name.clone()));
            }
            if tokens.len() >= TOKENS_MAX {
                return Err(TokenError::TooMany);
            }
            tokens.push(token);
            Ok(())
        })?;
        Ok(text)
    }

    /// Ends a token.
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|token| token.name != name);
            if tokens.len() == before { Err(TokenError::NoSuchName(name.to_owned())) } else { Ok(()) }
        })
    }

    /// All tokens, by the time they were made.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => {
                let content = |source| TokenError::Content { path: self.path.clone(), source };
                Ok(serde_json::from_slice::<File>(&bytes).map_err(content)?.tokens)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(TokenError::File { path: self.path.clone(), source }),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Token>) -> Result<(), TokenError>) -> Result<(), TokenError> {
        let failed = |source| TokenError::File { path: self.path.clone(), source };
        // Two commands at one time take turns, so that neither undoes the other's change.
        let turn = self.path.with_extension("lock");
        std::fs::create_dir_all(self.path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let turn = std::fs::File::options().create(true).write(true).truncate(false).open(turn).map_err(failed)?;
        turn.lock().map_err(failed)?;
        let mut tokens = self.list()?;
        change(&mut tokens)?;
        let json = serde_json::to_vec_pretty(&File { tokens }).expect("texts and instants always become JSON");
        replace_private(&self.path, &json).map_err(failed)
    }
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Which system will hold it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Now.
    pub created: Timestamp,
    /// From when on it is worth nothing.
    pub expires: Option<Timestamp>,
    /// Made by the command line for itself.
    pub command: bool,
}

fn digest(key: &InstallationKey, token: &str) -> String {
    key.digest_hex(Purpose::AccessToken, &[token.as_bytes()], 32)
}

/// The tokens in force, for the daemon.
#[derive(Debug)]
pub struct Tokens {
    file: TokenFile,
    key: InstallationKey,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Changed at, and length, of the file that was read.
    stamp: Option<(SystemTime, u64)>,
    tokens: Arc<Vec<Token>>,
}

impl Tokens {
    /// The tokens of a data directory.
    pub fn of(data: &Path, key: InstallationKey) -> Self {
        Self { file: TokenFile::of(data), key, known: Mutex::default() }
    }

    /// Who holds this token, if it is good at `now`.
    pub fn check(&self, presented: &str, now: Timestamp) -> Option<Who> {
        if !presented.starts_with(TOKEN_PREFIX) || presented.len() != TOKEN_PREFIX.len() + 64 {
            return None;
        }
        let digest = digest(&self.key, presented);
        // All are compared, whichever fits: the time taken tells nothing.
        let tokens = self.in_force();
        let fits = |token: &&Token| same(token.digest.as_bytes(), digest.as_bytes());
        let found = tokens.iter().filter(fits).fold(None, |_, token| Some(token))?;
        if found.expires.is_some_and(|expires| expires <= now) {
            return None;
        }
        let by = if found.command { By::Command } else { By::Token };
        Some(Who { name: found.name.clone(), scopes: found.scopes.clone(), by })
    }

    /// The tokens, read again where the file has changed since.
    fn in_force(&self) -> Arc<Vec<Token>> {
        let stamp = std::fs::metadata(&self.file.path).ok().and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        let mut known = self.known.lock().expect("nothing panics while it reads tokens");
        if known.stamp != stamp {
            match self.file.list() {
                Ok(tokens) => *known = Known { stamp, tokens: Arc::new(tokens) },
                // A file that cannot be read opens no door; it is tried again at the next request.
                Err(error) => {
                    tracing::error!(%error, "no access token is good until this is mended");
                    *known = Known::default();
                }
            }
        }
        Arc::clone(&known.tokens)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn crm(expires: Option<&str>) -> NewToken {
        NewToken {
            name: "crm".to_owned(),
            scopes: vec![Scope::ContactsWrite],
            created: at("2026-11-22T00:00:00Z"),
            expires: expires.map(at),
            command: false,
        }
    }

    #[test]
    fn a_token_is_known_by_its_digest_alone_and_ends_when_it_is_revoked() {
        let data = tempfile::tempdir().unwrap();
        let key = InstallationKey::in_memory(1);
        let (file, tokens) = (TokenFile::of(data.path()), Tokens::of(data.path(), key.clone()));
        let now = at("2026-11-22T02:00:00Z");
        let text = file.make(&key, crm(None)).unwrap();
        assert_eq!(
            tokens.check(&text, now).map(|who| (who.name, who.scopes)),
            Some(("crm".to_owned(), vec![Scope::ContactsWrite]))
        );
        let kept = std::fs::read_to_string(data.path().join(TOKENS_FILE)).unwrap();
        assert!(!kept.contains(&text[TOKEN_PREFIX.len()..]), "the token itself is never kept");
        let mut wrong = text.clone();
        wrong.replace_range(text.len() - 1.., if text.ends_with('0') { "1" } else { "0" });
        assert_eq!(tokens.check(&wrong, now), None);
        assert!(matches!(file.make(&key, crm(None)), Err(TokenError::NameTaken(_))));
        file.revoke("crm").unwrap();
        assert_eq!(tokens.check(&text, now), None);
        assert!(matches!(file.revoke("crm"), Err(TokenError::NoSuchName(_))));
    }

    #[test]
    fn a_token_of_another_installation_or_past_its_time_is_worth_nothing() {
        let data = tempfile::tempdir().unwrap();
        let (key, other) = (InstallationKey::in_memory(1), InstallationKey::in_memory(2));
        let text = TokenFile::of(data.path()).make(&key, crm(Some("2026-11-22T03:00:00Z"))).unwrap();
        assert_eq!(Tokens::of(data.path(), other).check(&text, at("2026-11-22T02:00:00Z")), None);
        let tokens = Tokens::of(data.path(), key);
        assert!(tokens.check(&text, at("2026-11-22T02:59:59Z")).is_some());
        assert_eq!(tokens.check(&text, at("2026-11-22T03:00:00Z")), None);
    }

    #[test]
    fn a_broken_token_file_opens_no_door_and_is_named() {
        let data = tempfile::tempdir().unwrap();
        let key = InstallationKey::in_memory(1);
        let file = TokenFile::of(data.path());
        let text = file.make(&key, crm(None)).unwrap();
        let tokens = Tokens::of(data.path(), key);
        assert!(tokens.check(&text, at("2026-11-22T02:00:00Z")).is_some());
        std::fs::write(data.path().join(TOKENS_FILE), "{").unwrap();
        assert_eq!(tokens.check(&text, at("2026-11-22T02:00:00Z")), None);
        assert!(file.list().unwrap_err().to_string().contains("tokens.json"));
    }
}
