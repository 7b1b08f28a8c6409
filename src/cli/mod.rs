//! One file a verb.

pub mod convert;
pub mod import_layer;
pub mod owner;
pub mod log;
