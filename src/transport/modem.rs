//! Texts by a modem on this machine: the last resort when the internet is gone.
//!
//! gammu-smsd owns the modem; a text is laid into its queue by `gammu-smsd-inject`, one short-lived child process a text,
//! bounded in time and ended with us. The words go in by its standard input, so that no list of processes shows them.
//! Accepted means that the queue has it; whether it went, the modem alone knows.
//!
//! Not here: setting up the modem (docs/providers.md).

use super::config::{SetupProblem, check_timeout};
use super::redact::redact;
use super::{Address, Fault, Outgoing, SendOutcome};
use crate::config::ModemConfig;
use crate::domain::sms_text::{Coding, segments};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The way to the modem.
#[derive(Debug)]
pub struct Modem {
    command: PathBuf,
    config: PathBuf,
    timeout: Duration,
}

impl Modem {
    /// The way to the modem of the settings, or everything that is wrong with them. Starts nothing.
    pub fn new(config: &ModemConfig) -> Result<Self, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        check_timeout("modem.timeout_s", config.timeout_s, &mut problems);
        for (key, path, help) in [
            ("modem.command", &config.command, "install gammu-smsd, or name its gammu-smsd-inject by the whole path"),
            ("modem.config", &config.config, "name the configuration of gammu-smsd; callout must be able to read it"),
        ] {
            if !path.is_file() {
                problems.push(SetupProblem::new(key, format!("there is no file {}", path.display()), help));
            }
        }
        if problems.is_empty() {
            let timeout = Duration::from_secs(config.timeout_s);
            Ok(Self { command: config.command.clone(), config: config.config.clone(), timeout })
        } else {
            Err(problems)
        }
    }

    /// Lays one text into the queue, within the time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        let Address::Mobile(number) = &message.to else {
            return SendOutcome::Refused {
                why: "an email address was given where a mobile number belongs".into(),
                fault: Fault::Address,
            };
        };
        let length = message.text.chars().count().to_string();
        let mut command = Command::new(&self.command);
        command.arg("-c").arg(&self.config).args(["TEXT", number, "-len", &length]);
        if segments(&message.text).coding == Coding::Ucs2 {
            command.arg("-unicode");
        }
        // Else it would read the words as something other than UTF-8.
        command.env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let why = format!("{} cannot be started: {error}", self.command.display());
                return SendOutcome::Refused { why, fault: Fault::Service };
            }
        };
        let talking = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A child that ended already says why by its exit code.
                let _ = stdin.write_all(message.text.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        match tokio::time::timeout(self.timeout, talking).await {
            Ok(Ok(output)) => {
                let said = [output.stdout, output.stderr].concat();
                let said = redact(&String::from_utf8_lossy(&said));
                if output.status.success() {
                    SendOutcome::Accepted { detail: "in the queue of the modem".into() }
                } else {
                    SendOutcome::Refused { why: format!("{}: {said}", output.status), fault: Fault::Service }
                }
            }
            Ok(Err(error)) => SendOutcome::Unknown { why: format!("gammu-smsd-inject was lost: {error}") },
            Err(_) => SendOutcome::Unknown {
                why: format!("no answer from the modem's queue within {} s", self.timeout.as_secs()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::PageId;

    /// A stand-in for gammu-smsd-inject that does what the shell lines say.
    async fn sent(script: &str, timeout_s: u64) -> (SendOutcome, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let command = directory.path().join("inject");
        std::fs::write(&command, format!("#!/bin/sh\ncd {}\n{script}\n", directory.path().display())).unwrap();
        std::fs::set_permissions(&command, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let config = ModemConfig { config: command.clone(), command, timeout_s };
        let message = Outgoing {
            page: PageId(512),
            reference: "page-512-mw3s7e7vdlv7".into(),
            to: Address::Mobile("+447700900123".into()),
            subject: String::new(),
            text: "WEXMOOR: water over the kerb".into(),
            html: None,
            exercise: false,
        };
        (Modem::new(&config).unwrap().send(&message).await, directory)
    }

    #[tokio::test]
    async fn the_words_go_in_by_standard_input_and_the_number_as_an_argument() {
        let (outcome, directory) = sent("echo \"$@\" > arguments; cat > words", 15).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("words"), "WEXMOOR: water over the kerb");
        assert!(read("arguments").contains("TEXT +447700900123 -len 28"), "{}", read("arguments"));
        assert!(!read("arguments").contains("WEXMOOR"));
    }

    #[tokio::test]
    async fn a_modem_that_refuses_or_hangs_holds_up_nobody() {
        let (outcome, _directory) = sent("echo 'no phone at 07700900123'; exit 3", 15).await;
        assert!(
            matches!(&outcome, SendOutcome::Refused { why, fault: Fault::Service } if why.contains("no phone at <number>")),
            "{outcome:?}"
        );
        let (outcome, _directory) = sent("exec sleep 600", 1).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{outcome:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_before_the_start() {
        let config = ModemConfig { command: "/nowhere/inject".into(), config: "/nowhere/rc".into(), timeout_s: 15 };
        let told = Modem::new(&config).unwrap_err();
        assert_eq!(told.iter().map(|problem| problem.key).collect::<Vec<_>>(), ["modem.command", "modem.config"]);
    }
}
