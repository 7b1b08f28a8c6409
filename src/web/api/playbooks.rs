//! Playbooks in force, and putting one into force for an open incident.

use super::form::{Form, WORDS_MAX};
use super::incidents::answer_incident;
use super::json;
use crate::domain::event::Event;
use crate::domain::id::{IncidentId, PlaybookId};
use crate::domain::problem::did_you_mean;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// `GET /api/v1/playbooks`.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let view = call.app.view();
    let Some(policy) = &view.policy.in_force else {
        return Err(Problem::new(Kind::Stopping, "no policy is in force yet; callout is starting"));
    };
    let playbooks: Vec<Value> = policy
        .playbooks
        .values()
        .map(|playbook| {
            value!({
                "id": playbook.id, "title": playbook.title, "owner": playbook.owner,
                "reviewed": playbook.reviewed.to_string(), "version": playbook.version, "hours": playbook.hours,
                "activate": playbook.activate, "severity": playbook.severity,
            })
        })
        .collect();
    Ok(json(StatusCode::OK, &value!({ "playbooks": playbooks })))
}

/// `POST /api/v1/incidents/{incident}/activate`.
pub async fn activate(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let mut form = Form::read(&mut call).await?;
    let playbook = form.name("playbook");
    let reason = form.needed("reason", WORDS_MAX, "say why, in a few words: it stands in the record");
    let view = call.app.view();
    let known = view.policy.in_force.as_ref().map(|policy| &policy.playbooks);
    match &playbook {
        None => form.fault("playbook", "this is missing", "GET /api/v1/playbooks lists them"),
        Some(name) if known.is_some_and(|known| !known.contains_key(&PlaybookId::new(name.as_str()))) => {
            let names = known.into_iter().flatten().map(|(id, _)| id.as_str());
            let remedy = match did_you_mean(name, names) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "GET /api/v1/playbooks lists them".to_owned(),
            };
            form.fault("playbook", "there is no such playbook in force", remedy);
        }
        Some(_) => {}
    }
    form.finish()?;
    let event = Event::PlaybookActivated {
        incident: Some(incident),
        playbook: PlaybookId::new(playbook.unwrap_or_default()),
        by: call.who.author(),
        reason: call.app.seal(&reason),
        exercise: false,
    };
    answer_incident(&call, event, StatusCode::OK).await
}
