//! Nobody may know. What the desk itself does to the status of a conversation may land late: an opening after people have given
//! the conversation back looks like a person who opens it, a change to pending after a person came is undone by the desk, and
//! may have been that person's hand-back. The people have it, as far as is known, and nobody is talked over. But it may be
//! that none of them knows: when the customer waits, colleagues are called.

use crate::domain::Status;
use crate::flow::desk::Desk;
use crate::flow::mark::Mark;
use crate::flow::outbox::{Row, RowKind, Tie};
use crate::flow::phase::{Challenge, Human, Phase};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A row that opens the conversation may have left, and may land yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// From when on nothing of it lands any more, by whichever clock.
    until: Timestamp,
    /// Whether a try of it was left to itself, so that it may land whatever becomes of the others.
    loose: bool,
    /// Whether it has landed for certain: only its webhook may be late.
    landed: bool,
    /// Whether colleagues have been called because of it since people have the conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    called: bool,
}

impl Desk<'_> {
    /// A row was claimed.
    pub(crate) fn opening_leaves(&mut self, row: &Row) {
        if row.tie == Tie::Open {
            let until = self.ctx.now + self.settle() + super::pended::CLOCKS;
            let loose = self.common.opening.map_or(row.tries > 1, |opening| opening.loose);
            self.common.opening = Some(Opening { until, loose, landed: false, called: false });
        }
    }

    /// Nobody knows whether a try landed, or may land yet.
    pub(super) fn opening_is_loose(&mut self, row: &Row) {
        if let Some(opening) = self.common.opening.as_mut().filter(|_| row.tie == Tie::Open) {
            opening.loose = true;
        }
    }

    /// A try did nothing, for certain.
    pub(super) fn opening_failed(&mut self, row: &Row) {
        if row.tie == Tie::Open {
            self.common.opening.take_if(|opening| !opening.loose);
        }
    }

    /// A row landed: what the vendor has not shown yet may be heard after the conversation was given back.
    pub(super) fn opening_lands(&mut self, row: &Row) {
        if let Some(opening) = self.common.opening.as_mut().filter(|_| row.tie == Tie::Open) {
            opening.landed = !opening.loose;
        }
    }

    /// The vendor has shown the conversation open while people have it.
    pub(super) fn opening_is_past(&mut self) {
        self.common.opening.take_if(|opening| opening.landed);
    }

    /// Returns whether a conversation that is found open may have been opened by the desk, before it was given back.
    pub(super) fn may_be_own_opening(&self) -> bool {
        self.common.opening.is_some_and(|opening| opening.until > self.ctx.now)
    }

    /// Returns whether people may have given the conversation back unheard, before an opening of ours landed late.
    fn may_have_missed_a_hand_back(&self) -> bool {
        let missed = self.common.volatile.gap || self.common.volatile.suspect;
        missed && self.may_have_opened_unheard()
    }

    /// Returns whether an opening of ours may land yet, or has, and nobody heard: what people did meanwhile may be over.
    pub(super) fn may_have_opened_unheard(&self) -> bool {
        self.may_be_own_opening() && self.common.opening.is_some_and(|opening| opening.loose && !opening.called)
    }

    /// The desk has the conversation again: an opening of ours that lands from here on is news to everybody.
    pub(super) fn opening_is_news(&mut self) {
        if let Some(opening) = &mut self.common.opening {
            opening.called = false;
        }
    }

    /// People have it, and it may be that the desk's own opening is all there was.
    pub(super) fn taken_unannounced(&mut self, reason: Reason, parked: Option<Challenge>) -> Phase {
        let mut human = self.in_hand(reason, false, parked);
        self.common.unannounced = true;
        if self.somebody_waits() {
            human.call_unannounced(self);
        }
        Phase::Human(human)
    }
}

impl Human {
    /// The customer waits, and it may be that nobody of the company knows: colleagues are called. The customer is told nothing,
    /// because somebody may be there.
    pub(crate) fn call_unannounced(&mut self, desk: &mut Desk<'_>) {
        if !std::mem::take(&mut desk.common.unannounced) && !desk.may_have_missed_a_hand_back() {
            return;
        }
        if let Some(opening) = &mut desk.common.opening {
            opening.called = true;
        }
        if self.touched {
            return self.post_card(desk, Tie::Always);
        }
        self.post_card(desk, Tie::Handoff);
        self.call_again(desk);
    }

    /// The customer writes behind what a person did, and the desk's opening has not been shown since: whoever it was may have put
    /// the conversation away, unheard, and the people may never see that it has come back. Colleagues are called, once; if the
    /// customer writes on, once more when it is open.
    pub(crate) fn call_unseen(&mut self, desk: &mut Desk<'_>, message: MessageId) {
        let pending = desk.common.state.as_ref().is_some_and(|state| state.status == Status::Pending);
        let opens = desk.common.outbox.rows().iter().any(|row| row.tie == Tie::Open) || desk.is_opening_unshown();
        let behind = message.is_behind(desk.common.person);
        if !self.touched || !pending || !opens || !behind || !desk.has_versions() {
            return;
        }
        if self.called {
            self.wrote_on = true;
        } else {
            // Our opening may land yet, after they have given it back: that is another matter.
            self.called = true;
            self.post_card(desk, Tie::Always);
        }
    }

    /// The desk's opening has landed, and the customer had written on since colleagues were called: whoever came may have put the
    /// conversation away in between, and none of them has heard of what was written after that.
    pub(crate) fn call_once_open(&mut self, desk: &mut Desk<'_>) {
        let opens = desk.common.outbox.rows().iter().any(|row| row.tie == Tie::Open);
        if !opens && std::mem::take(&mut self.wrote_on) {
            self.post_card(desk, Tie::Always);
        }
    }

    fn post_card(&self, desk: &mut Desk<'_>, tie: Tie) {
        desk.marks.push(Mark::HandedOff(self.reason.clone()));
        let card = Box::new(desk.card(&self.reason));
        desk.push(RowKind::Card(card), tie);
    }

    /// Returns whether a person may be at it, although nobody is known to be there: one wrote, if long ago, or opened it.
    pub(crate) fn may_be_in_hand(&self) -> bool {
        self.reason.is_persons_act() || self.reason == Reason::NotPending
    }
}
