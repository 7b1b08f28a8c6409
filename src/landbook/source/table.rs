//! Tables as text (CSV): a row for each feature, with its place in two columns of numbers or in one of WKT.

use super::origin::{Bounded, Origin};
use super::{FEATURE_BYTES_MAX, FIELDS_BYTES_MAX, FIELDS_MAX, Form, Go, Named, Raw, Shape, Source, SourceError};
use super::{dbf, listed, wkt};
use crate::landbook::check::Class;
use crate::landbook::layer::Crs;
use csv::ByteRecord;
use std::io::BufRead;

/// Bytes of the first line looked at.
const HEAD_BYTES_MAX: u64 = 1 << 16;

/// How columns are called that hold a place, in small letters without `_`, `-` and blanks.
const EASTINGS: [&str; 12] = [
    "easting",
    "eastings",
    "xcoordinate",
    "xcoord",
    "x",
    "geox",
    "east1m",
    "oseast1m",
    "osx",
    "geometryx",
    "east",
    "ose",
];
const NORTHINGS: [&str; 12] = [
    "northing",
    "northings",
    "ycoordinate",
    "ycoord",
    "y",
    "geoy",
    "north1m",
    "osnrth1m",
    "osy",
    "geometryy",
    "north",
    "osn",
];
const LONGITUDES: [&str; 4] = ["longitude", "lon", "long", "lng"];
const LATITUDES: [&str; 2] = ["latitude", "lat"];
/// Of a column with WKT.
pub const GEOMETRIES: [&str; 7] = ["wkt", "geometry", "geom", "thegeom", "shape", "geomwkt", "wktgeom"];

#[derive(Debug, Clone, Copy)]
enum Place {
    Pair(usize, usize),
    Wkt(usize),
}

/// A table whose head was understood.
pub struct Table<'a> {
    origin: Origin<'a>,
    bytes_n: u64,
    comma: u8,
    head: Vec<String>,
    place: Place,
    named: Named,
}

/// Reads the head.
pub fn open<'a>(origin: Origin<'a>, columns: Option<(&str, &str)>) -> Result<Table<'a>, SourceError> {
    let comma = comma(&origin)?;
    let mut rows = Rows::open(&origin, comma)?;
    let Some(head) = rows.next_row()? else {
        return Err(SourceError::bad(origin.name(), "the table is empty", "export it again"));
    };
    let head: Vec<String> =
        head.cells.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    let plain: Vec<String> = head.iter().map(|name| plain(name)).collect();
    let find = |names: &[&str]| names.iter().find_map(|name| plain.iter().position(|column| column == name));
    let exact = |name: &str| head.iter().position(|column| column == name);
    let (place, named) = if let Some((x, y)) = columns {
        let (Some(x_at), Some(y_at)) = (exact(x), exact(y)) else {
            let names: Vec<&str> = head.iter().map(String::as_str).collect();
            let what = format!("it has no column \"{x}\" or \"{y}\"; it has {}", listed(&names));
            return Err(SourceError::bad(origin.name(), what, "name its columns in the mapping"));
        };
        (Place::Pair(x_at, y_at), Named::Not)
    } else if let Some(at) = find(&GEOMETRIES) {
        (Place::Wkt(at), Named::Not)
    } else if let (Some(x), Some(y)) = (find(&EASTINGS), find(&NORTHINGS)) {
        // "x" and "y" alone say nothing; the longer names say the National Grid.
        (Place::Pair(x, y), if plain[x] == "x" { Named::Not } else { Named::Known(Crs::Bng) })
    } else if let (Some(x), Some(y)) = (find(&LONGITUDES), find(&LATITUDES)) {
        (Place::Pair(x, y), Named::Known(Crs::Wgs84))
    } else {
        let names: Vec<&str> = head.iter().map(String::as_str).collect();
        let what = format!("its first line names no columns for a place; it has {}", listed(&names));
        let mend = "name them easting,northing, or lon,lat, or wkt; or say in the mapping which they are \
                    ([coordinates] x and y)";
        return Err(SourceError::bad(origin.name(), what, mend));
    };
    let bytes_n = origin.bytes_n()?;
    let mut table = Table { origin, bytes_n, comma, head, place, named };
    if let Place::Wkt(_) = place {
        // WKT may name its coordinates in each row; the first counts, and the rest must agree.
        let mut first = Named::Not;
        table.walk(&mut |_, named, _| {
            first = named;
            Go::Stop
        })?;
        table.named = first;
    }
    Ok(table)
}

/// The mark between cells: the one that the first line has most of.
pub fn comma(origin: &Origin<'_>) -> Result<u8, SourceError> {
    let mut line = Vec::new();
    let mut input = std::io::Read::take(origin.stream()?, HEAD_BYTES_MAX);
    input.read_until(b'\n', &mut line).map_err(|error| origin.failed(error))?;
    let count = |mark: u8| line.iter().filter(|byte| **byte == mark).count();
    Ok([b';', b'\t', b'|'].into_iter().fold(b',', |best, mark| if count(mark) > count(best) { mark } else { best }))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

impl Table<'_> {
    fn walk(&self, sink: &mut dyn FnMut(Raw, Named, f64) -> Go) -> Result<(), SourceError> {
        let mut rows = Rows::open(&self.origin, self.comma)?;
        rows.next_row()?;
        let mut index = 0;
        while let Some(row) = rows.next_row()? {
            let (shape, named) = self.shape(&row);
            let mut fields = Vec::new();
            if row.cells.len() == self.head.len() {
                let mut bytes = 0;
                for (at, cell) in row.cells.into_iter().enumerate().take(FIELDS_MAX) {
                    bytes += cell.len();
                    if bytes <= FIELDS_BYTES_MAX
                        && !cell.is_empty()
                        && !matches!(self.place, Place::Wkt(place) if place == at)
                    {
                        fields.push((self.head[at].clone(), cell));
                    }
                }
            }
            let raw = Raw { index, id: None, fields, shape: shape.checked() };
            index += 1;
            if sink(raw, named, rows.read_n() as f64 / self.bytes_n.max(1) as f64) == Go::Stop {
                break;
            }
        }
        Ok(())
    }

    fn shape(&self, row: &Row) -> (Shape, Named) {
        let unreadable =
            |what: String| (Shape::Not(Class::Unreadable, Some(format!("line {}: {what}", row.line))), Named::Not);
        if row.cells.len() != self.head.len() {
            return unreadable(format!("{} cells, and the first line has {}", row.cells.len(), self.head.len()));
        }
        match self.place {
            Place::Pair(x, y) if row.cells[x].is_empty() && row.cells[y].is_empty() => {
                (Shape::Not(Class::NoGeometry, None), Named::Not)
            }
            Place::Pair(x, y) => match (number(&row.cells[x]), number(&row.cells[y])) {
                (Some(x), Some(y)) => (Shape::Points(vec![[x, y]]), Named::Not),
                (None, _) => unreadable(format!("{} is not a number", super::shown(&row.cells[x]))),
                (_, None) => unreadable(format!("{} is not a number", super::shown(&row.cells[y]))),
            },
            Place::Wkt(at) if row.cells[at].is_empty() => (Shape::Not(Class::NoGeometry, None), Named::Not),
            Place::Wkt(at) => match wkt::read(&row.cells[at]) {
                Ok(read) => read,
                Err(what) => unreadable(what),
            },
        }
    }
}

/// A number as spreadsheets write it, also `349,401.5`.
pub fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().or_else(|| cell.replace(',', "").parse().ok())
}

impl Source for Table<'_> {
    fn form(&self) -> Form {
        Form::Table
    }

    fn named(&self) -> Named {
        self.named.clone()
    }

    fn features_n(&self) -> Option<u64> {
        None
    }

    fn each(&self, sink: &mut dyn FnMut(Raw, f64) -> Go) -> Result<(), SourceError> {
        let mut mixed = None;
        self.walk(&mut |raw, named, part| {
            if matches!(self.place, Place::Wkt(_)) && named != self.named && !matches!(raw.shape, Shape::Not(..)) {
                mixed = Some(raw.index);
                return Go::Stop;
            }
            sink(raw, part)
        })?;
        match mixed {
            None => Ok(()),
            Some(index) => {
                let what = format!("row {index} names other coordinates (SRID) than the first");
                Err(SourceError::bad(self.origin.name(), what, "export it in one coordinate system"))
            }
        }
    }
}

/// One row.
pub struct Row {
    /// Its cells, trimmed.
    pub cells: Vec<String>,
    /// Its line, from 1.
    pub line: u64,
}

/// Reads rows, each of bounded size.
pub struct Rows<'a> {
    reader: csv::Reader<Bounded<Box<dyn BufRead + 'a>>>,
    record: ByteRecord,
    origin: Origin<'a>,
}

impl<'a> Rows<'a> {
    /// From the beginning; the first row is a row like the others.
    pub fn open(origin: &Origin<'a>, comma: u8) -> Result<Self, SourceError> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(comma)
            .from_reader(Bounded::new(origin.stream()?, FEATURE_BYTES_MAX));
        Ok(Self { reader, record: ByteRecord::new(), origin: origin.clone() })
    }

    /// Bytes read so far.
    pub fn read_n(&self) -> u64 {
        self.reader.get_ref().read_n()
    }

    /// The next row; letters are UTF-8, or Windows-1252 where they cannot be.
    pub fn next_row(&mut self) -> Result<Option<Row>, SourceError> {
        self.reader.get_mut().next();
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| {
            let line = self.reader.position().line();
            match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => {
                    self.origin.failed(error)
                }
                csv::ErrorKind::Io(error) => {
                    let place = format!("{}, line {line}", self.origin.name());
                    SourceError::bad(place, error.to_string(), "is a quotation mark not closed there?")
                }
                other => {
                    let place = format!("{}, line {line}", self.origin.name());
                    SourceError::bad(place, format!("{other:?}"), "export the table again")
                }
            }
        })?;
        if !more {
            return Ok(None);
        }
        let letters = |cell: &[u8]| match std::str::from_utf8(cell) {
            Ok(text) => text.trim().to_owned(),
            Err(_) => dbf::windows_1252(cell).trim().to_owned(),
        };
        let line = self.record.position().map_or(0, csv::Position::line);
        Ok(Some(Row { cells: self.record.iter().map(letters).collect(), line }))
    }
}
