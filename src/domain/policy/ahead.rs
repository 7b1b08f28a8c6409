//! What is amiss in the days ahead: hours with nobody, people nobody has ever reached, leave that meets a shift, nights on
//! which the clocks change. Found today, so that it is not found at 3 am.
//!
//! Each finding has an owner: the lead of the role, else the first manager. Not here: telling them.

use super::Policy;
use crate::domain::id::{PersonId, RoleId};
use crate::domain::person::PageChannel;
use crate::domain::problem::Code;
use crate::domain::rota::Role;
use crate::domain::rota::span::Span;
use crate::domain::time::{Timestamp, after, in_words};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub use super::cross_check::GAPS_AHEAD;

/// The most findings of one kind for one role; what comes after them is counted.
const FINDINGS_MAX: usize = 20;

/// The channels by which each person has ever answered.
pub type Proven = BTreeMap<PersonId, BTreeSet<PageChannel>>;

/// Something that somebody should see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind; `callout explain CODE` has a page on each.
    pub code: Code,
    /// Who should see to it; `None` if the rota names neither a lead nor a manager.
    pub owner: Option<PersonId>,
    /// The role that it is about.
    pub role: RoleId,
    /// The person that it is about, if one.
    pub person: Option<PersonId>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// What is amiss, in words; people by their ids.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Policy {
    /// Everything amiss from `now` for [`GAPS_AHEAD`], by when it begins.
    pub fn ahead(&self, now: Timestamp, proven: &Proven) -> Vec<Finding> {
        let window = Span::new(now, after(now, GAPS_AHEAD));
        let mut findings: Vec<Finding> = Vec::new();
        for role in self.rota.roles.values().filter(|role| role.named().next().is_some()) {
            let look = Look { policy: self, role, window: &window };
            look.gaps(&mut findings);
            look.leave(&mut findings);
            look.clocks(&mut findings);
            look.unproven(proven, &mut findings);
        }
        findings.sort_by(|one, other| (one.from, one.code, &one.role).cmp(&(other.from, other.code, &other.role)));
        findings
    }
}

struct Look<'p> {
    policy: &'p Policy,
    role: &'p Role,
    window: &'p Span,
}

impl Look<'_> {
    fn finding(&self, code: Code, person: Option<&PersonId>, span: &Span, message: String, help: &str) -> Finding {
        Finding {
            code,
            owner: self.role.lead.clone().or_else(|| self.policy.rota.managers.first().cloned()),
            role: self.role.id.clone(),
            person: person.cloned(),
            from: span.from,
            to: span.to,
            message,
            help: help.to_owned(),
        }
    }

    fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.policy.rota.zone.clone()).strftime("%a %-d %b %H:%M").to_string()
    }

    fn gaps(&self, findings: &mut Vec<Finding>) {
        let gaps = self.policy.rota.gaps(&self.role.id, self.window);
        for gap in gaps.iter().take(FINDINGS_MAX) {
            let message = format!(
                "nobody is on call as {} from {} to {} ({})",
                self.role.title,
                self.local(gap.from),
                self.local(gap.to),
                in_words(gap.lasts())
            );
            findings.push(self.finding(
                Code::R004,
                None,
                gap,
                message,
                "add an override, or a rotation without a hole",
            ));
        }
    }

    fn leave(&self, findings: &mut Vec<Finding>) {
        for (person, span) in self.policy.rota.leave_clashes(&self.role.id, self.window).iter().take(FINDINGS_MAX) {
            let message = format!(
                "{person} is on leave while on call as {} from {} to {}",
                self.role.title,
                self.local(span.from),
                self.local(span.to)
            );
            let help = "add an override with somebody else, or ask for a swap";
            findings.push(self.finding(Code::R013, Some(person), span, message, help));
        }
    }

    fn clocks(&self, findings: &mut Vec<Finding>) {
        // People who always hold the role have no shift that could be longer.
        if self.role.rotations.is_empty() && self.role.temporary.is_empty() {
            return;
        }
        let zone = &self.policy.rota.zone;
        for change in zone.following(self.window.from).take_while(|change| change.timestamp() < self.window.to) {
            let at = change.timestamp();
            let before =
                at.checked_sub(jiff::SignedDuration::from_secs(1)).map_or(0, |just| zone.to_offset(just).seconds());
            let (way, more) =
                if zone.to_offset(at).seconds() > before { ("forward", "shorter") } else { ("back", "longer") };
            for person in self.policy.rota.on_call(&self.role.id, at) {
                if self.role.standing.contains(&person) {
                    continue;
                }
                let message = format!(
                    "the clocks go {way} on {}: {person}'s shift as {} is {more} than usual",
                    at.to_zoned(zone.clone()).strftime("%a %-d %b"),
                    self.role.title
                );
                let help = "tell them, and look at handovers between 01:00 and 02:00";
                findings.push(self.finding(Code::R015, Some(&person), &Span::new(at, at), message, help));
            }
        }
    }

    fn unproven(&self, proven: &Proven, findings: &mut Vec<Finding>) {
        let mut told: BTreeSet<PersonId> = BTreeSet::new();
        for shift in self.policy.rota.shifts(&self.role.id, self.window) {
            let has = proven.get(&shift.person).is_some_and(|channels| !channels.is_empty());
            if has || !told.insert(shift.person.clone()) {
                continue;
            }
            let message = format!(
                "{} is on call as {} from {} and has never answered by any channel",
                shift.person,
                self.role.title,
                self.local(shift.span.from)
            );
            let help = format!("send a test page and have it answered: callout page test {}", shift.person);
            findings.push(self.finding(Code::R014, Some(&shift.person), &shift.span, message, &help));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::policy::{Document, DocumentKind};

    fn policy(rota: &str) -> Policy {
        let settings = Document::new(DocumentKind::Settings, "settings", "[council]\nzone = \"Europe/London\"\n");
        Policy::from_documents(&[settings, Document::new(DocumentKind::Rota, "rota", rota)]).unwrap()
    }

    #[test]
    fn each_thing_amiss_in_the_fortnight_is_a_finding_with_an_owner() {
        let policy = policy(
            r#"
managers = ["max"]
[[role]]
id = "duty"
title = "Duty officer"
lead = "lea"
[[role.rotation]]
from = 2026-01-05T08:00:00
people = ["ann", "bob"]
when = ["Mon-Fri 00:00-24:00", "Sun 00:00-24:00"]
[[role]]
id = "boss"
title = "Boss"
standing = ["zoe"]
[[leave]]
person = "ann"
from = 2026-10-26
to = 2026-10-26
"#,
        );
        let proven = [("bob", PageChannel::Sms), ("zoe", PageChannel::Email)]
            .map(|(id, channel)| (PersonId::from(id), BTreeSet::from([channel])));
        let findings = policy.ahead("2026-10-23T12:00:00Z".parse().unwrap(), &proven.into_iter().collect());
        let told: Vec<String> =
            findings.iter().map(|f| format!("{} {}: {}", f.code, f.owner.as_ref().unwrap(), f.message)).collect();
        assert_eq!(
            told,
            [
                "R004 lea: nobody is on call as Duty officer from Sat 24 Oct 00:00 to Sun 25 Oct 00:00 (1 d 0 h)",
                "R015 lea: the clocks go back on Sun 25 Oct: bob's shift as Duty officer is longer than usual",
                "R013 lea: ann is on leave while on call as Duty officer from Mon 26 Oct 08:00 to Tue 27 Oct 00:00",
                "R014 lea: ann is on call as Duty officer from Mon 26 Oct 08:00 and has never answered by any channel",
                "R004 lea: nobody is on call as Duty officer from Sat 31 Oct 00:00 to Sun 1 Nov 00:00 (1 d 0 h)",
            ]
        );
        assert!(findings.iter().all(|finding| finding.role == RoleId::from("duty")));
    }
}
