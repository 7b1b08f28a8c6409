//! `POST /api/v1/land/batch`: many questions, one to a line, answered in their order by one edition of the maps.
//!
//! A line that cannot be read is answered with what is wrong with it; the others are answered all the same.

use super::PlaceTold;
use super::asking::Sheet;
use crate::domain::ownership::OwnerAnswer;
use crate::incoming::{Fault, Position};
use crate::web::call::Call;
use crate::web::problem::{Kind, Problem};
use serde::Serialize;
use serde_json::{Map, Value};
use warp::http::StatusCode;
use warp::reply::Response;

/// The most questions of one batch.
pub const BATCH_MAX: usize = 10_000;

#[derive(Serialize)]
struct Line {
    /// As it was given, else the line's number from 1.
    id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<PlaceTold>,
    #[serde(flatten)]
    answer: Option<OwnerAnswer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// Answers NDJSON with NDJSON.
pub async fn ask(mut call: Call) -> Result<Response, Problem> {
    match call.content_type().as_deref() {
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/json") | None => {}
        Some(_) => return Err(Problem::new(Kind::MediaType, "send application/x-ndjson, one object to a line")),
    }
    let body = call.bytes(call.app.limits.batch_bytes_max).await?;
    let text = String::from_utf8(body.to_vec()).map_err(|error| {
        Problem::new(Kind::NotJson, format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
    })?;
    let n = text.lines().filter(|line| !line.trim().is_empty()).count();
    if n > BATCH_MAX {
        let detail = format!("{n} questions in one batch; send at most {BATCH_MAX} at a time");
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    let (land, today) = (std::sync::Arc::clone(&call.app.land), call.app.today());
    let answering = move || {
        let mut asked = Vec::with_capacity(n);
        let mut lines: Vec<Line> = Vec::with_capacity(n);
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let mut fields = match serde_json::from_str::<Map<String, Value>>(line) {
                Ok(fields) => fields,
                Err(error) => {
                    lines.push(broken(number + 1, &error));
                    continue;
                }
            };
            let id = fields.remove("id").unwrap_or_else(|| (number + 1).into());
            let mut sheet = Sheet::sort(fields.into_iter().map(texts).collect(), &[]);
            match sheet.read(land.as_ref(), today) {
                Some((found, question)) => {
                    let place = Some(PlaceTold::new(land.as_ref(), found));
                    lines.push(Line { id, place, answer: None, errors: Vec::new() });
                    asked.push(question);
                }
                None => {
                    let at = Position { byte: 0, line: number + 1, column: 1 };
                    let placed = sheet.faults.into_iter().map(|fault| Fault { position: Some(at), ..fault });
                    lines.push(Line { id, place: None, answer: None, errors: placed.collect() });
                }
            }
        }
        let mut answers = land.ask_all(&asked).into_iter();
        let mut out = Vec::new();
        for mut line in lines {
            if line.place.is_some() {
                line.answer = answers.next();
            }
            serde_json::to_writer(&mut out, &line).expect("texts and numbers always become JSON");
            out.push(b'\n');
        }
        out
    };
    let failed = |_| Problem::new(Kind::Defect, "the batch could not be answered");
    let out = tokio::task::spawn_blocking(answering).await.map_err(failed)?;
    Ok(crate::web::serve::whole(StatusCode::OK, "application/x-ndjson", out))
}

fn texts((name, value): (String, Value)) -> (String, String) {
    match value {
        Value::String(text) => (name, text),
        Value::Null => (name, String::new()),
        other => (name, other.to_string()),
    }
}

fn broken(line: usize, error: &serde_json::Error) -> Line {
    let fault = Fault {
        index: 0,
        pointer: String::new(),
        position: Some(Position { byte: 0, line, column: error.column().max(1) }),
        problem: "this line is not a JSON object".to_owned(),
        remedy: "send one object to a line, such as {\"e\": 380376, \"n\": 410712}".to_owned(),
    };
    Line { id: line.into(), place: None, answer: None, errors: vec![fault] }
}
