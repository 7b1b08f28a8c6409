//! ESRI shapefiles: `.shp` with the shapes, `.dbf` with a row for each, `.prj` with the coordinates, `.cpg` with the
//! letters. The `.shx` is not needed: the shapes are read in order.
//!
//! Written by hand, after the format's description by ESRI (1998), since the crate for it reserves as much memory as
//! the file claims to need (16 bytes for each of up to two thousand million corners).

use super::dbf::Rows;
use super::origin::Origin;
use super::{FEATURE_BYTES_MAX, FEATURE_CORNERS_MAX, Form, Go, Named, Raw, Shape, Source, SourceError, crs};
use crate::landbook::check::Class;
use std::io::Read;

/// The first bytes of a `.shp`.
pub const MAGIC: [u8; 4] = [0, 0, 0x27, 0x0A];
/// The most rings of one shape.
const RINGS_MAX: usize = 100_000;
/// The most corners looked at to find the shells of one shape's holes.
const LOOKS_MAX: usize = 500_000_000;
/// The most bytes of a `.prj` or `.cpg`.
const COMPANION_BYTES_MAX: u64 = 1 << 16;

/// A shapefile.
pub struct Shapefile<'a> {
    shapes: Origin<'a>,
    table: Option<Origin<'a>>,
    code_page: Option<String>,
    named: Named,
    bytes_n: u64,
}

/// Opens a shapefile by its parts.
pub fn open<'a>(
    shapes: Origin<'a>,
    table: Option<Origin<'a>>,
    projection: Option<Origin<'a>>,
    code_page: Option<Origin<'a>>,
) -> Result<Shapefile<'a>, SourceError> {
    let named = match &projection {
        Some(projection) => crs::by_wkt(&projection.text(COMPANION_BYTES_MAX)?),
        None => Named::Not,
    };
    let code_page = code_page.map(|page| page.text(COMPANION_BYTES_MAX)).transpose()?;
    let bytes_n = shapes.bytes_n()?;
    Ok(Shapefile { shapes, table, code_page, named, bytes_n })
}

impl Source for Shapefile<'_> {
    fn form(&self) -> Form {
        Form::Shapefile
    }

    fn named(&self) -> Named {
        self.named.clone()
    }

    fn features_n(&self) -> Option<u64> {
        let rows = Rows::open(self.table.as_ref()?, None).ok()?;
        Some(u64::from(rows.left()))
    }

    fn each(&self, sink: &mut dyn FnMut(Raw, f64) -> Go) -> Result<(), SourceError> {
        const AGAIN: &str = "export the shapefile again";
        let mut index = 0;
        let name = self.shapes.name();
        let bad = |index: usize, what: String| SourceError::bad(format!("{name}, shape {index}"), what, AGAIN);
        let mut rows = self.table.as_ref().map(|table| Rows::open(table, self.code_page.as_deref())).transpose()?;
        let mut input = self.shapes.stream()?;
        let mut read = |n: usize| -> Result<Vec<u8>, SourceError> {
            // Grows with what is there, not with what is claimed.
            let mut bytes = Vec::new();
            input.by_ref().take(n as u64).read_to_end(&mut bytes).map_err(|error| self.shapes.failed(error))?;
            Ok(bytes)
        };
        let head = read(100)?;
        if head.len() < 100 || head[..4] != MAGIC {
            return Err(SourceError::bad(self.shapes.name(), "this is not a shapefile", AGAIN));
        }
        let words_n = i64::from(big(&head, 24));
        let claimed = words_n.saturating_mul(2);
        if claimed > self.bytes_n as i64 {
            return Err(SourceError::bad(self.shapes.name(), "the shapes are cut short", AGAIN));
        }
        let mut done = 100_u64;
        while (done as i64) < claimed {
            let head = read(8)?;
            if head.len() < 8 {
                return Err(bad(index, "the shapes are cut short".to_owned()));
            }
            let n = usize::try_from(big(&head, 4)).ok().and_then(|words| words.checked_mul(2));
            let Some(n) = n.filter(|n| (4..=FEATURE_BYTES_MAX).contains(n)) else {
                return Err(bad(index, "its length cannot be right".to_owned()));
            };
            let content = read(n)?;
            if content.len() < n {
                return Err(bad(index, "the shapes are cut short".to_owned()));
            }
            done += 8 + n as u64;
            let row = match &mut rows {
                Some(rows) => match rows.next_row()? {
                    Some(row) => Some(row),
                    None => return Err(bad(index, "the table has fewer rows than there are shapes".to_owned())),
                },
                None => None,
            };
            let at = index;
            index += 1;
            if row.as_ref().is_some_and(|row| row.deleted) {
                continue;
            }
            let shape = match shape(&content) {
                Ok(shape) => shape.checked(),
                Err(what) => Shape::Not(Class::Unreadable, Some(what)),
            };
            let raw = Raw { index: at, id: None, fields: row.map(|row| row.fields).unwrap_or_default(), shape };
            if sink(raw, done as f64 / self.bytes_n.max(1) as f64) == Go::Stop {
                return Ok(());
            }
        }
        if rows.is_some_and(|rows| rows.left() > 0) {
            return Err(bad(index, "the table has more rows than there are shapes".to_owned()));
        }
        Ok(())
    }
}

fn big(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(-1, i32::from_be_bytes)
}

fn little(bytes: &[u8], at: usize) -> Result<i32, String> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(i32::from_le_bytes).ok_or_else(|| "it is cut short".to_owned())
}

fn corner(bytes: &[u8], at: usize) -> Result<[f64; 2], String> {
    let number = |at: usize| {
        let eight = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok());
        eight.map(f64::from_le_bytes).ok_or_else(|| "it is cut short".to_owned())
    };
    Ok([number(at)?, number(at + 8)?])
}

fn count(bytes: &[u8], at: usize, most: usize) -> Result<usize, String> {
    let n = little(bytes, at)?;
    usize::try_from(n).ok().filter(|n| *n <= most).ok_or_else(|| format!("it says that it has {n} members"))
}

/// One record's shape. Heights and measures stand behind the corners and are not looked at.
fn shape(bytes: &[u8]) -> Result<Shape, String> {
    let kind = little(bytes, 0)?;
    match kind {
        0 => Ok(Shape::Not(Class::NoGeometry, None)),
        1 | 11 | 21 => Ok(Shape::Points(vec![corner(bytes, 4)?])),
        8 | 18 | 28 => {
            let n = count(bytes, 36, FEATURE_CORNERS_MAX)?;
            (0..n).map(|one| corner(bytes, 40 + 16 * one)).collect::<Result<_, _>>().map(Shape::Points)
        }
        3 | 5 | 13 | 15 | 23 | 25 => {
            let lines = lines(bytes)?;
            Ok(if matches!(kind, 5 | 15 | 25) { areas(lines) } else { Shape::Lines(lines) })
        }
        31 => Ok(Shape::Not(Class::NotAnArea, Some("a surface in space".to_owned()))),
        other => Err(format!("its kind is {other}")),
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Vec<[f64; 2]>>, String> {
    let parts_n = count(bytes, 36, RINGS_MAX)?;
    let corners_n = count(bytes, 40, FEATURE_CORNERS_MAX)?;
    let from = 44 + 4 * parts_n;
    if bytes.len() < from + 16 * corners_n {
        return Err(format!("it says that it has {corners_n} corners, and is cut short"));
    }
    let mut starts = Vec::with_capacity(parts_n + 1);
    for part in 0..parts_n {
        starts.push(count(bytes, 44 + 4 * part, corners_n)?);
    }
    starts.push(corners_n);
    if starts.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err("its parts are out of order".to_owned());
    }
    starts.windows(2).map(|pair| (pair[0]..pair[1]).map(|one| corner(bytes, from + 16 * one)).collect()).collect()
}

struct Boxed {
    ring: Vec<[f64; 2]>,
    /// Twice the area, negative for clockwise.
    area2: f64,
    low: [f64; 2],
    high: [f64; 2],
}

/// Puts rings together to polygons. By the format, shells run clockwise and holes the other way, and nothing says
/// which hole belongs to which shell: to the smallest that it lies in. Where no ring runs clockwise, whoever wrote it
/// did not know; then a ring within an odd number of others is a hole.
fn areas(rings: Vec<Vec<[f64; 2]>>) -> Shape {
    let finite = rings.iter().flatten().all(|at| at[0].is_finite() && at[1].is_finite());
    if rings.len() < 2 || !finite {
        // What is not finite is refused by whoever checks the shape.
        return Shape::Areas(rings.into_iter().map(|ring| vec![ring]).collect());
    }
    let mut boxed: Vec<Boxed> = rings
        .into_iter()
        .map(|ring| {
            let low = ring.iter().fold([f64::MAX; 2], |low, at| [low[0].min(at[0]), low[1].min(at[1])]);
            let high = ring.iter().fold([f64::MIN; 2], |high, at| [high[0].max(at[0]), high[1].max(at[1])]);
            let origin = ring.first().copied().unwrap_or_default();
            let area2 = ring
                .windows(2)
                .map(|pair| {
                    let (a, b) = (pair[0], pair[1]);
                    (a[0] - origin[0]) * (b[1] - origin[1]) - (b[0] - origin[0]) * (a[1] - origin[1])
                })
                .sum();
            Boxed { ring, area2, low, high }
        })
        .collect();
    let by_turn = boxed.iter().any(|one| one.area2 < 0.0);
    // The largest first, so that the last that holds a ring is the smallest.
    let mut order: Vec<usize> = (0..boxed.len()).collect();
    order.sort_by(|a, b| boxed[*b].area2.abs().total_cmp(&boxed[*a].area2.abs()).then(a.cmp(b)));
    let mut looks = 0_usize;
    let mut shells: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut holes: Vec<(usize, usize)> = Vec::new();
    let mut seen: Vec<usize> = Vec::new();
    let mut home: Vec<Option<usize>> = vec![None; boxed.len()];
    for at in order {
        let one = &boxed[at];
        let mut around = Vec::new();
        if !by_turn || one.area2 >= 0.0 {
            for other in &seen {
                let big = &boxed[*other];
                let fits = (0..2).all(|axis| big.low[axis] <= one.low[axis] && one.high[axis] <= big.high[axis]);
                looks += 1;
                if fits {
                    looks = looks.saturating_add(big.ring.len());
                    if looks > LOOKS_MAX {
                        let words = format!("{} rings in one another", boxed.len());
                        return Shape::Not(Class::TooManyCorners, Some(words));
                    }
                    if holds(&big.ring, &one.ring) {
                        around.push(*other);
                    }
                }
            }
        }
        let hole = if by_turn { one.area2 > 0.0 } else { around.len() % 2 == 1 };
        if hole {
            // A hole outside every shell stays with the first, where the check tells of it.
            holes.push((at, around.iter().rev().find_map(|other| home[*other]).unwrap_or(0)));
        } else {
            home[at] = Some(shells.len());
            shells.push((at, Vec::new()));
        }
        if !hole || !by_turn {
            seen.push(at);
        }
    }
    for (hole, shell) in holes {
        if let Some((_, holes)) = shells.get_mut(shell) {
            holes.push(hole);
        }
    }
    // In the order of the file, holes too.
    shells.sort_unstable();
    let mut take = |at: usize| std::mem::take(&mut boxed[at].ring);
    Shape::Areas(
        shells
            .into_iter()
            .map(|(shell, mut holes)| {
                holes.sort_unstable();
                std::iter::once(shell).chain(holes).map(&mut take).collect()
            })
            .collect(),
    )
}

/// Whether a ring lies in another, by its first corner that is not on it.
fn holds(outer: &[[f64; 2]], inner: &[[f64; 2]]) -> bool {
    const TRIED: usize = 8;
    for at in inner.iter().take(TRIED) {
        let (mut inside, mut on) = (false, false);
        for pair in outer.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            on |= *at == a;
            if (a[1] > at[1]) != (b[1] > at[1]) {
                let side = (b[0] - a[0]) * (at[1] - a[1]) - (b[1] - a[1]) * (at[0] - a[0]);
                on |= side == 0.0;
                inside ^= (side > 0.0) == (b[1] > a[1]);
            }
        }
        if !on {
            return inside;
        }
    }
    true
}
