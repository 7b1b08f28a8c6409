//! Rules of the house that no compiler knows: nobody's real number or address stands in the repository, the licences
//! are there, and the front page names the two commands.
//!
//! Numbers for made-up people come from the ranges that Ofcom keeps for drama, addresses from names kept for examples.
//! The one exception are the public emergency lines that an advisor reads to a caller; they are config and stand in
//! `config/bodies.toml`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The public lines that `config/bodies.toml` may name (and other files may repeat): digits only.
const PUBLIC_LINES: &[&str] = &[
    "03001235000", // National Highways
    "0800807060",  // Environment Agency, incidents
    "03459881188", // Floodline
    "0800111999",  // gas
    "03457114141", // Network Rail
    "03030404040", // Canal & River Trust
    "08004799947", // Canal & River Trust, emergencies
];

/// Beginnings kept for drama (Ofcom, "Telephone numbers for use in TV and radio drama programmes"); three digits follow.
const DRAMA: &[&str] = &[
    "07700900", "01632960", "01134960", "01144960", "01154960", "01164960", "01174960", "01184960", "01214960",
    "01314960", "01414960", "01514960", "01614960", "01914980", "02079460", "02896496", "02920180", "08081570",
    "09098790", "03069990",
];

/// Endings of host names that belong to nobody: kept for examples and tests, or not in the public tree at all.
const NOBODYS_HOSTS: &[&str] = &[
    "example.gov.uk",
    "example.org",
    "example.org.uk",
    "example.com",
    "example.net",
    "example.ac.uk",
    ".example",
    ".test",
    ".invalid",
    ".localhost",
    ".localdomain",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the project with its path from the root; what is built or installed is left out.
fn texts() -> Vec<(String, String)> {
    const LEFT_OUT: &[&str] = &["target", "node_modules", ".git", "callout-data"];
    const BYTES_MAX: u64 = 4_000_000;
    let (mut folders, mut texts) = (vec![root()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| LEFT_OUT.iter().any(|out| name == *out)) {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path);
            } else if meta.is_file()
                && meta.len() <= BYTES_MAX
                && let Ok(text) = fs::read_to_string(&path)
            {
                texts.push((path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text));
            }
        }
    }
    texts.sort();
    texts
}

/// Every number of `line` that reads as a British telephone number, as its digits with a leading 0.
///
/// Mobiles (07...) however they are written; others only with a gap after the code, as people write numbers, since
/// plain digits are more often something else.
fn phones(line: &str) -> Vec<String> {
    let bytes = line.as_bytes();
    let mut phones = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let begins = bytes[i] == b'+' || bytes[i].is_ascii_digit();
        let inside = i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || matches!(bytes[i - 1], b'+' | b'.' | b'_'));
        if !begins || inside {
            i += 1;
            continue;
        }
        // Digits with single spaces, hyphens or brackets between them.
        let (mut digits, mut gaps, mut end) = (String::new(), Vec::new(), i + usize::from(bytes[i] == b'+'));
        while end < bytes.len() {
            match bytes[end] {
                digit if digit.is_ascii_digit() => digits.push(char::from(digit)),
                b' ' | b'-' | b'(' | b')'
                    if bytes.get(end + 1).is_some_and(|next| next.is_ascii_digit() || *next == b'(') =>
                {
                    gaps.push(digits.len());
                }
                _ => break,
            }
            end += 1;
        }
        let word_goes_on = bytes.get(end).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if !word_goes_on {
            phones.extend(phone(&digits, &gaps));
        }
        i = end.max(i + 1);
    }
    phones
}

fn phone(digits: &str, gaps: &[usize]) -> Option<String> {
    let national = ["0044", "44"]
        .iter()
        .find_map(|code| digits.strip_prefix(code).map(|rest| format!("0{}", rest.strip_prefix('0').unwrap_or(rest))));
    let abroad = national.is_some();
    let number = national.unwrap_or_else(|| digits.to_owned());
    let mobile = number.len() == 11 && number.starts_with("07");
    let spoken = (10..=11).contains(&number.len())
        && ["01", "02", "03", "08", "09"].iter().any(|code| number.starts_with(code))
        && (abroad || gaps.first().is_some_and(|first| (3..=5).contains(first)));
    (mobile || spoken).then_some(number)
}

fn is_drama(number: &str) -> bool {
    DRAMA.iter().any(|kept| number.starts_with(kept) && number.len() == kept.len() + 3)
}

fn is_public(number: &str) -> bool {
    PUBLIC_LINES.iter().any(|line| line.replace(' ', "") == number)
}

/// Every email address of `line`.
fn addresses(line: &str) -> Vec<&str> {
    let of_local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    line.match_indices('@')
        .filter_map(|(at, _)| {
            let local = line[..at].chars().rev().take_while(|c| of_local(*c)).count();
            let host: usize = line[at + 1..].chars().take_while(|c| of_host(*c)).count();
            let address = line[at - local..at + 1 + host].trim_end_matches('.');
            let host = address.get(local + 1..)?;
            let last = host.rsplit('.').next()?;
            let named = host.contains('.') && last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
            (local > 0 && named).then_some(address)
        })
        .collect()
}

fn is_nobodys(address: &str) -> bool {
    let host = address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    NOBODYS_HOSTS.iter().any(|kept| {
        host.strip_suffix(kept)
            .is_some_and(|before| kept.starts_with('.') || before.is_empty() || before.ends_with('.'))
    })
}

#[test]
fn no_number_of_a_real_person_stands_in_the_repository() {
    let bodies = fs::read_to_string(root().join("config/bodies.toml")).unwrap();
    let listed: Vec<String> = bodies.lines().flat_map(phones).collect();
    assert!(listed.iter().any(|number| number == "0800111999"), "config/bodies.toml names the gas emergency line");
    let mut found = Vec::new();
    let mut drama = 0;
    for (file, text) in texts() {
        for (i, line) in text.lines().enumerate() {
            for number in phones(line) {
                let known = is_drama(&number) || (is_public(&number) && listed.contains(&number));
                drama += usize::from(is_drama(&number));
                if !known && file != "tests/house.rs" {
                    found.push(format!("{file}:{}: {number}", i + 1));
                }
            }
        }
    }
    assert!(drama > 0, "the made-up numbers were read");
    assert!(
        found.is_empty(),
        "telephone numbers that are neither kept for drama (07700 900000 to 900999) nor a public emergency line of \
         config/bodies.toml:\n{}\n",
        found.join("\n")
    );
}

#[test]
fn no_address_of_a_real_person_stands_in_the_repository() {
    let mut found = Vec::new();
    for (file, text) in texts() {
        for (i, line) in text.lines().enumerate() {
            for address in addresses(line) {
                if !is_nobodys(address) && file != "tests/house.rs" {
                    found.push(format!("{file}:{}: {address}", i + 1));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "addresses that may be somebody's; use example.gov.uk or a .test host:\n{}\n",
        found.join("\n")
    );
}

#[test]
fn planted_numbers_and_addresses_are_found_and_made_up_ones_pass() {
    for (line, number) in [
        ("ring 07911 123456 now", "07911123456"),
        ("mobile = \"+447911123456\"", "07911123456"),
        ("+44 (0)7911 123-456", "07911123456"),
        ("00447911123456,", "07911123456"),
        ("0161 496 0000", "01614960000"),
        ("(0300 123 5000)", "03001235000"),
    ] {
        assert_eq!(phones(line), [number], "{line}");
    }
    for line in
        ["0.07911123456", "sha 07911123456ab", "349401 325322", "2026-11-20T20:00:00Z", "0123456789", "0007911123456"]
    {
        assert_eq!(phones(line), [""; 0], "{line}");
    }
    assert!(is_drama("07700900123") && !is_drama("07700910123") && !is_drama("07911123456"));
    assert!(is_public("0800807060") && !is_public("0800807061"));

    assert_eq!(addresses("to <someone@council.gov.uk>, a.b+c@x.test."), ["someone@council.gov.uk", "a.b+c@x.test"]);
    assert_eq!(addresses("@media (x) sass@1.2.3 user@localhost"), [""; 0]);
    assert!(is_nobodys("a@example.gov.uk") && is_nobodys("a@mail.example.org") && is_nobodys("a@council.test"));
    assert!(!is_nobodys("a@someexample.org") && !is_nobodys("a@council.gov.uk"));
}

#[test]
fn both_licences_are_there_and_name_the_authors() {
    for (file, words) in [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(words), "{file} is not the {words}");
        assert!(text.contains("the callout authors"), "{file} names the holder");
    }
    for manifest in ["Cargo.toml", "xtask/Cargo.toml"] {
        let text = fs::read_to_string(root().join(manifest)).unwrap();
        assert!(text.contains("license = \"MIT OR Apache-2.0\""), "{manifest} states the licence");
    }
}

#[test]
fn the_front_page_names_the_two_commands_and_ci_runs_the_one_for_tests() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["cargo xtask demo", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(
        ci.starts_with("#!/usr/bin/env bash\n") && ci.contains("set -euo pipefail"),
        ".ci/run is a strict bash script"
    );
    assert!(ci.contains("cargo xtask test"), ".ci/run runs `cargo xtask test`");
    assert!(Path::new(&root().join("xtask/src/test.rs")).exists());
}
