//! What Notify and Twilio call back with, at public addresses: receipts and texts that came in.
//!
//! Both are answered as soon as what follows is durable, which takes milliseconds; where it takes longer than
//! [`ANSWER_WITHIN`] the answer is 503, on which they tell it again later. Any other refusal they would take as final. What is
//! told twice is done once.

use super::sms;
use super::submit;
use crate::domain::event::Event;
use crate::incoming::{CalledBack, News, NotHeard, Supplier};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use crate::web::serve::{Vouched, whole};
use std::time::Duration;
use warp::http::StatusCode;
use warp::reply::Response;

/// Notify waits 5 s for an answer, Twilio 15 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// Most bytes of a callback; the longest text has some 15,000 as a form.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A receipt from Notify.
pub async fn notify_receipt(call: Call) -> Result<Response, Problem> {
    hear(call, Supplier::Notify, false).await
}

/// A text from Notify.
pub async fn notify_text(call: Call) -> Result<Response, Problem> {
    hear(call, Supplier::Notify, true).await
}

/// A receipt from Twilio.
pub async fn twilio_receipt(call: Call) -> Result<Response, Problem> {
    hear(call, Supplier::Twilio, false).await
}

/// A text from Twilio.
pub async fn twilio_text(call: Call) -> Result<Response, Problem> {
    hear(call, Supplier::Twilio, true).await
}

async fn hear(mut call: Call, supplier: Supplier, text: bool) -> Result<Response, Problem> {
    let body = call.bytes(BODY_BYTES_MAX).await?;
    let path = match (supplier, text) {
        (Supplier::Notify, false) => "/notify/receipt",
        (Supplier::Notify, true) => "/notify/text",
        (Supplier::Twilio, false) => "/twilio/receipt",
        (Supplier::Twilio, true) => "/twilio/text",
    };
    let path_and_query = if call.query.is_empty() { path.to_owned() } else { format!("{path}?{}", call.query) };
    let news = call.app.gateway.called_back(&CalledBack {
        supplier,
        text,
        path_and_query: &path_and_query,
        authorization: call.header("authorization"),
        signature: call.header("x-twilio-signature"),
        body: &body,
    });
    let news = news.map_err(|why| match why {
        NotHeard::Stranger => {
            tracing::warn!(supplier = ?supplier, "a callback did not prove that it comes from {supplier:?}; see docs/providers.md");
            Problem::new(Kind::NotAllowed, "this is for the supplier alone, and it has not proven that it is")
        }
        NotHeard::Misread(why) => {
            tracing::warn!(supplier = ?supplier, why, "a callback of {supplier:?} could not be read: {why}");
            Problem::new(Kind::BadRequest, why)
        }
    })?;
    let doing = act(&call, supplier, news);
    let words = tokio::time::timeout(ANSWER_WITHIN, doing)
        .await
        .map_err(|_| Problem::new(Kind::Busy, "it could not be written down in time; tell it again"))??;
    let mut response = match supplier {
        Supplier::Notify => whole(StatusCode::OK, "text/plain; charset=utf-8", ""),
        Supplier::Twilio => whole(StatusCode::OK, "text/xml; charset=utf-8", twiml(&words)),
    };
    response.extensions_mut().insert(Vouched);
    Ok(response)
}

/// Does what a callback asks for; what to answer a text by Twilio.
async fn act(call: &Call, supplier: Supplier, news: News) -> Result<String, Problem> {
    let app = &call.app;
    match news {
        News::Nothing => Ok(String::new()),
        News::Receipt(page, receipt) => {
            // The core keeps only what is news: told twice, it is recorded once.
            submit(app, Event::PageReceipt { page, receipt }).await?;
            Ok(String::new())
        }
        News::Text { id, text } => {
            if app.heard.knows(&id) {
                return Ok(String::new());
            }
            let words = sms::take(app, &text).await?;
            app.heard.remember(&id);
            if supplier == Supplier::Twilio {
                return Ok(words);
            }
            if let (false, Some(number)) = (words.is_empty(), text.from) {
                (app.text_back)(number, words);
            }
            Ok(String::new())
        }
    }
}

/// What Twilio texts back, in its own language; nothing where empty.
fn twiml(words: &str) -> String {
    let escaped = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let message = if words.is_empty() { String::new() } else { format!("<Message>{escaped}</Message>") };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{message}</Response>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_texts_nothing_back() {
        assert!(twiml("").ends_with("<Response></Response>"));
        assert!(twiml("a < b & c").ends_with("<Response><Message>a &lt; b &amp; c</Message></Response>"));
    }
}
