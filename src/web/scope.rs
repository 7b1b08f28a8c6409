//! What somebody may do: scopes for tokens, roles for people, and the one who asks.
//!
//! Deny by default: whoever has not been given a scope does not have it, from this machine as from any other.

use crate::domain::event::{Author, Via};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Send contacts, and ask whose land a place is.
    #[serde(rename = "contacts:write")]
    ContactsWrite,
    /// Open incidents, activate, write, acknowledge, stand down.
    #[serde(rename = "incidents:write")]
    IncidentsWrite,
    /// Read incidents, rota and metrics.
    #[serde(rename = "read")]
    Read,
    /// Everything.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ContactsWrite, Self::IncidentsWrite, Self::Read, Self::Admin];

    /// The word used on the command line and in the token file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContactsWrite => "contacts:write",
            Self::IncidentsWrite => "incidents:write",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// The scope of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a person is at the council.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes contacts.
    Advisor,
    /// On duty: runs incidents.
    Officer,
    /// Runs incidents, and answers for others.
    Manager,
    /// Keeps callout itself.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Advisor, Self::Officer, Self::Manager, Self::Admin];

    /// The word used on the command line and in the users file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advisor => "advisor",
            Self::Officer => "officer",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it may do.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Advisor => &[Scope::ContactsWrite, Scope::Read],
            Self::Officer | Self::Manager => &[Scope::ContactsWrite, Scope::Read, Scope::IncidentsWrite],
            Self::Admin => &[Scope::Admin],
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The token's or user's name; `nobody` for a route that is open to everybody.
    pub name: String,
    /// What they may do.
    pub scopes: Vec<Scope>,
    /// By what they come.
    pub by: By,
}

/// By what somebody comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Nothing: an open route.
    Nothing,
    /// An access token of another system.
    Token,
    /// A token that this machine's command line made for itself.
    Command,
    /// A signed-in session of the console.
    Session {
        /// The user's role.
        role: Role,
        /// What each of their forms must bear.
        csrf: String,
    },
}

impl Who {
    /// Whoever asks for what is open to everybody.
    pub fn nobody() -> Self {
        Self { name: "nobody".to_owned(), scopes: Vec::new(), by: By::Nothing }
    }

    /// Whether they have one of these scopes; `admin` has them all.
    pub fn may(&self, any_of: &[Scope]) -> bool {
        self.scopes.iter().any(|scope| *scope == Scope::Admin || any_of.contains(scope))
    }

    /// As the log names them.
    pub fn author(&self) -> Author {
        let via = match self.by {
            By::Nothing | By::Token => Via::Api,
            By::Command => Via::Command,
            By::Session { .. } => Via::Console,
        };
        Author { who: self.name.clone(), via }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(scopes: &[Scope]) -> Who {
        Who { name: "x".to_owned(), scopes: scopes.to_vec(), by: By::Token }
    }

    #[test]
    fn whoever_was_given_nothing_may_do_nothing_and_an_admin_everything() {
        for scope in Scope::ALL {
            assert!(!Who::nobody().may(&[scope]));
            assert!(who(&[Scope::Admin]).may(&[scope]));
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert!(!who(&[Scope::Read]).may(&[Scope::IncidentsWrite]));
    }

    #[test]
    fn an_advisor_takes_contacts_and_does_not_run_incidents() {
        let may = |role: Role, scope| who(role.scopes()).may(&[scope]);
        assert!(may(Role::Advisor, Scope::ContactsWrite) && !may(Role::Advisor, Scope::IncidentsWrite));
        assert!(may(Role::Officer, Scope::IncidentsWrite) && !may(Role::Manager, Scope::Admin));
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }
}
