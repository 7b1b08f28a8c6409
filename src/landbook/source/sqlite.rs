//! Just enough of SQLite's file format to read a table from end to end, after its published description: pages, table
//! trees, records and their overflow. It never writes, and it follows nothing that it has not checked.
//!
//! Refused rather than read half: a file whose newest changes stand in a second file (write-ahead log, rollback
//! journal), text in UTF-16, tables without row ids. Not here: indexes, SQL.
//!
//! Bounds: a tree may not be deeper than [`TREE_DEPTH_MAX`], no page is visited twice, and a record is no larger than
//! [`super::FEATURE_BYTES_MAX`].

use super::origin::{Origin, ReadSeek};
use super::{FEATURE_BYTES_MAX, Go, SourceError};
use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

/// The first bytes of every database.
pub const MAGIC: &[u8] = b"SQLite format 3\0";
/// How deep a tree may be; with the smallest pages a deeper one would not fit any disk.
const TREE_DEPTH_MAX: usize = 24;
/// The most tables, indexes and the like.
const SCHEMA_MAX: usize = 10_000;
/// The most columns of a table.
const COLUMNS_MAX: usize = 2_000;

/// A value of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Whole(i64),
    /// Another number.
    Real(f64),
    /// Text; letters that are not UTF-8 are replaced.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// As text; nothing for nothing and for bytes.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null | Self::Blob(_) => None,
            Self::Whole(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        }
    }

    /// As a whole number.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            _ => None,
        }
    }
}

/// A table: where it begins and how its columns are called.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// The column that stands for the row's number, where there is one.
    row_id: Option<usize>,
    root: u32,
}

/// A database that can be read.
#[derive(Debug, Clone)]
pub struct Database<'a> {
    origin: Origin<'a>,
    page_size: usize,
    usable: usize,
    pages_n: u32,
    tables: Vec<Table>,
}

/// The file while it is read.
struct Pages<'d, 'a> {
    database: &'d Database<'a>,
    file: Box<dyn ReadSeek + 'a>,
    seen: BTreeSet<u32>,
}

impl<'a> Database<'a> {
    /// Checks the head and reads the schema.
    pub fn open(origin: &Origin<'a>) -> Result<Self, SourceError> {
        const PLAIN: &str = "make a plain copy and give that: ogr2ogr -f GPKG plain.gpkg FILE, or sqlite3 FILE \"VACUUM INTO 'plain.gpkg'\"";
        let origin = origin.unpacked()?;
        let bad = |what: &str| SourceError::bad(origin.name(), what, PLAIN);
        let bytes_n = origin.bytes_n()?;
        let mut head = Vec::new();
        origin.stream()?.take(100).read_to_end(&mut head).map_err(|error| origin.failed(error))?;
        if head.len() < 100 || !head.starts_with(MAGIC) {
            return Err(bad("this is not an SQLite database, or it is cut short"));
        }
        let page_size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = page_size.saturating_sub(usize::from(head[20]));
        if !page_size.is_power_of_two() || page_size < 512 || usable < 480 || head[21..24] != [64, 32, 32] {
            return Err(bad("its head is damaged"));
        }
        if head[18] != 1 || head[19] != 1 {
            return Err(bad("it is in write-ahead mode: its newest changes may stand in a second file (-wal)"));
        }
        if let Some(path) = origin.path() {
            for end in ["-wal", "-journal"] {
                let mut beside = path.as_os_str().to_owned();
                beside.push(end);
                if std::fs::metadata(&beside).is_ok_and(|data| data.len() > 0) {
                    let what = format!(
                        "changes to it stand in a second file ({end}): another program is writing it, or was stopped"
                    );
                    return Err(bad(&what));
                }
            }
        }
        let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if !matches!(number(56), 0 | 1) {
            return Err(bad("its text is in UTF-16"));
        }
        let there = bytes_n / page_size as u64;
        let pages_n = match number(28) {
            // Old writers leave the count out, or leave it behind.
            n if n > 0 && number(24) == number(92) => {
                if u64::from(n) > there {
                    return Err(bad(&format!("it is cut short: {n} pages are declared, {there} are there")));
                }
                n
            }
            _ => u32::try_from(there).map_err(|_| bad("it has too many pages"))?,
        };
        let mut database = Self { origin: origin.clone(), page_size, usable, pages_n, tables: Vec::new() };
        let schema = Table { name: "the schema".to_owned(), columns: vec![String::new(); 5], row_id: None, root: 1 };
        let mut tables = Vec::new();
        let mut rows_n = 0;
        database.rows(&schema, &mut |_, row, _| {
            rows_n += 1;
            if let [Value::Text(kind), Value::Text(name), _, Value::Whole(root), Value::Text(sql)] = &row[..]
                && kind == "table"
                && let Ok(root) = u32::try_from(*root)
                && let Some((columns, row_id)) = columns(sql)
            {
                tables.push(Table { name: name.clone(), columns, row_id, root });
            }
            if rows_n < SCHEMA_MAX { Go::On } else { Go::Stop }
        })?;
        database.tables = tables;
        Ok(database)
    }

    /// A table by its name, in any case.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// The names of all tables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// For messages.
    pub fn name(&self) -> String {
        self.origin.name()
    }

    /// Gives each row with its number and the part of the file visited so far. Values that a row has no room for are
    /// [`Value::Null`].
    pub fn rows(&self, table: &Table, sink: &mut dyn FnMut(i64, Vec<Value>, f64) -> Go) -> Result<(), SourceError> {
        let mut pages = Pages { database: self, file: self.origin.seekable()?, seen: BTreeSet::new() };
        pages.tree(table, table.root, 0, sink).map(|_| ())
    }

    fn damaged(&self, what: impl std::fmt::Display) -> SourceError {
        const MEND: &str = "export it again (ogr2ogr -f GPKG plain.gpkg FILE)";
        SourceError::bad(self.origin.name(), format!("the database is damaged: {what}"), MEND)
    }
}

impl Table {
    /// The place of a column, in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

impl Pages<'_, '_> {
    fn page(&mut self, number: u32) -> Result<Vec<u8>, SourceError> {
        let database = self.database;
        if number == 0 || number > database.pages_n {
            return Err(database.damaged(format_args!("page {number} is not there")));
        }
        if !self.seen.insert(number) {
            return Err(database.damaged(format_args!("page {number} is used twice")));
        }
        let mut page = vec![0; database.page_size];
        let start = u64::from(number - 1) * database.page_size as u64;
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.file.read_exact(&mut page))
            .map_err(|error| database.origin.failed(error))?;
        Ok(page)
    }

    /// Walks a table's tree in order.
    fn tree(
        &mut self,
        table: &Table,
        number: u32,
        depth: usize,
        sink: &mut dyn FnMut(i64, Vec<Value>, f64) -> Go,
    ) -> Result<Go, SourceError> {
        let database = self.database;
        if depth > TREE_DEPTH_MAX {
            return Err(database.damaged(format_args!("the tree of {} is too deep", super::shown(&table.name))));
        }
        let page = self.page(number)?;
        let short = || database.damaged(format_args!("page {number} does not hold together"));
        // The first page begins with the file's head.
        let head = if number == 1 { 100 } else { 0 };
        let inner = match page[head] {
            0x0D => false,
            0x05 => true,
            kind => return Err(database.damaged(format_args!("page {number} is of kind {kind}, not of a table"))),
        };
        let cells_n = usize::from(u16::from_be_bytes([page[head + 3], page[head + 4]]));
        let pointers = head + if inner { 12 } else { 8 };
        for cell in 0..cells_n {
            let at = pointers + 2 * cell;
            let at = usize::from(u16::from_be_bytes(two(&page, at).ok_or_else(short)?));
            let bytes = page.get(at..database.usable).ok_or_else(short)?;
            if inner {
                let child = u32::from_be_bytes(bytes.first_chunk().copied().ok_or_else(short)?);
                if self.tree(table, child, depth + 1, sink)? == Go::Stop {
                    return Ok(Go::Stop);
                }
                continue;
            }
            let (payload_n, bytes) = varint(bytes).ok_or_else(short)?;
            let (row, bytes) = varint(bytes).ok_or_else(short)?;
            let payload = self.payload(payload_n, bytes, row)?;
            let values = record(&payload, table.columns.len())
                .ok_or_else(|| database.damaged(format_args!("row {row} of {}", super::shown(&table.name))))?;
            let values = self.with_row_id(table, row, values);
            let part = self.seen.len() as f64 / f64::from(database.pages_n.max(1));
            if sink(row, values, part) == Go::Stop {
                return Ok(Go::Stop);
            }
        }
        if inner {
            let last = page[head + 8..].first_chunk().copied().ok_or_else(short)?;
            return self.tree(table, u32::from_be_bytes(last), depth + 1, sink);
        }
        Ok(Go::On)
    }

    fn with_row_id(&self, table: &Table, row: i64, mut values: Vec<Value>) -> Vec<Value> {
        if let Some(value) = table.row_id.and_then(|at| values.get_mut(at))
            && *value == Value::Null
        {
            *value = Value::Whole(row);
        }
        values
    }

    /// A record's bytes: what stands in the cell, and what flows over into pages of its own.
    fn payload(&mut self, n: i64, local: &[u8], row: i64) -> Result<Vec<u8>, SourceError> {
        let database = self.database;
        let damaged = || database.damaged(format_args!("row {row}"));
        let n = usize::try_from(n).map_err(|_| damaged())?;
        if n > FEATURE_BYTES_MAX {
            let what = format!("row {row} has {} MB", n >> 20);
            return Err(SourceError::bad(database.name(), what, "cut the feature into parts"));
        }
        // How much of a record stays in its page: the format's own arithmetic.
        let usable = database.usable;
        let most = usable - 35;
        let here = if n <= most {
            n
        } else {
            let least = (usable - 12) * 32 / 255 - 23;
            let fits = least + (n - least) % (usable - 4);
            if fits <= most { fits } else { least }
        };
        let mut bytes = local.get(..here).ok_or_else(damaged)?.to_vec();
        if here == n {
            return Ok(bytes);
        }
        let mut next = u32::from_be_bytes(local[here..].first_chunk().copied().ok_or_else(damaged)?);
        while bytes.len() < n {
            let page = self.page(next)?;
            next = u32::from_be_bytes(page.first_chunk().copied().ok_or_else(damaged)?);
            let some = (n - bytes.len()).min(usable - 4);
            bytes.extend_from_slice(&page[4..4 + some]);
        }
        Ok(bytes)
    }
}

fn two(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at + 2)?.try_into().ok()
}

/// A number of 1 to 9 bytes, seven bits in each but the ninth, which gives eight.
fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value = 0_u64;
    for at in 0..9 {
        let byte = *bytes.get(at)?;
        if at == 8 {
            return Some(((value << 8 | u64::from(byte)) as i64, &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Some((value as i64, &bytes[at + 1..]));
        }
    }
    None
}

/// The values of a record, as many as the table has columns.
fn record(bytes: &[u8], columns_n: usize) -> Option<Vec<Value>> {
    let (head_n, rest) = varint(bytes)?;
    let head_n = usize::try_from(head_n).ok()?;
    let used = bytes.len() - rest.len();
    let mut head = bytes.get(used..head_n)?;
    let mut body = &bytes[head_n..];
    let mut values = Vec::with_capacity(columns_n);
    while !head.is_empty() && values.len() < columns_n {
        let (kind, rest) = varint(head)?;
        head = rest;
        let n = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            12.. => usize::try_from((kind - 12) / 2).ok()?,
            _ => return None,
        };
        let (bytes, rest) = body.split_at_checked(n)?;
        body = rest;
        values.push(match kind {
            0 => Value::Null,
            1..=6 => {
                let sign = if bytes[0] & 0x80 == 0 { 0_i64 } else { -1 };
                Value::Whole(bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
            }
            7 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
            8 => Value::Whole(0),
            9 => Value::Whole(1),
            kind if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            _ => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        });
    }
    values.resize(columns_n, Value::Null);
    Some(values)
}

/// The columns that a `CREATE TABLE` names, and which of them stands for the row's number. `None` where it cannot be
/// read, or where the table has no row numbers.
fn columns(sql: &str) -> Option<(Vec<String>, Option<usize>)> {
    let words = words(sql)?;
    let open = words.iter().position(|word| word == "(")?;
    let mut depth = 0_usize;
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    let mut after = Vec::new();
    for word in &words[open..] {
        match word.as_str() {
            "(" => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ")" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    continue;
                }
            }
            "," if depth == 1 => {
                parts.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            after.push(word.to_ascii_uppercase());
        } else {
            parts.last_mut()?.push(word);
        }
    }
    if depth != 0 || after.windows(2).any(|pair| pair == ["WITHOUT", "ROWID"]) {
        return None;
    }
    let mut columns = Vec::new();
    let mut row_id = None;
    for part in parts {
        let Some((name, rest)) = part.split_first() else { continue };
        let upper: Vec<String> = rest.iter().map(|word| word.to_ascii_uppercase()).collect();
        // A quoted name begins with its mark here, so that "check" is a column and CHECK is none.
        let bare = name.to_ascii_uppercase();
        if ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].contains(&bare.as_str()) {
            // `PRIMARY KEY (fid)` on a column of type INTEGER stands for the row's number too.
            if bare == "PRIMARY"
                && let ["KEY", "(", key, ")", ..] = &upper.iter().map(String::as_str).collect::<Vec<_>>()[..]
            {
                let of = |column: &(String, bool)| column.1 && unquoted(&column.0).eq_ignore_ascii_case(unquoted(key));
                row_id = row_id.or_else(|| columns.iter().position(of));
            }
            continue;
        }
        let whole = upper.first().is_some_and(|kind| kind == "INTEGER");
        if whole && upper.windows(2).any(|pair| pair == ["PRIMARY", "KEY"]) {
            row_id = Some(columns.len());
        }
        columns.push(((*name).to_owned(), whole));
        if columns.len() > COLUMNS_MAX {
            return None;
        }
    }
    let names = columns.into_iter().map(|(name, _)| unquoted(&name).to_owned()).collect();
    Some((names, row_id))
}

/// Names keep the mark `"` in front until here.
fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').unwrap_or(name)
}

/// The words of SQL; a quoted name is one word with a `"` in front, whatever quoted it. Comments are left out.
fn words(sql: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let close = match c {
            '"' | '`' | '\'' => Some(c),
            '[' => Some(']'),
            _ => None,
        };
        if let Some(close) = close {
            let mut word = String::from('"');
            let mut chars = rest[1..].char_indices().peekable();
            let end = loop {
                let (at, c) = chars.next()?;
                if c != close {
                    word.push(c);
                } else if close != ']' && chars.peek().is_some_and(|(_, next)| *next == close) {
                    word.push(c);
                    chars.next();
                } else {
                    break at + 1 + c.len_utf8();
                }
            };
            words.push(word);
            rest = &rest[end..];
        } else if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.find('\n').map_or("", |at| &comment[at..]);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.find("*/").map_or("", |at| &comment[at + 2..]);
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else {
            if !c.is_whitespace() {
                words.push(c.to_string());
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn columns_are_read_off_the_sql_that_real_programs_write() {
        let check = |sql: &str, expected: &str| {
            let (names, row_id) = columns(sql).unwrap();
            assert_eq!(format!("{} {row_id:?}", names.join("|")), expected, "{sql}");
        };
        check(
            "CREATE TABLE \"roads\" ( \"fid\" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, \"geom\" MULTILINESTRING, \
             \"usrn\" MEDIUMINT, \"a name\" TEXT(20) DEFAULT 'x, y')",
            "fid|geom|usrn|a name Some(0)",
        );
        check("create table t(a, b integer, c, primary key(b))", "a|b|c Some(1)");
        check(
            "CREATE TABLE [t] ([check] TEXT, `x``y` REAL, -- one, two\n z INT CHECK (z > 0), CHECK (z<9))",
            "check|x`y|z None",
        );
        check("CREATE TABLE t (a TEXT PRIMARY KEY, b NUMERIC(10,2), CONSTRAINT k UNIQUE (a, b))", "a|b None");
        assert!(columns("CREATE TABLE t (a INTEGER PRIMARY KEY) WITHOUT ROWID").is_none());
        assert!(columns("CREATE TABLE t (a 'unclosed").is_none());
        assert!(columns("CREATE VIRTUAL TABLE t").is_none());
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        assert_eq!(varint(&[0x7F]), Some((127, &[][..])));
        assert_eq!(varint(&[0x81, 0x00, 5]), Some((128, &[5][..])));
        assert_eq!(varint(&[0xFF; 9]), Some((-1, &[][..])));
        assert_eq!(varint(&[0x80, 0x80]), None);
        assert_eq!(
            record(&[3, 1, 2, 0xFE, 0xFF, 0x00], 3).unwrap(),
            [Value::Whole(-2), Value::Whole(-256), Value::Null]
        );
        assert_eq!(record(&[9, 1], 2), None);
    }
}
