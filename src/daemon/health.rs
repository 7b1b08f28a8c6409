//! How the parts are, for `/readyz`, the start page and `/metrics`.

use super::app::App;
use super::folders::Boxes;
use super::switchboard::{State, Switchboard, Way};
use super::watch::OVERDUE_MS;
use crate::domain::event::SendResult;
use crate::domain::provider::Standing;
use crate::domain::state::View;
use crate::domain::time::{Timestamp, elapsed};
use crate::web::app::{Part, Parts};
use crate::web::metrics::Metrics;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

/// A certificate that ends sooner is told: whatever renews it should have done so by then.
const CERTIFICATE_DAYS_MIN: i64 = 14;

/// Tells how the parts are, asked at any time.
pub fn parts(app: &App) -> Parts {
    let (pulse, gauge) = (Arc::clone(&app.engine.pulse), Arc::clone(&app.engine.gauge));
    let (door, land, clock) = (app.engine.door.clone(), Arc::clone(&app.land), Arc::clone(&app.clock));
    let damage = Arc::clone(&app.engine.damage);
    let (indexing, found) = (app.indexing.clone(), app.found.clone());
    let (email, sms) = (app.email.clone(), app.sms.clone());
    let certificates = Arc::clone(&app.certificates);
    let boxes = app.boxes.clone();
    Arc::new(move || {
        let part = |part: &str, ready: bool, needed: bool, why: String| Part { part: part.into(), ready, needed, why };
        let view = door.view();
        let now = clock.now();
        let overdue = now.as_millisecond().saturating_sub(pulse.deadline_ms.load(Ordering::Relaxed));
        let core_well = overdue < OVERDUE_MS;
        let wrong = found.wrong();
        let full = gauge.no_room.load(Ordering::Relaxed);
        let layers = land.current().layers().count();
        let gaps: Vec<String> = view.policy.in_force.as_ref().map_or_else(
            || vec!["no policy is in force".to_owned()],
            |policy| {
                let nobody = policy.rota.roles.values().filter(|role| policy.rota.on_call(&role.id, now).is_empty());
                nobody.map(|role| role.title.clone()).collect()
            },
        );
        let providers: Vec<State> = sms.states().into_iter().chain(email.states()).collect();
        let mut parts = vec![
            part(
                "core",
                core_well,
                true,
                if core_well {
                    format!("{} records", view.head)
                } else {
                    format!("a deadline is overdue by {} s", overdue / 1000)
                },
            ),
            match damage.get() {
                // Not a reason to take this daemon out of service: it pages, and another would read the same log.
                Some(damage) => part("log", false, false, damage.clone()),
                None => part("log", !full, true, if full { "the disk is full".into() } else { "durable".into() }),
            },
            part(
                "watch",
                wrong.is_empty(),
                true,
                if wrong.is_empty() { "every core task moves".into() } else { wrong.join("; ") },
            ),
            part(
                "rota",
                gaps.is_empty(),
                false,
                if gaps.is_empty() {
                    "every role is filled".into()
                } else {
                    format!("nobody is on call as {}", gaps.join(", "))
                },
            ),
            providers_part(&providers),
            index_part(&indexing),
            feeds_part(&view),
            folders_part(&boxes),
            part(
                "land",
                layers > 0,
                false,
                if layers > 0 {
                    format!("{layers} map layers")
                } else {
                    "no map layers: owners are not known; callout import layer".into()
                },
            ),
        ];
        let ends = certificates.lock().unwrap_or_else(PoisonError::into_inner);
        parts.extend(ends.iter().filter_map(|one| one.ends_at()).min().map(|ends_at| certificate_part(ends_at, now)));
        parts
    })
}

/// How long our own certificate is good.
fn certificate_part(ends_at: Timestamp, now: Timestamp) -> Part {
    let days = elapsed(now, ends_at).as_hours() / 24;
    let why =
        if days < 0 { "the certificate has ended".into() } else { format!("the certificate ends in {days} days") };
    Part { part: "certificate".into(), ready: days >= CERTIFICATE_DAYS_MIN, needed: false, why }
}

/// How the providers of pages are: needed is that one is left at all.
fn providers_part(providers: &[State]) -> Part {
    let off = |state: &&State| matches!(state.standing, Standing::Off { .. });
    let troubles: Vec<String> = providers
        .iter()
        .filter(off)
        .map(|state| format!("{} do not go by {} ({})", state.channel, state.name, state.why))
        .collect();
    let none_left = troubles.len() == providers.len();
    let why = if troubles.is_empty() {
        let names: Vec<String> = providers.iter().map(|state| format!("{} by {}", state.channel, state.name)).collect();
        names.join(", ")
    } else {
        troubles.join("; ")
    };
    Part { part: "providers".into(), ready: troubles.is_empty(), needed: none_left, why }
}

/// What is wrong with the watched folders.
fn folders_part(boxes: &Boxes) -> Part {
    let all = boxes.all();
    let n = all.len();
    let wrong: Vec<String> = all.into_iter().filter_map(|(path, why)| Some(format!("{path}: {}", why?))).collect();
    let why = match (wrong.is_empty(), n) {
        (false, _) => wrong.join("; "),
        (true, 0) => "none is watched".to_owned(),
        (true, n) => format!("{n} are watched"),
    };
    Part { part: "folders".into(), ready: wrong.is_empty(), needed: false, why }
}

/// What is not heard of: never a reason to stop paging, and never "all clear".
fn feeds_part(view: &View) -> Part {
    let silent: Vec<String> = view
        .feeds
        .by_name
        .iter()
        .filter_map(|(name, heard)| Some(format!("{name} since {}", heard.silent_since?.strftime("%Y-%m-%d %H:%MZ"))))
        .collect();
    let why = match (silent.is_empty(), view.feeds.by_name.len()) {
        (false, _) => format!("nothing is heard from {}", silent.join(", ")),
        (true, 0) => "none is expected: set [[intake.feed]] to hear of one that falls silent".to_owned(),
        (true, n) => format!("{n} are heard of within their heartbeats"),
    };
    Part { part: "feeds".into(), ready: silent.is_empty(), needed: false, why }
}

/// How the index is: searches need it, paging does not.
fn index_part(indexing: &super::indexing::Indexing) -> Part {
    let (ready, why) = match indexing.index.get() {
        None => (false, "being opened".to_owned()),
        Some(index) if index.is_broken() => (false, "set aside, being built anew from the log".to_owned()),
        Some(index) => (true, format!("{} records in it, {} to come", index.applied(), index.lag())),
    };
    Part { part: "index".into(), ready, needed: false, why }
}

/// Told how a send ended.
type SentTold = Box<dyn Fn(&SendResult) + Send + Sync>;
/// Told of one thing each time it happens.
type Told<T> = OnceLock<Box<dyn Fn(T) + Send + Sync>>;

/// Who is told of what only the engine sees; set once, when the web server's metrics are there.
#[derive(Default)]
pub struct Observers {
    synced: Told<Duration>,
    sent: OnceLock<SentTold>,
}

impl Observers {
    /// A batch took so long to become durable.
    pub fn synced(&self, took: Duration) {
        if let Some(tell) = self.synced.get() {
            tell(took);
        }
    }

    /// A send ended so.
    pub fn sent(&self, outcome: &SendResult) {
        if let Some(tell) = self.sent.get() {
            tell(outcome);
        }
    }
}

/// Feeds the numbers that only the engine knows into the metrics.
pub fn feed(observers: &Observers, metrics: &Arc<Metrics>) {
    let (synced, sent) = (Arc::clone(metrics), Arc::clone(metrics));
    // Set once: a daemon has one web server.
    let _ = observers.synced.set(Box::new(move |took| synced.synced(took)));
    let _ = observers.sent.set(Box::new(move |outcome| sent.page(outcome)));
}

/// Feeds each send by a channel's providers into the metrics.
pub fn feed_sends<T: Way>(board: &Switchboard<T>, metrics: &Arc<Metrics>) {
    for state in board.states() {
        metrics.provider_on(state.channel, &state.name, matches!(state.standing, Standing::On));
    }
    let metrics = Arc::clone(metrics);
    board.tell(Box::new(move |channel, provider, outcome, on| {
        metrics.sent_by(channel, provider, outcome);
        metrics.provider_on(channel, provider, on);
    }));
}
