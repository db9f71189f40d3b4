//! Nobody came: the desk fetched a person, and nobody of the company has touched the conversation since. Colleagues are
//! told again, and once more much later; the customer is told the truth; where the operator wants it, the desk takes the
//! conversation back.

use crate::domain::Status;
use crate::flow::desk::{Desk, Next};
use crate::flow::mark::Mark;
use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::{Human, Pickup};
use crate::language::{Phrase, Reason};
use std::time::Duration;

/// How many times as long as the first wait the second one is.
const LONGER: u32 = 3;

/// How often the desk takes a conversation back before a person has been there: a model that cannot answer would otherwise
/// fetch people for ever.
const MAX_RETURNS: u32 = 1;

impl Human {
    /// Does what is due when nobody comes.
    pub(super) fn wait_for_pickup(&mut self, desk: &mut Desk<'_>) -> Next {
        let Some(Pickup { due, told }) = self.pickup else { return Next::Stay };
        let status = desk.common.state.as_ref().map(|state| state.status);
        let put_away = matches!(status, Some(Status::Resolved | Status::Snoozed));
        let Some(after) = desk.policy().handoff.pickup_after.filter(|_| !self.touched && !put_away) else {
            self.pickup = None;
            return Next::Stay;
        };
        if due > desk.ctx.now || desk.ctx.paused {
            return Next::Stay;
        }
        // Somebody may have come unheard: nobody is called, and nothing said, before the vendor was looked at.
        if desk.must_look() {
            desk.look();
            return Next::Stay;
        }
        desk.marks.push(Mark::NotPickedUp);
        desk.why = Some("nobody picked it up");
        let card = desk.waiting_card(&self.reason, self.since);
        if told == 0 && self.may_go_back(desk) {
            desk.push(RowKind::Card(Box::new(card)), Tie::Pickup);
            return self.take_back(desk);
        }
        desk.push(RowKind::Card(Box::new(card)), Tie::Pickup);
        self.pickup = None;
        if told == 0 {
            // Where a person has written, if long ago, or may have opened it, only colleagues are called: nobody is talked over.
            if !self.may_be_in_hand() {
                desk.say_tied(&Phrase::NobodyYet, &Tie::Pickup);
            }
            self.pickup = Some(Pickup { due: desk.ctx.now + longer(after), told: 1 });
        }
        Next::Stay
    }

    /// Returns whether the desk may try again itself: not where somebody wanted a person, and not again and again.
    fn may_go_back(&self, desk: &Desk<'_>) -> bool {
        let wanted = matches!(self.reason, Reason::AskedByCustomer | Reason::AskedByModel(_) | Reason::Operator);
        let wanted = wanted || self.may_be_in_hand();
        let policy = &desk.policy().handoff;
        policy.pickup_handback && !wanted && !desk.ctx.human_mode && desk.common.returned < MAX_RETURNS
    }

    fn take_back(&mut self, desk: &mut Desk<'_>) -> Next {
        desk.common.returned += 1;
        desk.common.waits_since = desk.ctx.now;
        self.pend(desk);
        desk.say_tied(&Phrase::NobodyYetTryAgain, &Tie::Desk);
        desk.marks.push(Mark::HandedBack);
        Next::Go(desk.own_phase(self.parked.take()))
    }
}

fn longer(after: Duration) -> Duration {
    after.saturating_mul(LONGER)
}
