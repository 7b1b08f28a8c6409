//! The rules that a contact must keep, however it came: required fields, kinds, lengths, words, times.
//!
//! All faults of a contact are gathered, each with where and how to mend it. What is merely odd (a place that cannot
//! be right) becomes a doubt: the contact is taken, because a report of somebody in danger with a silly coordinate is
//! still a report of somebody in danger.

use super::draft::{CALLER_FIELDS, Draft, Field, Given, Member, meant_by};
use super::{Reading, contact_key, place, place_all};
use crate::domain::contact::{Caller, Channel, Contact, ContactDetail, LandKept};
use crate::domain::id::Tag;
use crate::domain::ownership::Asked;
use crate::domain::problem::did_you_mean;
use crate::domain::text::{clean_line, clean_words, is_slug, to_slug};
use crate::domain::time::{SignedDuration, Timestamp, after, to_millis};
use crate::incoming::{FAULTS_MAX, Fault, Parsed, Position};
use crate::keys::Purpose;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest text of a contact, in characters: some ten pages.
pub const TEXT_MAX: usize = 20_000;
/// Longest reference, name, place in words and the like, in characters.
pub const LINE_MAX: usize = 200;
/// Most tags of a contact.
pub const TAGS_MAX: usize = 16;
/// Most needs of a contact.
pub const NEEDS_MAX: usize = 8;
/// Longest wait in a queue that is believed: a day.
pub const WAIT_S_MAX: u32 = 86_400;
/// How far a sender's clock may run ahead of ours.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Nothing was received before this: an earlier time is a sender's zero.
const EARLIEST: &str = "1990-01-01T00:00:00Z";
/// Words for how somebody likes to be answered.
const PREFERS: [&str; 5] = ["email", "sms", "phone", "post", "none"];

/// The faults of a body, the first [`FAULTS_MAX`] kept and all counted.
#[derive(Debug, Default)]
pub struct Faults {
    kept: Vec<Fault>,
    total: usize,
}

impl Faults {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many there are, kept or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Notes one; `at` is its byte offset.
    pub fn add(&mut self, index: usize, pointer: String, at: Option<usize>, problem: &str, remedy: &str) {
        self.total += 1;
        if self.kept.len() < FAULTS_MAX {
            self.kept.push(fault(index, pointer, at, problem, remedy));
        }
    }

    /// All that were kept, with line and column in `text`; and how many there were.
    pub fn placed(mut self, text: &str) -> (Vec<Fault>, usize) {
        place_all(self.kept.iter_mut(), text);
        (self.kept, self.total)
    }
}

fn fault(index: usize, pointer: String, at: Option<usize>, problem: &str, remedy: &str) -> Fault {
    let position = at.map(|byte| Position { byte, line: 0, column: 0 });
    Fault { index, pointer, position, problem: problem.to_owned(), remedy: remedy.to_owned() }
}

/// Checks one draft. `None` where it has faults, which are then in `faults`.
pub fn check(draft: &Draft<'_>, reading: &Reading<'_>, faults: &mut Faults) -> Option<Parsed> {
    let before = faults.total();
    let mut sheet = Sheet::sort(draft, faults);
    let channel = channel(&mut sheet);
    let source = sheet.slug(Field::Source).unwrap_or_else(|| reading.sending.sender.to_owned());
    let source_id = sheet.line(Field::SourceId, LINE_MAX);
    let received_at = sheet.time(Field::ReceivedAt, reading.now).unwrap_or(reading.now);
    let occurred_at = sheet.time(Field::OccurredAt, reading.now);
    let service = sheet.slug(Field::Service);
    let mut tags = tags(&mut sheet);
    let text = sheet.words(Field::Text);
    tags.extend(text.as_deref().map(reading.classify).unwrap_or_default());
    tags.sort();
    tags.dedup();
    let answered = sheet.truth(Field::Answered);
    let wait_s = sheet.whole_number(Field::WaitS, u64::from(WAIT_S_MAX)).map(|seconds| seconds as u32);
    let crm_ref = sheet.line(Field::CrmRef, LINE_MAX);
    let customer_ref = sheet.line(Field::CustomerRef, LINE_MAX);
    let needs = sheet.list(Field::Needs, NEEDS_MAX).into_iter().map(|(_, need)| need).collect();
    let vulnerable = sheet.truth(Field::Vulnerable).unwrap_or(false);
    let caller = caller(&mut sheet);
    let found = place::find(&mut sheet, reading.land);
    if let Some(channel) = channel
        && channel != Channel::Phone
        && channel != Channel::Webchat
        && (answered.is_some() || wait_s.is_some())
    {
        let field = if answered.is_some() { Field::Answered } else { Field::WaitS };
        sheet.doubt(field, "only calls and chats wait and are answered", "leave it out, or check the channel");
    }
    let doubts = std::mem::take(&mut sheet.doubts);
    if faults.total() > before {
        return None;
    }
    let key = contact_key(reading, draft.index, &source, source_id.as_deref());
    let answer = found.point.map(|place| {
        let bodies = reading.land.bodies();
        reading.land.ask(&Asked {
            along: found.along.clone(),
            // A contact of the past is answered by what held then.
            on: Some(received_at.to_zoned(jiff::tz::TimeZone::UTC).date()),
            about: bodies.matter_of(&tags).map(|matter| matter.id.clone()),
            ..Asked::at(place)
        })
    });
    let land = answer.as_ref().map(|answer| LandKept {
        confidence: answer.confidence,
        epoch: answer.epoch,
        disputed: !answer.disputed.is_empty(),
    });
    let contact = Contact {
        source,
        key,
        channel: channel.expect("its absence is a fault"),
        received_at,
        occurred_at,
        service,
        tags,
        place: found.point.map(|located| located.point.rounded_to_10_m()),
        body: answer.as_ref().and_then(|answer| answer.body.clone()),
        land,
        answered,
        wait_s,
        alike: text.as_deref().and_then(|text| alike(reading, text)),
        history: reading.sending.history,
    };
    let detail = ContactDetail {
        source_id,
        text,
        place: found.point.map(|located| located.point),
        place_sigma_m: found.point.map(|located| located.sigma_m()),
        land_feature: answer.and_then(|answer| answer.basis).map(|basis| (basis.layer, basis.feature)),
        place_given: found.given,
        crm_ref,
        customer_ref,
        needs,
        vulnerable,
        caller,
    };
    Some(Parsed { contact, detail, doubts })
}

/// Words of at least so many characters are not the same by chance.
const ALIKE_LEAST: usize = 20;

/// What the words are recognised by when they come again; `None` for short ones.
fn alike(reading: &Reading<'_>, text: &str) -> Option<u16> {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    if plain.chars().count() < ALIKE_LEAST {
        return None;
    }
    let digest = reading.keys.digest_hex(Purpose::Words, &[plain.as_bytes()], 2);
    u16::from_str_radix(&digest, 16).ok()
}

fn channel(sheet: &mut Sheet<'_, '_>) -> Option<Channel> {
    let words = || Channel::ALL.map(Channel::as_str);
    let Some(word) = sheet.text(Field::Channel) else {
        if !sheet.has(Field::Channel) {
            let remedy = format!("add \"channel\", one of {}", words().join(", "));
            sheet.fault_whole("the channel is missing", &remedy);
        }
        return None;
    };
    let channel = Channel::parse(word.trim());
    if channel.is_none() {
        let meant = did_you_mean(&to_slug(&word), words());
        let remedy = match meant {
            Some(meant) => format!("did you mean \"{meant}\"? It is one of {}", words().join(", ")),
            None => format!("use one of {}", words().join(", ")),
        };
        sheet.fault(Field::Channel, &format!("there is no channel {}", shown(&word)), &remedy);
    }
    channel
}

fn tags(sheet: &mut Sheet<'_, '_>) -> Vec<Tag> {
    let mut tags = Vec::new();
    for (name, word) in sheet.list(Field::Tags, TAGS_MAX) {
        if is_slug(&word) {
            tags.push(Tag::new(word));
        } else {
            sheet.fault_in(Field::Tags, &name, &format!("{} is not a tag", shown(&word)), &slug_remedy(&word));
        }
    }
    tags
}

fn caller(sheet: &mut Sheet<'_, '_>) -> Option<Caller> {
    let member = sheet.given.get(&Field::Caller).copied()?;
    let members = match &member.value {
        Given::Object(members) => members,
        Given::Null => return None,
        other => {
            let problem = format!("\"caller\" should be an object, and this is {}", other.kind());
            sheet.fault(
                Field::Caller,
                &problem,
                "send {\"name\": ..., \"phone\": ..., \"email\": ..., \"prefers\": ...}",
            );
            return None;
        }
    };
    let mut caller = Caller::default();
    for inner in members {
        let target = match inner.name.as_ref() {
            "name" => &mut caller.name,
            "phone" => &mut caller.phone,
            "email" => &mut caller.email,
            "prefers" => &mut caller.prefers,
            other => {
                let meant = did_you_mean(other, CALLER_FIELDS).map(|meant| format!("did you mean \"{meant}\"? "));
                let remedy = format!("{}caller has {}", meant.unwrap_or_default(), CALLER_FIELDS.join(", "));
                sheet.fault_at(inner, Field::Caller, &format!("unknown field {}", shown(other)), &remedy);
                continue;
            }
        };
        match &inner.value {
            Given::Null => {}
            Given::Text(text) => {
                let line = clean_line(text);
                if line.chars().count() > LINE_MAX {
                    sheet.fault_at(inner, Field::Caller, "too long", &format!("use at most {LINE_MAX} characters"));
                } else if inner.name == "prefers" && !PREFERS.contains(&line.as_ref()) {
                    let remedy = format!("use one of {}", PREFERS.join(", "));
                    sheet.fault_at(inner, Field::Caller, &format!("{} is no way to answer", shown(&line)), &remedy);
                } else if inner.name == "email" && !line.is_empty() && !looks_like_email(&line) {
                    sheet.fault_at(
                        inner,
                        Field::Caller,
                        "this is not an email address",
                        "send it as name@host, or leave it out",
                    );
                } else if !line.is_empty() {
                    if target.is_some() {
                        sheet.fault_at(inner, Field::Caller, "given twice", "give it once");
                    }
                    *target = Some(line.into_owned());
                }
            }
            other => {
                let problem = format!("this should be a text, and is {}", other.kind());
                sheet.fault_at(inner, Field::Caller, &problem, "put it in quotes");
            }
        }
    }
    (caller != Caller::default()).then_some(caller)
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(char::is_whitespace)
}

/// A given word as it stands in a message: quoted, and cut when long.
fn shown(word: &str) -> String {
    let mut cut: String = clean_line(word).chars().take(40).collect();
    if cut.len() < clean_line(word).len() {
        cut.push('…');
    }
    format!("\"{cut}\"")
}

fn slug_remedy(word: &str) -> String {
    match to_slug(word) {
        slug if slug.is_empty() => "use lower-case letters, digits, _ - and .".to_owned(),
        slug => format!("use lower-case letters, digits, _ - and ., e.g. \"{slug}\""),
    }
}

/// A draft with its fields in their places, read out one by one; wrong ones become faults.
pub(super) struct Sheet<'d, 'f> {
    draft: &'d Draft<'d>,
    pub(super) given: BTreeMap<Field, &'d Member<'d>>,
    faults: &'f mut Faults,
    doubts: Vec<Fault>,
}

impl<'d, 'f> Sheet<'d, 'f> {
    fn sort(draft: &'d Draft<'d>, faults: &'f mut Faults) -> Self {
        let mut sheet = Self { draft, given: BTreeMap::new(), faults, doubts: Vec::new() };
        for member in &draft.members {
            let pointer = sheet.pointer(&[&member.name]);
            match Field::parse(&member.name) {
                None => {
                    let remedy = match meant_by(&member.name) {
                        Some(meant) => format!("did you mean \"{meant}\"?"),
                        None => format!(
                            "leave it out; a contact has {}",
                            Field::ALL.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ")
                        ),
                    };
                    let problem = format!("unknown field {}", shown(&member.name));
                    sheet.faults.add(draft.index, pointer, Some(member.at), &problem, &remedy);
                }
                Some(_) if member.value == Given::Null => {}
                Some(field) => {
                    if sheet.given.insert(field, member).is_some() {
                        sheet.faults.add(draft.index, pointer, Some(member.at), "given twice", "give it once");
                    }
                }
            }
        }
        sheet
    }

    fn pointer(&self, names: &[&str]) -> String {
        let mut pointer = self.draft.pointer.clone();
        for name in names {
            pointer.push('/');
            pointer
                .push_str(&clean_line(name).chars().take(80).collect::<String>().replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.given.contains_key(&field)
    }

    /// A fault of a field.
    pub(super) fn fault(&mut self, field: Field, problem: &str, remedy: &str) {
        let (pointer, at) = self.whereabouts(field);
        self.faults.add(self.draft.index, pointer, at, problem, remedy);
    }

    /// A doubt about a field: told, and taken all the same.
    pub(super) fn doubt(&mut self, field: Field, problem: &str, remedy: &str) {
        let (pointer, at) = self.whereabouts(field);
        self.doubts.push(fault(self.draft.index, pointer, at, problem, remedy));
    }

    fn whereabouts(&self, field: Field) -> (String, Option<usize>) {
        (self.pointer(&[field.name()]), self.given.get(&field).map(|member| member.at))
    }

    fn fault_whole(&mut self, problem: &str, remedy: &str) {
        let at = self.draft.at;
        self.faults.add(self.draft.index, self.draft.pointer.clone(), Some(at), problem, remedy);
    }

    fn fault_in(&mut self, field: Field, name: &str, problem: &str, remedy: &str) {
        let (pointer, at) = (self.pointer(&[field.name(), name]), self.whereabouts(field).1);
        self.faults.add(self.draft.index, pointer, at, problem, remedy);
    }

    fn fault_at(&mut self, inner: &Member<'_>, field: Field, problem: &str, remedy: &str) {
        let pointer = self.pointer(&[field.name(), &inner.name]);
        self.faults.add(self.draft.index, pointer, Some(inner.at), problem, remedy);
    }

    fn wrong_kind(&mut self, field: Field, wanted: &str, got: &str, remedy: &str) {
        self.fault(field, &format!("\"{}\" should be {wanted}, and this is {got}", field.name()), remedy);
    }

    /// A text as it came; empty counts as absent.
    pub(super) fn text(&mut self, field: Field) -> Option<Cow<'d, str>> {
        match &self.given.get(&field).copied()?.value {
            Given::Text(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            other => {
                self.wrong_kind(field, "a text", other.kind(), "put it in quotes");
                None
            }
        }
    }

    /// A number's digits or a text: for references that some systems send as numbers.
    pub(super) fn digits_or_text(&mut self, field: Field) -> Option<Cow<'d, str>> {
        match &self.given.get(&field).copied()?.value {
            Given::Number(digits) => Some(Cow::Borrowed(digits)),
            _ => self.text(field),
        }
    }

    /// A text of one line, cleaned.
    pub(super) fn line(&mut self, field: Field, max: usize) -> Option<String> {
        let text = self.digits_or_text(field)?;
        let line = clean_line(&text);
        if line.chars().count() > max {
            let problem = format!("{} characters are too many", line.chars().count());
            self.fault(field, &problem, &format!("use at most {max}"));
            return None;
        }
        (!line.is_empty()).then(|| line.into_owned())
    }

    fn words(&mut self, field: Field) -> Option<String> {
        let text = self.text(field)?;
        let words = clean_words(&text);
        let length = words.chars().count();
        if length > TEXT_MAX {
            self.fault(field, &format!("{length} characters are too many"), &format!("use at most {TEXT_MAX}"));
            return None;
        }
        (!words.is_empty()).then(|| words.into_owned())
    }

    fn slug(&mut self, field: Field) -> Option<String> {
        let text = self.text(field)?;
        if is_slug(&text) {
            return Some(text.into_owned());
        }
        self.fault(field, &format!("{} is not a name for \"{}\"", shown(&text), field.name()), &slug_remedy(&text));
        None
    }

    fn list(&mut self, field: Field, max: usize) -> Vec<(String, String)> {
        let Some(member) = self.given.get(&field).copied() else { return Vec::new() };
        let mut items: Vec<(String, Cow<'_, str>)> = Vec::new();
        match &member.value {
            Given::List(elements) => {
                for element in elements {
                    match &element.value {
                        Given::Text(text) => items.push((element.name.to_string(), text.clone())),
                        other => {
                            let problem = format!("this should be a text, and is {}", other.kind());
                            self.fault_at(element, field, &problem, "put it in quotes");
                        }
                    }
                }
            }
            other => self.wrong_kind(field, "an array of texts", other.kind(), "put it in [ ]"),
        }
        if items.len() > max {
            self.fault(field, &format!("{} are too many", items.len()), &format!("give at most {max}"));
            return Vec::new();
        }
        let mut cleaned = Vec::with_capacity(items.len());
        for (name, item) in items {
            let line = clean_line(&item).into_owned();
            if line.chars().count() > LINE_MAX {
                self.fault_in(field, &name, "too long", &format!("use at most {LINE_MAX} characters"));
            } else if !line.is_empty() {
                cleaned.push((name, line));
            }
        }
        cleaned
    }

    fn truth(&mut self, field: Field) -> Option<bool> {
        match &self.given.get(&field).copied()?.value {
            Given::Bool(truth) => Some(*truth),
            other => {
                self.wrong_kind(field, "true or false", other.kind(), "send true or false, without quotes");
                None
            }
        }
    }

    fn whole_number(&mut self, field: Field, max: u64) -> Option<u64> {
        let number = self.number(field)?;
        if number < 0.0 || number > max as f64 {
            self.fault(field, &format!("{number} is out of range"), &format!("use 0 to {max}"));
            return None;
        }
        // Telephone systems give fractions of a second; the count is in whole ones.
        Some(number.round() as u64)
    }

    /// A finite number.
    pub(super) fn number(&mut self, field: Field) -> Option<f64> {
        let digits = match &self.given.get(&field).copied()?.value {
            Given::Number(digits) => Cow::Borrowed(*digits),
            other => {
                self.wrong_kind(field, "a number", other.kind(), "send it without quotes");
                return None;
            }
        };
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.fault(field, &format!("{} is not a number", shown(&digits)), "use digits, with a point for decimals");
        }
        number
    }

    fn time(&mut self, field: Field, now: Timestamp) -> Option<Timestamp> {
        let text = self.text(field)?;
        // A name in brackets (RFC 9557) could contradict the offset; only the offset counts, so only it is taken.
        let at = (!text.contains('[')).then(|| text.trim().parse::<Timestamp>().ok()).flatten();
        let Some(at) = at.map(to_millis) else {
            let example = now.strftime("%Y-%m-%dT%H:%M:%SZ");
            let remedy = if text.trim().parse::<jiff::civil::DateTime>().is_ok() {
                format!("add the offset from UTC, e.g. \"{}Z\" or \"{}+01:00\"", text.trim(), text.trim())
            } else {
                format!("write it as RFC 3339 does, e.g. \"{example}\"")
            };
            self.fault(field, &format!("{} is not an instant", shown(&text)), &remedy);
            return None;
        };
        if at > after(now, AHEAD_MAX) {
            let problem = format!("{at} lies in the future; it is {now} now");
            self.fault(field, &problem, "check the sender's clock and the offset (is summer time counted twice?)");
            return None;
        }
        if at < EARLIEST.parse().expect("a constant instant") {
            let problem = format!("{at} is too long ago to be believed");
            self.fault(field, &problem, "leave the field out where the time isn't known");
            return None;
        }
        Some(at)
    }
}
