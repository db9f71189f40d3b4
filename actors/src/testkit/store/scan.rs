//! Reading the store in memory as a whole.

use super::{Inner, MemoryStore, lock};
use crate::ids::ConversationKey;
use crate::ports::{PortError, Scan, ScanCursor, ScanPage, Scanned, Stored};
use crate::time::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeSet;

#[async_trait]
impl Scan for MemoryStore {
    async fn scan(&self, after: Option<&ScanCursor>, limit: usize) -> Result<ScanPage, PortError> {
        self.reach().await?;
        let now = self.clock.now();
        let inner = lock(&self.inner);
        let keys: BTreeSet<&ConversationKey> = inner.conversations.keys().chain(inner.wakes.keys()).collect();
        let rest = keys.into_iter().filter(|key| after.is_none_or(|after| key.as_str() > after.0.as_str()));
        let found: Vec<Scanned> = rest.take(limit.max(1)).map(|key| inner.scanned(key, now)).collect();
        let next = found.last().map(|last| ScanCursor(last.key.as_str().to_owned()));
        Ok(ScanPage { found, next })
    }
}

impl Inner {
    fn scanned(&self, key: &ConversationKey, now: Timestamp) -> Scanned {
        let stored = self.conversations.get(key).map(|conversation| Stored {
            version: conversation.version,
            commit: conversation.commit,
            record: conversation.record.clone(),
            memory: conversation
                .memory
                .as_ref()
                .filter(|(_, until)| *until > now)
                .map(|(value, _)| value.whole.clone()),
        });
        Scanned { key: key.clone(), stored, wake: self.wakes.get(key).map(|wake| wake.at) }
    }
}
