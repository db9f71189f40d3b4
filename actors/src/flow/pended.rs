//! The desk tells the vendor that it has a conversation again by making it pending. Webhooks are late and out of order: that
//! state may be heard after a person's words and look like that person's hand-back, and a state from before it may be heard
//! after it and look like a person who opens the conversation. Here both are told apart.
//!
//! The vendor's answer to the change bears no version, so what is heard next cannot be put before or after it by itself. A
//! look that is begun once the change is known to have landed can.

use crate::domain::{Assignee, ConversationState, Status};
use crate::flow::desk::Desk;
use crate::flow::outbox::{Row, RowState, Tie};
use crate::flow::phase::Phase;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far the clocks of two nodes may be apart, each an hour off and not to the same side: what one of them wrote must not be
/// over too soon for the other.
pub(super) const CLOCKS: Duration = Duration::from_secs(2 * 3600);

/// A row that makes the conversation pending may have left, and the vendor has not shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pended {
    /// From when on nothing of it lands any more.
    until: Timestamp,
    /// Whether it may have left more than once: then one more may follow the first.
    again: bool,
    /// Whether an earlier try of it may land yet: nobody knows that the vendor has finished with it.
    #[serde(default = "unknown_before")]
    loose: bool,
    /// Whether it has landed for certain and nothing of it is on the wire: only its webhook may be late.
    #[serde(default)]
    landed: bool,
    /// Whether nobody heard the end of a try: whoever made it may have stood still with it, for however long.
    #[serde(default)]
    unheard: bool,
    /// Which row and try that is, if there is no other: its end may be heard yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<(u64, u32)>,
    /// Whether a state was heard since that gives the conversation to the people, and may be from before it.
    #[serde(default)]
    doubted: bool,
    /// Whether a person put the conversation away before it was known to have landed: which of the two came first, nobody knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    crossed: bool,
    /// Whether the vendor has shown it pending since, and its end is not heard: what is open in a newer version was opened after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    shown: bool,
}

/// Records of earlier versions do not tell.
const fn unknown_before() -> bool {
    true
}

/// What this node knows of such a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Which it is.
    of: Timestamp,
    /// Since when; `None` if nothing is to be found out about it.
    since: Option<Timestamp>,
}

impl Known {
    /// Returns when it is looked at, should the vendor not have shown it.
    pub(super) fn due(&self, settle: Duration) -> Option<Timestamp> {
        self.since.map(|since| since + settle + Duration::from_millis(1))
    }
}

impl Pended {
    /// Brings it under the reader's clock.
    pub(super) fn trust(&mut self, now: Timestamp, settle: Duration) {
        self.until = self.until.min(now + settle + CLOCKS);
    }

    /// Returns whether it has landed for certain: a look that was begun before proves nothing.
    pub(super) fn has_landed(&self) -> bool {
        self.landed
    }
}

impl Desk<'_> {
    /// A row was claimed.
    pub(crate) fn pend_leaves(&mut self, row: &Row) {
        if row.tie == Tie::Pend {
            let until = self.ctx.now + self.settle() + CLOCKS;
            let before = self.common.pended.filter(|pended| pended.until > self.ctx.now);
            let until = before.map_or(until, |pended| pended.until.max(until));
            let doubted = before.is_some_and(|pended| pended.doubted);
            let unheard = before.is_some_and(|pended| pended.unheard);
            let missing = before.and_then(|pended| pended.missing);
            // By another node's clock it may seem over. A try that did nothing, for certain, is nothing to fear.
            let again = before.is_some() || row.doubted;
            let loose = before.map_or(row.doubted, |pended| pended.loose);
            let crossed = before.is_some_and(|pended| pended.crossed);
            let shown = row.tries > 1 && before.is_some_and(|pended| pended.shown);
            let landed = false;
            self.common.pended =
                Some(Pended { until, again, loose, landed, unheard, missing, doubted, crossed, shown });
            self.common.volatile.pended = Some(Known { of: until, since: Some(self.ctx.now) });
        }
    }

    /// Whoever had claimed a row is gone, or stands still.
    pub(crate) fn pend_is_unheard(&mut self, row: &Row) {
        let Some(pended) = self.common.pended.as_mut().filter(|_| row.tie == Tie::Pend) else { return };
        let this = Some((row.seq, row.tries));
        pended.missing = this.filter(|_| !pended.unheard || pended.missing == this);
        pended.unheard = true;
    }

    /// The end of a try is heard after all. It may have been written a moment ago: every node counts anew.
    pub(super) fn pend_is_heard(&mut self, seq: u64, attempt: u32) {
        let missing = |pended: &&mut Pended| pended.missing == Some((seq, attempt));
        if let Some(pended) = self.common.pended.as_mut().filter(missing) {
            (pended.unheard, pended.missing) = (false, None);
            pended.until = pended.until + Duration::from_millis(1);
            self.common.volatile.pended = Some(Known { of: pended.until, since: Some(self.ctx.now) });
        }
    }

    /// Nobody knows whether a try landed, or may land yet.
    pub(super) fn pend_is_loose(&mut self, row: &Row) {
        if let Some(pended) = self.common.pended.as_mut().filter(|_| row.tie == Tie::Pend) {
            pended.loose = true;
        }
    }

    /// When this node has known of it for the settle time and no row is left, nothing of it is on the wire any more, unless a try
    /// of it went unheard. Counted by this node's clock alone: what is stored may be by another.
    pub(crate) fn outlive_pend(&mut self) {
        let (now, settle, leaves) = (self.ctx.now, self.policy().outbox.settle, self.has_pend_row());
        let Some(pended) = &mut self.common.pended else {
            self.common.volatile.pended = None;
            return;
        };
        let known = self.common.volatile.pended.filter(|known| known.of == pended.until);
        let known = self.common.volatile.pended.insert(known.unwrap_or(Known { of: pended.until, since: Some(now) }));
        let outlived = known.since.is_some_and(|since| now.since(since) > settle);
        if outlived && !leaves && !pended.unheard {
            (pended.landed, pended.again, pended.loose) = (true, false, false);
        }
    }

    /// What the vendor has not shown by then is looked at, so that it does not stay open for long.
    pub(crate) fn settle_pend(&mut self) {
        self.outlive_pend();
        let due = self.common.volatile.pended.and_then(|known| known.since);
        let due = due.is_some_and(|since| self.ctx.now.since(since) > self.policy().outbox.settle);
        let landed = self.common.pended.is_some_and(|pended| pended.landed);
        // The doubt is stored, and the look that is to end it is not: it may have been lost with its process or its commit.
        if due && landed && !self.has_pend_row() || self.is_pend_doubted() {
            self.look();
        }
    }

    /// A look has shown how things are, whatever that was.
    pub(crate) fn pend_is_seen(&mut self) {
        if !self.has_pend_row() {
            self.pend_is_over();
        }
    }

    /// A row did not do what it was to do, for certain. An earlier try of it may have.
    pub(crate) fn pend_failed(&mut self, row: &Row) {
        if row.tie == Tie::Pend {
            self.common.pended.take_if(|pended| !pended.again);
        }
    }

    /// A row landed.
    pub(crate) fn pend_settled(&mut self, row: &Row) {
        match row.tie {
            Tie::Pend => self.pend_landed(),
            // It left after ours, so that no pending state that comes is ours.
            Tie::Open => self.pend_is_over(),
            Tie::Desk | Tie::Answer | Tie::Handoff | Tie::Pickup | Tie::Draft | Tie::Challenge(_) | Tie::Always => {}
        }
    }

    fn pend_landed(&mut self) {
        let pending = self.common.state.as_ref().is_some_and(|state| state.status == Status::Pending);
        // It is shown still: that is all there was to see.
        self.common.pended.take_if(|pended| pended.shown && pending && !pended.again);
        let Some(pended) = &mut self.common.pended else { return };
        // What the vendor has finished with does not land any more.
        pended.again &= pended.loose;
        pended.landed = !pended.again;
        let doubted = pended.doubted;
        // A look that is running may show how things were before: its picture proves nothing.
        self.common.volatile.looking = None;
        if doubted {
            self.look();
        }
    }

    /// The conversation was in another state after ours had landed: what comes from here on is not ours.
    fn pend_is_over(&mut self) {
        if let Some(pended) = &mut self.common.pended {
            pended.doubted = false;
        }
        self.common.pended.take_if(|pended| pended.landed);
    }

    /// The vendor shows ours while the desk has the conversation: it needs no repetition. Where it may have left more than
    /// once, what is shown may be the same one again and again, or the vendor's own doing: until nothing of it can land any
    /// more, another may follow. Where it is on the wire a person may have made it pending just before.
    fn pend_is_shown(&mut self) {
        let Some(pended) = self.common.pended else { return };
        let known = self.common.volatile.pended.filter(|known| known.of == pended.until).and_then(|known| known.since);
        let outlived = known.is_some_and(|since| self.ctx.now.since(since) > self.policy().outbox.settle);
        let rest = Pended { again: pended.again && !outlived, landed: false, doubted: false, shown: true, ..pended };
        let sends = |row: &Row| row.tie == Tie::Pend && matches!(row.state, RowState::Sending { .. });
        let follows = pended.again || pended.unheard || self.common.outbox.rows().iter().any(sends);
        self.common.pended = follows.then_some(rest);
        let wired = |row: &Row| pended.again && matches!(row.state, RowState::Sending { .. });
        self.common.outbox.cut(|row| row.tie == Tie::Pend && row.tries > 0 && !wired(row));
    }

    fn has_pend_row(&self) -> bool {
        self.common.outbox.rows().iter().any(|row| row.tie == Tie::Pend)
    }

    /// Returns whether it is open whose the conversation is, and only a look can tell.
    pub(crate) fn is_pend_doubted(&self) -> bool {
        let doubted = |pended: &super::pended::Pended| pended.doubted && pended.until > self.ctx.now;
        self.common.pended.as_ref().is_some_and(doubted) && !self.has_pend_row()
    }

    /// No look will ever tell. Returns whether one was awaited.
    pub(crate) fn give_up_doubt(&mut self) -> bool {
        let doubted = self.is_pend_doubted();
        if let Some(pended) = &mut self.common.pended {
            pended.doubted = false;
        }
        if let Some(known) = &mut self.common.volatile.pended {
            known.since = None;
        }
        doubted
    }

    /// Returns whether this newer state is pending because of a row of ours that was on its way when a person came: then
    /// nobody has given the conversation back.
    pub(crate) fn is_own_pend(&mut self, phase: &Phase, new: &ConversationState, looked: bool) -> bool {
        if let Some(pended) = &mut self.common.pended {
            pended.crossed |= new.status == Status::Resolved && !pended.landed;
        }
        let Some(pended) = self.common.pended else { return false };
        let Phase::Human(human) = phase else {
            let appeared = self.common.state.as_ref().is_some_and(|old| old.status != Status::Pending);
            // One that was pending before may be from before ours, with an opening of ours in between.
            if new.status == Status::Pending && (appeared || looked && !self.has_pend_row()) {
                self.pend_is_shown();
            }
            return false;
        };
        if new.status != Status::Pending {
            if !looked && pended.landed && human.reclaim.is_none() {
                // Was this before ours or after it? If after, the next pending state is a person's hand-back.
                self.look();
            }
            return false;
        }
        let old = self.common.state.as_ref();
        if old.is_none_or(|old| old.status == Status::Pending) {
            return false;
        }
        if pended.landed && !pended.crossed && old.is_some_and(|old| old.status == Status::Resolved) {
            // Nothing of ours is on the wire: the customer has written again to what had been put away since.
            return false;
        }
        // Whom it is assigned to is never our doing.
        let assigned = new.assignee == Assignee::Us && old.is_some_and(|old| old.assignee != Assignee::Us);
        self.common.pended = pended.again.then_some(Pended { again: false, landed: false, ..pended });
        let ours_alone = pended.until > self.ctx.now && !assigned;
        self.common.unannounced |= ours_alone;
        ours_alone
    }

    /// Returns whether a newer state that gives the conversation to the people may be from before it was given back to the
    /// desk. Nothing is said until a look has told.
    pub(crate) fn may_precede_pend(&mut self, version: u64, looked: bool) -> bool {
        if self.is_since_order(version) {
            return false;
        }
        let leaves = self.has_pend_row();
        let now = self.ctx.now;
        let Some(pended) = self.common.pended.as_mut().filter(|pended| pended.until > now && !pended.shown) else {
            // What the vendor has shown already is not what was before. What has not left yet, for certain, is to end just this.
            let sends = |row: &Row| matches!(row.state, RowState::Sending { .. });
            let waits = |row: &Row| row.tie == Tie::Pend && !row.doubted && !sends(row);
            return self.common.outbox.rows().iter().any(waits);
        };
        if looked && !leaves {
            self.pend_is_over();
            return false;
        }
        pended.doubted = true;
        if !leaves {
            self.why = Some("it may have been opened before the desk took it back: a look tells");
            self.look();
        }
        true
    }
}
