//! From the published view to what each page shows: names put to ids, times to zones, states to words.
//!
//! Plain functions of a [`Scene`]; they decide nothing and change nothing. How it looks is the templates' business
//! ([`crate::web::pages`]), who may see it the routes'.

mod incident;
mod incidents;
mod log;
mod phone;
mod small;
mod wall;

pub use crate::domain::telling::readable;
pub(in crate::web) use incident::letter;
pub use incident::{incident, map, map_of_all};
pub use incidents::incidents;
pub use log::{escaped, log};
pub use phone::phone;
pub use small::{chrome, rota, start};
pub use wall::wall;

use super::view::{Badge, Chart, ChartPoint, Moment, Tone};
use crate::domain::entry::EntryWords;
use crate::domain::id::{IncidentId, PersonId, RoleId, Seq};
use crate::domain::incident::Incident;
use crate::domain::paging::{CallOut, Status};
use crate::domain::person::People;
use crate::domain::policy::Policy;
use crate::domain::record::Rule;
use crate::domain::register::{BIN_S, Stream};
use crate::domain::state::View;
use crate::domain::telling::Teller;
use crate::domain::time::{SignedDuration, Timestamp, after, elapsed, in_words};
use jiff::tz::TimeZone;

/// What a page is drawn from.
pub struct Scene<'a> {
    /// The newest durable snapshot.
    pub view: &'a View,
    /// Names of people.
    pub people: &'a People,
    /// The council's zone.
    pub zone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
    /// The council's name, e.g. `Wexmoor Council`.
    pub council: &'a str,
    /// The words that a record names, unless erased.
    pub detail: &'a dyn Fn(Seq, &str) -> Option<Vec<u8>>,
}

impl Scene<'_> {
    /// The policy in force.
    fn policy(&self) -> Option<&Policy> {
        self.view.policy.in_force.as_deref()
    }

    /// A person's name; their short one where the people file has none.
    pub fn name(&self, id: &str) -> String {
        self.people.details.get(&PersonId::from(id)).map_or_else(|| id.to_owned(), |detail| detail.name.clone())
    }

    fn role(&self, id: &RoleId) -> String {
        self.policy()
            .and_then(|policy| policy.rota.roles.get(id))
            .map_or_else(|| readable(id.as_str()), |role| role.title.clone())
    }

    fn teller<'t>(&'t self, name: &'t dyn Fn(&str) -> String) -> Teller<'t> {
        Teller { name, zone: self.zone }
    }

    /// The words of an entry: what it says, then the rest of a decision, each part on a line of its own.
    fn words(&self, seq: Seq, digest: &str) -> String {
        let Some(content) = (self.detail)(seq, digest) else { return "(erased)".into() };
        let words = serde_json::from_slice::<EntryWords>(&content).unwrap_or_default();
        let parts = words.parts().map(|(heading, words)| format!("{heading}: {words}"));
        std::iter::once(words.text.clone()).chain(parts).collect::<Vec<_>>().join("\n")
    }

    fn ago(&self, at: Timestamp) -> String {
        let minutes = elapsed(at, self.now).as_mins().max(0);
        in_words(if minutes == 0 { elapsed(at, self.now) } else { SignedDuration::from_mins(minutes) })
    }

    /// An incident's name: its topic, and its playbooks' titles where they say more.
    fn title(&self, incident: &Incident) -> String {
        let first = incident.activations.iter().min_by_key(|(_, activation)| activation.at);
        let playbook = first
            .and_then(|(id, activation)| self.view.policy.playbooks.get(&(id.clone(), activation.version.clone())));
        let title = playbook.map_or_else(|| readable(incident.topic.as_str()), |playbook| playbook.title.clone());
        let title = match incident.place {
            Some(place) => format!("{title}, near {}", crate::domain::place::format_grid_reference(place, 3)),
            None => title,
        };
        if incident.exercise { format!("EXERCISE: {title}") } else { title }
    }

    fn badge(&self, incident: &Incident) -> Badge {
        match (incident.closed_at, incident.activations.is_empty(), self.holder(incident.id)) {
            (Some(_), _, _) => Badge::new(Tone::Grey, "Stood down"),
            (None, true, _) if incident.held.is_empty() => Badge::new(Tone::Warn, "Open"),
            (None, true, _) => Badge::new(Tone::Warn, "Proposed"),
            (None, false, _) => Badge::new(Tone::Bad, "Active"),
        }
    }

    /// Who has the incident, with their call-out.
    fn holder(&self, id: IncidentId) -> Option<(&CallOut, PersonId, Timestamp)> {
        let mut of_it = self.call_outs(id);
        of_it.find_map(|call_out| {
            let first = call_out.acknowledged.first()?;
            Some((call_out, first.person.clone(), first.at))
        })
    }

    /// The call-outs of an incident, oldest first.
    fn call_outs(&self, id: IncidentId) -> impl Iterator<Item = &CallOut> {
        self.view.paging.call_outs.values().map(std::convert::AsRef::as_ref).filter(move |c| c.incident == Some(id))
    }

    /// What an incident is about, in words.
    pub fn topic(&self, incident: &Incident) -> String {
        readable(incident.topic.as_str())
    }

    /// The name of who has the incident.
    pub fn holder_name(&self, id: IncidentId) -> Option<String> {
        self.holder(id).map(|(_, person, _)| self.name(person.as_str()))
    }

    fn officer(&self, incident: &Incident) -> String {
        match self.holder(incident.id) {
            Some((call_out, person, _)) => {
                let level = call_out.called.get(&person).map_or(0, |called| called.level) as usize;
                let role = call_out.ladder.get(level).map(|role| self.role(role)).unwrap_or_default();
                format!("{role} {}", self.name(person.as_str())).trim().to_owned()
            }
            None if self.call_outs(incident.id).any(|c| c.status == Status::Paging) => "Nobody has it yet".into(),
            None => format!("Opened by {}", self.name(&incident.opened_by.who)),
        }
    }

    /// Contacts of a topic in bins of five minutes over the last `hours`.
    fn chart(&self, incident: &Incident, hours: i64) -> Chart {
        let until = self.now.as_second().div_euclid(BIN_S);
        let from = until - hours * 3_600 / BIN_S;
        let bins = self.view.tally.bins.get(&Stream::Tag(incident.topic.clone()));
        let usual = self.usual(incident);
        let points: Vec<ChartPoint> = (from..=until)
            .map(|bin| {
                let at = Timestamp::from_second(bin * BIN_S).unwrap_or(Timestamp::UNIX_EPOCH);
                let count = bins.and_then(|bins| bins.get(&bin)).copied().unwrap_or(0);
                ChartPoint { at: Moment::clock(at, self.zone), unix_s: bin * BIN_S, count, usual }
            })
            .collect();
        let most = points.iter().map(|point| point.count).max().unwrap_or(0);
        let now = points.last().map_or(0, |point| point.count);
        let topic = readable(incident.topic.as_str());
        Chart {
            title: format!("{topic} contacts, every 5 min"),
            summary: format!(
                "{topic}: {now} in the last 5 minutes, at most {most} in any 5 minutes of the last {hours} hours."
            ),
            points,
        }
    }

    /// How many contacts of the topic are usual in five minutes, by what the newest volume signal about it says; the signal
    /// counts over a window of its own, so this is its share.
    pub fn usual(&self, incident: &Incident) -> Option<(f64, f64)> {
        let signals = &self.view.signals;
        let known = signals.raised.values().map(|raised| &raised.signal).chain(signals.cleared.values());
        let mut of_topic = known.filter(|signal| signal.topic == incident.topic);
        of_topic.next_back().and_then(|signal| match signal.rule {
            Rule::Volume { within_s, usual_low, usual_high, .. } if within_s > 0 => {
                let share = |n: u32| f64::from(n) * BIN_S as f64 / f64::from(within_s);
                Some((share(usual_low), share(usual_high)))
            }
            _ => None,
        })
    }

    /// What is usual, for beside a number: `usual 0 to 4`; empty where it is not learnt.
    pub fn usual_words(&self, incident: &Incident) -> String {
        self.usual(incident)
            .map_or_else(String::new, |(low, high)| format!("usual {:.0} to {:.0}", low.floor(), high.ceil()))
    }

    /// Contacts of the incident's topic in the five minutes up to now.
    fn in_five_minutes(&self, incident: &Incident) -> u32 {
        let since = after(self.now, SignedDuration::from_secs(-BIN_S));
        let recent = self.view.tally.recent.iter().rev().take_while(|contact| contact.received_at > since);
        u32::try_from(recent.filter(|contact| contact.tags.contains(&incident.topic)).count()).unwrap_or(u32::MAX)
    }
}
