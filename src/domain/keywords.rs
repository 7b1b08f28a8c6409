//! What a text is about: the first form of topic rules (`config/keywords.toml`).
//!
//! Think of an experienced advisor skimming a message: some phrases say "flooding" at once, some only look like it
//! ("floodlight", "flooded with calls"), and "no flooding here" says the opposite. So each topic has phrases that
//! count (`words`, taken with their simple endings; `exact`, taken as written) and phrases that do not (`not`), looked
//! at first; and a phrase is passed over when it is denied within a few words of the same clause.
//!
//! Deterministic: the same text and rules give the same tags in the same order on every machine. Every tag says which
//! phrase gave it. A report missed costs more than a tag too many, so a denial counts only when it is plain.
//!
//! Not here: how many such contacts are unusual (`detect/`).

mod english;

use super::id::Tag;
use super::problem::{Code, Problem};
use super::reading::{Fields, Item, Reader, char_floor};
use aho_corasick::{AhoCorasick, MatchKind};
use english::{Endings, denied, forms_of, words_of};
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
    compiled: Option<Arc<Compiled>>,
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

struct Compiled {
    automaton: AhoCorasick,
    /// What each pattern of the automaton means.
    meanings: Vec<Meaning>,
}

#[derive(Clone, Copy)]
struct Meaning {
    topic: usize,
    /// The phrase's place in the topic's lists, words first.
    phrase: usize,
    counts: bool,
}

/// Compares the rules as written: what is compiled follows from them.
impl PartialEq for Keywords {
    fn eq(&self, other: &Self) -> bool {
        self.topics == other.topics
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
    /// All slips of the file, with their places.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        Self::read(Reader::new("keywords.toml", text))
    }

    pub(super) fn read(reader: Reader<'_>) -> Result<Self, Vec<Problem>> {
        let mut root = reader.root();
        let mut topics: Vec<Topic> = Vec::new();
        for table in root.tables("topic") {
            let Some((topic, span)) = read_topic(table) else { continue };
            if topics.iter().any(|other| other.tag == topic.tag) {
                reader.problem(Code::T010, span, format!("topic \"{}\" is there twice", topic.tag));
            }
            topics.push(topic);
        }
        root.done();
        let mut topics = reader.finish(Some(topics))?;
        topics.shrink_to_fit();
        let compiled = compile(&topics)?;
        Ok(Self { topics, compiled })
    }

    /// What the text is about: a tag for each topic with a phrase that counts, in file order.
    ///
    /// Reads at most the first [`TEXT_BYTES_MAX`] bytes. Cost: one pass, independent of the number of phrases.
    pub fn classify(&self, text: &str) -> Vec<Found> {
        let Some(compiled) = &self.compiled else { return Vec::new() };
        let words = words_of(&text[..char_floor(text, TEXT_BYTES_MAX)]);
        let (line, starts) = line_of(words.iter().map(|word| word.folded.as_str()));
        let hits: Vec<Hit> = compiled
            .automaton
            .find_overlapping_iter(&line)
            .map(|found| {
                let meaning = compiled.meanings[found.pattern().as_usize()];
                // A pattern starts at the space before its first word, or inside a word when it began with a star.
                let first = starts.partition_point(|start| *start <= found.start() + 1) - 1;
                let last = starts.partition_point(|start| *start < found.end()) - 1;
                Hit { meaning, first, last: last.max(first) }
            })
            // "flooding, lights out" is no floodlight: what does not count must stand in one clause.
            .filter(|hit| hit.meaning.counts || !words[hit.first + 1..=hit.last].iter().any(|word| word.begins_clause))
            .collect();
        let mut candidates: Vec<&Hit> = hits.iter().filter(|hit| hit.meaning.counts).collect();
        candidates.sort_by_key(|hit| (hit.meaning.topic, hit.first, hit.meaning.phrase));
        let mut found: Vec<Found> = Vec::new();
        for (index, topic) in self.topics.iter().enumerate() {
            let counts = |hit: &&&Hit| !excluded(hit, &hits) && !denied(&words, hit.first);
            if let Some(hit) = candidates.iter().filter(|hit| hit.meaning.topic == index).find(counts) {
                let phrase = topic.words.iter().chain(&topic.exact).nth(hit.meaning.phrase).map_or("", String::as_str);
                found.push(Found { tag: topic.tag.clone(), why: format!("\"{phrase}\"") });
            }
        }
        found
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

struct Hit {
    meaning: Meaning,
    first: usize,
    last: usize,
}

/// Whether an exclusion of the same topic covers part of the hit. An exclusion that lies within a longer phrase that
/// counts does not: "flooded with" is no flood, "flooded with water" is.
fn excluded(hit: &Hit, hits: &[Hit]) -> bool {
    hits.iter()
        .filter(|other| other.meaning.topic == hit.meaning.topic && !other.meaning.counts)
        .filter(|other| other.first <= hit.last && hit.first <= other.last)
        .any(|other| {
            let within = hit.first <= other.first && other.last <= hit.last;
            !(within && hit.last - hit.first > other.last - other.first)
        })
}

fn read_topic(mut table: Fields<'_>) -> Option<(Topic, std::ops::Range<usize>)> {
    let tag = table.need_id("tag");
    let title = table.need_text("title");
    let words = table.texts("words");
    let exact = table.texts("exact");
    let not = table.texts("not");
    let reader = table.reader();
    if words.is_empty() && exact.is_empty() {
        reader.problem(Code::T003, table.span(), "a topic needs `words` or `exact`: phrases that count");
    }
    for phrase in words.iter().chain(&exact).chain(&not) {
        let bare = phrase.value.trim_matches('*');
        if words_of(bare).is_empty() {
            reader.problem(Code::K001, phrase.span.clone(), "this phrase has no word that counts, so it never matches");
        } else if phrase.value.contains('*') && (bare.contains('*') || bare.len() < 4) {
            reader.problem_with(
                Code::K001,
                phrase.span.clone(),
                "a star stands at the beginning or the end of a phrase of at least 4 letters",
                Some("e.g. \"inundat*\" or \"*flood\""),
            );
        }
        if words_of(bare).len() == 1 && bare.split_whitespace().count() > 1 {
            reader.problem_with(
                Code::K001,
                phrase.span.clone(),
                "only one word of this phrase counts, so it would match that word anywhere",
                Some("little words (is, a, the, my ...) are passed over; add one that says more"),
            );
        }
        if words_of(bare).len() > 6 {
            reader.problem(Code::K001, phrase.span.clone(), "a phrase has at most 6 words");
        }
    }
    for phrase in &not {
        if words.iter().chain(&exact).any(|other| other.value == phrase.value) {
            reader.problem(Code::K002, phrase.span.clone(), format!("\"{}\" both counts and does not", phrase.value));
        }
    }
    let span = table.span();
    table.done();
    let strings = |items: Vec<Item<String>>| items.into_iter().map(|item| item.value.to_lowercase()).collect();
    let topic = Topic {
        tag: Tag::new(tag?.value),
        title: title?.value,
        words: strings(words),
        exact: strings(exact),
        not: strings(not),
    };
    Some((topic, span))
}

fn compile(topics: &[Topic]) -> Result<Option<Arc<Compiled>>, Vec<Problem>> {
    let mut patterns: Vec<String> = Vec::new();
    let mut meanings = Vec::new();
    for (index, topic) in topics.iter().enumerate() {
        let lists = [
            (&topic.words, Endings::All, true, 0),
            (&topic.exact, Endings::None, true, topic.words.len()),
            (&topic.not, Endings::Regular, false, 0),
        ];
        for (phrases, endings, counts, offset) in lists {
            for (place, phrase) in phrases.iter().enumerate() {
                for pattern in patterns_of(phrase, endings) {
                    patterns.push(pattern);
                    meanings.push(Meaning { topic: index, phrase: place + offset, counts });
                }
            }
        }
    }
    let refuse = |why: String| vec![Problem::of_file("keywords.toml", Code::T006, why)];
    if patterns.len() > PATTERNS_MAX {
        return Err(refuse(format!("the phrases have {} forms; at most {PATTERNS_MAX} fit", patterns.len())));
    }
    if patterns.is_empty() {
        return Ok(None);
    }
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(&patterns)
        .map_err(|error| refuse(format!("the phrases do not compile: {error}")))?;
    Ok(Some(Arc::new(Compiled { automaton, meanings })))
}

/// The forms of a phrase as they stand in a folded line, each with a space on either side unless a star is there.
fn patterns_of(phrase: &str, endings: Endings) -> Vec<String> {
    let (open_left, open_right) = (phrase.starts_with('*'), phrase.ends_with('*'));
    let words = words_of(phrase.trim_matches('*'));
    let mut forms = vec![String::new()];
    for (place, word) in words.iter().enumerate() {
        let last = place + 1 == words.len();
        let whole = !(last && open_right);
        let bent = if whole { forms_of(&word.folded, endings) } else { vec![word.folded.clone()] };
        forms = forms
            .iter()
            .flat_map(|head| {
                bent.iter().map(move |form| if place == 0 { form.clone() } else { format!("{head} {form}") })
            })
            .collect();
    }
    forms
        .into_iter()
        .map(|form| format!("{}{form}{}", if open_left { "" } else { " " }, if open_right { "" } else { " " }))
        .collect()
}

/// The words in one line, a space before, between and after, and where each word starts in it.
fn line_of<'w>(words: impl Iterator<Item = &'w str>) -> (String, Vec<usize>) {
    let mut line = String::from(" ");
    let mut starts = Vec::new();
    for word in words {
        starts.push(line.len());
        line.push_str(word);
        line.push(' ');
    }
    (line, starts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample() -> Keywords {
        Keywords::parse(include_str!("../../config/keywords.toml")).unwrap()
    }

    /// Each line: the expected tags, a bar, the text.
    fn check(rules: &Keywords, lines: &str) {
        let mut wrong = String::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (tags, text) = line.split_once('|').unwrap();
            let found = rules.classify(text);
            let got: Vec<&str> = found.iter().map(|found| found.tag.as_str()).collect();
            let want: Vec<&str> = tags.split_whitespace().collect();
            if got != want {
                let why: Vec<&str> = found.iter().map(|found| found.why.as_str()).collect();
                wrong += &format!("{text}: wanted {want:?}, got {got:?} by {why:?}\n");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }

    #[test]
    fn what_residents_say_in_an_emergency_is_recognised() {
        check(
            &sample(),
            "flooding            | The road's FLOODED outside no 14
             flooding            | water is coming in under my back door!!
             flooding            | the drains are overflowing, and it's up to the kerb
             flooding            | manhole cover lifted and sewage is flooding the garden
             flooding            | do you have any sandbags please
             flooding            | river has burst its banks by the mill
             flooding            | #WexmoorFloods getting worse
             flooding            | Mill Street is a river right now
             flooding            | the drains can\u{2019}t cope
             flooding            | bad floding on Mill Street
             flooding            | gully blocked and the surface water isn\u{2019}t draining away
             storm               | there's a tree down across our drive
             storm               | a huge branch has fallen on my car
             storm               | trees have come down on the B4321
             storm               | roof tiles blown off in the wind
             storm power         | fallen tree has brought down power lines
             snow_ice            | the pavement is sheer ice, someone will break a hip
             snow_ice            | our road has not been gritted
             snow_ice            | heavy snow and I am stuck in it
             power               | we've no electric in the whole street
             power               | power's gone off again
             power               | there has been a power cut since 6
             heat                | my elderly neighbour is dehydrated, it is sweltering in there
             heat                | grass fire on the common
             dangerous_structure | the wall is leaning right over the pavement
             dangerous_structure | scaffolding has collapsed
             dangerous_structure | chunks of masonry are falling off the old mill
             road                | there's been a crash at the roundabout
             road                | diesel spill all over the bypass
             road                | a massive sinkhole has opened in the road",
        );
    }

    #[test]
    fn what_only_looks_like_it_is_passed_over() {
        check(
            &sample(),
            "| we've had a flood of emails about bins
             | your colleagues must be flooded with calls today
             | the floodlights at the pitch are on all night
             | flood light out of order
             | I am in floods of tears
             | memories came flooding back
             | question about flood insurance and the flood risk map
             | the ice cream van parks on the corner
             | snowed under with paperwork
             | my heating is broken
             | who do I ask about power of attorney
             | tree preservation order application
             | can I get a grit bin
             | the wall calendar fell
             | crack of dawn bin collection
             | council tax",
        );
    }

    #[test]
    fn a_plain_denial_is_believed_within_its_clause() {
        check(
            &sample(),
            "| there is no flooding here
             | the road is not flooded
             | it isn't flooded
             | we haven't been flooded
             | no sign of any flooding
             | No flood on arrival
             | not aware of any flooding
             | I can't see any flooding
             | the flooding has now subsided
             flooding | No, the road is flooded
             flooding | not sure who to call but we are flooded
             flooding | no one has come, we are flooded
             flooding | no one has come we are flooded
             flooding | we are no longer coping, it is flooded
             flooding | I can't get out because of the flooding
             flooding | there's no way through the flooded road
             flooding | never seen such flooding
             flooding power | no power and the kitchen is flooded
             flooding | Not raining now. House flooded.",
        );
    }

    #[test]
    fn an_exclusion_takes_only_its_own_words() {
        check(
            &sample(),
            "flooding | the flood light fell in the flooded street
             flooding | flooded with calls about the flooding in Mill Street
             flooding | the cellar is flooded with water
             flooding | flooded with sewage
             flooding power | flooding, lights gone out as well
             flooding | it is flooding our back garden
             flooding | Mill Street is flooding, it is over the kerb now
             flooding | the flood has gone into next door's kitchen
             flooding | the water came flooding in
             flooding | Flooding re: 14 Mill Street",
        );
    }

    #[test]
    fn case_apostrophes_and_white_space_do_not_matter() {
        let rules = sample();
        let plain = rules.classify("there's a tree down");
        assert_eq!(plain, rules.classify("THERE\u{2019}S   a\tTREE\u{a0}down"));
        assert_eq!(plain[0].why, "\"tree down\"");
    }

    #[test]
    fn a_long_or_hostile_text_is_cut_and_never_panics() {
        let rules = sample();
        assert!(rules.classify(&"\u{1f30a}".repeat(50_000)).is_empty());
        assert_eq!(rules.classify(&"flooded with emails ".repeat(1_000)).len(), 0);
        assert_eq!(rules.classify("").len(), 0);
        assert_eq!(Keywords::default().classify("flood").len(), 0);
    }

    #[test]
    fn slips_in_the_rules_are_told_all_at_once() {
        let text = "[[topic]]\ntag = \"Flood!\"\nwords = [\"the\", \"a*b\"]\n[[topic]]\ntag = \"ice\"\ntitle = \"Ice\"\n\
                    words = [\"ice\"]\nnot = [\"ice\"]\nwrods = []\n";
        let told: Vec<String> = Keywords::parse(text)
            .unwrap_err()
            .iter()
            .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.code))
            .collect();
        assert_eq!(told, ["1:1 T003", "2:7 T011", "3:10 K001", "3:17 K001", "8:8 K002", "9:1 T002"]);
    }
}
