//! Views into HTML: one function a page, one template each in `console/templates`.
//!
//! Everything is escaped unless a template says otherwise, and the only thing that says so is a drawing made of
//! numbers. Where the console was not built, its pages are one notice; the phone page, sign-in and errors are sent
//! all the same, plain, since somebody may be waiting behind them.

use super::assets;
use super::view::{
    Chrome, ContactForm, ErrorPage, IncidentPage, IncidentsPage, LogPage, OutboxPage, PhonePage, PhoneState, RotaPage,
    Section, SignInPage, StartPage, WallPage,
};
use askama::Template;

macro_rules! console_page {
    ($(#[$doc:meta])* $function:ident, $template:ident, $path:literal, $view:ty, $section:expr) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $template<'a> {
            chrome: &'a Chrome,
            section: Section,
            page: &'a $view,
        }
        $(#[$doc])*
        pub fn $function(chrome: &Chrome, page: &$view) -> String {
            shown(assets::BUILT, &$template { chrome, section: $section, page })
        }
    };
}

console_page!(
    /// `/`
    start, StartTemplate, "start.html", StartPage, Section::Start
);
console_page!(
    /// `/contacts/new`
    contact, ContactTemplate, "contact.html", ContactForm, Section::Contact
);
console_page!(
    /// `/incidents`
    incidents, IncidentsTemplate, "incidents.html", IncidentsPage, Section::Incidents
);
console_page!(
    /// `/incidents/ID`
    incident, IncidentTemplate, "incident.html", IncidentPage, Section::Incidents
);
console_page!(
    /// `/rota`
    rota, RotaTemplate, "rota.html", RotaPage, Section::OnCall
);
console_page!(
    /// `/log`
    log, LogTemplate, "log.html", LogPage, Section::Log
);
console_page!(
    /// `/outbox`
    outbox, OutboxTemplate, "outbox.html", OutboxPage, Section::Outbox
);

#[derive(Template)]
#[template(path = "phone.html")]
struct PhoneTemplate<'a> {
    chrome: &'a Chrome,
    page: &'a PhonePage,
}

/// `/p/TOKEN`. Send it with `Referrer-Policy: no-referrer` and `Cache-Control: no-store`.
pub fn phone(chrome: &Chrome, page: &PhonePage) -> String {
    render(&PhoneTemplate { chrome, page })
}

#[derive(Template)]
#[template(path = "wall.html")]
struct WallTemplate<'a> {
    chrome: &'a Chrome,
    page: &'a WallPage,
}

/// `/wall`
pub fn wall(chrome: &Chrome, page: &WallPage) -> String {
    render(&WallTemplate { chrome, page })
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    chrome: &'a Chrome,
    page: &'a SignInPage,
}

/// `/sign-in`
pub fn sign_in(chrome: &Chrome, page: &SignInPage) -> String {
    render(&SignInTemplate { chrome, page })
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate<'a> {
    chrome: &'a Chrome,
    section: Section,
    page: &'a ErrorPage,
}

/// An error page; its status is the caller's to send.
pub fn error(chrome: &Chrome, page: &ErrorPage) -> String {
    render(&ErrorTemplate { chrome, section: Section::Other, page })
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeTemplate;

/// The one page of a program built without its console.
pub fn notice() -> String {
    render(&NoticeTemplate)
}

/// The page, where its styles and scripts are there to go with it.
fn shown(built: bool, template: &impl Template) -> String {
    if built { render(template) } else { notice() }
}

fn render(template: &impl Template) -> String {
    template.render().expect("rendering into a string fails only if a value's Display does, and none does")
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
