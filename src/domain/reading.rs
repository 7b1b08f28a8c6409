//! Reads a TOML file key by key and collects every slip with its line and column, instead of stopping at the first.
//!
//! Think of a patient clerk with a form: each question is asked once, a wrong answer is marked in the margin and the
//! next question asked, and at the end whatever was written outside the boxes is marked as well (with a guess at the
//! box that was meant). Keys that were asked for are the keys that exist: there is no second list.
//!
//! Not here: what the keys mean (each document's own file), nor how a problem is shown (`cli/check.rs`).

mod length;
mod spot;

pub use length::{duration, duration_text};
pub use spot::{char_floor, locate, position};

use super::problem::{Code, Gravity, Problem, did_you_mean};
use super::time::{SignedDuration, in_words};
use jiff::civil::{Date, DateTime};
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use toml::de::{DeTable, DeValue};

/// A value and where it stands (byte offsets in the text).
#[derive(Debug, Clone, PartialEq)]
pub struct Item<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> Item<T> {
    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Item<U> {
        Item { value: change(self.value), span: self.span }
    }
}

/// One file being read.
#[derive(Debug)]
pub struct Reader<'t> {
    file: String,
    text: &'t str,
    table: DeTable<'t>,
    problems: RefCell<Vec<Problem>>,
    /// Read back from the log. The text was accepted once, maybe by an earlier version with fewer rules, so it is read as
    /// well as can be: only what is no TOML at all is refused.
    recorded: bool,
}

impl<'t> Reader<'t> {
    /// Begins with a file as a council wrote it.
    pub fn new(file: impl Into<String>, text: &'t str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let reader =
            Self { file: file.into(), text, table: table.into_inner(), problems: RefCell::default(), recorded: false };
        for error in errors {
            reader.problem(Code::T001, error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()));
        }
        reader
    }

    /// Begins with a text that was in force before, from the log.
    pub fn recorded(file: impl Into<String>, text: &'t str) -> Self {
        Self { recorded: true, ..Self::new(file, text) }
    }

    /// The keys of the file's top.
    pub fn root(&self) -> Fields<'_> {
        // A missing key of the top is told of at the file's first line.
        Fields { reader: self, table: Some(&self.table), span: 0..0, asked: Vec::new() }
    }

    /// Notes a slip at `span`.
    pub fn problem(&self, code: Code, span: Range<usize>, message: impl Into<String>) {
        self.problem_with(code, span, message, None::<String>);
    }

    /// Notes a slip at `span`, and how to mend it.
    pub fn problem_with(
        &self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<impl Into<String>>,
    ) {
        let mut problem = Problem::of_file(self.file.clone(), code, message);
        problem.help = help.map(Into::into);
        (problem.line, problem.column, problem.width) = position(self.text, &span);
        self.problems.borrow_mut().push(problem);
    }

    /// The value if nothing was wrong, else all the problems.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let stops = |problem: &Problem| problem.is_error() && (!self.recorded || problem.code == Code::T001);
        match value {
            Some(value) if !problems.iter().any(stops) => Ok(value),
            _ => Err(problems),
        }
    }
}

/// Whether a word can be an id: lower-case letters, digits, `_`, `-` and `.`, 1 to 64 of them.
pub fn is_id(word: &str) -> bool {
    (1..=64).contains(&word.len())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c))
}

/// The keys of one table.
#[derive(Debug)]
pub struct Fields<'r> {
    reader: &'r Reader<'r>,
    table: Option<&'r DeTable<'r>>,
    span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'r> Fields<'r> {
    /// Where the table stands: the place for problems with the table as a whole.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The reader, to note problems.
    pub fn reader(&self) -> &'r Reader<'r> {
        self.reader
    }

    /// Whether the key is there; asking makes it a known key.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.raw(key).is_some()
    }

    /// Notes the first key that is near to one of `keys`, which the table has not; whether there was one.
    pub fn note_misspelt(&mut self, keys: &[&'static str]) -> bool {
        let near = self.table.and_then(|table| {
            table.iter().find_map(|(key, _)| Some((key, did_you_mean(key.get_ref(), keys.iter().copied())?)))
        });
        let Some((key, meant)) = near else { return false };
        let message = format!("`{}` is not a key here", key.get_ref());
        self.reader.problem_with(Code::T002, key.span(), message, Some(format!("did you mean `{meant}`?")));
        true
    }

    /// Where the key's value stands; the table's place if the key is not there.
    pub fn span_of(&self, key: &str) -> Range<usize> {
        self.table
            .and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key))
            .map_or_else(|| self.span(), |(_, value)| value.span())
    }

    /// Where the key itself stands; the table's place if the key is not there.
    pub fn place_of(&self, key: &str) -> Range<usize> {
        self.table
            .and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key))
            .map_or_else(|| self.span(), |(name, _)| name.span())
    }

    fn raw(&mut self, key: &'static str) -> Option<Item<&'r DeValue<'r>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let (_, value) = self.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Item { value: value.get_ref(), span: value.span() })
    }

    fn wrong_type(&self, key: &str, span: Range<usize>, want: &str) {
        self.reader.problem(Code::T004, span, format!("`{key}` should be {want}"));
    }

    /// Notes that `key` is missing, unless it was there (and then its own problem has been noted).
    fn missing(&self, key: &str) {
        let there = self.table.is_some_and(|table| table.iter().any(|(name, _)| name.get_ref() == key));
        if !there {
            self.reader.problem(Code::T003, self.span(), format!("`{key}` is missing"));
        }
    }

    /// A text; never empty.
    pub fn text(&mut self, key: &'static str) -> Option<Item<String>> {
        let item = self.raw(key)?;
        match item.value {
            DeValue::String(text) if text.trim().is_empty() => {
                self.reader.problem(Code::T009, item.span, format!("`{key}` is empty"));
                None
            }
            DeValue::String(text) => Some(Item { value: text.trim().to_owned(), span: item.span }),
            _ => {
                self.wrong_type(key, item.span, "a text in quotes");
                None
            }
        }
    }

    /// A text that must be there.
    pub fn need_text(&mut self, key: &'static str) -> Option<Item<String>> {
        let text = self.text(key);
        if text.is_none() {
            self.missing(key);
        }
        text
    }

    /// A name for use by other files: lower-case letters, digits, `_`, `-` and `.`, at most 64.
    pub fn id(&mut self, key: &'static str) -> Option<Item<String>> {
        let item = self.text(key)?;
        self.checked_id(key, item)
    }

    /// An id that must be there.
    pub fn need_id(&mut self, key: &'static str) -> Option<Item<String>> {
        let item = self.need_text(key)?;
        self.checked_id(key, item)
    }

    fn checked_id(&self, key: &str, item: Item<String>) -> Option<Item<String>> {
        let good = is_id(&item.value);
        if good {
            return Some(item);
        }
        self.reader.problem_with(
            Code::T011,
            item.span,
            format!("`{key}` is a short name that other files use"),
            Some("use lower-case letters, digits, _ - and . only, at most 64, e.g. duty_officer"),
        );
        None
    }

    /// A list of texts; a missing key is an empty list. A single text is taken as a list of one.
    pub fn texts(&mut self, key: &'static str) -> Vec<Item<String>> {
        let Some(item) = self.raw(key) else { return Vec::new() };
        let mut texts = Vec::new();
        match item.value {
            DeValue::String(_) => texts.extend(self.text(key)),
            DeValue::Array(array) => {
                for entry in array.iter() {
                    match entry.get_ref() {
                        DeValue::String(text) if !text.trim().is_empty() => {
                            texts.push(Item { value: text.trim().to_owned(), span: entry.span() });
                        }
                        DeValue::String(_) => {
                            self.reader.problem(Code::T009, entry.span(), format!("`{key}` holds an empty text"));
                        }
                        _ => self.wrong_type(key, entry.span(), "a list of texts in quotes"),
                    }
                }
            }
            _ => self.wrong_type(key, item.span, "a list of texts, e.g. [\"one\", \"two\"]"),
        }
        texts
    }

    /// How many entries the list of `key` has, good or not; `None` if it is not a list.
    pub fn texts_n(&mut self, key: &'static str) -> Option<usize> {
        match self.raw(key)?.value {
            DeValue::Array(array) => Some(array.len()),
            _ => None,
        }
    }

    /// A list of texts that must hold at least one.
    pub fn need_texts(&mut self, key: &'static str) -> Vec<Item<String>> {
        let before = self.reader.problems.borrow().len();
        let texts = self.texts(key);
        if texts.is_empty() && self.reader.problems.borrow().len() == before {
            match self.raw(key) {
                Some(item) => self.reader.problem(Code::T009, item.span, format!("`{key}` is empty")),
                None => self.missing(key),
            }
        }
        texts
    }

    /// A whole number within `range`.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<Item<i64>> {
        let item = self.raw(key)?;
        let DeValue::Integer(number) = item.value else {
            self.wrong_type(key, item.span, "a whole number");
            return None;
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if range.contains(&value) => Some(Item { value, span: item.span }),
            _ => {
                let (low, high) = range.into_inner();
                self.reader.problem(Code::T006, item.span, format!("`{key}` should be from {low} to {high}"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<Item<bool>> {
        let item = self.raw(key)?;
        match item.value {
            DeValue::Boolean(value) => Some(Item { value: *value, span: item.span }),
            _ => {
                self.wrong_type(key, item.span, "true or false, without quotes");
                None
            }
        }
    }

    /// A length of time within `range`, as people write it: `"45s"`, `"20m"`, `"2h"`, `"1h 30m"`, `"7d"`.
    pub fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<SignedDuration>,
    ) -> Option<Item<SignedDuration>> {
        let item = match self.raw(key)? {
            Item { value: DeValue::String(text), span } => Item { value: text.trim().to_owned(), span },
            Item { span, .. } => {
                self.wrong_type(key, span, "a length of time in quotes, e.g. \"20m\"");
                return None;
            }
        };
        match duration(&item.value) {
            Some(value) if range.contains(&value) => Some(Item { value, span: item.span }),
            Some(_) => {
                let (low, high) = range.into_inner();
                self.reader.problem(
                    Code::T006,
                    item.span,
                    format!("`{key}` should be from {} to {}", in_words(low), in_words(high)),
                );
                None
            }
            None => {
                self.reader.problem_with(
                    Code::T007,
                    item.span,
                    format!("`{key}` is not a length of time"),
                    Some("write it as \"45s\", \"20m\", \"2h\", \"1h 30m\" or \"7d\""),
                );
                None
            }
        }
    }

    /// A date, as TOML has it (`2026-09-01`) or in quotes.
    pub fn date(&mut self, key: &'static str) -> Option<Item<Date>> {
        let item = self.raw(key)?;
        let written = match item.value {
            DeValue::Datetime(date) if date.time.is_none() => date.to_string(),
            DeValue::String(text) => text.trim().to_owned(),
            _ => String::new(),
        };
        match written.parse() {
            Ok(value) => Some(Item { value, span: item.span }),
            Err(_) => {
                self.reader.problem(Code::T008, item.span, format!("`{key}` should be a date, e.g. 2026-09-01"));
                None
            }
        }
    }

    /// A date that must be there.
    pub fn need_date(&mut self, key: &'static str) -> Option<Item<Date>> {
        let date = self.date(key);
        if date.is_none() {
            self.missing(key);
        }
        date
    }

    /// A date, or a date with a wall-clock time (`2026-12-24` or `2026-12-24T17:00`), that must be there.
    pub fn need_day(&mut self, key: &'static str) -> Option<Item<(Date, Option<jiff::civil::Time>)>> {
        let Some(item) = self.raw(key) else {
            self.missing(key);
            return None;
        };
        let timed = match item.value {
            DeValue::Datetime(at) => at.time.is_some(),
            DeValue::String(text) => text.contains(':'),
            _ => false,
        };
        if !timed {
            return self.need_date(key).map(|item| item.map(|date| (date, None)));
        }
        self.need_local(key).map(|item| item.map(|local| (local.date(), Some(local.time()))))
    }

    /// A wall-clock date and time that must be there (`2026-12-24T17:00`, or with a space, in quotes), in the file's zone.
    pub fn need_local(&mut self, key: &'static str) -> Option<Item<DateTime>> {
        let Some(item) = self.raw(key) else {
            self.missing(key);
            return None;
        };
        let written = match item.value {
            DeValue::Datetime(at) if at.offset.is_none() && at.time.is_some() => at.to_string(),
            DeValue::String(text) if text.contains(':') => text.trim().replacen(' ', "T", 1),
            _ => String::new(),
        };
        match written.parse() {
            Ok(value) => Some(Item { value, span: item.span }),
            Err(_) => {
                self.reader.problem_with(
                    Code::T008,
                    item.span,
                    format!("`{key}` should be a local date and time without an offset"),
                    Some("e.g. 2026-12-24T17:00:00; the zone is the council's"),
                );
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<Item<T>> {
        let item = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == item.value) {
            return Some(Item { value: *value, span: item.span });
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = match did_you_mean(&item.value, all.iter().copied()) {
            Some(word) => format!("did you mean \"{word}\"? It can be {}", all.join(", ")),
            None => format!("it can be {}", all.join(", ")),
        };
        self.reader.problem_with(Code::T005, item.span, format!("`{key}` cannot be \"{}\"", item.value), Some(help));
        None
    }

    /// A choice that must be made.
    pub fn need_choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<Item<T>> {
        let choice = self.choice(key, words);
        if choice.is_none() {
            self.missing(key);
        }
        choice
    }

    /// The tables of `[[key]]`, in order; a missing key gives none.
    pub fn tables(&mut self, key: &'static str) -> Vec<Fields<'r>> {
        let Some(item) = self.raw(key) else { return Vec::new() };
        let mut tables = Vec::new();
        if let DeValue::Array(array) = item.value {
            for entry in array.iter() {
                match entry.get_ref() {
                    DeValue::Table(table) => tables.push(self.inner(table, entry.span())),
                    _ => self.wrong_type(key, entry.span(), &format!("written as [[{key}]]")),
                }
            }
        } else {
            self.wrong_type(key, item.span, &format!("written as [[{key}]], with two brackets"));
        }
        tables
    }

    /// The table of `[key]` or `key = { ... }`.
    pub fn table(&mut self, key: &'static str) -> Option<Fields<'r>> {
        let item = self.raw(key)?;
        match item.value {
            DeValue::Table(table) => Some(self.inner(table, item.span)),
            _ => {
                self.wrong_type(key, item.span, &format!("a table: [{key}] or {key} = {{ ... }}"));
                None
            }
        }
    }

    /// The table of `[key]`, or an empty one standing in for it, so that defaults come by the same road.
    pub fn table_or_empty(&mut self, key: &'static str) -> Fields<'r> {
        let span = self.span();
        self.table(key).unwrap_or(Fields { reader: self.reader, table: None, span, asked: Vec::new() })
    }

    /// Every entry of the table, for a table whose keys are data; none is an unknown key then.
    pub fn entries(&mut self) -> Vec<(Item<String>, Item<&'r DeValue<'r>>)> {
        let Some(table) = self.table.take() else { return Vec::new() };
        table
            .iter()
            .map(|(key, value)| {
                let name = Item { value: key.get_ref().to_string(), span: key.span() };
                (name, Item { value: value.get_ref(), span: value.span() })
            })
            .collect()
    }

    fn inner(&self, table: &'r DeTable<'r>, span: Range<usize>) -> Fields<'r> {
        Fields { reader: self.reader, table: Some(table), span, asked: Vec::new() }
    }

    /// Ends the table: every key that nobody asked for is a slip.
    pub fn done(self) {
        let Some(table) = self.table else { return };
        if self.reader.recorded {
            return;
        }
        for (key, _) in table.iter() {
            if self.asked.iter().any(|asked| asked == key.get_ref()) {
                continue;
            }
            let help = match did_you_mean(key.get_ref(), self.asked.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the keys here are {}", self.asked.join(", ")),
            };
            self.reader.problem_with(
                Code::T002,
                key.span(),
                format!("`{key}` is not a key here", key = key.get_ref()),
                Some(help),
            );
        }
    }
}

/// Errors before findings, each by file and place, none twice.
pub fn errors_first(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|a, b| {
        let key = |p: &Problem| (p.severity == Gravity::Warning, p.file.clone(), p.line, p.column, p.code);
        key(a).cmp(&key(b))
    });
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_slip_of_a_file_is_told_at_once_with_its_place() {
        let text = "title = 7\nowned = \"me\"\nwithin = \"soon\"\ncount = 900\n";
        let reader = Reader::new("a.toml", text);
        let mut root = reader.root();
        root.need_text("title");
        root.need_text("owner");
        root.duration("within", SignedDuration::ZERO..=SignedDuration::from_hours(1));
        root.integer("count", 1..=10);
        root.done();
        let told: Vec<String> = reader.finish(Some(())).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a.toml:1:1: error[T003]: `owner` is missing",
                "a.toml:1:9: error[T004]: `title` should be a text in quotes",
                "a.toml:2:1: error[T002]: `owned` is not a key here (did you mean `owner`?)",
                "a.toml:3:10: error[T007]: `within` is not a length of time (write it as \"45s\", \"20m\", \"2h\", \"1h 30m\" or \"7d\")",
                "a.toml:4:9: error[T006]: `count` should be from 1 to 10",
            ]
        );
    }

    #[test]
    fn a_text_from_the_log_may_hold_a_key_that_is_no_longer_known() {
        let reader = Reader::recorded("a", "title = \"x\"\nretired = 1\n");
        let mut root = reader.root();
        let title = root.need_text("title");
        root.done();
        assert!(reader.finish(title).is_ok());
    }

    #[test]
    fn a_text_from_the_log_is_not_held_to_rules_that_came_later() {
        let text = "title = \"x\"\ncount = 900\n";
        let read = |reader: Reader<'_>| {
            let mut root = reader.root();
            let title = root.need_text("title").map(|item| item.value);
            root.integer("count", 1..=10);
            root.done();
            reader.finish(title)
        };
        assert_eq!(read(Reader::new("a", text)).unwrap_err().len(), 1);
        assert_eq!(read(Reader::recorded("a", text)), Ok("x".to_owned()));
        assert!(read(Reader::recorded("a", "title = \"x")).is_err());
    }
}
