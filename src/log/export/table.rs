//! The log as a table to read: CSV for a spreadsheet, or JSON Lines. Nothing can be proved with it; the archive is for
//! that.
//!
//! A cell that a spreadsheet would take for a formula begins with an apostrophe, so that nobody's words are run.

use super::profile::Shown;
use super::{ExportError, Exported, Named, Profile, walk};
use crate::domain::id::Seq;
use crate::domain::keeping::Spans;
use crate::log::details::Scan;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, UTF-8 with a byte order mark, so that spreadsheets read it.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

const COLUMNS: [&str; 21] = [
    "entry",
    "recorded (UTC)",
    "recorded (local)",
    "happened (UTC)",
    "what",
    "incident",
    "who",
    "by",
    "kind",
    "role",
    "decided by",
    "words",
    "source",
    "why",
    "options considered",
    "information relied on",
    "authority",
    "to be reviewed (UTC)",
    "corrects entry",
    "fields",
    "digest of the line",
];

/// Writes the wanted records.
///
/// * `zone`: for the column of local times.
///
/// # Errors
/// As [`super::archive`].
pub fn write(
    (log, details): (&Path, &Path),
    wanted: Option<&Spans>,
    until: Seq,
    profile: Profile,
    zone: &TimeZone,
    format: Format,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    // Words stand beside their record, so they are looked up first.
    let mut words: BTreeMap<Seq, (super::Hash, String)> = BTreeMap::new();
    for stored in Scan::start(details)? {
        let stored = stored?;
        if wanted.is_some_and(|wanted| !wanted.contains(stored.seq)) {
            continue;
        }
        let shown = match profile.detail(&stored.class, &stored.detail) {
            Shown::Absent => continue,
            Shown::InPart(shown) => shown,
            Shown::Whole => stored.detail.clone(),
        };
        words.insert(stored.seq, (stored.digest(), shown));
    }
    let mut told =
        Exported { entries: 0, details: 0, lines_in_part: 0, details_absent: 0, head: super::Hash::ZERO.to_string() };
    let mut csv = csv::Writer::from_writer(Vec::new());
    if format == Format::Csv {
        out.write_all("\u{feff}".as_bytes())?;
        csv.write_record(COLUMNS).map_err(std::io::Error::from)?;
    }
    walk(log, wanted, until, |logged| {
        let in_part = profile.record(&logged.record);
        told.lines_in_part += u64::from(in_part.is_some());
        let record = in_part.as_deref().unwrap_or(&logged.record);
        let named = serde_json::from_str::<Named<'_>>(record).ok();
        let digest = named.and_then(|named| named.digest?.parse().ok());
        let words = words.get(&logged.seq).filter(|(of, _)| Some(*of) == digest).map(|(_, words)| words.as_str());
        told.entries += 1;
        told.details += u64::from(words.is_some());
        told.details_absent += u64::from(digest.is_some() && words.is_none());
        told.head = logged.hash.to_string();
        let fields: Value = serde_json::from_str(record).unwrap_or(Value::Null);
        let detail: Option<Value> = words.and_then(|words| serde_json::from_str(words).ok());
        if format == Format::JsonLines {
            let local = logged.at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
            let line = json!({
                "entry": logged.seq, "at": logged.at, "local": local, "occurred_at": logged.occurred_at,
                "record": fields, "detail": detail, "hash": logged.hash,
            });
            writeln!(out, "{line}")?;
            return Ok(());
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_entry = fields["type"] == "entry_written";
        let part = |name: &str| match &detail {
            Some(Value::Object(words)) if is_entry => words.get(name).map(&text).unwrap_or_default(),
            _ => String::new(),
        };
        let said = match &detail {
            Some(Value::Object(words)) if words.contains_key("text") && (is_entry || words.len() == 1) => {
                text(&words["text"])
            }
            _ => words.unwrap_or_default().to_owned(),
        };
        let row = [
            logged.seq.to_string(),
            logged.at.to_string(),
            logged.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
            logged.occurred_at.map(|at| at.to_string()).unwrap_or_default(),
            text(&fields["type"]),
            text(&fields["incident"]),
            text(&fields["by"]["who"]),
            text(&fields["by"]["via"]),
            if is_entry { text(&fields["kind"]) } else { String::new() },
            text(&fields["role"]),
            text(&fields["decided_by"]),
            said,
            part("source"),
            part("why"),
            part("options"),
            relied_on(&part("information"), &fields["relies_on"]),
            part("authority"),
            text(&fields["review_at"]),
            fields["corrects"].as_u64().map(|entry| entry.to_string()).unwrap_or_default(),
            record.to_owned(),
            logged.hash.to_string(),
        ];
        csv.write_record(row.iter().map(|cell| safe(cell))).map_err(std::io::Error::from)?;
        if csv.get_ref().len() > 1 << 20 {
            csv.flush()?;
            let rows = std::mem::replace(&mut csv, csv::Writer::from_writer(Vec::new()));
            out.write_all(&rows.into_inner().map_err(|error| error.into_error())?)?;
        }
        Ok(())
    })?;
    out.write_all(&csv.into_inner().map_err(|error| error.into_error())?)?;
    out.flush()?;
    Ok(told)
}

/// What a decision relies on: its words, and the entries that it names.
fn relied_on(words: &str, entries: &Value) -> String {
    let entries: Vec<String> = entries.as_array().into_iter().flatten().map(Value::to_string).collect();
    let named = if entries.is_empty() { String::new() } else { format!("entries {}", entries.join(", ")) };
    [words, &named].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A cell that no spreadsheet takes for a formula.
fn safe(cell: &str) -> String {
    let runs = cell.trim_start().starts_with(['=', '+', '-', '@']) || cell.starts_with(['\t', '\r', '\n']);
    if runs { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_spreadsheet_would_run_are_shown_instead() {
        for cell in ["=1+1", "+44", "-2", "@SUM(A1)", "\tx", " =HYPERLINK(\"x\")", "\r=1"] {
            assert_eq!(safe(cell), format!("'{cell}"));
        }
        assert_eq!(safe("water = deep"), "water = deep");
    }
}
