//! One evening out of hours: Storm Bryony over Wexmoor.
//!
//! Twenty minutes are ordinary, if windy. Then the gullies of Mill Street give up: calls about water rise within four
//! minutes from one to three a minute and stay there for an hour, spreading along the street to Tanners Row, High
//! Street and the meadow. Half an hour in, trees and lights go as well, all over town. Callers wait longer and more of
//! them give up; some ring twice; a few are in danger. By 21:04 some 180 contacts have come; by 22:30 it is over.
//!
//! The curve is a set of rates per minute; calls are laid along it evenly with a little jitter, so that the evening
//! tells the same story whatever the seed. Not here: what anybody does about it ([`super::script`]).

use super::chance::Chance;
use super::desk::{CALLERS, Call, Desk, Spot};
use super::history::{Ordinary, any_spot, queue};
use super::plan::Street;
use super::town::street_named;
use super::words;
use crate::domain::contact::Channel;
use crate::domain::time::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::VecDeque;

/// How long the evening lasts.
pub const LASTS: SignedDuration = SignedDuration::from_mins(180);

/// Calls a minute from that minute of the evening on, straight lines between.
type Curve = &'static [(f64, f64)];

const FLOODING: Curve = &[(20.0, 1.2), (24.0, 3.2), (30.0, 2.9), (40.0, 3.4), (64.0, 2.5), (90.0, 1.0), (140.0, 0.0)];
/// Bins and trampolines, and people who mean floodlights.
const WIND: Curve = &[(0.0, 0.3), (60.0, 0.2), (150.0, 0.0)];
const TREES: Curve = &[(28.0, 0.0), (40.0, 0.9), (64.0, 0.7), (100.0, 0.3), (150.0, 0.0)];
const POWER: Curve = &[(42.0, 0.0), (46.0, 1.2), (60.0, 0.5), (90.0, 0.1), (120.0, 0.0)];

/// Where water is reported: street, from and to as shares of its length, from which minute, how often.
const WET: &[(&str, f64, f64, f64, f64)] = &[
    ("Mill Street", 0.28, 0.46, 0.0, 5.0),
    ("Mill Street", 0.46, 0.62, 27.0, 2.5),
    ("Tanners Row", 0.0, 0.45, 24.0, 1.5),
    ("High Street", 0.42, 0.6, 28.0, 1.5),
    ("Orchard Close", 0.0, 0.4, 36.0, 0.8),
    ("Wharf Road", 0.35, 0.7, 44.0, 1.0),
    ("Low Road", 0.0, 0.5, 52.0, 0.6),
];
/// Where trees stand.
const WOODED: &[&str] = &["Castle Lane", "Hill Road", "Chapel Street", "Low Road", "Barn Road", "Quarry Rise"];
/// Where the lights go out.
const DARK: &[&str] = &["Orchard Close", "Foundry Lane", "Low Road", "Gorse Lane"];

/// How people get in touch in a storm.
const CHANNELS: &[(Channel, f64)] = &[
    (Channel::Phone, 74.0),
    (Channel::WebForm, 9.0),
    (Channel::Social, 7.0),
    (Channel::Email, 3.0),
    (Channel::Portal, 3.0),
    (Channel::Open311, 3.0),
    (Channel::Sms, 1.0),
];

/// The evening's contacts with the moments at which they come in, in order, as JSON.
///
/// `start` is its first minute (20:00 by the story); the ordinary contacts follow the clock of Europe/London.
/// The same seed and start give the same evening.
pub fn evening(seed: u64, start: Timestamp) -> Vec<(Timestamp, Value)> {
    let mut calls = Vec::new();
    let mut ordinary = Ordinary::new(seed, "evening");
    for quarter in 0..LASTS.as_mins() / 15 {
        calls.extend(ordinary.quarter(start + SignedDuration::from_mins(quarter * 15), 1.0));
    }
    let mut storm = Storm { chance: Chance::new(seed, "storm"), start, heard: Vec::new(), said: VecDeque::new() };
    for minute in moments(&mut Chance::new(seed, "flooding"), FLOODING) {
        calls.push(storm.flooding(minute));
    }
    for minute in moments(&mut Chance::new(seed, "wind"), WIND) {
        let street = storm.chance.pick(WOODED);
        let texts = if storm.chance.one_in(0.75) { words::WINDY } else { words::MISLEADING };
        let text = storm.say(texts);
        calls.push(storm.elsewhere(minute, street, "highways", None, text));
    }
    for minute in moments(&mut Chance::new(seed, "trees"), TREES) {
        let street = storm.chance.pick(WOODED);
        let text = storm.say(words::TREES);
        calls.push(storm.elsewhere(minute, street, "parks", Some("storm"), text));
    }
    for minute in moments(&mut Chance::new(seed, "power"), POWER) {
        let street = storm.chance.pick(DARK);
        let text = storm.say(words::POWER);
        calls.push(storm.elsewhere(minute, street, "emergency_planning", Some("power"), text));
    }
    calls.sort_by_key(|call| call.at);
    let mut desk = Desk::new(seed, "wexmoor-desk", "S");
    calls.iter().map(|call| (call.at, desk.write(call))).collect()
}

struct Storm {
    chance: Chance,
    start: Timestamp,
    /// Callers about water who were answered so far: minute, who, where. Some ring again.
    heard: Vec<(f64, usize, Spot)>,
    /// The sentences of late, oldest first: nobody repeats one so soon.
    said: VecDeque<&'static str>,
}

/// A caller rings again after this many minutes, if at all.
const AGAIN_AFTER_MIN: f64 = 9.0;
/// So many sentences pass before one is heard again.
const SAID_LATELY: usize = 4;

impl Storm {
    fn flooding(&mut self, minute: f64) -> Call {
        let earlier = self.heard.partition_point(|(heard, ..)| *heard + AGAIN_AFTER_MIN <= minute);
        let chance = &mut self.chance;
        let first = earlier == 0 || !chance.one_in(0.08);
        let (caller, spot) = if first {
            let site = chance.weighted(WET, |site| if site.3 <= minute { site.4 } else { 0.0 });
            (chance.below(CALLERS), Spot::on(chance, named(site.0), site.1, site.2, 14.0))
        } else {
            // They ring a second time, not a third.
            let (_, caller, spot) = self.heard.remove(chance.below(earlier));
            (caller, spot)
        };
        let channel = if first { chance.weighted(CHANNELS, |choice| choice.1).0 } else { Channel::Phone };
        let vulnerable = first && minute > 30.0 && chance.one_in(0.06);
        let queue = waiting(chance, channel, minute);
        let tag = chance.one_in(0.5).then_some("flooding");
        let text = self.say(match (first, vulnerable, channel) {
            (false, ..) => words::AGAIN,
            (_, true, _) => words::FLOODING_VULNERABLE,
            (_, _, Channel::Social) => words::SOCIAL,
            _ => words::FLOODING,
        });
        if first && queue.is_none_or(|(answered, _)| answered) {
            self.heard.push((minute, caller, spot.clone()));
        }
        Call {
            at: self.start + SignedDuration::from_secs((minute * 60.0) as i64),
            channel,
            queue,
            service: "highways",
            tag,
            text: words::fill(text, spot.street),
            spot: Some(spot),
            vulnerable,
            caller,
        }
    }

    /// One of `texts`, and not one that was just said unless all were.
    fn say(&mut self, texts: &[&'static str]) -> &'static str {
        let fresh: Vec<&'static str> = texts.iter().copied().filter(|text| !self.said.contains(text)).collect();
        let text = self.chance.pick(if fresh.is_empty() { texts } else { &fresh });
        self.said.push_back(text);
        if self.said.len() > SAID_LATELY {
            self.said.pop_front();
        }
        text
    }

    fn elsewhere(
        &mut self,
        minute: f64,
        street: &str,
        service: &'static str,
        tag: Option<&'static str>,
        text: &'static str,
    ) -> Call {
        let chance = &mut self.chance;
        let channel = chance.weighted(CHANNELS, |choice| choice.1).0;
        let spot = if chance.one_in(0.85) {
            Some(Spot::on(chance, named(street), 0.05, 0.95, 16.0))
        } else {
            any_spot(chance, true)
        };
        Call {
            at: self.start + SignedDuration::from_secs((minute * 60.0) as i64),
            channel,
            queue: waiting(chance, channel, minute),
            service,
            tag: tag.filter(|_| chance.one_in(0.5)),
            text: words::fill(text, spot.as_ref().map_or(street, |spot| spot.street)),
            spot,
            vulnerable: false,
            caller: chance.below(CALLERS),
        }
    }
}

fn named(street: &str) -> &'static Street {
    street_named(street).expect("the storm's streets are on the plan")
}

/// The queue grows with the storm: up to a minute and more of waiting, and one caller in six gives up.
fn waiting(chance: &mut Chance, channel: Channel, minute: f64) -> Option<(bool, u32)> {
    let strain = ((minute - 22.0) / 20.0).clamp(0.0, 1.0) * ((150.0 - minute) / 60.0).clamp(0.0, 1.0);
    (channel == Channel::Phone).then(|| queue(chance, 0.93 - 0.09 * strain, 30.0 + 36.0 * strain))
}

/// The minutes at which a curve's calls come: each whenever the area under the curve has grown by about one.
fn moments(chance: &mut Chance, curve: Curve) -> Vec<f64> {
    const STEP: f64 = 1.0 / 60.0;
    let (mut minute, end) = (curve[0].0, curve[curve.len() - 1].0);
    let (mut area, mut wanted) = (0.0, chance.between(0.3, 0.9));
    let mut moments = Vec::new();
    while minute < end {
        area += rate(curve, minute) * STEP;
        minute += STEP;
        if area >= wanted {
            moments.push(minute);
            area -= wanted;
            wanted = chance.between(0.6, 1.4);
        }
    }
    moments
}

fn rate(curve: Curve, minute: f64) -> f64 {
    let piece = curve.windows(2).find(|pair| pair[0].0 <= minute && minute < pair[1].0);
    piece.map_or(0.0, |pair| pair[0].1 + (pair[1].1 - pair[0].1) * (minute - pair[0].0) / (pair[1].0 - pair[0].0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::demo::{history, town};
    use crate::domain::keywords::Keywords;
    use crate::domain::ownership::OwnerAnswer;
    use crate::domain::place::{GridPoint, LatLon, Located};
    use crate::incoming::Sending;
    use crate::intake::{Reading, contact_json};
    use crate::keys::InstallationKey;
    use crate::land::Land;
    use std::collections::BTreeSet;

    fn start() -> Timestamp {
        crate::demo::script::start()
    }

    fn minutes(at: Timestamp) -> f64 {
        (at - start()).get_seconds() as f64 / 60.0 + 0.0
    }

    fn keywords() -> Keywords {
        Keywords::parse(include_str!("../../config/keywords.toml")).unwrap()
    }

    /// About `topic` by the advisor's tag or by the words.
    fn is_about(keywords: &Keywords, contact: &Value, topic: &str) -> bool {
        let words = contact["text"].as_str().unwrap_or_default();
        contact["tags"][0] == topic || keywords.classify(words).iter().any(|found| found.tag.as_str() == topic)
    }

    #[test]
    fn the_evening_is_the_same_each_time_and_in_order() {
        let evening = super::evening(1, start());
        assert_eq!(evening, super::evening(1, start()));
        assert!(evening.is_sorted_by_key(|(at, _)| *at));
        assert!(evening.iter().all(|(at, contact)| contact["received_at"] == at.to_string()));
    }

    #[test]
    fn whatever_the_seed_it_is_quiet_until_20_20_and_some_180_by_21_04() {
        let keywords = keywords();
        for seed in 0..12 {
            let evening = super::evening(seed, start());
            let by = |minute: f64| evening.iter().filter(|(at, _)| minutes(*at) < minute).count();
            let water = |from: f64, to: f64| {
                evening
                    .iter()
                    .filter(|(at, c)| (from..to).contains(&minutes(*at)) && is_about(&keywords, c, "flooding"))
                    .count()
            };
            assert!((1..=14).contains(&by(20.0)), "seed {seed}: {} before 20:20", by(20.0));
            assert!(water(0.0, 20.0) <= 2, "seed {seed}: {} about water before it begins", water(0.0, 20.0));
            assert!((6..=15).contains(&water(20.0, 25.0)), "seed {seed}: {} by 20:25", water(20.0, 25.0));
            assert!((160..=205).contains(&by(64.0)), "seed {seed}: {} by 21:04", by(64.0));
            assert!(by(180.0) - by(150.0) < 20, "seed {seed}: it does not end");
        }
    }

    #[test]
    fn water_comes_to_mill_street_first() {
        let middle = town::on_grid((401.0, 322.0));
        let evening = super::evening(1, start());
        let early = evening.iter().filter(|(at, contact)| minutes(*at) < 27.0 && contact["tags"][0] == "flooding");
        let mut points = 0;
        for (_, contact) in early {
            if let (Some(e), Some(n)) = (contact["easting"].as_f64(), contact["northing"].as_f64()) {
                points += 1;
                let away = crate::domain::place::GridPoint::from_metres(e, n).distance_m(middle);
                assert!(away < 200.0, "{away} m from Mill Street: {contact}");
            }
        }
        assert!(points >= 2, "only {points} points");
    }

    #[test]
    fn every_number_is_kept_for_drama_and_every_address_is_nobodys() {
        let start_of_history = start() - SignedDuration::from_hours(24 * 14);
        let all = super::evening(1, start()).into_iter().map(|(_, contact)| contact);
        for contact in all.chain(history::contacts(1, start_of_history, 2)) {
            if let Some(phone) = contact["caller"]["phone"].as_str() {
                let last = phone.strip_prefix("07700 900").unwrap_or_else(|| panic!("{phone}"));
                assert!(last.len() == 3 && last.bytes().all(|byte| byte.is_ascii_digit()), "{phone}");
            }
            if let Some(email) = contact["caller"]["email"].as_str() {
                assert!(email.ends_with("@example.org"), "{email}");
            }
            assert_ne!(contact["caller"], Value::Null);
        }
    }

    #[test]
    fn the_keyword_rules_as_shipped_understand_what_people_say() {
        let keywords = keywords();
        let tags = |text: &str| -> Vec<String> {
            let text = words::fill(text, "Mill Street");
            keywords.classify(&text).iter().map(|found| found.tag.to_string()).collect()
        };
        for (topic, texts) in [
            ("flooding", words::FLOODING),
            ("flooding", words::FLOODING_VULNERABLE),
            ("flooding", words::AGAIN),
            ("flooding", words::SOCIAL),
            ("storm", words::TREES),
            ("power", words::POWER),
        ] {
            let missed: Vec<_> = texts.iter().filter(|text| !tags(text).iter().any(|tag| tag == topic)).collect();
            assert!(missed.len() * 6 <= texts.len(), "{topic} not seen in {missed:#?}");
        }
        for text in words::MISLEADING.iter().chain(words::WINDY) {
            assert!(!tags(text).contains(&"flooding".to_owned()), "{text}");
        }
    }

    #[test]
    fn intake_takes_every_contact() {
        let land = Nowhere;
        let reading = Reading {
            now: start() + LASTS,
            land: &land,
            classify: &|_| Vec::new(),
            keys: &InstallationKey::in_memory(1),
            sending: &Sending { sender: "demo", idempotency_key: None, history: true, lines: false },
        };
        let evening = super::evening(1, start()).into_iter().map(|(_, contact)| contact.to_string());
        let weeks = history::contacts(1, start() - SignedDuration::from_hours(24 * 7), 1).map(|c| c.to_string());
        let mut keys = BTreeSet::new();
        let mut placed = 0;
        for text in evening.chain(weeks) {
            let (_, parsed) =
                contact_json::read(text.as_bytes(), &reading).unwrap_or_else(|why| panic!("{text}: {why:?}"));
            assert!(parsed[0].doubts.is_empty(), "{text}: {:?}", parsed[0].doubts);
            assert!(keys.insert(parsed[0].contact.key.clone().unwrap()), "twice: {text}");
            placed += usize::from(parsed[0].contact.place.is_some());
        }
        assert!(placed * 3 > keys.len(), "{placed} of {} know their place", keys.len());
    }

    /// A land book without land.
    struct Nowhere;

    impl Land for Nowhere {
        fn to_grid(&self, _: LatLon) -> Option<GridPoint> {
            None
        }
        fn to_lat_lon(&self, _: GridPoint) -> Option<LatLon> {
            None
        }
        fn owner(&self, _: Located) -> OwnerAnswer {
            OwnerAnswer::unknown("", "", "")
        }
    }

    #[test]
    fn callers_wait_longer_as_the_storm_goes_on() {
        let (mut answered, mut calls, mut wait) = (0.0, 0.0, 0.0);
        for seed in 0..20 {
            for (at, contact) in super::evening(seed, start()) {
                if contact["channel"] == "phone" && (30.0..90.0).contains(&minutes(at)) {
                    calls += 1.0;
                    answered += f64::from(u8::from(contact["answered"] == true));
                    wait += contact["wait_s"].as_f64().unwrap();
                }
            }
        }
        assert!((0.82..0.88).contains(&(answered / calls)), "{}", answered / calls);
        assert!((50.0..70.0).contains(&(wait / calls)), "{}", wait / calls);
    }
}
