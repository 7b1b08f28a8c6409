//! The index on sled, derived from the log.
