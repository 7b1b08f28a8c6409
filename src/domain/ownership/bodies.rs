//! The table of responsible bodies and kinds of layer: `config/bodies.toml`, parsed and checked in one go, so that
//! its keeper sees all slips at once, each with its line.

use super::super::id::BodyId;
use super::super::problem::{Code, Problem, did_you_mean};
use super::super::reading::{Fields, Item, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// The most bodies, and the most kinds, that one file may hold.
pub const BODIES_MAX: usize = 1_000;
/// The farthest that "nearest" may reach, in metres: beyond it the answer would be a guess.
pub const NEAREST_M_MAX: f64 = 50.0;

/// What `config/bodies.toml` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Bodies {
    bodies: BTreeMap<BodyId, Body>,
    kinds: BTreeMap<String, LayerKind>,
    /// The answer where no layer knows the ground.
    pub unknown: Unknown,
}

/// One responsible body.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Its id, e.g. `highways`.
    pub id: BodyId,
    /// As people say it.
    pub name: String,
    /// A service of this council.
    pub ours: bool,
    /// Its public line, where there is one.
    pub phone: Option<String>,
    /// What the advisor says.
    pub tell_caller: String,
    /// What to raise, and where.
    pub raise: String,
    /// Bodies to tell as well.
    pub also_notify: Vec<BodyId>,
    /// Kinds of layer that mean this body where neither layer nor feature names one.
    pub answers_for: Vec<String>,
}

/// One kind of layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerKind {
    /// E.g. `adopted_highway`.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// 1 decides before 2.
    pub rank: u16,
    /// Ground within so many metres of an edge counts as "likely", 0 to [`NEAREST_M_MAX`].
    pub nearest_m: f64,
    /// What a feature of it can say.
    pub role: Role,
}

/// What a feature of a layer can say about responsibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Names the responsible body.
    Answers,
    /// A registered title exists; its owner is not in open data.
    Registered,
    /// Never decides; its body is told as well.
    Informs,
}

/// The explicit unknown: somebody finds out, by a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Who finds out.
    pub finder: String,
    /// By when, in words.
    pub within: String,
    /// What the advisor says.
    pub tell_caller: String,
    /// What to raise.
    pub raise: String,
}

impl Bodies {
    /// Reads the text of `config/bodies.toml`; all slips at once, each with its line.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let reader = Reader::new("bodies.toml", text);
        let mut root = reader.root();
        let unknown = read_unknown(root.table_or_empty("unknown"));
        let mut kinds = BTreeMap::new();
        for table in bounded(&reader, root.tables("kind")) {
            let span = table.span();
            let (Some(id), kind) = read_kind(table) else { continue };
            if kinds.insert(id.clone(), kind).is_some() {
                reader.problem(Code::T010, span, format!("the kind \"{id}\" is there twice"));
            }
        }
        let mut bodies = BTreeMap::new();
        let mut named = Vec::new();
        for table in bounded(&reader, root.tables("body")) {
            let span = table.span();
            let (id, body, names) = read_body(table);
            named.push(names);
            let Some(id) = id else { continue };
            if bodies.insert(id.clone(), body).is_some() {
                reader.problem(Code::T010, span, format!("the body \"{id}\" is there twice"));
            }
        }
        root.done();
        check_names(&reader, &kinds, &bodies, &named);
        // An entry with a slip of its own still counts as named; it never gets past `finish`.
        let kinds = kinds.into_iter().filter_map(|(id, kind)| Some((id, kind?))).collect();
        let bodies = bodies.into_iter().filter_map(|(id, body)| Some((id, body?))).collect();
        reader.finish(unknown.map(|unknown| Self { bodies, kinds, unknown }))
    }

    /// A table without bodies or kinds, for tests and for `callout owner --layer` without a configuration.
    pub fn empty() -> Self {
        Self {
            bodies: BTreeMap::new(),
            kinds: BTreeMap::new(),
            unknown: Unknown {
                finder: "contact centre".to_owned(),
                within: "2 hours".to_owned(),
                tell_caller: "We take your report now and are finding out who is responsible.".to_owned(),
                raise: "Ownership query".to_owned(),
            },
        }
    }

    /// A body by its id.
    pub fn body(&self, id: &BodyId) -> Option<&Body> {
        self.bodies.get(id)
    }

    /// All bodies, by id.
    pub fn bodies(&self) -> impl Iterator<Item = &Body> {
        self.bodies.values()
    }

    /// A kind of layer by its id.
    pub fn kind(&self, id: &str) -> Option<&LayerKind> {
        self.kinds.get(id)
    }

    /// All kinds, by id.
    pub fn kinds(&self) -> impl Iterator<Item = &LayerKind> {
        self.kinds.values()
    }

    /// The body that answers for a kind where neither layer nor feature names one.
    pub fn answering_for(&self, kind: &str) -> Option<&Body> {
        self.bodies.values().find(|body| body.answers_for.iter().any(|one| one == kind))
    }

    /// The farthest `nearest_m` of all kinds, in metres.
    pub fn nearest_m_max(&self) -> f64 {
        self.kinds.values().map(|kind| kind.nearest_m).fold(0.0, libm::fmax)
    }
}

fn bounded<'r>(reader: &Reader<'_>, mut tables: Vec<Fields<'r>>) -> Vec<Fields<'r>> {
    if let Some(beyond) = tables.get(BODIES_MAX) {
        reader.problem(Code::B001, beyond.span(), format!("more than {BODIES_MAX} of these are not read"));
        tables.truncate(BODIES_MAX);
    }
    tables
}

fn read_unknown(mut table: Fields<'_>) -> Option<Unknown> {
    let (finder, within) = (table.need_text("finder"), table.need_text("within"));
    let (tell_caller, raise) = (table.need_text("tell_caller"), table.need_text("raise"));
    table.done();
    Some(Unknown { finder: finder?.value, within: within?.value, tell_caller: tell_caller?.value, raise: raise?.value })
}

/// The kind's id, and the kind where all of it could be read.
fn read_kind(mut table: Fields<'_>) -> (Option<String>, Option<LayerKind>) {
    const ROLES: [(&str, Role); 3] =
        [("answers", Role::Answers), ("registered", Role::Registered), ("informs", Role::Informs)];
    let (id, name) = (table.need_id("id").map(|id| id.value), table.need_text("name"));
    let rank = table.integer("rank", 1..=1_000);
    if rank.is_none() && !table.has("rank") {
        table.reader().problem(Code::T003, table.span(), "`rank` is missing");
    }
    let nearest_m = table.integer("nearest_m", 0..=NEAREST_M_MAX as i64);
    let role = table.need_choice("role", &ROLES);
    table.done();
    let kind = |id: String| {
        Some(LayerKind {
            id,
            name: name?.value,
            rank: u16::try_from(rank?.value).ok()?,
            nearest_m: nearest_m.map_or(0.0, |metres| metres.value as f64),
            role: role?.value,
        })
    };
    (id.clone(), id.and_then(kind))
}

/// The names that a body gives of others, with where they stand.
struct Names {
    also_notify: Vec<Item<String>>,
    answers_for: Vec<Item<String>>,
}

/// The body's id, the body where all of it could be read, and the names it gives of others.
fn read_body(mut table: Fields<'_>) -> (Option<BodyId>, Option<Body>, Names) {
    let (id, name) = (table.need_id("id"), table.need_text("name"));
    let id = id.map(|id| BodyId::from(id.value.as_str()));
    let ours = table.flag("ours");
    if ours.is_none() && !table.has("ours") {
        table.reader().problem_with(
            Code::T003,
            table.span(),
            "`ours` is missing",
            Some("write ours = true for a service of this council, else false"),
        );
    }
    let phone = table.text("phone");
    let (tell_caller, raise) = (table.need_text("tell_caller"), table.need_text("raise"));
    let names = Names { also_notify: table.texts("also_notify"), answers_for: table.texts("answers_for") };
    table.done();
    let body = |id: BodyId| {
        Some(Body {
            id,
            name: name?.value,
            ours: ours?.value,
            phone: phone.map(|phone| phone.value),
            tell_caller: tell_caller?.value,
            raise: raise?.value,
            also_notify: names.also_notify.iter().map(|name| BodyId::from(name.value.as_str())).collect(),
            answers_for: names.answers_for.iter().map(|name| name.value.clone()).collect(),
        })
    };
    (id.clone(), id.and_then(body), names)
}

/// Names that must exist: bodies to notify, kinds answered for, each kind by one body at most.
fn check_names(
    reader: &Reader<'_>,
    kinds: &BTreeMap<String, Option<LayerKind>>,
    bodies: &BTreeMap<BodyId, Option<Body>>,
    named: &[Names],
) {
    let help = |name: &str, known: Vec<&str>| match did_you_mean(name, known) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "add it to this file, or mend the name".to_owned(),
    };
    let mut answered = BTreeSet::new();
    for names in named {
        for Item { value, span } in &names.also_notify {
            if !bodies.contains_key(&BodyId::from(value.as_str())) {
                let help = help(value, bodies.keys().map(BodyId::as_str).collect());
                reader.problem_with(Code::B001, span.clone(), format!("there is no body \"{value}\""), Some(help));
            }
        }
        for Item { value, span } in &names.answers_for {
            if !kinds.contains_key(value) {
                let help = help(value, kinds.keys().map(String::as_str).collect());
                let what = format!("there is no kind of layer \"{value}\"");
                reader.problem_with(Code::B001, span.clone(), what, Some(help));
            } else if !answered.insert(value) {
                let help = "keep one; where it differs by place, name the body in the layer";
                let what = format!("two bodies answer for \"{value}\"");
                reader.problem_with(Code::B001, span.clone(), what, Some(help));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_file_that_ships_is_sound_and_covers_the_table_of_responsibilities() {
        let bodies = Bodies::parse(include_str!("../../../config/bodies.toml")).unwrap();
        for id in ["highways", "national_highways", "environment_agency", "gas_network", "network_rail", "parks"] {
            let body = bodies.body(&BodyId::from(id)).unwrap();
            assert!(body.tell_caller.len() > 20 && !body.raise.is_empty(), "{id}");
        }
        for kind in bodies.kinds().filter(|kind| kind.role == Role::Answers) {
            assert!(bodies.answering_for(&kind.id).is_some(), "nobody answers for {}", kind.id);
        }
        assert!(!bodies.unknown.finder.is_empty() && !bodies.unknown.within.is_empty());
        assert_eq!(bodies.answering_for("adopted_highway").unwrap().id.as_str(), "highways");
        assert_eq!(bodies.kind("hmlr_index").unwrap().role, Role::Registered);
    }

    #[test]
    fn every_slip_is_told_at_once_with_its_line() {
        let text = "[unknown]\nfinder = \"duty officer\"\nwithin = \"\"\ntell_caller = \"x\"\nraise = \"x\"\n\
                    [[kind]]\nid = \"road\"\nname = \"road\"\nrank = 0\nnearest_m = 500\nrole = \"owner\"\n\
                    [[body]]\nid = \"High Ways\"\nname = \"Highways\"\nours = 1\ntell_caller = \"x\"\nraise = \"x\"\n\
                    answers_for = [\"road\"]\nphnoe = \"105\"\n\
                    [[body]]\nid = \"parks\"\nname = \"Parks\"\nours = true\ntell_caller = \"x\"\n\
                    also_notify = [\"nobody\"]\nanswers_for = [\"road\", \"canal\"]\nraise = \"x\"\n";
        let problems = Bodies::parse(text).unwrap_err();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = [
            "bodies.toml:3:10: error[T009]: `within` is empty",
            "bodies.toml:9:8: error[T006]",
            "bodies.toml:10:13: error[T006]",
            "bodies.toml:11:8: error[T005]: `role` cannot be \"owner\"",
            "bodies.toml:13:6: error[T011]",
            "bodies.toml:15:8: error[T004]",
            "bodies.toml:19:1: error[T002]",
            "bodies.toml:25:16: error[B001]: there is no body \"nobody\"",
            "bodies.toml:26:16: error[B001]: two bodies answer for \"road\"",
            "bodies.toml:26:24: error[B001]: there is no kind of layer \"canal\"",
        ];
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for expected in expected {
            assert!(said.iter().any(|said| said.starts_with(expected)), "{expected}: {said:#?}");
        }
    }

    #[test]
    fn broken_toml_and_an_empty_file_are_told_too() {
        let problems = Bodies::parse("[unknown\nfinder = ").unwrap_err();
        assert_eq!(problems[0].line, 1);
        assert_eq!(Bodies::parse("").unwrap_err().len(), 4, "what to say of the unknown must be there");
    }
}
