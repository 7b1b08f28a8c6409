//! The page behind the link in a text or email: one person, one incident, one question.

use super::{Chart, Moment};

/// `/p/TOKEN`. GET only shows. POST to the same address with `answer` = `ack` or `decline`; once they have
/// it also `task` (with `task`), `decision` (with `text`, `why`, `options`) or `methane` (with `methane_m` and so on).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PhonePage {
    /// The token of the link.
    pub token: String,
    /// First name, e.g. `Priya`.
    pub name: String,
    /// Why, in one line, e.g. `Flooding calls far above normal near Mill Street`.
    pub headline: String,
    /// One or two sentences: playbook, role, until when.
    pub why: String,
    /// Three.
    pub facts: Vec<Fact>,
    /// The last hours, drawn small.
    pub chart: Option<Chart>,
    /// How it stands.
    pub state: PhoneState,
    /// Who is paged next, and when; `None` when nobody is left or nothing is waiting.
    pub next: Option<(String, Moment)>,
    /// The METHANE report, filled in as far as known; shown once they have it.
    pub methane: Vec<MethaneField>,
    /// First steps of the playbook, at most 6.
    pub steps: Vec<PhoneStep>,
    /// The desk's number as dialled (`+441632960123`) and as read (`01632 960123`).
    pub desk: Option<(String, String)>,
    /// `INC-42`.
    pub incident: String,
    /// The incident's page; shown once they have it. Empty for none.
    pub incident_href: String,
    /// E.g. `Sent by text and email 01:52:58. This link is yours and works until 08:00.`
    pub foot: String,
}

impl PhonePage {
    /// Whether this person has it.
    pub fn mine(&self) -> bool {
        matches!(self.state, PhoneState::Mine { .. })
    }
    /// How many headings of METHANE are filled in.
    pub fn methane_known(&self) -> usize {
        self.methane.iter().filter(|field| !field.value.is_empty()).count()
    }
    /// Whether there is nothing left for this person to do.
    pub fn over(&self) -> bool {
        !matches!(self.state, PhoneState::Asked | PhoneState::Mine { .. })
    }
}

/// One number on the phone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fact {
    /// E.g. `23`.
    pub value: String,
    /// E.g. `calls in 5 min (usual 0 to 4)`.
    pub label: String,
}

/// One heading of the METHANE report; posted as `methane_` and its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MethaneField {
    /// Its letter, e.g. `e`.
    pub name: &'static str,
    /// As it is read.
    pub label: &'static str,
    /// What callout knows of it.
    pub value: String,
}

/// One first step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhoneStep {
    /// What to do.
    pub title: String,
    /// How or with whom; may be empty.
    pub detail: String,
    /// `T-97`, where it is a task that can be ticked.
    pub task: String,
    /// Done.
    pub done: bool,
}

/// How a page stands, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PhoneState {
    /// Nobody has it yet: the two buttons are shown.
    #[default]
    Asked,
    /// This person has it, since then.
    Mine {
        /// When they said so.
        at: Moment,
    },
    /// Somebody else has it: "Already taken by Imran at 01:57. Nothing to do."
    Taken {
        /// Who.
        by: String,
        /// When.
        at: Moment,
    },
    /// This person cannot; who is paged instead, in words.
    Declined {
        /// E.g. `We are paging Imran Shah now.`
        next: String,
    },
    /// The incident is over, or the link is; in words.
    Over {
        /// E.g. `Stood down at 04:10. Nothing to do.`
        words: String,
    },
}
