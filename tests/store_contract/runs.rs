//! A server that was started again is another run, which everybody learns before anything else is asked of it; and blocks
//! of a shared budget.

use crate::fixture::{commit, eventually, key, on, put, redis};
use frontdesk::adapters::budget::SharedBudget;
use frontdesk_actors::ports::{Budget, Quota, Store};
use frontdesk_sandbox::redis::RedisCluster;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_server_that_was_started_again_is_another_run_for_every_node() {
    let (store, mut server) = redis().await;
    let other = on(&server.url(), "fd");
    assert_eq!(store.run(), None, "nothing is known before the first connection");
    store.ping().await.unwrap();
    other.ping().await.unwrap();
    let first = store.run();
    assert!(first.is_some());
    assert_eq!(first, other.run(), "nodes agree");
    put(&store, &commit(&key(1), 0, "first")).await;
    assert_eq!(store.run(), first, "a run lasts");
    server.restart().await.unwrap();
    for store in [&store, &other] {
        eventually("the server is found again", || async { store.ping().await.ok() }).await;
        assert_ne!(store.run(), first, "the call that found the server knows that it is another run");
    }
    assert_eq!(store.run(), other.run());
}

#[tokio::test]
async fn a_master_that_was_started_again_makes_a_cluster_another_run() {
    let mut cluster = RedisCluster::start().await.unwrap();
    let store = on(&cluster.url(), "fd");
    eventually("the runs of all masters are known", || async {
        store.ping().await.ok()?;
        store.run()
    })
    .await;
    let first = store.run();
    cluster.nodes[1].restart().await.unwrap();
    eventually("the other run is noticed", || async {
        // What is away may answer with an error.
        let _ = store.ping().await;
        (store.run() != first).then_some(())
    })
    .await;
    let second = store.run();
    store.ping().await.unwrap();
    assert_eq!(store.run(), second, "it is noticed once");
}

#[tokio::test]
async fn a_block_holds_no_more_than_is_left() {
    let (store, _server) = redis().await;
    let quota = Quota { key: "gate:model".to_owned(), limit: 10, window: Duration::from_secs(600) };
    assert_eq!(store.take_block(&quota, 4).await.unwrap(), 4);
    assert_eq!(store.take_block(&quota, 4).await.unwrap(), 4);
    assert_eq!(store.take_quota(std::slice::from_ref(&quota)).await.unwrap(), None, "one log for both");
    assert_eq!(store.take_block(&quota, 4).await.unwrap(), 1);
    assert_eq!(store.take_block(&quota, 4).await.unwrap(), 0);
    store.exhaust_quota("gate:other", Duration::from_secs(600)).await.unwrap();
    let barred = Quota { key: "gate:other".to_owned(), ..quota };
    assert_eq!(store.take_block(&barred, 4).await.unwrap(), 0);
}

/// Takes as fast as it may until `until`, and notes when.
async fn spend(budget: Arc<SharedBudget>, until: Instant) -> Vec<Instant> {
    let mut taken = Vec::new();
    while Instant::now() < until {
        match budget.take() {
            Ok(()) => taken.push(Instant::now()),
            Err(wait) => tokio::time::sleep(wait.min(Duration::from_millis(50))).await,
        }
    }
    taken
}

/// Returns the most that fell into any window.
fn busiest(taken: &[Instant], window: Duration) -> usize {
    let within = |first: &Instant| taken.iter().filter(|at| **at >= *first && **at - *first <= window).count();
    taken.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_together_stay_under_the_limit_in_every_window_and_use_most_of_it() {
    const LIMIT: u32 = 100;
    const WINDOW: Duration = Duration::from_secs(3);
    let (a, server) = redis().await;
    let b = on(&server.url(), "fd");
    let until = Instant::now() + WINDOW * 2;
    let budget = |store| Arc::new(SharedBudget::new(Arc::new(store), "model", LIMIT, WINDOW));
    let (first, second) = tokio::join!(spend(budget(a), until), spend(budget(b), until));
    let (of_first, of_second) = (first.len(), second.len());
    let mut all = [first, second].concat();
    all.sort_unstable();
    let most = busiest(&all, WINDOW);
    assert!(most <= LIMIT as usize, "{most} in one window");
    // The tenths of this short window are lengthened by what a permit keeps, so less than half of the limit is used here.
    assert!(all.len() >= LIMIT as usize / 3, "{} taken in two windows of {LIMIT}", all.len());
    assert!(of_first > 0 && of_second > 0, "{of_first} and {of_second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_a_node_goes_on_with_its_share_and_no_more() {
    const LIMIT: u32 = 160;
    const WINDOW: Duration = Duration::from_secs(2);
    let (store, mut server) = redis().await;
    let budget = Arc::new(SharedBudget::new(Arc::new(store), "model", LIMIT, WINDOW));
    let before = spend(budget.clone(), Instant::now() + Duration::from_millis(500)).await;
    assert!(!before.is_empty());
    server.kill().unwrap();
    let away = spend(budget.clone(), Instant::now() + WINDOW * 2).await;
    // Sixteen are set aside, two for each of eight nodes.
    let share = 2;
    assert!(!away.is_empty(), "never nothing");
    let late: Vec<Instant> = away.into_iter().filter(|at| *at > before[before.len() - 1] + WINDOW).collect();
    assert!(busiest(&late, WINDOW) <= share, "{} in one window without the store", busiest(&late, WINDOW));
    server.restart().await.unwrap();
    let after = spend(budget, Instant::now() + WINDOW).await;
    assert!(after.len() > share * 2, "{} after the store is back", after.len());
}
