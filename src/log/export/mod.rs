//! Writes a copy of the log that others can check without callout: a ZIP archive of plain text.
//!
//! * `log.jsonl`: the lines byte for byte, `<SHA-256> <JSON>`.
//! * `details.jsonl`: `{"seq","salt","detail"}`, where they are not erased and the profile shows them.
//! * `heads.jsonl`: `{"seq","hash","at","signature"}`; the last one is of the last line.
//! * `key.pub`: the public key, as `openssl` reads it.
//! * `manifest.json`: what this is, what was left out, and the digest of each file; `manifest.sig` signs its bytes.
//!
//! Reads the files beside a running daemon, without its lock. `tools/verify_log.py` checks the result.
//!
//! Not here: the record of the export (`domain/keeping.rs`), tables for reading ([`table`]).

mod profile;
pub mod select;
pub mod table;
mod zip;

pub use profile::{LEFT_OUT, Profile};

use super::details::Scan;
use super::heads::HeadKey;
use super::tail::Follow;
use super::{Hash, Logged};
use crate::domain::id::Seq;
use crate::domain::keeping::{SignedHead, Spans};
use crate::domain::time::Timestamp;
use profile::Shown;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{self, Write as _};
use std::path::Path;
use zip::{Held, Zip};

/// Lines read at a time.
const AT_ONCE: usize = 20_000;

/// What an export says of itself.
#[derive(Debug, Clone)]
pub struct About {
    /// What is left out.
    pub profile: Profile,
    /// Which part, in words.
    pub selection: String,
    /// Who takes it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The record that says so; `None` where it could not be recorded.
    pub entry: Option<Seq>,
}

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Lines of the log.
    pub entries: u64,
    /// Details.
    pub details: u64,
    /// Lines with something left out.
    pub lines_in_part: u64,
    /// Records that name details which are not in it: erased, or not for this profile.
    pub details_absent: u64,
    /// The last line's digest.
    pub head: String,
}

/// Why an export was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The log cannot be read to its end.
    #[error("record {seq} of the log cannot be read; `callout log verify` says more")]
    Broken {
        /// The first bad one.
        seq: Seq,
    },
    /// Nothing is in the selection.
    #[error("there is no record in this selection")]
    Nothing,
}

/// The part of a record that exports look at.
#[derive(Deserialize)]
struct Named<'a> {
    r#type: &'a str,
    #[serde(borrow, default)]
    digest: Option<std::borrow::Cow<'a, str>>,
}

/// Goes through the wanted lines of a log in order, up to record `until`.
///
/// # Errors
/// [`ExportError::Broken`] when a line before `until` is not whole; whatever `each` gives.
pub fn walk(
    log: &Path,
    wanted: Option<&Spans>,
    until: Seq,
    mut each: impl FnMut(&Logged) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let whole;
    let ranges = match wanted {
        Some(wanted) => wanted.ranges(),
        None => {
            whole = [(Seq(1), until)];
            &whole
        }
    };
    for (from, to) in ranges.iter().filter(|(from, _)| *from <= until) {
        let to = (*to).min(until);
        let mut follow = Follow::from(log, *from);
        while follow.next() <= to {
            let n = usize::try_from(to.0 + 1 - follow.next().0).unwrap_or(AT_ONCE).min(AT_ONCE);
            let lines = follow.lines(n)?;
            if lines.is_empty() {
                return Err(ExportError::Broken { seq: follow.next() });
            }
            lines.iter().try_for_each(&mut each)?;
        }
    }
    Ok(())
}

/// Writes the archive.
///
/// * `log`, `details`: the directories.
/// * `wanted`: which records; `None` for all up to `until`.
/// * `until`: the last record that is known to be durable.
///
/// # Errors
/// [`ExportError`]; the file is then not to be used.
pub fn archive(
    (log, details): (&Path, &Path),
    wanted: Option<&Spans>,
    until: Seq,
    about: &About,
    key: &HeadKey,
    out: &Path,
) -> Result<Exported, ExportError> {
    let mut zip = Zip::create(out)?;
    let (mut spans, mut in_part, mut heads) = (Spans::default(), Spans::default(), Vec::new());
    let mut named: Vec<(Seq, Hash)> = Vec::new();
    let (mut before, mut last) = (None, None);
    let public = key.public();
    let lines = zip.member("log.jsonl", |into| {
        walk(log, wanted, until, |logged| {
            before.get_or_insert(logged.prev);
            last = Some((logged.seq, logged.hash));
            spans.insert(logged.seq);
            let record = serde_json::from_str::<Named<'_>>(&logged.record);
            if let Some(digest) = record.as_ref().ok().and_then(|record| record.digest.as_ref()?.parse().ok()) {
                named.push((logged.seq, digest));
            }
            if record.is_ok_and(|record| record.r#type == "head_signed")
                && let Ok(head) = serde_json::from_str::<SignedHead>(&logged.record)
                && head.key == public
            {
                heads.push(head);
            }
            match about.profile.record(&logged.record) {
                None => writeln!(into, "{} {}", logged.hash, logged.json())?,
                Some(record) => {
                    in_part.insert(logged.seq);
                    writeln!(into, "{} {}", logged.hash, Logged { record, ..logged.clone() }.json())?;
                }
            }
            Ok(())
        })
    })?;
    let (Some(before), Some((last, head))) = (before, last) else { return Err(ExportError::Nothing) };
    let (mut shown, mut shown_in_part) = (Spans::default(), Spans::default());
    let texts = zip.member("details.jsonl", |into| -> Result<(), ExportError> {
        for stored in Scan::start(details)? {
            let stored = stored?;
            let Ok(at) = named.binary_search_by_key(&stored.seq, |(seq, _)| *seq) else { continue };
            // What is not what the record means is as good as absent: it proves nothing.
            if stored.digest() != named[at].1 || shown.contains(stored.seq) {
                continue;
            }
            match about.profile.detail(&stored.class, &stored.detail) {
                Shown::Absent => continue,
                Shown::Whole => {
                    let salt = &stored.salt;
                    writeln!(into, "{{\"seq\":{},\"salt\":\"{salt}\",\"detail\":{}}}", stored.seq, stored.detail)?;
                }
                Shown::InPart(detail) => {
                    shown_in_part.insert(stored.seq);
                    writeln!(into, "{{\"seq\":{},\"salt\":\"\",\"detail\":{detail}}}", stored.seq)?;
                }
            }
            shown.insert(stored.seq);
        }
        Ok(())
    })?;
    let absent: Spans = named.iter().map(|(seq, _)| *seq).filter(|seq| !shown.contains(*seq)).collect();
    // A head of a line that is not in this copy could not be checked against anything.
    heads.retain(|head| spans.contains(head.head));
    heads.push(key.sign(last, head.to_string(), about.at));
    let signed = zip.member("heads.jsonl", |into| -> io::Result<()> {
        heads.iter().try_for_each(|head| {
            let SignedHead { head, hash, signed_at, signature, .. } = head;
            writeln!(into, "{}", json!({ "seq": head, "hash": hash, "at": signed_at, "signature": signature }))
        })
    })?;
    let key_file = zip.member("key.pub", |into| into.write_all(key.public_pem().as_bytes()))?;
    let manifest = json!({
        "format": "callout export 1",
        "at": about.at, "by": about.by, "entry": about.entry,
        "profile": about.profile.as_str(), "selection": about.selection, "left_out": about.profile.left_out(),
        "entries": spans.len(), "records": spans, "before": before, "head": head, "in_part": in_part,
        "details": { "entries": shown.len(), "in_part": shown_in_part, "absent": absent },
        "heads": heads.len(), "key": public,
        "files": files([("log.jsonl", &lines), ("details.jsonl", &texts), ("heads.jsonl", &signed), ("key.pub", &key_file)]),
    });
    let manifest = format!("{manifest:#}\n");
    zip.member("manifest.json", |into| into.write_all(manifest.as_bytes()))?;
    zip.member("manifest.sig", |into| writeln!(into, "{}", key.sign_bytes(manifest.as_bytes())))?;
    zip.finish()?;
    Ok(Exported {
        entries: spans.len(),
        details: shown.len(),
        lines_in_part: in_part.len(),
        details_absent: absent.len(),
        head: head.to_string(),
    })
}

fn files<const N: usize>(held: [(&str, &Held); N]) -> Value {
    Value::Object(held.into_iter().map(|(name, held)| (name.to_owned(), json!(held))).collect())
}
