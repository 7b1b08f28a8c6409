//! The place of a contact: which of the forms was given, whether it can be right, and where that is on the grid.
//!
//! A place that cannot be right (0,0; latitude and longitude swapped; abroad) is never mended by guessing. The
//! contact is taken, the place is kept as it was given, and the doubt is told to the sender.

use super::check::{LINE_MAX, Sheet};
use super::draft::Field;
use crate::domain::place::{
    DEVICE_UNCERTAINTY_M, GridPoint, GridReference, LatLon, Located, PlaceError, Postcode, TYPED_GRID_UNCERTAINTY_M,
    Typed, UPRN_DIGITS_MAX, USRN_DIGITS_MAX,
};
use crate::land::{Land, Unresolved, resolve};

/// What became of the place.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Found {
    /// The exact point with how far off it may be, where there is one.
    pub(super) point: Option<Located>,
    /// The street's line, where the place is a street that a gazetteer knows.
    pub(super) along: Vec<GridPoint>,
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
    let given: Vec<&[Field]> = FORMS.into_iter().filter(|form| form.iter().any(|field| sheet.has(*field))).collect();
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
        Field::GridRef => grid_ref(sheet),
        Field::Postcode => postcode(sheet, land),
        Field::Uprn => number(sheet, land, Field::Uprn, UPRN_DIGITS_MAX),
        Field::Usrn => number(sheet, land, Field::Usrn, USRN_DIGITS_MAX),
        _ => {
            let given = sheet.line(Field::PlaceText, LINE_MAX);
            // Words are no code: that no street is called so needs no doubt.
            let found = given.as_deref().and_then(|text| resolve(land, &Typed::read(text).ok()?).ok());
            let (point, along) = found.map_or((None, Vec::new()), |found| (Some(found.place), found.along));
            Found { point, along, given }
        }
    }
}

fn name(form: &[Field]) -> String {
    form.iter().map(|field| field.name()).collect::<Vec<_>>().join("+")
}

/// Both numbers of a pair; a fault where one is missing.
fn pair(sheet: &mut Sheet<'_, '_>, first: Field, second: Field) -> Option<(f64, f64)> {
    for (here, other) in [(first, second), (second, first)] {
        if !sheet.has(here) {
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
    let on_grid = LatLon::in_great_britain(lat, lon).and_then(|place| {
        // Inside the box of Great Britain, but where Ordnance Survey's shift is not defined: far out at sea.
        land.to_grid(place).ok_or(PlaceError::OutsideDegrees { lat, lon })
    });
    let found = placed(sheet, Field::Lat, on_grid, DEVICE_UNCERTAINTY_M, || format!("lat {lat}, lon {lon}"));
    Found { point: found.point.map(Located::from_degrees), ..found }
}

fn easting_northing(sheet: &mut Sheet<'_, '_>) -> Found {
    let Some((easting, northing)) = pair(sheet, Field::Easting, Field::Northing) else { return Found::default() };
    let on_grid = GridPoint::on_grid(easting, northing);
    placed(sheet, Field::Easting, on_grid, TYPED_GRID_UNCERTAINTY_M, || {
        format!("easting {easting}, northing {northing}")
    })
}

/// A point, or the doubt about it with the place as it was given.
fn placed(
    sheet: &mut Sheet<'_, '_>,
    field: Field,
    point: Result<GridPoint, PlaceError>,
    uncertainty_m: f64,
    given: impl Fn() -> String,
) -> Found {
    match point {
        Ok(point) => Found { point: Some(Located::new(point, uncertainty_m)), ..Found::default() },
        Err(why) => {
            doubt(sheet, field, &why);
            Found { given: Some(given()), ..Found::default() }
        }
    }
}

/// Tells a doubt; a place error says the problem and, after a semicolon or colon, its remedy.
fn doubt(sheet: &mut Sheet<'_, '_>, field: Field, why: &PlaceError) {
    let (problem, remedy) = parted(why);
    sheet.doubt(field, &problem, &remedy);
}

fn parted(why: &PlaceError) -> (String, String) {
    let words = why.to_string();
    let (problem, remedy) = words.split_once("; ").or_else(|| words.split_once(": ")).unwrap_or((&words, "check it"));
    (problem.to_owned(), remedy.to_owned())
}

fn grid_ref(sheet: &mut Sheet<'_, '_>) -> Found {
    let Some(text) = sheet.line(Field::GridRef, LINE_MAX) else { return Found::default() };
    match GridReference::parse(&text) {
        Ok(reference) => Found { point: Some(reference.located()), given: Some(text), ..Found::default() },
        Err(why) => {
            let (problem, remedy) = parted(&why);
            sheet.fault(Field::GridRef, &problem, &remedy);
            Found::default()
        }
    }
}

/// Where a gazetteer knows a code to be; a code that it should know and does not is told, and stays as it was given.
fn known(sheet: &mut Sheet<'_, '_>, land: &dyn Land, field: Field, typed: &Typed) -> Found {
    match resolve(land, typed) {
        Ok(found) => Found { point: Some(found.place), along: found.along, given: None },
        Err(Unresolved::NotThere { .. }) => {
            let problem = format!("this {} is not in the council's gazetteer", field.name());
            sheet.doubt(field, &problem, "check it, or give another form of the place; it is kept as given");
            Found::default()
        }
        Err(_) => Found::default(),
    }
}

/// Kept as given, and located where the gazetteer knows it; a slip in its form is told, with what was probably meant.
fn postcode(sheet: &mut Sheet<'_, '_>, land: &dyn Land) -> Found {
    let Some(text) = sheet.line(Field::Postcode, LINE_MAX) else { return Found::default() };
    let given = Some(format!("postcode {text}"));
    match Postcode::parse(&text) {
        Ok(postcode) => Found { given, ..known(sheet, land, Field::Postcode, &Typed::Postcode(postcode)) },
        Err(why) => {
            let (_, remedy) = parted(&why);
            let remedy = format!("{remedy}; it is kept as given");
            sheet.doubt(Field::Postcode, "this does not look like a postcode", &remedy);
            Found { given, ..Found::default() }
        }
    }
}

fn number(sheet: &mut Sheet<'_, '_>, land: &dyn Land, field: Field, digits_max: usize) -> Found {
    let Some(text) = sheet.digits_or_text(field) else { return Found::default() };
    let text = text.trim();
    if !text.is_empty() && text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let typed = match field {
            Field::Uprn => Typed::Uprn(text.to_owned()),
            _ => Typed::Usrn(text.to_owned()),
        };
        let given = Some(format!("{} {text}", field.name()));
        return Found { given, ..known(sheet, land, field, &typed) };
    }
    let problem = format!("a {} has 1 to {digits_max} digits and nothing else", field.name().to_uppercase());
    sheet.fault(field, &problem, "send the digits alone");
    Found::default()
}
