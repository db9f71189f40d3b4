//! Watching one conversation: the backlog, then what comes, then what comes after a pause. The feed is read again at
//! every signal and, because other nodes write to it too, every few seconds.

use super::live::{Signal, TooManyStreams, Watch};
use super::{Entry, Web};
use frontdesk_actors::ids::{ConversationKey, stable_hash};
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How far a watcher has read: the number of an entry and, where known, a digest of its id. The digest tells an erased
/// and refilled feed from one that merely grew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    seq: u64,
    mark: Option<u64>,
}

impl Cursor {
    /// Makes the cursor of somebody who has read up to entry number `seq`.
    pub const fn after(seq: u64) -> Self {
        Self { seq, mark: None }
    }

    /// Makes the cursor of somebody who has read up to this entry.
    pub fn at(entry: &Entry) -> Self {
        Self { seq: entry.seq, mark: Some(stable_hash(entry.id.as_bytes())) }
    }

    fn is_at(&self, entry: &Entry) -> bool {
        self.seq == entry.seq && self.mark.is_none_or(|mark| mark == stable_hash(entry.id.as_bytes()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark {
            Some(mark) => write!(f, "{}.{mark:x}", self.seq),
            None => write!(f, "{}", self.seq),
        }
    }
}

impl FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('.') {
            Some((seq, mark)) => Ok(Self { seq: seq.parse()?, mark: Some(u64::from_str_radix(mark, 16)?) }),
            None => Ok(Self::after(text.parse()?)),
        }
    }
}

/// What a watcher sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The next entry, private ones included.
    Entry(Entry),
    /// The desk began or ceased to think. Known only on the node that thinks.
    Typing(bool),
    /// Everything seen so far was erased.
    Cleared,
}

/// Somebody who watches one conversation.
#[derive(Debug)]
pub struct Follower {
    web: Arc<Web>,
    key: ConversationKey,
    cursor: Option<Cursor>,
    ready: VecDeque<Update>,
    watch: Watch,
    next_read: Instant,
}

impl Follower {
    /// Returns the next thing to see, waiting for it as long as it takes. A store that is away is waited for.
    ///
    /// # Cancellation
    /// Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Update {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return update;
            }
            let signal = tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.next_read) => Signal::Changed,
                signal = self.watch.next() => signal,
            };
            match signal {
                Signal::Typing(on) => return Update::Typing(on),
                Signal::Changed => {
                    // What waits is older than what the feed will show: a stale "typing" must not follow its answer.
                    self.ready.extend(self.watch.drain().map(Update::Typing));
                    self.read().await;
                }
            }
        }
    }

    /// Returns how far this watcher has read.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    async fn read(&mut self) {
        self.next_read = Instant::now() + self.web.settings.poll;
        // The entry at the cursor is read again: if it is another one or gone, the feed was erased meanwhile.
        let after = self.cursor.map_or(0, |cursor| cursor.seq.saturating_sub(1));
        let mut entries = match self.web.transcript(&self.key, after).await {
            Ok(entries) => entries,
            Err(error) => return tracing::debug!(error = %error, "a watcher waits for the store"),
        };
        if let Some(cursor) = self.cursor.filter(|cursor| cursor.seq > 0) {
            match entries.first() {
                Some(first) if cursor.is_at(first) => drop(entries.remove(0)),
                // A full feed has dropped its oldest entries, ours among them: what is left goes on from there.
                Some(first) if first.seq > cursor.seq => {}
                Some(_) | None => {
                    self.cursor = None;
                    self.ready.push_back(Update::Cleared);
                    entries = match self.web.transcript(&self.key, 0).await {
                        Ok(entries) => entries,
                        Err(_) => return,
                    };
                }
            }
        }
        if let Some(last) = entries.last() {
            self.cursor = Some(Cursor::at(last));
        }
        self.ready.extend(entries.into_iter().map(Update::Entry));
    }
}

impl Web {
    /// Begins to watch a conversation from a cursor on, or from its beginning.
    ///
    /// # Errors
    /// [`TooManyStreams`] if this conversation or this node has too many watchers.
    pub fn follow(self: &Arc<Self>, key: &ConversationKey, cursor: Option<Cursor>) -> Result<Follower, TooManyStreams> {
        let (web, key, watch) = (Arc::clone(self), key.clone(), self.live.watch(key)?);
        Ok(Follower { web, key, cursor, ready: VecDeque::new(), watch, next_read: Instant::now() })
    }

    /// Waits until the desk has answered after entry number `after`: with words, or by announcing a person. `None` if it
    /// has not within the given time, or if too many wait already.
    pub async fn await_reply(self: &Arc<Self>, key: &ConversationKey, after: u64, within: Duration) -> Option<Entry> {
        let mut follower = self.follow(key, Some(Cursor::after(after))).ok()?;
        let reply = async {
            loop {
                match follower.next().await {
                    Update::Entry(entry) if entry.is_reply() => return entry,
                    Update::Entry(_) | Update::Typing(_) | Update::Cleared => {}
                }
            }
        };
        tokio::time::timeout(within, reply).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back_as_printed_and_rubbish_is_refused() {
        for cursor in [Cursor::after(7), Cursor { seq: 12, mark: Some(u64::MAX) }] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "x", "1.", "1.zz", "-1", "18446744073709551616"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad:?}");
        }
    }
}
