//! A demo of its own for the tests in the browser: on any free port of this machine, ended by its id.

use super::running;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// The storm's speed while tests look on: its three hours pass in some three minutes.
const SPEED: &str = "60";
/// How long the demo may take to print its address: it loads eight weeks of contacts.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Lines of the demo that may wait to be looked at; more are written to its output file only.
const LINES_WAITING: usize = 1_000;
/// Lines of a failed demo that are shown.
const TAIL: usize = 20;
/// How long the first page may take after that: some 25 s at this speed. Without one the tests see a quiet evening.
const PAGED_WITHIN: Duration = Duration::from_secs(90);

/// A running demo; stop it with [`Demo::stop`], or by dropping it.
pub struct Demo {
    child: Child,
    /// Where its console is, e.g. `http://127.0.0.1:41233`.
    pub address: String,
    /// The path of a phone page, if the demo named one, e.g. `/p/demo`.
    pub phone: Option<String>,
    /// The file that takes what it prints.
    pub output: PathBuf,
}

/// Starts `callout demo` from where cargo has just built it, and waits for its address.
pub fn start(root: &Path) -> Result<Demo, String> {
    let program = program()?;
    let output = program.with_file_name("xtask-demo.out");
    let mut command = Command::new(program);
    command.args(["demo", "--port", "0", "--speed", SPEED, "--no-open"]).current_dir(root);
    watch(command, output)
}

/// Starts `command` with its words going to `output`, and listens for an address and the first page.
fn watch(mut command: Command, output: PathBuf) -> Result<Demo, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let unwritable = |error: std::io::Error| format!("could not write {}: {error}", output.display());
    let mut file = fs::File::create(&output).map_err(unwritable)?;
    let errors = file.try_clone().map_err(unwritable)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("could not start {program}: {error}"))?;

    let (send, said) = sync_channel(LINES_WAITING);
    let stdout = child.stdout.take().expect("it is piped");
    std::thread::spawn(move || {
        // Reads on to the end, whether anybody listens or not, so that the demo never waits for a reader.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = writeln!(file, "{line}");
            let _ = send.try_send(line);
        }
    });
    let mut demo = Demo { child, address: String::new(), phone: None, output };
    let mut until = Instant::now() + READY_WITHIN;
    loop {
        let why = match said.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if demo.address.is_empty()
                    && let Some(address) = address(&line)
                {
                    demo.address = address;
                    until = Instant::now() + PAGED_WITHIN;
                }
                demo.phone = demo.phone.take().or_else(|| phone_path(&line));
                if !demo.address.is_empty() && line.contains(" paged ") {
                    return Ok(demo);
                }
                continue;
            }
            Err(why) => why,
        };
        let what = match why {
            RecvTimeoutError::Timeout if !demo.address.is_empty() => return Ok(demo),
            RecvTimeoutError::Timeout => format!("printed no address within {} s", READY_WITHIN.as_secs()),
            RecvTimeoutError::Disconnected => "ended before the first page went out".to_owned(),
        };
        let output = demo.output.clone();
        demo.stop();
        let said = fs::read_to_string(&output).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let tail = match &lines[lines.len().saturating_sub(TAIL)..] {
            [] => "It said nothing".to_owned(),
            tail => format!("It said:\n{}", tail.join("\n")),
        };
        return Err(format!("`callout demo` {what}. {tail}"));
    }
}

impl Demo {
    /// Ends the demo and waits until it is gone.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        running::end(&mut self.child);
    }
}

/// The program that cargo builds beside this one.
fn program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("does not know where it runs from: {error}"))?;
    let program = own.with_file_name(format!("callout{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("{} is not there, though cargo has just built it", program.display()))
    }
}

/// The first address of this machine in a line, without a path: `Console  http://127.0.0.1:8080/start  (...)`.
fn address(line: &str) -> Option<String> {
    let from = line.find("http://127.0.0.1:")?;
    let rest = &line[from + "http://".len()..];
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    let port = rest[..end].rsplit(':').next()?;
    port.parse::<u16>().ok().filter(|port| *port > 0).map(|_| format!("http://{}", &rest[..end]))
}

/// The path of a phone page in a line: `Phone view http://127.0.0.1:8080/p/demo     texts ...` has `/p/demo`.
fn phone_path(line: &str) -> Option<String> {
    let path = line.split_whitespace().find(|word| word.contains("/p/"))?;
    path.find("/p/").map(|at| path[at..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, output: &str) -> Result<Demo, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        watch(command, std::env::temp_dir().join(format!("xtask-{}-{output}", std::process::id())))
    }

    #[test]
    fn a_demo_is_ready_when_its_first_page_is_out_and_is_gone_when_stopped() {
        let script = "echo 'Console    http://127.0.0.1:41233'; echo 'Phone view http://127.0.0.1:41233/p/demo';
            echo '24 s  20:24  playbook started, paged Priya Nair by text'; exec sleep 600";
        let Ok(demo) = sh(script, "ready") else { panic!("it printed all that is needed") };
        assert_eq!(demo.address, "http://127.0.0.1:41233");
        assert_eq!(demo.phone.as_deref(), Some("/p/demo"));
        let (id, output) = (demo.child.id(), demo.output.clone());
        demo.stop();
        assert!(!Path::new(&format!("/proc/{id}")).exists(), "it still runs");
        let _ = fs::remove_file(output);
    }

    #[test]
    fn a_demo_that_ends_early_is_quoted() {
        let outcome = sh("echo 'callout demo: port 8080 is taken'; exit 1", "early");
        assert!(outcome.err().is_some_and(|text| text.contains("ended before") && text.contains("port 8080 is taken")));
        let _ = fs::remove_file(std::env::temp_dir().join(format!("xtask-{}-early", std::process::id())));
    }

    #[test]
    fn the_address_is_read_from_the_line_that_has_one() {
        assert_eq!(
            address("Console    http://127.0.0.1:41233/      (advisor, officer)"),
            Some("http://127.0.0.1:41233".to_owned())
        );
        assert_eq!(address("Console    http://127.0.0.1:8080"), Some("http://127.0.0.1:8080".to_owned()));
        assert_eq!(address("callout 0.1.0   demo: a made-up town"), None);
        assert_eq!(address("http://127.0.0.1:0"), None);
        let view = "Phone view http://127.0.0.1:8080/p/demo     texts and emails land in http://127.0.0.1:8080/outbox";
        assert_eq!(phone_path(view), Some("/p/demo".to_owned()));
        assert_eq!(phone_path("Console    http://127.0.0.1:8080"), None);
    }
}
