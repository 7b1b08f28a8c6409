//! `callout log export`, `erase`, `hold` and `heads`: copies of the record, erasures, legal holds, signatures.
//!
//! Each is a record itself. With a daemon running it is told, with none the record is made here, by the same rules.

use super::client::{Client, user};
use super::{Ended, Exit, Global};
use crate::clock::Clock;
use crate::daemon::engine::{DETAILS_DIR, EngineError, LOG_DIR};
use crate::daemon::offline::{self, OfflineError};
use crate::domain::event::{Answer, Author, DetailClass, Event, Sealed, Via};
use crate::domain::id::{ContactId, IncidentId, Seq};
use crate::domain::keeping::{Covered, SignedHead};
use crate::domain::time::{Timestamp, resolve};
use crate::keys::random_bytes;
use crate::log::OpenError;
use crate::log::export::select::{Selection, records};
use crate::log::export::table::{self, Format};
use crate::log::export::{About, Exported, Profile, archive, walk};
use crate::log::heads::{HeadKey, PUBLIC_FILE, is_genuine};
use crate::log::tail;
use anyhow::{Context as _, Result, bail};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `callout log export`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// The file to write: .zip for an archive that can be checked, .csv or .jsonl for a table to read
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// For whom: public, foi, police, full
    #[arg(long, default_value = "full", value_parser = profile)]
    pub profile: Profile,
    /// Only what belongs to this incident, e.g. INC-42
    #[arg(long, conflicts_with_all = ["from", "to", "contacts"])]
    pub incident: Option<IncidentId>,
    /// Only from then on: a day, or an instant like 2026-11-22T02:00:00Z
    #[arg(long)]
    pub from: Option<String>,
    /// Only up to then: a day (included), or an instant
    #[arg(long)]
    pub to: Option<String>,
    /// Only these contacts: what is kept of one person
    #[arg(long = "contact", value_name = "C-NUMBER", conflicts_with_all = ["from", "to"])]
    pub contacts: Vec<ContactId>,
    /// Why the copy is taken; stands in the record
    #[arg(long, default_value = "no reason given")]
    pub why: String,
    /// Answers in JSON
    #[arg(long)]
    pub json: bool,
}

fn profile(word: &str) -> Result<Profile, String> {
    Profile::parse(word).ok_or_else(|| "one of public, foi, police, full".to_owned())
}

/// Arguments of `callout log erase`.
#[derive(Debug, Clone, clap::Args)]
pub struct EraseArgs {
    /// A contact (C-20418), or an incident (INC-42), for which a second person must ask too
    pub subject: String,
    /// Why; stands in the record
    #[arg(long)]
    pub why: String,
}

/// Arguments of `callout log hold`.
#[derive(Debug, Clone, clap::Args)]
pub struct HoldArgs {
    #[command(subcommand)]
    verb: HoldVerb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum HoldVerb {
    /// Place a hold on a contact, an incident, or everything
    Place {
        /// C-20418, INC-42 or everything
        on: String,
        /// Why; stands in the record
        #[arg(long)]
        why: String,
    },
    /// Lift a hold
    Lift {
        /// The number of its entry
        hold: u64,
        /// Why; stands in the record
        #[arg(long)]
        why: String,
    },
}

/// Arguments of `callout log heads`.
#[derive(Debug, Clone, clap::Args)]
pub struct HeadsArgs {
    /// Answers in JSON, one head a line
    #[arg(long)]
    pub json: bool,
}

/// Records an event through the daemon, or here when none runs.
///
/// * `path`, `body`: how the daemon is told; `subject` and `event`: what is decided here otherwise.
fn tell(
    global: &Global,
    data: &Path,
    (path, body): (&str, Value),
    subject: Option<&str>,
    event: impl FnOnce(Covered) -> Event,
) -> Result<Value> {
    let log = data.join(LOG_DIR);
    if !log.is_dir() {
        bail!(
            "there is no log in {} (has `callout serve` run here? --data names another data directory)",
            log.display()
        );
    }
    match offline::record(data, &Clock::System, subject, event) {
        Ok(Answer::Entry(seq)) => Ok(json!({ "entry": seq })),
        Ok(Answer::Erasure { entry, erased_n }) => Ok(json!({ "entry": entry, "erased": erased_n })),
        Ok(Answer::Refused(why)) => Err(Ended::new(Exit::Failed, format!("refused: {why}")).into()),
        Ok(other) => bail!("the core answered something else than was asked: {other:?}"),
        Err(OfflineError::Engine(EngineError::Open(OpenError::Held { .. }))) => {
            Client::connect(global)?.post(path, &body)
        }
        Err(error) => Err(error.into()),
    }
}

fn me() -> Author {
    Author { who: format!("{} at the command line", user()), via: Via::Command }
}

fn seal(why: &str) -> Result<Sealed> {
    Ok(Sealed::new(random_bytes()?, DetailClass::Incident, serde_json::to_vec(&json!({ "text": why }))?))
}

fn entry(answer: &Value) -> Result<Seq> {
    answer["entry"].as_u64().map(Seq).context("the daemon did not say which entry it made")
}

/// A day or an instant; a day as an end means its last moment.
fn instant(text: &str, zone: &TimeZone, end: bool) -> Result<Timestamp> {
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let day = if end { day.tomorrow()? } else { day };
        return Ok(resolve(day.to_datetime(jiff::civil::Time::midnight()), zone));
    }
    text.parse()
        .with_context(|| format!("\"{text}\" is neither a day (2026-11-22) nor an instant (2026-11-22T02:00:00Z)"))
}

/// Runs `log export`.
///
/// # Errors
/// When the log cannot be read or recorded in, or the file not written.
pub fn export(args: &ExportArgs, global: &Global, data: &Path, zone: &TimeZone, out: &mut dyn Write) -> Result<Exit> {
    let selection = match (&args.incident, &args.from, &args.to) {
        (Some(incident), ..) => Selection::Incident(*incident),
        (None, None, None) if args.contacts.is_empty() => Selection::Whole,
        (None, None, None) => Selection::Contacts(args.contacts.clone()),
        (None, from, to) => Selection::Period {
            from: from.as_deref().map_or(Ok(Timestamp::MIN), |text| instant(text, zone, false))?,
            to: to.as_deref().map_or(Ok(Timestamp::MAX), |text| instant(text, zone, true))?,
        },
    };
    let ending = args.out.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let format = match ending {
        "csv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        _ => None,
    };
    let body = json!({ "profile": args.profile.as_str(), "selection": selection.to_string(), "why": args.why });
    let why = seal(&args.why)?;
    let answer = tell(global, data, ("/api/v1/record/exports", body), None, |_| Event::LogExported {
        profile: args.profile.as_str().to_owned(),
        selection: selection.to_string(),
        by: me(),
        why,
    })?;
    let until = entry(&answer)?;
    let (log, details) = (data.join(LOG_DIR), data.join(DETAILS_DIR));
    let wanted = records(&selection, &log, until)?;
    let told = match format {
        None => {
            let key = HeadKey::open_or_create(data).context("the export is signed")?;
            let about = About {
                profile: args.profile,
                selection: selection.to_string(),
                by: me().who,
                at: Clock::System.now(),
                entry: Some(until),
            };
            archive((&log, &details), wanted.as_ref(), until, &about, &key, &args.out)?
        }
        Some(format) => {
            let mut options = std::fs::File::options();
            options.write(true).create(true).truncate(true);
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&args.out).with_context(|| format!("writing {}", args.out.display()))?;
            let mut file = std::io::BufWriter::new(file);
            table::write((&log, &details), wanted.as_ref(), until, args.profile, zone, format, &mut file)?
        }
    };
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&told)?)?;
        return Ok(Exit::Well);
    }
    let Exported { entries, details, lines_in_part, details_absent, head } = told;
    writeln!(out, "{}: {entries} entries, {details} details, head {head}", args.out.display())?;
    writeln!(out, "The export is entry {until} of the record.")?;
    for sentence in args.profile.left_out() {
        writeln!(out, "{sentence}")?;
    }
    if lines_in_part + details_absent > 0 {
        writeln!(
            out,
            "Left out in all: parts of {lines_in_part} lines, the details of {details_absent} entries (erased, or not for this)."
        )?;
    }
    if format.is_none() {
        writeln!(out, "To check it: python3 tools/verify_log.py {}", args.out.display())?;
    }
    Ok(Exit::Well)
}

/// Runs `log erase`.
///
/// # Errors
/// When it is refused, or cannot be recorded.
pub fn erase(args: &EraseArgs, global: &Global, data: &Path, out: &mut dyn Write) -> Result<Exit> {
    if args.subject.parse::<ContactId>().is_err() && args.subject.parse::<IncidentId>().is_err() {
        let words = format!("\"{}\" is neither a contact (C-20418) nor an incident (INC-42)", args.subject);
        return Err(Ended::new(Exit::Usage, words).into());
    }
    let body = json!({ "subject": args.subject, "why": args.why });
    let why = seal(&args.why)?;
    let answer =
        tell(global, data, ("/api/v1/record/erasures", body), Some(&args.subject), |covered| Event::ErasureAsked {
            subject: args.subject.clone(),
            of: covered.of,
            seqs: covered.seqs,
            incident_texts: covered.incident_texts,
            by: me(),
            why,
        })?;
    let (entry, subject) = (entry(&answer)?, &args.subject);
    match answer["erased"].as_u64().unwrap_or(0) {
        0 => writeln!(
            out,
            "Entry {entry}: the erasure of {subject} is asked for. These are words of an incident: a second person must \
             ask for it within 14 days. Nothing is erased yet."
        )?,
        n => writeln!(out, "Entry {entry}: the details of {n} entries of {subject} are erased. The log stays whole.")?,
    }
    Ok(Exit::Well)
}

/// Runs `log hold`.
///
/// # Errors
/// When it is refused, or cannot be recorded.
pub fn hold(args: &HoldArgs, global: &Global, data: &Path, out: &mut dyn Write) -> Result<Exit> {
    match &args.verb {
        HoldVerb::Place { on, why } => {
            let sealed = seal(why)?;
            let on_known = on == crate::domain::keeping::EVERYTHING
                || on.parse::<ContactId>().is_ok()
                || on.parse::<IncidentId>().is_ok();
            if !on_known {
                return Err(
                    Ended::new(Exit::Usage, format!("\"{on}\" cannot be held: C-20418, INC-42 or everything")).into()
                );
            }
            let told = ("/api/v1/record/holds", json!({ "on": on, "why": why }));
            let answer =
                tell(global, data, told, None, |_| Event::HoldPlaced { on: on.clone(), by: me(), why: sealed })?;
            writeln!(out, "Hold {} on {on}: nothing of it is erased until it is lifted.", entry(&answer)?)?;
        }
        HoldVerb::Lift { hold, why } => {
            let sealed = seal(why)?;
            let path = format!("/api/v1/record/holds/{hold}/lift");
            let told = (path.as_str(), json!({ "why": why }));
            let lifted = |_| Event::HoldLifted { hold: Seq(*hold), by: me(), why: sealed };
            tell(global, data, told, None, lifted)?;
            writeln!(out, "Hold {hold} is lifted.")?;
        }
    }
    Ok(Exit::Well)
}

/// Runs `log heads`.
///
/// # Errors
/// When the log cannot be read.
pub fn heads(args: &HeadsArgs, data: &Path, out: &mut dyn Write) -> Result<Exit> {
    let log = data.join(LOG_DIR);
    let last = tail::last(&log, 1).with_context(|| format!("the log in {} cannot be read", log.display()))?;
    let until = last.first().map_or(Seq(0), |last| last.seq);
    let mut found = Vec::new();
    walk(&log, None, until, |logged| {
        if logged.record.starts_with("{\"type\":\"head_signed\"") {
            found.extend(serde_json::from_str::<SignedHead>(&logged.record).ok());
        }
        Ok(())
    })?;
    let mut bad = 0;
    for head in &found {
        let genuine = is_genuine(head);
        bad += u32::from(!genuine);
        if args.json {
            let mut line = json!(head);
            line["genuine"] = genuine.into();
            writeln!(out, "{line}")?;
        } else {
            let words = if genuine { "" } else { "  NOT GENUINE" };
            writeln!(out, "{:>10}  {}  {}{words}", head.head.0, head.signed_at, head.hash)?;
        }
    }
    if !args.json {
        let n = found.len();
        writeln!(out, "{n} signed head{}; the log ends at entry {until}.", if n == 1 { "" } else { "s" })?;
        if let Ok(key) = std::fs::read_to_string(data.join(PUBLIC_FILE)) {
            write!(out, "{key}")?;
        }
    }
    Ok(if bad == 0 { Exit::Well } else { Exit::Failed })
}
