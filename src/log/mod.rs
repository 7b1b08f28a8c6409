//! The record: journal, details.
