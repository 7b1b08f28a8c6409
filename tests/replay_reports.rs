//! `callout replay reports`: the cluster scan against labelled cities, and what it says of files that are wrong.
//!
//! The labelled cities are those of `../shared/data/surge/public`, where they are there, and some of our own: villages
//! in a county, wet spells that come and go, neighbours who report the same thing.

#![allow(clippy::unwrap_used)]

#[path = "simulation/chance.rs"]
mod chance;

use chance::Chance;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn replay(set: &Path, alarms: &Path) -> Output {
    let mut run = Command::new(env!("CARGO_BIN_EXE_callout"));
    run.args(["replay", "reports", "--set"]).arg(set).arg("--alarms").arg(alarms).output().unwrap()
}

#[derive(Debug)]
struct Label {
    city: String,
    onset: f64,
    end: f64,
    middle: (f64, f64),
    sigma: f64,
    first: f64,
}

struct Measured {
    detected: f64,
    false_a_year: f64,
    delay_min: f64,
}

/// The published scorer's rules: an alarm counts from onset to end within 3 sigma + 500 m; it is false outside
/// 3 sigma + 4 km and two hours after the end of every label; false ones within two hours are one.
fn measure(alarms: &str, labels: &[Label], from: f64, city_years: f64) -> Measured {
    let mut rows: Vec<(String, f64, f64, f64)> = alarms
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |at: usize| cells[at].parse::<f64>().unwrap();
            assert!(number(4) >= 0.0, "{line}");
            (cells[0].to_owned(), number(1), number(2), number(3))
        })
        .filter(|row| row.1 >= from)
        .collect();
    rows.sort_by(|a, b| (&a.0, a.1).partial_cmp(&(&b.0, b.1)).unwrap());
    let near = |row: &(String, f64, f64, f64), label: &Label, metres: f64, after: f64| {
        row.0 == label.city
            && (label.onset..=label.end + after).contains(&row.1)
            && (row.2 - label.middle.0).hypot(row.3 - label.middle.1) < 3.0 * label.sigma + metres
    };
    let (mut false_n, mut last) = (0, (String::new(), 0.0));
    for row in &rows {
        if labels.iter().any(|label| near(row, label, 4_000.0, 7_200.0)) {
            continue;
        }
        if row.0 != last.0 || row.1 - last.1 > 7_200.0 {
            false_n += 1;
        }
        last = (row.0.clone(), row.1);
    }
    let mut delays: Vec<f64> = labels
        .iter()
        .filter_map(|label| rows.iter().find(|row| near(row, label, 500.0, 0.0)).map(|row| row.1 - label.first))
        .collect();
    delays.sort_by(f64::total_cmp);
    Measured {
        detected: delays.len() as f64 / labels.len() as f64,
        false_a_year: f64::from(false_n) / city_years,
        delay_min: delays[delays.len() / 2] / 60.0,
    }
}

#[test]
fn the_public_cities_are_watched_as_well_as_we_say() {
    let set = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/surge/public");
    let Ok(text) = fs::read_to_string(set.join("spacetime/labels.csv")) else {
        println!("skipped: no labelled cities at {}", set.display());
        return;
    };
    let labels: Vec<Label> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |at: usize| cells[at].parse::<f64>().unwrap();
            let middle = (number(3), number(4));
            let (onset, end, sigma, first) = (number(1), number(2), number(6), number(7));
            Label { city: cells[0].to_owned(), onset, end, middle, sigma, first }
        })
        .collect();
    let meta: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(set.join("spacetime/meta.json")).unwrap()).unwrap();
    let weeks = |name: &str| meta[name].as_f64().unwrap();
    let from = weeks("t0") + weeks("warmup_weeks") * 604_800.0;
    let dir = tempfile::tempdir().unwrap();
    let alarms = dir.path().join("alarms.csv");
    let done = replay(&set, &alarms);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let city_years = 4.0 * (weeks("weeks") - weeks("warmup_weeks")) / 52.18;
    let measured = measure(&fs::read_to_string(&alarms).unwrap(), &labels, from, city_years);
    println!(
        "public cities: detected {:.3}, false alarms a city-year {:.2}, {:.0} min after the first report",
        measured.detected, measured.false_a_year, measured.delay_min
    );
    assert!(measured.detected >= 0.92 && measured.false_a_year <= 2.0 && measured.delay_min <= 15.0);
}

/// A bell curve: the sum of twelve.
fn bell(chance: &mut Chance) -> f64 {
    (0..12).map(|_| chance.below(1_000) as f64 / 1_000.0).sum::<f64>() - 6.0
}

/// A county of 40 villages over a year: about three reports a day, twice as many in wet spells, one in six with an echo;
/// after half a year an incident every two weeks.
fn county(seed: u64, city: &str, folder: &Path) -> Vec<Label> {
    let mut chance = Chance::new(seed);
    let villages: Vec<(f64, f64, f64)> = (0..40)
        .map(|_| {
            let size = 200.0 + chance.below(500) as f64;
            (400_000.0 + chance.below(40_000) as f64, 250_000.0 + chance.below(30_000) as f64, size)
        })
        .collect();
    let spot = |chance: &mut Chance| {
        // The first villages are the large ones.
        let village = villages[(chance.below(40) * chance.below(40) / 40) as usize];
        (village.0 + village.2 * bell(chance), village.1 + village.2 * bell(chance))
    };
    let (mut rows, mut labels): (Vec<(i64, f64, f64)>, Vec<Label>) = (Vec::new(), Vec::new());
    let mut wet = false;
    for hour in 0..365 * 24 {
        if chance.one_in(if wet { 14 } else { 70 }) {
            wet = !wet;
        }
        let day = (7..21).contains(&(hour % 24));
        let in_ten_thousand = if day { 1_500 } else { 500 } * if wet { 3 } else { 1 };
        for _ in 0..4 {
            if chance.below(40_000) < in_ten_thousand {
                let (at, (x, y)) = (hour * 3_600 + chance.below(3_600) as i64, spot(&mut chance));
                rows.push((at, x, y));
                if chance.one_in(6) {
                    let later = at + chance.below(5_400) as i64;
                    rows.push((later, x + 40.0 * bell(&mut chance), y + 40.0 * bell(&mut chance)));
                }
            }
        }
        if hour > 180 * 24 && hour % (14 * 24) == 100 {
            let (onset, middle) = (hour * 3_600, spot(&mut chance));
            let (n, sigma) = (3 + chance.below(6), [150.0, 400.0, 900.0][chance.below(3) as usize]);
            let mut times: Vec<i64> = (0..n).map(|_| onset + chance.below(2_400) as i64).collect();
            times.sort_unstable();
            for at in &times {
                rows.push((*at, middle.0 + sigma * bell(&mut chance), middle.1 + sigma * bell(&mut chance)));
            }
            let (onset, end, first) = (onset as f64, onset as f64 + 7_200.0, times[0] as f64);
            labels.push(Label { city: city.to_owned(), onset, end, middle, sigma, first });
        }
    }
    let mut text = String::from("timestamp,easting_m,northing_m\n");
    for (at, x, y) in rows {
        writeln!(text, "{at},{x:.0},{y:.0}").unwrap();
    }
    fs::write(folder.join(format!("{city}.csv")), text).unwrap();
    labels
}

#[test]
fn incidents_in_villages_are_found_and_wet_spells_are_not_taken_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("spacetime");
    fs::create_dir(&folder).unwrap();
    let labels: Vec<Label> = (1..=8).flat_map(|seed| county(seed, &format!("county{seed}"), &folder)).collect();
    let alarms = dir.path().join("alarms.csv");
    let done = replay(dir.path(), &alarms);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let from = 180.0 * 86_400.0;
    let measured = measure(&fs::read_to_string(&alarms).unwrap(), &labels, from, 8.0 * 185.0 / 365.25);
    println!(
        "{} incidents: detected {:.3}, false alarms a city-year {:.2}, {:.0} min after the first report",
        labels.len(),
        measured.detected,
        measured.false_a_year,
        measured.delay_min
    );
    assert!(measured.detected >= 0.9 && measured.false_a_year <= 3.0 && measured.delay_min <= 20.0);
}

#[test]
fn all_that_is_wrong_with_a_set_is_told_at_once_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let alarms = dir.path().join("alarms.csv");
    let told = |set: &Path| {
        let done = replay(set, &alarms);
        assert!(!done.status.success() && !alarms.exists());
        String::from_utf8(done.stderr).unwrap()
    };
    assert!(told(dir.path()).contains("--set names the folder that holds `spacetime`"));
    let folder = dir.path().join("spacetime");
    fs::create_dir(&folder).unwrap();
    assert!(told(dir.path()).contains("has no *.csv.gz or *.csv with reports"));
    fs::write(folder.join("a.csv"), "timestamp,x,y\n1,2,3\n").unwrap();
    fs::write(folder.join("b.csv"), "timestamp,easting_m,northing_m\n1700000000,1,2\nsoon,1,2\n1700000000000,1,2\n5\n")
        .unwrap();
    fs::write(folder.join("c.csv.gz"), [0x1f, 0x8b, 8, 0, 1, 2, 3]).unwrap();
    let all = told(dir.path());
    for part in [
        "a.csv: it has no column \"easting_m\"; the header should be timestamp,easting_m,northing_m, it is \"timestamp,x,y\"",
        "b.csv, line 3: timestamp \"soon\" is not a number",
        "b.csv, line 4: timestamp 1700000000000 is not in seconds since 1970",
        "b.csv, line 5: easting_m \"\" is not a number",
        "c.csv.gz: cannot read",
        "nothing was written",
    ] {
        assert!(all.contains(part), "{part} is not in:\n{all}");
    }
}
