//! Extra voices beside the pages: a webhook hears of an incident, in its order; one that hears nothing holds up no page.

#![allow(clippy::unwrap_used)]

use callout::clock::Clock;
use callout::daemon::app::{App, Running, Show, Start};
use callout::daemon::engine::Storage;
use callout::domain::event::{Answer, Author, DetailClass, Event, Sealed, Via};
use callout::domain::id::{IncidentId, Tag};
use callout::domain::playbook::Severity;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Nothing here waits longer, whatever goes wrong.
const SAFETY: Duration = Duration::from_secs(60);

async fn open(root: &Path, receiver: SocketAddr) -> Running {
    let config_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
    let evening = "2026-11-22T02:00:00Z".parse().unwrap();
    let mut loaded = callout::config::load_at(&config_path, evening).unwrap();
    let secret = root.join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = &mut loaded.config;
    config.web.listen = "127.0.0.1:0".parse().unwrap();
    config.voices.webhook_url = Some(format!("http://{receiver}/hook"));
    config.voices.webhook_secret_file = Some(secret);
    config.voices.allow_private = true;
    let clock = Arc::new(Clock::hand(evening));
    let start = Start { loaded, config_path, data: root.join("data"), clock, storage: Storage::default() };
    App::start(start).await.unwrap().listen(Show::default()).await.unwrap()
}

/// Takes every request and tells its body.
fn hear(listener: TcpListener) -> Receiver<serde_json::Value> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut heard = Vec::new();
            let mut piece = [0; 4096];
            let body = loop {
                let length = stream.read(&mut piece).unwrap_or(0);
                heard.extend_from_slice(&piece[..length]);
                let text = String::from_utf8_lossy(&heard).into_owned();
                let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
                if body.is_some() || length == 0 {
                    break body;
                }
            };
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if let Some(body) = body {
                let _ = tell.send(body);
            }
        }
    });
    told
}

fn by() -> Author {
    Author { who: "helen.acheson".into(), via: Via::Console }
}

fn reason() -> Sealed {
    Sealed::new([7; 16], DetailClass::Incident, br#"{"text":"a caller named Canary"}"#.to_vec())
}

async fn incident(running: &Running) -> IncidentId {
    let event = Event::IncidentOpened {
        topic: Tag::from("flooding"),
        severity: Severity::Wake,
        place: None,
        exercise: false,
        by: by(),
        reason: reason(),
    };
    let Answer::Incident(incident) = running.app.engine.tell(event).await.unwrap() else {
        panic!("an incident is opened")
    };
    incident
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_what_happened_in_its_order_and_nothing_personal() {
    let root = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = hear(listener);
    let running = open(root.path(), address).await;
    let incident = incident(&running).await;
    let stood_down = Event::StoodDown { incident, by: by(), reason: reason() };
    running.app.engine.tell(stood_down).await.unwrap();
    let first = told.recv_timeout(SAFETY).unwrap();
    let second = told.recv_timeout(SAFETY).unwrap();
    assert_eq!((&first["type"], &second["type"]), (&"incident.opened".into(), &"incident.stood_down".into()));
    assert_eq!(first["data"]["incident"], incident.to_string());
    assert_eq!(first["data"]["words"], format!("{incident} flooding: opened"));
    assert!(!format!("{first}{second}").contains("Canary"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_nobody_hears_holds_up_no_page() {
    let root = tempfile::tempdir().unwrap();
    // Taken and let go: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = open(root.path(), address).await;
    let event = Event::PlaybookActivated {
        incident: None,
        playbook: "surface-water-flooding".into(),
        by: by(),
        reason: reason(),
        exercise: false,
    };
    running.app.engine.tell(event).await.unwrap();
    let mut changes = running.app.engine.door.changes();
    let all_sent = changes.wait_for(|view| {
        !view.paging.pages.is_empty() && view.paging.pages.values().all(|page| page.outcome.is_some())
    });
    let sent = tokio::time::timeout(SAFETY, all_sent).await.is_ok_and(|sent| sent.is_ok());
    assert!(sent, "the pages go, whoever else is not there");
    running.stop().await;
}
