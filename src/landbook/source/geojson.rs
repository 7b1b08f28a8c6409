//! GeoJSON, read as a stream: the frame is walked by its brackets, and each feature is parsed when its turn comes, so
//! that a file of any size takes the memory of its largest feature.
//!
//! Two passes: the first finds the frame's `type` and `crs` (which may stand behind the features) and counts.

use super::origin::Origin;
use super::{DEPTH_MAX, FEATURE_BYTES_MAX, FEATURE_CORNERS_MAX, Form, Go, Named, Raw, Shape, Source, SourceError};
use super::{crs, too_many};
use crate::landbook::check::Class;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

/// The most bytes of the `crs` member.
const CRS_BYTES_MAX: usize = 1 << 16;

/// A GeoJSON file whose frame is sound.
pub struct GeoJson<'a> {
    origin: Origin<'a>,
    bytes_n: u64,
    named: Named,
    features_n: u64,
}

/// Walks the whole frame.
pub fn open(origin: Origin<'_>) -> Result<GeoJson<'_>, SourceError> {
    let bytes_n = origin.bytes_n()?;
    let mut walk = Walk::new(&origin)?;
    let mut features_n = 0;
    let frame = walk.frame(&mut |_, _| {
        features_n += 1;
        Ok(Go::On)
    })?;
    let kind = frame.kind.unwrap_or_default();
    if kind != "FeatureCollection" || !frame.has_features {
        let what = format!("the file is a GeoJSON {}", super::shown(&kind));
        return Err(SourceError::bad(origin.name(), what, "give a FeatureCollection"));
    }
    let named = match frame.crs {
        None => Named::Not,
        Some(value) if value.is_null() => Named::Not,
        Some(value) => match value.pointer("/properties/name").and_then(|name| name.as_str()) {
            Some(name) => crs::by_name(name).0,
            None => Named::Other(value.to_string().chars().take(120).collect()),
        },
    };
    Ok(GeoJson { origin, bytes_n, named, features_n })
}

impl Source for GeoJson<'_> {
    fn form(&self) -> Form {
        Form::GeoJson
    }

    fn named(&self) -> Named {
        self.named.clone()
    }

    fn features_n(&self) -> Option<u64> {
        Some(self.features_n)
    }

    fn each(&self, sink: &mut dyn FnMut(Raw, f64) -> Go) -> Result<(), SourceError> {
        let mut walk = Walk::new(&self.origin)?;
        let mut index = 0;
        let bytes_n = self.bytes_n.max(1) as f64;
        walk.frame(&mut |piece, read| {
            let raw = feature(index, piece)?;
            index += 1;
            Ok(sink(raw, read as f64 / bytes_n))
        })
        .map(|_| ())
    }
}

/// One feature's text and where it begins.
struct Piece<'p> {
    /// Empty where the feature was too large to keep.
    text: &'p [u8],
    line: usize,
    column: usize,
}

/// What stands around the features.
#[derive(Default)]
struct Frame {
    kind: Option<String>,
    crs: Option<serde_json::Value>,
    has_features: bool,
}

/// Walks over JSON by its brackets and strings.
struct Walk<'a> {
    input: Box<dyn BufRead + 'a>,
    origin: Origin<'a>,
    /// The line, from 1, the column, from 1, of the next byte, and how many bytes were read.
    line: usize,
    column: usize,
    read: u64,
}

impl<'a> Walk<'a> {
    fn new(origin: &Origin<'a>) -> Result<Self, SourceError> {
        let mut walk = Self { input: origin.stream()?, origin: origin.clone(), line: 1, column: 1, read: 0 };
        if walk.peek()? == Some(0xEF) {
            for expected in [0xEF, 0xBB, 0xBF] {
                if walk.next()? != Some(expected) {
                    return Err(walk.bad("this is not text in UTF-8"));
                }
            }
            walk.column = 1;
        }
        Ok(walk)
    }

    fn bad(&self, what: impl Into<String>) -> SourceError {
        SourceError::NotGeoJson { line: self.line, column: self.column, what: what.into() }
    }

    fn peek(&mut self) -> Result<Option<u8>, SourceError> {
        match self.input.fill_buf() {
            Ok(buf) => Ok(buf.first().copied()),
            Err(error) => Err(self.origin.failed(error)),
        }
    }

    fn next(&mut self) -> Result<Option<u8>, SourceError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.input.consume(1);
            self.count(byte);
        }
        Ok(byte)
    }

    fn count(&mut self, byte: u8) {
        self.read += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }

    fn blanks(&mut self) -> Result<Option<u8>, SourceError> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.next()?;
        }
        Ok(None)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), SourceError> {
        match self.blanks()? {
            Some(byte) if byte == wanted => self.next().map(|_| ()),
            Some(byte) => Err(self.bad(format!("expected '{}', found '{}'", wanted as char, byte.escape_ascii()))),
            None => Err(self.bad(format!("the file ends where '{}' was expected; it is cut short", wanted as char))),
        }
    }

    /// Walks over one value of any kind and keeps it in `into` (at most `keep_max` bytes; `false` when it was longer).
    fn value(&mut self, into: &mut Vec<u8>, keep_max: usize) -> Result<bool, SourceError> {
        into.clear();
        let mut whole = true;
        let (mut depth, mut in_string, mut escaped, mut begun) = (0_usize, false, false, false);
        self.blanks()?;
        loop {
            // A buffer at a time; the borrow ends before anything is counted.
            let Walk { input, origin, line, column, read, .. } = self;
            let buf = input.fill_buf().map_err(|error| origin.failed(error))?;
            if buf.is_empty() {
                // A bare number may end with the file; anything open may not.
                if begun && depth == 0 && !in_string {
                    return Ok(whole);
                }
                return Err(self.bad("the file ends in the middle; it is cut short"));
            }
            let mut taken = 0;
            let mut done = false;
            let mut too_deep = false;
            for &byte in buf {
                if in_string {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => {
                            in_string = false;
                            done = depth == 0;
                        }
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => in_string = true,
                        b'{' | b'[' => {
                            depth += 1;
                            too_deep = depth > DEPTH_MAX;
                        }
                        b'}' | b']' | b',' if depth == 0 => break,
                        b'}' | b']' => {
                            depth -= 1;
                            done = depth == 0;
                        }
                        byte if depth == 0 && begun && byte.is_ascii_whitespace() => break,
                        _ => {}
                    }
                }
                begun = true;
                taken += 1;
                *read += 1;
                if byte == b'\n' {
                    *line += 1;
                    *column = 1;
                } else {
                    *column += 1;
                }
                if done || too_deep {
                    break;
                }
            }
            if whole && into.len() + taken <= keep_max {
                into.extend_from_slice(&buf[..taken]);
            } else if taken > 0 {
                whole = false;
                into.clear();
            }
            let ended = done || taken < buf.len();
            input.consume(taken);
            if too_deep {
                return Err(self.bad(format!("brackets stand more than {DEPTH_MAX} deep")));
            }
            if ended {
                return if begun { Ok(whole) } else { Err(self.bad("a value is missing")) };
            }
        }
    }

    /// Walks the one object of the file; `each` gets the features' texts with the bytes read so far.
    fn frame(&mut self, each: &mut dyn FnMut(Piece<'_>, u64) -> Result<Go, SourceError>) -> Result<Frame, SourceError> {
        let mut frame = Frame::default();
        let mut kept = Vec::new();
        self.expect(b'{')?;
        let mut first = true;
        loop {
            match self.blanks()? {
                Some(b'}') => break,
                Some(b',') if !first => {
                    self.next()?;
                }
                _ if first => {}
                _ => self.expect(b'}')?,
            }
            first = false;
            self.blanks()?;
            let (line, column) = (self.line, self.column);
            self.value(&mut kept, CRS_BYTES_MAX)?;
            let key: String = parsed(&kept, line, column)?;
            self.expect(b':')?;
            if key == "features" && self.blanks()? == Some(b'[') {
                if frame.has_features {
                    return Err(self.bad("there are two \"features\""));
                }
                frame.has_features = true;
                if self.features(&mut kept, each)? == Go::Stop {
                    return Ok(frame);
                }
                continue;
            }
            self.blanks()?;
            let (line, column) = (self.line, self.column);
            let whole = self.value(&mut kept, CRS_BYTES_MAX)?;
            match key.as_str() {
                "type" => frame.kind = Some(parsed(&kept, line, column)?),
                "crs" if whole => frame.crs = Some(parsed(&kept, line, column)?),
                // What else stands there is none of our business, as long as it is JSON.
                _ if whole => drop(parsed::<IgnoredAny>(&kept, line, column)?),
                _ => {}
            }
        }
        self.expect(b'}')?;
        match self.blanks()? {
            None => Ok(frame),
            Some(_) => Err(self.bad("something stands after the end")),
        }
    }

    fn features(
        &mut self,
        kept: &mut Vec<u8>,
        each: &mut dyn FnMut(Piece<'_>, u64) -> Result<Go, SourceError>,
    ) -> Result<Go, SourceError> {
        self.expect(b'[')?;
        if self.blanks()? == Some(b']') {
            self.next()?;
            return Ok(Go::On);
        }
        loop {
            self.blanks()?;
            let (line, column) = (self.line, self.column);
            let whole = self.value(kept, FEATURE_BYTES_MAX)?;
            let text = if whole { kept.as_slice() } else { &[] };
            if each(Piece { text, line, column }, self.read)? == Go::Stop {
                return Ok(Go::Stop);
            }
            match self.blanks()? {
                Some(b',') => self.next().map(|_| ())?,
                _ => return self.expect(b']').map(|()| Go::On),
            }
        }
    }
}

fn parsed<'t, T: Deserialize<'t>>(text: &'t [u8], line: usize, column: usize) -> Result<T, SourceError> {
    serde_json::from_slice(text).map_err(|error| not_json(&error, line, column))
}

/// The place of a slip in the file, from its place in the piece. serde's own words end with the piece's place.
fn not_json(error: &serde_json::Error, line: usize, column: usize) -> SourceError {
    let column = if error.line() <= 1 { column + error.column().saturating_sub(1) } else { error.column() };
    let what = error.to_string();
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what).to_owned();
    SourceError::NotGeoJson { line: line + error.line().saturating_sub(1), column, what }
}

/// One feature; its coordinates stay text until its type is known, and an empty polygon among others is no riddle.
#[derive(Deserialize)]
struct RawFeature<'a> {
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(default)]
    properties: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(borrow, default)]
    geometry: Option<RawGeometry<'a>>,
}

#[derive(Deserialize)]
struct RawGeometry<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    coordinates: Option<&'a RawValue>,
}

/// The first two numbers of a position, not numbers where they are missing or null; a height is dropped.
#[derive(Clone, Copy)]
struct Place([f64; 2]);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Two;
        impl<'de> Visitor<'de> for Two {
            type Value = Place;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position, such as [-2.75,52.82]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Place, A::Error> {
                let mut next = || Ok(seq.next_element::<Option<f64>>()?.flatten().unwrap_or(f64::NAN));
                let place = Place([next()?, next()?]);
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(place)
            }
        }
        deserializer.deserialize_seq(Two)
    }
}

/// Parses a feature. What is not JSON ends the file; what is JSON but no feature is that feature's fault.
fn feature(index: usize, piece: Piece<'_>) -> Result<Raw, SourceError> {
    let bare = |shape| Raw { index, id: None, fields: Vec::new(), shape };
    if piece.text.is_empty() {
        let words = format!("more than {} MB of text", FEATURE_BYTES_MAX >> 20);
        return Ok(bare(Shape::Not(Class::TooManyCorners, Some(words))));
    }
    let read = serde_json::from_slice::<RawFeature<'_>>(piece.text)
        .and_then(|feature| Ok((geometry(feature.geometry.as_ref())?, feature)));
    let (shape, feature) = match read {
        Ok(read) => read,
        Err(error) => {
            // Where the piece as a whole is JSON, the slip is in what it says.
            if let Err(slip) = serde_json::from_slice::<IgnoredAny>(piece.text)
                && !slip.to_string().contains("number out of range")
            {
                return Err(not_json(&slip, piece.line, piece.column));
            }
            return Ok(bare(Shape::Not(Class::Unreadable, Some(error.to_string()))));
        }
    };
    let id = match &feature.id {
        Some(serde_json::Value::String(id)) => Some(id.clone()),
        Some(serde_json::Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    };
    let properties = feature.properties.unwrap_or_default();
    let fields = properties.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect();
    Ok(Raw { index, id, fields, shape: shape.checked() })
}

fn geometry(geometry: Option<&RawGeometry<'_>>) -> Result<Shape, serde_json::Error> {
    let Some(geometry) = geometry else { return Ok(Shape::Not(Class::NoGeometry, None)) };
    let text = geometry.coordinates.map_or("[]", RawValue::get);
    // A corner takes at least six letters, "[0,0],".
    if text.len() / 6 > FEATURE_CORNERS_MAX * 8 {
        return Ok(too_many(text.len() / 6));
    }
    let line = |line: Vec<Place>| -> Vec<[f64; 2]> { line.into_iter().map(|Place(at)| at).collect() };
    let polygon = |rings: Vec<Vec<Place>>| rings.into_iter().map(line).collect();
    Ok(match geometry.kind.as_ref() {
        "Polygon" => Shape::Areas(vec![polygon(serde_json::from_str(text)?)]),
        "MultiPolygon" => {
            Shape::Areas(serde_json::from_str::<Vec<Vec<Vec<Place>>>>(text)?.into_iter().map(polygon).collect())
        }
        "LineString" => Shape::Lines(vec![line(serde_json::from_str(text)?)]),
        "MultiLineString" => Shape::Lines(polygon(serde_json::from_str(text)?)),
        "Point" => Shape::Points(vec![serde_json::from_str::<Place>(text)?.0]),
        "MultiPoint" => Shape::Points(line(serde_json::from_str(text)?)),
        other => Shape::Not(Class::NotAnArea, Some(super::shown(other))),
    })
}
