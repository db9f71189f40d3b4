//! How a conversation gets into a node's memory, and how it learns that another node has written or that the store has
//! forgotten. Modelled on the engine's `conversation/load.rs`.

use super::actor::{Loaded, Stage};
use super::requests::StoreCall;
use super::sabotage::Sabotage;
use super::store::Stored;
use super::world::World;
use frontdesk_actors::domain::Event;
use frontdesk_actors::flow::{Flow, Input};
use frontdesk_actors::time::Timestamp;
use std::rc::Rc;

const MAX_CONFLICTS: usize = 8;

impl World {
    /// Applies the input once more: loads the conversation unless it is in memory.
    pub(crate) fn round(&mut self, n: usize, key: usize) {
        let (run, missed_until) = (self.store.run, self.learn_run(n));
        let mut loaded = self.actor(n, key).loaded.take();
        let cached = loaded.is_some();
        if let Some(loaded) = &mut loaded {
            if loaded.run != run || loaded.regressed {
                self.with_ctx(n, |ctx| loaded.flow.distrust(ctx));
                (loaded.run, loaded.regressed) = (run, false);
            }
            loaded.suspect_if_missed(missed_until);
        }
        let actor = self.actor(n, key);
        actor.loaded = loaded;
        let Some(job) = &mut actor.job else { return };
        if job.rounds == MAX_CONFLICTS {
            self.finish(n, key, false);
            return;
        }
        job.rounds += 1;
        job.cached = cached;
        if cached {
            self.look_up_contact(n, key);
        } else {
            job.stage = Stage::Loading;
            self.ask_for_actor(n, key, StoreCall::Load(key));
        }
    }

    /// A changed run of the store is a gap for everybody. Returns until when events may have been missed.
    fn learn_run(&mut self, n: usize) -> Timestamp {
        let (run, now) = (self.store.run, self.clock(n));
        let node = &mut self.nodes[n];
        if std::mem::replace(&mut node.run, run) != run {
            node.missed_until = now;
        }
        node.missed_until
    }

    pub(crate) fn hydrate(&mut self, n: usize, key: usize, stored: Option<Stored>) {
        let loaded = match stored {
            None => self.begin(n, key),
            Some(stored) => self.revived(n, key, &stored),
        };
        self.actor(n, key).loaded = Some(loaded);
        self.stop_unwanted_call(n, key);
        self.look_up_contact(n, key);
    }

    fn begin(&mut self, n: usize, key: usize) -> Loaded {
        self.let_go(n, key);
        let (conversation, run) = (self.keys[key].clone(), self.store.run);
        self.with_ctx(n, |ctx| Loaded {
            flow: Flow::new(ctx, conversation),
            version: 0,
            commit: None,
            record: Rc::from([]),
            heard_until: ctx.now,
            run,
            regressed: false,
            mine: true,
        })
    }

    /// Makes a flow of what is stored.
    fn revived(&mut self, n: usize, key: usize, stored: &Stored) -> Loaded {
        let (run, missed_until) = (self.store.run, self.learn_run(n));
        let actor = self.actor(n, key);
        let kept = actor.kept.take();
        actor.read_commit = Some(stored.commit);
        let mine = [actor.last_commit, actor.own_commit].contains(&Some(stored.commit));
        let memory = stored.memory.as_ref().map(|(memory, _)| &memory.whole[..]);
        let forgets = self.sabotage == Some(Sabotage::ForgetRestored);
        let mut loaded = self.with_ctx(n, |ctx| {
            let read = |record: &[u8], memory: Option<&[u8]>| {
                let flow = match &kept {
                    Some(kept) => Flow::resume(ctx, record, memory, kept),
                    None => Flow::restore(ctx, record, memory),
                };
                flow.expect("what was stored can be restored")
            };
            let mut flow = read(&stored.record, memory);
            if forgets {
                // What it decided stands, and no step will tell of it.
                flow = read(&flow.encode(), Some(&flow.encode_memory()));
            }
            if !mine {
                flow.leave_turn();
            }
            if run != stored.run {
                flow.distrust(ctx);
            }
            let heard_until = flow.last_word().unwrap_or_default().min(ctx.now);
            let record = stored.record.clone();
            let (version, commit) = (stored.version, Some(stored.commit));
            Loaded { flow, version, commit, record, heard_until, run, regressed: false, mine }
        });
        loaded.suspect_if_missed(missed_until);
        loaded
    }

    /// Ends the model call if the conversation, as just read, does not wait for it any more.
    fn stop_unwanted_call(&mut self, n: usize, key: usize) {
        let actor = self.actor(n, key);
        let wanted = actor.loaded.as_ref().and_then(|loaded| loaded.flow.thinking());
        if actor.model.is_some_and(|(ticket, _)| Some(ticket) != wanted) {
            self.abort_model(n, key);
        }
    }

    /// Looks up whether a customer at the gate is known from another conversation.
    fn look_up_contact(&mut self, n: usize, key: usize) {
        let actor = self.actor(n, key);
        let wants = actor.loaded.as_ref().is_some_and(|loaded| loaded.flow.wants_contact());
        let Some(job) = &mut actor.job else { return };
        let asks = matches!(&job.input, Input::Inbound(inbound) if matches!(inbound.event, Event::CustomerWrote(_)));
        if wants && asks {
            job.stage = Stage::Contact;
            self.ask_for_actor(n, key, StoreCall::Contact(key % 2));
        } else {
            self.advance(n, key, None);
        }
    }
}

impl Loaded {
    /// Makes the flow look before it speaks where events may have been missed since it was last heard of.
    fn suspect_if_missed(&mut self, until: Timestamp) {
        if self.heard_until < until {
            self.flow.suspect();
            self.heard_until = until;
        }
    }
}
