//! Email to the council's mail server, by SMTP.
//!
//! The conversation is led step by step, and each step is remembered, because the same silence means different things
//! at different moments: before the message is handed over it certainly did not go; after that nobody knows.
//!
//! Rules: TLS, or nothing is sent; one connection for one email; one time limit over everything, since the library's
//! own does not hold against a server that accepts and then says nothing (lettre 0.11 bounds the connecting only).
//! Not here: the words of the email ([`crate::domain::message`]).

use super::config::{EmailConfig, Secret, SetupProblem, Tls, check_timeout, is_loopback, read_bounded};
use super::redact::redact;
use super::{Address, Fault, Outgoing, SendOutcome};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

/// How long the goodbye (QUIT) may take, after the outcome is known; nobody waits for it.
const GOODBYE: Duration = Duration::from_secs(2);

/// The way to one mail server.
pub struct Smtp {
    host: String,
    port: u16,
    tls: Option<TlsParameters>,
    wrapper: bool,
    credentials: Option<Credentials>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    message_id_domain: String,
    timeout: Duration,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// How far the conversation is: what was being waited for when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Data,
    /// The message is on the wire, or handed over: from here on, no answer means that nobody knows.
    Message,
}

impl Step {
    fn in_words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::StartTls => "turning on encryption",
            Self::SignIn => "signing in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "asking to hand over the message",
            Self::Message => "handing over the message",
        }
    }
}

impl Smtp {
    /// The way to the server of the settings, or everything that is wrong with them. Connects to nothing.
    pub fn new(config: &EmailConfig) -> Result<Self, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        if config.host.is_empty() || config.host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
            problems.push(SetupProblem::new(
                "email.host",
                format!("\"{}\" is no host name", config.host),
                "name the mail server, e.g. smtp.example.gov.uk",
            ));
        }
        if config.tls == Tls::None && !config.allow_clear_text && !is_loopback(&config.host) {
            problems.push(SetupProblem::new(
                "email.tls",
                format!("\"none\" would send pages in clear to {}", config.host),
                "use \"required\"; or set allow_clear_text = true if the way there is protected otherwise",
            ));
        }
        check_timeout("email.timeout_s", config.timeout_s, &mut problems);
        let tls = if config.tls == Tls::None { None } else { keep(tls_parameters(config), &mut problems) };
        let credentials = keep(credentials(config), &mut problems).flatten();
        if credentials.is_some() && config.tls == Tls::None && !is_loopback(&config.host) {
            problems.push(SetupProblem::new(
                "email.user",
                "a password is never sent without TLS to another machine",
                "use tls = \"required\", or leave user and password_file out",
            ));
        }
        let from = keep(mailbox("email.from", &config.from), &mut problems);
        let reply_to =
            config.reply_to.as_deref().and_then(|address| keep(mailbox("email.reply_to", address), &mut problems));
        let message_id_domain =
            config.message_id_domain.clone().or_else(|| from.as_ref().map(|from| from.email.domain().to_owned()));
        if let Some(domain) = &message_id_domain
            && (domain.is_empty() || !domain.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
        {
            problems.push(SetupProblem::new(
                "email.message_id_domain",
                format!("\"{domain}\" is no domain"),
                "use a domain of the council, e.g. oncall.example.gov.uk",
            ));
        }
        match (from, message_id_domain) {
            (Some(from), Some(message_id_domain)) if problems.is_empty() => Ok(Self {
                host: config.host.clone(),
                port: config.port.unwrap_or(if config.tls == Tls::Wrapper { 465 } else { 587 }),
                tls,
                wrapper: config.tls == Tls::Wrapper,
                credentials,
                from,
                reply_to,
                message_id_domain,
                timeout: Duration::from_secs(config.timeout_s),
            }),
            _ => Err(problems),
        }
    }

    /// Sends one email, within the time limit.
    pub async fn send(&self, message: &Outgoing) -> SendOutcome {
        self.send_until(message, tokio::time::sleep(self.timeout)).await
    }

    /// Sends one email for as long as our `patience` lasts.
    async fn send_until(&self, message: &Outgoing, patience: impl Future<Output = ()>) -> SendOutcome {
        let (recipient, bytes) = match self.compose(message) {
            Ok(composed) => composed,
            Err(refused) => return refused,
        };
        let mut step = Step::Connect;
        tokio::select! {
            biased;
            outcome = self.converse(recipient, &bytes, &mut step) => outcome,
            () = patience => {
                let why = format!("no answer within {} s while {}", self.timeout.as_secs(), step.in_words());
                if step == Step::Message { SendOutcome::Unknown { why } } else { SendOutcome::Retryable { why } }
            }
        }
    }

    /// The recipient and the bytes of the email.
    fn compose(&self, message: &Outgoing) -> Result<(lettre::Address, Vec<u8>), SendOutcome> {
        let refused = |why: &str, fault| SendOutcome::Refused { why: why.to_owned(), fault };
        let Address::Email { name, address } = &message.to else {
            return Err(refused("a mobile number was given where an email address belongs", Fault::Address));
        };
        let recipient: lettre::Address =
            address.parse().map_err(|_| refused("the address is not a valid email address", Fault::Address))?;
        // A control character in a name could end its header line.
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        let to = Mailbox::new(Some(name).filter(|name| !name.trim().is_empty()), recipient.clone());
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(message.subject.replace(|c: char| c.is_control(), " "))
            .message_id(Some(format!("<{}@{}>", message.reference, self.message_id_domain)))
            // No out-of-office answers, please (RFC 3834; the second is Exchange's own).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"))
            .raw_header(header("Importance", "high"))
            .raw_header(header("X-Callout-Page", &message.page.to_string()));
        if message.exercise {
            builder = builder.raw_header(header("X-Callout-Exercise", "yes"));
        }
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let plain = SinglePart::plain(message.text.clone());
        let composed = match &message.html {
            Some(html) => {
                builder.multipart(MultiPart::alternative().singlepart(plain).singlepart(SinglePart::html(html.clone())))
            }
            None => builder.singlepart(plain),
        };
        let email = composed.map_err(|error| refused(&redact(&error.to_string()), Fault::Service))?;
        Ok((recipient, email.formatted()))
    }

    /// The conversation with the server. `step` says what is being waited for.
    async fn converse(&self, recipient: lettre::Address, email: &[u8], step: &mut Step) -> SendOutcome {
        let hello = ClientId::default();
        // One limit for each address that the name leads to; the limit over all is the caller's.
        let reach = Some(self.timeout / 3);
        let wrapped = self.tls.clone().filter(|_| self.wrapper);
        let opened =
            AsyncSmtpConnection::connect_tokio1((self.host.as_str(), self.port), reach, &hello, wrapped, None).await;
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => return ended(&error, *step),
        };
        if let Some(tls) = self.tls.clone().filter(|_| !self.wrapper) {
            *step = Step::StartTls;
            if !connection.can_starttls() {
                part(connection);
                return SendOutcome::Refused {
                    why: format!("{} offers no encryption (STARTTLS); nothing was sent", self.host),
                    fault: Fault::Service,
                };
            }
            if let Err(error) = connection.starttls(tls, &hello).await {
                return ended(&error, *step);
            }
        }
        if let Some(credentials) = &self.credentials {
            *step = Step::SignIn;
            if let Err(error) = connection.auth(DEFAULT_MECHANISMS, credentials).await {
                part(connection);
                return ended(&error, *step);
            }
        }
        let outcome = self.hand_over(&mut connection, recipient, email, step).await;
        part(connection);
        match outcome {
            Ok(response) if response.code().severity == Severity::PositiveCompletion => {
                let said = response.message().collect::<Vec<_>>().join(" ");
                SendOutcome::Accepted { detail: redact(&format!("{} {said}", response.code())) }
            }
            Ok(response) => SendOutcome::Unknown {
                why: format!(
                    "the server answered the message with {}, which means neither yes nor no",
                    response.code()
                ),
            },
            Err(error) => ended(&error, *step),
        }
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        recipient: lettre::Address,
        email: &[u8],
        step: &mut Step,
    ) -> Result<Response, lettre::transport::smtp::Error> {
        *step = Step::Sender;
        connection.command(Mail::new(Some(self.from.email.clone()), Vec::new())).await?;
        *step = Step::Recipient;
        connection.command(Rcpt::new(recipient, Vec::new())).await?;
        *step = Step::Data;
        connection.command(Data).await?;
        *step = Step::Message;
        connection.message(email).await
    }
}

/// Says goodbye and lets go. Not waited for: the outcome is known already.
fn part(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move {
        let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
    });
}

/// What an error at a step means.
fn ended(error: &lettre::transport::smtp::Error, step: Step) -> SendOutcome {
    let why = match error.status() {
        Some(code) => {
            let said = error.source().map(ToString::to_string).unwrap_or_default();
            redact(&format!("{code} {said}"))
        }
        None => redact(&format!("{error} while {}", step.in_words())),
    };
    if error.is_transient() {
        SendOutcome::Retryable { why }
    } else if error.is_permanent() {
        SendOutcome::Refused { fault: fault(step, &why), why }
    } else if step == Step::Message {
        SendOutcome::Unknown { why }
    } else if error.is_tls() || error.is_client() || is_bad_certificate(error) {
        SendOutcome::Refused { why, fault: Fault::Service }
    } else {
        SendOutcome::Retryable { why }
    }
}

/// Whose fault a final refusal is: only a recipient refused for other than policy reasons (5.7.x, e.g. "relay access
/// denied") is the address's. Classes of RFC 3463.
fn fault(step: Step, why: &str) -> Fault {
    let policy = why.split_whitespace().nth(1).is_some_and(|class| class.starts_with("5.7."));
    if step == Step::Recipient && !policy { Fault::Address } else { Fault::Service }
}

/// A certificate that does not hold comes as "invalid data" from beneath; it does not mend itself.
fn is_bad_certificate(error: &lettre::transport::smtp::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = inner.source();
    }
    false
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn keep<T>(found: Result<T, SetupProblem>, problems: &mut Vec<SetupProblem>) -> Option<T> {
    found.map_err(|problem| problems.push(problem)).ok()
}

fn mailbox(key: &'static str, given: &str) -> Result<Mailbox, SetupProblem> {
    given.parse().map_err(|error| {
        SetupProblem::new(key, format!("\"{given}\": {error}"), "write it as: Wexmoor on-call <oncall@example.gov.uk>")
    })
}

fn credentials(config: &EmailConfig) -> Result<Option<Credentials>, SetupProblem> {
    match (&config.user, &config.password_file) {
        (None, None) => Ok(None),
        (Some(user), Some(path)) => {
            let password = Secret::read("email.password_file", path)?;
            Ok(Some(Credentials::new(user.clone(), password.expose().to_owned())))
        }
        _ => Err(SetupProblem::new(
            "email.user",
            "user and password_file belong together, and only one is set",
            "set both, or neither for a server that needs no sign-in",
        )),
    }
}

fn tls_parameters(config: &EmailConfig) -> Result<TlsParameters, SetupProblem> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let bad = |why: String| {
            SetupProblem::new("email.ca_file", format!("{}: {why}", path.display()), "give certificates in PEM form")
        };
        let pem = read_bounded("email.ca_file", path)?;
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(bad("there is no certificate in it".into()));
        }
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| bad(error.to_string()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| {
        let key = if config.ca_file.is_some() { "email.ca_file" } else { "email.host" };
        SetupProblem::new(key, error.to_string(), "check the certificate file and the host name")
    })
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
