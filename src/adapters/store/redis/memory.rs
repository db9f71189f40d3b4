//! How a conversation's memory goes to Redis and comes back: a list of messages, of which a commit brings the new ones.

use crate::adapters::store::millis;
use bytes::Bytes;
use frontdesk_actors::ports::{MemoryValue, MemoryWrite};
use redis::{FromRedisValue, ParsingError, Value};

/// What a commit tells its script about the memory.
pub(super) struct MemoryCall<'a> {
    pub(super) verb: &'static str,
    /// How many messages must be there for it to grow.
    pub(super) had: usize,
    pub(super) ttl: i64,
    /// How many messages there are then.
    pub(super) has: usize,
    pub(super) pieces: Vec<&'a [u8]>,
}

impl<'a> MemoryCall<'a> {
    pub(super) fn of(write: &'a MemoryWrite) -> Self {
        let without = |verb| Self { verb, had: 0, ttl: 1, has: 0, pieces: Vec::new() };
        let (value, ttl) = match write {
            MemoryWrite::Keep => return without("keep"),
            MemoryWrite::Erase => return without("erase"),
            MemoryWrite::Put { value, ttl } => (value, millis(*ttl).max(1)),
        };
        let has = value.lengths.len();
        match value.growth {
            Some(growth) => Self { verb: "grow", had: growth.had, ttl, has, pieces: value.newest(growth.adds) },
            None if has > 0 => Self { verb: "list", had: 0, ttl, has, pieces: value.newest(has) },
            None => Self { verb: "put", had: 0, ttl, has, pieces: vec![&value.whole[..]] },
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
