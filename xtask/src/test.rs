//! `cargo xtask test`: every check of the project in one command, part by part.
//!
//! First it sees to what the parts need (Rust's tools, Node.js, the console, Debian packages); what cannot be had is
//! said, and the parts that need it are skipped, never silently. Then the parts run in turn, each to its end even when
//! an earlier one failed. At the end stand the runners' own closing lines, one line a part, and by name everything that
//! failed or was skipped. With `CI=true` a skip is a failure too, but for optional data beside the project (`../shared`).

mod demo_server;
mod reading;
mod running;

use crate::{Outcome, needs, packages, web};
use reading::{Reading, Skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest that a part may take; then it is ended and counts as failed.
const PART_MAX: Duration = Duration::from_secs(45 * 60);
/// Where the console's tests live.
const BROWSER_TESTS: &str = "src/web/console/test";
/// Set, it makes the console's unit tests write previews of every page for the browser.
const PREVIEWS: &str = "CALLOUT_PREVIEW";
/// The browser that they use.
const CHROMIUM: &str = "/usr/bin/chromium";

/// The parts in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Format,
    Clippy,
    Unit,
    Integration,
    Servers,
    Browser,
    Tools,
}

impl Part {
    const ALL: [Self; 7] =
        [Self::Format, Self::Clippy, Self::Unit, Self::Integration, Self::Servers, Self::Browser, Self::Tools];

    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Unit => "unit",
            Self::Integration => "integration",
            Self::Servers => "servers",
            Self::Browser => "browser",
            Self::Tools => "tools",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Format => "the code is formatted",
            Self::Clippy => "the linter has nothing to say",
            Self::Unit => "tests beside the code",
            Self::Integration => "tests of whole parts, in memory or in a directory of their own",
            Self::Servers => "tests against real mail and SMS servers, and with kill -9",
            Self::Browser => "the console in a real browser, and its accessibility",
            Self::Tools => "the Python tools",
        }
    }
}

/// The parts named, or all of them.
fn chosen(arguments: &[String]) -> Result<Vec<Part>, String> {
    let names = || Part::ALL.map(Part::name).join(", ");
    let unknown: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !Part::ALL.iter().any(|part| part.name() == *argument))
        .collect();
    if !unknown.is_empty() {
        return Err(format!("there is no part `{}`. The parts are: {}", unknown.join("`, `"), names()));
    }
    let wanted = |part: &Part| arguments.is_empty() || arguments.iter().any(|argument| argument == part.name());
    Ok(Part::ALL.into_iter().filter(wanted).collect())
}

/// What the set-up could not get, for the parts that need it.
#[derive(Debug, Default)]
struct Lacking {
    console: Option<String>,
    packages: Option<String>,
}

/// How a part went.
struct Ran {
    part: Part,
    reading: Reading,
    /// What went wrong beside tests that failed.
    trouble: Option<String>,
    took: Duration,
}

impl Ran {
    fn fails(&self, strict: bool) -> bool {
        self.trouble.is_some()
            || self.reading.failed_n() > 0
            || (strict && self.reading.skipped.iter().any(Skip::is_a_fault))
    }
}

/// Runs the parts named in `arguments`, all of them where none is.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let parts = chosen(arguments)?;
    let strict = std::env::var("CI").is_ok_and(|value| value == "true");
    let began = Instant::now();
    needs::rust(root)?;
    let lacking = set_up(root, &parts);
    let mut ran = Vec::new();
    for part in parts {
        heading(&format!("{}: {}", part.name(), part.says()));
        let began = Instant::now();
        let mut reading = Reading::default();
        let trouble = run_part(part, root, &lacking, strict, &mut reading).err();
        let took = began.elapsed();
        if let Some(trouble) = &trouble {
            println!("\n{}: {trouble}", part.name());
        }
        println!("({}, {:.1} s)", part.name(), took.as_secs_f64());
        ran.push(Ran { part, reading, trouble, took });
    }
    print!("{}", summary(&ran, strict));
    println!("{:.0} s over all", began.elapsed().as_secs_f64());
    let failed: Vec<&str> = ran.iter().filter(|ran| ran.fails(strict)).map(|ran| ran.part.name()).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("not well: {}. Each is named above", failed.join(", "))) }
}

/// Gets what the parts need; what it cannot get is told now, and again where it is missed.
fn set_up(root: &Path, parts: &[Part]) -> Lacking {
    let mut lacking = Lacking::default();
    heading("set-up");
    if parts.iter().any(|part| !matches!(part, Part::Format | Part::Tools)) {
        lacking.console = needs::node().and_then(|_| web::run(root, &[])).err();
        say("console", lacking.console.as_deref());
    }
    if parts.contains(&Part::Servers) || parts.contains(&Part::Integration) {
        lacking.packages = packages::run(root, &[]).err();
        say("packages", lacking.packages.as_deref());
    }
    if parts.contains(&Part::Browser) && !Path::new(CHROMIUM).exists() {
        let browser = packages::run(root, &["chromium".to_owned()]).err();
        say("browser", browser.as_deref());
    }
    lacking
}

fn say(what: &str, lacking: Option<&str>) {
    match lacking {
        None => println!("{what}: ready"),
        Some(why) => println!("{what}: not to be had. {why}"),
    }
}

fn heading(text: &str) {
    println!("\n── {text} {}\n", "─".repeat(96_usize.saturating_sub(text.chars().count())));
}

fn cargo(root: &Path, arguments: &[&str], strict: bool) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root);
    // `fmt` does not resolve dependencies and knows no such flag.
    if strict && arguments.first() != Some(&"fmt") {
        command.arg("--locked");
    }
    command
}

fn run_part(part: Part, root: &Path, lacking: &Lacking, strict: bool, reading: &mut Reading) -> Result<(), String> {
    let all = |reading: &mut Reading, why: &str| {
        println!("skipped: {why}");
        reading.line(&format!("skipped: {why}"));
        Ok(())
    };
    match part {
        Part::Format => check(cargo(root, &["fmt", "--all", "--check"], strict), reading, "Mend: cargo fmt --all"),
        Part::Clippy => {
            let mut command = cargo(root, &["clippy", "--workspace", "--all-targets"], strict);
            command.args(["--", "-D", "warnings"]);
            check(command, reading, "Each is explained above")
        }
        Part::Unit => {
            let mut command = cargo(root, &["test", "--workspace", "--lib", "--bins", "--no-fail-fast"], strict);
            command.args(["--", "--show-output"]).env(PREVIEWS, "1");
            tests(command, reading)?;
            let mut command = cargo(root, &["test", "--package", "callout", "--doc", "--no-fail-fast"], strict);
            command.args(["--", "--show-output"]);
            tests(command, reading)
        }
        Part::Integration | Part::Servers => {
            let files = test_files(&root.join("tests"))?;
            let real = part == Part::Servers;
            let files: Vec<&String> = files.iter().filter(|file| is_against_servers(file) == real).collect();
            if files.is_empty() {
                return all(reading, "there are no such tests in tests/");
            }
            if let (true, Some(why)) = (real, &lacking.packages) {
                println!("Not all packages are here, so some of these may be skipped. {why}\n");
            }
            let mut command = cargo(root, &["test", "--package", "callout", "--no-fail-fast"], strict);
            for file in files {
                command.args(["--test", file]);
            }
            command.args(["--", "--show-output"]);
            tests(command, reading)
        }
        Part::Browser => {
            if let Some(why) = &lacking.console {
                return all(reading, why);
            }
            if !Path::new(CHROMIUM).exists() {
                return all(reading, "no Chromium at /usr/bin/chromium. Mend: as root, apt-get install chromium");
            }
            if !root.join(BROWSER_TESTS).is_dir() {
                return all(reading, &format!("there are no tests in {BROWSER_TESTS}"));
            }
            browser(root, strict, reading)
        }
        Part::Tools => {
            let tools = root.join("tools");
            if !test_scripts(&tools) {
                println!("there are no Python tools with tests");
                return Ok(());
            }
            let mut command = Command::new("python3");
            command.args(["-m", "unittest", "discover", "--start-directory", "tools", "--pattern", "test_*.py"]);
            command.current_dir(root);
            check(command, reading, "Each is named above")
        }
    }
}

/// Runs a check that has no tests to count: it is one.
fn check(command: Command, reading: &mut Reading, mend: &str) -> Result<(), String> {
    let ended = running::run(command, PART_MAX, |line| reading.line(line))?;
    if ended.success() {
        reading.count_one();
        return Ok(());
    }
    Err(format!("not clean. {}", reading.mend.unwrap_or(mend)))
}

/// Runs tests; a runner that fails with no test to blame is trouble of its own.
fn tests(command: Command, reading: &mut Reading) -> Result<(), String> {
    let ended = running::run(command, PART_MAX, |line| reading.line(line))?;
    match (ended.success(), reading.failed_n(), reading.mend) {
        (true, _, _) | (false, 1.., None) => Ok(()),
        (false, 0, None) => Err(format!("it did not build or did not end well ({ended}); the reason stands above")),
        (false, 0, Some(mend)) => Err(mend.to_owned()),
        (false, 1.., Some(mend)) => {
            println!("\nPerhaps: {mend}");
            Ok(())
        }
    }
}

/// The console's tests in a browser: on previews of every page with a stand-in behind them, then against a demo.
fn browser(root: &Path, strict: bool, reading: &mut Reading) -> Result<(), String> {
    let files = console_tests(&root.join(BROWSER_TESTS))?;
    let built = |arguments: &[&str], what: &str| {
        let mut command = cargo(root, arguments, strict);
        command.env(PREVIEWS, "1");
        match running::run(command, PART_MAX, |_| {})?.success() {
            true => Ok(()),
            false => Err(format!("{what} did not build; the reason stands above")),
        }
    };
    let node = || {
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]).args(&files).current_dir(root);
        command.env("CHROMIUM", CHROMIUM).env_remove("CALLOUT_URL").env_remove("CALLOUT_PHONE");
        command
    };

    built(&["test", "--package", "callout", "--lib", "web::pages"], "the previews")?;
    println!("\nOn previews, with a stand-in for the daemon:\n");
    tests(node(), reading)?;

    built(&["build", "--package", "callout", "--bin", "callout"], "callout")?;
    let demo = demo_server::start(root)?;
    println!("\nAgainst a demo at {}, its output in {}:\n", demo.address, demo.output.display());
    let mut command = node();
    command.env("CALLOUT_URL", &demo.address);
    if let Some(phone) = &demo.phone {
        command.env("CALLOUT_PHONE", phone);
    }
    let outcome = tests(command, reading);
    demo.stop();
    reading.forget_skips_of_what_passed();
    outcome
}

/// The test files of the console, sorted: `*.test.mjs`. What else lies beside them serves them.
fn console_tests(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("could not read {}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() { Err(format!("there is no *.test.mjs in {}", folder.display())) } else { Ok(files) }
}

/// The names of the test programs in `folder`, sorted: files, and folders with a `main.rs`.
fn test_files(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error| format!("could not read {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path: PathBuf = entry.map_err(failed)?.path();
        let is_test = path.extension().is_some_and(|ending| ending == "rs") || path.join("main.rs").is_file();
        if let (true, Some(stem)) = (is_test, path.file_stem().and_then(|stem| stem.to_str())) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a test program stands apart because it needs real servers or takes real time: by name.
fn is_against_servers(name: &str) -> bool {
    name.starts_with("real_") || matches!(name, "main_job" | "kill_nine" | "kill9")
}

fn test_scripts(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("test_") && name.ends_with(".py")
        })
    })
}

/// What stands at the end: closing lines, one line a part, then everything that was skipped or failed, by name.
fn summary(ran: &[Ran], strict: bool) -> String {
    let mut text = String::from("\n── the runners' own closing lines\n\n");
    for Ran { part, reading, .. } in ran {
        for line in &reading.closing {
            text += &format!("{}: {line}\n", part.name());
        }
    }
    text += "\n── summary\n\n";
    for Ran { part, reading, trouble, took } in ran {
        let failed = reading.failed_n().max(usize::from(trouble.is_some()));
        text += &format!(
            "{:<12} {} passed, {failed} failed, {} skipped  ({:.1} s)\n",
            part.name(),
            reading.passed_n(),
            reading.skipped.len(),
            took.as_secs_f64()
        );
    }
    for Ran { part, reading, .. } in ran {
        for skip in &reading.skipped {
            let verdict =
                if strict && skip.is_a_fault() { " (a failure here: CI is to look at everything)" } else { "" };
            text += &format!("\nskipped in {}: {}: {}{verdict}", part.name(), skip.what, skip.why);
        }
    }
    for Ran { part, reading, trouble, .. } in ran {
        for name in &reading.failed {
            text += &format!("\nfailed in {}: {name}", part.name());
        }
        if let Some(trouble) = trouble {
            text += &format!("\nfailed in {}: {trouble}", part.name());
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_chosen_by_name_and_keep_their_order() {
        let chosen = |names: &[&str]| super::chosen(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(chosen(&[]), Ok(Part::ALL.to_vec()));
        assert_eq!(chosen(&["unit", "format"]), Ok(vec![Part::Format, Part::Unit]));
        assert!(chosen(&["units"]).is_err_and(|text| text.contains("`units`") && text.contains("integration")));
    }

    #[test]
    fn tests_against_servers_stand_apart_by_name() {
        assert!(is_against_servers("main_job") && is_against_servers("real_smtp"));
        assert!(!is_against_servers("layers") && !is_against_servers("journal"));
    }

    fn ran(lines: &[&str], trouble: Option<&str>) -> Ran {
        let mut reading = Reading::default();
        lines.iter().for_each(|line| reading.line(line));
        Ran { part: Part::Integration, reading, trouble: trouble.map(str::to_owned), took: Duration::from_secs(2) }
    }

    #[test]
    fn a_skip_fails_only_where_everything_must_be_looked_at() {
        let excused = ran(
            &["---- t stdout ----", "skipped: ../shared/data is absent", "test result: ok. 1 passed; 0 failed"],
            None,
        );
        assert!(!excused.fails(true) && !excused.fails(false));
        let lazy = ran(&["---- t stdout ----", "skipped: no postfix", "test result: ok. 1 passed; 0 failed"], None);
        assert!(lazy.fails(true) && !lazy.fails(false));
        assert!(ran(&["test a ... FAILED", "test result: FAILED. 0 passed; 1 failed"], None).fails(false));
        assert!(ran(&[], Some("it did not build")).fails(false));
    }

    #[test]
    fn the_summary_names_what_was_skipped_and_what_failed() {
        let ran = [ran(
            &[
                "     Running tests/ostn15.rs (target/debug/deps/ostn15-2)",
                "test far ... FAILED",
                "---- near stdout ----",
                "skipped: no postfix",
                "test result: FAILED. 2 passed; 1 failed; 0 ignored",
            ],
            None,
        )];
        let text = summary(&ran, true);
        assert!(text.contains("integration  1 passed, 1 failed, 1 skipped  (2.0 s)"), "{text}");
        assert!(text.contains("integration: tests/ostn15.rs: test result: FAILED. 2 passed"), "{text}");
        assert!(text.contains("skipped in integration: tests/ostn15.rs: near: no postfix (a failure here"), "{text}");
        assert!(text.contains("failed in integration: tests/ostn15.rs: far"), "{text}");
    }
}
