//! The mapping of a map file: which of its fields mean what, written down once as TOML by whoever knows the file.
//! `config/mappings/adopted-streets.toml` is a sample with every part explained.

use super::import::ImportOptions;
use super::layer::Crs;
use crate::domain::id::BodyId;
use crate::domain::problem::did_you_mean;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    layer: About,
    fields: BTreeMap<String, String>,
    coordinates: Option<Coordinates>,
    bodies: BTreeMap<String, String>,
    kinds: BTreeMap<String, String>,
    only: BTreeMap<String, Words>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct About {
    id: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    body: Option<String>,
    licence: Option<String>,
    accuracy_m: Option<f64>,
    crs: Option<Crs>,
    part: Option<String>,
    buffer_m: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Coordinates {
    x: String,
    y: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

/// What is wrong with a mapping, all of it, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mapping cannot be used:\n{}", .0.join("\n"))]
pub struct MappingError(pub Vec<String>);

/// What the mapping may give a meaning to.
const FIELDS: [&str; 8] = ["id", "name", "body", "kind", "from", "until", "buffer_m", "width_m"];

/// Reads a mapping into options; what it does not say is as `ImportOptions::default` has it.
pub fn parse(text: &str) -> Result<ImportOptions, MappingError> {
    let mut file: File = toml::from_str(text).map_err(|error| MappingError(vec![error.to_string()]))?;
    let mut problems = Vec::new();
    for (field, column) in &file.fields {
        if !FIELDS.contains(&field.as_str()) {
            let meant = did_you_mean(field, FIELDS.iter().copied());
            let remedy = meant
                .map_or_else(|| format!("use {}", FIELDS.join(", ")), |meant| format!("did you mean \"{meant}\"?"));
            problems.push(format!("[fields] there is no \"{field}\"; {remedy}"));
        }
        if column.trim().is_empty() {
            problems.push(format!("[fields] {field} names no field of the file; leave the line out"));
        }
    }
    for (what, words, field) in [("bodies", &file.bodies, "body"), ("kinds", &file.kinds, "kind")] {
        if !words.is_empty() && !file.fields.contains_key(field) {
            problems.push(format!(
                "[{what}] is given, but [fields] says not which field of the file has the words; add {field}"
            ));
        }
    }
    for (name, metres) in [("accuracy_m", file.layer.accuracy_m), ("buffer_m", file.layer.buffer_m)] {
        if metres.is_some_and(|metres| !(0.0..=1_000.0).contains(&metres)) {
            problems.push(format!("[layer] {name} is not a number of metres from 0 to 1000"));
        }
    }
    if !problems.is_empty() {
        return Err(MappingError(problems));
    }
    let mut field = |name: &str| file.fields.remove(name);
    let words = |words| match words {
        Words::One(word) => vec![word],
        Words::Many(words) => words,
    };
    Ok(ImportOptions {
        id_field: field("id"),
        name_field: field("name"),
        body_field: field("body"),
        kind_field: field("kind"),
        from_field: field("from"),
        until_field: field("until"),
        buffer_field: field("buffer_m"),
        width_field: field("width_m"),
        id: file.layer.id.unwrap_or_default(),
        name: file.layer.name.unwrap_or_default(),
        kind: file.layer.kind.unwrap_or_default(),
        body: file.layer.body.as_deref().map(BodyId::from),
        date: String::new(),
        licence: file.layer.licence.unwrap_or_default(),
        accuracy_m: file.layer.accuracy_m.unwrap_or(ACCURACY_M),
        crs: file.layer.crs,
        part: file.layer.part,
        columns: file.coordinates.map(|columns| (columns.x, columns.y)),
        buffer_m: file.layer.buffer_m,
        bodies: file.bodies,
        kinds: file.kinds,
        only: file.only.into_iter().map(|(field, one)| (field, words(one))).collect(),
    })
}

/// How far off lines may be where nobody says, in metres.
pub const ACCURACY_M: f64 = 1.0;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_sample_is_read_and_slips_are_told_together() {
        let sample = parse(include_str!("../../config/mappings/adopted-streets.toml")).unwrap();
        assert_eq!(sample.id, "adopted-highways");
        assert_eq!(sample.id_field.as_deref(), Some("USRN"));
        assert!(sample.only.contains_key("ADOPTED") && sample.buffer_m.is_some());
        let slips =
            parse("[fields]\nnmae = \"X\"\nid = \"\"\n[bodies]\nA = \"b\"\n[layer]\nbuffer_m = -1\n").unwrap_err();
        let said = slips.to_string();
        for part in ["did you mean \"name\"", "id names no field", "[bodies] is given", "buffer_m is not"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(parse("[layers]\n").is_err());
    }
}
