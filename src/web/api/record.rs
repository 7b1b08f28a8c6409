//! The keeping of the record: its signed head, copies of it, erasures and legal holds.

use super::form::{Form, WORDS_MAX};
use super::{json, submit, unexpected};
use crate::domain::event::{Answer, Event};
use crate::domain::id::{ContactId, IncidentId, Seq};
use crate::domain::keeping::EVERYTHING;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::json as value;
use warp::http::StatusCode;
use warp::reply::Response;

/// What a reason should say.
const REASON: &str = "say why: it is in the record";

/// `GET /api/v1/record`.
pub fn head(call: &Call) -> Response {
    let view = call.app.view();
    let keeping = &view.keeping;
    json(
        StatusCode::OK,
        &value!({
            "last": view.head, "head": keeping.head, "mailed": keeping.mailed,
            "holds": keeping.holds.iter().map(|(seq, hold)| value!({ "hold": seq, "on": hold.on, "by": hold.by })).collect::<Vec<_>>(),
            "asked": keeping.asked.iter().map(|(seq, asked)| value!({ "entry": seq, "subject": asked.subject, "by": asked.by, "at": asked.at })).collect::<Vec<_>>(),
            "erased": keeping.erased.len(),
        }),
    )
}

/// `POST /api/v1/record/exports`: says that a copy is being taken; the copy itself is made by the command line.
pub async fn export(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let profile = form.needed("profile", 20, "one of public, foi, police, full");
    let selection = form.needed("selection", 2_000, "which part, e.g. \"whole\" or \"INC-42\"");
    let why = form.needed("why", WORDS_MAX, REASON);
    form.finish()?;
    let event = Event::LogExported { profile, selection, by: call.who.author(), why: call.app.seal(&why) };
    entry(submit(&call.app, event).await?)
}

/// `POST /api/v1/record/erasures`.
pub async fn erase(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let subject = form.needed("subject", 40, "a contact, e.g. C-20418, or an incident, e.g. INC-42");
    let why = form.needed("why", WORDS_MAX, REASON);
    if !subject.is_empty() && subject.parse::<ContactId>().is_err() && subject.parse::<IncidentId>().is_err() {
        form.fault("subject", "this is neither a contact nor an incident", "e.g. C-20418 or INC-42");
    }
    form.finish()?;
    let (records, of) = (call.app.door.records(), subject.clone());
    let covered = tokio::task::spawn_blocking(move || records.covered(&of)).await.map_err(|_| unexpected())?;
    let covered = covered.map_err(|why| Problem::new(Kind::Defect, format!("the details cannot be read: {why}")))?;
    let event = Event::ErasureAsked {
        subject,
        of: covered.of,
        seqs: covered.seqs,
        incident_texts: covered.incident_texts,
        by: call.who.author(),
        why: call.app.seal(&why),
    };
    match submit(&call.app, event).await? {
        Answer::Erasure { entry, erased_n } => {
            let status = if erased_n > 0 { StatusCode::OK } else { StatusCode::ACCEPTED };
            Ok(json(status, &value!({ "entry": entry, "erased": erased_n })))
        }
        _ => Err(unexpected()),
    }
}

/// `POST /api/v1/record/holds`.
pub async fn hold(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let on = form.needed("on", 40, "a contact, an incident, or \"everything\"");
    let why = form.needed("why", WORDS_MAX, REASON);
    if !on.is_empty() && on != EVERYTHING && on.parse::<ContactId>().is_err() && on.parse::<IncidentId>().is_err() {
        form.fault("on", "this cannot be held", "e.g. C-20418, INC-42 or everything");
    }
    form.finish()?;
    entry(submit(&call.app, Event::HoldPlaced { on, by: call.who.author(), why: call.app.seal(&why) }).await?)
}

/// `POST /api/v1/record/holds/{hold}/lift`.
pub async fn lift(mut call: Call) -> Result<Response, Problem> {
    let hold = call.params.first().and_then(|seq| seq.parse().ok()).map(Seq);
    let hold = hold.ok_or_else(|| Problem::new(Kind::NotFound, "a hold is named by the number of its entry"))?;
    let mut form = Form::read(&mut call).await?;
    let why = form.needed("why", WORDS_MAX, REASON);
    form.finish()?;
    entry(submit(&call.app, Event::HoldLifted { hold, by: call.who.author(), why: call.app.seal(&why) }).await?)
}

fn entry(answer: Answer) -> Result<Response, Problem> {
    match answer {
        Answer::Entry(seq) => Ok(json(StatusCode::CREATED, &value!({ "entry": seq }))),
        _ => Err(unexpected()),
    }
}
