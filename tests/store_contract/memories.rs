//! Memories that grow: whether a store writes them whole or what is new alone, it gives back what was meant.

use crate::fixture::{LONG, SHORT, bytes, commit, eventually, key, put};
use bytes::Bytes;
use frontdesk_actors::ports::{Commit, CommitOutcome, Growth, MemoryValue, MemoryWrite, Store};
use std::time::Duration;

/// A memory of these messages that grew, or did not, out of what was written before.
fn memory(messages: &[&str], growth: Option<(usize, usize)>) -> MemoryValue {
    let messages: Vec<Vec<u8>> = messages.iter().map(|message| rmp_serde::to_vec(message).unwrap()).collect();
    let lengths = messages.iter().map(|message| message.len().try_into().unwrap()).collect();
    let growth = growth.map(|(had, adds)| Growth { had, adds });
    MemoryValue { whole: MemoryValue::join(&messages).into(), lengths, growth }
}

fn remembering(expected: u64, value: MemoryValue, ttl: Duration) -> Commit {
    Commit { memory: MemoryWrite::Put { value, ttl }, ..commit(&key(1), expected, "remembering") }
}

async fn remembered(store: &dyn Store) -> Option<Bytes> {
    store.load(&key(1)).await.unwrap().unwrap().memory
}

pub(crate) async fn a_memory_grows_at_its_end_and_is_cut_at_its_beginning(store: &dyn Store) {
    let all: Vec<String> = (0..40).map(|number| format!("message {number}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    // Sixteen messages are counted in another way than fifteen.
    let steps = [
        (&all[0..1], Some((0, 1))),
        (&all[0..3], Some((1, 2))),
        (&all[0..15], Some((3, 12))),
        (&all[0..16], Some((15, 1))),
        (&all[1..17], Some((16, 1))),
        (&all[4..20], Some((16, 3))),
        (&all[20..36], Some((16, 16))),
        (&all[30..36], None),
        (&all[31..37], Some((6, 1))),
    ];
    for (version, (messages, growth)) in (0..).zip(steps) {
        let value = memory(messages, growth);
        put(store, &remembering(version, value.clone(), LONG)).await;
        assert_eq!(remembered(store).await, Some(value.whole), "step {version}");
    }
}

pub(crate) async fn a_memory_that_is_not_there_any_more_is_written_whole(store: &dyn Store) {
    let value = memory(&["a", "b", "c"], Some((2, 1)));
    // None was written, one that another desk wrote in its own way, fewer messages, more of them, and one was erased.
    let before = [
        MemoryWrite::Keep,
        MemoryWrite::Put { value: bytes("two of them").into(), ttl: LONG },
        MemoryWrite::Put { value: memory(&["b"], None), ttl: LONG },
        MemoryWrite::Put { value: memory(&["z", "a", "b"], None), ttl: LONG },
        MemoryWrite::Erase,
    ];
    let mut version = 0;
    for memory in before {
        let erased = Commit { memory: MemoryWrite::Erase, ..commit(&key(1), version, "erased") };
        put(store, &erased).await;
        put(store, &Commit { memory, ..commit(&key(1), version + 1, "before") }).await;
        put(store, &remembering(version + 2, value.clone(), LONG)).await;
        assert_eq!(remembered(store).await, Some(value.whole.clone()), "at version {version}");
        version += 3;
    }
    put(store, &remembering(version, memory(&["a", "b"], None), SHORT)).await;
    eventually("it has expired", || async { remembered(store).await.is_none().then_some(()) }).await;
    put(store, &remembering(version + 1, value.clone(), SHORT)).await;
    assert_eq!(remembered(store).await, Some(value.whole));
    eventually("it expires again", || async { remembered(store).await.is_none().then_some(()) }).await;
}

pub(crate) async fn what_grows_twice_at_once_grows_once(store: &dyn Store) {
    put(store, &remembering(0, memory(&["a"], Some((0, 1))), LONG)).await;
    let grown = remembering(1, memory(&["a", "b"], Some((1, 1))), LONG);
    put(store, &grown).await;
    put(store, &grown).await;
    let late = remembering(1, memory(&["a", "c"], Some((1, 1))), LONG);
    assert!(matches!(store.commit(&late).await, CommitOutcome::Conflict));
    assert_eq!(remembered(store).await, Some(memory(&["a", "b"], None).whole));
}
