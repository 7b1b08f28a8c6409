//! Signing in to the console, and out of it.
//!
//! The cookie is a session's random name and nothing else: no script reads it, no other site sends it with a form,
//! and over https it is bound to this host. Passwords are checked few at a time and off the async threads, so that a
//! flood of attempts slows down nobody but itself.

use super::api::form::Form;
use super::call::{Call, cookie};
use super::desk;
use super::pages;
use super::problem::{Kind, Problem};
use super::scope::{By, Role};
use super::serve::{Client, whole};
use super::users::{PASSWORD_BYTES_MAX, User};
use super::view::{Choice, Field, SignInPage};
use std::sync::Arc;
use warp::http::header::{self, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

/// Where scripts carry the session's form token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The cookie's name; over https the browser itself binds a name with this prefix to host, path and https.
fn cookie_name(client: Client) -> &'static str {
    if client.https { "__Host-callout" } else { "callout" }
}

/// The session cookie of a request.
pub(super) fn session_cookie(headers: &HeaderMap, client: Client) -> Option<String> {
    cookie(headers, cookie_name(client))
}

/// Refuses what another site's page sends on behalf of a signed-in browser.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let foreign_site = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    // Our pages say `no-referrer`, under which a browser sends the origin of a form as "null": then the browser's word
    // on the site decides, which no page can set.
    let foreign_origin = text(header::ORIGIN).is_some_and(|origin| {
        if origin == "null" && site == Some("same-origin") {
            return false;
        }
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_none() || host != text(header::HOST)
    });
    if foreign_site || foreign_origin {
        return Err(Problem::new(Kind::NotAllowed, "this came from another site; open callout itself and try again"));
    }
    Ok(())
}

/// `GET /sign-in`.
pub fn page(call: &Call) -> Result<Response, Problem> {
    let next = call.query_value("next").unwrap_or_default();
    Ok(show(call, StatusCode::OK, SignInPage { next: local_path(&next), ..SignInPage::default() }))
}

fn show(call: &Call, status: StatusCode, mut page: SignInPage) -> Response {
    page.demo_users = call.app.demo_users.iter().map(|user| Choice::new(&user.name, &user.label)).collect();
    let chrome = desk::chrome(&call.app);
    whole(status, "text/html; charset=utf-8", pages::sign_in(&chrome, &page))
}

/// `POST /sign-in`: `name` and `password`, or in the demo `demo_user`; then on to `next`.
pub async fn sign_in(mut call: Call) -> Result<Response, Problem> {
    check_origin(&call.headers)?;
    let mut form = Form::read(&mut call).await?;
    let name = form.text("name", 64).unwrap_or_default();
    let password = form.secret("password", PASSWORD_BYTES_MAX);
    let demo_user = form.text("demo_user", 64);
    let next = local_path(&form.text("next", 500).unwrap_or_default());
    form.finish()?;
    if let Some(user) = call.app.demo_users.iter().find(|user| Some(&user.name) == demo_user.as_ref()) {
        return begin(&call, &user.name, user.role, None, &next);
    }
    let again = |field: &str| SignInPage {
        name: Field { value: name.clone(), error: (field == "name").then(|| "Enter your name".to_owned()) },
        password: Field::default(),
        next: next.clone(),
        demo_users: Vec::new(),
    };
    if name.is_empty() {
        return Ok(show(&call, StatusCode::UNPROCESSABLE_ENTITY, again("name")));
    }
    let now = call.app.clock.now();
    if let Some(wait_s) = call.app.brake.wait_s(&name, call.client.address, now) {
        let words = format!("Too many wrong passwords. Try again in {} min.", wait_s.div_ceil(60));
        let page = SignInPage { password: Field::wrong("", words), ..again("") };
        let mut response = show(&call, StatusCode::TOO_MANY_REQUESTS, page);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
        return Ok(response);
    }
    match check(&call, &name, password).await? {
        Some(user) => {
            call.app.brake.right(&name);
            begin(&call, &name, user.role, Some(user), &next)
        }
        None => {
            call.app.brake.wrong(&name, call.client.address, now);
            let page = SignInPage { password: Field::wrong("", "Name and password don't fit"), ..again("") };
            Ok(show(&call, StatusCode::UNAUTHORIZED, page))
        }
    }
}

async fn check(call: &Call, name: &str, password: String) -> Result<Option<User>, Problem> {
    let _room = call.app.sign_ins.acquire().await.expect("the semaphore is never closed");
    let (app, name) = (Arc::clone(&call.app), name.to_owned());
    let checked = tokio::task::spawn_blocking(move || app.users.check(&name, &password)).await;
    let checked = checked.map_err(|_| Problem::new(Kind::Defect, "the password could not be checked"))?;
    checked.map_err(|error| {
        tracing::error!(%error, "nobody can sign in until this is mended");
        Problem::new(Kind::Defect, "nobody can sign in just now; callout's trace says why")
    })
}

fn begin(call: &Call, name: &str, role: Role, account: Option<User>, next: &str) -> Result<Response, Problem> {
    // A new name for each sign-in: a cookie planted beforehand is worth nothing.
    let cookie = call.app.sessions.begin(name, role, account, call.app.clock.now());
    let cookie = cookie.map_err(|error| Problem::new(Kind::Defect, error.to_string()))?;
    let secure = if call.client.https { "; Secure" } else { "" };
    let line = format!("{}={cookie}; Path=/; HttpOnly; SameSite=Lax{secure}", cookie_name(call.client));
    Ok(go(if next.is_empty() { "/" } else { next }, &line))
}

/// `POST /sign-out`.
pub async fn sign_out(mut call: Call) -> Result<Response, Problem> {
    check_origin(&call.headers)?;
    let cookie = session_cookie(&call.headers, call.client);
    if let Some(cookie) = &cookie
        && let Some(who) = call.app.sessions.check(&call.app.users, cookie, call.app.clock.now(), true)
    {
        debug_assert!(matches!(who.by, By::Session { .. }), "sessions give sessions");
        // With somebody in it, the form's token is checked.
        call.who = who;
        Form::read(&mut call).await?;
        call.app.sessions.end(cookie);
    }
    let secure = if call.client.https { "; Secure" } else { "" };
    let line = format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", cookie_name(call.client));
    Ok(go("/sign-in", &line))
}

fn go(to: &str, cookie: &str) -> Response {
    let mut response = whole(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    let headers = response.headers_mut();
    for (name, value) in [(header::LOCATION, to), (header::SET_COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A path of this site, or nothing: never an address elsewhere.
fn local_path(next: &str) -> String {
    let local = next.starts_with('/')
        && !next.starts_with("//")
        && next.chars().all(|c| c.is_ascii_graphic() && c != '\\')
        && next.len() <= 500;
    if local { next.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for (next, path) in [
            ("/incidents/INC-4?x=1", "/incidents/INC-4?x=1"),
            ("//evil.example", ""),
            ("/\\evil.example", ""),
            ("https://evil.example", ""),
            ("/a\r\nSet-Cookie: x", ""),
            ("", ""),
        ] {
            assert_eq!(local_path(next), path);
        }
    }

    #[test]
    fn what_another_site_sends_is_refused() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
        };
        let host = ("host", "desk.example.gov.uk");
        for (sent, taken) in [
            (&[host][..], true),
            (&[host, ("sec-fetch-site", "same-origin"), ("origin", "https://desk.example.gov.uk")], true),
            (&[host, ("sec-fetch-site", "cross-site")], false),
            (&[host, ("sec-fetch-site", "same-site")], false),
            (&[host, ("origin", "https://evil.example")], false),
            (&[host, ("origin", "null")], false),
        ] {
            assert_eq!(check_origin(&headers(sent)).is_ok(), taken, "{sent:?}");
        }
    }
}
