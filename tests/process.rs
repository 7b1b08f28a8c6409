//! The daemon as the system and its administrator meet it: ports, signals, a second one on the same data, a torn end.

#![allow(clippy::unwrap_used)]

#[allow(unused_imports, reason = "each test uses its part of the rigs")]
mod rigs;
mod running;

use callout::clock::Clock;
use callout::daemon::app::{App, Start};
use callout::daemon::engine::Storage;
use callout::domain::id::Seq;
use callout::domain::record::Record;
use rigs::Ear;
use running::{Council, Daemon, Http, Watched, callout, token_for};
use serde_json::json;
use std::net::TcpListener;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

const ANY_PORT: &str = "127.0.0.1:0";
/// The wait after which a service manager would kill it.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// A council in a directory of its own.
struct Site {
    root: tempfile::TempDir,
    data: PathBuf,
    config: PathBuf,
    token: String,
}

impl Site {
    fn new(council: &Council) -> Self {
        Self::at(tempfile::tempdir().unwrap(), council)
    }

    fn at(root: tempfile::TempDir, council: &Council) -> Self {
        let data = root.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let config = council.write(root.path());
        let token = token_for(&data);
        Self { root, data, config, token }
    }

    /// One whose SMS gateway takes the connection and says nothing.
    fn with_a_silent_gateway(gateway: &TcpListener) -> Self {
        let root = tempfile::tempdir().unwrap();
        let password = root.path().join("password");
        running::write(&password, "secret\n");
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let url = format!("http://{}/cgi-bin/sendsms", gateway.local_addr().unwrap());
        let sms = format!(
            "via = \"kannel\"\nurl = \"{url}\"\npassword_file = \"{}\"\nfrom = \"07700 900999\"\n",
            password.display()
        );
        Self::at(root, &Council { sms, surge_reports: 2, ..Council::default() })
    }

    fn start(&self) -> Daemon {
        Daemon::start(&self.config, &self.data, ANY_PORT)
    }

    /// `callout serve` that is expected to end by itself.
    fn refused(&self, listen: &str) -> Output {
        let mut daemon = callout();
        daemon.arg("--config").arg(&self.config).arg("--data").arg(&self.data).args(["serve", "--listen", listen]);
        let output = daemon.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Two floods, the first of them number `from`: the duty officer is paged.
    fn surge(&self, daemon: &Daemon, from: u32) {
        let mut http = Http::connect(daemon.port, &self.token).unwrap();
        for n in from..from + 2 {
            let contact = json!({ "channel": "phone", "text": "the road is flooded", "source_id": n.to_string(), "source": "crm" });
            let answer = http.post("/api/v1/contacts", None, &contact).unwrap();
            assert_eq!(answer.status, 201, "{answer:#?}");
        }
    }
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pages(log: &mut Watched) -> usize {
    log.read();
    log.lines.iter().filter(|line| matches!(line.record, Record::PageIntended { .. })).count()
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused_and_told_who_has_it() {
    let site = Site::new(&Council::default());
    let daemon = site.start();
    let refused = site.refused(ANY_PORT);
    let said = words(&refused.stderr);
    assert!(said.contains(&format!("in use by another callout (process {} on ", daemon.id())), "{said}");
    // The first one is none the worse.
    let ready = Http::connect(daemon.port, "").unwrap().get("/readyz").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
    // As soon as it is gone, by whatever end, the next one starts.
    daemon.kill_nine();
    let (status, _) = site.start().terminate();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_daemon_that_cannot_listen_says_so_and_pages_nobody() {
    let gateway = TcpListener::bind(ANY_PORT).unwrap();
    let site = Site::with_a_silent_gateway(&gateway);
    let daemon = site.start();
    let mut log = Watched::of(&site.data);
    site.surge(&daemon, 0);
    daemon.kill_nine();
    assert_eq!(pages(&mut log), 1, "one page is announced and without an outcome");
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = words(&site.refused(&address).stderr);
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("[web]"), "{said}");
    assert_eq!(pages(&mut log), 1, "{}", log.told());
    let daemon = site.start();
    let evidence = || daemon.evidence();
    log.wait_for("the page again, now that it listens", Seq(0), evidence, |record| {
        matches!(record, Record::PageIntended { repeats: Some(_), .. }).then_some(())
    });
}

#[test]
fn told_to_stop_it_ends_well_within_its_time_though_a_send_hangs_and_somebody_listens() {
    let gateway = TcpListener::bind(ANY_PORT).unwrap();
    let site = Site::with_a_silent_gateway(&gateway);
    let daemon = site.start();
    site.surge(&daemon, 0);
    // The gateway has the request, and will not answer it.
    let _unanswered = gateway.accept().unwrap();
    let idle = Http::connect(daemon.port, &site.token).unwrap();
    let (status, took) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < STOP_WITHIN, "{took:?}");
    println!("ended after {took:?}");
    drop(idle);
    let mut log = Watched::of(&site.data);
    assert_eq!(pages(&mut log), 1, "{}", log.told());
    let (daemon, evidence) = (site.start(), String::new);
    log.wait_for("the page whose end nobody saw", Seq(0), evidence, |record| {
        matches!(record, Record::PageIntended { repeats: Some(_), .. }).then_some(())
    });
    drop(daemon);
}

#[test]
fn the_service_manager_and_an_outside_monitor_hear_of_it_while_it_is_well() {
    let monitor = Ear::open();
    let watch = format!("[watch]\nheartbeat_url = \"http://127.0.0.1:{}/beat\"\n", monitor.port);
    let site = Site::new(&Council { limits: watch, ..Council::default() });
    let socket = site.root.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(running::LIMIT)).unwrap();
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "600000")];
    let mut daemon = Daemon::spawn_with(&site.config, &site.data, ANY_PORT, &environment);
    assert!(daemon.listens(), "{}", daemon.evidence());
    let mut heard = Vec::new();
    let mut hear_until = |enough: &dyn Fn(&[String]) -> bool| {
        while !enough(&heard) {
            let mut words = [0; 1_000];
            let n = manager.recv(&mut words).unwrap();
            heard.extend(String::from_utf8_lossy(&words[..n]).lines().map(str::to_owned));
        }
    };
    let count = |heard: &[String], what: &str| heard.iter().filter(|word| *word == what).count();
    hear_until(&|heard| count(heard, "READY=1") == 1 && count(heard, "WATCHDOG=1") >= 4);
    monitor.next("/beat", || daemon.evidence());
    let ready = Http::connect(daemon.port, &site.token).unwrap().get("/readyz").unwrap();
    assert_eq!(ready.json()["parts"].as_array().unwrap().iter().filter(|part| part["part"] == "watch").count(), 1);
    let (status, _) = daemon.terminate();
    assert!(status.success());
    hear_until(&|heard| count(heard, "STOPPING=1") == 1);
}

#[test]
fn a_torn_end_is_cut_off_told_and_written_over() {
    let site = Site::new(&Council::default());
    let daemon = site.start();
    site.surge(&daemon, 0);
    daemon.kill_nine();
    // Half a line, as a power cut leaves it, after the last whole one.
    let segment = site.data.join("log/00000000000000000001.log");
    let bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let file = std::fs::File::options().write(true).open(&segment).unwrap();
    file.write_all_at(b"0123456789abcdef0123456789abcdef {\"seq\":", end).unwrap();
    drop(file);
    let daemon = site.start();
    assert!(daemon.evidence().contains("torn end of 40 bytes"), "{}", daemon.evidence());
    let ready = Http::connect(daemon.port, "").unwrap().get("/readyz").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
    site.surge(&daemon, 2);
    assert_eq!(daemon.terminate().0.code(), Some(0));
    let report = callout::log::verify::verify(&site.data.join("log")).unwrap();
    assert!(report.is_sound() && report.tear.is_none(), "{report:#?}");
    let mut log = Watched::of(&site.data);
    log.read();
    let contacts = log.lines.iter().filter(|line| matches!(line.record, Record::ContactTaken { .. })).count();
    assert_eq!(contacts, 4);
}

#[test]
fn a_reload_takes_good_plans_and_keeps_the_old_ones_when_the_new_are_bad() {
    let site = Site::new(&Council::default());
    let daemon = site.start();
    let playbook = site.root.path().join("playbooks/trees.toml");
    let good = std::fs::read_to_string(&playbook).unwrap();
    let mut log = Watched::of(&site.data);
    let title = |daemon: &Daemon| {
        let answer = Http::connect(daemon.port, &site.token).unwrap().get("/api/v1/playbooks").unwrap();
        assert_eq!(answer.status, 200, "{answer:#?}");
        let playbooks = answer.json();
        let trees = playbooks["playbooks"].as_array().unwrap().iter().find(|one| one["id"] == "trees").unwrap();
        trees["title"].as_str().unwrap().to_owned()
    };
    assert_eq!(title(&daemon), "Storm and trees");
    running::write(&playbook, &good.replace("page = \"tactical\"", "page = \"nobody_has_this_role\""));
    daemon.signal("HUP");
    running::wait_for(
        "a word about the bad playbook",
        || daemon.evidence(),
        || daemon.evidence().contains("the old ones stay in force").then_some(()),
    );
    assert_eq!(title(&daemon), "Storm and trees");
    log.read();
    let before = log.lines.last().unwrap().seq;
    running::write(&playbook, &good.replace("Storm and trees", "Trees and branches"));
    daemon.signal("HUP");
    let evidence = || daemon.evidence();
    log.wait_for("the new plans", before, evidence, |record| {
        matches!(record, Record::PolicyInForce { .. }).then_some(())
    });
    running::wait_for("the new title", || daemon.evidence(), || (title(&daemon) == "Trees and branches").then_some(()));
    assert_eq!(daemon.terminate().0.code(), Some(0));
}

#[tokio::test]
async fn a_reload_takes_new_words_for_the_bodies() {
    let site = Site::new(&Council::default());
    let own = site.root.path().join("config/bodies.toml");
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bodies.toml");
    let words = std::fs::read_to_string(&shipped).unwrap();
    running::write(&own, &words);
    let config = std::fs::read_to_string(&site.config).unwrap();
    running::write(&site.config, &config.replace(&shipped.display().to_string(), "bodies.toml"));
    let clock = Arc::new(Clock::System);
    let loaded = callout::config::load_at(&site.config, clock.now()).unwrap();
    let (config_path, data) = (site.config.clone(), site.data.clone());
    let app = App::start(Start { loaded, config_path, data, clock, storage: Storage::default() }).await.unwrap();
    let named = |name: &str| app.bodies().bodies().any(|body| body.name == name);
    let name = app.bodies().bodies().next().unwrap().name.clone();
    running::write(&own, &words.replace(&format!("\"{name}\""), "\"Wexmoor Roads\""));
    app.reload().await.unwrap();
    assert!(named("Wexmoor Roads") && !named(&name));
    app.load_layers().await.unwrap();
    app.stop(STOP_WITHIN).await;
}

#[test]
fn a_watched_folder_is_emptied_once_and_what_cannot_be_used_lies_beside_with_its_reason() {
    let root = tempfile::tempdir().unwrap();
    let (calls, counts) = (root.path().join("calls"), root.path().join("acd"));
    for folder in [&calls, &counts] {
        std::fs::create_dir(folder).unwrap();
    }
    let limits = format!(
        "[[intake.folder]]\npath = \"{}\"\nsource = \"crm\"\nevery = \"1s\"\n[[intake.folder]]\npath = \"{}\"\n\
         holds = \"queue_counts\"\nevery = \"1s\"\n[[intake.folder]]\npath = \"{}\"\nevery = \"1s\"\n",
        calls.display(),
        counts.display(),
        root.path().join("missing").display(),
    );
    let site = Site::at(root, &Council { limits, ..Council::default() });
    let now = jiff::Timestamp::now();
    let rows =
        format!("channel,received_at,text\nphone,{now},street light out\nfone,{now},x\nphone,{now},bin missed\n");
    running::write(&calls.join("a.csv"), &rows);
    running::write(
        &counts.join("q.csv"),
        &format!(
            "queue,from,interval_s,offered,answered,mean_wait_s\nmain,{},900,40,30,70\n",
            now - Duration::from_secs(900)
        ),
    );
    let daemon = Daemon::start(&site.config, &site.data, ANY_PORT);
    let evidence = || daemon.evidence();
    let done = calls.join("done/a.csv");
    running::wait_for("the file in done", evidence, || {
        (done.exists() && counts.join("done/q.csv").exists()).then_some(())
    });
    let refused = std::fs::read_to_string(calls.join("done/a.csv.refused.csv")).unwrap();
    assert!(refused.starts_with("refused_line,refused_because,channel") && refused.contains("\n3,"), "{refused}");
    // The same rows again, in another file: known already.
    running::write(&calls.join("b.csv"), &rows);
    running::wait_for("the second file in done", evidence, || calls.join("done/b.csv").exists().then_some(()));
    let log = std::fs::read_dir(site.data.join("log")).unwrap();
    let log: Vec<u8> = log.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let log = String::from_utf8_lossy(&log);
    assert_eq!((log.matches("contact_taken").count(), log.matches("queue_counted").count()), (2, 1), "{}", evidence());
    let ready = Http::connect(daemon.port, &site.token).unwrap().get("/readyz").unwrap().json().to_string();
    assert!(ready.contains("missing") && ready.contains("cannot read the folder"), "{ready}");
}
