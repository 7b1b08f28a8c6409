//! Settings, and the files of a council: read, checked and told about all at once.
//!
//! [`Config`] is the only list of settings; `config/callout.toml` is written from it by a test. Flags win over the
//! environment (`CALLOUT_CONFIG`, `CALLOUT_DATA`), the environment over the file, the file over the defaults; the first
//! two are joined by the command line. Relative paths are relative to the configuration file's own directory. Secrets
//! are never settings: a setting names a file that holds one.
//!
//! Not here: what the documents mean (`domain/`), how problems are shown (`cli/check.rs`).

mod files;
pub mod folders;
pub mod transports;

pub use crate::domain::settings::{Council, Deciding, Detect, Paging};
use folders::Folder;

pub use files::{FILE_BYTES_MAX, Loaded, PLAYBOOKS_MAX, load, load_at};
pub use transports::{EmailConfig, ModemConfig, NotifyConfig, SmsConfig, TwilioConfig, VoicesConfig};

use crate::domain::feed::Feed;
use crate::domain::problem::{Code, Problem};
use crate::domain::reading::{Fields, Item, Reader};
use crate::domain::settings::{Setting, quoted, settings};
use crate::domain::time::SignedDuration;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Where the configuration is, unless `--config` or `CALLOUT_CONFIG` says otherwise.
pub const DEFAULT_PATH: &str = "config/callout.toml";

const fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

settings! {
    /// The web server: pages and API.
    pub struct Web {
        /// Address and port to listen on. The sample listens to this machine only; put a reverse proxy with TLS in front, or
        /// give a certificate.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), ();
        /// The certificate, a file with the whole chain as PEM: callout speaks https itself. Read again when it changes.
        /// None unless set: plain http.
        certificate: Option<PathBuf> = None, ();
        /// Its private key, PEM, not readable by everybody.
        private_key: Option<PathBuf> = None, ();
        /// How phones reach it: the beginning of the link in each page, without a slash at the end.
        public_url: String = "http://127.0.0.1:8080".to_owned(), 8..=200;
        /// Reverse proxies in front of callout, by address. What they say about who asks (`X-Forwarded-For`) and how
        /// (`X-Forwarded-Proto`) is believed, and the bound on connections from one address does not hold for them.
        trusted_proxies: Vec<IpAddr> = Vec::new(), 0..=16;
        /// Tell browsers to come by https alone (`Strict-Transport-Security`). Only where a trusted proxy has TLS.
        hsts: bool = false, ();
    }

    /// A listener of its own for what the world must reach: the pages behind links in texts and emails, and what suppliers
    /// call back with. With it, `[web]` is for staff and answers no supplier, and this one answers nothing else.
    pub struct Public {
        /// Address and port. None unless set: `[web]` answers everything.
        listen: Option<SocketAddr> = None, ();
        /// The certificate, as in `[web]`.
        certificate: Option<PathBuf> = None, ();
        /// Its private key, as in `[web]`.
        private_key: Option<PathBuf> = None, ();
        /// The most requests in a minute from one address. Suppliers that have proven who they are, are not counted.
        requests_per_minute: u32 = 120, 10..=100_000;
    }

    /// Bounds of what comes in. Beyond them a sender is told so at once.
    pub struct Limits {
        /// The most bytes of one request's body (256 KiB).
        body_bytes_max: usize = 262_144, 1_024..=16_777_216;
        /// The most connections at a time.
        connections_max: usize = 1_024, 8..=100_000;
        /// The most connections at a time from one address.
        connections_per_address_max: usize = 32, 1..=10_000;
        /// A request whose header is not complete after this is dropped.
        header_timeout: SignedDuration = seconds(5), seconds(1)..=seconds(60);
    }

    /// Where things are. Relative to this file.
    pub struct Files {
        /// The directory of the log, the details and the index. On a disk with room, readable by callout alone.
        data: PathBuf = "../callout-data".into(), ();
        /// People: names, numbers, addresses. Readable by callout alone.
        people: PathBuf = "people.toml".into(), ();
        /// Who is on call.
        rota: PathBuf = "rota.toml".into(), ();
        /// Core hours.
        calendar: PathBuf = "calendar.toml".into(), ();
        /// Bank holidays.
        holidays: PathBuf = "holidays.toml".into(), ();
        /// Topics and their phrases.
        keywords: PathBuf = "keywords.toml".into(), ();
        /// Responsible bodies, and what to tell a caller.
        bodies: PathBuf = "bodies.toml".into(), ();
        /// The directory of playbooks, one file each.
        playbooks: PathBuf = "../playbooks".into(), ();
    }

    /// The keeping of the record: who is mailed its signed head, and how long details are kept. See docs/record.md.
    pub struct Keeping {
        /// Where the signed head of the log goes each day: a mailbox that nobody who runs callout can change. "none" for nowhere.
        mail_to: String = "none".to_owned(), 4..=200;
        /// The head is signed each day, and whenever so many records have come since.
        sign_every: u32 = 10_000, 100..=1_000_000;
        /// How long the details of a routine contact are kept, in days.
        contact_days: u32 = 365, 1..=36_500;
        /// How long the words of an incident are kept, in years.
        incident_years: u32 = 21, 1..=100;
        /// When details whose time is over are erased: minute, hour, day of month, month, day of week.
        erase_at: String = "30 3 * * *".to_owned(), 9..=100;
    }

    /// How far a new edition of a map layer may differ from the one before it. A larger change is taken only with
    /// `--accept-change` and the reason. See docs/layers.md.
    pub struct Layers {
        /// Features may grow or shrink by so many per cent.
        count_change_percent: u32 = 20, 0..=1_000_000;
        /// Land may grow or shrink by so many per cent.
        area_change_percent: u32 = 10, 0..=1_000_000;
        /// Each side of the box around the layer may move by so many per cent of the longer side.
        extent_change_percent: u32 = 10, 0..=1_000_000;
        /// So many points are asked in both editions.
        points: u32 = 2_000, 0..=1_000_000;
        /// Of them, so many per cent may have another answer.
        points_change_percent: u32 = 5, 0..=100;
    }

    /// Who notices when callout itself is dead. systemd does on this machine (packaging/callout.service); an outside
    /// monitor does when the machine or its network is gone.
    pub struct Watch {
        /// An outside monitor that raises its own alarm when it has not heard of callout for three minutes: its
        /// address gets a POST every minute, as long as all is well. None unless set.
        heartbeat_url: Option<String> = None, 8..=500;
    }

    /// `callout demo`: a made-up town and a made-up storm; nothing leaves the machine.
    pub struct Demo {
        /// How many times faster than the clock.
        speed: u32 = 60, 1..=3_600;
        /// The seed of chance: the same seed gives the same town and storm.
        seed: u32 = 1, 0..=1_000_000;
    }
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `[council]`, `[detect]`, `[paging]`: what the core decides by.
    pub deciding: Deciding,
    /// `[web]`.
    pub web: Web,
    /// `[public]`.
    pub public: Public,
    /// `[limits]`.
    pub limits: Limits,
    /// `[files]`.
    pub files: Files,
    /// `[[intake.folder]]`.
    pub folders: Vec<Folder>,
    /// `[email]`.
    pub email: EmailConfig,
    /// `[sms]`.
    pub sms: SmsConfig,
    /// `[notify]`.
    pub notify: NotifyConfig,
    /// `[twilio]`.
    pub twilio: TwilioConfig,
    /// `[modem]`.
    pub modem: ModemConfig,
    /// `[voices]`.
    pub voices: VoicesConfig,
    /// `[record]`.
    pub record: Keeping,
    /// `[layers]`.
    pub layers: Layers,
    /// `[watch]`.
    pub watch: Watch,
    /// `[demo]`.
    pub demo: Demo,
}

impl Config {
    /// Reads the settings' text; what is not there takes its default. `shown` is the file's name in problems.
    ///
    /// # Errors
    /// All slips of the file, with their places.
    pub fn parse(shown: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let (config, problems) = Self::read(shown, text);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The settings as far as they can be read, with what is wrong: a default stands in for each wrong value, so that the
    /// other files can be looked at in the same go.
    fn read(shown: &str, text: &str) -> (Self, Vec<Problem>) {
        let reader = Reader::new(shown, text);
        let mut root = reader.root();
        let mut intake = root.table_or_empty("intake");
        let config = Self {
            deciding: Deciding {
                council: Council::read(root.table_or_empty("council")),
                detect: Detect::read(root.table_or_empty("detect")),
                paging: Paging::read(root.table_or_empty("paging")),
                feeds: Feed::read_all(&mut intake),
            },
            web: Web::read(root.table_or_empty("web")),
            public: Public::read(root.table_or_empty("public")),
            limits: Limits::read(root.table_or_empty("limits")),
            files: Files::read(root.table_or_empty("files")),
            folders: Folder::read_all(&mut intake),
            email: by_serde(&mut root, "email", text),
            sms: by_serde(&mut root, "sms", text),
            notify: by_serde(&mut root, "notify", text),
            twilio: by_serde(&mut root, "twilio", text),
            modem: by_serde(&mut root, "modem", text),
            voices: by_serde(&mut root, "voices", text),
            record: Keeping::read(root.table_or_empty("record")),
            layers: Layers::read(root.table_or_empty("layers")),
            watch: Watch::read(root.table_or_empty("watch")),
            demo: Demo::read(root.table_or_empty("demo")),
        };
        intake.done();
        if config.deciding.zone().is_none() {
            let span = root.table_or_empty("council").span_of("zone");
            let message = format!("there is no time zone \"{}\"", config.deciding.council.zone);
            reader.problem_with(Code::C002, span, message, Some("the United Kingdom's is \"Europe/London\""));
        }
        if let Err(error) = crate::domain::schedule::Schedule::parse(&config.record.erase_at) {
            let span = root.table_or_empty("record").span_of("erase_at");
            let help = Some("minute, hour, day of month, month, day of week by name, e.g. \"30 3 * * *\"");
            reader.problem_with(Code::C003, span, format!("`erase_at` is not a time: {error}"), help);
        }
        let url = &config.web.public_url;
        if !(url.starts_with("https://") || url.starts_with("http://")) || url.ends_with('/') {
            let span = root.table_or_empty("web").span_of("public_url");
            let help = Some("e.g. \"https://callout.example.gov.uk\", without a slash at the end");
            reader.problem_with(Code::C003, span, "`public_url` is not the beginning of a link", help);
        }
        let (web, public) = (&config.web, &config.public);
        for (section, certificate, key) in
            [("web", &web.certificate, &web.private_key), ("public", &public.certificate, &public.private_key)]
        {
            if certificate.is_some() != key.is_some() {
                let set = if certificate.is_some() { "certificate" } else { "private_key" };
                let span = root.table_or_empty(section).span_of(set);
                let help = Some("set both for https, or neither for http behind a proxy that has TLS");
                let message =
                    format!("`certificate` and `private_key` of [{section}] belong together; only one is set");
                reader.problem_with(Code::C003, span, message, help);
            }
        }
        if public.listen == Some(web.listen) && web.listen.port() != 0 {
            let span = root.table_or_empty("public").span_of("listen");
            let help = Some("leave [public] listen out for one listener, or give each its own port");
            reader.problem_with(Code::C003, span, "[public] listens where [web] does", help);
        }
        let beat = &config.watch.heartbeat_url;
        if beat.as_ref().is_some_and(|beat| !beat.starts_with("https://") && !beat.starts_with("http://")) {
            let span = root.table_or_empty("watch").span_of("heartbeat_url");
            let help = Some("e.g. \"https://monitor.example.org/beat/abc\"; leave it out for none");
            reader.problem_with(Code::C003, span, "`heartbeat_url` is not an address", help);
        }
        root.done();
        let problems = reader.finish(None::<()>).err().unwrap_or_default();
        (config, problems)
    }

    /// The directory of the log, the details and the index.
    pub fn data(&self) -> &Path {
        &self.files.data
    }

    /// Makes relative paths relative to `directory`, that of the configuration file.
    fn settle(&mut self, directory: &Path) {
        let files = &mut self.files;
        for path in [
            &mut files.data,
            &mut files.people,
            &mut files.rota,
            &mut files.calendar,
            &mut files.holidays,
            &mut files.keywords,
            &mut files.bodies,
            &mut files.playbooks,
        ] {
            *path = files::tidy(&directory.join(&*path));
        }
        for folder in &mut self.folders {
            folder.path = files::tidy(&directory.join(&folder.path));
            folder.mapping = folder.mapping.take().map(|path| files::tidy(&directory.join(path)));
        }
        let secrets = [
            &mut self.email.ca_file,
            &mut self.email.password_file,
            &mut self.sms.password_file,
            &mut self.notify.key_file,
            &mut self.notify.callback_token_file,
            &mut self.twilio.token_file,
            &mut self.voices.webhook_secret_file,
            &mut self.voices.teams_url_file,
            &mut self.web.certificate,
            &mut self.web.private_key,
            &mut self.public.certificate,
            &mut self.public.private_key,
        ];
        let relays = self.email.relay.iter_mut().flat_map(|relay| [&mut relay.ca_file, &mut relay.password_file]);
        for path in secrets.into_iter().chain(relays).flatten() {
            *path = settled(directory, path);
        }
        self.modem.command = settled(directory, &self.modem.command);
        self.modem.config = settled(directory, &self.modem.config);
    }
}

/// What stands before the name of a secret that the service manager hands over.
const CREDENTIAL: &str = "credential:";
/// The service manager's directory of secrets; see `LoadCredential=` in systemd.exec(5).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A path of the settings, relative to `directory`; `credential:NAME` lies where the service manager put it.
fn settled(directory: &Path, path: &Path) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_prefix(CREDENTIAL)) {
        Some(name) => match std::env::var_os(CREDENTIALS_DIRECTORY) {
            Some(credentials) => PathBuf::from(credentials).join(name),
            // Kept as it is: whoever reads it is told that there is no such file.
            None => path.to_owned(),
        },
        None => files::tidy(&directory.join(path)),
    }
}

/// Reads a section whose type is the transport's own.
fn by_serde<T: Default + for<'de> Deserialize<'de>>(root: &mut Fields<'_>, key: &'static str, text: &str) -> T {
    let Some(section) = root.table(key) else { return T::default() };
    let table = text.parse::<toml::Table>().ok().and_then(|mut table| table.remove(key));
    // A file that is not well-formed has been told of already.
    let Some(table) = table else { return T::default() };
    T::deserialize(table).unwrap_or_else(|error| {
        let message = error.message().to_owned();
        // The first word in backquotes is the key at fault, where there is one.
        let fault = message.split('`').nth(1).unwrap_or("").to_owned();
        let span = section.place_of(&fault);
        let code = if message.starts_with("unknown field") { Code::T002 } else { Code::C004 };
        section.reader().problem(code, span, format!("[{key}]: {}", message.trim()));
        T::default()
    })
}

impl Setting for SocketAddr {
    type Range = ();
    fn read(fields: &mut Fields<'_>, key: &'static str, (): &()) -> Option<Self> {
        let item = fields.text(key)?;
        let address = item.value.parse().ok();
        if address.is_none() {
            let help = Some("e.g. \"127.0.0.1:8080\" for this machine, \"0.0.0.0:8080\" for all");
            fields.reader().problem_with(Code::C003, item.span, format!("`{key}` is not an address and port"), help);
        }
        address
    }
    fn toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
    fn range_words((): &()) -> Option<String> {
        None
    }
}

/// The range is the number of entries.
impl Setting for Vec<IpAddr> {
    type Range = RangeInclusive<usize>;
    fn read(fields: &mut Fields<'_>, key: &'static str, range: &Self::Range) -> Option<Self> {
        if !fields.has(key) {
            return None;
        }
        let (items, span) = (fields.texts(key), fields.span_of(key));
        if !range.contains(&items.len()) {
            let message = format!("`{key}` has {} entries; it may have {} at most", items.len(), range.end());
            fields.reader().problem(Code::C005, span, message);
            return None;
        }
        let address = |item: &Item<String>| {
            let address = item.value.parse().ok();
            if address.is_none() {
                let message = format!("\"{}\" in `{key}` is not an address", item.value);
                let help = Some("e.g. \"127.0.0.1\" or \"2001:db8::1\", without a port");
                fields.reader().problem_with(Code::C003, item.span.clone(), message, help);
            }
            address
        };
        Some(items.iter().filter_map(address).collect())
    }
    fn toml(&self) -> Option<String> {
        let all: Vec<String> = self.iter().map(|address| quoted(&address.to_string())).collect();
        Some(format!("[{}]", all.join(", ")))
    }
    fn range_words(range: &Self::Range) -> Option<String> {
        Some(format!("at most {} entries", range.end()))
    }
}

impl Setting for PathBuf {
    type Range = ();
    fn read(fields: &mut Fields<'_>, key: &'static str, (): &()) -> Option<Self> {
        fields.text(key).map(|item| Self::from(item.value))
    }
    fn toml(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
    fn range_words((): &()) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests;
