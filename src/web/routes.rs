//! The route table: every address that callout answers, once.
//!
//! The router, the OpenAPI document and the tests of who may do what are all made from [`ROUTES`]. A new address is a
//! row here, a variant of [`Action`], and an arm in [`act`]; the compiler and the tests ask for the rest.
//!
//! A route says who may use it before anything of the request is read; whoever has no scope for it learns nothing.

use super::api;
use super::app::App;
use super::call::{Call, Unread, unread};
use super::desk::{self, Page};
use super::problem::{Kind, Problem};
use super::scope::{By, Scope, Who};
use super::serve::{Answered, Client, Routes};
use super::sign_in;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use warp::Filter;
use warp::http::{HeaderMap, Method, header};
use warp::reply::Response;

/// The two methods that callout knows; `HEAD` is answered as `GET` without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads. Never writes, but for the two addresses that Kannel calls and that lie behind a secret.
    Get,
    /// Writes.
    Post,
}

impl Verb {
    /// The HTTP method.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
        }
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allow {
    /// Everybody.
    Everybody,
    /// Whoever has one of these scopes, by token or by session.
    AnyOf(&'static [Scope]),
    /// Whoever knows the secret in the path; the handler compares it.
    PathSecret,
    /// A supplier that proves who it is, by a bearer token of its own or by its signature; the handler compares it.
    Supplier,
}

/// Which listener answers a route, where there are two; one alone answers all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The staff's: everything that the world need not reach.
    Staff,
    /// The public one.
    Public,
    /// Both.
    Both,
}

/// A listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The only one.
    Only,
    /// The staff's.
    Staff,
    /// The public one.
    Public,
}

impl Side {
    /// Whether that listener answers.
    pub fn is_at(self, listener: Listener) -> bool {
        match listener {
            Listener::Only => true,
            Listener::Staff => self != Self::Public,
            Listener::Public => self != Self::Staff,
        }
    }
}

/// What is done; one variant a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each row of the table says what its action does")]
pub enum Action {
    ContactsCreate,
    QueuesCount,
    FeedsList,
    LandAsk,
    LandBatch,
    LandArea,
    LandNearest,
    LandWithin,
    LandFeatures,
    LandStatistic,
    LandMark,
    LandCorrect,
    LandSettle,
    LandWithdraw,
    LandQueue,
    LandChanges,
    PointOsgb,
    PointDegrees,
    PostcodeAreas,
    IncidentsList,
    IncidentRead,
    IncidentOpen,
    IncidentActivate,
    IncidentNote,
    IncidentDecision,
    EntryConfirm,
    TaskMove,
    IncidentStandDown,
    WarningsList,
    WarningEnter,
    WarningCancel,
    PageAcknowledge,
    PageDecline,
    PageTest,
    RotaNow,
    RotaFile,
    RotaApply,
    PlaybooksList,
    RecordHead,
    RecordExport,
    RecordErase,
    RecordHold,
    RecordLift,
    SmsReply,
    SmsReceipt,
    NotifyReceipt,
    NotifyText,
    TwilioReceipt,
    TwilioText,
    Live,
    SignInPage,
    SignIn,
    SignOut,
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
    Page(Page),
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub verb: Verb,
    /// Its path; `{name}` stands for one segment.
    pub path: &'static str,
    /// Who may use it.
    pub allow: Allow,
    /// Which listener answers it.
    pub side: Side,
    /// What it does.
    pub action: Action,
    /// Its name: in metrics, and the `operationId` of the OpenAPI document.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
}

const fn get(path: &'static str, allow: Allow, action: Action, name: &'static str, summary: &'static str) -> Route {
    Route { verb: Verb::Get, path, allow, side: Side::Staff, action, name, summary }
}

const fn post(path: &'static str, allow: Allow, action: Action, name: &'static str, summary: &'static str) -> Route {
    Route { verb: Verb::Post, path, allow, side: Side::Staff, action, name, summary }
}

impl Route {
    /// The same row on that side. A row is the staff's unless it says otherwise.
    const fn on(self, side: Side) -> Self {
        Self { side, ..self }
    }
}

const CONTACTS: Allow = Allow::AnyOf(&[Scope::ContactsWrite]);
const LAND: Allow = Allow::AnyOf(&[Scope::ContactsWrite, Scope::Read, Scope::IncidentsWrite]);
const READ: Allow = Allow::AnyOf(&[Scope::Read, Scope::IncidentsWrite]);
const INCIDENTS: Allow = Allow::AnyOf(&[Scope::IncidentsWrite]);
const DESK: Allow = Allow::AnyOf(&[Scope::ContactsWrite, Scope::Read, Scope::IncidentsWrite]);
/// Those whom only `admin` is among.
const KEEPERS: Allow = Allow::AnyOf(&[Scope::Admin]);
const OPEN: Allow = Allow::Everybody;

/// Every route. The busiest stands first, since they are tried in order.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    post("/api/v1/contacts", CONTACTS, Action::ContactsCreate, "contacts_create", "Take one contact or a batch"),
    post("/api/v1/queue-stats", CONTACTS, Action::QueuesCount, "queues_count", "Take what a telephony system counted: one interval or a batch"),
    get("/api/v1/feeds", READ, Action::FeedsList, "feeds_list", "What is heard of, what is silent, and how queues are served"),
    get("/api/v1/land", LAND, Action::LandAsk, "land_ask", "Whose land a place is, and what to tell the caller"),
    post("/api/v1/land/batch", LAND, Action::LandBatch, "land_batch", "Whose land many places are, one to a line, answered in order"),
    get("/api/v1/land/area", LAND, Action::LandArea, "land_area", "What covers a place, on every layer"),
    get("/api/v1/land/nearest", LAND, Action::LandNearest, "land_nearest", "The features nearest to a place"),
    get("/api/v1/land/within", LAND, Action::LandWithin, "land_within", "The features within a distance of a place"),
    get("/api/v1/land/features", LAND, Action::LandFeatures, "land_features", "A layer's features in a box, as GeoJSON"),
    get("/api/v1/land/statistic", READ, Action::LandStatistic, "land_statistic", "Contacts by the areas of a layer"),
    post("/api/v1/land/marks", LAND, Action::LandMark, "land_mark", "Say that an answer about the land is wrong"),
    post("/api/v1/land/marks/{mark}/settle", INCIDENTS, Action::LandSettle, "land_settle", "Say that the map is right after all"),
    post("/api/v1/land/corrections", INCIDENTS, Action::LandCorrect, "land_correct", "Correct the map until the layer's next import"),
    post("/api/v1/land/corrections/{correction}/withdraw", INCIDENTS, Action::LandWithdraw, "land_withdraw", "Withdraw a correction of the map"),
    get("/api/v1/land/queue", READ, Action::LandQueue, "land_queue", "What waits for somebody who knows the ground"),
    get("/api/v1/land/changes", READ, Action::LandChanges, "land_changes", "Contacts that the maps in force now answer differently"),
    get("/point/osgb/{point}", LAND, Action::PointOsgb, "point_osgb", "What covers easting,northing, as MapIt answers"),
    get("/point/4326/{point}", LAND, Action::PointDegrees, "point_4326", "What covers longitude,latitude, as MapIt answers"),
    get("/postcode/{postcode}", LAND, Action::PostcodeAreas, "postcode_areas", "What covers a postcode, as MapIt answers"),
    get("/api/v1/incidents", READ, Action::IncidentsList, "incidents_list", "Open incidents, and those closed lately"),
    post("/api/v1/incidents", INCIDENTS, Action::IncidentOpen, "incident_open", "Open an incident by hand"),
    get("/api/v1/incidents/{incident}", READ, Action::IncidentRead, "incident_read", "One incident with its timeline"),
    post("/api/v1/incidents/{incident}/activate", INCIDENTS, Action::IncidentActivate, "incident_activate", "Put a playbook into force"),
    post("/api/v1/incidents/{incident}/notes", INCIDENTS, Action::IncidentNote, "incident_note", "Write into the incident's log"),
    post("/api/v1/incidents/{incident}/decisions", INCIDENTS, Action::IncidentDecision, "incident_decision", "Record a decision"),
    post("/api/v1/incidents/{incident}/entries/{entry}/confirm", INCIDENTS, Action::EntryConfirm, "entry_confirm", "Confirm a decision that somebody wrote down for you"),
    post("/api/v1/incidents/{incident}/tasks/{task}", INCIDENTS, Action::TaskMove, "task_move", "Accept a task, or say that it is done or won't be"),
    post("/api/v1/incidents/{incident}/stand-down", INCIDENTS, Action::IncidentStandDown, "incident_stand_down", "Close an incident, with the reason"),
    get("/api/v1/warnings", READ, Action::WarningsList, "warnings_list", "Warnings that have not ended"),
    post("/api/v1/warnings", INCIDENTS, Action::WarningEnter, "warning_enter", "Enter a warning"),
    post("/api/v1/warnings/{warning}/cancel", INCIDENTS, Action::WarningCancel, "warning_cancel", "End a warning before its time"),
    post("/api/v1/pages/{page}/acknowledge", INCIDENTS, Action::PageAcknowledge, "page_acknowledge", "Say \"I have got this\" for a page"),
    post("/api/v1/pages/{page}/decline", INCIDENTS, Action::PageDecline, "page_decline", "Say \"I can't\" for a page"),
    post("/api/v1/pages/test", INCIDENTS, Action::PageTest, "page_test", "Page one person as a test"),
    get("/api/v1/rota/now", READ, Action::RotaNow, "rota_now", "Who is on call now"),
    get("/api/v1/rota/file", KEEPERS, Action::RotaFile, "rota_file", "People and rota as they are in force, word for word"),
    post("/api/v1/rota", KEEPERS, Action::RotaApply, "rota_apply", "Put a new edition of rota or people into force, or show what it would change"),
    get("/api/v1/playbooks", READ, Action::PlaybooksList, "playbooks_list", "Playbooks in force"),
    get("/api/v1/record", READ, Action::RecordHead, "record_head", "The log's signed head, legal holds, and what waits to be erased"),
    post("/api/v1/record/exports", KEEPERS, Action::RecordExport, "record_export", "Say in the record that a copy of it is taken"),
    post("/api/v1/record/erasures", KEEPERS, Action::RecordErase, "record_erase", "Erase the details of a contact or an incident"),
    post("/api/v1/record/holds", KEEPERS, Action::RecordHold, "record_hold", "Place a legal hold: what it covers is not erased"),
    post("/api/v1/record/holds/{hold}/lift", KEEPERS, Action::RecordLift, "record_lift", "Lift a legal hold"),
    get("/api/v1/openapi.json", OPEN, Action::OpenApi, "openapi", "This API, as an OpenAPI document"),
    get("/kannel/{secret}/reply", Allow::PathSecret, Action::SmsReply, "sms_reply", "A text that came in, from Kannel").on(Side::Both),
    get("/kannel/{secret}/receipt", Allow::PathSecret, Action::SmsReceipt, "sms_receipt", "A delivery receipt, from Kannel").on(Side::Both),
    post("/notify/receipt", Allow::Supplier, Action::NotifyReceipt, "notify_receipt", "A delivery receipt, from GOV.UK Notify").on(Side::Public),
    post("/notify/text", Allow::Supplier, Action::NotifyText, "notify_text", "A text that came in, from GOV.UK Notify").on(Side::Public),
    post("/twilio/receipt", Allow::Supplier, Action::TwilioReceipt, "twilio_receipt", "A delivery receipt, from Twilio").on(Side::Public),
    post("/twilio/text", Allow::Supplier, Action::TwilioText, "twilio_text", "A text that came in, from Twilio").on(Side::Public),
    get("/live", READ, Action::Live, "live", "Changes as they happen, as server-sent events"),
    get("/", DESK, Action::Page(Page::Start), "start", "The start page"),
    get("/contacts/new", CONTACTS, Action::Page(Page::ContactForm), "contact_form", "The form to log a contact"),
    get("/contacts", CONTACTS, Action::Page(Page::ContactAgain), "contact_form_again", "The same form, for whoever comes back to where it was sent"),
    post("/contacts", CONTACTS, Action::Page(Page::LogContact), "contact_log", "Log a contact by the form"),
    post("/contacts/{contact}/undo", CONTACTS, Action::Page(Page::UndoContact), "contact_undo", "Take back a contact that was logged by mistake"),
    post("/contacts/repeats", CONTACTS, Action::Page(Page::Repeats), "contact_repeats", "The earlier contacts of a caller's number"),
    get("/land", LAND, Action::Page(Page::Land), "contact_land", "What the form shows of a typed place"),
    get("/incidents", DESK, Action::Page(Page::Incidents), "incidents_page", "Incidents, and the forms that start something"),
    post("/incidents", INCIDENTS, Action::Page(Page::OpenIncident), "incident_open_form", "Open an incident by the form"),
    get("/incidents/{incident}", DESK, Action::Page(Page::Incident), "incident_page", "The incident room"),
    get("/incidents/{incident}/map.json", DESK, Action::Page(Page::IncidentMap), "incident_map", "The incident's reports as points"),
    post("/incidents/{incident}/entries", INCIDENTS, Action::Page(Page::WriteEntry), "incident_entry_form", "Write into the incident's log by the form"),
    post("/incidents/{incident}/activate", INCIDENTS, Action::Page(Page::Activate), "incident_activate_form", "Put a playbook into force by the form"),
    post("/incidents/{incident}/tasks/{task}", INCIDENTS, Action::Page(Page::MoveTask), "task_move_form", "Tick a task"),
    post("/incidents/{incident}/stand-down", INCIDENTS, Action::Page(Page::StandDown), "incident_stand_down_form", "Close an incident by the form"),
    post("/incidents/{incident}/escalate", INCIDENTS, Action::Page(Page::Escalate), "incident_escalate_form", "Call a role in at once, by the form"),
    post("/incidents/{incident}/hand-over", INCIDENTS, Action::Page(Page::HandOver), "incident_hand_over_form", "Ask somebody to take an incident over, by the form"),
    post("/warnings", INCIDENTS, Action::Page(Page::EnterWarning), "warning_form", "Enter a warning by the form"),
    get("/map/layers.json", DESK, Action::Page(Page::MapLayers), "map_layers", "Outlines of the map layers in a box"),
    get("/map/reports.json", DESK, Action::Page(Page::MapReports), "map_reports", "The reports of the last hours as points"),
    get("/p/{token}", Allow::PathSecret, Action::Page(Page::Phone), "phone", "The page behind the link of a text or email; only shows").on(Side::Both),
    post("/p/{token}", Allow::PathSecret, Action::Page(Page::PhoneAnswer), "phone_answer", "The button on that page").on(Side::Both),
    get("/wall", READ, Action::Page(Page::Wall), "wall", "The wall board"),
    get("/wall/{token}", Allow::PathSecret, Action::Page(Page::WallByToken), "wall_by_token", "The wall board of a screen that nobody signs in at"),
    get("/rota", DESK, Action::Page(Page::Rota), "rota_page", "Who is on call now and next"),
    get("/log", READ, Action::Page(Page::Log), "log_page", "The record"),
    get("/outbox", DESK, Action::Page(Page::Outbox), "outbox_page", "Messages kept here instead of sent"),
    get("/assets/{name}", OPEN, Action::Page(Page::Asset), "asset", "Styles and scripts of the console").on(Side::Both),
    get("/sign-in", OPEN, Action::SignInPage, "sign_in_page", "The sign-in page"),
    post("/sign-in", OPEN, Action::SignIn, "sign_in", "Sign in to the console"),
    post("/sign-out", OPEN, Action::SignOut, "sign_out", "Sign out"),
    get("/healthz", OPEN, Action::Healthz, "healthz", "The process answers").on(Side::Both),
    get("/readyz", OPEN, Action::Readyz, "readyz", "Which part is ready, and why not"),
    get("/metrics", READ, Action::Metrics, "metrics", "Counts for Prometheus"),
];

/// Does what a row says.
async fn act(action: Action, call: Call) -> Result<Response, Problem> {
    match action {
        Action::ContactsCreate => api::contacts::create(call).await,
        Action::LandAsk => api::land::ask(call),
        Action::LandBatch => api::land::batch::ask(call).await,
        Action::LandArea => api::land::maps::area(call),
        Action::LandNearest => api::land::maps::nearest(call),
        Action::LandWithin => api::land::maps::within(call),
        Action::LandFeatures => api::land::maps::features(call),
        Action::LandStatistic => api::land::maps::statistic(call),
        Action::LandMark => api::land::corrections::mark(call).await,
        Action::LandCorrect => api::land::corrections::correct(call).await,
        Action::LandSettle => api::land::corrections::settle(call).await,
        Action::LandWithdraw => api::land::corrections::withdraw(call).await,
        Action::LandQueue => api::land::corrections::queue(call).await,
        Action::LandChanges => api::land::corrections::changes(call).await,
        Action::PointOsgb => api::land::maps::point_osgb(call),
        Action::PointDegrees => api::land::maps::point_degrees(call),
        Action::PostcodeAreas => api::land::maps::postcode(call),
        Action::IncidentsList => api::incidents::list(&call),
        Action::QueuesCount => api::queues::create(call).await,
        Action::FeedsList => Ok(api::queues::list(&call)),
        Action::IncidentRead => api::incidents::read(call).await,
        Action::IncidentOpen => api::incidents::open(call).await,
        Action::IncidentActivate => api::playbooks::activate(call).await,
        Action::IncidentNote => api::entries::note(call).await,
        Action::IncidentDecision => api::entries::decision(call).await,
        Action::EntryConfirm => api::entries::confirm(call).await,
        Action::TaskMove => api::incidents::move_task(call).await,
        Action::IncidentStandDown => api::incidents::stand_down(call).await,
        Action::WarningsList => api::warnings::list(&call),
        Action::WarningEnter => api::warnings::enter(call).await,
        Action::WarningCancel => api::warnings::cancel(call).await,
        Action::PageAcknowledge => api::acknowledge::acknowledge(call).await,
        Action::PageDecline => api::acknowledge::decline(call).await,
        Action::PageTest => api::acknowledge::test(call).await,
        Action::RotaNow => api::rota::now(&call),
        Action::RotaFile => api::rota::file(call).await,
        Action::RotaApply => api::rota::apply(call).await,
        Action::PlaybooksList => api::playbooks::list(&call),
        Action::RecordHead => Ok(api::record::head(&call)),
        Action::RecordExport => api::record::export(call).await,
        Action::RecordErase => api::record::erase(call).await,
        Action::RecordHold => api::record::hold(call).await,
        Action::RecordLift => api::record::lift(call).await,
        Action::SmsReply => api::sms::reply(call).await,
        Action::SmsReceipt => api::sms::receipt(call).await,
        Action::NotifyReceipt => api::providers::notify_receipt(call).await,
        Action::NotifyText => api::providers::notify_text(call).await,
        Action::TwilioReceipt => api::providers::twilio_receipt(call).await,
        Action::TwilioText => api::providers::twilio_text(call).await,
        Action::Live => super::live::stream(call),
        Action::SignInPage => sign_in::page(&call),
        Action::SignIn => sign_in::sign_in(call).await,
        Action::SignOut => sign_in::sign_out(call).await,
        Action::Healthz => Ok(api::health::healthz()),
        Action::Readyz => Ok(api::health::readyz(&call)),
        Action::Metrics => Ok(api::metrics::text(&call)),
        Action::OpenApi => Ok(api::openapi::answer()),
        Action::Page(page) => desk::act(page, call).await,
    }
}

/// The router: all rows of the table, and refusals for everything else.
pub fn router(app: &Arc<App>, listener: Listener) -> Routes {
    let nothing = warp::any().and_then(async || Err::<Response, _>(warp::reject::not_found())).boxed();
    let here = ROUTES.iter().rev().filter(move |route| route.side.is_at(listener));
    let all = here.fold(nothing, |rest, route| row(*route, app).or(rest).unify().boxed());
    let app = Arc::clone(app);
    let refused = warp::path::full().and(warp::method()).and(warp::header::headers_cloned()).map(
        move |path: warp::path::FullPath, method: Method, headers: HeaderMap| {
            let problem = refuse(path.as_str(), &method, listener);
            // A person in a browser gets a page; a program gets what programs read.
            let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
            let page = listener != Listener::Public && accepts.contains("text/html");
            if page && !path.as_str().starts_with("/api/") {
                desk::refusal(&app, problem, path.as_str())
            } else {
                problem.into_response()
            }
        },
    );
    all.or(refused).unify().boxed()
}

/// What to say where no row fits.
fn refuse(path: &str, method: &Method, listener: Listener) -> Problem {
    let is_here = |route: &&Route| route.side.is_at(listener) && fits(route.path, path);
    let here: Vec<&Route> = ROUTES.iter().filter(is_here).collect();
    if here.is_empty() {
        let words = match listener {
            Listener::Public => "there is nothing at this address",
            _ => "there is nothing at this address; /api/v1/openapi.json lists the API",
        };
        return Problem::new(Kind::NotFound, words);
    }
    let mut allow: Vec<String> = here.iter().map(|route| route.verb.method().to_string()).collect();
    allow.extend(here.iter().any(|route| route.verb == Verb::Get).then(|| "HEAD".to_owned()));
    let allow = allow.join(", ");
    let detail = format!("this address takes {allow}, not {}", method.as_str().chars().take(20).collect::<String>());
    Problem { allow: Some(allow), ..Problem::new(Kind::MethodNotAllowed, detail) }
}

/// Whether a path is of that pattern.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(got)) if wanted == got || (wanted.starts_with('{') && !got.is_empty()) => {}
            _ => return false,
        }
    }
}

/// One row as a filter: path, end, method; then everything about it in [`answer`].
fn row(route: Route, app: &Arc<App>) -> Routes {
    let start = warp::any().map(Vec::<String>::new).boxed();
    let path = route.path.split('/').filter(|segment| !segment.is_empty()).fold(start, |path, segment| {
        if segment.starts_with('{') {
            let add = |mut params: Vec<String>, param: String| {
                params.push(param);
                params
            };
            path.and(warp::path::param::<String>()).map(add).boxed()
        } else {
            path.and(warp::path(segment)).boxed()
        }
    });
    let method = match route.verb {
        Verb::Get => warp::get().boxed(),
        Verb::Post => warp::post().boxed(),
    };
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let app = Arc::clone(app);
    path.and(warp::path::end())
        .and(method)
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Client>())
        .and(warp::body::stream().map(unread))
        .then(move |params, full: warp::path::FullPath, query, headers, client: Option<Client>, body| {
            let app = Arc::clone(&app);
            let client = client.unwrap_or(Client { address: IpAddr::V4(Ipv4Addr::LOCALHOST), https: false });
            let request = Request { path: full.as_str().to_owned(), params, query, headers, client, body };
            // On the heap, so that the chain of rows holds a pointer and not the largest handler.
            Box::pin(answer(route, app, request))
        })
        .boxed()
}

struct Request {
    path: String,
    params: Vec<String>,
    query: String,
    headers: HeaderMap,
    client: Client,
    body: Unread,
}

impl Request {
    /// Where whoever signs in first comes back to: the page itself, or for a form the start.
    fn address(&self, verb: Verb) -> String {
        match (verb, self.query.is_empty()) {
            (Verb::Post, _) => "/".to_owned(),
            (Verb::Get, true) => self.path.clone(),
            (Verb::Get, false) => format!("{}?{}", self.path, self.query),
        }
    }
}

async fn answer(route: Route, app: Arc<App>, request: Request) -> Response {
    let page = matches!(route.action, Action::Page(_)).then(|| (Arc::clone(&app), request.address(route.verb)));
    let answered = match authorise(&route, &app, &request) {
        Ok(who) => {
            let Request { path: _, params, query, headers, client, body } = request;
            act(route.action, Call { app, who, client, params, query, headers, body }).await
        }
        Err(problem) => Err(problem),
    };
    let mut response = answered.unwrap_or_else(|problem| match page {
        Some((app, address)) => desk::refusal(&app, problem, &address),
        None => problem.into_response(),
    });
    response.extensions_mut().insert(Answered(route.name));
    response
}

/// Who asks, if they may use the route.
fn authorise(route: &Route, app: &App, request: &Request) -> Result<Who, Problem> {
    let any_of = match route.allow {
        Allow::Everybody | Allow::PathSecret | Allow::Supplier => return Ok(Who::nobody()),
        Allow::AnyOf(scopes) => scopes,
    };
    let who = identify(app, &request.headers, request.client, route.action == Action::Live)?;
    if !who.may(any_of) {
        let wanted = any_of.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" or ");
        return Err(Problem::new(Kind::NotAllowed, format!("this needs {wanted}; ask callout's administrator")));
    }
    if route.verb == Verb::Post && matches!(who.by, By::Session { .. }) {
        sign_in::check_origin(&request.headers)?;
        // A browser's form carries the token as a field, which `Form` checks when it reads it; scripts carry it here.
        let given = request.headers.get(sign_in::CSRF_HEADER).and_then(|token| token.to_str().ok());
        if route.path.starts_with("/api/") && !super::sessions::csrf_fits(&who, given) {
            let detail =
                format!("a signed-in browser must send {}; reload the page and try again", sign_in::CSRF_HEADER);
            return Err(Problem::new(Kind::NotAllowed, detail));
        }
    }
    Ok(who)
}

/// Who asks, by token or by session. `quietly` does not count as using the session.
pub(super) fn identify(app: &App, headers: &HeaderMap, client: Client, quietly: bool) -> Result<Who, Problem> {
    let now = app.clock.now();
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let words = authorization.to_str().unwrap_or_default();
        let token = words.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let known = token.and_then(|(_, token)| app.tokens.check(token.trim(), now));
        return known.ok_or_else(|| {
            Problem::new(Kind::NotSignedIn, "this access token is not good here; `callout token new` makes one")
        });
    }
    let cookie = sign_in::session_cookie(headers, client);
    let known = cookie.and_then(|cookie| app.sessions.check(&app.users, &cookie, now, quietly));
    known.ok_or_else(|| {
        Problem::new(Kind::NotSignedIn, "send \"Authorization: Bearer callout_...\", or sign in to the console")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_has_its_own_name_address_and_action() {
        let names: BTreeSet<_> = ROUTES.iter().map(|route| route.name).collect();
        let addresses: BTreeSet<_> = ROUTES.iter().map(|route| (route.verb, route.path)).collect();
        assert_eq!((names.len(), addresses.len()), (ROUTES.len(), ROUTES.len()));
        for (at, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..at].iter().all(|other| other.action != route.action), "{}", route.name);
        }
    }

    #[test]
    fn a_row_that_writes_is_open_to_everybody_only_for_signing_in_and_out() {
        for route in ROUTES.iter().filter(|route| route.verb == Verb::Post && route.allow == Allow::Everybody) {
            assert!(matches!(route.action, Action::SignIn | Action::SignOut), "{}", route.name);
        }
    }

    #[test]
    fn the_world_reaches_links_and_suppliers_callbacks_and_nothing_that_asks_for_a_sign_in() {
        for route in ROUTES.iter().filter(|route| route.side.is_at(Listener::Public)) {
            let proves_itself = matches!(route.allow, Allow::PathSecret | Allow::Supplier);
            let harmless = matches!(route.action, Action::Page(Page::Asset) | Action::Healthz);
            assert!(proves_itself || harmless, "{} is open to the world", route.name);
        }
        for route in ROUTES {
            assert!(route.side.is_at(Listener::Staff) || route.side.is_at(Listener::Public), "{}", route.name);
        }
    }

    #[test]
    fn no_address_is_hidden_by_another() {
        for (at, route) in ROUTES.iter().enumerate() {
            for earlier in ROUTES[..at].iter().filter(|earlier| earlier.verb == route.verb) {
                assert!(!fits(earlier.path, route.path), "{} hides {}", earlier.path, route.path);
            }
        }
    }
}
