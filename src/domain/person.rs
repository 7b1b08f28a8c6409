//! The people of the rota: who may be paged, by what, in which order.
//!
//! Two halves, as with contacts. [`Person`] is what the log may hold: a short id and the order of channels.
//! [`PersonDetail`] is the name, number and address; it goes to the details store and never into the state.

use super::id::{PersonId, RoleId};
use super::phone::PhoneNumber;
use super::problem::{Code, Problem};
use super::reading::{Fields, Reader};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageChannel {
    /// A text message.
    Sms,
    /// An email.
    Email,
}

impl PageChannel {
    /// The word used in config, log and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for PageChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person as the core knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Short name chosen by the council.
    pub id: PersonId,
    /// Channels in the order in which to try them; never empty once parsed.
    pub channels: Vec<PageChannel>,
    /// Roles that this person may be put on.
    pub eligible: Vec<RoleId>,
}

/// What is personal about a person of the rota.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonDetail {
    /// Name as shown on pages, e.g. `Priya Nair`.
    pub name: String,
    /// Mobile number in E.164 form, e.g. `+447700900123`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mobile: Option<String>,
    /// Email address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
}

/// Shows nothing of the person, so that the trace cannot.
impl fmt::Debug for PersonDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonDetail(***)")
    }
}

/// The people file, parted into its two halves.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// What the core knows, by id.
    pub persons: BTreeMap<PersonId, Person>,
    /// What only the details store and the transports know, by id.
    pub details: BTreeMap<PersonId, PersonDetail>,
}

const CHANNELS: &[(&str, PageChannel)] = &[("sms", PageChannel::Sms), ("email", PageChannel::Email)];

impl People {
    /// Reads the people file: names, numbers and addresses, parted at once into the public half and the details.
    ///
    /// # Errors
    /// All slips of the file, with their places; no message repeats a name, number or address.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let reader = Reader::new("people.toml", text);
        let mut people = Self::default();
        let mut root = reader.root();
        for mut table in root.tables("person") {
            let name = table.need_text("name");
            let mobile = read_checked(&mut table, "mobile", Code::N002, mobile_number);
            let email = read_checked(&mut table, "email", Code::N003, email_address);
            let Some(person) = read_public(table, Some((mobile.is_some(), email.is_some()))) else { continue };
            let Some(name) = name else { continue };
            let detail = PersonDetail { name: name.value, mobile: mobile.flatten(), email: email.flatten() };
            people.details.insert(person.id.clone(), detail);
            add(&reader, &mut people.persons, person, name.span);
        }
        root.done();
        reader.finish(Some(people))
    }

    /// The public half in a canonical form, for the log: sorted by id, no name, number or address.
    pub fn public_text(&self) -> String {
        let list = |words: Vec<&str>| {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("[{}]", quoted.join(", "))
        };
        let mut text = String::new();
        for person in self.persons.values() {
            text += &format!(
                "[[person]]\nid = \"{}\"\nchannels = {}\neligible = {}\n",
                person.id,
                list(person.channels.iter().map(|channel| channel.as_str()).collect()),
                list(person.eligible.iter().map(RoleId::as_str).collect()),
            );
        }
        text
    }

    /// Reads what [`People::public_text`] wrote, from the log.
    ///
    /// # Errors
    /// All slips, with their places.
    pub fn parse_public(text: &str) -> Result<BTreeMap<PersonId, Person>, Vec<Problem>> {
        let reader = Reader::recorded("people", text);
        let mut persons = BTreeMap::new();
        let mut root = reader.root();
        for table in root.tables("person") {
            let span = table.span();
            if let Some(person) = read_public(table, None) {
                add(&reader, &mut persons, person, span);
            }
        }
        root.done();
        reader.finish(Some(persons))
    }
}

fn add(reader: &Reader<'_>, persons: &mut BTreeMap<PersonId, Person>, person: Person, span: std::ops::Range<usize>) {
    let id = person.id.clone();
    if persons.insert(id.clone(), person).is_some() {
        reader.problem(Code::T010, span, format!("person \"{id}\" is there twice"));
    }
}

/// Reads id, channels and eligibility; `has` says whether there is a mobile number and an email address, where the file
/// holds them.
fn read_public(mut table: Fields<'_>, has: Option<(bool, bool)>) -> Option<Person> {
    let id = table.need_id("id");
    let mut channels: Vec<PageChannel> = Vec::new();
    let reader = table.reader();
    for word in table.texts("channels") {
        match CHANNELS.iter().find(|(name, _)| *name == word.value) {
            None => reader.problem_with(
                Code::T005,
                word.span,
                format!("there is no channel \"{}\"", word.value),
                Some("it can be sms or email"),
            ),
            Some((_, channel)) if channels.contains(channel) => {
                reader.problem(Code::T010, word.span, format!("{channel} is there twice"));
            }
            Some((_, channel)) => {
                let there = has.is_none_or(|(mobile, email)| match channel {
                    PageChannel::Sms => mobile,
                    PageChannel::Email => email,
                });
                if there {
                    channels.push(*channel);
                } else {
                    let key = if *channel == PageChannel::Sms { "mobile" } else { "email" };
                    reader.problem_with(
                        Code::N004,
                        word.span,
                        format!("channel {channel} needs `{key}`"),
                        Some(format!("add `{key}`, or take {channel} out of `channels`")),
                    );
                }
            }
        }
    }
    if let Some((mobile, email)) = has {
        if !mobile && !email {
            reader.problem_with(
                Code::N001,
                table.span(),
                "this person cannot be reached",
                Some("add `mobile` or `email`, at best both"),
            );
        } else if table.has("channels") {
            if table.texts_n("channels") == Some(0) {
                let help = Some("name at least one, or leave `channels` out");
                reader.problem_with(Code::T009, table.span_of("channels"), "`channels` is empty", help);
            }
        } else {
            // Sound first: a text wakes people, an email does not.
            channels.extend(mobile.then_some(PageChannel::Sms));
            channels.extend(email.then_some(PageChannel::Email));
        }
    }
    let eligible = table.texts("eligible").into_iter().map(|role| RoleId::new(role.value)).collect();
    table.done();
    Some(Person { id: PersonId::new(id?.value), channels, eligible })
}

/// Reads a text and puts it into its one form. `Some(None)`: it is there, and wrong (already told).
fn read_checked(
    table: &mut Fields<'_>,
    key: &'static str,
    code: Code,
    form: fn(&str) -> Result<String, String>,
) -> Option<Option<String>> {
    let item = table.text(key)?;
    match form(&item.value) {
        Ok(value) => Some(Some(value)),
        Err(why) => {
            table.reader().problem(code, item.span, format!("`{key}`: {why}"));
            Some(None)
        }
    }
}

/// A UK mobile number in E.164 form (`+447700900123`).
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn mobile_number(written: &str) -> Result<String, String> {
    let number = PhoneNumber::parse(written).map_err(|error| error.to_string())?;
    if !number.is_mobile() {
        return Err("should be a mobile number (07...), since it gets texts".to_owned());
    }
    Ok(number.as_e164().to_owned())
}

/// An email address, checked for the slips that hands make; whether it exists, only a message can tell.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn email_address(written: &str) -> Result<String, String> {
    let (local, domain) = written.rsplit_once('@').ok_or("should have an @")?;
    if written.len() > 254 || local.is_empty() || local.len() > 64 || local.contains('@') {
        return Err("should look like name@example.gov.uk".to_owned());
    }
    if written.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c)) {
        return Err("should be the bare address, without spaces, brackets or commas".to_owned());
    }
    let parts: Vec<&str> = domain.split('.').collect();
    if parts.len() < 2 || parts.iter().any(|part| part.is_empty()) {
        return Err("should have a domain with a dot after the @".to_owned());
    }
    Ok(written.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = r#"
        [[person]]
        id = "priya.nair"
        name = "Priya Nair"
        mobile = "07700 900101"
        email = "priya.nair@example.gov.uk"
        eligible = ["duty_officer"]
    "#;

    #[test]
    fn the_public_half_holds_no_name_number_or_address() {
        let people = People::parse(GOOD).unwrap();
        let public = people.public_text();
        for secret in ["Nair", "7700", "@"] {
            assert!(!public.contains(secret), "{public}");
        }
        assert_eq!(People::parse_public(&public).unwrap(), people.persons);
        let detail = &people.details[&PersonId::from("priya.nair")];
        assert_eq!(detail.mobile.as_deref(), Some("+447700900101"));
        assert_eq!(format!("{detail:?}"), "PersonDetail(***)");
    }

    #[test]
    fn a_text_comes_before_an_email_unless_the_file_says_otherwise() {
        let people = People::parse(GOOD).unwrap();
        assert_eq!(people.persons[&PersonId::from("priya.nair")].channels, [PageChannel::Sms, PageChannel::Email]);
        let other = GOOD.replace("eligible", "channels = [\"email\", \"sms\"]\neligible");
        let people = People::parse(&other).unwrap();
        assert_eq!(people.persons[&PersonId::from("priya.nair")].channels, [PageChannel::Email, PageChannel::Sms]);
    }

    #[test]
    fn an_empty_list_of_channels_is_refused() {
        let text = GOOD.replace("eligible", "channels = []\neligible");
        let told: Vec<Code> = People::parse(&text).unwrap_err().iter().map(|problem| problem.code).collect();
        assert_eq!(told, [Code::T009]);
    }

    #[test]
    fn nobody_unreachable_gets_in_and_no_message_repeats_a_number() {
        let text = r#"
[[person]]
id = "a"
name = "A"
[[person]]
id = "b"
name = "B"
mobile = "0161 496 0000"
channels = ["email", "pigeon"]
[[person]]
id = "b"
name = "B"
email = "b.example.gov.uk"
"#;
        let told: Vec<String> = People::parse(text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "people.toml:2:1: error[N001]: this person cannot be reached (add `mobile` or `email`, at best both)",
                "people.toml:8:10: error[N002]: `mobile`: should be a mobile number (07...), since it gets texts",
                "people.toml:9:13: error[N004]: channel email needs `email` (add `email`, or take email out of `channels`)",
                "people.toml:9:22: error[T005]: there is no channel \"pigeon\" (it can be sms or email)",
                "people.toml:12:8: error[T010]: person \"b\" is there twice",
                "people.toml:13:9: error[N003]: `email`: should have an @",
            ]
        );
    }
}
