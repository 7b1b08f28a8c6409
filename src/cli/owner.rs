//! `callout owner`: whose land a place is on, for one place, for a file of points, or against a single map file.

mod points;

use self::points::{PointFile, Run, write_touching};
use super::Global;
use super::client::Client;
use super::import_gazetteer::gazetteers_dir;
use super::import_layer::{layers_dir, read_bodies};
use crate::clock::Clock;
use crate::domain::id::BodyId;
use crate::domain::ownership::{Asked, Confidence, OwnerAnswer, Position, Role};
use crate::domain::place::{GridPoint, Located, TYPED_GRID_UNCERTAINTY_M, Typed, format_grid_reference};
use crate::land::{Land as _, resolve};
use crate::landbook::gazetteer::Gazetteers;
use crate::landbook::import::{ImportOptions, import_file};
use crate::landbook::layer::{Crs, Layer};
use crate::landbook::{Land, LandBook};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `callout owner`.
#[derive(Debug, Clone, clap::Args)]
pub struct OwnerArgs {
    /// A grid reference, easting,northing, lat,lon; or by gazetteer a postcode, "UPRN 123", "USRN 123", a street;
    /// several words are one place
    pub place: Vec<String>,
    /// What it is about, where that decides: a matter of bodies.toml, such as gas, wires, sewer
    #[arg(long)]
    pub about: Option<String>,
    /// The day that the answer is for, YYYY-MM-DD; without it today
    #[arg(long)]
    pub at: Option<jiff::civil::Date>,
    /// Who has this role there: owns, adopts, maintains, regulates or informs; without it whoever is to act
    #[arg(long)]
    pub role: Option<String>,
    /// How far off the place may be, in metres (one standard deviation); without it by its form
    #[arg(long)]
    pub sigma: Option<f64>,
    /// Ask the daemon: contacts of the last days that the maps in force now answer differently
    #[arg(long, conflicts_with_all = ["place", "points"])]
    pub changed: bool,
    /// With --changed: how many days back
    #[arg(long, default_value_t = 7, requires = "changed")]
    pub days: u32,
    /// A CSV file of points: id,easting,northing in metres
    #[arg(long, conflicts_with = "place")]
    pub points: Option<PathBuf>,
    /// Ask this map file alone (GeoJSON, GML, Shapefile, GeoPackage, CSV): which of its features does each point touch?
    #[arg(long, requires = "points")]
    pub layer: Option<PathBuf>,
    /// With --layer: the property that is the feature's id; else the GeoJSON id, else the place in the file
    #[arg(long = "id", requires = "layer")]
    pub id: Option<String>,
    /// With --layer: its coordinates, where it does not say, or says wrong
    #[arg(long, value_enum, requires = "layer")]
    pub crs: Option<Crs>,
    /// Where the CSV goes; without it to the screen
    #[arg(long, requires = "points")]
    pub out: Option<PathBuf>,
    /// The answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Answers, to `out` or to `args.out`.
///
/// * One place: the answer in words, or as JSON.
/// * `--points` with `--layer`: `id,feature,position`, a row for each feature touched, `interior` or `boundary`.
/// * `--points` alone: `id,body,confidence,why` by the council's layers under `data`.
pub fn run(args: &OwnerArgs, data: &Path, bodies: &Path, out: &mut dyn Write) -> Result<()> {
    let Some(points) = &args.points else {
        if args.place.is_empty() {
            bail!("say a place, such as SJ 49401 25322, or a file with --points");
        }
        // A slip of the place is told before anything is opened.
        let typed = Typed::read(&args.place.join(" "))?;
        let land = open(data, bodies, out, args.json)?;
        let (located, asked) = question(args, &typed, &land)?;
        let answer = land.ask(&asked);
        return if args.json { write_json(&located, &answer, out) } else { write_words(&located, &answer, out) };
    };
    let mut points = PointFile::open(points)?;
    let Some(path) = &args.out else { return answer_file(args, data, bodies, &mut points, out) };
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let answered = answer_file(args, data, bodies, &mut points, &mut BufWriter::new(file));
    if answered.is_err() {
        // Half a file of answers must not be taken for the whole; one that cannot be removed is no file, but a screen.
        let _ = std::fs::remove_file(path);
    }
    answered
}

fn answer_file(
    args: &OwnerArgs,
    data: &Path,
    bodies: &Path,
    points: &mut PointFile,
    sink: &mut dyn Write,
) -> Result<()> {
    match &args.layer {
        Some(layer) => write_touching(&read_layer(args, layer)?, points, sink)?,
        None => write_answers(&open(data, bodies, &mut std::io::sink(), true)?.current(), points, sink)?,
    }
    sink.flush().context("cannot write the answers")
}

/// The question that the arguments ask.
fn question(args: &OwnerArgs, typed: &Typed, land: &Land) -> Result<(Located, Asked)> {
    let found = resolve(land, typed)?;
    let role = args.role.as_deref().map(|word| {
        let words = Role::ALL.map(Role::as_str).join(", ");
        Role::parse(word).with_context(|| format!("there is no role \"{word}\"; use one of {words}"))
    });
    if let Some(about) = args.about.as_deref().filter(|about| land.bodies().matter(about).is_none()) {
        let bodies = land.bodies();
        let known: Vec<&str> = bodies.matters().iter().map(|matter| matter.id.as_str()).collect();
        bail!("there is no matter \"{about}\"; use one of {}", known.join(", "));
    }
    let place = match args.sigma {
        Some(sigma_m) if sigma_m.is_finite() && sigma_m >= 0.0 => {
            Located { crs_accuracy_m: found.place.crs_accuracy_m, ..Located::new(found.place.point, sigma_m) }
        }
        Some(_) => bail!("--sigma is not a number of metres"),
        None => found.place,
    };
    let along = if args.sigma.is_some() { Vec::new() } else { found.along };
    let today = || Clock::System.now().to_zoned(jiff::tz::TimeZone::system()).date();
    let on = Some(args.at.unwrap_or_else(today));
    Ok((place, Asked { along, on, role: role.transpose()?, about: args.about.clone(), ..Asked::at(place) }))
}

/// `--changed`: what the daemon says of the last days' contacts.
pub fn run_changed(global: &Global, args: &OwnerArgs, out: &mut dyn Write) -> Result<()> {
    let told = Client::connect(global)?.get(&format!("/api/v1/land/changes?days={}", args.days))?;
    if args.json {
        return Ok(writeln!(out, "{told:#}")?);
    }
    let changed = told["changed"].as_array().map_or(&[][..], Vec::as_slice);
    let body = |one: &serde_json::Value| one["body"].as_str().unwrap_or("not known").to_owned();
    for one in changed {
        let word = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        writeln!(
            out,
            "{}  {}  {} -> {}  {}",
            word("contact"),
            word("received_at"),
            body(&one["was"]),
            body(&one["now"]),
            word("incident")
        )?;
    }
    writeln!(out, "{} of {} contacts of {} days have another answer now", changed.len(), told["looked_at"], args.days)?;
    Ok(())
}

fn open(data: &Path, bodies: &Path, out: &mut dyn Write, quiet: bool) -> Result<Land> {
    let (book, problems) = LandBook::load(&layers_dir(data), Arc::new(read_bodies(bodies)?));
    if !quiet {
        for problem in &problems {
            writeln!(out, "warning: {problem}")?;
        }
    }
    let (gazetteers, problems) = Gazetteers::load_all(&gazetteers_dir(data));
    for problem in problems {
        tracing::warn!(%problem, "a gazetteer could not be read: {problem}");
    }
    Ok(Land::new(book.with_gazetteers(Arc::new(gazetteers))))
}

/// The map file alone, checked and repaired as an import would.
fn read_layer(args: &OwnerArgs, path: &Path) -> Result<Layer> {
    let word = || "file".to_owned();
    let options = ImportOptions {
        id: word(),
        name: word(),
        kind: word(),
        crs: args.crs,
        id_field: args.id.clone(),
        ..ImportOptions::default()
    };
    let (layer, report) =
        import_file(path, &options, None, &mut |_, _| {}).with_context(|| format!("cannot read {}", path.display()))?;
    tracing::info!(kept = report.kept, repaired = report.repaired, refused = report.refused, "read the layer");
    Ok(layer)
}

fn write_answers(book: &LandBook, points: &mut PointFile, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["id", "body", "confidence", "why"])?;
    let mut run = Run::default();
    while points.next(&mut run)? {
        for (number, [easting_mm, northing_mm]) in run.corners.iter().copied().enumerate() {
            let place = GridPoint { easting_mm, northing_mm };
            let answer = book.answer(&Located::new(place, TYPED_GRID_UNCERTAINTY_M));
            let body = answer.body.as_ref().map_or("", BodyId::as_str);
            let rest = [body, answer.confidence.as_str(), answer.why.as_str()].map(str::as_bytes);
            csv.write_record(std::iter::once(run.id(number)).chain(rest))?;
        }
    }
    csv.flush().context("cannot write the answers")
}

fn write_json(located: &Located, answer: &OwnerAnswer, out: &mut dyn Write) -> Result<()> {
    let place = json!({
        "easting": located.point.easting(),
        "northing": located.point.northing(),
        "grid_ref": format_grid_reference(located.point, 5),
        "uncertainty_m": located.uncertainty_m,
    });
    serde_json::to_writer_pretty(&mut *out, &json!({ "place": place, "answer": answer }))?;
    Ok(writeln!(out)?)
}

fn write_words(located: &Located, answer: &OwnerAnswer, out: &mut dyn Write) -> Result<()> {
    let name = if answer.body_name.is_empty() { "Not known" } else { &answer.body_name };
    let role = answer.role.map_or("", Role::as_str);
    let role = if role.is_empty() { String::new() } else { format!(", {role}") };
    writeln!(out, "{name} ({}{role})", answer.confidence.as_str())?;
    writeln!(out, "  tell caller  {}", answer.tell_caller)?;
    if let (Some(question), Confidence::Probable) = (&answer.question, answer.confidence) {
        writeln!(out, "  make sure    {question}")?;
    }
    for line in &answer.lines {
        let name = if line.name.is_empty() { String::new() } else { format!("{}: ", line.name) };
        writeln!(out, "  ring         {name}{} ({})", line.number, line.hours)?;
    }
    writeln!(out, "  raise        {}", answer.raise)?;
    if !answer.also_notify.is_empty() {
        let also: Vec<&str> = answer.also_notify.iter().map(BodyId::as_str).collect();
        writeln!(out, "  also tell    {}", also.join(", "))?;
    }
    for also in &answer.also {
        writeln!(out, "  also here    {}, {} ({} {})", also.name, also.role.as_str(), also.layer, also.feature)?;
    }
    writeln!(out, "  why          {}", answer.why)?;
    if let Some(basis) = &answer.basis {
        let licence = if basis.licence.is_empty() { String::new() } else { format!(", {}", basis.licence) };
        writeln!(out, "  by           {} of {}{licence}", basis.layer_name, basis.date)?;
    }
    writeln!(
        out,
        "  place        {} ({:.3},{:.3}), within {:.1} m; answered for {:.1} m, {:.1} m of it by coordinates",
        format_grid_reference(located.point, 5),
        located.point.easting(),
        located.point.northing(),
        located.uncertainty_m,
        2.0 * answer.sigma_m,
        answer.crs_accuracy_m
    )?;
    for hit in &answer.hits {
        let body = hit.body.as_ref().map_or("-", BodyId::as_str);
        let where_it_is = match (hit.nearest_m, hit.position) {
            (Some(near_m), _) => format!("{near_m:.1} m away"),
            (None, Position::Interior) => "inside".to_owned(),
            (None, Position::Boundary) => "on its boundary".to_owned(),
        };
        writeln!(out, "  layer        {}: {} {} ({body}), {where_it_is}", hit.layer, hit.kind, hit.feature)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LAYER: &str = r#"{"type":"FeatureCollection",
        "crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::27700"}},
        "features":[
        {"type":"Feature","id":"west","properties":{"ref":"W1"},"geometry":{"type":"Polygon","coordinates":
            [[[349000,325000],[349010,325000],[349010,325010],[349000,325010],[349000,325000]]]}},
        {"type":"Feature","properties":{"ref":"E1"},"geometry":{"type":"Polygon","coordinates":
            [[[349010,325000],[349020,325000],[349020,325010],[349010,325010],[349010,325000]]]}}]}"#;
    const POINTS: &str = "id,easting,northing\na,349005,325005\nb,349010,325005\nc,349010.001,325005\nd,1,1\n";

    fn args(dir: &Path) -> OwnerArgs {
        let (layer, points) = (dir.join("layer.geojson"), dir.join("points.csv"));
        std::fs::write(&layer, LAYER).unwrap();
        std::fs::write(&points, POINTS).unwrap();
        OwnerArgs {
            place: Vec::new(),
            about: None,
            at: None,
            role: None,
            sigma: None,
            changed: false,
            days: 7,
            points: Some(points),
            layer: Some(layer),
            id: None,
            crs: None,
            out: None,
            json: false,
        }
    }

    fn output(args: &OwnerArgs, dir: &Path) -> String {
        let mut out = Vec::new();
        let bodies = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bodies.toml");
        run(args, dir, &bodies, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_file_of_points_against_a_map_file_gives_a_row_for_each_feature_touched() {
        let dir = tempfile::tempdir().unwrap();
        let args = args(dir.path());
        assert_eq!(
            output(&args, dir.path()),
            "id,feature,position\na,west,interior\nb,west,boundary\nb,1,boundary\nc,1,interior\n"
        );
        let file = dir.path().join("out.csv");
        let named = OwnerArgs { id: Some("ref".to_owned()), out: Some(file.clone()), ..args };
        assert_eq!(output(&named, dir.path()), "");
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, "id,feature,position\na,W1,interior\nb,W1,boundary\nb,E1,boundary\nc,E1,interior\n");
    }

    #[test]
    fn one_place_is_answered_in_words_and_a_slip_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let place = OwnerArgs {
            place: vec!["SJ".to_owned(), "49401".to_owned(), "25322".to_owned()],
            points: None,
            layer: None,
            ..args(dir.path())
        };
        let said = output(&place, dir.path());
        assert!(said.starts_with("Not known (unknown)\n  tell caller  "), "{said}");
        assert!(said.contains("  place        SJ 49401 25322 "), "{said}");
        assert!(said.contains("finds out within"), "{said}");
        let swapped = OwnerArgs { place: vec!["-2.75,52.82".to_owned()], ..place };
        let error = run(&swapped, dir.path(), Path::new("nowhere"), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("send latitude 52.82, longitude -2.75"), "{error}");
    }
}
