//! `cargo xtask test`: every check of the project in one command.

use crate::Outcome;
use std::path::Path;
use std::process::Command;

/// Runs the tests.
pub fn run(root: &Path, _arguments: &[String]) -> Outcome {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--workspace"])
        .current_dir(root)
        .status()
        .map_err(|error| format!("could not start cargo: {error}. Is Rust installed for this user?"))?;
    if status.success() { Ok(()) } else { Err("tests failed; they are named above".to_owned()) }
}
