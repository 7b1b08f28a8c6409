//! `GET /api/v1/land`: whose land a place is, while the caller is on the line.

use super::json;
use crate::domain::ownership::OwnerAnswer;
use crate::domain::place::{
    DEVICE_UNCERTAINTY_M, Given, GridPoint, GridReference, LatLon, Located, PlaceError, TYPED_GRID_UNCERTAINTY_M,
    format_grid_reference, parse_place,
};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde::Serialize;
use warp::http::StatusCode;
use warp::reply::Response;

#[derive(Serialize)]
struct Asked {
    easting: f64,
    northing: f64,
    lat: Option<f64>,
    lon: Option<f64>,
    grid_ref: String,
    uncertainty_m: f64,
}

#[derive(Serialize)]
struct Reply {
    place: Asked,
    #[serde(flatten)]
    answer: OwnerAnswer,
}

/// Answers for `q` (any form, as typed), `lat`+`lon`, `e`+`n` (or `easting`+`northing`), or `grid_ref`.
pub fn ask(call: Call) -> Result<Response, Problem> {
    let place = place(&call)?;
    let point = place.point;
    let degrees = call.app.land.to_lat_lon(point);
    let asked = Asked {
        easting: point.easting(),
        northing: point.northing(),
        lat: degrees.map(|degrees| degrees.lat),
        lon: degrees.map(|degrees| degrees.lon),
        grid_ref: format_grid_reference(point, 10),
        uncertainty_m: place.uncertainty_m,
    };
    Ok(json(StatusCode::OK, &Reply { place: asked, answer: call.app.land.owner(place) }))
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
