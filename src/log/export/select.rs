//! Which records belong to an incident, to a time, or to a contact.

use super::{ExportError, walk};
use crate::domain::id::{ContactId, IncidentId, Seq};
use crate::domain::keeping::Spans;
use crate::domain::time::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    Whole,
    /// What was recorded from one instant up to another, that one not included.
    Period {
        /// From.
        from: Timestamp,
        /// To.
        to: Timestamp,
    },
    /// What happened in an incident: its evidence, pages, tasks and entries, its contacts, and the playbooks it followed.
    Incident(IncidentId),
    /// What is kept of one or several contacts: a person's packet.
    Contacts(Vec<ContactId>),
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Period { from, to } => write!(f, "{from} to {to}"),
            Self::Incident(incident) => write!(f, "{incident}"),
            Self::Contacts(contacts) => {
                let names: Vec<String> = contacts.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(" "))
            }
        }
    }
}

/// The records of a selection up to `until`; `None` for all.
///
/// # Errors
/// As [`walk`].
pub fn records(selection: &Selection, log: &Path, until: Seq) -> Result<Option<Spans>, ExportError> {
    let mut wanted = BTreeSet::new();
    match selection {
        Selection::Whole => return Ok(None),
        Selection::Contacts(contacts) => wanted.extend(contacts.iter().map(|contact| Seq(contact.0))),
        Selection::Period { from, to } => walk(log, None, until, |logged| {
            if (*from..*to).contains(&logged.at) {
                wanted.insert(logged.seq);
            }
            Ok(())
        })?,
        Selection::Incident(incident) => {
            let mut thread = Thread::of(*incident);
            walk(log, None, until, |logged| {
                // A record that is not JSON was never written by callout; it is in no incident.
                let record = serde_json::from_str(&logged.record).unwrap_or(Value::Null);
                thread.follow(logged.seq, &record, &mut wanted);
                Ok(())
            })?;
        }
    }
    Ok(Some(wanted.into_iter().filter(|seq| (1..=until.0).contains(&seq.0)).collect()))
}

/// The ids through which records belong to an incident.
struct Thread {
    ids: BTreeSet<String>,
    /// Documents by digest: the playbooks that it followed are part of it.
    documents: BTreeMap<String, Seq>,
}

/// The fields that hold the id of something an incident has.
const THREADS: [&str; 6] = ["incident", "call_out", "page", "task", "signal", "warning"];

impl Thread {
    fn of(incident: IncidentId) -> Self {
        Self { ids: BTreeSet::from([incident.to_string()]), documents: BTreeMap::new() }
    }

    fn follow(&mut self, seq: Seq, record: &Value, wanted: &mut BTreeSet<Seq>) {
        let kind = record["type"].as_str().unwrap_or_default();
        if let Some(sha256) = record["document"]["sha256"].as_str() {
            self.documents.insert(sha256.to_owned(), seq);
        }
        let own = match kind {
            "incident_opened" => format!("INC-{seq}"),
            "call_out_started" => format!("CO-{seq}"),
            "page_intended" => format!("P-{seq}"),
            "task_opened" => format!("T-{seq}"),
            _ => String::new(),
        };
        let named = THREADS.iter().any(|field| record[field].as_str().is_some_and(|id| self.ids.contains(id)));
        if !named && !self.ids.contains(&own) {
            return;
        }
        wanted.insert(seq);
        if !own.is_empty() {
            self.ids.insert(own);
        }
        if let Some(Value::Object(cause)) = record.get("cause") {
            // The signal or warning that joined was recorded before.
            for id in cause.values().filter_map(Value::as_str) {
                let number = id.rsplit('-').next().and_then(|digits| digits.parse().ok());
                wanted.extend(number.map(Seq));
                self.ids.insert(id.to_owned());
            }
        }
        if let Some(document) = record["version"].as_str().and_then(|version| self.documents.get(version)) {
            wanted.insert(*document);
        }
    }
}
