//! What a conversation's actor holds, and how it answers its messages.

use super::commit::Committed;
use super::journal::Unwritten;
use super::{Answer, ConversationMsg, Spawn};
use crate::directory::places::Vitals;
use crate::domain::Verified;
use crate::engine::{DeliverError, PhaseName, Receipt};
use crate::flow::outbox::Lane;
use crate::flow::{Effect, Flow, Input, Kept, Step};
use crate::ids::{CommitId, ConversationKey, Ticket};
use crate::metrics;
use crate::outbound::{Permit, Priority};
use crate::ports::Due;
use crate::shared::{AbortOnDrop, Shared};
use crate::time::Timestamp;
use ::metrics::{counter, histogram};
use ractor::ActorRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// How often an input is applied again because another node wrote meanwhile.
const MAX_CONFLICTS: usize = 8;

/// How long an internal input rests before it is tried again when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// How much later than its deadline a node acts where another one wrote last: that one acts on time, and if it does not,
/// this one does. Without it both would, and one in vain.
const YIELD: Duration = Duration::from_millis(300);

/// A conversation in memory.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) key: ConversationKey,
    pub(super) shared: Arc<Shared>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) loaded: Option<Loaded>,
    /// What is still known of the flow that another node's write made obsolete. Boxed: it is known for a moment only.
    pub(super) kept: Option<Box<Kept>>,
    /// The last write that was tried: whoever finds it stored knows that nobody has written since.
    pub(super) last_commit: Option<CommitId>,
    /// The last write that was made for certain.
    pub(super) own_commit: Option<CommitId>,
    /// The write that was found when the conversation was last read, unless this actor has written since.
    pub(super) read_commit: Option<CommitId>,
    /// Whether the work is to be gone on with, whoever wrote last: the wake-up stands in this node's name.
    revived: bool,
    /// When the input came that is being handled, if somebody waits for its acknowledgement.
    came: Option<Instant>,
    /// The running model call.
    pub(super) model: Option<(Ticket, AbortOnDrop)>,
    /// The recordings that are being listened to.
    pub(super) ears: BTreeMap<Ticket, AbortOnDrop>,
    /// Permits in hand for rows that are about to be claimed.
    pub(super) permits: BTreeMap<u64, Permit>,
    deadline: Option<AbortOnDrop>,
    /// When work of our own that failed with the store, or was dropped with the flow, is tried again. Only what resumes it
    /// ends this: whoever merely looks at the conversation loads the flow and starts nothing.
    retry: Option<Instant>,
    /// Journal entries that no commit has carried yet.
    pub(super) unwritten: Unwritten,
    /// Whether the wake index woke it: a wake-up that changes nothing is written all the same, or it would come again.
    woken: bool,
}

/// The flow, and the store's version of it.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Boxed: the actor's task keeps room for its state in several places.
    pub(super) flow: Box<Flow>,
    pub(super) version: u64,
    /// Of the record as stored, to see whether anything changed.
    pub(super) digest: u64,
    /// Until when no event of it can have been missed.
    pub(super) heard_until: Timestamp,
    /// The run of the store in which it was read or written.
    pub(super) run: Option<u64>,
    /// Whether the store was found to have forgotten some of its writes.
    pub(super) regressed: bool,
    /// Whether this node wrote it last.
    pub(super) mine: bool,
}

impl Loaded {
    /// Makes the flow look before it speaks where events may have been missed since it was last heard of.
    pub(super) fn suspect_if_missed(mut self, until: Timestamp) -> Self {
        if self.heard_until < until {
            self.flow.suspect_until(until);
            self.heard_until = until;
        }
        self
    }
}

/// What one message led to, before it is committed.
pub(super) struct Batch {
    /// Whether doing nothing must rest on the store's own version: another node may know better.
    pub(super) prove: bool,
    /// Whether it is written although nothing changed.
    pub(super) force: bool,
    pub(super) steps: Vec<(&'static str, Step)>,
    pub(super) claimed: Instant,
    /// Whether the store forgot something meanwhile: then its claims do not hold.
    pub(super) lapsed: bool,
}

impl Live {
    pub(super) fn new(spawn: Spawn) -> Self {
        Self {
            key: spawn.key,
            shared: spawn.shared,
            vitals: spawn.vitals,
            loaded: None,
            kept: None,
            last_commit: None,
            own_commit: None,
            read_commit: None,
            revived: false,
            came: None,
            model: None,
            ears: BTreeMap::new(),
            permits: BTreeMap::new(),
            deadline: None,
            retry: None,
            unwritten: Unwritten::default(),
            woken: false,
        }
    }

    pub(super) fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    pub(super) fn uncount(&self) {
        self.vitals.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) async fn on(&mut self, msg: ConversationMsg) {
        self.vitals.last_used.store(self.shared.ports.clock.now().as_millis(), Ordering::Relaxed);
        match msg {
            ConversationMsg::Hear(input, answer) => {
                if let Some(asker) = &answer {
                    asker.begun.store(true, Ordering::Relaxed);
                    self.came = Some(asker.came);
                }
                // Whoever asked may have given up; what they brought is taken all the same.
                let heard = self.hear(&input).await;
                self.came = None;
                match answer {
                    Some(asker) => drop(asker.port.send(heard)),
                    None => self.retry_unless_heard(heard.err(), *input),
                }
            }
            ConversationMsg::Permit(row, permit) => {
                self.permits.insert(row, permit);
                let heard = self.hear(&Input::Cleared { row }).await;
                if heard.is_err() {
                    // The place at the gate goes to others while the store is away.
                    self.permits.clear();
                    self.retry_soon();
                }
            }
            ConversationMsg::Wake(due) => self.wake(&due).await,
            ConversationMsg::Deadline | ConversationMsg::Revive => {
                self.revived |= matches!(msg, ConversationMsg::Revive);
                self.retry = None;
                if self.hear(&Input::DeadlineReached).await.is_err() {
                    self.retry_soon();
                }
            }
            ConversationMsg::Nudged => self.nudged().await,
            ConversationMsg::View(port) => drop(port.send(self.view().await)),
            ConversationMsg::Unwritten(port) => drop(port.send(self.unwritten.entries())),
            ConversationMsg::Challenge(id, port) => drop(port.send(self.challenge(&id).await)),
        }
    }

    /// What somebody outside told us must not be lost with the store: it comes again.
    fn retry_unless_heard(&self, error: Option<DeliverError>, input: Input) {
        match error {
            Some(DeliverError::Unavailable(_)) => {
                let (shared, key) = (self.shared.clone(), self.key.clone());
                self.shared.spawn(async move {
                    tokio::time::sleep(STORE_PAUSE).await;
                    shared.report(&key, input);
                });
            }
            Some(DeliverError::Busy | DeliverError::Closing | DeliverError::Unknown | DeliverError::Quarantined)
            | None => {}
        }
    }

    /// The wake index says that nobody finished this conversation's work in time.
    async fn wake(&mut self, due: &Due) {
        let working = self.loaded.is_some() && !due.taken_over;
        if due.taken_over {
            (self.loaded, self.kept) = (None, None);
            self.model = None;
            self.ears.clear();
        }
        let input = if working { Input::DeadlineReached } else { Input::Recovered { takes: due.takes } };
        (self.woken, self.revived) = (true, true);
        let heard = self.hear(&input).await;
        self.woken = false;
        self.retry_unless_heard(heard.err(), input);
    }

    /// Handles one input: apply, commit, act. Applies it again if another node wrote meanwhile.
    pub(super) async fn hear(&mut self, input: &Input) -> Result<Answer, DeliverError> {
        let pumped = Input::DeadlineReached;
        let mut input = input;
        for _ in 0..MAX_CONFLICTS {
            let cached = self.loaded.is_some();
            self.hydrate().await?;
            let contact = self.contact_for(input).await?;
            let Some(mut loaded) = self.loaded.take() else { continue };
            if std::mem::take(&mut self.revived) {
                loaded.flow.take_turn();
                loaded.mine = true;
                self.own_commit = self.read_commit.or(self.own_commit);
            }
            let kept = self.keep(&loaded);
            let mut batch = self.advance(&mut loaded.flow, contact, input);
            batch.prove = cached && !self.shared.ports.store.is_exclusive() && input.claims_absence();
            batch.force = self.woken && !loaded.flow.has_work();
            if loaded.version == 0 && !matches!(input, Input::Inbound(_)) {
                // Only a webhook begins a conversation.
                self.permits.clear();
                self.retry = None;
                self.vitals.busy.store(false, Ordering::Relaxed);
                return Ok(self.answer(&loaded.flow, &batch, input));
            }
            self.silence(&batch);
            match self.commit(&mut loaded, &batch).await {
                Committed::Yes => {
                    batch.lapsed = loaded.regressed || self.shared.store_run() != loaded.run;
                    let answer = self.answer(&loaded.flow, &batch, input);
                    self.tell_vitals(&loaded);
                    // A turn that another node had begun is this one's from here on, and may be due already.
                    let takes_turn = loaded.mine && loaded.flow.take_turn();
                    self.retry = takes_turn.then(|| Instant::now() + STORE_PAUSE);
                    self.loaded = Some(loaded);
                    self.stop_listening();
                    self.perform(batch);
                    return Ok(answer);
                }
                Committed::Conflict => {
                    self.permits.clear();
                    // The model call goes on if it is still wanted when the conversation has been read again.
                    self.kept = kept;
                    if let Input::Cleared { row } = *input {
                        // Its permit is gone with the flow; the row asks for another.
                        self.kept = self.kept.take().map(|kept| Box::new(kept.without_permit(row)));
                        input = &pumped;
                    }
                }
                Committed::Failed(error) => {
                    self.let_go();
                    return Err(self.shared.unavailable(error));
                }
            }
        }
        Err(DeliverError::Busy)
    }

    /// The flow in memory was dropped: so is what runs for it, and places at the gates go to others.
    pub(super) fn let_go(&mut self) {
        self.model = None;
        self.ears.clear();
        self.kept = None;
        self.permits.clear();
    }

    /// Lets the flow decide. Rows for which a permit is free at once are claimed in the same commit.
    fn advance(&mut self, flow: &mut Flow, contact: Option<Verified>, input: &Input) -> Batch {
        let ctx = self.shared.ctx();
        let claimed = Instant::now();
        let mut steps = Vec::with_capacity(2);
        if let Some(verified) = contact {
            steps.push(("contact_known", flow.handle(&ctx, Input::ContactKnown(verified))));
        }
        steps.push((input.name(), flow.handle(&ctx, input.clone())));
        let mut next = 0;
        while next < steps.len() {
            let wanted: Vec<(u64, Lane)> = steps[next].1.effects.iter().filter_map(acquired).collect();
            for (row, lane) in wanted {
                let permit = self.gate_of(lane).and_then(|gate| gate.try_acquire(Priority::High));
                if let Some(permit) = permit {
                    self.permits.insert(row, permit);
                    steps.push(("cleared", flow.handle(&ctx, Input::Cleared { row })));
                }
            }
            next += 1;
        }
        Batch { prove: false, force: false, steps, claimed, lapsed: false }
    }

    /// Ends the model call before anything is written: a slow store must not delay silence.
    fn silence(&mut self, batch: &Batch) {
        let aborts = batch.steps.iter().flat_map(|(_, step)| &step.effects).any(|effect| *effect == Effect::AbortModel);
        if aborts && self.model.take().is_some() {
            counter!(metrics::MODEL_CALLS_ABORTED).increment(1);
            let taken_over = batch.steps.iter().any(|(_, step)| step.to == PhaseName::Human);
            if let Some(came) = self.came.filter(|_| taken_over) {
                histogram!(metrics::TAKEOVER_ABORT_SECONDS, "where" => "here").record(came.elapsed().as_secs_f64());
            }
        }
    }

    fn answer(&self, flow: &Flow, batch: &Batch, input: &Input) -> Answer {
        let confirmed = batch.steps.iter().any(|(_, step)| step.confirmed);
        let by_name = |(name, _): &&(&'static str, Step)| *name == input.name();
        let intake = batch.steps.iter().find(by_name).map(|(_, step)| step.intake);
        let now = self.shared.ports.clock.now();
        let challenge = match input {
            Input::LinkConfirmed(id) => Some(flow.challenge(id, confirmed, now)),
            Input::LinkDisowned(id) => Some(flow.challenge(id, false, now)),
            Input::Inbound(_)
            | Input::ContactKnown(_)
            | Input::Ordered(_)
            | Input::Decided { .. }
            | Input::Poisoned
            | Input::Erased
            | Input::HumanModeOff
            | Input::ModelReplied { .. }
            | Input::Transcribed { .. }
            | Input::Cleared { .. }
            | Input::Sent { .. }
            | Input::Looked { .. }
            | Input::LookAround
            | Input::DeadlineReached
            | Input::Recovered { .. } => None,
        };
        let intake = intake.unwrap_or(crate::view::Intake::Accepted);
        let decided = batch.steps.iter().find_map(|(_, step)| step.decided);
        Answer { receipt: Receipt { intake, phase: flow.phase_name() }, challenge, decided }
    }

    pub(super) fn tell_vitals(&self, loaded: &Loaded) {
        let flow = &loaded.flow;
        let phase = match flow.phase_name() {
            PhaseName::AwaitingEmail => 0,
            PhaseName::PendingVerification => 1,
            PhaseName::Bot => 2,
            PhaseName::Human => 3,
        };
        self.vitals.phase.store(phase, Ordering::Relaxed);
        self.vitals.busy.store(flow.has_work(), Ordering::Relaxed);
        self.vitals.left.store(!loaded.mine, Ordering::Relaxed);
        self.vitals.held.store(flow.held(), Ordering::Relaxed);
        self.vitals.oldest_owed.store(flow.oldest_owed().map_or(0, |at| at.as_millis()), Ordering::Relaxed);
    }

    // === Time ===

    fn retry_soon(&mut self) {
        self.retry.get_or_insert_with(|| Instant::now() + STORE_PAUSE);
    }

    /// Sets the one local timer: to the flow's next deadline, or, where the flow was dropped with work in hand, to the next
    /// try to load it. Its lease is renewed meanwhile, so nobody else would.
    pub(super) fn rearm(&mut self, myself: &ActorRef<ConversationMsg>) {
        self.deadline = None;
        let policy = &self.shared.settings.policy;
        let deadline = self.loaded.as_ref().and_then(|loaded| loaded.flow.deadline(policy));
        let yields = self.loaded.as_ref().is_some_and(|loaded| !loaded.mine && loaded.version > 0);
        let grace = if yields && !self.shared.ports.store.is_exclusive() { YIELD } else { Duration::ZERO };
        let due = deadline.map(|(at, _)| self.shared.ports.clock.now().until(at) + grace);
        if self.loaded.is_none() && self.vitals.busy.load(Ordering::Relaxed) {
            self.retry_soon();
        }
        let retry = self.retry.map(|at| at.saturating_duration_since(Instant::now()));
        let Some(pause) = due.into_iter().chain(retry).min() else { return };
        let myself = myself.clone();
        self.deadline = Some(AbortOnDrop::spawn(async move {
            tokio::time::sleep(pause).await;
            // An actor that has ended needs no timer; the wake index has it.
            let _ = myself.cast(ConversationMsg::Deadline);
        }));
    }
}

fn acquired(effect: &Effect) -> Option<(u64, Lane)> {
    match effect {
        Effect::Acquire { row, lane } => Some((*row, *lane)),
        Effect::AbortModel
        | Effect::AskModel { .. }
        | Effect::Transcribe { .. }
        | Effect::Send(_)
        | Effect::Look { .. }
        | Effect::Typing(_)
        | Effect::Alert(_) => None,
    }
}
