//! `callout replay streams`: the volume detector over a set of count series, so that anybody can measure it against
//! labels of their own. It reads no labels and is told nothing of the streams but their counts, the bank holidays, and
//! when the feeds were down; one figure is set: how many false alarms a stream may give in a year.

use super::series::{Set, covered};
use crate::domain::detect::volume::week::CivilWeek;
use crate::domain::detect::volume::{Aim, Volume};
use anyhow::{Context as _, Result, bail};
use jiff::civil::Date;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Arguments of `callout replay streams`.
#[derive(Debug, Clone, clap::Args)]
pub struct StreamsArgs {
    /// The set: meta.json, streams/NAME.csv or .csv.gz (timestamp,count), holidays.csv, gaps.csv
    #[arg(long, value_name = "DIR")]
    pub set: PathBuf,
    /// False alarms that each stream may give in a year
    #[arg(long, value_name = "F")]
    pub false_alarms_per_year: f64,
    /// Where the alarms go: stream,timestamp,score; a row for each minute in which it would be paging
    #[arg(long, value_name = "OUT.csv")]
    pub alarms: PathBuf,
    /// The same for every minute above a low floor
    #[arg(long, value_name = "OUT.csv")]
    pub scores: Option<PathBuf>,
    /// Seconds of a step of the series
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub bin: i64,
    /// Unusually few count as well as unusually many
    #[arg(long)]
    pub two_sided: bool,
}

/// Scores from here on go into `--scores`; an alarm begins at 0.
const SCORES_FROM: f64 = -4.0;
/// Days of data before a stream may alarm at all.
const DAYS_BEFORE_ALARMS: f64 = 14.0;
/// Alarms nearer than this are one, in the summary.
const ONE_ALARM_S: i64 = 7_200;
/// Range of `--bin`.
const BIN_S: std::ops::RangeInclusive<i64> = 10..=86_400;

/// A CSV being written.
struct Table {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Table {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut table = Self { path: path.to_owned(), file: BufWriter::new(file) };
        table.line(format_args!("stream,timestamp,score"))?;
        Ok(table)
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) -> Result<()> {
        writeln!(self.file, "{line}").with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn finish(mut self) -> Result<()> {
        self.file.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Does it; `tell` hears how many streams are done, of how many.
///
/// # Errors
/// The set cannot be read, or the result not written.
pub fn run(args: &StreamsArgs, tell: &mut dyn FnMut(u64, u64), out: &mut dyn Write) -> Result<()> {
    let per_year = args.false_alarms_per_year;
    if !(0.01..=365.0).contains(&per_year) {
        bail!("--false-alarms-per-year {per_year}: give a number from 0.01 to 365, such as 1");
    }
    if !BIN_S.contains(&args.bin) {
        bail!("--bin {}: give the seconds of a step, from {} to {}", args.bin, BIN_S.start(), BIN_S.end());
    }
    let set = Set::read(&args.set)?;
    for note in &set.notes {
        eprintln!("note: {note}");
    }
    let mut alarms = Table::create(&args.alarms)?;
    let mut scores = args.scores.as_deref().map(Table::create).transpose()?;
    let is_holiday = |day: Date| set.holidays.contains(&day);
    let week = CivilWeek { zone: &set.zone, is_holiday: &is_holiday };
    let aim = Aim { false_alarms_per_year: per_year, step_s: args.bin, two_sided: args.two_sided };
    let (mut openings, mut steps_n) = (0_u64, 0_u64);
    for (done, (name, path)) in set.streams.iter().enumerate() {
        let (counts, outside) = set.counts(path, "count", args.bin)?;
        if outside > 0 {
            eprintln!("note: {}: {outside} rows lie before t0 or after t_end and are left out", path.display());
        }
        let covered = covered(&set, name, args.bin, counts.len());
        let mut volume = Volume::new(aim);
        let mut last = i64::MIN;
        for ((step, count), covered) in (0_i64..).zip(&counts).zip(covered) {
            let begins = set.t0 + step * args.bin;
            let margin = volume.step(&week, begins, *count, covered).margin();
            if margin < SCORES_FROM || volume.seen_days() < DAYS_BEFORE_ALARMS {
                continue;
            }
            // The step is known when it is over.
            let known = begins + args.bin;
            if let Some(scores) = &mut scores {
                scores.line(format_args!("{name},{known},{margin:.3}"))?;
            }
            if margin >= 0.0 {
                alarms.line(format_args!("{name},{known},{margin:.3}"))?;
                openings += u64::from(known.saturating_sub(last) > ONE_ALARM_S);
                last = known;
            }
        }
        steps_n += counts.len() as u64;
        tell(done as u64 + 1, set.streams.len() as u64);
    }
    alarms.finish()?;
    if let Some(scores) = scores {
        scores.finish()?;
    }
    let years = steps_n as f64 * args.bin as f64 / 31_557_600.0;
    writeln!(
        out,
        "{} streams, {years:.1} stream-years, {openings} alarms (those within two hours of each other are one) -> {}",
        set.streams.len(),
        args.alarms.display()
    )?;
    Ok(())
}
