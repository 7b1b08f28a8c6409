//! "You rang before": the earlier contacts of a caller's number, with what they were promised.
//!
//! Numbers are details, and only digests of them under the installation's key are kept here, in memory, for the newest
//! contacts; a restart forgets them and reads them again when they are first asked for. The answer names contacts, topics
//! and times, never a person, and a contact whose details were erased is not found any more.

use super::place::promise;
use super::{blocking, json};
use crate::domain::contact::ContactDetail;
use crate::domain::id::{ContactId, Seq};
use crate::domain::phone::PhoneNumber;
use crate::domain::register::Recent;
use crate::domain::time::{SignedDuration, elapsed, in_words};
use crate::keys::Purpose;
use crate::web::app::App;
use crate::web::call::Call;
use crate::web::problem::Problem;
use crate::web::view::{RepeatContact, RepeatReply};
use std::collections::BTreeMap;
use std::sync::Mutex;
use warp::reply::Response;

/// Earlier contacts told at most.
const TOLD_MAX: usize = 4;

/// Digests of the numbers of recent contacts; `None` where a contact has none.
#[derive(Debug, Default)]
pub struct Callers(Mutex<BTreeMap<ContactId, Option<[u8; 16]>>>);

/// `POST /contacts/repeats` with `csrf` and `phone`: a POST, so that no number stands in an address.
pub(super) async fn find(mut call: Call) -> Result<Response, Problem> {
    let form = super::forms::Form::read(&mut call).await?;
    let Ok(number) = PhoneNumber::parse(&form.get("phone")) else { return Ok(json(&RepeatReply::default())) };
    let wanted = digest(&call.app, &number);
    let reply = blocking(call, move |call| earlier(&call.app, wanted)).await?;
    Ok(json(&reply))
}

fn digest(app: &App, number: &PhoneNumber) -> [u8; 16] {
    let whole = app.keys.digest(Purpose::Words, &[b"caller", number.as_e164().as_bytes()]);
    let mut short = [0; 16];
    short.copy_from_slice(&whole[..16]);
    short
}

/// The digest of the number that a contact's details hold now.
fn of_contact(app: &App, contact: &Recent) -> Option<[u8; 16]> {
    let content = app.door.records().detail(Seq(contact.id.0), contact.digest.as_deref()?)?;
    let detail: ContactDetail = serde_json::from_slice(&content).ok()?;
    let number = PhoneNumber::parse(detail.caller?.phone.as_deref()?).ok()?;
    Some(digest(app, &number))
}

fn earlier(app: &App, wanted: [u8; 16]) -> RepeatReply {
    let view = app.view();
    let mut known = app.callers.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Bounded by what the state remembers: older ones go with it.
    if let Some(oldest) = view.tally.recent.front() {
        *known = known.split_off(&oldest.id);
    }
    let (now, zone) = (app.clock.now(), &app.desk.zone);
    let mut reply = RepeatReply::default();
    for contact in view.tally.recent.iter().rev().filter(|contact| !contact.withdrawn) {
        let number = *known.entry(contact.id).or_insert_with(|| of_contact(app, contact));
        // Asked again, since the details may have been erased meanwhile.
        if number != Some(wanted) || of_contact(app, contact) != Some(wanted) {
            continue;
        }
        reply.total += 1;
        if reply.contacts.len() < TOLD_MAX {
            let minutes = elapsed(contact.received_at, now).as_mins().max(1);
            let topics: Vec<String> = contact.tags.iter().map(|tag| super::script::title_of(&view, tag)).collect();
            reply.contacts.push(RepeatContact {
                id: contact.id.to_string(),
                title: topics.join(", "),
                detail: format!("{} ago", in_words(SignedDuration::from_mins(minutes))),
                promised: contact.promised.map(|at| promise(at, now, zone)).unwrap_or_default(),
                late: contact.promised.is_some_and(|at| at < now),
            });
        }
    }
    reply
}
