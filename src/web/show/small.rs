//! The start page, the rota, the outbox, and what stands on every page.

use super::{Scene, incidents};
use crate::domain::id::PersonId;
use crate::domain::paging::Status;
use crate::domain::rota::Role;
use crate::domain::telling::readable;
use crate::web::view::{
    Badge, Chrome, HealthLine, Moment, OnCallLine, RotaHolder, RotaPage, RotaRow, SignalRow, StartPage, Strip, Theme,
    Tone,
};

/// Signals shown on the start page.
const SIGNALS_SHOWN: usize = 12;

/// What stands on every page: council, clock, the most pressing incident, trouble of callout's own.
pub fn chrome(scene: &Scene<'_>, user: Option<String>, csrf: String, theme: Theme, trouble: Vec<String>) -> Chrome {
    let pressing = scene.view.incidents.open().min_by_key(|i| (i.severity, std::cmp::Reverse(i.id)));
    let exercise = scene.view.incidents.open().find(|incident| incident.exercise);
    Chrome {
        council: scene.council.to_owned(),
        now: Moment::second(scene.now, scene.zone),
        zone: Moment::zone_name(scene.now, scene.zone),
        speed: 1,
        demo: None,
        exercise: exercise.map(|incident| format!("EXERCISE in progress: {}", incident.id)),
        user,
        csrf,
        theme,
        strip: pressing.map(|incident| Strip {
            id: incident.id.to_string(),
            href: format!("/incidents/{}", incident.id),
            badge: scene.badge(incident),
            title: scene.title(incident),
            meta: format!("{}. Open {}.", scene.officer(incident), scene.ago(incident.opened_at)),
            number: format!("{} in 5 min", scene.in_five_minutes(incident)),
            usual: scene.usual_words(incident),
            chart: Some(scene.chart(incident, 3)),
        }),
        trouble,
    }
}

/// `/`.
pub fn start(scene: &Scene<'_>, health: Vec<HealthLine>) -> StartPage {
    let page = incidents(scene);
    StartPage {
        phone_href: String::new(),
        look_back_href: page.open.iter().chain(&page.closed).next().map(|row| row.href.clone()).unwrap_or_default(),
        incidents: page.open,
        on_call: on_call(scene),
        signals: signals(scene),
        health,
    }
}

/// Each role of the rota and who holds it now.
pub(super) fn on_call(scene: &Scene<'_>) -> Vec<OnCallLine> {
    scene.policy().map_or_else(Vec::new, |policy| {
        policy
            .rota
            .roles
            .values()
            .map(|role| {
                let people = policy.rota.on_call(&role.id, scene.now);
                let who = people.iter().map(|person| scene.name(person.as_str())).collect::<Vec<_>>();
                OnCallLine {
                    role: role.title.clone(),
                    badge: who.is_empty().then(|| Badge::new(Tone::Bad, "Gap")),
                    who: if who.is_empty() { "Nobody".into() } else { who.join(", ") },
                }
            })
            .collect()
    })
}

/// The signals that are raised, newest first, with their evidence.
fn signals(scene: &Scene<'_>) -> Vec<SignalRow> {
    let raised = scene.view.signals.raised.iter().rev();
    raised
        .map(|(id, raised)| {
            let cause = crate::domain::record::Cause::Signal(*id);
            let incident = scene.view.incidents.by_id.values().find(|incident| incident.causes.contains(&cause));
            SignalRow {
                title: readable(raised.signal.topic.as_str()),
                evidence: raised.signal.evidence.clone(),
                since: Moment::clock(raised.at, scene.zone),
                incident: incident.map(|incident| incident.id.to_string()).unwrap_or_default(),
            }
        })
        .take(SIGNALS_SHOWN)
        .collect()
}

/// `/rota`.
pub fn rota(scene: &Scene<'_>) -> RotaPage {
    let Some(policy) = scene.policy() else { return RotaPage::default() };
    let paged: Vec<&PersonId> = scene
        .view
        .paging
        .call_outs
        .values()
        .filter(|call_out| call_out.status == Status::Paging)
        .flat_map(|call_out| call_out.called.keys())
        .collect();
    let holder = |person: &PersonId, span: String| RotaHolder {
        name: scene.name(person.as_str()),
        span,
        badge: paged.contains(&person).then(|| Badge::new(Tone::Warn, "Being paged")),
    };
    let mut gaps = Vec::new();
    let mut row = |role: &Role| {
        let now = policy.rota.on_call(&role.id, scene.now);
        let change = policy.rota.next_change(&role.id, scene.now);
        let next = change.map(|at| policy.rota.on_call(&role.id, at)).unwrap_or_default();
        if now.is_empty() {
            gaps.push(format!("Nobody is on call as {} now.", role.title));
        }
        let until = change.map(|at| format!("until {}", Moment::day(at, scene.zone).text)).unwrap_or_default();
        let from = change.map(|at| format!("from {}", Moment::day(at, scene.zone).text)).unwrap_or_default();
        RotaRow {
            role: role.title.clone(),
            now: now.iter().map(|person| holder(person, until.clone())).collect(),
            next: next.iter().map(|person| holder(person, from.clone())).collect(),
        }
    };
    let rows = policy.rota.roles.values().map(&mut row).collect();
    let zone = policy.rota.zone.iana_name().unwrap_or("UTC").to_owned();
    RotaPage {
        rows,
        gaps,
        note: format!("Times are of {zone}. A shift runs from its first minute up to the next one's."),
    }
}
