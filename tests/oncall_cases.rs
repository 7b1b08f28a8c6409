//! What other on-call systems do, case by case, and whether callout does the same.
//!
//! Reads `../shared/data/oncall_cases.json`, or the file named by `CALLOUT_ONCALL_CASES`. The adapters in `oncall/` put
//! names and shapes into callout's own; every date and decision comes from a public function of `callout::domain`. For
//! each kind of case one line is printed, and below it the id and reason of each case that is not applicable (the inside
//! of another system), that callout chose against (`docs/rota.md` says why), or that fails.
#![allow(clippy::unwrap_used)]

mod oncall;

use oncall::{Outcome, judge};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// Not through `println!`, which a passing test keeps to itself.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[test]
fn cases_of_other_systems_come_out_as_they_should() {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/oncall_cases.json");
    let path = std::env::var_os("CALLOUT_ONCALL_CASES").map_or(default, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        say(&format!("skipped: no cases: {} cannot be read", path.display()));
        return;
    };
    let file: Value = serde_json::from_str(&text).expect("the file of cases is JSON");
    let cases = file["cases"].as_array().expect("the file has a list `cases`");
    let mut kinds: BTreeMap<&str, Vec<(&str, Outcome)>> = BTreeMap::new();
    for case in cases {
        let (kind, id) = (case["kind"].as_str().unwrap_or("?"), case["id"].as_str().unwrap_or("?"));
        kinds.entry(kind).or_default().push((id, judge(case)));
    }
    let mut totals = [0; 4];
    for (kind, outcomes) in &kinds {
        let count = |wanted: usize| outcomes.iter().filter(|(_, outcome)| outcome.place() == wanted).count();
        let counts = [0, 1, 2, 3].map(count);
        let [passed, failed, not_applicable, against] = counts;
        say(&format!(
            "{kind}: passed {passed}, failed {failed}, not applicable {not_applicable}, chosen against {against}"
        ));
        for (id, outcome) in outcomes {
            match outcome {
                Outcome::Passed => {}
                Outcome::Failed(why) => say(&format!("  failed {id}: {why}")),
                Outcome::NotApplicable(why) => say(&format!("  not applicable {id}: {why}")),
                Outcome::ChosenAgainst(why) => say(&format!("  chosen against {id}: {why}")),
            }
        }
        (0..4).for_each(|n| totals[n] += counts[n]);
    }
    let [passed, failed, not_applicable, against] = totals;
    say(&format!(
        "all {} cases: passed {passed}, failed {failed}, not applicable {not_applicable}, chosen against {against}",
        cases.len()
    ));
    assert_eq!(failed, 0, "cases fail");
    assert!(passed > 0, "no case could be run");
    assert!(4 * not_applicable <= cases.len(), "more than a quarter is not applicable");
}
