//! A second pair of eyes on a journal: reads every byte again and says whether the record is whole.
//!
//! Deliberately shares nothing with the code that writes and opens the log but the names of its files: the JSON is
//! read by a general reader, digests are computed here, and the rules are stated anew. So a mistake in the one is
//! found by the other. It takes no lock and changes nothing, and may run beside the daemon; then the end of the last
//! segment may look unfinished, because it is.

use super::{Damage, Hash, Tear};
use crate::domain::id::Seq;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What reading a journal's files over again came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The directory.
    pub dir: PathBuf,
    /// Whole records, counted up to the first bad one.
    pub records: u64,
    /// Files read.
    pub segments: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The digest of the last whole line; compare it with one noted elsewhere to show that no end was cut off.
    pub head: Hash,
    /// When the first record was made, as it says.
    pub first_at: Option<String>,
    /// When the last whole record was made, as it says.
    pub last_at: Option<String>,
    /// The first record that was safe and is not any more. The log is not sound.
    pub damage: Option<Damage>,
    /// An unfinished write at the end, of which nothing was ever acknowledged.
    pub tear: Option<Tear>,
}

impl Report {
    /// Whether every record that was ever acknowledged is there as it was written, as far as files can tell.
    pub fn is_sound(&self) -> bool {
        self.damage.is_none()
    }
}

/// The JSON of a line, keys in any order but no other keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    seq: u64,
    prev: Hash,
    at: String,
    #[serde(rename = "occurred_at")]
    _occurred_at: Option<String>,
    synced: u64,
    #[serde(borrow, rename = "record")]
    _record: &'a RawValue,
}

/// Reads all bytes of the journal in `dir` and checks every line, the chain and the order.
///
/// # Errors
/// When a file or the directory cannot be read: then nothing is known. A bad record is no error but in the report.
pub fn verify(dir: &Path) -> io::Result<Report> {
    let mut report = Report {
        dir: dir.to_owned(),
        records: 0,
        segments: 0,
        bytes: 0,
        head: Hash::ZERO,
        first_at: None,
        last_at: None,
        damage: None,
        tear: None,
    };
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(number) = name.strip_suffix(".log").and_then(|number| number.parse().ok()) {
            files.push((number, path));
        }
    }
    files.sort();
    let mut synced = 0;
    let last = files.len().saturating_sub(1);
    for (index, (first, path)) in files.iter().enumerate() {
        if *first != report.records + 1 {
            let what = format!("the file that should hold it is missing or ends early; the next one begins at {first}");
            report.damage = Some(Damage { file: path.clone(), offset: 0, seq: Seq(report.records + 1), what });
            return Ok(report);
        }
        let bytes = fs::read(path)?;
        report.segments += 1;
        report.bytes += bytes.len() as u64;
        if !file(&mut report, &mut synced, path, &bytes, index == last) {
            break;
        }
    }
    closed(&mut report)?;
    Ok(report)
}

/// Holds the last record against the number that was noted when the log was last closed in order.
fn closed(report: &mut Report) -> io::Result<()> {
    let text = match fs::read(report.dir.join(super::journal::HEAD)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => String::from_utf8_lossy(&text?).into_owned(),
    };
    let closed_at: u64 = text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0);
    if report.damage.is_some() || report.records >= closed_at {
        return Ok(());
    }
    let torn = report.tear.take();
    report.damage = Some(Damage {
        file: torn.as_ref().map_or_else(|| report.dir.clone(), |tear| tear.file.clone()),
        offset: torn.map_or(0, |tear| tear.offset),
        seq: Seq(report.records + 1),
        what: format!("the log was closed after record {closed_at}"),
    });
    Ok(())
}

/// Checks one file; says whether to go on to the next.
fn file(report: &mut Report, synced: &mut u64, path: &Path, bytes: &[u8], is_last: bool) -> bool {
    // What is zero at the end was never written.
    let written = written(bytes);
    let mut offset = 0;
    for line in bytes[..written].split_inclusive(|byte| *byte == b'\n') {
        let checked = match line.strip_suffix(b"\n") {
            Some(line) => check(line, report, *synced),
            None => Err((true, "it has no end".to_owned())),
        };
        match checked {
            Ok(json) => {
                report.records += 1;
                report.head = hash(&line[..line.len() - 1]);
                *synced = json.synced;
                report.first_at.get_or_insert_with(|| json.at.clone());
                report.last_at = Some(json.at);
                offset += line.len();
            }
            Err((could_be_torn, what)) => {
                judge(report, path, bytes, offset, is_last && could_be_torn, what);
                return false;
            }
        }
    }
    true
}

/// Bytes up to the last one that is not zero. Most of a segment is zeros, so whole blocks are compared first.
fn written(bytes: &[u8]) -> usize {
    const ZEROS: [u8; 4096] = [0; 4096];
    let blocks = bytes.chunks(ZEROS.len()).rposition(|block| *block != ZEROS[..block.len()]);
    let end = blocks.map_or(0, |last| ((last + 1) * ZEROS.len()).min(bytes.len()));
    bytes[..end].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

fn hash(line: &[u8]) -> Hash {
    Hash::of(line.get(65..).unwrap_or_default())
}

/// Whether a line is whole, and the next one; if not, whether an interrupted write could look so, and what is wrong.
fn check<'a>(line: &'a [u8], report: &Report, synced: u64) -> Result<Json<'a>, (bool, String)> {
    let torn = |what: &str| (true, what.to_owned());
    let written = line.get(..64).and_then(Hash::from_hex).ok_or_else(|| torn("it does not begin with a digest"))?;
    if line.get(64) != Some(&b' ') {
        return Err(torn("there is no space after the digest"));
    }
    if written != hash(line) {
        return Err(torn("its digest is not that of its bytes"));
    }
    let json: Json<'_> =
        serde_json::from_slice(&line[65..]).map_err(|error| (false, format!("it is not in the format: {error}")))?;
    if json.seq != report.records + 1 {
        return Err((false, format!("it says it is record {}", json.seq)));
    }
    if json.prev != report.head {
        return Err((false, "its `prev` is not the digest of the line before".to_owned()));
    }
    if json.synced >= json.seq || json.synced < synced {
        return Err((false, format!("its `synced` is {}, out of order", json.synced)));
    }
    Ok(json)
}

/// Puts a bad place into the report: as a tear if it can be one, as damage if not.
fn judge(report: &mut Report, path: &Path, bytes: &[u8], offset: usize, could_be_torn: bool, what: String) {
    let seq = report.records + 1;
    let vouched = bytes[offset..].split(|byte| *byte == b'\n').any(|line| {
        let line = &line[line.iter().take_while(|byte| **byte == 0).count()..];
        line.get(..64).and_then(Hash::from_hex) == Some(hash(line))
            && serde_json::from_slice::<Json<'_>>(&line[65..]).is_ok_and(|json| json.synced >= seq)
    });
    let (file, seq) = (path.to_owned(), Seq(seq));
    if could_be_torn && !vouched {
        let end = written(bytes).max(offset);
        report.tear = Some(Tear { file, offset: offset as u64, bytes: (end - offset) as u64, seq });
    } else {
        report.damage = Some(Damage { file, offset: offset as u64, seq, what });
    }
}
