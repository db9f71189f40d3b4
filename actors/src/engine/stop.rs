//! The emergency stop, as operators use it.

use super::{EngineHandle, PhaseName, SWEEP};
use crate::alerts::AlertsMsg;
use crate::pause;
use crate::ports::PortError;
use crate::view::{SendStatus, Waiting};

impl EngineHandle {
    /// Returns whether nothing leaves the house, as last read from the store (at most a second ago).
    pub fn is_paused(&self) -> bool {
        self.shared.pause.is_on()
    }

    /// Returns what operators ask first: whether anything leaves the house, and what waits.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn status(&self) -> Result<SendStatus, PortError> {
        let waiting = self.waiting().await?;
        Ok(SendStatus {
            paused: self.is_paused(),
            paused_since: self.shared.pause.since(),
            human_mode: self.human_mode(),
            waiting,
        })
    }

    /// Stops everything that leaves the house, on all nodes: on this one at once, on the others within about a second.
    /// What is on the wire ends; webhooks are still taken. Where the store cannot be written this node is stopped until
    /// the store can be read, and then does what the store says.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    pub async fn pause(&self) -> Result<(), PortError> {
        let since = self.shared.pause.since().unwrap_or_else(|| self.shared.ports.clock.now());
        self.shared.pause.turn();
        pause::obey(&self.shared, Some(since));
        let written = pause::write(&self.shared, Some(since)).await;
        self.shared.pause.turn();
        written
    }

    /// Lets everything that is still wanted leave again, on all nodes, and tells colleagues how much had waited.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read or written; then nothing has changed.
    pub async fn resume(&self) -> Result<Waiting, PortError> {
        let since = self.shared.pause.since();
        let (was_paused, waited) = (self.is_paused(), self.waiting().await?);
        self.shared.pause.turn();
        pause::write(&self.shared, None).await?;
        self.shared.pause.turn();
        pause::obey(&self.shared, None);
        if was_paused {
            tracing::warn!(rows = waited.rows, questions = waited.questions, "an operator resumed");
            let now = self.shared.ports.clock.now();
            let minutes = since.map(|since| now.since(since).as_secs().div_ceil(60));
            let length = minutes.map(|minutes| format!(" for {minutes} min")).unwrap_or_default();
            let text = format!(
                "Everything that leaves the desk was paused{length}. {} sends and {} unanswered questions had waited in {} \
                 conversations; what is still wanted leaves now.",
                waited.rows, waited.questions, waited.conversations
            );
            if let Some(alerts) = self.shared.alerts.get() {
                // The alerts' actor only ends with the engine.
                let _ = alerts.cast(AlertsMsg::Tell(text));
            }
        }
        Ok(waited)
    }

    /// Counts what has not left the house, on all nodes, over the conversations that changed last.
    async fn waiting(&self) -> Result<Waiting, PortError> {
        let mut waiting = Waiting::default();
        for summary in self.list(SWEEP).await? {
            let questions = if summary.phase == PhaseName::Bot { summary.owed } else { 0 };
            let leaving = summary.unsettled.saturating_sub(summary.held);
            waiting.rows += leaving;
            waiting.questions += questions;
            waiting.conversations += usize::from(leaving + questions > 0);
        }
        Ok(waiting)
    }
}
