//! The actor of one conversation: it owns the flow, commits what the flow decides, and only then acts.
//!
//! Order, always: handle → one commit → effects. Stopping (the model call) happens before the commit, speaking after it.
//! On anything but a successful commit the flow in memory is dropped and loaded again: memory never runs ahead of the
//! store. Slow work runs in tasks (`conversation/effects.rs`) whose results come back through the Directory, so the actor
//! can always hear "stop".

mod commit;
mod ears;
pub(crate) mod effects;
mod journal;
mod live;
mod load;
mod measure;
mod reading;

use crate::directory::places::Vitals;
use crate::engine::{ChallengeView, DeliverError, Receipt, View};
use crate::flow::Input;
use crate::ids::ConversationKey;
use crate::journal::JournalEntry;
use crate::outbound::Permit;
use crate::ports::Due;
use crate::shared::Shared;
use crate::view::Decided;
use live::Live;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The actor.
#[derive(Debug)]
pub(crate) struct ConversationActor;

/// What it is started with.
#[derive(Debug)]
pub(crate) struct Spawn {
    pub(crate) key: ConversationKey,
    pub(crate) shared: Arc<Shared>,
    pub(crate) vitals: Arc<Vitals>,
}

/// What it hears.
#[derive(Debug)]
pub(crate) enum ConversationMsg {
    /// An input, and who waits for its acknowledgement.
    Hear(Box<Input>, Option<Asker>),
    /// The gate lets a row through.
    Permit(u64, Permit),
    /// The wake index says that somebody must look.
    Wake(Due),
    /// The local timer went off.
    Deadline,
    /// Somebody wants to see it.
    View(oneshot::Sender<Result<Option<View>, DeliverError>>),
    /// Somebody wants to know what it heard since its last commit.
    Unwritten(oneshot::Sender<Vec<JournalEntry>>),
    /// Somebody opened a verification link.
    Challenge(String, oneshot::Sender<Result<ChallengeView, DeliverError>>),
    /// A predecessor left work.
    Revive,
    /// Another node has written.
    Nudged,
}

/// Who waits for the acknowledgement of an input.
#[derive(Debug)]
pub(crate) struct Asker {
    /// Where the acknowledgement goes.
    pub(crate) port: oneshot::Sender<Result<Answer, DeliverError>>,
    /// Set when an actor takes up the input: one that ends without an answer then failed on it, or was killed over it. One
    /// that was only waiting in the mailbox of a failing actor is innocent.
    pub(crate) begun: Arc<AtomicBool>,
    /// When the input came, to see how soon it silences the desk.
    pub(crate) came: Instant,
}

/// The acknowledgement of an input: what it did is durable.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) receipt: Receipt,
    /// For presses of buttons behind a link: where it leads.
    pub(crate) challenge: Option<ChallengeView>,
    /// For decisions about held rows: what became of them.
    pub(crate) decided: Option<Decided>,
}

impl ConversationMsg {
    /// Makes a message that nobody waits for.
    pub(crate) fn hear(input: Input) -> Self {
        ConversationMsg::Hear(Box::new(input), None)
    }

    /// Answers that it cannot be taken.
    pub(crate) fn refuse(self, error: DeliverError) {
        // Whoever has stopped waiting does not mind.
        match self {
            ConversationMsg::Hear(_, Some(asker)) => drop(asker.port.send(Err(error))),
            ConversationMsg::View(view) => drop(view.send(Err(error))),
            ConversationMsg::Challenge(_, view) => drop(view.send(Err(error))),
            ConversationMsg::Hear(_, None)
            | ConversationMsg::Permit(..)
            | ConversationMsg::Wake(_)
            | ConversationMsg::Deadline
            | ConversationMsg::Unwritten(_)
            | ConversationMsg::Revive
            | ConversationMsg::Nudged => {}
        }
    }

    /// Returns whether nobody outside waits for it.
    fn is_own_work(&self) -> bool {
        match self {
            ConversationMsg::Hear(_, asker) => asker.is_none(),
            ConversationMsg::Permit(..)
            | ConversationMsg::Wake(_)
            | ConversationMsg::Deadline
            | ConversationMsg::Revive => true,
            // A nudge is another node's news, and the two others are asked for by somebody who looks on.
            ConversationMsg::View(_)
            | ConversationMsg::Challenge(..)
            | ConversationMsg::Unwritten(_)
            | ConversationMsg::Nudged => false,
        }
    }

    /// Returns whether it counts against the bound of the mailbox: only what somebody waits for does.
    pub(crate) fn is_counted(&self) -> bool {
        matches!(self, ConversationMsg::Hear(_, Some(_)))
    }
}

impl Actor for ConversationActor {
    type Msg = ConversationMsg;
    // Boxed: the actor's task keeps room for its state in several places.
    type State = Box<Live>;
    type Arguments = Spawn;

    async fn pre_start(&self, _: ActorRef<ConversationMsg>, spawn: Spawn) -> Result<Box<Live>, ActorProcessingErr> {
        Ok(Box::new(Live::new(spawn)))
    }

    async fn handle(
        &self,
        myself: ActorRef<ConversationMsg>,
        msg: ConversationMsg,
        live: &mut Box<Live>,
    ) -> Result<(), ActorProcessingErr> {
        let counted = msg.is_counted();
        live.vitals().own_work.store(msg.is_own_work(), Ordering::Relaxed);
        // Boxed: an inline future would swell every idle actor for ever.
        Box::pin(live.on(msg)).await;
        live.vitals().own_work.store(false, Ordering::Relaxed);
        if counted {
            live.uncount();
        }
        live.rearm(&myself);
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<ConversationMsg>, live: &mut Box<Live>) -> Result<(), ActorProcessingErr> {
        live.vitals().phase.store(usize::MAX, Ordering::Relaxed);
        Ok(())
    }
}
