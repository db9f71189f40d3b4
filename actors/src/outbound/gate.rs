//! The gate of one outbound account: whoever wants to call it needs a permit.
//!
//! The fast way is a lock and no message; only those who must wait go through the gate's actor, which serves them in order
//! of importance. A gate owns no durable state: after a crash everybody simply asks again.

use super::lane::{Gatekeeping, Health, LaneState, Priority};
use crate::metrics;
use crate::ports::{Budget, Verdict};
use crate::time::{Clock, Timestamp};
use ::metrics::{counter, gauge, histogram};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    state: Mutex<Guarded>,
    budget: Arc<dyn Budget>,
    clock: Arc<dyn Clock>,
    actor: RwLock<Option<ActorRef<GateMsg>>>,
}

#[derive(Debug)]
struct Guarded {
    lane: LaneState,
    waiting: usize,
    closed: bool,
    paused: bool,
}

/// Permission for one call. Dropping it frees the place.
#[derive(Debug)]
pub struct Permit {
    inner: Arc<Inner>,
}

/// What a gate's actor hears.
#[derive(Debug)]
pub(crate) enum GateMsg {
    /// Somebody must wait.
    Wait(Priority, oneshot::Sender<Permit>),
    /// A place is free, or a pause or the budget's refill is over.
    Serve,
}

/// Why a permit was not given at once.
enum Refusal {
    Wait(Duration),
    Full,
    Closed,
}

impl Gate {
    pub(crate) fn new(name: &str, width: usize, budget: Arc<dyn Budget>, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(Guarded { lane: LaneState::new(width), waiting: 0, closed: false, paused: false });
        let inner = Inner { name: name.to_owned(), state, budget, clock, actor: RwLock::new(None) };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the account's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns a permit if one is free and nobody waits.
    pub fn try_acquire(&self, priority: Priority) -> Option<Permit> {
        let mut state = self.inner.lock();
        if state.waiting > 0 {
            return None;
        }
        self.inner.admit(&mut state, priority).ok()
    }

    /// Waits for a permit. Never resolves once the gate is closed, and not while it is paused.
    pub async fn acquire(&self, priority: Priority) -> Permit {
        let asked = Instant::now();
        loop {
            if let Some(permit) = self.try_acquire(priority) {
                histogram!(metrics::GATE_WAIT_SECONDS, "lane" => self.inner.name.clone())
                    .record(asked.elapsed().as_secs_f64());
                return permit;
            }
            let (send, permit) = oneshot::channel();
            let actor = self.inner.actor.read().unwrap_or_else(PoisonError::into_inner).clone();
            let sent = actor.is_some_and(|actor| actor.cast(GateMsg::Wait(priority, send)).is_ok());
            match permit.await {
                Ok(permit) => return permit,
                // The gate's actor has just died; its successor is being started.
                Err(_) if sent => tokio::task::yield_now().await,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Learns from a verdict: pauses the lane when the vendor asks for it or refuses the account. Returns whether the
    /// account has just been refused (`Some(true)`) or accepted again (`Some(false)`).
    pub fn report(&self, verdict: &Verdict) -> Option<bool> {
        let now = self.inner.clock.now();
        let health = self.inner.lock().lane.learn(verdict, now);
        let paused = matches!(self.inner.lock().lane.ask(Priority::High, now), Gatekeeping::Paused(_));
        gauge!(metrics::GATE_PAUSED, "lane" => self.inner.name.clone()).set(if paused { 1.0 } else { 0.0 });
        match health {
            Health::Same => None,
            Health::Broke => {
                counter!(metrics::GATE_PAUSES, "lane" => self.inner.name.clone()).increment(1);
                Some(true)
            }
            Health::Mended => Some(false),
        }
    }

    /// Returns whether the account was refused when it was last used.
    pub(crate) fn is_refused(&self) -> bool {
        self.inner.lock().lane.is_refused()
    }

    /// Gives no more permits.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
    }

    /// Gives no permits for now, or gives them again. Those who wait stay in line.
    pub(crate) fn pause(&self, on: bool) {
        let was_on = std::mem::replace(&mut self.inner.lock().paused, on);
        if was_on && !on {
            let actor = self.inner.actor.read().unwrap_or_else(PoisonError::into_inner).clone();
            // A gate whose actor is gone is served when its successor starts.
            let _ = actor.map(|actor| actor.cast(GateMsg::Serve));
        }
    }

    /// Returns whether it gives no permits for now.
    pub(crate) fn is_paused(&self) -> bool {
        self.inner.lock().paused
    }

    /// Returns how many calls run.
    pub(crate) fn running(&self) -> usize {
        self.inner.lock().lane.running()
    }

    /// Kills the gate's actor, for tests.
    #[cfg(feature = "testkit")]
    pub(crate) fn kill_actor(&self) {
        if let Some(actor) = self.inner.actor.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            actor.kill();
        }
    }

    pub(crate) fn attach(&self, actor: ActorRef<GateMsg>) {
        *self.inner.actor.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(self: &Arc<Self>, state: &mut Guarded, priority: Priority) -> Result<Permit, Refusal> {
        if state.closed || state.paused {
            return Err(Refusal::Closed);
        }
        let now = self.clock.now();
        match state.lane.ask(priority, now) {
            Gatekeeping::Full => Err(Refusal::Full),
            Gatekeeping::Paused(until) => Err(Refusal::Wait(now.until(until).max(Duration::from_millis(1)))),
            Gatekeeping::Go => {
                self.budget.take().map_err(Refusal::Wait)?;
                state.lane.start();
                Ok(Permit { inner: self.clone() })
            }
        }
    }

    fn set_waiting(&self, waiting: usize) {
        self.lock().waiting = waiting;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.inner.lock();
            state.lane.finish();
            state.waiting
        };
        if waiting > 0 {
            let actor = self.inner.actor.read().unwrap_or_else(PoisonError::into_inner).clone();
            // A gate whose actor is gone is served when its successor starts.
            let _ = actor.map(|actor| actor.cast(GateMsg::Serve));
        }
    }
}

/// Serves those who wait at one gate.
#[derive(Debug)]
pub(crate) struct GateActor;

/// Who waits, most important first.
#[derive(Debug)]
pub(crate) struct Queue {
    gate: Gate,
    waiting: [VecDeque<(Timestamp, oneshot::Sender<Permit>)>; 3],
    alarm: Option<tokio::task::JoinHandle<Result<(), ractor::MessagingErr<GateMsg>>>>,
}

impl Actor for GateActor {
    type Msg = GateMsg;
    type State = Queue;
    type Arguments = Gate;

    async fn pre_start(&self, myself: ActorRef<GateMsg>, gate: Gate) -> Result<Queue, ActorProcessingErr> {
        gate.inner.set_waiting(0);
        gate.attach(myself);
        Ok(Queue { gate, waiting: Default::default(), alarm: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<GateMsg>,
        msg: GateMsg,
        queue: &mut Queue,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            GateMsg::Wait(priority, waiter) => {
                let now = queue.gate.inner.clock.now();
                queue.waiting[priority as usize].push_back((now, waiter));
            }
            GateMsg::Serve => {}
        }
        queue.serve(&myself);
        Ok(())
    }
}

impl Queue {
    /// Gives out permits until one must wait; then wakes itself when that may change.
    fn serve(&mut self, myself: &ActorRef<GateMsg>) {
        if let Some(alarm) = self.alarm.take() {
            alarm.abort();
        }
        // Before as well as after: whoever frees a place meanwhile must see that somebody waits for it.
        self.gate.inner.set_waiting(self.waiting.iter().map(VecDeque::len).sum());
        'all: for priority in [Priority::High, Priority::Low, Priority::Idle] {
            let line = &mut self.waiting[priority as usize];
            while let Some((_, waiter)) = line.front() {
                if waiter.is_closed() {
                    line.pop_front();
                    continue;
                }
                let admitted = {
                    let mut state = self.gate.inner.lock();
                    self.gate.inner.admit(&mut state, priority)
                };
                match admitted {
                    Ok(permit) => {
                        if let Some((since, waiter)) = line.pop_front() {
                            let waited = self.gate.inner.clock.now().since(since);
                            histogram!(metrics::GATE_WAIT_SECONDS, "lane" => self.gate.inner.name.clone())
                                .record(waited.as_secs_f64());
                            // A waiter that has just left drops the permit and so frees the place.
                            let _ = waiter.send(permit);
                        }
                    }
                    Err(Refusal::Wait(pause)) => {
                        self.alarm = Some(myself.send_after(pause, || GateMsg::Serve));
                        break 'all;
                    }
                    Err(Refusal::Full | Refusal::Closed) => break,
                }
            }
        }
        self.gate.inner.set_waiting(self.waiting.iter().map(VecDeque::len).sum());
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            alarm.abort();
        }
    }
}
