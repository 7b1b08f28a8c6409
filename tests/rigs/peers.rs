//! Client libraries of suppliers, as the judges of our stand-ins and of our own checks. `cargo xtask packages` puts them
//! into `target/peers`; a test says `skipped:` where they are not.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers")
}

/// Runs Python with the suppliers' libraries; gives what it printed. `None`, and says so, where they are not installed.
#[track_caller]
pub fn python(test: &str, package: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let libraries = folder().join("python");
    if !libraries.join(package).is_dir() {
        println!("skipped: {test}: not installed: the Python package of {package} (cargo xtask packages)");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(arguments).env("PYTHONPATH", libraries);
    Some(told(test, &mut command))
}

/// Runs Node.js with the suppliers' libraries; as [`python`].
#[track_caller]
pub fn node(test: &str, package: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let libraries = folder().join("node/node_modules");
    if !libraries.join(package).is_dir() {
        println!("skipped: {test}: not installed: the Node.js package {package} (cargo xtask packages)");
        return None;
    }
    let mut command = Command::new("node");
    command.args(["-e", script, "--"]).args(arguments).env("NODE_PATH", libraries);
    Some(told(test, &mut command))
}

#[track_caller]
fn told(test: &str, command: &mut Command) -> String {
    // A proxy of the environment has no business on the way to this machine.
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{test}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}
