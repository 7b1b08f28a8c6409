//! From what is published to a gazetteer: OS Open UPRN, OS Open USRN, Code-Point Open, the ONS postcode directory, OS
//! Open Names, the council's own street lists, and plain tables.
//!
//! Tables are told by their first row, whatever their file is called. A row that cannot be used is counted under the
//! reason, with the first of its kind to look at; nothing is dropped in silence.

mod rows;

use super::code::street_key;
use super::{CORNERS_MAX, ENTRIES_MAX, Entry, Gazetteer, GazetteerMeta, Kind};
use crate::domain::place::{GridPoint, LatLon};
use crate::landbook::convert::to_grid;
use crate::landbook::import::{ImportError, coordinates};
use crate::landbook::layer::Crs;
use crate::landbook::source::archive::Archive;
use crate::landbook::source::origin::Origin;
use crate::landbook::source::{self, Choice, Form, Go, Raw, Shape, SourceError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// How far a property may be from its point, in metres: points stand in the building, people in the garden.
const PROPERTY_REACH_M: f64 = 5.0;
/// A postcode reaches as far as this of its nearest neighbours, in metres, within these limits.
const NEIGHBOUR: usize = 4;
const POSTCODE_REACH_M: std::ops::RangeInclusive<f64> = 50.0..=2_000.0;
/// A postcode whose point is only the middle of its sector reaches so far at least.
const SECTOR_REACH_M: f64 = 1_000.0;
/// A street known by a point alone reaches so far.
const STREET_REACH_M: f64 = 250.0;
/// Pieces of one name nearer than this to each other are one street, in millimetres.
const SAME_STREET_MM: i64 = 300_000;
/// Names with more pieces than this are left in pieces.
const PIECES_MAX: usize = 2_000;
/// Ends of lines nearer than this meet, in millimetres.
const MEET_MM: i64 = 1_000;
/// How often the progress is told, in rows.
const PROGRESS_EVERY: u64 = 5_000;

/// What the caller says of the gazetteer.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// What it is of.
    pub kind: Kind,
    /// As people say it.
    pub name: String,
    /// The day for which it is true.
    pub date: String,
    /// Terms of use.
    pub licence: String,
    /// Only what lies in this box: west, south, east, north in metres of the National Grid.
    pub within: Option<[f64; 4]>,
    /// The table of a GeoPackage, or the file of an archive, where there are several.
    pub part: Option<String>,
    /// The field with the code or the street's name, where it is not found by itself.
    pub field: Option<String>,
    /// The field with the town that tells streets of one name apart.
    pub town_field: Option<String>,
    /// The coordinates, where the file does not say, or says wrong.
    pub crs: Option<Crs>,
}

/// Why a file is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Its coordinates are not what they say.
    #[error(transparent)]
    Coordinates(ImportError),
    /// The code or name is not where it was looked for.
    #[error("no column for the {kind}; the file has {has}; say which with --field")]
    NoField {
        /// What was looked for.
        kind: Kind,
        /// The columns.
        has: String,
    },
    /// More than a gazetteer holds.
    #[error(
        "it has more than {ENTRIES_MAX} entries or {CORNERS_MAX} corners; say the council's box with --within WEST,SOUTH,EAST,NORTH in metres"
    )]
    TooMany,
    /// Nothing could be used.
    #[error("nothing in the file can be used as a gazetteer of kind {kind}:\n{report}")]
    Nothing {
        /// What was looked for.
        kind: Kind,
        /// Why not.
        report: GazetteerReport,
    },
}

impl From<ImportError> for ReadError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Source(error) => Self::Source(error),
            other => Self::Coordinates(other),
        }
    }
}

/// What was left out for one reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LeftOut {
    /// How many.
    pub n: u64,
    /// The first.
    pub such_as: String,
}

/// The report of one reading.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GazetteerReport {
    /// What the file was.
    pub form: String,
    /// Rows or features read.
    pub read: u64,
    /// Entries in the gazetteer; several rows may make one.
    pub kept: u64,
    /// What was left out, by reason.
    pub left_out: BTreeMap<&'static str, LeftOut>,
}

impl GazetteerReport {
    fn leave(&mut self, why: &'static str, what: impl FnOnce() -> String) {
        let left = self.left_out.entry(why).or_default();
        if left.n == 0 {
            left.such_as = what().chars().take(80).collect();
        }
        left.n += 1;
    }
}

impl fmt::Display for GazetteerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} rows read, {} entries", self.form, self.read, self.kept)?;
        for (why, left) in &self.left_out {
            writeln!(f, "  left out {:>7}  {why}: {}", left.n, left.such_as)?;
        }
        Ok(())
    }
}

/// Reads a file, an archive of tables, or a map file of streets.
///
/// * `progress`: told (rows done, rows in all; the second is a guess).
pub fn read(
    path: &Path,
    options: &ReadOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Gazetteer, GazetteerReport), ReadError> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    from_origin(&Origin::File(path.to_owned()), &name, options, progress)
}

/// Reads from memory; see [`read()`].
pub fn read_bytes(bytes: &[u8], name: &str, options: &ReadOptions) -> Result<(Gazetteer, GazetteerReport), ReadError> {
    from_origin(&Origin::Memory(name, bytes), name, options, &mut |_, _| {})
}

fn from_origin(
    origin: &Origin<'_>,
    source_name: &str,
    options: &ReadOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Gazetteer, GazetteerReport), ReadError> {
    let mut making = Making::new(options, progress);
    let head = origin.head()?;
    if head.starts_with(b"PK\x03\x04") {
        let archive = Archive::open(origin)?;
        let tables = rows::tables_of(&archive, options.part.as_deref())?;
        if tables.is_empty() {
            making.features(origin)?;
        }
        for table in &tables {
            making.table(table)?;
        }
    } else if source::told(&head).is_ok_and(|form| form == Form::Table) && !rows::has_wkt(origin)? {
        making.table(origin)?;
    } else {
        making.features(origin)?;
    }
    making.done(source_name)
}

/// What is kept of one thing until all is read.
#[derive(Debug, Clone)]
struct Found {
    key: u64,
    name: String,
    at: [i32; 2],
    reach_m: f64,
    lines: Vec<Vec<[i32; 2]>>,
}

/// A gazetteer in the making.
struct Making<'m> {
    options: &'m ReadOptions,
    progress: &'m mut dyn FnMut(u64, u64),
    report: GazetteerReport,
    found: Vec<Found>,
    corners_n: usize,
}

impl<'m> Making<'m> {
    fn new(options: &'m ReadOptions, progress: &'m mut dyn FnMut(u64, u64)) -> Self {
        Self { options, progress, report: GazetteerReport::default(), found: Vec::new(), corners_n: 0 }
    }

    fn tell(&mut self, part: f64) {
        if self.report.read % PROGRESS_EVERY == 1 {
            let guess = (self.report.read as f64 / part.clamp(1e-6, 1.0)) as u64;
            (self.progress)(self.report.read, guess.max(self.report.read));
        }
    }

    /// Keeps one, if it lies in the box.
    fn keep(&mut self, found: Found) -> Result<(), ReadError> {
        if let Some([west, south, east, north]) = self.options.within {
            let [x, y] = found.at.map(|mm| f64::from(mm) / 1_000.0);
            if !((west..=east).contains(&x) && (south..=north).contains(&y)) {
                self.report.leave("outside the box", || format!("{x},{y}"));
                return Ok(());
            }
        }
        self.corners_n += found.lines.iter().map(Vec::len).sum::<usize>();
        self.found.push(found);
        // Pieces of a street are joined at the end; until then there may be more of them than entries.
        if self.found.len() > ENTRIES_MAX || self.corners_n > CORNERS_MAX { Err(ReadError::TooMany) } else { Ok(()) }
    }

    /// A map file: streets as lines, or anything with a code in a field.
    fn features(&mut self, origin: &Origin<'_>) -> Result<(), ReadError> {
        let choice = Choice { part: self.options.part.as_deref(), columns: None };
        let file = source::open(origin, &choice)?;
        self.report.form = file.form().to_string();
        let (crs, _) = coordinates(&*file, self.options.crs)?;
        let field = self.field(&*file)?;
        let mut ended = Ok(());
        file.each(&mut |raw, part| {
            self.report.read += 1;
            self.tell(part);
            ended = self.feature(&raw, &field, crs);
            if ended.is_ok() { Go::On } else { Go::Stop }
        })?;
        ended
    }

    /// The field with the code or the name: as told, else by its usual names.
    fn field(&self, file: &dyn source::Source) -> Result<String, ReadError> {
        if let Some(field) = &self.options.field {
            return Ok(field.clone());
        }
        const LOOKED_AT: usize = 100;
        let mut names: Vec<String> = Vec::new();
        let mut looked = 0;
        file.each(&mut |raw, _| {
            for (name, _) in raw.fields {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            looked += 1;
            if looked < LOOKED_AT { Go::On } else { Go::Stop }
        })?;
        let usual = rows::usual(self.options.kind);
        let found = usual.iter().find_map(|usual| names.iter().find(|name| rows::plain(name) == *usual));
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            ReadError::NoField { kind: self.options.kind, has: source::listed(&names) }
        })
    }

    fn feature(&mut self, raw: &Raw, field: &str, crs: Crs) -> Result<(), ReadError> {
        let kind = self.options.kind;
        let Some(text) = raw.field(field) else {
            self.report.leave("has no code or name", || format!("no. {}", raw.index));
            return Ok(());
        };
        let Some(key) = rows::key(kind, text) else {
            self.report.leave("the code has not the form of one", || text.to_owned());
            return Ok(());
        };
        let town = self.options.town_field.as_deref().and_then(|field| raw.field(field));
        let mut outside = false;
        let mut line = |corners: &[[f64; 2]]| -> Vec<[i32; 2]> {
            let line: Option<Vec<_>> = corners.iter().map(|at| on_grid(crs, *at)).collect();
            outside |= line.is_none();
            line.unwrap_or_default()
        };
        let lines: Vec<Vec<[i32; 2]>> = match &raw.shape {
            Shape::Lines(lines) => lines.iter().map(|corners| line(corners)).collect(),
            Shape::Points(points) => points.iter().map(|point| line(&[*point])).collect(),
            // An area is known by its outline.
            Shape::Areas(areas) => areas.iter().filter_map(|rings| rings.first()).map(|ring| line(ring)).collect(),
            Shape::Not(class, words) => {
                let why = format!("no. {}: {} {}", raw.index, class.words(), words.as_deref().unwrap_or_default());
                self.report.leave("its geometry cannot be used", || why);
                return Ok(());
            }
        };
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        let Some(at) = lines.first().and_then(|line| line.first()).copied() else {
            let why = if outside { "outside Great Britain" } else { "its geometry cannot be used" };
            self.report.leave(why, || text.to_owned());
            return Ok(());
        };
        self.keep(Found { key, name: rows::named(kind, text, town), at, reach_m: 0.0, lines })
    }

    fn done(mut self, source_name: &str) -> Result<(Gazetteer, GazetteerReport), ReadError> {
        let kind = self.options.kind;
        let found = std::mem::take(&mut self.found);
        let entries = match kind {
            Kind::Postcode => postcodes(found),
            Kind::Uprn => found.into_iter().map(|one| point(one, PROPERTY_REACH_M)).collect(),
            Kind::Usrn => {
                let mut by_key: BTreeMap<u64, Vec<Found>> = BTreeMap::new();
                for one in found {
                    by_key.entry(one.key).or_default().push(one);
                }
                by_key.into_values().filter_map(street).collect()
            }
            Kind::Street => {
                let mut by_name: BTreeMap<String, Vec<Found>> = BTreeMap::new();
                for one in found {
                    by_name.entry(one.name.clone()).or_default().push(one);
                }
                by_name.into_values().flat_map(apart).filter_map(street).collect()
            }
        };
        let options = self.options;
        let meta = GazetteerMeta {
            kind,
            name: options.name.clone(),
            date: options.date.clone(),
            licence: options.licence.clone(),
            source: source_name.to_owned(),
            entries: 0,
        };
        let gazetteer = Gazetteer::new(meta, entries);
        self.report.kept = gazetteer.len() as u64;
        (self.progress)(self.report.read, self.report.read);
        if gazetteer.is_empty() {
            return Err(ReadError::Nothing { kind, report: self.report });
        }
        Ok((gazetteer, self.report))
    }
}

/// A place of a file in millimetres of the National Grid; `None` outside Great Britain.
fn on_grid(crs: Crs, [x, y]: [f64; 2]) -> Option<[i32; 2]> {
    let point = match crs {
        Crs::Bng => GridPoint::on_grid(x, y).ok()?,
        Crs::Wgs84 => to_grid(LatLon { lat: y, lon: x }).ok()?,
    };
    Some([point.easting_mm, point.northing_mm])
}

fn decimetres(metres: f64) -> u32 {
    (metres * 10.0).round().clamp(0.0, f64::from(u32::MAX)) as u32
}

fn point(one: Found, reach_m: f64) -> Entry {
    let reach_dm = decimetres(one.reach_m.max(reach_m));
    Entry { key: one.key, folded: String::new(), name: String::new(), at: one.at, reach_dm, line: Vec::new() }
}

/// Postcodes tile the ground: one reaches about as far as its neighbours' points are away. They are looked for in
/// squares around, ring by ring, as far as a postcode may reach.
fn postcodes(found: Vec<Found>) -> Vec<Entry> {
    const SQUARE_MM: i32 = 500_000;
    const RINGS: i32 = 4;
    let square = |at: [i32; 2]| at.map(|mm| mm.div_euclid(SQUARE_MM));
    let mut squares: BTreeMap<[i32; 2], Vec<[i32; 2]>> = BTreeMap::new();
    for one in &found {
        squares.entry(square(one.at)).or_default().push(one.at);
    }
    let near_m = |at: [i32; 2]| {
        let [x, y] = square(at);
        let mut gaps = Vec::new();
        for ring in 0..=RINGS {
            for column in x - ring..=x + ring {
                // Only the edge of the ring: its middle was looked at before.
                let step = if (column - x).abs() == ring { 1 } else { (2 * ring).max(1) };
                for row in (y - ring..=y + ring).step_by(step as usize) {
                    let there = squares.get(&[column, row]).into_iter().flatten();
                    gaps.extend(there.map(|other| gap_mm(at, *other)));
                }
            }
            gaps.sort_by(f64::total_cmp);
            // The point itself is the first; what lies within the rings looked at is certain.
            if let Some(gap) = gaps.get(NEIGHBOUR).filter(|gap| **gap <= f64::from(ring * SQUARE_MM)) {
                return gap / 1_000.0;
            }
            gaps.truncate(10 * NEIGHBOUR);
        }
        f64::INFINITY
    };
    found
        .into_iter()
        .map(|one| {
            let reach_m = near_m(one.at).clamp(*POSTCODE_REACH_M.start(), *POSTCODE_REACH_M.end());
            point(one, reach_m)
        })
        .collect()
}

/// The pieces of one name, parted into streets that are not near each other.
fn apart(pieces: Vec<Found>) -> Vec<Vec<Found>> {
    if pieces.len() > PIECES_MAX {
        return pieces.into_iter().map(|piece| vec![piece]).collect();
    }
    let boxes: Vec<[i64; 4]> = pieces
        .iter()
        .map(|piece| {
            piece.lines.iter().flatten().chain([&piece.at]).fold([i64::MAX, i64::MAX, i64::MIN, i64::MIN], |all, at| {
                let [x, y] = at.map(i64::from);
                [all[0].min(x), all[1].min(y), all[2].max(x), all[3].max(y)]
            })
        })
        .collect();
    let near = |a: &[i64; 4], b: &[i64; 4]| {
        (0..2).all(|axis| a[axis] - SAME_STREET_MM <= b[axis + 2] && b[axis] - SAME_STREET_MM <= a[axis + 2])
    };
    let mut street_of: Vec<usize> = (0..pieces.len()).collect();
    for a in 0..pieces.len() {
        for b in a + 1..pieces.len() {
            if street_of[a] != street_of[b] && near(&boxes[a], &boxes[b]) {
                let (keep, gone) = (street_of[a].min(street_of[b]), street_of[a].max(street_of[b]));
                street_of.iter_mut().filter(|street| **street == gone).for_each(|street| *street = keep);
            }
        }
    }
    let mut streets: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for (piece, street) in pieces.into_iter().zip(street_of) {
        streets.entry(street).or_default().push(piece);
    }
    streets.into_values().collect()
}

/// One street from its pieces: its longest run of lines that meet, the middle of that, and how far its farthest
/// corner is from there.
fn street(pieces: Vec<Found>) -> Option<Entry> {
    let first = pieces.first()?;
    let (key, name, lone, reach_m) = (first.key, first.name.clone(), first.at, first.reach_m);
    let (street, _) = name.split_once(',').unwrap_or((&name, ""));
    let folded = street_key(street);
    let corners: Vec<[i32; 2]> =
        pieces.iter().flat_map(|piece| piece.lines.iter().flatten().chain([&piece.at])).copied().collect();
    let line = joined(pieces.into_iter().flat_map(|piece| piece.lines).filter(|line| line.len() > 1).collect());
    let at = if line.is_empty() { lone } else { middle(&line) };
    let farthest = corners.iter().map(|corner| gap_mm(at, *corner)).fold(0.0, f64::max) / 1_000.0;
    let least = if line.is_empty() && reach_m == 0.0 { STREET_REACH_M } else { reach_m };
    Some(Entry { key, folded, name, at, reach_dm: decimetres(farthest.max(least)), line })
}

fn gap_mm(a: [i32; 2], b: [i32; 2]) -> f64 {
    (f64::from(a[0]) - f64::from(b[0])).hypot(f64::from(a[1]) - f64::from(b[1]))
}

fn length_mm(line: &[[i32; 2]]) -> f64 {
    line.windows(2).map(|pair| gap_mm(pair[0], pair[1])).sum()
}

/// Lines put end to end where they meet; the longest run.
fn joined(mut lines: Vec<Vec<[i32; 2]>>) -> Vec<[i32; 2]> {
    let meet = |a: [i32; 2], b: [i32; 2]| gap_mm(a, b) <= MEET_MM as f64;
    if lines.len() > PIECES_MAX {
        lines.truncate(PIECES_MAX);
    }
    let mut best: Vec<[i32; 2]> = Vec::new();
    while let Some(mut run) = lines.pop() {
        while let (Some(head), Some(tail)) = (run.first().copied(), run.last().copied()) {
            let next = lines.iter().position(|line| {
                let (a, b) = (line[0], line[line.len() - 1]);
                [head, tail].iter().any(|end| meet(*end, a) || meet(*end, b))
            });
            let Some(mut line) = next.map(|at| lines.swap_remove(at)) else { break };
            let (a, b) = (line[0], line[line.len() - 1]);
            if meet(tail, a) {
                run.extend_from_slice(&line[1..]);
            } else if meet(tail, b) {
                line.reverse();
                run.extend_from_slice(&line[1..]);
            } else {
                if meet(head, a) {
                    line.reverse();
                }
                line.pop();
                line.append(&mut run);
                run = line;
            }
        }
        if best.is_empty() || length_mm(&run) > length_mm(&best) {
            best = run;
        }
    }
    best
}

/// The point half-way along a line.
fn middle(line: &[[i32; 2]]) -> [i32; 2] {
    let mut left = length_mm(line) / 2.0;
    for pair in line.windows(2) {
        let long = gap_mm(pair[0], pair[1]);
        if long >= left && long > 0.0 {
            let share = left / long;
            let between = |axis: usize| {
                let (a, b) = (f64::from(pair[0][axis]), f64::from(pair[1][axis]));
                (a + (b - a) * share).round() as i32
            };
            return [between(0), between(1)];
        }
        left -= long;
    }
    line.first().copied().unwrap_or_default()
}
