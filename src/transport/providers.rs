//! The providers that the settings name, made in their order, or everything that is wrong with them told at once.
//!
//! Not here: which of them a message goes to ([`crate::domain::provider`], used by the post room).

use super::callbacks::{Callbacks, notify_token};
use super::config::SetupProblem;
use super::modem::Modem;
use super::notify::Notify;
use super::twilio::Twilio;
use super::{EmailTransport, Kannel, Outbox, SmsTransport, Smtp};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::transports::{EmailVia, SmsVia, Ways};
use crate::domain::reply_code::Key;
use std::sync::Arc;

/// One way out under its name, as it stands in health, metrics and the log.
#[derive(Debug, Clone)]
pub struct Provider<T> {
    /// E.g. `notify`; further mail servers are `smtp-2` and so on.
    pub name: String,
    /// The way.
    pub way: T,
}

/// All that the settings ask for.
#[derive(Debug)]
pub struct Providers {
    /// For emails, in the order in which they are tried; at least one.
    pub email: Vec<Provider<EmailTransport>>,
    /// For texts, in the order in which they are tried; at least one.
    pub sms: Vec<Provider<SmsTransport>>,
    /// Notify, where it is one of them: it can be asked what became of a page.
    pub notify: Option<Arc<Notify>>,
    /// Twilio, where it is one of them.
    pub twilio: Option<Arc<Twilio>>,
    /// The token with which Notify calls back.
    notify_token: Option<super::config::Secret>,
}

impl Providers {
    /// Makes them; reads secret and certificate files, connects to nothing.
    ///
    /// * `inbound_secret`: the secret part of this daemon's address for Kannel's receipts,
    ///   [`path_secret`](crate::domain::reply_code::path_secret).
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn build(
        config: &Config,
        inbound_secret: &str,
        outbox: &Arc<Outbox>,
        clock: &Arc<Clock>,
    ) -> Result<Self, Vec<SetupProblem>> {
        let mut problems = Vec::new();
        let (by_mail, by_text) = (&config.email.via, &config.sms.via);
        check_ways("email.via", by_mail, EmailVia::Outbox, &mut problems);
        check_ways("sms.via", by_text, SmsVia::Outbox, &mut problems);
        let (texts, emails) = (by_text.0.contains(&SmsVia::Notify), by_mail.0.contains(&EmailVia::Notify));
        let notify = (texts || emails)
            .then(|| good(Notify::new(&config.notify, texts, emails, Arc::clone(clock)), &mut problems).map(Arc::new))
            .flatten();
        let token = (texts || emails)
            .then(|| good(notify_token(&config.notify).map_err(|problem| vec![problem]), &mut problems).flatten())
            .flatten();
        let twilio = by_text
            .0
            .contains(&SmsVia::Twilio)
            .then(|| good(Twilio::new(&config.twilio, &config.web.public_url), &mut problems).map(Arc::new))
            .flatten();
        let mut email = Vec::new();
        let mut put = |name: String, way: Option<EmailTransport>| email.extend(way.map(|way| Provider { name, way }));
        for via in &by_mail.0 {
            match via {
                EmailVia::Smtp => {
                    for (at, server) in config.email.servers().enumerate() {
                        let name = if at == 0 { "smtp".to_owned() } else { format!("smtp-{}", at + 1) };
                        put(
                            name,
                            good(Smtp::new(&server), &mut problems).map(|smtp| EmailTransport::Smtp(Arc::new(smtp))),
                        );
                    }
                }
                EmailVia::Notify => put("notify".into(), notify.clone().map(EmailTransport::Notify)),
                EmailVia::Outbox => put("outbox".into(), Some(EmailTransport::Outbox(Arc::clone(outbox)))),
            }
        }
        let mut sms = Vec::new();
        let mut put = |name: &str, way: Option<SmsTransport>| {
            sms.extend(way.map(|way| Provider { name: name.to_owned(), way }));
        };
        for via in &by_text.0 {
            match via {
                SmsVia::Notify => put("notify", notify.clone().map(SmsTransport::Notify)),
                SmsVia::Twilio => put("twilio", twilio.clone().map(SmsTransport::Twilio)),
                SmsVia::Kannel => {
                    let kannel = good(Kannel::new(&config.sms, inbound_secret), &mut problems);
                    put("kannel", kannel.map(|kannel| SmsTransport::Kannel(Arc::new(kannel))));
                }
                SmsVia::Modem => {
                    let modem = good(Modem::new(&config.modem), &mut problems);
                    put("modem", modem.map(|modem| SmsTransport::Modem(Arc::new(modem))));
                }
                SmsVia::Outbox => put("outbox", Some(SmsTransport::Outbox(Arc::clone(outbox)))),
            }
        }
        if problems.is_empty() { Ok(Self { email, sms, notify, twilio, notify_token: token }) } else { Err(problems) }
    }

    /// The readers of what the suppliers call back with.
    pub fn callbacks(&self, key: Key) -> Callbacks {
        Callbacks::new(key, self.notify_token.clone(), self.twilio.clone())
    }
}

/// The number that replies by text go to: that of the first provider that has one.
pub fn reply_number(config: &Config) -> Option<String> {
    config.sms.via.0.iter().find_map(|via| match via {
        SmsVia::Notify => config.notify.number.clone(),
        SmsVia::Twilio => Some(config.twilio.from.clone()),
        SmsVia::Kannel | SmsVia::Outbox => config.sms.from.clone(),
        // What the modem's own number is, its SIM card alone knows.
        SmsVia::Modem => None,
    })
}

fn good<T>(found: Result<T, Vec<SetupProblem>>, problems: &mut Vec<SetupProblem>) -> Option<T> {
    found.map_err(|found| problems.extend(found)).ok()
}

/// A list of providers names each once, and the outbox only alone: what it takes goes nowhere.
fn check_ways<T: PartialEq>(key: &'static str, ways: &Ways<T>, outbox: T, problems: &mut Vec<SetupProblem>) {
    let names = &ways.0;
    let why = if names.is_empty() {
        "the list is empty"
    } else if names.len() > 1 && names.contains(&outbox) {
        "\"outbox\" stands beside others; what it takes goes nowhere"
    } else if names.iter().enumerate().any(|(at, name)| names[..at].contains(name)) {
        "a provider is named twice"
    } else {
        return;
    };
    problems.push(SetupProblem::new(key, why, "name each provider once, the first to be tried first"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn build(text: &str) -> Result<Providers, Vec<String>> {
        let config = Config::parse("callout.toml", text).unwrap();
        let clock = Arc::new(Clock::System);
        let outbox = Arc::new(Outbox::new(Arc::clone(&clock), 1));
        let told = |problems: Vec<SetupProblem>| problems.iter().map(ToString::to_string).collect();
        Providers::build(&config, "s3cret", &outbox, &clock).map_err(told)
    }

    #[test]
    fn mail_servers_come_in_their_order_under_names_of_their_own() {
        let text = "[email]\nvia = \"smtp\"\nhost = \"a.example.gov.uk\"\nfrom = \"a@example.gov.uk\"\n\
                    [[email.relay]]\nhost = \"b.example.gov.uk\"\nport = 25\n";
        let providers = build(text).unwrap();
        let names: Vec<&str> = providers.email.iter().map(|provider| provider.name.as_str()).collect();
        assert_eq!(names, ["smtp", "smtp-2"]);
        assert_eq!(providers.sms.len(), 1, "the outbox, as by default");
    }

    #[test]
    fn what_is_wrong_with_all_of_them_is_told_at_once() {
        let told = build("[sms]\nvia = [\"notify\", \"twilio\", \"twilio\"]\n[email]\nvia = [\"smtp\", \"outbox\"]\n")
            .unwrap_err();
        for expected in [
            "email.via: \"outbox\" stands beside others",
            "sms.via: a provider is named twice",
            "notify.key_file: no file is named",
            "notify.sms_template: no id is given",
            "twilio.account: it is no account",
        ] {
            assert!(told.iter().any(|problem| problem.starts_with(expected)), "{expected}: {told:#?}");
        }
    }
}
