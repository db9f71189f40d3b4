//! What the store holds, and its two atomic steps.

use super::CommitScript;
use crate::ids::{CommitId, ContactKey, ConversationKey, Node};
use crate::ports::{Commit, CommitOutcome, MemoryValue, MemoryWrite, Quota};
use crate::time::Timestamp;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// How many journal entries are kept, by contract.
const JOURNAL: usize = 200;

#[derive(Debug, Clone, Default)]
pub(super) struct Conversation {
    pub(super) version: u64,
    pub(super) commit: CommitId,
    pub(super) record: Bytes,
    pub(super) memory: Option<(MemoryValue, Timestamp)>,
    pub(super) journal: VecDeque<Bytes>,
    pub(super) summary: Bytes,
    pub(super) changed: u64,
}

#[derive(Debug)]
pub(super) struct Wake {
    pub(super) at: Timestamp,
    pub(super) holder: Node,
    pub(super) takes: u32,
}

#[derive(Debug, Default)]
pub(super) struct Feed {
    pub(super) last: u64,
    pub(super) entries: VecDeque<(u64, String, Bytes)>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) conversations: BTreeMap<ConversationKey, Conversation>,
    pub(super) wakes: BTreeMap<ConversationKey, Wake>,
    pub(super) contacts: BTreeMap<ContactKey, Bytes>,
    pub(super) quotas: BTreeMap<String, Vec<Timestamp>>,
    pub(super) barred: BTreeMap<String, Timestamp>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) feeds: BTreeMap<ConversationKey, Feed>,
    pub(super) parked: BTreeMap<ConversationKey, BTreeMap<u64, Bytes>>,
    pub(super) last_parked: u64,
    pub(super) poisoned: BTreeMap<ConversationKey, Bytes>,
    pub(super) changes: u64,
    pub(super) script: VecDeque<CommitScript>,
    pub(super) down: bool,
    pub(super) panic_on_take: bool,
    pub(super) panic_on_load: bool,
    pub(super) no_parking: bool,
    pub(super) commits: u64,
    pub(super) loads: u64,
}

impl Inner {
    pub(super) fn write(&mut self, commit: &Commit, now: Timestamp) -> CommitOutcome {
        let conversation = self.conversations.entry(commit.key.clone()).or_default();
        let stored = conversation.version;
        if stored == commit.becomes && conversation.commit == commit.id {
            return CommitOutcome::Ok { version: stored };
        }
        if stored > commit.expected {
            return CommitOutcome::Conflict;
        }
        if stored < commit.expected {
            if stored == 0 {
                self.conversations.remove(&commit.key);
            }
            return CommitOutcome::Regressed { version: stored };
        }
        self.commits += 1;
        self.changes += 1;
        let before = (stored > 0).then_some(conversation.commit);
        conversation.version = commit.becomes;
        conversation.commit = commit.id;
        conversation.record = commit.record.clone();
        conversation.summary = commit.summary.clone();
        conversation.changed = self.changes;
        match &commit.memory {
            MemoryWrite::Keep => {}
            MemoryWrite::Put { value, ttl } => {
                let lives = conversation.memory.as_ref().filter(|(_, until)| *until > now).map(|(value, _)| value);
                conversation.memory = Some((value.grown(lives, before), now + *ttl));
            }
            MemoryWrite::Erase => conversation.memory = None,
        }
        conversation.journal.extend(commit.journal.iter().cloned());
        let surplus = conversation.journal.len().saturating_sub(JOURNAL);
        conversation.journal.drain(..surplus);
        match commit.wake {
            Some(after) => {
                let wake = Wake { at: now + after, holder: commit.node.clone(), takes: 0 };
                self.wakes.insert(commit.key.clone(), wake);
            }
            None => drop(self.wakes.remove(&commit.key)),
        }
        CommitOutcome::Ok { version: commit.becomes }
    }

    pub(super) fn take_one(&mut self, quota: &Quota, now: Timestamp) -> bool {
        if self.barred.get(&quota.key).is_some_and(|until| *until > now) {
            return false;
        }
        let taken = self.quotas.entry(quota.key.clone()).or_default();
        taken.retain(|at| now.since(*at) < quota.window);
        let free = u32::try_from(taken.len()).is_ok_and(|taken| taken < quota.limit);
        if free {
            taken.push(now);
        }
        free
    }
}
