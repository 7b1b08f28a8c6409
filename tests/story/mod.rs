//! Tells a story: reads its lines, moves time from deadline to deadline, writes down what callout does.

mod checks;
mod words;

use super::council;
use callout::domain::contact::{Channel, Contact};
use callout::domain::decide::{Decision, decide, next_deadline};
use callout::domain::effect::Effect;
use callout::domain::entry::Entry;
use callout::domain::event::{
    Author, DetailClass, EntryKind, Event, Mark, Receipt, Sealed, SendResult, TaskState, Via, Warning,
};
use callout::domain::id::{IncidentId, PageId, PersonId, PlaybookId, RoleId, Seq, Tag, TaskId, WarningId};
use callout::domain::place::{Given, GridPoint, parse_place};
use callout::domain::playbook::{Severity, WarningLevel};
use callout::domain::queue::QueueCounts;
use callout::domain::record::Record;
use callout::domain::state::State;
use callout::domain::time::{SignedDuration, Timestamp};
use checks::Checks;
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use words::Names;

/// How a transport behaves in the story.
#[derive(Clone, Copy, PartialEq)]
enum Behaves {
    Accepts,
    Delivers,
    Refuses,
    Later,
    Silent,
}

struct Story {
    zone: TimeZone,
    now: Timestamp,
    state: State,
    checks: Checks,
    names: Names,
    transports: BTreeMap<&'static str, Behaves>,
    /// Answers of transports that are under way.
    coming: BTreeMap<(Timestamp, u64), Event>,
    sent: u64,
    running: bool,
    seals: u8,
    out: Vec<String>,
}

/// The story with what callout does in it.
pub fn tell(written: &str) -> String {
    let zone = TimeZone::get("Europe/London").unwrap();
    let mut story = Story {
        zone,
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        state: State::default(),
        checks: Checks::default(),
        names: Names::default(),
        transports: BTreeMap::from([("sms", Behaves::Accepts), ("email", Behaves::Accepts)]),
        coming: BTreeMap::new(),
        sent: 0,
        running: true,
        seals: 0,
        out: Vec::new(),
    };
    for (number, line) in written.lines().enumerate() {
        if line.starts_with("> ") || line.starts_with("= ") {
            continue;
        }
        story.line(line).unwrap_or_else(|why| panic!("line {}: {why}: {line}", number + 1));
    }
    story.checks.whole(&story.state);
    story.out.join("\n") + "\n"
}

impl Story {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] | ["#", ..] => self.out.push(line.to_owned()),
            ["date", date, time] => {
                let local: jiff::civil::DateTime = format!("{date}T{time}").parse().map_err(|_| "a date and time")?;
                self.now = local.to_zoned(self.zone.clone()).map_err(|e| e.to_string())?.timestamp();
                self.out.push(line.to_owned());
            }
            ["policy", ..] => {
                self.out.push(line.to_owned());
                self.policy(line)?;
            }
            ["transport", which, how] => {
                self.out.push(line.to_owned());
                self.transport(which, how)?;
            }
            [time, ..] => {
                let zone_said = words.get(1).is_some_and(|word| ["BST", "GMT"].contains(word));
                let at = self.instant(time, zone_said.then(|| words[1]))?;
                // "ahead": the event is taken before whatever is due at the same time.
                match line.ends_with(" ahead") {
                    true => self.now = at,
                    false => self.pass_time(at),
                }
                self.out.push(line.to_owned());
                let rest = line.split_once(time).map_or("", |(_, rest)| rest).trim();
                let rest = if zone_said { rest[3..].trim() } else { rest }.trim_end_matches(" ahead");
                self.happens(rest)?;
            }
        }
        Ok(())
    }

    /// The next instant at which the clock on the wall shows this time.
    fn instant(&self, time: &str, zone: Option<&str>) -> Result<Timestamp, String> {
        let time = if time.matches(':').count() == 1 { format!("{time}:00") } else { time.to_owned() };
        let wall: jiff::civil::Time = time.parse().map_err(|_| "a line begins with a time, as 02:10 or 02:10:30")?;
        let today = self.local(self.now).date();
        for days in 0..3 {
            let local = today.checked_add(jiff::Span::new().days(days)).unwrap().to_datetime(wall);
            let either = self.zone.to_ambiguous_timestamp(local);
            let found = match zone {
                Some("GMT") => either.later(),
                _ => either.earlier(),
            };
            let found = found.map_err(|e| e.to_string())?;
            if found >= self.now {
                return Ok(found);
            }
        }
        Err("no such time comes".into())
    }

    fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// The time as people read it; with the name of the zone in the night that has an hour twice.
    fn clock(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let changes = local.start_of_day().unwrap().duration_until(&local.tomorrow().unwrap().start_of_day().unwrap());
        let twice = changes != SignedDuration::from_hours(24);
        let millis = if at.as_millisecond() % 1000 == 0 { "" } else { "%.3f" };
        let zone = if twice { " %Z" } else { "" };
        local.strftime(&format!("%H:%M:%S{millis}{zone}")).to_string()
    }

    fn policy(&mut self, line: &str) -> Result<(), String> {
        let mut parts = line.trim_start_matches("policy").split(',').map(str::trim);
        let rota = parts.next().ok_or("policy ROTA, PLAYBOOK, ...")?;
        let documents = council::documents(rota, &parts.collect::<Vec<_>>());
        callout::domain::policy::Policy::from_documents(&documents).map_err(|problems| format!("{problems:?}"))?;
        self.event(Event::PolicyLoaded { documents, by: Author { who: "admin".into(), via: Via::Command } });
        Ok(())
    }

    fn transport(&mut self, which: &str, how: &str) -> Result<(), String> {
        let which = if which == "sms" { "sms" } else { "email" };
        let how = match how {
            "accepts" => Behaves::Accepts,
            "delivers" => Behaves::Delivers,
            "refuses" => Behaves::Refuses,
            "later" => Behaves::Later,
            "silent" => Behaves::Silent,
            _ => return Err("accepts, delivers, refuses, later or silent".into()),
        };
        self.transports.insert(which, how);
        Ok(())
    }

    fn sealed(&mut self) -> Sealed {
        self.seals = self.seals.wrapping_add(1);
        Sealed::new([self.seals; 16], DetailClass::Incident, b"\"because\"".to_vec())
    }

    fn happens(&mut self, what: &str) -> Result<(), String> {
        let words: Vec<&str> = what.split_whitespace().collect();
        let by = |who: &str, via: Via| Author { who: who.into(), via };
        match words[..] {
            [] | ["wait", ..] => {}
            ["contact", ..] => self.contacts(what)?,
            ["transport", which, how] => self.transport(which, how)?,
            ["policy", ..] => self.policy(what)?,
            ["queue", queue, "offered", offered, "answered", answered, "wait", wait] => {
                // The quarter of an hour that has just ended.
                let number = |word: &str| word.parse::<u32>().map_err(|e| e.to_string());
                let counts = QueueCounts {
                    source: "telephony".into(),
                    queue: queue.into(),
                    from: self.now - SignedDuration::from_mins(15),
                    interval_s: 900,
                    offered: number(offered)?,
                    answered: number(answered)?,
                    abandoned: number(offered)?.saturating_sub(number(answered)?),
                    wait_s: number(wait)?,
                };
                self.event(Event::QueueCounted { counts });
            }
            ["warning", source, kind, level, from, "-", to] => {
                let level = match level {
                    "yellow" => WarningLevel::Yellow,
                    "amber" => WarningLevel::Amber,
                    "red" => WarningLevel::Red,
                    _ => return Err("yellow, amber or red".into()),
                };
                let from = if from == "now" { self.now } else { self.instant(from, None)? };
                let to = self.instant(to, None)?;
                let warning =
                    Warning { source: source.into(), kind: kind.into(), level, from, to, area: "Wexmoor".into() };
                self.event(Event::WarningEntered { warning, by: by("priya.nair", Via::Console), sealed: None });
            }
            ["cancel", warning] => {
                let warning = WarningId(self.names.find(warning)?);
                self.event(Event::WarningCancelled { warning, by: by("priya.nair", Via::Console) });
            }
            ["open", topic, "severity", severity, ref rest @ ..] => {
                let severity = Severity::try_from(severity.parse::<u8>().map_err(|e| e.to_string())?)?;
                let reason = self.sealed();
                self.event(Event::IncidentOpened {
                    topic: topic.into(),
                    severity,
                    place: None,
                    exercise: rest.contains(&"exercise"),
                    by: by("priya.nair", Via::Console),
                    reason,
                });
            }
            ["activate", playbook, ref rest @ ..] => {
                let incident = match rest {
                    ["on", incident] => Some(IncidentId(self.names.find(incident)?)),
                    _ => None,
                };
                let reason = self.sealed();
                self.event(Event::PlaybookActivated {
                    incident,
                    playbook: PlaybookId::from(playbook),
                    by: by("priya.nair", Via::Console),
                    reason,
                    exercise: rest.contains(&"exercise"),
                });
            }
            ["note", incident, "by", who] => {
                let incident = IncidentId(self.names.find(incident)?);
                let text = self.sealed();
                let by = by(who, Via::Console);
                let entry = Box::new(Entry::of(EntryKind::Information));
                self.event(Event::EntryWritten { incident, entry, by, text });
            }
            ["task", task, to, "by", who] => {
                let to = match to {
                    "accepted" => TaskState::Accepted,
                    "done" => TaskState::Done,
                    _ => return Err("accepted or done".into()),
                };
                self.event(Event::TaskMoved { task: TaskId(self.names.find(task)?), to, by: by(who, Via::Console) });
            }
            ["withdraw", "last", "contact", "by", who] => {
                let contact = self.state.tally.recent.back().map(|contact| contact.id).ok_or("no contact yet")?;
                self.event(Event::ContactMarked { contact, mark: Mark::Withdrawn, by: by(who, Via::Console) });
            }
            ["escalate", incident, "to", role, "by", who] => {
                let incident = IncidentId(self.names.find(incident)?);
                let (role, reason) = (RoleId::from(role), self.sealed());
                self.event(Event::Escalated { incident, role, by: by(who, Via::Console), reason });
            }
            ["hand-over", incident, "to", person, "by", who] => {
                let incident = IncidentId(self.names.find(incident)?);
                let (to, reason) = (PersonId::from(person), self.sealed());
                self.event(Event::HandOverAsked { incident, to, by: by(who, Via::Console), reason });
            }
            ["stand-down", incident, "by", who] => {
                let incident = IncidentId(self.names.find(incident)?);
                let reason = self.sealed();
                self.event(Event::StoodDown { incident, by: by(who, Via::Console), reason });
            }
            ["ack", page, "by", how] => {
                let event = Event::Acknowledged { page: PageId(self.names.find(page)?), by: self.whose(page, how)? };
                self.event(event);
            }
            ["decline", page, "by", how] => {
                let event = Event::Declined { page: PageId(self.names.find(page)?), by: self.whose(page, how)? };
                self.event(event);
            }
            ["take-back", page, "by", how] => {
                let event = Event::TakenBack { page: PageId(self.names.find(page)?), by: self.whose(page, how)? };
                self.event(event);
            }
            ["receipt", page, how] => {
                let receipt = match how {
                    "delivered" => Receipt::Delivered,
                    "failed" => Receipt::Failed,
                    _ => Receipt::Underway,
                };
                self.event(Event::PageReceipt { page: PageId(self.names.find(page)?), receipt });
            }
            ["alarm", ..] => {
                self.event(Event::Alarm { cause: words[1..].join(" ") });
            }
            ["test", person] => {
                self.event(Event::TestPage { person: PersonId::from(person), by: by("admin", Via::Command) });
            }
            ["stops"] => {
                self.running = false;
                self.coming.clear();
                self.state = self.checks.rebuilt();
            }
            ["starts"] => {
                self.running = true;
                self.event(Event::Started { version: "0.1.0".into(), tz: "2026a".into() });
            }
            _ => return Err("nothing that can happen".into()),
        }
        Ok(())
    }

    /// The person whom a page went to, answering it.
    fn whose(&self, page: &str, how: &str) -> Result<Author, String> {
        let via = match how {
            "text" => Via::Sms,
            "link" => Via::Link,
            "console" => Via::Console,
            _ => return Err("by text, link or console".into()),
        };
        let page = self.state.paging.pages.get(&PageId(self.names.find(page)?)).ok_or("no such page")?;
        Ok(Author { who: page.person.as_str().into(), via })
    }

    /// `contact TOPIC,TOPIC [at GRIDREF] [key K] [history] [xN every 20s]`
    fn contacts(&mut self, what: &str) -> Result<(), String> {
        let words: Vec<&str> = what.split_whitespace().collect();
        let after = |word: &str| words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1)).copied();
        let tags: Vec<Tag> = words[1].split(',').filter(|tag| *tag != "-").map(Tag::from).collect();
        let place: Option<GridPoint> = after("at")
            .map(|text| match parse_place(text) {
                Ok(Given::Grid(located)) => Ok(located.point.rounded_to_10_m()),
                _ => Err("a grid reference without spaces"),
            })
            .transpose()?;
        let times: u32 = words.iter().find_map(|word| word.strip_prefix('x').and_then(|n| n.parse().ok())).unwrap_or(1);
        let every: i64 = after("every").and_then(|text| text.strip_suffix('s')?.parse().ok()).unwrap_or(0);
        let history = words.contains(&"history");
        for nth in 0..times {
            if nth > 0 {
                self.pass_time(self.now + SignedDuration::from_secs(every));
            }
            let contact = Contact {
                source: "crm".into(),
                key: after("key")
                    .map(|key| format!("{:032x}", key.bytes().fold(7_u128, |n, b| n * 31 + u128::from(b)))),
                channel: Channel::Phone,
                received_at: if history { self.now - SignedDuration::from_hours(24 * 40) } else { self.now },
                occurred_at: None,
                service: None,
                tags: tags.clone(),
                place,
                body: None,
                answered: Some(true),
                wait_s: Some(10),
                land: None,
                alike: None,
                history,
            };
            self.event(Event::ContactReceived { contact, sealed: None });
        }
        Ok(())
    }

    /// Moves time to `to`, stopping at every deadline and every transport's answer.
    fn pass_time(&mut self, to: Timestamp) {
        for _ in 0..100_000 {
            let deadline = self.running.then(|| next_deadline(&self.state)).flatten().map(|at| at.max(self.now));
            let answer = self.coming.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = [deadline, answer].into_iter().flatten().min().filter(|at| *at <= to) else {
                self.now = self.now.max(to);
                return;
            };
            self.now = next;
            if answer == Some(next) {
                let (_, event) = self.coming.pop_first().unwrap();
                self.event(event);
                continue;
            }
            let records = self.event(Event::Tick);
            let moved = next_deadline(&self.state).is_none_or(|deadline| deadline > self.now);
            assert!(records > 0 && moved, "the deadline {next} came, and nothing was done about it");
        }
        panic!("time does not pass");
    }

    /// One event through the core; says what came of it.
    fn event(&mut self, event: Event) -> usize {
        assert!(self.running, "callout is down");
        let decision = decide(&mut self.state, &event, self.now);
        self.checks.after(&self.state, &decision);
        let time = self.clock(self.now);
        for (seq, record, _) in &decision.records {
            self.names.learn(*seq, record);
            if let Some(line) = self.names.record(&self.state, *seq, record, &self.clock_of(record)) {
                self.write(format!("> {time} {line}"));
            }
        }
        if let Some(told) = self.names.answer(&decision.answer, &|at| self.clock(at)) {
            self.write(format!("= {told}"));
        }
        self.perform(&decision);
        decision.records.len()
    }

    /// The instant that a record names, as people read it.
    fn clock_of(&self, record: &Record) -> String {
        match record {
            Record::TaskOpened { due: Some(due), .. } => self.clock(*due),
            Record::WarningEntered { warning, .. } => {
                format!("{} to {}", self.clock(warning.from), self.clock(warning.to))
            }
            _ => String::new(),
        }
    }

    /// Writes a line; equal contacts in a row are written once, with their number.
    fn write(&mut self, line: String) {
        let same = |a: &str, b: &str| a.splitn(3, ' ').nth(2) == b.splitn(3, ' ').nth(2);
        if line.starts_with("> ")
            && line.contains(" contact taken")
            && let Some(last) = self.out.last_mut()
        {
            let (kept, n) = match last.rsplit_once(" (x") {
                Some((kept, n)) => (kept.to_owned(), n.trim_end_matches(')').parse().unwrap_or(1)),
                None => (last.clone(), 1_u32),
            };
            if last.starts_with("> ") && same(&kept, &line) {
                *last = format!("{kept} (x{})", n + 1);
                return;
            }
        }
        self.out.push(line);
    }

    /// What the outside does with the effects.
    fn perform(&mut self, decision: &Decision) {
        for effect in &decision.effects {
            match effect {
                Effect::SendPage(order) => {
                    let how = self.transports[order.channel.as_str()];
                    let outcome = match how {
                        Behaves::Accepts | Behaves::Delivers => SendResult::Accepted,
                        Behaves::Refuses => SendResult::Refused { why: "no such number".into() },
                        Behaves::Later => SendResult::Retryable { why: "try again later".into() },
                        Behaves::Silent => continue,
                    };
                    self.comes(1, Event::PageOutcome { page: order.page, outcome });
                    if how == Behaves::Delivers {
                        self.comes(4, Event::PageReceipt { page: order.page, receipt: Receipt::Delivered });
                    }
                }
                Effect::SendNotice(order) => {
                    let outcome = match self.transports[order.channel.as_str()] {
                        Behaves::Accepts | Behaves::Delivers => SendResult::Accepted,
                        Behaves::Refuses => SendResult::Refused { why: "no such number".into() },
                        Behaves::Later => SendResult::Retryable { why: "try again later".into() },
                        Behaves::Silent => continue,
                    };
                    self.comes(1, Event::NoticeOutcome { notice: order.notice, outcome });
                }
                Effect::MailHead(_) => {}
                Effect::CancelPages(pages) => {
                    let names: Vec<String> = pages.iter().map(|page| self.names.name(Seq(page.0))).collect();
                    self.write(format!("> {} not sent any more: {}", self.clock(self.now), names.join(", ")));
                    self.coming
                        .retain(|_, event| !matches!(event, Event::PageOutcome { page, .. } if pages.contains(page)));
                    for page in pages {
                        self.comes(0, Event::PageOutcome { page: *page, outcome: SendResult::Cancelled });
                    }
                }
            }
        }
    }

    fn comes(&mut self, after_s: i64, event: Event) {
        self.sent += 1;
        self.coming.insert((self.now + SignedDuration::from_secs(after_s), self.sent), event);
    }
}
