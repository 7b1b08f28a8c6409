//! What the scan says of villages, towns, echoes and wet days.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

/// A day of the test's calendar: 2026-01-05 00:00 UTC and so many minutes.
fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + minute * 60).unwrap()
}

fn at(easting: i32, northing: i32) -> GridPoint {
    GridPoint { easting_mm: easting * 1_000, northing_mm: northing * 1_000 }
}

const DAY: i64 = 1_440;
const CENTRE: (i32, i32) = (450_000, 300_000);
const VILLAGE: (i32, i32) = (462_000, 309_000);

/// Sixty days: twelve reports a day in the town's middle, and one in some village.
fn town() -> (Scan, i64) {
    let mut scan = Scan::default();
    let mut dice = 7_u32;
    let mut roll = |sides: u32| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (dice >> 8) % sides
    };
    for day in 0..60 {
        let mut times: Vec<i64> = (0..13).map(|_| 420 + i64::from(roll(900))).collect();
        times.sort_unstable();
        for (n, time) in times.into_iter().enumerate() {
            let reach = if n == 6 { 16_000 } else { 2_000 };
            let spread = |middle: i32, roll: u32| middle + roll as i32 - reach;
            let place = at(spread(CENTRE.0, roll(reach as u32 * 2)), spread(CENTRE.1, roll(reach as u32 * 2)));
            let when = minute(day * DAY + time);
            scan.take(when, place, when, false);
        }
    }
    (scan, 60 * DAY)
}

/// Reports at these minutes and metres from a middle; what the last one shows.
fn reports(scan: &mut Scan, begin: i64, middle: (i32, i32), spots: &[(i64, i32, i32)]) -> Option<Found> {
    let mut found = None;
    for (after, east, north) in spots {
        let (when, place) = (minute(begin + after), at(middle.0 + east, middle.1 + north));
        scan.take(when, place, when, false);
        found = scan.look(when, place);
    }
    found
}

const THREE: [(i64, i32, i32); 3] = [(0, 0, 0), (9, 300, 100), (21, -100, 350)];

#[test]
fn three_reports_in_a_village_at_night_are_a_cluster_and_in_the_busy_centre_at_noon_they_are_not() {
    let (mut scan, now) = town();
    let found = reports(&mut scan, now + 180, VILLAGE, &THREE).unwrap();
    assert!(found.over(2.0) > 0.0, "{found:?}");
    assert_eq!((found.count, found.since), (3, minute(now + 180)));
    assert!(found.middle.distance_m(at(VILLAGE.0, VILLAGE.1)) < 400.0);
    let (mut scan, now) = town();
    let found = reports(&mut scan, now + 720, CENTRE, &THREE).unwrap();
    assert!(found.over(2.0) < 0.0, "{found:?}");
}

#[test]
fn two_reports_are_never_a_cluster() {
    let (mut scan, now) = town();
    assert_eq!(reports(&mut scan, now + 180, VILLAGE, &THREE[..2]), None);
}

#[test]
fn one_thing_reported_by_two_neighbours_counts_less_than_two_things() {
    let (mut scan, now) = town();
    let apart = reports(&mut scan, now + 180, VILLAGE, &THREE).unwrap();
    let (mut scan, now) = town();
    let echoed = [(0, 0, 0), (9, 40, 30), (21, -100, 350)];
    let echo = reports(&mut scan, now + 180, VILLAGE, &echoed).unwrap();
    assert!(echo.score < apart.score - 1.0, "{echo:?} {apart:?}");
}

#[test]
fn when_everybody_reports_three_in_a_village_are_less_of_a_surprise() {
    let (mut scan, now) = town();
    let dry = reports(&mut scan, now + 720, VILLAGE, &THREE).unwrap();
    let (mut scan, now) = town();
    for n in 0..40 {
        let when = minute(now + 420 + i64::from(n) * 7);
        scan.take(when, at(440_000 + (n * 733) % 9_000, 291_000 + (n * 977) % 9_000), when, false);
    }
    let wet = reports(&mut scan, now + 720, VILLAGE, &THREE).unwrap();
    assert!(wet.score < dry.score - 1.0, "{wet:?} {dry:?}");
}

#[test]
fn a_street_that_floods_again_alarms_again() {
    let (mut scan, now) = town();
    for week in 0..8 {
        let begin = now + week * 7 * DAY + 180;
        let found = reports(&mut scan, begin, VILLAGE, &THREE).unwrap();
        assert!(found.over(2.0) > 0.0, "week {week}: {found:?}");
        scan.set_aside(found.middle, found.metres, found.since);
    }
}

#[test]
fn nothing_is_said_before_enough_is_known() {
    let mut scan = Scan::default();
    let found = reports(&mut scan, 0, VILLAGE, &THREE);
    assert_eq!((found, scan.ready(minute(30))), (None, false));
    assert_eq!(scan.count(minute(30), at(VILLAGE.0, VILLAGE.1), 1_000, SignedDuration::from_mins(60)), 3);
}

#[test]
fn fewer_wanted_alarms_need_more_of_a_surprise() {
    let (mut scan, now) = town();
    let found = reports(&mut scan, now + 180, VILLAGE, &THREE).unwrap();
    assert!(found.over(0.1) < found.over(2.0) && found.over(2.0) < found.over(12.0));
    assert!(found.over(f64::NAN).is_finite() && found.years() > 0.0);
}

#[test]
fn quiet_comes_a_span_after_the_last_but_one() {
    let (mut scan, now) = town();
    reports(&mut scan, now + 180, VILLAGE, &THREE);
    let middle = at(VILLAGE.0, VILLAGE.1);
    assert_eq!(scan.quiet_at(middle, 500, SignedDuration::from_mins(60)), minute(now + 180 + 9 + 60));
}

#[test]
fn what_is_kept_has_a_bound() {
    let mut scan = Scan::default();
    for n in 0..20_000_i32 {
        let when = minute(i64::from(n) / 10);
        scan.take(when, at(400_000 + n % 977, 300_000 + n % 1_013), when, false);
    }
    assert!(scan.recent.len() <= RECENT_MAX && scan.history.len() <= HISTORY_MAX);
    scan.take(minute(900 * DAY), at(400_000, 300_000), minute(900 * DAY), false);
    assert_eq!((scan.history.len(), scan.days.len()), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_reported_scores_are_numbers(
        spots in prop::collection::vec((0_i64..40_000_000, any::<i32>(), any::<i32>(), any::<bool>()), 0..200),
        tight in any::<bool>(),
    ) {
        let mut scan = Scan::default();
        let mut now = minute(0);
        for (second, easting_mm, northing_mm, late) in spots {
            let when = Timestamp::from_second(1_767_571_200 + second).unwrap();
            now = if late { now } else { now.max(when) };
            let place = if tight { at(easting_mm % 500, northing_mm % 500) } else { GridPoint { easting_mm, northing_mm } };
            scan.take(when, place, now, late);
            if let Some(found) = scan.look(when.min(now), place) {
                prop_assert!(found.score.is_finite() && found.usual.is_finite() && found.usual >= 0.0);
                prop_assert!(found.over(2.0).is_finite() && found.years().is_finite());
            }
        }
    }
}
