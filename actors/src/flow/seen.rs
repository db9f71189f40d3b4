//! The dedupe window: which messages were taken already.
//!
//! It is the largest part of most records, so it is stored packed: per id the distance to the one before as a LEB128
//! number, a byte that says whether `unique` differs from `order`, and if so `unique` in eight bytes.

use crate::ids::MessageId;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How many ids are kept.
const WINDOW: usize = 128;

/// The ids of the newest messages, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeenWindow {
    ids: Vec<(u64, u64)>,
}

impl SeenWindow {
    /// Returns whether the message was taken before, or is older than everything a full window remembers.
    pub(crate) fn contains(&self, id: MessageId) -> bool {
        let below_floor = self.ids.len() >= WINDOW && self.ids.first().is_some_and(|floor| *floor > entry(id));
        // Where a vendor tells another time of the same message later, only `unique` finds it.
        below_floor
            || self.ids.binary_search(&entry(id)).is_ok()
            || self.ids.iter().any(|(_, unique)| *unique == id.unique)
    }

    /// Returns the id of a message that was taken, where its vendor names it without its place.
    pub(crate) fn placed(&self, id: MessageId) -> MessageId {
        let known = || self.ids.iter().find(|(_, unique)| *unique == id.unique);
        match (id.order, known()) {
            (0, Some((order, unique))) => MessageId { order: *order, unique: *unique },
            (_, _) => id,
        }
    }

    /// Returns the message that stands last.
    pub(crate) fn newest(&self) -> MessageId {
        self.ids.last().map_or_else(MessageId::default, |(order, unique)| MessageId { order: *order, unique: *unique })
    }

    /// Remembers a message; the oldest is forgotten when the window is full.
    pub(crate) fn insert(&mut self, id: MessageId) {
        if let Err(at) = self.ids.binary_search(&entry(id)) {
            // Thousands of conversations keep one, and most are short.
            self.ids.reserve_exact(1);
            self.ids.insert(at, entry(id));
            if self.ids.len() > WINDOW {
                self.ids.remove(0);
            }
        }
    }
}

impl Serialize for SeenWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&pack(&self.ids))
    }
}

impl<'de> Deserialize<'de> for SeenWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Ids).map(|ids| Self { ids })
    }
}

/// Reads ids: packed, or as the pairs that records of version 1 hold.
struct Ids;

impl<'de> Visitor<'de> for Ids {
    type Value = Vec<(u64, u64)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("packed message ids")
    }

    fn visit_bytes<E: Error>(self, packed: &[u8]) -> Result<Self::Value, E> {
        unpack(packed).ok_or_else(|| E::custom("the packed message ids are damaged"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        let mut ids = Vec::with_capacity(pairs.size_hint().unwrap_or(0).min(WINDOW));
        while let Some(pair) = pairs.next_element()? {
            ids.push(pair);
        }
        Ok(ids)
    }
}

/// Stores other lists of ids in the same way, for `#[serde(with = …)]`: with names each would take many times as much, in
/// every record.
pub(crate) mod packed {
    use super::{Ids, entry, pack};
    use crate::ids::MessageId;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(ids: &[MessageId], serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<(u64, u64)> = ids.iter().copied().map(entry).collect();
        serializer.serialize_bytes(&pack(&ids))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<MessageId>, D::Error> {
        let ids = deserializer.deserialize_bytes(Ids)?;
        Ok(ids.into_iter().map(|(order, unique)| MessageId { order, unique }).collect())
    }
}

fn pack(ids: &[(u64, u64)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(4 * ids.len() + 8);
    let mut before = 0;
    for (order, unique) in ids {
        // Mostly sorted: a distance backwards wraps around, and takes ten bytes.
        let mut distance = order.wrapping_sub(before);
        while distance >= 0x80 {
            packed.push(distance.to_le_bytes()[0] | 0x80);
            distance >>= 7;
        }
        packed.push(distance.to_le_bytes()[0]);
        packed.push(u8::from(unique != order));
        if unique != order {
            packed.extend_from_slice(&unique.to_le_bytes());
        }
        before = *order;
    }
    packed
}

fn unpack(mut packed: &[u8]) -> Option<Vec<(u64, u64)>> {
    let mut ids = Vec::new();
    let mut before = 0_u64;
    while !packed.is_empty() {
        let mut distance = 0_u64;
        let mut shift = 0;
        loop {
            let (byte, rest) = packed.split_first()?;
            packed = rest;
            distance |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let order = before.wrapping_add(distance);
        let (own, rest) = packed.split_first()?;
        packed = rest;
        let unique = match own {
            0 => order,
            _ => {
                let (unique, rest) = packed.split_first_chunk::<8>()?;
                packed = rest;
                u64::from_le_bytes(*unique)
            }
        };
        ids.push((order, unique));
        before = order;
    }
    Some(ids)
}

const fn entry(id: MessageId) -> (u64, u64) {
    (id.order, id.unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_treats_older_ids_as_seen_and_late_ones_above_its_floor_as_new() {
        let mut seen = SeenWindow::default();
        assert!(!seen.contains(MessageId::numeric(5)));
        for id in (100..100 + 2 * WINDOW as u64).step_by(2) {
            seen.insert(MessageId::numeric(id));
        }
        assert!(seen.contains(MessageId::numeric(99)), "below the floor of a full window");
        assert!(seen.contains(MessageId::numeric(102)));
        assert!(!seen.contains(MessageId::numeric(103)), "late, but above the floor");
        seen.insert(MessageId::numeric(103));
        assert!(seen.contains(MessageId::numeric(103)));
    }

    #[test]
    fn is_read_back_as_stored_and_pairs_of_version_1_are_understood() {
        let ids = vec![(1, 1), (300, 300), (300, 7_000_000_000), (u64::MAX, 5), (u64::MAX, u64::MAX)];
        let window = SeenWindow { ids: ids.clone() };
        let packed = rmp_serde::to_vec_named(&window).unwrap();
        assert_eq!(rmp_serde::from_slice::<SeenWindow>(&packed).unwrap(), window);
        let pairs = rmp_serde::to_vec_named(&ids).unwrap();
        assert_eq!(rmp_serde::from_slice::<SeenWindow>(&pairs).unwrap(), window);
        let empty = rmp_serde::to_vec_named(&SeenWindow::default()).unwrap();
        assert_eq!(rmp_serde::from_slice::<SeenWindow>(&empty).unwrap(), SeenWindow::default());
    }

    #[test]
    fn a_list_in_any_order_is_packed_as_well() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Record {
            #[serde(with = "packed")]
            ids: Vec<MessageId>,
        }
        let ids = [300, 7, u64::MAX, 0].map(MessageId::numeric).to_vec();
        let record = Record { ids: [ids, vec![MessageId { order: 7, unique: 9 }]].concat() };
        let stored = rmp_serde::to_vec_named(&record).unwrap();
        assert_eq!(rmp_serde::from_slice::<Record>(&stored).unwrap(), record);
        let many = Record { ids: (1_000_000..1_000_040).map(MessageId::numeric).collect() };
        assert!(rmp_serde::to_vec_named(&many).unwrap().len() < 100, "two bytes each");
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let window = SeenWindow { ids: vec![(1, 1), (300, 7), (u64::MAX, 5)] };
        let whole = pack(&window.ids);
        for cut in 1..whole.len() {
            // Some cuts fall between two ids.
            assert!(unpack(&whole[..cut]).is_none_or(|ids| window.ids.starts_with(&ids)), "{cut}");
        }
        assert_eq!(unpack(&[0x80; 12]), None);
    }
}
