//! What colleagues and operators order: the conversation for people, for the desk, or forgotten.

use crate::domain::{Assignee, ConversationState, Event, Order, Status};
use crate::flow::desk::Desk;
use crate::flow::phase::{Back, Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::view::Intake;

impl Desk<'_> {
    /// A colleague gave an order in a private note: once per id. `overtaken` says that the vendor's state has changed since.
    pub(super) fn ordered_by_note(
        &mut self,
        phase: &Phase,
        (id, order): (MessageId, Order),
        overtaken: bool,
    ) -> (Intake, Vec<Signal>) {
        if !self.first_time(id) {
            return (Intake::Duplicate, Vec::new());
        }
        let signals = match order {
            Order::Human => {
                self.common.person = self.common.person.max(id);
                self.taken_by_words(id, Reason::ColleagueNote)
            }
            // Where the vendor's order does not tell (whole seconds), that of arrival does.
            Order::Bot if overtaken || id.order < self.common.person.order => {
                self.why = Some("a late order: a person has taken it since");
                // Or only an opening of ours has landed since.
                let opened = self.common.opened.is_some() || self.may_be_own_opening();
                self.common.unannounced |= opened && matches!(phase, Phase::Human(_));
                Vec::new()
            }
            Order::Bot => {
                self.common.handed = self.common.handed.max(id);
                let mut signals = self.ordered(order);
                signals.extend(self.left_since(phase, id));
                self.hear_again_since(id);
                signals
            }
            Order::Forget => self.ordered(order),
        };
        (Intake::Accepted, signals)
    }

    /// Returns whether the vendor's state has changed since an event that came with this one. What an order was given in and what
    /// is known now are the same hands: nobody has taken it since.
    pub(super) fn is_overtaken(&self, phase: &Phase, event: &Event, state: Option<&ConversationState>) -> bool {
        let acted_upon = self.common.state.as_ref().map_or(0, |state| state.version);
        let older = state.is_some_and(|state| state.version < acted_upon);
        (older || self.is_ordered_before(event, state)) && !self.is_ordered_in(phase, event, state)
    }

    /// Returns whether this is an order by a note, given in the very state that is known of the conversation. What people have had
    /// again since they were done with it only looks the same.
    fn is_ordered_in(&self, phase: &Phase, event: &Event, state: Option<&ConversationState>) -> bool {
        let again = |state: &ConversationState| matches!(phase, Phase::Human(_)) && self.is_over(state);
        let same = |state: &ConversationState| {
            let known = self.common.state.as_ref();
            known.is_some_and(|known| known.status == state.status && known.assignee == state.assignee) && !again(state)
        };
        matches!(event, Event::Ordered { .. }) && state.is_some_and(same)
    }

    /// Returns whether a note gave it back in a state from before the newest version that was heard of, which may show again what was
    /// known before that note.
    fn is_ordered_before(&self, event: &Event, state: Option<&ConversationState>) -> bool {
        matches!(event, Event::Ordered { order: Order::Bot, .. })
            && state.is_some_and(|state| state.version < self.newest_version())
    }

    /// An operator gives it back to the desk, and nothing says in which version of the vendor's state: a look tells. It may wait
    /// for its turn, and what is opened meanwhile is a person's: as far as is known it was not open when the order was given.
    pub(super) fn resumed(&mut self) {
        self.common.resumed = Some(self.ctx.now);
        if self.has_versions() {
            // One that is running may show how things were before.
            (self.common.volatile.looking, self.common.volatile.resumed) = (None, true);
            self.look();
        }
        if self.common.state.as_ref().is_some_and(is_closed) && !self.may_be_own_opening() {
            self.note_order(Some(self.newest_version()));
        }
    }

    /// The look after an operator's order has shown this: what is open in a newer version was opened by a person since, if it
    /// is not here and no opening of ours may land yet. Returns what that says of what has been heard meanwhile.
    pub(super) fn resumption_is_seen(&mut self, phase: &Phase, state: &ConversationState) -> Option<Signal> {
        if !self.common.volatile.resumed || !is_closed(state) || self.may_be_own_opening() {
            return None;
        }
        self.note_order(Some(state.version));
        let known = self.common.state.as_ref()?;
        let taken =
            known.status == Status::Open && self.is_since_order(known.version) && !self.channel().is_ours(known);
        let reason = match known.assignee {
            Assignee::Person(_) => Reason::PersonAssigned,
            Assignee::Nobody | Assignee::Us | Assignee::OtherBot(_) => Reason::NotPending,
        };
        (taken && !matches!(phase, Phase::Human(_))).then_some(Signal::TakenOver(reason))
    }

    /// Somebody gave an order that is obeyed as it comes.
    pub(super) fn ordered(&mut self, order: Order) -> Vec<Signal> {
        match order {
            Order::Bot => {
                self.note_order(None);
                vec![Signal::HandedBack(Back::Order)]
            }
            Order::Human => vec![Signal::FetchPerson(Reason::Operator)],
            Order::Forget => {
                self.memory.clear();
                self.common.outbox.forget_questions();
                self.memory_dirty = true;
                self.common.first_words.clear();
                self.common.drafts.clear();
                vec![Signal::Forgotten]
            }
        }
    }
}

/// Returns in which version of the vendor's state a note gives the conversation back, where that state is not open: what is open in
/// a newer one was opened since.
pub(super) fn given_back_in(event: &Event, state: Option<&ConversationState>) -> Option<u64> {
    let closed = state.filter(|state| is_closed(state));
    closed.filter(|_| matches!(event, Event::Ordered { order: Order::Bot, .. })).map(|state| state.version)
}

const fn is_closed(state: &ConversationState) -> bool {
    matches!(state.status, Status::Pending | Status::Resolved)
}
