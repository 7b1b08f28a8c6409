//! Swaps: somebody asks for cover, another says yes, and only then does the shift change hands.
//!
//! An open request changes nothing: its owner stays on call until somebody has taken it. So a request that nobody
//! answers never makes a gap. Once taken it is a slip that replaces the owner (`slips.rs`), and speaks of the owner's own
//! shifts only.

use super::slips::{Change, Override};
use super::span::{Span, without};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

/// A request for cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Who asks.
    pub owner: PersonId,
    /// For which time.
    pub span: Span,
    /// Who has said yes.
    pub taken_by: Option<PersonId>,
    /// Its owner has withdrawn it.
    pub withdrawn: bool,
}

/// Why somebody cannot take a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SwapRefused {
    /// It is their own.
    #[error("this is your own request: ask somebody else to take it")]
    Own,
    /// Somebody else has it.
    #[error("somebody has taken it already")]
    Taken,
    /// Its time has begun.
    #[error("the time it is about has begun: use \"take it now\" instead")]
    Past,
    /// It is withdrawn.
    #[error("the request has been withdrawn")]
    Withdrawn,
}

impl Swap {
    /// Takes the request for `by`, at `now`.
    ///
    /// # Errors
    /// Why not; nothing is changed.
    pub fn take(&mut self, by: &PersonId, now: Timestamp) -> Result<(), SwapRefused> {
        let refused = match () {
            () if self.withdrawn => Some(SwapRefused::Withdrawn),
            () if self.taken_by.is_some() => Some(SwapRefused::Taken),
            () if *by == self.owner => Some(SwapRefused::Own),
            () if now >= self.span.from => Some(SwapRefused::Past),
            () => None,
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        self.taken_by = Some(by.clone());
        Ok(())
    }

    /// The slip that it is once it is taken; `None` while it is open, or withdrawn.
    pub fn slip(&self) -> Option<Override> {
        let person = self.taken_by.clone().filter(|_| !self.withdrawn)?;
        let change = Change::Replace { person, instead_of: self.owner.clone() };
        Some(Override { span: self.span, layer: 0, change })
    }

    /// Who has which part of a shift of `holder` under this request, in order of time.
    pub fn segments(&self, shift: Span, holder: &PersonId) -> Vec<(Span, PersonId)> {
        let slip = self.slip().filter(|_| *holder == self.owner);
        let Some((cut, taker)) = slip.and_then(|slip| Some((shift.cut(&slip.span)?, slip.comes()?.clone()))) else {
            return vec![(shift, holder.clone())];
        };
        let kept = without(&[shift], &cut).into_iter().map(|span| (span, holder.clone()));
        let mut segments: Vec<(Span, PersonId)> = kept.chain([(cut, taker)]).collect();
        segments.sort();
        segments
    }
}
