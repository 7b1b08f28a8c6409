//! `/api/v1/land`: whose land a place is, while the caller is on the line; for one place, for many, and for maps.

pub mod asking;
pub mod batch;
pub mod corrections;
pub mod maps;

use super::json;
use crate::domain::ownership::OwnerAnswer;
use crate::domain::place::format_grid_reference;
use crate::land::{Land, Resolved};
use crate::web::call::Call;
use crate::web::problem::Problem;
use serde::Serialize;
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// The place as it was understood.
#[derive(Serialize)]
struct PlaceTold {
    /// What the typed place was taken for.
    read_as: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    easting: f64,
    northing: f64,
    lat: Option<f64>,
    lon: Option<f64>,
    grid_ref: String,
    uncertainty_m: f64,
    sigma_m: f64,
}

impl PlaceTold {
    fn new(land: &dyn Land, found: Resolved) -> Self {
        let (point, degrees) = (found.place.point, land.to_lat_lon(found.place.point));
        Self {
            read_as: found.read_as,
            name: found.name,
            source: found.source,
            easting: point.easting(),
            northing: point.northing(),
            lat: degrees.map(|degrees| degrees.lat),
            lon: degrees.map(|degrees| degrees.lon),
            grid_ref: format_grid_reference(point, 5),
            uncertainty_m: found.place.uncertainty_m,
            sigma_m: found.place.sigma_m(),
        }
    }
}

#[derive(Serialize)]
struct Reply {
    place: PlaceTold,
    #[serde(flatten)]
    answer: OwnerAnswer,
    /// What is asked before anything else, in order.
    first: Vec<First>,
}

/// A question that comes before whose land it is.
#[derive(Serialize)]
struct First {
    matter: String,
    ask: String,
    tell_caller: String,
}

/// `GET /api/v1/land`: answers for any form of place; see [`asking`].
pub fn ask(call: Call) -> Result<Response, Problem> {
    let land = call.app.land.as_ref();
    let (found, asked) = asking::read(&call, land)?;
    let bodies = land.bodies();
    let first = bodies.first().map(|matter| First {
        matter: matter.id.clone(),
        ask: matter.ask.clone().unwrap_or_default(),
        tell_caller: bodies.told_about(matter).to_owned(),
    });
    let first = first.collect();
    Ok(json(StatusCode::OK, &Reply { answer: land.ask(&asked), place: PlaceTold::new(land, found), first }))
}

/// The forms of the answers, for the OpenAPI document.
pub(super) fn schemas() -> Value {
    let text = value!({ "type": "string" });
    let list = |item: &Value| value!({ "type": "array", "items": item });
    let object = value!({ "type": "object" });
    let owner = value!({
        "type": "object",
        "required": ["place", "body", "confidence", "why", "tell_caller", "raise", "also_notify", "hits", "epoch"],
        "properties": {
            "place": object,
            "body": { "type": ["string", "null"], "description": "null: not known; tell_caller says who finds out" },
            "body_name": text, "ours": { "type": "boolean" },
            "role": { "type": ["string", "null"], "enum": ["owns", "adopts", "maintains", "regulates", "informs", null] },
            "confidence": { "type": "string", "enum": ["confident", "probable", "ask", "unknown"] },
            "basis": { "type": ["object", "null"], "description": "Layer, feature, date, licence, metres to the boundary" },
            "why": text,
            "question": { "type": "string", "description": "What decides, where confidence is ask" },
            "promise": { "type": "object", "description": "finder and within: who finds out, by when" },
            "tell_caller": text, "raise": text,
            "lines": { "type": "array", "items": object, "description": "name, number, hours, checked" },
            "also_notify": list(&text), "also": list(&object),
            "disputed": { "type": "array", "items": text, "description": "Bodies between which the maps contradict each other" },
            "shares": list(&object), "corrected": object, "hits": list(&object),
            "sigma_m": { "type": "number" }, "crs_accuracy_m": { "type": "number" },
            "on": { "type": "string", "format": "date" }, "about": text,
            "epoch": { "type": "integer" },
            "first": { "type": "array", "items": object, "description": "What is asked before anything else, in order" },
        },
    });
    let areas = value!({
        "type": "object", "required": ["areas"],
        "properties": { "place": object, "areas": {
            "type": "array", "items": {
                "type": "object", "required": ["layer", "kind", "feature", "distance_m"],
                "properties": {
                    "layer": text, "layer_name": text, "kind": text, "feature": text, "name": text, "body": text,
                    "role": text, "position": { "type": "string", "enum": ["interior", "boundary"] },
                    "distance_m": { "type": "number" }, "date": text, "licence": text,
                },
            },
        } },
    });
    let statistic = value!({
        "type": "object", "required": ["layer", "areas", "outside", "contacts"],
        "properties": {
            "layer": text, "areas": list(&object), "outside": { "type": "integer" }, "contacts": { "type": "integer" },
        },
    });
    let words =
        value!({ "type": "string", "minLength": 1, "maxLength": 20_000, "description": "Stands in the record" });
    value!({
        "MarkWrong": {
            "type": "object", "required": ["place", "why"], "additionalProperties": false,
            "properties": {
                "place": { "type": "string", "description": "In any form" }, "why": words,
                "body": { "type": "string", "description": "Who it should be, where that is known" },
            },
        },
        "CorrectMap": {
            "type": "object", "required": ["place", "body", "why"], "additionalProperties": false,
            "properties": {
                "place": { "type": "string", "description": "In any form" }, "body": text, "why": words,
                "covers": { "type": "string", "enum": ["around", "feature"], "description": "Default: around" },
                "radius_m": { "type": "number", "minimum": 1, "maximum": 500, "description": "Default: 15" },
                "settles": { "type": "integer", "description": "The entry of the mark that this settles" },
            },
        },
        "LandQueue": {
            "type": "object", "required": ["waiting", "corrections", "disputed"],
            "properties": { "waiting": list(&object), "corrections": list(&object), "disputed": list(&object) },
        },
        "LandChanges": {
            "type": "object", "required": ["days", "looked_at", "changed"],
            "properties": {
                "days": { "type": "integer" }, "looked_at": { "type": "integer" }, "changed": list(&object),
            },
        },
        "Owner": owner,
        "Areas": areas,
        "AreaStatistic": statistic,
        "LandQuestion": {
            "type": "object", "description": "One to a line; one form of place",
            "properties": {
                "id": { "type": ["string", "integer"], "description": "Comes back with the answer" },
                "q": text, "lat": { "type": "number" }, "lon": { "type": "number" },
                "e": { "type": "number" }, "n": { "type": "number" },
                "grid_ref": text, "postcode": text, "uprn": { "type": ["string", "integer"] },
                "usrn": { "type": ["string", "integer"] }, "street": text,
                "sigma": { "type": "number" }, "at": { "type": "string", "format": "date" }, "role": text, "about": text,
            },
        },
    })
}
