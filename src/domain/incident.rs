//! Incidents: opened by a signal, a warning or a person; joined rather than duplicated; with tasks, entries and a
//! timeline; until somebody stands them down with a reason.
//!
//! One open incident a topic: what comes later about the same topic is evidence for it. Exercise and live never mix:
//! an exercise neither joins nor is joined by anything live.
//!
//! Not here: which playbook follows (see [`crate::domain::activation`]) and who is paged.

use super::decide::Decision;
use super::entry::{self, Decided};
use super::event::{Answer, Author, EntryKind, Sealed, TaskState, Warning};
use super::id::{CallOutId, IncidentId, PlaybookId, RoleId, Seq, SignalId, Tag, TaskId, WarningId};
use super::place::GridPoint;
use super::playbook::{Evidence, Severity};
use super::record::{Cause, Held, Record, Rule};
use super::state::State;
use super::time::{SignedDuration, Timestamp, after};
use super::{activation, detect, paging};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Closed incidents kept in the state; older ones are in the log.
const CLOSED_MAX: usize = 200;
/// Lines of a timeline kept in the state; all of them are in the log.
const LINES_MAX: usize = 5_000;

/// Incidents with their tasks, and warnings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Incidents {
    /// Open ones, and the newest 200 that are closed.
    pub by_id: BTreeMap<IncidentId, Arc<Incident>>,
    /// Tasks of those incidents.
    pub tasks: BTreeMap<TaskId, Task>,
    /// Warnings entered and not ended.
    pub warnings: BTreeMap<WarningId, Warning>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What it is about.
    pub topic: Tag,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub place: Option<GridPoint>,
    /// Nothing about it is real.
    pub exercise: bool,
    /// Since.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: Author,
    /// Set when it was stood down.
    pub closed_at: Option<Timestamp>,
    /// The evidence.
    pub causes: BTreeSet<Cause>,
    /// Playbooks in force for it, in the versions they were activated in.
    pub activations: BTreeMap<PlaybookId, Activation>,
    /// Playbooks whose conditions hold but that do not start by themselves.
    pub held: BTreeMap<PlaybookId, Held>,
    /// Contacts counted towards it.
    pub contacts_n: u64,
    /// The last thing that a person did about it, other than to acknowledge.
    pub progress_at: Option<Timestamp>,
    /// Its decisions, by entry.
    pub decisions: BTreeMap<Seq, Decided>,
    /// Its records, oldest first; the newest 5,000.
    pub timeline: Vec<Line>,
}

/// One playbook in force for one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// SHA-256 of the text in force.
    pub version: String,
    /// Since.
    pub at: Timestamp,
    /// By whom.
    pub by: Author,
    /// Steps that have been started.
    pub steps_started: BTreeSet<u32>,
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Position in the log.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// The record.
    pub record: Arc<Record>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its incident.
    pub incident: IncidentId,
    /// Whose playbook and step.
    pub step: (PlaybookId, u32),
    /// What is to be done.
    pub title: String,
    /// By whom.
    pub owner: RoleId,
    /// To be accepted by then.
    pub due: Option<Timestamp>,
    /// Since.
    pub opened_at: Timestamp,
    /// How far.
    pub state: TaskState,
    /// Who moved it last, and when.
    pub moved: Option<(Author, Timestamp)>,
    /// The paging for it, when nobody took it in time.
    pub lapsed: Option<CallOutId>,
}

impl Incidents {
    /// The open live incident that contacts of these topics count towards, if any.
    pub fn open_for(&self, topics: &[Tag]) -> Option<IncidentId> {
        self.open().find(|incident| !incident.exercise && topics.contains(&incident.topic)).map(|incident| incident.id)
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.by_id.values().map(Arc::as_ref).filter(|incident| incident.closed_at.is_none())
    }

    /// The open incident of that id.
    pub fn open_one(&self, id: IncidentId) -> Option<&Incident> {
        self.by_id.get(&id).map(Arc::as_ref).filter(|incident| incident.closed_at.is_none())
    }

    fn open_live(&self, topic: &Tag) -> Option<&Incident> {
        self.open().find(|incident| !incident.exercise && incident.topic == *topic)
    }
}

/// The refusal for an incident that is not there, or not open any more.
pub(super) fn not_open(state: &State, id: IncidentId) -> Answer {
    Answer::Refused(match state.incidents.by_id.get(&id) {
        Some(_) => format!("{id} has been stood down; open a new incident, or write to the log of another one"),
        None => format!("there is no incident {id}; `callout incident list` shows the open ones"),
    })
}

/// A person enters a warning.
pub(super) fn warn(state: &mut State, d: &mut Decision, warning: &Warning, by: &Author, sealed: Option<&Sealed>) {
    if warning.to <= warning.from || warning.to <= d.at {
        d.answer = Answer::Refused(
            "the warning ends before it begins or is already over; give `to` as a time after `from` and after now"
                .into(),
        );
        return;
    }
    let known = state.incidents.warnings.iter().find(|(_, known)| *known == warning).map(|(id, _)| *id);
    let id = known.unwrap_or_else(|| {
        let record = Record::WarningEntered {
            warning: warning.clone(),
            by: by.clone(),
            digest: sealed.map(|sealed| sealed.digest.clone()),
        };
        d.record_sealed(state, record, sealed).into()
    });
    d.answer = Answer::Warning(id);
}

/// A person ends a warning before its time.
pub(super) fn cancel_warning(state: &mut State, d: &mut Decision, id: WarningId, by: &Author) {
    if state.incidents.warnings.contains_key(&id) {
        d.record(state, Record::WarningEnded { warning: id, by: by.clone() });
        d.answer = Answer::Warning(id);
    } else {
        d.answer = Answer::Refused(format!("there is no warning {id} in force"));
    }
}

/// A person opens an incident; an open one about the same topic is answered instead.
#[expect(clippy::too_many_arguments, reason = "the fields of one event")]
pub(super) fn open_by_hand(
    state: &mut State,
    d: &mut Decision,
    topic: &Tag,
    severity: Severity,
    place: Option<GridPoint>,
    exercise: bool,
    by: &Author,
    reason: &Sealed,
) -> IncidentId {
    let open = state.incidents.open().find(|open| open.topic == *topic && open.exercise == exercise);
    let id = match open.map(|open| open.id) {
        Some(id) => {
            // Joined rather than duplicated; the reason is kept as an entry, so that it is not lost.
            let record = entry::plain(id, EntryKind::Information, by, reason);
            d.record_sealed(state, record, Some(reason));
            id
        }
        None => {
            let record = Record::IncidentOpened {
                topic: topic.clone(),
                severity,
                place,
                exercise,
                by: by.clone(),
                digest: Some(reason.digest.clone()),
            };
            d.record_sealed(state, record, Some(reason)).into()
        }
    };
    d.answer = Answer::Incident(id);
    id
}

/// A person accepts or finishes a task.
pub(super) fn move_task(state: &mut State, d: &mut Decision, id: TaskId, to: TaskState, by: &Author) {
    match state.incidents.tasks.get(&id) {
        Some(task) if task.state == to => d.answer = Answer::Incident(task.incident),
        Some(task) if state.incidents.open_one(task.incident).is_some() => {
            let (incident, paging) = (task.incident, task.lapsed);
            d.record(state, Record::TaskMoved { task: id, to, by: by.clone() });
            if let Some(call_out) = paging {
                paging::answer(state, d, call_out);
            }
            d.answer = Answer::Incident(incident);
        }
        Some(task) => d.answer = not_open(state, task.incident),
        None => d.answer = Answer::Refused(format!("there is no task {id}")),
    }
}

/// A person stands an incident down: it closes, and its paging ends.
pub(super) fn stand_down(state: &mut State, d: &mut Decision, id: IncidentId, by: &Author, reason: &Sealed) {
    if state.incidents.open_one(id).is_none() {
        d.answer = not_open(state, id);
        return;
    }
    paging::end_for(state, d, id);
    if let Some(topic) = live_topic(state, id) {
        // What was counted has been judged. Counting begins anew, so that what comes from now on can be a new signal.
        let judged: Vec<SignalId> =
            state.signals.raised.iter().filter(|(_, raised)| raised.signal.topic == topic).map(|(id, _)| *id).collect();
        for signal in judged {
            d.record(state, Record::SignalCleared { signal });
        }
    }
    let record = Record::StoodDown { incident: id, by: by.clone(), digest: reason.digest.clone() };
    d.record_sealed(state, record, Some(reason));
    d.answer = Answer::Incident(id);
}

/// The topic of an incident that is not an exercise.
fn live_topic(state: &State, id: IncidentId) -> Option<Tag> {
    state.incidents.by_id.get(&id).filter(|incident| !incident.exercise).map(|incident| incident.topic.clone())
}

/// Ends warnings whose time is over; opens incidents for signals and warnings that have none; joins the rest.
pub(super) fn step(state: &mut State, d: &mut Decision) {
    let over: Vec<WarningId> =
        state.incidents.warnings.iter().filter(|(_, w)| w.to <= d.at).map(|(id, _)| *id).collect();
    for warning in over {
        d.record(state, Record::WarningEnded { warning, by: Author::system() });
    }
    for Waiting { ready_at, cause, topic, severity, place } in unattached(state) {
        if ready_at > d.at {
            continue;
        }
        let same = state.incidents.open_live(&topic).or_else(|| young_for(state, cause, d.at));
        let incident = match same {
            Some(open) => open.id,
            None => {
                let record = Record::IncidentOpened {
                    topic,
                    severity,
                    place,
                    exercise: false,
                    by: Author::system(),
                    digest: None,
                };
                d.record(state, record).into()
            }
        };
        d.record(state, Record::EvidenceJoined { incident, cause });
    }
}

/// How young an incident is to which a busy channel belongs.
const YOUNG: SignedDuration = SignedDuration::from_hours(2);

/// A whole channel that is busy says nothing of its own while an incident is young: it is the same night. Later, or
/// without one, it stands for itself.
fn young_for(state: &State, cause: Cause, now: Timestamp) -> Option<&Incident> {
    let Cause::Signal(id) = cause else { return None };
    let signal = state.signals.get(id)?;
    let channel = matches!(&signal.rule, Rule::Volume { stream, .. } if stream.as_str().starts_with("channel/"));
    let young = |incident: &&Incident| !incident.exercise && after(incident.opened_at, YOUNG) > now;
    if channel { state.incidents.open().filter(young).last() } else { None }
}

/// Evidence that no incident has yet.
struct Waiting {
    /// From when it may open or join one: a warning's beginning, the end of the topic's cool-down.
    ready_at: Timestamp,
    cause: Cause,
    topic: Tag,
    severity: Severity,
    place: Option<GridPoint>,
}

/// Signals and warnings in force that no incident has.
fn unattached(state: &State) -> Vec<Waiting> {
    let Some(policy) = state.policy.in_force.as_ref() else { return Vec::new() };
    let attached = |cause: &Cause| state.incidents.by_id.values().any(|incident| incident.causes.contains(cause));
    let mut found = Vec::new();
    for (id, raised) in &state.signals.raised {
        let (cause, signal) = (Cause::Signal(*id), &raised.signal);
        if attached(&cause) {
            continue;
        }
        let asked = policy.playbooks.values().filter(|p| p.when.iter().any(|when| when.asks_for(signal)));
        let asked = asked.map(|p| p.severity).min();
        // How a service runs, and what is not heard, is an incident only where a plan says so; it is shown in any case.
        let shown_only = matches!(signal.rule.evidence(), Evidence::Service | Evidence::Silence);
        if asked.is_none() && shown_only {
            continue;
        }
        let severity = asked.unwrap_or(Severity::Wake);
        let ready_at = raised.at.max(cool_until(state, &signal.topic, severity));
        found.push(Waiting { ready_at, cause, topic: signal.topic.clone(), severity, place: signal.place });
    }
    for (id, warning) in &state.incidents.warnings {
        let cause = Cause::Warning(*id);
        if attached(&cause) {
            continue;
        }
        let wanted = policy.playbooks.values().find(|p| p.when.iter().any(|when| activation::warned(when, warning)));
        if let Some(playbook) = wanted {
            let topic = playbook.topic();
            let ready_at = warning.from.max(cool_until(state, &topic, playbook.severity));
            found.push(Waiting { ready_at, cause, topic, severity: playbook.severity, place: None });
        }
    }
    found
}

/// Until when the topic is quiet after its last stand-down; the beginning of time where it is not. Danger to life is
/// never kept waiting.
fn cool_until(state: &State, topic: &Tag, severity: Severity) -> Timestamp {
    let cool_down = state.policy.in_force.as_ref().map(|policy| policy.figures.cool_down).unwrap_or_default();
    if severity == Severity::DangerToLife || state.incidents.open_live(topic).is_some() {
        return Timestamp::MIN;
    }
    let closed =
        state.incidents.by_id.values().filter(|i| !i.exercise && i.topic == *topic).filter_map(|i| i.closed_at);
    closed.max().map_or(Timestamp::MIN, |at| after(at, cool_down))
}

/// The next instant at which a warning ends, or evidence that waits may open or join an incident.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    let ends = state.incidents.warnings.values().map(|warning| warning.to);
    ends.chain(unattached(state).into_iter().map(|waiting| waiting.ready_at)).min()
}

/// Counts a contact towards its incident.
pub(super) fn apply_contact(state: &mut State, incident: Option<IncidentId>) {
    if let Some(id) = incident {
        change(state, id, |incident| incident.contacts_n += 1);
    }
}

/// A contact counts towards its incident no more.
pub(super) fn apply_withdrawn(state: &mut State, incident: Option<IncidentId>) {
    if let Some(id) = incident {
        change(state, id, |incident| incident.contacts_n = incident.contacts_n.saturating_sub(1));
    }
}

/// Adds a line to an incident's timeline.
pub(super) fn add_line(state: &mut State, id: IncidentId, line: Line) {
    change(state, id, |incident| {
        incident.timeline.push(line);
        if incident.timeline.len() > LINES_MAX {
            incident.timeline.remove(0);
        }
    });
}

fn change(state: &mut State, id: IncidentId, with: impl FnOnce(&mut Incident)) {
    if let Some(incident) = Arc::make_mut(&mut state.incidents).by_id.get_mut(&id) {
        with(Arc::make_mut(incident));
    }
}

/// Applies the records of incidents, tasks and warnings.
pub(super) fn apply(state: &mut State, seq: Seq, at: Timestamp, record: &Record) {
    let human = |by: &Author| by.via != super::event::Via::System;
    match record {
        Record::WarningEntered { warning, .. } => {
            Arc::make_mut(&mut state.incidents).warnings.insert(seq.into(), warning.clone());
        }
        Record::WarningEnded { warning, .. } => {
            Arc::make_mut(&mut state.incidents).warnings.remove(warning);
        }
        Record::IncidentOpened { topic, severity, place, exercise, by, .. } => {
            let incident = Incident {
                id: seq.into(),
                topic: topic.clone(),
                severity: *severity,
                place: *place,
                exercise: *exercise,
                opened_at: at,
                opened_by: by.clone(),
                closed_at: None,
                causes: BTreeSet::new(),
                activations: BTreeMap::new(),
                held: BTreeMap::new(),
                contacts_n: 0,
                progress_at: None,
                decisions: BTreeMap::new(),
                timeline: Vec::new(),
            };
            Arc::make_mut(&mut state.incidents).by_id.insert(seq.into(), Arc::new(incident));
        }
        Record::EvidenceJoined { incident, cause } => {
            let place = match cause {
                Cause::Signal(id) => state.signals.get(*id).and_then(|signal| signal.place),
                Cause::Warning(_) => None,
            };
            change(state, *incident, |incident| {
                incident.causes.insert(*cause);
                incident.place = incident.place.or(place);
            });
        }
        Record::PlaybookHeld { incident, playbook, why, .. } => change(state, *incident, |incident| {
            incident.held.insert(playbook.clone(), *why);
        }),
        Record::PlaybookActivated { incident, playbook, version, by, .. } => {
            let severity = state.policy.playbooks.get(&(playbook.clone(), version.clone())).map(|p| p.severity);
            change(state, *incident, |incident| {
                incident.held.remove(playbook);
                incident.severity = severity.map_or(incident.severity, |severity| severity.min(incident.severity));
                let activation =
                    Activation { version: version.clone(), at, by: by.clone(), steps_started: BTreeSet::new() };
                incident.activations.insert(playbook.clone(), activation);
                if human(by) {
                    incident.progress_at = Some(at);
                }
            });
        }
        Record::TaskOpened { incident, playbook, step, title, owner, due } => {
            let task = Task {
                incident: *incident,
                step: (playbook.clone(), *step),
                title: title.clone(),
                owner: owner.clone(),
                due: *due,
                opened_at: at,
                state: TaskState::Open,
                moved: None,
                lapsed: None,
            };
            Arc::make_mut(&mut state.incidents).tasks.insert(seq.into(), task);
            start_step(state, *incident, playbook, *step);
        }
        Record::StepCovered { incident, playbook, step, .. } => start_step(state, *incident, playbook, *step),
        Record::TaskLapsed { task, call_out } => {
            if let Some(task) = Arc::make_mut(&mut state.incidents).tasks.get_mut(task) {
                task.lapsed = Some(*call_out);
            }
        }
        Record::TaskMoved { task, to, by } => {
            let moved = Arc::make_mut(&mut state.incidents).tasks.get_mut(task).map(|task| {
                task.state = *to;
                task.moved = Some((by.clone(), at));
                task.incident
            });
            if let Some(id) = moved {
                change(state, id, |incident| incident.progress_at = Some(at));
            }
        }
        Record::EntryWritten { incident, by, .. } => change(state, *incident, |incident| {
            entry::apply_written(&mut incident.decisions, seq, at, record);
            if human(by) {
                incident.progress_at = Some(at);
            }
        }),
        Record::EntryConfirmed { incident, entry, .. } => change(state, *incident, |incident| {
            incident.progress_at = Some(at);
            if let Some(decided) = incident.decisions.get_mut(entry) {
                decided.confirmed_at = Some(at);
            }
        }),
        Record::StoodDown { incident, .. } => {
            if let Some(topic) = live_topic(state, *incident) {
                detect::begin_anew(state, &topic);
            }
            change(state, *incident, |incident| incident.closed_at = Some(at));
            forget_old(state);
        }
        other => unreachable!("incident is given its own records only, not {other:?}"),
    }
}

/// Marks a step of a playbook in force as started.
pub(super) fn start_step(state: &mut State, incident: IncidentId, playbook: &PlaybookId, step: u32) {
    change(state, incident, |incident| {
        if let Some(activation) = incident.activations.get_mut(playbook) {
            activation.steps_started.insert(step);
        }
    });
}

fn forget_old(state: &mut State) {
    let incidents = Arc::make_mut(&mut state.incidents);
    let closed: Vec<IncidentId> = incidents.by_id.values().filter(|i| i.closed_at.is_some()).map(|i| i.id).collect();
    for id in closed.iter().take(closed.len().saturating_sub(CLOSED_MAX)) {
        incidents.by_id.remove(id);
        incidents.tasks.retain(|_, task| task.incident != *id);
    }
}
