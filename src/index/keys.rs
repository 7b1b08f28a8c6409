//! The keys of the index: bytes whose order is the order wanted. Ids and instants as they are, words as digests.

use crate::domain::id::ContactId;
use crate::domain::place::GridPoint;
use crate::domain::time::Timestamp;
use sha2::{Digest, Sha256};

/// Side of a cell of the grid, in millimetres: 1 km.
pub const CELL_MM: i32 = 1_000_000;

/// An instant, so that earlier ones sort first, also those before 1970.
pub fn instant(at: Timestamp) -> [u8; 8] {
    ((at.as_millisecond() as u64) ^ (1 << 63)).to_be_bytes()
}

/// The instant that [`instant`] wrote.
pub fn instant_back(bytes: [u8; 8]) -> Timestamp {
    let ms = (u64::from_be_bytes(bytes) ^ (1 << 63)) as i64;
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A name as 16 bytes that do not give it away.
pub fn digest(name: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    short
}

/// The key under which a sender's reference stands: its 32 hex digits as 16 bytes; `None` if it is none.
pub fn reference(key: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(key, 16).ok().map(u128::to_be_bytes)
}

/// A contact in the order of time, after `prefix`.
pub fn contact(prefix: &[u8], at: Timestamp, id: ContactId) -> Vec<u8> {
    [prefix, &instant(at), &id.0.to_be_bytes()].concat()
}

/// The column or row of a coordinate.
pub fn cell(mm: i32) -> i32 {
    mm.div_euclid(CELL_MM)
}

/// A cell, so that it can begin a key.
pub fn cell_prefix(column: i32, row: i32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&((column as u32) ^ (1 << 31)).to_be_bytes());
    bytes[4..].copy_from_slice(&((row as u32) ^ (1 << 31)).to_be_bytes());
    bytes
}

/// A place as a value: it is kept to 10 m in the log already.
pub fn place(point: GridPoint) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&point.easting_mm.to_be_bytes());
    bytes[4..].copy_from_slice(&point.northing_mm.to_be_bytes());
    bytes
}

/// The place that [`place`] wrote; `None` for anything else.
pub fn place_back(bytes: &[u8]) -> Option<GridPoint> {
    let (easting, northing) = (bytes.get(..4)?, bytes.get(4..8)?);
    Some(GridPoint {
        easting_mm: i32::from_be_bytes(easting.try_into().ok()?),
        northing_mm: i32::from_be_bytes(northing.try_into().ok()?),
    })
}

/// The instant and id at the end of a key that [`contact`] made; `None` for anything else.
pub fn contact_back(key: &[u8]) -> Option<(Timestamp, ContactId)> {
    let tail = key.get(key.len().checked_sub(16)?..)?;
    let (at, id) = tail.split_at(8);
    Some((instant_back(at.try_into().ok()?), ContactId(u64::from_be_bytes(id.try_into().ok()?))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_sort_as_what_they_stand_for_and_come_back() {
        let instants: Vec<Timestamp> = ["1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "2026-11-22T02:00:00.001Z"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert!(instants.windows(2).all(|two| instant(two[0]) < instant(two[1])));
        for at in instants {
            assert_eq!(contact_back(&contact(b"prefix", at, ContactId(7))), Some((at, ContactId(7))));
        }
        assert!(cell_prefix(-1, 0) < cell_prefix(0, 0) && cell_prefix(0, -1) < cell_prefix(0, 0));
        let point = GridPoint::from_metres(530_160.0, 180_320.0);
        assert_eq!(place_back(&place(point)), Some(point));
        assert_eq!(contact_back(b"short"), None);
    }
}
