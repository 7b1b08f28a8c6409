//! What an import found: counts, and for each class of fault how many features have it, with examples to look at.

use super::check::{Class, Remedy};
use super::layer::Crs;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Examples kept of each class.
pub const EXAMPLES_MAX: usize = 5;

/// One faulty feature, to find it in the source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The feature's id.
    pub feature: String,
    /// Its place in the file, from 0.
    pub index: usize,
    /// Where in it, in the source's own coordinates: `-0.076574,51.515202` or `533800.123,181200.5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// More words, where there are any (what a reader said).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// One class of fault.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClassReport {
    /// How many features have it.
    pub features: u64,
    /// The first few.
    pub examples: Vec<Example>,
}

/// The report of one import. `kept + refused = read`; a feature counts once however many faults it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportReport {
    /// What the file was: GeoJSON, GML, ...
    pub form: String,
    /// Features in the file.
    pub read: u64,
    /// Features in the layer.
    pub kept: u64,
    /// Features with a fault that makes them invalid, repaired or refused; tidied ones are not counted.
    pub invalid: u64,
    /// Of the kept: repaired.
    pub repaired: u64,
    /// Not in the layer.
    pub refused: u64,
    /// Features that the mapping leaves out; they count nowhere else.
    pub left_out: u64,
    /// Of the kept: drawn around a line or a point.
    pub drawn: u64,
    /// Corners in the layer.
    pub corners: u64,
    /// The coordinates of the source.
    pub crs: Crs,
    /// How the coordinates were told: named by the file, by the caller, or guessed from their range.
    pub crs_from: &'static str,
    /// By class.
    pub classes: BTreeMap<Class, ClassReport>,
    /// What else whoever imports should know, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl ImportReport {
    pub(super) fn new(form: String, crs: Crs, crs_from: &'static str) -> Self {
        Self {
            form,
            read: 0,
            kept: 0,
            invalid: 0,
            repaired: 0,
            refused: 0,
            left_out: 0,
            drawn: 0,
            corners: 0,
            crs,
            crs_from,
            classes: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, class: Class, example: Example) {
        let report = self.classes.entry(class).or_default();
        report.features += 1;
        if report.examples.len() < EXAMPLES_MAX {
            report.examples.push(example);
        }
    }
}

/// For a person: the counts, then a line for each class, worst first.
impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} features read, {} kept ({} repaired), {} refused; {} invalid in all; {} corners; coordinates {} ({})",
            self.form,
            self.read,
            self.kept,
            self.repaired,
            self.refused,
            self.invalid,
            self.corners,
            self.crs,
            self.crs_from
        )?;
        if self.left_out > 0 {
            writeln!(f, "  {} features left out by the mapping", self.left_out)?;
        }
        if self.drawn > 0 {
            writeln!(f, "  {} drawn around their line or point", self.drawn)?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        for remedy in [Remedy::Refused, Remedy::Repaired, Remedy::Tidied] {
            for (class, report) in self.classes.iter().filter(|(class, _)| class.remedy() == remedy) {
                let word = match remedy {
                    Remedy::Refused => "refused ",
                    Remedy::Repaired => "repaired",
                    Remedy::Tidied => "tidied  ",
                };
                write!(f, "  {word} {:>6}  {}", report.features, class.words())?;
                let examples: Vec<String> = report.examples.iter().map(Example::to_string).collect();
                writeln!(
                    f,
                    ": {}{}",
                    examples.join("; "),
                    if report.features > EXAMPLES_MAX as u64 { "; ..." } else { "" }
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (no. {})", self.feature, self.index)?;
        if let Some(at) = &self.at {
            write!(f, " at {at}")?;
        }
        if let Some(words) = &self.words {
            write!(f, ": {words}")?;
        }
        Ok(())
    }
}
