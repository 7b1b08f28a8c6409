//! "I have got this", "I can't", and test pages, for signed-in people and for other systems.

use super::form::Form;
use super::{json, submit, unexpected};
use crate::domain::event::{Acknowledgement, Answer, Event};
use crate::domain::id::{PageId, PersonId};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use crate::web::scope::{By, Role};
use serde_json::{Value, json as value};
use warp::http::StatusCode;
use warp::reply::Response;

/// `POST /api/v1/pages/{page}/acknowledge`.
pub async fn acknowledge(mut call: Call) -> Result<Response, Problem> {
    let page = page(&mut call).await?;
    reply(&call, Event::Acknowledged { page, by: call.who.author() }).await
}

/// `POST /api/v1/pages/{page}/decline`.
pub async fn decline(mut call: Call) -> Result<Response, Problem> {
    let page = page(&mut call).await?;
    reply(&call, Event::Declined { page, by: call.who.author() }).await
}

/// The page, if the one who asks may answer it: its own person, whoever answers for others, or a trusted system.
async fn page(call: &mut Call) -> Result<PageId, Problem> {
    let id: PageId = call.id(0)?;
    Form::read(call).await?.finish()?;
    if let By::Session { role, .. } = &call.who.by
        && *role < Role::Manager
    {
        let view = call.app.view();
        if view.paging.pages.get(&id).is_some_and(|page| page.person.as_str() != call.who.name) {
            let detail = "this page was sent to somebody else; they answer it, or a manager does";
            return Err(Problem::new(Kind::NotAllowed, detail));
        }
    }
    Ok(id)
}

async fn reply(call: &Call, event: Event) -> Result<Response, Problem> {
    match submit(&call.app, event).await? {
        Answer::Acknowledgement(Acknowledgement::UnknownPage) => {
            Err(Problem::new(Kind::NotFound, "there is no such page, or it is long over"))
        }
        Answer::Acknowledgement(told) => Ok(json(StatusCode::OK, &in_json(&told))),
        _ => Err(unexpected()),
    }
}

/// What somebody who answers a page is told, for programs.
fn in_json(told: &Acknowledgement) -> Value {
    match told {
        Acknowledgement::Yours { incident, also } => {
            value!({ "result": "yours", "incident": incident, "also": also })
        }
        Acknowledgement::AlreadyYours { at } => value!({ "result": "already_yours", "at": at }),
        Acknowledgement::AlreadyTaken { by, at } => value!({ "result": "already_taken", "by": by, "at": at }),
        Acknowledgement::TakenBack => value!({ "result": "taken_back" }),
        Acknowledgement::Declined => value!({ "result": "declined" }),
        Acknowledgement::Closed => value!({ "result": "closed" }),
        Acknowledgement::UnknownPage => value!({ "result": "unknown_page" }),
    }
}

/// `POST /api/v1/pages/test`: `person` is who is paged.
pub async fn test(mut call: Call) -> Result<Response, Problem> {
    let mut form = Form::read(&mut call).await?;
    let person = form.name("person");
    if person.is_none() {
        form.fault("person", "this is needed", "give the id of somebody in the people file, e.g. \"priya.nair\"");
    }
    form.finish()?;
    let person = PersonId::new(person.unwrap_or_default());
    match submit(&call.app, Event::TestPage { person, by: call.who.author() }).await? {
        Answer::CallOut(id) => Ok(json(StatusCode::CREATED, &value!({ "call_out": id }))),
        _ => Err(unexpected()),
    }
}
