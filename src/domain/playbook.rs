//! The plan that a council follows: conditions, hours, steps, stand-down; one TOML file each, readable by a planner
//! who writes no code.

use super::id::{PlaybookId, RoleId, Tag};
use super::time::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One playbook, parsed.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Page a role until somebody has it.
    Page {
        /// First the people of this role...
        role: RoleId,
        /// ...then of these, one level every `escalate_after`.
        then: Vec<RoleId>,
        /// So many of them must say "I have got this" (1 unless given).
        wanted: u32,
        /// Only when this kind of evidence is there: `surge`, `cluster` or `warning`.
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
    /// A warning in force.
    Warning,
}
