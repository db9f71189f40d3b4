//! What a conversation's actor holds, and how it answers its messages.

use super::commit::Committed;
use super::{Answer, ConversationMsg, Spawn};
use crate::directory::DirectoryMsg;
use crate::directory::places::Vitals;
use crate::domain::Verified;
use crate::engine::{ChallengeView, DeliverError, PhaseName, Receipt, View};
use crate::flow::outbox::Lane;
use crate::flow::{Effect, Flow, Input, Step};
use crate::ids::{ConversationKey, Ticket};
use crate::metrics;
use crate::outbound::{Permit, Priority};
use crate::ports::{Due, PortError};
use crate::shared::{AbortOnDrop, Shared};
use crate::time::Timestamp;
use ::metrics::counter;
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

/// A conversation in memory.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) key: ConversationKey,
    pub(super) shared: Arc<Shared>,
    vitals: Arc<Vitals>,
    pub(super) loaded: Option<Loaded>,
    /// The running model call.
    pub(super) model: Option<(Ticket, AbortOnDrop)>,
    /// Permits in hand for rows that are about to be claimed.
    pub(super) permits: BTreeMap<u64, Permit>,
    deadline: Option<AbortOnDrop>,
    /// Whether work of our own failed with the store: it is tried again after a pause.
    interrupted: bool,
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
    heard_until: Timestamp,
}

impl Loaded {
    /// Makes the flow look before it speaks where events may have been missed since it was last heard of.
    fn suspect_if_missed(mut self, until: Timestamp) -> Self {
        if self.heard_until < until {
            self.flow.suspect();
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
}

impl Live {
    pub(super) fn new(spawn: Spawn) -> Self {
        Self {
            key: spawn.key,
            shared: spawn.shared,
            vitals: spawn.vitals,
            loaded: None,
            model: None,
            permits: BTreeMap::new(),
            deadline: None,
            interrupted: false,
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
                }
                // Whoever asked may have given up; what they brought is taken all the same.
                let heard = self.hear(&input).await;
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
                    self.interrupted = true;
                }
            }
            ConversationMsg::Wake(due) => self.wake(&due).await,
            ConversationMsg::Deadline | ConversationMsg::Revive => {
                let heard = self.hear(&Input::DeadlineReached).await;
                self.interrupted |= heard.is_err();
            }
            ConversationMsg::View(port) => drop(port.send(self.view().await)),
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
            self.loaded = None;
            self.model = None;
        }
        let input = if working { Input::DeadlineReached } else { Input::Recovered { takes: due.takes } };
        self.woken = true;
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
            let mut batch = self.advance(&mut loaded.flow, contact, input);
            batch.prove = cached && !self.shared.ports.store.is_exclusive() && claims_absence(input);
            batch.force = self.woken && !loaded.flow.has_work();
            if loaded.version == 0 && !matches!(input, Input::Inbound(_)) {
                // Only a webhook begins a conversation.
                self.permits.clear();
                self.interrupted = false;
                self.vitals.busy.store(false, Ordering::Relaxed);
                return Ok(self.answer(&loaded.flow, &batch, input));
            }
            self.silence(&batch);
            match self.commit(&mut loaded, &batch).await {
                Committed::Yes => {
                    let answer = self.answer(&loaded.flow, &batch, input);
                    self.tell_vitals(&loaded.flow);
                    self.interrupted = false;
                    self.loaded = Some(loaded);
                    self.perform(batch);
                    return Ok(answer);
                }
                Committed::Conflict => {
                    self.let_go();
                    if matches!(input, Input::Cleared { .. }) {
                        // Its permit is gone with the flow; the row asks for another.
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
    fn let_go(&mut self) {
        self.model = None;
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
        Batch { prove: false, force: false, steps, claimed }
    }

    /// Ends the model call before anything is written: a slow store must not delay silence.
    fn silence(&mut self, batch: &Batch) {
        let aborts = batch.steps.iter().flat_map(|(_, step)| &step.effects).any(|effect| *effect == Effect::AbortModel);
        if aborts && self.model.take().is_some() {
            counter!(metrics::MODEL_CALLS_ABORTED).increment(1);
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
            | Input::HumanModeOff
            | Input::ModelReplied { .. }
            | Input::Cleared { .. }
            | Input::Sent { .. }
            | Input::Looked { .. }
            | Input::DeadlineReached
            | Input::Recovered { .. } => None,
        };
        let intake = intake.unwrap_or(crate::view::Intake::Accepted);
        Answer { receipt: Receipt { intake, phase: flow.phase_name() }, challenge }
    }

    fn tell_vitals(&self, flow: &Flow) {
        let phase = match flow.phase_name() {
            PhaseName::AwaitingEmail => 0,
            PhaseName::PendingVerification => 1,
            PhaseName::Bot => 2,
            PhaseName::Human => 3,
        };
        self.vitals.phase.store(phase, Ordering::Relaxed);
        self.vitals.busy.store(flow.has_work(), Ordering::Relaxed);
        self.vitals.held.store(flow.held(), Ordering::Relaxed);
        self.vitals.oldest_owed.store(flow.oldest_owed().map_or(0, |at| at.as_millis()), Ordering::Relaxed);
    }

    // === Loading ===

    /// Loads the conversation unless it is in memory. One that does not exist yet begins here.
    async fn hydrate(&mut self) -> Result<(), DeliverError> {
        let mut missed_until = Timestamp::from_millis(self.shared.missed_until.load(Ordering::Relaxed));
        if self.vitals.missed.swap(false, Ordering::Relaxed) {
            missed_until = self.shared.ports.clock.now();
        }
        if let Some(loaded) = self.loaded.take() {
            self.loaded = Some(loaded.suspect_if_missed(missed_until));
            return Ok(());
        }
        let stored = match self.shared.ports.store.load(&self.key).await {
            Ok(stored) => stored,
            Err(error) => {
                counter!(metrics::HYDRATIONS, "outcome" => "failed").increment(1);
                return Err(self.shared.unavailable(error));
            }
        };
        let ctx = self.shared.ctx();
        let Some(stored) = stored else {
            counter!(metrics::HYDRATIONS, "outcome" => "new").increment(1);
            let flow = Flow::new(&ctx, self.key.clone());
            self.loaded = Some(Loaded { flow: Box::new(flow), version: 0, digest: 0, heard_until: ctx.now });
            return Ok(());
        };
        match Flow::restore(&ctx, &stored.record, stored.memory.as_deref()) {
            Ok(flow) => {
                counter!(metrics::HYDRATIONS, "outcome" => "found").increment(1);
                let digest = super::commit::digest(&stored.record);
                // Without a memory nobody knows since when: it may have been months.
                let heard_until = flow.last_word().unwrap_or_default();
                let loaded = Loaded { flow: Box::new(flow), version: stored.version, digest, heard_until };
                self.loaded = Some(loaded.suspect_if_missed(missed_until));
                Ok(())
            }
            Err(error) => {
                counter!(metrics::HYDRATIONS, "outcome" => "garbled").increment(1);
                tracing::error!(conversation = %self.key, error = %error, "a conversation's record cannot be read");
                if let Some(directory) = self.shared.directory.get() {
                    // The Directory outlives its children.
                    let _ = directory.cast(DirectoryMsg::Quarantine(self.key.clone()));
                }
                Err(DeliverError::Quarantined)
            }
        }
    }

    /// Looks up whether a customer at the gate is known from another conversation.
    async fn contact_for(&self, input: &Input) -> Result<Option<Verified>, DeliverError> {
        let Input::Inbound(inbound) = input else { return Ok(None) };
        let wants = self.loaded.as_ref().is_some_and(|loaded| loaded.flow.wants_contact());
        let asks = matches!(inbound.event, crate::domain::Event::CustomerWrote(_)) && inbound.proof.is_none();
        let Some(contact) = inbound.contact.as_ref().filter(|_| wants && asks) else { return Ok(None) };
        let stored =
            self.shared.ports.store.contact(&contact.key).await.map_err(|error| self.shared.unavailable(error))?;
        // A damaged entry costs the customer one more verification, nothing else.
        Ok(stored.and_then(|bytes| rmp_serde::from_slice(&bytes).ok()))
    }

    async fn view(&mut self) -> Result<Option<View>, DeliverError> {
        self.hydrate().await?;
        let policy = &self.shared.settings.policy;
        let shown = self.loaded.as_ref().filter(|loaded| loaded.version > 0);
        Ok(shown.map(|loaded| loaded.flow.view(policy, loaded.version)))
    }

    async fn challenge(&mut self, id: &str) -> Result<ChallengeView, DeliverError> {
        // The challenge may have been made on another node since.
        if let Some(loaded) = &self.loaded
            && !self.is_current(loaded.version).await.map_err(|error| self.shared.unavailable(error))?
        {
            self.loaded = None;
            self.let_go();
        }
        self.hydrate().await?;
        let now = self.shared.ports.clock.now();
        Ok(self.loaded.as_ref().map_or(ChallengeView::Foreign, |loaded| loaded.flow.challenge(id, false, now)))
    }

    /// Returns whether the store holds this version.
    pub(super) async fn is_current(&self, version: u64) -> Result<bool, PortError> {
        let stored = self.shared.ports.store.load(&self.key).await?;
        Ok(stored.map_or(0, |stored| stored.version) == version)
    }

    // === Time ===

    /// Sets the one local timer: to the flow's next deadline, or, where the flow was dropped with work in hand, to the next
    /// try to load it. Its lease is renewed meanwhile, so nobody else would.
    pub(super) fn rearm(&mut self, myself: &ActorRef<ConversationMsg>) {
        self.deadline = None;
        let policy = &self.shared.settings.policy;
        let deadline = self.loaded.as_ref().and_then(|loaded| loaded.flow.deadline(policy));
        let due = deadline.map(|(at, _)| self.shared.ports.clock.now().until(at));
        // Also where somebody has merely looked at it since: a view loads the flow but resumes nothing.
        let dropped = self.loaded.is_none() && self.vitals.busy.load(Ordering::Relaxed);
        let retry = (self.interrupted || dropped).then_some(STORE_PAUSE);
        let Some(pause) = due.into_iter().chain(retry).min() else { return };
        let myself = myself.clone();
        self.deadline = Some(AbortOnDrop::spawn(async move {
            tokio::time::sleep(pause).await;
            // An actor that has ended needs no timer; the wake index has it.
            let _ = myself.cast(ConversationMsg::Deadline);
        }));
    }
}

/// Returns whether the answer to an input rests on something that is not there, which another node may have written.
fn claims_absence(input: &Input) -> bool {
    use crate::domain::Event;
    match input {
        Input::LinkConfirmed(_) | Input::LinkDisowned(_) | Input::Ordered(_) | Input::HumanModeOff => true,
        Input::Inbound(inbound) => {
            let by_event = matches!(inbound.event, Event::Deleted { .. } | Event::Ordered { .. } | Event::Echo { .. });
            by_event || inbound.state.is_some()
        }
        Input::ContactKnown(_)
        | Input::ModelReplied { .. }
        | Input::Cleared { .. }
        | Input::Sent { .. }
        | Input::Looked { .. }
        | Input::DeadlineReached
        | Input::Recovered { .. } => false,
    }
}

fn acquired(effect: &Effect) -> Option<(u64, Lane)> {
    match effect {
        Effect::Acquire { row, lane } => Some((*row, *lane)),
        Effect::AbortModel
        | Effect::AskModel { .. }
        | Effect::Send(_)
        | Effect::Look { .. }
        | Effect::Typing(_)
        | Effect::Alert(_) => None,
    }
}
