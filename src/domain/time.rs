//! Instants, durations, and the one rule for civil times that clocks skip or repeat.
//!
//! Inside callout an instant is UTC to the millisecond; a wall-clock time exists only together with its zone, and
//! becomes an instant here, by one rule: a time that the clocks skip is the first instant after the gap, a time
//! that they repeat is its first occurrence.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
pub use jiff::{SignedDuration, Timestamp};

/// Cuts an instant to whole milliseconds, the resolution of the log.
pub fn to_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).expect("an instant cut to milliseconds is still in range")
}

/// The instant of a wall-clock time in a zone.
///
/// A time inside a gap (clocks forward) is the first instant after the gap; a repeated time (clocks back) is its
/// first occurrence. Years outside -9998..9999 saturate to the nearest representable instant.
pub fn resolve(local: DateTime, zone: &TimeZone) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let resolved = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier(),
        // In a gap, `earlier` and `later` straddle it; the instant of the change itself is the first after the gap.
        AmbiguousOffset::Gap { .. } => {
            let before = zone.to_ambiguous_timestamp(local).earlier();
            return match before {
                Ok(before) => zone
                    .following(before - SignedDuration::from_hours(26))
                    .map(|change| change.timestamp())
                    .find(|change| {
                        // The change whose new local time is past the missing one.
                        zone.to_datetime(*change) > local
                    })
                    .unwrap_or(before),
                Err(_) => Timestamp::MAX,
            };
        }
    };
    resolved.unwrap_or(Timestamp::MAX)
}

/// The same, but a repeated time is its last occurrence: where cover ends in the repeated hour it lasts through both
/// passings, since two people too many beat nobody.
pub fn resolve_last(local: DateTime, zone: &TimeZone) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Fold { .. } => ambiguous.later().unwrap_or(Timestamp::MAX),
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => resolve(local, zone),
    }
}

/// The instant at which the clock on the wall shows `span` more than `local` (less, if negative): hours of the wall, not
/// of a stopwatch. Midnight plus two hours is two o'clock, on the night that has no one o'clock too.
pub fn plus_wall_clock(local: DateTime, span: SignedDuration, zone: &TimeZone) -> Timestamp {
    resolve(local.saturating_add(span), zone)
}

/// `at` plus `delay`, saturating at the end of time.
pub fn after(at: Timestamp, delay: SignedDuration) -> Timestamp {
    at.checked_add(delay).unwrap_or(if delay.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}

/// The elapsed time from `earlier` to `later`; negative when they stand the other way round.
pub fn elapsed(earlier: Timestamp, later: Timestamp) -> SignedDuration {
    later.duration_since(earlier)
}

/// A span in the shortest everyday words: `45 s`, `5 min`, `2 h 10 min`, `3 d 4 h`.
pub fn in_words(span: SignedDuration) -> String {
    let seconds = span.as_secs().abs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=3_599 => match seconds % 60 {
            0 => format!("{} min", seconds / 60),
            rest => format!("{} min {rest} s", seconds / 60),
        },
        3_600..=86_399 => match seconds / 60 % 60 {
            0 => format!("{} h", seconds / 3_600),
            rest => format!("{} h {rest} min", seconds / 3_600),
        },
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn london(local: &str) -> String {
        let zone = TimeZone::get("Europe/London").expect("bundled");
        resolve(local.parse().expect("a civil time"), &zone).to_string()
    }

    #[test]
    fn a_missing_time_is_the_first_instant_after_the_gap() {
        assert_eq!(london("2026-03-29T01:30"), "2026-03-29T01:00:00Z");
        assert_eq!(london("2026-03-29T01:00"), "2026-03-29T01:00:00Z");
        assert_eq!(london("2026-03-29T02:00"), "2026-03-29T01:00:00Z");
        assert_eq!(london("2026-03-29T00:59"), "2026-03-29T00:59:00Z");
    }

    #[test]
    fn a_repeated_time_is_its_first_occurrence() {
        assert_eq!(london("2026-10-25T01:30"), "2026-10-25T00:30:00Z");
        assert_eq!(london("2026-10-25T02:00"), "2026-10-25T02:00:00Z");
    }

    #[test]
    fn spans_read_as_people_say_them() {
        for (seconds, words) in
            [(45, "45 s"), (300, "5 min"), (330, "5 min 30 s"), (7_800, "2 h 10 min"), (273_600, "3 d 4 h")]
        {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), words);
        }
    }
}
