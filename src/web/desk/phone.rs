//! The page behind the link of a text or email. GET only shows, however often and by whatever machine; only the
//! button, a POST, says "I have got this".

use super::{html, methane, redirect, with_scene};
use crate::domain::entry::{Entry, EntryWords};
use crate::domain::event::{Author, EntryKind, Event, TaskState, Via};
use crate::domain::id::{PageId, TaskId};
use crate::domain::reply_code::{self, Key};
use crate::domain::text::clean_words;
use crate::web::call::{Call, pairs};
use crate::web::pages;
use crate::web::problem::{Kind, Problem};
use crate::web::show::{self, Scene};
use crate::web::view::Theme;
use jiff::civil::Time;
use warp::http::StatusCode;
use warp::reply::Response;

/// The most bytes of the answer's form.
const FORM_BYTES_MAX: usize = 32 * 1024;
/// The most characters of one typed text.
const TEXT_CHARS_MAX: usize = 4_000;

fn page_of(call: &Call) -> Result<(PageId, String), Problem> {
    let token = call.params.first().cloned().unwrap_or_default();
    let page = reply_code::check_token(&call.app.desk.link_key, &token);
    page.map(|page| (page, token)).ok_or_else(|| {
        Problem::new(Kind::NotFound, "this link is not one of ours; open the newest text or email, or ring the desk")
    })
}

/// Shows how it stands.
pub(super) fn show(call: &Call) -> Result<Response, Problem> {
    let (id, token) = page_of(call)?;
    let page = with_scene(call, |scene, chrome| {
        let page = show::phone(scene, id, &token)?;
        let mut chrome = chrome.clone();
        let hour: Time = scene.now.to_zoned(scene.zone.clone()).time();
        chrome.theme = Theme::for_phone(chrome.theme, hour.hour());
        chrome.strip = None;
        Some(pages::phone(&chrome, &page))
    });
    page.map(|page| html(StatusCode::OK, page))
        .ok_or_else(|| Problem::new(Kind::NotFound, "this page is long over; there is nothing to do"))
}

/// The button.
pub(super) async fn answer(mut call: Call) -> Result<Response, Problem> {
    let (page, token) = page_of(&call)?;
    let body = call.bytes(FORM_BYTES_MAX).await?;
    let fields = pairs(&String::from_utf8_lossy(&body));
    let answer = fields.iter().find(|(name, _)| name == "answer").map(|(_, value)| value.as_str());
    let person = call.app.view().paging.pages.get(&page).map(|page| page.person.clone());
    let Some(person) = person else {
        return Err(Problem::new(Kind::NotFound, "this page is long over; there is nothing to do"));
    };
    let by = Author { who: person.to_string(), via: Via::Link };
    let event = match answer {
        Some("ack") => Event::Acknowledged { page, by },
        Some("decline") => Event::Declined { page, by },
        Some("undo") => Event::TakenBack { page, by },
        Some(other) => entry(&call, page, by, other, &fields)?,
        None => return Err(Problem::new(Kind::BadRequest, "press one of the buttons")),
    };
    call.app.door.submit_one(event).await.map_err(Problem::door)?;
    Ok(redirect(&format!("/p/{token}")))
}

/// What somebody who has the incident may say of it by their link: a task done, a decision, a METHANE report.
fn entry(call: &Call, page: PageId, by: Author, what: &str, fields: &[(String, String)]) -> Result<Event, Problem> {
    let get = |name: &str| -> String {
        let value = fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default();
        clean_words(value).trim().chars().take(TEXT_CHARS_MAX).collect()
    };
    let bad = |words: &str| Problem::new(Kind::BadRequest, words);
    let view = call.app.view();
    let call_out = view.paging.pages.get(&page).and_then(|page| view.paging.call_outs.get(&page.call_out));
    let theirs = call_out.filter(|c| c.acknowledged.iter().any(|have| have.person.as_str() == by.who));
    let incident = theirs.and_then(|call_out| view.incidents.open_one(call_out.incident?));
    let incident = incident.ok_or_else(|| bad("say \"I have got this\" first, while the incident is open"))?.id;
    let (kind, words) = match what {
        "task" => {
            let task: TaskId = get("task").parse().map_err(|_| bad("this is no task of the incident"))?;
            let known = view.incidents.tasks.get(&task).filter(|task| task.incident == incident);
            known.ok_or_else(|| bad("this is no task of the incident"))?;
            return Ok(Event::TaskMoved { task, to: TaskState::Done, by });
        }
        "methane" => {
            let text = methane::words(get).ok_or_else(|| bad("fill in one heading at least"))?;
            (EntryKind::Information, EntryWords { text, ..EntryWords::default() })
        }
        "decision" => {
            let words =
                EntryWords { text: get("text"), why: get("why"), options: get("options"), ..EntryWords::default() };
            (EntryKind::Decision, words)
        }
        _ => return Err(bad("press one of the buttons")),
    };
    if words.text.is_empty() {
        return Err(bad("write what you decided; go back, nothing typed is lost"));
    }
    Ok(Event::EntryWritten { incident, entry: Box::new(Entry::of(kind)), by, text: call.app.seal_entry(&words) })
}

/// The link of the newest page that is still asked: the demo shows it.
pub(super) fn newest_link(scene: &Scene<'_>, key: &Key) -> Option<String> {
    let paging = &scene.view.paging;
    let asked = |page: &crate::domain::paging::Page| paging.is_asking(page);
    let newest = paging.pages.iter().rev().find(|(_, page)| asked(page)).or_else(|| paging.pages.iter().next_back());
    newest.map(|(id, _)| format!("/p/{}", reply_code::token(key, *id)))
}
