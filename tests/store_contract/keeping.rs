//! Journals, lists, settings, contacts, quotas and feeds.

use crate::fixture::{LONG, SHORT, bytes, commit, eventually, key, put};
use bytes::Bytes;
use frontdesk_actors::ids::ContactKey;
use frontdesk_actors::ports::{Commit, Quota, Store};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn quota(key: &str, limit: u32, window: Duration) -> Quota {
    Quota { key: key.to_owned(), limit, window }
}

pub(crate) async fn the_journal_keeps_the_newest(store: &dyn Store) {
    assert_eq!(store.journal(&key(1), 5).await.unwrap(), Vec::<Bytes>::new());
    let entries: Vec<Bytes> = (0..250).map(|n| bytes(format!("entry {n}"))).collect();
    for (version, some) in (0..).zip(entries.chunks(50)) {
        put(store, &Commit { journal: some.to_vec(), ..commit(&key(1), version, "r") }).await;
    }
    assert_eq!(store.journal(&key(1), 1000).await.unwrap(), entries[50..]);
    assert_eq!(store.journal(&key(1), 3).await.unwrap(), entries[247..]);
    assert_eq!(store.journal(&key(1), 0).await.unwrap(), Vec::<Bytes>::new());
    let burst: Vec<Bytes> = (0..300).map(|n| bytes(format!("burst {n}"))).collect();
    put(store, &Commit { journal: burst.clone(), ..commit(&key(2), 0, "r") }).await;
    assert_eq!(store.journal(&key(2), 1000).await.unwrap(), burst[100..]);
}

pub(crate) async fn a_list_shows_the_last_changed_first(store: &dyn Store) {
    assert_eq!(store.list(10).await.unwrap(), []);
    for id in 1..=20 {
        put(store, &commit(&key(id), 0, &format!("{id}"))).await;
    }
    put(store, &commit(&key(3), 1, "3 again")).await;
    let listed = store.list(4).await.unwrap();
    let keys: Vec<_> = listed.iter().map(|one| one.key.clone()).collect();
    assert_eq!(keys, [key(3), key(20), key(19), key(18)]);
    assert_eq!(listed[0].summary, bytes("summary of 3 again"));
    assert_eq!(store.list(1000).await.unwrap().len(), 20);
    assert_eq!(store.list(0).await.unwrap(), []);
}

pub(crate) async fn a_setting_is_set_once(store: &dyn Store) {
    assert_eq!(store.setting("secret").await.unwrap(), None);
    let values: Vec<String> = (0..8).map(|n| format!("value {n}")).collect();
    let stood = join_all(values.iter().map(|value| store.put_setting_once("secret", value))).await;
    let stood: BTreeSet<String> = stood.into_iter().map(Result::unwrap).collect();
    assert_eq!(stood.len(), 1, "everybody got the same value: {stood:?}");
    assert_eq!(store.setting("secret").await.unwrap().as_ref(), stood.first());
    store.put_setting("secret", "").await.unwrap();
    assert_eq!(store.put_setting_once("secret", "late").await.unwrap(), "");
    assert_eq!(store.setting("other").await.unwrap(), None);
}

pub(crate) async fn contacts_are_kept(store: &dyn Store) {
    let contact = |id| ContactKey::new("chatwoot", 1, id);
    assert_eq!(store.contact(&contact(1)).await.unwrap(), None);
    store.put_contact(&contact(1), bytes("one")).await.unwrap();
    store.put_contact(&contact(1), Bytes::from_static(b"\xff\0")).await.unwrap();
    assert_eq!(store.contact(&contact(1)).await.unwrap(), Some(Bytes::from_static(b"\xff\0")));
    assert_eq!(store.contact(&contact(2)).await.unwrap(), None);
    store.put_contact(&contact(2), bytes("two")).await.unwrap();
    store.erase_contact(&contact(1)).await.unwrap();
    store.erase_contact(&contact(1)).await.unwrap();
    assert_eq!(store.contact(&contact(1)).await.unwrap(), None);
    assert_eq!(store.contact(&contact(2)).await.unwrap(), Some(bytes("two")));
}

pub(crate) async fn a_quota_holds_in_every_window(store: &dyn Store) {
    let window = Duration::from_millis(300);
    let quotas = [quota("a", 3, window)];
    let mut granted: Vec<(Instant, Instant)> = Vec::new();
    while granted.len() < 9 {
        let asked = Instant::now();
        eventually("one is granted", || async { store.take_quota(&quotas).await.unwrap().is_none().then_some(()) })
            .await;
        granted.push((asked, Instant::now()));
    }
    for four in granted.windows(4) {
        // The store saw the first no earlier than it was asked for, and the last no later than it was answered.
        let apart = four[3].1.duration_since(four[0].0);
        assert!(apart >= window, "four were granted within {apart:?}");
    }
}

pub(crate) async fn quotas_stop_at_the_first_exhausted_one(store: &dyn Store) {
    let hour = quota("address", 2, LONG);
    let day = quota("address", 3, LONG * 24);
    let other = quota("inbox", 1, LONG);
    assert_eq!(store.take_quota(&[hour.clone(), day.clone(), other.clone()]).await.unwrap(), None);
    assert_eq!(store.take_quota(&[hour.clone(), day.clone(), other.clone()]).await.unwrap(), Some(2));
    assert_eq!(store.take_quota(&[hour.clone(), day.clone()]).await.unwrap(), Some(0), "the second try was counted");
    assert_eq!(
        store.take_quota(std::slice::from_ref(&day)).await.unwrap(),
        None,
        "windows of one key are counted apart"
    );
    assert_eq!(store.take_quota(&[day]).await.unwrap(), Some(0));
    assert_eq!(store.take_quota(&[quota("never", 0, LONG)]).await.unwrap(), Some(0));
    assert_eq!(store.take_quota(&[]).await.unwrap(), None);
}

pub(crate) async fn a_quota_can_be_used_up_at_once(store: &dyn Store) {
    let barred = [quota("address", 5, LONG)];
    assert_eq!(store.take_quota(&barred).await.unwrap(), None);
    store.exhaust_quota("address", SHORT).await.unwrap();
    store.exhaust_quota("address", Duration::from_millis(1)).await.unwrap();
    assert_eq!(store.take_quota(&barred).await.unwrap(), Some(0), "a shorter bar does not lift a longer one");
    assert_eq!(store.take_quota(&[quota("other", 5, LONG)]).await.unwrap(), None);
    eventually("the bar is lifted", || async { store.take_quota(&barred).await.unwrap().is_none().then_some(()) })
        .await;
    store.exhaust_quota("address", LONG).await.unwrap();
    assert_eq!(store.take_quota(&barred).await.unwrap(), Some(0));
}

pub(crate) async fn a_feed_takes_each_entry_once(store: &dyn Store) {
    assert_eq!(store.feed(&key(1), 0).await.unwrap(), []);
    assert_eq!(store.append_feed(&key(1), "a", bytes("first")).await.unwrap(), 1);
    assert_eq!(store.append_feed(&key(1), "b", bytes("second")).await.unwrap(), 2);
    assert_eq!(store.append_feed(&key(1), "a", bytes("repeated")).await.unwrap(), 1);
    assert_eq!(store.append_feed(&key(2), "a", bytes("elsewhere")).await.unwrap(), 1);
    assert_eq!(store.feed(&key(1), 0).await.unwrap(), [(1, bytes("first")), (2, bytes("second"))]);
    assert_eq!(store.feed(&key(1), 1).await.unwrap(), [(2, bytes("second"))]);
    assert_eq!(store.feed(&key(1), 2).await.unwrap(), []);
    assert_eq!(store.feed(&key(1), u64::MAX).await.unwrap(), []);
}

pub(crate) async fn a_feed_keeps_the_newest(store: &dyn Store) {
    for n in 1..=510_u64 {
        assert_eq!(store.append_feed(&key(1), &n.to_string(), bytes(n.to_string())).await.unwrap(), n);
    }
    let kept = store.feed(&key(1), 0).await.unwrap();
    assert_eq!((kept.len(), kept.first(), kept.last()), (500, Some(&(11, bytes("11"))), Some(&(510, bytes("510")))));
    assert_eq!(store.append_feed(&key(1), "11", bytes("again")).await.unwrap(), 11);
    assert_eq!(store.append_feed(&key(1), "10", bytes("back")).await.unwrap(), 511, "what was dropped is forgotten");
}
