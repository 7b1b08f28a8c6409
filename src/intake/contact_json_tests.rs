//! What JSON is taken, what is refused, and what the refusal says.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::contact::Channel;
use crate::domain::id::{BodyId, Tag};
use crate::domain::ownership::{Confidence, OwnerAnswer};
use crate::domain::place::{GridPoint, LatLon, Located};
use crate::incoming::{Fault, Sending};
use crate::keys::InstallationKey;
use crate::land::Land;

/// A land book that knows a crude grid around Bury, with one owner for all of it.
struct Flat;

impl Land for Flat {
    fn to_grid(&self, place: LatLon) -> Option<GridPoint> {
        ((49.0..61.0).contains(&place.lat) && (-9.0..2.1).contains(&place.lon)).then(|| {
            GridPoint::from_metres(380_000.0 + (place.lon + 2.3) * 66_000.0, 411_000.0 + (place.lat - 53.6) * 111_000.0)
        })
    }
    fn to_lat_lon(&self, _: GridPoint) -> Option<LatLon> {
        None
    }
    fn owner(&self, _: Located) -> OwnerAnswer {
        OwnerAnswer {
            body: Some(BodyId::from("highways")),
            confidence: Confidence::Confident,
            epoch: 1,
            ..OwnerAnswer::unknown("", "", "")
        }
    }
}

fn read_with(body: &str, lines: bool, key: Option<&str>) -> Result<(Shape, Vec<Parsed>), Refused> {
    read_bytes(body.as_bytes(), lines, key)
}

fn read_bytes(body: &[u8], lines: bool, idempotency_key: Option<&str>) -> Result<(Shape, Vec<Parsed>), Refused> {
    let reading = Reading {
        now: "2026-11-22T02:00:00Z".parse().unwrap(),
        land: &Flat,
        classify: &|text| if text.contains("drain") { vec![Tag::from("drains")] } else { Vec::new() },
        keys: &InstallationKey::in_memory(1),
        sending: &Sending { sender: "crm", idempotency_key, history: false, lines },
    };
    read(body, &reading)
}

fn one(body: &str) -> Parsed {
    let (shape, mut parsed) = read_with(body, false, None).unwrap();
    assert_eq!((shape, parsed.len()), (Shape::One, 1));
    parsed.remove(0)
}

fn faults(body: &str) -> Vec<Fault> {
    match read_with(body, false, None) {
        Err(Refused::Fields { faults, .. } | Refused::NotJson(faults)) => faults,
        Ok(parsed) => panic!("taken: {parsed:?}"),
    }
}

/// The faults as `pointer line:column problem | remedy`, one to a line.
fn told(body: &str) -> String {
    faults(body)
        .iter()
        .map(|fault| {
            let place = fault.position.map(|place| format!("{}:{}", place.line, place.column)).unwrap_or_default();
            format!("{} {place} {} | {}\n", fault.pointer, fault.problem, fault.remedy)
        })
        .collect()
}

#[test]
fn a_whole_contact_is_parted_into_what_the_log_may_hold_and_what_is_personal() {
    let parsed = one(
        r#"{"source":"crm","source_id":"CAS-1","channel":"phone","received_at":"2026-11-22T01:58:00+00:00",
        "occurred_at":"2026-11-22T01:30:00+00:00","service":"highways","tags":["flooding","flooding"],
        "text":"water over the kerb\u0000 and the drain","easting":380376.4,"northing":410712.6,"answered":true,"wait_s":31.6,
        "crm_ref":"CAS-1","customer_ref":"991","needs":["bsl"],"vulnerable":true,
        "caller":{"name":"A. Caller","phone":"07700 900123","email":"a@example.gov.uk","prefers":"sms"}}"#,
    );
    assert_eq!(parsed.doubts, []);
    let contact = &parsed.contact;
    assert_eq!(contact.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["drains", "flooding"]);
    assert_eq!(contact.place, Some(GridPoint::from_metres(380_380.0, 410_710.0)), "the log holds 10 m");
    assert_eq!(contact.body, Some(BodyId::from("highways")));
    assert_eq!((contact.wait_s, contact.answered), (Some(32), Some(true)));
    assert_eq!(parsed.detail.place, Some(GridPoint::from_metres(380_376.4, 410_712.6)));
    assert_eq!(parsed.detail.text.as_deref(), Some("water over the kerb and the drain"));
    let log = serde_json::to_string(contact).unwrap();
    for personal in ["CAS-1", "991", "kerb", "07700", "Caller", "bsl", "380376"] {
        assert!(!log.contains(personal), "{personal} must not reach the log: {log}");
    }
}

#[test]
fn the_time_and_the_source_have_defaults() {
    let parsed = one(r#"{"channel":"email"}"#);
    assert_eq!(parsed.contact.received_at.to_string(), "2026-11-22T02:00:00Z");
    assert_eq!(parsed.contact.source, "crm");
    assert_eq!(parsed.contact.key, None, "without a number of its own every sending counts");
}

#[test]
fn all_faults_are_told_at_once_with_place_and_remedy() {
    let told = told(
        r#"{
  "chanel": "phone",
  "received_at": "2026-11-22T02:00:00",
  "wait_s": "31",
  "tags": ["Street Flooding", 7],
  "caller": {"phonne": "07700 900123", "prefers": "carrier pigeon"},
  "lat": 53.6,
  "grid_ref": "SD 80376 10712"
}"#,
    );
    let expected = r#"/chanel 2:13 unknown field "chanel" | did you mean "channel"?
 1:1 the channel is missing | add "channel", one of phone, email, face_to_face, web_form, webchat, social, letter, sms, portal, open311
/received_at 3:18 "2026-11-22T02:00:00" is not an instant | add the offset from UTC, e.g. "2026-11-22T02:00:00Z" or "2026-11-22T02:00:00+01:00"
/tags/1 5:31 this should be a text, and is a number | put it in quotes
/tags/0 5:11 "Street Flooding" is not a tag | use lower-case letters, digits, _ - and ., e.g. "street_flooding"
/wait_s 4:13 "wait_s" should be a number, and this is a text | send it without quotes
/caller/phonne 6:24 unknown field "phonne" | did you mean "phone"? caller has name, phone, email, prefers
/caller/prefers 6:51 "carrier pigeon" is no way to answer | use one of email, sms, phone, post, none
/grid_ref 8:15 the place is given twice: as "lat+lon" and as "grid_ref" | give one of them: the one that the caller meant
"#;
    assert_eq!(told, expected);
}

#[test]
fn a_batch_with_one_bad_contact_is_refused_whole_and_the_bad_one_named() {
    let told = told(r#"[{"channel":"sms"},{"channel":"sms","received_at":"yesterday"}]"#);
    assert_eq!(
        told,
        "/1/received_at 1:51 \"yesterday\" is not an instant | write it as RFC 3339 does, e.g. \"2026-11-22T02:00:00Z\"\n"
    );
}

#[test]
fn arrays_lines_and_single_objects_are_told_apart_by_their_shape() {
    for (body, shape, contacts) in [
        (r#"{"channel":"sms"}"#, Shape::One, 1),
        (r#" [{"channel":"sms"},{"channel":"sms"}] "#, Shape::Many, 2),
        ("{\"channel\":\"sms\"}\n\n{\"channel\":\"sms\"}\r\n", Shape::Many, 2),
        ("\u{feff}{\"channel\":\"sms\"}", Shape::One, 1),
    ] {
        let (got, parsed) = read_with(body, false, None).unwrap();
        assert_eq!((got, parsed.len()), (shape, contacts), "{body}");
    }
    let (shape, parsed) = read_with("{\"channel\":\"sms\"}\n", true, None).unwrap();
    assert_eq!((shape, parsed.len()), (Shape::Many, 1), "one line is still lines, when the sender says so");
}

#[test]
fn what_is_not_json_is_refused_where_it_breaks() {
    for (body, expected) in [
        (r#"{"channel": phone}"#, " 1:13 not JSON: expected value"),
        ("{\"channel\":\n\"sms\"", " 2:5 not JSON: EOF while parsing an object"),
        ("", "  the body is empty"),
        ("{\"channel\":\"sms\"}\n{\"channel\":}", "/1 2:12 not JSON: expected value"),
        ("{\"channel\":\"sms\"} x", " 1:19 not JSON: trailing characters"),
        ("hello", " 1:1 not JSON: expected value"),
    ] {
        let told = told(body);
        assert!(told.starts_with(expected), "{body}: {told}");
        assert!(matches!(read_with(body, false, None), Err(Refused::NotJson(_))), "{body}");
    }
    let broken = read_bytes(&[b'{', b'"', 0xff], false, None);
    assert!(matches!(broken, Err(Refused::NotJson(faults)) if faults[0].problem.contains("UTF-8")));
}

#[test]
fn json_that_is_no_contact_is_refused_and_nothing_panics() {
    for (body, expected) in [
        ("7", "this is JSON, but no contact"),
        ("[]", "there is no contact"),
        ("[7]", "a contact should be an object, and this is a number"),
        (r#"{"channel":"sms","text":"\ud800"}"#, "not JSON: "),
        (r#"{"channel":"sms","channel":"sms"}"#, "given twice"),
        (r#"{"channel":"sms","text":{"a":[[[1]]]}}"#, "should be a text, and this is an object"),
        (r#"{"channel":"sms","wait_s":1e999}"#, "is not a number"),
        (r#"{"channel":"sms","wait_s":-1}"#, "out of range"),
        (r#"{"channel":"sms","lat":91,"lon":0}"#, "not on Earth"),
        (r#"{"channel":"sms","lat":53}"#, "\"lat\" is given without \"lon\""),
        (r#"{"channel":"sms","uprn":"12a"}"#, "a UPRN has 1 to 12 digits"),
        (r#"{"channel":"sms","grid_ref":"XX 1"}"#, "not a 100 km square"),
        (r#"{"channel":"sms","received_at":"2026-11-22T02:06:00Z"}"#, "lies in the future"),
        (r#"{"channel":"sms","received_at":"1970-01-01T00:00:00Z"}"#, "too long ago"),
        (r#"{"channel":"sms","source":"My CRM"}"#, "is not a name for \"source\""),
    ] {
        let told = told(body);
        assert!(told.contains(expected), "{body}: {told}");
    }
    let deep = format!("{{\"channel\":\"sms\",\"text\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(told(&deep).contains("this is an array"));
}

#[test]
fn a_place_that_cannot_be_right_is_told_and_kept_as_given_and_the_contact_is_taken() {
    for (place, doubt, given) in [
        (r#""lat":0,"lon":0"#, "0,0 is what a device sends", "lat 0, lon 0"),
        (r#""lat":-2.29,"lon":53.59"#, "the other way round is", "lat -2.29, lon 53.59"),
        (r#""lat":42.3574,"lon":-71.0648"#, "not in Great Britain", "lat 42.3574, lon -71.0648"),
        (r#""easting":0,"northing":0"#, "0,0 is what a device sends", "easting 0, northing 0"),
        (r#""easting":1e300,"northing":410712"#, "outside the National Grid", "easting 1"),
        (r#""easting":53.5,"northing":-2.2"#, "outside the National Grid", "easting 53.5, northing -2.2"),
        (r#""postcode":"BURY""#, "does not look like a postcode", "postcode BURY"),
    ] {
        let parsed = one(&format!(r#"{{"channel":"sms",{place}}}"#));
        assert_eq!(
            (parsed.contact.place, parsed.detail.place, parsed.contact.body.clone()),
            (None, None, None),
            "{place}"
        );
        assert!(
            parsed.detail.place_given.as_deref().is_some_and(|kept| kept.starts_with(given)),
            "{place}: {parsed:?}"
        );
        assert!(parsed.doubts.len() == 1 && parsed.doubts[0].problem.contains(doubt), "{place}: {:?}", parsed.doubts);
        assert!(parsed.doubts[0].position.is_some_and(|at| at.line == 1 && at.column > 1));
    }
    for (place, given) in [
        (r#""postcode":"bl9 0sw""#, Some("postcode bl9 0sw")),
        (r#""uprn":100012345678"#, Some("uprn 100012345678")),
        (r#""usrn":"33600123""#, Some("usrn 33600123")),
        (r#""place_text":"behind the mill""#, Some("behind the mill")),
        (r#""grid_ref":"SD 80376 10712""#, Some("SD 80376 10712")),
        (r#""lat":53.6,"lon":-2.3"#, None),
    ] {
        let parsed = one(&format!(r#"{{"channel":"sms",{place}}}"#));
        assert_eq!((parsed.detail.place_given.as_deref(), parsed.doubts.len()), (given, 0), "{place}");
    }
}

#[test]
fn a_contact_is_known_again_by_its_senders_number_or_by_the_requests_key_and_position() {
    let key = |body: &str, header| {
        read_with(body, false, header).unwrap().1.into_iter().map(|p| p.contact.key).collect::<Vec<_>>()
    };
    let by_number = key(r#"{"channel":"sms","source_id":"17"}"#, None);
    assert_eq!(by_number[0].as_ref().map(String::len), Some(32));
    assert_eq!(
        key(r#"{"channel":"sms","source_id":17}"#, Some("abc")),
        by_number,
        "the contact's own number comes first"
    );
    let batch = key(r#"[{"channel":"sms"},{"channel":"sms"}]"#, Some("abc"));
    assert_ne!(batch[0], batch[1]);
    assert_eq!(batch, key(r#"[{"channel":"sms"},{"channel":"sms"}]"#, Some("abc")));
    assert_ne!(batch[0], key(r#"{"channel":"sms"}"#, Some("abd"))[0]);
}

#[test]
fn what_the_trace_could_print_of_a_fault_is_cut() {
    let long = format!(r#"{{"channel":"{}"}}"#, "x".repeat(10_000));
    assert!(faults(&long)[0].problem.len() < 100);
}

#[test]
fn thousands_of_faults_are_counted_and_the_first_hundred_told() {
    let body = format!("[{}]", vec![r#"{"chanel":"sms"}"#; 600].join(","));
    let Err(Refused::Fields { faults, total }) = read_with(&body, false, None) else { panic!("taken") };
    assert_eq!((faults.len(), total), (100, 1_200));
    let body = format!("[{}]", vec![r#"{"channel":"sms"}"#; 1_001].join(","));
    assert!(told(&body).contains("1001 contacts in one batch"));
}

#[test]
fn every_channel_has_a_word() {
    for channel in Channel::ALL {
        assert_eq!(one(&format!(r#"{{"channel":"{}"}}"#, channel.as_str())).contact.channel, channel);
    }
    assert!(told(r#"{"channel":"Face to face"}"#).contains("did you mean \"face_to_face\"?"));
}
