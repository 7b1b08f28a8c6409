//! Whose turn it would fairly be: for a planner who fills a rota, and for finding somebody when leave leaves a hole.

use super::span::Span;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// Those of the roster who could be asked for `span`, the one who has waited longest first: people who were never on
/// call, then by when they last were; equal ones in the roster's order. Whoever is busy in that time (on leave, on call
/// for another team) is left out; an empty answer is a gap to be told, never a reason to take somebody who is away.
pub fn candidates(
    roster: &[PersonId],
    last_on_call: &BTreeMap<PersonId, Timestamp>,
    busy: &[(PersonId, Span)],
    span: &Span,
) -> Vec<PersonId> {
    let away = |person: &PersonId| busy.iter().any(|(who, when)| who == person && when.overlaps(span));
    let mut free: Vec<PersonId> = roster.iter().filter(|person| !away(person)).cloned().collect();
    free.sort_by_key(|person| last_on_call.get(person).copied().unwrap_or(Timestamp::MIN));
    free
}

/// The `n` turns that follow when `last` had the last one, going round in the roster's order. Somebody who has left the
/// roster passes the turn to its first.
pub fn turns_after(roster: &[PersonId], last: Option<&PersonId>, n: usize) -> Vec<PersonId> {
    let next = last.and_then(|last| roster.iter().position(|person| person == last)).map_or(0, |at| at + 1);
    (0..n).filter_map(|turn| roster.get((next + turn) % roster.len().max(1))).cloned().collect()
}

/// The roster parted into waves of `size`: the next wave is called where fewer than wanted have answered.
pub fn waves(holders: &[PersonId], size: usize) -> Vec<Vec<PersonId>> {
    holders.chunks(size.max(1)).map(<[PersonId]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<PersonId> {
        names.iter().map(|name| PersonId::from(*name)).collect()
    }

    #[test]
    fn whoever_was_never_on_call_comes_first_and_whoever_is_away_does_not() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let last = [(PersonId::from("ann"), at(900)), (PersonId::from("bob"), at(100))].into_iter().collect();
        let away = [(PersonId::from("cat"), Span::new(at(0), at(5_000)))];
        let roster = ids(&["ann", "bob", "cat", "dan"]);
        assert_eq!(candidates(&roster, &last, &away, &Span::new(at(1_000), at(2_000))), ids(&["dan", "bob", "ann"]));
        assert_eq!(candidates(&roster, &last, &away, &Span::new(at(5_000), at(6_000)))[..1], ids(&["cat"]));
    }

    #[test]
    fn turns_go_round_and_waves_share_nobody() {
        let roster = ids(&["ann", "bob", "cat"]);
        assert_eq!(turns_after(&roster, Some(&PersonId::from("ann")), 4), ids(&["bob", "cat", "ann", "bob"]));
        assert_eq!(turns_after(&[], None, 3), []);
        assert_eq!(waves(&roster, 2), [ids(&["ann", "bob"]), ids(&["cat"])]);
    }
}
