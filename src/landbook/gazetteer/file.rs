//! A gazetteer on disk: a line of JSON that says what it is, then columns of little-endian numbers, then a checksum.
//!
//! Read whole into memory (a council's properties are a few megabytes). A file that is cut short, altered or of another
//! version is refused; nothing in it is believed before its checksum and then its order have been checked.

use super::{CORNERS_MAX, ENTRIES_MAX, Gazetteer, GazetteerMeta, Kind, Texts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version of the form; a file of another is refused.
const FORMAT: &str = "callout gazetteer 1";
/// The longest first line.
const HEAD_BYTES_MAX: usize = 1 << 16;
/// Bytes of the checksum at the end.
const SEAL_BYTES: usize = 32;

/// Why a gazetteer's file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum GazetteerError {
    /// Writing failed; the old file, if any, is untouched.
    #[error("cannot write {path}: {source}; is there space, and may callout write there?")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading failed.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Cut short, altered, or of another version.
    #[error("{path} is damaged ({what}); import the gazetteer again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    meta: GazetteerMeta,
    entries: usize,
    folded_bytes: usize,
    name_bytes: usize,
    /// Of all lines; `None` where there are no lines.
    corners: Option<usize>,
}

/// The file of a kind in a directory of gazetteers.
pub fn path_of(dir: &Path, kind: Kind) -> PathBuf {
    dir.join(format!("{kind}.gazetteer"))
}

/// Writes a gazetteer durably and puts it in the place of the old one.
pub fn write(dir: &Path, gazetteer: &Gazetteer) -> Result<PathBuf, GazetteerError> {
    let path = path_of(dir, gazetteer.meta.kind);
    let draft = path.with_extension("new");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| GazetteerError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let bytes = bytes(gazetteer);
    let mut file = File::create(&draft).map_err(failed(&draft))?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed(&draft))?;
    let back = load(&draft)?;
    if back != *gazetteer {
        return Err(GazetteerError::Damaged {
            path: draft,
            what: "it does not read back as it was written".to_owned(),
        });
    }
    fs::rename(&draft, &path).map_err(failed(&path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir))?;
    Ok(path)
}

fn bytes(gazetteer: &Gazetteer) -> Vec<u8> {
    let head = Head {
        format: FORMAT.to_owned(),
        meta: gazetteer.meta.clone(),
        entries: gazetteer.len(),
        folded_bytes: gazetteer.folded.text.len(),
        name_bytes: gazetteer.names.text.len(),
        corners: (!gazetteer.line_starts.is_empty()).then_some(gazetteer.corners.len()),
    };
    let mut bytes = serde_json::to_vec(&head).expect("a head always becomes JSON");
    bytes.push(b'\n');
    bytes.extend(gazetteer.keys.iter().flat_map(|key| key.to_le_bytes()));
    bytes.extend(gazetteer.places.iter().flatten().flat_map(|mm| mm.to_le_bytes()));
    bytes.extend(gazetteer.reaches_dm.iter().flat_map(|reach| reach.to_le_bytes()));
    for texts in [&gazetteer.folded, &gazetteer.names] {
        bytes.extend(texts.starts.iter().flat_map(|start| start.to_le_bytes()));
        bytes.extend_from_slice(texts.text.as_bytes());
    }
    bytes.extend(gazetteer.line_starts.iter().flat_map(|start| start.to_le_bytes()));
    bytes.extend(gazetteer.corners.iter().flatten().flat_map(|mm| mm.to_le_bytes()));
    let seal = Sha256::digest(&bytes);
    bytes.extend_from_slice(&seal);
    bytes
}

/// Reads a gazetteer's file.
pub fn load(path: &Path) -> Result<Gazetteer, GazetteerError> {
    let bytes = fs::read(path).map_err(|source| GazetteerError::Read { path: path.to_owned(), source })?;
    parse(&bytes).map_err(|what| GazetteerError::Damaged { path: path.to_owned(), what: what.to_owned() })
}

/// Takes columns off the front.
struct Columns<'b>(&'b [u8]);

impl Columns<'_> {
    fn take<const N: usize, T>(&mut self, n: usize, of: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let (these, rest) = self.0.split_at_checked(n.checked_mul(N)?)?;
        self.0 = rest;
        Some(these.chunks_exact(N).filter_map(|one| one.try_into().ok()).map(of).collect())
    }

    fn corners(&mut self, n: usize) -> Option<Vec<[i32; 2]>> {
        self.take(n, |eight: [u8; 8]| {
            let [a, b, c, d, e, f, g, h] = eight;
            [i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h])]
        })
    }

    fn texts(&mut self, n: usize, bytes_n: usize) -> Option<Texts> {
        if n == 0 && bytes_n == 0 {
            return Some(Texts::default());
        }
        let starts = self.take(n + 1, u32::from_le_bytes)?;
        let (text, rest) = self.0.split_at_checked(bytes_n)?;
        self.0 = rest;
        let text = String::from_utf8(text.to_vec()).ok()?;
        let well = starts.windows(2).all(|pair| pair[0] <= pair[1])
            && starts.last() == Some(&u32::try_from(bytes_n).ok()?)
            && starts.iter().all(|start| text.is_char_boundary(*start as usize));
        well.then_some(Texts { starts, text })
    }
}

fn parse(bytes: &[u8]) -> Result<Gazetteer, &'static str> {
    let sealed_n = bytes.len().checked_sub(SEAL_BYTES).ok_or("it is cut short")?;
    let (body, seal) = bytes.split_at(sealed_n);
    if Sha256::digest(body)[..] != *seal {
        return Err("its checksum does not fit");
    }
    let end = body.iter().take(HEAD_BYTES_MAX).position(|byte| *byte == b'\n').ok_or("it has no head")?;
    let head: Head = serde_json::from_slice(&body[..end]).map_err(|_| "its head cannot be read")?;
    if head.format != FORMAT {
        return Err("it is of another version");
    }
    let n = head.entries;
    if n > ENTRIES_MAX || head.corners.is_some_and(|corners| corners > CORNERS_MAX) || head.meta.entries != n as u64 {
        return Err("its counts cannot be right");
    }
    let mut columns = Columns(&body[end + 1..]);
    let cut = "its columns do not fit its head";
    let named = if head.meta.kind == Kind::Street { n } else { 0 };
    let keys = columns.take(n, u64::from_le_bytes).ok_or(cut)?;
    let places = columns.corners(n).ok_or(cut)?;
    let reaches_dm = columns.take(n, u32::from_le_bytes).ok_or(cut)?;
    let folded = columns.texts(named, head.folded_bytes).ok_or(cut)?;
    let names = columns.texts(named, head.name_bytes).ok_or(cut)?;
    let (line_starts, corners) = match head.corners {
        None => (Vec::new(), Vec::new()),
        Some(corners_n) => {
            let starts = columns.take(n + 1, u32::from_le_bytes).ok_or(cut)?;
            let well = starts.windows(2).all(|pair| pair[0] <= pair[1])
                && starts.last().is_some_and(|last| *last as usize == corners_n);
            if !well {
                return Err("its lines are out of order");
            }
            (starts, columns.corners(corners_n).ok_or(cut)?)
        }
    };
    if !columns.0.is_empty() {
        return Err(cut);
    }
    let gazetteer = Gazetteer { meta: head.meta, keys, places, reaches_dm, folded, names, line_starts, corners };
    let sorted = match gazetteer.meta.kind {
        Kind::Street => (1..n).all(|at| gazetteer.folded.get(at - 1) <= gazetteer.folded.get(at)),
        _ => gazetteer.keys.windows(2).all(|pair| pair[0] < pair[1]),
    };
    if sorted { Ok(gazetteer) } else { Err("its entries are out of order") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Entry, street_key};
    use super::*;

    fn sample(kind: Kind) -> Gazetteer {
        let word = |word: &str| word.to_owned();
        let meta = GazetteerMeta {
            kind,
            name: word("Sample"),
            date: word("2026-04-01"),
            licence: word("ours"),
            source: word("x"),
            entries: 0,
        };
        let names = ["Mill Street", "Church Lane", "Mill Street"];
        let entries = names.iter().enumerate().map(|(at, name)| Entry {
            key: 10 - at as u64,
            folded: street_key(name),
            name: (*name).to_owned(),
            at: [at as i32, -5],
            reach_dm: at as u32,
            line: if kind == Kind::Uprn { Vec::new() } else { vec![[1, 2]; at] },
        });
        Gazetteer::new(meta, entries.collect())
    }

    #[test]
    fn a_gazetteer_reads_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        for kind in Kind::ALL {
            let gazetteer = sample(kind);
            let path = write(dir.path(), &gazetteer).unwrap();
            assert_eq!(load(&path).unwrap(), gazetteer);
        }
    }

    #[test]
    fn whatever_byte_is_altered_or_missing_it_is_told_and_never_believed() {
        for kind in [Kind::Street, Kind::Usrn] {
            let whole = bytes(&sample(kind));
            for at in 0..whole.len() {
                let mut other = whole.clone();
                other[at] ^= 1 << (at % 8);
                assert!(parse(&other).is_err(), "byte {at}");
                assert!(parse(&whole[..at]).is_err(), "cut at {at}");
                // Even whoever seals it again finds order and counts checked: an error or an answer, never a panic.
                let body_n = whole.len() - SEAL_BYTES;
                let seal = Sha256::digest(&other[..body_n]);
                other[body_n..].copy_from_slice(&seal);
                if let Ok(gazetteer) = parse(&other) {
                    for one in 0..gazetteer.len() {
                        let _ = gazetteer.place(one, gazetteer.names.get(one).to_owned());
                    }
                    let _ = gazetteer.by_name("mill st");
                }
            }
        }
    }
}
