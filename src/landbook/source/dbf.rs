//! The table beside a shapefile (dBASE): a row of fixed width for each shape.

use super::origin::Origin;
use super::{FEATURE_BYTES_MAX, SourceError};
use std::io::{BufRead, Read};

/// The most columns.
const COLUMNS_MAX: usize = 1_000;

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: u8,
    width: usize,
}

/// A table being read, row by row.
pub struct Rows<'a> {
    origin: Origin<'a>,
    input: Box<dyn BufRead + 'a>,
    columns: Vec<Column>,
    width: usize,
    left: u32,
    /// Single bytes above 127 are letters of Windows-1252; else the text is UTF-8.
    ansi: Option<bool>,
}

/// One row.
pub struct Row {
    /// Marked as deleted.
    pub deleted: bool,
    /// Fields that are not empty.
    pub fields: Vec<(String, String)>,
}

impl<'a> Rows<'a> {
    /// Reads the head. `code_page`: the text of the `.cpg`, where there is one.
    pub fn open(origin: &Origin<'a>, code_page: Option<&str>) -> Result<Self, SourceError> {
        const AGAIN: &str = "export the shapefile again";
        let bad = |what: &str| SourceError::bad(origin.name(), what, AGAIN);
        let mut input = origin.stream()?;
        let mut read = |n: usize| -> Result<Vec<u8>, SourceError> {
            let mut bytes = vec![0; n];
            input.read_exact(&mut bytes).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => bad("the table is cut short"),
                _ => origin.failed(error),
            })?;
            Ok(bytes)
        };
        let head = read(32)?;
        if !matches!(head[0] & 0x07, 2..=4) && head[0] != 0x30 {
            return Err(bad("this is not a dBASE table"));
        }
        let rows_n = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let head_n = usize::from(u16::from_le_bytes([head[8], head[9]]));
        let width = usize::from(u16::from_le_bytes([head[10], head[11]]));
        let rest = read(head_n.checked_sub(32).ok_or_else(|| bad("the table's head is cut short"))?)?;
        let mut columns = Vec::new();
        for one in rest.chunks(32).take_while(|one| one.len() == 32 && one[0] != 0x0D) {
            let name: Vec<u8> = one[..11].iter().copied().take_while(|byte| *byte != 0).collect();
            let column = Column {
                name: String::from_utf8_lossy(&name).trim().to_owned(),
                kind: one[11].to_ascii_uppercase(),
                // The second byte counts decimals of numbers, and belongs to the width of long texts.
                width: usize::from(one[16]) + if one[11] == b'C' { usize::from(one[17]) << 8 } else { 0 },
            };
            columns.push(column);
        }
        if columns.len() > COLUMNS_MAX {
            return Err(bad("the table has more than 1000 columns"));
        }
        if columns.iter().map(|column| column.width).sum::<usize>() + 1 > width.min(FEATURE_BYTES_MAX) {
            return Err(bad("the table's columns are wider than its rows"));
        }
        let ansi = match code_page.map(|name| name.trim().to_ascii_lowercase()) {
            Some(name) if name.contains("utf-8") || name.contains("utf8") || name == "65001" => Some(false),
            Some(name) if ["1252", "8859", "latin1", "ansi"].iter().any(|one| name.contains(one)) => Some(true),
            _ => match head[29] {
                0x03 | 0x57 | 0x58 | 0x59 => Some(true),
                _ => None,
            },
        };
        Ok(Self { origin: origin.clone(), input, columns, width, left: rows_n, ansi })
    }

    /// How many rows the head says are left.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// The next row; `None` after the last.
    pub fn next_row(&mut self) -> Result<Option<Row>, SourceError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bytes = vec![0; self.width];
        self.input.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                SourceError::bad(self.origin.name(), "the table is cut short", "export the shapefile again")
            }
            _ => self.origin.failed(error),
        })?;
        let deleted = bytes[0] == b'*';
        let mut fields = Vec::new();
        let mut at = 1;
        for column in &self.columns {
            let cell = &bytes[at..at + column.width];
            at += column.width;
            if let Some(text) = self.text(column, cell) {
                fields.push((column.name.clone(), text));
            }
        }
        Ok(Some(Row { deleted, fields }))
    }

    fn text(&self, column: &Column, cell: &[u8]) -> Option<String> {
        let text = match column.kind {
            b'I' => i32::from_le_bytes(cell.try_into().ok()?).to_string(),
            b'C' | b'N' | b'F' | b'L' => {
                let cell = cell.split(|byte| *byte == 0).next().unwrap_or_default();
                match (self.ansi, std::str::from_utf8(cell)) {
                    (Some(true), _) | (None, Err(_)) => windows_1252(cell),
                    (_, Ok(text)) => text.to_owned(),
                    (Some(false), Err(_)) => String::from_utf8_lossy(cell).into_owned(),
                }
            }
            b'D' => {
                let digits = std::str::from_utf8(cell).ok()?.trim();
                match digits.as_bytes() {
                    all if all.len() == 8 && all.iter().all(u8::is_ascii_digit) => {
                        format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..])
                    }
                    _ => digits.to_owned(),
                }
            }
            _ => return None,
        };
        let text = text.trim();
        // Numbers that are not there are stars.
        (!text.is_empty() && !text.bytes().all(|byte| byte == b'*')).then(|| text.to_owned())
    }
}

/// Text of Western European Windows; also what older British exports call ANSI or Latin 1.
pub(super) fn windows_1252(bytes: &[u8]) -> String {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9F => FROM_80[usize::from(byte - 0x80)],
            other => char::from(*other),
        })
        .collect()
}
