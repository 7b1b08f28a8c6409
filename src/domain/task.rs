//! A task that nobody takes: in an emergency the next is paged.
//!
//! Like a note left on a desk: it counts for nothing until somebody has picked it up. A task that has not been taken
//! when it should have been calls in its owner's role, then the roles of its playbook's pages, until somebody has it;
//! whoever says "I have got this" has taken it. Whoever took the incident has the whole time from then on, and while
//! people are still being paged for the incident itself nobody is paged for its tasks. What can wait for the morning
//! (severity 3) calls nobody.
//!
//! Not here: tasks being given (`activation`), being taken or done by hand (`incident`), whom a role means (`rota`).

use super::decide::Decision;
use super::event::{Author, TaskState, Via};
use super::id::{CallOutId, PersonId, RoleId, TaskId};
use super::incident::Task;
use super::paging;
use super::playbook::{Severity, Step};
use super::record::Record;
use super::state::State;
use super::time::{Timestamp, after, elapsed, in_words};

/// Tasks that wait to be taken, with the instants at which they lapse.
fn waiting(state: &State) -> impl Iterator<Item = (Timestamp, TaskId, &Task)> {
    state.incidents.tasks.iter().filter_map(|(id, task)| {
        let urgent = state.incidents.open_one(task.incident).is_some_and(|open| open.severity <= Severity::Wake);
        let waits = urgent && task.state == TaskState::Open && task.lapsed.is_none();
        let due = task.due.filter(|_| waits)?;
        let had_since = paging::had_since(state, task.incident)?;
        let within = elapsed(task.opened_at, due);
        Some((had_since.map_or(due, |since| due.max(after(since, within))), *id, task))
    })
}

/// Pages for the tasks that should have been taken by now.
pub(super) fn step(state: &mut State, d: &mut Decision) {
    // One by one: while people are paged for one task of an incident, its others wait. So this ends.
    loop {
        let mut due = waiting(state).filter(|(due, ..)| *due <= d.at);
        let Some((id, task)) = due.next().map(|(_, id, task)| (id, task.clone())) else { return };
        let more = due.filter(|(_, _, other)| other.incident == task.incident).count();
        let severity = state.incidents.by_id.get(&task.incident).map_or(Severity::Wake, |incident| incident.severity);
        let within = task.due.map_or_else(String::new, |due| in_words(elapsed(task.opened_at, due)));
        let more = if more == 0 { String::new() } else { format!(", and {more} more of the plan's tasks") };
        let cause = format!("Nobody has taken this within {within}: {}{more}", task.title);
        let ladder = ladder(state, &task);
        let call_out = paging::start(state, d, task.incident, cause, Some(task.step.clone()), ladder, 1, severity);
        d.record(state, Record::TaskLapsed { task: id, call_out });
    }
}

/// When the next task lapses.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    waiting(state).map(|(due, ..)| due).min()
}

/// The task's owner, then whoever its playbook pages, each role once.
fn ladder(state: &State, task: &Task) -> Vec<RoleId> {
    let (playbook, _) = &task.step;
    let version = state
        .incidents
        .by_id
        .get(&task.incident)
        .and_then(|incident| incident.activations.get(playbook))
        .map(|activation| (playbook.clone(), activation.version.clone()));
    let steps = version.and_then(|version| state.policy.playbooks.get(&version)).map(|playbook| &playbook.steps);
    let mut ladder = vec![task.owner.clone()];
    for step in steps.into_iter().flatten() {
        let Step::Page { role, then, .. } = step else { continue };
        for role in [role].into_iter().chain(then) {
            if !ladder.contains(role) {
                ladder.push(role.clone());
            }
        }
    }
    ladder
}

/// Somebody has said "I have got this" to the paging for a task: they have taken it.
pub(super) fn taken(state: &mut State, d: &mut Decision, call_out: CallOutId, person: &PersonId, via: Via) {
    let lapsed = |(_, task): &(&TaskId, &Task)| task.lapsed == Some(call_out) && task.state == TaskState::Open;
    let found = state.incidents.tasks.iter().find(lapsed).map(|(id, _)| *id);
    if let Some(task) = found {
        let by = Author { who: person.as_str().to_owned(), via };
        d.record(state, Record::TaskMoved { task, to: TaskState::Accepted, by });
    }
}
