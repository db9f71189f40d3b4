//! Who watches which conversation on this node. A signal says only that something changed; watchers read the feed, so
//! that a lost signal costs time and never an entry.

use frontdesk_actors::ids::ConversationKey;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// How many signals wait for a slow watcher before it is told only that it missed some.
const BACKLOG: usize = 16;

/// How many watchers one conversation may have: tabs, not a crowd.
const PER_CONVERSATION: usize = 16;

/// How many consoles one node serves.
const CONSOLES: usize = 64;

/// What watchers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Changed,
    Typing(bool),
}

/// Somebody wants to watch, and there are too many watchers already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many open streams")]
pub struct TooManyStreams;

#[derive(Debug, Default)]
struct Rooms {
    rooms: Mutex<HashMap<ConversationKey, broadcast::Sender<Signal>>>,
    watchers: AtomicUsize,
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationKey, broadcast::Sender<Signal>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Live {
    rooms: Arc<Rooms>,
    any: broadcast::Sender<ConversationKey>,
    most: usize,
}

impl Live {
    pub(super) fn new(most: usize) -> Self {
        Self { rooms: Arc::default(), any: broadcast::Sender::new(256), most }
    }

    pub(super) fn changed(&self, key: &ConversationKey) {
        self.tell(key, Signal::Changed);
        // Nobody listening is the usual case, not a failure.
        let _ = self.any.send(key.clone());
    }

    pub(super) fn typing(&self, key: &ConversationKey, on: bool) {
        self.tell(key, Signal::Typing(on));
    }

    pub(super) fn changes(&self) -> Result<broadcast::Receiver<ConversationKey>, TooManyStreams> {
        if self.any.receiver_count() >= CONSOLES { Err(TooManyStreams) } else { Ok(self.any.subscribe()) }
    }

    pub(super) fn watch(&self, key: &ConversationKey) -> Result<Watch, TooManyStreams> {
        let mut rooms = self.rooms.lock();
        let in_room = rooms.get(key).map_or(0, broadcast::Sender::receiver_count);
        if in_room >= PER_CONVERSATION || self.rooms.watchers.load(Ordering::Relaxed) >= self.most {
            return Err(TooManyStreams);
        }
        self.rooms.watchers.fetch_add(1, Ordering::Relaxed);
        let signals = rooms.entry(key.clone()).or_insert_with(|| broadcast::Sender::new(BACKLOG)).subscribe();
        Ok(Watch { signals, key: key.clone(), rooms: Arc::clone(&self.rooms) })
    }

    fn tell(&self, key: &ConversationKey, signal: Signal) {
        if let Some(room) = self.rooms.lock().get(key) {
            let _ = room.send(signal);
        }
    }
}

/// A place among the watchers of one conversation, given up on drop.
#[derive(Debug)]
pub(super) struct Watch {
    signals: broadcast::Receiver<Signal>,
    key: ConversationKey,
    rooms: Arc<Rooms>,
}

impl Watch {
    /// Waits for the next signal. Cancelling loses none.
    pub(super) async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Ok(signal) => signal,
            Err(broadcast::error::RecvError::Lagged(_)) => Signal::Changed,
            // The sender lives in the room as long as this watch does; without one only the poll is left.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }

    /// Takes all signals that wait and returns whether the desk was typing at their end, if they say so.
    pub(super) fn drain(&mut self) -> Option<bool> {
        let mut typing = None;
        loop {
            match self.signals.try_recv() {
                Ok(Signal::Typing(on)) => typing = Some(on),
                Ok(Signal::Changed) | Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => return typing,
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.rooms.watchers.fetch_sub(1, Ordering::Relaxed);
        let mut rooms = self.rooms.lock();
        // This watch's own receiver still counts here.
        if rooms.get(&self.key).is_some_and(|room| room.receiver_count() <= 1) {
            rooms.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rooms_are_bounded_and_close_behind_the_last_watcher() {
        let live = Live::new(PER_CONVERSATION + 1);
        let key = ConversationKey::new("web", "page", "a");
        let mut watches: Vec<Watch> = (0..PER_CONVERSATION).map(|_| live.watch(&key).expect("there is room")).collect();
        assert!(live.watch(&key).is_err(), "one conversation is full");
        let other = live.watch(&ConversationKey::new("web", "page", "b")).expect("another is not");
        assert!(live.watch(&ConversationKey::new("web", "page", "c")).is_err(), "the node is full");
        live.typing(&key, true);
        assert_eq!(watches[0].next().await, Signal::Typing(true));
        drop((watches, other));
        assert!(live.rooms.lock().is_empty());
        assert!(live.watch(&key).is_ok());
    }
}
