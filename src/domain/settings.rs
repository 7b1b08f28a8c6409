//! Settings: a field, its default, its range, its words; written down once.
//!
//! The `settings!` macro makes of one list the struct, its default, its reader and its page in
//! `config/callout.toml`, so the four cannot disagree. The sections that the core decides by are here; they go into the
//! log with every value written out, so that a later change of a default does not change what happened. The sections of
//! the shell are in `config.rs`, by the same macro.

use super::feed::Feed;
use super::problem::{Code, Problem};
use super::reading::{Fields, Reader, duration_text};
use super::time::SignedDuration;
use jiff::tz::TimeZone;
use std::ops::RangeInclusive;

/// A kind of value that a setting may have.
pub trait Setting: Sized {
    /// What bounds it.
    type Range;
    /// The value of `key`, if it is there and good; slips are noted.
    fn read(fields: &mut Fields<'_>, key: &'static str, range: &Self::Range) -> Option<Self>;
    /// As written in TOML; `None` where it is not set.
    fn toml(&self) -> Option<String>;
    /// The range in words, for the page; `None` where there is nothing to say.
    fn range_words(range: &Self::Range) -> Option<String>;
}

impl Setting for SignedDuration {
    type Range = RangeInclusive<Self>;
    fn read(fields: &mut Fields<'_>, key: &'static str, range: &Self::Range) -> Option<Self> {
        fields.duration(key, range.clone()).map(|item| item.value)
    }
    fn toml(&self) -> Option<String> {
        Some(format!("\"{}\"", duration_text(*self)))
    }
    fn range_words(range: &Self::Range) -> Option<String> {
        Some(format!("from {} to {}", duration_text(*range.start()), duration_text(*range.end())))
    }
}

macro_rules! whole_number {
    ($($kind:ty),*) => {$(
        impl Setting for $kind {
            type Range = RangeInclusive<$kind>;
            fn read(fields: &mut Fields<'_>, key: &'static str, range: &Self::Range) -> Option<Self> {
                let bound = |number: $kind| i64::try_from(number).unwrap_or(i64::MAX);
                let item = fields.integer(key, bound(*range.start())..=bound(*range.end()))?;
                <$kind>::try_from(item.value).ok()
            }
            fn toml(&self) -> Option<String> {
                Some(self.to_string())
            }
            fn range_words(range: &Self::Range) -> Option<String> {
                Some(format!("from {} to {}", range.start(), range.end()))
            }
        }
    )*};
}
whole_number!(u32, usize);

impl Setting for bool {
    type Range = ();
    fn read(fields: &mut Fields<'_>, key: &'static str, (): &()) -> Option<Self> {
        fields.flag(key).map(|item| item.value)
    }
    fn toml(&self) -> Option<String> {
        Some(self.to_string())
    }
    fn range_words((): &()) -> Option<String> {
        None
    }
}

/// The range is the number of characters.
impl Setting for String {
    type Range = RangeInclusive<usize>;
    fn read(fields: &mut Fields<'_>, key: &'static str, range: &Self::Range) -> Option<Self> {
        let item = fields.text(key)?;
        if range.contains(&item.value.chars().count()) {
            return Some(item.value);
        }
        let message = format!("`{key}` should have {} to {} characters", range.start(), range.end());
        fields.reader().problem(Code::C005, item.span, message);
        None
    }
    fn toml(&self) -> Option<String> {
        Some(quoted(self))
    }
    fn range_words(range: &Self::Range) -> Option<String> {
        Some(format!("at most {} characters", range.end()))
    }
}

/// A setting that need not be set.
impl<T: Setting> Setting for Option<T> {
    type Range = T::Range;
    fn read(fields: &mut Fields<'_>, key: &'static str, range: &Self::Range) -> Option<Self> {
        fields.has(key).then(|| T::read(fields, key, range))
    }
    fn toml(&self) -> Option<String> {
        self.as_ref().and_then(T::toml)
    }
    fn range_words(range: &Self::Range) -> Option<String> {
        T::range_words(range)
    }
}

/// A text as TOML has it.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Makes a section of the settings; see the module.
macro_rules! settings {
    ($($(#[doc = $about:literal])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])* $field:ident: $kind:ty = $default:expr, $range:expr;)*
    })*) => {$(
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name { $($(#[doc = $doc])* pub $field: $kind,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// Reads the section; what is missing or wrong takes its default, and what is wrong is noted.
            pub fn read(mut fields: $crate::domain::reading::Fields<'_>) -> Self {
                let default = Self::default();
                let section = Self {
                    $($field: <$kind as $crate::domain::settings::Setting>::read(&mut fields, stringify!($field), &$range)
                        .unwrap_or(default.$field),)*
                };
                fields.done();
                section
            }

            /// The section with a comment on each field, and its header; a field that is not set stands commented out.
            pub fn page(&self, header: &str) -> String {
                let mut page = String::new();
                for line in [$($about,)*] as [&str; _] {
                    page += &format!("#{line}\n");
                }
                page += &format!("[{header}]\n");
                $(
                    for line in [$($doc,)*] as [&str; _] {
                        page += &format!("#{line}\n");
                    }
                    if let Some(words) = <$kind as $crate::domain::settings::Setting>::range_words(&$range) {
                        page += &format!("# Range: {words}.\n");
                    }
                    match $crate::domain::settings::Setting::toml(&self.$field) {
                        Some(value) => page += &format!("{} = {value}\n", stringify!($field)),
                        None => page += &format!("# {} = \n", stringify!($field)),
                    }
                )*
                page
            }

            /// The section with every value and no comment, for the log.
            pub fn bare(&self, header: &str) -> String {
                let mut text = format!("[{header}]\n");
                $(if let Some(value) = $crate::domain::settings::Setting::toml(&self.$field) {
                    text += &format!("{} = {value}\n", stringify!($field));
                })*
                text
            }
        }
    )*};
}

pub(crate) use settings;

const fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

const fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

const fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// The shortest wait of paging: for trials.
pub const TRIAL: SignedDuration = SignedDuration::from_secs(5);

settings! {
    /// The council.
    pub struct Council {
        /// The council's name, as people say it.
        name: String = "Wexmoor Council".to_owned(), 1..=80;
        /// The name at the start of each text message, in capitals and plain letters.
        short_name: String = "WEXMOOR".to_owned(), 1..=16;
        /// The zone of rotas, core hours and all times on screen.
        zone: String = "Europe/London".to_owned(), 1..=64;
    }

    /// Detection: the floor rules that hold where a playbook gives no figures of its own, and the learnt detectors.
    pub struct Detect {
        /// So many contacts on a topic are a surge...
        surge_reports: u32 = 5, 2..=10_000;
        /// ...within so long.
        surge_within: SignedDuration = minutes(60), minutes(1)..=hours(24);
        /// So many contacts on a topic close together are a cluster...
        cluster_reports: u32 = 3, 2..=1_000;
        /// ...within so many metres of one of them...
        cluster_metres: u32 = 1_000, 10..=50_000;
        /// ...within so long.
        cluster_within: SignedDuration = minutes(60), minutes(1)..=hours(24);
        /// A raised signal stays raised for at least so long.
        signal_hold: SignedDuration = minutes(10), minutes(1)..=hours(24);
        /// What is usual for the hour is learnt, stream by stream. So many false pages a year the team can bear from
        /// that, over all streams together (one a stream at most)...
        surge_false_pages: u32 = 12, 1..=1_000;
        /// ...and for so long a new stream is on trial: what it would have paged is recorded, and told to the role `lead`.
        surge_trial: SignedDuration = days(14), days(7)..=days(365);
        /// What is usual in each place is learnt, topic by topic. So many false pages a year the team can bear from the
        /// clusters of one topic.
        cluster_false_pages: u32 = 2, 1..=100;
        /// Of a hundred calls offered to a queue so many should be answered...
        service_connected: u32 = 90, 1..=100;
        /// ...and those that are should have waited no longer than this on the average...
        service_wait: SignedDuration = SignedDuration::from_secs(45), SignedDuration::from_secs(1)..=hours(1);
        /// ...over at least so many offered calls of the last hour; of fewer nothing is said.
        service_gate: u32 = 30, 1..=10_000;
        /// A telephony queue that was heard of once is silent when nothing has come for so long of core hours.
        queue_heartbeat: SignedDuration = minutes(30), minutes(1)..=days(7);
        /// After stand-down the same topic opens no new incident for so long.
        cool_down: SignedDuration = minutes(30), minutes(0)..=hours(24);
        /// So many contacts are remembered, so that one sent again is counted once.
        keys_max: usize = 1_000_000, 1_000..=50_000_000;
    }

    /// Paging: how long callout waits before it goes on. How long a level of the ladder has is in the rota. Less than a
    /// minute is for trials of the way to the servers: nobody can wake up and answer in that time.
    pub struct Paging {
        /// A text without a delivery receipt after this goes on to the person's next channel.
        receipt_deadline: SignedDuration = minutes(2), TRIAL..=minutes(30);
        /// The same person is paged again after this, while nobody has it.
        repeat_after: SignedDuration = minutes(2), TRIAL..=minutes(30);
        /// An acknowledgement without any progress expires, and paging begins again (severities 1 and 2).
        acknowledgement_expires: SignedDuration = minutes(30), minutes(5)..=hours(24);
        /// Everybody is paged again after this, once the ladder is exhausted.
        widen_every: SignedDuration = minutes(10), TRIAL..=hours(2);
    }
}

/// The settings that the core decides by: the text of the `Settings` document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deciding {
    /// `[council]`.
    pub council: Council,
    /// `[detect]`.
    pub detect: Detect,
    /// `[paging]`.
    pub paging: Paging,
    /// `[[intake.feed]]`.
    pub feeds: Vec<Feed>,
}

impl Deciding {
    /// Every value written out, for the log.
    pub fn text(&self) -> String {
        let sections = [self.council.bare("council"), self.detect.bare("detect"), self.paging.bare("paging")];
        sections.into_iter().chain(self.feeds.iter().map(Feed::toml)).collect::<Vec<_>>().join("\n")
    }

    /// Reads what [`Deciding::text`] wrote, from the log.
    ///
    /// # Errors
    /// All slips, with their places.
    pub fn parse_recorded(text: &str) -> Result<Self, Vec<Problem>> {
        let reader = Reader::recorded("settings", text);
        let mut root = reader.root();
        let mut intake = root.table_or_empty("intake");
        let settings = Self {
            council: Council::read(root.table_or_empty("council")),
            detect: Detect::read(root.table_or_empty("detect")),
            paging: Paging::read(root.table_or_empty("paging")),
            feeds: Feed::read_all(&mut intake),
        };
        intake.done();
        root.done();
        reader.finish(Some(settings))
    }

    /// The council's zone, if it exists.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.council.zone).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_come_back_from_the_log_as_they_were() {
        let mut settings = Deciding::default();
        settings.council.name = "The \"Old\" Council".to_owned();
        settings.paging.widen_every = SignedDuration::from_secs(90);
        let (name, source) = ("telephony".to_owned(), "acd".to_owned());
        settings.feeds.push(Feed { name, source, heartbeat: SignedDuration::from_mins(15), core_only: true });
        assert_eq!(Deciding::parse_recorded(&settings.text()).unwrap(), settings);
    }

    #[test]
    fn a_page_explains_each_setting() {
        let page = Paging::default().page("paging");
        assert!(page.contains("# Range: from 5s to 30m.\nreceipt_deadline = \"2m\"\n"), "{page}");
    }
}
