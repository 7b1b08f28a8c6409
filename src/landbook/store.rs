//! A layer on disk: one JSON file, written whole or not at all, with a checksum at its end.
//!
//! The file is what an import made of the source, so that a start needs no repair and gives the same answers. It is
//! written beside the old one, read back, and only then put in its place.

use super::geometry::{Corner, Part, Ring};
use super::import::hex;
use super::layer::{Feature, Layer, LayerMeta};
use crate::domain::id::BodyId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The version of the form; a file of another is refused.
const FORMAT: &str = "callout layer 1";
/// The end of the file: the checksum of all bytes before it.
const SEAL: &str = "\n,\"checksum\":\"";
const SEAL_END: &str = "\"}\n";

/// Why a layer's file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The id would not do as a file's name.
    #[error("\"{0}\" cannot be a layer's id; use small letters, digits, _ and -, at most 64, such as adopted-highways")]
    BadId(String),
    /// There is no earlier edition to go back to.
    #[error("there is no earlier edition of the layer \"{0}\"; callout import layer --list shows what there is")]
    NoEarlier(String),
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
    #[error("{path} is damaged ({what}); import the layer again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// The whole file, without the seal.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: String,
    meta: LayerMeta,
    features: Vec<StoredFeature>,
    #[serde(skip_serializing)]
    #[allow(dead_code, reason = "checked against the bytes before they are parsed")]
    checksum: String,
}

#[derive(Serialize, Deserialize)]
struct StoredFeature {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    body: Option<BodyId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    kind: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    repaired: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    valid_from: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    valid_until: Option<Date>,
    /// Polygons, rings, corners in millimetres.
    parts: Vec<Vec<Vec<Corner>>>,
}

/// The file of a layer in a directory of layers.
pub fn path_of(dir: &Path, id: &str) -> Result<PathBuf, StoreError> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if id.is_empty() || id.len() > 64 || !id.bytes().all(good) {
        return Err(StoreError::BadId(id.to_owned()));
    }
    Ok(dir.join(format!("{id}.json")))
}

/// Writes a layer durably and puts it in the place of the old one, which is kept among the earlier ones
/// ([`super::editions`]). Until it returns, a reader finds the old one.
pub fn write(dir: &Path, layer: &Layer) -> Result<PathBuf, StoreError> {
    let path = path_of(dir, &layer.meta.id)?;
    let draft = path.with_extension("json.new");
    fs::create_dir_all(dir).map_err(failed(dir))?;
    write_draft(&draft, layer).map_err(failed(&draft))?;
    // The new one must pass before the old one goes.
    let back = read(&draft)?;
    if back.meta != layer.meta || back.features() != layer.features() {
        return Err(StoreError::Damaged { path: draft, what: "it does not read back as it was written".to_owned() });
    }
    super::editions::keep(dir, &layer.meta.id)?;
    fs::rename(&draft, &path).map_err(failed(&path))?;
    sync(dir)?;
    Ok(path)
}

/// Makes renamings in a directory durable.
pub(super) fn sync(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir))
}

/// A failure to write, with its file.
pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Write { path, source }
}

/// What is known of a layer by the beginning of its file, without reading the features or checking the seal: for
/// lists.
pub fn read_meta(path: &Path) -> Result<LayerMeta, StoreError> {
    /// The head of the longest line that an import writes.
    const META_BYTES_MAX: u64 = 1 << 20;
    let damaged = |what: &str| StoreError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let mut line = String::new();
    File::open(path)
        .and_then(|file| {
            io::BufRead::read_line(&mut io::Read::take(io::BufReader::new(file), META_BYTES_MAX), &mut line)
        })
        .map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    let meta = line.split_once("\"meta\":").and_then(|(_, rest)| rest.rsplit_once(",\"features\":["));
    let (meta, _) = meta.ok_or_else(|| damaged("it does not begin as a layer does"))?;
    serde_json::from_str(meta).map_err(|error| damaged(&error.to_string()))
}

fn write_draft(draft: &Path, layer: &Layer) -> io::Result<()> {
    let mut out = Hashing { out: BufWriter::new(File::create(draft)?), hash: Sha256::new() };
    write!(out, "{{\"format\":{},\"meta\":{}", serde_json::to_string(FORMAT)?, serde_json::to_string(&layer.meta)?)?;
    out.write_all(b",\"features\":[")?;
    for (at, feature) in layer.features().iter().enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        let stored = StoredFeature {
            id: feature.id.clone(),
            name: feature.name.clone(),
            body: feature.body.clone(),
            kind: feature.kind.clone(),
            repaired: feature.repaired,
            valid_from: feature.valid_from,
            valid_until: feature.valid_until,
            parts: feature
                .parts
                .iter()
                .map(|part| part.rings().iter().map(|ring| ring.corners().to_vec()).collect())
                .collect(),
        };
        serde_json::to_writer(&mut out, &stored)?;
    }
    out.write_all(b"]")?;
    let Hashing { mut out, hash } = out;
    write!(out, "{SEAL}{}{SEAL_END}", hex(&hash.finalize()))?;
    out.into_inner()?.sync_all()
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The SHA-256 at the end of a layer's file, when it is that of the bytes before it.
pub(super) fn seal(path: &Path, bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    let damaged = |what: &str| StoreError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let sealed_n = bytes.len().checked_sub(SEAL.len() + 64 + SEAL_END.len());
    let (body, seal) = sealed_n.and_then(|at| bytes.split_at_checked(at)).ok_or_else(|| damaged("it is cut short"))?;
    let digest: [u8; 32] = Sha256::digest(body).into();
    if seal == format!("{SEAL}{}{SEAL_END}", hex(&digest)).as_bytes() {
        Ok(digest)
    } else {
        Err(damaged("its checksum does not fit"))
    }
}

/// Reads a layer's file; refuses one that is cut short, altered, or of another version.
pub fn read(path: &Path) -> Result<Layer, StoreError> {
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    let bytes = fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    seal(path, &bytes)?;
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if stored.format != FORMAT {
        return Err(damaged(format!("its form is \"{}\", not \"{FORMAT}\"", stored.format)));
    }
    let mut features = Vec::with_capacity(stored.features.len());
    for feature in stored.features {
        let sound = !feature.parts.is_empty()
            && feature.parts.iter().all(|rings| !rings.is_empty())
            && feature.parts.iter().flatten().all(|ring| ring.len() >= 4 && ring.first() == ring.last());
        if !sound {
            return Err(damaged(format!("feature {} has a ring that is not closed", feature.id)));
        }
        let parts: Vec<Part> =
            feature.parts.into_iter().map(|rings| Part::new(rings.into_iter().map(Ring::new).collect())).collect();
        features.push(Feature {
            id: feature.id,
            name: feature.name,
            body: feature.body,
            kind: feature.kind,
            repaired: feature.repaired,
            valid_from: feature.valid_from,
            valid_until: feature.valid_until,
            area_m2: parts.iter().map(Part::area_m2).sum(),
            parts,
        });
    }
    Ok(Layer::new(stored.meta, features))
}
