//! Signs the log's head, and checks such a signature.
//!
//! The chain shows an edit in the middle; a signature under the last line shows an end that was cut off or a chain
//! that was written anew from the start, as long as one signed head is kept where whoever runs this machine cannot
//! reach it (the records mailbox). The key is made at the first start and never leaves the machine; its public half
//! lies beside it and is in every export.
//!
//! Ed25519 (RFC 8032). Not here: when to sign (`daemon/heads.rs`), what is signed
//! ([`SignedHead::message`](crate::domain::keeping::SignedHead::message)).

use crate::domain::event::hex;
use crate::domain::id::Seq;
use crate::domain::keeping::SignedHead;
use crate::domain::time::Timestamp;
use crate::keys::{self, KeyError};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::path::{Path, PathBuf};

/// Where the secret lies inside the data directory.
pub const KEY_FILE: &str = "keys/head.key";
/// Where its public half is noted.
pub const PUBLIC_FILE: &str = "keys/head.pub";
/// The name of the secret among the service manager's credentials (`LoadCredential=callout-head.key:...`).
pub const CREDENTIAL: &str = "callout-head.key";
/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410, section 4).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key that signs heads. Prints as `***`.
pub struct HeadKey(Ed25519KeyPair);

impl std::fmt::Debug for HeadKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadKey({}, ***)", self.public())
    }
}

impl HeadKey {
    /// The key of a data directory: the service manager's credential where there is one, else the file, which is made
    /// at the first start with mode 0600. The public half is noted beside it.
    ///
    /// # Errors
    /// As [`keys::secret`]; [`KeyError::Another`] when it is not the one that was noted.
    pub fn open_or_create(data: &Path) -> Result<Self, KeyError> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| PathBuf::from(dir).join(CREDENTIAL));
        let (seed, path) = match credential.filter(|path| path.exists()) {
            Some(path) => (keys::read_secret(&path)?, path),
            None => (keys::secret(&data.join(KEY_FILE))?, data.join(KEY_FILE)),
        };
        let key = Self::from_seed(&seed);
        let public = data.join(PUBLIC_FILE);
        match std::fs::read_to_string(&public) {
            Ok(noted) if noted == key.public_pem() => Ok(key),
            Ok(_) => Err(KeyError::Another { path, public }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                keys::replace_private(&public, key.public_pem().as_bytes())
                    .map_err(|source| KeyError::File { path: public, source })?;
                Ok(key)
            }
            Err(source) => Err(KeyError::File { path: public, source }),
        }
    }

    /// The key of a seed: for tests, and for keys kept elsewhere.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed"))
    }

    /// The public half, 64 hex digits.
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    /// The public half as `openssl` reads it.
    pub fn public_pem(&self) -> String {
        let mut der = PUBLIC_PREFIX.to_vec();
        der.extend_from_slice(self.0.public_key().as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&der))
    }

    /// Signs any bytes: 128 hex digits.
    pub fn sign_bytes(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }

    /// Signs a head. The time is cut to whole seconds.
    pub fn sign(&self, head: Seq, hash: String, at: Timestamp) -> SignedHead {
        let signed_at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let signature = self.sign_bytes(SignedHead::message(head, &hash, signed_at).as_bytes());
        SignedHead { head, hash, signed_at, key: self.public(), signature }
    }
}

/// Whether a head's signature is by the key that it names.
pub fn is_genuine(head: &SignedHead) -> bool {
    let (Some(key), Some(signature)) = (unhex(&head.key), unhex(&head.signature)) else { return false };
    let message = SignedHead::message(head.head, &head.hash, head.signed_at);
    UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature).is_ok()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Base64 with padding (RFC 4648): for the one key in an export.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (n, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = LETTERS[(bits >> shift) as usize & 63] as char;
            text.push(if n <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_head_is_genuine_until_a_letter_of_it_is_another() {
        let key = HeadKey::from_seed(&[5; 32]);
        let head = key.sign(Seq(7), "ab".repeat(32), "2026-11-22T02:00:00.250Z".parse().unwrap());
        assert_eq!(head.signed_at.to_string(), "2026-11-22T02:00:00Z");
        assert!(is_genuine(&head));
        let altered = [
            SignedHead { head: Seq(8), ..head.clone() },
            SignedHead { hash: "ac".repeat(32), ..head.clone() },
            SignedHead { signed_at: "2026-11-22T02:00:01Z".parse().unwrap(), ..head.clone() },
            SignedHead { key: HeadKey::from_seed(&[6; 32]).public(), ..head.clone() },
            SignedHead { signature: format!("0{}", &head.signature[1..]), ..head.clone() },
        ];
        // A signature that begins with 0 already is left as it was.
        let differs = altered.iter().filter(|other| **other != head);
        assert!(differs.clone().count() >= 4 && differs.clone().all(|other| !is_genuine(other)));
    }

    #[test]
    fn the_key_is_made_once_kept_from_others_and_not_changed_in_silence() {
        let data = tempfile::tempdir().unwrap();
        let first = HeadKey::open_or_create(data.path()).unwrap().public();
        assert_eq!(HeadKey::open_or_create(data.path()).unwrap().public(), first);
        std::fs::remove_file(data.path().join(KEY_FILE)).unwrap();
        let error = HeadKey::open_or_create(data.path()).unwrap_err().to_string();
        assert!(error.contains("tell the records officer"), "{error}");
    }

    #[test]
    fn the_signature_is_that_of_rfc_8032_and_the_key_is_read_by_other_tools() {
        // RFC 8032, 7.1, test 1: the empty message.
        let seed = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = HeadKey::from_seed(&seed.try_into().unwrap());
        assert_eq!(key.public(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert!(key.sign_bytes(b"").starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"));
        // The example of RFC 8410, section 10.1, has the same form.
        let pem = key.public_pem();
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{pem}");
    }
}
