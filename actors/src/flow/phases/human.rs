//! A person has it: the desk is silent and remembers, until a later transition gives it back.

use crate::domain::{CustomerMessage, ProofKind, Status, Verified};
use crate::flow::desk::{Desk, Next};
use crate::flow::mark::{GateMark, Mark};
use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::{Back, Fate, Human, MailNews, Owed, Signal};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::Act;

impl Human {
    pub(crate) fn on(&mut self, desk: &mut Desk<'_>, signal: Signal) -> Next {
        if desk.in_shadow() {
            return self.overhear(desk, signal);
        }
        if self.draft.turn.is_some() {
            // The desk speaks again, and people have this conversation: it keeps out of it.
            self.stop_drafting(desk);
        }
        match signal {
            Signal::Wrote(message) => self.wrote(desk, &message),
            Signal::Spoke(id) => self.spoke(desk, id),
            Signal::Deleted(id) => {
                desk.owe_no_more(id);
                Next::Stay
            }
            Signal::TakenOver(reason) => self.touched_by(desk, &reason),
            Signal::FetchPerson(Reason::Operator) if self.is_by_switch() => {
                self.reason = Reason::Operator;
                desk.ignore("a person has it, also when the switch is turned back")
            }
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
            Signal::Mail(news) => {
                if let Some(parked) = self.parked.as_mut().filter(|_| news == MailNews::Sent) {
                    parked.unsent = false;
                }
                desk.ignore("a person has it; the mail is not announced")
            }
            Signal::Replied { .. } => desk.ignore("a late answer: a person has it"),
            Signal::Forgotten => {
                desk.owe_nothing();
                Next::Stay
            }
            Signal::Fresh { complete } => self.looked(desk, complete),
            Signal::Tick => self.tick(desk),
        }
    }

    fn wrote(&mut self, desk: &mut Desk<'_>, message: &CustomerMessage) -> Next {
        // Whoever tells the customer that a person has it speaks their language, from the first message on. What is
        // written to a person later need not be weighed: when the desk answers again it looks at what it answers.
        if desk.common.lang.is_none() {
            desk.lang_of(&message.text);
        }
        if !message.text.trim().is_empty() {
            if self.owes(desk, message.id) {
                desk.owe(Owed::of(message));
            } else {
                desk.leave(message.id);
            }
        }
        self.waited_for(desk, message.id);
        desk.ignore("a person has it")
    }

    /// The customer said something to whoever has it. What nobody has touched is heard when the desk has it again.
    fn spoke(&mut self, desk: &mut Desk<'_>, id: MessageId) -> Next {
        if self.touched {
            desk.leave_recording(id);
        }
        self.waited_for(desk, id);
        desk.ignore("a person has it")
    }

    /// The customer waits: somebody of the company must be able to know.
    fn waited_for(&mut self, desk: &mut Desk<'_>, message: MessageId) {
        self.call_again_for(desk);
        self.call_unseen(desk, message);
        self.call_unannounced(desk);
        self.open_if_pending(desk);
    }

    /// A pending conversation is invisible to the people who have it.
    pub(in crate::flow) fn open_if_pending(&self, desk: &mut Desk<'_>) {
        let pending = desk.common.state.as_ref().is_some_and(|state| state.status == Status::Pending);
        let queued = desk.common.outbox.rows().iter().any(|row| row.tie == Tie::Open);
        if pending && desk.is_opening_unshown() {
            desk.look();
        } else if pending && !queued && self.reason != Reason::OtherBot {
            desk.act(Act::Open, Tie::Open);
        }
    }

    fn touched_by(&mut self, desk: &mut Desk<'_>, reason: &Reason) -> Next {
        // What announces the hand-over must still go out then.
        let rule = desk.channel().assigned_by_rule.is_some_and(|rule| desk.ctx.now.since(self.since) < rule);
        let soon = rule && !self.reason.is_persons_act();
        if *reason == Reason::PersonAssigned && !self.touched && soon {
            return desk.ignore("assigned by the vendor's rule, so far nobody has touched it");
        }
        if !reason.is_persons_act() {
            if self.is_by_switch() && *reason == Reason::OtherBot {
                // Also when the switch is turned back.
                self.reason = Reason::OtherBot;
            }
            return desk.ignore("a person has it already");
        }
        let late = desk.has_versions() && desk.heard_late(reason);
        if late && !self.touched && self.reason.is_persons_act() {
            // More of what was heard late: no more than the words before it does it say that anybody is there. A vendor that tells
            // no states may show them later than they stand.
            self.last_word = desk.ctx.now;
            desk.leave_to_people(reason);
            self.open_if_pending(desk);
            return Next::Stay;
        }
        if late && !self.touched && !self.may_be_in_hand() {
            // The desk had fetched somebody. One came, as far as is known, and may be gone: what was to announce them is not said.
            desk.common.unannounced |= desk.read_back && desk.may_have_opened_unheard();
            return Next::Go(desk.give_way(reason.clone(), self.parked.take()));
        }
        (self.touched, self.called, self.wrote_on) = (true, false, false);
        desk.common.unannounced &= desk.read_back;
        desk.common.unannounced |= desk.read_back && desk.may_have_opened_unheard();
        self.reclaim = None;
        self.pickup = None;
        desk.common.returned = 0;
        self.last_word = desk.ctx.now;
        desk.leave_to_people(reason);
        if desk.common.unannounced && desk.somebody_waits() {
            self.call_unannounced(desk);
        }
        self.open_if_pending(desk);
        Next::Stay
    }

    fn back(&mut self, desk: &mut Desk<'_>, back: Back) -> Next {
        match back {
            Back::Resolved => {
                desk.owe_nothing();
                desk.common.returned = 0;
            }
            Back::ModeOff if !self.is_by_switch() => {
                return desk.ignore("a person touched it, or it was handed over for another reason");
            }
            Back::Assigned => {
                // No earlier order says any more what a newer state means.
                desk.note_order(None);
                self.pend(desk);
            }
            Back::Order | Back::ModeOff => self.pend(desk),
            Back::Pending => {}
        }
        // Whatever a person did unheard came before this.
        desk.close_gap();
        desk.common.opened = None;
        desk.common.volatile.back_doubted = false;
        desk.common.waits_since = desk.ctx.now;
        desk.common.outbox.cut(|row| row.tie == Tie::Open);
        desk.why = Some("handed back");
        desk.marks.push(Mark::HandedBack);
        Next::Go(desk.has_it_again(self.parked.take()))
    }

    /// Tells the vendor that the desk has it again, also where it seems to know: what was last seen may be older than our
    /// own opening. Where open conversations are the desk's anyway there is nothing to tell.
    pub(crate) fn pend(&self, desk: &mut Desk<'_>) {
        let channel = desk.channel();
        let open_and_ours =
            desk.common.state.as_ref().is_some_and(|state| state.status == Status::Open && channel.is_ours(state));
        if !open_and_ours {
            desk.act(Act::Pend, Tie::Pend);
        }
    }

    pub(super) fn confirmed(&mut self, desk: &mut Desk<'_>, id: &str) -> Next {
        let valid = |parked: &crate::flow::phase::Challenge| parked.id == id && parked.expires > desk.ctx.now;
        let Some(challenge) = self.parked.take_if(|parked| valid(parked)) else {
            return desk.ignore("not the open challenge");
        };
        desk.common.spend(challenge.id, Fate::Used);
        desk.confirmed = true;
        desk.admit(Verified { address: Some(challenge.address), at: desk.ctx.now, by: ProofKind::Link });
        Next::Stay
    }

    pub(super) fn disowned(&mut self, desk: &mut Desk<'_>, id: &str) -> Next {
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
        self.watch_untouched(desk);
        self.call_once_open(desk);
        if desk.common.volatile.back_doubted {
            desk.look();
        }
        let idle = desk.channel().human_idle;
        match idle {
            Some(idle) if desk.ctx.now.since(desk.common.idle_since(self.last_word)) >= idle => {
                self.pend(desk);
                desk.common.waits_since = desk.ctx.now;
                desk.why = Some("people were idle");
                desk.marks.push(Mark::HandedBack);
                Next::Go(desk.has_it_again(self.parked.take()))
            }
            Some(_) | None => self.wait_for_pickup(desk),
        }
    }
}
