//! One file a verb. Here: the list of verbs, what is common to them, and the exit codes.

pub mod backup;
pub mod check;
pub mod classify;
pub mod client;
pub mod convert;
pub mod demo;
pub mod explain;
pub mod health;
pub mod import_contacts;
pub mod import_gazetteer;
pub mod import_layer;
pub mod incident;
pub mod keeping;
pub mod log;
pub mod owner;
pub mod page;
pub mod picture;
pub mod replay;
pub mod rota;
pub mod serve;
pub mod token;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// How a verb ended, as the number that the shell sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: well.
    Well,
    /// 1: failed.
    Failed,
    /// 2: used wrongly.
    Usage,
    /// 3: it cannot start with this (the configuration is wrong).
    CannotStart,
    /// 4: it would start, but a finding stands.
    Finding,
    /// 5: the daemon is not reachable.
    NotReachable,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> u8 {
        match exit {
            Exit::Well => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::CannotStart => 3,
            Exit::Finding => 4,
            Exit::NotReachable => 5,
        }
    }
}

/// An error that ends a verb with another code than 1.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Ended {
    /// What, where and how to mend it.
    pub message: String,
    /// The code.
    pub exit: Exit,
}

impl Ended {
    /// An error with its code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), exit }
    }
}

/// How often `log tail -f` looks for something new.
const FOLLOW_EVERY: std::time::Duration = std::time::Duration::from_millis(300);

/// What all verbs share.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, env = "CALLOUT_CONFIG", default_value = crate::config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The data directory, instead of the one that the configuration names
    #[arg(long, global = true, env = "CALLOUT_DATA")]
    pub data: Option<PathBuf>,
}

impl Global {
    /// Reads the configuration and everything that it names; tells all that is wrong at once.
    ///
    /// # Errors
    /// [`Ended`] with code 3.
    pub fn load(&self) -> Result<crate::config::Loaded, Ended> {
        crate::config::load(&self.config).map_err(|problems| {
            let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let n = problems.len();
            let message = format!(
                "{}\n{n} problem{} in the configuration; nothing was started. `callout check` shows the lines.",
                shown.join("\n"),
                if n == 1 { "" } else { "s" }
            );
            Ended::new(Exit::CannotStart, message)
        })
    }

    /// The data directory: the flag's, else the configuration's.
    pub fn data_dir(&self, config: &crate::config::Config) -> PathBuf {
        self.data.clone().unwrap_or_else(|| config.data().to_owned())
    }
}

/// Emergency and surge incident coordination for councils.
#[derive(Debug, Parser)]
#[command(name = "callout", version = version(), max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The daemon
    Serve(serve::ServeArgs),
    /// A storm evening in a made-up town; nothing leaves this machine
    Demo(demo::DemoArgs),
    /// Configuration, playbooks, rota and people: everything that is wrong, at once
    Check(check::CheckArgs),
    /// One line for a monitor: is it alive, would anybody be paged
    Health(health::HealthArgs),
    /// What an error means
    Explain(explain::ExplainArgs),
    /// Who is on call
    Rota(rota::RotaArgs),
    /// Incidents: list, open, activate a playbook, note, decision, stand down
    Incident(incident::IncidentArgs),
    /// Pages: test one person
    Page(page::PageArgs),
    /// Access tokens of other systems, and people who sign in to the console
    Token(token::TokenArgs),
    /// Take in: a map layer, a gazetteer, or contacts of the past
    Import {
        #[command(subcommand)]
        what: Import,
    },
    /// Whose land a place is on, and what to tell the caller
    Owner(owner::OwnerArgs),
    /// Latitude and longitude to easting and northing, and back
    Convert(convert::ConvertArgs),
    /// What lines of text are about, by the keyword rules
    Classify(classify::ClassifyArgs),
    /// Contacts of the past through the same core: what would have fired
    Replay(replay::ReplayArgs),
    /// A copy of the data directory, while the daemon runs; only what is new is written
    Backup(backup::BackupArgs),
    /// A data directory from a backup: checked first, and what was erased is erased again
    Restore(backup::RestoreArgs),
    /// The record: read it, check it, copy it, erase details
    Log {
        #[command(subcommand)]
        verb: LogVerb,
    },
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Contacts of the past from CSV or NDJSON; they count, and page nobody
    Contacts(import_contacts::ImportContactsArgs),
    /// A map layer (GeoJSON, GML, Shapefile, GeoPackage, CSV), checked, repaired and compared with the one before
    Layer(import_layer::ImportLayerArgs),
    /// Where postcodes, properties and streets are (OS Open UPRN, USRN and Names, Code-Point Open, ONS, CSV)
    Gazetteer(import_gazetteer::ImportGazetteerArgs),
}

#[derive(Debug, Subcommand)]
enum LogVerb {
    /// Check every byte of it: chain, numbers, digests
    Verify(log::VerifyArgs),
    /// Show its end
    Tail(log::TailArgs),
    /// Write a copy of it that others can check: a zip archive, or a table (.csv, .jsonl)
    Export(keeping::ExportArgs),
    /// Erase the details of a contact or an incident; the log stays whole
    Erase(keeping::EraseArgs),
    /// Legal holds: place, lift; what is on hold is not erased
    Hold(keeping::HoldArgs),
    /// The signed heads, newest last, and the public key
    Heads(keeping::HeadsArgs),
}

fn version() -> &'static str {
    if crate::web::assets::BUILT {
        concat!(env!("CARGO_PKG_VERSION"), "\nconsole: built")
    } else {
        concat!(env!("CARGO_PKG_VERSION"), "\nconsole: missing (cargo xtask web)")
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout().lock();
    let ended = run(cli, &mut out);
    let _ = out.flush();
    match ended {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => {
            // A reader that has closed its end (`| head`) is no failure.
            if error.chain().any(|cause| {
                cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
            }) {
                return ExitCode::SUCCESS;
            }
            eprintln!("callout: {error:#}");
            let exit = error.downcast_ref::<Ended>().map_or(Exit::Failed, |ended| ended.exit);
            ExitCode::from(u8::from(exit))
        }
    }
}

/// The data directory and the zone for the log's verbs, which must work when the configuration does not.
fn log_place(global: &Global) -> Result<(PathBuf, jiff::tz::TimeZone), Ended> {
    match (global.load(), &global.data) {
        (Ok(loaded), _) => {
            let zone = loaded.config.deciding.zone().unwrap_or(jiff::tz::TimeZone::UTC);
            Ok((global.data_dir(&loaded.config), zone))
        }
        (Err(_), Some(data)) => Ok((data.clone(), jiff::tz::TimeZone::UTC)),
        (Err(ended), None) => Err(ended),
    }
}

/// A progress bar on a terminal; nothing elsewhere.
fn progress(of: &'static str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0);
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {msg} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
    bar.set_message(of);
    bar
}

fn run(cli: Cli, out: &mut dyn Write) -> anyhow::Result<u8> {
    let Cli { global, verb } = cli;
    match verb {
        Verb::Serve(args) => serve::run(&global, &args).map(u8::from),
        Verb::Check(args) => check::run(&args, &global.config, out),
        Verb::Health(args) => health::run(&global, &args, out),
        Verb::Explain(args) => explain::run(&args, out),
        Verb::Rota(args) => rota::run(&args, &global, out),
        Verb::Classify(args) => classify::run(&args, &mut std::io::stdin().lock(), out, &mut std::io::stderr().lock()),
        Verb::Demo(args) => demo::run(&args).map(u8::from),
        Verb::Incident(args) => incident::run(&global, &args, out).map(u8::from),
        Verb::Page(args) => page::run(&global, &args, out).map(u8::from),
        Verb::Token(args) => token::run(&global, &args, out).map(u8::from),
        Verb::Import { what: Import::Contacts(args) } => import_contacts::run(&global, &args, out).map(u8::from),
        Verb::Import { what: Import::Layer(args) } => {
            let loaded = global.load()?;
            let data = global.data_dir(&loaded.config);
            let bodies = loaded.config.files.bodies.clone();
            let bar = progress("features");
            let mut tell = |done: u64, all: u64| {
                bar.set_length(all);
                bar.set_position(done);
            };
            let report = import_layer::run(&args, &data, &bodies, &loaded.config.layers, &mut tell, out);
            bar.finish_and_clear();
            report.map(|_| Exit::Well.into())
        }
        Verb::Import { what: Import::Gazetteer(args) } => {
            let data = global.data_dir(&global.load()?.config);
            let bar = progress("rows");
            let mut tell = |done: u64, all: u64| {
                bar.set_length(all);
                bar.set_position(done);
            };
            let report = import_gazetteer::run(&args, &data, &mut tell, out);
            bar.finish_and_clear();
            report.map(|_| Exit::Well.into())
        }
        Verb::Owner(args) if args.changed => owner::run_changed(&global, &args, out).map(|()| Exit::Well.into()),
        Verb::Owner(args) => {
            let (data, bodies) = match global.load() {
                Ok(loaded) => (global.data_dir(&loaded.config), loaded.config.files.bodies.clone()),
                // A file of its own needs no configuration.
                Err(_) if args.layer.is_some() => (PathBuf::new(), PathBuf::new()),
                Err(ended) => return Err(ended.into()),
            };
            owner::run(&args, &data, &bodies, out).map(|()| Exit::Well.into())
        }
        Verb::Replay(args) => {
            let bar = progress("contacts");
            let mut tell = |done: u64, all: u64| {
                bar.set_length(all);
                bar.set_position(done);
            };
            let done = replay::run(&args, &global, &mut tell, out);
            bar.finish_and_clear();
            done.map(|()| Exit::Well.into())
        }
        Verb::Backup(args) => backup::backup(&args, &backup::data_dir(&global)?, out).map(u8::from),
        Verb::Restore(args) => backup::restore(&args, out).map(u8::from),
        Verb::Log { verb } => {
            let (data, zone) = log_place(&global)?;
            let again = || {
                std::thread::sleep(FOLLOW_EVERY);
                true
            };
            match verb {
                LogVerb::Export(args) => keeping::export(&args, &global, &data, &zone, out).map(u8::from),
                LogVerb::Erase(args) => keeping::erase(&args, &global, &data, out).map(u8::from),
                LogVerb::Hold(args) => keeping::hold(&args, &global, &data, out).map(u8::from),
                LogVerb::Heads(args) => keeping::heads(&args, &data, out).map(u8::from),
                LogVerb::Verify(args) => log::run_verify(&args, &data, out),
                LogVerb::Tail(args) => log::run_tail(&args, &data, &zone, out, again),
            }
        }
        Verb::Convert(args) => convert::run(&args, &mut std::io::stdin().lock(), out).map(|_| Exit::Well.into()),
    }
}
