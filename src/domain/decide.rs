//! The junction: one event in, records and effects out. Each record is applied to the working state as it is made,
//! so that the next stage and the next event see it. Nothing leaves, and nobody is answered, before the shell has
//! made the records durable.

use super::effect::Effect;
use super::event::{Answer, Author, Event, Sealed};
use super::id::Seq;
use super::record::Record;
use super::state::{State, apply};
use super::time::Timestamp;
use super::{activation, correction, detect, entry, incident, keeping, notice, paging, register, roster, task};

/// What one event led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The instant of all its records; never before the last record of the log.
    pub at: Timestamp,
    /// Records in order, each with the details to store before it.
    pub records: Vec<(Seq, Record, Option<Sealed>)>,
    /// What to do once they are durable.
    pub effects: Vec<Effect>,
    /// What to tell the sender once they are durable.
    pub answer: Answer,
}

impl Decision {
    fn at(now: Timestamp) -> Self {
        Self { at: now, records: Vec::new(), effects: Vec::new(), answer: Answer::None }
    }

    /// Makes a record: gives it its position and applies it.
    pub(super) fn record(&mut self, state: &mut State, record: Record) -> Seq {
        self.record_sealed(state, record, None)
    }

    /// Makes a record that names details.
    pub(super) fn record_sealed(&mut self, state: &mut State, record: Record, sealed: Option<&Sealed>) -> Seq {
        let seq = state.next;
        apply(state, seq, self.at, &record);
        self.records.push((seq, record, sealed.cloned()));
        seq
    }
}

/// Says what one event leads to.
///
/// * `now`: the loop's one reading of the clock; a step backwards is taken as no step, so records never go back.
/// * The stages run in a fixed order and know each other by the state only.
pub fn decide(state: &mut State, event: &Event, now: Timestamp) -> Decision {
    let mut decision = Decision::at(now.max(state.last_at));
    let d = &mut decision;
    match event {
        Event::Started { version, tz } => {
            d.record(state, Record::Started { version: version.clone(), tz: tz.clone() });
            paging::send_again(state, d);
            notice::send_again(state, d);
            keeping::send_again(state, d);
        }
        Event::PolicyLoaded { documents, by } => put_policy(state, d, &roster::in_place(state, documents), by),
        Event::RosterApplied { documents, by, sealed } => roster::apply(state, d, documents, by, sealed),
        Event::MapStatement { statement, by, why } => correction::state(state, d, statement, by, why),
        Event::LayersLoaded { epoch, layers } => {
            d.record(state, Record::LayersInForce { epoch: *epoch, layers: layers.clone() });
        }
        Event::ContactReceived { contact, sealed } => {
            if d.at > state.last_at && next_deadline(state).is_some_and(|deadline| deadline <= d.at) {
                // What is due comes first: the contact's record moves the state's time on, past the deadline.
                pass_time(state, d);
            }
            let before = d.records.len();
            if let Some(id) = register::take(state, d, contact, sealed.as_ref()) {
                detect::contact(state, d, id, contact);
            }
            if d.records.len() <= before + 1 {
                // The common case, kept short: nothing but a count has changed.
                return decision;
            }
        }
        Event::ContactMarked { contact, mark, by } => register::mark(state, d, *contact, *mark, by),
        Event::QueueCounted { counts } => detect::service::take(state, d, counts),
        Event::WarningEntered { warning, by, sealed } => incident::warn(state, d, warning, by, sealed.as_ref()),
        Event::WarningCancelled { warning, by } => incident::cancel_warning(state, d, *warning, by),
        Event::IncidentOpened { topic, severity, place, exercise, by, reason } => {
            incident::open_by_hand(state, d, topic, *severity, *place, *exercise, by, reason);
        }
        Event::PlaybookActivated { incident, playbook, by, reason, exercise } => {
            activation::by_hand(state, d, *incident, playbook, by, reason, *exercise);
        }
        Event::EntryWritten { incident, entry, by, text } => entry::write(state, d, *incident, entry, by, text),
        Event::EntryConfirmed { incident, entry, by } => entry::confirm(state, d, *incident, *entry, by),
        Event::TaskMoved { task, to, by } => incident::move_task(state, d, *task, *to, by),
        Event::StoodDown { incident, by, reason } => {
            incident::stand_down(state, d, *incident, by, reason);
        }
        Event::Escalated { incident, role, by, reason } => paging::escalate(state, d, *incident, role, by, reason),
        Event::HandOverAsked { incident, to, by, reason } => paging::hand_over(state, d, *incident, to, by, reason),
        Event::Acknowledged { page, by } => paging::acknowledge(state, d, *page, by),
        Event::Declined { page, by } => paging::decline(state, d, *page, by),
        Event::TakenBack { page, by } => paging::take_back(state, d, *page, by),
        Event::ReplyUnmatched { person, why } => {
            d.record(state, Record::ReplyUnmatched { person: person.clone(), why: why.clone() });
        }
        Event::PageOutcome { page, outcome } => paging::outcome(state, d, *page, outcome),
        Event::PageRouted { page, by, passed } => paging::routed(state, d, *page, by, passed),
        Event::NoticeOutcome { notice, outcome } => notice::outcome(state, d, *notice, outcome),
        Event::PageReceipt { page, receipt } => paging::receipt(state, d, *page, *receipt),
        Event::TestPage { person, by } => paging::test(state, d, person, by),
        Event::Alarm { cause } => paging::alarm(state, d, cause),
        Event::HeadSigned { .. }
        | Event::HeadMailed { .. }
        | Event::LogExported { .. }
        | Event::ErasureAsked { .. }
        | Event::DetailsExpired { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldLifted { .. } => {
            keeping::decide(state, d, event);
            // They may be decided while no daemon runs, so nothing that is due may come along with them.
            return decision;
        }
        Event::Tick => {}
    }
    pass_time(state, d);
    decision
}

/// The stages after the first, each with what is due in it now.
fn pass_time(state: &mut State, d: &mut Decision) {
    detect::pass_time(state, d);
    incident::step(state, d);
    activation::step(state, d);
    task::step(state, d);
    paging::step(state, d);
    notice::step(state, d);
}

/// When `decide` must next be called with [`Event::Tick`]; `None` if nothing waits on time.
pub fn next_deadline(state: &State) -> Option<Timestamp> {
    [
        detect::next_deadline(state),
        incident::next_deadline(state),
        activation::next_deadline(state),
        task::next_deadline(state),
        paging::next_deadline(state),
        notice::next_deadline(state),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Records the documents not yet in the log, then puts the set into force; an unchanged set needs no record.
pub(super) fn put_policy(state: &mut State, d: &mut Decision, documents: &[super::policy::Document], by: &Author) {
    let mut versions: Vec<_> =
        documents.iter().map(|document| (document.kind, document.name.clone(), document.sha256.clone())).collect();
    versions.sort();
    if versions == state.policy.versions {
        return;
    }
    for document in documents {
        if !state.policy.documents.contains_key(&document.sha256) {
            d.record(state, Record::DocumentRecorded { document: document.clone() });
        }
    }
    d.record(state, Record::PolicyInForce { documents: versions, by: by.clone() });
}
