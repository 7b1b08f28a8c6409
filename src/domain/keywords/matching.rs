//! The search: one pass over the text for every word of every phrase at once, then the few phrases whose words are there
//! are looked at more closely: near enough, not excluded, not denied.

use super::english::{Endings, Word, denied, words_of};
use super::phrase::{apart, patterns_of, texts_of};
use super::{Keywords, PATTERNS_MAX, TEXT_BYTES_MAX};
use crate::domain::reading::char_floor;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::{BTreeMap, BTreeSet};

/// Words that may stand between two parts of a phrase, little ones not counted.
const GAP_MAX: usize = 5;
/// Places of one part that are looked at in one text.
const PLACES_MAX: usize = 200;
/// Ways to lay the parts of one phrase that are looked at in one text.
const LAID_MAX: usize = 100;

/// First and last word of something found.
type Span = (usize, usize);

/// The rules, ready for the search.
pub(super) struct Compiled {
    automaton: AhoCorasick,
    /// The parts that each pattern of the automaton belongs to.
    parts_of: Vec<Vec<usize>>,
    rules: Vec<Rule>,
    /// The rules that begin with each part.
    begin: Vec<Vec<usize>>,
    /// Every word of a phrase, to take hashtags apart.
    vocabulary: BTreeSet<String>,
    spelling: BTreeMap<String, Vec<String>>,
}

struct Rule {
    topic: usize,
    /// As written.
    phrase: String,
    counts: bool,
    ordered: bool,
    parts: Vec<usize>,
}

struct Hit<'r> {
    rule: &'r Rule,
    spans: Vec<Span>,
}

/// Compiles the rules; `None` where there are none.
///
/// # Errors
/// Too many forms of phrases, in words. Slips of single phrases are passed over: they are told where they are read.
pub(super) fn compile(keywords: &Keywords) -> Result<Option<Compiled>, String> {
    let mut parts: BTreeMap<(String, Endings), usize> = BTreeMap::new();
    let mut patterns: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut rules: Vec<Rule> = Vec::new();
    let mut vocabulary = BTreeSet::new();
    for (topic, rule) in keywords.topics.iter().enumerate() {
        let lists = [
            (&rule.words, Endings::All, true),
            (&rule.exact, Endings::None, true),
            (&rule.not, Endings::Regular, false),
        ];
        for (phrases, endings, counts) in lists {
            for phrase in phrases {
                let Ok(laid) = apart(phrase) else { continue };
                let mut numbers = Vec::new();
                for part in &laid.parts {
                    let next = parts.len();
                    let number = *parts.entry(((*part).to_owned(), endings)).or_insert(next);
                    numbers.push(number);
                    if number < next {
                        continue;
                    }
                    for pattern in texts_of(part, &keywords.sets)
                        .unwrap_or_default()
                        .iter()
                        .flat_map(|text| patterns_of(text, endings))
                    {
                        vocabulary.extend(pattern.split_whitespace().filter(|word| word.len() >= 3).map(str::to_owned));
                        patterns.entry(pattern).or_default().push(number);
                    }
                }
                rules.push(Rule { topic, phrase: phrase.clone(), counts, ordered: laid.ordered, parts: numbers });
            }
        }
    }
    if patterns.len() > PATTERNS_MAX {
        return Err(format!("the phrases have {} forms; at most {PATTERNS_MAX} fit", patterns.len()));
    }
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut begin = vec![Vec::new(); parts.len()];
    for (number, rule) in rules.iter().enumerate() {
        begin[rule.parts[0]].push(number);
    }
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(patterns.keys())
        .map_err(|error| format!("the phrases do not compile: {error}"))?;
    let fold = |text: &str| words_of(text).into_iter().map(|word| word.folded).collect::<Vec<String>>();
    let spelling = keywords.spelling.iter().map(|(wrong, right)| (fold(wrong).concat(), fold(right))).collect();
    Ok(Some(Compiled { automaton, parts_of: patterns.into_values().collect(), rules, begin, vocabulary, spelling }))
}

impl Compiled {
    /// The topics of a text by their place in the file, each with the phrase that says so, in quotes.
    pub(super) fn find(&self, text: &str) -> Vec<(usize, String)> {
        let words = self.mended(words_of(&text[..char_floor(text, TEXT_BYTES_MAX)]));
        let (line, starts) = line_of(words.iter().map(|word| word.folded.as_str()));
        let mut places: BTreeMap<usize, Vec<Span>> = BTreeMap::new();
        for found in self.automaton.find_overlapping_iter(&line) {
            // A pattern starts at the space before its first word, or inside a word when it began with a star.
            let first = starts.partition_point(|start| *start <= found.start() + 1) - 1;
            let last = starts.partition_point(|start| *start < found.end()) - 1;
            for part in &self.parts_of[found.pattern().as_usize()] {
                let spans = places.entry(*part).or_default();
                if spans.len() < PLACES_MAX && spans.last() != Some(&(first, last.max(first))) {
                    spans.push((first, last.max(first)));
                }
            }
        }
        if places.is_empty() {
            return Vec::new();
        }
        let hits: Vec<Hit<'_>> = places
            .keys()
            .flat_map(|part| &self.begin[*part])
            .map(|number| &self.rules[*number])
            .filter(|rule| rule.parts.iter().all(|part| places.contains_key(part)))
            .flat_map(|rule| lay(rule, &places, &words).into_iter().map(move |spans| Hit { rule, spans }))
            // "flooding, lights out" is no floodlight: what does not count must stand in one clause.
            .filter(|hit| {
                let whole = |span: &Span| !words[span.0 + 1..=span.1].iter().any(|word| word.begins_clause);
                hit.rule.counts || hit.spans.iter().all(whole)
            })
            .collect();
        let mut found: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        for hit in hits.iter().filter(|hit| hit.rule.counts) {
            let first = hit.spans.iter().map(|span| span.0).min().unwrap_or(0);
            // The earliest hit of a topic is the one that is told; of those that begin together, the first found.
            if found.get(&hit.rule.topic).is_some_and(|known| known.0 <= first) {
                continue;
            }
            if !excluded(hit, &hits) && !hit.spans.iter().any(|span| denied(&words, span.0)) {
                found.insert(hit.rule.topic, (first, &hit.rule.phrase));
            }
        }
        found.into_iter().map(|(topic, (_, phrase))| (topic, format!("\"{phrase}\""))).collect()
    }

    /// The words with misspellings put right and hashtags taken apart.
    fn mended(&self, words: Vec<Word>) -> Vec<Word> {
        let known = |word: &Word| !self.spelling.contains_key(&word.folded) && !word.hashtag;
        if words.iter().all(known) {
            return words;
        }
        let mut mended = Vec::with_capacity(words.len());
        for word in words {
            let pieces = match self.spelling.get(&word.folded) {
                Some(right) => right.clone(),
                None if word.hashtag => self.pieces(&word.folded),
                None => vec![word.folded],
            };
            for (place, folded) in pieces.into_iter().enumerate() {
                let first = place == 0;
                let begins_clause = first && word.begins_clause;
                let begins_sentence = first && word.begins_sentence;
                mended.push(Word { folded, begins_clause, begins_sentence, hashtag: word.hashtag });
            }
        }
        mended
    }

    /// A hashtag in small letters taken apart where two known words meet: "treedown" is "tree down".
    fn pieces(&self, folded: &str) -> Vec<String> {
        if !self.vocabulary.contains(folded) {
            for (at, _) in folded.char_indices().skip(3) {
                let (left, right) = folded.split_at(at);
                if self.vocabulary.contains(left) && self.vocabulary.contains(right) {
                    return vec![left.to_owned(), right.to_owned()];
                }
            }
        }
        vec![folded.to_owned()]
    }
}

/// Every way to lay a rule's parts on the text: near enough to each other, in one sentence, none on another, in order
/// where the rule says so.
fn lay(rule: &Rule, places: &BTreeMap<usize, Vec<Span>>, words: &[Word]) -> Vec<Vec<Span>> {
    let mut laid: Vec<Vec<Span>> = places[&rule.parts[0]].iter().map(|span| vec![*span]).collect();
    for part in &rule.parts[1..] {
        let mut longer = Vec::new();
        for spans in &laid {
            for span in &places[part] {
                if longer.len() < LAID_MAX && fits(spans, *span, rule.ordered, words) {
                    longer.push(spans.iter().copied().chain([*span]).collect());
                }
            }
        }
        laid = longer;
    }
    laid
}

fn fits(spans: &[Span], span: Span, ordered: bool, words: &[Word]) -> bool {
    let first = spans.iter().map(|span| span.0).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.1).max().unwrap_or(0);
    let (low, high) = if span.0 > last {
        (last, span.0)
    } else if span.1 < first && !ordered {
        (span.1, first)
    } else {
        return false;
    };
    high - low - 1 <= GAP_MAX && !words[low + 1..=high].iter().any(|word| word.begins_sentence)
}

/// Whether an exclusion of the same topic covers part of the hit. An exclusion that lies within a longer phrase that
/// counts does not: "flooded with" is no flood, "flooded with water" is.
fn excluded(hit: &Hit<'_>, hits: &[Hit<'_>]) -> bool {
    let against = hits.iter().filter(|other| other.rule.topic == hit.rule.topic && !other.rule.counts);
    against.flat_map(|other| &other.spans).any(|other| {
        hit.spans.iter().any(|span| {
            let touches = other.0 <= span.1 && span.0 <= other.1;
            let within = span.0 <= other.0 && other.1 <= span.1 && span.1 - span.0 > other.1 - other.0;
            touches && !within
        })
    })
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
