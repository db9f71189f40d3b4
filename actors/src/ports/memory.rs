//! How a conversation's memory is written: as a whole, or as what it grew by.

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
    /// Makes it rest on nothing that was written before.
    pub fn forget_growth(&mut self) {
        if let MemoryWrite::Put { value, .. } = self {
            value.growth = None;
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

/// How a memory grew out of what is stored. A store that finds as many messages as that may write the new ones alone, and
/// keep as many of the newest as there are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// How many messages the last commit left.
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
