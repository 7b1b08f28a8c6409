//! Secrets come from the service manager's credentials, and neither the trace at its most talkative nor the log holds one, or
//! a number that was texted.

#![allow(clippy::unwrap_used)]

#[path = "rigs/notify.rs"]
mod notify;
mod running;

use callout::clock::Clock;
use notify::NotifyRig;
use running::{Council, Daemon, Http, token_for, wait_for};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

const TOKEN: &str = "a-token-of-thirty-characters-or-so";

fn secret(path: &Path, words: &str) {
    std::fs::write(path, words).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
}

#[test]
fn no_secret_and_no_number_stands_in_trace_or_log() {
    let root = tempfile::tempdir().unwrap();
    let rig = NotifyRig::open(Arc::new(Clock::System));
    let credentials = root.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    secret(&credentials.join("notify"), &notify::api_key());
    secret(&credentials.join("callback"), TOKEN);
    let sections = format!(
        "[notify]\nkey_file = \"credential:notify\"\ncallback_token_file = \"credential:callback\"\nurl = \"{}\"\n\
         sms_template = \"{}\"\nnumber = \"07700 900999\"\n",
        rig.url(),
        notify::SMS_TEMPLATE
    );
    let council = Council { sms: "via = \"notify\"".into(), limits: sections, ..Council::default() };
    let config = council.write(root.path());
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let token = token_for(&data);
    let environment = [("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()), ("RUST_LOG", "trace")];
    let mut daemon = Daemon::spawn_with(&config, &data, "127.0.0.1:0", &environment);
    assert!(daemon.listens(), "{}", daemon.evidence());
    let mut http = Http::connect(daemon.port, &token).unwrap();
    let answer = http.post("/api/v1/pages/test", None, &json!({ "person": "priya.nair" })).unwrap();
    assert_eq!(answer.status, 201, "{answer:#?}");
    let sent = wait_for("the text", || daemon.evidence(), || rig.sent().into_iter().find(|sent| sent["type"] == "sms"));
    assert_eq!(sent["phone_number"], "+447700900101");
    daemon.terminate();
    let mut texts = vec![std::fs::read(data.with_extension("trace")).unwrap()];
    for file in std::fs::read_dir(data.join("log")).unwrap() {
        texts.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    let words = sent["body"].as_str().unwrap();
    for (at, text) in texts.iter().enumerate() {
        let text = String::from_utf8_lossy(text);
        for hidden in [notify::SECRET, &notify::api_key(), TOKEN, "900101", "eyJ", words, &token] {
            assert!(!text.contains(hidden), "\"{hidden}\" stands in {}", if at == 0 { "the trace" } else { "the log" });
        }
    }
    assert!(String::from_utf8_lossy(&texts[0]).contains("was accepted"), "the trace was talkative");
}
