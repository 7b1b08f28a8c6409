//! `/metrics`, in the text form of Prometheus.

use crate::domain::detect::service::Verdict;
use crate::web::call::Call;
use crate::web::metrics::{CONTENT_TYPE, Gauges};
use crate::web::serve::whole;
use warp::http::StatusCode;
use warp::reply::Response;

/// All counts, with what stands now.
pub fn text(call: &Call) -> Response {
    let app = &call.app;
    let view = app.view();
    let gauges = Gauges {
        incidents_open: view.incidents.open().count(),
        records: view.head.0,
        queue: app.door.waiting(),
        connections: app.doorkeeper.now() + app.public_doorkeeper.now(),
        feeds_silent: view.feeds.by_name.values().filter(|heard| heard.silent_since.is_some()).count(),
        queues_short: view
            .queues
            .by_name
            .values()
            .filter(|queue| queue.level.is_some_and(|level| level.verdict == Verdict::Short))
            .count(),
        live: app.limits.live_max - app.live.available_permits().min(app.limits.live_max),
    };
    whole(StatusCode::OK, CONTENT_TYPE, app.metrics.text(gauges))
}
