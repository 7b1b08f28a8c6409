//! The system's words to the daemon: stop (SIGTERM, SIGINT), and read the settings again (SIGHUP).
//!
//! Each is listened for before it can come: a SIGHUP that nobody listens for would end the process. Until the daemon
//! serves, SIGTERM ends it at once, as the system does by itself: nothing was acknowledged yet, and the log takes it.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP, listened for from now on; one that comes before it is asked for waits.
#[derive(Debug)]
pub struct HangUps(Signal);

impl HangUps {
    /// Begins to listen. Inside the run time.
    ///
    /// # Errors
    /// When the system gives no signals.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }
}

/// What the daemon was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// To stop.
    Stop,
    /// To read its settings, plans and map layers again.
    ReadAgain,
}

/// All of them.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: HangUps,
}

impl Signals {
    /// Begins to listen for the rest. Inside the run time.
    ///
    /// # Errors
    /// When the system gives no signals.
    pub fn listen(hang_up: HangUps) -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hang_up })
    }

    /// The next one.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.0.recv() => Told::ReadAgain,
        }
    }
}
