//! `callout serve`: the daemon.

use super::{Ended, Exit, Global};
use crate::clock::Clock;
use crate::daemon::app::{App, STOP_WITHIN, Start};
use crate::daemon::engine::Storage;
use crate::daemon::signals::HangUps;
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::sync::Arc;

/// Arguments of `callout serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    /// Listen here instead of the configuration's address; port 0 takes any free one
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Write the trace as JSON lines
    #[arg(long)]
    trace_json: bool,
}

/// Runs until the system asks it to stop.
///
/// # Errors
/// [`Ended`] with 3 when it cannot start with this configuration or data directory.
pub fn run(global: &Global, args: &ServeArgs) -> Result<Exit> {
    trace(args.trace_json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("making a run time")?;
    // Before the settings are read, so that a word that they have changed is not missed.
    let hang_ups = runtime.block_on(async { HangUps::listen() }).context("listening for the system's signals")?;
    let mut loaded = global.load()?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(listen) = args.listen {
        loaded.config.web.listen = listen;
    }
    let data = global.data_dir(&loaded.config);
    runtime.block_on(async {
        let start = Start {
            loaded,
            config_path: global.config.clone(),
            data,
            clock: Arc::new(Clock::steady()),
            storage: Storage::default(),
        };
        let app = App::start_to_serve(start).await.map_err(|error| Ended::new(Exit::CannotStart, error.to_string()))?;
        app.serve(hang_ups).await.map_err(|error| Ended::new(Exit::CannotStart, error.to_string()))
    })?;
    // Whatever still runs on the run time's threads had its time.
    runtime.shutdown_timeout(STOP_WITHIN / 15);
    Ok(Exit::Well)
}

/// Where diagnostics go: standard error, `RUST_LOG` choosing how much.
pub fn trace(json: bool) {
    trace_at("info", json);
}

/// The same, with another level where `RUST_LOG` says nothing.
pub fn trace_at(level: &str, json: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // Colours are for a terminal: in a file or the system's journal they would be noise.
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // A second call (tests) is no error.
    let _ = if json { builder.json().try_init() } else { builder.compact().with_target(false).try_init() };
}
