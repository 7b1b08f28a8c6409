//! People and rota after a restart: from the details store, where the record of their application put them.

use crate::domain::person::People;
use crate::domain::policy::{Document, DocumentKind};
use crate::domain::roster::{Roster, RosterInForce};
use crate::domain::state::PolicyInForce;
use crate::log::Hash;
use crate::log::details::Reader;

/// The people of the roster in force.
///
/// # Errors
/// Why they cannot be had, in words without anything personal.
pub fn kept(details: &Reader, roster: &RosterInForce) -> Result<People, String> {
    let digest = Hash::from_hex(roster.digest.as_bytes()).ok_or("the record's digest is none")?;
    let found = details.get(roster.seq, &digest).map_err(|error| error.to_string())?;
    let detail = found.ok_or("its details have been erased")?;
    let roster: Roster = serde_json::from_str(&detail.detail).map_err(|_| "its details are not a roster")?;
    People::parse(&roster.people).map_err(|problems| format!("{} slips in it", problems.len()))
}

/// Which of the two files differ from what is in force.
pub fn other_files(policy: &PolicyInForce, documents: &[Document]) -> Vec<&'static str> {
    let differs = |kind: DocumentKind| {
        let file = documents.iter().find(|document| document.kind == kind);
        file.is_some_and(|file| !policy.versions.iter().any(|(k, _, sha256)| *k == kind && *sha256 == file.sha256))
    };
    [(DocumentKind::People, "people"), (DocumentKind::Rota, "rota")]
        .into_iter()
        .filter(|(kind, _)| differs(*kind))
        .map(|(_, name)| name)
        .collect()
}
