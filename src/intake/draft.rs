//! A contact as it was sent: named fields with loose values, before anything is checked.
//!
//! Contacts come as JSON, or become JSON on the way in (the cells of a table, see [`super::contact_csv`]), so a value
//! always knows its kind: a number is not a text.

use crate::domain::problem::did_you_mean;
use std::borrow::Cow;

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// The fields of a contact, in the order of the documentation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $variant,)* }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word used in JSON and in column mappings.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

fields! {
    /// Which system sent it.
    Source "source",
    /// That system's own number for it.
    SourceId "source_id",
    /// How the contact was made.
    Channel "channel",
    /// When the council received it.
    ReceivedAt "received_at",
    /// When the thing happened.
    OccurredAt "occurred_at",
    /// The council's service.
    Service "service",
    /// What it is about.
    Tags "tags",
    /// The words.
    Text "text",
    /// Degrees north.
    Lat "lat",
    /// Degrees east.
    Lon "lon",
    /// Metres east.
    Easting "easting",
    /// Metres north.
    Northing "northing",
    /// National Grid reference.
    GridRef "grid_ref",
    /// Postcode.
    Postcode "postcode",
    /// Unique property reference number.
    Uprn "uprn",
    /// Unique street reference number.
    Usrn "usrn",
    /// The place in words.
    PlaceText "place_text",
    /// Answered, or abandoned.
    Answered "answered",
    /// Seconds in the queue.
    WaitS "wait_s",
    /// Reference in the customer system.
    CrmRef "crm_ref",
    /// The customer's reference.
    CustomerRef "customer_ref",
    /// Language, BSL, text relay.
    Needs "needs",
    /// Somebody vulnerable is affected.
    Vulnerable "vulnerable",
    /// Who called.
    Caller "caller",
}

/// The fields of `caller`.
pub const CALLER_FIELDS: [&str; 4] = ["name", "phone", "email", "prefers"];

/// What other systems call our fields; told as a remedy, never taken silently.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("id", "source_id"),
    ("external_id", "source_id"),
    ("timestamp", "received_at"),
    ("time", "received_at"),
    ("date", "received_at"),
    ("created_at", "received_at"),
    ("description", "text"),
    ("message", "text"),
    ("body", "text"),
    ("words", "text"),
    ("latitude", "lat"),
    ("longitude", "lon"),
    ("long", "lon"),
    ("lng", "lon"),
    ("x", "easting"),
    ("y", "northing"),
    ("gridref", "grid_ref"),
    ("address", "place_text"),
    ("location", "place_text"),
    ("name", "caller.name"),
    ("phone", "caller.phone"),
    ("email", "caller.email"),
    ("prefers", "caller.prefers"),
    ("wait", "wait_s"),
    ("category", "service"),
    ("type", "service"),
];

impl Field {
    /// The field of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }
}

/// What the sender of an unknown field may have meant.
pub fn meant_by(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower).map(|(_, ours)| *ours);
    other.or_else(|| did_you_mean(&lower, Field::ALL.iter().map(|field| field.name())))
}

/// A value as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Given<'a> {
    /// `null`: the same as not given.
    Null,
    /// A JSON text.
    Text(Cow<'a, str>),
    /// A JSON number, in its own digits.
    Number(&'a str),
    /// A JSON truth value.
    Bool(bool),
    /// A JSON array.
    List(Vec<Member<'a>>),
    /// A JSON object.
    Object(Vec<Member<'a>>),
}

impl Given<'_> {
    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// A named (or, in an array, numbered) value with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// The field's name; the position in an array.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Given<'a>,
    /// Offset of the value in the sent bytes.
    pub at: usize,
}

/// One contact as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft<'a> {
    /// Which of the batch, from 0.
    pub index: usize,
    /// JSON pointer to it: empty for a single object, `/3` in a batch.
    pub pointer: String,
    /// Offset of its first byte.
    pub at: usize,
    /// Its fields, as they came.
    pub members: Vec<Member<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_other_systems_words_are_known() {
        for field in Field::ALL {
            assert_eq!(Field::parse(field.name()), Some(*field));
        }
        assert_eq!(meant_by("Latitude"), Some("lat"));
        assert_eq!(meant_by("recieved_at"), Some("received_at"));
        assert_eq!(meant_by("zzz"), None);
        for (_, ours) in OTHER_NAMES {
            let top = ours.split('.').next().unwrap_or_default();
            assert!(Field::parse(top).is_some(), "{ours} is a field");
        }
    }
}
