//! The smaller pages: start, log, outbox, rota, sign-in, errors.

use super::{Badge, Choice, Field, IncidentRow, Moment, Problem, problems_of};

/// `/`. In the demo three cards stand on top; below them, and always, how things are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StartPage {
    /// In the demo: the page to acknowledge, e.g. `/p/demo`; empty leads to the outbox.
    pub phone_href: String,
    /// In the demo: the incident to look back on; empty leads to the list.
    pub look_back_href: String,
    /// Open incidents, most severe first.
    pub incidents: Vec<IncidentRow>,
    /// The surge board: signals that are raised.
    pub signals: Vec<SignalRow>,
    /// Who is on call now.
    pub on_call: Vec<OnCallLine>,
    /// Each part's health in words.
    pub health: Vec<HealthLine>,
}

/// One raised signal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignalRow {
    /// What about.
    pub title: String,
    /// Why, in words: `23 in 5 min; usual for Sunday 02:00 is 0 to 4`.
    pub evidence: String,
    /// Since.
    pub since: Moment,
    /// The incident that it counts towards; empty for none.
    pub incident: String,
}

/// One role and who has it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnCallLine {
    /// E.g. `Duty officer`.
    pub role: String,
    /// E.g. `Priya Nair until Mon 08:00`; for a gap, `Nobody`.
    pub who: String,
    /// Shown where nobody is on call or nobody could be reached.
    pub badge: Option<Badge>,
}

/// One part of callout and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HealthLine {
    /// E.g. `Texts`.
    pub what: String,
    /// `Well`, `Slow`, `Down`.
    pub badge: Badge,
    /// One sentence.
    pub words: String,
}

/// `/log`: GET with `kind`, `from`, `to` (dates), `incident`, `q` and `before` (a seq, for older entries).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogPage {
    /// The filter in force.
    pub filter: LogFilter,
    /// Choices of kind.
    pub kinds: Vec<Choice>,
    /// Newest first.
    pub lines: Vec<LogLine>,
    /// All entries of the record.
    pub total: u64,
    /// The page of newer entries; empty for none.
    pub newer_href: String,
    /// The page of older entries; empty for none.
    pub older_href: String,
    /// The chain's state: `Intact`, `Damaged at 4711`, `Not checked yet`.
    pub chain: Badge,
    /// E.g. `212 entries checked at 02:14:05 GMT`.
    pub chain_words: String,
    /// The newest entry's hash, 64 hex digits.
    pub head: String,
    /// What is wrong with the filter; may be empty.
    pub problem: String,
}

/// What the log page is cut down to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// A kind's value; empty for all.
    pub kind: String,
    /// First day, `2026-11-22`; empty for the beginning.
    pub from: String,
    /// Last day; empty for the end.
    pub to: String,
    /// `INC-42`; empty for all.
    pub incident: String,
    /// Words; empty for all.
    pub q: String,
}

/// One entry of the record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogLine {
    /// Its number.
    pub seq: u64,
    /// When it was recorded, to the second with zone.
    pub at: Moment,
    /// When it happened, where that differs.
    pub occurred: Option<Moment>,
    /// The kind in words, e.g. `Page sent`.
    pub kind: String,
    /// The entry in words.
    pub text: String,
    /// Who; may be empty.
    pub who: String,
    /// Its hash, shortened, e.g. `9f3a1c2b`.
    pub hash: String,
}

/// `/outbox`: what would have gone out, in the demo.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutboxPage {
    /// Newest first.
    pub messages: Vec<OutMessage>,
    /// How many older ones are not shown.
    pub older: u64,
}

/// Text or email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutMessageKind {
    /// A text message.
    #[default]
    Sms,
    /// An email.
    Email,
}

/// One captured message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutMessage {
    /// `P-512`.
    pub id: String,
    /// Text or email.
    pub kind: OutMessageKind,
    /// Who it is for, e.g. `Priya Nair`.
    pub name: String,
    /// Number or address.
    pub to: String,
    /// When it would have left.
    pub at: Moment,
    /// An email's subject; empty for a text.
    pub subject: String,
    /// The words. Line breaks are kept.
    pub body: String,
    /// The link in it, as a path of this site; empty for none.
    pub href: String,
    /// How it stands, e.g. `Delivered`, `Acknowledged`.
    pub badge: Badge,
}

impl OutMessage {
    /// Whether it is an email.
    pub fn is_email(&self) -> bool {
        self.kind == OutMessageKind::Email
    }
}

/// `/rota`: who is on call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RotaPage {
    /// One row a role.
    pub rows: Vec<RotaRow>,
    /// Times without anybody in the next 14 days, in words.
    pub gaps: Vec<String>,
    /// E.g. `Everybody, managers, and the fallback list are paged when a ladder ends`.
    pub note: String,
}

/// One role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotaRow {
    /// E.g. `Duty officer`.
    pub role: String,
    /// Who has it now; empty is a gap.
    pub now: Vec<RotaHolder>,
    /// Who is next; empty is a gap or not known.
    pub next: Vec<RotaHolder>,
}

/// One person's turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotaHolder {
    /// Who.
    pub name: String,
    /// E.g. `until Mon 23 Nov 08:00` or `from Mon 23 Nov 08:00`; `always` for a standing holder.
    pub span: String,
    /// Shown for an override (`Stands in`), or for somebody without a number (`Not reachable`).
    pub badge: Option<Badge>,
}

/// `/sign-in`: POST there with `csrf`, `name`, `password` and `next`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignInPage {
    /// The name typed.
    pub name: Field,
    /// The password is never sent back; this is what is wrong with it.
    pub password: Field,
    /// Where to go afterwards: a path of this site.
    pub next: String,
    /// In the demo: people to become with one press, posted as `demo_user`; empty otherwise.
    pub demo_users: Vec<Choice>,
}

impl SignInPage {
    /// What is wrong.
    pub fn problems(&self) -> Vec<Problem> {
        problems_of(&[("name", &self.name), ("password", &self.password)])
    }
}

/// An error, in words that help.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorPage {
    /// HTTP status.
    pub status: u16,
    /// E.g. `Page not found`.
    pub title: String,
    /// What happened.
    pub what: String,
    /// What to do now, each a sentence.
    pub next: Vec<String>,
}

impl ErrorPage {
    /// 404.
    pub fn not_found(path: &str) -> Self {
        Self {
            status: 404,
            title: "There is no such page".into(),
            what: format!("Nothing is at {path}."),
            next: vec![
                "If you typed the address, check it.".into(),
                "If you followed a link in a page or email, the incident may have another number: look in Incidents."
                    .into(),
            ],
        }
    }
    /// 400: `problems` say what and how to mend it.
    pub fn bad_request(problems: Vec<String>) -> Self {
        Self {
            status: 400,
            title: "That could not be understood".into(),
            what: "Nothing was changed.".into(),
            next: problems,
        }
    }
    /// 403: a form that was open too long, or somebody without the role.
    pub fn forbidden(what: impl Into<String>) -> Self {
        Self {
            status: 403,
            title: "Not allowed".into(),
            what: what.into(),
            next: vec!["Go back, load the page again, and send it once more.".into()],
        }
    }
    /// 500.
    pub fn broken() -> Self {
        Self {
            status: 500,
            title: "Something went wrong here".into(),
            what: "callout could not answer. What is already in the log is safe, and paging goes on.".into(),
            next: vec![
                "Go back and try once more.".into(),
                "If a person is in danger, do not wait for this page: call 999.".into(),
                "Tell your IT administrator the time shown above.".into(),
            ],
        }
    }
    /// 503.
    pub fn busy(what: impl Into<String>) -> Self {
        Self {
            status: 503,
            title: "Not taken: callout is overloaded or its disk is full".into(),
            what: what.into(),
            next: vec![
                "Nothing that you typed was recorded. Write it down, and send it again in a minute.".into(),
                "If a person is in danger, do not wait for this page: call 999.".into(),
            ],
        }
    }
}
