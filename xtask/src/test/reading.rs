//! Reads what test runners print: how many passed, failed and were skipped, by name, and the closing lines.
//!
//! Two runners are known: Rust's (`test result: ok. 24 passed; ...`), run with `--show-output` so that the words of
//! tests that passed come after the name of the test, and Node's `spec`. A Rust test that cannot look says so in a line
//! beginning `skipped:`; for the runner it passed, here it is counted as skipped.

use crate::needs;
use std::collections::BTreeSet;

/// What a part's output came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Passes that the runner counted.
    passed_counted: usize,
    /// Tests among them that only said `skipped:`.
    skipped_passes: BTreeSet<String>,
    /// Names of those that failed.
    pub failed: BTreeSet<String>,
    /// Failures that the runner counted, some perhaps without a name.
    failed_counted: usize,
    /// Names of Node tests that passed.
    passed_names: BTreeSet<String>,
    /// What was skipped, each with its reason.
    pub skipped: Vec<Skip>,
    /// The runners' own closing lines.
    pub closing: Vec<String>,
    /// How to mend the first known trouble.
    pub mend: Option<&'static str>,
    /// The test program that runs now, e.g. `tests/ostn15.rs`.
    program: String,
    /// The test whose words come now.
    test: String,
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skip {
    /// Which test.
    pub what: String,
    /// Why, in its own words.
    pub why: String,
}

impl Skip {
    /// Whether a full run must not have it. The one excuse is optional data that lies beside the project.
    pub fn is_a_fault(&self) -> bool {
        !self.why.contains("../shared")
    }
}

impl Reading {
    /// Takes one line, without its end.
    pub fn line(&mut self, raw: &str) {
        let plain = without_colours(raw);
        let line = plain.trim();
        if self.mend.is_none() {
            self.mend = needs::mend(line);
        }
        if let Some(rest) = line.strip_prefix("Running ") {
            let rest = rest.strip_prefix("unittests ").unwrap_or(rest);
            self.program = rest.split(" (").next().unwrap_or(rest).to_owned();
            self.test.clear();
        } else if let Some(name) = line.strip_prefix("Doc-tests ") {
            self.program = format!("doc tests of {name}");
            self.test.clear();
        } else if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.test = name.to_owned();
        } else if let Some(why) = line.strip_prefix("skipped:") {
            self.skip(why.trim());
        } else if line.starts_with("test result: ") && is_of_an_inner_run(line) {
            // Only quoted by the test that ran itself again, e.g. in a network of its own.
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.closing.push(format!("{}: {line}", self.program));
            self.passed_counted += number_before(result, " passed");
            self.failed_counted += number_before(result, " failed");
            self.test.clear();
        } else if let Some(test) = line.strip_prefix("test ") {
            if let Some(name) = test.strip_suffix(" ... FAILED") {
                self.failed.insert(format!("{}: {name}", self.program));
            } else if let Some((name, why)) = test.split_once(" ... ignored") {
                let why = format!("ignored{why}");
                self.skipped.push(Skip { what: format!("{}: {name}", self.program), why });
            }
        } else {
            self.node(line);
        }
    }

    /// Counts a check that is one test by itself.
    pub fn count_one(&mut self) {
        self.passed_counted += 1;
    }

    /// Forgets skips of tests that passed in another run of the same part, e.g. with the stand-in and not with the
    /// real thing: they were looked at.
    pub fn forget_skips_of_what_passed(&mut self) {
        let passed = &self.passed_names;
        self.skipped.retain(|skip| !passed.contains(&skip.what));
    }

    /// How many looked and were content.
    pub fn passed_n(&self) -> usize {
        self.passed_counted.saturating_sub(self.skipped_passes.len())
    }

    /// How many failed.
    pub fn failed_n(&self) -> usize {
        self.failed.len().max(self.failed_counted)
    }

    fn skip(&mut self, why: &str) {
        let what = match (self.program.as_str(), self.test.as_str()) {
            ("", "") => "all of it".to_owned(),
            (program, "") => program.to_owned(),
            (program, test) => format!("{program}: {test}"),
        };
        // The runner counts it as passed; a test that gives several reasons is still one test.
        if !self.test.is_empty() {
            self.skipped_passes.insert(what.clone());
        }
        self.skipped.push(Skip { what, why: why.to_owned() });
    }

    fn node(&mut self, line: &str) {
        if let Some(count) = line.strip_prefix("ℹ ") {
            let mut words = count.split_whitespace();
            let number = |word: Option<&str>| word.and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
            match words.next() {
                Some("pass") => self.passed_counted += number(words.next()),
                Some("fail" | "cancelled") => self.failed_counted += number(words.next()),
                Some("tests" | "skipped") => {}
                _ => return,
            }
            self.closing.push(count.to_owned());
        } else if let Some(test) = line.strip_prefix("✔ ") {
            self.passed_names.insert(without_time(test).to_owned());
        } else if let Some(test) = line.strip_prefix("✖ ") {
            if test != "failing tests:" {
                self.failed.insert(without_time(test).to_owned());
            }
        } else if let Some(test) = line.strip_prefix("﹣ ") {
            let (what, why) = test.split_once(" # ").unwrap_or((test, "no reason given"));
            self.skipped.push(Skip { what: without_time(what).to_owned(), why: why.to_owned() });
        }
    }
}

/// Whether a closing line is of a test program that a test started anew for one test: it filters, which no part does.
fn is_of_an_inner_run(line: &str) -> bool {
    number_before(line, " filtered out") > 0
}

/// The number right before `word`, e.g. 3 in `ok. 3 passed; 0 failed`.
fn number_before(line: &str, word: &str) -> usize {
    let before = line.split(word).next().filter(|before| before.len() < line.len()).unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A Node test's name without the time it took: `opens (1.2ms)` is `opens`.
fn without_time(name: &str) -> &str {
    name.rsplit_once(" (").filter(|(_, time)| time.ends_with("ms)")).map_or(name, |(name, _)| name)
}

/// The line without terminal colours (`ESC [ ... letter`).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().take_while(|c| !c.is_ascii_alphabetic()).for_each(drop);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reading {
        let mut reading = Reading::default();
        text.lines().for_each(|line| reading.line(line));
        reading
    }

    const RUST: &str = "\
\u{1b}[1m\u{1b}[32m     Running\u{1b}[0m unittests src/lib.rs (target/debug/deps/callout-1)
running 3 tests
test a ... ok
test b ... FAILED
test c ... ignored, takes an hour
failures:
---- b stdout ----
thread 'b' panicked at src/lib.rs:1:1:
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running tests/ostn15.rs (target/debug/deps/ostn15-2)
test forty_points ... ok
test all_of_shared ... ok
successes:
---- all_of_shared stdout ----
skipped: ../shared/data/gis is absent
successes:
    all_of_shared
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.26s
";

    #[test]
    fn rusts_runner_is_read_with_skips_taken_out_of_what_passed() {
        let reading = read(RUST);
        assert_eq!((reading.passed_n(), reading.failed_n(), reading.skipped.len()), (2, 1, 2));
        assert!(reading.failed.contains("src/lib.rs: b"));
        assert_eq!(reading.skipped[0].what, "src/lib.rs: c");
        assert_eq!(reading.skipped[1].what, "tests/ostn15.rs: all_of_shared");
        assert_eq!(reading.skipped[1].why, "../shared/data/gis is absent");
        assert_eq!(reading.closing.len(), 2);
    }

    #[test]
    fn only_absent_shared_data_excuses_a_skip() {
        let reading = read(RUST);
        assert!(reading.skipped[0].is_a_fault());
        assert!(!reading.skipped[1].is_a_fault());
    }

    #[test]
    fn a_test_that_gives_two_reasons_is_one_test() {
        let reading =
            read("---- t stdout ----\nskipped: no postfix\nskipped: no kannel\ntest result: ok. 3 passed; 0 failed");
        assert_eq!((reading.passed_n(), reading.skipped.len()), (2, 2));
    }

    #[test]
    fn a_test_that_runs_itself_again_is_counted_once() {
        let reading = read(
            "---- over_smtp stdout ----\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 7.69s",
        );
        assert_eq!((reading.passed_n(), reading.closing.len()), (3, 1));
    }

    #[test]
    fn nodes_runner_is_read() {
        let reading = read(
            "✔ one passes (1.013521ms)\n﹣ two skips (0.10762ms) # no chromium\n✖ four fails (0.305042ms)\n\
             ℹ tests 3\nℹ suites 0\nℹ pass 1\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\nℹ duration_ms 367.687527\n\
             ✖ failing tests:\n✖ four fails (0.305042ms)\n",
        );
        assert_eq!((reading.passed_n(), reading.failed_n()), (1, 1));
        assert_eq!(reading.skipped, [Skip { what: "two skips".to_owned(), why: "no chromium".to_owned() }]);
        assert!(reading.failed.contains("four fails"));
    }

    #[test]
    fn a_skip_counts_only_where_no_run_passed_the_test() {
        let mut reading = read(
            "✔ by keyboard (9.1ms)\n﹣ by thumb (0.1ms) # no phone\nℹ pass 1\nℹ skipped 1\n\
             ﹣ by keyboard (0.1ms) # needs the stand-in\n﹣ by thumb (0.1ms) # no phone\nℹ pass 0\nℹ skipped 2\n",
        );
        assert_eq!(reading.skipped.len(), 3);
        reading.forget_skips_of_what_passed();
        assert!(reading.skipped.iter().all(|skip| skip.what == "by thumb"));
    }
}
