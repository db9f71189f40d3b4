//! One atomic write per handled input, and what its outcome means. Modelled on the engine's `conversation/commit.rs`.

use super::actor::{Loaded, Pending, Stage};
use super::dice::Stream;
use super::node::{LEASE, NodeEvent, StoreReply};
use super::requests::StoreCall;
use super::sabotage::Sabotage;
use super::store::{Outcome, Write};
use super::wire::words_of;
use super::world::World;
use frontdesk_actors::flow::{Effect, Input, Kept};
use frontdesk_actors::ids::CommitId;
use frontdesk_actors::ports::MemoryValue;
use frontdesk_actors::testkit::history::Speech;
use frontdesk_actors::testkit::recorder::speech_of;
use std::cmp::Ordering;
use std::rc::Rc;
use std::time::Duration;

/// How long a write of unknown outcome is repeated before its input is given back.
const INSIST: i64 = 3_000;

/// Returns how the memory is written; `None` erases it.
fn memory(loaded: &Loaded) -> Option<MemoryValue> {
    let after = loaded.commit.map(|commit| CommitId(commit.into()));
    (!loaded.flow.is_forgotten()).then(|| loaded.flow.memory_value(after))
}

impl World {
    pub(crate) fn describe(&mut self, n: usize, key: usize, loaded: &Loaded, memory_changed: bool) -> Write {
        let flow = &loaded.flow;
        let memory = memory_changed.then(|| memory(loaded));
        let lease = Duration::from_millis(LEASE.unsigned_abs());
        let wake = flow.wake(&self.policy, lease, self.clock(n));
        Write {
            key,
            expected: loaded.version,
            becomes: loaded.version + 1,
            id: self.dice.draw(Stream::Ids) | 1,
            run: loaded.run,
            node: self.nodes[n].id.clone(),
            record: Rc::from(flow.encode()),
            memory,
            wake: wake.map(|wake| i64::try_from(wake.as_millis()).unwrap_or(i64::MAX / 4)),
            press: None,
            erases: false,
            word: None,
            back: None,
        }
    }

    pub(crate) fn write(&mut self, n: usize, key: usize, pending: Box<Pending>) {
        if self.sabotage == Some(Sabotage::DropCommit) && pending.write.id.is_multiple_of(5) {
            let version = pending.write.becomes;
            self.written(n, key, pending, Outcome::Ok(version));
            return;
        }
        let mut claims: Vec<(String, Speech, String)> = Vec::new();
        for effect in pending.batch.steps.iter().flat_map(|(_, step)| &step.effects) {
            if let Effect::Send(row) = effect {
                claims.push((row.id.0.clone(), speech_of(row), words_of(row)));
            }
        }
        let write = pending.write.clone();
        let actor = self.actor(n, key);
        // Also where its outcome is never heard: a record that bears this id is this actor's.
        (actor.last_commit, actor.read_commit) = (Some(write.id), None);
        if let Some(job) = &mut self.actor(n, key).job {
            job.stage = Stage::Writing(pending);
        }
        self.ask_for_actor(n, key, StoreCall::Write(Box::new(write), claims));
    }

    pub(crate) fn ask_for_actor(&mut self, n: usize, key: usize, call: StoreCall) {
        let wait = self.next_wait(n, key);
        self.ask_store(n, Some((key, wait)), call);
    }

    fn next_wait(&mut self, n: usize, key: usize) -> u64 {
        let actor = self.actor(n, key);
        actor.waits += 1;
        let wait = actor.waits;
        if let Some(job) = &mut actor.job {
            job.wait = wait;
        }
        wait
    }

    pub(crate) fn store_replied(&mut self, n: usize, key: usize, wait: u64, reply: StoreReply) {
        let Some(job) = self.actor(n, key).job.as_mut().filter(|job| job.wait == wait) else { return };
        match (std::mem::replace(&mut job.stage, Stage::Loading), reply) {
            (Stage::Loading, StoreReply::Loaded(Some(stored))) => self.hydrate(n, key, stored),
            (Stage::Contact, StoreReply::Contact(Some(contact))) => self.advance(n, key, contact),
            (Stage::Proving(pending), StoreReply::Loaded(Some(stored))) => {
                match stored.map_or(0, |stored| stored.version).cmp(&pending.loaded.version) {
                    Ordering::Equal => self.done(n, key, *pending),
                    Ordering::Greater => self.conflict(n, key, pending.kept),
                    // The store has lost writes: what is known here is truer and is written again.
                    Ordering::Less => self.write(n, key, pending),
                }
            }
            (Stage::Writing(pending), StoreReply::Written(outcome)) => self.written(n, key, pending, outcome),
            (Stage::Proving(_), StoreReply::Loaded(None)) => {
                self.let_go(n, key);
                self.unavailable(n, key);
            }
            (_, _) => self.unavailable(n, key),
        }
    }

    fn written(&mut self, n: usize, key: usize, mut pending: Box<Pending>, outcome: Outcome) {
        match outcome {
            Outcome::Ok(version) => {
                self.store_writes(n, true);
                pending.loaded.version = version;
                pending.loaded.record = pending.write.record.clone();
                pending.loaded.commit = Some(pending.write.id);
                if pending.write.memory.is_some() {
                    pending.loaded.flow.memory_written();
                }
                pending.loaded.mine = true;
                self.actor(n, key).own_commit = Some(pending.write.id);
                self.done(n, key, *pending);
            }
            Outcome::Conflict => self.conflict(n, key, pending.kept),
            Outcome::Regressed(version) => {
                pending.write.expected = version;
                // What it keeps there is as old, and may be what was to be erased.
                pending.write.memory = Some(memory(&pending.loaded).map(|value| MemoryValue { growth: None, ..value }));
                pending.loaded.regressed = true;
                self.write(n, key, pending);
            }
            Outcome::Unknown if self.now - pending.begun < INSIST => {
                if self.sabotage == Some(Sabotage::NewCommitId) {
                    pending.write.id = self.dice.draw(Stream::Ids) | 1;
                }
                if let Some(job) = &mut self.actor(n, key).job {
                    job.stage = Stage::Writing(pending);
                }
                let wait = self.next_wait(n, key);
                self.put_on(n, 100, NodeEvent::Rested { key, wait });
            }
            Outcome::Unknown | Outcome::Away => {
                self.store_writes(n, false);
                self.let_go(n, key);
                self.unavailable(n, key);
            }
        }
    }

    pub(crate) fn write_again(&mut self, n: usize, key: usize, wait: u64) {
        let Some(job) = self.actor(n, key).job.as_mut().filter(|job| job.wait == wait) else { return };
        if let Stage::Writing(pending) = std::mem::replace(&mut job.stage, Stage::Loading) {
            self.write(n, key, pending);
        }
    }

    /// Another node wrote: what was known is kept, the conversation is read again and the input applied again.
    fn conflict(&mut self, n: usize, key: usize, kept: Option<Kept>) {
        self.drop_permits(n, key);
        let actor = self.actor(n, key);
        actor.kept = kept;
        if let Some(job) = &mut actor.job
            && let Input::Cleared { row } = job.input
        {
            // Its permit is gone with the flow; the row asks for another.
            job.input = Input::DeadlineReached;
            actor.kept = actor.kept.take().map(|kept| kept.without_permit(row));
        }
        self.round(n, key);
    }

    /// The flow in memory was dropped: so is what runs for it, and places at the gates go to others.
    pub(crate) fn let_go(&mut self, n: usize, key: usize) {
        self.actor(n, key).kept = None;
        self.abort_model(n, key);
        self.drop_permits(n, key);
    }
}
