//! Empties the watched folders: on a thread of each, beside the engine, until the daemon stops.
//!
//! A folder that cannot be read, a file that cannot be moved, a core that takes nothing now: all are told in the trace and
//! in `/readyz`, and tried again at the next look. Nothing that was not taken is moved.

use super::supervise;
use crate::config::folders::{Folder, Holds};
use crate::domain::event::{Answer, Event};
use crate::incoming::{ContactReader as _, Refused, Sending};
use crate::intake::Intake;
use crate::intake::columns::Mapping;
use crate::intake::folder::{FolderError, Taken, Watched, take};
use crate::keys::random_bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How often it is looked whether the daemon stops.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How each folder is, for `/readyz`: its path, and what is wrong with it, if anything.
#[derive(Debug, Clone, Default)]
pub struct Boxes(Arc<Mutex<BTreeMap<String, Option<String>>>>);

impl Boxes {
    fn put(&self, folder: &Folder, wrong: Option<String>) {
        let path = folder.path.display().to_string();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, wrong);
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Watches one folder on a thread of its own.
pub fn start(folder: Folder, intake: Intake, boxes: Boxes, stopping: Arc<AtomicBool>) {
    boxes.put(&folder, None);
    supervise::thread("folder", move || {
        let mut watched = Watched::default();
        let mut next = Instant::now();
        while !stopping.load(Ordering::Acquire) {
            if Instant::now() >= next {
                let wrong = look(&folder, &intake, &mut watched, &stopping).err();
                if let Some(why) = &wrong {
                    warn!(folder = %folder.path.display(), "a watched folder is in trouble: {why}");
                }
                boxes.put(&folder, wrong);
                next = Instant::now() + folder.every;
            }
            std::thread::sleep(LOOK_EVERY.min(folder.every));
        }
    });
}

/// One look: takes every whole file.
fn look(folder: &Folder, intake: &Intake, watched: &mut Watched, stopping: &AtomicBool) -> Result<(), String> {
    let whole = watched.look(&folder.path).map_err(|error| error.to_string())?;
    if whole.is_empty() {
        return Ok(());
    }
    let mapping = mapping(folder)?;
    let mut troubles = Vec::new();
    for name in whole {
        if stopping.load(Ordering::Acquire) {
            break;
        }
        match empty(folder, intake, &mapping, &name) {
            Ok(Taken { rows, refused, first }) => {
                // The file's name is the council's own; its words are not told.
                info!(folder = %folder.path.display(), rows, refused, "took a file: {rows} rows, {refused} refused");
                if let Some(first) = first {
                    troubles.push(format!("{refused} rows of {name} were refused ({first}); see done/"));
                }
            }
            Err(error) => troubles.push(error.to_string()),
        }
    }
    if troubles.is_empty() { Ok(()) } else { Err(troubles.join("; ")) }
}

fn mapping(folder: &Folder) -> Result<Mapping, String> {
    let mut mapping = match &folder.mapping {
        None => Mapping::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let parsed = match folder.holds {
                Holds::Contacts => Mapping::parse(&text),
                Holds::QueueCounts => Mapping::parse_counts(&text),
            };
            parsed.map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    mapping.source.get_or_insert_with(|| folder.source.clone());
    Ok(mapping)
}

fn empty(folder: &Folder, intake: &Intake, mapping: &Mapping, name: &str) -> Result<Taken, FolderError> {
    let sending = Sending { sender: &folder.source, idempotency_key: None, history: false, lines: false };
    intake.reading(&sending, |reading| {
        take(&folder.path, name, folder.holds, mapping, reading, &mut |batch| {
            hand_on(folder.holds, intake, &sending, batch)
        })
    })
}

/// Hands a batch to the core, and waits until it is durable.
fn hand_on(holds: Holds, intake: &Intake, sending: &Sending<'_>, batch: Vec<Value>) -> Result<(), String> {
    if batch.is_empty() {
        return Ok(());
    }
    let body = Value::Array(batch).to_string();
    let not_now = |why: Refused| format!("rows that were good a moment ago are not: {why:?}");
    let events: Vec<Event> = match holds {
        Holds::Contacts => {
            let (_, parsed) = intake.read(body.as_bytes(), sending).map_err(not_now)?;
            let salted = parsed.into_iter().map(|one| random_bytes().map(|salt| one.into_event(salt)));
            salted.collect::<Result<_, _>>().map_err(|error| error.to_string())?
        }
        Holds::QueueCounts => {
            let (_, counts) = intake.read_queues(body.as_bytes(), sending).map_err(not_now)?;
            counts.into_iter().map(|counts| Event::QueueCounted { counts }).collect()
        }
    };
    let answers = intake.door.send(events).map_err(|error| error.to_string())?;
    let answers = answers.blocking_recv().map_err(|_| "callout is stopping".to_owned())?;
    let refused = answers.into_iter().find_map(|answer| match answer {
        Answer::Refused(why) => Some(why),
        _ => None,
    });
    refused.map_or(Ok(()), Err)
}
