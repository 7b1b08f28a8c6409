//! A simulated town and one storm evening: what `callout demo` shows.
//!
//! The town of Wexmoor, its people and its weather are made up, by us, from a seed: the same seed gives the same bytes
//! on every machine. The parts, in the order in which a demo uses them:
//!
//! * [`plan`] and [`town`]: the ground, as map layers that are imported like any council's.
//! * [`gazetteer`]: its streets, places and postcodes.
//! * [`history`]: eight ordinary weeks of contacts.
//! * [`storm`]: one evening out of hours, when it is not ordinary.
//! * [`script`]: what the people who answer that evening do, and when.
//!
//! Not here: people, rota, keywords and playbooks. They are the ones of `config/` and `playbooks/`, as shipped.

pub mod chance;
pub mod shape;

pub mod gazetteer;
pub mod plan;
pub mod town;

pub mod desk;
pub mod history;
pub mod script;
pub mod storm;
pub mod words;

pub mod run;
pub mod sample;
pub mod viewer;
