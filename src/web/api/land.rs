//! `GET /api/v1/land`: whose land a place is, while the caller is on the line.

use super::json;
use crate::domain::ownership::{Asked, OwnerAnswer};
use crate::domain::place::{
    DEVICE_UNCERTAINTY_M, Given, GridPoint, GridReference, LatLon, Located, PlaceError, TYPED_GRID_UNCERTAINTY_M,
    format_grid_reference, parse_place,
};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde::Serialize;
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

#[derive(Serialize)]
struct PlaceTold {
    easting: f64,
    northing: f64,
    lat: Option<f64>,
    lon: Option<f64>,
    grid_ref: String,
    uncertainty_m: f64,
    sigma_m: f64,
}

#[derive(Serialize)]
struct Reply {
    place: PlaceTold,
    #[serde(flatten)]
    answer: OwnerAnswer,
}

/// Answers for `q` (any form, as typed), `lat`+`lon`, `e`+`n` (or `easting`+`northing`), or `grid_ref`.
pub fn ask(call: Call) -> Result<Response, Problem> {
    let place = place(&call)?;
    let point = place.point;
    let degrees = call.app.land.to_lat_lon(point);
    let told = PlaceTold {
        easting: point.easting(),
        northing: point.northing(),
        lat: degrees.map(|degrees| degrees.lat),
        lon: degrees.map(|degrees| degrees.lon),
        grid_ref: format_grid_reference(point, 10),
        uncertainty_m: place.uncertainty_m,
        sigma_m: place.sigma_m(),
    };
    Ok(json(
        StatusCode::OK,
        &Reply { place: told, answer: call.app.land.ask(&Asked { on: Some(call.app.today()), ..Asked::at(place) }) },
    ))
}

/// The form of the answer, for the OpenAPI document.
pub(super) fn schema() -> Value {
    let text = value!({ "type": "string" });
    let list = |item: &Value| value!({ "type": "array", "items": item });
    let object = value!({ "type": "object" });
    value!({
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
        },
    })
}

fn place(call: &Call) -> Result<Located, Problem> {
    let asked = call.query_pairs();
    let value = |names: [&str; 2]| {
        asked
            .iter()
            .find(|(name, text)| names.contains(&name.as_str()) && !text.is_empty())
            .map(|(_, text)| text.as_str())
    };
    let refused = |error: PlaceError| Problem::new(Kind::BadRequest, error.to_string());
    let number = |text: &str, what: &str| {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| Problem::new(Kind::BadRequest, format!("{what} is not a number; send digits")))
    };
    let on_grid = |place: LatLon| {
        let outside = PlaceError::OutsideDegrees { lat: place.lat, lon: place.lon };
        call.app.land.to_grid(place).ok_or(outside).map_err(refused)
    };
    let (lat, lon) = (value(["lat", "latitude"]), value(["lon", "lng"]));
    let (easting, northing) = (value(["e", "easting"]), value(["n", "northing"]));
    if let Some(text) = value(["q", "place"]) {
        return match parse_place(text).map_err(refused)? {
            Given::Grid(located) => Ok(located),
            Given::Degrees(place, uncertainty_m) => Ok(Located::new(on_grid(place)?, uncertainty_m).from_degrees()),
        };
    }
    if let Some(text) = value(["grid_ref", "gridref"]) {
        return Ok(GridReference::parse(text).map_err(refused)?.located());
    }
    if let (Some(lat), Some(lon)) = (lat, lon) {
        let place = LatLon::in_great_britain(number(lat, "lat")?, number(lon, "lon")?).map_err(refused)?;
        return Ok(Located::new(on_grid(place)?, DEVICE_UNCERTAINTY_M).from_degrees());
    }
    if let (Some(easting), Some(northing)) = (easting, northing) {
        let point = GridPoint::on_grid(number(easting, "e")?, number(northing, "n")?).map_err(refused)?;
        return Ok(Located::new(point, TYPED_GRID_UNCERTAINTY_M));
    }
    Err(Problem::new(Kind::BadRequest, "give a place: ?q=SD 80376 10712, ?lat=&lon=, ?e=&n= or ?grid_ref="))
}
