//! How many messages one address gets in how long, and from when the next one may go.
//!
//! Think of turnstiles one behind the other: three in a quarter of an hour, eighteen in an hour. A smooth one lets
//! through at once what the turnstile before it does, and spreads the rest evenly over its time.
//!
//! Whoever is held is told so in the record; danger to life, test pages and callout's own trouble go past the turnstiles
//! (that is for the caller). What waits at a turnstile is not lost: it goes with the next message to the same person,
//! which then lists all that waits. Not here: what was sent (the log knows).

use crate::domain::time::{SignedDuration, Timestamp, after};

/// One turnstile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many.
    pub count: u32,
    /// In so long.
    pub within: SignedDuration,
    /// Spread evenly, after what the limit before this one lets through at once.
    pub smooth: bool,
}

/// Messages to one person by one channel, whatever they are about: no sooner than a repeat would come, and 10 in 10 min.
/// `repeat_after` is the figure in force (2 min).
pub fn of_a_person(repeat_after: SignedDuration) -> [Limit; 2] {
    [
        Limit { count: 1, within: repeat_after, smooth: false },
        Limit { count: 10, within: SignedDuration::from_mins(10), smooth: false },
    ]
}

/// So many instants of messages are remembered for each person and channel.
pub const REMEMBERED: usize = 10;

/// Rounds of looking at all limits: each moves the answer later, and none can move it more often than this.
const ROUNDS_MAX: usize = 1_000;

/// From when the next message may go: `now`, or later. `limits` from the shortest time to the longest; `sent` in any
/// order.
pub fn next_allowed(limits: &[Limit], sent: &[Timestamp], now: Timestamp) -> Timestamp {
    let mut sent = sent.to_vec();
    sent.sort();
    let mut at = now;
    for _ in 0..ROUNDS_MAX {
        let before = limits.iter().scan(None, |previous: &mut Option<Limit>, limit| {
            let allowed = allowed_by(limit, previous.as_ref(), &sent, at);
            *previous = Some(*limit);
            Some(allowed)
        });
        match before.max() {
            Some(later) if later > at => at = later,
            _ => break,
        }
    }
    at
}

fn allowed_by(limit: &Limit, previous: Option<&Limit>, sent: &[Timestamp], at: Timestamp) -> Timestamp {
    let recent: Vec<Timestamp> = sent.iter().copied().filter(|sent| after(*sent, limit.within) > at).collect();
    let count = limit.count as usize;
    if recent.len() >= count {
        // The oldest that must have gone out of the window first.
        return recent.get(recent.len() - count).map_or(at, |oldest| after(*oldest, limit.within));
    }
    let (free, wait) =
        previous.map_or((0, SignedDuration::ZERO), |previous| (previous.count as usize, previous.within));
    let (Some(first), true) = (recent.first(), limit.smooth && recent.len() >= free) else { return at };
    let spread = (limit.within - wait).as_millis();
    let (extra, slots) = ((recent.len() - free) as i128, count.saturating_sub(free).max(1) as i128);
    // Rounded up: a slot is open when it has come, not before.
    let millis = (extra * spread + slots - 1).div_euclid(slots);
    after(after(*first, wait), SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The minutes at which one message after the other may go.
    fn minutes(limits: &[(u32, i64, bool)], n: usize) -> Vec<i64> {
        let limits: Vec<Limit> = limits
            .iter()
            .map(|(count, minutes, smooth)| Limit {
                count: *count,
                within: SignedDuration::from_mins(*minutes),
                smooth: *smooth,
            })
            .collect();
        let mut sent: Vec<Timestamp> = Vec::new();
        for _ in 0..n {
            let now = sent.last().copied().unwrap_or(Timestamp::UNIX_EPOCH);
            sent.push(next_allowed(&limits, &sent, now));
        }
        sent.iter().map(|at| at.as_second() / 60).collect()
    }

    #[test]
    fn a_window_empties_before_more_goes_and_a_smooth_one_spreads() {
        assert_eq!(minutes(&[(1, 1, false)], 4), [0, 1, 2, 3]);
        assert_eq!(minutes(&[(3, 15, false)], 7), [0, 0, 0, 15, 15, 15, 30]);
        assert_eq!(minutes(&[(3, 15, false), (18, 60, true)], 7), [0, 0, 0, 15, 18, 21, 30]);
    }
}
