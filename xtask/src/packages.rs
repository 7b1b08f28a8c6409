//! `cargo xtask packages`: the Debian packages that the tests against real servers need.
//!
//! It is careful with the machine it finds. Services must not start by themselves, now or at the next boot: the tests
//! run private copies. A mail server that is here stays: Debian allows one only, and installing another would remove it.
//! What cannot be installed makes tests skip themselves and say so, never fail.

use crate::{Outcome, peers};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Everything that the project's tests can use: a mail server, an SMS gateway with its simulated network, certificates
/// made at run time, network namespaces, the keeper of a modem with a simulated one.
pub const FOR_TESTS: &[&str] = &["postfix", "kannel", "kannel-extras", "openssl", "iproute2", "gammu-smsd"];

/// Where Debian asks whether a service may start (invoke-rc.d's policy layer); 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// Seconds to wait for another package tool to finish.
const LOCK_WAIT_S: u32 = 300;

/// What `ensure` found and did.
#[derive(Debug, Default)]
pub struct Installed {
    /// Were here already.
    pub present: Vec<String>,
    /// Are here now.
    pub added: Vec<String>,
    /// Left out, each with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Installs [`FOR_TESTS`], or the packages named, and says what was done.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    // First: they need no root.
    let peers = if arguments.is_empty() { peers::ensure(root) } else { Ok(()) };
    let named: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let installed = ensure(if named.is_empty() { FOR_TESTS } else { &named });
    let installed = match (installed, &peers) {
        (Ok(installed), _) => installed,
        (Err(why), Ok(())) => return Err(why),
        (Err(why), Err(peers)) => return Err(format!("{why}; {peers}")),
    };
    for (words, packages) in [("already here", &installed.present), ("installed", &installed.added)] {
        if !packages.is_empty() {
            println!("{words}: {}", packages.join(" "));
        }
    }
    for (package, why) in &installed.left_out {
        println!("left out: {package} ({why})");
    }
    peers
}

/// Sees to it that the packages are installed. Nothing is touched when they are. Otherwise root on Debian is needed;
/// the error says what to run by hand.
pub fn ensure(packages: &[&str]) -> Result<Installed, String> {
    let mut outcome = Installed::default();
    let mut missing = Vec::new();
    for package in packages {
        if is_installed(package) {
            outcome.present.push((*package).to_owned());
        } else {
            missing.push(*package);
        }
    }
    if missing.contains(&"postfix")
        && let Some(other) = mail_server()
    {
        missing.retain(|package| *package != "postfix");
        let why = format!("{other} is the mail server of this machine, and installing postfix would remove it");
        outcome.left_out.push(("postfix".to_owned(), why));
    }
    if missing.is_empty() {
        return Ok(outcome);
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("this is not Debian or its kin; install what these packages hold: {}", missing.join(" ")));
    }
    if !is_root() {
        return Err(format!("installing packages needs root; run as root: {by_hand}"));
    }

    let policy = NoServices::declare()?;
    if missing.contains(&"postfix") {
        // Else its installer writes a main.cf that listens on every interface.
        preseed("postfix postfix/main_mailer_type select No configuration\n")?;
    }
    let lock = format!("DPkg::Lock::Timeout={LOCK_WAIT_S}");
    apt(&["-o", &lock, "update", "-qq"])?;
    let mut arguments = vec!["-o", &lock, "install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments).map_err(|error| format!("{error}; try by hand: {by_hand}"))?;
    drop(policy);
    if Path::new("/run/systemd/system").exists() {
        for service in missing.iter().filter(|package| matches!(**package, "postfix" | "kannel" | "gammu-smsd")) {
            // Not even at the next boot. A service that is unknown to systemd is no trouble.
            let _ = Command::new("systemctl")
                .args(["disable", service])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
    outcome.added = missing.into_iter().map(str::to_owned).collect();
    Ok(outcome)
}

fn is_installed(package: &str) -> bool {
    query(&["-W", "-f=${db:Status-Abbrev}", package]).is_some_and(|status| status.starts_with("ii"))
}

/// The installed mail server other than postfix, if any.
fn mail_server() -> Option<String> {
    let list = query(&["-W", "-f=${db:Status-Abbrev}\t${Package}\t${Provides}\n"])?;
    list.lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
        .find(|(status, package, provides)| {
            status.starts_with("ii") && *package != "postfix" && provides.contains("mail-transport-agent")
        })
        .map(|(_, package, _)| package.to_owned())
}

fn query(arguments: &[&str]) -> Option<String> {
    let output = Command::new("dpkg-query").args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start apt-get: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(format!("apt-get {} ended with {}: {last}", arguments.join(" "), output.status))
}

fn preseed(answer: &str) -> Result<(), String> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| format!("could not run debconf-set-selections: {error}");
    let mut child = Command::new("debconf-set-selections").stdin(Stdio::piped()).spawn().map_err(failed)?;
    child.stdin.take().expect("it was piped").write_all(answer.as_bytes()).map_err(failed)?;
    child.wait().map_err(failed).map(|_| ())
}

/// Forbids services to start, for as long as it lives; what the machine had decided itself is left alone.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn declare() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("could not write {POLICY}: {error}");
        match fs::OpenOptions::new().write(true).create_new(true).open(POLICY) {
            Ok(mut file) => {
                use std::io::Write as _;
                let policy = Self { ours: true };
                file.write_all(b"#!/bin/sh\nexit 101\n").map_err(failed)?;
                drop(file);
                fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)).map_err(failed)?;
                Ok(policy)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Self { ours: false }),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
