//! A simulated town and one storm evening.
