//! `callout backup` and `callout restore`: a copy of the data directory while the daemon runs, and the way back.

use super::{Ended, Exit, Global};
use crate::clock::Clock;
use crate::daemon::app::LAYERS_DIR;
use crate::daemon::engine::{self, DETAILS_DIR, LOG_DIR, Storage};
use crate::domain::id::{ContactId, IncidentId, Seq};
use crate::domain::keeping::SignedHead;
use crate::log::backup::{self, Copied};
use crate::log::details::Details;
use crate::log::export::walk;
use crate::log::heads::{HeadKey, is_genuine};
use crate::log::verify::verify;
use crate::log::{Hash, erasure};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is copied beside log, details and layers, where it is there.
const FILES: [&str; 5] = ["keys/installation.key", "keys/head.key", "keys/head.pub", "tokens.json", "users.json"];

/// Arguments of `callout backup`.
#[derive(Debug, Clone, clap::Args)]
pub struct BackupArgs {
    /// Where the copy is kept; only what is new is written. On another disk, and as safe as the original
    pub dir: PathBuf,
    /// Answers in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `callout restore`.
#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArgs {
    /// The backup
    pub dir: PathBuf,
    /// The data directory to make; it must not be there, or be empty. Any place, to try it out
    #[arg(long)]
    pub to: PathBuf,
    /// A signed head as it was mailed: the backup must have it
    #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
    pub head: Option<(u64, Hash)>,
    /// A file of contacts and incidents, one a line, erased since the backup was made: they are erased in it too
    #[arg(long, value_name = "FILE")]
    pub erased: Option<PathBuf>,
}

fn head(text: &str) -> Result<(u64, Hash), String> {
    let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.parse().ok()?)));
    parts.ok_or_else(|| "the entry's number, a colon, 64 hexadecimal digits".to_owned())
}

/// Runs `callout backup`.
///
/// # Errors
/// When a file cannot be read or written, or the directory has a backup of another log.
pub fn backup(args: &BackupArgs, data: &Path, out: &mut dyn Write) -> Result<Exit> {
    let (log, details) = (data.join(LOG_DIR), data.join(DETAILS_DIR));
    if !log.is_dir() {
        bail!("there is no log in {}; --data names another data directory", data.display());
    }
    fs::create_dir_all(&args.dir).with_context(|| format!("making {}", args.dir.display()))?;
    backup::private(&args.dir)?;
    let to = (args.dir.join(LOG_DIR), args.dir.join(DETAILS_DIR));
    let copied = backup::copy((&log, &details), (&to.0, &to.1))
        .with_context(|| format!("copying {} to {}", data.display(), args.dir.display()))?;
    beside(data, &args.dir)?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&copied)?)?;
        return Ok(Exit::Well);
    }
    let Copied { head, hash, files, bytes } = copied;
    writeln!(out, "{}: the record up to entry {head}, head {hash}", args.dir.display())?;
    writeln!(out, "{files} files were new or had grown, {:.1} MB.", bytes as f64 / 1e6)?;
    writeln!(out, "It holds personal data and the keys. Your configuration directory is not in it: copy that too.")?;
    Ok(Exit::Well)
}

/// Copies keys, tokens, users and layers.
fn beside(from: &Path, to: &Path) -> Result<()> {
    let mut names: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    if let Ok(layers) = fs::read_dir(from.join(LAYERS_DIR)) {
        for layer in layers {
            names.push(Path::new(LAYERS_DIR).join(layer?.file_name()));
        }
    }
    for name in names {
        let source = from.join(&name);
        if source.is_file() {
            let bytes = fs::read(&source).with_context(|| format!("reading {}", source.display()))?;
            crate::keys::replace_private(&to.join(&name), &bytes)
                .with_context(|| format!("writing {}", to.join(&name).display()))?;
        }
    }
    Ok(())
}

/// Runs `callout restore`: checks everything first, and makes nothing when the backup is not sound.
///
/// # Errors
/// When the backup is damaged, ends before the given head, has a head that is not genuine, or cannot be copied.
pub fn restore(args: &RestoreArgs, out: &mut dyn Write) -> Result<Exit> {
    if fs::read_dir(&args.to).is_ok_and(|mut files| files.next().is_some()) {
        let words = format!("{} is not empty: move it aside first, and keep it for evidence", args.to.display());
        return Err(Ended::new(Exit::Usage, words).into());
    }
    let log = args.dir.join(LOG_DIR);
    let report = verify(&log).with_context(|| format!("reading the backup's log in {}", log.display()))?;
    if let Some(damage) = &report.damage {
        bail!("this backup is not sound: {damage}");
    }
    writeln!(out, "{} records, the chain is whole, head {}", report.records, report.head)?;
    check_heads(args, &log, Seq(report.records), out)?;

    // Made beside and renamed, so that an interrupted restore never looks like a data directory.
    let draft = PathBuf::from(format!("{}.restoring", args.to.display()));
    if draft.exists() {
        fs::remove_dir_all(&draft).with_context(|| format!("removing {}, left by an earlier try", draft.display()))?;
    }
    fs::create_dir_all(&draft).with_context(|| format!("making {}", draft.display()))?;
    backup::private(&draft)?;
    let details = args.dir.join(DETAILS_DIR);
    backup::copy((&log, &details), (&draft.join(LOG_DIR), &draft.join(DETAILS_DIR)))?;
    beside(&args.dir, &draft)?;
    // Opening it checks the chain once more, and erases again what the log says was erased.
    let opened = engine::open(&draft, &Storage::default(), &Clock::System).context("opening what was restored")?;
    let erased_n = opened.state.keeping.erased.len();
    let mut store = opened.details;
    if let Some(list) = &args.erased {
        erase(list, &draft, &mut store, out)?;
    }
    drop((store, opened.log));
    if args.to.exists() {
        fs::remove_dir(&args.to).with_context(|| format!("{} is in the way", args.to.display()))?;
    }
    fs::rename(&draft, &args.to).with_context(|| format!("naming it {}", args.to.display()))?;
    writeln!(out, "Restored to {}. Details of {erased_n} entries stay erased, as the record says.", args.to.display())?;
    writeln!(out, "Before you start it: what was announced and has no outcome in this copy is sent again.")?;
    Ok(Exit::Well)
}

/// Checks each signed head of the backup, and the one that was mailed.
fn check_heads(args: &RestoreArgs, log: &Path, last: Seq, out: &mut dyn Write) -> Result<()> {
    let mut heads: Vec<SignedHead> = Vec::new();
    let mut lines: BTreeMap<Seq, Hash> = BTreeMap::new();
    walk(log, None, last, |logged| {
        if logged.record.starts_with("{\"type\":\"head_signed\"") {
            heads.extend(serde_json::from_str::<SignedHead>(&logged.record).ok());
        }
        Ok(())
    })?;
    let wanted: std::collections::BTreeSet<Seq> =
        heads.iter().map(|head| head.head).chain(args.head.map(|(seq, _)| Seq(seq))).collect();
    walk(log, Some(&wanted.iter().copied().collect()), last, |logged| {
        lines.insert(logged.seq, logged.hash);
        Ok(())
    })?;
    for head in &heads {
        let same = lines.get(&head.head).is_some_and(|hash| hash.to_string() == head.hash);
        if !same || !is_genuine(head) {
            bail!("this backup is not sound: the signed head of record {} does not fit it", head.head);
        }
    }
    if args.dir.join(crate::log::heads::KEY_FILE).exists() {
        let key = HeadKey::open_or_create(&args.dir)?.public();
        if heads.last().is_some_and(|head| head.key != key) {
            writeln!(out, "note: the newest signed head is by another key than the one in the backup")?;
        }
    }
    if let Some((seq, hash)) = args.head {
        match lines.get(&Seq(seq)) {
            Some(found) if *found == hash => writeln!(out, "It has the head that was mailed, of entry {seq}.")?,
            Some(_) => bail!("entry {seq} is not the one whose head was mailed: this log was written anew"),
            None => bail!("the backup ends at entry {last}, before entry {seq} whose head was mailed"),
        }
    }
    writeln!(out, "{} signed heads, all genuine.", heads.len())?;
    Ok(())
}

/// Erases what a list names, beyond what the restored log says. The log is not touched: it cannot know of it yet.
fn erase(list: &Path, data: &Path, store: &mut Details, out: &mut dyn Write) -> Result<()> {
    let text = fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
    for (n, subject) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        if subject.parse::<ContactId>().is_err() && subject.parse::<IncidentId>().is_err() {
            bail!("{}, line {}: \"{subject}\" is neither a contact nor an incident", list.display(), n + 1);
        }
        let covered = erasure::covered(&data.join(LOG_DIR), &data.join(DETAILS_DIR), subject)?;
        let erased = store.erase(&covered.seqs.iter().collect())?;
        writeln!(out, "{subject}: {erased} details erased")?;
    }
    Ok(())
}

/// The data directory of `backup`, which must work when the configuration does not.
///
/// # Errors
/// When neither the configuration nor `--data` says where it is.
pub fn data_dir(global: &Global) -> Result<PathBuf, Ended> {
    match (&global.data, global.load()) {
        (Some(data), _) => Ok(data.clone()),
        (None, loaded) => loaded.map(|loaded| global.data_dir(&loaded.config)),
    }
}
