//! The conversation's memory: the last messages, whoever said them. It is context for the model and may vanish; what is
//! owed lives in the control record.

use crate::domain::{Remembered, Role};
use crate::ids::MessageId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How long one remembered text may be, in characters. A pasted novel must not push the record over store limits.
const MAX_CHARS: usize = 8_000;

/// The last messages, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory {
    messages: Vec<Remembered>,
}

impl Memory {
    /// Returns the messages, oldest first.
    pub fn messages(&self) -> &[Remembered] {
        &self.messages
    }

    /// Remembers a message, in the vendor's order where the id is known, and keeps the newest `limit`.
    pub(crate) fn insert(&mut self, message: Remembered, limit: usize) {
        let message = Remembered { text: clip(message.text), ..message };
        let at = match message.id {
            Some(id) => self
                .messages
                .iter()
                .rposition(|earlier| earlier.role == Role::Desk || earlier.id.is_none_or(|earlier| earlier < id))
                .map_or(0, |index| index + 1),
            None => self.messages.len(),
        };
        self.messages.insert(at, message);
        let surplus = self.messages.len().saturating_sub(limit);
        self.messages.drain(..surplus);
    }

    /// Forgets one message.
    pub(crate) fn remove(&mut self, id: MessageId) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| message.id != Some(id));
        before != self.messages.len()
    }

    /// Forgets the desk's latest words of this text: they never left.
    pub(crate) fn unsay(&mut self, text: &str) -> bool {
        let said = |message: &Remembered| message.role == Role::Desk && message.text == text;
        let at = self.messages.iter().rposition(said);
        at.map(|at| self.messages.remove(at)).is_some()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
    }

    /// Returns the desk's words of one moment, to be remembered.
    pub(crate) fn spoken(text: &str, at: Timestamp) -> Remembered {
        Remembered { id: None, role: Role::Desk, text: text.to_owned(), at }
    }
}

fn clip(text: String) -> String {
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
        }
    }

    #[test]
    fn keeps_the_newest_in_the_vendors_order() {
        let mut memory = Memory::default();
        for id in [1, 3, 2, 5, 4] {
            memory.insert(said(id, &id.to_string()), 4);
        }
        let texts: Vec<&str> = memory.messages().iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts, ["2", "3", "4", "5"]);
    }
}
