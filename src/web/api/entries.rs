//! Entries of an incident's log: written, corrected by later ones, and confirmed by whoever decided.

use super::form::{Form, WORDS_MAX};
use super::{json, submit, unexpected};
use crate::domain::entry::{Confidence, Decided, Entry, EntryWords, RELIES_MAX};
use crate::domain::event::{Answer, EntryKind, Event};
use crate::domain::id::{IncidentId, PersonId, RoleId, Seq};
use crate::domain::time::Timestamp;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use warp::http::StatusCode;
use warp::reply::Response;

/// `POST .../notes`: an entry of any `kind`, `information` where it is not given.
pub async fn note(call: Call) -> Result<Response, Problem> {
    write(call, None).await
}

/// `POST .../decisions`: a decision, with why, options, information relied on, authority and time of review.
pub async fn decision(call: Call) -> Result<Response, Problem> {
    write(call, Some(EntryKind::Decision)).await
}

async fn write(mut call: Call, kind: Option<EntryKind>) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let mut form = Form::read(&mut call).await?;
    let (entry, words) = read(&mut form, kind);
    form.finish()?;
    let (by, text) = (call.who.author(), call.app.seal_entry(&words));
    match submit(&call.app, Event::EntryWritten { incident, entry: Box::new(entry), by, text }).await? {
        Answer::Entry(seq) => Ok(json(StatusCode::CREATED, &value!({ "incident": incident, "entry": seq }))),
        _ => Err(unexpected()),
    }
}

/// An entry as a form has it; what only decisions have is read for decisions only.
fn read(form: &mut Form, kind: Option<EntryKind>) -> (Entry, EntryWords) {
    let mut words =
        EntryWords { text: form.needed("text", WORDS_MAX, "write what is to be remembered"), ..EntryWords::default() };
    let kind = match kind {
        Some(kind) => kind,
        None => form.one_of("kind", &EntryKind::WRITTEN).unwrap_or(EntryKind::Information),
    };
    words.source = form.text("source", WORDS_MAX).unwrap_or_default();
    let mut entry = Entry {
        occurred_at: form.time("occurred_at"),
        role: form.name("role").map(RoleId::new),
        confidence: form.one_of("confidence", &Confidence::ALL),
        corrects: form.entries("corrects", 1).pop(),
        ..Entry::of(kind)
    };
    if kind == EntryKind::Decision {
        for name in EntryWords::OF_DECISIONS {
            if let (Some(typed), Some(field)) = (form.text(name, WORDS_MAX), words.field(name)) {
                *field = typed;
            }
        }
        entry.decided_by = form.name("decided_by").map(PersonId::new);
        entry.relies_on = form.entries("relies_on", RELIES_MAX);
        entry.review_at = form.time("review_at");
    }
    (entry, words)
}

/// `POST .../entries/{entry}/confirm`: whoever decided has read what was written down for them, and agrees.
pub async fn confirm(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let number = call.params.get(1).and_then(|number| number.parse().ok());
    let entry = number.map(Seq).ok_or_else(|| Problem::new(Kind::NotFound, "an entry has a number, e.g. 20418"))?;
    Form::read(&mut call).await?.finish()?;
    match submit(&call.app, Event::EntryConfirmed { incident, entry, by: call.who.author() }).await? {
        Answer::Entry(_) => Ok(json(StatusCode::OK, &value!({ "incident": incident, "entry": entry }))),
        _ => Err(unexpected()),
    }
}

/// The decisions of an incident, oldest first, as its page and the API show them.
pub(super) fn decisions(decisions: &BTreeMap<Seq, Decided>, now: Timestamp) -> Value {
    let shown = decisions.iter().map(|(seq, decided)| {
        value!({
            "entry": seq, "at": decided.at, "by": decided.by, "decided_by": decided.decided_by,
            "awaits_confirmation": decided.awaits_confirmation(), "confirmed_at": decided.confirmed_at,
            "review_at": decided.review_at, "due_for_review": decided.is_due_for_review(now),
            "reviewed_by": decided.reviewed_by, "corrected_by": decided.corrected_by,
        })
    });
    shown.collect()
}
