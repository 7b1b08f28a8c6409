//! Packs polygons: tiles over the whole extent, a grid in each tile, and a grid again in a square that is crowded.
//!
//! The tiles are as large as it takes for their number to follow the number of edges, whatever the extent; crowded
//! ground gets its finer squares from the grids. So memory follows the edges, not the country.

use super::PackedIndex;
use super::edge::Edge;
use super::frame::Frame;
use super::outlines::Outlines;
use super::record::{Member, Writer};
use super::spread::Spread;
use super::word::{CELLS_MAX, FEATURES_MAX, GRID_SHIFT_MAX, GRID_UNIT, RECORDS_MAX, Word};
use crate::landbook::geometry::Extent;

/// How finely ground is divided: finer squares cost memory and save edges to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    /// Edges that a tile is meant to have, shared ones counted twice.
    pub tile_edges: u32,
    /// Edges that a square of a grid is meant to have, shared ones counted twice.
    pub square_edges: u32,
    /// A square with more gets a grid of its own.
    pub square_edges_max: u32,
    /// No square's side is shorter than 2 to this power, in millimetres.
    pub square_shift_min: u32,
}

impl Default for Grain {
    /// Of the few that were tried on parcels and on statistical areas, a fair middle between memory and speed.
    fn default() -> Self {
        Self { tile_edges: 512, square_edges: 12, square_edges_max: 40, square_shift_min: 7 }
    }
}

/// A square is divided in vain so many times running at most.
const IN_VAIN_MAX: u32 = 3;

/// Why polygons cannot be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// More features than the index numbers.
    #[error("a layer holds at most {FEATURES_MAX} features; divide it")]
    TooManyFeatures,
    /// More corners than the index numbers.
    #[error("a layer holds at most 4294967294 corners; divide it")]
    TooManyCorners,
    /// More squares or records than the index can place.
    #[error("the layer is too large to be packed as one; divide it by area")]
    TooLarge,
}

/// A polygon in a square: its edges there, and whether the square's south-western corner is inside it.
#[derive(Debug, Clone, Copy)]
struct Clip {
    /// The square's number in its grid, and then the polygon's, so that sorting groups squares.
    square: u64,
    part: u32,
    inside: bool,
    first: u32,
    end: u32,
}

impl Clip {
    fn edges_n(&self) -> usize {
        (self.end - self.first) as usize
    }
}

/// A square of ground by its south-western millimetre and the length of its side as a power of two.
#[derive(Debug, Clone, Copy)]
struct Square {
    corner: [i64; 2],
    shift: u32,
}

impl PackedIndex {
    /// Packs polygons.
    ///
    /// # Errors
    /// [`BuildError`] when they are too many to be numbered; any coordinates of 32 bits will do.
    pub fn build(outlines: &Outlines) -> Result<Self, BuildError> {
        Self::build_with(outlines, Grain::default())
    }

    /// Packs polygons into squares of a given fineness, which changes no answer.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_with(outlines: &Outlines, grain: Grain) -> Result<Self, BuildError> {
        let extent = outlines.parts().iter().fold(Extent::EMPTY, |all, part| all.joined(part.extent));
        let mut builder = Builder {
            outlines,
            grain,
            spread: Spread::default(),
            writer: Writer::default(),
            member_edges: Vec::new(),
            // Place 0 means "nothing".
            records: vec![0],
            cells: Vec::new(),
            plain: (Vec::new(), 0),
        };
        if outlines.parts().is_empty() {
            return Ok(Self {
                origin: [0, 0],
                tile_shift: 0,
                cols: 0,
                rows: 0,
                tiles: Vec::new(),
                cells: Vec::new(),
                records: builder.records,
                extent,
                features: outlines.features(),
            });
        }
        let frame = tiling(extent, outlines.corners_n() as u64, grain);
        let mut tiles = vec![Word::Empty.pack(); (frame.cols * frame.rows) as usize];
        let (mut clips, pool) = builder.spread_over_tiles(&frame);
        clips.sort_unstable_by_key(|clip| (clip.square, clip.part));
        for tile in clips.chunk_by(|one, two| one.square == two.square) {
            let number = tile[0].square as i64;
            let corner = [
                frame.west + ((number % frame.cols) << frame.shift),
                frame.south + ((number / frame.cols) << frame.shift),
            ];
            let word = builder.square(Square { corner, shift: frame.shift }, tile, &pool, (usize::MAX, 0))?;
            tiles[number as usize] = word.pack();
        }
        builder.records.shrink_to_fit();
        builder.cells.shrink_to_fit();
        Ok(Self {
            origin: [frame.west as i32, frame.south as i32],
            tile_shift: frame.shift,
            cols: frame.cols as u32,
            rows: frame.rows as u32,
            tiles,
            cells: builder.cells,
            records: builder.records,
            extent,
            features: outlines.features(),
        })
    }
}

/// Tiles at whole multiples of their side, as small as lets them have the edges they are meant to have, on average.
fn tiling(extent: Extent, corners_n: u64, grain: Grain) -> Frame {
    let tiles_max = corners_n / u64::from(grain.tile_edges.max(1));
    let down = |value: i32, shift: u32| (i64::from(value) >> shift) << shift;
    let mut shift = grain.square_shift_min.min(31);
    loop {
        let (west, south) = (down(extent.low[0], shift), down(extent.low[1], shift));
        let cols = ((i64::from(extent.high[0]) - west) >> shift) + 1;
        let rows = ((i64::from(extent.high[1]) - south) >> shift) + 1;
        // A box across a line between tiles needs two each way however large they are.
        if cols.saturating_mul(rows) <= tiles_max.max(4) as i64 || shift == 31 {
            return Frame { west, south, shift, cols, rows };
        }
        shift += 1;
    }
}

struct Builder<'a> {
    outlines: &'a Outlines,
    grain: Grain,
    spread: Spread,
    writer: Writer,
    member_edges: Vec<Edge>,
    records: Vec<u32>,
    cells: Vec<u32>,
    /// The features of the last record without edges, and its place: squares side by side are often covered alike.
    plain: (Vec<u32>, u32),
}

impl Builder<'_> {
    fn spread_over_tiles(&mut self, frame: &Frame) -> (Vec<Clip>, Vec<u32>) {
        let mut clips = Vec::with_capacity(self.outlines.parts().len() * 5 / 4);
        let mut pool: Vec<u32> = Vec::with_capacity(self.outlines.corners_n() * 9 / 8);
        for number in 0..self.outlines.parts().len() as u32 {
            let part = &self.outlines.parts()[number as usize];
            let (cols, rows) = reach(frame, part.extent);
            let square = |col: i64, row: i64| (row * frame.cols + col) as u64;
            if cols.0 == cols.1 && rows.0 == rows.1 {
                let first = pool.len() as u32;
                pool.extend(self.outlines.edges_of(part));
                let end = pool.len() as u32;
                let inside = false;
                clips.push(Clip { square: square(cols.0, rows.0), part: number, inside, first, end });
                continue;
            }
            let edges = self.outlines.edges_of(part).filter_map(|at| Some((at, self.outlines.edge(at)?)));
            let own = within(frame, cols, rows);
            self.spread.edges(&own, edges);
            self.spread.each(&own, false, |col, row, inside, edges| {
                let first = pool.len() as u32;
                pool.extend(edges.iter().map(|(_, edge)| *edge));
                let end = pool.len() as u32;
                clips.push(Clip { square: square(cols.0 + col, rows.0 + row), part: number, inside, first, end });
            });
        }
        (clips, pool)
    }

    /// What a square is; `clips` are the polygons in it, `before` the edges of the square around it, and `in_vain` how
    /// many times running dividing has not helped.
    fn square(
        &mut self,
        square: Square,
        clips: &[Clip],
        pool: &[u32],
        (before, in_vain): (usize, u32),
    ) -> Result<Word, BuildError> {
        let edges_n: usize = clips.iter().map(Clip::edges_n).sum();
        // Where a far smaller square has nearly as many edges, they may be a village on a moor, or all meet at a point.
        let in_vain = if edges_n / 3 < before / 4 { 0 } else { in_vain + 1 };
        if edges_n <= self.grain.square_edges_max as usize
            || in_vain > IN_VAIN_MAX
            || square.shift <= self.grain.square_shift_min
        {
            return self.leaf(square, clips, pool);
        }
        let wanted = libm::ceil(libm::log2(edges_n as f64 / f64::from(self.grain.square_edges.max(1))) / 2.0) as u32;
        let shift = wanted.clamp(1, GRID_SHIFT_MAX).min(square.shift - self.grain.square_shift_min);
        let side = 1_i64 << shift;
        let [west, south] = square.corner;
        let frame = Frame { west, south, shift: square.shift - shift, cols: side, rows: side };
        let (mut inner, mut inner_pool) = (Vec::with_capacity(2 * edges_n), Vec::with_capacity(2 * edges_n));
        let mut common = Vec::new();
        for clip in clips {
            if clip.first == clip.end {
                common.push(*clip);
                continue;
            }
            let (cols, rows) = reach(&frame, self.outlines.parts()[clip.part as usize].extent);
            let own = within(&frame, cols, rows);
            let edges = pool[clip.first as usize..clip.end as usize].iter();
            self.spread.edges(&own, edges.filter_map(|at| Some((*at, self.outlines.edge(*at)?))));
            // Its corner is outside wherever the polygon's box begins within this square.
            let inside = clip.inside && cols.0 == 0 && rows.0 == 0;
            self.spread.each(&own, inside, |col, row, inside, edges| {
                let first = inner_pool.len() as u32;
                inner_pool.extend(edges.iter().map(|(_, edge)| *edge));
                let square = ((rows.0 + row) << shift | (cols.0 + col)) as u64;
                inner.push(Clip { square, part: clip.part, inside, first, end: inner_pool.len() as u32 });
            });
        }
        inner.sort_unstable_by_key(|clip| (clip.square, clip.part));
        let common = self.leaf(square, &common, pool)?;
        let mut at = self.cells.len().next_multiple_of(GRID_UNIT);
        if common != Word::Empty {
            self.cells.resize(at + 1, 0);
            self.cells[at] = common.pack();
            at += GRID_UNIT;
        }
        self.cells.resize(at + (1 << (2 * shift)), Word::Empty.pack());
        if self.cells.len() > CELLS_MAX {
            return Err(BuildError::TooLarge);
        }
        for clips in inner.chunk_by(|one, two| one.square == two.square) {
            let number = clips[0].square as i64;
            let corner = [west + ((number & (side - 1)) << frame.shift), south + ((number >> shift) << frame.shift)];
            let word = self.square(Square { corner, shift: frame.shift }, clips, &inner_pool, (edges_n, in_vain))?;
            self.cells[at + number as usize] = word.pack();
        }
        Ok(Word::Grid { shift, at, common: common != Word::Empty })
    }

    /// A square that is not divided.
    fn leaf(&mut self, square: Square, clips: &[Clip], pool: &[u32]) -> Result<Word, BuildError> {
        let feature = |clip: &Clip| self.outlines.parts()[clip.part as usize].feature;
        let plain = clips.iter().all(|clip| clip.first == clip.end);
        if plain {
            let mut features: Vec<u32> = clips.iter().filter(|clip| clip.inside).map(feature).collect();
            features.dedup();
            match features.as_slice() {
                [] => return Ok(Word::Empty),
                [one] => return Ok(Word::Full(*one)),
                _ if features == self.plain.0 => return Ok(Word::Record(self.plain.1)),
                _ => self.plain = (features, self.records.len() as u32),
            }
        }
        let at = self.records.len();
        self.member_edges.clear();
        for clip in clips {
            let edges = pool[clip.first as usize..clip.end as usize].iter();
            self.member_edges.extend(edges.filter_map(|at| self.outlines.edge(*at)));
        }
        let mut members: Vec<Member<'_>> = Vec::with_capacity(clips.len());
        let mut from = 0;
        for clip in clips {
            let edges = &self.member_edges[from..from + clip.edges_n()];
            from += clip.edges_n();
            members.push(Member { feature: feature(clip), inside: clip.inside, edges });
        }
        self.writer.write(&mut self.records, square.corner, &members);
        if self.records.len() > RECORDS_MAX { Err(BuildError::TooLarge) } else { Ok(Word::Record(at as u32)) }
    }
}

/// The columns and rows of a frame that a box reaches, first and last.
fn reach(frame: &Frame, extent: Extent) -> ((i64, i64), (i64, i64)) {
    let cols = (frame.col(extent.low[0]).max(0), frame.col(extent.high[0]).min(frame.cols - 1));
    let rows = (frame.row(extent.low[1]).max(0), frame.row(extent.high[1]).min(frame.rows - 1));
    (cols, rows)
}

/// The part of a frame with these columns and rows.
fn within(frame: &Frame, cols: (i64, i64), rows: (i64, i64)) -> Frame {
    Frame {
        west: frame.west + (cols.0 << frame.shift),
        south: frame.south + (rows.0 << frame.shift),
        shift: frame.shift,
        cols: cols.1 - cols.0 + 1,
        rows: rows.1 - rows.0 + 1,
    }
}
