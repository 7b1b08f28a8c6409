//! `GET /api/v1/rota/now`: who is on call. Ids only; names and numbers stay in the console.

use super::json;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// Who is on call now, by role, and until when.
pub fn now(call: &Call) -> Result<Response, Problem> {
    let view = call.app.view();
    let Some(policy) = &view.policy.in_force else {
        return Err(Problem::new(Kind::Stopping, "no rota is in force yet; callout is starting"));
    };
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
