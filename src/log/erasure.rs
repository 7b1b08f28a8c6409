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

/// Ranges of records in one erasure at most: it must fit into one record of the log. What is more is for the next one.
const RANGES_MAX: usize = 20_000;
/// The class of details, as the store names it, that belongs to contacts.
const CONTACT: &str = "contact";

/// What an erasure of `subject` covers; nothing when there are no details of it.
///
/// # Errors
/// When a file cannot be read.
pub fn covered(log: &Path, details: &Path, subject: &str) -> io::Result<Covered> {
    let mut covered = Covered::default();
    for stored in Scan::start(details)? {
        let stored = stored?;
        if covered.seqs.ranges().len() >= RANGES_MAX {
            break;
        }
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
        if stored.seq >= contacts.max(words) || expired.ranges().len() >= RANGES_MAX {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::event::{Author, DetailClass, Sealed};
    use crate::domain::keeping::Hold;
    use crate::log::details::{Details, NewDetail};
    use crate::log::{Entry, Journal, Options};

    fn at(day: u64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + 86_400 * day as i64).unwrap()
    }

    #[test]
    fn what_is_older_than_its_class_is_kept_is_due_but_for_what_is_erased_or_on_hold() {
        let dir = tempfile::tempdir().unwrap();
        let (log, details) = (dir.path().join("log"), dir.path().join("details"));
        let options = Options { segment_bytes: 4 << 10, ballast_bytes: 0, ..Options::default() };
        let (mut journal, _) = Journal::open(&log, &options, at(0)).unwrap();
        let (mut store, _) = Details::open(&details, &options, Seq(0), at(0)).unwrap();
        // A record a day; every tenth has words of incident 10, contact 5 counted towards it.
        for seq in 1..=40 {
            let (class, subject) = match seq % 10 {
                0 => (DetailClass::Incident, "INC-10".to_owned()),
                _ => (DetailClass::Contact, format!("C-{seq}")),
            };
            let sealed = Sealed::new([1; 16], class, b"{\"text\":\"x\"}".to_vec());
            let class = sealed.class.as_str();
            let new =
                NewDetail { seq: Seq(seq), salt: &sealed.salt, subject: &subject, class, detail: &sealed.content };
            store.append(&[new]).unwrap();
            let record: &[u8] = if seq == 5 { b"{\"incident\":\"INC-10\"}" } else { b"{}" };
            journal.append(&[Entry { seq: Seq(seq), at: at(seq), occurred_at: None, record }]).unwrap();
        }
        let due = |contacts, words, keeping: &Keeping| {
            let spans = expired((&log, &details), Seq(40), at(contacts), at(words), keeping).unwrap();
            spans.ranges().iter().map(|(from, to)| format!("{from}-{to}")).collect::<Vec<_>>().join(" ")
        };
        let mut keeping = Keeping::default();
        assert_eq!(due(12, 0, &keeping), "1-9 11-11");
        assert_eq!(due(12, 25, &keeping), "1-11 20-20");
        assert_eq!(due(0, 0, &keeping), "");
        assert_eq!(due(99, 99, &keeping), "1-40");
        keeping.erased = (2..=3).map(Seq).collect();
        let hold = |on: &str| Hold { on: on.to_owned(), by: Author::system() };
        keeping.holds.insert(Seq(1), hold("INC-10"));
        keeping.holds.insert(Seq(2), hold("C-7"));
        assert_eq!(due(12, 25, &keeping), "1-1 4-4 6-6 8-9 11-11");
        keeping.holds.insert(Seq(3), hold(EVERYTHING));
        assert_eq!(due(12, 25, &keeping), "");

        assert_eq!(covered(&log, &details, "INC-10").unwrap().seqs.len(), 4);
        let contact = covered(&log, &details, "C-5").unwrap();
        assert_eq!((contact.seqs.len(), contact.incident_texts, contact.of), (1, false, Some(IncidentId(10))));
        assert!(covered(&log, &details, "C-10").unwrap().seqs.is_empty());
    }
}
