//! The store as a pure model: compare-and-set under commit ids, a wake index with leases by the store's own clock, expiry of
//! memories, contacts; and older versions of itself, to come back with.

use frontdesk_actors::domain::Verified;
use frontdesk_actors::ids::{CommitId, Node};
use frontdesk_actors::ports::MemoryValue;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long a memory lives, in milliseconds.
pub(crate) const MEMORY_TTL: i64 = 24 * 3600 * 1000;

/// A conversation as stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) version: u64,
    pub(crate) commit: u64,
    /// The run of the store in which it was written.
    pub(crate) run: u64,
    pub(crate) record: Rc<[u8]>,
    pub(crate) memory: Option<(MemoryValue, i64)>,
}

/// Who is to look at a conversation, and when.
#[derive(Debug, Clone)]
struct Wake {
    at: i64,
    holder: Node,
    takes: u32,
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) key: usize,
    pub(crate) expected: u64,
    pub(crate) becomes: u64,
    pub(crate) id: u64,
    /// The run of the store that the writer knows.
    pub(crate) run: u64,
    pub(crate) node: Node,
    pub(crate) record: Rc<[u8]>,
    /// `None` keeps it, `Some(None)` erases it.
    pub(crate) memory: Option<Option<MemoryValue>>,
    pub(crate) wake: Option<i64>,
    /// The press by which it verifies the customer, for the log.
    pub(crate) press: Option<String>,
    /// Whether it forgets the person; so they are, also where nobody hears that it landed.
    pub(crate) erases: bool,
    /// The word of the people's by which it takes the conversation back, for the log.
    pub(crate) word: Option<String>,
    /// How it takes the conversation from the people, if no word of theirs says so.
    pub(crate) back: Option<GivenBack>,
}

/// A conversation that the people have no more.
#[derive(Debug, Clone)]
pub(crate) struct GivenBack {
    /// What the desk remembers of their words.
    pub(crate) heard: Vec<String>,
    /// Whether an operator ordered it; otherwise they were idle.
    pub(crate) ordered: bool,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok(u64),
    Conflict,
    Regressed(u64),
    Unknown,
    Away,
}

/// A conversation that was due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) key: usize,
    pub(crate) takes: u32,
    pub(crate) taken_over: bool,
}

/// What is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    conversations: BTreeMap<usize, Stored>,
    wakes: BTreeMap<usize, Wake>,
    pub(crate) contacts: BTreeMap<usize, Verified>,
    /// How often it was started again.
    pub(crate) run: u64,
}

impl Store {
    pub(crate) fn load(&self, key: usize, now: i64) -> Option<Stored> {
        let mut stored = self.conversations.get(&key)?.clone();
        stored.memory = stored.memory.filter(|(_, until)| *until > now);
        Some(stored)
    }

    /// Writes; also says whether anything was written by this very call.
    pub(crate) fn write(&mut self, write: &Write, now: i64) -> (Outcome, bool) {
        let (version, commit) =
            self.conversations.get(&write.key).map_or((0, 0), |stored| (stored.version, stored.commit));
        if version == write.becomes && commit == write.id {
            return (Outcome::Ok(version), false);
        }
        if version > write.expected {
            return (Outcome::Conflict, false);
        }
        if version < write.expected {
            return (Outcome::Regressed(version), false);
        }
        let old = self.conversations.remove(&write.key).and_then(|stored| stored.memory);
        let memory = match &write.memory {
            None => old,
            Some(None) => None,
            Some(Some(memory)) => {
                let lives = old.filter(|(_, until)| *until > now).map(|(memory, _)| memory);
                let by = (version > 0).then_some(CommitId(commit.into()));
                Some((memory.grown(lives.as_ref(), by), now + MEMORY_TTL))
            }
        };
        let stored =
            Stored { version: write.becomes, commit: write.id, run: write.run, record: write.record.clone(), memory };
        self.conversations.insert(write.key, stored);
        match write.wake {
            Some(after) => {
                let wake = Wake { at: now + after, holder: write.node.clone(), takes: 0 };
                self.wakes.insert(write.key, wake);
            }
            None => drop(self.wakes.remove(&write.key)),
        }
        (Outcome::Ok(write.becomes), true)
    }

    /// Another writer was there first: the same record, one version further. Whoever writes holds the lease as well; this one
    /// is never heard of again.
    pub(crate) fn overtake(&mut self, key: usize) {
        if let Some(stored) = self.conversations.get_mut(&key) {
            stored.version += 1;
            stored.commit = 0;
        }
        if let Some(wake) = self.wakes.get_mut(&key) {
            wake.holder = Node { name: "another".into(), boot: 0 };
        }
    }

    pub(crate) fn take(&mut self, node: &Node, lease: i64, now: i64) -> Vec<Taken> {
        let mut taken = Vec::new();
        for (key, wake) in self.wakes.iter_mut().filter(|(_, wake)| wake.at <= now) {
            let taken_over = wake.holder != *node;
            wake.takes += 1;
            wake.at = now + lease;
            wake.holder = node.clone();
            taken.push(Taken { key: *key, takes: wake.takes, taken_over });
        }
        taken
    }

    pub(crate) fn renew(&mut self, node: &Node, lease: i64, keys: &[usize], now: i64) {
        for key in keys {
            if let Some(wake) = self.wakes.get_mut(key).filter(|wake| wake.holder == *node) {
                wake.at = now + lease;
            }
        }
    }

    pub(crate) fn reclaim(&mut self, node: &Node, now: i64) {
        for wake in self.wakes.values_mut() {
            if wake.holder.name == node.name && wake.holder.boot != node.boot {
                wake.at = now;
            }
        }
    }

    /// Returns when a conversation is due, if ever.
    pub(crate) fn wake(&self, key: usize) -> Option<i64> {
        self.wakes.get(&key).map(|wake| wake.at)
    }

    /// Returns when the next conversation is due.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.wakes.values().map(|wake| wake.at).min()
    }
}
