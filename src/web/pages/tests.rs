//! What must hold of every page, on the samples. With `CALLOUT_PREVIEW` set they are also written to
//! `target/console-preview/` to be looked at and to be tested in a browser.

use super::samples;
use super::*;
use crate::web::view::{Entry, PhoneState};
use std::path::Path;

/// Every page by the name of its preview, as it is with the console built.
fn pages() -> Vec<(&'static str, String)> {
    let (real, demo) = (samples::chrome(), samples::demo_chrome());
    macro_rules! console {
        ($chrome:expr, $template:ident, $section:ident, $page:expr) => {
            render(&$template { chrome: $chrome, section: Section::$section, page: &$page })
        };
    }
    vec![
        ("start", console!(&real, StartTemplate, Start, samples::start())),
        ("start-demo", console!(&demo, StartTemplate, Start, samples::start())),
        ("incident", console!(&real, IncidentTemplate, Incidents, samples::incident())),
        ("incidents", console!(&real, IncidentsTemplate, Incidents, samples::incidents())),
        ("incidents-errors", console!(&real, IncidentsTemplate, Incidents, samples::incidents_with_errors())),
        ("contact", console!(&real, ContactTemplate, Contact, samples::contact())),
        ("contact-logged", console!(&real, ContactTemplate, Contact, samples::contact_logged())),
        ("contact-errors", console!(&real, ContactTemplate, Contact, samples::contact_with_errors())),
        ("phone", phone(&real, &samples::phone())),
        ("phone-mine", phone(&real, &samples::phone_mine())),
        ("phone-taken", phone(&real, &samples::phone_taken())),
        (
            "phone-declined",
            phone(&demo, &samples::phone_in(PhoneState::Declined { next: "We are paging Imran Shah now.".into() })),
        ),
        ("wall", wall(&real, &samples::wall())),
        ("log", console!(&real, LogTemplate, Log, samples::log())),
        ("outbox", console!(&demo, OutboxTemplate, Outbox, samples::outbox())),
        ("rota", console!(&real, RotaTemplate, OnCall, samples::rota())),
        ("sign-in", sign_in(&Chrome { user: None, ..samples::chrome() }, &samples::sign_in())),
        ("error-404", error(&real, &ErrorPage::not_found("/incidents/INC-9"))),
        ("error-400", error(&real, &ErrorPage::bad_request(vec!["severity: 4 does not exist; use 1, 2 or 3".into()]))),
        ("error-500", error(&real, &ErrorPage::broken())),
        ("error-503", error(&real, &ErrorPage::busy("The disk is full; the administrator has been paged."))),
        ("notice", notice()),
    ]
}

/// The forms of a page that post, each from `<form` to `</form>`.
fn posting_forms(html: &str) -> Vec<&str> {
    html.split("<form")
        .skip(1)
        .map(|rest| rest.split("</form>").next().expect("split gives one"))
        .filter(|form| form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\"")))
        .collect()
}

#[test]
fn no_page_holds_what_the_content_policy_forbids() {
    for (name, html) in pages() {
        for forbidden in
            [" style=", "<style", " onclick=", " onload=", " onsubmit=", "javascript:", "data:", "http-equiv"]
        {
            assert!(!html.contains(forbidden), "{name} holds {forbidden}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "{name} has an inline or foreign script");
        }
    }
}

#[test]
fn every_form_that_posts_carries_the_token() {
    for (name, html) in pages() {
        for form in posting_forms(&html) {
            assert!(form.contains("name=\"csrf\" value=\"sample-form-token\""), "{name}: a form without csrf: {form}");
        }
    }
    let (_, room) = pages().into_iter().find(|(name, _)| *name == "incident").expect("it is there");
    assert!(posting_forms(&room).len() >= 8, "entry, stand down, and one for each task");
}

#[test]
fn a_script_typed_as_a_note_stays_text() {
    let hostile = "<script>alert(1)</script>\"'&";
    let mut page = samples::incident();
    page.title = hostile.into();
    page.entries = samples::runs(vec![Entry {
        text: hostile.into(),
        title: hostile.into(),
        by: hostile.into(),
        ..Entry::default()
    }]);
    page.people[0].detail = hostile.into();
    page.entry_form.text.value = hostile.into();
    let html = render(&IncidentTemplate { chrome: &samples::chrome(), section: Section::Incidents, page: &page });
    assert!(!html.contains("<script>alert"), "the script came through as markup");
    assert!(!html.contains("value=\"<script"), "a value broke out of its attribute");
    assert!(html.contains("&#60;script&#62;alert(1)"), "the words are shown as they were typed");
}

#[test]
fn acknowledging_is_a_plain_form_that_needs_no_script() {
    let html = phone(&samples::chrome(), &samples::phone());
    let forms = posting_forms(&html);
    assert_eq!(forms.len(), 1);
    assert!(forms[0].contains("action=\"/p/7KQ4-M2\""), "{}", forms[0]);
    assert!(forms[0].contains("type=\"submit\" name=\"answer\" value=\"ack\">I have got this"));
    assert!(forms[0].contains("type=\"submit\" name=\"answer\" value=\"decline\">I can"));
    assert!(html.contains("We page Imran Shah at"), "when the next person is paged, without any script");
    assert!(html.contains("name=\"referrer\" content=\"no-referrer\""), "the link must not travel on");
    assert!(html.len() < 20_000, "{} bytes: the phone page is to be small", html.len());
}

#[test]
fn a_page_that_somebody_else_has_says_so_and_offers_no_button() {
    let html = phone(&samples::chrome(), &samples::phone_taken());
    assert!(posting_forms(&html).is_empty());
    let words: String = html.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text).collect();
    assert!(words.contains("Already taken by Imran at 01:57. Nothing to do."), "{words}");
}

#[test]
fn a_form_that_comes_back_keeps_what_was_typed_and_leads_to_each_mistake() {
    let (_, html) = pages().into_iter().find(|(name, _)| *name == "contact-errors").expect("it is there");
    assert!(html.contains("value=\"Water at kerb height and rising\""));
    assert!(html.contains("value=\"07700 900417\""));
    for field in ["topic", "place"] {
        assert!(html.contains(&format!("<a href=\"#{field}\">")), "the summary leads to {field}");
        assert!(html.contains(&format!("id=\"{field}-error\"")), "the mistake is told at {field}");
    }
    assert!(html.contains("<details class=\"more\" id=\"caller\" open>"), "what was typed is not hidden");
}

#[test]
fn a_password_is_never_sent_back() {
    let mut page = samples::sign_in();
    page.password.value = String::new();
    let html = sign_in(&samples::chrome(), &page);
    assert!(html.contains("type=\"password\" value=\"\""));
}

#[test]
fn the_chart_says_the_same_in_its_table_and_its_drawing() {
    let chart = samples::chart();
    let (_, html) = pages().into_iter().find(|(name, _)| *name == "incident").expect("it is there");
    for point in &chart.points {
        assert!(html.contains(&format!("data-t=\"{}\" data-n=\"{}\"", point.unix_s, point.count)));
    }
    assert_eq!(html.matches("<polyline").count(), 1, "the room draws its own chart and not the strip's");
}

#[test]
fn without_its_console_the_program_shows_one_notice() {
    let (chrome, page) = (samples::chrome(), samples::start());
    let template = StartTemplate { chrome: &chrome, section: Section::Start, page: &page };
    assert!(shown(false, &template).contains("cargo xtask web"));
    assert!(shown(true, &template).contains("Open incidents"));
}

#[test]
fn the_demo_opens_with_three_doors_and_says_that_it_is_a_demo() {
    let (_, html) = pages().into_iter().find(|(name, _)| *name == "start-demo").expect("it is there");
    for words in ["DEMO", "Take a call", "Be paged", "Look back"] {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn previews_are_written_when_asked_for() {
    if std::env::var_os("CALLOUT_PREVIEW").is_none() {
        println!("skipped: CALLOUT_PREVIEW is not set");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/console-preview");
    std::fs::create_dir_all(&folder).expect("a directory below target");
    for (name, html) in pages() {
        std::fs::write(folder.join(format!("{name}.html")), html).expect("a file below target");
    }
    let land = serde_json::to_string(&samples::land()).expect("plain data");
    std::fs::write(folder.join("land.json"), land).expect("a file below target");
}
