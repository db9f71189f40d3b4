//! What only Redis can show: a server that dies, hangs, comes back, is misconfigured or is somebody else's.

use crate::fixture::{LONG, bytes, commit, eventually, key, node, on, put, redis, take, waking};
use crate::scanning::all;
use frontdesk::adapters::store::Severity;
use frontdesk::adapters::store::redis::{AddressError, RedisSettings, RedisStore};
use frontdesk_actors::ports::{Commit, CommitOutcome, Nudge, PortErrorKind, Store};
use frontdesk_sandbox::redis::{Fsync, RedisCluster, RedisOptions, RedisServer};
use futures::StreamExt;
use futures::future::join_all;
use std::time::{Duration, Instant};

/// How an outcome is called, for assertions.
fn name(outcome: &CommitOutcome) -> &'static str {
    match outcome {
        CommitOutcome::Ok { .. } => "ok",
        CommitOutcome::Conflict => "conflict",
        CommitOutcome::Regressed { .. } => "regressed",
        CommitOutcome::Unavailable(_) => "unavailable",
        CommitOutcome::Unknown(_) => "unknown",
    }
}

/// What the operator reads of a failed commit.
fn told(outcome: &CommitOutcome) -> String {
    let (CommitOutcome::Unavailable(error) | CommitOutcome::Unknown(error)) = outcome else { return String::new() };
    let source: &dyn std::error::Error = error.source.as_deref().expect("every failure has a cause");
    source.to_string()
}

fn impatient(url: &str) -> RedisStore {
    let response_timeout = Duration::from_secs(1);
    let connect_timeout = Duration::from_secs(1);
    RedisStore::connect(&RedisSettings {
        response_timeout,
        connect_timeout,
        ..RedisSettings::new(url.to_owned().into())
    })
    .unwrap()
}

#[tokio::test]
async fn a_lost_record_is_found_by_its_wake_up() {
    let (store, server) = redis().await;
    for id in 1..=3 {
        put(&store, &waking(&key(id), 0, &node("a", 1), LONG)).await;
    }
    let (lost, kept) = (key(1), key(2));
    let tagged = |what: &str| format!("fd:{{{}}}:{what}", lost.shard());
    let mut meddler = redis_link(&server.url()).await;
    let _: () = redis::cmd("DEL").arg(tagged(&format!("c:{lost}"))).query_async(&mut meddler).await.unwrap();
    for in_the_list_too in [true, false] {
        let found = all(&store, 1, async || {}).await;
        assert_eq!(found.len(), 3);
        assert!(found[&lost].stored.is_none() && found[&lost].wake.is_some(), "{in_the_list_too}: {:?}", found[&lost]);
        assert!(found[&kept].stored.is_some());
        let _: () =
            redis::cmd("ZREM").arg(tagged("recent")).arg(lost.as_str()).query_async(&mut meddler).await.unwrap();
    }
}

async fn redis_link(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn acknowledged_commits_survive_kill_9_of_the_server() {
    let (store, mut server) = redis().await;
    for id in 0..50 {
        put(&store, &waking(&key(id), 0, &node("a", 1), Duration::ZERO)).await;
    }
    server.kill().unwrap();
    server.restart().await.unwrap();
    let store = on(&server.url(), "fd");
    for id in 0..50 {
        assert_eq!(store.load(&key(id)).await.unwrap().unwrap().version, 1);
    }
    assert_eq!(take(&store, &node("b", 1), LONG).await.len(), 50);
}

#[tokio::test]
async fn a_killed_server_is_unavailable_and_found_again_without_restart() {
    let (store, mut server) = redis().await;
    put(&store, &commit(&key(1), 0, "first")).await;
    server.kill().unwrap();
    // The first commit may have been written into a connection whose end had not been noticed; then nobody knows.
    let second = commit(&key(1), 1, "second");
    let outcome = eventually("the end of the connection is noticed", || async {
        let outcome = store.commit(&second).await;
        (name(&outcome) != "unknown").then_some(outcome)
    })
    .await;
    assert_eq!(name(&outcome), "unavailable");
    assert!(told(&outcome).contains("check that it runs"), "{}", told(&outcome));
    assert_eq!(store.load(&key(1)).await.unwrap_err().kind, PortErrorKind::Transient);
    assert!(store.ping().await.is_err());
    server.restart().await.unwrap();
    assert_eq!(put(&store, &second).await, 2);
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_waited_for() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill().unwrap();
    let store = on(&server.url(), "fd");
    let outcomes = join_all((0..40).map(|id| {
        let commit = commit(&key(id), 0, "early");
        let store = &store;
        async move { store.commit(&commit).await }
    }))
    .await;
    assert!(outcomes.iter().all(|outcome| name(outcome) == "unavailable"));
    server.restart().await.unwrap();
    put(&store, &commit(&key(1), 0, "first")).await;
}

#[tokio::test]
async fn a_hanging_server_leaves_the_outcome_unknown_until_the_commit_is_repeated() {
    let server = RedisServer::start().await.unwrap();
    let store = impatient(&server.url());
    put(&store, &commit(&key(1), 0, "first")).await;
    server.stop_responding().unwrap();
    let second = Commit { journal: vec![bytes("once")], ..commit(&key(1), 1, "second") };
    assert_eq!(name(&store.commit(&second).await), "unknown");
    // The hung connection has been given up, and a new one cannot be had: nothing of the repetition was written.
    let began = Instant::now();
    let repeated = join_all((0..20).map(|_| store.commit(&second))).await;
    assert!(repeated.iter().all(|outcome| name(outcome) == "unavailable"), "{repeated:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "callers waited for each other: {:?}", began.elapsed());
    server.resume().unwrap();
    let version = eventually("the server answers", || async {
        match store.commit(&second).await {
            CommitOutcome::Ok { version } => Some(version),
            outcome @ (CommitOutcome::Conflict
            | CommitOutcome::Regressed { .. }
            | CommitOutcome::Unavailable(_)
            | CommitOutcome::Unknown(_)) => {
                assert!(matches!(name(&outcome), "unknown" | "unavailable"), "{outcome:?}");
                None
            }
        }
    })
    .await;
    assert_eq!(version, 2);
    assert_eq!(store.journal(&key(1), 9).await.unwrap(), [bytes("once")], "it landed once");
}

#[tokio::test]
async fn a_server_that_lost_its_data_is_noticed() {
    let (store, server) = redis().await;
    put(&store, &commit(&key(1), 0, "first")).await;
    put(&store, &commit(&key(1), 1, "second")).await;
    server.command(&["FLUSHALL"]).await.unwrap();
    let third = commit(&key(1), 2, "third");
    assert!(matches!(store.commit(&third).await, CommitOutcome::Regressed { version: 0 }));
}

#[tokio::test]
async fn a_full_or_read_only_server_is_unavailable_and_says_why() {
    let (store, server) = redis().await;
    put(&store, &commit(&key(1), 0, "first")).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    let full = store.commit(&commit(&key(1), 1, "second")).await;
    assert_eq!((name(&full), told(&full).contains("maxmemory")), ("unavailable", true), "{full:?}");
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().version, 1, "what is there can be read");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await.unwrap();
    let lonely = store.commit(&commit(&key(1), 1, "second")).await;
    assert_eq!((name(&lonely), told(&lonely).contains("replicas")), ("unavailable", true), "{lonely:?}");
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await.unwrap();
    server.command(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
    let replica = store.commit(&commit(&key(1), 1, "second")).await;
    assert_eq!((name(&replica), told(&replica).contains("master")), ("unavailable", true), "{replica:?}");
    server.command(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    assert_eq!(put(&store, &commit(&key(1), 1, "second")).await, 2);
}

#[tokio::test]
async fn scripts_are_sent_again_to_a_server_that_forgot_them() {
    let (store, server) = redis().await;
    put(&store, &commit(&key(1), 0, "first")).await;
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    assert_eq!(put(&store, &commit(&key(1), 1, "second")).await, 2);
}

#[tokio::test]
async fn a_wrong_password_is_said_and_never_shown() {
    let options = RedisOptions { password: Some("right".into()), ..RedisOptions::default() };
    let server = RedisServer::start_with(options).await.unwrap();
    put(&on(&server.url(), "fd"), &commit(&key(1), 0, "first")).await;
    for url in [server.url().replace("right", "wrong"), format!("redis://127.0.0.1:{}", server.port())] {
        let settings = RedisSettings::new(url.into());
        let store = RedisStore::connect(&settings).unwrap();
        let error = store.ping().await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Forbidden, "{error:?}");
        let shown = format!("{error:?} {store:?} {settings:?}");
        assert!(!shown.contains("wrong"), "{shown}");
    }
}

#[tokio::test]
async fn weak_settings_are_found() {
    let options = RedisOptions { fsync: Fsync::EverySecond, ..RedisOptions::default() };
    let server = RedisServer::start_with(options).await.unwrap();
    let store = on(&server.url(), "fd");
    let severities = async || -> Vec<Severity> {
        store.examine().await.unwrap().into_iter().map(|finding| finding.severity).collect()
    };
    assert_eq!(severities().await, [Severity::Warn]);
    server.command(&["CONFIG", "SET", "appendfsync", "always"]).await.unwrap();
    assert_eq!(severities().await, []);
    server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await.unwrap();
    server.command(&["CONFIG", "SET", "appendonly", "no"]).await.unwrap();
    assert_eq!(severities().await, [Severity::Refuse, Severity::Warn]);
    server.command(&["ACL", "SETUSER", "default", "-config"]).await.unwrap();
    assert_eq!(severities().await, [Severity::Note]);
}

#[tokio::test]
async fn data_of_another_layout_is_refused() {
    let (store, server) = redis().await;
    server.command(&["HSET", "fd:meta", "shards", "16", "format", "1"]).await.unwrap();
    let error = store.ping().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Rejected);
    on(&server.url(), "other").ping().await.unwrap();
}

#[tokio::test]
async fn an_older_format_is_read_and_marked_as_ours_and_a_newer_one_is_refused() {
    let (store, server) = redis().await;
    server.command(&["HSET", "fd:meta", "shards", "64", "format", "1"]).await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(server.command(&["HGET", "fd:meta", "format"]).await.unwrap(), "2");
    server.command(&["HSET", "fd:meta", "format", "3"]).await.unwrap();
    assert_eq!(on(&server.url(), "fd").ping().await.unwrap_err().kind, PortErrorKind::Rejected);
}

#[tokio::test]
async fn commits_nudge_every_other_node_that_listens() {
    let (store, server) = redis().await;
    let other = on(&server.url(), "fd");
    let (_own, mut nudges) = (store.nudges(), other.nudges());
    eventually("both have subscribed", || async {
        (server.command(&["PUBLISH", "fd:nudge", "rubbish"]).await.unwrap() == "2").then_some(())
    })
    .await;
    put(&store, &waking(&key(7), 0, &node("b", 9), LONG)).await;
    assert_eq!(nudges.next().await, Some(Nudge { node: node("b", 9).to_string(), key: key(7) }));
}

#[tokio::test]
async fn nobody_is_nudged_where_only_the_writer_listens() {
    let (store, server) = redis().await;
    let published = || async {
        let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
        stats.lines().find_map(|line| line.strip_prefix("cmdstat_publish:").map(str::to_owned))
    };
    let _own = store.nudges();
    eventually("it has subscribed", || async {
        (server.command(&["PUBLISH", "fd:nudge", "rubbish"]).await.unwrap() == "1").then_some(())
    })
    .await;
    let mut version = 0;
    // The server may know of the subscription before the store does.
    loop {
        let before = published().await;
        version = put(&store, &waking(&key(7), version, &node("b", 9), LONG)).await;
        if published().await == before {
            break;
        }
        assert!(version < 10_000, "what only the writer would hear is announced still");
    }
}

#[tokio::test]
async fn a_cluster_reached_as_a_single_server_is_named() {
    let cluster = RedisCluster::start().await.unwrap();
    let store = on(&cluster.url().replace("redis+cluster", "redis"), "fd");
    let outcomes = join_all((0..64).map(|id| {
        let commit = commit(&key(id), 0, "first");
        let store = &store;
        async move { store.commit(&commit).await }
    }))
    .await;
    assert!(outcomes.iter().any(|outcome| told(outcome).contains("redis+cluster://")));
}

#[tokio::test]
async fn a_cluster_loses_only_the_shards_of_a_dead_node() {
    let mut cluster = RedisCluster::start().await.unwrap();
    let store = on(&cluster.url(), "fd");
    for id in 0..64 {
        put(&store, &commit(&key(id), 0, "first")).await;
    }
    let findings = store.examine().await.unwrap();
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:?}");
    for node in &cluster.nodes {
        node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await.unwrap();
    }
    cluster.nodes[2].kill().unwrap();
    let outcomes = join_all((0..64).map(|id| {
        let commit = commit(&key(id), 1, "second");
        let store = &store;
        async move { store.commit(&commit).await }
    }))
    .await;
    let landed = outcomes.iter().filter(|outcome| name(outcome) == "ok").count();
    assert!((1..64).contains(&landed), "{landed} of 64 landed");
    cluster.nodes[2].restart().await.unwrap();
    for id in 0..64 {
        eventually("the node is back", || async {
            store.load(&key(id)).await.ok().map(|stored| assert!(stored.unwrap().version >= 1))
        })
        .await;
    }
}

#[test]
fn settings_that_can_never_work_are_refused_at_once() {
    let refuse = |change: fn(&mut RedisSettings)| {
        let mut settings = RedisSettings::new("redis://127.0.0.1:1".to_owned().into());
        change(&mut settings);
        RedisStore::connect(&settings).unwrap_err()
    };
    assert_eq!(refuse(|settings| settings.url = "redis+sentinel://h/m".to_owned().into()), AddressError::Sentinel);
    assert_eq!(refuse(|settings| settings.prefix = "a{b}".into()), AddressError::Prefix);
    assert_eq!(refuse(|settings| settings.connections = 0), AddressError::Connections);
    assert!(matches!(refuse(|settings| settings.url = "redis://h/x".to_owned().into()), AddressError::Refused(_)));
}

/// The wire swallows what is asked at the start, without closing: the next question must go another way.
#[tokio::test]
async fn a_silent_connection_is_not_asked_for_the_settings_again() {
    use frontdesk_sandbox::link::{Link, Trouble};
    let server = RedisServer::start().await.unwrap();
    let link = Link::open(vec![([127, 0, 0, 1], server.port()).into()]).await.unwrap();
    let swallowed = std::sync::atomic::AtomicUsize::new(0);
    link.judge(Some(std::sync::Arc::new(move |burst: &[u8]| {
        let asks = burst.windows(6).any(|word| word == b"CONFIG");
        let first = asks && swallowed.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        first.then_some(Trouble::BlackHole)
    })));
    let store = impatient(&format!("redis://{}", link.address()));
    let error = store.examine().await.expect_err("nobody answered");
    assert_eq!(error.kind, PortErrorKind::Transient);
    store.examine().await.expect("another connection answers");
}
