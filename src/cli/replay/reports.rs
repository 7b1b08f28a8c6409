//! `callout replay reports`: labelled cities of located reports through the cluster scan, for whoever wants to measure it
//! or compare it with another. The same scan as in the daemon, fed report by report; nothing is known ahead.

use crate::cli::{Ended, Exit};
use crate::domain::detect::cluster::Scan;
use crate::domain::place::GridPoint;
use crate::domain::time::{SignedDuration, Timestamp};
use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Arguments of `callout replay reports`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportsArgs {
    /// The folder of the set; its spacetime/*.csv.gz (or .csv) have timestamp,easting_m,northing_m
    #[arg(long, value_name = "DIR")]
    pub set: PathBuf,
    /// False alarms that a city may have in a year
    #[arg(long, value_name = "F", default_value_t = 2.0)]
    pub false_alarms_per_year: f64,
    /// Where the alarms go: city,timestamp,easting_m,northing_m,score; a row for each report with score >= 0
    #[arg(long, value_name = "OUT.csv")]
    pub alarms: PathBuf,
}

/// The columns of a city's file.
const COLUMNS: [&str; 3] = ["timestamp", "easting_m", "northing_m"];
/// Reports of one city at most.
const REPORTS_MAX: usize = 5_000_000;
/// Faults of a file that are told one by one.
const FAULTS_SHOWN: usize = 20;
/// Metres that a coordinate may be from the grid's origin.
const METRES_MAX: f64 = 2_000_000.0;
/// Until the scan knows the city: so many reports...
const FLOOR_REPORTS: u32 = 3;
/// ...within so many metres...
const FLOOR_METRES: u32 = 1_000;
/// ...in so many minutes.
const FLOOR_MINUTES: i64 = 60;

/// Does it; `tell` hears how many cities are done, of how many.
///
/// # Errors
/// A file that cannot be read or has rows that are none: all of them are named, with line and remedy, and nothing is
/// written.
pub fn run(args: &ReportsArgs, tell: &mut dyn FnMut(u64, u64), out: &mut dyn Write) -> Result<()> {
    let wanted = args.false_alarms_per_year;
    if !(wanted.is_finite() && (0.01..=1_000.0).contains(&wanted)) {
        let message = format!("--false-alarms-per-year {wanted} is out of range; give 0.01 to 1000");
        return Err(Ended::new(Exit::Usage, message).into());
    }
    let files = files_of(&args.set.join("spacetime"))?;
    let mut faults = Vec::new();
    let mut cities = Vec::new();
    for (city, path) in &files {
        match read(path, &mut faults) {
            Ok(reports) => cities.push((city, reports)),
            Err(error) => faults.push(format!("{}: {error:#}", path.display())),
        }
    }
    if !faults.is_empty() {
        let n = faults.len();
        faults.truncate(FAULTS_SHOWN);
        let more = if n > FAULTS_SHOWN { format!("\n... and {} more", n - FAULTS_SHOWN) } else { String::new() };
        anyhow::bail!("{}{more}\nnothing was written", faults.join("\n"));
    }
    let shown = args.alarms.display();
    let file = File::create(&args.alarms).with_context(|| format!("cannot write {shown}"))?;
    let mut alarms = BufWriter::new(file);
    let mut write = |line: &str| alarms.write_all(line.as_bytes()).with_context(|| format!("cannot write {shown}"));
    write("city,timestamp,easting_m,northing_m,score\n")?;
    let (mut reports_n, mut alarms_n) = (0_usize, 0_usize);
    for (done, (city, reports)) in (1..).zip(&cities) {
        let rows = watch(city, reports, wanted);
        reports_n += reports.len();
        alarms_n += rows.lines().count();
        write(&rows)?;
        tell(done, cities.len() as u64);
    }
    alarms.flush().with_context(|| format!("cannot write {shown}"))?;
    writeln!(out, "{} cities, {reports_n} reports, {alarms_n} rows in {shown}", cities.len())?;
    Ok(())
}

/// The rows of one city.
fn watch(city: &str, reports: &[(i64, GridPoint)], wanted: f64) -> String {
    let mut scan = Scan::default();
    let mut rows = String::new();
    for (second, place) in reports {
        let at = Timestamp::from_second(*second).expect("checked when it was read");
        scan.take(at, *place, at, false);
        let score = if scan.ready(at) {
            let Some(found) = scan.look(at, *place) else { continue };
            let over = found.over(wanted);
            if over >= 0.0 {
                scan.set_aside(*place, found.metres, found.since);
            }
            over
        } else if scan.count(at, *place, FLOOR_METRES, SignedDuration::from_mins(FLOOR_MINUTES)) >= FLOOR_REPORTS {
            0.0
        } else {
            continue;
        };
        if score >= 0.0 {
            let (easting, northing) = (place.easting(), place.northing());
            writeln!(rows, "{city},{second},{easting},{northing},{score:.3}").expect("a String takes all");
        }
    }
    rows
}

/// The cities of a folder by name, with their files.
fn files_of(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!("cannot read the folder {}; --set names the folder that holds `spacetime`", folder.display())
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(city) = name.strip_suffix(".csv.gz").or_else(|| name.strip_suffix(".csv")) {
            // The labels of a set lie beside its cities and are not read: they are what it is measured by.
            if city != "labels" {
                files.push((city.to_owned(), path));
            }
        }
    }
    files.sort();
    if files.is_empty() {
        anyhow::bail!("{} has no *.csv.gz or *.csv with reports", folder.display());
    }
    Ok(files)
}

/// The reports of a file, by time.
fn read(path: &Path, faults: &mut Vec<String>) -> Result<Vec<(i64, GridPoint)>> {
    let shown = path.display();
    let mut file = BufReader::new(File::open(path).context("cannot open it")?);
    let packed = file.fill_buf().context("cannot read it")?.starts_with(&[0x1f, 0x8b]);
    let inner: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut rows = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(inner);
    let header = rows.headers().context("cannot read its header line")?.clone();
    let mut at = [0; 3];
    for (column, at) in COLUMNS.iter().zip(&mut at) {
        *at = header.iter().position(|name| name == *column).with_context(|| {
            let has = header.iter().collect::<Vec<_>>().join(",");
            format!("it has no column \"{column}\"; the header should be {}, it is \"{has}\"", COLUMNS.join(","))
        })?;
    }
    let mut reports = Vec::new();
    for row in rows.records() {
        let row = row.context("cannot read on")?;
        let line = row.position().map_or(0, csv::Position::line);
        match report(at.map(|column| row.get(column).unwrap_or(""))) {
            Ok(report) => reports.push(report),
            Err(why) => faults.push(format!("{shown}, line {line}: {why}")),
        }
        anyhow::ensure!(reports.len() <= REPORTS_MAX, "it has more than {REPORTS_MAX} reports");
    }
    reports.sort();
    Ok(reports)
}

fn report([time, easting, northing]: [&str; 3]) -> Result<(i64, GridPoint), String> {
    let number = |text: &str, what: &str| {
        let number: Option<f64> = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| format!("{what} \"{text}\" is not a number"))
    };
    let second = number(time, "timestamp")?;
    // 1970 to 2200: what is outside is milliseconds, or minutes, or a slip.
    if !(0.0..=7_258_118_400.0).contains(&second) {
        return Err(format!("timestamp {time} is not in seconds since 1970"));
    }
    let (easting, northing) = (number(easting, "easting_m")?, number(northing, "northing_m")?);
    if easting.abs() > METRES_MAX || northing.abs() > METRES_MAX {
        return Err(format!("{easting},{northing} is not a place in metres"));
    }
    Ok((second as i64, GridPoint::from_metres(easting, northing)))
}
