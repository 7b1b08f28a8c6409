//! Logging a contact: the form, the answer about a place while it is typed, and the logging itself, which goes the
//! same way as the API's.

use super::forms::Form;
use super::{Named, html, place, redirect, script, with_scene};
use crate::domain::contact::Channel;
use crate::domain::event::{Answer, Event, Mark};
use crate::domain::id::{ContactId, PlaybookId};
use crate::domain::place::Located;
use crate::domain::telling::readable;
use crate::domain::time::{SignedDuration, Timestamp, after, elapsed};
use crate::incoming::{Refused, Sending};
use crate::web::call::Call;
use crate::web::pages;
use crate::web::problem::{Kind, Problem};
use crate::web::view::{Choice, ContactForm, Field, LogAnswer, Logged};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

/// How long a call may have waited in a browser that could not reach us, and still count at the time it was taken.
const WAITED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// `GET /contacts/new`.
pub(super) fn form(call: &Call) -> Response {
    let mut page = empty(call);
    let logged = call.query_value("logged").and_then(|id| id.parse::<ContactId>().ok());
    page.logged = logged.and_then(|id| was_logged(call, id));
    page.undone = call.query_value("undone").and_then(|id| id.parse::<ContactId>().ok()).map(|id| id.to_string());
    draw(call, StatusCode::OK, page)
}

/// The strip about a contact that was just logged: from the newest ones, so that a page loaded again says it again and
/// logs nothing.
fn was_logged(call: &Call, id: ContactId) -> Option<Logged> {
    let view = call.app.view();
    let contact = view.tally.recent.iter().rev().find(|contact| contact.id == id)?;
    let topics = contact.tags.iter().map(|tag| readable(tag.as_str()).to_lowercase());
    Some(Logged {
        id: id.to_string(),
        body: match &contact.body {
            Some(body) => place::name_of(call, body),
            None => "Responsible body not known: the desk finds out".into(),
        },
        counted: topics.chain(["all contacts".to_owned()]).collect(),
        incident: contact.incident.map(|id| Choice::new(format!("/incidents/{id}"), id.to_string())),
    })
}

fn draw(call: &Call, status: StatusCode, page: ContactForm) -> Response {
    html(status, with_scene(call, |_, chrome| pages::contact(chrome, &page)))
}

/// The empty form.
fn empty(call: &Call) -> ContactForm {
    let view = call.app.view();
    let key: [u8; 16] = call.app.salt();
    ContactForm {
        key: crate::domain::event::hex(&key),
        hot: script::hot(&view, call.app.clock.now(), &call.app.desk.zone),
        topics: script::topics(&view),
        channels: Channel::ALL.iter().map(|c| Choice::new(c.as_str(), readable(c.as_str()))).collect(),
        channel: Field::of(Channel::Phone.as_str()),
        promises: PROMISES.iter().map(|(minutes, words)| Choice::new(*minutes, *words)).collect(),
        say: script::say(&view, None),
        effects: with_scene(call, |scene, _| script::effects(scene, None)),
        extent_m: call.app.desk.extent_m,
        ..ContactForm::default()
    }
}

/// What a caller can be promised: minutes, and the words.
const PROMISES: [(&str, &str); 6] = [
    ("", "Nothing promised"),
    ("30", "Within 30 minutes"),
    ("60", "Within 1 hour"),
    ("120", "Within 2 hours"),
    ("240", "Within 4 hours"),
    ("1440", "By this time tomorrow"),
];

/// `POST /contacts`.
pub(super) async fn log(mut call: Call) -> Result<Response, Problem> {
    let form = Form::read(&mut call).await?;
    let mut page = typed(&call, &form);
    if form.get("do") == "find" {
        let land = place::about(&call, page.place.value.trim(), page.topic.value.trim());
        if !land.problem.is_empty() {
            page.place.error = Some(land.problem.clone());
        }
        page.land = Some(land);
        return Ok(draw(&call, StatusCode::OK, page));
    }
    if page.topic.value.is_empty() {
        page.topic.error = Some("Say what it is about: a topic of the list, or the caller's own words".into());
        return Ok(again(&call, StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    let named = (call.app.desk.find)(page.place.value.trim());
    let (body, tags, located) = contact_of(&call, &page, &named, taken_at(&call, &form.get("taken_at")));
    let sending = Sending { sender: "console", idempotency_key: None, history: false, lines: false };
    let read = call.app.intake.read(body.to_string().as_bytes(), &sending);
    let parsed = match read {
        Ok((_, parsed)) => parsed,
        Err(Refused::NotJson(faults) | Refused::Fields { faults, .. }) => {
            for fault in faults {
                put_fault(&mut page, &fault.pointer, format!("{}: {}", fault.problem, fault.remedy));
            }
            return Ok(again(&call, StatusCode::UNPROCESSABLE_ENTITY, page));
        }
    };
    let mut events: Vec<Event> = parsed.into_iter().map(|parsed| parsed.into_event(call.app.salt())).collect();
    if let Some(located) = located {
        // The middle of a street is not where it is: whose land it is must not be read off it as if it were.
        for event in &mut events {
            if let Event::ContactReceived { contact, .. } = event {
                contact.body = call.app.land.body(located);
            }
        }
    }
    if page.danger {
        events.extend(danger(&call, &tags));
    }
    let answers = match call.app.door.submit(events).await {
        Ok(answers) => answers,
        Err(error) => {
            // Nothing that was typed is lost: the form comes back as it was.
            page.problem = Some(error.to_string());
            return Ok(again(&call, StatusCode::SERVICE_UNAVAILABLE, page));
        }
    };
    let id = answers.into_iter().find_map(|answer| match answer {
        Answer::Contact { receipt, .. } => Some(receipt.id),
        _ => None,
    });
    if let Some(id) = id {
        // The contact is safe by now. Sent again under the same key, it is marked the same, once.
        let marks = marks(&call, &page, id);
        let _ = call.app.door.submit(marks).await.map_err(Problem::door)?;
    }
    if wants_json(&call) {
        let logged = id.and_then(|id| was_logged(&call, id));
        return Ok(super::json(&LogAnswer { logged, ..LogAnswer::default() }));
    }
    Ok(redirect(&id.map_or_else(|| "/contacts/new".to_owned(), |id| format!("/contacts/new?logged={id}"))))
}

/// The form as it was typed.
fn typed(call: &Call, form: &Form) -> ContactForm {
    let field = |name: &str| Field::of(form.get(name));
    let page = empty(call);
    ContactForm {
        key: Some(form.get("key")).filter(|key| !key.is_empty()).unwrap_or_else(|| page.key.clone()),
        topic: field("topic"),
        place: field("place"),
        note: field("note"),
        danger: form.get("danger") == "1",
        channel: Field::of(match form.get("channel") {
            channel if channel.is_empty() => "phone".to_owned(),
            channel => channel,
        }),
        caller_name: field("caller_name"),
        caller_phone: field("caller_phone"),
        caller_email: field("caller_email"),
        needs: field("needs"),
        promise: field("promise"),
        vulnerable: form.get("vulnerable") == "1",
        same_as: form.any("same_as"),
        ..page
    }
}

/// What intake found wrong, put to the field that it is about.
fn put_fault(page: &mut ContactForm, pointer: &str, words: String) {
    match pointer {
        pointer if pointer.starts_with("/caller/name") => page.caller_name.error = Some(words),
        pointer if pointer.starts_with("/caller/phone") => page.caller_phone.error = Some(words),
        pointer if pointer.starts_with("/caller/email") => page.caller_email.error = Some(words),
        pointer if pointer.starts_with("/needs") => page.needs.error = Some(words),
        pointer if pointer.starts_with("/channel") => page.channel.error = Some(words),
        pointer if pointer.starts_with("/text") => page.note.error = Some(words),
        "/easting" | "/northing" | "/grid_ref" | "/lat" | "/lon" | "/place_text" => page.place.error = Some(words),
        _ => page.problem = Some(words),
    }
}

/// A script is told what is wrong; a browser without scripts gets the form as it was typed.
fn again(call: &Call, status: StatusCode, page: ContactForm) -> Response {
    if !wants_json(call) {
        return draw(call, status, page);
    }
    let problems = page.problems();
    let mut response = super::json(&LogAnswer { problems, ..LogAnswer::default() });
    *response.status_mut() = status;
    response
}

fn wants_json(call: &Call) -> bool {
    call.header("accept").is_some_and(|accept| accept.contains("application/json"))
}

/// When the call was taken, where it waited in a browser that could not reach us.
fn taken_at(call: &Call, given: &str) -> Option<Timestamp> {
    let at: Timestamp = given.parse().ok()?;
    let now = call.app.clock.now();
    (at <= now && elapsed(at, now) <= WAITED_MAX).then_some(at)
}

/// What the form says of the contact beside what it is.
fn marks(call: &Call, page: &ContactForm, contact: ContactId) -> Vec<Event> {
    let by = call.who.author();
    let same = page.same_as.parse().ok().map(Mark::SameAs);
    let minutes = page.promise.value.parse::<i64>().ok().filter(|minutes| (1..=10_080).contains(minutes));
    let received = call.app.view().tally.recent(contact).map(|contact| contact.received_at);
    let promised =
        minutes.zip(received).map(|(minutes, at)| Mark::Promised(after(at, SignedDuration::from_mins(minutes))));
    let event = |mark| Event::ContactMarked { contact, mark, by: by.clone() };
    same.into_iter().chain(promised).map(event).collect()
}

/// `POST /contacts/ID/undo`: logged by mistake.
pub(super) async fn undo(mut call: Call) -> Result<Response, Problem> {
    let contact: ContactId = call.id(0)?;
    Form::read(&mut call).await?;
    let event = Event::ContactMarked { contact, mark: Mark::Withdrawn, by: call.who.author() };
    match call.app.door.submit_one(event).await.map_err(Problem::door)? {
        Answer::Refused(why) => Err(Problem::new(Kind::BadRequest, why)),
        _ if wants_json(&call) => Ok(super::json(&LogAnswer::default())),
        _ => Ok(redirect(&format!("/contacts/new?undone={contact}"))),
    }
}

/// The contact as the API would be sent it, its topics, and the place as it was understood.
fn contact_of(
    call: &Call,
    page: &ContactForm,
    named: &[Named],
    taken: Option<Timestamp>,
) -> (Value, Vec<String>, Option<Located>) {
    let view = call.app.view();
    let titled = script::tag_of(&view, page.topic.value.trim()).map(|tag| tag.as_str().to_owned());
    let mut tags: Vec<String> = titled.clone().into_iter().collect();
    if page.danger {
        tags.push(script::DANGER.to_owned());
    }
    // Words that are no topic of the list are the caller's own.
    let own = if titled.is_some() { "" } else { page.topic.value.as_str() };
    let text =
        [own, page.note.value.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ");
    let mut contact = json!({
        "source": "console",
        "source_id": page.key,
        "channel": page.channel.value,
        "tags": tags,
        "vulnerable": page.vulnerable,
        "caller": { "name": page.caller_name.value, "phone": page.caller_phone.value, "email": page.caller_email.value },
    });
    let fields = contact.as_object_mut().expect("made as an object just above");
    let caller = fields["caller"].as_object_mut().expect("made as an object just above");
    caller.retain(|_, value| value.as_str() != Some(""));
    if caller.is_empty() {
        fields.remove("caller");
    }
    if !text.is_empty() {
        fields.insert("text".into(), json!(text));
    }
    if !page.needs.value.is_empty() {
        let needs: Vec<&str> = page.needs.value.split(',').map(str::trim).filter(|need| !need.is_empty()).collect();
        fields.insert("needs".into(), json!(needs));
    }
    if let Some(taken) = taken {
        fields.insert("received_at".into(), json!(taken.to_string()));
    }
    let typed = page.place.value.trim();
    let mut place = None;
    if !typed.is_empty() {
        match place::locate(call, typed, named) {
            Ok(place::Understood { located, .. }) => {
                fields.insert("easting".into(), json!(located.point.easting()));
                fields.insert("northing".into(), json!(located.point.northing()));
                place = Some(located);
            }
            Err(_) => {
                fields.insert("place_text".into(), json!(typed));
            }
        }
    }
    (contact, tags, place)
}

/// Danger to life: the playbook about the topic is activated at once, in the advisor's name.
fn danger(call: &Call, tags: &[String]) -> Option<Event> {
    let view = call.app.view();
    let policy = view.policy.in_force.as_ref()?;
    let about = |id: &&PlaybookId| tags.iter().any(|tag| policy.playbooks[*id].topic().as_str() == tag);
    let playbook = policy.playbooks.keys().find(about)?.clone();
    Some(Event::PlaybookActivated {
        incident: None,
        playbook,
        by: call.who.author(),
        reason: call.app.seal("Danger to life, said by a caller."),
        exercise: false,
    })
}
