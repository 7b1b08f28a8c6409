//! What the console's pages know beside the published view, put together from the daemon's parts.

use super::app::{App, Show};
use crate::domain::time::Timestamp;
use crate::landbook::MapBox;
use crate::transport::{Address, Captured};
use crate::web::desk::Desk;
use crate::web::view::{Badge, Moment, OutMessage, OutMessageKind, Tone};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;

/// How much the outlines on a map may be simplified: a share of the box's width.
const DETAIL_SHARE: f64 = 0.0005;

/// The desk of a daemon.
pub fn desk(app: &App, show: &Show) -> Desk {
    let zone = app.config.deciding.zone().unwrap_or(TimeZone::UTC);
    let (outbox, people, out_zone) = (Arc::clone(&app.outbox), app.people.subscribe(), zone.clone());
    let (land, scenery) = (Arc::clone(&app.land), show.scenery.clone());
    let door = app.engine.door.clone();
    let gauge = Arc::clone(&app.engine.gauge);
    Desk {
        council: app.config.deciding.council.name.clone(),
        zone,
        link_key: Arc::clone(&app.link_key),
        outbox: Arc::new(move || {
            let people = people.borrow().clone();
            outbox.list().iter().map(|captured| message(captured, &people, &out_zone)).collect()
        }),
        outlines: Arc::new(move |sides| outlines(&land.current(), sides, scenery.as_ref())),
        extent_m: extent(&app.land.current()),
        find: show.find.clone().unwrap_or_else(|| Arc::new(|_| Vec::new())),
        speed: show.speed.max(1),
        demo: show.demo.clone(),
        trouble: Arc::new(move || {
            let mut words = Vec::new();
            if gauge.no_room.load(std::sync::atomic::Ordering::Relaxed) {
                words.push("The disk is full: contacts are refused, pages go on.".to_owned());
            }
            if door.waiting() > crate::door::QUEUE_MAX / 2 {
                words.push("callout is overloaded: contacts wait.".to_owned());
            }
            words
        }),
    }
}

fn message(captured: &Captured, people: &crate::domain::person::People, zone: &TimeZone) -> OutMessage {
    let sent = &captured.message;
    let (kind, name, to) = match &sent.to {
        Address::Mobile(number) => {
            let owner = people.details.values().find(|detail| detail.mobile.as_deref() == Some(number));
            (OutMessageKind::Sms, owner.map(|detail| detail.name.clone()).unwrap_or_default(), number.clone())
        }
        Address::Email { name, address } => (OutMessageKind::Email, name.clone(), address.clone()),
    };
    let link = sent.text.split_whitespace().find_map(|word| {
        let at = word.find("/p/")?;
        word.starts_with("http").then(|| word[at..].trim_end_matches(['.', ',']).to_owned())
    });
    OutMessage {
        id: sent.page.to_string(),
        kind,
        name,
        to,
        at: Moment::second(captured.at, zone),
        subject: if kind == OutMessageKind::Email { sent.subject.clone() } else { String::new() },
        body: sent.text.clone(),
        href: link.unwrap_or_default(),
        badge: Badge::new(Tone::Grey, "Kept here"),
    }
}

/// The layers' outlines in a box as one FeatureCollection; each feature says its layer's kind.
fn outlines(
    book: &crate::landbook::LandBook,
    [west_m, south_m, east_m, north_m]: [f64; 4],
    scenery: Option<&Value>,
) -> Value {
    let within = MapBox { west_m, south_m, east_m, north_m };
    let detail_m = ((east_m - west_m).abs() * DETAIL_SHARE).clamp(0.1, 50.0);
    let mut features: Vec<Value> = Vec::new();
    let ids: Vec<(String, String)> = book.layers().map(|layer| (layer.id.clone(), layer.kind.clone())).collect();
    for (id, kind) in ids {
        let Some(Value::Object(mut layer)) = book.outlines(&id, within, detail_m) else { continue };
        let Some(Value::Array(of_layer)) = layer.remove("features") else { continue };
        features.extend(of_layer.into_iter().map(|mut feature| {
            if feature["properties"]["kind"].is_null() {
                feature["properties"]["kind"] = json!(kind);
            }
            feature
        }));
    }
    if let Some(Value::Array(extra)) = scenery.map(|scenery| &scenery["features"]) {
        features.extend(extra.iter().cloned());
    }
    json!({ "type": "FeatureCollection", "features": features })
}

/// The box round all layers, for the map's first look.
fn extent(book: &crate::landbook::LandBook) -> Option<[f64; 4]> {
    book.extent().map(|extent| {
        let metres = |mm: i32| f64::from(mm) / 1000.0;
        [metres(extent.low[0]), metres(extent.low[1]), metres(extent.high[0]), metres(extent.high[1])]
    })
}

/// An instant as the demo's lines show it.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}
