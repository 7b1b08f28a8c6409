//! What one square of ground is, in 32 bits: nothing, one feature all over, a record of edges, or a grid of squares.

/// A feature's number has 30 bits.
pub const FEATURES_MAX: usize = 1 << 30;
/// A record's place has 30 bits.
pub const RECORDS_MAX: usize = 1 << 30;
/// A grid's place has 25 bits and counts in fours.
pub const CELLS_MAX: usize = GRID_UNIT << 25;
/// Grids begin at multiples of this many words.
pub const GRID_UNIT: usize = 4;
/// The finest grid has 2^8 squares a side.
pub const GRID_SHIFT_MAX: u32 = 8;

const KIND: u32 = 3 << 30;
const FULL: u32 = 1 << 30;
const GRID: u32 = 2 << 30;
const COMMON: u32 = 1 << 29;
const GRID_SHIFT_AT: u32 = 25;

/// A square as the lookup sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// No feature touches it.
    Empty,
    /// It lies within this feature and nothing else touches it.
    Full(u32),
    /// The record at this place in `records`.
    Record(u32),
    /// 2^`shift` squares a side, their words from this place in `cells`, row by row. With `common`, the word of what
    /// covers all of them stands [`GRID_UNIT`] before.
    Grid { shift: u32, at: usize, common: bool },
}

impl Word {
    /// Numbers must be within the limits above; the builder checks.
    #[inline]
    pub fn pack(self) -> u32 {
        match self {
            Self::Empty => 0,
            Self::Full(feature) => FULL | feature,
            Self::Record(at) => at,
            Self::Grid { shift, at, common } => {
                GRID | if common { COMMON } else { 0 } | shift << GRID_SHIFT_AT | (at / GRID_UNIT) as u32
            }
        }
    }

    #[inline(always)]
    pub fn unpack(word: u32) -> Self {
        match word & KIND {
            0 if word == 0 => Self::Empty,
            0 => Self::Record(word),
            FULL => Self::Full(word & !KIND),
            GRID => Self::Grid {
                shift: word >> GRID_SHIFT_AT & 0xf,
                at: (word & ((1 << GRID_SHIFT_AT) - 1)) as usize * GRID_UNIT,
                common: word & COMMON != 0,
            },
            // No builder writes it, and the check of a file refuses it.
            _ => Self::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_at_its_limits() {
        for word in [
            Word::Empty,
            Word::Full(0),
            Word::Full(FEATURES_MAX as u32 - 1),
            Word::Record(1),
            Word::Record(RECORDS_MAX as u32 - 1),
            Word::Grid { shift: 1, at: 0, common: false },
            Word::Grid { shift: GRID_SHIFT_MAX, at: CELLS_MAX - GRID_UNIT, common: true },
        ] {
            assert_eq!(Word::unpack(word.pack()), word);
        }
    }
}
