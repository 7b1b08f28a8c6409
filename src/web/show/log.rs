//! The log page.

use super::Scene;
use crate::domain::id::Seq;
use crate::domain::record::Record;
use crate::domain::telling::{readable, short};
use crate::domain::time::Timestamp;
use crate::door::Records;
use crate::web::view::{Badge, Choice, LogFilter, LogLine, LogPage, Moment, Tone};
use serde::Deserialize;

/// Entries of one page.
const PER_PAGE: usize = 100;
/// Records looked through for one page, at most; the reader is told where to go on.
const LOOKED_AT_MAX: u64 = 20_000;
/// Records read at a time.
const READ_AT_ONCE: u64 = 1_000;

/// The kinds that the filter offers, by the word in the log.
const KINDS: [(&str, &str); 10] = [
    ("contact_taken", "Contacts"),
    ("signal_raised", "Signals"),
    ("warning_entered", "Warnings"),
    ("incident_opened", "Incidents opened"),
    ("playbook_activated", "Playbooks started"),
    ("page_intended", "Pages"),
    ("acknowledged", "Acknowledgements"),
    ("entry_written", "Entries by people"),
    ("stood_down", "Stand-downs"),
    ("policy_in_force", "Plans and settings"),
];

/// A line as the log writes it.
#[derive(Deserialize)]
struct Written {
    seq: u64,
    at: Timestamp,
    #[serde(default)]
    occurred_at: Option<Timestamp>,
    record: Record,
}

/// `/log`: entries before position `before`, newest first. Reads files: call it off the async threads.
pub fn log(scene: &Scene<'_>, records: &dyn Records, filter: LogFilter, before: Option<u64>) -> LogPage {
    let head = scene.view.head.0;
    let start = before.map_or(head + 1, |before| before.min(head + 1));
    let name = |id: &str| scene.name(id);
    let teller = scene.teller(&name);
    let mut lines = Vec::new();
    let mut head_hash = String::new();
    let mut end = start;
    let mut problem = String::new();
    'looking: while end > 1 && start - end < LOOKED_AT_MAX {
        let from = end.saturating_sub(READ_AT_ONCE).max(1);
        let read = records.lines(Seq(from), usize::try_from(end - from).unwrap_or(0));
        if read.is_empty() {
            break;
        }
        for line in read.iter().rev() {
            if line.seq.0 == head {
                head_hash.clone_from(&line.hash);
            }
            end = line.seq.0;
            let Ok(written) = serde_json::from_str::<Written>(&line.json) else {
                problem = format!("Entry {} cannot be read; run `callout log verify`.", line.seq);
                continue;
            };
            let told = teller.tell(&written.record);
            let words = written.record.digest().map(|digest| match &written.record {
                // Callers' words are not read out in a list.
                Record::ContactTaken { .. } => String::new(),
                _ => scene.words(Seq(written.seq), digest),
            });
            let text = [told.title.clone(), told.text, words.unwrap_or_default()]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(". ");
            let kind = kind_of(&line.json);
            if !wanted(scene, &filter, &kind, &line.json, &text, written.at) {
                continue;
            }
            lines.push(LogLine {
                seq: written.seq,
                at: Moment::full(written.at, scene.zone),
                occurred: written.occurred_at.map(|at| Moment::full(at, scene.zone)),
                kind: readable(&kind),
                text,
                who: told.who,
                hash: short(&line.hash).to_owned(),
            });
            if lines.len() == PER_PAGE {
                break 'looking;
            }
        }
    }
    if head_hash.is_empty() && head > 0 {
        head_hash = records.lines(Seq(head), 1).first().map(|line| line.hash.clone()).unwrap_or_default();
    }
    LogPage {
        kinds: KINDS.iter().map(|(value, label)| Choice::new(*value, *label)).collect(),
        total: head,
        newer_href: if before.is_some() { format!("/log?{}", query(&filter, None)) } else { String::new() },
        older_href: if end > 1 && !lines.is_empty() {
            format!("/log?{}", query(&filter, Some(end)))
        } else {
            String::new()
        },
        chain: Badge::new(Tone::Grey, "Chained"),
        chain_words: match &scene.view.keeping.head {
            Some(signed) => format!(
                "{head} entries; signed up to entry {} on {}. Check them all with: callout log verify",
                signed.head,
                Moment::full(signed.signed_at, scene.zone).text
            ),
            None => format!("{head} entries, not signed yet. Check them all with: callout log verify"),
        },
        head: head_hash,
        problem,
        filter,
        lines,
    }
}

fn kind_of(json: &str) -> String {
    #[derive(Deserialize)]
    struct Kind {
        record: Type,
    }
    #[derive(Deserialize)]
    struct Type {
        r#type: String,
    }
    serde_json::from_str::<Kind>(json).map(|kind| kind.record.r#type).unwrap_or_default()
}

fn wanted(scene: &Scene<'_>, filter: &LogFilter, kind: &str, json: &str, text: &str, at: Timestamp) -> bool {
    let day = at.to_zoned(scene.zone.clone()).date().to_string();
    // Paging records name their call-out; those of the incident's call-outs are its own.
    let of_incident = || {
        let incident = filter.incident.trim();
        let quoted = |id: &str| json.contains(&format!("\"{id}\""));
        quoted(incident)
            || incident.parse().is_ok_and(|id| {
                scene.view.incidents.by_id.get(&id).is_some_and(|incident| {
                    incident.timeline.iter().any(|line| json.starts_with(&format!("{{\"seq\":{},", line.seq)))
                })
            })
    };
    (filter.kind.is_empty() || filter.kind == kind)
        && (filter.from.is_empty() || day.as_str() >= filter.from.as_str())
        && (filter.to.is_empty() || day.as_str() <= filter.to.as_str())
        && (filter.q.is_empty() || text.to_lowercase().contains(&filter.q.to_lowercase()))
        && (filter.incident.is_empty() || of_incident())
}

fn query(filter: &LogFilter, before: Option<u64>) -> String {
    let mut parts: Vec<String> = [
        ("kind", &filter.kind),
        ("from", &filter.from),
        ("to", &filter.to),
        ("incident", &filter.incident),
        ("q", &filter.q),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(key, value)| format!("{key}={}", escaped(value)))
    .collect();
    parts.extend(before.map(|before| format!("before={before}")));
    parts.join("&")
}

/// A value of a query, percent-encoded.
pub fn escaped(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        out
    })
}
