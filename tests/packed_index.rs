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
