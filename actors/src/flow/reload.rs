//! A conversation comes back from the store: to a process that has not known it, to an actor that knew it a moment ago,
//! or out of a store that has forgotten what was written last.

use crate::flow::memory::Memory;
use crate::flow::outbox::RowState;
use crate::flow::phase::{Doing, Phase, Turn};
use crate::flow::record::{self, DecodeError, Volatile};
use crate::flow::{Ctx, Flow};
use crate::time::Timestamp;

/// What an actor goes on knowing when another node's write makes it read its conversation again: no time has passed in
/// which an event could have been missed.
#[derive(Debug, Clone)]
pub struct Kept {
    volatile: Volatile,
    turn: Option<Box<Turn>>,
    /// Whether the vendor was known to have made the conversation pending at our request.
    pended: bool,
}

impl Kept {
    /// The permit that was in hand for this row is gone: it asks for another.
    #[must_use]
    pub fn without_permit(mut self, row: u64) -> Self {
        self.volatile.acquiring.retain(|waiting| *waiting != row);
        self
    }
}

impl Flow {
    /// Restores a conversation as stored. Rows that were on the wire are of unknown outcome now, and unfinished work must
    /// look before it speaks: whoever worked on it is gone.
    ///
    /// # Errors
    /// [`DecodeError`] if the record cannot be read. A damaged memory is no error: it is context only.
    pub fn restore(ctx: &Ctx<'_>, record: &[u8], memory: Option<&[u8]>) -> Result<Self, DecodeError> {
        let mut flow = Self::read(ctx, record, memory)?;
        flow.doubt_the_wire(ctx);
        flow.common.volatile.gap = flow.has_work();
        Ok(flow)
    }

    /// Reads a conversation again that this node has held all along, because another node has written. What runs here for
    /// the turn goes on, unless the other node started the turn over or answered what it is about.
    ///
    /// # Errors
    /// [`DecodeError`] if the record cannot be read.
    pub fn resume(ctx: &Ctx<'_>, record: &[u8], memory: Option<&[u8]>, kept: &Kept) -> Result<Self, DecodeError> {
        let mut flow = Self::read(ctx, record, memory)?;
        // What the other node wrote may have been due before this node last handled something.
        flow.common.volatile = Volatile { handled: None, ..kept.volatile.clone() };
        flow.doubt_the_wire(ctx);
        if flow.doubts_what_another_sent() || flow.has_pended() && !kept.pended {
            // A look that is running here may have been answered before that row could be seen: its picture proves nothing.
            flow.common.volatile.looking = None;
        }
        flow.wait_for_what_another_sent(ctx);
        let owed: Vec<_> = flow.common.owed.iter().map(|owed| owed.id).collect();
        if let (Phase::Bot(bot), Some(before)) = (&mut flow.phase, &kept.turn)
            && let Some(turn) = bot.turn.as_mut().filter(|turn| turn.restarts == before.restarts)
        {
            let goes_on = match &before.doing {
                Doing::Thinking { ids, .. } => ids.iter().all(|id| owed.contains(id)),
                Doing::Looking => kept.volatile.looking.is_some(),
                Doing::Waiting => false,
            };
            if goes_on {
                (turn.doing, turn.deadline) = (before.doing.clone(), before.deadline);
            }
        }
        Ok(flow)
    }

    /// Returns whether there is a row of unknown outcome that this node has not known of.
    fn doubts_what_another_sent(&self) -> bool {
        let known = |of| self.common.volatile.waiting.iter().any(|waiting| waiting.of == of);
        self.common.outbox.rows().iter().any(|row| match row.state {
            RowState::Unknown { since, .. } => !known((row.seq, since)),
            RowState::Queued | RowState::Waiting { .. } | RowState::Sending { .. } | RowState::Held => false,
        })
    }

    /// Returns whether the conversation was made pending at our request, for certain, and the vendor has not shown it.
    fn has_pended(&self) -> bool {
        self.common.pended.is_some_and(|pended| pended.has_landed())
    }

    /// Counts from this moment on what this node has not counted itself, or another one has counted meanwhile.
    fn wait_for_what_another_sent(&mut self, ctx: &Ctx<'_>) {
        for row in self.common.outbox.rows() {
            if let RowState::Unknown { since, waited, .. } = row.state {
                self.common.volatile.wait_for((row.seq, since), waited, ctx.now);
            }
        }
    }

    /// Returns what is to be known again after the conversation was read anew.
    pub fn keep(&self) -> Kept {
        let turn = match &self.phase {
            Phase::Bot(bot) => bot.turn.clone(),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Human(_) => None,
        };
        Kept { volatile: self.common.volatile.clone(), turn, pended: self.has_pended() }
    }

    /// Another node wrote last: it goes on with the turn, and where it dies, `Input::Recovered` says so. If both began it,
    /// the model would be asked twice.
    pub fn leave_turn(&mut self) {
        self.common.volatile.elsewhere = true;
    }

    /// This node wrote last, or is told to go on. Returns whether there is a turn to go on with that it had left alone.
    pub fn take_turn(&mut self) -> bool {
        let left = std::mem::take(&mut self.common.volatile.elsewhere);
        left && (self.has_unheard() || matches!(&self.phase, Phase::Bot(bot) if bot.turn.is_some()))
    }

    /// The store has been started again since this was written, and may have forgotten what was written after it: rows may
    /// have left the house, people may have come. What is not settled is looked up, and nothing is said before a look.
    pub fn distrust(&mut self, ctx: &Ctx<'_>) {
        self.doubt_the_wire(ctx);
        self.doubt_what_waits(ctx);
        // Where texts leave at places nothing can be looked at.
        let blind = !self.common.outbox.replies.is_unused();
        if blind && matches!(self.phase, Phase::Human(_)) && ctx.policy.channel(&self.common.key).human_idle.is_some() {
            self.common.forgot = Some(ctx.now);
        }
        self.common.volatile.suspect = true;
        self.common.volatile.forgot_until = Some(ctx.now + ctx.policy.settle(&self.common.key));
        self.common.volatile.gap |= self.has_work();
        self.common.volatile.fresh = None;
    }

    /// Returns since when people have it.
    pub fn with_people_since(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Human(human) => Some(human.since),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
        }
    }

    fn read(ctx: &Ctx<'_>, record: &[u8], memory: Option<&[u8]>) -> Result<Self, DecodeError> {
        let (mut common, phase) = record::decode(record)?;
        common.volatile = Volatile::begin(ctx);
        let memory = memory.and_then(|bytes| Memory::decode(bytes).ok()).unwrap_or_default();
        let mut flow = Self { common, phase, memory, found: None };
        flow.trust_own_clock(ctx);
        Ok(flow)
    }
}
