//! Wall-clock jobs.
