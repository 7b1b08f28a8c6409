//! Reads every file that the settings name, in one go: either everything is good and handed over whole, or all that is
//! wrong is told and nothing is used.

use super::Config;
use crate::clock::Clock;
use crate::domain::calendar::Calendar;
use crate::domain::keywords::Keywords;
use crate::domain::ownership::Bodies;
use crate::domain::person::People;
use crate::domain::playbook::Playbook;
use crate::domain::policy::{Document, DocumentKind, Policy};
use crate::domain::problem::{Code, Problem};
use crate::domain::reading::{errors_first, is_id};
use crate::domain::roster::{ROSTER_BYTES_MAX, Roster, without_remarks};
use crate::domain::rota::Rota;
use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// The most bytes of one file. A council's longest is a tenth of it.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most playbooks.
pub const PLAYBOOKS_MAX: usize = 500;

/// Everything that a council wrote down, read and checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings; paths are settled.
    pub config: Config,
    /// The documents of the policy, for the log: no name, number, address or secret is in them.
    pub documents: Vec<Document>,
    /// The policy that they make.
    pub policy: Policy,
    /// The people, with their details.
    pub people: People,
    /// The files of people and rota, word for word.
    pub roster: Roster,
    /// Responsible bodies.
    pub bodies: Bodies,
    /// Findings: it starts with them, but somebody should look.
    pub warnings: Vec<Problem>,
}

/// Reads the configuration at `path` and all that it names, as of now.
///
/// # Errors
/// Everything that is wrong, errors first; nothing is applied.
pub fn load(path: &Path) -> Result<Loaded, Vec<Problem>> {
    load_at(path, Clock::System.now())
}

/// The same as of `now`, by which gaps in the rota and stale reviews are found.
///
/// # Errors
/// Everything that is wrong, errors first; nothing is applied.
pub fn load_at(path: &Path, now: Timestamp) -> Result<Loaded, Vec<Problem>> {
    let mut shelf = Shelf::default();
    let shown = path.display().to_string();
    let settings =
        |problem: Problem| vec![problem.with_help("name it by --config FILE or CALLOUT_CONFIG, or create it")];
    let text = read(path).map_err(settings)?;
    let (mut config, problems) = Config::read(&shown, &text);
    if problems.iter().any(|problem| problem.code == Code::T001) {
        // Where the other files are is not known, so they are not looked at.
        return Err(problems);
    }
    shelf.problems = problems;
    config.settle(path.parent().unwrap_or(Path::new("")));
    let zone = config.deciding.zone().unwrap_or(TimeZone::UTC);
    let files = &config.files;

    shelf.put(DocumentKind::Settings, "settings", path, config.deciding.text());
    let mut roster = Roster::default();
    let people = shelf.take(&files.people, People::parse).map(|(people, text)| {
        roster.people = text;
        people
    });
    if let Some(people) = &people {
        shelf.put(DocumentKind::People, "people", &files.people, people.public_text());
    }
    if let Some((_, text)) = shelf.take(&files.rota, |text| Rota::parse(text, &zone)) {
        shelf.put(DocumentKind::Rota, "rota", &files.rota, without_remarks(&text));
        roster.rota = text;
    }
    if !roster.fits() {
        let message = format!("people and rota together are longer than the {ROSTER_BYTES_MAX} bytes that fit");
        shelf.problems.push(Problem::of_file(files.people.display().to_string(), Code::T006, message));
    }
    shelf.document(DocumentKind::Calendar, "calendar", &files.calendar, |text| Calendar::parse(text, "", &zone));
    shelf.document(DocumentKind::Holidays, "holidays", &files.holidays, |text| Calendar::parse("", text, &zone));
    shelf.document(DocumentKind::Keywords, "keywords", &files.keywords, Keywords::parse);
    let bodies = shelf.document(DocumentKind::Bodies, "bodies", &files.bodies, Bodies::parse);
    for file in shelf.playbooks(&files.playbooks) {
        let id = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        if !is_id(&id) {
            let message = "a playbook's file name is the plan's short name";
            let problem = Problem::of_file(file.display().to_string(), Code::T011, message);
            shelf
                .problems
                .push(problem.with_help("use lower-case letters, digits, _ - and . only, e.g. power-cut.toml"));
        }
        shelf.document(DocumentKind::Playbook, &id, &file, |text| Playbook::parse(&id, text));
    }

    let (Some(people), Some(bodies), true) = (people, bodies, shelf.problems.is_empty()) else {
        return Err(errors_first(shelf.problems));
    };
    let policy = Policy::from_documents(&shelf.documents).map_err(|problems| shelf.named(problems))?;
    let today = zone.to_datetime(now).date();
    let stale = shelf
        .documents
        .iter()
        .filter(|document| document.kind == DocumentKind::Bodies)
        .flat_map(|document| bodies.stale(&document.text, today));
    let found = policy.problems(&shelf.documents, now).into_iter().chain(stale).collect();
    let (errors, warnings): (Vec<_>, Vec<_>) = shelf.named(found).into_iter().partition(Problem::is_error);
    if !errors.is_empty() {
        return Err(errors_first(errors.into_iter().chain(warnings).collect()));
    }
    Ok(Loaded { config, documents: shelf.documents, policy, people, roster, bodies, warnings: errors_first(warnings) })
}

/// The documents so far, where each came from, and what is wrong so far.
#[derive(Default)]
struct Shelf {
    documents: Vec<Document>,
    paths: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Shelf {
    fn put(&mut self, kind: DocumentKind, name: &str, path: &Path, text: String) {
        self.paths.insert(name.to_owned(), path.display().to_string());
        self.documents.push(Document::new(kind, name, text));
    }

    /// Reads and parses a file; what is wrong is kept under the file's path.
    fn take<T>(&mut self, path: &Path, parse: impl FnOnce(&str) -> Result<T, Vec<Problem>>) -> Option<(T, String)> {
        let text = match read(path) {
            Ok(text) => text,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        match parse(&text) {
            Ok(value) => Some((value, text)),
            Err(problems) => {
                let shown = path.display().to_string();
                self.problems.extend(problems.into_iter().map(|problem| Problem { file: shown.clone(), ..problem }));
                None
            }
        }
    }

    /// The same, and keeps the text as a document.
    fn document<T>(
        &mut self,
        kind: DocumentKind,
        name: &str,
        path: &Path,
        parse: impl FnOnce(&str) -> Result<T, Vec<Problem>>,
    ) -> Option<T> {
        let (value, text) = self.take(path, parse)?;
        self.put(kind, name, path, text);
        Some(value)
    }

    /// The playbooks of a directory, by name.
    fn playbooks(&mut self, directory: &Path) -> Vec<PathBuf> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                self.problems.push(unreadable(directory, &error));
                return Vec::new();
            }
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
            .collect();
        files.sort();
        if files.len() > PLAYBOOKS_MAX {
            let message = format!("{} playbooks are more than the {PLAYBOOKS_MAX} that fit", files.len());
            self.problems.push(Problem::of_file(directory.display().to_string(), Code::T006, message));
        }
        files
    }

    /// Problems named by document, named by path.
    fn named(&self, problems: Vec<Problem>) -> Vec<Problem> {
        problems
            .into_iter()
            .map(|problem| {
                let file = self.paths.get(&problem.file).cloned().unwrap_or(problem.file);
                Problem { file, ..problem }
            })
            .collect()
    }
}

/// A file's text, if it is there, is UTF-8 and no longer than [`FILE_BYTES_MAX`].
pub(super) fn read(path: &Path) -> Result<String, Problem> {
    let attempt = || -> std::io::Result<String> {
        let mut text = String::new();
        std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("it is longer than {FILE_BYTES_MAX} bytes")));
        }
        Ok(text)
    };
    attempt().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::of_file(path.display().to_string(), Code::C001, format!("cannot be read: {error}"))
        .with_help("create it, or correct its path in [files]")
}

/// The path without `.` and `a/..`, so that problems show it as people write it.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidied.components().next_back(), Some(Component::Normal(_))) => {
                tidied.pop();
            }
            part => tidied.push(part),
        }
    }
    tidied
}
