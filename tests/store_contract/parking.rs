//! What is kept about conversations that are set aside.

use crate::fixture::{bytes, commit, key, put};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{PortErrorKind, Store};
use std::collections::BTreeSet;

async fn texts(store: &dyn Store, of: &ConversationKey) -> Vec<String> {
    let kept = store.parked(of).await.unwrap();
    kept.into_iter().map(|(_, entry)| String::from_utf8(entry.to_vec()).unwrap()).collect()
}

pub(crate) async fn entries_are_kept_in_order_until_they_are_forgotten(store: &dyn Store) {
    assert_eq!(store.parked(&key(1)).await.unwrap(), []);
    let mut numbers = Vec::new();
    for n in 0..12 {
        numbers.push(store.park(&key(1), bytes(format!("entry {n}"))).await.unwrap());
    }
    store.park(&key(2), bytes("elsewhere")).await.unwrap();
    let all: Vec<String> = (0..12).map(|n| format!("entry {n}")).collect();
    assert_eq!(texts(store, &key(1)).await, all, "numbers are compared as numbers");
    for number in [numbers[0], numbers[10], numbers[0]] {
        store.unpark(&key(1), number).await.unwrap();
    }
    store.unpark(&key(2), numbers[1]).await.unwrap();
    let left: Vec<String> = all.into_iter().filter(|text| text != "entry 0" && text != "entry 10").collect();
    assert_eq!(texts(store, &key(1)).await, left, "an entry is forgotten under its own conversation only");
    assert_eq!(texts(store, &key(2)).await, ["elsewhere"]);
}

pub(crate) async fn conversations_with_entries_are_found(store: &dyn Store) {
    assert_eq!(store.parked_keys(10).await.unwrap(), []);
    let mut numbers = Vec::new();
    for id in 1..=20 {
        numbers.push(store.park(&key(id), bytes("entry")).await.unwrap());
    }
    store.park(&key(1), bytes("another")).await.unwrap();
    let found: BTreeSet<_> = store.parked_keys(1000).await.unwrap().into_iter().collect();
    assert_eq!(found, (1..=20).map(key).collect());
    assert_eq!(store.parked_keys(7).await.unwrap().len(), 7);
    for (id, number) in (1..=20).zip(numbers) {
        store.unpark(&key(id), number).await.unwrap();
    }
    assert_eq!(store.parked_keys(1000).await.unwrap(), [key(1)], "the rest has nothing left");
}

pub(crate) async fn no_number_is_given_twice_and_there_is_an_end(store: &dyn Store) {
    let first = store.park(&key(1), bytes("entry")).await.unwrap();
    store.unpark(&key(1), first).await.unwrap();
    for _ in 0..500 {
        assert!(store.park(&key(1), bytes("entry")).await.unwrap() > first);
    }
    let full = store.park(&key(1), bytes("one too many")).await.unwrap_err();
    assert_eq!(full.kind, PortErrorKind::Rejected);
    assert_eq!(store.parked(&key(1)).await.unwrap().len(), 500);
    store.park(&key(2), bytes("elsewhere")).await.unwrap();
    store.unpark(&key(1), first + 1).await.unwrap();
    store.park(&key(1), bytes("there is room again")).await.unwrap();
}

pub(crate) async fn erasing_takes_them_along(store: &dyn Store) {
    put(store, &commit(&key(1), 0, "r")).await;
    store.park(&key(1), bytes("entry")).await.unwrap();
    store.erase(&key(1)).await.unwrap();
    assert_eq!(store.parked(&key(1)).await.unwrap(), []);
    assert_eq!(store.parked_keys(10).await.unwrap(), []);
}
