//! What staff say about the maps: an answer marked as wrong, the queue of those, and corrections that count until the
//! layer's next import. And which contacts of the last days would be answered differently now.

use super::asking;
use crate::domain::contact::ContactDetail;
use crate::domain::correction::{RADIUS_M_MAX, Stated, Statement};
use crate::domain::event::{Answer, DetailClass, Event, Sealed};
use crate::domain::id::{BodyId, Seq};
use crate::domain::ownership::{Asked, OwnerAnswer};
use crate::domain::place::{GridPoint, Located, Typed};
use crate::domain::problem::did_you_mean;
use crate::domain::time::{SignedDuration, after};
use crate::land::{Land, resolve};
use crate::web::api::form::{Form, WORDS_MAX};
use crate::web::api::{json, submit, unexpected};
use crate::web::app::App;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Value, json as value};
use std::sync::Arc;
use warp::http::StatusCode;
use warp::reply::Response;

/// How far a correction reaches about its place where nothing else is said, in metres.
const RADIUS_M: u32 = 15;
/// How many days back contacts are answered anew where nothing else is said; and at most.
const DAYS: u32 = 7;
const DAYS_MAX: u32 = 60;
/// The most contacts of the queue.
const DISPUTED_MAX: usize = 200;

/// The place of a form, with the answer about it now.
fn place(form: &mut Form, call: &Call) -> Option<(GridPoint, OwnerAnswer)> {
    let text = form.needed("place", 200, "a place in any form, such as SD 80376 10712");
    if text.is_empty() {
        return None;
    }
    let land = call.app.land.as_ref();
    let found = Typed::read(&text).map_err(Into::into).and_then(|typed| resolve(land, &typed));
    match found {
        Ok(found) => {
            let asked = Asked { on: Some(call.app.today()), along: found.along, ..Asked::at(found.place) };
            Some((found.place.point, land.ask(&asked)))
        }
        Err(error) => {
            form.fault("place", error.to_string(), "give a grid reference, or easting and northing");
            None
        }
    }
}

fn body(form: &mut Form, land: &dyn Land, needed: bool) -> Option<BodyId> {
    let named = form.name("body");
    let bodies = land.bodies();
    match named {
        Some(name) => {
            let id = BodyId::from(name.as_str());
            if bodies.body(&id).is_none() {
                let meant = did_you_mean(&name, bodies.bodies().map(|body| body.id.as_str()));
                let remedy = meant.map_or_else(
                    || "use an id of bodies.toml".to_owned(),
                    |meant| format!("did you mean \"{meant}\"?"),
                );
                form.fault("body", "there is no such body", remedy);
            }
            Some(id)
        }
        None if needed => {
            form.fault("body", "this is missing", "say who is responsible, by an id of bodies.toml");
            None
        }
        None => None,
    }
}

/// The words with the exact place, for the details store.
fn seal(app: &App, why: &str, place: Option<GridPoint>) -> Sealed {
    let content = value!({ "text": why, "place": place }).to_string().into_bytes();
    Sealed::new(app.salt(), DetailClass::Incident, content)
}

async fn say(call: &Call, statement: Statement, why: &str, place: Option<GridPoint>) -> Result<Response, Problem> {
    let event = Event::MapStatement { statement, by: call.who.author(), why: seal(&call.app, why, place) };
    let Answer::Entry(entry) = submit(&call.app, event).await? else { return Err(unexpected()) };
    // The correction is in force when this is answered.
    let (view, records, land) = (call.app.view(), call.app.door.records(), Arc::clone(&call.app.land));
    let put =
        move || land.correct(crate::land::corrections(&view.corrections, |seq, digest| records.detail(seq, digest)));
    tokio::task::spawn_blocking(put).await.map_err(|_| unexpected())?;
    Ok(json(StatusCode::CREATED, &value!({ "entry": entry })))
}

/// `POST /api/v1/land/marks`: this answer is wrong.
pub async fn mark(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let place = place(&mut form, &call);
    let right = body(&mut form, call.app.land.as_ref(), false);
    let why = form.needed("why", WORDS_MAX, "say what is wrong: whoever deals with it reads it");
    form.finish()?;
    let (point, answer) = place.ok_or_else(unexpected)?;
    let statement = Statement::Wrong {
        place: point.rounded_to_10_m(),
        feature: answer.basis.map(|basis| (basis.layer, basis.feature)),
        named: answer.body,
        right,
    };
    say(&call, statement, &why, Some(point)).await
}

/// `POST /api/v1/land/corrections`: from now on this body answers here.
pub async fn correct(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let place = place(&mut form, &call);
    let body = body(&mut form, call.app.land.as_ref(), true);
    let covers = form.one_of("covers", &[("around", false), ("feature", true)]).unwrap_or(false);
    let radius_m = form.number("radius_m").unwrap_or(f64::from(RADIUS_M));
    if !(1.0..=f64::from(RADIUS_M_MAX)).contains(&radius_m) {
        form.fault("radius_m", "this is not a reach in metres", format!("use 1 to {RADIUS_M_MAX}"));
    }
    let settles = form.number("settles").map(|seq| Seq(seq as u64));
    let why = form.needed("why", WORDS_MAX, "say why: it is read with each answer that it changes");
    let feature = place.as_ref().and_then(|(_, answer)| answer.basis.as_ref());
    let feature = feature.filter(|basis| basis.nearest_m.is_none() && basis.layer != "corrections");
    let feature = feature.map(|basis| (basis.layer.clone(), basis.feature.clone()));
    if covers && feature.is_none() && place.is_some() {
        form.fault(
            "covers",
            "no feature covers this place",
            "leave it out: the correction reaches so far about the place",
        );
    }
    form.finish()?;
    let ((point, _), body) = (place.ok_or_else(unexpected)?, body.ok_or_else(unexpected)?);
    let radius_m = (!covers).then_some(radius_m as u32);
    let statement = Statement::Corrected { place: point.rounded_to_10_m(), radius_m, feature, body, settles };
    say(&call, statement, &why, Some(point)).await
}

/// `POST /api/v1/land/marks/{mark}/settle`: the map is right.
pub async fn settle(mut call: Call) -> Result<Response, Problem> {
    let note = numbered(&call)?;
    let why = why(&mut call).await?;
    say(&call, Statement::Settled { note }, &why, None).await
}

/// `POST /api/v1/land/corrections/{correction}/withdraw`.
pub async fn withdraw(mut call: Call) -> Result<Response, Problem> {
    let correction = numbered(&call)?;
    let why = why(&mut call).await?;
    say(&call, Statement::Withdrawn { correction }, &why, None).await
}

fn numbered(call: &Call) -> Result<Seq, Problem> {
    let seq = call.params.first().and_then(|seq| seq.parse().ok()).map(Seq);
    seq.ok_or_else(|| Problem::new(Kind::NotFound, "it is named by the number of its entry in the record"))
}

async fn why(call: &mut Call) -> Result<String, Problem> {
    let mut form = Form::read(call).await?;
    let why = form.needed("why", WORDS_MAX, "say why: it is in the record");
    form.finish()?;
    Ok(why)
}

/// `GET /api/v1/land/queue`: what waits for somebody who knows the ground.
pub async fn queue(call: Call) -> Result<Response, Problem> {
    let (view, records) = (call.app.view(), call.app.door.records());
    let reading = move || {
        let words = |seq: Seq, digest: &str| {
            let bytes = records.detail(seq, digest)?;
            serde_json::from_slice::<Value>(&bytes).ok()?["text"].as_str().map(str::to_owned)
        };
        let told = |(seq, stated): (&Seq, &Stated)| {
            value!({
                "entry": seq, "by": stated.by, "at": stated.at, "statement": stated.statement,
                "why": words(*seq, &stated.digest),
            })
        };
        let disputed = view.tally.recent.iter().rev().filter(|contact| contact.land.is_some_and(|land| land.disputed));
        let disputed = disputed.take(DISPUTED_MAX).map(
            |contact| value!({ "contact": contact.id, "received_at": contact.received_at, "place": contact.place }),
        );
        value!({
            "waiting": view.corrections.waiting.iter().map(told).collect::<Vec<_>>(),
            "corrections": view.corrections.in_force.iter().map(told).collect::<Vec<_>>(),
            "disputed": disputed.collect::<Vec<_>>(),
        })
    };
    let queue = tokio::task::spawn_blocking(reading).await.map_err(|_| unexpected())?;
    Ok(json(StatusCode::OK, &queue))
}

/// `GET /api/v1/land/changes?days=7`: contacts that would be answered differently by the maps in force now.
pub async fn changes(call: Call) -> Result<Response, Problem> {
    let days = match call.query_value("days").map(|text| text.parse::<u32>()) {
        None => DAYS,
        Some(Ok(days)) if (1..=DAYS_MAX).contains(&days) => days,
        Some(_) => {
            let mut sheet = asking::Sheet::sort(Vec::new(), &[]);
            sheet.fault("days", "this is not a number of days", &format!("use 1 to {DAYS_MAX}"));
            return Err(asking::refusal(sheet.faults));
        }
    };
    let (view, records, land) = (call.app.view(), call.app.door.records(), Arc::clone(&call.app.land));
    let (since, today) =
        (after(call.app.clock.now(), SignedDuration::from_hours(-24 * i64::from(days))), call.app.today());
    let reading = move || {
        let (mut looked_at, mut changed) = (0_u32, Vec::new());
        for contact in view.tally.recent.iter().rev().take_while(|contact| contact.received_at >= since) {
            let Some(kept) = contact.land.filter(|_| !contact.withdrawn) else { continue };
            let bytes = contact.digest.as_ref().and_then(|digest| records.detail(Seq(contact.id.0), digest));
            // Where the details were erased, the place to 10 m is all that is known.
            let detail: ContactDetail = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            let Some(point) = detail.place.or(contact.place) else { continue };
            let sigma_m = if detail.place.is_some() { detail.place_sigma_m.unwrap_or(1.0) } else { 5.0 };
            let about = land.bodies().matter_of(&contact.tags).map(|matter| matter.id.clone());
            let asked = Asked { on: Some(today), about, ..Asked::at(Located::new(point, sigma_m)) };
            let now = land.ask(&asked);
            looked_at += 1;
            if now.body != contact.body {
                changed.push(value!({
                    "contact": contact.id, "received_at": contact.received_at, "incident": contact.incident,
                    "was": { "body": contact.body, "confidence": kept.confidence, "epoch": kept.epoch },
                    "now": { "body": now.body, "confidence": now.confidence, "epoch": now.epoch },
                    "why": now.why,
                }));
            }
        }
        value!({ "days": days, "looked_at": looked_at, "changed": changed })
    };
    let told = tokio::task::spawn_blocking(reading).await.map_err(|_| unexpected())?;
    Ok(json(StatusCode::OK, &told))
}
