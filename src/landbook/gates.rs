//! Whether a new edition of a layer may follow the old one, or looks like a slip: half the features gone, twice the
//! land, another county, other owners.
//!
//! A council's land changes by a few plots a month. An export with the wrong filter changes it by thousands, and
//! nobody sees that at the desk; so a large change must be said to be meant. Nothing here decides what is right: each
//! gate compares one number with a limit of the settings, and says both.

use super::geometry::{Corner, Extent};
use super::layer::Layer;
use serde::Serialize;
use std::collections::BTreeSet;

/// The limits, from the settings (`[layers]`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// Features may grow or shrink by so many per cent.
    pub count_percent: u32,
    /// Land may grow or shrink by so many per cent.
    pub area_percent: u32,
    /// Each side of the box around all may move by so many per cent of the old box.
    pub extent_percent: u32,
    /// So many points are asked in both editions.
    pub points_n: u32,
    /// Of them, so many per cent may have another answer.
    pub points_percent: u32,
}

/// A gate that stands against an edition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stop {
    /// Which: `count`, `area`, `extent`, `points`, `place`.
    pub gate: &'static str,
    /// What was found, and the limit.
    pub words: String,
}

/// What comparing found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// What changed, a sentence each, whether or not it is too much.
    pub changes: Vec<String>,
    /// What is too much.
    pub stops: Vec<Stop>,
}

impl Verdict {
    fn weigh(&mut self, gate: &'static str, change: String, too_much: bool, limit: &str) {
        if too_much {
            self.stops.push(Stop { gate, words: format!("{change}; the limit is {limit}") });
        }
        self.changes.push(change);
    }
}

/// Compares the edition in force with the one that would follow it.
pub fn compare(old: &Layer, new: &Layer, limits: &Limits) -> Verdict {
    let mut verdict = Verdict::default();
    let (before, after) = (old.features().len() as f64, new.features().len() as f64);
    let change = format!("{before} features before, {after} now ({})", signed_percent(before, after));
    let limit = format!("{} %", limits.count_percent);
    verdict.weigh("count", change, percent(before, after).abs() > f64::from(limits.count_percent), &limit);

    let land = |layer: &Layer| layer.features().iter().map(|feature| feature.area_m2).sum::<f64>();
    let (before, after) = (land(old), land(new));
    let hectares = |m2: f64| format!("{:.1} ha", m2 / 10_000.0);
    let change = format!("{} before, {} now ({})", hectares(before), hectares(after), signed_percent(before, after));
    let limit = format!("{} %", limits.area_percent);
    verdict.weigh("area", change, percent(before, after).abs() > f64::from(limits.area_percent), &limit);

    let (moved_m, size_m) = moved(old.extent(), new.extent());
    let change = format!("the box around it moved by {moved_m:.0} m at most, of {size_m:.0} m");
    let most_m = size_m * f64::from(limits.extent_percent) / 100.0;
    verdict.weigh("extent", change, moved_m > most_m, &format!("{} %, {most_m:.0} m", limits.extent_percent));

    let points = points(old, new, limits.points_n as usize);
    let other: Vec<Corner> = points.iter().copied().filter(|at| answer(old, *at) != answer(new, *at)).collect();
    let share = 100.0 * other.len() as f64 / points.len().max(1) as f64;
    let mut change = format!("{} of {} points asked have another answer ({share:.1} %)", other.len(), points.len());
    if let Some([x, y]) = other.first() {
        change.push_str(&format!(", such as {},{}", x / 1_000, y / 1_000));
    }
    let limit = format!("{} %", limits.points_percent);
    verdict.weigh("points", change, share > f64::from(limits.points_percent), &limit);
    verdict
}

/// A layer that is the first of its name must at least lie where the others lie: so swapped axes and the wrong
/// county are found. `others`: the box around all other layers, none where it is the first of all.
pub fn first(new: &Layer, others: Option<Extent>) -> Verdict {
    /// Farther than so many metres from everything known is another place.
    const NEAR_MM: i32 = 20_000_000;
    let mut verdict = Verdict::default();
    let Some(others) = others else { return verdict };
    let low = others.low.map(|mm| mm.saturating_sub(NEAR_MM));
    let high = others.high.map(|mm| mm.saturating_add(NEAR_MM));
    if !new.extent().meets(&(Extent { low, high })) {
        let metres = |corner: Corner| format!("{},{}", corner[0] / 1_000, corner[1] / 1_000);
        let words = format!(
            "it lies at {} to {}, more than {} km from all other layers ({} to {}): another county, or easting and \
             northing swapped?",
            metres(new.extent().low),
            metres(new.extent().high),
            NEAR_MM / 1_000_000,
            metres(others.low),
            metres(others.high)
        );
        verdict.stops.push(Stop { gate: "place", words });
    }
    verdict
}

fn percent(before: f64, after: f64) -> f64 {
    if before > 0.0 { 100.0 * (after - before) / before } else { 0.0 }
}

fn signed_percent(before: f64, after: f64) -> String {
    format!("{:+.1} %", percent(before, after))
}

/// How far a side of the box moved at most, and the longer side of the old box, in metres.
fn moved(old: Extent, new: Extent) -> (f64, f64) {
    let gap = |a: i32, b: i32| (f64::from(a) - f64::from(b)).abs() / 1_000.0;
    let moved = (0..2).map(|axis| gap(old.low[axis], new.low[axis]).max(gap(old.high[axis], new.high[axis])));
    let size = (0..2).map(|axis| gap(old.high[axis], old.low[axis]));
    (moved.fold(0.0, f64::max), size.fold(0.0, f64::max))
}

/// Who answers for a point: every body, kind and the mere presence of a feature, but not the feature's id, which
/// some exports number anew each time.
fn answer(layer: &Layer, at: Corner) -> BTreeSet<(Option<&str>, &str)> {
    layer
        .touching(at)
        .into_iter()
        .map(|(feature, _)| {
            let body = feature.body.as_ref().or(layer.meta.body.as_ref());
            (body.map(|body| body.as_str()), feature.kind.as_deref().unwrap_or(&layer.meta.kind))
        })
        .collect()
}

/// Points to ask: the middle of the box of features of both editions, taken evenly, and a third at random places near
/// them. The same at each run.
fn points(old: &Layer, new: &Layer, n: usize) -> Vec<Corner> {
    let mut points = Vec::with_capacity(n);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut chance = |below: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (i64::from((seed >> 33) as u32) * below.max(1)) >> 31
    };
    for layer in [old, new] {
        let features = layer.features();
        let wanted = (n / 2).max(1);
        let step = (features.len() / wanted).max(1);
        for (turn, feature) in features.iter().step_by(step).take(wanted).enumerate() {
            let Some(part) = feature.parts.first() else { continue };
            let Extent { low, high } = part.extent();
            let at = [0, 1].map(|axis| {
                let (low, high) = (i64::from(low[axis]), i64::from(high[axis]));
                let away = if turn % 3 == 2 { chance(3 * (high - low) + 1) - (high - low) } else { (high - low) / 2 };
                i32::try_from(low + away).unwrap_or(i32::MAX)
            });
            points.push(at);
        }
    }
    points
}
