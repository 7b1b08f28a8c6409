//! Looks again at what a start took on trust: the sealed segments before a snapshot, line by line, in the background.
//!
//! A night watchman's round: the doors were locked yesterday, and nobody waits for him to try each again before the shop
//! opens; but he tries them. What he finds is told at once.
//!
//! Not here: the check of a whole log ([`super::verify`]), which shares no code with this.

use super::journal::{KIND, read_whole};
use super::scan::{self, Chain, End};
use super::{Damage, segments};
use crate::domain::id::Seq;
use std::io;
use std::path::Path;

/// Checks all sealed segments that begin at or before record `until`; `go_on` is asked before each, and may wait.
/// Gives the first damage, and the number of records that are sound before it.
///
/// # Errors
/// When a file cannot be read.
pub fn sealed(dir: &Path, until: Seq, mut go_on: impl FnMut() -> bool) -> io::Result<(Seq, Option<Damage>)> {
    let firsts = segments::list(dir, KIND)?;
    let mut chain = Chain::START;
    let mut bytes = Vec::new();
    for two in firsts.windows(2) {
        let (first, next) = (two[0], two[1]);
        if first > until.0 || !go_on() {
            break;
        }
        let path = segments::path(dir, first, KIND);
        read_whole(&path, &mut bytes)?;
        let (offset, end) = scan::segment(&mut chain, &path, &bytes, false);
        match end {
            End::Damaged(damage) => return Ok((chain.seq, Some(damage))),
            End::Clean if chain.seq.0 + 1 == next => {}
            _ => {
                let (seq, what) = (Seq(chain.seq.0 + 1), format!("it and all up to record {next} are missing"));
                return Ok((chain.seq, Some(Damage { file: path, offset: offset as u64, seq, what })));
            }
        }
    }
    Ok((chain.seq, None))
}
