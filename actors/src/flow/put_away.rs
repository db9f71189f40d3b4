//! A person has put the conversation away, and that is heard after what came of it: their word ended there, and what the
//! customer wrote since is the desk's.

use crate::domain::{ConversationState, Role, Status};
use crate::flow::desk::Desk;
use crate::flow::opened::given_back;
use crate::flow::outbox::Tie;
use crate::flow::phase::{Human, Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::Act;

/// Of how many of the customer's messages it is known in which state they came.
const KEPT: usize = 8;

impl Desk<'_> {
    /// Notes by which version of the vendor's state a person did something.
    pub(super) fn note_taken(&mut self, signals: &[Signal], version: u64) {
        if signals.iter().any(|signal| matches!(signal, Signal::TakenOver(reason) if reason.is_persons_act())) {
            self.common.taken = self.common.taken.max(version);
            self.common.since_taken.retain(|(_, came)| *came > version);
        }
    }

    /// Notes in which version of the vendor's state the customer wrote something, also to the person who has it.
    pub(super) fn note_since_taken(&mut self, phase: &Phase, (id, version): (MessageId, u64)) {
        self.came_in.push((id, version));
        let new = self.common.since_taken.iter().all(|(of, _)| *of != id);
        if new && version > 0 && self.is_in_hand(phase) {
            self.common.since_taken.push((id, version));
            let surplus = self.common.since_taken.len().saturating_sub(KEPT);
            self.common.since_taken.drain(..surplus);
        }
    }

    /// The vendor calls it resolved in this version.
    pub(super) fn note_put_away(&mut self, state: &ConversationState) {
        if state.status == Status::Resolved {
            self.common.done = self.common.done.max(state.version);
        }
    }

    /// Returns whether a person's words that came in this state are over: people have been done with it since, whatever came of it.
    pub(super) fn is_over(&self, state: &ConversationState) -> bool {
        state.status != Status::Resolved && state.version < self.common.done
    }

    /// A person's words, or a note by which one takes it: theirs from there on, unless a later note has given it back.
    pub(super) fn taken_by_words(&mut self, id: MessageId, reason: Reason) -> Vec<Signal> {
        if self.common.handed.is_behind(id) {
            self.why = Some("a colleague has given it back after that");
            return Vec::new();
        }
        vec![Signal::TakenOver(reason)]
    }

    /// A state from before what is known. Returns what it says that nothing else has said.
    pub(super) fn heard_of_before(&mut self, phase: &Phase, old: &ConversationState) -> Vec<Signal> {
        let open_or_gone = self.is_reopened_by_us(phase, old);
        if !open_or_gone && !self.is_pending_again(phase, old) {
            return Vec::new();
        }
        let opens = self.common.outbox.rows().iter().any(|row| row.tie == Tie::Open && row.tries > 0);
        if open_or_gone || opens {
            // What the desk opened for a person who has gone, or may yet.
            self.act(Act::Pend, Tie::Pend);
        }
        self.why = Some("a person had put it away before what is known of it");
        let mut signals = vec![given_back(true)];
        signals.extend(self.wrote_since(old.version));
        signals
    }

    /// Returns whether whoever has it has put it away since they last did anything.
    pub(super) fn is_put_away_since(&self, phase: &Phase, old: &ConversationState) -> bool {
        self.is_in_hand(phase) && old.status == Status::Resolved && old.version > self.common.taken
    }

    /// The same, where it has become pending after that, and not by an order of ours.
    fn is_pending_again(&self, phase: &Phase, old: &ConversationState) -> bool {
        let pending = self.common.state.as_ref().is_some_and(|state| state.status == Status::Pending);
        pending && self.common.pended.is_none() && self.is_put_away_since(phase, old)
    }

    fn is_in_hand(&self, phase: &Phase) -> bool {
        let taken = |human: &Human| human.touched || human.reason.is_persons_act();
        matches!(phase, Phase::Human(human) if taken(human)) && !self.in_shadow()
    }

    fn wrote_since(&self, version: u64) -> Vec<Signal> {
        let noted = self.common.since_taken.iter().copied();
        let owed = self.common.owed.iter().map(|owed| (owed.id, owed.version));
        let came: Vec<(MessageId, u64)> = noted.chain(owed).filter(|(_, came)| *came > version).collect();
        let since = |id: MessageId| came.iter().any(|(of, _)| *of == id);
        let said = self.memory.newest_first().filter(|said| said.role == Role::Customer && said.id.is_some_and(since));
        let mut wrote: Vec<Signal> = said.filter_map(|said| said.as_written().map(Signal::Wrote)).collect();
        wrote.reverse();
        wrote
    }
}
