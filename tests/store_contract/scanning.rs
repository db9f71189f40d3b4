//! Reading everything, a page at a time.

use crate::fixture::{LONG, bytes, commit, key, node, put, waking};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{Commit, MemoryWrite, Scan, Scanned, Store};
use frontdesk_actors::time::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::time::Duration;

/// Scans to the end in pages of about this size, calling `between` after each.
pub(crate) async fn all<S: Scan>(
    store: &S,
    limit: usize,
    mut between: impl AsyncFnMut(),
) -> BTreeMap<ConversationKey, Scanned> {
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let page = store.scan(after.as_ref(), limit).await.unwrap();
        found.extend(page.found.into_iter().map(|scanned| (scanned.key.clone(), scanned)));
        between().await;
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

pub(crate) async fn everything_is_found_with_its_memory_and_its_wake_up<S: Store + Scan>(store: &S) {
    assert!(all(store, 10, async || {}).await.is_empty());
    let memory = MemoryWrite::Put { value: bytes("memory").into(), ttl: LONG };
    put(store, &Commit { memory, ..commit(&key(1), 0, "one") }).await;
    let before = SystemClock.now();
    put(store, &waking(&key(2), 0, &node("a", 1), LONG)).await;
    let expired = MemoryWrite::Put { value: bytes("gone").into(), ttl: Duration::from_millis(1) };
    put(store, &Commit { memory: expired, ..commit(&key(3), 0, "three") }).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let found = all(store, 10, async || {}).await;
    assert_eq!(found.len(), 3);
    for scanned in found.values() {
        assert_eq!(scanned.stored, store.load(&scanned.key).await.unwrap(), "as it is loaded");
    }
    assert_eq!((found[&key(1)].wake, found[&key(3)].wake), (None, None));
    let due = found[&key(2)].wake.expect("its wake-up stands");
    let off = due.since(before + LONG).max((before + LONG).since(due));
    assert!(off < Duration::from_secs(30), "{due:?} is not about {LONG:?} after {before:?}");
    assert_eq!(found[&key(1)].stored.as_ref().and_then(|stored| stored.memory.clone()), Some(bytes("memory")));
    assert_eq!(found[&key(3)].stored.as_ref().and_then(|stored| stored.memory.clone()), None);
}

pub(crate) async fn a_scan_misses_nothing_that_stands_throughout<S: Store + Scan>(store: &S) {
    for id in 0..300 {
        put(store, &waking(&key(id), 0, &node("a", 1), LONG)).await;
    }
    let mut versions: BTreeMap<u64, u64> = BTreeMap::new();
    let mut next = 0;
    let found = all(store, 7, async || {
        // Meanwhile conversations are written to, which moves them to the end of every order by change.
        for id in [next % 300, (next * 7) % 300] {
            let version = versions.entry(id).or_insert(1);
            *version = put(store, &commit(&key(id), *version, "again")).await;
        }
        put(store, &commit(&key(1000 + next), 0, "new")).await;
        next += 1;
    })
    .await;
    for id in 0..300 {
        assert!(found.get(&key(id)).is_some_and(|scanned| scanned.stored.is_some()), "{id} was missed");
    }
}

/// The sweep over what is owed stands on this: a record and its wake-up of one moment, the last ones written.
pub(crate) async fn a_scan_tells_the_last_record_and_who_will_be_woken<S: Store + Scan>(store: &S) {
    let a = node("a", 1);
    for id in 0..150 {
        let wake = (id % 3 > 0).then_some(if id % 3 == 1 { LONG } else { Duration::ZERO });
        put(store, &Commit { node: a.clone(), wake, ..commit(&key(id), 0, &format!("record {id}")) }).await;
    }
    put(store, &commit(&key(1), 1, "changed")).await;
    store.erase(&key(2)).await.unwrap();
    let found = all(store, 20, async || {}).await;
    assert_eq!(found.len(), 149, "all but the erased one");
    for (id, scanned) in (0..150).filter_map(|id| Some((id, found.get(&key(id))?))) {
        let stored = scanned.stored.as_ref().expect("its record stands");
        if id == 1 {
            let told = (stored.version, &stored.record[..], scanned.wake);
            assert_eq!(told, (2, &b"changed"[..], None), "a commit without a wake-up takes it away");
        } else {
            assert_eq!((stored.version, &stored.record[..]), (1, format!("record {id}").as_bytes()));
            assert_eq!(scanned.wake.is_some(), id % 3 > 0, "{id}");
        }
    }
}
