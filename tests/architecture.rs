//! `ARCHITECTURE.md` and `README.md` tell the truth: every file and test that the first names is there, every invariant
//! has its row, and every verb that the second promises is a verb of the program.
//!
//! Each check is shown to bite on a planted slip.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many invariants there are.
const INVARIANTS: usize = 26;
/// What a row says that no test guards.
const UNGUARDED: &str = "not guarded yet";
/// The failures that `docs/reliability.md` answers, by their numbers.
const FAILURES: [std::ops::RangeInclusive<u32>; 3] = [25..=42, 53..=57, 63..=82];
/// Folders whose files are named with their path.
const FOLDERS: [&str; 4] = ["src/", "tests/", "xtask/", "config/"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What stands between backticks, outside fences.
fn quoted(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// Whether `source` has a test of that name: a function with a test's attribute above it, or one of `proptest!`.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    source.match_indices(&head).any(|(at, _)| {
        let above: Vec<&str> = source[..at].lines().rev().take(4).collect();
        above.iter().any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
    })
}

/// What is wrong with the names in a page: files and tests that are not there.
fn missing(text: &str, root: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for word in quoted(text) {
        if !FOLDERS.iter().any(|folder| word.starts_with(folder)) {
            continue;
        }
        let (file, test) = word.split_once("::").map_or((word, None), |(file, test)| (file, Some(test)));
        let path = root.join(file);
        if !path.exists() {
            wrong.push(format!("{file} is not there"));
            continue;
        }
        if let Some(test) = test
            && !has_test(&fs::read_to_string(&path).unwrap(), test)
        {
            wrong.push(format!("{file} has no test `{test}`"));
        }
    }
    wrong
}

/// What is wrong with the table of invariants.
fn unsound(text: &str) -> Vec<String> {
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| I"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut wrong = Vec::new();
    for n in 1..=INVARIANTS.max(rows.len()) {
        match rows.get(n - 1).map(Vec::as_slice) {
            Some([id, _, guard]) if *id == format!("I{n}") => {
                let named = quoted(guard).iter().any(|word| word.contains("::"));
                if named == guard.contains(UNGUARDED) {
                    wrong.push(format!("I{n} should name a test, or say \"{UNGUARDED}\""));
                }
            }
            _ => wrong.push(format!("row {n} should be I{n} with three columns")),
        }
    }
    wrong
}

/// The verbs of the table in README.md.
fn promised(readme: &str) -> Vec<String> {
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `callout "));
    rows.filter_map(|row| row.split([' ', '`']).next()).map(str::to_owned).collect()
}

#[test]
fn every_file_and_test_that_the_architecture_names_is_there() {
    let text = page("ARCHITECTURE.md");
    assert_eq!(missing(&text, &root()), Vec::<String>::new());
    assert_eq!(unsound(&text), Vec::<String>::new());
    assert!(quoted(&text).iter().filter(|word| word.contains("::")).count() > 20, "the table names its tests");
}

/// The rows of failures that are not there, or that name neither a test nor a story nor say "not yet".
fn unanswered(text: &str) -> Vec<u32> {
    let good = |n: &u32| {
        let row = text.lines().find(|line| line.starts_with(&format!("| F{n} |")));
        let shown = row.and_then(|row| row.trim_matches('|').rsplit('|').next()).unwrap_or_default();
        shown.contains("::") || shown.contains("tests/scenarios/") || shown.trim() == "not yet"
    };
    FAILURES.into_iter().flatten().filter(|n| !good(n)).collect()
}

/// Rows of the comparison that say yes and show nothing.
fn unshown(text: &str) -> Vec<&str> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let yes = rows.filter(|row| row.rsplit(" | ").next().is_some_and(|ours| ours.starts_with("yes")));
    yes.filter(|row| !row.contains("`tests/") && !row.contains("`src/")).collect()
}

#[test]
fn every_failure_has_its_answer_and_every_yes_its_test() {
    let failures = page("docs/reliability.md");
    assert_eq!(missing(&failures, &root()), Vec::<String>::new());
    assert_eq!(unanswered(&failures), Vec::<u32>::new());
    let compared = page("docs/oncall-compared.md");
    assert_eq!(missing(&compared, &root()), Vec::<String>::new());
    assert_eq!(unshown(&compared), Vec::<&str>::new());
    assert!(compared.matches("| yes").count() > 15, "the table has its column");
    assert_eq!(unanswered(&failures.replace("| F40 |", "| F400 |")), [40]);
    assert_eq!(unshown("| a | b | yes, surely |"), ["a | b | yes, surely"]);
}

#[test]
fn every_verb_that_the_front_page_promises_is_there() {
    let verbs = promised(&page("README.md"));
    assert!(verbs.len() >= 10, "{verbs:?}");
    let help = Command::new(env!("CARGO_BIN_EXE_callout")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for verb in verbs {
        let there = help.lines().any(|line| line.split_whitespace().next() == Some(verb.as_str()));
        assert!(there, "README.md promises `callout {verb}`, which `callout --help` does not list:\n{help}");
    }
}

#[test]
fn a_planted_slip_is_found() {
    let slips = "`tests/architecture.rs::no_such_test`, `src/no_such_file.rs`, `tests/architecture.rs::a_planted_slip_is_found`";
    assert_eq!(
        missing(slips, &root()),
        ["tests/architecture.rs has no test `no_such_test`", "src/no_such_file.rs is not there"]
    );
    assert!(!has_test("fn helper() {}\n\n\n\nfn other() {}", "helper"), "a function without the attribute is no test");
    let full: String = (1..=INVARIANTS).map(|n| format!("| I{n} | x | `tests/a.rs::b` |\n")).collect();
    assert_eq!(unsound(&full), Vec::<String>::new());
    assert_eq!(unsound(&full.replace("| I7 | x | `tests/a.rs::b` |", "| I7 | x | soon |")).len(), 1);
    assert_eq!(unsound(&full.replace("| I26 |", "| I27 |")).len(), 1);
    assert_eq!(unsound(&full.replace("`tests/a.rs::b` |\n| I3", "`tests/a.rs::b`, not guarded yet |\n| I3")).len(), 1);
    assert_eq!(promised("| `callout serve` | x |\n| `callout log verify` | y |\ntext `callout no`"), ["serve", "log"]);
}
