//! The supervisor of the alert lane: incidents about the desk itself become cards, one each, through the same gate as the
//! hand-over cards. Which paths a card may take is the sink's own business.

mod incidents;

use crate::flow::Incident;
use crate::metrics;
use crate::outbound::{Gate, Priority};
use crate::ports::{AlertSink, Card, Verdict};
use crate::shared::AbortOnDrop;
use crate::time::Clock;
use futures::FutureExt;
use incidents::Incidents;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How often open incidents are looked over and unsent cards tried again.
const TICK: Duration = Duration::from_secs(5);

/// How long one try to post a card may take, its wait at the gate included.
const POST: Duration = Duration::from_secs(30);

/// How many cards wait at most; the oldest are dropped, counted.
const MAX_WAITING: usize = 100;

/// The supervisor.
#[derive(Debug)]
pub(crate) struct Alerts;

/// What it hears.
#[derive(Debug)]
pub(crate) enum AlertsMsg {
    /// Something is wrong.
    Raise(Incident),
    /// It is mended.
    Resolve(Incident),
    /// Something is worth a card of its own.
    Tell(String),
    /// A card went its way.
    Posted(Card, bool),
    /// Time has passed.
    Tick,
}

/// What it is given.
#[derive(Debug, Clone)]
pub(crate) struct AlertPorts {
    pub(crate) sink: Arc<dyn AlertSink>,
    pub(crate) gate: Gate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) advice: fn(Incident) -> &'static str,
}

/// Open incidents and cards that wait.
#[derive(Debug)]
pub(crate) struct Desk {
    ports: AlertPorts,
    incidents: Incidents,
    waiting: VecDeque<Card>,
    posting: Option<AbortOnDrop>,
}

impl Actor for Alerts {
    type Msg = AlertsMsg;
    type State = Desk;
    type Arguments = AlertPorts;

    async fn pre_start(&self, myself: ActorRef<AlertsMsg>, ports: AlertPorts) -> Result<Desk, ActorProcessingErr> {
        myself.send_after(TICK, || AlertsMsg::Tick);
        let incidents = Incidents::new(ports.advice);
        Ok(Desk { ports, incidents, waiting: VecDeque::new(), posting: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<AlertsMsg>,
        msg: AlertsMsg,
        desk: &mut Desk,
    ) -> Result<(), ActorProcessingErr> {
        let now = desk.ports.clock.now();
        match msg {
            AlertsMsg::Raise(incident) => {
                let card = desk.incidents.raise(incident, now);
                let outcome = if card.is_some() { "raised" } else { "folded" };
                ::metrics::counter!(metrics::ALERTS, "key" => incident.name(), "outcome" => outcome).increment(1);
                if card.is_some() {
                    tracing::error!(incident = incident.name(), "{}", (desk.ports.advice)(incident));
                }
                desk.queue(card);
            }
            AlertsMsg::Resolve(incident) => {
                let card = desk.incidents.resolve(incident, now);
                desk.queue(card);
            }
            AlertsMsg::Tell(text) => desk.queue([Card::Resolved { text, at: now }]),
            AlertsMsg::Posted(card, accepted) => desk.posted(card, accepted),
            AlertsMsg::Tick => {
                let due = desk.incidents.due(now);
                desk.queue(due);
                myself.send_after(TICK, || AlertsMsg::Tick);
            }
        }
        desk.post_next(&myself);
        Ok(())
    }
}

impl Desk {
    fn queue(&mut self, cards: impl IntoIterator<Item = Card>) {
        self.waiting.extend(cards);
        while self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
            ::metrics::counter!(metrics::ALERTS, "key" => "overflow", "outcome" => "dropped").increment(1);
        }
    }

    fn posted(&mut self, card: Card, accepted: bool) {
        self.posting = None;
        let outcome = if accepted { "posted" } else { "failed" };
        ::metrics::counter!(metrics::ALERTS, "key" => "card", "outcome" => outcome).increment(1);
        if !accepted {
            self.waiting.push_front(card);
        }
    }

    /// Posts the oldest card in a task of its own, one at a time; a refused one is tried again at the next tick.
    fn post_next(&mut self, myself: &ActorRef<AlertsMsg>) {
        // While everything is paused cards wait like the rest, on the second path too.
        if self.posting.is_some() || self.ports.gate.is_paused() {
            return;
        }
        let Some(card) = self.waiting.pop_front() else { return };
        let (ports, myself) = (self.ports.clone(), myself.clone());
        self.posting = Some(AbortOnDrop::spawn(async move {
            // A sink that panics or hangs is one that accepted nothing.
            let posted = tokio::time::timeout(
                POST,
                AssertUnwindSafe(post(&ports.gate, ports.sink.as_ref(), &card)).catch_unwind(),
            )
            .await;
            let accepted = matches!(posted, Ok(Ok(true)));
            if !accepted {
                tokio::time::sleep(TICK).await;
            }
            // The supervisor only ends with the engine.
            let _ = myself.cast(AlertsMsg::Posted(card, accepted));
        }));
    }
}

/// Posts a card. Returns whether somebody accepted it, or nobody ever will.
pub(crate) async fn post(gate: &Gate, sink: &dyn AlertSink, card: &Card) -> bool {
    let permit = gate.acquire(Priority::High).await;
    let verdict = sink.post(card).await;
    gate.report(&verdict);
    drop(permit);
    match verdict {
        Verdict::Settled { .. } | Verdict::Rejected { .. } | Verdict::Gone { .. } => true,
        Verdict::Transient { .. } | Verdict::AccountFault { .. } | Verdict::Unknown { .. } => false,
    }
}
