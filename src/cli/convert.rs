//! `callout convert`: latitude and longitude to easting and northing, and back, by OSTN15, to the millimetre.
//!
//! Reads CSV and writes CSV with the same rows: the two columns are replaced, others pass through untouched. A row
//! that cannot be converted keeps its place with two empty cells, so that rows still match, and is told at the end.

use crate::domain::place::{GridPoint, LatLon};
use crate::landbook::convert::{to_degrees, to_grid};
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};

/// The most bad rows that are told one by one.
const PROBLEMS_SHOWN: usize = 20;

/// Arguments of `callout convert`.
#[derive(Debug, Clone, clap::Args)]
pub struct ConvertArgs {
    /// Where to: bng (easting,northing in metres, OSTN15) or wgs84 (lat,lon in degrees)
    #[arg(long, value_enum)]
    pub to: Target,
}

/// The two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// `lat,lon` in, `easting,northing` out.
    Bng,
    /// `easting,northing` in, `lat,lon` out.
    Wgs84,
}

impl Target {
    fn columns_in(self) -> [&'static str; 2] {
        match self {
            Self::Bng => ["lat", "lon"],
            Self::Wgs84 => ["easting", "northing"],
        }
    }

    fn columns_out(self) -> [&'static str; 2] {
        match self {
            Self::Bng => ["easting", "northing"],
            Self::Wgs84 => ["lat", "lon"],
        }
    }

    fn convert(self, first: f64, second: f64) -> Result<[String; 2]> {
        match self {
            Self::Bng => {
                let point = to_grid(LatLon { lat: first, lon: second })?;
                Ok([format!("{:.3}", point.easting()), format!("{:.3}", point.northing())])
            }
            Self::Wgs84 => {
                let place = to_degrees(GridPoint::on_grid(first, second)?)?;
                // Eleven places, as Ordnance Survey prints them: a thousandth of a millimetre.
                Ok([format!("{:.11}", place.lat), format!("{:.11}", place.lon)])
            }
        }
    }
}

/// Converts `input` to `output`. An error after the last row names the rows that could not be converted.
pub fn run(args: &ConvertArgs, input: &mut dyn Read, output: &mut dyn Write) -> Result<()> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(input);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(output);
    let mut columns: Option<[usize; 2]> = None;
    let mut problems = Vec::new();
    let mut problems_n = 0_u64;
    let mut rows_n = 0_u64;
    for row in reader.records() {
        let row = row.context("cannot read the CSV")?;
        let line = row.position().map_or(0, csv::Position::line);
        let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
        let [first, second] = match columns {
            Some(columns) => columns,
            None => {
                let (found, is_header) = find_columns(args.to, &cells, line)?;
                columns = Some(found);
                if is_header {
                    let [first, second] = args.to.columns_out();
                    cells[found[0]] = first.to_owned();
                    cells[found[1]] = second.to_owned();
                    writer.write_record(&cells)?;
                    continue;
                }
                writer.write_record(args.to.columns_out())?;
                found
            }
        };
        rows_n += 1;
        let number = |at: usize, name: &str| -> Result<f64> {
            let cell = cells.get(at).with_context(|| format!("there is no column {} ({name})", at + 1))?;
            cell.parse().with_context(|| format!("{name} \"{cell}\" is not a number"))
        };
        let [name_first, name_second] = args.to.columns_in();
        let converted = number(first, name_first)
            .and_then(|one| Ok((one, number(second, name_second)?)))
            .and_then(|(one, two)| args.to.convert(one, two));
        let [one, two] = converted.unwrap_or_else(|problem| {
            problems_n += 1;
            if problems.len() < PROBLEMS_SHOWN {
                problems.push(format!("line {line}: {problem:#}"));
            }
            Default::default()
        });
        cells.resize(cells.len().max(first.max(second) + 1), String::new());
        cells[first] = one;
        cells[second] = two;
        writer.write_record(&cells)?;
    }
    writer.flush()?;
    if problems_n > 0 {
        bail!("{problems_n} of {rows_n} rows could not be converted:\n{}", problems.join("\n"));
    }
    Ok(())
}

/// The two columns, and whether this first row is a header: by name where it has names, else the first two.
fn find_columns(to: Target, cells: &[String], line: u64) -> Result<([usize; 2], bool)> {
    let names = |long: &str, short: &[&str]| {
        cells.iter().position(|cell| {
            let cell = cell.trim_start_matches('\u{feff}').to_ascii_lowercase();
            cell == long || short.contains(&cell.as_str())
        })
    };
    let found = match to {
        Target::Bng => (names("lat", &["latitude", "y"]), names("lon", &["longitude", "lng", "long", "x"])),
        Target::Wgs84 => (names("easting", &["eastings", "e", "x"]), names("northing", &["northings", "n", "y"])),
    };
    if let (Some(first), Some(second)) = found {
        return Ok(([first, second], true));
    }
    if cells.len() >= 2 && cells[..2].iter().all(|cell| cell.parse::<f64>().is_ok()) {
        return Ok(([0, 1], false));
    }
    let [first, second] = to.columns_in();
    bail!(
        "line {line}: there are no columns \"{first}\" and \"{second}\"; name them in the first row, or give two \
         columns of numbers"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn convert(to: Target, text: &str) -> (String, String) {
        let mut output = Vec::new();
        let result = run(&ConvertArgs { to }, &mut text.as_bytes(), &mut output);
        (String::from_utf8(output).unwrap(), result.map_or_else(|error| format!("{error:#}"), |()| String::new()))
    }

    #[test]
    fn columns_are_found_by_name_and_others_pass_through() {
        let (text, error) = convert(Target::Bng, "id,lat,lon,note\na,49.92226393730,-6.29977752014,\"x, y\"\n");
        assert_eq!((text.as_str(), error.as_str()), ("id,easting,northing,note\na,91492.146,11318.804,\"x, y\"\n", ""));
        let (text, _) = convert(Target::Wgs84, "easting,northing\n91492.146,11318.804\n");
        assert!(text.starts_with("lat,lon\n49.92226393"), "{text}");
    }

    #[test]
    fn two_bare_columns_need_no_header() {
        let (text, error) = convert(Target::Bng, "49.92226393730,-6.29977752014\n");
        assert_eq!((text.as_str(), error.as_str()), ("easting,northing\n91492.146,11318.804\n", ""));
    }

    #[test]
    fn a_bad_row_keeps_its_place_and_is_told_with_its_line() {
        let (text, error) = convert(Target::Bng, "lat,lon\n-2.75,52.82\nhere,1\n49.92226393730,-6.29977752014\n");
        assert_eq!(text, "easting,northing\n,\n,\n91492.146,11318.804\n");
        assert!(error.starts_with("2 of 3 rows could not be converted:\nline 2: latitude -2.75"), "{error}");
        assert!(error.contains("line 3: lat \"here\" is not a number"), "{error}");
        let (_, error) = convert(Target::Bng, "place\nhere\n");
        assert!(error.contains("there are no columns \"lat\" and \"lon\""), "{error}");
    }
}
