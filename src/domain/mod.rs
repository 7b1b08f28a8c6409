//! The pure core: what callout knows and decides, with no I/O, no clock, no chance.
//!
//! `decide` turns an event into records and effects, `apply` is the only way the state changes, `next_deadline` the
//! only timer. Everything here is a plain function of its arguments, so the same code runs in the daemon, in
//! `replay`, in the simulator and in the tests.

pub mod id;
pub mod place;
pub mod problem;
pub mod provider;
pub mod reading;
pub mod text;
pub mod time;
pub mod voice;

pub mod calendar;
pub mod contact;
pub mod feed;
pub mod keywords;
pub mod ownership;
pub mod person;
pub mod phone;
pub mod playbook;
pub mod policy;
pub mod queue;
pub mod roster;
pub mod rota;
pub mod schedule;
pub mod settings;

pub mod effect;
pub mod entry;
pub mod event;
pub mod record;

pub mod activation;
pub mod correction;
pub mod detect;
pub mod heartbeat;
pub mod incident;
pub mod keeping;
pub mod notice;
pub mod paging;
mod pairs;
pub mod register;
pub mod task;

pub mod message;
pub mod reply;
pub mod reply_code;
pub mod sms_text;

pub mod decide;
pub mod snapshot;
pub mod state;
pub mod telling;
