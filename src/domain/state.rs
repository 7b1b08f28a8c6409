//! The state: one slice a stage, each behind its own `Arc`, so that readers take a snapshot for the price of a few
//! counters. [`apply`] is the only thing that changes it; rebuilding it from the log gives the same state.

use super::correction::Corrections;
use super::detect::cluster::watch::Clusters;
use super::detect::service::Queues;
use super::detect::silence::Feeds;
use super::detect::surge::Surges;
use super::detect::{Signals, Windows};
use super::id::{IncidentId, PlaybookId, Seq, Tag};
use super::incident::{Incidents, Line};
use super::keeping::Keeping;
use super::notice::Notices;
use super::paging::Paging;
use super::playbook::{Condition, Playbook};
use super::policy::{Document, DocumentKind, Policy};
use super::record::{Record, Rule};
use super::register::{Keys, Tally};
use super::time::Timestamp;
use super::{correction, detect, incident, keeping, notice, paging, register};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that callout knows.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The position of the next record.
    pub next: Seq,
    /// The instant of the last record.
    pub last_at: Timestamp,
    /// What is in force.
    pub policy: Arc<PolicyInForce>,
    /// Contacts by key.
    pub keys: Arc<Keys>,
    /// Counts and recent contacts.
    pub tally: Arc<Tally>,
    /// The detectors' windows.
    pub windows: Arc<Windows>,
    /// The learnt detectors.
    pub surges: Arc<Surges>,
    /// What is usual in each place, by topic.
    pub clusters: Arc<Clusters>,
    /// Telephony queues.
    pub queues: Arc<Queues>,
    /// What is expected to be heard of.
    pub feeds: Arc<Feeds>,
    /// Raised signals.
    pub signals: Arc<Signals>,
    /// Incidents, their tasks, and warnings.
    pub incidents: Arc<Incidents>,
    /// Call-outs and pages.
    pub paging: Arc<Paging>,
    /// Messages that ask for no answer.
    pub notices: Arc<Notices>,
    /// Signed heads, erasures, holds.
    pub keeping: Arc<Keeping>,
    /// What staff have said about the maps.
    pub corrections: Arc<Corrections>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            next: Seq(1),
            last_at: Timestamp::UNIX_EPOCH,
            policy: Arc::default(),
            keys: Arc::default(),
            tally: Arc::default(),
            windows: Arc::default(),
            surges: Arc::default(),
            clusters: Arc::default(),
            queues: Arc::default(),
            feeds: Arc::default(),
            signals: Arc::default(),
            incidents: Arc::default(),
            paging: Arc::default(),
            notices: Arc::default(),
            keeping: Arc::default(),
            corrections: Arc::default(),
        }
    }
}

/// The policy in force, and the playbook versions that running incidents still follow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PolicyInForce {
    /// Every document ever in force, by SHA-256.
    pub documents: BTreeMap<String, Document>,
    /// Kind, name and SHA-256 of those in force, sorted.
    pub versions: Vec<(DocumentKind, String, String)>,
    /// Parsed; `None` before the first start has loaded one.
    #[serde(skip)]
    pub in_force: Option<Arc<Policy>>,
    /// Playbooks ever in force, by id and version.
    #[serde(with = "super::pairs")]
    pub playbooks: BTreeMap<(PlaybookId, String), Arc<Playbook>>,
    /// The floor rules that the playbooks in force ask for.
    pub rules: BTreeSet<(Tag, Rule)>,
    /// The set of map layers in force.
    pub epoch: u64,
    /// Where the roster in force stands, word for word; `None` before the first was applied.
    pub roster: Option<super::roster::RosterInForce>,
}

/// What readers see: everything but the two slices that are large and that no page needs.
#[derive(Debug, Clone)]
pub struct View {
    /// The last durable record.
    pub head: Seq,
    /// Its instant.
    pub at: Timestamp,
    /// What is in force.
    pub policy: Arc<PolicyInForce>,
    /// Counts and recent contacts.
    pub tally: Arc<Tally>,
    /// Telephony queues.
    pub queues: Arc<Queues>,
    /// What is expected to be heard of.
    pub feeds: Arc<Feeds>,
    /// Raised signals.
    pub signals: Arc<Signals>,
    /// Incidents, their tasks, and warnings.
    pub incidents: Arc<Incidents>,
    /// Call-outs and pages.
    pub paging: Arc<Paging>,
    /// Signed heads, erasures, holds.
    pub keeping: Arc<Keeping>,
    /// What staff have said about the maps.
    pub corrections: Arc<Corrections>,
}

impl State {
    /// A snapshot for readers.
    pub fn view(&self) -> View {
        View {
            head: Seq(self.next.0 - 1),
            at: self.last_at,
            policy: Arc::clone(&self.policy),
            tally: Arc::clone(&self.tally),
            queues: Arc::clone(&self.queues),
            feeds: Arc::clone(&self.feeds),
            signals: Arc::clone(&self.signals),
            incidents: Arc::clone(&self.incidents),
            paging: Arc::clone(&self.paging),
            keeping: Arc::clone(&self.keeping),
            corrections: Arc::clone(&self.corrections),
        }
    }
}

/// Applies one record. The only mutation of the state, in the daemon and in a rebuild alike.
///
/// # Panics
/// If records come out of order, or if documents that were accepted before do not parse: both are bugs.
pub fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    assert!(seq == state.next, "records are applied in log order: got {seq}, expected {}", state.next);
    state.next = Seq(seq.0 + 1);
    let before = state.last_at;
    state.last_at = at;
    match record {
        Record::ContactTaken { contact, incident, digest } => {
            register::apply(state, seq, contact, *incident, digest);
            detect::apply_contact(state, seq, contact);
            incident::apply_contact(state, *incident);
        }
        Record::ContactMarked { contact, mark, .. } => {
            if let Some(withdrawn) = register::apply_mark(state, *contact, *mark) {
                detect::forget(state, &withdrawn);
                incident::apply_withdrawn(state, withdrawn.incident);
            }
        }
        Record::DocumentRecorded { document } => {
            Arc::make_mut(&mut state.policy).documents.insert(document.sha256.clone(), document.clone());
        }
        Record::PolicyInForce { documents, .. } => {
            put_into_force(Arc::make_mut(&mut state.policy), documents);
            detect::silence::apply_policy(state);
        }
        Record::QueueCounted { counts } => detect::service::apply(state, counts),
        Record::LayersInForce { epoch, layers } => {
            Arc::make_mut(&mut state.policy).epoch = *epoch;
            correction::apply_layers(state, layers);
        }
        Record::MapStatement { statement, by, digest } => correction::apply(state, seq, at, statement, by, digest),
        Record::RosterApplied { digest, .. } => {
            let roster = super::roster::RosterInForce { seq, digest: digest.clone() };
            Arc::make_mut(&mut state.policy).roster = Some(roster);
        }
        Record::SignalRaised { .. } | Record::WouldHaveRaised { .. } | Record::SignalCleared { .. } => {
            detect::apply(state, seq, at, record);
        }
        Record::WarningEntered { .. }
        | Record::WarningEnded { .. }
        | Record::IncidentOpened { .. }
        | Record::EvidenceJoined { .. }
        | Record::PlaybookHeld { .. }
        | Record::PlaybookActivated { .. }
        | Record::TaskOpened { .. }
        | Record::TaskMoved { .. }
        | Record::TaskLapsed { .. }
        | Record::StepCovered { .. }
        | Record::EntryWritten { .. }
        | Record::EntryConfirmed { .. }
        | Record::StoodDown { .. } => incident::apply(state, seq, at, record),
        Record::CallOutStarted { .. }
        | Record::LevelStarted { .. }
        | Record::PageIntended { .. }
        | Record::PageSent { .. }
        | Record::PageReceipt { .. }
        | Record::CallOutWidened { .. }
        | Record::Acknowledged { .. }
        | Record::Declined { .. }
        | Record::TakenBack { .. }
        | Record::AcknowledgementExpired { .. }
        | Record::CallOutEnded { .. } => paging::apply(state, seq, at, record),
        Record::Started { .. } => {
            paging::apply_started(state, at);
            detect::surge::apply_started(state, before, at);
            detect::silence::apply_started(state);
        }
        Record::NoticeIntended { .. } | Record::NoticeSent { .. } => {}
        Record::ReplyUnmatched { .. } | Record::PageRouted { .. } | Record::LogExported { .. } => {}
        Record::HeadSigned { .. }
        | Record::HeadMailed { .. }
        | Record::ErasureAsked { .. }
        | Record::DetailsErased { .. }
        | Record::HoldPlaced { .. }
        | Record::HoldLifted { .. } => keeping::apply(state, seq, at, record),
    }
    notice::apply(state, seq, at, record);
    if let Some(incident) = incident_of(state, seq, record) {
        let line = Line { seq, at, record: Arc::new(record.clone()) };
        for other in other_incidents_of(state, seq, record, incident) {
            incident::add_line(state, other, line.clone());
        }
        incident::add_line(state, incident, line);
    }
}

/// A page that stands for several incidents has its line in the timeline of each.
fn other_incidents_of(state: &State, seq: Seq, record: &Record, first: IncidentId) -> BTreeSet<IncidentId> {
    let page = match record {
        Record::NoticeIntended { about, .. } => {
            return about.incidents().into_iter().filter(|incident| *incident != first).collect();
        }
        Record::PageIntended { .. } => state.paging.pages.get(&seq.into()),
        Record::PageSent { page, .. } | Record::PageReceipt { page, .. } => state.paging.pages.get(page),
        _ => None,
    };
    let call_outs = page.into_iter().flat_map(|page| &page.also).filter_map(|(id, _)| state.paging.call_outs.get(id));
    call_outs.filter_map(|c| c.incident).filter(|incident| *incident != first).collect()
}

/// The incident in whose timeline a record stands.
fn incident_of(state: &State, seq: Seq, record: &Record) -> Option<IncidentId> {
    match record {
        Record::IncidentOpened { .. } => Some(seq.into()),
        Record::EvidenceJoined { incident, .. }
        | Record::PlaybookHeld { incident, .. }
        | Record::PlaybookActivated { incident, .. }
        | Record::TaskOpened { incident, .. }
        | Record::StepCovered { incident, .. }
        | Record::EntryWritten { incident, .. }
        | Record::EntryConfirmed { incident, .. }
        | Record::StoodDown { incident, .. } => Some(*incident),
        Record::CallOutStarted { incident, .. } => *incident,
        Record::NoticeIntended { about, .. } => about.incidents().first().copied(),
        Record::TaskMoved { task, .. } | Record::TaskLapsed { task, .. } => {
            state.incidents.tasks.get(task).map(|task| task.incident)
        }
        Record::LevelStarted { call_out, .. }
        | Record::PageIntended { call_out, .. }
        | Record::CallOutWidened { call_out, .. }
        | Record::Acknowledged { call_out, .. }
        | Record::Declined { call_out, .. }
        | Record::TakenBack { call_out, .. }
        | Record::AcknowledgementExpired { call_out }
        | Record::CallOutEnded { call_out, .. } => state.paging.call_outs.get(call_out)?.incident,
        Record::PageSent { page, .. } | Record::PageRouted { page, .. } | Record::PageReceipt { page, .. } => {
            let page = state.paging.pages.get(page)?;
            state.paging.call_outs.get(&page.call_out)?.incident
        }
        Record::Started { .. }
        | Record::DocumentRecorded { .. }
        | Record::PolicyInForce { .. }
        | Record::LayersInForce { .. }
        | Record::MapStatement { .. }
        | Record::RosterApplied { .. }
        | Record::ContactTaken { .. }
        | Record::ContactMarked { .. }
        | Record::QueueCounted { .. }
        | Record::WarningEntered { .. }
        | Record::WarningEnded { .. }
        | Record::SignalRaised { .. }
        | Record::WouldHaveRaised { .. }
        | Record::SignalCleared { .. }
        | Record::NoticeSent { .. }
        | Record::ReplyUnmatched { .. }
        | Record::HeadSigned { .. }
        | Record::HeadMailed { .. }
        | Record::LogExported { .. }
        | Record::ErasureAsked { .. }
        | Record::DetailsErased { .. }
        | Record::HoldPlaced { .. }
        | Record::HoldLifted { .. } => None,
    }
}

fn put_into_force(slice: &mut PolicyInForce, versions: &[(DocumentKind, String, String)]) {
    let documents: Vec<Document> = versions
        .iter()
        .map(|(_, name, sha256)| {
            slice.documents.get(sha256).unwrap_or_else(|| panic!("{name} is recorded before it is in force")).clone()
        })
        .collect();
    let policy = Policy::from_documents(&documents)
        .unwrap_or_else(|problems| panic!("documents in the log were checked before they were recorded: {problems:?}"));
    slice.versions = versions.to_vec();
    slice.rules.clear();
    for (id, playbook) in &policy.playbooks {
        slice.playbooks.insert((id.clone(), playbook.version.clone()), Arc::clone(playbook));
        slice.rules.extend(playbook.when.iter().filter_map(Condition::rule));
    }
    slice.in_force = Some(Arc::new(policy));
}

impl Condition {
    /// Whether this signal is what the condition asks for: its own rule, or what a learnt detector says of its topic.
    pub fn asks_for(&self, signal: &super::record::Signal) -> bool {
        match (self, &signal.rule) {
            (Self::Surge { topic, .. }, Rule::Volume { .. }) | (Self::Cluster { topic, .. }, Rule::Unusual { .. }) => {
                *topic == signal.topic
            }
            (Self::Service { queue: wanted }, Rule::ServiceLevel { queue: name, .. })
            | (Self::Silent { feed: wanted }, Rule::Silent { feed: name, .. } | Rule::NoCalls { queue: name, .. }) => {
                wanted == "any" || wanted == name
            }
            _ => self.rule().is_some_and(|(topic, rule)| topic == signal.topic && rule == signal.rule),
        }
    }

    /// The floor rule that this condition asks for, with its topic; `None` where it asks for something else.
    pub fn rule(&self) -> Option<(Tag, Rule)> {
        let seconds = |within: &super::time::SignedDuration| u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        match self {
            Self::Surge { topic, reports, within } => {
                Some((topic.clone(), Rule::Surge { reports: *reports, within_s: seconds(within) }))
            }
            Self::Cluster { topic, reports, metres, within } => {
                Some((topic.clone(), Rule::Cluster { reports: *reports, metres: *metres, within_s: seconds(within) }))
            }
            Self::Keyword { topic } => Some((topic.clone(), Rule::Report)),
            Self::Service { .. } | Self::Silent { .. } | Self::Warning { .. } => None,
        }
    }
}
