//! What leaves next: per lane the oldest row, if it is still wanted. Asked twice: before a permit is waited for, and at the
//! claim with the permit in hand.

use crate::domain::Status;
use crate::flow::age::Age;
use crate::flow::desk::Desk;
use crate::flow::effect::Effect;
use crate::flow::mark::{Dropped, Mark};
use crate::flow::outbox::{Lane, Row, RowKind, RowState, Tie};
use crate::flow::phase::{Phase, Signal};
use crate::flow::shadow;
use crate::ids::MessageId;
use crate::journal::{Did, RowName};
use crate::language::Reason;
use crate::ports::Act;

/// The flow's word on a row.
pub(super) enum Wanted {
    Yes,
    No(&'static str),
    /// It has grown too old: drop it and fetch a person.
    Stale,
    /// The desk speaks to nobody here: what it would have said is shown to colleagues.
    Silenced,
}

impl Desk<'_> {
    /// Asks for permits for everything that may leave.
    pub(crate) fn pump(&mut self, phase: &mut Phase) {
        let goes = !self.ctx.paused;
        while goes && self.place(phase) {}
        for lane in Lane::ALL.into_iter().filter(|_| goes) {
            while self.pump_lane(phase, lane) || self.place(phase) {}
        }
        // Time or a row may just have given the conversation to people.
        self.rests_ears(phase);
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
        if self.ctx.paused || !is_head || !is_ready || self.drop_unwanted(phase, seq) || must_look {
            return;
        }
        self.apologise_at_last(seq);
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
            // What an operator sends again may have landed at its first try: a look must show that copy too.
            row.after = if row.decided.is_some() { row.after.min(after) } else { after };
            row.state = RowState::Sending { node, since: now };
            if let Some(place) = &mut row.reply {
                place.tried.get_or_insert(now);
            }
            let row = Box::new(row.clone());
            self.pend_leaves(&row);
            self.opening_leaves(&row);
            self.effects.push(Effect::Send(row));
        }
    }

    pub(super) fn drop_unwanted(&mut self, phase: &mut Phase, seq: u64) -> bool {
        let Some(row) = self.common.outbox.row(seq) else { return true };
        match self.wanted(phase, row) {
            Wanted::Yes => false,
            Wanted::No(why) => {
                self.marks.push(Mark::RowDropped(Dropped::Unwanted));
                self.drop_row(phase, seq);
                self.why = Some(why);
                true
            }
            Wanted::Silenced => {
                self.marks.push(Mark::RowDropped(Dropped::Unwanted));
                if let RowKind::Act(Act::Text { text, .. }) = row.kind.clone() {
                    self.draft(&text, None);
                }
                self.drop_row(phase, seq);
                self.why = Some("shadow mode: nothing is said");
                true
            }
            Wanted::Stale => {
                self.marks.push(Mark::RowDropped(Dropped::Stale));
                self.drop_row(phase, seq);
                super::apply(phase, self, Signal::FetchPerson(Reason::AnswerTooLate));
                true
            }
        }
    }

    fn drop_row(&mut self, phase: &Phase, seq: u64) {
        let Some(row) = self.common.outbox.remove(seq) else { return };
        self.dropped.push(Did::Dropped(RowName { id: row.id.clone(), kind: row.kind.name().into() }));
        let owed: Vec<MessageId> = self.common.owed.iter().map(|owed| owed.id).collect();
        self.unsay(&row);
        if let Phase::Human(human) = phase
            && human.touched
        {
            // What it would have answered is theirs. What was owed before this was left to the desk.
            let spoke = matches!(human.reason, Reason::PersonWrote | Reason::ColleagueNote);
            let person = self.common.person;
            self.common.owed.retain(|again| owed.contains(&again.id) || spoke && again.id.is_behind(person));
        }
    }

    /// Returns the flow's word on a row at this moment.
    pub(super) fn wanted(&self, phase: &Phase, row: &Row) -> Wanted {
        let human = match phase {
            Phase::Human(human) => Some(human),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
        };
        let state = self.common.state.as_ref().map(|state| state.status);
        let pending = state.is_none_or(|status| status == Status::Pending);
        let resolved = state == Some(Status::Resolved);
        if self.in_shadow() && !shadow::may_leave(&row.kind) {
            return Wanted::Silenced;
        }
        let untouched = human.is_none_or(|human| !human.touched);
        let age = row.decided.or(row.asked).unwrap_or(row.made);
        let only_if = |wanted: bool, why| if wanted { Wanted::Yes } else { Wanted::No(why) };
        match &row.tie {
            Tie::Answer if human.is_none() && self.age_of(age) == Age::Stale => Wanted::Stale,
            // Whoever has waited for it all the time needs a person; whoever has just written is answered anew.
            Tie::Desk if human.is_none() && self.has_outlived(age) => {
                let waited = self.is_waited_for(phase, row);
                if waited { Wanted::Stale } else { Wanted::No("it has grown too old to be welcome") }
            }
            Tie::Desk | Tie::Answer if row.decided.is_some() => only_if(untouched, "a person has it"),
            Tie::Desk | Tie::Answer => only_if(human.is_none(), "a person has it"),
            Tie::Pend => only_if(human.is_none() && !resolved, "the conversation need not be given to the desk"),
            Tie::Handoff => {
                // Also where their words were heard late: the card still goes, but nobody says any more that somebody will come.
                let written = human.is_some_and(|human| human.reason == Reason::PersonWrote);
                // Given back since, and with people again: that is another story.
                let earlier = human.is_some_and(|human| row.made < human.since);
                only_if(untouched && !((written || earlier) && row.kind.is_speech()), "a person has written already")
            }
            Tie::Pickup => {
                let put_away = state.is_some_and(|status| matches!(status, Status::Resolved | Status::Snoozed));
                only_if(!put_away && untouched, "somebody has come")
            }
            Tie::Draft => {
                let stale = self.ctx.now.since(row.made) > self.policy().outbox.stale;
                only_if(human.is_some() && !stale, "nobody needs the draft any more")
            }
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
    if matches!(row.tie, Tie::Pickup | Tie::Draft) {
        return true;
    }
    match &row.kind {
        RowKind::Act(act) => match act {
            Act::Text { .. } | Act::Open | Act::Pend => true,
            Act::Note { .. }
            | Act::Dismiss { .. }
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => false,
        },
        RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => false,
    }
}
