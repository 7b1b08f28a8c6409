//! Detection: from contacts and the passing of time to signals, each with its evidence in words.
//!
//! The seam for every detector: a contact is put into windows by [`apply_contact`], a detector looks at the windows
//! when a contact arrives or a deadline passes, and says [`Record::SignalRaised`] or `SignalCleared`. What a signal
//! leads to is not decided here (see [`crate::domain::incident`]). The first detector is the floor rules.

pub mod cluster;
mod floor;
pub mod service;
pub mod silence;
pub mod surge;
pub mod volume;

use super::contact::Contact;
use super::decide::Decision;
use super::id::{ContactId, Seq, SignalId, Tag};
use super::place::GridPoint;
use super::record::{Record, Rule, Signal};
use super::register::Recent;
use super::state::State;
use super::time::{SignedDuration, Timestamp, after};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Contacts of one topic that a window holds at most; beyond it the oldest go, which can only make a rule slower to
/// clear, never slower to raise.
const WINDOW_MAX: usize = 10_000;
/// Topics that have a window at most; beyond it the one that has been silent longest goes.
const TOPICS_MAX: usize = 1_000;

/// Recent contacts per topic, by received time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Windows {
    topics: BTreeMap<Tag, Arc<Window>>,
}

/// The contacts of one topic, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Window {
    #[serde(with = "super::pairs")]
    contacts: BTreeMap<(Timestamp, ContactId), Option<GridPoint>>,
}

/// Signals that are raised.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Signals {
    /// By id.
    pub raised: BTreeMap<SignalId, Raised>,
    /// Cleared ones that an open incident may still name; at most 200.
    pub cleared: BTreeMap<SignalId, Arc<Signal>>,
}

/// A raised signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raised {
    /// What and why.
    pub signal: Arc<Signal>,
    /// Since.
    pub at: Timestamp,
}

impl Signals {
    /// A signal, raised or cleared lately.
    pub fn get(&self, id: SignalId) -> Option<&Arc<Signal>> {
        self.raised.get(&id).map(|raised| &raised.signal).or_else(|| self.cleared.get(&id))
    }
}

/// Looks at the windows that a new contact changed.
pub(super) fn contact(state: &mut State, d: &mut Decision, id: ContactId, contact: &Contact) {
    if !contact.history {
        floor::contact(state, d, id, contact);
        surge::contact(state, d, contact);
        cluster::watch::contact(state, d, contact);
    }
}

/// Clears the raised signals that have become quiet.
pub(super) fn pass_time(state: &mut State, d: &mut Decision) {
    let quiet: Vec<SignalId> =
        state.signals.raised.iter().filter(|(_, raised)| clear_at(state, raised) <= d.at).map(|(id, _)| *id).collect();
    for signal in quiet {
        d.record(state, Record::SignalCleared { signal });
    }
    silence::pass_time(state, d);
}

/// When the next raised signal becomes quiet, if nothing more comes.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    let clears = state.signals.raised.values().map(|raised| clear_at(state, raised));
    clears.chain(silence::next_deadline(state)).min().filter(|at| *at < Timestamp::MAX)
}

/// When this raised signal is to be cleared, if nothing more comes.
fn clear_at(state: &State, raised: &Raised) -> Timestamp {
    match &raised.signal.rule {
        Rule::Volume { stream, .. } => surge::clear_at(state, stream),
        Rule::Unusual { .. } => cluster::watch::clear_at(state, raised),
        Rule::Surge { .. } | Rule::Cluster { .. } | Rule::Report => floor::clear_at(state, raised),
        Rule::ServiceLevel { .. } | Rule::NoCalls { .. } => service::clear_at(state, raised),
        Rule::Silent { .. } => silence::clear_at(state, raised),
    }
}

/// Puts a contact into the windows of its topics.
pub(super) fn apply_contact(state: &mut State, seq: Seq, contact: &Contact) {
    silence::apply_contact(state, contact);
    if surge::apply_contact(state, contact) {
        cluster::watch::apply_contact(state, contact);
    }
    if contact.history || contact.tags.is_empty() {
        return;
    }
    let keep_s = state.policy.rules.iter().map(|(_, rule)| floor::within_s(rule)).max().unwrap_or(3_600);
    let oldest = after(state.last_at, SignedDuration::from_secs(-i64::from(keep_s)));
    let windows = Arc::make_mut(&mut state.windows);
    for tag in &contact.tags {
        let window = Arc::make_mut(windows.topics.entry(tag.clone()).or_default());
        // A sender's clock may be ahead; a contact of the future would not be counted before its time came.
        window.contacts.insert((contact.received_at.min(state.last_at), seq.into()), contact.place);
        while window.contacts.len() > WINDOW_MAX
            || window.contacts.first_key_value().is_some_and(|((at, _), _)| *at <= oldest)
        {
            window.contacts.pop_first();
        }
    }
    while windows.topics.len() > TOPICS_MAX {
        let newest = |window: &Arc<Window>| window.contacts.last_key_value().map(|((at, _), _)| *at);
        let silent = windows.topics.iter().min_by_key(|(_, window)| newest(window)).map(|(topic, _)| topic.clone());
        windows.topics.remove(&silent.expect("there is more than one topic"));
    }
}

/// A contact was withdrawn: the floor rules count it no more. What a learnt detector has seen it keeps: one contact too
/// many in weeks of them, and a raised signal stays raised until a person has judged it.
pub(super) fn forget(state: &mut State, contact: &Recent) {
    let windows = Arc::make_mut(&mut state.windows);
    for tag in &contact.tags {
        if let Some(window) = windows.topics.get_mut(tag).map(Arc::make_mut) {
            window.contacts.retain(|(_, id), _| *id != contact.id);
        }
    }
}

/// Forgets what was counted for a topic: its incident was stood down.
pub(super) fn begin_anew(state: &mut State, topic: &Tag) {
    Arc::make_mut(&mut state.windows).topics.remove(topic);
    cluster::watch::begin_anew(state, topic);
}

/// Applies a signal's record.
pub(super) fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    match record {
        Record::SignalRaised { signal } => {
            surge::apply_raised(state, at, signal, false);
            cluster::watch::apply_raised(state, at, signal);
            silence::apply_raised(state, at, signal);
        }
        Record::WouldHaveRaised { signal } => surge::apply_raised(state, at, signal, true),
        Record::SignalCleared { signal } => {
            if let Some(raised) = state.signals.raised.get(signal) {
                let signal = Arc::clone(&raised.signal);
                surge::apply_cleared(state, &signal);
            }
        }
        _ => {}
    }
    let signals = Arc::make_mut(&mut state.signals);
    match record {
        Record::WouldHaveRaised { .. } => {}
        Record::SignalRaised { signal } => {
            let raised = Raised { signal: Arc::new(signal.clone()), at };
            signals.raised.insert(seq.into(), raised);
        }
        Record::SignalCleared { signal } => {
            if let Some(raised) = signals.raised.remove(signal) {
                signals.cleared.insert(*signal, raised.signal);
            }
            while signals.cleared.len() > 200 {
                signals.cleared.pop_first();
            }
        }
        other => unreachable!("detect is given signals only, not {other:?}"),
    }
}
