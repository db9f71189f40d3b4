//! What is kept about conversations that are set aside, in Redis: a hash of entries per conversation, and per shard the set
//! of conversations that have one.

use super::fault::Fault;
use super::scripts::{self, Call};
use super::{RedisStore, read_key};
use crate::adapters::store::PARKED_CAP;
use bytes::Bytes;
use frontdesk_actors::ids::ConversationKey;
use futures::future::try_join_all;

/// The field of the hash that holds the last number given.
const LAST: &str = "n";

impl RedisStore {
    fn parked_names(&self, key: &ConversationKey) -> Vec<String> {
        vec![self.keys.parked(key), self.keys.parked_index(key.shard())]
    }

    /// Keeps an entry; `None` if too many are kept already.
    pub(super) async fn park_entry(&self, key: &ConversationKey, entry: &Bytes) -> Result<Option<u64>, Fault> {
        let call = Call::new(&scripts::PARK, self.parked_names(key))
            .arg(key.as_str())
            .arg(entry)
            .number(i64::try_from(PARKED_CAP).unwrap_or(i64::MAX));
        let number: u64 = self.links.run(key.shard(), &call).await?;
        Ok((number > 0).then_some(number))
    }

    /// Returns the entries of a conversation, oldest first.
    pub(super) async fn parked_entries(&self, key: &ConversationKey) -> Result<Vec<(u64, Bytes)>, Fault> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.keys.parked(key));
        let found: Vec<(String, Vec<u8>)> = self.links.send(key.shard(), &read).await?;
        let entries = found.into_iter().filter(|(field, _)| field != LAST);
        let mut entries: Vec<(u64, Bytes)> =
            entries.filter_map(|(field, entry)| Some((field.parse().ok()?, entry.into()))).collect();
        entries.sort_by_key(|(number, _)| *number);
        Ok(entries)
    }

    pub(super) async fn unpark_entry(&self, key: &ConversationKey, number: u64) -> Result<(), Fault> {
        let call =
            Call::new(&scripts::UNPARK, self.parked_names(key)).arg(key.as_str()).number(number).number(self.retention);
        self.links.run::<i64>(key.shard(), &call).await.map(drop)
    }

    pub(super) async fn parked_conversations(&self, limit: usize) -> Result<Vec<ConversationKey>, Fault> {
        let count = i64::try_from(limit).unwrap_or(i64::MAX).min(i64::from(u32::MAX));
        let found = self.groups().into_iter().map(|group| async move {
            let keys = group.iter().map(|shard| self.keys.parked_index(*shard)).collect();
            let call = Call::new(&scripts::PARKED_KEYS, keys).number(count);
            self.links.run::<Vec<String>>(group.first().copied().unwrap_or(0), &call).await
        });
        let found = try_join_all(found).await?;
        found.iter().flatten().take(limit).map(|key| read_key(key)).collect()
    }
}
