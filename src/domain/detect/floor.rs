//! Floor rules: "5 in 60 min", "3 within 1 km in 60 min", "one is enough". They know nothing of what is usual; they are the line
//! below which no learnt detector may fall asleep.
//!
//! A rule is raised by the contact that reaches its count, and cleared when fewer than half of it are left in the
//! window and it has been up for the hold time, so that it does not chatter.

use super::super::contact::Contact;
use super::super::decide::Decision;
use super::super::id::{ContactId, Tag};
use super::super::place::{GridPoint, format_grid_reference};
use super::super::record::{Record, Rule, Signal};
use super::super::state::State;
use super::super::time::{SignedDuration, Timestamp, after, in_words};
use super::{Raised, Window};
use std::sync::Arc;

/// A single report is a new one where it lies clear of the others by so many metres...
const REPORT_CLEAR_M: f64 = 500.0;
/// ...or, of those whose place is not known, after so long.
const REPORT_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// Single reports of one topic that are raised at a time; beyond it the incident is one of the whole town.
const REPORTS_MAX: usize = 50;
/// A single report stays raised so long, seconds; one that is told of later says nothing of now.
const REPORT_S: u32 = 3_600;

/// The length of a rule's window in seconds.
pub(super) fn within_s(rule: &Rule) -> u32 {
    match rule {
        Rule::Surge { within_s, .. }
        | Rule::Cluster { within_s, .. }
        | Rule::Volume { within_s, .. }
        | Rule::Unusual { within_s, .. } => *within_s,
        Rule::Report => REPORT_S,
        Rule::ServiceLevel { within_s, .. } | Rule::NoCalls { within_s, .. } => *within_s,
        Rule::Silent { heartbeat_s, .. } => *heartbeat_s,
    }
}

/// Raises the rules that this contact brings over their count.
pub(super) fn contact(state: &mut State, d: &mut Decision, _id: ContactId, contact: &Contact) {
    let policy = Arc::clone(&state.policy);
    for tag in &contact.tags {
        let from = policy.rules.range((tag.clone(), Rule::Surge { reports: 0, within_s: 0 })..);
        for (_, rule) in from.take_while(|(topic, _)| topic == tag) {
            if *rule == Rule::Report {
                report(state, d, tag, contact);
                continue;
            }
            if already_raised(state, tag, rule, contact.place) {
                continue;
            }
            let Some(window) = state.windows.topics.get(tag) else { continue };
            if let Some(signal) = window.look(tag, rule, contact.place, d.at) {
                d.record(state, Record::SignalRaised { signal });
            }
        }
    }
}

/// Raises the topic for this one contact, unless it lies beside one that is raised already. Two people in danger at two
/// ends of the town are two signals; ten callers about one of them are one.
fn report(state: &mut State, d: &mut Decision, topic: &Tag, contact: &Contact) {
    if after(contact.received_at, SignedDuration::from_secs(i64::from(REPORT_S))) <= d.at {
        return;
    }
    let raised = state
        .signals
        .raised
        .values()
        .filter(|raised| raised.signal.topic == *topic && raised.signal.rule == Rule::Report);
    let mut raised_n = 0;
    for raised in raised {
        raised_n += 1;
        let same = match (raised.signal.place, contact.place) {
            (Some(there), Some(here)) => here.distance_m(there) <= REPORT_CLEAR_M,
            // Where one of them is not known, they are taken for one only if they come close in time.
            (None, None) => after(raised.at, REPORT_AGAIN) > d.at,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return;
        }
    }
    if raised_n >= REPORTS_MAX {
        return;
    }
    let words = topic.as_str().replace('_', " ");
    let by = contact.channel.as_str().replace('_', " ");
    let at = contact
        .place
        .map_or_else(|| "place not known".to_owned(), |place| format!("at {}", format_grid_reference(place, 3)));
    let evidence = format!("a report of {words} by {by}, {at}; one is enough");
    let signal = Signal { rule: Rule::Report, topic: topic.clone(), place: contact.place, count: 1, evidence };
    d.record(state, Record::SignalRaised { signal });
}

fn already_raised(state: &State, topic: &Tag, rule: &Rule, place: Option<GridPoint>) -> bool {
    state.signals.raised.values().any(|raised| {
        let signal = &raised.signal;
        signal.topic == *topic
            && signal.rule == *rule
            && match (rule, signal.place, place) {
                // A second cluster is a new one only when it lies clear of the first.
                (Rule::Cluster { metres, .. }, Some(middle), Some(place)) => {
                    middle.distance_m(place) <= 2.0 * f64::from(*metres)
                }
                _ => true,
            }
    })
}

impl Window {
    fn since(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Option<GridPoint>> {
        use std::ops::Bound::{Excluded, Included};
        self.contacts
            .range((Excluded((from, ContactId(u64::MAX))), Included((to, ContactId(u64::MAX)))))
            .map(|(_, place)| place)
    }

    /// The signal, if the rule's count is reached at `now`.
    fn look(&self, topic: &Tag, rule: &Rule, place: Option<GridPoint>, now: Timestamp) -> Option<Signal> {
        let from = after(now, SignedDuration::from_secs(-i64::from(within_s(rule))));
        let within = in_words(SignedDuration::from_secs(i64::from(within_s(rule))));
        match rule {
            Rule::Surge { reports, .. } => {
                let count = u32::try_from(self.since(from, now).take(*reports as usize).count()).unwrap_or(u32::MAX);
                (count >= *reports).then(|| Signal {
                    rule: rule.clone(),
                    topic: topic.clone(),
                    place: self.middle(from, now),
                    count,
                    evidence: format!("{count} about {topic} in {within}; the rule says {reports}"),
                })
            }
            // A learnt detector has counts of its own, and a single report needs none.
            Rule::Volume { .. } | Rule::Unusual { .. } | Rule::Report => None,
            Rule::ServiceLevel { .. } | Rule::NoCalls { .. } | Rule::Silent { .. } => None,
            Rule::Cluster { reports, metres, .. } => {
                let here = place?;
                let near: Vec<GridPoint> = self
                    .since(from, now)
                    .flatten()
                    .filter(|there| here.distance_m(**there) <= f64::from(*metres))
                    .take(*reports as usize)
                    .copied()
                    .collect();
                let count = u32::try_from(near.len()).unwrap_or(u32::MAX);
                (count >= *reports).then(|| Signal {
                    rule: rule.clone(),
                    topic: topic.clone(),
                    place: middle_of(&near),
                    count,
                    evidence: format!(
                        "{count} about {topic} within {metres} m of each other in {within}; the rule says {reports}"
                    ),
                })
            }
        }
    }

    /// When fewer than half of the rule's count will be left in the window, if nothing more comes.
    fn quiet_at(&self, rule: &Rule, middle: Option<GridPoint>, now: Timestamp) -> Timestamp {
        let half = match rule {
            Rule::Surge { reports, .. } | Rule::Cluster { reports, .. } => reports.div_ceil(2).max(1) as usize,
            Rule::Volume { .. } | Rule::Unusual { .. } | Rule::Report => return Timestamp::MIN,
            Rule::ServiceLevel { .. } | Rule::NoCalls { .. } | Rule::Silent { .. } => return Timestamp::MIN,
        };
        let counts = |there: &Option<GridPoint>| match (rule, middle, there) {
            (Rule::Cluster { metres, .. }, Some(middle), Some(there)) => {
                middle.distance_m(*there) <= 2.0 * f64::from(*metres)
            }
            (Rule::Cluster { .. }, _, _) => false,
            (Rule::Surge { .. } | Rule::Volume { .. } | Rule::Unusual { .. } | Rule::Report, _, _) => true,
            (Rule::ServiceLevel { .. } | Rule::NoCalls { .. } | Rule::Silent { .. }, _, _) => false,
        };
        let within = SignedDuration::from_secs(i64::from(within_s(rule)));
        // What is older than the window has left it, so there is no need to look at it.
        let inside = self.contacts.iter().rev().take_while(|((at, _), _)| after(*at, within) > now);
        let pivot = inside.filter(|(_, there)| counts(there)).nth(half - 1);
        pivot.map_or(Timestamp::MIN, |((at, _), _)| after(*at, within))
    }

    fn middle(&self, from: Timestamp, to: Timestamp) -> Option<GridPoint> {
        let places: Vec<GridPoint> = self.since(from, to).flatten().copied().collect();
        middle_of(&places)
    }
}

/// The mean of the places, to 10 m; `None` of none.
fn middle_of(places: &[GridPoint]) -> Option<GridPoint> {
    let n = i64::try_from(places.len()).ok().filter(|n| *n > 0)?;
    let mean = |of: fn(&GridPoint) -> i32| {
        let sum: i64 = places.iter().map(|place| i64::from(of(place))).sum();
        i32::try_from(sum / n).expect("the mean of i32s is an i32")
    };
    Some(GridPoint { easting_mm: mean(|p| p.easting_mm), northing_mm: mean(|p| p.northing_mm) }.rounded_to_10_m())
}

/// When this raised signal is to be cleared, if nothing more comes.
pub(super) fn clear_at(state: &State, raised: &Raised) -> Timestamp {
    if raised.signal.rule == Rule::Report {
        return after(raised.at, SignedDuration::from_secs(i64::from(REPORT_S)));
    }
    let hold = state.policy.in_force.as_ref().map_or(SignedDuration::from_mins(10), |p| p.figures.signal_hold);
    let quiet = state
        .windows
        .topics
        .get(&raised.signal.topic)
        .map_or(Timestamp::MIN, |window| window.quiet_at(&raised.signal.rule, raised.signal.place, state.last_at));
    quiet.max(after(raised.at, hold))
}
