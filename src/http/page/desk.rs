//! What the page needs of the engine, so that its routes can be tested without one.

use async_trait::async_trait;
use frontdesk_actors::domain::{Inbound, Order};
use frontdesk_actors::engine::{DeliverError, EngineHandle, Receipt, Summary, View};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::journal::JournalEntry;
use frontdesk_actors::ports::PortError;
use std::fmt;

/// The part of the engine that the page talks to.
#[async_trait]
pub trait Desk: Send + Sync + fmt::Debug {
    /// Takes one inbound event; see [`EngineHandle::deliver`].
    ///
    /// # Errors
    /// [`DeliverError`]: nothing was taken.
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError>;

    /// Gives an operator's order; see [`EngineHandle::order`].
    ///
    /// # Errors
    /// [`DeliverError`]: nothing was taken.
    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError>;

    /// Shows a conversation; see [`EngineHandle::view`].
    ///
    /// # Errors
    /// [`DeliverError`] if it cannot be read.
    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError>;

    /// Returns the newest journal entries of a conversation, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<JournalEntry>, PortError>;

    /// Lists conversations; see [`EngineHandle::list`].
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError>;

    /// Returns whether the global human switch is on.
    fn human_mode(&self) -> bool;

    /// Returns whether nothing leaves the house.
    fn is_paused(&self) -> bool;
}

#[async_trait]
impl Desk for EngineHandle {
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        EngineHandle::deliver(self, inbound).await
    }

    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        EngineHandle::order(self, key, order).await
    }

    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError> {
        EngineHandle::view(self, key).await
    }

    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<JournalEntry>, PortError> {
        EngineHandle::journal(self, key, limit).await
    }

    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        EngineHandle::list(self, limit).await
    }

    fn human_mode(&self) -> bool {
        EngineHandle::human_mode(self)
    }

    fn is_paused(&self) -> bool {
        EngineHandle::is_paused(self)
    }
}
