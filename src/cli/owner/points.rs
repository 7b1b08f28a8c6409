//! A file of points, asked run by run: read, looked up together, written; never held whole.

use crate::domain::ownership::Position;
use crate::domain::place::GridPoint;
use crate::landbook::geometry::{Corner, corner};
use crate::landbook::layer::Layer;
use crate::landbook::packed::Touch;
use crate::landbook::packed::batch::RUN;
use anyhow::{Context, Result, bail};
use csv::ByteRecord;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The rows of a CSV file with the columns `id`, `easting` and `northing` in metres, in any order among others.
pub struct PointFile {
    path: PathBuf,
    reader: csv::Reader<File>,
    columns: [usize; 3],
    row: ByteRecord,
}

/// Some points of the file, in its order.
#[derive(Default)]
pub struct Run {
    ids: Vec<u8>,
    id_ends: Vec<usize>,
    /// Where they are.
    pub corners: Vec<Corner>,
}

impl Run {
    /// A point's id as it stands in the file.
    pub fn id(&self, number: usize) -> &[u8] {
        let from = if number == 0 { 0 } else { self.id_ends[number - 1] };
        &self.ids[from..self.id_ends[number]]
    }

    fn clear(&mut self) {
        self.ids.clear();
        self.id_ends.clear();
        self.corners.clear();
    }
}

impl PointFile {
    /// Opens a file and finds its columns.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).buffer_capacity(1 << 16).from_reader(file);
        let headers = reader.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
        let column = |name: &str| {
            let named = |header: &str| header.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
            headers.iter().position(named).with_context(|| {
                format!("{} has no column \"{name}\"; its first row must be id,easting,northing", path.display())
            })
        };
        let columns = [column("id")?, column("easting")?, column("northing")?];
        Ok(Self { path: path.to_owned(), reader, columns, row: ByteRecord::new() })
    }

    /// Reads the next points into `run`; false when there are no more.
    pub fn next(&mut self, run: &mut Run) -> Result<bool> {
        run.clear();
        while run.corners.len() < RUN {
            let path = self.path.display();
            if !self.reader.read_byte_record(&mut self.row).with_context(|| format!("cannot read {path}"))? {
                break;
            }
            let [id, easting, northing] = self.columns;
            let (easting, northing) = (self.metres(easting)?, self.metres(northing)?);
            // Points off the grid touch nothing; only what cannot be a number of millimetres is refused.
            if !(easting.abs() < 2e6 && northing.abs() < 2e6) {
                let line = self.line();
                bail!("{path} line {line}: easting {easting}, northing {northing} are not metres of the National Grid");
            }
            run.ids.extend_from_slice(self.row.get(id).unwrap_or_default());
            run.id_ends.push(run.ids.len());
            run.corners.push(corner(GridPoint::from_metres(easting, northing)));
        }
        Ok(!run.corners.is_empty())
    }

    fn metres(&self, column: usize) -> Result<f64> {
        let cell = self.row.get(column).unwrap_or_default();
        let number = std::str::from_utf8(cell).ok().and_then(|cell| cell.trim().parse().ok());
        number.with_context(|| {
            let cell = String::from_utf8_lossy(cell);
            format!("{} line {}: \"{cell}\" is not a number", self.path.display(), self.line())
        })
    }

    fn line(&self) -> u64 {
        self.row.position().map_or(0, csv::Position::line)
    }
}

/// Writes `id,feature,position`: a row for each feature that a point touches, points in the file's order, features in
/// the layer's.
pub fn write_touching(layer: &Layer, points: &mut PointFile, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(out);
    csv.write_record(["id", "feature", "position"])?;
    let mut run = Run::default();
    let mut found: Vec<(u32, Touch)> = Vec::new();
    while points.next(&mut run)? {
        found.clear();
        layer.index().each_touching_batch(&run.corners, |number, touch| found.push((number as u32, touch)));
        // Inside goes before on the boundary, where two polygons of a feature meet.
        found.sort_unstable();
        found.dedup_by_key(|(number, touch)| (*number, touch.feature));
        for (number, touch) in &found {
            let feature = &layer.features()[touch.feature as usize];
            let position = position_word(touch.position);
            csv.write_record([run.id(*number as usize), feature.id.as_bytes(), position.as_bytes()])?;
        }
    }
    csv.flush().context("cannot write the answers")
}

fn position_word(position: Position) -> &'static str {
    match position {
        Position::Interior => "interior",
        Position::Boundary => "boundary",
    }
}
