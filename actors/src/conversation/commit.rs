//! One atomic write per handled input, and what its outcome means.

use super::live::{Batch, Live, Loaded};
use crate::ids::CommitId;
use crate::metrics;
use crate::ports::{Commit, CommitOutcome, MemoryWrite, PortError};
use ::metrics::{counter, histogram};
use bytes::Bytes;
use serde::Serialize;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// How long a write of unknown outcome is repeated before its input is given back.
const INSIST: Duration = Duration::from_millis(3000);

/// How long after a deadline the wake index steps in, should this node not have.
const GRACE: Duration = Duration::from_secs(2);

/// How often a conversation with held rows is woken, so that they are counted by whichever node runs.
const HELD: Duration = Duration::from_secs(60);

/// What became of the commit.
pub(super) enum Committed {
    /// It is durable, or there was nothing to write.
    Yes,
    /// Another node wrote: load and apply again.
    Conflict,
    /// It is not durable, or nobody knows.
    Failed(PortError),
}

/// One line of the journal: what happened and what came of it. Holds no customer's words.
#[derive(Serialize)]
struct Entry<'a> {
    at: i64,
    input: &'a str,
    from: &'a str,
    to: &'a str,
    effects: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

/// Returns what tells a record from another in this process. Not stored, so it need not be stable.
pub(super) fn digest(record: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(record);
    hasher.finish()
}

impl Live {
    pub(super) async fn commit(&self, loaded: &mut Loaded, batch: &Batch) -> Committed {
        let record = loaded.flow.encode();
        let digest = digest(&record);
        let memory_changed = batch.steps.iter().any(|(_, step)| step.memory_changed);
        if digest == loaded.digest && !memory_changed && !(batch.force && loaded.version > 0) {
            counter!(metrics::INPUTS_IGNORED, "why" => "nothing_to_do").increment(1);
            return if batch.prove { self.prove(loaded.version).await } else { Committed::Yes };
        }
        let mut commit = self.describe(loaded, batch, record.into(), memory_changed);
        let started = Instant::now();
        loop {
            let outcome = self.shared.ports.store.commit(&commit).await;
            count(&outcome, started);
            match outcome {
                CommitOutcome::Ok { version } => {
                    self.shared.store_writes(true);
                    loaded.version = version;
                    loaded.digest = digest;
                    return Committed::Yes;
                }
                CommitOutcome::Conflict => return Committed::Conflict,
                CommitOutcome::Regressed { version } => {
                    tracing::error!(
                        conversation = %self.key, expected = commit.expected, found = version,
                        "the store has lost writes; this conversation is written again from memory"
                    );
                    commit.expected = version;
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

    /// Nothing is to be written, if what was known is still so.
    async fn prove(&self, version: u64) -> Committed {
        match self.is_current(version).await {
            Ok(true) => Committed::Yes,
            Ok(false) => Committed::Conflict,
            Err(error) => Committed::Failed(error),
        }
    }

    fn describe(&self, loaded: &Loaded, batch: &Batch, record: Bytes, memory_changed: bool) -> Commit {
        let flow = &loaded.flow;
        let settings = &self.shared.settings;
        let now = self.shared.ports.clock.now();
        let memory = match memory_changed {
            false => MemoryWrite::Keep,
            true if flow.is_forgotten() => MemoryWrite::Erase,
            true => MemoryWrite::Put { value: flow.encode_memory().into(), ttl: settings.memory_ttl },
        };
        let deadline = flow.deadline(&settings.policy).map(|(at, _)| now.until(at) + GRACE);
        // Held rows are shown as long as they are held, also after a restart.
        let held = (flow.held() > 0).then_some(HELD);
        let wake = if flow.has_work() { Some(settings.lease) } else { deadline.into_iter().chain(held).min() };
        let [high, low, _] = self.shared.ports.crypto.random();
        let summary = serde_json::to_vec(&flow.summary(now)).expect("a summary has only encodable fields");
        Commit {
            key: self.key.clone(),
            expected: loaded.version,
            id: CommitId((u128::from(high) << 64) | u128::from(low)),
            node: settings.node.clone(),
            record,
            memory,
            wake,
            journal: batch.steps.iter().map(|(input, step)| entry(now.as_millis(), input, step)).collect(),
            summary: summary.into(),
        }
    }
}

fn entry(at: i64, input: &str, step: &crate::flow::Step) -> Bytes {
    let entry = Entry {
        at,
        input,
        from: step.from.as_str(),
        to: step.to.as_str(),
        effects: step.effects.iter().map(crate::flow::Effect::name).collect(),
        why: step.why,
    };
    serde_json::to_vec(&entry).expect("a journal entry has only encodable fields").into()
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
