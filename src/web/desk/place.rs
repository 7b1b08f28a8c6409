//! What the contact form shows while it is typed: where that is, whose it is, what to say, what was reported there.
//!
//! One box takes every way of naming a place; what could not be read says how to write it instead. Nothing here is kept.

use super::{Named, grid_ref, script};
use crate::domain::id::{BodyId, ContactId, Tag};
use crate::domain::ownership::{Asked, Confidence};
use crate::domain::place::{Given, GridPoint, Located, parse_place};
use crate::domain::register::Recent;
use crate::domain::state::View;
use crate::domain::telling::readable;
use crate::domain::time::{SignedDuration, Timestamp, after, elapsed, in_words};
use crate::land::{Lookup, PlaceCode};
use crate::web::call::Call;
use crate::web::show::letter;
use crate::web::view::{Badge, LandReply, Moment, NearbyReport, Owner, Place, PlaceMatch, Tone};
use std::collections::BTreeMap;

/// How near a report must be to be "here", metres.
const NEARBY_M: f64 = 100.0;
/// How old it may be.
const NEARBY_SINCE: SignedDuration = SignedDuration::from_hours(6);
/// How many are listed.
const NEARBY_MAX: usize = 5;

/// A place that was understood.
pub(super) struct Understood {
    pub(super) located: Located,
    /// The line of the street, where it is one.
    along: Vec<GridPoint>,
    reading: String,
    label: String,
}

/// `GET /land?q=&topic=`: all that the form shows of what is typed so far.
pub(super) fn land(call: &Call) -> LandReply {
    let typed = call.query_value("q").unwrap_or_default();
    let topic = call.query_value("topic").unwrap_or_default();
    about(call, typed.trim(), topic.trim())
}

/// The same, for the form that comes back.
pub(super) fn about(call: &Call, typed: &str, topic: &str) -> LandReply {
    let view = call.app.view();
    let tag = script::tag_of(&view, topic);
    let mut reply = LandReply {
        say: script::say(&view, tag.as_ref()),
        effects: super::with_scene(call, |scene, _| script::effects(scene, tag.as_ref())),
        ..LandReply::default()
    };
    if typed.is_empty() {
        return reply;
    }
    let named = (call.app.desk.find)(typed);
    reply.matches =
        named.iter().map(|named| PlaceMatch { text: named.text.clone(), note: named.note.clone() }).collect();
    match locate(call, typed, &named) {
        Ok(understood) => tell(call, &view, tag.as_ref(), &understood, &mut reply),
        Err(Unread::Several(places)) => reply.matches = places,
        Err(Unread::Not(words)) if reply.matches.is_empty() => reply.problem = words,
        Err(Unread::Not(_)) => {}
    }
    reply
}

/// Why a text is no place yet.
pub(super) enum Unread {
    /// Several are called so.
    Several(Vec<PlaceMatch>),
    /// None is; in words.
    Not(String),
}

/// A typed place: in one of the written forms, by its name, or by what the gazetteers know.
pub(super) fn locate(call: &Call, typed: &str, named: &[Named]) -> Result<Understood, Unread> {
    let understood = |located, reading: &str, label: &str| Understood {
        located,
        along: Vec::new(),
        reading: reading.to_owned(),
        label: label.to_owned(),
    };
    let error = match parse_place(typed) {
        Ok(Given::Grid(located)) => {
            let letters = typed.chars().any(char::is_alphabetic);
            return Ok(understood(located, if letters { "grid reference" } else { "easting, northing" }, ""));
        }
        Ok(Given::Degrees(degrees, uncertainty_m)) => {
            let point = call.app.land.to_grid(degrees);
            let point = point.ok_or_else(|| Unread::Not("that is outside Great Britain".into()))?;
            return Ok(understood(Located::new(point, uncertainty_m).from_degrees(), "latitude, longitude", ""));
        }
        Err(error) => error,
    };
    if let Some(named) = named.iter().find(|named| named.text.eq_ignore_ascii_case(typed)) {
        return Ok(understood(named.place, "name", &named.text));
    }
    let code = if looks_like_postcode(typed) { PlaceCode::Postcode(typed) } else { PlaceCode::Street(typed) };
    match call.app.land.find(code) {
        Lookup::Found(known) => {
            Ok(Understood { along: known.line, ..understood(known.located, &known.source, &known.name) })
        }
        Lookup::Several(places) => Err(Unread::Several(
            places.into_iter().map(|known| PlaceMatch { text: known.name, note: known.source }).collect(),
        )),
        Lookup::NotThere | Lookup::NoGazetteer => Err(Unread::Not(error.to_string())),
    }
}

/// Ends with a digit and two letters, as every postcode does.
fn looks_like_postcode(typed: &str) -> bool {
    let tail: Vec<char> = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let end = tail.len().checked_sub(3).map(|at| &tail[at..]);
    (5..=7).contains(&tail.len())
        && end.is_some_and(|end| end[0].is_ascii_digit() && end[1..].iter().all(char::is_ascii_alphabetic))
}

fn tell(call: &Call, view: &View, tag: Option<&Tag>, place: &Understood, reply: &mut LandReply) {
    let located = place.located;
    let asked = Asked { on: Some(call.app.today()), along: place.along.clone(), ..Asked::at(located) };
    let answer = call.app.land.ask(&asked);
    reply.place = Some(Place {
        reading: place.reading.clone(),
        label: place.label.clone(),
        grid_ref: grid_ref(located.point),
        easting_m: located.point.easting(),
        northing_m: located.point.northing(),
        sigma_m: located.uncertainty_m,
    });
    script::put_in(&mut reply.say, &answer.tell_caller);
    reply.owner = Some(Owner {
        body: match &answer.body {
            Some(id) => name_of(call, id),
            None => "Not known yet".to_owned(),
        },
        badge: match answer.confidence {
            Confidence::Confident => Badge::new(Tone::Ok, "Sure"),
            Confidence::Probable => Badge::new(Tone::Warn, "Probably"),
            Confidence::Ask => Badge::new(Tone::Warn, "Ask the caller"),
            Confidence::Unknown => Badge::new(Tone::Warn, "Nobody knows yet"),
        },
        question: answer.question.unwrap_or_default(),
        why: answer.why,
        tell_caller: answer.tell_caller,
        raise: answer.raise,
        lines: answer.lines.iter().map(line).collect(),
        also: answer.also_notify.iter().map(|id| name_of(call, id)).collect(),
    });
    let found = nearby(view, tag, located, call.app.clock.now(), &call.app.desk.zone);
    reply.nearby_total = u32::try_from(found.len()).unwrap_or(u32::MAX);
    reply.nearby = found.into_iter().take(NEARBY_MAX).collect();
}

/// A body's name as people say it.
pub(super) fn name_of(call: &Call, id: &BodyId) -> String {
    call.app.land.bodies().body(id).map_or_else(|| readable(id.as_str()), |body| body.name.clone())
}

/// A line as it is rung: `incident hotline 0800 80 70 60, day and night`.
fn line(line: &crate::domain::ownership::Line) -> String {
    let dialled = format!("{} {}", line.name, line.number);
    if line.hours.is_empty() { dialled.trim().to_owned() } else { format!("{}, {}", dialled.trim(), line.hours) }
}

/// What was reported close by in the last hours about the topic, nearest first: repeats of one report are one line.
fn nearby(
    view: &View,
    tag: Option<&Tag>,
    here: Located,
    now: Timestamp,
    zone: &jiff::tz::TimeZone,
) -> Vec<NearbyReport> {
    struct Group<'a> {
        metres: f64,
        first: &'a Recent,
        newest: Timestamp,
        callers_n: usize,
        promised: Option<Timestamp>,
    }
    let since = after(now, -NEARBY_SINCE);
    let of_topic = |contact: &Recent| tag.is_none_or(|tag| contact.tags.contains(tag));
    let mut groups: BTreeMap<ContactId, Group<'_>> = BTreeMap::new();
    let recent = view.tally.recent.iter().rev().take_while(|contact| contact.received_at > since);
    for contact in recent.filter(|contact| !contact.withdrawn && of_topic(contact)) {
        let Some(metres) = contact.place.map(|place| place.distance_m(here.point)) else { continue };
        if metres > NEARBY_M {
            continue;
        }
        let root = root(view, contact);
        let group = groups.entry(root).or_insert(Group {
            metres,
            first: contact,
            newest: contact.received_at,
            callers_n: 0,
            promised: None,
        });
        group.callers_n += 1;
        group.metres = group.metres.min(metres);
        group.newest = group.newest.max(contact.received_at);
        group.promised = group.promised.max(contact.promised);
        if contact.id < group.first.id {
            group.first = contact;
        }
    }
    let mut found: Vec<Group<'_>> = groups.into_values().collect();
    // Nearest first; of the equally near (places are kept to 10 m) what more people report.
    found.sort_by(|a, b| a.metres.total_cmp(&b.metres).then(b.callers_n.cmp(&a.callers_n)));
    let told = |group: Group<'_>| {
        let minutes = elapsed(group.newest, now).as_mins().max(1);
        let mut parts = vec![
            format!("{:.0} m away", group.metres),
            format!("{} ago", in_words(SignedDuration::from_mins(minutes))),
            if group.callers_n == 1 { "1 caller".to_owned() } else { format!("{} callers", group.callers_n) },
        ];
        parts.extend(group.first.incident.map(|id| id.to_string()));
        parts.extend(group.promised.map(|at| promise(at, now, zone)));
        let topics: Vec<String> = group.first.tags.iter().map(|tag| script::title_of(view, tag)).collect();
        NearbyReport {
            topic: group.first.tags.first().map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
            id: group.first.id.to_string(),
            letter: letter(group.first).to_owned(),
            title: topics.join(", "),
            detail: parts.join(", "),
        }
    };
    found.into_iter().map(told).collect()
}

/// A promise as an advisor needs to hear it.
pub(super) fn promise(at: Timestamp, now: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    let clock = Moment::clock(at, zone).text;
    if at >= now { format!("promised by {clock}") } else { format!("PROMISE MISSED: {clock}") }
}

/// The first report of the same thing.
fn root(view: &View, contact: &Recent) -> ContactId {
    let mut id = contact.id;
    let mut same_as = contact.same_as;
    // Each step leads to an earlier contact, so this ends.
    while let Some(earlier) = same_as {
        id = earlier;
        same_as = view.tally.recent(earlier).and_then(|contact| contact.same_as);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::looks_like_postcode;

    #[test]
    fn a_postcode_is_known_by_its_end() {
        for good in ["WX2 4QD", "wx24qd", "W1A 1AA", "sy1 2ab"] {
            assert!(looks_like_postcode(good), "{good}");
        }
        for other in ["Mill Street", "349401", "4QD", "High St 4AB Lane"] {
            assert!(!looks_like_postcode(other), "{other}");
        }
    }
}
