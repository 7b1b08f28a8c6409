//! Pages, API, live updates.

pub mod assets;
pub mod pages;
pub mod view;
