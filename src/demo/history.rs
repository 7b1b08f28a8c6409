//! Eight ordinary weeks of contacts: what the detectors learn from, and what a `replay` runs over.
//!
//! The town is to scale: a council of 45,000 calls, 10,000 visits and 4,000 emails a month (Wiltshire's figures)
//! shrunk to one that a laptop loads in seconds, its proportions kept. People ring most on Monday mornings and
//! hardly at four at night; nine calls in ten are answered, after 45 s on average.
//!
//! One wet afternoon three weeks before the end is in it, so that a replay has something to find.

use super::chance::Chance;
use super::desk::{CALLERS, Call, Desk, Spot};
use super::town::streets;
use super::words::{self, ORDINARY, Topic};
use crate::domain::contact::Channel;
use crate::domain::time::{SignedDuration, Timestamp};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::collections::VecDeque;

/// How many weeks the demo loads.
pub const WEEKS: u32 = 8;

/// Contacts of `weeks` weeks from `from`, in order of time, as JSON; about 1,500 a week.
///
/// Times of day are those of Europe/London. The same seed, start and length give the same contacts.
pub fn contacts(seed: u64, from: Timestamp, weeks: u32) -> History {
    let quarters = i64::from(weeks) * 7 * 96;
    let end = from + SignedDuration::from_mins(quarters * 15);
    History {
        ordinary: Ordinary::new(seed, "history"),
        desk: Desk::new(seed, "wexmoor-crm", "H"),
        chance: Chance::new(seed, "wet afternoon"),
        next: from,
        end,
        wet_from: wet_afternoon(end),
        waiting: VecDeque::new(),
    }
}

/// The contacts of [`contacts`], made as they are asked for.
#[derive(Debug, Clone)]
pub struct History {
    ordinary: Ordinary,
    desk: Desk,
    chance: Chance,
    next: Timestamp,
    end: Timestamp,
    wet_from: Timestamp,
    waiting: VecDeque<Value>,
}

impl Iterator for History {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        while self.waiting.is_empty() {
            if self.next >= self.end {
                return None;
            }
            let quarter = self.next;
            self.next = quarter + QUARTER;
            let mut calls = self.ordinary.quarter(quarter, 1.0);
            let wet = self.wet_from <= quarter && quarter < self.wet_from + QUARTER * 4;
            for _ in 0..if wet { 3 } else { 0 } {
                calls.push(self.wet_call(quarter));
            }
            calls.sort_by_key(|call| call.at);
            self.waiting = calls.iter().map(|call| self.desk.write(call)).collect();
        }
        self.waiting.pop_front()
    }
}

impl History {
    /// One of a dozen calls of the wet afternoon: puddles in and about Weir Lane.
    fn wet_call(&mut self, quarter: Timestamp) -> Call {
        let chance = &mut self.chance;
        let street = super::town::street_named("Weir Lane").expect("Weir Lane is on the plan");
        let spot = Spot::on(chance, street, 0.3, 0.9, 12.0);
        Call {
            at: within(chance, quarter),
            channel: Channel::Phone,
            queue: Some((true, chance.exponential(50.0) as u32)),
            service: "highways",
            tag: Some("flooding"),
            text: words::fill("There is water over the road in {street} after that cloudburst", street.name),
            spot: Some(spot),
            vulnerable: false,
            caller: chance.below(CALLERS),
        }
    }
}

const QUARTER: SignedDuration = SignedDuration::from_mins(15);

/// Three weeks before the end, at 14:30: the first quarter of an hour of the rain.
fn wet_afternoon(end: Timestamp) -> Timestamp {
    let day = end.to_zoned(london()).date().saturating_sub(jiff::Span::new().days(21));
    crate::domain::time::resolve(day.at(14, 30, 0, 0), &london())
}

fn london() -> TimeZone {
    TimeZone::get("Europe/London").expect("zone data is bundled")
}

/// The ordinary contacts of the town, a quarter of an hour at a time; the storm rings above them.
#[derive(Debug, Clone)]
pub(super) struct Ordinary {
    chance: Chance,
    zone: TimeZone,
    /// The day, and how busy it is for its kind.
    day: Option<(jiff::civil::Date, f64)>,
}

impl Ordinary {
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        Self { chance: Chance::new(seed, purpose), zone: london(), day: None }
    }

    /// The calls of the quarter of an hour from `quarter`, `times` as many as usual, in no order.
    pub(super) fn quarter(&mut self, quarter: Timestamp, times: f64) -> Vec<Call> {
        let local = quarter.to_zoned(self.zone.clone());
        let busy = match self.day {
            Some((date, busy)) if date == local.date() => busy,
            _ => {
                let busy = libm::exp(0.1 * self.chance.normal());
                self.day = Some((local.date(), busy));
                busy
            }
        };
        let core = is_core(local.weekday(), local.time());
        let mean = an_hour(local.weekday(), local.time()) / 4.0 * busy * times;
        (0..self.chance.poisson(mean)).map(|_| self.call(quarter, core)).collect()
    }

    fn call(&mut self, quarter: Timestamp, core: bool) -> Call {
        let chance = &mut self.chance;
        let channel = chance.weighted(CHANNELS, |choice| if core { choice.1 } else { choice.2 }).0;
        let topic: &Topic = chance.weighted(ORDINARY, |topic| if core { topic.core } else { topic.out_of_hours });
        let spot = any_spot(chance, topic.placed);
        let street = spot.as_ref().map_or("our street", |spot| spot.street);
        Call {
            at: within(chance, quarter),
            channel,
            queue: (channel == Channel::Phone).then(|| queue(chance, 0.9, 45.0)),
            service: topic.service,
            tag: topic.tag.filter(|_| chance.one_in(0.5)),
            text: words::fill(chance.pick(topic.texts), street),
            spot: spot.filter(|_| chance.one_in(0.8)),
            vulnerable: chance.one_in(0.01),
            caller: chance.below(CALLERS),
        }
    }
}

/// Somewhere in town, if `placed`.
pub(super) fn any_spot(chance: &mut Chance, placed: bool) -> Option<Spot> {
    placed.then(|| {
        let all: Vec<_> = streets().collect();
        let street = *chance.weighted(&all, |street| super::shape::length(street.line));
        Spot::on(chance, street, 0.02, 0.98, 22.0)
    })
}

/// A moment of the quarter of an hour from `quarter`, in whole seconds.
fn within(chance: &mut Chance, quarter: Timestamp) -> Timestamp {
    quarter + SignedDuration::from_secs(chance.below(900) as i64)
}

/// Answered or not, and the wait in seconds: exponential about `mean_s`, the same for those who give up.
pub(super) fn queue(chance: &mut Chance, answered: f64, mean_s: f64) -> (bool, u32) {
    (chance.one_in(answered), chance.exponential(mean_s).round() as u32)
}

/// Core hours: Monday to Friday, 08:45 to 17:00.
fn is_core(day: Weekday, time: Time) -> bool {
    !is_weekend(day) && Time::constant(8, 45, 0, 0) <= time && time < Time::constant(17, 0, 0, 0)
}

fn is_weekend(day: Weekday) -> bool {
    matches!(day, Weekday::Saturday | Weekday::Sunday)
}

/// Contacts an hour that are usual at that time of the week.
fn an_hour(day: Weekday, time: Time) -> f64 {
    let hour = time.hour();
    if is_core(day, time) {
        let of_day = match day {
            Weekday::Monday => 1.25,
            Weekday::Tuesday => 1.08,
            Weekday::Wednesday => 0.97,
            Weekday::Thursday => 0.93,
            _ => 0.85,
        };
        let of_hour = match hour {
            8 => 1.0,
            9 => 1.25,
            10 | 11 => 1.2,
            12 | 13 => 0.95,
            16 => 0.8,
            _ => 1.0,
        };
        return 20.2 * of_day * of_hour;
    }
    match hour {
        2..=5 => 0.8,
        6 => 2.2,
        0 | 1 | 23 => 2.2,
        20..=22 => 7.0,
        _ if is_weekend(day) => 7.8,
        7 | 8 => 6.7,
        _ => 9.0,
    }
}

/// Channels with their shares in core hours and outside them. Over the week phone, visits and email stand as 45 to
/// 10 to 4.
const CHANNELS: &[(Channel, f64, f64)] = &[
    (Channel::Phone, 60.0, 72.0),
    (Channel::FaceToFace, 23.5, 0.0),
    (Channel::Email, 5.5, 6.0),
    (Channel::WebForm, 6.0, 10.0),
    (Channel::Portal, 3.5, 6.0),
    (Channel::Webchat, 2.0, 0.0),
    (Channel::Social, 1.0, 3.0),
    (Channel::Letter, 1.0, 0.0),
    (Channel::Open311, 0.6, 2.0),
    (Channel::Sms, 0.4, 1.0),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn eight_weeks() -> Vec<Value> {
        contacts(1, "2026-09-25T19:00:00Z".parse().unwrap(), WEEKS).collect()
    }

    fn near(what: &str, got: f64, wanted: f64, off: f64) {
        assert!((got - wanted).abs() <= off, "{what}: {got}, promised {wanted} give or take {off}");
    }

    #[test]
    fn the_same_seed_gives_the_same_weeks_in_order_and_another_seed_does_not() {
        let contacts = eight_weeks();
        assert_eq!(contacts, eight_weeks());
        let other: Vec<Value> = super::contacts(2, "2026-09-25T19:00:00Z".parse().unwrap(), 1).collect();
        assert_ne!(contacts[..other.len()], other[..]);
        let times: Vec<Timestamp> =
            contacts.iter().map(|contact| contact["received_at"].as_str().unwrap().parse().unwrap()).collect();
        assert!(times.is_sorted());
        assert!(times[0] >= "2026-09-25T19:00:00Z".parse().unwrap());
        assert!(times[times.len() - 1] < "2026-11-20T19:00:00Z".parse().unwrap());
    }

    #[test]
    fn numbers_are_as_promised() {
        let contacts = eight_weeks();
        near("contacts", contacts.len() as f64, 12_000.0, 900.0);
        let of = |channel: &str| contacts.iter().filter(|contact| contact["channel"] == channel).count() as f64;
        near("visits to calls", of("face_to_face") / of("phone"), 10.0 / 45.0, 0.03);
        near("emails to calls", of("email") / of("phone"), 4.0 / 45.0, 0.02);
        let calls: Vec<_> = contacts.iter().filter(|contact| contact["channel"] == "phone").collect();
        let answered = calls.iter().filter(|call| call["answered"] == true).count() as f64;
        near("answered", answered / calls.len() as f64, 0.90, 0.01);
        let wait: u64 = calls.iter().map(|call| call["wait_s"].as_u64().unwrap()).sum();
        near("mean wait", wait as f64 / calls.len() as f64, 45.0, 2.0);
        for channel in Channel::ALL {
            assert!(of(channel.as_str()) > 0.0, "nobody used {}", channel.as_str());
        }
    }

    #[test]
    fn mondays_are_busiest_and_nights_are_quiet() {
        let zone = london();
        let mut by_hour = [0_u32; 7 * 24];
        for contact in eight_weeks() {
            let at: Timestamp = contact["received_at"].as_str().unwrap().parse().unwrap();
            let local = at.to_zoned(zone.clone());
            by_hour[local.weekday().to_monday_zero_offset() as usize * 24 + local.hour() as usize] += 1;
        }
        let hours = |day: usize, from: usize, to: usize| by_hour[day * 24 + from..day * 24 + to].iter().sum::<u32>();
        assert!(hours(0, 9, 17) > hours(4, 9, 17) * 5 / 4, "Monday against Friday");
        assert!(hours(1, 9, 12) > hours(6, 9, 12) * 2, "Tuesday morning against Sunday morning");
        let nights: u32 = (0..7).map(|day| hours(day, 2, 6)).sum();
        near("a night hour", f64::from(nights) / (WEEKS * 7 * 4) as f64, 0.8, 0.2);
    }

    #[test]
    fn three_weeks_before_the_end_it_rains_for_an_hour() {
        let wet = |contact: &Value| contact["text"].as_str().is_some_and(|text| text.contains("after that cloudburst"));
        let times: Vec<Timestamp> = eight_weeks()
            .iter()
            .filter(|contact| wet(contact))
            .map(|contact| contact["received_at"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(times.len(), 12);
        let rain: Timestamp = "2026-10-30T14:30:00Z".parse().unwrap();
        assert!(times.iter().all(|at| rain <= *at && *at < rain + SignedDuration::from_hours(1)), "{times:?}");
    }
}
