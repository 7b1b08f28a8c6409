//! Asks Notify what became of pages, and for texts that came in: the back-up for callbacks that are not set up, or did not
//! come.
//!
//! What has no final receipt half a minute after Notify took it is asked for by its reference, until half an hour has
//! passed; so nothing need be remembered, and a restart forgets nothing. Texts are read from where the record ended.
//! A failure is told in the trace once, not every round.

use crate::clock::Clock;
use crate::domain::event::{Event, Receipt, SendResult};
use crate::domain::id::PageId;
use crate::domain::paging::Page;
use crate::domain::person::PageChannel;
use crate::domain::reply_code::{self, Key};
use crate::domain::state::View;
use crate::domain::time::{SignedDuration, Timestamp, elapsed};
use crate::transport::Notify;
use crate::web;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// How often Notify is asked.
pub const EVERY: Duration = Duration::from_secs(30);
/// A page is asked for so long after it was taken, at the earliest.
const FIRST_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// And no longer than this: it has been paged again by then, or somebody has it.
const LAST_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// Pages asked for in one round, the newest first; Notify allows 3,000 requests a minute.
const ASKED_MAX: usize = 20;
/// Texts older than this are history, whatever the record says.
const TEXTS_SINCE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What is asked, and by what.
pub struct Asking {
    /// The way to Notify.
    pub notify: Arc<Notify>,
    /// The web's parts: texts that came in go the same way as by a callback.
    pub site: Arc<web::app::App>,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// The key of references.
    pub key: Arc<Key>,
    /// The channels that Notify carries.
    pub channels: Vec<PageChannel>,
    /// There is a number of our own, to which texts come in.
    pub texts: bool,
    /// When the record had ended before this start.
    pub since: Timestamp,
}

impl Asking {
    /// Asks until `stop` says true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match (self.round().await, failing) {
                (Ok(()), true) => {
                    failing = false;
                    info!("Notify can be asked again what became of pages");
                }
                (Err(why), false) => {
                    failing = true;
                    warn!(why, "Notify cannot be asked what became of pages: {why}");
                }
                _ => {}
            }
        }
    }

    /// One round; ends at the first failure.
    ///
    /// # Errors
    /// Why Notify could not be asked, or the core could not be told.
    pub async fn round(&self) -> Result<(), String> {
        let view = self.site.view();
        for page in open_pages(&view, &self.channels, self.clock.now()) {
            let receipt = self.notify.status(&reply_code::reference(&self.key, page)).await?;
            if let Some(receipt) = receipt.filter(|receipt| *receipt != Receipt::Underway) {
                let told = self.site.door.submit_one(Event::PageReceipt { page, receipt }).await;
                told.map_err(|error| error.to_string())?;
            }
        }
        if !self.texts {
            return Ok(());
        }
        let since = self.since.max(self.clock.now() - TEXTS_SINCE_MAX);
        for text in self.notify.received().await? {
            let id = format!("notify {}", text.id);
            if text.at < since || self.site.heard.knows(&id) {
                continue;
            }
            let from = text.from.clone();
            let text = crate::incoming::TextIn { from: text.from, words: text.words };
            match web::api::sms::take(&self.site, &text).await {
                Ok(words) => {
                    self.site.heard.remember(&id);
                    if let (false, Some(number)) = (words.is_empty(), from) {
                        (self.site.text_back)(number, words);
                    }
                }
                Err(problem) => return Err(problem.detail.clone()),
            }
        }
        Ok(())
    }
}

/// Pages that Notify may have taken and whose end is not known, the newest first.
fn open_pages(view: &View, channels: &[PageChannel], now: Timestamp) -> Vec<PageId> {
    let is_open = |page: &Page| {
        let taken = match page.outcome {
            Some((SendResult::Accepted | SendResult::Unknown { .. }, at)) => elapsed(at, now),
            _ => return false,
        };
        let known = matches!(page.receipt, Some((Receipt::Delivered | Receipt::Failed, _)));
        channels.contains(&page.channel) && !known && taken >= FIRST_AFTER && taken <= LAST_AFTER
    };
    view.paging.pages.iter().rev().filter(|(_, page)| is_open(page)).map(|(id, _)| *id).take(ASKED_MAX).collect()
}
