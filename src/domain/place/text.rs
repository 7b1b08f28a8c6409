//! Places as people type and read them: grid references, eastings and northings, degrees. Every refusal says what
//! was wrong and how to mend it, since the person reading it has a caller on the line.

use super::refusal::{PlaceError, shown};
use super::{EASTING_M_MAX, GridPoint, LatLon, Located, NORTHING_M_MAX, TYPED_GRID_UNCERTAINTY_M, degrees};
use std::fmt;

/// Metres in a degree of latitude, near enough for an uncertainty.
const DEGREE_M: f64 = 111_320.0;
/// The fewest figures of a grid reference that say a place: two (a 10 km square); letters alone are 100 km.
const FIGURES_MIN: usize = 2;
/// The most figures of a grid reference: to the millimetre.
const FIGURES_MAX: usize = 16;

/// A place as it was given, understood but not yet converted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Given {
    /// On the National Grid.
    Grid(Located),
    /// In degrees, with the uncertainty in metres that their last decimal place implies (at least 1 m).
    Degrees(LatLon, f64),
}

/// A grid reference: a square of the National Grid, not a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridReference {
    /// Its south-west corner.
    pub corner: GridPoint,
    /// Its side in millimetres: 10 km for two figures, 100 m for six, 1 m for ten.
    pub side_mm: i32,
}

impl GridReference {
    /// Reads `SJ 49401 25322`, `st123456`, `TQ 30163, 80321`: two letters, then the same number of figures east and
    /// north, in any case and spacing.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let given = shown(text);
        let body = text.trim();
        let letters: String =
            body.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase();
        let rest = &body[letters.len()..];
        let groups: Vec<&str> =
            rest.split(|c: char| c.is_whitespace() || c == ',').filter(|group| !group.is_empty()).collect();
        if groups.iter().any(|group| !group.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(PlaceError::NotUnderstood(given));
        }
        let (first, second) = match letters.as_bytes() {
            [_] => return Err(PlaceError::IrishGrid(given)),
            [first, second] => (*first, *second),
            _ => return Err(PlaceError::NotUnderstood(given)),
        };
        let square = square_origin_m(first, second).ok_or_else(|| PlaceError::NoSuchSquare(letters.clone()))?;
        let figures: usize = groups.iter().map(|group| group.len()).sum();
        let (east, north) = match groups.as_slice() {
            [] => return Err(PlaceError::SquareOnly(letters)),
            [east, north] => ((*east).to_owned(), (*north).to_owned()),
            _ => {
                let all = groups.concat();
                let (east, north) = all.split_at(figures / 2);
                (east.to_owned(), north.to_owned())
            }
        };
        if east.len() != north.len() || !(FIGURES_MIN..=FIGURES_MAX).contains(&figures) {
            return Err(PlaceError::UnevenFigures { east: east.len(), north: north.len() });
        }
        let side_mm = 10_i32.pow(8 - east.len() as u32);
        let offset = |digits: &str| digits.parse::<i32>().expect("1 to 8 ASCII digits fit an i32") * side_mm;
        Ok(Self {
            corner: GridPoint {
                easting_mm: square.0 * 1000 + offset(&east),
                northing_mm: square.1 * 1000 + offset(&north),
            },
            side_mm,
        })
    }

    /// The middle of the square, uncertain by half its diagonal.
    pub fn located(self) -> Located {
        let half = self.side_mm / 2;
        let middle =
            GridPoint { easting_mm: self.corner.easting_mm + half, northing_mm: self.corner.northing_mm + half };
        Located::square(middle, f64::from(self.side_mm) / 1000.0)
    }
}

impl fmt::Display for GridReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = 8 - self.side_mm.max(1).ilog10();
        f.write_str(&format_grid_reference(self.corner, figures as usize))
    }
}

/// The grid reference of the square that a point is in, e.g. `SJ 49401 25322` for five figures each way.
///
/// * `figures`: 1 (10 km) to 8 (1 mm) each way; 5 says the metre.
/// * A point off the lettered grid is written as easting and northing in metres.
pub fn format_grid_reference(point: GridPoint, figures: usize) -> String {
    let figures = figures.clamp(1, 8) as u32;
    let (e, n) = (point.easting_mm, point.northing_mm);
    let Some((first, second)) = square_letters(e.div_euclid(100_000_000), n.div_euclid(100_000_000)) else {
        return format!("{},{}", point.easting(), point.northing());
    };
    let cut = |mm: i32| mm.rem_euclid(100_000_000) / 10_i32.pow(8 - figures);
    format!("{first}{second} {:0width$} {:0width$}", cut(e), cut(n), width = figures as usize)
}

/// Reads a place in any of the typed forms: a grid reference, easting and northing in metres (`349401,325322`,
/// `E 349401 N 325322`), or degrees (`52.8223,-2.7524`, `52.8223N 2.7524W`, `52°49'20"N 2°45'9"W`, `geo:52.8,-2.7`).
///
/// Two numbers are degrees when both could be (at most 180); else metres.
pub fn parse_place(text: &str) -> Result<Given, PlaceError> {
    let body = text.trim();
    if body.is_empty() {
        return Err(PlaceError::Empty);
    }
    if let Some(read) = degrees::read(body) {
        return read;
    }
    if let Some(numbers) = Numbers::read(body) {
        return numbers.place(body);
    }
    if body.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return GridReference::parse(body).map(|reference| Given::Grid(reference.located()));
    }
    Err(PlaceError::NotUnderstood(shown(body)))
}

/// Two numbers with their optional letters: `E`/`N` in front (metres), or `N`, `S`, `E`, `W` behind (degrees).
struct Numbers {
    values: [f64; 2],
    /// The letter in front of each, else behind, upper case.
    letters: [Option<(char, bool)>; 2],
    /// Decimal places of the coarser one.
    decimals: usize,
}

impl Numbers {
    fn read(body: &str) -> Option<Self> {
        // Degree signs and separators become spaces; letters stand apart from digits.
        let mut spaced = String::with_capacity(body.len() + 8);
        let mut last_alphabetic = None;
        for c in body.chars() {
            let c = match c {
                '°' | ',' | ';' | ':' | '=' => ' ',
                other => other,
            };
            if !c.is_whitespace() {
                if last_alphabetic.is_some_and(|last| last != c.is_alphabetic()) {
                    spaced.push(' ');
                }
                last_alphabetic = Some(c.is_alphabetic());
            } else {
                last_alphabetic = None;
            }
            spaced.push(c);
        }
        let mut values = Vec::new();
        let mut decimals = Vec::new();
        let mut letters: Vec<Option<(char, bool)>> = Vec::new();
        let mut pending = None;
        for word in spaced.split_whitespace() {
            if let Some(letter) = direction(word) {
                match letters.last_mut() {
                    // Letters in front: the first word was a letter, so the next letter belongs to the next number.
                    _ if pending.is_some() => return None,
                    Some(slot @ None) => *slot = Some((letter, false)),
                    _ => pending = Some(letter),
                }
            } else {
                if !word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte)) {
                    return None;
                }
                values.push(word.parse::<f64>().ok()?);
                decimals.push(word.split_once('.').map_or(0, |(_, after)| after.len()));
                letters.push(pending.take().map(|letter| (letter, true)));
            }
        }
        let (&[first, second], &[one, two]) = (values.as_slice(), letters.as_slice()) else { return None };
        if pending.is_some() {
            return None;
        }
        let decimals = *decimals.iter().min()?;
        Some(Self { values: [first, second], letters: [one, two], decimals })
    }

    fn place(&self, body: &str) -> Result<Given, PlaceError> {
        let [first, second] = self.values;
        let degrees = libm::fabs(first) <= 180.0 && libm::fabs(second) <= 180.0;
        match self.letters.map(|letter| letter.map(|(letter, _)| letter)) {
            [None, None] if degrees => self.degrees(first, second),
            [None, None] => grid(first, second),
            [Some(one @ ('N' | 'S')), Some(two @ ('E' | 'W'))] if degrees => {
                self.degrees(signed(first, one == 'S'), signed(second, two == 'W'))
            }
            [Some(one @ ('E' | 'W')), Some(two @ ('N' | 'S'))] if degrees => {
                self.degrees(signed(second, two == 'S'), signed(first, one == 'W'))
            }
            [Some('E'), Some('N')] => grid(first, second),
            [Some('N'), Some('E')] => grid(second, first),
            _ => Err(PlaceError::NotUnderstood(shown(body))),
        }
    }

    fn degrees(&self, lat: f64, lon: f64) -> Result<Given, PlaceError> {
        let place = LatLon::in_great_britain(lat, lon)?;
        let step = DEGREE_M * libm::pow(10.0, -(self.decimals as f64));
        Ok(Given::Degrees(place, libm::fmax(step / 2.0, 1.0)))
    }
}

fn direction(word: &str) -> Option<char> {
    match word.to_ascii_uppercase().as_str() {
        "N" | "NORTHING" | "NORTH" => Some('N'),
        "E" | "EASTING" | "EAST" => Some('E'),
        "S" | "SOUTH" => Some('S'),
        "W" | "WEST" => Some('W'),
        _ => None,
    }
}

fn signed(value: f64, negative: bool) -> f64 {
    if negative { -value } else { value }
}

fn grid(easting: f64, northing: f64) -> Result<Given, PlaceError> {
    let point = GridPoint::on_grid(easting, northing)?;
    Ok(Given::Grid(Located::new(point, TYPED_GRID_UNCERTAINTY_M)))
}

pub(super) fn check_grid(easting: f64, northing: f64) -> Result<(), PlaceError> {
    for (value, what) in [(easting, "easting"), (northing, "northing")] {
        if !value.is_finite() {
            return Err(PlaceError::NotFinite { what });
        }
    }
    if easting == 0.0 && northing == 0.0 {
        return Err(PlaceError::Null);
    }
    let inside = |e: f64, n: f64| (0.0..=EASTING_M_MAX).contains(&e) && (0.0..=NORTHING_M_MAX).contains(&n);
    if inside(easting, northing) {
        Ok(())
    } else if inside(northing, easting) {
        Err(PlaceError::SwappedGrid { easting, northing })
    } else {
        Err(PlaceError::OutsideGrid { easting, northing })
    }
}

pub(super) fn check_degrees(lat: f64, lon: f64) -> Result<(), PlaceError> {
    for (value, what) in [(lat, "latitude"), (lon, "longitude")] {
        if !value.is_finite() {
            return Err(PlaceError::NotFinite { what });
        }
    }
    // Receivers without a fix also send tiny numbers instead of a clean 0,0.
    if libm::fabs(lat) < 0.001 && libm::fabs(lon) < 0.001 {
        return Err(PlaceError::Null);
    }
    let inside = |lat: f64, lon: f64| (49.8..=60.9).contains(&lat) && (-8.7..=1.8).contains(&lon);
    if !inside(lat, lon) {
        return Err(if inside(lon, lat) {
            PlaceError::Swapped { lat, lon }
        } else if (51.3..=55.5).contains(&lat) && (-10.8..-8.7).contains(&lon) {
            PlaceError::Ireland { lat, lon }
        } else {
            PlaceError::OutsideDegrees { lat, lon }
        });
    }
    // Ireland: west of the Ards peninsula (5.42 W) up to Torr Head, then west of Rathlin's east end up to Malin Head.
    // Wales' westernmost land is 5.32 W, Kintyre's south end 5.80 W at 55.29 N, Islay begins at 55.58 N.
    let ireland = (51.3..55.25).contains(&lat) && lon < -5.42 || (55.25..55.5).contains(&lat) && lon < -6.0;
    if ireland { Err(PlaceError::Ireland { lat, lon }) } else { Ok(()) }
}

/// The south-west corner in metres of the 100 km square of two letters; `None` off Great Britain.
///
/// Letters run A to Z without I, in rows of five from the north-west; the first letter's squares are 500 km, with
/// the origin of the grid at the south-west corner of S (Ordnance Survey, "A guide to coordinate systems in Great
/// Britain").
fn square_origin_m(first: u8, second: u8) -> Option<(i32, i32)> {
    let place = |letter: u8| match letter {
        b'A'..=b'H' => Some(i32::from(letter - b'A')),
        b'J'..=b'Z' => Some(i32::from(letter - b'A') - 1),
        _ => None,
    };
    let (large, small) = (place(first)?, place(second)?);
    let east = (large % 5 - 2) * 5 + small % 5;
    let north = (3 - large / 5) * 5 + 4 - small / 5;
    ((0..7).contains(&east) && (0..13).contains(&north)).then_some((east * 100_000, north * 100_000))
}

fn square_letters(east: i32, north: i32) -> Option<(char, char)> {
    if !(0..7).contains(&east) || !(0..13).contains(&north) {
        return None;
    }
    let large = (3 - north / 5) * 5 + 2 + east / 5;
    let small = (4 - north % 5) * 5 + east % 5;
    let letter = |place: i32| char::from(b"ABCDEFGHJKLMNOPQRSTUVWXYZ"[place as usize]);
    Some((letter(large), letter(small)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match parse_place(text) {
            Ok(Given::Grid(at)) => format!("{},{} +-{:.2}", at.point.easting(), at.point.northing(), at.uncertainty_m),
            Ok(Given::Degrees(at, uncertainty)) => format!("{}N {}E +-{uncertainty:.2}", at.lat, at.lon),
            Err(error) => format!("{error:?}"),
        };
        assert!(got.starts_with(expected), "{text}: {got}");
    }

    #[test]
    fn a_grid_reference_is_a_square_and_says_how_big() {
        check("SJ 49401 25322", "349401.5,325322.5 +-0.71");
        check("st123456", "312350,145650 +-70.71");
        check("ST 123 456", "312350,145650 +-70.71");
        check("TQ 30163, 80321", "530163.5,180321.5 +-0.71");
        check("SV 91492146 11318804", "91492.146,11318.804 +-0.00");
        check("HP 60 15", "460500,1215500 +-707.11");
        check("SJ", "SquareOnly");
        check("SJ 4940 25322", "UnevenFigures { east: 4, north: 5 }");
        check("SJ494025322", "UnevenFigures");
        check("J 338 740", "IrishGrid");
        check("SI 338 740", "NoSuchSquare");
        check("AA 338 740", "NoSuchSquare");
    }

    #[test]
    fn eastings_northings_and_degrees_are_told_apart_by_size() {
        check("349401,325322", "349401,325322 +-1.00");
        check("349401.5 325322.25", "349401.5,325322.25 +-1.00");
        check("E 349401 N 325322", "349401,325322 +-1.00");
        check("e349401n325322", "349401,325322 +-1.00");
        check("N 325322 E 349401", "349401,325322 +-1.00");
        check("52.82231,-2.75240", "52.82231N -2.7524E +-1.00");
        check("52.8 -2.7", "52.8N -2.7E +-5566.00");
        check("52.8223°N 2.7524°W", "52.8223N -2.7524E +-5.57");
        check("2.7524W, 52.8223N", "52.8223N -2.7524E +-5.57");
    }

    #[test]
    fn the_usual_slips_are_named() {
        check("0,0", "Null");
        check("0.0000,0.0000", "Null");
        check("-2.7524,52.8223", "Swapped");
        check("325322,1349401", "OutsideGrid");
        check("1249401,325322", "SwappedGrid");
        check("54.5973,-5.9301", "Ireland");
        check("53.3498,-6.2603", "Ireland");
        check("48.8566,2.3522", "OutsideDegrees");
        check("52.8223,2.7524", "OutsideDegrees");
        check("", "Empty");
        check("the big tree by the church", "NotUnderstood");
        check("12 High Street", "NotUnderstood");
        check("1 2 3", "NotUnderstood");
        let said = parse_place("-2.7524,52.8223").unwrap_err().to_string();
        assert!(said.ends_with("send latitude 52.8223, longitude -2.7524"), "{said}");
        assert!(matches!(LatLon::in_great_britain(f64::NAN, 0.0), Err(PlaceError::NotFinite { what: "latitude" })));
        assert!(GridPoint::on_grid(f64::INFINITY, 1.0).is_err());
    }

    #[test]
    fn kintyre_islay_and_pembroke_are_not_ireland() {
        for (lat, lon) in [(55.31, -5.80), (55.63, -6.19), (51.88, -5.31), (49.92, -6.30), (54.64, -4.95)] {
            assert!(LatLon::in_great_britain(lat, lon).is_ok(), "{lat},{lon}");
        }
    }

    #[test]
    fn a_reference_reads_back_as_itself_in_every_square() {
        for east in 0..7 {
            for north in 0..13 {
                let point =
                    GridPoint { easting_mm: east * 100_000_000 + 12_345_678, northing_mm: north * 100_000_000 + 987 };
                let written = format_grid_reference(point, 8);
                let read = GridReference::parse(&written).unwrap();
                assert_eq!(read.corner, point, "{written}");
                assert_eq!(read.to_string(), written);
            }
        }
        assert_eq!(format_grid_reference(GridPoint::from_metres(349_401.9, 325_322.9), 5), "SJ 49401 25322");
    }
}
