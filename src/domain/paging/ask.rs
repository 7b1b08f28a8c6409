//! A person calls another in: a higher level at once, or somebody to take the incident over.
//!
//! Like passing a baton: the runner holds it until the other's hand has closed around it. Whoever asks stays
//! responsible until the one asked has said "I have got this" on their own device; a request that nobody answers ends by
//! itself and says so, and nothing else of the incident's paging changes.
//!
//! Not here: what an acknowledgement does (the parent module), who may ask (the routes).

use super::super::decide::Decision;
use super::super::entry;
use super::super::event::{Answer, Author, EntryKind, Sealed};
use super::super::id::{IncidentId, PersonId, RoleId};
use super::super::problem::did_you_mean;
use super::super::record::Record;
use super::super::state::State;
use super::Status;

/// A person calls a role in, whatever the ladder says. The reason is kept as a decision.
pub(in crate::domain) fn escalate(
    state: &mut State,
    d: &mut Decision,
    incident: IncidentId,
    role: &RoleId,
    by: &Author,
    reason: &Sealed,
) {
    let Some(open) = state.incidents.open_one(incident) else { return refuse_closed(d, incident) };
    let severity = open.severity;
    let roles = state.policy.in_force.as_ref().map(|policy| &policy.rota.roles);
    if !roles.is_some_and(|roles| roles.contains_key(role)) {
        let known = roles.into_iter().flat_map(|roles| roles.keys()).map(RoleId::as_str);
        let help =
            did_you_mean(role.as_str(), known).map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
        d.answer = Answer::Refused(format!("there is no role \"{role}\" on the rota{help}"));
        return;
    }
    write(state, d, incident, EntryKind::Decision, by, reason);
    let cause = format!("Escalated to you by {}", by.who);
    super::start(state, d, incident, cause, None, vec![role.clone()], 1, severity);
    d.answer = Answer::Incident(incident);
}

/// A person asks another to take the incident over.
pub(in crate::domain) fn hand_over(
    state: &mut State,
    d: &mut Decision,
    incident: IncidentId,
    to: &PersonId,
    by: &Author,
    reason: &Sealed,
) {
    let Some(open) = state.incidents.open_one(incident) else { return refuse_closed(d, incident) };
    let severity = open.severity;
    let people = state.policy.in_force.as_ref().map(|policy| &policy.people);
    if !people.is_some_and(|people| people.contains_key(to)) {
        let known = people.into_iter().flat_map(|people| people.keys()).map(PersonId::as_str);
        let help =
            did_you_mean(to.as_str(), known).map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
        d.answer = Answer::Refused(format!("there is no person \"{to}\" in the people file{help}"));
        return;
    }
    let asked =
        |c: &super::CallOut| c.incident == Some(incident) && c.to.as_ref() == Some(to) && c.status == Status::Paging;
    if state.paging.call_outs.values().any(|c| asked(c)) {
        d.answer = Answer::Refused(format!("{to} has been asked already and is being paged"));
        return;
    }
    write(state, d, incident, EntryKind::Request, by, reason);
    let record = Record::CallOutStarted {
        incident: Some(incident),
        cause: format!("{} asks you to take over; it stays theirs until you have got it", by.who),
        step: None,
        ladder: Vec::new(),
        test: None,
        to: Some(to.clone()),
        wanted: 1,
        severity,
    };
    d.record(state, record);
    d.answer = Answer::Incident(incident);
}

fn write(state: &mut State, d: &mut Decision, incident: IncidentId, kind: EntryKind, by: &Author, text: &Sealed) {
    let record = entry::plain(incident, kind, by, text);
    d.record_sealed(state, record, Some(text));
}

fn refuse_closed(d: &mut Decision, incident: IncidentId) {
    d.answer =
        Answer::Refused(format!("{incident} is not open; open a new incident, or write to the log of another one"));
}
