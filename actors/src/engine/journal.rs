//! Reading the journal of a conversation: what is stored, and what its actor has heard since.

use super::EngineHandle;
use crate::conversation::ConversationMsg;
use crate::ids::ConversationKey;
use crate::journal::JournalEntry;
use crate::ports::PortError;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a busy actor is waited for; what is stored is shown without it.
const PATIENCE: Duration = Duration::from_secs(1);

impl EngineHandle {
    /// Returns the newest journal entries of a conversation, oldest first; none if there is no such conversation. Works for
    /// quarantined conversations as well.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<JournalEntry>, PortError> {
        // First, so that an entry which is written meanwhile is read twice rather than never.
        let unwritten = self.unwritten(key).await;
        let stored = self.shared.ports.store.journal(key, limit).await?;
        let mut entries: Vec<JournalEntry> = stored.iter().map(|entry| JournalEntry::decode(entry)).collect();
        for entry in unwritten {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        entries.sort_by_key(|entry| entry.at);
        let surplus = entries.len().saturating_sub(limit);
        entries.drain(..surplus);
        Ok(entries)
    }

    /// What a live actor has heard since its last commit. Never starts one.
    async fn unwritten(&self, key: &ConversationKey) -> Vec<JournalEntry> {
        if self.shared.places.vitals(key).is_none() {
            return Vec::new();
        }
        let (port, unwritten) = oneshot::channel();
        self.shared.route(key, ConversationMsg::Unwritten(port));
        match tokio::time::timeout(PATIENCE, unwritten).await {
            Ok(Ok(entries)) => entries,
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }
}
