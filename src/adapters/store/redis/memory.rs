//! How a conversation's memory goes to Redis and comes back: a list of messages, of which a commit brings the new ones.

use crate::adapters::store::millis;
use bytes::Bytes;
use frontdesk_actors::ids::CommitId;
use frontdesk_actors::ports::{MemoryValue, MemoryWrite};
use redis::{FromRedisValue, ParsingError, Value};

/// How many pieces a script can take: Lua's stack has room for eight thousand values.
const MOST: usize = 4_000;

/// What a commit tells its script about the memory.
pub(super) struct MemoryCall<'a> {
    pub(super) verb: &'static str,
    /// The commit that must have been the last for it to grow, and how many messages it must have left.
    pub(super) after: Option<CommitId>,
    pub(super) had: usize,
    pub(super) ttl: i64,
    /// How many messages there are then.
    pub(super) has: usize,
    pub(super) pieces: Vec<&'a [u8]>,
}

impl<'a> MemoryCall<'a> {
    pub(super) fn of(write: &'a MemoryWrite) -> Self {
        let without = |verb| Self { verb, after: None, had: 0, ttl: 1, has: 0, pieces: Vec::new() };
        let (value, ttl) = match write {
            MemoryWrite::Keep => return without("keep"),
            MemoryWrite::Erase => return without("erase"),
            MemoryWrite::Put { value, ttl } => (value, millis(*ttl).max(1)),
        };
        let has = value.lengths.len();
        let with = |verb, pieces| Self { verb, after: None, had: 0, ttl, has, pieces };
        match value.growth.filter(|growth| growth.adds <= MOST) {
            Some(growth) => Self { after: growth.after, had: growth.had, ..with("grow", value.newest(growth.adds)) },
            None if (1..=MOST).contains(&has) => with("list", value.newest(has)),
            None => with("put", vec![&value.whole[..]]),
        }
    }

    /// Returns how many bytes its pieces have.
    pub(super) fn length(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }
}

/// A memory as Redis has it.
pub(super) struct StoredMemory(pub(super) Option<Bytes>);

impl FromRedisValue for StoredMemory {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        if !matches!(value, Value::Array(_)) {
            return Ok(Self(redis::from_redis_value::<Option<Vec<u8>>>(value)?.map(Bytes::from)));
        }
        let messages: Vec<Vec<u8>> = redis::from_redis_value(value)?;
        Ok(Self(Some(MemoryValue::join(&messages).into())))
    }
}
