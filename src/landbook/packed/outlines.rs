//! The polygons of a layer laid end to end, as the builder takes them.

use super::build::BuildError;
use super::edge::Edge;
use super::word::FEATURES_MAX;
use crate::landbook::geometry::{Corner, Extent, Part};

/// Polygons with the number of their feature.
#[derive(Debug, Clone, Default)]
pub struct Outlines {
    corners: Vec<Corner>,
    /// Where each ring's corners end.
    ring_ends: Vec<u32>,
    parts: Vec<OutlinePart>,
    features: u32,
}

/// One polygon: its rings by number, and the box around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutlinePart {
    pub feature: u32,
    pub first_ring: u32,
    pub rings_end: u32,
    pub extent: Extent,
}

impl Outlines {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next feature: its polygons, each with its rings closed. A ring without an edge adds nothing.
    ///
    /// # Errors
    /// [`BuildError`] when there are more features or corners than the index can number.
    pub fn push<'a>(&mut self, parts: impl IntoIterator<Item = &'a Part>) -> Result<(), BuildError> {
        for part in parts {
            self.push_part(part.rings().iter().map(|ring| ring.corners()))?;
        }
        self.end_feature()
    }

    /// Adds one polygon of the feature that [`Self::end_feature`] will end, by its closed rings.
    ///
    /// # Errors
    /// [`BuildError`] when there are more corners than the index can number.
    pub fn push_part<'a>(&mut self, rings: impl IntoIterator<Item = &'a [Corner]>) -> Result<(), BuildError> {
        let first_ring = self.ring_ends.len() as u32;
        let mut extent = Extent::EMPTY;
        for ring in rings.into_iter().filter(|ring| ring.len() > 1) {
            if self.corners.len() + ring.len() >= u32::MAX as usize {
                return Err(BuildError::TooManyCorners);
            }
            self.corners.extend_from_slice(ring);
            self.ring_ends.push(self.corners.len() as u32);
            extent = extent.joined(Extent::around(ring));
        }
        let rings_end = self.ring_ends.len() as u32;
        if rings_end > first_ring {
            self.parts.push(OutlinePart { feature: self.features, first_ring, rings_end, extent });
        }
        Ok(())
    }

    /// The polygons pushed since the last call are one feature.
    ///
    /// # Errors
    /// [`BuildError::TooManyFeatures`] when there are more than the index can number.
    pub fn end_feature(&mut self) -> Result<(), BuildError> {
        self.features += 1;
        if self.features as usize >= FEATURES_MAX { Err(BuildError::TooManyFeatures) } else { Ok(()) }
    }

    /// How many features.
    pub fn features(&self) -> u32 {
        self.features
    }

    /// How many corners, closing ones included.
    pub fn corners_n(&self) -> usize {
        self.corners.len()
    }

    pub(super) fn parts(&self) -> &[OutlinePart] {
        &self.parts
    }

    /// The edge that begins at this corner; `None` between a corner and itself.
    pub(super) fn edge(&self, corner: u32) -> Option<Edge> {
        let at = corner as usize;
        Edge::between(*self.corners.get(at)?, *self.corners.get(at + 1)?)
    }

    /// The edges of a polygon by the places of their first corners; those of no length are left out.
    pub(super) fn edges_of(&self, part: &OutlinePart) -> impl Iterator<Item = u32> {
        (part.first_ring as usize..part.rings_end as usize).flat_map(|ring| {
            let first = if ring == 0 { 0 } else { self.ring_ends[ring - 1] };
            (first..self.ring_ends[ring] - 1).filter(|at| self.corners[*at as usize] != self.corners[*at as usize + 1])
        })
    }
}
