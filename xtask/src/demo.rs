//! `cargo xtask demo`: the console, then callout, then the storm; what a newcomer runs first.

use crate::{Outcome, needs, web};
use std::path::Path;
use std::process::Command;

/// Builds the console and starts `callout demo` with `arguments`; returns when the demo ends.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    needs::rust(root)?;
    needs::node()?;
    web::run(root, &[])?;
    let status = Command::new(env!("CARGO"))
        .args(["run", "--profile", "dev", "--package", "callout", "--", "demo"])
        .args(arguments)
        .current_dir(root)
        .status()
        .map_err(|error| format!("could not start cargo: {error}. Is Rust installed for this user?"))?;
    if status.success() { Ok(()) } else { Err(format!("`callout demo` ended with {status}; its reason stands above")) }
}
