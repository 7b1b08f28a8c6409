//! A layer on disk as it stands in memory, index and all, so that a start need not make it again.
//!
//! The imported layer's file ([`super::store`]) is the truth; this one beside it, `ID.pack`, is a cache that anybody may
//! delete. It says of which file it was made; when that has changed, or when a single bit here has, it is made again.
//!
//! | part | what |
//! |---|---|
//! | 8 bytes | `COPACK01`: the form and its version |
//! | 4 x 4 bytes | the fineness of the index |
//! | 32 bytes | the SHA-256 in the seal of the layer's file |
//! | 8 x 40 bytes | for each section its length (8 bytes) and its SHA-256 |
//! | 32 bytes | SHA-256 of all of the above |
//! | sections | meta (JSON), head, tiles, cells, records, features, shapes, corners |
//!
//! All numbers are little-endian.

use super::geometry::{Corner, Part, Ring};
use super::layer::{Feature, Layer, LayerMeta};
use super::packed::parts::{HEAD_WORDS, IndexParts};
use super::packed::{Grain, PackedIndex};
use super::store::{self, StoreError};
use crate::domain::id::BodyId;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"COPACK01";
const SECTIONS: usize = 8;
const DIGEST: usize = 32;
const ENTRY: usize = 8 + DIGEST;
const TABLE_AT: usize = 8 + 16 + DIGEST;
const TABLE_END: usize = TABLE_AT + SECTIONS * ENTRY;

/// A layer from its file: by the cache when that is of this very file, else from the file itself, and the cache is made
/// anew. A cache that cannot be written is told in the trace and is no error.
///
/// # Errors
/// As [`store::read`]: what is wrong with the layer's own file.
pub fn open(path: &Path) -> Result<Layer, StoreError> {
    let bytes = fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    let cache = path_of(path);
    // The seal of a large file takes as long as reading the cache: both at once.
    let (seal, cached) = std::thread::scope(|scope| {
        let seal = scope.spawn(|| store::seal(path, &bytes));
        let cached = fs::read(&cache).ok().and_then(|cached| match read(&cached) {
            Ok(read) => Some(read),
            Err(what) => {
                tracing::warn!("{} is damaged ({what}); it is made again", cache.display());
                None
            }
        });
        (seal.join().expect("a checksum does not panic"), cached)
    });
    let seal = seal?;
    if let Some((of, layer)) = cached
        && of == seal
    {
        return Ok(layer);
    }
    let layer = store::read(path)?;
    if let Err(error) = write(&cache, &layer, &seal) {
        tracing::warn!("cannot keep {}: {error}; the next start takes longer", cache.display());
    }
    Ok(layer)
}

/// The cache of a layer's file.
pub fn path_of(layer: &Path) -> PathBuf {
    layer.with_extension("pack")
}

fn write(path: &Path, layer: &Layer, seal: &[u8; DIGEST]) -> std::io::Result<()> {
    let draft = path.with_extension(format!("pack.{}.new", std::process::id()));
    let bytes = to_bytes(layer, seal)?;
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

/// The whole file.
fn to_bytes(layer: &Layer, seal: &[u8; DIGEST]) -> std::io::Result<Vec<u8>> {
    let [tiles, cells, records] = layer.index().words().map(bytes_of);
    let (mut features, mut shapes, mut corners) = (Vec::new(), Vec::new(), Vec::new());
    for feature in layer.features() {
        put_feature(&mut features, feature);
        shapes.push(feature.parts.len() as u32);
        for part in &feature.parts {
            shapes.push(part.rings().len() as u32);
            for ring in part.rings() {
                shapes.push(ring.corners().len() as u32);
                corners.extend(ring.corners().iter().flatten().map(|value| *value as u32));
            }
        }
    }
    let head = bytes_of(&layer.index().head());
    let meta = serde_json::to_vec(&layer.meta)?;
    let sections = [meta, head, tiles, cells, records, features, bytes_of(&shapes), bytes_of(&corners)];
    let mut bytes = MAGIC.to_vec();
    bytes.extend(bytes_of(&grain_words()));
    bytes.extend_from_slice(seal);
    for section in &sections {
        bytes.extend((section.len() as u64).to_le_bytes());
        bytes.extend(Sha256::digest(section));
    }
    let table = Sha256::digest(&bytes);
    bytes.extend(table);
    bytes.extend(sections.into_iter().flatten());
    Ok(bytes)
}

fn grain_words() -> [u32; 4] {
    let Grain { tile_edges, square_edges, square_edges_max, square_shift_min } = Grain::default();
    [tile_edges, square_edges, square_edges_max, square_shift_min]
}

fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn put_feature(into: &mut Vec<u8>, feature: &Feature) {
    // Named one by one, so that a new field cannot be forgotten here.
    let Feature { id, name, body, kind, repaired, valid_from, valid_until, parts: _, area_m2 } = feature;
    let dates = [valid_from, valid_until].map(|date| date.map(|date| date.to_string()));
    let texts = [name.as_deref(), body.as_ref().map(BodyId::as_str), kind.as_deref()];
    put_text(into, Some(id));
    texts.into_iter().for_each(|text| put_text(into, text));
    dates.iter().for_each(|date| put_text(into, date.as_deref()));
    into.push(u8::from(*repaired));
    into.extend(area_m2.to_bits().to_le_bytes());
}

/// A length and so many bytes; the largest length is "none".
fn put_text(into: &mut Vec<u8>, text: Option<&str>) {
    into.extend(text.map_or(u32::MAX, |text| text.len() as u32).to_le_bytes());
    into.extend_from_slice(text.unwrap_or_default().as_bytes());
}

/// The layer, and the seal of the file of which it was made; in words, what is wrong. Any bytes will do.
fn read(bytes: &[u8]) -> Result<([u8; DIGEST], Layer), &'static str> {
    const SHORT: &str = "it is cut short";
    let (head, after) = bytes.split_at_checked(TABLE_END + DIGEST).ok_or(SHORT)?;
    let (head, sum) = head.split_at(TABLE_END);
    if !head.starts_with(MAGIC) {
        return Err("it is of another form");
    }
    if Sha256::digest(head)[..] != *sum {
        return Err("the checksum of its head does not fit");
    }
    if head[MAGIC.len()..TABLE_AT - DIGEST] != *bytes_of(&grain_words()) {
        return Err("it is of another fineness");
    }
    let seal = head[TABLE_AT - DIGEST..TABLE_AT].try_into().map_err(|_| SHORT)?;
    let mut sections: [&[u8]; SECTIONS] = [&[]; SECTIONS];
    let mut rest = after;
    for (section, entry) in sections.iter_mut().zip(head[TABLE_AT..].chunks_exact(ENTRY)) {
        let (length, sum) = entry.split_at(8);
        let length = u64::from_le_bytes(length.try_into().map_err(|_| SHORT)?);
        (*section, rest) = rest.split_at_checked(usize::try_from(length).map_err(|_| SHORT)?).ok_or(SHORT)?;
        if Sha256::digest(*section)[..] != *sum {
            return Err("a checksum does not fit");
        }
    }
    if !rest.is_empty() {
        return Err("it is too long");
    }
    Ok((seal, layer(sections)?))
}

fn layer(
    [meta, head, tiles, cells, records, features, shapes, corners]: [&[u8]; SECTIONS],
) -> Result<Layer, &'static str> {
    let meta: LayerMeta = serde_json::from_slice(meta).map_err(|_| "what is known of the layer cannot be read")?;
    let head: [u32; HEAD_WORDS] = words_of(head)?.try_into().map_err(|_| "its head has another length")?;
    let (tiles, cells, records) = (words_of(tiles)?, words_of(cells)?, words_of(records)?);
    let index = PackedIndex::from_parts(IndexParts { head, tiles, cells, records })?;
    let (shapes, corners) = (words_of(shapes)?, words_of(corners)?);
    let mut taking = Taking { features, shapes: &shapes, corners: &corners };
    // A feature takes at least 33 bytes: a count that the section cannot hold asks for no memory.
    let count = index.features() as usize;
    let mut all = Vec::with_capacity(count.min(features.len() / 33 + 1));
    for _ in 0..count {
        all.push(taking.feature()?);
    }
    if !(taking.features.is_empty() && taking.shapes.is_empty() && taking.corners.is_empty()) {
        return Err("it holds more features than it says");
    }
    Ok(Layer::of(meta, all, index))
}

fn words_of(bytes: &[u8]) -> Result<Vec<u32>, &'static str> {
    let (words, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    } else {
        Err("it is not whole")
    }
}

/// What is still to be read of the features.
struct Taking<'a> {
    features: &'a [u8],
    shapes: &'a [u32],
    corners: &'a [u32],
}

const FEW: &str = "it holds fewer features than it says";

impl Taking<'_> {
    fn feature(&mut self) -> Result<Feature, &'static str> {
        let id = self.text()?.ok_or("a feature has no id")?;
        let (name, body, kind) = (self.text()?, self.text()?, self.text()?);
        let (valid_from, valid_until) = (self.date()?, self.date()?);
        let repaired = self.bytes(1)?[0] != 0;
        let area_m2 = f64::from_bits(u64::from_le_bytes(self.bytes(8)?.try_into().map_err(|_| FEW)?));
        let body = body.map(|body| BodyId::new(body.as_str()));
        let mut parts = Vec::new();
        for _ in 0..self.count()? {
            let mut rings = Vec::new();
            for _ in 0..self.count()? {
                rings.push(self.ring()?);
            }
            if rings.is_empty() {
                return Err("a polygon has no ring");
            }
            parts.push(Part::new(rings));
        }
        Ok(Feature { id, name, body, kind, repaired, valid_from, valid_until, parts, area_m2 })
    }

    fn ring(&mut self) -> Result<Ring, &'static str> {
        let n = self.count()? as usize;
        let (corners, rest) = self.corners.split_at_checked(n.checked_mul(2).ok_or(FEW)?).ok_or(FEW)?;
        self.corners = rest;
        let corners: Vec<Corner> = corners.as_chunks::<2>().0.iter().map(|at| at.map(|value| value as i32)).collect();
        if corners.len() < 4 || corners.first() != corners.last() {
            return Err("a ring is not closed");
        }
        Ok(Ring::new(corners))
    }

    fn count(&mut self) -> Result<u32, &'static str> {
        let (count, rest) = self.shapes.split_first().ok_or(FEW)?;
        self.shapes = rest;
        Ok(*count)
    }

    fn bytes(&mut self, n: usize) -> Result<&[u8], &'static str> {
        let (bytes, rest) = self.features.split_at_checked(n).ok_or(FEW)?;
        self.features = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<Option<String>, &'static str> {
        let n = u32::from_le_bytes(self.bytes(4)?.try_into().map_err(|_| FEW)?);
        if n == u32::MAX {
            return Ok(None);
        }
        let bytes = self.bytes(n as usize)?;
        let text = std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")?;
        Ok(Some(text.to_owned()))
    }

    fn date(&mut self) -> Result<Option<jiff::civil::Date>, &'static str> {
        self.text()?.map(|text| text.parse().map_err(|_| "a date is none")).transpose()
    }
}

#[cfg(test)]
mod tests;
