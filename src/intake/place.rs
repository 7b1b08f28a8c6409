//! The place of a contact: which of the forms was given, whether it can be right, and where that is on the grid.
//!
//! A place that cannot be right (0,0; latitude and longitude swapped; abroad) is never mended by guessing. The
//! contact is taken, the place is kept as it was given, and the doubt is told to the sender.

use super::check::{LINE_MAX, Sheet};
use super::draft::Field;
use crate::domain::place::{GridPoint, LatLon};
use crate::land::Land;

/// What became of the place.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Found {
    /// The exact point, where there is one.
    pub(super) point: Option<GridPoint>,
    /// The place as it was given, where that isn't simply the point.
    pub(super) given: Option<String>,
}

/// The forms of a place, of which a contact has at most one.
const FORMS: [&[Field]; 7] = [
    &[Field::Lat, Field::Lon],
    &[Field::Easting, Field::Northing],
    &[Field::GridRef],
    &[Field::Postcode],
    &[Field::Uprn],
    &[Field::Usrn],
    &[Field::PlaceText],
];

/// Reads the place.
pub(super) fn find(sheet: &mut Sheet<'_, '_>, land: &dyn Land) -> Found {
    let given: Vec<&[Field]> =
        FORMS.into_iter().filter(|form| form.iter().any(|field| sheet.has(*field) && !sheet.is_blank(*field))).collect();
    let [form] = given[..] else {
        if let [first, second, ..] = given[..] {
            let problem = format!("the place is given twice: as \"{}\" and as \"{}\"", name(first), name(second));
            let field = second.iter().copied().find(|field| sheet.has(*field)).unwrap_or(second[0]);
            sheet.fault(field, &problem, "give one of them: the one that the caller meant");
        }
        return Found::default();
    };
    match form[0] {
        Field::Lat => lat_lon(sheet, land),
        Field::Easting => easting_northing(sheet),
        Field::GridRef => grid_ref(sheet, land),
        Field::Postcode => postcode(sheet),
        Field::Uprn => number(sheet, Field::Uprn, 12),
        Field::Usrn => number(sheet, Field::Usrn, 8),
        _ => Found { point: None, given: sheet.line(Field::PlaceText, LINE_MAX) },
    }
}

fn name(form: &[Field]) -> String {
    form.iter().map(|field| field.name()).collect::<Vec<_>>().join("+")
}

/// Both numbers of a pair; a fault where one is missing.
fn pair(sheet: &mut Sheet<'_, '_>, first: Field, second: Field) -> Option<(f64, f64)> {
    for (here, other) in [(first, second), (second, first)] {
        if !sheet.has(here) || sheet.is_blank(here) {
            let problem = format!("\"{}\" is given without \"{}\"", other.name(), here.name());
            sheet.fault(other, &problem, &format!("add \"{}\"", here.name()));
            return None;
        }
    }
    // Both are read before either is given up, so that both faults are told.
    let (first, second) = (sheet.number(first), sheet.number(second));
    first.zip(second)
}

fn lat_lon(sheet: &mut Sheet<'_, '_>, land: &dyn Land) -> Found {
    let Some((lat, lon)) = pair(sheet, Field::Lat, Field::Lon) else { return Found::default() };
    let mut impossible = false;
    for (field, value, limit) in [(Field::Lat, lat, 90.0), (Field::Lon, lon, 180.0)] {
        if value.abs() > limit {
            sheet.fault(field, &format!("{value} is not on Earth"), &format!("use degrees from -{limit} to {limit}"));
            impossible = true;
        }
    }
    if impossible {
        return Found::default();
    }
    let kept = |point| Found { point, given: point.is_none().then(|| format!("lat {lat}, lon {lon}")) };
    if lat == 0.0 && lon == 0.0 {
        sheet.doubt(Field::Lat, "0,0 lies off Africa: it is what many systems send for \"unknown\"", NO_PLACE);
        return kept(None);
    }
    let point = land.to_grid(LatLon { lat, lon }).filter(|point| in_great_britain(*point));
    if point.is_none() {
        if (-9.0..=2.5).contains(&lat) && (49.0..=61.5).contains(&lon) {
            sheet.doubt(Field::Lat, "latitude and longitude look swapped", "send lat 49 to 61 and lon -9 to 2");
        } else {
            sheet.doubt(Field::Lat, "this is outside Great Britain", "check the numbers and their order");
        }
    }
    kept(point)
}

/// What a sender can do about a place that is none.
const NO_PLACE: &str = "leave the place out where it isn't known";

fn easting_northing(sheet: &mut Sheet<'_, '_>) -> Found {
    let Some((easting, northing)) = pair(sheet, Field::Easting, Field::Northing) else { return Found::default() };
    let given = Some(format!("easting {easting}, northing {northing}"));
    if easting == 0.0 && northing == 0.0 {
        sheet.doubt(Field::Easting, "0,0 lies in the Atlantic: it is what many systems send for \"unknown\"", NO_PLACE);
        return Found { point: None, given };
    }
    // Range first: the grid's millimetres are 32-bit numbers.
    if (0.0..700_000.0).contains(&easting) && (0.0..1_300_000.0).contains(&northing) {
        return Found { point: Some(GridPoint::from_metres(easting, northing)), given: None };
    }
    let degrees = easting.abs() <= 90.0 && northing.abs() <= 90.0;
    let remedy = if degrees { "these look like degrees: send them as lat and lon" } else { "check the numbers and their order" };
    sheet.doubt(Field::Easting, "this is outside the National Grid", remedy);
    Found { point: None, given }
}

fn grid_ref(sheet: &mut Sheet<'_, '_>, land: &dyn Land) -> Found {
    let Some(text) = sheet.line(Field::GridRef, LINE_MAX) else { return Found::default() };
    match land.grid_ref(&text) {
        Ok(point) => Found { point: Some(point), given: Some(text) },
        Err(why) => {
            sheet.fault(Field::GridRef, &why, "two letters and an even number of digits, e.g. \"SD 80376 10712\"");
            Found::default()
        }
    }
}

/// Kept as given; a slip in its form is told.
fn postcode(sheet: &mut Sheet<'_, '_>) -> Found {
    let Some(text) = sheet.line(Field::Postcode, LINE_MAX) else { return Found::default() };
    let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    let inward = letters.len().checked_sub(3).map(|at| &letters[at..]);
    let well = (5..=7).contains(&letters.len())
        && letters[0].is_ascii_uppercase()
        && letters.iter().all(char::is_ascii_alphanumeric)
        && inward.is_some_and(|inward| {
            inward[0].is_ascii_digit() && inward[1].is_ascii_uppercase() && inward[2].is_ascii_uppercase()
        });
    if !well {
        sheet.doubt(Field::Postcode, "this does not look like a postcode", "check it; it is kept as given");
    }
    Found { point: None, given: Some(format!("postcode {text}")) }
}

fn number(sheet: &mut Sheet<'_, '_>, field: Field, digits_max: usize) -> Found {
    let Some(text) = sheet.digits_or_text(field) else { return Found::default() };
    let text = text.trim();
    if !text.is_empty() && text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Found { point: None, given: Some(format!("{} {text}", field.name())) };
    }
    let problem = format!("a {} has 1 to {digits_max} digits and nothing else", field.name().to_uppercase());
    sheet.fault(field, &problem, "send the digits alone");
    Found::default()
}

fn in_great_britain(point: GridPoint) -> bool {
    (0.0..700_000.0).contains(&point.easting()) && (0.0..1_300_000.0).contains(&point.northing())
}
