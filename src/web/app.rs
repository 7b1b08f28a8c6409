//! What the handlers work with: made once by the daemon and shared by all of them.

use super::desk::{Callers, Desk};
use super::limits::{Doorkeeper, Limits, Scales};
use super::metrics::Metrics;
use super::scope::Role;
use super::sessions::{Brake, Sessions};
use super::tokens::Tokens;
use super::users::Users;
use crate::clock::Clock;
use crate::domain::contact::Channel;
use crate::domain::entry::EntryWords;
use crate::domain::event::{DetailClass, Sealed};
use crate::domain::id::PersonId;
use crate::domain::person::People;
use crate::domain::phone::PhoneNumber;
use crate::domain::state::View;
use crate::door::Door;
use crate::incoming::{ContactReader, GatewayReader};
use crate::keys::{InstallationKey, random_bytes};
use crate::land::Land;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// One part of the daemon, as `/readyz` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name, e.g. `index`.
    pub part: String,
    /// Whether it can do its work.
    pub ready: bool,
    /// Whether callout can do its main job without it.
    pub needed: bool,
    /// Why not, or how far it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Tells how the parts are; given by the daemon.
pub type Parts = Arc<dyn Fn() -> Vec<Part> + Send + Sync>;

/// Sends an answer, without waiting for what becomes of it, to a number that texted us.
pub type TextBack = Arc<dyn Fn(PhoneNumber, String) + Send + Sync>;

/// Somebody to become in the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoUser {
    /// Their name: a person's id where they are on the rota.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// As the button says it, e.g. `Priya Nair, duty officer`.
    pub label: String,
}

/// Sign-ins whose password may be checked at one time; each takes 19 MiB and a core.
const SIGN_INS_MAX: usize = 2;

/// What the handlers work with.
pub struct App {
    /// The way to the core.
    pub door: Door,
    /// Reads contacts.
    pub intake: Arc<dyn ContactReader>,
    /// Reads an SMS gateway's callbacks.
    pub gateway: Arc<dyn GatewayReader>,
    /// Answers a text that came in where the answer to its callback cannot.
    pub text_back: TextBack,
    /// Callbacks that were heard lately: suppliers tell some twice.
    pub heard: super::heard::Heard,
    /// Places and owners.
    pub land: Arc<dyn Land>,
    /// The installation's key.
    pub keys: InstallationKey,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// Names, numbers and addresses of the people in force.
    pub people: watch::Receiver<Arc<People>>,
    /// Puts other people into force, once the record that says so is durable.
    pub put_people: watch::Sender<Arc<People>>,
    /// Access tokens.
    pub tokens: Tokens,
    /// The users file.
    pub users: Users,
    /// Signed-in sessions.
    pub sessions: Sessions,
    /// Slows down the trying of passwords.
    pub brake: Brake,
    /// Room for checking passwords.
    pub sign_ins: Semaphore,
    /// The server's bounds.
    pub limits: Arc<Limits>,
    /// Bodies that are being read.
    pub scales: Scales,
    /// Room for live streams.
    pub live: Arc<Semaphore>,
    /// Connections.
    pub doorkeeper: Doorkeeper,
    /// Connections of the public listener: whatever the world does, the staff's chairs stay free.
    pub public_doorkeeper: Doorkeeper,
    /// Texts of each person that could not be understood since their last good one.
    pub nonsense: std::sync::Mutex<BTreeMap<PersonId, u32>>,
    /// Who rang before.
    pub callers: Callers,
    /// Counts for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// How the parts are.
    pub parts: Parts,
    /// In the demo: people to become without a password; otherwise empty.
    pub demo_users: Vec<DemoUser>,
    /// What the console's pages know beside all this.
    pub desk: Desk,
    /// Says true when the daemon goes down; live streams end then.
    pub stop: watch::Receiver<bool>,
}

/// What an [`App`] is made of; the rest has one way to be made.
pub struct AppParts<'a> {
    /// The data directory: tokens and users lie there.
    pub data: &'a Path,
    /// See [`App`].
    pub door: Door,
    /// See [`App`].
    pub intake: Arc<dyn ContactReader>,
    /// See [`App`].
    pub gateway: Arc<dyn GatewayReader>,
    /// See [`App`].
    pub text_back: TextBack,
    /// See [`App`].
    pub land: Arc<dyn Land>,
    /// See [`App`].
    pub keys: InstallationKey,
    /// See [`App`].
    pub clock: Arc<Clock>,
    /// See [`App`].
    pub people: watch::Receiver<Arc<People>>,
    /// See [`App`].
    pub put_people: watch::Sender<Arc<People>>,
    /// See [`App`].
    pub limits: Limits,
    /// See [`App`].
    pub parts: Parts,
    /// See [`App`].
    pub demo_users: Vec<DemoUser>,
    /// See [`App`].
    pub desk: Desk,
    /// See [`App`].
    pub stop: watch::Receiver<bool>,
}

impl App {
    /// Puts the parts together.
    pub fn build(given: AppParts<'_>) -> Arc<Self> {
        let AppParts { data, door, intake, gateway, land, keys, clock, people, put_people, limits, parts, .. } = given;
        let AppParts { demo_users, desk, stop, text_back, .. } = given;
        Arc::new(Self {
            door,
            intake,
            gateway,
            text_back,
            heard: super::heard::Heard::default(),
            land,
            clock,
            people,
            put_people,
            tokens: Tokens::of(data, keys.clone()),
            users: Users::of(data),
            sessions: Sessions::new(keys.clone()),
            keys,
            brake: Brake::default(),
            sign_ins: Semaphore::new(SIGN_INS_MAX),
            live: Arc::new(Semaphore::new(limits.live_max)),
            limits: Arc::new(limits),
            scales: Scales::default(),
            doorkeeper: Doorkeeper::default(),
            public_doorkeeper: Doorkeeper::default(),
            nonsense: std::sync::Mutex::default(),
            callers: Callers::default(),
            metrics: Arc::new(Metrics::new()),
            parts,
            demo_users,
            desk,
            stop,
        })
    }

    /// The newest durable snapshot.
    pub fn view(&self) -> Arc<View> {
        self.door.view()
    }

    /// Seals words that somebody typed about an incident, as `{"text": ...}`.
    ///
    /// # Panics
    /// If the operating system gives no random bytes: then nothing can be sealed, and the request ends in a 500.
    pub fn seal(&self, words: &str) -> Sealed {
        #[derive(Serialize)]
        struct Words<'a> {
            text: &'a str,
        }
        let content = serde_json::to_vec(&Words { text: words }).expect("a text always becomes JSON");
        Sealed::new(self.salt(), DetailClass::Incident, content)
    }

    /// Seals the words of an entry of an incident's log.
    ///
    /// # Panics
    /// As [`App::seal`].
    pub fn seal_entry(&self, words: &EntryWords) -> Sealed {
        let content = serde_json::to_vec(words).expect("texts always become JSON");
        Sealed::new(self.salt(), DetailClass::Incident, content)
    }

    /// Sixteen random bytes.
    ///
    /// # Panics
    /// As [`App::seal`].
    pub fn salt(&self) -> [u8; 16] {
        random_bytes().expect("the operating system gives random bytes")
    }

    /// The day, where the council is.
    pub fn today(&self) -> jiff::civil::Date {
        self.desk.zone.to_datetime(self.clock.now()).date()
    }

    /// Counts a contact that was taken.
    pub fn took(&self, channel: Channel) {
        self.metrics.contact(channel);
    }
}
