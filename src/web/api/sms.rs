//! What Kannel tells us: replies by text and delivery receipts. It can only GET, so these two addresses write on a
//! GET; they lie behind a secret of the installation.
//!
//! Kannel sends the answer's text back to the phone, and asks again only when it got no answer at all. So everything
//! that was understood is answered 200, matched or not.

use super::submit;
use crate::domain::event::{Acknowledgement, Answer, Author, Event, Via};
use crate::domain::id::{PageId, PersonId};
use crate::domain::paging::Status;
use crate::domain::phone::PhoneNumber;
use crate::domain::reply::{self, Reply};
use crate::domain::reply_code;
use crate::domain::state::View;
use crate::incoming::TextIn;
use crate::web::app::App;
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use crate::web::serve::whole;
use warp::http::StatusCode;
use warp::reply::Response;

/// What the secret in Kannel's addresses is for; see [`reply_code::path_secret`].
pub const PATH_PURPOSE: &str = "kannel";

fn check_secret(call: &Call) -> Result<(), Problem> {
    let secret = reply_code::path_secret(call.app.keys.bytes(), PATH_PURPOSE);
    let given = call.params.first().map(String::as_str).unwrap_or_default();
    // The same answer as for an address that does not exist.
    let fits = crate::keys::same(given.as_bytes(), secret.as_bytes());
    if fits { Ok(()) } else { Err(Problem::new(Kind::NotFound, "there is nothing at this address")) }
}

fn misread(why: String) -> Problem {
    Problem::new(Kind::BadRequest, why)
}

/// A text came in.
pub async fn reply(call: Call) -> Result<Response, Problem> {
    check_secret(&call)?;
    let text = call.app.gateway.text(&call.query).map_err(misread)?;
    Ok(say(&take(&call.app, &text).await?))
}

/// Takes a text that came in by whatever gateway; what to answer, nothing where empty. When this is given, what follows from
/// the text is durable.
///
/// # Errors
/// When the core does not take it; the gateway should tell it again.
pub async fn take(app: &App, text: &TextIn) -> Result<String, Problem> {
    let person = text.from.as_ref().and_then(|number| person_of(app, number));
    let Some(person) = person else {
        // No answer: whoever it is is not on the rota, and answering invites more.
        let why = "a text from a number that is nobody's".to_owned();
        submit(app, Event::ReplyUnmatched { person: None, why }).await?;
        return Ok(String::new());
    };
    let view = app.view();
    let (code, yes) = match reply::parse(&text.words) {
        Reply::Acknowledge { code } => (code, true),
        Reply::Decline { code } => (code, false),
        Reply::Stop => {
            let why = "asks for no more texts".to_owned();
            submit(app, Event::ReplyUnmatched { person: Some(person), why }).await?;
            let noted = "Noted, and a manager is told. While you are on the rota you are still paged; ask them.";
            return Ok(noted.to_owned());
        }
        Reply::Unclear => {
            let why = "could not be understood".to_owned();
            let before = nonsense_before(app, &person);
            submit(app, Event::ReplyUnmatched { person: Some(person), why }).await?;
            if !reply::answers(before) {
                return Ok(String::new());
            }
            let help = "Not understood. Reply 1 and the code if you have got this, 2 and the code if you can't.";
            return Ok(help.to_owned());
        }
    };
    app.nonsense.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&person);
    let page = match page_meant(app, &view, &person, code.as_deref()) {
        Ok(page) => page,
        Err(why) => {
            submit(app, Event::ReplyUnmatched { person: Some(person), why: why.to_owned() }).await?;
            return Ok("That fits no page of yours. Use the code in the text, or the link.".to_owned());
        }
    };
    let by = Author { who: person.to_string(), via: Via::Sms };
    let event = if yes { Event::Acknowledged { page, by } } else { Event::Declined { page, by } };
    Ok(match submit(app, event).await? {
        Answer::Acknowledgement(told) => in_words(&told),
        _ => String::new(),
    })
}

/// Counts a text that could not be understood; how many there were since the last good one.
fn nonsense_before(app: &App, person: &PersonId) -> u32 {
    let mut nonsense = app.nonsense.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = nonsense.entry(person.clone()).or_default();
    *count = count.saturating_add(1);
    *count - 1
}

/// The person whose mobile number it is.
fn person_of(app: &App, number: &PhoneNumber) -> Option<PersonId> {
    let people = app.people.borrow().clone();
    let theirs = |mobile: &str| PhoneNumber::parse(mobile).is_ok_and(|mobile| mobile == *number);
    people.details.iter().find(|(_, detail)| detail.mobile.as_deref().is_some_and(theirs)).map(|(id, _)| id.clone())
}

/// The page that a reply means: by its code among the pages to that person; without a code, the one call-out that is
/// open for them, if it is one.
fn page_meant(app: &App, view: &View, person: &PersonId, code: Option<&str>) -> Result<PageId, &'static str> {
    let key = app.keys.bytes();
    let theirs = || view.paging.pages.iter().rev().filter(|(_, page)| page.person == *person);
    if let Some(code) = code {
        let fits = theirs().find(|(id, _)| reply_code::is_code_of(key, code, **id));
        return fits.map(|(id, _)| *id).ok_or("a code that is none of their pages'");
    }
    // Without a code: the newest page, if it stands for all that they are asked for.
    let mut open = theirs().filter(|(_, page)| view.paging.is_asking(page));
    let Some((newest, stands_for)) = open.next() else { return Err("no code, and no page is open for them") };
    let covered: Vec<_> = stands_for.call_outs().collect();
    let asking = |id: &crate::domain::id::CallOutId| {
        view.paging.call_outs.get(id).is_some_and(|call_out| call_out.status == Status::Paging)
    };
    match open.any(|(_, page)| page.call_outs().any(|id| asking(&id) && !covered.contains(&id))) {
        true => Err("no code, and several pages are open for them"),
        false => Ok(*newest),
    }
}

fn in_words(told: &Acknowledgement) -> String {
    match told {
        Acknowledgement::Yours { incident: Some(incident), also } if also.is_empty() => {
            format!("Thank you: {incident} is yours.")
        }
        Acknowledgement::Yours { incident: Some(incident), also } => {
            let all: Vec<String> = [incident].into_iter().chain(also).map(ToString::to_string).collect();
            format!("Thank you. All yours: {}.", all.join(", "))
        }
        Acknowledgement::Yours { incident: None, .. } => "Thank you: the test page arrived.".to_owned(),
        Acknowledgement::AlreadyYours { .. } => "You have it already.".to_owned(),
        Acknowledgement::AlreadyTaken { by, .. } => format!("Thank you. {by} has it already; nothing to do."),
        Acknowledgement::TakenBack => "Noted: the paging goes on.".to_owned(),
        Acknowledgement::Declined => "Noted: the next person is being paged.".to_owned(),
        Acknowledgement::Closed => "That incident is over; nothing to do.".to_owned(),
        Acknowledgement::UnknownPage => "That fits no page of yours.".to_owned(),
    }
}

/// What Kannel texts back; nothing where empty.
fn say(words: &str) -> Response {
    whole(StatusCode::OK, "text/plain; charset=utf-8", words.to_owned())
}

/// A delivery receipt came in.
pub async fn receipt(call: Call) -> Result<Response, Problem> {
    check_secret(&call)?;
    // A receipt of another installation's page, or a forged one, changes nothing and is not asked for again.
    if let Some((page, receipt)) = call.app.gateway.receipt(&call.query).map_err(misread)? {
        submit(&call.app, Event::PageReceipt { page, receipt }).await?;
    }
    Ok(say(""))
}
