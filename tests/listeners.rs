//! Two listeners: what the world reaches and what it does not, over every row of the route table; how often it may ask; and
//! TLS at our own door, with a certificate that is renewed while callout runs.

#![allow(clippy::unwrap_used)]

use callout::clock::Clock;
use callout::daemon::app::{App, Running, Show, Start};
use callout::daemon::engine::Storage;
use callout::daemon::listen;
use callout::transport::https;
use callout::web::routes::{Listener, ROUTES, Verb};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Nothing here waits longer, whatever goes wrong.
const SAFETY: Duration = Duration::from_secs(60);

async fn open(root: &Path, change: impl Fn(&mut callout::config::Config)) -> Running {
    let config_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
    let evening = "2026-11-22T02:00:00Z".parse().unwrap();
    let mut loaded = callout::config::load_at(&config_path, evening).unwrap();
    loaded.config.web.listen = "127.0.0.1:0".parse().unwrap();
    change(&mut loaded.config);
    let clock = Arc::new(Clock::hand(evening));
    let start = Start { loaded, config_path, data: root.join("data"), clock, storage: Storage::default() };
    App::start(start).await.unwrap().listen(Show::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_answers_exactly_the_routes_that_the_table_gives_it() {
    let root = tempfile::tempdir().unwrap();
    let running = open(root.path(), |config| {
        config.public.listen = Some("127.0.0.1:0".parse().unwrap());
        config.public.requests_per_minute = 10_000;
    })
    .await;
    let public = running.public.unwrap();
    let client = https::client(SAFETY);
    let mut answered: BTreeSet<(&str, bool)> = BTreeSet::new();
    for route in ROUTES {
        let path: Vec<&str> =
            route.path.split('/').map(|part| if part.starts_with('{') { "none" } else { part }).collect();
        for (listener, address) in [(Listener::Staff, running.address), (Listener::Public, public)] {
            let url = format!("http://{address}{}", path.join("/"));
            let request = match route.verb {
                Verb::Get => client.get(url),
                Verb::Post => client.post(url),
            };
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let body = answer.text().await.unwrap();
            // What a listener does not have is 404 with these very words, or 405 where it has the address for another verb.
            let is_none = status == 405 || (status == 404 && body.contains("there is nothing at this address"));
            if !route.path.contains('{') || !is_none {
                assert_eq!(!is_none, route.side.is_at(listener), "{} at {listener:?}: {status} {body}", route.name);
            }
            if !is_none {
                answered.insert((route.name, listener == Listener::Public));
            }
        }
    }
    let world: Vec<&str> = answered.iter().filter(|(_, public)| *public).map(|(name, _)| *name).collect();
    for name in ["healthz", "notify_receipt", "notify_text", "twilio_receipt", "twilio_text"] {
        assert!(world.contains(&name), "{name} is missing at the public listener: {world:?}");
    }
    for name in ["sign_in", "sign_in_page", "contacts_create", "metrics", "readyz", "openapi", "start", "live"] {
        assert!(!world.contains(&name), "{name} is open to the world");
        assert!(answered.contains(&(name, false)), "{name} is missing at the staff's listener");
    }
    // The browser of a stranger learns nothing either.
    let stranger = client.get(format!("http://{public}/incidents")).header("accept", "text/html").send().await.unwrap();
    assert_eq!(stranger.status(), 404);
    assert!(!stranger.text().await.unwrap().contains("sign-in"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_may_ask_so_often_and_staff_are_not_counted() {
    let root = tempfile::tempdir().unwrap();
    let running = open(root.path(), |config| {
        config.public.listen = Some("127.0.0.1:0".parse().unwrap());
        config.public.requests_per_minute = 10;
    })
    .await;
    let client = https::client(SAFETY);
    let ask = |address| {
        let client = &client;
        async move { client.get(format!("http://{address}/healthz")).send().await.unwrap().status().as_u16() }
    };
    let mut world = Vec::new();
    let mut staff = Vec::new();
    for _ in 0..30 {
        world.push(ask(running.public.unwrap()).await);
        staff.push(ask(running.address).await);
    }
    assert_eq!(world[..10], [200; 10]);
    assert!(world[10..].iter().filter(|status| **status == 429).count() >= 15, "{world:?}");
    assert!(staff.iter().all(|status| *status == 200), "{staff:?}");
    running.stop().await;
}

/// An authority of its own and a certificate for localhost, good for `days`; the authority's PEM.
fn certificate(root: &Path, days: u32) -> String {
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let days = days.to_string();
    std::fs::write(root.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    let subject = "/CN=callout test authority";
    let own = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(
        &[&["req", "-x509", "-days", &days, "-subj", subject, "-keyout", "ca.key", "-out", "ca.pem"][..], &own]
            .concat(),
    );
    openssl(&[&["req", "-subj", "/CN=localhost", "-keyout", "new.key", "-out", "own.csr"][..], &own].concat());
    openssl(&[
        "x509",
        "-req",
        "-in",
        "own.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        &days,
        "-extfile",
        "names",
        "-out",
        "new.pem",
    ]);
    for (from, to) in [("new.key", "own.key"), ("new.pem", "own.pem")] {
        std::fs::rename(root.join(from), root.join(to)).unwrap();
    }
    std::fs::set_permissions(root.join("own.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::read_to_string(root.join("ca.pem")).unwrap()
}

/// A client that trusts that authority alone.
fn trusting(authority: &str) -> reqwest::Client {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().timeout(SAFETY).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_door_speaks_tls_and_a_renewed_certificate_is_taken_up_without_a_stop() {
    if !Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: our_own_door_speaks_tls: not installed: openssl (cargo xtask packages, as root)");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let first = certificate(root.path(), 40);
    let running = open(root.path(), |config| {
        config.web.certificate = Some(root.path().join("own.pem"));
        config.web.private_key = Some(root.path().join("own.key"));
        config.web.hsts = true;
    })
    .await;
    let url = format!("https://localhost:{}/healthz", running.address.port());
    let answer = trusting(&first).get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"), "it came by https");
    let clear = https::client(SAFETY).get(format!("http://{}/healthz", running.address)).send().await;
    assert!(clear.is_err(), "nothing is said in clear: {clear:?}");
    let certificates = running.app.certificates.lock().unwrap().clone();
    let days = (certificates[0].ends_at().unwrap().as_second() - jiff::Timestamp::now().as_second()) / 86_400;
    assert!((38..=40).contains(&days), "it knows when it ends: in {days} days");

    let second = certificate(root.path(), 90);
    listen::renew(&certificates);
    assert_eq!(trusting(&second).get(&url).send().await.unwrap().status(), 200);
    assert!(trusting(&first).get(&url).send().await.is_err(), "the old one is gone");
    // A pair that does not fit together leaves the good one in use.
    std::fs::write(root.path().join("own.key"), "no key").unwrap();
    listen::renew(&certificates);
    assert_eq!(trusting(&second).get(&url).send().await.unwrap().status(), 200);
    running.stop().await;
}
