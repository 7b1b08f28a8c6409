//! The turnstile of the public listener: so many requests a minute from one address, and no more.
//!
//! Like a ticket barrier that lets people through one by one: each address has a handful of tickets, gets a new one every
//! so often, and is asked to come again when it has none. Whoever proved who they are (a supplier with its token or
//! signature) has their ticket given back, so a thousand receipts from one supplier pass.
//!
//! The table of addresses is bounded. Whoever has all tickets again is forgotten; where it is full all the same, strangers
//! share one handful.

use super::limits::network_of;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Addresses that are remembered.
pub const ADDRESSES_MAX: usize = 10_000;
/// All strangers together, where the table is full.
const STRANGERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Counts requests by address.
#[derive(Debug)]
pub struct Turnstile {
    /// Tickets of an address that has not come lately.
    handful: u32,
    /// Until one ticket more.
    every: Duration,
    seen: Mutex<BTreeMap<IpAddr, Tickets>>,
}

/// What one address has used: the time at which it will have all its tickets again.
#[derive(Debug, Clone, Copy)]
struct Tickets {
    whole_at: Instant,
}

impl Turnstile {
    /// Lets `per_minute` requests of one address through in a minute; so many may come at once.
    ///
    /// # Panics
    /// If `per_minute` is 0: the settings begin at 10.
    pub fn new(per_minute: u32) -> Self {
        assert!(per_minute > 0, "a turnstile that lets nobody through is a wall");
        Self { handful: per_minute, every: Duration::from_secs(60) / per_minute, seen: Mutex::default() }
    }

    /// Takes a ticket of that address; `false` where it has none.
    pub fn pass(&self, address: IpAddr, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut address = network_of(address);
        if !seen.contains_key(&address) && seen.len() >= ADDRESSES_MAX {
            seen.retain(|_, tickets| tickets.whole_at > now);
            if seen.len() >= ADDRESSES_MAX {
                address = STRANGERS;
            }
        }
        let tickets = seen.entry(address).or_insert(Tickets { whole_at: now });
        let from = tickets.whole_at.max(now);
        let after = from + self.every;
        if after.saturating_duration_since(now) > self.every * self.handful {
            return false;
        }
        tickets.whole_at = after;
        true
    }

    /// Gives a ticket back.
    pub fn give_back(&self, address: IpAddr) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network_of(address);
        let key = if seen.contains_key(&address) { address } else { STRANGERS };
        if let Some(tickets) = seen.get_mut(&key) {
            tickets.whole_at = tickets.whole_at.checked_sub(self.every).unwrap_or(tickets.whole_at);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_has_a_handful_and_gets_one_more_every_so_often() {
        let turnstile = Turnstile::new(60);
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();
        let through = (0..100).filter(|_| turnstile.pass(one, now)).count();
        assert_eq!(through, 60);
        assert!(turnstile.pass(other, now), "somebody else's tickets are their own");
        let second = now + Duration::from_secs(1);
        assert!(turnstile.pass(one, second) && !turnstile.pass(one, second));
        turnstile.give_back(one);
        assert!(turnstile.pass(one, second), "given back");
    }

    #[test]
    fn the_table_is_bounded_and_strangers_share_what_is_left() {
        let turnstile = Turnstile::new(10);
        let now = Instant::now();
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            assert!(turnstile.pass(IpAddr::from(n.to_be_bytes()), now));
        }
        let strangers = (0..100_u8).filter(|n| turnstile.pass(IpAddr::from([203, 0, 113, *n]), now)).count();
        assert_eq!(strangers, 10);
        assert!(turnstile.seen.lock().unwrap().len() <= ADDRESSES_MAX + 1);
        let later = now + Duration::from_secs(60);
        assert!(turnstile.pass("203.0.113.7".parse().unwrap(), later), "whoever has all tickets again is forgotten");
        assert!(turnstile.seen.lock().unwrap().len() < 10);
    }
}
