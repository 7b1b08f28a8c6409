//! `callout import contacts`: contacts of the past from a file, through the running daemon where one holds the data
//! directory, else straight into the log. History is counted, and never pages anybody.

use super::client::Client;
use super::{Ended, Exit, Global};
use crate::clock::Clock;
use crate::daemon::app::{App, StartError, offline};
use crate::daemon::engine::EngineError;
use crate::domain::event::Answer;
use crate::domain::ownership::OwnerAnswer;
use crate::domain::place::{GridPoint, LatLon, Located};
use crate::domain::text::to_slug;
use crate::domain::time::Timestamp;
use crate::incoming::{ContactReader as _, Sending};
use crate::intake::columns::Mapping;
use crate::intake::import::{Row, Rows, open};
use crate::intake::{BATCH_MAX, Reading};
use crate::keys::{InstallationKey, private_file, random_bytes};
use crate::land::Land;
use crate::log::OpenError;
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A batch is sent at this size although it has fewer than [`BATCH_MAX`] contacts: below the server's limit.
const BATCH_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Refused rows shown on the terminal; all are in the file of refused rows.
const SHOWN_MAX: usize = 10;
/// Between two lines of progress where there is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The daemon is asked again so often when it is overloaded, and then given up.
const TRIES_MAX: u32 = 10;
/// How long the command line's own sign-in is used; it is good for two minutes.
const SIGN_IN_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Arguments of `callout import contacts`.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportContactsArgs {
    /// The file: CSV with a head, or one JSON object to a line; gzipped or not
    pub file: PathBuf,
    /// The column mapping (see config/mappings); without it columns are named like the API's fields
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Which system the contacts come from, where neither mapping nor file says; default: the file's name
    #[arg(long)]
    pub source: Option<String>,
    /// Check every row and take none
    #[arg(long)]
    pub dry_run: bool,
    /// Where refused rows are written, to be mended and imported again; default: FILE.refused.csv
    #[arg(long)]
    pub refused: Option<PathBuf>,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Report {
    rows: u64,
    taken: u64,
    known: u64,
    refused: u64,
    doubtful: u64,
    shown: Vec<String>,
}

/// Imports a file. [`Exit::Finding`] where rows were refused.
///
/// # Errors
/// When the file or the mapping cannot be read, or the daemon or the log does not take the contacts.
pub fn run(global: &Global, args: &ImportContactsArgs, out: &mut dyn Write) -> Result<Exit> {
    let mut mapping = match &args.mapping {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Mapping::parse(&text).with_context(|| format!("in {}", path.display()))?
        }
        None => Mapping::default(),
    };
    let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(source) = &args.source {
        mapping.source = Some(source.clone());
    }
    let sender = mapping.source.clone().unwrap_or_else(|| {
        let stem = name.split('.').next().unwrap_or_default();
        Some(to_slug(stem)).filter(|slug| !slug.is_empty()).unwrap_or_else(|| "import".to_owned())
    });
    // The file's own name is a good enough source: without one, each importer's rows would be of another system.
    mapping.source.get_or_insert_with(|| sender.clone());

    let file = std::fs::File::open(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let length = file.metadata().map_or(0, |meta| meta.len());
    let progress = Progress::begin(length);
    let (file, layout) =
        open(progress.bar.wrap_read(file)).with_context(|| format!("cannot read {}", args.file.display()))?;
    let mut rows = Rows::begin(file, layout, mapping).with_context(|| format!("in {}", args.file.display()))?;
    let refused_path = args.refused.clone().unwrap_or_else(|| args.file.with_file_name(format!("{name}.refused.csv")));
    let mut sink = if args.dry_run { Sink::Nowhere } else { Sink::open(global)? };
    let begun = Instant::now();
    let report = pour(&mut rows, &mut sink, &sender, &refused_path, &progress);
    progress.bar.finish_and_clear();
    let closed = sink.close();
    let report = report?;
    closed?;
    tell(&report, args, &refused_path, begun.elapsed(), out)?;
    Ok(if report.refused > 0 { Exit::Finding } else { Exit::Well })
}

/// Reads all rows, and sends the good ones in batches.
fn pour(rows: &mut Rows, sink: &mut Sink, sender: &str, refused_path: &Path, progress: &Progress) -> Result<Report> {
    let keys = InstallationKey::in_memory(0);
    let sending = Sending { sender, idempotency_key: None, history: true, lines: false };
    let now = Clock::System.now();
    let reading = reading(now, &keys, &sending);
    let mut report = Report::default();
    let mut refused = Refused::new(refused_path, rows.head.clone());
    let (mut batch, mut bytes): (Vec<Value>, usize) = (Vec::new(), 0);
    while let Some(row) = rows.next(&reading)? {
        report.rows += 1;
        match row.contact {
            Ok((contact, doubts)) => {
                report.doubtful += u64::from(!doubts.is_empty());
                bytes += contact.to_string().len();
                batch.push(contact);
            }
            Err(ref problems) => {
                report.refused += 1;
                if report.shown.len() < SHOWN_MAX {
                    report.shown.push(format!("line {}: {}", row.line, problems.join("; ")));
                }
                refused.add(&row)?;
            }
        }
        if batch.len() == BATCH_MAX || bytes >= BATCH_BYTES_MAX {
            sink.send(std::mem::take(&mut batch), sender, &mut report)?;
            bytes = 0;
            progress.tell(&report);
        }
    }
    sink.send(batch, sender, &mut report)?;
    refused.end()?;
    Ok(report)
}

/// The check of a row needs no land and no keyword rules: those are the engine's, which reads the row again.
fn reading<'a>(now: Timestamp, keys: &'a InstallationKey, sending: &'a Sending<'a>) -> Reading<'a> {
    Reading { now, land: &Elsewhere, classify: &|_| Vec::new(), keys, sending }
}

/// A land book for checking alone.
struct Elsewhere;

impl Land for Elsewhere {
    fn to_grid(&self, place: LatLon) -> Option<GridPoint> {
        crate::landbook::convert::to_grid(place).ok()
    }
    fn to_lat_lon(&self, _: GridPoint) -> Option<LatLon> {
        None
    }
    fn owner(&self, _: Located) -> OwnerAnswer {
        crate::landbook::LandBook::empty().answer(&Located::new(GridPoint::from_metres(0.0, 0.0), 0.0))
    }
    fn body(&self, _: Located) -> Option<crate::domain::id::BodyId> {
        None
    }
}

/// Where the contacts go.
enum Sink {
    /// A dry run.
    Nowhere,
    /// The daemon that holds the data directory.
    Daemon { global: Global, client: Client, since: Instant },
    /// An engine of our own.
    Engine { app: Box<App>, runtime: tokio::runtime::Runtime },
}

impl Sink {
    fn open(global: &Global) -> Result<Self> {
        let loaded = global.load()?;
        let data = global.data_dir(&loaded.config);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("making a run time")?;
        match runtime.block_on(offline(&data, loaded)) {
            Ok(app) => Ok(Self::Engine { app: Box::new(app), runtime }),
            Err(StartError::Engine(EngineError::Open(OpenError::Held { .. }))) => {
                Ok(Self::Daemon { global: global.clone(), client: Client::connect(global)?, since: Instant::now() })
            }
            Err(error) => Err(Ended::new(Exit::CannotStart, error.to_string()).into()),
        }
    }

    fn send(&mut self, batch: Vec<Value>, sender: &str, report: &mut Report) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let n = batch.len() as u64;
        let known = match self {
            Self::Nowhere => 0,
            Self::Daemon { global, client, since } => {
                if since.elapsed() > SIGN_IN_AGAIN_AFTER {
                    *client = Client::connect(global)?;
                    *since = Instant::now();
                }
                let body = Value::Array(batch);
                let mut tries = 0;
                loop {
                    match client.post("/api/v1/contacts?history=true", &body) {
                        Ok(answer) => break answer["replayed"].as_u64().unwrap_or(0),
                        Err(error) if tries < TRIES_MAX && error.to_string().starts_with("refused (503)") => {
                            // Each row has a number of its own, so sending it again counts nothing twice.
                            tries += 1;
                            std::thread::sleep(Duration::from_secs(2));
                        }
                        Err(error) => return Err(error.context(format!("after {} contacts", report.taken))),
                    }
                }
            }
            Self::Engine { app, runtime } => {
                let body = Value::Array(batch).to_string();
                let sending = Sending { sender, idempotency_key: None, history: true, lines: false };
                let read = app.intake().read(body.as_bytes(), &sending);
                let (_, parsed) =
                    read.map_err(|why| anyhow::anyhow!("rows that were good a moment ago are not: {why:?}"))?;
                let mut events = Vec::with_capacity(parsed.len());
                for one in parsed {
                    events.push(one.into_event(random_bytes().context("sealing a contact's details")?));
                }
                let answers = runtime.block_on(app.engine.door.submit(events));
                let answers = answers.with_context(|| format!("after {} contacts", report.taken))?;
                answers.iter().filter(|answer| matches!(answer, Answer::Contact { replay: true, .. })).count() as u64
            }
        };
        report.known += known;
        report.taken += n - known;
        Ok(())
    }

    fn close(self) -> Result<()> {
        if let Self::Engine { app, runtime } = self {
            runtime.block_on(app.stop(Duration::from_secs(5)));
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        Ok(())
    }
}

/// The file of refused rows, made at the first one: the rows as they stood, after their line and what is wrong.
struct Refused<'a> {
    path: &'a Path,
    head: Vec<String>,
    writer: Option<csv::Writer<std::fs::File>>,
}

impl<'a> Refused<'a> {
    fn new(path: &'a Path, head: Vec<String>) -> Self {
        Self { path, head, writer: None }
    }

    fn add(&mut self, row: &Row) -> Result<()> {
        let Err(problems) = &row.contact else { return Ok(()) };
        let context = || format!("cannot write {}", self.path.display());
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                // What is refused is as personal as what is taken: for its owner only.
                let file = private_file(self.path).with_context(context)?;
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(file);
                let row = ["row".to_owned()];
                let head = if self.head.is_empty() { &row[..] } else { &self.head };
                let names = ["refused_line", "refused_because"].into_iter().chain(head.iter().map(String::as_str));
                writer.write_record(names).with_context(context)?;
                self.writer.insert(writer)
            }
        };
        let (line, because) = (row.line.to_string(), problems.join("; "));
        let cells = [line.as_str(), because.as_str()].into_iter().chain(row.cells.iter().map(String::as_str));
        writer.write_record(cells).with_context(context)
    }

    fn end(self) -> Result<()> {
        match self.writer {
            Some(mut writer) => writer.flush().with_context(|| format!("cannot write {}", self.path.display())),
            None => Ok(()),
        }
    }
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    told: std::cell::Cell<Instant>,
}

impl Progress {
    fn begin(length: u64) -> Self {
        let bar = ProgressBar::new(length);
        let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes}  {msg}  {elapsed}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, told: std::cell::Cell::new(Instant::now()) }
    }

    fn tell(&self, report: &Report) {
        self.bar.set_message(format!("{} rows", report.rows));
        if !std::io::stderr().is_terminal() && self.told.get().elapsed() >= TELL_EVERY {
            self.told.set(Instant::now());
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0).max(1));
            eprintln!("{} rows read, {} % of the file", report.rows, done * 100 / all);
        }
    }
}

fn tell(report: &Report, args: &ImportContactsArgs, refused: &Path, took: Duration, out: &mut dyn Write) -> Result<()> {
    let refused_file = (report.refused > 0).then(|| refused.display().to_string());
    if args.json {
        let whole = json!({
            "rows": report.rows, "taken": if args.dry_run { 0 } else { report.taken },
            "would_take": if args.dry_run { report.taken } else { 0 }, "known_already": report.known, "refused": report.refused,
            "doubtful": report.doubtful, "dry_run": args.dry_run, "refused_file": refused_file,
            "first_refused": report.shown, "seconds": took.as_secs_f64(),
        });
        writeln!(out, "{whole}")?;
        return Ok(());
    }
    let verb = if args.dry_run { "would be taken" } else { "taken" };
    writeln!(out, "{} rows in {:.1} s: {} {verb}", report.rows, took.as_secs_f64(), report.taken)?;
    if report.known > 0 {
        writeln!(out, "{} had been taken before, and count once", report.known)?;
    }
    if report.doubtful > 0 {
        writeln!(
            out,
            "{} are odd (a place outside Great Britain, say): taken, the place kept as given",
            report.doubtful
        )?;
    }
    if let Some(file) = refused_file {
        writeln!(out, "{} refused, in {file} with what is wrong:", report.refused)?;
        for shown in &report.shown {
            writeln!(out, "  {shown}")?;
        }
        let more = report.refused.saturating_sub(report.shown.len() as u64);
        if more > 0 {
            writeln!(out, "  and {more} more")?;
        }
    }
    Ok(())
}
