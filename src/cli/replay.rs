//! `callout replay`: contacts of the past through the same core, with time moved from deadline to deadline; nothing is
//! sent and nothing is kept. It says what would have fired, when and why, so that a rule can be tried on last year
//! before it wakes somebody.
//!
//! With `--topic-from COLUMN` each value of that column is a topic, watched by one floor rule. Without it the council's
//! own keywords and playbooks decide, as if every page had been answered at once and every incident stood down when its
//! signals were quiet again.
//!
//! `replay streams` runs the volume detector alone over count series.

mod core;
mod incidents;
mod past;
mod reports;
mod series;
mod streams;

use super::Global;
use crate::domain::policy::Floors;
use crate::domain::time::{SignedDuration, Timestamp};
use crate::intake::columns::Mapping;
use anyhow::{Context as _, Result, bail};
use core::{Fired, Replayed};
use incidents::Measured;
use jiff::tz::TimeZone;
use past::{How, Past, Read};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `callout replay`.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ReplayArgs {
    /// One detector over a set of data, to measure it
    #[command(subcommand)]
    pub set: Option<ReplaySet>,
    /// Contacts of the past: CSV with a header line or NDJSON, plain or .gz
    #[arg(value_name = "FILE", required = true)]
    pub file: Option<PathBuf>,
    /// The column whose values are the topics; each is watched by the rule. Without it: the council's keywords and playbooks
    #[arg(long, value_name = "COLUMN")]
    pub topic_from: Option<String>,
    /// A column mapping, as `import contacts` takes it; --topic-from may then name a field, such as tags
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// The column with the time received [default: the first of received_at, local_time, time, timestamp, created]
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// The zone of times without an offset [default: the council's, else Europe/London]
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// The floor rule of each topic: so many contacts in so long
    #[arg(long, value_name = "RULE", default_value = "5 in 60m")]
    pub rule: String,
    /// A second floor rule of each topic, for contacts close together, e.g. "3 within 1000 in 60m" (metres)
    #[arg(long, value_name = "RULE")]
    pub cluster: Option<String>,
    /// Only this topic (may be given again); capitals and what is not a letter or digit do not matter
    #[arg(long, value_name = "TOPIC")]
    pub only: Vec<String>,
    /// Another callout.toml: the same contacts by its settings, keywords and playbooks, side by side
    #[arg(long, value_name = "FILE", conflicts_with = "topic_from")]
    pub against: Option<PathBuf>,
    /// Incidents that you know of: a CSV with the columns from and to. Tells how many were found, how soon, and the false alarms a year
    #[arg(long, value_name = "FILE")]
    pub incidents: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// The detectors that can be run over a set of data.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum ReplaySet {
    /// The volume detector over count series
    Streams(streams::StreamsArgs),
    /// The cluster scan over cities of located reports
    Reports(reports::ReportsArgs),
}

/// What the whole run came to.
#[derive(Debug, Serialize)]
struct Report<'a> {
    contacts: usize,
    refused: usize,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    detectors: &'static str,
    fired: &'a [Fired],
    fired_by_month: BTreeMap<String, usize>,
    busiest_days: Vec<Day>,
    /// Against the incidents that were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<Measured>,
    /// The same by the other settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against<'a>>,
}

/// What the other settings came to.
#[derive(Debug, Serialize)]
struct Against<'a> {
    settings: String,
    fired: &'a [Fired],
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<Measured>,
}

/// A day of one topic.
#[derive(Debug, Clone, Serialize)]
struct Day {
    day: String,
    topic: String,
    contacts: usize,
    /// The topic's usual day: the median of the days of the file.
    usual: usize,
    /// When it would have fired first on that day.
    first_fired: Option<Timestamp>,
}

/// Days shown.
const DAYS_SHOWN: usize = 20;
/// Alarms shown on a terminal; all are in the JSON.
const FIRED_SHOWN: usize = 60;

/// "60m", "90s", "2h"
fn duration(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at(text.len().checked_sub(1)?);
    let number: i64 = number.trim().parse().ok().filter(|n| *n > 0)?;
    match unit {
        "s" => Some(SignedDuration::from_secs(number)),
        "m" => Some(SignedDuration::from_mins(number)),
        "h" => Some(SignedDuration::from_hours(number.min(1_000))),
        _ => None,
    }
}

/// "5 in 60m"
fn surge_rule(text: &str) -> Option<(u32, SignedDuration)> {
    let (reports, within) = text.split_once(" in ")?;
    Some((reports.trim().parse().ok().filter(|n| *n >= 2)?, duration(within.trim())?))
}

/// "3 within 1000 in 60m"
fn cluster_rule(text: &str) -> Option<(u32, u32, SignedDuration)> {
    let (reports, rest) = text.split_once(" within ")?;
    let (metres, within) = rest.split_once(" in ")?;
    Some((reports.trim().parse().ok()?, metres.trim().trim_end_matches('m').parse().ok()?, duration(within.trim())?))
}

/// Does it; `tell` hears how many contacts are done, of how many.
///
/// # Errors
/// The file cannot be read, a column is missing, a rule is not one, or the configuration is needed and wrong.
pub fn run(args: &ReplayArgs, global: &Global, tell: &mut dyn FnMut(u64, u64), out: &mut dyn Write) -> Result<()> {
    match &args.set {
        Some(ReplaySet::Streams(args)) => return streams::run(args, tell, out),
        Some(ReplaySet::Reports(args)) => return reports::run(args, tell, out),
        None => {}
    }
    let Some(file) = &args.file else { bail!("which file? See `callout replay --help`") };
    let loaded = global.load();
    let council_zone = loaded.as_ref().ok().and_then(|loaded| loaded.config.deciding.zone());
    let mapping = match &args.mapping {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Mapping::parse(&text).with_context(|| path.display().to_string())?
        }
        None => Mapping::default(),
    };
    let zone = match (&args.zone, &mapping.zone, council_zone) {
        (Some(name), _, _) => TimeZone::get(name).with_context(|| format!("there is no time zone \"{name}\""))?,
        (None, Some(zone), _) => zone.clone(),
        (None, None, Some(zone)) => zone,
        (None, None, None) => TimeZone::get("Europe/London")?,
    };
    let Some((reports, within)) = surge_rule(&args.rule) else {
        bail!("\"{}\" is not a rule; write it like \"5 in 60m\" (at least 2)", args.rule);
    };
    let cluster = match args.cluster.as_deref() {
        None => None,
        Some(text) => match cluster_rule(text) {
            Some(rule) => Some(rule),
            None => bail!("\"{text}\" is not a rule; write it like \"3 within 1000 in 60m\" (metres)"),
        },
    };
    let keywords = match (&args.topic_from, &loaded) {
        (Some(_), _) => None,
        (None, Ok(loaded)) => Some(&loaded.policy.keywords),
        (None, Err(ended)) => bail!("{}\nor give --topic-from COLUMN, which needs no configuration", ended.message),
    };
    let how =
        How { topic_from: args.topic_from.as_deref(), time: args.time.as_deref(), zone: &zone, keywords, mapping };
    let read = past::read(file, how)?;
    let Read { mut past, refused, first_refused } = read;
    let only: Vec<String> = args.only.iter().map(|topic| past::slug(topic)).collect();
    if !only.is_empty() {
        past.retain(|contact| contact.topics.iter().any(|topic| only.contains(topic)));
    }
    if past.is_empty() {
        bail!("{} has no contact that could be read{}", file.display(), first_refused.unwrap_or_default());
    }
    past.sort_by_key(|contact| contact.at);
    let mut replayed = Replayed::default();
    if args.topic_from.is_some() {
        let floors = Floors { surge_reports: reports, surge_within: within, ..Floors::default() };
        core::by_topic(&past, &floors, cluster, tell, &mut replayed)?;
    } else if let Ok(loaded) = &loaded {
        core::by_policy(&past, &loaded.documents, tell, &mut replayed)?;
    }
    let by_time = |a: &Fired, b: &Fired| (a.at, &a.topic).cmp(&(b.at, &b.topic));
    replayed.fired.sort_by(by_time);
    let mut other = Replayed::default();
    if let Some(path) = &args.against {
        let loaded = crate::config::load(path).map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{} is no settings to compare with:\n{}", path.display(), told.join("\n"))
        })?;
        // Their own keywords find their own topics.
        let mapping = match &args.mapping {
            Some(path) => Mapping::parse(&std::fs::read_to_string(path)?)?,
            None => Mapping::default(),
        };
        let keywords = Some(&loaded.policy.keywords);
        let mut past =
            past::read(file, How { topic_from: None, time: args.time.as_deref(), zone: &zone, keywords, mapping })?
                .past;
        if !only.is_empty() {
            past.retain(|contact| contact.topics.iter().any(|topic| only.contains(topic)));
        }
        past.sort_by_key(|contact| contact.at);
        core::by_policy(&past, &loaded.documents, tell, &mut other)?;
        other.fired.sort_by(by_time);
    }
    let known = match &args.incidents {
        Some(path) => Some(incidents::read(path, &zone)?),
        None => None,
    };
    let span = past.first().zip(past.last()).map(|(first, last)| (first.at, last.at));
    // With a rule for each topic nobody is paged; every alarm counts.
    let measure = |fired: &[Fired]| {
        let pages = fired.iter().filter(|fired| fired.paged || args.topic_from.is_some()).map(|fired| fired.at);
        known.as_ref().zip(span).map(|(known, span)| incidents::measure(known, pages.collect(), span))
    };
    let report = Report {
        contacts: past.len(),
        refused,
        from: past.first().map(|contact| contact.at),
        to: past.last().map(|contact| contact.at),
        detectors: "floor rules and learnt volume",
        fired_by_month: by_month(&replayed.fired, &zone),
        busiest_days: busiest_days(&past, &replayed.fired, &zone),
        measured: measure(&replayed.fired),
        against: args.against.as_ref().map(|path| Against {
            settings: path.display().to_string(),
            fired: &other.fired,
            measured: measure(&other.fired),
        }),
        fired: &replayed.fired,
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    show(&report, first_refused, &zone, out)
}

fn show(report: &Report<'_>, refused: Option<String>, zone: &TimeZone, out: &mut dyn Write) -> Result<()> {
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %a %H:%M").to_string();
    writeln!(out, "{} contacts, {} alarms; nothing was sent.", report.contacts, report.fired.len())?;
    if let Some(first) = refused {
        writeln!(out, "{} rows were not read{first}", report.refused)?;
    }
    if let Some(measured) = &report.measured {
        writeln!(out, "\nAgainst the incidents that you know of, by what would have paged:")?;
        let other = report.against.as_ref().and_then(|against| against.measured.as_ref());
        incidents::show(measured, other, &local, out)?;
    }
    if let Some(against) = &report.against {
        writeln!(out, "\nSide by side, in the order of time (1 these settings, 2 {}):", against.settings)?;
        let paged = |fired: &&Fired| fired.paged;
        let count = |fired: &[Fired]| (fired.len(), fired.iter().filter(paged).count());
        let ((one, one_paged), (two, two_paged)) = (count(report.fired), count(against.fired));
        writeln!(out, "  1: {one} alarms, {one_paged} of them paged     2: {two} alarms, {two_paged} of them paged")?;
        let mut both: Vec<(u8, &Fired)> = report.fired.iter().map(|fired| (1, fired)).collect();
        both.extend(against.fired.iter().map(|fired| (2, fired)));
        both.sort_by_key(|(which, fired)| (fired.at, *which));
        let differs = |(which, fired): &(u8, &Fired)| {
            let others = if *which == 1 { against.fired } else { report.fired };
            !others.iter().any(|other| other.at == fired.at && other.topic == fired.topic && other.then == fired.then)
        };
        both.retain(differs);
        for (which, fired) in both.iter().take(FIRED_SHOWN) {
            let then = fired.then.as_deref().map_or_else(String::new, |then| format!("  -> {then}"));
            writeln!(out, "  {which} only  {}  {:<24} {}{then}", local(fired.at), fired.topic, fired.evidence)?;
        }
        if both.len() > FIRED_SHOWN {
            writeln!(out, "  ... and {} more that differ; --json has them all", both.len() - FIRED_SHOWN)?;
        }
        if both.is_empty() {
            writeln!(out, "  no difference: both would have done the same")?;
        }
    }
    writeln!(out, "\nThe busiest days of a topic (its usual day in brackets), and when it fired first:")?;
    for day in &report.busiest_days {
        let fired = day.first_fired.map_or_else(|| "did not fire".to_owned(), |at| format!("fired {}", local(at)));
        writeln!(out, "  {}  {:>4} ({:>3})  {:<32} {fired}", day.day, day.contacts, day.usual, day.topic)?;
    }
    writeln!(out, "\nAlarms a month:")?;
    for (month, n) in &report.fired_by_month {
        writeln!(out, "  {month}  {n:>5}")?;
    }
    writeln!(out, "\nWhat would have fired:")?;
    for fired in report.fired.iter().take(FIRED_SHOWN) {
        let then = fired.then.as_deref().map_or_else(String::new, |then| format!("  -> {then}"));
        writeln!(out, "  {}  {:<32} {}{then}", local(fired.at), fired.topic, fired.evidence)?;
    }
    if report.fired.len() > FIRED_SHOWN {
        writeln!(out, "  ... and {} more; --json has them all, --only TOPIC fewer", report.fired.len() - FIRED_SHOWN)?;
    }
    Ok(())
}

fn day_of(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

fn by_month(fired: &[Fired], zone: &TimeZone) -> BTreeMap<String, usize> {
    let mut months = BTreeMap::new();
    for fired in fired {
        *months.entry(fired.at.to_zoned(zone.clone()).strftime("%Y-%m").to_string()).or_default() += 1;
    }
    months
}

/// The days on which a topic stood highest above its usual day; of many topics the highest day of each.
fn busiest_days(past: &[Past], fired: &[Fired], zone: &TimeZone) -> Vec<Day> {
    let mut counts: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let mut all_days: BTreeMap<String, ()> = BTreeMap::new();
    for contact in past {
        let day = day_of(contact.at, zone);
        for topic in &contact.topics {
            *counts.entry(topic).or_default().entry(day.clone()).or_default() += 1;
        }
        all_days.insert(day, ());
    }
    let mut first: BTreeMap<(&str, String), Timestamp> = BTreeMap::new();
    for alarm in fired.iter().rev() {
        first.insert((&alarm.topic, day_of(alarm.at, zone)), alarm.at);
    }
    let each_once = counts.len() > 3;
    let mut days: Vec<Day> = Vec::new();
    for (topic, of_topic) in counts {
        let mut each: Vec<usize> = all_days.keys().map(|day| of_topic.get(day).copied().unwrap_or(0)).collect();
        each.sort_unstable();
        let usual = each[each.len() / 2];
        days.extend(of_topic.into_iter().map(|(day, contacts)| Day {
            first_fired: first.get(&(topic, day.clone())).copied(),
            day,
            topic: topic.to_owned(),
            contacts,
            usual,
        }));
    }
    // How many standard deviations of a count that is usual at that level; half a contact keeps rare topics in line.
    let height = |day: &Day| (day.contacts as f64 - day.usual as f64) / (day.usual as f64 + 1.0).sqrt();
    days.sort_by(|a, b| height(b).total_cmp(&height(a)).then_with(|| a.day.cmp(&b.day)));
    let mut seen = BTreeSet::new();
    days.retain(|day| !each_once || seen.insert(day.topic.clone()));
    days.truncate(DAYS_SHOWN);
    days
}
