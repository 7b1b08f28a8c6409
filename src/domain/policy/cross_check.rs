//! What only shows when the documents are laid side by side: a step that pages a role nobody holds, a name the people
//! file does not have, a plan nobody has looked at for a year.
//!
//! Whatever depends on the day is a finding and never an error: a daemon that starts again at 3 am must not refuse
//! because a rota ran out at midnight.

use super::{Document, DocumentKind, Policy};
use crate::domain::id::{PersonId, RoleId};
use crate::domain::playbook::{Activate, Playbook, Step};
use crate::domain::problem::{Code, Problem, did_you_mean};
use crate::domain::reading::{locate, position};
use crate::domain::rota::read::{Named, named_in};
use crate::domain::rota::span::Span;
use crate::domain::time::{SignedDuration, Timestamp, after};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far ahead the rota is searched for gaps.
pub const GAPS_AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A playbook should be reviewed once a year.
const REVIEW_DAYS: i32 = 366;
/// A finding when the table of bank holidays ends sooner than this.
const HOLIDAYS_AHEAD_DAYS: i32 = 90;

impl Policy {
    /// Everything that does not hold between the documents, as of `now`. `documents` are those that the policy was made
    /// of: they give the places. The file of each problem is its document's name.
    pub fn problems(&self, documents: &[Document], now: Timestamp) -> Vec<Problem> {
        let mut check = Check { policy: self, documents, now, problems: Vec::new() };
        check.rota();
        check.calendar();
        check.keywords();
        for playbook in self.playbooks.values() {
            check.playbook(playbook);
        }
        check.problems
    }

    /// The spans within [`GAPS_AHEAD`] of `now` in which nobody holds the role, cut at the horizon.
    pub fn gaps(&self, role: &RoleId, now: Timestamp) -> Vec<Span> {
        self.rota.gaps(role, &Span::new(now, after(now, GAPS_AHEAD)))
    }
}

struct Check<'p> {
    policy: &'p Policy,
    documents: &'p [Document],
    now: Timestamp,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// Notes a problem at a part of a document.
    fn note(&mut self, (kind, name): (DocumentKind, &str), path: &[&str], code: Code, message: String, help: String) {
        let mut problem = Problem::of_file(name, code, message).with_help(help);
        if let Some(document) = self.documents.iter().rev().find(|doc| doc.kind == kind && doc.name == name) {
            (problem.line, problem.column, problem.width) = position(&document.text, &locate(&document.text, path));
        }
        self.problems.push(problem);
    }

    fn note_rota(&mut self, path: &[&str], code: Code, message: String, help: String) {
        let rota = self.documents.iter().rev().find(|doc| doc.kind == DocumentKind::Rota);
        let name = rota.map_or_else(|| "rota".to_owned(), |doc| doc.name.clone());
        self.note((DocumentKind::Rota, &name), path, code, message, help);
    }

    fn rota(&mut self) {
        let used: BTreeSet<RoleId> =
            self.policy.playbooks.values().flat_map(|p| p.steps.iter().flat_map(Step::roles)).cloned().collect();
        let text =
            self.documents.iter().rev().find(|doc| doc.kind == DocumentKind::Rota).map(|doc| Arc::clone(&doc.text));
        for Named { path, role, person } in named_in(text.as_deref().unwrap_or_default()) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            self.known(&path, &person);
            if let Some(role) = role {
                self.eligible(&path, &role, &person);
            }
        }
        let order = self.roles_in_file_order();
        for role in self.policy.rota.roles.values() {
            let index = order.get(role.id.as_str()).cloned().unwrap_or_default();
            let gaps = self.policy.gaps(&role.id, self.now);
            if let Some(Span { from, to }) =
                gaps.first().filter(|_| used.contains(&role.id) && role.named().next().is_some())
            {
                let more = if gaps.len() > 1 { format!(", and {} times more", gaps.len() - 1) } else { String::new() };
                let message = format!(
                    "nobody is on call as \"{}\" from {} to {}{more}",
                    role.id,
                    self.local(*from),
                    self.local(*to)
                );
                let help = "add an override, or a rotation without a hole".to_owned();
                self.note_rota(&["role", &index], Code::R004, message, help);
            }
        }
        if self.policy.rota.fallback.is_empty() && !self.policy.rota.roles.is_empty() {
            let message = "`fallback` is empty: when a whole ladder stays silent nobody further is paged".to_owned();
            let help = "name people who must always hear, e.g. fallback = [\"chief.executive\"]".to_owned();
            self.note_rota(&["fallback"], Code::R005, message, help);
        }
    }

    fn keywords(&mut self) {
        for (index, topic) in self.policy.keywords.topics.iter().enumerate() {
            if topic.yes.is_empty() || topic.no.is_empty() {
                let message = format!("the topic \"{}\" has no examples to try its phrases on", topic.tag);
                let help = "give it `yes`, texts that must match, and `no`, texts that must not".to_owned();
                let path = ["topic", &index.to_string(), "tag"];
                self.note((DocumentKind::Keywords, "keywords"), &path, Code::K004, message, help);
            }
        }
    }

    fn known(&mut self, path: &[&str], person: &PersonId) {
        if self.policy.people.contains_key(person) {
            return;
        }
        let ids = self.policy.people.keys().map(PersonId::as_str);
        let help = match did_you_mean(person.as_str(), ids) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "add the person to the people file".to_owned(),
        };
        self.note_rota(path, Code::R001, format!("there is no person \"{person}\""), help);
    }

    fn eligible(&mut self, path: &[&str], role: &RoleId, person: &PersonId) {
        let Some(known) = self.policy.people.get(person) else { return };
        if !known.eligible.is_empty() && !known.eligible.contains(role) {
            let message = format!("\"{person}\" is not down as eligible for \"{role}\"");
            let help = "add the role to `eligible` of the person, or take the person off".to_owned();
            self.note_rota(path, Code::R003, message, help);
        }
    }

    fn calendar(&mut self) {
        let Some(last) = self.policy.calendar.holidays.keys().next_back() else { return };
        let today = self.policy.calendar.zone.to_datetime(self.now).date();
        let left = today.until((jiff::Unit::Day, *last)).map_or(0, |span| span.get_days());
        if left < HOLIDAYS_AHEAD_DAYS {
            let message = format!("the bank holidays end on {last}");
            let help = "add the coming years from www.gov.uk/bank-holidays".to_owned();
            self.note((DocumentKind::Holidays, "holidays"), &[], Code::D002, message, help);
        }
    }

    fn playbook(&mut self, playbook: &Playbook) {
        let name = playbook.id.as_str();
        let here = (DocumentKind::Playbook, name);
        let today = self.policy.calendar.zone.to_datetime(self.now).date();
        let age = playbook.reviewed.until((jiff::Unit::Day, today)).map_or(0, |span| span.get_days());
        if age >= REVIEW_DAYS {
            let message = format!("last reviewed on {}, over a year ago", playbook.reviewed);
            let help = format!("ask {} whether the plan is still true, then set today's date", playbook.owner);
            self.note(here, &["reviewed"], Code::P015, message, help);
        }
        for (index, step) in playbook.steps.iter().enumerate() {
            self.step(playbook, &index.to_string(), step);
        }
        let tags: BTreeSet<&str> = self.policy.keywords.tags().map(|tag| tag.as_str()).collect();
        for (index, condition) in playbook.when.iter().enumerate() {
            let Some(topic) = condition.topic().filter(|topic| !tags.contains(topic.as_str())) else { continue };
            let help = match did_you_mean(topic.as_str(), tags.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"? Or add a [[topic]] to the keywords"),
                None => "add a [[topic]] to the keywords, or rely on advisors' tags alone".to_owned(),
            };
            let path = ["when", &index.to_string(), condition.evidence().as_str()];
            self.note(here, &path, Code::P017, format!("no keyword rule gives the topic \"{topic}\""), help);
        }
        if playbook.activate == Activate::Automatic {
            if playbook.when.is_empty() {
                let message = "it is automatic but has no [[when]], so it never starts by itself".to_owned();
                self.note(
                    here,
                    &["activate"],
                    Code::P020,
                    message,
                    "add a condition, or make it \"proposed\"".to_owned(),
                );
            }
            if !playbook.steps.iter().any(|step| matches!(step, Step::Page { .. })) {
                let message = "it starts by itself but pages nobody".to_owned();
                self.note(here, &["activate"], Code::P019, message, "add a step with `page`".to_owned());
            }
        }
    }

    fn step(&mut self, playbook: &Playbook, index: &str, step: &Step) {
        let here = (DocumentKind::Playbook, playbook.id.as_str());
        for (place, role) in step.roles().into_iter().enumerate() {
            let then = place.saturating_sub(1).to_string();
            let path: Vec<&str> = match step {
                Step::Page { .. } if place > 0 => vec!["step", index, "then", &then],
                Step::Page { .. } => vec!["step", index, "page"],
                Step::Task { .. } | Step::Say { .. } => vec!["step", index, "by"],
            };
            match self.policy.rota.roles.get(role) {
                None => {
                    let help = match did_you_mean(role.as_str(), self.policy.rota.roles.keys().map(RoleId::as_str)) {
                        Some(meant) => format!("did you mean \"{meant}\"?"),
                        None => "add a [[role]] with this id to the rota".to_owned(),
                    };
                    self.note(here, &path, Code::P013, format!("the rota has no role \"{role}\""), help);
                }
                Some(known) if known.named().next().is_none() => {
                    let message = format!("this step needs role \"{role}\", which nobody holds");
                    let help = "give the role `standing` people or a rotation in the rota".to_owned();
                    self.note(here, &path, Code::P014, message, help);
                }
                Some(_) => {}
            }
        }
        let Step::Page { role, wanted, only_if, .. } = step else { return };
        let holders = self.policy.rota.roles.get(role).map(|role| role.named().collect::<BTreeSet<_>>().len());
        if holders.is_some_and(|holders| holders > 0 && holders < *wanted as usize) {
            let message = format!("this step wants {wanted} people, but \"{role}\" has {}", holders.unwrap_or(0));
            let help = "lower `wanted`, or put more people on the role".to_owned();
            self.note(here, &["step", index, "wanted"], Code::P016, message, help);
        }
        if let Some(evidence) = only_if
            && !playbook.when.iter().any(|condition| condition.evidence() == *evidence)
        {
            let message = format!("this step waits for a {}, but no condition gives one", evidence.as_str());
            let help = "add such a [[when]], or drop `only_if`".to_owned();
            self.note(here, &["step", index, "only_if"], Code::P018, message, help);
        }
    }

    /// A time as the reader of the rota says it.
    fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.policy.rota.zone.clone()).strftime("%a %-d %b %H:%M").to_string()
    }

    /// The place of each role among the `[[role]]`s of the file.
    fn roles_in_file_order(&self) -> BTreeMap<String, String> {
        let rota = self.documents.iter().rev().find(|doc| doc.kind == DocumentKind::Rota);
        let table = rota.and_then(|doc| doc.text.parse::<toml::Table>().ok()).unwrap_or_default();
        let roles = table.get("role").and_then(|roles| roles.as_array()).cloned().unwrap_or_default();
        let ids = roles.iter().enumerate().filter_map(|(n, role)| Some((role.get("id")?.as_str()?, n)));
        ids.map(|(id, n)| (id.to_owned(), n.to_string())).collect()
    }
}
