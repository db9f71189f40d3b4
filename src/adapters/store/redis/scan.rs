//! Reading everything in Redis, shard by shard: first what the index of changes names, then what only the wake index does.
//!
//! The indexes are walked with `ZSCAN`, which returns whatever stays in them throughout, also while others write; each
//! conversation is then read by one script.

use super::fault::{Cause, Fault};
use super::memory::StoredMemory;
use super::scripts::{self, Call};
use super::{RedisStore, read_key};
use async_trait::async_trait;
use frontdesk_actors::ids::{CommitId, SHARDS};
use frontdesk_actors::ports::{PortError, Scan, ScanCursor, ScanPage, Scanned, Stored};
use frontdesk_actors::time::Timestamp;
use futures::future::try_join_all;

/// What the script answers: version, commit, record, memory, due time, and whether the index of changes names it.
type Found = (Option<u64>, Option<String>, Option<Vec<u8>>, StoredMemory, Option<String>, u8);

/// Where a scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    shard: u16,
    index: Index,
    /// Redis's own.
    cursor: u64,
}

/// The two indexes of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    /// The conversations by the time of their last commit.
    Changes,
    /// The wake-ups.
    Wakes,
}

impl Place {
    const START: Place = Place { shard: 0, index: Index::Changes, cursor: 0 };

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let shard = parts.next()?.parse().ok().filter(|shard| *shard < SHARDS)?;
        let index = match parts.next()? {
            "changes" => Index::Changes,
            "wakes" => Index::Wakes,
            _ => return None,
        };
        Some(Self { shard, index, cursor: parts.next()?.parse().ok()? })
    }

    fn write(self) -> ScanCursor {
        let index = match self.index {
            Index::Changes => "changes",
            Index::Wakes => "wakes",
        };
        ScanCursor(format!("{}:{index}:{}", self.shard, self.cursor))
    }

    /// Where it goes on when Redis says `cursor`; zero means that the index is at its end.
    fn after(self, cursor: u64) -> Option<Self> {
        match (cursor, self.index) {
            (0, Index::Changes) => Some(Self { index: Index::Wakes, cursor: 0, ..self }),
            (0, Index::Wakes) => {
                let shard = self.shard + 1;
                (shard < SHARDS).then_some(Self { shard, ..Self::START })
            }
            (cursor, Index::Changes | Index::Wakes) => Some(Self { cursor, ..self }),
        }
    }
}

#[async_trait]
impl Scan for RedisStore {
    async fn scan(&self, after: Option<&ScanCursor>, limit: usize) -> Result<ScanPage, PortError> {
        self.page(after, limit).await.map_err(|fault| fault.during("read all conversations in Redis"))
    }
}

impl RedisStore {
    async fn page(&self, after: Option<&ScanCursor>, limit: usize) -> Result<ScanPage, Fault> {
        let foreign = || Fault::unsent(Cause::Foreign("a cursor of another store".to_owned()));
        let mut place = match after {
            None => Place::START,
            Some(after) => Place::read(&after.0).ok_or_else(foreign)?,
        };
        let mut found = Vec::new();
        loop {
            let index = match place.index {
                Index::Changes => self.keys.recent(place.shard),
                Index::Wakes => self.keys.wake(place.shard),
            };
            let mut walk = redis::cmd("ZSCAN");
            walk.arg(index).arg(place.cursor).arg("COUNT").arg(limit.max(1));
            let (cursor, members): (u64, Vec<(String, String)>) = self.links.send(place.shard, &walk).await?;
            let reads = members.iter().map(|(key, _)| self.scanned(key, place.index));
            found.extend(try_join_all(reads).await?.into_iter().flatten());
            match place.after(cursor) {
                None => return Ok(ScanPage { found, next: None }),
                Some(next) if found.len() >= limit => return Ok(ScanPage { found, next: Some(next.write()) }),
                Some(next) => place = next,
            }
        }
    }

    /// Reads one conversation; `None` where there is nothing to tell, or another index tells it.
    async fn scanned(&self, key: &str, index: Index) -> Result<Option<Scanned>, Fault> {
        let key = read_key(key)?;
        let shard = key.shard();
        let keys = vec![self.keys.record(&key), self.keys.memory(&key), self.keys.wake(shard), self.keys.recent(shard)];
        let call = Call::new(&scripts::SCAN, keys).arg(key.as_str());
        let (version, commit, record, memory, due, listed): Found = self.links.run(shard, &call).await?;
        if index == Index::Wakes && listed == 1 {
            return Ok(None);
        }
        let wake = due.and_then(|due| due.parse::<f64>().ok()).map(moment);
        let stored = match (version, commit, record) {
            (Some(version), Some(commit), Some(record)) => Some(Stored {
                version,
                commit: CommitId(u128::from_str_radix(&commit, 16).unwrap_or_default()),
                record: record.into(),
                memory: memory.0,
            }),
            _ => None,
        };
        // A record whose retention has ended may stand in the index of changes until its shard is written next.
        Ok((stored.is_some() || wake.is_some()).then_some(Scanned { key, stored, wake }))
    }
}

/// Scores are doubles; milliseconds since the epoch fit into one exactly.
fn moment(score: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and no moment is that far away")]
    Timestamp::from_millis(score as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back_and_end_after_the_last_shard() {
        let place = Place { shard: 7, index: Index::Wakes, cursor: 42 };
        assert_eq!(Place::read(&place.write().0), Some(place));
        for bad in ["", "64:changes:0", "1:other:0", "1:wakes:", "x"] {
            assert_eq!(Place::read(bad), None, "{bad}");
        }
        let mut place = Some(Place::START);
        let mut steps = 0;
        while let Some(at) = place {
            place = at.after(0);
            steps += 1;
        }
        assert_eq!(steps, usize::from(SHARDS) * 2);
    }
}
