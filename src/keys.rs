//! The installation's key: one secret of 32 bytes that belongs to this data directory and never leaves it.
//!
//! What must be recognised again but not be readable is kept as a digest under this key: the idempotency keys of
//! contacts, access tokens, the tokens in signed links. Somebody who copies the log or the token file alone cannot
//! try out numbers, names or guesses against the digests. Each use names its purpose, so that a digest made for one
//! thing is worth nothing for another.
//!
//! Not here: the key that signs the log's heads (it lies beside, see `log/heads.rs`), and passwords, which need a slow digest.

use crate::domain::event::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// Where the key lies inside the data directory.
pub const KEY_FILE: &str = "keys/installation.key";

/// Length of the key, in bytes: the block of security that HMAC-SHA256 can use.
const KEY_BYTES: usize = 32;

/// The key. Prints as `***`.
#[derive(Clone)]
pub struct InstallationKey([u8; KEY_BYTES]);

/// What a digest is for; digests of different purposes never match each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Recognising a contact that is sent again.
    ContactKey,
    /// Recognising the same words when they come again.
    Words,
    /// An access token of the API.
    AccessToken,
    /// A signed-in session of the console.
    Session,
    /// The token in an acknowledgement link.
    Link,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::ContactKey => "contact-key",
            Self::Words => "words",
            Self::AccessToken => "access-token",
            Self::Session => "session",
            Self::Link => "link",
        }
    }
}

/// Why the key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Reading, making or protecting the file failed.
    #[error("the key {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a key.
    #[error("the key {path} holds {bytes} bytes and should hold {KEY_BYTES}; restore it from the backup")]
    Length {
        /// Which file.
        path: PathBuf,
        /// How many bytes it holds.
        bytes: usize,
    },
    /// Others may read it.
    #[error("the key {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not the key that signed before.
    #[error(
        "the signing key {path} is not the one that signed this log's heads before; restore the old one from the backup, \
         or, to go on with a new one, tell the records officer and remove {public}"
    )]
    Another {
        /// The key.
        path: PathBuf,
        /// The public key that was noted.
        public: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

impl InstallationKey {
    /// Reads the key of a data directory; makes it, with mode 0600, at the first start.
    pub fn open_or_create(data: &Path) -> Result<Self, KeyError> {
        secret(&data.join(KEY_FILE)).map(Self)
    }

    /// A key that lives in memory only: for the demo and for tests.
    pub fn in_memory(seed: u8) -> Self {
        Self([seed; KEY_BYTES])
    }

    /// The key itself, for the parts of the core that make codes and links under it.
    pub fn bytes(&self) -> &crate::domain::reply_code::Key {
        &self.0
    }

    /// HMAC-SHA256 over the purpose and the parts, each preceded by its length so that no two lists of parts meet.
    pub fn digest(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in std::iter::once(purpose.as_str().as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The same as [`Self::digest`] as hex digits, cut to `bytes` (at most 32) bytes.
    pub fn digest_hex(&self, purpose: Purpose, parts: &[&[u8]], bytes: usize) -> String {
        hex(&self.digest(purpose, parts)[..bytes])
    }
}

/// Prints nothing of the key.
impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(***)")
    }
}

/// Reads a secret of 32 bytes from its file; makes both, with mode 0600, when there is none.
///
/// # Errors
/// When the file cannot be read or made, is of another length, or may be read by others.
pub fn secret(path: &Path) -> Result<[u8; KEY_BYTES], KeyError> {
    match read_secret(path) {
        Err(KeyError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => create_secret(path),
        read => read,
    }
}

/// The same, without making one.
///
/// # Errors
/// As [`secret`].
pub fn read_secret(path: &Path) -> Result<[u8; KEY_BYTES], KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    check_private(path, &file)?;
    let mut key = Vec::with_capacity(KEY_BYTES);
    // One byte more than it should hold, so that a longer file shows; never a whole stray gigabyte.
    Read::by_ref(&mut file).take(KEY_BYTES as u64 + 1).read_to_end(&mut key).map_err(failed)?;
    let bytes = key.len();
    key.try_into().map_err(|_| KeyError::Length { path: path.to_owned(), bytes })
}

fn create_secret(path: &Path) -> Result<[u8; KEY_BYTES], KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let key = random_bytes::<KEY_BYTES>()?;
    let directory = path.parent().expect("the key lies in a directory of its own");
    std::fs::create_dir_all(directory).map_err(failed)?;
    // Made under another name and linked into place: a second process that starts at the same moment finds
    // either no key or a whole one, and never overwrites the first one's.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!(".{name}.{}", std::process::id()));
    let mut file = private_file(&draft).map_err(failed)?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(failed)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Ok(()) => {
            std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read_secret(path),
        Err(error) => Err(failed(error)),
    }
}

/// Bytes from the operating system's generator.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(bytes)
}

/// Whether two secrets are the same, in a time that tells nothing about where they differ.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// A new file that only its owner may read; what stood there before is replaced.
pub fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Replaces a small file in one step: written beside it with mode 0600, synced, renamed, directory synced.
pub fn replace_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!(".{name}.{}", std::process::id()));
    let mut file = private_file(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(unix)]
fn check_private(path: &Path, file: &std::fs::File) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Open { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_private(_: &Path, _: &std::fs::File) -> Result<(), KeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_is_made_once_and_read_again() {
        let data = tempfile::tempdir().unwrap();
        let first = InstallationKey::open_or_create(data.path()).unwrap();
        let again = InstallationKey::open_or_create(data.path()).unwrap();
        assert_eq!(first.0, again.0);
        assert_ne!(first.0, [0; KEY_BYTES]);
        assert_eq!(format!("{first:?}"), "InstallationKey(***)");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_command_that_mends_it() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        InstallationKey::open_or_create(data.path()).unwrap();
        let path = data.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = InstallationKey::open_or_create(data.path()).unwrap_err().to_string();
        assert!(error.contains("mode 644") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_key_of_the_wrong_length_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(KEY_FILE);
        replace_private(&path, b"short").unwrap();
        assert!(matches!(InstallationKey::open_or_create(data.path()), Err(KeyError::Length { bytes: 5, .. })));
    }

    #[test]
    fn digests_differ_by_purpose_and_by_where_a_part_ends() {
        let key = InstallationKey::in_memory(7);
        let digest = |purpose, parts: &[&str]| {
            key.digest_hex(purpose, &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>(), 16)
        };
        assert_eq!(digest(Purpose::ContactKey, &["crm", "1"]).len(), 32);
        assert_ne!(digest(Purpose::ContactKey, &["crm", "1"]), digest(Purpose::ContactKey, &["cr", "m1"]));
        assert_ne!(digest(Purpose::ContactKey, &["crm", "1"]), digest(Purpose::AccessToken, &["crm", "1"]));
    }
}
