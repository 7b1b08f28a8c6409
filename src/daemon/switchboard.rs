//! The switchboard: hands a message to the providers of its channel, one after the other as the core's rule says
//! ([`crate::domain::provider`]), and keeps how each stands for health and metrics.
//!
//! A message goes on to the next provider only where the one before certainly did not take it, so one page is sent at
//! most once. Who was passed over, and why, comes back with the outcome and goes into the log.

use crate::clock::Clock;
use crate::domain::provider::{Change, Fuses, Standing, Verdict};
use crate::domain::time::{SignedDuration, Timestamp, elapsed};
use crate::transport::{EmailTransport, Fault, Outgoing, Provider, SendOutcome, SmsTransport};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing::{info, warn};

/// The administrator is not paged about the same provider more often than this.
const TELL_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// Sends by one way.
pub trait Way: Clone + Send + Sync + 'static {
    /// What the channel is called, e.g. `texts`.
    const CHANNEL: &'static str;
    /// Sends one message and says how that ended.
    fn send(&self, message: &Outgoing) -> impl Future<Output = SendOutcome> + Send;
}

impl Way for EmailTransport {
    const CHANNEL: &'static str = "emails";
    fn send(&self, message: &Outgoing) -> impl Future<Output = SendOutcome> + Send {
        Self::send(self, message)
    }
}

impl Way for SmsTransport {
    const CHANNEL: &'static str = "texts";
    fn send(&self, message: &Outgoing) -> impl Future<Output = SendOutcome> + Send {
        Self::send(self, message)
    }
}

/// What became of a message, and by which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// How it ended, in the end.
    pub outcome: SendOutcome,
    /// The provider whose answer that is.
    pub by: String,
    /// Providers that were passed over before it, each with the reason.
    pub passed: Vec<(String, String)>,
    /// What the administrator should be paged about: a provider that fails.
    pub trouble: Option<String>,
}

/// How one provider is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `texts` or `emails`.
    pub channel: &'static str,
    /// Its name.
    pub name: String,
    /// On, or off until when.
    pub standing: Standing,
    /// What it last failed with; empty while it is well.
    pub why: String,
    /// Sends by how they ended.
    pub sends: BTreeMap<&'static str, u64>,
}

/// Told of each send: channel, provider, how it ended, and whether the provider is used after it.
pub type Told = Box<dyn Fn(&'static str, &str, &'static str, bool) + Send + Sync>;

/// The providers of one channel.
#[derive(Clone)]
pub struct Switchboard<T> {
    providers: Arc<[Provider<T>]>,
    clock: Arc<Clock>,
    kept: Arc<Mutex<Kept>>,
    told: Arc<OnceLock<Told>>,
}

impl<T: fmt::Debug> fmt::Debug for Switchboard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switchboard").field("providers", &self.providers).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Kept {
    fuses: Fuses,
    books: Vec<Book>,
}

#[derive(Debug, Clone, Default)]
struct Book {
    why: String,
    sends: BTreeMap<&'static str, u64>,
    told_at: Option<Timestamp>,
}

impl<T: Way> Switchboard<T> {
    /// A switchboard with these providers, in the order in which they are tried.
    ///
    /// # Panics
    /// Without any provider: the settings always name one.
    pub fn new(providers: Vec<Provider<T>>, clock: Arc<Clock>) -> Self {
        assert!(!providers.is_empty(), "each channel has a provider, if only the outbox");
        let count = providers.len();
        let kept = Kept { fuses: Fuses::new(count), books: vec![Book::default(); count] };
        Self { providers: providers.into(), clock, kept: Arc::new(Mutex::new(kept)), told: Arc::default() }
    }

    /// Tells of each send from now on; the first to ask is told.
    pub fn tell(&self, told: Told) {
        let _ = self.told.set(told);
    }

    /// Sends one message by the first provider that takes it.
    pub async fn send(&self, message: &Outgoing) -> Sent {
        let plan = self.kept().fuses.plan(self.clock.now());
        let name = |at: usize| self.providers[at].name.clone();
        let left_out = plan.left_out.iter().map(|(at, until)| {
            let until = until.strftime("%H:%M:%S UTC");
            (name(*at), format!("left out until {until}: it failed again and again"))
        });
        let mut passed: Vec<(String, String)> = left_out.collect();
        let mut trouble = None;
        let mut last = None;
        for at in plan.tries {
            if let Some((before, outcome)) = last.take() {
                passed.push((name(before), words(&outcome)));
            }
            let outcome = self.providers[at].way.send(message).await;
            trouble = trouble.or(self.note(at, &outcome));
            let is_over = matches!(outcome, SendOutcome::Accepted { .. } | SendOutcome::Unknown { .. });
            last = Some((at, outcome));
            if is_over {
                break;
            }
        }
        let (at, outcome) = last.expect("a plan has a provider to try");
        Sent { outcome: whole(outcome, &passed), by: name(at), passed, trouble }
    }

    /// Writes down how a send ended; what the administrator should be paged about, if anything.
    fn note(&self, at: usize, outcome: &SendOutcome) -> Option<String> {
        let now = self.clock.now();
        let (verdict, word) = match outcome {
            SendOutcome::Accepted { .. } => (Verdict::Well, "accepted"),
            SendOutcome::Refused { fault: Fault::Address, .. } => (Verdict::Well, "refused"),
            SendOutcome::Refused { .. } => (Verdict::Failed, "refused"),
            SendOutcome::Retryable { .. } => (Verdict::Failed, "retryable"),
            SendOutcome::Unknown { .. } => (Verdict::Failed, "unknown"),
        };
        let mut kept = self.kept();
        let change = kept.fuses.note(at, verdict, now);
        let book = &mut kept.books[at];
        *book.sends.entry(word).or_default() += 1;
        book.why = if verdict == Verdict::Well { String::new() } else { words(outcome) };
        let (name, channel) = (&self.providers[at].name, T::CHANNEL);
        if let Some(tell) = self.told.get() {
            let on = kept_on(&kept.fuses, at);
            tell(channel, name, word, on);
        }
        let book = &mut kept.books[at];
        match change {
            Change::None => None,
            Change::SwitchedOn => {
                info!(provider = %name, "{channel} go by {name} again");
                None
            }
            Change::SwitchedOff => {
                warn!(provider = %name, why = book.why, "{name} failed three times running for {channel}: {}", book.why);
                let lately = book.told_at.is_some_and(|told| elapsed(told, now) < TELL_EVERY);
                if lately {
                    return None;
                }
                book.told_at = Some(now);
                let rest = if self.providers.len() > 1 { "; the others carry on" } else { "; there is no other" };
                Some(format!("{channel} do not go by {name} ({}){rest}", book.why))
            }
        }
    }

    /// How each provider is doing.
    pub fn states(&self) -> Vec<State> {
        let kept = self.kept();
        let standings = kept.fuses.standings().zip(&kept.books).zip(self.providers.iter());
        standings
            .map(|((standing, book), provider)| State {
                channel: T::CHANNEL,
                name: provider.name.clone(),
                standing,
                why: book.why.clone(),
                sends: book.sends.clone(),
            })
            .collect()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the provider at `at` is used.
fn kept_on(fuses: &Fuses, at: usize) -> bool {
    fuses.standings().nth(at) == Some(Standing::On)
}

/// What a failure says; a success says nothing.
fn words(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Accepted { .. } => String::new(),
        SendOutcome::Retryable { why } | SendOutcome::Refused { why, .. } | SendOutcome::Unknown { why } => why.clone(),
    }
}

/// The outcome over all providers: where none took it and one may later, it may later.
fn whole(last: SendOutcome, passed: &[(String, String)]) -> SendOutcome {
    let Some((name, why)) = passed.first() else { return last };
    match last {
        // Whoever was passed over may be well in two minutes.
        SendOutcome::Refused { why: own, .. } | SendOutcome::Retryable { why: own } => {
            SendOutcome::Retryable { why: format!("{own} (before it {name}: {why})") }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::PageId;
    use crate::transport::Address;
    use std::collections::VecDeque;

    /// A way that answers as it was told to, and then accepts.
    #[derive(Clone, Default)]
    struct Scripted(Arc<Mutex<VecDeque<SendOutcome>>>);

    impl Way for Scripted {
        const CHANNEL: &'static str = "texts";
        async fn send(&self, _message: &Outgoing) -> SendOutcome {
            let next = self.0.lock().unwrap().pop_front();
            next.unwrap_or_else(|| SendOutcome::Accepted { detail: "202".into() })
        }
    }

    fn retryable() -> SendOutcome {
        SendOutcome::Retryable { why: "503 busy".into() }
    }

    fn board(first: Vec<SendOutcome>, second: Vec<SendOutcome>) -> (Switchboard<Scripted>, Arc<Clock>) {
        let clock = Arc::new(Clock::hand("2026-11-22T02:00:00Z".parse().unwrap()));
        let provider = |name: &str, script: Vec<SendOutcome>| Provider {
            name: name.into(),
            way: Scripted(Arc::new(Mutex::new(script.into()))),
        };
        (Switchboard::new(vec![provider("notify", first), provider("twilio", second)], Arc::clone(&clock)), clock)
    }

    fn message() -> Outgoing {
        Outgoing {
            page: PageId(512),
            reference: "page-512-mw3s7e7vdlv7".into(),
            to: Address::Mobile("+447700900123".into()),
            subject: String::new(),
            text: "WEXMOOR".into(),
            html: None,
            exercise: false,
        }
    }

    #[tokio::test]
    async fn what_one_did_not_take_goes_to_the_next_at_once_and_says_so() {
        let (board, _) = board(vec![retryable()], vec![]);
        let sent = board.send(&message()).await;
        assert_eq!(sent.by, "twilio");
        assert!(matches!(sent.outcome, SendOutcome::Accepted { .. }));
        assert_eq!(sent.passed, [("notify".into(), "503 busy".into())]);
    }

    #[tokio::test]
    async fn what_may_have_gone_goes_nowhere_else() {
        let unknown = SendOutcome::Unknown { why: "no answer from Notify within 15 s".into() };
        let (board, _) = board(vec![unknown.clone()], vec![]);
        let sent = board.send(&message()).await;
        assert_eq!((sent.by.as_str(), sent.outcome), ("notify", unknown));
    }

    #[tokio::test]
    async fn who_fails_three_times_is_left_out_the_administrator_hears_once_and_it_comes_back() {
        let (board, clock) = board(vec![retryable(); 7], vec![]);
        let mut troubles = Vec::new();
        for _ in 0..3 {
            troubles.extend(board.send(&message()).await.trouble);
        }
        assert_eq!(troubles, ["texts do not go by notify (503 busy); the others carry on"]);
        let sent = board.send(&message()).await;
        assert_eq!(sent.passed[0].1, "left out until 02:00:30 UTC: it failed again and again");
        assert_eq!(board.states()[0].sends["retryable"], 3, "it was not even asked");
        for seconds in [31, 62, 93, 124] {
            clock.move_to("2026-11-22T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds));
            assert_eq!(board.send(&message()).await.trouble, None, "told once in six hours");
        }
        clock.move_to("2026-11-22T02:03:00Z".parse().unwrap());
        let sent = board.send(&message()).await;
        assert_eq!((sent.by.as_str(), &sent.passed[..]), ("notify", &[][..]));
        assert_eq!(board.states()[0].standing, Standing::On);
    }

    #[tokio::test]
    async fn where_nobody_takes_it_the_reasons_of_both_are_told_and_it_may_go_later() {
        let refused = SendOutcome::Refused { why: "401 Authenticate".into(), fault: Fault::Service };
        let (board, _) = board(vec![retryable()], vec![refused]);
        let sent = board.send(&message()).await;
        assert_eq!(
            sent.outcome,
            SendOutcome::Retryable { why: "401 Authenticate (before it notify: 503 busy)".into() }
        );
    }

    #[tokio::test]
    async fn a_refused_number_is_not_the_providers_fault() {
        let refused = SendOutcome::Refused { why: "not a mobile number".into(), fault: Fault::Address };
        let (board, _) = board(vec![refused; 5], vec![]);
        for _ in 0..5 {
            board.send(&message()).await;
        }
        assert_eq!(board.states()[0].standing, Standing::On);
    }
}
