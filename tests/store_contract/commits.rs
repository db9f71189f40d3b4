//! Compare-and-set, memory and erasure.

use crate::fixture::{LONG, SHORT, bytes, commit, eventually, key, put, waking};
use bytes::Bytes;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{Commit, CommitOutcome, MemoryWrite, Store, Stored};
use futures::future::join_all;

fn remembering(key: &ConversationKey, expected: u64, memory: MemoryWrite) -> Commit {
    Commit { memory, ..commit(key, expected, "remembering") }
}

pub(crate) async fn a_new_conversation_is_stored_and_loaded(store: &dyn Store) {
    assert_eq!(store.load(&key(1)).await.unwrap(), None);
    let first = commit(&key(1), 0, "first");
    assert_eq!(put(store, &first).await, 1);
    let stored = Stored { version: 1, commit: first.id, record: bytes("first"), memory: None };
    assert_eq!(store.load(&key(1)).await.unwrap(), Some(stored));
    assert_eq!(store.load(&key(2)).await.unwrap(), None);
    store.ping().await.unwrap();
}

pub(crate) async fn a_commit_lands_only_on_the_version_it_expects(store: &dyn Store) {
    put(store, &commit(&key(1), 0, "first")).await;
    put(store, &commit(&key(1), 1, "second")).await;
    for stale in [0, 1] {
        assert!(matches!(store.commit(&commit(&key(1), stale, "stale")).await, CommitOutcome::Conflict));
    }
    let stored = store.load(&key(1)).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.record), (2, bytes("second")));
    assert_eq!(store.version(&key(1)).await.unwrap(), 2);
    assert_eq!(store.version(&key(99)).await.unwrap(), 0, "nothing is there");
}

pub(crate) async fn a_repeated_commit_is_ok_once_it_has_landed(store: &dyn Store) {
    let first = Commit { journal: vec![bytes("entry")], ..commit(&key(1), 0, "first") };
    assert_eq!(put(store, &first).await, 1);
    assert_eq!(put(store, &first).await, 1);
    assert_eq!(store.journal(&key(1), 10).await.unwrap(), [bytes("entry")], "the repetition wrote nothing");
    put(store, &commit(&key(1), 1, "second")).await;
    assert!(matches!(store.commit(&first).await, CommitOutcome::Conflict), "somebody has written since");
}

pub(crate) async fn a_store_that_lost_writes_says_so(store: &dyn Store) {
    assert!(matches!(store.commit(&commit(&key(1), 5, "sixth")).await, CommitOutcome::Regressed { version: 0 }));
    assert_eq!(store.load(&key(1)).await.unwrap(), None, "nothing was written");
    put(store, &commit(&key(1), 0, "first")).await;
    assert!(matches!(store.commit(&commit(&key(1), 5, "sixth")).await, CommitOutcome::Regressed { version: 1 }));
    let late = commit(&key(1), 5, "sixth");
    let rewritten = Commit { expected: 1, ..late.clone() };
    assert_eq!(put(store, &rewritten).await, 6, "no number comes again");
    assert_eq!(put(store, &rewritten).await, 6, "nor is it written twice");
    assert_eq!(put(store, &late).await, 6, "it has been written");
    put(store, &commit(&key(1), 6, "seventh")).await;
    assert!(matches!(store.commit(&late).await, CommitOutcome::Conflict), "what was sent before lands late");
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().record, bytes("seventh"));
}

pub(crate) async fn memory_expires_by_itself_and_the_record_does_not(store: &dyn Store) {
    put(store, &remembering(&key(1), 0, MemoryWrite::Put { value: bytes("said").into(), ttl: SHORT })).await;
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().memory, Some(bytes("said")));
    eventually("the memory is gone", || async {
        store.load(&key(1)).await.unwrap().unwrap().memory.is_none().then_some(())
    })
    .await;
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().record, bytes("remembering"));
}

pub(crate) async fn memory_is_kept_replaced_and_erased_as_told(store: &dyn Store) {
    let put_memory = |text: &str| MemoryWrite::Put { value: bytes(text).into(), ttl: LONG };
    let steps = [
        (put_memory("one"), Some(bytes("one"))),
        (MemoryWrite::Keep, Some(bytes("one"))),
        (put_memory("two"), Some(bytes("two"))),
        (MemoryWrite::Erase, None),
        (MemoryWrite::Erase, None),
    ];
    for (version, (write, expected)) in (0..).zip(steps) {
        put(store, &remembering(&key(1), version, write)).await;
        assert_eq!(store.load(&key(1)).await.unwrap().unwrap().memory, expected);
    }
}

pub(crate) async fn any_bytes_are_kept_as_they_are(store: &dyn Store) {
    let all: Bytes = (0..=255).cycle().take(70_000).collect();
    let memory = MemoryWrite::Put { value: all.clone().into(), ttl: LONG };
    let odd = ConversationKey::new("web", "ключ", "a b\n%s{1}'\"");
    put(
        store,
        &Commit {
            record: all.clone(),
            summary: all.clone(),
            journal: vec![all.clone(), Bytes::new()],
            ..remembering(&odd, 0, memory)
        },
    )
    .await;
    let stored = store.load(&odd).await.unwrap().unwrap();
    assert_eq!((stored.record, stored.memory), (all.clone(), Some(all.clone())));
    assert_eq!(store.journal(&odd, 9).await.unwrap(), [all.clone(), Bytes::new()]);
    let listed = store.list(1).await.unwrap();
    assert_eq!((&listed[0].key, &listed[0].summary), (&odd, &all));
}

pub(crate) async fn many_writers_of_one_conversation_take_turns(store: &dyn Store) {
    const WRITERS: usize = 8;
    const EACH: usize = 10;
    let write = async || {
        let mut versions = Vec::new();
        while versions.len() < EACH {
            let expected = store.load(&key(1)).await.unwrap().map_or(0, |stored| stored.version);
            match store.commit(&commit(&key(1), expected, "contended")).await {
                CommitOutcome::Ok { version } => versions.push(version),
                CommitOutcome::Conflict => {}
                outcome @ (CommitOutcome::Regressed { .. }
                | CommitOutcome::Unavailable(_)
                | CommitOutcome::Unknown(_)) => panic!("{outcome:?}"),
            }
        }
        versions
    };
    let mut versions: Vec<u64> = join_all((0..WRITERS).map(|_| write())).await.into_iter().flatten().collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=80).collect::<Vec<u64>>());
}

pub(crate) async fn erasing_leaves_nothing(store: &dyn Store) {
    let by = crate::fixture::node("a", 1);
    let memory = MemoryWrite::Put { value: bytes("said").into(), ttl: LONG };
    put(store, &Commit { memory, journal: vec![bytes("j")], ..waking(&key(1), 0, &by, std::time::Duration::ZERO) })
        .await;
    put(store, &commit(&key(2), 0, "other")).await;
    store.append_feed(&key(1), "f", bytes("f")).await.unwrap();
    store.erase(&key(1)).await.unwrap();
    assert_eq!(store.load(&key(1)).await.unwrap(), None);
    assert_eq!(store.journal(&key(1), 9).await.unwrap(), Vec::<Bytes>::new());
    assert_eq!(store.feed(&key(1), 0).await.unwrap(), []);
    assert_eq!(store.take_due(&by, LONG, 9).await.unwrap(), []);
    assert_eq!(store.list(9).await.unwrap().into_iter().map(|one| one.key).collect::<Vec<_>>(), [key(2)]);
    assert_eq!(put(store, &commit(&key(1), 0, "again")).await, 1);
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().memory, None);
}

pub(crate) async fn erasing_traces_leaves_the_record_and_the_count_of_the_feed(store: &dyn Store) {
    let by = crate::fixture::node("a", 1);
    let memory = MemoryWrite::Put { value: bytes("said").into(), ttl: LONG };
    put(store, &Commit { memory, journal: vec![bytes("j")], ..waking(&key(1), 0, &by, LONG) }).await;
    put(store, &Commit { journal: vec![bytes("other")], ..commit(&key(2), 0, "other") }).await;
    assert_eq!(store.append_feed(&key(1), "f", bytes("f")).await.unwrap(), 1);
    store.append_feed(&key(2), "f", bytes("f")).await.unwrap();
    store.park(&key(1), bytes("parked")).await.unwrap();
    store.erase_traces(&key(1)).await.unwrap();
    store.erase_traces(&key(1)).await.unwrap();
    store.erase_traces(&key(3)).await.unwrap();
    assert_eq!(store.journal(&key(1), 9).await.unwrap(), Vec::<bytes::Bytes>::new());
    assert_eq!(store.feed(&key(1), 0).await.unwrap(), []);
    assert_eq!(store.parked(&key(1)).await.unwrap(), []);
    assert_eq!(store.parked_keys(9).await.unwrap(), []);
    let left = store.load(&key(1)).await.unwrap().unwrap();
    assert_eq!((left.version, left.memory), (1, Some(bytes("said"))));
    assert_eq!(store.append_feed(&key(1), "g", bytes("g")).await.unwrap(), 2, "no number is given twice");
    assert_eq!(store.journal(&key(2), 9).await.unwrap(), [bytes("other")]);
    assert_eq!(store.feed(&key(2), 0).await.unwrap().len(), 1);
}
