//! What the desk has said and its store has forgotten. What the customer had asked before it may be answered, in part or in
//! full: only a person can tell.
//!
//! A text that carries an id of ours is known for ours by that id alone. At a vendor that cannot carry one, every message
//! that left through the desk's account and that no row knows may be another program's. It counts only while the store is
//! known to have forgotten something (see [`crate::flow::Flow::distrust`]): until a look has closed that gap, and for as
//! long as the vendor may take to show what had left before it.

#![deny(clippy::disallowed_methods)]

use crate::domain::Event;
use crate::flow::desk::Desk;
use crate::flow::outbox::RowState;
use crate::flow::phase::{Owed, Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::{Author, Seen};
use crate::time::Timestamp;

/// A text of ours that no row of this record knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It stands here.
    Here(MessageId),
    /// It left at this moment, or something happened to it then: such a vendor does not tell where it stands.
    At(Timestamp),
}

impl Said {
    /// Returns whether it was said after this.
    fn is_after(self, id: MessageId, at: Timestamp) -> bool {
        match self {
            Said::Here(here) => id < here,
            Said::At(then) => at < then,
        }
    }
}

impl Desk<'_> {
    /// Returns whether a message that left through our account and that no row knows may be one the store has forgotten.
    fn may_have_forgotten(&self) -> bool {
        let volatile = &self.common.volatile;
        volatile.forgot_until.is_some_and(|until| volatile.gap || volatile.suspect || self.ctx.now <= until)
    }

    /// A look has closed the gap: what is shown from here on that no row knows is another program's.
    pub(super) fn outlive_forgetting(&mut self) {
        let now = self.ctx.now;
        self.common.volatile.forgot_until.take_if(|until| *until < now);
    }

    /// Returns the text of ours that an event tells of and that this record has never made.
    pub(super) fn forgotten(&mut self, event: &Event) -> Option<Said> {
        match event {
            Event::Echo { row, id } => {
                self.common.outbox.has_forgotten(row, self.common.epoch).then_some(Said::Here(*id))
            }
            Event::Carried { .. } => self.forgotten_carried(event),
            Event::CustomerWrote(_)
            | Event::PersonWrote { .. }
            | Event::OtherWrote { .. }
            | Event::Fared { .. }
            | Event::Ordered { .. }
            | Event::Edited { .. }
            | Event::Deleted { .. }
            | Event::Assigned
            | Event::StateChanged
            | Event::StatusChanged { .. }
            | Event::Missed { .. } => None,
        }
    }

    /// See [`Desk::forgotten`], of events that carry no id of ours.
    pub(super) fn forgotten_carried(&self, event: &Event) -> Option<Said> {
        let Event::Carried { id, at, text } = event else { return None };
        (self.may_have_forgotten() && self.is_nobodys(*id, *at, text)).then_some(Said::At(*at))
    }

    /// Returns the texts of ours that a look shows and that this record has never made.
    pub(super) fn forgotten_in(&mut self, messages: &[Seen]) -> Vec<Said> {
        let mut forgotten = Vec::new();
        for message in messages {
            match &message.author {
                Author::Us(id) if self.common.outbox.by_id(id).is_some() => {}
                Author::Us(id) => {
                    let ours = self.common.outbox.has_forgotten(id, self.common.epoch);
                    forgotten.extend(ours.then_some(Said::Here(message.id)));
                }
                Author::Carried if self.may_have_forgotten() => {
                    let nobodys = self.is_nobodys(message.id, message.at, &message.text);
                    forgotten.extend(nobodys.then_some(Said::At(message.at)));
                }
                Author::Carried | Author::Person | Author::Customer | Author::Private | Author::Other => {}
            }
        }
        forgotten
    }

    /// Returns whether no row is or was this message, as far as this record knows.
    fn is_nobodys(&self, id: MessageId, at: Timestamp, text: &str) -> bool {
        !self.common.landed.holds(id) && self.common.carries(id, at, text).is_none()
    }

    /// The desk has said something that this record knows nothing of: if it may be the answer to what is open, a person is
    /// fetched.
    pub(super) fn said_and_forgotten(&mut self, phase: &Phase, said: &[Said], heard: &[Signal]) -> Option<Signal> {
        if said.is_empty() {
            return None;
        }
        let before = |id: MessageId, at: Timestamp| said.iter().any(|said| said.is_after(id, at));
        let asked = |owed: &Owed| before(owed.id, owed.at);
        let owed = self.common.owed.iter().any(asked) || self.is_about_to_answer(asked);
        let wrote = heard.iter().any(|signal| matches!(signal, Signal::Wrote(wrote) if before(wrote.id, wrote.at)));
        let spoke = self.common.unheard.iter().any(|unheard| before(unheard.id, unheard.at));
        let open = match phase {
            Phase::Bot(_) => owed || wrote || spoke,
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) => wrote || spoke,
            Phase::Human(_) => false,
        };
        self.why = Some("the store has forgotten what the desk said");
        open.then_some(Signal::FetchPerson(Reason::Interrupted))
    }

    /// Returns whether an answer to such a question waits to leave.
    fn is_about_to_answer(&self, asked: impl Fn(&Owed) -> bool) -> bool {
        let waits = |state: &RowState| matches!(state, RowState::Queued | RowState::Waiting { .. });
        self.common.outbox.rows().iter().any(|row| waits(&row.state) && row.answers.iter().any(&asked))
    }
}
