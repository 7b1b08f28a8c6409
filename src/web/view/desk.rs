//! The contact form and the answer about a place, which the form shows and `/land` gives as JSON.

use super::{Badge, Choice, Field, Problem, problems_of};
use serde::Serialize;

/// `/contacts/new`. POST `/contacts` with `csrf`, `key`, `topic`, `place`, `note`, `danger` (`1` when ticked),
/// `channel`, `caller_name`, `caller_phone`, `caller_email`, `needs`, `promise` (minutes), `vulnerable` (`1`), `same_as` (a
/// contact id, may be empty), `taken_at` (when it waited in a browser: RFC 3339), `started_ms` (milliseconds from the first key to sending; empty without scripts) and `do`: `log`, or `find` to
/// show the form again with [`ContactForm::land`] filled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContactForm {
    /// The idempotency key of this call, new for each empty form, so that a double click logs it once.
    pub key: String,
    /// What it is about: a topic of the list, or own words.
    pub topic: Field,
    /// Where, as typed.
    pub place: Field,
    /// What the crew must know.
    pub note: Field,
    /// Danger to life.
    pub danger: bool,
    /// How it came; empty means `phone`.
    pub channel: Field,
    /// Caller's name.
    pub caller_name: Field,
    /// Caller's number.
    pub caller_phone: Field,
    /// Caller's address.
    pub caller_email: Field,
    /// A language, BSL, text relay.
    pub needs: Field,
    /// By when the caller was promised to hear: minutes, or empty.
    pub promise: Field,
    /// Somebody vulnerable is affected.
    pub vulnerable: bool,
    /// The contact that this one repeats; empty for none.
    pub same_as: String,
    /// The six topics on Alt 1 to Alt 6; frozen for a shift so that hands learn them.
    pub hot: Vec<HotTopic>,
    /// Every topic.
    pub topics: Vec<Topic>,
    /// Choices of `channel`; value = the channel's word.
    pub channels: Vec<Choice>,
    /// Choices of `promise`.
    pub promises: Vec<Choice>,
    /// What the advisor says, before a place is known.
    pub say: Vec<SayLine>,
    /// The answer about the place, when the form was sent with `do=find`.
    pub land: Option<LandReply>,
    /// The call just logged, shown above the empty form for the next one.
    pub logged: Option<Logged>,
    /// The contact that was just withdrawn.
    pub undone: Option<String>,
    /// What happens on logging, in words, e.g. `Counts towards INC-42 and its map`.
    pub effects: Vec<String>,
    /// The advisor's own figures, e.g. `Your last hour: 31 calls, 14 s typical`; may be empty.
    pub mine: String,
    /// West, south, east, north in metres of EPSG:27700, for the map before a place is known.
    pub extent_m: Option<[f64; 4]>,
    /// Something wrong with the whole form, e.g. that the record could not be written.
    pub problem: Option<String>,
}

impl ContactForm {
    /// What is wrong, in the order of the page.
    pub fn problems(&self) -> Vec<Problem> {
        let whole = self.problem.iter().map(|words| Problem { field: "topic", words: words.clone() });
        whole
            .chain(problems_of(&[
                ("topic", &self.topic),
                ("place", &self.place),
                ("note", &self.note),
                ("channel", &self.channel),
                ("caller_name", &self.caller_name),
                ("caller_phone", &self.caller_phone),
                ("caller_email", &self.caller_email),
                ("needs", &self.needs),
            ]))
            .collect()
    }
    /// Whether the caller's part should stand open.
    pub fn caller_given(&self) -> bool {
        [&self.caller_name, &self.caller_phone, &self.caller_email, &self.needs, &self.promise]
            .iter()
            .any(|field| !field.value.is_empty() || field.error.is_some())
            || self.vulnerable
            || self.channel.error.is_some()
            || !matches!(self.channel.value.as_str(), "" | "phone")
    }
}

/// One topic on a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HotTopic {
    /// Short, e.g. `Road flooded`.
    pub label: String,
    /// The topic it fills in.
    pub value: String,
}

/// One topic of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// What is filled in, e.g. `Flooding: road under water`.
    pub value: String,
    /// E.g. `Incident open`; may be empty.
    pub note: String,
    /// Words by which it is found too, e.g. `gully`, `sandbags`.
    pub also: Vec<String>,
}

/// One line to say to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SayLine {
    /// The words, without quotation marks.
    pub words: String,
    /// What to do by the answer, e.g. `If yes: hang up and call 999. Then press Alt X.`; may be empty.
    pub then: String,
}

/// The strip after logging.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Logged {
    /// `C-20418`.
    pub id: String,
    /// The responsible body in words, or who finds out.
    pub body: String,
    /// What it counted towards, in words.
    pub counted: Vec<String>,
    /// The incident it joined: id and page.
    pub incident: Option<Choice>,
}

/// The answer to `/land?q=`: where that is, whose it is, what was reported there.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LandReply {
    /// The place, once the text could be read as one.
    pub place: Option<Place>,
    /// What could not be read, and how to write it instead; may be empty.
    pub problem: String,
    /// Places that begin like this, at most 8.
    pub matches: Vec<PlaceMatch>,
    /// Whose it is; `None` only without a place.
    pub owner: Option<Owner>,
    /// What the advisor says here, about this topic.
    pub say: Vec<SayLine>,
    /// What happens on logging, in words.
    pub effects: Vec<String>,
    /// Reports close by, nearest first, at most 5.
    pub nearby: Vec<NearbyReport>,
    /// How many there are within 100 m.
    pub nearby_total: u32,
}

/// The answer to a script that logs a contact: what became of it, or what is wrong; neither after an undo.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LogAnswer {
    /// The contact as it was logged.
    pub logged: Option<Logged>,
    /// What to mend, in the order of the form.
    pub problems: Vec<Problem>,
}

/// The answer to `/contacts/repeats`: the caller's earlier contacts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RepeatReply {
    /// How many there are among the newest contacts.
    pub total: u32,
    /// The newest of them.
    pub contacts: Vec<RepeatContact>,
}

/// One earlier contact of the same caller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RepeatContact {
    /// `C-1042`.
    pub id: String,
    /// E.g. `Flooding`.
    pub title: String,
    /// E.g. `25 min ago`.
    pub detail: String,
    /// E.g. `promised by 23:10`; may be empty.
    pub promised: String,
    /// The promise was not kept.
    pub late: bool,
}

/// A place as callout understood it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Place {
    /// Which reading it took: `grid reference`, `easting, northing`, `latitude, longitude`.
    pub reading: String,
    /// In words, e.g. `Mill Street, outside number 14`; may be empty.
    pub label: String,
    /// E.g. `SJ 49401 25322`.
    pub grid_ref: String,
    /// Metres, EPSG:27700.
    pub easting_m: f64,
    /// Metres, EPSG:27700.
    pub northing_m: f64,
    /// How uncertain the place is, in metres; 0 for exact.
    pub sigma_m: f64,
}

/// One suggestion while typing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlaceMatch {
    /// What is filled in.
    pub text: String,
    /// E.g. its postcode; may be empty.
    pub note: String,
}

/// Whose it is and who acts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Owner {
    /// The body in words, e.g. `Wexmoor Council, highways`, or `Not known`.
    pub body: String,
    /// How sure, in words: `Inside the boundary`, `3 m from a boundary, check`, `Two owners here`, `No record`.
    pub badge: Badge,
    /// What to ask the caller, where that decides it or makes sure; may be empty.
    pub question: String,
    /// Which rule and layer decided.
    pub why: String,
    /// What to tell the caller.
    pub tell_caller: String,
    /// What to raise, and where.
    pub raise: String,
    /// Its public lines, e.g. `Floodline 0345 988 1188, 24 hours`.
    pub lines: Vec<String>,
    /// Bodies to tell as well.
    pub also: Vec<String>,
}

/// One report close by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NearbyReport {
    /// `C-1042`.
    pub id: String,
    /// The letter of its pin.
    pub letter: String,
    /// E.g. `Road under water`.
    pub title: String,
    /// The topic's tag, for a call that is the same.
    pub topic: String,
    /// Distance, age, callers and state in words: enough to decide, e.g. `24 m away, 18 min ago, 6 callers`.
    pub detail: String,
}
