//! Looks for the built console (`target/web/`, made by `cargo xtask web`) and lists its files for embedding.
//!
//! It never runs npm and never needs Node: without a built console the daemon, the commands and all tests build as
//! well, and the console is one page that says how to build it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let web = root.join("target/web");
    // Cargo watches what exists: an empty directory now means that the console is noticed when it appears.
    let _ = fs::create_dir_all(&web);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", web.display());

    // The manifest is written last, so with it the build is whole.
    let built = web.join("manifest.json").is_file();
    if !built {
        println!("cargo::warning=console not built, run cargo xtask web");
    }
    let mut list = format!("/// Whether the console was built in.\npub const BUILT: bool = {built};\n");
    list.push_str("static FILES: &[Asset] = &[\n");
    if built {
        for file in files(&web) {
            entry(&mut list, &file);
        }
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("console_files.rs");
    fs::write(&out, list).unwrap_or_else(|error| panic!("could not write {}: {error}", out.display()));
}

/// The files to embed, by name, without the manifest and the gzip variants.
fn files(web: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(web)
        .unwrap_or_else(|error| panic!("could not list {}: {error}", web.display()))
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|ending| ending != "gz" && ending != "json"))
        .collect();
    found.sort();
    found
}

/// `app.1f2e3d4c.css` is embedded under that name and found by `app.css`.
fn entry(list: &mut String, path: &Path) {
    let name = path.file_name().and_then(|name| name.to_str()).expect("the build writes plain names");
    let mut parts: Vec<&str> = name.split('.').collect();
    if parts.len() >= 3 {
        parts.remove(parts.len() - 2);
    }
    let gz = path.with_file_name(format!("{name}.gz"));
    let gz = if gz.is_file() { format!("Some(include_bytes!({gz:?}))") } else { "None".to_owned() };
    writeln!(
        list,
        "    Asset {{ name: {name:?}, plain_name: {:?}, bytes: include_bytes!({path:?}), gzip: {gz} }},",
        parts.join(".")
    )
    .expect("writing to a string cannot fail");
}
