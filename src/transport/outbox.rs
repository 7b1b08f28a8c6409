//! The capture outbox: takes every page and keeps it, so that the demo and the tests can show what would have gone
//! out. Nothing leaves the machine.
//!
//! It remembers the latest pages, and can write each into a directory as well. What it holds is personal: it is for
//! invented people.

use super::{Address, Outgoing, SendOutcome};
use crate::clock::Clock;
use crate::domain::person::PageChannel;
use crate::domain::time::Timestamp;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Pages that the outbox remembers unless told otherwise; the oldest goes first.
pub const OUTBOX_MAX: usize = 500;

/// One page in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its place in the order of arrival, from 1.
    pub number: u64,
    /// When it came.
    pub at: Timestamp,
    /// By which channel it would have gone.
    pub channel: PageChannel,
    /// The page.
    pub message: Outgoing,
}

/// Where pages go when nothing may leave the machine.
#[derive(Debug)]
pub struct Outbox {
    clock: Arc<Clock>,
    capacity: usize,
    directory: Option<PathBuf>,
    kept: Mutex<VecDeque<Captured>>,
    /// The number of the latest page; 0 while there is none.
    latest: watch::Sender<u64>,
}

impl Outbox {
    /// An empty outbox that remembers the latest `capacity` pages (at least one), in memory only.
    pub fn new(clock: Arc<Clock>, capacity: usize) -> Self {
        Self {
            clock,
            capacity: capacity.max(1),
            directory: None,
            kept: Mutex::new(VecDeque::new()),
            latest: watch::Sender::new(0),
        }
    }

    /// One that also writes each page into `directory`, as `000001-sms-P-512.txt`. The directory is made if it is
    /// missing, for its owner only; the numbers go on after the highest that is there.
    pub fn with_directory(clock: Arc<Clock>, capacity: usize, directory: &Path) -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)?;
        let mut latest = 0;
        for entry in std::fs::read_dir(directory)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.split('-').next()).and_then(|number| number.parse().ok());
            latest = latest.max(number.unwrap_or(0));
        }
        let directory = Some(directory.to_owned());
        Ok(Self { directory, latest: watch::Sender::new(latest), ..Self::new(clock, capacity) })
    }

    /// The pages that it remembers, the newest first.
    pub fn list(&self) -> Vec<Captured> {
        self.kept().iter().rev().cloned().collect()
    }

    /// Tells the number of the latest page each time one comes; for live pages, and for tests that wait.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Takes a page. Only a directory that cannot be written makes it fail.
    pub(super) async fn take(&self, message: &Outgoing) -> SendOutcome {
        let channel = match message.to {
            Address::Mobile(_) => PageChannel::Sms,
            Address::Email { .. } => PageChannel::Email,
        };
        let captured = {
            let mut kept = self.kept();
            // The number and the place in the queue are taken together, so that the list is in order.
            let number = *self.latest.borrow() + 1;
            let captured = Captured { number, at: self.clock.now(), channel, message: message.clone() };
            if kept.len() == self.capacity {
                kept.pop_front();
            }
            kept.push_back(captured.clone());
            self.latest.send_replace(number);
            captured
        };
        if let Some(directory) = &self.directory {
            let path =
                directory.join(format!("{:06}-{}-{}.txt", captured.number, captured.channel, captured.message.page));
            let mut options = tokio::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            options.mode(0o600);
            let written = async {
                let mut file = options.open(&path).await?;
                tokio::io::AsyncWriteExt::write_all(&mut file, as_file(&captured).as_bytes()).await?;
                tokio::io::AsyncWriteExt::flush(&mut file).await
            };
            if let Err(error) = written.await {
                return SendOutcome::Retryable { why: format!("the outbox directory cannot be written: {error}") };
            }
        }
        SendOutcome::Accepted { detail: format!("kept in the outbox as number {}", captured.number) }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Captured>> {
        self.kept.lock().expect("nothing panics while holding the outbox")
    }
}

fn as_file(captured: &Captured) -> String {
    let Captured { at, channel, message, .. } = captured;
    let mut text = format!("At: {at}\nChannel: {channel}\nPage: {}\n", message.page);
    // Writing into a String cannot fail.
    let _ = match &message.to {
        Address::Mobile(number) => writeln!(text, "To: {number}"),
        Address::Email { name, address } => writeln!(text, "To: {name} <{address}>\nSubject: {}", message.subject),
    };
    text.push('\n');
    text.push_str(&message.text);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::id::PageId;
    use crate::transport::SmsTransport;

    fn page(number: u64) -> Outgoing {
        Outgoing {
            page: PageId(number),
            reference: format!("page-{number}-abc"),
            to: Address::Mobile("+447700900123".into()),
            subject: String::new(),
            text: format!("WEXMOOR: page {number}"),
            html: None,
            exercise: false,
        }
    }

    fn clock() -> Arc<Clock> {
        Arc::new(Clock::hand("2026-11-22T02:00:00Z".parse().unwrap()))
    }

    #[tokio::test]
    async fn the_outbox_keeps_the_latest_pages_newest_first_and_tells_of_each() {
        let outbox = Arc::new(Outbox::new(clock(), 2));
        let mut news = outbox.watch();
        let transport = SmsTransport::Outbox(outbox.clone());
        for number in 1..=3 {
            let outcome = transport.send(&page(number)).await;
            assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
        }
        let list = outbox.list();
        let summary: Vec<_> = list.iter().map(|kept| (kept.number, kept.channel, kept.message.page)).collect();
        assert_eq!(summary, [(3, PageChannel::Sms, PageId(3)), (2, PageChannel::Sms, PageId(2))]);
        assert_eq!(*news.borrow_and_update(), 3);
    }

    #[tokio::test]
    async fn the_directory_holds_one_readable_file_a_page_and_numbers_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("outbox");
        for number in [512, 513] {
            let outbox = Outbox::with_directory(clock(), 10, &inside).unwrap();
            outbox.take(&page(number)).await;
        }
        assert_eq!(
            std::fs::read_to_string(inside.join("000002-sms-P-513.txt")).unwrap(),
            "At: 2026-11-22T02:00:00Z\nChannel: sms\nPage: P-513\nTo: +447700900123\n\nWEXMOOR: page 513\n"
        );
        assert!(inside.join("000001-sms-P-512.txt").exists());
    }

    #[test]
    fn the_trace_sees_neither_number_nor_words() {
        let shown = format!("{:?}", page(7));
        assert_eq!(shown, "Outgoing { page: PageId(7), to: Mobile(***), .. }");
    }
}
