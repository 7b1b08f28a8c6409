//! Contacts from JSON: one object, an array of them, or one to a line (NDJSON).
//!
//! Read in two passes: the first finds where each value begins and whether the whole is JSON, the second looks into
//! the values, so that a fault can say line and column and all faults are told at once.
//!
//! Bounds: at most [`BATCH_MAX`] contacts; the values that a contact may have are three levels deep, and deeper ones
//! are refused without being read. The size of the body is the server's business.

use super::check::{Faults, check};
use super::draft::{Draft, Given, Member};
use super::{BATCH_MAX, Reading, place_all};
use crate::incoming::{Parsed, Refused, Shape};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Levels of arrays and objects inside a contact: the contact, `caller` or a list, and no more.
const DEPTH_MAX: usize = 2;

/// Most members of one object and elements of one list that are looked at.
const MEMBERS_MAX: usize = 200;

/// Reads all contacts of a body.
///
/// Where the content type wasn't NDJSON, the shape decides: an array, one object, or several objects after each other,
/// which are taken as lines.
pub fn read(body: &[u8], reading: &Reading<'_>) -> Result<(Shape, Vec<Parsed>), Refused> {
    let mut faults = Faults::default();
    let text = match text_of(body, &mut faults) {
        Ok(text) => text,
        Err(sound) => return Err(Refused::NotJson(faults.placed(sound).0)),
    };
    let (shape, drafts) = match drafts(text, reading.sending.lines, &mut faults) {
        Ok(found) => found,
        Err(NotJson) => return Err(Refused::NotJson(faults.placed(text).0)),
    };
    if drafts.is_empty() && faults.is_empty() {
        faults.add(0, String::new(), None, "there is no contact in the body", "send at least one contact");
    }
    if drafts.len() > BATCH_MAX {
        let problem = format!("{} contacts in one batch", drafts.len());
        faults.add(BATCH_MAX, String::new(), None, &problem, &format!("send at most {BATCH_MAX} at a time"));
    }
    let mut parsed: Vec<Parsed> = Vec::with_capacity(drafts.len().min(BATCH_MAX));
    for draft in drafts.iter().take(BATCH_MAX) {
        parsed.extend(check(draft, reading, &mut faults));
    }
    if !faults.is_empty() {
        let (faults, total) = faults.placed(text);
        return Err(Refused::Fields { faults, total });
    }
    place_all(parsed.iter_mut().flat_map(|one| &mut one.doubts), text);
    Ok((shape, parsed))
}

/// The body as text; else its sound beginning, with the fault noted.
pub(super) fn text_of<'a>(body: &'a [u8], faults: &mut Faults) -> Result<&'a str, &'a str> {
    std::str::from_utf8(body).map(|text| text.trim_start_matches('\u{FEFF}')).map_err(|error| {
        let at = error.valid_up_to();
        faults.add(0, String::new(), Some(at), "a byte here is not UTF-8", "send the body as UTF-8");
        std::str::from_utf8(&body[..at]).expect("valid up to there")
    })
}

/// The faults already say why.
pub(super) struct NotJson;

/// The objects of a text, each with its named values.
pub(super) fn drafts<'a>(text: &'a str, lines: bool, faults: &mut Faults) -> Result<(Shape, Vec<Draft<'a>>), NotJson> {
    let first = text.trim_start().chars().next();
    if lines {
        return from_lines(text, faults);
    }
    match first {
        Some('[') => {
            let elements: Elements<'_> = whole(text, 0, 0, "", faults).ok_or(NotJson)?;
            let drafts = elements.0.into_iter().enumerate();
            Ok((Shape::Many, drafts.filter_map(|(i, raw)| draft(raw, i, format!("/{i}"), text, faults)).collect()))
        }
        Some('{') => {
            // One object, or several after each other? Reading the first one tells.
            let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
            let one = match stream.next() {
                Some(Ok(raw)) => raw,
                Some(Err(error)) => {
                    not_json(&error, text, 0, 0, "", faults);
                    return Err(NotJson);
                }
                None => return Ok((Shape::Many, Vec::new())),
            };
            if text[stream.byte_offset()..].trim_start().starts_with('{') {
                return from_lines(text, faults);
            }
            whole::<&RawValue>(text, 0, 0, "", faults).ok_or(NotJson)?;
            Ok((Shape::One, draft(one, 0, String::new(), text, faults).into_iter().collect()))
        }
        Some(_) => {
            // Anything else is JSON at best, and no contact.
            whole::<&RawValue>(text, 0, 0, "", faults).ok_or(NotJson)?;
            faults.add(
                0,
                String::new(),
                Some(text.len() - text.trim_start().len()),
                "this is JSON, but no contact",
                "send an object, an array of objects, or one object to a line",
            );
            Ok((Shape::Many, Vec::new()))
        }
        None => {
            faults.add(0, String::new(), None, "the body is empty", "send a contact as a JSON object");
            Err(NotJson)
        }
    }
}

fn from_lines<'a>(text: &'a str, faults: &mut Faults) -> Result<(Shape, Vec<Draft<'a>>), NotJson> {
    let (mut found, mut broken, mut index) = (Vec::new(), false, 0);
    for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
        let (start, pointer) = (offset(line, text), format!("/{index}"));
        match whole::<&RawValue>(line, start, index, &pointer, faults) {
            Some(raw) => found.extend(draft(raw, index, pointer, text, faults)),
            None => broken = true,
        }
        index += 1;
    }
    if broken { Err(NotJson) } else { Ok((Shape::Many, found)) }
}

/// Parses a whole text; a fault at its place if it is not JSON.
fn whole<'a, T: serde::Deserialize<'a>>(
    text: &'a str,
    start: usize,
    index: usize,
    pointer: &str,
    faults: &mut Faults,
) -> Option<T> {
    serde_json::from_str(text).map_err(|error| not_json(&error, text, start, index, pointer, faults)).ok()
}

fn not_json(error: &serde_json::Error, text: &str, start: usize, index: usize, pointer: &str, faults: &mut Faults) {
    // serde_json counts lines from 1 and columns in bytes from 1 (0 at a line's start).
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(0, |(at, _)| at + 1),
    };
    let at = (line_start + error.column().saturating_sub(1)).min(text.len());
    let words = error.to_string();
    let problem = format!("not JSON: {}", words.split(" at line ").next().unwrap_or(&words));
    let remedy = if error.is_eof() {
        "the body ends too early; check that it was sent whole"
    } else {
        "mend the JSON here; every JSON tool can point at it"
    };
    faults.add(index, pointer.to_owned(), Some(start + at), &problem, remedy);
}

/// Where a part of a text begins in it.
fn offset(part: &str, text: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn draft<'a>(raw: &'a RawValue, index: usize, pointer: String, text: &str, faults: &mut Faults) -> Option<Draft<'a>> {
    let at = offset(raw.get(), text);
    match given(raw, text, 1) {
        Ok(Given::Object(members)) => Some(Draft { index, pointer, at, members }),
        Ok(other) => {
            let problem = format!("a contact should be an object, and this is {}", other.kind());
            faults.add(index, pointer, Some(at), &problem, "send {\"channel\": \"phone\", ...}");
            None
        }
        Err(Unreadable { json, error }) => {
            not_json(&error, json, offset(json, text), index, &pointer, faults);
            None
        }
    }
}

/// A value that passed the first reading and fails the second: a lone half of a UTF-16 pair, `"\ud800"`.
struct Unreadable<'a> {
    json: &'a str,
    error: serde_json::Error,
}

/// Looks into one value, `depth` levels down. What lies deeper than a contact can be is left unread: the check
/// refuses it by its kind.
fn given<'a>(raw: &'a RawValue, text: &str, depth: usize) -> Result<Given<'a>, Unreadable<'a>> {
    let json = raw.get();
    let unreadable = |error| Unreadable { json, error };
    Ok(match json.as_bytes().first() {
        Some(b'"') => Given::Text(serde_json::from_str::<Text<'a>>(json).map_err(unreadable)?.0),
        Some(b't') => Given::Bool(true),
        Some(b'f') => Given::Bool(false),
        Some(b'n') | None => Given::Null,
        Some(b'[') if depth > DEPTH_MAX => Given::List(Vec::new()),
        Some(b'{') if depth > DEPTH_MAX => Given::Object(Vec::new()),
        Some(b'[') => {
            let elements: Elements<'a> = serde_json::from_str(json).map_err(unreadable)?;
            let named = elements.0.into_iter().take(MEMBERS_MAX).enumerate();
            let members = named.map(|(i, raw)| member(Cow::Owned(i.to_string()), raw, text, depth));
            Given::List(members.collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let members: Members<'a> = serde_json::from_str(json).map_err(unreadable)?;
            let members = members.0.into_iter().take(MEMBERS_MAX);
            let members = members.map(|(name, raw)| member(name.0, raw, text, depth));
            Given::Object(members.collect::<Result<_, _>>()?)
        }
        Some(_) => Given::Number(json),
    })
}

fn member<'a>(name: Cow<'a, str>, raw: &'a RawValue, text: &str, depth: usize) -> Result<Member<'a>, Unreadable<'a>> {
    Ok(Member { name, value: given(raw, text, depth + 1)?, at: offset(raw.get(), text) })
}

/// A JSON text, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow, deserialize_with = "borrowed")] Cow<'a, str>);

fn borrowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct TextVisitor;
    impl<'de> Visitor<'de> for TextVisitor {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    deserializer.deserialize_str(TextVisitor)
}

/// An array's elements, unread.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> serde::Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor;
        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element::<&'de RawValue>()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

/// An object's members, unread, in their order and with doubles.
struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
#[path = "contact_json_tests.rs"]
mod tests;
