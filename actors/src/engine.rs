//! The way in: [`Engine::start`] makes the actors, and everything outside talks to them through an [`EngineHandle`].

mod intake;
mod journal;
mod people;
#[cfg(feature = "testkit")]
mod sabotage;
mod settings;
mod stop;
mod stuck;
mod trial;

pub use crate::view::{
    ChallengeView, Decided, Decision, DeliverError, DraftView, Found, Intake, OutboxRow, PhaseName, Phone, Receipt,
    Requeued, RowView, SendStatus, SetAside, Summarised, Summary, View, Waiting, Whose,
};
pub use settings::{Crypto, GateSettings, LEASE, MailCaps, NoBudget, Ports, Settings};
pub use trial::TrialError;

use crate::alerts::{AlertPorts, Alerts};
use crate::catch_up::Gap;
use crate::conversation::effects::{CARDS, MAIL, MODEL};
use crate::conversation::{Answer, Asker, ConversationMsg};
use crate::directory::places::Places;
use crate::directory::watch::HUMAN_MODE;
use crate::directory::{Directory, DirectoryMsg};
use crate::domain::{Inbound, Order};
use crate::flow::{Incident, Input};
use crate::ids::ConversationKey;
use crate::outbound::{Gate, Outbound};
use crate::pause::{self, Pause};
use crate::ports::PortError;
use crate::pulse::{self, Pulse};
use crate::shared::Shared;
use ractor::{Actor, ActorRef, SpawnErr};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How many conversations the human switch visits when it is turned off.
const SWEEP: usize = 10_000;

/// How often an input is brought to a conversation whose actors end before they take it up.
const MAX_ASKS: usize = 50;

/// What became of an input.
enum Asked {
    /// It was handled.
    Heard(Answer),
    /// The conversation failed on it.
    Failed,
    /// The conversation's actor ended before it took it up.
    Lost,
}

/// Makes engines.
#[derive(Debug)]
pub struct Engine;

/// A running engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    shared: Arc<Shared>,
    directory: ActorRef<DirectoryMsg>,
    outbound: ractor::ActorCell,
    alerts: ractor::ActorCell,
}

impl Engine {
    /// Starts the supervisors. Work that an earlier run left is taken at once, as far as the store answers.
    ///
    /// # Errors
    /// [`SpawnErr`] if a supervisor cannot be started.
    pub async fn start(ports: Ports, settings: Settings) -> Result<EngineHandle, SpawnErr> {
        let gates = gates(&ports, &settings);
        let cards = gates[CARDS].clone();
        let shared = Arc::new(Shared {
            gates: gates.clone(),
            places: Places::default(),
            waiting: AtomicUsize::new(0),
            human_mode: AtomicBool::new(false),
            human_mode_turns: AtomicUsize::new(0),
            pause: Pause::default(),
            write_failed: AtomicBool::new(false),
            store_down: AtomicBool::new(false),
            store_run: AtomicU64::new(0),
            missed_until: AtomicI64::new(ports.clock.now().as_millis()),
            started: ports.clock.now(),
            pulse: Pulse::new(ports.clock.now()),
            gap: Gap::default(),
            model_faulty: AtomicBool::new(false),
            mails_refused: AtomicBool::new(false),
            transcriber_faulty: AtomicBool::new(false),
            directory: OnceLock::new(),
            alerts: OnceLock::new(),
            closing: AtomicBool::new(false),
            failed: tokio::sync::watch::Sender::new(false),
            ended: tokio::sync::watch::Sender::new(false),
            rescuing: Mutex::default(),
            ports,
            settings,
        });
        let (outbound, outbound_ends) = Actor::spawn(None, Outbound, gates).await?;
        let alert_ports = AlertPorts {
            sink: shared.ports.alerts.clone(),
            gate: cards,
            clock: shared.ports.clock.clone(),
            advice: shared.settings.advice,
        };
        let (alerts, alerts_ends) = Actor::spawn(None, Alerts, alert_ports).await?;
        // Set once, right here.
        let _ = shared.alerts.set(alerts.clone());
        let (directory, directory_ends) = Actor::spawn(None, Directory, shared.clone()).await?;
        let _ = shared.directory.set(directory.clone());
        // Before anything is answered: with the switch on, conversations would be handed back by mistake.
        crate::directory::watch::read_human_mode(&shared).await;
        // Likewise: nothing may leave before it is known that it may.
        pause::read(&shared).await;
        // Only here: what the watch takes is routed through the directory.
        directory.cast(DirectoryMsg::StartWatch).map_err(|error| SpawnErr::StartupFailed(error.into()))?;
        if let Err(error) = shared.ports.store.reclaim(&shared.settings.node).await {
            tracing::warn!(error = %error, "the store does not answer yet; work is taken when it does");
        }
        tokio::spawn(watch_supervisors(shared.clone(), outbound_ends, alerts_ends, directory_ends));
        let handle = EngineHandle { shared, directory, outbound: outbound.get_cell(), alerts: alerts.get_cell() };
        handle.shared.spawn(handle.clone().keep_watch_aside());
        pulse::start(&handle.shared);
        crate::catch_up::start(&handle.shared, handle.clone());
        crate::duties::start(&handle.shared);
        Ok(handle)
    }
}

/// Waits until a supervisor ends; unless the engine is stopping, the process must start again.
async fn watch_supervisors(
    shared: Arc<Shared>,
    outbound: JoinHandle<()>,
    alerts: JoinHandle<()>,
    directory: JoinHandle<()>,
) {
    let which = tokio::select! {
        _ = outbound => "outbound",
        _ = alerts => "alerts",
        _ = directory => "directory",
    };
    if !shared.closing.load(Ordering::Relaxed) {
        tracing::error!(supervisor = which, "a supervisor has failed; the process must start again");
        shared.failed.send_replace(true);
    }
}

/// Makes a gate for every account.
fn gates(ports: &Ports, settings: &Settings) -> BTreeMap<String, Gate> {
    let limited = settings.gates.iter();
    let mut gates: BTreeMap<String, Gate> = limited
        .map(|(name, gate)| (name.clone(), Gate::new(name, gate.width, gate.budget.clone(), ports.clock.clone())))
        .collect();
    // An account without a limit still has a gate: stopping closes it, and waits for what is on the wire.
    for name in ports.channels.keys().map(String::as_str).chain([MODEL, MAIL, CARDS]) {
        let unlimited = || Gate::new(name, usize::MAX / 2, Arc::new(NoBudget), ports.clock.clone());
        gates.entry(name.to_owned()).or_insert_with(unlimited);
    }
    gates
}

/// Counts one caller for as long as it waits.
struct Queueing<'a>(&'a AtomicUsize);

impl<'a> Queueing<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Queueing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EngineHandle {
    /// Takes one inbound event. When this returns `Ok`, what the event demands is durable.
    ///
    /// An event that makes its conversation fail is tried once more on the restarted one; failing again, it is parked:
    /// kept for an operator, and the conversation is given to the people. So is one whose conversation is quarantined.
    ///
    /// # Errors
    /// [`DeliverError`]: nothing was taken, the vendor should deliver again.
    pub async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        let key = inbound.key.clone();
        match self.insist(&key, || Input::Inbound(Box::new(inbound.clone()))).await {
            Ok(Some(answer)) => Ok(answer.receipt),
            Ok(None) => self.park(inbound, Incident::EventParked).await,
            Err(DeliverError::Quarantined) => self.park(inbound, Incident::Quarantined).await,
            Err(error) => Err(error),
        }
    }

    /// Gives an operator's order to a conversation.
    ///
    /// # Errors
    /// [`DeliverError`]; [`DeliverError::Unknown`] if there is no such conversation.
    pub async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        if self.view(key).await?.is_none() {
            return Err(DeliverError::Unknown);
        }
        Ok(self.must(key, Input::Ordered(order)).await?.receipt)
    }

    /// Shows what a verification link leads to, changing nothing.
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read.
    pub async fn challenge(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        let (port, view) = oneshot::channel();
        self.shared.route(key, ConversationMsg::Challenge(challenge.to_owned(), port));
        view.await.unwrap_or_else(|_| Err(self.nobody()))
    }

    /// The button behind the link was pressed. [`ChallengeView::Done`] exactly once per challenge.
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read or written.
    pub async fn confirm(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        let answer = self.must(key, Input::LinkConfirmed(challenge.to_owned())).await?;
        Ok(answer.challenge.unwrap_or(ChallengeView::Foreign))
    }

    /// "This was not me" was pressed: ends the challenge and bars the address for a day.
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read or written.
    pub async fn disown(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        let answer = self.must(key, Input::LinkDisowned(challenge.to_owned())).await?;
        Ok(answer.challenge.unwrap_or(ChallengeView::Foreign))
    }

    /// Shows a conversation; `None` if there is none.
    ///
    /// # Errors
    /// [`DeliverError`] if it cannot be read.
    pub async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError> {
        let (port, view) = oneshot::channel();
        self.shared.route(key, ConversationMsg::View(port));
        view.await.unwrap_or_else(|_| Err(self.nobody()))
    }

    /// Lists conversations, the most recently changed first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        let listed = self.shared.ports.store.list(limit).await?;
        Ok(listed.iter().filter_map(|entry| serde_json::from_slice(&entry.summary).ok()).collect())
    }

    /// Returns whether the global human switch is on, as last read from the store (at most a second ago).
    pub fn human_mode(&self) -> bool {
        self.shared.human_mode.load(Ordering::Relaxed)
    }

    /// Turns the global human switch for all nodes. Turning it off returns the conversations that no person touched.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    pub async fn set_human_mode(&self, on: bool) -> Result<(), PortError> {
        self.shared.ports.store.put_setting(HUMAN_MODE, if on { "on" } else { "off" }).await?;
        self.shared.human_mode_turns.fetch_add(1, Ordering::Relaxed);
        self.shared.human_mode.store(on, Ordering::Relaxed);
        if on {
            crate::directory::watch::silence(&self.shared);
        } else {
            for summary in self.list(SWEEP).await? {
                if summary.reason.as_deref() == Some(crate::language::Reason::HumanMode.name()) {
                    self.shared.report(&summary.key, Input::HumanModeOff);
                }
            }
        }
        Ok(())
    }

    /// Waits until a supervisor has failed. There is nothing left to do then but to start the process again: everything
    /// that is owed is in the store.
    pub async fn failed(&self) {
        // The sender lives as long as this handle.
        let _ = self.shared.failed.subscribe().wait_for(|failed| *failed).await;
    }

    /// Gives no more permits: nothing new leaves the house. Webhooks are still taken.
    pub fn stop_claiming(&self) {
        for gate in self.shared.gates.values() {
            gate.close();
        }
    }

    /// Stops claiming work, lets what is on the wire finish, and stops all actors.
    pub async fn drain(&self, within: Duration) {
        self.stop_claiming();
        let settled = async {
            // A model call is no promise: it is made again.
            let on_the_wire = |(name, gate): (&String, &Gate)| name != MODEL && gate.running() > 0;
            while self.shared.gates.iter().any(on_the_wire) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(within, settled).await.is_err() {
            tracing::warn!("some sends did not end in time; their outcome is looked up at the next start");
        }
        self.shared.closing.store(true, Ordering::Relaxed);
        // Children first: a supervisor that ends kills them.
        let cell = self.directory.get_cell();
        cell.drain_children_and_wait(Some(within)).await;
        for cell in [cell, self.outbound.clone(), self.alerts.clone()] {
            if let Err(error) = cell.stop_and_wait(None, Some(within)).await {
                tracing::debug!(error = %error, "a supervisor had stopped already");
            }
        }
        self.shared.ended.send_replace(true);
        self.shared.places.clear();
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Brings an input to its conversation, again if it failed on it once. `None`: it failed twice.
    async fn insist(&self, key: &ConversationKey, input: impl Fn() -> Input) -> Result<Option<Answer>, DeliverError> {
        let mut failures = 0;
        for _ in 0..MAX_ASKS {
            let input = input();
            let name = input.name();
            match self.ask(key, input).await? {
                Asked::Heard(answer) => return Ok(Some(answer)),
                Asked::Failed => {
                    tracing::warn!(conversation = %key, input = name, "a conversation failed on an input");
                    failures += 1;
                    if failures == 2 {
                        return Ok(None);
                    }
                }
                // Its actor is just ending; the next one is being started.
                Asked::Lost => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        Err(DeliverError::Busy)
    }

    /// Brings an input to its conversation.
    async fn ask(&self, key: &ConversationKey, input: Input) -> Result<Asked, DeliverError> {
        self.admit(key)?;
        let (port, answer) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let asker = Asker { port, begun: begun.clone(), came: tokio::time::Instant::now() };
        let _queueing = Queueing::enter(&self.shared.waiting);
        self.shared.route(key, ConversationMsg::Hear(Box::new(input), Some(asker)));
        match answer.await {
            Ok(answered) => answered.map(Asked::Heard),
            Err(_) if self.shared.closing.load(Ordering::Relaxed) => Err(DeliverError::Closing),
            Err(_) if begun.load(Ordering::Relaxed) => Ok(Asked::Failed),
            Err(_) => Ok(Asked::Lost),
        }
    }

    /// Like [`Self::insist`], for inputs that are not worth parking.
    async fn must(&self, key: &ConversationKey, input: Input) -> Result<Answer, DeliverError> {
        self.insist(key, || input.clone()).await?.ok_or(DeliverError::Busy)
    }

    /// Why nobody answered.
    fn nobody(&self) -> DeliverError {
        if self.shared.closing.load(Ordering::Relaxed) { DeliverError::Closing } else { DeliverError::Busy }
    }
}
