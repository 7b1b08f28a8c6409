//! What is said aloud about an incident to other systems: opened, taken, nobody has it, over.
//!
//! Voices are a courtesy beside paging, never in its place: a dashboard or a team's channel that follows along. So they are
//! read off the record after the fact, nothing waits for them, and one that cannot be reached is given up after a few
//! minutes. What they say holds no personal data: who took it is said by the short name that the log has.
//!
//! Not here: to whom, and how (see `transport/voice.rs`).

use super::id::{IncidentId, Seq};
use super::playbook::Severity;
use super::record::Record;
use super::state::View;
use super::time::{SignedDuration, Timestamp};

/// The waits before each attempt to say one thing; after the last it is given up. Under three minutes in all.
pub const WAITS: [SignedDuration; 4] =
    [SignedDuration::ZERO, SignedDuration::from_secs(5), SignedDuration::from_secs(30), SignedDuration::from_secs(120)];
/// What is older than this is not news any more: after a long outage, nothing of it is said.
pub const NEWS_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// An incident was opened.
    Opened,
    /// Somebody has it.
    Acknowledged,
    /// The ladder is exhausted: everybody is being paged.
    Unanswered,
    /// It was stood down.
    StoodDown,
}

impl Happening {
    /// Its name for programs, e.g. `incident.opened`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "incident.opened",
            Self::Acknowledged => "incident.acknowledged",
            Self::Unanswered => "incident.unanswered",
            Self::StoodDown => "incident.stood_down",
        }
    }
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The record that it is about.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// What happened.
    pub happening: Happening,
    /// To which incident.
    pub incident: IncidentId,
    /// What it is about.
    pub topic: String,
    /// How bad.
    pub severity: Severity,
    /// Nothing about it is real.
    pub exercise: bool,
    /// In a line, e.g. `INC-42 flooding: priya.nair has got this`.
    pub words: String,
}

/// What is said about a record, if anything; `view` is of a moment at or after it.
pub fn announcement(view: &View, seq: Seq, at: Timestamp, record: &Record) -> Option<Announcement> {
    let of_call_out = |id| view.paging.call_outs.get(id).and_then(|call_out| call_out.incident);
    let (happening, incident, words) = match record {
        Record::IncidentOpened { .. } => (Happening::Opened, IncidentId::from(seq), "opened".to_owned()),
        Record::Acknowledged { call_out, person, late: false, .. } => {
            (Happening::Acknowledged, of_call_out(call_out)?, format!("{person} has got this"))
        }
        Record::CallOutWidened { call_out, .. } => {
            (Happening::Unanswered, of_call_out(call_out)?, "nobody has it; everybody is being paged".to_owned())
        }
        Record::StoodDown { incident, .. } => (Happening::StoodDown, *incident, "stood down".to_owned()),
        _ => return None,
    };
    let about = view.incidents.by_id.get(&incident)?;
    let (topic, exercise) = (about.topic.to_string(), about.exercise);
    let words = format!("{}{incident} {topic}: {words}", if exercise { "EXERCISE " } else { "" });
    Some(Announcement { seq, at, happening, incident, topic, severity: about.severity, exercise, words })
}
