//! How well calls are served: queues whose callers wait too long or give up, and queues to which nobody gets through.
//!
//! A queue's newest intervals are put together, back to an hour, until enough calls were offered to say anything (the
//! gate). Below the wanted share of answered calls, or above the wanted mean wait, is a signal; it goes when the queue
//! has been clearly better, not merely a little, so that it does not chatter.
//!
//! No call at all, in core hours, in a queue that has calls, is another: the lines may be down. What counts as "at all"
//! comes from the queue's own last days: ten calls would have been usual meanwhile, so that chance gives such a silence
//! once in some twenty thousand times.
//!
//! Not here: a queue of which nothing more is heard (see [`super::silence`]).

use super::super::decide::Decision;
use super::super::event::Answer;
use super::super::queue::QueueCounts;
use super::super::record::{Record, Rule, Signal};
use super::super::state::State;
use super::super::time::{SignedDuration, Timestamp, after, in_words};
use super::Raised;
use super::silence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Queues watched at most; beyond it a new one is refused, since dropping one would be to stop watching it in silence.
pub const QUEUES_MAX: usize = 200;
/// Intervals kept for each queue.
const INTERVALS_MAX: usize = 300;
/// Intervals longer ago say nothing of now.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// An interval that is told of so late is not taken: it is of another day.
const LATE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far a sender's clock may run ahead of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Clearly better: so many more of a hundred answered than wanted...
const BETTER_PERCENT: u64 = 3;
/// ...and a mean wait of so many percent of the wanted one.
const BETTER_WAIT_PERCENT: u64 = 90;
/// No call at all is a signal when so many would have been usual.
const USUAL_MIN: f64 = 10.0;
/// Of a queue that never had a call, when it has been so for this long in core hours.
const NEVER_ANY: SignedDuration = SignedDuration::from_hours(1);
/// What is usual is known from at least this much of core hours.
const KNOWN: SignedDuration = SignedDuration::from_hours(2);
/// A signal of no calls is over after this in any case: the next day has its own.
const NO_CALLS_MAX: SignedDuration = SignedDuration::from_hours(12);

/// The topic of queues that are served badly.
pub const LEVEL_TOPIC: &str = "service_level";

/// All queues, by `source/queue`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Queues {
    /// By name.
    pub by_name: BTreeMap<String, Arc<Queue>>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Queue {
    /// The newest intervals, by their beginning.
    pub intervals: BTreeMap<Timestamp, QueueCounts>,
    /// How it was served lately; `None` where too few calls came to say.
    pub level: Option<Level>,
    /// When it was last not clearly well.
    pub short_at: Option<Timestamp>,
}

/// How a queue was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Since when, by the oldest interval counted.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Calls offered.
    pub offered: u32,
    /// Calls answered.
    pub answered: u32,
    /// Of a hundred offered calls, so many were answered, rounded down.
    pub connected_percent: u32,
    /// The mean wait in seconds, rounded.
    pub wait_s: u32,
    /// Against what is wanted.
    pub verdict: Verdict,
}

/// Against what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Clearly well.
    Well,
    /// As wanted, and only just.
    Just,
    /// Too few answered, or too long a wait.
    Short,
}

/// What is wanted of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Of a hundred offered calls, so many answered.
    pub connected_percent: u32,
    /// Mean wait, seconds.
    pub wait_s: u32,
    /// Calls offered before anything is said.
    pub gate: u32,
}

impl Queue {
    /// How it was served in the hour before `now`, over the fewest intervals that hold enough calls.
    fn level(&self, wanted: Wanted, now: Timestamp) -> Option<Level> {
        let (mut offered, mut answered, mut waited, mut from, mut to) = (0_u64, 0_u64, 0_u64, now, None);
        let since = after(now, -WINDOW);
        for counts in self.intervals.values().rev().take_while(|counts| counts.to() > since) {
            offered += u64::from(counts.offered);
            answered += u64::from(counts.answered);
            waited += u64::from(counts.answered) * u64::from(counts.wait_s);
            from = counts.from;
            to = to.or(Some(counts.to()));
            if offered >= u64::from(wanted.gate) {
                break;
            }
        }
        if offered < u64::from(wanted.gate.max(1)) {
            return None;
        }
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let connected = answered.min(offered) * 100;
        let wait_s = (waited + answered / 2).checked_div(answered).unwrap_or(0);
        let percent = u64::from(wanted.connected_percent);
        let better = (percent + BETTER_PERCENT).min(100);
        let verdict = if connected < percent * offered || wait_s > u64::from(wanted.wait_s) {
            Verdict::Short
        } else if connected >= better * offered && wait_s * 100 <= u64::from(wanted.wait_s) * BETTER_WAIT_PERCENT {
            Verdict::Well
        } else {
            Verdict::Just
        };
        Some(Level {
            from,
            to: to?,
            offered: number(offered),
            answered: number(answered),
            connected_percent: number(connected / offered),
            wait_s: number(wait_s),
            verdict,
        })
    }

    /// How long nobody has been offered to the queue in core hours, up to its newest interval, and how many calls would
    /// have been usual; `None` where the newest interval has calls or lies out of hours.
    fn no_calls(&self, is_core: impl Fn(Timestamp) -> bool) -> Option<(SignedDuration, Option<f64>)> {
        let mut quiet = SignedDuration::ZERO;
        let (mut usual_s, mut usual_n, mut in_run) = (0_u64, 0_u64, true);
        for counts in self.intervals.values().rev() {
            let core = is_core(counts.from) && is_core(after(counts.to(), -SignedDuration::from_secs(1)));
            in_run = in_run && core && counts.offered == 0;
            if in_run {
                quiet += SignedDuration::from_secs(i64::from(counts.interval_s));
            } else if core {
                usual_s += u64::from(counts.interval_s);
                usual_n += u64::from(counts.offered);
            }
        }
        if quiet.is_zero() {
            return None;
        }
        let known = usual_s >= KNOWN.as_secs().unsigned_abs() && usual_n > 0;
        Some((quiet, known.then(|| usual_n as f64 / usual_s as f64 * quiet.as_secs_f64())))
    }
}

fn wanted(state: &State) -> Wanted {
    let figures = state.policy.in_force.as_ref().map(|policy| policy.figures.clone()).unwrap_or_default();
    Wanted {
        connected_percent: figures.service_connected,
        wait_s: u32::try_from(figures.service_wait.as_secs()).unwrap_or(u32::MAX),
        gate: figures.service_gate,
    }
}

/// Takes the counts of an interval: once where they are the same, as a correction where they are not.
pub(in crate::domain) fn take(state: &mut State, d: &mut Decision, counts: &QueueCounts) {
    let name = counts.name();
    let queue = state.queues.by_name.get(&name);
    if queue.and_then(|queue| queue.intervals.get(&counts.from)) == Some(counts) {
        d.answer = Answer::Queue { replay: true };
        return;
    }
    if counts.from > after(d.at, AHEAD_MAX) {
        d.answer =
            Answer::Refused(format!("the interval of {name} begins in the future; set the sender's clock right"));
        return;
    }
    if counts.to() < after(d.at, -LATE_MAX) {
        d.answer = Answer::Refused(format!("the interval of {name} was over a week ago; send those of this week"));
        return;
    }
    if queue.is_none() && state.queues.by_name.len() >= QUEUES_MAX {
        d.answer = Answer::Refused(format!(
            "{name} would be one queue too many: {QUEUES_MAX} are watched; send fewer, or add queues together"
        ));
        return;
    }
    d.record(state, Record::QueueCounted { counts: counts.clone() });
    d.answer = Answer::Queue { replay: false };
    look(state, d, &name);
}

/// Raises what the queue's newest intervals show.
fn look(state: &mut State, d: &mut Decision, name: &str) {
    let Some(queue) = state.queues.by_name.get(name).cloned() else { return };
    let raised = |state: &State, rule: &dyn Fn(&Rule) -> bool| {
        state.signals.raised.values().any(|raised| rule(&raised.signal.rule))
    };
    if let Some(level) = queue.level.filter(|level| level.verdict == Verdict::Short)
        && !raised(state, &|rule| matches!(rule, Rule::ServiceLevel { queue, .. } if queue == name))
    {
        let signal = short(name, &level, wanted(state));
        d.record(state, Record::SignalRaised { signal });
    }
    let Some(policy) = state.policy.in_force.clone() else { return };
    let newest = queue.intervals.last_key_value().map(|(_, counts)| counts.to());
    let fresh = newest.is_some_and(|to| to > after(d.at, -WINDOW));
    let Some((quiet, usual)) = fresh.then(|| queue.no_calls(|at| policy.calendar.is_core(at))).flatten() else {
        return;
    };
    let down = match usual {
        Some(usual) => usual >= USUAL_MIN,
        None => quiet >= NEVER_ANY && queue.intervals.values().all(|counts| counts.offered == 0),
    };
    if down && !raised(state, &|rule| matches!(rule, Rule::NoCalls { queue, .. } if queue == name)) {
        let usual = usual.map_or(0, |usual| usual.clamp(0.0, 1e9) as u32);
        let signal = Signal {
            rule: Rule::NoCalls {
                queue: name.to_owned(),
                within_s: u32::try_from(quiet.as_secs()).unwrap_or(u32::MAX),
                usual,
            },
            topic: silence::TOPIC.into(),
            place: None,
            count: 0,
            evidence: format!(
                "no call at all offered to {name} in {} of core hours{}; the lines may be down: ring the emergency \
                 number from outside",
                in_words(quiet),
                if usual > 0 { format!(", {usual} would be usual") } else { ", and none before".to_owned() },
            ),
        };
        d.record(state, Record::SignalRaised { signal });
    }
}

fn short(name: &str, level: &Level, wanted: Wanted) -> Signal {
    let within = level.to.duration_since(level.from);
    let mut why = Vec::new();
    if u64::from(level.answered) * 100 < u64::from(wanted.connected_percent) * u64::from(level.offered) {
        why.push(format!(
            "{} of {} calls answered ({} %; wanted {} %)",
            level.answered, level.offered, level.connected_percent, wanted.connected_percent
        ));
    }
    if level.wait_s > wanted.wait_s {
        why.push(format!("mean wait {} s (wanted {} s)", level.wait_s, wanted.wait_s));
    }
    Signal {
        rule: Rule::ServiceLevel {
            queue: name.to_owned(),
            connected_percent: level.connected_percent,
            wait_s: level.wait_s,
            within_s: u32::try_from(within.as_secs()).unwrap_or(u32::MAX),
        },
        topic: LEVEL_TOPIC.into(),
        place: None,
        count: level.offered,
        evidence: format!("{name}: {} in {}", why.join(", "), in_words(within)),
    }
}

/// Applies the counts of an interval.
pub(in crate::domain) fn apply(state: &mut State, counts: &QueueCounts) {
    let (wanted, now) = (wanted(state), state.last_at);
    let name = counts.name();
    let queues = Arc::make_mut(&mut state.queues);
    let queue = Arc::make_mut(queues.by_name.entry(name.clone()).or_default());
    queue.intervals.insert(counts.from, counts.clone());
    while queue.intervals.len() > INTERVALS_MAX {
        queue.intervals.pop_first();
    }
    queue.level = queue.level(wanted, now);
    if queue.level.is_some_and(|level| level.verdict != Verdict::Well) {
        queue.short_at = Some(now);
    }
    silence::heard_queue(state, &name, &counts.source);
}

/// When this raised signal is to be cleared, if nothing more comes.
pub(super) fn clear_at(state: &State, raised: &Raised) -> Timestamp {
    let hold = state.policy.in_force.as_ref().map_or(SignedDuration::from_mins(10), |p| p.figures.signal_hold);
    match &raised.signal.rule {
        Rule::ServiceLevel { queue, .. } => {
            let Some(found) = state.queues.by_name.get(queue) else { return Timestamp::MIN };
            if silence::is_silent(state, &silence::queue_name(queue)) {
                // Nothing is heard of it, so nothing is known to be better.
                return Timestamp::MAX;
            }
            let well = found.level.is_some_and(|level| level.verdict == Verdict::Well);
            let since = found.short_at.unwrap_or(raised.at);
            after(raised.at, hold).max(if well { Timestamp::MIN } else { after(since, WINDOW) })
        }
        Rule::NoCalls { queue, .. } => {
            let newest = state.queues.by_name.get(queue).and_then(|queue| queue.intervals.last_key_value());
            let calls = newest.is_none_or(|(_, counts)| counts.offered > 0);
            if calls { Timestamp::MIN } else { after(raised.at, NO_CALLS_MAX) }
        }
        _ => Timestamp::MIN,
    }
}
