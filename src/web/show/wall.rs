//! The wall board, from the published view. It leaves out every typed word: those may name a caller.

use super::Scene;
use super::incident::{figures, people, tasks};
use super::small::on_call;
use crate::domain::record::Record;
use crate::domain::register::Stream;
use crate::domain::time::{SignedDuration, after};
use crate::web::view::{Badge, Figure, Moment, Tone, WallPage};

/// People, tasks, other incidents and lines shown at most: what can be read from across a room.
const PEOPLE_MAX: usize = 5;
const DUE_MAX: usize = 4;
const OTHERS_MAX: usize = 4;
const LINES_MAX: usize = 3;

/// `/wall`.
pub fn wall(scene: &Scene<'_>) -> WallPage {
    let mut open: Vec<_> = scene.view.incidents.open().collect();
    open.sort_by_key(|incident| (incident.severity, std::cmp::Reverse(incident.id)));
    let Some(incident) = open.first() else { return quiet(scene) };
    let badge = scene.badge(incident);
    let last = incident.timeline.iter().rev().filter(|line| {
        matches!(
            line.record.as_ref(),
            Record::Acknowledged { .. }
                | Record::Declined { .. }
                | Record::CallOutStarted { .. }
                | Record::CallOutWidened { .. }
                | Record::TaskMoved { .. }
                | Record::EntryWritten { .. }
                | Record::PlaybookActivated { .. }
                | Record::IncidentOpened { .. }
        )
    });
    let name = |id: &str| scene.name(id);
    WallPage {
        badge: Badge::new(badge.tone, format!("{} {}", badge.word, scene.ago(incident.opened_at))),
        title: scene.title(incident),
        figures: figures(scene, incident),
        chart: Some(scene.chart(incident, 3)),
        people: people(scene, incident).into_iter().take(PEOPLE_MAX).collect(),
        on_call: Vec::new(),
        due: tasks(scene, incident)
            .into_iter()
            .filter(|task| !task.done)
            .filter_map(|task| Some((task.badge?, task.title)))
            .take(DUE_MAX)
            .collect(),
        others: open.iter().skip(1).take(OTHERS_MAX).map(|other| super::incidents::row(scene, other)).collect(),
        last: last
            .take(LINES_MAX)
            .map(|line| {
                let told = scene.teller(&name).tell(&line.record);
                (Moment::clock(line.at, scene.zone), format!("{} {}", told.title, told.who).trim().to_owned())
            })
            .collect(),
    }
}

/// Nothing is open: who would be called, and that callout hears.
fn quiet(scene: &Scene<'_>) -> WallPage {
    let hour = |hours: i64| {
        let from = after(scene.now, SignedDuration::from_hours(-hours));
        scene.view.tally.count(&Stream::All, from, scene.now)
    };
    let figure = |value: String, label: &str| Figure { value, label: label.into(), ..Figure::default() };
    let figures = vec![
        figure(hour(1).to_string(), "contacts in the last hour"),
        figure(hour(24).to_string(), "contacts in the last day"),
        figure(scene.view.signals.raised.len().to_string(), "signals raised"),
        figure(scene.view.incidents.warnings.len().to_string(), "warnings in force"),
    ];
    WallPage {
        badge: Badge::new(Tone::Ok, "Quiet"),
        title: "No incident is open".into(),
        figures,
        on_call: on_call(scene),
        ..WallPage::default()
    }
}
