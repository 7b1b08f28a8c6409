//! Cases about the clock on the wall: which instant, which window, when next.

use super::{Case, Judged, Outcome, same};
use callout::domain::calendar::interval::{Interval, minutes_of_day};
use callout::domain::rota::hours::{Holidays, WeekRule, When, days_until};
use callout::domain::rota::span::Span;
use callout::domain::schedule::next_at;
use callout::domain::time::{SignedDuration, Timestamp, plus_wall_clock, resolve, resolve_last};
use jiff::civil::{Date, DateTime, Time, Weekday};

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} cannot be read"))
}

pub fn clock_resolve(case: Case<'_>) -> Judged {
    let (given, zone) = (case.given(), case.zone()?);
    let date: Date = parse(given.field("date")?.text()?)?;
    let local = date.to_datetime(given.field("clock")?.clock()?);
    let got = match given.field("pick")?.text()? {
        "first" => resolve(local, &zone),
        "last" => resolve_last(local, &zone),
        other => return Err(format!("pick {other}")),
    };
    Ok(same(got, case.expect().field("instant")?.instant()?))
}

/// `2:30`, `-24:00`.
fn hours_and_minutes(text: &str) -> Result<SignedDuration, String> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (hours, minutes) = digits.split_once(':').ok_or_else(|| format!("{text} is not hours and minutes"))?;
    let minutes: i64 = parse::<i64>(hours)? * 60 + parse::<i64>(minutes)?;
    Ok(SignedDuration::from_mins(sign * minutes))
}

pub fn wall_clock_add(case: Case<'_>) -> Judged {
    let given = case.given();
    let from: DateTime = parse(given.field("from_local")?.text()?)?;
    let got = plus_wall_clock(from, hours_and_minutes(given.field("add")?.text()?)?, &case.zone()?);
    Ok(same(got, case.expect().field("instant")?.instant()?))
}

pub fn next_notice(case: Case<'_>) -> Judged {
    let given = case.given();
    let now = given.field("now")?.instant()?;
    let days =
        if given.has("weekdays_sun_to_sat") { given.field("weekdays_sun_to_sat")?.sunday_first()? } else { [true; 7] };
    let got = match given.has("clock") {
        true => next_at(given.field("clock")?.clock()?, days, now, &case.zone()?),
        false => None,
    };
    let expect = case.expect();
    let expected = if expect.has("next") { Some(expect.field("next")?.instant()?) } else { None };
    Ok(same(got, expected))
}

fn pairs<T: TryFrom<i64>>(interval: Case<'_>, key: &str) -> Result<Vec<(T, T)>, String> {
    if !interval.has(key) {
        return Ok(Vec::new());
    }
    let narrow = |n: i64| T::try_from(n).map_err(|_| format!("{n} in `{key}`"));
    let pair = |pair: &Case<'_>| match pair.ints()?.as_slice() {
        [from, to] => Ok((narrow(*from)?, narrow(*to)?)),
        _ => Err(format!("`{key}` holds no pairs")),
    };
    interval.field(key)?.list()?.iter().map(pair).collect()
}

pub fn time_interval(case: Case<'_>) -> Judged {
    let written = case.given().field("interval")?;
    let zone = if written.has("tz") { written.zone()? } else { case.zone()? };
    let interval = Interval {
        minutes: pairs(written, "times")?,
        weekdays: pairs(written, "weekdays")?,
        month_days: pairs(written, "monthdays")?,
        months: pairs(written, "months")?,
        years: pairs(written, "years")?,
    };
    for (list, wanted) in [("inside", true), ("outside", false)] {
        for at in case.expect().field(list)?.list()? {
            if interval.contains(at.instant()?, &zone) != wanted {
                return Ok(Outcome::Failed(format!("{} should be {list}", at.0)));
            }
        }
    }
    Ok(Outcome::Passed)
}

pub fn time_range_parse(case: Case<'_>) -> Judged {
    let got = minutes_of_day(case.given().field("text")?.text()?);
    let expected = case.expect().field("minutes_or_error")?;
    Ok(match (got, expected.ints()) {
        (Ok((from, to)), Ok(expected)) => same(vec![i64::from(from), i64::from(to)], expected),
        (Err(_), Err(_)) => Outcome::Passed,
        (got, _) => Outcome::Failed(format!("got {got:?}, expected {}", expected.0)),
    })
}

pub fn weekday_days_until(case: Case<'_>) -> Judged {
    let given = case.given();
    let days = given.field("weekdays_sun_to_sat")?.sunday_first()?;
    let today = i8::try_from(given.field("from_weekday_sun0")?.int()?).map_err(|error| error.to_string())?;
    let today = Weekday::from_sunday_zero_offset(today).map_err(|error| error.to_string())?;
    let active = given.field("active")?.0.as_bool().ok_or("active")?;
    let got = days_until(days, today, active).map_or(-1, i64::from);
    Ok(same(got, case.expect().field("days")?.int()?))
}

/// The rule of a case: days of the week and hours.
pub fn rule(written: Case<'_>) -> Result<When, String> {
    let days = written.field("weekdays_sun_to_sat")?.sunday_first()?;
    let (from, to) = (written.field("start")?.clock()?, written.field("end")?.clock()?);
    Ok(When::Rule(WeekRule { days, holidays: Holidays::AsAnyDay, from, to }))
}

pub fn rule_active(case: Case<'_>) -> Judged {
    holds(rule(case.given())?, case, "active")
}

fn holds(when: When, case: Case<'_>, key: &str) -> Judged {
    let calendar = case.calendar()?;
    for row in case.expect().field("at")?.list()? {
        let at = row.field("at")?.instant()?;
        if Some(when.holds(at, &calendar)) != row.field(key)?.0.as_bool() {
            return Ok(Outcome::Failed(format!("at {at} it should be the other way round")));
        }
    }
    Ok(Outcome::Passed)
}

pub fn rule_window(case: Case<'_>) -> Judged {
    let (when, calendar) = (rule(case.given())?, case.calendar()?);
    for row in case.expect().field("rows")?.list()? {
        let at = row.field("at")?.instant()?;
        let window = when.window(at, &calendar);
        for (key, got) in [("start", window.map(|window| window.from)), ("end", window.map(|window| window.to))] {
            if row.has(key) && got != Some(row.field(key)?.instant()?) {
                return Ok(Outcome::Failed(format!("at {at}: got {key} {got:?}, expected {}", row.0[key])));
            }
        }
    }
    Ok(Outcome::Passed)
}

pub fn weekly_window(case: Case<'_>) -> Judged {
    let (given, at) = (case.given(), |key: &str| case.given().field(key).and_then(|value| value.text()));
    let words = format!("{} - {}", at("from")?, at("to")?);
    let when = When::parse(&words).ok_or_else(|| format!("{} cannot be read", given.0))?;
    holds(when, case, "covered")
}

pub fn window_elapsed(case: Case<'_>) -> Judged {
    let given = case.given();
    let span = Span::new(given.field("from")?.instant()?, given.field("to")?.instant()?);
    Ok(same(span.lasts().as_secs_f64() / 3_600.0, case.expect().field("elapsed_hours")?.number()?))
}

fn hour(n: i64) -> Result<Time, String> {
    let n = i8::try_from(n % 24).map_err(|error| error.to_string())?;
    Time::new(n, 0, 0, 0).map_err(|error| error.to_string())
}

/// Windows of a daily rule, and their length in minutes where the case gives one.
fn windows(case: Case<'_>, first: &str, n: &str, from: Time, to: Time) -> Judged {
    let first: Date = parse(case.given().field(first)?.text()?)?;
    let n = u16::try_from(case.given().field(n)?.int()?).map_err(|error| error.to_string())?;
    let got = When::Rule(WeekRule::daily(from, to)).windows(first, n, &case.calendar()?);
    let mut expected: Vec<Span> = Vec::new();
    for window in case.expect().field("windows")?.list()? {
        let parts = window.list()?;
        let [from, to, rest @ ..] = parts.as_slice() else { return Err("a window".to_owned()) };
        let span = Span::new(from.instant()?, to.instant()?);
        if let [minutes] = rest
            && let Some(got) = got.get(expected.len())
            && got.lasts().as_mins() != minutes.int()?
        {
            return Ok(Outcome::Failed(format!("{got:?} should last {} min", minutes.0)));
        }
        expected.push(span);
    }
    Ok(same(got, expected))
}

pub fn daily_windows(case: Case<'_>) -> Judged {
    let given = case.given();
    let (from, to) = (hour(given.field("from_h")?.int()?)?, hour(given.field("to_h")?.int()?)?);
    windows(case, "first_date", "days", from, to)
}

/// From 22:00 to 06:00, as the titles of these cases say.
pub fn overnight_windows(case: Case<'_>) -> Judged {
    let given = case.given();
    let at = |key: &str, usual: i64| if given.has(key) { given.field(key)?.int() } else { Ok(usual) };
    windows(case, "first_night", "nights", hour(at("from_h", 22)?)?, hour(at("to_h", 6)?)?)
}

pub fn continue_if_time(case: Case<'_>) -> Judged {
    let given = case.given();
    let rule = WeekRule::daily(given.field("from")?.clock()?, given.field("to")?.clock()?);
    let got: Option<Timestamp> = When::Rule(rule).opens(given.field("now")?.instant()?, &case.calendar()?);
    let expect = case.expect();
    let expected = if expect.has("eta") { Some(expect.field("eta")?.instant()?) } else { None };
    Ok(same(got, expected))
}
