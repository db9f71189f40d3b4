//! What is owed: which of the customer's messages must be answered, and how many of them a record has room for.

#![deny(clippy::disallowed_methods)]

use crate::flow::desk::Desk;
use crate::flow::phase::Owed;
use crate::ids::MessageId;

/// How many messages may be owed at once whatever they say, how many in all, and how much these may say together, in bytes: a
/// flood beyond that loses its oldest. Where people are slow to come a customer asks more often than one would think.
const MAX_OWED: usize = 40;
const MOST_OWED: usize = 400;
const OWED_BYTES: usize = 32_000;

impl Desk<'_> {
    /// Notes that this message must be answered, in the vendor's order.
    pub(crate) fn owe(&mut self, owed: Owed) {
        let came_in = self.came_in.iter().find(|(of, _)| *of == owed.id).map_or(owed.version, |(_, version)| *version);
        let owed = Owed { version: came_in, ..owed };
        self.common.left.retain(|left| *left != owed.id);
        let at = self.common.owed.partition_point(|earlier| !earlier.id.is_behind(owed.id));
        self.common.owed.insert(at, owed);
        let surplus = beyond_bounds(&self.common.owed);
        self.common.owed.drain(..surplus);
    }

    /// Nothing must be answered any more.
    pub(crate) fn owe_nothing(&mut self) {
        self.common.owed.clear();
        self.common.unheard.clear();
        self.common.theirs.clear();
        self.common.left.clear();
    }

    /// This message must not be answered any more.
    pub(crate) fn owe_no_more(&mut self, id: MessageId) {
        self.common.owed.retain(|owed| owed.id != id);
        self.common.left.retain(|left| *left != id);
        self.drop_recording(id);
    }
}

/// Returns how many of the oldest messages are more than a record has room for.
fn beyond_bounds(owed: &[Owed]) -> usize {
    let (most, sure) = (owed.len().saturating_sub(MOST_OWED), owed.len().saturating_sub(MAX_OWED));
    let mut bytes = 0;
    let fit = owed.iter().rev().take_while(|owed| {
        bytes += owed.text.len();
        bytes <= OWED_BYTES
    });
    owed.len().saturating_sub(fit.count()).min(sure).max(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CustomerMessage;
    use crate::time::Timestamp;

    #[test]
    fn a_flood_is_bounded_by_what_it_says() {
        let owed = |count: u64, text: &str| {
            let message = |number| {
                let (id, at, text) = (MessageId::numeric(number), Timestamp::from_secs(1), text.to_owned());
                Owed::of(&CustomerMessage { id, at, text, attachments: 0, voice: None })
            };
            (0..count).map(message).collect::<Vec<_>>()
        };
        let (long, novel) = ("x".repeat(100), "x".repeat(8_000));
        for (count, text, surplus) in [
            (40, novel.as_str(), 0),
            (45, novel.as_str(), 5),
            (45, "hello?", 0),
            (400, "hello?", 0),
            (401, "hello?", 1),
            (330, long.as_str(), 10),
        ] {
            assert_eq!(beyond_bounds(&owed(count, text)), surplus, "{count} of {} bytes", text.len());
        }
    }
}
