//! `/live`: tells open pages that something has changed, as server-sent events.
//!
//! `event: changed` names the incidents that did (or the log's position, where it was none of them), with the log's
//! position as its id; a page that comes back with `Last-Event-ID` is told at once whether it missed anything.
//! `event: beat` comes at least every ten seconds, so that a page knows when it can't hear any more and says so.
//!
//! Bounds: so many streams at one time ([`super::limits::Limits::live_max`]); at most one `changed` in
//! [`APART`]. A stream ends when the daemon goes down, and at the first beat after its session or token has ended.

use super::app::App;
use super::call::Call;
use super::problem::{Kind, Problem};
use super::routes::identify;
use super::serve::Client;
use crate::domain::id::{IncidentId, Seq};
use crate::domain::state::View;
use futures_util::Stream;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use warp::Reply;
use warp::http::HeaderMap;
use warp::http::header::HeaderValue;
use warp::reply::Response;
use warp::sse::Event;

/// Between two beats. Pages call themselves deaf after 30 s.
pub const BEAT: Duration = Duration::from_secs(10);
/// Between two `changed`.
pub const APART: Duration = Duration::from_millis(250);
/// How long a browser waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);
/// Most incidents named in one `changed`; beyond them it names none, which means "perhaps all".
const NAMED_MAX: usize = 50;

/// `GET /live`.
pub fn stream(call: Call) -> Result<Response, Problem> {
    let Ok(room) = Arc::clone(&call.app.live).try_acquire_owned() else {
        return Err(Problem::new(Kind::Busy, "all live streams are taken; the page goes on by asking again"));
    };
    let last = call.header("last-event-id").and_then(|id| id.parse().ok()).map(Seq);
    let mut changes = call.app.door.changes();
    let told = Arc::clone(&changes.borrow_and_update());
    let listener = Listener {
        stop: call.app.stop.clone(),
        app: call.app,
        headers: call.headers,
        client: call.client,
        changes,
        told,
        first: Some(last),
        told_at: Instant::now(),
        _room: room,
    };
    let mut response = warp::sse::reply(events(listener)).into_response();
    // A proxy in front must not save events up.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Listener {
    app: Arc<App>,
    headers: HeaderMap,
    client: Client,
    changes: watch::Receiver<Arc<View>>,
    stop: watch::Receiver<bool>,
    /// The snapshot that the page knows of.
    told: Arc<View>,
    /// Until the first event is sent: what the page says it has heard last.
    first: Option<Option<Seq>>,
    told_at: Instant,
    _room: OwnedSemaphorePermit,
}

fn events(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> + Send + Sync + 'static {
    futures_util::stream::unfold(listener, async |mut listener| {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    })
}

impl Listener {
    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        if let Some(last) = self.first.take() {
            let head = self.told.head;
            let event = Event::default().retry(RETRY).id(head.to_string());
            // A page that missed something is told "perhaps all": what it missed is not compared.
            let missed = last.is_some_and(|last| last != head);
            return Some(if missed { event.event("changed").data("") } else { event.event("beat").data("") });
        }
        let what = tokio::select! {
            biased;
            () = stopped(&mut self.stop) => return None,
            changed = self.changes.changed() => changed.map(|()| What::Changed).ok()?,
            () = tokio::time::sleep_until(self.told_at + BEAT) => What::Beat,
        };
        match what {
            What::Changed => {
                // Several changes at one moment become one event.
                tokio::time::sleep_until(self.told_at + APART).await;
                let newest = Arc::clone(&self.changes.borrow_and_update());
                let before = std::mem::replace(&mut self.told, newest);
                self.told_at = Instant::now();
                let head = self.told.head;
                Some(Event::default().event("changed").id(head.to_string()).data(difference(&before, &self.told)))
            }
            What::Beat => {
                identify(&self.app, &self.headers, self.client, true).ok()?;
                self.told_at = Instant::now();
                Some(Event::default().event("beat").data(""))
            }
        }
    }
}

enum What {
    Changed,
    Beat,
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that the daemon has dropped its side, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The incidents that differ between two snapshots, as `INC-4 INC-7`; the log's position, as `LOG-812`, where none
/// does; empty ("perhaps all") where there are too many to name.
fn difference(before: &View, after: &View) -> String {
    let mut ids: BTreeSet<IncidentId> = BTreeSet::new();
    if !Arc::ptr_eq(&before.incidents, &after.incidents) {
        for (id, incident) in &after.incidents.by_id {
            if before.incidents.by_id.get(id).is_none_or(|known| !Arc::ptr_eq(known, incident)) {
                ids.insert(*id);
            }
        }
        for (id, task) in &after.incidents.tasks {
            if before.incidents.tasks.get(id) != Some(task) {
                ids.insert(task.incident);
            }
        }
    }
    if !Arc::ptr_eq(&before.paging, &after.paging) {
        let changed_pages = after.paging.pages.iter().filter(|(id, page)| before.paging.pages.get(id) != Some(page));
        let mut call_outs: BTreeSet<_> = changed_pages.flat_map(|(_, page)| page.call_outs()).collect();
        for (id, call_out) in &after.paging.call_outs {
            if before.paging.call_outs.get(id).is_none_or(|known| !Arc::ptr_eq(known, call_out)) {
                call_outs.insert(*id);
            }
        }
        ids.extend(call_outs.iter().filter_map(|id| after.paging.call_outs.get(id)?.incident));
    }
    if ids.len() > NAMED_MAX {
        return String::new();
    }
    if ids.is_empty() {
        return format!("LOG-{}", after.head);
    }
    ids.iter().map(IncidentId::to_string).collect::<Vec<_>>().join(" ")
}
