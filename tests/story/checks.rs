//! What must hold after every event.

use callout::domain::decide::{Decision, next_deadline};
use callout::domain::effect::Effect;
use callout::domain::id::{PageId, Seq};
use callout::domain::paging::Status;
use callout::domain::record::Record;
use callout::domain::state::{State, apply};
use callout::domain::time::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The records so far, as the log has them, and the state they give.
#[derive(Default)]
pub struct Checks {
    log: Vec<(Seq, Timestamp, String)>,
    shadow: State,
}

impl Checks {
    /// Checks one decision and the state after it.
    pub fn after(&mut self, state: &State, decision: &Decision) {
        for (seq, record, _) in &decision.records {
            let json = serde_json::to_string(record).unwrap();
            let back: Record = serde_json::from_str(&json).unwrap();
            assert_eq!(back, *record, "a record comes back from its JSON as it was");
            apply(&mut self.shadow, *seq, decision.at, &back);
            self.log.push((*seq, decision.at, json));
        }
        assert!(self.shadow == *state, "rebuilding from the records gives another state (I13)");
        let announced: BTreeSet<PageId> = decision
            .records
            .iter()
            .filter(|(_, record, _)| matches!(record, Record::PageIntended { .. }))
            .map(|(seq, _, _)| PageId::from(*seq))
            .collect();
        let ordered: Vec<PageId> = decision
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::SendPage(order) => Some(order.page),
                Effect::CancelPages(_) | Effect::MailHead(_) | Effect::SendNotice(_) => None,
            })
            .collect();
        assert_eq!(announced, ordered.iter().copied().collect(), "each announced page is ordered, and no other (I5)");
        assert_eq!(announced.len(), ordered.len(), "no page is ordered twice (I3)");
        let paging = state.paging.call_outs.values().any(|call_out| call_out.status == Status::Paging);
        if paging {
            let deadline = next_deadline(state).expect("a running call-out has a deadline (I4)");
            let longest = SignedDuration::from_hours(80);
            assert!(deadline <= decision.at + longest, "a running call-out has a deadline that comes (I4)");
        }
    }

    /// The state from the records alone, as after a crash.
    pub fn rebuilt(&self) -> State {
        let mut state = State::default();
        for (seq, at, json) in &self.log {
            apply(&mut state, *seq, *at, &serde_json::from_str(json).unwrap());
        }
        state
    }

    /// At the end: the whole log gives the state.
    pub fn whole(&self, state: &State) {
        assert!(self.rebuilt() == *state, "the whole log gives another state (I13)");
    }
}
