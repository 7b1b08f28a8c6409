//! The incident room.

use super::Scene;
use crate::domain::event::{EntryKind as Kind, Receipt, SendResult, TaskState};
use crate::domain::id::{IncidentId, RoleId};
use crate::domain::incident::{Incident, Line};
use crate::domain::paging::{CallOut, Page, Status};
use crate::domain::playbook::{Playbook, Step};
use crate::domain::record::{Held, Record};
use crate::domain::register::{BIN_S, Recent};
use crate::domain::telling::{Sort, readable, severity, short};
use crate::domain::time::{SignedDuration, Timestamp, after, elapsed, in_words};
use crate::web::desk::methane;
use crate::web::view::{
    AskForm, Badge, Choice, Entry, EntryForm, EntryKind, EntryRun, Figure, IncidentPage, MapReport, Moment, PersonRow,
    StandDownForm, TaskRow, Tone,
};
use serde_json::{Value, json};

/// Entries shown in the room; the log page has all.
const ENTRIES_SHOWN: usize = 100;
/// Reports listed as text.
const REPORTS_SHOWN: usize = 30;
/// Pins drawn on the map.
const PINS_MAX: usize = 500;
/// Share of calls connected that the contact centre aims at (design, figures in force).
const CONNECTED_TARGET: f64 = 0.90;
/// Mean wait that it aims at, seconds.
const WAIT_TARGET_S: u64 = 45;

/// `/incidents/ID`; `None` where there is no such incident (or it is too old for the state: the log has it).
pub fn incident(scene: &Scene<'_>, id: IncidentId, shows: &str) -> Option<IncidentPage> {
    let incident = scene.view.incidents.by_id.get(&id)?;
    let playbooks = in_force(scene, incident);
    let (reports, reports_more) = reports(scene, incident);
    Some(IncidentPage {
        id: id.to_string(),
        title: scene.title(incident),
        badge: scene.badge(incident),
        severity: severity(incident.severity).into(),
        playbook: playbooks
            .iter()
            .map(|playbook| format!("{} (version {})", playbook.title, short(&playbook.version)))
            .collect::<Vec<_>>()
            .join("; "),
        officer: scene.officer(incident),
        age: match incident.closed_at {
            None => format!("Open {}", scene.ago(incident.opened_at)),
            Some(at) => format!("Open for {}", in_words(elapsed(incident.opened_at, at))),
        },
        opened: Moment::second(incident.opened_at, scene.zone),
        open: incident.closed_at.is_none(),
        proposed: incident
            .held
            .iter()
            .map(|(playbook, why)| {
                let title = scene
                    .policy()
                    .and_then(|policy| policy.playbooks.get(playbook))
                    .map_or_else(|| readable(playbook.as_str()), |playbook| playbook.title.clone());
                let why = match why {
                    Held::Proposed => "proposed, you decide",
                    Held::CoreHours => "held: core hours",
                    Held::OutOfHours => "held: out of hours",
                };
                Choice::new(playbook.as_str(), format!("{title} ({why})"))
            })
            .collect(),
        figures: figures(scene, incident),
        entries: runs(entries(scene, incident, shows == "people")),
        shows: shows.to_owned(),
        escalate: AskForm { choices: roles(scene), ..AskForm::default() },
        hand_over: AskForm { choices: everybody(scene), ..AskForm::default() },
        methane: methane::fields(scene, incident),
        log_href: format!("/log?incident={id}"),
        entry_form: EntryForm::default(),
        stand_down: StandDownForm {
            open_tasks: tasks(scene, incident).iter().filter(|task| !task.done).count(),
            suggest_when: playbooks.iter().flat_map(|playbook| playbook.stand_down.clone()).collect(),
            ..StandDownForm::default()
        },
        chart: Some(scene.chart(incident, 3)),
        reports,
        reports_more,
        people: people(scene, incident),
        tasks: tasks(scene, incident),
        say: playbooks
            .iter()
            .flat_map(|playbook| &playbook.steps)
            .filter_map(|step| match step {
                Step::Say { text } => Some(text.clone()),
                Step::Page { .. } | Step::Task { .. } => None,
            })
            .collect(),
        proof: format!("{} entries in the log of callout, each holding the digest of the one before.", scene.view.head),
    })
}

fn in_force<'s>(scene: &'s Scene<'_>, incident: &Incident) -> Vec<&'s Playbook> {
    incident
        .activations
        .iter()
        .filter_map(|(id, activation)| {
            scene.view.policy.playbooks.get(&(id.clone(), activation.version.clone())).map(AsRef::as_ref)
        })
        .collect()
}

/// The timeline leaves out what says nothing to a reader beside its neighbours; the log page shows all.
fn worth_showing(record: &Record) -> bool {
    !matches!(
        record,
        Record::PageSent { outcome: SendResult::Accepted | SendResult::Cancelled, .. }
            | Record::PageReceipt { receipt: Receipt::Underway | Receipt::Delivered, .. }
            | Record::LevelStarted { passed: None, .. }
            | Record::TaskOpened { .. }
            | Record::CallOutEnded { .. }
    )
}

/// The timeline, newest first. Pages of one moment are one entry, since they are one act.
fn entries(scene: &Scene<'_>, incident: &Incident, people_only: bool) -> Vec<Entry> {
    let mut shown: Vec<Entry> = Vec::new();
    let mut pages: Option<(Timestamp, Vec<String>)> = None;
    let wanted = |line: &&Line| {
        worth_showing(&line.record) && (!people_only || !matches!(line.record.sort(), Sort::Signal | Sort::System))
    };
    for line in incident.timeline.iter().rev().filter(wanted) {
        let Record::PageIntended { person, channel, .. } = line.record.as_ref() else {
            pages = None;
            if shown.len() == ENTRIES_SHOWN {
                break;
            }
            shown.push(entry(scene, line));
            continue;
        };
        let words = format!("{} by {channel}", scene.name(person.as_str()));
        match (&mut pages, shown.last_mut()) {
            (Some((at, all)), Some(newest)) if *at == line.at => {
                all.insert(0, words);
                newest.seq = line.seq.0;
                newest.title = format!("Paging {} people", all.len());
                newest.text = all.join(", ");
            }
            _ => {
                if shown.len() == ENTRIES_SHOWN {
                    break;
                }
                pages = Some((line.at, vec![words]));
                shown.push(entry(scene, line));
            }
        }
    }
    shown
}

/// Folds what callout did by itself between two things that people did, where it is more than a few lines. The newest
/// stay open: they are what is going on.
fn runs(entries: Vec<Entry>) -> Vec<EntryRun> {
    const FOLD_FROM: usize = 3;
    const OPEN_NEWEST: usize = 4;
    let own = |entry: &Entry| matches!(entry.kind, EntryKind::System | EntryKind::Signal);
    let mut runs: Vec<EntryRun> = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let fresh = at <= OPEN_NEWEST || !own(&entry);
        match runs.last_mut() {
            Some(run) if !fresh && run.entries.iter().all(own) && at > OPEN_NEWEST + 1 && !run.summary.is_empty() => {
                run.entries.push(entry);
            }
            _ => {
                runs.push(EntryRun { summary: if fresh { String::new() } else { "run".into() }, entries: vec![entry] })
            }
        }
    }
    let told = |mut run: EntryRun| {
        let minute =
            |entry: Option<&Entry>| entry.map(|e| e.at.text.chars().take(5).collect::<String>()).unwrap_or_default();
        if run.summary.is_empty() || run.entries.len() < FOLD_FROM {
            return run
                .entries
                .into_iter()
                .map(|entry| EntryRun { summary: String::new(), entries: vec![entry] })
                .collect();
        }
        let (last, first) = (minute(run.entries.first()), minute(run.entries.last()));
        run.summary = format!("{} entries by callout itself, {first} to {last}", run.entries.len());
        vec![run]
    };
    runs.into_iter().flat_map(|run| -> Vec<EntryRun> { told(run) }).collect()
}

/// The roles of the rota with who holds them now.
fn roles(scene: &Scene<'_>) -> Vec<Choice> {
    let Some(policy) = scene.policy() else { return Vec::new() };
    let holders = |role: &RoleId| {
        let people = policy.rota.on_call(role, scene.now);
        people.iter().map(|person| scene.name(person.as_str())).collect::<Vec<_>>().join(", ")
    };
    let choice = |role: &crate::domain::rota::Role| {
        let who = holders(&role.id);
        let who = if who.is_empty() { "nobody on call".to_owned() } else { who };
        Choice::new(role.id.as_str(), format!("{}: {who}", role.title))
    };
    policy.rota.roles.values().map(choice).collect()
}

fn everybody(scene: &Scene<'_>) -> Vec<Choice> {
    let people = scene.policy().into_iter().flat_map(|policy| policy.people.keys());
    let mut all: Vec<Choice> = people.map(|id| Choice::new(id.as_str(), scene.name(id.as_str()))).collect();
    all.sort_by(|a, b| a.label.cmp(&b.label));
    all
}

fn entry(scene: &Scene<'_>, line: &Line) -> Entry {
    let name = |id: &str| scene.name(id);
    let told = scene.teller(&name).tell(&line.record);
    let words = line.record.digest().map(|digest| scene.words(line.seq, digest)).unwrap_or_default();
    let evidence = match line.record.as_ref() {
        Record::EvidenceJoined { cause: crate::domain::record::Cause::Signal(signal), .. } => {
            scene.view.signals.get(*signal).map(|signal| signal.evidence.clone()).unwrap_or_default()
        }
        _ => String::new(),
    };
    Entry {
        seq: line.seq.0,
        kind: match line.record.sort() {
            Sort::Signal => EntryKind::Signal,
            Sort::Decision => EntryKind::Decision,
            Sort::Note => EntryKind::Note,
            Sort::Action => EntryKind::Action,
            Sort::System => EntryKind::System,
        },
        title: match line.record.as_ref() {
            Record::EntryWritten { kind: Kind::Decision | Kind::Action | Kind::Information, .. }
                if !words.is_empty() =>
            {
                format!("{}: {}", told.title.replace("Information", "Note"), first_line(&words))
            }
            _ => told.title,
        },
        by: if told.who.is_empty() || told.who.starts_with("by ") { told.who } else { format!("by {}", told.who) },
        at: Moment::second(line.at, scene.zone),
        text: [told.text, rest_of(&line.record, &words), evidence]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(". "),
    }
}

fn first_line(words: &str) -> &str {
    words.lines().next().unwrap_or_default()
}

/// What is left of an entry's words once its first line stands in the title.
fn rest_of(record: &Record, words: &str) -> String {
    match record {
        Record::EntryWritten { kind: Kind::Decision | Kind::Action | Kind::Information, .. } => {
            words.split_once('\n').map(|(_, rest)| rest.trim().to_owned()).unwrap_or_default()
        }
        _ => words.to_owned(),
    }
}

pub(super) fn figures(scene: &Scene<'_>, incident: &Incident) -> Vec<Figure> {
    let figure = |value: String, label: &str, target: &str, tone| Figure {
        value,
        label: label.into(),
        target: target.into(),
        tone,
    };
    let first =
        |wanted: fn(&Record) -> bool| incident.timeline.iter().find(|line| wanted(&line.record)).map(|line| line.at);
    let paged = first(|record| matches!(record, Record::PageSent { outcome: SendResult::Accepted, .. }));
    let acknowledged = first(|record| matches!(record, Record::Acknowledged { .. }));
    let span = |from: Option<Timestamp>, to: Option<Timestamp>| Some(elapsed(from?, to?));
    let against = |span: Option<SignedDuration>, target: i64| match span {
        Some(span) if span.as_secs() <= target => Tone::Ok,
        Some(_) => Tone::Bad,
        None => Tone::Grey,
    };
    let words = |span: Option<SignedDuration>| span.map_or_else(|| "not yet".to_owned(), in_words);
    let (to_page, to_answer) = (span(Some(incident.opened_at), paged), span(paged, acknowledged));
    let (offered, answered, waited) = calls(scene);
    let share = if offered == 0 { None } else { Some(f64::from(answered) / f64::from(offered)) };
    let wait = if offered == 0 { None } else { Some(waited / u64::from(offered)) };
    vec![
        figure(incident.contacts_n.to_string(), "contacts logged", "", Tone::Grey),
        figure(
            scene.in_five_minutes(incident).to_string(),
            "in the last 5 min",
            &scene.usual_words(incident),
            Tone::Grey,
        ),
        figure(words(to_page), "opened to first page sent", "target 60 s", against(to_page, 60)),
        figure(words(to_answer), "page to acknowledged", "target 5 min", against(to_answer, 300)),
        figure(
            share.map_or_else(|| "no calls".to_owned(), |share| format!("{} %", (share * 100.0).floor())),
            "calls connected, last hour",
            "target 90 %",
            share.map_or(Tone::Grey, |share| if share >= CONNECTED_TARGET { Tone::Ok } else { Tone::Bad }),
        ),
        figure(
            wait.map_or_else(|| "no calls".to_owned(), |wait| format!("{wait} s")),
            "average wait, last hour",
            "target 45 s",
            wait.map_or(Tone::Grey, |wait| if wait <= WAIT_TARGET_S { Tone::Ok } else { Tone::Bad }),
        ),
    ]
}

/// Calls offered and answered, and their waits together, in the last hour.
fn calls(scene: &Scene<'_>) -> (u32, u32, u64) {
    let from = (scene.now.as_second() - 3_600).div_euclid(BIN_S);
    scene.view.tally.calls.range(from..).fold((0, 0, 0), |(offered, answered, waited), (_, calls)| {
        (offered + calls.offered, answered + calls.answered, waited + calls.wait_s)
    })
}

pub(super) fn people(scene: &Scene<'_>, incident: &Incident) -> Vec<PersonRow> {
    let mut rows = Vec::new();
    for call_out in scene.call_outs(incident.id) {
        for (person, called) in &call_out.called {
            let role = call_out
                .ladder
                .get(called.level as usize)
                .map_or_else(|| "List of last resort".to_owned(), |role| scene.role(role));
            let pages: Vec<&Page> = scene
                .view
                .paging
                .pages
                .values()
                .filter(|p| p.call_outs().any(|of| of == call_out.id) && p.person == *person)
                .collect();
            let next = called.next_at.map(|at| format!("Again at {}.", Moment::clock(at, scene.zone).text));
            let ways = pages.last().map(|_| format!("{} {}", pages.len(), ways(&pages))).unwrap_or_default();
            rows.push((
                called.level,
                PersonRow {
                    name: scene.name(person.as_str()),
                    badge: how_it_stands(scene, call_out, person, &pages, called.declined),
                    detail: [Some(role), Some(ways), next]
                        .into_iter()
                        .flatten()
                        .filter(|s| !s.is_empty())
                        .collect::<Vec<_>>()
                        .join(". "),
                },
            ));
        }
        if call_out.status == Status::Paging {
            let level = call_out.level.map_or(0, |level| level as usize + 1);
            if let (Some(role), Some(from)) = (call_out.ladder.get(level), call_out.counted_from) {
                let wait = scene.policy().map_or(SignedDuration::from_mins(5), |policy| policy.rota.escalate_after);
                let at = Moment::clock(after(from, wait), scene.zone).text;
                rows.push((
                    u32::try_from(level).unwrap_or(u32::MAX),
                    PersonRow {
                        name: scene.role(role),
                        badge: Badge::new(Tone::Grey, "Next"),
                        detail: format!("Paged at {at} unless somebody has it"),
                    },
                ));
            }
        }
    }
    rows.sort_by_key(|(level, _)| *level);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn ways(pages: &[&Page]) -> String {
    let mut channels: Vec<_> = pages.iter().map(|page| page.channel).collect();
    channels.sort();
    channels.dedup();
    let by = channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(" and ");
    format!("page{} by {by}", if pages.len() == 1 { "" } else { "s" })
}

fn how_it_stands(
    scene: &Scene<'_>,
    call_out: &CallOut,
    person: &crate::domain::id::PersonId,
    pages: &[&Page],
    declined: bool,
) -> Badge {
    if call_out.acknowledged.iter().any(|have| have.person == *person) {
        return Badge::new(Tone::Ok, "Acknowledged");
    }
    if declined {
        return Badge::new(Tone::Warn, "Can't attend");
    }
    let Some(last) = pages.last() else { return Badge::new(Tone::Grey, "Queued") };
    let (Some(first), over) = (pages.first(), call_out.status != Status::Paging) else {
        return Badge::new(Tone::Grey, "Queued");
    };
    match (&last.outcome, last.receipt) {
        (_, Some((Receipt::Delivered, _))) | (Some((SendResult::Accepted, _)), _) if !over => {
            let waited = elapsed(first.at, scene.now);
            if waited >= SignedDuration::from_mins(1) {
                Badge::new(Tone::Warn, format!("No reply {}", in_words(SignedDuration::from_mins(waited.as_mins()))))
            } else if matches!(last.receipt, Some((Receipt::Delivered, _))) {
                Badge::new(Tone::Grey, "Delivered")
            } else {
                Badge::new(Tone::Grey, "Sent")
            }
        }
        (_, Some((Receipt::Delivered, _))) => Badge::new(Tone::Grey, "Delivered"),
        (Some((SendResult::Accepted, _)), _) => Badge::new(Tone::Grey, "Sent"),
        (Some((SendResult::Cancelled, _)), _) => Badge::new(Tone::Grey, "Stopped"),
        (Some((SendResult::Unknown { .. }, _)), _) => Badge::new(Tone::Warn, "Not known"),
        (Some((SendResult::Retryable { .. } | SendResult::Refused { .. }, _)), _) => Badge::new(Tone::Bad, "Failed"),
        (None, _) => Badge::new(Tone::Grey, "Queued"),
    }
}

pub(super) fn tasks(scene: &Scene<'_>, incident: &Incident) -> Vec<TaskRow> {
    scene
        .view
        .incidents
        .tasks
        .iter()
        .filter(|(_, task)| task.incident == incident.id)
        .map(|(id, task)| {
            let done = matches!(task.state, TaskState::Done | TaskState::NotDone);
            let not_done = (task.state == TaskState::NotDone).then(|| Badge::new(Tone::Grey, "Not done"));
            let late = task.due.filter(|due| *due < scene.now && task.state == TaskState::Open);
            TaskRow {
                id: id.to_string(),
                title: task.title.clone(),
                detail: match (&task.moved, done) {
                    (Some((by, at)), _) => {
                        format!("{} {}", Moment::clock(*at, scene.zone).text, scene.name(&by.who))
                    }
                    (None, _) => scene.role(&task.owner),
                },
                badge: match (done, late, task.due) {
                    (true, _, _) => not_done,
                    (false, None, None) => None,
                    (false, Some(due), _) => {
                        let over = SignedDuration::from_mins(elapsed(due, scene.now).as_mins());
                        Some(Badge::new(Tone::Bad, format!("Overdue {}", in_words(over))))
                    }
                    (false, None, Some(due)) => {
                        Some(Badge::new(Tone::Warn, format!("Due {}", Moment::clock(due, scene.zone).text)))
                    }
                },
                done,
            }
        })
        .collect()
}

/// The letter of a contact's pin.
pub(in crate::web) fn letter(contact: &Recent) -> &'static str {
    contact.tags.first().map_or("?", |tag| match tag.as_str() {
        topic if topic.contains("flood") => "F",
        topic if topic.contains("tree") || topic.contains("storm") => "T",
        topic if topic.contains("road") => "R",
        topic if topic.contains("power") => "P",
        topic if topic.contains("structure") => "S",
        _ => "?",
    })
}

fn of_incident<'s>(scene: &'s Scene<'_>, incident: &'s Incident) -> impl Iterator<Item = &'s Recent> {
    let counts = move |contact: &&Recent| {
        !contact.withdrawn && contact.incident == Some(incident.id)
            || (!contact.withdrawn
                && contact.tags.contains(&incident.topic)
                && contact.received_at >= after(incident.opened_at, SignedDuration::from_hours(-1))
                && contact.received_at <= incident.closed_at.unwrap_or(scene.now))
    };
    scene.view.tally.recent.iter().rev().map(AsRef::as_ref).filter(counts)
}

fn reports(scene: &Scene<'_>, incident: &Incident) -> (Vec<MapReport>, u32) {
    let all = of_incident(scene, incident).filter(|contact| contact.place.is_some());
    let mut listed = Vec::new();
    let mut more = 0;
    for contact in all {
        if listed.len() < REPORTS_SHOWN {
            let grid =
                contact.place.map(|place| crate::domain::place::format_grid_reference(place, 3)).unwrap_or_default();
            let body = contact.body.as_ref().map_or("owner not known".into(), |body| readable(body.as_str()));
            listed.push(MapReport {
                letter: letter(contact).into(),
                id: contact.id.to_string(),
                title: contact.tags.iter().map(|tag| readable(tag.as_str())).collect::<Vec<_>>().join(", "),
                place: format!("{grid}, {body}"),
                at: Moment::clock(contact.received_at, scene.zone),
            });
        } else {
            more += 1;
        }
    }
    (listed, more)
}

/// `/incidents/ID/map.json`: the reports as GeoJSON points in EPSG:27700, newest last, at most 500.
pub fn map(scene: &Scene<'_>, id: IncidentId) -> Option<Value> {
    let incident = scene.view.incidents.by_id.get(&id)?;
    Some(pins(scene, of_incident(scene, incident)))
}

/// How old a report may be to be drawn on the map of the contact form.
const DRAWN_SINCE: SignedDuration = SignedDuration::from_hours(6);

/// `/map/reports.json`: the reports of the last hours, of every topic.
pub fn map_of_all(scene: &Scene<'_>) -> Value {
    let since = after(scene.now, -DRAWN_SINCE);
    let recent = scene.view.tally.recent.iter().rev().map(AsRef::as_ref);
    pins(scene, recent.take_while(|contact| contact.received_at > since).filter(|contact| !contact.withdrawn))
}

fn pins<'s>(scene: &Scene<'_>, contacts: impl Iterator<Item = &'s Recent>) -> Value {
    let mut pins: Vec<Value> = contacts
        .filter_map(|contact| {
            let place = contact.place?;
            Some(json!({
                "type": "Feature",
                "id": contact.id.to_string(),
                "properties": {
                    "letter": letter(contact),
                    "title": contact.tags.iter().map(|tag| readable(tag.as_str())).collect::<Vec<_>>().join(", "),
                    "at": Moment::clock(contact.received_at, scene.zone).text,
                },
                "geometry": { "type": "Point", "coordinates": [place.easting(), place.northing()] },
            }))
        })
        .take(PINS_MAX)
        .collect();
    pins.reverse();
    json!({ "type": "FeatureCollection", "features": pins })
}
