//! Cases about when somebody is paged, and when not.

use super::{Case, Judged, Outcome, hours, minutes, same};
use callout::domain::decide::{decide, next_deadline};
use callout::domain::event::{Author, DetailClass, Event, Sealed, SendResult};
use callout::domain::heartbeat::Heartbeat;
use callout::domain::id::PlaybookId;
use callout::domain::paging::limit::{Limit, next_allowed};
use callout::domain::paging::news::{Told, worth_telling};
use callout::domain::policy::{Document, DocumentKind};
use callout::domain::record::Record;
use callout::domain::schedule::{due_once, next_at};
use callout::domain::state::State;
use callout::domain::time::{SignedDuration, Timestamp, after};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

fn against(why: &str) -> Judged {
    Ok(Outcome::ChosenAgainst(why.to_owned()))
}

/// Steps as minutes to wait and the users of each.
fn steps(given: Case<'_>) -> Result<Vec<(i64, Vec<String>)>, String> {
    let mut steps = Vec::new();
    for step in given.field("steps")?.list()? {
        let parts = step.list()?;
        let [delay, users] = parts.as_slice() else { return Err("a step".to_owned()) };
        let users = match users.text() {
            Ok(user) => vec![user.to_owned()],
            Err(_) => users.texts()?.into_iter().map(str::to_owned).collect(),
        };
        steps.push((delay.int()?, users));
    }
    Ok(steps)
}

pub fn escalation(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    if given.has("maintenance_min") {
        return against(
            "callout has no maintenance of a service and nobody escalates by hand: a quiet window ends by itself, and \"can't\" goes on",
        );
    }
    if given.has("edit_at_min") {
        return against(
            "a running call-out keeps its playbook, but the pace of a ladder is the council's and follows the rota in force: shortened, it helps at once",
        );
    }
    if given.has("repeat") {
        return against(
            "a ladder has one pace, goes on trying its lower levels, and after the last calls everybody until somebody acts: it is never exhausted",
        );
    }
    let steps = steps(given)?;
    if steps.iter().any(|(delay, _)| *delay != steps[0].0) {
        return against("a ladder has one pace, set by the council, not one for each step");
    }
    let key = if expect.has("recommended") { "recommended" } else { "pages" };
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for page in expect.field(key)?.list()? {
        let parts = page.list()?;
        let [at, user] = parts.as_slice() else { return Err("a page".to_owned()) };
        expected.entry(user.text()?.to_owned()).or_insert(at.int()?);
    }
    let horizon = expected.values().copied().max().unwrap_or(0) + 1;
    Ok(same(first_pages(&steps, horizon)?, expected))
}

/// The minute at which each user is paged first, when nobody answers and every message is accepted at once.
fn first_pages(steps: &[(i64, Vec<String>)], horizon: i64) -> Result<BTreeMap<String, i64>, String> {
    let mut rota = format!("escalate_after = \"{}m\"\n", steps[0].0);
    let (mut people, mut ladder) = (String::new(), Vec::new());
    for (n, (_, users)) in steps.iter().enumerate() {
        rota += &format!("[[role]]\nid = \"level{n}\"\ntitle = \"Level {n}\"\nstanding = {users:?}\n");
        ladder.push(format!("level{n}"));
        for user in users {
            people += &format!("[[person]]\nid = \"{user}\"\nchannels = [\"sms\"]\neligible = []\n");
        }
    }
    let playbook = format!(
        "title = \"Plan\"\nowner = \"Owner\"\nreviewed = 2026-01-01\nseverity = 2\n[[step]]\npage = \"level0\"\nthen = {:?}\n",
        &ladder[1..]
    );
    let documents = vec![
        Document::new(DocumentKind::People, "people", people),
        Document::new(DocumentKind::Rota, "rota", rota),
        Document::new(DocumentKind::Playbook, "plan", playbook),
    ];
    let start = hours(12.0);
    let (mut state, by) = (State::default(), Author::system());
    let reason = Sealed::new([0; 16], DetailClass::Incident, b"\"test\"".to_vec());
    let mut events = vec![
        Event::PolicyLoaded { documents, by: by.clone() },
        Event::PlaybookActivated { incident: None, playbook: PlaybookId::from("plan"), by, reason, exercise: false },
    ];
    let (mut first, mut now) = (BTreeMap::new(), start);
    let end = after(start, minutes(horizon));
    while now <= end {
        let event = if events.is_empty() { Event::Tick } else { events.remove(0) };
        for (seq, record, _) in decide(&mut state, &event, now).records {
            if let Record::PageIntended { person, .. } = record {
                first.entry(person.to_string()).or_insert(now.duration_since(start).as_mins());
                events.push(Event::PageOutcome { page: seq.into(), outcome: SendResult::Accepted });
            }
        }
        if events.is_empty() {
            now = next_deadline(&state).ok_or("nothing waits any more")?.max(now);
        }
    }
    Ok(first)
}

pub fn person_rules(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    let at = |minute: i64| after(hours(0.0), minutes(minute));
    if given.has("notices") {
        // Each notice's time of day, looked at again after a long sleep.
        let (slept, woke) =
            (hours(24.0), after(hours(24.0), SignedDuration::from_hours(given.field("sleep_h")?.int()?)));
        let mut due: Vec<(String, Timestamp)> = Vec::new();
        for notice in given.field("notices")?.list()? {
            let parts = notice.list()?;
            let [channel, clock] = parts.as_slice() else { return Err("a notice".to_owned()) };
            let mut next = next_at(clock.clock()?, [true; 7], slept, &TimeZone::UTC);
            while let Some(at) = next.filter(|at| *at <= woke) {
                due.push((channel.text()?.to_owned(), at));
                next = next_at(clock.clock()?, [true; 7], at, &TimeZone::UTC);
            }
        }
        let sent = due_once(&due, Some(slept), woke);
        let mut got: BTreeMap<String, i64> = BTreeMap::new();
        sent.into_iter().for_each(|channel| *got.entry(channel).or_default() += 1);
        let expected = expect.field("sends")?;
        let expected =
            expected.0.as_object().ok_or("sends")?.iter().map(|(who, n)| (who.clone(), n.as_i64().unwrap_or(-1)));
        return Ok(same(got, expected.collect()));
    }
    let rules = |key: &str| -> Result<Vec<(String, Timestamp)>, String> {
        let mut rules = Vec::new();
        for rule in given.field(key)?.list()? {
            let parts = rule.list()?;
            let [channel, delay] = parts.as_slice() else { return Err("a rule".to_owned()) };
            rules.push((channel.text()?.to_owned(), at(delay.int()?)));
        }
        Ok(rules)
    };
    let first = rules("rules")?;
    let later = if given.has("added_at_min_1") { rules("added_at_min_1")? } else { Vec::new() };
    let down: Vec<i64> =
        if given.has("engine_down_min") { given.field("engine_down_min")?.ints()? } else { Vec::new() };
    let (mut sends, mut last) = (Vec::new(), None);
    for minute in 0..=120 {
        if let [from, to] = down.as_slice()
            && (*from..*to).contains(&minute)
        {
            continue;
        }
        // Rules that are added while it runs count from the next look on.
        let due: Vec<_> = first.iter().chain(later.iter().filter(|_| minute > 1)).cloned().collect();
        sends.extend(due_once(&due, last, at(minute)).into_iter().map(|channel| (minute, channel)));
        last = Some(at(minute));
    }
    if expect.has("sends") {
        return Ok(same(sends.len() as i64, expect.field("sends")?.int()?));
    }
    let mut expected = Vec::new();
    for send in expect.field("sends_min")?.list()? {
        let parts = send.list()?;
        let [minute, channel] = parts.as_slice() else { return Err("a send".to_owned()) };
        expected.push((minute.int()?, channel.text()?.to_owned()));
    }
    Ok(same(sends, expected))
}

pub fn throttle(case: Case<'_>) -> Judged {
    let given = case.given();
    let mut limits = Vec::new();
    for rule in given.field("rules_count_per_min")?.list()? {
        let parts = rule.list()?;
        let [count, within, rest @ ..] = parts.as_slice() else { return Err("a rule".to_owned()) };
        let count = u32::try_from(count.int()?).map_err(|error| error.to_string())?;
        let smooth = rest.iter().any(|word| word.0 == "smooth");
        limits.push(Limit { count, within: minutes(within.int()?), smooth });
    }
    let at = |minute: i64| after(hours(0.0), minutes(minute));
    let mut sent: Vec<Timestamp> = given.field("sent_at_min")?.ints()?.into_iter().map(at).collect();
    let expected = case.expect().field("next_allowed_min")?.ints()?;
    let mut got = Vec::new();
    for _ in 0..expected.len() {
        // Each next one goes as soon as it may.
        let now = sent.iter().copied().max().unwrap_or(hours(0.0));
        let next = next_allowed(&limits, &sent, now);
        got.push(next.duration_since(hours(0.0)).as_mins());
        sent.push(next);
    }
    Ok(same(got, expected))
}

pub fn renotify(case: Case<'_>) -> Judged {
    let given = case.given();
    let set = |of: Case<'_>, key: &str| -> Result<BTreeSet<i64>, String> {
        if of.has(key) { Ok(of.field(key)?.ints()?.into_iter().collect()) } else { Ok(BTreeSet::new()) }
    };
    let now = hours(100.0);
    let last = if given.has("last_notified") {
        let last = given.field("last_notified")?;
        let age = if last.has("age_min") { last.field("age_min")?.int().ok() } else { None };
        let at = age.map_or(Timestamp::MIN, |age| after(now, minutes(-age)));
        Some(Told { at, holding: set(last, "firing")?, ended: set(last, "resolved")? })
    } else {
        None
    };
    let again = if given.has("repeat_interval_min") { given.field("repeat_interval_min")?.int()? } else { 0 };
    let tell_ends = given.0["send_resolved"].as_bool().unwrap_or(false);
    let (holding, ended) = (set(given, "firing")?, set(given, "resolved")?);
    let got = worth_telling(last.as_ref(), &holding, &ended, minutes(again), tell_ends, now);
    Ok(same(Some(got), case.expect().field("notify")?.0.as_bool()))
}

pub fn heartbeat(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    let at = |minute: i64| after(hours(0.0), minutes(minute));
    let watch = Heartbeat { armed_at: at(0), every: minutes(given.field("interval_min")?.int()?) };
    let beats: Vec<Timestamp> = if given.has("beats_min") {
        given.field("beats_min")?.ints()?.into_iter().map(at).collect()
    } else {
        Vec::new()
    };
    let follow_up = if given.has("follow_up_min") { given.field("follow_up_min")?.int()? } else { 0 };
    let end = beats.iter().copied().max().unwrap_or(at(0)).max(after(at(0), watch.every + minutes(follow_up)));
    let got: Vec<i64> = watch.silences(&beats, end).iter().map(|at| at.duration_since(hours(0.0)).as_mins()).collect();
    if beats.is_empty() {
        return against(
            "a feed is watched from the day it is set up: one that never spoke is as silent as one that broke",
        );
    }
    if expect.has("no_page_at_min") {
        let quiet = at(expect.field("no_page_at_min")?.int()?);
        let heard = beats.iter().copied().filter(|beat| *beat <= quiet).max();
        if watch.is_silent(heard, quiet) {
            return Ok(Outcome::Failed(format!("it is silent at {quiet}")));
        }
    }
    Ok(same(got, expect.field("pages_min")?.ints()?))
}
