//! The plan that a council follows: conditions, hours, steps, stand-down; one TOML file each, readable by a planner
//! who writes no code.

#[cfg(test)]
mod tests;

use super::id::{PlaybookId, RoleId, Tag};
use super::policy::{Floors, sha256_hex};
use super::problem::{Code, Problem};
use super::reading::{Fields, Reader};
use super::time::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One playbook, parsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playbook {
    /// By file name.
    pub id: PlaybookId,
    /// SHA-256 of its full text, hex: its version.
    pub version: String,
    /// As people say it.
    pub title: String,
    /// Who keeps this plan true.
    pub owner: String,
    /// When it was last reviewed.
    pub reviewed: Date,
    /// When it may be activated by itself.
    pub hours: Hours,
    /// By itself, or proposed to the duty officer.
    pub activate: Activate,
    /// How bad.
    pub severity: Severity,
    /// Any one proposes it.
    pub when: Vec<Condition>,
    /// In order.
    pub steps: Vec<Step>,
    /// What must hold before stand-down is suggested, in words.
    pub stand_down: Vec<String>,
}

/// When a playbook may activate by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hours {
    /// Outside core hours only.
    OutOfHours,
    /// In core hours only.
    Core,
    /// At any time.
    Always,
}

/// Whether a matching playbook starts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activate {
    /// Starts, and pages.
    Automatic,
    /// Is proposed; a person decides.
    Proposed,
}

/// How bad: 1 danger to life, 2 wake somebody, 3 next morning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Severity {
    /// 1: danger to life.
    DangerToLife,
    /// 2: wake somebody.
    Wake,
    /// 3: next morning.
    Morning,
}

impl From<Severity> for u8 {
    fn from(severity: Severity) -> u8 {
        match severity {
            Severity::DangerToLife => 1,
            Severity::Wake => 2,
            Severity::Morning => 3,
        }
    }
}

impl TryFrom<u8> for Severity {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::DangerToLife),
            2 => Ok(Self::Wake),
            3 => Ok(Self::Morning),
            _ => Err(format!(
                "severity {number} does not exist; use 1 (danger to life), 2 (wake somebody) or 3 (next morning)"
            )),
        }
    }
}

/// One `[[when]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// A volume surge of a topic. `reports` in `within` is its floor rule (defaults of `[detect]`: 5 in 60 min).
    Surge {
        /// The topic.
        topic: Tag,
        /// So many contacts...
        reports: u32,
        /// ...in so long.
        within: SignedDuration,
    },
    /// Reports of a topic close together in place and time (defaults: 3 within 1 km in 60 min).
    Cluster {
        /// The topic.
        topic: Tag,
        /// So many contacts...
        reports: u32,
        /// ...each within so many metres of one of them...
        metres: u32,
        /// ...in so long.
        within: SignedDuration,
    },
    /// A single report of a topic, by its words or as an advisor marked it: one is enough.
    Keyword {
        /// The topic.
        topic: Tag,
    },
    /// A telephony queue whose callers wait too long or give up.
    Service {
        /// Which, as `source/queue`; `any` for all.
        queue: String,
    },
    /// A feed that is not heard of past its heartbeat, or a queue without any call in core hours.
    Silent {
        /// Which; `any` for all.
        feed: String,
    },
    /// A warning in force.
    Warning {
        /// E.g. `met_office`, `environment_agency`.
        source: String,
        /// E.g. `rain`; empty means any.
        kinds: Vec<String>,
        /// At least this level.
        at_least: WarningLevel,
    },
}

/// Level of a warning, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningLevel {
    /// Yellow; a flood alert.
    Yellow,
    /// Amber; a flood warning.
    Amber,
    /// Red; a severe flood warning.
    Red,
}

/// One `[[step]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Page a role until somebody has it.
    Page {
        /// First the people of this role...
        role: RoleId,
        /// ...then of these, one level every `escalate_after`.
        then: Vec<RoleId>,
        /// So many of them must say "I have got this" (1 unless given).
        wanted: u32,
        /// Only when this kind of evidence is there: `surge`, `cluster`, `keyword`, `service_level`, `feed_silent` or
        /// `warning`.
        only_if: Option<Evidence>,
    },
    /// A task for a service.
    Task {
        /// What is to be done.
        title: String,
        /// By which role or service.
        by: RoleId,
        /// To be accepted within so long of the activation.
        within: Option<SignedDuration>,
    },
    /// What the advisor reads out.
    Say {
        /// The words.
        text: String,
    },
}

/// The kinds of evidence that a condition gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A volume surge.
    Surge,
    /// A cluster in place and time.
    Cluster,
    /// A single report.
    Keyword,
    /// Callers wait too long, or give up.
    Service,
    /// Something is not heard of.
    Silence,
    /// A warning in force.
    Warning,
}

const HOURS: &[(&str, Hours)] =
    &[("out_of_hours", Hours::OutOfHours), ("core", Hours::Core), ("always", Hours::Always)];
const ACTIVATE: &[(&str, Activate)] = &[("automatic", Activate::Automatic), ("proposed", Activate::Proposed)];
const LEVELS: &[(&str, WarningLevel)] =
    &[("yellow", WarningLevel::Yellow), ("amber", WarningLevel::Amber), ("red", WarningLevel::Red)];
const EVIDENCE: &[(&str, Evidence)] = &[
    ("surge", Evidence::Surge),
    ("cluster", Evidence::Cluster),
    ("keyword", Evidence::Keyword),
    ("service_level", Evidence::Service),
    ("feed_silent", Evidence::Silence),
    ("warning", Evidence::Warning),
];

/// The most conditions or steps of one playbook: more would not be read at 3 am.
pub const STEPS_MAX: usize = 60;

impl Condition {
    /// The kind of evidence that it gives.
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Surge { .. } => Evidence::Surge,
            Self::Cluster { .. } => Evidence::Cluster,
            Self::Keyword { .. } => Evidence::Keyword,
            Self::Service { .. } => Evidence::Service,
            Self::Silent { .. } => Evidence::Silence,
            Self::Warning { .. } => Evidence::Warning,
        }
    }

    /// The topic of contacts that it watches; `None` where it watches something else.
    pub fn topic(&self) -> Option<&Tag> {
        match self {
            Self::Surge { topic, .. } | Self::Cluster { topic, .. } | Self::Keyword { topic } => Some(topic),
            Self::Service { .. } | Self::Silent { .. } | Self::Warning { .. } => None,
        }
    }
}

impl Evidence {
    /// The word used in playbooks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Surge => "surge",
            Self::Cluster => "cluster",
            Self::Keyword => "keyword",
            Self::Service => "service_level",
            Self::Silence => "feed_silent",
            Self::Warning => "warning",
        }
    }
}

impl WarningLevel {
    /// The word used in playbooks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yellow => "yellow",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

impl Step {
    /// The roles that the step pages, in the order of its levels; a task's is the role that it is given to.
    pub fn roles(&self) -> Vec<&RoleId> {
        match self {
            Self::Page { role, then, .. } => std::iter::once(role).chain(then).collect(),
            Self::Task { by, .. } => vec![by],
            Self::Say { .. } => Vec::new(),
        }
    }
}

impl Playbook {
    /// Reads a playbook; `id` is its file name without the ending. Counts that it does not give are the defaults
    /// (surge: 5 in 60 min; cluster: 3 within 1,000 m in 60 min).
    ///
    /// # Errors
    /// All slips of the file, with their places.
    pub fn parse(id: &str, text: &str) -> Result<Self, Vec<Problem>> {
        Self::read(id, text, Reader::new(format!("{id}.toml"), text), &Floors::default())
    }

    pub(super) fn read(id: &str, text: &str, reader: Reader<'_>, floors: &Floors) -> Result<Self, Vec<Problem>> {
        let mut root = reader.root();
        let title = root.need_text("title");
        let owner = root.need_text("owner");
        let reviewed = root.need_date("reviewed");
        let hours = root.choice("hours", HOURS).map_or(Hours::Always, |item| item.value);
        let activate = root.choice("activate", ACTIVATE).map_or(Activate::Proposed, |item| item.value);
        let severity = root.integer("severity", 1..=3);
        if severity.is_none() && !root.has("severity") {
            let help = Some("1 danger to life, 2 wake somebody, 3 next morning");
            reader.problem_with(Code::T003, 0..0, "`severity` is missing", help);
        }
        let when: Vec<Condition> =
            root.tables("when").into_iter().filter_map(|table| read_condition(table, floors)).collect();
        let steps: Vec<Step> = root.tables("step").into_iter().filter_map(read_step).collect();
        if !root.has("step") {
            reader.problem(Code::T003, 0..0, "a playbook needs at least one [[step]]");
        }
        if when.len().max(steps.len()) > STEPS_MAX {
            reader.problem(Code::T006, 0..0, format!("a playbook has at most {STEPS_MAX} conditions and steps"));
        }
        let mut stand_down = root.table_or_empty("stand_down");
        let suggest_when = stand_down.texts("suggest_when").into_iter().map(|item| item.value).collect();
        stand_down.done();
        root.done();
        let severity = severity.and_then(|item| u8::try_from(item.value).ok()).and_then(|n| Severity::try_from(n).ok());
        let playbook = (|| {
            Some(Self {
                id: PlaybookId::new(id),
                version: sha256_hex(text),
                title: title?.value,
                owner: owner?.value,
                reviewed: reviewed?.value,
                hours,
                activate,
                severity: severity?,
                when,
                steps,
                stand_down: suggest_when,
            })
        })();
        reader.finish(playbook)
    }
}

/// Which of `keys` the table has; notes a slip unless it is exactly one.
fn one_of(table: &mut Fields<'_>, code: Code, what: &str, keys: &[&'static str]) -> Option<&'static str> {
    let there: Vec<&'static str> = keys.iter().copied().filter(|key| table.has(key)).collect();
    if let [only] = there[..] {
        return Some(only);
    }
    if there.is_empty() && table.note_misspelt(keys) {
        return None;
    }
    let (last, first) = keys.split_last().expect("there are several kinds");
    let first = first.join(", ");
    let message = match there.len() {
        0 => format!("this {what} says nothing of {first} or {last}"),
        _ => format!("this {what} has {} at once", there.join(" and ")),
    };
    let help = format!("give each {what} exactly one of {first} and {last}");
    table.reader().problem_with(code, table.span(), message, Some(help));
    None
}

/// The kinds of condition.
const WHEN: &[&str] = &["surge", "cluster", "keyword", "service_level", "feed_silent", "warning"];

fn read_condition(mut table: Fields<'_>, floors: &Floors) -> Option<Condition> {
    let kind = one_of(&mut table, Code::P012, "condition", WHEN)?;
    let count = |table: &mut Fields<'_>, default: u32| {
        table.integer("reports", 2..=10_000).and_then(|item| u32::try_from(item.value).ok()).unwrap_or(default)
    };
    let condition = match kind {
        "surge" => {
            let topic = table.id("surge");
            let reports = count(&mut table, floors.surge_reports);
            let range = SignedDuration::from_mins(1)..=SignedDuration::from_hours(24);
            let within = table.duration("within", range).map_or(floors.surge_within, |item| item.value);
            topic.map(|topic| Condition::Surge { topic: Tag::new(topic.value), reports, within })
        }
        "cluster" => {
            let topic = table.id("cluster");
            let reports = count(&mut table, floors.cluster_reports);
            let mut area = table.table_or_empty("within");
            let metres = area.integer("metres", 10..=50_000).and_then(|item| u32::try_from(item.value).ok());
            let minutes = area.integer("minutes", 1..=1_440).map(|item| SignedDuration::from_mins(item.value));
            area.done();
            topic.map(|topic| Condition::Cluster {
                topic: Tag::new(topic.value),
                reports,
                metres: metres.unwrap_or(floors.cluster_metres),
                within: minutes.unwrap_or(floors.cluster_within),
            })
        }
        "service_level" => table.text(kind).map(|item| Condition::Service { queue: item.value }),
        "feed_silent" => table.text(kind).map(|item| Condition::Silent { feed: item.value }),
        "keyword" => table.id("keyword").map(|topic| Condition::Keyword { topic: Tag::new(topic.value) }),
        _ => {
            let mut warning = table.table_or_empty("warning");
            let source = warning.need_id("source");
            let kinds = warning.texts("kinds").into_iter().map(|item| item.value).collect();
            let at_least = warning.need_choice("at_least", LEVELS);
            warning.done();
            (|| Some(Condition::Warning { source: source?.value, kinds, at_least: at_least?.value }))()
        }
    };
    table.done();
    condition
}

fn read_step(mut table: Fields<'_>) -> Option<Step> {
    let kind = one_of(&mut table, Code::P010, "step", &["page", "task", "say"])?;
    let step = match kind {
        "page" => {
            let role = table.id("page");
            let then = table.texts("then").into_iter().map(|item| RoleId::new(item.value)).collect();
            let wanted = table.integer("wanted", 1..=50).and_then(|item| u32::try_from(item.value).ok());
            let only_if = table.choice("only_if", EVIDENCE).map(|item| item.value);
            role.map(|role| Step::Page { role: RoleId::new(role.value), then, wanted: wanted.unwrap_or(1), only_if })
        }
        "task" => {
            let title = table.text("task");
            let by = table.need_id("by");
            let range = SignedDuration::from_mins(1)..=SignedDuration::from_hours(7 * 24);
            let within = table.duration("within", range).map(|item| item.value);
            (|| Some(Step::Task { title: title?.value, by: RoleId::new(by?.value), within }))()
        }
        _ => table.text("say").map(|item| Step::Say { text: item.value }),
    };
    table.done();
    step
}
