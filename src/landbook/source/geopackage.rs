//! GeoPackage (OGC): an SQLite database whose tables say which column holds the geometry and in which coordinates.

use super::origin::Origin;
use super::sqlite::{Database, Table, Value};
use super::{Form, Go, Named, Raw, Shape, Source, SourceError, crs, listed, shown, wkb};
use crate::landbook::check::Class;

/// One table of features.
pub struct GeoPackage<'a> {
    database: Database<'a>,
    table: Table,
    geometry: usize,
    id: Option<usize>,
    named: Named,
    features_n: Option<u64>,
}

/// Opens the only table of features, or the one named.
pub fn open<'a>(origin: &Origin<'a>, part: Option<&str>) -> Result<GeoPackage<'a>, SourceError> {
    const EXPORT: &str = "export the layer again as GeoPackage (ogr2ogr -f GPKG layer.gpkg FILE)";
    let database = Database::open(origin)?;
    let bad = |what: String, mend: &str| SourceError::bad(database.name(), what, mend);
    let Some(columns) = database.table("gpkg_geometry_columns") else {
        let names: Vec<&str> = database.names().collect();
        let what = format!("this SQLite database is no GeoPackage; its tables are {}", listed(&names));
        return Err(bad(what, EXPORT));
    };
    // Table, geometry column, coordinates.
    let mut found: Vec<(String, String, i64)> = Vec::new();
    let at = |name: &str| columns.column(name);
    let (Some(table_at), Some(column_at), Some(srs_at)) = (at("table_name"), at("column_name"), at("srs_id")) else {
        return Err(bad("its table gpkg_geometry_columns lacks columns".to_owned(), EXPORT));
    };
    database.rows(columns, &mut |_, row, _| {
        if let (Some(table), Some(column), Some(srs)) =
            (row[table_at].text(), row[column_at].text(), row[srs_at].whole())
        {
            found.push((table, column, srs));
        }
        if found.len() < 1_000 { Go::On } else { Go::Stop }
    })?;
    let names: Vec<&str> = found.iter().map(|(table, ..)| table.as_str()).collect();
    let chosen = match (part, &found[..]) {
        (Some(part), _) => found.iter().find(|(table, ..)| table == part).ok_or_else(|| {
            bad(format!("it has no layer {}; it has {}", shown(part), listed(&names)), "say which with --part")
        })?,
        (None, [one]) => one,
        (None, []) => return Err(bad("it has no layer".to_owned(), EXPORT)),
        (None, _) => return Err(bad(format!("it has several layers: {}", listed(&names)), "say which with --part")),
    };
    let (name, column, srs) = chosen;
    let table = database.table(name).cloned().ok_or_else(|| {
        bad(format!("its layer {} is not a table that can be read (a view, or without row ids)", shown(name)), EXPORT)
    })?;
    let geometry = table
        .column(column)
        .ok_or_else(|| bad(format!("its layer {} has no column {}", shown(name), shown(column)), EXPORT))?;
    let named = coordinates(&database, *srs)?;
    let features_n = counted(&database, name)?;
    let id = table.column("fid").or_else(|| table.column("ogc_fid")).or_else(|| table.column("id"));
    Ok(GeoPackage { table, geometry, id, named, features_n, database })
}

/// What `gpkg_spatial_ref_sys` says of a number; the number itself is the EPSG code nearly always.
fn coordinates(database: &Database<'_>, srs: i64) -> Result<Named, SourceError> {
    if srs <= 0 {
        return Ok(Named::Not);
    }
    let Some(table) = database.table("gpkg_spatial_ref_sys") else { return Ok(crs::by_code(srs)) };
    let at = |name: &str| table.column(name);
    let (Some(id), Some(authority), Some(code)) = (at("srs_id"), at("organization"), at("organization_coordsys_id"))
    else {
        return Ok(crs::by_code(srs));
    };
    let text = at("definition");
    let mut named = Named::Other(format!("no. {srs} of its own list"));
    database.rows(table, &mut |_, row, _| {
        if row[id].whole() != Some(srs) {
            return Go::On;
        }
        let epsg = row[authority].text().is_some_and(|name| name.eq_ignore_ascii_case("EPSG"));
        named = match (epsg, row[code].whole(), text.and_then(|at| row[at].text())) {
            (true, Some(code), _) => crs::by_code(code),
            (_, _, Some(text)) => crs::by_wkt(&text),
            _ => Named::Not,
        };
        Go::Stop
    })?;
    Ok(named)
}

/// The count that GDAL keeps, where it does.
fn counted(database: &Database<'_>, name: &str) -> Result<Option<u64>, SourceError> {
    let Some(table) = database.table("gpkg_ogr_contents") else { return Ok(None) };
    let (Some(table_at), Some(count_at)) = (table.column("table_name"), table.column("feature_count")) else {
        return Ok(None);
    };
    let mut count = None;
    database.rows(table, &mut |_, row, _| {
        if row[table_at].text().as_deref() == Some(name) {
            count = row[count_at].whole().and_then(|n| u64::try_from(n).ok());
        }
        if count.is_none() { Go::On } else { Go::Stop }
    })?;
    Ok(count)
}

impl Source for GeoPackage<'_> {
    fn form(&self) -> Form {
        Form::GeoPackage
    }

    fn named(&self) -> Named {
        self.named.clone()
    }

    fn features_n(&self) -> Option<u64> {
        self.features_n
    }

    fn each(&self, sink: &mut dyn FnMut(Raw, f64) -> Go) -> Result<(), SourceError> {
        let mut index = 0;
        self.database.rows(&self.table, &mut |row, mut values, part| {
            let shape = match values.get_mut(self.geometry).map(|value| std::mem::replace(value, Value::Null)) {
                Some(Value::Blob(bytes)) => match geometry(&bytes) {
                    Ok(shape) => shape.checked(),
                    Err(what) => Shape::Not(Class::Unreadable, Some(what)),
                },
                Some(Value::Null) | None => Shape::Not(Class::NoGeometry, None),
                Some(_) => Shape::Not(Class::Unreadable, Some("its geometry is not binary".to_owned())),
            };
            let id = self.id.and_then(|at| values.get(at)).and_then(Value::text).or(Some(row.to_string()));
            let fields = self
                .table
                .columns
                .iter()
                .zip(&values)
                .filter_map(|(name, value)| Some((name.clone(), value.text()?)))
                .collect();
            index += 1;
            sink(Raw { index: index - 1, id, fields, shape }, part)
        })
    }
}

/// A geometry as a GeoPackage holds it: its own small head, then well-known binary.
fn geometry(bytes: &[u8]) -> Result<Shape, String> {
    let Some([b'G', b'P', version, flags]) = bytes.first_chunk() else {
        return Err("its geometry has no GeoPackage head".to_owned());
    };
    if *version != 0 {
        return Err(format!("its geometry is of version {version}"));
    }
    if flags & 0x20 != 0 {
        return Ok(Shape::Not(Class::NotAnArea, Some("a geometry of another program's own kind".to_owned())));
    }
    if flags & 0x10 != 0 {
        return Ok(Shape::Not(Class::NoGeometry, None));
    }
    let envelope = match flags >> 1 & 0x07 {
        0 => 0,
        1 => 32,
        2 | 3 => 48,
        4 => 64,
        _ => return Err("the head of its geometry is damaged".to_owned()),
    };
    let body = bytes.get(8 + envelope..).ok_or_else(|| "its geometry is cut short".to_owned())?;
    wkb::read(body).map_err(|wkb::Broken(what)| format!("its geometry cannot be read: {what}"))
}
