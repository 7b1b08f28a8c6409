//! `/healthz` and `/readyz`, for monitors and load balancers.

use super::json;
use crate::web::call::Call;
use crate::web::serve::whole;
use serde_json::json as value;
use warp::http::StatusCode;
use warp::reply::Response;

/// The process answers. Says nothing about whether anybody would be paged: ask `/readyz` for that.
pub fn healthz() -> Response {
    whole(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// Each part, whether it is ready, and why not; 503 while a part is missing that the main job needs.
pub fn readyz(call: &Call) -> Response {
    let parts = (call.app.parts)();
    let ready = parts.iter().all(|part| part.ready || !part.needed);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &value!({ "ready": ready, "parts": parts, "version": env!("CARGO_PKG_VERSION") }))
}
