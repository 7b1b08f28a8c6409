//! One file a verb.

pub mod check;
pub mod classify;
pub mod convert;
pub mod explain;
pub mod import_layer;
pub mod log;
pub mod owner;
pub mod picture;
pub mod rota;
