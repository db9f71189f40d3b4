//! One atomic write per handled input, and what its outcome means.

use super::live::{Batch, Live, Loaded};
use crate::ids::CommitId;
use crate::metrics;
use crate::ports::{Commit, CommitOutcome, MemoryWrite, PortError};
use ::metrics::{counter, histogram};
use bytes::Bytes;
use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// How long a write of unknown outcome is repeated before its input is given back.
const INSIST: Duration = Duration::from_millis(3000);

/// What became of the commit.
pub(super) enum Committed {
    /// It is durable, or there was nothing to write.
    Yes,
    /// Another node wrote: load and apply again.
    Conflict,
    /// It is not durable, or nobody knows.
    Failed(PortError),
}

/// Returns what tells a record from another in this process. Not stored, so it need not be stable.
pub(super) fn digest(record: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(record);
    hasher.finish()
}

impl Live {
    pub(super) async fn commit(&mut self, loaded: &mut Loaded, batch: &Batch) -> Committed {
        let record = loaded.flow.encode();
        let digest = digest(&record);
        let memory_changed = batch.steps.iter().any(|(_, step)| step.memory_changed);
        if digest == loaded.digest && !memory_changed && !(batch.force && loaded.version > 0) {
            let proven = if batch.prove { self.stored_version(loaded.version).await } else { Ok(Ordering::Equal) };
            match proven {
                Ok(Ordering::Equal) => {
                    counter!(metrics::INPUTS_IGNORED, "why" => "nothing_to_do").increment(1);
                    self.unwritten.keep(batch, self.shared.ports.clock.now());
                    return Committed::Yes;
                }
                // What was decided does not count: it is decided anew, and told then.
                Ok(Ordering::Greater) => return Committed::Conflict,
                // The store has lost writes: what is known here is truer and is written again.
                Ok(Ordering::Less) => {}
                Err(error) => return Committed::Failed(error),
            }
        }
        let mut commit = self.describe(loaded, batch, record.into(), memory_changed);
        // Also where its outcome is never heard: a record that bears this id is this actor's.
        (self.last_commit, self.read_commit) = (Some(commit.id), None);
        let started = Instant::now();
        loop {
            let outcome = self.shared.ports.store.commit(&commit).await;
            count(&outcome, started);
            match outcome {
                CommitOutcome::Ok { version } => {
                    self.shared.store_writes(true);
                    loaded.version = version;
                    loaded.digest = digest;
                    loaded.mine = true;
                    if commit.memory != MemoryWrite::Keep {
                        loaded.flow.memory_written();
                    }
                    self.own_commit = Some(commit.id);
                    self.unwritten.clear();
                    return Committed::Yes;
                }
                CommitOutcome::Conflict => return Committed::Conflict,
                CommitOutcome::Regressed { version } => {
                    tracing::error!(
                        conversation = %self.key, expected = commit.expected, found = version,
                        "the store has lost writes; this conversation is written again from memory"
                    );
                    commit.expected = version;
                    // What it keeps there is as old, and may be what was to be erased.
                    commit.memory = self.memory(loaded).whole();
                    loaded.regressed = true;
                }
                CommitOutcome::Unknown(error) if started.elapsed() >= INSIST => {
                    self.shared.store_writes(false);
                    return Committed::Failed(error);
                }
                CommitOutcome::Unknown(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                CommitOutcome::Unavailable(error) => {
                    self.shared.store_writes(false);
                    return Committed::Failed(error);
                }
            }
        }
    }

    /// Returns how the memory is written.
    fn memory(&self, loaded: &Loaded) -> MemoryWrite {
        if loaded.flow.is_forgotten() {
            return MemoryWrite::Erase;
        }
        // The last that is known to be stored: found there when it was read, or written since.
        let after = self.read_commit.or(self.own_commit);
        MemoryWrite::Put { value: loaded.flow.memory_value(after), ttl: self.shared.settings.memory_ttl }
    }

    fn describe(&self, loaded: &Loaded, batch: &Batch, record: Bytes, memory_changed: bool) -> Commit {
        let flow = &loaded.flow;
        let settings = &self.shared.settings;
        let now = self.shared.ports.clock.now();
        let memory = if memory_changed { self.memory(loaded) } else { MemoryWrite::Keep };
        let wake = flow.wake(&settings.policy, settings.lease, now);
        let [unique, high, _] = self.shared.ports.crypto.random();
        let summary = serde_json::to_vec(&flow.summary(now)).expect("a summary has only encodable fields");
        Commit {
            key: self.key.clone(),
            expected: loaded.version,
            becomes: loaded.version + 1,
            id: CommitId::in_run(loaded.run.unwrap_or(high), unique),
            node: settings.node.clone(),
            record,
            memory,
            wake,
            journal: self.unwritten.with(batch, now),
            summary: summary.into(),
        }
    }
}

fn count(outcome: &CommitOutcome, started: Instant) {
    let name = match outcome {
        CommitOutcome::Ok { .. } => "ok",
        CommitOutcome::Conflict => "conflict",
        CommitOutcome::Regressed { .. } => "regressed",
        CommitOutcome::Unavailable(_) => "unavailable",
        CommitOutcome::Unknown(_) => "unknown",
    };
    counter!(metrics::COMMITS, "outcome" => name).increment(1);
    histogram!(metrics::COMMIT_SECONDS, "outcome" => name).record(started.elapsed().as_secs_f64());
}
