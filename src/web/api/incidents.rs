//! Incidents: read, opened, written to, and stood down by people.

use super::form::{Form, WORDS_MAX};
use super::{json, submit, unexpected};
use crate::domain::event::{Answer, Author, Event, TaskState};
use crate::domain::id::{IncidentId, PlaybookId, Seq, Tag, TaskId};
use crate::domain::incident::Incident;
use crate::domain::paging::Status;
use crate::domain::place::{GridPoint, GridReference};
use crate::domain::playbook::Severity;
use crate::domain::record::Record;
use crate::domain::state::View;
use crate::domain::time::Timestamp;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// The words for how bad.
pub(super) const SEVERITIES: [(&str, Severity); 3] =
    [("1", Severity::DangerToLife), ("2", Severity::Wake), ("3", Severity::Morning)];

#[derive(Serialize)]
struct Brief {
    id: IncidentId,
    topic: Tag,
    severity: Severity,
    exercise: bool,
    opened_at: Timestamp,
    opened_by: Author,
    closed_at: Option<Timestamp>,
    contacts_n: u64,
    playbooks: Vec<PlaybookId>,
    proposed: Vec<PlaybookId>,
    place: Option<GridPoint>,
    /// Whether somebody has it: `nobody_yet`, `acknowledged`, or `nobody_paged`.
    paging: &'static str,
}

fn brief(view: &View, incident: &Incident) -> Brief {
    let call_outs = view.paging.call_outs.values().filter(|call_out| call_out.incident == Some(incident.id));
    let (mut paged, mut waiting) = (false, false);
    for call_out in call_outs {
        paged = true;
        waiting |= call_out.status == Status::Paging;
    }
    Brief {
        id: incident.id,
        topic: incident.topic.clone(),
        severity: incident.severity,
        exercise: incident.exercise,
        opened_at: incident.opened_at,
        opened_by: incident.opened_by.clone(),
        closed_at: incident.closed_at,
        contacts_n: incident.contacts_n,
        playbooks: incident.activations.keys().cloned().collect(),
        proposed: incident.held.keys().cloned().collect(),
        place: incident.place,
        paging: match (paged, waiting) {
            (false, _) => "nobody_paged",
            (true, true) => "nobody_yet",
            (true, false) => "acknowledged",
        },
    }
}

/// `GET /api/v1/incidents`: open ones first, then those closed lately, newest first. `?open=true` leaves the closed
/// ones out.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let view = call.app.view();
    let open_only = call.query_value("open").as_deref() == Some("true");
    let (mut open, mut closed): (Vec<_>, Vec<_>) =
        view.incidents.by_id.values().rev().partition(|incident| incident.closed_at.is_none());
    closed.truncate(if open_only { 0 } else { 100 });
    open.append(&mut closed);
    let incidents: Vec<Brief> = open.into_iter().map(|incident| brief(&view, incident)).collect();
    Ok(json(StatusCode::OK, &value!({ "head": view.head, "incidents": value_of(&incidents) })))
}

fn value_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("answers are texts, numbers and lists, which always become JSON")
}

#[derive(Serialize)]
struct Line {
    seq: Seq,
    at: Timestamp,
    record: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Box<RawValue>>,
}

/// `GET /api/v1/incidents/{incident}`: with its tasks, call-outs and timeline. The words of entries and reasons come
/// with it; a contact's details never do.
pub async fn read(call: Call) -> Result<Response, Problem> {
    let id: IncidentId = call.id(0)?;
    let view = call.app.view();
    let Some(incident) = view.incidents.by_id.get(&id).cloned() else {
        return Err(Problem::new(Kind::NotFound, format!("there is no incident {id} here; older ones are in the log")));
    };
    let records = call.app.door.records();
    let lines = incident.timeline.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let line = |line: &crate::domain::incident::Line| {
            let words = match line.record.as_ref() {
                Record::ContactTaken { .. } => None,
                record => record.digest(),
            };
            let detail = words.and_then(|digest| records.detail(line.seq, digest));
            let detail = detail.and_then(|bytes| RawValue::from_string(String::from_utf8(bytes).ok()?).ok());
            Line { seq: line.seq, at: line.at, record: value_of(line.record.as_ref()), detail }
        };
        lines.iter().map(line).collect::<Vec<_>>()
    });
    let timeline = reading.await.map_err(|_| Problem::new(Kind::Defect, "the log could not be read"))?;
    let tasks: Vec<Value> = view
        .incidents
        .tasks
        .iter()
        .filter(|(_, task)| task.incident == id)
        .map(|(task_id, task)| {
            value!({
                "id": task_id, "title": task.title, "owner": task.owner, "due": task.due, "state": task.state,
                "playbook": task.step.0,
            })
        })
        .collect();
    let call_outs: Vec<Value> = view
        .paging
        .call_outs
        .values()
        .filter(|call_out| call_out.incident == Some(id))
        .map(|call_out| {
            let acknowledged: Vec<Value> = call_out
                .acknowledged
                .iter()
                .map(|have| value!({ "person": have.person, "at": have.at, "via": have.via }))
                .collect();
            let pages: Vec<Value> = view
                .paging
                .pages
                .iter()
                .filter(|(_, page)| page.call_outs().any(|of| of == call_out.id))
                .map(|(page_id, page)| {
                    value!({
                        "id": page_id, "person": page.person, "channel": page.channel, "attempt": page.attempt,
                        "at": page.at, "outcome": page.outcome.as_ref().map(|(outcome, _)| outcome),
                        "receipt": page.receipt.as_ref().map(|(receipt, _)| receipt),
                    })
                })
                .collect();
            value!({
                "id": call_out.id, "cause": call_out.cause, "ladder": call_out.ladder, "wanted": call_out.wanted,
                "started_at": call_out.started_at, "level": call_out.level, "acknowledged": acknowledged,
                "pages": pages, "paging": call_out.status == Status::Paging,
            })
        })
        .collect();
    let mut whole = value_of(&brief(&view, &incident));
    if let Value::Object(whole) = &mut whole {
        whole.insert("head".into(), value_of(&view.head));
        whole.insert("decisions".into(), super::entries::decisions(&incident.decisions, call.app.clock.now()));
        whole.insert("tasks".into(), tasks.into());
        whole.insert("call_outs".into(), call_outs.into());
        whole.insert("timeline".into(), value_of(&timeline));
    }
    Ok(json(StatusCode::OK, &whole))
}

/// `POST /api/v1/incidents`: opened by a person, about a `topic`, or by putting a `playbook` into force.
pub async fn open(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let topic = form.name("topic");
    let playbook = form.name("playbook");
    let severity = form.one_of("severity", &SEVERITIES).unwrap_or(Severity::Wake);
    let place = place(&mut form);
    let exercise = form.yes("exercise");
    let reason = form.needed("reason", WORDS_MAX, "say why, in a few words: it stands in the record");
    let by = call.who.author();
    let reason_sealed = |reason: &str| call.app.seal(reason);
    let event = match (topic, playbook) {
        (Some(_), Some(_)) => {
            form.fault("playbook", "both a topic and a playbook are given", "give the topic, or the playbook alone");
            None
        }
        (None, None) => {
            form.fault("topic", "this is missing", "say what it is about, e.g. \"flooding\", or give a playbook");
            None
        }
        (Some(topic), None) => Some(Event::IncidentOpened {
            topic: Tag::new(topic),
            severity,
            place,
            exercise,
            by,
            reason: reason_sealed(&reason),
        }),
        (None, Some(playbook)) => Some(Event::PlaybookActivated {
            incident: None,
            playbook: PlaybookId::new(playbook),
            by,
            reason: reason_sealed(&reason),
            exercise,
        }),
    };
    form.finish()?;
    answer_incident(&call, event.ok_or_else(unexpected)?, StatusCode::CREATED).await
}

/// The place of an incident: `easting`+`northing`, `lat`+`lon` being the console's map's business.
fn place(form: &mut Form) -> Option<GridPoint> {
    let (easting, northing) = (form.number("easting"), form.number("northing"));
    let reference = form.text("grid_ref", 40);
    match (easting, northing, reference) {
        (None, None, None) => None,
        (Some(easting), Some(northing), None) => match GridPoint::on_grid(easting, northing) {
            Ok(point) => Some(point),
            Err(why) => {
                form.fault("easting", why.to_string(), "give metres, easting first");
                None
            }
        },
        (None, None, Some(reference)) => match GridReference::parse(&reference) {
            Ok(reference) => Some(reference.located().point),
            Err(why) => {
                form.fault("grid_ref", why.to_string(), "e.g. \"SD 80376 10712\"");
                None
            }
        },
        _ => {
            form.fault("easting", "the place is given by halves or twice", "give easting and northing, or grid_ref");
            None
        }
    }
}

/// Sends an event that answers with an incident, and tells its id.
pub(super) async fn answer_incident(call: &Call, event: Event, status: StatusCode) -> Result<Response, Problem> {
    match submit(&call.app, event).await? {
        Answer::Incident(id) => Ok(json(status, &value!({ "incident": id }))),
        _ => Err(unexpected()),
    }
}

/// `POST .../tasks/{task}`: `state` is `accepted`, `done`, `not_done` or `open`.
pub async fn move_task(mut call: Call) -> Result<Response, Problem> {
    let (incident, task): (IncidentId, TaskId) = (call.id(0)?, call.id(1)?);
    let mut form = Form::read(&mut call).await?;
    let states = [
        ("accepted", TaskState::Accepted),
        ("done", TaskState::Done),
        ("not_done", TaskState::NotDone),
        ("open", TaskState::Open),
    ];
    let to = form.one_of("state", &states);
    if to.is_none() {
        form.fault("state", "this is needed", "use accepted, done, not_done or open");
    }
    form.finish()?;
    if call.app.view().incidents.tasks.get(&task).is_none_or(|known| known.incident != incident) {
        return Err(Problem::new(Kind::NotFound, format!("{incident} has no task {task}")));
    }
    let event = Event::TaskMoved { task, to: to.ok_or_else(unexpected)?, by: call.who.author() };
    answer_incident(&call, event, StatusCode::OK).await
}

/// `POST .../stand-down`, with the reason.
pub async fn stand_down(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let mut form = Form::read(&mut call).await?;
    let reason = form.needed("reason", WORDS_MAX, "say why it is over: it stands in the record");
    form.finish()?;
    let event = Event::StoodDown { incident, by: call.who.author(), reason: call.app.seal(&reason) };
    answer_incident(&call, event, StatusCode::OK).await
}
