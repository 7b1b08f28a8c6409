//! Which of several suppliers takes a message, and which are left out for a while.
//!
//! Like the fuses of a house: a supplier that fails three times running is switched off, so that nobody waits for it;
//! after half a minute one message is let through to try it, and when that one goes, it is on again. A fuse never
//! leaves the house dark: where every supplier is off, all are tried in their order all the same.
//!
//! Suppliers are tried in the order in which they are configured. One message goes to the next at once where the one
//! before certainly did not take it; where nobody knows whether it did, nothing else gets it, and paging decides.
//!
//! Not here: sending (see `transport/`), and when the same person is paged again (see [`super::paging`]).

use super::time::{SignedDuration, Timestamp, elapsed};

/// So many failures running switch a supplier off.
pub const FAILURES_MAX: u32 = 3;
/// A supplier that is off gets one message to try it after this long. Source: reliability of the two-supplier rule: a
/// second supplier within 30 s.
pub const TRY_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// A try whose outcome was never told (a send is bounded by two minutes) does not keep others from trying.
const TRY_LOST_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// How a send ended, as far as the supplier's health goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does its work: it took the message, or refused this one person's address.
    Well,
    /// It failed, or nobody knows.
    Failed,
}

/// How one supplier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Messages go to it.
    On,
    /// It is left out until then; after that, one message tries it.
    Off {
        /// Until when.
        until: Timestamp,
    },
}

/// What a verdict changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It is off now.
    SwitchedOff,
    /// It is on again.
    SwitchedOn,
}

/// One supplier's fuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fuse {
    failures: u32,
    off_until: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

/// The fuses of one channel's suppliers, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fuses(Vec<Fuse>);

/// Where a message may go: the suppliers to try in their order, and those that are left out, each by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// To be tried, one after the other, until one takes it.
    pub tries: Vec<usize>,
    /// Left out: they are off.
    pub left_out: Vec<(usize, Timestamp)>,
}

impl Fuses {
    /// So many suppliers, all on.
    pub fn new(count: usize) -> Self {
        Self(vec![Fuse::default(); count])
    }

    /// Where a message may go now. A supplier that is off and due to be tried gets this message first in its place, and
    /// no other until the outcome is told.
    pub fn plan(&mut self, now: Timestamp) -> Plan {
        let mut plan = Plan { tries: Vec::new(), left_out: Vec::new() };
        let alone = self.0.len() == 1;
        for (at, fuse) in self.0.iter_mut().enumerate() {
            let Some(until) = fuse.off_until else {
                plan.tries.push(at);
                continue;
            };
            let being_tried = fuse.tried_at.is_some_and(|tried| elapsed(tried, now) < TRY_LOST_AFTER);
            if alone || (until <= now && !being_tried) {
                fuse.tried_at = Some(now);
                plan.tries.push(at);
            } else {
                plan.left_out.push((at, until));
            }
        }
        if plan.tries.is_empty() {
            // Better a supplier that failed a moment ago than none.
            plan.tries = (0..self.0.len()).collect();
            plan.left_out.clear();
        }
        plan
    }

    /// Notes how a send to the supplier at `at` ended.
    ///
    /// # Panics
    /// If there is no such supplier.
    pub fn note(&mut self, at: usize, verdict: Verdict, now: Timestamp) -> Change {
        let fuse = &mut self.0[at];
        let was_off = fuse.off_until.is_some();
        match verdict {
            Verdict::Well => {
                *fuse = Fuse::default();
                if was_off { Change::SwitchedOn } else { Change::None }
            }
            Verdict::Failed => {
                fuse.failures = fuse.failures.saturating_add(1);
                fuse.tried_at = None;
                if fuse.failures < FAILURES_MAX {
                    return Change::None;
                }
                fuse.off_until = Some(now + TRY_AGAIN_AFTER);
                if was_off { Change::None } else { Change::SwitchedOff }
            }
        }
    }

    /// How each stands.
    pub fn standings(&self) -> impl Iterator<Item = Standing> {
        self.0.iter().map(|fuse| fuse.off_until.map_or(Standing::On, |until| Standing::Off { until }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2026-11-22T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    fn fail(fuses: &mut Fuses, which: usize, times: u32, now: Timestamp) -> Vec<Change> {
        (0..times).map(|_| fuses.note(which, Verdict::Failed, now)).collect()
    }

    #[test]
    fn the_third_failure_running_switches_off_and_half_a_minute_later_one_message_tries() {
        let mut fuses = Fuses::new(2);
        assert_eq!(fuses.plan(at(0)).tries, [0, 1]);
        assert_eq!(fail(&mut fuses, 0, 3, at(0)), [Change::None, Change::None, Change::SwitchedOff]);
        assert_eq!(fuses.plan(at(29)), Plan { tries: vec![1], left_out: vec![(0, at(30))] });
        assert_eq!(fuses.plan(at(30)).tries, [0, 1], "the first message after half a minute tries it");
        assert_eq!(fuses.plan(at(31)).tries, [1], "and no other while its outcome is not told");
        assert_eq!(fuses.note(0, Verdict::Failed, at(32)), Change::None, "it was off and stays off");
        assert_eq!(fuses.plan(at(61)).left_out, [(0, at(62))]);
        assert_eq!(fuses.plan(at(62)).tries, [0, 1]);
        assert_eq!(fuses.note(0, Verdict::Well, at(63)), Change::SwitchedOn);
        assert_eq!(fuses.plan(at(63)).tries, [0, 1]);
        assert_eq!(fail(&mut fuses, 0, 2, at(64)), [Change::None, Change::None], "the count begins anew");
    }

    #[test]
    fn a_success_in_between_forgives() {
        let mut fuses = Fuses::new(2);
        for _ in 0..5 {
            fail(&mut fuses, 0, 2, at(0));
            assert_eq!(fuses.note(0, Verdict::Well, at(1)), Change::None);
        }
        assert_eq!(fuses.plan(at(2)).tries, [0, 1]);
    }

    #[test]
    fn where_every_supplier_is_off_all_are_tried_all_the_same() {
        let mut fuses = Fuses::new(2);
        fail(&mut fuses, 0, 3, at(0));
        fail(&mut fuses, 1, 3, at(0));
        assert_eq!(fuses.plan(at(1)), Plan { tries: vec![0, 1], left_out: vec![] });
        let mut alone = Fuses::new(1);
        fail(&mut alone, 0, 9, at(0));
        for second in 0..5 {
            assert_eq!(alone.plan(at(second)).tries, [0], "the only supplier is never left out");
        }
    }

    #[test]
    fn a_try_that_was_lost_does_not_keep_it_off_for_ever() {
        let mut fuses = Fuses::new(2);
        fail(&mut fuses, 0, 3, at(0));
        assert_eq!(fuses.plan(at(30)).tries, [0, 1]);
        assert_eq!(fuses.plan(at(100)).tries, [1]);
        assert_eq!(fuses.plan(at(30 + 180)).tries, [0, 1]);
    }
}
