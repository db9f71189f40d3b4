//! A person's words that are heard late. They give the conversation to the people, but nobody knows when they were written:
//! whoever wrote them may be gone, may have given the conversation back since, and may never learn that the customer waits.

use crate::flow::desk::Desk;
use crate::flow::phase::{Challenge, Human, Phase, Pickup};
use crate::journal::Did;
use crate::language::Reason;

impl Desk<'_> {
    /// Returns whether these are a person's words that may be old: they were read back, or the customer has written since. That
    /// person may be gone, and nobody may know that the customer waits.
    pub(super) fn heard_late(&self, reason: &Reason) -> bool {
        let person = self.common.person;
        let since = self.common.owed.iter().any(|owed| owed.id.is_behind(person))
            || self.common.unheard.iter().any(|unheard| unheard.id.is_behind(person));
        let spoke = matches!(reason, Reason::PersonWrote | Reason::ColleagueNote);
        spoke && self.read_back || *reason == Reason::PersonWrote && since
    }

    /// A person has it, as far as is known: nobody is talked over. What the customer has written since stays owed, and
    /// colleagues are called where nobody comes to it.
    pub(super) fn taken_late(&mut self, reason: Reason, parked: Option<Challenge>) -> Phase {
        self.leave_to_people(&reason);
        self.common.returned = 0;
        let mut human = self.in_hand(reason, false, parked);
        // What was to be said and is not: the customer waits for that, too.
        let unsaid = self.dropped.iter().any(|did| matches!(did, Did::Dropped(row) if row.kind == "text"));
        if unsaid || self.somebody_waits() {
            human.call_again(self);
        }
        Phase::Human(human)
    }

    /// Returns whether the customer is owed an answer, or has said what nobody has heard.
    pub(super) fn somebody_waits(&self) -> bool {
        !self.common.owed.is_empty() || self.is_listening()
    }
}

impl Human {
    /// The customer writes, and whoever of the company wrote last did so unheard: they may be gone.
    pub(crate) fn call_again_for(&mut self, desk: &Desk<'_>) {
        if !self.touched && self.reason.is_persons_act() && self.pickup.is_none() {
            self.call_again(desk);
        }
    }

    /// Colleagues are called where a customer waits whom nobody may know of.
    pub(super) fn call_again(&mut self, desk: &Desk<'_>) {
        let after = desk.policy().handoff.pickup_after;
        self.pickup = after.map(|after| Pickup { due: desk.ctx.now + after, told: 0 });
    }
}
