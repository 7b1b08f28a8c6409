//! Pages, API, live updates.

pub mod assets;
pub mod pages;
pub mod show;
pub mod view;
