//! What the customer said to the people who had the conversation. A word of a colleague that had given it back before that may
//! be heard later, where notifications are held up: then it is the desk's, whatever the desk has said since.
//!
//! It stops being in question once a person is known to have written after it. Where that person wrote is not known as long as
//! only a look has shown their words (see `placed.rs`).

use crate::domain::{Event, Role};
use crate::flow::desk::Desk;
use crate::flow::phase::{Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;

/// How many messages are kept: as many as can be owed.
const KEPT: usize = 40;

impl Desk<'_> {
    /// A person has it: what the customer had asked before is theirs. What the customer wrote after the words that are heard
    /// so late stays owed, should the conversation come back without having been declared done.
    pub(crate) fn leave_to_people(&mut self, reason: &Reason) {
        let person = self.common.person;
        let spoke = matches!(reason, Reason::PersonWrote | Reason::ColleagueNote);
        let is_theirs = |id: MessageId| !spoke || !id.is_behind(person);
        let asked: Vec<MessageId> =
            self.common.owed.extract_if(.., |owed| is_theirs(owed.id)).map(|owed| owed.id).collect();
        asked.into_iter().for_each(|id| self.leave(id));
        let said: Vec<MessageId> =
            self.common.unheard.iter().map(|unheard| unheard.id).filter(|id| is_theirs(*id)).collect();
        said.into_iter().for_each(|id| self.leave_recording(id));
        if spoke && !self.common.shown.contains(&person) {
            self.has_written(person);
        }
    }

    /// The customer wrote this to whoever has it.
    pub(crate) fn leave(&mut self, id: MessageId) {
        self.common.left.retain(|left| *left != id);
        self.common.left.push(id);
        let surplus = self.common.left.len().saturating_sub(KEPT);
        self.common.left.drain(..surplus);
    }

    /// A person is known to have written here: what stands before it is theirs. Of the same second is what the vendor has told of
    /// before; what only a look has shown may come after it yet.
    fn has_written(&mut self, person: MessageId) {
        let untold = &self.common.untold;
        let after = |id: MessageId| id.is_behind(person) || id.order == person.order && untold.contains(&id.unique);
        self.common.left.retain(|id| after(*id));
        self.common.theirs.retain(|unheard| after(unheard.id));
    }

    /// Only a look has shown what the customer wrote, where the vendor tells no more than seconds.
    pub(super) fn is_untold(&mut self, id: MessageId) {
        if id.order != id.unique && !self.common.seen.contains(id) {
            self.common.untold.push(id.unique);
            let surplus = self.common.untold.len().saturating_sub(KEPT);
            self.common.untold.drain(..surplus);
        }
    }

    /// The vendor tells of an event by itself, in its order.
    pub(super) fn is_told(&mut self, event: &Event) {
        match event {
            Event::CustomerWrote(message) => self.common.untold.retain(|untold| *untold != message.id.unique),
            Event::PersonWrote { id, .. } => self.has_written(*id),
            Event::OtherWrote { .. }
            | Event::Echo { .. }
            | Event::Carried { .. }
            | Event::Fared { .. }
            | Event::Ordered { .. }
            | Event::Edited { .. }
            | Event::Deleted { .. }
            | Event::Assigned
            | Event::StateChanged
            | Event::StatusChanged { .. }
            | Event::Missed { .. } => {}
        }
    }

    /// A colleague has given the conversation back by this order: what the customer wrote since is the desk's to answer. Of the same
    /// second, nobody has answered what is still here. What is not remembered any more only a person can answer.
    pub(super) fn left_since(&mut self, phase: &Phase, order: MessageId) -> Vec<Signal> {
        if matches!(phase, Phase::AwaitingEmail(_) | Phase::PendingVerification(_)) {
            return Vec::new();
        }
        let since = |id: &mut MessageId| id.order >= order.order;
        let ours: Vec<MessageId> = self.common.left.extract_if(.., since).collect();
        let is_it = |id: MessageId| ours.contains(&id);
        let said = self.memory.newest_first().filter(|said| said.role == Role::Customer && said.id.is_some_and(is_it));
        let mut wrote: Vec<Signal> = said.filter_map(|said| said.as_written().map(Signal::Wrote)).collect();
        wrote.reverse();
        if wrote.len() < ours.len() {
            wrote.push(Signal::FetchPerson(Reason::Interrupted));
        }
        wrote
    }
}
