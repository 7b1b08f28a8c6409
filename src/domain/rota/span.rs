//! Stretches of time, [from, to): cut, taken out of each other, put together.
//!
//! Think of strips of paper along a ruler. Whoever is on call is a strip; an override is a piece cut out of it and
//! another laid in its place. Nothing here knows of zones or people.

use crate::domain::time::{SignedDuration, Timestamp, elapsed};

/// A stretch of time: from its first instant up to, not including, `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First instant.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
}

impl Span {
    /// From one instant up to another; empty where `to` is not later.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// All of time.
    pub fn always() -> Self {
        Self::new(Timestamp::MIN, Timestamp::MAX)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Whether `at` is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether the two share an instant.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.cut(other).is_some()
    }

    /// What the two share.
    pub fn cut(&self, other: &Self) -> Option<Self> {
        let shared = Self::new(self.from.max(other.from), self.to.min(other.to));
        (!shared.is_empty()).then_some(shared)
    }

    /// How long it lasts by a stopwatch: the weekend when the clocks go forward has an hour less.
    pub fn lasts(&self) -> SignedDuration {
        elapsed(self.from, self.to)
    }

    /// The ends of the span that are later than `after`.
    pub(super) fn edges(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        [self.from, self.to].into_iter().filter(move |edge| *edge > after)
    }
}

/// What is left of each of `spans` when `hole` is cut out, in order.
pub fn without(spans: &[Span], hole: &Span) -> Vec<Span> {
    spans
        .iter()
        .flat_map(|span| match span.cut(hole) {
            None => [*span, Span::new(span.to, span.to)],
            Some(cut) => [Span::new(span.from, cut.from), Span::new(cut.to, span.to)],
        })
        .filter(|span| !span.is_empty())
        .collect()
}

/// The parts of `spans` within `window`, with those that touch or overlap put together, in order of time.
pub fn within(spans: &[Span], window: &Span) -> Vec<Span> {
    let mut parts: Vec<Span> = spans.iter().filter_map(|span| span.cut(window)).collect();
    parts.sort();
    let mut merged: Vec<Span> = Vec::new();
    for part in parts {
        match merged.last_mut() {
            Some(last) if part.from <= last.to => last.to = last.to.max(part.to),
            _ => merged.push(part),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> Span {
        let at = |second| Timestamp::from_second(second).expect("in range");
        Span::new(at(from), at(to))
    }

    #[test]
    fn a_piece_from_the_middle_leaves_two_and_pieces_that_touch_make_one() {
        assert_eq!(without(&[span(0, 10)], &span(3, 5)), [span(0, 3), span(5, 10)]);
        assert_eq!(without(&[span(0, 10)], &span(10, 12)), [span(0, 10)]);
        assert_eq!(without(&[span(0, 10)], &span(-5, 50)), []);
        assert_eq!(within(&[span(0, 4), span(4, 9), span(20, 30)], &span(1, 25)), [span(1, 9), span(20, 25)]);
    }
}
