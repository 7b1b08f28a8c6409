//! The post room: takes the effects that are durable, puts names, numbers and words to them, hands them to the
//! switchboard of their channel, and brings each outcome back as an event. It never retries and never chooses: the core
//! does.
//!
//! Bounds: at most [`SENDS_MAX`] sends under way; the rest wait in order, and an acknowledgement takes what waits out
//! of the queue. Each send has the transport's own time limit.

use super::health::Observers;
use super::supervise;
use super::switchboard::{Sent, Switchboard};
use crate::clock::Clock;
use crate::domain::effect::{Effect, NoticeOrder, PageOrder};
use crate::domain::event::{Event, SendResult};
use crate::domain::id::{PageId, PersonId};
use crate::domain::keeping::SignedHead;
use crate::domain::message::{NoticeWording, Wording};
use crate::domain::person::{PageChannel, People};
use crate::domain::reply_code::{self, Key};
use crate::domain::time::{Timestamp, elapsed, in_words};
use crate::door::Door;
use crate::transport::{Address, EmailTransport, Outgoing, SendOutcome, SmsTransport};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{info, warn};

/// Sends under way at one time.
pub const SENDS_MAX: usize = 64;
/// How long the klaxon may ring before the process ends.
const KLAXON_FOR: Duration = Duration::from_secs(12);

/// What the post room works with.
#[derive(Clone)]
pub struct Post {
    /// Told how each send ended.
    pub observers: Arc<Observers>,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// Email.
    pub email: Switchboard<EmailTransport>,
    /// Text messages.
    pub sms: Switchboard<SmsTransport>,
    /// Names, numbers and addresses.
    pub people: watch::Receiver<Arc<People>>,
    /// The installation's key: links and codes.
    pub key: Arc<Key>,
    /// Where signed heads of the log go, if anywhere.
    pub records_to: Option<String>,
    /// The council's name at the start of a text.
    pub council: String,
    /// The address that links begin with, e.g. `https://desk.example.gov.uk`.
    pub base_url: String,
    /// The number that replies go to, if replies by text are set up.
    pub reply_number: Option<String>,
}

impl Post {
    /// Performs effects until their channel closes and all sends have ended.
    pub async fn run(self, mut effects: mpsc::UnboundedReceiver<Effect>, door: Door) {
        let room = Arc::new(Semaphore::new(SENDS_MAX));
        let cancelled: Arc<Mutex<BTreeSet<PageId>>> = Arc::default();
        let mut sends = tokio::task::JoinSet::new();
        while let Some(effect) = effects.recv().await {
            while sends.try_join_next().is_some() {}
            match effect {
                Effect::CancelPages(pages) => {
                    // Those already sent are of no use here: without the sends under way, the list is empty again.
                    let mut list = cancelled.lock().expect("nothing panics while holding the list");
                    if sends.is_empty() {
                        list.clear();
                    }
                    list.extend(pages);
                }
                Effect::MailHead(head) => {
                    let (post, door) = (self.clone(), door.clone());
                    sends.spawn(async move {
                        let outcome = post.mail_head(&head).await;
                        if let Err(error) = door.submit_one(Event::HeadMailed { head: head.head, outcome }).await {
                            info!(%error, "what became of the mail with the signed head was not taken");
                        }
                    });
                }
                Effect::SendNotice(order) => {
                    let (post, door, room) = (self.clone(), door.clone(), Arc::clone(&room));
                    sends.spawn(async move {
                        let _under_way = room.acquire().await.expect("the semaphore is never closed");
                        let outcome = post.tell(&order).await;
                        let event = Event::NoticeOutcome { notice: order.notice, outcome };
                        if let Err(error) = door.submit_one(event).await {
                            info!(notice = %order.notice, %error, "the outcome of {} was not taken", order.notice);
                        }
                    });
                }
                Effect::SendPage(order) => {
                    let (post, door, room, cancelled) =
                        (self.clone(), door.clone(), Arc::clone(&room), Arc::clone(&cancelled));
                    sends.spawn(async move {
                        let _under_way = room.acquire().await.expect("the semaphore is never closed");
                        let stopped =
                            cancelled.lock().expect("nothing panics while holding the list").remove(&order.page);
                        let outcome = if stopped { SendResult::Cancelled } else { post.send(&order, &door).await };
                        post.observers.sent(&outcome);
                        let event = Event::PageOutcome { page: order.page, outcome };
                        if let Err(error) = door.submit_one(event).await {
                            // The daemon is going down; after the restart the page goes again, marked as a repeat.
                            info!(page = %order.page, %error, "the outcome of {} was not taken", order.page);
                        }
                    });
                }
            }
        }
        while sends.join_next().await.is_some() {}
    }

    async fn send(&self, order: &PageOrder, door: &Door) -> SendResult {
        let outgoing = match self.write(order, self.clock.now()) {
            Ok(outgoing) => outgoing,
            Err(why) => return SendResult::Refused { why },
        };
        let sent = match order.channel {
            PageChannel::Email => self.email.send(&outgoing).await,
            PageChannel::Sms => self.sms.send(&outgoing).await,
        };
        let Sent { outcome, by, passed, trouble } = sent;
        if !passed.is_empty() {
            let event = Event::PageRouted { page: order.page, by, passed };
            if let Err(error) = door.submit_one(event).await {
                info!(page = %order.page, %error, "by which provider {} went was not taken", order.page);
            }
        }
        if let Some(cause) = trouble {
            // Not waited for: the page's own outcome comes first.
            let door = door.clone();
            tokio::spawn(async move {
                if let Err(error) = door.submit_one(Event::Alarm { cause }).await {
                    info!(%error, "the alarm about a provider was not taken");
                }
            });
        }
        let page = order.page;
        match outcome {
            SendOutcome::Accepted { detail } => {
                info!(%page, channel = %order.channel, detail, "page {page} was accepted");
                SendResult::Accepted
            }
            SendOutcome::Retryable { why } => {
                warn!(%page, channel = %order.channel, why, "page {page} did not go: {why}");
                SendResult::Retryable { why }
            }
            SendOutcome::Refused { why, .. } => {
                warn!(%page, channel = %order.channel, why, "page {page} was refused: {why}");
                SendResult::Refused { why }
            }
            SendOutcome::Unknown { why } => {
                warn!(%page, channel = %order.channel, why, "nobody knows whether page {page} went: {why}");
                SendResult::Unknown { why }
            }
        }
    }

    /// Sends a message that asks for no answer.
    async fn tell(&self, order: &NoticeOrder) -> SendResult {
        let people = self.people.borrow().clone();
        let to = match self.address(&order.person, order.channel) {
            Ok(to) => to,
            Err(why) => return SendResult::Refused { why },
        };
        let name = |id: &PersonId| people.details.get(id).map_or_else(|| id.to_string(), |detail| detail.name.clone());
        let wording = NoticeWording {
            council: self.council.clone(),
            by: order.by.as_ref().map(name),
            list: order.list.iter().map(|each| format!("{} {}", each.incident, each.title)).collect(),
            evidence: order.evidence.clone(),
            exercise: order.exercise,
        };
        let texts = wording.texts();
        let (text, html) = match order.channel {
            PageChannel::Sms => (texts.sms, None),
            PageChannel::Email => (texts.text, Some(texts.html)),
        };
        // Numbered among the pages, so that a receipt for it is known to be of nothing that is asked.
        let page = PageId(order.notice.0);
        let reference = reply_code::reference(&self.key, page);
        let outgoing = Outgoing { page, reference, to, subject: texts.subject, text, html, exercise: order.exercise };
        let sent = match order.channel {
            PageChannel::Email => self.email.send(&outgoing).await,
            PageChannel::Sms => self.sms.send(&outgoing).await,
        };
        match sent.outcome {
            SendOutcome::Accepted { .. } => SendResult::Accepted,
            SendOutcome::Retryable { why } => SendResult::Retryable { why },
            SendOutcome::Refused { why, .. } => SendResult::Refused { why },
            SendOutcome::Unknown { why } => SendResult::Unknown { why },
        }
    }

    /// Where a person is reached by a channel; the reason when they are not.
    fn address(&self, person: &PersonId, channel: PageChannel) -> Result<Address, String> {
        let people = self.people.borrow().clone();
        let detail = people.details.get(person).ok_or("this person is not in the people file any more")?;
        Ok(match channel {
            PageChannel::Sms => Address::Mobile(detail.mobile.clone().ok_or("no mobile number in the people file")?),
            PageChannel::Email => Address::Email {
                name: detail.name.clone(),
                address: detail.email.clone().ok_or("no email address in the people file")?,
            },
        })
    }

    /// Mails a signed head to the records address.
    async fn mail_head(&self, head: &SignedHead) -> SendResult {
        let Some(address) = self.records_to.clone() else {
            return SendResult::Refused { why: "no records address is set any more".into() };
        };
        let SignedHead { head: seq, hash, signed_at, key, signature } = head;
        let text = format!(
            "This is the signed head of callout's log at {council}. Keep this message where nobody who runs callout can \
             change it: with it, any later change of the log up to entry {seq} can be shown.\n\n\
             entry      {seq}\nhead       {hash}\nsigned at  {signed_at}\nkey        {key}\nsignature  {signature}\n\n\
             To check a copy of the log against it:\n\n    \
             python3 verify_log.py EXPORT.zip --key {key} --head {seq}:{hash}\n",
            council = self.council
        );
        let outgoing = Outgoing {
            page: PageId(0),
            reference: format!("head-{seq}-{}", &hash[..16.min(hash.len())]),
            to: Address::Email { name: "Records".into(), address },
            subject: format!("{}: signed head of the log, entry {seq}", self.council),
            text,
            html: None,
            exercise: false,
        };
        match self.email.send(&outgoing).await.outcome {
            SendOutcome::Accepted { .. } => SendResult::Accepted,
            SendOutcome::Retryable { why } => SendResult::Retryable { why },
            SendOutcome::Refused { why, .. } => SendResult::Refused { why },
            SendOutcome::Unknown { why } => SendResult::Unknown { why },
        }
    }

    /// Puts address and words to an order; the reason when it cannot be addressed.
    fn write(&self, order: &PageOrder, now: Timestamp) -> Result<Outgoing, String> {
        let to = self.address(&order.person, order.channel)?;
        let wording = Wording {
            council: self.council.clone(),
            incident: order.incident.map_or_else(|| order.call_out.to_string(), |incident| incident.to_string()),
            title: if order.test { "TEST, no action needed".to_owned() } else { order.title.clone() },
            evidence: order.cause.clone(),
            role: if order.test { "being tested".to_owned() } else { order.role.clone() },
            code: reply_code::code(&self.key, order.page),
            link: format!("{}/p/{}", self.base_url.trim_end_matches('/'), reply_code::token(&self.key, order.page)),
            reply_number: self.reply_number.clone(),
            next_after: order.next_level_at.map(|at| in_words(elapsed(now, at))),
            repeat: order.attempt.saturating_sub(1),
            exercise: order.exercise,
            list: order.list.iter().map(|each| format!("{} {}", each.incident, each.title)).collect(),
        };
        let texts = wording.texts();
        let (text, html) = match order.channel {
            PageChannel::Sms => (texts.sms, None),
            PageChannel::Email => (texts.text, Some(texts.html)),
        };
        let reference = reply_code::reference(&self.key, order.page);
        Ok(Outgoing { page: order.page, reference, to, subject: texts.subject, text, html, exercise: order.exercise })
    }

    /// The one message that goes without a record: the log cannot be written, so nobody could be paged any more. To
    /// the fallback list, by every channel, within [`KLAXON_FOR`]. For a plain thread: it makes its own run time.
    pub fn klaxon(&self, fallback: &[PersonId], why: &str) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let people = self.people.borrow().clone();
        let wanted: Vec<_> = fallback.iter().filter_map(|id| people.details.get(id)).cloned().collect();
        let text = format!(
            "{}: callout cannot write its log and has stopped ({why}). No pages are sent until it is running again. \
             Please act now.",
            self.council
        );
        runtime.block_on(async {
            let outgoing = &|n: usize, to| Outgoing {
                page: PageId(0),
                // Never the same twice: a mail server drops a message whose id it has seen.
                reference: format!("klaxon-{}-{n}", self.clock.now().as_millisecond()),
                to,
                subject: format!("{}: callout has stopped", self.council),
                text: text.clone(),
                html: None,
                exercise: false,
            };
            // All at the same time: one hung gateway must not use up the others' time.
            let sends = wanted.iter().enumerate().map(|(n, detail)| async move {
                let text = async {
                    if let Some(mobile) = detail.mobile.clone() {
                        self.sms.send(&outgoing(2 * n, Address::Mobile(mobile))).await;
                    }
                };
                let mail = async {
                    if let Some(address) = detail.email.clone() {
                        let to = Address::Email { name: detail.name.clone(), address };
                        self.email.send(&outgoing(2 * n + 1, to)).await;
                    }
                };
                tokio::join!(text, mail);
            });
            let ring = futures_util::future::join_all(sends);
            let _ = tokio::time::timeout(KLAXON_FOR, ring).await;
        });
    }
}

/// Starts the post room as a core task.
pub fn start(post: Post, effects: mpsc::UnboundedReceiver<Effect>, door: Door) -> tokio::task::JoinHandle<()> {
    supervise::task("post", post.run(effects, door))
}
