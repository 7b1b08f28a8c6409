//! A rota for a few days that takes the place of the usual one: storm week, an election night, a royal visit.
//!
//! In its span only it counts: the usual turns, those who always hold the role, and slips wait underneath. Where it has
//! nobody its fallback holds the role; without one there is a gap, which is told. A slip pinned for a person of
//! the temporary rota still counts: somebody who falls ill in storm week can be replaced.

use super::span::{Span, without};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

/// A temporary rota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Temporary {
    /// When it takes the place of the usual one.
    pub span: Span,
    /// Who, when; several may overlap.
    pub shifts: Vec<(PersonId, Span)>,
    /// Who holds the role where no shift does.
    pub fallback: Vec<PersonId>,
}

impl Temporary {
    /// Who holds the role at an instant of its span.
    pub fn holders(&self, at: Timestamp) -> Vec<PersonId> {
        let on: Vec<PersonId> =
            self.shifts.iter().filter(|(_, span)| span.contains(at)).map(|(person, _)| person.clone()).collect();
        if on.is_empty() { self.fallback.clone() } else { on }
    }

    /// The same within `window` only; `None` if nothing of it is left.
    pub fn cut(&self, window: &Span) -> Option<Self> {
        let span = self.span.cut(window)?;
        let shifts =
            self.shifts.iter().filter_map(|(person, shift)| Some((person.clone(), shift.cut(&span)?))).collect();
        Some(Self { span, shifts, fallback: self.fallback.clone() })
    }

    /// The same, begun only at `at`: what ended before is gone.
    pub fn from(&self, at: Timestamp) -> Option<Self> {
        self.cut(&Span::new(at, Timestamp::MAX))
    }

    /// The same, ended at `at`: every shift is cut there.
    pub fn until(&self, at: Timestamp) -> Option<Self> {
        self.cut(&Span::new(Timestamp::MIN, at))
    }

    /// What is left of it when the usual rota counts again in `hole`: none, one or two.
    pub fn without(&self, hole: &Span) -> Vec<Self> {
        without(&[self.span], hole).iter().filter_map(|left| self.cut(left)).collect()
    }

    /// The instants after `after` at which its holders may change.
    pub(super) fn edges(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.span.edges(after).chain(self.shifts.iter().flat_map(move |(_, span)| span.edges(after)))
    }

    /// Everybody whom it names.
    pub fn people(&self) -> impl Iterator<Item = &PersonId> {
        self.shifts.iter().map(|(person, _)| person).chain(&self.fallback)
    }
}
