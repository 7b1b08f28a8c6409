//! `callout classify`: lines of text in, a line of JSON for each: the topics that the keyword rules find, and why.

use super::check::{EXIT_CONFIG_WRONG, EXIT_WELL};
use super::picture;
use crate::domain::keywords::{Keywords, TEXT_BYTES_MAX};
use crate::domain::problem::{Code, Problem};
use anyhow::{Context, Result};
use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;

/// Arguments of `callout classify`.
#[derive(Debug, Clone, clap::Args)]
pub struct ClassifyArgs {
    /// The keyword rules
    #[arg(long, value_name = "FILE", default_value = "config/keywords.toml")]
    pub rules: PathBuf,
}

/// Reads lines from `input` to its end and writes `{"tags":[..],"why":[..]}` for each. A line that is not UTF-8 is read
/// as well as can be; of a very long one only the beginning counts. Gives the exit code: 0, or 3 if the rules are wrong
/// (then `errors` says how, and nothing is read).
///
/// # Errors
/// If `input` cannot be read or `out` not written.
pub fn run(args: &ClassifyArgs, input: &mut dyn BufRead, out: &mut dyn Write, errors: &mut dyn Write) -> Result<u8> {
    let shown = args.rules.display().to_string();
    let rules = match std::fs::read_to_string(&args.rules) {
        Ok(text) => Keywords::parse(&text),
        Err(error) => Err(vec![Problem::of_file(&shown, Code::C001, format!("cannot be read: {error}"))]),
    };
    let rules = match rules {
        Ok(rules) => rules,
        Err(problems) => {
            let problems: Vec<Problem> =
                problems.into_iter().map(|problem| Problem { file: shown.clone(), ..problem }).collect();
            writeln!(errors, "{}{}. Exit 3.", picture::draw(&problems), picture::count(&problems))?;
            return Ok(EXIT_CONFIG_WRONG);
        }
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = TEXT_BYTES_MAX as u64 + 1;
        let read = (&mut *input).take(limit).read_until(b'\n', &mut line).context("cannot read the lines")?;
        if read == 0 {
            return Ok(EXIT_WELL);
        }
        if line.last() != Some(&b'\n') && read as u64 == limit {
            skip_line(input)?;
        }
        let found = rules.classify(&String::from_utf8_lossy(&line));
        let tags: Vec<&str> = found.iter().map(|found| found.tag.as_str()).collect();
        let why: Vec<&str> = found.iter().map(|found| found.why.as_str()).collect();
        serde_json::to_writer(&mut *out, &serde_json::json!({ "tags": tags, "why": why }))?;
        writeln!(out)?;
    }
}

/// Reads on to the end of the line without keeping it.
fn skip_line(input: &mut dyn BufRead) -> Result<()> {
    loop {
        let chunk = input.fill_buf().context("cannot read the lines")?;
        let (used, ended) = match chunk.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (chunk.len(), chunk.is_empty()),
        };
        input.consume(used);
        if ended {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn classify(input: &[u8], rules: &str) -> (u8, String, String) {
        let args = ClassifyArgs { rules: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(rules) };
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let exit = run(&args, &mut &*input, &mut out, &mut errors).unwrap();
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
    }

    #[test]
    fn each_line_has_its_answer_in_order() {
        let (exit, out, _) = classify(b"our road is flooded\n\nbins\ntree down", "config/keywords.toml");
        assert_eq!(exit, EXIT_WELL);
        assert_eq!(
            out,
            "{\"tags\":[\"flooding\"],\"why\":[\"\\\"flood\\\"\"]}\n{\"tags\":[],\"why\":[]}\n{\"tags\":[],\"why\":[]}\n\
             {\"tags\":[\"storm\"],\"why\":[\"\\\"{tree} + {tree_falls}\\\"\"]}\n"
        );
    }

    #[test]
    fn bad_bytes_and_endless_lines_get_one_answer_each() {
        let mut input = b"\xff\xfe flooded\n".to_vec();
        input.extend(std::iter::repeat_n(b'a', 3 * TEXT_BYTES_MAX));
        input.extend(b"\nflooded\n");
        let (_, out, _) = classify(&input, "config/keywords.toml");
        let tags: Vec<usize> = out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["tags"].as_array().unwrap().len())
            .collect();
        assert_eq!(tags, [1, 0, 1]);
    }

    #[test]
    fn wrong_rules_are_told_and_nothing_is_read() {
        let (exit, out, errors) = classify(b"flooded\n", "config/missing.toml");
        assert_eq!((exit, out.as_str()), (EXIT_CONFIG_WRONG, ""));
        assert!(errors.contains("error[C001]"), "{errors}");
    }
}
