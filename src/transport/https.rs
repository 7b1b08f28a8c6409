//! HTTP clients that reach outside suppliers, with TLS by rustls and ring and the web's own roots, as email has them.
//!
//! Not here: what is said to whom.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_with_tls_can_be_made() {
        let client = super::client(std::time::Duration::from_secs(1));
        assert!(format!("{client:?}").contains("Client"));
    }
}
