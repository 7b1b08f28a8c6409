//! The learnt detectors in the core: events in, records out.

#![allow(clippy::unwrap_used, missing_docs)]

mod council;

use callout::domain::contact::{Channel, Contact};
use callout::domain::decide::{decide, next_deadline};
use callout::domain::event::{Author, Event};
use callout::domain::id::{Seq, Tag};
use callout::domain::record::{Record, Rule};
use callout::domain::snapshot::Slice;
use callout::domain::state::{State, apply};
use callout::domain::time::{SignedDuration, Timestamp};

struct Night {
    state: State,
    now: Timestamp,
    records: Vec<(Timestamp, Record)>,
    from: State,
}

fn contact(at: Timestamp, tag: &str, history: bool) -> Contact {
    Contact {
        source: "crm".into(),
        key: None,
        channel: Channel::Phone,
        received_at: at,
        occurred_at: None,
        service: None,
        tags: vec![Tag::from(tag)],
        place: None,
        body: None,
        answered: None,
        wait_s: None,
        land: None,
        alike: None,
        history,
    }
}

impl Night {
    /// So many days of history of one call about gullies every half hour by day, up to a Sunday at midnight.
    fn after(days: i64) -> Self {
        let start: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let mut night = Self { state: State::default(), now: start, records: Vec::new(), from: State::default() };
        let documents = council::documents("rota", &["flooding"]);
        night.event(Event::PolicyLoaded { documents, by: Author::system() });
        for half_hour in 0..days * 48 {
            let at = start - SignedDuration::from_mins(30 * (days * 48 - half_hour));
            if (14..46).contains(&(half_hour % 48)) {
                night.event(Event::ContactReceived { contact: contact(at, "gullies", true), sealed: None });
            }
        }
        assert!(night.raised().is_empty(), "history raises nothing");
        night
    }

    fn event(&mut self, event: Event) {
        while let Some(due) = next_deadline(&self.state).filter(|due| *due < self.now) {
            let decision = decide(&mut self.state, &Event::Tick, due);
            self.keep(decision);
        }
        let decision = decide(&mut self.state, &event, self.now);
        self.keep(decision);
    }

    /// Remembers the records, and rebuilds the state from them.
    fn keep(&mut self, decision: callout::domain::decide::Decision) {
        for (seq, record, _) in decision.records {
            let record: Record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
            apply(&mut self.from, seq, decision.at, &record);
            self.records.push((decision.at, record));
        }
    }

    fn live(&mut self, after: SignedDuration, change: impl FnOnce(&mut Contact)) {
        self.now += after;
        let mut contact = contact(self.now, "gullies", false);
        change(&mut contact);
        self.event(Event::ContactReceived { contact, sealed: None });
    }

    fn raised(&self) -> Vec<(Timestamp, String)> {
        let volume = |record: &Record| match record {
            Record::SignalRaised { signal } if matches!(signal.rule, Rule::Volume { .. }) => {
                Some(signal.evidence.clone())
            }
            Record::WouldHaveRaised { signal } => Some(format!("on trial: {}", signal.evidence)),
            _ => None,
        };
        self.records.iter().filter_map(|(at, record)| Some((*at, volume(record)?))).collect()
    }
}

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

#[test]
fn what_was_learnt_in_eight_weeks_comes_back_from_a_snapshot_and_judges_alike() {
    let mut night = Night::after(56);
    night.live(SignedDuration::from_mins(10), |_| {});
    let slices: Vec<_> = Slice::ALL.iter().map(|slice| (slice.name(), night.state.slice(*slice).unwrap())).collect();
    let bytes = |name: &str| slices.iter().find(|(of, _)| *of == name).map(|(_, bytes)| (1, bytes.as_slice()));
    let again = State::from_slices(Seq(night.state.next.0 - 1), night.state.last_at, bytes).unwrap();
    assert!(again == night.state);
    night.from = again;
    night.live(SignedDuration::from_mins(110), |_| {});
    for _ in 0..12 {
        night.live(seconds(20), |_| {});
    }
    assert!(!night.raised().is_empty() && night.from == night.state, "the snapshot and what came after judge the same");
}

#[test]
fn a_crowd_at_two_in_the_night_is_raised_in_words_wakes_somebody_and_clears_by_itself() {
    let mut night = Night::after(56);
    night.live(SignedDuration::from_mins(10), |_| {});
    night.live(SignedDuration::from_mins(110), |_| {});
    for _ in 0..12 {
        night.live(seconds(20), |_| {});
    }
    let raised = night.raised();
    let (at, words) = raised.first().expect("it is raised");
    assert!(at.duration_since("2026-11-22T02:00:00Z".parse().unwrap()) < SignedDuration::from_mins(3), "{raised:?}");
    assert!(words.contains("in 5 min; usual for Sunday 02:0") && words.contains("is 0; so many come about"), "{words}");
    // No playbook is for gullies: the duty officer is called all the same.
    let called = night.records.iter().any(|(_, record)| {
        matches!(record, Record::CallOutStarted { incident: Some(_), cause, .. } if cause.contains("No playbook is for this"))
    });
    assert!(called, "{:?}", night.records);
    let opened = night.records.iter().filter(|(_, record)| matches!(record, Record::IncidentOpened { .. })).count();
    assert_eq!((raised.len() >= 2, opened), (true, 1), "the busy phones are evidence, not an incident of their own");
    assert_eq!(night.state, night.from, "the state is what the records give");
    night.live(SignedDuration::from_hours(8), |_| {});
    let cleared = night.records.iter().filter(|(_, record)| matches!(record, Record::SignalCleared { .. })).count();
    assert!(cleared >= 1);
    assert_eq!(night.state, night.from);
}

#[test]
fn in_its_second_week_a_stream_is_on_trial_and_in_its_first_it_says_nothing() {
    for (days, said) in [(5, 0), (10, 1)] {
        let mut night = Night::after(days);
        night.live(SignedDuration::from_mins(120), |_| {});
        for _ in 0..12 {
            night.live(seconds(20), |_| {});
        }
        let raised = night.raised();
        assert!(raised.iter().all(|(_, words)| words.starts_with("on trial: ")), "{raised:?}");
        assert!(raised.len() >= said && (said > 0 || raised.is_empty()), "after {days} days: {raised:?}");
        let incident = night.records.iter().any(|(_, record)| matches!(record, Record::IncidentOpened { .. }));
        assert!(!incident, "nothing follows from it");
        assert_eq!(night.state, night.from);
    }
}

#[test]
fn five_hundred_rows_keyed_in_within_an_hour_raise_nothing() {
    // The same words again and again; or reports of the day before, entered now.
    type Change = fn(&mut Contact);
    let bulks: [Change; 2] = [
        |contact| contact.alike = Some(4_711),
        |contact| contact.occurred_at = Some(contact.received_at - SignedDuration::from_hours(20)),
    ];
    for bulk in bulks {
        let mut night = Night::after(56);
        night.live(SignedDuration::from_hours(10), |_| {});
        for _ in 0..500 {
            night.live(seconds(7), bulk);
        }
        assert_eq!(night.raised(), []);
        assert_eq!(night.state, night.from);
    }
}

#[test]
fn hours_in_which_callout_was_down_are_not_learnt_as_quiet() {
    let mut night = Night::after(28);
    night.live(SignedDuration::from_hours(9), |_| {});
    // Down for three weeks, and then an ordinary morning.
    night.now += SignedDuration::from_hours(21 * 24);
    night.event(Event::Started { version: "1".into(), tz: "2026a".into() });
    for _ in 0..6 {
        night.live(SignedDuration::from_mins(25), |_| {});
    }
    assert_eq!(night.raised(), []);
    assert_eq!(night.state, night.from);
}
