//! The junction.
