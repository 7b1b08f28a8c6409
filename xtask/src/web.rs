//! `cargo xtask web`: not here yet; plain `cargo build` then embeds the notice page.

use crate::Outcome;
use std::path::Path;

/// Builds the console into `target/web`, unless it is up to date.
pub fn run(_root: &Path, _arguments: &[String]) -> Outcome {
    Ok(())
}
