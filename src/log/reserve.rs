//! The next segment, made ready before it is needed; and the ballast, given up when the disk is full.
//!
//! Like a printer with a second tray: the running tray never empties in the middle of a page, and the warning comes a
//! whole tray before the end. A thread of its own makes the next segment (zeros, synced, renamed from `.new`), so
//! the log waits for it only when it writes faster than the disk can be prepared. Running out of space can strike
//! here only; then the ballast file is removed, [`Room::LastSegment`] tells the caller to keep what is left for
//! paging, and the thread looks again every few seconds until both files can be made anew.
//!
//! Before it tries again it asks how much is free, so that the attempt does not eat the last bytes of others.

use super::Options;
use super::disk::{Disk, is_full};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// How much the log can still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// The next segment is ready or being made: everything may come.
    Plenty,
    /// The disk is full. What is left is kept for paging and acknowledgements; refuse contacts. It ends by itself
    /// when space returns.
    LastSegment,
}

/// The state of the disk below the log, for health pages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Space {
    /// Whether contacts may still be taken.
    pub room: Room,
    /// Bytes left in the segment being written.
    pub segment_free_bytes: u64,
    /// Bytes free on the disk; `None` when the system would not say.
    pub disk_free_bytes: Option<u64>,
}

/// Why there is no next segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shortage {
    /// The disk is full, or the disk was too slow to make one in time.
    Full,
    /// The disk failed.
    Broken(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Making,
    Ready,
    /// Could not be made for want of space; tried again by and by.
    Missing,
}

#[derive(Debug)]
struct State {
    next: Next,
    /// From the first "no space" until next segment and ballast are both there again.
    short: bool,
    broken: Option<String>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while holding the state of the reserve")
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

/// The thread that makes segments, and what it has ready.
#[derive(Debug)]
pub(super) struct Reserver {
    shared: Arc<Shared>,
    reserved: PathBuf,
    disk: Disk,
    /// `None` only while dropping. Room for one wish: a second would ask for the same.
    wishes: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reserver {
    /// Starts the thread for a directory whose half-made files have been removed.
    pub(super) fn start(dir: &Path, options: &Options) -> io::Result<Self> {
        let reserved = dir.join("reserved");
        let next = if is_ready(&reserved, options.segment_bytes) { Next::Ready } else { Next::Making };
        let shared =
            Arc::new(Shared { state: Mutex::new(State { next, short: false, broken: None }), changed: Condvar::new() });
        let (wishes, inbox) = sync_channel(1);
        let maker = Maker {
            dir: dir.to_owned(),
            reserved: reserved.clone(),
            ballast: dir.join("ballast"),
            options: options.clone(),
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new().name("log-reserve".to_owned()).spawn(move || maker.run(&inbox))?;
        Ok(Self { shared, reserved, disk: options.disk.clone(), wishes: Some(wishes), thread: Some(thread) })
    }

    pub(super) fn room(&self) -> Room {
        let state = self.shared.state();
        if state.short || state.next == Next::Missing { Room::LastSegment } else { Room::Plenty }
    }

    /// Waits until the next segment is ready: at once when it is, or when there is no space for one; at most `wait`.
    pub(super) fn wait_ready(&self, wait: Duration) -> Result<(), Shortage> {
        let waiting = |state: &mut State| state.next == Next::Making && state.broken.is_none();
        let state = self.shared.state();
        let (state, _) = self.shared.changed.wait_timeout_while(state, wait, waiting).expect("as in `state`");
        match (&state.broken, state.next) {
            (Some(broken), _) => Err(Shortage::Broken(broken.clone())),
            (None, Next::Ready) => Ok(()),
            (None, Next::Making | Next::Missing) => Err(Shortage::Full),
        }
    }

    /// The failure of the disk that the thread met, if it met one.
    pub(super) fn broken(&self) -> Option<String> {
        self.shared.state().broken.clone()
    }

    /// Gives the ready segment its name, durably, and asks for another. Call after `wait_ready` said it is there.
    pub(super) fn take(&self, name: &Path) -> io::Result<()> {
        self.shared.set(|state| {
            assert!(state.next == Next::Ready, "a segment is taken only when it is ready");
            state.next = Next::Making;
        });
        self.disk.rename(&self.reserved, name)?;
        if let Some(wishes) = &self.wishes {
            // Full: the thread has a wish before it already. Gone: it met a broken disk, and said so in the state.
            let _ = wishes.try_send(());
        }
        Ok(())
    }
}

impl Drop for Reserver {
    fn drop(&mut self) {
        self.wishes = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was a bug there; it held nothing that the log needs.
            let _ = thread.join();
        }
    }
}

/// Whether the file is a segment of that size with nothing in it yet.
fn is_ready(reserved: &Path, segment_bytes: u64) -> bool {
    let long_enough = std::fs::metadata(reserved).is_ok_and(|file| file.len() == segment_bytes);
    long_enough && std::fs::read(reserved).is_ok_and(|bytes| super::scan::all_zero(&bytes))
}

struct Maker {
    dir: PathBuf,
    reserved: PathBuf,
    ballast: PathBuf,
    options: Options,
    shared: Arc<Shared>,
}

impl Maker {
    fn run(self, inbox: &Receiver<()>) {
        loop {
            if let Err(error) = self.look() {
                let broken = format!("make the next segment in {}: {error}", self.dir.display());
                self.shared.set(|state| state.broken = Some(broken));
                return;
            }
            let short = self.shared.state().short;
            let next = if short {
                inbox.recv_timeout(self.options.retry_every)
            } else {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            if next == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Makes what is missing, as far as there is space. An error here is a broken disk.
    fn look(&self) -> io::Result<()> {
        let (next, short) = {
            let state = self.shared.state();
            (state.next, state.short)
        };
        if next != Next::Ready {
            if short && !self.has_free(self.options.segment_bytes) {
                // Whoever waits for it is told at once.
                self.shared.set(|state| state.next = Next::Missing);
                return Ok(());
            }
            if !self.make_next()? {
                return Ok(());
            }
        }
        if self.ballast_is_whole() {
            self.shared.set(|state| state.short = false);
            return Ok(());
        }
        if short && !self.has_free(self.options.ballast_bytes + self.options.segment_bytes) {
            return Ok(());
        }
        let made = self.unless_full(self.options.disk.make_bulk(&self.ballast, self.options.ballast_bytes))?;
        self.shared.set(|state| state.short = !made);
        Ok(())
    }

    /// Makes the next segment, on the ballast's space if need be; says whether it is there.
    fn make_next(&self) -> io::Result<bool> {
        let make = || self.options.disk.make(&self.reserved, &[], self.options.segment_bytes);
        let mut made = self.unless_full(make())?;
        if !made {
            self.shared.set(|state| state.short = true);
            if self.ballast.exists() {
                self.options.disk.remove(&self.ballast)?;
                self.options.disk.sync_dir(&self.dir)?;
                made = self.unless_full(make())?;
            }
        }
        self.shared.set(|state| state.next = if made { Next::Ready } else { Next::Missing });
        Ok(made)
    }

    fn unless_full(&self, made: io::Result<()>) -> io::Result<bool> {
        match made {
            Ok(()) => Ok(true),
            Err(error) if is_full(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn ballast_is_whole(&self) -> bool {
        let wanted = self.options.ballast_bytes;
        wanted == 0 || std::fs::metadata(&self.ballast).is_ok_and(|file| file.len() == wanted)
    }

    /// Whether so much is free; yes when the system will not say, since trying tells too.
    fn has_free(&self, bytes: u64) -> bool {
        self.options.disk.free_bytes(&self.dir).map_or(true, |free| free >= bytes)
    }
}
