//! The names of everything in Redis. All keys of a shard carry its number as hash tag, so that a script over one
//! conversation touches one slot of a cluster.

use frontdesk_actors::ids::{ContactKey, ConversationKey, SHARDS, stable_hash};
use std::sync::Arc;

/// Makes key names under the operator's prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
    /// What every key of a shard begins with. Each commit names seven keys: to print the number each time would be felt.
    shards: Arc<[String]>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        let shards = (0..SHARDS).map(|shard| format!("{prefix}:{{{shard}}}:")).collect();
        Self { prefix: prefix.to_owned(), shards }
    }

    /// What is fixed for good: how many shards there are, and the format of what is stored.
    pub(super) fn meta(&self) -> String {
        format!("{}:meta", self.prefix)
    }

    pub(super) fn settings(&self) -> String {
        format!("{}:settings", self.prefix)
    }

    /// The channel on which commits are announced.
    pub(super) fn nudges(&self) -> String {
        format!("{}:nudge", self.prefix)
    }

    pub(super) fn record(&self, key: &ConversationKey) -> String {
        self.of(key, "c:")
    }

    pub(super) fn memory(&self, key: &ConversationKey) -> String {
        self.of(key, "m:")
    }

    pub(super) fn journal(&self, key: &ConversationKey) -> String {
        self.of(key, "j:")
    }

    pub(super) fn feed(&self, key: &ConversationKey) -> String {
        self.of(key, "f:")
    }

    pub(super) fn feed_ids(&self, key: &ConversationKey) -> String {
        self.of(key, "i:")
    }

    /// What is kept about a conversation that is set aside.
    pub(super) fn parked(&self, key: &ConversationKey) -> String {
        self.of(key, "k:")
    }

    /// The conversations of a shard about which something is kept.
    pub(super) fn parked_index(&self, shard: u16) -> String {
        self.in_shard(shard, &["parked"])
    }

    pub(super) fn contact(&self, contact: &ContactKey) -> String {
        self.in_shard(contact.shard(), &["p:", contact.as_str()])
    }

    /// The index of wake-ups of a shard: conversation by due time.
    pub(super) fn wake(&self, shard: u16) -> String {
        self.in_shard(shard, &["wake"])
    }

    /// Who wrote or took each conversation of a shard last, where a wake-up stands.
    pub(super) fn holders(&self, shard: u16) -> String {
        self.in_shard(shard, &["holders"])
    }

    /// How often each conversation of a shard was taken since its last commit.
    pub(super) fn takes(&self, shard: u16) -> String {
        self.in_shard(shard, &["takes"])
    }

    /// The conversations of a shard by the time of their last commit.
    pub(super) fn recent(&self, shard: u16) -> String {
        self.in_shard(shard, &["recent"])
    }

    /// The log of what was taken from a quota. The window is part of the name: the same key may be counted by the
    /// hour and by the day.
    pub(super) fn quota(&self, key: &str, window: i64) -> String {
        self.in_shard(quota_shard(key), &["q:", &window.to_string(), ":", key])
    }

    /// Stands while a quota is used up by order.
    pub(super) fn bar(&self, key: &str) -> String {
        self.in_shard(quota_shard(key), &["x:", key])
    }

    fn of(&self, key: &ConversationKey, kind: &str) -> String {
        self.in_shard(key.shard(), &[kind, key.as_str()])
    }

    fn in_shard(&self, shard: u16, parts: &[&str]) -> String {
        let begins = &self.shards[usize::from(shard)];
        let mut name = String::with_capacity(begins.len() + parts.iter().map(|part| part.len()).sum::<usize>());
        name.push_str(begins);
        parts.iter().for_each(|part| name.push_str(part));
        name
    }
}

/// Returns the shard that counts a quota.
pub(super) fn quota_shard(key: &str) -> u16 {
    u16::try_from(stable_hash(key.as_bytes()) % u64::from(SHARDS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_conversation_share_a_hash_tag() {
        let keys = Keys::new("fd");
        let key = ConversationKey::new("chatwoot", 1, 57);
        let tag = format!("fd:{{{}}}:", key.shard());
        for name in [
            keys.record(&key),
            keys.memory(&key),
            keys.journal(&key),
            keys.feed(&key),
            keys.feed_ids(&key),
            keys.wake(key.shard()),
            keys.holders(key.shard()),
            keys.takes(key.shard()),
            keys.recent(key.shard()),
            keys.parked(&key),
            keys.parked_index(key.shard()),
        ] {
            assert!(name.starts_with(&tag), "{name}");
        }
        assert!(keys.quota("a", 1000).starts_with(keys.bar("a").trim_end_matches("x:a")));
        assert_eq!(keys.record(&key), format!("{tag}c:chatwoot:1:57"), "as earlier versions have named it");
        assert_eq!(keys.quota("a", 1000), format!("fd:{{{}}}:q:1000:a", quota_shard("a")));
    }
}
