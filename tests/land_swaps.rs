//! Layers are replaced while they are asked: no lookup fails, and none sees two editions at once.
#![allow(clippy::unwrap_used)]

use callout::domain::ownership::Bodies;
use callout::domain::place::{GridPoint, Located};
use callout::landbook::import::{ImportOptions, import};
use callout::landbook::layer::{Crs, Layer};
use callout::landbook::{Land, LandBook};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SWAPS: u64 = 20;
/// A million in a release build; fewer where each takes far longer.
const LOOKUPS: usize = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
const ASKING: usize = 2;

fn options(id: &str) -> ImportOptions {
    ImportOptions {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: "park".to_owned(),
        body: None,
        date: "2026-04-01".to_owned(),
        licence: "ours".to_owned(),
        accuracy_m: 0.0,
        crs: Some(Crs::Bng),
        id_field: None,
        name_field: None,
        body_field: None,
        kind_field: None,
        ..ImportOptions::default()
    }
}

/// Three layers with the same square of ground; their features are named by the edition.
fn edition(number: u64, bodies: &Arc<Bodies>) -> LandBook {
    let layers = ["east", "north", "west"].map(|layer| -> Arc<Layer> {
        let text = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","id":"edition {number}","properties":{{}},
            "geometry":{{"type":"Polygon","coordinates":
            [[[349000,325000],[349100,325000],[349100,325100],[349000,325100],[349000,325000]]]}}}}]}}"#
        );
        let read = import(text.as_bytes(), "test.geojson", &options(layer), Some(bodies), &mut |_, _| {});
        Arc::new(read.unwrap().0)
    });
    LandBook::new(layers.into(), Arc::clone(bodies))
}

#[test]
fn a_million_lookups_during_twenty_swaps_all_answer_and_none_mixes_editions() {
    let bodies = Arc::new(Bodies::parse(include_str!("../config/bodies.toml")).unwrap());
    let land = Land::new(edition(1, &bodies));
    let editions: Vec<LandBook> = (2..2 + SWAPS).map(|number| edition(number, &bodies)).collect();
    let asked = AtomicUsize::new(0);
    let place = Located::new(GridPoint::from_metres(349_050.0, 325_050.0), 0.0);
    let mut seen: Vec<u64> = std::thread::scope(|scope| {
        let ask = || {
            let mut epochs = Vec::new();
            while asked.fetch_add(1, Ordering::Relaxed) < LOOKUPS {
                let answer = land.current().answer(&place);
                assert_eq!(answer.hits.len(), 3, "each layer has answered");
                let expected = format!("edition {}", answer.epoch);
                assert!(answer.hits.iter().all(|hit| hit.feature == expected), "{expected}: {:?}", answer.hits);
                if epochs.last() != Some(&answer.epoch) {
                    epochs.push(answer.epoch);
                }
            }
            epochs
        };
        let asking: Vec<_> = (0..ASKING).map(|_| scope.spawn(ask)).collect();
        for (number, book) in editions.into_iter().enumerate() {
            // Spread over the whole time: each swap waits until its share of lookups has been asked.
            let share = LOOKUPS * (number + 1) / (SWAPS as usize + 1);
            while asked.load(Ordering::Relaxed) < share && !asking.iter().all(|thread| thread.is_finished()) {
                std::thread::yield_now();
            }
            assert_eq!(land.replace(book), number as u64 + 2);
        }
        let epochs = asking.into_iter().flat_map(|thread| {
            let epochs = thread.join().unwrap();
            assert!(epochs.is_sorted(), "no answer goes back to an earlier edition: {epochs:?}");
            epochs
        });
        epochs.collect()
    });
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > SWAPS as usize / 2, "the swaps happened while it was asked: {seen:?}");
}
