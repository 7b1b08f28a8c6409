//! The stories: events in, records and effects out, as text that a duty officer can read.
//!
//! Each file of `tests/scenarios/` is a story. Its plain lines are what happens, its lines with `>` what callout does,
//! its lines with `=` what somebody is told; the latter two are written by callout and read by us.
//! `UPDATE=1 cargo test --test scenarios` writes them anew, for review line by line against the design's figures.
//!
//! After every event: the state rebuilt from the records (through their JSON) is the state (I13); every send has its
//! record in the same decision, and every announced page its send (I5); a running call-out has a deadline (I4); a
//! deadline that has come is used up, so the loop cannot spin.
//!
//! `tests/scenarios/README.md` says what the lines may be.

#![allow(clippy::unwrap_used, missing_docs)]

mod council;
mod story;

use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

#[test]
fn every_story_goes_as_it_is_written() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 20, "the stories are gone");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let written = std::fs::read_to_string(&file).unwrap();
        let told = std::panic::catch_unwind(|| story::tell(&written)).unwrap_or_else(|cause| {
            let why = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
            wrong.push(format!("{name}: {}", why.unwrap_or("it stopped")));
            written.clone()
        });
        if told == written {
            continue;
        }
        if update {
            std::fs::write(&file, told).unwrap();
        } else {
            wrong.push(format!("{name} goes differently:\n{}", difference(&written, &told)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n\nUPDATE=1 cargo test --test scenarios writes them anew, for review",
        wrong.join("\n")
    );
}

#[test]
fn a_story_that_went_otherwise_is_told_with_the_lines_that_differ() {
    assert_eq!(difference("a\nb\nc\n", "a\nx\nc\n"), "  line 2\n  - b\n  + x");
}

/// The first lines that differ.
fn difference(written: &str, told: &str) -> String {
    let (written, told): (Vec<&str>, Vec<&str>) = (written.lines().collect(), told.lines().collect());
    let first = written.iter().zip(&told).position(|(a, b)| a != b).unwrap_or(written.len().min(told.len()));
    let same_end = written.iter().rev().zip(told.iter().rev()).take_while(|(a, b)| a == b).count();
    let part = |lines: &[&str], sign: char| -> Vec<String> {
        let end = lines.len().saturating_sub(same_end).max(first).min(first + 12);
        lines[first.min(lines.len())..end].iter().map(|line| format!("  {sign} {line}")).collect()
    };
    let lines = [vec![format!("  line {}", first + 1)], part(&written, '-'), part(&told, '+')];
    lines.concat().join("\n")
}
