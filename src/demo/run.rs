//! Plays the evening: a real daemon in a directory of its own, on a clock that runs fast, with the town's contacts and
//! its people's doings handed in at their moments. Everything else that is seen is the real core's work.
//!
//! Nothing leaves the machine: both transports are the outbox, and the server listens on this machine only.

use super::gazetteer::{self, PlaceKind};
use super::script::{self, Entry};
use super::viewer::Viewer;
use super::{history, sample, storm, town};
use crate::clock::Clock;
use crate::config;
use crate::daemon::app::{App, Running, Show, Start, StartError};
use crate::daemon::engine::Storage;
use crate::daemon::signals::{HangUps, Signals};
use crate::domain::event::{Author, EntryKind, Event, Sealed, TaskState, Via};
use crate::domain::id::{IncidentId, PageId, Seq};
use crate::domain::place::Located;
use crate::domain::record::Record;
use crate::domain::state::View;
use crate::domain::telling::Teller;
use crate::domain::time::{SignedDuration, Timestamp, after};
use crate::incoming::{ContactReader as _, Sending};
use crate::keys::random_bytes;
use crate::landbook::LandBook;
use crate::landbook::import::{ImportOptions, import};
use crate::transport::{EmailConfig, SmsConfig};
use crate::web::app::DemoUser;
use crate::web::desk::{Gazetteer, Named};
use crate::web::scope::Role;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Weeks of history loaded before the evening.
const HISTORY_WEEKS: u32 = 8;
/// Contacts handed in at a time while history is loaded.
const BATCH: usize = 500;
/// How often the evening's cues are looked at, real time.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(20);

/// When the evening is summed up: an hour after the rain began, as the worst is over.
const SUMMARY_AFTER: SignedDuration = SignedDuration::from_mins(80);

/// What the story is about; the cast's doings belong to that incident.
const FLOODING: &str = "flooding";

/// How the demo is played.
#[derive(Debug, Clone, Copy)]
pub struct Play {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How many times as fast as the clock.
    pub speed: u32,
    /// The seed of chance.
    pub seed: u64,
    /// Open the start page in the desktop's browser.
    pub open: bool,
}

/// Why the demo could not be played.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The daemon would not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The demo's directory could not be made or written.
    #[error("the demo's directory {path}: {source}")]
    Directory {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The sample that the program carries is wrong, which is a defect.
    #[error("the sample council does not check: {0}")]
    Sample(String),
    /// The daemon went down in mid-play.
    #[error("the daemon went down: {0}")]
    Down(String),
}

/// Plays until the system asks to stop.
///
/// # Errors
/// [`DemoError`].
pub async fn run(play: Play, directory: &Path) -> Result<(), DemoError> {
    let at_directory = |source| DemoError::Directory { path: directory.display().to_string(), source };
    let config_path = sample::write(directory).map_err(at_directory)?;
    let start = script::start();
    let mut loaded = config::load_at(&config_path, start).map_err(|problems| {
        DemoError::Sample(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let listener_taken = std::net::TcpListener::bind(play.listen)
        .map_err(|source| StartError::Listen { address: play.listen, source })?;
    let listen = listener_taken.local_addr().map_err(at_directory)?;
    drop(listener_taken);
    loaded.config.web.listen = listen;
    loaded.config.web.public_url = format!("http://{listen}");
    loaded.config.email = EmailConfig::default();
    loaded.config.sms = SmsConfig::default();
    loaded.config.voices = crate::config::VoicesConfig::default();
    let data = directory.join("callout-data");
    // The clock stands still while history is loaded, and runs from the moment the page can be seen.
    let clock = Arc::new(Clock::hand(start));
    let app =
        App::start(Start { loaded, config_path, data, clock: Arc::clone(&clock), storage: Storage::default() }).await?;
    say(&format!(
        "callout {}   demo: a made-up town, a made-up storm. Nothing leaves this machine.",
        env!("CARGO_PKG_VERSION")
    ));
    let scenery = lay_out(&app).await?;
    let n = load_history(&app, play.seed, start).await?;
    say(&format!(
        "  {n} contacts of the last {HISTORY_WEEKS} weeks loaded, {} map layers",
        app.land.current().layers().count()
    ));
    let show = Show {
        demo: Some(format!(
            "DEMO: a made-up town and storm, {} times as fast. Nothing leaves this machine.",
            play.speed
        )),
        users: users(),
        speed: play.speed,
        find: Some(find()),
        scenery,
    };
    let running = app.listen(show).await?;
    let base = format!("http://{}", running.address);
    say(&format!("  Console    {base}          (advisor, officer, manager: pick one, no password)"));
    if play.open {
        open_browser(&base);
    }
    say(&format!("  Outbox     {base}/outbox   texts and emails land here; each opens the phone view"));
    say(&format!(
        "  Speed      {} times: an hour of storm in {} s. Enter pauses and goes on, q and Enter ends it.",
        play.speed,
        3_600 / play.speed.max(1)
    ));
    let viewer = Viewer::at_the_terminal();
    let stage = Stage::new(&running, play, start, clock, viewer.clone());
    // A closed terminal ends it as well: there is nothing to read again.
    let mut signals = HangUps::listen().and_then(Signals::listen).map_err(StartError::Signals)?;
    tokio::select! {
        _ = signals.next() => {}
        () = viewer.ended() => {}
        ended = stage.play() => ended?,
    }
    running.stop().await;
    Ok(())
}

/// Opens an address in the desktop's browser, where there is a desktop; elsewhere the printed address must do.
fn open_browser(address: &str) {
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if desktop {
        let nothing = std::process::Stdio::null;
        let opened = std::process::Command::new("xdg-open")
            .arg(address)
            .stdin(nothing())
            .stdout(nothing())
            .stderr(nothing())
            .spawn();
        if let Err(error) = opened {
            tracing::debug!(%error, "no browser was opened");
        }
    }
}

pub(super) fn say(line: &str) {
    // A closed terminal is no reason to stop the show.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Imports the town's layers as a council's own; gives what is there for the look of the map only.
async fn lay_out(app: &App) -> Result<Option<Value>, DemoError> {
    let mut layers = Vec::new();
    let mut scenery = None;
    for (meta, geojson) in town::layers() {
        if meta.kind == "building" {
            scenery = serde_json::from_str(&geojson).ok();
            continue;
        }
        let options = ImportOptions {
            id: meta.id.into(),
            name: meta.name.into(),
            kind: meta.kind.into(),
            body: None,
            date: meta.dated.into(),
            licence: meta.licence.into(),
            accuracy_m: 1.0,
            crs: Some(crate::landbook::layer::Crs::Bng),
            id_field: Some("id".into()),
            name_field: Some("name".into()),
            body_field: Some("body".into()),
            kind_field: Some("kind".into()),
            ..ImportOptions::default()
        };
        let (layer, _) = import(geojson.as_bytes(), meta.source, &options, Some(&app.bodies()), &mut |_, _| {})
            .map_err(|error| DemoError::Sample(format!("layer {}: {error}", meta.id)))?;
        layers.push(Arc::new(layer));
    }
    app.put_layers(LandBook::new(layers, app.bodies())).await?;
    Ok(scenery)
}

/// Contacts as JSON into events, read as the API reads them.
fn events(app: &App, contacts: &[Value], history: bool) -> Result<Vec<Event>, DemoError> {
    let body = serde_json::to_vec(contacts).expect("values always become JSON");
    let sending = Sending { sender: "demo", idempotency_key: None, history, lines: false };
    let (_, parsed) = app
        .intake()
        .read(&body, &sending)
        .map_err(|refused| DemoError::Sample(format!("a contact of the town is refused: {refused:?}")))?;
    Ok(parsed.into_iter().map(|parsed| parsed.into_event(salt())).collect())
}

fn salt() -> [u8; 16] {
    random_bytes().expect("the operating system gives random bytes")
}

async fn load_history(app: &App, seed: u64, start: Timestamp) -> Result<usize, DemoError> {
    let from = after(start, SignedDuration::from_hours(-24 * 7 * i64::from(HISTORY_WEEKS)));
    let contacts: Vec<Value> = history::contacts(seed, from, HISTORY_WEEKS).collect();
    for part in contacts.chunks(BATCH) {
        let events = events(app, part, true)?;
        app.engine.door.submit(events).await.map_err(|error| DemoError::Down(error.to_string()))?;
    }
    Ok(contacts.len())
}

/// Whom a viewer may be.
fn users() -> Vec<DemoUser> {
    let user = |name: &str, label: &str, role| DemoUser { name: name.into(), label: label.into(), role };
    vec![
        user("leah.marsh", "Leah Marsh, advisor: take a call", Role::Advisor),
        user("priya.nair", "Priya Nair, duty officer: be paged", Role::Officer),
        user("imran.shah", "Imran Shah, manager: look back", Role::Manager),
    ]
}

/// Places of the town by name, for the contact form.
fn find() -> Gazetteer {
    let places = gazetteer::gazetteer();
    Arc::new(move |typed| {
        let typed = typed.trim().to_lowercase();
        if typed.len() < 2 {
            return Vec::new();
        }
        let begins = |place: &&gazetteer::Place| {
            place.name.to_lowercase().contains(&typed) || place.postcode.to_lowercase().starts_with(&typed)
        };
        let mut found: Vec<&gazetteer::Place> = places.iter().filter(begins).collect();
        found.sort_by_key(|place| (!place.name.to_lowercase().starts_with(&typed), place.kind != PlaceKind::Street));
        found
            .into_iter()
            .take(8)
            .map(|place| Named {
                text: place.name.clone(),
                note: place.postcode.clone(),
                place: Located::new(place.at, place.within_m),
            })
            .collect()
    })
}

/// The play itself.
struct Stage<'a> {
    running: &'a Running,
    start: Timestamp,
    /// Real time played so far; pauses do not count.
    played: std::time::Duration,
    viewer: Viewer,
    speed: u32,
    seed: u64,
    clock: Arc<Clock>,
    told: Seq,
    answered: BTreeSet<PageId>,
    waits: BTreeMap<PageId, Timestamp>,
}

impl<'a> Stage<'a> {
    fn new(running: &'a Running, play: Play, start: Timestamp, clock: Arc<Clock>, viewer: Viewer) -> Self {
        Self {
            running,
            start,
            played: std::time::Duration::ZERO,
            viewer,
            speed: play.speed.max(1),
            seed: play.seed,
            clock,
            told: running.app.engine.door.view().head,
            answered: BTreeSet::new(),
            waits: BTreeMap::new(),
        }
    }

    fn app(&self) -> &'a App {
        &self.running.app
    }

    async fn submit(&self, event: Event) -> Result<(), DemoError> {
        self.app().engine.door.submit_one(event).await.map(|_| ()).map_err(|error| DemoError::Down(error.to_string()))
    }

    /// Hands in contacts and doings at their moments; then keeps the clock running for whoever still looks around.
    async fn play(mut self) -> Result<(), DemoError> {
        let mut contacts = storm::evening(self.seed, self.start).into_iter().peekable();
        let mut cues = script::entries(self.start).into_iter().peekable();
        say(&self.line(self.start, "ordinary evening; the storm comes in 20 minutes"));
        let mut summary = Some(after(self.start, SUMMARY_AFTER));
        let mut looked = std::time::Instant::now();
        loop {
            let passed = std::mem::replace(&mut looked, std::time::Instant::now()).elapsed();
            if self.viewer.is_paused() {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            self.played += passed;
            let passed = self.played.saturating_mul(self.speed);
            let now = after(self.start, SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX));
            self.clock.move_to(crate::domain::time::to_millis(now));
            let mut due = Vec::new();
            while let Some((_, contact)) = contacts.next_if(|(at, _)| *at <= now) {
                due.push(contact);
            }
            if !due.is_empty() {
                let events = events(self.app(), &due, false)?;
                let sent = self.app().engine.door.submit(events).await;
                sent.map_err(|error| DemoError::Down(error.to_string()))?;
            }
            let view = self.app().engine.door.view();
            while let Some((_, cue)) = cues.next_if(|(at, _)| *at <= now) {
                self.act(&view, cue).await?;
            }
            self.people(&view, now).await?;
            self.tell(&view);
            if summary.take_if(|at| *at <= now).is_some() {
                self.sum_up(&view, now);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Receipts come for texts, and people answer as their part says.
    async fn people(&mut self, view: &View, now: Timestamp) -> Result<(), DemoError> {
        let mut due = Vec::new();
        for (id, page) in &view.paging.pages {
            if !view.paging.is_asking(page) || page.outcome.is_none() || self.answered.contains(id) {
                continue;
            }
            if page.receipt.is_none() && page.channel == crate::domain::person::PageChannel::Sms {
                due.push(Event::PageReceipt { page: *id, receipt: crate::domain::event::Receipt::Delivered });
            }
            let Some(wait) = script::player(page.person.as_str()).and_then(|player| player.answers_after) else {
                continue;
            };
            let at = *self.waits.entry(*id).or_insert_with(|| after(page.at, wait));
            if at <= now {
                self.answered.insert(*id);
                due.push(Event::Acknowledged {
                    page: *id,
                    by: Author { who: page.person.to_string(), via: Via::Demo },
                });
            }
        }
        for event in due {
            self.submit(event).await?;
        }
        Ok(())
    }

    async fn act(&self, view: &View, cue: Entry) -> Result<(), DemoError> {
        let flooding = view.incidents.open().find(|incident| incident.topic.as_str() == FLOODING);
        let Some(incident) = flooding.map(|incident| incident.id) else { return Ok(()) };
        let by = |who: &str| Author { who: who.to_owned(), via: Via::Demo };
        let event = match cue {
            Entry::Note { by: who, kind, text } => entry(incident, kind, by(who), text.to_owned()),
            Entry::Decision { by: who, what, why, considered } => {
                let text = format!("{what}\nWhy: {why}\nConsidered: {considered}");
                entry(incident, EntryKind::Decision, by(who), text)
            }
            Entry::TaskTaken { by: who, about } => match task(view, incident, about, &[TaskState::Open]) {
                Some(task) => Event::TaskMoved { task, to: TaskState::Accepted, by: by(who) },
                None => return Ok(()),
            },
            Entry::TaskDone { by: who, about } => {
                match task(view, incident, about, &[TaskState::Open, TaskState::Accepted]) {
                    Some(task) => Event::TaskMoved { task, to: TaskState::Done, by: by(who) },
                    None => return Ok(()),
                }
            }
            Entry::StandDown { by: who, reason } => {
                // The evening is over: so is whatever else was opened in it.
                let others: Vec<IncidentId> =
                    view.incidents.open().map(|open| open.id).filter(|id| *id != incident).collect();
                for other in others {
                    let reason = sealed("The storm has passed; what is left goes to the day teams.".to_owned());
                    self.submit(Event::StoodDown { incident: other, by: by(who), reason }).await?;
                }
                Event::StoodDown { incident, by: by(who), reason: sealed(reason.to_owned()) }
            }
        };
        self.submit(event).await
    }

    /// What the evening has come to, and what a viewer may do next.
    fn sum_up(&self, view: &View, now: Timestamp) {
        let incidents = view.incidents.by_id.values();
        let contacts: u64 = incidents.clone().map(|incident| incident.contacts_n).sum();
        let (opened, lines) = (incidents.len(), incidents.flat_map(|incident| incident.timeline.iter()));
        let decision = |record: &Record| matches!(record, Record::EntryWritten { kind: EntryKind::Decision, .. });
        let decisions = lines.filter(|line| decision(&line.record)).count();
        let pages = view.paging.pages.len();
        // What a duty officer can bear is what this counts.
        let mut by_person: BTreeMap<&str, usize> = BTreeMap::new();
        for page in view.paging.pages.values() {
            *by_person.entry(page.person.as_str()).or_default() += 1;
        }
        let busiest = by_person.into_iter().max_by_key(|(_, n)| *n).map_or_else(String::new, |(person, n)| {
            let people = self.app().people.borrow().clone();
            let detail = people.details.get(&crate::domain::id::PersonId::from(person));
            format!(" (most to one person: {n}, {})", detail.map_or(person, |detail| detail.name.as_str()))
        });
        let of = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let words = format!(
            "so far {contacts} contacts about {}, {}{busiest}, {}",
            of(opened, "incident"),
            of(pages, "page"),
            of(decisions, "decision")
        );
        say(&self.line(now, &words));
        say("  Next: look back in the console (Log, or an incident's room), log a call yourself, or set up your own");
        say("  council: README.md, \"First page in five minutes\". The evening goes on until the stand-down at 22:30.");
    }

    fn line(&self, at: Timestamp, words: &str) -> String {
        let seconds = self.played.as_secs();
        let zone = self.app().config.deciding.zone().unwrap_or(jiff::tz::TimeZone::UTC);
        format!("{seconds:>4} s  {}  {words}", crate::daemon::desk::clock(at, &zone))
    }

    /// Tells what has happened since the last look, as far as a watcher wants to know it.
    fn tell(&mut self, view: &View) {
        let people = self.app().people.borrow().clone();
        let name = |id: &str| {
            let detail = people.details.get(&crate::domain::id::PersonId::from(id));
            detail.map_or_else(|| id.to_owned(), |detail| detail.name.clone())
        };
        let zone = self.app().config.deciding.zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let teller = Teller { name: &name, zone: &zone };
        let mut lines: Vec<(Seq, String)> = Vec::new();
        // One message may stand for several incidents; those of one moment are one line.
        let mut pages: BTreeMap<Seq, (Timestamp, String, String)> = BTreeMap::new();
        for incident in view.incidents.by_id.values() {
            for line in incident.timeline.iter().filter(|line| line.seq > self.told) {
                let told = teller.tell(&line.record);
                let evidence = match line.record.as_ref() {
                    Record::EvidenceJoined { cause: crate::domain::record::Cause::Signal(id), .. } => {
                        view.signals.get(*id).map(|signal| signal.evidence.clone())
                    }
                    _ => None,
                };
                let wanted = matches!(
                    line.record.as_ref(),
                    Record::IncidentOpened { .. }
                        | Record::EvidenceJoined { .. }
                        | Record::PlaybookActivated { .. }
                        | Record::LevelStarted { passed: Some(_), .. }
                        | Record::CallOutWidened { .. }
                        | Record::Acknowledged { .. }
                        | Record::Declined { .. }
                        | Record::EntryWritten { kind: EntryKind::Decision, .. }
                        | Record::StoodDown { .. }
                );
                if let Record::PageIntended { person, channel, .. } = line.record.as_ref() {
                    let words = format!("{} by {channel}", name(person.as_str()));
                    let page = pages.entry(line.seq).or_insert_with(|| (line.at, String::new(), words));
                    let and = if page.1.is_empty() { "" } else { "+" };
                    page.1.push_str(&format!("{and}{}", incident.id));
                } else if wanted {
                    let more = evidence.or_else(|| (!told.text.is_empty()).then_some(told.text));
                    let words = more.map_or(told.title.clone(), |more| format!("{}: {more}", told.title));
                    let words = format!("{} {words}", incident.id);
                    lines.push((line.seq, self.line(line.at, &words)));
                }
            }
        }
        let mut paged: BTreeMap<(Timestamp, String), Vec<(Seq, String)>> = BTreeMap::new();
        for (seq, (at, incidents, words)) in pages {
            paged.entry((at, incidents)).or_default().push((seq, words));
        }
        for ((at, incident), pages) in paged {
            let seq = pages[0].0;
            let words: Vec<String> = pages.into_iter().map(|(_, words)| words).collect();
            lines.push((seq, self.line(at, &format!("{incident} paged {}", words.join(", ")))));
        }
        lines.sort();
        lines.iter().for_each(|(_, line)| say(line));
        self.told = view.head;
    }
}

fn sealed(words: String) -> Sealed {
    let content = serde_json::to_vec(&json!({ "text": words })).expect("a text always becomes JSON");
    Sealed::new(salt(), crate::domain::event::DetailClass::Incident, content)
}

fn entry(incident: IncidentId, kind: EntryKind, by: Author, words: String) -> Event {
    Event::EntryWritten { incident, entry: Box::new(crate::domain::entry::Entry::of(kind)), by, text: sealed(words) }
}

/// The first task of the incident whose title holds those words and that is in one of those states.
fn task(view: &View, incident: IncidentId, about: &str, states: &[TaskState]) -> Option<crate::domain::id::TaskId> {
    let about = about.to_lowercase();
    let mut tasks = view.incidents.tasks.iter();
    tasks
        .find(|(_, task)| {
            task.incident == incident && states.contains(&task.state) && task.title.to_lowercase().contains(&about)
        })
        .map(|(id, _)| *id)
}
