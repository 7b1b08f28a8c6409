//! Well-known text, as tables carry it: `POLYGON ((0 0, 1 0, 1 1, 0 0))`, `LINESTRING (...)`, with an optional `SRID=`.

use super::{FEATURE_CORNERS_MAX, Named, Shape, crs};
use crate::landbook::check::Class;

/// Reads one geometry, and the coordinates that it names.
pub fn read(text: &str) -> Result<(Shape, Named), String> {
    let text = text.trim();
    let (named, text) = match text.strip_prefix("SRID=").and_then(|rest| rest.split_once(';')) {
        Some((code, rest)) => (crs::by_name(&format!("EPSG:{}", code.trim())).0, rest.trim()),
        None => (Named::Not, text),
    };
    let at = text.find('(').unwrap_or(text.len());
    let (kind, body) = text.split_at(at);
    let kind = kind.to_ascii_uppercase();
    let mut words = kind.split_whitespace();
    let kind = words.next().unwrap_or_default().trim_end_matches(['Z', 'M']);
    let empty = words.any(|word| word == "EMPTY");
    if empty {
        return Ok((Shape::Not(Class::NoGeometry, None), named));
    }
    let lists = match kind {
        "POINT" | "LINESTRING" => 1,
        "POLYGON" | "MULTILINESTRING" => 2,
        "MULTIPOLYGON" => 3,
        // Both `(1 2, 3 4)` and `((1 2), (3 4))` are written.
        "MULTIPOINT" => 1,
        "" => return Err("the geometry is empty".to_owned()),
        other => return Ok((Shape::Not(Class::NotAnArea, Some(super::shown(other))), named)),
    };
    let loose;
    let body = if kind == "MULTIPOINT" {
        loose = format!("({})", body.replace(['(', ')'], " "));
        loose.as_str()
    } else {
        body
    };
    let mut polygons: Vec<Vec<Vec<[f64; 2]>>> = Vec::new();
    let (mut depth, mut corners) = (0_usize, 0_usize);
    let mut rest = body;
    let mut ended = false;
    while let Some(c) = rest.chars().next() {
        match c {
            _ if c.is_whitespace() => {}
            '(' if ended => return Err("something stands after the end".to_owned()),
            '(' => {
                depth += 1;
                match lists - depth.min(lists) {
                    2 => {}
                    1 => polygons.push(Vec::new()),
                    _ if depth > lists => return Err("a bracket too many".to_owned()),
                    _ => {
                        if polygons.is_empty() {
                            polygons.push(Vec::new());
                        }
                        polygons.last_mut().expect("one was pushed").push(Vec::new());
                    }
                }
            }
            ')' if depth == 0 => return Err("a bracket is closed that was not opened".to_owned()),
            ')' => {
                depth -= 1;
                ended = depth == 0;
            }
            ',' => {}
            _ if depth != lists => return Err(format!("'{}' stands where a bracket should", c.escape_default())),
            _ => {
                let end = rest.find([',', ')', '(']).unwrap_or(rest.len());
                let mut numbers = rest[..end].split_whitespace().map(str::parse::<f64>);
                let (Some(Ok(x)), Some(Ok(y))) = (numbers.next(), numbers.next()) else {
                    return Err(format!("{} is not two numbers", super::shown(&rest[..end])));
                };
                corners += 1;
                if corners > FEATURE_CORNERS_MAX {
                    return Ok((super::too_many(corners), named));
                }
                let ring = polygons.last_mut().and_then(|polygon| polygon.last_mut());
                ring.ok_or("a number stands outside the brackets")?.push([x, y]);
                rest = &rest[end..];
                continue;
            }
        }
        rest = &rest[c.len_utf8()..];
    }
    if depth != 0 || !ended {
        return Err("the text ends in the middle".to_owned());
    }
    let shape = match kind {
        "POINT" | "MULTIPOINT" => Shape::Points(polygons.into_iter().flatten().flatten().collect()),
        "LINESTRING" | "MULTILINESTRING" => Shape::Lines(polygons.into_iter().flatten().collect()),
        _ => Shape::Areas(polygons),
    };
    Ok((shape.checked(), named))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::landbook::layer::Crs;

    #[test]
    fn the_usual_kinds_are_read_and_slips_are_told() {
        let square = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]];
        let areas = |text: &str| match read(text).unwrap().0 {
            Shape::Areas(areas) => areas,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(areas("POLYGON ((0 0, 1 0, 1 1, 0 0))"), vec![vec![square.clone()]]);
        assert_eq!(areas("polygon z((0 0 5,1 0 5,1 1 5,0 0 5))"), vec![vec![square.clone()]]);
        let two = areas("MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((0 0,1 0,1 1,0 0),(0 0,1 0,1 1,0 0)))");
        assert_eq!(two, vec![vec![square.clone()], vec![square.clone(), square.clone()]]);
        assert_eq!(read("POINT(1 2)").unwrap().0, Shape::Points(vec![[1.0, 2.0]]));
        assert_eq!(read("MULTIPOINT((1 2),(3 4))").unwrap().0, Shape::Points(vec![[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(read("LINESTRING(0 0,1 0,1 1,0 0)").unwrap().0, Shape::Lines(vec![square.clone()]));
        let (shape, named) = read("SRID=27700;MULTILINESTRING((0 0,1 0,1 1,0 0))").unwrap();
        assert_eq!((shape, named), (Shape::Lines(vec![square]), Named::Known(Crs::Bng)));
        for slip in ["", "POINT(1)", "POLYGON((0 0, 1 0", "POLYGON((0 0)))", "POLYGON(0 0)", "POINT(a b)", "POINT 1 2"]
        {
            assert!(read(slip).is_err(), "{slip}");
        }
        assert!(matches!(read("POINT(NaN 1)").unwrap().0, Shape::Not(Class::NotTwoNumbers, None)));
        assert!(matches!(read("POLYGON EMPTY").unwrap().0, Shape::Not(Class::NoGeometry, None)));
        assert!(matches!(read("CURVEPOLYGON((0 0))").unwrap().0, Shape::Not(Class::NotAnArea, Some(_))));
    }
}
