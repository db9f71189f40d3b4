//! Shadow mode: people have every conversation, and the desk only shows them what it would have said. The phase is always
//! [`Human`], so that nothing addressed to a customer can pass the claim; the turn runs inside it, and what it leads to
//! becomes a private note ([`Desk::draft`]). There is no gate: nothing a draft holds reaches the customer.

use crate::flow::desk::{Desk, Next};
use crate::flow::effect::Effect;
use crate::flow::outbox::Tie;
use crate::flow::phase::{Back, Bot, Doing, Human, Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;

/// Gives the conversation to the people, where the desk had it until now.
pub(crate) fn enter(phase: &mut Phase, desk: &mut Desk<'_>) {
    let parked = match phase {
        Phase::Human(human) => {
            (human.pickup, human.reclaim) = (None, None);
            return;
        }
        Phase::PendingVerification(pending) => Some(pending.challenge.clone()),
        Phase::Bot(_) => {
            desk.effects.push(Effect::AbortModel);
            None
        }
        Phase::AwaitingEmail(_) => None,
    };
    let human = desk.in_hand(Reason::ShadowMode, false, parked);
    if !desk.common.first_words.is_empty() {
        // The customer has written already, perhaps before the mode was turned on.
        human.open_if_pending(desk);
    }
    *phase = Phase::Human(human);
}

impl Human {
    /// Hears a signal in shadow mode.
    pub(super) fn overhear(&mut self, desk: &mut Desk<'_>, signal: Signal) -> Next {
        match signal {
            Signal::Wrote(message) => self.draft_for(desk, &message),
            Signal::Spoke(id) => self.listen_for_draft(desk, id),
            Signal::Deleted(id) => {
                let next = self.draft.deleted(desk, id);
                self.digest(desk, next)
            }
            Signal::Replied { ticket, result } => {
                let next = self.draft.replied(desk, ticket, result);
                self.digest(desk, next)
            }
            Signal::Fresh { .. } => {
                let next = self.draft.fresh(desk);
                self.digest(desk, next)
            }
            Signal::Tick if self.quiet || desk.ctx.human_mode => {
                self.drop_drafts(desk);
                Next::Stay
            }
            Signal::Tick => {
                let next = self.draft.tick(desk);
                self.digest(desk, next)
            }
            Signal::TakenOver(reason) => self.watched(desk, &reason),
            Signal::FetchPerson(Reason::Operator) => self.hush(desk),
            Signal::FetchPerson(reason) => {
                let next = Next::Go(desk.fetch_person(reason, None));
                self.digest(desk, next)
            }
            Signal::HandedBack(Back::Resolved) => {
                self.drop_drafts(desk);
                (self.touched, self.quiet) = (false, false);
                desk.ignore("resolved: nothing is owed any more")
            }
            Signal::HandedBack(Back::Order) => {
                self.quiet = false;
                desk.ignore("shadow mode: drafts are made again, people keep it")
            }
            Signal::HandedBack(Back::Pending | Back::Assigned | Back::ModeOff) => {
                desk.ignore("shadow mode: people keep it")
            }
            Signal::Forgotten => {
                self.drop_drafts(desk);
                Next::Stay
            }
            Signal::Proven(verified) => {
                if desk.common.verified.is_none() {
                    desk.admit(verified);
                }
                Next::Stay
            }
            Signal::Confirmed(id) => self.confirmed(desk, &id),
            Signal::Disowned(id) => self.disowned(desk, &id),
            Signal::Mail(_) => desk.ignore("shadow mode: the mail is not announced"),
        }
    }

    /// The customer wrote: the people can see it, and a draft is begun, also where a person has the conversation.
    fn draft_for(&mut self, desk: &mut Desk<'_>, message: &crate::domain::CustomerMessage) -> Next {
        desk.lang_of(&message.text);
        self.open_if_pending(desk);
        if self.quiet || desk.ctx.human_mode {
            return desk.ignore("no drafts are wanted here");
        }
        let next = self.draft.wrote(desk, message);
        self.digest(desk, next)
    }

    /// The customer said something: the people can hear it, and a draft waits for what it says.
    fn listen_for_draft(&mut self, desk: &mut Desk<'_>, id: MessageId) -> Next {
        self.open_if_pending(desk);
        if self.quiet || desk.ctx.human_mode {
            desk.drop_recording(id);
            return desk.ignore("no drafts are wanted here");
        }
        self.draft.spoke(desk)
    }

    /// A person did something. Only their own answer makes a draft superfluous.
    fn watched(&mut self, desk: &mut Desk<'_>, reason: &Reason) -> Next {
        if *reason == Reason::PersonWrote {
            (self.touched, self.last_word) = (true, desk.ctx.now);
            self.drop_drafts(desk);
            Next::Stay
        } else if *reason == Reason::ColleagueNote {
            self.hush(desk)
        } else {
            desk.ignore("shadow mode: people have it already")
        }
    }

    /// Somebody wants no drafts here, until they say otherwise.
    fn hush(&mut self, desk: &mut Desk<'_>) -> Next {
        self.quiet = true;
        self.drop_drafts(desk);
        desk.ignore("no drafts are made here until /bot")
    }

    /// Where the turn would have fetched a person it has said so in a note: it is over.
    fn digest(&mut self, desk: &mut Desk<'_>, next: Next) -> Next {
        match next {
            Next::Stay => {}
            Next::Go(_) => {
                self.stop_drafting(desk);
                desk.owe_nothing();
            }
        }
        Next::Stay
    }

    /// The burst needs no draft any more: neither the one being made nor one that has not left.
    fn drop_drafts(&mut self, desk: &mut Desk<'_>) {
        self.stop_drafting(desk);
        desk.owe_nothing();
        desk.common.outbox.cut(|row| row.tie == Tie::Draft);
    }

    /// Ends the turn that makes a draft.
    pub(super) fn stop_drafting(&mut self, desk: &mut Desk<'_>) {
        let thinking = self.draft.turn.as_ref().is_some_and(|turn| matches!(turn.doing, Doing::Thinking { .. }));
        if thinking {
            desk.effects.push(Effect::AbortModel);
        }
        self.draft = Bot::default();
    }
}
