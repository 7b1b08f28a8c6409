//! A set of count series on disk, as the evaluation interface has it: `meta.json`, `streams/NAME.csv` (or `.csv.gz`),
//! `holidays.csv`, `gaps.csv`. Everything that is wrong with a file is told with its line.

use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

/// Steps of one series at most: fifty years of minutes.
const STEPS_MAX: i64 = 26_300_000;
/// The largest count of one step.
const COUNT_MAX: f64 = 1e9;
/// Slips of one file that are shown.
const SLIPS_SHOWN: usize = 10;

/// A set.
#[derive(Debug)]
pub struct Set {
    /// First instant, unix seconds.
    pub t0: i64,
    /// The end, unix seconds; not in it.
    pub t_end: i64,
    /// The zone of its days and hours.
    pub zone: TimeZone,
    /// Bank holidays.
    pub holidays: BTreeSet<Date>,
    /// Feed outages by stream, unix seconds [from, to).
    pub gaps: BTreeMap<String, Vec<(i64, i64)>>,
    /// Name and file of each series, by name.
    pub streams: BTreeMap<String, PathBuf>,
    /// What was not there and could be done without.
    pub notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    t0: i64,
    t_end: Option<i64>,
    weeks: Option<i64>,
    tz: String,
}

/// Opens a file, packed or not.
pub(super) fn open(path: &Path) -> Result<impl Read + use<>> {
    let mut file = BufReader::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?);
    let packed = file.fill_buf().with_context(|| format!("cannot read {}", path.display()))?.starts_with(&[0x1f, 0x8b]);
    let inner: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(BufReader::with_capacity(1 << 16, inner))
}

/// The rows of a CSV with a header, as the named columns; `take` says what is wrong with a row.
pub(super) fn rows<const N: usize>(
    path: &Path,
    columns: [&str; N],
    mut take: impl FnMut([&str; N]) -> std::result::Result<(), String>,
) -> Result<()> {
    let shown = path.display();
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(open(path)?);
    let header = reader.headers().with_context(|| format!("{shown}: cannot read its header line"))?.clone();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = header.iter().position(|name| name.trim_start_matches('\u{feff}') == column).with_context(|| {
            format!("{shown}: no column \"{column}\"; its header line should have {}", columns.join(","))
        })?;
    }
    let mut slips: Vec<String> = Vec::new();
    let mut slips_n = 0_usize;
    let mut row = csv::StringRecord::new();
    loop {
        let read = reader.read_record(&mut row).with_context(|| format!("{shown} cannot be read to its end"))?;
        if !read {
            break;
        }
        let fields = places.map(|place| row.get(place).unwrap_or(""));
        if let Err(slip) = take(fields) {
            slips_n += 1;
            if slips.len() < SLIPS_SHOWN {
                slips.push(format!("{shown}, line {}: {slip}", row.position().map_or(0, csv::Position::line)));
            }
        }
    }
    if slips_n > slips.len() {
        slips.push(format!("... and {} more", slips_n - slips.len()));
    }
    if slips_n > 0 {
        bail!("{}", slips.join("\n"));
    }
    Ok(())
}

fn seconds(field: &str) -> std::result::Result<i64, String> {
    field
        .parse::<f64>()
        .ok()
        .filter(|s| s.is_finite() && s.abs() < 1e12)
        .map(|s| s.round() as i64)
        .ok_or_else(|| format!("\"{field}\" is not a time in unix seconds"))
}

impl Set {
    /// Reads everything but the series themselves.
    ///
    /// # Errors
    /// A file that must be there is not, or one is wrong.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("meta.json");
        let mut text = String::new();
        open(&path)?.read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
        let meta: Meta = serde_json::from_str(&text)
            .with_context(|| format!("{} should have t0, t_end (unix seconds) and tz", path.display()))?;
        let t_end = match (meta.t_end, meta.weeks) {
            (Some(end), _) => end,
            (None, Some(weeks)) => meta.t0.saturating_add(weeks.saturating_mul(604_800)),
            (None, None) => bail!("{} has no t_end (unix seconds)", path.display()),
        };
        if t_end <= meta.t0 {
            bail!("{}: t_end ({t_end}) is not after t0 ({})", path.display(), meta.t0);
        }
        let zone = TimeZone::get(&meta.tz)
            .with_context(|| format!("{}: there is no time zone \"{}\"", path.display(), meta.tz))?;
        let mut set = Self {
            t0: meta.t0,
            t_end,
            zone,
            holidays: BTreeSet::new(),
            gaps: BTreeMap::new(),
            streams: BTreeMap::new(),
            notes: Vec::new(),
        };
        set.find_streams(&dir.join("streams"))?;
        let path = dir.join("holidays.csv");
        if path.exists() {
            rows(&path, ["date"], |[date]| {
                let day = date.parse::<Date>().map_err(|_| format!("\"{date}\" is not a date like 2026-12-25"))?;
                set.holidays.insert(day);
                Ok(())
            })?;
        } else {
            set.notes.push(format!("{} is not there: no day is a bank holiday", path.display()));
        }
        let path = dir.join("gaps.csv");
        if path.exists() {
            rows(&path, ["stream", "gap_start", "gap_end"], |[stream, from, to]| {
                let gap = (seconds(from)?, seconds(to)?);
                if gap.1 <= gap.0 {
                    return Err(format!("the gap ends ({to}) before it begins ({from})"));
                }
                set.gaps.entry(stream.to_owned()).or_default().push(gap);
                Ok(())
            })?;
        } else {
            set.notes.push(format!("{} is not there: every minute is taken as seen", path.display()));
        }
        let strangers: Vec<&str> =
            set.gaps.keys().filter(|name| !set.streams.contains_key(*name)).map(String::as_str).collect();
        if !strangers.is_empty() {
            set.notes.push(format!("gaps of streams that are not there are left out: {}", strangers.join(", ")));
        }
        Ok(set)
    }

    fn find_streams(&mut self, dir: &Path) -> Result<()> {
        let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", dir.display()))?.path();
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some(name) = file.strip_suffix(".csv.gz").or_else(|| file.strip_suffix(".csv")) else { continue };
            if file.starts_with('.') {
                continue;
            }
            if let Some(other) = self.streams.insert(name.to_owned(), path.clone()) {
                bail!("{} and {} are the same stream; keep one", other.display(), path.display());
            }
        }
        if self.streams.is_empty() {
            bail!("{} has no stream: no file ends in .csv or .csv.gz", dir.display());
        }
        Ok(())
    }

    /// Counts of a series in steps of `step_s` from t0 to the end; what is not listed is 0. The second value is the rows
    /// that lie outside.
    ///
    /// # Errors
    /// The file cannot be read, or has a row that is not a time and a count.
    pub fn counts(&self, path: &Path, value: &str, step_s: i64) -> Result<(Vec<u32>, usize)> {
        let steps = (self.t_end - self.t0).div_euclid(step_s);
        if steps > STEPS_MAX {
            bail!("from t0 to t_end are {steps} steps of {step_s} s; {STEPS_MAX} are the most");
        }
        let mut counts = vec![0_u32; usize::try_from(steps).unwrap_or(0)];
        let mut outside = 0;
        rows(path, ["timestamp", value], |[at, count]| {
            let at = seconds(at)?;
            let count = count
                .parse::<f64>()
                .ok()
                .filter(|count| (0.0..=COUNT_MAX).contains(count))
                .ok_or_else(|| format!("\"{count}\" is not a count from 0 to 1000000000"))?;
            let step = usize::try_from((at - self.t0).div_euclid(step_s)).ok();
            match step.and_then(|step| counts.get_mut(step)) {
                Some(total) => *total = total.saturating_add(count.round() as u32),
                None => outside += 1,
            }
            Ok(())
        })?;
        Ok((counts, outside))
    }
}

/// For each step whether the feed was up.
pub(super) fn covered(set: &Set, stream: &str, step_s: i64, steps: usize) -> Vec<bool> {
    let mut covered = vec![true; steps];
    for (from, to) in set.gaps.get(stream).into_iter().flatten() {
        // A step that the gap touches is not whole.
        let first = usize::try_from((from - set.t0).div_euclid(step_s).max(0)).unwrap_or(0).min(steps);
        let last = usize::try_from((to - set.t0 + step_s - 1).div_euclid(step_s).max(0)).unwrap_or(0).min(steps);
        if let Some(gap) = covered.get_mut(first..last) {
            gap.fill(false);
        }
    }
    covered
}
