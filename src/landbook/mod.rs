//! Map layers, and the lookup of whose land a point is on.
//!
//! A layer is read from a file once, checked and repaired at the door, and kept in whole millimetres; a lookup is
//! exact and takes microseconds. The rules that choose between layers are in [`crate::domain::ownership`].

mod answering;
pub mod book;
pub mod buffer;
pub mod check;
pub mod convert;
pub mod editions;
pub mod gates;
pub mod gazetteer;
pub mod geometry;
pub mod import;
pub mod layer;
pub mod mapping;
pub mod pack;
pub mod packed;
pub mod repair;
pub mod report;
pub mod source;
pub mod store;

pub use book::{Land, LandBook, MapBox, unknown_bodies};
