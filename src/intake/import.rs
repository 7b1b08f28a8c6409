//! Contacts of the past from a file: CSV or NDJSON, plain or gzipped, row by row.
//!
//! Each row becomes the JSON object that the API takes, checked here with the same rules; a row that can't be used is
//! given back with its line and what is wrong, and the others go on. A row without a number of its own gets one: the
//! digest of the row and how many times the file has had the very same row before. So the same file can be imported
//! twice, or after it was broken off, and each row still counts once, while two equal rows are two contacts.
//!
//! Not here: where the contacts go (see [`crate::cli::import_contacts`]).

use super::columns::{Mapping, MappingError};
use super::{Reading, contact_csv, contact_json};
use crate::incoming::{Fault, Refused};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

/// Longest line of NDJSON, in bytes: a contact with the longest text, and room.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// How the file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A table with a head.
    Csv,
    /// One JSON object to a line.
    Ndjson,
}

/// One row of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// As it stands there: cells, or the one line.
    pub cells: Vec<String>,
    /// The contact in JSON, with what is odd about it; or what is wrong.
    pub contact: Result<(Value, Vec<Fault>), Vec<String>>,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The system says so, or the gzip is broken.
    #[error("reading broke off after line {line}: {source}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
    /// The table's head cannot be read.
    #[error("the table's first line cannot be read: {0}")]
    Head(csv::Error),
    /// The mapping and the file do not fit.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

/// Opens a file by its first bytes: gzip by its magic, NDJSON by its brace, else CSV.
pub fn open<R: Read + Send + 'static>(file: R) -> std::io::Result<(Box<dyn BufRead + Send>, Layout)> {
    let mut file = BufReader::with_capacity(256 * 1024, file);
    let mut plain: Box<dyn BufRead + Send> = if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(256 * 1024, flate2::bufread::MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    let start = plain.fill_buf()?;
    let start = start.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(start);
    let layout = match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Layout::Ndjson,
        _ => Layout::Csv,
    };
    Ok((plain, layout))
}

/// The rows of a file, one after the other.
pub struct Rows {
    source: Source,
    mapping: Mapping,
    /// How often each row has come, by its digest.
    seen: BTreeMap<[u8; 16], u32>,
    /// Cells of the head; empty for NDJSON.
    pub head: Vec<String>,
    line: u64,
    ended: bool,
}

enum Source {
    Csv { reader: Box<csv::Reader<Box<dyn BufRead + Send>>>, columns: Vec<(String, usize)> },
    Ndjson(Box<dyn BufRead + Send>),
}

impl Rows {
    /// Begins to read.
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
                let columns = mapping.settle(&head)?;
                (Source::Csv { reader: Box::new(reader), columns }, head)
            }
        };
        Ok(Self { source, mapping, seen: BTreeMap::new(), head, line: 0, ended: false })
    }

    /// The next row, checked as `reading` says; `None` at the end.
    pub fn next(&mut self, reading: &Reading<'_>) -> Result<Option<Row>, ImportError> {
        if self.ended {
            return Ok(None);
        }
        let row = match &self.source {
            Source::Csv { .. } => self.next_of_table()?,
            Source::Ndjson(_) => self.next_line()?,
        };
        self.ended = row.is_none();
        Ok(row.map(|(cells, contact)| {
            let contact =
                contact.map(|contact| self.named(contact, &cells)).and_then(|contact| checked(contact, reading));
            Row { line: self.line, cells, contact }
        }))
    }

    fn next_of_table(&mut self) -> Result<Option<Found>, ImportError> {
        let Source::Csv { reader, columns } = &mut self.source else { return Ok(None) };
        let mut record = csv::ByteRecord::new();
        let line = self.line;
        let more = reader
            .read_byte_record(&mut record)
            .map_err(|error| ImportError::Read { line, source: std::io::Error::other(error) })?;
        if !more {
            return Ok(None);
        }
        self.line = record.position().map_or(self.line + 1, csv::Position::line);
        let cells: Vec<String> = record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        let wanted = self.head.len();
        let contact = if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
            Err(vec!["a cell is not UTF-8; save the file as UTF-8".to_owned()])
        } else if cells.len() != wanted {
            Err(vec![format!(
                "the row has {} cells and the head {wanted}; is a comma or a quote missing?",
                cells.len()
            )])
        } else {
            contact_csv::contact(&cells.iter().map(String::as_str).collect::<Vec<_>>(), columns, &self.mapping)
        };
        Ok(Some((cells, contact)))
    }

    fn next_line(&mut self) -> Result<Option<Found>, ImportError> {
        let Source::Ndjson(file) = &mut self.source else { return Ok(None) };
        loop {
            let line = self.line;
            let failed = |source| ImportError::Read { line, source };
            let mut bytes = Vec::new();
            if (&mut *file).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if bytes.len() > LINE_BYTES_MAX && !bytes.ends_with(b"\n") {
                file.skip_until(b'\n').map_err(failed)?;
                let problem = format!("the line is longer than {} KiB", LINE_BYTES_MAX / 1024);
                return Ok(Some((vec![String::new()], Err(vec![problem]))));
            }
            let text = String::from_utf8_lossy(&bytes).trim().trim_start_matches('\u{FEFF}').to_owned();
            if text.is_empty() {
                continue;
            }
            let contact = match serde_json::from_str::<Value>(&text) {
                Ok(Value::Object(contact)) => Ok(contact),
                Ok(_) => Err(vec!["this is JSON, but no object".to_owned()]),
                Err(error) => Err(vec![format!("not JSON: {error}")]),
            };
            return Ok(Some((vec![text], contact)));
        }
    }

    /// Gives a contact without a number of its own one, by which the same row is known again.
    fn named(&mut self, mut contact: Map<String, Value>, cells: &[String]) -> Map<String, Value> {
        if let (None, Some(source)) = (contact.get("source"), &self.mapping.source) {
            contact.insert("source".to_owned(), source.as_str().into());
        }
        if contact.get("source_id").is_none_or(Value::is_null) {
            let mut hasher = Sha256::new();
            for cell in cells {
                hasher.update((cell.len() as u64).to_be_bytes());
                hasher.update(cell);
            }
            let digest: [u8; 16] = hasher.finalize()[..16].try_into().expect("sixteen bytes of thirty-two");
            let times = self.seen.entry(digest).or_insert(0);
            *times += 1;
            let id = format!("row-{}-{times}", crate::domain::event::hex(&digest));
            contact.insert("source_id".to_owned(), id.into());
        }
        contact
    }
}

type Found = (Vec<String>, Result<Map<String, Value>, Vec<String>>);

/// The contact again where intake would take it, with its doubts; else its faults in words.
fn checked(contact: Map<String, Value>, reading: &Reading<'_>) -> Result<(Value, Vec<Fault>), Vec<String>> {
    let contact = Value::Object(contact);
    let text = contact.to_string();
    match contact_json::read(text.as_bytes(), reading) {
        Ok((_, parsed)) => Ok((contact, parsed.into_iter().flat_map(|one| one.doubts).collect())),
        Err(Refused::NotJson(faults) | Refused::Fields { faults, .. }) => {
            let told = |fault: Fault| {
                let field = fault.pointer.trim_start_matches('/').to_owned();
                let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
                format!("{field}{}; {}", fault.problem, fault.remedy)
            };
            Err(faults.into_iter().map(told).collect())
        }
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
