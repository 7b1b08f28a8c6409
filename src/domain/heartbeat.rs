//! A feed that should speak every so often: a river gauge, the contact centre's export, a second callout.
//!
//! It is armed when it is set up, not at its first word: a feed that was never connected is as silent as one that broke.

use super::time::{SignedDuration, Timestamp, after};

/// What is expected of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Since when it is watched.
    pub armed_at: Timestamp,
    /// The longest time that it may be silent.
    pub every: SignedDuration,
}

impl Heartbeat {
    /// When its silence becomes too long, unless it speaks before.
    pub fn due(&self, last: Option<Timestamp>) -> Timestamp {
        after(last.unwrap_or(self.armed_at).max(self.armed_at), self.every)
    }

    /// Whether it has been silent too long.
    pub fn is_silent(&self, last: Option<Timestamp>, now: Timestamp) -> bool {
        now >= self.due(last)
    }

    /// When it fell silent, given all that it has said up to `now`, in order.
    pub fn silences(&self, beats: &[Timestamp], now: Timestamp) -> Vec<Timestamp> {
        let heard = std::iter::once(None).chain(beats.iter().map(|beat| Some(*beat)));
        let next = beats.iter().copied().chain([Timestamp::MAX]);
        heard
            .zip(next)
            .map(|(last, next)| (self.due(last), next))
            .filter(|(due, next)| due < next && *due <= now)
            .map(|(due, _)| due)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_that_never_spoke_falls_silent_too() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("in range");
        let watch = Heartbeat { armed_at: at(0), every: SignedDuration::from_mins(60) };
        assert_eq!(watch.silences(&[], at(200)), [at(60)]);
        assert_eq!(watch.silences(&[at(10), at(75)], at(74)), [at(70)]);
        assert!(watch.is_silent(Some(at(10)), at(70)) && !watch.is_silent(Some(at(10)), at(69)));
    }
}
