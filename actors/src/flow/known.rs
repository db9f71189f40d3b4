//! What a stored record says without being restored: what is known of the vendor's side, and what is owed. For whoever
//! goes through many conversations and must not start an actor for each.

use crate::domain::{Contact, ConversationState, Event};
use crate::flow::DecodeError;
use crate::flow::outbox::RowState;
use crate::flow::phase::Phase;
use crate::flow::record::{self, Common};
use crate::ids::MessageId;
use crate::time::Timestamp;
use crate::view::PhaseName;

/// A record as stored.
#[derive(Debug)]
pub struct Known {
    common: Common,
    phase: Phase,
}

impl Known {
    /// Reads a record.
    ///
    /// # Errors
    /// [`DecodeError`] if it cannot be read.
    pub fn read(record: &[u8]) -> Result<Self, DecodeError> {
        let (common, phase) = record::decode(record)?;
        Ok(Self { common, phase })
    }

    /// Returns who wrote, as far as known.
    pub fn contact(&self) -> Option<&Contact> {
        self.common.contact.as_ref()
    }

    /// Returns the phase by name.
    pub fn phase_name(&self) -> PhaseName {
        self.phase.name()
    }

    /// Returns the newest vendor id below which everything is known.
    pub fn floor(&self) -> MessageId {
        self.common.watermark
    }

    /// Returns whether the record does not know of an event yet.
    pub fn is_news(&self, event: &Event) -> bool {
        match event {
            Event::CustomerWrote(message) => !self.common.seen.contains(message.id),
            Event::PersonWrote { id, .. } | Event::Ordered { id, .. } => !self.common.seen.contains(*id),
            Event::Echo { row, .. } => self.common.outbox.by_id(row).is_some(),
            Event::Carried { id, at, text } => self.common.carries(*id, *at, text).is_some(),
            Event::Fared { .. } => false,
            Event::Deleted { id } => {
                let mut recordings = self.common.unheard.iter().chain(&self.common.theirs);
                recordings.any(|unheard| unheard.id == *id) || self.common.owed.iter().any(|owed| owed.id == *id)
            }
            Event::Missed { events, .. } => events.iter().any(|event| self.is_news(event)),
            Event::OtherWrote { .. }
            | Event::Edited { .. }
            | Event::Assigned
            | Event::StateChanged
            | Event::StatusChanged { .. } => false,
        }
    }

    /// Returns whether the vendor's state is newer and another than the record's.
    pub fn is_other_state(&self, new: &ConversationState) -> bool {
        self.common
            .state
            .as_ref()
            .is_none_or(|old| new.version >= old.version && (old.status != new.status || old.assignee != new.assignee))
    }

    /// Returns whether something is left to do that somebody must be woken for. Nothing is, where a person has it, where
    /// the customer is asked for their address, and where all is said.
    pub fn needs_wake(&self) -> bool {
        let answer = match &self.phase {
            Phase::Bot(bot) => bot.turn.is_some() || !self.common.owed.is_empty(),
            Phase::Human(human) => human.reclaim.is_some() || human.pickup.is_some() || human.draft.turn.is_some(),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) => false,
        };
        let unheard = self.common.unheard.iter().any(|unheard| unheard.wanted);
        // Held ones are woken for as well: that is how they are counted.
        let outbox = &self.common.outbox;
        answer || unheard || outbox.has_work() || outbox.rows().iter().any(|row| row.state == RowState::Held)
    }

    /// Returns since when the oldest obligation of the desk stands: a question without an answer, or something that has
    /// not left the house. What waits for an operator is not among them.
    pub fn oldest(&self) -> Option<Timestamp> {
        let owed = matches!(self.phase, Phase::Bot(_)).then(|| self.common.owed.iter().map(|owed| owed.at)).into_iter();
        let outbox = &self.common.outbox;
        let rows = outbox.rows().iter().filter(|row| row.state != RowState::Held && !outbox.is_stranded(row));
        let unheard = self.common.unheard.iter().filter(|unheard| unheard.wanted).map(|unheard| unheard.at);
        owed.flatten().chain(unheard).chain(rows.map(|row| row.asked.unwrap_or(row.made))).min()
    }
}
