//! The model, asked on an operator's word beside the conversations: behind the customers at its gate, and counted as they are.

use super::{DeliverError, EngineHandle};
use crate::conversation::effects::{MODEL, guarded, model_timeout, note_model};
use crate::outbound::{Permit, Priority};
use crate::ports::{ModelError, ModelReply, Prompt};
use tokio::time::Instant;

/// Why an operator's question was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialError {
    /// Everything that leaves the house is paused.
    Paused,
    /// Customers' turns took all of the gate for as long as a call may take.
    Busy,
    /// The model did not answer.
    Failed(ModelError),
}

impl EngineHandle {
    /// Asks the model as a turn would, for no conversation: nothing is kept and nobody is told. It waits behind the customers'
    /// turns at the model's gate.
    ///
    /// # Errors
    /// [`TrialError`].
    pub async fn try_model(&self, prompt: &Prompt) -> Result<ModelReply, TrialError> {
        if self.is_paused() {
            return Err(TrialError::Paused);
        }
        let shared = &self.shared;
        let _permit = self.model_permit().await.map_err(|_| TrialError::Busy)?;
        if self.is_paused() {
            return Err(TrialError::Paused);
        }
        let started = Instant::now();
        let called = guarded(shared.settings.policy.turn.call_timeout, shared.ports.model.reply(prompt)).await;
        let result = called.unwrap_or_else(|why| Err(model_timeout(why)));
        note_model(shared, &prompt.key, &result, started);
        result.map_err(TrialError::Failed)
    }

    /// Waits behind the customers for a place at the model's gate; none is needed where there is no gate.
    pub(super) async fn model_permit(&self) -> Result<Option<Permit>, DeliverError> {
        let Some(gate) = self.shared.gate(MODEL) else { return Ok(None) };
        let within = self.shared.settings.policy.turn.call_timeout;
        match tokio::time::timeout(within, gate.acquire(Priority::Low)).await {
            Ok(permit) => Ok(Some(permit)),
            Err(_elapsed) => Err(DeliverError::Busy),
        }
    }
}
