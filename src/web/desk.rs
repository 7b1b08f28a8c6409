//! The console's pages: what each address shows, and what each form does.
//!
//! A page is drawn from the newest durable snapshot ([`super::show`]); a form becomes an event, and its sender is
//! sent back to the page (POST, redirect, GET) when the event is durable. A form that is wrong comes back as it was
//! typed, with what is wrong.
//!
//! Not here: the API ([`super::api`]), how pages look (`console/templates`).

mod asks;
mod call;
mod forms;
pub mod methane;
mod phone;
mod place;
mod repeats;
mod script;

pub use repeats::Callers;

use super::app::App;
use super::call::Call;
use super::problem::{Kind, Problem};
use super::scope::{By, Scope};
use super::serve::whole;
use super::show::{self, Scene};
use super::view::{Badge, Chrome, ErrorPage, HealthLine, LogFilter, OutMessage, OutboxPage, Theme, Tone};
use super::{assets, pages};
use crate::domain::id::IncidentId;
use crate::domain::person::People;
use crate::domain::place::{GridPoint, Located};
use crate::domain::reply_code::Key;
use crate::domain::state::View;
use crate::domain::time::Timestamp;
use crate::door::Records;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::sync::Arc;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

/// What is done at an address of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each row of the route table says what its page is")]
pub enum Page {
    Start,
    Incidents,
    OpenIncident,
    Incident,
    IncidentMap,
    WriteEntry,
    Activate,
    MoveTask,
    StandDown,
    Escalate,
    HandOver,
    EnterWarning,
    ContactForm,
    ContactAgain,
    LogContact,
    UndoContact,
    Repeats,
    Land,
    MapLayers,
    MapReports,
    Phone,
    PhoneAnswer,
    Wall,
    WallByToken,
    Rota,
    Log,
    Outbox,
    Asset,
}

/// A place that the demo's gazetteer knows by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// What is filled in, e.g. `Mill Street`.
    pub text: String,
    /// Its postcode or kind.
    pub note: String,
    /// Where.
    pub place: Located,
}

/// Finds places by the beginning of a name or postcode.
pub type Gazetteer = Arc<dyn Fn(&str) -> Vec<Named> + Send + Sync>;

/// What the pages know beside the [`App`].
pub struct Desk {
    /// The council's name.
    pub council: String,
    /// The council's zone.
    pub zone: TimeZone,
    /// The key of links and codes.
    pub link_key: Arc<Key>,
    /// The newest messages that would have left, newest first, where a transport is the outbox.
    pub outbox: Arc<dyn Fn() -> Vec<OutMessage> + Send + Sync>,
    /// Outlines of the map layers in a box (west, south, east, north in metres), as GeoJSON.
    pub outlines: Arc<dyn Fn([f64; 4]) -> Value + Send + Sync>,
    /// Where the map begins: west, south, east, north in metres; `None` without layers.
    pub extent_m: Option<[f64; 4]>,
    /// Places by name, at most 8; empty where no gazetteer is loaded.
    pub find: Gazetteer,
    /// How many times as fast the clock runs; 1 outside the demo.
    pub speed: u32,
    /// For the demo: the words of its bar.
    pub demo: Option<String>,
    /// Something wrong with callout itself, in words.
    pub trouble: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
}

/// Does what a row of the table says.
pub async fn act(page: Page, call: Call) -> Result<Response, Problem> {
    match page {
        Page::Start => Ok(start(&call)),
        Page::Incidents => Ok(html(
            StatusCode::OK,
            with_scene(&call, |scene, chrome| pages::incidents(chrome, &show::incidents(scene))),
        )),
        Page::OpenIncident => forms::open_incident(call).await,
        Page::Incident => incident(call).await,
        Page::IncidentMap => incident_map(&call),
        Page::WriteEntry => forms::write_entry(call).await,
        Page::Activate => forms::activate(call).await,
        Page::MoveTask => forms::move_task(call).await,
        Page::StandDown => forms::stand_down(call).await,
        Page::Escalate => asks::escalate(call).await,
        Page::HandOver => asks::hand_over(call).await,
        Page::EnterWarning => forms::enter_warning(call).await,
        Page::ContactForm | Page::ContactAgain => Ok(call::form(&call)),
        Page::LogContact => call::log(call).await,
        Page::UndoContact => call::undo(call).await,
        Page::Repeats => repeats::find(call).await,
        Page::Land => Ok(json(&place::land(&call))),
        Page::MapLayers => map_layers(&call),
        Page::MapReports => Ok(json(&with_scene(&call, |scene, _| show::map_of_all(scene)))),
        Page::Phone => phone::show(&call),
        Page::PhoneAnswer => phone::answer(call).await,
        Page::Rota => {
            Ok(html(StatusCode::OK, with_scene(&call, |scene, chrome| pages::rota(chrome, &show::rota(scene)))))
        }
        Page::Wall => Ok(wall(&call)),
        Page::WallByToken => wall_by_token(&call),
        Page::Log => log(call).await,
        Page::Outbox => Ok(outbox(&call)),
        Page::Asset => asset(&call),
    }
}

/// A refusal as a page: sign-in for whoever is not signed in, else the error page.
pub fn refusal(app: &App, problem: Problem, path_and_query: &str) -> Response {
    if problem.kind == Kind::NotSignedIn {
        let next = super::show::escaped(path_and_query);
        return redirect(&format!("/sign-in?next={next}"));
    }
    let page = match problem.kind.status() {
        StatusCode::NOT_FOUND => ErrorPage::not_found(path_and_query),
        StatusCode::FORBIDDEN => ErrorPage::forbidden(problem.detail.clone()),
        StatusCode::SERVICE_UNAVAILABLE => ErrorPage::busy(problem.detail.clone()),
        StatusCode::INTERNAL_SERVER_ERROR => ErrorPage::broken(),
        _ => ErrorPage::bad_request(vec![problem.detail.clone()]),
    };
    let status = problem.kind.status();
    html(status, pages::error(&chrome(app), &page))
}

/// What stands on every page, for a page that anybody may see.
pub fn chrome(app: &App) -> Chrome {
    let mut chrome = scene(app, None, &app.view(), &app.people.borrow().clone(), |_, chrome| chrome.clone());
    // Whoever has not signed in learns nothing of incidents.
    (chrome.strip, chrome.exercise) = (None, None);
    chrome
}

/// Draws with the scene of this moment.
fn with_scene<T>(call: &Call, draw: impl FnOnce(&Scene<'_>, &Chrome) -> T) -> T {
    let (view, people) = (call.app.view(), call.app.people.borrow().clone());
    scene(&call.app, Some(call), &view, &people, draw)
}

fn scene<T>(
    app: &App,
    call: Option<&Call>,
    view: &View,
    people: &People,
    draw: impl FnOnce(&Scene<'_>, &Chrome) -> T,
) -> T {
    let records: Arc<dyn Records> = app.door.records();
    let desk = &app.desk;
    let scene = Scene {
        view,
        people,
        zone: &desk.zone,
        now: app.clock.now(),
        council: &desk.council,
        detail: &|seq, digest| records.detail(seq, digest),
    };
    let (user, csrf) = match call.map(|call| &call.who.by) {
        Some(By::Session { csrf, .. }) => (call.map(|call| scene.name(&call.who.name)), csrf.clone()),
        _ => (None, String::new()),
    };
    let theme = call.and_then(|call| call.cookie("theme")).map_or(Theme::Auto, |word| Theme::parse(&word));
    let mut chrome = show::chrome(&scene, user, csrf, theme, (desk.trouble)());
    chrome.speed = desk.speed;
    chrome.demo.clone_from(&desk.demo);
    draw(&scene, &chrome)
}

fn start(call: &Call) -> Response {
    let health = (call.app.parts)()
        .into_iter()
        .map(|part| HealthLine {
            what: super::show::readable(&part.part),
            badge: if part.ready { Badge::new(Tone::Ok, "Well") } else { Badge::new(Tone::Bad, "Down") },
            words: part.why,
        })
        .collect();
    let page = with_scene(call, |scene, chrome| {
        let mut page = show::start(scene, health);
        page.phone_href = phone::newest_link(scene, &call.app.desk.link_key).unwrap_or_default();
        pages::start(chrome, &page)
    });
    html(StatusCode::OK, page)
}

async fn incident(call: Call) -> Result<Response, Problem> {
    let id: IncidentId = call.id(0)?;
    // Reads details from files: off the async threads.
    let drawn = blocking(call, move |call| {
        let shows = call.query_value("show").unwrap_or_default();
        with_scene(call, |scene, chrome| show::incident(scene, id, &shows).map(|page| pages::incident(chrome, &page)))
    })
    .await?;
    drawn.map(|page| html(StatusCode::OK, page)).ok_or_else(|| no_incident(id))
}

fn no_incident(id: IncidentId) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no incident {id} in view; older ones are in the log"))
}

fn incident_map(call: &Call) -> Result<Response, Problem> {
    let id: IncidentId = call.id(0)?;
    with_scene(call, |scene, _| show::map(scene, id)).map(|map| json(&map)).ok_or_else(|| no_incident(id))
}

fn map_layers(call: &Call) -> Result<Response, Problem> {
    let sides: Vec<f64> = call
        .query_value("bbox")
        .unwrap_or_default()
        .split(',')
        .filter_map(|side| side.trim().parse().ok())
        .filter(|side: &f64| side.is_finite())
        .collect();
    let [west, south, east, north] = sides[..] else {
        return Err(Problem::new(Kind::BadRequest, "bbox is west,south,east,north in metres of the National Grid"));
    };
    Ok(json(&(call.app.desk.outlines)([west, south, east, north])))
}

fn wall(call: &Call) -> Response {
    html(StatusCode::OK, with_scene(call, |scene, chrome| pages::wall(chrome, &show::wall(scene))))
}

/// For a screen that nobody signs in at: its address holds an access token that may read, and that is revoked like any.
fn wall_by_token(call: &Call) -> Result<Response, Problem> {
    let token = call.params.first().map(String::as_str).unwrap_or_default();
    let who = call.app.tokens.check(token, call.app.clock.now());
    who.filter(|who| who.may(&[Scope::Read]))
        .map(|_| wall(call))
        .ok_or_else(|| Problem::new(Kind::NotFound, "there is no such wall; `callout token new` makes a token for it"))
}

async fn log(call: Call) -> Result<Response, Problem> {
    let value = |name: &str| call.query_value(name).unwrap_or_default().trim().chars().take(100).collect::<String>();
    let filter = LogFilter {
        kind: value("kind"),
        from: value("from"),
        to: value("to"),
        incident: value("incident"),
        q: value("q"),
    };
    let before = value("before").parse().ok();
    let drawn = blocking(call, move |call| {
        let records = call.app.door.records();
        with_scene(call, |scene, chrome| pages::log(chrome, &show::log(scene, records.as_ref(), filter, before)))
    })
    .await?;
    Ok(html(StatusCode::OK, drawn))
}

fn outbox(call: &Call) -> Response {
    let messages = (call.app.desk.outbox)();
    let older = messages.len().saturating_sub(100);
    let page = OutboxPage { messages: messages.into_iter().take(100).collect(), older: older as u64 };
    html(StatusCode::OK, with_scene(call, |_, chrome| pages::outbox(chrome, &page)))
}

fn asset(call: &Call) -> Result<Response, Problem> {
    let name = call.params.first().map(String::as_str).unwrap_or_default();
    let asset = assets::find(name).ok_or_else(|| Problem::new(Kind::NotFound, "there is no such file"))?;
    let (body, encoding) = asset.body(call.header(header::ACCEPT_ENCODING.as_str()));
    let mut response = whole(StatusCode::OK, asset.content_type(), body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(assets::CACHE_CONTROL));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

/// Does something that reads files on a thread of its own.
async fn blocking<T: Send + 'static>(call: Call, run: impl FnOnce(&Call) -> T + Send + 'static) -> Result<T, Problem> {
    // The body was never asked for; it cannot cross to another thread.
    let Call { app, who, client, params, query, headers, body } = call;
    drop(body);
    let body: super::call::Unread = Box::pin(futures_util::stream::empty());
    let call = Call { app, who, client, params, query, headers, body };
    let kept = std::sync::Mutex::new(call);
    tokio::task::spawn_blocking(move || {
        let call = kept.into_inner().expect("nobody else held it");
        run(&call)
    })
    .await
    .map_err(|_| Problem::new(Kind::Defect, "drawing this page failed"))
}

fn html(status: StatusCode, page: String) -> Response {
    whole(status, "text/html; charset=utf-8", page)
}

fn json(value: &impl serde::Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("views have only text keys, so they serialise");
    whole(StatusCode::OK, "application/json", body)
}

fn redirect(to: &str) -> Response {
    let mut response = whole(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    let to = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// The grid point in words, e.g. `SJ 49401 25322`.
fn grid_ref(place: GridPoint) -> String {
    crate::domain::place::format_grid_reference(place, 5)
}

/// An instant as a form writes it (`2026-11-22T02:14`, local), if it is one.
fn local_instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim().replace(' ', "T");
    let local: jiff::civil::DateTime = text.parse().ok()?;
    Some(crate::domain::time::resolve(local, zone))
}
