//! The real binary as tests start it: a council's directory, `callout serve` on it, its log as it grows, and a small
//! HTTP client that knows whether an answer came whole.
//!
//! A daemon is ended by its own process id: by `kill -9` when the value is dropped, by SIGTERM when asked to.

#![allow(dead_code, clippy::unwrap_used)]

pub mod council;
pub mod http;

pub use council::Council;
pub use http::Http;

use callout::domain::id::Seq;
use callout::domain::record::Record;
use callout::domain::time::Timestamp;
use callout::keys::InstallationKey;
use callout::log::tail::Follow;
use callout::web::scope::Scope;
use callout::web::tokens::{NewToken, TokenFile};
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The safety limit of every wait.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting for it.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The binary under test.
pub fn callout() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callout"))
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

/// The installation's key of a data directory; made if there is none.
pub fn key_of(data: &Path) -> InstallationKey {
    InstallationKey::open_or_create(data).unwrap()
}

/// An access token for everything.
pub fn token_for(data: &Path) -> String {
    let wanted = NewToken {
        name: "test".into(),
        scopes: vec![Scope::ContactsWrite, Scope::IncidentsWrite, Scope::Read],
        created: jiff::Timestamp::now(),
        expires: None,
        command: false,
    };
    TokenFile::of(data).make(&key_of(data), wanted).unwrap()
}

/// A running `callout serve`; killed when dropped.
pub struct Daemon {
    child: Child,
    trace: PathBuf,
    /// Where it listens; 0 until it is known.
    pub port: u16,
}

impl Daemon {
    /// Starts it without waiting for anything; its trace is added to `trace.log` beside the data.
    pub fn spawn(config: &Path, data: &Path, listen: &str) -> Self {
        Self::spawn_with(config, data, listen, &[])
    }

    /// The same, with variables of its environment.
    pub fn spawn_with(config: &Path, data: &Path, listen: &str, environment: &[(&str, &str)]) -> Self {
        let trace = data.with_extension("trace");
        let file = OpenOptions::new().create(true).append(true).open(&trace).unwrap();
        let mut command = callout();
        command
            .envs(environment.iter().copied())
            .arg("--config")
            .arg(config)
            .arg("--data")
            .arg(data)
            .args(["serve", "--listen", listen]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        Self { child, trace, port: 0 }
    }

    /// Starts it and waits until it listens.
    #[track_caller]
    pub fn start(config: &Path, data: &Path, listen: &str) -> Self {
        let mut daemon = Self::spawn(config, data, listen);
        if !daemon.listens() {
            let status = daemon.child.wait().unwrap();
            panic!("callout did not start ({status})\n{}", daemon.evidence());
        }
        daemon
    }

    /// Waits until it says where it listens; `false` when it ended before.
    pub fn listens(&mut self) -> bool {
        let (tell, told) = std::sync::mpsc::channel();
        let stdout = self.child.stdout.take().expect("asked once");
        // The reader ends with the process, which closes its end.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some((_, port)) = line.split_once(" listens on http://").and_then(|(_, at)| at.rsplit_once(':'))
                {
                    let _ = tell.send(port.parse::<u16>().unwrap());
                }
            }
        });
        match told.recv_timeout(LIMIT) {
            Ok(port) => {
                self.port = port;
                true
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => false,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                panic!("neither listening nor ended after {LIMIT:?}\n{}", self.evidence())
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut would end it.
    pub fn kill_nine(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let trace = self.trace.clone();
        wait_for("the end of the daemon", || tail(&trace), || self.child.try_wait().unwrap())
    }

    /// Asks it to stop as a service manager does; gives how it ended and how long that took.
    #[track_caller]
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal("TERM");
        (self.ended(), asked.elapsed())
    }

    /// The end of its trace.
    pub fn evidence(&self) -> String {
        tail(&self.trace)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of a file, for a failure's message.
pub fn tail(path: &Path) -> String {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("--- {}\n{}\n", path.display(), lines[lines.len().saturating_sub(60)..].join("\n"))
}

/// One record of the log.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

/// A data directory's log, read as it grows.
pub struct Watched {
    follow: Follow,
    /// Everything read so far.
    pub lines: Vec<Line>,
    dir: PathBuf,
}

impl Watched {
    /// From the first record on.
    pub fn of(data: &Path) -> Self {
        let dir = data.join("log");
        Self { follow: Follow::from(&dir, Seq(1)), lines: Vec::new(), dir }
    }

    /// Reads what is new.
    pub fn read(&mut self) {
        if !self.dir.is_dir() {
            return;
        }
        loop {
            let lines = self.follow.lines(10_000).unwrap();
            if lines.is_empty() {
                return;
            }
            self.lines.extend(lines.into_iter().map(|line| Line {
                seq: line.seq,
                at: line.at,
                record: serde_json::from_str(&line.record).unwrap(),
            }));
        }
    }

    /// The first record after `after` of which `find` makes something; waits for it.
    #[track_caller]
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        after: Seq,
        evidence: impl Fn() -> String,
        find: impl Fn(&Record) -> Option<T>,
    ) -> (Line, T) {
        let started = Instant::now();
        loop {
            self.read();
            let fits = |line: &Line| Some((line.clone(), find(&line.record)?));
            if let Some(found) = self.lines.iter().filter(|line| line.seq > after).find_map(fits) {
                return found;
            }
            assert!(started.elapsed() < LIMIT, "waited in vain for {what}\n{}{}", self.told(), evidence());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The last records, for a failure's message.
    pub fn told(&self) -> String {
        let from = self.lines.len().saturating_sub(40);
        self.lines[from..]
            .iter()
            .map(|line| {
                let words: String = format!("{:?}", line.record).chars().take(240).collect();
                format!("{:>5} {} {words}\n", line.seq, line.at)
            })
            .collect()
    }
}

/// Writes a file and the directories above it.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
