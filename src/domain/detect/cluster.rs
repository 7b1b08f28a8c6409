//! Clusters in place and time that are unusual for the place: three reports of flooding in one street say more than
//! three in a whole town, and three in a village more than three in the centre.
//!
//! The idea in everyday words: around each new report we draw circles of five sizes and look back over five spans. For
//! each we ask how often so many *others* would stand there by chance, given how many reports that ground usually has,
//! the hour, and how busy the rest of the area is just now (on a wet day everybody reports more, which is no cluster).
//! The smallest chance, times the reports that a year has, says how often such a sight comes by chance: once in so many
//! years. A signal is raised when that is rarer than the false alarms that the council accepts.
//!
//! Two things make it work where a plain scan does not (measured in `cluster/README.md`). Neighbours who report
//! the same thing are taken for one report and an echo, and echoes are judged by how common echoes are here. And the
//! rest of the area sets the level of the day.
//!
//! Learning: a report older than a day is history. Reports of a raised cluster count little, so that a street that
//! floods each winter does not become "usual". Nothing is said before [`LEARN_DAYS`] and [`LEARN_REPORTS`]: until then
//! the floor rules watch alone.
//!
//! Not here: what a signal leads to; the floor rules, which go on beside it.

#[cfg(test)]
mod tests;
pub mod watch;

use super::super::place::GridPoint;
use super::super::time::{SignedDuration, Timestamp, after};
use super::volume::tail;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Radii of the circles, metres.
pub const RADII_M: [u32; 5] = [250, 500, 1_000, 2_000, 4_000];
/// How far back, minutes.
pub const SPANS_MIN: [u32; 5] = [15, 30, 60, 120, 240];
/// Reports of a cluster at least.
pub const REPORTS_MIN: u32 = 3;
/// Days of history before the scan says anything.
pub const LEARN_DAYS: u32 = 14;
/// Reports of history before the scan says anything.
pub const LEARN_REPORTS: u32 = 20;

/// Reports of history kept for a topic; beyond it the oldest go.
const HISTORY_MAX: usize = 8_000;
/// Days of history kept.
const HISTORY_DAYS: i64 = 400;
/// Reports of the last day kept; beyond it the oldest become history early.
const RECENT_MAX: usize = 4_000;
/// Reports of the longest span that are looked at, the newest.
const MEMBERS_MAX: usize = 300;
/// A report this close to another of the last four hours is taken for its echo: the same thing, seen by a neighbour.
const ECHO_M: u32 = 150;
/// Echoes a report has before any are known, and the reports that this guess weighs.
const ECHO_PRIOR: (f64, f64) = (0.1, 20.0);
/// What the reports of a raised cluster weigh in the history.
const ASIDE_WEIGHT: f64 = 0.2;
/// What the wider circle says of a smaller one weighs, in reports; and what the whole area says of the widest.
const WIDER_WEIGHT: f64 = 1.5;
const AREA_WEIGHT: f64 = 5.0;
/// The rest of the area sets the level: reports of the last hours, halved in weight every so many minutes.
const LEVEL_HALF_MIN: f64 = 360.0;
/// How unsteady the days are before any are known, as a variance of their factor, and the days that this guess weighs.
const DAYS_PRIOR: (f64, f64) = (0.5, 30.0);
/// A place's own rate on one day strays from its yearly share by this variance of its factor.
const PLACE_SPREAD: f64 = 0.3;
/// The best of 25 looks is taken, and each report is looked at several times as its neighbours come; with this the
/// measured rate keeps below the wanted one at two a year (`cluster/README.md`).
const LOOKS: f64 = 2.0;
/// False alarms thin out more slowly than the chance says, since no model knows everything; measured.
const THINNING: f64 = 1.6;
/// The rate at which [`LOOKS`] was measured, alarms a year.
const MEASURED_AT: f64 = 2.0;

const DAY_S: i64 = 86_400;
const MINUTES_OF_A_YEAR: f64 = 525_960.0;

/// One report as the scan keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Spot {
    at: Timestamp,
    place: GridPoint,
    /// Nobody nearby had reported in the four hours before it.
    first: bool,
    /// What it weighs in the history: 1, or less when it was part of an alarm.
    weight: f64,
}

/// What is known of one topic's places. About 0.3 MB when full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// Older than a day, by time.
    history: VecDeque<Spot>,
    /// The last day, by time.
    recent: VecDeque<Spot>,
    /// First reports by hour of the day (UTC), with a prior of 2 each.
    hours: [f64; 24],
    /// First reports by day (unix days), the newest [`HISTORY_DAYS`].
    days: BTreeMap<i64, f64>,
    /// What had come by then was judged by a person, and counts in no circle any more.
    judged: Option<Timestamp>,
    /// The box around everything ever seen, millimetres: west, east, south, north.
    extent: Option<[i32; 4]>,
}

impl Default for Scan {
    fn default() -> Self {
        let (history, recent) = (VecDeque::new(), VecDeque::new());
        Self { history, recent, hours: [2.0; 24], days: BTreeMap::new(), judged: None, extent: None }
    }
}

/// The most unusual circle around a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Log of the return period in years, after the correction for many looks: 0 is once a year.
    pub score: f64,
    /// Radius of the circle, metres.
    pub metres: u32,
    /// How far back it looks, minutes.
    pub minutes: u32,
    /// Reports in it.
    pub count: u32,
    /// Reports that are usual there in such a span at this hour.
    pub usual: f64,
    /// The middle of the reports.
    pub middle: GridPoint,
    /// When the first of them was received.
    pub since: Timestamp,
}

impl Found {
    /// By how much the score is over the line for so many false alarms a year; at or above 0 it is an alarm.
    pub fn over(&self, alarms_a_year: f64) -> f64 {
        let wanted = if alarms_a_year.is_finite() { alarms_a_year.clamp(0.01, 1_000.0) } else { MEASURED_AT };
        self.score + THINNING * libm::log(wanted / MEASURED_AT)
    }

    /// Once in so many years, as the false alarms were measured to come.
    pub fn years(&self) -> f64 {
        libm::exp(self.score.clamp(-20.0, 200.0) / THINNING).min(1e6) / MEASURED_AT
    }
}

impl Scan {
    /// Takes a report into account. Reports may come late and out of order; one of the past becomes history at once.
    ///
    /// * `now`: the instant of the record; what is older than a day before it is history.
    /// * `aside`: it belongs to a cluster that is raised, and must not become usual.
    pub fn take(&mut self, at: Timestamp, place: GridPoint, now: Timestamp, aside: bool) {
        let at = at.min(now);
        let [w, e, s, n] = self.extent.unwrap_or([i32::MAX, i32::MIN, i32::MAX, i32::MIN]);
        let (x, y) = (place.easting_mm, place.northing_mm);
        self.extent = Some([w.min(x), e.max(x), s.min(y), n.max(y)]);
        let before = after(at, SignedDuration::from_mins(-240));
        let beside = |spots: &VecDeque<Spot>| {
            let from = spots.partition_point(|spot| spot.at < before);
            spots.range(from..).take_while(|spot| spot.at <= at).any(|spot| near(spot.place, place, ECHO_M))
        };
        let first = !(beside(&self.recent) || beside(&self.history));
        if first {
            *self.days.entry(at.as_second().div_euclid(DAY_S)).or_default() += 1.0;
        }
        let spot = Spot { at, place, first, weight: if aside { ASIDE_WEIGHT } else { 1.0 } };
        let to = self.recent.partition_point(|other| other.at <= at);
        self.recent.insert(to, spot);
        self.age(now);
    }

    /// Lets what is older than a day become history, and forgets what is too old.
    fn age(&mut self, now: Timestamp) {
        let day_ago = after(now, SignedDuration::from_secs(-DAY_S));
        while self.recent.len() > RECENT_MAX || self.recent.front().is_some_and(|spot| spot.at < day_ago) {
            let Some(spot) = self.recent.pop_front() else { break };
            if spot.first {
                self.hours[hour_of(spot.at)] += spot.weight;
            }
            let to = self.history.partition_point(|other| other.at <= spot.at);
            self.history.insert(to, spot);
        }
        let oldest = after(now, SignedDuration::from_secs(-HISTORY_DAYS * DAY_S));
        while self.history.len() > HISTORY_MAX || self.history.front().is_some_and(|spot| spot.at < oldest) {
            let Some(spot) = self.history.pop_front() else { break };
            if spot.first {
                let hour = &mut self.hours[hour_of(spot.at)];
                *hour = (*hour - spot.weight).max(0.5);
            }
        }
        let first_day = self.history.front().or(self.recent.front()).map(|spot| spot.at.as_second().div_euclid(DAY_S));
        while self.days.first_key_value().is_some_and(|(day, _)| first_day.is_none_or(|first| *day < first)) {
            self.days.pop_first();
        }
    }

    /// The reports of a raised cluster shall not become usual.
    pub fn set_aside(&mut self, middle: GridPoint, metres: u32, since: Timestamp) {
        for spot in self.recent.iter_mut().filter(|spot| spot.at >= since && near(spot.place, middle, metres)) {
            spot.weight = ASIDE_WEIGHT;
        }
    }

    /// The most unusual circle around a report that was taken; `None` where no circle has [`REPORTS_MIN`], or while
    /// too little is known. Cost: one pass over the history, and the pairs of at most [`MEMBERS_MAX`] recent reports.
    pub fn look(&self, at: Timestamp, place: GridPoint) -> Option<Found> {
        let longest_s = i64::from(SPANS_MIN[4]) * 60;
        let since = after(at, SignedDuration::from_secs(-longest_s)).max(self.judged.unwrap_or(Timestamp::MIN));
        let mut members: Vec<Member> = Vec::new();
        let in_span = self.recent.iter().rev().skip_while(|spot| spot.at > at).take_while(|spot| spot.at > since);
        for spot in in_span.filter(|spot| near(spot.place, place, RADII_M[4])).take(MEMBERS_MAX) {
            let ago_s = at.duration_since(spot.at).as_secs();
            members.push(Member { spot: *spot, ago_s, clump: members.len() });
        }
        if members.len() < REPORTS_MIN as usize {
            return None;
        }
        let usual = self.usual_around(at, place)?;
        join_echoes(&mut members);
        let mut best: Option<Found> = None;
        for (ring, metres) in RADII_M.into_iter().enumerate() {
            let (level, level_spread) = usual.level(ring);
            let spread = PLACE_SPREAD + 1.0 / usual.known[ring] + level_spread;
            for minutes in SPANS_MIN {
                let inside =
                    |member: &&Member| member.ago_s < i64::from(minutes) * 60 && near(member.spot.place, place, metres);
                let count = members.iter().filter(inside).count();
                if count < REPORTS_MIN as usize {
                    continue;
                }
                let mut clumps: Vec<usize> = members.iter().filter(inside).map(|member| member.clump).collect();
                clumps.sort_unstable();
                clumps.dedup();
                let mean = level * usual.share[ring] * self.expected(usual.rate, at, minutes);
                // The report in the middle is given: the question is how many others come to stand beside it.
                let others = tail::upper(clumps.len() as f64 - 1.0, mean, spread);
                let score = others + echo_surprise(clumps.len(), count - clumps.len(), usual.echoes);
                if best.as_ref().is_none_or(|best| score > best.score) {
                    let spots: Vec<Spot> = members.iter().filter(inside).map(|member| member.spot).collect();
                    let count = u32::try_from(count).unwrap_or(u32::MAX);
                    let since = spots.iter().map(|spot| spot.at).min().unwrap_or(at);
                    best = Some(Found { score, metres, minutes, count, usual: mean, middle: middle_of(&spots), since });
                }
            }
        }
        let mut best = best?;
        best.score -= libm::log(usual.rate * MINUTES_OF_A_YEAR) + LOOKS;
        best.score.is_finite().then_some(best)
    }

    /// What has come so far was judged: counting begins anew, what is usual stays.
    pub fn begin_anew(&mut self, at: Timestamp) {
        self.judged = Some(at);
    }

    /// When the newest report came.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.recent.back().or(self.history.back()).map(|spot| spot.at)
    }

    /// Whether enough is known to say what is usual. Until then the floor rules watch alone.
    pub fn ready(&self, at: Timestamp) -> bool {
        let old = |begin: &Spot| at.duration_since(begin.at).as_secs() >= DAY_S * (i64::from(LEARN_DAYS) + 1);
        let firsts = || self.history.iter().filter(|spot| spot.first).count();
        self.history.front().is_some_and(old) && firsts() >= LEARN_REPORTS as usize
    }

    /// Reports within so many metres of a place in the span before `at`: what a floor rule counts.
    pub fn count(&self, at: Timestamp, place: GridPoint, metres: u32, span: SignedDuration) -> u32 {
        let since = after(at, SignedDuration::ZERO.saturating_sub(span));
        let inside = self.recent.iter().filter(|spot| spot.at > since && spot.at <= at);
        u32::try_from(inside.filter(|spot| near(spot.place, place, metres)).count()).unwrap_or(u32::MAX)
    }

    /// When fewer than half of the reports that make a cluster will be left near `middle`, if nothing more comes.
    pub fn quiet_at(&self, middle: GridPoint, metres: u32, span: SignedDuration) -> Timestamp {
        let mut last = self.recent.iter().rev().filter(|spot| near(spot.place, middle, metres.saturating_mul(2)));
        let pivot = last.nth(REPORTS_MIN.div_ceil(2) as usize - 1);
        pivot.map_or(Timestamp::MIN, |spot| after(spot.at, span))
    }

    /// What is usual around a place; `None` while too little is known.
    fn usual_around(&self, at: Timestamp, place: GridPoint) -> Option<Usual> {
        let begin = self.history.front()?.at;
        let age_min = (at.duration_since(begin).as_secs() - DAY_S) as f64 / 60.0;
        let (mut total, mut echoes) = (0.0, 0.0);
        let mut within = [0.0; 5];
        for spot in &self.history {
            if !spot.first {
                echoes += spot.weight;
                continue;
            }
            total += spot.weight;
            // The circles lie in one another: what is outside the widest is outside all.
            for (ring, metres) in RADII_M.into_iter().enumerate().rev() {
                if !near(spot.place, place, metres) {
                    break;
                }
                within[ring] += spot.weight;
            }
        }
        if total < f64::from(LEARN_REPORTS) || age_min < f64::from(LEARN_DAYS) * 1_440.0 {
            return None;
        }
        let rate = total / age_min;
        let (share, known) = self.shares(total, within);
        let steady = (1.0 / self.day_spread()).clamp(0.3, 50.0);
        let expected_weight = self.expected_weight(rate, at);
        let mut seen = [0.0; 5];
        for spot in self.recent.iter().filter(|spot| spot.first && spot.at <= at) {
            let ago_min = at.duration_since(spot.at).as_secs() as f64 / 60.0;
            let weight = libm::exp2(-ago_min / LEVEL_HALF_MIN);
            for (ring, metres) in RADII_M.into_iter().enumerate() {
                if !near(spot.place, place, metres.max(RADII_M[3])) {
                    seen[ring] += weight;
                }
            }
        }
        let outside = |ring: usize| expected_weight * (1.0 - share[ring.max(3)]).max(0.05);
        Some(Usual {
            rate,
            share,
            known,
            steady,
            seen,
            outside: std::array::from_fn(outside),
            echoes: ((echoes + ECHO_PRIOR.0 * ECHO_PRIOR.1) / (total + ECHO_PRIOR.1)).clamp(0.01, 0.5),
        })
    }

    /// The share of all reports that each circle has, and how many reports that is known from. Each circle leans on the
    /// next wider one, the widest on the whole area: ground without history is not ground without reports.
    fn shares(&self, total: f64, within: [f64; 5]) -> ([f64; 5], [f64; 5]) {
        let side = |low: i32, high: i32| (f64::from(high) - f64::from(low)).max(5e6) / 1_000.0;
        let area = self.extent.map_or(25e6, |[w, e, s, n]| side(w, e) * side(s, n));
        let (mut share, mut known) = ([0.0; 5], [0.0; 5]);
        let widest = f64::from(RADII_M[4]);
        let mut prior = (core::f64::consts::PI * widest * widest / area).min(1.0);
        for ring in (0..5).rev() {
            let weight = if ring == 4 { AREA_WEIGHT } else { WIDER_WEIGHT };
            let guess = prior * total;
            share[ring] = (guess * (within[ring] + weight) / (guess + weight) / total).clamp(1e-9, 1.0);
            known[ring] = within[ring] + weight;
            // The next circle has half the radius.
            prior = share[ring] / 4.0;
        }
        (share, known)
    }

    /// The variance of the days' factor, beyond what counting alone gives.
    fn day_spread(&self) -> f64 {
        let (Some((first, _)), Some((last, _))) = (self.days.first_key_value(), self.days.last_key_value()) else {
            return DAYS_PRIOR.0;
        };
        // The day of today is not over.
        let whole = self.days.range(..*last).map(|(_, n)| *n);
        let (sum, squares) = whole.fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
        let days = (last - first).max(1) as f64;
        let mean = sum / days;
        if mean <= 0.0 {
            return DAYS_PRIOR.0;
        }
        let own = ((squares / days - mean * mean - mean) / (mean * mean)).max(0.0);
        (own * days + DAYS_PRIOR.0 * DAYS_PRIOR.1) / (days + DAYS_PRIOR.1)
    }

    /// How much of the usual rate this minute has, by the hour of the day; straight lines between the hours' middles.
    fn hour_factor(&self, at_s: i64) -> f64 {
        let sum: f64 = self.hours.iter().sum();
        let half_hours = (at_s - 1_800).rem_euclid(DAY_S);
        let (hour, into) = ((half_hours / 3_600) as usize, (half_hours % 3_600) as f64 / 3_600.0);
        (self.hours[hour] * (1.0 - into) + self.hours[(hour + 1) % 24] * into) * 24.0 / sum
    }

    /// First reports that the whole area has in the span before `at`.
    fn expected(&self, rate: f64, at: Timestamp, minutes: u32) -> f64 {
        let slices = i64::from(minutes.div_ceil(15));
        let at_s = at.as_second();
        (0..slices).map(|slice| rate * 15.0 * self.hour_factor(at_s - slice * 900 - 450)).sum()
    }

    /// First reports of the last day that the whole area has, halved in weight every [`LEVEL_HALF_MIN`].
    fn expected_weight(&self, rate: f64, at: Timestamp) -> f64 {
        let at_s = at.as_second();
        (0..48)
            .map(|half_hour| {
                let ago_min = half_hour as f64 * 30.0 + 15.0;
                let factor = self.hour_factor(at_s - half_hour * 1_800 - 900);
                rate * 30.0 * factor * libm::exp2(-ago_min / LEVEL_HALF_MIN)
            })
            .sum()
    }
}

/// What is usual around one place.
struct Usual {
    /// First reports a minute, over the whole area and the whole history.
    rate: f64,
    /// The share of each circle.
    share: [f64; 5],
    /// The reports that each share is known from.
    known: [f64; 5],
    /// How steady the days are, in reports: what the usual level weighs against today's.
    steady: f64,
    /// Reports outside each circle in the last hours, weighted.
    seen: [f64; 5],
    /// The same as expected.
    outside: [f64; 5],
    /// Echoes of a report.
    echoes: f64,
}

impl Usual {
    /// Today's level by what happens outside the circle, and the variance of its factor.
    fn level(&self, ring: usize) -> (f64, f64) {
        let weight = self.steady + self.seen[ring];
        (weight / (self.steady + self.outside[ring]), 1.0 / weight)
    }
}

struct Member {
    spot: Spot,
    ago_s: i64,
    /// The number of the clump that it belongs to.
    clump: usize,
}

/// Gives all members that hang together by steps of [`ECHO_M`] one clump.
fn join_echoes(members: &mut [Member]) {
    for a in 0..members.len() {
        for b in 0..a {
            let (keep, drop) = (members[b].clump, members[a].clump);
            if keep != drop && near(members[a].spot.place, members[b].spot.place, ECHO_M) {
                members.iter_mut().filter(|member| member.clump == drop).for_each(|member| member.clump = keep);
            }
        }
    }
}

/// -ln of the chance that `clumps` reports have `extra` echoes between them, each as likely as `share`.
fn echo_surprise(clumps: usize, extra: usize, share: f64) -> f64 {
    if extra == 0 {
        return 0.0;
    }
    let (clumps, extra) = (clumps as f64, extra as f64);
    let ways = libm::lgamma(clumps + extra) - libm::lgamma(extra + 1.0) - libm::lgamma(clumps);
    (-extra * libm::log(share) - ways).max(0.0)
}

/// Whether two places are at most so many metres apart; exact.
fn near(a: GridPoint, b: GridPoint, metres: u32) -> bool {
    let dx = i64::from(a.easting_mm) - i64::from(b.easting_mm);
    let dy = i64::from(a.northing_mm) - i64::from(b.northing_mm);
    let reach = i64::from(metres.min(1_000_000)) * 1_000;
    // Far apart is told first: the squares of what is left fit.
    dx.abs() <= reach && dy.abs() <= reach && dx * dx + dy * dy <= reach * reach
}

fn hour_of(at: Timestamp) -> usize {
    (at.as_second().rem_euclid(DAY_S) / 3_600) as usize
}

/// The mean of the places, to 10 m.
fn middle_of(spots: &[Spot]) -> GridPoint {
    let n = i64::try_from(spots.len()).unwrap_or(i64::MAX).max(1);
    let mean = |of: fn(&GridPoint) -> i32| {
        i32::try_from(spots.iter().map(|spot| i64::from(of(&spot.place))).sum::<i64>() / n)
            .expect("the mean of i32s is an i32")
    };
    GridPoint { easting_mm: mean(|p| p.easting_mm), northing_mm: mean(|p| p.northing_mm) }.rounded_to_10_m()
}
