//! Lines drawn as streets: the little geometry that a made-up town needs.
//!
//! A street is a line with a width, as one would draw it with a broad pen. Points are metres east and north of an
//! origin; only `+ - * /` and square roots are used, which give the same bits everywhere.

/// A point: metres east, metres north.
pub type Point = (f64, f64);

/// The outline of a pen stroke along `line` of half-width `half`: closed, counter-clockwise or clockwise as the line
/// bends, mitred at the corners. Valid while bends are gentle and pieces longer than the width; a test holds the town
/// to that.
pub fn ribbon(line: &[Point], half: f64) -> Vec<Point> {
    assert!(line.len() > 1, "a stroke has two ends");
    let mut left = Vec::with_capacity(line.len() * 2 + 1);
    let mut right = Vec::with_capacity(line.len());
    for (i, &(x, y)) in line.iter().enumerate() {
        let before = if i == 0 { None } else { Some(normal(line[i - 1], line[i])) };
        let after = if i + 1 == line.len() { None } else { Some(normal(line[i], line[i + 1])) };
        let (nx, ny) = match (before, after) {
            (Some(n), None) | (None, Some(n)) => n,
            (Some((ax, ay)), Some((bx, by))) => {
                // The mitre: along the mean of the two normals, longer as the bend is sharper.
                let (mx, my) = (ax + bx, ay + by);
                let scale = 2.0 / (mx * mx + my * my);
                (mx * scale, my * scale)
            }
            (None, None) => (0.0, 0.0),
        };
        left.push((x + nx * half, y + ny * half));
        right.push((x - nx * half, y - ny * half));
    }
    left.extend(right.into_iter().rev());
    left.push(left[0]);
    left
}

/// The unit normal to the left of the way from `a` to `b`.
pub fn normal(a: Point, b: Point) -> Point {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = (dx * dx + dy * dy).sqrt();
    (-dy / length, dx / length)
}

/// The length of a line in metres.
pub fn length(line: &[Point]) -> f64 {
    line.windows(2).map(|pair| gap(pair[0], pair[1])).sum()
}

/// The distance between two points in metres.
pub fn gap(a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    (dx * dx + dy * dy).sqrt()
}

/// The point at the fraction `share` (0..=1) of a line's length, and the unit normal to its left there.
pub fn along(line: &[Point], share: f64) -> (Point, Point) {
    let mut left = length(line) * share.clamp(0.0, 1.0);
    for pair in line.windows(2) {
        let piece = gap(pair[0], pair[1]);
        if left <= piece {
            let t = left / piece;
            let point = (pair[0].0 + (pair[1].0 - pair[0].0) * t, pair[0].1 + (pair[1].1 - pair[0].1) * t);
            return (point, normal(pair[0], pair[1]));
        }
        left -= piece;
    }
    let end = line.len() - 1;
    (line[end], normal(line[end - 1], line[end]))
}

/// The distance from `point` to the nearest point of `line`, in metres.
pub fn distance(point: Point, line: &[Point]) -> f64 {
    line.windows(2)
        .map(|pair| {
            let (a, b) = (pair[0], pair[1]);
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let t = ((point.0 - a.0) * dx + (point.1 - a.1) * dy) / (dx * dx + dy * dy);
            let t = t.clamp(0.0, 1.0);
            gap(point, (a.0 + t * dx, a.1 + t * dy))
        })
        .fold(f64::INFINITY, f64::min)
}

/// The distance from `point` to the outline of a ring, closed or not, in metres.
pub fn edge_distance(point: Point, ring: &[Point]) -> f64 {
    let closing = [ring[ring.len() - 1], ring[0]];
    let rest = distance(point, ring);
    if gap(closing[0], closing[1]) > 0.0 { rest.min(distance(point, &closing)) } else { rest }
}

/// Whether `point` lies inside the ring (crossing number; the boundary may fall either way).
pub fn inside(point: Point, ring: &[Point]) -> bool {
    let mut odd = false;
    let mut previous = ring[ring.len() - 1];
    for &corner in ring {
        if (corner.1 > point.1) != (previous.1 > point.1) {
            let x = (previous.0 - corner.0) * (point.1 - corner.1) / (previous.1 - corner.1) + corner.0;
            if point.0 < x {
                odd = !odd;
            }
        }
        previous = corner;
    }
    odd
}

/// The middle of a ring: the mean of its corners, good enough to put a label on.
pub fn middle(ring: &[Point]) -> Point {
    let (x, y) = ring.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
    (x / ring.len() as f64, y / ring.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_stroke_is_a_rectangle() {
        assert_eq!(
            ribbon(&[(0.0, 0.0), (10.0, 0.0)], 2.0),
            [(0.0, 2.0), (10.0, 2.0), (10.0, -2.0), (0.0, -2.0), (0.0, 2.0)]
        );
    }

    #[test]
    fn the_corner_of_a_bent_stroke_keeps_its_width() {
        let ring = ribbon(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], 1.0);
        assert_eq!(ring[1], (9.0, 1.0));
        assert_eq!(ring[4], (11.0, -1.0));
    }

    #[test]
    fn places_along_and_beside_a_line_are_found() {
        let line = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)];
        assert_eq!(length(&line), 20.0);
        assert_eq!(along(&line, 0.25).0, (5.0, 0.0));
        assert_eq!(along(&line, 0.75).0, (10.0, 5.0));
        assert_eq!(along(&line, 2.0).0, (10.0, 10.0));
        assert_eq!(distance((5.0, 3.0), &line), 3.0);
        assert_eq!(distance((-3.0, -4.0), &line), 5.0);
        let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)];
        assert!(inside((1.0, 1.0), &square));
        assert!(!inside((5.0, 1.0), &square));
        assert_eq!(edge_distance((-2.0, 2.0), &square[..4]), 2.0);
        assert_eq!(edge_distance((-2.0, 2.0), &square), 2.0);
    }
}
