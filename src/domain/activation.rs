//! Playbooks put into force: by their conditions, in the hours they are for, or by a person with a reason. A playbook
//! in force starts its steps one by one as their evidence comes: pages become call-outs, tasks become tasks.

use super::decide::Decision;
use super::detect::{service, silence};
use super::event::{Answer, Author, Sealed, Warning};
use super::id::{IncidentId, PersonId, PlaybookId, RoleId, Tag};
use super::incident::{self, Incident};
use super::paging;
use super::playbook::{Activate, Condition, Evidence, Hours, Playbook, Severity, Step};
use super::policy::Policy;
use super::problem::did_you_mean;
use super::record::{Cause, Held, Record, Rule};
use super::state::State;
use super::time::{Timestamp, after};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Playbook {
    /// The topic of the incidents that this playbook is for: that of its first condition that has one, else its own
    /// name.
    pub fn topic(&self) -> Tag {
        let topics = self.when.iter().filter_map(|when| match when {
            Condition::Surge { topic, .. } | Condition::Cluster { topic, .. } | Condition::Keyword { topic } => {
                Some(topic.clone())
            }
            Condition::Service { .. } => Some(Tag::from(service::LEVEL_TOPIC)),
            Condition::Silent { .. } => Some(Tag::from(silence::TOPIC)),
            Condition::Warning { .. } => None,
        });
        topics.into_iter().next().unwrap_or_else(|| Tag::from(self.id.as_str()))
    }
}

/// Whether a condition asks for this warning.
pub(super) fn warned(when: &Condition, warning: &Warning) -> bool {
    match when {
        Condition::Warning { source, kinds, at_least } => {
            *source == warning.source
                && (kinds.is_empty() || kinds.contains(&warning.kind))
                && warning.level >= *at_least
        }
        Condition::Surge { .. }
        | Condition::Cluster { .. }
        | Condition::Keyword { .. }
        | Condition::Service { .. }
        | Condition::Silent { .. } => false,
    }
}

/// The kinds of evidence that an incident has for a playbook.
fn evidence(state: &State, incident: &Incident, playbook: &Playbook) -> BTreeSet<Evidence> {
    let mut found = BTreeSet::new();
    for cause in &incident.causes {
        match cause {
            Cause::Signal(id) => {
                let Some(signal) = state.signals.get(*id) else { continue };
                if playbook.when.iter().any(|when| when.asks_for(signal)) {
                    found.insert(signal.rule.evidence());
                }
            }
            Cause::Warning(id) => {
                let Some(warning) = state.incidents.warnings.get(id) else { continue };
                if playbook.when.iter().any(|when| warned(when, warning)) {
                    found.insert(Evidence::Warning);
                }
            }
        }
    }
    found
}

/// A person activates a playbook, on an open incident or on one opened for it.
pub(super) fn by_hand(
    state: &mut State,
    d: &mut Decision,
    on: Option<IncidentId>,
    id: &PlaybookId,
    by: &Author,
    reason: &Sealed,
    exercise: bool,
) {
    let playbooks = state.policy.in_force.as_ref().map(|policy| &policy.playbooks);
    let Some(playbook) = playbooks.and_then(|playbooks| playbooks.get(id)).cloned() else {
        let ids: Vec<&str> = playbooks.into_iter().flat_map(|all| all.keys()).map(PlaybookId::as_str).collect();
        let help = match did_you_mean(id.as_str(), ids.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("in force are {}", ids.join(", ")),
        };
        d.answer = Answer::Refused(format!("there is no playbook \"{id}\"; {help}"));
        return;
    };
    let incident = match on {
        Some(incident) if state.incidents.open_one(incident).is_some() => incident,
        Some(incident) => {
            d.answer = Answer::Refused(format!("{incident} is not open; leave the incident out to open a new one"));
            return;
        }
        None => incident::open_by_hand(state, d, &playbook.topic(), playbook.severity, None, exercise, by, reason),
    };
    d.answer = Answer::Incident(incident);
    if state.incidents.open_one(incident).is_some_and(|open| !open.activations.contains_key(id)) {
        let record = Record::PlaybookActivated {
            incident,
            playbook: id.clone(),
            version: playbook.version.clone(),
            by: by.clone(),
            digest: Some(reason.digest.clone()),
        };
        d.record_sealed(state, record, Some(reason));
    }
}

/// Why a playbook may not start by itself now, if so.
fn held(policy: &Policy, playbook: &Playbook, now: Timestamp) -> Option<Held> {
    match (playbook.hours, policy.calendar.is_core(now)) {
        (Hours::OutOfHours, true) => Some(Held::CoreHours),
        (Hours::Core, false) => Some(Held::OutOfHours),
        _ if playbook.activate == Activate::Proposed => Some(Held::Proposed),
        _ => None,
    }
}

/// Activates what matches, and starts the steps whose evidence is there.
pub(super) fn step(state: &mut State, d: &mut Decision) {
    let Some(policy) = state.policy.in_force.clone() else { return };
    let open: Vec<Arc<Incident>> =
        state.incidents.by_id.values().filter(|incident| incident.closed_at.is_none()).cloned().collect();
    for incident in open {
        match_playbooks(state, d, &policy, &incident);
        page_unplanned(state, d, &policy, &incident);
        // The incident as it is after the matching.
        let Some(incident) = state.incidents.by_id.get(&incident.id).cloned() else { continue };
        for (id, activation) in &incident.activations {
            let version = (id.clone(), activation.version.clone());
            let Some(playbook) = state.policy.playbooks.get(&version).cloned() else { continue };
            start_steps(state, d, &incident, &playbook, &activation.steps_started);
            page_further_reports(state, d, &incident, &playbook);
        }
    }
}

fn match_playbooks(state: &mut State, d: &mut Decision, policy: &Policy, incident: &Incident) {
    if incident.causes.is_empty() {
        return;
    }
    for (id, playbook) in &policy.playbooks {
        if incident.activations.contains_key(id) || evidence(state, incident, playbook).is_empty() {
            continue;
        }
        let hours_changed = || policy.calendar.next_change(state.last_at).is_some_and(|change| change <= d.at);
        match held(policy, playbook, d.at) {
            // Said already; said again when the hours have changed and changed back meanwhile (a machine that slept
            // through the night), since the deadline counts from the last record.
            Some(why) if incident.held.get(id) == Some(&why) && !hours_changed() => {}
            Some(why) => {
                d.record(
                    state,
                    Record::PlaybookHeld {
                        incident: incident.id,
                        playbook: id.clone(),
                        version: playbook.version.clone(),
                        why,
                    },
                );
                if why == Held::Proposed {
                    propose(state, d, incident, playbook);
                }
            }
            None => {
                d.record(
                    state,
                    Record::PlaybookActivated {
                        incident: incident.id,
                        playbook: id.clone(),
                        version: playbook.version.clone(),
                        by: Author::system(),
                        digest: None,
                    },
                );
            }
        }
    }
}

/// Whom a surge wakes for which there is no plan, in this order.
const UNPLANNED: [&str; 3] = ["duty_officer", "deputy", "tactical"];

/// A learnt surge of something that no playbook is for still wakes the duty officer: one call-out an incident.
fn page_unplanned(state: &mut State, d: &mut Decision, policy: &Policy, incident: &Incident) {
    let learnt = |cause: &Cause| match cause {
        Cause::Signal(id) => state.signals.get(*id).is_some_and(|s| matches!(s.rule, Rule::Volume { .. })),
        Cause::Warning(_) => false,
    };
    if !incident.causes.iter().any(learnt)
        || state.paging.call_outs.values().any(|call_out| call_out.incident == Some(incident.id))
        || policy.playbooks.values().any(|playbook| !evidence(state, incident, playbook).is_empty())
    {
        return;
    }
    let known = UNPLANNED.iter().map(|role| RoleId::from(*role)).filter(|role| policy.rota.roles.contains_key(role));
    let ladder = known.collect();
    let cause = format!("{}. No playbook is for this.", cause_in_words(state, incident.id));
    paging::start(state, d, incident.id, cause, None, ladder, 1, incident.severity);
}

/// Pages one person once, at the pace of the next morning; nothing climbs when they do not answer.
pub(super) fn tell_one(state: &mut State, d: &mut Decision, person: PersonId, cause: String) {
    let record = Record::CallOutStarted {
        incident: None,
        cause,
        step: None,
        ladder: Vec::new(),
        test: Some(person),
        to: None,
        wanted: 1,
        severity: Severity::Morning,
    };
    d.record(state, record);
}

/// Pages the first people of a proposed playbook, for their decision.
fn propose(state: &mut State, d: &mut Decision, incident: &Incident, playbook: &Playbook) {
    let first = playbook.steps.iter().enumerate().find_map(|(at, step)| match step {
        Step::Page { role, then, .. } => Some((u32::try_from(at).unwrap_or(u32::MAX), role, then)),
        Step::Task { .. } | Step::Say { .. } => None,
    });
    if let Some((at, role, then)) = first {
        let ladder = [role].into_iter().chain(then).cloned().collect();
        let cause = format!("{} is proposed: {}. Decide.", playbook.title, cause_in_words(state, incident.id));
        if paging::covering(state, incident.id, role, 1, playbook.severity).is_none() {
            paging::start(state, d, incident.id, cause, Some((playbook.id.clone(), at)), ladder, 1, playbook.severity);
        }
    }
}

fn start_steps(state: &mut State, d: &mut Decision, incident: &Incident, playbook: &Playbook, started: &BTreeSet<u32>) {
    if started.len() == playbook.steps.len() {
        return;
    }
    let evidence = evidence(state, incident, playbook);
    for (at, step) in (0u32..).zip(&playbook.steps) {
        if started.contains(&at) {
            continue;
        }
        match step {
            Step::Page { only_if: Some(needed), .. } if !evidence.contains(needed) => {}
            Step::Page { role, then, wanted, .. } => {
                if let Some(by) = paging::covering(state, incident.id, role, *wanted, playbook.severity) {
                    let (incident, playbook) = (incident.id, playbook.id.clone());
                    d.record(state, Record::StepCovered { incident, playbook, step: at, by });
                    continue;
                }
                let ladder = [role].into_iter().chain(then).cloned().collect();
                let cause = cause_in_words(state, incident.id);
                let step = Some((playbook.id.clone(), at));
                paging::start(state, d, incident.id, cause, step, ladder, *wanted, playbook.severity);
            }
            Step::Task { title, by, within } => {
                let due = within.map(|within| after(d.at, within));
                let record = Record::TaskOpened {
                    incident: incident.id,
                    playbook: playbook.id.clone(),
                    step: at,
                    title: title.clone(),
                    owner: by.clone(),
                    due,
                };
                d.record(state, record);
            }
            // What the advisor reads out needs no record of its own: the playbook's text is in the log.
            Step::Say { .. } => {}
        }
    }
}

/// A single report that comes when somebody has the earlier ones pages anew: one person in danger has help, the other
/// has not. While the first are still being paged, the new report waits for their answer; then it is told at once.
fn page_further_reports(state: &mut State, d: &mut Decision, incident: &Incident, playbook: &Playbook) {
    let first = playbook.steps.iter().zip(0u32..).find_map(|(step, at)| match step {
        Step::Page { role, then, wanted, only_if: None } => Some((at, role, then, *wanted)),
        Step::Page { .. } | Step::Task { .. } | Step::Say { .. } => None,
    });
    let Some((at, role, then, wanted)) = first else { return };
    let calls = state.paging.call_outs.values();
    let calls = calls.filter(|c| c.incident == Some(incident.id) && c.ladder.first() == Some(role));
    let Some(last) = calls.max_by_key(|c| c.id).filter(|c| c.status != paging::Status::Paging) else { return };
    let further = incident.causes.iter().filter_map(|cause| match cause {
        Cause::Signal(id) if id.0 > last.id.0 => state.signals.get(*id),
        Cause::Signal(_) | Cause::Warning(_) => None,
    });
    let further: Vec<_> = further
        .filter(|signal| signal.rule == Rule::Report && playbook.when.iter().any(|when| when.asks_for(signal)))
        .collect();
    let cause = match further.as_slice() {
        [] => return,
        [one] => format!("another: {}", one.evidence),
        [.., newest] => format!("{} more reports, the newest: {}", further.len(), newest.evidence),
    };
    let ladder = [role].into_iter().chain(then).cloned().collect();
    let step = Some((playbook.id.clone(), at));
    paging::start(state, d, incident.id, cause, step, ladder, wanted, playbook.severity);
}

/// Why an incident is open, in words for a page: its newest evidence, else who opened it.
pub(super) fn cause_in_words(state: &State, id: IncidentId) -> String {
    let Some(incident) = state.incidents.by_id.get(&id) else { return String::new() };
    let newest = incident.causes.iter().max_by_key(|cause| match cause {
        Cause::Signal(id) => id.0,
        Cause::Warning(id) => id.0,
    });
    match newest {
        Some(Cause::Signal(id)) => state.signals.get(*id).map(|signal| signal.evidence.clone()).unwrap_or_default(),
        Some(Cause::Warning(id)) => state
            .incidents
            .warnings
            .get(id)
            .map(|w| format!("{:?} warning of {} from {}, {}", w.level, w.kind.replace('_', " "), w.source, w.area))
            .unwrap_or_default(),
        None => format!("opened by {}", incident.opened_by.who),
    }
}

/// The next change of hours, while a playbook is held for them.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    let policy = state.policy.in_force.as_ref()?;
    let waits = state.incidents.open().any(|incident| {
        incident.held.iter().any(|(id, why)| {
            let playbook = policy.playbooks.get(id).filter(|_| matches!(why, Held::CoreHours | Held::OutOfHours));
            playbook.is_some_and(|playbook| !evidence(state, incident, playbook).is_empty())
        })
    });
    if waits { policy.calendar.next_change(state.last_at) } else { None }
}
