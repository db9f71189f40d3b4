//! The supervisor of the gates: one gate per outbound API account, so that no vendor is called faster, wider or sooner
//! than it wants. A gate that fails is started again; nothing durable is lost with it.

pub(crate) mod gate;
pub(crate) mod lane;

pub use gate::{Gate, Permit};
pub use lane::Priority;

use crate::metrics;
use gate::GateActor;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::collections::BTreeMap;
use std::time::Duration;

/// The supervisor.
#[derive(Debug)]
pub(crate) struct Outbound;

/// What the supervisor hears.
#[derive(Debug)]
pub(crate) enum OutboundMsg {
    /// Starts the actor of this gate.
    Start(String),
}

/// The gates by name, and which actor serves which.
#[derive(Debug)]
pub(crate) struct Gates {
    gates: BTreeMap<String, Gate>,
    serving: BTreeMap<ractor::ActorId, String>,
}

impl Actor for Outbound {
    type Msg = OutboundMsg;
    type State = Gates;
    type Arguments = BTreeMap<String, Gate>;

    async fn pre_start(
        &self,
        myself: ActorRef<OutboundMsg>,
        gates: BTreeMap<String, Gate>,
    ) -> Result<Gates, ActorProcessingErr> {
        for name in gates.keys() {
            myself.cast(OutboundMsg::Start(name.clone()))?;
        }
        Ok(Gates { gates, serving: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<OutboundMsg>,
        OutboundMsg::Start(name): OutboundMsg,
        gates: &mut Gates,
    ) -> Result<(), ActorProcessingErr> {
        let Some(gate) = gates.gates.get(&name).cloned() else { return Ok(()) };
        match Actor::spawn_linked(None, GateActor, gate, myself.get_cell()).await {
            Ok((actor, _)) => {
                gates.serving.insert(actor.get_id(), name);
            }
            Err(error) => {
                tracing::error!(lane = name, error = %error, "a gate cannot be started, trying again");
                myself.send_after(Duration::from_millis(200), move || OutboundMsg::Start(name));
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<OutboundMsg>,
        event: SupervisionEvent,
        gates: &mut Gates,
    ) -> Result<(), ActorProcessingErr> {
        let ended = match event {
            SupervisionEvent::ActorTerminated(who, _, _) | SupervisionEvent::ActorFailed(who, _) => who.get_id(),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        if let Some(name) = gates.serving.remove(&ended) {
            ::metrics::counter!(metrics::RESTARTS, "cause" => "gate").increment(1);
            tracing::error!(lane = name, "a gate failed and is started again");
            myself.send_after(Duration::from_millis(10), move || OutboundMsg::Start(name));
        }
        Ok(())
    }
}
