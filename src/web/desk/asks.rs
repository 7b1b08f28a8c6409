//! The two forms by which somebody is called into an incident: a role at once, or a person to take it over.

use super::forms::{Form, incident_again, submit};
use super::redirect;
use crate::domain::event::Event;
use crate::domain::id::{IncidentId, PersonId, RoleId};
use crate::web::call::Call;
use crate::web::problem::Problem;
use crate::web::view::{AskForm, Field};
use warp::reply::Response;

/// `POST /incidents/ID/escalate`.
pub(super) async fn escalate(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let (mut asked, typed) = read(&mut call, "Choose who is called in", "Say why: it stands in the log").await?;
    if typed {
        let (role, by) = (RoleId::from(asked.whom.value.as_str()), call.who.author());
        let reason = call.app.seal(&format!("Escalated to {role}\n{}", asked.reason.value));
        match submit(&call, Event::Escalated { incident, role, by, reason }).await? {
            Ok(_) => return Ok(redirect(&format!("/incidents/{incident}"))),
            Err(why) => asked.whom.error = Some(why),
        }
    }
    incident_again(&call, incident, |page| {
        page.escalate = AskForm { choices: std::mem::take(&mut page.escalate.choices), ..asked }
    })
}

/// `POST /incidents/ID/hand-over`: a request; it stays where it is until the other has said "I have got this".
pub(super) async fn hand_over(mut call: Call) -> Result<Response, Problem> {
    let incident: IncidentId = call.id(0)?;
    let (mut asked, typed) = read(&mut call, "Choose who takes over", "Say how it stands: they read it first").await?;
    if typed {
        let (to, by) = (PersonId::from(asked.whom.value.as_str()), call.who.author());
        let reason = call.app.seal(&format!("Asked {to} to take over\n{}", asked.reason.value));
        match submit(&call, Event::HandOverAsked { incident, to, by, reason }).await? {
            Ok(_) => return Ok(redirect(&format!("/incidents/{incident}"))),
            Err(why) => asked.whom.error = Some(why),
        }
    }
    incident_again(&call, incident, |page| {
        page.hand_over = AskForm { choices: std::mem::take(&mut page.hand_over.choices), ..asked }
    })
}

/// The form, and whether both fields were filled in.
async fn read(call: &mut Call, no_whom: &str, no_reason: &str) -> Result<(AskForm, bool), Problem> {
    let form = Form::read(call).await?;
    let mut asked =
        AskForm { whom: Field::of(form.get("whom")), reason: Field::of(form.get("reason")), ..AskForm::default() };
    if asked.whom.value.is_empty() {
        asked.whom.error = Some(no_whom.into());
    }
    if asked.reason.value.is_empty() {
        asked.reason.error = Some(no_reason.into());
    }
    let whole = asked.whom.error.is_none() && asked.reason.error.is_none();
    Ok((asked, whole))
}
