//! The core fed with the past: time moved to each deadline, the signals noted, nothing performed.

use super::past::{Past, tags};
use crate::domain::contact::Contact;
use crate::domain::decide::{decide, next_deadline};
use crate::domain::effect::Effect;
use crate::domain::entry::Entry;
use crate::domain::event::{Author, DetailClass, EntryKind, Event, Sealed};
use crate::domain::id::IncidentId;
use crate::domain::policy::{Document, DocumentKind, Floors};
use crate::domain::record::Record;
use crate::domain::state::State;
use crate::domain::time::{SignedDuration, Timestamp};
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::BTreeMap;

/// One alarm that would have been.
#[derive(Debug, Clone, Serialize)]
pub struct Fired {
    /// When.
    pub at: Timestamp,
    /// About what.
    pub topic: String,
    /// Why, in words.
    pub evidence: String,
    /// What it would have led to: a playbook, a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    /// Somebody would have been paged.
    pub paged: bool,
}

/// All that fired.
#[derive(Debug, Default)]
pub struct Replayed {
    /// In no special order.
    pub fired: Vec<Fired>,
}

/// How often the progress is told.
const TELL_EVERY: u64 = 1_000;

/// Each topic by itself, through a core whose only playbook is its floor rules.
///
/// # Errors
/// The rules do not make a policy (a range is left).
pub fn by_topic(
    past: &[Past],
    floors: &Floors,
    cluster: Option<(u32, u32, SignedDuration)>,
    tell: &mut dyn FnMut(u64, u64),
    replayed: &mut Replayed,
) -> Result<()> {
    let mut topics: BTreeMap<&str, Vec<&Past>> = BTreeMap::new();
    for contact in past {
        for topic in &contact.topics {
            topics.entry(topic).or_default().push(contact);
        }
    }
    let all = topics.values().map(|contacts| contacts.len() as u64).sum();
    let mut done = 0;
    for (topic, contacts) in topics {
        let mut text = format!(
            "title = \"replay\"\nowner = \"replay\"\nreviewed = 2026-01-01\nhours = \"always\"\nactivate = \"automatic\"\n\
             severity = 3\n[[when]]\nsurge = \"{topic}\"\nreports = {}\nwithin = \"{}s\"\n",
            floors.surge_reports,
            floors.surge_within.as_secs(),
        );
        if let Some((reports, metres, within)) = cluster {
            text += &format!(
                "[[when]]\ncluster = \"{topic}\"\nreports = {reports}\nwithin = {{ metres = {metres}, minutes = {} }}\n",
                within.as_mins()
            );
        }
        text += "[[step]]\nsay = \"-\"\n";
        let documents = vec![Document::new(DocumentKind::Playbook, "replay", text)];
        let mut core = Core::new(documents, contacts.first().map_or(Timestamp::UNIX_EPOCH, |contact| contact.at))?;
        let one = vec![topic.to_owned()];
        for contact in contacts {
            core.contact(contact, &one, replayed);
            done += 1;
            if done % TELL_EVERY == 0 {
                tell(done, all);
            }
        }
    }
    tell(all, all);
    Ok(())
}

/// All contacts through the council's own policy.
///
/// # Errors
/// The policy is not one; the caller has read it, so this is a bug.
pub fn by_policy(
    past: &[Past],
    documents: &[Document],
    tell: &mut dyn FnMut(u64, u64),
    replayed: &mut Replayed,
) -> Result<()> {
    let mut core = Core::new(documents.to_vec(), past.first().map_or(Timestamp::UNIX_EPOCH, |contact| contact.at))?;
    for (done, contact) in (0_u64..).zip(past) {
        core.contact(contact, &contact.topics, replayed);
        if done % TELL_EVERY == 0 {
            tell(done, past.len() as u64);
        }
    }
    Ok(())
}

struct Core {
    state: State,
}

impl Core {
    fn new(documents: Vec<Document>, at: Timestamp) -> Result<Self> {
        if let Err(problems) = crate::domain::policy::Policy::from_documents(&documents) {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            bail!("these rules do not hold together:\n{}", told.join("\n"));
        }
        let mut state = State::default();
        decide(&mut state, &Event::PolicyLoaded { documents, by: Author::system() }, at);
        Ok(Self { state })
    }

    fn contact(&mut self, past: &Past, topics: &[String], replayed: &mut Replayed) {
        while let Some(deadline) = next_deadline(&self.state).filter(|deadline| *deadline <= past.at) {
            self.event(&Event::Tick, deadline, replayed);
        }
        let contact = Contact {
            source: "replay".to_owned(),
            key: None,
            channel: past.channel,
            received_at: past.at,
            occurred_at: None,
            service: past.service.clone(),
            tags: tags(topics),
            place: past.place,
            body: None,
            answered: None,
            wait_s: None,
            land: None,
            alike: None,
            history: false,
        };
        self.event(&Event::ContactReceived { contact, sealed: None }, past.at, replayed);
    }

    /// One event, and what people would do: answer at once, note something, stand down when all is quiet.
    fn event(&mut self, event: &Event, at: Timestamp, replayed: &mut Replayed) {
        let decision = decide(&mut self.state, event, at);
        let mut fired_from = replayed.fired.len();
        for (_, record, _) in &decision.records {
            match record {
                Record::SignalRaised { signal } => replayed.fired.push(Fired {
                    at: decision.at,
                    topic: signal.topic.as_str().to_owned(),
                    evidence: signal.evidence.clone(),
                    then: None,
                    paged: false,
                }),
                Record::PlaybookActivated { playbook, incident, .. } => {
                    // A playbook that starts later (in the evening, say) stands by itself.
                    if fired_from == replayed.fired.len() && playbook.as_str() != "replay" {
                        let topic = self.state.incidents.by_id.get(incident).map(|i| i.topic.as_str().to_owned());
                        replayed.fired.push(Fired {
                            at: decision.at,
                            topic: topic.unwrap_or_default(),
                            evidence: "its hours have come".to_owned(),
                            then: None,
                            paged: false,
                        });
                    }
                    if let Some(last) = replayed.fired.get_mut(fired_from).filter(|_| playbook.as_str() != "replay") {
                        last.then = Some(format!("{playbook} activated"));
                    }
                }
                _ => {}
            }
        }
        fired_from = fired_from.min(replayed.fired.len());
        let paged: Vec<String> = decision
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::SendPage(order) => Some(order.person.as_str().to_owned()),
                Effect::CancelPages(_) | Effect::MailHead(_) | Effect::SendNotice(_) => None,
            })
            .collect();
        if let Some(last) = replayed.fired.get_mut(fired_from).filter(|_| !paged.is_empty()) {
            let mut people = paged.clone();
            people.dedup();
            let then = last.then.take().map_or_else(String::new, |then| format!("{then}, "));
            last.then = Some(format!("{then}paged: {}", people.join(", ")));
            last.paged = true;
        }
        for effect in decision.effects {
            if let Effect::SendPage(order) = effect {
                let by = Author { who: order.person.as_str().to_owned(), via: crate::domain::event::Via::Link };
                decide(&mut self.state, &Event::Acknowledged { page: order.page, by: by.clone() }, at);
                if let Some(incident) = order.incident {
                    let text = words();
                    let entry = Box::new(Entry::of(EntryKind::Action));
                    decide(&mut self.state, &Event::EntryWritten { incident, entry, by, text }, at);
                }
            }
        }
        self.stand_down_what_is_quiet(at);
    }

    fn stand_down_what_is_quiet(&mut self, at: Timestamp) {
        if self.state.incidents.open().next().is_none() {
            return;
        }
        let raised: Vec<_> = self.state.signals.raised.values().map(|raised| raised.signal.topic.clone()).collect();
        let quiet: Vec<IncidentId> =
            self.state.incidents.open().filter(|open| !raised.contains(&open.topic)).map(|open| open.id).collect();
        for incident in quiet {
            decide(&mut self.state, &Event::StoodDown { incident, by: Author::system(), reason: words() }, at);
        }
    }
}

/// A detail that nobody will read.
fn words() -> Sealed {
    Sealed::new([0; 16], DetailClass::Incident, b"\"replay\"".to_vec())
}
