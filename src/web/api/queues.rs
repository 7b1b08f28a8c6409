//! `/api/v1/queue-stats`: what a telephony system counts; `/api/v1/feeds`: what is heard of, and what is not.

use super::{json, unexpected};
use crate::domain::detect::service::Verdict;
use crate::domain::event::{Answer, Event};
use crate::incoming::{Sending, Shape};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::http::header::HeaderValue;
use warp::reply::Response;

/// `POST /api/v1/queue-stats`: takes the intervals of a body; the same one again counts once.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let lines = match call.content_type().as_deref() {
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => true,
        Some("application/json") | None => false,
        Some(_) => {
            let detail = "send application/json (an object or an array) or application/x-ndjson (one object to a line)";
            return Err(Problem::new(Kind::MediaType, detail));
        }
    };
    let max = call.app.limits.body_bytes_max;
    let body = call.bytes(max).await?;
    let sending = Sending { sender: &call.who.name, idempotency_key: None, history: false, lines };
    let (shape, counts) = call.app.intake.read_queues(&body, &sending).map_err(Problem::refused)?;
    let names: Vec<(String, String)> = counts.iter().map(|one| (one.name(), one.from.to_string())).collect();
    let events = counts.into_iter().map(|counts| Event::QueueCounted { counts }).collect();
    let answers = call.app.door.submit(events).await.map_err(Problem::door)?;
    let (mut taken, mut all_known) = (Vec::with_capacity(names.len()), true);
    for (answer, (queue, from)) in answers.into_iter().zip(names) {
        match answer {
            Answer::Queue { replay } => {
                all_known &= replay;
                taken.push(value!({ "queue": queue, "from": from, "known": replay }));
            }
            Answer::Refused(why) => return Err(Problem::new(Kind::Conflict, why)),
            _ => return Err(unexpected()),
        }
    }
    let mut response = match (shape, taken.pop()) {
        (Shape::One, Some(only)) => json(StatusCode::CREATED, &only),
        (_, last) => {
            taken.extend(last);
            json(StatusCode::CREATED, &value!({ "intervals": taken }))
        }
    };
    if all_known {
        response.headers_mut().insert(super::contacts::REPLAYED_HEADER, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `GET /api/v1/feeds`: every feed with when it was last heard, every queue with how it is served.
pub fn list(call: &Call) -> Response {
    let view = call.app.view();
    let feeds: Vec<Value> = view
        .feeds
        .by_name
        .iter()
        .map(|(name, heard)| {
            value!({
                "name": name, "source": heard.feed.source, "heartbeat_s": heard.feed.heartbeat.as_secs(),
                "hours": if heard.feed.core_only { "core" } else { "always" },
                "heard_at": heard.heard_at, "silent_since": heard.silent_since,
            })
        })
        .collect();
    let queues: Vec<Value> = view
        .queues
        .by_name
        .iter()
        .map(|(name, queue)| {
            let newest = queue.intervals.last_key_value().map(|(_, counts)| counts);
            let level = queue.level.map(|level| {
                value!({
                    "from": level.from, "to": level.to, "offered": level.offered, "answered": level.answered,
                    "connected_percent": level.connected_percent, "mean_wait_s": level.wait_s,
                    "verdict": match level.verdict {
                        Verdict::Well => "well",
                        Verdict::Just => "just",
                        Verdict::Short => "short",
                    },
                })
            });
            value!({ "name": name, "newest": newest, "level": level })
        })
        .collect();
    json(StatusCode::OK, &value!({ "feeds": feeds, "queues": queues }))
}
