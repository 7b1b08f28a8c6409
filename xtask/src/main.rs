//! One command for each chore of a developer: `cargo xtask demo`, `cargo xtask test`, and the parts they are made of.
//!
//! A plain dispatcher. Each verb stands in a file of its own and has one entry, `run(root, arguments)`, where `root`
//! is the project's root and an error is a text that says what, where and how to mend it. No dependencies, so that
//! a fresh clone starts at once.

mod demo;
mod fuzz;
mod needs;
mod packages;
mod peers;
mod test;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a verb gives back: nothing, or a text for the person at the terminal.
type Outcome = Result<(), String>;

const USAGE: &str = "usage: cargo xtask VERB [ARGUMENTS]

  demo [ARGUMENTS]      builds the console and callout, then plays a storm evening; arguments go to `callout demo`
  test [PART ...]       sets up what the tests need, then runs every part, or only those named
  fuzz [READER] [MINUTES]  the readers of map files and gazetteers against bent files; ten minutes each
  web                   builds the console's styles and scripts into target/web (needs Node)
  packages              installs what the tests against real servers need: Debian packages (needs root), and the
                        suppliers' client libraries into target/peers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = root();
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("", &[][..]),
    };
    let outcome = match verb {
        "demo" => demo::run(&root, rest),
        "test" => test::run(&root, rest),
        "fuzz" => fuzz::run(&root, rest),
        "web" => web::run(&root, rest),
        "packages" => packages::run(&root, rest),
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        "" => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
        other => {
            eprintln!("cargo xtask: there is no verb `{other}`\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("\ncargo xtask {verb}: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// The project's root: the directory above this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the project's root").to_path_buf()
}
