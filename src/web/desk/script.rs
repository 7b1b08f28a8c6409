//! What the advisor has at hand for a topic: the topics themselves, the six on keys, what to say, what logging does.

use crate::domain::id::Tag;
use crate::domain::playbook::Step;
use crate::domain::register::{BIN_S, Stream};
use crate::domain::state::View;
use crate::domain::telling::readable;
use crate::domain::time::Timestamp;
use crate::web::show::Scene;
use crate::web::view::{HotTopic, SayLine, Topic};
use jiff::tz::TimeZone;

/// Topics on Alt 1 to Alt 6.
const HOT_MAX: usize = 6;
/// The topic that has a box and a key of its own.
pub(super) const DANGER: &str = "danger_to_life";
/// Lines to say at most: more is not read out.
const SAY_MAX: usize = 3;
/// Words by which the list finds a topic, at most.
const ALSO_MAX: usize = 60;
/// Hours of the wall clock at which a shift begins: the order of the keys changes then and never in between.
const SHIFTS: [i8; 2] = [7, 19];

/// The topics as people say them, each with the words by which it is found too.
pub(super) fn topics(view: &View) -> Vec<Topic> {
    let Some(policy) = view.policy.in_force.as_deref() else { return Vec::new() };
    let open: Vec<&Tag> = view.incidents.open().map(|incident| &incident.topic).collect();
    let topic = |topic: &crate::domain::keywords::Topic| {
        let plain = |words: &&String| words.len() > 2 && words.chars().all(|c| c.is_alphabetic() || c == ' ');
        Topic {
            value: topic.title.clone(),
            note: if open.contains(&&topic.tag) { "Incident open".into() } else { String::new() },
            also: topic.words.iter().chain(&topic.exact).filter(plain).take(ALSO_MAX).cloned().collect(),
        }
    };
    policy.keywords.topics.iter().map(topic).collect()
}

/// The six on keys. Their places are those of the keyword file, so that hands learn them; a topic with an open incident,
/// or that was asked for more in the day before this shift, takes the place of the least asked for.
pub(super) fn hot(view: &View, now: Timestamp, zone: &TimeZone) -> Vec<HotTopic> {
    let Some(policy) = view.policy.in_force.as_deref() else { return Vec::new() };
    let until = shift_began(now, zone).as_second();
    let asked = |tag: &Tag| {
        let bins = view.tally.bins.get(&Stream::Tag(tag.clone()));
        let day = (until - 86_400).div_euclid(BIN_S)..until.div_euclid(BIN_S);
        bins.map_or(0, |bins| bins.range(day).map(|(_, n)| *n).sum::<u32>())
    };
    let open = |tag: &Tag| view.incidents.open().any(|incident| !incident.exercise && incident.topic == *tag);
    let all: Vec<_> = policy.keywords.topics.iter().filter(|topic| topic.tag.as_str() != DANGER).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&at| (!open(&all[at].tag), std::cmp::Reverse(asked(&all[at].tag)), at));
    let chosen = &order[..order.len().min(HOT_MAX)];
    // Whoever belongs to the first six of the file stays where it is; the others fill what is left, in their order.
    let mut keys: Vec<Option<usize>> = (0..chosen.len()).map(|at| chosen.contains(&at).then_some(at)).collect();
    let mut others = chosen.iter().copied().filter(|at| *at >= chosen.len());
    for key in keys.iter_mut().filter(|key| key.is_none()) {
        *key = others.next();
    }
    let key = |at: usize| HotTopic { label: all[at].title.clone(), value: all[at].title.clone() };
    keys.into_iter().flatten().map(key).collect()
}

/// When the shift of this instant began.
fn shift_began(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = now.to_zoned(zone.clone());
    let hour = SHIFTS.iter().rev().find(|hour| **hour <= local.hour());
    let (date, hour) = match hour {
        Some(hour) => (local.date(), *hour),
        None => (local.date().yesterday().unwrap_or(local.date()), SHIFTS[SHIFTS.len() - 1]),
    };
    crate::domain::time::resolve(date.at(hour, 0, 0, 0), zone)
}

/// The tag of a topic's title, or of its slug.
pub(super) fn tag_of(view: &View, title: &str) -> Option<Tag> {
    let keywords = &view.policy.in_force.as_ref()?.keywords;
    keywords
        .titles()
        .find(|(tag, known)| known.eq_ignore_ascii_case(title) || tag.as_str() == title)
        .map(|(tag, _)| tag.clone())
}

/// A topic as people say it.
pub(super) fn title_of(view: &View, tag: &Tag) -> String {
    let keywords = view.policy.in_force.as_ref().map(|policy| &policy.keywords);
    let known = keywords.and_then(|keywords| keywords.titles().find(|(known, _)| *known == tag));
    known.map_or_else(|| readable(tag.as_str()), |(_, title)| title.to_owned())
}

/// What the playbook about a topic says to callers, the one in force for it first. Without a topic, of the newest open
/// incident: most callers of tonight call about that.
pub(super) fn say(view: &View, tag: Option<&Tag>) -> Vec<SayLine> {
    let newest = view.incidents.open().filter(|incident| !incident.exercise).max_by_key(|incident| incident.id);
    let Some(topic) = tag.or_else(|| newest.map(|incident| &incident.topic)) else { return Vec::new() };
    let active = view.incidents.open().filter(|incident| incident.topic == *topic).find_map(|incident| {
        let (id, activation) = incident.activations.iter().next()?;
        view.policy.playbooks.get(&(id.clone(), activation.version.clone()))
    });
    let policy = view.policy.in_force.as_deref();
    let playbook = active.or_else(|| policy?.playbooks.values().find(|playbook| playbook.topic() == *topic));
    let lines = playbook.iter().flat_map(|playbook| &playbook.steps).filter_map(|step| match step {
        Step::Say { text } => Some(SayLine { words: text.clone(), then: String::new() }),
        Step::Page { .. } | Step::Task { .. } => None,
    });
    lines.take(SAY_MAX).collect()
}

/// What is said of the land comes second: first whether anybody is in danger.
pub(super) fn put_in(say: &mut Vec<SayLine>, words: &str) {
    if words.is_empty() {
        return;
    }
    let line = SayLine { words: words.to_owned(), then: String::new() };
    say.insert(say.len().min(1), line);
    say.truncate(SAY_MAX);
}

/// What logging does, in words.
pub(super) fn effects(scene: &Scene<'_>, tag: Option<&Tag>) -> Vec<String> {
    let Some(tag) = tag else { return vec!["Counts towards its topic; enough of them raise a signal".into()] };
    let open = scene.view.incidents.open().find(|incident| !incident.exercise && incident.topic == *tag);
    let Some(incident) = open else {
        return vec![
            "Counts towards its topic; enough of them raise a signal".into(),
            "Nobody is paged by this call alone, unless there is danger to life".into(),
        ];
    };
    let who = match scene.holder_name(incident.id) {
        Some(name) => format!("{name} has it and sees this call at once"),
        None => "Nobody has it yet: people are being paged".into(),
    };
    vec![format!("Counts towards {} and its map", incident.id), who, "No new page for what somebody has".into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_begins_at_seven_and_at_nineteen_by_the_wall_clock() {
        let zone = TimeZone::get("Europe/London").expect("bundled");
        for (now, began) in [
            ("2026-11-22T02:14:00Z", "2026-11-21T19:00:00Z"),
            ("2026-11-22T07:00:00Z", "2026-11-22T07:00:00Z"),
            ("2026-07-04T18:30:00Z", "2026-07-04T18:00:00Z"),
        ] {
            let now: Timestamp = now.parse().expect("an instant");
            assert_eq!(shift_began(now, &zone).to_string(), began);
        }
    }
}
