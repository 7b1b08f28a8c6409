//! The state as bytes, slice by slice, and back: so that a start need not read the log from its first line.
//!
//! A snapshot is a copy, never the truth. It says which form each slice has; one of another form, or one that does not
//! read, is not guessed at: the log is read from the beginning instead. A later version of this program reads the forms
//! of earlier ones (a field that was added has a default), and changes a slice's number when it cannot.
//!
//! Nothing personal is in it, since nothing personal is in the state. Not here: files ([`crate::log::snapshot`]), when
//! one is written (`daemon`).

use super::id::Seq;
use super::policy::{Document, Policy};
use super::state::{PolicyInForce, State};
use super::time::Timestamp;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The slices of the state, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slice {
    /// What is in force.
    Policy,
    /// Contacts by key.
    Keys,
    /// Counts and recent contacts.
    Tally,
    /// The floor rules' windows.
    Windows,
    /// The learnt detectors.
    Surges,
    /// What is usual in each place.
    Clusters,
    /// What people have put right.
    Corrections,
    /// Telephony queues.
    Queues,
    /// What is expected to be heard of.
    Feeds,
    /// Raised signals.
    Signals,
    /// Incidents, tasks and warnings.
    Incidents,
    /// Call-outs and pages.
    Paging,
    /// Messages that ask for no answer.
    Notices,
    /// Heads, erasures, holds.
    Keeping,
}

impl Slice {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Policy,
        Self::Keys,
        Self::Tally,
        Self::Windows,
        Self::Surges,
        Self::Clusters,
        Self::Corrections,
        Self::Queues,
        Self::Feeds,
        Self::Signals,
        Self::Incidents,
        Self::Paging,
        Self::Notices,
        Self::Keeping,
    ];

    /// Its name in a snapshot.
    pub fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Keys => "keys",
            Self::Tally => "tally",
            Self::Windows => "windows",
            Self::Surges => "surges",
            Self::Clusters => "clusters",
            Self::Corrections => "corrections",
            Self::Queues => "queues",
            Self::Feeds => "feeds",
            Self::Signals => "signals",
            Self::Incidents => "incidents",
            Self::Paging => "paging",
            Self::Notices => "notices",
            Self::Keeping => "keeping",
        }
    }

    /// The number of its form. It is raised when the form changes so that an old one cannot be read any more, or when
    /// the figures in it mean something else (a detector's windows, say): then old snapshots are passed over.
    pub fn version(self) -> u32 {
        1
    }
}

/// Why bytes did not become a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A slice does not become JSON: a map in it has keys that are no texts, and wants `pairs`.
    #[error("the {name} cannot be written: {why}")]
    Unwritable {
        /// Which slice.
        name: &'static str,
        /// What the writer said.
        why: String,
    },
    /// A slice is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A slice has a form that this version does not read.
    #[error("its {name} are of form {found}, and this version reads {wanted}")]
    Form {
        /// Which slice.
        name: &'static str,
        /// The form in the snapshot.
        found: u32,
        /// The form that is read here.
        wanted: u32,
    },
    /// A slice does not read.
    #[error("its {name} cannot be read: {why}")]
    Unreadable {
        /// Which slice.
        name: &'static str,
        /// What the reader said.
        why: String,
    },
}

impl State {
    /// One slice as bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Unwritable`]: a defect, but one that must cost a snapshot only, and never the loop.
    pub fn slice(&self, slice: Slice) -> Result<Vec<u8>, SnapshotError> {
        let json = |slice_json: serde_json::Result<Vec<u8>>| {
            slice_json.map_err(|why| SnapshotError::Unwritable { name: slice.name(), why: why.to_string() })
        };
        match slice {
            Slice::Policy => json(serde_json::to_vec(&*self.policy)),
            Slice::Keys => Ok(self.keys.to_bytes()),
            Slice::Tally => json(serde_json::to_vec(&*self.tally)),
            Slice::Windows => json(serde_json::to_vec(&*self.windows)),
            Slice::Surges => json(serde_json::to_vec(&*self.surges)),
            Slice::Clusters => json(serde_json::to_vec(&*self.clusters)),
            Slice::Corrections => json(serde_json::to_vec(&*self.corrections)),
            Slice::Queues => json(serde_json::to_vec(&*self.queues)),
            Slice::Feeds => json(serde_json::to_vec(&*self.feeds)),
            Slice::Signals => json(serde_json::to_vec(&*self.signals)),
            Slice::Incidents => json(serde_json::to_vec(&*self.incidents)),
            Slice::Paging => json(serde_json::to_vec(&*self.paging)),
            Slice::Notices => json(serde_json::to_vec(&*self.notices)),
            Slice::Keeping => json(serde_json::to_vec(&*self.keeping)),
        }
    }

    /// The state after record `head`, made at `at`, from its slices.
    ///
    /// * `bytes`: a slice's form and bytes, by its name; `None` where there is none of that name.
    ///
    /// # Errors
    /// [`SnapshotError`]; the log must be read from the beginning then.
    pub fn from_slices<'a>(
        head: Seq,
        at: Timestamp,
        bytes: impl Fn(&str) -> Option<(u32, &'a [u8])>,
    ) -> Result<Self, SnapshotError> {
        let find = |slice: Slice| {
            let (name, wanted) = (slice.name(), slice.version());
            let (found, bytes) = bytes(name).ok_or(SnapshotError::Missing(name))?;
            if found == wanted { Ok(bytes) } else { Err(SnapshotError::Form { name, found, wanted }) }
        };
        let unreadable = |slice: Slice, why: String| SnapshotError::Unreadable { name: slice.name(), why };
        let mut policy: PolicyInForce = read(Slice::Policy, find(Slice::Policy)?)?;
        policy.parse_again().map_err(|why| unreadable(Slice::Policy, why))?;
        let keys = super::register::Keys::from_bytes(find(Slice::Keys)?).map_err(|why| unreadable(Slice::Keys, why))?;
        Ok(Self {
            next: Seq(head.0 + 1),
            last_at: at,
            policy: Arc::new(policy),
            keys: Arc::new(keys),
            tally: Arc::new(read(Slice::Tally, find(Slice::Tally)?)?),
            windows: Arc::new(read(Slice::Windows, find(Slice::Windows)?)?),
            surges: Arc::new(read(Slice::Surges, find(Slice::Surges)?)?),
            clusters: Arc::new(read(Slice::Clusters, find(Slice::Clusters)?)?),
            corrections: Arc::new(read(Slice::Corrections, find(Slice::Corrections)?)?),
            queues: Arc::new(read(Slice::Queues, find(Slice::Queues)?)?),
            feeds: Arc::new(read(Slice::Feeds, find(Slice::Feeds)?)?),
            signals: Arc::new(read(Slice::Signals, find(Slice::Signals)?)?),
            incidents: Arc::new(read(Slice::Incidents, find(Slice::Incidents)?)?),
            paging: Arc::new(read(Slice::Paging, find(Slice::Paging)?)?),
            notices: Arc::new(read(Slice::Notices, find(Slice::Notices)?)?),
            keeping: Arc::new(read(Slice::Keeping, find(Slice::Keeping)?)?),
        })
    }
}

impl PolicyInForce {
    /// Makes the parsed policy again from the documents in force.
    fn parse_again(&mut self) -> Result<(), String> {
        if self.versions.is_empty() {
            return Ok(());
        }
        let found: Option<Vec<Document>> =
            self.versions.iter().map(|(_, _, sha256)| self.documents.get(sha256).cloned()).collect();
        let documents = found.ok_or("a document in force is not there")?;
        let policy = Policy::from_documents(&documents).map_err(|problems| format!("{problems:?}"))?;
        self.in_force = Some(Arc::new(policy));
        Ok(())
    }
}

fn read<T: DeserializeOwned>(slice: Slice, bytes: &[u8]) -> Result<T, SnapshotError> {
    serde_json::from_slice(bytes)
        .map_err(|error| SnapshotError::Unreadable { name: slice.name(), why: error.to_string() })
}
