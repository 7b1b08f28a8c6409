//! Queue counts from a table or from lines of JSON: each row becomes the object that the API takes.

use super::Reading;
use super::columns::{Mapping, MappingError};
use super::contact_csv::instant;
use super::import::{ImportError, LINE_BYTES_MAX, Layout, Row};
use super::queue_json::{self, FIELDS};
use crate::domain::text::to_slug;
use crate::incoming::{Fault, Refused};
use serde_json::{Map, Value};
use std::io::{BufRead, Read as _};

/// The rows of a file, one after the other.
pub struct Rows {
    source: Source,
    mapping: Mapping,
    /// Cells of the head; empty for NDJSON.
    pub head: Vec<String>,
    line: u64,
}

enum Source {
    Csv { reader: Box<csv::Reader<Box<dyn BufRead + Send>>>, columns: Vec<(String, usize)> },
    Ndjson(Box<dyn BufRead + Send>),
}

impl Rows {
    /// Begins to read.
    ///
    /// # Errors
    /// When the table's head cannot be read, or has no column of an interval.
    pub fn begin(file: Box<dyn BufRead + Send>, layout: Layout, mapping: Mapping) -> Result<Self, ImportError> {
        let (source, head) = match layout {
            Layout::Ndjson => (Source::Ndjson(file), Vec::new()),
            Layout::Csv => {
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
                let head = reader.byte_headers().map_err(ImportError::Head)?;
                let head: Vec<String> = head
                    .iter()
                    .map(|cell| String::from_utf8_lossy(cell).trim_start_matches('\u{FEFF}').trim().to_owned())
                    .collect();
                let columns = settle(&mapping, &head)?;
                (Source::Csv { reader: Box::new(reader), columns }, head)
            }
        };
        Ok(Self { source, mapping, head, line: 0 })
    }

    /// The next row, checked as `reading` says; `None` at the end.
    ///
    /// # Errors
    /// When reading breaks off.
    pub fn next(&mut self, reading: &Reading<'_>) -> Result<Option<Row>, ImportError> {
        let line = self.line;
        let failed = |source| ImportError::Read { line, source };
        let (cells, object) = match &mut self.source {
            Source::Csv { reader, columns } => {
                let mut record = csv::ByteRecord::new();
                if !reader.read_byte_record(&mut record).map_err(|error| failed(std::io::Error::other(error)))? {
                    return Ok(None);
                }
                self.line = record.position().map_or(line + 1, csv::Position::line);
                let cells: Vec<String> = record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
                let object = object(&cells, columns, &self.mapping);
                (cells, object)
            }
            Source::Ndjson(file) => {
                let mut bytes = Vec::new();
                let most = LINE_BYTES_MAX as u64;
                if file.as_mut().take(most).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
                    return Ok(None);
                }
                self.line += 1;
                let text = String::from_utf8_lossy(&bytes).trim().trim_start_matches('\u{FEFF}').to_owned();
                let object = match serde_json::from_str::<Value>(&text) {
                    Ok(Value::Object(object)) => Ok(object),
                    Ok(_) => Err(vec!["this is JSON, but no object".to_owned()]),
                    Err(error) => Err(vec![format!("not JSON: {error}")]),
                };
                (vec![text], object)
            }
        };
        let contact = object.and_then(|mut object| {
            if let (None, Some(source)) = (object.get("source"), &self.mapping.source) {
                object.insert("source".to_owned(), source.as_str().into());
            }
            checked(Value::Object(object), reading)
        });
        Ok(Some(Row { line: self.line, cells, contact }))
    }
}

/// For each field of an interval its column's position.
fn settle(mapping: &Mapping, head: &[String]) -> Result<Vec<(String, usize)>, MappingError> {
    let named = FIELDS.map(|field| (field.to_owned(), field.to_owned()));
    let asked = if mapping.columns.is_empty() { named.to_vec() } else { mapping.columns.clone() };
    let mut settled = Vec::new();
    let mut missing = Vec::new();
    for (field, column) in asked {
        match head.iter().position(|name| *name == column) {
            Some(at) => settled.push((field, at)),
            None if mapping.columns.is_empty() => {}
            None => missing.push(format!("the file has no column \"{column}\" (for {field})")),
        }
    }
    if settled.is_empty() && missing.is_empty() {
        missing.push(format!("no column is named like a field of an interval: {}", FIELDS.join(", ")));
    }
    if missing.is_empty() { Ok(settled) } else { Err(MappingError(missing)) }
}

fn object(cells: &[String], columns: &[(String, usize)], mapping: &Mapping) -> Result<Map<String, Value>, Vec<String>> {
    let (mut object, mut problems) = (Map::new(), Vec::new());
    for (field, at) in columns {
        let Some(cell) = cells.get(*at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty()) else { continue };
        let words = mapping.value(field, cell);
        let word = words.first().copied().unwrap_or_default();
        let value = match field.as_str() {
            "source" | "queue" => Ok(Value::from(to_slug(word))),
            "from" => instant(word, mapping).map(|at| at.to_string().into()),
            _ => word
                .parse::<f64>()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
                .ok_or_else(|| format!("\"{}\" is not a number", word.chars().take(40).collect::<String>())),
        };
        match value {
            Ok(value) => drop(object.insert(field.clone(), value)),
            Err(problem) => problems.push(format!("{field}: {problem}")),
        }
    }
    if problems.is_empty() { Ok(object) } else { Err(problems) }
}

/// The object again where intake would take it; else its faults in words.
fn checked(object: Value, reading: &Reading<'_>) -> Result<(Value, Vec<Fault>), Vec<String>> {
    match queue_json::read(object.to_string().as_bytes(), reading) {
        Ok(_) => Ok((object, Vec::new())),
        Err(Refused::NotJson(faults) | Refused::Fields { faults, .. }) => {
            let told = |fault: Fault| {
                format!("{}: {}; {}", fault.pointer.trim_start_matches('/'), fault.problem, fault.remedy)
            };
            Err(faults.into_iter().map(told).collect())
        }
    }
}
