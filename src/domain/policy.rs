//! Everything in force that decisions read: settings, people, rota, calendar, keywords, playbooks, bodies. Each is a
//! document whose full text is recorded when it first comes into force; the parsed form here is rebuilt from it.

use super::calendar::Calendar;
use super::id::{PersonId, PlaybookId};
use super::keywords::Keywords;
use super::person::Person;
use super::playbook::Playbook;
use super::rota::Rota;
use super::time::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// `[detect]`, `[paging]` of the settings, as TOML.
    Settings,
    /// The public half of the people file, as TOML without names, numbers and addresses.
    People,
    /// `config/rota.toml`.
    Rota,
    /// Core hours and bank holidays.
    Calendar,
    /// `config/keywords.toml`.
    Keywords,
    /// One of `playbooks/*.toml`.
    Playbook,
    /// `config/bodies.toml`.
    Bodies,
}

/// One document of the policy, with its text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its name: the playbook's id, else the kind again.
    pub name: String,
    /// SHA-256 of the text, hex.
    pub sha256: String,
    /// The full text.
    pub text: Arc<str>,
}

/// The policy in force, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Figures that paging and detection use.
    pub figures: Figures,
    /// The council's name, as it stands at the start of a text, e.g. `WEXMOOR`.
    pub council: String,
    /// People by id.
    pub people: BTreeMap<PersonId, Person>,
    /// The rota.
    pub rota: Rota,
    /// Core hours and holidays.
    pub calendar: Calendar,
    /// Keyword rules.
    pub keywords: Keywords,
    /// Playbooks by id.
    pub playbooks: BTreeMap<PlaybookId, Arc<Playbook>>,
}

/// Durations and counts of paging and detection; the defaults are design.md's figures in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// A text without a delivery receipt after this goes on to the person's next channel. 2 min.
    pub receipt_deadline: SignedDuration,
    /// The same person again while unacknowledged. 2 min.
    pub repeat_after: SignedDuration,
    /// An acknowledgement without progress expires. 30 min; severities 1 and 2.
    pub acknowledgement_expires: SignedDuration,
    /// Everybody again when the ladder is exhausted. 10 min.
    pub widen_every: SignedDuration,
    /// A raised signal stays raised at least this long. 10 min.
    pub signal_hold: SignedDuration,
    /// After stand-down the same topic opens no new incident for this long. 30 min.
    pub cool_down: SignedDuration,
    /// Most contacts whose keys are remembered for replays. 1,000,000.
    pub keys_max: usize,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            receipt_deadline: SignedDuration::from_mins(2),
            repeat_after: SignedDuration::from_mins(2),
            acknowledgement_expires: SignedDuration::from_mins(30),
            widen_every: SignedDuration::from_mins(10),
            signal_hold: SignedDuration::from_mins(10),
            cool_down: SignedDuration::from_mins(30),
            keys_max: 1_000_000,
        }
    }
}
