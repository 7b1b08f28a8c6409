//! Well-known binary, the geometry of a GeoPackage: plain and with height or measure, which are dropped.

use super::{DEPTH_MAX, FEATURE_CORNERS_MAX, Shape};
use crate::landbook::check::Class;

/// Why bytes are not a geometry.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken(pub String);

struct Bytes<'b> {
    left: &'b [u8],
    corners: usize,
}

impl<'b> Bytes<'b> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (first, rest) = self.left.split_first_chunk::<N>().ok_or_else(|| Broken("it is cut short".to_owned()))?;
        self.left = rest;
        Ok(*first)
    }

    fn number(&mut self, little: bool) -> Result<u32, Broken> {
        self.take().map(if little { u32::from_le_bytes } else { u32::from_be_bytes })
    }

    /// A count of things that take at least so many bytes each: one that cannot be true is refused before it is used.
    fn count(&mut self, little: bool, bytes_each: usize) -> Result<usize, Broken> {
        let n = self.number(little)? as usize;
        if n > self.left.len() / bytes_each {
            return Err(Broken(format!("it says that it has {n} members, and is cut short")));
        }
        Ok(n)
    }

    fn corner(&mut self, little: bool, dimensions: usize) -> Result<[f64; 2], Broken> {
        let mut next = || self.take().map(if little { f64::from_le_bytes } else { f64::from_be_bytes });
        let at = [next()?, next()?];
        for _ in 2..dimensions {
            next()?;
        }
        Ok(at)
    }

    fn corners(&mut self, little: bool, dimensions: usize) -> Result<Vec<[f64; 2]>, Broken> {
        let n = self.count(little, 8 * dimensions)?;
        self.corners = self.corners.saturating_add(n);
        if self.corners > FEATURE_CORNERS_MAX {
            return Err(Broken(format!("more than {FEATURE_CORNERS_MAX} corners")));
        }
        (0..n).map(|_| self.corner(little, dimensions)).collect()
    }
}

/// Reads one geometry; bytes after it are refused.
pub fn read(bytes: &[u8]) -> Result<Shape, Broken> {
    let mut bytes = Bytes { left: bytes, corners: 0 };
    let shape = one(&mut bytes, 0)?;
    if bytes.left.is_empty() { Ok(shape) } else { Err(Broken("bytes stand after its end".to_owned())) }
}

fn one(bytes: &mut Bytes<'_>, depth: usize) -> Result<Shape, Broken> {
    if depth > DEPTH_MAX {
        return Err(Broken(format!("collections stand more than {DEPTH_MAX} deep")));
    }
    let little = match bytes.take::<1>()? {
        [0] => false,
        [1] => true,
        [other] => return Err(Broken(format!("its byte order is {other}"))),
    };
    let code = bytes.number(little)?;
    // ISO says height and measure by thousands, PostGIS by the highest bits.
    let (mut kind, mut dimensions) = (code & 0x0FFF_FFFF, 2);
    dimensions += usize::from(code & 0x8000_0000 != 0) + usize::from(code & 0x4000_0000 != 0);
    if code & 0x2000_0000 != 0 {
        bytes.number(little)?;
    }
    match kind / 1_000 {
        0 => {}
        1 | 2 => dimensions = 3,
        3 => dimensions = 4,
        _ => return Err(Broken(format!("its kind is {code}"))),
    }
    kind %= 1_000;
    Ok(match kind {
        1 => Shape::Points(vec![bytes.corner(little, dimensions)?]),
        2 => Shape::Lines(vec![bytes.corners(little, dimensions)?]),
        3 => {
            let n = bytes.count(little, 4)?;
            let rings: Result<Vec<_>, Broken> = (0..n).map(|_| bytes.corners(little, dimensions)).collect();
            Shape::Areas(vec![rings?])
        }
        4..=6 => {
            let n = bytes.count(little, 5)?;
            let mut all = match kind {
                4 => Shape::Points(Vec::new()),
                5 => Shape::Lines(Vec::new()),
                _ => Shape::Areas(Vec::new()),
            };
            for _ in 0..n {
                match (&mut all, one(bytes, depth + 1)?) {
                    (Shape::Points(all), Shape::Points(more)) => all.extend(more),
                    (Shape::Lines(all), Shape::Lines(more)) => all.extend(more),
                    (Shape::Areas(all), Shape::Areas(more)) => all.extend(more),
                    (_, other @ Shape::Not(..)) => return Ok(other),
                    _ => return Err(Broken("a member of another kind".to_owned())),
                }
            }
            all
        }
        7 => Shape::Not(Class::NotAnArea, Some("a collection of mixed geometry".to_owned())),
        8..=14 => Shape::Not(Class::NotAnArea, Some("curves; export it with straight lines".to_owned())),
        15..=17 => Shape::Not(Class::NotAnArea, Some("a surface in space".to_owned())),
        _ => return Err(Broken(format!("its kind is {code}"))),
    })
}
