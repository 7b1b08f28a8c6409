//! The column mapping: how a table of another system becomes contacts, written down once as TOML by whoever knows
//! that system. `config/mappings/boston-311.toml` is a sample with every part explained.

use super::draft::{CALLER_FIELDS, Field};
use crate::domain::problem::did_you_mean;
use crate::domain::text::is_slug;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The word that stands for every value which has no line of its own.
const ANY: &str = "*";

/// A mapping, checked but not yet held against a file's head.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping {
    /// Which system the contacts come from; `None` leaves it to the `source` column or the import's own name.
    pub source: Option<String>,
    /// Field (`lat`, `caller.name`) and column, in the order of the fields; empty: columns are named like fields.
    pub columns: Vec<(String, String)>,
    /// The zone of times without an offset.
    pub zone: Option<TimeZone>,
    /// The form of times, as `strptime` has it; `None` takes ISO 8601.
    pub format: Option<String>,
    /// What words become, by field.
    pub values: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    #[serde(default)]
    time: Time,
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, Words>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Time {
    zone: Option<String>,
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

/// What is wrong with a mapping, all of it, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the column mapping cannot be used:\n{}", .0.join("\n"))]
pub struct MappingError(pub Vec<String>);

impl Mapping {
    /// Reads a mapping for contacts.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        Self::parse_for(text, &targets())
    }

    /// Reads a mapping for queue counts.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse_counts(text: &str) -> Result<Self, MappingError> {
        Self::parse_for(text, &super::queue_json::FIELDS.map(str::to_owned))
    }

    fn parse_for(text: &str, known: &[String]) -> Result<Self, MappingError> {
        let file: File = toml::from_str(text).map_err(|error| MappingError(vec![error.to_string()]))?;
        let mut problems = Vec::new();
        if let Some(source) = file.source.as_deref().filter(|source| !is_slug(source)) {
            problems.push(format!("source = \"{source}\": use lower-case letters, digits, _ - and ."));
        }
        for field in file.columns.keys().chain(file.values.keys()) {
            if !known.contains(field) {
                let meant = did_you_mean(field, known.iter().map(String::as_str));
                let remedy = meant.map_or_else(
                    || "the fields are those of the API".to_owned(),
                    |meant| format!("did you mean \"{meant}\"?"),
                );
                problems.push(format!("there is no field \"{field}\"; {remedy}"));
            }
        }
        let zone = match file.time.zone.as_deref().map(TimeZone::get) {
            Some(Ok(zone)) => Some(zone),
            Some(Err(_)) => {
                problems.push("[time] zone: there is no such zone; use a name such as \"Europe/London\"".to_owned());
                None
            }
            None => None,
        };
        if let Some(format) = &file.time.format {
            // What is written by it must be read by it.
            let sample = jiff::civil::date(2026, 11, 22).at(2, 14, 9, 0);
            let read = jiff::fmt::strtime::format(format, sample)
                .and_then(|text| jiff::civil::DateTime::strptime(format, text));
            if read.is_err() {
                problems.push(format!("[time] format = \"{format}\": a date and a time, e.g. \"%d/%m/%Y %H:%M\""));
            }
        }
        if !problems.is_empty() {
            return Err(MappingError(problems));
        }
        let words = |words| match words {
            Words::One(word) => vec![word],
            Words::Many(words) => words,
        };
        let of_field =
            |by_word: BTreeMap<String, Words>| by_word.into_iter().map(|(from, to)| (from, words(to))).collect();
        Ok(Self {
            source: file.source,
            columns: file.columns.into_iter().collect(),
            zone,
            format: file.time.format,
            values: file.values.into_iter().map(|(field, by_word)| (field, of_field(by_word))).collect(),
        })
    }

    /// Holds the mapping against a file's head: for each field its column's position.
    pub fn settle(&self, head: &[String]) -> Result<Vec<(String, usize)>, MappingError> {
        let position = |column: &str| head.iter().position(|name| name.trim() == column);
        if self.columns.is_empty() {
            let known: Vec<_> = head
                .iter()
                .enumerate()
                .filter(|(_, name)| is_target(name.trim()))
                .map(|(at, name)| (name.trim().to_owned(), at))
                .collect();
            if known.is_empty() {
                let problem = format!(
                    "no column is named like a field of a contact (the file has {}); give a mapping: --mapping FILE",
                    head.join(", ")
                );
                return Err(MappingError(vec![problem]));
            }
            return Ok(known);
        }
        let mut problems = Vec::new();
        let mut settled = Vec::new();
        for (field, column) in &self.columns {
            match position(column) {
                Some(at) => settled.push((field.clone(), at)),
                None => {
                    let meant = did_you_mean(column, head.iter().map(String::as_str));
                    let remedy = meant.map_or_else(
                        || format!("it has {}", head.join(", ")),
                        |meant| format!("did you mean \"{meant}\"?"),
                    );
                    problems.push(format!("the file has no column \"{column}\" (for {field}); {remedy}"));
                }
            }
        }
        if problems.is_empty() { Ok(settled) } else { Err(MappingError(problems)) }
    }

    /// What the mapping makes of a word of a field: itself where nothing is said.
    pub fn value<'a>(&'a self, field: &str, word: &'a str) -> Vec<&'a str> {
        let Some(by_word) = self.values.get(field) else { return vec![word] };
        match by_word.get(word).or_else(|| by_word.get(ANY)) {
            Some(words) => words.iter().map(String::as_str).collect(),
            None => vec![word],
        }
    }
}

/// Whether a name is a field that a column can fill.
fn is_target(name: &str) -> bool {
    match name.strip_prefix("caller.") {
        Some(inner) => CALLER_FIELDS.contains(&inner),
        None => Field::parse(name).is_some_and(|field| field != Field::Caller),
    }
}

fn targets() -> Vec<String> {
    let fields = Field::ALL.iter().filter(|field| **field != Field::Caller).map(|field| field.name().to_owned());
    fields.chain(CALLER_FIELDS.iter().map(|inner| format!("caller.{inner}"))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_sample_mapping_is_read_and_held_against_its_file() {
        let text = include_str!("../../config/mappings/boston-311.toml");
        let mapping = Mapping::parse(text).unwrap();
        let head: Vec<String> = "local_time,type,channel,lat,lon".split(',').map(str::to_owned).collect();
        let settled = mapping.settle(&head).unwrap();
        assert_eq!(settled.len(), 6);
        assert!(settled.contains(&("tags".to_owned(), 1)) && settled.contains(&("text".to_owned(), 1)));
        assert_eq!(mapping.value("channel", "Self Service"), ["web_form"]);
        assert_eq!(mapping.value("tags", "Tree Emergencies"), ["storm", "tree_emergencies"]);
        assert_eq!(mapping.value("tags", "Sign Repair"), ["Sign Repair"]);
        assert_eq!(mapping.source.as_deref(), Some("boston_311"));
    }

    #[test]
    fn all_slips_of_a_mapping_are_told_at_once() {
        let text = "source = \"My CRM\"\n[columns]\nrecieved_at = \"When\"\ncaller.shoe = \"x\"\n[time]\nzone = \"Europe/Londonn\"\nformat = \"%H:%M\"";
        let Err(MappingError(problems)) = Mapping::parse(&text.replace("caller.shoe", "\"caller.shoe\"")) else {
            panic!("taken")
        };
        assert_eq!(problems.len(), 5, "{problems:#?}");
        assert!(problems.iter().any(|problem| problem.contains("did you mean \"received_at\"?")), "{problems:#?}");
    }

    #[test]
    fn a_column_that_the_file_lacks_is_named_with_what_it_may_be() {
        let mapping = Mapping::parse("[columns]\ntext = \"Desciption\"").unwrap();
        let error = mapping.settle(&["Id".to_owned(), "Description".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("did you mean \"Description\"?"), "{error}");
        let error = Mapping::default().settle(&["Id".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("--mapping FILE"), "{error}");
        assert_eq!(Mapping::default().settle(&["x".to_owned(), "lat".to_owned()]).unwrap(), [("lat".to_owned(), 1)]);
    }
}
