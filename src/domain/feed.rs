//! The feeds that a council expects to hear from, and how long each may be silent: `[[intake.feed]]` of the settings.

use super::problem::{Code, Problem};
use super::reading::{Fields, duration_text};
use super::settings::quoted;
use super::time::SignedDuration;
use serde::{Deserialize, Serialize};

/// Feeds at most.
pub const FEEDS_MAX: usize = 64;

/// One feed: a system that sends contacts or queue counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// As it is called in pages and warnings, e.g. `telephony`.
    pub name: String,
    /// The `source` of what it sends.
    pub source: String,
    /// It is silent when nothing has come for so long.
    pub heartbeat: SignedDuration,
    /// Only core hours count.
    pub core_only: bool,
}

const HOURS: &[(&str, bool)] = &[("always", false), ("core", true)];

impl Feed {
    /// The shortest and longest heartbeat.
    pub const HEARTBEAT: std::ops::RangeInclusive<SignedDuration> =
        SignedDuration::from_mins(1)..=SignedDuration::from_hours(7 * 24);

    /// Reads the feeds of `[intake]`; slips are noted.
    pub fn read_all(intake: &mut Fields<'_>) -> Vec<Self> {
        let mut feeds: Vec<Self> = Vec::new();
        for mut table in intake.tables("feed") {
            let name = table.need_id("name");
            let source = table.id("source");
            let heartbeat = table.duration("heartbeat", Self::HEARTBEAT);
            if heartbeat.is_none() && !table.has("heartbeat") {
                let help = Some("how long it may be silent, e.g. heartbeat = \"15m\"");
                table.reader().problem_with(Code::T003, table.span(), "`heartbeat` is missing", help);
            }
            let core_only = table.choice("hours", HOURS).is_some_and(|item| item.value);
            let span = table.span();
            let reader = table.reader();
            table.done();
            let (Some(name), Some(heartbeat)) = (name, heartbeat) else { continue };
            if feeds.iter().any(|feed| feed.name == name.value) {
                reader.problem(Code::T010, name.span, format!("the feed \"{}\" is there twice", name.value));
                continue;
            }
            if feeds.len() >= FEEDS_MAX {
                reader.problem(Code::T006, span, format!("there are at most {FEEDS_MAX} feeds"));
                break;
            }
            let source = source.map_or_else(|| name.value.clone(), |item| item.value);
            feeds.push(Self { name: name.value, source, heartbeat: heartbeat.value, core_only });
        }
        feeds
    }

    /// As TOML, for the log.
    pub fn toml(&self) -> String {
        format!(
            "[[intake.feed]]\nname = {}\nsource = {}\nheartbeat = \"{}\"\nhours = \"{}\"\n",
            quoted(&self.name),
            quoted(&self.source),
            duration_text(self.heartbeat),
            if self.core_only { "core" } else { "always" },
        )
    }
}

/// All slips of a text that holds feeds alone; for tests and tools.
///
/// # Errors
/// The slips, with their places.
pub fn parse(text: &str) -> Result<Vec<Feed>, Vec<Problem>> {
    let reader = super::reading::Reader::new("feeds", text);
    let mut root = reader.root();
    let mut intake = root.table_or_empty("intake");
    let feeds = Feed::read_all(&mut intake);
    intake.done();
    root.done();
    reader.finish(Some(feeds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_feed_reads_back_as_it_was_written_and_its_slips_are_told() {
        let text = "[[intake.feed]]\nname = \"telephony\"\nsource = \"acd\"\nheartbeat = \"15m\"\nhours = \"core\"\n";
        let feeds = parse(text).unwrap();
        assert_eq!(feeds[0].toml(), text);
        let told: Vec<String> = parse(&format!("{text}{text}[[intake.feed]]\nname = \"x\"\nheartbaet = \"1h\"\n"))
            .unwrap_err()
            .iter()
            .map(|problem| format!("{} {}", problem.code, problem.message))
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().any(|told| told.contains("is there twice")), "{told:?}");
        assert!(told.iter().any(|told| told.contains("`heartbeat` is missing")), "{told:?}");
    }
}
