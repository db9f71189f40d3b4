//! What leaves next: per lane the oldest row, if it is still wanted. Asked twice: before a permit is waited for, and at the
//! claim with the permit in hand.

use crate::domain::Status;
use crate::flow::desk::Desk;
use crate::flow::effect::Effect;
use crate::flow::mark::{Dropped, Mark};
use crate::flow::outbox::{Lane, Row, RowKind, RowState, Tie};
use crate::flow::phase::{Phase, Signal};
use crate::language::Reason;
use crate::ports::Act;

/// The flow's word on a row.
enum Wanted {
    Yes,
    No(&'static str),
    /// It has grown too old: drop it and fetch a person.
    Stale,
}

impl Desk<'_> {
    /// Asks for permits for everything that may leave.
    pub(crate) fn pump(&mut self, phase: &mut Phase) {
        for lane in Lane::ALL {
            while self.pump_lane(phase, lane) {}
        }
    }

    /// Returns whether the head was dropped, so that the next one is to be considered.
    fn pump_lane(&mut self, phase: &mut Phase, lane: Lane) -> bool {
        let now = self.ctx.now;
        let Some(row) = self.common.outbox.head(lane) else { return false };
        match row.state {
            RowState::Unknown { look_at, .. } if look_at <= now => {
                self.look();
                return false;
            }
            RowState::Waiting { until } if until > now => return false,
            RowState::Unknown { .. } | RowState::Sending { .. } | RowState::Held => return false,
            RowState::Queued | RowState::Waiting { .. } => {}
        }
        let (seq, needs_look) = (row.seq, depends_on_state(row));
        if self.drop_unwanted(phase, seq) {
            return true;
        }
        if needs_look && self.must_look() {
            self.look();
        } else if !self.common.volatile.acquiring.contains(&seq) {
            self.common.volatile.acquiring.push(seq);
            self.effects.push(Effect::Acquire { row: seq, lane });
        }
        false
    }

    /// A permit is there: claims the row, or drops it.
    pub(crate) fn cleared(&mut self, phase: &mut Phase, seq: u64) {
        self.common.volatile.acquiring.retain(|waiting| *waiting != seq);
        let Some(row) = self.common.outbox.row(seq) else {
            self.why = Some("the row is gone");
            return;
        };
        let is_head = self.common.outbox.head(row.kind.lane()).is_some_and(|head| head.seq == seq);
        let is_ready = match row.state {
            RowState::Queued => true,
            RowState::Waiting { until } => until <= self.ctx.now,
            RowState::Sending { .. } | RowState::Unknown { .. } | RowState::Held => false,
        };
        let must_look = depends_on_state(row) && self.must_look();
        if !is_head || !is_ready || self.drop_unwanted(phase, seq) || must_look {
            return;
        }
        self.claim(seq);
    }

    fn claim(&mut self, seq: u64) {
        if !self.common.volatile.gap && !self.common.volatile.suspect {
            self.common.watermark = self.common.watermark.max(self.common.volatile.watermark);
        }
        let after = self.common.watermark;
        let (node, now) = (self.ctx.node.clone(), self.ctx.now);
        if let Some(row) = self.common.outbox.row_mut(seq) {
            row.tries += 1;
            row.after = after;
            row.state = RowState::Sending { node, since: now };
            let row = Box::new(row.clone());
            self.effects.push(Effect::Send(row));
        }
    }

    fn drop_unwanted(&mut self, phase: &mut Phase, seq: u64) -> bool {
        let Some(row) = self.common.outbox.row(seq) else { return true };
        match self.wanted(phase, row) {
            Wanted::Yes => false,
            Wanted::No(why) => {
                self.marks.push(Mark::RowDropped(Dropped::Unwanted));
                self.drop_row(seq);
                self.why = Some(why);
                true
            }
            Wanted::Stale => {
                self.marks.push(Mark::RowDropped(Dropped::Stale));
                self.drop_row(seq);
                super::apply(phase, self, Signal::FetchPerson(Reason::Interrupted));
                true
            }
        }
    }

    fn drop_row(&mut self, seq: u64) {
        if let Some(row) = self.common.outbox.remove(seq) {
            self.unsay(&row);
        }
    }

    fn wanted(&self, phase: &Phase, row: &Row) -> Wanted {
        let human = match phase {
            Phase::Human(human) => Some(human),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
        };
        let pending = self.common.state.as_ref().is_none_or(|state| state.status == Status::Pending);
        let resolved = self.common.state.as_ref().is_some_and(|state| state.status == Status::Resolved);
        let only_if = |wanted: bool, why| if wanted { Wanted::Yes } else { Wanted::No(why) };
        match &row.tie {
            Tie::Answer if human.is_none() && self.ctx.now.since(row.made) > self.policy().outbox.stale => {
                Wanted::Stale
            }
            Tie::Desk | Tie::Answer => only_if(human.is_none(), "a person has it"),
            Tie::Pend => only_if(human.is_none() && !resolved, "the conversation need not be given to the desk"),
            Tie::Handoff => only_if(human.is_none_or(|human| !human.touched), "a person has written already"),
            Tie::Open => only_if(human.is_some() && pending, "the conversation need not be opened"),
            Tie::Challenge(id) => only_if(
                matches!(phase, Phase::PendingVerification(pending) if pending.challenge.id == *id),
                "the challenge has ended",
            ),
            Tie::Always => Wanted::Yes,
        }
    }
}

/// Returns whether the row must not leave before the vendor's state is known to be fresh.
fn depends_on_state(row: &Row) -> bool {
    match &row.kind {
        RowKind::Act(act) => match act {
            Act::Text { .. } | Act::Open | Act::Pend => true,
            Act::Note { .. }
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => false,
        },
        RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => false,
    }
}
