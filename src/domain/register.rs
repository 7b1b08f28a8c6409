//! Counting of contacts.
