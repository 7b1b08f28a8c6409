//! A private Postfix: STARTTLS with a certificate made at run time, a mail directory for each address of
//! `council.test`, and recipients that are refused in known ways.
//!
//! | recipient | answer |
//! |---|---|
//! | `grey+…@council.test` | 450 greylisted |
//! | `full+…@council.test` | 452 mailbox full |
//! | `gone+…@council.test` | 550 user unknown |
//! | anything else of `council.test` | taken |
//! | other domains | 554 relay access denied |

use super::{Running, run, tail, wait_for, wait_for_port};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs that it needs.
pub const NEEDS: &[&str] = &["/usr/sbin/postfix", "/usr/lib/postfix/sbin/master", "/usr/bin/openssl"];

/// The port of the private network at which it listens, on 127.0.0.1 and on 127.0.0.2; its certificate is not valid
/// for the latter.
pub const PORT: u16 = 2525;

/// A running Postfix; stops when dropped.
pub struct PostfixRig {
    _master: Running,
    directory: tempfile::TempDir,
}

/// One mail as it lies in the mail directory.
#[derive(Debug, Clone)]
pub struct MailRead {
    /// The header lines, unfolded.
    pub headers: Vec<String>,
    /// Everything after the empty line.
    pub body: String,
}

impl MailRead {
    /// The value of the first header of that name; fails where there is none.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let prefix = format!("{}:", name.to_ascii_lowercase());
        self.headers
            .iter()
            .find(|line| line.to_ascii_lowercase().starts_with(&prefix))
            .map(|line| line[prefix.len()..].trim())
            .unwrap_or_else(|| panic!("no header {name} in {:#?}", self.headers))
    }

    fn read(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut headers: Vec<String> = Vec::new();
        for line in head.lines() {
            match headers.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
                _ => headers.push(line.to_owned()),
            }
        }
        Self { headers, body: body.to_owned() }
    }
}

impl PostfixRig {
    /// Starts it and waits until it listens. Must run inside a private network.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("callout-postfix-").tempdir().unwrap();
        let root = directory.path();
        // Postfix runs its parts under other users, who must reach their files.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        for part in ["etc", "spool", "data", "mail"] {
            fs::create_dir(root.join(part)).unwrap();
        }
        run(Command::new("chown").arg("postfix").arg(root.join("data")));
        run(Command::new("chown").arg("nobody:nogroup").arg(root.join("mail")));
        certificates(&root.join("etc"));
        fs::write(root.join("etc/main.cf"), main_cf(root)).unwrap();
        fs::write(root.join("etc/master.cf"), master_cf()).unwrap();
        fs::write(root.join("etc/recipients"), RECIPIENTS).unwrap();
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(root.join("etc")).arg("start-fg");
        let master = Running::start(&mut command, &root.join("start.log"));
        let rig = Self { directory, _master: master };
        wait_for_port(PORT, || rig.evidence());
        rig
    }

    /// The certificate authority (PEM) that a sender must trust; the server's name is `localhost` or `127.0.0.1`.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("etc/ca.pem")
    }

    /// The mails for `user@council.test`, in no particular order.
    pub fn mailbox(&self, user: &str) -> Vec<MailRead> {
        let Ok(entries) = fs::read_dir(self.directory.path().join("mail/all/new")) else { return Vec::new() };
        let delivered_to = format!("{user}@council.test");
        entries
            .map(|entry| MailRead::read(&String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap())))
            .filter(|mail| mail.header("Delivered-To") == delivered_to)
            .collect()
    }

    /// Waits for a mail for `user@council.test` that `is_it`.
    #[track_caller]
    pub fn wait_for_mail(&self, user: &str, is_it: impl Fn(&MailRead) -> bool) -> MailRead {
        wait_for(&format!("a mail for {user}"), || self.evidence(), || self.mailbox(user).into_iter().find(&is_it))
    }

    /// Its own log, for a failure's message.
    pub fn evidence(&self) -> String {
        tail(&self.directory.path().join("start.log")) + &tail(&self.directory.path().join("mail.log"))
    }
}

/// An authority, and a certificate by it for `localhost` and 127.0.0.1: verifiers rightly refuse a server that shows an
/// authority's certificate as its own.
fn certificates(etc: &Path) {
    let openssl = |arguments: &str| run(Command::new("/usr/bin/openssl").args(arguments.split(' ')).current_dir(etc));
    fs::write(etc.join("leaf.ext"), "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -days 2 -subj /CN=rig-authority -keyout ca.key -out ca.pem"));
    openssl(&format!("req {key} -subj /CN=localhost -keyout server.key -out server.csr"));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out server.pem",
    );
}

const RECIPIENTS: &str = "\
/^grey\\+/    450 4.7.1 Greylisted, try again later
/^full\\+/    452 4.2.2 Mailbox full
/^gone\\+/    550 5.1.1 User unknown
";

fn main_cf(root: &Path) -> String {
    let root = root.display();
    format!(
        "\
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.council.test
mydestination =
mynetworks =
alias_maps =
alias_database =
default_transport = error:nothing leaves the rig
virtual_mailbox_domains = council.test
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:{root}/etc/recipients
smtpd_tls_security_level = may
smtpd_tls_cert_file = {root}/etc/server.pem
smtpd_tls_key_file = {root}/etc/server.key
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
"
    )
}

fn master_cf() -> String {
    // service, type, private, unprivileged, chroot, wakeup, processes, command: see master(5).
    let mut text = format!("127.0.0.1:{PORT} inet n - n - - smtpd\n127.0.0.2:{PORT} inet n - n - - smtpd\n");
    text += "pickup unix n - n 60 1 pickup\nqmgr unix n - n 300 1 qmgr\ncleanup unix n - n - 0 cleanup\n";
    text += "tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";
    for (service, program, processes) in [
        ("rewrite", "trivial-rewrite", "-"),
        ("bounce", "bounce", "0"),
        ("defer", "bounce", "0"),
        ("trace", "bounce", "0"),
        ("error", "error", "-"),
        ("proxymap", "proxymap", "-"),
        ("anvil", "anvil", "1"),
    ] {
        text += &format!(
            "{service} unix - - n - {processes} {program}
"
        );
    }
    text + "virtual unix - n n - - virtual
"
}
