//! The simulated days: a queue of what will happen, the core behind a simulated disk, and the oracle beside it.

mod chance;
mod oracle;
mod world;

use crate::council;
use callout::domain::contact::{Channel, Contact};
use callout::domain::decide::{decide, next_deadline};
use callout::domain::effect::{Effect, PageOrder};
use callout::domain::entry::Entry;
use callout::domain::event::{Acknowledgement, Answer, Author, DetailClass, EntryKind, Event, Sealed, TaskState, Via};
use callout::domain::id::{IncidentId, PageId, PersonId, PlaybookId, Seq, Tag};
use callout::domain::place::GridPoint;
use callout::domain::policy::Document;
use callout::domain::record::Record;
use callout::domain::snapshot::Slice;
use callout::domain::state::{State, apply};
use callout::domain::time::{SignedDuration, Timestamp};
use chance::Chance;
use oracle::Oracle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use world::{Fate, People, Transports};

/// A fault put in on purpose, to see that it is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Senders are answered before the records are durable.
    AnswerBeforeSync,
    /// Pages are sent before their records are durable.
    EffectBeforeSync,
    /// A page is handed to the transport twice.
    SentTwice,
    /// The loop forgets to look at deadlines for an hour.
    DeadlineDropped,
    /// A rebuild leaves out the acknowledgements.
    AcknowledgementsNotRebuilt,
    /// A rebuild leaves out the last durable record.
    LastRecordLost,
    /// After a restart nothing is sent again, and levels count on.
    NotSentAgain,
    /// A contact's key is dropped on its way in.
    KeyDropped,
    /// A page order for an exercise is not marked as one.
    ExerciseNotMarked,
    /// Receipts are recorded in whatever order they come.
    ReceiptsAsTheyCome,
    /// What a transport says never reaches the core.
    OutcomesLost,
    /// A page is handed to the transport for somebody else.
    SentToAnother,
    /// The core forgets what people were sent, so each incident rings for itself.
    LimitForgotten,
    /// Records carry a time before the last one's.
    ClockGoesBack,
    /// After a restart the least severe is paged first.
    LeastSevereFirst,
}

impl Fault {
    pub const ALL: [Self; 15] = [
        Self::AnswerBeforeSync,
        Self::EffectBeforeSync,
        Self::SentTwice,
        Self::DeadlineDropped,
        Self::AcknowledgementsNotRebuilt,
        Self::LastRecordLost,
        Self::NotSentAgain,
        Self::KeyDropped,
        Self::ExerciseNotMarked,
        Self::ReceiptsAsTheyCome,
        Self::OutcomesLost,
        Self::SentToAnother,
        Self::LimitForgotten,
        Self::ClockGoesBack,
        Self::LeastSevereFirst,
    ];
}

/// What a run went through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    pub events: u64,
    pub records: u64,
    pub contacts: u64,
    pub replays: u64,
    pub incidents: u64,
    pub pages: u64,
    pub acknowledged: u64,
    pub declined: u64,
    pub expired: u64,
    pub widened: u64,
    pub crashes: u64,
    pub reloads: u64,
    pub shared: u64,
    pub notices: u64,
    pub taken_back: u64,
    /// Which record was the last one made when the process died, how that found the disk, and for how long it was down.
    pub cells: BTreeMap<(String, &'static str, &'static str), u64>,
}

impl Ran {
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.events, other.events),
            (&mut self.records, other.records),
            (&mut self.contacts, other.contacts),
            (&mut self.replays, other.replays),
            (&mut self.incidents, other.incidents),
            (&mut self.pages, other.pages),
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.declined, other.declined),
            (&mut self.expired, other.expired),
            (&mut self.widened, other.widened),
            (&mut self.crashes, other.crashes),
            (&mut self.reloads, other.reloads),
            (&mut self.shared, other.shared),
            (&mut self.notices, other.notices),
            (&mut self.taken_back, other.taken_back),
        ] {
            *mine += theirs;
        }
        for (cell, n) in &other.cells {
            *self.cells.entry(cell.clone()).or_default() += n;
        }
    }
}

/// What will happen.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a queue of a few hundred")]
enum Coming {
    /// A contact is sent; again until it is answered.
    Contact { key: u64, topic: &'static str, place: Option<GridPoint>, tries: u32 },
    /// A transport takes a page into its hands.
    Transport(Box<PageOrder>),
    /// An event from outside.
    Event(Event),
    /// The disk has synced what was handed to it before this many batches.
    Synced(u64),
    /// The process dies.
    Crash,
    /// It is up again.
    Up,
    /// Another policy is loaded.
    Reload,
    /// A person works on an incident.
    Work { incident: IncidentId, person: PersonId },
    /// A person stands an incident down.
    StandDown { incident: IncidentId, person: PersonId },
    /// An exercise begins.
    Exercise,
}

/// What one decision left to do when it is durable.
struct Batch {
    number: u64,
    lines: Vec<(Seq, Timestamp, String)>,
    effects: Vec<Effect>,
    answer: Answer,
    asked: Option<Coming>,
}

struct Days {
    chance: Chance,
    fault: Option<Fault>,
    now: Timestamp,
    end: Timestamp,
    coming: BTreeMap<(Timestamp, u64), Coming>,
    ordered: u64,
    /// The core; `None` while it is down.
    state: Option<State>,
    /// Durable lines.
    log: Vec<(Seq, Timestamp, String)>,
    /// Decided, handed to the disk, not yet durable.
    unsynced: Vec<Batch>,
    batches: u64,
    blind_until: Timestamp,
    policies: Vec<Vec<Document>>,
    transports: Transports,
    people: People,
    oracle: Oracle,
    ran: Ran,
    seals: u64,
    /// Pages that a transport holds and has not sent.
    queued: BTreeSet<PageId>,
    /// Counts the process's lives: what was under way in an earlier one is gone.
    life: u64,
}

const TOPICS: [&str; 4] = ["flooding", "trees", "danger", "waste"];

/// Days of one seed.
pub const DAYS: u64 = 2;

/// Runs two days from a seed.
///
/// # Errors
/// What was broken, and when.
pub fn run(seed: u64, fault: Option<Fault>) -> Result<Ran, String> {
    let mut chance = Chance::new(seed);
    // The days around the clocks going back, and around their going forward.
    let start: Timestamp =
        if seed.is_multiple_of(2) { "2026-10-23T15:00:00Z" } else { "2026-03-27T15:00:00Z" }.parse().unwrap();
    let now = start + SignedDuration::from_secs(chance.below(6 * 86_400) as i64);
    let policies = vec![
        council::documents("rota", &["flooding", "trees", "danger", "waste"]),
        council::documents("rota", &["flooding-new as flooding", "trees", "danger", "waste"]),
        council::documents("rota/people-few", &["flooding", "trees", "danger", "waste"]),
        council::documents("rota", &["flooding-control as flooding", "trees", "danger", "waste"]),
    ];
    let mut days = Days {
        transports: Transports::new(&mut chance),
        people: People::new(&mut chance),
        oracle: Oracle::new(now),
        chance,
        fault,
        now,
        end: now + SignedDuration::from_hours(48),
        coming: BTreeMap::new(),
        ordered: 0,
        state: Some(State::default()),
        log: Vec::new(),
        unsynced: Vec::new(),
        batches: 0,
        blind_until: now,
        policies,
        ran: Ran::default(),
        seals: 0,
        queued: BTreeSet::new(),
        life: 0,
    };
    days.plan();
    if let Err(broken) = days.live() {
        return Err(format!("seed {seed}, {}: {broken}\nthe last records:\n{}", days.now, days.oracle.tail(40)));
    }
    Ok(days.ran)
}

impl Days {
    /// Puts the contacts, crashes and reloads of the days into the queue.
    fn plan(&mut self) {
        self.event(Event::PolicyLoaded { documents: self.policies[0].clone(), by: Author::system() }, None)
            .expect("loading the first policy breaks nothing");
        let mut key = 0;
        // Every third seed is a storm: all that happens, happens within two hours.
        let mut storm = self.chance.one_in(3).then(|| self.now + self.within(40 * 3_600));
        if self.fault == Some(Fault::LeastSevereFirst) {
            // What it spoils needs several severities due at one start.
            storm = Some(self.now);
            for n in 1..24 {
                self.put(self.now + SignedDuration::from_mins(10 * n), Coming::Crash);
            }
        }
        for _ in 0..3 + self.chance.below(4) {
            let begins = match storm {
                Some(storm) => storm + self.within(7_200),
                None => self.now + self.within(46 * 3_600),
            };
            let topic = TOPICS[self.chance.below(4) as usize];
            let middle = (530_000 + self.chance.below(4_000) as i32, 180_000 + self.chance.below(4_000) as i32);
            for _ in 0..2 + self.chance.below(14) {
                key += 1;
                let place = self.chance.one_in(4).then(|| GridPoint {
                    easting_mm: (middle.0 + self.chance.below(800) as i32) / 10 * 10_000,
                    northing_mm: (middle.1 + self.chance.below(800) as i32) / 10 * 10_000,
                });
                let at = begins + self.within(1_500);
                self.put(at, Coming::Contact { key, topic, place, tries: 0 });
            }
        }
        for _ in 0..40 {
            key += 1;
            let (at, topic) = (self.now + self.within(47 * 3_600), TOPICS[self.chance.below(4) as usize]);
            self.put(at, Coming::Contact { key, topic, place: None, tries: 0 });
        }
        for _ in 0..self.chance.below(10) {
            let at = self.now + self.within(47 * 3_600);
            self.put(at, Coming::Crash);
        }
        for _ in 0..self.chance.below(4) {
            let at = self.now + self.within(47 * 3_600);
            self.put(at, Coming::Reload);
        }
        if self.chance.one_in(2) || self.fault == Some(Fault::ExerciseNotMarked) {
            let at = self.now + self.within(40 * 3_600);
            self.put(at, Coming::Exercise);
        }
    }

    fn within(&mut self, seconds: u64) -> SignedDuration {
        SignedDuration::from_millis(self.chance.below(seconds * 1_000) as i64)
    }

    fn put(&mut self, at: Timestamp, what: Coming) {
        self.ordered += 1;
        self.coming.insert((at.max(self.now), self.ordered), what);
    }

    fn live(&mut self) -> Result<(), String> {
        for turn in 0_u64.. {
            if turn > 400_000 {
                return Err("I15: more than 400,000 turns in two days".into());
            }
            let deadline = self
                .state
                .as_ref()
                .and_then(next_deadline)
                .map(|at| at.max(self.now))
                .map(|at| if at < self.blind_until { self.blind_until } else { at });
            let next = self.coming.first_key_value().map(|((at, _), _)| *at);
            let Some(at) = [deadline, next].into_iter().flatten().min() else { break };
            if at > self.end {
                break;
            }
            self.now = at;
            if self.state.is_some() {
                self.oracle.nothing_is_late(self.now)?;
            }
            if next == Some(at) && !(deadline == Some(at) && self.chance.one_in(2)) {
                let (_, what) = self.coming.pop_first().expect("there is one, its time has come");
                self.happen(what)?;
            } else {
                if self.fault == Some(Fault::DeadlineDropped) && self.chance.one_in(30) {
                    self.blind_until = self.now + SignedDuration::from_hours(1);
                    continue;
                }
                let before = self.batches;
                self.event(Event::Tick, None)?;
                let after = self.state.as_ref().and_then(next_deadline);
                if self.batches == before && after.is_some_and(|after| after <= self.now) {
                    return Err("I15: a deadline came and nothing moved: the loop spins".into());
                }
            }
        }
        self.compare()?;
        self.oracle.at_the_end(self.now, &self.log)
    }

    fn happen(&mut self, what: Coming) -> Result<(), String> {
        match what {
            Coming::Contact { key, topic, place, tries } => self.contact(key, topic, place, tries),
            Coming::Event(event) => self.event(event, None),
            Coming::Transport(order) => self.transport(*order),
            Coming::Synced(number) => self.synced(number),
            Coming::Crash => self.crash(),
            Coming::Up => self.up(),
            Coming::Reload => {
                self.ran.reloads += 1;
                let documents = self.policies[self.chance.below(4) as usize].clone();
                self.event(Event::PolicyLoaded { documents, by: Author::system() }, None)
            }
            Coming::Work { incident, person } => self.work(incident, person),
            Coming::StandDown { incident, person } => {
                let reason = self.sealed();
                self.event(Event::StoodDown { incident, by: by(&person), reason }, None)
            }
            Coming::Exercise => {
                let reason = self.sealed();
                self.event(
                    Event::PlaybookActivated {
                        incident: None,
                        playbook: PlaybookId::from("flooding"),
                        by: by(&PersonId::from("helen.acheson")),
                        reason,
                        exercise: true,
                    },
                    None,
                )
            }
        }
    }

    /// A sender that does not hear an answer sends again, with the same key.
    fn contact(&mut self, key: u64, topic: &'static str, place: Option<GridPoint>, tries: u32) -> Result<(), String> {
        let again = Coming::Contact { key, topic, place, tries: tries + 1 };
        if self.oracle.is_answered(key) && !(tries < 3 && self.chance.one_in(10)) {
            return Ok(());
        }
        if tries < 200 {
            let wait = SignedDuration::from_millis(4_000 + self.chance.below(20_000) as i64);
            self.put(self.now + wait, again.clone());
        }
        self.ran.contacts += u64::from(tries == 0);
        self.ran.replays += u64::from(tries > 0);
        let dropped = self.fault == Some(Fault::KeyDropped) && self.chance.one_in(5);
        let contact = Contact {
            source: "crm".into(),
            key: (!dropped).then(|| format!("{key:032x}")),
            channel: Channel::Phone,
            received_at: self.now,
            occurred_at: None,
            // The oracle's own mark, so that it can find a contact whose key was lost.
            service: Some(key.to_string()),
            tags: vec![Tag::from(topic)],
            place,
            body: None,
            answered: None,
            wait_s: None,
            land: None,
            alike: None,
            history: false,
        };
        self.event(Event::ContactReceived { contact, sealed: None }, Some(again))
    }

    /// One event into the core, if it is up.
    fn event(&mut self, event: Event, asked: Option<Coming>) -> Result<(), String> {
        let Some(state) = &mut self.state else { return Ok(()) };
        self.ran.events += 1;
        let mut decision = decide(state, &event, self.now);
        if let (Some(Fault::ReceiptsAsTheyCome), Event::PageReceipt { page, receipt }) = (self.fault, &event)
            && decision.records.is_empty()
            && state.paging.pages.contains_key(page)
        {
            let record = Record::PageReceipt { page: *page, receipt: *receipt };
            let seq = state.next;
            apply(state, seq, decision.at, &record);
            decision.records.push((seq, record, None));
        }
        for effect in &mut decision.effects {
            match (effect, self.fault) {
                (Effect::SendPage(order), Some(Fault::ExerciseNotMarked)) => order.exercise = false,
                (Effect::SendPage(order), Some(Fault::SentToAnother)) if self.chance.one_in(20) => {
                    order.person = PersonId::from("kwame.boateng");
                }
                _ => {}
            }
        }
        match self.fault {
            Some(Fault::LimitForgotten) => Arc::make_mut(&mut state.paging).sent.clear(),
            Some(Fault::ClockGoesBack) if self.chance.one_in(200) => decision.at -= SignedDuration::from_hours(1),
            _ => {}
        }
        let mut told = decision.records.clone();
        if self.fault == Some(Fault::LeastSevereFirst) && matches!(event, Event::Started { .. }) {
            told.reverse();
        }
        self.oracle.most_severe_first(&event, &told)?;
        for (seq, record, _) in &decision.records {
            self.count(record);
            self.oracle.recorded(*seq, decision.at, record)?;
        }
        self.oracle.decided(&decision, self.now)?;
        let lines: Vec<(Seq, Timestamp, String)> = decision
            .records
            .iter()
            .map(|(seq, record, _)| (*seq, decision.at, serde_json::to_string(record).unwrap()))
            .collect();
        let asked = asked.or(match event {
            Event::Acknowledged { .. } => Some(Coming::Event(event)),
            _ => None,
        });
        let early = Batch {
            number: 0,
            lines: Vec::new(),
            effects: Vec::new(),
            answer: decision.answer.clone(),
            asked: asked.clone(),
        };
        if self.fault == Some(Fault::AnswerBeforeSync) {
            self.answered(&early)?;
        }
        let mut effects = decision.effects;
        if self.fault == Some(Fault::EffectBeforeSync) && self.chance.one_in(3) {
            for effect in std::mem::take(&mut effects) {
                self.perform(effect)?;
            }
        }
        self.batches += 1;
        let number = self.batches;
        self.unsynced.push(Batch { number, lines, effects, answer: decision.answer, asked });
        // Mostly quick; now and then a disk that takes its time.
        let sync_ms = if self.chance.one_in(200) { 4_000 } else { 1 + self.chance.below(30) };
        let at = self.now + SignedDuration::from_millis(sync_ms as i64);
        self.put(at, Coming::Synced(number));
        if self.chance.one_in(400) {
            // Dies between any two steps.
            let at = self.now + SignedDuration::from_millis(self.chance.below(40) as i64);
            self.put(at, Coming::Crash);
        }
        Ok(())
    }

    fn count(&mut self, record: &Record) {
        self.ran.records += 1;
        match record {
            Record::IncidentOpened { .. } => self.ran.incidents += 1,
            Record::PageIntended { also, .. } => {
                self.ran.pages += 1;
                self.ran.shared += u64::from(!also.is_empty());
            }
            Record::NoticeIntended { .. } => self.ran.notices += 1,
            Record::TakenBack { .. } => self.ran.taken_back += 1,
            Record::Acknowledged { .. } => self.ran.acknowledged += 1,
            Record::Declined { .. } => self.ran.declined += 1,
            Record::AcknowledgementExpired { .. } => self.ran.expired += 1,
            Record::CallOutWidened { .. } => self.ran.widened += 1,
            _ => {}
        }
    }

    /// Batches up to this one are durable: now their effects are performed and their senders answered.
    fn synced(&mut self, number: u64) -> Result<(), String> {
        while self.unsynced.first().is_some_and(|batch| batch.number <= number) {
            let mut batch = self.unsynced.remove(0);
            self.log.append(&mut batch.lines);
            self.oracle.durable(self.log.last().map_or(Seq(0), |(seq, _, _)| *seq));
            self.answered(&batch)?;
            for effect in std::mem::take(&mut batch.effects) {
                self.perform(effect)?;
            }
        }
        Ok(())
    }

    fn answered(&mut self, batch: &Batch) -> Result<(), String> {
        match (&batch.answer, &batch.asked) {
            (Answer::Contact { receipt, .. }, Some(Coming::Contact { key, topic, .. })) => {
                self.oracle.contact_answered(*key, topic, receipt.id, self.now)
            }
            (Answer::Acknowledgement(told), Some(Coming::Event(Event::Acknowledged { page, by }))) => {
                if let Acknowledgement::Yours { incident: Some(incident), .. } = told {
                    let (incident, person) = (*incident, PersonId::from(by.who.as_str()));
                    self.oracle.told_yours(*page, &person)?;
                    if self.chance.one_in(5) {
                        return Ok(());
                    }
                    let at = self.now + self.within(1_200);
                    self.put(at, Coming::Work { incident, person: person.clone() });
                    let at = self.now + SignedDuration::from_mins(40) + self.within(7_200);
                    self.put(at, Coming::StandDown { incident, person });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn perform(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::SendPage(order) => {
                let times = if self.fault == Some(Fault::SentTwice) && self.chance.one_in(20) { 2 } else { 1 };
                for _ in 0..times {
                    self.oracle.handed_out(&order)?;
                    self.queued.insert(order.page);
                    let most_ms = if self.chance.one_in(10) { 20_000 } else { 300 };
                    let wait = SignedDuration::from_millis(self.chance.below(most_ms) as i64);
                    self.put(self.now + wait, Coming::Transport(order.clone()));
                }
            }
            Effect::SendNotice(order) => {
                self.oracle.notice_handed_out(&order)?;
                let Fate { outcomes, .. } = self.transports.send(order.channel, self.now, &mut self.chance);
                for (after_ms, outcome) in outcomes {
                    let event = Event::NoticeOutcome { notice: order.notice, outcome };
                    self.put(self.now + SignedDuration::from_millis(after_ms), Coming::Event(event));
                }
            }
            Effect::MailHead(_) => {}
            Effect::CancelPages(pages) => {
                for page in pages {
                    if self.queued.remove(&page) {
                        let outcome = callout::domain::event::SendResult::Cancelled;
                        self.put(self.now, Coming::Event(Event::PageOutcome { page, outcome }));
                    }
                }
            }
        }
        Ok(())
    }

    /// A transport sends a page that it holds; the world decides what becomes of it.
    fn transport(&mut self, order: PageOrder) -> Result<(), String> {
        if !self.queued.remove(&order.page) {
            return Ok(());
        }
        self.oracle.sent(order.page, &order.person, self.now)?;
        let fate = self.transports.send(order.channel, self.now, &mut self.chance);
        let Fate { outcomes, receipts, arrives } = fate;
        let outcomes = if self.fault == Some(Fault::OutcomesLost) { Vec::new() } else { outcomes };
        for (after_ms, outcome) in outcomes {
            self.put(
                self.now + SignedDuration::from_millis(after_ms),
                Coming::Event(Event::PageOutcome { page: order.page, outcome }),
            );
        }
        for (after_ms, receipt) in receipts {
            self.put(
                self.now + SignedDuration::from_millis(after_ms),
                Coming::Event(Event::PageReceipt { page: order.page, receipt }),
            );
        }
        if arrives {
            for (after_ms, accepts) in self.people.answers(&order.person, self.now, &mut self.chance) {
                let by = Author { who: order.person.as_str().into(), via: Via::Sms };
                let page = order.page;
                if accepts && self.chance.one_in(25) {
                    let event = Event::TakenBack { page, by: by.clone() };
                    let wait = SignedDuration::from_millis(after_ms + 1_000 + self.chance.below(180_000) as i64);
                    self.put(self.now + wait, Coming::Event(event));
                }
                let event = if accepts { Event::Acknowledged { page, by } } else { Event::Declined { page, by } };
                self.put(self.now + SignedDuration::from_millis(after_ms), Coming::Event(event));
            }
        }
        Ok(())
    }

    fn work(&mut self, incident: IncidentId, person: PersonId) -> Result<(), String> {
        let task = self.state.as_ref().and_then(|state| {
            let open = state
                .incidents
                .tasks
                .iter()
                .find(|(_, task)| task.incident == incident && task.state == TaskState::Open);
            open.map(|(id, _)| *id)
        });
        match task {
            Some(task) if self.chance.one_in(2) => {
                self.event(Event::TaskMoved { task, to: TaskState::Accepted, by: by(&person) }, None)
            }
            _ => {
                let text = self.sealed();
                let by = by(&person);
                let entry = Box::new(Entry::of(EntryKind::Action));
                self.event(Event::EntryWritten { incident, entry, by, text }, None)
            }
        }
    }

    /// Dies: of what was handed to the disk a part survives, anything in memory does not.
    fn crash(&mut self) -> Result<(), String> {
        if self.state.is_none() {
            return Ok(());
        }
        self.compare()?;
        self.ran.crashes += 1;
        self.life += 1;
        self.state = None;
        // A prefix of the unsynced lines may have reached the disk.
        let lines: Vec<(Seq, Timestamp, String)> = self.unsynced.drain(..).flat_map(|batch| batch.lines).collect();
        let kept = self.chance.below(lines.len() as u64 + 1) as usize;
        let kept = if self.chance.one_in(2) { kept } else { 0 };
        let disk = match (lines.len(), kept) {
            (0, _) => "all durable",
            (_, 0) => "the last lost",
            (all, kept) if all == kept => "the last kept",
            _ => "a part kept",
        };
        let last = self.oracle.last_record();
        self.log.extend(lines.into_iter().take(kept));
        self.oracle.crashed(self.log.last().map_or(Seq(0), |(seq, _, _)| *seq), self.now);
        self.queued.clear();
        // What the process itself had in hand is gone; what people and networks do goes on.
        self.coming.retain(|_, what| {
            !matches!(
                what,
                Coming::Synced(_)
                    | Coming::Transport(_)
                    | Coming::Crash
                    | Coming::Event(Event::PageOutcome { .. } | Event::NoticeOutcome { .. })
            )
        });
        for _ in 0..self.chance.below(3) {
            let at = self.now + self.within(40 * 3_600);
            self.put(at, Coming::Crash);
        }
        let down_s = match self.chance.below(10) {
            _ if self.fault == Some(Fault::LeastSevereFirst) => 500,
            0..=5 => 2,
            6..=7 => 30 + self.chance.below(300),
            8 => 600 + self.chance.below(1_800),
            _ => 7_200,
        };
        let down = match down_s {
            ..=2 => "2 s",
            3..=600 => "minutes",
            _ => "long",
        };
        *self.ran.cells.entry((last, disk, down)).or_default() += 1;
        self.put(self.now + SignedDuration::from_secs(down_s as i64), Coming::Up);
        Ok(())
    }

    fn up(&mut self) -> Result<(), String> {
        if self.fault == Some(Fault::LastRecordLost) {
            self.log.pop();
        }
        let state = match self.fault {
            Some(Fault::AcknowledgementsNotRebuilt) => self.rebuilt(&self.log, true),
            // Now and then from a snapshot of some moment before, as the daemon does.
            _ if !self.chance.one_in(8) => self.rebuilt(&self.log, false),
            _ => {
                let cut = self.chance.below(self.log.len() as u64 + 1) as usize;
                self.bookmarked(&self.log, cut)?
            }
        };
        self.state = Some(state);
        self.oracle.up(self.now, &self.log)?;
        if self.fault == Some(Fault::NotSentAgain) {
            return Ok(());
        }
        self.event(Event::Started { version: "0".into(), tz: "0".into() }, None)?;
        let deadline = self.state.as_ref().and_then(next_deadline);
        match deadline {
            Some(deadline) if deadline <= self.now => Err(format!("I8: after the start {deadline} is still due")),
            _ => Ok(()),
        }
    }

    fn rebuilt(&self, lines: &[(Seq, Timestamp, String)], without_acknowledgements: bool) -> State {
        let mut state = State::default();
        for (seq, at, json) in lines {
            let record: Record = serde_json::from_str(json).expect("a record reads back");
            if without_acknowledgements && matches!(record, Record::Acknowledged { .. }) {
                let record = Record::ReplyUnmatched { person: None, why: String::new() };
                apply(&mut state, *seq, *at, &record);
            } else {
                apply(&mut state, *seq, *at, &record);
            }
        }
        state
    }

    /// I13: the records give the state, bit for bit.
    fn compare(&self) -> Result<(), String> {
        if self.fault == Some(Fault::LimitForgotten) {
            // Left to the check of what people are told.
            return Ok(());
        }
        let Some(state) = &self.state else { return Ok(()) };
        let all: Vec<_> = self.log.iter().chain(self.unsynced.iter().flat_map(|batch| &batch.lines)).cloned().collect();
        if self.rebuilt(&all, false) != *state {
            return Err("I13: rebuilding from the records gives another state".into());
        }
        // Slower than all else here, so not each time.
        match !all.len().is_multiple_of(199) || self.bookmarked(&all, all.len() / 2)? == *state {
            true => Ok(()),
            false => Err("I13: a snapshot and the records after it give another state".into()),
        }
    }

    /// The state from a snapshot after so many records, and the records after it.
    fn bookmarked(&self, lines: &[(Seq, Timestamp, String)], cut: usize) -> Result<State, String> {
        let before = self.rebuilt(&lines[..cut], false);
        let slices: Vec<_> = Slice::ALL
            .iter()
            .map(|slice| (slice.name(), before.slice(*slice).expect("a slice becomes bytes")))
            .collect();
        let slice = |name: &str| slices.iter().find(|(of, _)| *of == name).map(|(_, bytes)| (1, bytes.as_slice()));
        let mut state = State::from_slices(Seq(before.next.0 - 1), before.last_at, slice)
            .map_err(|why| format!("I13: a snapshot does not read: {why}"))?;
        if state != before {
            return Err("I13: a state does not come back from a snapshot as it was".into());
        }
        for (seq, at, json) in &lines[cut..] {
            apply(&mut state, *seq, *at, &serde_json::from_str(json).expect("a record reads back"));
        }
        Ok(state)
    }

    fn sealed(&mut self) -> Sealed {
        self.seals += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.seals.to_be_bytes());
        Sealed::new(salt, DetailClass::Incident, b"\"words\"".to_vec())
    }
}

fn by(person: &PersonId) -> Author {
    Author { who: person.as_str().into(), via: Via::Console }
}
