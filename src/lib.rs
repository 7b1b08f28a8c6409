//! callout: emergency and surge incident coordination for councils.
//!
//! The modules stand in the order in which data flows: a contact comes in at `intake`, is located by the `landbook`,
//! decided upon in the pure `domain`, made durable in the `log`, and what follows leaves by a `transport`. The
//! `daemon` wires them; people look in through `web` and `cli`. `ARCHITECTURE.md` is the map.

pub mod domain;

pub mod clock;
pub mod config;
pub mod door;
pub mod incoming;
pub mod keys;
pub mod land;

pub mod index;
pub mod intake;
pub mod landbook;
pub mod log;
pub mod transport;
pub mod web;

pub mod cli;
pub mod daemon;
pub mod demo;
