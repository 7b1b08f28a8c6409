//! `callout demo`: a storm evening in a made-up town; nothing leaves this machine.

use super::{Ended, Exit};
use crate::demo::run::{DemoError, Play, run as play};
use anyhow::{Context as _, Result};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Arguments of `callout demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The port of the console on this machine; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// How many times as fast as the clock
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    speed: u32,
    /// The seed of chance: the same seed gives the same town and storm
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do not open the start page in the desktop's browser
    #[arg(long)]
    no_open: bool,
}

/// Plays until Ctrl-C; leaves nothing behind.
///
/// # Errors
/// When the port is taken or the temporary directory cannot be written.
pub fn run(args: &DemoArgs) -> Result<Exit> {
    super::serve::trace_at("warn", false);
    let directory = std::env::temp_dir().join(format!("callout-demo-{}", std::process::id()));
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("making a run time")?;
    let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), args.port);
    let ended =
        runtime.block_on(play(Play { listen, speed: args.speed, seed: args.seed, open: !args.no_open }, &directory));
    drop(runtime);
    let _ = std::fs::remove_dir_all(&directory);
    match ended {
        Ok(()) => Ok(Exit::Well),
        Err(error @ DemoError::Start(_)) => {
            Err(Ended::new(Exit::CannotStart, format!("{error} (callout demo --port 0 takes any free port)")).into())
        }
        Err(error) => Err(error.into()),
    }
}
