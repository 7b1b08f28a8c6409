//! Everything in force that decisions read: settings, people, rota, calendar, keywords, playbooks, bodies. Each is a
//! document whose full text is recorded when it first comes into force; the parsed form here is rebuilt from it.

pub mod ahead;
mod cross_check;

use super::calendar::Calendar;
use super::feed::Feed;
use super::id::{PersonId, PlaybookId};
use super::keywords::Keywords;
use super::person::{People, Person};
use super::playbook::Playbook;
use super::problem::{Code, Problem};
use super::reading::Reader;
use super::rota::Rota;
use super::settings::{Deciding, Detect};
use super::time::SignedDuration;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// `[council]`, `[detect]`, `[paging]` of the settings, as TOML, every value written out.
    Settings,
    /// The public half of the people file, as TOML without names, numbers and addresses.
    People,
    /// `config/rota.toml`.
    Rota,
    /// Core hours (`config/calendar.toml`).
    Calendar,
    /// Bank holidays (`config/holidays.toml`).
    Holidays,
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
    /// What is expected to be heard of.
    pub feeds: Vec<Feed>,
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
    /// False pages a year that learnt detectors may give together. 12.
    pub surge_false_pages: u32,
    /// False pages a year from clusters of one topic. 2.
    pub cluster_false_pages: u32,
    /// So long a new stream is on trial. 14 days.
    pub surge_trial: SignedDuration,
    /// Of a hundred offered calls so many should be answered. 90.
    pub service_connected: u32,
    /// Mean wait of those that are. 45 s.
    pub service_wait: SignedDuration,
    /// Calls offered before anything is said of a queue. 30.
    pub service_gate: u32,
    /// A queue is silent after so much of core hours. 30 min.
    pub queue_heartbeat: SignedDuration,
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
            surge_false_pages: 12,
            cluster_false_pages: 2,
            surge_trial: SignedDuration::from_hours(24 * 14),
            service_connected: 90,
            service_wait: SignedDuration::from_secs(45),
            service_gate: 30,
            queue_heartbeat: SignedDuration::from_mins(30),
            cool_down: SignedDuration::from_mins(30),
            keys_max: 1_000_000,
        }
    }
}

/// The counts of conditions that give none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floors {
    /// Contacts of a surge. 5.
    pub surge_reports: u32,
    /// Time of a surge. 60 min.
    pub surge_within: SignedDuration,
    /// Contacts of a cluster. 3.
    pub cluster_reports: u32,
    /// Reach of a cluster in metres. 1,000.
    pub cluster_metres: u32,
    /// Time of a cluster. 60 min.
    pub cluster_within: SignedDuration,
}

impl Default for Floors {
    fn default() -> Self {
        Self::from(&Detect::default())
    }
}

impl From<&Detect> for Floors {
    fn from(detect: &Detect) -> Self {
        Self {
            surge_reports: detect.surge_reports,
            surge_within: detect.surge_within,
            cluster_reports: detect.cluster_reports,
            cluster_metres: detect.cluster_metres,
            cluster_within: detect.cluster_within,
        }
    }
}

impl From<&Deciding> for Figures {
    fn from(settings: &Deciding) -> Self {
        Self {
            receipt_deadline: settings.paging.receipt_deadline,
            repeat_after: settings.paging.repeat_after,
            acknowledgement_expires: settings.paging.acknowledgement_expires,
            widen_every: settings.paging.widen_every,
            signal_hold: settings.detect.signal_hold,
            surge_false_pages: settings.detect.surge_false_pages,
            cluster_false_pages: settings.detect.cluster_false_pages,
            surge_trial: settings.detect.surge_trial,
            service_connected: settings.detect.service_connected,
            service_wait: settings.detect.service_wait,
            service_gate: settings.detect.service_gate,
            queue_heartbeat: settings.detect.queue_heartbeat,
            cool_down: settings.detect.cool_down,
            keys_max: settings.detect.keys_max,
        }
    }
}

/// SHA-256 of a text, 64 hex digits: the version of a document.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Document {
    /// A document with its version.
    pub fn new(kind: DocumentKind, name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { kind, name: name.into(), sha256: sha256_hex(&text), text }
    }
}

impl Policy {
    /// The policy of a set of documents, in any order. A missing document is an empty one (no people, no core hours ...);
    /// of two of the same kind and name the later counts. A key that this version does not know is passed over: the text
    /// was accepted when it came into force, and must be read back from the log.
    ///
    /// # Errors
    /// All slips of all documents; the file is the document's name.
    pub fn from_documents(documents: &[Document]) -> Result<Self, Vec<Problem>> {
        let text =
            |kind: DocumentKind| documents.iter().rev().find(|doc| doc.kind == kind).map_or("", |doc| &*doc.text);
        let mut problems: Vec<Problem> = Vec::new();
        let settings = keep(&mut problems, Deciding::parse_recorded(text(DocumentKind::Settings)));
        let zone = settings.zone().unwrap_or_else(|| {
            let message = format!("there is no time zone \"{}\"", settings.council.zone);
            problems.push(Problem::of_file("settings", Code::C002, message));
            TimeZone::UTC
        });
        let people = keep(&mut problems, People::parse_public(text(DocumentKind::People)));
        let rota = Reader::recorded("rota", text(DocumentKind::Rota));
        let rota = Rota::read(rota, &zone).unwrap_or_else(|more| {
            problems.extend(more);
            Rota::empty(zone.clone())
        });
        let core = Reader::recorded("calendar", text(DocumentKind::Calendar));
        let holidays = Reader::recorded("holidays", text(DocumentKind::Holidays));
        let core = keep(&mut problems, Calendar::read_core(core));
        let holidays = keep(&mut problems, Calendar::read_holidays(holidays));
        let keywords = Reader::recorded("keywords", text(DocumentKind::Keywords));
        let keywords = keep(&mut problems, Keywords::read(keywords));
        let floors = Floors::from(&settings.detect);
        let mut playbooks = BTreeMap::new();
        for document in documents.iter().filter(|document| document.kind == DocumentKind::Playbook) {
            let reader = Reader::recorded(document.name.clone(), &document.text);
            match Playbook::read(&document.name, &document.text, reader, &floors) {
                Ok(playbook) => drop(playbooks.insert(playbook.id.clone(), Arc::new(playbook))),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let calendar = Calendar { zone, core, holidays };
        let rota = Rota { calendar: calendar.clone(), ..rota };
        Ok(Self {
            figures: Figures::from(&settings),
            council: settings.council.short_name,
            people,
            rota,
            calendar,
            keywords,
            playbooks,
            feeds: settings.feeds,
        })
    }
}

/// The value, or its default with the problems kept.
fn keep<T: Default>(problems: &mut Vec<Problem>, outcome: Result<T, Vec<Problem>>) -> T {
    outcome.unwrap_or_else(|more| {
        problems.extend(more);
        T::default()
    })
}
