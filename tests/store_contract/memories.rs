//! Memories that grow: whether a store writes them whole or what is new alone, it gives back what was meant.

use crate::fixture::{LONG, SHORT, bytes, commit, eventually, key, put};
use bytes::Bytes;
use frontdesk_actors::ids::CommitId;
use frontdesk_actors::ports::{Commit, CommitOutcome, Growth, MemoryValue, MemoryWrite, Store};
use std::time::Duration;

/// A memory of these messages that grew, or did not, out of what a commit left.
fn memory(messages: &[&str], growth: Option<(Option<CommitId>, usize, usize)>) -> MemoryValue {
    let messages: Vec<Vec<u8>> = messages.iter().map(|message| rmp_serde::to_vec(message).unwrap()).collect();
    let lengths = messages.iter().map(|message| message.len().try_into().unwrap()).collect();
    let growth = growth.map(|(after, had, adds)| Growth { after, had, adds });
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
    let mut last = None;
    for (version, (messages, growth)) in (0..).zip(steps) {
        let value = memory(messages, growth.map(|(had, adds)| (last, had, adds)));
        let commit = remembering(version, value.clone(), LONG);
        put(store, &commit).await;
        assert_eq!(remembered(store).await, Some(value.whole), "step {version}");
        last = Some(commit.id);
    }
}

pub(crate) async fn a_memory_that_is_not_there_any_more_is_written_whole(store: &dyn Store) {
    let after = |commit: &Commit| memory(&["a", "b", "c"], Some((Some(commit.id), 2, 1)));
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
        let before = Commit { memory, ..commit(&key(1), version + 1, "before") };
        put(store, &before).await;
        put(store, &remembering(version + 2, after(&before), LONG)).await;
        assert_eq!(remembered(store).await, Some(after(&before).whole), "at version {version}");
        version += 3;
    }
    let short = remembering(version, memory(&["a", "b"], None), SHORT);
    put(store, &short).await;
    eventually("it has expired", || async { remembered(store).await.is_none().then_some(()) }).await;
    put(store, &remembering(version + 1, after(&short), SHORT)).await;
    assert_eq!(remembered(store).await, Some(after(&short).whole));
    eventually("it expires again", || async { remembered(store).await.is_none().then_some(()) }).await;
}

pub(crate) async fn a_memory_of_as_many_messages_that_another_commit_left_is_written_whole(store: &dyn Store) {
    let ours = remembering(0, memory(&["a", "b"], None), LONG);
    put(store, &ours).await;
    // A store that lost writes comes to the same version, and to as many messages, by another way.
    put(store, &remembering(1, memory(&["x", "y"], None), LONG)).await;
    let grown = memory(&["a", "b", "c"], Some((Some(ours.id), 2, 1)));
    put(store, &remembering(2, grown.clone(), LONG)).await;
    assert_eq!(remembered(store).await, Some(grown.whole));
}

pub(crate) async fn what_grows_twice_at_once_grows_once(store: &dyn Store) {
    let first = remembering(0, memory(&["a"], Some((None, 0, 1))), LONG);
    put(store, &first).await;
    let grown = remembering(1, memory(&["a", "b"], Some((Some(first.id), 1, 1))), LONG);
    put(store, &grown).await;
    put(store, &grown).await;
    let late = remembering(1, memory(&["a", "c"], Some((Some(first.id), 1, 1))), LONG);
    assert!(matches!(store.commit(&late).await, CommitOutcome::Conflict));
    assert_eq!(remembered(store).await, Some(memory(&["a", "b"], None).whole));
}
