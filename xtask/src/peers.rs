//! The suppliers' client libraries, the judges in the tests of `tests/real_notify.rs`, put into `target/peers`: nothing of
//! them is part of callout or installed on the machine.

use crate::Outcome;
use std::fs;
use std::path::Path;
use std::process::Command;

/// For Python, each at the version that was tried.
const PYTHON: &[&str] = &["notifications-python-client==13.0.0", "twilio==9.13.0"];
/// For Node.js, likewise.
const NODE: &[&str] = &["notifications-node-client@8.4.0"];

/// Sees to it that the libraries are there; what could not be had is told with the reason.
pub fn ensure(root: &Path) -> Outcome {
    let folder = root.join("target/peers");
    let stamp = folder.join("stamp");
    let wanted = [PYTHON, NODE].concat().join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|last| last == wanted) {
        println!("suppliers' libraries: already here");
        return Ok(());
    }
    fs::create_dir_all(folder.join("node")).map_err(|error| format!("could not make {}: {error}", folder.display()))?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--upgrade",
    ]);
    pip.arg("--target").arg(folder.join("python")).args(PYTHON);
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut node = Command::new(npm);
    node.args(["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]);
    node.arg("--prefix").arg(folder.join("node")).args(NODE);
    for command in [&mut pip, &mut node] {
        call(command)?;
    }
    fs::write(&stamp, wanted).map_err(|error| format!("could not write {}: {error}", stamp.display()))?;
    println!("suppliers' libraries: installed into {}", folder.display());
    Ok(())
}

fn call(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(format!("the suppliers' libraries were not installed: {name} ended with {}: {last}", output.status))
}
