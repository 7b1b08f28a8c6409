//! A cache that anybody may alter, cut or delete: it is refused or gives the same answers, and it is made again.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::ownership::Position;
use crate::landbook::geometry::Extent;
use crate::landbook::layer::Crs;

/// Dice with a seed, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below.max(1)
    }
}

/// A village: rows of plots that share their sides, some with a well in a hole, on a common that lies round all.
fn village() -> Layer {
    let mut dice = Dice(77);
    let ring = |west: i32, south: i32, east: i32, north: i32| {
        Ring::new(vec![[west, south], [east, south], [east, north], [west, north], [west, south]])
    };
    let mut features = Vec::new();
    let mut add = |rings: Vec<Ring>| {
        let parts = vec![Part::new(rings)];
        let number = features.len();
        features.push(Feature {
            id: format!("plot {number}"),
            name: (number % 3 == 0).then(|| "Käthe's".to_owned()),
            body: (number % 5 == 0).then(|| BodyId::new("parish")),
            kind: None,
            repaired: number % 7 == 0,
            valid_from: (number % 4 == 0).then(|| jiff::civil::date(2020, 2, 29)),
            valid_until: None,
            area_m2: parts[0].area_m2(),
            parts,
        });
    };
    add(vec![ring(0, 0, 1_000_000, 1_000_000)]);
    for row in 0..12 {
        let mut west = 300_000;
        for _ in 0..16 {
            let east = west + 6_000 + dice.roll(9_000) as i32;
            let (south, north) = (300_000 + row * 20_000, 320_000 + row * 20_000);
            let mut rings = vec![ring(west, south, east, north)];
            if dice.roll(4) == 0 {
                rings.push(ring(west + 2_000, south + 2_000, west + 4_000, south + 5_000));
            }
            add(rings);
            west = east;
        }
    }
    let meta = LayerMeta {
        id: "village".to_owned(),
        name: "Village".to_owned(),
        kind: "park".to_owned(),
        body: None,
        date: "2026-04-01".to_owned(),
        licence: "ours".to_owned(),
        accuracy_m: 1.0,
        source: "village.geojson".to_owned(),
        sha256: "0".repeat(64),
        crs: Crs::Bng,
        features: features.len() as u64,
        repaired: 0,
        accepted: None,
        valid_from: None,
        valid_until: None,
    };
    Layer::new(meta, features)
}

fn points() -> Vec<Corner> {
    let mut dice = Dice(5);
    (0..300).map(|_| [280_000 + dice.roll(300_000) as i32, 280_000 + dice.roll(300_000) as i32]).collect()
}

fn answers(layer: &Layer) -> Vec<Vec<(&str, Position)>> {
    let told =
        |at: &Corner| layer.touching(*at).into_iter().map(|(one, position)| (one.id.as_str(), position)).collect();
    points().iter().map(told).collect()
}

/// Makes the checksums fit what was altered.
fn seal_again(bytes: &mut [u8]) {
    let mut at = TABLE_END + DIGEST;
    for section in 0..SECTIONS {
        let entry = TABLE_AT + section * ENTRY;
        let length = u64::from_le_bytes(bytes[entry..entry + 8].try_into().unwrap()) as usize;
        let Some(section) = bytes.get(at..at.saturating_add(length)) else { return };
        let sum = Sha256::digest(section);
        bytes[entry + 8..entry + ENTRY].copy_from_slice(&sum);
        at += length;
    }
    let sum = Sha256::digest(&bytes[..TABLE_END]);
    bytes[TABLE_END..TABLE_END + DIGEST].copy_from_slice(&sum);
}

#[test]
fn a_layer_comes_back_from_its_cache_as_it_was() {
    let village = village();
    let bytes = to_bytes(&village, &[9; DIGEST]).unwrap();
    let (seal, back) = read(&bytes).unwrap();
    assert_eq!(seal, [9; DIGEST]);
    assert_eq!((&back.meta, back.features(), back.index()), (&village.meta, village.features(), village.index()));
    assert!(answers(&back).iter().any(|touched| touched.len() > 1));
}

#[test]
fn thousands_of_flipped_and_cut_files_are_refused() {
    let bytes = to_bytes(&village(), &[9; DIGEST]).unwrap();
    let mut dice = Dice(2026);
    for round in 0..4_000 {
        let mut altered = bytes.clone();
        if round % 4 == 0 {
            altered.truncate(dice.roll(bytes.len()));
        } else {
            // Half of them near the front, where the sizes are.
            let front = if round % 2 == 0 { TABLE_END + 200 } else { bytes.len() };
            altered[dice.roll(front)] ^= 1 << dice.roll(8);
        }
        assert!(read(&altered).is_err(), "round {round} passed");
    }
}

#[test]
fn a_file_altered_with_its_checksums_made_to_fit_leads_nobody_astray() {
    let village = village();
    let bytes = to_bytes(&village, &[9; DIGEST]).unwrap();
    let mut dice = Dice(1_066);
    let (mut refused, mut passed) = (0, 0);
    for _ in 0..3_000 {
        let mut altered = bytes.clone();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len() - MAGIC.len()) + MAGIC.len();
            altered[at] = match dice.roll(3) {
                0 => 0xff,
                1 => 0,
                _ => altered[at] ^ 1 << dice.roll(8),
            };
        }
        seal_again(&mut altered);
        match read(&altered) {
            Err(_) => refused += 1,
            Ok((_, layer)) => {
                // It may answer wrongly now, as any forged map; but it answers, and it comes to an end.
                passed += 1;
                for at in points().into_iter().take(20) {
                    layer.touching(at);
                    layer.near(at, 20_000);
                }
                layer.within(Extent { low: [290_000; 2], high: [400_000; 2] });
                let mut touched = 0;
                layer.index().each_touching_batch(&points(), |_, _| touched += 1);
            }
        }
    }
    assert!(refused > 100 && passed > 100, "{refused} refused, {passed} passed");
}

#[test]
fn a_cache_is_made_at_the_first_start_used_at_the_next_and_made_again_when_lost_or_damaged_or_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut village = village();
    let path = store::write(dir.path(), &village).unwrap();
    let cache = path_of(&path);
    let told = answers(&village);
    let whole = |layer: &Layer| layer.features().len();
    assert_eq!(answers(&open(&path).unwrap()), told);
    let made = fs::read(&cache).unwrap();
    assert_eq!(answers(&open(&path).unwrap()), told);
    for altered in [Vec::new(), made[..made.len() / 2].to_vec(), b"something else".to_vec()] {
        fs::write(&cache, altered).unwrap();
        assert_eq!(answers(&open(&path).unwrap()), told);
        assert_eq!(fs::read(&cache).unwrap(), made, "made again");
    }
    fs::remove_file(&cache).unwrap();
    assert_eq!(answers(&open(&path).unwrap()), told);
    // Another edition: the cache of the old one is not asked.
    let meta = village.meta.clone();
    let fewer = village.features()[..50].to_vec();
    village = Layer::new(LayerMeta { features: 50, ..meta }, fewer);
    store::write(dir.path(), &village).unwrap();
    assert_eq!(whole(&open(&path).unwrap()), 50);
    assert_ne!(fs::read(&cache).unwrap(), made);
    // A damaged layer is told, whatever its cache says.
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(open(&path), Err(StoreError::Damaged { .. })));
}
