//! `callout import layer`: a GeoJSON file becomes a layer of the landbook, with a report of every fault.

use crate::domain::id::BodyId;
use crate::domain::ownership::Bodies;
use crate::landbook::import::{FILE_BYTES_MAX, ImportOptions, import};
use crate::landbook::layer::Crs;
use crate::landbook::report::ImportReport;
use crate::landbook::store;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A new layer with less than this part of the old one's features is taken only with `--force`.
const SHRINK_MAX: f64 = 0.5;

/// Arguments of `callout import layer`.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportLayerArgs {
    /// The GeoJSON file: polygons in WGS84 or EPSG:27700
    pub file: PathBuf,
    /// The layer's id: small letters, digits, _ and -; the layer of this id is replaced
    #[arg(long)]
    pub id: String,
    /// What its features are: a kind of config/bodies.toml, such as adopted_highway
    #[arg(long)]
    pub kind: String,
    /// The layer's name, as people say it
    #[arg(long)]
    pub name: String,
    /// The day for which it is true, YYYY-MM-DD
    #[arg(long)]
    pub date: jiff::civil::Date,
    /// Its terms of use, shown with the map
    #[arg(long)]
    pub licence: String,
    /// The body responsible, where features do not name their own; without it the kind's body
    #[arg(long)]
    pub body: Option<String>,
    /// How far off its lines may be, in metres
    #[arg(long, default_value_t = 1.0)]
    pub accuracy: f64,
    /// The file's coordinates, where it does not say, or says wrong
    #[arg(long, value_enum)]
    pub crs: Option<Crs>,
    /// The property that is the feature's id; without it the GeoJSON id, else the place in the file
    #[arg(long = "id-field")]
    pub id_field: Option<String>,
    /// The property that is the feature's name
    #[arg(long = "name-field", default_value = "name")]
    pub name_field: String,
    /// The property that names the feature's body
    #[arg(long = "body-field")]
    pub body_field: Option<String>,
    /// The property that names the feature's kind
    #[arg(long = "kind-field")]
    pub kind_field: Option<String>,
    /// Check and report only
    #[arg(long)]
    pub dry_run: bool,
    /// Take it though it has less than half of the old layer's features
    #[arg(long)]
    pub force: bool,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Imports the layer into `data`/layers and writes the report to `out`.
///
/// * `bodies`: the path of `config/bodies.toml`; kinds and bodies named must be in it.
/// * `progress`: told (features done, features in all).
///
/// The old layer of the same id stays in force until the new one is written, read back and found sound.
pub fn run(
    args: &ImportLayerArgs,
    data: &Path,
    bodies: &Path,
    progress: &mut dyn FnMut(u64, u64),
    out: &mut dyn Write,
) -> Result<ImportReport> {
    let bodies = read_bodies(bodies)?;
    let dir = layers_dir(data);
    let path = store::path_of(&dir, &args.id)?;
    let bytes = read_file(&args.file)?;
    let source = args.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let options = ImportOptions {
        id: args.id.clone(),
        name: args.name.clone(),
        kind: args.kind.clone(),
        body: args.body.as_deref().map(BodyId::from),
        date: args.date.to_string(),
        licence: args.licence.clone(),
        accuracy_m: if args.accuracy.is_finite() {
            args.accuracy.max(0.0)
        } else {
            bail!("--accuracy is not a number of metres")
        },
        crs: args.crs,
        id_field: args.id_field.clone(),
        name_field: Some(args.name_field.clone()),
        body_field: args.body_field.clone(),
        kind_field: args.kind_field.clone(),
    };
    let (layer, report) = import(&bytes, &source, &options, Some(&bodies), progress)
        .with_context(|| format!("cannot import {}", args.file.display()))?;
    let old = match store::read(&path) {
        Ok(old) => Some(old.meta.features),
        Err(_) => None,
    };
    if let Some(old) = old
        && (report.kept as f64) < SHRINK_MAX * old as f64
        && !args.force
        && !args.dry_run
    {
        bail!(
            "{} has {} features that can be used, the layer \"{}\" in force has {old}: the old one is kept; check the \
             file, or say --force",
            args.file.display(),
            report.kept,
            args.id
        );
    }
    let written = if args.dry_run { None } else { Some(store::write(&dir, &layer)?) };
    if args.json {
        let written = written.as_ref().map(|path| path.display().to_string());
        serde_json::to_writer_pretty(&mut *out, &json!({ "layer": layer.meta, "report": report, "written": written }))?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
        match written {
            Some(path) => writeln!(out, "layer \"{}\" written to {}", args.id, path.display())?,
            None => writeln!(out, "dry run: nothing written")?,
        }
    }
    Ok(report)
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

/// Reads a whole file, refused when larger than a layer may be.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > FILE_BYTES_MAX {
        bail!("{} has {size} bytes, more than {FILE_BYTES_MAX}; cut it to the council's area", path.display());
    }
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
