//! An operator decides about a row whose outcome could not be found out.

use crate::flow::desk::Desk;
use crate::flow::mark::{Dropped, Mark};
use crate::flow::outbox::{Row, RowState};
use crate::flow::phase::Phase;
use crate::flow::pump::Wanted;
use crate::ids::OutboundId;
use crate::view::{Decided, Decision};

impl Desk<'_> {
    /// Sends a held row again under its own id, or drops it. Anything but a held row is the desk's own business.
    pub(crate) fn decide(&mut self, phase: &Phase, id: &OutboundId, decision: Decision) {
        let decided = match self.common.outbox.by_id(id).cloned() {
            None => Decided::NoSuchRow,
            Some(row) if row.state != RowState::Held => Decided::NotHeld(row.state.name()),
            Some(row) => match decision {
                Decision::Resend => self.resend(phase, row),
                Decision::Drop => self.give_up(row.seq),
            },
        };
        self.why = Some(match decided {
            Decided::Done => "an operator decided about a held row",
            Decided::NoSuchRow => "the row is gone",
            Decided::NotHeld(_) => "the row is not held",
            Decided::Unwanted(why) => why,
        });
        self.decided = Some(decided);
    }

    /// The row goes the way of any other from here on. It may have landed unseen, so the vendor is looked at first, from
    /// where the row stood when it was claimed: a look that shows it settles it.
    fn resend(&mut self, phase: &Phase, mut row: Row) -> Decided {
        row.decided = Some(self.ctx.now);
        match self.wanted(phase, &row) {
            Wanted::Yes => {}
            Wanted::No(why) => return Decided::Unwanted(why),
            Wanted::Stale => return Decided::Unwanted("it has grown too old"),
            Wanted::Silenced => return Decided::Unwanted("in shadow mode nothing is said"),
        }
        row.state = RowState::Queued;
        if let Some(known) = self.common.outbox.row_mut(row.seq) {
            *known = row;
        }
        // A look that is running was asked from further up.
        self.common.volatile.looking = None;
        self.common.volatile.suspect = true;
        self.marks.push(Mark::RowResent);
        Decided::Done
    }

    /// Whether it landed stays unknown: what is remembered and what is owed stay as they are.
    fn give_up(&mut self, seq: u64) -> Decided {
        self.common.outbox.remove(seq);
        self.marks.push(Mark::RowDropped(Dropped::Operator));
        Decided::Done
    }
}
