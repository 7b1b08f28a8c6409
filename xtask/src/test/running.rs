//! Runs one program of a part: what it prints goes to the terminal and, line by line, to whoever counts.
//!
//! Output and errors share one pipe, so that they stand in the order in which they were written. A program that takes
//! too long is ended with everything that it started, each by its id.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Lines that may wait to be printed.
const LINES_WAITING: usize = 10_000;
/// How long a program that was asked to end may take over it.
const ENDING: Duration = Duration::from_secs(15);

/// Runs `command` to its end, or for `longest`; each line goes to `take` and to the terminal.
pub fn run(mut command: Command, longest: Duration, mut take: impl FnMut(&str)) -> Result<ExitStatus, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("could not start {name}: {error}. Is it installed, and on the PATH?");
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let errors = writer.try_clone().map_err(failed)?;
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(errors).spawn().map_err(failed)?;
    // The command holds the writing ends; the pipe must close when the child does.
    drop(command);

    let (send, lines) = sync_channel::<String>(LINES_WAITING);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            if send.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });

    let until = Instant::now() + longest;
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                // A terminal that went away is no reason to stop testing.
                let _ = std::io::stdout().write_all(line.as_bytes());
                take(line.trim_end());
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                return Err(format!("{name} did not end within {} min and was stopped", longest.as_secs() / 60));
            }
        }
    }
    child.wait().map_err(|error| format!("lost sight of {name}: {error}"))
}

/// Ends `child` and everything that it started: asked first, then made to.
pub fn end(child: &mut Child) {
    let family = family(child.id());
    for id in &family {
        let _ = Command::new("kill").arg(id.to_string()).stderr(Stdio::null()).status();
    }
    let until = Instant::now() + ENDING;
    while Instant::now() < until {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// `id` and the processes that it started, and those that they started.
fn family(id: u32) -> Vec<u32> {
    let mut family = vec![id];
    let mut next = 0;
    while next < family.len() {
        let one = family[next];
        let children = std::fs::read_to_string(format!("/proc/{one}/task/{one}/children")).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        next += 1;
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_streams_come_in_order_and_the_exit_code_is_kept() {
        let mut lines = Vec::new();
        let ended = run(shell("echo one; echo two >&2; echo three; exit 3"), Duration::from_secs(60), |line| {
            lines.push(line.to_owned());
        });
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(ended.map(|status| status.code()), Ok(Some(3)));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let outcome = run(Command::new("no-such-program"), Duration::from_secs(1), |_| {});
        assert!(outcome.is_err_and(|text| text.contains("could not start no-such-program")));
    }

    #[test]
    fn a_program_that_never_ends_is_stopped_with_its_children() {
        let outcome = run(shell("sleep 600 & sleep 600; true"), Duration::from_millis(300), |_| {});
        assert!(outcome.is_err_and(|text| text.contains("was stopped")));
    }
}
