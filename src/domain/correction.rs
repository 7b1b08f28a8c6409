//! What staff have said about the maps: that an answer was wrong, and what is right until the map's next import.
//!
//! Think of the pencil note on the office's wall map: "verge is the school's, Sam, 20 Nov". It goes before what is printed
//! there, everybody sees who wrote it, and when the new sheet comes from the printer it goes with the old one.
//!
//! The exact place and the words are details; here is what layer and feature, who, when, and the body.

use super::decide::Decision;
use super::event::{Answer, Author, Sealed};
use super::id::{BodyId, Seq};
use super::place::GridPoint;
use super::record::Record;
use super::state::State;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most notes that wait for somebody; beyond it none is taken until some are dealt with.
pub const WAITING_MAX: usize = 1_000;
/// The most corrections in force.
pub const CORRECTIONS_MAX: usize = 1_000;
/// The farthest that one correction reaches about its place, in metres.
pub const RADIUS_M_MAX: u32 = 500;

/// What somebody says about the maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Statement {
    /// An answer is wrong: for the queue.
    Wrong {
        /// The place, to 10 m.
        place: GridPoint,
        /// The layer and feature that decided.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        feature: Option<(String, String)>,
        /// The body that was named.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        named: Option<BodyId>,
        /// The body that it should be, where they know.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        right: Option<BodyId>,
    },
    /// From now on this body answers here, until the layer's next import.
    Corrected {
        /// The place, to 10 m.
        place: GridPoint,
        /// So far about the exact place; `None` is the whole feature.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        radius_m: Option<u32>,
        /// The layer and feature that are wrong; `None` where no layer knew the ground.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        feature: Option<(String, String)>,
        /// Who is responsible.
        body: BodyId,
        /// The note in the queue that this settles.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        settles: Option<Seq>,
    },
    /// A note in the queue needs nothing: the map is right.
    Settled {
        /// Which.
        note: Seq,
    },
    /// A correction counts no more.
    Withdrawn {
        /// Which.
        correction: Seq,
    },
}

/// A statement that waits, or that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// What.
    pub statement: Statement,
    /// Who.
    pub by: Author,
    /// When.
    pub at: Timestamp,
    /// The details: the words and the exact place.
    pub digest: String,
    /// The layer's edition that it is about, SHA-256.
    pub edition: Option<String>,
}

/// What staff have said about the maps, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Corrections {
    /// Notes that wait for somebody, by their record.
    pub waiting: BTreeMap<Seq, Stated>,
    /// Corrections in force, by their record.
    pub in_force: BTreeMap<Seq, Stated>,
    /// The layers in force, id and SHA-256.
    pub layers: BTreeMap<String, String>,
}

/// Says what a statement leads to.
pub(super) fn state(state: &mut State, d: &mut Decision, statement: &Statement, by: &Author, why: &Sealed) {
    let known = &state.corrections;
    let refused = match statement {
        Statement::Wrong { .. } if known.waiting.len() >= WAITING_MAX => {
            Some(format!("{WAITING_MAX} notes about the maps wait already; deal with some first"))
        }
        Statement::Corrected { .. } if known.in_force.len() >= CORRECTIONS_MAX => {
            Some(format!("{CORRECTIONS_MAX} corrections are in force already; import the layer anew, or withdraw some"))
        }
        Statement::Corrected { settles: Some(note), .. } | Statement::Settled { note }
            if !known.waiting.contains_key(note) =>
        {
            Some(format!("no note {note} waits; somebody may have dealt with it"))
        }
        Statement::Withdrawn { correction } if !known.in_force.contains_key(correction) => {
            Some(format!("no correction {correction} is in force; a new import of the layer may have ended it"))
        }
        _ => None,
    };
    d.answer = match refused {
        Some(why) => Answer::Refused(why),
        None => {
            let record =
                Record::MapStatement { statement: statement.clone(), by: by.clone(), digest: why.digest.clone() };
            Answer::Entry(d.record_sealed(state, record, Some(why)))
        }
    };
}

/// Applies a statement.
pub(super) fn apply(state: &mut State, seq: Seq, at: Timestamp, statement: &Statement, by: &Author, digest: &str) {
    let corrections = Arc::make_mut(&mut state.corrections);
    let of_layer = |feature: &Option<(String, String)>| {
        feature.as_ref().and_then(|(layer, _)| corrections.layers.get(layer).cloned())
    };
    let stated =
        |edition| Stated { statement: statement.clone(), by: by.clone(), at, digest: digest.to_owned(), edition };
    match statement {
        Statement::Wrong { feature, .. } => {
            let stated = stated(of_layer(feature));
            corrections.waiting.insert(seq, stated);
        }
        Statement::Corrected { feature, settles, .. } => {
            let stated = stated(of_layer(feature));
            corrections.in_force.insert(seq, stated);
            settles.iter().for_each(|note| drop(corrections.waiting.remove(note)));
        }
        Statement::Settled { note } => drop(corrections.waiting.remove(note)),
        Statement::Withdrawn { correction } => drop(corrections.in_force.remove(correction)),
    }
}

/// Applies the layers that came into force: a correction ends with the edition of the layer that it was about. A layer
/// that is missing (its file cannot be read, say) ends none.
pub(super) fn apply_layers(state: &mut State, layers: &[(String, String)]) {
    let new: BTreeMap<String, String> = layers.iter().cloned().collect();
    if state.corrections.layers == new {
        return;
    }
    let corrections = Arc::make_mut(&mut state.corrections);
    corrections.in_force.retain(|_, stated| {
        let Statement::Corrected { feature: Some((layer, _)), .. } = &stated.statement else { return true };
        new.get(layer).is_none_or(|edition| stated.edition.as_ref() == Some(edition))
    });
    corrections.layers.extend(new);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::decide::decide;
    use super::super::event::{DetailClass, Event, Via};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn say(state: &mut State, second: i64, statement: Statement) -> Answer {
        let by = Author { who: "sam.reed".into(), via: Via::Api };
        let why = Sealed::new([7; 16], DetailClass::Incident, b"{\"text\":\"sold\"}".to_vec());
        decide(state, &Event::MapStatement { statement, by, why }, at(second)).answer
    }

    fn layers(state: &mut State, second: i64, editions: &[(&str, &str)]) {
        let layers = editions.iter().map(|(id, sha)| ((*id).to_owned(), (*sha).to_owned())).collect();
        decide(state, &Event::LayersLoaded { epoch: 2, layers }, at(second));
    }

    fn corrected(settles: Option<Seq>) -> Statement {
        Statement::Corrected {
            place: GridPoint::from_metres(349_400.0, 325_320.0),
            radius_m: Some(10),
            feature: Some(("parks".into(), "P1".into())),
            body: BodyId::from("schools"),
            settles,
        }
    }

    #[test]
    fn a_note_waits_until_it_is_settled_and_a_correction_until_the_layers_next_import() {
        let mut state = State::default();
        layers(&mut state, 0, &[("parks", "aa"), ("roads", "bb")]);
        let wrong = Statement::Wrong {
            place: GridPoint::from_metres(349_400.0, 325_320.0),
            feature: Some(("parks".into(), "P1".into())),
            named: Some(BodyId::from("parks")),
            right: None,
        };
        let Answer::Entry(note) = say(&mut state, 1, wrong) else { panic!("taken") };
        assert!(state.corrections.waiting.contains_key(&note));
        let Answer::Entry(correction) = say(&mut state, 2, corrected(Some(note))) else { panic!("taken") };
        assert!(state.corrections.waiting.is_empty());
        assert!(matches!(say(&mut state, 3, Statement::Settled { note }), Answer::Refused(_)), "settled already");
        // The same edition again, another layer anew, the layer missing: the correction stays.
        layers(&mut state, 4, &[("parks", "aa"), ("roads", "cc")]);
        layers(&mut state, 5, &[("roads", "cc")]);
        assert!(state.corrections.in_force.contains_key(&correction));
        layers(&mut state, 6, &[("parks", "dd"), ("roads", "cc")]);
        assert!(state.corrections.in_force.is_empty(), "the new sheet goes before the pencil note");
        assert!(matches!(say(&mut state, 7, Statement::Withdrawn { correction }), Answer::Refused(_)));
    }

    #[test]
    fn a_rebuild_from_the_records_gives_the_same_corrections() {
        let (mut state, mut again) = (State::default(), State::default());
        let by = Author { who: "sam.reed".into(), via: Via::Api };
        let why = Sealed::new([7; 16], DetailClass::Incident, b"{}".to_vec());
        let events = [
            Event::LayersLoaded { epoch: 1, layers: vec![("parks".into(), "aa".into())] },
            Event::MapStatement { statement: corrected(None), by, why },
        ];
        for (second, event) in events.iter().enumerate() {
            let decision = decide(&mut state, event, at(second as i64));
            for (seq, record, _) in decision.records {
                let line = serde_json::to_string(&record).unwrap();
                let read: Record = serde_json::from_str(&line).unwrap();
                super::super::state::apply(&mut again, seq, decision.at, &read);
            }
        }
        assert_eq!(state, again);
        assert_eq!(state.corrections.in_force.len(), 1);
    }
}
