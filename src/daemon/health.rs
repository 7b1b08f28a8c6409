//! How the parts are, for `/readyz`, the start page and `/metrics`.

use super::app::App;
use crate::web::app::{Part, Parts};
use crate::web::metrics::Metrics;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A deadline that is overdue by this much says that the loop is stuck.
const OVERDUE_MS: i64 = 15_000;

/// Tells how the parts are, asked at any time.
pub fn parts(app: &App) -> Parts {
    let (pulse, gauge) = (Arc::clone(&app.engine.pulse), Arc::clone(&app.engine.gauge));
    let (door, land, clock) = (app.engine.door.clone(), Arc::clone(&app.land), Arc::clone(&app.clock));
    Arc::new(move || {
        let part = |part: &str, ready: bool, needed: bool, why: String| Part { part: part.into(), ready, needed, why };
        let view = door.view();
        let now = clock.now();
        let overdue = now.as_millisecond().saturating_sub(pulse.deadline_ms.load(Ordering::Relaxed));
        let core_well = overdue < OVERDUE_MS;
        let full = gauge.no_room.load(Ordering::Relaxed);
        let layers = land.current().layers().count();
        let gaps: Vec<String> = view.policy.in_force.as_ref().map_or_else(
            || vec!["no policy is in force".to_owned()],
            |policy| {
                let nobody = policy.rota.roles.values().filter(|role| policy.rota.on_call(&role.id, now).is_empty());
                nobody.map(|role| role.title.clone()).collect()
            },
        );
        vec![
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
            part("log", !full, true, if full { "the disk is full".into() } else { "durable".into() }),
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
        ]
    })
}

/// Feeds the numbers that only the daemon knows.
pub fn feed(app: &App, metrics: &Arc<Metrics>) {
    let _ = (app, metrics);
}
