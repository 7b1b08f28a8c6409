//! What a text is about: the topic rules of `config/keywords.toml`.
//!
//! Think of an experienced advisor skimming a message: some phrases say "flooding" at once, some only look like it
//! ("floodlight", "flooded with calls"), and "no flooding here" says the opposite. So each topic has phrases that
//! count (`words`, taken with their simple endings; `exact`, taken as written) and phrases that do not (`not`), looked
//! at first; and a phrase is passed over when it is denied within a few words of the same clause.
//!
//! A phrase may have parts: "{tree} + {fall}" is any word of the set `tree` near any of the set `fall`, in either order;
//! "water ... {indoors}" wants them in this order. Misspellings that people really make are put right first
//! (`[spelling]`), and hashtags are taken apart (#TreeDown, #treedown).
//!
//! Deterministic: the same text and rules give the same tags in the same order on every machine. Every tag says which
//! phrase gave it. Every topic has examples that must match and must not; a file whose examples fail is refused. A
//! report missed costs more than a tag too many, so a denial counts only when it is plain.
//!
//! Not here: how many such contacts are unusual (`detect/`).

mod english;
mod matching;
mod phrase;
mod reading;
#[cfg(test)]
mod tests;

use super::id::Tag;
use super::problem::Problem;
use super::reading::Reader;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The most of a text that is read, in bytes: longer than any report, short enough that a pasted book costs nothing.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;

/// The most phrases (after endings are added) in one file.
pub const PATTERNS_MAX: usize = 100_000;

/// Keyword rules, compiled.
#[derive(Clone, Default)]
pub struct Keywords {
    /// The topics, in file order.
    pub topics: Vec<Topic>,
    /// Words that stand for one another in phrases, by the set's name.
    pub sets: BTreeMap<String, Vec<String>>,
    /// The right word of each misspelling.
    pub spelling: BTreeMap<String, String>,
    compiled: Option<Arc<matching::Compiled>>,
}

/// One topic and its phrases, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The tag that it gives.
    pub tag: Tag,
    /// As people say it.
    pub title: String,
    /// Phrases that count, with their simple endings.
    pub words: Vec<String>,
    /// Phrases that count exactly as written.
    pub exact: Vec<String>,
    /// Phrases that look like the topic and are not.
    pub not: Vec<String>,
    /// Texts that must be of this topic.
    pub yes: Vec<String>,
    /// Texts that must not be of this topic.
    pub no: Vec<String>,
}

/// A topic found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The topic's tag.
    pub tag: Tag,
    /// The rule's phrase that was found, e.g. `"water coming in"`. The rule's words, never the caller's, so that it may
    /// be logged.
    pub why: String,
}

/// Compares the rules as written: what is compiled follows from them.
impl PartialEq for Keywords {
    fn eq(&self, other: &Self) -> bool {
        self.topics == other.topics && self.sets == other.sets && self.spelling == other.spelling
    }
}

impl fmt::Debug for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keywords").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Keywords {
    /// Reads the rules of `config/keywords.toml`.
    ///
    /// # Errors
    /// All slips of the file, with their places; examples that fail among them.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        Self::read(Reader::new("keywords.toml", text))
    }

    pub(super) fn read(reader: Reader<'_>) -> Result<Self, Vec<Problem>> {
        reading::read(reader)
    }

    /// What the text is about: a tag for each topic with a phrase that counts, in file order.
    ///
    /// Reads at most the first [`TEXT_BYTES_MAX`] bytes. Cost: one pass, independent of the number of phrases.
    pub fn classify(&self, text: &str) -> Vec<Found> {
        let Some(compiled) = &self.compiled else { return Vec::new() };
        compiled.find(text).into_iter().map(|(topic, why)| Found { tag: self.topics[topic].tag.clone(), why }).collect()
    }

    /// How many phrases there are, those that do not count among them.
    pub fn phrases_n(&self) -> usize {
        self.topics.iter().map(|topic| topic.words.len() + topic.exact.len() + topic.not.len()).sum()
    }

    /// How many examples there are; all of them hold, or the file would have been refused.
    pub fn examples_n(&self) -> usize {
        self.topics.iter().map(|topic| topic.yes.len() + topic.no.len()).sum()
    }

    /// The topics as people say them, in file order: the advisor's list.
    pub fn titles(&self) -> impl Iterator<Item = (&Tag, &str)> {
        self.topics.iter().map(|topic| (&topic.tag, topic.title.as_str()))
    }

    /// The tags that the rules can give.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.topics.iter().map(|topic| &topic.tag)
    }
}
