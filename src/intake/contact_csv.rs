//! Contacts from a table: each row becomes the same JSON object that the API takes, by the column mapping.
//!
//! A cell is just letters; here it becomes a text, a number, a truth value or a list, as its field wants, and a
//! wall-clock time becomes an instant. Everything else is checked where all contacts are ([`super::check`]).

use super::columns::Mapping;
use super::draft::Field;
use crate::domain::text::to_slug;
use crate::domain::time::{Timestamp, resolve};
use jiff::civil::DateTime;
use serde_json::{Map, Value};

/// A row of a table as a contact in JSON, or what is wrong with its cells.
///
/// * `columns`: field and position, as [`Mapping::settle`] gives them.
/// * Empty cells are as if they were not there.
pub fn contact(
    row: &[&str],
    columns: &[(String, usize)],
    mapping: &Mapping,
) -> Result<Map<String, Value>, Vec<String>> {
    let mut contact: Map<String, Value> = Map::new();
    let mut problems = Vec::new();
    if let Some(source) = &mapping.source {
        contact.insert(Field::Source.name().to_owned(), source.as_str().into());
    }
    for (field, at) in columns {
        let Some(cell) = row.get(*at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty()) else { continue };
        let words = mapping.value(field, cell);
        let word = words.first().copied().unwrap_or_default();
        if word.is_empty() {
            continue;
        }
        if let Some(inner) = field.strip_prefix("caller.") {
            let caller = contact.entry(Field::Caller.name()).or_insert_with(|| Value::Object(Map::new()));
            caller[inner] = word.into();
            continue;
        }
        let value = match Field::parse(field) {
            Some(Field::Tags) => {
                let slugs = words.iter().flat_map(|word| word.split(';')).map(to_slug).filter(|slug| !slug.is_empty());
                Ok(slugs.collect::<Vec<_>>().into())
            }
            Some(Field::Needs) => {
                Ok(words.iter().flat_map(|word| word.split(';')).map(str::trim).collect::<Vec<_>>().into())
            }
            Some(Field::Service) => Ok(to_slug(word).into()),
            Some(Field::ReceivedAt | Field::OccurredAt) => instant(word, mapping).map(|at| at.to_string().into()),
            Some(Field::Lat | Field::Lon | Field::Easting | Field::Northing | Field::WaitS) => number(word),
            Some(Field::Answered | Field::Vulnerable) => truth(word),
            Some(_) | None => Ok(word.into()),
        };
        match value {
            Ok(value) => {
                contact.insert(field.clone(), value);
            }
            Err(problem) => problems.push(format!("{field}: {problem}")),
        }
    }
    if problems.is_empty() { Ok(contact) } else { Err(problems) }
}

fn number(word: &str) -> Result<Value, String> {
    let number = word.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    number.map(Value::Number).ok_or_else(|| format!("\"{}\" is not a number", cut(word)))
}

fn truth(word: &str) -> Result<Value, String> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Ok(true.into()),
        "false" | "no" | "n" | "0" => Ok(false.into()),
        _ => Err(format!("\"{}\" is neither yes nor no", cut(word))),
    }
}

/// An instant: with an offset as it is, without one by the mapping's zone.
pub(super) fn instant(word: &str, mapping: &Mapping) -> Result<Timestamp, String> {
    let local = match &mapping.format {
        Some(format) => DateTime::strptime(format, word)
            .map_err(|_| format!("\"{}\" is not a time of the form {format}", cut(word)))?,
        None => match word.parse::<Timestamp>() {
            Ok(at) => return Ok(at),
            Err(_) => word.parse::<DateTime>().map_err(|_| {
                format!(
                    "\"{}\" is not a time; say its form in the mapping: [time] format = \"%d/%m/%Y %H:%M\"",
                    cut(word)
                )
            })?,
        },
    };
    let zone = mapping.zone.as_ref().ok_or_else(|| {
        format!("\"{}\" has no offset; say its zone in the mapping: [time] zone = \"Europe/London\"", cut(word))
    })?;
    Ok(resolve(local, zone))
}

fn cut(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn row(mapping: &str, head: &str, row: &str) -> Result<Value, Vec<String>> {
        let mapping = Mapping::parse(mapping).unwrap();
        let head: Vec<String> = head.split(',').map(str::to_owned).collect();
        let columns = mapping.settle(&head).unwrap();
        contact(&row.split(',').collect::<Vec<_>>(), &columns, &mapping).map(Value::Object)
    }

    #[test]
    fn a_row_of_boston_becomes_a_contact() {
        let sample = include_str!("../../config/mappings/boston-311.toml");
        let got = row(
            sample,
            "local_time,type,channel,lat,lon",
            "2015-08-04 15:20:09,Tree Emergencies,Constituent Call,42.3574,-71.0648",
        );
        assert_eq!(
            got.unwrap(),
            json!({"source": "boston_311", "received_at": "2015-08-04T19:20:09Z", "channel": "phone", "text": "Tree Emergencies",
                "tags": ["storm", "tree_emergencies"], "lat": 42.3574, "lon": -71.0648})
        );
    }

    #[test]
    fn cells_become_what_their_field_wants_and_empty_ones_nothing() {
        let got = row("", "channel,wait_s,answered,needs,caller.name,text", "phone,31.5,No,bsl; text_relay,A. Caller,");
        assert_eq!(
            got.unwrap(),
            json!({"channel": "phone", "wait_s": 31.5, "answered": false, "needs": ["bsl", "text_relay"], "caller": {"name": "A. Caller"}})
        );
    }

    #[test]
    fn a_missing_and_a_repeated_hour_follow_the_one_rule() {
        let mapping = "[time]\nzone = \"Europe/London\"";
        let at = |local: &str| row(mapping, "received_at", local).unwrap()["received_at"].as_str().unwrap().to_owned();
        assert_eq!(at("2026-03-29T01:30"), "2026-03-29T01:00:00Z");
        assert_eq!(at("2026-10-25 01:30:00"), "2026-10-25T00:30:00Z");
        assert_eq!(at("2026-10-25T01:30:00+00:00"), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn all_bad_cells_of_a_row_are_told() {
        let problems = row("", "lat,answered,received_at", "north,maybe,2026-10-25 01:30:00").unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[2].contains("[time] zone"), "{problems:?}");
    }
}
