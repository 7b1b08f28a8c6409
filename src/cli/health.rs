//! `callout health`: one line for a monitor (Nagios, Zabbix, PRTG, a cron job), made of what `/readyz` says.
//!
//! It needs no token and no configuration that is right: a monitor asks it, and a wrong plan must not blind it.

use super::{Exit, Global};
use crate::transport::https;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;

/// A daemon that has not answered after this is as good as dead.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Arguments of `callout health`.
#[derive(Debug, Clone, clap::Args)]
pub struct HealthArgs {
    /// Where the daemon listens, e.g. http://127.0.0.1:8080; without it, where the configuration says
    #[arg(long, env = "CALLOUT_URL")]
    url: Option<String>,
    /// Exit codes as Nagios and its kin want them: 0 OK, 1 WARNING, 2 CRITICAL
    #[arg(long)]
    nagios: bool,
    /// The parts as JSON
    #[arg(long)]
    json: bool,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    /// Pages go out, but somebody should look.
    Finding,
    /// Nobody may be paged.
    Bad,
    /// It does not answer.
    Silent,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "OK",
            Self::Finding => "WARNING",
            Self::Bad | Self::Silent => "CRITICAL",
        }
    }

    fn exit(self, nagios: bool) -> u8 {
        match (self, nagios) {
            (Self::Well, _) => 0,
            (Self::Finding, true) => 1,
            (Self::Bad | Self::Silent, true) => 2,
            (Self::Finding, false) => Exit::Finding.into(),
            (Self::Bad, false) => Exit::Failed.into(),
            (Self::Silent, false) => Exit::NotReachable.into(),
        }
    }
}

/// Asks, and says it in one line. Gives the exit code: 0 well, 4 a finding, 1 not well, 5 silent; with `--nagios`
/// 0, 1 or 2.
///
/// # Errors
/// When `out` cannot be written, or nobody says where the daemon listens.
pub fn run(global: &Global, args: &HealthArgs, out: &mut dyn Write) -> Result<u8> {
    let base = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", global.load()?.config.web.listen),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("making a run time")?;
    let answer: Result<Value, reqwest::Error> = runtime
        .block_on(async { https::client(ANSWER_WITHIN).get(format!("{base}/readyz")).send().await?.json().await });
    let (health, line) = match &answer {
        Ok(ready) => judge(ready),
        Err(_) => (Health::Silent, format!("callout at {base} does not answer")),
    };
    match (args.json, &answer) {
        (true, Ok(ready)) => writeln!(out, "{ready:#}")?,
        _ => writeln!(out, "CALLOUT {}: {line}", health.word())?,
    }
    Ok(health.exit(args.nagios))
}

/// What the parts come to, in a line.
fn judge(ready: &Value) -> (Health, String) {
    let Some(parts) = ready["parts"].as_array() else {
        return (Health::Bad, "what answers there is not callout".to_owned());
    };
    let text = |part: &Value, key: &str| part[key].as_str().unwrap_or_default().to_owned();
    let wanting = |needed: bool| -> Vec<String> {
        let short = parts.iter().filter(|part| part["ready"] == false && part["needed"] == needed);
        short.map(|part| format!("{}: {}", text(part, "part"), text(part, "why"))).collect()
    };
    match (wanting(true), wanting(false)) {
        (bad, also) if !bad.is_empty() => (Health::Bad, [bad, also].concat().join("; ")),
        (_, findings) if !findings.is_empty() => (Health::Finding, findings.join("; ")),
        _ => {
            let core = parts.iter().find(|part| part["part"] == "core").map(|part| text(part, "why"));
            let version = text(ready, "version");
            (Health::Well, format!("callout {version} is ready, {}", core.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part(name: &str, ready: bool, needed: bool, why: &str) -> Value {
        json!({"part": name, "ready": ready, "needed": needed, "why": why})
    }

    #[test]
    fn the_worst_part_decides_and_each_that_is_wanting_is_named() {
        let (core, rota) = (part("core", true, true, "12 records"), part("rota", true, false, ""));
        let gap = part("rota", false, false, "nobody is on call as Deputy");
        let full = part("log", false, true, "the disk is full");
        let of = |parts: &[&Value]| judge(&json!({"parts": parts, "version": "0.1.0"}));
        assert_eq!(of(&[&core, &rota]), (Health::Well, "callout 0.1.0 is ready, 12 records".into()));
        assert_eq!(of(&[&core, &gap]), (Health::Finding, "rota: nobody is on call as Deputy".into()));
        let both = "log: the disk is full; rota: nobody is on call as Deputy";
        assert_eq!(of(&[&core, &gap, &full]), (Health::Bad, both.into()));
        assert_eq!(judge(&json!({"hello": 1})).0, Health::Bad);
        assert_eq!([Health::Well, Health::Finding, Health::Bad, Health::Silent].map(|h| h.exit(true)), [0, 1, 2, 2]);
        assert_eq!([Health::Well, Health::Finding, Health::Bad, Health::Silent].map(|h| h.exit(false)), [0, 4, 1, 5]);
    }
}
