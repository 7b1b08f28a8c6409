//! Extra voices: a webhook for other systems (Standard Webhooks) and a channel of Microsoft Teams (Workflows).
//!
//! Both are addresses that a settings file names, and an address is a way to make callout talk to something inside the
//! council's network that should not hear it. So: https only, no redirects, no proxy, and the name must lead to public
//! addresses, which is looked at in the moment of connecting, not before; `allow_private = true` opens that for a receiver
//! of the council's own.
//!
//! Source of the forms: the Standard Webhooks specification (id, timestamp and body under HMAC-SHA256); Microsoft's "Post
//! to a channel when a webhook request is received" and its adaptive cards.
//! Not here: what is said and how often it is tried ([`crate::domain::voice`]).

use super::SendOutcome;
use super::config::{Secret, SetupProblem, check_timeout};
use super::https;
use crate::config::VoicesConfig;
use crate::domain::time::Timestamp;
use crate::domain::voice::Announcement;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Fewest bytes of the webhook's secret. Source: Standard Webhooks asks for 24 to 64.
const SECRET_BYTES_MIN: usize = 24;

/// One voice.
pub struct Voice {
    name: &'static str,
    client: reqwest::Client,
    url: Url,
    form: Form,
    /// The beginning of the console's address, for links.
    public_url: String,
    timeout: Duration,
}

enum Form {
    Webhook { secret: Vec<u8> },
    Teams,
}

/// Shows neither address nor secret: an address of Teams is one.
impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voice({}, ***)", self.name)
    }
}

impl Voice {
    /// The voices of the settings, or everything that is wrong with them. Connects to nothing.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn all(config: &VoicesConfig, public_url: &str) -> Result<Vec<Self>, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        check_timeout("voices.timeout_s", config.timeout_s, &mut problems);
        let timeout = Duration::from_secs(config.timeout_s);
        let mut voices = Vec::new();
        let mut voice = |name, url: Option<Url>, form: Option<Form>| {
            if let (Some(url), Some(form)) = (url, form) {
                let (client, public_url) = (client(config.allow_private, timeout), public_url.to_owned());
                voices.push(Self { name, client, url, form, public_url, timeout });
            }
        };
        match (&config.webhook_url, &config.webhook_secret_file) {
            (None, None) => {}
            (Some(url), Some(path)) => {
                let url = address("voices.webhook_url", url, config.allow_private, &mut problems);
                let secret =
                    Secret::read("voices.webhook_secret_file", path).and_then(|secret| webhook_secret(&secret));
                let secret = secret.map_err(|problem| problems.push(problem)).ok();
                voice("webhook", url, secret.map(|secret| Form::Webhook { secret }));
            }
            _ => problems.push(SetupProblem::new(
                "voices.webhook_url",
                "webhook_url and webhook_secret_file belong together, and only one is set",
                "set both: a receiver must be able to check that it is callout who speaks",
            )),
        }
        if let Some(path) = &config.teams_url_file {
            let url = Secret::read("voices.teams_url_file", path).map_err(|problem| problems.push(problem)).ok();
            let url =
                url.and_then(|url| address("voices.teams_url_file", url.expose(), config.allow_private, &mut problems));
            voice("teams", url, Some(Form::Teams));
        }
        if problems.is_empty() { Ok(voices) } else { Err(problems) }
    }

    /// Its name: `webhook` or `teams`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Says one thing once.
    pub async fn say(&self, what: &Announcement, now: Timestamp) -> SendOutcome {
        let link = format!("{}/incidents/{}", self.public_url.trim_end_matches('/'), what.incident);
        let body = match &self.form {
            Form::Webhook { .. } => plain(what, &link),
            Form::Teams => card(what, &link),
        }
        .to_string();
        let mut request = self.client.post(self.url.clone()).header(reqwest::header::CONTENT_TYPE, "application/json");
        if let Form::Webhook { secret } = &self.form {
            // The same for each attempt: a receiver that heard it already knows.
            let id = format!("callout_{}_{}", what.at.as_millisecond(), what.seq.0);
            let signature = signature(secret, &id, now.as_second(), &body);
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", now.as_second())
                .header("webhook-signature", signature);
        }
        match https::ask(request.body(body), self.name, self.timeout).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                SendOutcome::Accepted { detail: answer.status.to_string() }
            }
            Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                SendOutcome::Retryable { why: answer.status.to_string() }
            }
            Ok(answer) => SendOutcome::Refused { why: answer.status.to_string(), fault: super::Fault::Service },
            Err(outcome) => outcome,
        }
    }
}

fn plain(what: &Announcement, link: &str) -> Value {
    json!({
        "type": what.happening.as_str(),
        "timestamp": what.at.to_string(),
        "data": {
            "incident": what.incident.to_string(), "topic": what.topic, "severity": u8::from(what.severity),
            "exercise": what.exercise, "words": what.words, "url": link, "entry": what.seq.0,
        },
    })
}

fn card(what: &Announcement, link: &str) -> Value {
    let facts = json!([
        { "title": "Severity", "value": u8::from(what.severity).to_string() },
        { "title": "At", "value": what.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string() },
    ]);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
                "body": [
                    { "type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": true, "text": what.words },
                    { "type": "FactSet", "facts": facts },
                ],
                "actions": [{ "type": "Action.OpenUrl", "title": "Open the incident", "url": link }],
            },
        }],
    })
}

/// The signature of a webhook: `v1,` and base 64 of an HMAC-SHA256 over id, timestamp and body.
fn signature(secret: &[u8], id: &str, timestamp_s: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The bytes of `whsec_` and base 64.
fn webhook_secret(secret: &Secret) -> Result<Vec<u8>, SetupProblem> {
    let bytes = secret.expose().strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    bytes.filter(|bytes| bytes.len() >= SECRET_BYTES_MIN).ok_or_else(|| {
        SetupProblem::new(
            "voices.webhook_secret_file",
            format!("it should hold whsec_ and base 64 of {SECRET_BYTES_MIN} bytes or more"),
            "echo whsec_$(openssl rand -base64 32)",
        )
    })
}

/// An address that may be spoken to; never printed, since it may hold a secret.
fn address(key: &'static str, given: &str, allow_private: bool, problems: &mut Vec<SetupProblem>) -> Option<Url> {
    let why = match Url::parse(given) {
        Err(_) => "it is no address",
        Ok(url) if url.scheme() != "https" && !allow_private => "it must begin with https://",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "it holds a user or a password",
        Ok(url) => match url.host_str() {
            None => "it names no host",
            Some(host) => match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
                Ok(ip) if !allow_private && !is_public(ip) => "it leads into a private network",
                _ => return Some(url),
            },
        },
    };
    let help = "give the receiver's public https address; for one of your own network, set allow_private = true";
    problems.push(SetupProblem::new(key, why, help));
    None
}

fn client(allow_private: bool, timeout: Duration) -> reqwest::Client {
    let builder = https::builder().no_proxy().pool_max_idle_per_host(0).connect_timeout(timeout / 3);
    let builder = if allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
    builder.build().expect("a client of constants can be made, as a test shows")
}

/// Looks names up, and knows public addresses only.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.into_iter().filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of the public internet. Source: the special-purpose registries of RFC 6890.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            !(a == 0
                || a == 10
                || a == 127
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 169 && b == 254)
                || (a == 172 && (16..32).contains(&b))
                || (a == 192 && b == 168)
                || (a == 192 && b == 0 && (c == 0 || c == 2))
                || (a == 198 && (b == 18 || b == 19 || (b == 51 && c == 100)))
                || (a == 203 && b == 0 && c == 113))
        }
        // What is public begins with 2000::/3; of that, documentation, and the tunnels that hold an IPv4 address.
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            ip != Ipv6Addr::UNSPECIFIED
                && (0x2000..0x4000).contains(&a)
                && !(a == 0x2001 && (b == 0 || b == 0x0db8))
                && a != 0x2002
                && !(a == 0x3fff && b < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::{IncidentId, Seq};
    use crate::domain::playbook::Severity;
    use crate::domain::voice::Happening;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn config(root: &std::path::Path, url: &str) -> VoicesConfig {
        let file = |name: &str, words: &str| {
            let path = root.join(name);
            std::fs::write(&path, words).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            Some(path)
        };
        VoicesConfig {
            webhook_url: Some(url.to_owned()),
            webhook_secret_file: file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"),
            teams_url_file: file("teams", url),
            ..VoicesConfig::default()
        }
    }

    fn opened() -> Announcement {
        Announcement {
            seq: Seq(42),
            at: "2026-11-22T02:00:00Z".parse().unwrap(),
            happening: Happening::Opened,
            incident: IncidentId(42),
            topic: "flooding".into(),
            severity: Severity::Wake,
            exercise: false,
            words: "INC-42 flooding: opened".into(),
        }
    }

    #[test]
    fn the_signature_is_that_of_the_specifications_own_example() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn nothing_inside_the_network_is_spoken_to_unless_that_was_said() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450:4009::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        let root = tempfile::tempdir().unwrap();
        for url in [
            "http://hooks.example.org/x",
            "https://127.0.0.1/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://user:pw@hooks.example.org/x",
            "nonsense",
        ] {
            let told = Voice::all(&config(root.path(), url), "https://desk.example.gov.uk").unwrap_err();
            assert_eq!(told.len(), 2, "{url}: webhook and Teams alike: {told:?}");
            assert!(told.iter().all(|problem| !problem.to_string().contains("pw@")), "{told:?}");
        }
        let voices =
            Voice::all(&config(root.path(), "https://hooks.example.org/x"), "https://desk.example.gov.uk").unwrap();
        assert_eq!(format!("{voices:?}"), "[Voice(webhook, ***), Voice(teams, ***)]");
    }

    #[tokio::test]
    async fn a_name_that_leads_into_the_network_is_found_out_when_connecting() {
        let root = tempfile::tempdir().unwrap();
        let voices = Voice::all(&config(root.path(), "https://localhost/x"), "https://desk.example.gov.uk").unwrap();
        let outcome = voices[0].say(&opened(), opened().at).await;
        let SendOutcome::Retryable { why } = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("no public address"), "{why}");
    }

    #[tokio::test]
    async fn what_is_said_is_signed_and_holds_a_link() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let hearing = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            let mut piece = [0; 4096];
            while !heard.contains("\"type\":\"incident.opened\"") {
                let length = stream.read(&mut piece).await.unwrap();
                heard += &String::from_utf8_lossy(&piece[..length]);
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
            heard
        });
        let root = tempfile::tempdir().unwrap();
        let config = VoicesConfig { allow_private: true, teams_url_file: None, ..config(root.path(), &url) };
        let voices = Voice::all(&config, "https://desk.example.gov.uk/").unwrap();
        let outcome = voices[0].say(&opened(), opened().at).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
        let heard = hearing.await.unwrap();
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(body.contains("https://desk.example.gov.uk/incidents/INC-42"), "{body}");
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = format!("callout_{}_42", opened().at.as_millisecond());
        assert!(head.contains(&format!("webhook-id: {id}")), "{head}");
        assert!(head.contains(&signature(&secret, &id, opened().at.as_second(), body)), "{head}");
        assert_eq!(card(&opened(), "x")["attachments"][0]["content"]["type"], "AdaptiveCard");
    }
}
