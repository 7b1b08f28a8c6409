//! The oracle: knows what was answered and what left the building, reads the records, and says what was broken. It
//! never looks at the state, and knows the rota and the rules by heart.

use callout::domain::decide::Decision;
use callout::domain::effect::{NoticeOrder, PageOrder};
use callout::domain::event::{Event, Receipt, Sealed};
use callout::domain::id::{CallOutId, ContactId, IncidentId, PageId, PersonId, Seq};
use callout::domain::notice::About;
use callout::domain::person::PageChannel;
use callout::domain::playbook::Severity;
use callout::domain::policy::DocumentKind;
use callout::domain::record::Record;
use callout::domain::time::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

type Lines = [(Seq, Timestamp, String)];

/// Who is on call: the rota of the simulated council never changes.
fn on_call(role: &str) -> &'static [&'static str] {
    match role {
        "duty_officer" => &["priya.nair"],
        "deputy" => &["imran.shah"],
        "tactical" => &["kwame.boateng"],
        "emergency_control" => &["anil.desai", "beth.corrigan", "carl.hibbert"],
        _ => &[],
    }
}

/// So many of a topic in so many minutes open an incident, whatever a detector may think.
fn floor(topic: &str) -> (usize, i64) {
    match topic {
        "danger" => (2, 30),
        "waste" => (3, 60),
        _ => (5, 60),
    }
}

/// What the records say, followed one by one.
#[derive(Default)]
struct Told {
    call_outs: BTreeMap<CallOutId, CallOut>,
    pages: BTreeMap<PageId, Page>,
    incidents: BTreeMap<IncidentId, Incident>,
    /// By the oracle's own mark.
    contacts: BTreeMap<String, ContactId>,
    /// Instants of the live contacts of a topic since its last stand-down.
    counted: BTreeMap<String, Vec<Timestamp>>,
    stood_down: BTreeMap<String, Timestamp>,
    people: BTreeSet<String>,
    people_of: BTreeMap<String, BTreeSet<String>>,
    /// The last message to a person by a channel, danger to life and exercises apart.
    messages: BTreeMap<(PersonId, PageChannel), Vec<Timestamp>>,
    /// The last news to a person.
    news: BTreeMap<PersonId, Timestamp>,
    last_at: Option<Timestamp>,
}

#[derive(PartialEq, Clone, Copy)]
enum Status {
    Paging,
    Acknowledged(Timestamp),
    Ended,
}

struct CallOut {
    incident: Option<IncidentId>,
    ladder: Vec<String>,
    wanted: usize,
    severity: Severity,
    status: Status,
    level: Option<u32>,
    level_people: Vec<PersonId>,
    passed: bool,
    widened: bool,
    called: BTreeSet<PersonId>,
    declined: BTreeSet<PersonId>,
    has_it: BTreeSet<PersonId>,
    attempts: BTreeMap<(PersonId, PageChannel), u32>,
    used: BTreeMap<(PersonId, PageChannel), Timestamp>,
    /// Pages to each person so far.
    tries: BTreeMap<PersonId, u32>,
    /// Who was called in and has not been paged yet, with a recorded reason.
    held: BTreeMap<PersonId, (Timestamp, SignedDuration)>,
    /// The last thing done about it, and how long callout had been down altogether by then.
    acted: (Timestamp, SignedDuration),
}

struct Page {
    call_out: CallOutId,
    also: Vec<CallOutId>,
    person: PersonId,
    channel: PageChannel,
    intended: (Timestamp, SignedDuration),
    outcome: bool,
    receipt: Option<Receipt>,
}

struct Incident {
    topic: String,
    exercise: bool,
    open: bool,
}

/// The oracle.
pub struct Oracle {
    told: Told,
    lines: Vec<(Seq, Timestamp, Record)>,
    durable: Seq,
    answered: BTreeMap<u64, ContactId>,
    handed_out: BTreeSet<PageId>,
    sent: BTreeMap<PageId, Timestamp>,
    down: SignedDuration,
    down_since: Option<Timestamp>,
}

fn ensure(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(broken()) }
}

impl Oracle {
    pub fn new(_now: Timestamp) -> Self {
        Self {
            told: Told::default(),
            lines: Vec::new(),
            durable: Seq(0),
            answered: BTreeMap::new(),
            handed_out: BTreeSet::new(),
            sent: BTreeMap::new(),
            down: SignedDuration::ZERO,
            down_since: None,
        }
    }

    /// A record was made.
    pub fn recorded(&mut self, seq: Seq, at: Timestamp, record: &Record) -> Result<(), String> {
        ensure(seq.0 == self.lines.len() as u64 + 1, || format!("I13: record {seq} does not follow on"))?;
        self.lines.push((seq, at, record.clone()));
        self.told.follow(seq, at, record, &self.sent, self.down)
    }

    /// A decision is complete.
    pub fn decided(&mut self, decision: &Decision, now: Timestamp) -> Result<(), String> {
        for (_, record, _) in &decision.records {
            if let Record::PlaybookActivated { incident, playbook, .. } = record {
                let called = decision.records.iter().any(|(_, other, _)| match other {
                    Record::CallOutStarted { incident: of, step: Some((by, _)), .. } => {
                        *of == Some(*incident) && by == playbook
                    }
                    Record::StepCovered { incident: of, playbook: by, .. } => of == incident && by == playbook,
                    _ => false,
                });
                ensure(called, || format!("I2: {playbook} was activated for {incident} and nobody is called"))?;
            }
            if let Record::LevelStarted { call_out, people, held, .. } = record {
                let track = &self.told.call_outs[call_out];
                for person in people.iter().filter(|person| !held.contains(person)) {
                    let paged = decision.records.iter().any(|(_, other, _)| {
                        matches!(other, Record::PageIntended { call_out: of, person: whom, also, .. }
                            if (of == call_out || also.contains(call_out)) && whom == person)
                            || matches!(other, Record::Declined { call_out: of, person: whom, .. } if of == call_out && whom == person)
                    });
                    ensure(paged || track.severity == Severity::Morning, || {
                        format!("I2: {person} is called in by {call_out} and not paged")
                    })?;
                }
            }
            if let Record::ContactTaken { contact, .. } = record {
                let topic = contact.tags[0].as_str();
                self.told.surge_is_seen(topic, now)?;
            }
        }
        Ok(())
    }

    /// I4 and I7: every running call-out is acted upon in time, every page comes to an outcome.
    pub fn nothing_is_late(&self, now: Timestamp) -> Result<(), String> {
        let waited = |since: (Timestamp, SignedDuration)| now.duration_since(since.0) - (self.down - since.1);
        for (id, call_out) in &self.told.call_outs {
            let urgent = call_out.severity != Severity::Morning && call_out.incident.is_some();
            if call_out.status == Status::Paging && urgent {
                let waited = waited(call_out.acted);
                ensure(waited <= SignedDuration::from_secs(605), || {
                    format!("I7: nothing was done about {id} for {waited:?}")
                })?;
            }
            for (person, since) in call_out.held.iter().filter(|_| call_out.status == Status::Paging) {
                let waited = waited(*since);
                ensure(waited <= SignedDuration::from_secs(125), || {
                    format!("I2: {person} is held back from {id} for {waited:?}")
                })?;
            }
        }
        for (id, page) in &self.told.pages {
            let running = |id: &CallOutId| self.told.call_outs.get(id).is_some_and(|c| c.status == Status::Paging);
            if (running(&page.call_out) || page.also.iter().any(running)) && !page.outcome {
                let waited = waited(page.intended);
                ensure(waited <= SignedDuration::from_secs(90), || {
                    format!("I4: {id} to {} is without an outcome for {waited:?}", page.person)
                })?;
            }
        }
        Ok(())
    }

    /// The last records, contacts left out, for whoever looks into a failure.
    pub fn tail(&self, n: usize) -> String {
        let told = self.lines.iter().filter(|(_, _, record)| !matches!(record, Record::ContactTaken { .. }));
        let mut lines: Vec<String> = told
            .rev()
            .take(n)
            .map(|(seq, at, record)| format!("  {seq} {at} {}", serde_json::to_string(record).unwrap_or_default()))
            .collect();
        lines.reverse();
        lines.join("\n")
    }

    /// The disk has records up to here.
    pub fn durable(&mut self, head: Seq) {
        self.durable = head;
    }

    /// I1: the sender of a contact is told that it was taken.
    pub fn contact_answered(&mut self, key: u64, _topic: &str, id: ContactId, _now: Timestamp) -> Result<(), String> {
        ensure(id.0 <= self.durable.0, || format!("I1: contact {key} was answered and is not durable"))?;
        let taken = self.lines.get(id.0 as usize - 1);
        let same = matches!(taken, Some((_, _, Record::ContactTaken { contact, .. })) if contact.service == Some(key.to_string()));
        ensure(same, || format!("I1: contact {key} was answered as {id}, which is something else"))?;
        let before = self.answered.insert(key, id);
        ensure(before.is_none_or(|before| before == id), || format!("I1: contact {key} was answered in two ways"))
    }

    pub fn is_answered(&self, key: u64) -> bool {
        self.answered.contains_key(&key)
    }

    /// I6: somebody was told that it is theirs.
    pub fn told_yours(&mut self, page: PageId, person: &PersonId) -> Result<(), String> {
        let of: Vec<CallOutId> = self
            .told
            .pages
            .get(&page)
            .into_iter()
            .flat_map(|p| [p.call_out].into_iter().chain(p.also.clone()))
            .collect();
        let recorded = self.lines.iter().take(self.durable.0 as usize).any(|(_, _, record)| {
            matches!(record, Record::Acknowledged { call_out, person: whom, .. } if of.contains(call_out) && whom == person)
        });
        ensure(recorded, || format!("I6: {person} was told that {page} is theirs, and no durable record says so"))
    }

    /// I3, I5, I18: a page leaves the core.
    pub fn handed_out(&mut self, order: &PageOrder) -> Result<(), String> {
        let page = order.page;
        ensure(page.0 <= self.durable.0, || format!("I5: {page} is sent before its record is durable"))?;
        let as_recorded = matches!(
            self.lines.get(page.0 as usize - 1),
            Some((_, _, Record::PageIntended { person, channel, .. })) if *person == order.person && *channel == order.channel
        );
        ensure(as_recorded, || format!("I5: {page} is sent otherwise than recorded"))?;
        ensure(self.handed_out.insert(page), || format!("I3: {page} is sent twice"))?;
        let exercise = order.incident.is_some_and(|id| self.told.incidents.get(&id).is_some_and(|i| i.exercise));
        ensure(order.exercise == exercise, || {
            format!("I18: {page} says exercise {}, and it is {exercise}", order.exercise)
        })
    }

    /// I5, I18: a notice leaves the core.
    pub fn notice_handed_out(&mut self, order: &NoticeOrder) -> Result<(), String> {
        let notice = order.notice;
        ensure(notice.0 <= self.durable.0, || format!("I5: {notice} is sent before its record is durable"))?;
        let as_recorded = matches!(
            self.lines.get(notice.0 as usize - 1),
            Some((_, _, Record::NoticeIntended { person, .. })) if *person == order.person
        );
        ensure(as_recorded, || format!("I5: {notice} is sent otherwise than recorded"))?;
        let exercise = |id: &IncidentId| self.told.incidents.get(id).is_some_and(|incident| incident.exercise);
        let same = order.list.iter().all(|each| exercise(&each.incident) == order.exercise);
        ensure(same, || format!("I18: {notice} says exercise {}", order.exercise))
    }

    /// I8: what fell due while callout was down is paged with the most severe first.
    pub fn most_severe_first(&self, event: &Event, records: &[(Seq, Record, Option<Sealed>)]) -> Result<(), String> {
        if !matches!(event, Event::Started { .. }) {
            return Ok(());
        }
        let severity = |record: &Record| match record {
            Record::PageIntended { call_out, repeats: None, .. } => {
                self.told.call_outs.get(call_out).map(|call_out| call_out.severity)
            }
            _ => None,
        };
        let in_order: Vec<Severity> = records.iter().filter_map(|(_, record, _)| severity(record)).collect();
        ensure(in_order.is_sorted(), || format!("I8: after the start pages go in the order {in_order:?}"))
    }

    /// The kind of the last record.
    pub fn last_record(&self) -> String {
        let last = self.lines.last().map(|(_, _, record)| serde_json::to_value(record).unwrap_or_default());
        last.and_then(|json| Some(json.get("type")?.as_str()?.to_owned())).unwrap_or_default()
    }

    /// A transport really sends it.
    pub fn sent(&mut self, page: PageId, _person: &PersonId, now: Timestamp) -> Result<(), String> {
        ensure(self.sent.insert(page, now).is_none(), || format!("I3: {page} was sent twice"))
    }

    /// The process died; the disk has records up to here.
    pub fn crashed(&mut self, head: Seq, now: Timestamp) {
        self.durable = head;
        self.lines.truncate(head.0 as usize);
        self.down_since = Some(now);
        let mut told = Told::default();
        for (seq, at, record) in &self.lines {
            // What it said of them when they were made stands; here only the memory is rebuilt.
            let _ = told.follow(*seq, *at, record, &self.sent, self.down);
        }
        // Nobody is blamed for the time before the crash twice.
        for (id, call_out) in &mut told.call_outs {
            if let Some(before) = self.told.call_outs.get(id) {
                call_out.acted.1 = call_out.acted.1.min(before.acted.1);
            }
        }
        self.told = told;
    }

    /// The process is up again, with this log.
    pub fn up(&mut self, now: Timestamp, log: &Lines) -> Result<(), String> {
        if let Some(since) = self.down_since.take() {
            self.down += now.duration_since(since);
        }
        ensure(log.len() as u64 == self.durable.0, || {
            format!("I1: the disk had {} records, and {} came back", self.durable, log.len())
        })?;
        for (key, id) in &self.answered {
            ensure(id.0 <= self.durable.0, || format!("I1: contact {key} was answered and is lost"))?;
        }
        Ok(())
    }

    /// Everything once more.
    pub fn at_the_end(&mut self, now: Timestamp, log: &Lines) -> Result<(), String> {
        if self.down_since.is_none() {
            self.nothing_is_late(now)?;
        }
        ensure(log.len() as u64 == self.durable.0, || "I1: records are missing at the end".into())?;
        let mut marks = BTreeSet::new();
        for (_, _, record) in &self.lines {
            if let Record::ContactTaken { contact, .. } = record {
                ensure(marks.insert(contact.service.clone()), || {
                    format!("I1: contact {:?} counts twice", contact.service)
                })?;
            }
        }
        for key in self.answered.keys() {
            ensure(marks.contains(&Some(key.to_string())), || {
                format!("I1: contact {key} was answered and is not there")
            })?;
        }
        ensure(self.told.pages.len() < 6_000, || format!("I15: {} pages in two days", self.told.pages.len()))
    }
}

impl Told {
    fn call_out(&mut self, id: &CallOutId) -> Result<&mut CallOut, String> {
        self.call_outs.get_mut(id).ok_or_else(|| format!("{id} was never started"))
    }

    fn follow(
        &mut self,
        seq: Seq,
        at: Timestamp,
        record: &Record,
        sent: &BTreeMap<PageId, Timestamp>,
        down: SignedDuration,
    ) -> Result<(), String> {
        ensure(self.last_at.is_none_or(|last| last <= at), || format!("record {seq} goes back in time"))?;
        self.last_at = Some(at);
        match record {
            Record::DocumentRecorded { document } if document.kind == DocumentKind::People => {
                let ids = document.text.lines().filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'));
                self.people_of.insert(document.sha256.clone(), ids.map(str::to_owned).collect());
            }
            Record::PolicyInForce { documents, .. } => {
                let people = documents.iter().find(|(kind, _, _)| *kind == DocumentKind::People);
                self.people = people.and_then(|(_, _, sha)| self.people_of.get(sha)).cloned().unwrap_or_default();
            }
            Record::Started { .. } => {
                for call_out in self.call_outs.values_mut() {
                    // After a restart pages may be repeated sooner than usual.
                    call_out.used.clear();
                }
            }
            Record::ContactTaken { contact, incident, .. } => {
                let mark = contact.service.clone().unwrap_or_default();
                ensure(self.contacts.insert(mark.clone(), seq.into()).is_none(), || {
                    format!("I1: contact {mark} counts twice")
                })?;
                self.counted.entry(contact.tags[0].as_str().to_owned()).or_default().push(at);
                if let Some(incident) = incident.and_then(|id| self.incidents.get(&id)) {
                    ensure(!incident.exercise, || format!("I18: contact {mark} counts towards an exercise"))?;
                }
            }
            Record::IncidentOpened { topic, exercise, .. } => {
                let twin =
                    self.incidents.values().any(|i| i.open && i.topic == topic.as_str() && i.exercise == *exercise);
                ensure(!twin, || format!("a second incident about {topic} was opened"))?;
                let incident = Incident { topic: topic.as_str().to_owned(), exercise: *exercise, open: true };
                self.incidents.insert(seq.into(), incident);
            }
            Record::EvidenceJoined { incident, .. } => {
                let exercise = self.incidents.get(incident).is_none_or(|incident| incident.exercise);
                ensure(!exercise, || format!("I18: real evidence joined the exercise {incident}"))?;
            }
            Record::StoodDown { incident, .. } => {
                for (id, call_out) in &self.call_outs {
                    let over = call_out.incident != Some(*incident) || call_out.status == Status::Ended;
                    ensure(over, || format!("I4: {incident} is stood down and {id} goes on"))?;
                }
                if let Some(found) = self.incidents.get_mut(incident) {
                    found.open = false;
                    if !found.exercise {
                        self.counted.remove(&found.topic);
                        self.stood_down.insert(found.topic.clone(), at);
                    }
                }
            }
            Record::CallOutStarted { incident, ladder, wanted, severity, .. } => {
                let open = incident.is_none_or(|id| self.incidents.get(&id).is_some_and(|incident| incident.open));
                ensure(open, || format!("a call-out begins for the closed {incident:?}"))?;
                let call_out = CallOut {
                    incident: *incident,
                    ladder: ladder.iter().map(|role| role.as_str().to_owned()).collect(),
                    wanted: *wanted as usize,
                    severity: *severity,
                    status: Status::Paging,
                    level: None,
                    level_people: Vec::new(),
                    passed: false,
                    widened: false,
                    called: BTreeSet::new(),
                    declined: BTreeSet::new(),
                    has_it: BTreeSet::new(),
                    attempts: BTreeMap::new(),
                    used: BTreeMap::new(),
                    tries: BTreeMap::new(),
                    held: BTreeMap::new(),
                    acted: (at, down),
                };
                self.call_outs.insert(seq.into(), call_out);
            }
            Record::LevelStarted { call_out: id, level, people, passed, held } => {
                self.level_was_really_called(id, sent)?;
                self.held_with_reason(id, held, at)?;
                let known = self.people.clone();
                let call_out = self.call_out(id)?;
                ensure(call_out.status == Status::Paging, || format!("I6: {id} is acknowledged and climbs"))?;
                let role = call_out.ladder.get(*level as usize).cloned().unwrap_or_default();
                for person in on_call(&role).iter().filter(|person| known.contains(**person)) {
                    let person = PersonId::from(*person);
                    let there = people.contains(&person)
                        || call_out.has_it.contains(&person)
                        || call_out.declined.contains(&person)
                        || (call_out.called.contains(&person) && (passed.is_some() || !people.is_empty()));
                    ensure(there, || format!("I2: {person} is on call as {role} and {id} does not call them"))?;
                }
                ensure(!people.is_empty() || passed.is_some(), || {
                    format!("I2: a level of {id} is empty without a reason")
                })?;
                call_out.level = Some(*level);
                call_out.level_people = people.clone();
                call_out.passed = passed.is_some();
                call_out.held.extend(held.iter().map(|person| (person.clone(), (at, down))));
                call_out.called.extend(people.iter().cloned());
                call_out.acted = (at, down);
            }
            Record::CallOutWidened { call_out: id, people } => {
                let first = !self.call_out(id)?.widened;
                if first {
                    self.level_was_really_called(id, sent)?;
                }
                let known = self.people.clone();
                let call_out = self.call_out(id)?;
                ensure(call_out.status == Status::Paging, || format!("I6: {id} is acknowledged and calls everybody"))?;
                for person in ["helen.acheson", "ruth.winstanley"].into_iter().filter(|person| known.contains(*person))
                {
                    let person = PersonId::from(person);
                    let there = people.contains(&person) || call_out.has_it.contains(&person);
                    ensure(there, || format!("I4: {id} calls everybody and not {person}"))?;
                }
                call_out.widened = true;
                call_out.called.extend(people.iter().cloned());
                call_out.declined.clear();
                call_out.acted = (at, down);
            }
            Record::PageIntended { call_out: id, person, channel, attempt, repeats, also } => {
                self.within_the_limit(id, also, person, *channel, repeats.is_some(), at)?;
                for id in std::iter::once(id).chain(also) {
                    let call_out = self.call_out(id)?;
                    ensure(call_out.status == Status::Paging, || format!("I6: {id} is not paging and pages {person}"))?;
                    ensure(call_out.called.contains(person), || format!("I2: {id} has not called {person}"))?;
                    let key = (person.clone(), *channel);
                    let tries = call_out.tries.get(person).copied().unwrap_or(0);
                    let attempt = if also.contains(id) { tries + 1 } else { *attempt };
                    call_out.tries.insert(person.clone(), attempt);
                    let before = call_out.attempts.insert(key.clone(), attempt).unwrap_or(0);
                    ensure(attempt > before, || {
                        format!("I3: attempt {attempt} to {person} by {channel} after {before}")
                    })?;
                    let used = call_out.used.insert(key, at);
                    let soon = used.is_some_and(|used| at.duration_since(used) < SignedDuration::from_secs(119));
                    ensure(!soon || repeats.is_some() || also.contains(id), || {
                        format!("I15: {person} is paged by {channel} again within 2 min")
                    })?;
                    call_out.held.remove(person);
                    call_out.acted = (at, down);
                }
                let page = Page {
                    call_out: *id,
                    also: also.clone(),
                    person: person.clone(),
                    channel: *channel,
                    intended: (at, down),
                    outcome: false,
                    receipt: None,
                };
                self.pages.insert(seq.into(), page);
            }
            Record::PageSent { page: id, .. } => {
                let page = self.pages.get_mut(id).ok_or_else(|| format!("{id} was never announced"))?;
                ensure(!page.outcome, || format!("I11: {id} by {} has two outcomes", page.channel))?;
                page.outcome = true;
            }
            Record::PageReceipt { page: id, receipt } => {
                let page = self.pages.get_mut(id).ok_or_else(|| format!("{id} was never announced"))?;
                let before = page.receipt.replace(*receipt);
                ensure(before < Some(*receipt), || format!("I11: {id} goes from {before:?} to {receipt:?}"))?;
            }
            Record::Acknowledged { call_out: id, person, late, .. } => {
                let call_out = self.call_out(id)?;
                if *late {
                    ensure(call_out.status != Status::Paging, || {
                        format!("I6: {person} is late for {id}, which is paging")
                    })?;
                    return Ok(());
                }
                ensure(call_out.status == Status::Paging, || format!("I6: {id} is taken twice"))?;
                call_out.has_it.insert(person.clone());
                if call_out.has_it.len() >= call_out.wanted {
                    call_out.status = Status::Acknowledged(at);
                }
            }
            Record::Declined { call_out: id, person, .. } | Record::TakenBack { call_out: id, person, .. } => {
                // Whoever had been told that it is taken is called at once.
                let called = self.call_out(id)?.called.clone();
                self.messages.retain(|(person, _), _| !called.contains(person));
                let call_out = self.call_out(id)?;
                let had_it = call_out.has_it.remove(person);
                if matches!(record, Record::Declined { .. }) {
                    call_out.declined.insert(person.clone());
                    call_out.held.remove(person);
                } else {
                    ensure(had_it, || format!("I6: {person} takes back what they did not have"))?;
                }
                call_out.used.clear();
                if matches!(call_out.status, Status::Acknowledged(_)) && call_out.has_it.len() < call_out.wanted {
                    call_out.status = Status::Paging;
                    call_out.acted = (at, down);
                }
            }
            Record::NoticeIntended { person, about: About::Taken { by, .. }, .. } => {
                ensure(person != by, || format!("{person} is told that they have it themselves"))?;
            }
            Record::NoticeIntended { person, about: About::News { of }, tries, .. } => {
                let danger = of
                    .iter()
                    .any(|fresh| self.incidents.get(&fresh.incident).is_none_or(|i| i.topic == "danger" || i.exercise));
                let last = self.news.insert(person.clone(), at);
                let soon = last.is_some_and(|last| at.duration_since(last) < SignedDuration::from_mins(10));
                ensure(!soon || danger || *tries > 1, || format!("I15: news to {person} twice within 10 min"))?;
                for fresh in of {
                    let had = self
                        .call_outs
                        .values()
                        .any(|c| c.incident == Some(fresh.incident) && c.has_it.contains(person));
                    ensure(had, || format!("{person} is told news of {} and does not have it", fresh.incident))?;
                }
            }
            Record::AcknowledgementExpired { call_out: id } => {
                let call_out = self.call_out(id)?;
                let Status::Acknowledged(since) = call_out.status else {
                    return Err(format!("I6: {id} expires without having been acknowledged"));
                };
                let waited = at.duration_since(since);
                ensure(waited >= SignedDuration::from_mins(30), || format!("I6: {id} expires after {waited:?}"))?;
                call_out.status = Status::Paging;
                // Whoever had it is asked first.
                call_out.called = std::mem::take(&mut call_out.has_it);
                call_out.declined.clear();
                call_out.held.clear();
                call_out.used.clear();
                call_out.widened = false;
                call_out.level = None;
                call_out.level_people.clear();
                call_out.acted = (at, down);
            }
            Record::CallOutEnded { call_out: id, .. } => self.call_out(id)?.status = Status::Ended,
            _ => {}
        }
        Ok(())
    }

    /// Whoever is held back had a message by some channel less than two minutes ago; never where there is danger to life.
    fn held_with_reason(&self, id: &CallOutId, held: &[PersonId], at: Timestamp) -> Result<(), String> {
        let severity = self.call_outs.get(id).map(|call_out| call_out.severity);
        for person in held {
            ensure(severity != Some(Severity::DangerToLife), || format!("I26: {id} is danger to life and held back"))?;
            let lately = self.pages.values().any(|page| {
                page.person == *person && at.duration_since(page.intended.0) < SignedDuration::from_secs(120)
            });
            ensure(lately, || format!("I2: {person} is held back from {id} without having been told anything"))?;
        }
        Ok(())
    }

    /// One person hears of all that waits for them in one message, at most every two minutes by one channel; danger to
    /// life goes by itself and at once.
    fn within_the_limit(
        &mut self,
        id: &CallOutId,
        also: &[CallOutId],
        person: &PersonId,
        channel: PageChannel,
        repeats: bool,
        at: Timestamp,
    ) -> Result<(), String> {
        let exercise = |id: &CallOutId| {
            let incident = self.call_outs.get(id).and_then(|call_out| call_out.incident);
            incident.is_some_and(|id| self.incidents.get(&id).is_some_and(|incident| incident.exercise))
        };
        let (severity, of) = match self.call_outs.get(id) {
            Some(call_out) => (call_out.severity, call_out.incident),
            None => return Err(format!("{id} was never started")),
        };
        ensure(also.iter().all(|other| exercise(other) == exercise(id)), || {
            format!("I18: a page of {id} is for an exercise and for what is live")
        })?;
        let danger = severity == Severity::DangerToLife;
        ensure(!danger || also.is_empty(), || format!("I26: {id} is danger to life and goes with others"))?;
        // What waits for the morning wakes nobody, by email in the night or by text in core hours.
        if danger || severity == Severity::Morning || of.is_none() || exercise(id) {
            return Ok(());
        }
        let before = self.messages.entry((person.clone(), channel)).or_default();
        let soon = before.last().is_some_and(|last| at.duration_since(*last) < SignedDuration::from_secs(119));
        ensure(!soon || repeats, || format!("I15: {person} is told by {channel} twice within 2 min"))?;
        before.push(at);
        Ok(())
    }

    /// I9: the level before was passed with a reason, has answered, or a send to one of it was really made.
    fn level_was_really_called(&self, id: &CallOutId, sent: &BTreeMap<PageId, Timestamp>) -> Result<(), String> {
        let call_out = self.call_outs.get(id).ok_or_else(|| format!("{id} was never started"))?;
        if call_out.level.is_none() || call_out.passed {
            return Ok(());
        }
        let really = call_out.level_people.iter().any(|person| {
            call_out.declined.contains(person)
                || call_out.has_it.contains(person)
                || self.pages.iter().any(|(page, p)| {
                    (p.call_out == *id || p.also.contains(id)) && p.person == *person && sent.contains_key(page)
                })
        });
        ensure(really, || format!("I9: {id} passes a level of which nobody was really paged"))
    }

    /// A surge that reaches its floor has an open incident, unless its topic was stood down less than 30 min ago.
    fn surge_is_seen(&self, topic: &str, now: Timestamp) -> Result<(), String> {
        let (reports, minutes) = floor(topic);
        let from = now - SignedDuration::from_mins(minutes);
        let counted = self.counted.get(topic).map_or(0, |all| all.iter().filter(|at| **at > from).count());
        let quiet =
            self.stood_down.get(topic).is_some_and(|at| now.duration_since(*at) < SignedDuration::from_mins(30));
        let open =
            self.incidents.values().any(|incident| incident.open && !incident.exercise && incident.topic == topic);
        ensure(counted < reports || open || (quiet && topic != "danger"), || {
            format!("I20: {counted} about {topic} in {minutes} min and no incident is open")
        })
    }
}
