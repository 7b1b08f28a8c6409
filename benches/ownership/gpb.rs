//! GPB1: polygons in whole millimetres in one flat file, as other programs of the comparison read it too.
//!
//! Little-endian: `GPB1`; the numbers of features, rings and corners (u32); where each feature's rings begin, and where
//! each ring's corners begin (u32, one more than there are); the corners (two i32); for each ring 0 for a shell, 1 for a
//! hole of the shell before it (u8).

use super::Shape;
use std::path::Path;

pub fn read(path: &Path) -> Vec<Shape> {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"GPB1"), "{} is not a GPB1 file", path.display());
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let [features, rings, corners] = [4, 8, 12].map(|at| word(at) as usize);
    let feature_at = 16;
    let ring_at = feature_at + 4 * (features + 1);
    let corner_at = ring_at + 4 * (rings + 1);
    let kind_at = corner_at + 8 * corners;
    let place = |from: usize, number: usize| word(from + 4 * number) as usize;
    let ring = |number: usize| {
        let corners = place(ring_at, number)..place(ring_at, number + 1);
        corners.map(|at| [0, 4].map(|off| word(corner_at + 8 * at + off) as i32)).collect()
    };
    let shape = |number: usize| {
        let mut shape = Shape::new();
        for at in place(feature_at, number)..place(feature_at, number + 1) {
            match shape.last_mut() {
                Some(rings) if bytes[kind_at + at] == 1 => rings.push(ring(at)),
                _ => shape.push(vec![ring(at)]),
            }
        }
        shape
    };
    (0..features).map(shape).collect()
}

pub fn write(path: &Path, shapes: &[Shape]) {
    let (mut feature_at, mut ring_at, mut corners, mut kinds) = (vec![0_u32], vec![0_u32], Vec::new(), Vec::new());
    for shape in shapes {
        for rings in shape {
            for (number, ring) in rings.iter().enumerate() {
                corners.extend(ring.iter().flatten().flat_map(|value| value.to_le_bytes()));
                ring_at.push((corners.len() / 8) as u32);
                kinds.push(u8::from(number > 0));
            }
        }
        feature_at.push(kinds.len() as u32);
    }
    let mut bytes = b"GPB1".to_vec();
    let counts = [shapes.len() as u32, kinds.len() as u32, (corners.len() / 8) as u32];
    bytes.extend(counts.iter().chain(&feature_at).chain(&ring_at).flat_map(|word| word.to_le_bytes()));
    bytes.extend(corners);
    bytes.extend(kinds);
    std::fs::write(path, bytes).unwrap();
}
