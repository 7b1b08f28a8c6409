//! One polygon's edges over the squares of a grid: which square each edge passes, and which square corners are inside.

use super::edge::Edge;
use super::frame::Frame;

/// Room for the work, kept from polygon to polygon.
#[derive(Debug, Default)]
pub struct Spread {
    /// Square and edge.
    hits: Vec<(u32, u32)>,
    /// Squares from which on, eastwards, the corners of a row change sides.
    flips: Vec<u32>,
    /// Rows of which all corners change sides.
    rows: Vec<bool>,
}

impl Spread {
    /// Spreads edges, which must hold every edge of the polygon that passes the frame. A frame has at most 2^32 squares.
    pub fn edges(&mut self, frame: &Frame, edges: impl Iterator<Item = (u32, Edge)>) {
        self.hits.clear();
        self.flips.clear();
        self.rows.clear();
        self.rows.resize(frame.rows as usize, false);
        for (id, edge) in edges {
            self.edge(frame, id, &edge);
        }
        self.hits.sort_unstable();
        self.flips.sort_unstable();
    }

    fn edge(&mut self, frame: &Frame, id: u32, edge: &Edge) {
        if edge.cuts_west_of(frame.west) {
            // Counted as if it went north from its western end: so every row whose corners are above that changes.
            let from = (frame.row(edge.western_y()) + 1).max(0);
            for row in from..frame.rows {
                self.rows[row as usize] ^= true;
            }
        }
        let (first, last) = (frame.row(edge.low[1]), frame.row(edge.high[1]));
        let mut here = frame.col(edge.low[0]);
        let from = first.max(0);
        if from > first && from <= last {
            here = self.cross(frame, edge, from);
        }
        for row in from..=last.min(frame.rows - 1) {
            let next = match row < last {
                // The crossing into the row above is within the frame, or just beyond it where it flips nothing.
                true if row + 1 < frame.rows => self.cross(frame, edge, row + 1),
                true => frame.crossing(edge, row + 1).col,
                false => frame.col(edge.high[0]),
            };
            let (west, east) = (here.min(next).max(0), here.max(next).min(frame.cols - 1));
            for col in west..=east {
                self.hits.push(((row * frame.cols + col) as u32, id));
            }
            here = next;
        }
    }

    fn cross(&mut self, frame: &Frame, edge: &Edge, row: i64) -> i64 {
        let crossing = frame.crossing(edge, row);
        if crossing.east_from < frame.cols {
            self.flips.push((row * frame.cols + crossing.east_from.max(0)) as u32);
        }
        crossing.col
    }

    /// Tells each square that edges pass, with its edges, and each square that lies wholly inside, with none.
    ///
    /// * `inside`: whether the first square's south-western corner is inside the polygon.
    /// * `each`: column, row, whether that square's corner is inside, and its edges as (square, edge).
    pub fn each(&self, frame: &Frame, inside: bool, mut each: impl FnMut(i64, i64, bool, &[(u32, u32)])) {
        let (mut hit, mut flip) = (0, 0);
        let first_flips = self.flips.iter().take_while(|square| **square == 0).count() % 2 == 1;
        let start = inside ^ first_flips ^ self.rows.first().copied().unwrap_or(false);
        for row in 0..frame.rows {
            let (row_first, row_end) = ((row * frame.cols) as u32, ((row + 1) * frame.cols - 1) as u32);
            let mut odd = start ^ self.rows[row as usize];
            let mut square = row_first;
            loop {
                while self.flips.get(flip).is_some_and(|from| *from <= square) {
                    odd = !odd;
                    flip += 1;
                }
                let col = i64::from(square - row_first);
                if self.hits.get(hit).is_some_and(|(at, _)| *at == square) {
                    let first = hit;
                    hit += self.hits[first..].iter().take_while(|(at, _)| *at == square).count();
                    each(col, row, odd, &self.hits[first..hit]);
                } else if odd {
                    each(col, row, true, &[]);
                } else {
                    // Nothing until the next hit or flip.
                    let next_hit = self.hits.get(hit).map_or(u32::MAX, |(at, _)| *at);
                    let next_flip = self.flips.get(flip).copied().unwrap_or(u32::MAX);
                    let next = next_hit.min(next_flip);
                    if next > row_end {
                        break;
                    }
                    square = next;
                    continue;
                }
                if square == row_end {
                    break;
                }
                square += 1;
            }
        }
    }
}
