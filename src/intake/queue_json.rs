//! Queue counts from JSON: one object, an array of them, or one to a line. The same reading as contacts have, so faults
//! are told alike: which field, where it stands, how to mend it, all at once.

use super::check::{AHEAD_MAX, Faults};
use super::contact_json::{NotJson, drafts, text_of};
use super::draft::{Draft, Given, Member};
use super::{BATCH_MAX, Reading};
use crate::domain::problem::did_you_mean;
use crate::domain::queue::{CALLS_MAX, INTERVAL_S_MAX, QueueCounts, WAIT_S_MAX};
use crate::domain::text::{clean_line, is_slug, to_slug};
use crate::domain::time::{SignedDuration, Timestamp, after, to_millis};
use crate::incoming::{Refused, Shape};

/// The fields of an interval, in the order of the documentation.
pub const FIELDS: [&str; 8] =
    ["source", "queue", "from", "interval_s", "offered", "answered", "abandoned", "mean_wait_s"];

/// An interval that ended longer ago says nothing of this week.
const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Reads all intervals of a body.
///
/// # Errors
/// Everything that is wrong with it; nothing is taken by halves.
pub fn read(body: &[u8], reading: &Reading<'_>) -> Result<(Shape, Vec<QueueCounts>), Refused> {
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
        faults.add(0, String::new(), None, "there is no interval in the body", "send at least one");
    }
    if drafts.len() > BATCH_MAX {
        let problem = format!("{} intervals in one batch", drafts.len());
        faults.add(BATCH_MAX, String::new(), None, &problem, &format!("send at most {BATCH_MAX} at a time"));
    }
    let counts: Vec<QueueCounts> =
        drafts.iter().take(BATCH_MAX).filter_map(|draft| check(draft, reading, &mut faults)).collect();
    if faults.is_empty() {
        return Ok((shape, counts));
    }
    let (faults, total) = faults.placed(text);
    Err(Refused::Fields { faults, total })
}

/// Checks one interval. `None` where it has faults, which are then in `faults`.
fn check(draft: &Draft<'_>, reading: &Reading<'_>, faults: &mut Faults) -> Option<QueueCounts> {
    let before = faults.total();
    let mut sheet = Sheet { draft, faults };
    sheet.strangers();
    let source = sheet.slug("source", false).unwrap_or_else(|| reading.sending.sender.to_owned());
    let queue = sheet.slug("queue", true);
    let from = sheet.time("from", reading.now);
    let interval_s = sheet.number("interval_s", 1, INTERVAL_S_MAX, true);
    let offered = sheet.number("offered", 0, CALLS_MAX, true);
    let answered = sheet.number("answered", 0, CALLS_MAX, true);
    let abandoned = sheet.number("abandoned", 0, CALLS_MAX, false);
    let wait_s = sheet.number("mean_wait_s", 0, WAIT_S_MAX, false);
    if let (Some(from), Some(interval_s)) = (from, interval_s)
        && after(from, OLDEST + SignedDuration::from_secs(i64::from(interval_s))) < reading.now
    {
        sheet.fault("from", &format!("{from} is over a week ago"), "send the intervals of this week");
    }
    if answered.is_some_and(|answered| answered > 0) && wait_s.is_none() && !sheet.has("mean_wait_s") {
        sheet.fault(
            "mean_wait_s",
            "this is missing",
            "give the mean wait of answered calls in seconds; 0 if none waited",
        );
    }
    if faults.total() > before {
        return None;
    }
    Some(QueueCounts {
        source,
        queue: queue?,
        from: from?,
        interval_s: interval_s?,
        offered: offered?,
        answered: answered?,
        abandoned: abandoned.unwrap_or(0),
        wait_s: wait_s.unwrap_or(0),
    })
}

struct Sheet<'d, 'f> {
    draft: &'d Draft<'d>,
    faults: &'f mut Faults,
}

impl<'d> Sheet<'d, '_> {
    fn member(&self, name: &str) -> Option<&'d Member<'d>> {
        self.draft.members.iter().find(|member| member.name == name && member.value != Given::Null)
    }

    fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    fn fault(&mut self, name: &str, problem: &str, remedy: &str) {
        let named = clean_line(name).chars().take(80).collect::<String>().replace('~', "~0").replace('/', "~1");
        let pointer = format!("{}/{named}", self.draft.pointer);
        let at = self.member(name).map_or(self.draft.at, |member| member.at);
        self.faults.add(self.draft.index, pointer, Some(at), problem, remedy);
    }

    /// Fields that no interval has, and fields that are there twice.
    fn strangers(&mut self) {
        let members = &self.draft.members;
        for (at, member) in members.iter().enumerate() {
            if !FIELDS.contains(&member.name.as_ref()) {
                let remedy = match did_you_mean(&member.name, FIELDS) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!("leave it out; an interval has {}", FIELDS.join(", ")),
                };
                self.fault(&member.name, "unknown field", &remedy);
            } else if members[..at].iter().any(|earlier| earlier.name == member.name) {
                self.fault(&member.name, "given twice", "give it once");
            }
        }
    }

    fn text(&mut self, name: &str, needed: bool) -> Option<&'d str> {
        match self.member(name).map(|member| &member.value) {
            Some(Given::Text(text)) if !text.trim().is_empty() => Some(text.trim()),
            Some(Given::Text(_)) | None => {
                if needed {
                    self.fault(name, "this is missing", &format!("add \"{name}\""));
                }
                None
            }
            Some(other) => {
                self.fault(name, &format!("this should be a text, and is {}", other.kind()), "put it in quotes");
                None
            }
        }
    }

    fn slug(&mut self, name: &str, needed: bool) -> Option<String> {
        let text = self.text(name, needed)?;
        if is_slug(text) {
            return Some(text.to_owned());
        }
        let example = Some(to_slug(text)).filter(|slug| !slug.is_empty()).unwrap_or_else(|| "main".to_owned());
        self.fault(
            name,
            "this is not a name",
            &format!("use lower-case letters, digits, _ - and ., e.g. \"{example}\""),
        );
        None
    }

    fn number(&mut self, name: &str, min: u32, max: u32, needed: bool) -> Option<u32> {
        let digits = match self.member(name).map(|member| &member.value) {
            Some(Given::Number(digits)) => *digits,
            Some(other) => {
                let problem = format!("this should be a number, and is {}", other.kind());
                self.fault(name, &problem, "send it without quotes");
                return None;
            }
            None => {
                if needed {
                    self.fault(name, "this is missing", &format!("add \"{name}\", {min} to {max}"));
                }
                return None;
            }
        };
        // Some systems give a mean wait in fractions; whole seconds are counted.
        let number = digits.parse::<f64>().ok().filter(|number| (f64::from(min)..=f64::from(max)).contains(number));
        if number.is_none() {
            let shown: String = digits.chars().take(20).collect();
            self.fault(name, &format!("{shown} is out of range"), &format!("use {min} to {max}"));
        }
        number.map(|number| number.round() as u32)
    }

    fn time(&mut self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let text = self.text(name, true)?;
        let at = (!text.contains('[')).then(|| text.parse::<Timestamp>().ok()).flatten().map(to_millis);
        let Some(at) = at else {
            let example = now.strftime("%Y-%m-%dT%H:%M:%SZ");
            let remedy = format!("write it as RFC 3339 does, with its offset, e.g. \"{example}\"");
            self.fault(name, "this is not an instant", &remedy);
            return None;
        };
        if at > after(now, AHEAD_MAX) {
            let problem = format!("{at} lies in the future; it is {now} now");
            self.fault(name, &problem, "check the sender's clock and the offset (is summer time counted twice?)");
            return None;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::ownership::OwnerAnswer;
    use crate::domain::place::{GridPoint, LatLon, Located};
    use crate::incoming::Sending;
    use crate::keys::InstallationKey;

    struct NoLand;
    impl crate::land::Land for NoLand {
        fn to_grid(&self, _: LatLon) -> Option<GridPoint> {
            None
        }
        fn to_lat_lon(&self, _: GridPoint) -> Option<LatLon> {
            None
        }
        fn owner(&self, _: Located) -> OwnerAnswer {
            unreachable!("a queue has no place")
        }
        fn body(&self, _: Located) -> Option<crate::domain::id::BodyId> {
            None
        }
    }

    fn parse(body: &str) -> Result<(Shape, Vec<QueueCounts>), Vec<String>> {
        let keys = InstallationKey::in_memory(0);
        let sending = Sending { sender: "telephony", idempotency_key: None, history: false, lines: false };
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let reading = Reading { now, land: &NoLand, classify: &|_| Vec::new(), keys: &keys, sending: &sending };
        read(body.as_bytes(), &reading).map_err(|refused| match refused {
            Refused::NotJson(faults) | Refused::Fields { faults, .. } => faults
                .iter()
                .map(|fault| {
                    let place = fault.position.map_or((0, 0), |place| (place.line, place.column));
                    format!("{} {}:{} {}", fault.pointer, place.0, place.1, fault.problem)
                })
                .collect(),
        })
    }

    #[test]
    fn an_interval_is_read_with_its_senders_name() {
        let body = r#"{"queue": "main", "from": "2026-11-20T11:45:00Z", "interval_s": 900, "offered": 40, "answered": 38,
                      "abandoned": 2, "mean_wait_s": 31.6}"#;
        let (shape, counts) = parse(body).unwrap();
        assert_eq!((shape, counts[0].name().as_str(), counts[0].wait_s), (Shape::One, "telephony/main", 32));
    }

    #[test]
    fn all_faults_of_a_batch_are_told_with_field_and_place() {
        let body = "[{\"queue\": \"main\", \"from\": \"2026-11-20T11:45:00Z\", \"interval_s\": 900, \"offered\": 4, \"answered\": 0},\n\
                    {\"queue\": \"Main queue\", \"from\": \"2027-01-01T00:00:00Z\", \"interval_s\": 0, \"ofered\": 4, \"answered\": -1}]";
        assert_eq!(
            parse(body).unwrap_err(),
            [
                "/1/ofered 2:84 unknown field",
                "/1/queue 2:11 this is not a name",
                "/1/from 2:33 2027-01-01T00:00:00Z lies in the future; it is 2026-11-20T12:00:00Z now",
                "/1/interval_s 2:71 0 is out of range",
                "/1/offered 2:1 this is missing",
                "/1/answered 2:99 -1 is out of range",
            ]
        );
    }
}
