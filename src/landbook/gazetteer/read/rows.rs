//! Rows of tables as they are published: which column is what, by the first row.

use super::{Found, Making, ReadError, SECTOR_REACH_M, on_grid};
use crate::landbook::gazetteer::code::{postcode, street_key};
use crate::landbook::gazetteer::{Kind, number as digits};
use crate::landbook::layer::Crs;
use crate::landbook::source::archive::Archive;
use crate::landbook::source::origin::Origin;
use crate::landbook::source::table::{GEOMETRIES, Row, Rows, comma, number};
use crate::landbook::source::{self, SourceError};

/// How a column's name is compared: letters and digits, small.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim_start_matches('\u{feff}');
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What the column with the code or name is usually called, the surest first.
pub(super) fn usual(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Postcode => &["pcds", "postcode", "pcd", "pcd7", "pcd2", "pcd8"],
        Kind::Uprn => &["uprn"],
        Kind::Usrn => &["usrn"],
        Kind::Street => &[
            "streetname",
            "street",
            "streetdescriptor",
            "streetdescription",
            "designatedname",
            "roadname",
            "name1",
            "name",
        ],
    }
}

/// Whether a table has its places as WKT, so that it is read as a map file.
pub(super) fn has_wkt(origin: &Origin<'_>) -> Result<bool, SourceError> {
    let head = Rows::open(origin, comma(origin)?)?.next_row()?;
    Ok(head.is_some_and(|head| head.cells.iter().any(|name| GEOMETRIES.contains(&plain(name).as_str()))))
}

/// The key of a code; a street by its name has none, but must have a name.
pub(super) fn key(kind: Kind, text: &str) -> Option<u64> {
    match kind {
        Kind::Postcode => postcode(text),
        Kind::Uprn => digits(text, 12),
        Kind::Usrn => digits(text, 8),
        Kind::Street => (!street_key(text).is_empty()).then_some(0),
    }
}

/// A street's name with its town; nothing for codes.
pub(super) fn named(kind: Kind, text: &str, town: Option<&str>) -> String {
    const NAME_MAX: usize = 150;
    let name = match (kind, town) {
        (Kind::Street, Some(town)) if !town.is_empty() => format!("{}, {town}", text.replace(',', "")),
        (Kind::Street, _) => text.to_owned(),
        _ => String::new(),
    };
    name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

/// The tables of an archive that belong together: the largest CSV's whole directory where its first row is no head
/// (one file for each area), else that file alone.
pub(super) fn tables_of<'a>(archive: &Archive<'a>, part: Option<&str>) -> Result<Vec<Origin<'a>>, SourceError> {
    let is_table = |name: &&str| name.to_ascii_lowercase().ends_with(".csv");
    let names: Vec<&str> = archive.names().filter(is_table).collect();
    if let Some(part) = part {
        let named = names.iter().filter(|name| **name == part || name.rsplit('/').next() == Some(part));
        return named.map(|name| archive.member(name)).collect();
    }
    let mut largest: Option<(u64, &str)> = None;
    for name in &names {
        let bytes_n = archive.member(name)?.bytes_n()?;
        if largest.is_none_or(|(most, _)| bytes_n > most) {
            largest = Some((bytes_n, name));
        }
    }
    let Some((_, largest)) = largest else { return Ok(Vec::new()) };
    let member = archive.member(largest)?;
    let mut rows = Rows::open(&member, comma(&member)?)?;
    let bare = rows.next_row()?.is_some_and(|row| layout_without_head(&row).is_some());
    if !bare {
        return Ok(vec![member]);
    }
    let directory = |name: &str| name.rsplit_once('/').map(|(directory, _)| directory.to_owned()).unwrap_or_default();
    let home = directory(largest);
    names.iter().filter(|name| directory(name) == home).map(|name| archive.member(name)).collect()
}

/// Which column is what.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Layout {
    form: &'static str,
    code: usize,
    x: usize,
    y: usize,
    crs: Crs,
    /// How sure a postcode's point is.
    quality: Option<(usize, Quality)>,
    /// When a postcode ended; empty for those alive.
    ended: Option<usize>,
    town: Option<usize>,
    /// What a name is of; only roads are streets.
    sort: Option<usize>,
    /// West, south, east, north of the thing.
    around: Option<[usize; 4]>,
}

/// Whose scale.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quality {
    /// Code-Point Open: 10 is best, 60 the sector's middle, 90 none.
    CodePoint,
    /// ONS: 1 is best, 6 the sector's middle, 9 none.
    Ons,
}

/// Tables published without a head.
fn layout_without_head(row: &Row) -> Option<Layout> {
    let cell = |at: usize| row.cells.get(at).map_or("", String::as_str);
    let is_number = |at: usize| number(cell(at)).is_some();
    let bare = Layout {
        form: "",
        code: 0,
        x: 0,
        y: 0,
        crs: Crs::Bng,
        quality: None,
        ended: None,
        town: None,
        sort: None,
        around: None,
    };
    if postcode(cell(0)).is_some() && (1..4).all(is_number) {
        return Some(Layout { form: "Code-Point Open", x: 2, y: 3, quality: Some((1, Quality::CodePoint)), ..bare });
    }
    if row.cells.len() >= 19 && is_number(8) && is_number(9) && !is_number(2) && cell(0).starts_with("osgb") {
        let around = Some([12, 13, 14, 15]);
        return Some(Layout {
            form: "OS Open Names",
            code: 2,
            x: 8,
            y: 9,
            town: Some(18),
            sort: Some(7),
            around,
            ..bare
        });
    }
    None
}

fn layout(making: &Making<'_>, head: &Row) -> Result<Layout, ReadError> {
    let plain: Vec<String> = head.cells.iter().map(|name| plain(name)).collect();
    let find = |names: &[&str]| names.iter().find_map(|name| plain.iter().position(|column| column == name));
    let exact = |name: &Option<String>| name.as_ref().and_then(|name| head.cells.iter().position(|cell| cell == name));
    let kind = making.options.kind;
    let names: Vec<&str> = head.cells.iter().map(String::as_str).collect();
    let no_field = || ReadError::NoField { kind, has: source::listed(&names) };
    let code = match &making.options.field {
        Some(_) => exact(&making.options.field),
        None => find(usual(kind)),
    };
    let code = code.ok_or_else(no_field)?;
    let eastings = find(&["oseast1m", "east1m", "xcoordinate", "eastings", "easting", "x", "geometryx"]);
    let northings = find(&["osnrth1m", "north1m", "ycoordinate", "northings", "northing", "y", "geometryy"]);
    let degrees = find(&["longitude", "lon", "long"]).zip(find(&["latitude", "lat"]));
    let ((x, y), crs) = match (eastings.zip(northings), degrees) {
        (Some(pair), _) => (pair, Crs::Bng),
        (None, Some(pair)) => (pair, Crs::Wgs84),
        (None, None) => {
            let what = format!("its first line names no columns for a place; it has {}", source::listed(&names));
            let mend = "name them easting and northing, or lat and lon";
            return Err(SourceError::Bad { name: "the table".to_owned(), what, mend: mend.to_owned() }.into());
        }
    };
    let ons = find(&["osgrdind", "gridind", "osgridind"]);
    let town = exact(&making.options.town_field).or_else(|| find(&["town", "townname", "locality", "populatedplace"]));
    Ok(Layout {
        form: if ons.is_some() { "ONS postcode directory" } else { "CSV" },
        code,
        x,
        y,
        crs,
        quality: ons.map(|at| (at, Quality::Ons)),
        ended: find(&["doterm"]),
        town,
        sort: None,
        around: None,
    })
}

impl Making<'_> {
    /// A table, whatever columns it has.
    pub(super) fn table(&mut self, origin: &Origin<'_>) -> Result<(), ReadError> {
        let bytes_n = origin.bytes_n()?.max(1) as f64;
        let mut rows = Rows::open(origin, comma(origin)?)?;
        let Some(first) = rows.next_row()? else { return Ok(()) };
        let layout = match layout_without_head(&first) {
            Some(layout) => {
                self.row(&layout, &first)?;
                layout
            }
            None => layout(self, &first)?,
        };
        self.report.form = layout.form.to_owned();
        while let Some(row) = rows.next_row()? {
            self.row(&layout, &row)?;
            self.tell(rows.read_n() as f64 / bytes_n);
        }
        Ok(())
    }

    fn row(&mut self, layout: &Layout, row: &Row) -> Result<(), ReadError> {
        self.report.read += 1;
        let kind = self.options.kind;
        let cell = |at: usize| row.cells.get(at).map_or("", String::as_str);
        let text = cell(layout.code);
        let told = || format!("line {}: {text}", row.line);
        if layout.sort.is_some_and(|at| kind == Kind::Street && !cell(at).to_ascii_lowercase().contains("road")) {
            self.report.leave("is no street", told);
            return Ok(());
        }
        let Some(key) = key(kind, text) else {
            self.report.leave("the code has not the form of one", told);
            return Ok(());
        };
        if layout.ended.is_some_and(|at| !cell(at).is_empty()) {
            self.report.leave("has ended", told);
            return Ok(());
        }
        // Coordinates of the Irish grid stand in the same columns.
        if kind == Kind::Postcode
            && ["BT", "GY", "JE", "IM"].iter().any(|area| text.to_ascii_uppercase().starts_with(area))
        {
            self.report.leave("is not in Great Britain", told);
            return Ok(());
        }
        let mut reach_m = 0.0;
        if let Some((at, quality)) = layout.quality {
            match (quality, cell(at).parse::<u32>().unwrap_or(0)) {
                (Quality::CodePoint, 90..) | (Quality::Ons, 9..) => {
                    self.report.leave("has no point", told);
                    return Ok(());
                }
                (Quality::CodePoint, 60..) | (Quality::Ons, 6..) => reach_m = SECTOR_REACH_M,
                _ => {}
            }
        }
        let (Some(x), Some(y)) = (number(cell(layout.x)), number(cell(layout.y))) else {
            self.report.leave("its place is not two numbers", told);
            return Ok(());
        };
        let Some(at) = on_grid(layout.crs, [x, y]) else {
            self.report.leave("is outside Great Britain", || format!("line {}: {x},{y}", row.line));
            return Ok(());
        };
        if let Some(around) = layout.around {
            let side = around.map(|at| number(cell(at)).unwrap_or(f64::NAN));
            let half = (side[2] - side[0]).hypot(side[3] - side[1]) / 2.0;
            if half.is_finite() {
                reach_m = f64::max(reach_m, half);
            }
        }
        let name = named(kind, text, layout.town.map(cell));
        self.keep(Found { key, name, at, reach_m, lines: Vec::new() })
    }
}
