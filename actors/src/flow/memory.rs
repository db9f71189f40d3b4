//! The conversation's memory: the last messages, whoever said them. It is context for the model and may vanish; what is
//! owed lives in the control record.
//!
//! It is kept as it is stored, message after message in MessagePack: every customer's message is remembered and written,
//! few are read again, and one piece of memory is cheaper to keep and to copy than twenty. The fields have no names there:
//! they would be a sixth of it, twenty times over. So a new field goes to the end of [`Remembered`], with a default; what
//! was stored with names is read as well.

use crate::domain::{CustomerMessage, Remembered, Role};
use crate::ids::{CommitId, MessageId};
use crate::ports::{Growth, MemoryValue, array_of};
use crate::time::Timestamp;
use serde::Deserialize;

/// How long one remembered text may be, in characters. A pasted novel must not push the record over store limits.
const MAX_CHARS: usize = 8_000;

/// The last messages, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The messages, encoded one after the other.
    packed: Vec<u8>,
    /// How long each of them is, in bytes.
    lengths: Vec<u16>,
    /// What it was when it was written last.
    written: Written,
}

/// How a memory came from what was written last: the store need not be told again what it has.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    /// How many messages were written.
    had: u16,
    /// How many of these are still there, all of them the oldest ones now.
    left: u16,
    /// Whether it has changed otherwise than at its ends.
    otherwise: bool,
}

/// What was written last is no part of what is remembered.
impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        self.packed == other.packed && self.lengths == other.lengths
    }
}

impl Eq for Memory {}

/// One remembered message, read in place.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Said<'a> {
    /// The vendor's id, where known.
    pub(crate) id: Option<MessageId>,
    /// Who said it.
    pub(crate) role: Role,
    /// What was said.
    pub(crate) text: &'a str,
    /// When.
    pub(crate) at: Timestamp,
    /// Whether it was said and not written.
    #[serde(default)]
    pub(crate) voice: bool,
}

impl Said<'_> {
    /// Returns what the customer wrote, to be heard again; `None` if the vendor's id is not known.
    pub(crate) fn as_written(&self) -> Option<CustomerMessage> {
        let (id, text) = (self.id?, self.text.to_owned());
        Some(CustomerMessage { id, at: self.at, text, attachments: 0, voice: None })
    }
}

impl Said<'_> {
    /// Returns it as a value of its own.
    pub(crate) fn to_remembered(self) -> Remembered {
        Remembered { id: self.id, role: self.role, text: self.text.to_owned(), at: self.at, voice: self.voice }
    }
}

impl Memory {
    /// Reads what [`Memory::encode`] wrote.
    ///
    /// # Errors
    /// The decoder's error if it is damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        let messages: Vec<Remembered> = super::read(bytes)?;
        let (packed, lengths) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(messages.len()));
        let mut memory = Self { packed, lengths, written: Written::default() };
        for message in &messages {
            memory.put(memory.len(), message);
        }
        memory.was_written();
        Ok(memory)
    }

    /// Returns the messages as one MessagePack array.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut encoded = array_of(self.len(), self.packed.len());
        encoded.extend_from_slice(&self.packed);
        encoded
    }

    /// Returns it as it is to be stored, after the commit that was stored last.
    pub(crate) fn value(&self, after: Option<CommitId>) -> MemoryValue {
        let Written { had, left, otherwise } = self.written;
        let (had, left) = (usize::from(had), usize::from(left));
        let grew = !otherwise && self.len() > left;
        let growth = grew.then(|| Growth { after, had, adds: self.len() - left });
        MemoryValue { whole: self.encode().into(), lengths: self.lengths.clone(), growth }
    }

    /// It is stored as it is now.
    pub(crate) fn was_written(&mut self) {
        // A limit nobody sets: what is longer than can be counted here is written whole each time.
        let (had, otherwise) = match u16::try_from(self.len()) {
            Ok(had) => (had, false),
            Err(_) => (0, true),
        };
        self.written = Written { had, left: had, otherwise };
    }

    /// Returns how many messages are remembered.
    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Returns whether nothing is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Returns the messages, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = Said<'_>> {
        self.lengths.iter().rev().scan(self.packed.len(), |end, length| {
            let start = *end - usize::from(*length);
            let message = &self.packed[start..*end];
            *end = start;
            Some(rmp_serde::from_slice(message).expect("it was encoded here"))
        })
    }

    /// Returns the messages, oldest first.
    pub fn messages(&self) -> Vec<Remembered> {
        let mut messages: Vec<Remembered> = self.newest_first().map(Said::to_remembered).collect();
        messages.reverse();
        messages
    }

    /// Remembers a message, in the vendor's order where the id is known, and keeps the newest `limit`.
    pub(crate) fn insert(&mut self, message: Remembered, limit: usize) {
        let message = Remembered { text: clip(message.text), ..message };
        let later = message.id.map_or(0, |id| self.newer_than(id));
        let at = self.len() - later;
        let surplus = (self.len() + 1).saturating_sub(limit);
        if surplus > at {
            // It is older than everything that is kept.
            self.forget_oldest(surplus - 1);
            return;
        }
        self.forget_oldest(surplus);
        self.put(at - surplus, &message);
    }

    /// Returns how many messages stand from the oldest one on that is newer than this id. The desk's own words have no id:
    /// they stand where they were said, and tell nothing about the order of others.
    fn newer_than(&self, id: MessageId) -> usize {
        let mut newer = 0;
        for (nth, said) in self.newest_first().enumerate() {
            match said.id {
                Some(earlier) if !earlier.is_behind(id) => break,
                Some(_) => newer = nth + 1,
                None => {}
            }
        }
        newer
    }

    /// Forgets one message.
    pub(crate) fn remove(&mut self, id: MessageId) -> bool {
        self.take_out(|said| said.id == Some(id))
    }

    /// Changes what a customer said. Returns whether it was remembered otherwise.
    pub(crate) fn amend(&mut self, id: MessageId, text: &str) -> bool {
        self.put_in_place(text, |said| said.id == Some(id) && said.role == Role::Customer && !said.voice)
    }

    /// The desk's latest words of this text are said otherwise. Returns whether they were remembered.
    pub(crate) fn reword(&mut self, words: &str, text: &str) -> bool {
        self.put_in_place(text, |said| said.role == Role::Desk && said.text == words)
    }

    fn put_in_place(&mut self, text: &str, is_it: impl Fn(&Said<'_>) -> bool) -> bool {
        let text = clip(text.to_owned());
        let Some((back, said)) = self.newest_first().enumerate().find(|(_, said)| is_it(said)) else { return false };
        if said.text == text {
            return false;
        }
        let (at, message) = (self.len() - 1 - back, Remembered { text, ..said.to_remembered() });
        self.take_out(is_it);
        self.put(at, &message);
        true
    }

    /// Forgets the desk's latest words of this text: they never left.
    pub(crate) fn unsay(&mut self, text: &str) -> bool {
        self.take_out(|said| said.role == Role::Desk && said.text == text)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self { written: Written { otherwise: true, ..Written::default() }, ..Self::default() };
    }

    /// Returns the desk's words of one moment, to be remembered.
    pub(crate) fn spoken(text: &str, at: Timestamp) -> Remembered {
        Remembered { id: None, role: Role::Desk, text: text.to_owned(), at, voice: false }
    }

    fn put(&mut self, at: usize, message: &Remembered) {
        let mut encoded = Vec::with_capacity(64 + message.text.len());
        rmp_serde::encode::write(&mut encoded, message).expect("a message has only encodable fields");
        let start = self.start_of(at);
        self.written.otherwise |= at < self.len();
        // What is kept for thousands of conversations has no room to spare.
        self.packed.reserve_exact(encoded.len());
        self.packed.splice(start..start, encoded.iter().copied());
        let length = encoded.len().try_into().expect("a clipped text is shorter than 64 KiB");
        self.lengths.insert(at, length);
    }

    /// Returns where a message begins.
    fn start_of(&self, at: usize) -> usize {
        self.lengths[..at].iter().map(|length| usize::from(*length)).sum()
    }

    fn forget_oldest(&mut self, count: usize) {
        self.written.left = self.written.left.saturating_sub(u16::try_from(count).unwrap_or(u16::MAX));
        self.packed.drain(..self.start_of(count));
        self.lengths.drain(..count);
    }

    /// Takes out the newest message that fits.
    fn take_out(&mut self, fits: impl Fn(&Said<'_>) -> bool) -> bool {
        let Some(back) = self.newest_first().position(|said| fits(&said)) else { return false };
        let at = self.len() - 1 - back;
        let start = self.start_of(at);
        self.written.otherwise = true;
        let length = usize::from(self.lengths.remove(at));
        self.packed.drain(start..start + length);
        true
    }
}

fn clip(text: String) -> String {
    // A text of so few bytes has no more characters.
    if text.len() <= MAX_CHARS {
        return text;
    }
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: u64, text: &str) -> Remembered {
        Remembered {
            id: Some(MessageId::numeric(id)),
            role: Role::Customer,
            text: text.to_owned(),
            at: Timestamp::from_secs(1),
            voice: false,
        }
    }

    fn texts(memory: &Memory) -> Vec<String> {
        memory.messages().into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn keeps_the_newest_in_the_vendors_order() {
        let mut memory = Memory::default();
        for id in [1, 3, 2, 5, 4] {
            memory.insert(said(id, &id.to_string()), 4);
        }
        assert_eq!(texts(&memory), ["2", "3", "4", "5"]);
        memory.insert(said(1, "1"), 4);
        assert_eq!(texts(&memory), ["2", "3", "4", "5"], "older than everything that is kept");
        memory.insert(said(9, "9"), 2);
        assert_eq!(texts(&memory), ["5", "9"], "the limit became smaller");
    }

    #[test]
    fn forgets_single_messages_and_words_that_never_left() {
        let mut memory = Memory::default();
        let at = Timestamp::from_secs(2);
        for message in [said(1, "a"), Memory::spoken("b", at), said(3, "b"), Memory::spoken("b", at), said(5, "c")] {
            memory.insert(message, 20);
        }
        assert!(memory.unsay("b"), "the desk's latest");
        assert_eq!(texts(&memory), ["a", "b", "b", "c"]);
        assert!(memory.remove(MessageId::numeric(3)));
        assert!(!memory.remove(MessageId::numeric(3)));
        assert_eq!(texts(&memory), ["a", "b", "c"]);
        assert!(!memory.unsay("c") && !memory.reword("c", "d"), "the customer's words");
        assert!(memory.reword("b", "c b"));
        assert_eq!(texts(&memory), ["a", "c b", "c"]);
    }

    #[test]
    fn is_stored_as_an_array_of_messages_and_read_back() {
        for count in [0, 1, 15, 16, 300] {
            let mut memory = Memory::default();
            for id in 0..count {
                memory.insert(said(id, "a word"), 1000);
            }
            let as_array = rmp_serde::to_vec(&memory.messages()).unwrap();
            assert_eq!(memory.encode(), as_array, "{count}");
            assert_eq!(Memory::decode(&as_array).unwrap(), memory, "{count}");
            let with_names = rmp_serde::to_vec_named(&memory.messages()).unwrap();
            assert_eq!(Memory::decode(&with_names).unwrap(), memory, "as earlier versions have stored it");
        }
        assert!(Memory::decode(&[0x91]).is_err());
        let mut memory = Memory::default();
        memory.insert(said(1, &"\u{1f980}".repeat(10_000)), 20);
        assert_eq!(texts(&memory)[0].chars().count(), MAX_CHARS, "a text of the longest letters is clipped, and kept");
    }

    #[test]
    fn messages_of_one_second_stand_as_they_came() {
        let mut memory = Memory::default();
        for (order, id) in [(5, "b"), (5, "c"), (5, "a"), (4, "late"), (5, "d")] {
            memory.insert(Remembered { id: Some(MessageId::opaque(order, id)), ..said(0, id) }, 20);
        }
        assert_eq!(texts(&memory), ["late", "b", "c", "a", "d"]);
    }

    #[test]
    fn a_late_message_stands_before_newer_ones_also_where_the_desk_has_spoken_since() {
        let mut memory = Memory::default();
        memory.insert(said(1, "1"), 20);
        memory.insert(said(3, "3"), 20);
        memory.insert(Memory::spoken("desk", Timestamp::from_secs(2)), 20);
        memory.insert(said(2, "2"), 20);
        memory.insert(said(4, "4"), 20);
        assert_eq!(texts(&memory), ["1", "2", "3", "desk", "4"]);
    }
}
