//! A store in memory with the whole contract: compare-and-set under commit ids, wake-ups with leases and takes, expiry by
//! the test's clock, quotas in sliding windows, journals, feeds and settings. Faults are scripted per commit.

mod faults;
mod scan;
mod state;

pub use faults::CommitScript;

use super::lock;
use crate::ids::{CommitId, ContactKey, ConversationKey, Node};
use crate::ports::{Commit, CommitOutcome, Due, Listed, PortError, PortErrorKind, Quota, Store, Stored};
use crate::time::{Clock, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use state::{Feed, Inner};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many feed entries are kept, by contract.
const FEED_CAP: usize = 500;

/// How many entries are parked of one conversation, by contract.
const PARKED_CAP: usize = 500;

/// The store.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    /// Returns the clock it reads.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Returns how many commits were durable.
    pub fn commits(&self) -> u64 {
        lock(&self.inner).commits
    }

    /// Returns how often a conversation was loaded.
    pub fn loads(&self) -> u64 {
        lock(&self.inner).loads
    }

    /// Returns a conversation's version; 0 if there is none.
    pub fn version(&self, key: &ConversationKey) -> u64 {
        lock(&self.inner).conversations.get(key).map_or(0, |conversation| conversation.version)
    }

    /// Returns when a conversation's wake-up is due, and who holds it.
    pub fn wake(&self, key: &ConversationKey) -> Option<(Timestamp, Node)> {
        lock(&self.inner).wakes.get(key).map(|wake| (wake.at, wake.holder.clone()))
    }

    /// Returns all conversations.
    pub fn keys(&self) -> Vec<ConversationKey> {
        lock(&self.inner).conversations.keys().cloned().collect()
    }

    /// Waits as a network would, so that callers never mistake the store for a function call.
    async fn reach(&self) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if lock(&self.inner).down {
            return Err(PortError::new(PortErrorKind::Transient, "reach the store"));
        }
        Ok(())
    }
}

fn cut_off() -> PortError {
    PortError::new(PortErrorKind::Transient, "write the conversation")
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, key: &ConversationKey) -> Result<Option<Stored>, PortError> {
        self.reach().await?;
        let now = self.clock.now();
        let panics = std::mem::take(&mut lock(&self.inner).panic_on_load);
        assert!(!panics, "a scripted panic of the store");
        let mut inner = lock(&self.inner);
        inner.loads += 1;
        Ok(inner.conversations.get(key).map(|conversation| Stored {
            version: conversation.version,
            commit: conversation.commit,
            record: conversation.record.clone(),
            memory: conversation
                .memory
                .as_ref()
                .filter(|(_, until)| *until > now)
                .map(|(value, _)| value.whole.clone()),
        }))
    }

    async fn commit(&self, commit: &Commit) -> CommitOutcome {
        let step = lock(&self.inner).script.pop_front().unwrap_or(CommitScript::Obey);
        match &step {
            CommitScript::Slow(span) => tokio::time::sleep(*span).await,
            CommitScript::Hang(latch) => latch.wait().await,
            CommitScript::Panic => panic!("a scripted panic of the store"),
            CommitScript::Obey
            | CommitScript::Unavailable
            | CommitScript::UnknownLanded
            | CommitScript::UnknownLost
            | CommitScript::Conflict => {}
        }
        if let Err(error) = self.reach().await {
            return CommitOutcome::Unavailable(error);
        }
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        match step {
            CommitScript::Unavailable => CommitOutcome::Unavailable(cut_off()),
            CommitScript::UnknownLost => CommitOutcome::Unknown(cut_off()),
            CommitScript::UnknownLanded => {
                inner.write(commit, now);
                CommitOutcome::Unknown(cut_off())
            }
            CommitScript::Conflict => {
                let other = inner.conversations.get_mut(&commit.key);
                if let Some(other) = other {
                    other.version += 1;
                    other.commit = CommitId(0);
                }
                inner.write(commit, now)
            }
            CommitScript::Obey | CommitScript::Slow(_) | CommitScript::Hang(_) | CommitScript::Panic => {
                inner.write(commit, now)
            }
        }
    }

    async fn erase(&self, key: &ConversationKey) -> Result<(), PortError> {
        self.reach().await?;
        let mut inner = lock(&self.inner);
        inner.conversations.remove(key);
        inner.wakes.remove(key);
        inner.feeds.remove(key);
        inner.parked.remove(key);
        Ok(())
    }

    async fn take_due(&self, node: &Node, lease: Duration, limit: usize) -> Result<Vec<Due>, PortError> {
        self.reach().await?;
        let panics = std::mem::take(&mut lock(&self.inner).panic_on_take);
        assert!(!panics, "a scripted panic of the store");
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        let mut due: Vec<(Timestamp, ConversationKey)> =
            inner.wakes.iter().filter(|(_, wake)| wake.at <= now).map(|(key, wake)| (wake.at, key.clone())).collect();
        due.sort();
        due.truncate(limit);
        let taken = due.into_iter().filter_map(|(_, key)| {
            let wake = inner.wakes.get_mut(&key)?;
            let taken_over = wake.holder != *node;
            wake.takes += 1;
            wake.at = now + lease;
            wake.holder = node.clone();
            Some(Due { takes: wake.takes, taken_over, key })
        });
        Ok(taken.collect())
    }

    async fn renew(&self, node: &Node, lease: Duration, keys: &[ConversationKey]) -> Result<(), PortError> {
        self.reach().await?;
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        for key in keys {
            if let Some(wake) = inner.wakes.get_mut(key).filter(|wake| wake.holder == *node) {
                wake.at = now + lease;
            }
        }
        Ok(())
    }

    async fn reclaim(&self, node: &Node) -> Result<u64, PortError> {
        self.reach().await?;
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        let mut reclaimed = 0;
        for wake in inner.wakes.values_mut() {
            if wake.holder.name == node.name && wake.holder.boot != node.boot {
                wake.at = now;
                reclaimed += 1;
            }
        }
        Ok(reclaimed)
    }

    async fn contact(&self, contact: &ContactKey) -> Result<Option<Bytes>, PortError> {
        self.reach().await?;
        Ok(lock(&self.inner).contacts.get(contact).cloned())
    }

    async fn put_contact(&self, contact: &ContactKey, value: Bytes) -> Result<(), PortError> {
        self.reach().await?;
        lock(&self.inner).contacts.insert(contact.clone(), value);
        Ok(())
    }

    async fn erase_traces(&self, key: &ConversationKey) -> Result<(), PortError> {
        self.reach().await?;
        let mut inner = lock(&self.inner);
        inner.parked.remove(key);
        if let Some(conversation) = inner.conversations.get_mut(key) {
            conversation.journal.clear();
        }
        if let Some(feed) = inner.feeds.get_mut(key) {
            feed.entries.clear();
        }
        Ok(())
    }

    async fn erase_contact(&self, contact: &ContactKey) -> Result<(), PortError> {
        self.reach().await?;
        lock(&self.inner).contacts.remove(contact);
        Ok(())
    }

    async fn take_quota(&self, quotas: &[Quota]) -> Result<Option<usize>, PortError> {
        self.reach().await?;
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        Ok(quotas.iter().position(|quota| !inner.take_one(quota, now)))
    }

    async fn exhaust_quota(&self, key: &str, ttl: Duration) -> Result<(), PortError> {
        self.reach().await?;
        let until = self.clock.now() + ttl;
        lock(&self.inner).barred.insert(key.to_owned(), until);
        Ok(())
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, PortError> {
        self.reach().await?;
        Ok(lock(&self.inner).settings.get(name).cloned())
    }

    async fn put_setting(&self, name: &str, value: &str) -> Result<(), PortError> {
        self.reach().await?;
        lock(&self.inner).settings.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    async fn put_setting_once(&self, name: &str, value: &str) -> Result<String, PortError> {
        self.reach().await?;
        Ok(lock(&self.inner).settings.entry(name.to_owned()).or_insert_with(|| value.to_owned()).clone())
    }

    async fn list(&self, limit: usize) -> Result<Vec<Listed>, PortError> {
        self.reach().await?;
        let inner = lock(&self.inner);
        let mut all: Vec<(u64, Listed)> = inner
            .conversations
            .iter()
            .map(|(key, stored)| (stored.changed, Listed { key: key.clone(), summary: stored.summary.clone() }))
            .collect();
        all.sort_by_key(|(changed, _)| std::cmp::Reverse(*changed));
        Ok(all.into_iter().take(limit).map(|(_, listed)| listed).collect())
    }

    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<Bytes>, PortError> {
        self.reach().await?;
        let inner = lock(&self.inner);
        let journal = inner.conversations.get(key).map(|conversation| &conversation.journal);
        Ok(journal.map_or_else(Vec::new, |all| all.iter().skip(all.len().saturating_sub(limit)).cloned().collect()))
    }

    async fn append_feed(&self, key: &ConversationKey, id: &str, entry: Bytes) -> Result<u64, PortError> {
        self.reach().await?;
        let mut inner = lock(&self.inner);
        let feed = inner.feeds.entry(key.clone()).or_default();
        if let Some((number, ..)) = feed.entries.iter().find(|(_, known, _)| known == id) {
            return Ok(*number);
        }
        feed.last += 1;
        feed.entries.push_back((feed.last, id.to_owned(), entry));
        if feed.entries.len() > FEED_CAP {
            feed.entries.pop_front();
        }
        Ok(feed.last)
    }

    async fn feed(&self, key: &ConversationKey, after: u64) -> Result<Vec<(u64, Bytes)>, PortError> {
        self.reach().await?;
        let inner = lock(&self.inner);
        let newer = |feed: &Feed| {
            let entries = feed.entries.iter().filter(|(number, ..)| *number > after);
            entries.map(|(number, _, entry)| (*number, entry.clone())).collect()
        };
        Ok(inner.feeds.get(key).map(newer).unwrap_or_default())
    }

    async fn park(&self, key: &ConversationKey, entry: Bytes) -> Result<u64, PortError> {
        self.reach().await?;
        let mut inner = lock(&self.inner);
        if inner.no_parking {
            return Err(cut_off());
        }
        inner.last_parked += 1;
        let number = inner.last_parked;
        let kept = inner.parked.entry(key.clone()).or_default();
        if kept.len() >= PARKED_CAP {
            return Err(PortError::new(PortErrorKind::Rejected, "park an entry: too many are parked"));
        }
        kept.insert(number, entry);
        Ok(number)
    }

    async fn parked(&self, key: &ConversationKey) -> Result<Vec<(u64, Bytes)>, PortError> {
        self.reach().await?;
        let inner = lock(&self.inner);
        let kept = inner.parked.get(key).into_iter().flatten();
        Ok(kept.map(|(number, entry)| (*number, entry.clone())).collect())
    }

    async fn unpark(&self, key: &ConversationKey, number: u64) -> Result<(), PortError> {
        self.reach().await?;
        let mut inner = lock(&self.inner);
        if let Some(kept) = inner.parked.get_mut(key) {
            kept.remove(&number);
            if kept.is_empty() {
                inner.parked.remove(key);
            }
        }
        Ok(())
    }

    async fn parked_keys(&self, limit: usize) -> Result<Vec<ConversationKey>, PortError> {
        self.reach().await?;
        Ok(lock(&self.inner).parked.keys().take(limit).cloned().collect())
    }

    async fn ping(&self) -> Result<(), PortError> {
        self.reach().await
    }
}
