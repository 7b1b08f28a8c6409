//! Sessions of the console, and the brake on sign-ins.
//!
//! A session is a random cookie; only its keyed digest is kept, in memory: after a restart people sign in again. It
//! ends when unused for a while, and after a working day in any case. Attempts to sign in are counted by account and
//! by address, in tables that cannot grow without bound.

use super::limits::network_of;
use super::scope::{By, Role, Who};
use super::users::{User, Users};
use crate::domain::event::hex;
use crate::domain::time::{SignedDuration, Timestamp, elapsed};
use crate::keys::{InstallationKey, KeyError, Purpose, random_bytes, same};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// A session that was not used for this long is over.
pub const IDLE_MAX: SignedDuration = SignedDuration::from_mins(30);
/// A session is over after this long in any case: a long shift.
pub const AGE_MAX: SignedDuration = SignedDuration::from_hours(12);
/// Most sessions at one time; the one unused for longest gives way.
pub const SESSIONS_MAX: usize = 1_000;
/// Wrong passwords after which an account or an address has to wait.
pub const WRONG_MAX: u32 = 10;
/// For how long wrong passwords are remembered, and so how long the wait is.
pub const WRONG_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Most accounts and addresses whose wrong passwords are remembered; the oldest gives way.
pub const BRAKES_MAX: usize = 2_000;

#[derive(Debug)]
struct Session {
    name: String,
    role: Role,
    /// The account as it was at sign-in; none in the demo, which has no passwords.
    account: Option<User>,
    csrf: String,
    begun: Timestamp,
    used: Timestamp,
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    key: InstallationKey,
    by_digest: Mutex<BTreeMap<[u8; 32], Session>>,
}

impl Sessions {
    /// No session yet.
    pub fn new(key: InstallationKey) -> Self {
        Self { key, by_digest: Mutex::default() }
    }

    /// Begins a session; gives the cookie's value.
    pub fn begin(&self, name: &str, role: Role, account: Option<User>, now: Timestamp) -> Result<String, KeyError> {
        let cookie = hex(&random_bytes::<32>()?);
        let csrf = hex(&random_bytes::<16>()?);
        let mut sessions = lock(&self.by_digest);
        sessions.retain(|_, session| session.alive(now));
        if sessions.len() >= SESSIONS_MAX
            && let Some(idlest) = sessions.iter().min_by_key(|(_, session)| session.used).map(|(digest, _)| *digest)
        {
            sessions.remove(&idlest);
        }
        let session = Session { name: name.to_owned(), role, account, csrf, begun: now, used: now };
        sessions.insert(self.digest(&cookie), session);
        Ok(cookie)
    }

    /// Whose session the cookie is. Using it keeps it alive, unless `quietly` (a live stream that a screen holds). It is
    /// over when the account is no longer what it was at sign-in: taken out, or with another role or password.
    pub fn check(&self, users: &Users, cookie: &str, now: Timestamp, quietly: bool) -> Option<Who> {
        let digest = self.digest(cookie);
        let mut sessions = lock(&self.by_digest);
        let session = sessions.get_mut(&digest)?;
        if !session.alive(now) || session.account.as_ref().is_some_and(|account| !users.still(account)) {
            sessions.remove(&digest);
            return None;
        }
        if !quietly {
            session.used = now;
        }
        Some(Who {
            name: session.name.clone(),
            scopes: session.role.scopes().to_vec(),
            by: By::Session { role: session.role, csrf: session.csrf.clone() },
        })
    }

    /// Ends a session.
    pub fn end(&self, cookie: &str) {
        lock(&self.by_digest).remove(&self.digest(cookie));
    }

    fn digest(&self, cookie: &str) -> [u8; 32] {
        self.key.digest(Purpose::Session, &[cookie.as_bytes()])
    }
}

impl Session {
    fn alive(&self, now: Timestamp) -> bool {
        elapsed(self.used, now) < IDLE_MAX && elapsed(self.begun, now) < AGE_MAX
    }
}

/// Whether a form bears the token of its session.
pub fn csrf_fits(who: &Who, given: Option<&str>) -> bool {
    match (&who.by, given) {
        (By::Session { csrf, .. }, Some(given)) => same(csrf.as_bytes(), given.as_bytes()),
        (By::Session { .. }, None) => false,
        (By::Nothing | By::Token | By::Command, _) => true,
    }
}

/// Counts wrong passwords.
#[derive(Debug, Default)]
pub struct Brake(Mutex<BTreeMap<String, Wrong>>);

#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    since: Timestamp,
}

impl Brake {
    /// Whether this account or this address has to wait, and for how many seconds.
    pub fn wait_s(&self, account: &str, address: IpAddr, now: Timestamp) -> Option<u32> {
        let table = lock(&self.0);
        let waits = keys(account, address).into_iter().filter_map(|key| {
            let wrong = table.get(&key)?;
            let left = WRONG_FOR.as_secs() - elapsed(wrong.since, now).as_secs();
            (wrong.times >= WRONG_MAX && left > 0).then(|| u32::try_from(left).unwrap_or(u32::MAX))
        });
        waits.max()
    }

    /// Notes a wrong password.
    pub fn wrong(&self, account: &str, address: IpAddr, now: Timestamp) {
        let mut table = lock(&self.0);
        for key in keys(account, address) {
            if table.len() >= BRAKES_MAX && !table.contains_key(&key) {
                table.retain(|_, wrong| elapsed(wrong.since, now) < WRONG_FOR);
            }
            if table.len() >= BRAKES_MAX
                && !table.contains_key(&key)
                && let Some(oldest) = table.iter().min_by_key(|(_, wrong)| wrong.since).map(|(key, _)| key.clone())
            {
                table.remove(&oldest);
            }
            let wrong = table.entry(key).or_insert(Wrong { times: 0, since: now });
            if elapsed(wrong.since, now) >= WRONG_FOR {
                *wrong = Wrong { times: 0, since: now };
            }
            wrong.times += 1;
        }
    }

    /// Forgets an account's wrong passwords after a right one. Those of the address stay: one right account must not
    /// open the way for trying others.
    pub fn right(&self, account: &str) {
        lock(&self.0).remove(&format!("account {account}"));
    }
}

fn keys(account: &str, address: IpAddr) -> [String; 2] {
    let account: String = account.chars().take(64).collect();
    [format!("account {account}"), format!("address {}", network_of(address))]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the sessions")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        "2026-11-22T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    fn nobody() -> Users {
        Users::of(std::path::Path::new("/no/such/place"))
    }

    #[test]
    fn a_session_ends_when_its_account_is_taken_out_or_changed() {
        let data = tempfile::tempdir().unwrap();
        let users = Users::of(data.path());
        let put = |role, password: &str| {
            users.put("priya.nair", role, password).unwrap();
            users.check("priya.nair", password).unwrap()
        };
        let sessions = Sessions::new(InstallationKey::in_memory(1));
        let known = |cookie: &str| sessions.check(&users, cookie, at(1), false).is_some();
        let begin = |account| sessions.begin("priya.nair", Role::Officer, account, at(0)).unwrap();

        let first = begin(put(Role::Officer, "gulley pump lantern"));
        users.put("sam.okoro", Role::Advisor, "another good password").unwrap();
        assert!(known(&first), "somebody else's account is no matter");
        let second = begin(put(Role::Officer, "a new password then"));
        assert!(!known(&first) && known(&second));
        let third = begin(put(Role::Advisor, "a new password then"));
        assert!(!known(&second) && known(&third));
        users.remove("priya.nair").unwrap();
        assert!(!known(&third));
    }

    #[test]
    fn a_session_lives_while_it_is_used_and_not_beyond_a_long_shift() {
        let sessions = Sessions::new(InstallationKey::in_memory(1));
        let cookie = sessions.begin("priya.nair", Role::Officer, None, at(0)).unwrap();
        assert_eq!(sessions.check(&nobody(), "0000", at(0), false), None);
        for minutes in (0..720).step_by(29) {
            assert!(sessions.check(&nobody(), &cookie, at(minutes), false).is_some(), "{minutes}");
        }
        assert_eq!(sessions.check(&nobody(), &cookie, at(720), false), None);
        let idle = sessions.begin("priya.nair", Role::Officer, None, at(0)).unwrap();
        assert!(sessions.check(&nobody(), &idle, at(29), true).is_some(), "a live stream sees it alive");
        assert_eq!(sessions.check(&nobody(), &idle, at(30), false), None, "but does not keep it so");
        let ended = sessions.begin("priya.nair", Role::Officer, None, at(0)).unwrap();
        sessions.end(&ended);
        assert_eq!(sessions.check(&nobody(), &ended, at(0), false), None);
    }

    #[test]
    fn a_form_needs_the_token_of_its_own_session() {
        let sessions = Sessions::new(InstallationKey::in_memory(1));
        let who = |cookie: &str| sessions.check(&nobody(), cookie, at(0), false).unwrap();
        let (mine, other) = (
            who(&sessions.begin("a", Role::Officer, None, at(0)).unwrap()),
            who(&sessions.begin("b", Role::Officer, None, at(0)).unwrap()),
        );
        let By::Session { csrf, .. } = &mine.by else { panic!("a session") };
        assert!(csrf_fits(&mine, Some(csrf)) && !csrf_fits(&other, Some(csrf)) && !csrf_fits(&mine, None));
    }

    #[test]
    fn wrong_passwords_slow_down_the_account_and_the_address() {
        let brake = Brake::default();
        let (home, away) = ("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
        for _ in 0..WRONG_MAX {
            assert_eq!(brake.wait_s("priya.nair", home, at(0)), None);
            brake.wrong("priya.nair", home, at(0));
        }
        assert_eq!(brake.wait_s("priya.nair", away, at(1)), Some(540), "the account waits wherever it is tried from");
        assert_eq!(brake.wait_s("sam.okoro", home, at(1)), Some(540), "the address waits whatever it tries");
        assert_eq!(brake.wait_s("sam.okoro", away, at(1)), None);
        brake.right("priya.nair");
        assert_eq!(brake.wait_s("priya.nair", away, at(1)), None);
        assert_eq!(brake.wait_s("priya.nair", home, at(10)), None);
    }

    #[test]
    fn the_tables_do_not_grow_without_bound() {
        let sessions = Sessions::new(InstallationKey::in_memory(1));
        let first = sessions.begin("first", Role::Advisor, None, at(0)).unwrap();
        for n in 0..SESSIONS_MAX {
            sessions.begin(&format!("user{n}"), Role::Advisor, None, at(1)).unwrap();
        }
        assert_eq!(lock(&sessions.by_digest).len(), SESSIONS_MAX);
        assert_eq!(sessions.check(&nobody(), &first, at(1), false), None, "the idlest gave way");
        let brake = Brake::default();
        for n in 0..u32::try_from(BRAKES_MAX).unwrap() {
            brake.wrong(&format!("user{n}"), IpAddr::from(n.to_be_bytes()), at(0));
        }
        assert!(lock(&brake.0).len() <= BRAKES_MAX);
    }
}
