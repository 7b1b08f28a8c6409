//! Cases about what is laid over the turns: overrides, swaps, temporary rotas, layers.

use super::{Case, Judged, Outcome, hours, person, same, wall};
use callout::domain::calendar::Calendar;
use callout::domain::id::{PersonId, RoleId};
use callout::domain::rota::cadence::{Cadence, Every};
use callout::domain::rota::hours::When;
use callout::domain::rota::slips::{self, Change, Override};
use callout::domain::rota::span::{Span, within, without};
use callout::domain::rota::swap::Swap;
use callout::domain::rota::temporary::Temporary;
use callout::domain::rota::{Role, Rota, Rotation};
use callout::domain::time::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

const ROLE: &str = "role";

fn rota(role: Role, calendar: Calendar) -> Rota {
    let mut rota = Rota::empty(calendar.zone.clone());
    rota.calendar = calendar;
    rota.roles.insert(role.id.clone(), role);
    rota
}

fn empty_role() -> Role {
    Role::new(RoleId::from(ROLE), "Role")
}

/// One person who always has the turn.
fn always(who: &str, zone: &TimeZone) -> Result<Rotation, String> {
    let anchor = zone.to_datetime(Timestamp::UNIX_EPOCH);
    let daily = Cadence::new(Every::Day, 1, anchor).map_err(|error| error.to_string())?;
    Ok(Rotation { from: Timestamp::MIN, ..Rotation::handovers(daily, vec![vec![person(who)]], zone) })
}

/// What an override says, by the users it adds and removes.
fn change(written: Case<'_>) -> Result<Change, String> {
    let who =
        |key: &str| if written.has(key) { written.field(key)?.text().map(|id| Some(person(id))) } else { Ok(None) };
    match (who("add")?, who("remove")?) {
        (Some(person), Some(instead_of)) => Ok(Change::Replace { person, instead_of }),
        (Some(person), None) => Ok(Change::Add { person }),
        (None, Some(person)) => Ok(Change::Remove { person }),
        (None, None) => Err("an override of nobody".to_owned()),
    }
}

pub fn schedule_shifts(case: Case<'_>) -> Judged {
    let (given, calendar) = (case.given(), case.calendar()?);
    if given.has("history") || given.has("history_open") {
        let why = "it joins stored rows of who was on call to the rota; callout keeps no such rows, the log has the rota of then";
        return Ok(Outcome::NotApplicable(why.to_owned()));
    }
    let mut role = empty_role();
    for rule in given.field("rules")?.list()? {
        let mut rotation = always(rule.field("user")?.text()?, &calendar.zone)?;
        rotation.when = vec![wall::rule(rule)?];
        role.rotations.push(rotation);
    }
    if given.has("overrides") {
        for slip in given.field("overrides")?.list()? {
            let span = Span::new(slip.field("start")?.instant()?, slip.field("end")?.instant()?);
            slips::pin(&mut role.overrides, Override { span, layer: 0, change: change(slip)? })
                .map_err(|error| error.to_string())?;
        }
    }
    if given.has("temporary") {
        for temporary in given.field("temporary")?.list()? {
            let span = Span::new(temporary.field("start")?.instant()?, temporary.field("end")?.instant()?);
            let mut shifts = Vec::new();
            for shift in temporary.field("shifts")?.list()? {
                let parts = shift.list()?;
                let [who, from, to, ..] = parts.as_slice() else { return Err("a shift".to_owned()) };
                shifts.push((person(who.text()?), Span::new(from.instant()?, to.instant()?)));
            }
            role.temporary.push(Temporary { span, shifts, fallback: Vec::new() });
        }
    }
    let window = given.field("window")?.span()?;
    let shifts = rota(role, calendar).shifts(&RoleId::from(ROLE), &window);
    let mut got: Vec<(Timestamp, Timestamp, String, bool)> =
        shifts.into_iter().map(|s| (s.span.from, s.span.to, s.person.to_string(), s.goes_on)).collect();
    let mut expected = Vec::new();
    for shift in case.expect().field("shifts")?.list()? {
        let parts = shift.list()?;
        let [who, from, to, rest @ ..] = parts.as_slice() else { return Err("a shift".to_owned()) };
        let cut = rest.first().is_some_and(|flag| flag.0 == "truncated");
        expected.push((from.instant()?, to.instant()?, who.text()?.to_owned(), cut));
    }
    got.sort();
    expected.sort();
    Ok(same(got, expected))
}

/// `14:00` of a day, as an instant.
fn of_day(written: Case<'_>) -> Result<Timestamp, String> {
    let clock = written.clock()?;
    Ok(hours(f64::from(clock.hour()) + f64::from(clock.minute()) / 60.0))
}

fn span_of_day(written: Case<'_>) -> Result<Span, String> {
    match written.list()?.as_slice() {
        [from, to] => Ok(Span::new(of_day(*from)?, of_day(*to)?)),
        _ => Err("a span".to_owned()),
    }
}

fn temporary(written: Case<'_>) -> Result<Temporary, String> {
    let mut shifts = Vec::new();
    for shift in written.field("shifts")?.list()? {
        let parts = shift.list()?;
        let [who, from, to] = parts.as_slice() else { return Err("a shift".to_owned()) };
        shifts.push((person(who.text()?), Span::new(of_day(*from)?, of_day(*to)?)));
    }
    Ok(Temporary { span: span_of_day(written.field("span")?)?, shifts, fallback: Vec::new() })
}

pub fn temp_schedule(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    let mut left = vec![temporary(given)?];
    if given.has("trim_start") {
        let at = of_day(given.field("trim_start")?)?;
        left = left.iter().filter_map(|one| one.from(at)).collect();
    }
    if given.has("trim_end") {
        let at = of_day(given.field("trim_end")?)?;
        left = left.iter().filter_map(|one| one.until(at)).collect();
    }
    if given.has("delete") {
        let hole = span_of_day(given.field("delete")?)?;
        left = left.iter().flat_map(|one| one.without(&hole)).collect();
    }
    let expected: Vec<Temporary> = if expect.has("schedules") {
        expect.field("schedules")?.list()?.into_iter().map(temporary).collect::<Result<_, _>>()?
    } else if expect.has("span") {
        vec![temporary(expect)?]
    } else {
        return Err(format!("{}", expect.0));
    };
    Ok(same(left, expected))
}

pub fn override_map(case: Case<'_>) -> Judged {
    let given = case.given();
    let turns: Vec<PersonId> = given.field("on_call")?.texts()?.into_iter().map(person).collect();
    let mut pinned = Vec::new();
    for written in given.field("overrides")?.list()? {
        pinned.push(Override { span: Span::always(), layer: 0, change: change(written)? });
    }
    let mut got = slips::apply(&[], &turns, &pinned, Timestamp::UNIX_EPOCH);
    let mut expected: Vec<PersonId> = case.expect().field("on_call")?.texts()?.into_iter().map(person).collect();
    got.sort();
    expected.sort();
    Ok(same(got, expected))
}

/// Seconds from the shift's start.
fn seconds(written: Case<'_>) -> Result<Span, String> {
    let at = |second| Timestamp::from_second(second).map_err(|error| error.to_string());
    match written.ints()?.as_slice() {
        [from, to] => Ok(Span::new(at(*from)?, at(*to)?)),
        _ => Err("a span".to_owned()),
    }
}

fn spans(written: Case<'_>) -> Result<Vec<Span>, String> {
    written.list()?.into_iter().map(seconds).collect()
}

pub fn override_split(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    let shifts =
        if given.has("shifts") { spans(given.field("shifts")?)? } else { vec![seconds(given.field("shift")?)?] };
    let hole = seconds(given.field("override")?)?;
    if without(&shifts, &hole) != spans(expect.field("owner")?)? {
        return Ok(Outcome::Failed(format!("the owner keeps {:?}", without(&shifts, &hole))));
    }
    Ok(same(within(&shifts, &hole), spans(expect.field("override")?)?))
}

/// Hours, or a time of day with its seconds.
fn hour(written: Case<'_>) -> Result<Timestamp, String> {
    match written.0 {
        Value::String(text) => {
            let clock: jiff::civil::Time = text.parse().map_err(|_| format!("{text} is not a time"))?;
            let nanos = i64::from(clock.subsec_nanosecond());
            let whole =
                f64::from(clock.hour()) * 3_600.0 + f64::from(clock.minute()) * 60.0 + f64::from(clock.second());
            Ok(hours((whole + nanos as f64 / 1e9) / 3_600.0))
        }
        _ => Ok(hours(written.number()?)),
    }
}

pub fn override_chain(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    let shift = given.field("shift")?.list()?;
    let [owner, from, to] = shift.as_slice() else { return Err("a shift".to_owned()) };
    let window = Span::new(hour(*from)?, hour(*to)?);
    let mut role = empty_role();
    role.temporary = vec![Temporary { span: window, shifts: vec![(person(owner.text()?), window)], fallback: vec![] }];
    for slip in given.field("overrides")?.list()? {
        let parts = slip.list()?;
        let [off, on, from, to, rest @ ..] = parts.as_slice() else { return Err("an override".to_owned()) };
        // What is said for one policy counts for more than what is said for all.
        let layer = u8::from(rest.first().is_some_and(|scope| scope.0 == "policy"));
        let change = Change::Replace { person: person(on.text()?), instead_of: person(off.text()?) };
        role.overrides.push(Override { span: Span::new(hour(*from)?, hour(*to)?), layer, change });
    }
    let judged = |role: Role| -> Judged {
        let rota = rota(role, Calendar::empty(TimeZone::UTC));
        let id = RoleId::from(ROLE);
        if let Some((key, who)) = expect.0.as_object().ok_or("expect")?.iter().find(|(key, _)| key.starts_with("at_")) {
            let at: f64 = key[3..].parse().map_err(|_| key.clone())?;
            return Ok(same(rota.on_call(&id, hours(at)), vec![person(Case(who).text()?)]));
        }
        let mut got: Vec<(Timestamp, Timestamp, String)> =
            rota.shifts(&id, &window).into_iter().map(|s| (s.span.from, s.span.to, s.person.to_string())).collect();
        let mut expected = Vec::new();
        for segment in expect.field("segments")?.list()? {
            let parts = segment.list()?;
            let [who, from, to] = parts.as_slice() else { return Err("a segment".to_owned()) };
            expected.push((hour(*from)?, hour(*to)?, who.text()?.to_owned()));
        }
        got.sort();
        expected.sort();
        Ok(same(got, expected))
    };
    // In either order of the slips.
    let turned = Role { overrides: role.overrides.iter().rev().cloned().collect(), ..role.clone() };
    match judged(role)? {
        Outcome::Passed => judged(turned),
        other => Ok(other),
    }
}

/// callout has one writer: two that come at once come one after the other.
pub fn override_conflict(case: Case<'_>) -> Judged {
    let given = case.given();
    let user = given.field("user")?.text()?;
    let span = Span::new(hours(0.0), hours(given.field("span_hours")?.number()?));
    let mut pinned = Vec::new();
    let (mut committed, mut rejected) = (0, 0);
    for n in 0..given.field("concurrent")?.int()? {
        let change = Change::Replace { person: person(&format!("other{n}")), instead_of: person(user) };
        match slips::pin(&mut pinned, Override { span, layer: 0, change }) {
            Ok(()) => committed += 1,
            Err(_) => rejected += 1,
        }
    }
    let expect = case.expect();
    Ok(same((committed, rejected), (expect.field("committed")?.int()?, expect.field("rejected")?.int()?)))
}

fn span_h(written: Case<'_>) -> Result<Span, String> {
    match written.list()?.as_slice() {
        [from, to] => Ok(Span::new(hours(from.number()?), hours(to.number()?))),
        _ => Err("a span of hours".to_owned()),
    }
}

pub fn shift_swap(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    if given.has("attempts") {
        let (owner, other, third) = (person("owner"), person("other"), person("third"));
        let mut accepted: Vec<String> = Vec::new();
        for attempt in given.field("attempts")?.texts()? {
            let mut swap = Swap {
                owner: owner.clone(),
                span: Span::new(hours(12.0), hours(15.0)),
                taken_by: None,
                withdrawn: false,
            };
            let (by, now) = match attempt {
                "own" => (&owner, hours(1.0)),
                "taken" => {
                    swap.taken_by = Some(third.clone());
                    (&other, hours(1.0))
                }
                "past_due" | "past" => (&other, hours(16.0)),
                "deleted" => {
                    swap.withdrawn = true;
                    (&other, hours(1.0))
                }
                _ => (&other, hours(1.0)),
            };
            if swap.take(by, now).is_ok() {
                accepted.push(attempt.to_owned());
            }
        }
        let expected: Vec<String> = expect.field("accepted")?.texts()?.into_iter().map(str::to_owned).collect();
        return Ok(same(accepted, expected));
    }
    let owner = person(given.field("owner")?.text()?);
    let shift = span_h(given.field("shift_h")?)?;
    let taken_by = if given.has("taken_by") { Some(person(given.field("taken_by")?.text()?)) } else { None };
    let swap = Swap { owner: owner.clone(), span: span_h(given.field("swap_h")?)?, taken_by, withdrawn: false };
    let mut expected = Vec::new();
    for segment in expect.field("segments")?.list()? {
        let parts = segment.list()?;
        let [from, to, who] = parts.as_slice() else { return Err("a segment".to_owned()) };
        expected.push((Span::new(hours(from.number()?), hours(to.number()?)), person(who.text()?)));
    }
    Ok(same(swap.segments(shift, &owner), expected))
}

pub fn layers_final(case: Case<'_>) -> Judged {
    let (given, calendar) = (case.given(), Calendar::empty(TimeZone::UTC));
    let layered = |written: Case<'_>| -> Result<(PersonId, u8, Span), String> {
        let from = written.field("start_h")?.number()?;
        let span = Span::new(hours(from), hours(from + written.field("len_h")?.number()?));
        let layer = u8::try_from(written.field("priority")?.int()?).map_err(|error| error.to_string())?;
        Ok((person(written.field("user")?.text()?), layer, span))
    };
    let mut role = empty_role();
    for written in given.field("layers")?.list()? {
        let (who, layer, span) = layered(written)?;
        let rotation = always(who.as_str(), &calendar.zone)?;
        role.rotations.push(Rotation { from: span.from, until: Some(span.to), layer, ..rotation });
    }
    for written in given.field("overrides")?.list()? {
        let (person, layer, span) = layered(written)?;
        role.overrides.push(Override { span, layer, change: Change::StandIn { person } });
    }
    let rota = rota(role, calendar);
    for row in case.expect().field("on_call_by_span_h")?.list()? {
        let parts = row.list()?;
        let [from, to, who] = parts.as_slice() else { return Err("a span with people".to_owned()) };
        let mut expected: Vec<PersonId> = who.texts()?.into_iter().map(person).collect();
        expected.sort();
        let (from, to) = (from.number()?, to.number()?);
        // At its beginning, in the middle, and just before its end.
        for at in [from, (from + to) / 2.0, to - 0.001] {
            let mut got = rota.on_call(&RoleId::from(ROLE), hours(at));
            got.sort();
            if got != expected {
                return Ok(Outcome::Failed(format!("at {at} h: got {got:?}, expected {expected:?}")));
            }
        }
    }
    Ok(Outcome::Passed)
}

/// A layer for certain hours over one that always has somebody; asked at the beginning of the former.
pub fn layers_fallback(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), TimeZone::UTC);
    let (primary, fallback) = (given.field("primary")?.texts()?, given.field("fallback")?.texts()?);
    let [who, when] = primary.as_slice() else { return Err("primary".to_owned()) };
    let [other, "always"] = fallback.as_slice() else { return Err("fallback".to_owned()) };
    let hours = When::parse(&when.replacen('-', " - ", 1)).ok_or_else(|| format!("{when} cannot be read"))?;
    let mut role = empty_role();
    role.rotations = vec![Rotation { when: vec![hours], layer: 1, ..always(who, &zone)? }, always(other, &zone)?];
    let rota = rota(role, Calendar::empty(zone.clone()));
    let id = RoleId::from(ROLE);
    let window = hours.window(Timestamp::UNIX_EPOCH, &rota.calendar).ok_or("the hours never come")?;
    let expect = case.expect();
    let (current, next) = (person(expect.field("current")?.text()?), person(expect.field("next")?.text()?));
    if rota.on_call(&id, window.from) != [current] {
        return Ok(Outcome::Failed(format!("now {:?}", rota.on_call(&id, window.from))));
    }
    let change = rota.next_change(&id, window.from).ok_or("it never changes")?;
    let shown = zone.to_datetime(change).strftime("%a %H:%M").to_string();
    if shown != expect.field("next_from")?.text()? {
        return Ok(Outcome::Failed(format!("next from {shown}")));
    }
    Ok(same(rota.on_call(&id, change), vec![next]))
}
