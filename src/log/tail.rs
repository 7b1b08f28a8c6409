//! Reading a journal while another process writes it, without its lock: the last lines, some from the middle, and
//! new ones as they come.
//!
//! Only whole lines whose digest is right are given, so a line that is just being written is not seen half. What is
//! given may be some milliseconds ahead of the disk: whoever must show durable records only asks the daemon for its
//! head and stops there.

use super::journal::{KIND, read_whole};
use super::line::{AROUND_BYTES_MAX, Parts, split};
use super::segments;
use super::{Hash, Logged, RECORD_BYTES_MAX};
use crate::domain::id::Seq;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The most lines that one call gives; ask again for more.
pub const LINES_MAX: usize = 100_000;
/// Read at a time; more only when one line is longer.
const PIECE_BYTES: usize = 256 << 10;

/// The last `n` lines, oldest first; fewer when the log has fewer. Lines that are not whole are passed over.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn last(dir: &Path, n: usize) -> io::Result<Vec<Logged>> {
    let n = n.min(LINES_MAX);
    let mut lines = Vec::new();
    let mut bytes = Vec::new();
    for first in segments::list(dir, KIND)?.into_iter().rev() {
        read_whole(&segments::path(dir, first, KIND), &mut bytes)?;
        let whole = bytes.rsplit(|byte| *byte == b'\n').filter_map(whole);
        lines.extend(whole.take(n - lines.len()));
        if lines.len() == n {
            break;
        }
    }
    lines.reverse();
    Ok(lines)
}

/// Up to `n` lines from number `from` on.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn from(dir: &Path, from: Seq, n: usize) -> io::Result<Vec<Logged>> {
    Follow::from(dir, from).lines(n)
}

fn whole(line: &[u8]) -> Option<Logged> {
    let (hash, json) = split(line).filter(|(hash, json)| Hash::of(json.as_bytes()) == *hash)?;
    Parts::of(json)?.logged(hash)
}

/// A place in a log that moves on as lines are read, and waits at the end for more.
#[derive(Debug)]
pub struct Follow {
    dir: PathBuf,
    next: Seq,
    at: Option<At>,
}

#[derive(Debug)]
struct At {
    first: u64,
    file: File,
    offset: u64,
}

impl Follow {
    /// Begins at record `from`, which need not be there yet.
    pub fn from(dir: &Path, from: Seq) -> Self {
        Self { dir: dir.to_owned(), next: from.max(Seq(1)), at: None }
    }

    /// The number of the record that comes next.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The next lines, `n` at most; none when the end is reached for now.
    ///
    /// # Errors
    /// When the directory or a file cannot be read.
    pub fn lines(&mut self, n: usize) -> io::Result<Vec<Logged>> {
        let n = n.min(LINES_MAX);
        let mut lines = Vec::new();
        let mut piece = Vec::new();
        while lines.len() < n {
            let Some(mut at) = self.at.take().map_or_else(|| self.find(), |at| Ok(Some(at)))? else { break };
            let before = lines.len();
            let full = read_piece(&at, PIECE_BYTES.max(piece.len()), &mut piece)?;
            for line in piece.split_inclusive(|byte| *byte == b'\n').take(n - before) {
                let logged = line.strip_suffix(b"\n").and_then(whole);
                let Some(logged) = logged.filter(|logged| logged.seq == self.next) else { break };
                at.offset += line.len() as u64;
                self.next.0 += 1;
                lines.push(logged);
            }
            if lines.len() > before {
                piece.clear();
            } else if full && !piece.contains(&b'\n') && piece.len() <= RECORD_BYTES_MAX + AROUND_BYTES_MAX {
                // One long line: read twice as much.
                piece.resize(piece.len() * 2, 0);
            } else if self.next.0 != at.first && segments::path(&self.dir, self.next.0, KIND).exists() {
                piece.clear();
                continue;
            } else {
                self.at = Some(at);
                break;
            }
            self.at = Some(at);
        }
        Ok(lines)
    }

    /// The place where the next line stands or will stand; `None` when there is none yet.
    fn find(&self) -> io::Result<Option<At>> {
        let firsts = segments::list(&self.dir, KIND)?;
        let Some(first) = firsts.into_iter().rfind(|first| *first <= self.next.0) else { return Ok(None) };
        let path = segments::path(&self.dir, first, KIND);
        let mut bytes = Vec::new();
        read_whole(&path, &mut bytes)?;
        let mut offset = 0;
        for _ in first..self.next.0 {
            match bytes[offset..].iter().position(|byte| *byte == b'\n') {
                Some(end) => offset += end + 1,
                None => return Ok(None),
            }
        }
        Ok(Some(At { first, file: File::open(&path)?, offset: offset as u64 }))
    }
}

/// Reads up to `bytes` bytes at the place; says whether so many were there and none of them is zero.
fn read_piece(at: &At, bytes: usize, piece: &mut Vec<u8>) -> io::Result<bool> {
    piece.resize(bytes, 0);
    let mut read = 0;
    while read < bytes {
        match at.file.read_at(&mut piece[read..], at.offset + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    let end = piece[..read].iter().position(|byte| *byte == 0).unwrap_or(read);
    piece.truncate(end);
    Ok(end == bytes)
}
