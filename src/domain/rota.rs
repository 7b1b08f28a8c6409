//! Who is on call. Wall clock and zone; a shift is [start, end).

use super::id::{PersonId, RoleId};
use super::time::{SignedDuration, Timestamp};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The rota in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Rota {
    /// The zone that its wall-clock times are in.
    pub zone: TimeZone,
    /// Roles by id.
    pub roles: BTreeMap<RoleId, Role>,
    /// Time between levels of a call-out's ladder; 5 min (design, figures in force).
    pub escalate_after: SignedDuration,
    /// Paged with everybody else when a ladder is exhausted.
    pub managers: Vec<PersonId>,
    /// The last resort, paged when a ladder is exhausted.
    pub fallback: Vec<PersonId>,
}

/// A role and how it is filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The id used by playbooks.
    pub id: RoleId,
    /// As people say it, e.g. `Duty officer`.
    pub title: String,
    /// People who always hold it (several at once), beside the rotations.
    pub standing: Vec<PersonId>,
    /// Weekly rotations.
    pub rotations: Vec<Rotation>,
    /// Overrides, in file order.
    pub overrides: Vec<Override>,
}

/// One weekly rotation: at each handover the next person takes over.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// The first day on which `people[0]` takes over.
    pub from: Date,
    /// Weekday of the handover.
    pub day: Weekday,
    /// Wall-clock time of the handover.
    pub time: Time,
    /// In order; never empty once parsed.
    pub people: Vec<PersonId>,
}

/// Somebody else for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// First instant.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
    /// Who stands in. Replaces all rotation holders of the role in the span.
    pub person: PersonId,
}
