//! stub
use warp::reply::Response;
/// The document.
pub fn answer() -> Response {
    super::json(warp::http::StatusCode::OK, &serde_json::json!({}))
}
