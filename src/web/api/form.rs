//! A small body of named fields, as JSON from scripts or as a form from a browser, read field by field with all
//! faults told at once.

use crate::domain::id::Seq;
use crate::domain::problem::did_you_mean;
use crate::domain::text::{clean_words, is_slug};
use crate::domain::time::Timestamp;
use crate::incoming::Fault;
use crate::web::call::{Call, pairs};
use crate::web::problem::{Kind, Problem};
use crate::web::sessions::csrf_fits;
use serde_json::{Map, Value};

/// Longest text that a person types into an incident, in characters.
pub const WORDS_MAX: usize = 20_000;

/// A body's fields, taken out one by one.
#[derive(Debug)]
pub struct Form {
    fields: Map<String, Value>,
    asked: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Form {
    /// Reads the body: `application/json` (an object; nothing counts as an empty one) or a browser's form, whose
    /// `csrf` field must be that of the session.
    pub async fn read(call: &mut Call) -> Result<Self, Problem> {
        let max = call.app.limits.body_bytes_max;
        let content_type = call.content_type();
        let body = call.bytes(max).await?;
        let mut fields = match content_type.as_deref() {
            Some("application/x-www-form-urlencoded") => {
                let text = String::from_utf8_lossy(&body);
                pairs(&text).into_iter().map(|(name, value)| (name, Value::String(value))).collect()
            }
            Some("application/json") | None => object(&body)?,
            Some(_) => {
                return Err(Problem::new(Kind::MediaType, "send application/json, or a form from a page of callout"));
            }
        };
        let csrf = fields.remove("csrf");
        let given = csrf.as_ref().and_then(Value::as_str).or_else(|| call.header(crate::web::sign_in::CSRF_HEADER));
        if !csrf_fits(&call.who, given) {
            return Err(Problem::new(
                Kind::NotAllowed,
                "this form is not of your session; reload the page and try again",
            ));
        }
        Ok(Self { fields, asked: Vec::new(), faults: Vec::new() })
    }

    #[cfg(test)]
    fn of(value: Value) -> Self {
        let Value::Object(fields) = value else { panic!("an object") };
        Self { fields, asked: Vec::new(), faults: Vec::new() }
    }

    /// Notes a fault of a field.
    pub fn fault(&mut self, name: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(Fault {
            index: 0,
            pointer: format!("/{name}"),
            position: None,
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.fields.remove(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A text of at most `max` characters, cleaned.
    pub fn text(&mut self, name: &'static str, max: usize) -> Option<String> {
        let text = match self.take(name)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => {
                self.fault(name, "this should be a text", "put it in quotes");
                return None;
            }
        };
        let text = clean_words(&text).into_owned();
        let length = text.chars().count();
        if length > max {
            self.fault(name, format!("{length} characters are too many"), format!("use at most {max}"));
            return None;
        }
        (!text.is_empty()).then_some(text)
    }

    /// A secret, exactly as it was typed; empty where it is absent or longer than `max` bytes.
    pub fn secret(&mut self, name: &'static str, max: usize) -> String {
        match self.take(name) {
            Some(Value::String(text)) if text.len() <= max => text,
            _ => String::new(),
        }
    }

    /// A text that must be there; empty, with a fault noted, where it isn't.
    pub fn needed(&mut self, name: &'static str, max: usize, remedy: &str) -> String {
        let before = self.faults.len();
        let text = self.text(name, max);
        if text.is_none() && self.faults.len() == before {
            self.fault(name, "this is missing", remedy);
        }
        text.unwrap_or_default()
    }

    /// A name such as a topic or a playbook.
    pub fn name(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name, 64)?;
        if is_slug(&text) {
            return Some(text);
        }
        self.fault(name, "this is not a name", "use lower-case letters, digits, _ - and .");
        None
    }

    /// One of some words.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, 64)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let meant = did_you_mean(&text, words.iter().copied());
        let remedy = match meant {
            Some(meant) => format!("did you mean \"{meant}\"? It is one of {}", words.join(", ")),
            None => format!("use one of {}", words.join(", ")),
        };
        self.fault(name, "there is no such choice", remedy);
        None
    }

    /// A finite number.
    pub fn number(&mut self, name: &'static str) -> Option<f64> {
        let number = match self.take(name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.fault(name, "this is not a number", "use digits, with a point for decimals");
        }
        number
    }

    /// Numbers of entries of the log, `max` at most: a list, one number, or a text with numbers between commas or spaces.
    pub fn entries(&mut self, name: &'static str, max: usize) -> Vec<Seq> {
        let given = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(given)) => given,
            Some(Value::String(text)) => {
                let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
                parts.map(|part| Value::String(part.to_owned())).collect()
            }
            Some(one) => vec![one],
        };
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let numbers: Vec<Seq> = given.iter().filter_map(number).filter(|number| *number > 0).map(Seq).collect();
        if numbers.len() < given.len() {
            self.fault(name, "this is not an entry's number", "entries of the log have whole numbers, e.g. 20418");
        } else if numbers.len() > max {
            self.fault(name, format!("{} entries are too many", numbers.len()), format!("name at most {max}"));
        }
        numbers
    }

    /// Yes or no; absent is no.
    pub fn yes(&mut self, name: &'static str) -> bool {
        match self.take(name) {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(Value::String(text)) if matches!(text.as_str(), "1" | "true" | "yes" | "on") => true,
            Some(Value::String(text)) if matches!(text.as_str(), "0" | "false" | "no") => false,
            Some(_) => {
                self.fault(name, "this is neither true nor false", "send true or false");
                false
            }
        }
    }

    /// An instant with its offset.
    pub fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name, 64)?;
        let at = (!text.contains('[')).then(|| text.parse::<Timestamp>().ok()).flatten();
        if at.is_none() {
            self.fault(name, "this is not an instant", "write it as RFC 3339 does, e.g. \"2026-11-22T02:00:00Z\"");
        }
        at.map(crate::domain::time::to_millis)
    }

    /// All faults, with a fault for each field that nobody asked for; or all is well.
    pub fn finish(mut self) -> Result<(), Problem> {
        let strangers: Vec<String> = self.fields.keys().cloned().collect();
        for stranger in strangers {
            let name: String = stranger.chars().take(40).collect();
            let remedy = match did_you_mean(&name, self.asked.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("leave it out; the fields here are {}", self.asked.join(", ")),
            };
            let pointer = name.replace('~', "~0").replace('/', "~1");
            self.fault(&pointer, "unknown field", remedy);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::fields(self.faults)) }
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::field("", "this is JSON, but no object", "send {\"name\": value, ...}")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let detail = format!("reading stopped at line {line}, column {column}; nothing was taken");
            Err(Problem::new(Kind::NotJson, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn all_faults_of_a_form_are_told_at_once() {
        let mut form = Form::of(json!({"reson": "x", "severity": "4", "exercise": "maybe", "from": "today"}));
        assert_eq!(form.needed("reason", 100, "say why"), "");
        assert_eq!(form.one_of("severity", &[("1", 1), ("2", 2)]), None);
        assert!(!form.yes("exercise"));
        assert_eq!(form.time("from"), None);
        let problem = form.finish().unwrap_err();
        let told: Vec<_> = problem.errors.iter().map(|fault| format!("{} {}", fault.pointer, fault.problem)).collect();
        assert_eq!(
            told,
            [
                "/reason this is missing",
                "/severity there is no such choice",
                "/exercise this is neither true nor false",
                "/from this is not an instant",
                "/reson unknown field"
            ]
        );
        assert_eq!(problem.errors[4].remedy, "did you mean \"reason\"?");
    }

    #[test]
    fn entries_are_named_by_a_list_a_number_or_numbers_in_a_text() {
        for value in [json!({"relies_on": [7, "9"]}), json!({"relies_on": "7, 9"}), json!({"relies_on": "7 9"})] {
            let mut form = Form::of(value);
            assert_eq!(form.entries("relies_on", 2), [Seq(7), Seq(9)]);
            form.finish().unwrap();
        }
        for value in [json!({"relies_on": "seven"}), json!({"relies_on": [1, 2, 3]}), json!({"relies_on": 0})] {
            let mut form = Form::of(value);
            form.entries("relies_on", 2);
            assert_eq!(form.finish().unwrap_err().errors.len(), 1);
        }
    }

    #[test]
    fn numbers_and_choices_are_taken_from_json_and_from_forms_alike() {
        for value in [json!({"severity": 2, "easting": 380376.5}), json!({"severity": "2", "easting": "380376.5"})] {
            let mut form = Form::of(value);
            assert_eq!(form.one_of("severity", &[("2", 2)]), Some(2));
            assert_eq!(form.number("easting"), Some(380_376.5));
            form.finish().unwrap();
        }
    }
}
