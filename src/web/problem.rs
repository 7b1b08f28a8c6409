//! Refusals as `application/problem+json` (RFC 9457): what went wrong, where in what was sent, and how to mend it.

use crate::door::DoorError;
use crate::incoming::{FAULTS_MAX, Fault, Refused};
use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::reply::Response;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $status:literal $code:literal $title:literal,)*) => {
        /// The kinds of refusal, each with its status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];
            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                let code: u16 = match self { $(Self::$kind => $status,)* };
                StatusCode::from_u16(code).expect("a constant between 400 and 599")
            }
            /// The stable word for programs.
            pub fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }
            /// The sentence for people.
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    /// Not JSON, or not UTF-8.
    NotJson 400 "not-json" "The body is not JSON",
    /// A parameter of the address or a header is wrong.
    BadRequest 400 "bad-request" "The request cannot be understood",
    /// No token, or not a good one.
    NotSignedIn 401 "not-signed-in" "An access token or a sign-in is needed",
    /// Good, but not for this.
    NotAllowed 403 "not-allowed" "This token or role may not do that",
    /// Nothing is there.
    NotFound 404 "not-found" "There is nothing at this address",
    /// Something is there, but not for this method.
    MethodNotAllowed 405 "method-not-allowed" "This address does not take that method",
    /// The state of things forbids it.
    Conflict 409 "conflict" "That cannot be done now",
    /// The body took too long.
    BodyTooSlow 408 "body-too-slow" "The body did not arrive in time",
    /// The body is too large.
    TooLarge 413 "too-large" "The body is too large",
    /// The body is of a kind that isn't taken.
    MediaType 415 "media-type" "This kind of body is not taken",
    /// JSON, with these things wrong with it.
    Fields 422 "fields" "Some fields are wrong; nothing was taken",
    /// Too many attempts.
    TooMany 429 "too-many" "Too many attempts",
    /// A defect of callout.
    Defect 500 "defect" "callout failed to answer this request; it goes on running",
    /// Overload.
    Busy 503 "busy" "callout is overloaded",
    /// The disk is full.
    NoRoom 503 "no-room" "callout's disk is full",
    /// Going down, or not up yet.
    Stopping 503 "stopping" "callout is stopping or starting",
}

/// One refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What is wrong this time, and how to mend it.
    pub detail: String,
    /// Faults in what was sent.
    pub errors: Vec<Fault>,
    /// How many faults there are; more than `errors` holds, perhaps.
    pub errors_n: usize,
    /// Come again in so many seconds.
    pub retry_after_s: Option<u32>,
    /// The methods that the address takes.
    pub allow: Option<String>,
}

impl Problem {
    /// A refusal.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let retry_after_s = match kind {
            Kind::Busy | Kind::Stopping => Some(2),
            Kind::NoRoom | Kind::TooMany => Some(60),
            _ => None,
        };
        Self { kind, detail: detail.into(), errors: Vec::new(), errors_n: 0, retry_after_s, allow: None }
    }

    /// One wrong field.
    pub fn field(pointer: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let fault = Fault {
            index: 0,
            pointer: pointer.to_owned(),
            position: None,
            problem: problem.into(),
            remedy: remedy.into(),
        };
        Self::fields(vec![fault])
    }

    /// Wrong fields.
    pub fn fields(errors: Vec<Fault>) -> Self {
        let errors_n = errors.len();
        Self { errors, errors_n, ..Self::new(Kind::Fields, fields_detail(errors_n)) }
    }

    /// A body of contacts that was refused.
    pub fn refused(refused: Refused) -> Self {
        match refused {
            Refused::NotJson(errors) => {
                let errors_n = errors.len();
                Self {
                    errors,
                    errors_n,
                    ..Self::new(Kind::NotJson, "nothing was taken; mend the JSON and send it again")
                }
            }
            Refused::Fields { faults, total } => {
                Self { errors: faults, errors_n: total, ..Self::new(Kind::Fields, fields_detail(total)) }
            }
        }
    }

    /// The core did not take it.
    pub fn door(error: DoorError) -> Self {
        let problem = |kind| Self::new(kind, error.to_string());
        match error {
            DoorError::Busy { retry_after_s } => Self { retry_after_s: Some(retry_after_s), ..problem(Kind::Busy) },
            DoorError::NoRoom => problem(Kind::NoRoom),
            DoorError::Stopping => problem(Kind::Stopping),
        }
    }

    /// As an answer.
    pub fn into_response(self) -> Response {
        let status = self.kind.status();
        let body = Body {
            r#type: format!("urn:callout:problem:{}", self.kind.code()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
            errors_n: (self.errors_n > self.errors.len()).then_some(self.errors_n),
        };
        let json = serde_json::to_vec(&body).expect("texts and numbers always become JSON");
        let mut response = Response::new(json.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.kind == Kind::NotSignedIn {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"callout\""));
        }
        response
    }
}

fn fields_detail(n: usize) -> String {
    match n {
        1 => "nothing was taken; mend the one fault and send it again".to_owned(),
        n if n > FAULTS_MAX => format!("nothing was taken; mend the {n} faults (the first {FAULTS_MAX} are listed)"),
        n => format!("nothing was taken; mend the {n} faults and send it again"),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_n: Option<usize>,
}
