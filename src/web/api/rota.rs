//! `/api/v1/rota`: who is on call now (ids only; names and numbers stay in the console); the files in force, and a new
//! edition of them put into force, for administrators.

use super::form::Form;
use super::{json, submit, unexpected};
use crate::domain::event::{Answer, Event};
use crate::domain::person::People;
use crate::domain::policy::{Document, DocumentKind, Policy};
use crate::domain::problem::Problem as Slip;
use crate::domain::roster::{ROSTER_BYTES_MAX, Roster};
use crate::domain::rota::difference::{Difference, between};
use crate::domain::rota::span::Span;
use crate::domain::time::{SignedDuration, Timestamp, after};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Value, json as value};
use std::sync::Arc;
use warp::http::StatusCode;
use warp::reply::Response;

/// How far ahead the difference of two editions is told.
const DIFFERENCE_AHEAD: SignedDuration = SignedDuration::from_hours(28 * 24);

fn policy(call: &Call) -> Result<Arc<Policy>, Problem> {
    let view = call.app.view();
    let in_force = view.policy.in_force.clone();
    in_force.ok_or_else(|| Problem::new(Kind::Stopping, "no rota is in force yet; callout is starting"))
}

/// `GET /api/v1/rota/now`: who is on call now, by role, and until when.
pub fn now(call: &Call) -> Result<Response, Problem> {
    let policy = policy(call)?;
    let at = call.app.clock.now();
    let roles: Vec<Value> = policy
        .rota
        .roles
        .values()
        .map(|role| {
            let people = policy.rota.on_call(&role.id, at);
            value!({
                "role": role.id, "title": role.title, "people": people,
                "until": policy.rota.next_change(&role.id, at),
            })
        })
        .collect();
    Ok(json(StatusCode::OK, &value!({ "at": at, "core_hours": policy.calendar.is_core(at), "roles": roles })))
}

/// The files in force, word for word.
async fn in_force(call: &Call) -> Result<Roster, Problem> {
    let view = call.app.view();
    let gone = || Problem::new(Kind::Conflict, "no rota was applied yet, or its file has been erased; apply one");
    let roster = view.policy.roster.clone().ok_or_else(gone)?;
    let records = call.app.door.records();
    let read = tokio::task::spawn_blocking(move || records.detail(roster.seq, &roster.digest));
    let content = read.await.map_err(|_| unexpected())?.ok_or_else(gone)?;
    serde_json::from_slice(&content).map_err(|_| gone())
}

/// `GET /api/v1/rota/file`.
pub async fn file(call: Call) -> Result<Response, Problem> {
    let roster = in_force(&call).await?;
    Ok(json(StatusCode::OK, &value!({ "people": roster.people, "rota": roster.rota })))
}

/// What comes of a new edition before it counts.
struct Edition {
    roster: Roster,
    documents: Vec<Document>,
    people: People,
    warnings: Vec<Slip>,
    differences: Vec<String>,
}

/// `POST /api/v1/rota`.
pub async fn apply(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let (rota, people) = (form.secret("rota", ROSTER_BYTES_MAX), form.secret("people", ROSTER_BYTES_MAX));
    let dry_run = form.yes("dry_run");
    if rota.is_empty() && people.is_empty() {
        form.fault("rota", "neither a rota nor people are given", "send the text of the file as `rota` or `people`");
    }
    form.finish()?;
    let old = in_force(&call).await.unwrap_or_default();
    let or_old = |new: String, old: &String| if new.is_empty() { old.clone() } else { new };
    let roster = Roster { people: or_old(people, &old.people), rota: or_old(rota, &old.rota) };
    let told = |result: &str, seq: Option<u64>, errors: &[Slip], warnings: &[Slip], differences: &[String]| {
        let lines = |slips: &[Slip]| slips.iter().map(ToString::to_string).collect::<Vec<_>>();
        json(
            StatusCode::OK,
            &value!({
                "result": result, "seq": seq, "errors": lines(errors), "warnings": lines(warnings),
                "differences": differences,
            }),
        )
    };
    let edition = match read(&call, roster, &old) {
        Ok(edition) => edition,
        Err(Wrong::Slips(slips)) => return Ok(told("wrong", None, &slips, &[], &[])),
        Err(Wrong::Refused(problem)) => return Err(problem),
    };
    let Edition { roster, documents, people, warnings, differences } = edition;
    if roster == old {
        return Ok(told("same", None, &[], &warnings, &differences));
    }
    if dry_run {
        return Ok(told("shown", None, &[], &warnings, &differences));
    }
    let sealed = roster.seal(call.app.salt());
    let event = Event::RosterApplied { documents, by: call.who.author(), sealed };
    let Answer::Entry(seq) = submit(&call.app, event).await? else { return Err(unexpected()) };
    call.app.put_people.send_replace(Arc::new(people));
    Ok(told("applied", Some(seq.0), &[], &warnings, &differences))
}

enum Wrong {
    Slips(Vec<Slip>),
    Refused(Problem),
}

/// Reads an edition and lays it beside everything else in force.
fn read(call: &Call, roster: Roster, old: &Roster) -> Result<Edition, Wrong> {
    let policy_now = policy(call).map_err(Wrong::Refused)?;
    if !roster.fits() {
        let why = format!("people and rota together are longer than the {ROSTER_BYTES_MAX} bytes that fit");
        return Err(Wrong::Refused(Problem::new(Kind::TooLarge, why)));
    }
    let (documents, people) = roster.read(&policy_now.rota.zone).map_err(Wrong::Slips)?;
    let view = call.app.view();
    let others =
        view.policy.versions.iter().filter(|(kind, _, _)| !matches!(kind, DocumentKind::People | DocumentKind::Rota));
    let mut all: Vec<Document> =
        others.filter_map(|(_, _, sha256)| view.policy.documents.get(sha256).cloned()).collect();
    all.extend(documents.iter().cloned());
    let policy = Policy::from_documents(&all).map_err(Wrong::Slips)?;
    let now = call.app.clock.now();
    let (errors, warnings): (Vec<Slip>, Vec<Slip>) = policy.problems(&all, now).into_iter().partition(Slip::is_error);
    if !errors.is_empty() {
        return Err(Wrong::Slips(errors));
    }
    let warnings = warnings.into_iter().filter(|slip| slip.file == "rota").collect();
    let window = Span::new(now, after(now, DIFFERENCE_AHEAD));
    let local = |at: Timestamp| at.to_zoned(policy.rota.zone.clone()).strftime("%a %-d %b %H:%M").to_string();
    let mut differences: Vec<String> = between(&policy_now.rota, &policy.rota, &window)
        .iter()
        .map(|difference| in_words(difference, &local))
        .collect();
    differences.extend(of_people(&People::parse(&old.people).unwrap_or_default(), &people));
    Ok(Edition { roster, documents, people, warnings, differences })
}

fn in_words(difference: &Difference, local: &dyn Fn(Timestamp) -> String) -> String {
    let list = |people: &[crate::domain::id::PersonId]| match people {
        [] => "nobody".to_owned(),
        people => people.iter().map(|person| person.as_str()).collect::<Vec<_>>().join(", "),
    };
    match difference {
        Difference::RoleAdded(role) => format!("+ role {role}"),
        Difference::RoleGone(role) => format!("- role {role}"),
        Difference::Setting { key, before, after } => format!("{key}: {before} -> {after}"),
        Difference::Holders { role, span, before, after } => {
            format!("{role} {} to {}: {} -> {}", local(span.from), local(span.to), list(before), list(after))
        }
    }
}

/// Who came, went, or has other details; no name or number is repeated.
fn of_people(old: &People, new: &People) -> Vec<String> {
    let gone = old.persons.keys().filter(|id| !new.persons.contains_key(id)).map(|id| format!("- person {id}"));
    let others = new.persons.iter().filter_map(|(id, person)| match old.persons.get(id) {
        None => Some(format!("+ person {id}")),
        Some(before) if before != person => Some(format!("person {id}: other channels or roles")),
        Some(_) if old.details.get(id) != new.details.get(id) => {
            Some(format!("person {id}: another name, number or address"))
        }
        Some(_) => None,
    });
    gone.chain(others).collect()
}
