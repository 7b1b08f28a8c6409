//! The Notify transport: tokens, requests and the meaning of answers. Against a whole server: `tests/notify.rs`.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::id::PageId;

const KEY: &str = "night page-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0";
const TEMPLATE: &str = "f33517ff-2a88-4f6e-b855-c550268ce08a";

fn settings(directory: &tempfile::TempDir) -> NotifyConfig {
    let path = directory.path().join("key");
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    NotifyConfig { key_file: Some(path), sms_template: TEMPLATE.into(), ..NotifyConfig::default() }
}

fn notify() -> Notify {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(Clock::hand("2026-11-22T02:00:00Z".parse().unwrap()));
    Notify::new(&settings(&directory), true, false, clock).unwrap()
}

#[test]
fn a_token_is_three_parts_and_its_signature_is_over_the_first_two() {
    let key = ApiKey::parse(KEY).unwrap();
    let token = key.token("2026-11-22T02:00:00Z".parse().unwrap());
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(json(parts[0]), json!({ "typ": "JWT", "alg": "HS256" }));
    assert_eq!(json(parts[1]), json!({ "iss": "26785a09-ab16-4eb0-8407-a37497a57506", "iat": 1_795_312_800 }));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"3d844edf-8d35-48ac-975b-e847b4f122b0").unwrap();
    mac.update(format!("{}.{}", parts[0], parts[1]).as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
}

#[test]
fn only_a_whole_key_is_a_key() {
    for bad in [
        "",
        "name",
        &KEY[..KEY.len() - 1],
        "26785a09-ab16-4eb0-8407-a37497a57506",
        &KEY.replace("26785a09", "zzzzzzzz"),
    ] {
        assert!(ApiKey::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn settings_that_cannot_work_are_told_all_at_once_and_hold_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let good = settings(&directory);
    std::fs::write(good.key_file.as_ref().unwrap(), "3d844edf-half-a-key").unwrap();
    let config = NotifyConfig {
        sms_template: "the flood one".into(),
        number: Some("GOVUK".into()),
        url: "http://api.example.gov.uk".into(),
        timeout_s: 0,
        ..good
    };
    let told = Notify::new(&config, true, true, Arc::new(Clock::System)).unwrap_err();
    let keys: Vec<&str> = told.iter().map(|problem| problem.key).collect();
    assert_eq!(
        keys,
        [
            "notify.url",
            "notify.timeout_s",
            "notify.key_file",
            "notify.sms_template",
            "notify.email_template",
            "notify.number"
        ]
    );
    assert!(!format!("{told:?}").contains("half-a-key"), "{told:?}");
    assert!(!format!("{:?}", notify()).contains("3d844edf"));
}

#[test]
fn a_request_holds_the_page_as_the_one_placeholder_and_its_reference() {
    let message = Outgoing {
        page: PageId(512),
        reference: "page-512-mw3s7e7vdlv7".into(),
        to: Address::Mobile("+447700900123".into()),
        subject: String::new(),
        text: "WEXMOOR: water\nReply ACK 48213".into(),
        html: None,
        exercise: false,
    };
    let (kind, body) = notify().request(&message);
    assert_eq!(kind, "sms");
    assert_eq!(
        body,
        json!({
            "phone_number": "+447700900123", "template_id": TEMPLATE, "reference": "page-512-mw3s7e7vdlv7",
            "personalisation": { "message": "WEXMOOR: water\nReply ACK 48213" },
        })
    );
    let address = notify().address(&["v2", "notifications", "sms"]);
    assert_eq!(address.as_str(), "https://api.notifications.service.gov.uk/v2/notifications/sms");
}

#[test]
fn each_answer_means_what_notify_says_of_it() {
    let error = |status: u16, error: &str, message: &str| Answer {
        status,
        date: None,
        body: json!({ "status_code": status, "errors": [{ "error": error, "message": message }] }).to_string(),
    };
    for (answer, expected) in [
        (
            Answer { status: 201, date: None, body: "{\"id\":\"740e5834\"}".into() },
            "Accepted { detail: \"201 740e5834\" }",
        ),
        (
            error(400, "ValidationError", "phone_number Not a UK mobile number"),
            "Refused { why: \"400 ValidationError: phone_number Not a UK mobile number\", fault: Address }",
        ),
        (
            error(400, "BadRequestError", "Missing personalisation: message"),
            "Refused { why: \"400 BadRequestError: Missing personalisation: message\", fault: Service }",
        ),
        (
            error(403, "AuthError", "Invalid token: API key not found"),
            "Refused { why: \"403 AuthError: Invalid token: API key not found\", fault: Service }",
        ),
        (
            error(429, "RateLimitError", "Exceeded rate limit for key type live of 3000 requests per 60 seconds"),
            "Retryable { why: \"429 RateLimitError: Exceeded rate limit for key type live of 3000 requests per 60 seconds\" }",
        ),
        (
            error(500, "Exception", "Internal server error"),
            "Retryable { why: \"500 Exception: Internal server error\" }",
        ),
        (Answer { status: 502, date: None, body: "Bad gateway".into() }, "Unknown { why: \"502 Bad gateway\" }"),
        (Answer { status: 200, date: None, body: "a login page".into() }, "Unknown { why: \"200 a login page\" }"),
    ] {
        assert_eq!(format!("{:?}", notify().meaning(&answer)), expected);
    }
}

#[test]
fn a_refusal_for_a_wrong_clock_says_by_how_much() {
    let notify = notify();
    notify.ahead_s.store(47, Ordering::Relaxed);
    let refused = Answer { status: 403, date: None, body: "{}".into() };
    let SendOutcome::Retryable { why } = notify.meaning(&refused) else { panic!("it works once the clock is right") };
    assert!(why.starts_with("the clock of this machine is 47 s behind Notify's"), "{why}");
    notify.ahead_s.store(-90, Ordering::Relaxed);
    let why = format!("{:?}", notify.meaning(&refused));
    assert!(why.contains("90 s ahead of Notify's"), "{why}");
}

#[test]
fn numbers_and_instants_are_read_as_notify_writes_them() {
    let ours = PhoneNumber::parse("07700 900123").unwrap();
    assert_eq!(number("447700900123"), Some(ours.clone()));
    assert_eq!(number("07700900123"), Some(ours));
    assert_eq!(number("60777"), None);
    for given in ["2024-12-12 18:39:16.123346", "2024-12-12T18:39:16.123346Z"] {
        assert_eq!(instant(given), "2024-12-12T18:39:16.123346Z".parse().ok(), "{given}");
    }
}
