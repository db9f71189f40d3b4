//! The store on Redis or Redis Cluster, for more than one machine.
//!
//! Every write of a conversation is one Lua script. Nothing is repeated here that may have been executed: an unknown
//! outcome is told as such, and the engine repeats it under the same commit id. A server that is down makes every call
//! fail within the connect time-out and is found again by itself. Keys are named in `keys`, scripts live in `lua/`.

mod address;
mod client;
mod examine;
mod fault;
mod gather;
mod keys;
mod link;
mod memory;
mod nudges;
mod parked;
mod runs;
mod scan;
mod scripts;
mod settings;
mod wire;

pub use address::AddressError;
pub use settings::RedisSettings;

use crate::adapters::store::{FEED_CAP, Finding, JOURNAL_CAP, RECLAIM_HORIZON, millis, stored_key};
use async_trait::async_trait;
use bytes::Bytes;
use fault::{Cause, Fault, Written};
use frontdesk_actors::ids::{CommitId, ContactKey, ConversationKey, Node, SHARDS};
use frontdesk_actors::ports::{
    Commit, CommitOutcome, Due, Listed, Nudge, PortError, PortErrorKind, Quota, Store, Stored,
};
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::{self, BoxStream};
use keys::Keys;
use link::{Limits, Links};
use memory::{MemoryCall, StoredMemory};
use nudges::Listening;
use scripts::Call;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The store on Redis.
pub struct RedisStore {
    links: Links,
    keys: Keys,
    retention: i64,
    listening: Listening,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("links", &self.links).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Prepares the store. No connection is opened: each call opens what it needs, and fails as long as it cannot.
    ///
    /// # Errors
    /// [`AddressError`] if the settings can never work.
    pub fn connect(settings: &RedisSettings) -> Result<Self, AddressError> {
        let limits = Limits {
            connections: settings.connections,
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
        };
        link::check(&limits, &settings.prefix)?;
        let keys = Keys::new(&settings.prefix);
        let address = address::parse(&settings.url)?;
        if settings.roots.is_some() && !address.has_tls() {
            return Err(AddressError::RootsWithoutTls);
        }
        let links = Links::new(&address, settings.roots.as_deref(), limits, keys.clone())?;
        Ok(Self { links, keys, retention: millis(settings.retention).max(1), listening: Listening::default() })
    }

    /// Reads back the server's durability settings and says what they mean for what the desk acknowledges.
    ///
    /// # Errors
    /// [`PortError`] if the server cannot be reached.
    pub async fn examine(&self) -> Result<Vec<Finding>, PortError> {
        examine::examine(&self.links).await.map_err(|fault| fault.during("read the settings of Redis"))
    }

    fn commit_call(&self, commit: &Commit) -> Call {
        let key = &commit.key;
        let shard = key.shard();
        let keys = vec![
            self.keys.record(key),
            self.keys.memory(key),
            self.keys.journal(key),
            self.keys.wake(shard),
            self.keys.holders(shard),
            self.keys.takes(shard),
            self.keys.recent(shard),
        ];
        let memory = MemoryCall::of(&commit.memory);
        let journal: usize = commit.journal.iter().map(Bytes::len).sum();
        let length = commit.record.len() + memory.length() + commit.summary.len() + journal;
        let mut call = Call::with_room(&scripts::COMMIT, keys, length)
            .number(commit.expected)
            .arg(commit_id(commit.id))
            .arg(commit.node.to_string())
            .arg(&commit.record)
            .arg(memory.verb)
            .number(memory.had)
            .number(memory.ttl)
            .arg(commit.wake.map(|wake| millis(wake).to_string()).unwrap_or_default())
            .arg(&commit.summary)
            .number(self.retention)
            .arg(key.as_str())
            .arg(self.keys.nudges())
            .arg(self.own_listeners())
            .number(i64::try_from(JOURNAL_CAP).unwrap_or(i64::MAX))
            .number(commit.becomes)
            .number(memory.has)
            .arg(memory.after.map(commit_id).unwrap_or_default())
            .number(memory.pieces.len());
        for piece in memory.pieces {
            call = call.arg(piece);
        }
        for entry in &commit.journal {
            call = call.arg(entry);
        }
        call
    }

    /// Returns how many of those who listen for nudges are this store's own. In a cluster no server knows all of them.
    fn own_listeners(&self) -> String {
        if self.links.is_cluster() { String::new() } else { self.listening.count().to_string() }
    }

    async fn setting_call<T: redis::FromRedisValue>(
        &self,
        command: &mut redis::Cmd,
        operation: &str,
    ) -> Result<T, PortError> {
        self.links.send(0, command).await.map_err(|fault| fault.during(operation))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn load(&self, key: &ConversationKey) -> Result<Option<Stored>, PortError> {
        let call = Call::new(&scripts::LOAD, vec![self.keys.record(key), self.keys.memory(key)]);
        let found: Option<(u64, String, Vec<u8>, StoredMemory)> = self
            .links
            .run(key.shard(), &call)
            .await
            .map_err(|fault| fault.during("read the conversation from Redis"))?;
        Ok(found.map(|(version, commit, record, memory)| Stored {
            version,
            commit: CommitId(u128::from_str_radix(&commit, 16).unwrap_or_default()),
            record: record.into(),
            memory: memory.0,
        }))
    }

    async fn version(&self, key: &ConversationKey) -> Result<u64, PortError> {
        let mut read = redis::cmd("HGET");
        read.arg(self.keys.record(key)).arg("v");
        let found: Option<u64> = self
            .links
            .send(key.shard(), &read)
            .await
            .map_err(|fault| fault.during("read the conversation's version from Redis"))?;
        Ok(found.unwrap_or_default())
    }

    async fn commit(&self, commit: &Commit) -> CommitOutcome {
        let answered: Result<(String, u64), Fault> =
            self.links.run(commit.key.shard(), &self.commit_call(commit)).await;
        match answered {
            Ok((verdict, version)) => match verdict.as_str() {
                "ok" => CommitOutcome::Ok { version },
                "conflict" => CommitOutcome::Conflict,
                // What it grew out of is not there any more.
                "memory" => {
                    let memory = commit.memory.whole();
                    self.commit(&Commit { memory, ..commit.clone() }).await
                }
                _ => CommitOutcome::Regressed { version },
            },
            Err(fault) => match fault.written {
                Written::No => CommitOutcome::Unavailable(fault.during("write the conversation to Redis")),
                Written::Maybe => CommitOutcome::Unknown(fault.during("write the conversation to Redis")),
            },
        }
    }

    async fn erase(&self, key: &ConversationKey) -> Result<(), PortError> {
        let shard = key.shard();
        let keys = vec![
            self.keys.record(key),
            self.keys.memory(key),
            self.keys.journal(key),
            self.keys.feed(key),
            self.keys.feed_ids(key),
            self.keys.wake(shard),
            self.keys.holders(shard),
            self.keys.takes(shard),
            self.keys.recent(shard),
            self.keys.parked(key),
            self.keys.parked_index(shard),
        ];
        let call = Call::new(&scripts::ERASE, keys).arg(key.as_str());
        self.links.run(shard, &call).await.map_err(|fault| fault.during("erase the conversation from Redis"))
    }

    async fn erase_traces(&self, key: &ConversationKey) -> Result<(), PortError> {
        let keys = vec![
            self.keys.journal(key),
            self.keys.feed(key),
            self.keys.feed_ids(key),
            self.keys.parked(key),
            self.keys.parked_index(key.shard()),
        ];
        let call = Call::new(&scripts::ERASE_TRACES, keys).arg(key.as_str());
        let erased = self.links.run(key.shard(), &call).await;
        erased.map_err(|fault| fault.during("erase the traces of a conversation from Redis"))
    }

    async fn erase_contact(&self, contact: &ContactKey) -> Result<(), PortError> {
        let mut erase = redis::cmd("DEL");
        erase.arg(self.keys.contact(contact));
        let erased: Result<i64, Fault> = self.links.send(contact.shard(), &erase).await;
        erased.map(drop).map_err(|fault| fault.during("erase the contact from Redis"))
    }

    async fn take_due(&self, node: &Node, lease: Duration, limit: usize) -> Result<Vec<Due>, PortError> {
        self.take(node, lease, limit).await.map_err(|fault| fault.during("take due conversations from Redis"))
    }

    async fn renew(&self, node: &Node, lease: Duration, keys: &[ConversationKey]) -> Result<(), PortError> {
        let mut by_shard: BTreeMap<u16, Vec<&ConversationKey>> = BTreeMap::new();
        for key in keys {
            by_shard.entry(key.shard()).or_default().push(key);
        }
        let renewals = by_shard.into_iter().map(|(shard, keys)| async move {
            let call = Call::new(&scripts::RENEW, vec![self.keys.wake(shard), self.keys.holders(shard)])
                .arg(node.to_string())
                .number(millis(lease));
            let call = keys.into_iter().fold(call, |call, key| call.arg(key.as_str()));
            self.links.run::<i64>(shard, &call).await
        });
        try_join_all(renewals).await.map(drop).map_err(|fault| fault.during("renew leases in Redis"))
    }

    async fn reclaim(&self, node: &Node) -> Result<u64, PortError> {
        let reclaims = (0..SHARDS).map(|shard| async move {
            let call = Call::new(&scripts::RECLAIM, vec![self.keys.wake(shard), self.keys.holders(shard)])
                .arg(node.to_string())
                .arg(node.name.as_bytes())
                .number(millis(RECLAIM_HORIZON));
            self.links.run::<u64>(shard, &call).await
        });
        let counts = try_join_all(reclaims).await.map_err(|fault| fault.during("reclaim conversations in Redis"))?;
        Ok(counts.into_iter().sum())
    }

    async fn contact(&self, contact: &ContactKey) -> Result<Option<Bytes>, PortError> {
        let mut read = redis::cmd("GET");
        read.arg(self.keys.contact(contact));
        let found: Option<Vec<u8>> = self
            .links
            .send(contact.shard(), &read)
            .await
            .map_err(|fault| fault.during("read the contact from Redis"))?;
        Ok(found.map(Bytes::from))
    }

    async fn put_contact(&self, contact: &ContactKey, value: Bytes) -> Result<(), PortError> {
        let mut write = redis::cmd("SET");
        write.arg(self.keys.contact(contact)).arg(&value[..]);
        self.links.send(contact.shard(), &write).await.map_err(|fault| fault.during("write the contact to Redis"))
    }

    async fn take_quota(&self, quotas: &[Quota]) -> Result<Option<usize>, PortError> {
        for (index, quota) in quotas.iter().enumerate() {
            let window = millis(quota.window).max(1);
            let keys = vec![self.keys.quota(&quota.key, window), self.keys.bar(&quota.key)];
            let call = Call::new(&scripts::QUOTA, keys).number(quota.limit).number(window);
            let taken: Result<i64, Fault> = self.links.run(keys::quota_shard(&quota.key), &call).await;
            if taken.map_err(|fault| fault.during("take from a quota in Redis"))? == 0 {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    async fn take_block(&self, quota: &Quota, most: u32) -> Result<u32, PortError> {
        let window = millis(quota.window).max(1);
        let keys = vec![self.keys.quota(&quota.key, window), self.keys.bar(&quota.key)];
        let call = Call::new(&scripts::BLOCK, keys).number(quota.limit).number(window).number(most);
        let taken = self.links.run(keys::quota_shard(&quota.key), &call).await;
        taken.map_err(|fault| fault.during("take from a quota in Redis"))
    }

    fn run(&self) -> Option<u64> {
        self.links.run_name()
    }

    /// The listener ends when the stream is dropped.
    fn nudges(&self) -> BoxStream<'static, Nudge> {
        let listening = self.listening.clone();
        let heard = nudges::listen(self.links.nodes(), self.keys.nudges(), self.links.connect_timeout(), listening);
        stream::unfold(heard, |mut heard| async move { Some((heard.recv().await?, heard)) }).boxed()
    }

    async fn exhaust_quota(&self, key: &str, ttl: Duration) -> Result<(), PortError> {
        let call = Call::new(&scripts::BAR, vec![self.keys.bar(key)]).number(millis(ttl).max(1));
        self.links.run(keys::quota_shard(key), &call).await.map_err(|fault| fault.during("use up a quota in Redis"))
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, PortError> {
        self.setting_call(redis::cmd("HGET").arg(self.keys.settings()).arg(name), "read a setting from Redis").await
    }

    async fn put_setting(&self, name: &str, value: &str) -> Result<(), PortError> {
        let write = &mut redis::cmd("HSET");
        write.arg(self.keys.settings()).arg(name).arg(value);
        self.setting_call::<i64>(write, "write a setting to Redis").await.map(drop)
    }

    async fn put_setting_once(&self, name: &str, value: &str) -> Result<String, PortError> {
        let call = Call::new(&scripts::SETTING_ONCE, vec![self.keys.settings()]).arg(name).arg(value);
        self.links.run(0, &call).await.map_err(|fault| fault.during("write a setting to Redis"))
    }

    async fn list(&self, limit: usize) -> Result<Vec<Listed>, PortError> {
        self.newest(limit).await.map_err(|fault| fault.during("list conversations in Redis"))
    }

    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<Bytes>, PortError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut read = redis::cmd("LRANGE");
        read.arg(self.keys.journal(key)).arg(-i64::try_from(limit).unwrap_or(i64::MAX)).arg(-1);
        let found: Vec<Vec<u8>> =
            self.links.send(key.shard(), &read).await.map_err(|fault| fault.during("read the journal from Redis"))?;
        Ok(found.into_iter().map(Bytes::from).collect())
    }

    async fn append_feed(&self, key: &ConversationKey, id: &str, entry: Bytes) -> Result<u64, PortError> {
        let call = Call::new(&scripts::FEED, vec![self.keys.feed(key), self.keys.feed_ids(key)])
            .arg(id)
            .arg(&entry)
            .number(i64::try_from(FEED_CAP).unwrap_or(i64::MAX))
            .number(self.retention);
        self.links.run(key.shard(), &call).await.map_err(|fault| fault.during("append to the feed in Redis"))
    }

    async fn feed(&self, key: &ConversationKey, after: u64) -> Result<Vec<(u64, Bytes)>, PortError> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let call = Call::new(&scripts::FEED_AFTER, vec![self.keys.feed(key)]).number(first);
        let found: Vec<(u64, Vec<u8>)> =
            self.links.run(key.shard(), &call).await.map_err(|fault| fault.during("read the feed from Redis"))?;
        Ok(found.into_iter().map(|(number, entry)| (number, entry.into())).collect())
    }

    async fn park(&self, key: &ConversationKey, entry: Bytes) -> Result<u64, PortError> {
        let operation = "park an entry in Redis";
        let number = self.park_entry(key, &entry).await.map_err(|fault| fault.during(operation))?;
        number.ok_or_else(|| PortError::new(PortErrorKind::Rejected, operation))
    }

    async fn parked(&self, key: &ConversationKey) -> Result<Vec<(u64, Bytes)>, PortError> {
        self.parked_entries(key).await.map_err(|fault| fault.during("read parked entries from Redis"))
    }

    async fn unpark(&self, key: &ConversationKey, number: u64) -> Result<(), PortError> {
        self.unpark_entry(key, number).await.map_err(|fault| fault.during("forget a parked entry in Redis"))
    }

    async fn parked_keys(&self, limit: usize) -> Result<Vec<ConversationKey>, PortError> {
        self.parked_conversations(limit).await.map_err(|fault| fault.during("list parked entries in Redis"))
    }

    async fn ping(&self) -> Result<(), PortError> {
        let mut read = redis::cmd("HLEN");
        read.arg(self.keys.meta());
        self.links.send::<i64>(0, &read).await.map(drop).map_err(|fault| fault.during("reach Redis"))
    }
}

fn commit_id(id: CommitId) -> String {
    format!("{:032x}", id.0)
}

fn read_key(text: &str) -> Result<ConversationKey, Fault> {
    stored_key(text).map_err(|error| Fault::unsent(Cause::Foreign(error.to_string())))
}
