//! The daemon as a whole: one engine, its web server, its index, and the signals of the system.
//!
//! Order of the start: settings checked, keys, log opened and state rebuilt, policy and layers told to the core, and
//! only then the announced pages go again and the web server listens. Order of the end: no more requests, sends under
//! way finish, everything durable, within [`STOP_WITHIN`].

use super::asking::Asking;
use super::engine::{self, Engine, EngineError, Storage};
use super::heads::Signer;
use super::health::Observers;
use super::indexing::Indexing;
use super::klaxon::{Note, Rung};
use super::listen::{self, Doors};
use super::post::Post;
use super::retention::Retention;
use super::roster;
use super::signals::{HangUps, Signals, Told};
use super::supervise;
use super::switchboard::Switchboard;
use super::voices::Speaker;
use super::watch::{Found, Watch, Watched, start as start_watch, tell_systemd};
use crate::clock::Clock;
use crate::config::transports::{EmailVia, SmsVia};
use crate::config::{self, Loaded};
use crate::domain::event::{Answer, Author, Event};
use crate::domain::id::{PageId, Seq};
use crate::domain::ownership::Bodies;
use crate::domain::paging::Status;
use crate::domain::person::{PageChannel, People};
use crate::domain::policy::Document;
use crate::domain::problem::Problem;
use crate::domain::reply_code::{self, Key};
use crate::domain::schedule::Schedule;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::incoming::GatewayReader;
use crate::intake::Intake;
use crate::keys::{InstallationKey, KeyError};
use crate::landbook::gazetteer::Gazetteers;
use crate::landbook::{Land, LandBook, unknown_bodies};
use crate::log::heads::HeadKey;
use crate::transport::callbacks::Callbacks;
use crate::transport::voice::Voice;
use crate::transport::{
    Address, EmailTransport, Notify, Outbox, Outgoing, Providers, SendOutcome, SetupProblem, SmsTransport, providers,
};
use crate::web;
use crate::web::app::AppParts;
use crate::web::tls::{Certificate, TlsError};
use sd_notify::NotifyState;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// The whole of the end takes no longer than this; then the process ends anyway.
pub const STOP_WITHIN: Duration = Duration::from_secs(15);
/// The map layers' directory inside the data directory.
pub const LAYERS_DIR: &str = "layers";
/// The directory of the gazetteers within the data directory.
pub const GAZETTEERS_DIR: &str = "gazetteers";
/// Messages that the outbox keeps.
const OUTBOX_MAX: usize = 500;
/// Answers to texts that are on their way at one time.
const ANSWERS_MAX: usize = 16;

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log or the details would not open.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The installation's key could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A transport cannot be set up with these settings.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Transport(Vec<SetupProblem>),
    /// The core refused the policy or went down.
    #[error("the core went down during the start: {0}")]
    Core(String),
    /// Something waits for the daemon, and only the daemon can page for it.
    #[error("{what}, and only the daemon pages for it: start `callout serve`, then do this again")]
    NotAtRest {
        /// What waits.
        what: String,
    },
    /// A certificate cannot be used.
    #[error("{0}")]
    Certificate(#[from] TlsError),
    /// The system's signals cannot be listened for.
    #[error("the system gives no signals: {0}")]
    Signals(std::io::Error),
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; another program (or another callout) may have it: stop that one, or set `listen` in [web]"
    )]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What the daemon is started with.
pub struct Start {
    /// Everything that the council wrote down.
    pub loaded: Loaded,
    /// Where the settings came from, for a reload.
    pub config_path: PathBuf,
    /// Where the data lie.
    pub data: PathBuf,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// How log and details keep their files.
    pub storage: Storage,
}

/// The running daemon, without its web server.
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// The settings that it was started with.
    pub config: config::Config,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// Names, numbers and addresses.
    pub people: watch::Sender<Arc<People>>,
    /// The installation's key.
    pub key: InstallationKey,
    /// The key of links and codes.
    pub link_key: Arc<Key>,
    /// What would have gone out, where a transport is the outbox.
    pub outbox: Arc<Outbox>,
    /// Where the settings came from.
    pub config_path: PathBuf,
    /// Where the data lie.
    pub data: PathBuf,
    /// Who is told of what only the engine sees.
    pub observers: Arc<Observers>,
    /// The index, filling in the background.
    pub indexing: Indexing,
    /// The land book in force.
    pub land: Arc<Land>,
    /// The bodies in force.
    bodies: Mutex<Arc<Bodies>>,
    /// Set when the daemon goes down: what runs beside the engine ends.
    pub stopping: Arc<AtomicBool>,
    /// What the watch has found wrong.
    pub found: Found,
    /// How the watched folders are.
    pub boxes: super::folders::Boxes,
    /// Emails, by provider.
    pub email: Switchboard<EmailTransport>,
    /// Texts, by provider.
    pub sms: Switchboard<SmsTransport>,
    /// Notify, where it is one of them.
    pub notify: Option<Arc<Notify>>,
    /// Reads what suppliers call back with.
    pub callbacks: Arc<Callbacks>,
    /// Who else hears of incidents; taken when the web server starts.
    voices: Vec<Voice>,
    /// When the record had ended before this start.
    pub ended_at: Timestamp,
    /// The certificates of our own doors.
    pub certificates: Arc<Mutex<Vec<Arc<Certificate>>>>,
    /// The addresses, where they were taken at the start.
    doors: Option<Doors>,
}

impl App {
    /// Opens, rebuilds, puts the policy into force and sends again what was announced. Inside the run time.
    ///
    /// # Errors
    /// [`StartError`], with what to do; nothing is running then.
    pub async fn start(start: Start) -> Result<Self, StartError> {
        Self::begin(start, false).await
    }

    /// The same, and takes the address to listen on before anything is sent: a daemon that cannot listen, started
    /// again and again, must not page again and again.
    ///
    /// # Errors
    /// As [`App::start`], and when the address cannot be had.
    pub async fn start_to_serve(start: Start) -> Result<Self, StartError> {
        Self::begin(start, true).await
    }

    async fn begin(start: Start, listen: bool) -> Result<Self, StartError> {
        let app = Self::open(start, listen, |_| Ok(())).await?;
        let started = Event::Started { version: env!("CARGO_PKG_VERSION").into(), tz: zone_data_version() };
        app.tell(started).await?;
        app.tell_of_the_klaxon().await?;
        Ok(app)
    }

    /// Records that the last resort was called without a record, if it was; this pages whoever looks after callout.
    async fn tell_of_the_klaxon(&self) -> Result<(), StartError> {
        let note = Note::of(&self.data);
        let Some(rung) = note.last().filter(|rung| !rung.recorded) else { return Ok(()) };
        self.tell(Event::Alarm { cause: rung.cause() }).await?;
        note.write(&Rung { recorded: true, ..rung });
        Ok(())
    }

    /// Opens, lets `look` at the rebuilt state, and goes on only if it is content; announces nothing again.
    async fn open(
        start: Start,
        listen: bool,
        look: impl Fn(&State) -> Result<(), StartError>,
    ) -> Result<Self, StartError> {
        let Start { loaded, config_path, data, clock, storage } = start;
        let key = InstallationKey::open_or_create(&data)?;
        let link_key: Arc<Key> = Arc::new(*key.bytes());
        let outbox = Arc::new(Outbox::new(Arc::clone(&clock), OUTBOX_MAX));
        let inbound = reply_code::path_secret(&link_key, web::api::sms::PATH_PURPOSE);
        let providers = Providers::build(&loaded.config, &inbound, &outbox, &clock).map_err(StartError::Transport)?;
        let callbacks = Arc::new(providers.callbacks(*link_key));
        let Providers { email, sms, notify, .. } = providers;
        let voices = Voice::all(&loaded.config.voices, &loaded.config.web.public_url).map_err(StartError::Transport)?;
        let email = Switchboard::new(email, Arc::clone(&clock));
        let sms = Switchboard::new(sms, Arc::clone(&clock));
        let (people, names) = watch::channel(Arc::new(loaded.people.clone()));
        let observers: Arc<Observers> = Arc::default();
        let post = Post {
            observers: Arc::clone(&observers),
            clock: Arc::clone(&clock),
            email: email.clone(),
            sms: sms.clone(),
            people: names,
            key: Arc::clone(&link_key),
            records_to: Some(loaded.config.record.mail_to.clone()).filter(|address| address.contains('@')),
            council: loaded.config.deciding.council.short_name.clone(),
            base_url: loaded.config.web.public_url.clone(),
            reply_number: providers::reply_number(&loaded.config),
        };
        let opening = (data.clone(), Arc::clone(&clock));
        let opened = tokio::task::spawn_blocking(move || engine::open(&opening.0, &storage, &opening.1))
            .await
            .map_err(|error| StartError::Core(error.to_string()))??;
        if let Some(tear) = &opened.tear {
            warn!(seq = %tear.seq, bytes = tear.bytes, "the log had a torn end of {} bytes, cut off before record {}", tear.bytes, tear.seq);
        }
        look(&opened.state)?;
        clock.not_before(opened.state.last_at);
        // Before the first record, what came in earlier is not for us.
        let ended_at = if opened.state.next == Seq(1) { clock.now() } else { opened.state.last_at };
        let first = opened.state.policy.roster.is_none();
        if let Some(roster) = &opened.state.policy.roster {
            match roster::kept(&opened.details.reader(), roster) {
                Ok(kept) => drop(people.send_replace(Arc::new(kept))),
                Err(why) => warn!(why, "the people in force cannot be read back ({why}); those of the file are used"),
            }
        }
        info!(records = opened.state.next.0 - 1, "log opened, state rebuilt from {} records", opened.state.next.0 - 1);
        let doors = if listen { Some(Doors::open(&loaded.config).await?) } else { None };
        let indexing = Indexing::default();
        indexing.start(&data, &opened.dir, Seq(opened.state.next.0 - 1));
        let epoch = opened.state.policy.epoch;
        let engine = Engine::start(opened, Note::of(&data), Arc::clone(&clock), post, Arc::clone(&indexing.live));
        // Epochs go on from the log's last, so that a contact's epoch names one edition for ever.
        let first_book = LandBook::new(Vec::new(), Arc::new(loaded.bodies.clone()));
        let land = Arc::new(Land::after(epoch, first_book));
        let app = Self {
            found: Found::default(),
            boxes: super::folders::Boxes::default(),
            email,
            sms,
            notify,
            callbacks,
            voices,
            ended_at,
            certificates: Arc::default(),
            doors,
            stopping: Arc::default(),
            indexing,
            observers,
            land,
            engine,
            config: loaded.config,
            clock,
            people,
            key,
            link_key,
            outbox,
            config_path,
            data,
            bodies: Mutex::new(Arc::new(loaded.bodies)),
        };
        let by = Author::system();
        app.tell(Event::PolicyLoaded { documents: loaded.documents.clone(), by: by.clone() }).await?;
        if first {
            let sealed = loaded.roster.seal(crate::keys::random_bytes()?);
            app.tell(Event::RosterApplied { documents: loaded.documents, by, sealed }).await?;
        } else {
            app.tell_of_other_files(&loaded.documents);
        }
        Ok(app)
    }

    /// The bodies in force.
    pub fn bodies(&self) -> Arc<Bodies> {
        Arc::clone(&self.bodies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads contacts with what is in force.
    pub fn intake(&self) -> Intake {
        Intake {
            door: self.engine.door.clone(),
            land: Arc::clone(&self.land) as Arc<dyn crate::land::Land>,
            keys: self.key.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Answers a text that came in, by the providers of texts; not waited for, and at most so many at a time.
    pub fn text_back(&self) -> web::app::TextBack {
        let (sms, clock) = (self.sms.clone(), Arc::clone(&self.clock));
        let room = Arc::new(tokio::sync::Semaphore::new(ANSWERS_MAX));
        Arc::new(move |number, text| {
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                warn!("too many answers to texts are on their way; one was left out");
                return;
            };
            let message = Outgoing {
                page: PageId(0),
                // Never the same twice: a gateway drops a message whose name it has seen.
                reference: format!("answer-{}", clock.now().as_nanosecond()),
                to: Address::Mobile(number.as_e164().to_owned()),
                subject: String::new(),
                text,
                html: None,
                exercise: false,
            };
            let sms = sms.clone();
            tokio::spawn(async move {
                let sent = sms.send(&message).await;
                if !matches!(sent.outcome, SendOutcome::Accepted { .. }) {
                    warn!(by = sent.by, "the answer to a text did not go by {}", sent.by);
                }
                drop(place);
            });
        })
    }

    /// What asks Notify what became of pages, where it is one of the providers.
    pub fn asking(&self, site: &Arc<web::app::App>) -> Option<Asking> {
        let by_text = self.config.sms.via.0.contains(&SmsVia::Notify).then_some(PageChannel::Sms);
        let by_mail = self.config.email.via.0.contains(&EmailVia::Notify).then_some(PageChannel::Email);
        Some(Asking {
            notify: Arc::clone(self.notify.as_ref()?),
            site: Arc::clone(site),
            clock: Arc::clone(&self.clock),
            key: Arc::clone(&self.link_key),
            channels: by_text.into_iter().chain(by_mail).collect(),
            texts: self.config.notify.number.is_some(),
            since: self.ended_at,
        })
    }

    async fn tell(&self, event: Event) -> Result<Answer, StartError> {
        self.engine.tell(event).await.map_err(|error| StartError::Core(error.to_string()))
    }

    /// Reads the settings and files again; puts them into force when all are good, else keeps the old ones and says
    /// what is wrong.
    ///
    /// # Errors
    /// Everything that is wrong; nothing was changed.
    pub async fn reload(&self) -> Result<Vec<Problem>, Vec<Problem>> {
        let loaded = config::load_at(&self.config_path, self.clock.now())?;
        self.tell_of_other_files(&loaded.documents);
        // The land book takes them with the layers, which are read again next.
        *self.bodies.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded.bodies);
        let by = Author::system();
        match self.engine.tell(Event::PolicyLoaded { documents: loaded.documents, by }).await {
            Ok(_) => info!(warnings = loaded.warnings.len(), "plans and settings were read again and are in force"),
            Err(error) => warn!(%error, "plans and settings were read again, but the core is going down"),
        }
        Ok(loaded.warnings)
    }

    /// Says so in the trace where the files of people and rota are not what is in force: they count by being applied.
    fn tell_of_other_files(&self, documents: &[Document]) {
        for name in roster::other_files(&self.engine.door.view().policy, documents) {
            warn!("the {name} file is not what is in force; `callout rota apply` puts it into force");
        }
    }

    /// Reads the map layers of the data directory and puts them into force together; a file that cannot be read is
    /// told, and no answer is certain while it is missing.
    ///
    /// # Errors
    /// When the core is going down.
    pub async fn load_layers(&self) -> Result<(), StartError> {
        let (dir, bodies) = (self.data.join(LAYERS_DIR), self.bodies());
        let names = self.data.join(GAZETTEERS_DIR);
        let read = move || (LandBook::load(&dir, bodies), Gazetteers::load_all(&names));
        let ((book, problems), (gazetteers, unread)) =
            tokio::task::spawn_blocking(read).await.map_err(|error| StartError::Core(error.to_string()))?;
        for problem in unread {
            warn!(%problem, "a gazetteer could not be read, its codes are not located: {problem}");
        }
        let book = book.with_gazetteers(Arc::new(gazetteers));
        for problem in problems {
            warn!(%problem, "a map layer could not be read: {problem}");
        }
        self.put_layers(book).await
    }

    /// Puts a land book into force, and says so in the log when it is another than before.
    ///
    /// # Errors
    /// When the core is going down.
    pub async fn put_layers(&self, book: LandBook) -> Result<(), StartError> {
        for body in unknown_bodies(&book) {
            warn!(%body, "a map layer names the body \"{body}\", which bodies.toml does not have; its ground answers \"not known\"");
        }
        let layers: Vec<_> = book.layers().map(|layer| (layer.id.clone(), layer.sha256.clone())).collect();
        let epoch = self.land.replace(book);
        info!(layers = layers.len(), epoch, "{} map layers in force", layers.len());
        self.tell(Event::LayersLoaded { epoch, layers }).await?;
        self.correct_land().await
    }

    /// Puts what staff have corrected upon the layers.
    async fn correct_land(&self) -> Result<(), StartError> {
        let (view, records) = (self.engine.door.view(), self.engine.door.records());
        let read = move || crate::land::corrections(&view.corrections, |seq, digest| records.detail(seq, digest));
        let corrections =
            tokio::task::spawn_blocking(read).await.map_err(|error| StartError::Core(error.to_string()))?;
        crate::land::Land::correct(self.land.as_ref(), corrections);
        Ok(())
    }

    /// Starts the web server.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen(mut self, show: Show) -> Result<Running, StartError> {
        let doors = match self.doors.take() {
            Some(doors) => doors,
            None => Doors::open(&self.config).await?,
        };
        let (stop, stopped) = watch::channel(false);
        let site = web::app::App::build(AppParts {
            data: &self.data,
            door: self.engine.door.clone(),
            intake: Arc::new(self.intake()),
            gateway: Arc::clone(&self.callbacks) as Arc<dyn GatewayReader>,
            text_back: self.text_back(),
            land: Arc::clone(&self.land) as Arc<dyn crate::land::Land>,
            keys: self.key.clone(),
            clock: Arc::clone(&self.clock),
            people: self.people.subscribe(),
            put_people: self.people.clone(),
            limits: web::limits::Limits::from(&self.config),
            parts: super::health::parts(&self),
            demo_users: show.users.clone(),
            desk: super::desk::desk(&self, &show),
            stop: stopped.clone(),
        });
        if let Some(asking) = self.asking(&site) {
            supervise::task("asking", asking.run(stopped.clone()));
        }
        let metrics = Arc::clone(&site.metrics);
        super::health::feed(&self.observers, &metrics);
        super::health::feed_sends(&self.email, &metrics);
        super::health::feed_sends(&self.sms, &metrics);
        for voice in std::mem::take(&mut self.voices) {
            let place = self.data.join(super::voices::place(&voice));
            let (door, clock) = (self.engine.door.clone(), Arc::clone(&self.clock));
            let speaker = Speaker { voice, door, clock, log: self.data.join(engine::LOG_DIR), place };
            supervise::task("voice", speaker.run(stopped.clone()));
        }
        let certificates = doors.certificates();
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&certificates);
        let address = doors.staff.address;
        let public = doors.public.as_ref().map(|door| door.address);
        let web = doors.serve(&site, &self.config, stopped.clone());
        supervise::task("certificates", listen::keep_fresh(certificates, stopped));
        Ok(Running { app: self, address, public, site, stop, web })
    }

    /// The daemon: listens, says that it is ready, and runs until the system asks it to stop. SIGHUP reads settings,
    /// plans and map layers again.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn serve(self, hang_ups: HangUps) -> Result<(), StartError> {
        let signals = Signals::listen(hang_ups).map_err(StartError::Signals)?;
        self.load_layers().await?;
        self.sign_heads()?;
        self.retain();
        self.watch_folders();
        let running = self.listen(Show::default()).await?;
        let scheme = if running.app.config.web.certificate.is_some() { "https" } else { "http" };
        println!("callout {} listens on {scheme}://{}", env!("CARGO_PKG_VERSION"), running.address);
        if let Some(public) = running.public {
            let scheme = if running.app.config.public.certificate.is_some() { "https" } else { "http" };
            println!("links and suppliers' callbacks: {scheme}://{public}");
        }
        let _watch = running.watch();
        tell_systemd(&[NotifyState::Ready]);
        running.until_told(signals).await;
        tell_systemd(&[NotifyState::Stopping]);
        running.stop().await;
        Ok(())
    }

    /// Begins to sign the log's head: daily, and whenever enough has come since.
    ///
    /// # Errors
    /// When the signing key cannot be had.
    pub fn sign_heads(&self) -> Result<(), StartError> {
        let signer = Signer {
            key: HeadKey::open_or_create(&self.data)?,
            door: self.engine.door.clone(),
            clock: Arc::clone(&self.clock),
            zone: self.config.deciding.zone().unwrap_or(jiff::tz::TimeZone::UTC),
            every: u64::from(self.config.record.sign_every),
            mail: self.config.record.mail_to.contains('@'),
        };
        signer.start(Arc::clone(&self.stopping));
        Ok(())
    }

    /// What erases details whose time is over.
    ///
    /// # Panics
    /// If the settings' time is none: they are checked when they are read.
    pub fn retention(&self) -> Retention {
        let record = &self.config.record;
        Retention {
            door: self.engine.door.clone(),
            clock: Arc::clone(&self.clock),
            zone: self.config.deciding.zone().unwrap_or(jiff::tz::TimeZone::UTC),
            schedule: Schedule::parse(&record.erase_at).expect("the settings were checked when they were read"),
            log: self.data.join(engine::LOG_DIR),
            details: self.data.join(engine::DETAILS_DIR),
            contact_days: record.contact_days,
            incident_years: record.incident_years,
        }
    }

    /// Begins to empty the watched folders.
    fn watch_folders(&self) {
        for folder in &self.config.folders {
            super::folders::start(folder.clone(), self.intake(), self.boxes.clone(), Arc::clone(&self.stopping));
        }
    }

    /// Begins to erase details each night.
    fn retain(&self) {
        self.retention().start(Arc::clone(&self.stopping));
    }

    /// Stops the engine within `patience`.
    pub async fn stop(self, patience: Duration) {
        self.indexing.stop();
        self.stopping.store(true, Ordering::Release);
        self.engine.stop(patience).await;
    }
}

/// What the console shows beside the daemon's own state.
#[derive(Default)]
pub struct Show {
    /// The words of the demo's bar.
    pub demo: Option<String>,
    /// People to become without a password.
    pub users: Vec<web::app::DemoUser>,
    /// How many times as fast the clock runs.
    pub speed: u32,
    /// Places by name.
    pub find: Option<web::desk::Gazetteer>,
    /// Features for the look of the map, GeoJSON in EPSG:27700, beside the layers.
    pub scenery: Option<serde_json::Value>,
}

/// The daemon with its web server.
pub struct Running {
    /// The daemon.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens to the world, where that is another address.
    pub public: Option<SocketAddr>,
    /// What its web handlers work with.
    pub site: Arc<web::app::App>,
    stop: watch::Sender<bool>,
    web: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Begins to watch over callout itself.
    fn watch(&self) -> Watch {
        let app = &self.app;
        let watched = Watched {
            pulse: Arc::clone(&app.engine.pulse),
            gauge: Arc::clone(&app.engine.gauge),
            data: app.data.clone(),
            clock: Arc::clone(&app.clock),
            door: app.engine.door.clone(),
            heartbeat_url: app.config.watch.heartbeat_url.clone(),
            found: app.found.clone(),
        };
        start_watch(watched)
    }

    /// Waits for the system's word to stop; reads settings, plans and map layers again at each SIGHUP.
    pub async fn until_told(&self, mut signals: Signals) {
        while signals.next().await == Told::ReadAgain {
            let certificates = self.app.certificates.lock().unwrap_or_else(PoisonError::into_inner).clone();
            listen::renew(&certificates);
            match self.app.reload().await {
                Ok(warnings) => warnings.iter().for_each(|warning| warn!("{warning}")),
                Err(problems) => {
                    for problem in &problems {
                        warn!("{problem}");
                    }
                    warn!(problems = problems.len(), "the new settings are wrong; the old ones stay in force");
                }
            }
            if let Err(error) = self.app.load_layers().await {
                warn!(%error, "the map layers could not be put into force");
            }
        }
    }

    /// Stops taking requests, lets sends under way end, makes everything durable; within [`STOP_WITHIN`].
    pub async fn stop(self) {
        info!("stopping");
        self.stop.send_replace(true);
        let ended = async {
            for web in self.web {
                if web.await.is_err() {
                    warn!("the web server did not end by itself");
                }
            }
            self.app.stop(STOP_WITHIN / 2).await;
        };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            warn!(
                "not everything ended within {} s; what was announced goes again after the next start",
                STOP_WITHIN.as_secs()
            );
        }
    }
}

fn zone_data_version() -> String {
    jiff::tz::db().available().next().map_or_else(|| "none".to_owned(), |_| "bundled".to_owned())
}

/// An engine on the data directory without a daemon: for imports while none runs.
///
/// Only while nothing waits on time: with an incident open, its pages would go into this engine's outbox, and the log
/// would say that they had gone. For the same reason nothing that was announced is sent again here.
///
/// # Errors
/// As [`App::start`], and [`StartError::NotAtRest`]; [`EngineError::Open`] says so when a daemon holds the directory.
pub async fn offline(data: &Path, loaded: Loaded) -> Result<App, StartError> {
    let mut loaded = loaded;
    loaded.config.email = crate::transport::EmailConfig::default();
    loaded.config.sms = crate::transport::SmsConfig::default();
    loaded.config.voices = crate::config::VoicesConfig::default();
    let start = Start {
        loaded,
        config_path: PathBuf::new(),
        data: data.to_owned(),
        clock: Arc::new(Clock::System),
        storage: Storage::default(),
    };
    App::open(start, false, at_rest).await
}

/// Whether nobody waits for anything: no incident, signal, warning or call-out is open.
fn at_rest(state: &State) -> Result<(), StartError> {
    let call_out = state.paging.call_outs.values().find(|call_out| !matches!(call_out.status, Status::Ended { .. }));
    let what = match (state.incidents.open().next(), call_out) {
        (Some(incident), _) => format!("{} is open", incident.id),
        (None, Some(call_out)) => format!("{} is being paged", call_out.id),
        (None, None) if !state.incidents.warnings.is_empty() => "a warning is in force or to come".to_owned(),
        (None, None) if !state.signals.raised.is_empty() => "a signal is raised".to_owned(),
        (None, None) => return Ok(()),
    };
    Err(StartError::NotAtRest { what })
}
