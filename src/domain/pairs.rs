//! How a map whose keys are no texts stands in JSON: as a list of pairs, key first.
//!
//! For `#[serde(with = "pairs")]` on the slices of the state.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// Writes the map as pairs, rising.
///
/// # Errors
/// As the serializer's.
pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(map)
}

/// Reads the pairs; of two with one key the later counts.
///
/// # Errors
/// As the deserializer's.
pub fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Vec::<(K, V)>::deserialize(from).map(|pairs| pairs.into_iter().collect())
}
