//! The main job, for real: the binary, a burst of flooding contacts over HTTP, a real mail server, a real SMS gateway.
//!
//! Each wait ends on the event; a safety limit turns a fault into a failure. How long each part took is printed. The
//! tests say `skipped: ...` and pass where real servers cannot run; `cargo xtask packages` installs them.

#![allow(clippy::unwrap_used)]

mod rigs;
mod running;

use callout::domain::event::{Receipt, SendResult, Via};
use callout::domain::id::{CallOutId, ContactId, IncidentId, PageId, Seq};
use callout::domain::person::PageChannel;
use callout::domain::record::{Held, Record};
use callout::domain::reply_code;
use callout::domain::time::Timestamp;
use callout::log::verify::verify;
use callout::transport::inbound;
use callout::web::api::sms::PATH_PURPOSE;
use rigs::{KannelRig, PostfixRig, kannel, postfix};
use running::{Council, Daemon, Http, Watched, callout, key_of, token_for};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const PORT: u16 = 8080;
const LISTEN: &str = "127.0.0.1:8080";
const BASE: &str = "http://127.0.0.1:8080";

/// The wait after which a service manager would kill it.
const STOP_WITHIN: Duration = Duration::from_secs(15);

fn reply_url(data: &Path) -> String {
    let secret = reply_code::path_secret(key_of(data).bytes(), PATH_PURPOSE);
    inbound::reply_address(BASE, &secret)
}

fn sms_settings(password_file: &Path) -> String {
    format!(
        "via = \"kannel\"\nurl = \"{}\"\nuser = \"{}\"\npassword_file = \"{}\"\nfrom = \"{}\"\ncallback_url = \"{BASE}\"\n",
        kannel::SENDSMS,
        kannel::USER,
        password_file.display(),
        running::council::DESK_NUMBER,
    )
}

/// What a caller reports, and where.
struct Report {
    words: &'static str,
    easting: u32,
    northing: u32,
    /// Who is responsible there.
    body: Option<&'static str>,
}

/// Five reports; the fifth crosses the line. Each lies on another's ground, more than 1 km from the others.
const BURST: [Report; 5] = [
    Report {
        words: "water coming in under the front door",
        easting: 380_100,
        northing: 410_050,
        body: Some("highways"),
    },
    Report {
        words: "the road is flooded and cars are stuck",
        easting: 382_500,
        northing: 410_050,
        body: Some("highways"),
    },
    Report {
        words: "the park is flooded up to the play area",
        easting: 380_500,
        northing: 412_500,
        body: Some("parks"),
    },
    Report { words: "flood water in the cellar", easting: 385_000, northing: 415_000, body: None },
    Report {
        words: "the drain is overflowing into the shop",
        easting: 384_500,
        northing: 410_050,
        body: Some("highways"),
    },
];

fn contact(report: &Report) -> Value {
    json!({
        "channel": "phone",
        "text": report.words,
        "easting": report.easting,
        "northing": report.northing,
        "caller": { "name": "Ann Caller", "phone": "07700 900555" },
    })
}

/// Sends the report under its key; the answer must be 201.
fn send(http: &mut Http, index: usize) -> running::http::Answer {
    let answer = http.post("/api/v1/contacts", Some(&format!("call-{index}")), &contact(&BURST[index])).unwrap();
    assert_eq!(answer.status, 201, "{answer:#?}");
    answer
}

/// A strip of road and a park, as the council's GIS would export them.
fn import_layers(config: &Path, data: &Path) {
    for (id, kind, [west, south, east, north]) in [
        ("roads", "adopted_highway", [380_000, 410_000, 386_000, 410_100]),
        ("parks", "park", [380_000, 412_000, 381_000, 413_000]),
    ] {
        let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
        let layer = json!({
            "type": "FeatureCollection",
            "crs": { "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::27700" } },
            "features": [{
                "type": "Feature", "id": 1, "properties": { "name": id },
                "geometry": { "type": "Polygon", "coordinates": [ring] },
            }],
        });
        let file = data.join(format!("{id}.geojson"));
        running::write(&file, &layer.to_string());
        let mut import = callout();
        import.arg("--config").arg(config).arg("--data").arg(data).args(["import", "layer"]).arg(&file);
        import.args(["--id", id, "--kind", kind, "--name", id, "--date", "2026-11-01", "--licence", "invented"]);
        let output = import.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The five digits after `ACK`.
fn code_in(text: &str) -> String {
    let (_, after) = text.split_once("ACK ").unwrap_or_else(|| panic!("no code in: {text}"));
    after.chars().take_while(char::is_ascii_digit).collect()
}

fn intended(record: &Record, to: &str) -> Option<(CallOutId, PageChannel, u32, Option<PageId>)> {
    match record {
        Record::PageIntended { call_out, person, channel, attempt, repeats, also: _ } if person.as_str() == to => {
            Some((*call_out, *channel, *attempt, *repeats))
        }
        _ => None,
    }
}

fn accepted(record: &Record, wanted: PageId) -> Option<()> {
    matches!(record, Record::PageSent { page, outcome: SendResult::Accepted } if *page == wanted).then_some(())
}

fn since(from: Timestamp, to: Timestamp) -> String {
    format!("{} ms", to.duration_since(from).as_millis())
}

/// `callout log verify` says that all is well, and so does the library.
fn log_is_clean(config: &Path, data: &Path) {
    let output =
        callout().arg("--config").arg(config).arg("--data").arg(data).args(["log", "verify"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Every digest, the chain and the order are sound."), "{said}");
    let report = verify(&data.join("log")).unwrap();
    assert!(report.is_sound() && report.tear.is_none(), "{report:#?}");
}

#[test]
fn a_burst_of_flooding_calls_at_night_pages_two_people_until_one_answers_by_text() {
    let name = "a_burst_of_flooding_calls_at_night_pages_two_people_until_one_answers_by_text";
    if !rigs::in_private_network(name, &[postfix::NEEDS, kannel::NEEDS]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let postfix = PostfixRig::start();
    let kannel = KannelRig::start(&reply_url(&data));
    let council = Council {
        email: format!(
            "via = \"smtp\"\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\nfrom = \"Wexmoor on-call <oncall@council.test>\"\n",
            postfix::PORT,
            postfix.ca_file().display()
        ),
        sms: sms_settings(&kannel.password_file()),
        surge_reports: 5,
        ..Council::default()
    };
    let config = council.write(root.path());
    import_layers(&config, &data);
    let token = token_for(&data);
    let daemon = Daemon::start(&config, &data, LISTEN);
    let mut log = Watched::of(&data);
    let evidence = || format!("{}{}{}", daemon.evidence(), kannel.evidence(), postfix.evidence());
    let mut http = Http::connect(PORT, &token).unwrap();
    let ready = http.get("/readyz").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);

    // The burst. Each answer says who is responsible, and never guesses.
    for (index, report) in BURST.iter().enumerate().take(4) {
        let answer = send(&mut http, index).json();
        assert_eq!(answer["responsible_body"].as_str(), report.body, "{answer}");
    }
    log.read();
    assert!(!log.lines.iter().any(|line| matches!(line.record, Record::IncidentOpened { .. })), "four are no surge");
    let crossed = jiff::Timestamp::now();
    let answer = send(&mut http, 4).json();
    let answered = jiff::Timestamp::now();
    assert_eq!(answer["responsible_body"].as_str(), BURST[4].body, "{answer}");
    let replay = send(&mut http, 4);
    assert!(replay.is_replay() && replay.json() == answer, "{replay:#?}");
    let told = http.get("/api/v1/land?e=380100&n=410050").unwrap();
    assert!(told.status == 200 && told.body.contains("\"highways\""), "{}", told.body);

    // Out of hours the night's playbook starts by itself; the day's says why it does not.
    let playbook = |record: &Record| match record {
        Record::PlaybookActivated { incident, playbook, .. } => Some((*incident, playbook.to_string())),
        _ => None,
    };
    let (_, (incident, activated)) = log.wait_for("an activation", Seq(0), evidence, playbook);
    assert_eq!(activated, "flooding-night");
    let held = |record: &Record| match record {
        Record::PlaybookHeld { playbook, why, .. } => Some((playbook.to_string(), *why)),
        _ => None,
    };
    let (_, held) = log.wait_for("a playbook that is held", Seq(0), evidence, held);
    assert_eq!(held, ("flooding-day".to_owned(), Held::OutOfHours));

    // First the duty officer, by text.
    let (first, (call_out, channel, attempt, _)) =
        log.wait_for("a page to the duty officer", Seq(0), evidence, |record| intended(record, "priya.nair"));
    assert_eq!((channel, attempt), (PageChannel::Sms, 1));
    let text = kannel.wait_for_text(|text| text.to == "+447700900101");
    let at_smsc = jiff::Timestamp::now();
    let first_page = PageId::from(first.seq);
    let (sent, ()) = log.wait_for("its acceptance", first.seq, evidence, |record| accepted(record, first_page));
    let delivered = |record: &Record| {
        matches!(record, Record::PageReceipt { page, receipt: Receipt::Delivered } if *page == first_page).then_some(())
    };
    let (delivered, ()) = log.wait_for("its delivery receipt", first.seq, evidence, delivered);
    assert_eq!(code_in(&text.text()), reply_code::code(key_of(&data).bytes(), first_page));
    assert!(text.text().contains("WEXMOOR") && text.text().contains("flood"), "{}", text.text());
    println!("contact sent -> answered 201: {}", since(crossed, answered));
    println!("contact sent -> page intended: {}", since(crossed, first.at));
    println!("page intended -> accepted by the SMS gateway: {}", since(first.at, sent.at));
    println!("page intended -> on the phone: {}", since(first.at, at_smsc));
    println!("page intended -> delivery receipt recorded: {}", since(first.at, delivered.at));

    // Nobody has it: the second person is tried as well, by email.
    let (second, (same, channel, ..)) =
        log.wait_for("a page to the deputy", first.seq, evidence, |record| intended(record, "imran.shah"));
    assert_eq!((same, channel), (call_out, PageChannel::Email));
    let mail = postfix.wait_for_mail("imran.shah", |_| true);
    let in_maildir = jiff::Timestamp::now();
    let second_page = PageId::from(second.seq);
    let (sent, ()) = log.wait_for("its acceptance", second.seq, evidence, |record| accepted(record, second_page));
    assert!(mail.header("Subject").starts_with(&format!("WEXMOOR {incident}")), "{}", mail.header("Subject"));
    assert_eq!(mail.header("X-Callout-Page"), second_page.to_string());
    println!("first page accepted -> second person paged: {}", since(first.at, second.at));
    println!("page intended -> accepted by the mail server: {}", since(second.at, sent.at));
    println!("page intended -> in the mail directory: {}", since(second.at, in_maildir));

    // "I have got this", typed by the one who was paged first.
    let replied = jiff::Timestamp::now();
    kannel.reply("447700900101", "447700900999", &format!("ACK {}", code_in(&text.text())));
    let (acknowledged, (person, via, page)) =
        log.wait_for("the acknowledgement", second.seq, evidence, |record| match record {
            Record::Acknowledged { call_out: of, person, via, page, .. } if *of == call_out => {
                Some((person.to_string(), *via, *page))
            }
            _ => None,
        });
    assert_eq!((person.as_str(), via, page), ("priya.nair", Via::Sms, Some(first_page)));
    println!("reply typed -> acknowledgement recorded: {}", since(replied, acknowledged.at));

    // No further page. The witness is a second call-out, begun after the answer, with the same waits: when its first
    // page is repeated, the first call-out's would have been long ago.
    let witness = json!({ "playbook": "trees", "reason": "trees down on the High Street" });
    // A connection that was silent for so long has been closed.
    let mut http = Http::connect(PORT, &token).unwrap();
    let answer = http.post("/api/v1/incidents", None, &witness).unwrap();
    assert_eq!(answer.status, 201, "{answer:#?}");
    log.wait_for("the witness's second page", acknowledged.seq, evidence, |record| {
        intended(record, "kwame.boateng").filter(|(of, _, attempt, _)| *of != call_out && *attempt == 2)
    });
    let further = log.lines.iter().find(|line| {
        line.seq > acknowledged.seq
            && matches!(line.record, Record::PageIntended { call_out: of, .. } if of == call_out)
    });
    assert!(further.is_none(), "a page after the answer: {further:#?}\n{}", log.told());
    let mut http = Http::connect(PORT, &token).unwrap();
    let room = http.get(&format!("/api/v1/incidents/{incident}")).unwrap();
    assert!(room.status == 200 && room.body.contains("priya.nair"), "{}", room.body);
    let list = http.get("/api/v1/incidents").unwrap().json();
    let brief = list["incidents"].as_array().unwrap().iter().find(|one| one["id"] == incident.to_string()).unwrap();
    assert_eq!(brief["paging"], "acknowledged", "{brief}");

    let (status, took) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < STOP_WITHIN, "{took:?}");
    println!("asked to stop -> ended: {took:?}");
    log_is_clean(&config, &data);
    personal_words_are_not_in(&data);
}

/// Neither log nor trace holds what a caller said or who they were.
fn personal_words_are_not_in(data: &Path) {
    let mut texts = vec![std::fs::read(data.with_extension("trace")).unwrap()];
    for file in std::fs::read_dir(data.join("log")).unwrap() {
        texts.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    for text in texts {
        let text = String::from_utf8_lossy(&text).into_owned();
        for word in ["Ann Caller", "900555", "under the front door", "900101", "imran.shah@"] {
            assert!(!text.contains(word), "\"{word}\" stands in the log or the trace");
        }
    }
}

#[test]
fn a_kill_in_the_middle_loses_no_contact_and_the_page_arrives() {
    let name = "a_kill_in_the_middle_loses_no_contact_and_the_page_arrives";
    if !rigs::in_private_network(name, &[kannel::NEEDS]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let password = root.path().join("password");
    running::write(&password, "rigpass\n");
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let council = Council { sms: sms_settings(&password), surge_reports: 5, ..Council::default() };
    let config = council.write(root.path());
    import_layers(&config, &data);
    let token = token_for(&data);
    let mut log = Watched::of(&data);

    // A gateway that takes the connection and says nothing, so that the kill comes while the page is on its way.
    let silent = TcpListener::bind(("127.0.0.1", kannel::SMSBOX_PORT)).unwrap();
    let daemon = Daemon::start(&config, &data, LISTEN);
    let mut http = Http::connect(PORT, &token).unwrap();
    let answers: Vec<_> = (0..BURST.len()).map(|index| send(&mut http, index).json()).collect();
    // Right after the 201 of the contact that crosses the line.
    daemon.kill_nine();
    log.read();
    let pages = |log: &Watched| -> Vec<_> {
        let pages =
            log.lines.iter().filter_map(|line| Some((PageId::from(line.seq), intended(&line.record, "priya.nair")?)));
        pages.collect()
    };
    let [(first_page, (call_out, ..))] = pages(&log)[..] else { panic!("one page was announced: {}", log.told()) };

    let killed = jiff::Timestamp::now();
    let daemon = Daemon::start(&config, &data, LISTEN);
    println!("killed -> listening again: {}", since(killed, jiff::Timestamp::now()));
    let evidence = || daemon.evidence();
    let (again, (same, channel, attempt, repeats)) =
        log.wait_for("the page again", Seq(first_page.0), evidence, |record| intended(record, "priya.nair"));
    assert_eq!((same, channel, attempt, repeats), (call_out, PageChannel::Sms, 2, Some(first_page)));
    nothing_is_lost(&token, &answers, &log);
    // Again after the page was announced.
    daemon.kill_nine();

    drop(silent);
    let kannel = KannelRig::start(&reply_url(&data));
    let started = jiff::Timestamp::now();
    let daemon = Daemon::start(&config, &data, LISTEN);
    let evidence = || format!("{}{}", daemon.evidence(), kannel.evidence());
    let (third, (same, _, attempt, repeats)) =
        log.wait_for("the page a third time", again.seq, evidence, |record| intended(record, "priya.nair"));
    assert_eq!((same, attempt, repeats), (call_out, 3, Some(PageId::from(again.seq))));
    let text = kannel.wait_for_text(|text| text.to == "+447700900101");
    println!("started after two kills -> on the phone: {}", since(started, jiff::Timestamp::now()));
    let third_page = PageId::from(third.seq);
    assert_eq!(code_in(&text.text()), reply_code::code(key_of(&data).bytes(), third_page));
    log.wait_for("its acceptance", third.seq, evidence, |record| accepted(record, third_page));
    nothing_is_lost(&token, &answers, &log);

    kannel.reply("447700900101", "447700900999", &format!("ACK {}", code_in(&text.text())));
    log.wait_for("the acknowledgement", third.seq, evidence, |record| {
        matches!(record, Record::Acknowledged { call_out: of, person, .. } if *of == call_out && person.as_str() == "priya.nair")
            .then_some(())
    });
    let incidents: Vec<IncidentId> = log
        .lines
        .iter()
        .filter(|line| matches!(line.record, Record::IncidentOpened { .. }))
        .map(|line| IncidentId::from(line.seq))
        .collect();
    assert_eq!(incidents.len(), 1, "one flood, one incident: {}", log.told());
    let (status, took) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < STOP_WITHIN, "{took:?}");
    log_is_clean(&config, &data);
}

/// Every contact that was answered 201 is in the log, once, and is answered the same again.
fn nothing_is_lost(token: &str, answers: &[Value], log: &Watched) {
    let mut http = Http::connect(PORT, token).unwrap();
    for (index, answer) in answers.iter().enumerate() {
        let replay = send(&mut http, index);
        assert!(replay.is_replay() && replay.json() == *answer, "{replay:#?} was {answer}");
    }
    let taken: Vec<_> = log
        .lines
        .iter()
        .filter_map(|line| match &line.record {
            Record::ContactTaken { contact, .. } => {
                Some((ContactId::from(line.seq).to_string(), contact.key.clone().unwrap()))
            }
            _ => None,
        })
        .collect();
    let ids: Vec<&str> = answers.iter().map(|answer| answer["id"].as_str().unwrap()).collect();
    assert_eq!(taken.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ids);
    let keys: std::collections::BTreeSet<_> = taken.iter().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), ids.len(), "once per key");
}
