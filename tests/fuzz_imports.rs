//! Each reader of files against broken ones: small sound files are bent by chance, thousands of times. Whatever comes,
//! a reader answers or says what is wrong; it never panics, never runs away with the memory, never hangs.
//!
//! By itself each runs a fixed number of rounds from a fixed seed, the same at each run. `cargo xtask fuzz gml 10` runs one
//! for ten minutes from another seed each time, and prints it; a failure names the seed, the round, and the file with
//! the bytes.
#![allow(clippy::unwrap_used)]

#[path = "formats/mod.rs"]
mod formats;

use callout::landbook::gazetteer::{self, Kind, ReadOptions};
use callout::landbook::import::{ImportOptions, import};
use formats::Feature;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Rounds in an ordinary run.
const ROUNDS: u64 = 400;
/// One input may take so long, on a busy machine without optimisation.
const SLOW: Duration = Duration::from_secs(60);
/// The process may grow by so many kilobytes.
const GROWTH_KB_MAX: u64 = 700_000;

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        // SplitMix64, after Steele, Lea and Flood, 2014.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Bytes that parsers stumble over.
const ODD: [&[u8]; 26] = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\0\0\0\0\0\0\0\0",
    b"\0\0\0\0\0\0\xf8\x7f",
    b"\0\0\0\0\0\0\xf0\xff",
    b"\x01\0\0\0",
    b"\x81\x80\x80\x80\x80\x80\x80\x80\x80",
    b"-1",
    b"NaN",
    b"1e999",
    b"999999999999999999999",
    b"\"",
    b"[[[[",
    b"]]",
    b"{}",
    b",,",
    b"<a>",
    b"</gml:posList>",
    b"<gml:interior>",
    b"&#x110000;",
    b"<![CDATA[",
    b"<!--",
    b"\r\n",
    b"MULTIPOLYGON(((",
    b"\xc3\x28",
];

fn bend(sound: &[u8], others: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..1 + chance.below(4) {
        let n = bytes.len();
        if n == 0 {
            return bytes;
        }
        let at = chance.below(n);
        match chance.below(9) {
            0 => bytes[at] ^= 1 << chance.below(8),
            1 => bytes[at] = chance.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..(at + 1 + chance.below(40)).min(n))),
            4 => {
                let piece = bytes[at..(at + 1 + chance.below(200)).min(n)].to_vec();
                let to = chance.below(n);
                bytes.splice(to..to, piece);
            }
            5 => {
                let odd = ODD[chance.below(ODD.len())];
                bytes.splice(at..at, odd.iter().copied());
            }
            6 | 7 => {
                let odd = ODD[chance.below(ODD.len())];
                for (offset, byte) in odd.iter().enumerate() {
                    if let Some(there) = bytes.get_mut(at + offset) {
                        *there = *byte;
                    }
                }
            }
            _ => {
                let other = &others[chance.below(others.len())];
                let from = chance.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

/// The most memory that the process has had, in kilobytes; 0 where the system does not say.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Bends each of `sound` and has `read` at it; `pack` is done to the bent bytes first.
fn fuzz(name: &str, sound: &[Vec<u8>], pack: &dyn Fn(Vec<u8>) -> Vec<u8>, read: &dyn Fn(&[u8]) -> Result<(), String>) {
    let seconds = std::env::var("CALLOUT_FUZZ_SECONDS").ok().and_then(|text| text.parse::<u64>().ok());
    let seed = match (std::env::var("CALLOUT_FUZZ_SEED").ok().and_then(|text| text.parse().ok()), seconds) {
        (Some(seed), _) => seed,
        (None, Some(_)) => u64::from(std::process::id()).wrapping_mul(1_000_003),
        (None, None) => 1,
    };
    let mut chance = Chance(seed);
    let (began, before_kb) = (Instant::now(), peak_kb());
    let (mut round, mut taken) = (0_u64, 0_u64);
    // The sound ones are read, or nothing is tested.
    for one in sound {
        read(&pack(one.clone())).unwrap_or_else(|error| panic!("{name}: a sound file is refused: {error}"));
    }
    while seconds.map_or(round < ROUNDS, |seconds| began.elapsed() < Duration::from_secs(seconds)) {
        let one = chance.below(sound.len());
        let bytes = pack(bend(&sound[one], sound, &mut chance));
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        let told = || {
            let path = std::env::temp_dir().join(format!("callout-fuzz-{name}-{seed}-{round}"));
            std::fs::write(&path, &bytes).unwrap();
            format!("{name}, seed {seed}, round {round}, bytes in {}", path.display())
        };
        match outcome {
            Ok(Ok(())) => taken += 1,
            Ok(Err(words)) => assert!(words.len() > 10 && words.len() < 100_000, "{}: says {words:?}", told()),
            Err(_) => panic!("panicked: {}", told()),
        }
        assert!(started.elapsed() < SLOW, "took {:?}: {}", started.elapsed(), told());
        if round % 64 == 0 {
            let grown = peak_kb().saturating_sub(before_kb);
            assert!(grown < GROWTH_KB_MAX, "grew by {grown} kB: {}", told());
        }
        round += 1;
    }
    println!("{name}: {round} rounds from seed {seed}, {taken} still taken, {:?}", began.elapsed());
}

fn sample() -> Vec<Feature> {
    let square = |x: f64, side: f64| {
        vec![[x, 325e3], [x, 325e3 + side], [x + side, 325e3 + side], [x + side, 325e3], [x, 325e3]]
    };
    vec![
        ("A1".to_owned(), vec![vec![square(349e3, 20.0), square(349e3 + 5.0, 5.0).into_iter().rev().collect()]]),
        ("B2".to_owned(), vec![vec![square(349_030.0, 20.0)], vec![square(349_060.0, 20.0)]]),
        (
            "C3".to_owned(),
            vec![vec![vec![
                [349e3, 326e3],
                [349_010.5, 326_010.25],
                [349_010.0, 326e3],
                [349e3, 326_010.0],
                [349e3, 326e3],
            ]]],
        ),
    ]
}

fn layer(bytes: &[u8]) -> Result<(), String> {
    let word = |word: &str| word.to_owned();
    let options = ImportOptions {
        id: word("x"),
        name: word("X"),
        kind: word("park"),
        buffer_m: Some(3.0),
        ..ImportOptions::default()
    };
    import(bytes, "fuzz", &options, None, &mut |_, _| {}).map(|_| ()).map_err(|error| error.to_string())
}

const SRS: &str = "urn:ogc:def:crs:EPSG::27700";

#[test]
fn geojson() {
    let lines =
        br#"{"type":"FeatureCollection","features":[{"type":"Feature","id":7,"properties":{"a":"b","n":1.5},"geometry":
        {"type":"MultiLineString","coordinates":[[[-2.75,52.82],[-2.74,52.82]],[[-2.75,52.83],[-2.74,52.83]]]}},
        {"type":"Feature","properties":null,"geometry":{"type":"Point","coordinates":[-2.75,52.82,5]}}],"crs":null}"#;
    fuzz("geojson", &[formats::geojson(&sample()), lines.to_vec()], &|bytes| bytes, &layer);
}

#[test]
fn gml() {
    let old = br#"<?xml version="1.0"?><gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml"><gml:featureMember><x fid="1">
        <name>a</name><gml:Polygon srsName="EPSG:27700"><gml:outerBoundaryIs><gml:LinearRing><gml:coordinates>349000,325000
        349010,325000 349010,325010 349000,325000</gml:coordinates></gml:LinearRing></gml:outerBoundaryIs></gml:Polygon>
        </x></gml:featureMember></gml:FeatureCollection>"#;
    fuzz("gml", &[formats::gml(&sample(), SRS), old.to_vec()], &|bytes| bytes, &layer);
}

#[test]
fn shapefile() {
    let table = formats::dbf(&[("REF", 20), ("NAME", 8)], &vec![vec!["A1".to_owned(), "x".to_owned()]; 3]);
    let shapes = [formats::shp(&sample(), 5), formats::shp(&sample(), 3)];
    let whole = |shapes: &[u8], table: &[u8]| {
        formats::zip(&[("a.shp", shapes), ("a.dbf", table), ("a.prj", formats::BNG_WKT.as_bytes())])
    };
    fuzz("shp", &shapes, &|bent| whole(&bent, &table), &layer);
    fuzz("dbf", std::slice::from_ref(&table), &|bent| whole(&shapes[0], &bent), &layer);
}

#[test]
fn geopackage() {
    let many: Vec<Feature> = (0..30).map(|at| (format!("F{at}"), sample()[at % 3].1.clone())).collect();
    // One feature whose bytes flow over several pages.
    let ring: Vec<[f64; 2]> = (0..=200)
        .map(|step| f64::from(step % 200) * std::f64::consts::TAU / 200.0)
        .map(|turn| [349e3 + 50.0 * turn.cos(), 325e3 + 50.0 * turn.sin()])
        .collect();
    let large = vec![("big".to_owned(), vec![vec![ring]])];
    fuzz(
        "geopackage",
        &[formats::geopackage(&many, 27700), formats::geopackage(&large, 27700)],
        &|bytes| bytes,
        &layer,
    );
}

#[test]
fn table() {
    let wkt = b"ref,wkt,name\n1,\"POLYGON((349000 325000,349010 325000,349010 325010,349000 325000))\",a\n\
                2,\"MULTIPOINT((349000 325000),(349020 325000))\",\"b \"\"c\"\"\"\n3,\"SRID=27700;LINESTRING(349000 325000,349010 325000)\",\n";
    let points = b"id;easting;northing\n1;349000;325000\n2;349010.5;325000\n";
    fuzz("table", &[points.to_vec()], &|bytes| bytes, &layer);
    let plain = String::from_utf8(wkt.to_vec()).unwrap().replace("SRID=27700;", "");
    fuzz("wkt", &[plain.into_bytes()], &|bytes| bytes, &layer);
}

#[test]
fn archive() {
    let files = formats::zip(&[("plots.geojson", &formats::geojson(&sample())), ("readme.txt", b"hello")]);
    let shapes = formats::shapefile(&sample(), 5, formats::BNG_WKT);
    fuzz("archive", &[files, shapes], &|bytes| bytes, &layer);
}

#[test]
fn gazetteers() {
    let read = |kind: Kind| {
        move |bytes: &[u8]| {
            let word = |word: &str| word.to_owned();
            let options = ReadOptions {
                kind,
                name: word("x"),
                date: word("2026-04-01"),
                licence: word("x"),
                within: None,
                part: None,
                field: None,
                town_field: None,
                crs: None,
            };
            gazetteer::read_bytes(bytes, "fuzz", &options).map(|_| ()).map_err(|error| error.to_string())
        }
    };
    let same: &dyn Fn(Vec<u8>) -> Vec<u8> = &|bytes| bytes;
    let codes =
        b"\"WX1 4AA\",10,349000,325000,\"E\"\n\"WX1 4AB\",10,349200,325000,\"E\"\n\"WX2 4QD\",60,349100,324000,\"E\"\n";
    fuzz("code-point", &[codes.to_vec()], same, &read(Kind::Postcode));
    let ons = b"pcd,pcds,doterm,oseast1m,osnrth1m,osgrdind\nWX14AA,WX1 4AA,,349000,325000,1\nWX14AB,WX1 4AB,199912,349200,325000,1\n";
    fuzz("ons", &[ons.to_vec()], same, &read(Kind::Postcode));
    let uprn = b"UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\n1,349010.5,325010.00,52.8,-2.7\n2,349011.5,325011.00,52.8,-2.7\n";
    fuzz("uprn", &[uprn.to_vec()], same, &read(Kind::Uprn));
    let lines = br#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"usrn":20500001,"name":"Mill Street"},
        "geometry":{"type":"MultiLineString","coordinates":[[[349000,325000],[349100,325000]],[[349100,325000],[349100,325100]]]}},
        {"type":"Feature","properties":{"usrn":20500001,"name":"Mill Street"},
        "geometry":{"type":"LineString","coordinates":[[349000,325000],[348900,325000]]}}]}"#;
    fuzz("usrn", &[lines.to_vec()], same, &read(Kind::Usrn));
    fuzz("street", &[lines.to_vec()], same, &read(Kind::Street));
}
