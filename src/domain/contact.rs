//! One contact from the public: what intake makes of a call, an email, a form or a conversation at the counter.
//!
//! It comes in two halves. [`Contact`] is what the log may hold: no person, no words, the place to 10 m.
//! [`ContactDetail`] is all that is personal; it goes to the details store, from which it can be erased.

use super::id::{BodyId, IncidentId, StreamId, Tag};
use super::ownership::Confidence;
use super::place::GridPoint;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How the contact reached the council.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A telephone call.
    Phone,
    /// An email.
    Email,
    /// At the counter.
    FaceToFace,
    /// A form on the council's site.
    WebForm,
    /// Web chat.
    Webchat,
    /// A social network.
    Social,
    /// A letter, or scanned post.
    Letter,
    /// A text message.
    Sms,
    /// The customer portal.
    Portal,
    /// Open311 (FixMyStreet and others).
    Open311,
}

impl Channel {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Phone,
        Self::Email,
        Self::FaceToFace,
        Self::WebForm,
        Self::Webchat,
        Self::Social,
        Self::Letter,
        Self::Sms,
        Self::Portal,
        Self::Open311,
    ];

    /// The word used in JSON, CSV and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::FaceToFace => "face_to_face",
            Self::WebForm => "web_form",
            Self::Webchat => "webchat",
            Self::Social => "social",
            Self::Letter => "letter",
            Self::Sms => "sms",
            Self::Portal => "portal",
            Self::Open311 => "open311",
        }
    }

    /// The channel of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// What the log holds of a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Who sent it to us, e.g. `crm` or `console`.
    pub source: String,
    /// Digest of the idempotency key, or of (source, source_id), under the installation's key; 32 hex digits.
    /// `None` where the sender gave neither: then every sending counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// How it came.
    pub channel: Channel,
    /// When the council received it.
    pub received_at: Timestamp,
    /// When the thing happened, where the caller said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub occurred_at: Option<Timestamp>,
    /// The council's service, e.g. `highways`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<String>,
    /// Tags given by the advisor, with those that the keyword rules found; sorted, no doubles.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tags: Vec<Tag>,
    /// The place, rounded to 10 m.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<GridPoint>,
    /// The responsible body; `None` says that it is unknown, never that nobody is responsible.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<BodyId>,
    /// How sure that was, and by which edition of the maps; `None` for a contact without a place, and in older logs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub land: Option<LandKept>,
    /// For calls: whether it was answered (false: abandoned).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered: Option<bool>,
    /// For calls: seconds in the queue, 0..=86,400.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wait_s: Option<u32>,
    /// Two bytes of a digest of longer words, under the installation's key: enough to know a bulk entry by its sameness,
    /// too little to tell what was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alike: Option<u16>,
    /// Loaded from the past: counted as history, never a reason to page.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub history: bool,
}

/// What a contact keeps of the answer about its land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandKept {
    /// How sure it was.
    pub confidence: Confidence,
    /// The edition of the maps that answered.
    pub epoch: u64,
    /// The maps contradicted each other: for the staff's queue.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub disputed: bool,
}

/// What is personal about a contact. Never in the log, the index, the trace or the domain's state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactDetail {
    /// The sender's own number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The caller's words, or the advisor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The exact place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<GridPoint>,
    /// How far off it may be, in metres: one standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_sigma_m: Option<f64>,
    /// The layer and feature by which somebody is responsible there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub land_feature: Option<(String, String)>,
    /// The place as it was given (postcode, UPRN, USRN, grid reference, words), kept as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_given: Option<String>,
    /// Reference in the customer system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crm_ref: Option<String>,
    /// The customer's reference; opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_ref: Option<String>,
    /// Needs: a language, `bsl`, `text_relay`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Somebody vulnerable is affected.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vulnerable: bool,
    /// Who called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
}

/// Who called, and how they like to be answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caller {
    /// Name as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Phone number as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Email address as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `email`, `sms`, `phone`, `post` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefers: Option<String>,
}

/// What became of a contact: the answer to its sender, the same however often it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The contact's id.
    pub id: super::id::ContactId,
    /// The responsible body, if known.
    pub body: Option<BodyId>,
    /// The streams it counted towards.
    pub counted: Vec<StreamId>,
    /// The open incident it joined, if any.
    pub incident: Option<IncidentId>,
}
