//! People and rota put into force by a command: what it shows, what the log holds of it, and that it is there after a
//! restart, whatever the files say then.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "rigs/desk.rs"]
mod desk;

use callout::clock::Clock;
use callout::daemon::app::{App as Daemon, Start};
use callout::domain::id::{PersonId, RoleId};
use callout::web::scope::Scope;
use desk::{Desk, evening};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

async fn post(desk: &Desk, token: &str, body: &Value) -> (u16, Value) {
    desk.post(token, "/api/v1/rota", body).await
}

fn sample(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(file)).unwrap()
}

/// The sample's rota, with Dafydd Price standing in for the duty officer the next evening.
fn edition() -> String {
    sample("rota.toml")
        + "\n# Priya is at a funeral.\n[[override]]\nrole = \"duty_officer\"\nperson = \"dafydd.price\"\n\
           from = 2026-11-22T18:00:00\nto = 2026-11-23T08:00:00\nwhy = \"a funeral\"\n"
}

#[tokio::test]
async fn an_edition_is_shown_then_recorded_and_is_in_force_after_a_restart() {
    let desk = Desk::open().await;
    let token = desk.token("planner", &[Scope::Admin]);

    // Shown, and nothing is changed.
    let (status, shown) = post(&desk, &token, &json!({ "rota": edition(), "dry_run": true })).await;
    assert_eq!((status, shown["result"].as_str()), (200, Some("shown")), "{shown}");
    let differences: Vec<&str> = shown["differences"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
    assert_eq!(differences, ["duty_officer Sun 22 Nov 18:00 to Mon 23 Nov 08:00: priya.nair -> dafydd.price"]);
    let (_, same) = post(&desk, &token, &json!({ "rota": sample("rota.toml") })).await;
    assert_eq!(same["result"], "same", "the files were applied by themselves on the first start");

    // A slip is told with its place, and nothing is changed.
    let slip = edition().replace("from = 2026-11-22T18:00:00", "from = tomorrow");
    let (_, wrong) = post(&desk, &token, &json!({ "rota": slip })).await;
    assert_eq!(wrong["result"], "wrong", "{wrong}");

    // In force, with another number for somebody.
    let people = sample("people.toml").replace("+447700900104", "+447700900904");
    let (_, applied) = post(&desk, &token, &json!({ "rota": edition(), "people": people })).await;
    assert_eq!(applied["result"], "applied", "{applied}");
    assert!(applied["differences"].to_string().contains("person dafydd.price: another name, number or address"));
    assert!(!applied.to_string().contains("7700"), "no number is repeated: {applied}");
    let (duty, at) = (RoleId::from("duty_officer"), "2026-11-22T20:00:00Z".parse().unwrap());
    let on_call = |desk: &Desk| desk.app.view().policy.in_force.as_ref().unwrap().rota.on_call(&duty, at);
    assert_eq!(on_call(&desk), [PersonId::from("dafydd.price")]);

    // The file comes back as it was given; the log has no remark, name or number.
    let (_, file) = desk.get(&token, "/api/v1/rota/file").await;
    assert_eq!(
        (file["rota"].as_str().unwrap(), file["people"].as_str().unwrap()),
        (edition().as_str(), people.as_str())
    );
    let lines = desk.app.door.records().lines(callout::domain::id::Seq(1), 1_000);
    let log: String = lines.iter().map(|line| line.json.as_str()).collect();
    assert!(log.contains("roster_applied") && log.contains("dafydd.price"));
    for personal in ["funeral", "Dafydd Price", "900904", "900104"] {
        assert!(!log.contains(personal), "the log holds {personal}");
    }

    // Only administrators.
    let reader = desk.token("reader", &[Scope::Read]);
    assert_eq!(post(&desk, &reader, &json!({ "rota": edition() })).await.0, 403);

    // After a restart with the old files, what was applied counts.
    let Desk { site, daemon, app, data, .. } = desk;
    drop((site, app));
    daemon.stop(std::time::Duration::from_secs(20)).await;
    let config_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/callout.toml");
    let loaded = callout::config::load_at(&config_path, evening()).unwrap();
    let clock = Arc::new(Clock::hand(evening()));
    let storage = callout::daemon::engine::Storage::default();
    let start = Start { loaded, config_path, data: data.path().to_owned(), clock, storage };
    let daemon = Daemon::start(start).await.unwrap();
    let view = daemon.engine.door.view();
    assert_eq!(view.policy.in_force.as_ref().unwrap().rota.on_call(&duty, at), [PersonId::from("dafydd.price")]);
    let people = daemon.people.borrow().clone();
    assert_eq!(people.details[&PersonId::from("dafydd.price")].mobile.as_deref(), Some("+447700900904"));
    daemon.reload().await.unwrap();
    let view = daemon.engine.door.view();
    assert_eq!(view.policy.in_force.as_ref().unwrap().rota.on_call(&duty, at), [PersonId::from("dafydd.price")]);
    assert_eq!(daemon.people.borrow().details, people.details);
    daemon.stop(std::time::Duration::from_secs(20)).await;
}
