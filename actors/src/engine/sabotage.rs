//! What tests do to a running engine (feature `testkit`): the failures that no port can cause.

use super::EngineHandle;
use crate::directory::DirectoryMsg;
use crate::directory::places::Place;
use crate::ids::ConversationKey;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl EngineHandle {
    /// Ends the engine as `kill -9` would: nothing is finished, nothing is written.
    pub async fn crash(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.shared.ended.send_replace(true);
        for cell in [self.directory.get_cell(), self.outbound.clone(), self.alerts.clone()] {
            cell.kill();
            if let Err(error) = cell.wait(Some(Duration::from_secs(10))).await {
                tracing::debug!(error = %error, "a supervisor did not end");
            }
        }
        self.shared.places.clear();
    }

    /// Kills the actor of a conversation. Returns whether there was one.
    pub fn kill_conversation(&self, key: &ConversationKey) -> bool {
        match self.shared.places.lock(key).get(key) {
            Some(Place::Live(slot)) => {
                slot.actor.kill();
                true
            }
            Some(Place::Between(..) | Place::Quarantined { .. }) | None => false,
        }
    }

    /// Returns whether an actor of the conversation is in memory, or is being started.
    pub fn is_in_memory(&self, key: &ConversationKey) -> bool {
        self.shared.places.vitals(key).is_some()
    }

    /// Kills the supervisor of the conversations.
    pub fn kill_directory(&self) {
        self.directory.kill();
    }

    /// Kills one of the supervisors: `directory`, `outbound` or `alerts`. Returns whether it is one.
    pub fn kill_supervisor(&self, name: &str) -> bool {
        let cell = match name {
            "directory" => self.directory.get_cell(),
            "outbound" => self.outbound.clone(),
            "alerts" => self.alerts.clone(),
            _ => return false,
        };
        cell.kill();
        true
    }

    /// Kills the actor of a gate.
    pub fn kill_gate(&self, name: &str) {
        if let Some(gate) = self.shared.gate(name) {
            gate.kill_actor();
        }
    }

    /// Lets all conversations leave memory that have nothing in hand.
    pub fn passivate_now(&self) {
        // A stopped engine has nothing in memory.
        let _ = self.directory.cast(DirectoryMsg::Passivate(Duration::ZERO));
    }
}
