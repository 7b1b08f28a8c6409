//! The wall board: one screen for a room, read from across it. No caller, no name of a caller, no typed words.

use super::{Badge, Chart, Figure, IncidentRow, Moment, OnCallLine, PersonRow};

/// `/wall`, and `/wall/TOKEN` for a screen that nobody signs in at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WallPage {
    /// State of the most pressing incident, with its age, e.g. `Active 22 min`; when quiet, `Quiet`.
    pub badge: Badge,
    /// Its name; when quiet, that nothing is open.
    pub title: String,
    /// Six of the incident; when quiet, of the desk.
    pub figures: Vec<Figure>,
    /// Contacts per 5 minutes.
    pub chart: Option<Chart>,
    /// Who is on it, at most 6.
    pub people: Vec<PersonRow>,
    /// Who is on call; shown when quiet.
    pub on_call: Vec<OnCallLine>,
    /// What falls due next, at most 4: when or how late, and what.
    pub due: Vec<(Badge, String)>,
    /// The other open incidents.
    pub others: Vec<IncidentRow>,
    /// What happened last, newest first, at most 3.
    pub last: Vec<(Moment, String)>,
}
