//! The contact desk of the made-up town: who rings, and how it is written down.
//!
//! Callers are numbers in a made-up telephone book: the same number has the same name each time it rings. Every phone
//! number is one that Ofcom keeps for drama (07700 900000 to 900999), every address ends in `example.org`. Contacts
//! come out as the JSON that the API and `callout import contacts` take.
//!
//! Not here: when people ring, and what about ([`super::history`], [`super::storm`], [`super::words`]).

use super::chance::Chance;
use super::gazetteer::{Place, PlaceKind, gazetteer};
use super::plan::Street;
use super::{shape, town};
use crate::domain::contact::Channel;
use crate::domain::place::{GridPoint, format_grid_reference};
use crate::domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// How many people the telephone book holds: one for each number kept for drama.
pub const CALLERS: usize = 1_000;

const FIRST: &[&str] = &[
    "Ada", "Amir", "Beth", "Callum", "Carys", "Dawn", "Dev", "Elin", "Farah", "Gareth", "Gwen", "Hana", "Iris",
    "Jamal", "Joan", "Kofi", "Lena", "Marek", "Nesta", "Olu", "Petra", "Rhys", "Sana", "Tess", "Vikram",
];
const LAST: &[&str] = &[
    "Alder",
    "Birchall",
    "Cresswell",
    "Dunnock",
    "Elmhurst",
    "Fennimore",
    "Garth",
    "Hollins",
    "Ivory",
    "Jessop",
    "Kettle",
    "Larkin",
    "Marlow",
    "Nettleton",
    "Oakes",
    "Pargeter",
    "Quill",
    "Rowan",
    "Sallow",
    "Thornley",
    "Underhill",
    "Vetch",
    "Weaver",
    "Yarrow",
    "Ashby",
    "Brackenbury",
    "Coppice",
    "Dell",
    "Eyre",
    "Furlong",
    "Gale",
    "Heath",
    "Ings",
    "Jarrow",
    "Knapp",
    "Linden",
    "Mere",
    "Northey",
    "Osier",
    "Pound",
];
/// Figures of each half of a grid reference as an advisor types it: to the metre.
const GRID_FIGURES: usize = 5;
/// What people prefer to be answered by, commonest first.
const PREFERS: &[(&str, f64)] = &[("phone", 5.0), ("sms", 3.0), ("email", 3.0), ("post", 0.3), ("none", 1.0)];
/// What a few of them need.
const NEEDS: &[&str] = &["polish", "urdu", "bsl", "text_relay"];

/// A spot in town: where it is, and on which street.
#[derive(Debug, Clone)]
pub struct Spot {
    /// The exact point.
    pub at: GridPoint,
    /// The street's name.
    pub street: &'static str,
}

impl Spot {
    /// A spot on `street` between the shares `from` and `to` of its length, up to `beside_m` metres off its middle.
    pub fn on(chance: &mut Chance, street: &'static Street, from: f64, to: f64, beside_m: f64) -> Self {
        let (point, normal) = shape::along(street.line, chance.between(from, to));
        let off = chance.between(-beside_m, beside_m);
        let at = town::on_grid((point.0 + normal.0 * off, point.1 + normal.1 * off));
        Self { at: GridPoint::from_metres(at.easting().round(), at.northing().round()), street: street.name }
    }
}

/// One contact before it is written down.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it came in, whole seconds.
    pub at: Timestamp,
    /// How.
    pub channel: Channel,
    /// For calls: whether somebody answered, and after how many seconds of waiting.
    pub queue: Option<(bool, u32)>,
    /// Which service it is for.
    pub service: &'static str,
    /// The tag that the advisor gave, if any.
    pub tag: Option<&'static str>,
    /// The words.
    pub text: String,
    /// Where it is about, if anywhere.
    pub spot: Option<Spot>,
    /// Somebody vulnerable is affected.
    pub vulnerable: bool,
    /// Who, as a number of the telephone book.
    pub caller: usize,
}

/// Writes contacts down; each gets the next number of its source.
#[derive(Debug, Clone)]
pub struct Desk {
    source: &'static str,
    prefix: &'static str,
    taken: u32,
    chance: Chance,
    postcodes: Vec<Place>,
}

impl Desk {
    /// A desk whose contacts come from `source` and are numbered `{prefix}-000001` and on.
    pub fn new(seed: u64, source: &'static str, prefix: &'static str) -> Self {
        let postcodes = gazetteer().into_iter().filter(|place| place.kind == PlaceKind::Postcode).collect();
        Self { source, prefix, taken: 0, chance: Chance::new(seed, prefix), postcodes }
    }

    /// The contact as JSON. A caller who gave up before an answer leaves a number and a wait, no words.
    pub fn write(&mut self, call: &Call) -> Value {
        self.taken += 1;
        let id = format!("{}-{:06}", self.prefix, self.taken);
        let mut contact = Map::new();
        let mut put = |key: &str, value: Value| contact.insert(key.to_owned(), value);
        put("source", json!(self.source));
        put("source_id", json!(id));
        put("channel", json!(call.channel.as_str()));
        put("received_at", json!(call.at.to_string()));
        let (answered, wait_s) = call.queue.map_or((true, None), |(answered, wait_s)| (answered, Some(wait_s)));
        if let Some(wait_s) = wait_s {
            put("answered", json!(answered));
            put("wait_s", json!(wait_s));
        }
        let phone = json!(format!("07700 900{:03}", call.caller % CALLERS));
        if !answered {
            put("caller", json!({ "phone": phone }));
            return Value::Object(contact);
        }
        put("service", json!(call.service));
        if let Some(tag) = call.tag {
            put("tags", json!([tag]));
        }
        put("text", json!(call.text));
        put("crm_ref", json!(format!("WX-{id}")));
        put("customer_ref", json!(format!("CU-{:04}", call.caller)));
        if call.vulnerable {
            put("vulnerable", json!(true));
        }
        if self.chance.one_in(0.015) {
            put("needs", json!([self.chance.pick(NEEDS)]));
        }
        if let Some(spot) = &call.spot {
            match self.chance.unit() {
                share if share < 0.58 => {
                    put("easting", json!(spot.at.easting()));
                    put("northing", json!(spot.at.northing()));
                }
                share if share < 0.72 => {
                    put("grid_ref", json!(format_grid_reference(spot.at, GRID_FIGURES)));
                }
                share if share < 0.86 => {
                    put("postcode", json!(self.nearest_postcode(spot)));
                }
                _ => {
                    put("place_text", json!(spot.street));
                }
            }
        }
        let (first, last) = (FIRST[call.caller % FIRST.len()], LAST[call.caller / FIRST.len() % LAST.len()]);
        let prefers = self.chance.weighted(PREFERS, |choice| choice.1).0;
        let mut caller = Map::new();
        caller.insert("name".to_owned(), json!(format!("{first} {last}")));
        caller.insert("prefers".to_owned(), json!(prefers));
        if matches!(call.channel, Channel::Phone | Channel::Sms) || self.chance.one_in(0.4) {
            caller.insert("phone".to_owned(), phone);
        }
        if call.channel == Channel::Email || prefers == "email" {
            let address = format!("{first}.{last}@example.org").to_lowercase();
            caller.insert("email".to_owned(), json!(address));
        }
        put("caller", Value::Object(caller));
        Value::Object(contact)
    }

    fn nearest_postcode(&self, spot: &Spot) -> &str {
        let near = self
            .postcodes
            .iter()
            .filter(|place| place.street == spot.street)
            .chain(&self.postcodes)
            .min_by(|a, b| a.at.distance_m(spot.at).total_cmp(&b.at.distance_m(spot.at)));
        &near.expect("the town has postcodes").name
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn call() -> Call {
        Call {
            at: "2026-11-20T20:21:07Z".parse().unwrap(),
            channel: Channel::Phone,
            queue: Some((true, 31)),
            service: "highways",
            tag: Some("flooding"),
            text: "Water over the kerb".to_owned(),
            spot: Some(Spot { at: GridPoint::from_metres(349_401.0, 325_322.0), street: "Mill Street" }),
            vulnerable: false,
            caller: 417,
        }
    }

    #[test]
    fn a_caller_keeps_name_and_number() {
        let mut desk = Desk::new(1, "demo", "T");
        let (first, second) = (desk.write(&call()), desk.write(&call()));
        assert_eq!(first["source_id"], "T-000001");
        assert_eq!(second["source_id"], "T-000002");
        assert_eq!(first["caller"]["phone"], "07700 900417");
        assert_eq!(first["caller"]["name"], second["caller"]["name"]);
    }

    #[test]
    fn who_gives_up_waiting_leaves_no_words() {
        let mut desk = Desk::new(1, "demo", "T");
        let gone = desk.write(&Call { queue: Some((false, 95)), ..call() });
        assert_eq!(
            gone,
            json!({
                "source": "demo", "source_id": "T-000001", "channel": "phone", "received_at": "2026-11-20T20:21:07Z",
                "answered": false, "wait_s": 95, "caller": { "phone": "07700 900417" },
            })
        );
    }
}
