//! Logging a contact: the form, the answer about a place while it is typed, and the logging itself, which goes the
//! same way as the API's.

use super::forms::Form;
use super::{Named, grid_ref, html, redirect, with_scene};
use crate::domain::contact::Channel;
use crate::domain::event::{Answer, Event};
use crate::domain::id::{ContactId, PlaybookId, Tag};
use crate::domain::ownership::{Asked, Confidence};
use crate::domain::place::{Given, Located, parse_place};
use crate::domain::playbook::Step;
use crate::domain::policy::Policy;
use crate::domain::telling::readable;
use crate::domain::time::{SignedDuration, after, elapsed, in_words};
use crate::incoming::{Refused, Sending};
use crate::web::call::Call;
use crate::web::pages;
use crate::web::problem::Problem;
use crate::web::view::{
    Badge, Choice, ContactForm, Field, HotTopic, LandReply, Logged, NearbyReport, Owner, Place, PlaceMatch, SayLine,
    Tone, Topic,
};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

/// Topics on Alt 1 to Alt 6.
const HOT_MAX: usize = 6;
/// How near a report must be to be "here", metres.
const NEARBY_M: f64 = 100.0;
/// How old it may be.
const NEARBY_SINCE: SignedDuration = SignedDuration::from_hours(6);
/// How many are listed.
const NEARBY_MAX: usize = 5;

/// `GET /contacts/new`.
pub(super) fn form(call: &Call) -> Response {
    let mut page = empty(call);
    let logged = call.query_value("logged").and_then(|id| id.parse::<ContactId>().ok());
    page.logged = logged.and_then(|id| was_logged(call, id));
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
            Some(body) => readable(body.as_str()),
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
    let policy = view.policy.in_force.as_deref();
    let topics: Vec<Topic> = policy.map_or_else(Vec::new, |policy| {
        policy.keywords.titles().map(|(_, title)| Topic { value: title.to_owned(), note: String::new() }).collect()
    });
    let open = view.incidents.open().filter(|incident| !incident.exercise).max_by_key(|incident| incident.id);
    let key: [u8; 16] = call.app.salt();
    ContactForm {
        key: crate::domain::event::hex(&key),
        hot: topics.iter().take(HOT_MAX).map(|t| HotTopic { label: t.value.clone(), value: t.value.clone() }).collect(),
        topics,
        channels: Channel::ALL.iter().map(|c| Choice::new(c.as_str(), readable(c.as_str()))).collect(),
        channel: Field::of(Channel::Phone.as_str()),
        say: open.map_or_else(Vec::new, |incident| say(&view, policy, &incident.topic)),
        effects: match open {
            Some(incident) => vec![
                format!("Counts towards {} and its map", incident.id),
                "No new page for what somebody has already".into(),
            ],
            None => vec!["Counts towards its topic; enough of them raise a signal".into()],
        },
        extent_m: call.app.desk.extent_m,
        reports_href: open.map(|incident| format!("/incidents/{}/map.json", incident.id)).unwrap_or_default(),
        ..ContactForm::default()
    }
}

/// What the playbooks about a topic say to callers: those in force for it first.
fn say(view: &crate::domain::state::View, policy: Option<&Policy>, topic: &Tag) -> Vec<SayLine> {
    let active = view.incidents.open().find(|incident| incident.topic == *topic).and_then(|incident| {
        let (id, activation) = incident.activations.iter().next()?;
        view.policy.playbooks.get(&(id.clone(), activation.version.clone()))
    });
    let playbook = active.or_else(|| policy?.playbooks.values().find(|playbook| playbook.topic() == *topic));
    playbook
        .iter()
        .flat_map(|playbook| &playbook.steps)
        .filter_map(|step| match step {
            Step::Say { text } => Some(SayLine { words: text.clone(), then: String::new() }),
            Step::Page { .. } | Step::Task { .. } => None,
        })
        .collect()
}

/// `GET /land?q=`: whose land a typed place is on, while it is typed.
pub(super) fn land(call: &Call) -> LandReply {
    let typed = call.query_value("q").unwrap_or_default();
    let typed = typed.trim();
    let named = (call.app.desk.find)(typed);
    match locate(call, typed, &named) {
        Ok((located, reading, label)) => about(call, located, &reading, &label, &named),
        Err(problem) => LandReply {
            problem: if named.is_empty() { problem } else { String::new() },
            matches: matches(&named),
            ..LandReply::default()
        },
    }
}

fn matches(named: &[Named]) -> Vec<PlaceMatch> {
    named.iter().map(|named| PlaceMatch { text: named.text.clone(), note: named.note.clone() }).collect()
}

/// A typed place: in one of the written forms, or by its name.
fn locate(call: &Call, typed: &str, named: &[Named]) -> Result<(Located, String, String), String> {
    match parse_place(typed) {
        Ok(Given::Grid(located)) => {
            let reading = if typed.chars().any(char::is_alphabetic) { "grid reference" } else { "easting, northing" };
            Ok((located, reading.into(), String::new()))
        }
        Ok(Given::Degrees(degrees, uncertainty_m)) => call
            .app
            .land
            .to_grid(degrees)
            .map(|point| {
                (Located::new(point, uncertainty_m).from_degrees(), "latitude, longitude".into(), String::new())
            })
            .ok_or_else(|| "that is outside Great Britain".into()),
        Err(error) => match named.iter().find(|named| named.text.eq_ignore_ascii_case(typed)) {
            Some(named) => Ok((named.place, "place by name".into(), named.text.clone())),
            None => Err(error.to_string()),
        },
    }
}

fn about(call: &Call, located: Located, reading: &str, label: &str, named: &[Named]) -> LandReply {
    let view = call.app.view();
    let now = call.app.clock.now();
    let answer = call.app.land.ask(&Asked { on: Some(call.app.today()), ..Asked::at(located) });
    let body_words = |id: &crate::domain::id::BodyId| readable(id.as_str());
    let mut nearby: Vec<(f64, NearbyReport)> = view
        .tally
        .recent
        .iter()
        .rev()
        .take_while(|contact| contact.received_at > after(now, -NEARBY_SINCE))
        .filter_map(|contact| {
            let metres = contact.place?.distance_m(located.point);
            let topics = contact.tags.iter().map(|tag| readable(tag.as_str())).collect::<Vec<_>>().join(", ");
            let ago = in_words(SignedDuration::from_mins(elapsed(contact.received_at, now).as_mins().max(1)));
            (metres <= NEARBY_M).then(|| {
                let report = NearbyReport {
                    id: contact.id.to_string(),
                    letter: topics.chars().next().unwrap_or('?').to_string(),
                    title: topics,
                    detail: format!("{metres:.0} m away, {ago} ago"),
                };
                (metres, report)
            })
        })
        .collect();
    nearby.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    LandReply {
        place: Some(Place {
            reading: reading.to_owned(),
            label: label.to_owned(),
            grid_ref: grid_ref(located.point),
            easting_m: located.point.easting(),
            northing_m: located.point.northing(),
            sigma_m: located.uncertainty_m,
        }),
        problem: String::new(),
        matches: matches(named),
        owner: Some(Owner {
            body: match (&answer.body, answer.body_name.is_empty()) {
                (Some(_), false) => answer.body_name.clone(),
                (Some(id), true) => body_words(id),
                (None, _) => "Not known".to_owned(),
            },
            badge: match answer.confidence {
                Confidence::Confident => Badge::new(Tone::Ok, "Inside boundary"),
                Confidence::Probable => Badge::new(Tone::Warn, "Check with caller"),
                Confidence::Ask => Badge::new(Tone::Warn, "Ask the caller"),
                Confidence::Unknown => Badge::new(Tone::Warn, "Not known"),
            },
            why: answer.why,
            tell_caller: answer.tell_caller,
            raise: answer.raise,
            also: answer.also_notify.iter().map(body_words).collect(),
        }),
        say: Vec::new(),
        nearby_total: u32::try_from(nearby.len()).unwrap_or(u32::MAX),
        nearby: nearby.into_iter().take(NEARBY_MAX).map(|(_, report)| report).collect(),
    }
}

/// `POST /contacts`.
pub(super) async fn log(mut call: Call) -> Result<Response, Problem> {
    let form = Form::read(&mut call).await?;
    let mut page = ContactForm {
        topic: Field::of(form.get("topic")),
        place: Field::of(form.get("place")),
        note: Field::of(form.get("note")),
        danger: form.get("danger") == "1",
        channel: Field::of(match form.get("channel") {
            channel if channel.is_empty() => "phone".to_owned(),
            channel => channel,
        }),
        caller_name: Field::of(form.get("caller_name")),
        caller_phone: Field::of(form.get("caller_phone")),
        caller_email: Field::of(form.get("caller_email")),
        needs: Field::of(form.get("needs")),
        vulnerable: form.get("vulnerable") == "1",
        same_as: form.get("same_as"),
        ..empty(&call)
    };
    let key = form.get("key");
    if !key.is_empty() {
        page.key = key;
    }
    let named = (call.app.desk.find)(page.place.value.trim());
    if form.get("do") == "find" {
        let found = locate(&call, page.place.value.trim(), &named);
        match found {
            Ok((located, reading, label)) => page.land = Some(about(&call, located, &reading, &label, &named)),
            Err(problem) => page.place.error = Some(problem),
        }
        return Ok(draw(&call, StatusCode::OK, page));
    }
    if page.topic.value.is_empty() {
        page.topic.error = Some("Say what it is about: a topic of the list, or the caller's own words".into());
        return Ok(draw(&call, StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    let (body, tags) = contact_of(&call, &page, &named);
    let sending = Sending { sender: "console", idempotency_key: None, history: false, lines: false };
    let read = call.app.intake.read(body.to_string().as_bytes(), &sending);
    let parsed = match read {
        Ok((_, parsed)) => parsed,
        Err(Refused::NotJson(faults) | Refused::Fields { faults, .. }) => {
            for fault in faults {
                let words = format!("{}: {}", fault.problem, fault.remedy);
                match fault.pointer.as_str() {
                    pointer if pointer.starts_with("/caller/name") => page.caller_name.error = Some(words),
                    pointer if pointer.starts_with("/caller/phone") => page.caller_phone.error = Some(words),
                    pointer if pointer.starts_with("/caller/email") => page.caller_email.error = Some(words),
                    pointer if pointer.starts_with("/needs") => page.needs.error = Some(words),
                    pointer if pointer.starts_with("/channel") => page.channel.error = Some(words),
                    pointer if pointer.starts_with("/text") => page.note.error = Some(words),
                    "/easting" | "/northing" | "/grid_ref" | "/lat" | "/lon" | "/place_text" => {
                        page.place.error = Some(words);
                    }
                    _ => page.problem = Some(words),
                }
            }
            return Ok(draw(&call, StatusCode::UNPROCESSABLE_ENTITY, page));
        }
    };
    let mut events: Vec<Event> = parsed.into_iter().map(|parsed| parsed.into_event(call.app.salt())).collect();
    if page.danger {
        events.extend(danger(&call, &tags));
    }
    let answers = match call.app.door.submit(events).await {
        Ok(answers) => answers,
        Err(error) => {
            // Nothing that was typed is lost: the form comes back as it was.
            page.problem = Some(error.to_string());
            return Ok(draw(&call, StatusCode::SERVICE_UNAVAILABLE, page));
        }
    };
    let id = answers.into_iter().find_map(|answer| match answer {
        Answer::Contact { receipt, .. } => Some(receipt.id),
        _ => None,
    });
    Ok(redirect(&id.map_or_else(|| "/contacts/new".to_owned(), |id| format!("/contacts/new?logged={id}"))))
}

/// The contact as the API would be sent it, and its topics.
fn contact_of(call: &Call, page: &ContactForm, named: &[Named]) -> (Value, Vec<String>) {
    let view = call.app.view();
    let keywords = view.policy.in_force.as_ref().map(|policy| &policy.keywords);
    let titled = keywords
        .and_then(|keywords| keywords.titles().find(|(_, title)| title.eq_ignore_ascii_case(page.topic.value.trim())))
        .map(|(tag, _)| tag.as_str().to_owned());
    let mut tags: Vec<String> = titled.clone().into_iter().collect();
    if page.danger {
        tags.push("danger_to_life".to_owned());
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
    let typed = page.place.value.trim();
    if !typed.is_empty() {
        match locate(call, typed, named) {
            Ok((located, _, _)) => {
                fields.insert("easting".into(), json!(located.point.easting()));
                fields.insert("northing".into(), json!(located.point.northing()));
            }
            Err(_) => {
                fields.insert("place_text".into(), json!(typed));
            }
        }
    }
    let topics = tags;
    (contact, topics)
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
