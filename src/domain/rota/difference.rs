//! What another edition of the rota would change, in hours and people: what a planner wants to see before it counts.

use super::Rota;
use super::span::Span;
use crate::domain::id::{PersonId, RoleId};
use crate::domain::time::Timestamp;
use std::collections::BTreeSet;

/// The most spans that are told for one role; a rota that changes everything is seen from fewer.
const SPANS_MAX: usize = 200;

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A role that was not there.
    RoleAdded(RoleId),
    /// A role that is gone.
    RoleGone(RoleId),
    /// Somebody else holds a role for a while.
    Holders {
        /// Which role.
        role: RoleId,
        /// When, cut at the window.
        span: Span,
        /// Who would have.
        before: Vec<PersonId>,
        /// Who does.
        after: Vec<PersonId>,
    },
    /// The list of managers, or that of last resort, or the pace of the ladder.
    Setting {
        /// Its key in the file.
        key: &'static str,
        /// As it was.
        before: String,
        /// As it is.
        after: String,
    },
}

/// Everything that differs between two editions within `window`.
pub fn between(old: &Rota, new: &Rota, window: &Span) -> Vec<Difference> {
    let mut differences = Vec::new();
    let list = |people: &[PersonId]| people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(", ");
    let pace = |rota: &Rota| crate::domain::time::in_words(rota.escalate_after);
    for (key, before, after) in [
        ("escalate_after", pace(old), pace(new)),
        ("managers", list(&old.managers), list(&new.managers)),
        ("fallback", list(&old.fallback), list(&new.fallback)),
    ] {
        if before != after {
            differences.push(Difference::Setting { key, before, after });
        }
    }
    let roles: BTreeSet<&RoleId> = old.roles.keys().chain(new.roles.keys()).collect();
    for role in roles {
        match (old.roles.contains_key(role), new.roles.contains_key(role)) {
            (false, _) => differences.push(Difference::RoleAdded(role.clone())),
            (_, false) => differences.push(Difference::RoleGone(role.clone())),
            _ => {}
        }
        differences.extend(holders(old, new, role, window));
    }
    differences
}

fn holders(old: &Rota, new: &Rota, role: &RoleId, window: &Span) -> Vec<Difference> {
    let mut differences: Vec<Difference> = Vec::new();
    let mut at = window.from;
    while at < window.to && differences.len() < SPANS_MAX {
        let next = |rota: &Rota| rota.next_change(role, at).unwrap_or(Timestamp::MAX);
        let until = next(old).min(next(new)).min(window.to);
        let (before, after) = (old.on_call(role, at), new.on_call(role, at));
        if before != after {
            differences.push(Difference::Holders { role: role.clone(), span: Span::new(at, until), before, after });
        }
        at = until;
    }
    differences
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn an_override_more_is_one_span_of_different_people() {
        let text = "[[role]]\nid = \"duty\"\ntitle = \"Duty\"\n[[role.rotation]]\nfrom = 2026-01-05\n\
                    handover = \"Mon 08:00\"\npeople = [\"ann\", \"bob\"]\n";
        let slip =
            "[[override]]\nrole = \"duty\"\nperson = \"cat\"\nfrom = 2026-01-07T18:00:00\nto = 2026-01-08T08:00:00\n";
        let rota = |text: &str| Rota::parse(text, &TimeZone::UTC).unwrap();
        let (old, new) = (rota(text), rota(&format!("{text}{slip}managers = []\n").replace("managers = []\n", "")));
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let window = Span::new(at("2026-01-05T08:00:00Z"), at("2026-02-05T08:00:00Z"));
        assert_eq!(between(&old, &old, &window), []);
        assert_eq!(
            between(&old, &new, &window),
            [Difference::Holders {
                role: RoleId::from("duty"),
                span: Span::new(at("2026-01-07T18:00:00Z"), at("2026-01-08T08:00:00Z")),
                before: vec![PersonId::from("ann")],
                after: vec![PersonId::from("cat")],
            }]
        );
    }
}
