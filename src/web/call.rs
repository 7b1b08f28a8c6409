//! One request on its way to its handler: who asks, what for, and a body that is read within bounds.

use super::app::App;
use super::limits::{Limits, Scales};
use super::problem::{Kind, Problem};
use super::scope::Who;
use super::serve::Client;
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use warp::http::HeaderMap;
use warp::http::header;

/// A body that has not been read.
pub type Unread = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// One request.
pub struct Call {
    /// What handlers work with.
    pub app: Arc<App>,
    /// Who asks; checked against the route.
    pub who: Who,
    /// From where.
    pub client: Client,
    /// The `{...}` parts of the path, in order.
    pub params: Vec<String>,
    /// The query, as sent.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Unread,
}

impl Call {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The content type without its parameters, in lower case.
    pub fn content_type(&self) -> Option<String> {
        let whole = self.header(header::CONTENT_TYPE.as_str())?;
        Some(whole.split(';').next().unwrap_or(whole).trim().to_ascii_lowercase())
    }

    /// The names and values of the query, decoded.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// A value of the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        cookie(&self.headers, name)
    }

    /// The `{...}` part of the path at `at`, as an id.
    pub fn id<T: std::str::FromStr<Err = crate::domain::id::IdError>>(&self, at: usize) -> Result<T, Problem> {
        let text = self.params.get(at).map(String::as_str).unwrap_or_default();
        text.parse().map_err(|error: crate::domain::id::IdError| Problem::new(Kind::NotFound, error.to_string()))
    }

    /// Reads the whole body, of at most `max` bytes.
    pub async fn bytes(&mut self, max: usize) -> Result<Bytes, Problem> {
        read(&mut self.body, &self.headers, max, &self.app.limits, &self.app.scales).await
    }
}

/// A cookie of a request's headers.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then(|| value.to_owned())
    })
}

async fn read(
    body: &mut Unread,
    headers: &HeaderMap,
    max: usize,
    limits: &Limits,
    scales: &Scales,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("at most {} KiB are taken here; send less, or in several requests", max / 1024);
        Problem::new(Kind::TooLarge, detail)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let mut pan = scales.pan();
    let mut whole: Vec<u8> = Vec::new();
    let mut first: Option<Bytes> = None;
    let reading = async {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Kind::BadRequest, "the body broke off; send it again"))?;
            if whole.len() + first.as_ref().map_or(0, Bytes::len) + chunk.len() > max {
                return Err(too_large());
            }
            if !pan.add(chunk.len(), limits.bodies_bytes_max) {
                return Err(Problem::new(Kind::Busy, "too many large requests at one time; send it again in 2 s"));
            }
            // Most bodies come in one piece, which needs no copy.
            if whole.is_empty() && first.is_none() {
                first = Some(chunk);
            } else {
                whole.extend_from_slice(&first.take().unwrap_or_default());
                whole.extend_from_slice(&chunk);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(limits.body_timeout, reading).await {
        Ok(result) => result?,
        Err(_) => {
            let detail = format!("the body did not arrive within {} s; send it again", limits.body_timeout.as_secs());
            return Err(Problem::new(Kind::BodyTooSlow, detail));
        }
    }
    Ok(first.unwrap_or_else(|| whole.into()))
}

/// Any stream of buffers as an [`Unread`].
pub fn unread<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static) -> Unread {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

/// Names and values of `application/x-www-form-urlencoded` text; bytes that are not UTF-8 become U+FFFD.
pub fn pairs(encoded: &str) -> Vec<(String, String)> {
    let pairs = encoded.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit =
            |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let (one, left) = match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => (high << 4 | low, &after[2..]),
            (b'+', _, _) => (b' ', after),
            _ => (byte, after),
        };
        bytes.push(one);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_forms_are_decoded_and_rubbish_stays_what_it_is() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("q=SD+80376%2010712&e=%C2%A3&&x&bad=%zz%4&=y"),
            [pair("q", "SD 80376 10712"), pair("e", "£"), pair("x", ""), pair("bad", "%zz%4"), pair("", "y")]
        );
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, header::HeaderValue::from_static("a=1; session=abc"));
        headers.append(header::COOKIE, header::HeaderValue::from_static("b=2"));
        assert_eq!(cookie(&headers, "session").as_deref(), Some("abc"));
        assert_eq!(cookie(&headers, "b").as_deref(), Some("2"));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
