//! What goes wrong with the store in memory, when a test says so.

use super::MemoryStore;
use super::state::Conversation;
use crate::ids::{CommitId, ConversationKey};
use crate::testkit::{Latch, lock};
use bytes::Bytes;
use std::time::Duration;

/// What the store does to one commit.
#[derive(Debug, Clone)]
pub enum CommitScript {
    /// What it should.
    Obey,
    /// Nothing is written, and it says so.
    Unavailable,
    /// It is written, but the answer is lost.
    UnknownLanded,
    /// It is not written, and the answer is lost.
    UnknownLost,
    /// Another node writes first: the same record, one version further.
    Conflict,
    /// It obeys after this long.
    Slow(Duration),
    /// It obeys when the latch opens.
    Hang(Latch),
    /// It panics, writing nothing.
    Panic,
}

/// A conversation as it was stored.
#[derive(Debug)]
pub struct Backup(Conversation);

impl MemoryStore {
    /// Says what happens to the next commits, in order; later ones are obeyed.
    pub fn script(&self, steps: impl IntoIterator<Item = CommitScript>) {
        lock(&self.inner).script.extend(steps);
    }

    /// Cuts the store off, or connects it again. While it is off nothing is read or written.
    pub fn set_down(&self, down: bool) {
        lock(&self.inner).down = down;
    }

    /// Makes the next reading of the wake index panic.
    pub fn panic_on_next_take(&self) {
        lock(&self.inner).panic_on_take = true;
    }

    /// Makes the next loading of a conversation panic.
    pub fn panic_on_next_load(&self) {
        lock(&self.inner).panic_on_load = true;
    }

    /// Refuses to keep what is set aside, or keeps it again.
    pub fn refuse_parking(&self, refuse: bool) {
        lock(&self.inner).no_parking = refuse;
    }

    /// Damages a conversation's record, so that no binary can read it.
    pub fn poison_record(&self, key: &ConversationKey) {
        let mut inner = lock(&self.inner);
        if let Some(whole) = inner.conversations.get(key).map(|conversation| conversation.record.clone()) {
            inner.poisoned.insert(key.clone(), whole);
        }
        if let Some(conversation) = inner.conversations.get_mut(key) {
            conversation.record = Bytes::from_static(b"\xc1 not a record");
            conversation.version += 1;
        }
    }

    /// Makes a conversation's record what it was before it was damaged: a version that can read it has come.
    pub fn mend_record(&self, key: &ConversationKey) {
        let mut inner = lock(&self.inner);
        let whole = inner.poisoned.remove(key);
        if let (Some(conversation), Some(whole)) = (inner.conversations.get_mut(key), whole) {
            conversation.record = whole;
            conversation.version += 1;
        }
    }

    /// The store has lost writes: the record stands under this older version.
    ///
    /// # Panics
    /// If there is no such conversation.
    pub fn go_back(&self, key: &ConversationKey, version: u64) {
        let mut inner = lock(&self.inner);
        let conversation = inner.conversations.get_mut(key).expect("there is such a conversation");
        (conversation.version, conversation.commit) = (version, CommitId(0));
    }

    /// Returns how a conversation is stored now, to come back to later.
    ///
    /// # Panics
    /// If there is no such conversation.
    pub fn backup(&self, key: &ConversationKey) -> Backup {
        Backup(lock(&self.inner).conversations.get(key).expect("there is such a conversation").clone())
    }

    /// The store has lost writes: the conversation is stored as it was then.
    pub fn come_back(&self, key: &ConversationKey, backup: Backup) {
        lock(&self.inner).conversations.insert(key.clone(), backup.0);
    }

    /// Loses a conversation's wake-up, as no store may.
    pub fn lose_wake(&self, key: &ConversationKey) {
        lock(&self.inner).wakes.remove(key);
    }
}
