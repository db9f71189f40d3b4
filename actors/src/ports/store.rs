//! Durable memory. See `ports.rs`.

use super::{MemoryWrite, PortError};
use crate::ids::CommitId;
use crate::ids::ContactKey;
use crate::ids::ConversationKey;
use crate::ids::Node;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::fmt;
use std::time::Duration;

/// Durable memory. Every write of a conversation is one atomic compare-and-set.
#[async_trait]
pub trait Store: super::Scan + Send + Sync + fmt::Debug {
    /// Loads a conversation.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn load(&self, key: &ConversationKey) -> Result<Option<Stored>, PortError>;

    /// Returns how many commits a conversation has had; 0 if there is none. Cheaper than loading it.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn version(&self, key: &ConversationKey) -> Result<u64, PortError> {
        Ok(self.load(key).await?.map_or(0, |stored| stored.version))
    }

    /// Writes a conversation in one atomic step: record, memory, wake-up, journal, summary.
    async fn commit(&self, commit: &Commit) -> CommitOutcome;

    /// Erases a conversation, its memory, journal, feed and what is parked of it. The dedupe window goes with it.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn erase(&self, key: &ConversationKey) -> Result<(), PortError>;

    /// Erases what is kept beside the record and the memory: the journal, the entries of the feed, and what is parked. Numbers
    /// of feed entries are not given twice.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn erase_traces(&self, key: &ConversationKey) -> Result<(), PortError>;

    /// Erases a contact's stored value.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn erase_contact(&self, contact: &ContactKey) -> Result<(), PortError>;

    /// Returns conversations whose wake-up is due, and pushes each by `lease` under this node's name in the same step,
    /// so that no other node takes it meanwhile.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn take_due(&self, node: &Node, lease: Duration, limit: usize) -> Result<Vec<Due>, PortError>;

    /// Pushes the wake-up of conversations this node still works on. Entries another node has taken are left alone.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn renew(&self, node: &Node, lease: Duration, keys: &[ConversationKey]) -> Result<(), PortError>;

    /// Makes everything an earlier run of this node (same name, other boot) was working on due now.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn reclaim(&self, node: &Node) -> Result<u64, PortError>;

    /// Returns a contact's stored value.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn contact(&self, contact: &ContactKey) -> Result<Option<Bytes>, PortError>;

    /// Replaces a contact's stored value.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn put_contact(&self, contact: &ContactKey, value: Bytes) -> Result<(), PortError>;

    /// Takes one from each quota, in order. Stops at the first exhausted one and returns its index; what was taken
    /// before it stays taken.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn take_quota(&self, quotas: &[Quota]) -> Result<Option<usize>, PortError>;

    /// Uses up a quota for `ttl`, whatever its limit.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn exhaust_quota(&self, key: &str, ttl: Duration) -> Result<(), PortError>;

    /// Reads a setting shared by all nodes.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn setting(&self, name: &str) -> Result<Option<String>, PortError>;

    /// Writes a setting shared by all nodes.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn put_setting(&self, name: &str, value: &str) -> Result<(), PortError>;

    /// Writes a setting unless it exists, and returns what then stands: how a generated secret becomes the same on
    /// every node.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn put_setting_once(&self, name: &str, value: &str) -> Result<String, PortError>;

    /// Lists conversations, the most recently changed first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn list(&self, limit: usize) -> Result<Vec<Listed>, PortError>;

    /// Returns the newest journal entries of a conversation, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<Bytes>, PortError>;

    /// Appends to a conversation's feed unless an entry with the same `id` is there. Returns the entry's number, from 1,
    /// either way. Feeds are capped at the newest 500 entries.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn append_feed(&self, key: &ConversationKey, id: &str, entry: Bytes) -> Result<u64, PortError>;

    /// Returns feed entries numbered above `after`, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn feed(&self, key: &ConversationKey, after: u64) -> Result<Vec<(u64, Bytes)>, PortError>;

    /// Keeps an entry about a conversation that is set aside until an operator acts, and returns its number. Numbers grow
    /// and are not given twice. At most 500 entries are kept about one conversation.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written, `Rejected` if there are too many already.
    async fn park(&self, key: &ConversationKey, entry: Bytes) -> Result<u64, PortError>;

    /// Returns the entries kept about a conversation, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn parked(&self, key: &ConversationKey) -> Result<Vec<(u64, Bytes)>, PortError>;

    /// Forgets one entry.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn unpark(&self, key: &ConversationKey, number: u64) -> Result<(), PortError>;

    /// Returns conversations about which entries are kept, in no particular order.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn parked_keys(&self, limit: usize) -> Result<Vec<ConversationKey>, PortError>;

    /// Returns whether no other process can write to it, so that what was read stays so.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Takes as many as it can from a quota, but not more than `most`, and returns how many.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn take_block(&self, quota: &Quota, most: u32) -> Result<u32, PortError> {
        for taken in 0..most {
            if self.take_quota(std::slice::from_ref(quota)).await?.is_some() {
                return Ok(taken);
            }
        }
        Ok(most)
    }

    /// Names the run of the server behind it: another name means that the server was started again, perhaps from an older
    /// file, and may have forgotten what it had acknowledged last. `None` where that cannot happen, and as long as it is
    /// not known. A commit's id begins with the run in which it was made, see [`CommitId::in_run`].
    fn run(&self) -> Option<u64> {
        None
    }

    /// Returns the commits of other nodes as they happen, perhaps with this one's. A hint and no more: some may be missing,
    /// also for a while. A store that has no other nodes has nothing to tell.
    fn nudges(&self) -> BoxStream<'static, Nudge> {
        stream::empty().boxed()
    }

    /// Checks that the store answers.
    ///
    /// # Errors
    /// [`PortError`] if it does not.
    async fn ping(&self) -> Result<(), PortError>;
}

/// A conversation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// How many commits made it.
    pub version: u64,
    /// The id of the last commit.
    pub commit: CommitId,
    /// The control record, encoded by the flow.
    pub record: Bytes,
    /// The memory, encoded by the flow; it expires by itself.
    pub memory: Option<Bytes>,
}

/// One atomic write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The conversation.
    pub key: ConversationKey,
    /// The version this write was computed from; 0 for a conversation that does not exist yet.
    pub expected: u64,
    /// The version it becomes: one more than the newest that is known. Where the store has lost writes that is more than one above
    /// [`Commit::expected`], so that no number comes again and what was sent before and lands late finds another one.
    pub becomes: u64,
    /// Names this write. Repeating it under the same id after [`CommitOutcome::Unknown`] is harmless.
    pub id: CommitId,
    /// The writer. Becomes the holder of the wake-up.
    pub node: Node,
    /// The control record.
    pub record: Bytes,
    /// What happens to the memory.
    pub memory: MemoryWrite,
    /// When somebody must look at this conversation again, from now; `None` if nothing is owed and no timer runs.
    pub wake: Option<Duration>,
    /// Journal entries to append. The journal is capped at the newest 200.
    pub journal: Vec<Bytes>,
    /// A one-line summary for lists.
    pub summary: Bytes,
}

/// What became of a commit.
#[derive(Debug, Clone)]
pub enum CommitOutcome {
    /// It is durable (or was already, under the same id).
    Ok {
        /// The new version.
        version: u64,
    },
    /// Another node wrote since: reload and apply again.
    Conflict,
    /// The store holds an older version than expected: it has lost writes. The caller is truer.
    Regressed {
        /// What the store holds; 0 if nothing.
        version: u64,
    },
    /// Nothing was written.
    Unavailable(PortError),
    /// It may or may not have been written: repeat it under the same id.
    Unknown(PortError),
}

/// A commit that some node made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nudge {
    /// In whose name the wake-up stands since, as [`Node`] prints it.
    pub node: String,
    /// The conversation.
    pub key: ConversationKey,
}

/// A conversation whose wake-up was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The conversation.
    pub key: ConversationKey,
    /// How often it was taken since its last commit, this time included.
    pub takes: u32,
    /// Whether another node, or an earlier run of this one, held it last.
    pub taken_over: bool,
}

/// At most `limit` in every window of this length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Names what is counted. Never an address in clear: a digest.
    pub key: String,
    /// How many.
    pub limit: u32,
    /// In how long.
    pub window: Duration,
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The conversation.
    pub key: ConversationKey,
    /// The summary given with its last commit.
    pub summary: Bytes,
}
