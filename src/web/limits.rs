//! The bounds of the HTTP server, and the doorkeeper who counts connections.
//!
//! Think of a waiting room with so many chairs, and so many for one family: whoever comes when it is full is told so
//! at once and asked to come again, instead of queueing in the rain without a word.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The server's bounds. The defaults are design.md's figures where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time. 1,024.
    pub connections_max: usize,
    /// Connections at one time from one address (IPv6: one /64 network). 32. Trusted proxies are not counted.
    pub per_address_max: usize,
    /// A request's head must be complete in this time, and an idle connection says something. 5 s.
    pub header_timeout: Duration,
    /// A request's body must be complete in this time. 30 s.
    pub body_timeout: Duration,
    /// A request must be answered in this time (a live stream: begin to be). 60 s.
    pub answer_timeout: Duration,
    /// A client that takes nothing of its answer for this long is let go. 30 s.
    pub write_timeout: Duration,
    /// Bytes of a request's head. 16 KiB.
    pub head_bytes_max: usize,
    /// Bytes of a body that holds one thing. 256 KiB.
    pub body_bytes_max: usize,
    /// Bytes of a body that holds a batch. 4 MiB.
    pub batch_bytes_max: usize,
    /// Bytes of all bodies that are being read, together. 64 MiB.
    pub bodies_bytes_max: usize,
    /// Live streams at one time. 256.
    pub live_max: usize,
    /// Reverse proxies in front of callout: their connections are not counted by address, and what they say about the
    /// client (`X-Forwarded-For`, `X-Forwarded-Proto`) is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Say `Strict-Transport-Security`: only where the site is reached by https alone.
    pub hsts: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            per_address_max: 32,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            head_bytes_max: 16 * 1024,
            body_bytes_max: 256 * 1024,
            batch_bytes_max: 4 * 1024 * 1024,
            bodies_bytes_max: 64 * 1024 * 1024,
            live_max: 256,
            trusted_proxies: Vec::new(),
            hsts: false,
        }
    }
}

impl From<&crate::config::Config> for Limits {
    /// The settings of `[limits]`, and the proxies of `[web]`; the rest is as by default.
    fn from(config: &crate::config::Config) -> Self {
        let (set, web) = (&config.limits, &config.web);
        let default = Self::default();
        Self {
            connections_max: set.connections_max,
            per_address_max: set.connections_per_address_max,
            header_timeout: set.header_timeout.unsigned_abs(),
            body_bytes_max: set.body_bytes_max,
            // A batch is sixteen times one thing: 4 MiB beside 256 KiB.
            batch_bytes_max: set.body_bytes_max.saturating_mul(16),
            bodies_bytes_max: default.bodies_bytes_max.max(set.body_bytes_max.saturating_mul(32)),
            trusted_proxies: web.trusted_proxies.clone(),
            hsts: web.hsts,
            ..default
        }
    }
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All chairs are taken.
    Total,
    /// All chairs of this address are taken.
    Address,
}

/// Counts connections.
#[derive(Debug, Clone, Default)]
pub struct Doorkeeper(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: AtomicUsize,
    by_address: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Doorkeeper {
    /// Lets a connection in; it counts for as long as the pass lives.
    pub fn admit(&self, address: IpAddr, limits: &Limits) -> Result<Pass, Full> {
        let address = network_of(address);
        let counted = !limits.trusted_proxies.iter().any(|proxy| network_of(*proxy) == address);
        // The pass is made before anything is judged, so that turning somebody away takes the same way out.
        self.0.total.fetch_add(1, Ordering::AcqRel);
        let mut pass = Pass { counts: Arc::clone(&self.0), address: None };
        if self.now() > limits.connections_max {
            return Err(Full::Total);
        }
        if counted {
            let mut by_address = lock(&self.0.by_address);
            let count = by_address.entry(address).or_insert(0);
            if *count >= limits.per_address_max {
                return Err(Full::Address);
            }
            *count += 1;
            pass.address = Some(address);
        }
        Ok(pass)
    }

    /// Connections now.
    pub fn now(&self) -> usize {
        self.0.total.load(Ordering::Acquire)
    }
}

/// One connection's place.
#[derive(Debug)]
pub struct Pass {
    counts: Arc<Counts>,
    address: Option<IpAddr>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.counts.total.fetch_sub(1, Ordering::AcqRel);
        let Some(address) = self.address else { return };
        let mut by_address = lock(&self.counts.by_address);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it counts")
}

/// What counts as one address: an IPv4 address (also one written as IPv6), or the /64 network of an IPv6 address,
/// since one household has 2^64 of them.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

/// Counts the bytes of all bodies that are being read.
#[derive(Debug, Clone, Default)]
pub struct Scales(Arc<AtomicUsize>);

impl Scales {
    /// An empty pan for one body.
    pub fn pan(&self) -> Pan {
        Pan { scales: self.clone(), bytes: 0 }
    }
}

/// The bytes of one body; given back when it is dropped.
#[derive(Debug)]
pub struct Pan {
    scales: Scales,
    bytes: usize,
}

impl Pan {
    /// Adds bytes; `false` where all bodies together would weigh more than `max`.
    pub fn add(&mut self, bytes: usize, max: usize) -> bool {
        self.bytes += bytes;
        self.scales.0.fetch_add(bytes, Ordering::AcqRel) + bytes <= max
    }
}

impl Drop for Pan {
    fn drop(&mut self) {
        self.scales.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// A stream that fails when its peer takes nothing for too long. (Reading has its own limits, by what is read.)
#[derive(Debug)]
pub struct Patient<S> {
    inner: S,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// Gives each write at most `limit` to go on.
    pub fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit, stalled: None }
    }

    fn watch<T>(&mut self, wrote: Poll<std::io::Result<T>>, cx: &mut Context<'_>) -> Poll<std::io::Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let until = Instant::now() + self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        stalled.as_mut().poll(cx).map(|()| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(wrote, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(wrote, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let wrote = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(wrote, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn connections_are_counted_in_all_and_by_address_and_counted_back() {
        let limits = Limits { connections_max: 3, per_address_max: 2, ..Limits::default() };
        let door = Doorkeeper::default();
        let admit = |address: &str| door.admit(address.parse().unwrap(), &limits);
        let first = admit("192.0.2.1").unwrap();
        let _second = admit("::ffff:192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").unwrap_err(), Full::Address, "the same address written as IPv6 is the same");
        let _third = admit("2001:db8::1").unwrap();
        assert_eq!(admit("2001:db8::2").unwrap_err(), Full::Total);
        assert_eq!(door.now(), 3, "whoever is turned away takes no chair");
        drop(first);
        let _again = admit("192.0.2.1").unwrap();
    }

    #[test]
    fn one_ipv6_household_is_one_address_and_a_trusted_proxy_is_none() {
        let limits =
            Limits { per_address_max: 1, trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..Limits::default() };
        let door = Doorkeeper::default();
        let _first = door.admit("2001:db8::1".parse().unwrap(), &limits).unwrap();
        assert_eq!(door.admit("2001:db8::ffff".parse().unwrap(), &limits).unwrap_err(), Full::Address);
        let _proxied: Vec<_> = (0..5).map(|_| door.admit("127.0.0.1".parse().unwrap(), &limits).unwrap()).collect();
    }

    #[test]
    fn bodies_weigh_together_and_their_weight_is_given_back() {
        let scales = Scales::default();
        let mut first = scales.pan();
        assert!(first.add(60, 100));
        let mut second = scales.pan();
        assert!(!second.add(60, 100));
        drop(second);
        assert!(scales.pan().add(40, 100));
    }
}
