//! Contacts of the past, read from CSV or NDJSON: the instant, the topics, the place. Nothing else is needed, and
//! nothing else is kept.

use crate::domain::contact::Channel;
use crate::domain::id::Tag;
use crate::domain::keywords::Keywords;
use crate::domain::place::GridPoint;
use crate::domain::time::{Timestamp, resolve, to_millis};
use crate::intake::columns::Mapping;
use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

/// The most contacts of one run: some hundred bytes each are held.
const CONTACTS_MAX: usize = 20_000_000;
/// Metres of a degree of latitude, and of longitude at the equator (mean radius 6,371,009 m).
const DEGREE_M: f64 = 111_195.1;

/// One contact of the past.
#[derive(Debug, Clone)]
pub struct Past {
    /// When it was received.
    pub at: Timestamp,
    /// What it is about.
    pub topics: Vec<String>,
    /// Where, on a plane of metres; for degrees its middle is the file's first place.
    pub place: Option<GridPoint>,
    /// How it came; the portal where the file does not say, or says a word that is no channel.
    pub channel: Channel,
    /// The council's service, where the file says so.
    pub service: Option<String>,
}

/// What a file gave.
#[derive(Debug)]
pub struct Read {
    /// The contacts, in file order.
    pub past: Vec<Past>,
    /// Rows that could not be read.
    pub refused: usize,
    /// The first of them, in words.
    pub first_refused: Option<String>,
}

/// How a file is read.
#[derive(Debug)]
pub struct How<'a> {
    /// The column (or mapped field) whose values are the topics.
    pub topic_from: Option<&'a str>,
    /// The column with the time.
    pub time: Option<&'a str>,
    /// The zone of times without an offset.
    pub zone: &'a TimeZone,
    /// The rules that find topics in words, where no column has them.
    pub keywords: Option<&'a Keywords>,
    /// Fields by column; without columns of its own the columns are named like fields.
    pub mapping: Mapping,
}

/// Names of columns that hold the time, if none is named.
const TIMES: [&str; 8] =
    ["received_at", "local_time", "time", "timestamp", "created", "created_at", "opened", "occurred_at"];

/// A topic from any text: small letters and digits, with `_` between.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.trim_end_matches('_').to_owned()
}

/// Between several words that a mapping makes of one.
const BETWEEN: &str = "\u{1f}";

/// The topics of a cell.
fn topics_of(cell: &str) -> Vec<String> {
    cell.split(BETWEEN).map(slug).filter(|topic| !topic.is_empty()).collect()
}

/// Reads the file; its kind is told by its first byte that is no white space (`{` for NDJSON).
///
/// # Errors
/// It cannot be read, or a column that was asked for is not there.
pub fn read(path: &Path, how: How<'_>) -> Result<Read> {
    let shown = path.display();
    let mut file = BufReader::new(File::open(path).with_context(|| format!("cannot read {shown}"))?);
    let packed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let inner: Box<dyn std::io::Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut input = BufReader::with_capacity(1 << 16, inner);
    let first =
        input.fill_buf().with_context(|| format!("cannot read {shown}"))?.iter().find(|b| !b.is_ascii_whitespace());
    let json = first == Some(&b'{');
    let mut reading = Reading { how, middle: None, read: Read { past: Vec::new(), refused: 0, first_refused: None } };
    if json {
        for (at, line) in input.lines().enumerate() {
            let line = line.with_context(|| format!("{shown}, line {}", at + 1))?;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&line) {
                Ok(object) => {
                    let text =
                        |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let row = object.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
                    reading.row(at as u64 + 1, &row)?;
                }
                Err(error) => reading.refuse(at as u64 + 1, &error.to_string()),
            }
        }
    } else {
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(input.by_ref());
        let header = rows.headers().with_context(|| format!("{shown} has no header line"))?.clone();
        if !reading.how.mapping.columns.is_empty() {
            let head: Vec<String> = header.iter().map(str::to_owned).collect();
            reading.how.mapping.settle(&head)?;
        }
        let mapped = |column: &str| reading.how.mapping.columns.iter().any(|(field, _)| field == column);
        let there = |column: &&str| header.iter().any(|name| name == *column) || mapped(column);
        if let Some(column) = reading.how.topic_from.filter(|column| !there(column)) {
            bail!("{shown} has no column \"{column}\"; it has {}", header.iter().collect::<Vec<_>>().join(", "));
        }
        for row in rows.records() {
            match row {
                Ok(cells) => {
                    let line = cells.position().map_or(0, csv::Position::line);
                    let row = header.iter().zip(cells.iter().map(str::to_owned)).collect();
                    reading.row(line, &row)?;
                }
                Err(error) => reading.refuse(error.position().map_or(0, csv::Position::line), &error.to_string()),
            }
        }
    }
    Ok(reading.read)
}

struct Reading<'a> {
    how: How<'a>,
    middle: Option<(f64, f64)>,
    read: Read,
}

impl Reading<'_> {
    fn refuse(&mut self, line: u64, why: &str) {
        self.read.refused += 1;
        self.read.first_refused.get_or_insert_with(|| format!("; the first is line {line}: {why}"));
    }

    fn row(&mut self, line: u64, row: &BTreeMap<&str, String>) -> Result<()> {
        let mapping = self.how.mapping.clone();
        let mut mapped = row.clone();
        for (field, column) in &mapping.columns {
            if let Some(word) = row.get(column.as_str()) {
                mapped.insert(field, mapping.value(field, word).join(BETWEEN));
            }
        }
        let row = &mapped;
        let named = self.how.time.into_iter().chain(TIMES).find_map(|name| row.get(name));
        let Some(at) = named.and_then(|text| self.instant(text.trim())) else {
            let why = match named {
                Some(text) => {
                    format!("\"{text}\" is not a time; write it like 2026-11-22T02:10:00Z or 2026-11-22 02:10:00")
                }
                None => format!("there is no time; name its column with --time (it has {})", keys(row)),
            };
            self.refuse(line, &why);
            return Ok(());
        };
        let topics: Vec<String> = match (self.how.topic_from, self.how.keywords) {
            (Some(column), _) => topics_of(row.get(column).map_or("", String::as_str)),
            (None, Some(keywords)) => {
                let words: Vec<&str> = ["text", "type", "service", "description"]
                    .iter()
                    .filter_map(|c| row.get(c).map(String::as_str))
                    .collect();
                let mut tags: Vec<String> = keywords
                    .classify(&words.join(". "))
                    .into_iter()
                    .map(|found| found.tag.as_str().to_owned())
                    .collect();
                let given = row.get("tags").map_or("", String::as_str);
                tags.extend(given.split([',', ';']).flat_map(topics_of));
                tags.sort_unstable();
                tags.dedup();
                tags
            }
            (None, None) => Vec::new(),
        };
        let place = self.place(row);
        if self.read.past.len() == CONTACTS_MAX {
            bail!("more than {CONTACTS_MAX} contacts; replay a shorter time");
        }
        let word = row.get("channel").map_or("", String::as_str).split(BETWEEN).next().unwrap_or_default();
        let channel = Channel::parse(&slug(word)).unwrap_or(Channel::Portal);
        let service = row.get("service").map(|service| slug(service)).filter(|service| !service.is_empty());
        self.read.past.push(Past { at, topics, place, channel, service });
        Ok(())
    }

    fn instant(&self, text: &str) -> Option<Timestamp> {
        use jiff::civil::DateTime;
        if let Some(format) = &self.how.mapping.format {
            return DateTime::strptime(format, text).ok().map(|local| resolve(local, self.how.zone));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(to_millis(at));
        }
        text.parse::<DateTime>().ok().map(|local| resolve(local, self.how.zone))
    }

    fn place(&mut self, row: &BTreeMap<&str, String>) -> Option<GridPoint> {
        let number =
            |name: &str| row.get(name).and_then(|text| text.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
        if let (Some(easting), Some(northing)) = (number("easting"), number("northing")) {
            return Some(GridPoint::from_metres(easting, northing).rounded_to_10_m());
        }
        let (lat, lon) =
            (number("lat").or_else(|| number("latitude"))?, number("lon").or_else(|| number("longitude"))?);
        if lat == 0.0 && lon == 0.0 {
            return None;
        }
        // Distances within a city are all that is asked, so a plane at the first place will do, anywhere on earth.
        let (lat0, lon0) = *self.middle.get_or_insert((lat, lon));
        let east = (lon - lon0) * DEGREE_M * lat0.to_radians().cos();
        Some(GridPoint::from_metres(300_000.0 + east, 300_000.0 + (lat - lat0) * DEGREE_M).rounded_to_10_m())
    }
}

fn keys(row: &BTreeMap<&str, String>) -> String {
    row.keys().copied().collect::<Vec<_>>().join(", ")
}

/// The topics as tags.
pub fn tags(topics: &[String]) -> Vec<Tag> {
    topics.iter().map(|topic| Tag::new(topic.as_str())).collect()
}
