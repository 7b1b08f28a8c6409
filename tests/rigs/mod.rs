//! Real counterparts for tests: a mail server (Postfix), an SMS gateway (Kannel), and a private network to run them in.
//!
//! A test that uses them runs in a network of its own that has nothing but the loopback interface, so that fixed
//! ports clash with nobody and nothing can leave. [`in_private_network`] starts the test a second time inside such a
//! network, as the first process of a process namespace: when the test ends, however it ends, the kernel stops every
//! server that it started. Within one run, each server stops when its value is dropped, by its own process id.
//!
//! Waits end when the thing waited for happens; [`LIMIT`] is there only so that a fault shows as a failure.

#![allow(dead_code, clippy::unwrap_used)]

pub mod kannel;
pub mod notify;
pub mod peers;
pub mod postfix;

pub use kannel::KannelRig;
pub use postfix::PostfixRig;

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The safety limit of every wait.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting for it.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Set inside the private network.
const INSIDE: &str = "CALLOUT_TEST_INSIDE";

/// Runs the test of that full name (as `cargo test -- --list` shows it) again inside a private network, and gives
/// `false`: the caller is done. Inside, gives `true`: the caller goes on.
///
/// Where that is not possible (not root, a program of `needs` missing), says `skipped: ...` and gives `false`.
/// A failure inside is a failure here.
///
/// ```ignore
/// #[test]
/// fn a_real_mail() {
///     if !rigs::in_private_network("a_real_mail", &[postfix::NEEDS]) { return; }
///     let postfix = PostfixRig::start();
/// ```
pub fn in_private_network(test: &str, needs: &[&[&str]]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let programs = ["/usr/bin/unshare", "/usr/bin/setpriv"];
    let missing: Vec<&str> = needs
        .iter()
        .copied()
        .flatten()
        .chain(&programs)
        .copied()
        .filter(|program| !Path::new(program).exists())
        .collect();
    if !missing.is_empty() || find_ip().is_none() {
        println!("skipped: {test}: not installed: {} (cargo xtask packages, as root)", missing.join(" "));
        return false;
    }
    let mut private = private_command();
    if !private.args(["true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: {test}: private networks cannot be made here (it needs root)");
        return false;
    }
    let status = private_command()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside its private network; see above");
    false
}

/// `unshare` with a network and a process namespace; its arguments are the command to run there, with loopback up.
fn private_command() -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "/usr/bin/unshare",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command.args(["sh", "-c", "\"$0\" link set lo up && exec \"$@\"", find_ip().unwrap_or("ip")]);
    command
}

fn find_ip() -> Option<&'static str> {
    ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].into_iter().find(|path| Path::new(path).exists())
}

/// Looks until `look` finds something, and gives it; fails with `what` and the `evidence` after [`LIMIT`].
#[track_caller]
pub fn wait_for<T>(what: &str, evidence: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "waited {LIMIT:?} in vain for {what}\n{}", evidence());
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until something listens at that port of 127.0.0.1.
#[track_caller]
pub fn wait_for_port(port: u16, evidence: impl Fn() -> String) -> TcpStream {
    wait_for(&format!("a listener at port {port}"), evidence, || TcpStream::connect(("127.0.0.1", port)).ok())
}

/// The last lines of a file, for a failure's message.
pub fn tail(path: &Path) -> String {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("--- {}\n{}\n", path.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
}

/// A server's process; stopped when dropped, first politely, since it may have children of its own to stop.
pub struct Running(Child);

/// How long a server may take to stop by itself. Kannel waits for its peers; nobody waits for Kannel.
const GOODBYE: Duration = Duration::from_millis(500);

impl Running {
    /// Starts it, its output into `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        Self(child.unwrap_or_else(|error| panic!("could not start {command:?}: {error}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        let started = Instant::now();
        while started.elapsed() < GOODBYE {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end and fails with its words if it fails.
#[track_caller]
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("could not start {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A listener for HTTP requests that answers each with an empty 200 and remembers its path and query. Stands in for
/// callout where only a transport is under test.
pub struct Ear {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    heard: Arc<Mutex<VecDeque<String>>>,
}

impl Ear {
    /// Listens at a free port.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(VecDeque::new()));
        let remembers = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut request = String::new();
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|length| length > 2) {
                    if request.is_empty() {
                        request.clone_from(&line);
                    }
                    line.clear();
                }
                if let Some(path) = request.split(' ').nth(1) {
                    remembers.lock().unwrap().push_back(path.to_owned());
                }
                let _ =
                    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Self { port, heard }
    }

    /// Requests that were heard and not asked for yet.
    pub fn waiting(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().cloned().collect()
    }

    /// Waits for the next request to that path, and gives its query. Requests to other paths wait for their turn:
    /// servers send several at a time, in no order.
    #[track_caller]
    pub fn next(&self, path: &str, evidence: impl Fn() -> String) -> String {
        wait_for(&format!("a request to {path}"), evidence, || {
            let mut heard = self.heard.lock().unwrap();
            let at = heard.iter().position(|request| request.split('?').next() == Some(path))?;
            let request = heard.remove(at).unwrap();
            Some(request.split_once('?').unwrap_or((path, "")).1.to_owned())
        })
    }
}

/// A small HTTP GET; gives the whole answer, empty where there is none.
pub fn get(port: u16, path: &str) -> String {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        let _ = stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes());
        let _ = stream.read_to_end(&mut answer);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
