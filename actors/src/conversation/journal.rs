//! What an actor writes into the journal, and what it keeps to itself until there is something to write.
//!
//! An input that changes nothing is not worth a commit, but it may be what an operator asks about: "why did it not answer
//! that?". Such entries wait in memory for the next commit and are shown meanwhile. They go with the process: nothing is
//! owed because of them.

use super::live::Batch;
use crate::journal::JournalEntry;
use crate::time::Timestamp;
use bytes::Bytes;

/// How many entries wait at most; the oldest go first.
const KEPT: usize = 20;

/// Entries that no commit has carried yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten(Vec<JournalEntry>);

impl Unwritten {
    /// Keeps what is telling about a batch that was not worth a commit.
    pub(super) fn keep(&mut self, batch: &Batch, now: Timestamp) {
        for (_, step) in &batch.steps {
            let entry = step.entry(now);
            if !entry.is_telling() {
                continue;
            }
            match self.0.last_mut().filter(|last| last.is_repeated_by(&entry)) {
                Some(last) => last.again = last.again.saturating_add(1),
                None => self.0.push(entry),
            }
        }
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    /// Returns what a commit writes: what has waited, then the batch.
    pub(super) fn with(&self, batch: &Batch, now: Timestamp) -> Vec<Bytes> {
        let steps = batch.steps.iter().map(|(_, step)| step.entry(now).encode().into());
        self.0.iter().map(|entry| entry.encode().into()).chain(steps).collect()
    }

    /// Returns what waits.
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.0.clone()
    }

    /// Forgets what a commit has carried.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
