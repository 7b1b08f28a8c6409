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
/// Rest centre manager.
pub const REST_CENTRE: &str = "leah.marsh";
/// Second rest centre manager.
pub const REST_CENTRE_SECOND: &str = "ian.cole";

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
    Player { id: DUTY_OFFICER, answers_after: None, part: "duty officer, asleep: yours to answer" },
    Player { id: DEPUTY, answers_after: Some(SignedDuration::from_secs(235)), part: "deputy" },
    Player { id: HIGHWAYS, answers_after: Some(SignedDuration::from_secs(125)), part: "highways standby" },
    Player { id: REST_CENTRE, answers_after: None, part: "rest centre manager, on a train" },
    Player {
        id: REST_CENTRE_SECOND,
        answers_after: Some(SignedDuration::from_secs(150)),
        part: "second rest centre manager",
    },
];

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
    /// Takes the first open task whose title holds one of the words, whatever the case. Passed over where none does.
    TaskTaken {
        /// Who.
        by: &'static str,
        /// Words of the title.
        about: &'static [&'static str],
    },
    /// Finishes the first unfinished task whose title holds one of the words. Passed over where none does.
    TaskDone {
        /// Who.
        by: &'static str,
        /// Words of the title.
        about: &'static [&'static str],
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
    let cues = vec![
        ("20:32:20", note(DEPUTY, Information, "At home with the incident room open. Taking it until Priya answers.")),
        ("20:35:10", Entry::TaskTaken { by: HIGHWAYS, about: GULLIES }),
        ("20:36:00", note(DEPUTY, Request, "Fire control told: flooding at Mill Street, no rescues asked for yet.")),
        (
            "20:38:00",
            note(DEPUTY, Media, "Recorded message on the main line changed: flooding in Mill Street, keep away."),
        ),
        ("20:41:30", note(HIGHWAYS, Action, "On scene at Mill Street. Two gullies blocked, water over both kerbs.")),
        ("20:42:40", Entry::TaskTaken { by: HIGHWAYS, about: CLOSURES }),
        ("20:44:10", note(HIGHWAYS, Action, "Road closed from Tanners Row to High Street. Barriers out.")),
        ("20:44:40", Entry::TaskDone { by: HIGHWAYS, about: CLOSURES }),
        (
            "20:47:00",
            Entry::Decision {
                by: DEPUTY,
                what: "Open Corn Hall as a rest centre.",
                why: "Six homes with water inside; one resident depends on oxygen and the power is failing.",
                considered: "Hotel rooms: none free in town. Waiting an hour: the river still rises.",
            },
        ),
        ("20:53:00", Entry::TaskDone { by: DEPUTY, about: &["vulnerable"] }),
        ("20:57:30", note(DEPUTY, Request, "Water company asked to look at the pumping station below Low Road.")),
        ("20:58:00", Entry::TaskDone { by: DEPUTY, about: &["water company"] }),
        ("21:02:00", note(HIGHWAYS, Action, "Pump running at the low point. Gullies flowing again on the north side.")),
        ("21:02:30", Entry::TaskDone { by: HIGHWAYS, about: GULLIES }),
        ("21:12:00", note(DEPUTY, Information, "Corn Hall open, four people and a dog there.")),
        ("21:20:00", Entry::TaskDone { by: DEPUTY, about: &["register", "property", "properties"] }),
        ("21:35:00", note(HIGHWAYS, Action, "Tree in Castle Lane cut back, one lane open.")),
        ("22:05:00", note(DEPUTY, Information, "No call about water inside a home for half an hour. Rain has passed.")),
        ("22:24:00", Entry::TaskDone { by: DEPUTY, about: &["message", "public", "website", "social"] }),
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

const GULLIES: &[&str] = &["gully", "gullies", "pump"];
const CLOSURES: &[&str] = &["clos", "sign"];

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

    fn entries() -> Vec<(SignedDuration, Entry)> {
        let start: Timestamp = "2026-11-20T20:00:00Z".parse().unwrap();
        super::entries(start).into_iter().map(|(at, entry)| (at.duration_since(start), entry)).collect()
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
    fn nobody_acts_before_they_could_have_been_paged() {
        assert!(entries().iter().all(|(at, _)| *at > SignedDuration::from_mins(24)));
    }
}
