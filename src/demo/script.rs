//! What the people of Wexmoor do on the evening of the storm, and when.
//!
//! Only people are scripted. Every signal, page, deadline and escalation is the real core's, so a cue may find nothing
//! to act on: nobody paged that person, or the viewer was faster. Then it is passed over, and the evening goes on.
//!
//! The story: Priya Nair, the duty officer, sleeps through her phone. Five minutes later callout pages Imran Shah, her
//! deputy, who has it four minutes after that, unless whoever watches the demo answers first. Names, numbers and the
//! rota are those of `config/`; here are only ids.

use crate::domain::event::EntryKind;
use crate::domain::time::{SignedDuration, Timestamp};

/// The duty officer. Left to the viewer.
pub const DUTY_OFFICER: &str = "priya.nair";
/// The deputy.
pub const DEPUTY: &str = "imran.shah";
/// Highways standby.
pub const HIGHWAYS: &str = "tom.ashdown";
/// Drainage on call.
pub const DRAINAGE: &str = "neil.garrow";
/// Social care's emergency duty team.
pub const SOCIAL_CARE: &str = "sam.okoro";
/// Communications on call.
pub const COMMUNICATIONS: &str = "zara.quinn";
/// Rest centre manager.
pub const REST_CENTRE: &str = "leah.marsh";
/// Second rest centre manager.
pub const REST_CENTRE_SECOND: &str = "ian.cole";

/// The evening of the story: Friday 20 November 2026, 20:00. By `config/rota.toml` the cast is on call then.
pub fn start() -> Timestamp {
    Timestamp::constant(1_795_204_800, 0)
}

/// How somebody of the story takes a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Player {
    /// Their id in `config/people.toml`.
    pub id: &'static str,
    /// The time between the page's arrival and "I have got this"; `None` for somebody who never answers by themselves.
    pub answers_after: Option<SignedDuration>,
    /// Their part, in a few words for the screen.
    pub part: &'static str,
}

/// The cast. People of the rota who are not in it never answer. Answers count from the page and not from the clock, so
/// the story holds however early or late the core raises the alarm.
pub const PEOPLE: &[Player] = &[
    player_of(DUTY_OFFICER, None, "duty officer, asleep: yours to answer"),
    player_of(DEPUTY, Some(235), "deputy"),
    player_of(HIGHWAYS, Some(125), "highways standby"),
    player_of(DRAINAGE, Some(160), "drainage on call"),
    player_of(SOCIAL_CARE, Some(140), "social care"),
    player_of(COMMUNICATIONS, Some(200), "communications"),
    player_of("anil.desai", Some(95), "emergency control, at home"),
    player_of("dora.quist", Some(170), "emergency control, at home"),
    player_of(REST_CENTRE, None, "rest centre manager, on a train"),
    player_of(REST_CENTRE_SECOND, Some(150), "second rest centre manager"),
    player_of("will.thorn", Some(110), "tree officer"),
    player_of("olu.adeyemi", Some(180), "on call for a service that the storm reaches later"),
    player_of("rob.tenby", Some(165), "on call for a service that the storm reaches later"),
    player_of("kwame.boateng", Some(150), "manager, called in when nobody else answers"),
];

const fn player_of(id: &'static str, answers_after_s: Option<i64>, part: &'static str) -> Player {
    let answers_after = match answers_after_s {
        Some(seconds) => Some(SignedDuration::from_secs(seconds)),
        None => None,
    };
    Player { id, answers_after, part }
}

/// How that person takes a page; `None` for somebody who is not in the story and never answers.
pub fn player(person: &str) -> Option<&'static Player> {
    PEOPLE.iter().find(|player| player.id == person)
}

/// What somebody does beside answering pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Writes into the incident's log.
    Note {
        /// Who.
        by: &'static str,
        /// What sort of entry; never a decision.
        kind: EntryKind,
        /// The words.
        text: &'static str,
    },
    /// Decides.
    Decision {
        /// Who.
        by: &'static str,
        /// What is decided.
        what: &'static str,
        /// Why.
        why: &'static str,
        /// What else was considered.
        considered: &'static str,
    },
    /// Takes the first open task whose title holds the words, whatever the case. Passed over where none does.
    TaskTaken {
        /// Who.
        by: &'static str,
        /// Words of the title.
        about: &'static str,
    },
    /// Finishes the first unfinished task whose title holds the words. Passed over where none does.
    TaskDone {
        /// Who.
        by: &'static str,
        /// Words of the title.
        about: &'static str,
    },
    /// Ends the incident.
    StandDown {
        /// Who.
        by: &'static str,
        /// Why.
        reason: &'static str,
    },
}

/// The evening's cues in order of time; `start` is its first minute (20:00 by the story).
///
/// They concern the first incident that opens. Answers to pages are not among them: they follow the page ([`PEOPLE`]).
pub fn entries(start: Timestamp) -> Vec<(Timestamp, Entry)> {
    use EntryKind::{Action, Information, Media, Request};
    let note = |by, kind, text| Entry::Note { by, kind, text };
    let take = |by, about| Entry::TaskTaken { by, about };
    let done = |by, about| Entry::TaskDone { by, about };
    let cues = vec![
        ("20:32:20", note(DEPUTY, Information, "At home with the incident room open. Taking it until Priya answers.")),
        ("20:32:50", take(DEPUTY, "log")),
        ("20:33:20", done(DEPUTY, "log")),
        ("20:35:10", take(HIGHWAYS, "crews")),
        ("20:36:00", note(DEPUTY, Request, "Fire control told: flooding at Mill Street, no rescues asked for yet.")),
        ("20:36:30", take(COMMUNICATIONS, "message")),
        ("20:37:10", take(DRAINAGE, "water company")),
        ("20:37:40", take(SOCIAL_CARE, "vulnerable")),
        (
            "20:39:00",
            note(COMMUNICATIONS, Media, "Recorded message changed and posted: flooding in Mill Street, keep away."),
        ),
        ("20:39:20", done(COMMUNICATIONS, "message")),
        ("20:41:30", note(HIGHWAYS, Action, "On scene at Mill Street. Two gullies blocked, water over both kerbs.")),
        ("20:42:40", take(HIGHWAYS, "closed")),
        ("20:44:10", note(HIGHWAYS, Action, "Road closed from Tanners Row to High Street. Barriers out.")),
        ("20:44:40", done(HIGHWAYS, "closed")),
        (
            "20:47:00",
            Entry::Decision {
                by: DEPUTY,
                what: "Open Corn Hall as a rest centre.",
                why: "Six homes with water inside; one resident depends on oxygen and the power is failing.",
                considered: "Hotel rooms: none free in town. Waiting an hour: the river still rises.",
            },
        ),
        ("20:51:00", take(SOCIAL_CARE, "care homes")),
        ("20:53:00", done(SOCIAL_CARE, "vulnerable")),
        ("20:54:00", take(DRAINAGE, "register")),
        ("20:57:30", note(DRAINAGE, Request, "Water company asked to look at the pumping station below Low Road.")),
        ("20:58:00", done(DRAINAGE, "water company")),
        ("21:02:00", note(HIGHWAYS, Action, "Pump running at the low point. Gullies flowing again on the north side.")),
        ("21:02:30", done(HIGHWAYS, "crews")),
        ("21:08:00", done(SOCIAL_CARE, "care homes")),
        ("21:12:00", note(DEPUTY, Information, "Corn Hall open, four people and a dog there.")),
        ("21:35:00", note(HIGHWAYS, Action, "Tree in Castle Lane cut back, one lane open.")),
        ("22:05:00", note(DEPUTY, Information, "No call about water inside a home for half an hour. Rain has passed.")),
        ("22:12:00", done(DRAINAGE, "register")),
        (
            "22:30:00",
            Entry::StandDown {
                by: DEPUTY,
                reason: "Water is going down, Mill Street is passable, the rest centre is empty. Highways watch overnight.",
            },
        ),
    ];
    let mut entries: Vec<_> = cues.into_iter().map(|(at, entry)| (start + since_eight(at), entry)).collect();
    entries.sort_by_key(|(at, _)| *at);
    entries
}

/// The time since 20:00 of the story's `HH:MM:SS`.
fn since_eight(clock: &str) -> SignedDuration {
    let time: jiff::civil::Time = clock.parse().expect("the script's times are times of day");
    time.duration_since(jiff::civil::Time::constant(20, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::demo::storm;
    use crate::domain::person::People;
    use crate::domain::playbook::{Playbook, Step};
    use crate::domain::rota::Rota;
    use jiff::tz::TimeZone;
    use std::collections::BTreeSet;

    fn entries() -> Vec<(SignedDuration, Entry)> {
        super::entries(start()).into_iter().map(|(at, entry)| (at.duration_since(start()), entry)).collect()
    }

    fn flood_playbook() -> Playbook {
        let text = include_str!("../../playbooks/surface-water-flooding.toml");
        Playbook::parse("surface-water-flooding", text).unwrap()
    }

    #[test]
    fn the_cues_stand_in_order_within_the_evening_and_end_with_the_stand_down() {
        let entries = entries();
        assert!(entries.is_sorted_by_key(|(at, _)| *at));
        assert!(entries.iter().all(|(at, _)| at.is_positive() && *at < storm::LASTS));
        assert!(matches!(entries[entries.len() - 1].1, Entry::StandDown { .. }));
    }

    #[test]
    fn the_duty_officer_is_left_to_the_viewer_and_the_deputy_answers_nine_minutes_after_the_first_page() {
        assert_eq!(player(DUTY_OFFICER).unwrap().answers_after, None);
        let ladder = SignedDuration::from_mins(5);
        let deputy = ladder + player(DEPUTY).unwrap().answers_after.unwrap();
        assert!((530..=550).contains(&deputy.as_secs()), "{deputy}");
        assert!(player("nobody").is_none());
    }

    #[test]
    fn on_the_evening_of_the_story_the_cast_is_on_call() {
        let london = TimeZone::get("Europe/London").unwrap();
        assert_eq!(start().to_zoned(london.clone()).to_string(), "2026-11-20T20:00:00+00:00[Europe/London]");
        let rota = Rota::parse(include_str!("../../config/rota.toml"), &london).unwrap();
        let on_call = |role: &str| rota.on_call(&role.into(), start());
        for (role, person) in [
            ("duty_officer", DUTY_OFFICER),
            ("deputy", DEPUTY),
            ("highways", HIGHWAYS),
            ("drainage", DRAINAGE),
            ("social_care", SOCIAL_CARE),
            ("communications", COMMUNICATIONS),
            ("rest_centre", REST_CENTRE),
        ] {
            assert!(on_call(role).contains(&person.into()), "{role}: {:?}", on_call(role));
        }
        let people = People::parse(include_str!("../../config/people.toml")).unwrap();
        assert!(PEOPLE.iter().all(|player| people.persons.contains_key(&player.id.into())));
    }

    #[test]
    fn every_task_of_the_flood_playbook_is_taken_and_done_by_the_end() {
        let tasks: BTreeSet<String> = flood_playbook()
            .steps
            .iter()
            .filter_map(|step| if let Step::Task { title, .. } = step { Some(title.to_lowercase()) } else { None })
            .collect();
        assert!(tasks.len() >= 6);
        let (mut open, mut taken) = (tasks.clone(), BTreeSet::new());
        for (_, entry) in entries() {
            match entry {
                Entry::TaskTaken { about, .. } => {
                    let title = open.iter().find(|title| title.contains(about)).cloned();
                    let title = title.unwrap_or_else(|| panic!("no open task about {about}"));
                    taken.extend(open.take(&title));
                }
                Entry::TaskDone { about, .. } => {
                    let title = taken.iter().find(|title| title.contains(about)).cloned();
                    taken.remove(&title.unwrap_or_else(|| panic!("nobody has taken a task about {about}")));
                }
                _ => {}
            }
        }
        assert!(open.is_empty() && taken.is_empty(), "left open: {open:?}, left undone: {taken:?}");
    }

    #[test]
    fn nobody_acts_before_they_could_have_been_paged() {
        assert!(entries().iter().all(|(at, _)| *at > SignedDuration::from_mins(24)));
    }
}
