//! Reading the log back: which lines are whole, and whether what is not is a tear or damage.
//!
//! A power cut leaves the last write half done. That is a *tear*: nobody was told that those records are safe, so
//! the torn end may be cut off. A bad line that was once safe on the disk is *damage*, and no program may quietly
//! pass over it. What tells them apart is `synced`: every line says up to which number all was safe when it was
//! written. So a bad line is damage when any later whole line vouches for its number; when it stands in any segment
//! but the last, since a segment is left only when it is safe; and when its own digest is right but its place in the
//! chain is wrong, since no interrupted write can do that.

use super::line::{self, Parts};
use super::{Damage, Hash, Tear};
use crate::domain::id::Seq;
use std::path::Path;

/// Where a walk along the chain stands: what the next line must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// The last whole line's number; 0 before the first.
    pub(super) seq: Seq,
    /// Its digest.
    pub(super) hash: Hash,
    /// Its `synced`.
    pub(super) synced: Seq,
}

impl Chain {
    pub(super) const START: Self = Self { seq: Seq(0), hash: Hash::ZERO, synced: Seq(0) };
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is not a line, or its digest is not that of its JSON: an interrupted write can look so.
    NotWhole,
    /// It is whole but does not follow on: no interrupted write can look so.
    OutOfChain,
}

/// How a segment's bytes end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In whole lines, then nothing or zeros.
    Clean,
    /// In the middle of a line, and nothing says that it was ever safe.
    Torn(Tear),
    /// At a line that was safe and is bad.
    Damaged(Damage),
}

/// Walks along a segment's lines from `chain` on, and moves it to the last whole line.
///
/// Gives the number of bytes of whole lines, and how it ended.
pub(super) fn segment(chain: &mut Chain, file: &Path, bytes: &[u8], is_last: bool) -> (usize, End) {
    let mut at = 0;
    let fault = loop {
        let rest = &bytes[at..];
        if rest.first().is_none_or(|byte| *byte == 0) && all_zero(rest) {
            return (at, End::Clean);
        }
        match next(chain, rest) {
            Ok(length) => at += length,
            Err(fault) => break fault,
        }
    };
    let seq = Seq(chain.seq.0 + 1);
    let damage = |what: String| End::Damaged(Damage { file: file.to_owned(), offset: at as u64, seq, what });
    let rest = &bytes[at..];
    let end = match fault {
        Fault::OutOfChain => damage("the line is whole but is not the one that followed on the line before".to_owned()),
        Fault::NotWhole => match vouching(rest, seq) {
            Some(later) => damage(format!("its bytes are not what was written, and record {later} says it was safe")),
            None if !is_last => damage("its bytes are not what was written, and a later segment follows".to_owned()),
            None => {
                let bytes = written(rest) as u64;
                End::Torn(Tear { file: file.to_owned(), offset: at as u64, bytes, seq })
            }
        },
    };
    (at, end)
}

/// Checks the line that `rest` begins with against the chain; gives its length with the line break.
fn next(chain: &mut Chain, rest: &[u8]) -> Result<usize, Fault> {
    let length = rest.iter().position(|byte| *byte == b'\n').ok_or(Fault::NotWhole)?;
    let (hash, json) = whole(&rest[..length]).ok_or(Fault::NotWhole)?;
    let parts = Parts::of(json).ok_or(Fault::OutOfChain)?;
    let follows = parts.seq.0 == chain.seq.0 + 1
        && parts.prev == chain.hash
        && parts.synced < parts.seq
        && parts.synced >= chain.synced;
    if !follows {
        return Err(Fault::OutOfChain);
    }
    *chain = Chain { seq: parts.seq, hash, synced: parts.synced };
    Ok(length + 1)
}

/// A line whose digest is right: digest and JSON.
pub(super) fn whole(line: &[u8]) -> Option<(Hash, &str)> {
    line::split(line).filter(|(hash, json)| Hash::of(json.as_bytes()) == *hash)
}

/// The number of a whole line in `rest` that says record `seq` was safe.
fn vouching(rest: &[u8], seq: Seq) -> Option<Seq> {
    rest.split(|byte| *byte == b'\n').find_map(|piece| {
        // A lost page reads as zeros, and the next whole line may come right after it.
        let zeros = piece.iter().position(|byte| *byte != 0)?;
        let parts = Parts::of(whole(&piece[zeros..])?.1)?;
        (parts.synced >= seq).then_some(parts.seq)
    })
}

/// Bytes up to the last one that is not zero. Most of a segment is zeros, so whole blocks are looked at first.
pub(super) fn written(bytes: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = bytes.chunks(BLOCK).rposition(|block| !all_zero(block)).map_or(0, |last| last + 1);
    let end = (blocks * BLOCK).min(bytes.len());
    bytes[..end].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Whether there is nothing but zeros here.
pub(super) fn all_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<64>();
    words.iter().all(|word| *word == [0; 64]) && rest.iter().all(|byte| *byte == 0)
}
