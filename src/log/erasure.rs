//! Finds what an erasure covers: the details of a contact or an incident, and details whose time is over.
//!
//! Reads the files beside a running daemon. Not here: whether it may be done (`domain/keeping.rs`), and the erasing
//! itself ([`super::details::Details::erase`]).

use super::details::Scan;
use super::tail;
use crate::domain::id::{ContactId, IncidentId, Seq};
use crate::domain::keeping::{Covered, EVERYTHING, Keeping, Spans};
use crate::domain::time::Timestamp;
use serde_json::Value;
use std::io;
use std::path::Path;

/// The classes of details, as the store names them, that belong to contacts.
const CONTACT: &str = "contact";

/// What an erasure of `subject` covers; nothing when there are no details of it.
///
/// # Errors
/// When a file cannot be read.
pub fn covered(log: &Path, details: &Path, subject: &str) -> io::Result<Covered> {
    let mut covered = Covered::default();
    for stored in Scan::start(details)? {
        let stored = stored?;
        if stored.subject == subject {
            covered.incident_texts |= stored.class != CONTACT;
            covered.seqs.insert(stored.seq);
        }
    }
    if let Ok(contact) = subject.parse::<ContactId>() {
        covered.of = incident_of(log, Seq(contact.0))?;
    }
    Ok(covered)
}

/// Details whose time is over: contacts recorded before `contacts_before`, everything else before `words_before`;
/// without what is erased already or on hold.
///
/// * `head`: the log's last record.
///
/// # Errors
/// When a file cannot be read.
pub fn expired(
    (log, details): (&Path, &Path),
    head: Seq,
    contacts_before: Timestamp,
    words_before: Timestamp,
    keeping: &Keeping,
) -> io::Result<Spans> {
    let mut expired = Spans::default();
    if keeping.held(&[EVERYTHING]).is_some() || head.0 == 0 {
        return Ok(expired);
    }
    let (contacts, words) = (first_at(log, head, contacts_before)?, first_at(log, head, words_before)?);
    let holds_incidents = keeping.holds.values().any(|hold| hold.on.parse::<IncidentId>().is_ok());
    for stored in Scan::start(details)? {
        let stored = stored?;
        let limit = if stored.class == CONTACT { contacts } else { words };
        if stored.seq >= contacts.max(words) {
            break;
        }
        if stored.seq >= limit || keeping.erased.contains(stored.seq) {
            continue;
        }
        let of = if holds_incidents && stored.class == CONTACT { incident_of(log, stored.seq)? } else { None };
        let of = of.map(|incident| incident.to_string());
        let mut subjects = vec![stored.subject.as_str()];
        subjects.extend(of.as_deref());
        if keeping.held(&subjects).is_none() {
            expired.insert(stored.seq);
        }
    }
    Ok(expired)
}

/// The incident that a contact counted towards, as its record says.
fn incident_of(log: &Path, seq: Seq) -> io::Result<Option<IncidentId>> {
    let lines = tail::from(log, seq, 1)?;
    let record = lines.first().and_then(|line| serde_json::from_str::<Value>(&line.record).ok());
    Ok(record.and_then(|record| record["incident"].as_str()?.parse().ok()))
}

/// The first record made at or after an instant; the one after the head when there is none. Records rise in time.
fn first_at(log: &Path, head: Seq, at: Timestamp) -> io::Result<Seq> {
    let (mut low, mut high) = (1, head.0 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match tail::from(log, Seq(middle), 1)?.first() {
            Some(line) if line.at < at => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(Seq(low))
}
