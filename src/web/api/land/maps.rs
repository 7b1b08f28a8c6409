//! What users know from their map system: what covers a point, what is near, what lies in a box, how many contacts an
//! area has; and the addresses by which programs ask MapIt.

use super::{PlaceTold, asking};
use crate::domain::place::{GridPoint, Postcode, Typed};
use crate::land::{Area, Land, from_device, resolve};
use crate::web::api::json;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde_json::{Map, Value, json as value};
use std::collections::BTreeMap;
use warp::http::StatusCode;
use warp::reply::Response;

/// The most features of one answer.
pub const FEATURES_MAX: usize = 1_000;
/// How many features are given where the query does not say.
const FEATURES: usize = 200;
/// The farthest that the nearest are looked for, in metres.
const NEAREST_M_MAX: f64 = 2_000.0;
/// The farthest of "within", in metres.
const WITHIN_M_MAX: f64 = 500.0;
/// The widest box, in metres.
const BOX_M_MAX: f64 = 50_000.0;

fn bad(name: &str, problem: &str, remedy: impl Into<String>) -> Problem {
    let mut sheet = asking::Sheet::sort(Vec::new(), &[]);
    sheet.fault(name, problem, &remedy.into());
    asking::refusal(sheet.faults)
}

fn count(call: &Call, name: &str, usual: usize) -> Result<usize, Problem> {
    let Some(text) = call.query_value(name) else { return Ok(usual) };
    let number = text.parse::<usize>().ok().filter(|number| (1..=FEATURES_MAX).contains(number));
    number.ok_or_else(|| bad(name, "this is not a count", format!("use 1 to {FEATURES_MAX}")))
}

/// The layer that is asked for, checked to be there.
fn layer(call: &Call) -> Result<Option<String>, Problem> {
    let Some(id) = call.query_value("layer").filter(|id| !id.is_empty()) else { return Ok(None) };
    let known = call.app.land.layer_ids();
    if known.contains(&id) {
        return Ok(Some(id));
    }
    let remedy = match known.is_empty() {
        true => "there are no layers yet: callout import layer".to_owned(),
        false => format!("use one of {}", known.join(", ")),
    };
    Err(bad("layer", "there is no such layer", remedy))
}

fn needed_layer(call: &Call) -> Result<String, Problem> {
    layer(call)?.ok_or_else(|| {
        bad("layer", "no layer is given", format!("use one of {}", call.app.land.layer_ids().join(", ")))
    })
}

/// `GET /api/v1/land/area`: every feature of every layer that covers the place.
pub fn area(call: Call) -> Result<Response, Problem> {
    let land = call.app.land.as_ref();
    let (found, asked) = asking::read_with(&call, land, &["layer"])?;
    let layer = layer(&call)?;
    let mut areas = land.covering(found.place.point, asked.on);
    areas.retain(|area| layer.as_ref().is_none_or(|id| area.layer == *id));
    Ok(json(StatusCode::OK, &value!({ "place": PlaceTold::new(land, found), "areas": areas })))
}

/// `GET /api/v1/land/nearest?...&count=5`.
pub fn nearest(call: Call) -> Result<Response, Problem> {
    let land = call.app.land.as_ref();
    let (found, _) = asking::read_with(&call, land, &["layer", "count"])?;
    let (layer, count) = (layer(&call)?, count(&call, "count", 5)?);
    let areas = land.nearest(found.place.point, NEAREST_M_MAX, count, layer.as_deref());
    Ok(json(StatusCode::OK, &value!({ "place": PlaceTold::new(land, found), "areas": areas })))
}

/// `GET /api/v1/land/within?...&distance=50`.
pub fn within(call: Call) -> Result<Response, Problem> {
    let land = call.app.land.as_ref();
    let (found, _) = asking::read_with(&call, land, &["layer", "distance", "limit"])?;
    let (layer, limit) = (layer(&call)?, count(&call, "limit", FEATURES)?);
    let distance_m = call.query_value("distance").and_then(|text| text.parse::<f64>().ok());
    let distance_m = distance_m.filter(|metres| (0.0..=WITHIN_M_MAX).contains(metres));
    let distance_m = distance_m.ok_or_else(|| {
        bad("distance", "this is not a distance in metres", format!("use 0 to {WITHIN_M_MAX}, such as distance=50"))
    })?;
    let areas = land.nearest(found.place.point, distance_m, limit, layer.as_deref());
    Ok(json(StatusCode::OK, &value!({ "place": PlaceTold::new(land, found), "areas": areas })))
}

/// `GET /api/v1/land/features?layer=&box=west,south,east,north`: GeoJSON in EPSG:27700, for maps.
pub fn features(call: Call) -> Result<Response, Problem> {
    let (layer, limit) = (needed_layer(&call)?, count(&call, "limit", FEATURES)?);
    let sides: Vec<f64> =
        call.query_value("box").unwrap_or_default().split(',').filter_map(|side| side.trim().parse().ok()).collect();
    let sides: [f64; 4] = sides
        .try_into()
        .map_err(|_| bad("box", "this is not a box", "use west,south,east,north in metres of the National Grid"))?;
    let [west, south, east, north] = sides;
    let fits = |low: f64, high: f64| low < high && high - low <= BOX_M_MAX;
    if !(fits(west, east) && fits(south, north)) {
        return Err(bad("box", "west must be less than east, south less than north", "at most 50 km each way"));
    }
    let found = call.app.land.features(&layer, sides, limit);
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "there is no such layer any more"))?;
    Ok(json(StatusCode::OK, &found))
}

/// `GET /api/v1/land/statistic?layer=wards&tag=flooding`: the newest contacts by the area that they are in.
pub fn statistic(call: Call) -> Result<Response, Problem> {
    let layer = needed_layer(&call)?;
    let tag = call.query_value("tag").filter(|tag| !tag.is_empty());
    let view = call.app.view();
    let mut counted: BTreeMap<String, (Area, u64)> = BTreeMap::new();
    let (mut outside, mut contacts) = (0_u64, 0_u64);
    for contact in &view.tally.recent {
        if tag.as_ref().is_some_and(|tag| contact.tags.iter().all(|one| one.as_str() != tag)) {
            continue;
        }
        contacts += 1;
        let areas = contact.place.map_or_else(Vec::new, |place| call.app.land.covering(place, None));
        let mut inside = false;
        for area in areas.into_iter().filter(|area| area.layer == layer) {
            inside = true;
            counted.entry(area.feature.clone()).or_insert((area, 0)).1 += 1;
        }
        outside += u64::from(!inside);
    }
    let mut areas: Vec<(Area, u64)> = counted.into_values().collect();
    areas.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.feature.cmp(&b.feature)));
    let areas: Vec<Value> = areas
        .into_iter()
        .take(FEATURES_MAX)
        .map(|(area, n)| value!({ "feature": area.feature, "name": area.name, "contacts": n }))
        .collect();
    Ok(json(StatusCode::OK, &value!({ "layer": layer, "areas": areas, "outside": outside, "contacts": contacts })))
}

/// What covers a point, in the form in which MapIt answers: by id, with name and type.
fn mapit(land: &dyn Land, at: GridPoint) -> Map<String, Value> {
    let areas = land.covering(at, None).into_iter().map(|area| {
        let id = format!("{}/{}", area.layer, area.feature);
        let name = area.name.unwrap_or_else(|| area.feature.clone());
        let told = value!({
            "id": id, "name": name, "type": area.kind, "type_name": area.layer_name, "codes": { "callout": area.feature },
        });
        (id, told)
    });
    areas.collect()
}

/// Two numbers of a path, `380376,410712`.
fn two(call: &Call) -> Result<(f64, f64), Problem> {
    let text = call.params.first().map(String::as_str).unwrap_or_default();
    let numbers = text.split_once(',').and_then(|(one, two)| Some((one.parse().ok()?, two.parse().ok()?)));
    numbers.ok_or_else(|| Problem::new(Kind::BadRequest, "give two numbers with a comma between them"))
}

/// `GET /point/osgb/{easting,northing}`.
pub fn point_osgb(call: Call) -> Result<Response, Problem> {
    let (easting, northing) = two(&call)?;
    let at =
        GridPoint::on_grid(easting, northing).map_err(|error| Problem::new(Kind::BadRequest, error.to_string()))?;
    Ok(json(StatusCode::OK, &mapit(call.app.land.as_ref(), at)))
}

/// `GET /point/4326/{lon,lat}`: longitude first, as MapIt has it.
pub fn point_degrees(call: Call) -> Result<Response, Problem> {
    let (lon, lat) = two(&call)?;
    let land = call.app.land.as_ref();
    let place = from_device(land, lat, lon, None);
    let place =
        place.map_err(|error| Problem::new(Kind::BadRequest, format!("longitude comes first here; {error}")))?;
    Ok(json(StatusCode::OK, &mapit(land, place.point)))
}

/// `GET /postcode/{postcode}`.
pub fn postcode(call: Call) -> Result<Response, Problem> {
    let text = call.params.first().map(String::as_str).unwrap_or_default().replace("%20", " ").replace('+', " ");
    let refused = |error: String| Problem::new(Kind::BadRequest, error);
    let postcode = Postcode::parse(&text).map_err(|error| refused(error.to_string()))?;
    let land = call.app.land.as_ref();
    let found = resolve(land, &Typed::Postcode(postcode.clone()));
    let found = found.map_err(|error| Problem::new(Kind::NotFound, error.to_string()))?;
    let degrees = land.to_lat_lon(found.place.point);
    let told = value!({
        "postcode": postcode.as_str(), "easting": found.place.point.easting(), "northing": found.place.point.northing(),
        "wgs84_lat": degrees.map(|degrees| degrees.lat), "wgs84_lon": degrees.map(|degrees| degrees.lon),
        "coordsyst": "G", "areas": mapit(land, found.place.point),
    });
    Ok(json(StatusCode::OK, &told))
}
