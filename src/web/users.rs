//! People who sign in to the console: names, roles, and password digests by Argon2id.
//!
//! The command line writes the file (`callout token user-add`), the daemon reads it at each sign-in. A wrong name
//! takes as long as a wrong password, so that nobody learns who has an account.

use super::scope::Role;
use crate::keys::replace_private;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The file inside the data directory.
pub const USERS_FILE: &str = "users.json";
/// Shortest password, in characters (NCSC and OWASP ASVS: length counts, composition rules don't).
pub const PASSWORD_MIN: usize = 12;
/// Longest password, in bytes: what one sign-in may cost.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Most users.
pub const USERS_MAX: usize = 1_000;

/// Argon2id with 19 MiB, 2 passes, 1 lane: the OWASP password storage cheat sheet's first choice.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// One user, as kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name they sign in with: their person's id where they are on the rota.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// PHC string of Argon2id.
    pub digest: String,
}

/// Shows no digest.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    users: Vec<User>,
}

/// Why a user could not be added or read.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The users file cannot be read or written.
    #[error("the users file {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The users file is not what it should be.
    #[error("the users file {path} cannot be understood ({source}); restore it from the backup")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The password is too short or too long.
    #[error("a password has {PASSWORD_MIN} characters or more; three random words do well")]
    Password,
    /// The name is not one.
    #[error("\"{0}\" is not a user name; use lower-case letters, digits, . _ and -, e.g. priya.nair")]
    Name(String),
    /// Too many.
    #[error("there are {USERS_MAX} users already")]
    TooMany,
    /// Argon2 failed: no memory, or no random bytes.
    #[error("the password's digest could not be made: {0}")]
    Digest(String),
}

/// The users file.
#[derive(Debug)]
pub struct Users {
    path: PathBuf,
    /// What [`Users::still`] read last, and from which file.
    read: Mutex<Option<(Edition, Vec<User>)>>,
}

/// A file's length, time of change and place on the disk: the file is replaced whole, so another edition differs.
type Edition = (u64, std::time::SystemTime, u64);

impl Users {
    /// The users file of a data directory; it need not exist yet.
    pub fn of(data: &Path) -> Self {
        Self { path: data.join(USERS_FILE), read: Mutex::new(None) }
    }

    /// All users.
    pub fn list(&self) -> Result<Vec<User>, UserError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice::<File>(&bytes)
                .map(|file| file.users)
                .map_err(|source| UserError::Content { path: self.path.clone(), source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(UserError::File { path: self.path.clone(), source }),
        }
    }

    /// Whether the file still has this user, with the same role and password. It is read only when it has changed, so a
    /// look at each request costs one question to the file system. A file that cannot be read has nobody.
    pub fn still(&self, user: &User) -> bool {
        let edition = std::fs::metadata(&self.path)
            .and_then(|meta| Ok((meta.len(), meta.modified()?, std::os::unix::fs::MetadataExt::ino(&meta))));
        let Ok(edition) = edition else { return false };
        let mut read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if read.as_ref().is_none_or(|(known, _)| *known != edition) {
            let Ok(users) = self.list() else { return false };
            *read = Some((edition, users));
        }
        read.as_ref().is_some_and(|(_, users)| users.contains(user))
    }

    /// Adds a user, or gives a known one a new role and password.
    pub fn put(&self, name: &str, role: Role, password: &str) -> Result<(), UserError> {
        if !crate::domain::text::is_slug(name) {
            return Err(UserError::Name(name.to_owned()));
        }
        if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_BYTES_MAX {
            return Err(UserError::Password);
        }
        let digest = argon2()
            .hash_password(password.as_bytes())
            .map_err(|error| UserError::Digest(error.to_string()))?
            .to_string();
        let mut users = self.list()?;
        users.retain(|user| user.name != name);
        if users.len() >= USERS_MAX {
            return Err(UserError::TooMany);
        }
        users.push(User { name: name.to_owned(), role, digest });
        users.sort_by(|a, b| a.name.cmp(&b.name));
        self.write(users)
    }

    /// Takes a user out; whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool, UserError> {
        let mut users = self.list()?;
        let before = users.len();
        users.retain(|user| user.name != name);
        let removed = users.len() != before;
        if removed {
            self.write(users)?;
        }
        Ok(removed)
    }

    fn write(&self, users: Vec<User>) -> Result<(), UserError> {
        let json = serde_json::to_vec_pretty(&File { users }).expect("texts always become JSON");
        replace_private(&self.path, &json).map_err(|source| UserError::File { path: self.path.clone(), source })
    }

    /// The user of this name and password. Takes some 30 ms and 19 MiB: call it off the async threads, few at a time.
    pub fn check(&self, name: &str, password: &str) -> Result<Option<User>, UserError> {
        let user = self.list()?.into_iter().find(|user| user.name == name);
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let Some(user) = user else {
            // The same work as for a known name.
            let _ = argon2().hash_password(password.as_bytes());
            return Ok(None);
        };
        let known = PasswordHash::new(&user.digest).map_err(|error| UserError::Digest(error.to_string()))?;
        Ok(argon2().verify_password(password.as_bytes(), &known).is_ok().then_some(user))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constants within Argon2's ranges");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_user_signs_in_with_the_right_password_only_and_the_file_holds_no_password() {
        let data = tempfile::tempdir().unwrap();
        let users = Users::of(data.path());
        users.put("priya.nair", Role::Officer, "gulley pump lantern").unwrap();
        assert_eq!(
            users.check("priya.nair", "gulley pump lantern").unwrap().map(|user| user.role),
            Some(Role::Officer)
        );
        assert_eq!(users.check("priya.nair", "gulley pump lanterm").unwrap(), None);
        assert_eq!(users.check("nobody", "gulley pump lantern").unwrap(), None);
        let kept = std::fs::read_to_string(data.path().join(USERS_FILE)).unwrap();
        assert!(kept.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !kept.contains("lantern"));
        users.put("priya.nair", Role::Manager, "another good password").unwrap();
        assert_eq!(users.list().unwrap().len(), 1);
        assert_eq!(users.check("priya.nair", "gulley pump lantern").unwrap(), None);
        assert!(users.remove("priya.nair").unwrap() && !users.remove("priya.nair").unwrap());
    }

    #[test]
    fn a_short_password_and_a_strange_name_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let users = Users::of(data.path());
        assert!(matches!(users.put("a", Role::Advisor, "short"), Err(UserError::Password)));
        assert!(matches!(users.put("A B", Role::Advisor, "gulley pump lantern"), Err(UserError::Name(_))));
    }
}
