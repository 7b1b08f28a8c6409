//! The page behind the link of a text or email.

use super::Scene;
use crate::domain::event::TaskState;
use crate::domain::id::PageId;
use crate::domain::incident::Incident;
use crate::domain::paging::Status;
use crate::domain::playbook::{Playbook, Step};
use crate::domain::telling::readable;
use crate::domain::time::{SignedDuration, after};
use crate::web::desk::methane;
use crate::web::view::{Fact, Moment, PhonePage, PhoneState, PhoneStep};
use std::sync::Arc;

/// First steps shown on a phone at most.
const STEPS_MAX: usize = 6;

/// `/p/TOKEN` for the page that the token names; `None` where the state does not know it any more.
pub fn phone(scene: &Scene<'_>, id: PageId, token: &str) -> Option<PhonePage> {
    let page = scene.view.paging.pages.get(&id)?;
    let call_out = scene.view.paging.call_outs.get(&page.call_out)?;
    let incident = call_out.incident.and_then(|id| scene.view.incidents.by_id.get(&id));
    let called = call_out.called.get(&page.person);
    let mine = call_out.acknowledged.iter().find(|have| have.person == page.person);
    let next_role = call_out.ladder.get(call_out.level.map_or(0, |level| level as usize + 1));
    let escalate_after = scene.policy().map_or(SignedDuration::from_mins(5), |policy| policy.rota.escalate_after);
    let next_names = next_role.map(|role| {
        let people = scene.policy().map(|policy| policy.rota.on_call(role, scene.now)).unwrap_or_default();
        match people.first() {
            Some(person) => scene.name(person.as_str()),
            None => scene.role(role),
        }
    });
    let state = match (call_out.status, mine, call_out.acknowledged.first()) {
        (Status::Ended { at, .. }, None, _) => {
            PhoneState::Over { words: format!("Over since {}. Nothing to do.", Moment::clock(at, scene.zone).text) }
        }
        (_, Some(have), _) => PhoneState::Mine { at: Moment::clock(have.at, scene.zone) },
        (Status::Acknowledged { .. }, None, Some(have)) => {
            PhoneState::Taken { by: scene.name(have.person.as_str()), at: Moment::clock(have.at, scene.zone) }
        }
        _ if called.is_some_and(|called| called.declined) => PhoneState::Declined {
            next: match &next_names {
                Some(name) => format!("We are paging {name} now."),
                None => "We are paging everybody else now.".into(),
            },
        },
        _ => PhoneState::Asked,
    };
    let level = called.map_or(0, |called| called.level) as usize;
    let role =
        call_out.ladder.get(level).map_or_else(|| "on the list of last resort".to_owned(), |role| scene.role(role));
    let playbook = call_out.step.as_ref().and_then(|(id, _)| {
        let version = &incident?.activations.get(id)?.version;
        scene.view.policy.playbooks.get(&(id.clone(), version.clone()))
    });
    let pages = scene.view.paging.pages.values().filter(|p| p.call_out == page.call_out && p.person == page.person);
    let sent: Vec<String> =
        pages.map(|page| format!("{} {}", page.channel, Moment::clock(page.at, scene.zone).text)).collect();
    let facts = incident.map_or_else(Vec::new, |incident| {
        let fact = |value: String, label: &str| Fact { value, label: label.into() };
        vec![
            fact(incident.contacts_n.to_string(), "contacts logged"),
            fact(scene.in_five_minutes(incident).to_string(), "in the last 5 min"),
            fact(scene.ago(incident.opened_at), "since it was opened"),
        ]
    });
    Some(PhonePage {
        token: token.to_owned(),
        name: scene.name(page.person.as_str()).split_whitespace().next().unwrap_or_default().to_owned(),
        headline: match (incident, &call_out.test) {
            (Some(incident), _) => scene.title(incident),
            (None, Some(_)) => "Test page: nothing has happened".into(),
            (None, None) => "callout itself needs help".into(),
        },
        why: format!("{}. You are paged as {}.", call_out.cause.trim_end_matches('.'), role.to_lowercase()),
        facts,
        chart: incident.map(|incident| scene.chart(incident, 3)),
        state,
        next: (call_out.status == Status::Paging)
            .then(|| {
                let from = call_out.counted_from?;
                Some((next_names?, Moment::clock(after(from, escalate_after), scene.zone)))
            })
            .flatten(),
        steps: steps(scene, incident, playbook.map(AsRef::as_ref)),
        methane: incident.map(|incident| methane::fields(scene, incident)).unwrap_or_default(),
        desk: None,
        incident: incident.map(|incident| incident.id.to_string()).unwrap_or_default(),
        incident_href: incident.map(|incident| format!("/incidents/{}", incident.id)).unwrap_or_default(),
        foot: format!("Sent by {}. This link is yours alone.", sent.join(", ")),
    })
}

/// The first steps: the incident's tasks once they are given, the playbook's before.
fn steps(scene: &Scene<'_>, incident: Option<&Arc<Incident>>, playbook: Option<&Playbook>) -> Vec<PhoneStep> {
    let tasks = incident
        .into_iter()
        .flat_map(|incident| scene.view.incidents.tasks.iter().filter(move |(_, task)| task.incident == incident.id));
    let given: Vec<PhoneStep> = tasks
        .map(|(id, task)| PhoneStep {
            title: task.title.clone(),
            detail: scene.role(&task.owner),
            task: id.to_string(),
            done: matches!(task.state, TaskState::Done | TaskState::NotDone),
        })
        .take(STEPS_MAX)
        .collect();
    if !given.is_empty() {
        return given;
    }
    let planned = playbook.into_iter().flat_map(|playbook| &playbook.steps).filter_map(|step| match step {
        Step::Task { title, by, .. } => {
            Some(PhoneStep { title: title.clone(), detail: readable(by.as_str()), ..PhoneStep::default() })
        }
        Step::Page { .. } | Step::Say { .. } => None,
    });
    planned.take(STEPS_MAX).collect()
}
