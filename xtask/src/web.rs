//! `cargo xtask web`: builds the console's styles and scripts into `target/web/`, where `build.rs` finds them.
//!
//! Like a baker who looks first whether yesterday's loaf is still good: when neither the sources nor the lock file
//! changed since the last build, it stops at once. npm installs exactly the lock file and runs no package's scripts.

use crate::{Outcome, needs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the console into `target/web`, unless it is up to date. Takes no arguments.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    if let Some(argument) = arguments.first() {
        return Err(format!("`cargo xtask web` takes no arguments, and was given {argument:?}"));
    }
    let console = root.join("src/web/console");
    let (lock, sources) = (hash(&[console.join("package-lock.json")])?, hash(&sources(&console)?)?);
    let stamp = root.join("target/web.stamp");
    let wanted = format!("lock {lock:016x}\nsources {sources:016x}\n");
    let last = fs::read_to_string(&stamp).unwrap_or_default();
    // The tests need the packages too, and a `target` may have come from elsewhere without them.
    let installed = console.join("node_modules").is_dir();
    if last == wanted && installed && root.join("target/web/manifest.json").is_file() {
        println!("console: up to date");
        return Ok(());
    }
    needs::node()?;
    // Removed first: a build that fails half way must not count as done.
    let _ = fs::remove_file(&stamp);
    if last.lines().next() != wanted.lines().next() || !installed {
        println!("console: installing what the lock file names");
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        call(Command::new(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&console))?;
    }
    println!("console: building");
    call(Command::new("node").arg("build.mjs").current_dir(&console))?;
    fs::write(&stamp, wanted).map_err(|error| format!("could not write {}: {error}", stamp.display()))
}

/// What the build depends on: not the templates, which are compiled into the program, and not the tests.
fn sources(console: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = vec![console.join("package.json"), console.join("package-lock.json"), console.join("build.mjs")];
    for folder in ["scss", "js", "icons"] {
        let folder = console.join(folder);
        let list = fs::read_dir(&folder).map_err(|error| format!("could not list {}: {error}", folder.display()))?;
        for entry in list {
            files.push(entry.map_err(|error| format!("could not list {}: {error}", folder.display()))?.path());
        }
    }
    files.sort();
    Ok(files)
}

/// FNV-1a over names and contents: it notices change, it does not guard against malice.
fn hash(files: &[PathBuf]) -> Result<u64, String> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for file in files {
        let bytes = fs::read(file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
        take(file.file_name().map(|name| name.as_encoded_bytes()).unwrap_or_default());
        take(&bytes.len().to_le_bytes());
        take(&bytes);
    }
    Ok(hash)
}

fn call(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}").replace('"', "");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status}); its own words are above")),
        Err(error) => Err(format!("`{shown}` could not be started: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_name_or_byte_changes_the_hash() {
        let folder = std::env::temp_dir().join(format!("callout-xtask-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a scratch directory");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a scratch file");
            hash(&[path]).expect("it was just written")
        };
        let first = file("a", "one");
        assert_eq!(first, file("a", "one"));
        assert_ne!(first, file("a", "two"));
        assert_ne!(first, file("b", "one"));
        fs::remove_dir_all(&folder).expect("our own directory");
    }
}
