//! Feeds that have fallen silent: a system that should be heard of and is not.
//!
//! Think of a baby monitor: no sound may mean a sleeping child, or a dead battery, so it has a light that goes out. Each
//! feed of the settings, and each telephony queue from its first report on, has a heartbeat; when nothing has come for
//! that long, that is a signal of its own, for as long as it lasts. Quiet is never read as "all clear".
//!
//! Every feed is armed when it comes into force: one that has never sent anything is told of too. While the program was
//! down it could hear nobody, so a start gives each feed one heartbeat more.

use super::super::calendar::Calendar;
use super::super::contact::Contact;
use super::super::decide::Decision;
use super::super::feed::Feed;
use super::super::policy::Policy;
use super::super::record::{Record, Rule, Signal};
use super::super::state::State;
use super::super::time::{SignedDuration, Timestamp, after, in_words};
use super::Raised;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The topic of what is not heard.
pub const TOPIC: &str = "feed_silent";
/// A feed is told of once a minute at most in this slice: enough for heartbeats of minutes, and cheap.
const GRAIN: SignedDuration = SignedDuration::from_mins(1);
/// Changes of hours that are looked through for a heartbeat in core hours.
const CHANGES_MAX: usize = 200;

/// All that should be heard of, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Feeds {
    /// By name; a queue's is `queue/SOURCE/QUEUE`.
    pub by_name: BTreeMap<String, Heard>,
}

/// When one of them was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// What is expected of it.
    pub feed: Feed,
    /// When something last came; `None` since it was armed.
    pub heard_at: Option<Timestamp>,
    /// From when its heartbeat counts.
    since: Timestamp,
    /// When it is silent, if nothing more comes; `None` once that has been told, or where its hours never come.
    due: Option<Timestamp>,
    /// It is silent, since when.
    pub silent_since: Option<Timestamp>,
}

/// The name under which a queue is listened for.
pub(super) fn queue_name(queue: &str) -> String {
    format!("queue/{queue}")
}

/// Whether this feed is silent.
pub(super) fn is_silent(state: &State, name: &str) -> bool {
    state.feeds.by_name.get(name).is_some_and(|heard| heard.silent_since.is_some())
}

impl Heard {
    fn armed(feed: Feed, at: Timestamp, calendar: &Calendar) -> Self {
        let due = due(&feed, at, calendar);
        Self { feed, heard_at: None, since: at, due, silent_since: None }
    }

    fn hear(&mut self, at: Timestamp, calendar: &Calendar) {
        let seldom = self.heard_at.is_some_and(|heard| after(heard, GRAIN) > at) && self.silent_since.is_none();
        if seldom {
            return;
        }
        self.heard_at = Some(at);
        self.since = at;
        self.silent_since = None;
        self.due = due(&self.feed, at, calendar);
    }
}

fn due(feed: &Feed, since: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
    if feed.core_only { in_core(calendar, since, feed.heartbeat) } else { Some(after(since, feed.heartbeat)) }
}

/// When so much of core hours will have passed since then.
fn in_core(calendar: &Calendar, since: Timestamp, length: SignedDuration) -> Option<Timestamp> {
    let (mut at, mut left) = (since, length);
    for _ in 0..CHANGES_MAX {
        let change = calendar.next_change(at);
        if calendar.is_core(at) {
            match change {
                Some(change) if change.duration_since(at) < left => left -= change.duration_since(at),
                _ => return Some(after(at, left)),
            }
        }
        at = change?;
    }
    None
}

/// Runs `with` on the feeds, where there is a policy.
fn change(state: &mut State, with: impl FnOnce(&mut Feeds, &Policy, Timestamp)) {
    let Some(policy) = state.policy.in_force.clone() else { return };
    let now = state.last_at;
    with(Arc::make_mut(&mut state.feeds), &policy, now);
}

/// Another policy is in force: its feeds are armed, those that are not in it any more are forgotten.
pub(in crate::domain) fn apply_policy(state: &mut State) {
    change(state, |feeds, policy, now| {
        let wanted = |name: &str| policy.feeds.iter().find(|feed| feed.name == name);
        feeds.by_name.retain(|name, _| name.starts_with("queue/") || wanted(name).is_some());
        for feed in &policy.feeds {
            match feeds.by_name.get_mut(&feed.name) {
                Some(heard) if heard.feed == *feed => {}
                Some(heard) if heard.feed.source == feed.source => heard.feed = feed.clone(),
                _ => drop(feeds.by_name.insert(feed.name.clone(), Heard::armed(feed.clone(), now, &policy.calendar))),
            }
        }
        for (name, heard) in &mut feeds.by_name {
            if name.starts_with("queue/") {
                heard.feed.heartbeat = policy.figures.queue_heartbeat;
            }
            if heard.silent_since.is_none() {
                heard.due = due(&heard.feed, heard.since, &policy.calendar);
            }
        }
    });
}

/// The program was down, and is up again.
pub(in crate::domain) fn apply_started(state: &mut State) {
    change(state, |feeds, policy, now| {
        for heard in feeds.by_name.values_mut().filter(|heard| heard.silent_since.is_none()) {
            heard.since = now;
            heard.due = due(&heard.feed, now, &policy.calendar);
        }
    });
}

/// A live contact came.
pub(in crate::domain) fn apply_contact(state: &mut State, contact: &Contact) {
    let now = state.last_at;
    // The usual case, kept short: nothing is to be written down.
    let news =
        |heard: &Heard| heard.feed.source == contact.source && heard.heard_at.is_none_or(|at| after(at, GRAIN) <= now);
    if !contact.history
        && state
            .feeds
            .by_name
            .values()
            .any(|heard| news(heard) || heard.feed.source == contact.source && heard.silent_since.is_some())
    {
        change(state, |feeds, policy, now| {
            let of_source = feeds
                .by_name
                .iter_mut()
                .filter(|(name, heard)| heard.feed.source == contact.source && !name.starts_with("queue/"));
            of_source.for_each(|(_, heard)| heard.hear(now, &policy.calendar));
        });
    }
}

/// A queue was counted: it is heard, and so is the feed of its source.
pub(super) fn heard_queue(state: &mut State, queue: &str, source: &str) {
    change(state, |feeds, policy, now| {
        let name = queue_name(queue);
        let feed = Feed {
            name: name.clone(),
            source: source.to_owned(),
            heartbeat: policy.figures.queue_heartbeat,
            core_only: true,
        };
        feeds.by_name.entry(name.clone()).or_insert_with(|| Heard::armed(feed, now, &policy.calendar));
        for (of, heard) in &mut feeds.by_name {
            if *of == name || (heard.feed.source == source && !of.starts_with("queue/")) {
                heard.hear(now, &policy.calendar);
            }
        }
    });
}

/// Raises what has fallen silent by now.
pub(super) fn pass_time(state: &mut State, d: &mut Decision) {
    let silent: Vec<Heard> =
        state.feeds.by_name.values().filter(|heard| heard.due.is_some_and(|due| due <= d.at)).cloned().collect();
    for heard in silent {
        let signal = signal(state, &heard);
        d.record(state, Record::SignalRaised { signal });
    }
}

/// When the next one falls silent, if nothing comes.
pub(super) fn next_deadline(state: &State) -> Option<Timestamp> {
    state.feeds.by_name.values().filter_map(|heard| heard.due).min()
}

fn signal(state: &State, heard: &Heard) -> Signal {
    let feed = &heard.feed;
    let zone = state.policy.in_force.as_ref().map(|policy| policy.calendar.zone.clone());
    let clock = |at: Timestamp| {
        zone.as_ref().map_or_else(|| at.to_string(), |zone| zone.to_datetime(at).strftime("%A %H:%M").to_string())
    };
    let since = match heard.heard_at {
        Some(at) => format!("since {}", clock(at)),
        None => format!("ever, and it has been listened for since {}", clock(heard.since)),
    };
    let name =
        feed.name.strip_prefix("queue/").map_or_else(|| feed.name.clone(), |queue| format!("the counts of {queue}"));
    let hours = if feed.core_only { " in core hours" } else { "" };
    Signal {
        rule: Rule::Silent {
            feed: feed.name.clone(),
            heartbeat_s: u32::try_from(feed.heartbeat.as_secs()).unwrap_or(u32::MAX),
        },
        topic: TOPIC.into(),
        place: None,
        count: 0,
        evidence: format!(
            "nothing from {name} {since}; it is expected every {}{hours}. What it would have told is not known: this is no all clear",
            in_words(feed.heartbeat),
        ),
    }
}

/// A silence was told.
pub(super) fn apply_raised(state: &mut State, at: Timestamp, signal: &Signal) {
    let Rule::Silent { feed, .. } = &signal.rule else { return };
    if let Some(heard) = Arc::make_mut(&mut state.feeds).by_name.get_mut(feed) {
        heard.due = None;
        heard.silent_since = Some(heard.heard_at.unwrap_or(at));
    }
}

/// When this raised silence is over: at once when it was heard again, or is not expected any more.
pub(super) fn clear_at(state: &State, raised: &Raised) -> Timestamp {
    match &raised.signal.rule {
        Rule::Silent { feed, .. } if is_silent(state, feed) => Timestamp::MAX,
        _ => Timestamp::MIN,
    }
}
