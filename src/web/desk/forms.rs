//! The forms of the incident pages: each becomes one event, or comes back as it was typed with what is wrong.

use super::{html, local_instant, no_incident, redirect, with_scene};
use crate::domain::entry::{Entry, EntryWords};
use crate::domain::event::{Answer, EntryKind, Event, TaskState, Warning};
use crate::domain::id::{IncidentId, PlaybookId, Tag, TaskId};
use crate::domain::playbook::{Severity, WarningLevel};
use crate::domain::text::{clean_line, clean_words, is_slug, to_slug};
use crate::domain::time::to_millis;
use crate::web::call::{Call, pairs};
use crate::web::problem::{Kind, Problem};
use crate::web::view::{EntryForm, Field, IncidentsPage, OpenForm, WarningForm};
use crate::web::{pages, sessions, show};
use warp::http::StatusCode;
use warp::reply::Response;

/// The most bytes of a form.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// The most characters of a typed text.
const TEXT_CHARS_MAX: usize = 8_000;

/// The fields of a form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form and checks that it came from a page of ours.
    pub(super) async fn read(call: &mut Call) -> Result<Self, Problem> {
        let body = call.bytes(FORM_BYTES_MAX).await?;
        let form = Self(pairs(&String::from_utf8_lossy(&body)));
        if !sessions::csrf_fits(&call.who, Some(&form.get("csrf"))) {
            return Err(Problem::new(
                Kind::NotAllowed,
                "this form is too old; go back, load the page again, and send it once more",
            ));
        }
        Ok(form)
    }

    /// A field, cleaned of what nobody can see; empty where it is not there.
    pub(super) fn get(&self, name: &str) -> String {
        self.first(|known, _| known == name)
    }

    /// The first of several fields of that name that holds anything.
    pub(super) fn any(&self, name: &str) -> String {
        self.first(|known, value| known == name && !value.is_empty())
    }

    fn first(&self, wanted: impl Fn(&str, &str) -> bool) -> String {
        let value = self.0.iter().find(|(name, value)| wanted(name, value)).map(|(_, value)| value.as_str());
        clean_words(value.unwrap_or_default()).trim().chars().take(TEXT_CHARS_MAX).collect()
    }
}

/// Sends an event; a refusal of the core comes back as its words.
pub(super) async fn submit(call: &Call, event: Event) -> Result<Result<Answer, String>, Problem> {
    match call.app.door.submit_one(event).await.map_err(Problem::door)? {
        Answer::Refused(why) => Ok(Err(why)),
        answer => Ok(Ok(answer)),
    }
}

fn to_incident(answer: &Answer, fallback: Option<IncidentId>) -> Response {
    let of_answer = match answer {
        Answer::Incident(id) => Some(*id),
        _ => None,
    };
    redirect(&of_answer.or(fallback).map_or_else(|| "/incidents".to_owned(), |id| format!("/incidents/{id}")))
}

/// `POST /incidents`: opens one, or activates a playbook on a new one.
pub(super) async fn open_incident(mut call: Call) -> Result<Response, Problem> {
    let form = Form::read(&mut call).await?;
    let mut open = OpenForm {
        title: Field::of(clean_line(&form.get("title")).into_owned()),
        playbook: Field::of(form.get("playbook")),
        severity: Field::of(form.get("severity")),
        reason: Field::of(form.get("reason")),
    };
    let severity = open.severity.value.parse::<u8>().ok().and_then(|number| Severity::try_from(number).ok());
    let without_playbook = open.playbook.value.is_empty();
    if open.reason.value.is_empty() {
        open.reason.error = Some("Say why: it stands in the log".into());
    }
    if without_playbook && open.title.value.is_empty() {
        open.title.error = Some("Say what it is about, or choose a playbook".into());
    }
    if without_playbook && severity.is_none() {
        open.severity.error = Some("Choose how bad it is".into());
    }
    if open.reason.error.is_none() && open.title.error.is_none() && open.severity.error.is_none() {
        let words = format!("{}\n{}", open.title.value, open.reason.value);
        let (reason, by) = (call.app.seal(words.trim()), call.who.author());
        let event = if without_playbook {
            let severity = severity.unwrap_or(Severity::Wake);
            let topic = topic_of(&call, &open.title.value);
            Event::IncidentOpened { topic, severity, place: None, exercise: false, by, reason }
        } else {
            let playbook = PlaybookId::new(open.playbook.value.as_str());
            Event::PlaybookActivated { incident: None, playbook, by, reason, exercise: false }
        };
        match submit(&call, event).await? {
            Ok(answer) => return Ok(to_incident(&answer, None)),
            Err(why) => open.playbook.error = Some(why),
        }
    }
    Ok(incidents_again(&call, |page| page.open_form = open))
}

/// The topic of a typed title: what the keyword rules find in it, else a topic of that very name, else `other`. The
/// words themselves are details and stand in the reason.
fn topic_of(call: &Call, title: &str) -> Tag {
    let view = call.app.view();
    let keywords = view.policy.in_force.as_ref().map(|policy| &policy.keywords);
    let found = keywords.and_then(|keywords| keywords.classify(title).into_iter().next());
    let slug = to_slug(title);
    let known = keywords.is_some_and(|keywords| keywords.tags().any(|tag| tag.as_str() == slug));
    match (found, known && is_slug(&slug)) {
        (Some(found), _) => found.tag,
        (None, true) => Tag::from(slug.as_str()),
        (None, false) => Tag::from("other"),
    }
}

fn incidents_again(call: &Call, change: impl FnOnce(&mut IncidentsPage)) -> Response {
    let page = with_scene(call, |scene, chrome| {
        let mut page = show::incidents(scene);
        change(&mut page);
        pages::incidents(chrome, &page)
    });
    html(StatusCode::UNPROCESSABLE_ENTITY, page)
}

/// `POST /warnings`.
pub(super) async fn enter_warning(mut call: Call) -> Result<Response, Problem> {
    let form = Form::read(&mut call).await?;
    let field = |name: &str| Field::of(clean_line(&form.get(name)).into_owned());
    let mut typed = WarningForm {
        source: field("source"),
        kind: field("kind"),
        level: field("level"),
        from: field("from"),
        to: field("to"),
        area: field("area"),
    };
    let level = match typed.level.value.as_str() {
        "yellow" => Some(WarningLevel::Yellow),
        "amber" => Some(WarningLevel::Amber),
        "red" => Some(WarningLevel::Red),
        _ => None,
    };
    let zone = &call.app.desk.zone;
    let from = local_instant(&typed.from.value, zone).or(typed.from.value.is_empty().then(|| call.app.clock.now()));
    let to = local_instant(&typed.to.value, zone);
    for (wrong, field, words) in [
        (typed.source.value.is_empty(), &mut typed.source, "Choose who gave the warning"),
        (typed.kind.value.is_empty(), &mut typed.kind, "Say what of, e.g. rain"),
        (level.is_none(), &mut typed.level, "Choose the level"),
        (from.is_none(), &mut typed.from, "Write the time as 2026-11-22 20:00"),
        (to.is_none(), &mut typed.to, "Write the time as 2026-11-23 06:00"),
        (typed.area.value.is_empty(), &mut typed.area, "Say where"),
    ] {
        if wrong {
            field.error = Some(words.into());
        }
    }
    if let (Some(level), Some(from), Some(to), false) =
        (level, from, to, typed.source.value.is_empty() || typed.kind.value.is_empty() || typed.area.value.is_empty())
    {
        let warning = Warning {
            source: to_slug(&typed.source.value),
            kind: to_slug(&typed.kind.value),
            level,
            from: to_millis(from),
            to: to_millis(to),
            area: typed.area.value.chars().take(200).collect(),
        };
        match submit(&call, Event::WarningEntered { warning, by: call.who.author(), sealed: None }).await? {
            Ok(_) => return Ok(redirect("/incidents")),
            Err(why) => typed.to.error = Some(why),
        }
    }
    Ok(incidents_again(&call, |page| page.warning_form = typed))
}

/// `POST /incidents/ID/entries`.
pub(super) async fn write_entry(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let form = Form::read(&mut call).await?;
    let chosen = form.get("kind");
    let kind = match chosen.as_str() {
        "decision" => EntryKind::Decision,
        "action" => EntryKind::Action,
        _ => EntryKind::Information,
    };
    let mut words = EntryWords { text: form.get("text"), ..EntryWords::default() };
    let mut missing = "Write something first";
    match chosen.as_str() {
        "decision" => {
            words.why = form.get("why");
            words.options = form.get("options");
            words.information = form.get("information");
        }
        "methane" => {
            missing = "Fill in one heading at least";
            words.text = super::methane::words(|name| form.get(name)).unwrap_or_default();
        }
        "sitrep" if !words.text.is_empty() => words.text = format!("Situation report\n{}", words.text),
        _ => {}
    }
    let refused = if words.text.is_empty() {
        missing.to_owned()
    } else {
        let text = call.app.seal_entry(&words);
        let event = Event::EntryWritten { incident, entry: Box::new(Entry::of(kind)), by: call.who.author(), text };
        match submit(&call, event).await? {
            Ok(_) => return Ok(redirect(&format!("/incidents/{incident}"))),
            Err(why) => why,
        }
    };
    let typed = EntryForm {
        kind: chosen,
        text: Field::wrong(form.get("text"), refused),
        why: words.why,
        options: words.options,
        information: words.information,
    };
    incident_again(&call, incident, |page| page.entry_form = typed)
}

pub(super) fn incident_again(
    call: &Call,
    id: IncidentId,
    change: impl FnOnce(&mut crate::web::view::IncidentPage),
) -> Result<Response, Problem> {
    let page = with_scene(call, |scene, chrome| {
        let mut page = show::incident(scene, id, "")?;
        change(&mut page);
        Some(pages::incident(chrome, &page))
    });
    page.map(|page| html(StatusCode::UNPROCESSABLE_ENTITY, page)).ok_or_else(|| no_incident(id))
}

/// `POST /incidents/ID/activate`.
pub(super) async fn activate(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let form = Form::read(&mut call).await?;
    let reason = match form.get("reason") {
        reason if reason.is_empty() => "Activated in the incident room.".to_owned(),
        reason => reason,
    };
    let event = Event::PlaybookActivated {
        incident: Some(incident),
        playbook: PlaybookId::new(form.get("playbook")),
        by: call.who.author(),
        reason: call.app.seal(&reason),
        exercise: false,
    };
    match submit(&call, event).await? {
        Ok(answer) => Ok(to_incident(&answer, Some(incident))),
        Err(why) => Err(Problem::new(Kind::BadRequest, why)),
    }
}

/// `POST /incidents/ID/tasks/TASK`.
pub(super) async fn move_task(mut call: Call) -> Result<Response, Problem> {
    let (incident, task): (IncidentId, TaskId) = (call.id(0)?, call.id(1)?);
    let form = Form::read(&mut call).await?;
    let to = match form.get("done").as_str() {
        "0" => TaskState::Open,
        "not" => TaskState::NotDone,
        _ => TaskState::Done,
    };
    let because = form.get("because");
    if to == TaskState::NotDone && because.is_empty() {
        return Err(Problem::new(Kind::BadRequest, "say why it will not be done: it stands in the log"));
    }
    let by = call.who.author();
    let mut events = vec![Event::TaskMoved { task, to, by: by.clone() }];
    if to == TaskState::NotDone {
        let title = call.app.view().incidents.tasks.get(&task).map(|task| task.title.clone()).unwrap_or_default();
        let words = EntryWords { text: format!("Not done: {title}"), why: because, ..EntryWords::default() };
        let (entry, text) = (Box::new(Entry::of(EntryKind::Decision)), call.app.seal_entry(&words));
        events.push(Event::EntryWritten { incident, entry, by, text });
    }
    match call.app.door.submit(events).await.map_err(Problem::door)?.swap_remove(0) {
        Answer::Refused(why) => Err(Problem::new(Kind::BadRequest, why)),
        answer => Ok(to_incident(&answer, Some(incident))),
    }
}

/// `POST /incidents/ID/stand-down`.
pub(super) async fn stand_down(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let form = Form::read(&mut call).await?;
    let reason = form.get("reason");
    let refused = if reason.is_empty() {
        "Say why: it stands in the log".to_owned()
    } else {
        let event = Event::StoodDown { incident, by: call.who.author(), reason: call.app.seal(&reason) };
        match submit(&call, event).await? {
            Ok(_) => return Ok(redirect(&format!("/incidents/{incident}"))),
            Err(why) => why,
        }
    };
    incident_again(&call, incident, |page| page.stand_down.reason = Field::wrong(reason, refused))
}
