//! The supervisor of the conversations: finds or starts the actor of a conversation, starts failed ones again within a
//! budget, lets idle ones leave memory, and sets aside what cannot be served.
//!
//! It never waits for a conversation and never touches the store: the watch (`directory/watch.rs`) does that.

pub(crate) mod nudges;
pub(crate) mod places;
pub(crate) mod restart;
pub(crate) mod watch;

use crate::aside;
use crate::conversation::{ConversationActor, ConversationMsg, Spawn};
use crate::engine::DeliverError;
use crate::flow::{Incident, Input};
use crate::ids::ConversationKey;
use crate::metrics;
use crate::shared::Shared;
use ::metrics::{counter, gauge};
use places::{Place, Slot, Vitals};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use restart::{Failures, Verdict};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use watch::Watch;

/// The supervisor.
#[derive(Debug)]
pub(crate) struct Directory;

/// What the supervisor hears.
#[derive(Debug)]
pub(crate) enum DirectoryMsg {
    /// Brings a message to a conversation nobody serves.
    Route(ConversationKey, ConversationMsg),
    /// Starts the actor of a conversation whose messages are parked.
    Respawn(ConversationKey),
    /// Sets a conversation aside: its record cannot be read.
    Quarantine(ConversationKey),
    /// That a conversation is set aside is in the store.
    Noted(ConversationKey),
    /// Takes back a conversation that was set aside; answers whether it was.
    Forget(ConversationKey, oneshot::Sender<bool>),
    /// Lets conversations leave memory that have been idle for longer than this.
    Passivate(Duration),
    /// Starts the watch.
    StartWatch,
}

/// Who is who.
#[derive(Debug)]
pub(crate) struct Roster {
    shared: Arc<Shared>,
    served: HashMap<ActorId, ConversationKey>,
    failures: Failures,
    watch: Option<ActorId>,
}

impl Actor for Directory {
    type Msg = DirectoryMsg;
    type State = Roster;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<DirectoryMsg>, shared: Arc<Shared>) -> Result<Roster, ActorProcessingErr> {
        shared.spawn(nudges::hear(shared.clone()));
        Ok(Roster { shared, served: HashMap::new(), failures: Failures::default(), watch: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<DirectoryMsg>,
        msg: DirectoryMsg,
        roster: &mut Roster,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            DirectoryMsg::Route(key, msg) => roster.route(&myself, key, msg).await,
            DirectoryMsg::Respawn(key) => roster.respawn(&myself, key).await,
            DirectoryMsg::Quarantine(key) => roster.quarantine(&key, "its record cannot be read"),
            DirectoryMsg::Noted(key) => roster.shared.places.note(&key),
            // Whoever has stopped waiting does not mind.
            DirectoryMsg::Forget(key, port) => drop(port.send(roster.forget(&key))),
            DirectoryMsg::Passivate(idle) => roster.passivate(idle),
            DirectoryMsg::StartWatch => roster.start_watch(&myself).await,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<DirectoryMsg>,
        event: SupervisionEvent,
        roster: &mut Roster,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                let killed =
                    reason.as_deref().is_some_and(|reason| reason == "killed" || reason == "actor_task_cancelled");
                roster.ended(&myself, &who, if killed { Some("killed") } else { None });
            }
            SupervisionEvent::ActorFailed(who, error) => {
                tracing::error!(error = %error, "an actor failed");
                roster.ended(&myself, &who, Some("panic"));
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl Roster {
    async fn route(&mut self, myself: &ActorRef<DirectoryMsg>, key: ConversationKey, msg: ConversationMsg) {
        match self.shared.places.send(&key, msg) {
            places::Routed::Sent => {}
            places::Routed::Quarantined(msg) => msg.refuse(DeliverError::Quarantined),
            places::Routed::Absent(msg) if self.is_closing() => msg.refuse(DeliverError::Closing),
            places::Routed::Absent(msg) => {
                let vitals = Arc::new(Vitals::default());
                vitals.waiting.store(usize::from(msg.is_counted()), Ordering::Relaxed);
                // What was taken from the wake index is this node's until it is done.
                vitals.busy.store(matches!(msg, ConversationMsg::Wake(_)), Ordering::Relaxed);
                self.start(myself, key, vitals, vec![msg]).await;
            }
        }
    }

    /// Starts an actor and gives it what was parked. While it starts, new messages are parked too.
    async fn start(
        &mut self,
        myself: &ActorRef<DirectoryMsg>,
        key: ConversationKey,
        vitals: Arc<Vitals>,
        parked: Vec<ConversationMsg>,
    ) {
        self.shared.places.lock(&key).insert(key.clone(), Place::Between(vitals.clone(), parked));
        let spawn = Spawn { key: key.clone(), shared: self.shared.clone(), vitals: vitals.clone() };
        vitals.last_used.store(self.shared.ports.clock.now().as_millis(), Ordering::Relaxed);
        match Actor::spawn_linked(None, ConversationActor, spawn, myself.get_cell()).await {
            Ok((actor, _)) => {
                counter!(metrics::SPAWNS).increment(1);
                self.served.insert(actor.get_id(), key.clone());
                let mut part = self.shared.places.lock(&key);
                let before = part.insert(key, Place::Live(Slot { actor: actor.clone(), vitals }));
                if let Some(Place::Between(_, parked)) = before {
                    for msg in parked {
                        // Only this supervisor holds the new actor so far: it is alive.
                        let _ = actor.cast(msg);
                    }
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "a conversation's actor cannot be started, trying again");
                let respawn = move || DirectoryMsg::Respawn(key);
                myself.send_after(Duration::from_millis(200), respawn);
            }
        }
    }

    async fn respawn(&mut self, myself: &ActorRef<DirectoryMsg>, key: ConversationKey) {
        let parked = {
            let mut part = self.shared.places.lock(&key);
            match part.get_mut(&key) {
                Some(Place::Between(vitals, parked)) => (vitals.clone(), std::mem::take(parked)),
                Some(Place::Live(_) | Place::Quarantined { .. }) | None => return,
            }
        };
        self.start(myself, key, parked.0, parked.1).await;
    }

    /// An actor ended: passivated (no cause), failed or killed.
    fn ended(&mut self, myself: &ActorRef<DirectoryMsg>, who: &ActorCell, cause: Option<&'static str>) {
        if self.watch == Some(who.get_id()) {
            counter!(metrics::RESTARTS, "cause" => "watch").increment(1);
            myself.send_after(Duration::from_millis(100), || DirectoryMsg::StartWatch);
            return;
        }
        let Some(key) = self.served.remove(&who.get_id()) else { return };
        let of_its_own = cause == Some("panic") && self.was_own_work(&key);
        let verdict = match cause {
            Some(cause) => {
                counter!(metrics::RESTARTS, "cause" => cause).increment(1);
                self.failures.note(&key, self.shared.ports.clock.now())
            }
            None => Verdict::Respawn(Duration::ZERO),
        };
        match verdict {
            Verdict::Respawn(pause) => {
                let poisoned = of_its_own && self.failures.note_own(&key, self.shared.ports.clock.now());
                let revival = match (cause, poisoned) {
                    (None, _) => None,
                    (Some(_), false) => Some(ConversationMsg::Revive),
                    // What it fails on twice it is not to try a third time.
                    (Some(_), true) => Some(ConversationMsg::hear(Input::Poisoned)),
                };
                self.hand_over(myself, key, revival, pause);
            }
            Verdict::GiveUp => self.quarantine(&key, "it keeps failing"),
        }
    }

    /// Returns whether a failed conversation was at work that nobody outside had asked for.
    fn was_own_work(&self, key: &ConversationKey) -> bool {
        self.shared.places.vitals(key).is_some_and(|vitals| vitals.own_work.swap(false, Ordering::Relaxed))
    }

    /// Makes a successor if it failed, if somebody waits for one, or if work is left.
    fn hand_over(
        &self,
        myself: &ActorRef<DirectoryMsg>,
        key: ConversationKey,
        revival: Option<ConversationMsg>,
        pause: Duration,
    ) {
        let mut part = self.shared.places.lock(&key);
        if matches!(part.get(&key), Some(Place::Quarantined { .. })) {
            return;
        }
        let (vitals, mut parked) = match part.remove(&key) {
            Some(Place::Live(slot)) => (slot.vitals, Vec::new()),
            Some(Place::Between(vitals, parked)) => (vitals, parked),
            Some(Place::Quarantined { .. }) | None => return,
        };
        // What the dead actor had in its mailbox is gone; its callers have been told and ask again.
        vitals.waiting.store(parked.iter().filter(|msg| msg.is_counted()).count(), Ordering::Relaxed);
        if self.is_closing() {
            parked.into_iter().for_each(|msg| msg.refuse(DeliverError::Closing));
            return;
        }
        let left = vitals.busy.load(Ordering::Relaxed).then_some(ConversationMsg::Revive);
        parked.extend(revival.or(left));
        if parked.is_empty() {
            counter!(metrics::PASSIVATIONS).increment(1);
            return;
        }
        part.insert(key.clone(), Place::Between(vitals, parked));
        drop(part);
        myself.send_after(pause, move || DirectoryMsg::Respawn(key));
    }

    /// Returns whether the engine is stopping: what is left is the next run's.
    fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Relaxed)
    }

    fn quarantine(&mut self, key: &ConversationKey, why: &'static str) {
        let before = self.shared.places.lock(key).insert(key.clone(), Place::Quarantined { noted: false });
        let again = matches!(before, Some(Place::Quarantined { .. }));
        let parked = match before {
            Some(Place::Between(_, parked)) => parked,
            Some(Place::Live(slot)) => {
                slot.actor.stop(None);
                Vec::new()
            }
            Some(Place::Quarantined { .. }) | None => Vec::new(),
        };
        for msg in parked {
            msg.refuse(DeliverError::Quarantined);
        }
        gauge!(metrics::QUARANTINED).set(self.shared.places.count().1 as f64);
        self.shared.raise(Incident::Quarantined);
        if !again {
            aside::quarantine(&self.shared, key, why);
        }
    }

    /// Takes a conversation back that was set aside. Returns whether it was.
    fn forget(&mut self, key: &ConversationKey) -> bool {
        self.failures.forgive(key);
        let mut part = self.shared.places.lock(key);
        let was = matches!(part.get(key), Some(Place::Quarantined { .. }));
        if was {
            part.remove(key);
        }
        was
    }

    /// Lets idle conversations leave memory: they finish what is in their mailbox; what comes later is parked.
    fn passivate(&mut self, idle: Duration) {
        let now = self.shared.ports.clock.now();
        let mut leaving = Vec::new();
        self.shared.places.each_live(|key, slot| {
            let last = crate::time::Timestamp::from_millis(slot.vitals.last_used.load(Ordering::Relaxed));
            // Held rows are counted where they are in memory.
            let holds = slot.vitals.held.load(Ordering::Relaxed) > 0;
            if !slot.vitals.is_busy() && !holds && now.since(last) >= idle {
                leaving.push(key.clone());
            }
        });
        for key in leaving {
            let mut part = self.shared.places.lock(&key);
            if let Some(Place::Live(slot)) = part.remove(&key) {
                let drained = slot.actor.drain();
                tracing::trace!(ok = drained.is_ok(), "a conversation leaves memory");
                part.insert(key, Place::Between(slot.vitals, Vec::new()));
            }
        }
    }

    async fn start_watch(&mut self, myself: &ActorRef<DirectoryMsg>) {
        match Actor::spawn_linked(None, Watch, self.shared.clone(), myself.get_cell()).await {
            Ok((watch, _)) => self.watch = Some(watch.get_id()),
            Err(error) => {
                tracing::error!(error = %error, "the watch cannot be started, trying again");
                myself.send_after(Duration::from_millis(200), || DirectoryMsg::StartWatch);
            }
        }
    }
}
