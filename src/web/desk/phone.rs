//! The page behind the link of a text or email. GET only shows, however often and by whatever machine; only the
//! button, a POST, says "I have got this".

use super::{html, redirect, with_scene};
use crate::domain::event::{Author, Event, Via};
use crate::domain::id::PageId;
use crate::domain::reply_code::{self, Key};
use crate::web::call::{Call, pairs};
use crate::web::pages;
use crate::web::problem::{Kind, Problem};
use crate::web::show::{self, Scene};
use crate::web::view::Theme;
use jiff::civil::Time;
use warp::http::StatusCode;
use warp::reply::Response;

/// The most bytes of the answer's form.
const FORM_BYTES_MAX: usize = 4 * 1024;

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
        _ => return Err(Problem::new(Kind::BadRequest, "press one of the two buttons")),
    };
    call.app.door.submit_one(event).await.map_err(Problem::door)?;
    Ok(redirect(&format!("/p/{token}")))
}

/// The link of the newest page that is still asked: the demo shows it.
pub(super) fn newest_link(scene: &Scene<'_>, key: &Key) -> Option<String> {
    let paging = &scene.view.paging;
    let asked = |page: &crate::domain::paging::Page| paging.is_asking(page);
    let newest = paging.pages.iter().rev().find(|(_, page)| asked(page)).or_else(|| paging.pages.iter().next_back());
    newest.map(|(id, _)| format!("/p/{}", reply_code::token(key, *id)))
}
