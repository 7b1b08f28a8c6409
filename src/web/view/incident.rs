//! The incident room, and the list of incidents with its two forms.

use super::{Badge, Chart, Choice, Field, Moment, Problem, Tone, problems_of};

/// `/incidents/INC-42`: everything about one incident on one page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncidentPage {
    /// `INC-42`.
    pub id: String,
    /// Its name, e.g. `Flooding, Mill Street and Wharf Road`.
    pub title: String,
    /// Its state: `Active`, `Proposed`, `Stood down`.
    pub badge: Badge,
    /// E.g. `Severity 2, wake somebody`.
    pub severity: String,
    /// Title and version of the playbook in force, e.g. `Surface-water flooding (version 3f9a1c)`; empty for none.
    pub playbook: String,
    /// Who leads it, in words, e.g. `Duty officer Priya Nair` or `Nobody has it yet`.
    pub officer: String,
    /// E.g. `Open 22 min`.
    pub age: String,
    /// When it was opened.
    pub opened: Moment,
    /// `false` once stood down: then no form is shown.
    pub open: bool,
    /// Playbooks proposed and waiting for a person: value = playbook id. Each gets an Activate button.
    pub proposed: Vec<Choice>,
    /// Six, in order.
    pub figures: Vec<Figure>,
    /// Newest first; runs of callout's own doing folded together.
    pub entries: Vec<EntryRun>,
    /// What the timeline shows: `people`, or empty for everything.
    pub shows: String,
    /// The log page with this incident's entries.
    pub log_href: String,
    /// The entry box.
    pub entry_form: EntryForm,
    /// The escalate form: roles of the rota.
    pub escalate: AskForm,
    /// The hand-over form: people.
    pub hand_over: AskForm,
    /// The METHANE report, filled in as far as known.
    pub methane: Vec<super::MethaneField>,
    /// The stand-down form.
    pub stand_down: StandDownForm,
    /// Contacts per 5 minutes.
    pub chart: Option<Chart>,
    /// The reports on the map, as text; the map itself fetches `/incidents/ID/map.json`.
    pub reports: Vec<MapReport>,
    /// How many more reports than are listed.
    pub reports_more: u32,
    /// Who was paged, and how it stands.
    pub people: Vec<PersonRow>,
    /// The playbook's tasks.
    pub tasks: Vec<TaskRow>,
    /// What the advisors say to callers.
    pub say: Vec<String>,
    /// The record's state, e.g. `212 entries, chain intact. Last hash 9f3a...c41e.`
    pub proof: String,
}

impl IncidentPage {
    /// How many tasks are done.
    pub fn tasks_done(&self) -> usize {
        self.tasks.iter().filter(|task| task.done).count()
    }
    /// What is wrong with the forms of the page.
    pub fn problems(&self) -> Vec<Problem> {
        problems_of(&[
            ("entry-text", &self.entry_form.text),
            ("escalate-whom", &self.escalate.whom),
            ("escalate-reason", &self.escalate.reason),
            ("hand-over-whom", &self.hand_over.whom),
            ("hand-over-reason", &self.hand_over.reason),
            ("stand-down-reason", &self.stand_down.reason),
        ])
    }
}

/// One number with its meaning, and its target where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figure {
    /// E.g. `1 min 40 s`.
    pub value: String,
    /// E.g. `surge to first page`.
    pub label: String,
    /// E.g. `target 60 s`; empty for none.
    pub target: String,
    /// `Bad` when it misses its target, `Ok` when it meets it, `Grey` without one.
    pub tone: Tone,
}

/// One entry, or a run of entries that nobody wrote, folded into a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryRun {
    /// E.g. `6 entries by callout, 20:42 to 20:46`; empty for an entry that stands alone.
    pub summary: String,
    /// Newest first.
    pub entries: Vec<Entry>,
}

/// A form that asks for somebody: POST with `csrf`, `whom` and `reason`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskForm {
    /// Who can be asked: value = role or person id.
    pub choices: Vec<Choice>,
    /// Chosen.
    pub whom: Field,
    /// Why, or how it stands.
    pub reason: Field,
}

/// What kind of thing an entry of the timeline is; it chooses the mark beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryKind {
    /// Somebody decided.
    Decision,
    /// Somebody noted.
    #[default]
    Note,
    /// Somebody did something.
    Action,
    /// callout did or saw something.
    System,
    /// A signal: surge, cluster, warning.
    Signal,
}

impl EntryKind {
    /// The ending of its CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Note => "note",
            Self::Action => "action",
            Self::System => "system",
            Self::Signal => "signal",
        }
    }
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Its number in the log.
    pub seq: u64,
    /// What kind.
    pub kind: EntryKind,
    /// E.g. `Decision: open Corn Hall rest centre`.
    pub title: String,
    /// E.g. `by Priya Nair`; may be empty.
    pub by: String,
    /// When it happened.
    pub at: Moment,
    /// More words; may be empty.
    pub text: String,
}

/// The entry box: POST `/incidents/ID/entries` with `csrf`, `kind` (`decision`, `note`, `action`, `methane`, `sitrep`), `text`,
/// and for a decision `why`, `options`, `information`; for METHANE its headings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryForm {
    /// The kind last chosen; empty means `note`.
    pub kind: String,
    /// What was typed.
    pub text: Field,
    /// Why, of a decision.
    pub why: String,
    /// What else was considered.
    pub options: String,
    /// The information relied on.
    pub information: String,
}

/// POST `/incidents/ID/stand-down` with `csrf` and `reason`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StandDownForm {
    /// Why.
    pub reason: Field,
    /// Tasks still open.
    pub open_tasks: usize,
    /// What the playbook wants to be true first, in words.
    pub suggest_when: Vec<String>,
}

/// One report on the map, as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MapReport {
    /// The letter of its pin: `F` flooding, `T` tree, `R` road, `?` other.
    pub letter: String,
    /// `C-1042`.
    pub id: String,
    /// E.g. `Road under water`.
    pub title: String,
    /// E.g. `SJ 4940 2532, highways`.
    pub place: String,
    /// When it came.
    pub at: Moment,
}

/// One person or body called out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonRow {
    /// Who.
    pub name: String,
    /// The state in words: `Queued`, `Sent`, `Delivered`, `Acknowledged`, `No reply 3 min`, `Failed`, `Declined`.
    pub badge: Badge,
    /// Role, channels, and what happens next and when, e.g. `Rest centre. We page Ian Cole at 02:24`.
    pub detail: String,
}

/// One task of the playbook: ticking it is POST `/incidents/ID/tasks/TASK` with `csrf` and `done` = `1`, `0`, or `not` with `because`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskRow {
    /// `T-97`.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// Who does it, or who did it and when, e.g. `01:56 Priya Nair`.
    pub detail: String,
    /// E.g. `Due 02:20`, `Overdue 4 min`; `None` when done or without a time.
    pub badge: Option<Badge>,
    /// Done, or settled as not to be done.
    pub done: bool,
}

/// `/incidents`: the lists, and the two forms by which a person starts something.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncidentsPage {
    /// Open ones, most severe first.
    pub open: Vec<IncidentRow>,
    /// Stood down, newest first.
    pub closed: Vec<IncidentRow>,
    /// Warnings in force.
    pub warnings: Vec<WarningRow>,
    /// Choices of the open form: value = playbook id. The page adds "No playbook".
    pub playbooks: Vec<Choice>,
    /// The open form.
    pub open_form: OpenForm,
    /// The warning form.
    pub warning_form: WarningForm,
}

impl IncidentsPage {
    /// What is wrong with the forms.
    pub fn problems(&self) -> Vec<Problem> {
        problems_of(&[
            ("open-title", &self.open_form.title),
            ("open-playbook", &self.open_form.playbook),
            ("open-severity", &self.open_form.severity),
            ("open-reason", &self.open_form.reason),
            ("warning-source", &self.warning_form.source),
            ("warning-kind", &self.warning_form.kind),
            ("warning-level", &self.warning_form.level),
            ("warning-from", &self.warning_form.from),
            ("warning-to", &self.warning_form.to),
            ("warning-area", &self.warning_form.area),
        ])
    }
}

/// One incident in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentRow {
    /// `INC-42`.
    pub id: String,
    /// Its page.
    pub href: String,
    /// Its name.
    pub title: String,
    /// Its state.
    pub badge: Badge,
    /// E.g. `Severity 2`.
    pub severity: String,
    /// Who has it, in words.
    pub officer: String,
    /// When it was opened.
    pub opened: Moment,
    /// E.g. `22 min`.
    pub age: String,
    /// Contacts counted towards it.
    pub contacts: u64,
}

/// One warning in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WarningRow {
    /// `W-7`.
    pub id: String,
    /// E.g. `Met Office, rain`.
    pub what: String,
    /// Its level: `Amber`.
    pub badge: Badge,
    /// From.
    pub from: Moment,
    /// To.
    pub to: Moment,
    /// Where.
    pub area: String,
}

/// POST `/incidents` with `csrf`, `title`, `playbook` (may be empty), `severity` (1, 2, 3) and `reason`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenForm {
    /// Name or topic.
    pub title: Field,
    /// Playbook id, or empty for none.
    pub playbook: Field,
    /// `1`, `2` or `3`.
    pub severity: Field,
    /// Why.
    pub reason: Field,
}

/// POST `/warnings` with `csrf`, `source` (`met_office`, `environment_agency`, `other`), `kind`, `level` (`yellow`,
/// `amber`, `red`), `from`, `to` (`datetime-local`: wall clock without zone, `2026-11-22T02:00`) and `area`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WarningForm {
    /// Who warns.
    pub source: Field,
    /// Of what, e.g. `rain`.
    pub kind: Field,
    /// How bad.
    pub level: Field,
    /// From.
    pub from: Field,
    /// To.
    pub to: Field,
    /// Where.
    pub area: Field,
}
