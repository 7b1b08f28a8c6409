//! GML as HM Land Registry publishes its INSPIRE index, and simple features like it, read as a stream of tags.
//!
//! A feature is the child of a `member` or `featureMember`, or each child of `featureMembers`. Its fields are the
//! elements that hold nothing but text, by their names without prefix.
//!
//! XML can carry a program for filling memory (a DTD with entities that multiply) and addresses to fetch from. None of
//! that belongs into a map file: a DTD is refused, and so is every entity but the five of XML itself.

use super::origin::{Bounded, Origin};
use super::{
    DEPTH_MAX, FEATURE_BYTES_MAX, FEATURE_CORNERS_MAX, FIELDS_BYTES_MAX, FIELDS_MAX, Form, Go, Named, Raw, Shape,
    Source, SourceError, crs, shown,
};
use crate::landbook::check::Class;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::io::BufRead;

/// A GML file.
pub struct Gml<'a> {
    origin: Origin<'a>,
    bytes_n: u64,
    named: Named,
}

/// Looks for the first feature and the coordinates that it names.
pub fn open(origin: Origin<'_>) -> Result<Gml<'_>, SourceError> {
    let bytes_n = origin.bytes_n()?;
    let mut walk = Walk::new(&origin)?;
    let mut some = false;
    walk.each(&mut |_, _| {
        some = true;
        Go::Stop
    })?;
    if !some {
        let what = "it has no feature (no <member> or <featureMember> with something in it)";
        return Err(SourceError::bad(origin.name(), what, "give a GML FeatureCollection, or export it as GeoPackage"));
    }
    let named = walk.srs.as_deref().map_or(Named::Not, |name| crs::by_name(name).0);
    Ok(Gml { origin, bytes_n, named })
}

impl Source for Gml<'_> {
    fn form(&self) -> Form {
        Form::Gml
    }

    fn named(&self) -> Named {
        self.named.clone()
    }

    fn features_n(&self) -> Option<u64> {
        None
    }

    fn each(&self, sink: &mut dyn FnMut(Raw, f64) -> Go) -> Result<(), SourceError> {
        let bytes_n = self.bytes_n.max(1) as f64;
        Walk::new(&self.origin)?.each(&mut |raw, read| sink(raw, read as f64 / bytes_n))
    }
}

/// What is being read of one feature.
#[derive(Default)]
struct Feature {
    id: Option<String>,
    fields: Vec<(String, String)>,
    fields_bytes: usize,
    areas: Vec<Vec<Vec<[f64; 2]>>>,
    lines: Vec<Vec<[f64; 2]>>,
    points: Vec<[f64; 2]>,
    corners_n: usize,
    /// What makes it unfit, told once.
    unfit: Option<(Class, String)>,
    has_geometry: bool,
}

/// What the coordinates that come next belong to.
#[derive(Clone, Copy, PartialEq)]
enum Into {
    Shell,
    Hole,
    Line,
    Point,
}

struct Walk<'a> {
    xml: Reader<Bounded<Box<dyn BufRead + 'a>>>,
    origin: Origin<'a>,
    /// The name that all geometry gives its coordinates.
    srs: Option<String>,
    lat_first: bool,
    index: usize,
}

impl<'a> Walk<'a> {
    fn new(origin: &Origin<'a>) -> Result<Self, SourceError> {
        let xml = Reader::from_reader(Bounded::new(origin.stream()?, FEATURE_BYTES_MAX));
        Ok(Self { xml, origin: origin.clone(), srs: None, lat_first: false, index: 0 })
    }

    fn bad(&self, what: impl std::fmt::Display, mend: &str) -> SourceError {
        let place = format!("{}, byte {}", self.origin.name(), self.xml.buffer_position());
        SourceError::bad(place, what.to_string(), mend)
    }

    fn each(&mut self, sink: &mut dyn FnMut(Raw, u64) -> Go) -> Result<(), SourceError> {
        const EXPORT: &str = "export it again as plain GML, or as GeoPackage";
        let mut buf = Vec::new();
        // Open elements by local name; where among them the feature stands.
        let mut path: Vec<String> = Vec::new();
        let mut at_feature: Option<usize> = None;
        let mut feature = Feature::default();
        let mut text = String::new();
        let mut leaf = false;
        let mut into: Option<Into> = None;
        let mut dimensions = 2;
        loop {
            buf.clear();
            self.xml.get_mut().next();
            let event = match self.xml.read_event_into(&mut buf) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) => {
                    return Err(match error.kind() {
                        std::io::ErrorKind::InvalidData => self.bad(&error, EXPORT),
                        kind => self.origin.failed(std::io::Error::new(kind, error.to_string())),
                    });
                }
                Err(quick_xml::Error::Syntax(error)) => {
                    let what = format!("the file ends in the middle of a tag ({error}); it is cut short");
                    return Err(self.bad(what, "download it again"));
                }
                Err(error) => return Err(self.bad(error, EXPORT)),
            };
            match event {
                Event::DocType(_) => {
                    let mend = "a map file has no use for one, and it may hide an attack; export it again without";
                    return Err(self.bad("it has a document type (<!DOCTYPE>)", mend));
                }
                Event::Decl(decl) => {
                    let encoding = decl.encoding().and_then(Result::ok).unwrap_or("UTF-8".into());
                    if !["utf-8", "us-ascii", "ascii"].contains(&encoding.to_ascii_lowercase().as_str()) {
                        let what = format!("its text is in {}", shown(&encoding));
                        return Err(self.bad(what, "save it as UTF-8"));
                    }
                }
                Event::Start(ref tag) | Event::Empty(ref tag) => {
                    let empty = matches!(event, Event::Empty(_));
                    if path.len() >= DEPTH_MAX {
                        return Err(self.bad(format!("tags stand more than {DEPTH_MAX} deep"), EXPORT));
                    }
                    let name = local(tag);
                    let begins = at_feature.is_none()
                        && path
                            .last()
                            .is_some_and(|over| matches!(over.as_str(), "member" | "featureMember" | "featureMembers"));
                    let facts = self.attributes(tag, at_feature.is_some())?;
                    if begins {
                        at_feature = Some(path.len());
                        feature = Feature { id: facts.id, ..Feature::default() };
                        dimensions = 2;
                    } else if at_feature.is_some() {
                        if let Some(said) = facts.dimensions {
                            dimensions = said;
                        }
                        match name.as_str() {
                            "Polygon" | "PolygonPatch" | "Triangle" | "Rectangle" => {
                                feature.has_geometry = true;
                                feature.areas.push(Vec::new());
                            }
                            "exterior" | "outerBoundaryIs" => into = feature.ring(Into::Shell),
                            "interior" | "innerBoundaryIs" => into = feature.ring(Into::Hole),
                            "LineString" | "LineStringSegment" => {
                                feature.has_geometry = true;
                                // The straight pieces of a ring drawn as a curve belong to the ring.
                                if !matches!(into, Some(Into::Shell | Into::Hole)) {
                                    feature.lines.push(Vec::new());
                                    into = Some(Into::Line);
                                }
                            }
                            "Point" => {
                                feature.has_geometry = true;
                                into = Some(Into::Point);
                            }
                            "Arc" | "ArcString" | "Circle" | "ArcByCenterPoint" | "CubicSpline" | "Bezier" => {
                                feature.unfit(Class::NotAnArea, "curves; export it with straight lines");
                            }
                            "Solid" | "MultiSolid" | "PolyhedralSurface" => {
                                feature.unfit(Class::NotAnArea, "a body in space");
                            }
                            _ => {}
                        }
                    }
                    text.clear();
                    leaf = true;
                    if empty {
                        // `<x/>` opens and closes: nothing of it stays.
                        leaf = false;
                        if begins {
                            at_feature = None;
                        }
                    } else {
                        path.push(name);
                    }
                }
                Event::Text(ref part) if at_feature.is_some() && leaf => text.push_str(part),
                Event::CData(ref part) if at_feature.is_some() && leaf => text.push_str(part),
                Event::GeneralRef(ref name) => {
                    let character = match name.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => match &**name {
                            "lt" => Some('<'),
                            "gt" => Some('>'),
                            "amp" => Some('&'),
                            "apos" => Some('\''),
                            "quot" => Some('"'),
                            _ => None,
                        },
                        Err(_) => None,
                    };
                    match character {
                        Some(character) => text.push(character),
                        None => {
                            let what = format!("it has the entity {}, which XML does not know", shown(name));
                            return Err(self.bad(what, "it may hide an attack; export it again without entities"));
                        }
                    }
                }
                Event::End(_) => {
                    let Some(name) = path.pop() else { return Err(self.bad("a tag too many is closed", EXPORT)) };
                    if at_feature.is_some() {
                        match name.as_str() {
                            "posList" | "pos" | "coordinates" => {
                                let commas = name == "coordinates";
                                feature.take(&text, into, dimensions, commas, self.lat_first);
                            }
                            "exterior" | "outerBoundaryIs" | "interior" | "innerBoundaryIs" | "LineString"
                            | "Point" => into = None,
                            _ if leaf && !text.trim().is_empty() => feature.field(&name, text.trim()),
                            _ => {}
                        }
                    }
                    text.clear();
                    leaf = false;
                    if at_feature == Some(path.len()) {
                        at_feature = None;
                        into = None;
                        let raw = std::mem::take(&mut feature).raw(self.index);
                        self.index += 1;
                        let read = self.xml.get_ref().read_n();
                        if sink(raw, read) == Go::Stop {
                            return Ok(());
                        }
                    }
                }
                Event::Eof if path.is_empty() => return Ok(()),
                Event::Eof => {
                    let open = path.last().map_or("", String::as_str);
                    let what = format!("the file ends in the middle of {}; it is cut short", shown(open));
                    return Err(self.bad(what, "download it again"));
                }
                Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) => {}
            }
        }
    }

    /// What a tag's attributes say that matters.
    fn attributes(&mut self, tag: &BytesStart<'_>, in_feature: bool) -> Result<Facts, SourceError> {
        let mut facts = Facts::default();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.bad(error, "export it again"))?;
            let key = attribute.key.local_name();
            let key: &str = key.as_ref();
            if !matches!(key, "id" | "fid" | "srsName" | "srsDimension") {
                continue;
            }
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(|error| self.bad(error, "export it again"))?;
            match key {
                "id" | "fid" => facts.id = Some(value.trim().chars().take(200).collect()),
                "srsDimension" => facts.dimensions = value.trim().parse().ok().filter(|n| (2..=4).contains(n)),
                _ => match &self.srs {
                    Some(known) if *known != *value => {
                        // The box around all may be in other words than the features; the features count.
                        let same = crs::by_name(known) == crs::by_name(&value);
                        if !same && in_feature {
                            let what =
                                format!("its coordinates are {} here and {} before", shown(&value), shown(known));
                            return Err(self.bad(what, "export it in one coordinate system"));
                        }
                    }
                    Some(_) => {}
                    None => {
                        self.lat_first = crs::by_name(&value).1;
                        self.srs = Some(value.into_owned());
                    }
                },
            }
        }
        Ok(facts)
    }
}

#[derive(Default)]
struct Facts {
    id: Option<String>,
    dimensions: Option<usize>,
}

fn local(tag: &BytesStart<'_>) -> String {
    let name = tag.local_name();
    let name: &str = name.as_ref();
    name.to_owned()
}

impl Feature {
    fn unfit(&mut self, class: Class, words: &str) {
        self.has_geometry = true;
        self.unfit.get_or_insert_with(|| (class, words.to_owned()));
    }

    /// A ring begins; a shell goes before the holes that it has.
    fn ring(&mut self, kind: Into) -> Option<Into> {
        if self.areas.is_empty() {
            self.areas.push(Vec::new());
        }
        let polygon = self.areas.last_mut()?;
        match kind {
            Into::Shell => polygon.insert(0, Vec::new()),
            _ => polygon.push(Vec::new()),
        }
        Some(kind)
    }

    /// Takes the numbers of a `posList`, a `pos` or (with commas) `coordinates`.
    fn take(&mut self, text: &str, into: Option<Into>, dimensions: usize, commas: bool, lat_first: bool) {
        let Some(into) = into else { return };
        let corner = |x: f64, y: f64| if lat_first { [y, x] } else { [x, y] };
        let number = |word: &str| word.parse::<f64>().unwrap_or(f64::NAN);
        let mut corners: Vec<[f64; 2]> = Vec::new();
        if commas {
            for tuple in text.split_whitespace() {
                let mut numbers = tuple.split(',').map(number);
                let mut next = || numbers.next().unwrap_or(f64::NAN);
                corners.push(corner(next(), next()));
            }
        } else {
            let mut numbers = text.split_ascii_whitespace().map(number);
            while let Some(x) = numbers.next() {
                let y = numbers.next().unwrap_or(f64::NAN);
                for _ in 2..dimensions {
                    numbers.next();
                }
                corners.push(corner(x, y));
                if corners.len() > FEATURE_CORNERS_MAX {
                    break;
                }
            }
        }
        self.corners_n += corners.len();
        if self.corners_n > FEATURE_CORNERS_MAX {
            let words = format!("{} corners", self.corners_n);
            self.unfit(Class::TooManyCorners, &words);
            self.areas.clear();
            return;
        }
        match into {
            Into::Shell => {
                if let Some(ring) = self.areas.last_mut().and_then(|polygon| polygon.first_mut()) {
                    ring.extend(corners);
                }
            }
            Into::Hole => {
                if let Some(ring) = self.areas.last_mut().and_then(|polygon| polygon.last_mut()) {
                    ring.extend(corners);
                }
            }
            Into::Line => {
                if let Some(line) = self.lines.last_mut() {
                    line.extend(corners);
                }
            }
            Into::Point => self.points.extend(corners),
        }
    }

    fn field(&mut self, name: &str, text: &str) {
        self.fields_bytes += name.len() + text.len();
        if self.fields.len() < FIELDS_MAX && self.fields_bytes <= FIELDS_BYTES_MAX {
            self.fields.push((name.to_owned(), text.to_owned()));
        }
    }

    fn raw(self, index: usize) -> Raw {
        let shape = match self.unfit {
            Some((class, words)) => Shape::Not(class, Some(words)),
            None if !self.areas.is_empty() => Shape::Areas(self.areas),
            None if !self.lines.is_empty() => Shape::Lines(self.lines),
            None if !self.points.is_empty() => Shape::Points(self.points),
            None => Shape::Not(Class::NoGeometry, None),
        };
        Raw { index, id: self.id, fields: self.fields, shape: shape.checked() }
    }
}
