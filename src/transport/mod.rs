//! Sends; never retries, never chooses.
