//! How a conversation's memory is written: as a whole, or as what it grew by.

use crate::ids::CommitId;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// What a commit does to the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryWrite {
    /// Nothing.
    Keep,
    /// Replaces it and lets it live this long.
    Put {
        /// The memory.
        value: MemoryValue,
        /// How long it lives without being refreshed.
        ttl: Duration,
    },
    /// Erases it.
    Erase,
}

impl MemoryWrite {
    /// Returns the same, resting on nothing that was written before.
    #[must_use]
    pub fn whole(&self) -> Self {
        match self {
            MemoryWrite::Put { value, ttl } => {
                MemoryWrite::Put { value: MemoryValue { growth: None, ..value.clone() }, ttl: *ttl }
            }
            MemoryWrite::Keep | MemoryWrite::Erase => self.clone(),
        }
    }
}

/// A memory to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct MemoryValue {
    /// All of it, encoded: a MessagePack array of messages, oldest first.
    pub whole: Bytes,
    /// How many bytes each message takes at the end of `whole`. Empty where there is none, or it is no such array.
    pub lengths: Vec<u16>,
    /// Where it is what the last commit left, less some of its oldest messages and with new ones behind.
    pub growth: Option<Growth>,
}

/// How a memory grew out of what is stored. A store that finds that commit, and as many messages, may write the new ones
/// alone, and keep as many of the newest as there are now. Finding anything else, it writes all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The last commit that is known to have been stored; `None` before the first. The version would not do: a store that
    /// lost writes may come to the same number by another way.
    pub after: Option<CommitId>,
    /// How many messages it left.
    pub had: usize,
    /// How many of the newest messages came since.
    pub adds: usize,
}

impl MemoryValue {
    /// Returns the newest messages, each encoded, oldest first.
    pub fn newest(&self, count: usize) -> Vec<&[u8]> {
        let newest = &self.lengths[self.lengths.len().saturating_sub(count)..];
        let mut start = self.whole.len().saturating_sub(newest.iter().map(|length| usize::from(*length)).sum());
        let message = |length: &u16| {
            let message = &self.whole[start..start + usize::from(*length)];
            start += message.len();
            message
        };
        newest.iter().map(message).collect()
    }

    /// Returns what a store that has `stored`, written by the commit `by`, comes to have: all of it, or what has grown.
    pub fn grown(&self, stored: Option<&MemoryValue>, by: Option<CommitId>) -> MemoryValue {
        let stored_messages = stored.map_or_else(Vec::new, |stored| stored.newest(usize::MAX));
        let Some(growth) = self.growth.filter(|growth| growth.after == by && growth.had == stored_messages.len())
        else {
            return MemoryValue { growth: None, ..self.clone() };
        };
        let mut messages = stored_messages;
        messages.extend(self.newest(growth.adds));
        messages.drain(..messages.len().saturating_sub(self.lengths.len()));
        let lengths = messages.iter().map(|message| u16::try_from(message.len()).unwrap_or(u16::MAX)).collect();
        MemoryValue { whole: Self::join(&messages).into(), lengths, growth: None }
    }

    /// Puts encoded messages together to what [`MemoryValue::whole`] is.
    pub fn join<M: AsRef<[u8]>>(messages: &[M]) -> Vec<u8> {
        let mut whole = array_of(messages.len(), messages.iter().map(|message| message.as_ref().len()).sum());
        messages.iter().for_each(|message| whole.extend_from_slice(message.as_ref()));
        whole
    }
}

/// One of which only the caller knows what it is.
impl From<Bytes> for MemoryValue {
    fn from(whole: Bytes) -> Self {
        Self { whole, lengths: Vec::new(), growth: None }
    }
}

impl fmt::Debug for MemoryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whole, lengths, growth } = self;
        f.debug_struct("MemoryValue")
            .field("bytes", &whole.len())
            .field("messages", &lengths.len())
            .field("growth", growth)
            .finish()
    }
}

/// Begins a MessagePack array of `count` elements, with room for `length` bytes of them.
pub(crate) fn array_of(count: usize, length: usize) -> Vec<u8> {
    let mut array = Vec::with_capacity(length + 5);
    match u16::try_from(count) {
        Ok(few) if few < 16 => array.push(0x90 | few.to_be_bytes()[1]),
        Ok(many) => {
            array.push(0xdc);
            array.extend_from_slice(&many.to_be_bytes());
        }
        Err(_) => {
            array.push(0xdd);
            array.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    array
}
