//! The contacts that were taken, by key: "have we had this one?" A million of them, so it is the one slice whose size
//! matters.
//!
//! It is parted into drawers by the key, each behind its own `Arc`: a snapshot shares them all, and the next contact
//! copies its one drawer, not the million. What most contacts have in common (channel, topics, body) is held once.

use super::super::contact::{Channel, Receipt};
use super::super::id::{BodyId, ContactId, IncidentId, StreamId, Tag};
use super::streams;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Drawers; with a million keys each has a thousand.
const DRAWERS: usize = 1_024;
/// Keys of one piece of the order.
const PIECE: usize = 1_024;
/// Different kinds that are held once; beyond it a kind is held with its contact.
const KINDS_MAX: usize = 4_096;
/// Bytes of a key's row in a snapshot: key, contact, kind, incident.
const ROW_BYTES: usize = 16 + 8 + 4 + 8;

type Drawer = BTreeMap<u128, Taken>;

/// The contacts that were taken, by key.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// None before the first key, else [`DRAWERS`].
    drawers: Vec<Arc<Drawer>>,
    /// The keys in the order in which they came, in pieces.
    order: VecDeque<Arc<Vec<u128>>>,
    /// Keys of the first piece that are forgotten already.
    gone: usize,
    n: usize,
    /// Kinds in use; only so that equal ones share their memory.
    kinds: Arc<BTreeSet<Arc<Kind>>>,
}

/// What a replay is answered from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    id: ContactId,
    kind: Arc<Kind>,
    /// 0 for none: a record's number is never 0.
    incident: u64,
}

/// What many contacts have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(super) struct Kind {
    pub(super) channel: Channel,
    pub(super) tags: Box<[Tag]>,
    pub(super) body: Option<BodyId>,
}

impl Taken {
    pub(super) fn receipt(&self) -> Receipt {
        Receipt {
            id: self.id,
            body: self.kind.body.clone(),
            counted: streams(self.kind.channel, &self.kind.tags)
                .map(|stream| StreamId::new(stream.to_string()))
                .collect(),
            incident: (self.incident > 0).then_some(IncidentId(self.incident)),
        }
    }
}

/// The same keys in the same order; how they are parted says nothing.
impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.n == other.n && self.in_order().eq(other.in_order())
    }
}

impl Keys {
    pub(super) fn get(&self, key: &str) -> Option<&Taken> {
        self.find(u128::from_str_radix(key, 16).ok()?)
    }

    fn find(&self, key: u128) -> Option<&Taken> {
        self.drawers.get(drawer_of(key))?.get(&key)
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Keys and what was taken under them, oldest first.
    fn in_order(&self) -> impl Iterator<Item = (u128, &Taken)> {
        let keys = self.order.iter().flat_map(|piece| piece.iter()).skip(self.gone);
        keys.filter_map(|key| Some((*key, self.find(*key)?)))
    }

    /// Remembers a key, and forgets the oldest beyond `max`.
    pub(super) fn insert(&mut self, key: u128, id: ContactId, kind: Kind, incident: Option<IncidentId>, max: usize) {
        let taken = Taken { id, kind: self.kind(kind), incident: incident.map_or(0, |incident| incident.0) };
        if self.drawers.is_empty() {
            self.drawers = vec![Arc::default(); DRAWERS];
        }
        if Arc::make_mut(&mut self.drawers[drawer_of(key)]).insert(key, taken).is_none() {
            self.n += 1;
            match self.order.back_mut() {
                Some(piece) if piece.len() < PIECE => Arc::make_mut(piece).push(key),
                _ => self.order.push_back(Arc::new(vec![key])),
            }
        }
        while self.n > max {
            let oldest = self.order[0][self.gone];
            self.gone += 1;
            if self.gone == self.order[0].len() {
                self.order.pop_front();
                self.gone = 0;
            }
            Arc::make_mut(&mut self.drawers[drawer_of(oldest)]).remove(&oldest);
            self.n -= 1;
        }
    }

    fn kind(&mut self, kind: Kind) -> Arc<Kind> {
        if let Some(known) = self.kinds.get(&kind) {
            return Arc::clone(known);
        }
        let kind = Arc::new(kind);
        if self.kinds.len() < KINDS_MAX {
            Arc::make_mut(&mut self.kinds).insert(Arc::clone(&kind));
        }
        kind
    }

    /// As bytes for a snapshot: a line of JSON with the kinds, then a row of [`ROW_BYTES`] for each key, oldest first.
    pub(in crate::domain) fn to_bytes(&self) -> Vec<u8> {
        let mut numbers: BTreeMap<&Kind, u32> = BTreeMap::new();
        let mut by_address: BTreeMap<usize, u32> = BTreeMap::new();
        let mut kinds: Vec<&Kind> = Vec::new();
        let mut rows = Vec::with_capacity(self.n * ROW_BYTES);
        for (key, taken) in self.in_order() {
            let number = *by_address.entry(Arc::as_ptr(&taken.kind).addr()).or_insert_with(|| {
                *numbers.entry(&taken.kind).or_insert_with(|| {
                    kinds.push(&taken.kind);
                    u32::try_from(kinds.len() - 1).expect("there are fewer kinds than keys")
                })
            });
            rows.extend_from_slice(&key.to_le_bytes());
            rows.extend_from_slice(&taken.id.0.to_le_bytes());
            rows.extend_from_slice(&number.to_le_bytes());
            rows.extend_from_slice(&taken.incident.to_le_bytes());
        }
        let mut bytes = serde_json::to_vec(&kinds).expect("kinds are texts, so they become JSON");
        bytes.push(b'\n');
        bytes.append(&mut rows);
        bytes
    }

    /// From [`Keys::to_bytes`].
    pub(in crate::domain) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("the kinds have no end")?;
        let kinds: Vec<Arc<Kind>> = serde_json::from_slice(&bytes[..end]).map_err(|error| error.to_string())?;
        let rows = &bytes[end + 1..];
        if !rows.len().is_multiple_of(ROW_BYTES) {
            return Err("a row of the keys is cut off".into());
        }
        let mut keys = Self::default();
        let mut drawers: Vec<Vec<(u128, Taken)>> = vec![Vec::new(); if rows.is_empty() { 0 } else { DRAWERS }];
        for row in rows.chunks_exact(ROW_BYTES) {
            let number = |from: usize| {
                let bytes: [u8; 8] = row[from..from + 8].try_into().expect("eight bytes of a row");
                u64::from_le_bytes(bytes)
            };
            let key = u128::from(number(8)) << 64 | u128::from(number(0));
            let kind: [u8; 4] = row[24..28].try_into().expect("four bytes of a row");
            let kind = kinds.get(u32::from_le_bytes(kind) as usize).ok_or("a key is of no known kind")?;
            let taken = Taken { id: ContactId(number(16)), kind: Arc::clone(kind), incident: number(28) };
            drawers[drawer_of(key)].push((key, taken));
            match keys.order.back_mut().and_then(Arc::get_mut) {
                Some(piece) if piece.len() < PIECE => piece.push(key),
                _ => {
                    let mut piece = Vec::with_capacity(PIECE);
                    piece.push(key);
                    keys.order.push_back(Arc::new(piece));
                }
            }
        }
        keys.n = rows.len() / ROW_BYTES;
        keys.drawers = drawers.into_iter().map(|drawer| Arc::new(drawer.into_iter().collect())).collect();
        if keys.drawers.iter().map(|drawer| drawer.len()).sum::<usize>() != keys.n {
            return Err("a key stands twice".into());
        }
        keys.kinds = Arc::new(kinds.into_iter().take(KINDS_MAX).collect());
        Ok(keys)
    }
}

/// Keys are digests, so their last bits are as good as chance.
fn drawer_of(key: u128) -> usize {
    key as usize % DRAWERS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filled(n: u64, max: usize) -> Keys {
        let mut keys = Keys::default();
        for at in 1..=n {
            let tags = if at % 3 == 0 { vec![Tag::from("flooding")] } else { Vec::new() };
            let kind = Kind { channel: Channel::Phone, tags: tags.into(), body: None };
            let key = u128::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            keys.insert(key, ContactId(at), kind, (at % 5 == 0).then_some(IncidentId(1)), max);
        }
        keys
    }

    #[test]
    fn the_oldest_are_forgotten_beyond_the_bound_and_the_rest_keeps_its_order() {
        let keys = filled(5_000, 1_500);
        assert_eq!(keys.len(), 1_500);
        let ids: Vec<u64> = keys.in_order().map(|(_, taken)| taken.id.0).collect();
        assert_eq!(ids, (3_501..=5_000).collect::<Vec<_>>());
        assert_eq!(keys.drawers.iter().map(|drawer| drawer.len()).sum::<usize>(), 1_500);
        assert_eq!(keys.kinds.len(), 2, "what contacts have in common is held once");
    }

    #[test]
    fn they_come_back_from_their_bytes_as_they_were_and_go_on_alike() {
        for (n, max) in [(0, 10), (1, 10), (5_000, 1_500), (3_000, 9_000)] {
            let mut keys = filled(n, max);
            let mut again = Keys::from_bytes(&keys.to_bytes()).unwrap();
            assert!(again == keys, "{n} keys");
            for keys in [&mut keys, &mut again] {
                let kind = Kind { channel: Channel::Sms, tags: [].into(), body: None };
                keys.insert(7, ContactId(n + 1), kind, None, max);
            }
            assert!(again == keys && again.find(7).is_some());
        }
        let bytes = filled(10, 10).to_bytes();
        assert!(Keys::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}
