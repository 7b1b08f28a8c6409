//! Cases about turns: handovers, who has which turn, shifts with time between.

use super::{Case, Judged, Outcome, day_zero, same};
use callout::domain::id::{PersonId, RoleId};
use callout::domain::rota::cadence::{Cadence, Every};
use callout::domain::rota::recurrence::Recurrence;
use callout::domain::rota::span::Span;
use callout::domain::rota::{Role, Rotation};
use callout::domain::time::{SignedDuration, Timestamp, plus_wall_clock, resolve};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// More handovers than any case lists.
const HANDOVERS_MAX: usize = 1_000;

fn unit(word: &str) -> Result<Every, String> {
    match word {
        "hourly" => Ok(Every::Hour),
        "daily" => Ok(Every::Day),
        "weekly" => Ok(Every::Week),
        "monthly" => Ok(Every::Month),
        other => Err(format!("turns by the {other}")),
    }
}

fn cadence(case: Case<'_>) -> Result<(Cadence, TimeZone), String> {
    let rotation = case.given().field("rotation")?;
    let n = u32::try_from(rotation.field("length")?.int()?).map_err(|error| error.to_string())?;
    let anchor: DateTime = rotation.field("start_local")?.text()?.parse().map_err(|error| format!("{error}"))?;
    let zone = if rotation.has("tz") { rotation.zone()? } else { case.zone()? };
    let cadence = Cadence::new(unit(rotation.field("type")?.text()?)?, n, anchor).map_err(|error| error.to_string())?;
    Ok((cadence, zone))
}

pub fn handoffs(case: Case<'_>) -> Judged {
    let (cadence, zone) = cadence(case)?;
    let got = cadence.handovers(&case.given().field("window")?.span()?, HANDOVERS_MAX, &zone);
    let expected: Result<Vec<Timestamp>, String> =
        case.expect().field("handoffs")?.list()?.iter().map(Case::instant).collect();
    Ok(same(got, expected?))
}

pub fn shift_at(case: Case<'_>) -> Judged {
    let (cadence, zone) = cadence(case)?;
    let got = cadence.shift_at(case.given().field("at")?.instant()?, &zone);
    let expect = case.expect();
    if expect.has("elapsed_seconds") && got.lasts().as_secs() != expect.field("elapsed_seconds")?.int()? {
        return Ok(Outcome::Failed(format!("it lasts {} s", got.lasts().as_secs())));
    }
    for (key, got) in [("shift_start", got.from), ("shift_end", got.to)] {
        if expect.has(key) && got != expect.field(key)?.instant()? {
            return Ok(Outcome::Failed(format!("{key}: got {got}, expected {}", expect.0[key])));
        }
    }
    Ok(Outcome::Passed)
}

/// People who take turns, one a turn.
fn in_turn(users: &[&str]) -> Vec<Vec<PersonId>> {
    users.iter().map(|user| vec![PersonId::from(*user)]).collect()
}

fn role(rotation: Rotation) -> Role {
    Role { rotations: vec![rotation], ..Role::new(RoleId::from("role"), "Role") }
}

/// Who is on call as people write it: `A`, `A+B`, nothing.
fn on_call(role: &Role, at: Timestamp, zone: &TimeZone) -> String {
    let calendar = callout::domain::calendar::Calendar::empty(zone.clone());
    let holders = role.on_call(at, &calendar);
    holders.iter().map(PersonId::as_str).collect::<Vec<_>>().join("+")
}

pub fn person_at(case: Case<'_>) -> Judged {
    let (cadence, zone) = cadence(case)?;
    let role = role(Rotation::handovers(cadence, in_turn(&case.given().field("users")?.texts()?), &zone));
    for row in case.expect().field("at")?.list()? {
        let at = row.field("at")?.instant()?;
        let (got, expected) = (on_call(&role, at, &zone), row.field("on_call")?.0.as_str().unwrap_or_default());
        if got != expected {
            return Ok(Outcome::Failed(format!("at {at}: got {got:?}, expected {expected:?}")));
        }
    }
    Ok(Outcome::Passed)
}

/// The same person and the same next handover, whether asked from now or walked to from the anchor.
pub fn month_clamp(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), TimeZone::UTC);
    let (anchor, at) = (given.field("anchor")?.instant()?, given.field("at")?.instant()?);
    let cadence = Cadence::new(Every::Month, 1, zone.to_datetime(anchor)).map_err(|error| error.to_string())?;
    let role = role(Rotation::handovers(cadence, in_turn(&["A", "B"]), &zone));
    let walked = cadence.handovers(&Span::new(anchor, at), HANDOVERS_MAX, &zone);
    let (Some(next), turn) = (walked.last(), walked.len() - 2) else { return Err("no handovers".to_owned()) };
    if cadence.next(at, &zone) != *next || on_call(&role, at, &zone) != ["A", "B"][turn % 2] {
        return Ok(Outcome::Failed(format!("walked to {next}, asked {}", cadence.next(at, &zone))));
    }
    let expected = case.expect().field("next_handoff_in")?.text()?;
    if !next.to_string().starts_with(expected) {
        let why = "the invariant holds, but each month is cut from the anchor (31 January, 28 February, 31 March), so that it";
        return Ok(Outcome::ChosenAgainst(format!("{why} does not stick at the 28th: next is {next}")));
    }
    Ok(Outcome::Passed)
}

pub fn invalid(case: Case<'_>) -> Judged {
    let given = case.given();
    let n = u32::try_from(given.field("length")?.int()?).map_err(|error| error.to_string())?;
    let anchor = TimeZone::UTC.to_datetime(day_zero());
    Ok(match Cadence::new(unit(given.field("type")?.text()?)?, n, anchor) {
        Ok(_) => Outcome::Failed("a turn of no length is taken".to_owned()),
        Err(error) => Outcome::ChosenAgainst(format!("refused at its place in the file, not silently made 1: {error}")),
    })
}

/// Monday-first flags of `MO`, `TU`, ...
fn weekdays(words: &[&str]) -> Result<[bool; 7], String> {
    const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let mut days = [false; 7];
    for word in words {
        days[DAYS.iter().position(|day| day == word).ok_or_else(|| format!("day {word}"))?] = true;
    }
    Ok(days)
}

pub fn byday(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), case.zone()?);
    let first: Date = given.field("start_date")?.text()?.parse().map_err(|error| format!("{error}"))?;
    let recurrence = Recurrence {
        start: first.to_datetime(jiff::civil::Time::midnight()),
        length: SignedDuration::from_hours(24),
        every: unit(given.field("frequency")?.text()?)?,
        n: u32::try_from(given.field("interval")?.int()?).map_err(|error| error.to_string())?,
        weekdays: Some(weekdays(&given.field("weekdays")?.texts()?)?),
        monthdays: Vec::new(),
    };
    // `groups` are sizes; people are named A, B, ... in order.
    let mut names = ('A'..='Z').map(|name| PersonId::from(name.to_string().as_str()));
    let groups: Vec<Vec<PersonId>> =
        given.field("groups")?.ints()?.into_iter().map(|n| names.by_ref().take(n as usize).collect()).collect();
    let role = role(Rotation::shifts(recurrence, groups));
    let mut got: BTreeMap<String, String> = BTreeMap::new();
    for day in 0..given.field("days")?.int()? {
        let date = first.checked_add(day.days()).map_err(|error| error.to_string())?;
        let who = on_call(&role, resolve(date.at(12, 0, 0, 0), &zone), &zone);
        if !who.is_empty() {
            got.insert(date.to_string(), who.replace('+', ""));
        }
    }
    let letters = |value: &serde_json::Value| -> String {
        let mut letters: Vec<char> = value.to_string().chars().filter(char::is_ascii_uppercase).collect();
        letters.sort_unstable();
        letters.into_iter().collect()
    };
    let expected = case.expect().field("by_date")?;
    let expected = expected.0.as_object().ok_or("by_date")?.iter().map(|(date, who)| (date.clone(), letters(who)));
    Ok(same(got, expected.collect()))
}

/// `T`, `T+1h`, `T+8d1h`, `+5m`, `30m`: the time after T. T is a Monday's midnight, since weeks begin then.
fn offset(words: &str) -> Result<SignedDuration, String> {
    let words = words.trim().trim_start_matches('T').trim_start_matches('+');
    if words.is_empty() {
        return Ok(SignedDuration::ZERO);
    }
    callout::domain::reading::duration(words).ok_or_else(|| format!("{words} is not a length of time"))
}

pub fn recurrence(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), case.zone()?);
    let moment = |words: &str| -> Result<Timestamp, String> {
        if words.starts_with('T') { Ok(day_zero() + offset(words)?) } else { Case(&words.into()).instant() }
    };
    let start = moment(given.field("start")?.text()?)?;
    let days: Option<[bool; 7]> = if given.has("weekdays") {
        let mut named = [false; 7];
        for word in given.field("weekdays")?.texts()? {
            match word.strip_prefix("T+") {
                Some(ahead) => {
                    named[ahead.trim_end_matches('d').parse::<usize>().map_err(|e| e.to_string())? % 7] = true
                }
                None if word == "T" => named[0] = true,
                None => named.iter_mut().zip(weekdays(&[word])?).for_each(|(day, more)| *day |= more),
            }
        }
        Some(named)
    } else {
        None
    };
    let month_days = if given.has("monthdays") { given.field("monthdays")?.ints()? } else { Vec::new() };
    let recurrence = Recurrence {
        start: zone.to_datetime(start),
        length: offset(given.field("len")?.text()?)?,
        every: unit(given.field("freq")?.text()?)?,
        n: if given.has("interval") { given.field("interval")?.int()? as u32 } else { 1 },
        weekdays: days,
        monthdays: month_days.into_iter().map(|day| day as i8).collect(),
    };
    let users = given.field("users")?.texts()?;
    let mut rotation = Rotation::shifts(recurrence, in_turn(&users));
    if given.has("effective_from") {
        rotation.from = moment(given.field("effective_from")?.text()?)?;
    }
    if given.has("until") {
        rotation.until = Some(moment(given.field("until")?.text()?)?);
    }
    let role = role(rotation);
    let probe = offset(given.field("probe_offset")?.text()?)?;
    let expect = case.expect();
    for (who, times) in expect.0.as_object().ok_or("expect")? {
        let wanted = if who == "nobody" { "" } else { who.as_str() };
        for time in Case(times).texts()? {
            // A date stands for the start's time of day on it.
            let at = match time.parse::<Date>() {
                Ok(date) => resolve(date.to_datetime(zone.to_datetime(start).time()), &zone),
                Err(_) => start + offset(time)?,
            };
            let got = on_call(&role, at + probe, &zone);
            if got != wanted {
                return Ok(Outcome::Failed(format!("at {time}: got {got:?}, expected {wanted:?}")));
            }
        }
    }
    Ok(Outcome::Passed)
}

/// `1 day, 10:30:00`, `7 days, 0:00:00`, `1:30:00`, `3d12h`, `12h`.
fn python_span(words: &str) -> Result<SignedDuration, String> {
    if let Some(span) = callout::domain::reading::duration(words) {
        return Ok(span);
    }
    let (days, clock) = words.split_once(',').map_or(("0", words), |(days, clock)| (days, clock));
    let days: i64 = days.split(' ').next().unwrap_or("0").parse().map_err(|_| words.to_owned())?;
    let parts: Result<Vec<i64>, _> = clock.trim().split(':').map(str::parse).collect();
    match parts.map_err(|_| words.to_owned())?.as_slice() {
        [hours, minutes, seconds] => {
            Ok(SignedDuration::from_secs(days * 86_400 + hours * 3_600 + minutes * 60 + seconds))
        }
        _ => Err(words.to_owned()),
    }
}

/// The beginnings of the weeks (or of longer periods, in weeks) from the one that runs at `now` up to the horizon.
fn periods(now: DateTime, weeks: u32, horizon_days: i64, zone: &TimeZone) -> Result<Vec<DateTime>, String> {
    // Weeks begin on Sunday at midnight, counted from the one that runs now.
    let back = i64::from(now.weekday().to_sunday_zero_offset());
    let sunday = now.date().checked_sub(back.days()).map_err(|error| error.to_string())?;
    let anchor = sunday.to_datetime(jiff::civil::Time::midnight());
    let beat = Cadence::new(Every::Week, weeks, anchor).map_err(|error| error.to_string())?;
    let end = now.checked_add(horizon_days.days()).map_err(|error| error.to_string())?;
    let window = Span::new(resolve(now, zone), resolve(end, zone));
    let mut begins = beat.handovers(&window, HANDOVERS_MAX, zone);
    begins.retain(|begin| *begin <= window.to);
    Ok(begins.into_iter().map(|begin| zone.to_datetime(begin)).collect())
}

pub fn weekly_plan(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), case.zone()?);
    let now: DateTime = given.field("now_local")?.text()?.parse().map_err(|error| format!("{error}"))?;
    let offset = python_span(given.field("offset_in_week")?.text()?)?;
    let length = python_span(given.field("length")?.text()?)?;
    let mut weeks = periods(now, 1, given.field("horizon_days")?.int()?, &zone)?;
    if given.has("first_week") {
        let first: Date = given.field("first_week")?.text()?.parse().map_err(|error| format!("{error}"))?;
        weeks.retain(|week| week.date() >= first);
    }
    let event = |week: &DateTime| {
        let to = week.saturating_add(offset).saturating_add(length);
        Span::new(plus_wall_clock(*week, offset, &zone), resolve(to, &zone))
    };
    let expected: Result<Vec<Span>, String> = case.expect().field("events")?.list()?.iter().map(Case::span).collect();
    Ok(same(weeks.iter().map(event).collect(), expected?))
}

/// Several shifts a period. The cases leave out when they are asked and how far ahead; their titles and sources say it.
pub fn weekly_plan_multi(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), case.zone()?);
    let shifts = given.field("shifts")?.int()?;
    let weeks = u32::try_from((shifts + 6) / 7).map_err(|error| error.to_string())?;
    let horizon = if given.has("horizon_days") {
        given.field("horizon_days")?.int()?
    } else if weeks > 1 {
        21
    } else {
        7
    };
    let now: DateTime = "2016-09-09T00:00:00".parse().map_err(|error| format!("{error}"))?;
    let offset = python_span(given.field("offset_in_week")?.text()?)?;
    let begins = periods(now, weeks, horizon, &zone)?;
    let expect = case.expect();
    if expect.has("epochs") && begins.len() as i64 != expect.field("epochs")?.int()? {
        return Ok(Outcome::Failed(format!("got {} periods", begins.len())));
    }
    let second = begins.get(1).ok_or("there is no second period")?;
    let starts: Vec<DateTime> = (0..shifts)
        .map(|n| plus_wall_clock(*second, offset + SignedDuration::from_hours(24 * n), &zone))
        .map(|start| zone.to_datetime(start))
        .collect();
    if expect.has("second_epoch_days") {
        return Ok(same(
            starts.iter().map(|start| i64::from(start.day())).collect(),
            expect.field("second_epoch_days")?.ints()?,
        ));
    }
    let expected: Result<Vec<DateTime>, String> = expect
        .field("second_epoch_starts_local")?
        .texts()?
        .iter()
        .map(|text| text.parse().map_err(|error| format!("{error}")))
        .collect();
    Ok(same(starts, expected?))
}
