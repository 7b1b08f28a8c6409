//! The book's answer to "whose land is this?": what its layers hold about a place, as the rules of
//! [`crate::domain::ownership`] ask for it, on the day that is asked about and with what staff have corrected.

use super::book::LandBook;
use super::geometry::corner;
use super::layer::{Crs, Feature, Layer};
use crate::domain::ownership::{
    self, Asked, Confidence, Correction, Found, Ground, Hit, LayerKind, OwnerAnswer, Position, Touch,
};
use crate::domain::place::{GridPoint, Located};
use crate::land::Area;
use jiff::civil::Date;
use std::sync::Arc;

/// Lines are looked for at most so far beyond what was asked, in metres, however inaccurate their layer.
const ACCURACY_M_MAX: f64 = 25.0;
/// How far the lines of a layer that came in degrees may be off by the shift to the National Grid, in metres: what
/// OSTN15 itself is good to.
const LAYER_CRS_ACCURACY_M: f64 = 0.1;
/// How far the nearest features are looked for at first, in metres.
const FIRST_REACH_M: f64 = 50.0;
/// The layer and kind under which a correction of ground that no layer knew appears.
const CORRECTIONS: &str = "corrections";

impl LandBook {
    /// Whose land a place is on, by the newest maps: microseconds for a point well inside, some hundred for a blot near
    /// an edge.
    pub fn answer(&self, place: &Located) -> OwnerAnswer {
        self.ask(&Asked::at(*place))
    }

    /// The same for a day, a role, a matter.
    pub fn ask(&self, asked: &Asked) -> OwnerAnswer {
        let mut answer = ownership::answer(&self.bodies, asked, &OnDay { book: self, on: asked.on }, self.epoch);
        if !self.missing.is_empty() {
            if answer.confidence == Confidence::Confident && answer.basis.is_some() {
                answer.confidence = Confidence::Probable;
            }
            answer.why.push_str(&format!(" Could not be read, so not asked: {}.", self.missing.join(", ")));
        }
        answer
    }
}

/// What a map system asks.
impl LandBook {
    /// Every feature that covers a point on a day, by layer.
    pub fn covering(&self, at: GridPoint, on: Option<Date>) -> Vec<Area> {
        let ground = OnDay { book: self, on };
        ground
            .all_touching(at)
            .into_iter()
            .map(|(layer, feature, position)| self.area(layer, feature, Some(position), 0.0))
            .collect()
    }

    /// The features nearest to a point, nearest first: the reach is doubled until there are enough.
    pub fn nearest(&self, at: GridPoint, reach_m: f64, max: usize, layer: Option<&str>) -> Vec<Area> {
        let ground = OnDay { book: self, on: None };
        let wanted = |one: &&Layer| layer.is_none_or(|id| one.meta.id == id);
        let touching = ground.all_touching(at).into_iter().filter(|(layer, ..)| wanted(layer));
        let mut all: Vec<Area> =
            touching.map(|(layer, feature, position)| self.area(layer, feature, Some(position), 0.0)).collect();
        let touching_n = all.len();
        let mut tried_m = reach_m.min(FIRST_REACH_M);
        loop {
            all.truncate(touching_n);
            for layer in ground.layers().filter(wanted) {
                let near = layer.near(corner(at), (tried_m * 1000.0) as i32).into_iter();
                let near = near.filter(|(feature, _)| ground.stands(feature));
                all.extend(near.map(|(feature, near_m)| self.area(layer, feature, None, near_m)));
            }
            if all.len() >= max || tried_m >= reach_m {
                break;
            }
            tried_m = (tried_m * 4.0).min(reach_m);
        }
        all.sort_by(|a, b| {
            let names = |one: &Area| (one.layer.clone(), one.feature.clone());
            a.distance_m.total_cmp(&b.distance_m).then_with(|| names(a).cmp(&names(b)))
        });
        all.truncate(max);
        all
    }

    fn area(&self, layer: &Layer, feature: &Feature, position: Option<Position>, distance_m: f64) -> Area {
        let kind = kind_of(layer, feature);
        let known = self.bodies.kind(kind);
        let body = feature.body.as_ref().or(layer.meta.body.as_ref());
        let body = body.cloned().or_else(|| self.bodies.answering_for(kind).map(|body| body.id.clone()));
        Area {
            layer: layer.meta.id.clone(),
            layer_name: layer.meta.name.clone(),
            kind: kind.to_owned(),
            feature: feature.id.clone(),
            name: feature.name.clone(),
            role: known.and_then(LayerKind::role).filter(|_| body.is_some()),
            body,
            position,
            distance_m,
            date: layer.meta.date.clone(),
            licence: layer.meta.licence.clone(),
        }
    }
}

/// The layers as they were in force on a day; without one, those that have not ended.
struct OnDay<'b> {
    book: &'b LandBook,
    on: Option<Date>,
}

impl OnDay<'_> {
    fn holds(&self, from: Option<Date>, until: Option<Date>) -> bool {
        match self.on {
            Some(on) => from.is_none_or(|from| from <= on) && until.is_none_or(|until| on <= until),
            None => until.is_none(),
        }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        let layers = self.book.layers.iter().map(AsRef::as_ref);
        layers.filter(|layer: &&Layer| self.holds(layer.meta.valid_from, layer.meta.valid_until))
    }

    fn stands(&self, feature: &Feature) -> bool {
        self.holds(feature.valid_from, feature.valid_until)
    }

    /// The newest correction of what touches a point: by the place in `touching` of the feature that it corrects, or
    /// `None` for one of ground that no layer knew.
    fn corrected(
        &self,
        at: GridPoint,
        touching: &[(&Layer, &Feature, Position)],
    ) -> Option<(Option<usize>, &Arc<Correction>)> {
        let names = || touching.iter().map(|(layer, feature, _)| (layer.meta.id.as_str(), feature.id.as_str()));
        let correction = self.book.corrections.iter().rev().find(|correction| correction.covers(at, names()))?;
        let feature = correction.feature.as_ref();
        Some((feature.and_then(|(layer, feature)| names().position(|one| one == (layer, feature))), correction))
    }

    fn all_touching(&self, at: GridPoint) -> Vec<(&Layer, &Feature, Position)> {
        let at = corner(at);
        let of_layer = |layer| move |(feature, position)| (layer, feature, position);
        self.layers()
            .flat_map(|layer| layer.touching(at).into_iter().map(of_layer(layer)))
            .filter(|(_, feature, _)| self.stands(feature))
            .collect()
    }
}

impl Ground for OnDay<'_> {
    fn around(&self, at: GridPoint, reach_m: f64) -> Vec<Found> {
        let point = corner(at);
        let touching = self.all_touching(at);
        let mut all: Vec<Found> = touching
            .iter()
            .map(|(layer, feature, position)| {
                let edge_m = match position {
                    Position::Interior => layer.edge_m(feature, point),
                    Position::Boundary => 0.0,
                };
                found(layer, feature, *position, Some(edge_m), None)
            })
            .collect();
        match self.corrected(at, &touching) {
            Some((Some(nth), correction)) => all[nth].corrected = Some(Arc::clone(correction)),
            Some((None, correction)) => all.extend(bare(at, correction)),
            None => {}
        }
        for layer in self.layers() {
            let decides = self.book.bodies.kind(&layer.meta.kind).is_some_and(LayerKind::decides);
            if !decides && !layer.has_own_kinds() {
                continue;
            }
            let reach_m = reach_m.max((2.0 * layer.meta.accuracy_m).min(ACCURACY_M_MAX));
            for (feature, near_m) in layer.near(point, (reach_m * 1000.0) as i32) {
                if self.stands(feature) {
                    all.push(found(layer, feature, Position::Boundary, None, Some(near_m)));
                }
            }
        }
        all
    }

    fn touching(&self, at: GridPoint, each: &mut dyn FnMut(Touch<'_>)) {
        let touching = self.all_touching(at);
        let corrected = if self.book.corrections.is_empty() { None } else { self.corrected(at, &touching) };
        if let Some((nth, correction)) = corrected {
            let kind = nth.map_or(CORRECTIONS, |nth| kind_of(touching[nth].0, touching[nth].1));
            each(Touch { kind, body: Some(&correction.body), corrected: true });
        }
        for (layer, feature, _) in &touching {
            let body = feature.body.as_ref().or(layer.meta.body.as_ref());
            each(Touch { kind: kind_of(layer, feature), body, corrected: false });
        }
    }
}

fn kind_of<'l>(layer: &'l Layer, feature: &'l Feature) -> &'l str {
    feature.kind.as_deref().unwrap_or(&layer.meta.kind)
}

fn found(
    layer: &Layer,
    feature: &Feature,
    position: Position,
    boundary_m: Option<f64>,
    nearest_m: Option<f64>,
) -> Found {
    let meta = &layer.meta;
    Found {
        hit: Hit {
            layer: meta.id.clone(),
            kind: kind_of(layer, feature).to_owned(),
            feature: feature.id.clone(),
            position,
            body: feature.body.clone().or_else(|| meta.body.clone()),
            boundary_m,
            nearest_m,
        },
        feature_name: feature.name.clone(),
        layer_name: meta.name.clone(),
        layer_date: meta.date.clone(),
        licence: meta.licence.clone(),
        accuracy_m: meta.accuracy_m,
        crs_accuracy_m: match meta.crs {
            Crs::Wgs84 => LAYER_CRS_ACCURACY_M,
            Crs::Bng => 0.0,
        },
        area_m2: feature.area_m2,
        corrected: None,
    }
}

/// A correction of ground that no layer knew, as if it were a round piece of land.
fn bare(at: GridPoint, correction: &Arc<Correction>) -> Option<Found> {
    let (middle, radius_m) = correction.around?;
    let hit = Hit {
        layer: CORRECTIONS.to_owned(),
        kind: CORRECTIONS.to_owned(),
        feature: format!("record {}", correction.record),
        position: Position::Interior,
        body: Some(correction.body.clone()),
        boundary_m: Some(radius_m - middle.distance_m(at)),
        nearest_m: None,
    };
    Some(Found {
        hit,
        feature_name: None,
        layer_name: "What staff have corrected".to_owned(),
        layer_date: correction.at.strftime("%Y-%m-%d").to_string(),
        licence: String::new(),
        accuracy_m: 0.0,
        crs_accuracy_m: 0.0,
        area_m2: core::f64::consts::PI * radius_m * radius_m,
        corrected: Some(Arc::clone(correction)),
    })
}
