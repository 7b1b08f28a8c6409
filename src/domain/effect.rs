//! What leaves the building.
