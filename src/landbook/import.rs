//! From a map file to a layer: read, told in which coordinates, checked, repaired, converted to whole millimetres.
//!
//! Nothing is dropped in silence: each faulty feature is in the report by its class, repaired or refused. Faults are
//! looked for in the source's own coordinates first, so that the report says what the source's keeper can mend, and
//! again in millimetres.
//!
//! The file is read one feature at a time, whatever its form ([`super::source`]); what stays in memory is the layer.

mod feature;

use super::layer::{Crs, Layer, LayerMeta};
use super::report::ImportReport;
use super::source::origin::Origin;
use super::source::{self, Choice, Form, Go, Named, Source, SourceError};
use crate::domain::id::BodyId;
use crate::domain::ownership::Bodies;
use crate::domain::place::{GridPoint, LatLon};
use feature::Taking;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// The largest file taken, in bytes.
pub const FILE_BYTES_MAX: u64 = 2 << 30;
/// The most features of a layer.
pub const FEATURES_MAX: usize = 5_000_000;
/// How often the progress is told, in features.
const PROGRESS_EVERY: u64 = 1_000;
/// The first corners of so many features are enough to tell degrees from metres.
const LOOKED_AT: usize = 100;
/// The most different field names remembered, to be told where one is missed.
const FIELD_NAMES_MAX: usize = 200;

/// What the caller says of the layer. Fields of the file are named by themselves; all that is `None` is as the file
/// has it, or not there.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The layer's id.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The body responsible, where features do not name one.
    pub body: Option<BodyId>,
    /// The day for which it is true.
    pub date: String,
    /// Terms of use.
    pub licence: String,
    /// How far off its lines may be, in metres.
    pub accuracy_m: f64,
    /// The coordinates, where the file does not say, or says wrong.
    pub crs: Option<Crs>,
    /// The field that is the feature's id; without it the id of the file's form, else the 0-based place in the file.
    pub id_field: Option<String>,
    /// The field that is its name.
    pub name_field: Option<String>,
    /// The field that names its body.
    pub body_field: Option<String>,
    /// The field that names its kind.
    pub kind_field: Option<String>,
    /// The field with the first day on which it holds.
    pub from_field: Option<String>,
    /// The field with the last day on which it holds.
    pub until_field: Option<String>,
    /// The table of a GeoPackage, or the file of an archive, where there are several.
    pub part: Option<String>,
    /// The columns of a table with easting (or longitude) and northing (or latitude).
    pub columns: Option<(String, String)>,
    /// Lines and points become land so many metres to each side.
    pub buffer_m: Option<f64>,
    /// The field with the metres to each side, where features differ.
    pub buffer_field: Option<String>,
    /// The field with the whole width in metres.
    pub width_field: Option<String>,
    /// Words of the body field, and the body that each means; `*` for every other word.
    pub bodies: BTreeMap<String, String>,
    /// Words of the kind field, and the kind that each means; `*` for every other word.
    pub kinds: BTreeMap<String, String>,
    /// Only features whose field has one of these words.
    pub only: BTreeMap<String, Vec<String>>,
}

/// Why a file is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Coordinates that callout does not convert.
    #[error("the file says its coordinates are {0}; export it in WGS84 or in EPSG:27700, or say which with --crs")]
    UnknownCrs(String),
    /// The coordinates fit neither.
    #[error(
        "the coordinates (first: {0}) are neither longitude,latitude nor easting,northing in Great Britain; export \
         the file in WGS84 or EPSG:27700"
    )]
    NoCrsFits(String),
    /// Latitude first.
    #[error(
        "the coordinates (first: {0}) stand as latitude,longitude; longitude must come first: export the file again"
    )]
    Swapped(String),
    /// The file, or the caller, says one thing and the numbers another.
    #[error("the coordinates are {crs} {from}, but the numbers (first: {first}) look like {looks}; {mend}")]
    Contradicts {
        /// What was said.
        crs: Crs,
        /// By whom.
        from: &'static str,
        /// The first corner.
        first: String,
        /// What the numbers look like.
        looks: Crs,
        /// How to mend it.
        mend: &'static str,
    },
    /// Too many features.
    #[error("the file has more than {FEATURES_MAX} features; cut it to the council's area")]
    TooManyFeatures,
    /// Bodies or kinds that the table does not know.
    #[error("not in bodies.toml: {0}; add them there, or mend the names in the layer or in the mapping")]
    UnknownNames(String),
    /// No feature was fit to keep.
    #[error("no feature of the file can be used:\n{0}")]
    NothingKept(Box<ImportReport>),
}

/// Reads a map file's bytes; see [`import_file`].
///
/// * `source`: the file's name, for the record.
pub fn import(
    bytes: &[u8],
    source: &str,
    options: &ImportOptions,
    bodies: Option<&Bodies>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Layer, ImportReport), ImportError> {
    from_origin(&Origin::Memory(source, bytes), source, options, bodies, progress)
}

/// Reads a map file of any form: GeoJSON, GML, Shapefile (the `.shp` with its companions beside it, or a zip of them),
/// GeoPackage, CSV.
///
/// * `bodies`: when given, each body and kind named must be in it.
/// * `progress`: told (features done, features in all), at least at the end; the second is a guess where the file does
///   not say.
pub fn import_file(
    path: &Path,
    options: &ImportOptions,
    bodies: Option<&Bodies>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Layer, ImportReport), ImportError> {
    let source = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    from_origin(&Origin::File(path.to_owned()), &source, options, bodies, progress)
}

fn from_origin(
    origin: &Origin<'_>,
    name: &str,
    options: &ImportOptions,
    bodies: Option<&Bodies>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Layer, ImportReport), ImportError> {
    let bytes_n = origin.bytes_n()?;
    if bytes_n > FILE_BYTES_MAX {
        let what = format!("it has {} MB, more than {}", bytes_n >> 20, FILE_BYTES_MAX >> 20);
        return Err(
            SourceError::Bad { name: name.to_owned(), what, mend: "cut it to the council's area".to_owned() }.into()
        );
    }
    let columns = options.columns.as_ref().map(|(x, y)| (x.as_str(), y.as_str()));
    let file = source::open(origin, &Choice { part: options.part.as_deref(), columns })?;
    let (crs, crs_from) = coordinates(&*file, options.crs)?;
    let mut taking = Taking::new(options, bodies, ImportReport::new(file.form().to_string(), crs, crs_from));
    let known_n = file.features_n();
    let mut done = 0;
    let mut fields = BTreeSet::<String>::new();
    let mut too_many = false;
    file.each(&mut |raw, part| {
        if done as usize >= FEATURES_MAX {
            too_many = true;
            return Go::Stop;
        }
        if fields.len() < FIELD_NAMES_MAX {
            for (name, _) in &raw.fields {
                if !fields.contains(name) {
                    fields.insert(name.clone());
                }
            }
        }
        taking.feature(raw);
        done += 1;
        if done % PROGRESS_EVERY == 1 {
            let guess = (done as f64 / part.clamp(1e-6, 1.0)) as u64;
            progress(done, known_n.unwrap_or(guess).max(done));
        }
        Go::On
    })?;
    if too_many {
        return Err(ImportError::TooManyFeatures);
    }
    progress(done, done);
    taking.known("body", options.body.as_ref().map(BodyId::as_str));
    taking.known("kind", Some(options.kind.as_str()));
    let (features, mut report, unknown) = taking.done();
    if !unknown.is_empty() {
        let names: Vec<String> = unknown.into_iter().take(20).collect();
        return Err(ImportError::UnknownNames(names.join(", ")));
    }
    for (what, field) in named_fields(options) {
        if done > 0 && !fields.contains(field) && fields.len() < FIELD_NAMES_MAX {
            let names: Vec<&str> = fields.iter().map(String::as_str).collect();
            let names = if names.is_empty() { "none".to_owned() } else { source::listed(&names) };
            report.notes.push(format!("no feature has the {what} field \"{field}\"; the file's fields are {names}"));
        }
    }
    if features.is_empty() {
        return Err(ImportError::NothingKept(Box::new(report)));
    }
    let meta = LayerMeta {
        id: options.id.clone(),
        name: options.name.clone(),
        kind: options.kind.clone(),
        body: options.body.clone(),
        date: options.date.clone(),
        licence: options.licence.clone(),
        accuracy_m: options.accuracy_m,
        source: name.to_owned(),
        sha256: fingerprint(origin, file.form())?,
        crs,
        features: report.kept,
        repaired: report.repaired,
        valid_from: None,
        valid_until: None,
        accepted: None,
    };
    Ok((Layer::new(meta, features), report))
}

/// The fields that the options name, but for the name, which files often have not.
fn named_fields(options: &ImportOptions) -> impl Iterator<Item = (&'static str, &str)> {
    let named = [
        ("id", &options.id_field),
        ("body", &options.body_field),
        ("kind", &options.kind_field),
        ("from", &options.from_field),
        ("until", &options.until_field),
        ("buffer", &options.buffer_field),
        ("width", &options.width_field),
    ];
    let only = options.only.keys().map(|field| ("only", field.as_str()));
    named.into_iter().filter_map(|(what, field)| Some((what, field.as_deref()?))).chain(only)
}

/// SHA-256 of the file; of a bare shapefile, of its companions too.
fn fingerprint(origin: &Origin<'_>, form: Form) -> Result<String, SourceError> {
    let mut hash = Sha256::new();
    let mut add = |origin: &Origin<'_>| -> Result<(), SourceError> {
        let mut input = origin.stream()?;
        let mut bytes = vec![0; 1 << 16];
        loop {
            let n = input.read(&mut bytes).map_err(|error| origin.failed(error))?;
            if n == 0 {
                return Ok(());
            }
            hash.update(&bytes[..n]);
        }
    };
    add(origin)?;
    if form == Form::Shapefile {
        for end in ["dbf", "prj", "cpg"] {
            if let Some(companion) = origin.beside(end) {
                add(&companion)?;
            }
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file's coordinates: as the caller says, else as the file says, else by the range of the first corners. What
/// was said must fit the numbers.
pub(super) fn coordinates(file: &dyn Source, said: Option<Crs>) -> Result<(Crs, &'static str), ImportError> {
    const TOLD: &str = "as told";
    let (crs, from) = match (said, file.named()) {
        (Some(crs), _) => (Some(crs), TOLD),
        (None, Named::Known(crs)) => (Some(crs), "named in the file"),
        (None, Named::Other(name)) => return Err(ImportError::UnknownCrs(name)),
        (None, Named::Not) => (None, "guessed from their range"),
    };
    let mut fits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first = None;
    let mut looked = 0;
    file.each(&mut |raw, _| {
        let Some([x, y]) = raw.shape.first() else { return Go::On };
        first.get_or_insert_with(|| format!("{x},{y}"));
        let fit = if LatLon::in_great_britain(y, x).is_ok() {
            "wgs84"
        } else if LatLon::in_great_britain(x, y).is_ok() {
            "swapped"
        } else if GridPoint::on_grid(x, y).is_ok() && (x > 180.0 || y > 180.0) {
            "bng"
        } else {
            "neither"
        };
        *fits.entry(fit).or_default() += 1;
        looked += 1;
        if looked < LOOKED_AT { Go::On } else { Go::Stop }
    })?;
    let first = first.unwrap_or_else(|| "none".to_owned());
    let best = fits.iter().max_by_key(|(_, n)| **n).map(|(fit, _)| *fit);
    let contradicts = |crs, looks| ImportError::Contradicts {
        crs,
        from,
        first: first.clone(),
        looks,
        mend: if from == TOLD {
            "leave --crs out, or say the other"
        } else {
            "export it again, or say which with --crs"
        },
    };
    match (crs, best) {
        (Some(Crs::Wgs84) | None, Some("swapped")) => Err(ImportError::Swapped(first)),
        (Some(Crs::Wgs84), Some("bng")) => Err(contradicts(Crs::Wgs84, Crs::Bng)),
        (Some(Crs::Bng), Some("wgs84" | "swapped")) => Err(contradicts(Crs::Bng, Crs::Wgs84)),
        (Some(crs), _) => Ok((crs, from)),
        (None, Some("wgs84")) => Ok((Crs::Wgs84, from)),
        (None, Some("bng")) => Ok((Crs::Bng, from)),
        (None, None) => Ok((Crs::Wgs84, from)),
        (None, Some(_)) => Err(ImportError::NoCrsFits(first)),
    }
}
