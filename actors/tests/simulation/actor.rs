//! The actor of one conversation, as a state machine over virtual time: hear, commit, perform; on anything but a successful
//! commit the flow in memory is dropped and loaded again. Modelled on the engine's `conversation/live.rs` and
//! `conversation/commit.rs`; the flow in it is the real one.

use super::node::NodeEvent;
use super::requests::StoreCall;
use super::sabotage::Sabotage;
use super::store::{Taken, Write};
use super::world::World;
use frontdesk_actors::domain::Verified;
use frontdesk_actors::flow::outbox::Lane;
use frontdesk_actors::flow::{Effect, Flow, Input, Kept, Mark, Step};
use frontdesk_actors::ids::Ticket;
use frontdesk_actors::testkit::history::What;
use frontdesk_actors::time::Timestamp;
use frontdesk_actors::view::PhaseName;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

const STORE_PAUSE: i64 = 500;
const YIELD: i64 = 300;

/// What an actor hears.
#[derive(Debug)]
pub(crate) enum Message {
    Hear(Input, Option<Asker>),
    Permit(u64),
    Wake(Taken),
    Deadline,
}

/// Who waits for the acknowledgement of an input.
#[derive(Debug)]
pub(crate) enum Asker {
    Webhook(u64, Option<String>),
    Press(String),
    Order(String),
    Erasure,
}

#[derive(Debug, Default)]
pub(crate) struct Conversation {
    mailbox: VecDeque<Message>,
    called: bool,
    pub(crate) job: Option<Job>,
    pub(crate) loaded: Option<Loaded>,
    /// What is still known of the flow that another node's write made obsolete.
    pub(crate) kept: Option<Kept>,
    /// The last write that was tried, the last that was made for certain, and the one that was found.
    pub(crate) last_commit: Option<u64>,
    pub(crate) own_commit: Option<u64>,
    pub(crate) read_commit: Option<u64>,
    /// Whether the work is to be gone on with, whoever wrote last.
    revived: bool,
    /// The running model call.
    pub(crate) model: Option<(Ticket, usize)>,
    /// Permits in hand for rows that are about to be claimed.
    pub(crate) permits: BTreeSet<(u64, Lane)>,
    pub(crate) timer: u64,
    /// When work of its own that failed with the store, or was dropped with the flow, is tried again.
    retry: Option<i64>,
    pub(crate) busy: bool,
    held: bool,
    pub(crate) last_used: i64,
    pub(crate) leaving: bool,
    pub(crate) waits: u64,
}

/// The flow, and the store's version of it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) flow: Flow,
    pub(crate) version: u64,
    /// The commit that stored it; `None` before the first.
    pub(crate) commit: Option<u64>,
    pub(crate) record: Rc<[u8]>,
    pub(crate) heard_until: Timestamp,
    /// The run of the store in which it was read or written.
    pub(crate) run: u64,
    /// Whether the store was found to have forgotten some of its writes.
    pub(crate) regressed: bool,
    /// Whether this node wrote it last.
    pub(crate) mine: bool,
}

/// One message in the works.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) source: Source,
    pub(crate) input: Input,
    original: Input,
    pub(crate) rounds: usize,
    pub(crate) cached: bool,
    pub(crate) wait: u64,
    pub(crate) stage: Stage,
    /// Whether it did what it was to do: it took the conversation from the people, or had the customer forgotten.
    did_it: bool,
}

#[derive(Debug)]
pub(crate) enum Source {
    Asked(Asker),
    Told,
    Permit,
    Wake,
    Timer,
}

#[derive(Debug)]
pub(crate) enum Stage {
    Loading,
    Contact,
    Writing(Box<Pending>),
    Proving(Box<Pending>),
}

/// What waits for the store's word.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) loaded: Loaded,
    pub(crate) batch: Batch,
    pub(crate) write: Write,
    pub(crate) begun: i64,
    /// What was known before the input.
    pub(crate) kept: Option<Kept>,
}

/// What one message led to, before it is committed.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) steps: Vec<(&'static str, Step)>,
    pub(crate) claimed: i64,
    /// Whether the store forgot something meanwhile: then its claims do not hold.
    pub(crate) lapsed: bool,
}

impl Conversation {
    pub(crate) fn may_leave(&self) -> bool {
        self.job.is_none() && self.mailbox.is_empty() && !self.busy && !self.held
    }

    pub(crate) fn holds(&self) -> bool {
        self.held && !self.busy
    }
}

impl World {
    pub(crate) fn actor(&mut self, n: usize, key: usize) -> &mut Conversation {
        self.nodes[n].conversations.entry(key).or_default()
    }

    /// Puts a message into the mailbox of a conversation, starting it if need be.
    pub(crate) fn send(&mut self, n: usize, key: usize, message: Message) {
        self.actor(n, key).mailbox.push_back(message);
        self.call(n, key);
    }

    fn call(&mut self, n: usize, key: usize) {
        let actor = self.actor(n, key);
        if !actor.called && actor.job.is_none() && !actor.mailbox.is_empty() {
            actor.called = true;
            self.put_on(n, 0, NodeEvent::Run(key));
        }
    }

    pub(crate) fn run_next(&mut self, n: usize, key: usize) {
        let now = self.now;
        let actor = self.actor(n, key);
        actor.called = false;
        let Some(message) = actor.mailbox.pop_front() else { return };
        actor.last_used = now;
        let (source, input) = match message {
            Message::Hear(input, Some(asker)) => (Source::Asked(asker), input),
            Message::Hear(input, None) => (Source::Told, input),
            Message::Permit(row) => (Source::Permit, Input::Cleared { row }),
            Message::Wake(due) => {
                let working = actor.loaded.is_some() && !due.taken_over;
                if due.taken_over {
                    (actor.loaded, actor.kept, actor.model) = (None, None, None);
                }
                actor.revived = true;
                let input = if working { Input::DeadlineReached } else { Input::Recovered { takes: due.takes } };
                (Source::Wake, input)
            }
            Message::Deadline => (Source::Timer, Input::DeadlineReached),
        };
        let job = Job {
            source,
            original: input.clone(),
            input,
            rounds: 0,
            cached: false,
            wait: 0,
            stage: Stage::Loading,
            did_it: false,
        };
        actor.job = Some(job);
        self.round(n, key);
    }

    // === Deciding ===

    pub(crate) fn advance(&mut self, n: usize, key: usize, contact: Option<Verified>) {
        let sabotage = self.sabotage;
        let actor = self.actor(n, key);
        let Some(mut loaded) = actor.loaded.take() else { return };
        let Some(job) = &actor.job else { return };
        let (mut input, cached) = (job.input.clone(), job.cached);
        let woken = matches!(job.source, Source::Wake);
        if let (Some(Sabotage::SkipTicket), Input::ModelReplied { ticket, .. }, Some(current)) =
            (sabotage, &mut input, loaded.flow.thinking())
        {
            *ticket = current;
        }
        if std::mem::take(&mut actor.revived) {
            loaded.flow.take_turn();
            loaded.mine = true;
            actor.own_commit = actor.read_commit.or(actor.own_commit);
        }
        let before = loaded.flow.view(&self.policy, 0).memory.len();
        let kept = (loaded.version > 0).then(|| loaded.flow.keep());
        let batch = self.decide(n, key, &mut loaded.flow, contact, &input);
        self.note_fullest(key, before, &loaded.flow, &batch);
        if loaded.version == 0 && !matches!(input, Input::Inbound(_)) {
            // Only a webhook begins a conversation.
            self.drop_permits(n, key);
            let actor = self.actor(n, key);
            (actor.retry, actor.busy) = (None, false);
            self.finish(n, key, true);
            return;
        }
        if batch.steps.iter().flat_map(|(_, step)| &step.effects).any(|effect| *effect == Effect::AbortModel) {
            self.abort_model(n, key);
        }
        let prove = cached && input.claims_absence() && sabotage != Some(Sabotage::IgnoreOnStaleCache);
        let force = woken && !loaded.flow.has_work() && loaded.version > 0;
        let memory_changed = batch.steps.iter().any(|(_, step)| step.memory_changed);
        let mut write = self.describe(n, key, &loaded, memory_changed);
        write.press = self.pressed(n, key).filter(|_| batch.steps.iter().any(|(_, step)| step.confirmed));
        write.erases = input == Input::Erased;
        let giving = batch.steps.iter().find(|step| gives_back(step));
        write.word = giving.and_then(|_| self.word(n, key));
        write.back = giving.and_then(|(_, step)| self.takes_back(&input, step, &loaded.flow));
        let changed = *write.record != *loaded.record || memory_changed || force;
        let pending = Box::new(Pending { loaded, batch, write, begun: self.now, kept });
        match (changed, prove) {
            (true, _) => self.write(n, key, pending),
            (false, true) => {
                if let Some(job) = &mut self.actor(n, key).job {
                    job.stage = Stage::Proving(pending);
                }
                self.ask_for_actor(n, key, StoreCall::Load(key));
            }
            (false, false) => self.done(n, key, *pending),
        }
    }

    /// Lets the flow decide. Rows for which a permit is free at once are claimed in the same commit.
    fn decide(&mut self, n: usize, key: usize, flow: &mut Flow, contact: Option<Verified>, input: &Input) -> Batch {
        let claimed = self.now;
        let mut steps = Vec::with_capacity(2);
        if let Some(verified) = contact {
            let known = self.with_ctx(n, |ctx| flow.handle(ctx, Input::ContactKnown(verified)));
            steps.push(("contact_known", known));
        }
        if let (Some(Sabotage::SkipClaim), Input::Cleared { row }) = (self.sabotage, input) {
            self.send_unclaimed(n, key, flow, *row);
        } else {
            steps.push((input.name(), self.with_ctx(n, |ctx| flow.handle(ctx, input.clone()))));
        }
        if self.sabotage == Some(Sabotage::CloseByWatermark) {
            for id in self.overlooked(key, input, &steps) {
                let inbound = self.taken_back(key, id);
                steps.push(("inbound", self.with_ctx(n, |ctx| flow.handle(ctx, inbound))));
            }
        }
        for (_, step) in &steps {
            self.note_step(n, key, (input, step));
        }
        let mut next = 0;
        while next < steps.len() {
            let wanted: Vec<(u64, Lane)> = steps[next].1.effects.iter().filter_map(acquired).collect();
            for (row, lane) in wanted {
                if lane == Lane::Store || !self.try_acquire(n, lane) {
                    continue;
                }
                self.actor(n, key).permits.insert((row, lane));
                if self.sabotage == Some(Sabotage::SkipClaim) {
                    self.send_unclaimed(n, key, flow, row);
                } else {
                    steps.push(("cleared", self.with_ctx(n, |ctx| flow.handle(ctx, Input::Cleared { row }))));
                }
            }
            next += 1;
        }
        Batch { steps, claimed, lapsed: false }
    }

    // === Afterwards ===

    /// What was decided is durable, or nothing was to be written.
    pub(crate) fn done(&mut self, n: usize, key: usize, pending: Pending) {
        let Pending { mut loaded, mut batch, .. } = pending;
        batch.lapsed = loaded.regressed || self.store.run != loaded.run;
        let page = self.page(n, key, &loaded.flow, &batch);
        self.note_phases(n, key, &batch);
        let gave_back = batch.steps.iter().any(gives_back);
        if let Some(job) = &mut self.actor(n, key).job {
            job.did_it = gave_back || job.input == Input::Erased;
        }
        let (busy, held) = (loaded.flow.has_work(), loaded.flow.held() > 0);
        if held {
            self.note_held(n, key, &loaded.flow);
        }
        let soon = self.now + STORE_PAUSE;
        let actor = self.actor(n, key);
        // A turn that another node had begun is this one's from here on, and may be due already.
        let retry = (loaded.mine && loaded.flow.take_turn()).then_some(soon);
        (actor.busy, actor.held, actor.retry) = (busy, held, retry);
        actor.loaded = Some(loaded);
        if busy {
            self.keep_renewing(n);
        }
        self.perform(n, key, batch);
        self.drop_permits(n, key);
        if let Some(press) = self.pressed(n, key) {
            self.show_page(n, key, press, page);
        }
        self.finish(n, key, true);
    }

    pub(crate) fn unavailable(&mut self, n: usize, key: usize) {
        self.store_answers(n, false);
        self.finish(n, key, false);
    }

    /// The message is dealt with, or could not be.
    pub(crate) fn finish(&mut self, n: usize, key: usize, heard: bool) {
        let Some(job) = self.actor(n, key).job.take() else { return };
        match job.source {
            Source::Asked(Asker::Webhook(delivery, fact)) => self.respond(n, delivery, Some((key, fact)), heard),
            // An order to take back what the desk has already changes nothing, and says so.
            Source::Asked(Asker::Order(fact)) if heard && job.did_it => self.log_on(n, key, What::Acked { fact }),
            Source::Asked(Asker::Erasure) if heard && job.did_it => {
                self.store.contacts.remove(&(key % 2));
            }
            Source::Asked(Asker::Press(_) | Asker::Order(_) | Asker::Erasure) => {}
            Source::Told | Source::Wake if !heard => {
                // What somebody outside told us must not be lost with the store: it comes again.
                let input = Box::new(job.original);
                self.put_on(n, STORE_PAUSE, NodeEvent::Report { key, input });
            }
            Source::Permit if !heard => {
                self.drop_permits(n, key);
                self.retry_soon(n, key);
            }
            Source::Timer if !heard => {
                self.actor(n, key).retry = None;
                self.retry_soon(n, key);
            }
            Source::Told | Source::Wake | Source::Permit | Source::Timer => {}
        }
        self.rearm(n, key);
        self.plan_leaving(n, key);
        self.call(n, key);
    }

    fn retry_soon(&mut self, n: usize, key: usize) {
        let soon = self.now + STORE_PAUSE;
        self.actor(n, key).retry.get_or_insert(soon);
    }

    /// Sets the one local timer.
    fn rearm(&mut self, n: usize, key: usize) {
        let actor = self.actor(n, key);
        if actor.loaded.is_none() && actor.busy {
            self.retry_soon(n, key);
        }
        let (at, now) = (self.now, self.clock(n));
        let policy = self.policy.clone();
        let actor = self.actor(n, key);
        actor.timer += 1;
        let deadline = actor.loaded.as_ref().and_then(|loaded| loaded.flow.deadline(&policy));
        let yields = actor.loaded.as_ref().is_some_and(|loaded| !loaded.mine && loaded.version > 0);
        let grace = if yields { YIELD } else { 0 };
        let due = deadline.map(|(at, _)| i64::try_from(now.until(at).as_millis()).unwrap_or(i64::MAX / 4) + grace);
        let retry = actor.retry.map(|retry| (retry - at).max(0));
        let stamp = actor.timer;
        if let Some(pause) = due.into_iter().chain(retry).min() {
            self.put_on(n, pause, NodeEvent::Timer { key, stamp });
        }
    }
}

/// Returns whether a step takes the conversation from the people.
fn gives_back((_, step): &(&'static str, Step)) -> bool {
    // Also where the desk has fetched a person again in the same step.
    step.from == PhaseName::Human && (step.to != PhaseName::Human || step.marks.contains(&Mark::HandedBack))
}

fn acquired(effect: &Effect) -> Option<(u64, Lane)> {
    if let Effect::Acquire { row, lane } = effect { Some((*row, *lane)) } else { None }
}
