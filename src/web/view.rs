//! What each page of the console shows, as plain data.
//!
//! Whoever answers a request fills one of these from the published view and hands it to [`crate::web::pages`], which
//! turns it into HTML. Nothing here decides anything: a struct holds words and numbers as they will be read, times
//! already in the council's zone. Optional parts are `Option` or an empty `Vec`; the page leaves their panel out.
//!
//! Not here: how it looks (`console/templates`, `console/scss`), and who may see it (the routes).

mod chart;
mod desk;
mod incident;
mod pages;
mod phone;
mod wall;

pub use chart::{Chart, ChartPoint};
pub use desk::{
    ContactForm, HotTopic, LandReply, LogAnswer, Logged, NearbyReport, Owner, Place, PlaceMatch, RepeatContact,
    RepeatReply, SayLine, Topic,
};
pub use incident::{
    AskForm, Entry, EntryForm, EntryKind, EntryRun, Figure, IncidentPage, IncidentRow, IncidentsPage, MapReport,
    OpenForm, PersonRow, StandDownForm, TaskRow, WarningForm, WarningRow,
};
pub use pages::{
    ErrorPage, HealthLine, LogFilter, LogLine, LogPage, OnCallLine, OutMessage, OutMessageKind, OutboxPage, RotaHolder,
    RotaPage, RotaRow, SignInPage, SignalRow, StartPage,
};
pub use phone::{Fact, MethaneField, PhonePage, PhoneState, PhoneStep};
pub use wall::WallPage;

use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// An instant as a page shows it: local 24-hour text for people, RFC 3339 UTC for `<time datetime>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// RFC 3339, UTC, e.g. `2026-11-22T02:14:09Z`.
    pub iso: String,
    /// As it is read, e.g. `02:14:09`.
    pub text: String,
}

impl Moment {
    fn with(at: Timestamp, zone: &TimeZone, form: &str) -> Self {
        Self { iso: at.to_string(), text: at.to_zoned(zone.clone()).strftime(form).to_string() }
    }
    /// `02:14`: on a page that names its zone once.
    pub fn clock(at: Timestamp, zone: &TimeZone) -> Self {
        Self::with(at, zone, "%H:%M")
    }
    /// `02:14:09`: on a page that names its zone once.
    pub fn second(at: Timestamp, zone: &TimeZone) -> Self {
        Self::with(at, zone, "%H:%M:%S")
    }
    /// `Sun 22 Nov 02:14`.
    pub fn day(at: Timestamp, zone: &TimeZone) -> Self {
        Self::with(at, zone, "%a %-d %b %H:%M")
    }
    /// `22 Nov 2026 02:14:09 GMT`: stands alone.
    pub fn full(at: Timestamp, zone: &TimeZone) -> Self {
        Self::with(at, zone, "%-d %b %Y %H:%M:%S %Z")
    }
    /// The short name of the zone at that instant, e.g. `GMT` or `BST`.
    pub fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
        at.to_zoned(zone.clone()).strftime("%Z").to_string()
    }
}

/// How a word or figure is coloured. Colour never says anything that the words do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Action is needed now.
    Bad,
    /// Watch it.
    Warn,
    /// As wanted.
    Ok,
    /// At rest.
    #[default]
    Grey,
}

impl Tone {
    /// The ending of its CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Ok => "ok",
            Self::Grey => "grey",
        }
    }
}

/// A state in words, in capitals by style only: `Acknowledged`, `No reply 3 min`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Badge {
    /// Colour.
    pub tone: Tone,
    /// Words.
    pub word: String,
}

impl Badge {
    /// A badge.
    pub fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self { tone, word: word.into() }
    }
}

/// One input of a form: what was typed (kept when the form comes back) and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// As typed.
    pub value: String,
    /// What is wrong and how to mend it, e.g. `Say why, in a few words`.
    pub error: Option<String>,
}

impl Field {
    /// A field with this in it and nothing wrong.
    pub fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }
    /// The same field with what is wrong with it.
    pub fn wrong(value: impl Into<String>, error: impl Into<String>) -> Self {
        Self { value: value.into(), error: Some(error.into()) }
    }
    /// What is wrong, or nothing.
    pub fn problem(&self) -> &str {
        self.error.as_deref().unwrap_or("")
    }
}

/// One line of the error summary: a link to the field, and the words at the field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The id of the field.
    pub field: &'static str,
    /// What is wrong.
    pub words: String,
}

/// The problems among these fields, in the order of the page.
pub(crate) fn problems_of(fields: &[(&'static str, &Field)]) -> Vec<Problem> {
    fields
        .iter()
        .filter_map(|(field, value)| value.error.as_ref().map(|words| Problem { field, words: words.clone() }))
        .collect()
}

/// One choice of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Choice {
    /// What is posted.
    pub value: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    /// A choice.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// Light or night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device is set.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Night.
    Night,
}

impl Theme {
    /// The word of the `theme` cookie and of `data-theme`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Night => "night",
        }
    }
    /// From the `theme` cookie; anything unknown is `Auto`.
    pub fn parse(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "night" => Self::Night,
            _ => Self::Auto,
        }
    }
    /// For a phone in the hand of somebody just woken: night from 22:00 to 06:59 unless they chose otherwise.
    /// `hour` is the local hour, 0..=23.
    pub fn for_phone(self, hour: i8) -> Self {
        match self {
            Self::Auto if !(7..22).contains(&hour) => Self::Night,
            chosen => chosen,
        }
    }
}

/// What stands around every console page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chrome {
    /// The council's name, e.g. `Wexmoor Council`.
    pub council: String,
    /// The daemon's clock, to the second; a script lets it tick.
    pub now: Moment,
    /// The zone of every time on the page, e.g. `GMT`.
    pub zone: String,
    /// How many seconds of the daemon's clock pass in one real second: 1, or 60 in the demo.
    pub speed: u32,
    /// The sentence of the thin bar of a demo, beginning `DEMO: `; `None` when this is no demo.
    pub demo: Option<String>,
    /// The sentence of the EXERCISE bar; `None` when this is real.
    pub exercise: Option<String>,
    /// Who is signed in.
    pub user: Option<String>,
    /// The token that every POST form carries as `csrf`.
    pub csrf: String,
    /// Light or night.
    pub theme: Theme,
    /// The most pressing open incident, shown under the bar of every page but its own room.
    pub strip: Option<Strip>,
    /// Something wrong with callout itself, in words, on every page: a dead feed, a disk that is full.
    pub trouble: Vec<String>,
}

impl Default for Moment {
    fn default() -> Self {
        Self { iso: "1970-01-01T00:00:00Z".into(), text: "00:00:00".into() }
    }
}

/// The strip under the bar: one open incident in a line and a number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Strip {
    /// `INC-42`.
    pub id: String,
    /// Its page.
    pub href: String,
    /// Its state.
    pub badge: Badge,
    /// Its name.
    pub title: String,
    /// One sentence: playbook, officer, since when.
    pub meta: String,
    /// E.g. `23 in 5 min`; may be empty.
    pub number: String,
    /// E.g. `usual for Sunday 02:00: 0 to 4`; may be empty.
    pub usual: String,
    /// The last hours, drawn small.
    pub chart: Option<Chart>,
}

/// Which entry of the bar is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `/`
    Start,
    /// `/contacts/new`
    Contact,
    /// `/incidents`
    Incidents,
    /// `/rota`
    OnCall,
    /// `/log`
    Log,
    /// `/outbox`
    Outbox,
    /// None of them.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_in_local_time_and_carries_utc() {
        let at: Timestamp = "2026-07-04T23:05:09Z".parse().expect("an instant");
        let zone = TimeZone::get("Europe/London").expect("bundled");
        assert_eq!(Moment::full(at, &zone).text, "5 Jul 2026 00:05:09 BST");
        assert_eq!(Moment::day(at, &zone).text, "Sun 5 Jul 00:05");
        assert_eq!(Moment::second(at, &zone), Moment { iso: "2026-07-04T23:05:09Z".into(), text: "00:05:09".into() });
        assert_eq!(Moment::zone_name(at, &zone), "BST");
    }

    #[test]
    fn a_phone_opened_at_three_in_the_morning_is_dark_unless_its_owner_chose_light() {
        assert_eq!(Theme::Auto.for_phone(3), Theme::Night);
        assert_eq!(Theme::Auto.for_phone(7), Theme::Auto);
        assert_eq!(Theme::Auto.for_phone(22), Theme::Night);
        assert_eq!(Theme::Light.for_phone(3), Theme::Light);
    }
}
