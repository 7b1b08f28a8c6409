//! Reads `config/keywords.toml`: sets, spelling, topics; tells every slip with its place, and tries every example.

use super::phrase::{apart, slip_of, texts_of};
use super::{Keywords, Topic, matching};
use crate::domain::id::Tag;
use crate::domain::problem::{Code, Problem};
use crate::domain::reading::{Fields, Item, Reader, is_id};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use toml::de::DeValue;

/// A topic with what is needed to tell slips that only show when all is read.
struct Read {
    topic: Topic,
    span: Range<usize>,
    yes: Vec<Item<String>>,
    no: Vec<Item<String>>,
}

/// Reads the rules.
///
/// # Errors
/// All slips.
pub(super) fn read(reader: Reader<'_>) -> Result<Keywords, Vec<Problem>> {
    let mut root = reader.root();
    let sets: BTreeMap<String, Vec<String>> = lists(root.table_or_empty("set"), &reader)
        .into_iter()
        .map(|(name, words)| {
            for word in &words {
                if let Some(slip) = slip_of(&word.value, false) {
                    reader.problem_with(Code::K001, word.span.clone(), slip.0, slip.1);
                }
            }
            (name.value, lower(words))
        })
        .collect();
    let mut spelling = BTreeMap::new();
    for (right, wrong) in lists(root.table_or_empty("spelling"), &reader) {
        spelling.extend(lower(wrong).into_iter().map(|wrong| (wrong, right.value.clone())));
    }
    let mut read: Vec<Read> = Vec::new();
    for table in root.tables("topic") {
        let Some(one) = read_topic(table, &sets) else { continue };
        if read.iter().any(|other| other.topic.tag == one.topic.tag) {
            reader.problem(Code::T010, one.span.clone(), format!("topic \"{}\" is there twice", one.topic.tag));
        }
        read.push(one);
    }
    root.done();
    let topics: Vec<Topic> = read.iter().map(|one| one.topic.clone()).collect();
    let mut keywords = Keywords { topics, sets, spelling, compiled: None };
    match matching::compile(&keywords) {
        Ok(compiled) => keywords.compiled = compiled.map(Arc::new),
        Err(why) => reader.problem(Code::T006, 0..0, why),
    }
    for (index, one) in read.iter().enumerate() {
        try_examples(&keywords, index, one, &reader);
    }
    reader.finish(Some(keywords))
}

/// The examples of a topic: each is read as any text is.
fn try_examples(keywords: &Keywords, index: usize, one: &Read, reader: &Reader<'_>) {
    let Some(compiled) = &keywords.compiled else { return };
    let found = |text: &str| compiled.find(text).into_iter().find(|(topic, _)| *topic == index).map(|(_, why)| why);
    for example in &one.yes {
        if found(&example.value).is_none() {
            let message = format!("this text should be \"{}\", and no phrase finds it", one.topic.tag);
            let help =
                Some("add a phrase that counts, or look whether a phrase of `not` or a denial stands against it");
            reader.problem_with(Code::K003, example.span.clone(), message, help);
        }
    }
    for example in &one.no {
        if let Some(why) = found(&example.value) {
            let message = format!("this text should not be \"{}\", and the phrase {why} finds it", one.topic.tag);
            let help = Some("make that phrase say more, or add one to `not`");
            reader.problem_with(Code::K003, example.span.clone(), message, help);
        }
    }
}

fn read_topic(mut table: Fields<'_>, sets: &BTreeMap<String, Vec<String>>) -> Option<Read> {
    let tag = table.need_id("tag");
    let title = table.need_text("title");
    let words = table.texts("words");
    let exact = table.texts("exact");
    let not = table.texts("not");
    let (yes, no) = (table.texts("yes"), table.texts("no"));
    let reader = table.reader();
    if words.is_empty() && exact.is_empty() {
        reader.problem(Code::T003, table.span(), "a topic needs `words` or `exact`: phrases that count");
    }
    for phrase in words.iter().chain(&exact).chain(&not) {
        let slip = match apart(&phrase.value) {
            Err(slip) => Some(slip),
            Ok(apart) => {
                let alone = apart.parts.len() == 1;
                apart.parts.iter().find_map(|part| match texts_of(part, sets) {
                    // The words of a set have been looked at where they stand.
                    Ok(_) if part.starts_with('{') => None,
                    Ok(texts) => texts.into_iter().find_map(|text| slip_of(text, alone)),
                    Err(slip) => Some(slip),
                })
            }
        };
        if let Some(slip) = slip {
            reader.problem_with(Code::K001, phrase.span.clone(), slip.0, slip.1);
        }
    }
    for phrase in &not {
        if words.iter().chain(&exact).any(|other| other.value == phrase.value) {
            reader.problem(Code::K002, phrase.span.clone(), format!("\"{}\" both counts and does not", phrase.value));
        }
    }
    let span = table.span();
    table.done();
    let plain = |items: &[Item<String>]| items.iter().map(|item| item.value.clone()).collect();
    let topic = Topic {
        tag: Tag::new(tag?.value),
        title: title?.value,
        words: lower(words),
        exact: lower(exact),
        not: lower(not),
        yes: plain(&yes),
        no: plain(&no),
    };
    Some(Read { topic, span, yes, no })
}

fn lower(items: Vec<Item<String>>) -> Vec<String> {
    items.into_iter().map(|item| item.value.to_lowercase()).collect()
}

/// A table whose keys are names and whose values are lists of texts.
fn lists(mut table: Fields<'_>, reader: &Reader<'_>) -> Vec<(Item<String>, Vec<Item<String>>)> {
    let mut lists = Vec::new();
    for (name, value) in table.entries() {
        let DeValue::Array(array) = value.value else {
            reader.problem(Code::T004, value.span, format!("`{}` should be a list of texts", name.value));
            continue;
        };
        if !is_id(&name.value) {
            reader.problem(Code::T011, name.span.clone(), "a name has small letters, digits and _");
        }
        let mut texts = Vec::new();
        for entry in array.iter() {
            match entry.get_ref() {
                DeValue::String(text) if !text.trim().is_empty() => {
                    texts.push(Item { value: text.trim().to_owned(), span: entry.span() });
                }
                _ => reader.problem(Code::T004, entry.span(), "this should be a text in quotes"),
            }
        }
        lists.push((name, texts));
    }
    lists
}
