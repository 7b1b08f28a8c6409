//! A server on a real socket, and the whole of callout behind it in a directory of its own.
#![allow(dead_code, missing_docs, reason = "each test file uses its part of the rig")]

use callout::clock::Clock;
use callout::daemon::app::{App as Daemon, Show, Start};
use callout::daemon::engine::Storage;
use callout::domain::time::Timestamp;
use callout::incoming::GatewayReader;
use callout::web::app::{App, AppParts};
use callout::web::limits::Limits;
use callout::web::routes::{Listener, router};
use callout::web::scope::Scope;
use callout::web::serve::{Routes, Server};
use callout::web::tokens::{NewToken, TokenFile};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Nothing here waits longer, whatever goes wrong.
pub const SAFETY: Duration = Duration::from_secs(60);

/// The evening at which the tests play: a Sunday, 02:00.
pub fn evening() -> Timestamp {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

/// A server with these routes and limits.
pub struct Site {
    pub address: SocketAddr,
    pub stop: watch::Sender<bool>,
    pub serving: tokio::task::JoinHandle<()>,
}

impl Site {
    pub async fn open(routes: Routes, limits: Limits, stop: watch::Sender<bool>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server {
            limits: Arc::new(limits),
            routes,
            observe: Arc::new(|_| ()),
            doorkeeper: Default::default(),
            tls: None,
            turnstile: None,
        };
        let serving = tokio::spawn(server.serve(listener, stop.subscribe(), Duration::from_secs(5)));
        Self { address, stop, serving }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Everything that comes until the other side closes.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = tokio::time::timeout(SAFETY, stream.read_to_end(&mut all)).await.expect("the server closes");
    // A reset after the answer is an end too.
    let _ = read;
    String::from_utf8_lossy(&all).into_owned()
}

/// callout with its API, in a directory of its own.
pub struct Desk {
    pub site: Site,
    pub daemon: Daemon,
    pub app: Arc<App>,
    pub data: tempfile::TempDir,
    pub client: reqwest::Client,
}

impl Desk {
    pub async fn open() -> Self {
        Self::open_with(Limits { per_address_max: 1_000, ..Limits::default() }).await
    }

    pub async fn open_with(limits: Limits) -> Self {
        Self::open_on(tempfile::tempdir().unwrap(), Storage::default(), limits).await
    }

    /// In that directory.
    pub async fn open_on(data: tempfile::TempDir, storage: Storage, limits: Limits) -> Self {
        let config_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
        let loaded = callout::config::load_at(&config_path, evening()).unwrap();
        let clock = Arc::new(Clock::hand(evening()));
        let start = Start { loaded, config_path, data: data.path().to_owned(), clock, storage };
        let daemon = Daemon::start(start).await.unwrap();
        let stop = watch::Sender::new(false);
        // As the daemon listens, but with the test's own limits.
        let app = App::build(AppParts {
            data: data.path(),
            door: daemon.engine.door.clone(),
            intake: Arc::new(daemon.intake()),
            gateway: Arc::clone(&daemon.callbacks) as Arc<dyn GatewayReader>,
            text_back: daemon.text_back(),
            land: Arc::clone(&daemon.land) as Arc<dyn callout::land::Land>,
            keys: daemon.key.clone(),
            clock: Arc::clone(&daemon.clock),
            people: daemon.people.subscribe(),
            put_people: daemon.people.clone(),
            limits: limits.clone(),
            parts: callout::daemon::health::parts(&daemon),
            demo_users: Vec::new(),
            desk: callout::daemon::desk::desk(&daemon, &Show::default()),
            stop: stop.subscribe(),
        });
        let site = Site::open(router(&app, Listener::Only), limits, stop).await;
        // No redirects: a sign-in's answer is looked at itself.
        let client = callout::transport::https::client(SAFETY);
        Self { site, daemon, app, data, client }
    }

    pub fn token(&self, name: &str, scopes: &[Scope]) -> String {
        let wanted = NewToken {
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            created: evening(),
            expires: None,
            command: false,
        };
        TokenFile::of(self.data.path()).make(&self.daemon.key, wanted).unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.site.address)
    }

    /// POSTs JSON; the status and what came back.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.client.post(self.url(path)).bearer_auth(token).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        let answer = self.client.get(self.url(path)).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }
}

pub fn flooding(n: u32) -> Value {
    json!({
        "channel": "phone", "source_id": format!("CAS-{n}"), "received_at": "2026-11-22T02:00:00Z",
        "text": "the road is flooded, water is coming into the house", "easting": 380_376, "northing": 410_712 + n,
        "caller": {"name": "Canary Caller", "phone": "07700 900123"},
    })
}
