//! Who is on call.
//!
//! Think of the sheet on the control-room wall: a role has people who always hold it, and people who take it in turn; a
//! second sheet may be laid over the first for certain hours (a layer); now and then a slip of paper is pinned over a few
//! days, saying who stands in; and in storm week another sheet hangs in front of it all.
//!
//! Times are wall clock and zone, and become instants by the one rule of [`super::time::resolve`]; a shift is
//! [start, end). Nothing is stepped by 24 h or 7 days of seconds, so the nights when the clocks change are like any other.
//! Who is on call is a plain function of the rota and the instant: nothing is stored that could fall out of step.
//!
//! Not here: who is paged when, and what happens when nobody answers (`paging.rs`); what is amiss in the days ahead
//! (`policy/ahead.rs`).

pub mod cadence;
pub mod difference;
pub mod fair;
pub mod feed;
pub mod hours;
pub mod read;
pub mod recurrence;
pub mod slips;
pub mod span;
pub mod swap;
pub mod temporary;

use super::calendar::Calendar;
use super::id::{PersonId, RoleId};
use super::problem::Problem;
use super::reading::Reader;
use super::time::{SignedDuration, Timestamp};
use cadence::Cadence;
use hours::When;
use jiff::tz::TimeZone;
use recurrence::Recurrence;
use slips::Override;
use span::Span;
use std::collections::BTreeMap;
use swap::Swap;
use temporary::Temporary;

/// The rota in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Rota {
    /// The zone that its wall-clock times are in.
    pub zone: TimeZone,
    /// Core hours and bank holidays, for rotations that name them; the policy puts the council's own here.
    pub calendar: Calendar,
    /// Roles by id.
    pub roles: BTreeMap<RoleId, Role>,
    /// Time between levels of a call-out's ladder; 5 min (design, figures in force).
    pub escalate_after: SignedDuration,
    /// Paged with everybody else when a ladder is exhausted.
    pub managers: Vec<PersonId>,
    /// The last resort, paged when a ladder is exhausted.
    pub fallback: Vec<PersonId>,
    /// Booked leave. It takes nobody off by itself: a clash with a shift is told, and somebody decides.
    pub leave: Vec<(PersonId, Span)>,
}

/// A role and how it is filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The id used by playbooks.
    pub id: RoleId,
    /// As people say it, e.g. `Duty officer`.
    pub title: String,
    /// Who answers for this part of the rota: gaps and swaps are told to them.
    pub lead: Option<PersonId>,
    /// People who always hold it (several at once), beside the rotations.
    pub standing: Vec<PersonId>,
    /// People who take it in turn.
    pub rotations: Vec<Rotation>,
    /// Slips, in file order.
    pub overrides: Vec<Override>,
    /// Requests for cover, open or taken.
    pub swaps: Vec<Swap>,
    /// Rotas that take the place of the usual one for a while.
    pub temporary: Vec<Temporary>,
}

/// People who take a role in turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// When turns begin and end.
    pub pattern: Pattern,
    /// Who has each turn, one or several at once; never empty once parsed.
    pub groups: Vec<Vec<PersonId>>,
    /// From when it counts.
    pub from: Timestamp,
    /// Until when; `None` for ever.
    pub until: Option<Timestamp>,
    /// At these times only, if any are named.
    pub when: Vec<When>,
    /// Of rotations that have somebody, only the highest layer counts; in the same layer all do.
    pub layer: u8,
}

/// When turns begin and end.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// One follows another without a break.
    Handovers(Cadence),
    /// Shifts with time between them.
    Shifts(Recurrence),
}

/// One person's time on call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift {
    /// When.
    pub span: Span,
    /// Who.
    pub person: PersonId,
    /// It goes on after the end of the window that was asked for.
    pub goes_on: bool,
}

/// How many possible changes [`Rota::next_change`] looks at before it says that nothing changes: years of weekly ones.
const LOOK_AHEAD_CHANGES: usize = 1_000;
/// The most shifts that [`Rota::shifts`] gives: hourly turns for a year.
pub const SHIFTS_MAX: usize = 10_000;

impl Rota {
    /// A rota without roles.
    pub fn empty(zone: TimeZone) -> Self {
        Self {
            calendar: Calendar::empty(zone.clone()),
            zone,
            roles: BTreeMap::new(),
            escalate_after: SignedDuration::from_mins(5),
            managers: Vec::new(),
            fallback: Vec::new(),
            leave: Vec::new(),
        }
    }

    /// Reads `config/rota.toml`; `zone` is the council's. Core hours and holidays are put in by the policy.
    ///
    /// # Errors
    /// All slips of the file, with their places.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, Vec<Problem>> {
        Self::read(Reader::new("rota.toml", text), zone)
    }

    pub(super) fn read(reader: Reader<'_>, zone: &TimeZone) -> Result<Self, Vec<Problem>> {
        read::read(reader, zone)
    }

    /// Who holds the role at `at`: those who always do, then whoever has a turn, as far as no slip says otherwise; or
    /// whoever a temporary rota names. In file order, nobody twice; empty if nobody does or there is no such role.
    pub fn on_call(&self, role: &RoleId, at: Timestamp) -> Vec<PersonId> {
        self.roles.get(role).map_or_else(Vec::new, |role| role.on_call(at, &self.calendar))
    }

    /// The next instant after `after` at which the holders of the role change; `None` if they never do, or there is no
    /// such role.
    pub fn next_change(&self, role: &RoleId, after: Timestamp) -> Option<Timestamp> {
        let role = self.roles.get(role)?;
        let now = role.on_call(after, &self.calendar);
        let mut at = after;
        for _ in 0..LOOK_AHEAD_CHANGES {
            at = role.next_edge(at, &self.calendar)?;
            if role.on_call(at, &self.calendar) != now {
                return Some(at);
            }
        }
        None
    }

    /// Everybody's time on call in the role within `window`, by when it begins; a person's shifts that touch are one.
    /// At most [`SHIFTS_MAX`].
    pub fn shifts(&self, role: &RoleId, window: &Span) -> Vec<Shift> {
        let Some(role) = self.roles.get(role) else { return Vec::new() };
        let (mut shifts, mut open): (Vec<Shift>, BTreeMap<PersonId, Timestamp>) = (Vec::new(), BTreeMap::new());
        let mut at = window.from;
        while at < window.to && shifts.len() < SHIFTS_MAX {
            let holders = role.on_call(at, &self.calendar);
            let ended: Vec<PersonId> = open.keys().filter(|person| !holders.contains(person)).cloned().collect();
            for person in ended {
                let from = open.remove(&person).expect("its key was just read from the map");
                shifts.push(Shift { span: Span::new(from, at), person, goes_on: false });
            }
            for person in holders {
                open.entry(person).or_insert(at);
            }
            let Some(next) = role.next_edge(at, &self.calendar) else { break };
            at = next;
        }
        let after = role.on_call(window.to, &self.calendar);
        shifts.extend(open.into_iter().map(|(person, from)| {
            let goes_on = after.contains(&person);
            Shift { span: Span::new(from, window.to), person, goes_on }
        }));
        shifts.sort();
        shifts
    }

    /// The spans within `window` in which nobody holds the role.
    pub fn gaps(&self, role: &RoleId, window: &Span) -> Vec<Span> {
        let held: Vec<Span> = self.shifts(role, window).iter().map(|shift| shift.span).collect();
        let held = span::within(&held, window);
        held.iter().fold(vec![*window], |gaps, held| span::without(&gaps, held))
    }

    /// "I take it now": the slips by which `person` takes the role over from whoever holds it at `at`, until it would
    /// have changed hands anyway (or for a day, if it never does). Nothing if they hold it already.
    pub fn take_now(&self, role: &RoleId, person: &PersonId, at: Timestamp) -> Vec<Override> {
        let holders = self.on_call(role, at);
        if holders.contains(person) {
            return Vec::new();
        }
        let day = super::time::after(at, SignedDuration::from_hours(24));
        let span = Span::new(at, self.next_change(role, at).unwrap_or(day));
        let person = person.clone();
        if holders.is_empty() {
            return vec![Override { span, layer: slips::TAKEN_NOW, change: slips::Change::Add { person } }];
        }
        let take = |instead_of| slips::Change::Replace { person: person.clone(), instead_of };
        holders.into_iter().map(|from| Override { span, layer: slips::TAKEN_NOW, change: take(from) }).collect()
    }

    /// Where booked leave and time on call meet within `window`: who, in which role, when.
    pub fn leave_clashes(&self, role: &RoleId, window: &Span) -> Vec<(PersonId, Span)> {
        let mut clashes: Vec<(PersonId, Span)> = Vec::new();
        for shift in self.shifts(role, window) {
            let away = self.leave.iter().filter(|(person, _)| *person == shift.person);
            clashes.extend(away.filter_map(|(person, leave)| Some((person.clone(), shift.span.cut(leave)?))));
        }
        clashes
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
    /// A role that nobody holds yet.
    pub fn new(id: RoleId, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            lead: None,
            standing: Vec::new(),
            rotations: Vec::new(),
            overrides: Vec::new(),
            swaps: Vec::new(),
            temporary: Vec::new(),
        }
    }

    /// Everybody whom the role names.
    pub fn named(&self) -> impl Iterator<Item = &PersonId> {
        let turns = self.rotations.iter().flat_map(|rotation| rotation.groups.iter().flatten());
        let slips = self.overrides.iter().filter_map(Override::comes);
        let takers = self.swaps.iter().filter_map(|swap| swap.taken_by.as_ref());
        let temporary = self.temporary.iter().flat_map(Temporary::people);
        self.standing.iter().chain(turns).chain(slips).chain(takers).chain(temporary)
    }

    /// Who holds it; see [`Rota::on_call`].
    pub fn on_call(&self, at: Timestamp, calendar: &Calendar) -> Vec<PersonId> {
        let swaps = self.swaps.iter().filter_map(Swap::slip);
        let mut slips: Vec<Override> = self.overrides.iter().cloned().chain(swaps).collect();
        if let Some(temporary) = self.temporary.iter().find(|temporary| temporary.span.contains(at)) {
            // Slips that speak of the usual turns as a whole wait underneath; those for one person count.
            slips.retain(|slip| !matches!(slip.change, slips::Change::StandIn { .. }));
            return slips::apply(&[], &temporary.holders(at), &slips, at);
        }
        slips::apply(&self.standing, &self.turns(at, calendar), &slips, at)
    }

    /// Whose turn it is: of the highest layer that has somebody.
    fn turns(&self, at: Timestamp, calendar: &Calendar) -> Vec<PersonId> {
        let on: Vec<(u8, &[PersonId])> = self
            .rotations
            .iter()
            .map(|rotation| (rotation.layer, rotation.holders(at, calendar)))
            .filter(|(_, holders)| !holders.is_empty())
            .collect();
        let top = on.iter().map(|(layer, _)| *layer).max();
        on.iter().filter(|(layer, _)| Some(*layer) == top).flat_map(|(_, holders)| holders.iter().cloned()).collect()
    }

    /// The next instant after `at` at which its holders may change.
    fn next_edge(&self, at: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        let slips = self.overrides.iter().flat_map(|slip| slip.span.edges(at));
        let swaps = self.swaps.iter().flat_map(|swap| swap.span.edges(at));
        let temporary = self.temporary.iter().flat_map(|temporary| temporary.edges(at));
        let turns = self.rotations.iter().filter_map(|rotation| rotation.next_edge(at, calendar));
        slips.chain(swaps).chain(temporary).chain(turns).min()
    }
}

impl Rotation {
    /// People who follow one another without a break, from the first handover on.
    pub fn handovers(cadence: Cadence, groups: Vec<Vec<PersonId>>, zone: &TimeZone) -> Self {
        let from = cadence.handover(0, zone).unwrap_or(Timestamp::MIN);
        Self { pattern: Pattern::Handovers(cadence), groups, from, until: None, when: Vec::new(), layer: 0 }
    }

    /// People who come for one shift each, with time between.
    pub fn shifts(recurrence: Recurrence, groups: Vec<Vec<PersonId>>) -> Self {
        let pattern = Pattern::Shifts(recurrence);
        Self { pattern, groups, from: Timestamp::MIN, until: None, when: Vec::new(), layer: 0 }
    }

    /// Whose turn it is at `at`; empty before it counts, after its end, and outside its hours.
    pub fn holders(&self, at: Timestamp, calendar: &Calendar) -> &[PersonId] {
        let continuous = matches!(self.pattern, Pattern::Handovers(_));
        if at < self.from || (continuous && self.until.is_some_and(|until| until <= at)) {
            return &[];
        }
        if !self.when.is_empty() && !self.when.iter().any(|when| when.holds(at, calendar)) {
            return &[];
        }
        let turn = match &self.pattern {
            Pattern::Handovers(cadence) => cadence.turn_at(at, &calendar.zone),
            Pattern::Shifts(recurrence) => match recurrence.shift_at(at, &calendar.zone) {
                // A shift counts if it begins while the rotation does; it then lasts to its own end.
                Some((span, turn)) if span.from >= self.from && self.until.is_none_or(|until| span.from < until) => {
                    turn
                }
                _ => return &[],
            },
        };
        let groups = i64::try_from(self.groups.len().max(1)).unwrap_or(1);
        usize::try_from(turn.rem_euclid(groups)).ok().and_then(|n| self.groups.get(n)).map_or(&[], Vec::as_slice)
    }

    fn next_edge(&self, at: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        if at < self.from {
            return Some(self.from);
        }
        let over = self.until.is_some_and(|until| until <= at);
        if over && self.holders(at, calendar).is_empty() {
            return None;
        }
        let zone = &calendar.zone;
        let pattern = match &self.pattern {
            Pattern::Handovers(cadence) => Some(cadence.next(at, zone)).filter(|next| *next < Timestamp::MAX),
            Pattern::Shifts(recurrence) => {
                let ends = recurrence.shift_at(at, zone).map(|(span, _)| span.to);
                let begins = recurrence.next_shift(at, zone).map(|(span, _)| span.from);
                ends.into_iter().chain(begins).min()
            }
        };
        let hours = self.when.iter().filter_map(|when| when.next_edge(at, calendar));
        hours.chain(pattern).chain(self.until.filter(|until| *until > at)).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::time::resolve;
    use jiff::ToSpan;
    use jiff::civil::Date;

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
