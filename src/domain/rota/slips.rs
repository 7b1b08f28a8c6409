//! The slips of paper pinned over the sheet: somebody stands in, comes as well, or is taken off.
//!
//! A slip speaks of the sheet underneath and never of another slip: if Bob stands in for Ann, and Cat for Bob, then Ann's
//! shift is Bob's and Cat has Bob's own. So the order in which slips were pinned does not matter. A slip for somebody
//! who is not on call changes nothing: a swap booked for the wrong week puts nobody extra on call, and nobody off.
//!
//! Two slips that name the same person at the same time contradict each other; the second is refused.

use super::span::Span;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// The layer of "I take it now": it counts for more than any slip of the file.
pub const TAKEN_NOW: u8 = 100;

/// What a slip says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Stands in for everybody who has a turn; those who always hold the role stay.
    StandIn {
        /// Who.
        person: PersonId,
    },
    /// Stands in for one person, where that person is on call.
    Replace {
        /// Who.
        person: PersonId,
        /// For whom.
        instead_of: PersonId,
    },
    /// Comes as well.
    Add {
        /// Who.
        person: PersonId,
    },
    /// Is taken off, and nobody comes instead.
    Remove {
        /// Who.
        person: PersonId,
    },
}

/// One slip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Override {
    /// When it holds.
    pub span: Span,
    /// Of slips that speak of the same turn, the highest counts; 0 unless the file says otherwise.
    pub layer: u8,
    /// What it says.
    pub change: Change,
}

/// Two slips that contradict each other: positions in their list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("slip {second} and slip {first} speak of the same person at the same time")]
pub struct Conflict {
    /// The one that was there.
    pub first: usize,
    /// The one that came later.
    pub second: usize,
}

impl Override {
    /// The people whom it names.
    pub fn people(&self) -> impl Iterator<Item = &PersonId> {
        let (first, second) = match &self.change {
            Change::Replace { person, instead_of } => (person, Some(instead_of)),
            Change::StandIn { person } | Change::Add { person } | Change::Remove { person } => (person, None),
        };
        std::iter::once(first).chain(second)
    }

    /// Whoever comes because of it.
    pub fn comes(&self) -> Option<&PersonId> {
        match &self.change {
            Change::StandIn { person } | Change::Replace { person, .. } | Change::Add { person } => Some(person),
            Change::Remove { .. } => None,
        }
    }

    /// Whether the two cannot both hold: the same layer, a shared instant, a shared person.
    pub fn contradicts(&self, other: &Self) -> bool {
        self.layer == other.layer
            && self.span.overlaps(&other.span)
            && self.people().any(|person| other.people().any(|named| named == person))
    }
}

/// Pins a slip to the others, unless it contradicts one that is there already.
///
/// # Errors
/// The slip that it contradicts; nothing is changed.
pub fn pin(slips: &mut Vec<Override>, slip: Override) -> Result<(), Conflict> {
    match slips.iter().position(|there| there.contradicts(&slip)) {
        Some(first) => Err(Conflict { first, second: slips.len() }),
        None => {
            slips.push(slip);
            Ok(())
        }
    }
}

/// The first contradiction of each slip with an earlier one.
pub fn conflicts(slips: &[Override]) -> Vec<Conflict> {
    (0..slips.len())
        .filter_map(|second| {
            let first = slips[..second].iter().position(|there| there.contradicts(&slips[second]))?;
            Some(Conflict { first, second })
        })
        .collect()
}

/// Who is on call at `at` when these slips lie over those who always are and those who have a turn. Nobody twice.
pub fn apply(standing: &[PersonId], turns: &[PersonId], slips: &[Override], at: Timestamp) -> Vec<PersonId> {
    let in_force: Vec<&Override> = slips.iter().filter(|slip| slip.span.contains(at)).collect();
    let stand_ins = || in_force.iter().filter(|slip| matches!(slip.change, Change::StandIn { .. }));
    let mut holders: Vec<PersonId> = Vec::new();
    let by_one = |base: &[PersonId], holders: &mut Vec<PersonId>| {
        let decided = decided(&in_force);
        for person in base {
            match decided.get(person) {
                None => holders.push(person.clone()),
                Some((_, replacements)) => holders.extend(replacements.iter().map(|person| (*person).clone())),
            }
        }
    };
    by_one(standing, &mut holders);
    match stand_ins().map(|slip| slip.layer).max() {
        Some(top) => {
            holders.extend(stand_ins().filter(|slip| slip.layer == top).filter_map(|slip| slip.comes().cloned()));
        }
        None => by_one(turns, &mut holders),
    }
    holders.extend(in_force.iter().filter_map(|slip| match &slip.change {
        Change::Add { person } => Some(person.clone()),
        _ => None,
    }));
    once(holders)
}

/// For each person of whom a slip speaks: its layer, and who comes instead. Should two of one layer contradict each other
/// after all, whoever comes counts for more than being taken off: a person too many beats nobody.
fn decided<'s>(in_force: &[&'s Override]) -> BTreeMap<&'s PersonId, (u8, Vec<&'s PersonId>)> {
    let mut decided: BTreeMap<&PersonId, (u8, Vec<&PersonId>)> = BTreeMap::new();
    for slip in in_force {
        let (named, comes) = match &slip.change {
            Change::Replace { person, instead_of } => (instead_of, Some(person)),
            Change::Remove { person } => (person, None),
            Change::StandIn { .. } | Change::Add { .. } => continue,
        };
        let entry = decided.entry(named).or_insert((slip.layer, Vec::new()));
        if slip.layer > entry.0 {
            *entry = (slip.layer, Vec::new());
        }
        if slip.layer == entry.0 {
            entry.1.extend(comes);
            entry.1.sort();
        }
    }
    decided
}

/// The same in the same order, nobody twice.
pub fn once(people: Vec<PersonId>) -> Vec<PersonId> {
    let mut once: Vec<PersonId> = Vec::with_capacity(people.len());
    for person in people {
        if !once.contains(&person) {
            once.push(person);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn slip(words: &str, layer: u8) -> Override {
        let parts: Vec<&str> = words.split(' ').collect();
        let person = PersonId::from(parts[1]);
        let change = match parts[0] {
            "all" => Change::StandIn { person },
            "add" => Change::Add { person },
            "remove" => Change::Remove { person },
            _ => Change::Replace { person, instead_of: PersonId::from(parts[0]) },
        };
        Override { span: Span::always(), layer, change }
    }

    #[track_caller]
    fn check(slips: &[(&str, u8)], expected: &str) {
        let mut slips: Vec<Override> = slips.iter().map(|(words, layer)| slip(words, *layer)).collect();
        for _ in 0..2 {
            let (standing, turns) = ([PersonId::from("zoe")], ["ann", "bob"].map(PersonId::from));
            let mut holders = apply(&standing, &turns, &slips, Timestamp::UNIX_EPOCH);
            holders.sort();
            let holders: Vec<&str> = holders.iter().map(PersonId::as_str).collect();
            assert_eq!(holders.join(" "), expected);
            slips.reverse();
        }
    }

    #[test]
    fn slips_speak_of_the_sheet_and_not_of_each_other_whatever_their_order() {
        check(&[], "ann bob zoe");
        check(&[("ann cat", 0)], "bob cat zoe");
        check(&[("ann cat", 0), ("cat dan", 0)], "bob cat zoe");
        check(&[("eve cat", 0)], "ann bob zoe");
        check(&[("remove ann", 0), ("add cat", 0)], "bob cat zoe");
        check(&[("remove zoe", 0)], "ann bob");
        check(&[("all cat", 0)], "cat zoe");
        check(&[("all cat", 0), ("all dan", 1)], "dan zoe");
        check(&[("ann cat", 0), ("ann dan", 1)], "bob dan zoe");
        check(&[("ann cat", 0), ("remove ann", 0)], "bob cat zoe");
    }

    #[test]
    fn a_slip_that_contradicts_another_is_refused() {
        let mut slips = Vec::new();
        pin(&mut slips, slip("ann cat", 0)).unwrap();
        assert_eq!(pin(&mut slips, slip("ann dan", 0)), Err(Conflict { first: 0, second: 1 }));
        pin(&mut slips, slip("ann dan", 1)).unwrap();
        pin(&mut slips, slip("bob eve", 0)).unwrap();
        assert_eq!((slips.len(), conflicts(&slips).len()), (3, 0));
    }
}
