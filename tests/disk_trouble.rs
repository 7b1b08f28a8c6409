//! A full disk and a dead one, with the whole of callout on it: contacts are refused in words, pages go on, it recovers
//! alone; and when nothing can be written any more, the last resort is called and the record tells of it afterwards.
#![allow(clippy::unwrap_used)]

#[path = "rigs/desk.rs"]
mod desk;
#[allow(unused_imports, reason = "each test uses its part of the rigs")]
mod rigs;
#[allow(unused_imports, reason = "as above")]
mod running;

use callout::clock::Clock;
use callout::daemon::app::{App, Start};
use callout::daemon::engine::Storage;
use callout::domain::event::{Author, Event};
use callout::domain::id::{CallOutId, Seq};
use callout::domain::record::Record;
use callout::log::disk::{Disk, Op};
use callout::log::{Options, verify};
use callout::web::limits::Limits;
use callout::web::scope::Scope;
use desk::{Desk, flooding};
use rigs::Ear;
use running::{Council, Daemon, Watched, wait_for};
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Small files, so that a small disk is full soon.
fn small(disk: &Disk) -> Storage {
    let log = Options {
        segment_bytes: 256 << 10,
        ballast_bytes: 1 << 20,
        retry_every: Duration::from_millis(20),
        disk: disk.clone(),
        ..Options::default()
    };
    Storage { details: log.clone(), log }
}

/// A disk on which nothing new can be made while `full` is set, as when no space is left.
fn filling(full: &Arc<AtomicBool>) -> Disk {
    let full = Arc::clone(full);
    Disk::watched(Arc::new(move |op: &Op<'_>| match op {
        Op::Create(_) | Op::Reserve(..) if full.load(Ordering::Acquire) => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_contacts_are_refused_pages_go_on_and_it_recovers_alone() {
    let full = Arc::new(AtomicBool::new(false));
    let limits = Limits { per_address_max: 1_000, ..Limits::default() };
    let desk = Desk::open_on(tempfile::tempdir().unwrap(), small(&filling(&full)), limits).await;
    let crm = desk.token("crm", &[Scope::ContactsWrite]);
    let officer = desk.token("officer", &[Scope::IncidentsWrite, Scope::Read]);
    let data = desk.data.path().to_owned();
    wait_for("the reserve and the ballast", String::new, || {
        ["log", "details"].iter().all(|dir| data.join(dir).join("ballast").exists()).then_some(())
    });

    full.store(true, Ordering::Release);
    let mut taken = 0;
    let refused = loop {
        let batch: Vec<Value> = (0..50).map(|n| flooding(taken + n)).collect();
        let request = desk.client.post(desk.url("/api/v1/contacts")).bearer_auth(&crm).json(&batch);
        let answer = request.send().await.unwrap();
        if answer.status() != 201 {
            break answer;
        }
        taken += 50;
        assert!(taken < 20_000, "a full disk must be noticed");
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let told: Value = refused.json().await.unwrap();
    assert!(told["detail"].as_str().unwrap().contains("disk"), "{told}");
    let (_, ready) = desk.get(&officer, "/readyz").await;
    assert!(ready.to_string().contains("the disk is full"), "{ready}");

    // Whoever looks after callout is paged, and a page still goes out and is answered.
    let paged = |what: &'static str| {
        let outbox = Arc::clone(&desk.daemon.outbox);
        wait_for(what, String::new, move || {
            outbox.list().iter().any(|kept| kept.message.text.contains(what)).then_some(())
        });
    };
    paged("the disk of callout is full");
    let body = json!({"person": "priya.nair"});
    let (status, told) = desk.post(&officer, "/api/v1/pages/test", &body).await;
    assert_eq!(status, 201, "{told}");
    let call_out: CallOutId = told["call_out"].as_str().unwrap().parse().unwrap();
    let page = wait_for("the test page to be sent", String::new, || {
        let paging = &desk.daemon.engine.door.view().paging;
        paging.pages.iter().find(|(_, page)| page.call_out == call_out && page.outcome.is_some()).map(|(id, _)| *id)
    });
    let (status, told) = desk.post(&officer, &format!("/api/v1/pages/{page}/acknowledge"), &json!({})).await;
    assert_eq!((status, told["result"].as_str()), (200, Some("yours")), "{told}");

    full.store(false, Ordering::Release);
    let body = flooding(1_000_000);
    let mut tries = 0;
    while desk.post(&crm, "/api/v1/contacts", &body).await.0 != 201 {
        tries += 1;
        assert!(tries < 2_000, "it recovers alone");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    desk.site.stop.send_replace(true);
    desk.daemon.stop(Duration::from_secs(10)).await;
    assert!(verify::verify(&data.join("log")).unwrap().is_sound());
    let mut log = Watched::of(&data);
    log.read();
    let contacts = log.lines.iter().filter(|line| matches!(line.record, Record::ContactTaken { .. })).count();
    assert_eq!(contacts, taken as usize + 1, "every contact that was taken, and no other");
}

/// Where the second run of the test finds its council.
const INSIDE: &str = "CALLOUT_TEST_DEAD_DISK";

/// callout on a disk that dies while it runs. It ends the process, so the test runs it in one of its own.
fn dies_in_the_middle(root: &Path) {
    let dead = Arc::new(AtomicBool::new(false));
    let dies = Arc::clone(&dead);
    let disk = Disk::watched(Arc::new(move |op: &Op<'_>| match op {
        Op::Sync(_) if dies.load(Ordering::Acquire) => Err(io::Error::from_raw_os_error(5)),
        _ => Ok(()),
    }));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config_path = root.join("config/callout.toml");
        let clock = Arc::new(Clock::System);
        let loaded = callout::config::load_at(&config_path, clock.now()).unwrap();
        let start = Start { loaded, config_path, data: root.join("data"), clock, storage: small(&disk) };
        let app = App::start(start).await.unwrap();
        dead.store(true, Ordering::Release);
        let note = Event::TestPage { person: "kwame.boateng".into(), by: Author::system() };
        let told = app.engine.tell(note).await;
        println!("nothing may be acknowledged on a dead disk, but this was: {told:?}");
        std::process::exit(77);
    });
}

#[test]
fn on_a_dead_disk_the_last_resort_is_called_the_process_ends_and_the_record_tells_of_it_later() {
    if let Some(root) = std::env::var_os(INSIDE) {
        return dies_in_the_middle(Path::new(&root));
    }
    let root = tempfile::tempdir().unwrap();
    let gateway = Ear::open();
    let password = root.path().join("kannel.password");
    running::write(&password, "lantern");
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let council = Council {
        sms: format!(
            "via = \"kannel\"\nurl = \"http://127.0.0.1:{}/cgi-bin/sendsms\"\nuser = \"callout\"\npassword_file = \"{}\"\n",
            gateway.port,
            password.display()
        ),
        ..Council::default()
    };
    let config = council.write(root.path());
    let data = root.path().join("data");
    let die = || {
        let name = "on_a_dead_disk_the_last_resort_is_called_the_process_ends_and_the_record_tells_of_it_later";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command.args(["--exact", name, "--nocapture"]).env(INSIDE, root.path()).stdin(Stdio::null());
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the log cannot be written") || said.contains("the details store cannot"), "{said}");
        said
    };
    let is_the_klaxon = |rung: &str| rung.replace("%20", "+").contains("callout+cannot+write+its+log");
    let said = die();
    let rung = gateway.next("/cgi-bin/sendsms", || said.clone());
    assert!(is_the_klaxon(&rung), "{rung}");
    assert!(rung.contains("447700900103"), "{rung}");

    // The service manager starts it again and again; the last resort has been called a moment ago.
    die();
    let again: Vec<_> = gateway.waiting().into_iter().filter(|rung| is_the_klaxon(rung)).collect();
    assert!(again.is_empty(), "not called twice in ten minutes: {again:?}");

    let daemon = Daemon::start(&config, &data, "127.0.0.1:0");
    let mut log = Watched::of(&data);
    let cause = |record: &Record| match record {
        Record::CallOutStarted { cause, .. } if cause.contains("without a record") => Some(cause.clone()),
        _ => None,
    };
    let (_, cause) = log.wait_for("the ring in the record", Seq(0), || daemon.evidence(), cause);
    assert!(cause.contains("Input/output error"), "{cause}");
    let (status, _) = daemon.terminate();
    assert!(status.success());
    assert!(verify::verify(&data.join("log")).unwrap().is_sound());
}
