//! The list of incidents, with the forms that start something.

use super::Scene;
use crate::domain::incident::Incident;
use crate::domain::playbook::WarningLevel;
use crate::domain::telling::readable;
use crate::domain::time::{elapsed, in_words};
use crate::web::view::{Badge, Choice, IncidentRow, IncidentsPage, Moment, Tone, WarningRow};

/// `/incidents`.
pub fn incidents(scene: &Scene<'_>) -> IncidentsPage {
    let mut open: Vec<&Incident> = scene.view.incidents.open().collect();
    open.sort_by_key(|incident| (incident.severity, std::cmp::Reverse(incident.id)));
    let closed = scene.view.incidents.by_id.values().rev().filter(|incident| incident.closed_at.is_some());
    IncidentsPage {
        open: open.into_iter().map(|incident| row(scene, incident)).collect(),
        closed: closed.take(50).map(|incident| row(scene, incident)).collect(),
        warnings: scene
            .view
            .incidents
            .warnings
            .iter()
            .map(|(id, warning)| WarningRow {
                id: id.to_string(),
                what: format!("{}, {}", readable(&warning.source), readable(&warning.kind).to_lowercase()),
                badge: match warning.level {
                    WarningLevel::Yellow => Badge::new(Tone::Grey, "Yellow"),
                    WarningLevel::Amber => Badge::new(Tone::Warn, "Amber"),
                    WarningLevel::Red => Badge::new(Tone::Bad, "Red"),
                },
                from: Moment::day(warning.from, scene.zone),
                to: Moment::day(warning.to, scene.zone),
                area: warning.area.clone(),
            })
            .collect(),
        playbooks: scene
            .policy()
            .into_iter()
            .flat_map(|policy| policy.playbooks.values())
            .map(|playbook| Choice::new(playbook.id.as_str(), playbook.title.as_str()))
            .collect(),
        ..IncidentsPage::default()
    }
}

/// One incident as a line of a list.
pub(super) fn row(scene: &Scene<'_>, incident: &Incident) -> IncidentRow {
    IncidentRow {
        id: incident.id.to_string(),
        href: format!("/incidents/{}", incident.id),
        title: scene.title(incident),
        badge: scene.badge(incident),
        severity: format!("Severity {}", u8::from(incident.severity)),
        officer: scene.officer(incident),
        opened: Moment::day(incident.opened_at, scene.zone),
        age: match incident.closed_at {
            None => scene.ago(incident.opened_at),
            Some(at) => in_words(elapsed(incident.opened_at, at)),
        },
        contacts: incident.contacts_n,
    }
}
