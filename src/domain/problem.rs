//! What is wrong with something that a council wrote down: where it stands, what it is, how to mend it.
//!
//! A reader of a file never stops at the first slip: it collects a [`Problem`] for each, and all are shown at once.
//! The file's text is not kept here; whoever shows a problem with a picture of the line has the file at hand. A
//! message never repeats a name, number or address, so it may also be traced when a running daemon reloads.

use serde::{Serialize, Serializer};
use std::fmt;

/// Whether a problem stops the daemon from starting with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// The file cannot be used; a running daemon keeps the old one.
    Error,
    /// A finding: the daemon starts, but somebody should look.
    Warning,
}

impl Gravity {
    /// The word shown in front of the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One slip, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file as the user knows it, e.g. `playbooks/power-cut.toml`.
    pub file: String,
    /// Line, from 1; 0 where the problem is the whole file.
    pub line: u32,
    /// Column in characters, from 1; 0 where the problem is the whole file.
    pub column: u32,
    /// How many characters of the line are meant; at least 1 where there is a line.
    pub width: u32,
    /// What kind of slip; `callout explain CODE` has a page on each.
    pub code: Code,
    /// Whether it stops the daemon.
    pub severity: Gravity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Problem {
    /// A problem with a file as a whole.
    pub fn of_file(file: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            width: 0,
            code,
            severity: code.gravity(),
            message: message.into(),
            help: None,
        }
    }

    /// The same with a help line.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it stops the daemon from starting.
    pub fn is_error(&self) -> bool {
        self.severity == Gravity::Error
    }
}

/// One line: `playbooks/flood.toml:7:3: error[T002]: ...`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}[{}]: {}", self.severity.as_str(), self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $gravity:ident;)*) => {
        /// Every kind of slip. The letter says where: T text of any file, C settings, B bodies, N people, R rota, D days and hours,
        /// K keywords, P playbooks. A code keeps its meaning for ever; a retired one is not used again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }
        impl Code {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// As written, e.g. `P014`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
            /// Whether it stops the daemon.
            pub fn gravity(self) -> Gravity {
                match self { $(Self::$name => Gravity::$gravity,)* }
            }
        }
    };
}

codes! {
    /// Not well-formed TOML.
    T001 Error;
    /// A key that does not exist here.
    T002 Error;
    /// A key that must be there is missing.
    T003 Error;
    /// A value of the wrong type.
    T004 Error;
    /// A word that is not one of the allowed ones.
    T005 Error;
    /// A number or length of time outside its range.
    T006 Error;
    /// A length of time that cannot be read.
    T007 Error;
    /// A date or time that cannot be read.
    T008 Error;
    /// A text or list that is empty.
    T009 Error;
    /// The same name twice.
    T010 Error;
    /// An id with characters that ids do not have.
    T011 Error;
    /// A file or directory that cannot be read.
    C001 Error;
    /// A time zone that does not exist.
    C002 Error;
    /// An address to listen on that cannot be read.
    C003 Error;
    /// The settings of a transport cannot be used.
    C004 Error;
    /// A text that is too long for where it is shown.
    C005 Error;
    /// A slip in the table of responsible bodies.
    B001 Error;
    /// A body's number that nobody has checked for a year.
    B002 Warning;
    /// A person without any way to be reached.
    N001 Error;
    /// A phone number that cannot be one.
    N002 Error;
    /// An email address that cannot be one.
    N003 Error;
    /// A channel without the number or address that it needs.
    N004 Error;
    /// The rota names a person who is not in the people file.
    R001 Error;
    /// An override that ends before it begins.
    R002 Error;
    /// A person holds a role for which they are not down as eligible.
    R003 Warning;
    /// Nobody is on call for a role for a while.
    R004 Warning;
    /// The last resort is empty.
    R005 Warning;
    /// A handover that cannot be read.
    R006 Error;
    /// Hours of a rotation that cannot be read.
    R007 Error;
    /// Two overrides that contradict each other.
    R008 Error;
    /// A length of turns that cannot be read, or that does not fit the rest.
    R009 Error;
    /// Two temporary rotas for a role at the same time.
    R010 Error;
    /// A swap with oneself.
    R011 Error;
    /// A role that the rota does not have.
    R012 Error;
    /// Somebody is on call while on leave.
    R013 Warning;
    /// Somebody on call has never answered a test.
    R014 Warning;
    /// The clocks change during a shift.
    R015 Warning;
    /// A file of people or rota is not what is in force.
    R016 Warning;
    /// Core hours that cannot be read.
    D001 Error;
    /// The table of bank holidays runs out.
    D002 Warning;
    /// A phrase that can never match.
    K001 Error;
    /// The same phrase counts and does not count.
    K002 Error;
    /// An example that fails.
    K003 Error;
    /// A topic without examples.
    K004 Warning;
    /// A step that is not exactly one of page, task and say.
    P010 Error;
    /// A condition that is not exactly one of surge, cluster and warning.
    P012 Error;
    /// A step for a role that the rota does not have.
    P013 Error;
    /// A step pages a role that nobody holds.
    P014 Error;
    /// A playbook that nobody has reviewed for a year.
    P015 Warning;
    /// A step wants more people than the role has.
    P016 Warning;
    /// A condition on a topic that no keyword rule finds.
    P017 Warning;
    /// A step waits for evidence that no condition gives.
    P018 Warning;
    /// An automatic playbook that pages nobody.
    P019 Warning;
    /// An automatic playbook without a condition.
    P020 Warning;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.trim().to_ascii_uppercase();
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == wanted)
            .ok_or_else(|| format!("there is no code {wanted}; `callout explain` without a code lists them all"))
    }
}

/// The candidate that `word` was most likely meant to be, if any is near enough to ask "did you mean".
///
/// Near enough: at most one slip (a letter more, less, different, or two swapped) in every three letters.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (slips(&word, &candidate.to_lowercase()), candidate))
        .filter(|(slips, candidate)| *slips <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// Number of slips between two words (optimal string alignment distance), over at most their first 64 letters.
fn slips(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let same = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_near_miss_is_named_and_a_far_one_is_not() {
        let keys = ["severity", "reviewed", "owner", "title"];
        assert_eq!(did_you_mean("reveiwed", keys), Some("reviewed"));
        assert_eq!(did_you_mean("sevrity", keys), Some("severity"));
        assert_eq!(did_you_mean("banana", keys), None);
    }

    #[test]
    fn a_code_reads_back_as_itself() {
        for code in Code::ALL {
            assert_eq!(code.as_str().to_lowercase().parse::<Code>().unwrap(), *code);
        }
        assert!("P999".parse::<Code>().unwrap_err().contains("P999"));
    }
}
