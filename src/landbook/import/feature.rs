//! One feature on its way into the layer: what it means to the council, what is wrong with it, and its land in whole
//! millimetres.

use super::ImportOptions;
use crate::domain::id::BodyId;
use crate::domain::ownership::Bodies;
use crate::domain::place::{EASTING_M_MAX, GridPoint, LatLon, NORTHING_M_MAX};
use crate::landbook::buffer::{REACH_M_MAX, buffered};
use crate::landbook::check::{Class, Findings, Remedy, Wide, check, second_opinion, tidy};
use crate::landbook::convert::to_grid;
use crate::landbook::geometry::{Part, Ring};
use crate::landbook::layer::{Crs, Feature};
use crate::landbook::repair::repair;
use crate::landbook::report::{Example, ImportReport};
use crate::landbook::source::table::number;
use crate::landbook::source::{Raw, Shape};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Degrees are checked in billionths, a tenth of a millimetre.
const NANODEGREES: f64 = 1e9;
/// Metres are checked, and kept, in thousandths.
const MILLIMETRES: f64 = 1e3;
/// Areas at sea may reach so many metres beyond the National Grid.
const BEYOND_GRID_M: f64 = 100_000.0;

type Polygons = Vec<Vec<Vec<Wide>>>;

/// What was found in one feature, and more words about a class where there are any.
#[derive(Default)]
struct Told {
    findings: Findings,
    words: BTreeMap<Class, String>,
}

impl Told {
    fn note(&mut self, class: Class, words: impl Into<String>) {
        self.findings.entry(class).or_insert(None);
        self.words.insert(class, words.into());
    }

    /// Whether anything found makes the feature invalid.
    fn faulty(&self) -> bool {
        self.findings.keys().any(|class| class.remedy() != Remedy::Tidied)
    }
}

/// The features taken so far.
pub(super) struct Taking<'o> {
    options: &'o ImportOptions,
    bodies: Option<&'o Bodies>,
    crs: Crs,
    report: ImportReport,
    features: Vec<Feature>,
    ids: BTreeSet<String>,
    /// Names that the table of bodies does not know, `body "x"`.
    unknown: BTreeSet<String>,
}

impl<'o> Taking<'o> {
    pub(super) fn new(options: &'o ImportOptions, bodies: Option<&'o Bodies>, report: ImportReport) -> Self {
        let (features, ids, unknown) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        Self { options, bodies, crs: report.crs, report, features, ids, unknown }
    }

    pub(super) fn done(self) -> (Vec<Feature>, ImportReport, BTreeSet<String>) {
        (self.features, self.report, self.unknown)
    }

    pub(super) fn feature(&mut self, raw: Raw) {
        let options = self.options;
        let wanted = options.only.iter().all(|(field, words)| {
            let word = raw.field(field).unwrap_or_default();
            words.iter().any(|wanted| wanted == word)
        });
        if !wanted {
            self.report.left_out += 1;
            return;
        }
        self.report.read += 1;
        let text = |field: &Option<String>| field.as_ref().and_then(|field| raw.field(field)).map(str::to_owned);
        let id = text(&options.id_field)
            .or_else(|| raw.id.clone().filter(|_| options.id_field.is_none()))
            .unwrap_or_else(|| raw.index.to_string());
        let (name, body, kind) = (
            text(&options.name_field),
            meant(text(&options.body_field), &options.bodies),
            meant(text(&options.kind_field), &options.kinds),
        );
        let mut told = Told::default();
        let from = self.date(&raw, &options.from_field, &mut told);
        let until = self.date(&raw, &options.until_field, &mut told);
        if from.zip(until).is_some_and(|(from, until)| until < from) {
            told.note(Class::BadDate, "it ends before it begins");
        }
        let reach_m = self.reach(&raw);
        let index = raw.index;
        let drawn = matches!(raw.shape, Shape::Lines(_) | Shape::Points(_));
        let polygons = match raw.shape {
            Shape::Areas(polygons) => self.mended(polygons, &mut told),
            Shape::Lines(lines) => self.drawn(lines, "a line", reach_m, &mut told),
            Shape::Points(points) => {
                let points = points.into_iter().map(|point| vec![point]).collect();
                self.drawn(points, "a point", reach_m, &mut told)
            }
            Shape::Not(class, words) => {
                told.findings.insert(class, None);
                told.words.extend(words.map(|words| (class, words)));
                None
            }
        };
        if !self.ids.insert(id.clone()) {
            told.findings.insert(Class::IdTwice, None);
        }
        let repaired = told.findings.keys().any(|class| class.remedy() == Remedy::Repaired);
        let refused = told.findings.keys().any(|class| class.remedy() == Remedy::Refused);
        self.report.invalid += u64::from(repaired || refused);
        for (class, at) in &told.findings {
            let at = at.map(|at| self.in_source_units(at));
            let words = told.words.get(class).cloned();
            self.report.note(*class, Example { feature: id.clone(), index, at, words });
        }
        let Some(polygons) = polygons.filter(|_| !refused) else {
            self.report.refused += 1;
            return;
        };
        self.report.kept += 1;
        self.report.repaired += u64::from(repaired);
        self.report.drawn += u64::from(drawn);
        self.known("body", body.as_deref());
        self.known("kind", kind.as_deref());
        let parts: Vec<Part> = polygons.into_iter().map(part).collect();
        self.report.corners += parts.iter().map(|part| part.corners_n() as u64).sum::<u64>();
        self.features.push(Feature {
            id,
            name,
            body: body.map(|body| BodyId::new(body.as_str())),
            kind: kind.filter(|kind| *kind != options.kind),
            repaired,
            valid_from: from,
            valid_until: until,
            area_m2: parts.iter().map(Part::area_m2).sum(),
            parts,
        });
    }

    /// A date of a field; one that cannot be read is told and left out.
    fn date(&self, raw: &Raw, field: &Option<String>, told: &mut Told) -> Option<Date> {
        let text = raw.field(field.as_ref()?)?;
        let date = date(text);
        if date.is_none() {
            told.note(Class::BadDate, text.chars().take(40).collect::<String>());
        }
        date
    }

    /// How far a line or a point reaches to each side; the words say what is wrong.
    fn reach(&self, raw: &Raw) -> Result<f64, String> {
        let of = |field: &Option<String>, share: f64| {
            let text = raw.field(field.as_ref()?)?;
            let metres = number(text).filter(|metres| metres.is_finite()).map(|metres| metres * share);
            Some(metres.ok_or_else(|| format!("its width {text:.20} is not a number")))
        };
        let reach = of(&self.options.buffer_field, 1.0)
            .or_else(|| of(&self.options.width_field, 0.5))
            .unwrap_or_else(|| self.options.buffer_m.ok_or_else(|| "say how wide it is with --buffer".to_owned()))?;
        if reach > 0.0 && reach <= REACH_M_MAX {
            Ok(reach)
        } else {
            Err(format!("its reach of {reach} m is not more than 0 and at most {REACH_M_MAX}"))
        }
    }

    /// Lines or points as land, so many metres to each side.
    fn drawn(
        &self,
        lines: Vec<Vec<[f64; 2]>>,
        what: &str,
        reach_m: Result<f64, String>,
        told: &mut Told,
    ) -> Option<Polygons> {
        let reach_m = match reach_m {
            Ok(reach_m) => reach_m,
            Err(why) => {
                told.note(Class::NotAnArea, format!("{what}; {why}"));
                return None;
            }
        };
        let mut polygons = self.in_millimetres(vec![lines], told)?.into_iter().flatten().collect::<Vec<_>>();
        for line in &mut polygons {
            let given = line.len();
            line.dedup();
            if line.len() < given && line.len() > 1 {
                told.findings.entry(Class::RepeatedCorner).or_insert(None);
            }
        }
        polygons.retain(|line| !line.is_empty());
        // What the drawing itself leaves behind is not the source's fault.
        let mut own = Findings::new();
        let polygons = tidy(buffered(&polygons, reach_m), &mut own);
        let mut faults = Findings::new();
        check(&polygons, &mut faults);
        if polygons.is_empty() {
            told.findings.insert(Class::NothingLeft, None);
            return None;
        }
        if faults.is_empty() { Some(polygons) } else { repair(polygons, &mut told.findings) }
    }

    /// The corners of shapes on the National Grid as they stand, nothing checked but their range.
    fn in_millimetres(&self, shapes: Vec<Vec<Vec<[f64; 2]>>>, told: &mut Told) -> Option<Polygons> {
        let units = self.in_units(&shapes, told)?;
        match self.crs {
            Crs::Bng => Some(units),
            Crs::Wgs84 => self.converted(&units, told),
        }
    }

    /// Whole units of the source; `None` where a corner is outside the country.
    fn in_units(&self, shapes: &[Vec<Vec<[f64; 2]>>], told: &mut Told) -> Option<Polygons> {
        let unit = match self.crs {
            Crs::Wgs84 => NANODEGREES,
            Crs::Bng => MILLIMETRES,
        };
        for at in shapes.iter().flatten().flatten() {
            if !self.in_great_britain(*at) {
                // So huge a number may not fit the units: it is told in words.
                told.note(Class::OutsideGreatBritain, format!("{},{}", at[0], at[1]));
                return None;
            }
        }
        map_corners(shapes, |at| Some(at.map(|value| (value * unit).round() as i64)))
    }

    fn converted(&self, units: &Polygons, told: &mut Told) -> Option<Polygons> {
        let mut outside = None;
        let converted = map_corners(units, |at| {
            let place = LatLon { lat: at[1] as f64 / NANODEGREES, lon: at[0] as f64 / NANODEGREES };
            let point = to_grid(place).ok();
            if point.is_none() {
                outside = Some(at);
            }
            point.map(|GridPoint { easting_mm, northing_mm }| [i64::from(easting_mm), i64::from(northing_mm)])
        });
        if converted.is_none() {
            told.findings.insert(Class::OutsideGreatBritain, outside);
        }
        converted
    }

    /// The polygons in millimetres, sound; `None` where nothing can be made of them.
    fn mended(&self, polygons: Vec<Vec<Vec<[f64; 2]>>>, told: &mut Told) -> Option<Polygons> {
        let units = self.in_units(&polygons, told)?;
        let units = tidy(units, &mut told.findings);
        check(&units, &mut told.findings);
        let polygons = match self.crs {
            Crs::Bng => units,
            Crs::Wgs84 => {
                let converted = self.converted(&units, told)?;
                // What rounding to the millimetre does is the conversion's doing, not a fault of the source.
                let mut rounding = Findings::new();
                let converted = tidy(converted, &mut rounding);
                check(&converted, &mut rounding);
                if rounding.keys().any(|class| class.remedy() != Remedy::Tidied) && !told.faulty() {
                    let first = units.first().and_then(|rings| rings.first()?.first().copied());
                    told.findings.insert(Class::Rounding, first);
                }
                converted
            }
        };
        if polygons.is_empty() {
            told.findings.entry(Class::NothingLeft).or_insert(None);
            return None;
        }
        if !told.faulty() {
            let Some(opinion) = second_opinion(&polygons) else { return Some(polygons) };
            told.note(Class::SecondOpinion, opinion);
        }
        // Rings that only had to be dropped leave sound polygons; the rest is overlaid.
        let mut left = Findings::new();
        check(&polygons, &mut left);
        if left.is_empty() && !told.findings.contains_key(&Class::SecondOpinion) {
            return Some(polygons);
        }
        repair(polygons, &mut told.findings)
    }

    fn in_great_britain(&self, [x, y]: [f64; 2]) -> bool {
        match self.crs {
            Crs::Wgs84 => LatLon::in_great_britain(y, x).is_ok(),
            Crs::Bng => {
                (-BEYOND_GRID_M..=EASTING_M_MAX + BEYOND_GRID_M).contains(&x)
                    && (-BEYOND_GRID_M..=NORTHING_M_MAX + BEYOND_GRID_M).contains(&y)
            }
        }
    }

    fn in_source_units(&self, at: Wide) -> String {
        match self.crs {
            Crs::Wgs84 => format!("{},{}", at[0] as f64 / NANODEGREES, at[1] as f64 / NANODEGREES),
            Crs::Bng => format!("{},{}", at[0] as f64 / MILLIMETRES, at[1] as f64 / MILLIMETRES),
        }
    }

    /// Keeps in mind a name that the table of bodies does not have.
    pub(super) fn known(&mut self, what: &str, name: Option<&str>) {
        let (Some(bodies), Some(name)) = (self.bodies, name) else { return };
        let known = match what {
            "body" => bodies.body(&BodyId::from(name)).is_some(),
            _ => bodies.kind(name).is_some(),
        };
        if !known {
            self.unknown.insert(format!("{what} \"{name}\""));
        }
    }
}

/// What a word of the file means by the mapping; without one, itself.
fn meant(word: Option<String>, meanings: &BTreeMap<String, String>) -> Option<String> {
    if meanings.is_empty() {
        return word;
    }
    let found = meanings.get(word.as_deref().unwrap_or_default()).or_else(|| meanings.get("*"));
    found.cloned().or(word)
}

/// A day as map files write it: `2026-04-01`, with a time behind it or not; `01/04/2026`; `20260401`.
fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = text.split(['T', ' ']).next()?;
    let numbers = |mark: char| -> Option<[i16; 3]> {
        let mut parts = day.split(mark).map(|part| part.parse::<i16>().ok());
        let three = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(three)
    };
    let (year, month, day) = if let Some([year, month, day]) = numbers('-').or_else(|| numbers('/')) {
        if year > 31 { (year, month, day) } else { (day, month, year) }
    } else if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        (day[..4].parse().ok()?, day[4..6].parse().ok()?, day[6..].parse().ok()?)
    } else {
        return None;
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|_| year > 1_000)
}

fn map_corners<T: Copy>(polygons: &[Vec<Vec<T>>], mut change: impl FnMut(T) -> Option<Wide>) -> Option<Polygons> {
    polygons
        .iter()
        .map(|rings| rings.iter().map(|ring| ring.iter().map(|at| change(*at)).collect()).collect())
        .collect()
}

fn part(rings: Vec<Vec<Wide>>) -> Part {
    let corner = |value: i64| i32::try_from(value).expect("a corner within Great Britain fits 32 bits of millimetres");
    Part::new(rings.into_iter().map(|ring| Ring::new(ring.into_iter().map(|at| at.map(corner)).collect())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_map_files_write_them() {
        let april = Date::constant(2026, 4, 1);
        for text in ["2026-04-01", "2026-04-01T00:00:00Z", "01/04/2026", "1/4/2026 00:00", "20260401", "01-04-2026"] {
            assert_eq!(date(text), Some(april), "{text}");
        }
        for text in ["", "soon", "2026-13-01", "2026", "31/02/2026", "1/4/26", "£$%^&*()"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
