//! Stories over made-up streams. The generator is the tests' own: steps, ramps and doubly random days, nothing that
//! the detector assumes; each story names its seed.

#![allow(clippy::unwrap_used)]
use super::week::CivilWeek;
use super::*;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

/// Splitmix64: a few lines, the same on every machine.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> u32 {
        let (mut n, mut product, limit) = (0, self.unit(), libm::exp(-mean.min(500.0)));
        while product > limit {
            product *= self.unit();
            n += 1;
        }
        n
    }
}

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// Monday 5 January 2026, midnight.
const START: i64 = 1_767_571_200;

/// Contacts a minute: a working day in two blocks with a lunch dip, evenings, nights; weekends a fifth.
fn rate(kind: &str, local_minute_of_week: i64) -> f64 {
    let (day, minute) = (local_minute_of_week / 1_440, local_minute_of_week % 1_440);
    let working = day < 5;
    match (kind, minute) {
        ("calls", 525..=719) if working => 4.0,
        ("calls", 720..=809) if working => 2.5,
        ("calls", 810..=1_019) if working => 3.2,
        ("calls", 1_020..=1_379) => 0.08,
        ("calls", _) => 0.02,
        ("few", 480..=1_319) => 0.03,
        ("few", _) => 0.004,
        _ => 0.0,
    }
}

struct Town {
    dice: Dice,
    zone: TimeZone,
    kind: &'static str,
    volume: Volume,
    /// Today's own level.
    today: f64,
    at_s: i64,
}

impl Town {
    fn new(kind: &'static str, seed: u64) -> Self {
        let zone = TimeZone::get("Europe/London").unwrap();
        let aim = Aim::default();
        Self { dice: Dice(seed), zone, kind, volume: Volume::new(aim), today: 1.0, at_s: START }
    }

    /// Lives through so many days with the rate times `factor` at each minute, and gives the minutes at which it
    /// alarmed.
    fn live(&mut self, days: i64, factor: impl Fn(i64) -> f64) -> Vec<i64> {
        let mut alarms = Vec::new();
        let end = self.at_s + days * DAY;
        while self.at_s < end {
            if self.at_s.rem_euclid(DAY) == 0 {
                self.today = 0.8 + 0.2 * (self.dice.unit() + self.dice.unit());
            }
            let local = self.zone.to_datetime(jiff::Timestamp::from_second(self.at_s).unwrap());
            let week_minute = i64::from(local.weekday().to_monday_zero_offset()) * 1_440
                + i64::from(local.hour()) * 60
                + i64::from(local.minute());
            let mean = rate(self.kind, week_minute) * self.today * factor(self.at_s);
            let count = self.dice.poisson(mean);
            let week = CivilWeek { zone: &self.zone, is_holiday: &|_: Date| false };
            let verdict = self.volume.step(&week, self.at_s, count, true);
            if verdict.margin() >= 0.0 && self.volume.seen_days() >= 14.0 {
                alarms.push(self.at_s);
            }
            self.at_s += MINUTE;
        }
        alarms
    }
}

/// Alarms that are further than two hours from the one before.
fn openings(alarms: &[i64]) -> usize {
    alarms.windows(2).filter(|pair| pair[1] - pair[0] > 7_200).count() + usize::from(!alarms.is_empty())
}

#[test]
fn a_sudden_threefold_morning_is_seen_within_half_an_hour() {
    for seed in [11, 12, 13] {
        let mut town = Town::new("calls", seed);
        town.live(8 * 7, |_| 1.0);
        let onset = town.at_s + 10 * 3_600;
        let alarms = town.live(1, |at| if (onset..onset + 5_400).contains(&at) { 3.0 } else { 1.0 });
        let first = alarms.iter().find(|at| **at >= onset).copied();
        assert!(first.is_some_and(|at| at - onset < 1_800), "seed {seed}: {first:?} after {onset}");
    }
}

#[test]
fn ten_reports_in_a_quiet_night_are_seen_and_three_are_not() {
    for (extra, seen) in [(0.35, true), (0.0, false)] {
        let mut town = Town::new("few", 21);
        town.live(8 * 7, |_| 1.0);
        let onset = town.at_s + 3 * 3_600;
        let alarms = town.live(1, |at| if (onset..onset + 1_800).contains(&at) { 1.0 + extra / 0.004 } else { 1.0 });
        assert_eq!(!alarms.is_empty(), seen, "{extra}: {alarms:?}");
    }
}

#[test]
fn a_permanent_doubling_stops_alarming_within_two_weeks_by_itself() {
    for (kind, seed) in [("calls", 31), ("calls", 32), ("few", 33)] {
        let mut town = Town::new(kind, seed);
        town.live(10 * 7, |_| 1.0);
        let rise = town.at_s;
        let alarms = town.live(5 * 7, |_| 2.0);
        let late: Vec<i64> = alarms.iter().map(|at| (at - rise) / DAY).filter(|day| *day >= 14).collect();
        assert!(late.is_empty(), "{kind} {seed}: alarms on days {late:?}");
    }
}

#[test]
fn after_five_busy_days_the_next_surge_is_still_seen() {
    let mut seen = 0;
    for seed in 41..53 {
        let mut town = Town::new("calls", seed);
        town.live(6 * 7, |_| 1.0);
        town.live(5, |_| 2.5);
        town.live(3, |_| 1.0);
        let onset = town.at_s + DAY + 14 * 3_600;
        let alarms = town.live(2, |at| if (onset..onset + 7_200).contains(&at) { 3.0 } else { 1.0 });
        seen += usize::from(alarms.iter().any(|at| (onset..onset + 7_200).contains(at)));
    }
    assert_eq!(seen, 12);
}

#[test]
fn days_of_23_and_25_hours_are_ordinary_days() {
    // Twelve weeks over the end of March and over the end of October.
    for (seed, start) in [(61, START), (62, START + 200 * DAY)] {
        let mut town = Town::new("calls", seed);
        town.at_s = start;
        town.live(9 * 7 + 5, |_| 1.0);
        let alarms = town.live(4 * 7, |_| 1.0);
        assert!(openings(&alarms) <= 1, "seed {seed}: {alarms:?}");
    }
}

#[test]
fn a_dead_feed_is_not_learnt_as_quiet() {
    let mut town = Town::new("calls", 71);
    town.live(6 * 7, |_| 1.0);
    let before = town.volume.baseline.usual(Slot { of_week: 40, ..Slot::default() }).rate;
    let week = CivilWeek { zone: &town.zone.clone(), is_holiday: &|_: Date| false };
    for minute in 0..7 * 1_440 {
        let verdict = town.volume.step(&week, town.at_s + minute * MINUTE, 0, false);
        assert!(verdict.margin() < 0.0);
    }
    let after = town.volume.baseline.usual(Slot { of_week: 40, ..Slot::default() }).rate;
    assert!((after / before - 1.0).abs() < 0.1, "{before} {after}");
}

#[test]
fn contacts_told_of_late_go_to_their_own_minute() {
    let zone = TimeZone::UTC;
    let week = CivilWeek { zone: &zone, is_holiday: &|_: Date| false };
    let (mut on_time, mut late) = (Volume::new(Aim::default()), Volume::new(Aim::default()));
    for minute in 0..=200 {
        let count = u32::from(minute % 7 == 0);
        on_time.step(&week, START + minute * MINUTE, count, true);
        late.begin(&week, START + minute * MINUTE, true);
        if minute % 7 == 4 {
            late.add(1, 4);
        }
        late.end();
    }
    let counts = |volume: &Volume| [7, 14, 70].map(|steps| volume.windows.count(steps + 3) as i64);
    assert_eq!(counts(&on_time), counts(&late));
}

#[test]
fn the_state_of_a_stream_stays_under_32_kb() {
    let volume = Volume::new(Aim::default());
    let whole = std::mem::size_of::<Volume>() + volume.baseline.bytes() + volume.windows.bytes() + 241 * 8;
    assert!(whole <= 32_000, "{whole}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_that_comes_in_makes_a_score_that_is_no_number(
        counts in prop::collection::vec(prop_oneof![Just(0_u32), 0..5_u32, 0..2_000_u32, Just(u32::MAX)], 1..40),
        covered in prop::collection::vec(any::<bool>(), 1..20),
        step_s in prop_oneof![Just(60_i64), Just(1_i64), Just(300), Just(1_800), Just(86_400), Just(-5)],
        per_year in prop_oneof![Just(f64::NAN), Just(0.0), Just(f64::INFINITY), 0.01..100.0_f64],
        holiday in any::<bool>(),
        jump in 0..4_000_000_i64,
    ) {
        let zone = TimeZone::get("Europe/London").unwrap();
        let week = CivilWeek { zone: &zone, is_holiday: &|_: Date| holiday };
        let mut volume = Volume::new(Aim { false_alarms_per_year: per_year, step_s, two_sided: true });
        let mut at_s = START;
        for n in 0..4_000 {
            let verdict = volume.step(&week, at_s, counts[n % counts.len()], covered[n % covered.len()]);
            at_s += step_s.max(1) + if n % 997 == 0 { jump } else { 0 };
            let Reading { score, expected, psi, count, .. } = verdict.reading;
            for number in [score, expected, psi, count, verdict.threshold] {
                prop_assert!(number.is_finite(), "{verdict:?}");
            }
        }
    }
}
