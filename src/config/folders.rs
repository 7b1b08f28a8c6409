//! Watched folders: `[[intake.folder]]` of the settings.

use crate::domain::problem::Code;
use crate::domain::reading::Fields;
use crate::domain::text::to_slug;
use crate::domain::time::SignedDuration;
use std::path::PathBuf;
use std::time::Duration;

/// Folders at most.
pub const FOLDERS_MAX: usize = 16;

/// What lies in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Contacts.
    Contacts,
    /// What a telephony system counts.
    QueueCounts,
}

/// One watched folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is. Files that were taken move to `done` in it.
    pub path: PathBuf,
    /// What lies in it.
    pub holds: Holds,
    /// The `source` of what comes from it, where neither file nor mapping says.
    pub source: String,
    /// A column mapping, as `callout import contacts` takes it.
    pub mapping: Option<PathBuf>,
    /// How often it is looked at; a file that has not changed between two looks is whole.
    pub every: Duration,
}

const HOLDS: &[(&str, Holds)] = &[("contacts", Holds::Contacts), ("queue_counts", Holds::QueueCounts)];

impl Folder {
    /// Reads the folders of `[intake]`; slips are noted.
    pub fn read_all(intake: &mut Fields<'_>) -> Vec<Self> {
        let mut folders: Vec<Self> = Vec::new();
        for mut table in intake.tables("folder") {
            let path = table.need_text("path");
            let holds = table.choice("holds", HOLDS).map_or(Holds::Contacts, |item| item.value);
            let source = table.id("source");
            let mapping = table.text("mapping").map(|item| PathBuf::from(item.value));
            let range = SignedDuration::from_secs(1)..=SignedDuration::from_hours(1);
            let every = table.duration("every", range).map_or(SignedDuration::from_secs(30), |item| item.value);
            let (span, reader) = (table.span(), table.reader());
            table.done();
            let Some(path) = path else { continue };
            let at = PathBuf::from(&path.value);
            if folders.iter().any(|folder| folder.path == at) {
                reader.problem(Code::T010, path.span, format!("the folder \"{}\" is there twice", path.value));
                continue;
            }
            if folders.len() >= FOLDERS_MAX {
                reader.problem(Code::T006, span, format!("there are at most {FOLDERS_MAX} folders"));
                break;
            }
            let named = at.file_name().map(|name| to_slug(&name.to_string_lossy())).filter(|name| !name.is_empty());
            let source = source.map(|item| item.value).or(named).unwrap_or_else(|| "folder".to_owned());
            folders.push(Self { path: at, holds, source, mapping, every: every.unsigned_abs() });
        }
        folders
    }
}
