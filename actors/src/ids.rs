//! Identities: of conversations, contacts, messages, outbox rows, commits and nodes.

#![deny(clippy::disallowed_methods)]

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How many shards the store's keys are spread over. Fixed: a stored record never moves.
pub const SHARDS: u16 = 64;

/// Names one conversation everywhere: `channel:account:id`, for example `chatwoot:1:57`.
///
/// The first part is the name of the channel that serves it; the rest is the channel's own business.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationKey(Arc<str>);

impl ConversationKey {
    /// Makes a key from its parts.
    pub fn new(channel: &str, account: impl fmt::Display, id: impl fmt::Display) -> Self {
        Self(format!("{channel}:{account}:{id}").into())
    }

    /// Returns the key that only stands for what came from an account and nobody could read.
    pub fn unread(channel: &str, account: impl fmt::Display) -> Self {
        Self::new(channel, account, "unread")
    }

    /// Reads a key that was printed earlier. `None` unless it has three non-empty parts of printable ASCII and is
    /// at most 200 bytes long.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let complete = (0..3).all(|_| parts.next().is_some_and(|part| !part.is_empty()));
        let printable = text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_graphic());
        (complete && printable).then(|| Self(text.into()))
    }

    /// Returns the channel's name.
    pub fn channel(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Returns the account part.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// Returns the part that the channel itself uses to find the conversation.
    pub fn id(&self) -> &str {
        self.0.splitn(3, ':').nth(2).unwrap_or_default()
    }

    /// Returns the shard of the store that holds this conversation, below [`SHARDS`].
    pub fn shard(&self) -> u16 {
        u16::try_from(stable_hash(self.0.as_bytes()) % u64::from(SHARDS)).unwrap_or(0)
    }

    /// Returns the printed form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one person within one account of one channel: `chatwoot:1:412`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactKey(Arc<str>);

impl ContactKey {
    /// Makes a key from its parts.
    pub fn new(channel: &str, account: impl fmt::Display, id: impl fmt::Display) -> Self {
        Self(format!("{channel}:{account}:{id}").into())
    }

    /// Returns the channel's own id of the contact.
    pub fn id(&self) -> &str {
        self.0.splitn(3, ':').nth(2).unwrap_or_default()
    }

    /// Returns the shard of the store that holds this contact.
    pub fn shard(&self) -> u16 {
        u16::try_from(stable_hash(self.0.as_bytes()) % u64::from(SHARDS)).unwrap_or(0)
    }

    /// Returns the printed form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message as its vendor numbers it. `order` sorts messages of one conversation; `unique` tells them apart.
///
/// Vendors with numeric ids (Chatwoot) use the number for both. Vendors with opaque ids use the time of the message in
/// seconds and [`stable_hash`] of the id. Such a vendor may tell another time of the same message later (of the last thing
/// that happened to it), so `unique` alone says which message it is; `order` only says where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct MessageId {
    /// Sorts messages within a conversation.
    pub order: u64,
    /// Tells messages of equal order apart.
    pub unique: u64,
}

impl MessageId {
    /// Makes an id of a vendor that numbers its messages.
    pub const fn numeric(id: u64) -> Self {
        Self { order: id, unique: id }
    }

    /// Makes an id of a vendor whose ids are opaque text, ordered by the time of the message.
    pub fn opaque(order: u64, id: &str) -> Self {
        Self { order, unique: stable_hash(id.as_bytes()) }
    }

    /// Makes an id of a message that a vendor with opaque ids names without its time: in an edit, a deletion, a status, or
    /// the answer to a send. It stands before all others, so it never moves a watermark.
    pub fn named(id: &str) -> Self {
        Self::opaque(0, id)
    }

    /// Returns whether the message stands behind another one. Of two that the vendor gives the same place, such as the same
    /// second, neither does: what arrived first counts as the earlier one.
    pub const fn is_behind(self, other: Self) -> bool {
        self.order > other.order
    }
}

/// The name under which a row leaves the house. It travels with the send where the vendor can carry it, and comes back
/// in echoes and looks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboundId(pub String);

impl fmt::Display for OutboundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place where whoever sent an event waits for one answer, as the channel names it: opaque to the engine, and durable
/// until it has been answered.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplyHandle(pub String);

impl fmt::Debug for ReplyHandle {
    /// Shows no address: whoever knows one may be able to answer there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyHandle({:016x})", stable_hash(self.0.as_bytes()))
    }
}

/// Marks one attempt of one slow effect, so that a late answer to an abandoned attempt is recognised and ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub u64);

/// Marks one write to the store. A write whose outcome is unknown is repeated under the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(pub u128);

impl CommitId {
    /// Makes an id that begins with the run of the store in which the write is made, so that a record from before a restart
    /// of the store is told from one that was written since.
    pub fn in_run(run: u64, unique: u64) -> Self {
        Self((u128::from(run) << 64) | u128::from(unique))
    }

    /// Returns the run with which the id begins.
    pub fn run(self) -> u64 {
        u64::try_from(self.0 >> 64).unwrap_or_default()
    }
}

/// One run of one daemon: the operator's name for the node, and a number drawn at its start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    /// The operator's name for this node (`NODE_ID`).
    pub name: Arc<str>,
    /// Drawn at random at every start.
    pub boot: u64,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}", self.name, self.boot)
    }
}

/// FNV-1a, 64 bits, with a final mix: the same on every machine and in every version, which `std`'s hashers are not.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_as_printed_and_rubbish_is_refused() {
        let key = ConversationKey::new("chatwoot", 1, 57);
        assert_eq!(ConversationKey::parse(key.as_str()), Some(key.clone()));
        assert_eq!((key.channel(), key.account(), key.id()), ("chatwoot", "1", "57"));
        for bad in ["", "chatwoot", "chatwoot:1", "chatwoot::57", ":1:2", "a:b:c d", "a:b:\u{e9}"] {
            assert_eq!(ConversationKey::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn shards_are_stable_and_spread() {
        assert_eq!(ConversationKey::new("chatwoot", 1, 57).shard(), ConversationKey::new("chatwoot", 1, 57).shard());
        let used: std::collections::BTreeSet<u16> =
            (0..2000).map(|id| ConversationKey::new("chatwoot", 1, id).shard()).collect();
        assert_eq!(used.len(), usize::from(SHARDS));
    }
}
