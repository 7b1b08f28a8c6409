//! Files as they come: tables and lines, gzipped or not, with bad rows among good ones.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::ownership::OwnerAnswer;
use crate::domain::place::{GridPoint, LatLon, Located};
use crate::incoming::Sending;
use crate::keys::InstallationKey;
use crate::land::Land;

struct NoLand;

impl Land for NoLand {
    fn to_grid(&self, _: LatLon) -> Option<GridPoint> {
        None
    }
    fn to_lat_lon(&self, _: GridPoint) -> Option<LatLon> {
        None
    }
    fn owner(&self, _: Located) -> OwnerAnswer {
        unreachable!("no place is known here")
    }
}

fn rows(bytes: &[u8], mapping: &str) -> (Layout, Vec<Row>) {
    let (file, layout) = open(std::io::Cursor::new(bytes.to_vec())).unwrap();
    let mut rows = Rows::begin(file, layout, Mapping::parse(mapping).unwrap()).unwrap();
    let reading = Reading {
        now: "2026-11-22T02:00:00Z".parse().unwrap(),
        land: &NoLand,
        classify: &|_| Vec::new(),
        keys: &InstallationKey::in_memory(1),
        sending: &Sending { sender: "import", idempotency_key: None, history: true, lines: false },
    };
    let mut all = Vec::new();
    while let Some(row) = rows.next(&reading).unwrap() {
        all.push(row);
    }
    (layout, all)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

const TABLE: &str = "\u{feff}channel,received_at,text\nphone,2026-11-21T10:00:00Z,\"two\nlines, and a comma\"\nphone,2026-11-21T10:00:00Z\ncarrier,2026-11-21T10:00:00Z,x\nphone,2026-11-21T10:00:00Z,same\nphone,2026-11-21T10:00:00Z,same\n";

#[test]
fn a_table_gives_its_rows_with_their_lines_gzipped_or_not() {
    for bytes in [TABLE.as_bytes().to_vec(), gzip(TABLE.as_bytes())] {
        let (layout, rows) = rows(&bytes, "source = \"crm\"");
        assert_eq!(layout, Layout::Csv);
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 5, 6, 7]);
        let first = &rows[0].contact.as_ref().unwrap().0;
        assert_eq!((first["text"].as_str(), first["source"].as_str()), (Some("two\nlines, and a comma"), Some("crm")));
        assert!(rows[1].contact.as_ref().unwrap_err()[0].contains("2 cells and the head 3"));
        assert!(rows[2].contact.as_ref().unwrap_err()[0].starts_with("channel: there is no channel \"carrier\""));
    }
}

#[test]
fn equal_rows_are_two_contacts_and_known_again_at_the_next_import() {
    let ids = || -> Vec<String> {
        let (_, rows) = rows(TABLE.as_bytes(), "");
        rows.iter().filter_map(|row| Some(row.contact.as_ref().ok()?.0["source_id"].as_str()?.to_owned())).collect()
    };
    let first = ids();
    assert_eq!(first.len(), 3);
    assert_ne!(first[1], first[2]);
    assert!(first[1].ends_with("-1") && first[2].ends_with("-2"));
    assert_eq!(ids(), first);
}

#[test]
fn lines_of_json_keep_their_own_numbers_and_bad_ones_are_told() {
    let text = "{\"channel\":\"sms\",\"source_id\":\"7\"}\n\n{\"chanel\":\"sms\"}\nnot json\n[1]\n{\"channel\":\"sms\",\"lat\":0,\"lon\":0}";
    let (layout, rows) = rows(text.as_bytes(), "");
    assert_eq!(layout, Layout::Ndjson);
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
    assert_eq!(rows[0].contact.as_ref().unwrap().0["source_id"], "7");
    assert_eq!(rows[1].contact.as_ref().unwrap_err().len(), 2, "both faults: {:?}", rows[1].contact);
    assert!(rows[2].contact.as_ref().unwrap_err()[0].starts_with("not JSON"));
    assert!(rows[3].contact.as_ref().unwrap_err()[0].contains("no object"));
    assert_eq!(rows[4].contact.as_ref().unwrap().1.len(), 1, "0,0 is a doubt, and taken");
}

#[test]
fn a_line_that_never_ends_is_refused_without_being_kept() {
    let text = format!("{{\"channel\":\"sms\"}}\n{}\n{{\"channel\":\"sms\"}}\n", "x".repeat(LINE_BYTES_MAX + 10));
    let (_, rows) = rows(text.as_bytes(), "");
    assert_eq!(rows.len(), 3);
    assert!(rows[1].contact.as_ref().unwrap_err()[0].contains("longer than 256 KiB"));
    assert_eq!(rows[2].line, 3);
}

#[test]
fn a_row_that_is_not_utf_8_is_refused_and_the_next_is_read() {
    let (_, rows) = rows(b"channel,text\nsms,\xff\nsms,ok\n", "");
    assert!(rows[0].contact.as_ref().unwrap_err()[0].contains("UTF-8"));
    assert!(rows[1].contact.is_ok());
}

#[test]
fn a_gzip_that_breaks_off_is_an_error_that_says_where() {
    let mut bytes = gzip(TABLE.repeat(50).as_bytes());
    bytes.truncate(bytes.len() / 2);
    let (file, layout) = match open(std::io::Cursor::new(bytes)) {
        Ok(opened) => opened,
        // Broken before the first bytes came out is told at once.
        Err(_) => return,
    };
    let mut rows = Rows::begin(file, layout, Mapping::default()).unwrap();
    let reading = Reading {
        now: "2026-11-22T02:00:00Z".parse().unwrap(),
        land: &NoLand,
        classify: &|_| Vec::new(),
        keys: &InstallationKey::in_memory(1),
        sending: &Sending { sender: "import", idempotency_key: None, history: true, lines: false },
    };
    loop {
        match rows.next(&reading) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the end came without a word"),
            Err(error) => {
                assert!(error.to_string().contains("broke off"), "{error}");
                break;
            }
        }
    }
}
