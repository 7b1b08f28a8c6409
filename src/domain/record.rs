//! What the log can hold.
