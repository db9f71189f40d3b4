//! The dedupe window: which messages were taken already.

use crate::ids::MessageId;
use serde::{Deserialize, Serialize};

/// How many ids are kept.
const WINDOW: usize = 128;

/// The ids of the newest messages, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SeenWindow {
    ids: Vec<(u64, u64)>,
}

impl SeenWindow {
    /// Returns whether the message was taken before, or is older than everything a full window remembers.
    pub(crate) fn contains(&self, id: MessageId) -> bool {
        let below_floor = self.ids.len() >= WINDOW && self.ids.first().is_some_and(|floor| *floor > entry(id));
        below_floor || self.ids.binary_search(&entry(id)).is_ok()
    }

    /// Remembers a message; the oldest is forgotten when the window is full.
    pub(crate) fn insert(&mut self, id: MessageId) {
        if let Err(at) = self.ids.binary_search(&entry(id)) {
            self.ids.insert(at, entry(id));
            if self.ids.len() > WINDOW {
                self.ids.remove(0);
            }
        }
    }
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
}
