//! The rules on a small map of rectangles, and on a thousand maps made by chance.
#![allow(clippy::unwrap_used)]

use super::super::super::event::{Author, Via};
use super::super::super::id::Seq;
use super::super::super::place::Located;
use super::*;
use proptest::prelude::*;

/// A rectangle of ground in metres: `kind id west south east north [body]`.
#[derive(Debug, Clone)]
struct Piece {
    kind: String,
    id: String,
    west: f64,
    south: f64,
    east: f64,
    north: f64,
    body: Option<BodyId>,
    corrected: Option<Arc<Correction>>,
}

impl Piece {
    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<f64>().unwrap();
        Self {
            kind: words[0].to_owned(),
            id: words[1].to_owned(),
            west: number(2),
            south: number(3),
            east: number(4),
            north: number(5),
            body: words.get(6).map(|body| BodyId::from(*body)),
            corrected: None,
        }
    }

    /// Metres to the outline: below zero outside.
    fn inside_m(&self, at: GridPoint) -> f64 {
        let (x, y) = (at.easting() - EAST, at.northing() - NORTH);
        let depth = (x - self.west).min(self.east - x).min(y - self.south).min(self.north - y);
        if depth >= 0.0 {
            return depth;
        }
        let beyond = |low: f64, high: f64, value: f64| (low - value).max(value - high).max(0.0);
        -libm::hypot(beyond(self.west, self.east, x), beyond(self.south, self.north, y))
    }

    fn found(&self, at: GridPoint) -> Found {
        let inside_m = self.inside_m(at);
        let touches = inside_m >= 0.0;
        Found {
            hit: Hit {
                layer: self.kind.clone(),
                kind: self.kind.clone(),
                feature: self.id.clone(),
                position: if inside_m > 0.0 { Position::Interior } else { Position::Boundary },
                body: self.body.clone(),
                boundary_m: touches.then_some(inside_m),
                nearest_m: (!touches).then_some(-inside_m),
            },
            feature_name: None,
            layer_name: self.kind.clone(),
            layer_date: "2026-04-01".to_owned(),
            licence: "OGL".to_owned(),
            accuracy_m: 1.0,
            crs_accuracy_m: 0.0,
            area_m2: (self.east - self.west) * (self.north - self.south),
            corrected: self.corrected.clone(),
        }
    }
}

const EAST: f64 = 349_000.0;
const NORTH: f64 = 325_000.0;

struct Sheet(Vec<Piece>);

impl Ground for Sheet {
    fn around(&self, at: GridPoint, reach_m: f64) -> Vec<Found> {
        self.0.iter().filter(|piece| piece.inside_m(at) >= -reach_m.max(2.0)).map(|piece| piece.found(at)).collect()
    }

    fn touching(&self, at: GridPoint, each: &mut dyn FnMut(Touch<'_>)) {
        for piece in self.0.iter().filter(|piece| piece.inside_m(at) >= 0.0) {
            let body = piece.corrected.as_ref().map(|correction| &correction.body).or(piece.body.as_ref());
            each(Touch { kind: &piece.kind, body, corrected: piece.corrected.is_some() });
        }
    }
}

fn bodies() -> Bodies {
    Bodies::parse(include_str!("../../../../config/bodies.toml")).unwrap()
}

fn point(east: f64, north: f64) -> GridPoint {
    GridPoint::from_metres(EAST + east, NORTH + north)
}

fn sheet(lines: &[&str]) -> Sheet {
    Sheet(lines.iter().map(|line| Piece::read(line)).collect())
}

/// Asked at 0,0 known to within `sigma_m`.
fn ask(sigma_m: f64, lines: &[&str]) -> OwnerAnswer {
    answer(&bodies(), &Asked::at(Located::new(point(0.0, 0.0), sigma_m)), &sheet(lines), 7)
}

fn said(answer: &OwnerAnswer) -> String {
    let also: Vec<&str> = answer.also_notify.iter().map(BodyId::as_str).collect();
    let body = answer.body.as_ref().map_or("-", BodyId::as_str);
    let first = answer.basis.as_ref().map_or("-", |basis| basis.feature.as_str());
    format!("{} {body} by {first} [{}]", answer.confidence.as_str(), also.join(" "))
}

fn check(sigma_m: f64, lines: &[&str], expected: &str) {
    let got = ask(sigma_m, lines);
    assert_eq!(said(&got), expected, "{}", got.why);
    keeps_the_invariant(&got);
}

/// I19: a body, or an explicit unknown with who finds out.
fn keeps_the_invariant(answer: &OwnerAnswer) {
    assert!(!answer.tell_caller.is_empty() && !answer.raise.is_empty() && !answer.why.is_empty());
    let decided = matches!(answer.confidence, Confidence::Confident | Confidence::Probable);
    assert_eq!(answer.body.is_some(), decided, "{}", answer.why);
    assert_eq!(answer.promise.is_some(), !decided, "who finds out, and by when: {}", answer.why);
    assert!(answer.confidence != Confidence::Ask || answer.question.is_some(), "{}", answer.why);
    assert!(answer.body.is_none() || answer.role.is_some(), "{}", answer.why);
}

#[test]
fn well_inside_one_feature_is_confident() {
    check(1.0, &["park P1 -40 -40 40 40"], "confident parks by P1 []");
    check(1.0, &["trunk_road A1 -4 -40 4 40"], "confident national_highways by A1 [highways]");
}

#[test]
fn two_sigma_from_the_edge_is_confident_and_nearer_is_not() {
    // 1 m for the place and 1 m for the layer are 1.41 m together.
    check(1.0, &["park P1 -40 -2.83 40 40", "main_river R1 -40 -40 40 -2.83"], "confident parks by P1 []");
    check(1.0, &["park P1 -40 -2.5 40 40", "main_river R1 -40 -40 40 -2.5"], "probable parks by P1 []");
    check(1.0, &["park P1 -40 -0.5 40 40", "main_river R1 -40 -40 40 -0.5"], "ask - by P1 []");
}

#[test]
fn the_layer_of_higher_rank_decides_and_every_hit_is_listed() {
    let lines = ["hmlr_index T9 -9 -9 9 9", "park P1 -40 -40 40 40", "adopted_highway H1 -5 -5 5 5"];
    check(1.0, &lines, "confident highways by H1 []");
    let answer = ask(1.0, &lines);
    assert_eq!(answer.hits.len(), 3);
    assert_eq!(answer.role, Some(Role::Adopts));
    let also: Vec<_> = answer.also.iter().map(|also| (also.body.as_str(), also.role.as_str())).collect();
    assert_eq!(also, [("parks", "owns")]);
    assert!(answer.why.contains("It decides before park, open space or cemetery P1"), "{}", answer.why);
    assert_eq!(answer.basis.unwrap().licence, "OGL");
}

#[test]
fn a_point_on_a_shared_boundary_is_a_question_that_names_both_sides() {
    let lines = ["park P1 0 -40 40 40", "adopted_highway H1 -40 -40 0 40"];
    check(1.0, &lines, "ask - by H1 []");
    let answer = ask(1.0, &lines);
    assert!(answer.why.starts_with("On the boundary of adopted highway H1"), "{}", answer.why);
    let question = answer.question.unwrap();
    assert_eq!(question, "Is it on the road or the pavement, or in the park or open space?");
    assert!(answer.tell_caller.starts_with(&question));
}

#[test]
fn a_line_between_two_features_of_one_body_is_no_doubt() {
    check(1.0, &["adopted_highway H1 -40 -9 0 9", "adopted_highway H2 0 -9 40 9"], "confident highways by H1 []");
    check(1.0, &["adopted_highway H1 -40 -2 0 2", "adopted_highway H2 0 -2 40 2"], "probable highways by H1 []");
}

#[test]
fn maps_that_contradict_each_other_go_to_the_staff_and_are_not_guessed_between() {
    let lines = ["park P1 -40 -40 40 40 parks", "park P2 -30 -30 50 50 council_property"];
    check(1.0, &lines, "unknown - by P1 [council_property parks]");
    let answer = ask(1.0, &lines);
    assert_eq!(answer.disputed.len(), 2);
    assert!(answer.why.starts_with("The maps contradict each other"), "{}", answer.why);
    check(1.0, &["park P1 -9 -9 9 9 parks", "park P2 -9 -9 9 9 parks"], "confident parks by P1 []");
    // Side by side they do not contradict each other.
    let beside = ask(1.0, &["park P1 -40 -40 0 40 parks", "park P2 0 -40 40 40 council_property"]);
    assert_eq!((beside.confidence, beside.disputed.len()), (Confidence::Ask, 0));
    assert!(beside.question.unwrap().contains("on the land of Council property"));
}

#[test]
fn a_blot_that_is_mostly_one_bodys_is_probable_and_an_even_one_a_question() {
    let mostly = ["adopted_highway H1 -200 -50 200 200", "park P1 -200 -200 200 -50"];
    let answer = answer(&bodies(), &Asked::at(Located::square(point(0.0, 0.0), 100.0)), &sheet(&mostly), 7);
    assert_eq!(said(&answer), "probable highways by H1 []", "{}", answer.why);
    assert!(answer.why.contains("only known to within 71 m"), "{}", answer.why);
    assert!(answer.shares[0].share > 0.95 && answer.question.is_some());
    check(50.0, &["adopted_highway H1 -300 -5 300 5", "park P1 -300 5 300 300"], "ask - by H1 []");
}

#[test]
fn what_most_of_the_blot_says_goes_before_the_point_itself() {
    // The point is in a ditch, but the caller's phone knows its place to 20 m only, and all around is park.
    let lines = ["park P1 -90 -90 90 90", "watercourse W1 -1 -1 1 1"];
    check(20.0, &lines, "probable parks by P1 []");
}

#[test]
fn a_registered_title_names_no_owner() {
    check(1.0, &["hmlr_index T9 -9 -9 9 9"], "unknown - by T9 []");
    let answer = ask(1.0, &["hmlr_index T9 -9 -9 9 9"]);
    assert!(answer.raise.contains("contact centre team leader finds out within 2 hours"), "{}", answer.raise);
    assert!(answer.hits.iter().all(|hit| hit.body.is_none()));
}

#[test]
fn the_nearest_counts_within_its_reach_only() {
    check(1.0, &["adopted_highway H1 1.9 -9 9 9"], "probable highways by H1 []");
    check(1.0, &["adopted_highway H1 15.1 -9 29 9"], "unknown - by - []");
    check(1.0, &["park P1 2.1 -9 9 9"], "unknown - by - []");
    check(1.0, &[], "unknown - by - []");
    let two = ask(1.0, &["adopted_highway H1 1.9 -9 9 9", "park P1 -9 -9 -1.0 9"]);
    assert_eq!(said(&two), "ask - by P1 []", "{}", two.why);
    assert_eq!(two.question.unwrap(), "Is it in the park or open space, or on the road or the pavement?");
}

#[test]
fn a_warning_area_informs_and_never_decides() {
    check(1.0, &["flood_area F1 -90 -90 90 90 environment_agency"], "unknown - by - [environment_agency]");
    check(
        1.0,
        &["flood_area F1 -90 -90 90 90 environment_agency", "park P1 -40 -40 40 40"],
        "confident parks by P1 [environment_agency]",
    );
}

#[test]
fn a_role_that_is_asked_for_finds_its_own_body() {
    let lines = ["council_land C1 -90 -90 90 90", "adopted_highway H1 -9 -9 9 9"];
    let by_role = |role| {
        let asked = Asked { role: Some(role), ..Asked::at(Located::new(point(0.0, 0.0), 1.0)) };
        said(&answer(&bodies(), &asked, &sheet(&lines), 7))
    };
    assert_eq!(by_role(Role::Owns), "confident council_property by C1 []");
    assert_eq!(by_role(Role::Maintains), "confident highways by H1 []");
    assert_eq!(by_role(Role::Regulates), "unknown - by - []");
}

#[test]
fn gas_and_wires_go_before_whoever_has_the_ground() {
    let about = |about: &str, lines: &[&str]| {
        let asked = Asked { about: Some(about.to_owned()), ..Asked::at(Located::new(point(0.0, 0.0), 1.0)) };
        answer(&bodies(), &asked, &sheet(lines), 7)
    };
    let gas = about("gas", &["park P1 -40 -40 40 40"]);
    assert_eq!(said(&gas), "confident gas_network by P1 [parks]");
    assert!(gas.tell_caller.contains("0800 111 999") && gas.lines[0].number == "0800 111 999");
    assert_eq!(gas.also[0].body.as_str(), "parks");
    keeps_the_invariant(&about("gas", &[]));
    // A drain is its owner's, but a council home's is the council's.
    assert_eq!(about("drain", &["council_housing C1 -40 -40 40 40"]).body.unwrap().as_str(), "council_housing");
    assert_eq!(about("drain", &["hmlr_index T1 -40 -40 40 40"]).body.unwrap().as_str(), "private_owner");
}

#[test]
fn staff_who_say_that_the_map_is_wrong_are_believed_and_named() {
    let mut ground = sheet(&["adopted_highway H1 -9 -9 9 9", "park P1 -40 -40 40 40"]);
    let correction = Correction {
        record: Seq(812),
        by: Author { who: "sam.reed".into(), via: Via::Api },
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
        why: "The verge was sold with the school".to_owned(),
        body: BodyId::from("schools"),
        around: Some((point(0.0, 0.0), 9.0)),
        feature: Some(("adopted_highway".to_owned(), "H1".to_owned())),
    };
    assert!(correction.covers(point(5.0, 0.0), [("adopted_highway", "H1")].into_iter()));
    assert!(!correction.covers(point(10.0, 0.0), [("adopted_highway", "H1")].into_iter()));
    assert!(!correction.covers(point(5.0, 0.0), [("park", "P1")].into_iter()));
    ground.0[0].corrected = Some(Arc::new(correction));
    let got = answer(&bodies(), &Asked::at(Located::new(point(0.0, 0.0), 1.0)), &ground, 7);
    assert_eq!(said(&got), "confident schools by H1 []");
    let words = "Corrected by sam.reed on 2026-11-20: The verge was sold with the school (record 812).";
    assert!(got.why.contains(words), "{}", got.why);
    assert!(got.corrected.is_some());
}

#[test]
fn a_body_that_was_replaced_answers_for_its_time() {
    let text = include_str!("../../../../config/bodies.toml")
        .replace("id = \"parks\"", "id = \"parks\"\nvalid_until = 2028-03-31\nreplaced_by = \"council_property\"");
    let bodies = Bodies::parse(&text).unwrap();
    let on = |day: &str| {
        let place = Located::new(point(0.0, 0.0), 1.0);
        let asked = Asked { on: Some(day.parse().unwrap()), ..Asked::at(place) };
        answer(&bodies, &asked, &sheet(&["park P1 -40 -40 40 40"]), 7).body.unwrap().to_string()
    };
    assert_eq!((on("2028-03-31"), on("2028-04-01")), ("parks".to_owned(), "council_property".to_owned()));
}

#[test]
fn the_words_of_the_first_log_are_still_read() {
    let read = |word: &str| serde_json::from_str::<Confidence>(&format!("\"{word}\"")).unwrap();
    assert_eq!((read("certain"), read("likely")), (Confidence::Confident, Confidence::Probable));
    assert_eq!((read("confident"), read("ask")), (Confidence::Confident, Confidence::Ask));
    let old = r#"{"body":"parks","confidence":"certain","why":"w","tell_caller":"t","raise":"r","also_notify":[],
        "hits":[],"epoch":3}"#;
    let answer: OwnerAnswer = serde_json::from_str(old).unwrap();
    assert_eq!((answer.confidence, answer.epoch, answer.role), (Confidence::Confident, 3, None));
}

fn piece() -> impl Strategy<Value = Piece> {
    let kinds = ["adopted_highway", "park", "council_land", "hmlr_index", "flood_area", "main_river", "unheard_of"];
    let names = [None, Some("parks"), Some("council_property"), Some("nobody_we_know")];
    let side = || (-12_i32..12, 1_i32..20);
    (0..kinds.len(), 0_u32..4, side(), side(), 0..names.len()).prop_map(move |(kind, id, x, y, body)| Piece {
        kind: kinds[kind].to_owned(),
        id: format!("F{id}"),
        west: f64::from(x.0),
        south: f64::from(y.0),
        east: f64::from(x.0 + x.1),
        north: f64::from(y.0 + y.1),
        body: names[body].map(BodyId::from),
        corrected: None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// I19 on maps made by chance: the order of the layers never changes the answer, and it is never a guess.
    #[test]
    fn in_whatever_order_the_layers_lie_the_answer_is_the_same_and_no_guess(
        (pieces, shuffled) in prop::collection::vec(piece(), 0..7)
            .prop_flat_map(|pieces| (Just(pieces.clone()), Just(pieces).prop_shuffle())),
        sigma in prop::sample::select(vec![0.0, 0.3, 1.0, 5.0, 30.0]),
        square in any::<bool>(),
    ) {
        let bodies = bodies();
        let place = if square { Located::square(point(0.0, 0.0), sigma) } else { Located::new(point(0.0, 0.0), sigma) };
        let asked = Asked::at(place);
        let first = answer(&bodies, &asked, &Sheet(pieces.clone()), 7);
        let again = answer(&bodies, &asked, &Sheet(shuffled), 7);
        keeps_the_invariant(&first);
        // Two pieces may share kind and id here; hits of one order and equal keys may then swap, and nothing else.
        prop_assert_eq!(said(&first), said(&again));
        prop_assert_eq!((&first.shares, &first.question, &first.disputed), (&again.shares, &again.question, &again.disputed));
        if let Some(body) = &first.body {
            // Whoever is named has ground there, by a layer that may say so.
            let has = pieces.iter().any(|piece| {
                let names = piece.body.clone().or_else(|| bodies.answering_for(&piece.kind).map(|b| b.id.clone()));
                bodies.kind(&piece.kind).is_some_and(super::super::LayerKind::decides) && names.as_ref() == Some(body)
            });
            prop_assert!(has, "{} is a guess: {}", body, first.why);
        }
    }
}
