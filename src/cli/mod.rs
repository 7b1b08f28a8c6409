//! One file a verb.

pub mod convert;
