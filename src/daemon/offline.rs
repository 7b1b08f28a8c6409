//! Records something about the record while no daemon runs: an export, an erasure, a hold. Nothing that is due comes
//! along, nothing is sent; the next start takes up where the last one ended.

use super::commit;
use super::engine::{self, EngineError};
use crate::clock::Clock;
use crate::domain::decide::decide;
use crate::domain::event::{Answer, Event};
use crate::domain::keeping::Covered;
use crate::domain::record::Record;
use crate::log::details::NewDetail;
use crate::log::{Entry, LogError, erasure};
use std::path::Path;

/// Why it was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The log would not open: [`EngineError::Open`] says so when a daemon has it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
}

/// Decides one of the keeping's events and makes its records durable.
///
/// * `event`: makes the event, told what an erasure of its subject covers; [`Covered::default`] without a subject.
///
/// # Errors
/// [`OfflineError`]; nothing was recorded then.
///
/// # Panics
/// If the event is not one of the keeping's: others have effects, and nobody here performs them.
pub fn record(
    data: &Path,
    clock: &Clock,
    subject: Option<&str>,
    event: impl FnOnce(Covered) -> Event,
) -> Result<Answer, OfflineError> {
    let mut opened = engine::open(data, &engine::Storage::default(), clock)?;
    // What a command takes or erases, it reads from the files themselves.
    opened.erase_again()?;
    let details_dir = data.join(engine::DETAILS_DIR);
    let covered = subject.map(|subject| erasure::covered(&opened.dir, &details_dir, subject)).transpose()?;
    let decision = decide(&mut opened.state, &event(covered.unwrap_or_default()), clock.now());
    assert!(decision.effects.is_empty(), "only events without effects are decided without a daemon");
    for (seq, record, sealed) in &decision.records {
        if let Some(sealed) = sealed {
            let subject = commit::subject(*seq, record);
            let class = sealed.class.as_str();
            let new = NewDetail { seq: *seq, salt: &sealed.salt, subject: &subject, class, detail: &sealed.content };
            opened.details.append(&[new])?;
        }
        let json = serde_json::to_vec(record).expect("records have only text keys, so they serialise");
        opened.log.append(&[Entry { seq: *seq, at: decision.at, occurred_at: None, record: &json }])?;
        if let Record::DetailsErased { seqs, .. } = record {
            opened.details.erase(&seqs.iter().collect())?;
        }
    }
    Ok(decision.answer)
}
