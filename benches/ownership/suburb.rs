//! A made-up suburb, the same each time: blocks between streets, two rows of plots back to back that share their sides to
//! the millimetre, and the streets themselves as one polygon a district with the blocks as holes.
//!
//! One plot in forty has a substation in a hole with a title of its own, one in twenty a second title on the same land, one
//! in a hundred a strip a hand wide along its side. All is turned by some degrees, so that no line is straight north.

use super::{Dice, Shape};
use callout::landbook::geometry::Corner;

const BLOCK_M: [f64; 2] = [118.0, 74.0];
const STREET_M: f64 = 11.0;
/// Blocks of a district each way.
const DISTRICT: usize = 14;
/// Plots of a block, on average.
const PLOTS: f64 = 24.0;

/// About so many polygons.
pub fn suburb(polygons: usize) -> Vec<Shape> {
    let side = (polygons as f64 / PLOTS).sqrt().ceil() as usize;
    let mut dice = Dice(0x00c0_ffee_1234_5678);
    let mut shapes = Vec::with_capacity(polygons + polygons / 8);
    for north in (0..side).step_by(DISTRICT) {
        for east in (0..side).step_by(DISTRICT) {
            let ends = [(east + DISTRICT).min(side), (north + DISTRICT).min(side)];
            let mut blocks = Vec::new();
            for row in north..ends[1] {
                for col in east..ends[0] {
                    blocks.push(block(&mut dice, [col, row], &mut shapes));
                }
            }
            let at = |col: usize, row: usize| place([pitch(0) * col as f64, pitch(1) * row as f64]);
            let mut rings =
                vec![closed(vec![at(east, north), at(ends[0], north), at(ends[0], ends[1]), at(east, ends[1])])];
            rings.extend(blocks.into_iter().map(|mut ring| {
                ring.reverse();
                ring
            }));
            shapes.push(vec![rings]);
        }
    }
    shapes
}

fn pitch(axis: usize) -> f64 {
    BLOCK_M[axis] + STREET_M
}

/// Metres in the suburb's own directions to millimetres of the grid.
fn place([x, y]: [f64; 2]) -> Corner {
    const TURN: [f64; 2] = [0.961_261_695_938_319, 0.275_637_355_816_999];
    const FROM_MM: [f64; 2] = [352_000_000.0, 388_000_000.0];
    let turned = [x * TURN[0] - y * TURN[1], x * TURN[1] + y * TURN[0]];
    [0, 1].map(|axis| (FROM_MM[axis] + turned[axis] * 1000.0).round() as i32)
}

fn closed(mut ring: Vec<Corner>) -> Vec<Corner> {
    ring.push(ring[0]);
    ring
}

/// Adds the plots of a block and gives its outline.
fn block(dice: &mut Dice, [col, row]: [usize; 2], shapes: &mut Vec<Shape>) -> Vec<Corner> {
    let low = [pitch(0) * col as f64 + STREET_M / 2.0, pitch(1) * row as f64 + STREET_M / 2.0];
    // Where plots of the southern and of the northern row meet, along the block.
    let cuts: [Vec<f64>; 2] = std::array::from_fn(|_| {
        let mut cuts = vec![0.0];
        loop {
            let next = cuts[cuts.len() - 1] + 6.5 + dice.roll(700) as f64 / 100.0;
            if next > BLOCK_M[0] - 6.0 {
                break;
            }
            cuts.push(next);
        }
        cuts.push(BLOCK_M[0]);
        cuts
    });
    let at = |x: f64, y: f64| place([low[0] + x, low[1] + y]);
    let back = |x: f64| BLOCK_M[1] / 2.0 + (x * 0.37).sin() * 2.0;
    for side in 0..2 {
        let front = if side == 0 { 0.0 } else { BLOCK_M[1] };
        // A fence is never quite straight: two corners on the way from the street to the back.
        let fence = |x: f64| -> Vec<Corner> {
            let inner = x > 0.0 && x < BLOCK_M[0];
            let bend = |part: f64, off: f64| at(x + if inner { off } else { 0.0 }, front + (back(x) - front) * part);
            vec![at(x, front), bend(0.3, (x * 5.1).sin() * 0.08), bend(0.75, (x * 2.3).cos() * 0.06), at(x, back(x))]
        };
        for pair in cuts[side].windows(2) {
            let [west, east] = [pair[0], pair[1]];
            let mut ring = fence(west);
            // The corners of the neighbours at the back are this plot's too.
            ring.extend(cuts[1 - side].iter().filter(|x| **x > west && **x < east).map(|x| at(*x, back(*x))));
            ring.extend(fence(east).into_iter().rev());
            let ring = closed(ring);
            let (middle, chance) = ([(west + east) / 2.0, (front + back(west)) / 2.0], dice.roll(200));
            let mut rings = vec![ring.clone()];
            if chance < 5 {
                let [x, y] = middle;
                let hole = closed(vec![
                    at(x - 1.5, y - 1.5),
                    at(x - 1.5, y + 1.5),
                    at(x + 1.5, y + 1.5),
                    at(x + 1.5, y - 1.5),
                ]);
                rings.push(hole.clone());
                shapes.push(vec![vec![hole]]);
            }
            shapes.push(vec![rings]);
            if chance >= 190 {
                shapes.push(vec![vec![ring]]);
            } else if chance >= 188 {
                let (y, end) = (front, back(east));
                shapes.push(vec![vec![closed(vec![
                    at(east - 0.1, y),
                    at(east + 0.1, y),
                    at(east + 0.1, end),
                    at(east - 0.1, end),
                ])]]);
            }
        }
    }
    let mut outline: Vec<Corner> = cuts[0].iter().map(|x| at(*x, 0.0)).collect();
    outline.extend(cuts[1].iter().rev().map(|x| at(*x, BLOCK_M[1])));
    closed(outline)
}
