//! Map files of any form, read one feature at a time: whatever the form, the rest of the import sees the same.
//!
//! A file may be hostile, or merely not what its name says. So the form is told by the first bytes, never by the name;
//! nothing is read as one tree; and whatever a file says of its own size is a claim, never an allocation. Each reader
//! has its bounds here, and whatever goes beyond is refused with what, where and how to mend it.
//!
//! Not here: what is wrong with a polygon ([`super::check`]), what a feature means to the council ([`super::import`]).

pub mod archive;
pub mod crs;
pub mod dbf;
pub mod geojson;
pub mod geopackage;
pub mod gml;
pub mod origin;
pub mod shapefile;
pub mod sqlite;
pub mod table;
pub mod wkb;
pub mod wkt;

use super::check::Class;
use super::layer::Crs;
use archive::Archive;
use origin::Origin;
use std::fmt;
use std::io;

/// The most corners of one feature.
pub const FEATURE_CORNERS_MAX: usize = 1_000_000;
/// The most bytes of one feature as it stands in a file, of one tag, one row, one record.
pub const FEATURE_BYTES_MAX: usize = 64 << 20;
/// The most bytes of one feature's fields together.
pub const FIELDS_BYTES_MAX: usize = 1 << 20;
/// The most fields of one feature.
pub const FIELDS_MAX: usize = 1_000;
/// How deep brackets, tags and collections may stand in one another.
pub const DEPTH_MAX: usize = 64;

/// The forms that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// GeoJSON.
    GeoJson,
    /// GML: HM Land Registry's INSPIRE index, and simple features like it.
    Gml,
    /// ESRI Shapefile.
    Shapefile,
    /// OGC GeoPackage.
    GeoPackage,
    /// A table of points, lines or WKT.
    Table,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GeoJson => "GeoJSON",
            Self::Gml => "GML",
            Self::Shapefile => "Shapefile",
            Self::GeoPackage => "GeoPackage",
            Self::Table => "CSV",
        })
    }
}

/// Why a file is refused as a whole, or cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The disk said no.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be right.
    #[error("{name}: {what}; {mend}")]
    Bad {
        /// The file, and the place in it where there is one.
        name: String,
        /// What is wrong.
        what: String,
        /// How to mend it.
        mend: String,
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
}

impl SourceError {
    pub(super) fn bad(name: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Bad { name: name.into(), what: what.into(), mend: mend.into() }
    }
}

/// What a file says of its coordinates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Nothing.
    Not,
    /// One of those that callout reads.
    Known(Crs),
    /// Another.
    Other(String),
}

/// What a feature's geometry is, in the file's own coordinates: east (or longitude) first.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Polygons, rings, corners. All numbers are finite.
    Areas(Vec<Vec<Vec<[f64; 2]>>>),
    /// Lines; they need a width to be land.
    Lines(Vec<Vec<[f64; 2]>>),
    /// Points; they too.
    Points(Vec<[f64; 2]>),
    /// Nothing that can be land, and more words where they help.
    Not(Class, Option<String>),
}

impl Shape {
    /// Refused where a number is not finite or there are too many corners.
    pub(super) fn checked(self) -> Self {
        let (corners_n, finite) = {
            let mut corners: Box<dyn Iterator<Item = &[f64; 2]>> = match &self {
                Self::Areas(polygons) => Box::new(polygons.iter().flatten().flatten()),
                Self::Lines(lines) => Box::new(lines.iter().flatten()),
                Self::Points(points) => Box::new(points.iter()),
                Self::Not(..) => return self,
            };
            let mut corners_n = 0;
            let finite = corners.all(|at| {
                corners_n += 1;
                at[0].is_finite() && at[1].is_finite()
            });
            (corners_n, finite)
        };
        if !finite {
            return Self::Not(Class::NotTwoNumbers, None);
        }
        if corners_n > FEATURE_CORNERS_MAX { too_many(corners_n) } else { self }
    }

    /// The first corner.
    pub(super) fn first(&self) -> Option<[f64; 2]> {
        match self {
            Self::Areas(polygons) => polygons.iter().flatten().flatten().next().copied(),
            Self::Lines(lines) => lines.iter().flatten().next().copied(),
            Self::Points(points) => points.first().copied(),
            Self::Not(..) => None,
        }
    }
}

pub(super) fn too_many(corners_n: usize) -> Shape {
    Shape::Not(Class::TooManyCorners, Some(format!("{corners_n} corners")))
}

/// One feature as it stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// Its place in the file, from 0.
    pub index: usize,
    /// The id that the form itself gives it.
    pub id: Option<String>,
    /// Its fields that are not empty, trimmed, by name.
    pub fields: Vec<(String, String)>,
    /// Its geometry.
    pub shape: Shape,
}

impl Raw {
    /// A field's text.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, text)| text.as_str())
    }
}

/// Whether a reader shall go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// The next one, please.
    On,
    /// Enough.
    Stop,
}

/// A file whose features can be read from the beginning, as often as wanted.
pub trait Source {
    /// Its form.
    fn form(&self) -> Form;
    /// What it says of its coordinates.
    fn named(&self) -> Named;
    /// How many features it has, where that is known beforehand.
    fn features_n(&self) -> Option<u64>;
    /// Gives each feature to `sink`, with the part of the file (0 to 1) read so far.
    fn each(&self, sink: &mut dyn FnMut(Raw, f64) -> Go) -> Result<(), SourceError>;
}

/// What the caller says about how to read a file.
#[derive(Debug, Clone, Default)]
pub struct Choice<'o> {
    /// The table of a GeoPackage, or the file of an archive, where there are several.
    pub part: Option<&'o str>,
    /// The columns of a table with easting (or longitude) and northing (or latitude).
    pub columns: Option<(&'o str, &'o str)>,
}

/// Opens a file of any form.
pub fn open<'a>(origin: &Origin<'a>, reading: &Choice<'_>) -> Result<Box<dyn Source + 'a>, SourceError> {
    let head = origin.head()?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return in_archive(&Archive::open(origin)?, reading);
    }
    if head.starts_with(&shapefile::MAGIC) {
        let beside = |end: &str| origin.beside(end);
        return Ok(Box::new(shapefile::open(origin.clone(), beside("dbf"), beside("prj"), beside("cpg"))?));
    }
    plain(origin, &head, reading)
}

/// A file that stands for itself.
fn plain<'a>(origin: &Origin<'a>, head: &[u8], reading: &Choice<'_>) -> Result<Box<dyn Source + 'a>, SourceError> {
    Ok(match told(head).map_err(|(what, mend)| SourceError::bad(origin.name(), what, mend))? {
        Form::GeoJson => Box::new(geojson::open(origin.clone())?),
        Form::Gml => Box::new(gml::open(origin.clone())?),
        Form::GeoPackage => Box::new(geopackage::open(origin, reading.part)?),
        Form::Table => Box::new(table::open(origin.clone(), reading.columns)?),
        Form::Shapefile => Box::new(shapefile::open(origin.clone(), None, None, None)?),
    })
}

/// The form, by the first bytes; else what the file looks like, and what to do about it.
pub(super) fn told(head: &[u8]) -> Result<Form, (String, &'static str)> {
    const EXPORT: &str = "export it as GeoJSON, GeoPackage, Shapefile, GML or CSV";
    const UTF_8: &str = "save it as UTF-8";
    let foreign: [(&[u8], &str, &str); 19] = [
        (b"\x1f\x8b", "gzip data", "unpack it first (gunzip)"),
        (b"7z\xbc\xaf", "a 7z archive", "unpack it first, or pack it as zip"),
        (b"Rar!", "a RAR archive", "unpack it first, or pack it as zip"),
        (b"BZh", "bzip2 data", "unpack it first"),
        (b"\xfd7zXZ", "xz data", "unpack it first"),
        (b"%PDF", "a PDF, a drawing rather than a map layer", EXPORT),
        (b"\x89PNG", "a picture (PNG)", EXPORT),
        (b"\xff\xd8\xff", "a picture (JPEG)", EXPORT),
        (b"II*\0", "a picture (TIFF)", EXPORT),
        (b"MM\0*", "a picture (TIFF)", EXPORT),
        (b"fgb\x03", "a FlatGeobuf file", "ogr2ogr -f GPKG layer.gpkg FILE"),
        (b"PMTiles", "map tiles", EXPORT),
        (b"PAR1", "a Parquet file", "ogr2ogr -f GPKG layer.gpkg FILE"),
        (b"!table", "a MapInfo table", "ogr2ogr -f GPKG layer.gpkg FILE.tab"),
        (b"\xd0\xcf\x11\xe0", "an old Excel or Access file", "save it as CSV, or export the layer as GeoPackage"),
        (b"\0\x01\0\0Standard Jet DB", "an ESRI personal geodatabase", "ogr2ogr -f GPKG layer.gpkg FILE.mdb"),
        (b"\xff\xfe", "text in UTF-16", UTF_8),
        (b"\xfe\xff", "text in UTF-16", UTF_8),
        (b"\x7fELF", "a program", EXPORT),
    ];
    if head.starts_with(sqlite::MAGIC) {
        return Ok(Form::GeoPackage);
    }
    if head.starts_with(&shapefile::MAGIC) {
        return Ok(Form::Shapefile);
    }
    if let Some((_, what, mend)) = foreign.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err((format!("this looks like {what}"), mend));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.is_empty() {
        return Err(("the file is empty".to_owned(), "download or export it again"));
    }
    let low = text[..text.len().min(2_000)].to_ascii_lowercase();
    let has = |word: &[u8]| low.windows(word.len()).any(|part| part == word);
    match text[0] {
        b'{' | b'[' => Ok(Form::GeoJson),
        b'<' if low.starts_with(b"<html") || low.starts_with(b"<!doctype html") || has(b"<html") => Err((
            "this looks like a web page".to_owned(),
            "the download ended at a page, perhaps one to sign in; download the file itself",
        )),
        b'<' if has(b"<kml") => {
            Err(("this looks like KML".to_owned(), "export it as GeoJSON (ogr2ogr -f GeoJSON layer.geojson FILE)"))
        }
        b'<' if has(b"<gpx") => {
            Err(("this looks like GPX".to_owned(), "export it as GeoJSON (ogr2ogr -f GeoJSON layer.geojson FILE)"))
        }
        b'<' if has(b"exceptionreport") || has(b"serviceexception") => {
            Err(("this is a map server's error message".to_owned(), "open it to read why, and download the file again"))
        }
        b'<' => Ok(Form::Gml),
        _ if text[..text.len().min(4_096)].contains(&0) => {
            Err(("this is neither text nor a form that callout knows".to_owned(), EXPORT))
        }
        _ => Ok(Form::Table),
    }
}

/// The one map file of an archive.
fn in_archive<'a>(archive: &Archive<'a>, reading: &Choice<'_>) -> Result<Box<dyn Source + 'a>, SourceError> {
    const ENDS: [&str; 8] = ["shp", "gpkg", "geojson", "json", "gml", "xml", "csv", "txt"];
    let bad = |what: String, mend: &str| SourceError::bad(archive.name(), what, mend);
    let names: Vec<&str> = archive.names().collect();
    if names.contains(&"[Content_Types].xml") {
        return Err(bad("this looks like an Excel or Word file".to_owned(), "save the sheet as CSV"));
    }
    if names.iter().any(|name| name.ends_with(".gdbtable")) {
        let mend = "unpack it and convert it: ogr2ogr -f GPKG layer.gpkg FOLDER.gdb";
        return Err(bad("this looks like an ESRI file geodatabase".to_owned(), mend));
    }
    let end = |name: &str| name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let chosen: Vec<&str> = match reading.part {
        Some(part) => names.iter().copied().filter(|name| *name == part || file_name(name) == part).collect(),
        // The most telling end goes first: the XML beside a shapefile is its description.
        None => ENDS
            .iter()
            .map(|wanted| names.iter().copied().filter(|name| end(name) == *wanted).collect::<Vec<_>>())
            .find(|found| !found.is_empty())
            .unwrap_or_default(),
    };
    let name = match chosen[..] {
        [one] => one,
        [] => {
            let what = match reading.part {
                Some(part) => format!("the archive has no file \"{part}\""),
                None => "the archive has no map file".to_owned(),
            };
            return Err(bad(
                format!("{what}; it has {}", listed(&names)),
                "say which with --part, or pack the right one",
            ));
        }
        _ => return Err(bad(format!("the archive has several: {}", listed(&chosen)), "say which with --part")),
    };
    let member = archive.member(name)?;
    if end(name) != "shp" {
        let head = member.head()?;
        return plain(&member, &head, &Choice { part: None, ..reading.clone() });
    }
    let stem = &name[..name.len() - 3];
    let beside = |end: &str| {
        let found = names.iter().find(|name| name.eq_ignore_ascii_case(&format!("{stem}{end}")));
        found.map(|name| archive.member(name)).transpose()
    };
    Ok(Box::new(shapefile::open(member, beside("dbf")?, beside("prj")?, beside("cpg")?)?))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first few names, for a sentence.
pub(super) fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// A name out of a file, fit for a terminal: no control characters, at most 80 letters.
pub(super) fn shown(name: &str) -> String {
    let clean: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).take(80).collect();
    format!("\"{clean}\"")
}
