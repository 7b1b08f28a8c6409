//! The scan at work: one [`Scan`] a topic, fed by the located contacts of the log, imported history among them.
//!
//! Every topic is learnt; a signal is raised only where a playbook in force asks for clusters of the topic. Beside it
//! the floor rules hold from the first minute.

use super::super::super::contact::Contact;
use super::super::super::decide::Decision;
use super::super::super::id::Tag;
use super::super::super::place::{GridPoint, format_grid_reference};
use super::super::super::record::{Record, Rule, Signal};
use super::super::super::state::State;
use super::super::super::time::{SignedDuration, Timestamp, after, in_words};
use super::super::{Raised, surge};
use super::{Found, Scan};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Topics that are scanned at most; beyond it the one that has been silent longest goes.
const TOPICS_MAX: usize = 64;

/// A raised cluster stays for at least so long after its last but one report, however short the span that showed it.
const QUIET_MIN: SignedDuration = SignedDuration::from_mins(60);

/// The scans, by topic.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Clusters {
    topics: BTreeMap<Tag, Arc<Scan>>,
}

/// Where and over how long a raised cluster of this signal is; `None` for any other signal.
fn circle(signal: &Signal) -> Option<(GridPoint, u32, SignedDuration)> {
    match signal.rule {
        Rule::Unusual { metres, within_s, .. } => {
            Some((signal.place?, metres, SignedDuration::from_secs(i64::from(within_s))))
        }
        Rule::Surge { .. } | Rule::Cluster { .. } | Rule::Volume { .. } | Rule::Report => None,
        Rule::ServiceLevel { .. } | Rule::NoCalls { .. } | Rule::Silent { .. } => None,
    }
}

/// Whether a cluster of the topic is raised near the place. A second one is a new one only when it lies clear.
fn raised_near(state: &State, topic: &Tag, place: GridPoint) -> bool {
    state.signals.raised.values().filter(|raised| raised.signal.topic == *topic).any(|raised| {
        circle(&raised.signal).is_some_and(|(middle, metres, _)| middle.distance_m(place) <= 2.0 * f64::from(metres))
    })
}

/// Puts a contact into the scans of its topics.
pub(in crate::domain::detect) fn apply_contact(state: &mut State, contact: &Contact) {
    let Some(place) = contact.place else { return };
    let now = state.last_at;
    for tag in &contact.tags {
        let aside = raised_near(state, tag, place);
        let topics = &mut Arc::make_mut(&mut state.clusters).topics;
        let scan = Arc::make_mut(topics.entry(tag.clone()).or_default());
        scan.take(contact.received_at, place, now, aside);
        while topics.len() > TOPICS_MAX {
            let silent = topics.iter().filter(|(topic, _)| *topic != tag).min_by_key(|(_, scan)| scan.last_at());
            let Some(silent) = silent.map(|(topic, _)| topic.clone()) else { break };
            topics.remove(&silent);
        }
    }
}

/// Raises the clusters that this contact completes.
pub(in crate::domain::detect) fn contact(state: &mut State, d: &mut Decision, contact: &Contact) {
    let Some(place) = contact.place else { return };
    let Some(policy) = state.policy.in_force.clone() else { return };
    for tag in &contact.tags {
        let asked = state.policy.rules.iter().any(|(topic, rule)| topic == tag && matches!(rule, Rule::Cluster { .. }));
        let Some(scan) = state.clusters.topics.get(tag).filter(|_| asked) else { continue };
        let at = contact.received_at.min(d.at);
        let Some(found) = scan.look(at, place) else { continue };
        if found.over(f64::from(policy.figures.cluster_false_pages)) < 0.0 || raised_near(state, tag, found.middle) {
            continue;
        }
        let signal = signal(tag, &found, &policy.calendar.zone);
        d.record(state, Record::SignalRaised { signal });
    }
}

/// What was found as a signal, with its evidence in words.
fn signal(topic: &Tag, found: &Found, zone: &TimeZone) -> Signal {
    let once_in_days = (found.years() * 365.25).clamp(1.0, 4e8) as u32;
    let usual = match found.usual {
        few if few < 0.005 => "next to none".to_owned(),
        few if few < 1.0 => format!("{few:.2}"),
        many => format!("{many:.1}"),
    };
    Signal {
        rule: Rule::Unusual {
            metres: found.metres,
            within_s: found.minutes * 60,
            usual_thousandths: (found.usual * 1_000.0).clamp(0.0, 4e9) as u32,
            once_in_days,
        },
        topic: topic.clone(),
        place: Some(found.middle),
        count: found.count,
        evidence: format!(
            "{} about {topic} within {} m around {} in {}, the first at {}; usual there at this hour is {usual}; such a cluster comes about {}",
            found.count,
            found.metres,
            format_grid_reference(found.middle, 3),
            in_words(SignedDuration::from_mins(i64::from(found.minutes))),
            zone.to_datetime(found.since).strftime("%H:%M"),
            surge::rarity(once_in_days),
        ),
    }
}

/// A cluster was raised: its reports shall not become usual.
pub(in crate::domain::detect) fn apply_raised(state: &mut State, at: Timestamp, signal: &Signal) {
    let Some((middle, metres, within)) = circle(signal) else { return };
    if let Some(scan) = Arc::make_mut(&mut state.clusters).topics.get_mut(&signal.topic) {
        let since = after(at, SignedDuration::ZERO.saturating_sub(within));
        Arc::make_mut(scan).set_aside(middle, metres.saturating_mul(2), since);
    }
}

/// When a raised cluster is to be cleared, if nothing more comes.
pub(in crate::domain::detect) fn clear_at(state: &State, raised: &Raised) -> Timestamp {
    let hold = state.policy.in_force.as_ref().map_or(SignedDuration::from_mins(10), |p| p.figures.signal_hold);
    let scan = state.clusters.topics.get(&raised.signal.topic);
    let quiet = scan
        .zip(circle(&raised.signal))
        .map(|(scan, (middle, metres, span))| scan.quiet_at(middle, metres, span.max(QUIET_MIN)));
    quiet.unwrap_or(Timestamp::MIN).max(after(raised.at, hold))
}

/// The topic's incident was stood down: what has come so far was judged.
pub(in crate::domain::detect) fn begin_anew(state: &mut State, topic: &Tag) {
    let at = state.last_at;
    if let Some(scan) = Arc::make_mut(&mut state.clusters).topics.get_mut(topic) {
        Arc::make_mut(scan).begin_anew(at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::contact::Channel;
    use super::super::super::super::decide::{Decision, decide, next_deadline};
    use super::super::super::super::event::{Author, DetailClass, Event, Sealed};
    use super::super::super::super::policy::{Document, DocumentKind};
    use super::*;

    const PLAN: &str = "title = \"Floods\"\nowner = \"x\"\nreviewed = 2026-01-01\nhours = \"always\"\nactivate = \"automatic\"\n\
                        severity = 2\n[[when]]\ncluster = \"flooding\"\nreports = 50\n[[step]]\nsay = \"-\"\n";
    const VILLAGE: (i32, i32) = (462_000, 309_000);

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_767_571_200 + minute * 60).expect("in range")
    }

    fn report(state: &mut State, at: Timestamp, now: Timestamp, (east, north): (i32, i32), topic: &str) -> Decision {
        let contact = Contact {
            source: "test".to_owned(),
            key: None,
            channel: Channel::Phone,
            received_at: at,
            occurred_at: None,
            service: None,
            tags: vec![Tag::from(topic)],
            place: Some(GridPoint { easting_mm: east * 1_000, northing_mm: north * 1_000 }),
            body: None,
            answered: None,
            wait_s: None,
            history: at < now,
            land: None,
            alike: None,
        };
        decide(state, &Event::ContactReceived { contact, sealed: None }, now)
    }

    /// A council with sixty days of history: nine reports a day, all over the county.
    fn council(topic: &str) -> (State, i64) {
        let mut state = State::default();
        let now = 60 * 1_440 + 120;
        let documents = vec![Document::new(DocumentKind::Playbook, "floods", PLAN)];
        decide(&mut state, &Event::PolicyLoaded { documents, by: Author::system() }, minute(now));
        for n in 0..540_i32 {
            let at = minute(i64::from(n) * 160 + i64::from(n * 37 % 60));
            let place = (440_000 + n * 7_919 % 30_000, 290_000 + n * 6_271 % 30_000);
            let decision = report(&mut state, at, minute(now), place, topic);
            assert_eq!(decision.records.len(), 1, "history only counts");
        }
        (state, now)
    }

    fn three(state: &mut State, begin: i64, middle: (i32, i32), topic: &str) -> Vec<Signal> {
        let mut raised = Vec::new();
        for (after, east, north) in [(5, 0, 0), (14, 300, 100), (26, -100, 350)] {
            let at = minute(begin + after);
            while let Some(due) = next_deadline(state).filter(|due| *due <= at) {
                decide(state, &Event::Tick, due);
            }
            let decision = report(state, at, at, (middle.0 + east, middle.1 + north), topic);
            raised.extend(decision.records.into_iter().filter_map(|(_, record, _)| match record {
                Record::SignalRaised { signal } if matches!(signal.rule, Rule::Unusual { .. }) => Some(signal),
                _ => None,
            }));
        }
        raised
    }

    /// The open incidents about flooding: the volume of calls may be a surge of its own at that hour.
    fn floods(state: &State) -> Vec<&crate::domain::incident::Incident> {
        state.incidents.open().filter(|open| open.topic.as_str() == "flooding").collect()
    }

    fn clusters(state: &State) -> usize {
        state.signals.raised.values().filter(|raised| matches!(raised.signal.rule, Rule::Unusual { .. })).count()
    }

    #[test]
    fn three_reports_in_a_village_open_an_incident_and_say_where_and_how_rare() {
        let (mut state, now) = council("flooding");
        let raised = three(&mut state, now, VILLAGE, "flooding");
        assert_eq!(raised.len(), 1, "{raised:?}");
        let words = &raised[0].evidence;
        assert!(words.starts_with("3 about flooding within ") && words.contains("around SK 62"), "{words}");
        assert!(words.contains("the first at 02:05") && words.contains("once in"), "{words}");
        assert_eq!(floods(&state)[0].activations.len(), 1);
        // More of the same joins; another village is a second cluster of the same incident.
        assert_eq!(three(&mut state, now + 30, VILLAGE, "flooding").len(), 0);
        assert_eq!(three(&mut state, now + 60, (445_000, 315_000), "flooding").len(), 1);
        assert_eq!((floods(&state).len(), clusters(&state)), (1, 2));
    }

    #[test]
    fn a_topic_without_a_plan_for_clusters_raises_none() {
        let (mut state, now) = council("litter");
        assert_eq!(three(&mut state, now, VILLAGE, "litter").len(), 0);
    }

    #[test]
    fn a_cluster_is_over_when_it_is_quiet_and_what_was_stood_down_does_not_come_back_by_itself() {
        let (mut state, now) = council("flooding");
        three(&mut state, now, VILLAGE, "flooding");
        let incident = floods(&state)[0].id;
        let reason = Sealed::new([0; 16], DetailClass::Incident, b"\"judged\"".to_vec());
        decide(&mut state, &Event::StoodDown { incident, by: Author::system(), reason }, minute(now + 40));
        assert_eq!(clusters(&state), 0);
        let at = minute(now + 45);
        report(&mut state, at, at, VILLAGE, "flooding");
        assert_eq!(clusters(&state), 0, "one more report is no new cluster");
        let again = three(&mut state, now + 90, VILLAGE, "flooding");
        assert_eq!(again.len(), 1, "three new ones are");
        for _ in 0..20 {
            let Some(due) = next_deadline(&state) else { break };
            decide(&mut state, &Event::Tick, due);
        }
        assert_eq!(clusters(&state), 0, "quiet at last");
    }
}
