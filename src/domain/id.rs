//! Names for the things callout talks about. Each comes from the position of its first record in the log, so it is
//! unique, in order, and needs no randomness: contact `C-20418` is the one that record 20418 took.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The position of a record in the log: 1 for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{got}\" is not an id of this kind; it should look like {like}")]
pub struct IdError {
    /// What was given.
    pub got: String,
    /// An example of a good one.
    pub like: &'static str,
}

macro_rules! numbered_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }
        impl From<Seq> for $name {
            fn from(seq: Seq) -> Self {
                Self(seq.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "-"))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| IdError { got: text.to_owned(), like: $example })
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

numbered_id!(
    /// One contact from the public, e.g. `C-20418`.
    ContactId, "C", "C-20418"
);
numbered_id!(
    /// One incident, e.g. `INC-42`.
    IncidentId, "INC", "INC-42"
);
numbered_id!(
    /// One page to one person by one channel (one attempt), e.g. `P-512`.
    PageId, "P", "P-512"
);
numbered_id!(
    /// One task of an incident, e.g. `T-97`.
    TaskId, "T", "T-97"
);
numbered_id!(
    /// One call-out: the paging of one step of one activation, e.g. `CO-88`.
    CallOutId, "CO", "CO-88"
);
numbered_id!(
    /// One notice, a message that asks for no answer, e.g. `N-60`.
    NoticeId, "N", "N-60"
);
numbered_id!(
    /// One signal of a detector, e.g. `S-31`.
    SignalId, "S", "S-31"
);
numbered_id!(
    /// One warning in force or past, e.g. `W-7`.
    WarningId, "W", "W-7"
);

macro_rules! named_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }
            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

named_id!(
    /// A person of the rota, e.g. `priya.nair`: a short name chosen by the council, never a phone number.
    PersonId
);
named_id!(
    /// A role of the rota, e.g. `duty_officer`.
    RoleId
);
named_id!(
    /// A playbook, by its file name without the ending, e.g. `surface-water-flooding`.
    PlaybookId
);
named_id!(
    /// A responsible body of `config/bodies.toml`, e.g. `highways`.
    BodyId
);
named_id!(
    /// What a contact is about, e.g. `flooding`: a keyword rule's name or an advisor's tag.
    Tag
);
named_id!(
    /// A counted stream of contacts: `all`, `channel/phone`, `tag/flooding`.
    StreamId
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_reads_back_as_itself_and_says_what_it_should_look_like() {
        let id = IncidentId(42);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(
            "INC42".parse::<IncidentId>().unwrap_err().to_string(),
            "\"INC42\" is not an id of this kind; it should look like INC-42"
        );
    }
}
