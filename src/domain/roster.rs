//! The roster: the files of people and rota as they are in force, and how the log may know of them.
//!
//! A planner's file holds names, numbers, and remarks ("hospital appointment"). So it is put in two places. The log gets
//! the parts that decide, with remarks and comments blanked out, every line and column where it was. The details store
//! gets both files word for word, under the digest that the record holds: from there they come back after a restart, and
//! `callout rota export` gives the same file back.
//!
//! Once a roster is recorded, the log is the truth for people and rota: files count only by `callout rota apply`.

use super::decide::{Decision, put_policy};
use super::event::{Answer, Author, DetailClass, Sealed};
use super::id::Seq;
use super::person::People;
use super::policy::{Document, DocumentKind};
use super::problem::Problem;
use super::record::Record;
use super::rota::Rota;
use super::state::State;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The most bytes of both files together, so that they fit into one line of the details store.
pub const ROSTER_BYTES_MAX: usize = 900_000;

/// Both files, word for word.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roster {
    /// The people file.
    pub people: String,
    /// The rota file.
    pub rota: String,
}

/// Shows nothing of them, so that the trace cannot.
impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roster(***)")
    }
}

impl Roster {
    /// Whether it fits into the details store.
    pub fn fits(&self) -> bool {
        self.people.len() + self.rota.len() <= ROSTER_BYTES_MAX
    }

    /// Sealed for the details store.
    pub fn seal(&self, salt: [u8; 16]) -> Sealed {
        let content = serde_json::to_vec(self).expect("two texts always become JSON");
        Sealed::new(salt, DetailClass::Person, content)
    }

    /// The parts that the log may hold, and the people; `zone` is the council's.
    ///
    /// # Errors
    /// All slips of both files, with their places.
    pub fn read(&self, zone: &TimeZone) -> Result<(Vec<Document>, People), Vec<Problem>> {
        match (People::parse(&self.people), Rota::parse(&self.rota, zone)) {
            (Ok(people), Ok(_)) => {
                let documents = vec![
                    Document::new(DocumentKind::People, "people", people.public_text()),
                    Document::new(DocumentKind::Rota, "rota", without_remarks(&self.rota)),
                ];
                Ok((documents, people))
            }
            (people, rota) => Err(people.err().into_iter().chain(rota.err()).flatten().collect()),
        }
    }
}

/// Puts a roster into force, and records it.
pub(super) fn apply(state: &mut State, d: &mut Decision, documents: &[Document], by: &Author, sealed: &Sealed) {
    let others = state.policy.versions.iter().filter(|(kind, _, _)| !of_roster(*kind));
    let mut all: Vec<Document> =
        others.filter_map(|(_, _, sha256)| state.policy.documents.get(sha256).cloned()).collect();
    all.extend(documents.iter().filter(|document| of_roster(document.kind)).cloned());
    put_policy(state, d, &all, by);
    let record = Record::RosterApplied { by: by.clone(), digest: sealed.digest.clone() };
    d.answer = Answer::Entry(d.record_sealed(state, record, Some(sealed)));
}

/// Documents from files, with people and rota as they are in force in the place of the files' own, once there is a
/// roster.
pub(super) fn in_place(state: &State, documents: &[Document]) -> Vec<Document> {
    if state.policy.roster.is_none() {
        return documents.to_vec();
    }
    let in_force = state.policy.versions.iter().filter(|(kind, _, _)| of_roster(*kind));
    let in_force = in_force.filter_map(|(_, _, sha256)| state.policy.documents.get(sha256).cloned());
    documents.iter().filter(|document| !of_roster(document.kind)).cloned().chain(in_force).collect()
}

fn of_roster(kind: DocumentKind) -> bool {
    matches!(kind, DocumentKind::People | DocumentKind::Rota)
}

/// Where the details of the roster in force are: the record that names them, and their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterInForce {
    /// The record.
    pub seq: Seq,
    /// The digest that it holds.
    pub digest: String,
}

/// A TOML text without its comments and without the words of its `why`s; each value stays on its line, and what stands
/// before a `why` on its column too.
pub fn without_remarks(text: &str) -> String {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut spans: Vec<Range<usize>> = Vec::new();
    remarks(&DeValue::Table(table.into_inner()), &mut spans);
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    let mut blanked = text.to_owned();
    for span in spans {
        let lines = "\n".repeat(text[span.clone()].matches('\n').count());
        blanked.replace_range(span, &format!("\"-\"{lines}"));
    }
    let mut kept = String::with_capacity(blanked.len());
    for line in (Lines { rest: blanked.lines(), inside: None }) {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// Where the words of each `why` stand.
fn remarks(value: &DeValue<'_>, spans: &mut Vec<Range<usize>>) {
    match value {
        DeValue::Table(table) => {
            for (key, value) in table.iter() {
                match value.get_ref() {
                    DeValue::String(_) if key.get_ref() == "why" => spans.push(value.span()),
                    inner => remarks(inner, spans),
                }
            }
        }
        DeValue::Array(array) => array.iter().for_each(|entry| remarks(entry.get_ref(), spans)),
        _ => {}
    }
}

/// The lines of a TOML text without their comments; a line within a text of several lines is as it was.
struct Lines<'t> {
    rest: std::str::Lines<'t>,
    /// The three marks that end the text of several lines that we are in.
    inside: Option<&'static str>,
}

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let line = self.rest.next()?;
        let (mut at, mut quote): (usize, Option<char>) = (0, None);
        while at < line.len() {
            let here = &line[at..];
            if let Some(end) = self.inside {
                let Some(found) = here.find(end) else { return Some(line) };
                at += found + end.len();
                self.inside = None;
                continue;
            }
            let character = here.chars().next().unwrap_or_default();
            match (quote, character) {
                (None, '#') => return Some(line[..at].trim_end()),
                (None, '"' | '\'') => {
                    let triple = if character == '"' { "\"\"\"" } else { "'''" };
                    if here.starts_with(triple) {
                        self.inside = Some(triple);
                        at += 3;
                        continue;
                    }
                    quote = Some(character);
                }
                (Some('"'), '\\') => at += here.chars().nth(1).map_or(0, char::len_utf8),
                (Some(open), character) if open == character => quote = None,
                _ => {}
            }
            at += character.len_utf8();
        }
        Some(line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn remarks_go_and_every_value_stays_where_it_was() {
        let text = r##"# Ann is ill
fallback = ["a#b"]  # the last resort
[[override]]
why = "hospital # ward"  # x
to   = 2026-01-01T08:00:00
[[leave]]
person = 'a#b'   # goes
note = """
why = "# stays"
""" # goes
[[swap]]
inline = { owner = "ann", why = "a secret" }
"##;
        let kept = r##"
fallback = ["a#b"]
[[override]]
why = "-"
to   = 2026-01-01T08:00:00
[[leave]]
person = 'a#b'
note = """
why = "# stays"
"""
[[swap]]
inline = { owner = "ann", why = "-" }
"##;
        assert_eq!(without_remarks(text), kept);
        assert_eq!(without_remarks(kept), kept);
    }

    #[test]
    fn the_sample_without_its_remarks_is_the_same_rota() {
        let sample = include_str!("../../config/rota.toml");
        let kept = without_remarks(sample);
        let zone = TimeZone::UTC;
        assert_eq!(Rota::parse(&kept, &zone).unwrap(), Rota::parse(sample, &zone).unwrap());
        assert!(kept.len() < sample.len() && !kept.contains('#'));
    }
}
