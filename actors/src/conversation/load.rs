//! How a conversation gets into memory, and how it learns that another node has written or that the store has forgotten.

use super::live::{Live, Loaded};
use super::measure;
use crate::directory::DirectoryMsg;
use crate::engine::DeliverError;
use crate::flow::{DecodeError, Flow, Kept};
use crate::metrics;
use crate::ports::Stored;
use crate::time::Timestamp;
use ::metrics::{counter, histogram};
use std::sync::atomic::Ordering;

impl Loaded {
    /// A conversation of which nothing is stored.
    fn beginning(flow: Box<Flow>, heard_until: Timestamp, run: Option<u64>) -> Self {
        Self { flow, version: 0, digest: 0, heard_until, run, regressed: false, mine: true }
    }
}

impl Live {
    /// Loads the conversation unless it is in memory. One that does not exist yet begins here.
    pub(super) async fn hydrate(&mut self) -> Result<(), DeliverError> {
        self.shared.beat();
        let run = self.shared.store_run();
        let mut missed_until = Timestamp::from_millis(self.shared.missed_until.load(Ordering::Relaxed));
        if self.vitals.missed.swap(false, Ordering::Relaxed) {
            missed_until = self.shared.ports.clock.now();
        }
        if let Some(mut loaded) = self.loaded.take() {
            if loaded.run != run || loaded.regressed {
                loaded.flow.distrust(&self.shared.ctx());
                (loaded.run, loaded.regressed) = (run, false);
            }
            self.loaded = Some(loaded.suspect_if_missed(missed_until));
            return Ok(());
        }
        let stored = match self.shared.ports.store.load(&self.key).await {
            Ok(stored) => stored,
            Err(error) => {
                self.let_go();
                counter!(metrics::HYDRATIONS, "outcome" => "failed").increment(1);
                return Err(self.shared.unavailable(error));
            }
        };
        let Some(stored) = stored else {
            counter!(metrics::HYDRATIONS, "outcome" => "new").increment(1);
            self.let_go();
            let ctx = self.shared.ctx();
            let mut flow = Box::new(Flow::new(&ctx, self.key.clone()));
            if let Some((missed_until, started)) = self.shared.just_missed() {
                flow.begins_after(missed_until, started);
            }
            let heard_until = ctx.now;
            self.loaded = Some(Loaded::beginning(flow, heard_until, run));
            return Ok(());
        };
        match self.revived(&stored, run) {
            Ok(loaded) => {
                counter!(metrics::HYDRATIONS, "outcome" => "found").increment(1);
                measure::count_lost(&self.key, &loaded.flow);
                self.loaded = Some(loaded.suspect_if_missed(missed_until));
                self.stop_unwanted_call();
                Ok(())
            }
            Err(error) => {
                counter!(metrics::HYDRATIONS, "outcome" => "garbled").increment(1);
                tracing::error!(conversation = %self.key, error = %error, "a conversation's record cannot be read");
                self.let_go();
                if let Some(directory) = self.shared.directory.get() {
                    // The Directory outlives its children.
                    let _ = directory.cast(DirectoryMsg::Quarantine(self.key.clone()));
                }
                Err(DeliverError::Quarantined)
            }
        }
    }

    /// Another node has written. Where work is in hand here, it is looked at again at once: a person may have taken over.
    /// Elsewhere it is read when it is needed.
    pub(super) async fn nudged(&mut self) {
        self.vitals.nudged.store(false, Ordering::Relaxed);
        let Some(loaded) = self.loaded.take() else { return };
        if !self.vitals.busy.load(Ordering::Relaxed) {
            self.kept = self.keep(&loaded);
            return;
        }
        let run = self.shared.store_run();
        let stored = match self.shared.ports.store.load(&self.key).await {
            Ok(Some(stored)) if stored.version > loaded.version && loaded.run == run => stored,
            // It was this node's own write, or the store cannot tell; then what is known stands.
            Ok(_) | Err(_) => {
                self.loaded = Some(loaded);
                return;
            }
        };
        self.kept = self.keep(&loaded);
        // A record that cannot be read says so when it is needed.
        if let Ok(read) = self.revived(&stored, run) {
            self.tell_vitals(&read);
            self.loaded = Some(Loaded { heard_until: loaded.heard_until, ..read });
            self.stop_unwanted_call();
        }
    }

    /// Returns what is to be known again once the conversation has been read anew, where others may write it.
    pub(super) fn keep(&self, loaded: &Loaded) -> Option<Box<Kept>> {
        let shares = !self.shared.ports.store.is_exclusive() && loaded.version > 0;
        shares.then(|| Box::new(loaded.flow.keep()))
    }

    /// Makes a flow of what is stored.
    fn revived(&mut self, stored: &Stored, run: Option<u64>) -> Result<Loaded, DecodeError> {
        let ctx = self.shared.ctx();
        let memory = stored.memory.as_deref();
        let kept = self.kept.take();
        let mut flow = match &kept {
            Some(kept) => Flow::resume(&ctx, &stored.record, memory, kept)?,
            None => Flow::restore(&ctx, &stored.record, memory)?,
        };
        self.read_commit = Some(stored.commit);
        let ours = [self.last_commit, self.own_commit].contains(&Some(stored.commit));
        let mine = self.shared.ports.store.is_exclusive() || ours;
        if !mine {
            flow.leave_turn();
        }
        if run.is_some_and(|run| run != stored.commit.run()) {
            flow.distrust(&ctx);
        }
        // Without a memory nobody knows since when: it may have been months.
        let heard_until = flow.last_word().unwrap_or_default().min(ctx.now);
        let digest = super::commit::digest(&stored.record);
        let flow = Box::new(flow);
        Ok(Loaded { flow, version: stored.version, digest, heard_until, run, regressed: false, mine })
    }

    /// Ends the model call if the conversation, as just read, does not wait for it any more.
    fn stop_unwanted_call(&mut self) {
        self.stop_listening();
        let Some(loaded) = &self.loaded else { return };
        let wanted = loaded.flow.thinking();
        if self.model.take_if(|(ticket, _)| Some(*ticket) != wanted).is_some() {
            counter!(metrics::MODEL_CALLS_ABORTED).increment(1);
            if let Some(since) = loaded.flow.with_people_since() {
                // By the clocks of two nodes, which may be apart.
                let after = self.shared.ports.clock.now().since(since);
                histogram!(metrics::TAKEOVER_ABORT_SECONDS, "where" => "elsewhere").record(after.as_secs_f64());
            }
        }
    }
}
