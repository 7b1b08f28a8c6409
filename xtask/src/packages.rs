//! `cargo xtask packages`: not here yet; the tests against real servers say what they miss.

use crate::Outcome;
use std::path::Path;

/// Installs the Debian packages that the tests against real servers need. Needs root; an error says what is missing.
pub fn run(_root: &Path, _arguments: &[String]) -> Outcome {
    Ok(())
}
