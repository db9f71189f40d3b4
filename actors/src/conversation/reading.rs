//! What a conversation's actor reads for whoever asks: its view, a challenge, the version in the store, and whether a
//! customer is known from elsewhere. Nothing here decides or writes anything.

use super::live::Live;
use crate::domain::Verified;
use crate::engine::{ChallengeView, DeliverError, View};
use crate::flow::Input;
use crate::ports::PortError;

impl Live {
    /// Looks up whether a customer at the gate is known from another conversation.
    pub(super) async fn contact_for(&self, input: &Input) -> Result<Option<Verified>, DeliverError> {
        let Input::Inbound(inbound) = input else { return Ok(None) };
        let wants = self.loaded.as_ref().is_some_and(|loaded| loaded.flow.wants_contact());
        let asks = matches!(inbound.event, crate::domain::Event::CustomerWrote(_)) && inbound.proof.is_none();
        let Some(contact) = inbound.contact.as_ref().filter(|_| wants && asks) else { return Ok(None) };
        let stored =
            self.shared.ports.store.contact(&contact.key).await.map_err(|error| self.shared.unavailable(error))?;
        // A damaged entry costs the customer one more verification, nothing else.
        Ok(stored.and_then(|bytes| crate::flow::read(&bytes).ok()))
    }

    /// Shows the conversation as the store has it: what another node wrote counts even before its nudge is heard. While the
    /// store is away, what is known here is shown.
    pub(super) async fn view(&mut self) -> Result<Option<View>, DeliverError> {
        if self.is_behind().await.unwrap_or(false) {
            self.nudged().await;
        }
        self.hydrate().await?;
        let policy = &self.shared.settings.policy;
        let shown = self.loaded.as_ref().filter(|loaded| loaded.version > 0);
        Ok(shown.map(|loaded| loaded.flow.view(policy, loaded.version)))
    }

    pub(super) async fn challenge(&mut self, id: &str) -> Result<ChallengeView, DeliverError> {
        // The challenge may have been made on another node since.
        if self.is_behind().await.map_err(|error| self.shared.unavailable(error))? {
            let loaded = self.loaded.take();
            self.kept = loaded.and_then(|loaded| self.keep(&loaded));
        }
        self.hydrate().await?;
        let now = self.shared.ports.clock.now();
        Ok(self.loaded.as_ref().map_or(ChallengeView::Foreign, |loaded| loaded.flow.challenge(id, false, now)))
    }

    /// Returns whether another node has written what is not known here yet.
    async fn is_behind(&self) -> Result<bool, PortError> {
        match &self.loaded {
            Some(loaded) if !self.shared.ports.store.is_exclusive() => {
                Ok(self.stored_version(loaded.version).await?.is_gt())
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Returns how the store's version compares with the one that is known here: a greater one is another node's, a lesser
    /// one means that the store has lost writes.
    pub(super) async fn stored_version(&self, known: u64) -> Result<std::cmp::Ordering, PortError> {
        Ok(self.shared.ports.store.version(&self.key).await?.cmp(&known))
    }
}
