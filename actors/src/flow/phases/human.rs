//! A person has it: the desk is silent and remembers, until a later transition gives it back.

use crate::domain::{CustomerMessage, ProofKind, Status, Verified};
use crate::flow::desk::{Desk, Next};
use crate::flow::mark::{GateMark, Mark};
use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::{Back, Fate, Human, Owed, Signal};
use crate::language::Reason;
use crate::ports::Act;
use std::time::Duration;

/// An assignment this soon after the desk gave the conversation away is the vendor's own: Chatwoot assigns what is opened
/// to whose turn it is. Nobody has read a word yet, so what announces the hand-over must still go out.
const ASSIGNED_BY_RULE: Duration = Duration::from_secs(10);

impl Human {
    pub(crate) fn on(&mut self, desk: &mut Desk<'_>, signal: Signal) -> Next {
        match signal {
            Signal::Wrote(message) => self.wrote(desk, &message),
            Signal::Deleted(id) => {
                desk.common.owed.retain(|owed| owed.id != id);
                Next::Stay
            }
            Signal::TakenOver(reason) => self.touched_by(desk, &reason),
            Signal::FetchPerson(_) => desk.ignore("a person has it already"),
            Signal::HandedBack(back) => self.back(desk, back),
            Signal::Proven(verified) => {
                if desk.common.verified.is_none() {
                    desk.admit(verified);
                }
                Next::Stay
            }
            Signal::Confirmed(id) => self.confirmed(desk, &id),
            Signal::Disowned(id) => self.disowned(desk, &id),
            Signal::Mail(_) => desk.ignore("a person has it; the mail is not announced"),
            Signal::Replied { .. } => desk.ignore("a late answer: a person has it"),
            Signal::Forgotten => {
                desk.common.owed.clear();
                Next::Stay
            }
            Signal::Fresh => Next::Stay,
            Signal::Tick => self.tick(desk),
        }
    }

    fn wrote(&mut self, desk: &mut Desk<'_>, message: &CustomerMessage) -> Next {
        // Whoever tells the customer that a person has it speaks their language, from the first message on.
        desk.lang_of(&message.text);
        if !self.touched && !message.text.trim().is_empty() {
            desk.owe(Owed { id: message.id, text: message.text.clone(), at: message.at });
        }
        self.open_if_pending(desk);
        desk.ignore("a person has it")
    }

    /// A pending conversation is invisible to the people who have it.
    fn open_if_pending(&self, desk: &mut Desk<'_>) {
        let pending = desk.common.state.as_ref().is_some_and(|state| state.status == Status::Pending);
        let queued = desk.common.outbox.rows().iter().any(|row| row.tie == Tie::Open);
        if pending && !queued && self.reason != Reason::OtherBot {
            desk.act(Act::Open, Tie::Open);
        }
    }

    fn touched_by(&mut self, desk: &mut Desk<'_>, reason: &Reason) -> Next {
        match reason {
            Reason::PersonAssigned if !self.touched && desk.ctx.now.since(self.since) < ASSIGNED_BY_RULE => {
                desk.ignore("assigned by the vendor's rule, so far nobody has touched it")
            }
            Reason::PersonWrote | Reason::PersonAssigned | Reason::ColleagueNote => {
                self.touched = true;
                self.last_word = desk.ctx.now;
                desk.common.owed.clear();
                self.open_if_pending(desk);
                Next::Stay
            }
            Reason::AskedByCustomer
            | Reason::AskedByModel(_)
            | Reason::ModelFailed
            | Reason::TurnDeadline
            | Reason::EmptyReply
            | Reason::CannotAnswer
            | Reason::ModelUnauthorized
            | Reason::ModelNotFound
            | Reason::ModelQuota
            | Reason::MailFailed
            | Reason::HumanMode
            | Reason::Operator
            | Reason::NotPending
            | Reason::OtherBot
            | Reason::Interrupted
            | Reason::Poison => desk.ignore("a person has it already"),
        }
    }

    fn back(&mut self, desk: &mut Desk<'_>, back: Back) -> Next {
        match back {
            Back::Resolved => desk.common.owed.clear(),
            Back::ModeOff if !self.is_by_switch() => {
                return desk.ignore("a person touched it, or it was handed over for another reason");
            }
            Back::Order | Back::ModeOff => self.pend(desk),
            Back::Pending => {}
        }
        // Whatever a person did unheard came before this.
        desk.close_gap();
        desk.common.outbox.cut(|tie| matches!(tie, Tie::Open));
        desk.why = Some("handed back");
        desk.marks.push(Mark::HandedBack);
        Next::Go(desk.own_phase(self.parked.take()))
    }

    /// Tells the vendor that the desk has it again, also where it seems to know: what was last seen may be older than our
    /// own opening. Where open conversations are the desk's anyway there is nothing to tell.
    fn pend(&self, desk: &mut Desk<'_>) {
        let channel = desk.channel();
        let open_and_ours =
            desk.common.state.as_ref().is_some_and(|state| state.status == Status::Open && channel.is_ours(state));
        if !open_and_ours {
            desk.act(Act::Pend, Tie::Pend);
        }
    }

    fn confirmed(&mut self, desk: &mut Desk<'_>, id: &str) -> Next {
        let valid = |parked: &crate::flow::phase::Challenge| parked.id == id && parked.expires > desk.ctx.now;
        let Some(challenge) = self.parked.take_if(|parked| valid(parked)) else {
            return desk.ignore("not the open challenge");
        };
        desk.common.spend(challenge.id, Fate::Used);
        desk.confirmed = true;
        desk.admit(Verified { address: Some(challenge.address), at: desk.ctx.now, by: ProofKind::Link });
        Next::Stay
    }

    fn disowned(&mut self, desk: &mut Desk<'_>, id: &str) -> Next {
        let Some(challenge) = self.parked.take_if(|parked| parked.id == id) else {
            return desk.ignore("not the open challenge");
        };
        desk.common.spend(challenge.id, Fate::Disowned);
        desk.gate_mark(GateMark::Disowned);
        desk.push(RowKind::Bar(challenge.address), Tie::Always);
        Next::Stay
    }

    /// Nobody of the company has written for long enough: the desk takes it back, where the channel allows that.
    fn tick(&mut self, desk: &mut Desk<'_>) -> Next {
        let idle = desk.channel().human_idle;
        match idle {
            Some(idle) if desk.ctx.now.since(self.last_word) >= idle => {
                self.pend(desk);
                desk.why = Some("people were idle");
                desk.marks.push(Mark::HandedBack);
                Next::Go(desk.own_phase(self.parked.take()))
            }
            Some(_) | None => Next::Stay,
        }
    }
}
