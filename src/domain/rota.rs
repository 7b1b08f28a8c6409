//! Who is on call.
//!
//! Think of the sheet on the control-room wall: a role has people who always hold it, and people who take it in turn, a
//! week each; and now and then a slip of paper is pinned over a few days, saying who stands in. The slip wins over the
//! turns, never over those who always hold the role.
//!
//! Times are wall clock and zone, and become instants by the one rule of [`super::time::resolve`]; a shift is
//! [start, end). Nothing is stepped by 24 h or 7 days of seconds, so the nights when the clocks change are like any other.
//!
//! Not here: who is paged when, and what happens when nobody answers (`paging.rs`).

use super::calendar::{clock, weekday};
use super::id::{PersonId, RoleId};
use super::problem::{Code, Problem};
use super::reading::{Fields, Item, Reader};
use super::time::{SignedDuration, Timestamp, resolve};
use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The rota in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Rota {
    /// The zone that its wall-clock times are in.
    pub zone: TimeZone,
    /// Roles by id.
    pub roles: BTreeMap<RoleId, Role>,
    /// Time between levels of a call-out's ladder; 5 min (design, figures in force).
    pub escalate_after: SignedDuration,
    /// Paged with everybody else when a ladder is exhausted.
    pub managers: Vec<PersonId>,
    /// The last resort, paged when a ladder is exhausted.
    pub fallback: Vec<PersonId>,
}

/// A role and how it is filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The id used by playbooks.
    pub id: RoleId,
    /// As people say it, e.g. `Duty officer`.
    pub title: String,
    /// People who always hold it (several at once), beside the rotations.
    pub standing: Vec<PersonId>,
    /// Weekly rotations.
    pub rotations: Vec<Rotation>,
    /// Overrides, in file order.
    pub overrides: Vec<Override>,
}

/// One weekly rotation: at each handover the next person takes over.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// The first day on which `people[0]` takes over.
    pub from: Date,
    /// Weekday of the handover.
    pub day: Weekday,
    /// Wall-clock time of the handover.
    pub time: Time,
    /// In order; never empty once parsed.
    pub people: Vec<PersonId>,
}

/// Somebody else for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// First instant.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
    /// Who stands in. Replaces all rotation holders of the role in the span.
    pub person: PersonId,
}

/// How often [`Rota::next_change`] looks at a handover before it says that nothing changes: years of weekly ones.
const LOOK_AHEAD_HANDOVERS: usize = 1_000;

impl Rota {
    /// A rota without roles.
    pub fn empty(zone: TimeZone) -> Self {
        Self {
            zone,
            roles: BTreeMap::new(),
            escalate_after: SignedDuration::from_mins(5),
            managers: Vec::new(),
            fallback: Vec::new(),
        }
    }

    /// Reads `config/rota.toml`; `zone` is the council's.
    ///
    /// # Errors
    /// All slips of the file, with their places.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, Vec<Problem>> {
        Self::read(Reader::new("rota.toml", text), zone)
    }

    pub(super) fn read(reader: Reader<'_>, zone: &TimeZone) -> Result<Self, Vec<Problem>> {
        let mut root = reader.root();
        let mut rota = Self::empty(zone.clone());
        if let Some(item) = root.duration("escalate_after", super::settings::TRIAL..=SignedDuration::from_hours(1)) {
            rota.escalate_after = item.value;
        }
        rota.managers = people(root.texts("managers"));
        rota.fallback = people(root.texts("fallback"));
        for table in root.tables("role") {
            let span = table.span();
            let Some(role) = read_role(table, zone) else { continue };
            let id = role.id.clone();
            if rota.roles.insert(id.clone(), role).is_some() {
                reader.problem(Code::T010, span, format!("role \"{id}\" is there twice"));
            }
        }
        root.done();
        reader.finish(Some(rota))
    }

    /// Who holds the role at `at`: those who always do, then whoever has the turn of each rotation, or else whoever
    /// stands in. In file order, nobody twice; empty if nobody does or there is no such role.
    pub fn on_call(&self, role: &RoleId, at: Timestamp) -> Vec<PersonId> {
        let Some(role) = self.roles.get(role) else { return Vec::new() };
        let mut holders = role.standing.clone();
        let before = holders.len();
        holders.extend(role.overrides.iter().filter(|o| o.from <= at && at < o.to).map(|o| o.person.clone()));
        if holders.len() == before {
            holders.extend(role.rotations.iter().filter_map(|rotation| rotation.holder(at, &self.zone)).cloned());
        }
        let mut once: Vec<PersonId> = Vec::new();
        for person in holders {
            if !once.contains(&person) {
                once.push(person);
            }
        }
        once
    }

    /// The next instant after `after` at which the holders of the role change; `None` if they never do, or there is no
    /// such role.
    pub fn next_change(&self, role: &RoleId, after: Timestamp) -> Option<Timestamp> {
        let now = self.on_call(role, after);
        let role = self.roles.get(role)?;
        let mut at = after;
        for _ in 0..LOOK_AHEAD_HANDOVERS {
            let of_overrides = role.overrides.iter().flat_map(|o| [o.from, o.to]).filter(|edge| *edge > at);
            let of_rotations = role.rotations.iter().filter_map(|rotation| rotation.next_handover(at, &self.zone));
            at = of_overrides.chain(of_rotations).min()?;
            if self.on_call(&role.id, at) != now {
                return Some(at);
            }
        }
        None
    }

    /// Everybody whom the rota names, nobody twice.
    pub fn everybody(&self) -> Vec<PersonId> {
        let mut all: Vec<PersonId> = self.roles.values().flat_map(Role::named).cloned().collect();
        all.extend(self.managers.iter().chain(&self.fallback).cloned());
        all.sort();
        all.dedup();
        all
    }
}

impl Role {
    /// Everybody whom the role names.
    pub fn named(&self) -> impl Iterator<Item = &PersonId> {
        let turns = self.rotations.iter().flat_map(|rotation| &rotation.people);
        self.standing.iter().chain(turns).chain(self.overrides.iter().map(|o| &o.person))
    }
}

impl Rotation {
    /// The `n`th handover as an instant; the first is on the first such weekday at or after `from`.
    fn handover(&self, n: i64, zone: &TimeZone) -> Option<Timestamp> {
        let wait = self.from.weekday().until(self.day);
        let first = self.from.checked_add(i64::from(wait).days()).ok()?;
        let date = first.checked_add(n.checked_mul(7)?.days()).ok()?;
        Some(resolve(date.to_datetime(self.time), zone))
    }

    /// The number of the last handover at or before `at`; `None` before the first.
    fn turn(&self, at: Timestamp, zone: &TimeZone) -> Option<i64> {
        let today = zone.to_datetime(at).date();
        let days = i64::from(today.since((jiff::Unit::Day, self.from)).ok()?.get_days());
        // A guess that may be one or two too far, then back to the one that has happened.
        let guess = days.div_euclid(7) + 1;
        (0..=3).map(|back| guess - back).find(|n| *n >= 0 && self.handover(*n, zone).is_some_and(|h| h <= at))
    }

    /// Whose turn it is.
    fn holder(&self, at: Timestamp, zone: &TimeZone) -> Option<&PersonId> {
        let turn = usize::try_from(self.turn(at, zone)?).ok()?;
        self.people.get(turn % self.people.len().max(1))
    }

    /// The first handover after `at`.
    fn next_handover(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let next = self.turn(at, zone).map_or(0, |turn| turn + 1);
        self.handover(next, zone)
    }
}

fn people(items: Vec<Item<String>>) -> Vec<PersonId> {
    items.into_iter().map(|item| PersonId::new(item.value)).collect()
}

fn read_role(mut table: Fields<'_>, zone: &TimeZone) -> Option<Role> {
    let id = table.need_id("id");
    let title = table.need_text("title");
    let standing = people(table.texts("standing"));
    let rotations = table.tables("rotation").into_iter().filter_map(read_rotation).collect();
    let overrides = table.tables("override").into_iter().filter_map(|o| read_override(o, zone)).collect();
    table.done();
    Some(Role { id: RoleId::new(id?.value), title: title?.value, standing, rotations, overrides })
}

fn read_rotation(mut table: Fields<'_>) -> Option<Rotation> {
    let from = table.need_date("from");
    let handover = table.need_text("handover");
    let turns = people(table.need_texts("people"));
    let reader = table.reader();
    table.done();
    let handover = handover.and_then(|item| {
        let parts = item.value.split_once(' ').and_then(|(day, time)| Some((weekday(day)?, clock(time)?)));
        if parts.is_none() {
            let help = Some("write it as day and time, e.g. \"Mon 08:00\"");
            reader.problem_with(Code::R006, item.span, "`handover` is not a day and a time", help);
        }
        parts
    });
    let (day, time) = handover?;
    (!turns.is_empty()).then_some(Rotation { from: from?.value, day, time, people: turns })
}

fn read_override(mut table: Fields<'_>, zone: &TimeZone) -> Option<Override> {
    let person = table.need_id("person");
    let from = table.need_local("from");
    let to = table.need_local("to");
    // Why, for the reader of the file; who stands in is what counts.
    table.text("why");
    let reader = table.reader();
    table.done();
    let (from, to) = (from?, to?);
    if to.value <= from.value {
        reader.problem(Code::R002, to.span, "this override ends before it begins");
    }
    Some(Override {
        from: resolve(from.value, zone),
        to: resolve(to.value, zone),
        person: PersonId::new(person?.value),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rota(text: &str) -> Rota {
        Rota::parse(text, &london()).unwrap()
    }

    fn holders(rota: &Rota, when: Timestamp) -> String {
        let ids = rota.on_call(&RoleId::from("duty_officer"), when);
        ids.iter().map(PersonId::as_str).collect::<Vec<_>>().join("+")
    }

    const TURNS: &str = r#"
[[role]]
id = "duty_officer"
title = "Duty officer"
[[role.rotation]]
from = 2026-01-05
handover = "Mon 08:00"
people = ["ann", "bob", "cat"]
"#;

    #[test]
    fn the_turn_passes_at_the_handover_and_not_a_second_earlier() {
        let rota = rota(TURNS);
        for (when, who) in [
            ("2026-01-05T07:59:59Z", ""),
            ("2026-01-05T08:00:00Z", "ann"),
            ("2026-01-12T07:59:59Z", "ann"),
            ("2026-01-12T08:00:00Z", "bob"),
            ("2026-01-19T08:00:00Z", "cat"),
            ("2026-01-26T08:00:00Z", "ann"),
            // In summer eight o'clock is seven UTC.
            ("2026-06-08T06:59:59Z", "ann"),
            ("2026-06-08T07:00:00Z", "bob"),
            // Years on, it is still the same sheet.
            ("2046-01-01T12:00:00Z", "cat"),
        ] {
            assert_eq!(holders(&rota, at(when)), who, "{when}");
        }
    }

    #[test]
    fn whoever_stands_in_replaces_the_turns_and_not_those_who_always_hold_the_role() {
        let text = TURNS.replace("title", "standing = [\"zoe\"]\ntitle")
            + "[[role.override]]\nperson = \"dan\"\nfrom = 2026-01-06T18:00:00\nto = \"2026-01-07 08:00\"\nwhy = \"swap\"\n";
        let rota = rota(&text);
        assert_eq!(holders(&rota, at("2026-01-06T17:59:59Z")), "zoe+ann");
        assert_eq!(holders(&rota, at("2026-01-06T18:00:00Z")), "zoe+dan");
        assert_eq!(holders(&rota, at("2026-01-07T08:00:00Z")), "zoe+ann");
        let role = RoleId::from("duty_officer");
        assert_eq!(rota.next_change(&role, at("2026-01-05T09:00:00Z")), Some(at("2026-01-06T18:00:00Z")));
        assert_eq!(rota.next_change(&role, at("2026-01-06T18:00:00Z")), Some(at("2026-01-07T08:00:00Z")));
        assert_eq!(rota.next_change(&role, at("2026-01-07T08:00:00Z")), Some(at("2026-01-12T08:00:00Z")));
    }

    #[test]
    fn a_rotation_of_one_never_changes_and_an_unknown_role_has_nobody() {
        let rota = rota(&TURNS.replace("\"ann\", \"bob\", \"cat\"", "\"ann\""));
        assert_eq!(rota.next_change(&RoleId::from("duty_officer"), at("2026-02-01T00:00:00Z")), None);
        assert!(rota.on_call(&RoleId::from("mayor"), at("2026-02-01T00:00:00Z")).is_empty());
    }

    /// A weekend of cover, Friday 17:00 to Monday 09:00, with a handover in the hour that is skipped or repeated: on every
    /// half hour exactly one person, the same whether asked now or walked to.
    #[test]
    fn every_half_hour_of_both_clock_change_weekends_has_one_answer() {
        for (friday, sunday, hours, handover) in [
            ("2026-03-27", "2026-03-29", 63, "2026-03-29T01:00:00Z"),
            ("2026-10-23", "2026-10-25", 65, "2026-10-25T00:30:00Z"),
        ] {
            let text = format!(
                "[[role]]\nid = \"duty_officer\"\ntitle = \"Duty officer\"\n\
                 [[role.rotation]]\nfrom = 2026-01-04\nhandover = \"Sun 01:30\"\npeople = [\"ann\", \"bob\"]\n\
                 [[role]]\nid = \"weekend\"\ntitle = \"Weekend\"\n[[role.override]]\nperson = \"eve\"\n\
                 from = {friday}T17:00:00\nto = {}T09:00:00\n",
                sunday.parse::<Date>().unwrap().tomorrow().unwrap()
            );
            let rota = rota(&text);
            let (duty, weekend) = (RoleId::from("duty_officer"), RoleId::from("weekend"));
            let start = resolve(format!("{friday}T00:00").parse().unwrap(), &rota.zone);
            let halves: Vec<Timestamp> = (0..240).map(|n| start + SignedDuration::from_mins(30 * n)).collect();
            let covered = halves.iter().filter(|half| !rota.on_call(&weekend, **half).is_empty()).count();
            assert_eq!(covered as i64, 2 * hours, "{friday}");
            for (n, half) in halves.iter().enumerate() {
                // The oracle counts handovers one by one; the one in the odd hour is known by hand.
                let count = (0..60)
                    .map(|week| "2026-01-04".parse::<Date>().unwrap().checked_add((7 * week).days()).unwrap())
                    .map(|date| match date.to_string() == sunday {
                        true => at(handover),
                        false => date.at(1, 30, 0, 0).to_zoned(rota.zone.clone()).unwrap().timestamp(),
                    })
                    .filter(|instant| instant <= half)
                    .count();
                assert_eq!(holders(&rota, *half), if count % 2 == 1 { "ann" } else { "bob" }, "{half}");
                let walked = halves[n..].iter().find(|later| holders(&rota, **later) != holders(&rota, *half));
                if let Some(walked) = walked {
                    assert_eq!(rota.next_change(&duty, *half), Some(*walked), "{half}");
                }
            }
        }
    }

    #[test]
    fn slips_in_the_rota_are_told_all_at_once() {
        let text = r#"
escalate_after = "0s"
[[role]]
id = "duty_officer"
title = "Duty officer"
[[role.rotation]]
from = "January"
handover = "Mon 8am"
people = []
[[role.override]]
person = "dan"
from = 2026-01-07T18:00:00
to = 2026-01-06T18:00:00
[[role]]
id = "duty_officer"
title = "Again"
"#;
        let told: Vec<String> = Rota::parse(text, &london())
            .unwrap_err()
            .iter()
            .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.code))
            .collect();
        assert_eq!(told, ["2:18 T006", "7:8 T008", "8:12 R006", "9:10 T009", "13:6 R002", "14:1 T010"]);
    }
}
