//! `POST /api/v1/contacts`: the way in for other systems.
//!
//! The answer 201 is given only when the contact is durable. Sent again under the same key, it is answered the same
//! and counted once.

use super::{json, unexpected};
use crate::domain::contact::{Channel, Receipt};
use crate::domain::event::Answer;
use crate::domain::id::{BodyId, ContactId, IncidentId, StreamId};
use crate::incoming::{Fault, Sending, Shape, idempotency_key};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::HeaderValue;
use warp::reply::Response;

/// Says that all of the answer was known already.
pub const REPLAYED_HEADER: &str = "idempotent-replay";

/// What became of one contact.
#[derive(Serialize)]
struct Taken {
    id: ContactId,
    responsible_body: Option<BodyId>,
    counted_towards: Vec<StreamId>,
    incident: Option<IncidentId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<Fault>,
}

#[derive(Serialize)]
struct AllTaken {
    contacts: Vec<Taken>,
    /// How many were known already; for history alone, since an answer is otherwise the same however often it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<usize>,
}

/// Takes the contacts of a body.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let lines = match call.content_type().as_deref() {
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => true,
        Some("application/json") | None => false,
        Some(_) => {
            let detail = "send application/json (an object or an array) or application/x-ndjson (one object to a line)";
            return Err(Problem::new(Kind::MediaType, detail));
        }
    };
    let key = match call.header("idempotency-key") {
        Some(header) => Some(idempotency_key(header).map_err(|why| Problem::new(Kind::BadRequest, why))?.to_owned()),
        None if call.headers.contains_key("idempotency-key") => {
            return Err(Problem::new(Kind::BadRequest, "Idempotency-Key should be visible ASCII characters"));
        }
        None => None,
    };
    let history = match call.query_value("history").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::new(Kind::BadRequest, "history is true or false")),
    };
    // A batch announces itself by its type or its first byte; until then the larger limit holds.
    let (one_max, batch_max) = (call.app.limits.body_bytes_max, call.app.limits.batch_bytes_max);
    let body = call.bytes(batch_max).await?;
    let app = &call.app;
    let sending = Sending { sender: &call.who.name, idempotency_key: key.as_deref(), history, lines };
    let (shape, parsed) = app.intake.read(&body, &sending).map_err(Problem::refused)?;
    if shape == Shape::One && body.len() > one_max {
        return Err(Problem::new(Kind::TooLarge, format!("one contact has at most {} KiB", one_max / 1024)));
    }
    let (mut events, mut kept): (Vec<_>, Vec<(Channel, Vec<Fault>)>) = (Vec::new(), Vec::new());
    for mut one in parsed {
        kept.push((one.contact.channel, std::mem::take(&mut one.doubts)));
        events.push(one.into_event(app.salt()));
    }
    let answers = app.door.submit(events).await.map_err(Problem::door)?;
    let (mut contacts, mut replayed_n) = (Vec::with_capacity(answers.len()), 0);
    for (answer, (channel, doubts)) in answers.into_iter().zip(kept) {
        let Answer::Contact { receipt, replay } = answer else { return Err(unexpected()) };
        if replay {
            replayed_n += 1;
        } else {
            app.took(channel);
        }
        let Receipt { id, body, counted, incident } = receipt;
        contacts.push(Taken { id, responsible_body: body, counted_towards: counted, incident, doubts });
    }
    let (all_replayed, replayed) = (replayed_n == contacts.len(), history.then_some(replayed_n));
    let mut response = match (shape, contacts.pop()) {
        (Shape::One, Some(only)) => json(StatusCode::CREATED, &only),
        (Shape::Many, last) => {
            contacts.extend(last);
            json(StatusCode::CREATED, &AllTaken { contacts, replayed })
        }
        (Shape::One, None) => return Err(unexpected()),
    };
    if all_replayed {
        response.headers_mut().insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    }
    Ok(response)
}
