//! What people and other systems reach over HTTP: the API, the console's pages, live updates, sign-in.
//!
//! A request passes the accept loop ([`serve`]) with its limits, the route table ([`routes`]) that says who may do
//! what, and one handler. Handlers read the published view and send events through the door; they decide nothing.

pub mod heard;
pub mod limits;
pub mod serve;

pub mod call;
pub mod problem;
pub mod routes;

pub mod scope;
pub mod sessions;
pub mod sign_in;
pub mod tls;
pub mod tokens;
pub mod turnstile;
pub mod users;

pub mod api;
pub mod app;
pub mod live;
pub mod metrics;

pub mod assets;
pub mod desk;
pub mod pages;
pub mod show;
pub mod view;
