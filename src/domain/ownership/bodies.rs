//! The table of responsible bodies, kinds of layer and matters: what `config/bodies.toml` says, and how it is looked
//! up. How it is read, with all slips told at once, is in [`super::table`].

use super::super::id::{BodyId, Tag};
use super::super::problem::{Code, Problem};
use super::super::reading::{locate, position};
use super::Role;
use jiff::Unit;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bodies, kinds and matters that one file may hold, each.
pub const BODIES_MAX: usize = 1_000;
/// The most lines of one body.
pub const LINES_MAX: usize = 8;
/// The farthest that "nearest" may reach, in metres: beyond it the answer would be a guess.
pub const NEAREST_M_MAX: f64 = 50.0;
/// A number should be rung and found right once a year.
const CHECKED_DAYS: i32 = 366;
/// The longest chain of bodies that replaced each other.
const REPLACED_MAX: usize = 8;

/// What `config/bodies.toml` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Bodies {
    pub(super) bodies: BTreeMap<BodyId, Body>,
    pub(super) kinds: BTreeMap<String, LayerKind>,
    pub(super) matters: Vec<Matter>,
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
    /// Its public lines, the one to ring first in front.
    pub lines: Vec<Line>,
    /// What the advisor says.
    pub tell_caller: String,
    /// What to raise, and where.
    pub raise: String,
    /// Bodies to tell as well.
    pub also_notify: Vec<BodyId>,
    /// Kinds of layer that mean this body where neither layer nor feature names one.
    pub answers_for: Vec<String>,
    /// The first day on which it exists; `None` is since ever.
    pub valid_from: Option<Date>,
    /// The last day on which it exists; `None` is for good.
    pub valid_until: Option<Date>,
    /// The body that takes over after that day.
    pub replaced_by: Option<BodyId>,
}

/// A telephone line of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is for, e.g. `incident hotline`; empty where there is only one.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub name: String,
    /// As people dial it, e.g. `0800 80 70 60`.
    pub number: String,
    /// When it answers, in words: `day and night`; empty where the file does not say.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub hours: String,
    /// The day on which somebody last rang it and found it right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checked: Option<Date>,
    /// Where it stands in the file: which body, which of its lines; no line is a body's `phone`.
    #[serde(skip)]
    pub(super) nth: (usize, Option<usize>),
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
    /// Ground within so many metres of an edge counts as "probable", 0 to [`NEAREST_M_MAX`].
    pub nearest_m: f64,
    /// What a feature of it can say.
    pub says: Says,
    /// Where somebody stands who is on it, as the end of a question: `on the road or the pavement`.
    pub place: Option<String>,
}

/// What a feature of a layer can say about responsibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// That a body has this role here.
    Role(Role),
    /// A title exists, or a street; whose it is, is not in the data.
    Title,
}

impl LayerKind {
    /// The role that a feature of it gives its body.
    pub fn role(&self) -> Option<Role> {
        match self.says {
            Says::Role(role) => Some(role),
            Says::Title => None,
        }
    }

    /// Whether a feature of it can decide who is to act.
    pub fn decides(&self) -> bool {
        self.role().is_some_and(|role| role.decides(None))
    }
}

/// What a report can be about where that decides more than the ground does: a smell of gas, a burst main.
#[derive(Debug, Clone, PartialEq)]
pub struct Matter {
    /// E.g. `gas`.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// Asked before anything else, in the file's order.
    pub first: bool,
    /// The question to the caller.
    pub ask: Option<String>,
    /// Topics of a contact that mean it.
    pub tags: Vec<Tag>,
    /// Who is responsible, wherever it is.
    pub body: BodyId,
    /// What that body does there.
    pub role: Role,
    /// Bodies that keep it on their own ground: a landlord its own drains.
    pub keeps: Vec<BodyId>,
    /// What the advisor says; `None` is what the body's entry says.
    pub tell_caller: Option<String>,
    /// What to raise; `None` is what the body's entry says.
    pub raise: Option<String>,
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
    /// A table without bodies or kinds, for tests and for `callout owner --layer` without a configuration.
    pub fn empty() -> Self {
        Self {
            bodies: BTreeMap::new(),
            kinds: BTreeMap::new(),
            matters: Vec::new(),
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

    /// The body that stands for this one on a day: itself, the one that replaced it, or the one that it replaced.
    /// Without a day itself.
    pub fn body_on(&self, id: &BodyId, on: Option<Date>) -> Option<&Body> {
        let mut body = self.bodies.get(id)?;
        let Some(on) = on else { return Some(body) };
        for _ in 0..REPLACED_MAX {
            if body.valid_until.is_some_and(|last| on > last) {
                body = self.bodies.get(body.replaced_by.as_ref()?)?;
            } else if body.valid_from.is_some_and(|first| on < first) {
                body = self.bodies.values().find(|before| before.replaced_by.as_ref() == Some(&body.id))?;
            } else {
                return Some(body);
            }
        }
        None
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

    /// A matter by its id.
    pub fn matter(&self, id: &str) -> Option<&Matter> {
        self.matters.iter().find(|matter| matter.id == id)
    }

    /// All matters, in the file's order.
    pub fn matters(&self) -> &[Matter] {
        &self.matters
    }

    /// What is asked before anything else, in order.
    pub fn first(&self) -> impl Iterator<Item = &Matter> {
        self.matters.iter().filter(|matter| matter.first)
    }

    /// What the advisor says about a matter.
    pub fn told_about<'b>(&'b self, matter: &'b Matter) -> &'b str {
        let of_body = || self.bodies.get(&matter.body).map_or("", |body| body.tell_caller.as_str());
        matter.tell_caller.as_deref().unwrap_or_else(of_body)
    }

    /// The matter that a contact's topics mean: the first of the file's order.
    pub fn matter_of(&self, tags: &[Tag]) -> Option<&Matter> {
        self.matters.iter().find(|matter| matter.tags.iter().any(|tag| tags.contains(tag)))
    }

    /// The body that answers for a kind where neither layer nor feature names one.
    pub fn answering_for(&self, kind: &str) -> Option<&Body> {
        self.bodies.values().find(|body| body.answers_for.iter().any(|one| one == kind))
    }

    /// The farthest `nearest_m` of all kinds, in metres.
    pub fn nearest_m_max(&self) -> f64 {
        self.kinds.values().map(|kind| kind.nearest_m).fold(0.0, libm::fmax)
    }

    /// The numbers that nobody has checked for a year, as findings at their lines of `text`, the file's text.
    pub fn stale(&self, text: &str, today: Date) -> Vec<Problem> {
        let mut found = Vec::new();
        for body in self.bodies.values() {
            for line in &body.lines {
                let age = line.checked.map(|day| day.until((Unit::Day, today)).map_or(0, |span| span.get_days()));
                let message = match (age, line.checked) {
                    (Some(days), Some(day)) if days >= CHECKED_DAYS => {
                        format!("{} of {} was last checked on {day}, over a year ago", line.number, body.name)
                    }
                    (None, _) => format!("nobody has checked {} of {}", line.number, body.name),
                    _ => continue,
                };
                let (of_body, of_line) = (line.nth.0.to_string(), line.nth.1.map(|nth| nth.to_string()));
                let path: Vec<&str> = match &of_line {
                    Some(nth) if age.is_some() => vec!["body", &of_body, "line", nth, "checked"],
                    Some(nth) => vec!["body", &of_body, "line", nth, "number"],
                    None => vec!["body", &of_body, "phone"],
                };
                let mut problem = Problem::of_file("bodies", Code::B002, message);
                (problem.line, problem.column, problem.width) = position(text, &locate(text, &path));
                found.push(problem.with_help("ring it; if it is right, set `checked` to today"));
            }
        }
        found.sort_by_key(|problem| (problem.line, problem.column));
        found
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
        for kind in bodies.kinds().filter(|kind| kind.decides()) {
            assert!(bodies.answering_for(&kind.id).is_some(), "nobody answers for {}", kind.id);
            assert!(kind.place.is_some(), "a question could not name {}", kind.id);
        }
        let first: Vec<&str> = bodies.first().map(|matter| matter.id.as_str()).collect();
        assert_eq!(first, ["danger", "gas", "wires", "water_in_house"], "life at risk first");
        assert!(!bodies.unknown.finder.is_empty() && !bodies.unknown.within.is_empty());
        assert_eq!(bodies.answering_for("adopted_highway").unwrap().id.as_str(), "highways");
        assert_eq!(bodies.kind("hmlr_index").unwrap().says, Says::Title);
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
    fn a_number_nobody_has_checked_for_a_year_is_a_finding_at_its_line() {
        let text = "[unknown]\nfinder = \"x\"\nwithin = \"2 hours\"\ntell_caller = \"x\"\nraise = \"x\"\n\
                    [[body]]\nid = \"a\"\nname = \"A\"\nours = false\ntell_caller = \"x\"\nraise = \"x\"\nphone = \"105\"\n\
                    [[body.line]]\nnumber = \"07700 900700\"\nhours = \"day and night\"\nchecked = 2025-11-01\n";
        let bodies = Bodies::parse(text).unwrap();
        let said: Vec<String> =
            bodies.stale(text, "2026-11-22".parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(said[0].starts_with("bodies:12:9: warning[B002]: nobody has checked 105 of A"), "{said:#?}");
        assert!(said[1].starts_with("bodies:16:11: warning[B002]: 07700 900700 of A was last checked on 2025-11-01"));
        assert_eq!(bodies.stale(text, "2026-10-31".parse().unwrap()).len(), 1);
        assert_eq!(bodies.body(&BodyId::from("a")).unwrap().lines[0].number, "105", "the body's phone comes first");
    }

    #[test]
    fn a_slip_in_a_line_a_matter_or_a_successor_is_told_with_its_line() {
        let text = "[unknown]\nfinder = \"x\"\nwithin = \"2 hours\"\ntell_caller = \"x\"\nraise = \"x\"\n\
                    [[matter]]\nid = \"gas\"\nname = \"Gas\"\nfirst = true\nbody = \"gsa\"\n\
                    [[body]]\nid = \"gas\"\nname = \"Gas\"\nours = false\ntell_caller = \"x\"\nraise = \"x\"\n\
                    replaced_by = \"b\"\n\
                    [[body.line]]\nnumber = \"ring us\"\nhours = \"\"\n";
        let said: Vec<String> = Bodies::parse(text).unwrap_err().iter().map(ToString::to_string).collect();
        for expected in [
            "bodies.toml:6:1: error[T003]: `ask` is missing",
            "bodies.toml:10:8: error[B001]: there is no body \"gsa\" (did you mean \"gas\"?)",
            "bodies.toml:17:15: error[B001]: `replaced_by` without `valid_until`",
            "bodies.toml:17:15: error[B001]: there is no body \"b\"",
            "bodies.toml:19:10: error[B001]: this is not a number to dial",
            "bodies.toml:20:9: error[T009]: `hours` is empty",
            "bodies.toml:18:1: error[T003]: `checked` is missing",
        ] {
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
