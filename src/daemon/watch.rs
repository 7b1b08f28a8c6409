//! Watches whether callout is alive where it counts, and tells whoever would act if it were not: systemd by its
//! watchdog, an outside monitor by a heartbeat.
//!
//! Like the dead man's handle of a train: it is held down only while the driver is awake. Every few seconds a thread
//! of its own looks whether each core task has moved since the last look, whether a deadline is overdue, and whether
//! the disk takes a few bytes and gives them back. Only then the handle is held. When it is let go, systemd kills and
//! restarts callout, and the monitor outside raises its own alarm: a pager that lives and does nothing is the one
//! failure nobody would see.

use super::commit::CommitGauge;
use super::core::Pulse;
use super::supervise;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::door::Door;
use crate::transport::https;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// It looks this often, or three times in systemd's `WatchdogSec` if that is more often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A deadline that is overdue by this much says that the loop is stuck.
pub const OVERDUE_MS: i64 = 15_000;
/// A task may stand still for so long; a look at the disk may take so long.
const STILL_MAX: Duration = Duration::from_secs(15);
/// The heartbeat's period; an outside monitor should raise its alarm after three.
const BEAT_EVERY: Duration = Duration::from_secs(60);
/// A heartbeat that takes longer is given up; the next one comes anyway.
const BEAT_WITHIN: Duration = Duration::from_secs(10);
/// The run time ticks this often, so that it can be seen to move.
const RUN_TIME_TICKS_EVERY: Duration = Duration::from_secs(1);
/// The file that is written and read back.
const CANARY_FILE: &str = "canary";

/// One thing that must go on moving.
struct Mover {
    name: &'static str,
    count: Box<dyn Fn() -> u64 + Send>,
    seen: u64,
    moved: Instant,
}

impl Mover {
    fn new(name: &'static str, now: Instant, count: impl Fn() -> u64 + Send + 'static) -> Self {
        Self { name, seen: count(), count: Box::new(count), moved: now }
    }

    /// What is wrong with it, if anything.
    fn look(&mut self, now: Instant) -> Option<String> {
        let count = (self.count)();
        if count != self.seen {
            (self.seen, self.moved) = (count, now);
        }
        let still = now.duration_since(self.moved);
        (still > STILL_MAX).then(|| format!("{} has not moved for {} s", self.name, still.as_secs()))
    }
}

/// What the last look found; shared with `/readyz`.
#[derive(Debug, Clone, Default)]
pub struct Found(Arc<Mutex<Vec<String>>>);

impl Found {
    /// What is wrong; empty when all is well.
    pub fn wrong(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// What is watched.
pub struct Watched {
    /// The loop.
    pub pulse: Arc<Pulse>,
    /// The committer.
    pub gauge: Arc<CommitGauge>,
    /// The data directory.
    pub data: PathBuf,
    /// Where time comes from.
    pub clock: Arc<Clock>,
    /// For the heartbeat's words.
    pub door: Door,
    /// The outside monitor, if there is one.
    pub heartbeat_url: Option<String>,
    /// What is found.
    pub found: Found,
}

/// The running watch; ends when dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// Begins to watch. Inside the run time.
pub fn start(watched: Watched) -> Watch {
    let stop = Arc::new(AtomicBool::new(false));
    let run_time: Arc<AtomicU64> = Arc::default();
    let ticks = Arc::clone(&run_time);
    supervise::task("tick", async move {
        loop {
            ticks.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(RUN_TIME_TICKS_EVERY).await;
        }
    });
    let well = tokio::sync::watch::Sender::new(false);
    if let Some(url) = watched.heartbeat_url.clone() {
        let (client, heard, door) = (https::client(BEAT_WITHIN), well.subscribe(), watched.door.clone());
        supervise::task("heartbeat", beat(client, url, heard, door));
    }
    let canary = Canary::begin(&watched.data);
    let stopped = Arc::clone(&stop);
    supervise::thread("watch", move || look_again_and_again(watched, &run_time, &canary, &well, &stopped));
    Watch { stop }
}

fn look_again_and_again(
    watched: Watched,
    run_time: &Arc<AtomicU64>,
    canary: &Canary,
    well: &tokio::sync::watch::Sender<bool>,
    stop: &AtomicBool,
) {
    let watchdog = sd_notify::watchdog_enabled();
    let every = watchdog.map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / 3));
    let Watched { pulse, gauge, clock, found, .. } = watched;
    let (turns, looks, ticks) = (Arc::clone(&pulse), gauge, Arc::clone(run_time));
    let begun = Instant::now();
    let mut movers = [
        Mover::new("the core", begun, move || turns.turns.load(Ordering::Relaxed)),
        Mover::new("the committer", begun, move || looks.looks.load(Ordering::Relaxed)),
        Mover::new("the run time", begun, move || ticks.load(Ordering::Relaxed)),
    ];
    while !stop.load(Ordering::Acquire) {
        let mut wrong: Vec<String> = movers.iter_mut().filter_map(|mover| mover.look(Instant::now())).collect();
        wrong.extend(overdue(pulse.deadline_ms.load(Ordering::Relaxed), clock.now()));
        wrong.extend(canary.wrong(Instant::now()));
        let is_well = wrong.is_empty();
        well.send_replace(is_well);
        if is_well && watchdog.is_some() {
            tell_systemd(&[sd_notify::NotifyState::Watchdog]);
        }
        let before = std::mem::replace(&mut *found.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner), wrong);
        let wrong = found.wrong();
        if before != wrong {
            match wrong.is_empty() {
                true => info!("callout is well again"),
                false => warn!("callout is not well: {}; the watchdog and the heartbeat are not fed", wrong.join("; ")),
            }
        }
        std::thread::sleep(every);
    }
}

/// Whether the loop is late.
fn overdue(deadline_ms: i64, now: Timestamp) -> Option<String> {
    let late = now.as_millisecond().saturating_sub(deadline_ms);
    (late > OVERDUE_MS).then(|| format!("a deadline is overdue by {} s", late / 1000))
}

/// Tells the service manager, if there is one; that it cannot be told is no reason to stop.
pub fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "the service manager cannot be told: {error}");
    }
}

/// Sends the heartbeat as long as all is well.
async fn beat(client: reqwest::Client, url: String, well: tokio::sync::watch::Receiver<bool>, door: Door) {
    let mut failing = false;
    loop {
        if *well.borrow() {
            let head = door.view().head;
            let body =
                serde_json::json!({ "program": "callout", "version": env!("CARGO_PKG_VERSION"), "records": head });
            let sent = client.post(&url).json(&body).send().await.and_then(reqwest::Response::error_for_status);
            // The address may hold a secret, so errors are told without it.
            match sent.map_err(reqwest::Error::without_url) {
                Ok(_) if failing => info!("the outside monitor takes the heartbeat again"),
                Ok(_) => {}
                Err(error) if !failing => warn!(%error, "the outside monitor did not take the heartbeat: {error}"),
                Err(_) => {}
            }
            tokio::time::sleep(BEAT_EVERY).await;
        } else {
            failing = false;
            tokio::time::sleep(RUN_TIME_TICKS_EVERY).await;
        }
    }
}

/// A few bytes that are written, synced and read back by a thread of their own, which a hanging disk may keep.
struct Canary {
    state: Arc<Mutex<CanaryState>>,
}

struct CanaryState {
    /// When it last came back.
    came_back: Instant,
    /// Why it did not, if the disk said so.
    why: Option<String>,
}

impl Canary {
    fn begin(data: &Path) -> Self {
        let state = Arc::new(Mutex::new(CanaryState { came_back: Instant::now(), why: None }));
        let (path, kept) = (data.join(CANARY_FILE), Arc::downgrade(&state));
        supervise::thread("canary", move || {
            let mut flight = 0_u64;
            // Ends with the watch, whose state this is.
            while kept.strong_count() > 0 {
                flight += 1;
                let flown = fly(&path, flight);
                let Some(state) = kept.upgrade() else { break };
                let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match flown {
                    Ok(()) => *state = CanaryState { came_back: Instant::now(), why: None },
                    // A full disk is told elsewhere, and a restart would not mend it.
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => state.came_back = Instant::now(),
                    Err(error) => state.why = Some(error.to_string()),
                }
                drop(state);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Self { state }
    }

    fn wrong(&self, now: Instant) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let since = now.saturating_duration_since(state.came_back);
        (since > STILL_MAX).then(|| {
            let why = state.why.as_deref().unwrap_or("it does not answer");
            format!("the disk has not taken and given back a few bytes for {} s: {why}", since.as_secs())
        })
    }
}

/// Writes a number over the one before, so that no new space is needed, and reads it back from the file.
fn fly(path: &Path, flight: u64) -> io::Result<()> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.write_all_at(&flight.to_be_bytes(), 0)?;
    file.sync_data()?;
    let mut back = [0; 8];
    file.read_exact_at(&mut back, 0)?;
    if back == flight.to_be_bytes() { Ok(()) } else { Err(io::Error::other("other bytes came back than were written")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_stands_still_for_fifteen_seconds_is_named() {
        let (count, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let counted = Arc::clone(&count);
        let mut core = Mover::new("the core", begun, move || counted.load(Ordering::Relaxed));
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(core.look(at(15)), None);
        assert_eq!(core.look(at(16)).unwrap(), "the core has not moved for 16 s");
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(core.look(at(17)), None, "it moves again");
        assert_eq!(core.look(at(32)), None);
        assert!(core.look(at(33)).is_some());
    }

    #[test]
    fn a_deadline_fifteen_seconds_late_is_told() {
        let now: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        assert_eq!(overdue(now.as_millisecond() - OVERDUE_MS, now), None);
        assert_eq!(overdue(now.as_millisecond() - 16_000, now).unwrap(), "a deadline is overdue by 16 s");
        assert_eq!(overdue(i64::MAX, now), None, "none to come");
    }

    #[test]
    fn a_canary_that_does_not_come_back_is_told_with_its_reason() {
        let data = tempfile::tempdir().unwrap();
        let canary = Canary::begin(data.path());
        assert_eq!(canary.wrong(Instant::now()), None);
        let hung = canary.wrong(Instant::now() + Duration::from_secs(60)).unwrap();
        assert!(hung.contains("it does not answer"), "{hung}");
        assert!(fly(&data.path().join("no/such/place"), 1).is_err());
        fly(&data.path().join("one"), 7).unwrap();
        fly(&data.path().join("one"), 8).unwrap();
        assert_eq!(std::fs::read(data.path().join("one")).unwrap(), 8_u64.to_be_bytes());
    }
}
