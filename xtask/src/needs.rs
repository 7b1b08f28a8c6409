//! What must be on this machine before a command can work, each miss answered with what, where and how to mend it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A version, e.g. 20.19.4; what stands after the third number is left out.
pub type Version = (u32, u32, u32);

/// The Node.js that the console's build and tests need: the first with every feature that its tools use.
pub const NODE_AT_LEAST: Version = (20, 19, 0);

/// The first version in a line such as `rustc 1.95.0 (59807616e 2026-04-14)` or `v20.20.2`.
pub fn version(line: &str) -> Option<Version> {
    line.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        let word = word.split(['-', '+']).next().unwrap_or(word);
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let patch = parts.next().map_or(Some(0), |patch| patch.parse().ok())?;
        Some((major, minor, patch))
    })
}

/// The `rust-version` that a Cargo.toml asks for.
pub fn rust_asked(manifest: &str) -> Option<Version> {
    let line = manifest.lines().find(|line| line.trim_start().starts_with("rust-version"))?;
    version(line.split('"').nth(1)?)
}

/// Checks that Rust is new enough and has its formatter and its linter.
pub fn rust(root: &Path) -> Result<(), String> {
    let manifest = root.join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest).map_err(|error| format!("could not read {}: {error}", manifest.display()))?;
    let asked = rust_asked(&text).ok_or_else(|| format!("{} names no rust-version", manifest.display()))?;
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let found = first_line(&rustc, &["--version"])
        .and_then(|line| version(&line))
        .ok_or("rustc did not say its version. Install Rust by rustup, then open a new terminal")?;
    if found < asked {
        return Err(format!(
            "Rust {} is too old: callout needs {}, as {} says. Mend: rustup update stable",
            dotted(found),
            dotted(asked),
            manifest.display()
        ));
    }
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if first_line(env!("CARGO"), &[tool, "--version"]).is_none() {
            return Err(format!("`cargo {tool}` is missing. Mend: rustup component add {component}"));
        }
    }
    Ok(())
}

/// Checks that Node.js is there and new enough; gives the version found.
pub fn node() -> Result<Version, String> {
    node_from(first_line("node", &["--version"]).as_deref())
}

fn node_from(said: Option<&str>) -> Result<Version, String> {
    let wanted = dotted(NODE_AT_LEAST);
    let mend = format!(
        "The console is built and tested with it. Mend: install Node.js {wanted} or later (your system's package `nodejs`, \
         or nodejs.org), then try again"
    );
    match said.map(|line| (line, version(line))) {
        None => Err(format!("Node.js is missing: `node --version` does not run. {mend}")),
        Some((line, None)) => Err(format!("`node --version` says \"{line}\", which is no version. {mend}")),
        Some((_, Some(found))) if found < NODE_AT_LEAST => {
            Err(format!("Node.js {} is too old: {wanted} is needed. {mend}", dotted(found)))
        }
        Some((_, Some(found))) => Ok(found),
    }
}

/// A version as people write it.
pub fn dotted((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// The first line that a program prints when it runs well.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// What to do about a line of a tool's output that a newcomer could not know how to mend.
pub fn mend(line: &str) -> Option<&'static str> {
    const MENDS: &[(&[&str], &str)] = &[
        (
            &["failed to download", "Could not resolve host", "spurious network error", "ENOTFOUND", "EAI_AGAIN"],
            "no network, or no way to the package registry. Mend: check the connection and the proxy settings, then try again",
        ),
        (&["requires rustc"], "Rust is too old. Mend: rustup update stable"),
        (
            &["is not installed for the toolchain"],
            "a part of Rust is missing. Mend: rustup component add rustfmt clippy",
        ),
        (
            &["needs to be updated but --locked"],
            "Cargo.lock does not fit Cargo.toml. Mend: run `cargo check` and commit Cargo.lock",
        ),
        (
            &["Address already in use", "EADDRINUSE"],
            "another program holds that port. Mend: give another one, e.g. --port 8090, or --port 0 for any that is free",
        ),
        (&["No space left on device", "ENOSPC"], "the disk is full. Mend: free some space; `target/` can be deleted"),
        (
            &["linker `cc` not found", "linker `link.exe` not found"],
            "there is no C linker. Mend: install your system's C compiler (Debian: apt-get install gcc libc6-dev)",
        ),
    ];
    MENDS.iter().find(|(signs, _)| signs.iter().any(|sign| line.contains(sign))).map(|(_, mend)| *mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_tools_print_them() {
        for (line, read) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)", Some((1, 95, 0))),
            ("rustc 1.97.0-nightly (abc 2026-06-01)", Some((1, 97, 0))),
            ("v20.20.2", Some((20, 20, 2))),
            ("1.90", Some((1, 90, 0))),
            ("no such thing", None),
        ] {
            assert_eq!(version(line), read, "{line}");
        }
    }

    #[test]
    fn the_rust_that_is_needed_stands_in_the_manifest() {
        assert_eq!(rust_asked("[package]\nname = \"x\"\nrust-version = \"1.90\"\n"), Some((1, 90, 0)));
        assert_eq!(rust_asked("[package]\n"), None);
        assert!(rust_asked(include_str!("../../Cargo.toml")).is_some());
    }

    #[test]
    fn a_missing_or_old_node_is_answered_with_what_and_how() {
        assert_eq!(node_from(Some("v22.1.0")), Ok((22, 1, 0)));
        assert!(node_from(None).is_err_and(|text| text.contains("missing") && text.contains("Mend")));
        assert!(node_from(Some("v18.3.0")).is_err_and(|text| text.contains("18.3.0 is too old: 20.19.0 is needed")));
        assert!(node_from(Some("Segmentation fault")).is_err());
    }

    #[test]
    fn known_troubles_come_with_their_mend() {
        assert!(mend("error: failed to download from the registry").is_some_and(|mend| mend.contains("network")));
        assert!(mend("Error: Address already in use (os error 98)").is_some_and(|mend| mend.contains("--port 0")));
        assert_eq!(mend("test result: ok. 3 passed"), None);
    }
}
