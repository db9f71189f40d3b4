//! Durable stores behind the engine's `Store` port: Redis for several machines, SQLite for one.
//!
//! What both must agree on stands here: caps, the compare-and-set rule, how far a reclaim reaches. One contract suite
//! (`tests/store_contract.rs`) runs against both. What a record, a memory or a journal entry says is not read here.

pub mod embedded;
pub mod redis;

use frontdesk_actors::ids::{CommitId, ConversationKey};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use std::time::Duration;

/// How many journal entries a conversation keeps.
pub const JOURNAL_CAP: usize = 200;

/// How many entries a feed keeps.
pub const FEED_CAP: usize = 500;

/// How many entries are kept about one conversation that is set aside.
pub const PARKED_CAP: usize = 500;

/// How long a control record lives after its last write, unless the operator says otherwise. If it went with the
/// memory, the desk would wake on the second day and talk over a person.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(180 * 24 * 3600);

/// How far ahead of its due time a wake-up is reclaimed after a restart. Work in flight is due within seconds to a few
/// minutes; timers of hours and days were not being worked on and keep their time.
pub const RECLAIM_HORIZON: Duration = Duration::from_secs(300);

/// Something an operator should know about the store before the desk opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what to do, in one or two sentences.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It can lose what was acknowledged.
    Warn,
    /// The desk must not start like this.
    Refuse,
}

/// What the stored version means for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    Write,
    AlreadyMine,
    Conflict,
    Regressed,
}

/// Compares what is stored with what a write expects. The commit script for Redis says the same in Lua.
fn judge(stored: Option<(u64, CommitId)>, (expected, becomes): (u64, u64), id: CommitId) -> Judgement {
    let version = stored.map_or(0, |(version, _)| version);
    match version.cmp(&expected) {
        std::cmp::Ordering::Equal => Judgement::Write,
        std::cmp::Ordering::Less => Judgement::Regressed,
        std::cmp::Ordering::Greater if stored == Some((becomes, id)) => Judgement::AlreadyMine,
        std::cmp::Ordering::Greater => Judgement::Conflict,
    }
}

/// Milliseconds of a duration, at most a hundred years, so that no sum of moments overflows in either store.
fn millis(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 24 * 3600 * 1000;
    i64::try_from(duration.as_millis()).unwrap_or(CENTURY).min(CENTURY)
}

/// Reads a key back as it was stored. Whatever was accepted on the way in must come out again, or its wake-up would be
/// taken for ever without anybody seeing it; so nothing is checked here.
fn stored_key(text: &str) -> Result<ConversationKey, ValueError> {
    let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
    ConversationKey::deserialize(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_lands_only_on_the_version_it_was_computed_from() {
        let (mine, other) = (CommitId(1), CommitId(2));
        assert_eq!(judge(None, (0, 1), mine), Judgement::Write);
        let on = |stored, by| judge(Some((stored, by)), (4, 5), mine);
        assert_eq!(on(4, other), Judgement::Write);
        assert_eq!(on(4, mine), Judgement::Write, "the id of an older commit proves nothing");
        assert_eq!(on(5, mine), Judgement::AlreadyMine);
        assert_eq!(on(5, other), Judgement::Conflict);
        assert_eq!(on(6, mine), Judgement::Conflict);
        assert_eq!(on(3, mine), Judgement::Regressed);
        assert_eq!(judge(None, (4, 5), mine), Judgement::Regressed);
        assert_eq!(judge(Some((5, mine)), (1, 5), mine), Judgement::AlreadyMine, "written again after a loss");
    }

    #[test]
    fn durations_never_overflow() {
        assert_eq!(millis(Duration::from_millis(1500)), 1500);
        assert!(millis(Duration::MAX).checked_add(i64::MAX / 2).is_some());
    }

    #[test]
    fn every_key_that_was_accepted_is_read_back() {
        for id in ["57", "a b", "ключ"] {
            let key = ConversationKey::new("web", 1, id);
            assert_eq!(stored_key(key.as_str()), Ok(key));
        }
    }
}
