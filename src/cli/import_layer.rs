//! `callout import layer`: a map file becomes a layer of the landbook, with a report of every fault; what looks like a
//! slip is held back, and a bad edition is undone.

use crate::config::Layers;
use crate::domain::id::BodyId;
use crate::domain::ownership::Bodies;
use crate::landbook::LandBook;
use crate::landbook::editions::{self, Edition};
use crate::landbook::gates::{self, Limits, Verdict};
use crate::landbook::import::{ImportOptions, import_file};
use crate::landbook::layer::Crs;
use crate::landbook::mapping;
use crate::landbook::report::ImportReport;
use crate::landbook::store;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `callout import layer`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ImportLayerArgs {
    /// The map file: GeoJSON, GML (INSPIRE), Shapefile (its .shp, or a zip of it), GeoPackage or CSV; in WGS84 or
    /// EPSG:27700
    #[arg(required_unless_present_any = ["list", "rollback"])]
    pub file: Option<PathBuf>,
    /// Which of its fields mean what, as TOML; see config/mappings/adopted-streets.toml. Flags win over it
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// The layer's id: small letters, digits, _ and -; the layer of this id is replaced
    #[arg(long)]
    pub id: Option<String>,
    /// What its features are: a kind of config/bodies.toml, such as adopted_highway
    #[arg(long)]
    pub kind: Option<String>,
    /// The layer's name, as people say it
    #[arg(long)]
    pub name: Option<String>,
    /// The day for which it is true, YYYY-MM-DD
    #[arg(long)]
    pub date: Option<jiff::civil::Date>,
    /// Its terms of use, shown with the map
    #[arg(long)]
    pub licence: Option<String>,
    /// The body responsible, where features do not name their own; without it the kind's body
    #[arg(long)]
    pub body: Option<String>,
    /// How far off its lines may be, in metres [default: 1]
    #[arg(long, value_name = "METRES")]
    pub accuracy: Option<f64>,
    /// The file's coordinates, where it does not say, or says wrong
    #[arg(long, value_enum)]
    pub crs: Option<Crs>,
    /// The table of a GeoPackage, or the file of a zip, where there are several
    #[arg(long, value_name = "NAME")]
    pub part: Option<String>,
    /// Lines and points become land so many metres to each side
    #[arg(long, value_name = "METRES")]
    pub buffer: Option<f64>,
    /// The field that is the feature's id; without it the id of the file's form, else the place in the file
    #[arg(long, value_name = "FIELD")]
    pub id_field: Option<String>,
    /// The field that is the feature's name [default: name]
    #[arg(long, value_name = "FIELD")]
    pub name_field: Option<String>,
    /// The field that names the feature's body
    #[arg(long, value_name = "FIELD")]
    pub body_field: Option<String>,
    /// The field that names the feature's kind
    #[arg(long, value_name = "FIELD")]
    pub kind_field: Option<String>,
    /// Check, compare and report only
    #[arg(long)]
    pub dry_run: bool,
    /// Take it though it differs much from the edition before; the reason is kept with the layer
    #[arg(long, value_name = "REASON")]
    pub accept_change: Option<String>,
    /// Show every layer and its earlier editions
    #[arg(long, conflicts_with_all = ["file", "rollback"])]
    pub list: bool,
    /// Put the edition before back into force
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub rollback: Option<String>,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// What the running daemon does not see by itself.
const RELOAD: &str = "a running callout takes it over when told to read its files again (systemctl reload callout)";

/// Imports the layer into `data`/layers and writes the report to `out`; or lists, or rolls back.
///
/// * `bodies`: the path of `config/bodies.toml`; kinds and bodies named must be in it.
/// * `limits`: how far it may differ from the edition before.
/// * `progress`: told (features done, features in all).
///
/// The old layer of the same id stays in force until the new one has passed the gates, is written, read back and found
/// sound.
pub fn run(
    args: &ImportLayerArgs,
    data: &Path,
    bodies: &Path,
    limits: &Layers,
    progress: &mut dyn FnMut(u64, u64),
    out: &mut dyn Write,
) -> Result<Option<ImportReport>> {
    let dir = layers_dir(data);
    if args.list {
        return list(&dir, args.json, out).map(|()| None);
    }
    if let Some(id) = &args.rollback {
        let meta = editions::roll_back(&dir, id)?;
        writeln!(
            out,
            "layer \"{id}\": the edition of {} ({} features, from {}) is back",
            meta.date, meta.features, meta.source
        )?;
        writeln!(out, "the other one is kept; --rollback {id} again undoes this. {RELOAD}")?;
        return Ok(None);
    }
    let Some(file) = &args.file else { bail!("say which map file to import") };
    let options = options(args)?;
    let table = read_bodies(bodies)?;
    let path = store::path_of(&dir, &options.id)?;
    let (mut layer, report) = import_file(file, &options, Some(&table), progress)
        .with_context(|| format!("cannot import {}", file.display()))?;
    let limits = Limits {
        count_percent: limits.count_change_percent,
        area_percent: limits.area_change_percent,
        extent_percent: limits.extent_change_percent,
        points_n: limits.points,
        points_percent: limits.points_change_percent,
    };
    let (verdict, notes) = weigh(&dir, &path, &layer, &limits);
    if !verdict.stops.is_empty() {
        layer.meta.accepted = args.accept_change.as_ref().map(|reason| reason.trim().to_owned());
    }
    let held = !verdict.stops.is_empty() && layer.meta.accepted.is_none();
    let written = if args.dry_run || held { None } else { Some(store::write(&dir, &layer)?) };
    if args.json {
        let written = written.as_ref().map(|path| path.display().to_string());
        let shown =
            json!({ "layer": layer.meta, "report": report, "gates": verdict, "held": held, "written": written });
        serde_json::to_writer_pretty(&mut *out, &shown)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
        for words in verdict.changes.iter().chain(&notes) {
            writeln!(out, "  {words}")?;
        }
        match &written {
            Some(path) => writeln!(out, "layer \"{}\" written to {}; {RELOAD}", options.id, path.display())?,
            None if args.dry_run => writeln!(out, "dry run: nothing written")?,
            None => {}
        }
    }
    if held {
        let stops: Vec<String> = verdict.stops.iter().map(|stop| format!("  {}: {}", stop.gate, stop.words)).collect();
        let stops = stops.join("\n");
        if args.dry_run {
            writeln!(out, "it would be held back:\n{stops}")?;
        } else {
            bail!(
                "the layer \"{}\" is held back, the old one is kept:\n{stops}\nLook at the file; where it is right, say \
                 --accept-change \"why\"",
                options.id
            );
        }
    }
    Ok(Some(report))
}

/// What the mapping and the flags say together; all that is missing at once.
fn options(args: &ImportLayerArgs) -> Result<ImportOptions> {
    let mut options = match &args.mapping {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            mapping::parse(&text).with_context(|| path.display().to_string())?
        }
        None => ImportOptions { accuracy_m: mapping::ACCURACY_M, ..ImportOptions::default() },
    };
    for (said, into) in [
        (&args.id, &mut options.id),
        (&args.kind, &mut options.kind),
        (&args.name, &mut options.name),
        (&args.licence, &mut options.licence),
    ] {
        if let Some(said) = said {
            said.clone_into(into);
        }
    }
    for (said, into) in [
        (&args.part, &mut options.part),
        (&args.id_field, &mut options.id_field),
        (&args.name_field, &mut options.name_field),
        (&args.body_field, &mut options.body_field),
        (&args.kind_field, &mut options.kind_field),
    ] {
        if said.is_some() {
            into.clone_from(said);
        }
    }
    options.name_field.get_or_insert_with(|| "name".to_owned());
    options.body = args.body.as_deref().map(BodyId::from).or(options.body);
    options.crs = args.crs.or(options.crs);
    options.buffer_m = args.buffer.or(options.buffer_m);
    options.accuracy_m = args.accuracy.unwrap_or(options.accuracy_m);
    options.date = args.date.map(|date| date.to_string()).unwrap_or_default();
    let mut missing = Vec::new();
    for (flag, value, help) in [
        ("--id", &options.id, "such as adopted-highways"),
        ("--kind", &options.kind, "a kind of bodies.toml, such as adopted_highway"),
        ("--name", &options.name, "as people say it"),
        ("--date", &options.date, "the day for which the map is true, YYYY-MM-DD"),
        ("--licence", &options.licence, "its terms of use"),
    ] {
        if value.trim().is_empty() {
            missing.push(format!("  {flag}: {help}"));
        }
    }
    if !(options.accuracy_m.is_finite() && options.accuracy_m >= 0.0) {
        missing.push("  --accuracy: metres, 0 or more".to_owned());
    }
    if args.accept_change.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        missing.push("  --accept-change: the reason, in a few words".to_owned());
    }
    if !missing.is_empty() {
        bail!("say, here or in the mapping:\n{}", missing.join("\n"));
    }
    Ok(options)
}

/// Compares with the edition before, or a first edition with the other layers.
fn weigh(dir: &Path, path: &Path, layer: &crate::landbook::layer::Layer, limits: &Limits) -> (Verdict, Vec<String>) {
    if !path.exists() {
        let (others, _) = LandBook::load(dir, Arc::new(Bodies::empty()));
        let notes = vec!["the first edition of this layer: there is nothing to compare it with".to_owned()];
        return (gates::first(layer, others.extent()), notes);
    }
    match store::read(path) {
        Ok(old) => (gates::compare(&old, layer, limits), Vec::new()),
        Err(error) => (Verdict::default(), vec![format!("not compared with the edition before, since {error}")]),
    }
}

fn list(dir: &Path, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let editions = editions::list(dir)?;
    if as_json {
        let shown: Vec<_> = editions
            .iter()
            .map(|Edition { id, age, meta }| match meta {
                Ok(meta) => json!({ "id": id, "age": age, "layer": meta }),
                Err(error) => json!({ "id": id, "age": age, "error": error.to_string() }),
            })
            .collect();
        serde_json::to_writer_pretty(&mut *out, &shown)?;
        return writeln!(out).context("cannot write the list");
    }
    if editions.is_empty() {
        writeln!(out, "no layers; callout import layer FILE brings one")?;
    }
    for Edition { id, age, meta } in &editions {
        let which = if *age == 0 { "in force".to_owned() } else { format!("earlier, {age} back") };
        match meta {
            Ok(meta) => {
                let (date, kind, features, source) = (&meta.date, &meta.kind, meta.features, &meta.source);
                writeln!(out, "{id:<24} {which:<16} {date}  {kind}, {features} features, from {source}")?;
                if let Some(reason) = &meta.accepted {
                    writeln!(out, "{:<24} taken though it differed: {reason}", "")?;
                }
            }
            Err(error) => writeln!(out, "{id:<24} {which:<16} {error}")?,
        }
    }
    Ok(())
}

/// Where layers are kept under the data directory.
pub fn layers_dir(data: &Path) -> PathBuf {
    data.join("layers")
}

/// Reads and checks `config/bodies.toml`; all its slips are in the error.
pub fn read_bodies(path: &Path) -> Result<Bodies> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Bodies::parse(&text).map_err(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{} has {} slips:\n{}", path.display(), said.len(), said.join("\n"))
    })
}
