//! TLS at our own door: the certificate and its key, read from files, and read again when they change.
//!
//! Certificates are renewed every few weeks by another program, which must not need callout to stop: the files are looked
//! at each minute and at SIGHUP, and a pair that does not fit together leaves the old one in use.
//!
//! Not here: who asks ([`super::serve`]).

use crate::domain::time::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// Most bytes of a certificate or key file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}", path = .path.display())]
pub struct TlsError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub why: String,
}

/// A certificate with its key, in use.
pub struct Certificate {
    chain_path: PathBuf,
    key_path: PathBuf,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    key: Arc<CertifiedKey>,
    ends_at: Option<Timestamp>,
    changed: [Option<SystemTime>; 2],
}

/// Shows no key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain_path", &self.chain_path).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a certificate chain and its key, both PEM.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn read(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(read(chain, key)?);
        Ok(Arc::new(Self { chain_path: chain.to_owned(), key_path: key.to_owned(), current }))
    }

    /// Reads both files again if one of them has changed; whether they had.
    ///
    /// # Errors
    /// What is wrong with them; the old pair stays in use.
    pub fn renew(&self) -> Result<bool, TlsError> {
        if self.current().changed == changed(&self.chain_path, &self.key_path) {
            return Ok(false);
        }
        let current = read(&self.chain_path, &self.key_path)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(true)
    }

    /// When the certificate ends, where it says so in the usual form.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.current().ends_at
    }

    /// What answers TLS with it.
    ///
    /// # Panics
    /// When TLS cannot be set up, which is a defect of the build: a test makes one.
    pub fn acceptor(self: &Arc<Self>) -> tokio_rustls::TlsAcceptor {
        let mut config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring knows the protocol versions that rustls was built with")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config).into()
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().key)
    }
}

fn changed(chain: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [chain, key].map(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok())
}

fn read(chain_path: &Path, key_path: &Path) -> Result<Current, TlsError> {
    let wrong = |path: &Path, why: String| TlsError { path: path.to_owned(), why };
    // Looked at before the files are read: a change in between is seen the next time.
    let changed = changed(chain_path, key_path);
    let pem = |path: &Path| {
        let bytes = bounded(path).map_err(|error| wrong(path, format!("cannot be read: {error}")))?;
        Ok::<_, TlsError>(bytes)
    };
    let (chain_pem, key_pem) = (pem(chain_path)?, pem(key_path)?);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(chain_path, format!("is no PEM: {error}")))?;
    let Some(first) = chain.first() else {
        return Err(wrong(chain_path, "holds no certificate; give the whole chain as PEM, your own first".into()));
    };
    let ends_at = ends_at(first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(key_path).map(|meta| meta.permissions().mode() & 0o777).unwrap_or(0);
        if mode & 0o007 != 0 {
            return Err(wrong(
                key_path,
                format!("everybody on this machine may use it (mode {mode:03o}); run: chmod 640"),
            ));
        }
    }
    let key =
        PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| wrong(key_path, "holds no private key as PEM".into()))?;
    let key = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
        .map_err(|error| wrong(key_path, format!("does not fit the certificate: {error}")))?;
    Ok(Current { key: Arc::new(key), ends_at, changed })
}

fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// When a certificate ends. A certificate is boxes in boxes (DER): the body's fourth box after the version is the validity,
/// and the second in it the end. Source: RFC 5280 part 4.1.
fn ends_at(certificate: &[u8]) -> Option<Timestamp> {
    let (_, whole, _) = boxed(certificate)?;
    let (_, body, _) = boxed(whole)?;
    let (tag, _, after) = boxed(body)?;
    // The version stands first, where it stands at all.
    let mut rest = if tag == 0xa0 { after } else { body };
    for _serial_algorithm_issuer in 0..3 {
        rest = boxed(rest)?.2;
    }
    let (_, validity, _) = boxed(rest)?;
    let (_, _begin, after) = boxed(validity)?;
    let (tag, end, _) = boxed(after)?;
    let digits = std::str::from_utf8(end).ok()?.strip_suffix('Z')?;
    let digits = match (tag, digits.len()) {
        // Two digits of the year: 50 to 99 are of the last century.
        (0x17, 12) if digits < "50" => format!("20{digits}"),
        (0x17, 12) => format!("19{digits}"),
        (0x18, 14) => digits.to_owned(),
        _ => return None,
    };
    let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// The first box of some bytes: its tag, what is in it, and what comes after it.
fn boxed(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}
