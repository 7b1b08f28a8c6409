//! The command line as a client of the running daemon: the same API as everybody's, with a token of this machine.

use super::{Ended, Exit, Global};
use crate::clock::Clock;
use crate::domain::time::{SignedDuration, after};
use crate::keys::InstallationKey;
use crate::transport::https;
use crate::web::scope::Scope;
use crate::web::tokens::{NewToken, TokenFile};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How long the daemon may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How long the command line's own token is good.
const OWN_TOKEN_FOR: SignedDuration = SignedDuration::from_mins(2);

/// A connection to the daemon.
pub struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// The daemon that the configuration names. `CALLOUT_TOKEN` overrides the token, `CALLOUT_URL` the address.
    ///
    /// # Errors
    /// When the configuration is wrong, or this user may not read the data directory.
    pub fn connect(global: &Global) -> Result<Self> {
        let loaded = global.load()?;
        let base = std::env::var("CALLOUT_URL").unwrap_or_else(|_| format!("http://{}", loaded.config.web.listen));
        let token = match std::env::var("CALLOUT_TOKEN") {
            Ok(token) => token,
            Err(_) => {
                let data = global.data_dir(&loaded.config);
                let key =
                    InstallationKey::open_or_create(&data).context("the command line signs in as this machine")?;
                own_token(&data, &key)?
            }
        };
        let http = https::client(ANSWER_WITHIN);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("making a run time")?;
        Ok(Self { base, token, http, runtime })
    }

    /// GET; the answer's JSON.
    ///
    /// # Errors
    /// [`Ended`] with 5 when nothing answers, with 1 when the daemon refuses.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.send(self.http.get(format!("{}{path}", self.base)))
    }

    /// POST of JSON; the answer's JSON.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body))
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        self.runtime.block_on(async {
            let answer = request.bearer_auth(&self.token).send().await.map_err(|error| {
                let why = if error.is_timeout() { "does not answer" } else { "is not reachable" };
                Ended::new(
                    Exit::NotReachable,
                    format!(
                        "callout at {} {why}; is `callout serve` running? (CALLOUT_URL names another address)",
                        self.base
                    ),
                )
            })?;
            let status = answer.status();
            let body: Value = answer.json().await.unwrap_or(Value::Null);
            if status.is_success() {
                return Ok(body);
            }
            let detail = body["detail"].as_str().or(body["title"].as_str()).unwrap_or("no reason given");
            let mut message = format!("refused ({}): {detail}", status.as_u16());
            for fault in body["errors"].as_array().into_iter().flatten() {
                let text = |key: &str| fault[key].as_str().unwrap_or_default().to_owned();
                message.push_str(&format!("\n  {}: {}; {}", text("pointer"), text("problem"), text("remedy")));
            }
            Err(Ended::new(Exit::Failed, message).into())
        })
    }
}

/// A token for this one command: whoever may read the data directory is its administrator already.
fn own_token(data: &Path, key: &InstallationKey) -> Result<String> {
    let created = Clock::System.now();
    let wanted = NewToken {
        // It stands in the log as whoever did it, and on the page as whoever opened the incident.
        name: format!("{} at the command line ({})", user(), std::process::id()),
        scopes: vec![Scope::Admin],
        created,
        expires: Some(after(created, OWN_TOKEN_FOR)),
        command: true,
    };
    TokenFile::of(data).make(key, wanted).context("the command line signs in as this machine")
}

/// Who runs the command, as the system names them.
pub fn user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned())
}
