//! The people of the rota: who may be paged, by what, in which order.
//!
//! Two halves, as with contacts. [`Person`] is what the log may hold: a short id and the order of channels.
//! [`PersonDetail`] is the name, number and address; it goes to the details store and never into the state.

use super::id::{PersonId, RoleId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageChannel {
    /// A text message.
    Sms,
    /// An email.
    Email,
}

impl PageChannel {
    /// The word used in config, log and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for PageChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person as the core knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Short name chosen by the council.
    pub id: PersonId,
    /// Channels in the order in which to try them; never empty once parsed.
    pub channels: Vec<PageChannel>,
    /// Roles that this person may be put on.
    pub eligible: Vec<RoleId>,
}

/// What is personal about a person of the rota.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonDetail {
    /// Name as shown on pages, e.g. `Priya Nair`.
    pub name: String,
    /// Mobile number in E.164 form, e.g. `+447700900123`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mobile: Option<String>,
    /// Email address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
}

/// Shows nothing of the person, so that the trace cannot.
impl fmt::Debug for PersonDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonDetail(***)")
    }
}

/// The people file, parted into its two halves.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// What the core knows, by id.
    pub persons: BTreeMap<PersonId, Person>,
    /// What only the details store and the transports know, by id.
    pub details: BTreeMap<PersonId, PersonDetail>,
}
