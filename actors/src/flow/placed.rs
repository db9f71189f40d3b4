//! Where messages stand whose vendor does not say so at first: people's words that a look showed under the time of the last thing
//! that happened to them, and requests, which have no time at all.

use crate::domain::Event;
use crate::flow::desk::Desk;
use crate::ids::MessageId;

/// How many words of people are remembered whose place is not known.
const KEPT: usize = 8;

impl Desk<'_> {
    /// A look has shown a person's words for the first time. A vendor that does not number its messages may show them later
    /// than they stand; what it tells of them by itself says where.
    pub(super) fn is_shown(&mut self, id: MessageId) {
        if id.order == id.unique {
            return;
        }
        self.common.shown.push(id);
        let surplus = self.common.shown.len().saturating_sub(KEPT);
        self.common.shown.drain(..surplus);
    }

    /// The vendor tells by itself of a person's words: where a look has shown them, they stand here and not there. An order to
    /// take the conversation back that comes after them is not late then.
    pub(super) fn is_placed(&mut self, id: MessageId) {
        let is_it = |shown: &mut MessageId| shown.unique == id.unique && id.order < shown.order;
        let Some(shown) = self.common.shown.extract_if(.., is_it).last() else { return };
        if self.common.person == shown {
            self.common.person = self.common.shown.iter().copied().fold(id, MessageId::max);
        }
    }

    /// A request stands behind whatever this conversation has heard of, as it comes: its time is that of the node to which it
    /// came, and no two clocks are compared.
    pub(super) fn stands_last(&self, mut event: Event) -> Event {
        if let Event::CustomerWrote(message) = &mut event {
            let newest = self.common.seen.newest().order;
            if message.id.order <= newest {
                message.id.order = newest + 1;
            }
        }
        event
    }
}
