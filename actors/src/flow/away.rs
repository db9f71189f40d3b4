//! Conversations that the vendor opened because the desk did not take its webhooks.
//!
//! Nobody of the company has touched them, and nobody may know of them: operators are told, and where they wish it the
//! desk takes them back, after two complete looks some time apart have shown that they are still untouched.

use crate::domain::{Assignee, ConversationState, Role, Status};
use crate::flow::desk::{Desk, Next};
use crate::flow::mark::Mark;
use crate::flow::outbox::{Row, RowKind, RowState, Tie};
use crate::flow::phase::{Challenge, Human, Owed, Phase, Reclaim};
use crate::language::{Phrase, Reason};
use crate::ports::Act;
use crate::time::Timestamp;
use std::time::Duration;

/// How many looks must agree.
const LOOKS: u32 = 2;

/// How long the end of such a look is waited for before the next is begun.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long after a gap its consequences may still come in as webhooks, where nothing was looked at since.
const AFTERMATH: Duration = Duration::from_secs(120);

/// For how long also a look does not end that: a bot webhook is tried three times, each try takes up to five seconds, and
/// the pauses between them are three. What is lost with the last of them happens after the look.
pub(crate) const LATE_TRIES: Duration = Duration::from_secs(30);

impl Desk<'_> {
    /// Returns whether what is heard at this moment may have happened because webhooks were refused.
    pub(crate) fn in_aftermath(&self) -> bool {
        let volatile = &self.common.volatile;
        let since = self.ctx.now.since(volatile.missed_until);
        since <= LATE_TRIES || volatile.suspect && since <= AFTERMATH
    }

    /// The customer wrote this after the start, and was heard: what happens from here on is not for webhooks that were cut by
    /// the end of the process before. One of two webhooks of a message from before it may have been.
    pub(crate) fn is_heard_from_the_start(&mut self, wrote: Timestamp) {
        let volatile = &mut self.common.volatile;
        if volatile.started && wrote >= volatile.missed_until {
            (volatile.started, volatile.missed_until) = (false, Timestamp::default());
        }
    }

    /// Returns whether this looks like a conversation that the vendor opened because of us, given that webhooks may have
    /// been refused. Whoever opens one by hand is assigned to it, or takes the bot off it where the vendor assigns bots.
    pub(crate) fn is_opened_by_failure(&self, new: &ConversationState) -> bool {
        let old = self.common.state.as_ref();
        let bot_stays = new.assignee == Assignee::Us;
        let left_alone = bot_stays || new.assignee == Assignee::Nobody;
        new.status == Status::Open
            && left_alone
            // Of a conversation never heard of only this tells that it was the bot's.
            && old.map_or(bot_stays, |old| old.status == Status::Pending)
            // The bot was taken off: a person did that.
            && !old.is_some_and(|old| old.assignee == Assignee::Us && !bot_stays)
    }

    /// Returns whether a person has taken it after the gap in which events were missed: an order among those to take it back
    /// came before. The vendor's version cannot tell, where neither a note nor an assignment changes it.
    pub(crate) fn is_taken_since_gap(&self, phase: &Phase) -> bool {
        let missed_until = self.common.volatile.missed_until;
        let taken = matches!(phase, Phase::Human(human) if human.touched && human.last_word >= missed_until);
        taken && missed_until > Timestamp::default()
    }

    /// Returns how the desk goes about taking it back, if it does.
    pub(crate) fn begin_reclaim(&self, reason: &Reason) -> Option<Box<Reclaim>> {
        let wanted = *reason == Reason::DeskAway && self.policy().away.reclaim;
        wanted.then(|| Box::new(Reclaim { looks: 0, at: self.ctx.now }))
    }

    /// Returns whether an answer is queued of which nothing was said yet.
    pub(crate) fn has_unsaid_answer(&self) -> bool {
        let waits = |state: &RowState| matches!(state, RowState::Queued | RowState::Waiting { .. });
        self.common.outbox.rows().iter().any(|row| row.tie == Tie::Answer && row.asked.is_some() && waits(&row.state))
    }

    /// Returns whether anything waits to be said to the customer.
    pub(crate) fn has_unsaid_words(&self) -> bool {
        let waits = |state: &RowState| matches!(state, RowState::Queued | RowState::Waiting { .. });
        let said = |row: &Row| matches!(row.kind, RowKind::Act(Act::Text { .. })) && row.tie != Tie::Always;
        self.common.outbox.rows().iter().any(|row| said(row) && waits(&row.state))
    }

    /// An answer was dropped unsaid: what it would have answered is owed again, as far as it is remembered.
    pub(crate) fn owe_again(&mut self) {
        let unanswered = self.memory.newest_first().take_while(|said| said.role == Role::Customer);
        let asked: Vec<Owed> = unanswered
            .filter_map(|said| {
                Some(Owed { id: said.id?, text: said.text.to_owned(), at: said.at, voice: said.voice, version: 0 })
            })
            .filter(|asked| self.common.owed.iter().all(|owed| owed.id != asked.id))
            .collect();
        asked.into_iter().for_each(|asked| self.owe(asked));
    }

    /// The desk has it again: at the gate, where nothing is answered yet, the customer must learn how to go on.
    pub(crate) fn has_it_again(&mut self, parked: Option<Challenge>) -> Phase {
        let mut phase = self.own_phase(parked);
        self.go_on(&mut phase);
        phase
    }

    fn go_on(&mut self, phase: &mut Phase) {
        if self.common.owed.is_empty() && !self.is_listening() {
            return;
        }
        match phase {
            Phase::AwaitingEmail(awaiting) => {
                awaiting.asked = Some(self.ctx.now);
                self.say(&Phrase::AskEmail);
            }
            Phase::PendingVerification(pending) => {
                let address = pending.challenge.address.clone();
                self.say(&Phrase::Remind { address });
            }
            Phase::Bot(_) | Phase::Human(_) => {}
        }
    }
}

impl Human {
    /// Looks again where the desk means to take it back.
    pub(crate) fn watch_untouched(&mut self, desk: &mut Desk<'_>) {
        let (now, paused) = (desk.ctx.now, desk.ctx.paused);
        if let Some(reclaim) = self.reclaim.as_mut().filter(|reclaim| reclaim.at <= now && !paused) {
            reclaim.at = now + PATIENCE;
            desk.look();
        }
    }

    /// A look is done. One that did not show everything may hide a person: then the desk leaves it to people.
    pub(crate) fn looked(&mut self, desk: &mut Desk<'_>, complete: bool) -> Next {
        let Some(reclaim) = &mut self.reclaim else { return Next::Stay };
        let state = desk.common.state.as_ref();
        let untouched = state.is_some_and(|state| {
            state.status == Status::Open && matches!(state.assignee, Assignee::Nobody | Assignee::Us)
        });
        if self.touched || !complete || !untouched {
            self.reclaim = None;
            return desk.ignore("somebody may have touched it: it stays with the people");
        }
        reclaim.looks += 1;
        reclaim.at = desk.ctx.now + desk.policy().away.pause;
        if reclaim.looks < LOOKS {
            return desk.ignore("nobody has touched it so far");
        }
        self.pend(desk);
        desk.common.outbox.cut(|row| row.tie == Tie::Open);
        desk.why = Some("taken back: nobody touched it");
        desk.marks.push(Mark::HandedBack);
        Next::Go(desk.has_it_again(self.parked.take()))
    }
}
