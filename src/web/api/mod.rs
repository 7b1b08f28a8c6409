//! The API: one file a subject. Each handler reads its request, sends events, and tells what became of them.

pub mod acknowledge;
pub mod contacts;
pub mod entries;
pub mod form;
pub mod health;
pub mod incidents;
pub mod land;
pub mod metrics;
pub mod openapi;
pub mod playbooks;
pub mod providers;
pub mod queues;
pub mod record;
pub mod rota;
pub mod sms;
pub mod warnings;

use super::app::App;
use super::problem::{Kind, Problem};
use super::serve::whole;
use crate::domain::event::{Answer, Event};
use serde::Serialize;
use warp::http::StatusCode;
use warp::reply::Response;

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("answers are texts, numbers and lists, which always become JSON");
    whole(status, "application/json", body)
}

/// Sends one event and gives its answer; a refusal of the core is a conflict.
pub async fn submit(app: &App, event: Event) -> Result<Answer, Problem> {
    match app.door.submit_one(event).await.map_err(Problem::door)? {
        Answer::Refused(why) => Err(Problem::new(Kind::Conflict, why)),
        answer => Ok(answer),
    }
}

/// For an answer that the core never gives to this event.
pub(super) fn unexpected() -> Problem {
    Problem::new(Kind::Defect, "the core answered something else than was asked")
}
