//! The adapters: from the words of the cases into callout's, and back. One file a subject.

mod paging;
mod people;
mod slips;
mod turns;
mod wall;

use callout::domain::calendar::Calendar;
use callout::domain::id::PersonId;
use callout::domain::rota::span::Span;
use callout::domain::time::{SignedDuration, Timestamp};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde_json::Value;

/// What became of a case.
pub enum Outcome {
    /// callout does the same.
    Passed,
    /// It should, and does not.
    Failed(String),
    /// It is about the inside of another system.
    NotApplicable(String),
    /// callout does something else on purpose.
    ChosenAgainst(String),
}

impl Outcome {
    /// The place of its count in the line of its kind.
    pub fn place(&self) -> usize {
        match self {
            Self::Passed => 0,
            Self::Failed(_) => 1,
            Self::NotApplicable(_) => 2,
            Self::ChosenAgainst(_) => 3,
        }
    }
}

/// A judgement, or what the adapter could not read.
type Judged = Result<Outcome, String>;

/// Runs one case.
pub fn judge(case: &Value) -> Outcome {
    if case["status"] == "peer_bug" {
        return Outcome::ChosenAgainst("the file marks it as a peer's bug".to_owned());
    }
    let case = Case(case);
    let judged = match case.0["kind"].as_str().unwrap_or_default() {
        "clock_resolve" => wall::clock_resolve(case),
        "wall_clock_add" => wall::wall_clock_add(case),
        "next_notice" => wall::next_notice(case),
        "time_interval" => wall::time_interval(case),
        "time_range_parse" => wall::time_range_parse(case),
        "weekday_days_until" => wall::weekday_days_until(case),
        "rule_active" => wall::rule_active(case),
        "rule_window" => wall::rule_window(case),
        "weekly_window" => wall::weekly_window(case),
        "window_elapsed" => wall::window_elapsed(case),
        "daily_windows" => wall::daily_windows(case),
        "overnight_windows" => wall::overnight_windows(case),
        "continue_if_time" => wall::continue_if_time(case),
        "rotation_handoffs" => turns::handoffs(case),
        "rotation_shift_at" => turns::shift_at(case),
        "rotation_person_at" => turns::person_at(case),
        "rotation_month_clamp" => turns::month_clamp(case),
        "rotation_invalid" => turns::invalid(case),
        "rotation_stored_state" => Ok(Outcome::NotApplicable(
            "callout stores no index of turns: who is on call is computed from the rota alone".to_owned(),
        )),
        "byday_rotation" => turns::byday(case),
        "recurrence_probe" => turns::recurrence(case),
        "weekly_plan" => turns::weekly_plan(case),
        "weekly_plan_multi" => turns::weekly_plan_multi(case),
        "schedule_shifts" => slips::schedule_shifts(case),
        "temp_schedule" => slips::temp_schedule(case),
        "override_map" => slips::override_map(case),
        "override_split" => slips::override_split(case),
        "override_chain" => slips::override_chain(case),
        "override_conflict" => slips::override_conflict(case),
        "shift_swap" => slips::shift_swap(case),
        "layers_final" => slips::layers_final(case),
        "layers_fallback" => slips::layers_fallback(case),
        "pick_person" => people::pick_person(case),
        "sms_reply" => people::sms_reply(case),
        "sms_flow" => people::sms_flow(case),
        "escalation" => paging::escalation(case),
        "person_rules" => paging::person_rules(case),
        "throttle" => paging::throttle(case),
        "renotify" => paging::renotify(case),
        "heartbeat" => paging::heartbeat(case),
        "dedupe_pending" | "bundle_pending" => Ok(Outcome::NotApplicable(
            "callout has no queue of pending messages to fold: a person gets one page by one channel at a time"
                .to_owned(),
        )),
        kind => Err(format!("there is no adapter for the kind {kind}")),
    };
    judged.unwrap_or_else(|why| Outcome::NotApplicable(format!("the adapter does not know this shape: {why}")))
}

/// A case, with its fields by their types.
#[derive(Clone, Copy)]
pub struct Case<'v>(pub &'v Value);

impl<'v> Case<'v> {
    fn given(&self) -> Case<'v> {
        Case(&self.0["given"])
    }
    fn expect(&self) -> Case<'v> {
        Case(&self.0["expect"])
    }
    fn field(&self, key: &str) -> Result<Case<'v>, String> {
        self.0.get(key).map(Case).ok_or_else(|| format!("`{key}` is missing"))
    }
    /// Present and not null.
    fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }
    fn text(&self) -> Result<&'v str, String> {
        self.0.as_str().ok_or_else(|| format!("{} is not a text", self.0))
    }
    fn int(&self) -> Result<i64, String> {
        self.0.as_i64().ok_or_else(|| format!("{} is not a whole number", self.0))
    }
    fn number(&self) -> Result<f64, String> {
        self.0.as_f64().ok_or_else(|| format!("{} is not a number", self.0))
    }
    fn list(&self) -> Result<Vec<Case<'v>>, String> {
        Ok(self.0.as_array().ok_or_else(|| format!("{} is not a list", self.0))?.iter().map(Case).collect())
    }
    fn texts(&self) -> Result<Vec<&'v str>, String> {
        self.list()?.iter().map(Case::text).collect()
    }
    fn ints(&self) -> Result<Vec<i64>, String> {
        self.list()?.iter().map(Case::int).collect()
    }
    fn instant(&self) -> Result<Timestamp, String> {
        let text = self.text()?;
        text.parse().map_err(|error| format!("{text}: {error}"))
    }
    /// Two instants.
    fn span(&self) -> Result<Span, String> {
        match self.list()?.as_slice() {
            [from, to] => Ok(Span::new(from.instant()?, to.instant()?)),
            _ => Err(format!("{} is not a span", self.0)),
        }
    }
    /// A time of the clock, `08:00` or `08:00:00`; `24:00` is midnight.
    fn clock(&self) -> Result<Time, String> {
        let text = self.text()?;
        if text.starts_with("24:00") {
            return Ok(Time::midnight());
        }
        text.parse().map_err(|error| format!("{text}: {error}"))
    }
    /// Days of the week from Sunday on, as Monday-first flags.
    fn sunday_first(&self) -> Result<[bool; 7], String> {
        let flags: Vec<bool> = self
            .list()?
            .iter()
            .map(|flag| flag.0.as_bool().or_else(|| flag.0.as_i64().map(|n| n != 0)))
            .map(|f| f.unwrap_or(false))
            .collect();
        match flags.as_slice() {
            [sunday, rest @ ..] if rest.len() == 6 => {
                let mut days = [false; 7];
                days[..6].copy_from_slice(rest);
                days[6] = *sunday;
                Ok(days)
            }
            _ => Err(format!("{} are not seven days", self.0)),
        }
    }
    /// The zone of the case.
    fn zone(&self) -> Result<TimeZone, String> {
        let name = self.0["tz"].as_str().unwrap_or("UTC");
        TimeZone::get(name).map_err(|error| error.to_string())
    }
    fn calendar(&self) -> Result<Calendar, String> {
        Ok(Calendar::empty(self.zone()?))
    }
}

/// Passed if the two are the same.
fn same<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Outcome {
    if got == expected { Outcome::Passed } else { Outcome::Failed(format!("got {got:?}, expected {expected:?}")) }
}

/// Midnight of a day on which nothing happens to the clocks, for cases that count hours.
fn day_zero() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn hours(n: f64) -> Timestamp {
    day_zero() + SignedDuration::from_millis((n * 3_600_000.0).round() as i64)
}

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn person(name: &str) -> PersonId {
    PersonId::from(name)
}
