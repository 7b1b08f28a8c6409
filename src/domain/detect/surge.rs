//! The learnt detectors at work: one [`Volume`] for each channel, each service on a channel, and each topic.
//!
//! Time passes by the records: a contact moves the detectors of its own streams on to its minute, through the quiet
//! minutes before it, so that rebuilding from the log gives the same detectors. What was not seen is not learnt: the
//! time while the program was down, and the time between imported history and the first live contact.
//!
//! A stream that has seen less than a week says nothing; until it has seen two (the setting), what it would have paged
//! is recorded, and told to nobody but the lead. The floor rules beside it hold from the first minute.

use super::super::activation;
use super::super::contact::{Channel, Contact};
use super::super::decide::Decision;
use super::super::id::{StreamId, Tag};
use super::super::record::{Record, Rule, Signal};
use super::super::state::State;
use super::super::time::Timestamp;
use super::volume::tail;
use super::volume::week::{CivilWeek, Week};
use super::volume::{Aim, Verdict, Volume};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// Streams watched at most; beyond it the one that has been silent longest goes.
const STREAMS_MAX: usize = 1_000;
/// Outages remembered.
const OUTAGES_MAX: usize = 64;
/// A stream silent for longer begins anew, seconds.
const SILENCE_MAX_S: i64 = 400 * 86_400;
/// A contact told of later than this neither counts nor is learnt, seconds.
const LATE_MAX_S: i64 = 1_800;
/// Days in which a stream says nothing at all: the same hour of last week has not been seen.
const DUMB_DAYS: f64 = 7.0;
/// A raised surge is over when its score has been so far below the line...
const CALM_BELOW: f64 = 6.0;
/// ...for so many minutes...
const CALM_MIN: i64 = 60;
/// ...or after this, seconds.
const RAISED_MAX_S: i64 = 7 * 86_400;
/// A surge has grown when it has become ten times as rare; it is said this often.
const GROWN: f64 = std::f64::consts::LN_10;
const GROWN_MAX: u8 = 3;
/// The same words from the same source: from this one on within [`ALIKE_S`] of each other it is a bulk entry, and is
/// not counted here.
const ALIKE_MAX: u8 = 2;
const ALIKE_S: i64 = 300;
/// Likenesses remembered.
const ALIKES_MAX: usize = 512;
/// The role that hears what a detector on trial would have paged.
const LEAD: &str = "lead";

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Watch {
    /// All of one channel.
    Channel(Channel),
    /// One service's, on one channel.
    Service(Channel, String),
    /// One topic's, on all channels.
    Topic(Tag),
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(channel) => write!(f, "channel/{}", channel.as_str()),
            Self::Service(channel, service) => write!(f, "channel/{}/{service}", channel.as_str()),
            Self::Topic(tag) => write!(f, "tag/{tag}"),
        }
    }
}

impl Watch {
    /// Those that a contact counts towards, the most telling first.
    fn all(contact: &Contact) -> impl Iterator<Item = Self> + '_ {
        let service = contact.service.iter().map(|service| Self::Service(contact.channel, service.clone()));
        let topics = contact.tags.iter().cloned().map(Self::Topic);
        topics.chain(service).chain([Self::Channel(contact.channel)])
    }

    /// What an incident about it is about.
    fn topic(&self) -> Tag {
        match self {
            Self::Channel(channel) => Tag::from(channel.as_str()),
            Self::Service(_, service) => Tag::from(service.as_str()),
            Self::Topic(tag) => tag.clone(),
        }
    }

    fn words(&self) -> String {
        let by = |channel: &Channel| channel.as_str().replace('_', " ");
        match self {
            Self::Channel(channel) => format!("by {}", by(channel)),
            Self::Service(channel, service) => format!("for {} by {}", service.replace('_', " "), by(channel)),
            Self::Topic(tag) => format!("about {tag}"),
        }
    }
}

/// All learnt detectors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Surges {
    #[serde(with = "super::super::pairs")]
    watched: BTreeMap<Watch, Arc<Watched>>,
    /// When the program was down, unix seconds.
    outages: VecDeque<(i64, i64)>,
    /// Lately seen words, by source, channel and digest: how often within five minutes of each other, and when last.
    #[serde(with = "super::super::pairs")]
    alike: BTreeMap<(String, Channel, u16), (u8, i64)>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Watched {
    volume: Volume,
    /// Its last contact was history.
    history: bool,
    open: Option<Open>,
    /// The score that a person has judged, until the stream is below its line again.
    judged: Option<f64>,
}

/// A surge that is raised, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Open {
    since_s: i64,
    score: f64,
    grown: u8,
    trial: bool,
    /// When it is over, if nothing more comes; unix seconds.
    quiet_s: i64,
}

/// Runs `with` on the council's week.
fn in_week<T>(state: &State, with: impl FnOnce(&dyn Week) -> T) -> T {
    let policy = state.policy.in_force.as_ref();
    let zone = policy.map_or(TimeZone::UTC, |policy| policy.calendar.zone.clone());
    let is_holiday = |day: Date| policy.is_some_and(|policy| policy.calendar.holidays.contains_key(&day));
    with(&CivilWeek { zone: &zone, is_holiday: &is_holiday })
}

/// Counts a contact towards its streams. False where it is told of too late to say anything of now, or is one of a bulk
/// entry: then no learnt detector counts it.
pub(super) fn apply_contact(state: &mut State, contact: &Contact) -> bool {
    let now_s = state.last_at.as_second();
    let told_s = contact.received_at.as_second().min(now_s);
    let (at_s, late_s) = if contact.history {
        (told_s, 0)
    } else {
        let happened_s = contact.occurred_at.map_or(told_s, |at| at.as_second().min(told_s));
        (now_s, now_s - happened_s)
    };
    let mut surges = std::mem::take(&mut state.surges);
    let slice = Arc::make_mut(&mut surges);
    let counted = late_s <= LATE_MAX_S && !slice.is_bulk(contact, now_s);
    if counted {
        let pages = state.policy.in_force.as_ref().map_or(12, |policy| policy.figures.surge_false_pages);
        in_week(state, |week| {
            for watch in Watch::all(contact) {
                slice.count(watch, contact.history, at_s, late_s, f64::from(pages), week);
            }
        });
    }
    state.surges = surges;
    counted
}

/// The program was down from `before` to `at`.
pub(in crate::domain) fn apply_started(state: &mut State, before: Timestamp, at: Timestamp) {
    let outages = &mut Arc::make_mut(&mut state.surges).outages;
    outages.push_back((before.as_second(), at.as_second()));
    while outages.len() > OUTAGES_MAX {
        outages.pop_front();
    }
}

/// A surge was raised, or would have been.
pub(super) fn apply_raised(state: &mut State, at: Timestamp, signal: &Signal, trial: bool) {
    let Rule::Volume { stream, .. } = &signal.rule else { return };
    let mut surges = std::mem::take(&mut state.surges);
    in_week(state, |week| {
        if let Some(watched) = Arc::make_mut(&mut surges).find(stream) {
            let at_s = at.as_second();
            let before = watched.open;
            let score = watched.volume.look().reading.score;
            let open = Open {
                since_s: before.map_or(at_s, |open| open.since_s),
                score,
                grown: before.map_or(0, |open| open.grown + 1),
                trial,
                quiet_s: watched.quiet_s(week),
            };
            watched.open = Some(open);
            watched.judged = None;
        }
    });
    state.surges = surges;
}

/// A surge was cleared; one that is still above its line was judged by a person.
pub(super) fn apply_cleared(state: &mut State, signal: &Signal) {
    let Rule::Volume { stream, .. } = &signal.rule else { return };
    if let Some(watched) = Arc::make_mut(&mut state.surges).find(stream)
        && let Some(open) = watched.open.take()
        && watched.volume.look().margin() >= 0.0
    {
        watched.judged = Some(open.score.max(watched.volume.look().reading.score));
    }
}

/// When a raised surge is to be cleared, if nothing more comes.
pub(super) fn clear_at(state: &State, stream: &StreamId) -> Timestamp {
    let open = state.surges.watched.iter().find(|(watch, _)| watch.to_string() == stream.as_str());
    let open = open.and_then(|(_, watched)| watched.open);
    open.and_then(|open| Timestamp::from_second(open.quiet_s).ok()).unwrap_or(Timestamp::MIN)
}

/// Raises the streams that this contact brings above their line.
pub(super) fn contact(state: &mut State, d: &mut Decision, contact: &Contact) {
    let trial_days = state.policy.in_force.as_ref().map_or(14.0, |p| p.figures.surge_trial.as_secs_f64() / 86_400.0);
    for watch in Watch::all(contact) {
        let Some(watched) = state.surges.watched.get(&watch) else { continue };
        let seen_days = watched.volume.seen_days();
        if watched.history || seen_days < DUMB_DAYS {
            continue;
        }
        let verdict = watched.volume.look();
        let news = match (watched.open, watched.judged) {
            (Some(open), _) => open.grown < GROWN_MAX && verdict.reading.score >= open.score + GROWN,
            (None, Some(judged)) => verdict.reading.score >= judged + GROWN,
            (None, None) => true,
        };
        if !news || verdict.margin() < 0.0 {
            continue;
        }
        let signal = in_week(state, |_| signal(state, &watch, &verdict, d.at));
        if seen_days < trial_days {
            let evidence = signal.evidence.clone();
            d.record(state, Record::WouldHaveRaised { signal });
            tell_lead(state, d, &evidence);
        } else {
            d.record(state, Record::SignalRaised { signal });
        }
    }
}

/// The lead hears of it, and nobody else: one attempt a person, nothing climbs.
fn tell_lead(state: &mut State, d: &mut Decision, evidence: &str) {
    let Some(policy) = state.policy.in_force.clone() else { return };
    for person in policy.rota.on_call(&LEAD.into(), d.at) {
        activation::tell_one(state, d, person, format!("on trial, would have paged: {evidence}"));
    }
}

/// A verdict as a signal, with its evidence in words.
fn signal(state: &State, watch: &Watch, verdict: &Verdict, now: Timestamp) -> Signal {
    let zone = state.policy.in_force.as_ref().map_or(TimeZone::UTC, |policy| policy.calendar.zone.clone());
    let reading = verdict.reading;
    let (low, high) = tail::usual(reading.expected, reading.psi);
    let minutes = reading.window_min as u32;
    let count = reading.count as u32;
    let hour = zone.to_datetime(now).strftime("%A %H:%M").to_string();
    let once_in_days = (libm::exp(reading.score.clamp(-20.0, 14.0)) * 365.25).max(1.0) as u32;
    Signal {
        rule: Rule::Volume {
            stream: StreamId::new(watch.to_string()),
            within_s: minutes * 60,
            usual_low: low,
            usual_high: high,
            once_in_days,
        },
        topic: watch.topic(),
        place: None,
        count,
        evidence: format!(
            "{count} {} in {minutes} min; usual for {hour} is {}; so many come about {}",
            watch.words(),
            if low == high { format!("{low}") } else { format!("{low} to {high}") },
            rarity(once_in_days),
        ),
    }
}

/// "once in 40 years"
pub(super) fn rarity(days: u32) -> String {
    match days {
        0..=13 => format!("once in {} days", days.max(2)),
        14..=59 => format!("once in {} weeks", (days + 3) / 7),
        60..=729 => format!("once in {} months", (days + 15) / 30),
        730..=365_250 => format!("once in {} years", (days + 182) / 365),
        _ => "less than once in 1,000 years".to_owned(),
    }
}

impl Surges {
    fn find(&mut self, stream: &StreamId) -> Option<&mut Watched> {
        let found = self.watched.iter_mut().find(|(watch, _)| watch.to_string() == stream.as_str());
        found.map(|(_, watched)| Arc::make_mut(watched))
    }

    /// Whether the contact is one of many with the very same words, entered one after the other.
    fn is_bulk(&mut self, contact: &Contact, now_s: i64) -> bool {
        let Some(alike) = contact.alike.filter(|_| !contact.history) else { return false };
        if self.alike.len() >= ALIKES_MAX {
            self.alike.retain(|_, (_, last_s)| now_s - *last_s <= ALIKE_S);
            if self.alike.len() >= ALIKES_MAX {
                self.alike.pop_first();
            }
        }
        let (times, last_s) = self.alike.entry((contact.source.clone(), contact.channel, alike)).or_insert((0, now_s));
        *times = if now_s - *last_s <= ALIKE_S { times.saturating_add(1) } else { 1 };
        *last_s = now_s;
        *times > ALIKE_MAX
    }

    fn count(&mut self, watch: Watch, history: bool, at_s: i64, late_s: i64, pages: f64, week: &dyn Week) {
        if !self.watched.contains_key(&watch) && self.watched.len() >= STREAMS_MAX {
            let silent = self.watched.iter().min_by_key(|(_, watched)| watched.volume.at_s());
            if let Some(silent) = silent.map(|(watch, _)| watch.clone()) {
                self.watched.remove(&silent);
            }
        }
        // The team's bearable false pages a year, shared among the streams; but one a stream at most, since what happens
        // every few weeks is no emergency.
        let each = (pages / self.watched.len().max(1) as f64).min(1.0);
        let aim = Aim { false_alarms_per_year: each, ..Aim::default() };
        let watched = self.watched.entry(watch).or_insert_with(|| Arc::new(Watched::new(aim, history)));
        let watched = Arc::make_mut(watched);
        watched.volume.bear(aim.false_alarms_per_year);
        if watched.advance(at_s.div_euclid(60) * 60, history, &self.outages, week) {
            let ago = at_s.div_euclid(60) - (at_s - late_s).div_euclid(60);
            watched.volume.add(1, u64::try_from(ago).unwrap_or(0));
        }
    }
}

impl Watched {
    fn new(aim: Aim, history: bool) -> Self {
        Self { volume: Volume::new(aim), history, open: None, judged: None }
    }

    /// Lives through the minutes up to the one that begins at `to_s`. False where that minute is over already.
    fn advance(&mut self, to_s: i64, history: bool, outages: &VecDeque<(i64, i64)>, week: &dyn Week) -> bool {
        let from_s = self.volume.at_s();
        if from_s == i64::MIN {
            self.volume.begin(week, to_s, true);
            return true;
        }
        if to_s <= from_s {
            // History that is older than what was counted, or a minute that goes on.
            return to_s == from_s;
        }
        if to_s - from_s > SILENCE_MAX_S {
            *self = Self::new(self.volume.aim(), history);
            self.volume.begin(week, to_s, true);
            return true;
        }
        // Between history and the first live contact nobody was looking.
        let blind = self.history && !history;
        let down: Vec<(i64, i64)> =
            outages.iter().copied().filter(|(from, to)| !history && *from < to_s && *to > from_s).collect();
        let mut at_s = from_s;
        while at_s < to_s {
            if self.volume.end().margin() < 0.0 {
                self.judged = None;
            }
            at_s += 60;
            let seen = at_s == to_s || !(blind || down.iter().any(|(from, to)| *from < at_s + 60 && at_s < *to));
            self.volume.begin(week, at_s, seen);
        }
        self.history = history;
        if self.open.is_some_and(|open| open.trial && open.quiet_s <= to_s) {
            self.open = None;
        }
        if self.open.is_some() {
            let quiet_s = self.quiet_s(week);
            if let Some(open) = &mut self.open {
                open.quiet_s = quiet_s.min(open.since_s + RAISED_MAX_S);
            }
        }
        true
    }

    /// When the surge will have been far below its line for an hour, if nothing more comes.
    fn quiet_s(&self, week: &dyn Week) -> i64 {
        let mut ahead = self.volume.clone();
        let (mut at_s, mut calm_min) = (ahead.at_s(), 0);
        // No window is longer than 160 minutes.
        for _ in 0..240 {
            calm_min = if ahead.end().margin() < -CALM_BELOW { calm_min + 1 } else { 0 };
            at_s += 60;
            if calm_min >= CALM_MIN {
                break;
            }
            ahead.begin(week, at_s, true);
        }
        at_s
    }
}
