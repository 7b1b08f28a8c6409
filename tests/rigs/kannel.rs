//! A private Kannel: bearerbox and smsbox as a council would run them, over bearerbox's own simulated network
//! (`smsc = fake`). The rig is what stands at the other end of that network: the phones. It sees each segment that a
//! phone would get, and sends texts as people would.
//!
//! The simulated network listens on every address of its host, so this belongs into a private network only.

use super::{Running, get, tail, wait_for, wait_for_port};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// The programs that it needs.
pub const NEEDS: &[&str] = &["/usr/sbin/bearerbox", "/usr/sbin/smsbox"];

/// Kannel's address for sending, in the private network.
pub const SENDSMS: &str = "http://127.0.0.1:13013/cgi-bin/sendsms";
/// The user for it.
pub const USER: &str = "rig";

const ADMIN_PORT: u16 = 13000;
const BEARERBOX_PORT: u16 = 13001;
/// The port of [`SENDSMS`].
pub const SMSBOX_PORT: u16 = 13013;
const NETWORK_PORT: u16 = 10000;

/// A running Kannel with its phones; stops when dropped.
pub struct KannelRig {
    network: TcpStream,
    arrived: Arc<Mutex<Phones>>,
    _smsbox: Running,
    _bearerbox: Running,
    directory: tempfile::TempDir,
}

/// A text as it arrived on a phone, put together from its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextArrived {
    /// The sender shown.
    pub from: String,
    /// The phone's number, as it was dialled.
    pub to: String,
    /// The words of each segment, in order.
    pub segments: Vec<String>,
}

impl TextArrived {
    /// All its words.
    pub fn text(&self) -> String {
        self.segments.concat()
    }
}

#[derive(Default)]
struct Phones {
    texts: Vec<TextArrived>,
    /// Segments that wait for the others, by phone and the text's number in the segments' header.
    pieces: BTreeMap<(String, u8), BTreeMap<u8, String>>,
}

impl KannelRig {
    /// Starts it and waits until phones are reachable. Must run inside a private network.
    ///
    /// * `reply_url`: Kannel's `get-url` for texts coming in
    ///   ([`callout::transport::inbound::reply_address`]).
    pub fn start(reply_url: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("callout-kannel-").tempdir().unwrap();
        let root = directory.path().display().to_string();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("kannel.conf"), configuration(&root, reply_url)).unwrap();
        fs::write(path("password"), "rigpass\n").unwrap();
        fs::set_permissions(path("password"), fs::Permissions::from_mode(0o600)).unwrap();
        let evidence = || tail(&path("bearerbox.out")) + &tail(&path("smsbox.out"));

        let start = |program: &str, log: &str| {
            Running::start(
                Command::new(format!("/usr/sbin/{program}")).args(["-v", "1"]).arg(path("kannel.conf")),
                &path(log),
            )
        };
        let bearerbox = start("bearerbox", "bearerbox.out");
        wait_for_port(BEARERBOX_PORT, evidence);
        let smsbox = start("smsbox", "smsbox.out");
        wait_for_port(SMSBOX_PORT, evidence);
        let network = wait_for_port(NETWORK_PORT, evidence);
        let arrived = Arc::new(Mutex::new(Phones::default()));
        let phones = arrived.clone();
        let lines = BufReader::new(network.try_clone().unwrap());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                phones.lock().unwrap().take(&line);
            }
        });
        // The network and the smsbox report for duty a moment after their ports are open.
        wait_for("Kannel's network and smsbox to be online", evidence, || {
            let status = get(ADMIN_PORT, "/status.txt?password=rigadmin");
            (status.contains("(online") && status.contains("smsbox:")).then_some(())
        });
        Self { directory, network, arrived, _smsbox: smsbox, _bearerbox: bearerbox }
    }

    /// The file with the password of [`USER`].
    pub fn password_file(&self) -> PathBuf {
        self.directory.path().join("password")
    }

    /// All texts that arrived whole, in order.
    pub fn texts(&self) -> Vec<TextArrived> {
        self.arrived.lock().unwrap().texts.clone()
    }

    /// Waits for a text that `is_it`.
    #[track_caller]
    pub fn wait_for_text(&self, is_it: impl Fn(&TextArrived) -> bool) -> TextArrived {
        wait_for("a text on a phone", || self.evidence(), || self.texts().into_iter().find(&is_it))
    }

    /// A person sends a text from their phone. Numbers in E.164 form or short codes, without white space.
    pub fn reply(&self, from: &str, to: &str, text: &str) {
        assert!(!from.contains(' ') && !to.contains(' ') && !text.contains('\n'), "one line, three fields");
        (&self.network).write_all(format!("{from} {to} text {text}\n").as_bytes()).unwrap();
    }

    /// Its own logs and what arrived, for a failure's message.
    pub fn evidence(&self) -> String {
        let path = |name| self.directory.path().join(name);
        format!("arrived: {:#?}\n", self.texts()) + &tail(&path("bearerbox.out")) + &tail(&path("smsbox.out"))
    }
}

impl Phones {
    /// One line of the simulated network: `FROM TO text WORDS`, `FROM TO data WORDS` (percent-encoded),
    /// `FROM TO ucs-2 BYTES` (UTF-16), or `FROM TO udh HEADER data|ucs-2 WORDS` for one segment of several.
    fn take(&mut self, line: &str) {
        let mut fields = line.splitn(4, ' ');
        let mut field = || fields.next().unwrap_or_default().to_owned();
        let (from, to, kind, rest) = (field(), field(), field(), field());
        if kind != "udh" {
            self.texts.push(TextArrived { from, to, segments: vec![words(&kind, &rest)] });
            return;
        }
        let mut parts = rest.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (header, kind, rest) = (percent_decoded(part()), part(), part());
        // 3GPP TS 23.040 part 9.2.3.24.1: 05 00 03, number of the text, segments in all, this segment.
        let [5, 0, 3, number, total, index] = header[..] else { panic!("not a header of a long text: {line}") };
        let pieces = self.pieces.entry((to.clone(), number)).or_default();
        pieces.insert(index, words(kind, rest));
        if pieces.len() == usize::from(total) {
            let pieces = self.pieces.remove(&(to.clone(), number)).unwrap();
            self.texts.push(TextArrived { from, to, segments: pieces.into_values().collect() });
        }
    }
}

fn words(kind: &str, rest: &str) -> String {
    match kind {
        "text" => rest.to_owned(),
        "data" => String::from_utf8_lossy(&percent_decoded(rest)).into_owned(),
        "ucs-2" => {
            let units: Vec<u16> = percent_decoded(rest)
                .chunks(2)
                .map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
                .collect();
            String::from_utf16_lossy(&units)
        }
        other => panic!("a kind of text that the rig does not know: {other}"),
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            _ => byte,
        });
    }
    decoded
}

fn configuration(root: &str, reply_url: &str) -> String {
    format!(
        "\
group = core
admin-port = {ADMIN_PORT}
admin-interface = 127.0.0.1
admin-password = rigadmin
smsbox-port = {BEARERBOX_PORT}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = file
store-location = {root}/store
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = FAKE
port = {NETWORK_PORT}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {SMSBOX_PORT}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {USER}
password = rigpass
max-messages = 5
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = \"{reply_url}\"
"
    )
}
