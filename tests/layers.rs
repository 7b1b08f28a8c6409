//! The arrows of the architecture, read off the source: who may use whom, what the pure core may not name, and a few
//! rules of the house about files.
//!
//! It reads the text, not the compiler's tree: comments and strings are blanked first, then every `crate::` path, and
//! every `super::` path that climbs to the root, is held against the table below. Each rule is shown to bite on a
//! planted slip, so that a check that finds nothing has looked.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands where, in the order in which data flows.
const ROOMS: &[(Room, &[&str])] = &[
    (Room::Core, &["domain"]),
    (Room::Port, &["clock", "config", "door", "incoming", "keys", "land"]),
    (Room::Adapter, &["intake", "landbook", "log", "index", "transport", "web"]),
    (Room::Wiring, &["daemon"]),
    (Room::Hand, &["cli", "demo"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// Pure.
    Core,
    /// Small traits and types between the core and the world.
    Port,
    /// One kind of outside world each.
    Adapter,
    /// Puts them together.
    Wiring,
    /// What a person starts.
    Hand,
}

fn room(module: &str) -> Option<Room> {
    ROOMS.iter().find(|(_, modules)| modules.contains(&module)).map(|(room, _)| *room)
}

/// Whether `from` may use `to`, and the rule in words.
fn may_use(from: &str, to: &str) -> Result<(), &'static str> {
    let (Some(from_room), Some(to_room)) = (room(from), room(to)) else {
        return Err("this module has no room: add it to ROOMS in tests/layers.rs, with the reason in ARCHITECTURE.md");
    };
    if from == to {
        return Ok(());
    }
    match from_room {
        Room::Core => Err("the core uses none of the others: hand the value in, or move the rule into domain/"),
        Room::Port if to_room <= Room::Port => Ok(()),
        Room::Port => Err("a port uses the core and other ports only: it must not know who stands behind it"),
        Room::Adapter if to_room <= Room::Port => Ok(()),
        Room::Adapter if to_room == Room::Adapter => {
            Err("adapters never use each other: let daemon/ wire them, or put a port between them")
        }
        Room::Adapter => Err("an adapter uses the core and the ports only: daemon/ and cli/ call it, not it them"),
        Room::Wiring if to_room <= Room::Wiring => Ok(()),
        Room::Wiring => Err("daemon/ is called by cli/ and demo/, never the other way round"),
        Room::Hand if from == "demo" && to == "cli" => Err("demo/ is called by cli/, never the other way round"),
        Room::Hand => Ok(()),
    }
}

/// Words that the core may not name, each with what to do instead.
const IMPURE: &[(&str, &str)] = &[
    ("tokio", "the core has no async"),
    ("async", "the core has no async"),
    (".await", "the core has no async"),
    ("std::fs", "files are read at the edge and handed in as text"),
    ("std::io", "input and output stand at the edge"),
    ("std::net", "the network stands at the edge"),
    ("std::env", "settings are handed in"),
    ("std::process", "processes stand at the edge"),
    ("std::thread", "the core has no threads"),
    ("SystemTime", "time is the argument `now`"),
    ("Instant", "time is the argument `now`"),
    ("::now(", "time is the argument `now`"),
    ("TimeZone::system", "the zone is a setting, handed in"),
    ("rand", "chance comes as bytes in an event"),
    ("getrandom", "chance comes as bytes in an event"),
    ("HashMap", "its order differs from run to run: use BTreeMap"),
    ("HashSet", "its order differs from run to run: use BTreeSet"),
];

/// Methods of f64 whose last bit the standard library leaves to the machine, or that libm has for the same sake.
const FLOAT_METHODS: &[&str] = &[
    "sqrt",
    "cbrt",
    "hypot",
    "powi",
    "powf",
    "exp",
    "exp2",
    "exp_m1",
    "ln",
    "ln_1p",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "sin_cos",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "mul_add",
    "floor",
    "ceil",
    "trunc",
    "fract",
    "to_degrees",
    "to_radians",
];

/// Names that say nothing of what a file owns.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slip {
    file: String,
    line: usize,
    what: String,
    rule: String,
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}. {}", self.file, self.line, self.what, self.rule)
    }
}

/// The module path of a file under src/: `src/web/view/chart.rs` is web, view, chart; main.rs and lib.rs have none.
fn module_path(file: &str) -> Vec<&str> {
    let inner = file.strip_prefix("src/").unwrap_or(file).strip_suffix(".rs").unwrap_or(file);
    let mut path: Vec<&str> = inner.split('/').collect();
    if matches!(path.last(), Some(&"mod" | &"main" | &"lib")) {
        path.pop();
    }
    path
}

/// The text with comments, strings and characters blanked, line by line where it was.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let blank = |code: &mut Vec<u8>, from: usize, to: usize| {
        for byte in &mut code[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let mut i = 0;
    while i < bytes.len() {
        let rest = &text.as_bytes()[i..];
        let end = if rest.starts_with(b"//") {
            i + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            block_comment_end(bytes, i)
        } else if let Some(hashes) = raw_string(bytes, i) {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let body = i + hashes + 2;
            body + find(&bytes[body..], &close).map_or(bytes.len() - body, |at| at + close.len())
        } else if bytes[i] == b'"' {
            quoted_end(bytes, i)
        } else if bytes[i] == b'\'' {
            character_end(bytes, i)
        } else {
            i
        };
        if end > i {
            blank(&mut code, i, end);
            i = end;
        } else {
            i += 1;
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    i
}

/// The number of `#` of a raw string that begins at `i`.
fn raw_string(bytes: &[u8], i: usize) -> Option<usize> {
    let word_before = i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_');
    if bytes[i] != b'r' || (word_before && bytes[i - 1] != b'b') {
        return None;
    }
    let hashes = bytes[i + 1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(i + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// The end of a character literal, or `start` for a lifetime.
fn character_end(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start + 1) {
        Some(b'\\') => {
            let from = (start + 3).min(bytes.len());
            bytes[from..].iter().position(|byte| *byte == b'\'').map_or(start, |at| from + at + 1)
        }
        Some(_) => {
            // A character takes one to four bytes; a lifetime has no closing mark so near.
            let near = &bytes[start + 1..bytes.len().min(start + 6)];
            match std::str::from_utf8(near).ok().or_else(|| lossy_prefix(near)).and_then(|text| text.chars().next()) {
                Some(first) if bytes.get(start + 1 + first.len_utf8()) == Some(&b'\'') => start + first.len_utf8() + 2,
                _ => start,
            }
        }
        None => start,
    }
}

fn lossy_prefix(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Positions at which `wanted` stands in `code` and is not a part of a longer word.
fn places<'a>(code: &'a str, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(wanted).map(|(at, _)| at).filter(move |at| {
        let (first, last) = (wanted.as_bytes()[0], wanted.as_bytes()[wanted.len() - 1]);
        let before = *at > 0 && is_word(first) && is_word(bytes[at - 1]);
        let after = at + wanted.len() < bytes.len() && is_word(last) && is_word(bytes[at + wanted.len()]);
        !before && !after
    })
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// How many inline `mod name { .. }` stand open at each byte position that begins one: (from, to) ranges.
fn inline_modules(code: &str) -> Vec<(usize, usize)> {
    let bytes = code.as_bytes();
    places(code, "mod")
        .filter_map(|at| {
            let open = at + code[at..].find(['{', ';'])?;
            if bytes[open] != b'{' {
                return None;
            }
            let mut depth = 0;
            let close = (open..bytes.len()).find(|i| {
                match bytes[*i] {
                    b'{' => depth += 1,
                    b'}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            Some((open, close.unwrap_or(bytes.len())))
        })
        .collect()
}

/// The top-level modules that a path names right after the root: one word, or the heads of a `{a::b, c}` group.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| text.bytes().take_while(|byte| is_word(*byte)).map(char::from).collect::<String>();
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut depth, mut heads, mut fresh) = (0, Vec::new(), true);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && depth == 0 && !c.is_whitespace() => {
                heads.push(word(&group[i..]));
                fresh = false;
            }
            _ => {}
        }
    }
    heads
}

/// Every use of another top-level module: (line, module).
fn uses(file: &str, code: &str) -> BTreeSet<(usize, String)> {
    let depth = module_path(file).len();
    let inline = inline_modules(code);
    let mut uses = BTreeSet::new();
    for at in places(code, "crate::") {
        for head in heads(&code[at + "crate::".len()..]) {
            uses.insert((line_of(code, at), head));
        }
    }
    for at in places(code, "super::") {
        // Only the first of a chain of them.
        if code[..at].ends_with("::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut climbs = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            climbs += 1;
            rest = after;
        }
        let here = depth + inline.iter().filter(|(open, close)| *open < at && at < *close).count();
        if climbs >= here && here > 0 {
            for head in heads(rest) {
                uses.insert((line_of(code, at), head));
            }
        }
    }
    // Types and macros of the crate's root, and `crate::*`, are no modules.
    uses.retain(|(_, head)| head.starts_with(|c: char| c.is_ascii_lowercase()));
    uses
}

/// Every slip against the arrows and the purity of the core in one file under src/.
fn slips(file: &str, text: &str) -> Vec<Slip> {
    let code = code_of(text);
    let mut slips = Vec::new();
    let mut slip = |line: usize, what: String, rule: &str| {
        slips.push(Slip { file: file.to_owned(), line, what, rule: rule.to_owned() });
    };
    let Some(from) = module_path(file).first().copied() else {
        return slips;
    };
    for (line, to) in uses(file, &code) {
        if let Err(rule) = may_use(from, &to) {
            slip(line, format!("{from} uses {to}"), rule);
        }
    }
    if room(from) == Some(Room::Core) {
        for (word, rule) in IMPURE {
            for at in places(&code, word) {
                slip(line_of(&code, at), format!("the core names `{word}`"), rule);
            }
        }
        for method in FLOAT_METHODS {
            for call in [format!(".{method}("), format!("f64::{method}"), format!("f32::{method}")] {
                for at in places(&code, &call) {
                    slip(
                        line_of(&code, at),
                        format!("the core calls `{call}`"),
                        "the maths of the core is libm's, the same bits on every machine",
                    );
                }
            }
        }
    }
    slips
}

/// Slips of the house about one file, wherever it stands.
fn house_slips(file: &str, text: &str) -> Vec<Slip> {
    let mut slips = Vec::new();
    let slip = |what: String, rule: &str| Slip { file: file.to_owned(), line: 1, what, rule: rule.to_owned() };
    let parts = Path::new(file).components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    for part in parts {
        let stem = part.strip_suffix(".rs").unwrap_or(&part);
        if EMPTY_NAMES.contains(&stem) {
            slips.push(slip(format!("the name `{stem}` says nothing"), "a file is named by the noun it owns"));
        }
    }
    if !text.starts_with("//!") {
        slips.push(slip(
            "the file does not open with `//!`".to_owned(),
            "say what it owns, the idea in everyday words, what it leaves out",
        ));
    }
    slips
}

/// Slips of the order of `lib.rs`: rooms stand in the order of the flow, and every module has one.
fn order_slips(text: &str) -> Vec<Slip> {
    let mut slips = Vec::new();
    let mut last = (Room::Core, "");
    for (i, line) in text.lines().enumerate() {
        let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        let mut slip = |what: String, rule: &str| {
            slips.push(Slip { file: "src/lib.rs".to_owned(), line: i + 1, what, rule: rule.to_owned() });
        };
        match room(module) {
            None => slip(format!("`{module}` has no room"), "add it to ROOMS in tests/layers.rs"),
            // What people start stands with what wires it: rustfmt sorts within a block.
            Some(Room::Wiring | Room::Hand) if last.0 >= Room::Wiring => {}
            Some(here) if here < last.0 => slip(
                format!("`{module}` stands after `{}`", last.1),
                "modules stand in the order in which data flows: core, ports, adapters, then what wires and calls them",
            ),
            Some(here) => last = (here, module),
        }
    }
    slips
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folders`, with its path from the root, sorted.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("node_modules") && !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn none(slips: &[Slip]) {
    let list: Vec<String> = slips.iter().map(Slip::to_string).collect();
    assert!(slips.is_empty(), "{} against the architecture:\n{}\n", slips.len(), list.join("\n"));
}

#[test]
fn the_source_keeps_the_arrows_and_the_core_is_pure() {
    let files = sources(&["src"]);
    assert!(files.len() > 20, "only {} files read", files.len());
    none(&files.iter().flat_map(|(file, text)| slips(file, text)).collect::<Vec<_>>());
}

#[test]
fn lib_rs_stands_in_the_order_of_the_flow() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(text.matches("pub mod ").count() > 10);
    none(&order_slips(&text));
}

#[test]
fn every_file_opens_by_saying_what_it_owns_and_has_a_telling_name() {
    let files = sources(&["src", "tests", "benches", "xtask/src"]);
    none(&files.iter().flat_map(|(file, text)| house_slips(file, text)).collect::<Vec<_>>());
}

/// The slips of a planted file, as `line: what`.
fn planted(file: &str, text: &str) -> Vec<String> {
    slips(file, text).iter().map(|slip| format!("{}: {}", slip.line, slip.what)).collect()
}

#[test]
fn a_planted_arrow_is_found_however_it_is_written() {
    assert_eq!(planted("src/domain/paging.rs", "\nuse crate::log::Journal;\n"), ["2: domain uses log"]);
    assert_eq!(
        planted("src/intake/http.rs", "use crate::{domain::id, log::{self, Journal}, web};"),
        ["1: intake uses log", "1: intake uses web"]
    );
    assert_eq!(planted("src/web/mod.rs", "fn f() { crate::index::open() }"), ["1: web uses index"]);
    assert_eq!(planted("src/web/view/page.rs", "use super::super::super::index::Index;"), ["1: web uses index"]);
    assert_eq!(planted("src/land.rs", "mod tests { use super::super::landbook; }"), ["1: land uses landbook"]);
    assert_eq!(planted("src/daemon/mod.rs", "use crate::cli::Verb;"), ["1: daemon uses cli"]);
    assert_eq!(planted("src/demo/mod.rs", "use crate::cli::Verb;"), ["1: demo uses cli"]);
    assert_eq!(planted("src/web/mod.rs", "use crate::attic::Trunk;"), ["1: web uses attic"]);
}

#[test]
fn what_is_allowed_or_only_spoken_of_is_not_found() {
    for (file, text) in [
        ("src/domain/paging.rs", "//! See [`crate::log`].\nuse crate::domain::id; // crate::web\n"),
        ("src/domain/paging.rs", "const S: &str = \"crate::web tokio\"; /* HashMap /* nested */ */ fn f<'a>() {}"),
        ("src/domain/paging.rs", "const S: &str = r#\"a \" crate::web\"#; const C: char = '\"'; // \""),
        ("src/domain/paging.rs", "use super::id; mod tests { use super::*; use super::super::rota; }"),
        ("src/domain/paging.rs", "fn instant_of(operand: u8) { f64::from(operand).max(1.0); random_looking() }"),
        ("src/web/view/page.rs", "use super::chart; use super::super::pages;"),
        ("src/log/mod.rs", "use crate::{clock::Clock, domain::id::Seq};"),
        ("src/cli/demo.rs", "use crate::demo; use crate::daemon;"),
        ("src/main.rs", "use callout::cli;"),
    ] {
        assert_eq!(planted(file, text), [""; 0], "{file}: {text}");
    }
}

#[test]
fn a_planted_impurity_is_found() {
    for impure in [
        "use std::collections::HashMap;",
        "let at = Timestamp::now();",
        "let at = std::time::Instant::now();",
        "let text = std::fs::read_to_string(path);",
        "tokio::spawn(f);",
        "let x = y.sqrt();",
        "let x = f64::powf(y, 2.0);",
        "let n = rand::random();",
        "async fn f() {}",
    ] {
        assert!(!slips("src/domain/detect/floor.rs", impure).is_empty(), "not found: {impure}");
        assert!(slips("src/daemon/mod.rs", impure).is_empty(), "only the core is held to it: {impure}");
    }
}

#[test]
fn a_planted_disorder_is_found() {
    assert!(
        order_slips("pub mod domain;\npub mod clock;\n\npub mod log;\n\npub mod cli;\npub mod daemon;\n").is_empty()
    );
    assert_eq!(order_slips("pub mod log;\npub mod domain;\n")[0].line, 2);
    assert_eq!(order_slips("pub mod attic;\n").len(), 1);
    assert_eq!(house_slips("src/web/utils.rs", "//! Things.\n").len(), 1);
    assert_eq!(house_slips("src/helpers/time.rs", "use x;\n").len(), 2);
    assert!(house_slips("src/web/pages.rs", "//! The pages.\n").is_empty());
}
