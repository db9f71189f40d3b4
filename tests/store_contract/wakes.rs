//! The wake index: a queue whose entries hide for the length of a lease.

use crate::fixture::{LONG, SHORT, commit, eventually, key, node, put, take, waking};
use frontdesk_actors::ports::{Due, Store};
use futures::future::join_all;
use std::time::{Duration, Instant};

fn due(id: u64, takes: u32, taken_over: bool) -> Due {
    Due { key: key(id), takes, taken_over }
}

pub(crate) async fn a_due_conversation_is_taken_once_per_lease(store: &dyn Store) {
    let (a, b) = (node("a", 1), node("b", 1));
    // Stores count in whole milliseconds, so a moment may come a fraction of one early.
    let rounding = Duration::from_millis(2);
    let began = Instant::now();
    put(store, &waking(&key(1), 0, &a, SHORT)).await;
    assert_eq!(take(store, &a, SHORT).await, [due(1, 1, false)]);
    assert!(began.elapsed() + rounding >= SHORT, "it was taken early");
    assert_eq!(take(store, &b, LONG).await, [due(1, 2, true)], "the lease ran out and another node took it");
    assert!(began.elapsed() + rounding >= SHORT * 2, "it was taken while leased");
    assert_eq!(store.take_due(&a, LONG, 9).await.unwrap(), [], "it is leased");
}

pub(crate) async fn the_longest_overdue_come_first(store: &dyn Store) {
    let a = node("a", 1);
    // Neither the order of their names nor of their shards; all are due at once, each some milliseconds after the last.
    let ids: Vec<u64> = (1..=12).map(|n| n * 5 % 13).collect();
    for id in &ids {
        put(store, &waking(&key(*id), 0, &a, Duration::ZERO)).await;
        let written = Instant::now();
        eventually("the clock moves on", || async { (written.elapsed() > Duration::from_millis(2)).then_some(()) })
            .await;
    }
    put(store, &waking(&key(99), 0, &a, LONG)).await;
    let mut taken = Vec::new();
    while taken.len() < 12 {
        let some = store.take_due(&a, LONG, 5).await.unwrap();
        assert!(some.len() <= 5);
        assert!(!some.is_empty(), "only {taken:?} were due");
        taken.extend(some.into_iter().map(|one| one.key));
    }
    let expected: Vec<_> = ids.into_iter().map(key).collect();
    assert_eq!(taken, expected);
    assert_eq!(store.take_due(&a, LONG, 5).await.unwrap(), []);
    assert_eq!(store.take_due(&a, LONG, 0).await.unwrap(), []);
}

pub(crate) async fn takes_count_until_a_commit(store: &dyn Store) {
    let a = node("a", 1);
    put(store, &waking(&key(1), 0, &a, Duration::ZERO)).await;
    for takes in 1..=3 {
        assert_eq!(take(store, &a, Duration::ZERO).await, [due(1, takes, false)]);
    }
    put(store, &waking(&key(1), 1, &a, Duration::ZERO)).await;
    assert_eq!(take(store, &a, LONG).await, [due(1, 1, false)]);
}

pub(crate) async fn a_commit_without_wake_ends_the_watch(store: &dyn Store) {
    let (a, b) = (node("a", 1), node("b", 1));
    put(store, &waking(&key(1), 0, &a, Duration::ZERO)).await;
    assert_eq!(take(store, &b, Duration::ZERO).await, [due(1, 1, true)]);
    put(store, &commit(&key(1), 1, "done")).await;
    store.renew(&b, Duration::ZERO, &[key(1)]).await.unwrap();
    assert_eq!(store.take_due(&a, LONG, 9).await.unwrap(), [], "a renewal brings nothing back");
    put(store, &waking(&key(1), 2, &b, Duration::ZERO)).await;
    assert_eq!(take(store, &b, LONG).await, [due(1, 1, false)]);
}

pub(crate) async fn a_lease_is_renewed_only_by_its_holder(store: &dyn Store) {
    let (a, again, b) = (node("a", 1), node("a", 2), node("b", 1));
    for id in 1..=2 {
        put(store, &waking(&key(id), 0, &a, Duration::ZERO)).await;
    }
    store.renew(&again, LONG, &[key(1)]).await.unwrap();
    store.renew(&b, LONG, &[key(1)]).await.unwrap();
    store.renew(&a, LONG, &[key(2), key(3)]).await.unwrap();
    store.renew(&a, LONG, &[]).await.unwrap();
    assert_eq!(take(store, &b, Duration::ZERO).await, [due(1, 1, true)]);
    store.renew(&a, LONG, &[key(1)]).await.unwrap();
    assert_eq!(take(store, &b, Duration::ZERO).await, [due(1, 2, false)], "it is b's now");
    store.renew(&b, LONG, &[key(1)]).await.unwrap();
    assert_eq!(store.take_due(&a, LONG, 9).await.unwrap(), []);
}

pub(crate) async fn a_restarted_node_reclaims_what_it_held(store: &dyn Store) {
    let (before, after, other) = (node("desk/1", 1), node("desk/1", 2), node("desk", 1));
    let minute = Duration::from_secs(60);
    put(store, &waking(&key(1), 0, &before, minute)).await;
    put(store, &waking(&key(2), 0, &before, Duration::ZERO)).await;
    put(store, &waking(&key(3), 0, &other, minute)).await;
    put(store, &waking(&key(4), 0, &after, minute)).await;
    put(store, &waking(&key(5), 0, &before, Duration::from_secs(24 * 3600))).await;
    put(store, &commit(&key(6), 0, "nothing owed")).await;
    assert_eq!(store.reclaim(&after).await.unwrap(), 2, "in flight: neither others' nor a timer of tomorrow");
    let mut taken = store.take_due(&after, LONG, 9).await.unwrap();
    taken.sort_by(|x, y| x.key.cmp(&y.key));
    assert_eq!(taken, [due(1, 1, true), due(2, 1, true)]);
    assert_eq!(store.reclaim(&after).await.unwrap(), 0);
}

pub(crate) async fn every_wake_up_is_taken_by_exactly_one_node(store: &dyn Store) {
    let writer = node("w", 1);
    join_all((0..200).map(|id| {
        let waking = waking(&key(id), 0, &writer, Duration::ZERO);
        async move { put(store, &waking).await }
    }))
    .await;
    let take_all = async |name: &str| {
        let by = node(name, 1);
        let mut mine = Vec::new();
        loop {
            let some = store.take_due(&by, LONG, 7).await.unwrap();
            if some.is_empty() {
                return mine;
            }
            mine.extend(some.into_iter().map(|one| one.key));
        }
    };
    let mut taken: Vec<_> = join_all(["a", "b", "c"].map(take_all)).await.into_iter().flatten().collect();
    taken.sort();
    let mut all: Vec<_> = (0..200).map(key).collect();
    all.sort();
    assert_eq!(taken, all);
}
