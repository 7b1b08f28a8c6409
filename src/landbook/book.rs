//! All layers under one epoch, and the answer to "whose land is this?".
//!
//! A [`LandBook`] never changes: a reload makes a new one and [`Land`] swaps it in whole, so that no answer ever
//! mixes two editions. Every answer carries the epoch that gave it.

use super::gazetteer::Gazetteers;
use super::geometry::{Corner, Extent};
use super::layer::{Layer, LayerMeta};
use super::pack;
use super::store::StoreError;
use crate::domain::id::BodyId;
use crate::domain::ownership::{Asked, Bodies, Correction, OwnerAnswer};
use crate::domain::place::{GridPoint, LatLon, Located};
use crate::land::Area;
use geo::{Coord, LineString, Simplify};
use jiff::civil::Date;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, RwLock};

/// The most layers of a landbook.
pub const LAYERS_MAX: usize = 200;
/// The most features that one call for outlines gives; the console asks again nearer by.
pub const OUTLINE_FEATURES_MAX: usize = 4_000;

/// An edition of the council's map layers with the table of bodies that it was checked against.
#[derive(Debug, Clone)]
pub struct LandBook {
    pub(super) epoch: u64,
    pub(super) layers: Vec<Arc<Layer>>,
    pub(super) bodies: Arc<Bodies>,
    /// Files that could not be read: while there are any, no answer from a map is confident.
    pub(super) missing: Vec<String>,
    /// What staff have corrected, oldest first.
    pub(super) corrections: Arc<Vec<Arc<Correction>>>,
    pub(super) gazetteers: Arc<Gazetteers>,
}

/// A box of the National Grid in metres, for maps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapBox {
    /// Western edge.
    pub west_m: f64,
    /// Southern edge.
    pub south_m: f64,
    /// Eastern edge.
    pub east_m: f64,
    /// Northern edge.
    pub north_m: f64,
}

impl LandBook {
    /// No layers: every answer is the explicit unknown.
    pub fn empty() -> Self {
        Self::new(Vec::new(), Arc::new(Bodies::empty()))
    }

    /// From layers in memory.
    pub fn new(layers: Vec<Arc<Layer>>, bodies: Arc<Bodies>) -> Self {
        let (missing, corrections, gazetteers) = (Vec::new(), Arc::default(), Arc::default());
        Self { epoch: 1, layers, bodies, missing, corrections, gazetteers }
    }

    /// Reads every layer's file of a directory (`DATA/layers`); a directory that is not there holds none.
    ///
    /// A file that cannot be read is told and left out; the book goes on without it, but gives no answer as confident,
    /// since the missing layer might have decided.
    pub fn load(dir: &Path, bodies: Arc<Bodies>) -> (Self, Vec<StoreError>) {
        let mut problems = Vec::new();
        let mut paths = Vec::new();
        match std::fs::read_dir(dir) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) if entry.path().extension().is_some_and(|end| end == "json") => {
                            paths.push(entry.path())
                        }
                        Ok(_) => {}
                        Err(source) => problems.push(StoreError::Read { path: dir.to_owned(), source }),
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => problems.push(StoreError::Read { path: dir.to_owned(), source }),
        }
        paths.sort();
        if paths.len() > LAYERS_MAX {
            let what = format!("more than {LAYERS_MAX} layers");
            problems.push(StoreError::Damaged { path: dir.to_owned(), what });
            paths.truncate(LAYERS_MAX);
        }
        let mut book = Self::new(Vec::new(), bodies);
        for path in paths {
            match pack::open(&path) {
                Ok(layer) => book.layers.push(Arc::new(layer)),
                Err(problem) => problems.push(problem),
            }
        }
        book.missing = problems.iter().map(missing_name).collect();
        (book, problems)
    }

    /// With gazetteers, which are swapped with the layers under one epoch.
    #[must_use]
    pub fn with_gazetteers(mut self, gazetteers: Arc<Gazetteers>) -> Self {
        self.gazetteers = gazetteers;
        self
    }

    /// Where postcodes, properties and streets are.
    pub fn gazetteers(&self) -> &Gazetteers {
        &self.gazetteers
    }

    /// The edition's number; grows with each load into one [`Land`].
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What is known of each layer, by id.
    pub fn layers(&self) -> impl Iterator<Item = &LayerMeta> {
        self.layers.iter().map(|layer| &layer.meta)
    }

    /// The box round all layers; `None` without a feature.
    pub fn extent(&self) -> Option<Extent> {
        let some = self.layers.iter().filter(|layer| !layer.features().is_empty());
        some.map(|layer| layer.extent()).reduce(Extent::joined)
    }

    /// The table of bodies.
    pub fn bodies(&self) -> &Arc<Bodies> {
        &self.bodies
    }

    /// A layer's outlines within a box as a GeoJSON FeatureCollection in EPSG:27700, for maps only: lines are
    /// simplified to within `detail_m` metres, so that they are small, and no longer exact.
    ///
    /// `None` for an unknown layer. Above [`OUTLINE_FEATURES_MAX`] features the largest are given and `"cut": true`.
    pub fn outlines(&self, layer: &str, map: MapBox, detail_m: f64) -> Option<Value> {
        let layer = self.layers.iter().find(|one| one.meta.id == layer)?;
        let mm = |metres: f64| (metres * 1000.0).round() as i32;
        let extent = Extent { low: [mm(map.west_m), mm(map.south_m)], high: [mm(map.east_m), mm(map.north_m)] };
        let mut features = layer.within(extent);
        let cut = features.len() > OUTLINE_FEATURES_MAX;
        if cut {
            features.sort_by(|a, b| b.area_m2.total_cmp(&a.area_m2));
            features.truncate(OUTLINE_FEATURES_MAX);
        }
        let detail_m = if detail_m > 0.0 { detail_m } else { 0.0 };
        let features: Vec<Value> = features
            .into_iter()
            .map(|feature| {
                let polygons: Vec<Value> = feature
                    .parts
                    .iter()
                    .map(|part| {
                        json!(
                            part.rings()
                                .iter()
                                .filter_map(|ring| outline(ring.corners(), detail_m))
                                .collect::<Vec<_>>()
                        )
                    })
                    .collect();
                json!({
                    "type": "Feature",
                    "id": feature.id,
                    "properties": {
                        "name": feature.name,
                        "kind": feature.kind.as_ref().unwrap_or(&layer.meta.kind),
                        "body": feature.body.as_ref().or(layer.meta.body.as_ref()),
                    },
                    "geometry": { "type": "MultiPolygon", "coordinates": polygons },
                })
            })
            .collect();
        Some(json!({
            "type": "FeatureCollection",
            "crs": { "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::27700" } },
            "layer": layer.meta.id,
            "cut": cut,
            "features": features,
        }))
    }
}

fn missing_name(problem: &StoreError) -> String {
    match problem {
        StoreError::BadId(id) | StoreError::NoEarlier(id) => id.clone(),
        StoreError::Write { path, .. } | StoreError::Read { path, .. } | StoreError::Damaged { path, .. } => {
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
        }
    }
}

/// A ring in metres to the decimetre, simplified; `None` where nothing is left to draw.
fn outline(corners: &[Corner], detail_m: f64) -> Option<Vec<[f64; 2]>> {
    let metres = |mm: i32| f64::from(mm) / 1000.0;
    let line: LineString<f64> =
        corners.iter().map(|at| Coord { x: metres(at[0]), y: metres(at[1]) }).collect::<Vec<_>>().into();
    let line = line.simplify(detail_m);
    let rounded = |value: f64| (value * 10.0).round() / 10.0;
    (line.0.len() >= 4).then(|| line.0.iter().map(|at| [rounded(at.x), rounded(at.y)]).collect())
}

/// Where the edition in force is kept: read by many, replaced as one.
#[derive(Debug)]
pub struct Land(RwLock<Arc<LandBook>>);

impl Land {
    /// Begins with an edition.
    pub fn new(book: LandBook) -> Self {
        Self(RwLock::new(Arc::new(book)))
    }

    /// Begins with an edition that follows that of an epoch.
    pub fn after(epoch: u64, book: LandBook) -> Self {
        Self::new(LandBook { epoch: epoch.max(book.epoch), ..book })
    }

    /// The edition in force; hold it for as long as one answer takes.
    pub fn current(&self) -> Arc<LandBook> {
        Arc::clone(&self.0.read().expect("nothing panics while holding the land"))
    }

    /// Puts a new edition in force and gives its epoch, one above the last.
    pub fn replace(&self, mut book: LandBook) -> u64 {
        let mut current = self.0.write().expect("nothing panics while holding the land");
        book.epoch = current.epoch + 1;
        book.corrections = Arc::clone(&current.corrections);
        let epoch = book.epoch;
        *current = Arc::new(book);
        epoch
    }
}

impl crate::land::Land for Land {
    fn to_grid(&self, place: LatLon) -> Option<GridPoint> {
        super::convert::to_grid(place).ok()
    }

    fn to_lat_lon(&self, place: GridPoint) -> Option<LatLon> {
        super::convert::to_degrees(place).ok()
    }

    fn owner(&self, place: Located) -> OwnerAnswer {
        self.current().answer(&place)
    }

    fn ask(&self, asked: &Asked) -> OwnerAnswer {
        self.current().ask(asked)
    }

    fn ask_all(&self, asked: &[Asked]) -> Vec<OwnerAnswer> {
        let book = self.current();
        asked.iter().map(|one| book.ask(one)).collect()
    }

    fn bodies(&self) -> Arc<Bodies> {
        Arc::clone(&self.current().bodies)
    }

    fn find(&self, code: crate::land::PlaceCode<'_>) -> crate::land::Lookup {
        self.current().gazetteers.find(code)
    }

    fn covering(&self, at: GridPoint, on: Option<Date>) -> Vec<Area> {
        self.current().covering(at, on)
    }

    fn nearest(&self, at: GridPoint, reach_m: f64, max: usize, layer: Option<&str>) -> Vec<Area> {
        self.current().nearest(at, reach_m, max, layer)
    }

    fn features(&self, layer: &str, [west_m, south_m, east_m, north_m]: [f64; 4], max: usize) -> Option<Value> {
        let mut all = self.current().outlines(layer, MapBox { west_m, south_m, east_m, north_m }, 0.0)?;
        if let Some(Value::Array(features)) = all.get_mut("features")
            && features.len() > max
        {
            features.truncate(max);
            all["cut"] = json!(true);
        }
        Some(all)
    }

    fn layer_ids(&self) -> Vec<String> {
        self.current().layers().map(|layer| layer.id.clone()).collect()
    }

    fn correct(&self, corrections: Vec<Correction>) {
        let mut current = self.0.write().expect("nothing panics while holding the land");
        let corrections = Arc::new(corrections.into_iter().map(Arc::new).collect::<Vec<_>>());
        if current.corrections != corrections {
            let epoch = current.epoch + 1;
            *current = Arc::new(LandBook { epoch, corrections, ..LandBook::clone(&current) });
        }
    }
}

/// The body ids that layers name but the table does not know: their ground answers "unknown" until mended.
pub fn unknown_bodies(book: &LandBook) -> Vec<BodyId> {
    let mut unknown: Vec<BodyId> = book
        .layers
        .iter()
        .flat_map(|layer| {
            layer.features().iter().filter_map(|feature| feature.body.clone()).chain(layer.meta.body.clone())
        })
        .filter(|id| book.bodies.body(id).is_none())
        .collect();
    unknown.sort();
    unknown.dedup();
    unknown
}
