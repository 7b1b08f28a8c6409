//! What is left out of an export, for whom it is made.
//!
//! A line with something left out can no longer match its own digest, but the digest still stands before it, so the
//! chain from line to line can be followed, and the signed manifest says which lines these are.

use serde_json::{Map, Value};

/// For whom an export is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// For anybody: no details, nobody's name.
    Public,
    /// For a freedom-of-information request: the words of incidents, to be read before they are released.
    Foi,
    /// For the police or a regulator: all but callers' needs.
    Police,
    /// For the council itself, a coroner, an inquiry: all there is.
    Full,
}

/// What stands where something was left out.
pub const LEFT_OUT: &str = "[left out]";

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Public, Self::Foi, Self::Police, Self::Full];

    /// The word used on the command line, in the manifest and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Foi => "foi",
            Self::Police => "police",
            Self::Full => "full",
        }
    }

    /// The profile of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == word)
    }

    /// What it leaves out, in sentences for whoever receives the export.
    pub fn left_out(self) -> &'static [&'static str] {
        const STAFF: &str =
            "Names of staff are left out of the log's lines, with the texts of the people and rota files.";
        const PLACES: &str = "Places of contacts are left out of the log's lines.";
        const CONTACTS: &str = "All details of contacts are left out: callers, their words, places and references.";
        match self {
            Self::Public => {
                &[STAFF, PLACES, CONTACTS, "All words that people wrote are left out: notes, decisions, reasons."]
            }
            Self::Foi => &[
                STAFF,
                PLACES,
                CONTACTS,
                "Words of incidents are in it and may name people: read them before they are released.",
            ],
            Self::Police => &["Callers' needs and vulnerability are left out."],
            Self::Full => &[],
        }
    }

    /// The record as this profile shows it; `None` when nothing of it is left out.
    pub(super) fn record(self, record: &str) -> Option<String> {
        if matches!(self, Self::Police | Self::Full) {
            return None;
        }
        let before: Value = serde_json::from_str(record).ok()?;
        let mut shown = before.clone();
        hide_staff(&mut shown);
        if let Some(Value::Object(contact)) = shown.get_mut("contact") {
            contact.remove("place");
        }
        if let Some(Value::Object(document)) = shown.get_mut("document")
            && matches!(document.get("kind").and_then(Value::as_str), Some("people" | "rota"))
        {
            document.insert("text".into(), LEFT_OUT.into());
        }
        (shown != before).then(|| shown.to_string())
    }

    /// A detail of this class as this profile shows it.
    pub(super) fn detail(self, class: &str, detail: &str) -> Shown {
        match (self, class) {
            (Self::Full, _) => Shown::Whole,
            (Self::Public, _) | (Self::Foi, "contact" | "person") => Shown::Absent,
            (Self::Foi, _) => Shown::Whole,
            (Self::Police, _) => match serde_json::from_str::<Map<String, Value>>(detail) {
                Ok(mut fields) => {
                    let removed = [fields.remove("needs"), fields.remove("vulnerable")];
                    if removed.iter().all(Option::is_none) {
                        Shown::Whole
                    } else {
                        Shown::InPart(Value::Object(fields).to_string())
                    }
                }
                Err(_) => Shown::Absent,
            },
        }
    }
}

/// How a detail is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// As it stands, so that its digest can be checked.
    Whole,
    /// With something left out: this instead.
    InPart(String),
    /// Not at all.
    Absent,
}

/// Puts [`LEFT_OUT`] for whoever acted or was called.
fn hide_staff(value: &mut Value) {
    const ONE: [&str; 5] = ["who", "person", "test", "by_person", "decided_by"];
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match field {
                    Value::String(name) if ONE.contains(&key.as_str()) && name != "callout" => *name = LEFT_OUT.into(),
                    Value::Array(people) if key == "people" => people.iter_mut().for_each(|one| *one = LEFT_OUT.into()),
                    other => hide_staff(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide_staff),
        _ => {}
    }
}
