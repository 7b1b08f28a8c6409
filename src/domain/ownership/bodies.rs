//! The table of responsible bodies and kinds of layer: `config/bodies.toml`, parsed and checked in one go, so that
//! its keeper sees all slips at once, each with its line.

use super::super::id::BodyId;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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

/// One slip in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}: {what}; {help}")]
pub struct BodyProblem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub help: String,
}

impl Bodies {
    /// Reads the text of `config/bodies.toml`; all slips at once, in the order of their lines.
    pub fn parse(text: &str) -> Result<Self, Vec<BodyProblem>> {
        let mut reader = Reader { text, problems: Vec::new() };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            reader.problem(at, error.message().trim(), "write it as TOML: key = \"text\", key = 1, key = [\"a\"]");
        }
        let bodies = reader.root(root.get_ref());
        reader.problems.sort();
        reader.problems.dedup();
        if reader.problems.is_empty() { Ok(bodies) } else { Err(reader.problems) }
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

/// Walks the document, noting each slip with its line and going on.
struct Reader<'t> {
    text: &'t str,
    problems: Vec<BodyProblem>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Reader<'t> {
    fn problem(&mut self, at: usize, what: impl Into<String>, help: impl Into<String>) {
        let line = self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
        self.problems.push(BodyProblem { line, what: what.into(), help: help.into() });
    }

    fn root(&mut self, root: &DeTable<'t>) -> Bodies {
        self.known_keys(root, &["unknown", "kind", "body"], "the file");
        let unknown = match root.get("unknown") {
            Some(value) => self.unknown(value),
            None => {
                self.problem(
                    0,
                    "there is no [unknown]",
                    "say who finds out, and by when, where no layer knows the ground",
                );
                Bodies::empty().unknown
            }
        };
        let mut kinds = BTreeMap::new();
        for entry in self.entries(root, "kind") {
            let Some(kind) = self.kind(entry) else { continue };
            if kinds.insert(kind.id.clone(), kind).is_some() {
                self.problem(entry.span().start, "this kind is here twice", "keep one of them");
            }
        }
        let mut bodies: BTreeMap<BodyId, Body> = BTreeMap::new();
        for entry in self.entries(root, "body") {
            let Some(body) = self.body(entry) else { continue };
            if bodies.insert(body.id.clone(), body).is_some() {
                self.problem(entry.span().start, "this body is here twice", "keep one of them");
            }
        }
        self.references(root, &kinds, &bodies);
        Bodies { bodies, kinds, unknown }
    }

    /// Names that must exist: bodies to notify, kinds answered for, each kind at most once.
    fn references(&mut self, root: &DeTable<'t>, kinds: &BTreeMap<String, LayerKind>, bodies: &BTreeMap<BodyId, Body>) {
        let mut answered = BTreeSet::new();
        for entry in self.entries(root, "body") {
            let Some(table) = entry.get_ref().as_table() else { continue };
            for item in table.get("also_notify").and_then(|list| list.get_ref().as_array()).into_iter().flatten() {
                let Some(name) = item.get_ref().as_str() else { continue };
                if !bodies.contains_key(&BodyId::from(name)) {
                    self.problem(
                        item.span().start,
                        format!("there is no body \"{name}\""),
                        "add a [[body]] with this id, or mend the name",
                    );
                }
            }
            for item in table.get("answers_for").and_then(|list| list.get_ref().as_array()).into_iter().flatten() {
                let Some(name) = item.get_ref().as_str() else { continue };
                if !kinds.contains_key(name) {
                    self.problem(
                        item.span().start,
                        format!("there is no kind of layer \"{name}\""),
                        "add a [[kind]] with this id, or mend the name",
                    );
                } else if !answered.insert(name.to_owned()) {
                    self.problem(
                        item.span().start,
                        format!("two bodies answer for \"{name}\""),
                        "keep one; where it differs by place, name the body in the layer",
                    );
                }
            }
        }
    }

    fn entries<'d>(&mut self, root: &'d DeTable<'t>, key: &str) -> Vec<&'d Value<'t>> {
        let Some(value) = root.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.problem(value.span().start, format!("\"{key}\" is not a list"), format!("write each as [[{key}]]"));
            return Vec::new();
        };
        if array.len() > BODIES_MAX {
            self.problem(
                value.span().start,
                format!("{} entries of [[{key}]]", array.len()),
                format!("at most {BODIES_MAX}"),
            );
        }
        array.iter().take(BODIES_MAX).collect()
    }

    fn known_keys(&mut self, table: &DeTable<'t>, known: &[&str], of: &str) {
        for key in table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                self.problem(
                    key.span().start,
                    format!("{of} has no key \"{}\"", key.get_ref()),
                    format!("use {}", known.join(", ")),
                );
            }
        }
    }

    fn table<'d>(&mut self, value: &'d Value<'t>, known: &[&str], of: &str) -> Option<&'d DeTable<'t>> {
        let Some(table) = value.get_ref().as_table() else {
            self.problem(
                value.span().start,
                format!("{of} is not a table"),
                format!("write {of} and its keys below it"),
            );
            return None;
        };
        self.known_keys(table, known, of);
        Some(table)
    }

    fn text(&mut self, table: &DeTable<'t>, key: &str, at: usize, of: &str) -> String {
        match table.get(key).map(|value| (value.span().start, value.get_ref().as_str())) {
            Some((_, Some(text))) if !text.trim().is_empty() => return text.trim().to_owned(),
            Some((at, Some(_))) => self.problem(at, format!("{key} is empty"), "write it in words"),
            Some((at, None)) => self.problem(at, format!("{key} is not a text"), "put it in quotes"),
            None => self.problem(at, format!("{of} has no {key}"), format!("add {key} = \"...\"")),
        }
        String::new()
    }

    fn optional_text(&mut self, table: &DeTable<'t>, key: &str, of: &str) -> Option<String> {
        table.get(key).map(|value| self.text(table, key, value.span().start, of))
    }

    fn id(&mut self, table: &DeTable<'t>, at: usize, of: &str) -> String {
        let id = self.text(table, "id", at, of);
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !id.bytes().all(good) {
            let at = table.get("id").map_or(at, |value| value.span().start);
            self.problem(at, format!("the id \"{id}\" has other signs"), "use small letters, digits and _ only");
        }
        id
    }

    fn list(&mut self, table: &DeTable<'t>, key: &str) -> Vec<String> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.problem(value.span().start, format!("{key} is not a list"), format!("write {key} = [\"...\"]"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.problem(item.span().start, format!("an item of {key} is not a text"), "put it in quotes"),
            }
        }
        texts
    }

    fn number(&mut self, table: &DeTable<'t>, key: &str, at: usize, of: &str, min: f64, max: f64) -> f64 {
        let Some(value) = table.get(key) else {
            self.problem(at, format!("{of} has no {key}"), format!("add {key} = a number from {min} to {max}"));
            return min;
        };
        let text = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => "",
        };
        match text.replace('_', "").parse::<f64>() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.problem(
                    value.span().start,
                    format!("{key} is not a number from {min} to {max}"),
                    "mend the number",
                );
                min
            }
        }
    }

    fn unknown(&mut self, value: &Value<'t>) -> Unknown {
        let at = value.span().start;
        let Some(table) = self.table(value, &["finder", "within", "tell_caller", "raise"], "[unknown]") else {
            return Bodies::empty().unknown;
        };
        let mut text = |key| self.text(table, key, at, "[unknown]");
        Unknown {
            finder: text("finder"),
            within: text("within"),
            tell_caller: text("tell_caller"),
            raise: text("raise"),
        }
    }

    fn kind(&mut self, value: &Value<'t>) -> Option<LayerKind> {
        let at = value.span().start;
        let table = self.table(value, &["id", "name", "rank", "nearest_m", "role"], "[[kind]]")?;
        let id = self.id(table, at, "[[kind]]");
        let name = self.text(table, "name", at, "[[kind]]");
        let rank = self.number(table, "rank", at, "[[kind]]", 1.0, 1000.0) as u16;
        let nearest_m = self.number(table, "nearest_m", at, "[[kind]]", 0.0, NEAREST_M_MAX);
        let role = match self.text(table, "role", at, "[[kind]]").as_str() {
            "answers" => Role::Answers,
            "registered" => Role::Registered,
            "informs" => Role::Informs,
            "" => Role::Informs,
            other => {
                let at = table.get("role").map_or(at, |value| value.span().start);
                self.problem(at, format!("role \"{other}\" does not exist"), "use answers, registered or informs");
                Role::Informs
            }
        };
        (!id.is_empty()).then_some(LayerKind { id, name, rank, nearest_m, role })
    }

    fn body(&mut self, value: &Value<'t>) -> Option<Body> {
        const KEYS: [&str; 8] = ["id", "name", "ours", "phone", "tell_caller", "raise", "also_notify", "answers_for"];
        let at = value.span().start;
        let table = self.table(value, &KEYS, "[[body]]")?;
        let id = self.id(table, at, "[[body]]");
        let ours = match table.get("ours").map(|value| (value.span().start, value.get_ref().as_bool())) {
            Some((_, Some(ours))) => ours,
            Some((at, None)) => {
                self.problem(at, "ours is neither true nor false", "write ours = true for a service of this council");
                false
            }
            None => {
                self.problem(at, "[[body]] has no ours", "write ours = true for a service of this council, else false");
                false
            }
        };
        let body = Body {
            id: BodyId::from(id.as_str()),
            name: self.text(table, "name", at, "[[body]]"),
            ours,
            phone: self.optional_text(table, "phone", "[[body]]"),
            tell_caller: self.text(table, "tell_caller", at, "[[body]]"),
            raise: self.text(table, "raise", at, "[[body]]"),
            also_notify: self.list(table, "also_notify").iter().map(|id| BodyId::from(id.as_str())).collect(),
            answers_for: self.list(table, "answers_for"),
        };
        (!id.is_empty()).then_some(body)
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
                    also_notify = [\"nobody\"]\nanswers_for = [\"road\", \"canal\"]\nphnoe = \"105\"\n";
        let problems = Bodies::parse(text).unwrap_err();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = [
            "line 3: within is empty",
            "line 9: rank is not a number from 1 to 1000",
            "line 10: nearest_m is not a number from 0 to 50",
            "line 11: role \"owner\" does not exist; use answers, registered or informs",
            "line 13: the id \"High Ways\" has other signs",
            "line 15: ours is neither true nor false",
            "line 18: there is no body \"nobody\"",
            "line 19: there is no kind of layer \"canal\"",
            "line 20: [[body]] has no key \"phnoe\"",
        ];
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said} / {expected}");
        }
    }

    #[test]
    fn broken_toml_and_an_empty_file_are_told_too() {
        let problems = Bodies::parse("[unknown\nfinder = ").unwrap_err();
        assert_eq!(problems[0].line, 1);
        assert_eq!(Bodies::parse("").unwrap_err().len(), 1);
    }
}
