//! Whether what somebody was told still holds, or is worth another message.
//!
//! New causes are news at once. Causes that have ended are news only to somebody who knew of them and wants to hear. With
//! nothing new, the same is said again only after a while, for whoever has not reacted.

use crate::domain::time::{SignedDuration, Timestamp, after};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What somebody was last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de> + Ord"))]
pub struct Told<C> {
    /// When.
    pub at: Timestamp,
    /// Causes that held then.
    pub holding: BTreeSet<C>,
    /// Causes that had ended by then.
    pub ended: BTreeSet<C>,
}

/// Whether to tell them now.
///
/// * `last`: what they were told, if anything.
/// * `again_after`: with nothing new, the same is said again after this.
/// * `tell_ends`: they want to hear of causes that end. That all have ended they hear in any case.
pub fn worth_telling<C: Ord>(
    last: Option<&Told<C>>,
    holding: &BTreeSet<C>,
    ended: &BTreeSet<C>,
    again_after: SignedDuration,
    tell_ends: bool,
    now: Timestamp,
) -> bool {
    let Some(last) = last else { return !holding.is_empty() };
    if !holding.is_subset(&last.holding) {
        return true;
    }
    if holding.is_empty() {
        return !last.holding.is_empty();
    }
    if tell_ends && !ended.is_subset(&last.ended) {
        return true;
    }
    after(last.at, again_after) < now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_never_heard_of_needs_no_all_clear() {
        let set = |causes: &[u32]| causes.iter().copied().collect::<BTreeSet<u32>>();
        let (now, hour) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let told = |holding: &[u32]| Told { at: now, holding: set(holding), ended: set(&[]) };
        let news = |last: Option<&Told<u32>>, holding: &[u32], ended: &[u32]| {
            worth_telling(last, &set(holding), &set(ended), hour, true, now)
        };
        assert!(!news(None, &[], &[1]));
        assert!(news(None, &[1], &[]));
        assert!(!news(Some(&told(&[1])), &[1], &[]));
        assert!(news(Some(&told(&[1])), &[1, 2], &[]));
        assert!(news(Some(&told(&[1])), &[], &[1]));
        assert!(!news(Some(&told(&[])), &[], &[3]));
    }
}
