//! A person has put the conversation away, and that is heard after it was pending again: their word ended there, and what the
//! customer wrote since is the desk's.

use crate::domain::{ConversationState, CustomerMessage, Role, Status};
use crate::flow::desk::Desk;
use crate::flow::opened::given_back;
use crate::flow::outbox::Tie;
use crate::flow::phase::{Phase, Signal};
use crate::ids::MessageId;
use crate::ports::Act;

/// Of how many of the customer's messages it is known in which state they came.
const KEPT: usize = 8;

impl Desk<'_> {
    /// Notes by which version of the vendor's state a person did something, or what the customer wrote since.
    pub(super) fn note_taken(&mut self, phase: &Phase, (signals, version): (&[Signal], u64), wrote: Option<MessageId>) {
        if signals.iter().any(|signal| matches!(signal, Signal::TakenOver(reason) if reason.is_persons_act())) {
            self.common.taken = self.common.taken.max(version).max(self.common.volatile.version);
            self.common.since_taken.clear();
        }
        let has_it = matches!(phase, Phase::Human(human) if human.touched) && !self.in_shadow();
        if let Some(id) = wrote.filter(|_| has_it && version > 0 && !signals.is_empty()) {
            self.common.since_taken.push((id, version));
            let surplus = self.common.since_taken.len().saturating_sub(KEPT);
            self.common.since_taken.drain(..surplus);
        }
    }

    /// A state from before what is known. Returns what it says that nothing else has said.
    pub(super) fn heard_of_before(&mut self, phase: &Phase, old: &ConversationState) -> Vec<Signal> {
        if self.is_reopened_by_us(phase, old) {
            return vec![given_back(true)];
        }
        if !self.was_put_away(phase, old) {
            return Vec::new();
        }
        self.why = Some("a person had put it away before it was pending again");
        if self.common.outbox.rows().iter().any(|row| row.tie == Tie::Open && row.tries > 0) {
            // Ours for a person who has gone may land yet.
            self.act(Act::Pend, Tie::Pend);
        }
        let mut signals = vec![given_back(true)];
        signals.extend(self.wrote_since(old.version));
        signals
    }

    /// Returns whether whoever has it has put it away since they last did anything, and it has become pending after that.
    fn was_put_away(&self, phase: &Phase, old: &ConversationState) -> bool {
        let pending = self.common.state.as_ref().is_some_and(|state| state.status == Status::Pending);
        let ours = self.common.pended.is_some();
        let touched = matches!(phase, Phase::Human(human) if human.touched) && !self.in_shadow();
        touched && pending && !ours && old.status == Status::Resolved && old.version > self.common.taken
    }

    fn wrote_since(&self, version: u64) -> Vec<Signal> {
        let since = |id: MessageId| self.common.since_taken.iter().any(|(of, came)| *of == id && *came > version);
        let said = self.memory.newest_first().filter(|said| said.role == Role::Customer && said.id.is_some_and(since));
        let wrote = said.filter_map(|said| {
            let (id, text) = (said.id?, said.text.to_owned());
            Some(Signal::Wrote(CustomerMessage { id, at: said.at, text, attachments: 0, voice: None }))
        });
        let mut wrote: Vec<Signal> = wrote.collect();
        wrote.reverse();
        wrote
    }
}
