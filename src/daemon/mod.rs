//! The wiring: everything is made once, here, and handed on. The loop, its committer and its post room are one
//! engine; round it stand the web, the index and the signals of the system.

pub mod app;
pub mod asking;
pub mod commit;
pub mod core;
pub mod desk;
pub mod engine;
pub mod folders;
pub mod heads;
pub mod health;
pub mod indexing;
pub mod klaxon;
pub mod listen;
pub mod offline;
pub mod post;
pub mod records;
pub mod retention;
pub mod roster;
pub mod scrub;
pub mod signals;
mod snapshots;
pub mod supervise;
pub mod switchboard;
pub mod voices;
pub mod watch;
