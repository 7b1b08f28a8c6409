//! Warnings: entered by hand from the Met Office, the Environment Agency or anybody else, and ended by hand.

use super::form::{Form, WORDS_MAX};
use super::{json, submit, unexpected};
use crate::domain::event::{Answer, Event, Warning};
use crate::domain::id::WarningId;
use crate::domain::playbook::WarningLevel;
use crate::web::call::Call;
use crate::web::problem::Problem;
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// `GET /api/v1/warnings`.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let view = call.app.view();
    let warnings: Vec<Value> =
        view.incidents.warnings.iter().map(|(id, warning)| value!({ "id": id, "warning": warning })).collect();
    Ok(json(StatusCode::OK, &value!({ "warnings": warnings })))
}

/// `POST /api/v1/warnings`.
pub async fn enter(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let source = form.name("source");
    let kind = form.name("kind");
    let levels = [("yellow", WarningLevel::Yellow), ("amber", WarningLevel::Amber), ("red", WarningLevel::Red)];
    let level = form.one_of("level", &levels);
    let from = form.time("from");
    let to = form.time("to");
    let area = form.needed("area", 200, "name the area, e.g. \"Wexmoor and the Wex valley\"");
    let remarks = form.text("remarks", WORDS_MAX);
    for (name, given, remedy) in [
        ("source", source.is_some(), "e.g. \"met_office\" or \"environment_agency\""),
        ("kind", kind.is_some(), "e.g. \"rain\", \"wind\", \"flood\""),
        ("level", level.is_some(), "use yellow, amber or red"),
        ("from", from.is_some(), "e.g. \"2026-11-22T02:00:00Z\""),
        ("to", to.is_some(), "e.g. \"2026-11-22T12:00:00Z\""),
    ] {
        if !given {
            form.fault(name, "this is needed", remedy);
        }
    }
    form.finish()?;
    let warning = Warning {
        source: source.unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        level: level.ok_or_else(unexpected)?,
        from: from.ok_or_else(unexpected)?,
        to: to.ok_or_else(unexpected)?,
        area,
    };
    let sealed = remarks.map(|remarks| call.app.seal(&remarks));
    match submit(&call.app, Event::WarningEntered { warning, by: call.who.author(), sealed }).await? {
        Answer::Warning(id) => Ok(json(StatusCode::CREATED, &value!({ "warning": id }))),
        _ => Err(unexpected()),
    }
}

/// `POST /api/v1/warnings/{warning}/cancel`.
pub async fn cancel(mut call: Call) -> Result<Response, Problem> {
    let warning: WarningId = call.id(0)?;
    Form::read(&mut call).await?.finish()?;
    submit(&call.app, Event::WarningCancelled { warning, by: call.who.author() }).await?;
    Ok(json(StatusCode::OK, &value!({ "warning": warning })))
}
