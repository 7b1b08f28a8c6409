//! The API as other systems and people meet it: real sockets, a real log, pages into a captured outbox.
#![allow(clippy::unwrap_used)]

#[path = "rigs/desk.rs"]
mod desk;

use callout::web::limits::Limits;
use callout::web::routes::{Action, Allow, ROUTES, Verb};
use callout::web::scope::{Role, Scope};
use callout::web::tokens::TokenFile;
use desk::{Desk, SAFETY, evening, flooding, rest};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_answered_when_durable_and_answered_the_same_when_it_comes_again() {
    let desk = Desk::open().await;
    let token = desk.token("crm", &[Scope::ContactsWrite]);
    let (status, first) = desk.post(&token, "/api/v1/contacts", &flooding(1)).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(first["counted_towards"], json!(["all", "channel/phone", "tag/flooding"]), "{first}");
    assert_eq!(first["responsible_body"], Value::Null, "without layers the answer is an explicit unknown");
    let again =
        desk.client.post(desk.url("/api/v1/contacts")).bearer_auth(&token).json(&flooding(1)).send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replay"], "true");
    assert_eq!((again.status().as_u16(), again.json::<Value>().await.unwrap()), (201, first));
    let lines: String = (2..5).map(|n| format!("{}\n", flooding(n))).collect();
    let batch = desk.client.post(desk.url("/api/v1/contacts")).bearer_auth(&token);
    let batch = batch.header("content-type", "application/x-ndjson").header("idempotency-key", "b-1").body(lines);
    let batch: Value = batch.send().await.unwrap().json().await.unwrap();
    assert_eq!(batch["contacts"].as_array().unwrap().len(), 3);
    let log: String = std::fs::read_dir(desk.data.path().join("log"))
        .unwrap()
        .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
        .collect();
    assert!(
        log.contains("contact_taken") && !log.contains("Canary") && !log.contains("900123"),
        "no person in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_a_fault_takes_nothing_and_says_where_to_mend_it() {
    let desk = Desk::open().await;
    let token = desk.token("crm", &[Scope::ContactsWrite]);
    let before = desk.daemon.engine.door.view().head;
    let (status, problem) =
        desk.post(&token, "/api/v1/contacts", &json!([{"channel": "sms"}, {"chanel": "sms", "wait_s": -1}])).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:callout:problem:fields")));
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["/1/chanel", "/1", "/1/wait_s"]);
    assert!(problem["errors"][0]["position"]["column"].as_u64().unwrap() > 1);
    let broken = desk.client.post(desk.url("/api/v1/contacts")).bearer_auth(&token);
    let broken = broken.header("content-type", "application/json").body("{\"channel\": }").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(broken.headers()["content-type"], "application/problem+json");
    assert_eq!(desk.daemon.engine.door.view().head, before, "nothing was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_counts_count_once_are_shown_and_their_slips_are_told() {
    let desk = Desk::open().await;
    let (telephony, reader) = (desk.token("telephony", &[Scope::ContactsWrite]), desk.token("reader", &[Scope::Read]));
    let from = evening() - callout::domain::time::SignedDuration::from_mins(15);
    let counts = json!({"queue": "main", "from": from.to_string(), "interval_s": 900, "offered": 40, "answered": 30,
                        "abandoned": 10, "mean_wait_s": 71});
    let (status, first) = desk.post(&telephony, "/api/v1/queue-stats", &counts).await;
    assert_eq!((status, first["queue"].as_str()), (201, Some("telephony/main")), "{first}");
    let (status, again) = desk.post(&telephony, "/api/v1/queue-stats", &json!([counts])).await;
    assert_eq!((status, again["intervals"][0]["known"].as_bool()), (201, Some(true)), "{again}");
    let kept = |view: &callout::domain::state::View| view.queues.by_name["telephony/main"].intervals.len();
    assert_eq!(kept(&desk.daemon.engine.door.view()), 1, "the same interval again is no news");
    let (status, problem) =
        desk.post(&telephony, "/api/v1/queue-stats", &json!({"queue": "main", "ofered": 4, "interval_s": "x"})).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:callout:problem:fields")));
    assert_eq!(problem["errors"][0]["remedy"], "did you mean \"offered\"?");
    let feeds: Value = desk.get(&reader, "/api/v1/feeds").await.1;
    assert_eq!(feeds["queues"][0]["level"]["verdict"], "short", "{feeds}");
    assert_eq!(feeds["feeds"][0]["name"], "queue/telephony/main");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_body_is_refused_at_once_announced_or_not() {
    let desk = Desk::open().await;
    let token = desk.token("crm", &[Scope::ContactsWrite]);
    let head = format!(
        "POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    // Announced: refused before a byte of it was sent.
    let mut announced = desk.site.connect().await;
    announced.write_all(format!("{head}Content-Length: 200000000\r\n\r\n").as_bytes()).await.unwrap();
    let answer = rest(&mut announced).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // In chunks: refused as soon as it has become too large.
    let chunked = desk.site.connect().await;
    let (mut read, mut write) = chunked.into_split();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 65_536], b"\r\n"].concat();
    let sending = tokio::spawn(async move {
        write.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
        let mut sent = 0;
        while sent < 200_000_000 && write.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(SAFETY, read.read_to_end(&mut answer)).await.expect("the server closes");
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    let sent = sending.await.unwrap();
    assert!(sent < 20_000_000, "{sent} bytes were sent before the connection ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_given_up() {
    let limits = Limits { body_timeout: Duration::from_millis(200), ..Limits::default() };
    let desk = Desk::open_with(limits).await;
    let token = desk.token("crm", &[Scope::ContactsWrite]);
    let mut slow = desk.site.connect().await;
    let head = format!(
        "POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 50\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("urn:callout:problem:body-too-slow"), "{answer}");
}

/// Who may do what, from the route table: every route by everybody, and nobody by more than the table says.
#[tokio::test(flavor = "multi_thread")]
async fn each_route_is_open_to_exactly_those_that_the_table_names() {
    let desk = Desk::open().await;
    let tokens: Vec<(Scope, String)> =
        Scope::ALL.map(|scope| (scope, desk.token(&scope.as_str().replace(':', "-"), &[scope]))).into();
    let ended = {
        let token = desk.token("ended", &Scope::ALL);
        TokenFile::of(desk.data.path()).revoke("ended").unwrap();
        token
    };
    for route in ROUTES {
        let path = route
            .path
            .replace("{incident}", "INC-999999")
            .replace("{task}", "T-999999")
            .replace("{page}", "P-999999")
            .replace("{warning}", "W-999999")
            .replace("{secret}", "wrong")
            .replace("{token}", "p1-wrong")
            .replace("{name}", "none.css")
            .replace("{mark}", "999999")
            .replace("{correction}", "999999")
            .replace("{point}", "380376,410712")
            .replace("{postcode}", "WX24QD");
        let ask = |token: Option<&str>| {
            let request = match route.verb {
                Verb::Get => desk.client.get(desk.url(&path)),
                Verb::Post => desk.client.post(desk.url(&path)),
            };
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            async { request.send().await.unwrap().status().as_u16() }
        };
        // A page sends whoever is not signed in to the sign-in; a form's own refusals are pages.
        let unknown = if matches!(route.action, Action::Page(_)) { 303 } else { 401 };
        match route.allow {
            Allow::Everybody => {
                assert!(![401, 403].contains(&ask(None).await) || route.name == "sign_in", "{}", route.name);
            }
            Allow::PathSecret | Allow::Supplier => {
                let status = ask(None).await;
                assert!(!(200..300).contains(&status), "{}: a wrong secret opens nothing: {status}", route.name);
            }
            Allow::AnyOf(scopes) => {
                for nobody in [None, Some("callout_"), Some("rubbish"), Some(ended.as_str())] {
                    assert_eq!(ask(nobody).await, unknown, "{} with {nobody:?}", route.name);
                }
                for (scope, token) in &tokens {
                    let status = ask(Some(token)).await;
                    let may = scopes.contains(scope) || *scope == Scope::Admin;
                    assert_eq!(status != 403 && status != 401, may, "{} with {scope}: {status}", route.name);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_looks_changes_nothing() {
    // A link in an email is opened by scanners, previews and thumbs: with a real incident and a real page there, every
    // address is looked at by somebody who may do everything, and the record does not grow.
    use callout::domain::reply_code;
    let desk = Desk::open().await;
    let token = desk.token("administrator", &[Scope::Admin]);
    let wanted = json!({ "playbook": "surface-water-flooding", "reason": "water over the kerb" });
    let (status, incident) = desk.post(&token, "/api/v1/incidents", &wanted).await;
    assert_eq!(status, 201, "{incident}");
    let incident = incident["incident"].as_str().unwrap().to_owned();
    let mut view = desk.daemon.engine.door.changes();
    let settled = view.wait_for(|view| {
        !view.paging.pages.is_empty() && view.paging.pages.values().all(|page| page.outcome.is_some())
    });
    let settled = tokio::time::timeout(SAFETY, settled).await.expect("the pages have an outcome").unwrap().clone();
    let page = *settled.paging.pages.keys().next().unwrap();
    let mut seen = 0;
    for route in ROUTES.iter().filter(|route| route.verb == Verb::Get) {
        let path = route
            .path
            .replace("{incident}", &incident)
            .replace("{token}", &reply_code::token(desk.daemon.key.bytes(), page))
            .replace("{secret}", "wrong")
            .replace("{name}", "app.css")
            .replace("{point}", "380376,410712")
            .replace("{postcode}", "WX24QD");
        assert!(!path.contains('{'), "{path}: say what stands for it");
        for request in [desk.client.get(desk.url(&path)), desk.client.head(desk.url(&path))] {
            let status = request.bearer_auth(&token).send().await.unwrap().status().as_u16();
            seen += u32::from(status == 200);
            assert!(status < 500, "{path}: {status}");
        }
    }
    assert!(seen > 30, "most were really seen: {seen}");
    // A write after them all is the next record: nothing came between.
    let (status, entry) =
        desk.post(&token, &format!("/api/v1/incidents/{incident}/notes"), &json!({"text": "seen"})).await;
    assert!(status < 300, "{entry}");
    assert_eq!(desk.daemon.engine.door.view().head.0, settled.head.0 + 1, "a GET or HEAD wrote something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_or_method_is_told_in_the_same_form() {
    let desk = Desk::open().await;
    let (status, problem) = desk.get("", "/api/v1/nothing").await;
    assert_eq!((status, problem["type"].as_str()), (404, Some("urn:callout:problem:not-found")));
    let answer = desk.client.delete(desk.url("/api/v1/incidents/INC-4")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    let token = desk.token("crm", &[Scope::ContactsWrite]);
    let xml = desk.client.post(desk.url("/api/v1/contacts")).bearer_auth(&token).header("content-type", "text/xml");
    assert_eq!(xml.body("<x/>").send().await.unwrap().status(), 415);
    let head = desk.client.head(desk.url("/healthz")).send().await.unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_flooding_opens_an_incident_that_people_run_to_its_end() {
    let desk = Desk::open().await;
    let crm = desk.token("crm", &[Scope::ContactsWrite]);
    let officer = desk.token("officer", &[Scope::IncidentsWrite, Scope::Read]);
    let burst: Vec<Value> = (1..=8).map(flooding).collect();
    let (status, _) = desk.post(&crm, "/api/v1/contacts", &json!(burst)).await;
    assert_eq!(status, 201);
    let (_, list) = desk.get(&officer, "/api/v1/incidents").await;
    let incident =
        list["incidents"][0]["id"].as_str().unwrap_or_else(|| panic!("an incident is open: {list}")).to_owned();
    let (status, note) = desk
        .post(&officer, &format!("/api/v1/incidents/{incident}/notes"), &json!({"text": "Crew sent to Mill Lane"}))
        .await;
    assert_eq!(status, 201, "{note}");
    let (_, room) = desk.get(&officer, &format!("/api/v1/incidents/{incident}")).await;
    assert_eq!((room["topic"].as_str(), room["contacts_n"].as_u64()), (Some("flooding"), room["contacts_n"].as_u64()));
    let entry = room["timeline"].as_array().unwrap().iter().find(|line| line["record"]["type"] == "entry_written");
    assert_eq!(entry.unwrap()["detail"]["text"], "Crew sent to Mill Lane", "{room}");
    assert_eq!(entry.unwrap()["record"]["by"], json!({"who": "officer", "via": "api"}));
    let number = entry.unwrap()["seq"].as_u64().unwrap();
    let decision = json!({
        "text": "Close Mill Lane", "why": "Water over the kerb", "options": "Leave it open; pump first",
        "relies_on": [number], "authority": "Highways Act 1980", "decided_by": "kwame.boateng", "role": "loggist",
        "review_at": "2030-01-01T00:00:00Z",
    });
    let decisions = format!("/api/v1/incidents/{incident}/decisions");
    let (status, decided) = desk.post(&officer, &decisions, &decision).await;
    assert_eq!(status, 201, "{decided}");
    let (_, room) = desk.get(&officer, &format!("/api/v1/incidents/{incident}")).await;
    let listed = &room["decisions"][0];
    assert_eq!((&listed["entry"], &listed["awaits_confirmation"]), (&decided["entry"], &json!(true)), "{room}");
    let confirm = format!("/api/v1/incidents/{incident}/entries/{}/confirm", decided["entry"]);
    let (status, problem) = desk.post(&officer, &confirm, &json!({})).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("only they can"), "{problem}");
    let (status, problem) = desk.post(&officer, &decisions, &json!({"text": "x", "decided_by": "kwame.boatang"})).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("did you mean"), "{problem}");
    let page = room["call_outs"][0]["pages"][0]["id"].as_str().unwrap_or_else(|| panic!("somebody is paged: {room}"));
    let (status, told) = desk.post(&officer, &format!("/api/v1/pages/{page}/acknowledge"), &json!({})).await;
    assert_eq!((status, told["result"].as_str()), (200, Some("yours")), "{told}");
    let (status, told) = desk.post(&officer, &format!("/api/v1/pages/{page}/acknowledge"), &json!({})).await;
    assert_eq!((status, told["result"].as_str()), (200, Some("already_yours")));
    assert!(!desk.daemon.outbox.list().is_empty(), "the page is in the outbox");
    let (status, problem) = desk.post(&officer, &format!("/api/v1/incidents/{incident}/stand-down"), &json!({})).await;
    assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some("/reason")));
    let stand_down = json!({"reason": "Water gone, crews back"});
    let (status, _) = desk.post(&officer, &format!("/api/v1/incidents/{incident}/stand-down"), &stand_down).await;
    assert_eq!(status, 200);
    let (status, problem) = desk.post(&officer, &format!("/api/v1/incidents/{incident}/stand-down"), &stand_down).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:callout:problem:conflict")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_open_incidents_enter_warnings_and_ask_who_is_on_call() {
    let desk = Desk::open().await;
    let officer = desk.token("officer", &[Scope::IncidentsWrite]);
    let (status, opened) = desk
        .post(&officer, "/api/v1/incidents", &json!({"topic": "structure", "severity": 1, "reason": "Wall leaning"}))
        .await;
    assert_eq!(status, 201, "{opened}");
    let incident = opened["incident"].as_str().unwrap();
    let (_, playbooks) = desk.get(&officer, "/api/v1/playbooks").await;
    assert!(playbooks["playbooks"].as_array().unwrap().len() >= 10, "{playbooks}");
    let activate = json!({"playbook": "dangerous-structures", "reason": "Wall leaning"});
    let (status, problem) = desk.post(&officer, &format!("/api/v1/incidents/{incident}/activate"), &activate).await;
    assert_eq!((status, problem["errors"][0]["remedy"].as_str()), (422, Some("did you mean \"dangerous-structure\"?")));
    let activate = json!({"playbook": "dangerous-structure", "reason": "Wall leaning"});
    let (status, told) = desk.post(&officer, &format!("/api/v1/incidents/{incident}/activate"), &activate).await;
    assert_eq!(status, 200, "{told}");
    let warning = json!({"source": "met_office", "kind": "rain", "level": "amber", "from": "2026-11-22T00:00:00Z",
        "to": "2026-11-22T18:00:00Z", "area": "Wexmoor"});
    let (status, entered) = desk.post(&officer, "/api/v1/warnings", &warning).await;
    assert_eq!(status, 201, "{entered}");
    let (_, listed) = desk.get(&officer, "/api/v1/warnings").await;
    assert_eq!(listed["warnings"][0]["warning"]["level"], "amber", "{listed}");
    let id = entered["warning"].as_str().unwrap();
    let (status, _) = desk.post(&officer, &format!("/api/v1/warnings/{id}/cancel"), &json!({})).await;
    assert_eq!(status, 200);
    let (status, rota) = desk.get(&officer, "/api/v1/rota/now").await;
    assert_eq!((status, rota["core_hours"].as_bool()), (200, Some(false)));
    assert!(rota["roles"].as_array().unwrap().iter().any(|role| role["role"] == "duty_officer"), "{rota}");
    let (status, land) = desk.get(&officer, "/api/v1/land?q=SD+80376+10712").await;
    assert_eq!((status, land["confidence"].as_str()), (200, Some("unknown")), "{land}");
    assert_eq!(land["place"]["easting"], 380_376.5);
    let (status, problem) = desk.get(&officer, "/api/v1/land?lat=-2.3&lon=53.6").await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("other way round"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_see_health_readiness_and_counts() {
    let desk = Desk::open().await;
    let token = desk.token("monitor", &[Scope::Read, Scope::ContactsWrite]);
    assert_eq!(desk.client.get(desk.url("/healthz")).send().await.unwrap().text().await.unwrap(), "ok\n");
    let (status, ready) = desk.get("", "/readyz").await;
    assert_eq!((status, ready["ready"].as_bool()), (200, Some(true)), "{ready}");
    let land = ready["parts"].as_array().unwrap().iter().find(|part| part["part"] == "land").unwrap();
    assert_eq!((land["ready"].as_bool(), land["needed"].as_bool()), (Some(false), Some(false)), "told, and not needed");
    desk.post(&token, "/api/v1/contacts", &flooding(1)).await;
    desk.post(&token, "/api/v1/contacts", &flooding(1)).await;
    let text = desk.client.get(desk.url("/metrics")).bearer_auth(&token).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("callout_contacts_total{channel=\"phone\"} 1"), "a replay is not counted: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_page_hears_what_changes_and_the_end_does_not_wait_for_it() {
    let desk = Desk::open().await;
    let token = desk.token("screen", &[Scope::Read, Scope::ContactsWrite]);
    let mut live = desk.client.get(desk.url("/live")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    assert_eq!(live.headers()["x-accel-buffering"], "no");
    let mut heard = String::new();
    let mut hear = async |until: &str| {
        while !heard.contains(until) {
            let chunk = tokio::time::timeout(SAFETY, live.chunk()).await.expect("something is heard").unwrap();
            let Some(chunk) = chunk else { return (heard.clone(), true) };
            heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        (heard.clone(), false)
    };
    hear("event:beat").await;
    let burst: Vec<Value> = (1..=8).map(flooding).collect();
    desk.post(&token, "/api/v1/contacts", &json!(burst)).await;
    let (told, ended) = hear("INC-").await;
    assert!(!ended && told.contains("event:changed"), "{told}");
    desk.site.stop.send_replace(true);
    let (_, ended) = hear("never said").await;
    assert!(ended, "the stream ends when the daemon does");
    tokio::time::timeout(SAFETY, desk.site.serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_missed_something_is_told_at_once() {
    let desk = Desk::open().await;
    let token = desk.token("screen", &[Scope::Read]);
    for (last, event) in [("1", "event:changed"), (&desk.daemon.engine.door.view().head.to_string(), "event:beat")] {
        let request = desk.client.get(desk.url("/live")).bearer_auth(&token).header("last-event-id", last);
        let mut live = request.send().await.unwrap();
        let first = live.chunk().await.unwrap().unwrap();
        assert!(std::str::from_utf8(&first).unwrap().contains(event), "{first:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_password_and_their_forms_bear_a_token() {
    let desk = Desk::open().await;
    desk.app.users.put("sam.okoro", Role::Officer, "gulley pump lantern").unwrap();
    let sign_in = |name: &str, password: &str| {
        let form = format!("name={name}&password={}&next=/incidents", password.replace(' ', "+"));
        let request =
            desk.client.post(desk.url("/sign-in")).header("content-type", "application/x-www-form-urlencoded");
        request.body(form).send()
    };
    assert_eq!(sign_in("sam.okoro", "wrong password").await.unwrap().status(), 401);
    let signed_in = sign_in("sam.okoro", "gulley pump lantern").await.unwrap();
    assert_eq!((signed_in.status().as_u16(), signed_in.headers()["location"].to_str().unwrap()), (303, "/incidents"));
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let read = desk.client.get(desk.url("/api/v1/incidents")).header("cookie", session).send().await.unwrap();
    assert_eq!(read.status(), 200);
    let open = || {
        let body = json!({"topic": "flooding", "reason": "Seen"});
        desk.client.post(desk.url("/api/v1/incidents")).header("cookie", session).json(&body)
    };
    assert_eq!(open().send().await.unwrap().status(), 403, "without the session's token");
    let value = session.split_once('=').unwrap().1;
    let who = desk.app.sessions.check(&desk.app.users, value, evening(), true).unwrap();
    let callout::web::scope::By::Session { csrf, .. } = who.by else { panic!("a session") };
    assert_eq!(open().header("x-csrf-token", &csrf).send().await.unwrap().status(), 201);
    let foreign = open().header("x-csrf-token", &csrf).header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403, "from another site");
    let out = desk.client.post(desk.url("/sign-out")).header("cookie", session).header("x-csrf-token", &csrf);
    assert_eq!(out.send().await.unwrap().status(), 303);
    let read = desk.client.get(desk.url("/api/v1/incidents")).header("cookie", session).send().await.unwrap();
    assert_eq!(read.status(), 401);
    for _ in 0..9 {
        desk.app.brake.wrong("sam.okoro", "127.0.0.1".parse().unwrap(), evening());
    }
    sign_in("sam.okoro", "wrong again and again").await.unwrap();
    let slowed = sign_in("sam.okoro", "gulley pump lantern").await.unwrap();
    assert_eq!((slowed.status().as_u16(), slowed.headers()["retry-after"].to_str().unwrap()), (429, "600"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_by_text_acknowledges_and_only_from_the_number_that_was_paged() {
    use callout::domain::reply_code;
    let desk = Desk::open().await;
    let crm = desk.token("crm", &[Scope::ContactsWrite]);
    let burst: Vec<Value> = (1..=8).map(flooding).collect();
    desk.post(&crm, "/api/v1/contacts", &json!(burst)).await;
    let view = desk.daemon.engine.door.view();
    let (page, sent) =
        view.paging.pages.iter().next().map(|(id, page)| (*id, page.clone())).expect("somebody is paged");
    let people = desk.app.people.borrow().clone();
    let mobile = people.details[&sent.person].mobile.clone().unwrap();
    let (secret, code) =
        (reply_code::path_secret(desk.daemon.key.bytes(), "kannel"), reply_code::code(desk.daemon.key.bytes(), page));
    let text = |secret: &str, from: &str, words: &str| {
        let query = format!("from={}&to=60777&text={}", from.replace('+', "%2B"), words.replace(' ', "+"));
        let url = desk.url(&format!("/kannel/{secret}/reply?{query}"));
        let request = desk.client.get(url);
        async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    assert_eq!(text("wrong", &mobile, &format!("ACK {code}")).await.0, 404);
    assert_eq!(text(&secret, "+447700900999", &format!("ACK {code}")).await, (200, String::new()));
    assert!(text(&secret, &mobile, "ACK 00000").await.1.contains("no page of yours"));
    assert!(desk.daemon.engine.door.view().paging.call_outs.values().all(|call_out| call_out.acknowledged.is_empty()));
    let (status, words) = text(&secret, &mobile, &format!("ack {code}")).await;
    assert!(status == 200 && words.contains("is yours"), "{words}");
    let view = desk.daemon.engine.door.view();
    let call_out = &view.paging.call_outs[&sent.call_out];
    assert_eq!(call_out.acknowledged.first().map(|have| have.person.clone()), Some(sent.person.clone()));
    let reference = reply_code::reference(desk.daemon.key.bytes(), page);
    for (reference, status) in [(reference.as_str(), 200), ("page-1-forged", 200)] {
        let url = desk.url(&format!("/kannel/{secret}/receipt?ref={reference}&type=1&words=ok"));
        assert_eq!(desk.client.get(url).send().await.unwrap().status(), status);
    }
    assert!(desk.daemon.engine.door.view().paging.pages[&page].receipt.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_senders_at_once_lose_nobody() {
    let desk = Arc::new(Desk::open().await);
    let token = desk.token("crm", &[Scope::ContactsWrite]);
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..16_u32 {
        let (desk, token) = (Arc::clone(&desk), token.clone());
        senders.spawn(async move {
            let mut ids = Vec::new();
            for n in 0..20 {
                let (status, taken) = desk.post(&token, "/api/v1/contacts", &flooding(sender * 1_000 + n)).await;
                assert_eq!(status, 201, "{taken}");
                ids.push(taken["id"].as_str().unwrap().to_owned());
            }
            ids
        });
    }
    let mut all = std::collections::BTreeSet::new();
    while let Some(ids) = senders.join_next().await {
        all.extend(ids.unwrap());
    }
    assert_eq!(all.len(), 320, "each has an id of its own");
}

/// The references in a document that lead nowhere.
fn dangling(value: &Value, root: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let to = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
                if to.is_none() {
                    found.push(reference.clone());
                }
            }
            members.values().for_each(|member| dangling(member, root, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| dangling(element, root, found)),
        _ => {}
    }
}

#[test]
fn the_openapi_document_and_the_route_table_are_the_same_list() {
    let document = callout::web::api::openapi::document();
    let mut documented = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            documented.insert((verb.clone(), path.clone(), operation["operationId"].as_str().unwrap().to_owned()));
        }
    }
    let table = ROUTES.iter().filter(|route| callout::web::api::openapi::is_documented(route)).map(|route| {
        let verb = if route.verb == Verb::Get { "get" } else { "post" };
        (verb.to_owned(), route.path.to_owned(), route.name.to_owned())
    });
    assert_eq!(documented, table.collect());
    assert!(
        ROUTES.iter().filter(|route| route.path.starts_with("/api/")).all(callout::web::api::openapi::is_documented)
    );
    let mut found = Vec::new();
    dangling(&document, &document, &mut found);
    assert_eq!(found, Vec::<String>::new(), "references that lead nowhere");
    for route in ROUTES.iter().filter(|route| callout::web::api::openapi::is_documented(route)) {
        let verb = if route.verb == Verb::Get { "get" } else { "post" };
        let operation = &document["paths"][route.path][verb];
        assert_eq!(operation["security"].is_array(), matches!(route.allow, Allow::AnyOf(_)), "{}", route.name);
        assert_eq!(operation["requestBody"].is_object(), route.verb == Verb::Post, "{}", route.name);
    }
}

#[test]
fn the_openapi_document_knows_every_field_of_a_contact_and_no_other() {
    let document = callout::web::api::openapi::document();
    let documented: std::collections::BTreeSet<&str> = document["components"]["schemas"]["Contact"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let known = callout::intake::draft::Field::ALL.iter().map(|field| field.name()).collect();
    assert_eq!(documented, known);
}
