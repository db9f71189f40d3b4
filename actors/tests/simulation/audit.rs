//! What `frontdesk audit` would find after each write: the engine's own check of what is stored.

use super::store::Write;
use super::world::World;
use bytes::Bytes;
use frontdesk_actors::audit::{Rules, Violation as Violated, conversation};
use frontdesk_actors::ids::CommitId;
use frontdesk_actors::ports::{Scanned, Stored};
use frontdesk_actors::testkit::invariants::{Invariant, Violation};
use frontdesk_actors::time::Timestamp;
use std::time::Duration;

/// How long a row may be on the wire: the lease and the settle time, as the daemon reckons.
const ON_THE_WIRE: Duration = Duration::from_secs(90);

/// How much of the log is shown before a finding.
const SHOWN: usize = 60;

impl World {
    /// Audits a conversation as it has just been written. What is found first in each is kept, with what led to it.
    pub(crate) fn audit(&mut self, write: &Write) {
        let key = self.keys[write.key].clone();
        if self.unsound.iter().any(|found| found.key == key.as_str()) {
            return;
        }
        let Some(stored) = self.store.load(write.key, self.now) else { return };
        let gated = self.gate.then(|| key.channel().to_owned()).into_iter().collect();
        let rules = Rules { memory_messages: self.policy.memory_messages, on_the_wire: ON_THE_WIRE, gated };
        let scanned = Scanned {
            key: key.clone(),
            wake: self.store.wake(write.key).map(Timestamp::from_millis),
            stored: Some(Stored {
                version: stored.version,
                commit: CommitId(stored.commit.into()),
                record: Bytes::copy_from_slice(&stored.record),
                memory: stored.memory.map(|(memory, _)| memory.whole),
            }),
        };
        let audited = conversation(&rules, &scanned, Timestamp::from_millis(self.now));
        // What stands at the vendor twice is another invariant's, which knows what excuses it.
        let wrong = |violation: &Violated| !matches!(violation, Violated::SentTwice { .. });
        let Some(found) = audited.violations.into_iter().find(wrong) else { return };
        let of_key = self.history.entries.iter().filter(|entry| entry.key == key.as_str());
        let mut slice: Vec<_> = of_key.cloned().collect();
        slice.drain(..slice.len().saturating_sub(SHOWN));
        let (key, what) = (key.as_str().to_owned(), found.to_string());
        self.unsound.push(Violation { invariant: Invariant::Sound, key, what, slice });
    }
}
