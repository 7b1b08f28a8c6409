//! Reads `config/bodies.toml` in one go, so that its keeper sees all slips at once, each with its line and column.

use super::super::id::{BodyId, Tag};
use super::super::problem::{Code, Problem, did_you_mean};
use super::super::reading::{Fields, Item, Reader};
use super::Role;
use super::bodies::{BODIES_MAX, Bodies, Body, LINES_MAX, LayerKind, Line, Matter, NEAREST_M_MAX, Says, Unknown};
use std::collections::{BTreeMap, BTreeSet};

/// What a kind's `role` can be. `answers` is the word of files from before roles were told apart.
const SAYS: [(&str, Says); 7] = [
    ("owns", Says::Role(Role::Owns)),
    ("adopts", Says::Role(Role::Adopts)),
    ("maintains", Says::Role(Role::Maintains)),
    ("regulates", Says::Role(Role::Regulates)),
    ("informs", Says::Role(Role::Informs)),
    ("registered", Says::Title),
    ("answers", Says::Role(Role::Maintains)),
];
/// What a matter's `role` can be.
const ROLES: [(&str, Role); 4] =
    [("owns", Role::Owns), ("adopts", Role::Adopts), ("maintains", Role::Maintains), ("regulates", Role::Regulates)];

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
        for (nth, table) in bounded(&reader, root.tables("body")).into_iter().enumerate() {
            let span = table.span();
            let (id, body, names) = read_body(table, nth);
            named.push(names);
            let Some(id) = id else { continue };
            if bodies.insert(id.clone(), body).is_some() {
                reader.problem(Code::T010, span, format!("the body \"{id}\" is there twice"));
            }
        }
        let mut matters: Vec<Option<Matter>> = Vec::new();
        let mut ids = BTreeSet::new();
        for table in bounded(&reader, root.tables("matter")) {
            let span = table.span();
            let (id, matter, names) = read_matter(table);
            named.push(names);
            matters.push(matter);
            if let Some(id) = id
                && !ids.insert(id.clone())
            {
                reader.problem(Code::T010, span, format!("the matter \"{id}\" is there twice"));
            }
        }
        root.done();
        check_names(&reader, &kinds, &bodies, &named);
        // An entry with a slip of its own still counts as named; it never gets past `finish`.
        let kinds = kinds.into_iter().filter_map(|(id, kind)| Some((id, kind?))).collect();
        let bodies = bodies.into_iter().filter_map(|(id, body)| Some((id, body?))).collect();
        let matters = matters.into_iter().flatten().collect();
        reader.finish(unknown.map(|unknown| Self { bodies, kinds, matters, unknown }))
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
    let (id, name) = (table.need_id("id").map(|id| id.value), table.need_text("name"));
    let rank = table.integer("rank", 1..=1_000);
    if rank.is_none() && !table.has("rank") {
        table.reader().problem(Code::T003, table.span(), "`rank` is missing");
    }
    let nearest_m = table.integer("nearest_m", 0..=NEAREST_M_MAX as i64);
    let says = table.need_choice("role", &SAYS);
    let place = table.text("place");
    table.done();
    let kind = |id: String| {
        Some(LayerKind {
            id,
            name: name?.value,
            rank: u16::try_from(rank?.value).ok()?,
            nearest_m: nearest_m.map_or(0.0, |metres| metres.value as f64),
            says: says?.value,
            place: place.map(|place| place.value),
        })
    };
    (id.clone(), id.and_then(kind))
}

/// The names that an entry gives of others, with where they stand.
#[derive(Default)]
struct Names {
    bodies: Vec<Item<String>>,
    answers_for: Vec<Item<String>>,
}

fn ids(names: &[Item<String>]) -> Vec<BodyId> {
    names.iter().map(|name| BodyId::from(name.value.as_str())).collect()
}

/// The body's id, the body where all of it could be read, and the names it gives of others.
fn read_body(mut table: Fields<'_>, nth: usize) -> (Option<BodyId>, Option<Body>, Names) {
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
    let mut lines: Vec<Line> = Vec::new();
    if let Some(phone) = table.text("phone").filter(|phone| dialable(&table, phone)) {
        let line =
            Line { name: String::new(), number: phone.value, hours: String::new(), checked: None, nth: (nth, None) };
        lines.push(line);
    }
    let tables = table.tables("line");
    if let Some(beyond) = tables.get(LINES_MAX) {
        let message = format!("more than {LINES_MAX} lines of one body are not read");
        table.reader().problem(Code::B001, beyond.span(), message);
    }
    for (at, line) in tables.into_iter().take(LINES_MAX).enumerate() {
        lines.extend(read_line(line, (nth, Some(at))));
    }
    let (tell_caller, raise) = (table.need_text("tell_caller"), table.need_text("raise"));
    let (valid_from, valid_until) = (table.date("valid_from"), table.date("valid_until"));
    if let (Some(from), Some(until)) = (&valid_from, &valid_until)
        && until.value < from.value
    {
        let message = "`valid_until` is before `valid_from`";
        table.reader().problem(Code::B001, until.span.clone(), message);
    }
    let replaced_by = table.text("replaced_by");
    if let (Some(after), None) = (&replaced_by, &valid_until) {
        let help = Some("add the last day on which this body acts, e.g. valid_until = 2028-03-31");
        let message = "`replaced_by` without `valid_until`";
        table.reader().problem_with(Code::B001, after.span.clone(), message, help);
    }
    let also_notify = table.texts("also_notify");
    let also_ids = ids(&also_notify);
    let mut names = Names { bodies: also_notify, answers_for: table.texts("answers_for") };
    names.bodies.extend(replaced_by.clone());
    table.done();
    let body = |id: BodyId| {
        Some(Body {
            id,
            name: name?.value,
            ours: ours?.value,
            lines,
            tell_caller: tell_caller?.value,
            raise: raise?.value,
            also_notify: also_ids,
            answers_for: names.answers_for.iter().map(|name| name.value.clone()).collect(),
            valid_from: valid_from.map(|day| day.value),
            valid_until: valid_until.map(|day| day.value),
            replaced_by: replaced_by.map(|id| BodyId::from(id.value.as_str())),
        })
    };
    (id.clone(), id.and_then(body), names)
}

fn read_line(mut table: Fields<'_>, nth: (usize, Option<usize>)) -> Option<Line> {
    let (name, number) = (table.text("name"), table.need_text("number"));
    let (hours, checked) = (table.need_text("hours"), table.need_date("checked"));
    let number = number.filter(|number| dialable(&table, number));
    table.done();
    Some(Line {
        name: name.map_or_else(String::new, |name| name.value),
        number: number?.value,
        hours: hours?.value,
        checked: Some(checked?.value),
        nth,
    })
}

/// Whether a text can be dialled: 3 to 15 digits, with spaces and a `+` in front at most.
fn dialable(table: &Fields<'_>, number: &Item<String>) -> bool {
    let text = number.value.strip_prefix('+').unwrap_or(&number.value);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let good = (3..=15).contains(&digits) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ');
    if !good {
        let help = Some("write it as people dial it: digits and spaces, e.g. 0800 80 70 60");
        table.reader().problem_with(Code::B001, number.span.clone(), "this is not a number to dial", help);
    }
    good
}

/// The matter's id, the matter where all of it could be read, and the names it gives of bodies.
fn read_matter(mut table: Fields<'_>) -> (Option<String>, Option<Matter>, Names) {
    let (id, name) = (table.need_id("id").map(|id| id.value), table.need_text("name"));
    let first = table.flag("first").is_some_and(|first| first.value);
    let ask = table.text("ask");
    if first && ask.is_none() && !table.has("ask") {
        let help = Some("what the advisor asks before anything else, e.g. ask = \"Can you smell gas?\"");
        table.reader().problem_with(Code::T003, table.span(), "`ask` is missing", help);
    }
    let tags = table.texts("tags");
    let body = table.need_text("body");
    let role = table.choice("role", &ROLES);
    let keeps = table.texts("keeps");
    let (tell_caller, raise) = (table.text("tell_caller"), table.text("raise"));
    let keeps_ids = ids(&keeps);
    let mut names = Names { bodies: keeps, answers_for: Vec::new() };
    names.bodies.extend(body.clone());
    table.done();
    let matter = |id: String| {
        Some(Matter {
            id,
            name: name?.value,
            first,
            ask: ask.map(|ask| ask.value),
            tags: tags.iter().map(|tag| Tag::from(tag.value.as_str())).collect(),
            body: BodyId::from(body?.value.as_str()),
            role: role.map_or(Role::Maintains, |role| role.value),
            keeps: keeps_ids,
            tell_caller: tell_caller.map(|text| text.value),
            raise: raise.map(|text| text.value),
        })
    };
    (id.clone(), id.and_then(matter), names)
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
        for Item { value, span } in &names.bodies {
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
