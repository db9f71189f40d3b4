//! Stores to test, and commits to feed them.

use bytes::Bytes;
use frontdesk::adapters::store::embedded::{EmbeddedSettings, EmbeddedStore};
use frontdesk::adapters::store::redis::{RedisSettings, RedisStore};
use frontdesk_actors::ids::{CommitId, ConversationKey, Node};
use frontdesk_actors::ports::{Commit, CommitOutcome, Due, MemoryWrite, Store};
use frontdesk_sandbox::redis::RedisServer;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A lease that no test outlives.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// A time that passes within a test, and is long enough for what must happen before it has passed.
pub(crate) const SHORT: Duration = Duration::from_secs(1);

pub(crate) fn embedded() -> (EmbeddedStore, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (EmbeddedStore::open(dir.path(), EmbeddedSettings::default()).unwrap(), dir)
}

pub(crate) async fn redis() -> (RedisStore, RedisServer) {
    let server = RedisServer::start().await.unwrap();
    (on(&server.url(), "fd"), server)
}

/// A store on a running server or cluster. Prefixes are short: only the end of a long one is used.
pub(crate) fn on(url: &str, prefix: &str) -> RedisStore {
    let prefix = prefix[prefix.len().saturating_sub(32)..].to_owned();
    // Patient: a busy machine must not look like a failing server.
    let patience = Duration::from_secs(5);
    let settings = RedisSettings {
        prefix,
        connections: 4,
        connect_timeout: patience,
        response_timeout: patience,
        ..RedisSettings::new(url.to_owned().into())
    };
    RedisStore::connect(&settings).unwrap()
}

pub(crate) fn key(id: u64) -> ConversationKey {
    ConversationKey::new("chatwoot", 1, id)
}

pub(crate) fn node(name: &str, boot: u64) -> Node {
    Node { name: name.into(), boot }
}

pub(crate) fn bytes(text: impl Into<String>) -> Bytes {
    text.into().into()
}

/// A commit under a fresh id.
pub(crate) fn commit(key: &ConversationKey, expected: u64, record: &str) -> Commit {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Commit {
        key: key.clone(),
        expected,
        becomes: expected + 1,
        id: CommitId((u128::MAX << 64) | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))),
        node: node("a", 1),
        record: bytes(record),
        memory: MemoryWrite::Keep,
        wake: None,
        journal: Vec::new(),
        summary: bytes(format!("summary of {record}")),
    }
}

pub(crate) fn waking(key: &ConversationKey, expected: u64, by: &Node, wake: Duration) -> Commit {
    Commit { node: by.clone(), wake: Some(wake), ..commit(key, expected, "waking") }
}

/// Commits what must succeed, and returns the new version.
pub(crate) async fn put(store: &dyn Store, commit: &Commit) -> u64 {
    match store.commit(commit).await {
        CommitOutcome::Ok { version } => version,
        outcome @ (CommitOutcome::Conflict
        | CommitOutcome::Regressed { .. }
        | CommitOutcome::Unavailable(_)
        | CommitOutcome::Unknown(_)) => panic!("the commit ended in {outcome:?}"),
    }
}

/// Waits until `probe` returns something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Takes until something is due.
pub(crate) async fn take(store: &dyn Store, by: &Node, lease: Duration) -> Vec<Due> {
    eventually("something is due", || async {
        let due = store.take_due(by, lease, 100).await.unwrap();
        (!due.is_empty()).then_some(due)
    })
    .await
}
