//! What a square holds that edges cross: features, the edges between them, and which features cover its corner.
//!
//! A record is one or more groups of up to eight features, in 32-bit words:
//!
//! | words | what |
//! |---|---|
//! | 1 | bits 0-7: for each feature, the count's start; 8-11: features; 12: another group follows; 13: far edges; 14-31: near edges |
//! | 0 or 1 | the number of far edges, where there are any |
//! | features | their numbers |
//! | 2 a near edge | low x, low y; high x, high y: 16 bits each, from the square's south-western millimetre |
//! | 1 for 4 near edges | 8 bits each: which features of the group they bound |
//! | 4 a far edge | low x, low y, high x, high y, as they are |
//! | 1 for 4 far edges | as for near ones |
//!
//! An edge that two neighbours share stands once and bounds both.

use super::edge::{Counted, Edge, count, counted_at_corner};
use crate::landbook::geometry::Corner;

/// The most features of one group.
pub const GROUP_MAX: usize = 8;
const FEATURES_AT: u32 = 8;
const MORE: u32 = 1 << 12;
const FAR: u32 = 1 << 13;
const NEAR_AT: u32 = 14;
const NEAR_MAX: usize = (1 << 18) - 1;

/// A feature's polygon in a square, as the builder knows it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The feature's number.
    pub feature: u32,
    /// Whether the square's south-western corner is inside.
    pub inside: bool,
    /// Its edges in the square.
    pub edges: &'a [Edge],
}

/// Room for the work.
#[derive(Debug, Default)]
pub struct Writer {
    edges: Vec<(Edge, u8)>,
    near: Vec<(Edge, u8)>,
    far: Vec<(Edge, u8)>,
}

impl Writer {
    /// Appends the record of the square with this south-western millimetre.
    pub fn write(&mut self, records: &mut Vec<u32>, corner: [i64; 2], members: &[Member<'_>]) {
        let groups = members.len().div_ceil(GROUP_MAX);
        for (at, group) in members.chunks(GROUP_MAX).enumerate() {
            self.group(records, corner, group, at + 1 < groups);
        }
    }

    fn group(&mut self, records: &mut Vec<u32>, corner: [i64; 2], members: &[Member<'_>], more: bool) {
        self.edges.clear();
        let mut start = 0_u8;
        for (at, member) in members.iter().enumerate() {
            let bit = 1 << at;
            let mut odd = member.inside;
            for edge in member.edges {
                odd ^= counted_at_corner(edge, corner);
                self.edges.push((*edge, bit));
            }
            start |= if odd { bit } else { 0 };
        }
        self.edges.sort_unstable();
        self.near.clear();
        self.far.clear();
        let mut at = 0;
        while at < self.edges.len() {
            let (edge, mut bounds) = self.edges[at];
            at += 1;
            // A line that one feature passes twice stays twice, so that both passings count.
            while let Some((same, bit)) = self.edges.get(at)
                && *same == edge
                && bounds & bit == 0
            {
                bounds |= bit;
                at += 1;
            }
            let near = near_corner(edge.low, corner).is_some() && near_corner(edge.high, corner).is_some();
            if near && self.near.len() < NEAR_MAX { &mut self.near } else { &mut self.far }.push((edge, bounds));
        }
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        records.push(
            u32::from(start)
                | (members.len() as u32) << FEATURES_AT
                | flag(more, MORE)
                | flag(!self.far.is_empty(), FAR)
                | (self.near.len() as u32) << NEAR_AT,
        );
        if !self.far.is_empty() {
            records.push(self.far.len() as u32);
        }
        records.extend(members.iter().map(|member| member.feature));
        for (edge, _) in &self.near {
            for end in [edge.low, edge.high] {
                let [x, y] = near_corner(end, corner).expect("only near edges are among the near");
                records.push(u32::from(x as u16) | u32::from(y as u16) << 16);
            }
        }
        push_bounds(records, &self.near);
        for (edge, _) in &self.far {
            records.extend([edge.low[0], edge.low[1], edge.high[0], edge.high[1]].map(|value| value as u32));
        }
        push_bounds(records, &self.far);
    }
}

fn near_corner(end: Corner, corner: [i64; 2]) -> Option<[i16; 2]> {
    let from = |axis: usize| i16::try_from(i64::from(end[axis]) - corner[axis]).ok();
    Some([from(0)?, from(1)?])
}

fn push_bounds(records: &mut Vec<u32>, edges: &[(Edge, u8)]) {
    for four in edges.chunks(4) {
        let bytes = std::array::from_fn(|at| four.get(at).map_or(0, |(_, bounds)| *bounds));
        records.push(u32::from_le_bytes(bytes));
    }
}

/// One group of a record, as it is read.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    start: u8,
    features: &'a [u32],
    near: &'a [u32],
    near_bounds: &'a [u32],
    far: &'a [u32],
    far_bounds: &'a [u32],
}

impl<'a> Group<'a> {
    /// Takes a group off the front; gives what follows if another group does. `None` where the words end too soon.
    #[inline(always)]
    pub fn split(words: &'a [u32]) -> Option<(Self, Option<&'a [u32]>)> {
        let (head, mut rest) = words.split_first()?;
        let far_n = if head & FAR == 0 {
            0
        } else {
            let (far_n, after) = rest.split_first()?;
            rest = after;
            *far_n as usize
        };
        let (features, rest) = rest.split_at_checked((head >> FEATURES_AT & 0xf) as usize)?;
        let near_n = (head >> NEAR_AT) as usize;
        let (near, rest) = rest.split_at_checked(2 * near_n)?;
        let (near_bounds, rest) = rest.split_at_checked(near_n.div_ceil(4))?;
        let (far, far_bounds, rest) = if far_n == 0 {
            (&[][..], &[][..], rest)
        } else {
            let (far, rest) = rest.split_at_checked(far_n.checked_mul(4)?)?;
            let (far_bounds, rest) = rest.split_at_checked(far_n.div_ceil(4))?;
            (far, far_bounds, rest)
        };
        let group = Self { start: *head as u8, features, near, near_bounds, far, far_bounds };
        Some((group, (head & MORE != 0).then_some(rest)))
    }

    /// The numbers of its features; at most [`GROUP_MAX`].
    pub fn features(&self) -> &'a [u32] {
        self.features
    }

    /// Which of its features a point touches: bits of those that it is inside or on, and bits of those that it is on.
    ///
    /// * `within`: the point from the square's south-western millimetre; `at`: the same point as it is.
    #[inline(always)]
    pub fn touched(&self, within: [u32; 2], at: Corner) -> (u8, u8) {
        let (mut odd, mut on) = (self.start, 0_u8);
        let mut add = |counted: Counted, bounds: u8| {
            odd ^= if counted.crossed { bounds } else { 0 };
            on |= if counted.on { bounds } else { 0 };
        };
        let near_at = within.map(i64::from);
        for (four, bounds) in self.near.chunks(8).zip(self.near_bounds) {
            let mut bounds = *bounds;
            for edge in four.chunks_exact(2) {
                let half = |word: u32| [i64::from(word as u16 as i16), i64::from((word >> 16) as u16 as i16)];
                add(count::<i64>(half(edge[0]), half(edge[1]), near_at), bounds as u8);
                bounds >>= 8;
            }
        }
        if !self.far.is_empty() {
            let corner = [0, 1].map(|axis| i64::from(at[axis]) - near_at[axis]);
            for (number, edge) in self.far.chunks_exact(4).enumerate() {
                let end = |x: u32, y: u32| [i64::from(x as i32) - corner[0], i64::from(y as i32) - corner[1]];
                let counted = count::<i128>(end(edge[0], edge[1]), end(edge[2], edge[3]), near_at);
                add(counted, bounds_of(self.far_bounds, number));
            }
        }
        (odd | on, on)
    }

    /// Its edges, each with the bits of the features that it bounds.
    pub fn edges(&self, corner: [i64; 2]) -> impl Iterator<Item = (Edge, u8)> {
        let near = self.near.chunks_exact(2).enumerate().map(move |(number, words)| {
            let end = |word: u32| {
                let half = [word as u16 as i16, (word >> 16) as u16 as i16];
                [0, 1].map(|axis| (corner[axis] + i64::from(half[axis])) as i32)
            };
            (Edge { low: end(words[0]), high: end(words[1]) }, bounds_of(self.near_bounds, number))
        });
        let far = self.far.chunks_exact(4).enumerate().map(|(number, words)| {
            let [a, b, c, d] = std::array::from_fn(|at| words[at] as i32);
            (Edge { low: [a, b], high: [c, d] }, bounds_of(self.far_bounds, number))
        });
        near.chain(far)
    }
}

#[inline(always)]
fn bounds_of(words: &[u32], number: usize) -> u8 {
    words.get(number / 4).map_or(0, |four| (four >> (8 * (number % 4))) as u8)
}
