//! From a GeoJSON file to a layer: read, told in which coordinates, checked, repaired, converted to whole millimetres.
//!
//! Nothing is dropped in silence: each faulty feature is in the report by its class, repaired or refused. Faults are
//! looked for in the source's own coordinates first, so that the report says what the source's keeper can mend, and
//! again in millimetres.

use super::check::{Class, Findings, Remedy, Wide, check, second_opinion, tidy};
use super::convert::to_grid;
use super::geometry::{Part, Ring};
use super::layer::{Crs, Feature, Layer, LayerMeta};
use super::repair::repair;
use super::report::{Example, ImportReport};
use crate::domain::id::BodyId;
use crate::domain::ownership::Bodies;
use crate::domain::place::{EASTING_M_MAX, GridPoint, LatLon, NORTHING_M_MAX};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The largest file taken, in bytes.
pub const FILE_BYTES_MAX: u64 = 2 << 30;
/// The most features of a layer.
pub const FEATURES_MAX: usize = 5_000_000;
/// The most corners of one feature.
pub const FEATURE_CORNERS_MAX: usize = 1_000_000;
/// Degrees are checked in billionths, a tenth of a millimetre.
const NANODEGREES: f64 = 1e9;
/// Metres are checked, and kept, in thousandths.
const MILLIMETRES: f64 = 1e3;
/// Areas at sea may reach so many metres beyond the National Grid.
const BEYOND_GRID_M: f64 = 100_000.0;
/// How often the progress is told, in features.
const PROGRESS_EVERY: usize = 1_000;

/// What the caller says of the layer.
#[derive(Debug, Clone)]
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
    /// The property that is the feature's id; without it the GeoJSON id, else the 0-based place in the file.
    pub id_field: Option<String>,
    /// The property that is its name.
    pub name_field: Option<String>,
    /// The property that names its body.
    pub body_field: Option<String>,
    /// The property that names its kind.
    pub kind_field: Option<String>,
}

/// Why a file is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not UTF-8.
    #[error("the file is not text in UTF-8 (byte {at}); export it again as GeoJSON in UTF-8")]
    NotText {
        /// The first bad byte.
        at: usize,
    },
    /// Not JSON, or not a FeatureCollection.
    #[error(
        "line {line}, column {column}: {what}; the file must be one GeoJSON FeatureCollection (NaN and Infinity are \
         not JSON)"
    )]
    NotGeoJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader said.
        what: String,
    },
    /// Another kind of GeoJSON.
    #[error("the file is a GeoJSON \"{0}\"; give a FeatureCollection of polygons")]
    NotACollection(String),
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
        "the coordinates (first: {0}) stand as latitude,longitude; GeoJSON has longitude first: export the file again"
    )]
    Swapped(String),
    /// Too many features.
    #[error("the file has {0} features, more than {FEATURES_MAX}; cut it to the council's area")]
    TooManyFeatures(usize),
    /// Bodies or kinds that the table does not know.
    #[error("not in bodies.toml: {0}; add them there, or mend the names in the layer")]
    UnknownNames(String),
    /// No feature was fit to keep.
    #[error("no feature of the file can be used:\n{0}")]
    NothingKept(Box<ImportReport>),
}

/// The outer frame of the file; features stay text until their turn, so that one that cannot be read is one fault.
#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    crs: Option<serde_json::Value>,
    #[serde(borrow, default)]
    features: Option<Vec<&'a RawValue>>,
}

/// One feature; its coordinates stay text until its type is known, and an empty polygon among others is no riddle.
#[derive(Deserialize)]
struct RawFeature<'a> {
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(default)]
    properties: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(borrow, default)]
    geometry: Option<RawGeometry<'a>>,
}

#[derive(Deserialize)]
struct RawGeometry<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    coordinates: Option<&'a RawValue>,
}

/// The first two numbers of a position, not numbers where they are missing or null; a height is dropped.
#[derive(Clone, Copy)]
struct Place([f64; 2]);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Two;
        impl<'de> Visitor<'de> for Two {
            type Value = Place;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position, such as [-2.75,52.82]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Place, A::Error> {
                let mut next = || Ok(seq.next_element::<Option<f64>>()?.flatten().unwrap_or(f64::NAN));
                let place = Place([next()?, next()?]);
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(place)
            }
        }
        deserializer.deserialize_seq(Two)
    }
}

/// Reads a GeoJSON file's bytes.
///
/// * `source`: the file's name, for the record.
/// * `bodies`: when given, each body and kind named must be in it.
/// * `progress`: told (features done, features in all), at least at the end.
pub fn import(
    bytes: &[u8],
    source: &str,
    options: &ImportOptions,
    bodies: Option<&Bodies>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Layer, ImportReport), ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ImportError::NotText { at: error.valid_up_to() })?;
    let text = text.trim_start_matches('\u{feff}');
    let frame: Collection<'_> = serde_json::from_str(text).map_err(|error| ImportError::NotGeoJson {
        line: error.line(),
        column: error.column(),
        what: error.to_string(),
    })?;
    let raw = match frame.features {
        Some(raw) if frame.kind == "FeatureCollection" => raw,
        _ => return Err(ImportError::NotACollection(frame.kind)),
    };
    if raw.len() > FEATURES_MAX {
        return Err(ImportError::TooManyFeatures(raw.len()));
    }
    let (crs, crs_from) = coordinates(&raw, frame.crs.as_ref(), options.crs)?;
    let mut reading = Reading {
        options,
        crs,
        report: ImportReport::new(crs, crs_from),
        features: Vec::with_capacity(raw.len()),
        ids: BTreeSet::new(),
        names: BTreeSet::new(),
        bodies,
    };
    for (index, raw_feature) in raw.iter().enumerate() {
        reading.feature(index, raw_feature.get());
        if index % PROGRESS_EVERY == 0 {
            progress(index as u64, raw.len() as u64);
        }
    }
    progress(raw.len() as u64, raw.len() as u64);
    reading.known("body", options.body.as_ref().map(BodyId::as_str));
    reading.known("kind", Some(options.kind.as_str()));
    if !reading.names.is_empty() {
        let names: Vec<String> = reading.names.into_iter().take(20).collect();
        return Err(ImportError::UnknownNames(names.join(", ")));
    }
    if reading.features.is_empty() {
        return Err(ImportError::NothingKept(Box::new(reading.report)));
    }
    let meta = LayerMeta {
        id: options.id.clone(),
        name: options.name.clone(),
        kind: options.kind.clone(),
        body: options.body.clone(),
        date: options.date.clone(),
        licence: options.licence.clone(),
        accuracy_m: options.accuracy_m,
        source: source.to_owned(),
        sha256: hex(&Sha256::digest(bytes)),
        crs,
        features: reading.report.kept,
        repaired: reading.report.repaired,
        valid_from: None,
        valid_until: None,
        accepted: None,
    };
    Ok((Layer::new(meta, reading.features), reading.report))
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Reading<'o> {
    options: &'o ImportOptions,
    crs: Crs,
    report: ImportReport,
    features: Vec<Feature>,
    ids: BTreeSet<String>,
    /// Names that the table does not know, `body "x"`.
    names: BTreeSet<String>,
    bodies: Option<&'o Bodies>,
}

impl Reading<'_> {
    fn feature(&mut self, index: usize, text: &str) {
        self.report.read += 1;
        let read = serde_json::from_str::<RawFeature<'_>>(text)
            .and_then(|feature| Ok((geometry(feature.geometry.as_ref())?, feature)));
        let (shape, feature) = match read {
            Ok(read) => read,
            Err(error) => {
                let words = Some(error.to_string());
                self.refuse(Class::Unreadable, Example { feature: index.to_string(), index, at: None, words });
                return;
            }
        };
        let id = self.id(index, &feature);
        let mut findings = Findings::new();
        let mut words = None;
        let polygons = match shape {
            Shape::Polygons(polygons) => self.mended(polygons, &mut findings, &mut words),
            Shape::Not(class, what) => {
                findings.insert(class, None);
                words = what;
                None
            }
        };
        if !self.ids.insert(id.clone()) {
            findings.insert(Class::IdTwice, None);
        }
        let repaired = findings.keys().any(|class| class.remedy() == Remedy::Repaired);
        let refused = findings.keys().any(|class| class.remedy() == Remedy::Refused);
        self.report.invalid += u64::from(repaired || refused);
        for (class, at) in &findings {
            let at = at.map(|at| self.in_source_units(at));
            let words = words.clone().filter(|_| {
                matches!(
                    class,
                    Class::SecondOpinion | Class::NotAnArea | Class::TooManyCorners | Class::OutsideGreatBritain
                )
            });
            self.report.note(*class, Example { feature: id.clone(), index, at, words });
        }
        let Some(polygons) = polygons.filter(|_| !refused) else {
            self.report.refused += 1;
            return;
        };
        self.report.kept += 1;
        self.report.repaired += u64::from(repaired);
        let (body, kind) =
            (self.property(&feature, &self.options.body_field), self.property(&feature, &self.options.kind_field));
        self.known("body", body.as_deref());
        self.known("kind", kind.as_deref());
        let parts: Vec<Part> = polygons.into_iter().map(part).collect();
        self.report.corners += parts.iter().map(|part| part.corners_n() as u64).sum::<u64>();
        self.features.push(Feature {
            id,
            name: self.property(&feature, &self.options.name_field),
            body: body.map(|body| BodyId::new(body.as_str())),
            kind: kind.filter(|kind| *kind != self.options.kind),
            repaired,
            valid_from: None,
            valid_until: None,
            area_m2: parts.iter().map(Part::area_m2).sum(),
            parts,
        });
    }

    fn refuse(&mut self, class: Class, example: Example) {
        self.report.refused += 1;
        self.report.invalid += 1;
        self.report.note(class, example);
    }

    /// The polygons in millimetres, sound; `None` where nothing can be made of them.
    fn mended(
        &self,
        polygons: Vec<Vec<Vec<[f64; 2]>>>,
        findings: &mut Findings,
        words: &mut Option<String>,
    ) -> Option<Vec<Vec<Vec<Wide>>>> {
        let unit = match self.crs {
            Crs::Wgs84 => NANODEGREES,
            Crs::Bng => MILLIMETRES,
        };
        for at in polygons.iter().flatten().flatten() {
            if !self.in_great_britain(*at) {
                // So huge a number may not fit the units: it is told in words.
                *words = Some(format!("{},{}", at[0], at[1]));
                findings.insert(Class::OutsideGreatBritain, None);
                return None;
            }
        }
        let units = map_corners(&polygons, |at| Some(at.map(|value| (value * unit).round() as i64)))?;
        let units = tidy(units, findings);
        check(&units, findings);
        let polygons = match self.crs {
            Crs::Bng => units,
            Crs::Wgs84 => {
                let mut outside = None;
                let converted = map_corners(&units, |at| {
                    let place = LatLon { lat: at[1] as f64 / NANODEGREES, lon: at[0] as f64 / NANODEGREES };
                    let point = to_grid(place).ok();
                    if point.is_none() {
                        outside = Some(at);
                    }
                    point.map(|GridPoint { easting_mm, northing_mm }| [i64::from(easting_mm), i64::from(northing_mm)])
                });
                let Some(converted) = converted else {
                    findings.insert(Class::OutsideGreatBritain, outside);
                    return None;
                };
                // What rounding to the millimetre does is the conversion's doing, not a fault of the source.
                let mut rounding = Findings::new();
                let converted = tidy(converted, &mut rounding);
                check(&converted, &mut rounding);
                if rounding.keys().any(|class| class.remedy() != Remedy::Tidied) && !self.faulty(findings) {
                    findings.insert(Class::Rounding, units.first().and_then(|rings| rings.first()?.first().copied()));
                }
                converted
            }
        };
        if polygons.is_empty() {
            findings.entry(Class::NothingLeft).or_insert(None);
            return None;
        }
        if !self.faulty(findings) {
            let Some(opinion) = second_opinion(&polygons) else { return Some(polygons) };
            *words = Some(opinion);
            findings.insert(Class::SecondOpinion, None);
        }
        // Rings that only had to be dropped leave sound polygons; the rest is overlaid.
        let mut left = Findings::new();
        check(&polygons, &mut left);
        if left.is_empty() && !findings.contains_key(&Class::SecondOpinion) {
            return Some(polygons);
        }
        repair(polygons, findings)
    }

    fn faulty(&self, findings: &Findings) -> bool {
        findings.keys().any(|class| class.remedy() != Remedy::Tidied)
    }

    fn in_great_britain(&self, [x, y]: [f64; 2]) -> bool {
        match self.crs {
            Crs::Wgs84 => LatLon::in_great_britain(y, x).is_ok(),
            Crs::Bng => {
                (-BEYOND_GRID_M..=EASTING_M_MAX + BEYOND_GRID_M).contains(&x)
                    && (-BEYOND_GRID_M..=NORTHING_M_MAX + BEYOND_GRID_M).contains(&y)
            }
        }
    }

    fn in_source_units(&self, at: Wide) -> String {
        match self.crs {
            Crs::Wgs84 => format!("{},{}", at[0] as f64 / NANODEGREES, at[1] as f64 / NANODEGREES),
            Crs::Bng => format!("{},{}", at[0] as f64 / MILLIMETRES, at[1] as f64 / MILLIMETRES),
        }
    }

    fn id(&self, index: usize, feature: &RawFeature<'_>) -> String {
        self.property(feature, &self.options.id_field)
            .or_else(|| match (&feature.id, &self.options.id_field) {
                (Some(serde_json::Value::String(id)), None) => Some(id.clone()),
                (Some(serde_json::Value::Number(id)), None) => Some(id.to_string()),
                _ => None,
            })
            .unwrap_or_else(|| index.to_string())
    }

    fn property(&self, feature: &RawFeature<'_>, field: &Option<String>) -> Option<String> {
        match feature.properties.as_ref()?.get(field.as_ref()?)? {
            serde_json::Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn known(&mut self, what: &str, name: Option<&str>) {
        let (Some(bodies), Some(name)) = (self.bodies, name) else { return };
        let known = match what {
            "body" => bodies.body(&BodyId::from(name)).is_some(),
            _ => bodies.kind(name).is_some(),
        };
        if !known {
            self.names.insert(format!("{what} \"{name}\""));
        }
    }
}

/// What a feature's geometry is.
enum Shape {
    /// Polygons, rings, corners as they stand in the file.
    Polygons(Vec<Vec<Vec<[f64; 2]>>>),
    /// Nothing that can be land, and more words where they help.
    Not(Class, Option<String>),
}

fn geometry(geometry: Option<&RawGeometry<'_>>) -> Result<Shape, serde_json::Error> {
    let Some(geometry) = geometry else { return Ok(Shape::Not(Class::NoGeometry, None)) };
    let text = geometry.coordinates.map_or("[]", RawValue::get);
    let polygons: Vec<Vec<Vec<Place>>> = match geometry.kind.as_ref() {
        "Polygon" => vec![serde_json::from_str(text)?],
        "MultiPolygon" => serde_json::from_str(text)?,
        other => return Ok(Shape::Not(Class::NotAnArea, Some(other.to_owned()))),
    };
    let corners_n: usize = polygons.iter().flatten().map(Vec::len).sum();
    if corners_n > FEATURE_CORNERS_MAX {
        return Ok(Shape::Not(Class::TooManyCorners, Some(format!("{corners_n} corners"))));
    }
    if polygons.iter().flatten().flatten().any(|Place([x, y])| !(x.is_finite() && y.is_finite())) {
        return Ok(Shape::Not(Class::NotTwoNumbers, None));
    }
    let bare = |ring: Vec<Place>| ring.into_iter().map(|Place(at)| at).collect();
    Ok(Shape::Polygons(polygons.into_iter().map(|rings| rings.into_iter().map(bare).collect()).collect()))
}

fn map_corners<T: Copy>(
    polygons: &[Vec<Vec<T>>],
    mut change: impl FnMut(T) -> Option<Wide>,
) -> Option<Vec<Vec<Vec<Wide>>>> {
    polygons
        .iter()
        .map(|rings| rings.iter().map(|ring| ring.iter().map(|at| change(*at)).collect()).collect())
        .collect()
}

fn part(rings: Vec<Vec<Wide>>) -> Part {
    let corner = |value: i64| i32::try_from(value).expect("a corner within Great Britain fits 32 bits of millimetres");
    Part::new(rings.into_iter().map(|ring| Ring::new(ring.into_iter().map(|at| at.map(corner)).collect())).collect())
}

/// The file's coordinates: as the caller says, else as the file says, else by the range of the first corners.
fn coordinates(
    raw: &[&RawValue],
    named: Option<&serde_json::Value>,
    said: Option<Crs>,
) -> Result<(Crs, &'static str), ImportError> {
    let (crs, from) = match (said, named) {
        (Some(crs), _) => (Some(crs), "as told"),
        (None, Some(named)) if !named.is_null() => {
            let name = named.pointer("/properties/name").and_then(|name| name.as_str()).unwrap_or_default();
            let upper = name.to_ascii_uppercase();
            let code = upper.rsplit(':').next().unwrap_or_default();
            match code {
                "27700" => (Some(Crs::Bng), "named in the file"),
                "4326" | "CRS84" | "4258" => (Some(Crs::Wgs84), "named in the file"),
                _ => {
                    return Err(ImportError::UnknownCrs(if name.is_empty() {
                        named.to_string()
                    } else {
                        name.to_owned()
                    }));
                }
            }
        }
        _ => (None, "guessed from their range"),
    };
    // The first corner of up to so many features: enough to tell degrees from metres.
    const LOOKED_AT: usize = 100;
    let mut fits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first = None;
    for corner in raw.iter().filter_map(|raw| first_corner(raw.get())).take(LOOKED_AT) {
        let [x, y] = corner;
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
    }
    let first = first.unwrap_or_else(|| "none".to_owned());
    let best = fits.iter().max_by_key(|(_, n)| **n).map(|(fit, _)| *fit);
    match (crs, best) {
        (Some(Crs::Wgs84) | None, Some("swapped")) => Err(ImportError::Swapped(first)),
        (Some(crs), _) => Ok((crs, from)),
        (None, Some("wgs84")) => Ok((Crs::Wgs84, from)),
        (None, Some("bng")) => Ok((Crs::Bng, from)),
        (None, None) => Ok((Crs::Wgs84, from)),
        (None, Some(_)) => Err(ImportError::NoCrsFits(first)),
    }
}

/// The first corner of a feature.
fn first_corner(feature: &str) -> Option<[f64; 2]> {
    let feature: RawFeature<'_> = serde_json::from_str(feature).ok()?;
    match geometry(feature.geometry.as_ref()).ok()? {
        Shape::Polygons(polygons) => polygons.into_iter().flatten().flatten().next(),
        Shape::Not(..) => None,
    }
}
