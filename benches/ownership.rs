//! Which polygons touch a point: what the packed index costs, and the obvious Rust way (`rstar` and `geo`) on the same
//! points. `benches/ownership/compare.py` runs it and measures peers from outside on the very same files.
//!
//! `cargo bench --bench ownership -- [--polygons N] [--gpb FILE] [--points N] [--write DIR] [--start]`. Without arguments
//! a made-up suburb of 10,000 polygons. Times are processor time of the one thread, since machines are shared; p50 and p99
//! are wall time of one call. `--start`: also writes the layer and times a start. Each result is one line of JSON.
#![allow(clippy::unwrap_used)]

use callout::domain::ownership::Position;
use callout::landbook::geometry::{Corner, Extent, Part, Ring};
use callout::landbook::layer::{Crs, Feature, Layer, LayerMeta};
use callout::landbook::packed::{Outlines, PackedIndex, Touch};
use callout::landbook::{pack, store};
use geo::coordinate_position::{CoordPos, CoordinatePosition};
use geo::{Coord, LineString, Polygon};
use rstar::{AABB, RTree, RTreeObject};
use serde_json::json;
use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[path = "ownership/gpb.rs"]
mod gpb;
#[path = "ownership/suburb.rs"]
mod suburb;

/// Each thing is measured so often; the best counts, since the others were disturbed.
const PASSES: usize = 3;

/// A feature's polygons: rings, the shell first.
type Shape = Vec<Vec<Vec<Corner>>>;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below.max(1)
    }

    fn within(&mut self, extent: Extent) -> Corner {
        [0, 1].map(|axis| {
            let span = i64::from(extent.high[axis]) - i64::from(extent.low[axis]) + 1;
            (i64::from(extent.low[axis]) + self.roll(span as u64) as i64) as i32
        })
    }
}

/// Nanoseconds that this thread has had a processor.
fn cpu_ns() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's time");
    stat.split_whitespace().next().unwrap().parse().unwrap()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = cpu_ns();
    let done = work();
    (done, cpu_ns() - begun)
}

fn best(mut work: impl FnMut()) -> f64 {
    (0..PASSES).map(|_| timed(&mut work).1).fold(f64::INFINITY, f64::min)
}

/// Nine points in ten in the box of a random polygon, one in ten anywhere; every hundredth a corner of a polygon.
fn points(shapes: &[Shape], n: usize) -> Vec<Corner> {
    let boxes: Vec<Extent> = shapes
        .iter()
        .map(|shape| shape.iter().flatten().fold(Extent::EMPTY, |all, ring| all.joined(Extent::around(ring))))
        .collect();
    let all = boxes.iter().fold(Extent::EMPTY, |all, one| all.joined(*one));
    let mut dice = Dice(0x5eed_0027_700a);
    let mut point = |number: usize| {
        let feature = dice.roll(shapes.len() as u64) as usize;
        match number % 100 {
            7 => shapes[feature][0][0][dice.roll(3) as usize],
            n if n % 10 == 0 => dice.within(all),
            _ => dice.within(boxes[feature]),
        }
    };
    (0..n).map(&mut point).collect()
}

struct Boxed {
    envelope: AABB<[f64; 2]>,
    number: usize,
}

impl RTreeObject for Boxed {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

/// The obvious way: a tree of boxes, then each whole polygon.
fn rstar_and_geo(shapes: &[Shape], points: &[Corner]) -> serde_json::Value {
    let coord = |at: &Corner| Coord { x: f64::from(at[0]), y: f64::from(at[1]) };
    let line = |ring: &Vec<Corner>| LineString::new(ring.iter().map(coord).collect());
    let polygons: Vec<Polygon<f64>> = shapes
        .iter()
        .flatten()
        .map(|rings| Polygon::new(line(&rings[0]), rings[1..].iter().map(line).collect()))
        .collect();
    let (tree, build_ns) = timed(|| {
        let boxes = polygons.iter().enumerate().map(|(number, polygon)| {
            let corners: Vec<[f64; 2]> = polygon.exterior().0.iter().map(|at| [at.x, at.y]).collect();
            Boxed { envelope: AABB::from_points(&corners), number }
        });
        RTree::bulk_load(boxes.collect())
    });
    let ask = |at: &Corner| -> u64 {
        let point = coord(at);
        let near = tree.locate_in_envelope_intersecting(&AABB::from_point([point.x, point.y]));
        near.filter(|one| polygons[one.number].coordinate_position(&point) != CoordPos::Outside).count() as u64
    };
    let mut touches = 0;
    let ns = best(|| touches = points.iter().map(ask).sum());
    json!({ "what": "rstar and geo", "ns_a_point": ns / points.len() as f64, "build_s": build_ns / 1e9, "touches": touches })
}

fn wall_percentiles(points: &[Corner], mut ask: impl FnMut(Corner)) -> [u64; 2] {
    let mut ns: Vec<u64> = points
        .iter()
        .map(|at| {
            let begun = Instant::now();
            ask(*at);
            begun.elapsed().as_nanos() as u64
        })
        .collect();
    ns.sort_unstable();
    [ns[ns.len() / 2], ns[ns.len() * 99 / 100]]
}

fn callout(shapes: &[Shape], points: &[Corner]) -> (PackedIndex, serde_json::Value) {
    let mut outlines = Outlines::new();
    for shape in shapes {
        shape.iter().for_each(|rings| outlines.push_part(rings.iter().map(Vec::as_slice)).unwrap());
        outlines.end_feature().unwrap();
    }
    let (index, build_ns) = timed(|| PackedIndex::build(&outlines).unwrap());
    let mut touches = 0_u64;
    let single = best(|| {
        touches = 0;
        points.iter().for_each(|at| index.each_touching(*at, |_| touches += 1));
    });
    let mut batch_touches = 0_u64;
    let batch = best(|| {
        batch_touches = 0;
        index.each_touching_batch(points, |_, _| batch_touches += 1);
    });
    assert_eq!(touches, batch_touches, "one by one and together");
    let [p50, p99] = wall_percentiles(points, |at| {
        let mut sum = 0;
        index.each_touching(at, |touch| sum += touch.feature);
        black_box(sum);
    });
    let geometry: usize =
        shapes.iter().flatten().map(|rings| rings.iter().map(|ring| 8 * ring.len() + 4).sum::<usize>() + 12).sum();
    let n = shapes.len() as f64;
    let said = json!({
        "what": "callout", "polygons": shapes.len(), "corners": outlines.corners_n(), "points": points.len(), "touches": touches,
        "single_ns": single / points.len() as f64, "batch_ns": batch / points.len() as f64, "p50_ns": p50, "p99_ns": p99,
        "build_s": build_ns / 1e9, "index_bytes_a_polygon": index.bytes() as f64 / n,
        "with_geometry_bytes_a_polygon": (index.bytes() + geometry) as f64 / n,
    });
    (index, said)
}

/// Polygons, points and answers for the peers: `polygons.gpb`, `points.pts` (pairs of i32), `answers.res` (u32: point,
/// feature, 1 for the boundary).
fn write_for_peers(dir: &Path, shapes: &[Shape], index: &PackedIndex, points: &[Corner]) {
    fs::create_dir_all(dir).unwrap();
    gpb::write(&dir.join("polygons.gpb"), shapes);
    let pairs: Vec<u8> = points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(dir.join("points.pts"), pairs).unwrap();
    let mut out = std::io::BufWriter::new(fs::File::create(dir.join("answers.res")).unwrap());
    let mut touches: Vec<Touch> = Vec::new();
    for (number, at) in points.iter().enumerate() {
        index.touching(*at, &mut touches);
        for touch in &touches {
            let boundary = u32::from(touch.position == Position::Boundary);
            for value in [number as u32, touch.feature, boundary] {
                out.write_all(&value.to_le_bytes()).unwrap();
            }
        }
    }
    out.flush().unwrap();
}

/// Writes the layer, makes its cache, and then times a start: from nothing to the first answer.
fn start(shapes: &[Shape], at: Corner) -> serde_json::Value {
    let feature = |(number, shape): (usize, &Shape)| {
        let parts: Vec<Part> =
            shape.iter().map(|rings| Part::new(rings.iter().cloned().map(Ring::new).collect())).collect();
        let area_m2 = parts.iter().map(Part::area_m2).sum();
        let id = number.to_string();
        Feature {
            id,
            name: None,
            body: None,
            kind: None,
            repaired: false,
            valid_from: None,
            valid_until: None,
            parts,
            area_m2,
        }
    };
    let text = String::new;
    let meta = LayerMeta {
        id: "bench".to_owned(),
        name: text(),
        kind: "park".to_owned(),
        body: None,
        date: text(),
        licence: text(),
        accuracy_m: 0.0,
        source: text(),
        sha256: "0".repeat(64),
        crs: Crs::Bng,
        features: shapes.len() as u64,
        repaired: 0,
        accepted: None,
        valid_from: None,
        valid_until: None,
    };
    let layer = Layer::new(meta, shapes.iter().enumerate().map(feature).collect());
    let dir = tempfile::tempdir().unwrap();
    let path = store::write(dir.path(), &layer).unwrap();
    let begun = Instant::now();
    black_box(pack::open(&path).unwrap().touching(at).len());
    let without = begun.elapsed();
    let begun = Instant::now();
    black_box(pack::open(&path).unwrap().touching(at).len());
    let with = begun.elapsed();
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    json!({
        "what": "start", "first_answer_ms": with.as_secs_f64() * 1e3, "without_cache_ms": without.as_secs_f64() * 1e3,
        "layer_bytes": bytes(&path), "cache_bytes": bytes(&pack::path_of(&path)),
    })
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--test") {
        println!("ownership: run it with cargo bench --bench ownership");
        return;
    }
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let points_n = value("--points").map_or(300_000, |n| n.parse().unwrap());
    let shapes: Vec<Shape> = match value("--gpb") {
        Some(file) => gpb::read(Path::new(&file)),
        None => suburb::suburb(value("--polygons").map_or(10_000, |n| n.parse().unwrap())),
    };
    let points = points(&shapes, points_n);
    let (index, said) = callout(&shapes, &points);
    println!("{said}");
    if let Some(dir) = value("--write").map(PathBuf::from) {
        write_for_peers(&dir, &shapes, &index, &points);
    }
    println!("{}", rstar_and_geo(&shapes, &points));
    if args.iter().any(|arg| arg == "--start") {
        println!("{}", start(&shapes, points[0]));
    }
}
