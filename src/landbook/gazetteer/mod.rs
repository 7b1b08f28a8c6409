//! Gazetteers: where a postcode, a property (UPRN), a street (USRN or name) is, and how far off that may be.
//!
//! A gazetteer is a sorted list, made once from what Ordnance Survey, the ONS or the council publish, and asked by
//! halving. It says how far the thing may be from its point: a property a few metres, a postcode as far as its
//! neighbours leave room, a street half its length. What is not in it is said to be not there; nothing is guessed.

mod code;
mod file;
mod read;

pub use code::{postcode, street_key};
pub use file::{GazetteerError, load, path_of, write};
pub use read::{GazetteerReport, ReadError, ReadOptions, read, read_bytes};

use crate::domain::place::{GridPoint, Located};
use crate::land::{KnownPlace, Lookup, PlaceCode, SEVERAL_MAX};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The most entries of a gazetteer; a large county has a million properties.
pub const ENTRIES_MAX: usize = 3_000_000;
/// The most corners of all lines of a gazetteer.
pub const CORNERS_MAX: usize = 20_000_000;

/// What a gazetteer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Postcodes.
    Postcode,
    /// Properties.
    Uprn,
    /// Streets by their number.
    Usrn,
    /// Streets by their name.
    Street,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Postcode, Self::Uprn, Self::Usrn, Self::Street];

    /// Its word, also the name of its file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Postcode => "postcode",
            Self::Uprn => "uprn",
            Self::Usrn => "usrn",
            Self::Street => "street",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known of a gazetteer as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GazetteerMeta {
    /// What it is of.
    pub kind: Kind,
    /// As people say it: `OS Open UPRN`.
    pub name: String,
    /// The day for which it is true, `YYYY-MM-DD`.
    pub date: String,
    /// The terms of use, to be shown.
    pub licence: String,
    /// The source file's name.
    pub source: String,
    /// How many entries it has.
    pub entries: u64,
}

/// One thing that has a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Postcode packed by [`postcode`], UPRN, USRN; of a street by name nothing (0).
    pub key: u64,
    /// A street's name folded for comparison ([`street_key`]); else empty.
    pub folded: String,
    /// A street's name as people say it; else empty.
    pub name: String,
    /// Its point in millimetres.
    pub at: [i32; 2],
    /// How far it may be from there, in decimetres.
    pub reach_dm: u32,
    /// A street's line in millimetres; else empty.
    pub line: Vec<[i32; 2]>,
}

/// A gazetteer in memory: columns side by side, sorted by key.
#[derive(Debug, Clone, PartialEq)]
pub struct Gazetteer {
    /// What is known of it.
    pub meta: GazetteerMeta,
    keys: Vec<u64>,
    places: Vec<[i32; 2]>,
    reaches_dm: Vec<u32>,
    folded: Texts,
    names: Texts,
    /// Where each line begins in `corners`; one more than there are entries, or empty without lines.
    line_starts: Vec<u32>,
    corners: Vec<[i32; 2]>,
}

/// Many short texts in one.
#[derive(Debug, Clone, PartialEq, Default)]
struct Texts {
    /// One more than there are texts, or empty without any.
    starts: Vec<u32>,
    text: String,
}

impl Texts {
    fn push(&mut self, text: &str) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.text.push_str(text);
        self.starts.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    fn get(&self, at: usize) -> &str {
        let end = at.checked_add(1).and_then(|next| self.starts.get(next));
        let range = self.starts.get(at).zip(end).map(|(start, end)| *start as usize..*end as usize);
        range.and_then(|range| self.text.get(range)).unwrap_or_default()
    }
}

impl Gazetteer {
    /// Sorts entries; of two with one key (streets by name aside) the first stays.
    pub fn new(mut meta: GazetteerMeta, mut entries: Vec<Entry>) -> Self {
        if meta.kind == Kind::Street {
            entries.sort_by(|a, b| (&a.folded, &a.name, a.at).cmp(&(&b.folded, &b.name, b.at)));
        } else {
            entries.sort_by_key(|entry| entry.key);
            entries.dedup_by_key(|entry| entry.key);
        }
        meta.entries = entries.len() as u64;
        let mut made = Self {
            keys: entries.iter().map(|entry| entry.key).collect(),
            places: entries.iter().map(|entry| entry.at).collect(),
            reaches_dm: entries.iter().map(|entry| entry.reach_dm).collect(),
            folded: Texts::default(),
            names: Texts::default(),
            line_starts: Vec::new(),
            corners: Vec::new(),
            meta,
        };
        if made.meta.kind == Kind::Street {
            for entry in &entries {
                made.folded.push(&entry.folded);
                made.names.push(&entry.name);
            }
        }
        if entries.iter().any(|entry| !entry.line.is_empty()) {
            made.line_starts.push(0);
            for entry in &entries {
                made.corners.extend_from_slice(&entry.line);
                made.line_starts.push(made.corners.len() as u32);
            }
        }
        made
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn by_key(&self, key: u64) -> Option<usize> {
        self.keys.binary_search(&key).ok()
    }

    /// The streets of that folded name.
    fn by_name(&self, folded: &str) -> std::ops::Range<usize> {
        let below = |test: &dyn Fn(&str) -> bool| {
            let (mut low, mut high) = (0, self.len());
            while low < high {
                let middle = low + (high - low) / 2;
                if test(self.folded.get(middle)) { low = middle + 1 } else { high = middle }
            }
            low
        };
        below(&|name| name < folded)..below(&|name| name <= folded)
    }

    fn place(&self, at: usize, name: String) -> KnownPlace {
        let point = |[easting_mm, northing_mm]: [i32; 2]| GridPoint { easting_mm, northing_mm };
        let line = self.line_starts.get(at).zip(self.line_starts.get(at + 1));
        let line = line.and_then(|(start, end)| self.corners.get(*start as usize..*end as usize)).unwrap_or_default();
        KnownPlace {
            name,
            located: Located::new(point(self.places[at]), f64::from(self.reaches_dm[at]) / 10.0),
            line: line.iter().copied().map(point).collect(),
            source: format!("{}, {}", self.meta.name, self.meta.date),
        }
    }
}

/// All gazetteers of a council.
#[derive(Debug, Default)]
pub struct Gazetteers {
    all: Vec<Gazetteer>,
}

impl Gazetteers {
    /// From gazetteers in memory; of two of a kind the last counts.
    pub fn new(all: Vec<Gazetteer>) -> Self {
        Self { all }
    }

    /// Reads those of a directory (`DATA/gazetteers`); a kind that is not there is none, one that cannot be read is
    /// told and left out.
    pub fn load_all(dir: &Path) -> (Self, Vec<GazetteerError>) {
        let mut problems = Vec::new();
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let path = path_of(dir, kind);
            if !path.exists() {
                continue;
            }
            match load(&path) {
                Ok(gazetteer) if gazetteer.meta.kind == kind => all.push(gazetteer),
                Ok(other) => problems.push(GazetteerError::Damaged {
                    path,
                    what: format!("it is of kind {}, not {kind}", other.meta.kind),
                }),
                Err(problem) => problems.push(problem),
            }
        }
        (Self { all }, problems)
    }

    /// What is known of each.
    pub fn metas(&self) -> impl Iterator<Item = &GazetteerMeta> {
        self.all.iter().map(|gazetteer| &gazetteer.meta)
    }

    fn of(&self, kind: Kind) -> Option<&Gazetteer> {
        self.all.iter().rev().find(|gazetteer| gazetteer.meta.kind == kind)
    }

    /// Where a code or a street's name is. Some tens of nanoseconds to a microsecond.
    pub fn find(&self, code: PlaceCode<'_>) -> Lookup {
        let (kind, key, name) = match code {
            PlaceCode::Postcode(text) => {
                let key = postcode(text);
                (Kind::Postcode, key, key.map(code::postcode_text).unwrap_or_default())
            }
            PlaceCode::Uprn(text) => (Kind::Uprn, number(text, 12), format!("UPRN {}", text.trim())),
            PlaceCode::Usrn(text) => (Kind::Usrn, number(text, 8), format!("USRN {}", text.trim())),
            PlaceCode::Street(text) => return self.street(text),
        };
        let Some(gazetteer) = self.of(kind) else { return Lookup::NoGazetteer };
        match key.and_then(|key| gazetteer.by_key(key)) {
            Some(at) => Lookup::Found(gazetteer.place(at, name)),
            None => Lookup::NotThere,
        }
    }

    /// `Mill Street`, or `12 Mill St, Wexmoor` where the town tells streets of one name apart.
    fn street(&self, text: &str) -> Lookup {
        let Some(gazetteer) = self.of(Kind::Street) else { return Lookup::NoGazetteer };
        let (street, town) = text.split_once(',').unwrap_or((text, ""));
        let (folded, town) = (street_key(street), street_key(town));
        if folded.is_empty() {
            return Lookup::NotThere;
        }
        let mut found: Vec<usize> = gazetteer.by_name(&folded).collect();
        if !town.is_empty() && found.len() > 1 {
            let in_town =
                |at: &usize| gazetteer.names.get(*at).split(',').skip(1).any(|part| street_key(part).contains(&town));
            if found.iter().any(in_town) {
                found.retain(in_town);
            }
        }
        let mut places =
            found.into_iter().take(SEVERAL_MAX).map(|at| gazetteer.place(at, gazetteer.names.get(at).to_owned()));
        match (places.next(), places.next()) {
            (None, _) => Lookup::NotThere,
            (Some(one), None) => Lookup::Found(one),
            (Some(one), Some(two)) => Lookup::Several([one, two].into_iter().chain(places).collect()),
        }
    }
}

/// A reference number: digits alone, at most so many.
fn number(text: &str, digits_max: usize) -> Option<u64> {
    let text = text.trim();
    let well = !text.is_empty() && text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| well)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn meta(kind: Kind) -> GazetteerMeta {
        let word = |word: &str| word.to_owned();
        GazetteerMeta {
            kind,
            name: word("Sample"),
            date: word("2026-04-01"),
            licence: word("ours"),
            source: word("x"),
            entries: 0,
        }
    }

    fn entry(key: u64, name: &str, at: [i32; 2]) -> Entry {
        let (street, _) = name.split_once(',').unwrap_or((name, ""));
        Entry { key, folded: street_key(street), name: name.to_owned(), at, reach_dm: 35, line: Vec::new() }
    }

    fn names(found: &Lookup) -> String {
        match found {
            Lookup::Found(one) => one.name.clone(),
            Lookup::Several(all) => all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(" | "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn codes_are_found_as_people_type_them_and_nothing_is_guessed() {
        let code = |text: &str| entry(postcode(text).unwrap(), "", [349_000_000, 325_000_000]);
        let postcodes = Gazetteer::new(meta(Kind::Postcode), vec![code("WX2 4QD"), code("WX1 4AA")]);
        let all = Gazetteers::new(vec![postcodes]);
        for text in ["WX2 4QD", "wx24qd", " wx2  4qd "] {
            let found = all.find(PlaceCode::Postcode(text));
            assert_eq!(names(&found), "WX2 4QD");
            let Lookup::Found(place) = found else { unreachable!() };
            assert_eq!((place.located.uncertainty_m, place.source.as_str()), (3.5, "Sample, 2026-04-01"));
        }
        for text in ["WX2 4QE", "WX2", "", "not a postcode", "WX2 4QD 4QD"] {
            assert_eq!(all.find(PlaceCode::Postcode(text)), Lookup::NotThere, "{text}");
        }
        assert_eq!(all.find(PlaceCode::Uprn("12")), Lookup::NoGazetteer);
        let uprns = Gazetteer::new(meta(Kind::Uprn), vec![entry(12, "", [1, 2]), entry(7, "", [3, 4])]);
        let all = Gazetteers::new(vec![uprns]);
        assert_eq!(names(&all.find(PlaceCode::Uprn("000012"))), "UPRN 000012");
        assert_eq!(all.find(PlaceCode::Uprn("-7")), Lookup::NotThere);
        assert_eq!(all.find(PlaceCode::Uprn("9999999999999999999999")), Lookup::NotThere);
    }

    #[test]
    fn streets_are_found_by_name_and_several_of_one_name_are_told() {
        let streets = ["Mill Street, Wexmoor", "Mill Street, Barnham", "St John's Road, Wexmoor", "High Street"];
        let entries = streets.iter().enumerate().map(|(at, name)| entry(0, name, [at as i32, 0])).collect();
        let all = Gazetteers::new(vec![Gazetteer::new(meta(Kind::Street), entries)]);
        let find = |text: &str| names(&all.find(PlaceCode::Street(text)));
        assert_eq!(find("mill st"), "Mill Street, Barnham | Mill Street, Wexmoor");
        assert_eq!(find("12a Mill Street, wexmoor"), "Mill Street, Wexmoor");
        assert_eq!(find("Saint Johns Rd"), "St John's Road, Wexmoor");
        assert_eq!(find("HIGH STREET"), "High Street");
        assert_eq!(find("Mill"), "NotThere");
        assert_eq!(find(""), "NotThere");
        assert_eq!(find("Mill Street, Elsewhere"), "Mill Street, Barnham | Mill Street, Wexmoor");
    }
}
