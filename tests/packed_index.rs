//! The packed index of a layer against `geo`: random stars, holes, touching and several polygons on a tiny grid of
//! whole numbers, where points on corners, on lines and on the seams between squares are the rule.
#![allow(clippy::unwrap_used)]

use callout::domain::ownership::Position;
use callout::landbook::check::{Class, Findings, Wide, check, tidy};
use callout::landbook::geometry::{Corner, Part, Ring};
use callout::landbook::packed::{Grain, Outlines, PackedIndex, Touch};
use geo::algorithm::Validation;
use geo::coordinate_position::{CoordPos, CoordinatePosition};
use geo::{Coord, LineString, MultiPolygon, Polygon};
use proptest::prelude::*;
use rstar::{AABB, RTree, RTreeObject};

/// The grid of the random polygons is 0..=SIDE each way.
const SIDE: i32 = 16;

type Rings = Vec<Vec<Corner>>;
/// Polygons of one feature.
type Shape = Vec<Rings>;
/// A way of moving corners.
type Move = Box<dyn Fn(Corner) -> Corner>;

/// Squares down to one millimetre, as soon as there are edges to divide.
const FINEST: Grain = Grain { tile_edges: 2, square_edges: 1, square_edges_max: 1, square_shift_min: 0 };
const MIDDLING: Grain = Grain { tile_edges: 8, square_edges: 2, square_edges_max: 4, square_shift_min: 1 };

fn part(rings: &Rings) -> Part {
    Part::new(rings.iter().map(|ring| Ring::new(ring.clone())).collect())
}

fn pack(shapes: &[Shape], grain: Grain) -> PackedIndex {
    let mut outlines = Outlines::new();
    for shape in shapes {
        // As they stand, not turned: the index must not care.
        for rings in shape {
            outlines.push_part(rings.iter().map(Vec::as_slice)).unwrap();
        }
        outlines.end_feature().unwrap();
    }
    PackedIndex::build_with(&outlines, grain).unwrap()
}

fn to_geo(shape: &Shape) -> MultiPolygon<f64> {
    let line = |ring: &Vec<Corner>| -> LineString<f64> {
        LineString::new(ring.iter().map(|at| Coord { x: at[0].into(), y: at[1].into() }).collect())
    };
    let polygon = |rings: &Rings| Polygon::new(line(&rings[0]), rings[1..].iter().map(line).collect());
    MultiPolygon(shape.iter().map(polygon).collect())
}

struct Boxed {
    envelope: AABB<[f64; 2]>,
    feature: usize,
    part: usize,
}

impl RTreeObject for Boxed {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

/// The plain way: a tree of boxes, then `geo` on each whole polygon.
struct Oracle {
    shapes: Vec<MultiPolygon<f64>>,
    tree: RTree<Boxed>,
}

impl Oracle {
    fn new(shapes: &[Shape]) -> Self {
        let boxes = shapes.iter().enumerate().flat_map(|(feature, shape)| {
            shape.iter().enumerate().map(move |(part, rings)| {
                let corners: Vec<[f64; 2]> = rings.iter().flatten().map(|at| at.map(f64::from)).collect();
                Boxed { envelope: AABB::from_points(&corners), feature, part }
            })
        });
        Self { shapes: shapes.iter().map(to_geo).collect(), tree: RTree::bulk_load(boxes.collect()) }
    }

    fn touching(&self, at: Corner) -> Vec<Touch> {
        let point = at.map(f64::from);
        let near = self.tree.locate_in_envelope_intersecting(&AABB::from_point(point));
        let mut found: Vec<Touch> = near
            .filter_map(|one| {
                // Polygon by polygon: where two of one feature touch at a corner, `geo` counts the two boundaries as
                // none and says outside; it is the boundary.
                let here =
                    self.shapes[one.feature].0[one.part].coordinate_position(&Coord { x: point[0], y: point[1] });
                let position = match here {
                    CoordPos::Inside => Position::Interior,
                    CoordPos::OnBoundary => Position::Boundary,
                    CoordPos::Outside => return None,
                };
                Some(Touch { feature: one.feature as u32, position })
            })
            .collect();
        found.sort_unstable();
        found.dedup_by_key(|touch| touch.feature);
        found
    }
}

fn touching(index: &PackedIndex, at: Corner) -> Vec<Touch> {
    let mut touches = Vec::new();
    index.touching(at, &mut touches);
    touches
}

/// A closed ring through corners in order of their direction from the middle: a star, or something less tidy.
fn star(middle: Corner, mut corners: Vec<Corner>) -> Option<Vec<Corner>> {
    corners.retain(|at| *at != middle);
    corners.sort_by(|a, b| {
        let angle = |at: &Corner| f64::from(at[1] - middle[1]).atan2(f64::from(at[0] - middle[0]));
        angle(a).total_cmp(&angle(b))
    });
    corners.dedup();
    (corners.len() >= 3).then(|| {
        corners.push(corners[0]);
        corners
    })
}

fn corner() -> impl Strategy<Value = Corner> {
    [0..=SIDE, 0..=SIDE]
}

/// A star, sometimes with a hole, whatever its validity.
fn rings() -> impl Strategy<Value = Option<Rings>> {
    let ring = (corner(), prop::collection::vec(corner(), 3..9));
    let hole = ([3..=SIDE - 3, 3..=SIDE - 3], prop::collection::vec([-2..=2, -2..=2], 3..6));
    (ring, prop::option::of(hole)).prop_map(|((middle, corners), hole)| {
        let mut rings = vec![star(middle, corners)?];
        if let Some((middle, offs)) = hole {
            let corners = offs.iter().map(|off: &Corner| [middle[0] + off[0], middle[1] + off[1]]).collect();
            rings.extend(star(middle, corners));
        }
        Some(rings)
    })
}

/// Valid by the import's exact tests and by `geo`'s own. In this order, since `geo`'s panics on some invalid shapes.
fn valid(shape: &Shape) -> bool {
    let wide = |ring: &Vec<Corner>| ring.iter().map(|at| at.map(i64::from)).collect();
    let polygons: Vec<Vec<Vec<Wide>>> = shape.iter().map(|rings| rings.iter().map(wide).collect()).collect();
    let mut findings = Findings::new();
    check(&tidy(polygons, &mut findings), &mut findings);
    findings.retain(|class, _| *class != Class::HoleTurnsAsShell);
    findings.is_empty() && to_geo(shape).is_valid()
}

/// A valid feature: of random polygons, those that `geo` passes.
fn shape() -> impl Strategy<Value = Option<Shape>> {
    prop::collection::vec(rings(), 1..4).prop_map(|polygons| {
        let mut shape = Shape::new();
        for rings in polygons.into_iter().flatten() {
            shape.push(rings);
            if !valid(&shape) {
                shape.pop();
            }
        }
        (!shape.is_empty()).then_some(shape)
    })
}

/// Several valid features, which overlap, touch and nest as they like; some twice.
fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    (prop::collection::vec(shape(), 1..6), any::<bool>()).prop_map(|(shapes, twice)| {
        let mut shapes: Vec<Shape> = shapes.into_iter().flatten().collect();
        if twice && let Some(first) = shapes.first().cloned() {
            shapes.push(first);
        }
        shapes
    })
}

fn moved(shapes: &[Shape], to: impl Fn(Corner) -> Corner) -> Vec<Shape> {
    let rings = |rings: &Rings| rings.iter().map(|ring| ring.iter().map(|at| to(*at)).collect()).collect();
    shapes.iter().map(|shape| shape.iter().map(rings).collect()).collect()
}

fn all_points() -> impl Iterator<Item = Corner> {
    (-1..=SIDE + 1).flat_map(|x| (-1..=SIDE + 1).map(move |y| [x, y]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn packed_is_geo_on_valid_polygons_at_every_point(shapes in shapes()) {
        let oracle = Oracle::new(&shapes);
        for grain in [FINEST, MIDDLING, Grain::default()] {
            let index = pack(&shapes, grain);
            for at in all_points() {
                prop_assert_eq!(touching(&index, at), oracle.touching(at), "{:?} {:?}", at, grain);
            }
        }
    }

    #[test]
    fn packed_is_the_plain_count_on_invalid_polygons_too(polygons in prop::collection::vec(rings(), 1..6)) {
        let shapes: Vec<Shape> = polygons.into_iter().flatten().map(|rings| vec![rings]).collect();
        // Of a hole outside its shell the plain count of a whole polygon knows nothing: rings alone, then.
        let rings: Vec<Vec<Part>> =
            shapes.iter().map(|shape| shape[0].iter().map(|ring| part(&vec![ring.clone()])).collect()).collect();
        let plain = |rings: &[Part], at: Corner| {
            let positions: Vec<Option<Position>> = rings.iter().map(|ring| ring.position(at)).collect();
            let inside = positions.iter().filter(|one| **one == Some(Position::Interior)).count() % 2 == 1;
            match positions.contains(&Some(Position::Boundary)) {
                true => Some(Position::Boundary),
                false => inside.then_some(Position::Interior),
            }
        };
        for grain in [FINEST, MIDDLING] {
            let index = pack(&shapes, grain);
            for at in all_points() {
                let counted: Vec<Touch> = rings
                    .iter()
                    .enumerate()
                    .filter_map(|(feature, rings)| Some(Touch { feature: feature as u32, position: plain(rings, at)? }))
                    .collect();
                prop_assert_eq!(touching(&index, at), counted, "{:?} {:?}", at, grain);
            }
        }
    }

    #[test]
    fn no_answer_changes_when_all_is_moved_turned_mirrored_or_drawn_otherwise(
        shapes in shapes(),
        shift in [-1_000_000_000..1_000_000_000, -1_000_000_000..1_000_000_000],
        scale in prop::sample::select(vec![1, 7, 1_000, 4_096, 99_991]),
        start in 0_usize..8,
    ) {
        let index = pack(&shapes, FINEST);
        let moves: [(&str, Move); 5] = [
            ("shifted", Box::new(move |at| [at[0] + shift[0], at[1] + shift[1]])),
            ("turned", Box::new(|at| [-at[1], at[0]])),
            ("mirrored", Box::new(|at| [-at[0], at[1]])),
            ("scaled", Box::new(move |at| at.map(|value| value * scale))),
            ("scaled and shifted", Box::new(move |at| [at[0] * scale + shift[0], at[1] * scale + shift[1]])),
        ];
        for (name, to) in moves {
            for grain in [MIDDLING, Grain::default()] {
                let other = pack(&moved(&shapes, &to), grain);
                for at in all_points() {
                    prop_assert_eq!(touching(&other, to(at)), touching(&index, at), "{} {:?}", name, at);
                }
            }
        }
        let mut redrawn = shapes.clone();
        for ring in redrawn.iter_mut().flatten().flatten() {
            ring.pop();
            let start = start % ring.len();
            ring.rotate_left(start);
            ring.push(ring[0]);
            if start % 2 == 0 {
                ring.reverse();
            }
        }
        let other = pack(&redrawn, FINEST);
        for at in all_points() {
            prop_assert_eq!(touching(&other, at), touching(&index, at), "redrawn {:?}", at);
        }
    }

    #[test]
    fn distances_are_those_of_the_plain_polygon(shapes in shapes(), at in corner(), scale in 1..5_000_i32) {
        let shapes = moved(&shapes, |at| at.map(|value| value * scale));
        let at = at.map(|value| value * scale + scale / 3);
        let index = pack(&shapes, MIDDLING);
        let reach = 4 * scale;
        let near = index.edges_within(at, reach);
        for (feature, shape) in shapes.iter().enumerate() {
            let parts: Vec<Part> = shape.iter().map(part).collect();
            let plain_mm = parts.iter().map(|part| part.edge_m(at) * 1000.0).fold(f64::INFINITY, f64::min);
            let found = near.iter().find(|(one, _)| *one as usize == feature).map(|(_, mm)| *mm);
            match found {
                Some(mm) => prop_assert!((mm - plain_mm).abs() < 0.001, "{mm} {plain_mm}"),
                None => prop_assert!(plain_mm > f64::from(reach) - 0.001, "{plain_mm} missed within {reach}"),
            }
            let edge_mm = index.edge_of(feature as u32, at, usize::MAX).unwrap();
            prop_assert!((edge_mm - plain_mm).abs() < 0.001, "{edge_mm} {plain_mm}");
        }
    }

    #[test]
    fn a_batch_answers_as_one_by_one(shapes in shapes(), points in prop::collection::vec(corner(), 0..200)) {
        let index = pack(&shapes, MIDDLING);
        let mut batch: Vec<Vec<Touch>> = vec![Vec::new(); points.len()];
        index.each_touching_batch(&points, |number, touch| batch[number].push(touch));
        for (at, mut found) in points.iter().zip(batch) {
            let mut single = Vec::new();
            index.each_touching(*at, |touch| single.push(touch));
            found.sort_unstable();
            single.sort_unstable();
            prop_assert_eq!(found, single);
        }
    }
}

/// A closed rectangle.
fn rectangle(low: Corner, high: Corner) -> Vec<Corner> {
    vec![low, [high[0], low[1]], high, [low[0], high[1]], low]
}

/// The plain count over every polygon.
fn counted(shapes: &[Shape], at: Corner) -> Vec<Touch> {
    let position = |shape: &Shape| shape.iter().filter_map(|rings| part(rings).position(at)).min();
    let touch = |(feature, shape)| Some(Touch { feature: feature as u32, position: position(shape)? });
    shapes.iter().enumerate().filter_map(touch).collect()
}

#[test]
fn points_on_the_seams_of_squares_and_tiles_and_at_the_corners_of_the_extent_are_exact() {
    // Slanted plots by the dozen over every size of square, from 1 mm to beyond a tile.
    let mut shapes: Vec<Shape> = Vec::new();
    for n in 0..40_i32 {
        let (x, y, size) = (n * 9_973 - 120_000, n * n * 331 - 90_000, 3 + n * n * 17);
        shapes.push(vec![vec![vec![[x, y], [x + size, y + size / 3], [x + size / 2, y + size], [x, y]]]]);
    }
    shapes.push(vec![vec![rectangle([-262_144, -131_072], [262_144, 524_288])]]);
    for grain in [FINEST, MIDDLING, Grain { square_shift_min: 3, ..MIDDLING }, Grain::default()] {
        let index = pack(&shapes, grain);
        let extent = index.extent();
        let mut places =
            vec![extent.low, extent.high, [extent.low[0], extent.high[1]], [extent.high[0], extent.low[1]]];
        for power in 7..20 {
            for times in [-3, -1, 0, 1, 2] {
                let seam = times << power;
                for off in [-1, 0, 1] {
                    places.extend([[seam + off, 4_321], [777, seam + off], [seam + off, seam - off]]);
                }
            }
        }
        for shape in &shapes {
            places.extend(shape[0][0].iter().copied());
        }
        for at in places {
            for at in [at, [at[0] - 1, at[1]], [at[0], at[1] + 1]] {
                assert_eq!(touching(&index, at), counted(&shapes, at), "{at:?} {grain:?}");
            }
        }
    }
}

#[test]
fn all_that_32_bits_hold_can_be_packed() {
    let (low, high) = (i32::MIN, i32::MAX);
    let shapes: Vec<Shape> = vec![
        vec![vec![vec![[low, low], [high, low], [high, high], [low, low]]]],
        vec![vec![rectangle([high - 10, high - 10], [high, high])]],
        vec![vec![rectangle([low, high - 7], [low + 7, high]), rectangle([low + 2, high - 5], [low + 5, high - 2])]],
    ];
    for grain in [Grain::default(), FINEST] {
        let index = pack(&shapes, grain);
        let some = [low, low + 1, low + 3, low + 7, -1, 0, 1, high - 11, high - 7, high - 5, high - 1, high];
        for at in some.iter().flat_map(|x| some.iter().map(|y| [*x, *y])) {
            assert_eq!(touching(&index, at), counted(&shapes, at), "{at:?}");
        }
        assert_eq!(index.edge_of(1, [high - 5, high - 4], usize::MAX), Some(4.0));
        assert!(index.edge_of(0, [0, -5], usize::MAX).is_some_and(|mm| mm < 5.0));
    }
}

#[test]
fn memory_follows_the_edges_not_the_country_and_edges_at_one_point_end() {
    let bytes = |shapes: &[Shape]| pack(shapes, Grain::default()).bytes();
    // Two fields at the ends of the world, and a village on a moor.
    let far = |at: Corner| vec![vec![rectangle(at, [at[0] + 900, at[1] + 900])]];
    assert!(bytes(&[far([i32::MIN, i32::MIN]), far([2_000_000_000, 2_000_000_000])]) < 2_000);
    let mut village: Vec<Shape> = (0..400).map(|n| far([n % 20 * 900, n / 20 * 900])).collect();
    village.push(vec![vec![rectangle([-1_500_000_000, -1_500_000_000], [1_500_000_000, 1_500_000_000])]]);
    assert!(bytes(&village) < 200_000, "{}", bytes(&village));
    let index = pack(&village, Grain::default());
    assert_eq!(touching(&index, [450, 450]).len(), 2);
    assert_eq!(touching(&index, [900, 900]).len(), 5);
    assert_eq!(touching(&index, [-1_400_000_000, 7]).len(), 1);
    // A thousand slices of one cake.
    let rim = |n: i32| {
        let turn = f64::from(n) * std::f64::consts::TAU / 1_000.0;
        [(turn.cos() * 50_000.0) as i32, (turn.sin() * 50_000.0) as i32]
    };
    let cake: Vec<Shape> = (0..1_000).map(|n| vec![vec![vec![[0, 0], rim(n), rim(n + 1), [0, 0]]]]).collect();
    let index = pack(&cake, Grain::default());
    assert!(index.bytes() < 4_000_000, "{}", index.bytes());
    assert_eq!(touching(&index, [0, 0]).len(), 1_000);
    for at in [[3, 5], [-100, 77], [20_000, -9_000], rim(7)] {
        assert_eq!(touching(&index, at), counted(&cake, at), "{at:?}");
    }
}

#[test]
fn nothing_and_rings_of_nothing_are_packed_and_touch_nothing() {
    let none = pack(&[], Grain::default());
    assert!(touching(&none, [0, 0]).is_empty());
    assert!(none.edges_within([0, 0], i32::MAX).is_empty());
    none.each_touching_batch(&[[0, 0], [i32::MIN, i32::MAX]], |_, _| panic!("nothing is there"));
    let empty: Vec<Shape> = vec![vec![], vec![vec![]], vec![vec![vec![]]], vec![vec![vec![[5, 5], [5, 5]]]]];
    let index = pack(&empty, FINEST);
    assert_eq!(index.features(), 4);
    assert!(touching(&index, [5, 5]).is_empty());
    assert_eq!(index.edge_of(3, [5, 5], usize::MAX), None);
}
