//! `callout import gazetteer`: where postcodes, properties (UPRN) and streets (USRN, names) are, from what Ordnance
//! Survey, the ONS or the council publish.

use crate::landbook::gazetteer::{self, GazetteerReport, Gazetteers, Kind, ReadOptions};
use crate::landbook::layer::Crs;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `callout import gazetteer`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ImportGazetteerArgs {
    /// OS Open UPRN, OS Open USRN, Code-Point Open, the ONS postcode directory, OS Open Names (each as its zip), the
    /// council's own map file of streets, or a CSV with easting and northing, or lat and lon
    #[arg(required_unless_present = "list")]
    pub file: Option<PathBuf>,
    /// What it says the places of
    #[arg(long, value_enum, required_unless_present = "list")]
    pub kind: Option<Kind>,
    /// The gazetteer's name, as people say it: "OS Open UPRN"
    #[arg(long, required_unless_present = "list")]
    pub name: Option<String>,
    /// The day for which it is true, YYYY-MM-DD
    #[arg(long, required_unless_present = "list")]
    pub date: Option<jiff::civil::Date>,
    /// Its terms of use
    #[arg(long, required_unless_present = "list")]
    pub licence: Option<String>,
    /// Only what lies in this box, in metres of the National Grid
    #[arg(
        long,
        value_name = "WEST,SOUTH,EAST,NORTH",
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true
    )]
    pub within: Vec<f64>,
    /// The table of a GeoPackage, or the file of a zip, where there are several
    #[arg(long, value_name = "NAME")]
    pub part: Option<String>,
    /// The column with the code or the street's name, where it is not found by itself
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// The column with the town that tells streets of one name apart
    #[arg(long, value_name = "FIELD")]
    pub town_field: Option<String>,
    /// The file's coordinates, where it does not say, or says wrong
    #[arg(long, value_enum)]
    pub crs: Option<Crs>,
    /// Check and report only
    #[arg(long)]
    pub dry_run: bool,
    /// Take it though it has less than half of the entries of the one before
    #[arg(long, value_name = "REASON")]
    pub accept_change: Option<String>,
    /// Show the gazetteers that there are
    #[arg(long, conflicts_with = "file")]
    pub list: bool,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// A new gazetteer with less than this part of the old one's entries is held back.
const SHRINK_MAX: f64 = 0.5;

/// Where gazetteers are kept under the data directory.
pub fn gazetteers_dir(data: &Path) -> PathBuf {
    data.join("gazetteers")
}

/// Imports a gazetteer into `data`/gazetteers and writes the report to `out`; or lists.
///
/// The old one of the kind stays in force until the new one is written, read back and found sound.
pub fn run(
    args: &ImportGazetteerArgs,
    data: &Path,
    progress: &mut dyn FnMut(u64, u64),
    out: &mut dyn Write,
) -> Result<Option<GazetteerReport>> {
    let dir = gazetteers_dir(data);
    if args.list {
        return list(&dir, args.json, out).map(|()| None);
    }
    let (Some(file), Some(kind), Some(name), Some(date), Some(licence)) =
        (&args.file, args.kind, &args.name, args.date, &args.licence)
    else {
        bail!("say the file, --kind, --name, --date and --licence");
    };
    let within = match args.within[..] {
        [] => None,
        [west, south, east, north] if west < east && south < north => Some([west, south, east, north]),
        _ => bail!("--within wants four numbers in metres, west and south first: 345000,320000,355000,330000"),
    };
    let options = ReadOptions {
        kind,
        name: name.clone(),
        date: date.to_string(),
        licence: licence.clone(),
        within,
        part: args.part.clone(),
        field: args.field.clone(),
        town_field: args.town_field.clone(),
        crs: args.crs,
    };
    let (made, report) =
        gazetteer::read(file, &options, progress).with_context(|| format!("cannot import {}", file.display()))?;
    let old = gazetteer::load(&gazetteer::path_of(&dir, kind)).ok().map(|old| old.len());
    if let Some(old) = old
        && (made.len() as f64) < SHRINK_MAX * old as f64
        && !args.dry_run
        && args.accept_change.as_ref().is_none_or(|reason| reason.trim().is_empty())
    {
        bail!(
            "{report}it has {} entries, the one in force has {old}: the old one is kept. Look at the file; where it is \
             right, say --accept-change \"why\"",
            made.len()
        );
    }
    let written = if args.dry_run { None } else { Some(gazetteer::write(&dir, &made)?) };
    if args.json {
        let written = written.as_ref().map(|path| path.display().to_string());
        let shown = json!({ "gazetteer": made.meta, "report": report, "written": written });
        serde_json::to_writer_pretty(&mut *out, &shown)?;
        writeln!(out)?;
        return Ok(Some(report));
    }
    write!(out, "{report}")?;
    match written {
        Some(path) => writeln!(
            out,
            "{kind} gazetteer written to {}; a running callout takes it over when told to read its files again \
             (systemctl reload callout)",
            path.display()
        )?,
        None => writeln!(out, "dry run: nothing written")?,
    }
    Ok(Some(report))
}

fn list(dir: &Path, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let (gazetteers, problems) = Gazetteers::load_all(dir);
    let metas: Vec<_> = gazetteers.metas().collect();
    if as_json {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        serde_json::to_writer_pretty(&mut *out, &json!({ "gazetteers": metas, "problems": problems }))?;
        return writeln!(out).context("cannot write the list");
    }
    for meta in &metas {
        writeln!(
            out,
            "{:<9} {}  {} entries, {}, from {}",
            meta.kind.word(),
            meta.date,
            meta.entries,
            meta.name,
            meta.source
        )?;
    }
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    if metas.is_empty() && problems.is_empty() {
        writeln!(out, "no gazetteers; callout import gazetteer FILE --kind KIND brings one")?;
    }
    Ok(())
}
