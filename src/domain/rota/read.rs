//! Reads `config/rota.toml`: the sheet as a planner writes it, with every slip of the pen told at its place.
//!
//! Overrides stand below their role or, like swaps, temporary rotas and leave, at the top of the file with the role's
//! name: then a new one is added at the end of the file without touching what is there.

use super::cadence::{Cadence, Every, STEP_MAX};
use super::hours::{When, day_and_time};
use super::recurrence::{Recurrence, SHIFT_MAX};
use super::slips::{self, Change, Override};
use super::span::Span;
use super::swap::Swap;
use super::temporary::Temporary;
use super::{Role, Rota, Rotation};
use crate::domain::calendar::{clock, weekdays};
use crate::domain::id::{PersonId, RoleId};
use crate::domain::problem::{Code, Problem, did_you_mean};
use crate::domain::reading::{Fields, Item, Reader};
use crate::domain::settings::TRIAL;
use crate::domain::time::{SignedDuration, Timestamp, resolve};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use std::ops::Range;

/// The highest layer that a file may give; above it are slips of "I take it now".
const LAYER_MAX: i64 = 99;

/// Where overrides and temporary rotas stand, so that a contradiction is told at its place.
struct Placed<T> {
    value: T,
    span: Range<usize>,
}

pub(super) fn read(reader: Reader<'_>, zone: &TimeZone) -> Result<Rota, Vec<Problem>> {
    let mut root = reader.root();
    let mut rota = Rota::empty(zone.clone());
    if let Some(item) = root.duration("escalate_after", TRIAL..=SignedDuration::from_hours(1)) {
        rota.escalate_after = item.value;
    }
    rota.managers = people(root.texts("managers"));
    rota.fallback = people(root.texts("fallback"));
    let mut pinned: Vec<(RoleId, Placed<Override>)> = Vec::new();
    for table in root.tables("role") {
        let span = table.span();
        let Some((role, slips)) = read_role(table, zone) else { continue };
        let id = role.id.clone();
        pinned.extend(slips.into_iter().map(|slip| (id.clone(), slip)));
        if rota.roles.insert(id.clone(), role).is_some() {
            reader.problem(Code::T010, span, format!("role \"{id}\" is there twice"));
        }
    }
    for mut table in root.tables("override") {
        let role = named_role(&mut table, &rota);
        let slip = read_override(table, zone);
        pinned.extend(role.zip(slip));
    }
    pin(&reader, &mut rota, pinned);
    for mut table in root.tables("swap") {
        let role = named_role(&mut table, &rota);
        let Some((role, swap)) = role.zip(read_swap(table, zone)) else { continue };
        rota.roles.entry(role).and_modify(|role| role.swaps.push(swap));
    }
    for mut table in root.tables("temporary") {
        let role = named_role(&mut table, &rota);
        let Some((role, Placed { value, span })) = role.zip(read_temporary(table, zone)) else { continue };
        let Some(role) = rota.roles.get_mut(&role) else { continue };
        if role.temporary.iter().any(|there| there.span.overlaps(&value.span)) {
            let message = format!("role \"{}\" has another temporary rota at that time", role.id);
            reader.problem_with(Code::R010, span, message, Some("cut one of them: only one can count at a time"));
        } else {
            role.temporary.push(value);
        }
    }
    for table in root.tables("leave") {
        rota.leave.extend(read_leave(table, zone));
    }
    root.done();
    reader.finish(Some(rota))
}

fn people(items: Vec<Item<String>>) -> Vec<PersonId> {
    items.into_iter().map(|item| PersonId::new(item.value)).collect()
}

/// The role that a table at the top of the file is about, if the rota has it.
fn named_role(table: &mut Fields<'_>, rota: &Rota) -> Option<RoleId> {
    let item = table.need_id("role")?;
    let role = RoleId::new(item.value);
    if rota.roles.contains_key(&role) {
        return Some(role);
    }
    let help = match did_you_mean(role.as_str(), rota.roles.keys().map(RoleId::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "add a [[role]] with this id above".to_owned(),
    };
    table.reader().problem_with(Code::R012, item.span, format!("there is no role \"{role}\""), Some(help));
    None
}

/// Puts the slips on their roles and tells contradictions, each at the later slip.
fn pin(reader: &Reader<'_>, rota: &mut Rota, pinned: Vec<(RoleId, Placed<Override>)>) {
    for (id, Placed { value, span }) in pinned {
        let Some(role) = rota.roles.get_mut(&id) else { continue };
        if slips::pin(&mut role.overrides, value.clone()).is_err() {
            let message = format!("this override contradicts another one of \"{id}\" about the same person");
            reader.problem_with(Code::R008, span, message, Some("make their times meet, or take one out"));
            // A text from the log is kept as it was accepted.
            role.overrides.push(value);
        }
    }
}

fn read_role(mut table: Fields<'_>, zone: &TimeZone) -> Option<(Role, Vec<Placed<Override>>)> {
    let id = table.need_id("id");
    let title = table.need_text("title");
    let lead = table.id("lead").map(|item| PersonId::new(item.value));
    let standing = people(table.texts("standing"));
    let rotations = table.tables("rotation").into_iter().filter_map(|r| read_rotation(r, zone)).collect();
    let slips = table.tables("override").into_iter().filter_map(|o| read_override(o, zone)).collect();
    table.done();
    let role = Role { lead, standing, rotations, ..Role::new(RoleId::new(id?.value), title?.value) };
    Some((role, slips))
}

/// How often, in words: `week`, `2 weeks`, `12 hours`.
fn every(words: &str) -> Option<(Every, u32)> {
    let (n, unit) = words.trim().split_once(' ').map_or(Some((1, words.trim())), |(n, unit)| {
        let n: u32 = n.parse().ok()?;
        Some((n, unit.trim()))
    })?;
    let unit = match unit {
        "hour" | "hours" => Every::Hour,
        "day" | "days" => Every::Day,
        "week" | "weeks" => Every::Week,
        "month" | "months" => Every::Month,
        _ => return None,
    };
    (1..=STEP_MAX).contains(&n).then_some((unit, n))
}

/// `Mon 08:00` or `08:00`.
fn handover(words: &str) -> Option<(Option<Weekday>, Time)> {
    match words.trim().split_once(' ') {
        Some(_) => day_and_time(words).map(|(day, time)| (Some(day), time)),
        None => clock(words).map(|time| (None, time)),
    }
}

fn read_rotation(mut table: Fields<'_>, zone: &TimeZone) -> Option<Rotation> {
    let reader = table.reader();
    let from = table.need_day("from");
    let time_needed = from.as_ref().is_some_and(|from| from.value.1.is_none());
    let handover_item = if time_needed { table.need_text("handover") } else { table.text("handover") };
    let every_item = table.text("every");
    let on = table.text("on");
    let shift = table.duration("for", SignedDuration::from_mins(1)..=SHIFT_MAX);
    let until = table.has("until").then(|| table.need_local("until")).flatten();
    let layer = table.integer("layer", 0..=LAYER_MAX).map_or(0, |item| item.value as u8);
    let when = read_when(&mut table);
    let groups: Vec<Vec<PersonId>> = table.need_texts("people").iter().map(|item| group(&item.value)).collect();
    table.done();

    let beat = match &every_item {
        None => Some((Every::Week, 1)),
        Some(item) => {
            let beat = every(&item.value);
            if beat.is_none() {
                let help = Some("write it as \"week\", \"2 weeks\", \"3 days\", \"12 hours\" or \"month\"");
                reader.problem_with(Code::R009, item.span.clone(), "`every` is not a length of turns", help);
            }
            beat
        }
    };
    let handover = match handover_item {
        None => None,
        Some(item) => match handover(&item.value) {
            None => {
                let help =
                    Some("write it as day and time, e.g. \"Mon 08:00\", or as a time for turns of hours or days");
                reader.problem_with(Code::R006, item.span, "`handover` is not a day and a time", help);
                return None;
            }
            Some((Some(_), _)) if beat.is_some_and(|(unit, _)| unit != Every::Week) => {
                let help = Some("write the time alone, e.g. \"08:00\"");
                reader.problem_with(Code::R006, item.span, "a day of the week belongs to turns of weeks", help);
                return None;
            }
            Some(handover) => Some(handover),
        },
    };
    let days = on.and_then(|item| {
        let named = weekdays(&item.value);
        if named.is_none() {
            let help = Some("e.g. \"Sat-Sun\" or \"Mon, Wed\"");
            reader.problem_with(Code::D001, item.span, "`on` are not days of the week", help);
        }
        let mut days = [false; 7];
        named?.into_iter().for_each(|day| days[day.to_monday_zero_offset() as usize] = true);
        Some(days)
    });
    let ((every, n), (date, time)) = (beat?, from?.value);
    if groups.is_empty() {
        return None;
    }
    let (day, time) = match (handover, time) {
        (Some((day, time)), _) => (day, time),
        (None, Some(time)) => (None, time),
        (None, None) => return None,
    };
    let rotation = if days.is_some() || shift.is_some() {
        let length = shift.map_or(SignedDuration::from_hours(24), |item| item.value);
        let start = date.to_datetime(time);
        Rotation::shifts(Recurrence { start, length, every, n, weekdays: days, monthdays: Vec::new() }, groups)
    } else {
        let cadence = match day {
            Some(day) => Cadence::weekly(n, date, day, time),
            None => Cadence::new(every, n, date.to_datetime(time)).ok(),
        };
        Rotation::handovers(cadence?, groups, zone)
    };
    let until = until.map(|item| resolve(item.value, zone));
    Some(Rotation { when, layer, until, ..rotation })
}

/// The people of one turn: `ann`, or `ann + bob` for two at once.
fn group(words: &str) -> Vec<PersonId> {
    words.split('+').map(|word| PersonId::new(word.trim())).collect()
}

fn read_when(table: &mut Fields<'_>) -> Vec<When> {
    let reader = table.reader();
    let lines = table.texts("when");
    let read = |item: Item<String>| {
        let when = When::parse(&item.value);
        if when.is_none() {
            let help = Some(
                "e.g. \"Mon-Fri 17:00-09:00\", \"Fri 17:00 - Mon 09:00\", \"holidays 09:00-17:00\", \"out of hours\"",
            );
            reader.problem_with(Code::R007, item.span, "`when` holds hours that cannot be read", help);
        }
        when
    };
    lines.into_iter().filter_map(read).collect()
}

/// `from` and `to`, wall clock; told if they stand the wrong way round.
fn read_span(table: &mut Fields<'_>, zone: &TimeZone, what: &str) -> Option<Span> {
    let (from, to) = (table.need_local("from"), table.need_local("to"));
    let (from, to) = (from?, to?);
    if to.value <= from.value {
        table.reader().problem(Code::R002, to.span, format!("this {what} ends before it begins"));
    }
    Some(Span::new(resolve(from.value, zone), resolve(to.value, zone)))
}

fn read_override(mut table: Fields<'_>, zone: &TimeZone) -> Option<Placed<Override>> {
    let place = table.span();
    let mut who = |key| table.has(key).then(|| table.need_id(key)).flatten().map(|item| PersonId::new(item.value));
    let (person, instead_of, add, remove) = (who("person"), who("instead_of"), who("add"), who("remove"));
    let layer = table.integer("layer", 0..=LAYER_MAX).map_or(0, |item| item.value as u8);
    let span = read_span(&mut table, zone, "override");
    // Why, for the reader of the file; who stands in is what counts.
    table.text("why");
    let reader = table.reader();
    let change = match (person, instead_of, add, remove) {
        (Some(person), None, None, None) => Some(Change::StandIn { person }),
        (Some(person), Some(instead_of), None, None) => Some(Change::Replace { person, instead_of }),
        (None, None, Some(person), None) => Some(Change::Add { person }),
        (None, None, None, Some(person)) => Some(Change::Remove { person }),
        (None, None, None, None) => {
            table.need_text("person");
            None
        }
        _ => {
            let help =
                Some("`person` stands in (for one: with `instead_of`), `add` comes as well, `remove` is taken off");
            let message = "an override says one thing: `person`, `add` or `remove`";
            reader.problem_with(Code::T005, place.clone(), message, help);
            None
        }
    };
    table.done();
    Some(Placed { value: Override { span: span?, layer, change: change? }, span: place })
}

fn read_swap(mut table: Fields<'_>, zone: &TimeZone) -> Option<Swap> {
    let owner = table.need_id("owner");
    let taken_by = table.has("taken_by").then(|| table.need_id("taken_by")).flatten();
    let withdrawn = table.flag("withdrawn").is_some_and(|item| item.value);
    let span = read_span(&mut table, zone, "swap");
    table.text("why");
    let reader = table.reader();
    table.done();
    if let (Some(owner), Some(taker)) = (&owner, &taken_by)
        && owner.value == taker.value
    {
        reader.problem_with(
            Code::R011,
            taker.span.clone(),
            "nobody can take their own shift",
            Some("name somebody else"),
        );
    }
    Some(Swap {
        owner: PersonId::new(owner?.value),
        span: span?,
        taken_by: taken_by.map(|item| PersonId::new(item.value)),
        withdrawn,
    })
}

fn read_temporary(mut table: Fields<'_>, zone: &TimeZone) -> Option<Placed<Temporary>> {
    let place = table.span();
    let fallback = people(table.texts("fallback"));
    let span = read_span(&mut table, zone, "temporary rota");
    table.text("why");
    let mut shifts: Vec<(PersonId, Span)> = Vec::new();
    for mut shift in table.tables("shift") {
        let people = shift.need_texts("people");
        let time = read_span(&mut shift, zone, "shift");
        shift.done();
        let Some(time) = time else { continue };
        shifts.extend(people.iter().flat_map(|item| group(&item.value)).map(|person| (person, time)));
    }
    table.done();
    Some(Placed { value: Temporary { span: span?, shifts, fallback }, span: place })
}

/// Leave goes by whole days, the last one included.
fn read_leave(mut table: Fields<'_>, zone: &TimeZone) -> Option<(PersonId, Span)> {
    let person = table.need_id("person");
    let (from, to) = (table.need_date("from"), table.need_date("to"));
    table.text("why");
    let reader = table.reader();
    table.done();
    let (from, to) = (from?, to?);
    if to.value < from.value {
        reader.problem(Code::R002, to.span, "this leave ends before it begins");
    }
    let midnight = |date: Date| resolve(date.to_datetime(Time::midnight()), zone);
    let after: Timestamp = midnight(to.value.tomorrow().unwrap_or(to.value));
    Some((PersonId::new(person?.value), Span::new(midnight(from.value), after)))
}

/// A person whom the file names: where, and for which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Keys and positions from the top of the file.
    pub path: Vec<String>,
    /// The role they would hold there; `None` where they hold none (managers, leave, who is taken off).
    pub role: Option<RoleId>,
    /// Who.
    pub person: PersonId,
}

/// Everybody whom a rota's text names, with the place of each; what is no TOML names nobody.
pub fn named_in(text: &str) -> Vec<Named> {
    let mut named = Vec::new();
    let Ok(root) = text.parse::<toml::Table>() else { return named };
    let none: Option<RoleId> = None;
    for list in ["managers", "fallback"] {
        note(&mut named, &root, &[], list, &none);
    }
    for (path, role) in tables_of(&root, &[], "role") {
        let id = role.get("id").and_then(toml::Value::as_str).map(RoleId::from);
        note(&mut named, role, &path, "standing", &id);
        note(&mut named, role, &path, "lead", &none);
        for (path, rotation) in tables_of(role, &path, "rotation") {
            note(&mut named, rotation, &path, "people", &id);
        }
        for (path, slip) in tables_of(role, &path, "override") {
            note_slip(&mut named, slip, &path, &id);
        }
    }
    for kind in ["override", "swap", "temporary", "leave"] {
        for (path, table) in tables_of(&root, &[], kind) {
            let id = table.get("role").and_then(toml::Value::as_str).map(RoleId::from);
            note_slip(&mut named, table, &path, &id);
            for (path, shift) in tables_of(table, &path, "shift") {
                note(&mut named, shift, &path, "people", &id);
            }
        }
    }
    named
}

fn note_slip(named: &mut Vec<Named>, table: &toml::Table, path: &[String], role: &Option<RoleId>) {
    for key in ["person", "add", "taken_by", "fallback"] {
        note(named, table, path, key, role);
    }
    for key in ["instead_of", "remove", "owner"] {
        note(named, table, path, key, &None);
    }
}

/// The tables of `[[key]]` with their paths.
fn tables_of<'t>(table: &'t toml::Table, path: &[String], key: &str) -> Vec<(Vec<String>, &'t toml::Table)> {
    let array = table.get(key).and_then(toml::Value::as_array).into_iter().flatten().enumerate();
    array
        .filter_map(|(n, entry)| {
            let mut path = path.to_vec();
            path.extend([key.to_owned(), n.to_string()]);
            Some((path, entry.as_table()?))
        })
        .collect()
}

/// Notes the person of `key`, or the people of its list.
fn note(named: &mut Vec<Named>, table: &toml::Table, path: &[String], key: &str, role: &Option<RoleId>) {
    let mut add = |words: &str, rest: &[String]| {
        let path: Vec<String> = path.iter().cloned().chain([key.to_owned()]).chain(rest.iter().cloned()).collect();
        named.extend(group(words).into_iter().map(|person| Named { path: path.clone(), role: role.clone(), person }));
    };
    match table.get(key) {
        Some(toml::Value::String(words)) => add(words, &[]),
        Some(toml::Value::Array(list)) => {
            for (n, words) in list.iter().enumerate().filter_map(|(n, entry)| Some((n, entry.as_str()?))) {
                add(words, &[n.to_string()]);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::rota::Pattern;

    fn read_text(text: &str) -> Result<Rota, Vec<Problem>> {
        Rota::parse(text, &TimeZone::get("Europe/London").unwrap())
    }

    #[test]
    fn the_forms_that_the_page_on_the_rota_shows_are_forms() {
        let page = include_str!("../../../docs/rota.md");
        let blocks: Vec<&str> = page.split("```toml").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let team = "[[role]]\nid = \"emergency_control\"\ntitle = \"Control\"\n";
        let rota = read_text(&(team.to_owned() + &blocks.concat())).unwrap_or_else(|problems| panic!("{problems:?}"));
        let duty = &rota.roles[&RoleId::from("duty_officer")];
        assert_eq!((duty.rotations.len(), duty.overrides.len(), duty.swaps.len()), (3, 1, 1));
        assert!(matches!(duty.rotations[2].pattern, Pattern::Shifts(_)));
        assert_eq!(duty.rotations[1].groups[0].len(), 2);
        assert_eq!(rota.roles[&RoleId::from("emergency_control")].temporary.len(), 1);
        assert_eq!(rota.leave.len(), 1);
    }

    #[test]
    fn each_slip_of_the_newer_forms_is_told_at_its_place() {
        let text = r#"
[[role]]
id = "duty"
title = "Duty"
[[role.rotation]]
from = 2026-01-05
handover = "Mon 08:00"
every = "fortnight"
when = ["Mon-Fri 9-5"]
people = ["ann"]
[[role.rotation]]
from = 2026-01-05
every = "day"
handover = "Mon 08:00"
people = ["ann"]
[[override]]
role = "dutty"
person = "bob"
from = 2026-01-06T08:00:00
to = 2026-01-07T08:00:00
[[override]]
role = "duty"
person = "bob"
from = 2026-01-06T08:00:00
to = 2026-01-07T08:00:00
[[override]]
role = "duty"
add = "bob"
remove = "ann"
from = 2026-01-06T08:00:00
to = 2026-01-07T08:00:00
[[override]]
role = "duty"
add = "bob"
from = 2026-01-06T12:00:00
to = 2026-01-07T12:00:00
[[swap]]
role = "duty"
owner = "ann"
taken_by = "ann"
from = 2026-01-06T08:00:00
to = 2026-01-07T08:00:00
"#;
        let told: Vec<String> = read_text(text)
            .unwrap_err()
            .iter()
            .map(|slip| format!("{}:{} {}", slip.line, slip.column, slip.code))
            .collect();
        assert_eq!(told, ["8:9 R009", "9:9 R007", "14:12 R006", "17:8 R012", "26:1 T005", "32:1 R008", "40:12 R011"]);
    }
}
