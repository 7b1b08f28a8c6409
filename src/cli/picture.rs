//! Shows problems to people: the sentence, the line with the faulty part underlined, the remedy.
//!
//! The picture is drawn from the file on disk, which the person at the terminal may read anyway; a line that holds
//! somebody's number or address is named but not shown.

use crate::domain::problem::{Code, Gravity, Problem};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most characters of a line that are shown.
const LINE_SHOWN_MAX: usize = 110;

/// All problems, one after another, each with its picture.
pub fn draw(problems: &[Problem]) -> String {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut shown = String::new();
    for problem in problems {
        let text =
            texts.entry(&problem.file).or_insert_with(|| std::fs::read_to_string(&problem.file).unwrap_or_default());
        shown += &draw_one(problem, text);
    }
    shown
}

/// One problem, with the line of `text` that it means.
fn draw_one(problem: &Problem, text: &str) -> String {
    let mut shown = format!("{}[{}]: {}\n", problem.severity.as_str(), problem.code, problem.message);
    let help = problem.help.as_deref().map_or_else(String::new, |help| format!("help: {help}   "));
    let line = usize::try_from(problem.line).ok().and_then(|line| text.lines().nth(line.checked_sub(1)?));
    let personal = matches!(problem.code, Code::N002 | Code::N003);
    let margin = problem.line.to_string().len().max(2);
    let place = match problem.line {
        0 => problem.file.clone(),
        line => format!("{}:{line}:{}", problem.file, problem.column),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(shown, "{:margin$} ╭─[{place}]", "");
    if let Some(line) = line.filter(|line| !personal && line.chars().count() <= LINE_SHOWN_MAX) {
        let line = line.replace('\t', " ");
        let before = problem.column.saturating_sub(1) as usize;
        let width = (problem.width as usize).clamp(1, line.chars().count().saturating_sub(before).max(1));
        let _ = writeln!(shown, "{:>margin$} │ {line}", problem.line);
        let _ = writeln!(shown, "{:margin$} │ {}{}", "", " ".repeat(before), "─".repeat(width));
    }
    let _ = writeln!(shown, "{:margin$} ╰─ {help}callout explain {}\n", "", problem.code);
    shown
}

/// The closing line: `2 errors, 1 finding.`
pub fn count(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.severity == Gravity::Error).count();
    let findings = problems.len() - errors;
    let plural = |n: usize, word: &str| match n {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    format!("{}, {}", plural(errors, "error"), plural(findings, "finding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line_its_place_and_its_remedy() {
        let text = "title = \"x\"\n[[step]]\npage = \"rest_center\"\n";
        let problem = Problem {
            line: 3,
            column: 8,
            width: 13,
            ..Problem::of_file("playbooks/flood.toml", Code::P013, "the rota has no role \"rest_center\"")
                .with_help("did you mean \"rest_centre\"?")
        };
        let expected = "\
error[P013]: the rota has no role \"rest_center\"
   ╭─[playbooks/flood.toml:3:8]
 3 │ page = \"rest_center\"
   │        ─────────────
   ╰─ help: did you mean \"rest_centre\"?   callout explain P013

";
        assert_eq!(draw_one(&problem, text), expected);
    }

    #[test]
    fn a_line_with_a_persons_number_is_named_but_not_shown() {
        let problem =
            Problem { line: 1, column: 10, width: 3, ..Problem::of_file("people.toml", Code::N002, "`mobile`: x") };
        let shown = draw_one(&problem, "mobile = \"07700 900 1\"\n");
        assert!(shown.contains("people.toml:1:10") && !shown.contains("900"), "{shown}");
    }

    #[test]
    fn the_count_reads_as_a_sentence() {
        let error = Problem::of_file("a", Code::T001, "x");
        let finding = Problem::of_file("a", Code::P015, "x");
        assert_eq!(count(&[error.clone(), error, finding]), "2 errors, 1 finding");
        assert_eq!(count(&[]), "no errors, no findings");
    }
}
